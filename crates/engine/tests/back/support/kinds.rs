//! Two kinds with the traits that make the real ones hard.
//!
//! A connection settles by and by, keeps its credentials where only a second read finds them, merges what an update
//! sends, has lists whose items go by a key, a key that can be named in several ways and never be taken back. A
//! destination refers to a connection by an ARN that holds an id, so that a new connection of the same name is another.

use std::time::Duration;

use trueup_engine::kind::{Attribute, Change, Finding, Implied, Kind, Patience, Registry, Verb};
use trueup_engine::permission::{Permission, Subject};
use trueup_engine::schema::{Clearing, DefaultValue, Domain, List, OneOf, Order, Property, Schema, Text, Type};
use trueup_engine::value::{Map, Value};

const ANY: Type = Type::Text(Text::ANY);
const NAME: Type = Type::Text(Text::length(1, 64).matching("^[.\\-_A-Za-z0-9]+$", "letters, digits, `.`, `-`, `_`"));

static HEADER: &[Property] = &[
    Property::new("Key", ANY, "The name.").required(),
    Property::new("Value", ANY, "The value.").required().secret_unless("IsValueSecret"),
    Property::new("IsValueSecret", Type::Boolean, "Whether it is a secret.")
        .default(DefaultValue::Boolean(true))
        .explicit(),
];
static HEADERS: List = List { item: Type::Object(HEADER), order: Order::Keyed("Key"), max: 100 };
static HTTP: &[Property] = &[
    Property::new("HeaderParameters", Type::List(&HEADERS), "Headers.").cleared_by(Clearing::EmptyList),
    Property::new("QueryStringParameters", Type::List(&HEADERS), "Query.").cleared_by(Clearing::EmptyList),
];
static API_KEY: &[Property] = &[
    Property::new("ApiKeyName", ANY, "The header.").required(),
    Property::new("ApiKeyValue", ANY, "The key.").required().secret(),
];
static BASIC: &[Property] = &[
    Property::new("Username", ANY, "The user.").required(),
    Property::new("Password", ANY, "The password.").required().secret(),
];
static OAUTH: &[Property] = &[
    Property::new("ClientID", ANY, "The client.").required(),
    Property::new("ClientSecret", ANY, "Its secret.").required().secret(),
];
static AUTH: &[Property] = &[
    Property::new("ApiKeyAuthParameters", Type::Object(API_KEY), "An API key."),
    Property::new("BasicAuthParameters", Type::Object(BASIC), "A user and a password."),
    Property::new("OAuthParameters", Type::Object(OAUTH), "An OAuth client."),
    Property::new("InvocationHttpParameters", Type::Object(HTTP), "What is added.").cleared_by(Clearing::Members),
];

static CONNECTION: Schema = Schema {
    properties: &[
        Property::new("Name", NAME, "The name.").required().immutable(),
        Property::new("Description", ANY, "What it is for.").cleared_by(Clearing::EmptyText),
        Property::new(
            "AuthorizationType",
            Type::Text(Text::one_of(&["API_KEY", "BASIC", "OAUTH_CLIENT_CREDENTIALS"])),
            "How requests are authorized.",
        )
        .required(),
        Property::new("AuthParameters", Type::Object(AUTH), "The credentials.").required(),
        Property::new("KmsKeyIdentifier", ANY, "The key.").names(Domain::KmsKey).cleared_by(Clearing::Never),
        Property::new("Arn", ANY, "The ARN.").read_only(),
        Property::new("SecretArn", ANY, "The ARN of the managed secret.").read_only(),
    ],
    one_of: &[OneOf {
        at: "/AuthParameters",
        members: &["ApiKeyAuthParameters", "BasicAuthParameters", "OAuthParameters"],
    }],
};

static DESTINATION: Schema = Schema {
    properties: &[
        Property::new("Name", NAME, "The name.").required().immutable(),
        Property::new("Description", ANY, "What it is for.").cleared_by(Clearing::EmptyText),
        Property::new("ConnectionArn", ANY, "The connection.").required().names(Domain::EventsConnectionArn),
        Property::new("InvocationEndpoint", ANY, "The address.").required(),
        Property::new("Rate", Type::Integer { min: 1, max: i64::MAX }, "Calls a second.")
            .default(DefaultValue::Integer(300))
            .cleared_by(Clearing::SendDefault),
        Property::new("Labels", Type::Map(&ANY), "Free labels."),
    ],
    one_of: &[],
};

/// Like an EventBridge connection.
#[derive(Debug)]
pub struct Connection;

/// Like an EventBridge API destination.
#[derive(Debug)]
pub struct Destination;

/// Both.
pub static KINDS: Registry = Registry::new(&[&Connection, &Destination]);

pub const CONNECTION_TYPE: &str = "AWS::Events::Connection";
pub const DESTINATION_TYPE: &str = "AWS::Events::ApiDestination";

pub fn is_slow(properties: &Map) -> bool {
    properties.get("AuthorizationType").and_then(Value::as_str) == Some("OAUTH_CLIENT_CREDENTIALS")
}

impl Kind for Connection {
    fn name(&self) -> &'static str {
        CONNECTION_TYPE
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["awscc.events.connections"]
    }

    fn schema(&self) -> &'static Schema {
        &CONNECTION
    }

    fn attributes(&self) -> &'static [Attribute] {
        &[
            Attribute { name: "Arn", stable: true, on_create: true },
            Attribute { name: "SecretArn", stable: true, on_create: false },
            Attribute { name: "Revision", stable: false, on_create: false },
        ]
    }

    fn check(&self, _: &Map) -> Vec<Finding> {
        Vec::new()
    }

    fn implies(&self, change: &Change<'_>) -> Vec<Implied> {
        let (operation, name) = match change {
            Change::Create(desired) => ("CreateSecret", desired.get("Name").and_then(Value::as_str).unwrap_or("…")),
            Change::Update(live, _, edits) => {
                if !edits.iter().any(|edit| edit.pointer.starts_with("/AuthParameters")) {
                    return Vec::new();
                }
                ("PutSecretValue", live.identity.as_str())
            }
            Change::Delete(live) => ("DeleteSecret", live.identity.as_str()),
        };
        vec![Implied {
            operation: format!("secretsmanager:{operation}"),
            on: format!("events!connection/{name}/…"),
            by: "events".to_owned(),
        }]
    }

    fn sent_together(&self) -> &'static [&'static [&'static str]] {
        &[&["AuthorizationType", "AuthParameters"]]
    }

    fn patience(&self, desired: &Map) -> Patience {
        let change = Duration::from_secs(if is_slow(desired) { 20 * 60 } else { 2 * 60 });
        Patience { create: change, update: change, delete: Duration::from_mins(2) }
    }

    fn permissions(&self, _: Verb, _: &Subject<'_>) -> Vec<Permission> {
        Vec::new()
    }
}

impl Kind for Destination {
    fn name(&self) -> &'static str {
        DESTINATION_TYPE
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["awscc.events.api_destinations"]
    }

    fn schema(&self) -> &'static Schema {
        &DESTINATION
    }

    fn attributes(&self) -> &'static [Attribute] {
        &[Attribute { name: "Arn", stable: true, on_create: true }]
    }

    fn check(&self, _: &Map) -> Vec<Finding> {
        Vec::new()
    }

    fn implies(&self, _: &Change<'_>) -> Vec<Implied> {
        Vec::new()
    }

    fn patience(&self, _: &Map) -> Patience {
        let minute = Duration::from_mins(1);
        Patience { create: minute, update: minute, delete: minute }
    }

    fn permissions(&self, _: Verb, _: &Subject<'_>) -> Vec<Permission> {
        Vec::new()
    }
}
