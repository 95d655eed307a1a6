//! The saved plan: it holds no secret, does exactly what it says, and is refused when something moved in between.

use std::fs;

use serde_json::{Value, json};
use trueup_tests::{TestEnv, check_schema, writes};

const MANIFEST: &str = r#"
version: 1
name: orders
providers: [aws]
vars:
  - { name: ORDERS_PASSWORD, secret: true }
  - { name: DESCRIPTION, default: Orders API }
resources:
  - name: orders
    type: AWS::Events::Connection
    props:
      Name: "orders-{{ stack_env }}"
      Description: "{{ vars.DESCRIPTION }}"
      AuthorizationType: BASIC
      AuthParameters:
        BasicAuthParameters: { Username: svc-orders, Password: "{{ vars.ORDERS_PASSWORD }}" }
        InvocationHttpParameters:
          HeaderParameters:
            - { Key: X-Token, Value: "Bearer {{ secret('file:token.txt') }}", IsValueSecret: true }
  - name: created
    type: AWS::Events::ApiDestination
    props:
      Name: "created-{{ stack_env }}"
      ConnectionArn: "{{ orders.Arn }}"
      InvocationEndpoint: https://orders.example.com/created
      HttpMethod: POST
"#;

/// A password in which every form of escaping shows.
const PASSWORD: &str = "Qk9\"nV\\<é&%+ /?=🔑 tail";

fn stack() -> TestEnv {
    let mut env = TestEnv::new();
    env.set_secret("ORDERS_PASSWORD", PASSWORD);
    env.plant("Lm3xTb60-token-of-a-file");
    env.write("token.txt", "Lm3xTb60-token-of-a-file\n").write("trueup.yaml", MANIFEST);
    env
}

fn saved(env: &TestEnv, name: &str) -> Value {
    let path = env.stack().join(name);
    let text = fs::read(&path).expect("the plan was saved");
    // The search around every run has read this file already; here once more by name.
    env.canaries().check("the saved plan", &text);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(&path).expect("the plan was saved").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "the plan may be read by others");
    }
    let document: Value = serde_json::from_slice(&text).expect("a plan is JSON");
    check_schema("plan", &document);
    document
}

#[test]
fn a_saved_plan_holds_no_secret_and_does_what_it_says() {
    let env = stack();
    env.logged("plan --out plan.json").expect(0);
    let plan = saved(&env, "plan.json");
    assert_eq!(plan["steps"].as_array().map(Vec::len), Some(2));
    assert_eq!(plan["edges"], json!([["orders#create", "created#create"]]));
    let text = plan.to_string();
    assert!(text.contains("env:ORDERS_PASSWORD") && text.contains("file:token.txt"), "a secret is named: {text}");
    assert!(!text.contains("fingerprint"), "nothing is derived from a secret without a key: {text}");

    let before = env.sandbox().calls().len();
    let done = env.trueup("apply plan.json --json").expect(0).json();
    let outcomes: Vec<(&str, &str)> = done["outcomes"]
        .as_array()
        .expect("there are outcomes")
        .iter()
        .map(|it| (it["address"].as_str().unwrap_or_default(), it["outcome"].as_str().unwrap_or_default()))
        .collect();
    assert_eq!(outcomes, [("orders", "done"), ("created", "done")]);
    let calls = env.sandbox().calls().split_off(before);
    let written: Vec<&str> = writes(&calls).iter().map(|call| call.operation.as_str()).collect();
    assert_eq!(written, ["CreateConnection", "CreateApiDestination"]);
    env.trueup("plan --exit-code").expect(0);

    // An applied plan is stale.
    let before = env.sandbox().calls().len();
    env.trueup("apply plan.json").expect(4);
    assert!(writes(&env.sandbox().calls()[before..]).is_empty());
}

#[test]
fn with_a_key_the_plan_has_fingerprints_and_still_no_secret() {
    let mut env = stack();
    env.set_secret("TRUEUP_PLAN_KEY", "Dv8sGy15-key-of-the-fingerprints");
    env.logged("plan --out plan.json").expect(0);
    assert!(saved(&env, "plan.json").to_string().contains("fingerprint"));
    // The source of a secret that changed in between is noticed.
    env.set_secret("ORDERS_PASSWORD", "Fc2mWq47-another-password");
    let before = env.sandbox().calls().len();
    env.trueup("apply plan.json").expect(4);
    assert!(writes(&env.sandbox().calls()[before..]).is_empty());
}

/// Saves a plan of an update, lets something happen, and expects that the plan is refused without any write.
#[track_caller]
fn refused(happens: impl Fn(&mut TestEnv)) {
    let mut env = stack();
    env.trueup("apply --yes").expect(0);
    env.set("DESCRIPTION", "Orders API, version 2");
    env.trueup("plan --out plan.json").expect(0);
    assert_eq!(saved(&env, "plan.json")["steps"].as_array().map(Vec::len), Some(1));
    happens(&mut env);
    let before = env.sandbox().calls().len();
    env.logged("apply plan.json").expect(4);
    let calls = env.sandbox().calls().split_off(before);
    assert!(writes(&calls).is_empty(), "{calls:?}");
}

fn behind(env: &TestEnv, operation: &str, input: &Value) {
    let answer = env.sandbox().call("events", operation, input, "us-east-1");
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[test]
fn a_plan_is_stale_when_the_resource_was_changed() {
    refused(|env| behind(env, "UpdateConnection", &json!({"Name": "orders-dev", "Description": "by hand"})));
}

#[test]
fn a_plan_is_stale_when_only_the_password_was_changed() {
    refused(|env| {
        let parameters = json!({"BasicAuthParameters": {"Username": "svc-orders", "Password": "by-somebody"}});
        behind(
            env,
            "UpdateConnection",
            &json!({"Name": "orders-dev", "AuthorizationType": "BASIC", "AuthParameters": parameters}),
        );
    });
}

#[test]
fn a_plan_is_stale_when_the_resource_was_deleted() {
    refused(|env| behind(env, "DeleteConnection", &json!({"Name": "orders-dev"})));
}

#[test]
fn a_plan_is_stale_when_the_manifest_was_changed() {
    refused(|env| {
        let other = MANIFEST.replace("https://orders.example.com/created", "https://orders.example.com/made");
        env.write("trueup.yaml", &other);
    });
}

#[test]
fn a_plan_is_stale_when_a_variable_was_changed() {
    refused(|env| {
        env.set("DESCRIPTION", "Orders API, version 3");
    });
}

#[test]
fn a_plan_is_stale_for_another_account() {
    refused(|env| {
        env.set("AWS_ACCESS_KEY_ID", "210987654321");
    });
}

#[test]
fn a_plan_that_was_edited_is_refused() {
    let env = stack();
    env.trueup("plan --out plan.json").expect(0);
    let path = env.stack().join("plan.json");
    let text = fs::read_to_string(&path).expect("the plan was saved");
    fs::write(&path, text.replace("Orders API", "Something else")).expect("the plan can be written");
    let run = env.trueup("apply plan.json");
    assert!(matches!(run.code, Some(4 | 64)), "{run}");
    assert!(env.sandbox().home("us-east-1")["connections"].as_object().is_none_or(serde_json::Map::is_empty));
}

#[test]
fn the_plan_for_the_same_inputs_is_the_same_to_the_byte() {
    let env = stack();
    env.trueup("plan --out one.json").expect(0);
    env.trueup("plan --out two.json").expect(0);
    let read = |name| fs::read(env.stack().join(name)).expect("the plan was saved");
    assert_eq!(read("one.json"), read("two.json"));
    assert_eq!(env.trueup("plan --json").stdout, env.trueup("plan --json").stdout);
}

#[test]
fn a_saved_plan_is_made_again_under_the_same_view() {
    let mut env = stack();
    let connection = |name: &str, more: &str| {
        format!(
            "  - name: {name}\n    type: AWS::Events::Connection\n{more}    props:\n      Name: {name}-x\n      \
             AuthorizationType: BASIC\n      AuthParameters:\n        BasicAuthParameters: {{ Username: svc, \
             Password: \"{{{{ vars.ORDERS_PASSWORD }}}}\" }}\n"
        )
    };
    let manifest = |a: &str| {
        let head = "version: 1\nname: orders\nproviders: [aws]\nvars: [{ name: ORDERS_PASSWORD, secret: true }]\n";
        format!("{head}resources:\n{a}{}", connection("b", "    depends_on: [a]\n"))
    };
    env.write("trueup.yaml", &manifest(&connection("a", "")));
    env.trueup("apply --yes").expect(0);
    // `b` is in sync and has no step; it lets the former `a` go all the same.
    let renamed = connection("a", "    renamed_from: a-x\n").replace("Name: a-x", "Name: a-y");
    env.write("trueup.yaml", &manifest(&renamed));
    env.trueup("plan --out plan.json").expect(0);
    env.trueup("apply plan.json").expect(0);
    env.trueup("plan --exit-code").expect(0);
}
