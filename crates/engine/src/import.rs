//! From what is there to a manifest that says it: the other direction of the pipeline, and just as pure.
//!
//! The result is meant to be read and kept by people, and to change nothing: a plan of it shows adoptions at most. So it
//! says what a person would say (no defaults, references in place of ARNs, names out of names), it says the same in every
//! run, and where something is missing it says so rather than guess: a credential becomes the name of a source that
//! somebody has to fill.

mod escape;
mod name;
mod node;
mod property;
mod reference;
mod yaml;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Write as _;

use self::node::{Member, Node};
use self::property::Writer;
use self::reference::References;
pub use self::yaml::written;
use crate::cloud::{Present, Readiness};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::fault::Fault;
use crate::kind::Kind;
use crate::owner::{self, Owner};
use crate::schema::{Property, Secrecy};
use crate::value::{Map, Value};

/// The tag of what a CloudFormation stack made.
const CLOUDFORMATION: &str = "aws:cloudformation:stack-name";

/// How many resources a warning names.
const MOST_NAMED: usize = 10;

/// A resource that was found and read.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its type.
    pub kind: &'static dyn Kind,
    /// What was read.
    pub live: Present,
}

/// Something that could not be read: a resource, or the list of all of a type.
#[derive(Debug, Clone)]
pub struct Unread {
    /// The type.
    pub type_name: &'static str,
    /// Which one; `None` where not even the list could be read.
    pub identity: Option<String>,
    /// Why.
    pub fault: Fault,
}

/// What stands above the resources.
#[derive(Debug, Clone)]
pub struct Head {
    /// The stack's name.
    pub stack: String,
    /// The region of everything in it.
    pub region: Option<String>,
    /// The account that it was read from.
    pub account: Option<String>,
}

/// A manifest and what there is to know of it.
#[derive(Debug)]
pub struct Imported {
    /// Its text.
    pub manifest: String,
    /// Its resources, in its order.
    pub resources: Vec<Resource>,
    /// What somebody has to fill in.
    pub fill_in: Vec<FillIn>,
    /// What was found and is not in it.
    pub left_out: Vec<LeftOut>,
    /// What a person should look at.
    pub diagnostics: Diagnostics,
}

/// A resource of the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its logical name.
    pub address: String,
    /// Its type.
    pub type_name: &'static str,
    /// Its name in the cloud.
    pub identity: String,
}

/// A value that the manifest needs and that an import cannot give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FillIn {
    /// The resource.
    pub address: String,
    /// JSON pointer of the property.
    pub path: String,
    /// The environment variable that the manifest takes it from; `None` where the manifest has no value for it yet.
    pub variable: Option<String>,
    /// Why it is not there.
    pub need: Need,
}

/// Why a value has to be filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It is a secret.
    Secret,
    /// It is a public property whose text holds a credential.
    Credential,
    /// It is required and the service does not return it.
    Required,
}

/// Something that is there and does not belong into a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its type.
    pub type_name: &'static str,
    /// Its name in the cloud.
    pub identity: String,
    /// Why.
    pub why: Why,
}

/// Why something is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// A service made it for itself: this one.
    Managed(String),
    /// It is being deleted.
    Deleting,
    /// It is scheduled for deletion.
    Scheduled,
}

/// The name that an identity ends in which is an ARN or an address.
pub fn name_in(identity: &str) -> Option<&str> {
    name::end(identity)
}

/// Whether a read has hidden the credentials of a resource, so that it takes another one to know which there are: members
/// of a map, or a value that may be none that a manifest can say.
pub fn hides_credentials(kind: &dyn Kind, live: &Present) -> bool {
    let unread = |property: &Property| {
        property.kept
            && property.secrecy == Secrecy::Secret
            && matches!(live.properties.get(property.name), Some(Value::Secret(secret)) if !secret.is_resolved())
    };
    kind.schema().properties.iter().any(unread) || !property::hidden(kind, &live.properties).is_empty()
}

/// Writes the manifest of what was found in one place.
pub fn import(found: Vec<Found>, unread: &[Unread], head: &Head) -> Imported {
    let (found, left_out) = sort_out(found);
    let names = name::resources(&found);
    let mut named: Vec<(String, Found)> = names.into_iter().zip(found).collect();
    named.sort_by(|(a, one), (b, other)| (one.kind.name(), a).cmp(&(other.kind.name(), b)));
    let (names, found): (Vec<String>, Vec<Found>) = named.into_iter().unzip();

    let mut diagnostics = Diagnostics::new();
    let mut unseen: BTreeMap<&str, Unseen<'_>> = BTreeMap::new();
    let properties: Vec<Map> = found
        .iter()
        .zip(&names)
        .map(|(one, name)| {
            let mut properties = property::given(one.kind, &one.live.properties);
            let open = property::settle_hidden(one.kind, &mut properties);
            if !open.is_empty() {
                let unseen = unseen.entry(one.kind.name()).or_default();
                unseen.resources.push(name);
                unseen.credentials.extend(open);
            }
            if let Some(diagnostic) = owned(one, name) {
                diagnostics.push(diagnostic);
            }
            properties
        })
        .collect();
    for unseen in unseen.into_values() {
        diagnostics.push(unseen.diagnostic());
    }
    let mut leaves = Vec::new();
    for (at, one) in found.iter().enumerate() {
        property::leaves(one.kind, at, &properties[at], &mut leaves);
    }
    let references = References::new(&found, &names, &leaves);

    let (mut variables, mut fill_in) = (HashSet::new(), Vec::new());
    let mut nodes = Vec::with_capacity(found.len());
    for (at, one) in found.iter().enumerate() {
        let mut writer = Writer {
            kind: one.kind,
            resource: at,
            address: &names[at],
            references: &references,
            variables: &mut variables,
            fill_in: &mut fill_in,
        };
        let members = writer.properties(&properties[at]);
        nodes.push(resource(one, &names[at], members));
    }
    let resources = found
        .iter()
        .zip(names)
        .map(|(one, address)| Resource { address, type_name: one.kind.name(), identity: one.live.identity.clone() })
        .collect();
    Imported { manifest: text(&nodes, unread, head), resources, fill_in, left_out, diagnostics }
}

/// What belongs into a manifest, in a fixed order, and what does not.
fn sort_out(mut found: Vec<Found>) -> (Vec<Found>, Vec<LeftOut>) {
    found.sort_by(|a, b| (a.kind.name(), &a.live.identity).cmp(&(b.kind.name(), &b.live.identity)));
    let mut left_out = Vec::new();
    found.retain(|one| {
        let why = match &one.live.readiness {
            Readiness::Deleting(_) => Some(Why::Deleting),
            Readiness::Scheduled { .. } => Some(Why::Scheduled),
            Readiness::Ready(_) | Readiness::Settling(_) | Readiness::Failed(_) | Readiness::Unusable { .. } => {
                one.kind.managed_by(&one.live).map(Why::Managed)
            }
        };
        let keep = why.is_none();
        left_out.extend(why.map(|why| LeftOut {
            type_name: one.kind.name(),
            identity: one.live.identity.clone(),
            why,
        }));
        keep
    });
    (found, left_out)
}

/// Resources of one type of which nobody said which credentials they have.
#[derive(Default)]
struct Unseen<'a> {
    resources: Vec<&'a str>,
    credentials: BTreeSet<&'static str>,
}

impl Unseen<'_> {
    /// One warning for all of them: what is switched off or denied for one mostly is for the others.
    fn diagnostic(&self) -> Diagnostic {
        let quoted = |name: &&str| format!("`{name}`");
        let mut resources = self.resources.iter().take(MOST_NAMED).map(quoted).collect::<Vec<_>>().join(", ");
        if let Some(more) = self.resources.len().checked_sub(MOST_NAMED).filter(|more| *more > 0) {
            let _ = write!(resources, " and {more} more");
        }
        let credentials = self.credentials.iter().map(quoted).collect::<Vec<_>>().join(", ");
        Diagnostic::warning("I101", format!("nobody could see which credentials these have: {resources}"))
            .noted(format!("not in the manifest, and perhaps there: {credentials}"))
            .help("add those that they have: what the manifest does not say may be taken away by an update")
    }
}

fn owned(one: &Found, name: &str) -> Option<Diagnostic> {
    let tags = owner::tags_of(one.kind, &one.live.properties);
    let by = match Owner::of_tags(&tags) {
        Some(owner) => format!("the stack `{}` ({})", owner.stack, owner.env),
        None => format!("the CloudFormation stack `{}`", tags.get(CLOUDFORMATION).and_then(Value::as_str)?),
    };
    Some(
        Diagnostic::warning("I102", format!("`{name}` belongs to {by}"))
            .help("remove it from this manifest, or take it over and out of the other one"),
    )
}

/// The entry of a resource.
fn resource(one: &Found, name: &str, properties: Vec<Member>) -> Vec<Member> {
    let mut entry = vec![Member::text("name", name), Member::text("type", one.kind.name())];
    if one.kind.names_itself() && one.kind.identify(&one.live.properties).is_none() {
        entry.push(Member::text("identifier", one.live.identity.clone()));
    }
    entry.push(Member::new("props", Node::Map(properties)));
    entry
}

/// The whole text.
fn text(resources: &[Vec<Member>], unread: &[Unread], head: &Head) -> String {
    let mut out = "# Written by `trueup import`".to_owned();
    if let Some(account) = &head.account {
        let _ = write!(out, " from account {account}");
    }
    out.push_str(". The name of the stack is what its owner tags say: choose one\n# before the first apply.\n");
    let mut top = vec![
        Member::new("version", Node::Number(1.into())),
        Member::text("name", head.stack.clone()),
        Member::new("providers", Node::List(vec![Node::Text("aws".to_owned())])),
    ];
    if let Some(region) = &head.region {
        let global = vec![Member::text("name", "region"), Member::text("value", region.clone())];
        top.push(Member::new("globals", Node::List(vec![Node::Map(global)])));
    }
    yaml::members(&mut out, &top, 0);
    if resources.is_empty() {
        yaml::members(&mut out, &[Member::new("resources", Node::List(Vec::new()))], 0);
    } else {
        out.push_str("resources:\n");
    }
    for (index, entry) in resources.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        yaml::item(&mut out, &Node::Map(entry.clone()), 2);
    }
    if !unread.is_empty() {
        out.push_str("\n# Could not be read, and is not in here:\n");
        for one in unread {
            let which = match &one.identity {
                Some(identity) => yaml::scalar(identity),
                None => "all of the type".to_owned(),
            };
            let _ = writeln!(out, "#   {} {which} ({}: {})", one.type_name, one.fault.operation, one.fault.kind);
        }
    }
    out
}
