//! Which resource is meant where the service makes the names, and what else carries the stack's owner tags.
//!
//! The search shows an index, which may be some seconds old: it says where to look, and the resource's own tags decide.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Observed, Orphan, Slot};
use futures_util::future::join_all;

use crate::cloud::{Cloud, Live, Owned, Place, Present, Readiness, Want};
use crate::desired::Desired;
use crate::fault::{Fault, FaultKind};
use crate::graph::Graph;
use crate::owner::{self, Owner, Standing};
use crate::value::{Map, Value};

/// What the search for owner tags found.
pub(super) struct Found<'a> {
    graph: &'a Graph,
    owned: BTreeMap<Place, Result<Vec<Owned>, Fault>>,
    /// For each place the first one that is the same account and region by another spelling.
    canon: HashMap<Place, Place>,
    /// Places of which nobody knows where they are; each may be any other one.
    nowhere: BTreeSet<Place>,
    /// All names that are known, former ones included.
    named: BTreeSet<Name>,
    /// (kind, place, what the resource tag says) → numbers of those that say it.
    tagged: HashMap<(&'static str, Place, String), Vec<usize>>,
    /// (kind, place, identity) → the number of the one that has it.
    numbers: HashMap<(&'static str, Place, String), usize>,
    /// What was read for each resource without a name of its own, with how it was found.
    candidates: BTreeMap<usize, Vec<(String, Way)>>,
    /// What the manifest's own queries found for resources of which the tags tell nothing.
    sought: BTreeMap<usize, Result<Option<String>, Fault>>,
}

/// A kind, a canonical place and an identity.
type Name = (&'static str, Place, String);

/// How a resource without a name was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// By its tags.
    Tags,
    /// By what points at it, or by the manifest's own query.
    Pointer,
}

impl<'a> Found<'a> {
    pub(super) fn new(graph: &'a Graph, owned: Vec<(Place, Result<Vec<Owned>, Fault>)>, all: &mut Observed) -> Self {
        let failed = owned.iter().filter_map(|(place, answer)| Some((place.clone(), answer.as_ref().err()?.clone())));
        all.unsearched.extend(failed);
        let owned: BTreeMap<Place, Result<Vec<Owned>, Fault>> = owned.into_iter().collect();
        let mut canon: HashMap<Place, Place> = HashMap::new();
        let mut first: HashMap<(&str, &str), &Place> = HashMap::new();
        let places: BTreeSet<&Place> = graph.nodes.iter().map(|node| &node.place).chain(owned.keys()).collect();
        for place in places {
            let same = match all.whereabouts.get(place) {
                Some(Ok(here)) => *first.entry((&here.account, &here.region)).or_insert(place),
                _ => place,
            };
            canon.insert(place.clone(), same.clone());
        }
        let mut named = BTreeSet::new();
        // Only what was found by its tags, or by what points at it, is held against them.
        let any = owned.values().flatten().any(|owned| !owned.is_empty())
            || graph.nodes.iter().any(|node| node.identity.is_none());
        for node in graph.nodes.iter().filter(|_| any) {
            for identity in node.identity.iter().chain(&node.former) {
                named.insert((node.kind.name(), canon[&node.place].clone(), identity.clone()));
            }
        }
        let (mut tagged, mut numbers): (HashMap<_, Vec<usize>>, _) = (HashMap::new(), HashMap::new());
        for (place, owned) in &owned {
            for (number, owned) in owned.iter().flatten().enumerate() {
                let (Some(kind), Some(identity)) = (owned.kind, &owned.identity) else { continue };
                numbers.insert((kind.name(), place.clone(), identity.clone()), number);
                if let Some(resource) = owned.tags.get(owner::RESOURCE).and_then(Value::as_str) {
                    tagged.entry((kind.name(), place.clone(), resource.to_owned())).or_default().push(number);
                }
            }
        }
        let known = |place: &&Place| matches!(all.whereabouts.get(*place), Some(Ok(_)));
        let nowhere = canon.keys().filter(|place| !known(place)).cloned().collect();
        let (candidates, sought) = (BTreeMap::new(), BTreeMap::new());
        Self { graph, owned, canon, nowhere, named, tagged, numbers, candidates, sought }
    }

    /// Asks the manifest's own queries for those resources without a name of which the tags tell nothing.
    pub(super) async fn seek(&mut self, cloud: &dyn Cloud, wanted: &[usize], all: &Observed) {
        let queries = wanted.iter().filter_map(|index| {
            let node = &self.graph.nodes[*index];
            let query = node.instance.find.as_ref().filter(|_| node.identity.is_none())?;
            let reachable = super::nowhere(&all.whereabouts, &node.place).is_none();
            (reachable && self.carrying(*index).is_empty()).then_some((*index, &node.place, &query.value))
        });
        let answers = join_all(queries.map(|(index, place, query)| async move {
            (index, cloud.look_up(place, query).await.and_then(|rows| identifier(&rows)))
        }))
        .await;
        self.sought = answers.into_iter().collect();
    }

    /// The full name of something of a kind in a place.
    fn name(&self, kind: &'static str, place: &Place, identity: &str) -> Name {
        (kind, self.canon.get(place).unwrap_or(place).clone(), identity.to_owned())
    }

    /// The identities of everything in the index that carries the tags of a resource.
    fn carrying(&self, index: usize) -> Vec<String> {
        let node = &self.graph.nodes[index];
        let key = (node.kind.name(), node.place.clone(), owner::written(&node.address));
        let Some(Ok(owned)) = self.owned.get(&node.place) else { return Vec::new() };
        let numbers = self.tagged.get(&key).into_iter().flatten();
        numbers.filter_map(|number| owned[*number].identity.clone()).collect()
    }

    /// What to read for a resource that can be tagged.
    pub(super) fn identities(&mut self, index: usize, all: &Observed) -> Vec<(Slot, String)> {
        let node = &self.graph.nodes[index];
        let mut identities = Vec::new();
        let carrying = self.carrying(index);
        if let Some(identity) = &node.identity {
            identities.push((Slot::Node(index), identity.clone()));
            for other in carrying {
                // One that is another resource's by name is told apart there.
                if !self.is_another(node.kind.name(), &node.place, &other) {
                    identities.push((Slot::Former(index), other));
                }
            }
            return identities;
        }
        let mut candidates: Vec<(String, Way)> = carrying.into_iter().map(|identity| (identity, Way::Tags)).collect();
        let sought = self.sought.get(&index).and_then(|answer| answer.clone().ok().flatten());
        for identity in self.pointed_at(index, all).into_iter().chain(sought) {
            if !candidates.iter().any(|(other, _)| *other == identity) {
                candidates.push((identity, Way::Pointer));
            }
        }
        identities.extend(candidates.iter().map(|(identity, _)| (Slot::Node(index), identity.clone())));
        self.candidates.insert(index, candidates);
        identities
    }

    /// What the live ones of those hold there.
    fn pointed_at(&self, index: usize, all: &Observed) -> Vec<String> {
        let live = |(dependant, property): (usize, &str)| {
            let live = all.live[dependant].as_ref().and_then(Live::present)?;
            live.properties.get(property)?.as_str().map(str::to_owned)
        };
        pointers(self.graph, index).filter_map(live).collect()
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
        if let Some(Err(fault)) = self.sought.get(&index) {
            return Live::Unreadable(fault.clone());
        }
        let unread = pointers(self.graph, index).find_map(|(dependant, _)| match &all.live[dependant] {
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
        let key = (node.kind.name(), node.place.clone(), identity.to_owned());
        let shown = &owned[*self.numbers.get(&key)?];
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

    /// What carries the stack's tags and is none of its resources, as far as the index and the names say.
    pub(super) fn orphans(&self, wanted: bool) -> Vec<Orphan> {
        if !wanted {
            return Vec::new();
        }
        let mut claimed: BTreeSet<Name> = BTreeSet::new();
        for node in &self.graph.nodes {
            claimed.insert(self.name(node.kind.name(), &node.place, &owner::written(&node.address)));
        }
        let mut orphans = Vec::new();
        let mut seen = BTreeSet::new();
        for (place, owned) in &self.owned {
            for owned in owned.iter().flatten() {
                let name = |text: &str| Some(self.name(owned.kind?.name(), place, text));
                let resource = owned.tags.get(owner::RESOURCE).and_then(Value::as_str);
                let is_claimed = resource.and_then(name).is_some_and(|name| claimed.contains(&name));
                // Two spellings of a place show the same things.
                if is_claimed || self.is_named(owned, place) || !seen.insert(owned.arn.clone()) {
                    continue;
                }
                orphans.push(Orphan { place: place.clone(), owned: owned.clone(), live: None });
            }
        }
        orphans
    }

    /// Whether something in the index has the name of a resource of the stack.
    fn is_named(&self, owned: &Owned, place: &Place) -> bool {
        let (Some(kind), Some(identity)) = (owned.kind, &owned.identity) else { return false };
        // arn:partition:service:region:…; what has no region is the same in all.
        let everywhere = owned.arn.split(':').nth(3) == Some("");
        let anywhere = || self.named.iter().any(|(of, _, name)| *of == kind.name() && name == identity);
        self.is_another(kind.name(), place, identity) || (everywhere && anywhere())
    }

    /// Whether something is what a resource of the stack has or had by name.
    fn is_another(&self, kind: &'static str, place: &Place, identity: &str) -> bool {
        self.named.contains(&self.name(kind, place, identity))
            || self.nowhere.iter().any(|place| self.named.contains(&(kind, place.clone(), identity.to_owned())))
    }

    /// Takes the answers in; of several candidates for a resource without a name one is it.
    pub(super) fn settle(self, graph: &Graph, answers: Vec<(Slot, Want, Live)>, all: &mut Observed) {
        let mut of_nameless: BTreeMap<usize, Vec<(String, Live)>> = BTreeMap::new();
        let mut marked: BTreeMap<usize, Vec<(Slot, Want, Live)>> = BTreeMap::new();
        let mut rest = Vec::with_capacity(answers.len());
        for (slot, want, live) in answers {
            match slot {
                // Another one takes its place, or will.
                Slot::Node(index) if graph.nodes[index].identity.is_none() && self.is_replaced(index, &live) => {
                    if self.was(index, &live) {
                        marked.entry(index).or_default().push((Slot::Former(index), want, live));
                    }
                }
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
        let mut chosen: BTreeMap<Name, Vec<usize>> = BTreeMap::new();
        for (index, answers) in of_nameless {
            let (identity, live) = self.choose(index, answers, marked.contains_key(&index));
            let node = &graph.nodes[index];
            if let Some(identity) = &identity {
                chosen.entry(self.name(node.kind.name(), &node.place, identity)).or_default().push(index);
            }
            all.identities[index] = identity;
            if let Some(live) = live {
                all.live[index] = Some(live);
            }
        }
        for (index, mut marked) in marked {
            let is_there =
                |live: &Live| live.present().is_some_and(|it| !matches!(it.readiness, Readiness::Deleting(_)));
            // Where the one that was to take its place was never made, it still is the one.
            if marked.len() == 1
                && matches!(all.live[index], Some(Live::Absent))
                && is_there(&marked[0].2)
                && let Some((_, want, live)) = marked.pop()
            {
                let node = &graph.nodes[index];
                let name = self.name(node.kind.name(), &node.place, &want.identity);
                chosen.entry(name).or_default().push(index);
                all.identities[index] = Some(want.identity);
                all.live[index] = Some(live);
            }
            all.take(marked);
        }
        for ((.., identity), several) in chosen.iter().filter(|(_, indices)| indices.len() > 1) {
            let names: Vec<String> = several.iter().map(|index| graph.nodes[*index].address.to_string()).collect();
            let message = format!(
                "{} are all found through what points at {identity}: say which one it is with `identifier`",
                names.join(" and ")
            );
            // Where its own tags could not be read nobody can say whose it is, and that is the reason.
            let unread = several.iter().find_map(|index| match &all.live[*index] {
                Some(Live::Unreadable(fault)) => Some(fault.clone()),
                _ => None,
            });
            let fault = unread.unwrap_or_else(|| Fault::new(FaultKind::Conflict, "observe", message));
            for index in several {
                all.identities[*index] = None;
                all.live[*index] = Some(Live::Unreadable(fault.clone()));
            }
        }
        // One that was found by what points at it carries another resource's tags, and is an orphan no more; and one thing
        // may have two names, as a Glue connection with its catalog and without has, so that the ARN tells.
        let arns = |present: &Present| {
            let texts = present.attributes.values().filter_map(Value::as_str);
            texts.filter(|text| text.starts_with("arn:")).map(str::to_owned).collect::<Vec<_>>()
        };
        let mut own: BTreeSet<String> = BTreeSet::new();
        for (live, former) in all.live.iter().zip(&mut all.former) {
            let Some(present) = live.as_ref().and_then(Live::present) else { continue };
            let here = arns(present);
            former.retain(|(_, live)| !live.present().is_some_and(|it| arns(it).iter().any(|arn| here.contains(arn))));
            own.extend(here);
        }
        all.orphans.retain(|orphan| {
            if own.contains(&orphan.owned.arn) {
                return false;
            }
            let name = orphan.owned.kind.zip(orphan.owned.identity.as_deref());
            !name.is_some_and(|(kind, identity)| chosen.contains_key(&self.name(kind.name(), &orphan.place, identity)))
        });
    }

    /// Whether something that is a resource's by its tags says that another one takes its place.
    fn is_replaced(&self, index: usize, live: &Live) -> bool {
        let kind = self.graph.nodes[index].kind;
        live.present().and_then(|present| Owner::of(kind, &present.properties)).is_some_and(|owner| owner.replaced)
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

    /// The one that is meant, of those that were read; `None` leaves what was known before. Where the last one is
    /// `replaced`, only what carries the tags is the next one: what points at a third one was not moved yet.
    fn choose(&self, index: usize, answers: Vec<(String, Live)>, replaced: bool) -> (Option<String>, Option<Live>) {
        let ways = self.candidates.get(&index);
        let way = |identity: &String| {
            let found = ways.into_iter().flatten().find(|(other, _)| other == identity);
            found.map_or(Way::Tags, |(_, way)| *way)
        };
        let node = &self.graph.nodes[index];
        let mut fit = Vec::new();
        for (identity, live) in answers {
            let present = match &live {
                Live::Absent => continue,
                // It may be the one.
                Live::Unreadable(_) => return (Some(identity), Some(live)),
                Live::Present(present) => present,
            };
            let standing = self.standing(index, &present.properties);
            let here = match &standing {
                Standing::Ours | Standing::Untaggable => true,
                _ if replaced => false,
                // Nobody's, or that of a resource that the manifest no longer names: what points at it decides.
                Standing::Free | Standing::Foreign(_) => way(&identity) == Way::Pointer,
                Standing::Renamed(other) => {
                    way(&identity) == Way::Pointer
                        && !self.graph.nodes.iter().any(|node| owner::written(&node.address) == *other)
                }
            };
            if here && !self.is_another(node.kind.name(), &node.place, &identity) {
                // Those that stay go before those that are going, the marked ones before those that are only pointed at,
                // and what went last before what went earlier.
                let (going, until) = match &present.readiness {
                    Readiness::Deleting(_) => (2, None),
                    Readiness::Scheduled { until, .. } => (1, until.clone()),
                    _ => (0, None),
                };
                let marked = matches!(standing, Standing::Ours | Standing::Untaggable);
                fit.push(((going, !marked, std::cmp::Reverse(until)), identity, live));
            }
        }
        fit.sort_by(|(a, ..), (b, ..)| a.cmp(b));
        let best = fit.iter().take_while(|(rank, ..)| *rank == fit[0].0).count();
        fit.truncate(best);
        // What carries the tags may be unseen, so another one does not stand in for it.
        if let (Some(((_, true, _), ..)), Some(Err(fault))) = (fit.first(), self.owned.get(&node.place)) {
            return (None, Some(Live::Unreadable(fault.clone())));
        }
        match fit.len() {
            0 => (None, None),
            1 => fit.pop().map_or((None, None), |(_, identity, live)| (Some(identity), Some(live))),
            _ => {
                let names: Vec<&str> = fit.iter().map(|(_, identity, _)| identity.as_str()).collect();
                let why = if fit[0].0.1 { "are pointed at as" } else { "carry the owner tags of" };
                let message = format!(
                    "{} {why} {}: say which one is meant with `identifier`, and untag the others",
                    names.join(" and "),
                    node.address
                );
                (None, Some(Live::Unreadable(Fault::new(FaultKind::Conflict, "tag:GetResources", message))))
            }
        }
    }
}

/// The one id in what a query found: of the column that is called so, otherwise of the only one that holds texts. What is
/// not clear is taken for nothing: it would be adopted.
fn identifier(rows: &[Map]) -> Result<Option<String>, Fault> {
    let unclear = |what: String| Fault::new(FaultKind::Conflict, "find", what);
    let mut ids = BTreeSet::new();
    for row in rows {
        let named = row.iter().find(|(name, _)| name.eq_ignore_ascii_case("identifier"));
        let texts: Vec<&Value> = match named {
            Some((_, value)) => vec![value],
            None => row.values().filter(|value| value.as_str().is_some()).collect(),
        };
        match texts.as_slice() {
            [] => {}
            [text] => ids.extend(text.as_str().filter(|text| !text.is_empty()).map(str::to_owned)),
            _ => {
                let columns: Vec<&str> = row.keys().map(String::as_str).collect();
                let columns = columns.join(", ");
                return Err(unclear(format!("the query finds {columns}: call the one with the id `identifier`")));
            }
        }
    }
    if ids.len() > 1 {
        let found: Vec<&str> = ids.iter().map(String::as_str).take(3).collect();
        let more = if ids.len() > found.len() { ", …" } else { "" };
        let what =
            format!("the query finds {}{more}: make it find one, or say which with `identifier`", found.join(", "));
        return Err(unclear(what));
    }
    Ok(ids.pop_first())
}

/// The dependants that should name a resource in one of their properties, and that property.
pub(super) fn pointers(graph: &Graph, index: usize) -> impl Iterator<Item = (usize, &'static str)> {
    let node = &graph.nodes[index];
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
        graph.dependants[index].iter().filter_map(move |dependant| {
            let other = &graph.nodes[*dependant];
            let fits = other.kind.name() == through.kind && other.place == node.place;
            (fits && other.instance.properties.get(through.property).is_some_and(refers))
                .then_some((*dependant, through.property))
        })
    })
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
