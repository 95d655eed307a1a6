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
    assert_eq!(counted(&env, "apply plan.json", operations), [2, 3]);
    // A value that changes between plan and apply changes the verdict from the same to another.
    env.trueup("plan --out again.json --only s*").expect(0);
    let text = json!({"user": "user-0", "password": "Tg5bRw41-later"}).to_string();
    let input = json!({"SecretId": "s0", "SecretString": text, "ClientRequestToken": "0".repeat(31) + "x"});
    assert_eq!(env.sandbox().call("secretsmanager", "PutSecretValue", &input, "us-east-1").status, 200);
    env.trueup("apply again.json").expect(4);
}
