//! Who points at whom in the cloud now, whatever the manifest says by now.
//!
//! A destination that moves from one connection to another has no edge to the old one any more; still the old one may
//! not go before it was moved.

use std::collections::{BTreeSet, HashMap};

use crate::cloud::{Live, Present};
use crate::graph::Graph;
use crate::observe::Observed;
use crate::plan::Operation;
use crate::value::Value;

/// For each resource the others that point at it, or at a former one of it: by a property that names something,
/// or by an ARN anywhere.
pub(super) fn pointing(graph: &Graph, observed: &Observed) -> Vec<BTreeSet<usize>> {
    let present = |index: usize| {
        let live = observed.live[index].as_ref().and_then(Live::present);
        live.into_iter().chain(observed.former[index].iter().filter_map(|(_, live)| live.present()))
    };
    let mut owners: HashMap<&str, usize> = HashMap::new();
    for index in 0..graph.nodes.len() {
        for attribute in present(index).flat_map(|present: &Present| present.attributes.values()) {
            if let Some(text) = attribute.as_str() {
                owners.insert(text, index);
            }
        }
    }
    let mut pointing = vec![BTreeSet::new(); graph.nodes.len()];
    for (index, node) in graph.nodes.iter().enumerate() {
        for (name, value) in present(index).flat_map(|present| &present.properties) {
            value.walk(&mut |below, leaf| {
                let Some(owner) = leaf.as_str().and_then(|text| owners.get(text)) else { return };
                let names = || node.kind.schema().at(&format!("/{name}{below}")).and_then(|property| property.names);
                let unique = || leaf.as_str().is_some_and(|text| text.starts_with("arn:"));
                if *owner != index && matches!(leaf, Value::String(_)) && (names().is_some() || unique()) {
                    pointing[*owner].insert(index);
                }
            });
        }
    }
    pointing
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
