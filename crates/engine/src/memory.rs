//! What earlier runs have verified, so that a later one need not read it again.
//!
//! A resource that was read in full, compared and found in sync is remembered by its version (a text of what moves with
//! every change) and by a keyed fingerprint of what was wanted of it. While neither moves, nothing that was compared has
//! moved either: values need not be read again, and where a run asks for no more, nor need the rest. A memory holds no
//! value and no plain hash of one. It is never authoritative: it saves reads, and whatever does not fit is read.
//!
//! What is wanted is known only while a plan is made, since properties may refer to other resources. So the read goes by
//! the version alone, the plan compares the fingerprint, and what does not fit is put on [`crate::plan::Plan::reread`]
//! for [`crate::observe::observe_again`].

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cloud::{Extent, Present, Verified, Whereabouts};
use crate::delta::{self, Canonical};
use crate::desired::Desired;
use crate::graph::Graph;
use crate::observe::Observed;
use crate::plan::{Action, Plan, SecretStatus, Step};
use crate::schema::Domain;
use crate::secret::FingerprintKey;
use crate::value::{Map, Value};

/// The source of a live secret that was not read, because it has not moved since it was verified.
pub const VERIFIED: &str = "verified before";

/// How much of what was verified a run takes as given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trust {
    /// Nothing: all is read.
    #[default]
    Nothing,
    /// The values of secrets.
    Values,
    /// A resource as a whole, where a list page shows that it has not moved.
    Whole,
}

/// What is remembered of one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its version, as its kind gives it.
    pub version: String,
    /// The keyed fingerprint of what was wanted of it.
    pub fingerprint: String,
    /// The version of its secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_version: Option<String>,
    /// Its attributes, which others refer to; `None` where a list page is not enough for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<BTreeMap<String, String>>,
}

/// What is remembered of one account and region, by type and identity.
pub type Entries = BTreeMap<String, Entry>;

/// Where a memory outlives a run.
pub trait Shelf: Send + Sync {
    /// What is remembered of an account and region. What cannot be read is not remembered.
    fn load(&self, here: &Whereabouts) -> Entries;

    /// Keeps it. What cannot be kept is read the next time.
    fn store(&self, here: &Whereabouts, entries: &Entries);
}

/// The memory of a stack.
pub struct Memory {
    key: FingerprintKey,
    shelf: Box<dyn Shelf>,
}

impl Memory {
    /// A memory that is kept on a shelf. Its fingerprints are made with this key.
    pub fn new(key: FingerprintKey, shelf: Box<dyn Shelf>) -> Self {
        Self { key, shelf }
    }

    /// The fingerprint of all that a verdict rests on besides the live resource; `None` where something is not known.
    fn fingerprint(&self, node: &Desired, identity: &str, resolved: &Map) -> Option<String> {
        // A canonical form is smaller than what was written, and what means nothing there means nothing here.
        let wanted = delta::canonical_view(node.kind.schema(), resolved);
        let ignored = node.instance.ignore.iter().filter(|ignore| !ignore.expired);
        let of = |value: Value| Canonical::Value(Cow::Owned(value));
        let whole = Canonical::List(vec![
            of(node.kind.name().into()),
            of(identity.into()),
            of(node.address.to_string().into()),
            of(Value::List(ignored.map(|ignore| ignore.path.value.as_str().into()).collect())),
            wanted,
        ]);
        self.key.fingerprint_of_canonical(&whole)
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memory")
    }
}

/// What is remembered of the places of one run.
#[derive(Debug, Default)]
pub(crate) struct Recalled {
    here: Vec<(Whereabouts, Entries)>,
}

impl Recalled {
    /// Takes what is remembered of these places.
    pub(crate) fn of<'a>(memory: &Memory, places: impl Iterator<Item = &'a Whereabouts>) -> Self {
        let mut here: Vec<(Whereabouts, Entries)> = Vec::new();
        for place in places {
            if !here.iter().any(|(known, _)| known == place) {
                here.push((place.clone(), memory.shelf.load(place)));
            }
        }
        Self { here }
    }

    fn entry(&self, here: &Whereabouts, node: &Desired, identity: &str) -> Option<&Entry> {
        let (_, entries) = self.here.iter().find(|(known, _)| known == here)?;
        entries.get(&name(node, identity))
    }

    /// What a read may rely on.
    pub(crate) fn verified(
        &self,
        here: &Whereabouts,
        node: &Desired,
        identity: &str,
        trust: Trust,
    ) -> Option<Verified> {
        let entry = self.entry(here, node, identity).filter(|_| trust != Trust::Nothing)?;
        let attributes = entry.attributes.as_ref().filter(|_| trust == Trust::Whole).map(|attributes| {
            attributes.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect::<Map>()
        });
        Some(Verified { version: entry.version.clone(), secret_version: entry.secret_version.clone(), attributes })
    }
}

fn name(node: &Desired, identity: &str) -> String {
    format!("{} {identity}", node.kind.name())
}

/// Whether what was left out of a read is what was verified: the same is wanted now as then.
pub(crate) fn holds(observed: &Observed, index: usize, node: &Desired, present: &Present, resolved: &Map) -> bool {
    let remembered = || {
        let memory = observed.memory.as_ref()?;
        let here = observed.whereabouts.get(&node.place)?.as_ref().ok()?;
        let identity = observed.identities[index].as_deref()?;
        let entry = observed.recalled.entry(here, node, identity)?;
        let same_version = present.seen.version.as_ref() == Some(&entry.version);
        Some(same_version && memory.fingerprint(node, identity, resolved)? == entry.fingerprint)
    };
    remembered().unwrap_or(false)
}

/// Remembers what a plan has found in sync, and forgets what it has not. Without a memory nothing happens.
pub fn remember(graph: &Graph, observed: &Observed, plan: &Plan) {
    let Some(memory) = &observed.memory else { return };
    let steps: BTreeMap<_, &Step> = plan.steps.iter().map(|step| (step.address(), step)).collect();
    for (here, before) in &observed.recalled.here {
        // A part of the stack says nothing of the rest.
        let mut after = if plan.partial { before.clone() } else { Entries::new() };
        for (index, node) in graph.nodes.iter().enumerate() {
            let Some(step) = steps.get(&node.address) else { continue };
            let is_here = matches!(observed.whereabouts.get(&node.place), Some(Ok(place)) if place == here);
            let Some(identity) = observed.identities[index].as_deref().filter(|_| is_here) else { continue };
            let name = name(node, identity);
            let entry = match step.live.present() {
                Some(present) if present.seen.extent == Extent::Full => {
                    learned(memory, observed, node, identity, step, present)
                }
                // It was verified as far as it was not read, and the plan could rely on it.
                Some(_) if in_sync(step) => before.get(&name).cloned(),
                _ => None,
            };
            match entry {
                Some(entry) => after.insert(name, entry),
                None => after.remove(&name),
            };
        }
        if after != *before {
            memory.shelf.store(here, &after);
        }
    }
}

/// Nothing differs, and each secret is known to be the same.
fn in_sync(step: &Step) -> bool {
    step.action == Action::None
        && step.edits.iter().all(delta::Edit::is_ignored)
        && step.secrets.iter().all(|verdict| verdict.status == SecretStatus::Same)
}

fn learned(
    memory: &Memory,
    observed: &Observed,
    node: &Desired,
    identity: &str,
    step: &Step,
    present: &Present,
) -> Option<Entry> {
    let version = present.seen.version.clone().filter(|_| in_sync(step))?;
    Some(Entry {
        version,
        fingerprint: memory.fingerprint(node, identity, &step.resolved)?,
        secret_version: present.secret_version.clone(),
        attributes: outline(observed, node, step, present),
    })
}

/// The attributes, where a list page tells all of the next verdict: nothing had to be passed over, noted or looked up.
fn outline(observed: &Observed, node: &Desired, step: &Step, present: &Present) -> Option<BTreeMap<String, String>> {
    if !step.edits.is_empty() || !step.notes.is_empty() || !step.former.is_empty() {
        return None;
    }
    // Two spellings of a name may come to mean two things without a change of this resource.
    let literal = |_: Domain, name: &str| name.to_owned();
    let spelled =
        || delta::delta(node.kind.schema(), &step.resolved, &present.properties, &node.instance.ignore, &literal);
    if !observed.canonical.is_empty() && !spelled().edits.is_empty() {
        return None;
    }
    let named = node.kind.attributes().iter().filter_map(|it| Some((it.name, present.attributes.get(it.name)?)));
    named.map(|(name, value)| Some((name.to_owned(), value.as_str()?.to_owned()))).collect()
}
