//! The sandbox from outside: control endpoints, faults, policy, state, and the wire.

#![allow(clippy::unwrap_used)]

mod common;

use std::net::SocketAddr;
use std::time::Instant;

use common::{Sandbox, basic, oauth, slow};
use serde_json::{Value, json};
use trueup_sandbox::{Error, Options, dump_state, reset_state};

fn outcomes(sandbox: &Sandbox) -> Vec<String> {
    let calls = sandbox.calls();
    calls
        .iter()
        .map(|call| format!("{} {}", call["operation"].as_str().unwrap(), call["outcome"].as_str().unwrap()))
        .collect()
}

#[test]
fn only_loopback_is_listened_on() {
    let addr: SocketAddr = "0.0.0.0:0".parse().unwrap();
    let refused = Sandbox::with(Options { addr, ..Options::default() });
    assert!(matches!(refused, Err(Error::NotLoopback { .. })));
}

#[test]
fn answers_have_the_services_form() {
    let sandbox = Sandbox::new();
    let answer = sandbox.call("AWSEvents.DescribeConnection", json!({"Name": "absent"}));
    assert_eq!(answer.status, 400);
    for header in
        ["x-amzn-requestid: ", "x-amzn-errortype: resourcenotfoundexception", "date: ", "application/x-amz-json-1.1"]
    {
        assert!(answer.headers.contains(header), "{header} in {}", answer.headers);
    }
    assert!(answer.json()["message"].is_string());
    let answer = sandbox.call("secretsmanager.DescribeSecret", json!({"SecretId": "absent"}));
    assert!(answer.json()["Message"].is_string());
    assert_eq!(sandbox.call("AWSEvents.ListRules", json!({})).code(), "UnknownOperationException");
    assert_eq!(sandbox.call("AWSGlue.GetDatabases", json!({})).code(), "UnknownOperationException");
    assert_eq!(sandbox.call("AWSEvents.DescribeConnection", json!({"Name": 5})).code(), "SerializationException");
    let unsigned = sandbox.send("POST", "/", "X-Amz-Target: AWSEvents.ListConnections\r\n", "{}").unwrap();
    assert_eq!(unsigned.code(), "MissingAuthenticationTokenException");
    let signed = "Authorization: AWS4-HMAC-SHA256 Credential=111122223333/20261121/us-east-1/sts/aws4_request\r\n";
    let answer = sandbox.send("POST", "/", signed, "Action=GetCallerIdentity&Version=2011-06-15").unwrap();
    assert!(answer.body.contains("<Account>111122223333</Account>"), "{}", answer.body);
    let answer = sandbox.send("POST", "/", signed, "Action=AssumeRole&Version=2011-06-15").unwrap();
    assert!(answer.body.contains("<Code>InvalidAction</Code>"), "{}", answer.body);
}

#[test]
fn accounts_and_regions_are_apart_and_reset_empties_all() {
    let sandbox = Sandbox::new();
    for (key, region) in [("111122223333", "us-east-1"), ("111122223333", "cn-north-1"), ("AKID", "us-east-1")] {
        let answer = sandbox.call_as(key, region, "AWSEvents.CreateConnection", &basic("orders")).unwrap();
        assert_eq!(answer.status, 200);
    }
    let dump = sandbox.control("GET", "state", &Value::Null).json();
    let china = &dump["accounts"]["111122223333"]["cn-north-1"]["connections"]["orders"];
    assert!(china["ConnectionArn"].as_str().unwrap().starts_with("arn:aws-cn:events:cn-north-1:111122223333:"));
    assert!(!dump.to_string().contains("hunter2"));
    assert_eq!(sandbox.calls().len(), 3);
    sandbox.control("POST", "reset", &Value::Null);
    assert_eq!(sandbox.calls(), Vec::<Value>::new());
    assert_eq!(sandbox.control("GET", "state", &Value::Null).json()["accounts"], json!({}));
    assert_eq!(sandbox.control("GET", "reset", &Value::Null).status, 405);
    assert_eq!(sandbox.control("GET", "nothing", &Value::Null).status, 404);
}

#[test]
fn the_state_outlives_the_process_and_is_private_and_locked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let options = || Options { state: Some(path.clone()), ..slow() };
    let sandbox = Sandbox::with(options()).unwrap();
    sandbox.events("CreateConnection", basic("orders"));
    sandbox.events("CreateConnection", oauth("later"));
    sandbox.advance("2h");
    let before = sandbox.describe("orders");
    let second = Sandbox::with(options());
    let error = second.err().unwrap();
    assert!(matches!(error, Error::InUse { .. }) && error.to_string().contains("state"));
    assert!(matches!(reset_state(&path), Err(Error::InUse { .. })));
    sandbox.stop();

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o700);
        assert_eq!(mode(&path.join("state.json")), 0o600);
    }
    let dump = dump_state(&path).unwrap();
    let shown = &dump["accounts"]["123456789012"]["us-east-1"]["connections"];
    assert_eq!(shown["later"]["ConnectionState"], "AUTHORIZED");
    assert!(!dump.to_string().contains("hunter2"));

    let sandbox = Sandbox::with(options()).unwrap();
    assert_eq!(sandbox.describe("orders"), before);
    assert_eq!(sandbox.payload("orders")["password"], "hunter2-pass");
    sandbox.events("DeleteConnection", json!({"Name": "orders"}));
    sandbox.stop();
    reset_state(&path).unwrap();
    assert_eq!(dump_state(&path).unwrap()["accounts"], json!({}));
}

#[test]
fn a_damaged_state_is_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let text = r#"{"version": 1, "advanced_ms": "hunter2"}"#;
    std::fs::write(folder.path().join("state.json"), text).unwrap();
    let error = dump_state(folder.path()).unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }));
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    std::fs::write(folder.path().join("state.json"), r#"{"version": 99}"#).unwrap();
    assert!(matches!(dump_state(folder.path()), Err(Error::Version { version: 99, .. })));
}

#[test]
fn replies_are_lost_before_after_and_during() {
    let sandbox = Sandbox::new();
    let create = |name: &str| sandbox.call_as("AKID", "us-east-1", "AWSEvents.CreateConnection", &basic(name));
    for (drop, done) in [("before", false), ("after", true), ("during", true)] {
        sandbox.faults(json!([{"operation": "CreateConnection", "count": 1, "drop": drop}]));
        assert!(create(drop).is_none(), "{drop}");
        let found = sandbox.call("AWSEvents.DescribeConnection", json!({"Name": drop}));
        assert_eq!(found.status == 200, done, "{drop}");
    }
    assert_eq!(outcomes(&sandbox)[0], "CreateConnection dropped");
    assert_eq!(outcomes(&sandbox)[2], "CreateConnection dropped");
}

#[test]
fn rules_name_services_operations_and_resources() {
    let sandbox = Sandbox::new();
    for name in ["orders-prod", "orders-dev"] {
        sandbox.events("CreateConnection", basic(name));
    }
    sandbox.faults(json!([
        {"service": "events", "operation": "Describe*", "resource": "*-prod", "skip": 1, "count": 2,
         "error": {"code": "ThrottlingException", "message": "Rate exceeded"}},
        {"service": "kms", "error": {"code": "KMSInternalException", "status": 500}},
    ]));
    let code = |name: &str| sandbox.call("AWSEvents.DescribeConnection", json!({"Name": name})).code();
    assert_eq!([code("orders-dev"), code("orders-prod"), code("orders-dev")], ["", "", ""]);
    assert_eq!(
        [code("orders-prod"), code("orders-prod"), code("orders-prod")],
        ["ThrottlingException", "ThrottlingException", ""]
    );
    assert_eq!(sandbox.call("TrentService.ListKeys", json!({})).status, 500);
    assert_eq!(sandbox.control("PUT", "faults", &json!({"rules": [{"unknown": 1}]})).status, 400);
    sandbox.faults(json!([]));
    assert_eq!(sandbox.call("TrentService.ListKeys", json!({})).status, 200);
}

#[test]
fn states_are_answered_one_a_read_in_descriptions_and_lists() {
    let sandbox = Sandbox::new();
    sandbox.events("CreateConnection", basic("orders"));
    sandbox.faults(json!([{"resource": "orders", "states": ["AUTHORIZING", "DEAUTHORIZED"]}]));
    assert_eq!(sandbox.describe("orders")["ConnectionState"], "AUTHORIZING");
    let listed = sandbox.events("ListConnections", json!({}));
    assert_eq!(listed["Connections"][0]["ConnectionState"], "DEAUTHORIZED");
    let shown = sandbox.describe("orders");
    assert_eq!(shown["ConnectionState"], "DEAUTHORIZED");
    assert!(shown["StateReason"].is_string());
}

#[test]
fn reads_lag() {
    let sandbox = Sandbox::new();
    sandbox.events("CreateConnection", basic("orders"));
    sandbox.advance("1h");
    sandbox.events("UpdateConnection", json!({"Name": "orders", "Description": "new"}));
    sandbox.events("CreateConnection", basic("younger"));
    sandbox.faults(json!([{"operation": "*", "stale_ms": 60_000}]));
    assert!(sandbox.describe("orders").get("Description").is_none());
    assert_eq!(sandbox.refused("DescribeConnection", json!({"Name": "younger"})).0, "ResourceNotFoundException");
    assert_eq!(sandbox.events("ListConnections", json!({}))["Connections"].as_array().unwrap().len(), 1);
    assert_eq!(sandbox.refused("CreateConnection", basic("younger")).0, "ResourceAlreadyExistsException");
    sandbox.advance("1m");
    assert_eq!(sandbox.describe("orders")["Description"], "new");
}

#[test]
fn latency_is_waited_for() {
    let sandbox = Sandbox::new();
    sandbox.faults(json!([{"latency_ms": [80, 90]}]));
    let start = Instant::now();
    sandbox.events("ListConnections", json!({}));
    assert!(start.elapsed().as_millis() >= 80);
}

#[test]
fn what_a_policy_does_not_allow_is_denied() {
    let sandbox = Sandbox::new();
    let key = sandbox.kms("CreateKey", json!({}))["KeyMetadata"]["Arn"].clone();
    let mut keyed = basic("orders-prod");
    keyed["KmsKeyIdentifier"] = key.clone();
    sandbox.events("CreateConnection", keyed);
    let statement = |action: Value, resource: &str| json!({"Effect": "Allow", "Action": action, "Resource": resource});
    let put = |statements: Value| {
        let answer = sandbox.control("PUT", "policy", &json!({"Version": "2012-10-17", "Statement": statements}));
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    let secret = sandbox.describe("orders-prod")["SecretArn"].clone();
    let read = || sandbox.call("secretsmanager.GetSecretValue", json!({"SecretId": secret}));

    let describe =
        statement(json!("events:DescribeConnection"), "arn:aws:events:us-east-1:123456789012:connection/orders-*");
    let get =
        statement(json!(["secretsmanager:GetSecretValue"]), "arn:aws:secretsmanager:*:*:secret:events!connection/*");
    put(json!([describe, get]));
    assert_eq!(sandbox.describe("orders-prod")["Name"], "orders-prod");
    let (code, text) = sandbox.refused("DescribeConnection", json!({"Name": "other"}));
    assert_eq!(code, "AccessDeniedException");
    assert_eq!(
        text,
        "User: arn:aws:iam::123456789012:user/sandbox is not authorized to perform: events:DescribeConnection on \
         resource: arn:aws:events:us-east-1:123456789012:connection/other because no identity-based policy allows the \
         events:DescribeConnection action"
    );
    assert_eq!(sandbox.refused("ListConnections", json!({})).0, "AccessDeniedException");
    assert!(read().body.contains("kms:Decrypt"), "the key is asked about as well");

    let mut decrypt = statement(json!("kms:Decrypt"), key.as_str().unwrap());
    decrypt["Condition"] = json!({"StringEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}});
    put(json!([describe, get, decrypt]));
    assert_eq!(read().status, 200);
    let signed = "Authorization: AWS4-HMAC-SHA256 Credential=A/20261121/us-east-1/sts/aws4_request\r\n";
    assert_eq!(sandbox.send("POST", "/", signed, "Action=GetCallerIdentity").unwrap().status, 200);

    let create = statement(json!("events:CreateConnection"), "*");
    put(json!([create]));
    let (code, text) = sandbox.refused("CreateConnection", basic("more"));
    assert_eq!(code, "AccessDeniedException");
    assert!(text.contains("secretsmanager:CreateSecret"), "{text}");
    assert_eq!(sandbox.control("DELETE", "policy", &Value::Null).status, 200);
    assert_eq!(sandbox.refused("DescribeConnection", json!({"Name": "more"})).0, "ResourceNotFoundException");
}

#[test]
fn many_clients_are_served_at_once() {
    let sandbox = Sandbox::new();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let sandbox = &sandbox;
            scope.spawn(move || {
                for number in 0..25 {
                    sandbox.events("CreateConnection", basic(&format!("n-{thread}-{number}")));
                }
            });
        }
    });
    assert_eq!(sandbox.calls().len(), 200);
    assert!(outcomes(&sandbox).iter().all(|outcome| outcome == "CreateConnection ok"));
}

/// Who did what is known after a restart too, and holds no secret.
#[test]
fn events_outlive_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state");
    let options = || Options { state: Some(path.clone()), ..slow() };
    let sandbox = Sandbox::with(options()).unwrap();
    let made = sandbox.call_as("alice", "us-east-1", "AWSEvents.CreateConnection", &basic("orders")).unwrap();
    assert_eq!(made.status, 200, "{}", made.body);
    sandbox.stop();
    let state: Value = serde_json::from_slice(&std::fs::read(path.join("state.json")).unwrap()).unwrap();
    assert_eq!(state["events"][0]["name"], "CreateConnection");
    assert!(state["events"].to_string().contains("HIDDEN_DUE_TO_SECURITY_REASONS"), "{}", state["events"]);

    let sandbox = Sandbox::with(options()).unwrap();
    let target = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents";
    let events = sandbox.call_as("bob", "us-east-1", target, &json!({})).unwrap().json();
    assert_eq!(events["Events"][0]["Username"], "alice");
    assert_eq!(events["Events"].as_array().map(Vec::len), Some(1));
}
