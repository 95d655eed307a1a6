//! `AWS::KMS::Key`: nameless, and it ends by waiting.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{Handlers, Retag, Schema, Type, changes, document, members, never, pages, parsed, shown_tags};
use crate::operation::{Context, required, text};
use crate::router::invoke;
use crate::tagged::Tags;
use crate::wire::{Refusal, Service};

pub(super) static TYPE: Type = Type {
    name: "AWS::KMS::Key",
    schema: LazyLock::new(|| Schema::parse(include_str!("../schemas/aws-kms-key.json"))),
    handlers: Some(Handlers { create, read, update: Some(update), delete, list, busy: never }),
};

fn call(context: &mut Context<'_>, operation: &'static str, input: &Value) -> Result<Value, Refusal> {
    invoke(context, Service::Kms, operation, input)
}

/// KMS calls the members of a tag otherwise.
fn tag_list(tags: &Tags) -> Value {
    tags.iter().map(|(key, value)| json!({"TagKey": key, "TagValue": value})).collect()
}

fn create(context: &mut Context<'_>, model: &Value) -> Result<String, Refusal> {
    let same = ["Description", "KeyUsage", "KeySpec", "Origin", "MultiRegion"].map(|name| (name, name));
    let mut input = members(model, &same);
    input["Tags"] = tag_list(&super::tags(model));
    if let Some(policy) = model.get("KeyPolicy") {
        input["Policy"] = document(policy).into();
    }
    let made = call(context, "CreateKey", &input)?;
    let id = made.pointer("/KeyMetadata/KeyId").and_then(Value::as_str).unwrap_or_default().to_owned();
    if model.get("Enabled") == Some(&Value::Bool(false)) {
        call(context, "DisableKey", &json!({"KeyId": id}))?;
    }
    Ok(id)
}

fn read(context: &mut Context<'_>, id: &str) -> Result<Value, Refusal> {
    let found = call(context, "DescribeKey", &json!({"KeyId": id}))?;
    let key = found.get("KeyMetadata").unwrap_or(&Value::Null);
    if text(key, "KeyState") == Some("PendingDeletion") {
        // [?] a key that waits for its end is gone for whoever has a model of it
        return Err(Refusal::new("NotFoundException", format!("Key {id} is pending deletion.")));
    }
    let same = ["KeyId", "Arn", "Description", "Enabled", "KeyUsage", "KeySpec", "Origin", "MultiRegion"];
    let mut model = members(key, &same.map(|name| (name, name)));
    let policy = call(context, "GetKeyPolicy", &json!({"KeyId": id, "PolicyName": "default"}))?;
    model["KeyPolicy"] = text(&policy, "Policy").map(parsed).unwrap_or_default();
    let tokens = ("Marker", "NextMarker");
    let tags = pages(context, (Service::Kms, "ListResourceTags"), json!({"KeyId": id}), "Tags", tokens)?;
    model["Tags"] = shown_tags(tags.iter(), "TagKey", "TagValue");
    Ok(model)
}

fn update(context: &mut Context<'_>, id: &str, before: &Value, after: &Value) -> Result<(), Refusal> {
    let fixed = ["KeySpec", "KeyUsage", "Origin", "MultiRegion"];
    if let Some(name) = changes(before, after, &fixed).keys().next() {
        // [D] the schema does not say so, the handler does; [?] the text
        return Err(Refusal::new("NotUpdatable", format!("{name} cannot be updated.")));
    }
    // A disabled key is enabled first: KMS changes nothing else of it before [D].
    let changed = changes(before, after, &["Enabled"]);
    let enabled = after.get("Enabled").and_then(Value::as_bool).unwrap_or(true);
    if !changed.is_empty() {
        let operation = if enabled { "EnableKey" } else { "DisableKey" };
        call(context, operation, &json!({"KeyId": id}))?;
    }
    if let Some(policy) = changes(before, after, &["KeyPolicy"]).values().find(|policy| !policy.is_null()) {
        call(context, "PutKeyPolicy", &json!({"KeyId": id, "PolicyName": "default", "Policy": document(policy)}))?;
    }
    if !changes(before, after, &["Description"]).is_empty() {
        let description = text(after, "Description").unwrap_or_default();
        call(context, "UpdateKeyDescription", &json!({"KeyId": id, "Description": description}))?;
    }
    let Retag { added, removed } = Retag::between(&super::tags(before), &super::tags(after));
    if !removed.is_empty() {
        call(context, "UntagResource", &json!({"KeyId": id, "TagKeys": removed}))?;
    }
    if !added.is_empty() {
        call(context, "TagResource", &json!({"KeyId": id, "Tags": tag_list(&added)}))?;
    }
    Ok(())
}

fn delete(context: &mut Context<'_>, id: &str) -> Result<(), Refusal> {
    read(context, id)?;
    call(context, "ScheduleKeyDeletion", &json!({"KeyId": id})).map(|_| ())
}

fn list(context: &mut Context<'_>, _: &Value) -> Result<Vec<Value>, Refusal> {
    let tokens = ("Marker", "NextMarker");
    let keys = pages(context, (Service::Kms, "ListKeys"), json!({}), "Keys", tokens)?;
    Ok(keys.iter().map(|key| json!({"KeyId": required(key, "KeyId")})).collect())
}
