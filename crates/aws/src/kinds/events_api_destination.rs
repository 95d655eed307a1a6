//! `AWS::Events::ApiDestination`: the HTTP endpoint that EventBridge calls with the credentials of a connection.
//!
//! It follows its connection: it names it by an ARN with an id, so that a replaced connection changes it, and it is
//! `INACTIVE` while the connection is not authorized. All calls are synchronous.
//! <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateApiDestination.html>

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map as JsonMap, Value as Json, json};
use trueup_engine::cloud::{Create, Live, Present, Readiness, Seen, Task, Update, Want, Written};
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::kind::{Attribute, Change, Cost, Finding, Implied, Kind, Patience, Verb};
use trueup_engine::permission::{ANY, Permission, Subject};
use trueup_engine::schema::{Clearing, DefaultValue, Domain, Property, Schema, Text, Type};
use trueup_engine::value::Map;

use crate::kinds::events_connection::{NAME, URL, wrong_endpoint};
use crate::kinds::fields::{arn_attributes, copy_text, named, text, touches, unknown_state};
use crate::kinds::listing::{Found, Reads};
use crate::kinds::settle::{lost_create, unread};
use crate::kinds::{AwsKind, grants, listing, version};
use crate::operation::{
    CREATE_API_DESTINATION, DELETE_API_DESTINATION, DESCRIBE_API_DESTINATION, LIST_API_DESTINATIONS,
    UPDATE_API_DESTINATION,
};
use crate::reach::Reach;
use crate::wire::{secrets_of, wire_member};

/// The rate that the service sets where none is given.
const DEFAULT_RATE: i64 = 300;
const RATE: &str = "InvocationRateLimitPerSecond";

const CONNECTION_ARN: Text = Text::length(1, 1600).matching(
    "^arn:aws[a-z\\-]*:events:[a-z0-9\\-]*:([0-9]{12})?:connection/[.\\-_A-Za-z0-9]+/[\\-A-Za-z0-9]+$",
    "the ARN of a connection, with its id (`arn:…:connection/<name>/<id>`)",
);

static SCHEMA: Schema = Schema {
    properties: &[
        Property::new("Name", Type::Text(NAME), "The destination's name in its account and region.")
            .required()
            .immutable(),
        Property::new("Description", Type::Text(Text::length(0, 512)), "What it is for.")
            .cleared_by(Clearing::EmptyText),
        Property::new("ConnectionArn", Type::Text(CONNECTION_ARN), "The connection whose credentials are used.")
            .required()
            .names(Domain::EventsConnectionArn),
        Property::new(
            "InvocationEndpoint",
            Type::Text(URL),
            "The address that is called; https, `*` stands for a part of the path that a rule fills in.",
        )
        .required(),
        Property::new(
            "HttpMethod",
            Type::Text(Text::one_of(&["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"])),
            "The method of a call.",
        )
        .required(),
        Property::new(RATE, Type::Integer { min: 1, max: i64::MAX }, "The most calls a second.")
            .default(DefaultValue::Integer(DEFAULT_RATE))
            .cleared_by(Clearing::SendDefault),
        Property::new("Arn", Type::Text(Text::ANY), "The destination's ARN.").read_only(),
        Property::new("ArnForPolicy", Type::Text(Text::ANY), "The ARN without the id, for policies.").read_only(),
    ],
    one_of: &[],
};

const SENT: [&str; 6] = ["Name", "Description", "ConnectionArn", "InvocationEndpoint", "HttpMethod", RATE];

static READS: Reads = Reads {
    list: &LIST_API_DESTINATIONS,
    entries: "ApiDestinations",
    describe: &DESCRIBE_API_DESTINATION,
    version: |answer| version::of_answer(answer, &["ApiDestinationArn", "ApiDestinationState"], &["LastModifiedTime"]),
};

/// The kind.
#[derive(Debug, Clone, Copy)]
pub struct EventsApiDestination;

impl Kind for EventsApiDestination {
    fn name(&self) -> &'static str {
        "AWS::Events::ApiDestination"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["awscc.events.api_destinations", "aws.events.api_destinations"]
    }

    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn attributes(&self) -> &'static [Attribute] {
        &[
            Attribute { name: "Arn", stable: true, on_create: true },
            Attribute { name: "ArnForPolicy", stable: true, on_create: true },
        ]
    }

    fn check(&self, properties: &Map) -> Vec<Finding> {
        wrong_endpoint(properties.get("InvocationEndpoint"), "/InvocationEndpoint").into_iter().collect()
    }

    fn implies(&self, _: &Change<'_>) -> Vec<Implied> {
        Vec::new()
    }

    fn patience(&self, _: &Map) -> Patience {
        let minute = Duration::from_mins(1);
        Patience { create: minute, update: minute, delete: minute }
    }

    fn costs(&self, verb: Verb, _: &Map) -> Vec<Cost> {
        vec![match verb {
            Verb::Read => DESCRIBE_API_DESTINATION.cost(),
            Verb::Create => CREATE_API_DESTINATION.cost(),
            Verb::Update => UPDATE_API_DESTINATION.cost(),
            Verb::Delete => DELETE_API_DESTINATION.cost(),
        }]
    }

    fn permissions(&self, verb: Verb, subject: &Subject<'_>) -> Vec<Permission> {
        let own = || grants::event_arns(subject, "api-destination", subject.name());
        let on = |action: &'static str, why| Permission::on("ApiDestinations", &[action], own(), why);
        // A write is asked about for the connection that it names as well.
        let write = |action: &'static str, why| {
            Permission::on("ApiDestinations", &[action], own().into_iter().chain(connection_of(subject)), why)
        };
        match verb {
            Verb::Read => {
                let listed = (subject.together > listing::FEW).then(|| grants::list("events:ListApiDestinations"));
                listed.into_iter().chain([on("events:DescribeApiDestination", "read them")]).collect()
            }
            Verb::Create => vec![write("events:CreateApiDestination", "create them")],
            Verb::Update => vec![write("events:UpdateApiDestination", "update them")],
            Verb::Delete => vec![on("events:DeleteApiDestination", "delete them")],
        }
    }
}

/// The connection of a destination, as policies know it.
fn connection_of(subject: &Subject<'_>) -> Vec<String> {
    let written = subject.text("/ConnectionArn").and_then(|arn| arn.split(":connection/").nth(1)?.split('/').next());
    let referred = || subject.referred("/ConnectionArn")?.identity.as_deref();
    let name = written.or_else(referred).unwrap_or(ANY);
    grants::event_arns(subject, "connection", name)
}

impl AwsKind for EventsApiDestination {
    fn observe_many<'a>(&'a self, reach: &'a Reach, wants: &'a [Want]) -> Task<'a, Vec<Live>> {
        Box::pin(observe(reach, wants))
    }

    fn list<'a>(&'a self, reach: &'a Reach) -> Task<'a, Result<Vec<String>, Fault>> {
        Box::pin(READS.names(reach))
    }

    fn create<'a>(&'a self, reach: &'a Reach, create: &'a Create<'a>) -> Task<'a, Result<Written, Fault>> {
        Box::pin(async move {
            let secrets = secrets_of(create.desired);
            let outcome = reach.call(&CREATE_API_DESTINATION, &creation(create.desired)?, &secrets).await;
            match outcome.result {
                Ok(answer) => Ok(written(&answer)),
                Err(fault) if fault.kind == FaultKind::Conflict && outcome.doubtful => {
                    match READS.describe(reach, named(create)?).await {
                        Found::Described(answer) => {
                            lost_create(&SCHEMA, create, present(named(create)?, &answer), fault)
                        }
                        _ => Err(fault),
                    }
                }
                Err(fault) => Err(fault),
            }
        })
    }

    fn update<'a>(&'a self, reach: &'a Reach, update: &'a Update<'a>) -> Task<'a, Result<Written, Fault>> {
        Box::pin(async move {
            let (input, cleared) = change(update)?;
            let answer = reach.call(&UPDATE_API_DESTINATION, &input, &secrets_of(update.desired)).await.result?;
            let mut written = written(&answer);
            if cleared {
                match READS.describe(reach, &update.live.identity).await {
                    Found::Described(answer) if text(&answer, "Description").is_some() => {
                        written.notes.push("/Description was cleared and is still there".to_owned());
                    }
                    Found::Described(_) => {}
                    _ => written.notes.push(unread("/Description")),
                }
            }
            Ok(written)
        })
    }

    fn delete<'a>(
        &'a self,
        reach: &'a Reach,
        identity: &'a str,
        _: Option<&'a Map>,
    ) -> Task<'a, Result<Written, Fault>> {
        Box::pin(async move {
            match reach.read(&DELETE_API_DESTINATION, &json!({ "Name": identity })).await {
                Err(fault) if fault.kind != FaultKind::NotFound => Err(fault),
                _ => Ok(Written {
                    adopted: false,
                    identity: None,
                    attributes: Map::new(),
                    readiness: Readiness::Ready(None),
                    notes: Vec::new(),
                }),
            }
        })
    }
}

async fn observe(reach: &Reach, wants: &[Want]) -> Vec<Live> {
    let live = |want: &Want, found: Found| {
        let seen = READS.seen(want, &found);
        match found {
            Found::Absent => Live::Absent,
            Found::Unreadable(fault) => Live::Unreadable(fault),
            Found::Listed(answer) | Found::Described(answer) => {
                Live::Present(Arc::new(Present { seen, ..present(&want.identity, &answer) }))
            }
        }
    };
    READS.find(reach, wants, live).await
}

/// A destination as a list page (which has no description) or a description shows it.
fn present(name: &str, answer: &Json) -> Present {
    let mut properties = Map::new();
    properties.insert("Name".to_owned(), name.into());
    for member in ["Description", "ConnectionArn", "InvocationEndpoint", "HttpMethod"] {
        copy_text(answer, &mut properties, member);
    }
    if let Some(rate) = answer[RATE].as_i64() {
        properties.insert(RATE.to_owned(), rate.into());
    }
    Present {
        identity: name.to_owned(),
        properties,
        attributes: arn_attributes(text(answer, "ApiDestinationArn")),
        secret_version: None,
        seen: Seen::default(),
        readiness: readiness(answer),
    }
}

fn readiness(answer: &Json) -> Readiness {
    match text(answer, "ApiDestinationState") {
        None => Readiness::Ready(None),
        Some("ACTIVE") => Readiness::Ready(Some("ACTIVE".to_owned())),
        Some("INACTIVE") => Readiness::Unusable {
            state: "INACTIVE".to_owned(),
            reason: Some("its connection is not authorized".to_owned()),
        },
        Some(other) => unknown_state(other),
    }
}

fn written(answer: &Json) -> Written {
    Written {
        adopted: false,
        identity: None,
        attributes: arn_attributes(text(answer, "ApiDestinationArn")),
        readiness: readiness(answer),
        notes: Vec::new(),
    }
}

fn creation(desired: &Map) -> Result<Json, Fault> {
    let mut input = JsonMap::new();
    for name in SENT {
        if let Some(value) = wire_member(desired, name)?.filter(|value| value.as_str() != Some("")) {
            input.insert(name.to_owned(), value);
        }
    }
    Ok(Json::Object(input))
}

/// The input of an update, and whether it clears the description. What is not sent stays.
fn change(update: &Update<'_>) -> Result<(Json, bool), Fault> {
    let mut input = JsonMap::new();
    input.insert("Name".to_owned(), update.live.identity.as_str().into());
    let mut cleared = false;
    for name in SENT.into_iter().skip(1).filter(|name| touches(update.edits, name)) {
        let value = match (wire_member(update.desired, name)?, name) {
            (Some(value), _) => value,
            (None, "Description") => "".into(),
            (None, RATE) => DEFAULT_RATE.into(),
            (None, _) => continue,
        };
        cleared |= name == "Description" && value.as_str() == Some("");
        input.insert(name.to_owned(), value);
    }
    Ok((Json::Object(input), cleared))
}

#[cfg(test)]
mod tests {
    use trueup_engine::delta::{Edit, Effect};

    use super::*;

    fn described() -> Json {
        json!({
            "Name": "created", "ApiDestinationState": "INACTIVE", "HttpMethod": "POST", "Description": "",
            "ApiDestinationArn": "arn:aws:events:us-east-1:123456789012:api-destination/created/0a-1b",
            "ConnectionArn": "arn:aws:events:us-east-1:123456789012:connection/orders/2c-3d",
            "InvocationEndpoint": "https://orders.example.com/created", "InvocationRateLimitPerSecond": 300,
        })
    }

    #[test]
    fn a_description_becomes_properties() {
        let present = present("created", &described());
        assert_eq!(present.properties.len(), 5);
        assert_eq!(present.properties[RATE].as_i64(), Some(300));
        assert!(matches!(present.readiness, Readiness::Unusable { state, .. } if state == "INACTIVE"));
        assert_eq!(
            present.attributes["ArnForPolicy"].as_str(),
            Some("arn:aws:events:us-east-1:123456789012:api-destination/created")
        );
    }

    #[test]
    fn an_update_sends_changes_and_clearing_values() {
        let live = present("created", &described());
        let desired = live.properties.clone().into_iter().filter(|(name, _)| name != RATE).collect();
        let edit = |pointer: &str| Edit {
            pointer: pointer.to_owned(),
            label: pointer.to_owned(),
            before: None,
            after: None,
            effect: Effect::InPlace,
        };
        let edits = [edit("/Description"), edit("/InvocationRateLimitPerSecond")];
        let (input, cleared) = change(&Update { live: &live, desired: &desired, edits: &edits }).unwrap();
        assert_eq!(input, json!({"Name": "created", "Description": "", RATE: 300}));
        assert!(cleared);
    }
}
