//! The forms for other tools, read by readers that we did not write.

use std::fmt::Write as _;

use serde_json::{Value, json};
use trueup_tests::{TestEnv, interpreter, repository, script};

/// Reads a text with one of the readers of `formats.py`; `None` where the tests with Python are switched off.
fn read(reader: &str, text: &str) -> Option<Value> {
    let out = script(&interpreter()?, &repository().join("tests/python/formats.py"), &[reader], text);
    Some(serde_json::from_str(&out).expect("formats.py prints JSON"))
}

/// The stack of the scenario `formats`, applied and then changed in the manifest.
fn changed() -> TestEnv {
    let mut env = TestEnv::new();
    env.set_secret("PARTNER_PASSWORD", "Zk5rXw81-partner-password");
    let folder = repository().join("tests/scenarios/formats");
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).expect("a scenario can be read");
    env.write("trueup.yaml", &text("trueup.yaml"));
    env.trueup("apply --yes").expect(0);
    env.write("trueup.yaml", &text("changed.yaml")).write("broken/trueup.yaml", &text("broken.yaml"));
    env
}

const DENIED: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "*", "Resource": "*"},
    {"Effect": "Deny", "Action": ["events:DescribeConnection", "events:ListConnections"], "Resource": "*"}]}"#;

/// Every document that a form can be: of a valid and an invalid manifest, a plan, a plan that could not read, an apply, a
/// teardown, and of a command that could not begin.
fn every_document(env: &TestEnv, format: &str) -> Vec<String> {
    let run =
        |command: &str, code: i32| env.trueup(&format!("{command} --format {format}")).expect(code).stdout.clone();
    let mut all = vec![
        run("validate", 0),
        run("validate broken", 64),
        run("plan", 0),
        run("plan broken", 64),
        run("plan nowhere", 64),
        run("apply --yes --expect-digest 00", 4),
    ];
    env.sandbox().policy(&serde_json::from_str(DENIED).expect("a policy is JSON"));
    all.extend([run("plan", 6), run("apply --yes", 6)]);
    env.sandbox().policy(&Value::Null);
    all.extend([run("apply --yes", 0), run("plan", 0), run("teardown --yes", 0)]);
    all
}

#[test]
fn sarif_is_what_its_schema_says() {
    let Some(schema) = read("sarif-schema", "") else { return };
    let validator = jsonschema::validator_for(&schema).expect("the schema of SARIF is a JSON Schema");
    let env = changed();
    for text in every_document(&env, "sarif") {
        let document: Value = serde_json::from_str(&text).expect("SARIF is JSON");
        let errors: Vec<String> =
            validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{}\n{text}", errors.join("\n"));
    }
}

#[test]
fn the_fingerprint_of_a_result_stays_when_its_line_moves() {
    let mut env = changed();
    let prints = |env: &TestEnv| -> Vec<(Value, Value)> {
        let document = env.trueup("plan --format sarif").expect(0).json();
        let results = document["runs"][0]["results"].as_array().expect("there are results").clone();
        let place = |result: &Value| result["locations"][0]["physicalLocation"]["region"]["startLine"].clone();
        results.iter().map(|result| (result["partialFingerprints"].clone(), place(result))).collect()
    };
    let before = prints(&env);
    let text = std::fs::read_to_string(env.stack().join("trueup.yaml")).expect("the manifest can be read");
    env.write("trueup.yaml", &format!("# One more line.\n{text}"));
    let after = prints(&env);
    assert!(before.len() >= 3, "{before:?}");
    for ((before, line), (after, moved)) in before.iter().zip(&after) {
        assert_eq!(before, after);
        assert_eq!(line.as_u64().map(|line| line + 1), moved.as_u64());
    }
}

#[test]
fn a_reader_of_junit_sees_each_resource() {
    let env = changed();
    for text in every_document(&env, "junit") {
        if read("junit", &text).is_none() {
            return;
        }
    }
    let env = changed();
    let plan = env.trueup("plan --no-secret-reads --format junit").expect(0).stdout.clone();
    let Some(seen) = read("junit", &plan) else { return };
    assert_eq!(seen["suites"], json!(["trueup plan partner-hooks (dev)"]));
    assert_eq!(seen["counts"], json!({"tests": 4, "failures": 3, "errors": 0, "skipped": 0}));
    assert_eq!(seen["cases"][0], json!({"name": "key", "class": "AWS::KMS::Key", "ended": []}));
    let partner = &seen["cases"][1]["ended"][0];
    assert_eq!(
        (&partner[0], &partner[1], &partner[2]),
        (&json!("Failure"), &json!("update"), &json!("update in place"))
    );
    assert!(
        partner[3].as_str().is_some_and(|text| text.contains("\n+ Description: \"Partner API, version 2 %0A")),
        "{partner}"
    );
    env.sandbox().policy(&serde_json::from_str(DENIED).expect("a policy is JSON"));
    let unread = env.trueup("plan --format junit").expect(6).stdout.clone();
    let Some(seen) = read("junit", &unread) else { return };
    assert_eq!(seen["cases"][1]["ended"][0][0], "Error", "{seen}");
}

#[test]
fn what_nobody_could_compare_is_skipped() {
    let env = changed();
    env.trueup("apply --yes").expect(0);
    let plan = env.trueup("plan --no-secret-reads --format junit").expect(0).stdout.clone();
    let Some(seen) = read("junit", &plan) else { return };
    assert_eq!(seen["counts"], json!({"tests": 4, "failures": 0, "errors": 0, "skipped": 1}));
}

#[test]
fn a_browser_finds_nothing_to_load_in_a_page() {
    let env = changed();
    for text in every_document(&env, "html") {
        let Some(seen) = read("html", &text) else { return };
        assert_eq!(seen["errors"], json!([]), "{text}");
        assert_eq!((&seen["loads"], &seen["scripts"]), (&json!([]), &json!(0)), "{text}");
        let policy = seen["policies"][0].as_str().expect("a page has a policy");
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        assert!(
            !text.contains("http://") || text.matches("http://").count() == text.matches("xmlns=\"http://").count()
        );
    }
    let env = changed();
    let plan = env.trueup("plan --format html").expect(0).stdout.clone();
    let Some(seen) = read("html", &plan) else { return };
    assert_eq!(seen["resources"][0], json!(["~", "partner", "AWS::Events::Connection", "update", "in", "place"]));
    // Four resources, and the frame around two of them.
    assert_eq!(seen["drawn"], 5);
}

#[test]
fn five_hundred_changes_are_a_comment_that_fits() {
    let mut env = TestEnv::new();
    let mut text = String::from("version: 1\nname: many\nproviders: [aws]\nresources:\n");
    for number in 0..500 {
        let _ = write!(
            text,
            "  - name: c{number}\n    type: AWS::Events::Connection\n    props:\n      Name: many-{number}\n      \
             Description: \"Connection {number}\"\n      AuthorizationType: API_KEY\n      AuthParameters:\n        \
             ApiKeyAuthParameters: {{ ApiKeyName: X-Key, ApiKeyValue: \"{{{{ secret('env:MANY_KEY') }}}}\" }}\n"
        );
    }
    env.set_secret("MANY_KEY", "Wd3nKp72-many-keys").write("trueup.yaml", &text);
    let comment = env.trueup("plan --format markdown").expect(0).stdout.clone();
    assert!(comment.len() <= 60_000 && comment.len() > 50_000, "{} bytes", comment.len());
    assert!(
        comment.starts_with("<!-- trueup:many:dev:plan -->\n") && comment.contains("**500** to create"),
        "{comment}"
    );
    let left_out = comment.split_once("**… ").and_then(|(_, after)| after.split_once(" left out here: "));
    let left_out = left_out.expect("some are left out");
    let shown = comment.matches("<details><summary>").count();
    assert_eq!(left_out.0.parse::<usize>().expect("a number") + shown, 500);
    assert!(comment.contains("<code>c0</code>") && comment.contains("<code>c499</code>"));
    let short = env.trueup("plan --format markdown --max-bytes 4000").expect(0).stdout.clone();
    assert!(short.len() <= 4000 && short.contains("**500** to create"), "{short}");
}

#[test]
fn lines_are_those_of_the_property() {
    let env = changed();
    let text = std::fs::read_to_string(env.stack().join("trueup.yaml")).expect("the manifest can be read");
    let line = |what: &str| 1 + text.lines().position(|line| line.contains(what)).expect("the manifest says it");
    let annotations = env.trueup("plan --format github").expect(0).stdout.clone();
    let expected = [
        format!("::warning file=trueup.yaml,line={0},endLine={0},", line("Description: \"Partner API")),
        format!("::warning file=trueup.yaml,line={0},endLine={0},", line("InvocationEndpoint")),
        format!("::notice file=trueup.yaml,line={0},endLine={0},", line("name: hook")),
    ];
    let found: Vec<&str> = annotations.lines().collect();
    assert_eq!(found.len(), 4, "{annotations}");
    for (found, expected) in found.iter().zip(&expected) {
        assert!(found.starts_with(expected), "{found}\n{expected}");
    }
    // The same from another folder, with the path that leads to it.
    let above = env.run(&["plan", &env.stack().join("trueup.yaml").display().to_string(), "--format", "github"]);
    assert!(above.stdout.contains("file=trueup.yaml,"), "{above}");
}
