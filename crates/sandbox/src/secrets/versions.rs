//! The versions of a secret and their staging labels.

use serde_json::{Value, json};

use super::reads::seen;
use super::secret::{Secret, Version};
use super::writes::{store, writable};
use crate::clock::seconds;
use crate::operation::{Context, required, text};
use crate::page;
use crate::wire::Refusal;

/// [M] how many labels a version has at most.
const MOST: usize = 20;

/// Lists versions, the newest first [?].
pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let secret = seen(context, required(input, "SecretId"))?;
    let deprecated_too = input.get("IncludeDeprecated").and_then(Value::as_bool).unwrap_or(false);
    let order: Vec<&Version> =
        secret.versions.iter().rev().filter(|version| deprecated_too || version.is_staged()).collect();
    let from = match text(input, "NextToken") {
        None => 0,
        Some(token) => {
            let last = page::after(token).and_then(|last| order.iter().position(|it| it.id == last));
            // [M] the code; [?] the text
            let last =
                last.ok_or_else(|| Refusal::new("InvalidNextTokenException", "The NextToken value is invalid."))?;
            last + 1
        }
    };
    let limit = page::limit(input, "MaxResults", 100);
    let (page, last) = page::take(order.into_iter().skip(from), limit, |it| it.id.clone());
    let versions = page.into_iter().map(|version| show(&secret, version)).collect::<Value>();
    let mut out = json!({"Versions": versions, "ARN": secret.arn, "Name": secret.name});
    if let Some(last) = last {
        out["NextToken"] = page::token(&last).into();
    }
    Ok(out)
}

fn show(secret: &Secret, version: &Version) -> Value {
    let mut out = json!({
        "VersionId": version.id,
        "CreatedDate": seconds(version.created),
        // [L] what stands for the service's own key
        "KmsKeyIds": [secret.key_of(version).unwrap_or("DefaultEncryptionKey")],
    });
    if version.is_staged() {
        out["VersionStages"] = json!(version.stages);
    }
    out
}

/// Moves, attaches or removes a label; [I] the texts.
pub(super) fn update_stage(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let mut secret = writable(context, input)?;
    let stage = required(input, "VersionStage");
    let (from, to) = (text(input, "RemoveFromVersionId"), text(input, "MoveToVersionId"));
    let holder = secret.holder(stage).map(|version| version.id.clone());
    if let Some(from) = from {
        existing(&secret, from)?;
        if holder.as_deref() != Some(from) {
            return Err(invalid(format!("Version stage {stage} not found in version {from}")));
        }
    }
    let to = to.map(|to| existing(&secret, to)).transpose()?;
    match (from, to, holder) {
        (None, None, _) => {
            // [?] that it is refused, and the text
            return Err(invalid("You must provide RemoveFromVersionId, MoveToVersionId or both."));
        }
        (None, Some(to), Some(holder)) if secret.versions[to].id != holder => {
            return Err(invalid(format!(
                "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to \
                 version {holder}, so you must explicitly reference that version in RemoveFromVersionId."
            )));
        }
        (_, None, _) if stage == "AWSCURRENT" => {
            return Err(invalid(
                "You can only move staging label AWSCURRENT to a different secret version. It can\u{2019}t be \
                 completely removed.",
            ));
        }
        (_, None, _) => secret.remove_stage(stage),
        (_, Some(to), _) => {
            let labels = &secret.versions[to].stages;
            if labels.len() >= MOST && !labels.iter().any(|it| it == stage) {
                // [D] the limit and the code; [?] the text
                let text = format!("A version has at most {MOST} staging labels.");
                return Err(Refusal::new("LimitExceededException", text));
            }
            secret.move_stage(stage, to);
        }
    }
    secret.touch(context.now());
    let out = json!({"ARN": secret.arn, "Name": secret.name});
    store(context, secret);
    Ok(out)
}

fn existing(secret: &Secret, id: &str) -> Result<usize, Refusal> {
    let found = secret.versions.iter().position(|version| version.id == id);
    found.ok_or_else(|| invalid(format!("Not a valid version: {id}")))
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidParameterException", message)
}
