//! Connections as EventBridge shows them: states, merges, secrets, pages.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Sandbox, basic, oauth};
use serde_json::{Value, json};

#[test]
fn basic_is_authorized_at_once_and_hides_its_password() {
    let sandbox = Sandbox::new();
    let made = sandbox.events("CreateConnection", basic("orders"));
    assert_eq!(made["ConnectionState"], "AUTHORIZED");
    assert!(made.get("LastAuthorizedTime").is_none());
    let shown = sandbox.describe("orders");
    assert_eq!(shown["AuthParameters"], json!({"BasicAuthParameters": {"Username": "user"}}));
    assert!(!shown.to_string().contains("hunter2"));
    assert_eq!(sandbox.payload("orders"), json!({"username": "user", "password": "hunter2-pass"}));
}

#[test]
fn oauth_settles_later() {
    let sandbox = Sandbox::new();
    let made = sandbox.events("CreateConnection", oauth("orders"));
    assert_eq!(made["ConnectionState"], "AUTHORIZING");
    assert!(sandbox.describe("orders")["SecretArn"].is_string());
    let (code, _) = sandbox.refused("UpdateConnection", json!({"Name": "orders", "Description": "x"}));
    assert_eq!(code, "ConcurrentModificationException");
    sandbox.advance("1m");
    assert_eq!(sandbox.describe("orders")["ConnectionState"], "AUTHORIZED");
    let change = json!({"Name": "orders", "AuthParameters": {"OAuthParameters": {"HttpMethod": "PUT"}}});
    assert_eq!(sandbox.events("UpdateConnection", change)["ConnectionState"], "AUTHORIZING");
    sandbox.advance("1m");
    let described = json!({"Name": "orders", "Description": "x"});
    assert_eq!(sandbox.events("UpdateConnection", described)["ConnectionState"], "AUTHORIZED");
}

#[test]
fn an_update_keeps_what_is_not_sent_and_writes_a_new_version() {
    let sandbox = Sandbox::new();
    let mut input = basic("orders");
    input["Description"] = "said".into();
    input["AuthParameters"]["InvocationHttpParameters"] =
        json!({"HeaderParameters": [{"Key": "a", "Value": "hunter2-a"}]});
    sandbox.events("CreateConnection", input);
    let before = sandbox.describe("orders");
    let read = || sandbox.secrets("GetSecretValue", json!({"SecretId": before["SecretArn"]}));
    let old = read();
    let change = json!({"Name": "orders", "AuthParameters": {"BasicAuthParameters": {"Password": "hunter3"}}});
    sandbox.events("UpdateConnection", change);
    let (after, new) = (sandbox.describe("orders"), read());
    assert_eq!(after["Description"], "said");
    assert_eq!(after["AuthParameters"], before["AuthParameters"]);
    assert_eq!(after["SecretArn"], before["SecretArn"]);
    assert_ne!(old["VersionId"], new["VersionId"]);
    assert!(after["LastModifiedTime"].as_f64() > before["LastModifiedTime"].as_f64());
    assert_eq!(sandbox.payload("orders")["password"], "hunter3");
    assert_eq!(
        sandbox.payload("orders")["invocation_http_parameters"],
        json!({"header_parameters": [{"key": "a", "value": "hunter2-a", "is_value_secret": true}]})
    );
    sandbox.events("UpdateConnection", json!({"Name": "orders", "Description": "more"}));
    assert_eq!(read()["VersionId"], new["VersionId"], "a description is not in the secret");
}

#[test]
fn clearing_values_clear_unless_a_rule_forbids_it() {
    let sandbox = Sandbox::new();
    let mut input = basic("orders");
    input["Description"] = "said".into();
    input["AuthParameters"]["InvocationHttpParameters"] = json!({"BodyParameters": [{"Key": "a", "Value": "b"}]});
    sandbox.events("CreateConnection", input);
    let clear = json!({
        "Name": "orders", "Description": "",
        "AuthParameters": {"InvocationHttpParameters": {"BodyParameters": []}},
    });
    sandbox.faults(json!([{"operation": "UpdateConnection", "no_clear": true}]));
    sandbox.events("UpdateConnection", clear.clone());
    let shown = sandbox.describe("orders");
    assert_eq!(shown["Description"], "said");
    assert!(shown["AuthParameters"]["InvocationHttpParameters"]["BodyParameters"].is_array());
    sandbox.faults(json!([]));
    sandbox.events("UpdateConnection", clear);
    let shown = sandbox.describe("orders");
    assert!(shown.get("Description").is_none());
    assert_eq!(shown["AuthParameters"]["InvocationHttpParameters"], json!({}));
}

#[test]
fn another_type_needs_its_parameters_and_drops_the_old_ones() {
    let sandbox = Sandbox::new();
    sandbox.events("CreateConnection", basic("orders"));
    let key = json!({"ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "hunter2-key"}});
    sandbox.events("UpdateConnection", json!({"Name": "orders", "AuthParameters": key}));
    assert_eq!(sandbox.describe("orders")["AuthorizationType"], "BASIC", "a silent no-op");
    assert_eq!(sandbox.payload("orders")["username"], "user");
    let (code, _) = sandbox.refused("UpdateConnection", json!({"Name": "orders", "AuthorizationType": "API_KEY"}));
    assert_eq!(code, "ValidationException");
    let switch = json!({"Name": "orders", "AuthorizationType": "API_KEY", "AuthParameters": key});
    sandbox.events("UpdateConnection", switch);
    assert_eq!(sandbox.payload("orders"), json!({"api_key_name": "k", "api_key_value": "hunter2-key"}));
}

#[test]
fn deleting_holds_the_name_until_it_is_done() {
    let sandbox = Sandbox::new();
    let made = sandbox.events("CreateConnection", basic("orders"));
    let destination = json!({
        "Name": "api", "ConnectionArn": made["ConnectionArn"], "HttpMethod": "POST",
        "InvocationEndpoint": "https://example.com/api",
    });
    assert_eq!(sandbox.events("CreateApiDestination", destination)["ApiDestinationState"], "ACTIVE");
    let secret = sandbox.describe("orders")["SecretArn"].clone();
    let answer = sandbox.events("DeleteConnection", json!({"Name": "orders"}));
    assert_eq!(answer["ConnectionState"], "DELETING");
    assert_eq!(sandbox.refused("CreateConnection", basic("orders")).0, "ResourceAlreadyExistsException");
    assert_eq!(sandbox.refused("DeleteConnection", json!({"Name": "orders"})).0, "ConcurrentModificationException");
    let state =
        |name: &str| sandbox.events("DescribeApiDestination", json!({"Name": name}))["ApiDestinationState"].clone();
    assert_eq!(state("api"), "INACTIVE");
    sandbox.advance("60s");
    assert_eq!(
        sandbox.refused("DescribeConnection", json!({"Name": "orders"})),
        (
            "ResourceNotFoundException".to_owned(),
            "Failed to describe the connection(s). Connection 'orders' does not exist.".to_owned()
        )
    );
    assert_eq!(
        sandbox.call("secretsmanager.DescribeSecret", json!({"SecretId": secret})).code(),
        "ResourceNotFoundException"
    );
    let again = sandbox.events("CreateConnection", basic("orders"));
    assert_ne!(again["ConnectionArn"], made["ConnectionArn"]);
    assert_eq!(state("api"), "INACTIVE", "it refers to the connection that is gone");
}

#[test]
fn deauthorizing_removes_the_secret_and_an_update_makes_a_new_one() {
    let sandbox = Sandbox::new();
    sandbox.events("CreateConnection", basic("orders"));
    let old = sandbox.describe("orders")["SecretArn"].clone();
    let answer = sandbox.events("DeauthorizeConnection", json!({"Name": "orders"}));
    assert_eq!(answer["ConnectionState"], "DEAUTHORIZING");
    sandbox.advance("1m");
    let shown = sandbox.describe("orders");
    assert_eq!(shown["ConnectionState"], "DEAUTHORIZED");
    assert!(shown.get("SecretArn").is_none() && shown.get("AuthParameters").is_none());
    sandbox.events("UpdateConnection", json!({"Name": "orders", "Description": "still"}));
    assert_eq!(sandbox.describe("orders")["ConnectionState"], "DEAUTHORIZED");
    let partial = json!({"Name": "orders", "AuthParameters": {"BasicAuthParameters": {"Username": "u"}}});
    assert_eq!(sandbox.refused("UpdateConnection", partial).0, "ValidationException");
    let whole =
        json!({"Name": "orders", "AuthParameters": {"BasicAuthParameters": {"Username": "u", "Password": "p"}}});
    assert_eq!(sandbox.events("UpdateConnection", whole)["ConnectionState"], "AUTHORIZED");
    assert_ne!(sandbox.describe("orders")["SecretArn"], old);
}

#[test]
fn a_private_api_becomes_active_and_public_again() {
    let sandbox = Sandbox::new();
    let arn = "arn:aws:vpc-lattice:us-east-1:123456789012:resourceconfiguration/rcfg-0123456789abcdefg";
    let to = |arn: &str| json!({"ResourceParameters": {"ResourceConfigurationArn": arn}});
    let mut input = basic("orders");
    input["InvocationConnectivityParameters"] = to(arn);
    assert_eq!(sandbox.events("CreateConnection", input)["ConnectionState"], "AUTHORIZING");
    sandbox.advance("1m");
    let shown = sandbox.describe("orders");
    assert_eq!(shown["ConnectionState"], "ACTIVE");
    let association = &shown["InvocationConnectivityParameters"]["ResourceParameters"]["ResourceAssociationArn"];
    assert!(association.as_str().unwrap().contains("servicenetworkresourceassociation/snra-"));
    let same = json!({"Name": "orders", "InvocationConnectivityParameters": to(arn)});
    assert_eq!(sandbox.events("UpdateConnection", same)["ConnectionState"], "ACTIVE");
    let public = json!({"Name": "orders", "InvocationConnectivityParameters": to("")});
    assert_eq!(sandbox.events("UpdateConnection", public)["ConnectionState"], "AUTHORIZED");
    assert!(sandbox.describe("orders").get("InvocationConnectivityParameters").is_none());
}

#[test]
fn lists_page_by_prefix_and_state() {
    let sandbox = Sandbox::new();
    for number in 0..5 {
        sandbox.events("CreateConnection", basic(&format!("a-{number}")));
        sandbox.events("CreateConnection", oauth(&format!("b-{number}")));
    }
    let names = |page: &Value| -> Vec<String> {
        let entries = page["Connections"].as_array().unwrap().iter();
        entries.map(|entry| entry["Name"].as_str().unwrap().to_owned()).collect()
    };
    let first = sandbox.events("ListConnections", json!({"NamePrefix": "b-", "Limit": 3}));
    assert_eq!(names(&first), ["b-0", "b-1", "b-2"]);
    let next = json!({"NamePrefix": "b-", "Limit": 3, "NextToken": first["NextToken"]});
    let second = sandbox.events("ListConnections", next);
    assert_eq!(names(&second), ["b-3", "b-4"]);
    assert!(second.get("NextToken").is_none());
    let waiting = sandbox.events("ListConnections", json!({"ConnectionState": "AUTHORIZING"}));
    assert_eq!(names(&waiting).len(), 5);
    for member in ["Description", "SecretArn", "AuthParameters", "KmsKeyIdentifier"] {
        assert!(first["Connections"][0].get(member).is_none());
    }
    assert_eq!(sandbox.refused("ListConnections", json!({"Limit": 0})).0, "ValidationException");
    assert_eq!(sandbox.refused("ListConnections", json!({"NextToken": "x"})).0, "ValidationException");
}

#[test]
fn the_quota_is_fatal() {
    let sandbox = Sandbox::new();
    for number in 0..3000 {
        sandbox.events("CreateConnection", basic(&format!("n-{number}")));
    }
    let (code, text) = sandbox.refused("CreateConnection", basic("one-more"));
    assert_eq!(code, "LimitExceededException");
    assert_eq!(text, "The requested resource exceeds the maximum number allowed.");
}

#[test]
fn messages_never_repeat_secrets() {
    let sandbox = Sandbox::new();
    let mut input = basic("bad name");
    input["AuthParameters"]["BasicAuthParameters"]["Password"] = "hunter2:colon".into();
    let header = json!({"Key": "x", "Value": "hunter2\u{1}", "IsValueSecret": true});
    input["AuthParameters"]["InvocationHttpParameters"] = json!({"HeaderParameters": [header]});
    let (code, text) = sandbox.refused("CreateConnection", input);
    assert_eq!(code, "ValidationException");
    assert!(text.starts_with("3 validation errors detected: Value 'bad name' at 'name' failed"));
    assert!(text.contains("Value at 'authParameters.basicAuthParameters.password' failed"));
    assert!(text.contains("'authParameters.invocationHttpParameters.headerParameters.1.member.value'"));
    assert!(!text.contains("hunter2"));
}
