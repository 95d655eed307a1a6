//! What the cloud says about the resources of a stack. Reads only.
//!
//! Resources are read by kind and place, all such groups at once, so that a list page serves every resource of its
//! group. An answer is Absent, Present or Unreadable, and only the service's own word makes it Absent.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::future::join_all;

use crate::cloud::{Cloud, Live, Place, Want, Whereabouts};
use crate::credential::NoSecrets;
use crate::fault::{Fault, FaultKind};
use crate::graph::Graph;
use crate::plan::{Known, Resource};
use crate::schema::{Domain, Property, Type};
use crate::value::{Map, Value};

/// The resources of one kind in one place: index, number of the former name, and what to read.
type Group = Vec<(usize, Option<usize>, Want)>;

/// How to read.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Read credentials too, to compare them.
    pub secrets: bool,
    /// Existence, state and attributes are enough.
    pub shallow: bool,
    /// Which resources to read; `None` reads all.
    pub only: Option<BTreeSet<usize>>,
}

/// What was read.
#[derive(Debug)]
pub struct Observed {
    /// Credentials were read too.
    pub secrets: bool,
    /// For each resource of the graph what exists under its name; `None` where it was not asked.
    pub live: Vec<Option<Live>>,
    /// For each resource what exists under its former names.
    pub former: Vec<Vec<(String, Live)>>,
    /// Who the caller is, by place.
    pub whereabouts: HashMap<Place, Result<Whereabouts, Fault>>,
    /// The canonical form of names that have several spellings.
    pub canonical: Canonical,
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
    let wanted: Vec<usize> = match &options.only {
        None => (0..graph.nodes.len()).collect(),
        Some(only) => only.iter().copied().collect(),
    };
    let places: BTreeSet<Place> = wanted.iter().map(|index| graph.nodes[*index].place.clone()).collect();
    // One after the other would cost a round trip each; and a run without an identity shall not read on.
    let whereabouts: HashMap<Place, Result<Whereabouts, Fault>> =
        join_all(places.into_iter().map(|place| async move {
            let answer = cloud.whereabouts(&place).await;
            (place, answer)
        }))
        .await
        .into_iter()
        .collect();

    // (kind, place) → the resources and names to read there, in the order of the manifest.
    let mut groups: BTreeMap<(&'static str, Place), Group> = BTreeMap::new();
    for &index in &wanted {
        let node = &graph.nodes[index];
        let group = groups.entry((node.kind.name(), node.place.clone())).or_default();
        let want = |identity: &str, deep: bool| Want {
            identity: identity.to_owned(),
            secrets: options.secrets && deep,
            shallow: options.shallow || !deep,
            given: if options.shallow { Vec::new() } else { node.given() },
        };
        group.push((index, None, want(&node.identity, true)));
        for (number, former) in node.former.iter().enumerate() {
            group.push((index, Some(number), want(former, true)));
        }
    }

    let mut live: Vec<Option<Live>> = vec![None; graph.nodes.len()];
    let mut former: Vec<Vec<(String, Live)>> = vec![Vec::new(); graph.nodes.len()];
    let answers = join_all(groups.into_iter().map(|((_, place), group)| {
        let whereabouts = &whereabouts;
        async move {
            let kind = graph.nodes[group[0].0].kind;
            let wants: Vec<Want> = group.iter().map(|(_, _, want)| want.clone()).collect();
            let answers = match whereabouts.get(&place) {
                // Without a region or credentials nothing can be read; the reason is one and the same for all.
                Some(Err(fault)) if fault.kind == FaultKind::Denied || fault.kind == FaultKind::Invalid => {
                    vec![Live::Unreadable(fault.clone()); wants.len()]
                }
                _ => cloud.observe(kind, &place, &wants).await,
            };
            (group, answers)
        }
    }))
    .await;
    for (group, answers) in answers {
        let mut answers = answers.into_iter();
        for (index, number, want) in group {
            let answer = answers.next().unwrap_or_else(|| {
                Live::Unreadable(Fault::new(
                    FaultKind::Internal,
                    "observe",
                    "the read gave no answer for this resource",
                ))
            });
            match number {
                None => live[index] = Some(answer),
                Some(_) => former[index].push((want.identity, answer)),
            }
        }
    }

    let canonical =
        if options.shallow { Canonical::default() } else { spellings(graph, &wanted, &live, &former, cloud).await };
    Observed { secrets: options.secrets, live, former, whereabouts, canonical }
}

/// Looks up names with several spellings, but only where the live one and the desired one are spelled differently.
async fn spellings(
    graph: &Graph,
    wanted: &[usize],
    live: &[Option<Live>],
    former: &[Vec<(String, Live)>],
    cloud: &dyn Cloud,
) -> Canonical {
    let names = spelled_differently(graph, wanted, live, former);
    let forms = join_all(names.into_iter().map(|((place, domain), names)| async move {
        let names: Vec<String> = names.into_iter().collect();
        let answer = cloud.canonical(domain, &place, &names).await;
        ((place, domain), answer)
    }))
    .await;
    Canonical { forms: forms.into_iter().collect() }
}

fn spelled_differently(
    graph: &Graph,
    wanted: &[usize],
    live: &[Option<Live>],
    former: &[Vec<(String, Live)>],
) -> BTreeMap<(Place, Domain), BTreeSet<String>> {
    let mut names: BTreeMap<(Place, Domain), BTreeSet<String>> = BTreeMap::new();
    // A name may come from another resource, whose attributes are known by now where it exists.
    let known = std::cell::LazyCell::new(|| {
        let mut known = Known::new(graph, &NoSecrets);
        for (index, node) in graph.nodes.iter().enumerate() {
            let present = live[index].as_ref().and_then(Live::present);
            let attributes = present.map(|present| present.attributes.clone()).unwrap_or_default();
            known.set(index, Resource { properties: node.properties.clone(), attributes });
        }
        known
    });
    for &index in wanted {
        let node = &graph.nodes[index];
        let mut add = |domain: Domain, desired: Option<&Value>, live: Option<&Value>| {
            let desired = match desired {
                Some(Value::Deferred(deferred)) if deferred.secret_source().is_none() => {
                    deferred.evaluate(&*known).ok()
                }
                other => other.cloned(),
            };
            let live = live.and_then(Value::as_str);
            if let (Some(desired), Some(live)) = (desired.as_ref().and_then(Value::as_str), live)
                && desired != live
            {
                let entry = names.entry((node.place.clone(), domain)).or_default();
                entry.insert(desired.to_owned());
                entry.insert(live.to_owned());
            }
        };
        let present = live[index]
            .as_ref()
            .and_then(Live::present)
            .into_iter()
            .chain(former[index].iter().filter_map(|(_, live)| live.present()));
        for present in present {
            pairs(node.kind.schema().properties, &node.properties, &present.properties, &mut add);
        }
    }
    names
}

fn pairs<'a>(
    schema: &'static [Property],
    desired: &'a Map,
    live: &'a Map,
    add: &mut dyn FnMut(Domain, Option<&'a Value>, Option<&'a Value>),
) {
    for property in schema {
        let (desired, live) = (desired.get(property.name), live.get(property.name));
        if let Some(domain) = property.names {
            add(domain, desired, live);
        } else if let (Type::Object(members), Some(Value::Map(desired)), Some(Value::Map(live))) =
            (&property.ty, desired, live)
        {
            pairs(members, desired, live, add);
        }
    }
}
