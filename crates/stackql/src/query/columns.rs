//! The columns of a type, and the rows of its resources, without any secret.
//!
//! What a schema calls secret is no column, and is left out of the JSON of other columns, whoever answered it. The same
//! holds for what a service takes and never returns.

use serde_json::Value as Json;
use trueup_engine::cloud::{Present, Readiness};
use trueup_engine::embedded::holds_credentials;
use trueup_engine::kind::Kind;
use trueup_engine::schema::{Property, Secrecy, Type, is_secret_member};
use trueup_engine::value::{Map, Value};

use super::rows::Cell;
use crate::sql::column::column_of;

/// A column of a table.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Where its value comes from.
    pub(super) from: From,
    /// What it holds, in a word: `text`, `integer`, `number`, `boolean`, `json`.
    pub holds: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// `SELECT *` leaves it out.
    pub hidden: bool,
}

/// Where the value of a column comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// A property or an attribute of a resource.
    Member(&'static str),
    /// What the statement gave for a parameter, or the read found it to be.
    Parameter(&'static str),
    /// The state of a resource.
    State,
    /// A member of what the API answered.
    Answer(&'static str),
}

impl Column {
    pub(super) fn new(name: &str, from: From, holds: &'static str, doc: &'static str) -> Self {
        Self { name: name.to_owned(), from, holds, doc, hidden: false }
    }

    pub(super) fn hidden(self) -> Self {
        Self { hidden: true, ..self }
    }

    /// How SQLite is to compare it.
    pub(super) fn affinity(&self) -> &'static str {
        match self.holds {
            "integer" | "boolean" => "INTEGER",
            "number" => "NUMERIC",
            "any" => "",
            _ => "TEXT",
        }
    }
}

/// Whether a property is never shown.
pub(super) fn is_hidden(property: &Property) -> bool {
    property.secrecy == Secrecy::Secret || property.write_only
}

/// The columns that a kind's properties and attributes make.
pub(super) fn of_kind(kind: &dyn Kind) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for property in kind.schema().properties.iter().filter(|property| !is_hidden(property)) {
        let column =
            Column::new(&column_of(property.name), From::Member(property.name), holds(&property.ty), property.doc);
        columns.push(column);
    }
    // What references call `Ref` and `Id` is the identifier, where it is no property of that name.
    let own = |name: &str| kind.schema().properties.iter().any(|property| property.name == name);
    let named = |name: &str| !matches!(name, "Ref" | "Id") || own(name);
    for attribute in kind.attributes().iter().filter(|attribute| named(attribute.name)) {
        let name = column_of(attribute.name);
        let hidden = |property: &&Property| property.name == attribute.name && is_hidden(property);
        if !columns.iter().any(|column| column.name == name) && !kind.schema().properties.iter().any(|it| hidden(&it)) {
            columns.push(Column::new(&name, From::Member(attribute.name), "text", ""));
        }
    }
    columns
}

fn holds(ty: &Type) -> &'static str {
    match ty {
        Type::Text(_) => "text",
        Type::Integer { .. } => "integer",
        Type::Number { .. } => "number",
        Type::Boolean => "boolean",
        Type::Object(_) | Type::List(_) | Type::Map(_) | Type::Json => "json",
        Type::Union(_) | Type::Any => "any",
    }
}

/// A member of a live resource as a column holds it.
pub(super) fn member(kind: &dyn Kind, live: &Present, name: &str) -> Cell {
    let property = kind.schema().properties.iter().find(|property| property.name == name);
    let value = live.properties.get(name).or_else(|| live.attributes.get(name));
    let shown = match (value, property) {
        (Some(_), Some(property)) if is_hidden(property) => None,
        (Some(value), Some(property)) => shown(value, Some(&property.ty), property.secrecy, &Map::new()),
        (Some(value), None) => shown(value, None, Secrecy::Public, &Map::new()),
        (None, _) => None,
    };
    shown.as_ref().map_or(Cell::Null, Cell::of_json)
}

/// The properties of a resource as one JSON document, without secrets.
pub(super) fn document(kind: &dyn Kind, properties: &Map) -> Json {
    object(properties, kind.schema().properties)
}

fn object(map: &Map, schema: &[Property]) -> Json {
    let members = map.iter().filter_map(|(name, value)| {
        let property = schema.iter().find(|property| property.name == name);
        let shown = match property {
            Some(property) if is_hidden(property) => None,
            Some(property) => shown(value, Some(&property.ty), property.secrecy, map),
            None => shown(value, None, Secrecy::Public, map),
        };
        Some((name.clone(), shown?))
    });
    Json::Object(members.collect())
}

/// A value without what is secret in it; `None` where it is secret as a whole. `beside` are its neighbours.
fn shown(value: &Value, ty: Option<&Type>, secrecy: Secrecy, beside: &Map) -> Option<Json> {
    match secrecy {
        Secrecy::Secret => return None,
        Secrecy::Unless(flag) if beside.get(flag).and_then(Value::as_bool) != Some(false) => return None,
        _ => {}
    }
    Some(match value {
        Value::Secret(_) | Value::Deferred(_) | Value::Unknown(_) => return None,
        Value::Null => Json::Null,
        Value::Bool(flag) => Json::Bool(*flag),
        Value::Number(number) => Json::Number(number.clone()),
        Value::String(text) if holds_credentials(text) => return None,
        Value::String(text) => Json::String(text.clone()),
        Value::List(items) => {
            let item = match ty.map(|ty| ty.of(value)) {
                Some(Type::List(list)) => Some(&list.item),
                _ => None,
            };
            Json::Array(items.iter().filter_map(|it| shown(it, item, Secrecy::Public, &Map::new())).collect())
        }
        Value::Map(map) => match (ty.map(|ty| ty.of(value)), secrecy) {
            (Some(Type::Object(members)), _) => object(map, members),
            (Some(Type::Map(_)), Secrecy::Members(names)) => {
                let open = map
                    .iter()
                    .filter(|(name, value)| !value.as_str().is_some_and(|text| is_secret_member(names, name, text)));
                let members = open.filter_map(|(name, value)| {
                    Some((name.clone(), shown(value, None, Secrecy::Public, &Map::new())?))
                });
                Json::Object(members.collect())
            }
            (Some(Type::Map(item)), _) => {
                let members = map.iter().filter_map(|(name, value)| {
                    Some((name.clone(), shown(value, Some(item), Secrecy::Public, &Map::new())?))
                });
                Json::Object(members.collect())
            }
            _ => object(map, &[]),
        },
    })
}

/// The state of a resource in the service's word.
pub(super) fn state(readiness: &Readiness) -> Cell {
    match readiness {
        Readiness::Ready(state) => state.clone().map_or(Cell::Null, Cell::Text),
        Readiness::Settling(state)
        | Readiness::Deleting(state)
        | Readiness::Scheduled { state, .. }
        | Readiness::Unusable { state, .. } => state.as_str().into(),
        Readiness::Failed(fault) => fault.code.clone().map_or(Cell::Null, Cell::Text),
    }
}
