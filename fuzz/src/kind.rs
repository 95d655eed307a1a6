//! A schema with one of everything that is hard to compare.

use trueup_engine::schema::{Clearing, DefaultValue, List, Order, Property, Schema, Text, Type};

const ANY: Type = Type::Text(Text::ANY);

static ITEM: &[Property] = &[
    Property::new("Key", ANY, "The name.").required(),
    Property::new("Value", ANY, "The value."),
    Property::new("Flag", Type::Boolean, "A flag.").default(DefaultValue::Boolean(true)).explicit(),
];
static KEYED: List = List { item: Type::Object(ITEM), order: Order::Keyed("Key"), max: 100 };
static SET: List = List { item: ANY, order: Order::Set, max: 100 };
static LIST: List = List { item: Type::Object(INNER), order: Order::Ordered, max: 100 };
static INNER: &[Property] = &[
    Property::new("Name", ANY, "A name."),
    Property::new("Password", ANY, "A secret.").secret(),
    Property::new("Set", Type::List(&SET), "A set."),
];
static PROPERTIES: &[Property] = &[
    Property::new("Name", ANY, "The name.").required().immutable(),
    Property::new("Description", ANY, "What it is for.").cleared_by(Clearing::EmptyText),
    Property::new("Count", Type::Integer { min: 0, max: 255 }, "A number.").default(DefaultValue::Integer(3)),
    Property::new("Inner", Type::Object(INNER), "An object."),
    Property::new("Keyed", Type::List(&KEYED), "Items by key.").cleared_by(Clearing::EmptyList),
    Property::new("Set", Type::List(&SET), "A set."),
    Property::new("List", Type::List(&LIST), "A list."),
    Property::new("Map", Type::Map(&ANY), "A map."),
    Property::new("Arn", ANY, "The ARN.").read_only(),
    Property::new("Secret", ANY, "A secret.").secret().write_only(),
];

/// The schema.
pub static SCHEMA: Schema = Schema { properties: PROPERTIES, one_of: &[] };
