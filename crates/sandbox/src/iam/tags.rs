//! The tags of roles.

use serde_json::{Value, json};

use super::role::Role;
use super::roles::{current, listed, marker, seen};
use super::{arn, invalid, key};
use crate::operation::{Context, required};
use crate::page;
use crate::tagged::{self, Change, Tagged};
use crate::wire::Refusal;

pub(super) fn tag(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let role = current(context, required(input, "RoleName"))?;
    change(context, role, &Change::Add(tagged::from_list(input, "Tags")))
}

pub(super) fn untag(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let role = current(context, required(input, "RoleName"))?;
    change(context, role, &Change::Remove(tagged::keys(input, "TagKeys")))
}

pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let role = seen(context, required(input, "RoleName"))?;
    let after = marker(input)?;
    let all = role.tags.iter().filter(|(key, _)| after.as_ref().is_none_or(|after| *key > after));
    let (page, last) = page::take(all, page::limit(input, "MaxItems", 100), |(key, _)| (*key).clone());
    let tags = page.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
    Ok(listed("Tags", tags, last))
}

fn change(context: &mut Context<'_>, mut role: Role, change: &Change) -> Result<Value, Refusal> {
    change.apply(&mut role.tags).map_err(invalid)?;
    let (now, key) = (context.now(), key(context, &role.name));
    context.global.roles.put(&key, now, role);
    Ok(json!({}))
}

/// Returns the account's roles with their tags.
pub(crate) fn tagged(context: &Context<'_>) -> Vec<Tagged> {
    let all = context.global.roles.list("", None, context.view).filter(|role| role.account == context.caller.account);
    all.map(|it| Tagged { arn: it.arn.clone(), kind: "iam:role", tags: it.tags.clone() }).collect()
}

/// Changes the tags of the role with an ARN.
pub(crate) fn retag(context: &mut Context<'_>, id: &str, by: &Change) -> Option<Result<(), Refusal>> {
    let name = id.strip_prefix(&arn(context, "/", ""))?.rsplit('/').next()?;
    Some(current(context, name).and_then(|role| change(context, role, by).map(|_| ())))
}
