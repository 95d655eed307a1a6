//! The props of a resource: which become properties as they are, and which are values that templates use by name.

use std::collections::BTreeSet;

use trueup_engine::manifest::tree::{Node, Yaml};
use trueup_engine::manifest::{Property, PropertyValue};
use trueup_engine::source::Spanned;

use super::names;
use crate::project::{Entry, Project};

/// The values that the templates of one resource can name, and which of them they do.
pub struct Props {
    /// Deferred globals, then props, in their order; of a name that is there twice the later one counts.
    all: Vec<Property>,
    /// How many of them are globals.
    globals: usize,
    needed: BTreeSet<String>,
}

impl Props {
    /// The props of a resource.
    pub fn of(entry: &Entry, project: &Project, deferred: &BTreeSet<String>) -> Self {
        let globals = project.globals.iter().filter(|global| deferred.contains(&*global.name.value));
        let mut all: Vec<Property> = globals
            .map(|global| Property {
                name: Spanned { value: (*global.name.value).into(), span: global.name.span },
                value: PropertyValue::One(own_names(&global.value)),
                merge: Vec::new(),
                protected: global.protected,
            })
            .collect();
        let count = all.len();
        all.extend(entry.props.iter().map(|prop| names::map_property(prop, &mut |text, _| renamed(text))));
        Self { all, globals: count, needed: BTreeSet::new() }
    }

    /// The prop that a value is, where it is exactly one and where it means the same at the end of all props.
    pub fn inlined(&mut self, node: &Node) -> Option<Property> {
        let name = names::only_name(node.as_text()?)?;
        let index = self.all.iter().rposition(|prop| &*prop.name.value == name)?;
        if index < self.globals {
            return None;
        }
        let used = names::in_property(&self.all[index]);
        let later = &self.all[index..];
        if used.iter().any(|used| later.iter().any(|prop| *prop.name.value == *used.name)) {
            return None;
        }
        self.need(used);
        Some(self.all[index].clone())
    }

    /// A value with the names that it uses noted.
    pub fn using(&mut self, node: &Node) -> Node {
        let node = own_names(node);
        self.need(names::in_node(&node));
        node
    }

    fn need(&mut self, used: Vec<names::Used>) {
        let mut open: Vec<String> = used
            .into_iter()
            .filter_map(|used| if used.name == "this" { used.member } else { Some(used.name) })
            .collect();
        while let Some(name) = open.pop() {
            if !self.all.iter().any(|prop| *prop.name.value == *name) || !self.needed.insert(name.clone()) {
                continue;
            }
            let of_name = self.all.iter().filter(|prop| *prop.name.value == *name);
            open.extend(of_name.flat_map(names::in_property).map(|used| used.name));
        }
    }

    /// The locals that are needed.
    pub fn locals(self) -> Vec<Property> {
        let needed = self.needed;
        self.all.into_iter().filter(|prop| needed.contains(&*prop.name.value)).collect()
    }
}

/// A value whose names that only stackql-deploy has are those of the engine.
pub fn own_names(node: &Node) -> Node {
    if matches!(node.yaml, Yaml::Unreadable) {
        return node.clone();
    }
    names::map(node, &mut |text, _| renamed(text))
}

fn renamed(text: &str) -> Option<String> {
    names::renamed(text, &mut |name, member| {
        let token = name == "idempotency_token" && member.is_none() || member == Some("idempotency_token");
        token.then(|| "uuid()".to_owned())
    })
}
