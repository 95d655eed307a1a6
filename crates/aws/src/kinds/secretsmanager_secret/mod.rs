//! `AWS::SecretsManager::Secret`: a secret with its value.
//!
//! What makes it hard: the value is read by a call of its own and must never be shown; versions are named by a token
//! that anybody may read, so that it must not be made from the value; a name whose secret is to be deleted is taken until
//! the recovery window is over, and can be restored until then; services keep secrets of their own in the same account;
//! and everything is eventually consistent, lists by minutes.

mod check;
mod io;
mod live;
mod permissions;
mod reading;
mod schema;

use std::time::Duration;

use trueup_engine::cloud::{Create, Live, Present, Task, Update, Want, Written};
use trueup_engine::credential::Scheme;
use trueup_engine::fault::Fault;
use trueup_engine::kind::{Attribute, Change, Cost, Finding, Implied, Kind, Patience, Verb};
use trueup_engine::permission::{Permission, Subject};
use trueup_engine::schema::Schema;
use trueup_engine::value::{Map, Value};

use crate::kinds::AwsKind;
use crate::kinds::fields::{resource_of, touches};
use crate::operation::{
    BATCH_GET_SECRET_VALUE, CREATE_SECRET, DELETE_SECRET, DESCRIBE_SECRET, GET_RANDOM_PASSWORD, GET_SECRET_POLICY,
    PUT_SECRET_POLICY, UPDATE_SECRET,
};
use crate::reach::Reach;

/// The kind.
#[derive(Debug, Clone, Copy)]
pub struct SecretsManagerSecret;

impl Kind for SecretsManagerSecret {
    fn name(&self) -> &'static str {
        "AWS::SecretsManager::Secret"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["awscc.secretsmanager.secrets", "aws.secretsmanager.secrets"]
    }

    fn schema(&self) -> &'static Schema {
        &schema::SCHEMA
    }

    fn attributes(&self) -> &'static [Attribute] {
        &[
            Attribute { name: "Id", stable: true, on_create: true },
            Attribute { name: "Arn", stable: true, on_create: true },
        ]
    }

    fn tags(&self) -> Option<&'static str> {
        Some("Tags")
    }

    fn is_source(&self) -> Option<(Scheme, &'static str)> {
        Some((Scheme::AwsSm, "SecretString"))
    }

    fn check(&self, properties: &Map) -> Vec<Finding> {
        check::check(properties)
    }

    fn managed_by(&self, live: &Present) -> Option<String> {
        let text = |name: &str| live.attributes.get(name).and_then(Value::as_str);
        let service = text(live::OWNING_SERVICE).map(str::to_owned);
        service.or_else(|| text(live::PRIMARY_REGION).map(|region| format!("the secret in {region}")))
    }

    fn refuses(&self, live: &Present) -> Option<String> {
        refused(&live.attributes)
    }

    fn implies(&self, change: &Change<'_>) -> Vec<Implied> {
        match change {
            Change::Create(desired) => {
                let key = desired.get("KmsKeyId");
                uses_key("GenerateDataKey", key).into_iter().chain(uses_key("Decrypt", key)).collect()
            }
            Change::Update(live, desired, edits) => {
                let key = desired.get("KmsKeyId");
                let mut implied = Vec::new();
                if touches(edits, "KmsKeyId") {
                    // The versions with a stage are encrypted anew.
                    implied.extend(uses_key("Decrypt", live.properties.get("KmsKeyId")));
                    implied.extend(uses_key("Encrypt", key));
                }
                if touches(edits, "KmsKeyId") || touches(edits, "SecretString") {
                    implied.extend(uses_key("GenerateDataKey", key));
                    implied.extend(uses_key("Decrypt", key));
                }
                implied
            }
            Change::Delete(_) => Vec::new(),
        }
    }

    fn patience(&self, desired: &Map) -> Patience {
        let minutes = Duration::from_mins;
        let change = if desired.contains_key("ReplicaRegions") { minutes(10) } else { minutes(2) };
        Patience { create: change, update: change, delete: minutes(5) }
    }

    fn costs(&self, verb: Verb, properties: &Map) -> Vec<Cost> {
        let has = |name: &str| properties.contains_key(name);
        let mut costs = Vec::new();
        match verb {
            Verb::Read => {
                costs.push(DESCRIBE_SECRET.cost());
                costs.extend(has("SecretString").then(|| BATCH_GET_SECRET_VALUE.cost()));
                costs.extend(has("ResourcePolicy").then(|| GET_SECRET_POLICY.cost()));
            }
            Verb::Create => {
                costs.push(CREATE_SECRET.cost());
                costs.extend(has("GenerateSecretString").then(|| GET_RANDOM_PASSWORD.cost()));
                costs.extend(has("ResourcePolicy").then(|| PUT_SECRET_POLICY.cost()));
            }
            Verb::Update => costs.push(UPDATE_SECRET.cost()),
            Verb::Delete => costs.extend([DESCRIBE_SECRET.cost(), DELETE_SECRET.cost()]),
        }
        costs
    }

    fn permissions(&self, verb: Verb, subject: &Subject<'_>) -> Vec<Permission> {
        permissions::of(verb, subject)
    }
}

impl AwsKind for SecretsManagerSecret {
    fn observe_many<'a>(&'a self, reach: &'a Reach, wants: &'a [Want]) -> Task<'a, Vec<Live>> {
        Box::pin(reading::observe(reach, wants))
    }

    fn list<'a>(&'a self, reach: &'a Reach) -> Task<'a, Result<Vec<String>, Fault>> {
        Box::pin(reading::names(reach))
    }

    fn resource_types(&self) -> &'static [&'static str] {
        &["secretsmanager:secret"]
    }

    /// The name, without the hyphen and the six characters that the service adds.
    fn identity_of_arn(&self, arn: &str) -> Option<String> {
        let name = resource_of(arn, "secretsmanager")?.strip_prefix("secret:")?;
        name.rsplit_once('-').filter(|(_, end)| end.len() == 6).map(|(name, _)| name.to_owned())
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
        desired: Option<&'a Map>,
    ) -> Task<'a, Result<Written, Fault>> {
        Box::pin(io::delete(reach, identity, desired))
    }

    fn restore<'a>(&'a self, reach: &'a Reach, identity: &'a str) -> Task<'a, Result<Written, Fault>> {
        Box::pin(io::restore(reach, identity))
    }
}

/// Why a secret is not ours to write.
fn refused(attributes: &Map) -> Option<String> {
    let text = |name: &str| attributes.get(name).and_then(Value::as_str);
    if let Some(service) = text(live::OWNING_SERVICE) {
        return Some(format!("it is managed by {service}, and is changed and deleted there"));
    }
    text(live::PRIMARY_REGION).map(|primary| format!("it is a copy of the secret in {primary}, and is changed there"))
}

fn uses_key(operation: &str, key: Option<&Value>) -> Option<Implied> {
    let on = match key? {
        Value::String(key) if key.is_empty() => return None,
        Value::String(key) => key.clone(),
        Value::Null => return None,
        _ => "…".to_owned(),
    };
    Some(Implied { operation: format!("kms:{operation}"), on, by: "secretsmanager".to_owned() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_arn_is_the_name_and_six_characters() {
        let of = |arn: &str| SecretsManagerSecret.identity_of_arn(arn);
        let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:orders/db-main-AbCdEf";
        assert_eq!(of(arn).as_deref(), Some("orders/db-main"));
        assert_eq!(of("arn:aws:secretsmanager:eu-central-1:123456789012:secret:orders"), None);
        assert_eq!(of("arn:aws:kms:eu-central-1:123456789012:key/1"), None);
    }

    #[test]
    fn what_others_manage_is_refused_and_says_who() {
        let attributes = |json| Value::from(json).as_map().cloned().unwrap();
        assert!(refused(&attributes(json!({"OwningService": "events.amazonaws.com"}))).unwrap().contains("events"));
        assert!(refused(&attributes(json!({"PrimaryRegion": "eu-west-1"}))).unwrap().contains("eu-west-1"));
        assert_eq!(refused(&attributes(json!({"Arn": "a"}))), None);
    }

    #[test]
    fn a_customer_key_is_used_by_the_service() {
        let desired = |json| Value::from(json).as_map().cloned().unwrap();
        let implied = SecretsManagerSecret.implies(&Change::Create(&desired(json!({"KmsKeyId": "alias/orders"}))));
        let operations: Vec<&str> = implied.iter().map(|implied| implied.operation.as_str()).collect();
        assert_eq!(operations, ["kms:GenerateDataKey", "kms:Decrypt"]);
        assert_eq!(SecretsManagerSecret.implies(&Change::Create(&desired(json!({"Name": "a"})))), []);
    }
}
