//! `AWS::SecretsManager::Secret`: known by its ARN, and its value is never shown.

use std::sync::LazyLock;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Handlers, Retag, Schema, Type, changes, entries, members, never, pages, shown_tags};
use crate::operation::{Context, required, text};
use crate::router::invoke;
use crate::tagged;
use crate::wire::{Refusal, Service};

pub(super) static TYPE: Type = Type {
    name: "AWS::SecretsManager::Secret",
    schema: LazyLock::new(|| Schema::parse(include_str!("../schemas/aws-secretsmanager-secret.json"))),
    handlers: Some(Handlers { create, read, update: Some(update), delete, list, busy: never }),
};

fn call(context: &mut Context<'_>, operation: &'static str, input: &Value) -> Result<Value, Refusal> {
    invoke(context, Service::SecretsManager, operation, input)
}

fn create(context: &mut Context<'_>, model: &Value) -> Result<String, Refusal> {
    let made_up = || Uuid::new_v4().simple().to_string();
    let name = text(model, "Name").map_or_else(made_up, str::to_owned);
    let same =
        [("Description", "Description"), ("KmsKeyId", "KmsKeyId"), ("SecretString", "SecretString"), ("Tags", "Tags")];
    let mut input = members(model, &same);
    input["Name"] = name.into();
    input["ClientRequestToken"] = Uuid::new_v4().to_string().into();
    let made = call(context, "CreateSecret", &input)?;
    Ok(required(&made, "ARN").to_owned())
}

fn read(context: &mut Context<'_>, arn: &str) -> Result<Value, Refusal> {
    let found = call(context, "DescribeSecret", &json!({"SecretId": arn}))?;
    if found.get("DeletedDate").is_some() {
        // A secret that waits for its end is gone for whoever has a model of it [?].
        return Err(Refusal::new("ResourceNotFoundException", "The secret is scheduled for deletion."));
    }
    let mut model = members(&found, &[("Name", "Name"), ("Description", "Description"), ("KmsKeyId", "KmsKeyId")]);
    model["Id"] = found.get("ARN").cloned().unwrap_or_default();
    model["Tags"] = shown_tags(entries(&found, "Tags"), "Key", "Value");
    Ok(model)
}

fn update(context: &mut Context<'_>, arn: &str, before: &Value, after: &Value) -> Result<(), Refusal> {
    let mut input: Value = json!({"SecretId": arn});
    for (name, value) in changes(before, after, &["Description", "KmsKeyId"]) {
        input[name] = if value.is_null() { "".into() } else { value.clone() };
    }
    if let Some(value) = after.get("SecretString") {
        input["SecretString"] = value.clone();
        input["ClientRequestToken"] = Uuid::new_v4().to_string().into();
    }
    if input.as_object().is_some_and(|members| members.len() > 1) {
        call(context, "UpdateSecret", &input)?;
    }
    let Retag { added, removed } = Retag::between(&super::tags(before), &super::tags(after));
    if !removed.is_empty() {
        call(context, "UntagResource", &json!({"SecretId": arn, "TagKeys": removed}))?;
    }
    if !added.is_empty() {
        call(context, "TagResource", &json!({"SecretId": arn, "Tags": tagged::to_list(&added)}))?;
    }
    Ok(())
}

fn delete(context: &mut Context<'_>, arn: &str) -> Result<(), Refusal> {
    // To force the end of what is not there is no failure to the service, so it is looked for first.
    read(context, arn)?;
    // [?] with or without a window; a name that is free again is what a replacement needs
    let input = json!({"SecretId": arn, "ForceDeleteWithoutRecovery": true});
    call(context, "DeleteSecret", &input).map(|_| ())
}

fn list(context: &mut Context<'_>, _: &Value) -> Result<Vec<Value>, Refusal> {
    let tokens = ("NextToken", "NextToken");
    let found = pages(context, (Service::SecretsManager, "ListSecrets"), json!({}), "SecretList", tokens)?;
    Ok(found.iter().map(|secret| json!({"Id": required(secret, "ARN")})).collect())
}
