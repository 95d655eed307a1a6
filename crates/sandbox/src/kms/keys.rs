//! The operations on keys.

use serde_json::{Value, json};

use super::{Key, find, key, own_key, policies, rotation, tags};
use crate::clock::{Millis, seconds};
use crate::operation::{Context, Resource, required, text};
use crate::page;
use crate::wire::Refusal;

const DAY: Millis = 24 * 60 * 60 * 1000;
/// [D] how many keys an account has at most in a region.
const MOST: usize = 100_000;

pub(super) fn create(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let now = context.now();
    if context.home.keys.reaches(MOST, now) {
        // [D] the quota; [?] the text
        return Err(Refusal::new("LimitExceededException", format!("An account has at most {MOST} keys in a region.")));
    }
    let mut key = Key::new(&context.caller.account, &context.caller.region, now);
    let owned = |member| text(input, member).map(str::to_owned);
    key.description = owned("Description").unwrap_or_default();
    key.spec = owned("KeySpec").or(owned("CustomerMasterKeySpec")).unwrap_or(key.spec);
    key.usage = owned("KeyUsage").unwrap_or(key.usage);
    key.origin = owned("Origin").unwrap_or(key.origin);
    if input.get("MultiRegion").and_then(Value::as_bool).unwrap_or(false) {
        key.spread();
    }
    if key.spec != "SYMMETRIC_DEFAULT" && text(input, "KeyUsage").is_none() {
        // [I] the text
        return Err(Refusal::invalid(
            "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
        ));
    }
    if key::algorithms(&key.spec, &key.usage).is_none() {
        // [D] that it is refused; [?] the text
        return Err(Refusal::invalid(format!("KeyUsage {} is not compatible with KeySpec {}", key.usage, key.spec)));
    }
    in_no_store(&key, input)?;
    if let Some(policy) = text(input, "Policy") {
        key.policy = policies::checked(context, &key, input, policy)?;
    }
    tags::add(&mut key, input)?;
    if !key.tags.is_empty() {
        // [D] tags need their own permission
        context.authorize("kms:TagResource", &Resource::one(key.arn.clone()), &[])?;
    }
    let out = json!({"KeyMetadata": key.describe()});
    context.home.keys.put(&key.id.clone(), now, key);
    Ok(out)
}

pub(super) fn describe(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let key = find(context, required(input, "KeyId"), context.view)?;
    Ok(json!({"KeyMetadata": key.describe()}))
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
    rotation::has_material(&key)?;
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

/// Refuses keys in key stores, of which there are none; [D] which origins need one, [?] the texts.
fn in_no_store(key: &Key, input: &Value) -> Result<(), Refusal> {
    if let Some(store) = text(input, "CustomKeyStoreId") {
        return Err(Refusal::new("CustomKeyStoreNotFoundException", format!("Custom key store {store} is not found.")));
    }
    let stored = matches!(key.origin.as_str(), "AWS_CLOUDHSM" | "EXTERNAL_KEY_STORE");
    if stored || text(input, "XksKeyId").is_some() {
        return Err(Refusal::invalid(format!("Keys of the origin {} need a CustomKeyStoreId.", key.origin)));
    }
    Ok(())
}

/// [I] the text.
pub(super) fn not_pending(key: &Key) -> Result<(), Refusal> {
    if key.deletion.is_some() {
        return Err(invalid_state(format!("{} is pending deletion.", key.arn)));
    }
    Ok(())
}

pub(super) fn invalid_state(message: String) -> Refusal {
    Refusal::new("KMSInvalidStateException", message)
}

pub(super) fn store(context: &mut Context<'_>, key: Key) {
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
