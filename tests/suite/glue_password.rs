//! Glue's `UpdateConnection` overwrites everything, so a change beside a password has to send the password too: the
//! right one, or nothing. What is stored is looked at past the program.

use serde_json::{Value, json};
use trueup_tests::{Call, TestEnv, writes};

const OURS: &str = "Bn7wQj45-inline-password";
const THEIRS: &str = "Kd3mVy69-somebody-elses";

fn manifest(host: &str, source: &str) -> String {
    format!(
        r#"
version: 1
name: warehouse
providers: [aws]
resources:
  - name: warehouse
    type: AWS::Glue::Connection
    props:
      ConnectionInput:
        Name: warehouse
        ConnectionType: JDBC
        ConnectionProperties:
          HOST: {host}
          PORT: "5432"
          JDBC_ENGINE: postgresql
          USERNAME: loader
          PASSWORD: "{{{{ secret('{source}') }}}}"
"#
    )
}

fn applied() -> TestEnv {
    let mut env = TestEnv::new();
    env.set_secret("WAREHOUSE_PASSWORD", OURS).plant(THEIRS);
    env.write("trueup.yaml", &manifest("one.example.com", "env:WAREHOUSE_PASSWORD"));
    env.logged("apply --yes").expect(0);
    env
}

fn glue(env: &TestEnv, operation: &str, input: &Value) -> Value {
    let answer = env.sandbox().call("glue", operation, input, "us-east-1");
    assert_eq!(answer.status, 200, "{operation}: {}", answer.body);
    answer.json()
}

/// The properties that Glue holds, with the password.
fn stored(env: &TestEnv) -> Value {
    let input = json!({"Name": "warehouse", "HidePassword": false});
    glue(env, "GetConnection", &input)["Connection"]["ConnectionProperties"].clone()
}

fn protect_passwords(env: &TestEnv, on: bool) {
    let settings = json!({"ConnectionPasswordEncryption": {"ReturnConnectionPasswordEncrypted": on}});
    glue(env, "PutDataCatalogEncryptionSettings", &json!({"DataCatalogEncryptionSettings": settings}));
}

/// The writes to Glue since call number `before`.
fn sent(env: &TestEnv, before: usize) -> Vec<String> {
    let calls: Vec<Call> = env.sandbox().calls().split_off(before);
    writes(&calls).iter().map(|call| call.operation.clone()).collect()
}

#[test]
fn a_changed_host_sends_the_unchanged_password() {
    let mut env = applied();
    env.write("trueup.yaml", &manifest("two.example.com", "env:WAREHOUSE_PASSWORD"));
    let plan = env.trueup("plan");
    plan.expect(0);
    assert!(plan.stdout.contains(r#""one.example.com"  →  "two.example.com""#), "{plan}");
    assert!(!plan.stdout.contains("differs"), "the password is the same: {plan}");
    let before = env.sandbox().calls().len();
    env.logged("apply --yes").expect(0);
    assert_eq!(sent(&env, before), ["UpdateConnection"]);
    let stored = stored(&env);
    assert_eq!((&stored["HOST"], &stored["PASSWORD"]), (&json!("two.example.com"), &json!(OURS)));
    env.trueup("plan --exit-code --strict").expect(0);
}

#[test]
fn a_saved_plan_of_a_changed_host_sends_the_password_too() {
    let mut env = applied();
    env.write("trueup.yaml", &manifest("two.example.com", "env:WAREHOUSE_PASSWORD"));
    env.trueup("plan --out plan.json").expect(0);
    env.logged("apply plan.json --yes").expect(0);
    let stored = stored(&env);
    assert_eq!((&stored["HOST"], &stored["PASSWORD"]), (&json!("two.example.com"), &json!(OURS)));
}

#[test]
fn without_the_password_nothing_is_sent() {
    let mut env = applied();
    env.write("trueup.yaml", &manifest("two.example.com", "env:WAREHOUSE_PASSWORD"));
    env.trueup("plan --out plan.json").expect(0);
    env.unset("WAREHOUSE_PASSWORD");
    // The saved plan is stale besides: what was the same can no longer be told.
    for (command, exit) in [("apply --yes", 64), ("apply plan.json --yes", 4)] {
        let before = env.sandbox().calls().len();
        env.logged(command).expect(exit);
        assert_eq!(sent(&env, before), Vec::<String>::new(), "{command}");
    }
    let stored = stored(&env);
    assert_eq!((&stored["HOST"], &stored["PASSWORD"]), (&json!("one.example.com"), &json!(OURS)));
}

#[test]
fn an_inline_password_changed_behind_our_back_is_seen_and_restored() {
    let env = applied();
    let mut theirs = stored(&env);
    theirs["PASSWORD"] = THEIRS.into();
    let input = json!({"Name": "warehouse", "ConnectionType": "JDBC", "ConnectionProperties": theirs});
    glue(&env, "UpdateConnection", &json!({"Name": "warehouse", "ConnectionInput": input}));
    let document = env.trueup("plan --json --exit-code").expect(2).json();
    let secrets = &document["steps"][0]["secrets"];
    assert_eq!(
        secrets,
        &json!([{"path": "/ConnectionInput/ConnectionProperties/PASSWORD", "status": "differs",
                "source": "env:WAREHOUSE_PASSWORD"}]),
        "{document:#}"
    );
    env.logged("apply --yes").expect(0);
    assert_eq!(stored(&env)["PASSWORD"], OURS);
    env.trueup("plan --exit-code --strict").expect(0);
}

#[test]
fn what_the_catalog_encrypts_is_not_verifiable_and_sent_all_the_same() {
    let mut env = TestEnv::new();
    env.set_secret("WAREHOUSE_PASSWORD", OURS);
    env.write("trueup.yaml", &manifest("one.example.com", "env:WAREHOUSE_PASSWORD"));
    protect_passwords(&env, true);
    env.logged("apply --yes").expect(0);
    let plan = env.trueup("plan --exit-code");
    plan.expect(0);
    assert!(plan.stdout.contains("1 not verifiable") && !plan.stdout.contains("No changes"), "{plan}");
    env.trueup("plan --strict").expect(6);
    env.write("trueup.yaml", &manifest("two.example.com", "env:WAREHOUSE_PASSWORD"));
    env.logged("apply --yes").expect(0);
    assert_eq!(stored(&env)["PASSWORD"], Value::Null, "it is answered encrypted alone");
    // What is answered is the reader's choice; what was encrypted is decrypted for the owner of the key.
    protect_passwords(&env, false);
    let stored = stored(&env);
    assert_eq!((&stored["HOST"], &stored["PASSWORD"]), (&json!("two.example.com"), &json!(OURS)));
}
