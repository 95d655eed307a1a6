//! A plan: what will be done to which resource, why, in which order, and from which live state it was concluded.
//!
//! The plan *is* the execution graph: a replacement is a create operation, a delete operation and an edge. [`Plan`] is
//! the value in memory, with everything the executor needs; [`document::PlanDocument`] is its secret-free form for
//! people, pipelines and files. Action and reason are two fields, because both renderers and policies need both.

mod build;
pub mod document;
mod hold;
mod lacking;
pub(crate) mod operations;
mod pointing;
mod pre_image;
mod prune;
mod resolve;
mod rotated;
mod teardown;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::address::Address;
use crate::cloud::{Live, Present, Readiness, Whereabouts};
use crate::credential::Lack;
use crate::delta::Edit;
use crate::desired::Desired;
use crate::diagnostic::Diagnostics;
use crate::fault::Fault;
use crate::kind::{Implied, Kind, Verb};
use crate::owner::{self, Owner};
use crate::value::Map;

pub use build::{Options, plan};
pub use prune::prune;
pub use resolve::{Known, Resource};
pub use teardown::teardown;

/// What is done with a resource.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is created.
    Create,
    /// It is updated in place.
    Update,
    /// It is replaced by a new one.
    Replace,
    /// It is deleted.
    Delete,
    /// It exists and becomes part of the stack.
    Adopt,
    /// Something has to be done and may not be.
    Blocked,
    /// It is a query, and what it asks with is known only after other steps.
    Read,
    /// Nothing.
    None,
}

/// A plan.
#[derive(Debug)]
pub struct Plan {
    /// `plan` or `teardown`: what it was made for.
    pub command: &'static str,
    /// The stack's name.
    pub stack: String,
    /// The environment.
    pub env: String,
    /// Account and region of the stack's own place; `None` where the caller's identity could not be read.
    pub whereabouts: Option<Whereabouts>,
    /// One step for every resource of the stack, in the order of the manifest.
    pub steps: Vec<Step>,
    /// The operations, in no particular order.
    pub operations: Vec<Operation>,
    /// Warnings and notes that came up while planning.
    pub diagnostics: Diagnostics,
    /// Names given to properties by `exports`, for the end of an apply.
    pub exports: Vec<StackExport>,
    /// Only a part of the stack was looked at (`--only`, `--exclude`).
    pub partial: bool,
    /// What the stack owns and the manifest no longer names was looked for (`--prune`).
    pub pruned: bool,
    /// Resources of another stack may be taken over (`--take-over`).
    pub take_over: bool,
    /// Resources without a step that matter to one and could not be read, and steps with a name that could not be looked
    /// up.
    pub unread_beside: usize,
    /// Resources of which less was read than this plan needs, because something else was verified before: with
    /// [`crate::observe::observe_again`] they are read, and the plan is made again. Empty in a plan that may be shown.
    pub reread: BTreeSet<usize>,
    /// Queries that can be asked and were not, with their text: [`crate::observe::look_up`] asks them, and the plan is made
    /// again. Empty in a plan that may be shown.
    pub queries: BTreeMap<usize, String>,
    /// How many calls executing the plan will send, and about how long that takes.
    pub estimate: Estimate,
}

/// What executing a plan costs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Calls, repetitions not counted.
    pub calls: u64,
    /// Seconds, rounded up.
    pub seconds: u64,
}

/// A name that an apply prints at its end.
#[derive(Debug, Clone)]
pub struct StackExport {
    /// The exported name.
    pub name: String,
    /// The resource that has it, and its property or attribute; `None` where no resource exports that name.
    pub from: Option<(usize, String)>,
    /// A value known without a resource: a global, a variable.
    pub value: Option<crate::value::Value>,
}

/// What is done with one resource.
#[derive(Debug)]
pub struct Step {
    /// The resource as it should be.
    pub desired: Arc<Desired>,
    /// Its name in the cloud, as far as it is known.
    pub identity: Option<String>,
    /// What is done.
    pub action: Action,
    /// Why.
    pub reason: String,
    /// For a replacement: the new one is created before the old one goes.
    pub new_first: bool,
    /// The differences that are acted upon, and the ignored ones.
    pub edits: Vec<Edit>,
    /// The same as an RFC 6902 patch against the live document; secrets are placeholders.
    pub patch: Vec<serde_json::Value>,
    /// What is known of every secret of the resource.
    pub secrets: Vec<SecretVerdict>,
    /// What the change brings with it in other services.
    pub implies: Vec<Implied>,
    /// The desired properties as far as they are known now; for display and for `implies`.
    pub resolved: Map,
    /// What was read.
    pub live: Live,
    /// Former identities that exist.
    pub former: Vec<Present>,
    /// More facts for people.
    pub notes: Vec<String>,
    /// Digest of the live properties and of the version of their secrets; `None` where nothing exists.
    pub pre_image: Option<String>,
}

impl Step {
    /// The resource's address.
    pub fn address(&self) -> &Address {
        &self.desired.address
    }

    /// Whether it may not be deleted or replaced: the manifest says so, or its tags do and the manifest does not take it
    /// back.
    pub(crate) fn is_protected(&self) -> bool {
        let tagged = || {
            let live = self.live.present().into_iter().chain(&self.former);
            live.filter_map(|present| Owner::of(self.desired.kind, &present.properties)).any(|owner| owner.protected)
        };
        self.desired.instance.protect.unwrap_or_else(tagged)
    }

    /// Leaves what is going to itself: the next one is another one.
    pub(crate) fn forget(&mut self) {
        self.live = Live::Absent;
        self.identity.clone_from(&self.desired.identity);
    }

    /// Those in whose place this step puts another one, and that do not say so yet: they are marked before it is made, so
    /// that a later run tells the two apart.
    pub(crate) fn superseded(&self) -> impl Iterator<Item = &Present> {
        let begins =
            self.action == Action::Replace && self.new_first && owner::can_be_replaced_by_another(&self.desired);
        let kind = self.desired.kind;
        let marked = move |present: &&Present| Owner::of(kind, &present.properties).is_some_and(|owner| owner.replaced);
        self.former.iter().filter(move |present| begins && !marked(present))
    }

    /// Whether the resource is there, under its name or a former one.
    pub(crate) fn exists(&self) -> bool {
        self.live.present().is_some() || !self.former.is_empty()
    }

    /// Why it could not be read, where that is so.
    pub fn unread(&self) -> Option<&Fault> {
        match &self.live {
            Live::Unreadable(fault) => Some(fault),
            _ => None,
        }
    }

    /// State and reason of a resource that exists, will not be replaced, and cannot be used.
    pub fn unhealthy(&self) -> Option<(&str, Option<&str>)> {
        match self.live.present().map(|present| &present.readiness) {
            Some(Readiness::Unusable { state, reason }) => Some((state, reason.as_deref())),
            _ => None,
        }
    }

    /// How many secrets could not be compared.
    pub fn not_verifiable(&self) -> usize {
        self.secrets.iter().filter(|verdict| verdict.status == SecretStatus::NotVerifiable).count()
    }
}

/// What is known of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretVerdict {
    /// Where it is: a JSON pointer into the properties.
    pub pointer: String,
    /// The verdict.
    pub status: SecretStatus,
    /// Why it is not verifiable: `switched off`, `source missing`, `denied`.
    pub reason: Option<String>,
    /// There is no desired value, and why.
    pub lack: Option<Lack>,
    /// Where the desired value comes from.
    pub source: String,
    /// A keyed fingerprint of the desired value, where a key was given.
    pub fingerprint: Option<String>,
    /// The source has changed since the resource took its value from it, and nobody proved that the value is the same.
    pub rotated: Option<Rotated>,
}

/// A secret that changed after what uses it last took it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotated {
    /// The source: `aws-sm:orders#password`.
    pub source: String,
    /// The id of its current version.
    pub version: String,
    /// When that version was made (RFC 3339).
    pub changed: String,
    /// When the resource last took its credentials (RFC 3339).
    pub taken: String,
}

impl Rotated {
    /// The same for people.
    pub fn in_words(&self) -> String {
        let Self { source, changed, taken, .. } = self;
        format!(
            "the secret it was taken from ({source}) changed on {changed}, after the connection last took it on {taken}"
        )
    }
}

/// The verdict on a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretStatus {
    /// The live value is another one.
    Differs,
    /// The live value is the same.
    Same,
    /// Nobody could compare them.
    NotVerifiable,
    /// There is no live value yet.
    New,
}

/// One node of the execution graph.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The step that it belongs to, an index into [`Plan::steps`].
    pub step: usize,
    /// What it does. [`Verb::Read`] waits for a resource that is still settling.
    pub verb: Verb,
    /// The identity that it acts on; differs from the step's for a former one. `None` where the service will make it.
    pub identity: Option<String>,
    /// Operations that must have ended well before, indices into [`Plan::operations`].
    pub after: Vec<usize>,
}

/// How many of what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Resources to create.
    pub create: usize,
    /// Resources to update in place.
    pub update: usize,
    /// Resources to replace.
    pub replace: usize,
    /// Resources to delete.
    pub delete: usize,
    /// Resources to adopt.
    pub adopt: usize,
    /// Resources that are as they should be.
    pub unchanged: usize,
    /// Resources that would have to change and may not.
    pub blocked: usize,
    /// Secrets that could not be compared.
    pub not_verifiable: usize,
    /// Resources that could not be read.
    pub unread: usize,
}

impl Plan {
    /// Counts the steps.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary { unread: self.unread_beside, ..Summary::default() };
        for step in &self.steps {
            summary.not_verifiable += step.not_verifiable();
            if step.unread().is_some() {
                summary.unread += 1;
                continue;
            }
            match step.action {
                Action::Create => summary.create += 1,
                Action::Update => summary.update += 1,
                Action::Replace => summary.replace += 1,
                Action::Delete => summary.delete += 1,
                Action::Adopt => summary.adopt += 1,
                Action::Blocked => summary.blocked += 1,
                // Of what the manifest does not name it says nothing.
                Action::None if step.desired.kind.is_lookup() => {}
                Action::None if self.command == "plan" && !step.desired.orphan => summary.unchanged += 1,
                Action::Read | Action::None => {}
            }
        }
        summary
    }

    /// Whether executing it would change anything.
    pub fn has_changes(&self) -> bool {
        self.steps.iter().any(|step| {
            matches!(step.action, Action::Create | Action::Update | Action::Replace | Action::Delete | Action::Adopt)
        })
    }

    /// Secrets that a step has to send and whose source has no value: address, pointer and source of each.
    pub fn missing_secrets(&self) -> BTreeMap<&Address, Vec<&SecretVerdict>> {
        let mut missing: BTreeMap<&Address, Vec<&SecretVerdict>> = BTreeMap::new();
        for step in &self.steps {
            if matches!(step.action, Action::Create | Action::Update | Action::Replace) {
                let lacking: Vec<_> = step
                    .secrets
                    .iter()
                    .filter(|verdict| verdict.lack.is_some())
                    .filter(|verdict| !step.is_in_place() || sends(step.desired.kind, &step.edits, &verdict.pointer))
                    .collect();
                if !lacking.is_empty() {
                    missing.insert(step.address(), lacking);
                }
            }
        }
        missing
    }
}

impl Step {
    /// Whether the resource of its name exists and stays, whatever becomes of former ones.
    pub(crate) fn is_in_place(&self) -> bool {
        let stays = self
            .live
            .present()
            .is_some_and(|present| !matches!(present.readiness, Readiness::Deleting(_) | Readiness::Scheduled { .. }));
        stays
            && (matches!(self.action, Action::Update | Action::Adopt)
                || (self.action == Action::Replace && self.new_first))
    }

    /// Whether the resource is updated in place.
    pub(crate) fn updates(&self) -> bool {
        self.is_in_place() && self.edits.iter().any(|edit| !edit.is_ignored())
    }
}

/// Whether an update with these edits sends the property at `pointer`: a change below one top-level property sends that
/// property, and a change of the type of authorization sends its parameters.
pub(crate) fn sends(kind: &dyn Kind, edits: &[Edit], pointer: &str) -> bool {
    let top = |pointer: &str| pointer.split('/').nth(1).map(str::to_owned);
    let wanted = top(pointer);
    let unseen = kind.schema().is_unseen(pointer);
    edits.iter().filter(|edit| !edit.is_ignored()).any(|edit| {
        let changed = top(&edit.pointer);
        unseen
            || changed == wanted
            || kind.sent_together().iter().any(|group| {
                let has = |name: &Option<String>| name.as_deref().is_some_and(|name| group.contains(&name));
                has(&changed) && has(&wanted)
            })
    })
}

/// The reason of a secret whose source is missing.
pub const SOURCE_MISSING: &str = "source missing";
