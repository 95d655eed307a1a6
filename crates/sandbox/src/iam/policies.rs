//! The policies of a role: its own, by name, and those that are attached to it, by ARN.

use serde_json::{Value, json};

use super::roles::{change, check_document, current, listed, marker, seen};
use crate::operation::{Context, required};
use crate::page;
use crate::query::encode;
use crate::wire::Refusal;

/// [D] how many policies a role has attached at most, unless the quota was raised.
const MOST: usize = 10;

pub(super) fn put(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let (name, document) = (required(input, "PolicyName").to_owned(), required(input, "PolicyDocument").to_owned());
    check_document(&document)?;
    change(context, required(input, "RoleName"), |role| {
        role.inline.insert(name, document);
    })
}

pub(super) fn get(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let name = required(input, "PolicyName");
    let role = seen(context, required(input, "RoleName"))?;
    let document = role.inline.get(name).ok_or_else(|| missing(name))?;
    Ok(json!({"RoleName": role.name, "PolicyName": name, "PolicyDocument": encode(document)}))
}

pub(super) fn delete(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let (role, name) = (required(input, "RoleName"), required(input, "PolicyName"));
    if !current(context, role)?.inline.contains_key(name) {
        return Err(missing(name));
    }
    change(context, role, |role| {
        role.inline.remove(name);
    })
}

pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let role = seen(context, required(input, "RoleName"))?;
    let after = marker(input)?;
    let all = role.inline.keys().filter(|name| after.as_ref().is_none_or(|after| *name > after));
    let (page, last) = page::take(all, page::limit(input, "MaxItems", 100), |name| (*name).clone());
    Ok(listed("PolicyNames", json!(page), last))
}

pub(super) fn attach(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let (role, arn) = (required(input, "RoleName"), required(input, "PolicyArn").to_owned());
    let attached = current(context, role)?.attached;
    if attached.len() == MOST && !attached.contains(&arn) {
        // [I] the text
        let text = format!("Cannot exceed quota for PoliciesPerRole: {MOST}");
        return Err(Refusal::new("LimitExceeded", text).status(409));
    }
    change(context, role, |role| {
        role.attached.insert(arn);
    })
}

pub(super) fn detach(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let (role, arn) = (required(input, "RoleName"), required(input, "PolicyArn"));
    if !current(context, role)?.attached.contains(arn) {
        // [I] the text
        return Err(Refusal::new("NoSuchEntity", format!("Policy {arn} was not found.")).status(404));
    }
    change(context, role, |role| {
        role.attached.remove(arn);
    })
}

pub(super) fn list_attached(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let role = seen(context, required(input, "RoleName"))?;
    let after = marker(input)?;
    let all = role.attached.iter().filter(|arn| after.as_ref().is_none_or(|after| *arn > after));
    let (page, last) = page::take(all, page::limit(input, "MaxItems", 100), |arn| (*arn).clone());
    let entry = |arn: &&String| json!({"PolicyName": arn.rsplit('/').next(), "PolicyArn": arn});
    Ok(listed("AttachedPolicies", page.iter().map(entry).collect(), last))
}

/// [I] the text.
fn missing(name: &str) -> Refusal {
    Refusal::new("NoSuchEntity", format!("The role policy with name {name} cannot be found.")).status(404)
}
