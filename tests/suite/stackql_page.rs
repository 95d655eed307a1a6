//! The manifest that StackQL's page prints, with its mistakes: each is said once, with its line and what to do.

use serde_json::Value;
use trueup_tests::{TestEnv, repository};

const PAGE: &str = "manifests/stackql-awscc-events-connections";

/// Code, severity, line, and a part of what is to be done.
type Expected = (&'static str, &'static str, u64, &'static str);

/// What is wrong with the page whatever the variables are.
const ALWAYS: [Expected; 6] = [
    ("M312", "error", 12, "type: AWS::Events::Connection"),
    ("M307", "error", 22, "keep the one that you use"),
    ("M122", "warning", 40, "remove it"),
    ("M122", "warning", 42, "remove it"),
    ("M304", "error", 47, "remove it"),
    ("M303", "error", 50, "remove `InvocationConnectivityParameters`"),
];

/// The lines with a variable that is given nowhere.
const UNRESOLVED: [u64; 17] = [15, 17, 19, 23, 24, 26, 27, 30, 31, 32, 33, 36, 37, 38, 46, 47, 52];

fn page() -> TestEnv {
    let mut env = TestEnv::new();
    // The values of vars.env are invented, and secrets all the same.
    for secret in ["example-only-api-key", "example-only-password", "example-only-client-secret"] {
        env.plant(secret);
    }
    env.copy(&repository().join(PAGE));
    // It would be the value of `vars.AWS_REGION`.
    env.unset("AWS_REGION");
    env
}

#[track_caller]
fn expect(env: &TestEnv, args: &str, expected: &[Expected]) {
    let document = env.trueup(&format!("{args} --json")).expect(64).json();
    let text = |diagnostic: &Value, key: &str| diagnostic[key].as_str().unwrap_or_default().to_owned();
    let mut found: Vec<(String, String, u64, String)> = document["diagnostics"]
        .as_array()
        .expect("there are diagnostics")
        .iter()
        .map(|it| (text(it, "code"), text(it, "severity"), it["line"].as_u64().unwrap_or(0), text(it, "help")))
        .collect();
    found.sort_by(|a, b| (a.2, &a.0).cmp(&(b.2, &b.0)));
    let mut expected = expected.to_vec();
    expected.sort_by_key(|it| (it.2, it.0));
    let shown: Vec<(&str, &str, u64)> = found.iter().map(|it| (it.0.as_str(), it.1.as_str(), it.2)).collect();
    let wanted: Vec<(&str, &str, u64)> = expected.iter().map(|it| (it.0, it.1, it.2)).collect();
    assert_eq!(shown, wanted, "{document:#}");
    for (found, expected) in found.iter().zip(&expected) {
        assert!(found.3.contains(expected.3), "line {}: {:?} does not say {:?}", found.2, found.3, expected.3);
    }

    // People get the same, with the line and the column.
    let run = env.trueup(args);
    run.expect(64);
    for (code, severity, line, _) in expected {
        let head = format!("{severity}[{code}]");
        let place = format!("trueup.yaml:{line}:");
        let said = run.stderr.split("\n\n").any(|part| part.starts_with(&head) && part.contains(&place));
        assert!(said, "{head} at line {line} is not said: {run}");
    }
}

#[test]
fn every_mistake_of_the_bare_page_is_said_with_its_line() {
    let env = page();
    let unresolved = UNRESOLVED.map(|line| ("M202", "error", line, "is given with `--var "));
    let all: Vec<Expected> = [&ALWAYS[..], &unresolved, &[("M201", "error", 10, "--var AWS_REGION")]].concat();
    expect(&env, "validate", &all);
    assert!(env.sandbox().calls().is_empty(), "validate sent something");
}

#[test]
fn with_every_variable_given_only_the_mistakes_are_left() {
    let env = page();
    let given = [
        // What reaches a credential is a secret, declared or not; this says that `vars` would show it.
        ("M318", "warning", 24, "secret: true"),
        ("M318", "warning", 27, "secret: true"),
        ("M318", "warning", 31, "secret: true"),
        ("M318", "warning", 37, "secret: true"),
        ("M302", "error", 38, "type: bool"),
    ];
    let all: Vec<Expected> = [&ALWAYS[..], &given].concat();
    expect(&env, "validate --var-file vars.env", &all);
    for command in ["plan", "apply --yes", "teardown --yes"] {
        env.trueup(&format!("{command} --var-file vars.env")).expect(64);
    }
    assert!(env.sandbox().calls().is_empty(), "an invalid manifest is refused before any call");
}
