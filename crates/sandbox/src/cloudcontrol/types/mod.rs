//! The types that Cloud Control knows here, one file each, and what they have in common.

mod events_api_destination;
mod events_connection;
mod glue_connection;
mod iam_role;
mod kms_alias;
mod kms_key;
mod logs_log_group;
mod logs_log_stream;
mod s3_bucket;
mod secretsmanager_secret;
mod sqs_queue;
mod ssm_parameter;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::Schema;
use crate::operation::{Context, required};
use crate::router::invoke;
use crate::tagged::Tags;
use crate::wire::{Refusal, Service};

/// A type.
pub(crate) struct Type {
    pub(crate) name: &'static str,
    pub(crate) schema: LazyLock<Schema>,
    /// A type without any cannot be provisioned: it only has a schema.
    pub(super) handlers: Option<Handlers>,
}

/// What a type can do, by its service's own operations.
pub(super) struct Handlers {
    /// Makes a resource; returns its identifier.
    pub(super) create: fn(&mut Context<'_>, &Value) -> Result<String, Refusal>,
    /// Returns the model, with what is never shown or without.
    pub(super) read: fn(&mut Context<'_>, &str) -> Result<Value, Refusal>,
    /// Makes one model of another.
    pub(super) update: Option<Update>,
    pub(super) delete: fn(&mut Context<'_>, &str) -> Result<(), Refusal>,
    /// Returns the members that identify each resource.
    pub(super) list: fn(&mut Context<'_>, &Value) -> Result<Vec<Value>, Refusal>,
    /// Tells whether the service itself has not finished with a resource.
    pub(super) busy: fn(&Context<'_>, &str) -> bool,
}

type Update = fn(&mut Context<'_>, &str, &Value, &Value) -> Result<(), Refusal>;

/// All types, by name.
pub(crate) static TYPES: &[&Type] = &[
    &events_api_destination::TYPE,
    &events_connection::TYPE,
    &glue_connection::TYPE,
    &iam_role::TYPE,
    &kms_alias::TYPE,
    &kms_key::TYPE,
    &logs_log_group::TYPE,
    &logs_log_stream::TYPE,
    &s3_bucket::TYPE,
    &sqs_queue::TYPE,
    &ssm_parameter::TYPE,
    &secretsmanager_secret::TYPE,
];

impl Type {
    /// Returns how a type can be provisioned [M].
    pub(crate) fn provisioning(&self) -> &'static str {
        match &self.handlers {
            None => "NON_PROVISIONABLE",
            Some(Handlers { update: None, .. }) => "IMMUTABLE",
            Some(_) => "FULLY_MUTABLE",
        }
    }

    /// Returns the handlers for an action; [I] the text.
    pub(super) fn handlers(&self, action: &str) -> Result<&Handlers, Refusal> {
        let found = self.handlers.as_ref().filter(|it| action != "UPDATE" || it.update.is_some());
        found.ok_or_else(|| {
            let text = format!("Resource type {} does not support {action} action", self.name);
            Refusal::new("UnsupportedActionException", text)
        })
    }
}

/// Finds a type.
pub(crate) fn by_name(name: &str) -> Option<&'static Type> {
    TYPES.iter().copied().find(|known| known.name == name)
}

/// Finds the type that an input names; [I] the text.
pub(super) fn known(input: &Value) -> Result<&'static Type, Refusal> {
    let name = required(input, "TypeName");
    let missing = || Refusal::new("TypeNotFoundException", format!("The type '{name}' cannot be found."));
    by_name(name).ok_or_else(missing)
}

/// Returns what a resource shows, if it can be read.
pub(super) fn model_of(context: &mut Context<'_>, type_name: &str, identifier: &str) -> Option<Value> {
    let known = by_name(type_name)?;
    let model = (known.handlers.as_ref()?.read)(context, identifier).ok()?;
    Some(known.schema.show(model))
}

/// Tells whether a resource's own service has not finished with it.
pub(super) fn is_busy(context: &Context<'_>, type_name: &str, identifier: &str) -> bool {
    let handlers = by_name(type_name).and_then(|known| known.handlers.as_ref());
    handlers.is_some_and(|handlers| (handlers.busy)(context, identifier))
}

/// For services that finish at once.
fn never(_: &Context<'_>, _: &str) -> bool {
    false
}

/// Returns the members of a model that are there, in the words of its service.
fn members(model: &Value, names: &[(&str, &str)]) -> Value {
    let given = names.iter().filter_map(|(name, as_name)| Some(((*as_name).to_owned(), model.get(name)?.clone())));
    given.collect::<serde_json::Map<String, Value>>().into()
}

/// Returns a document that may be given as JSON or as its text.
fn document(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Returns the JSON of a document's text.
fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

/// Returns an output's list.
fn entries<'a>(output: &'a Value, member: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    output.get(member).and_then(Value::as_array).into_iter().flatten()
}

/// Returns the tags of a model that lists them.
fn tags(model: &Value) -> Tags {
    crate::tagged::from_list(model, "Tags")
}

/// Returns a list of tags as a model's property; an empty one is absent.
fn shown_tags<'a>(list: impl Iterator<Item = &'a Value>, key: &str, value: &str) -> Value {
    let one = |tag: &Value| json!({"Key": tag.get(key), "Value": tag.get(value)});
    let all: Vec<Value> = list.map(one).collect();
    if all.is_empty() { Value::Null } else { all.into() }
}

/// What changes between two sets of tags.
struct Retag {
    added: Tags,
    removed: Vec<String>,
}

impl Retag {
    fn between(before: &Tags, after: &Tags) -> Self {
        let new = |(key, value): &(&String, &String)| before.get(*key) != Some(*value);
        Self {
            added: after.iter().filter(new).map(|(key, value)| (key.clone(), value.clone())).collect(),
            removed: before.keys().filter(|key| !after.contains_key(*key)).cloned().collect(),
        }
    }
}

/// Returns the members whose values differ: those of the new model, and null for what is gone.
fn changes<'a>(before: &'a Value, after: &'a Value, names: &[&'a str]) -> BTreeMap<&'a str, &'a Value> {
    let value = |model: &'a Value, name: &str| model.get(name).unwrap_or(&Value::Null);
    let differs = names.iter().filter(|name| value(before, name) != value(after, name));
    differs.map(|name| (*name, value(after, name))).collect()
}

/// Asks for all pages of a list.
fn pages(
    context: &mut Context<'_>,
    (service, operation): (Service, &'static str),
    mut input: Value,
    member: &str,
    (asked, answered): (&str, &str),
) -> Result<Vec<Value>, Refusal> {
    let mut all = Vec::new();
    loop {
        let mut output = invoke(context, service, operation, &input)?;
        if let Some(Value::Array(page)) = output.get_mut(member) {
            all.append(page);
        }
        match output.get(answered).filter(|token| token.is_string()) {
            Some(token) => input[asked] = token.clone(),
            None => return Ok(all),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A schema that is not JSON, names what it does not have or repeats itself would be found late.
    #[test]
    fn schemas_are_whole() {
        for known in TYPES {
            let json = &known.schema.json;
            assert_eq!(json["typeName"], known.name);
            assert_eq!(json["additionalProperties"], false, "{}", known.name);
            assert!(json["description"].as_str().is_some_and(|it| !it.is_empty()), "{}", known.name);
            let lists = ["primaryIdentifier", "readOnlyProperties", "writeOnlyProperties", "createOnlyProperties"];
            for pointer in lists.iter().flat_map(|list| entries(json, list)) {
                let mut members = pointer.as_str().unwrap().split('/').skip(2).filter(|it| *it != "*");
                let mut at = &json["properties"][members.next().unwrap()];
                assert!(!at.is_null(), "{} {pointer}", known.name);
                for member in members {
                    let at_list = at.get("items").unwrap_or(at);
                    let reference = at_list.get("$ref").and_then(Value::as_str).map(|it| it.trim_start_matches('#'));
                    let shape = reference.map_or(at_list, |pointer| json.pointer(pointer).unwrap());
                    at = &shape["properties"][member];
                    assert!(!at.is_null(), "{} {pointer} at {member}", known.name);
                }
            }
            assert_eq!(json.get("handlers").is_some(), known.handlers.is_some(), "{}", known.name);
            if let Some(handlers) = &known.handlers {
                assert_eq!(json["handlers"].get("update").is_some(), handlers.update.is_some(), "{}", known.name);
            }
        }
    }
}
