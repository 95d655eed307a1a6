//! API destinations: where events go, and through which connection.
//!
//! All operations are synchronous. A destination's state is not its own: it is INACTIVE while its
//! connection is not authorized [L], so it is computed from the connection at every read.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::connection::insert;
use super::connections::{by_arn, start};
use super::{OVER_QUOTA, QUOTA, merge};
use crate::clock::{Millis, seconds};
use crate::operation::{Context, required, text};
use crate::page;
use crate::state::Home;
use crate::store::{Mortal, View};
use crate::wire::Refusal;

/// [L] the rate when none is given.
const DEFAULT_RATE: u64 = 300;

/// An API destination.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Destination {
    pub(crate) name: String,
    arn: String,
    description: Option<String>,
    connection: String,
    endpoint: String,
    method: String,
    rate: u64,
    created: Millis,
    modified: Millis,
    gone_at: Option<Millis>,
}

impl Mortal for Destination {
    fn gone_at(&self) -> Option<Millis> {
        self.gone_at
    }
}

impl Destination {
    /// Returns what `DescribeApiDestination` answers.
    pub(crate) fn describe(&self, home: &Home, view: View) -> Value {
        let mut out = self.listed(home, view);
        insert(&mut out, [("Description", self.description.as_deref().map(Value::from))]);
        out
    }

    fn listed(&self, home: &Home, view: View) -> Value {
        let mut out = self.receipt(home, view);
        insert(
            &mut out,
            [
                ("Name", Some(self.name.as_str().into())),
                ("ConnectionArn", Some(self.connection.as_str().into())),
                ("InvocationEndpoint", Some(self.endpoint.as_str().into())),
                ("HttpMethod", Some(self.method.as_str().into())),
                ("InvocationRateLimitPerSecond", Some(self.rate.into())),
            ],
        );
        out
    }

    fn receipt(&self, home: &Home, view: View) -> Value {
        let usable = by_arn(home, &self.connection, view).is_some_and(|it| it.is_usable(view.at()));
        json!({
            "ApiDestinationArn": self.arn,
            "ApiDestinationState": if usable { "ACTIVE" } else { "INACTIVE" },
            "CreationTime": seconds(self.created),
            "LastModifiedTime": seconds(self.modified),
        })
    }
}

pub(super) fn create(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let now = context.now();
    let name = required(input, "Name");
    merge::https("InvocationEndpoint", required(input, "InvocationEndpoint"))?;
    if context.home.api_destinations.current(name, now).is_some() {
        // [M] the code; [?] the text
        return Err(Refusal::new(
            "ResourceAlreadyExistsException",
            format!("An api-destination '{name}' already exists."),
        ));
    }
    let connection = required(input, "ConnectionArn");
    known_connection(context, connection)?;
    if context.home.api_destinations.reaches(QUOTA, now) {
        return Err(Refusal::new("LimitExceededException", OVER_QUOTA));
    }
    let rate = input.get("InvocationRateLimitPerSecond").and_then(Value::as_u64);
    let destination = Destination {
        name: name.to_owned(),
        arn: context.arn("events", &format!("api-destination/{name}/{}", Uuid::new_v4())),
        description: text(input, "Description").filter(|it| !it.is_empty()).map(str::to_owned),
        connection: connection.to_owned(),
        endpoint: required(input, "InvocationEndpoint").to_owned(),
        method: required(input, "HttpMethod").to_owned(),
        rate: rate.unwrap_or(DEFAULT_RATE),
        created: now,
        modified: now,
        gone_at: None,
    };
    let answer = destination.receipt(context.home, context.view);
    context.home.api_destinations.put(name, now, destination);
    Ok(answer)
}

pub(super) fn update(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let now = context.now();
    let name = required(input, "Name");
    let mut destination = existing(context, name)?;
    if let Some(connection) = text(input, "ConnectionArn") {
        known_connection(context, connection)?;
        connection.clone_into(&mut destination.connection);
    }
    if let Some(endpoint) = text(input, "InvocationEndpoint") {
        merge::https("InvocationEndpoint", endpoint)?;
        endpoint.clone_into(&mut destination.endpoint);
    }
    // [?] an empty description clears it, as that of a connection
    let description = text(input, "Description");
    destination.description = merge::clearable(destination.description.as_deref(), description, context.no_clear);
    if let Some(method) = text(input, "HttpMethod") {
        method.clone_into(&mut destination.method);
    }
    if let Some(rate) = input.get("InvocationRateLimitPerSecond").and_then(Value::as_u64) {
        destination.rate = rate;
    }
    destination.modified = now.max(destination.modified + 1);
    let answer = destination.receipt(context.home, context.view);
    context.home.api_destinations.put(name, now, destination);
    Ok(answer)
}

pub(super) fn delete(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let now = context.now();
    let name = required(input, "Name");
    let mut destination = existing(context, name)?;
    destination.gone_at = Some(now);
    context.home.api_destinations.put(name, now, destination);
    Ok(json!({}))
}

pub(super) fn describe(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let name = required(input, "Name");
    let destination = context.home.api_destinations.seen(name, context.view);
    let destination = destination.ok_or_else(|| unknown(name))?;
    Ok(destination.describe(context.home, context.view))
}

pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let view = context.view;
    let prefix = text(input, "NamePrefix").unwrap_or_default();
    let connection = text(input, "ConnectionArn");
    let after = start(input)?;
    let all = context.home.api_destinations.list(prefix, after.as_deref(), view);
    let fitting = all.filter(|it| connection.is_none_or(|arn| it.connection == arn));
    let (page, last) = page::take(fitting, page::limit(input, "Limit", 100), |it| it.name.clone());
    let entries: Value = page.iter().map(|it| it.listed(context.home, view)).collect();
    let mut out = json!({"ApiDestinations": entries});
    if let Some(last) = last {
        out["NextToken"] = page::token(&last).into();
    }
    Ok(out)
}

fn existing(context: &Context<'_>, name: &str) -> Result<Destination, Refusal> {
    let found = context.home.api_destinations.current(name, context.now());
    found.map(|found| Destination::clone(found)).ok_or_else(|| unknown(name))
}

/// [L] the text.
fn unknown(name: &str) -> Refusal {
    Refusal::new(
        "ResourceNotFoundException",
        format!("Failed to describe the api-destination(s). An api-destination '{name}' does not exist."),
    )
}

/// [M] the code; [?] the text. A connection that is being deleted counts as missing [?].
fn known_connection(context: &Context<'_>, arn: &str) -> Result<(), Refusal> {
    let now = View::of(context.now());
    match by_arn(context.home, arn, now) {
        Some(connection) if connection.state(now.now) != "DELETING" => Ok(()),
        _ => Err(Refusal::new("ResourceNotFoundException", format!("Connection '{arn}' does not exist."))),
    }
}
