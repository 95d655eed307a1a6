use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use trueup_engine::diagnostic::render;
use trueup_engine::source;

use super::*;
use crate::project;
use crate::testing::KINDS;

/// A project on disk, gone with the value.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("trueup-stackql-{name}-{}", std::process::id()));
        for (file, text) in files {
            let file = path.join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The manifest of a project, and what was found, as people see it.
fn translated(folder: &Path, selected: &dyn Fn(&str) -> bool) -> (Option<Manifest>, String) {
    let (mut sources, id) = source::load(folder).unwrap();
    let mut found = Diagnostics::new();
    let project = project::read(&mut sources, id, &mut found);
    let options = Options {
        kinds: Registry::new(KINDS),
        answers: &BTreeMap::new(),
        allow_scripts: false,
        keep_order: false,
        selected,
    };
    let manifest = project.map(|project| translate(&project, &sources, &options, &mut found));
    let shown: Vec<String> = found.sorted().iter().map(|it| render(it, &sources, false, 100)).collect();
    (manifest, shown.join("\n\n").replace(&format!("{}/", folder.display()), ""))
}

#[test]
fn everything_wrong_with_a_project_is_said_at_once() {
    let folder = Folder::new(
        "wrong",
        &[
            (
                "stackql_manifest.yml",
                r#"version: 1
name: wrong
providers: [google, awscc]
globals:
  - name: region
    value: eu-west-1
  - name: thing
    value: file(../secret.json)
  - name: circle
    value: file(a.yml)
resources:
  - name: thing
    protect: true
    props:
      - name: name
        value: TrueNorth99
      - name: flag
        value: "True"
    exports: [nme]
  - name: missing
    if: "'{{ name }}' == 'x'"
    props:
      - name: name
        value: x
  - name: odd
    type: qurey
    sql: SELECT 1
  - name: runs
    type: script
    run: echo {}
  - name: does
    type: command
    sql: DELETE FROM x
"#,
            ),
            ("resources/a.yml", "x: file(a.yml)\n"),
            (
                "resources/thing.iql",
                "/*+ create */\nINSERT INTO awscc.test.things (Name, Note, region)\nSELECT '{{ name }}', '{{ this.id }}', \
                 '{{ region }}'\n\n/*+ exports */\nSELECT name FROM awscc.test.things WHERE region = '{{ region }}' AND \
                 Identifier = '{{ name }}'\n",
            ),
        ],
    );
    let (_, shown) = translated(&folder.0, &|_| true);
    insta::assert_snapshot!("wrong", shown);
}

#[test]
fn a_column_that_is_a_prop_is_the_prop_and_the_rest_uses_locals() {
    let folder = Folder::new(
        "good",
        &[
            (
                "stackql_manifest.yml",
                r#"version: 1
name: good
providers: [awscc]
globals:
  - name: region
    value: eu-west-1
  - name: owner
    value: { Resource: "{{ resource_name }}" }
resources:
  - name: thing
    if: "{{ stack_env }} not in ['prd']"
    props:
      - name: prefix
        value: "{{ stack_name }}-{{ stack_env }}"
      - name: thing_name
        value: "{{ prefix }}-thing"
      - name: note
        values: { dev: { value: for tests }, prd: { value: for all } }
      - name: tags
        value: { A: b }
        merge: [owner]
      - name: only_checked
        value: 1
    exports:
      - {name: thing_name}
      - loud
  - name: other
    file: thing.iql
    props:
      - name: thing_name
        value: "other-{{ thing.thing_name }}-{{ idempotency_token }}"
      - name: note
        value: "{{ loud }}"
      - name: tags
        value: {}
    exports: []
exports: [thing_name, stack_env]
"#,
            ),
            (
                "resources/thing.iql",
                "/*+ create */\nINSERT INTO awscc.test.things (Name, Note, Tags, region)\nSELECT '{{ thing_name }}', \
                 'n: {{ note | upper }}', '{{ tags }}', '{{ region }}'\n\n/*+ exports */\nSELECT name, upper(note) as loud \
                 FROM awscc.test.things WHERE region = '{{ region }}' AND Identifier = '{{ this.identifier }}'\n",
            ),
        ],
    );
    let (manifest, shown) = translated(&folder.0, &|_| true);
    let manifest = manifest.unwrap();
    let text: Vec<String> = manifest.resources.iter().map(import_of).collect();
    assert_eq!(shown, "");
    insta::assert_snapshot!("good", text.join("\n"));
}

/// A resource as it would be written.
fn import_of(resource: &Resource) -> String {
    trueup_engine::import::written(&crate::migrate::one(resource))
}

#[test]
fn what_is_not_looked_at_is_a_warning() {
    let files = [
        ("stackql_manifest.yml", "name: s\nproviders: [awscc]\nresources:\n  - name: net\n    exports: [id]\n"),
        ("resources/net.iql", "/*+ create */\nINSERT INTO google.compute.networks (name) SELECT 'n'\n"),
    ];
    let folder = Folder::new("part", &files);
    assert!(translated(&folder.0, &|_| true).1.starts_with("error[Q112]"));
    let (manifest, shown) = translated(&folder.0, &|name| name != "net");
    assert!(shown.starts_with("warning[Q112]"), "{shown}");
    assert_eq!(manifest.unwrap().resources.len(), 1, "it keeps its place in the graph");
}

#[test]
fn an_export_that_would_be_shown_cannot_be_protected() {
    let manifest = "name: s\nproviders: [awscc]\nresources:\n  - name: vault\n    exports: [description, secret_string]\n    \
                    protected: [description, secret_string]\n  - name: asked\n    type: query\n    sql: SELECT 1 AS one\n    \
                    exports: [one]\n    protected: [one]\n";
    let iql = "/*+ create */\nINSERT INTO awscc.test.vaults (Name, region) SELECT 'v', 'r'\n\n/*+ exports */\nSELECT \
               description, secret_string FROM awscc.test.vaults WHERE region = 'r' AND Identifier = 'v'\n";
    let folder = Folder::new("protected", &[("stackql_manifest.yml", manifest), ("resources/vault.iql", iql)]);
    let (_, shown) = translated(&folder.0, &|_| true);
    for name in ["description", "one"] {
        assert!(shown.contains(&format!("error[Q209]: the export `{name}` cannot be protected")), "{shown}");
    }
    assert_eq!(shown.matches("error[").count(), 2, "{shown}");
}

#[test]
fn includes_in_includes_end_somewhere() {
    let ten = |file: &str| format!("[{}]\n", vec![format!("file({file})"); 10].join(", "));
    let files: Vec<(String, String)> = (0..8)
        .map(|level| (format!("resources/{level}.yml"), ten(&format!("{}.yml", level + 1))))
        .chain([("resources/8.yml".to_owned(), "[1, 2]\n".to_owned())])
        .chain([(
            "stackql_manifest.yml".to_owned(),
            "name: s\nproviders: [awscc]\nglobals:\n  - {name: all, value: file(0.yml)}\nresources: []\n".to_owned(),
        )])
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (&**name, &**text)).collect();
    let folder = Folder::new("includes", &files);
    let (_, shown) = translated(&folder.0, &|_| true);
    assert_eq!(shown.matches("more than 250000 values are included by now").count(), 1, "{shown}");
}
