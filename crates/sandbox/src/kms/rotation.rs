//! The yearly change of a key's material, as far as it can be seen: that it is on, and when it is next.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::keys::{invalid_state, not_pending, store};
use super::{Key, own_key, readable_key};
use crate::clock::{Millis, seconds};
use crate::operation::{Context, required};
use crate::wire::Refusal;

const DAY: Millis = 24 * 60 * 60 * 1000;
/// [D] the period of keys that have none of their own.
const YEAR: u64 = 365;

/// How often a key's material changes, and since when.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Rotation {
    days: u64,
    since: Millis,
}

pub(super) fn enable(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let mut key = rotatable(context, input)?;
    let days = input.get("RotationPeriodInDays").and_then(Value::as_u64).unwrap_or(YEAR);
    key.rotation = Some(Rotation { days, since: context.now() });
    store(context, key);
    Ok(Value::Null)
}

pub(super) fn disable(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let mut key = rotatable(context, input)?;
    key.rotation = None;
    store(context, key);
    Ok(Value::Null)
}

pub(super) fn status(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let key = readable_key(context, required(input, "KeyId"))?;
    // [D] the keys of AWS rotate always, and no key does while it is pending deletion
    let yearly = || Rotation { days: YEAR, since: key.created() };
    let rotation = key.rotation.clone().or_else(|| key.managed.then(yearly)).filter(|_| key.deletion.is_none());
    let mut out = json!({"KeyId": key.arn, "KeyRotationEnabled": rotation.is_some()});
    if let Some(Rotation { days, since }) = rotation {
        let period = (days * DAY).max(1);
        let passed = context.view.at().saturating_sub(since) / period;
        out["RotationPeriodInDays"] = days.into();
        out["NextRotationDate"] = seconds(since + (passed + 1) * period);
    }
    Ok(out)
}

/// [D] the order, the codes and the texts.
fn rotatable(context: &Context<'_>, input: &Value) -> Result<Key, Refusal> {
    let key = own_key(context, required(input, "KeyId"))?;
    let unsupported = |why: String| Err(Refusal::new("UnsupportedOperationException", why));
    if key.origin != "AWS_KMS" {
        return unsupported(format!("{} origin is {} which is not valid for this operation.", key.arn, key.origin));
    }
    if key.spec != "SYMMETRIC_DEFAULT" {
        return unsupported(format!("{} is not a symmetric encryption key.", key.arn));
    }
    not_pending(&key)?;
    if !key.enabled {
        return Err(Refusal::new("DisabledException", format!("{} is disabled.", key.arn)));
    }
    Ok(key)
}

/// [D] a key without its material can be neither enabled nor disabled.
pub(super) fn has_material(key: &Key) -> Result<(), Refusal> {
    if key.is_empty() {
        return Err(invalid_state(format!("{} is pending import.", key.arn)));
    }
    Ok(())
}
