use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use trueup_engine::desired::{Defaults, read};
use trueup_engine::diagnostic::Diagnostics;
use trueup_engine::kind::Registry;
use trueup_engine::manifest::Manifest;
use trueup_engine::render::Inputs;
use trueup_engine::source::{self, Sources};

use super::*;
use crate::project::{self, Project};
use crate::secrecy::Secrecy;
use crate::statements;
use crate::testing::KINDS;
use crate::translate::{Options, translate};

/// What `migrate` writes of a project, and what `--show-queries` shows of it.
fn written(name: &str, globals: &str, resource: &str, iql: &str) -> (Migrated, String) {
    of_folder(&Folder::new(name, globals, resource, iql).0, Registry::new(KINDS))
}

/// A project on disk, gone with the value.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, globals: &str, resource: &str, iql: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("trueup-stackql-migrate-{name}-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("resources")).unwrap();
        let manifest = format!(
            "version: 1\nname: s\nproviders: [awscc]\nglobals:\n  - {{name: region, value: eu-west-1}}\n{globals}\
             resources:\n  - name: vault\n{resource}"
        );
        std::fs::write(folder.join("stackql_manifest.yml"), manifest).unwrap();
        std::fs::write(folder.join("resources/vault.iql"), iql).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// `known`: the types that are known when the project is translated.
fn of_folder(folder: &Path, known: Registry) -> (Migrated, String) {
    let (mut sources, id) = source::load(folder).unwrap();
    let mut found = Diagnostics::new();
    let project = project::read(&mut sources, id, &mut found).unwrap();
    let none = BTreeMap::new();
    let options =
        Options { kinds: known, answers: &none, allow_scripts: false, keep_order: false, selected: &|_| true };
    let manifest = translate(&project, &sources, &options, &mut found);
    assert!(!found.has_errors(), "{found:?}");
    let inputs = || Inputs {
        env: "dev",
        given: vec![("TOKEN".to_owned(), "given-token".to_owned()), ("N".to_owned(), "10".to_owned())],
        files: Vec::new(),
        environment: &|_| None,
        today: (2026, 1, 1),
    };
    both(&project, &manifest, &options, &inputs, &mut sources)
}

fn both<'a>(
    project: &Project,
    manifest: &Manifest,
    options: &Options<'_>,
    inputs: &dyn Fn() -> Inputs<'a>,
    sources: &mut Sources,
) -> (Migrated, String) {
    let reading = read(manifest, &inputs(), Registry::new(KINDS), sources, &Defaults::default());
    assert!(!reading.diagnostics.has_errors(), "{:?}", reading.diagnostics);
    let stack = reading.stack.unwrap();
    let nodes = || reading.desired.iter().map(AsRef::as_ref);
    let migrated = migrate(manifest, &stack, nodes());
    let secret = stack.variables.iter().filter(|variable| variable.secret).map(|variable| variable.name.clone());
    let secret: Vec<String> = secret.chain(stack.protected_of.iter().cloned()).collect();
    let secrecy = Secrecy::of(manifest, &stack, nodes());
    let shown = statements::shown(project, sources, options, inputs(), &secret, &secrecy);
    (migrated, shown)
}

const SECRET_STRING: &str = "/*+ create */\nINSERT INTO awscc.test.vaults (Name, SecretString, region)\nSELECT 'v', \
                             '{{ content }}', '{{ region }}'\n";
const API_KEY: &str = "/*+ create */\nINSERT INTO awscc.test.vaults (Name, AuthParameters, region)\nSELECT 'v', \
                       '{\"ApiKeyName\": \"X-Key\", \"ApiKeyValue\": \"{{ password }}\"}', '{{ region }}'\n";

#[test]
fn nothing_that_a_secret_is_made_of_is_written_out() {
    let cases = [
        ("map", "", "    props:\n      - name: content\n        value: {user: u, password: hunter2}\n", SECRET_STRING),
        ("text", "", "    props:\n      - {name: content, value: '{\"password\": \"hunter2\"}'}\n", SECRET_STRING),
        ("inside", "", "    props:\n      - {name: password, value: hunter2}\n", API_KEY),
        ("global", "  - {name: password, value: hunter2}\n", "", API_KEY),
        (
            "made",
            "  - {name: base, value: hunter2}\n",
            "    props:\n      - {name: password, value: '{{ base }}-{{ TOKEN }}'}\n",
            API_KEY,
        ),
        (
            "template",
            "  - {name: key, value: '{{ TOKEN }}', protected: true}\n",
            "    props:\n      - {name: password, value: '{{ key }}-hunter2', protected: true}\n",
            API_KEY,
        ),
        (
            "open-template",
            "  - {name: key, value: '{{ TOKEN }}'}\n",
            "    props:\n      - {name: content, value: '{{ key }}-hunter2'}\n",
            SECRET_STRING,
        ),
        (
            "choice",
            "",
            "    props:\n      - {name: password, value: \"{{ TOKEN if stack_env == 'prd' else 'hunter2' }}\"}\n",
            API_KEY,
        ),
        (
            "other-environment",
            "",
            "    props:\n      - name: password\n        values: {dev: {value: hunter2}, prd: {value: hunter2-prd}}\n",
            API_KEY,
        ),
        (
            "left-out",
            "",
            "    if: \"{{ stack_env }} == 'prd'\"\n    props:\n      - {name: password, value: hunter2}\n",
            API_KEY,
        ),
    ];
    for (name, globals, resource, iql) in cases {
        let resource = if resource.is_empty() { "    props: []\n" } else { resource };
        let (migrated, shown) = written(name, globals, resource, iql);
        assert!(!migrated.text.contains("hunter2"), "{name}: {}", migrated.text);
        assert!(!migrated.text.contains("given-token"), "{name}: {}", migrated.text);
        assert!(migrated.text.contains("eu-west-1"), "{name}: {}", migrated.text);
        assert!(!migrated.secrets.is_empty(), "{name}: {}", migrated.text);
        assert!(!shown.contains("hunter2") && !shown.contains("given-token"), "{name}: {shown}");
    }
}

#[test]
fn what_is_public_beside_a_secret_stays() {
    let (migrated, shown) = written(
        "beside",
        "  - {name: app, value: orders}\n",
        "    props:\n      - {name: vault_name, value: '{{ app }}-vault'}\n      - {name: note, value: for people}\n      - \
         {name: password, value: '{{ app }}-{{ TOKEN }}'}\n",
        "/*+ create */\nINSERT INTO awscc.test.vaults (Name, Description, AuthParameters, region)\nSELECT '{{ vault_name \
         }}', '{{ note }}', '{\"ApiKeyName\": \"X-Key\", \"ApiKeyValue\": \"{{ password }}\"}', '{{ region }}'\n",
    );
    for text in ["orders", "{{ app }}-vault", "for people", "X-Key"] {
        assert!(migrated.text.contains(text), "{text}: {}", migrated.text);
    }
    for text in ["orders-vault", "for people", "\"ApiKeyValue\": \"********\""] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
}

#[test]
fn json_that_is_text_in_aws_is_written_as_text() {
    // A type whose schema is not at hand while the project is translated.
    let folder = Folder::new(
        "json-text",
        "  - {name: app, value: 'o\"rders'}\n",
        "    props: []\n  - name: other\n    file: other.iql\n    props: \
         []\n",
        "/*+ create */\nINSERT INTO awscc.s3.buckets (Name, Description, region)\nSELECT 'v', '{\"k\": \"{{ app \
         }}-x\", \"c\": [1]}', '{{ region }}'\n",
    );
    std::fs::write(
        folder.0.join("resources/other.iql"),
        "/*+ create */\nINSERT INTO awscc.s3.buckets (Name, Description, region)\nSELECT 'w', '{\"k\": \"plain\"}', \
         '{{ region }}'\n",
    )
    .unwrap();
    let (migrated, _) = of_folder(&folder.0, Registry::new(&[]));
    assert!(
        migrated.text.contains(r#"Description: "{{ ({\"k\": ((app) ~ \"-x\"), \"c\": [1]}) | sql_text }}""#),
        "{}",
        migrated.text
    );
    assert!(migrated.text.contains(r#"Description: "{\"k\":\"plain\"}""#), "{}", migrated.text);
}

#[test]
fn what_an_update_names_is_the_resource() {
    let iql = "/*+ createorupdate */\nUPDATE awscc.s3.buckets SET PatchDocument = string('{{ { \"Description\": note } | \
               generate_patch_document }}')\nWHERE region = '{{ region }}' AND Identifier = '{{ bucket }}'\n";
    let resource = "    props:\n      - {name: bucket, value: my-bucket}\n      - {name: note, value: text}\n";
    for known in [Registry::new(&[]), Registry::new(KINDS)] {
        let folder = Folder::new("updated", "", resource, iql);
        let (migrated, _) = of_folder(&folder.0, known);
        assert!(migrated.text.contains("Name: "), "{}", migrated.text);
        assert!(migrated.text.contains("my-bucket"), "{}", migrated.text);
        assert!(!migrated.text.contains("identifier:"), "{}", migrated.text);
    }
}

#[test]
fn an_order_is_that_of_numbers() {
    for (condition, stays) in [("{{ n }} >= 9", true), ("{{ n }} < 9", false), ("'9' < '{{ n }}'", true)] {
        let resource = format!("    if: \"{condition}\"\n    props:\n      - {{name: note, value: some text}}\n");
        let iql = "/*+ create */\nINSERT INTO awscc.test.vaults (Name, Description, region)\nSELECT 'v', '{{ note }}', '{{ \
                   region }}'\n";
        let (_, shown) = written("order", "  - {name: n, value: '{{ N }}'}\n", &resource, iql);
        // Only what is there is rendered.
        assert_eq!(shown.contains("'some text'"), stays, "{condition}: {shown}");
    }
}
