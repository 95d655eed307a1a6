//! From files to a stack: loading, includes, variables from everywhere, loops, and what may never be shown.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use trueup_engine::credential::SecretSource;
use trueup_engine::diagnostic::{self, Diagnostics};
use trueup_engine::manifest;
use trueup_engine::render::{self, Inputs, Property, Reference, Scope};
use trueup_engine::secret::Secret;
use trueup_engine::source::{self, Sources};
use trueup_engine::stack::Stack;
use trueup_engine::value::Value;

/// A folder of its own for one test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("trueup-front-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("stack")).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join("stack").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn stack(&self) -> PathBuf {
        self.0.join("stack")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

struct Given<'a> {
    env: &'a str,
    vars: &'a [(&'a str, &'a str)],
    files: &'a [(&'a str, &'a str)],
    environment: &'a [(&'a str, &'a str)],
}

const NOTHING: Given<'_> = Given { env: "dev", vars: &[], files: &[], environment: &[] };

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn read(sources: &mut Sources, id: source::SourceId, given: &Given<'_>) -> (Option<Stack>, Diagnostics) {
    let (manifest, mut found) = manifest::parse(sources, id);
    let environment: HashMap<String, String> = owned(given.environment).into_iter().collect();
    let inputs = Inputs {
        env: given.env,
        given: owned(given.vars),
        files: owned(given.files),
        environment: &|name| environment.get(name).cloned(),
        today: (2026, 11, 21),
    };
    let stack = manifest.and_then(|manifest| {
        let (stack, more) = render::render(&manifest, &inputs, sources);
        found.extend(more);
        stack
    });
    (stack, found.sorted())
}

fn text(text: &str, given: &Given<'_>) -> (Stack, String) {
    let mut sources = Sources::new("");
    let id = sources.add("trueup.yaml", text);
    let (stack, found) = read(&mut sources, id, given);
    let shown: Vec<String> = found.iter().map(|one| diagnostic::render(one, &sources, false, 100)).collect();
    (stack.expect("there is a stack"), shown.join("\n"))
}

fn json(stack: &Stack, index: usize) -> serde_json::Value {
    Value::Map(stack.instances[index].properties.clone()).to_masked_json()
}

#[test]
fn a_stack_is_a_folder_or_a_file() {
    let folder = Folder::new("load");
    let error = source::load(&folder.stack()).unwrap_err();
    assert!(error.code == "M101" && error.summary.contains("has no `trueup.yaml`"), "{}", error.summary);
    folder.write("stackql_manifest.yml", "version: 1\n");
    assert_eq!(source::load(&folder.stack()).unwrap().0.iter().count(), 1);
    let file = folder.write("trueup.yml", "version: 1\nname: é\nresources: []\n");
    let (sources, id) = source::load(&folder.stack()).unwrap();
    assert_eq!(sources.root(), folder.stack());
    assert_eq!(&*sources.get(id).unwrap().text, "version: 1\nname: é\nresources: []\n");
    assert!(source::load(&file).is_ok());
    assert_eq!(source::load(&folder.stack().join("gone")).unwrap_err().code, "M101");
    fs::write(&file, [b'a', b'\n', 0xff]).unwrap();
    assert!(source::load(&file).unwrap_err().summary.contains("line 2"));
    fs::File::create(&file).unwrap().set_len(9 * 1024 * 1024).unwrap();
    assert_eq!(source::load(&file).unwrap_err().code, "M103");
}

#[test]
fn includes_are_data_and_stay_inside_the_folder() {
    let folder = Folder::new("include");
    folder.write("data/tags.yaml", "- { Key: '{{ not_a_template }}', Value: no }\n");
    folder.write("policy.json", r#"{"Version": "2012-10-17", "Size": 1}"#);
    folder.write("broken.json", "{\n  \"a\": }\n");
    folder.write("notes.txt", "x");
    fs::write(folder.0.join("outside.json"), "{\"hunter2\": 1}").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.0.join("outside.json"), folder.stack().join("link.json")).unwrap();
    let manifest = "version: 1\nname: s\nresources:\n  - name: r\n    props:\n      Tags: \"{{ file('data/tags.yaml') }}\"\n      \
                    Size: \"{{ file('policy.json').Size }}\"\n      Text: \"x{{ file('policy.json') | tojson }}\"\n";
    folder.write("trueup.yaml", manifest);
    let (mut sources, id) = source::load(&folder.stack()).unwrap();
    let (stack, found) = read(&mut sources, id, &NOTHING);
    assert!(found.is_empty(), "{:?}", found.iter().map(|one| &one.summary).collect::<Vec<_>>());
    let stack = stack.unwrap();
    assert_eq!(
        json(&stack, 0),
        serde_json::json!({"Tags": [{"Key": "{{ not_a_template }}", "Value": "no"}], "Size": 1,
            "Text": "x{\"Version\":\"2012-10-17\",\"Size\":1}"})
    );
    let before = stack.manifest_digest;
    folder.write("policy.json", r#"{"Version": "2012-10-17", "Size": 2}"#);
    let (mut sources, id) = source::load(&folder.stack()).unwrap();
    assert_ne!(read(&mut sources, id, &NOTHING).0.unwrap().manifest_digest, before);
    for (path, why) in [
        ("../outside.json", "outside"),
        ("data/../../outside.json", "outside"),
        ("/etc/hosts.json", "outside"),
        ("link.json", "leads outside"),
        ("notes.txt", "neither"),
        ("data", "neither"),
        ("gone.yaml", "no such file"),
        ("broken.json", "line 2"),
    ] {
        folder.write(
            "trueup.yaml",
            &format!(
                "version: 1\nname: s\nresources:\n  - name: r\n    props: {{ X: \"{{{{ file('{path}') }}}}\" }}\n"
            ),
        );
        let (mut sources, id) = source::load(&folder.stack()).unwrap();
        let (_, found) = read(&mut sources, id, &NOTHING);
        let one = found.iter().next().unwrap_or_else(|| panic!("{path} is included"));
        assert!(one.code == "M119" && one.summary.contains(why), "{path}: {}", one.summary);
        assert!(!one.summary.contains("hunter2"));
    }
}

const VARIABLES: &str = "version: 1\nname: s\nvars:\n  - { name: A, default: default }\n  - { name: N, type: number, default: 1 }\n  \
     - { name: B, type: bool }\n  - { name: S, secret: true }\n  - { name: L, secret: true, default: hunter2-default \
     }\nresources:\n  - name: r\n    props: { A: '{{ vars.A }}', N: '{{ vars.N }}', B: '{{ vars.B }}', U: '{{ vars.U }}', \
     S: '{{ vars.S }}', L: '{{ L }}' }\n";

#[test]
fn variables_come_from_the_first_place_that_has_them() {
    let origins = |given: &Given<'_>| {
        let (stack, shown) = text(VARIABLES, given);
        assert_eq!(shown, "");
        let origins: Vec<String> = stack.variables.iter().map(|v| v.origin.clone().unwrap_or_default()).collect();
        (json(&stack, 0), origins)
    };
    let environment = [("A", "env"), ("N", "3"), ("B", "false"), ("U", "env"), ("S", "hunter2"), ("PATH", "/bin")];
    let (properties, from) = origins(&Given { environment: &environment, ..NOTHING });
    assert_eq!(
        properties,
        serde_json::json!({"A": "env", "N": 3, "B": false, "U": "env", "S": {"$secret": "env:S"}, "L": {"$secret": "literal"}})
    );
    assert_eq!(from, ["environment", "environment", "environment", "environment", "default", "environment"]);
    let files = [("vars.env", "export A='file'\nB=true\nS=\"hunter2\"\n"), ("more.yaml", "N: 4\nU: 0012\nOTHER: x\n")];
    let (properties, from) = origins(&Given { environment: &environment, files: &files, ..NOTHING });
    assert_eq!(
        properties,
        serde_json::json!({"A": "file", "N": 4, "B": true, "U": "0012", "S": {"$secret": "file:vars.env"}, "L": {"$secret": "literal"}})
    );
    assert_eq!(from[0], "--var-file vars.env");
    let given = [("A", "given"), ("A", "last"), ("B", "true"), ("U", "{{ x }}"), ("S", "hunter2")];
    let (properties, from) = origins(&Given { vars: &given, environment: &environment, files: &files, ..NOTHING });
    assert_eq!(
        properties,
        serde_json::json!({"A": "last", "N": 4, "B": true, "U": "{{ x }}", "S": {"$secret": "--var S"}, "L": {"$secret": "literal"}})
    );
    assert_eq!(from[0], "--var");
}

#[test]
fn digests_change_with_plain_variables_only() {
    let digest = |a: &str, secret: &str| {
        let given = [("A", a), ("B", "true"), ("U", "u"), ("S", secret)];
        text(VARIABLES, &Given { vars: &given, ..NOTHING }).0.variables_digest
    };
    assert_eq!(digest("a", "one"), digest("a", "two"));
    assert_ne!(digest("a", "one"), digest("b", "one"));
}

#[test]
fn a_missing_secret_is_no_mistake_and_a_missing_variable_is_one() {
    let (stack, shown) = text(VARIABLES, &Given { vars: &[("B", "true")], ..NOTHING });
    assert!(shown.contains("error[M201]: the variable `U` is not given"), "{shown}");
    assert_eq!(shown.matches("error").count(), 1, "{shown}");
    let properties = json(&stack, 0);
    assert_eq!(properties["U"], serde_json::json!({"$unknown": "vars.U"}));
    assert_eq!(properties["S"], serde_json::json!({"$secret": "env:S"}));
}

#[test]
fn loops_conditions_environments_and_merges() {
    let manifest = r#"
version: 1
name: s
globals:
  - name: tags
    value: [{ Key: team, Value: partners }, { Key: stage, Value: "{{ stack_env }}" }]
  - name: defaults
    value: &d { HttpMethod: POST, Rate: 10 }
  - name: partners
    value: { created: { path: /c }, shipped: { path: /s }, gone: { path: /g } }
resources:
  - name: all
    for_each: "{{ partners }}"
    if: each.key != 'gone'
    protect: "{{ each.key == 'shipped' }}"
    renamed_from: ["old-{{ each.key }}"]
    region: "{{ 'eu-west-1' }}"
    timeouts: { create: 90s, delete: 1h }
    skip_on_delete: true
    props:
      - name: Name
        values: { dev: { value: "d-{{ each.key }}" }, prod: { value: "p-{{ each.key }}" } }
      - name: Path
        value: "{{ each.value.path }}"
      - name: Tags
        value: [{ Key: team, Value: partners }, { Key: own, Value: "1" }]
        merge: [tags]
      - name: Settings
        value: { <<: *d, Rate: 20, Extra: 1 }
        merge: [defaults]
      - name: Hidden
        value: hunter2-literal
        protected: true
      - name: Id
        value: "{{ uuid() }}"
  - name: none_here
    if: false
    props: { X: 1 }
"#;
    let (stack, shown) = text(manifest, &Given { env: "prod", ..NOTHING });
    assert_eq!(shown, "");
    let addresses: Vec<String> = stack.instances.iter().map(|i| i.address.to_string()).collect();
    assert_eq!(addresses, ["all[\"created\"]", "all[\"shipped\"]"]);
    let left: Vec<String> = stack.left_out.iter().map(ToString::to_string).collect();
    assert_eq!(left, ["all[\"gone\"]", "none_here"]);
    let shipped = &stack.instances[1];
    assert!(shipped.protect == Some(true) && shipped.skip_on_delete && stack.instances[0].protect != Some(true));
    assert_eq!(shipped.renamed_from[0].value, "old-shipped");
    assert_eq!(shipped.region.as_deref(), Some("eu-west-1"));
    assert_eq!(shipped.timeouts.create.unwrap().as_secs(), 90);
    let mut properties = json(&stack, 1);
    let id = properties.as_object_mut().unwrap().remove("Id").unwrap();
    assert_eq!(
        properties,
        serde_json::json!({
            "Name": "p-shipped", "Path": "/s",
            "Tags": [{"Key": "team", "Value": "partners"}, {"Key": "own", "Value": "1"}, {"Key": "stage", "Value": "prod"}],
            "Settings": {"Rate": 10, "Extra": 1, "HttpMethod": "POST"},
            "Hidden": {"$secret": "literal"},
        })
    );
    let again = text(manifest, &Given { env: "prod", ..NOTHING }).0;
    assert_eq!(json(&again, 1)["Id"], id);
    assert_ne!(json(&again, 0)["Id"], id);
    let span = shipped.spans.value("/Tags/2/Value");
    assert_eq!(&manifest[span.start as usize..span.end as usize], "tags");
    let span = shipped.spans.value("/Settings/Extra");
    assert_eq!(&manifest[span.start as usize..span.end as usize], "1");
}

#[test]
fn filters_take_both_forms() {
    let cases = [
        ("{{ [1, 2] | merge_lists([2, 3]) }}", serde_json::json!([1, 2, 3])),
        ("{{ '[1]' | merge_lists(other='[2]') }}", serde_json::json!([1, 2])),
        ("{{ {'a': 1} | merge_objects(other={'b': 2}) }}", serde_json::json!({"a": 1, "b": 2})),
        ("{{ {'a': {'b': 1}} | tojson }}", serde_json::json!("{\"a\":{\"b\":1}}")),
        ("{{ {'a': '<&>'} | to_json(indent=1) }}", serde_json::json!("{\n \"a\": \"<&>\"\n}")),
        ("{{ '{\"a\": [1, null]}' | from_json }}", serde_json::json!({"a": [1, null]})),
        ("{{ 'é' | base64_encode }}", serde_json::json!("w6k=")),
        ("{{ 'w6k=' | base64_decode }}", serde_json::json!("é")),
        ("{{ 'a' | sha256 }}", serde_json::json!("ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb")),
        ("{{ \"it's\" | sql_escape }}", serde_json::json!("it''s")),
        ("{{ ['a', \"b'\", 1] | sql_list }}", serde_json::json!("('a','b''','1')")),
        ("{{ [] | sql_list }}", serde_json::json!("(NULL)")),
        (
            "{{ {'a/b': '12345678', 'c': true} | generate_patch_document }}",
            serde_json::json!(
                "[{\"op\":\"add\",\"path\":\"/a~1b\",\"value\":\"12345678\"},{\"op\":\"add\",\"path\":\"/c\",\"value\":true}]"
            ),
        ),
        (
            "{{ [{'Key': 'k', 'Value': 'v'}] | to_aws_tag_filters }}",
            serde_json::json!("[{\"Key\":\"k\",\"Values\":[\"v\"]}]"),
        ),
        ("{{ range(3) | list }}", serde_json::json!([0, 1, 2])),
        ("{{ {'a': 'b'}.a if true else 'c' }}", serde_json::json!("b")),
    ];
    for (template, expected) in cases {
        let manifest =
            serde_json::json!({"version": 1, "name": "s", "resources": [{"name": "r", "props": {"X": template}}]});
        let (stack, shown) = text(&manifest.to_string(), &NOTHING);
        assert_eq!(shown, "", "{template}");
        assert_eq!(json(&stack, 0)["X"], expected, "{template}");
    }
}

struct Vault;

const CANARY: &str = "hunter2 \"&\\+/é";

impl Scope for Vault {
    fn property(&self, reference: &Reference) -> Property {
        match &*reference.property[0] {
            "Secret" => Property::Known(Value::Secret(Secret::new("live", CANARY.to_owned()))),
            _ => Property::Known(Value::from(CANARY)),
        }
    }

    fn secret(&self, source: &SecretSource) -> Option<Secret> {
        Some(Secret::new(source.to_string(), CANARY.to_owned()))
    }
}

/// The canary in the forms in which it could slip out.
fn assert_unseen(shown: &str, of: &str) {
    let base64 = "aHVudGVyMiAiJlwrL8Op";
    for form in ["hunter2", "HUNTER2", "68756e74657232", "aHVudGVyM", base64, "hunter2%20", "\\\"&\\\\+/"] {
        assert!(!shown.contains(form), "{of} shows a secret: {shown}");
    }
}

#[test]
fn secrets_are_in_no_error_and_no_debug() {
    let expressions = [
        "S",
        "S | from_json",
        "S | int",
        "S + 1",
        "1 + S",
        "S | base64_decode",
        "S.x",
        "S['x']",
        "S | first | from_json",
        "S | tojson | from_json | from_json",
        "[S] | sum",
        "S | float",
        "{'a': S}[S]",
        "{S: 1} | items | first | from_json",
        "S is divisibleby 2",
        "S | round",
        "S | dictsort",
        "S | merge_lists([1])",
        "S | generate_patch_document",
        "S | batch(0)",
        "range(S)",
        "S()",
        "S.upper()",
        "file(S)",
        "secret(S)",
        "S ~ none",
        "S | replace(1)",
        "dict(S)",
        "S | indent(S)",
        "S | format(1, 2)",
        "'%d' | format(S)",
        "S | to_json(indent=S)",
        "S | select(S)",
        "S | map(S)",
        "S | attr(S)",
        "S | join(S, S, S)",
        "S * -1",
        "S in 5",
        "S | sort(attribute=S)",
        "S | default",
        "not S",
        "-S",
        "a.Plain | from_json",
        "a.Plain | int",
        "a.Secret | from_json",
        "a.Secret.x.y",
        "a.Plain[5].x",
        "a.Plain()",
    ];
    for expression in expressions {
        for form in ["{{ E }}", "x{{ E }}", "{% if E %}{{ E }}{% endif %}", "{% for x in E %}{{ x.y }}{% endfor %}"] {
            for secret in [true, false] {
                let scalar = form.replace('E', expression);
                let manifest = serde_json::json!({
                    "version": 1, "name": "s", "vars": [{"name": "S", "secret": secret}],
                    "resources": [{"name": "a"}, {"name": "r", "props": {"X": scalar}}]});
                let mut sources = Sources::new("");
                let id = sources.add("trueup.yaml", manifest.to_string());
                for given in [
                    Given { vars: &[("S", CANARY)], ..NOTHING },
                    Given { environment: &[("S", CANARY)], ..NOTHING },
                    Given { files: &[("f.yaml", "S: 'hunter2 \"&\\+/é'\n")], ..NOTHING },
                ] {
                    let (stack, found) = read(&mut sources, id, &given);
                    for one in &found {
                        assert_unseen(&format!("{one:?}"), &scalar);
                        assert_unseen(&diagnostic::render(one, &sources, false, 200), &scalar);
                    }
                    let stack = stack.unwrap();
                    let value = &stack.instances[1].properties["X"];
                    if secret {
                        assert_unseen(&format!("{stack:?}"), &scalar);
                        assert_unseen(&value.to_masked_json().to_string(), &scalar);
                    }
                    if let Value::Deferred(deferred) = value {
                        match deferred.evaluate(&Vault) {
                            Ok(value) if secret && !expression.contains("a.Plain") => {
                                assert_unseen(&format!("{value:?}{}", value.to_masked_json()), &scalar);
                            }
                            Ok(_) => {}
                            Err(one) => {
                                assert_unseen(&format!("{one:?}"), &scalar);
                                assert_unseen(&diagnostic::render(&one, &sources, true, 80), &scalar);
                            }
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn broken_files_of_variables_are_named_and_not_shown() {
    let manifest = "version: 1\nname: s\nresources: []\n";
    for file in [("f.env", "A=1\nhunter2\n"), ("f.yaml", "A: 1\nhunter2: [\n"), ("f.yml", "- hunter2\n")] {
        let (_, shown) = text(manifest, &Given { files: &[file], ..NOTHING });
        assert!(shown.contains("error[M210]") && shown.contains(file.0), "{shown}");
        assert_unseen(&shown, file.0);
    }
}

#[test]
fn locals_are_names_of_one_resource() {
    let (stack, shown) = text(
        "version: 1\nname: s\nglobals:\n  - { name: region, value: eu-west-1 }\n  - { name: tags, value: { Team: web } }\nresources:\n\
         \x20 - name: first\n    type: T\n    locals:\n      - { name: region, value: \"{{ region }}-x\" }\n      - name: base\n        values:\n\
         \x20         dev: { value: orders }\n          prod: { value: orders-prod }\n      - { name: full, value: \"{{ base }}-{{ stack_env }}\" }\n\
         \x20     - { name: labels, value: { Name: \"{{ full }}\" }, merge: [tags] }\n    props:\n      Name: \"{{ full | upper }}\"\n\
         \x20     Region: \"{{ region }}\"\n      This: \"{{ this.base }}\"\n      Tags: \"{{ labels }}\"\n\
         \x20 - { name: second, type: T, props: { Region: \"{{ region }}\" } }\n",
        &NOTHING,
    );
    assert_eq!(shown, "");
    assert_eq!(
        json(&stack, 0),
        serde_json::json!({"Name": "ORDERS-DEV", "Region": "eu-west-1-x", "This": "orders",
            "Tags": {"Name": "orders-dev", "Team": "web"}})
    );
    assert_eq!(json(&stack, 1), serde_json::json!({"Region": "eu-west-1"}));
}

#[test]
fn an_export_is_a_name_of_its_resource_too() {
    let (stack, shown) = text(
        "version: 1\nname: s\nresources:\n  - { name: net, type: query, sql: SELECT 1, exports: [{ vpc_id: network }] }\n\
         \x20 - name: r\n    type: T\n    locals: [{ name: id, value: \"{{ net.network }}\" }]\n    props:\n      A: \"{{ net.network }}\"\n\
         \x20     B: \"{{ network }}\"\n      C: \"x-{{ id }}\"\n",
        &NOTHING,
    );
    assert_eq!(shown, "");
    let Value::Deferred(c) = &stack.instances[1].properties["C"] else { panic!("deferred") };
    assert_eq!(c.describe(), "net.vpc_id");
    assert_eq!(
        json(&stack, 1),
        serde_json::json!({"A": {"$unknown": "net.vpc_id"}, "B": {"$unknown": "net.vpc_id"}, "C": {"$unknown": "net.vpc_id"}})
    );
}

#[test]
fn a_query_makes_nothing() {
    let (_, shown) = text(
        "version: 1\nname: s\nresources:\n  - { name: q, type: query, props: { A: 1 }, protect: true }\n\
         \x20 - { name: r, type: T, sql: SELECT 1, locals: [{ name: q, value: 1 }] }\n",
        &NOTHING,
    );
    insta::assert_snapshot!(shown, @r"
    error[M109]: a query needs a `sql`
     --> trueup.yaml:4:13
      |
    4 |   - { name: q, type: query, props: { A: * }, protect: true }
      |             ^
    error[M123]: a query has no `props`
     --> trueup.yaml:4:29
      |
    4 |   - { name: q, type: query, props: { A: * }, protect: true }
      |                             ^^^^^
      |
      = help: a query reads, and makes nothing: remove the key
    error[M123]: a query has no `protect`
     --> trueup.yaml:4:46
      |
    4 |   - { name: q, type: query, props: { A: * }, protect: true }
      |                                              ^^^^^^^
      |
      = help: a query reads, and makes nothing: remove the key
    error[M123]: only a query has `sql`
     --> trueup.yaml:5:25
      |
    5 |   - { name: r, type: T, sql: ********, locals: [{ name: q, value: * }] }
      |                         ^^^
      |
      = help: add `type: query`, or remove it; `find` finds a resource that its service names
    error[M112]: a resource and a local are both named `q`
     --> trueup.yaml:5:57
      |
    5 |   - { name: r, type: T, sql: ********, locals: [{ name: q, value: * }] }
      |                                                         ^
      |
      = help: rename one: in a template the name could mean either
    ");
}

#[test]
fn a_local_remembers_what_it_was_merged_from() {
    let (stack, shown) = text(
        "version: 1\nname: s\nresources:\n  - name: r\n    type: T\n    locals:\n      - { name: base, value: { Password: \"{{ PASSWORD }}\" } }\n\
         \x20     - { name: whole, value: { User: u }, merge: [base] }\n    props: { Secret: \"{{ whole }}\" }\n",
        &Given { vars: &[("PASSWORD", "hunter2")], ..NOTHING },
    );
    assert_eq!(shown, "");
    let made_of: Vec<&str> = stack.instances[0].spans.variables("/Secret").collect();
    assert_eq!(made_of, ["PASSWORD"], "otherwise nobody knows that the variable is a secret");
}
