//! Kinds with every shape of property, and what makes of them something live.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use trueup_engine::address::Address;
use trueup_engine::cloud::{Present, Readiness, Seen};
use trueup_engine::desired::{self, Defaults, Desired};
use trueup_engine::diagnostic::{self, Diagnostics};
use trueup_engine::import::{Found, Head, Imported, import};
use trueup_engine::kind::{Attribute, Change, Finding, Implied, Kind, Patience, Registry, Through, Verb};
use trueup_engine::permission::{Permission, Subject};
use trueup_engine::render::{Inputs, Property as Known, Reference, Scope};
use trueup_engine::schema::{Clearing, DefaultValue, Domain, List, Order, Property, Schema, Text, Type};
use trueup_engine::secret::Secret;
use trueup_engine::source::Sources;
use trueup_engine::value::{Map, Value};
use trueup_engine::{graph, manifest, render};

const ANY: Type = Type::Text(Text::ANY);
static TEXT: Type = ANY;
static ITEM: &[Property] = &[
    Property::new("Key", ANY, "Which.").required(),
    Property::new("Value", ANY, "What.").required().secret_unless("Hidden"),
    Property::new("Hidden", Type::Boolean, "Whether it is a secret.").default(DefaultValue::Boolean(true)).explicit(),
];
static ITEMS: List = List { item: Type::Object(ITEM), order: Order::Keyed("Key"), max: 100 };
static TAG: &[Property] = &[Property::new("Key", ANY, "Which.").required(), Property::new("Value", ANY, "What.")];
static TAGS: List = List { item: Type::Object(TAG), order: Order::Keyed("Key"), max: 100 };
static ORDERED: List = List { item: ANY, order: Order::Ordered, max: 100 };
static SET: List = List { item: ANY, order: Order::Set, max: 100 };
static INNER: &[Property] = &[
    Property::new("User", ANY, "Who.").required(),
    Property::new("Password", ANY, "The password.").required().secret(),
    Property::new("Token", ANY, "A token.").secret(),
];

pub const HIDDEN: &[&str] = &["PASSWORD", "KEYSTORE_PASSWORD"];

static THING: Schema = Schema {
    properties: &[
        Property::new("Name", ANY, "The name.").required().immutable(),
        Property::new("Description", ANY, "What it is for.").cleared_by(Clearing::EmptyText),
        Property::new("Rate", Type::Integer { min: i64::MIN, max: i64::MAX }, "How often.")
            .default(DefaultValue::Integer(300)),
        Property::new("Enabled", Type::Boolean, "Whether.").default(DefaultValue::Boolean(true)),
        Property::new("Inner", Type::Object(INNER), "Inside."),
        Property::new("Items", Type::List(&ITEMS), "By key."),
        Property::new("Words", Type::List(&ORDERED), "In order."),
        Property::new("Groups", Type::List(&SET), "In no order."),
        Property::new("Map", Type::Map(&TEXT), "By name.").secret_members(HIDDEN),
        Property::new("Policy", Type::Json, "A document."),
        Property::new("KeyId", ANY, "The key.").names(Domain::KmsKey),
        Property::new("Sent", ANY, "Sent and never returned.").write_only(),
        Property::new("Tags", Type::List(&TAGS), "Tags.").kept(),
        Property::new("Arn", ANY, "The ARN.").read_only(),
    ],
    one_of: &[],
};

static KEY: Schema = Schema {
    properties: &[
        Property::new("Policy", Type::Json, "Who may use it."),
        Property::new("Material", ANY, "Where it comes from.").required().write_only(),
        Property::new("KeyId", ANY, "The id.").read_only(),
        Property::new("Arn", ANY, "The ARN.").read_only(),
    ],
    one_of: &[],
};

static RULE: &[Property] = &[
    Property::new("Status", ANY, "Whether.").kept().says_empty().usually(DefaultValue::Text("On")),
    Property::new("Filter", Type::Map(&TEXT), "Which.").kept().says_empty(),
];
static RULES: List = List { item: Type::Object(RULE), order: Order::Ordered, max: 100 };
static ENTRY: [Type; 2] = [ANY, Type::Object(RULE)];

static QUEUE: Schema = Schema {
    properties: &[
        Property::new("QueueName", ANY, "The name.").immutable(),
        Property::new("Note", ANY, "A word.").kept().says_empty(),
        Property::new("Path", ANY, "Where.").kept().says_empty().usually(DefaultValue::Text("/")),
        Property::new("Rules", Type::List(&RULES), "In order.").kept().says_empty(),
        Property::new("One", Type::Object(RULE), "Alone.").kept().says_empty(),
        Property::new("Either", Type::Union(&ENTRY), "This or that.").kept().says_empty(),
        Property::new("QueueUrl", ANY, "Its address.").read_only(),
        Property::new("Endpoint", ANY, "Where it is reached.").read_only(),
    ],
    one_of: &[],
};

static ALIAS: Schema = Schema {
    properties: &[
        Property::new("AliasName", ANY, "The name.").required().immutable(),
        Property::new("TargetKeyId", ANY, "The key.").required().names(Domain::KmsKey),
    ],
    one_of: &[],
};

macro_rules! kind {
    ($type:ident, $name:literal, $schema:ident, $attributes:expr, { $($more:tt)* }) => {
        #[derive(Debug)]
        pub struct $type;

        impl Kind for $type {
            fn name(&self) -> &'static str {
                $name
            }
            fn aliases(&self) -> &'static [&'static str] {
                &[]
            }
            fn schema(&self) -> &'static Schema {
                &$schema
            }
            fn attributes(&self) -> &'static [Attribute] {
                const { $attributes }
            }
            fn implies(&self, _: &Change<'_>) -> Vec<Implied> {
                Vec::new()
            }
            fn patience(&self, _: &Map) -> Patience {
                Patience { create: Duration::ZERO, update: Duration::ZERO, delete: Duration::ZERO }
            }
            fn permissions(&self, _: Verb, _: &Subject<'_>) -> Vec<Permission> {
        Vec::new()
    }
            $($more)*
        }
    };
}

const ARN: Attribute = Attribute { name: "Arn", stable: true, on_create: true };

kind!(Thing, "Test::Thing", THING, &[ARN], {
    fn tags(&self) -> Option<&'static str> {
        Some("Tags")
    }
    fn managed_by(&self, live: &Present) -> Option<String> {
        live.properties.get("Name")?.as_str()?.starts_with("service!").then(|| "the service".to_owned())
    }
    /// A map with a user needs a password.
    fn check(&self, properties: &Map) -> Vec<Finding> {
        let map = properties.get("Map");
        let has = |name| map.and_then(|map| map.get(name)).is_some();
        if !has("USER") || has("PASSWORD") {
            return Vec::new();
        }
        vec![Finding {
            code: "M340",
            pointer: "/Map".to_owned(),
            on_key: false,
            summary: "a user needs a password".to_owned(),
            help: None,
            warning: false,
        }]
    }
});
kind!(Key, "Test::Key", KEY, &[Attribute { name: "KeyId", ..ARN }, ARN], {
    fn names_itself(&self) -> bool {
        true
    }
    fn identify(&self, _: &Map) -> Option<String> {
        None
    }
    fn found_through(&self) -> &'static [Through] {
        &[Through { kind: "Test::Alias", property: "TargetKeyId" }]
    }
    fn check(&self, _: &Map) -> Vec<Finding> {
        Vec::new()
    }
});
kind!(Alias, "Test::Alias", ALIAS, &[], {
    fn identity_property(&self) -> &'static str {
        "AliasName"
    }
    fn check(&self, _: &Map) -> Vec<Finding> {
        Vec::new()
    }
});

kind!(
    Queue,
    "Test::Queue",
    QUEUE,
    &[
        Attribute { name: "QueueName", ..ARN },
        Attribute { name: "Note", stable: false, on_create: false },
        Attribute { name: "QueueUrl", ..ARN },
        Attribute { name: "Endpoint", ..ARN },
        Attribute { name: "Ref", ..ARN },
    ],
    {
        fn names_itself(&self) -> bool {
            true
        }
        fn identify(&self, _: &Map) -> Option<String> {
            None
        }
        fn is_usual(&self, property: &str, live: &Map) -> bool {
            property == "Note" && live.get(property).and_then(Value::as_str) == Some("made by 123456789012")
        }
        fn check(&self, _: &Map) -> Vec<Finding> {
            Vec::new()
        }
    }
);

pub fn registry() -> Registry {
    static KINDS: &[&dyn Kind] = &[&Thing, &Key, &Alias, &Queue];
    Registry::new(KINDS)
}

/// A live value: `{"$live": text}` is a secret that was read, `{"$hidden": source}` one that was not.
fn live(value: Value) -> Value {
    match value {
        Value::Map(map) => match (map.get("$live"), map.get("$hidden")) {
            (Some(text), _) => Value::Secret(Secret::new("live", text.as_str().unwrap().to_owned())),
            (_, Some(source)) => Value::Secret(Secret::unresolved(source.as_str().unwrap().to_owned())),
            _ => Value::Map(map.into_iter().map(|(name, value)| (name, live(value))).collect()),
        },
        Value::List(items) => Value::List(items.into_iter().map(live).collect()),
        other => other,
    }
}

pub fn properties(json: serde_json::Value) -> Map {
    live(Value::from(json)).as_map().cloned().unwrap()
}

/// Something live.
pub fn found(kind: &'static dyn Kind, identity: &str, json: serde_json::Value) -> Found {
    let arn = format!("arn:aws:test:us-east-1:123456789012:{}/{identity}", kind.name().to_ascii_lowercase());
    let mut attributes = Map::new();
    attributes.insert("Arn".to_owned(), arn.into());
    if kind.name() == "Test::Key" {
        attributes.insert("KeyId".to_owned(), identity.into());
    }
    Found {
        kind,
        live: Present {
            identity: identity.to_owned(),
            properties: properties(json),
            attributes,
            secret_version: None,
            seen: Seen::default(),
            readiness: Readiness::Ready(None),
        },
    }
}

/// A thing with a name and more.
pub fn thing(name: &str, mut json: serde_json::Value) -> Found {
    json["Name"] = name.into();
    found(&Thing, name, json)
}

pub fn head() -> Head {
    Head { stack: "imported".to_owned(), region: Some("us-east-1".to_owned()), account: None }
}

pub fn imported(found: Vec<Found>) -> Imported {
    import(found, &[], &head())
}

/// What a manifest says after all stages that need no cloud.
pub struct Read {
    pub desired: Vec<Arc<Desired>>,
    pub diagnostics: Diagnostics,
    pub shown: String,
}

pub fn read(text: &str) -> Read {
    let mut sources = Sources::new("");
    let id = sources.add("trueup.yaml", text);
    let (manifest, mut diagnostics) = manifest::parse(&mut sources, id);
    let mut desired = Vec::new();
    if let Some(manifest) = manifest {
        let inputs =
            Inputs { env: "dev", given: Vec::new(), files: Vec::new(), environment: &|_| None, today: (2026, 11, 21) };
        let (stack, more) = render::render(&manifest, &inputs, &mut sources);
        diagnostics.extend(more);
        if let Some(stack) = stack {
            let (nodes, more) = desired::desire(&stack, registry(), &mut sources, &Defaults::default());
            diagnostics.extend(more);
            desired.clone_from(&nodes);
            if let Err(cycles) = graph::graph(nodes, &stack) {
                diagnostics.extend(cycles);
            }
        }
    }
    let shown = diagnostics.iter().map(|one| diagnostic::render(one, &sources, false, 100)).collect();
    Read { desired, diagnostics, shown }
}

/// The live attributes and properties, by address.
struct Lives(HashMap<String, Map>);

impl Scope for Lives {
    fn property(&self, reference: &Reference) -> Known {
        let live = self.0.get(reference.address.name()).and_then(|live| live.get(&reference.property[0]));
        live.map_or(Known::Unknown, |value| Known::Known(value.clone()))
    }

    fn secret(&self, _: &trueup_engine::credential::SecretSource) -> Option<Secret> {
        None
    }
}

/// The properties of each resource as they come out of the manifest, with references evaluated and secrets masked.
pub fn read_back(read: &Read, imported: &Imported, found: &[Found]) -> HashMap<String, Map> {
    let of = |address: &Address| {
        let resource = imported.resources.iter().find(|one| one.address == address.name()).unwrap();
        found
            .iter()
            .find(|one| one.live.identity == resource.identity && one.kind.name() == resource.type_name)
            .unwrap()
    };
    let lives = read.desired.iter().map(|desired| {
        let live = &of(&desired.address).live;
        let all = live.properties.iter().chain(&live.attributes);
        (desired.address.name().to_owned(), all.map(|(name, value)| (name.clone(), value.clone())).collect())
    });
    let scope = Lives(lives.collect());
    let settled =
        |map: &Map| -> Map { map.iter().map(|(name, value)| (name.clone(), settle(value, &scope))).collect() };
    read.desired
        .iter()
        .map(|desired| (of(&desired.address).live.identity.clone(), settled(&desired.properties)))
        .collect()
}

fn settle(value: &Value, scope: &Lives) -> Value {
    match value {
        Value::Deferred(deferred) if deferred.secret_source().is_some() => masked(),
        Value::Deferred(deferred) => deferred.evaluate(scope).unwrap(),
        other => mask(other, &|value| settle(value, scope)),
    }
}

/// Secrets masked, whatever they hold.
pub fn without_secrets(value: &Value) -> Value {
    mask(value, &without_secrets)
}

fn mask(value: &Value, inner: &dyn Fn(&Value) -> Value) -> Value {
    match value {
        Value::Secret(_) => masked(),
        Value::List(items) => Value::List(items.iter().map(inner).collect()),
        Value::Map(map) => Value::Map(map.iter().map(|(name, value)| (name.clone(), inner(value))).collect()),
        other => other.clone(),
    }
}

fn masked() -> Value {
    "(secret)".into()
}
