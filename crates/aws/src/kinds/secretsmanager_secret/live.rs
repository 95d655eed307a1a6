//! From what Secrets Manager answers to properties, attributes and state.

use serde_json::Value as Json;
use trueup_engine::cloud::{Extent, Present, Readiness, Seen, Want};
use trueup_engine::fault::Fault;
use trueup_engine::secret::Secret;
use trueup_engine::value::{Map, Value};

use crate::fault::of_unreadable;
use crate::kinds::fields::{copy_text, text};
use crate::kinds::tag_list;
use crate::operation::{DESCRIBE_SECRET, Operation};

/// The source of a value that was not asked for.
pub(super) const NOT_READ: &str = "not read";
/// The state of a secret that is marked for deletion.
pub(super) const SCHEDULED: &str = "scheduled for deletion";
/// The attribute that names the service which manages the secret.
pub(super) const OWNING_SERVICE: &str = "OwningService";
/// The attribute that names the region of which the secret is a copy.
pub(super) const PRIMARY_REGION: &str = "PrimaryRegion";

/// A secret as `DescribeSecret` or a page of `ListSecrets` shows it; its value is not read yet where one is wanted.
pub(super) fn of_answer(operation: &Operation, want: &Want, region: &str, answer: &Json) -> Result<Present, Fault> {
    let Some(arn) = text(answer, "ARN") else { return Err(of_unreadable(operation, "it has no `ARN`", None)) };
    let mut properties = Map::new();
    properties.insert("Name".to_owned(), want.identity.as_str().into());
    copy_text(answer, &mut properties, "Description");
    // Left out for `aws/secretsmanager`; not by every implementation.
    if let Some(key) = text(answer, "KmsKeyId").filter(|key| !is_default_key(key)) {
        properties.insert("KmsKeyId".to_owned(), key.into());
    }
    let version = current_version(answer);
    if version.is_some() && !want.shallow && want.asks("/SecretString") {
        properties.insert("SecretString".to_owned(), Value::Secret(Secret::unresolved(NOT_READ)));
    }
    let replicas: Vec<Value> = answer["ReplicationStatus"].as_array().into_iter().flatten().map(replica).collect();
    if !replicas.is_empty() && want.asks("/ReplicaRegions") {
        properties.insert("ReplicaRegions".to_owned(), replicas.into());
    }
    properties.insert("Tags".to_owned(), tag_list::of_answer(&answer["Tags"], "Key", "Value"));
    // A list page may be some minutes old.
    let seen_version = version
        .as_ref()
        .filter(|_| std::ptr::eq(operation, &raw const DESCRIBE_SECRET))
        .map(|version| format!("{arn} {version}"));
    let mut attributes = attributes(arn);
    copy_text(answer, &mut attributes, OWNING_SERVICE);
    if let Some(primary) = text(answer, PRIMARY_REGION).filter(|primary| *primary != region) {
        attributes.insert(PRIMARY_REGION.to_owned(), primary.into());
    }
    Ok(Present {
        identity: want.identity.clone(),
        properties,
        attributes,
        secret_version: version,
        seen: Seen { version: seen_version, extent: Extent::Full },
        readiness: readiness(answer),
    })
}

/// The attributes that follow from the ARN.
pub(super) fn attributes(arn: &str) -> Map {
    Map::from_iter([("Id".to_owned(), arn.into()), ("Arn".to_owned(), arn.into())])
}

/// The state: to be deleted, or as far as its copies are.
pub(super) fn readiness(answer: &Json) -> Readiness {
    if !answer["DeletedDate"].is_null() {
        // The day of the request; when the secret goes depends on a window that no read shows.
        return Readiness::Scheduled { state: SCHEDULED.to_owned(), until: None };
    }
    let copies = || answer["ReplicationStatus"].as_array().into_iter().flatten();
    let of = |status: &str| copies().find(|copy| copy["Status"].as_str() == Some(status));
    if let Some(failed) = of("Failed") {
        let region = text(failed, "Region").unwrap_or_default();
        let why = text(failed, "StatusMessage").unwrap_or("no reason was given");
        let reason = Some(crate::fault::redact(&format!("{region}: {why}"), &[]));
        return Readiness::Unusable { state: "replication failed".to_owned(), reason };
    }
    match of("InProgress") {
        Some(_) => Readiness::Settling("replicating".to_owned()),
        None => Readiness::Ready(None),
    }
}

fn replica(answer: &Json) -> Value {
    let mut replica = Map::new();
    copy_text(answer, &mut replica, "Region");
    if let Some(key) = text(answer, "KmsKeyId").filter(|key| !is_default_key(key)) {
        replica.insert("KmsKeyId".to_owned(), key.into());
    }
    Value::Map(replica)
}

fn is_default_key(key: &str) -> bool {
    key.ends_with("alias/aws/secretsmanager")
}

/// The version that carries `AWSCURRENT`.
pub(super) fn current_version(answer: &Json) -> Option<String> {
    let versions = answer["VersionIdsToStages"].as_object().into_iter().flatten();
    let is_current = |stages: &Json| stages.as_array().into_iter().flatten().any(|stage| stage == "AWSCURRENT");
    versions.filter(|(_, stages)| is_current(stages)).map(|(version, _)| version.clone()).next()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn present(answer: &Json) -> Present {
        let given = vec!["/SecretString".to_owned()];
        let want =
            Want { identity: "orders/db".to_owned(), secrets: true, shallow: false, given, tags: None, verified: None };
        of_answer(&DESCRIBE_SECRET, &want, "eu-central-1", answer).unwrap()
    }

    #[test]
    fn a_secret_is_read_without_what_means_nothing() {
        let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:orders/db-AbCdEf";
        let present = present(&json!({
            "ARN": arn, "Name": "orders/db", "Description": "", "KmsKeyId": "alias/aws/secretsmanager",
            "Tags": [{"Key": "team", "Value": "data"}], "PrimaryRegion": "eu-central-1",
            "VersionIdsToStages": {"v1": ["AWSPREVIOUS"], "v2": ["AWSCURRENT"]},
            "ReplicationStatus": [{"Region": "eu-west-1", "Status": "InSync"}],
        }));
        assert_eq!(
            Value::from(present.properties).to_masked_json(),
            json!({
                "Name": "orders/db", "SecretString": {"$secret": "not read"},
                "Tags": [{"Key": "team", "Value": "data"}],
            })
        );
        assert_eq!(present.secret_version.as_deref(), Some("v2"));
        assert_eq!(present.readiness, Readiness::Ready(None));
        assert_eq!(Value::from(present.attributes).to_masked_json(), json!({"Id": arn, "Arn": arn}));
    }

    #[test]
    fn deletion_goes_before_copies_and_failed_copies_before_those_on_their_way() {
        let copies = json!([{"Region": "eu-west-1", "Status": "InProgress"},
            {"Region": "eu-west-2", "Status": "Failed", "StatusMessage": "exists"}]);
        assert_eq!(
            readiness(&json!({"DeletedDate": 1.0, "ReplicationStatus": copies})),
            Readiness::Scheduled { state: SCHEDULED.to_owned(), until: None }
        );
        let Readiness::Unusable { reason, .. } = readiness(&json!({"ReplicationStatus": copies})) else { panic!() };
        assert_eq!(reason.as_deref(), Some("eu-west-2: exists"));
        assert!(matches!(readiness(&json!({"ReplicationStatus": [copies[0]]})), Readiness::Settling(_)));
    }

    #[test]
    fn an_answer_without_an_arn_is_no_secret() {
        let want = Want {
            identity: "a".to_owned(),
            secrets: false,
            shallow: false,
            given: Vec::new(),
            tags: None,
            verified: None,
        };
        assert!(of_answer(&DESCRIBE_SECRET, &want, "eu-central-1", &json!({"Name": "a"})).is_err());
    }
}
