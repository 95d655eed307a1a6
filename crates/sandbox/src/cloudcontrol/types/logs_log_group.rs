//! `AWS::Logs::LogGroup`.

use std::sync::LazyLock;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Handlers, Retag, Schema, Type, changes, entries, members, never, pages};
use crate::operation::{Context, text};
use crate::router::invoke;
use crate::tagged;
use crate::wire::{Refusal, Service};

pub(super) static TYPE: Type = Type {
    name: "AWS::Logs::LogGroup",
    schema: LazyLock::new(|| Schema::parse(include_str!("../schemas/aws-logs-loggroup.json"))),
    handlers: Some(Handlers { create, read, update: Some(update), delete, list, busy: never }),
};

const NAMES: [(&str, &str); 5] = [
    ("logGroupName", "LogGroupName"),
    ("arn", "Arn"),
    ("kmsKeyId", "KmsKeyId"),
    ("retentionInDays", "RetentionInDays"),
    ("logGroupClass", "LogGroupClass"),
];

fn call(context: &mut Context<'_>, operation: &'static str, input: &Value) -> Result<Value, Refusal> {
    invoke(context, Service::Logs, operation, input)
}

fn create(context: &mut Context<'_>, model: &Value) -> Result<String, Refusal> {
    let name = text(model, "LogGroupName").map_or_else(|| Uuid::new_v4().to_string(), str::to_owned);
    let mut input = members(model, &[("KmsKeyId", "kmsKeyId"), ("LogGroupClass", "logGroupClass")]);
    input["logGroupName"] = name.as_str().into();
    input["tags"] = json!(super::tags(model));
    call(context, "CreateLogGroup", &input)?;
    if let Some(days) = model.get("RetentionInDays") {
        call(context, "PutRetentionPolicy", &json!({"logGroupName": name, "retentionInDays": days}))?;
    }
    Ok(name)
}

fn read(context: &mut Context<'_>, name: &str) -> Result<Value, Refusal> {
    // The first one with the prefix is the one with the name.
    let found = call(context, "DescribeLogGroups", &json!({"logGroupNamePrefix": name, "limit": 1}))?;
    let group = entries(&found, "logGroups").find(|group| text(group, "logGroupName") == Some(name));
    let missing = || Refusal::new("ResourceNotFoundException", "The specified log group does not exist.");
    let group = group.ok_or_else(missing)?;
    let mut model = members(group, &NAMES);
    let tags = call(context, "ListTagsForResource", &json!({"resourceArn": group.get("logGroupArn")}))?;
    let tags = tagged::from_map(&tags, "tags");
    if !tags.is_empty() {
        model["Tags"] = tagged::to_list(&tags);
    }
    Ok(model)
}

fn update(context: &mut Context<'_>, name: &str, before: &Value, after: &Value) -> Result<(), Refusal> {
    for (property, value) in changes(before, after, &["RetentionInDays", "KmsKeyId"]) {
        let mut input = json!({"logGroupName": name});
        let (operation, member) = match (property, value) {
            ("RetentionInDays", Value::Null) => ("DeleteRetentionPolicy", None),
            ("RetentionInDays", _) => ("PutRetentionPolicy", Some("retentionInDays")),
            (_, Value::Null) => ("DisassociateKmsKey", None),
            _ => ("AssociateKmsKey", Some("kmsKeyId")),
        };
        if let Some(member) = member {
            input[member] = value.clone();
        }
        call(context, operation, &input)?;
    }
    let arn = context.arn("logs", &format!("log-group:{name}"));
    let Retag { added, removed } = Retag::between(&super::tags(before), &super::tags(after));
    if !removed.is_empty() {
        call(context, "UntagResource", &json!({"resourceArn": arn, "tagKeys": removed}))?;
    }
    if !added.is_empty() {
        call(context, "TagResource", &json!({"resourceArn": arn, "tags": added}))?;
    }
    Ok(())
}

fn delete(context: &mut Context<'_>, name: &str) -> Result<(), Refusal> {
    call(context, "DeleteLogGroup", &json!({"logGroupName": name})).map(|_| ())
}

fn list(context: &mut Context<'_>, _: &Value) -> Result<Vec<Value>, Refusal> {
    let tokens = ("nextToken", "nextToken");
    let groups = pages(context, (Service::Logs, "DescribeLogGroups"), json!({}), "logGroups", tokens)?;
    Ok(groups.iter().map(|group| members(group, &NAMES[..1])).collect())
}
