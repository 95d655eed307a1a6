//! The tags of log groups, which only their ARN leads to.

use serde_json::{Value, json};

use super::groups::{Group, current};
use super::{arn, invalid, missing};
use crate::operation::{Context, required};
use crate::tagged::{self, Change, Tagged};
use crate::wire::Refusal;

pub(super) fn tag(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    by_arn(context, input, &Change::Add(tagged::from_map(input, "tags")))
}

pub(super) fn untag(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    by_arn(context, input, &Change::Remove(tagged::keys(input, "tagKeys")))
}

pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let name = name(context, required(input, "resourceArn")).ok_or_else(missing)?;
    let found = context.home.log_groups.seen(name, context.view);
    Ok(json!({"tags": found.ok_or_else(missing)?.tags}))
}

fn by_arn(context: &mut Context<'_>, input: &Value, by: &Change) -> Result<Value, Refusal> {
    let done = retag(context, required(input, "resourceArn"), by);
    done.unwrap_or_else(|| Err(missing())).map(|()| Value::Null)
}

fn change(context: &mut Context<'_>, mut group: Group, change: &Change) -> Result<(), Refusal> {
    change.apply(&mut group.tags).map_err(invalid)?;
    let now = context.now();
    context.home.log_groups.put(&group.name.clone(), now, group);
    Ok(())
}

/// Returns the groups with their tags.
pub(crate) fn tagged(context: &Context<'_>) -> Vec<Tagged> {
    let all = context.home.log_groups.list("", None, context.view);
    all.map(|it| Tagged { arn: it.arn.clone(), kind: "logs:log-group", tags: it.tags.clone() }).collect()
}

/// Changes the tags of the group with an ARN.
pub(crate) fn retag(context: &mut Context<'_>, id: &str, by: &Change) -> Option<Result<(), Refusal>> {
    let name = name(context, id)?;
    Some(current(context, name).and_then(|group| change(context, group, by)))
}

fn name<'a>(context: &Context<'_>, id: &'a str) -> Option<&'a str> {
    let name = id.strip_prefix(&arn(context, ""))?;
    Some(name.strip_suffix(":*").unwrap_or(name))
}
