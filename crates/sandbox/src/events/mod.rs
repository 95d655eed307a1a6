//! EventBridge: connections and API destinations.
//!
//! Connections are what the product is about, so this is the deepest emulation: merge updates, states
//! that settle later, and the secret that follows each connection. What is known comes from recordings
//! of AWS [L], its documentation [D] and its service model [M]; the stricter reading is marked [?].

pub(crate) mod connection;
mod connections;
pub(crate) mod destinations;
mod merge;
mod model;

use serde_json::Value;

use crate::operation::{Context, Operation, Resource, required};

/// [D] the default quota of connections, and of API destinations, in a region.
pub(crate) const QUOTA: usize = 3000;
/// [I] the text for rules and targets; [?] for connections.
const OVER_QUOTA: &str = "The requested resource exceeds the maximum number allowed.";

/// The operations of EventBridge.
pub(crate) static OPERATIONS: &[Operation] = &[
    operation("CreateConnection", &model::CREATE_CONNECTION, connection_arn, connections::create),
    operation("UpdateConnection", &model::UPDATE_CONNECTION, connection_arn, connections::update),
    operation("DeleteConnection", &model::NAME_ONLY, connection_arn, connections::delete),
    operation("DeauthorizeConnection", &model::NAME_ONLY, connection_arn, connections::deauthorize),
    operation("DescribeConnection", &model::NAME_ONLY, connection_arn, connections::describe),
    operation("ListConnections", &model::LIST_CONNECTIONS, Resource::any, connections::list),
    operation("CreateApiDestination", &model::CREATE_DESTINATION, destination_arn, destinations::create),
    operation("UpdateApiDestination", &model::UPDATE_DESTINATION, destination_arn, destinations::update),
    operation("DeleteApiDestination", &model::NAME_ONLY, destination_arn, destinations::delete),
    operation("DescribeApiDestination", &model::NAME_ONLY, destination_arn, destinations::describe),
    operation("ListApiDestinations", &model::LIST_DESTINATIONS, Resource::any, destinations::list),
];

const fn operation(
    name: &'static str,
    input: &'static crate::shape::Shape,
    resources: fn(&Context<'_>, &Value) -> Vec<Resource>,
    run: fn(&mut Context<'_>, &Value) -> Result<Value, crate::wire::Refusal>,
) -> Operation {
    Operation { name, input, subject: &["Name"], resources, run }
}

/// [S] policies name a connection without the uuid of its ARN.
fn connection_arn(context: &Context<'_>, input: &Value) -> Vec<Resource> {
    let name = required(input, "Name");
    vec![Resource::one(context.arn("events", &format!("connection/{name}")))]
}

fn destination_arn(context: &Context<'_>, input: &Value) -> Vec<Resource> {
    let name = required(input, "Name");
    vec![Resource::one(context.arn("events", &format!("api-destination/{name}")))]
}
