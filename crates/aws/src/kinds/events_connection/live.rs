//! From what EventBridge answers to properties, attributes and state.
//!
//! Members are taken over by name and never wholesale: emulators answer passwords that the service would not, and what is
//! secret by the schema becomes a [`Secret`] here, whoever leaks it.

use serde_json::Value as Json;
use trueup_engine::cloud::{LAST_AUTHORIZED, Present, Readiness, Seen};
use trueup_engine::secret::Secret;
use trueup_engine::value::{Map, Value};

use crate::kinds::fields::{arn_attributes, copy_text, put, taken, text, unknown_state};

/// The source of a secret that was not asked for.
pub(super) const NOT_READ: &str = "not read";

/// The three lists of http parameters.
pub(super) const LISTS: [&str; 3] = ["HeaderParameters", "QueryStringParameters", "BodyParameters"];

/// A connection as `DescribeConnection` answers it; its secrets are not known yet.
pub(super) fn of_described(name: &str, answer: &Json) -> Present {
    let mut properties = Map::new();
    properties.insert("Name".to_owned(), name.into());
    copy_text(answer, &mut properties, "Description");
    copy_text(answer, &mut properties, "AuthorizationType");
    put(&mut properties, "AuthParameters", auth_parameters(&answer["AuthParameters"]));
    let private = connectivity(&answer["InvocationConnectivityParameters"]);
    put(&mut properties, "InvocationConnectivityParameters", private);
    copy_text(answer, &mut properties, "KmsKeyIdentifier");
    let private = super::is_private(&properties);
    Present {
        identity: name.to_owned(),
        properties,
        attributes: attributes(answer),
        secret_version: None,
        seen: Seen::default(),
        readiness: readiness(answer, private),
    }
}

/// A connection as a page of `ListConnections` shows it. The page does not say whether it is private.
pub(super) fn of_listed(name: &str, entry: &Json, private: bool) -> Present {
    let mut properties = Map::new();
    properties.insert("Name".to_owned(), name.into());
    copy_text(entry, &mut properties, "AuthorizationType");
    Present {
        identity: name.to_owned(),
        properties,
        attributes: attributes(entry),
        secret_version: None,
        seen: Seen::default(),
        readiness: readiness(entry, private),
    }
}

/// The attributes in any of EventBridge's answers.
pub(super) fn attributes(answer: &Json) -> Map {
    let mut attributes = arn_attributes(text(answer, "ConnectionArn"));
    copy_text(answer, &mut attributes, "SecretArn");
    taken(answer, &["LastModifiedTime", "LastAuthorizedTime"], &mut attributes);
    if let Some(Json::Number(seconds)) = answer.get("LastAuthorizedTime") {
        attributes.insert(LAST_AUTHORIZED.to_owned(), Value::Number(seconds.clone()));
    }
    attributes
}

/// What a connection's state means.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-target-connection-states.html>
pub(super) fn readiness(answer: &Json, private: bool) -> Readiness {
    let Some(state) = text(answer, "ConnectionState") else { return Readiness::Ready(None) };
    let named = state.to_owned();
    match state {
        "ACTIVE" => Readiness::Ready(Some(named)),
        // A private connection is authorized first and active when its endpoint is reached.
        "AUTHORIZED" if private => Readiness::Settling(named),
        "AUTHORIZED" => Readiness::Ready(Some(named)),
        "CREATING" | "UPDATING" | "AUTHORIZING" | "DEAUTHORIZING" => Readiness::Settling(named),
        "DELETING" => Readiness::Deleting(named),
        "DEAUTHORIZED" | "FAILED_CONNECTIVITY" => Readiness::Unusable {
            state: named,
            reason: text(answer, "StateReason").map(|reason| crate::fault::redact(reason, &[])),
        },
        other => unknown_state(other),
    }
}

fn auth_parameters(answer: &Json) -> Map {
    let mut auth = Map::new();
    let simple = |member: &str, public: &str, secret: &str| {
        let answer = &answer[member];
        let mut block = Map::new();
        copy_text(answer, &mut block, public);
        if !block.is_empty() {
            block.insert(secret.to_owned(), Value::Secret(leaked(&answer[secret])));
        }
        block
    };
    put(&mut auth, "ApiKeyAuthParameters", simple("ApiKeyAuthParameters", "ApiKeyName", "ApiKeyValue"));
    put(&mut auth, "BasicAuthParameters", simple("BasicAuthParameters", "Username", "Password"));
    let oauth = &answer["OAuthParameters"];
    let mut block = Map::new();
    let mut client = Map::new();
    copy_text(&oauth["ClientParameters"], &mut client, "ClientID");
    if !client.is_empty() {
        client.insert("ClientSecret".to_owned(), Value::Secret(leaked(&oauth["ClientParameters"]["ClientSecret"])));
    }
    put(&mut block, "ClientParameters", client);
    copy_text(oauth, &mut block, "AuthorizationEndpoint");
    copy_text(oauth, &mut block, "HttpMethod");
    put(&mut block, "OAuthHttpParameters", http_parameters(&oauth["OAuthHttpParameters"]));
    put(&mut auth, "OAuthParameters", block);
    put(&mut auth, "InvocationHttpParameters", http_parameters(&answer["InvocationHttpParameters"]));
    put(&mut auth, "ConnectivityParameters", connectivity(&answer["ConnectivityParameters"]));
    auth
}

fn connectivity(answer: &Json) -> Map {
    let mut resource = Map::new();
    copy_text(&answer["ResourceParameters"], &mut resource, "ResourceConfigurationArn");
    let mut connectivity = Map::new();
    put(&mut connectivity, "ResourceParameters", resource);
    connectivity
}

fn http_parameters(answer: &Json) -> Map {
    let mut parameters = Map::new();
    for list in LISTS {
        let items: Vec<Value> = answer[list].as_array().into_iter().flatten().map(http_parameter).collect();
        if !items.is_empty() {
            parameters.insert(list.to_owned(), items.into());
        }
    }
    parameters
}

fn http_parameter(answer: &Json) -> Value {
    let key = answer["Key"].as_str().unwrap_or_default();
    // The safe reading of an answer that does not say; the client makes `false` of that, but a value that is not there
    // is one that is kept secret.
    let secret = answer["IsValueSecret"].as_bool().unwrap_or(true) || answer["Value"].is_null();
    let value = match answer["Value"].as_str() {
        Some(value) if !secret => value.into(),
        _ => Value::Secret(leaked(&answer["Value"])),
    };
    Map::from_iter([
        ("Key".to_owned(), key.into()),
        ("Value".to_owned(), value),
        ("IsValueSecret".to_owned(), secret.into()),
    ])
    .into()
}

/// A secret that the service does not answer; an emulator may.
fn leaked(answer: &Json) -> Secret {
    match answer.as_str() {
        Some(value) => Secret::new("live", value.to_owned()),
        None => Secret::unresolved(NOT_READ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What the service answers, after the recordings in LocalStack's snapshot tests.
    fn described() -> Json {
        json!({
            "Name": "orders",
            "ConnectionArn": "arn:aws:events:us-east-1:123456789012:connection/orders/0a-1b",
            "SecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:events!connection/orders/2c-AbCdEf",
            "ConnectionState": "AUTHORIZED", "AuthorizationType": "BASIC", "Description": "",
            "AuthParameters": {
                "BasicAuthParameters": {"Username": "svc"},
                "InvocationHttpParameters": {"HeaderParameters": [
                    {"Key": "a", "Value": "public", "IsValueSecret": false}, {"Key": "b", "IsValueSecret": true},
                ]},
            },
            "CreationTime": 1_733_500_000, "LastModifiedTime": 1_733_500_000, "LastAuthorizedTime": 1_733_500_009,
        })
    }

    #[test]
    fn a_description_becomes_properties_and_attributes() {
        let present = of_described("orders", &described());
        assert_eq!(
            Value::from(present.properties.clone()).to_masked_json(),
            json!({
                "Name": "orders", "AuthorizationType": "BASIC",
                "AuthParameters": {
                    "BasicAuthParameters": {"Username": "svc", "Password": {"$secret": "not read"}},
                    "InvocationHttpParameters": {"HeaderParameters": [
                        {"Key": "a", "Value": "public", "IsValueSecret": false},
                        {"Key": "b", "Value": {"$secret": "not read"}, "IsValueSecret": true},
                    ]},
                },
            })
        );
        // The later one of the two counts.
        assert!(present.credentials_taken().is_some_and(|taken| taken.unix_timestamp() == 1_733_500_009));
        assert!(present.last_authorized().is_some());
        assert_eq!(present.attributes.len(), 5);
        assert_eq!(present.readiness, Readiness::Ready(Some("AUTHORIZED".to_owned())));
    }

    #[test]
    fn leaked_secrets_are_secrets() {
        let mut answer = described();
        answer["AuthParameters"]["BasicAuthParameters"]["Password"] = "hunter2".into();
        answer["AuthParameters"]["InvocationHttpParameters"]["HeaderParameters"][1]["Value"] = "hunter3".into();
        let present = of_described("orders", &answer);
        let shown = format!("{present:?}");
        assert!(!shown.contains("hunter"), "{shown}");
    }

    #[test]
    fn empty_parameters_are_absent() {
        let mut answer = described();
        answer["AuthParameters"]["InvocationHttpParameters"] = json!({});
        let present = of_described("orders", &answer);
        assert!(present.properties["AuthParameters"].get("InvocationHttpParameters").is_none());
    }

    #[test]
    fn states_mean_what_the_kind_of_connection_makes_of_them() {
        let state = |state: &str, private| readiness(&json!({"ConnectionState": state, "StateReason": "r"}), private);
        assert_eq!(state("AUTHORIZED", true), Readiness::Settling("AUTHORIZED".to_owned()));
        assert_eq!(state("ACTIVE", true), Readiness::Ready(Some("ACTIVE".to_owned())));
        assert_eq!(state("DELETING", false), Readiness::Deleting("DELETING".to_owned()));
        let unusable = |state: &str| Readiness::Unusable { state: state.to_owned(), reason: Some("r".to_owned()) };
        assert_eq!(state("DEAUTHORIZED", false), unusable("DEAUTHORIZED"));
        assert_eq!(state("FAILED_CONNECTIVITY", true), unusable("FAILED_CONNECTIVITY"));
        assert!(matches!(state("NEW_STATE", false), Readiness::Unusable { state, .. } if state == "NEW_STATE"));
        assert_eq!(readiness(&json!({}), false), Readiness::Ready(None));
    }
}
