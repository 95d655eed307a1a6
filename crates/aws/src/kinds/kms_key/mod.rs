//! `AWS::KMS::Key`: a key that other services encrypt with.
//!
//! What makes it hard: a key has no name, so that it is found by what points at it (an alias of the stack), by the owner
//! tags that are written when it is made, or by its id in the manifest; `CreateKey` has no token that would make its
//! repetition harmless; a key is never deleted but scheduled for it; and what was just made is not seen everywhere for
//! some seconds.

mod io;
mod live;
mod permissions;
mod schema;

use std::time::Duration;

use trueup_engine::cloud::{Create, Live, Present, Task, Update, Want, Written};
use trueup_engine::fault::Fault;
use trueup_engine::kind::{Attribute, Change, Cost, Finding, Implied, Kind, Patience, Through, Verb};
use trueup_engine::permission::{Permission, Subject};
use trueup_engine::schema::Schema;
use trueup_engine::value::{Map, Value};

use crate::kinds::AwsKind;
use crate::kinds::fields::resource_of;
use crate::operation::{
    CREATE_KEY, DESCRIBE_KEY, ENABLE_KEY_ROTATION, GET_KEY_POLICY, GET_KEY_ROTATION, LIST_KEY_TAGS,
    SCHEDULE_KEY_DELETION, UPDATE_KEY_DESCRIPTION,
};
use crate::reach::Reach;

/// The kind.
#[derive(Debug, Clone, Copy)]
pub struct KmsKey;

impl Kind for KmsKey {
    fn name(&self) -> &'static str {
        "AWS::KMS::Key"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["awscc.kms.keys", "aws.kms.keys"]
    }

    fn schema(&self) -> &'static Schema {
        &schema::SCHEMA
    }

    fn attributes(&self) -> &'static [Attribute] {
        &[
            Attribute { name: "KeyId", stable: true, on_create: true },
            Attribute { name: "Arn", stable: true, on_create: true },
        ]
    }

    fn identity_property(&self) -> &'static str {
        "KeyId"
    }

    /// KMS makes it.
    fn identify(&self, _: &Map) -> Option<String> {
        None
    }

    fn names_itself(&self) -> bool {
        true
    }

    fn found_through(&self) -> &'static [Through] {
        &[Through { kind: "AWS::KMS::Alias", property: "TargetKeyId" }]
    }

    fn tags(&self) -> Option<&'static str> {
        Some("Tags")
    }

    fn check(&self, properties: &Map) -> Vec<Finding> {
        check(properties)
    }

    fn managed_by(&self, live: &Present) -> Option<String> {
        live.attributes.get(live::MANAGER)?.as_str().map(str::to_owned)
    }

    fn is_usual(&self, property: &str, live: &Map) -> bool {
        property == "KeyPolicy" && live.get(property).is_some_and(is_usual_policy)
    }

    fn refuses(&self, live: &Present) -> Option<String> {
        refused(&live.attributes)
    }

    fn implies(&self, _: &Change<'_>) -> Vec<Implied> {
        Vec::new()
    }

    fn patience(&self, _: &Map) -> Patience {
        let minutes = Duration::from_mins;
        Patience { create: minutes(2), update: minutes(2), delete: minutes(1) }
    }

    fn costs(&self, verb: Verb, properties: &Map) -> Vec<Cost> {
        let has = |name: &str| properties.contains_key(name);
        let mut costs = Vec::new();
        match verb {
            Verb::Read => {
                costs.extend([DESCRIBE_KEY.cost(), LIST_KEY_TAGS.cost()]);
                costs.extend(has("KeyPolicy").then(|| GET_KEY_POLICY.cost()));
                costs.extend(has("EnableKeyRotation").then(|| GET_KEY_ROTATION.cost()));
            }
            Verb::Create => {
                costs.push(CREATE_KEY.cost());
                let rotates = properties.get("EnableKeyRotation").and_then(Value::as_bool) == Some(true);
                costs.extend(rotates.then(|| ENABLE_KEY_ROTATION.cost()));
            }
            // Each property has its own operation; one is what most updates are about.
            Verb::Update => costs.push(UPDATE_KEY_DESCRIPTION.cost()),
            Verb::Delete => costs.extend([DESCRIBE_KEY.cost(), SCHEDULE_KEY_DELETION.cost()]),
        }
        costs
    }

    fn permissions(&self, verb: Verb, subject: &Subject<'_>) -> Vec<Permission> {
        permissions::of(verb, subject)
    }
}

impl AwsKind for KmsKey {
    fn observe_many<'a>(&'a self, reach: &'a Reach, wants: &'a [Want]) -> Task<'a, Vec<Live>> {
        Box::pin(io::observe(reach, wants))
    }

    fn list<'a>(&'a self, reach: &'a Reach) -> Task<'a, Result<Vec<String>, Fault>> {
        Box::pin(io::ids(reach))
    }

    fn resource_types(&self) -> &'static [&'static str] {
        &["kms:key"]
    }

    fn identity_of_arn(&self, arn: &str) -> Option<String> {
        resource_of(arn, "kms")?.strip_prefix("key/").map(str::to_owned)
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

/// Why a key is not ours to write.
fn refused(attributes: &Map) -> Option<String> {
    let manager = attributes.get(live::MANAGER).and_then(Value::as_str)?;
    Some(format!("it is a key of {manager}, which alone manages it"))
}

/// Whether a policy is the one that a key has when nobody gives one: the account decides through IAM.
///
/// <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html>
fn is_usual_policy(policy: &Value) -> bool {
    let text = |value: Option<&Value>, wanted: &str| value.and_then(Value::as_str) == Some(wanted);
    let Some(Value::List(statements)) = policy.get("Statement") else { return false };
    let [statement] = statements.as_slice() else { return false };
    let members = statement.as_map().map_or(0, Map::len);
    let principal = statement.get("Principal").filter(|principal| principal.as_map().is_some_and(|it| it.len() == 1));
    let root = principal
        .and_then(|principal| principal.get("AWS")?.as_str())
        .is_some_and(|arn| arn.starts_with("arn:") && arn.contains(":iam::") && arn.ends_with(":root"));
    policy.as_map().is_some_and(|it| it.len() == 3)
        && text(policy.get("Version"), "2012-10-17")
        && text(policy.get("Id"), "key-default-1")
        && members == 5
        && text(statement.get("Sid"), "Enable IAM User Permissions")
        && text(statement.get("Effect"), "Allow")
        && text(statement.get("Action"), "kms:*")
        && text(statement.get("Resource"), "*")
        && root
}

/// Rules that the schema cannot say.
fn check(properties: &Map) -> Vec<Finding> {
    let mut findings = Vec::new();
    let text = |name: &str| properties.get(name).and_then(Value::as_str);
    let error = |code, name: &str, summary: String, help: &str| Finding {
        code,
        pointer: format!("/{name}"),
        on_key: false,
        summary,
        help: Some(help.to_owned()),
        warning: false,
    };
    let rotates = properties.get("EnableKeyRotation").and_then(Value::as_bool);
    let of_another_sort = [("KeySpec", schema::SYMMETRIC), ("Origin", "AWS_KMS")]
        .into_iter()
        .find(|(name, only)| text(name).is_some_and(|given| given != *only));
    if let (Some(true), Some((name, only))) = (rotates, of_another_sort) {
        let summary = format!("a key whose `{name}` is not `{only}` does not rotate");
        findings.push(error("M354", "EnableKeyRotation", summary, "leave `EnableKeyRotation` out"));
    }
    if properties.contains_key("RotationPeriodInDays") && rotates == Some(false) {
        let summary = "`RotationPeriodInDays` says nothing of a key that does not rotate".to_owned();
        findings.push(error("M354", "RotationPeriodInDays", summary, "remove it, or set `EnableKeyRotation: true`"));
    }
    let spec = text("KeySpec").filter(|spec| *spec != schema::SYMMETRIC);
    if let Some(spec) = spec
        && !properties.contains_key("KeyUsage")
    {
        let summary = format!("`KeyUsage` has to be given for a key of `{spec}`");
        findings.push(error("M355", "KeySpec", summary, "`SIGN_VERIFY`, for one that signs"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_identity_is_the_id_in_its_arn() {
        let arn = "arn:aws:kms:eu-central-1:123456789012:key/mrk-1234";
        assert_eq!(KmsKey.identity_of_arn(arn).as_deref(), Some("mrk-1234"));
        assert_eq!(KmsKey.identity_of_arn("arn:aws:kms:eu-central-1:123456789012:alias/orders"), None);
        assert_eq!(KmsKey.identify(&Map::new()), None);
    }

    #[test]
    fn the_policy_that_every_key_has_is_told_from_others() {
        let policy = |principal: &str, action: &str| {
            Value::from(json!({"Version": "2012-10-17", "Id": "key-default-1", "Statement": [{
                "Sid": "Enable IAM User Permissions", "Effect": "Allow", "Principal": {"AWS": principal},
                "Action": action, "Resource": "*",
            }]}))
        };
        assert!(is_usual_policy(&policy("arn:aws:iam::123456789012:root", "kms:*")));
        assert!(!is_usual_policy(&policy("arn:aws:iam::123456789012:role/a", "kms:*")));
        assert!(!is_usual_policy(&policy("arn:aws:iam::123456789012:root", "kms:Encrypt")));
        assert!(!is_usual_policy(&Value::from(json!({}))));
    }

    #[test]
    fn rotation_and_usage_have_to_fit_the_sort_of_key() {
        let codes = |properties: serde_json::Value| -> Vec<&'static str> {
            let properties = Value::from(properties).as_map().cloned().unwrap();
            check(&properties).iter().map(|finding| finding.code).collect()
        };
        assert_eq!(codes(json!({"EnableKeyRotation": true, "RotationPeriodInDays": 90})).len(), 0);
        assert_eq!(codes(json!({"EnableKeyRotation": true, "Origin": "EXTERNAL"})), ["M354"]);
        assert_eq!(codes(json!({"EnableKeyRotation": false, "RotationPeriodInDays": 90})), ["M354"]);
        assert_eq!(codes(json!({"KeySpec": "RSA_2048"})), ["M355"]);
    }
}
