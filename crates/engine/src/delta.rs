//! The differences between two equals: desired and live properties, as a pure function.
//!
//! Two steps. Aligning gives the desired properties the shape of the live ones wherever the difference means nothing:
//! another spelling of one key, a default written out, items of a keyed list in another order, a secret that holds the
//! same text or that nobody could compare, a path under `ignore`. What differs after that, structurally, is an edit.
//! So "no edits" is exactly "equal", and a patch made from the edits can be proved against the aligned document.

mod align;
mod policy;
mod structural;

use crate::schema::{Domain, Schema};
use crate::stack::Ignore;
use crate::value::{Map, Value};

pub(crate) use align::Canonical;
pub use align::Verdict;

/// One difference between the live and the desired properties.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// Where: a JSON pointer into the live properties; `/-` at its end appends to a list.
    pub pointer: String,
    /// The same for people: an item of a keyed list by its key, `HeaderParameters[X-Trace]/Value`.
    pub label: String,
    /// The live value.
    pub before: Option<Value>,
    /// The desired value; `None` takes the property back.
    pub after: Option<Value>,
    /// What the change means.
    pub effect: Effect,
}

impl Edit {
    /// Whether the difference is passed over.
    pub fn is_ignored(&self) -> bool {
        matches!(self.effect, Effect::Ignored(_))
    }
}

/// What an edit means for the resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// An update does it.
    InPlace,
    /// Only a replacement does it, for this reason.
    Replaces(String),
    /// Not done, for this reason (`ignore`).
    Ignored(String),
}

/// Everything that differs between a desired and a live resource.
#[derive(Debug, Clone)]
pub struct Delta {
    /// The differences, ignored ones included.
    pub edits: Vec<Edit>,
    /// The verdict on each secret of the desired properties.
    pub secrets: Vec<Verdict>,
    /// The live properties in canonical form.
    pub live: Map,
    /// The desired properties in canonical form, aligned with the live ones.
    pub desired: Map,
}

impl Delta {
    /// The edits that are acted upon.
    pub fn effective(&self) -> impl Iterator<Item = &Edit> {
        self.edits.iter().filter(|edit| !edit.is_ignored())
    }

    /// Why an update is not enough, where it is not.
    pub fn replaces(&self) -> Option<&str> {
        self.edits.iter().find_map(|edit| match &edit.effect {
            Effect::Replaces(reason) => Some(reason.as_str()),
            _ => None,
        })
    }
}

/// Compares desired with live properties. `canonical` gives the canonical form of a name of a domain, or the name itself.
pub fn delta(
    schema: &'static Schema,
    desired: &Map,
    live: &Map,
    ignore: &[Ignore],
    canonical: &dyn Fn(Domain, &str) -> String,
) -> Delta {
    let live = canonical_form(schema, live);
    let wanted = canonical_form(schema, desired);
    let mut aligner =
        align::Aligner { canonical, ignore, for_sending: false, secrets: Vec::new(), ignored: Vec::new() };
    let desired = aligner.object(schema.properties, Some(&live), wanted, &mut String::new());
    let mut edits = Vec::new();
    structural::object(schema.properties, &live, &desired, &mut structural::At::default(), &mut edits);
    edits.extend(aligner.ignored);
    Delta { edits, secrets: aligner.secrets, live, desired }
}

/// The desired properties as they are sent with an update: every secret in full, and what `ignore` names as it is live.
pub fn to_send(schema: &'static Schema, desired: &Map, live: &Map, ignore: &[Ignore]) -> Map {
    let live = canonical_form(schema, live);
    let wanted = canonical_form(schema, desired);
    let canonical = |_: Domain, name: &str| name.to_owned();
    let mut aligner =
        align::Aligner { canonical: &canonical, ignore, for_sending: true, secrets: Vec::new(), ignored: Vec::new() };
    aligner.object(schema.properties, Some(&live), wanted, &mut String::new())
}

/// Properties without what means nothing: nulls, empty maps and lists, empty texts that stand for "cleared", read-only
/// members and implicit defaults go; explicit defaults are written out; sets are sorted.
pub fn canonical_form(schema: &'static Schema, properties: &Map) -> Map {
    align::into_map(align::canonical_object(schema.properties, properties))
}

/// The same as a view, for those who only look at it.
pub(crate) fn canonical_view<'a>(schema: &'static Schema, properties: &'a Map) -> Canonical<'a> {
    Canonical::Map(align::canonical_object(schema.properties, properties))
}

/// A policy document of IAM, as a text or as a structure, in the form in which two that say the same are the same;
/// statements keep their order. `None` for what is no document.
pub fn canonical_policy(document: &Value) -> Option<serde_json::Value> {
    policy::canonical(document)
}

/// Whether a pattern (a JSON pointer in which `*` stands for any one token) matches a pointer.
pub(crate) fn pattern_matches(pattern: &str, pointer: &str) -> bool {
    let mut pattern = crate::value::tokens(pattern);
    let mut pointer = crate::value::tokens(pointer);
    loop {
        match (pattern.next(), pointer.next()) {
            (None, None) => return true,
            (Some(wanted), Some(token)) if wanted == "*" || wanted == token => {}
            _ => return false,
        }
    }
}

/// Whether a value holds something that is known only later.
pub(crate) fn has_unknown(value: &Value) -> bool {
    match value {
        Value::Unknown(_) | Value::Deferred(_) => true,
        Value::List(items) => items.iter().any(has_unknown),
        Value::Map(map) => map.values().any(has_unknown),
        _ => false,
    }
}
