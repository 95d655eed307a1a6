//! The three kinds of authorization, from nothing through every change to nothing, on the sandbox.
//!
//! `emulators.rs` has the same on servers that we did not write, as far as they can.

use std::fmt::Write as _;

use serde_json::{Value, json};
use trueup_tests::{Call, TestEnv, writes};

const PASSWORD: &str = "Ga6tNw81-password-of-orders";
const HEADER: &str = "Cy2hJm57-secret-header";

/// What a stack says at one moment.
#[derive(Clone)]
pub struct Stack {
    pub kind: &'static str,
    pub name: &'static str,
    pub renamed_from: Option<&'static str>,
    pub description: Option<&'static str>,
    pub user: &'static str,
}

pub const KINDS: [&str; 3] = ["BASIC", "API_KEY", "OAUTH_CLIENT_CREDENTIALS"];

impl Stack {
    pub fn new(kind: &'static str) -> Self {
        Self { kind, name: "orders", renamed_from: None, description: Some("Orders API"), user: "svc-orders" }
    }

    /// The manifest, with a destination and invocation parameters of each sort.
    pub fn manifest(&self) -> String {
        let mut text = String::from(
            "version: 1\nname: orders\nproviders: [aws]\nvars:\n  - { name: PASSWORD, secret: true }\n  - { name: HEADER, \
             secret: true }\nresources:\n  - name: orders\n    type: AWS::Events::Connection\n",
        );
        if let Some(former) = self.renamed_from {
            let _ = writeln!(text, "    renamed_from: {former}");
        }
        let _ = writeln!(text, "    props:\n      Name: {}", self.name);
        if let Some(description) = self.description {
            let _ = writeln!(text, "      Description: {description}");
        }
        let _ = writeln!(text, "      AuthorizationType: {}\n      AuthParameters:", self.kind);
        let user = self.user;
        let parameters = match self.kind {
            "BASIC" => {
                format!("        BasicAuthParameters: {{ Username: {user}, Password: \"{{{{ vars.PASSWORD }}}}\" }}\n")
            }
            "API_KEY" => {
                format!(
                    "        ApiKeyAuthParameters: {{ ApiKeyName: {user}, ApiKeyValue: \"{{{{ vars.PASSWORD }}}}\" }}\n"
                )
            }
            _ => format!(
                "        OAuthParameters:\n          ClientParameters: {{ ClientID: {user}, ClientSecret: \"{{{{ vars.PASSWORD \
                 }}}}\" }}\n          AuthorizationEndpoint: https://login.example.com/token\n          HttpMethod: POST\n          \
                 OAuthHttpParameters:\n            BodyParameters: [{{ Key: scope, Value: all, IsValueSecret: false }}]\n"
            ),
        };
        text.push_str(&parameters);
        text.push_str(
            "        InvocationHttpParameters:\n          HeaderParameters:\n            - { Key: X-Token, Value: \"{{ \
             vars.HEADER }}\", IsValueSecret: true }\n            - { Key: X-Version, Value: \"2\", IsValueSecret: false }\n          \
             QueryStringParameters: [{ Key: q, Value: v, IsValueSecret: false }]\n          BodyParameters: [{ Key: b, Value: \
             v, IsValueSecret: false }]\n  - name: created\n    type: AWS::Events::ApiDestination\n    props:\n      Name: created\n      \
             ConnectionArn: \"{{ orders.Arn }}\"\n      InvocationEndpoint: https://orders.example.com/created\n      \
             HttpMethod: POST\n",
        );
        text
    }

    /// Where the user and the secret of a kind are.
    pub fn paths(kind: &str) -> (&'static str, &'static str) {
        match kind {
            "BASIC" => ("/AuthParameters/BasicAuthParameters/Username", "/AuthParameters/BasicAuthParameters/Password"),
            "API_KEY" => {
                ("/AuthParameters/ApiKeyAuthParameters/ApiKeyName", "/AuthParameters/ApiKeyAuthParameters/ApiKeyValue")
            }
            _ => (
                "/AuthParameters/OAuthParameters/ClientParameters/ClientID",
                "/AuthParameters/OAuthParameters/ClientParameters/ClientSecret",
            ),
        }
    }
}

fn fresh(stack: &Stack) -> TestEnv {
    let mut env = TestEnv::new();
    env.set_secret("PASSWORD", PASSWORD).set_secret("HEADER", HEADER).write("trueup.yaml", &stack.manifest());
    env
}

/// Applies, and returns the calls that wrote something.
#[track_caller]
fn apply(env: &TestEnv) -> Vec<Call> {
    let before = env.sandbox().calls().len();
    env.logged("apply --yes").expect(0);
    let calls = env.sandbox().calls().split_off(before);
    writes(&calls).into_iter().cloned().collect()
}

#[track_caller]
fn nothing_to_do(env: &TestEnv) {
    env.trueup("plan --exit-code --strict").expect(0);
}

/// The one step of a plan.
#[track_caller]
fn only_step(env: &TestEnv) -> Value {
    let plan = env.trueup("plan --json --exit-code").expect(2).json();
    assert_eq!(plan["steps"].as_array().map(Vec::len), Some(1), "{plan:#}");
    plan["steps"][0].clone()
}

fn operations(calls: &[Call]) -> Vec<String> {
    calls.iter().map(|call| format!("{} {}", call.operation, call.resource.as_deref().unwrap_or("-"))).collect()
}

fn managed(env: &TestEnv, name: &str) -> Value {
    let call = |service, operation, input| env.sandbox().call(service, operation, &input, "us-east-1").json();
    let arn = call("events", "DescribeConnection", json!({"Name": name}))["SecretArn"].clone();
    let secret = call("secretsmanager", "GetSecretValue", json!({"SecretId": arn}));
    serde_json::from_str(secret["SecretString"].as_str().unwrap_or("null")).expect("the managed secret is JSON")
}

#[test]
fn each_kind_goes_through_every_change_in_place() {
    for kind in KINDS {
        let mut stack = Stack::new(kind);
        let mut env = fresh(&stack);
        let (user, secret) = Stack::paths(kind);
        let plan = env.trueup("plan --json --exit-code").expect(2).json();
        assert_eq!(plan["summary"]["create"], 2, "{plan:#}");
        assert_eq!(operations(&apply(&env)), ["CreateConnection orders", "CreateApiDestination created"]);
        nothing_to_do(&env);

        // The smallest patch: a guard, and what is new.
        stack.description = Some("Orders API, version 2");
        env.write("trueup.yaml", &stack.manifest());
        let step = only_step(&env);
        assert_eq!(step["action"], "update");
        assert_eq!(
            step["patch"],
            json!([{"op": "test", "path": "/Description", "value": "Orders API"},
                   {"op": "replace", "path": "/Description", "value": "Orders API, version 2"}])
        );
        assert_eq!(operations(&apply(&env)), ["UpdateConnection orders"]);
        nothing_to_do(&env);

        stack.user = "svc-orders-2";
        env.write("trueup.yaml", &stack.manifest());
        assert_eq!(
            only_step(&env)["patch"],
            json!([{"op": "test", "path": user, "value": "svc-orders"},
                   {"op": "replace", "path": user, "value": "svc-orders-2"}])
        );
        assert_eq!(operations(&apply(&env)), ["UpdateConnection orders"]);
        nothing_to_do(&env);

        env.set_secret("PASSWORD", "Ro9vEx43-second-password");
        assert_eq!(
            only_step(&env)["patch"],
            json!([{"op": "replace", "path": secret, "value": {"$secret": "env:PASSWORD"}}])
        );
        assert_eq!(operations(&apply(&env)), ["UpdateConnection orders"]);
        assert!(managed(&env, "orders").to_string().contains("Ro9vEx43-second-password"));
        nothing_to_do(&env);

        env.set_secret("HEADER", "Ib3cQz70-second-header");
        let step = only_step(&env);
        let patch = step["patch"].as_array().expect("a step has a patch");
        assert_eq!(patch.len(), 1, "{step:#}");
        assert_eq!(patch[0]["path"], "/AuthParameters/InvocationHttpParameters/HeaderParameters/0/Value");
        apply(&env);
        assert!(managed(&env, "orders").to_string().contains("Ib3cQz70-second-header"));
        nothing_to_do(&env);

        stack.description = None;
        env.write("trueup.yaml", &stack.manifest());
        assert_eq!(
            only_step(&env)["patch"],
            json!([{"op": "test", "path": "/Description", "value": "Orders API, version 2"},
                   {"op": "remove", "path": "/Description"}])
        );
        apply(&env);
        nothing_to_do(&env);

        let before = env.sandbox().calls().len();
        env.logged("teardown --yes").expect(0);
        let calls = env.sandbox().calls().split_off(before);
        let written: Vec<Call> = writes(&calls).into_iter().cloned().collect();
        assert_eq!(operations(&written), ["DeleteApiDestination created", "DeleteConnection orders"]);
        nothing_is_left(&env);
    }
}

#[track_caller]
fn nothing_is_left(env: &TestEnv) {
    let home = env.sandbox().home("us-east-1");
    for what in ["connections", "api_destinations", "secrets"] {
        assert_eq!(home[what], json!({}), "{home:#}");
    }
}

#[test]
fn the_kind_changes_in_place_both_ways() {
    for (from, to) in [(0, 1), (1, 2), (2, 0)].map(|(from, to)| (KINDS[from], KINDS[to])) {
        let mut env = fresh(&Stack::new(from));
        apply(&env);
        let arn = |env: &TestEnv| env.sandbox().home("us-east-1")["connections"]["orders"]["ConnectionArn"].clone();
        let before = arn(&env);
        env.write("trueup.yaml", &Stack::new(to).manifest());
        let step = only_step(&env);
        assert_eq!(step["action"], "update", "{from} → {to}: {step:#}");
        let first = &step["patch"].as_array().expect("a step has a patch")[..2];
        assert_eq!(
            first,
            [
                json!({"op": "test", "path": "/AuthorizationType", "value": from}),
                json!({"op": "replace", "path": "/AuthorizationType", "value": to})
            ]
        );
        assert_eq!(operations(&apply(&env)), ["UpdateConnection orders"]);
        assert_eq!(arn(&env), before, "the connection is the same one");
        nothing_to_do(&env);
        env.trueup("teardown --yes").expect(0);
        nothing_is_left(&env);
    }
}

#[test]
fn a_new_name_with_renamed_from_is_a_replacement_that_leaves_no_gap() {
    for kind in KINDS {
        let mut stack = Stack::new(kind);
        let mut env = fresh(&stack);
        apply(&env);
        stack.name = "purchases";
        stack.renamed_from = Some("orders");
        env.write("trueup.yaml", &stack.manifest());
        let plan = env.trueup("plan --json --exit-code --out plan.json").expect(2).json();
        assert_eq!((&plan["summary"]["replace"], &plan["summary"]["update"]), (&json!(1), &json!(1)), "{plan:#}");
        let written = operations(&apply(&env));
        assert_eq!(written, ["CreateConnection purchases", "UpdateApiDestination created", "DeleteConnection orders"]);
        nothing_to_do(&env);
        let home = env.sandbox().home("us-east-1");
        assert_eq!(home["secrets"].as_object().map(serde_json::Map::len), Some(1), "the old one's secret is gone");
        assert_eq!(
            home["api_destinations"]["created"]["ConnectionArn"],
            home["connections"]["purchases"]["ConnectionArn"]
        );
        env.trueup("teardown --yes").expect(0);
        nothing_is_left(&env);
    }
}

#[test]
fn a_replacement_that_stopped_in_between_is_finished() {
    let mut stack = Stack::new("BASIC");
    let mut env = fresh(&stack);
    apply(&env);
    stack.name = "purchases";
    stack.renamed_from = Some("orders");
    env.write("trueup.yaml", &stack.manifest());
    for operation in ["UpdateApiDestination", "DeleteConnection"] {
        env.sandbox().faults(&json!({"rules": [{"operation": operation, "deny": true}]}));
        env.trueup("apply --yes").expect(1);
        assert!(
            env.sandbox().home("us-east-1")["connections"]["orders"].is_object(),
            "the old one waits for its users"
        );
    }
    env.sandbox().no_faults();
    assert_eq!(operations(&apply(&env)), ["DeleteConnection orders"]);
    nothing_to_do(&env);
}

#[test]
fn a_new_name_alone_is_a_create_and_the_plan_says_what_stays() {
    let mut stack = Stack::new("BASIC");
    let mut env = fresh(&stack);
    apply(&env);
    stack.name = "purchases";
    env.write("trueup.yaml", &stack.manifest());
    let plan = env.trueup("plan --exit-code");
    plan.expect(2);
    assert!(plan.stdout.contains("1 to create, 1 to update, 0 to replace, 0 to delete"), "{plan}");
    assert!(plan.stdout.contains("`orders`") && plan.stdout.contains("stays behind"), "{plan}");
    assert!(plan.stdout.contains("renamed_from: orders"), "{plan}");
    assert_eq!(operations(&apply(&env)), ["CreateConnection purchases", "UpdateApiDestination created"]);
    nothing_to_do(&env);
    let home = env.sandbox().home("us-east-1");
    assert!(home["connections"]["orders"].is_object(), "nobody asked to delete it");
}
