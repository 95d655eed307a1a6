//! Any other type of AWS, through Cloud Control: a kind whose schema is data.
//!
//! What CloudFormation's registry says of a type ([`schema`]) is everything that a native kind says in its file. It is
//! fetched once and kept on disk ([`types`]), turned into a kind that lives as long as the process, and found by its
//! name. Reads are `GetResource`; writes are requests that Cloud Control works off ([`requests`]), which are polled and
//! never waited for with a slot of the run. An update is the patch of what changes ([`patch`]).
//!
//! A native kind shadows this one. Nothing here knows a type by name, but for an address that is no ARN and no name
//! ([`identity`]).

pub(crate) mod arns;
mod cache;
mod identity;
mod io;
mod patch;
mod permissions;
mod requests;
pub mod schema;
mod types;

use std::time::Duration;

use trueup_engine::cloud::{Create, Live, Present, Task, Update, Want, Written};
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::kind::{Attribute, Change, Cost, Finding, Implied, Kind, Patience, Verb};
use trueup_engine::permission::{Permission, Subject};
use trueup_engine::schema::Schema;
use trueup_engine::value::{Map, Value};

use crate::kinds::AwsKind;
use crate::operation::{CREATE_RESOURCE, DELETE_RESOURCE, GET_RESOURCE, GET_RESOURCE_REQUEST_STATUS, UPDATE_RESOURCE};
use crate::reach::Reach;

pub use cache::Cache;
pub(crate) use requests::Requests;
pub use types::{Found, Problem, cached, fetch, is_type_name, survey};
pub(crate) use types::{find, of_arn};

/// A type whose schema is known.
#[derive(Debug)]
pub(crate) struct CloudControl {
    read: schema::Read,
    identity_properties: &'static [&'static str],
}

impl CloudControl {
    pub(crate) fn new(read: schema::Read) -> Self {
        let paths = read.identifier.iter().map(|part| schema::leaked(&part.path.join("/")));
        Self { identity_properties: paths.collect::<Vec<_>>().leak(), read }
    }
}

impl Kind for CloudControl {
    fn name(&self) -> &'static str {
        self.read.name
    }

    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    fn schema(&self) -> &'static Schema {
        self.read.schema
    }

    fn attributes(&self) -> &'static [Attribute] {
        self.read.attributes
    }

    fn identity_property(&self) -> &'static str {
        self.identity_properties.first().copied().unwrap_or_default()
    }

    fn identity_properties(&self) -> &'static [&'static str] {
        self.identity_properties
    }

    fn identify(&self, properties: &Map) -> Option<String> {
        identity::of_properties(&self.read, properties)
    }

    fn names_itself(&self) -> bool {
        self.read.identifier.iter().any(|part| !part.required)
    }

    fn tags(&self) -> Option<&'static str> {
        self.read.tags
    }

    /// A service-linked role, which only its service changes.
    fn managed_by(&self, live: &Present) -> Option<String> {
        let path = live.properties.get("Path")?.as_str()?.strip_prefix("/aws-service-role/")?;
        Some(path.trim_end_matches('/').to_owned())
    }

    fn check(&self, properties: &Map) -> Vec<Finding> {
        let mut findings = self.read.check(properties);
        // Where a name has to be given the engine says so itself.
        if self.names_itself() {
            findings.extend(identity::secret_parts(&self.read, properties));
        }
        findings
    }

    fn implies(&self, _: &Change<'_>) -> Vec<Implied> {
        Vec::new()
    }

    fn patience(&self, _: &Map) -> Patience {
        let [create, update, delete] =
            self.read.minutes.map(|minutes| Duration::from_mins(minutes.unwrap_or(30).clamp(1, 12 * 60)));
        Patience { create, update, delete }
    }

    fn costs(&self, verb: Verb, _: &Map) -> Vec<Cost> {
        match verb {
            Verb::Read => vec![GET_RESOURCE.cost()],
            Verb::Create => vec![CREATE_RESOURCE.cost(), GET_RESOURCE_REQUEST_STATUS.cost()],
            Verb::Update => vec![UPDATE_RESOURCE.cost(), GET_RESOURCE_REQUEST_STATUS.cost()],
            Verb::Delete => vec![DELETE_RESOURCE.cost(), GET_RESOURCE_REQUEST_STATUS.cost()],
        }
    }

    fn permissions(&self, verb: Verb, subject: &Subject<'_>) -> Vec<Permission> {
        permissions::of(&self.read, verb, subject)
    }
}

impl AwsKind for CloudControl {
    fn observe_many<'a>(&'a self, reach: &'a Reach, wants: &'a [Want]) -> Task<'a, Vec<Live>> {
        Box::pin(io::observe(&self.read, reach, wants))
    }

    fn create<'a>(&'a self, reach: &'a Reach, create: &'a Create<'a>) -> Task<'a, Result<Written, Fault>> {
        Box::pin(io::create(self, reach, create))
    }

    fn update<'a>(&'a self, reach: &'a Reach, update: &'a Update<'a>) -> Task<'a, Result<Written, Fault>> {
        Box::pin(io::update(&self.read, reach, update))
    }

    fn delete<'a>(
        &'a self,
        reach: &'a Reach,
        identity: &'a str,
        _: Option<&'a Map>,
    ) -> Task<'a, Result<Written, Fault>> {
        Box::pin(io::delete(&self.read, reach, identity))
    }

    fn list<'a>(&'a self, reach: &'a Reach) -> Task<'a, Result<Vec<String>, Fault>> {
        Box::pin(io::list(&self.read, reach))
    }

    fn identity_of_arn(&self, arn: &str) -> Option<String> {
        identity::of_arn(&self.read, arn)
    }
}

/// A type whose schema is not at hand: its properties are taken as they are, and nothing of it is sent.
#[derive(Debug)]
pub(crate) struct Opaque {
    name: &'static str,
}

static NOTHING: Schema = Schema { properties: &[], one_of: &[] };

impl Kind for Opaque {
    fn name(&self) -> &'static str {
        self.name
    }

    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    fn schema(&self) -> &'static Schema {
        &NOTHING
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

    fn is_opaque(&self) -> bool {
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

    fn permissions(&self, _: Verb, _: &Subject<'_>) -> Vec<Permission> {
        vec![permissions::schema()]
    }
}

/// The text of a value that is part of an identifier.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// A fault of ours about a type.
fn invalid(name: &str, message: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Invalid, name, message)
}
