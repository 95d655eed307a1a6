//! A stack: the manifest with variables, globals and loops resolved. The contract between the front of the engine, which
//! reads what people write, and the back, which compares it with the cloud.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::address::Address;
use crate::source::{Span, Spanned};
use crate::value::{Map, Value};

/// A rendered manifest.
#[derive(Debug, Clone)]
pub struct Stack {
    /// `name` of the manifest.
    pub name: Spanned<String>,
    /// The environment.
    pub env: String,
    /// `description` of the manifest.
    pub description: Option<String>,
    /// The account that this environment is bound to.
    pub account: Option<Spanned<String>>,
    /// The global `region`, where there is one.
    pub region: Option<String>,
    /// Every variable that the manifest declares or uses, in order of first appearance.
    pub variables: Vec<Variable>,
    /// Variables that are not secret, and that `protected` values are made of.
    pub protected_of: Vec<String>,
    /// Every instance, in the order of the manifest.
    pub instances: Vec<Instance>,
    /// Names of `exports` at the top level.
    pub exports: Vec<Export>,
    /// The values of exports that no resource has to give: globals, and the names of stack and environment.
    pub constants: BTreeMap<String, Value>,
    /// SHA-256 (hex) of the manifest's text and of every file that it includes.
    pub manifest_digest: String,
    /// SHA-256 (hex) of environment and variables that are not secret.
    pub variables_digest: String,
    /// Resources that `if` left out, so that a reference to one can say so.
    pub left_out: Vec<Address>,
}

/// A variable and where its value came from.
#[derive(Debug, Clone)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value, or `None` where it was not found; a secret one is a [`Value::Secret`].
    pub value: Option<Value>,
    /// Where the value came from: `--var`, `--var-file secrets.env`, `environment`, `default`.
    pub origin: Option<String>,
    /// Declared or used as a secret.
    pub secret: bool,
    /// Why it is a secret, where it is not declared as one.
    pub why: Option<String>,
    /// Its description.
    pub description: Option<String>,
}

/// One resource to be.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Its address.
    pub address: Address,
    /// Where its name is written.
    pub name_span: Span,
    /// `type` as it is written; `None` where it is missing.
    pub type_name: Option<Spanned<String>>,
    /// The properties: plain values, secrets and deferred expressions.
    pub properties: Map,
    /// Where each property is written.
    pub spans: Arc<Spans>,
    /// Names from `depends_on` (a resource, or `resource["key"]`).
    pub depends_on: Vec<Spanned<String>>,
    /// Former identities.
    pub renamed_from: Vec<Spanned<String>>,
    /// The id in the cloud, where the manifest gives it.
    pub identifier: Option<Spanned<String>>,
    /// A query that finds its id in the cloud, where the service makes it and no owner tag tells.
    pub find: Option<Spanned<String>>,
    /// Its properties come from SQL, in which every value is text: a text is read as what the schema wants.
    pub from_text: bool,
    /// It is never deleted or replaced; `None` where the manifest does not say.
    pub protect: Option<bool>,
    /// Paths whose differences are passed over.
    pub ignore: Vec<Ignore>,
    /// How bad differences are, where the manifest says so.
    pub severity: Vec<SeverityRule>,
    /// `exports`: property or attribute, and the name it gets.
    pub exports: Vec<Export>,
    /// Region of its own.
    pub region: Option<String>,
    /// Role of its own.
    pub role_arn: Option<String>,
    /// Timeouts of its own.
    pub timeouts: Timeouts,
    /// Kept at teardown.
    pub skip_on_delete: bool,
}

/// A path whose differences are passed over.
#[derive(Debug, Clone)]
pub struct Ignore {
    /// A JSON pointer; `*` stands for any one token.
    pub path: Spanned<String>,
    /// Why.
    pub reason: Option<String>,
    /// The last day on which it holds, `2026-12-31`.
    pub until: Option<Spanned<String>>,
    /// Whether `until` has passed.
    pub expired: bool,
}

/// How bad a difference is, by the manifest's own word.
#[derive(Debug, Clone)]
pub struct SeverityRule {
    /// A JSON pointer; `*` stands for any one token. What is below it counts too.
    pub path: String,
    /// How bad.
    pub level: crate::drift::Level,
}

/// A name under which a property is made available.
#[derive(Debug, Clone)]
pub struct Export {
    /// The property or attribute of the resource; for a stack's export the exported name.
    pub property: String,
    /// The name given to it.
    pub name: String,
    /// Where it is written.
    pub span: Span,
}

/// How long changes may take; `None` is the kind's own patience.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// After a create.
    pub create: Option<Duration>,
    /// After an update.
    pub update: Option<Duration>,
    /// After a delete.
    pub delete: Option<Duration>,
}

/// Where each property of a resource is written, by JSON pointer.
#[derive(Debug, Clone)]
pub struct Spans {
    whole: Span,
    /// The pointers, one behind the other.
    pointers: String,
    places: Vec<Written>,
    /// The numbers of the places in the order of their pointers, made when somebody first asks: few ever do.
    sorted: OnceLock<Vec<u32>>,
    origins: BTreeMap<String, String>,
    variables: BTreeMap<String, Vec<String>>,
}

/// Where one property is written.
#[derive(Debug, Clone, Copy)]
struct Written {
    /// Where its pointer begins among the pointers, and where it ends.
    pointer: (u32, u32),
    key: Span,
    value: Span,
}

impl Spans {
    /// No properties yet; `whole` is the resource itself.
    pub fn new(whole: Span) -> Self {
        Self {
            whole,
            pointers: String::new(),
            places: Vec::new(),
            sorted: OnceLock::new(),
            origins: BTreeMap::new(),
            variables: BTreeMap::new(),
        }
    }

    /// Notes where the property at `pointer` has its name and its value; what is noted last holds. An item of a list has
    /// one span for both.
    pub fn insert(&mut self, pointer: &str, key: Span, value: Span) {
        let small = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
        let start = small(self.pointers.len());
        self.pointers.push_str(pointer);
        self.places.push(Written { pointer: (start, small(self.pointers.len())), key, value });
        self.sorted.take();
    }

    /// Takes back the memory that was kept for more places.
    pub fn shrink(&mut self) {
        self.pointers.shrink_to_fit();
        self.places.shrink_to_fit();
    }

    /// Notes that the value at `pointer` is made from a variable that was given from outside: `env:NAME`, `--var NAME`.
    pub fn note_origin(&mut self, pointer: &str, origin: String) {
        self.origins.insert(pointer.to_owned(), origin);
    }

    /// Where the plain value at `pointer` came from, if not from the manifest itself.
    pub fn origin(&self, pointer: &str) -> Option<&str> {
        self.origins.get(pointer).map(String::as_str)
    }

    /// Notes the variables that the value at `pointer` is made of.
    pub fn note_variables(&mut self, pointer: &str, variables: impl Iterator<Item = String>) {
        let mut variables = variables.peekable();
        if variables.peek().is_some() {
            self.variables.entry(pointer.to_owned()).or_default().extend(variables);
        }
    }

    /// The variables that the value at `pointer` is made of: those of what it is a part of, and those of its parts.
    pub fn variables(&self, pointer: &str) -> impl Iterator<Item = &str> {
        let above = pointer.match_indices('/').map(|(end, _)| &pointer[..end]);
        let above = above.filter_map(|parent| self.variables.get(parent));
        let here = (std::ops::Bound::Included(pointer), std::ops::Bound::Unbounded);
        let below = self.variables.range::<str, _>(here).take_while(move |(at, _)| at.starts_with(pointer));
        let below = below.filter(move |(at, _)| at.len() == pointer.len() || at[pointer.len()..].starts_with('/'));
        above.chain(below.map(|(_, variables)| variables)).flatten().map(String::as_str)
    }

    /// Where the value at `pointer` is written; for something that is not there, its nearest parent.
    pub fn value(&self, pointer: &str) -> Span {
        self.nearest(pointer).map_or(self.whole, |(exact, (key, value))| if exact { value } else { key })
    }

    /// Where the name of `pointer` is written; for something that is not there, its nearest parent.
    pub fn key(&self, pointer: &str) -> Span {
        self.nearest(pointer).map_or(self.whole, |(_, (key, _))| key)
    }

    fn nearest(&self, pointer: &str) -> Option<(bool, (Span, Span))> {
        let mut here = pointer;
        loop {
            if let Some(found) = self.written(here) {
                return Some((here.len() == pointer.len(), found));
            }
            here = &here[..here.rfind('/')?];
        }
    }

    fn written(&self, pointer: &str) -> Option<(Span, Span)> {
        let text = |place: &Written| self.pointers.get(place.pointer.0 as usize..place.pointer.1 as usize);
        let text = |number: u32| self.places.get(number as usize).and_then(text).unwrap_or_default();
        let sorted = self.sorted.get_or_init(|| {
            let mut sorted: Vec<u32> = (0..self.places.len()).filter_map(|number| number.try_into().ok()).collect();
            // Stable, so that of two at one pointer the later one comes last.
            sorted.sort_by_key(|number| text(*number));
            sorted
        });
        let after = sorted.partition_point(|number| text(*number) <= pointer);
        let found = *sorted.get(after.checked_sub(1)?)?;
        let place = &self.places[found as usize];
        (text(found) == pointer).then_some((place.key, place.value))
    }
}
