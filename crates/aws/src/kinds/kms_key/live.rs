//! From what KMS answers to properties, attributes and state.

use serde_json::Value as Json;
use trueup_engine::cloud::{Present, Readiness, Seen};
use trueup_engine::fault::Fault;
use trueup_engine::value::{Map, Value};

use crate::fault::of_unreadable;
use crate::kinds::fields::{copy_text, day, text, unknown_state};
use crate::operation::Operation;

/// The attribute that says whose key it is, where it is AWS's.
pub(super) const MANAGER: &str = "KeyManager";

/// A key as `DescribeKey` and `CreateKey` show it.
pub(super) fn of_answer(operation: &Operation, identity: &str, answer: &Json) -> Result<Present, Fault> {
    let metadata = &answer["KeyMetadata"];
    let Some(id) = text(metadata, "KeyId") else {
        return Err(of_unreadable(operation, "it has no `KeyMetadata` with a `KeyId`", None));
    };
    let mut properties = Map::new();
    for member in ["Description", "KeySpec", "KeyUsage", "Origin"] {
        copy_text(metadata, &mut properties, member);
    }
    // The name that it had before there were other specifications.
    if !properties.contains_key("KeySpec")
        && let Some(spec) = text(metadata, "CustomerMasterKeySpec")
    {
        properties.insert("KeySpec".to_owned(), spec.into());
    }
    for member in ["Enabled", "MultiRegion"] {
        if let Some(flag) = metadata[member].as_bool() {
            properties.insert(member.to_owned(), flag.into());
        }
    }
    let readiness = readiness(metadata);
    // Material that is to be imported is no reason to enable a key, which cannot be done before.
    if matches!(&readiness, Readiness::Ready(Some(state)) if state == "PendingImport") {
        properties.remove("Enabled");
    }
    let mut attributes = Map::from_iter([("KeyId".to_owned(), Value::from(id))]);
    copy_text(metadata, &mut attributes, "Arn");
    if text(metadata, "KeyManager").is_some_and(|manager| manager != "CUSTOMER") {
        copy_text(metadata, &mut attributes, MANAGER);
    }
    let identity = identity.to_owned();
    Ok(Present { identity, properties, attributes, secret_version: None, readiness, seen: Seen::default() })
}

/// What a key's state means.
///
/// <https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html>
fn readiness(metadata: &Json) -> Readiness {
    let state = text(metadata, "KeyState").unwrap_or("Enabled");
    let owned = state.to_owned();
    match state {
        "Enabled" | "Disabled" | "PendingImport" => Readiness::Ready(Some(owned)),
        "Creating" | "Updating" => Readiness::Settling(owned),
        "PendingDeletion" | "PendingReplicaDeletion" => {
            Readiness::Scheduled { state: owned, until: day(&metadata["DeletionDate"]) }
        }
        "Unavailable" => {
            let reason = "its key store is not connected".to_owned();
            Readiness::Unusable { state: owned, reason: Some(reason) }
        }
        other => unknown_state(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::operation::DESCRIBE_KEY;

    fn answer(state: &str) -> Json {
        json!({"KeyMetadata": {
            "KeyId": "1234abcd-12ab-34cd-56ef-1234567890ab", "Description": "", "Enabled": state == "Enabled",
            "Arn": "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "KeyState": state, "KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT", "Origin": "AWS_KMS",
            "KeyManager": "CUSTOMER", "MultiRegion": false, "DeletionDate": 1_767_225_599,
        }})
    }

    #[test]
    fn states_are_told_apart() {
        let readiness = |state: &str| of_answer(&DESCRIBE_KEY, "a", &answer(state)).unwrap().readiness;
        assert_eq!(readiness("Disabled"), Readiness::Ready(Some("Disabled".to_owned())));
        assert_eq!(
            readiness("PendingDeletion"),
            Readiness::Scheduled { state: "PendingDeletion".to_owned(), until: Some("2025-12-31".to_owned()) }
        );
        assert!(matches!(readiness("Updating"), Readiness::Settling(_)));
        assert!(matches!(readiness("Unavailable"), Readiness::Unusable { .. }));
        assert!(matches!(readiness("NeverHeardOf"), Readiness::Unusable { .. }));
    }

    #[test]
    fn an_answer_without_a_key_is_no_answer() {
        assert!(of_answer(&DESCRIBE_KEY, "a", &json!({})).is_err());
        let present = of_answer(&DESCRIBE_KEY, "a", &answer("Enabled")).unwrap();
        assert!(!present.properties.contains_key("Description"));
        assert_eq!(present.attributes.len(), 2);
    }
}
