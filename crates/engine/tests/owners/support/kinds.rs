//! Kinds with the traits that decide how an owner is known: tags as a map and as a list, a name and none, no tags at all.

use std::time::Duration;

use trueup_engine::cloud::Present;
use trueup_engine::kind::{Attribute, Change, Finding, Implied, Kind, Patience, Registry, Through, Verb};
use trueup_engine::permission::{Permission, Subject};
use trueup_engine::schema::{Clearing, Domain, List, Order, Property, Schema, Text, Type};
use trueup_engine::value::{Map, Value};

const ANY: Type = Type::Text(Text::ANY);

static TAG: &[Property] =
    &[Property::new("Key", ANY, "The key.").required(), Property::new("Value", ANY, "The value.").required()];
static TAGS: List = List { item: Type::Object(TAG), order: Order::Keyed("Key"), max: 50 };

static GROUP_SCHEMA: Schema = Schema {
    properties: &[
        Property::new("Name", ANY, "The name.").required().immutable(),
        Property::new("Description", ANY, "What it is for.").cleared_by(Clearing::EmptyText),
        Property::new("Tags", Type::Map(&ANY), "Tags.").kept(),
    ],
    one_of: &[],
};
static TOPIC_SCHEMA: Schema = Schema {
    properties: &[
        Property::new("Name", ANY, "The name.").required().immutable(),
        Property::new("Description", ANY, "What it is for.").cleared_by(Clearing::EmptyText),
        Property::new("Spec", ANY, "Of what sort.").immutable(),
        Property::new("KmsKeyId", ANY, "The key.").names(Domain::KmsKey),
        Property::new("Tags", Type::List(&TAGS), "Tags.").kept(),
    ],
    one_of: &[],
};
static KEY_SCHEMA: Schema = Schema {
    properties: &[
        Property::new("Description", ANY, "What it is for.").cleared_by(Clearing::EmptyText),
        Property::new("Spec", ANY, "Of what sort.").immutable(),
        Property::new("Tags", Type::List(&TAGS), "Tags.").kept(),
    ],
    one_of: &[],
};
static ALIAS_SCHEMA: Schema = Schema {
    properties: &[
        Property::new("Name", ANY, "The name.").required().immutable(),
        Property::new("TargetKeyId", ANY, "The key.").required().names(Domain::KmsKey),
    ],
    one_of: &[],
};
static LINK_SCHEMA: Schema = Schema {
    properties: &[
        Property::new("Name", ANY, "The name.").required().immutable(),
        Property::new("Description", ANY, "What it is for.").cleared_by(Clearing::EmptyText),
        Property::new("TargetArn", ANY, "What it is linked to.").required(),
    ],
    one_of: &[],
};

/// The description of what a service manages.
pub const MANAGED: &str = "managed";

/// A kind, as data.
#[derive(Debug)]
pub struct Data {
    name: &'static str,
    schema: &'static Schema,
    attributes: &'static [Attribute],
    identity: &'static str,
    names_itself: bool,
    tags: bool,
    through: &'static [Through],
}

const ARN: Attribute = Attribute { name: "Arn", stable: true, on_create: true };

/// It has a name, and its tags are a map.
pub static GROUP: Data = Data {
    name: "AWS::Logs::LogGroup",
    schema: &GROUP_SCHEMA,
    attributes: &[ARN],
    identity: "Name",
    names_itself: false,
    tags: true,
    through: &[],
};
/// It has a name, its tags are a list, and it may be encrypted with a key.
pub static TOPIC: Data = Data { name: "AWS::SNS::Topic", schema: &TOPIC_SCHEMA, ..GROUP };
/// The service makes its identity, and a deletion is only scheduled.
pub static KEY: Data = Data {
    name: "AWS::KMS::Key",
    schema: &KEY_SCHEMA,
    attributes: &[ARN, Attribute { name: "KeyId", stable: true, on_create: true }],
    identity: "KeyId",
    names_itself: true,
    tags: true,
    through: &[Through { kind: "AWS::KMS::Alias", property: "TargetKeyId" }],
};
/// A name for a key, which cannot be tagged.
pub static ALIAS: Data = Data { name: "AWS::KMS::Alias", schema: &ALIAS_SCHEMA, tags: false, ..GROUP };
/// It depends on something, and cannot be tagged.
pub static LINK: Data = Data { name: "AWS::SNS::Subscription", schema: &LINK_SCHEMA, tags: false, ..GROUP };

pub static KINDS: Registry = Registry::new(&[&GROUP, &TOPIC, &KEY, &ALIAS, &LINK]);

impl Kind for Data {
    fn name(&self) -> &'static str {
        self.name
    }

    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    fn schema(&self) -> &'static Schema {
        self.schema
    }

    fn attributes(&self) -> &'static [Attribute] {
        self.attributes
    }

    fn identity_property(&self) -> &'static str {
        self.identity
    }

    fn names_itself(&self) -> bool {
        self.names_itself
    }

    fn found_through(&self) -> &'static [Through] {
        self.through
    }

    fn tags(&self) -> Option<&'static str> {
        self.tags.then_some("Tags")
    }

    fn check(&self, _: &Map) -> Vec<Finding> {
        Vec::new()
    }

    /// As a service does with what it has made for itself.
    fn refuses(&self, live: &Present) -> Option<String> {
        let text = live.properties.get("Description").and_then(Value::as_str);
        (text == Some(MANAGED)).then(|| "a service made it for itself".to_owned())
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
