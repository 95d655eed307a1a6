//! Who points at whom in the cloud now, whatever the manifest says by now.
//!
//! A destination that moves from one connection to another has no edge to the old one any more; still the old one may
//! not go before it was moved.

use std::collections::BTreeSet;

use foldhash::{HashMap, HashMapExt as _};

use crate::cloud::{Live, Present};
use crate::graph::Graph;
use crate::observe::Observed;
use crate::plan::Operation;
use crate::value::Value;

/// For each resource the others that point at it, or at a former one of it: by a property that names something, or, since
/// not every schema says what a property names, anywhere by what can mean nothing else: an ARN, an identity that the service
/// made, the name of an alias.
pub(super) fn pointing(graph: &Graph, observed: &Observed) -> Vec<BTreeSet<usize>> {
    let present = |index: usize| {
        let live = observed.live[index].as_ref().and_then(Live::present);
        live.into_iter().chain(observed.former[index].iter().filter_map(|(_, live)| live.present()))
    };
    let mut owners: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut distinctive: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        // A name that somebody has chosen may mean anything elsewhere.
        let made = |present: &&Present| node.kind.names_itself() && node.kind.identify(&present.properties).is_none();
        for present in present(index).filter(made) {
            distinctive.entry(present.identity.as_str()).or_default().push(index);
        }
        for attribute in present(index).flat_map(|present: &Present| present.attributes.values()) {
            if let Some(text) = attribute.as_str() {
                owners.entry(text).or_default().push(index);
            }
        }
    }
    for (alias, key) in aliases(graph, observed) {
        let names = observed.live[alias].as_ref().and_then(Live::present).into_iter();
        for name in names.flat_map(names_of) {
            distinctive.entry(name).or_default().extend([alias, key]);
            owners.entry(name).or_default().extend([alias, key]);
        }
    }
    let mut pointing = vec![BTreeSet::new(); graph.nodes.len()];
    for (index, node) in graph.nodes.iter().enumerate() {
        for (name, value) in present(index).flat_map(|present| &present.properties) {
            let mut any = false;
            let known = |text: &str| owners.contains_key(text) || distinctive.contains_key(text);
            value.leaves(&mut |leaf| any |= leaf.as_str().is_some_and(known));
            if !any {
                continue;
            }
            value.walk(&mut |below, leaf| {
                let Some(text) = leaf.as_str() else { return };
                let names = || node.kind.schema().at(&format!("/{name}{below}")).and_then(|property| property.names);
                let found = match owners.get(text) {
                    Some(found) if text.starts_with("arn:") || names().is_some() => Some(found),
                    _ => distinctive.get(text),
                };
                for owner in found.into_iter().flatten().filter(|owner| **owner != index) {
                    pointing[*owner].insert(index);
                }
            });
        }
    }
    pointing
}

/// The names of a resource that others may write: its identity and its attributes.
pub(super) fn names_of(present: &Present) -> impl Iterator<Item = &str> {
    std::iter::once(present.identity.as_str()).chain(present.attributes.values().filter_map(Value::as_str))
}

/// Resources that stand for another one, such as an alias for its key, and which: who names the one uses the other.
pub(super) fn aliases(graph: &Graph, observed: &Observed) -> Vec<(usize, usize)> {
    let live = |index: usize| observed.live[index].as_ref().and_then(Live::present);
    let mut found = Vec::new();
    for (key, node) in graph.nodes.iter().enumerate() {
        let through = node.kind.found_through();
        // Most kinds are found by their names.
        let Some(present) = live(key).filter(|_| !through.is_empty()) else { continue };
        for (alias, other) in graph.nodes.iter().enumerate() {
            let stands = through.iter().filter(|through| through.kind == other.kind.name()).any(|through| {
                let target = live(alias).and_then(|alias| alias.properties.get(through.property)?.as_str());
                target.is_some_and(|target| names_of(present).any(|name| name == target))
            });
            if stands {
                found.push((alias, key));
            }
        }
    }
    found
}

/// Puts one operation behind another, unless that would make them wait for each other.
pub(super) fn behind(operations: &mut [Operation], after: usize, before: usize) {
    let mut seen = vec![false; operations.len()];
    let mut pending = vec![before];
    while let Some(next) = pending.pop() {
        if next == after {
            return;
        }
        if !std::mem::replace(&mut seen[next], true) {
            pending.extend(&operations[next].after);
        }
    }
    operations[after].after.push(before);
}
