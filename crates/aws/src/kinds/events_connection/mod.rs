//! `AWS::Events::Connection`: the credentials with which EventBridge calls an HTTP endpoint.
//!
//! What makes it hard: no call returns a credential, but EventBridge keeps them in a secret of the caller's own account,
//! where they can be read and compared; `UpdateConnection` merges, so that taking something back needs a value that
//! clears it; and a connection has states, of which some are settled and useless.

mod check;
mod io;
mod live;
mod managed_secret;
mod permissions;
mod request;
mod schema;

use std::time::Duration;

use trueup_engine::cloud::{Confirm, Create, Live, Present, Readiness, Task, Unconfirmed, Update, Want, Written};
use trueup_engine::fault::Fault;
use trueup_engine::kind::{Attribute, Change, Cost, Finding, Implied, Kind, Patience, Verb};
use trueup_engine::permission::{Permission, Subject};
use trueup_engine::schema::Schema;
use trueup_engine::value::{Map, Value};

use crate::kinds::AwsKind;
use crate::kinds::fields::touches;
use crate::operation::{
    BATCH_GET_SECRET_VALUE, CREATE_CONNECTION, DELETE_CONNECTION, DESCRIBE_CONNECTION, LIST_SECRETS, UPDATE_CONNECTION,
};
use crate::reach::Reach;

pub(super) use check::wrong_endpoint;
pub(super) use schema::{NAME, URL};

/// The kind.
#[derive(Debug, Clone, Copy)]
pub struct EventsConnection;

impl Kind for EventsConnection {
    fn name(&self) -> &'static str {
        "AWS::Events::Connection"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["awscc.events.connections", "aws.events.connections"]
    }

    fn schema(&self) -> &'static Schema {
        &schema::SCHEMA
    }

    fn attributes(&self) -> &'static [Attribute] {
        &[
            Attribute { name: "Arn", stable: true, on_create: true },
            Attribute { name: "ArnForPolicy", stable: true, on_create: true },
            // Not in the answer to a create, and gone while a connection is deauthorized.
            Attribute { name: "SecretArn", stable: true, on_create: false },
        ]
    }

    fn check(&self, properties: &Map) -> Vec<Finding> {
        check::check(properties)
    }

    fn implies(&self, change: &Change<'_>) -> Vec<Implied> {
        match change {
            Change::Create(desired) => {
                let mut implied = vec![secret("CreateSecret", desired.get("Name"))];
                implied.extend(uses_key("GenerateDataKey", desired.get("KmsKeyIdentifier")));
                implied.extend(uses_key("Decrypt", desired.get("KmsKeyIdentifier")));
                implied
            }
            Change::Update(live, desired, edits) => {
                let name = desired.get("Name");
                let key = desired.get("KmsKeyIdentifier");
                let new_key = touches(edits, "KmsKeyIdentifier");
                let mut implied = Vec::new();
                if has_no_secret(live) {
                    implied.push(secret("CreateSecret", name));
                } else if touches(edits, "AuthParameters") || touches(edits, "AuthorizationType") {
                    implied.push(secret("PutSecretValue", name));
                }
                if new_key {
                    implied.push(secret("UpdateSecret", name));
                    implied.extend(uses_key("Decrypt", live.properties.get("KmsKeyIdentifier")));
                }
                if !implied.is_empty() {
                    implied.extend(uses_key("GenerateDataKey", key));
                    implied.extend(uses_key("Decrypt", key));
                }
                implied
            }
            Change::Delete(live) if has_no_secret(live) => Vec::new(),
            Change::Delete(live) => vec![secret("DeleteSecret", Some(&live.identity.as_str().into()))],
        }
    }

    fn sent_together(&self) -> &'static [&'static [&'static str]] {
        // Parameters of another type than the one that is set "have no effect".
        &[&["AuthorizationType", "AuthParameters"]]
    }

    fn patience(&self, desired: &Map) -> Patience {
        let minutes = Duration::from_mins;
        // A private endpoint's association with its Lattice configuration can take twenty minutes.
        let (change, delete) = if is_private(desired) {
            (minutes(20), minutes(20))
        } else if desired.get("AuthorizationType").and_then(Value::as_str) == Some("OAUTH_CLIENT_CREDENTIALS") {
            (minutes(5), minutes(2))
        } else {
            (minutes(2), minutes(2))
        };
        Patience { create: change, update: change, delete }
    }

    fn costs(&self, verb: Verb, _: &Map) -> Vec<Cost> {
        // Whether the secret that EventBridge manages came or went is looked at in lists of a hundred.
        let managed = LIST_SECRETS.cost_for(100);
        match verb {
            Verb::Read => vec![DESCRIBE_CONNECTION.cost(), BATCH_GET_SECRET_VALUE.cost_for(20)],
            Verb::Create => vec![CREATE_CONNECTION.cost(), managed],
            Verb::Update => vec![UPDATE_CONNECTION.cost(), managed],
            Verb::Delete => vec![DELETE_CONNECTION.cost(), managed],
        }
    }

    fn permissions(&self, verb: Verb, subject: &Subject<'_>) -> Vec<Permission> {
        permissions::of(verb, subject)
    }
}

impl AwsKind for EventsConnection {
    fn observe_many<'a>(&'a self, reach: &'a Reach, wants: &'a [Want]) -> Task<'a, Vec<Live>> {
        Box::pin(io::observe(reach, wants))
    }

    fn list<'a>(&'a self, reach: &'a Reach) -> Task<'a, Result<Vec<String>, Fault>> {
        Box::pin(io::READS.names(reach))
    }

    fn create<'a>(&'a self, reach: &'a Reach, create: &'a Create<'a>) -> Task<'a, Result<Written, Fault>> {
        Box::pin(io::create(reach, create))
    }

    fn update<'a>(&'a self, reach: &'a Reach, update: &'a Update<'a>) -> Task<'a, Result<Written, Fault>> {
        Box::pin(io::update(reach, update))
    }

    fn delete<'a>(
        &'a self,
        reach: &'a Reach,
        identity: &'a str,
        _: Option<&'a Map>,
    ) -> Task<'a, Result<Written, Fault>> {
        Box::pin(io::delete(reach, identity))
    }

    fn confirm<'a>(&'a self, reach: &'a Reach, items: &'a [Confirm]) -> Task<'a, Vec<Unconfirmed>> {
        Box::pin(managed_secret::confirm(reach, items))
    }
}

/// Whether the endpoint that is invoked is private, which changes what counts as ready.
fn is_private(properties: &Map) -> bool {
    properties
        .get("InvocationConnectivityParameters")
        .and_then(|parameters| parameters.at("/ResourceParameters/ResourceConfigurationArn"))
        .is_some_and(|arn| !matches!(arn, Value::Null) && arn.as_str() != Some(""))
}

/// Whether the live connection has lost its managed secret.
fn has_no_secret(live: &Present) -> bool {
    matches!(&live.readiness, Readiness::Unusable { state, .. } if state == "DEAUTHORIZED")
        && !live.attributes.contains_key("SecretArn")
}

fn secret(operation: &str, name: Option<&Value>) -> Implied {
    let name = name.and_then(Value::as_str).unwrap_or("…");
    Implied {
        operation: format!("secretsmanager:{operation}"),
        on: format!("events!connection/{name}/…"),
        by: "events".to_owned(),
    }
}

fn uses_key(operation: &str, key: Option<&Value>) -> Option<Implied> {
    let on = match key? {
        Value::String(key) if key.is_empty() => return None,
        Value::String(key) => key.clone(),
        Value::Null => return None,
        _ => "…".to_owned(),
    };
    Some(Implied { operation: format!("kms:{operation}"), on, by: "secretsmanager (for events)".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(json: serde_json::Value) -> Map {
        Value::from(json).as_map().cloned().unwrap()
    }

    #[test]
    fn a_create_implies_its_secret_and_the_use_of_its_key() {
        let desired = map(serde_json::json!({"Name": "orders", "KmsKeyIdentifier": "alias/orders"}));
        let implied = EventsConnection.implies(&Change::Create(&desired));
        let operations: Vec<&str> = implied.iter().map(|implied| implied.operation.as_str()).collect();
        assert_eq!(operations, ["secretsmanager:CreateSecret", "kms:GenerateDataKey", "kms:Decrypt"]);
        assert_eq!(implied[0].on, "events!connection/orders/…");
    }

    #[test]
    fn private_connections_get_more_time() {
        let arn = "arn:aws:vpc-lattice:us-east-1:123456789012:resourceconfiguration/rcfg-0123456789abcdefg";
        let private = map(serde_json::json!({
            "InvocationConnectivityParameters": {"ResourceParameters": {"ResourceConfigurationArn": arn}}
        }));
        assert_eq!(EventsConnection.patience(&private).create.as_secs(), 1200);
        let oauth = map(serde_json::json!({"AuthorizationType": "OAUTH_CLIENT_CREDENTIALS"}));
        assert_eq!(EventsConnection.patience(&oauth).create.as_secs(), 300);
        assert_eq!(EventsConnection.patience(&Map::new()).create.as_secs(), 120);
    }
}
