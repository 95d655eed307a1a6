//! A query: a resource that reads and makes nothing.
//!
//! It stands in the graph like every other one, so that it is asked after what it needs and before what uses it. What it
//! finds are its attributes. Where everything that it asks with is known it is asked for a plan ([`crate::plan::Plan`] says
//! which ones those are); otherwise `apply` asks when its turn comes. What the text means is for the cloud to know, see
//! [`crate::cloud::Cloud::look_up`].

use std::sync::Arc;
use std::time::Duration;

use crate::cloud::{Live, Present, Readiness, Seen};
use crate::fault::{Fault, FaultKind};
use crate::kind::{Attribute, Change, Finding, Implied, Kind, Patience, Verb};
use crate::permission::{Permission, Subject};
use crate::schema::{Property, Schema, Text, Type};
use crate::value::{Map, Value};

/// The `type` of a query.
pub const NAME: &str = "query";
/// The property that holds its text.
pub const SQL: &str = "Sql";
/// Where that property is.
pub const POINTER: &str = "/Sql";

/// The kind of queries.
#[derive(Debug)]
pub struct Lookup;

/// The one of them.
pub static LOOKUP: Lookup = Lookup;

static PROPERTIES: [Property; 1] =
    [Property::new(SQL, Type::Text(Text::ANY), "The query, as the manifest's `sql`.").required()];
static SCHEMA: Schema = Schema { properties: &PROPERTIES, one_of: &[] };

impl Kind for Lookup {
    fn name(&self) -> &'static str {
        NAME
    }

    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn attributes(&self) -> &'static [Attribute] {
        &[]
    }

    fn identify(&self, _: &Map) -> Option<String> {
        None
    }

    fn names_itself(&self) -> bool {
        true
    }

    fn is_lookup(&self) -> bool {
        true
    }

    fn check(&self, _: &Map) -> Vec<Finding> {
        Vec::new()
    }

    fn implies(&self, _: &Change<'_>) -> Vec<Implied> {
        Vec::new()
    }

    fn patience(&self, _: &Map) -> Patience {
        Patience { create: Duration::ZERO, update: Duration::ZERO, delete: Duration::ZERO }
    }

    /// What a query reads is known to whoever understands its text.
    fn permissions(&self, _: Verb, _: &Subject<'_>) -> Vec<Permission> {
        Vec::new()
    }
}

/// The text of a query, where all of it is known.
pub fn text(properties: &Map) -> Option<&str> {
    properties.get(SQL)?.as_str()
}

/// What an answer says of the query as a resource.
pub fn live(text: &str, answer: Result<Vec<Map>, Fault>) -> Live {
    match attributes(answer) {
        Ok(attributes) => Live::Present(Arc::new(Present {
            identity: text.to_owned(),
            properties: Map::from_iter([(SQL.to_owned(), Value::from(text))]),
            attributes,
            secret_version: None,
            readiness: Readiness::Ready(None),
            seen: Seen::default(),
        })),
        Err(fault) => Live::Unreadable(fault),
    }
}

/// The columns of the first row that was found.
///
/// # Errors
///
/// The fault of the query, and that it found nothing: what uses it cannot go on then.
pub fn attributes(answer: Result<Vec<Map>, Fault>) -> Result<Map, Fault> {
    answer?.into_iter().next().ok_or_else(|| Fault::new(FaultKind::NotFound, "query", "the query finds nothing"))
}
