//! Which resource needs which, apart from how it is drawn: the nodes, the edges, and what stands together.

pub mod dot;
pub mod mermaid;
pub mod svg;

use std::collections::{BTreeSet, HashMap};

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Serialize;
use trueup_engine::graph::Graph;
use trueup_engine::plan::document::{FORMAT_VERSION, StackName};
use trueup_engine::source::Sources;

use crate::output::page::{Item, Location};
use crate::output::text::clean;

/// The resources of a stack and what each needs.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// The resources, in the order of the manifest.
    pub nodes: Vec<Node>,
    /// What needs what.
    pub edges: Vec<Edge>,
}

/// A resource.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its name in the stack.
    pub address: String,
    /// Its type.
    pub type_name: String,
    /// Its name in the cloud, where it is known.
    pub identifier: Option<String>,
    /// The name that it shares with what the same `for_each` makes.
    pub group: Option<String>,
    /// Where it is written.
    pub location: Option<Location>,
    /// What happens to it: the status of an item, where there is one.
    pub status: Option<&'static str>,
}

/// That one needs another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// The one that needs it, an index into the nodes.
    pub from: usize,
    /// The one that is needed.
    pub to: usize,
    /// By a reference; otherwise only `depends_on` says so.
    pub refers: bool,
}

impl Network {
    /// The network of a graph.
    pub fn new(graph: &Graph, sources: &Sources) -> Self {
        let nodes = graph.nodes.iter().map(|node| Node {
            address: clean(&node.address.to_string()).into_owned(),
            type_name: node.kind.name().to_owned(),
            identifier: node.identity.as_deref().map(|identity| clean(identity).into_owned()),
            group: node.address.key().map(|_| clean(node.address.name()).into_owned()),
            location: Location::of(node.instance.name_span, sources),
            status: None,
        });
        let edges = graph.edges().into_iter();
        let edges = edges.map(|edge| Edge { from: edge.from, to: edge.to, refers: edge.refers });
        Self { nodes: nodes.collect(), edges: edges.collect() }
    }

    /// A part of it: some nodes, by index, and the edges between them.
    #[must_use]
    pub fn of(self, selected: &BTreeSet<usize>) -> Self {
        let position: HashMap<usize, usize> = selected.iter().enumerate().map(|(now, was)| (*was, now)).collect();
        let edges = self.edges.into_iter().filter_map(|edge| {
            let (from, to) = (*position.get(&edge.from)?, *position.get(&edge.to)?);
            Some(Edge { from, to, ..edge })
        });
        let edges = edges.collect();
        let chosen = self.nodes.into_iter().enumerate().filter(|(index, _)| selected.contains(index));
        Self { nodes: chosen.map(|(_, node)| node).collect(), edges }
    }

    /// With what happens to each resource.
    #[must_use]
    pub fn with_status(mut self, items: &[Item]) -> Self {
        let status: HashMap<&str, &'static str> = items.iter().map(|item| (&*item.address, item.status)).collect();
        for node in &mut self.nodes {
            node.status = status.get(&*node.address).copied();
        }
        self
    }

    /// The nodes that stand together, each group with its name; `None` for those that stand alone.
    pub fn groups(&self) -> IndexMap<Option<&str>, Vec<usize>> {
        let mut groups: IndexMap<Option<&str>, Vec<usize>> = IndexMap::new();
        for (index, node) in self.nodes.iter().enumerate() {
            groups.entry(node.group.as_deref()).or_default().push(index);
        }
        groups
    }
}

/// `graph --format json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct GraphDocument {
    /// The version of this format.
    pub format_version: &'static str,
    /// `graph`.
    pub command: &'static str,
    /// Which stack.
    pub stack: StackName,
    /// The resources, in the order of the manifest.
    pub nodes: Vec<NodeDocument>,
    /// What needs what.
    pub edges: Vec<EdgeDocument>,
}

/// A resource.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NodeDocument {
    /// Its name in the stack.
    pub address: String,
    /// Its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Its name in the cloud; `null` where the service makes it.
    pub identifier: Option<String>,
    /// The name that it shares with what the same `for_each` makes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The file that names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line of its name, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
}

/// That one resource needs another.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EdgeDocument {
    /// The address of the one that needs it.
    pub from: String,
    /// The address of the one that is needed.
    pub to: String,
    /// How the manifest says so.
    pub kind: EdgeKind,
}

/// How the manifest says that one resource needs another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EdgeKind {
    /// A property refers to it.
    Reference,
    /// Only `depends_on` names it.
    DependsOn,
}

impl GraphDocument {
    /// The document of a network.
    pub fn new(name: &str, env: &str, network: &Network) -> Self {
        let nodes = network.nodes.iter().map(|node| NodeDocument {
            address: node.address.clone(),
            type_name: node.type_name.clone(),
            identifier: node.identifier.clone(),
            group: node.group.clone(),
            file: node.location.as_ref().map(|at| at.file.clone()),
            line: node.location.as_ref().map(|at| at.line),
        });
        let edges = network.edges.iter().map(|edge| EdgeDocument {
            from: network.nodes[edge.from].address.clone(),
            to: network.nodes[edge.to].address.clone(),
            kind: if edge.refers { EdgeKind::Reference } else { EdgeKind::DependsOn },
        });
        Self {
            format_version: FORMAT_VERSION,
            command: "graph",
            stack: StackName { name: name.to_owned(), env: env.to_owned() },
            nodes: nodes.collect(),
            edges: edges.collect(),
        }
    }
}
