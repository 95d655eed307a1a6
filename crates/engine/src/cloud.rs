//! The only door to the cloud: reads and writes of resources, one kind and one place at a time.
//!
//! The engine decides *what* to send and *when*; an implementation of [`Cloud`] knows *how*. It owns rate limits and the
//! repetition of single calls that failed in passing (see [`crate::retry`]); it never decides to create or delete.
//! Futures are boxed so that the engine needs no type parameter for its cloud.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::delta::Edit;
use crate::fault::{Fault, FaultKind};
use crate::kind::Kind;
use crate::schema::Domain;
use crate::value::Map;

/// A boxed future.
pub type Task<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where a resource lives, and as whom it is reached. Cheap to clone; equal places share clients and rate limits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The region; `None` leaves it to the SDK's own chain.
    pub region: Option<Arc<str>>,
    /// The role that is assumed; `None` keeps the caller.
    pub role_arn: Option<Arc<str>>,
}

/// What the caller is in a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whereabouts {
    /// The account id.
    pub account: String,
    /// The region after the SDK's own chain.
    pub region: String,
}

/// One resource to read.
#[derive(Debug, Clone)]
pub struct Want {
    /// Its identity, as [`Kind::identify`] gives it.
    pub identity: String,
    /// Read the credentials that the service keeps elsewhere too, so that they can be compared in memory.
    pub secrets: bool,
    /// Existence, state and attributes of a list page are enough.
    pub shallow: bool,
    /// JSON pointers of what the manifest says of it. What costs a call of its own, or brings a credential with it, is
    /// read only where it is asked for here; a kind may pass over the rest of this.
    pub given: Vec<String>,
    /// The tags that [`Cloud::owned`] showed, where they are all that the manifest wants of them: a kind whose tags cost a
    /// call of their own takes these. `None` where its own have to be read.
    pub tags: Option<Map>,
    /// What an earlier run verified of it. While the version is the same, the kind may leave out what costs a call of its
    /// own, and says so in [`Present::seen`].
    pub verified: Option<Verified>,
}

/// What an earlier run verified of a resource, see [`crate::memory`].
#[derive(Debug, Clone)]
pub struct Verified {
    /// Its version then.
    pub version: String,
    /// The version of its secrets then.
    pub secret_version: Option<String>,
    /// Its attributes then, where a list page that shows the same version is enough.
    pub attributes: Option<Map>,
}

impl Verified {
    /// Whether it is this version that was verified.
    pub fn is(&self, version: Option<&String>) -> bool {
        version == Some(&self.version)
    }
}

impl Want {
    /// Whether the manifest says something at this pointer, below it, or of all that it is part of.
    pub fn asks(&self, pointer: &str) -> bool {
        self.given.iter().any(|given| {
            let mut here = crate::value::tokens(pointer);
            let mut there = crate::value::tokens(given);
            loop {
                match (here.next(), there.next()) {
                    (Some(token), Some(other)) if token == other || other == "*" => {}
                    (Some(_), Some(_)) => return false,
                    _ => return true,
                }
            }
        })
    }
}

/// What was read of one resource.
#[derive(Debug, Clone)]
pub enum Live {
    /// The service says that it does not exist.
    Absent,
    /// It exists.
    Present(Arc<Present>),
    /// It could not be read: it may or may not exist.
    Unreadable(Fault),
}

impl Live {
    /// The resource, where it exists.
    pub fn present(&self) -> Option<&Present> {
        match self {
            Self::Present(present) => Some(present),
            _ => None,
        }
    }
}

/// A resource that exists.
#[derive(Debug, Clone)]
pub struct Present {
    /// Its identity, as [`Kind::identify`] gives it.
    pub identity: String,
    /// Its properties, in CloudFormation's names. A credential that was read is a resolved secret, one that could not
    /// be read an unresolved one whose source says why.
    pub properties: Map,
    /// Its attributes (`Arn`, `SecretArn`), as far as the read shows them.
    pub attributes: Map,
    /// What marks this version of its secrets: the managed secret's version id.
    pub secret_version: Option<String>,
    /// Its state.
    pub readiness: Readiness,
    /// Which version was seen, and how much of it.
    pub seen: Seen,
}

/// How a resource was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// A text of what moves with every change of the resource or of its secrets; `None` where nothing does so for certain.
    pub version: Option<String>,
    /// How much was read.
    pub extent: Extent,
}

/// How much of a resource was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Extent {
    /// All that was wanted.
    #[default]
    Full,
    /// All but the values of secrets: the version is the one that was verified.
    WithoutValues,
    /// What a list page shows: the version is the one that was verified.
    Outline,
}

/// The attribute in which a kind tells when the service last took the resource's credentials: seconds since 1970. No
/// manifest can refer to it.
pub const CREDENTIALS_TAKEN: &str = "CredentialsTaken";

/// The attribute in which a kind tells when the service last authorized the resource: seconds since 1970. No manifest can
/// refer to it.
pub const LAST_AUTHORIZED: &str = "LastAuthorized";

impl Present {
    /// When the service last authorized it, as far as the read shows it.
    pub fn last_authorized(&self) -> Option<time::OffsetDateTime> {
        match self.attributes.get(LAST_AUTHORIZED)? {
            crate::value::Value::Number(seconds) => crate::credential::moment(seconds.as_f64()?),
            _ => None,
        }
    }

    /// When the service last took its credentials, as far as the read shows it.
    pub fn credentials_taken(&self) -> Option<time::OffsetDateTime> {
        match self.attributes.get(CREDENTIALS_TAKEN)? {
            crate::value::Value::Number(seconds) => crate::credential::moment(seconds.as_f64()?),
            _ => None,
        }
    }
}

/// The state of a resource that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// Usable. The service's name of the state, where it has one.
    Ready(Option<String>),
    /// Still changing: the service's name of the state.
    Settling(String),
    /// On its way out.
    Deleting(String),
    /// Marked for deletion; until then it can be taken back, see [`Cloud::restore`].
    Scheduled {
        /// The service's name of the state: `PendingDeletion`.
        state: String,
        /// The day on which it goes, `2026-12-31`, where the service says it.
        until: Option<String>,
    },
    /// A write that was under way has ended with this fault; what came of it is for the next read.
    Failed(Fault),
    /// Settled and not usable.
    Unusable {
        /// The service's name of the state.
        state: String,
        /// The service's reason, redacted.
        reason: Option<String>,
    },
}

/// The answer to a write.
#[derive(Debug, Clone)]
pub struct Written {
    /// The identity that the service made, see [`Kind::names_itself`].
    pub identity: Option<String>,
    /// It was found, and not made by this call: the answer to a create was lost, or an earlier run had begun it.
    pub adopted: bool,
    /// The attributes that the answer holds.
    pub attributes: Map,
    /// The state that the answer shows.
    pub readiness: Readiness,
    /// What a person should know: a value that would not clear.
    pub notes: Vec<String>,
}

/// A create.
#[derive(Debug)]
pub struct Create<'a> {
    /// The identity; `None` where the service makes it.
    pub identity: Option<&'a str>,
    /// All desired properties, resolved: no deferred, unknown or unresolved value is left.
    pub desired: &'a Map,
}

/// An update.
#[derive(Debug)]
pub struct Update<'a> {
    /// What the plan was made from.
    pub live: &'a Present,
    /// All desired properties: no deferred or unknown value is left, and no unresolved secret in what has to be sent.
    pub desired: &'a Map,
    /// What has to change.
    pub edits: &'a [Edit],
}

/// What [`Cloud::confirm`] is asked about.
#[derive(Debug, Clone)]
pub struct Confirm {
    /// The resource's identity.
    pub identity: String,
    /// Whether what it implies should be there (after a create or an update) or gone (after a delete).
    pub present: bool,
}

/// Something that [`Cloud::confirm`] could not confirm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unconfirmed {
    /// The resource's identity.
    pub identity: String,
    /// What is not as it should be, or why nobody could look.
    pub message: String,
    /// It was seen not to be as it should be; `false` where it could not be looked at.
    pub proven: bool,
}

/// A resource that carries the owner tags of a stack.
#[derive(Debug, Clone)]
pub struct Owned {
    /// Its ARN.
    pub arn: String,
    /// Its kind; `None` where nothing here manages its type.
    pub kind: Option<&'static dyn Kind>,
    /// Its identity, where the ARN says it.
    pub identity: Option<String>,
    /// All its tags, texts by key.
    pub tags: Map,
}

/// How many rows of a query matter: one is what was meant, and with more it was not clear.
pub const MOST_ROWS: usize = 100;

/// A cloud.
pub trait Cloud: Send + Sync {
    /// Account and region of the caller in a place.
    fn whereabouts<'a>(&'a self, place: &'a Place) -> Task<'a, Result<Whereabouts, Fault>>;

    /// Reads resources of one kind; one answer a want, in the same order. Uses list pages where they save calls.
    fn observe<'a>(&'a self, kind: &'static dyn Kind, place: &'a Place, wants: &'a [Want]) -> Task<'a, Vec<Live>>;

    /// The canonical form of each name that has one. A name that does not exist is left out.
    fn canonical<'a>(
        &'a self,
        domain: Domain,
        place: &'a Place,
        names: &'a [String],
    ) -> Task<'a, Result<HashMap<String, String>, Fault>>;

    /// What carries the owner tags of a stack and environment in a place, whatever its type; a resource whose type is
    /// none of `kinds` or of the cloud's own has no kind. An index stands behind the answer: it may be some seconds old,
    /// so it is a hint, and the resource's own tags decide before anything is written.
    fn owned<'a>(
        &'a self,
        kinds: &'a [&'static dyn Kind],
        place: &'a Place,
        stack: &'a str,
        env: &'a str,
    ) -> Task<'a, Result<Vec<Owned>, Fault>>;

    /// The identities of all resources of a kind in a place.
    fn list<'a>(&'a self, kind: &'static dyn Kind, place: &'a Place) -> Task<'a, Result<Vec<String>, Fault>>;

    /// Takes a resource back from its scheduled deletion. It may need an update after that.
    fn restore<'a>(
        &'a self,
        kind: &'static dyn Kind,
        place: &'a Place,
        identity: &'a str,
    ) -> Task<'a, Result<Written, Fault>>;

    /// Creates a resource. Where an earlier attempt of this same call may have been carried out and the service now says
    /// that the name is taken, the resource is read back and compared before it counts as created.
    fn create<'a>(
        &'a self,
        kind: &'static dyn Kind,
        place: &'a Place,
        create: &'a Create<'a>,
    ) -> Task<'a, Result<Written, Fault>>;

    /// Updates a resource; sends no more than the edits and what the service wants sent beside them.
    fn update<'a>(
        &'a self,
        kind: &'static dyn Kind,
        place: &'a Place,
        update: &'a Update<'a>,
    ) -> Task<'a, Result<Written, Fault>>;

    /// Deletes a resource. One that is not there any more counts as deleted. `desired` holds what is known of its desired
    /// properties, for those that say how it is deleted (a recovery window); nothing where the manifest does not name it.
    fn delete<'a>(
        &'a self,
        kind: &'static dyn Kind,
        place: &'a Place,
        identity: &'a str,
        desired: Option<&'a Map>,
    ) -> Task<'a, Result<Written, Fault>>;

    /// Runs a query over live resources, for reading only: the rows that it finds, by column, [`MOST_ROWS`] at the most.
    /// What the text may say is the cloud's own matter.
    fn look_up<'a>(&'a self, place: &'a Place, query: &'a str) -> Task<'a, Result<Vec<Map>, Fault>> {
        let (_, _) = (place, query);
        Box::pin(async { Err(Fault::new(FaultKind::Invalid, "query", "queries are not understood here")) })
    }

    /// Checks what changes brought with them in other services (managed secrets); returns what is not as it should be.
    /// A deletion that the service still has under way is waited for, for a few seconds.
    fn confirm<'a>(
        &'a self,
        kind: &'static dyn Kind,
        place: &'a Place,
        items: &'a [Confirm],
    ) -> Task<'a, Vec<Unconfirmed>>;

    /// How many calls were sent so far, repetitions not counted.
    fn calls(&self) -> u64;

    /// Whether it awaits [`crate::apply::begin::write`] right before each call that writes. Until the first one an interruption
    /// leaves an operation undone; without it that is until the cloud is asked to write.
    fn tells_writes(&self) -> bool {
        false
    }
}
