//! The calls of a key.
//!
//! Policy, rotation and tags cost a call each and are read where the manifest names them. What was made a moment ago and
//! is not found is waited for; what is denied or throttled is unread, and never absent.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::{Value as Json, json};
use tokio::time::Instant;
use trueup_engine::cloud::{Create, Live, Present, Readiness, Update, Want, Written};
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::owner::{self, Owner};
use trueup_engine::secret::Secret;
use trueup_engine::value::{Map, Value};

use super::{live, refused};
use crate::fault::of_unreadable;
use crate::kinds::fields::{day, done, touches};
use crate::kinds::{AwsKind as _, tag_list};
use crate::operation::{
    CANCEL_KEY_DELETION, CREATE_KEY, DESCRIBE_KEY, DISABLE_KEY, DISABLE_KEY_ROTATION, ENABLE_KEY, ENABLE_KEY_ROTATION,
    GET_KEY_POLICY, GET_KEY_ROTATION, LIST_KEY_TAGS, LIST_KEYS, Operation, PUT_KEY_POLICY, SCHEDULE_KEY_DELETION,
    TAG_KEY, UNTAG_KEY, UPDATE_KEY_DESCRIPTION,
};
use crate::reach::Reach;
use crate::tags;
use crate::wire::{secrets_of, wire_member};

/// How many calls are under way at once.
const AT_ONCE: usize = 32;
/// The code of requests that do not fit the state of a key.
const WRONG_STATE: &str = "KMSInvalidStateException";

/// Reads keys, each with a call: no list says more than their ids.
pub(super) async fn observe(reach: &Reach, wants: &[Want]) -> Vec<Live> {
    futures_util::stream::iter(0..wants.len())
        .map(|index| async move {
            match read(reach, &wants[index]).await {
                Ok(Some(present)) => Live::Present(Arc::new(present)),
                Ok(None) => Live::Absent,
                Err(fault) => Live::Unreadable(fault),
            }
        })
        .buffered(AT_ONCE)
        .collect()
        .await
}

/// Nothing where the service says that it is not there.
fn absent<T>(result: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match result {
        Ok(answer) => Ok(Some(answer)),
        Err(fault) if fault.kind == FaultKind::NotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}

async fn describe(reach: &Reach, identity: &str) -> Result<Option<Present>, Fault> {
    let answer = reach.call_about(identity, &DESCRIBE_KEY, &json!({ "KeyId": identity }), &[]).await.result;
    absent(answer)?.map(|answer| live::of_answer(&DESCRIBE_KEY, identity, &answer)).transpose()
}

async fn read(reach: &Reach, want: &Want) -> Result<Option<Present>, Fault> {
    let Some(mut present) = describe(reach, &want.identity).await? else { return Ok(None) };
    // Nothing of it can be written, and not all of it can be read.
    if refused(&present.attributes).is_some() {
        return Ok(Some(present));
    }
    let id = id_of(&present);
    let about = json!({ "KeyId": id });
    if !want.shallow && want.asks("/KeyPolicy") {
        let mut input = about.clone();
        input["PolicyName"] = "default".into();
        let answer = reach.call_about(&id, &GET_KEY_POLICY, &input, &[]).await.result;
        let Some(answer) = absent(answer)? else { return Ok(None) };
        let Some(text) = answer["Policy"].as_str() else {
            return Err(of_unreadable(&GET_KEY_POLICY, "it has no `Policy`", None));
        };
        let policy = serde_json::from_str::<Json>(text).map_or_else(|_| text.into(), Value::from);
        present.properties.insert("KeyPolicy".to_owned(), policy);
    }
    if !want.shallow && (want.asks("/EnableKeyRotation") || want.asks("/RotationPeriodInDays")) {
        match reach.call_about(&id, &GET_KEY_ROTATION, &about, &[]).await.result {
            Ok(answer) => {
                let Some(rotates) = answer["KeyRotationEnabled"].as_bool() else {
                    return Err(of_unreadable(&GET_KEY_ROTATION, "it has no `KeyRotationEnabled`", None));
                };
                present.properties.insert("EnableKeyRotation".to_owned(), rotates.into());
                if let Some(days) = answer["RotationPeriodInDays"].as_i64().filter(|_| rotates) {
                    present.properties.insert("RotationPeriodInDays".to_owned(), days.into());
                }
            }
            Err(fault) if fault.kind == FaultKind::NotFound => return Ok(None),
            // A sort of key that has no rotation does not rotate.
            Err(fault) if fault.code.as_deref() == Some("UnsupportedOperationException") => {
                present.properties.insert("EnableKeyRotation".to_owned(), false.into());
            }
            Err(fault) => return Err(fault),
        }
    }
    if let Some(tags) = &want.tags {
        present.properties.insert("Tags".to_owned(), tag_list::of_map(tags.clone()));
    } else if want.asks("/Tags") {
        let Some(tags) = absent(pages(reach, &id, &LIST_KEY_TAGS, "Tags", about).await)? else { return Ok(None) };
        present.properties.insert("Tags".to_owned(), tag_list::of_answer(&tags.into(), "TagKey", "TagValue"));
    }
    Ok(Some(present))
}

/// The id, whatever the key was asked for by.
fn id_of(present: &Present) -> String {
    present.attributes.get("KeyId").and_then(Value::as_str).unwrap_or(&present.identity).to_owned()
}

/// All entries of a list of KMS.
async fn pages(
    reach: &Reach,
    about: &str,
    operation: &'static Operation,
    member: &str,
    mut input: Json,
) -> Result<Vec<Json>, Fault> {
    let mut entries = Vec::new();
    let mut markers = HashSet::new();
    loop {
        let mut page = reach.call_about(about, operation, &input, &[]).await.result?;
        let Json::Array(more) = page[member].take() else {
            return Err(of_unreadable(operation, &format!("it has no `{member}`"), None));
        };
        entries.extend(more);
        let next = page["NextMarker"].as_str().filter(|_| page["Truncated"].as_bool() == Some(true));
        let Some(next) = next.map(str::to_owned) else { return Ok(entries) };
        // A list that begins again would go round for ever, and is not a whole one.
        if !markers.insert(next.clone()) {
            return Err(of_unreadable(operation, "its `NextMarker` comes again", None));
        }
        input["Marker"] = next.into();
    }
}

/// The ids of all keys.
pub(super) async fn ids(reach: &Reach) -> Result<Vec<String>, Fault> {
    let keys = pages(reach, "", &LIST_KEYS, "Keys", json!({ "Limit": 1000 })).await?;
    Ok(keys.iter().filter_map(|key| key["KeyId"].as_str()).map(str::to_owned).collect())
}

/// Creates a key, with its owner's tags in the same call.
pub(super) async fn create(reach: &Reach, create: &Create<'_>) -> Result<Written, Fault> {
    let desired = create.desired;
    let secrets = secrets_of(desired);
    let mut input = json!({});
    for name in ["Description", "KeySpec", "KeyUsage", "Origin", "MultiRegion", "BypassPolicyLockoutSafetyCheck"] {
        if let Some(value) = wire_member(desired, name)? {
            input[name] = value;
        }
    }
    // What is the usual use of a key is left out of the desired properties, and KMS wants it said of other sorts.
    if input.get("KeyUsage").is_none() && input.get("KeySpec").is_some_and(|spec| spec != "SYMMETRIC_DEFAULT") {
        input["KeyUsage"] = "ENCRYPT_DECRYPT".into();
    }
    if let Some(policy) = policy(desired)? {
        input["Policy"] = policy;
    }
    let tags = tag_list::wire(desired, "TagKey", "TagValue")?;
    if !tags.is_empty() {
        input["Tags"] = tags.into();
    }
    let outcome = reach.call_with_policy("", &CREATE_KEY, &input, &secrets).await;
    let adopted = outcome.result.is_err();
    let present = match outcome.result {
        Ok(answer) => live::of_answer(&CREATE_KEY, "", &answer)?,
        Err(fault) if outcome.doubtful => made_all_the_same(reach, desired, fault).await?,
        Err(fault) => return Err(fault),
    };
    let id = id_of(&present);
    reach.made(&id);
    present.attributes.get("Arn").and_then(Value::as_str).inspect(|arn| reach.made(arn));
    // One that fails from here on is found by its tags, and made what it should be by the next run.
    if desired.get("EnableKeyRotation").and_then(Value::as_bool) == Some(true) {
        enable_rotation(reach, &id, desired).await?;
    }
    if desired.get("Enabled").and_then(Value::as_bool) == Some(false) {
        reach.call_about(&id, &DISABLE_KEY, &json!({ "KeyId": id }), &[]).await.result?;
    }
    let (attributes, readiness) = (present.attributes, present.readiness);
    Ok(Written { adopted, identity: Some(id), attributes, readiness, notes: Vec::new() })
}

/// The key whose create lost its answer. Nothing tells the service that a second request is the first one again, so that
/// it is never sent again: the key is looked for by the tags that it was made with.
async fn made_all_the_same(reach: &Reach, desired: &Map, fault: Fault) -> Result<Present, Fault> {
    let tags = tag_list::wire(desired, "Key", "Value")?;
    let of_owner: Vec<(&str, &str)> = tags
        .iter()
        .filter_map(|tag| Some((tag["Key"].as_str()?, tag["Value"].as_str()?)))
        .filter(|(key, _)| [owner::STACK, owner::ENV, owner::RESOURCE].contains(key))
        .collect();
    let deadline = Instant::now() + reach.lag();
    let mut pause = Duration::from_millis(100);
    while of_owner.len() == 3 {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(4));
        let mut found = Vec::new();
        // A search that fails may go well the next time; where none does, the fault below is the first one.
        for owned in tags::search(reach, super::KmsKey.resource_types(), &of_owner).await.unwrap_or_default() {
            let Some(identity) = owned.identity else { continue };
            // The index may not know yet in whose place this one is made, so that the key's own tags say it.
            let want = Want {
                identity,
                secrets: false,
                shallow: true,
                given: vec!["/Tags".to_owned()],
                tags: None,
                verified: None,
            };
            let present = read(reach, &want).await?;
            let replaced =
                |present: &Present| Owner::of(&super::KmsKey, &present.properties).is_some_and(|owner| owner.replaced);
            let going = |present: &Present| matches!(present.readiness, Readiness::Scheduled { .. });
            found.extend(present.filter(|present| !going(present) && !replaced(present)));
        }
        match (found.pop(), found.is_empty()) {
            (Some(present), true) => return Ok(present),
            (Some(_), false) => break,
            (None, _) if Instant::now() >= deadline => break,
            (None, _) => {}
        }
    }
    let message = format!(
        "{}; the key may have been made all the same: it is not made a second time, and the next run finds it by its \
         owner tags",
        fault.message
    );
    Err(Fault { message, ..fault })
}

/// The policy as a text.
fn policy(desired: &Map) -> Result<Option<Json>, Fault> {
    Ok(wire_member(desired, "KeyPolicy")?.map(|policy| match policy {
        text @ Json::String(_) => text,
        structure => structure.to_string().into(),
    }))
}

async fn enable_rotation(reach: &Reach, id: &str, desired: &Map) -> Result<(), Fault> {
    let mut input = json!({ "KeyId": id });
    if let Some(days) = wire_member(desired, "RotationPeriodInDays")? {
        input["RotationPeriodInDays"] = days;
    }
    reach.call_about(id, &ENABLE_KEY_ROTATION, &input, &[]).await.result.map(drop)
}

/// Updates a key: each property has an operation of its own.
pub(super) async fn update(reach: &Reach, update: &Update<'_>) -> Result<Written, Fault> {
    let (before, desired) = (update.live, update.desired);
    if let Some(why) = refused(&before.attributes) {
        return Err(Fault::new(FaultKind::Invalid, "kms:UpdateKey", why));
    }
    let id = id_of(before);
    let mut secrets = secrets_of(desired);
    secrets.extend(secrets_of(&before.properties));
    let wanted = desired.get("Enabled").and_then(Value::as_bool).unwrap_or(true);
    let about = json!({ "KeyId": id });
    // A disabled key takes no change of its rotation, so it is enabled first and disabled last.
    if touches(update.edits, "Enabled") && wanted {
        send(reach, &id, &ENABLE_KEY, &about, &secrets).await?;
    }
    if touches(update.edits, "Description") {
        let mut input = about.clone();
        input["Description"] = wire_member(desired, "Description")?.unwrap_or_else(|| "".into());
        send(reach, &id, &UPDATE_KEY_DESCRIPTION, &input, &secrets).await?;
    }
    if touches(update.edits, "KeyPolicy")
        && let Some(policy) = policy(desired)?
    {
        let mut input = about.clone();
        input["PolicyName"] = "default".into();
        input["Policy"] = policy;
        if let Some(bypass) = wire_member(desired, "BypassPolicyLockoutSafetyCheck")? {
            input["BypassPolicyLockoutSafetyCheck"] = bypass;
        }
        reach.call_with_policy(&id, &PUT_KEY_POLICY, &input, &secrets).await.result?;
    }
    if touches(update.edits, "EnableKeyRotation") || touches(update.edits, "RotationPeriodInDays") {
        match desired.get("EnableKeyRotation").and_then(Value::as_bool) {
            Some(true) => enable_rotation(reach, &id, desired).await?,
            Some(false) => send(reach, &id, &DISABLE_KEY_ROTATION, &about, &secrets).await?,
            // A period alone: that of a key that rotates already.
            None => enable_rotation(reach, &id, desired).await?,
        }
    }
    if touches(update.edits, "Tags") {
        let (added, gone) = tag_list::changes(&before.properties, desired, "TagKey", "TagValue")?;
        if !gone.is_empty() {
            send(reach, &id, &UNTAG_KEY, &json!({ "KeyId": id, "TagKeys": gone }), &secrets).await?;
        }
        if !added.is_empty() {
            send(reach, &id, &TAG_KEY, &json!({ "KeyId": id, "Tags": added }), &secrets).await?;
        }
    }
    if touches(update.edits, "Enabled") && !wanted {
        send(reach, &id, &DISABLE_KEY, &about, &secrets).await?;
    }
    Ok(done(before.attributes.clone()))
}

async fn send(
    reach: &Reach,
    id: &str,
    operation: &'static Operation,
    input: &Json,
    secrets: &[Secret],
) -> Result<(), Fault> {
    reach.call_about(id, operation, input, secrets).await.result.map(drop)
}

/// Schedules the deletion of a key.
pub(super) async fn delete(reach: &Reach, identity: &str, desired: Option<&Map>) -> Result<Written, Fault> {
    let Some(present) = describe(reach, identity).await? else { return Ok(done(Map::new())) };
    if let Some(why) = refused(&present.attributes) {
        return Err(Fault::new(FaultKind::Invalid, SCHEDULE_KEY_DELETION.name, why));
    }
    if matches!(present.readiness, Readiness::Scheduled { .. }) {
        return Ok(Written { readiness: present.readiness, ..done(present.attributes) });
    }
    let window = desired.and_then(|desired| desired.get("PendingWindowInDays")).and_then(Value::as_i64).unwrap_or(30);
    let input = json!({ "KeyId": id_of(&present), "PendingWindowInDays": window });
    let until = match reach.read(&SCHEDULE_KEY_DELETION, &input).await {
        Ok(answer) => day(&answer["DeletionDate"]),
        Err(fault) if fault.kind == FaultKind::NotFound => return Ok(done(Map::new())),
        // An earlier attempt, or somebody else, was first.
        Err(fault) if fault.code.as_deref() == Some(WRONG_STATE) => match describe(reach, identity).await? {
            None => return Ok(done(Map::new())),
            Some(now) => match now.readiness {
                Readiness::Scheduled { until, .. } => until,
                _ => return Err(fault),
            },
        },
        Err(fault) => return Err(fault),
    };
    let notes = until.iter().map(|day| format!("deleted on {day}; until then its deletion can be cancelled")).collect();
    let readiness = Readiness::Scheduled { state: "PendingDeletion".to_owned(), until };
    Ok(Written { readiness, notes, ..done(Map::new()) })
}

/// Takes a key back from its deletion; it is disabled after that.
pub(super) async fn restore(reach: &Reach, identity: &str) -> Result<Written, Fault> {
    let Some(present) = describe(reach, identity).await? else {
        return Err(Fault::new(FaultKind::NotFound, CANCEL_KEY_DELETION.name, "the key is gone"));
    };
    match reach.read(&CANCEL_KEY_DELETION, &json!({ "KeyId": id_of(&present) })).await {
        // An earlier attempt, or somebody else, was first.
        Err(fault) if fault.code.as_deref() == Some(WRONG_STATE) => match describe(reach, identity).await? {
            Some(now) if !matches!(now.readiness, Readiness::Scheduled { .. }) => {}
            _ => return Err(fault),
        },
        answer => drop(answer?),
    }
    Ok(done(present.attributes))
}
