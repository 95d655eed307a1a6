//! `AWS::Events::ApiDestination`.

use std::sync::LazyLock;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Handlers, Schema, Type, members, never, pages};
use crate::operation::{Context, required, text};
use crate::router::invoke;
use crate::wire::{Refusal, Service};

pub(super) static TYPE: Type = Type {
    name: "AWS::Events::ApiDestination",
    schema: LazyLock::new(|| Schema::parse(include_str!("../schemas/aws-events-apidestination.json"))),
    handlers: Some(Handlers { create, read, update: Some(update), delete, list, busy: never }),
};

const GIVEN: [&str; 5] =
    ["Description", "ConnectionArn", "InvocationRateLimitPerSecond", "InvocationEndpoint", "HttpMethod"];

fn input(name: &str, model: &Value) -> Value {
    let mut input = members(model, &GIVEN.map(|name| (name, name)));
    input["Name"] = name.into();
    input
}

fn create(context: &mut Context<'_>, model: &Value) -> Result<String, Refusal> {
    let made_up = || format!("api-destination-{}", Uuid::new_v4());
    let name = text(model, "Name").map_or_else(made_up, str::to_owned);
    invoke(context, Service::Events, "CreateApiDestination", &input(&name, model))?;
    Ok(name)
}

fn read(context: &mut Context<'_>, name: &str) -> Result<Value, Refusal> {
    let found = invoke(context, Service::Events, "DescribeApiDestination", &json!({"Name": name}))?;
    let mut model = members(&found, &GIVEN.map(|name| (name, name)));
    model["Name"] = name.into();
    model["Arn"] = found.get("ApiDestinationArn").cloned().unwrap_or_default();
    model["ArnForPolicy"] = context.arn("events", &format!("api-destination/{name}")).into();
    Ok(model)
}

fn update(context: &mut Context<'_>, name: &str, before: &Value, after: &Value) -> Result<(), Refusal> {
    let mut input = input(name, after);
    // The service keeps what is not said: what is gone has to be cleared.
    if before.get("Description").is_some() && after.get("Description").is_none() {
        input["Description"] = "".into();
    }
    invoke(context, Service::Events, "UpdateApiDestination", &input).map(|_| ())
}

fn delete(context: &mut Context<'_>, name: &str) -> Result<(), Refusal> {
    invoke(context, Service::Events, "DeleteApiDestination", &json!({"Name": name})).map(|_| ())
}

fn list(context: &mut Context<'_>, _: &Value) -> Result<Vec<Value>, Refusal> {
    let tokens = ("NextToken", "NextToken");
    let found = pages(context, (Service::Events, "ListApiDestinations"), json!({}), "ApiDestinations", tokens)?;
    Ok(found.iter().map(|destination| json!({"Name": required(destination, "Name")})).collect())
}
