//! `AWS::Events::Connection`: what was secret when it was given is never shown, and has to be given again
//! with every patch, because a patch applies to what is shown.

use std::sync::LazyLock;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Handlers, Schema, Type, members, pages};
use crate::operation::{Context, required, text};
use crate::router::invoke;
use crate::wire::{Refusal, Service};

pub(super) static TYPE: Type = Type {
    name: "AWS::Events::Connection",
    schema: LazyLock::new(|| Schema::parse(include_str!("../schemas/aws-events-connection.json"))),
    handlers: Some(Handlers { create, read, update: Some(update), delete, list, busy }),
};

const GIVEN: [&str; 5] =
    ["Description", "AuthorizationType", "AuthParameters", "InvocationConnectivityParameters", "KmsKeyIdentifier"];

fn input(name: &str, model: &Value) -> Value {
    let mut input = members(model, &GIVEN.map(|name| (name, name)));
    input["Name"] = name.into();
    input
}

fn create(context: &mut Context<'_>, model: &Value) -> Result<String, Refusal> {
    let made_up = || format!("connection-{}", Uuid::new_v4());
    let name = text(model, "Name").map_or_else(made_up, str::to_owned);
    invoke(context, Service::Events, "CreateConnection", &input(&name, model))?;
    Ok(name)
}

fn read(context: &mut Context<'_>, name: &str) -> Result<Value, Refusal> {
    let found = invoke(context, Service::Events, "DescribeConnection", &json!({"Name": name}))?;
    let mut model = members(&found, &GIVEN.map(|name| (name, name)));
    model["Name"] = name.into();
    model["Arn"] = found.get("ConnectionArn").cloned().unwrap_or_default();
    model["ArnForPolicy"] = context.arn("events", &format!("connection/{name}")).into();
    model["SecretArn"] = found.get("SecretArn").cloned().unwrap_or_default();
    Ok(model)
}

fn update(context: &mut Context<'_>, name: &str, before: &Value, after: &Value) -> Result<(), Refusal> {
    let mut input = input(name, after);
    // The service keeps what is not said: what is gone has to be cleared.
    if before.get("Description").is_some() && after.get("Description").is_none() {
        input["Description"] = "".into();
    }
    invoke(context, Service::Events, "UpdateConnection", &input).map(|_| ())
}

fn delete(context: &mut Context<'_>, name: &str) -> Result<(), Refusal> {
    invoke(context, Service::Events, "DeleteConnection", &json!({"Name": name})).map(|_| ())
}

fn list(context: &mut Context<'_>, _: &Value) -> Result<Vec<Value>, Refusal> {
    let tokens = ("NextToken", "NextToken");
    let found = pages(context, (Service::Events, "ListConnections"), json!({}), "Connections", tokens)?;
    Ok(found.iter().map(|connection| json!({"Name": required(connection, "Name")})).collect())
}

/// A connection that authorizes or is being deleted has not settled.
fn busy(context: &Context<'_>, name: &str) -> bool {
    let now = context.now();
    let found = context.home.connections.current(name, now);
    found.is_some_and(|connection| connection.state(now).ends_with("ING"))
}
