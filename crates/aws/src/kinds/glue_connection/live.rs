//! From what Glue answers to properties, attributes and state.
//!
//! Members are taken over by name, and what is secret by the schema becomes a [`Secret`] here. Glue's own ciphertexts
//! (`ENCRYPTED_…`) are taken over as "there is one, and it cannot be compared". A read that was asked to hide passwords
//! says nothing of them, so those that the manifest gives are unresolved after it, and not absent.

use serde_json::Value as Json;
use trueup_engine::cloud::{Extent, Present, Readiness, Seen, Want};
use trueup_engine::memory::VERIFIED;
use trueup_engine::schema::is_secret_member;
use trueup_engine::secret::Secret;
use trueup_engine::value::{Map, Value, push_token};

use super::schema::SECRET_PROPERTIES;
use super::split;
use crate::kinds::fields::{copy_text, put, taken, text, unknown_state};
use crate::kinds::version;

/// The source of a password that was not asked for.
pub(super) const NOT_READ: &str = "not read";
/// The source of a password of which Glue keeps the ciphertext only.
const ENCRYPTED: &str = "the catalog returns it encrypted";

/// The prefix of Glue's own ciphertexts.
pub(super) const CIPHERTEXT: &str = "ENCRYPTED_";

/// The pointer of a member of `ConnectionProperties`.
pub(super) fn pointer_of(name: &str) -> String {
    let mut pointer = "/ConnectionInput/ConnectionProperties".to_owned();
    push_token(&mut pointer, name);
    pointer
}

/// A connection as `GetConnection` or a page of `GetConnections` shows it; `hidden` says why passwords are not in it,
/// where they are not.
pub(super) fn of_answer(want: &Want, answer: &Json, hidden: Option<&str>) -> Present {
    let (catalog, name) = split(&want.identity);
    let mut input = Map::new();
    input.insert("Name".to_owned(), name.into());
    copy_text(answer, &mut input, "Description");
    copy_text(answer, &mut input, "ConnectionType");
    put(&mut input, "ConnectionProperties", connection_properties(want, &answer["ConnectionProperties"], hidden));
    for member in ["SparkProperties", "AthenaProperties", "PythonProperties"] {
        put(&mut input, member, texts_by_name(&answer[member]));
    }
    put_list(&mut input, "MatchCriteria", &answer["MatchCriteria"]);
    put(&mut input, "PhysicalConnectionRequirements", physical(&answer["PhysicalConnectionRequirements"]));
    put(&mut input, "AuthenticationConfiguration", authentication(&answer["AuthenticationConfiguration"]));
    let mut properties = Map::new();
    if let Some(catalog) = catalog {
        properties.insert("CatalogId".to_owned(), catalog.into());
    }
    properties.insert("ConnectionInput".to_owned(), input.into());
    let mut attributes = Map::new();
    taken(answer, &["LastUpdatedTime"], &mut attributes);
    Present {
        identity: want.identity.clone(),
        properties,
        attributes,
        secret_version: None,
        seen: Seen {
            version: version(answer),
            extent: if hidden == Some(VERIFIED) { Extent::WithoutValues } else { Extent::Full },
        },
        readiness: readiness(answer),
    }
}

/// The version that an answer shows. Tags are not in it, and are read in any case.
pub(super) fn version(answer: &Json) -> Option<String> {
    version::of_answer(answer, &["Status"], &["LastUpdatedTime", "CreationTime"])
}

/// What a connection's status means. Connections of the first schema version have none, and are usable.
///
/// <https://docs.aws.amazon.com/glue/latest/webapi/API_Connection.html>
pub(super) fn readiness(answer: &Json) -> Readiness {
    match text(answer, "Status") {
        None => Readiness::Ready(None),
        Some("READY") => Readiness::Ready(Some("READY".to_owned())),
        Some("IN_PROGRESS") => Readiness::Settling("IN_PROGRESS".to_owned()),
        Some("FAILED") => Readiness::Unusable {
            state: "FAILED".to_owned(),
            reason: text(answer, "StatusReason").map(|reason| crate::fault::redact(reason, &secrets_in(answer))),
        },
        Some(other) => unknown_state(other),
    }
}

/// What the reason of a failure must not repeat.
fn secrets_in(answer: &Json) -> Vec<Secret> {
    let properties = answer["ConnectionProperties"].as_object().into_iter().flatten();
    let texts = properties.filter_map(|(name, value)| Some((name, value.as_str()?)));
    let secrets = texts.flat_map(|(name, value)| {
        let own = SECRET_PROPERTIES.contains(&name.as_str()).then_some(value);
        own.into_iter().chain(trueup_engine::embedded::credentials_in(value))
    });
    secrets.map(|text| Secret::new("live", text.to_owned())).collect()
}

fn connection_properties(want: &Want, answer: &Json, hidden: Option<&str>) -> Map {
    let mut properties = Map::new();
    for (name, value) in answer.as_object().into_iter().flatten() {
        let Some(value) = value.as_str() else { continue };
        match name.strip_prefix(CIPHERTEXT) {
            Some(plain) => {
                properties.get_or_insert_with(plain, || Value::Secret(Secret::unresolved(ENCRYPTED)));
            }
            None => {
                properties.insert(name.clone(), member(name, value));
            }
        }
    }
    if let Some(why) = hidden {
        for name in SECRET_PROPERTIES.iter().filter(|name| want.asks(&pointer_of(name))) {
            properties.get_or_insert_with(name, || Value::Secret(Secret::unresolved(why)));
        }
    }
    properties
}

/// A member of a map of texts; it may be a secret, or carry one.
fn member(name: &str, value: &str) -> Value {
    if is_secret_member(SECRET_PROPERTIES, name, value) {
        Value::Secret(Secret::new("live", value.to_owned()))
    } else {
        value.into()
    }
}

/// A map of texts.
pub(super) fn texts_by_name(answer: &Json) -> Map {
    let members = answer.as_object().into_iter().flatten();
    members.filter_map(|(name, value)| Some((name.clone(), member(name, value.as_str()?)))).collect()
}

fn put_list(to: &mut Map, name: &str, answer: &Json) {
    let items: Vec<Value> = answer.as_array().into_iter().flatten().filter_map(Json::as_str).map(Value::from).collect();
    if !items.is_empty() {
        to.insert(name.to_owned(), items.into());
    }
}

fn physical(answer: &Json) -> Map {
    let mut physical = Map::new();
    copy_text(answer, &mut physical, "SubnetId");
    put_list(&mut physical, "SecurityGroupIdList", &answer["SecurityGroupIdList"]);
    copy_text(answer, &mut physical, "AvailabilityZone");
    physical
}

/// Glue answers less than it takes: no credentials, which are in the secret.
fn authentication(answer: &Json) -> Map {
    let mut authentication = Map::new();
    copy_text(answer, &mut authentication, "AuthenticationType");
    copy_text(answer, &mut authentication, "SecretArn");
    let answer = &answer["OAuth2Properties"];
    let mut oauth = Map::new();
    copy_text(answer, &mut oauth, "OAuth2GrantType");
    let mut client = Map::new();
    copy_text(&answer["OAuth2ClientApplication"], &mut client, "UserManagedClientApplicationClientId");
    copy_text(&answer["OAuth2ClientApplication"], &mut client, "AWSManagedClientApplicationReference");
    put(&mut oauth, "OAuth2ClientApplication", client);
    copy_text(answer, &mut oauth, "TokenUrl");
    put(&mut oauth, "TokenUrlParametersMap", texts_by_name(&answer["TokenUrlParametersMap"]));
    put(&mut authentication, "OAuth2Properties", oauth);
    authentication
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn want(given: &[&str]) -> Want {
        let given = given.iter().map(|pointer| (*pointer).to_owned()).collect();
        Want { identity: "orders".to_owned(), secrets: true, shallow: false, given, tags: None, verified: None }
    }

    fn answer() -> Json {
        json!({
            "Name": "orders", "ConnectionType": "JDBC", "Description": "", "MatchCriteria": ["b", "a"],
            "ConnectionProperties": {
                "HOST": "db.example.com", "PASSWORD": "hunter2",
                "JDBC_CONNECTION_URL": "jdbc:mysql://svc:hunter2@db.example.com/orders",
            },
            "PhysicalConnectionRequirements": {"SubnetId": "subnet-1", "SecurityGroupIdList": ["sg-1"]},
            "SparkProperties": {"url": "jdbc:x?password=hunter2", "dbtable": "orders"},
        })
    }

    #[test]
    fn passwords_and_addresses_that_carry_one_are_secrets() {
        let present = of_answer(&want(&[]), &answer(), None);
        assert!(!format!("{present:?}").contains("hunter2"));
        assert_eq!(
            Value::from(present.properties).to_masked_json(),
            json!({"ConnectionInput": {
                "Name": "orders", "ConnectionType": "JDBC",
                "ConnectionProperties": {
                    "HOST": "db.example.com", "PASSWORD": {"$secret": "live"},
                    "JDBC_CONNECTION_URL": {"$secret": "live"},
                },
                "SparkProperties": {"url": {"$secret": "live"}, "dbtable": "orders"},
                "MatchCriteria": ["b", "a"],
                "PhysicalConnectionRequirements": {"SubnetId": "subnet-1", "SecurityGroupIdList": ["sg-1"]},
            }})
        );
    }

    #[test]
    fn a_ciphertext_is_a_password_that_cannot_be_compared() {
        let answer = json!({"ConnectionProperties": {"ENCRYPTED_PASSWORD": "AQICAH…"}});
        let present = of_answer(&want(&[]), &answer, None);
        let properties = present.properties["ConnectionInput"].get("ConnectionProperties").unwrap();
        assert_eq!(properties.to_masked_json(), json!({"PASSWORD": {"$secret": ENCRYPTED}}));
    }

    #[test]
    fn a_hidden_password_is_unknown_where_one_is_wanted_and_nothing_where_not() {
        let answer = json!({"ConnectionProperties": {"USERNAME": "svc"}});
        let properties = |given: &[&str]| {
            let present = of_answer(&want(given), &answer, Some(NOT_READ));
            present.properties["ConnectionInput"].get("ConnectionProperties").unwrap().to_masked_json()
        };
        assert_eq!(
            properties(&["/ConnectionInput/ConnectionProperties/PASSWORD"]),
            json!({"USERNAME": "svc", "PASSWORD": {"$secret": NOT_READ}})
        );
        assert_eq!(properties(&["/ConnectionInput/ConnectionProperties/SECRET_ID"]), json!({"USERNAME": "svc"}));
    }

    #[test]
    fn a_status_that_is_not_there_is_ready_and_a_reason_repeats_no_password() {
        assert_eq!(readiness(&json!({})), Readiness::Ready(None));
        assert_eq!(readiness(&json!({"Status": "IN_PROGRESS"})), Readiness::Settling("IN_PROGRESS".to_owned()));
        let mut failed = answer();
        failed["Status"] = "FAILED".into();
        failed["StatusReason"] = "login failed with hunter2".into();
        let Readiness::Unusable { reason, .. } = readiness(&failed) else { panic!() };
        assert_eq!(reason.as_deref(), Some("login failed with (redacted)"));
        assert!(matches!(readiness(&json!({"Status": "NEW"})), Readiness::Unusable { state, .. } if state == "NEW"));
    }
}
