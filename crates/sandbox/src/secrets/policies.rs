//! The resource policies of secrets. They are kept and answered as they were given, and decide nothing.

use serde_json::{Value, json};

use super::reads::{marked_for_deletion, seen};
use super::secret::Secret;
use super::writes::{store, writable};
use crate::document::Document;
use crate::operation::{Context, required};
use crate::wire::Refusal;

pub(super) fn get(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let secret = seen(context, required(input, "SecretId"))?;
    if secret.deleted.is_some() {
        return Err(marked_for_deletion());
    }
    let mut out = shown(&secret);
    if let Some(policy) = &secret.policy {
        out["ResourcePolicy"] = policy.as_str().into();
    }
    Ok(out)
}

pub(super) fn put(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let policy = required(input, "ResourcePolicy");
    // [M] the codes; [?] the texts
    let malformed = |why: &str| Refusal::new("MalformedPolicyDocumentException", why);
    let document = Document::parse(policy).ok_or_else(|| malformed("This resource policy contains invalid Json"))?;
    if !document.names_principals() {
        return Err(malformed("This resource policy contains an unsupported principal."));
    }
    let block = input.get("BlockPublicPolicy").and_then(Value::as_bool).unwrap_or(false);
    if block && document.is_public() {
        return Err(Refusal::new("PublicPolicyException", "The resource policy allows broad access to the secret."));
    }
    change(context, input, Some(policy.to_owned()))
}

/// [D] a secret that has none is not an error.
pub(super) fn delete(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    change(context, input, None)
}

fn change(context: &mut Context<'_>, input: &Value, policy: Option<String>) -> Result<Value, Refusal> {
    let mut secret = writable(context, input)?;
    secret.policy = policy;
    let out = shown(&secret);
    store(context, secret);
    Ok(out)
}

fn shown(secret: &Secret) -> Value {
    json!({"ARN": secret.arn, "Name": secret.name})
}
