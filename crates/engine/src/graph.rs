//! Which resource needs which: edges from references and from `depends_on`, and no cycle.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt as _, HashSet, HashSetExt as _};

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::address::Address;
use crate::desired::{Desired, sources};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::Span;
use crate::stack::Stack;
use crate::value::Value;

/// The resources of a stack and what each needs. Acyclic by construction.
#[derive(Debug, Clone)]
pub struct Graph {
    /// The stack's name.
    pub stack: String,
    /// The environment.
    pub env: String,
    /// The account that this environment is bound to.
    pub account: Option<String>,
    /// The resources, in the order of the manifest.
    pub nodes: Vec<Arc<Desired>>,
    /// For each resource the ones that it needs, as indices into `nodes`, ascending.
    pub dependencies: Vec<Vec<usize>>,
    /// For each resource the ones that need it, ascending.
    pub dependants: Vec<Vec<usize>>,
    /// An order in which every resource comes after those that it needs; stable.
    pub order: Vec<usize>,
    /// The names that the stack exports, with a value where no resource gives it.
    pub exports: Vec<(String, Option<Value>)>,
}

/// That one resource needs another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// The one that needs it, an index into [`Graph::nodes`].
    pub from: usize,
    /// The one that is needed.
    pub to: usize,
    /// One of its properties refers to it; otherwise only `depends_on` says so.
    pub refers: bool,
}

impl Graph {
    /// The index of an address.
    pub fn index_of(&self, address: &Address) -> Option<usize> {
        self.nodes.iter().position(|node| node.address == *address)
    }

    /// Every edge, in the order of the resources that need something.
    pub fn edges(&self) -> Vec<Edge> {
        let mut edges = Vec::new();
        let all: HashSet<&Address> = self.nodes.iter().map(|node| &node.address).collect();
        for (from, needed) in self.dependencies.iter().enumerate() {
            // A reference names one instance, or all that a `for_each` makes.
            let (mut instances, mut names) = (HashSet::new(), HashSet::new());
            for value in self.nodes[from].instance.properties.values() {
                references(value, &mut |reference| {
                    if all.contains(&reference.address) {
                        instances.insert(reference.address.clone());
                    } else {
                        names.insert(reference.address.name().to_owned());
                    }
                });
            }
            edges.extend(needed.iter().map(|to| {
                let address = &self.nodes[*to].address;
                Edge { from, to: *to, refers: instances.contains(address) || names.contains(address.name()) }
            }));
        }
        edges
    }
}

/// Connects the resources.
///
/// # Errors
///
/// A diagnostic for each cycle, naming all of it with lines, and for each `depends_on` that names nothing.
pub fn graph(nodes: Vec<Arc<Desired>>, stack: &Stack) -> Result<Graph, Diagnostics> {
    let mut diagnostics = Diagnostics::new();
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut by_address: HashMap<&Address, usize> = HashMap::new();
    for (index, node) in nodes.iter().enumerate() {
        by_name.entry(node.address.name()).or_default().push(index);
        by_address.insert(&node.address, index);
    }

    // Where each edge is written, for the message about a cycle.
    let mut edges: HashMap<(usize, usize), Span> = HashMap::new();
    for (index, node) in nodes.iter().enumerate() {
        // The instance's own properties still hold every reference, also those that were settled since.
        for value in node.instance.properties.values() {
            references(value, &mut |reference| {
                let targets = match by_address.get(&reference.address) {
                    Some(target) => std::slice::from_ref(target),
                    None => by_name.get(reference.address.name()).map_or(&[][..], Vec::as_slice),
                };
                if let Some(target) = targets.first()
                    && let Some(wrong) = gives(&nodes[*target], reference)
                {
                    diagnostics.push(wrong);
                }
                for target in targets {
                    edges.entry((index, *target)).or_insert(reference.span);
                }
            });
        }
        for (target, span) in sources::needed(node, &nodes) {
            edges.entry((index, target)).or_insert(span);
        }
        for written in &node.instance.depends_on {
            let targets: Vec<usize> = match by_name.get(written.value.as_str()) {
                Some(all) => all.clone(),
                None => nodes.iter().position(|other| other.address.to_string() == written.value).into_iter().collect(),
            };
            let left_out = stack.left_out.iter().any(|address| address.name() == written.value);
            if targets.is_empty() && !left_out {
                let mut diagnostic = Diagnostic::error(
                    "M401",
                    format!("`depends_on` names `{}`, and there is no such resource", written.value),
                )
                .at(written.span);
                if let Some(near) = crate::diagnostic::suggest::nearest(&written.value, by_name.keys().copied()) {
                    diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
                }
                diagnostics.push(diagnostic);
            }
            for target in targets {
                edges.entry((index, target)).or_insert(written.span);
            }
        }
    }

    let mut petgraph: DiGraph<(), ()> = DiGraph::with_capacity(nodes.len(), edges.len());
    for _ in &nodes {
        petgraph.add_node(());
    }
    for (from, to) in edges.keys() {
        petgraph.add_edge(NodeIndex::new(*from), NodeIndex::new(*to), ());
    }
    for component in tarjan_scc(&petgraph) {
        let members: Vec<usize> = component.iter().map(|node| node.index()).collect();
        let own = members.len() == 1 && edges.contains_key(&(members[0], members[0]));
        if members.len() > 1 || own {
            diagnostics.push(cycle(&nodes, &members, &edges));
        }
    }
    if diagnostics.has_errors() {
        return Err(diagnostics);
    }

    let mut dependencies = vec![Vec::new(); nodes.len()];
    let mut dependants = vec![Vec::new(); nodes.len()];
    for (from, to) in edges.keys() {
        dependencies[*from].push(*to);
        dependants[*to].push(*from);
    }
    for list in dependencies.iter_mut().chain(dependants.iter_mut()) {
        list.sort_unstable();
    }
    let order = ordered(&dependencies, &dependants);
    Ok(Graph {
        stack: stack.name.value.clone(),
        env: stack.env.clone(),
        account: stack.account.as_ref().map(|account| account.value.clone()),
        nodes,
        dependencies,
        dependants,
        order,
        exports: stack
            .exports
            .iter()
            .map(|export| (export.name.clone(), stack.constants.get(&export.name).cloned()))
            .collect(),
    })
}

/// Whether a resource has what is asked of it: one of its properties or attributes.
fn gives(target: &Desired, reference: &crate::render::Reference) -> Option<Diagnostic> {
    let first = reference.property.first()?;
    // Nobody knows what it gives.
    if target.kind.is_opaque() || target.kind.is_lookup() {
        return None;
    }
    let properties = target.kind.schema().properties.iter().map(|property| property.name);
    let names: Vec<&str> = properties.chain(target.kind.attributes().iter().map(|attribute| attribute.name)).collect();
    if names.contains(&first.as_str()) {
        return None;
    }
    let diagnostic =
        Diagnostic::error("M403", format!("{} `{}` has no `{first}`", target.kind.name(), target.address.name()))
            .at(reference.span);
    Some(match crate::diagnostic::suggest::nearest(first, names) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic.help(format!("`trueup init --type {}` shows what there is", target.kind.name())),
    })
}

/// Kahn's order, the earliest in the manifest first among those that are free.
fn ordered(dependencies: &[Vec<usize>], dependants: &[Vec<usize>]) -> Vec<usize> {
    let mut missing: Vec<usize> = dependencies.iter().map(Vec::len).collect();
    let mut free: std::collections::BTreeSet<usize> =
        missing.iter().enumerate().filter(|(_, count)| **count == 0).map(|(index, _)| index).collect();
    let mut order = Vec::with_capacity(dependencies.len());
    while let Some(next) = free.pop_first() {
        order.push(next);
        for dependant in &dependants[next] {
            missing[*dependant] -= 1;
            if missing[*dependant] == 0 {
                free.insert(*dependant);
            }
        }
    }
    order
}

fn references(value: &Value, found: &mut dyn FnMut(&crate::render::Reference)) {
    match value {
        Value::Deferred(deferred) => deferred.references().iter().for_each(found),
        Value::List(items) => items.iter().for_each(|item| references(item, found)),
        Value::Map(map) => map.values().for_each(|member| references(member, found)),
        _ => {}
    }
}

/// The message about a cycle: one way round it, each edge with its line.
fn cycle(nodes: &[Arc<Desired>], members: &[usize], edges: &HashMap<(usize, usize), Span>) -> Diagnostic {
    let start = members.iter().copied().min().unwrap_or_default();
    // Breadth first, so that it is a shortest one; inside a strongly connected component there is always a way back.
    let mut came_from: HashMap<usize, usize> = HashMap::new();
    let mut pending = std::collections::VecDeque::from([start]);
    while let Some(here) = pending.pop_front() {
        let mut onward: Vec<usize> = members.iter().copied().filter(|to| edges.contains_key(&(here, *to))).collect();
        onward.sort_unstable();
        for next in onward {
            if let Entry::Vacant(entry) = came_from.entry(next) {
                entry.insert(here);
                pending.push_back(next);
            }
        }
    }
    let mut path = vec![start];
    while let Some(before) = path.last().and_then(|here| came_from.get(here)) {
        path.push(*before);
        if *before == start {
            break;
        }
    }
    path.reverse();
    let names = path.iter().map(|index| nodes[*index].address.to_string()).collect::<Vec<_>>().join(" → ");
    let mut diagnostic = Diagnostic::error("M402", format!("resources need each other in a circle: {names}"));
    for pair in path.windows(2) {
        if let Some(span) = edges.get(&(pair[0], pair[1])) {
            diagnostic =
                diagnostic.labelled(*span, format!("{} needs {} here", nodes[pair[0]].address, nodes[pair[1]].address));
        }
    }
    diagnostic.help("break the circle: one of these references has to go")
}
