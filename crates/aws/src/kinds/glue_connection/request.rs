//! From desired properties to what `CreateConnection` and `UpdateConnection` take.
//!
//! An update overwrites: what is not sent is gone. So it is built from the desired values alone, never from a read, and
//! it is refused before anything is sent where a secret is not at hand: leaving it out would wipe the password.

use serde_json::{Map as JsonMap, Value as Json, json};
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::value::{Map, Value};

use super::split;
use crate::operation::Operation;
use crate::wire::wire_member;

/// Blocks of `AuthenticationConfiguration` that hold credentials.
const CREDENTIALS: [&str; 2] = ["BasicAuthenticationCredentials", "CustomAuthenticationCredentials"];

/// Whether credentials are written in an `AuthenticationConfiguration`, so that Glue makes a secret for them.
pub(super) fn has_credentials(authentication: &Value) -> bool {
    let given = |value: Option<&Value>| value.is_some_and(|value| !value.is_null());
    CREDENTIALS.iter().any(|name| given(authentication.get(name)))
        || ["OAuth2Credentials", "AuthorizationCodeProperties"]
            .iter()
            .any(|name| given(authentication.at(&format!("/OAuth2Properties/{name}"))))
}

/// The input of `CreateConnection`.
pub(super) fn create(operation: &Operation, identity: &str, desired: &Map) -> Result<Json, Fault> {
    let mut input = json!({ "ConnectionInput": connection(operation, desired)? });
    add_catalog(identity, &mut input);
    if let Some(tags) = wire_member(desired, "Tags")? {
        input["Tags"] = tags;
    }
    Ok(input)
}

/// The input of `UpdateConnection`.
pub(super) fn update(operation: &Operation, identity: &str, desired: &Map) -> Result<Json, Fault> {
    let mut connection = connection(operation, desired)?;
    if let Some(authentication) = connection.get_mut("AuthenticationConfiguration").and_then(Json::as_object_mut) {
        // A code can be used once, and was when the connection was made.
        if let Some(oauth) = authentication.get_mut("OAuth2Properties").and_then(Json::as_object_mut) {
            oauth.remove("AuthorizationCodeProperties");
        }
        let oauth =
            authentication.get("OAuth2Properties").is_some_and(|oauth| oauth.get("OAuth2Credentials").is_some());
        // One or the other: with credentials, the secret that Glue made of them before is not named.
        if oauth || CREDENTIALS.iter().any(|name| authentication.contains_key(*name)) {
            authentication.remove("SecretArn");
        }
    }
    let mut input = json!({ "Name": split(identity).1, "ConnectionInput": connection });
    add_catalog(identity, &mut input);
    Ok(input)
}

/// The input of a call that names a connection.
pub(super) fn naming(identity: &str) -> Json {
    let mut input = json!({ "Name": split(identity).1 });
    add_catalog(identity, &mut input);
    input
}

pub(super) fn add_catalog(identity: &str, input: &mut Json) {
    if let Some(catalog) = split(identity).0 {
        input["CatalogId"] = catalog.into();
    }
}

/// The whole `ConnectionInput`, or a fault where a secret in it is not at hand.
fn connection(operation: &Operation, desired: &Map) -> Result<Json, Fault> {
    let nothing = Map::new();
    let input = desired.get("ConnectionInput").and_then(Value::as_map).unwrap_or(&nothing);
    let mut lacking = None;
    for (name, member) in input {
        member.walk(&mut |below, leaf| match leaf {
            Value::Secret(secret) if !secret.is_resolved() => {
                lacking = Some(format!("/ConnectionInput/{name}{below} ({})", secret.source()));
            }
            Value::Deferred(_) | Value::Unknown(_) => lacking = Some(format!("/ConnectionInput/{name}{below}")),
            _ => {}
        });
    }
    if let Some(lacking) = lacking {
        let message = format!("{lacking} is not at hand, and Glue overwrites the whole connection: it would be wiped");
        return Err(Fault::new(FaultKind::Invalid, operation.name, message));
    }
    let mut sent = JsonMap::new();
    for name in input.keys() {
        if let Some(value) = wire_member(input, name)?.filter(|value| value.as_str() != Some("")) {
            sent.insert(name.clone(), value);
        }
    }
    // Required, and empty for a network.
    sent.entry("ConnectionProperties").or_insert_with(|| json!({}));
    Ok(Json::Object(sent))
}

#[cfg(test)]
mod tests {
    use trueup_engine::secret::Secret;

    use super::*;
    use crate::operation::{GLUE_CREATE_CONNECTION, GLUE_UPDATE_CONNECTION};

    fn map(json: Json) -> Map {
        Value::from(json).as_map().cloned().unwrap()
    }

    fn with_password(password: Secret) -> Map {
        let properties = Map::from_iter([
            ("JDBC_CONNECTION_URL".to_owned(), "jdbc:mysql://db.example.com/orders".into()),
            ("PASSWORD".to_owned(), Value::Secret(password)),
        ]);
        let input = Map::from_iter([
            ("Name".to_owned(), Value::from("orders")),
            ("Description".to_owned(), "".into()),
            ("ConnectionType".to_owned(), "JDBC".into()),
            ("ConnectionProperties".to_owned(), properties.into()),
        ]);
        Map::from_iter([
            ("ConnectionInput".to_owned(), Value::from(input)),
            ("Tags".to_owned(), map(json!({"team": "data"})).into()),
        ])
    }

    #[test]
    fn a_create_sends_everything_and_its_tags() {
        let desired = with_password(Secret::new("env:P", "hunter2".to_owned()));
        assert_eq!(
            create(&GLUE_CREATE_CONNECTION, "123456789012:orders", &desired).unwrap(),
            json!({
                "CatalogId": "123456789012",
                "ConnectionInput": {
                    "Name": "orders", "ConnectionType": "JDBC",
                    "ConnectionProperties": {
                        "JDBC_CONNECTION_URL": "jdbc:mysql://db.example.com/orders", "PASSWORD": "hunter2",
                    },
                },
                "Tags": {"team": "data"},
            })
        );
    }

    #[test]
    fn a_network_sends_empty_properties() {
        let desired = map(json!({"ConnectionInput": {"Name": "vpc", "ConnectionType": "NETWORK"}}));
        let input = update(&GLUE_UPDATE_CONNECTION, "vpc", &desired).unwrap();
        assert_eq!(input["ConnectionInput"]["ConnectionProperties"], json!({}));
        assert!(input.get("Tags").is_none());
    }

    #[test]
    fn a_password_that_is_not_at_hand_stops_an_update() {
        let fault =
            update(&GLUE_UPDATE_CONNECTION, "orders", &with_password(Secret::unresolved("not read"))).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Invalid);
        assert!(fault.message.contains("/ConnectionInput/ConnectionProperties/PASSWORD (not read)"), "{fault}");
    }

    #[test]
    fn credentials_go_without_the_secret_that_glue_made_of_them() {
        let desired = map(json!({"ConnectionInput": {"Name": "crm", "AuthenticationConfiguration": {
            "AuthenticationType": "OAUTH2", "SecretArn": "arn:aws:secretsmanager:us-east-1:1:secret:made-by-glue",
            "OAuth2Properties": {
                "AuthorizationCodeProperties": {"AuthorizationCode": "once"},
                "OAuth2Credentials": {"AccessToken": "t"},
            },
        }}}));
        let input = update(&GLUE_UPDATE_CONNECTION, "crm", &desired).unwrap();
        let authentication = &input["ConnectionInput"]["AuthenticationConfiguration"];
        assert_eq!(
            *authentication,
            json!({"AuthenticationType": "OAUTH2", "OAuth2Properties": {"OAuth2Credentials": {"AccessToken": "t"}}})
        );
    }
}
