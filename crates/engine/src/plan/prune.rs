//! Adds to a graph what carries the stack's owner tags and is none of its resources, so that a plan can delete it.
//!
//! Such an orphan is a resource like any other from there on: it is ordered by what points at it, guarded by protection,
//! counted by the cap on deletions. Nothing depends on it in the manifest, since the manifest does not name it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::address::Address;
use crate::desired::Desired;
use crate::graph::Graph;
use crate::observe::Observed;
use crate::owner::{self, Owner};
use crate::source::Span;
use crate::stack::{Instance, Spans, Timeouts};
use crate::value::Map;

/// The graph with the orphans that were read; what was read of them moves to the answers of its resources. What nothing
/// here can read stays among the orphans.
pub fn prune(graph: &Graph, observed: &mut Observed) -> Graph {
    let mut graph = graph.clone();
    let mut taken: BTreeSet<Address> = graph.nodes.iter().map(|node| node.address.clone()).collect();
    let mut rest = Vec::new();
    for orphan in std::mem::take(&mut observed.orphans) {
        let (Some(kind), Some(identity), Some(live)) = (orphan.owned.kind, orphan.owned.identity.clone(), &orphan.live)
        else {
            rest.push(orphan);
            continue;
        };
        let resource = Owner::of_tags(&orphan.owned.tags).map(|owner| owner.resource).unwrap_or_default();
        // The name may be another resource's by now, of another type; an ARN is nobody else's.
        let address = owner::read(&resource).filter(|address| !resource.is_empty() && !taken.contains(address));
        let address = address.unwrap_or_else(|| Address::new(orphan.owned.arn.as_str()));
        taken.insert(address.clone());
        let index = graph.nodes.len();
        graph.nodes.push(Arc::new(Desired {
            address: address.clone(),
            kind,
            place: orphan.place.clone(),
            identity: Some(identity.clone()),
            former: Vec::new(),
            orphan: true,
            properties: Map::new(),
            instance: instance(address),
        }));
        graph.dependencies.push(Vec::new());
        graph.dependants.push(Vec::new());
        graph.order.push(index);
        observed.live.push(Some(live.clone()));
        observed.identities.push(Some(identity));
        observed.former.push(Vec::new());
        observed.by_index.push(false);
    }
    observed.orphans = rest;
    graph
}

/// What a manifest that does not name a resource says of it: nothing.
fn instance(address: Address) -> Instance {
    Instance {
        address,
        name_span: Span::NOWHERE,
        type_name: None,
        properties: Map::new(),
        spans: Arc::new(Spans::new(Span::NOWHERE)),
        depends_on: Vec::new(),
        renamed_from: Vec::new(),
        identifier: None,
        protect: None,
        ignore: Vec::new(),
        severity: Vec::new(),
        exports: Vec::new(),
        region: None,
        role_arn: None,
        timeouts: Timeouts::default(),
        skip_on_delete: false,
        find: None,
        from_text: false,
    }
}
