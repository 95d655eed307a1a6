//! The tags of parameters.

use serde_json::{Value, json};

use super::arn;
use super::parameter::Parameter;
use super::parameters::current;
use crate::operation::{Context, required};
use crate::tagged::{self, Change, Tagged};
use crate::wire::Refusal;

pub(super) fn tag(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    by_id(context, input, &Change::Add(tagged::from_list(input, "Tags")))
}

pub(super) fn untag(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    by_id(context, input, &Change::Remove(tagged::keys(input, "TagKeys")))
}

pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    parameters_only(input)?;
    let found = context.home.parameters.seen(required(input, "ResourceId"), context.view);
    Ok(json!({"TagList": tagged::to_list(&found.ok_or_else(missing)?.tags)}))
}

fn by_id(context: &mut Context<'_>, input: &Value, by: &Change) -> Result<Value, Refusal> {
    parameters_only(input)?;
    let parameter = current(context, required(input, "ResourceId")).ok_or_else(missing)?;
    change(context, parameter, by)?;
    Ok(json!({}))
}

/// [M] the code; there is nothing else here that could have tags.
fn parameters_only(input: &Value) -> Result<(), Refusal> {
    if required(input, "ResourceType") == "Parameter" { Ok(()) } else { Err(missing()) }
}

/// [M] the code, which comes without a text.
fn missing() -> Refusal {
    Refusal::new("InvalidResourceId", "")
}

fn change(context: &mut Context<'_>, mut parameter: Parameter, change: &Change) -> Result<(), Refusal> {
    change.apply(&mut parameter.tags).map_err(|text| Refusal::new("TooManyTagsError", text))?;
    let now = context.now();
    context.home.parameters.put(&parameter.name.clone(), now, parameter);
    Ok(())
}

/// Returns the parameters with their tags.
pub(crate) fn tagged(context: &Context<'_>) -> Vec<Tagged> {
    let all = context.home.parameters.list("", None, context.view);
    all.map(|it| Tagged { arn: it.arn.clone(), kind: "ssm:parameter", tags: it.tags.clone() }).collect()
}

/// Changes the tags of the parameter with an ARN, which does not say whether the name begins with a slash.
pub(crate) fn retag(context: &mut Context<'_>, id: &str, by: &Change) -> Option<Result<(), Refusal>> {
    let name = id.strip_prefix(&arn(context, ""))?;
    let found = current(context, name).or_else(|| current(context, &format!("/{name}")));
    Some(found.ok_or_else(missing).and_then(|parameter| change(context, parameter, by)))
}
