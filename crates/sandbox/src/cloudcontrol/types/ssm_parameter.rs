//! `AWS::SSM::Parameter`: texts and lists of them; a secure one cannot be made through Cloud Control [D].

use std::sync::LazyLock;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Handlers, Retag, Schema, Type, members, never, pages};
use crate::operation::{Context, text};
use crate::router::invoke;
use crate::tagged;
use crate::wire::{Refusal, Service};

pub(super) static TYPE: Type = Type {
    name: "AWS::SSM::Parameter",
    schema: LazyLock::new(|| Schema::parse(include_str!("../schemas/aws-ssm-parameter.json"))),
    handlers: Some(Handlers { create, read, update: Some(update), delete, list, busy: never }),
};

const GIVEN: [(&str, &str); 7] = [
    ("Type", "Type"),
    ("Value", "Value"),
    ("Description", "Description"),
    ("AllowedPattern", "AllowedPattern"),
    ("Tier", "Tier"),
    ("Policies", "Policies"),
    ("DataType", "DataType"),
];

fn call(context: &mut Context<'_>, operation: &'static str, input: &Value) -> Result<Value, Refusal> {
    invoke(context, Service::Ssm, operation, input)
}

fn create(context: &mut Context<'_>, model: &Value) -> Result<String, Refusal> {
    let name = text(model, "Name").map_or_else(|| format!("CFN-Parameter-{}", Uuid::new_v4().simple()), str::to_owned);
    let mut input = members(model, &GIVEN);
    input["Name"] = name.as_str().into();
    input["Tags"] = tagged::to_list(&tagged::from_map(model, "Tags"));
    call(context, "PutParameter", &input)?;
    Ok(name)
}

fn read(context: &mut Context<'_>, name: &str) -> Result<Value, Refusal> {
    let found = call(context, "GetParameter", &json!({"Name": name}))?;
    let parameter = found.get("Parameter").unwrap_or(&Value::Null);
    if text(parameter, "Type") == Some("SecureString") {
        // [?] what the handler says; its schema has no such type
        return Err(Refusal::invalid("Parameters of type SecureString are not supported."));
    }
    Ok(members(parameter, &[("Name", "Name"), ("Type", "Type"), ("Value", "Value"), ("DataType", "DataType")]))
}

fn update(context: &mut Context<'_>, name: &str, _: &Value, after: &Value) -> Result<(), Refusal> {
    let mut input = members(after, &GIVEN);
    input["Name"] = name.into();
    input["Overwrite"] = true.into();
    call(context, "PutParameter", &input)?;
    // Tags are never shown, so only what is said of them can be wanted.
    if after.get("Tags").is_none() {
        return Ok(());
    }
    let id = json!({"ResourceType": "Parameter", "ResourceId": name});
    let present = call(context, "ListTagsForResource", &id)?;
    let before = tagged::from_list(&present, "TagList");
    let Retag { added, removed } = Retag::between(&before, &tagged::from_map(after, "Tags"));
    if !removed.is_empty() {
        let mut input = id.clone();
        input["TagKeys"] = json!(removed);
        call(context, "RemoveTagsFromResource", &input)?;
    }
    if !added.is_empty() {
        let mut input = id;
        input["Tags"] = tagged::to_list(&added);
        call(context, "AddTagsToResource", &input)?;
    }
    Ok(())
}

fn delete(context: &mut Context<'_>, name: &str) -> Result<(), Refusal> {
    call(context, "DeleteParameter", &json!({"Name": name})).map(|_| ())
}

fn list(context: &mut Context<'_>, _: &Value) -> Result<Vec<Value>, Refusal> {
    let tokens = ("NextToken", "NextToken");
    let found = pages(context, (Service::Ssm, "DescribeParameters"), json!({}), "Parameters", tokens)?;
    Ok(found.iter().map(|parameter| members(parameter, &[("Name", "Name")])).collect())
}
