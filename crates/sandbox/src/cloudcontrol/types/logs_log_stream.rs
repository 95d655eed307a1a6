//! `AWS::Logs::LogStream`: an identifier of two members, no update, and a list that needs a model.

use std::sync::LazyLock;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Handlers, Schema, Type, entries, never, pages};
use crate::operation::{Context, required, text};
use crate::router::invoke;
use crate::wire::{Refusal, Service};

pub(super) static TYPE: Type = Type {
    name: "AWS::Logs::LogStream",
    schema: LazyLock::new(|| Schema::parse(include_str!("../schemas/aws-logs-logstream.json"))),
    handlers: Some(Handlers { create, read, update: None, delete, list, busy: never }),
};

/// Returns what the service calls a stream by.
fn input(identifier: &str) -> Value {
    let (group, name) = identifier.split_once('|').unwrap_or((identifier, "-"));
    json!({"logGroupName": group, "logStreamName": name})
}

fn create(context: &mut Context<'_>, model: &Value) -> Result<String, Refusal> {
    let name = text(model, "LogStreamName").map_or_else(|| Uuid::new_v4().to_string(), str::to_owned);
    let identifier = format!("{}|{name}", required(model, "LogGroupName"));
    invoke(context, Service::Logs, "CreateLogStream", &input(&identifier))?;
    Ok(identifier)
}

fn read(context: &mut Context<'_>, identifier: &str) -> Result<Value, Refusal> {
    let asked = input(identifier);
    let (group, name) = (required(&asked, "logGroupName"), required(&asked, "logStreamName"));
    let prefix = json!({"logGroupName": group, "logStreamNamePrefix": name, "limit": 1});
    let found = invoke(context, Service::Logs, "DescribeLogStreams", &prefix)?;
    if entries(&found, "logStreams").any(|stream| text(stream, "logStreamName") == Some(name)) {
        return Ok(json!({"LogGroupName": group, "LogStreamName": name}));
    }
    Err(Refusal::new("ResourceNotFoundException", "The specified log stream does not exist."))
}

fn delete(context: &mut Context<'_>, identifier: &str) -> Result<(), Refusal> {
    invoke(context, Service::Logs, "DeleteLogStream", &input(identifier)).map(|_| ())
}

fn list(context: &mut Context<'_>, model: &Value) -> Result<Vec<Value>, Refusal> {
    let group = required(model, "LogGroupName");
    let asked = json!({"logGroupName": group});
    let tokens = ("nextToken", "nextToken");
    let streams = pages(context, (Service::Logs, "DescribeLogStreams"), asked, "logStreams", tokens)?;
    let one = |stream: &Value| json!({"LogGroupName": group, "LogStreamName": stream.get("logStreamName")});
    Ok(streams.iter().map(one).collect())
}
