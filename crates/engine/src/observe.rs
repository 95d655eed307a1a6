//! What the cloud says about the resources of a stack. Reads only.
//!
//! Resources are read by kind and place, all such groups at once, so that a list page serves every resource of its
//! group. An answer is Absent, Present or Unreadable, and only the service's own word makes it Absent.
//!
//! What can be tagged is looked for by its owner tags first: they find what the service names ([`find`]), what had
//! another name before, and what the manifest no longer names.

pub(crate) mod find;
mod spellings;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use futures_util::future::join_all;

use tokio::time::Instant;

use crate::cloud::{Cloud, Extent, Live, Owned, Place, Want, Whereabouts};
use crate::desired::Desired;
use crate::fault::{Fault, FaultKind};
use crate::graph::Graph;
use crate::kind::Kind;
use crate::lookup;
use crate::memory::{Memory, Recalled, Trust};
use crate::schema::Domain;

/// The resources of one kind in one place: whose each is, and what to read.
type Group = Vec<(Slot, Want)>;

/// Whose answer it is.
#[derive(Debug, Clone, Copy)]
enum Slot {
    /// The resource at this index.
    Node(usize),
    /// A former one of the resource at this index, which has this name.
    Former(usize),
    /// The orphan of this number.
    Orphan(usize),
}

/// How to read.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Read credentials too, to compare them.
    pub secrets: bool,
    /// Existence, state and attributes are enough.
    pub shallow: bool,
    /// Which resources to read; `None` reads all.
    pub only: Option<BTreeSet<usize>>,
    /// Read what carries the stack's owner tags and is none of its resources.
    pub orphans: bool,
    /// Where the stack lives as far as its resources do not say otherwise; orphans are looked for there too.
    pub home: Option<Place>,
    /// What earlier runs verified, and the place for what this one does.
    pub memory: Option<Arc<Memory>>,
    /// How much of that is taken as given.
    pub trust: Trust,
}

/// What was read.
#[derive(Debug)]
pub struct Observed {
    /// Credentials were read too.
    pub secrets: bool,
    /// For each resource of the graph what exists under its name; `None` where it was not asked.
    pub live: Vec<Option<Live>>,
    /// For each resource its identity, given or found.
    pub identities: Vec<Option<String>>,
    /// For each resource what exists under its former names.
    pub former: Vec<Vec<(String, Live)>>,
    /// What carries the stack's owner tags and is none of its resources.
    pub orphans: Vec<Orphan>,
    /// Places where owner tags could not be searched: a former name, or an orphan, may be unseen there.
    pub unsearched: Vec<(Place, Fault)>,
    /// For each resource whether its tags are those of an index, and not its own.
    pub by_index: Vec<bool>,
    /// When the search for owner tags was answered, or would have been.
    pub searched: Instant,
    /// Who the caller is, by place.
    pub whereabouts: HashMap<Place, Result<Whereabouts, Fault>>,
    /// The canonical form of names that have several spellings.
    pub canonical: Canonical,
    /// What earlier runs verified, and the place for what this one does.
    pub memory: Option<Arc<Memory>>,
    /// What of it is about the places of this run.
    pub(crate) recalled: Recalled,
}

/// A resource that carries the stack's owner tags and is none of its resources.
#[derive(Debug, Clone)]
pub struct Orphan {
    /// Where it is.
    pub place: Place,
    /// What the index says of it.
    pub owned: Owned,
    /// The resource itself; `None` where it was not asked for or nothing here reads its type.
    pub live: Option<Live>,
}

/// The canonical form of names that have several spellings, by place.
#[derive(Debug, Default)]
pub struct Canonical {
    forms: HashMap<(Place, Domain), Result<HashMap<String, String>, Fault>>,
}

impl Canonical {
    /// The canonical form of a name; the name itself where none is known. Where the lookup failed nobody can tell names
    /// apart, and all are taken for one.
    pub fn of<'a>(&'a self, place: &Place, domain: Domain, name: &'a str) -> &'a str {
        match self.forms.get(&(place.clone(), domain)) {
            Some(Ok(forms)) => forms.get(name).map_or(name, String::as_str),
            Some(Err(_)) => "",
            None => name,
        }
    }

    /// Whether nothing had to be looked up.
    pub fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// Adds what was looked up later.
    fn extend(&mut self, more: Self) {
        for (key, answer) in more.forms {
            match (self.forms.get_mut(&key), answer) {
                (Some(Ok(known)), Ok(answer)) => known.extend(answer),
                (_, answer) => drop(self.forms.insert(key, answer)),
            }
        }
    }

    /// Whether any lookup failed.
    pub fn has_faults(&self) -> bool {
        self.forms.values().any(Result::is_err)
    }

    /// Why names of a domain could not be looked up.
    pub fn fault(&self, place: &Place, domain: Domain) -> Option<&Fault> {
        self.forms.get(&(place.clone(), domain)).and_then(|forms| forms.as_ref().err())
    }
}

/// Reads the resources of a graph.
pub async fn observe(graph: &Graph, cloud: &dyn Cloud, options: &Options) -> Observed {
    let mut wanted: Vec<usize> = match &options.only {
        None => (0..graph.nodes.len()).collect(),
        Some(only) => only.iter().copied().collect(),
    };
    // A query is asked when everything that it asks with is known, see `look_up`.
    wanted.retain(|index| !graph.nodes[*index].kind.is_lookup());
    let home = options.home.clone().filter(|_| options.orphans);
    let places = wanted.iter().map(|index| graph.nodes[*index].place.clone()).chain(home);
    let places: BTreeSet<Place> = places.collect();
    // One after the other would cost a round trip each; and a run without an identity shall not read on.
    let whereabouts: HashMap<Place, Result<Whereabouts, Fault>> =
        join_all(places.into_iter().map(|place| async move {
            let answer = cloud.whereabouts(&place).await;
            (place, answer)
        }))
        .await
        .into_iter()
        .collect();
    let count = graph.nodes.len();
    let memory = options.memory.clone().filter(|_| !options.shallow && options.secrets);
    let recalled = memory.as_ref().map(|memory| Recalled::of(memory, whereabouts.values().flatten()));
    let recalled = recalled.unwrap_or_default();
    let mut all = Observed {
        secrets: options.secrets,
        live: vec![None; count],
        identities: graph.nodes.iter().map(|node| node.identity.clone()).collect(),
        former: vec![Vec::new(); count],
        orphans: Vec::new(),
        unsearched: Vec::new(),
        by_index: vec![false; count],
        searched: Instant::now(),
        whereabouts,
        canonical: Canonical::default(),
        memory,
        recalled: Recalled::default(),
    };
    let reader = Reader { graph, cloud, options, recalled: &recalled };

    // What has no tags is read beside the search for those of the rest, and so is what may point at something that has
    // no name, whether or not it was asked for.
    let (plain, tagged): (Vec<usize>, Vec<usize>) = wanted.iter().partition(|index| is_plain(&graph.nodes[**index]));
    let nameless = tagged.iter().filter(|index| graph.nodes[**index].identity.is_none());
    let pointers = nameless.flat_map(|index| find::pointers(graph, *index)).map(|(dependant, _)| dependant);
    let pointers: BTreeSet<usize> =
        pointers.filter(|dependant| graph.nodes[*dependant].kind.tags().is_none()).collect();
    let plain: BTreeSet<usize> = plain.into_iter().chain(pointers.iter().copied()).collect();
    let plain = plain.into_iter().flat_map(|index| {
        let mut wants = reader.wants(index, &all.whereabouts);
        for (.., (_, want)) in wants.iter_mut().filter(|_| pointers.contains(&index)) {
            want.shallow = false;
        }
        wants
    });
    // What is searched for waits for what may point at it, and for nothing else. A kind is read at once: a list has all.
    let pointing: BTreeSet<&str> = pointers.iter().map(|index| graph.nodes[*index].kind.name()).collect();
    let (pointing, plain): (Vec<Reading>, Vec<Reading>) = plain.partition(|(kind, ..)| pointing.contains(kind.name()));
    let whereabouts = all.whereabouts.clone();
    let rest = async {
        let (pointing, owned) = tokio::join!(reader.read(pointing, &whereabouts), reader.search(&tagged, &whereabouts));
        all.take(pointing);
        reader.rest(&tagged, owned, &mut all).await
    };
    let (plain, (found, answers)) = tokio::join!(reader.read(plain, &whereabouts), rest);
    all.take(plain);
    found.settle(graph, answers, &mut all);

    all.recalled = recalled;
    if !options.shallow {
        all.canonical = spellings::spellings(graph, &wanted, &all.live, &all.former, cloud).await;
    }
    all
}

/// Reads some resources again and in full, whatever is remembered of them: a plan wants other things than what was
/// verified.
pub async fn observe_again(
    graph: &Graph,
    cloud: &dyn Cloud,
    options: &Options,
    again: &BTreeSet<usize>,
    all: &mut Observed,
) {
    let options =
        Options { only: Some(again.clone()), orphans: false, trust: Trust::Nothing, memory: None, ..options.clone() };
    let mut fresh = observe(graph, cloud, &options).await;
    for &index in again {
        all.live[index] = fresh.live[index].take();
        all.identities[index] = fresh.identities[index].take();
        all.former[index] = std::mem::take(&mut fresh.former[index]);
        all.by_index[index] = fresh.by_index[index];
    }
    all.canonical.extend(fresh.canonical);
}

/// Asks the queries that a plan names.
pub async fn look_up(graph: &Graph, cloud: &dyn Cloud, queries: &BTreeMap<usize, String>, all: &mut Observed) {
    let answers = join_all(queries.iter().map(|(index, text)| async move {
        let answer = cloud.look_up(&graph.nodes[*index].place, text).await;
        (*index, lookup::live(text, answer))
    }))
    .await;
    for (index, live) in answers {
        all.live[index] = Some(live);
    }
}

impl Observed {
    fn take(&mut self, answers: Vec<(Slot, Want, Live)>) {
        for (slot, want, answer) in answers {
            match slot {
                Slot::Node(index) => self.live[index] = Some(answer),
                Slot::Former(index) => self.former[index].push((want.identity, answer)),
                Slot::Orphan(number) => self.orphans[number].live = Some(answer),
            }
        }
    }
}

/// Whether a resource is read by its name or through others, and never searched for.
fn is_plain(node: &Desired) -> bool {
    node.kind.tags().is_none() && (node.identity.is_some() || node.instance.find.is_none())
}

/// Something to read: its kind, where it is, whose answer it will be.
type Reading = (&'static dyn Kind, Place, (Slot, Want));

/// Reads, all groups of one kind and place at once.
struct Reader<'a> {
    graph: &'a Graph,
    cloud: &'a dyn Cloud,
    options: &'a Options,
    recalled: &'a Recalled,
}

impl Reader<'_> {
    /// The resource under its name.
    fn own(&self, index: usize, identity: &str, whereabouts: &HashMap<Place, Result<Whereabouts, Fault>>) -> Want {
        let node = &self.graph.nodes[index];
        let here = whereabouts.get(&node.place).and_then(|here| here.as_ref().ok());
        let verified = here.and_then(|here| self.recalled.verified(here, node, identity, self.options.trust));
        Want { verified, ..self.want(index, identity) }
    }

    fn want(&self, index: usize, identity: &str) -> Want {
        let node = &self.graph.nodes[index];
        Want {
            identity: identity.to_owned(),
            secrets: self.options.secrets,
            shallow: self.options.shallow,
            given: if self.options.shallow { node.owner_tags().into_iter().collect() } else { node.given() },
            tags: None,
            verified: None,
        }
    }

    fn orphan(&self, kind: &'static dyn Kind, identity: String) -> Want {
        // What it points at decides what goes before it.
        let shallow = self.options.shallow;
        let given = kind.tags().map(|tags| format!("/{tags}")).into_iter().collect();
        Want { identity, secrets: false, shallow, given, tags: None, verified: None }
    }

    fn at(&self, index: usize, slot: Slot, want: Want) -> Reading {
        let node = &self.graph.nodes[index];
        (node.kind, node.place.clone(), (slot, want))
    }

    /// The resource under its name, and under those that `renamed_from` gives.
    fn wants(&self, index: usize, whereabouts: &HashMap<Place, Result<Whereabouts, Fault>>) -> Vec<Reading> {
        let own = self.graph.nodes[index].identity.as_deref();
        let own = own.map(|identity| (Slot::Node(index), self.own(index, identity, whereabouts)));
        own.into_iter().chain(self.former(index)).map(|(slot, want)| self.at(index, slot, want)).collect()
    }

    fn former(&self, index: usize) -> impl Iterator<Item = (Slot, Want)> {
        self.graph.nodes[index].former.iter().map(move |former| (Slot::Former(index), self.want(index, former)))
    }

    /// What carries the stack's tags, by place, wherever something can be tagged.
    async fn search(
        &self,
        tagged: &[usize],
        whereabouts: &HashMap<Place, Result<Whereabouts, Fault>>,
    ) -> Vec<(Place, Result<Vec<Owned>, Fault>)> {
        let mut places: BTreeMap<Place, BTreeMap<&'static str, &'static dyn Kind>> = BTreeMap::new();
        if self.options.orphans {
            places.extend(whereabouts.keys().map(|place| (place.clone(), BTreeMap::new())));
        }
        for node in tagged.iter().map(|index| &self.graph.nodes[*index]) {
            places.entry(node.place.clone()).or_default().insert(node.kind.name(), node.kind);
        }
        join_all(places.into_iter().map(|(place, kinds)| async move {
            let kinds: Vec<_> = kinds.into_values().collect();
            let owned = match nowhere(whereabouts, &place) {
                Some(fault) => Err(fault.clone()),
                None => self.cloud.owned(&kinds, &place, &self.graph.stack, &self.graph.env).await,
            };
            (place, owned)
        }))
        .await
    }

    /// Reads what can be tagged, as the search has found it.
    async fn rest(
        &self,
        tagged: &[usize],
        owned: Vec<(Place, Result<Vec<Owned>, Fault>)>,
        all: &mut Observed,
    ) -> (find::Found<'_>, Vec<(Slot, Want, Live)>) {
        let (graph, options) = (self.graph, self.options);
        all.searched = Instant::now();
        let mut found = find::Found::new(graph, owned, all);
        found.seek(self.cloud, tagged, all).await;
        let mut wants = Vec::new();
        for &index in tagged {
            let node = &graph.nodes[index];
            let identities = found.identities(index, all);
            // Before a teardown deletes, each resource's own tags are read; and where several carry a resource's tags, theirs
            // say which one takes whose place.
            let alone = identities.iter().filter(|(slot, _)| matches!(slot, Slot::Node(_))).count() == 1;
            for (slot, identity) in identities {
                let by_index = matches!(slot, Slot::Node(_)) && alone && !options.shallow;
                let tags = by_index.then(|| found.tags(index, &identity)).flatten();
                all.by_index[index] |= tags.is_some();
                let want = match slot {
                    Slot::Node(_) => self.own(index, &identity, &all.whereabouts),
                    _ => self.want(index, &identity),
                };
                wants.push((index, slot, Want { tags, ..want }));
            }
            wants.extend(self.former(index).map(|(slot, want)| (index, slot, want)));
            if node.identity.is_none() {
                all.live[index] = Some(found.without_identity(index, all));
            }
        }
        let orphans = found.orphans(options.orphans);
        let orphans: Vec<_> = orphans
            .into_iter()
            .enumerate()
            .filter_map(|(number, orphan)| {
                let (kind, identity) = (orphan.owned.kind, orphan.owned.identity.clone());
                let place = orphan.place.clone();
                all.orphans.push(orphan);
                Some((kind?, place, (Slot::Orphan(number), self.orphan(kind?, identity?))))
            })
            .collect();
        let wants = wants.into_iter().map(|(index, slot, want)| self.at(index, slot, want)).chain(orphans).collect();
        let answers = self.read(wants, &all.whereabouts).await;
        (found, answers)
    }

    async fn read(
        &self,
        wants: Vec<Reading>,
        whereabouts: &HashMap<Place, Result<Whereabouts, Fault>>,
    ) -> Vec<(Slot, Want, Live)> {
        // (kind, place) → what to read there, in the order of the manifest.
        let mut groups: BTreeMap<(&'static str, Place), (&'static dyn Kind, Group)> = BTreeMap::new();
        for (kind, place, asked) in wants {
            groups.entry((kind.name(), place)).or_insert_with(|| (kind, Vec::new())).1.push(asked);
        }
        let answers = join_all(groups.into_iter().map(|((_, place), (kind, group))| async move {
            let (slots, wants): (Vec<Slot>, Vec<Want>) = group.into_iter().unzip();
            let answers = match nowhere(whereabouts, &place) {
                Some(fault) => vec![Live::Unreadable(fault.clone()); wants.len()],
                None => self.cloud.observe(kind, &place, &wants).await,
            };
            let none = || {
                Live::Unreadable(Fault::new(
                    FaultKind::Internal,
                    "observe",
                    "the read gave no answer for this resource",
                ))
            };
            let answers = answers.into_iter().map(Some).chain(std::iter::repeat_with(|| None));
            let answers = answers.map(move |answer| answer.unwrap_or_else(none));
            let answers = slots.into_iter().zip(wants).zip(answers).map(|((slot, want), mut live)| {
                complete(&want, &mut live);
                (slot, want, live)
            });
            answers.collect::<Vec<_>>()
        }))
        .await;
        answers.into_iter().flatten().collect()
    }
}

/// Adds what an earlier run saw of what was left out now.
fn complete(want: &Want, live: &mut Live) {
    let (Live::Present(present), Some(verified)) = (live, &want.verified) else { return };
    if present.seen.extent == Extent::Full {
        return;
    }
    let present = Arc::make_mut(present);
    present.secret_version.clone_from(&verified.secret_version);
    for (name, value) in verified.attributes.iter().flatten() {
        present.attributes.get_or_insert_with(name, || value.clone());
    }
}

/// Without a region or credentials nothing can be read; the reason is one and the same for all.
fn nowhere<'a>(whereabouts: &'a HashMap<Place, Result<Whereabouts, Fault>>, place: &Place) -> Option<&'a Fault> {
    match whereabouts.get(place) {
        Some(Err(fault)) if fault.kind == FaultKind::Denied || fault.kind == FaultKind::Invalid => Some(fault),
        _ => None,
    }
}
