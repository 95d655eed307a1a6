//! What stackql-deploy does wrong with a project, by the letter under which it was seen, and what trueup does with the same
//! project, not a byte of it changed.

use std::fs;

use serde_json::{Value, json};
use trueup_tests::{TestEnv, writes};

const KEY: &str = "Bx4nQz81-key-of-the-project";

/// One connection in the dialect of `awscc`, with everything that a project checks itself.
fn project() -> TestEnv {
    let mut env = TestEnv::new();
    env.set("TRUEUP_THROTTLED_FOR", "2s");
    env.write(
        "stackql_manifest.yml",
        "version: 1\nname: letters\nproviders: [awscc]\nglobals:\n  - { name: region, value: us-east-1 }\nresources:\n  - name: orders\n\
         \x20   props:\n      - { name: connection_name, value: \"letters-{{ stack_env }}\" }\n      - { name: description, value: Orders }\n\
         \x20     - name: auth_parameters\n        value: { ApiKeyAuthParameters: { ApiKeyName: X-Key, ApiKeyValue: \"{{ KEY }}\" } }\n\
         \x20   exports: [arn]\nexports: [arn]\n",
    );
    env.write(
        "resources/orders.iql",
        "/*+ exists */\nSELECT COUNT(*) AS count FROM awscc.events.connections\nWHERE region = '{{ region }}' AND Identifier = '{{ \
         connection_name }}';\n\n/*+ create */\nINSERT INTO awscc.events.connections (Name, Description, AuthorizationType, AuthParameters, \
         region)\nSELECT '{{ connection_name }}', '{{ description }}', 'API_KEY', '{{ auth_parameters }}', '{{ region }}';\n\n/*+ statecheck, \
         retries=3, retry_delay=1 */\nSELECT COUNT(*) AS count FROM awscc.events.connections\nWHERE region = '{{ region }}' AND Identifier = \
         '{{ connection_name }}' AND description = '{{ description }}';\n\n/*+ update */\nUPDATE awscc.events.connections\nSET PatchDocument = \
         string('{{ { \"Description\": description } | generate_patch_document }}')\nWHERE region = '{{ region }}' AND Identifier = '{{ \
         connection_name }}';\n\n/*+ exports */\nSELECT arn FROM awscc.events.connections\nWHERE region = '{{ region }}' AND Identifier = '{{ \
         connection_name }}';\n\n/*+ delete */\nDELETE FROM awscc.events.connections\nWHERE Identifier = '{{ connection_name }}' AND region = \
         '{{ region }}';\n",
    );
    env.plant(KEY);
    env.write(".env", &format!("KEY={KEY}\n"));
    env
}

fn there(env: &TestEnv) -> bool {
    env.sandbox().home("us-east-1")["connections"].get("letters-dev").is_some()
}

fn reads_throttled(env: &TestEnv) {
    let error = json!({"code": "ThrottlingException", "message": "Rate exceeded", "status": 400});
    let rules = ["Describe*", "List*"].map(|operation| json!({"operation": operation, "error": error}));
    env.sandbox().faults(&json!({"rules": rules}));
}

fn wrote(env: &TestEnv) -> Vec<String> {
    writes(&env.sandbox().calls()).iter().map(|call| call.operation.clone()).collect()
}

#[test]
fn it_runs_at_all() {
    let env = project();
    env.trueup("build . dev").expect(0);
    assert!(there(&env));
    env.trueup("test . dev").expect(0);
    let plan = env.trueup("plan . dev --json");
    assert_eq!(plan.json()["summary"]["unchanged"], 1, "{plan}");
    env.trueup("teardown . dev --yes").expect(0);
    assert!(!there(&env));
}

/// A create that is refused: there the message is never shown, and the failure is guessed later.
#[test]
fn a_the_words_of_a_refused_create_are_shown() {
    let env = project();
    let error =
        json!({"code": "LimitExceededException", "message": "You have reached 3000 connections", "status": 400});
    env.sandbox().faults(&json!({"rules": [{"operation": "CreateConnection", "error": error}]}));
    let run = env.trueup("build . dev");
    run.expect(1);
    assert!(
        run.stderr.contains("You have reached 3000 connections")
            || run.stdout.contains("You have reached 3000 connections"),
        "{run}"
    );
    assert!(run.stdout.contains("orders"), "{run}");
}

/// `exists` throttled during a teardown: there it means "does not exist", the delete is skipped, exit 0.
#[test]
fn e_a_throttled_read_leaves_no_orphan_behind_a_success() {
    let env = project();
    env.trueup("build . dev").expect(0);
    reads_throttled(&env);
    let run = env.trueup("teardown . dev --yes");
    assert_ne!(run.code, Some(0), "{run}");
    assert!(there(&env), "what cannot be read is not deleted either");
    assert!(!run.stdout.contains("is not there"), "{run}");
    env.sandbox().no_faults();
    env.trueup("teardown . dev --yes").expect(0);
    assert!(!there(&env));
}

/// `exists` throttled during a build: there an INSERT is sent for what exists.
#[test]
fn f_a_throttled_read_makes_no_create() {
    let env = project();
    env.trueup("build . dev").expect(0);
    let before = wrote(&env).len();
    reads_throttled(&env);
    env.trueup("build . dev").expect(6);
    assert_eq!(wrote(&env).len(), before, "{:?}", wrote(&env));
}

/// The check after a delete is throttled: there it means "confirmed deleted".
#[test]
fn g_a_throttled_look_after_a_delete_confirms_nothing() {
    let env = project();
    env.trueup("build . dev").expect(0);
    // Everything is read until the delete was sent; nothing is from then on.
    let error = json!({"code": "ThrottlingException", "message": "Rate exceeded", "status": 400});
    env.sandbox().faults(&json!({"rules": [
        {"operation": "DescribeConnection", "skip": 1, "error": error},
        {"operation": "ListConnections", "skip": 1, "error": error},
        {"operation": "DeleteConnection", "error": {"code": "InternalException", "message": "Try again", "status": 500}},
    ]}));
    let run = env.trueup("teardown . dev --yes --json");
    assert_ne!(run.code, Some(0), "{run}");
    let outcome = &run.json()["outcomes"][0];
    assert_ne!(outcome["outcome"], "done", "{outcome:#}");
    assert!(there(&env));
}

/// A resource survives its delete: there that is a warning and exit 0.
#[test]
fn i_what_survives_its_delete_is_a_failure() {
    let env = project();
    env.trueup("build . dev").expect(0);
    let error = json!({"code": "ValidationException", "message": "It is in use", "status": 400});
    env.sandbox().faults(&json!({"rules": [{"operation": "DeleteConnection", "error": error}]}));
    let run = env.trueup("teardown . dev --yes");
    run.expect(1);
    assert!(there(&env));
}

/// The name was taken meanwhile: there the rejection is swallowed and the foreign resource passes for the project's.
#[test]
fn l_what_somebody_else_made_meanwhile_is_not_taken_for_ours() {
    let env = project();
    let error = json!({"code": "ResourceAlreadyExistsException", "message": "Connection letters-dev already exists.", "status": 400});
    env.sandbox().faults(&json!({"rules": [{"operation": "CreateConnection", "error": error}]}));
    let run = env.trueup("build . dev");
    run.expect(1);
    assert!(!run.stdout.contains("1 done"), "{run}");
}

/// A secret after `sql_escape`, `base64_encode`, or inside JSON: there it prints in clear with `--show-queries`, and output
/// files are readable by all.
#[test]
fn d_secrets_show_nowhere_and_outputs_are_private() {
    let mut env = project();
    let iql = fs::read_to_string(env.stack().join("resources/orders.iql")).expect("it was written");
    let leaky = iql.replace("'{{ auth_parameters }}'", "'{{ auth_parameters | tojson | sql_escape }}'");
    assert_ne!(iql, leaky);
    env.write("resources/orders.iql", &leaky);
    let run = env.trueup("build . dev --show-queries --output-file outputs.json -vvv");
    run.expect(0);
    assert!(run.stderr.contains("INSERT INTO awscc.events.connections"), "{run}");
    let path = env.stack().join("outputs.json");
    let outputs: Value = serde_json::from_str(&fs::read_to_string(&path).expect("it was written")).expect("it is JSON");
    assert!(outputs.to_string().contains("letters"), "{outputs}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // The credential that was sent is the one that was given.
    assert!(env.sandbox().state().to_string().contains("letters-dev"));
    env.trueup("test . dev --no-cache --strict").expect(0);
}

/// `True` inside of a text: there `TrueNorth99` is sent as `trueNorth99`.
#[test]
fn d_a_value_is_sent_as_it_was_given() {
    let mut env = project();
    env.plant("TrueNorth99'; DROP TABLE x; --False");
    env.write(".env", "KEY=TrueNorth99'; DROP TABLE x; --False\n");
    env.trueup("build . dev").expect(0);
    let secrets = env.sandbox().call("secretsmanager", "ListSecrets", &json!({}), "us-east-1").json();
    let arn = secrets["SecretList"][0]["ARN"].as_str().unwrap_or_default().to_owned();
    let value = env.sandbox().call("secretsmanager", "GetSecretValue", &json!({"SecretId": arn}), "us-east-1").json();
    assert!(value["SecretString"].as_str().unwrap_or_default().contains("TrueNorth99'; DROP TABLE x; --False"));
}

/// A global called like a resource: there rendering depends on the order of a hash map.
#[test]
fn nd_names_that_collide_are_said_and_always_the_same() {
    let mut env = project();
    let manifest = fs::read_to_string(env.stack().join("stackql_manifest.yml")).expect("it was written");
    let collides = manifest.replace("globals:\n", "globals:\n  - { name: orders, value: something }\n");
    env.write("stackql_manifest.yml", &collides);
    let first = env.trueup("validate . dev --json");
    for _ in 0..5 {
        assert_eq!(env.trueup("validate . dev --json").stdout, first.stdout);
    }
    let said = first.json()["diagnostics"].to_string();
    assert!(said.contains("`orders`"), "{first}");
}
