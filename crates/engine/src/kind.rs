//! The seam for a new type of resource: what it *is*, without any I/O.
//!
//! A [`Kind`] is pure: names, schema, identity, rules, what it implies, how long to wait. How a kind is *reached* (list
//! pages, describe, create, update, delete) is the other half of its file in the cloud's crate, behind
//! [`crate::cloud::Cloud`]. The split keeps the whole pipeline testable without a cloud and keeps every SDK type out of
//! this crate. Kinds are found through a [`Registry`], which is a plain slice.

use std::fmt;
use std::time::Duration;

use crate::cloud::Present;
use crate::credential::Scheme;
use crate::delta::Edit;
use crate::permission::{Permission, Subject};
use crate::schema::Schema;
use crate::value::{Map, at};

/// A type of resource.
pub trait Kind: Send + Sync + fmt::Debug {
    /// CloudFormation's name: `AWS::Events::Connection`.
    fn name(&self) -> &'static str;

    /// Other names that manifests may use: `awscc.events.connections`.
    fn aliases(&self) -> &'static [&'static str];

    /// Its properties.
    fn schema(&self) -> &'static Schema;

    /// What other resources may refer to besides the properties (`Ref` and `GetAtt` names): `Arn`, `SecretArn`.
    fn attributes(&self) -> &'static [Attribute];

    /// The property that names the resource in its account and region; one that is inside another is written with
    /// slashes: `ConnectionInput/Name`.
    fn identity_property(&self) -> &'static str {
        "Name"
    }

    /// All of them, where it takes several to name it; empty where [`Kind::identity_property`] is all.
    fn identity_properties(&self) -> &'static [&'static str] {
        &[]
    }

    /// The natural key, where the properties hold it as a plain text.
    fn identify(&self, properties: &Map) -> Option<String> {
        at(properties, &format!("/{}", self.identity_property()))?.as_str().map(str::to_owned)
    }

    /// The sources of secrets that name resources of this kind, and the property that holds the value: `aws-sm:` names
    /// what Secrets Manager keeps.
    fn is_source(&self) -> Option<(Scheme, &'static str)> {
        None
    }

    /// The service makes the identity where the properties do not give one. Such a resource is found by its owner tags,
    /// by what points at it ([`Kind::found_through`]), or by `identifier` in the manifest.
    fn names_itself(&self) -> bool {
        false
    }

    /// Where a resource that names itself may be found besides: a property of another kind that holds its identity, as
    /// `TargetKeyId` of an alias holds a key's.
    fn found_through(&self) -> &'static [Through] {
        &[]
    }

    /// The top-level property that holds its tags, a map or a list of `Key` and `Value`; `None` where it cannot be
    /// tagged. What can be tagged carries the tags of its owner, see [`crate::owner`].
    fn tags(&self) -> Option<&'static str> {
        None
    }

    /// Who manages a live resource in the place of its users: the service that made it for itself. Such a resource is
    /// left out of an import.
    fn managed_by(&self, live: &Present) -> Option<String> {
        let _ = live;
        None
    }

    /// Whether a top-level property of a live resource is what the service gives each one, in more words than a schema's
    /// default can say: a policy with the account in it. An import leaves it out.
    fn is_usual(&self, property: &str, live: &Map) -> bool {
        let (_, _) = (property, live);
        false
    }

    /// Nothing is known of its properties, so that nothing of them is checked; nothing of this kind is ever sent.
    fn is_opaque(&self) -> bool {
        false
    }

    /// It reads and makes nothing, see [`crate::lookup`].
    fn is_lookup(&self) -> bool {
        false
    }

    /// What the schema cannot say: rules between properties. Each finding becomes one diagnostic with a line.
    fn check(&self, properties: &Map) -> Vec<Finding>;

    /// Why a live resource is not to be written, whatever the manifest says: a service made it for itself and manages it.
    fn refuses(&self, live: &Present) -> Option<String> {
        let _ = live;
        None
    }

    /// What the service does besides, in other services, when this change is made; for the plan.
    fn implies(&self, change: &Change<'_>) -> Vec<Implied>;

    /// Groups of top-level properties of which all are sent when one changes.
    fn sent_together(&self) -> &'static [&'static [&'static str]] {
        &[]
    }

    /// How long a change of this resource may take before it counts as not settled.
    fn patience(&self, desired: &Map) -> Patience;

    /// What a verb costs in calls, with these properties, but for what is waited for afterwards. An estimate is made of it.
    fn costs(&self, verb: Verb, properties: &Map) -> Vec<Cost> {
        let _ = properties;
        match verb {
            Verb::Read => Vec::new(),
            Verb::Create | Verb::Update | Verb::Delete => {
                vec![Cost { operation: self.name(), per_second: 50, serves: 1 }]
            }
        }
    }

    /// What a caller must be allowed to do for a verb: IAM actions and, as narrowly as the service can authorize them, the
    /// ARNs of what they are done to. A read goes as deep as [`Subject::depth`] says.
    fn permissions(&self, verb: Verb, subject: &Subject<'_>) -> Vec<Permission>;
}

/// Calls of one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// The operation, such as `events:CreateConnection`.
    pub operation: &'static str,
    /// How many of it the service lets through in a second, per account and region.
    pub per_second: u32,
    /// How many resources one call serves.
    pub serves: u32,
}

/// Something of a resource that others may refer to and that is not a property.
#[derive(Debug, Clone, Copy)]
pub struct Attribute {
    /// Its name: `Arn`.
    pub name: &'static str,
    /// It stays the same through an update, so that it is known in a plan where the resource exists.
    pub stable: bool,
    /// The answer of a create already holds it.
    pub on_create: bool,
}

/// A property of another kind that holds the identity of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Through {
    /// The other kind: `AWS::KMS::Alias`.
    pub kind: &'static str,
    /// Its top-level property: `TargetKeyId`.
    pub property: &'static str,
}

/// A rule between properties that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The diagnostic's code.
    pub code: &'static str,
    /// Where: a JSON pointer into the properties.
    pub pointer: String,
    /// Point at the name of the property, and not at its value.
    pub on_key: bool,
    /// What is wrong, in one sentence.
    pub summary: String,
    /// What to do.
    pub help: Option<String>,
    /// A warning only.
    pub warning: bool,
}

/// A change, as `implies` sees it.
#[derive(Debug)]
pub enum Change<'a> {
    /// The resource will be created with these properties.
    Create(&'a Map),
    /// The live resource will be updated by these edits.
    Update(&'a Present, &'a Map, &'a [Edit]),
    /// The live resource will be deleted.
    Delete(&'a Present),
}

/// An operation in another service that a change brings with it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Implied {
    /// The operation, as in IAM: `secretsmanager:PutSecretValue`.
    pub operation: String,
    /// On what: a name or an ARN, `…` for a part that is not known yet.
    pub on: String,
    /// The service that does it.
    pub by: String,
}

/// How long to wait for a change to settle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// After a create.
    pub create: Duration,
    /// After an update.
    pub update: Duration,
    /// After a delete.
    pub delete: Duration,
}

/// What is done with a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Read.
    Read,
    /// Create.
    Create,
    /// Update.
    Update,
    /// Delete.
    Delete,
}

/// The kinds of a run.
#[derive(Clone, Copy)]
pub struct Registry {
    kinds: &'static [&'static dyn Kind],
    /// Kinds that are only known at run time.
    more: &'static [&'static dyn Kind],
}

impl Registry {
    /// A registry of these kinds.
    pub const fn new(kinds: &'static [&'static dyn Kind]) -> Self {
        Self { kinds, more: &[] }
    }

    /// The same with kinds that are only known at run time. They live as long as the process, like all kinds.
    #[must_use]
    pub fn with(self, more: Vec<&'static dyn Kind>) -> Self {
        Self { more: self.more.iter().copied().chain(more).collect::<Vec<_>>().leak(), ..self }
    }

    /// All kinds, in the order of their slice.
    pub fn iter(&self) -> impl Iterator<Item = &'static dyn Kind> {
        self.kinds.iter().chain(self.more).copied()
    }

    /// The kind of this name or alias.
    pub fn find(&self, name: &str) -> Option<&'static dyn Kind> {
        if name == crate::lookup::NAME {
            return Some(&crate::lookup::LOOKUP);
        }
        self.iter().find(|kind| kind.name() == name || kind.aliases().contains(&name))
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(Kind::name)).finish()
    }
}
