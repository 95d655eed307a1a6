//! Which resource is meant where the service makes the names, and what else carries the stack's owner tags.
//!
//! The search shows an index, which may be some seconds old: it says where to look, and the resource's own tags decide.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Observed, Orphan, Slot};
use crate::cloud::{Live, Owned, Place, Readiness, Want};
use crate::desired::Desired;
use crate::fault::{Fault, FaultKind};
use crate::graph::Graph;
use crate::owner::{self, Owner, Standing};
use crate::value::{Map, Value};

/// What the search for owner tags found.
pub(super) struct Found<'a> {
    graph: &'a Graph,
    owned: BTreeMap<Place, Result<Vec<Owned>, Fault>>,
    /// (kind, place, identity) → the resource that has it, for all whose name is known.
    named: HashMap<(&'static str, Place, String), usize>,
    /// (place, number) of what belongs to a resource of the stack.
    taken: BTreeSet<(Place, usize)>,
    /// What was read for each resource without a name of its own, with how it was found.
    candidates: BTreeMap<usize, Vec<(String, Way)>>,
}

/// How a resource without a name was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// By its tags.
    Tags,
    /// By what points at it.
    Pointer,
}

impl<'a> Found<'a> {
    pub(super) fn new(graph: &'a Graph, owned: Vec<(Place, Result<Vec<Owned>, Fault>)>, all: &mut Observed) -> Self {
        let failed = owned.iter().filter_map(|(place, answer)| Some((place.clone(), answer.as_ref().err()?.clone())));
        all.unsearched.extend(failed);
        let named = graph.nodes.iter().enumerate().filter_map(|(index, node)| {
            let identity = node.identity.clone()?;
            Some(((node.kind.name(), node.place.clone(), identity), index))
        });
        Self {
            graph,
            owned: owned.into_iter().collect(),
            named: named.collect(),
            taken: BTreeSet::new(),
            candidates: BTreeMap::new(),
        }
    }

    /// Everything in the index that carries the tags of a resource.
    fn carrying(&self, index: usize) -> Vec<(usize, String)> {
        let node = &self.graph.nodes[index];
        let resource = owner::written(&node.address);
        let Some(Ok(owned)) = self.owned.get(&node.place) else { return Vec::new() };
        let carries = |owned: &Owned| {
            owned.kind.is_some_and(|kind| kind.name() == node.kind.name())
                && owned.tags.get(owner::RESOURCE).and_then(Value::as_str) == Some(&resource)
        };
        let carrying = owned.iter().enumerate().filter(|(_, owned)| carries(owned));
        carrying.filter_map(|(number, owned)| Some((number, owned.identity.clone()?))).collect()
    }

    /// What to read for a resource that can be tagged.
    pub(super) fn identities(&mut self, index: usize, all: &Observed) -> Vec<(Slot, String)> {
        let node = &self.graph.nodes[index];
        let mut identities = Vec::new();
        let carrying = self.carrying(index);
        self.taken.extend(carrying.iter().map(|(number, _)| (node.place.clone(), *number)));
        if let Some(identity) = &node.identity {
            identities.push((Slot::Node(index), identity.clone()));
            for (_, other) in carrying {
                // One that is another resource's by name is told apart there.
                let key = (node.kind.name(), node.place.clone(), other.clone());
                if other != *identity && !node.former.contains(&other) && !self.named.contains_key(&key) {
                    identities.push((Slot::Former(index), other));
                }
            }
            return identities;
        }
        let mut candidates: Vec<(String, Way)> =
            carrying.into_iter().map(|(_, identity)| (identity, Way::Tags)).collect();
        for identity in self.pointed_at(index, all) {
            if !candidates.iter().any(|(other, _)| *other == identity) {
                candidates.push((identity, Way::Pointer));
            }
        }
        identities.extend(candidates.iter().map(|(identity, _)| (Slot::Node(index), identity.clone())));
        self.candidates.insert(index, candidates);
        identities
    }

    /// The dependants that should name a resource in one of their properties, and that property.
    fn pointers(&self, index: usize) -> impl Iterator<Item = (usize, &'static str)> {
        let node = &self.graph.nodes[index];
        let refers = |value: &Value| {
            let mut refers = false;
            value.walk(&mut |_, leaf| {
                if let Value::Deferred(deferred) = leaf {
                    refers |= deferred.references().iter().any(|it| it.address == node.address);
                }
            });
            refers
        };
        node.kind.found_through().iter().flat_map(move |through| {
            self.graph.dependants[index].iter().filter_map(move |dependant| {
                let other = &self.graph.nodes[*dependant];
                let fits = other.kind.name() == through.kind && other.place == node.place;
                (fits && other.instance.properties.get(through.property).is_some_and(refers))
                    .then_some((*dependant, through.property))
            })
        })
    }

    /// What the live ones of those hold there.
    fn pointed_at(&self, index: usize, all: &Observed) -> Vec<String> {
        let live = |(dependant, property): (usize, &str)| {
            let live = all.live[dependant].as_ref().and_then(Live::present)?;
            live.properties.get(property)?.as_str().map(str::to_owned)
        };
        self.pointers(index).filter_map(live).collect()
    }

    /// What is known of a resource that has no name before the candidates are read. Where the search failed, or what may
    /// point at it could not be read, it may well exist.
    pub(super) fn without_identity(&self, index: usize, all: &Observed) -> Live {
        let node = &self.graph.nodes[index];
        if let Some(Err(fault)) = self.owned.get(&node.place) {
            return Live::Unreadable(fault.clone());
        }
        if let Some(fault) = self.nameless(index) {
            return Live::Unreadable(fault);
        }
        let unread = self.pointers(index).find_map(|(dependant, _)| match &all.live[dependant] {
            Some(Live::Unreadable(fault)) => Some(fault),
            _ => None,
        });
        unread.map_or(Live::Absent, |fault| Live::Unreadable(fault.clone()))
    }

    /// Something carries the tags of a resource, and its ARN does not say its identity: it may well be the one.
    fn nameless(&self, index: usize) -> Option<Fault> {
        let node = &self.graph.nodes[index];
        let owned = self.owned.get(&node.place)?.as_ref().ok()?;
        nameless(node, owned)
    }

    /// The tags that the index shows of a resource, where they are all that the manifest wants of them.
    pub(super) fn tags(&self, index: usize, identity: &str) -> Option<Map> {
        let node = &self.graph.nodes[index];
        let owned = self.owned.get(&node.place)?.as_ref().ok()?;
        let shown = owned.iter().find(|owned| {
            owned.identity.as_deref() == Some(identity)
                && owned.kind.is_some_and(|kind| kind.name() == node.kind.name())
        })?;
        let mut properties: Map = node
            .properties
            .iter()
            .filter(|(name, _)| Some(name.as_str()) == node.kind.tags())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        owner::claim(&self.graph.stack, &self.graph.env, node, &mut properties, None);
        let wanted = owner::tags_of(node.kind, &properties);
        let known = !properties.values().any(crate::delta::has_unknown);
        // A protection that only the tags have may have to be taken back, for which the resource itself is read.
        let held = shown.tags.get(owner::PROTECT) != wanted.get(owner::PROTECT);
        (known && !held && wanted.iter().all(|(key, value)| shown.tags.get(key) == Some(value)))
            .then(|| shown.tags.clone())
    }

    /// What carries the stack's tags and is none of its resources.
    pub(super) fn orphans(&self, wanted: bool) -> Vec<Orphan> {
        let mut orphans = Vec::new();
        for (place, owned) in self.owned.iter().filter(|_| wanted) {
            for (number, owned) in owned.iter().flatten().enumerate() {
                let named = owned
                    .kind
                    .zip(owned.identity.clone())
                    .is_some_and(|(kind, identity)| self.named.contains_key(&(kind.name(), place.clone(), identity)));
                if !named && !self.taken.contains(&(place.clone(), number)) {
                    orphans.push(Orphan { place: place.clone(), owned: owned.clone(), live: None });
                }
            }
        }
        orphans
    }

    /// Takes the answers in; of several candidates for a resource without a name one is it.
    pub(super) fn settle(self, graph: &Graph, answers: Vec<(Slot, Want, Live)>, all: &mut Observed) {
        let mut of_nameless: BTreeMap<usize, Vec<(String, Live)>> = BTreeMap::new();
        let mut rest = Vec::with_capacity(answers.len());
        for (slot, want, live) in answers {
            match slot {
                Slot::Node(index) if graph.nodes[index].identity.is_none() => {
                    of_nameless.entry(index).or_default().push((want.identity, live));
                }
                // What carries the tags of a resource under another name was that resource; the own tags decide.
                Slot::Former(index) if !graph.nodes[index].former.contains(&want.identity) => {
                    if self.was(index, &live) {
                        rest.push((slot, want, live));
                    }
                }
                _ => rest.push((slot, want, live)),
            }
        }
        all.take(rest);
        for (index, answers) in of_nameless {
            let (identity, live) = self.choose(index, answers);
            all.identities[index] = identity;
            if let Some(live) = live {
                all.live[index] = Some(live);
            }
        }
    }

    /// Whether something carries a resource's tags, or could not be read.
    fn was(&self, index: usize, live: &Live) -> bool {
        match live {
            Live::Absent => false,
            Live::Unreadable(_) => true,
            Live::Present(present) => {
                !matches!(present.readiness, Readiness::Scheduled { .. })
                    && self.standing(index, &present.properties) == Standing::Ours
            }
        }
    }

    fn standing(&self, index: usize, properties: &Map) -> Standing {
        let node = &self.graph.nodes[index];
        owner::standing(node.kind, &self.graph.stack, &self.graph.env, &node.address, properties)
    }

    /// The one that is meant, of those that were read; `None` leaves what was known before.
    fn choose(&self, index: usize, answers: Vec<(String, Live)>) -> (Option<String>, Option<Live>) {
        let ways = self.candidates.get(&index);
        let way = |identity: &String| {
            let found = ways.into_iter().flatten().find(|(other, _)| other == identity);
            found.map_or(Way::Tags, |(_, way)| *way)
        };
        let mut fit = Vec::new();
        for (identity, live) in answers {
            match &live {
                Live::Absent => {}
                // It may be the one.
                Live::Unreadable(_) => return (Some(identity), Some(live)),
                Live::Present(present) => {
                    let here = match self.standing(index, &present.properties) {
                        Standing::Ours | Standing::Untaggable => true,
                        // Nobody's, or that of a resource that the manifest no longer names: what points at it decides.
                        Standing::Free | Standing::Foreign(_) => way(&identity) == Way::Pointer,
                        Standing::Renamed(other) => {
                            way(&identity) == Way::Pointer
                                && !self.graph.nodes.iter().any(|node| owner::written(&node.address) == other)
                        }
                    };
                    if here {
                        fit.push((identity, live));
                    }
                }
            }
        }
        if fit.len() > 1 {
            let scheduled =
                |live: &Live| live.present().is_some_and(|it| matches!(it.readiness, Readiness::Scheduled { .. }));
            let ours = |live: &Live| {
                live.present().is_some_and(|it| Owner::of(self.graph.nodes[index].kind, &it.properties).is_some())
            };
            // Those that stay go before those that are going, and the marked ones before those that are only pointed at.
            for better in [&(|live: &Live| !scheduled(live)) as &dyn Fn(&Live) -> bool, &ours] {
                if fit.iter().any(|(_, live)| better(live)) {
                    fit.retain(|(_, live)| better(live));
                }
            }
        }
        match fit.len() {
            0 => (None, None),
            1 => fit.pop().map_or((None, None), |(identity, live)| (Some(identity), Some(live))),
            _ => {
                let names: Vec<&str> = fit.iter().map(|(identity, _)| identity.as_str()).collect();
                let message = format!(
                    "{} carry the owner tags of {}: say which one is meant with `identifier`, and untag the others",
                    names.join(" and "),
                    self.graph.nodes[index].address
                );
                (None, Some(Live::Unreadable(Fault::new(FaultKind::Conflict, "tag:GetResources", message))))
            }
        }
    }
}

/// The fault of a resource that carries the owner tags of another without a name, and whose ARN does not say its
/// identity. Without it a second one would be made at every run.
pub(crate) fn nameless(node: &Desired, owned: &[Owned]) -> Option<Fault> {
    let resource = owner::written(&node.address);
    let found = owned.iter().find(|owned| {
        let unknown = match owned.kind {
            None => true,
            Some(kind) => kind.name() == node.kind.name() && owned.identity.is_none(),
        };
        unknown && owned.tags.get(owner::RESOURCE).and_then(Value::as_str) == Some(&resource)
    })?;
    let message = format!(
        "{} carries the owner tags of {}, and its ARN does not say its identity: give it as `identifier`",
        found.arn, node.address
    );
    Some(Fault::new(FaultKind::Conflict, "tag:GetResources", message))
}
