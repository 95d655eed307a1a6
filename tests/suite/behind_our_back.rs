//! A password that somebody changes behind our back, with a client that we did not write.

use serde_json::{Value, json};
use trueup_tests::{TestEnv, boto3, interpreter};

const MANIFEST: &str = r#"
version: 1
name: orders
providers: [aws]
resources:
  - name: orders
    type: AWS::Events::Connection
    props:
      Name: "orders-{{ stack_env }}"
      AuthorizationType: BASIC
      AuthParameters:
        BasicAuthParameters: { Username: svc-orders, Password: "{{ secret('env:ORDERS_PASSWORD') }}" }
        InvocationHttpParameters:
          HeaderParameters:
            - { Key: X-Token, Value: "{{ secret('env:ORDERS_TOKEN') }}", IsValueSecret: true }
"#;

const OURS: &str = "Wd4kTn83-our-password";
const THEIRS: &str = "Pz7hQc26-their-password";

fn update(parameters: Value) -> Value {
    json!([{"service": "events", "operation": "UpdateConnection",
            "input": {"Name": "orders-dev", "AuthorizationType": "BASIC", "AuthParameters": parameters}}])
}

#[test]
fn a_password_changed_behind_our_back_is_seen_and_restored() {
    let Some(python) = interpreter() else { return };
    let mut env = TestEnv::new();
    env.set_secret("ORDERS_PASSWORD", OURS).set_secret("ORDERS_TOKEN", "Xs5vRj90-our-token");
    env.plant(THEIRS);
    env.write("trueup.yaml", MANIFEST);
    let url = env.sandbox().url.clone();
    env.logged("apply --yes").expect(0);
    let live = || {
        let listed = json!([{"service": "events", "operation": "DescribeConnection", "input": {"Name": "orders-dev"}}]);
        let arn = boto3(&python, &url, "us-east-1", &listed)[0]["SecretArn"].clone();
        let read = json!([{"service": "secretsmanager", "operation": "GetSecretValue", "input": {"SecretId": arn}}]);
        let text = boto3(&python, &url, "us-east-1", &read)[0]["SecretString"].as_str().unwrap_or_default().to_owned();
        serde_json::from_str::<Value>(&text).expect("the managed secret is JSON")
    };
    assert_eq!(live()["password"], OURS);

    let theirs = json!({"BasicAuthParameters": {"Username": "svc-orders", "Password": THEIRS}});
    assert_eq!(boto3(&python, &url, "us-east-1", &update(theirs))[0]["ConnectionState"], "AUTHORIZED");
    assert_eq!(live()["password"], THEIRS);

    let plan = env.trueup("plan");
    plan.expect(0);
    assert!(plan.stdout.contains("Password    (secret: differs from the live value)"), "{plan}");
    assert!(plan.stdout.contains("1 to update"), "{plan}");
    let document = env.trueup("plan --json --exit-code").expect(2).json();
    let step = &document["steps"][0];
    assert_eq!(
        step["patch"],
        json!([{"op": "replace", "path": "/AuthParameters/BasicAuthParameters/Password",
                "value": {"$secret": "env:ORDERS_PASSWORD"}}])
    );
    let differing: Vec<&str> = step["secrets"]
        .as_array()
        .expect("the step has secrets")
        .iter()
        .filter(|secret| secret["status"] == "differs")
        .filter_map(|secret| secret["path"].as_str())
        .collect();
    assert_eq!(differing, ["/AuthParameters/BasicAuthParameters/Password"]);

    let blind = env.trueup("plan --no-secret-reads");
    blind.expect(0);
    assert!(blind.stdout.contains("not verifiable"), "{blind}");
    assert!(blind.stdout.contains("2 not verifiable"), "both secrets are counted: {blind}");
    assert!(!blind.stdout.contains("differs"), "{blind}");
    assert!(!blind.stdout.contains("No changes"), "nothing is said that was not looked at: {blind}");
    env.trueup("plan --no-secret-reads --strict").expect(6);

    env.logged("apply --yes").expect(0);
    assert_eq!(live()["password"], OURS);
    assert_eq!(live()["username"], "svc-orders");
    env.trueup("plan --exit-code").expect(0);
}

#[test]
fn a_secret_header_changed_behind_our_back_is_seen_too() {
    let Some(python) = interpreter() else { return };
    let mut env = TestEnv::new();
    env.set_secret("ORDERS_PASSWORD", OURS).set_secret("ORDERS_TOKEN", "Xs5vRj90-our-token");
    env.write("trueup.yaml", MANIFEST);
    env.trueup("apply --yes").expect(0);
    let theirs = json!({"InvocationHttpParameters": {"HeaderParameters": [
        {"Key": "X-Token", "Value": "somebody-elses", "IsValueSecret": true}]}});
    boto3(&python, &env.sandbox().url, "us-east-1", &update(theirs));
    let document = env.trueup("plan --json --exit-code").expect(2).json();
    let changed: Vec<&Value> = document["steps"][0]["secrets"]
        .as_array()
        .expect("the step has secrets")
        .iter()
        .filter(|secret| secret["status"] == "differs")
        .collect();
    assert_eq!(changed.len(), 1, "{document:#}");
    env.trueup("apply --yes").expect(0);
    env.trueup("plan --exit-code").expect(0);
}
