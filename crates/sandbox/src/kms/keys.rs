//! The operations on keys.

use serde_json::{Value, json};

use super::{Key, find, own_key};
use crate::clock::{Millis, seconds};
use crate::operation::{Context, part, required, text};
use crate::page;
use crate::wire::Refusal;

const DAY: Millis = 24 * 60 * 60 * 1000;

pub(super) fn create(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let now = context.now();
    let mut key = Key::new(&context.caller.account, &context.caller.region, now);
    let owned = |member| text(input, member).map(str::to_owned);
    key.description = owned("Description").unwrap_or_default();
    key.spec = owned("KeySpec").or(owned("CustomerMasterKeySpec")).unwrap_or(key.spec);
    key.usage = owned("KeyUsage").unwrap_or(key.usage);
    key.origin = owned("Origin").unwrap_or(key.origin);
    key.multi_region = input.get("MultiRegion").and_then(Value::as_bool).unwrap_or(false);
    if key.spec != "SYMMETRIC_DEFAULT" && text(input, "KeyUsage").is_none() {
        // [I] the text
        return Err(Refusal::invalid(
            "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
        ));
    }
    if let Some(policy) = text(input, "Policy") {
        key.policy = checked_policy(policy)?;
    }
    add_tags(&mut key, input);
    let out = json!({"KeyMetadata": key.describe(context.view)});
    context.home.keys.put(&key.id.clone(), now, key);
    Ok(out)
}

pub(super) fn describe(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let key = find(context, required(input, "KeyId"), context.view)?;
    Ok(json!({"KeyMetadata": key.describe(context.view)}))
}

pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let after = marker(input)?;
    let all = context.home.keys.list("", after.as_deref(), context.view);
    let (page, last) = page::take(all, page::limit(input, "Limit", 100), |key| key.id.clone());
    let entries: Value = page.iter().map(|key| json!({"KeyId": key.id, "KeyArn": key.arn})).collect();
    Ok(listed("Keys", entries, last))
}

pub(super) fn enable(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    set_enabled(context, input, true)
}

pub(super) fn disable(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    set_enabled(context, input, false)
}

fn set_enabled(context: &mut Context<'_>, input: &Value, enabled: bool) -> Result<Value, Refusal> {
    let mut key = own_key(context, required(input, "KeyId"))?;
    not_pending(&key)?;
    key.enabled = enabled;
    store(context, key);
    Ok(Value::Null)
}

pub(super) fn schedule_deletion(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let mut key = own_key(context, required(input, "KeyId"))?;
    not_pending(&key)?;
    let days = input.get("PendingWindowInDays").and_then(Value::as_u64).unwrap_or(30);
    if !(7..=30).contains(&days) {
        // [D] the range; [?] the text
        return Err(Refusal::invalid("PendingWindowInDays must be between 7 and 30 days (inclusive)."));
    }
    let end = context.now() + days * DAY;
    key.deletion = Some(end);
    let out = json!({
        "KeyId": key.arn,
        "DeletionDate": seconds(end),
        "KeyState": key.state(),
        "PendingWindowInDays": days,
    });
    store(context, key);
    Ok(out)
}

pub(super) fn cancel_deletion(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let mut key = own_key(context, required(input, "KeyId"))?;
    if key.deletion.is_none() {
        // [?] the text
        return Err(invalid_state(format!("{} is not pending deletion.", key.arn)));
    }
    // [D] the key comes back disabled
    key.deletion = None;
    key.enabled = false;
    let out = json!({"KeyId": key.arn});
    store(context, key);
    Ok(out)
}

pub(super) fn update_description(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let mut key = own_key(context, required(input, "KeyId"))?;
    not_pending(&key)?;
    required(input, "Description").clone_into(&mut key.description);
    store(context, key);
    Ok(Value::Null)
}

pub(super) fn tag(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let mut key = own_key(context, required(input, "KeyId"))?;
    not_pending(&key)?;
    add_tags(&mut key, input);
    store(context, key);
    Ok(Value::Null)
}

pub(super) fn untag(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let mut key = own_key(context, required(input, "KeyId"))?;
    not_pending(&key)?;
    for tag in part(input, "TagKeys").and_then(Value::as_array).into_iter().flatten() {
        key.tags.remove(tag.as_str().unwrap_or_default());
    }
    store(context, key);
    Ok(Value::Null)
}

pub(super) fn list_tags(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let key = find(context, required(input, "KeyId"), context.view)?;
    let after = marker(input)?;
    let all = key.tags.iter().filter(|(tag, _)| after.as_ref().is_none_or(|after| *tag > after));
    let (page, last) = page::take(all, page::limit(input, "Limit", 50), |(tag, _)| (*tag).clone());
    let tags: Value = page.iter().map(|(tag, value)| json!({"TagKey": tag, "TagValue": value})).collect();
    Ok(listed("Tags", tags, last))
}

pub(super) fn get_policy(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let key = find(context, required(input, "KeyId"), context.view)?;
    Ok(json!({"Policy": key.policy, "PolicyName": "default"}))
}

pub(super) fn put_policy(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let mut key = own_key(context, required(input, "KeyId"))?;
    not_pending(&key)?;
    key.policy = checked_policy(required(input, "Policy"))?;
    store(context, key);
    Ok(Value::Null)
}

fn checked_policy(policy: &str) -> Result<String, Refusal> {
    let parsed: Option<Value> = serde_json::from_str(policy).ok();
    if parsed.is_some_and(|parsed| parsed.get("Statement").is_some()) {
        return Ok(policy.to_owned());
    }
    // [M] the code; [?] the text
    Err(Refusal::new("MalformedPolicyDocumentException", "The policy is not a policy document."))
}

fn add_tags(key: &mut Key, input: &Value) {
    for tag in part(input, "Tags").and_then(Value::as_array).into_iter().flatten() {
        key.tags.insert(required(tag, "TagKey").to_owned(), required(tag, "TagValue").to_owned());
    }
}

/// [I] the text.
fn not_pending(key: &Key) -> Result<(), Refusal> {
    if key.deletion.is_some() {
        return Err(invalid_state(format!("{} is pending deletion.", key.arn)));
    }
    Ok(())
}

fn invalid_state(message: String) -> Refusal {
    Refusal::new("KMSInvalidStateException", message)
}

fn store(context: &mut Context<'_>, key: Key) {
    let now = context.now();
    context.home.keys.put(&key.id.clone(), now, key);
}

/// Reads where a list goes on.
pub(super) fn marker(input: &Value) -> Result<Option<String>, Refusal> {
    let marker = text(input, "Marker");
    // [M] the code; [?] the text
    let read = |marker| {
        page::after(marker).ok_or_else(|| Refusal::new("InvalidMarkerException", "Could not deserialize marker."))
    };
    marker.map(read).transpose()
}

/// Renders a page as KMS does.
pub(super) fn listed(member: &str, entries: Value, last: Option<String>) -> Value {
    let mut out = json!({ member: entries, "Truncated": last.is_some() });
    if let Some(last) = last {
        out["NextMarker"] = page::token(&last).into();
    }
    out
}
