//! Sources in the cloud: how many calls they cost, and when they are not read at all.

use std::fmt::Write as _;

use serde_json::json;
use trueup_tests::TestEnv;

const SECRETS: usize = 25;

/// One connection for each secret and each parameter; two members of one secret, so that it would show.
fn manifest() -> String {
    let mut text =
        "version: 1\nname: many\nproviders: [aws]\nglobals: [{ name: region, value: us-east-1 }]\nresources:\n"
            .to_owned();
    for index in 0..SECRETS {
        let _ = write!(
            text,
            "  - name: s{index}\n    type: AWS::Events::Connection\n    props: {{ Name: s{index}, AuthorizationType: BASIC, \
             AuthParameters: {{ BasicAuthParameters: {{ Username: \"{{{{ secret('aws-sm:s{index}#user') }}}}\", Password: \
             \"{{{{ secret('aws-sm:s{index}#password') }}}}\" }} }} }}\n  - name: p{index}\n    type: \
             AWS::Events::Connection\n    props: {{ Name: p{index}, AuthorizationType: API_KEY, AuthParameters: {{ \
             ApiKeyAuthParameters: {{ ApiKeyName: X-Key, ApiKeyValue: \"{{{{ secret('aws-ssm:/p/{index}') }}}}\" }} }} }}\n"
        );
    }
    text
}

fn filled() -> TestEnv {
    let mut env = TestEnv::new();
    env.write("trueup.yaml", &manifest());
    for index in 0..SECRETS {
        let (password, key) = (format!("Cv7nGx{index:02}-in-a-secret"), format!("Lp3hKd{index:02}-in-a-parameter"));
        env.plant(&password);
        env.plant(&key);
        let text = json!({"user": format!("user-{index}"), "password": password}).to_string();
        let token = format!("{index:032}");
        let secret = json!({"Name": format!("s{index}"), "SecretString": text, "ClientRequestToken": token});
        assert_eq!(env.sandbox().call("secretsmanager", "CreateSecret", &secret, "us-east-1").status, 200);
        let parameter = json!({"Name": format!("/p/{index}"), "Value": key, "Type": "SecureString"});
        assert_eq!(env.sandbox().call("ssm", "PutParameter", &parameter, "us-east-1").status, 200);
    }
    env
}

/// How often each of these was called in a command.
fn counted<const N: usize>(env: &TestEnv, command: &str, operations: [&str; N]) -> [usize; N] {
    let before = env.sandbox().calls().len();
    env.logged(command).expect(0);
    let calls = env.sandbox().calls().split_off(before);
    operations.map(|operation| calls.iter().filter(|call| call.operation == operation).count())
}

#[test]
fn sources_are_read_in_batches_once_a_run() {
    let env = filled();
    let operations = ["BatchGetSecretValue", "GetParameters", "GetSecretValue", "GetParameter"];
    assert_eq!(counted(&env, "plan", operations), [2, 3, 0, 0]);
    // What was planned with is sent.
    assert_eq!(counted(&env, "apply --yes", operations), [2, 3, 0, 0]);
    // The managed secrets of fifty connections are compared besides.
    assert_eq!(counted(&env, "plan", operations), [2 + 3, 3, 0, 0]);
    assert!(env.trueup("plan").expect(0).stdout.contains("No changes"));
}

#[test]
fn what_needs_no_cloud_reads_no_source() {
    let env = filled();
    let operations = ["BatchGetSecretValue", "GetParameters"];
    for command in ["validate", "render", "vars", "plan --no-secret-reads", "teardown --yes"] {
        assert_eq!(counted(&env, command, operations), [0, 0], "{command}");
    }
}

#[test]
fn a_saved_plan_holds_no_value_and_takes_them_again() {
    let env = filled();
    env.trueup("plan --out plan.json --only s0").expect(0);
    let operations = ["BatchGetSecretValue", "GetParameters"];
    // Of the others nothing is read.
    assert_eq!(counted(&env, "apply plan.json", operations), [1, 0]);
    // A value that changes between plan and apply changes the verdict from the same to another.
    env.trueup("plan --out again.json --only s*").expect(0);
    let text = json!({"user": "user-0", "password": "Tg5bRw41-later"}).to_string();
    let input = json!({"SecretId": "s0", "SecretString": text, "ClientRequestToken": "0".repeat(31) + "x"});
    assert_eq!(env.sandbox().call("secretsmanager", "PutSecretValue", &input, "us-east-1").status, 200);
    env.trueup("apply again.json").expect(4);
}

/// One connection with an API key from a source.
fn one(name: &str, source: &str) -> String {
    format!(
        "  - name: {name}\n    type: AWS::Events::Connection\n    props: {{ Name: {name}, AuthorizationType: API_KEY, \
         AuthParameters: {{ ApiKeyAuthParameters: {{ ApiKeyName: X-Key, ApiKeyValue: \"{{{{ secret('{source}') }}}}\" }} }} }}\n"
    )
}

const HEAD: &str =
    "version: 1\nname: some\nproviders: [aws]\nglobals: [{ name: region, value: us-east-1 }]\nresources:\n";

fn called(env: &TestEnv, service: &str, operation: &str, input: &serde_json::Value) -> serde_json::Value {
    let answer = env.sandbox().call(service, operation, input, "us-east-1");
    assert_eq!(answer.status, 200);
    answer.json()
}

/// The value that EventBridge keeps for a connection.
fn kept(env: &TestEnv, name: &str) -> String {
    let connection = called(env, "events", "DescribeConnection", &json!({ "Name": name }));
    let secret = called(env, "secretsmanager", "GetSecretValue", &json!({"SecretId": connection["SecretArn"]}));
    let document: serde_json::Value = serde_json::from_str(secret["SecretString"].as_str().unwrap()).unwrap();
    document["api_key_value"].as_str().unwrap_or_else(|| panic!("{name} has another document")).to_owned()
}

#[test]
fn versions_of_a_parameter_and_all_names_of_a_secret_get_their_own_value() {
    let mut env = TestEnv::new();
    let values = ["Wd4kPq71-the-first", "Wd4kPq72-the-second", "Wd4kPq73-the-third"];
    for value in values {
        env.plant(value);
        let input = json!({"Name": "/a", "Value": value, "Type": "SecureString", "Overwrite": value != values[0]});
        called(&env, "ssm", "PutParameter", &input);
    }
    env.plant("Xj8sLm30-of-the-secret");
    let input = json!({"Name": "db", "SecretString": "Xj8sLm30-of-the-secret", "ClientRequestToken": "0".repeat(32)});
    let arn = called(&env, "secretsmanager", "CreateSecret", &input)["ARN"].as_str().unwrap().to_owned();
    let sources = [
        ("second", "aws-ssm:/a:2".to_owned(), values[1]),
        ("latest", "aws-ssm:/a".to_owned(), values[2]),
        ("first", "aws-ssm:/a:1".to_owned(), values[0]),
        ("by-name", "aws-sm:db".to_owned(), "Xj8sLm30-of-the-secret"),
        ("by-arn", format!("aws-sm:{arn}"), "Xj8sLm30-of-the-secret"),
        ("by-part", format!("aws-sm:{}", &arn[..arn.len() - 7]), "Xj8sLm30-of-the-secret"),
    ];
    let resources: String = sources.iter().map(|(name, source, _)| one(name, source)).collect();
    env.write("trueup.yaml", &format!("{HEAD}{resources}"));
    env.trueup("apply --yes").expect(0);
    for (name, _, value) in &sources {
        assert!(kept(&env, name) == *value, "{name} has another value");
    }
    assert!(env.trueup("plan").expect(0).stdout.contains("No changes"));
}

#[test]
fn a_source_that_could_not_be_read_is_not_missing() {
    let mut env = TestEnv::new();
    env.plant("Yb2nTr64-in-a-parameter");
    called(
        &env,
        "ssm",
        "PutParameter",
        &json!({"Name": "/a", "Value": "Yb2nTr64-in-a-parameter", "Type": "SecureString"}),
    );
    env.write("trueup.yaml", &format!("{HEAD}{}", one("orders", "aws-ssm:/a")));
    env.trueup("plan --out plan.json").expect(0);
    let error = json!({"code": "ValidationException", "message": "no", "status": 400});
    let failing = json!({"rules": [{"operation": "GetParameters", "error": error}]});
    let denied = json!({"rules": [{"operation": "GetParameters", "deny": true}]});
    for (faults, why) in
        [(failing, "GetParameters failed ("), (denied, "ssm:GetParameters, or kms:Decrypt on its key, denied")]
    {
        env.sandbox().faults(&faults);
        for command in ["apply --yes", "apply plan.json"] {
            let run = env.trueup(command);
            run.expect(6);
            assert!(run.stderr.contains(why) && !run.stderr.contains("missing"), "{}", run.stderr);
            assert!(run.stderr.contains("nothing was sent"), "{}", run.stderr);
        }
        let run = env.trueup("plan --json");
        run.expect(0);
        assert!(run.stdout.contains(why) && !run.stdout.contains("source missing"), "{}", run.stdout);
    }
    env.sandbox().faults(&json!({"rules": []}));
    let run = env.trueup("apply --yes --no-secret-reads");
    run.expect(64);
    assert!(run.stderr.contains("run without `--no-secret-reads`"), "{}", run.stderr);
    let creates =
        |env: &TestEnv| env.sandbox().calls().iter().filter(|call| call.operation == "CreateConnection").count();
    assert_eq!(creates(&env), 0);
    env.trueup("apply plan.json").expect(0);
    assert_eq!(creates(&env), 1);
    // A plan that only a value moved: what is stale is not known while the source cannot be read.
    env.plant("Yb2nTr65-another-one");
    let input = json!({"Name": "/a", "Value": "Yb2nTr65-another-one", "Type": "SecureString", "Overwrite": true});
    called(&env, "ssm", "PutParameter", &input);
    env.trueup("plan --out again.json").expect(0);
    env.sandbox().faults(&json!({"rules": [{"operation": "GetParameters", "deny": true}]}));
    let run = env.trueup("apply again.json");
    run.expect(6);
    assert!(run.stderr.contains("ssm:GetParameters, or kms:Decrypt on its key, denied"), "{}", run.stderr);
    assert!(env.trueup("drift").expect(0).stdout.contains("ssm:GetParameters, or kms:Decrypt on its key, denied"));
}
