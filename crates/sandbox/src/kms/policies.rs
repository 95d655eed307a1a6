//! Key policies. They decide nothing here, but what would lock everybody out is refused as AWS does.

use serde_json::{Value, json};

use super::keys::{listed, marker, store};
use super::{Key, own_key, readable_key};
use crate::document::Document;
use crate::operation::{Context, Resource, identity, required, text};
use crate::page;
use crate::wire::Refusal;

/// [D] the only name that a policy may have.
const NAME: &str = "default";

pub(super) fn get(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    named(input)?;
    let key = readable_key(context, required(input, "KeyId"))?;
    Ok(json!({"Policy": key.policy, "PolicyName": NAME}))
}

/// [D] also while the key is pending deletion.
pub(super) fn put(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    named(input)?;
    let mut key = own_key(context, required(input, "KeyId"))?;
    key.policy = checked(context, &key, input, required(input, "Policy"))?;
    store(context, key);
    Ok(Value::Null)
}

pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    readable_key(context, required(input, "KeyId"))?;
    let after = marker(input)?;
    let names = [NAME].into_iter().filter(|name| after.as_deref().is_none_or(|after| *name > after));
    let (page, last) = page::take(names, page::limit(input, "Limit", 100), |name| (*name).to_owned());
    Ok(listed("PolicyNames", page.into(), last))
}

/// [I] the text.
fn named(input: &Value) -> Result<(), Refusal> {
    if text(input, "PolicyName").is_none_or(|name| name == NAME) {
        return Ok(());
    }
    Err(Refusal::new("NotFoundException", "No such policy exists"))
}

/// Checks a policy before it is kept; [I] the texts but the first [?].
pub(super) fn checked(context: &Context<'_>, key: &Key, input: &Value, policy: &str) -> Result<String, Refusal> {
    let malformed = |why: &str| Refusal::new("MalformedPolicyDocumentException", why);
    let document = Document::parse(policy).ok_or_else(|| malformed("The policy is not a policy document."))?;
    if !document.names_principals() {
        return Err(malformed("Policy contains a statement with one or more invalid principals."));
    }
    let bypass = input.get("BypassPolicyLockoutSafetyCheck").and_then(Value::as_bool).unwrap_or(false);
    if !bypass && !stays_open(context, key, &document) {
        return Err(malformed("The new key policy will not allow you to update the key policy in the future."));
    }
    Ok(policy.to_owned())
}

/// Tells whether the caller can put another policy later: [D] by the policy itself, or by IAM when the
/// policy leaves it to the account.
fn stays_open(context: &Context<'_>, key: &Key, document: &Document) -> bool {
    const ACTION: &str = "kms:PutKeyPolicy";
    let account = &context.caller.account;
    let root = format!("arn:{}:iam::{account}:root", context.caller.partition());
    let caller = identity(context.caller);
    let by_iam = || context.authorize(ACTION, &Resource::one(key.arn.clone()), &[]).is_ok();
    document.allows(ACTION, &["*", &caller]) || (document.allows(ACTION, &[&root, account]) && by_iam())
}
