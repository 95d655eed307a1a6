//! What is known of each resource while a plan is made or executed, and expressions evaluated with it.

use std::sync::{Mutex, PoisonError};

use foldhash::{HashMap, HashMapExt as _};

use crate::address::Address;
use crate::credential::{SecretSource, SecretStore};
use crate::delta::has_unknown;
use crate::desired::{Desired, member};
use crate::diagnostic::Diagnostic;
use crate::graph::Graph;
use crate::render::{Property, Reference, Scope};
use crate::secret::Secret;
use crate::value::{Map, Value};

/// What is known of the resources of a graph, and of the secrets that they use. Each secret is read once.
pub struct Known<'a> {
    by_address: HashMap<&'a Address, usize>,
    graph: &'a Graph,
    store: &'a dyn SecretStore,
    secrets: Mutex<HashMap<SecretSource, Option<Secret>>>,
    resources: Vec<Resource>,
}

/// What is known of one resource.
#[derive(Debug, Clone, Default)]
pub struct Resource {
    /// Its properties, as far as they are known.
    pub properties: Map,
    /// Its attributes; those that are missing are known later.
    pub attributes: Map,
}

impl<'a> Known<'a> {
    /// Nothing is known yet.
    pub fn new(graph: &'a Graph, store: &'a dyn SecretStore) -> Self {
        Self {
            by_address: graph.nodes.iter().enumerate().map(|(index, node)| (&node.address, index)).collect(),
            graph,
            store,
            secrets: Mutex::new(HashMap::new()),
            resources: vec![Resource::default(); graph.nodes.len()],
        }
    }

    /// Notes what is known of a resource.
    pub fn set(&mut self, index: usize, resource: Resource) {
        self.resources[index] = resource;
    }

    /// Notes the properties of a resource; its attributes stay.
    pub fn set_properties(&mut self, index: usize, properties: Map) {
        self.resources[index].properties = properties;
    }

    /// Adds attributes that became known.
    pub fn learn(&mut self, index: usize, attributes: &Map) {
        for (name, value) in attributes {
            self.resources[index].attributes.insert(name.clone(), value.clone());
        }
    }

    /// What is known of a resource.
    pub fn get(&self, index: usize) -> &Resource {
        &self.resources[index]
    }

    /// A property or attribute, where it is known.
    pub fn value(&self, index: usize, name: &str) -> Option<&Value> {
        let resource = &self.resources[index];
        resource.properties.get(name).or_else(|| resource.attributes.get(name)).filter(|value| !has_unknown(value))
    }

    /// Evaluates every deferred value of a resource; what cannot be known yet becomes an unknown.
    ///
    /// # Errors
    ///
    /// One diagnostic for each expression that failed.
    pub fn resolve(&self, desired: &Desired) -> (Map, Vec<Diagnostic>) {
        let mut problems = Vec::new();
        let properties = desired
            .properties
            .iter()
            .map(|(name, value)| (name.clone(), self.resolve_value(value, &mut problems)))
            .collect();
        (properties, problems)
    }

    fn resolve_value(&self, value: &Value, problems: &mut Vec<Diagnostic>) -> Value {
        match value {
            Value::Deferred(deferred) => match deferred.evaluate(self) {
                Ok(value) => value,
                Err(problem) => {
                    problems.push(problem);
                    Value::Unknown(deferred.describe().into())
                }
            },
            Value::List(items) => Value::List(items.iter().map(|item| self.resolve_value(item, problems)).collect()),
            Value::Map(map) => Value::Map(
                map.iter().map(|(name, member)| (name.clone(), self.resolve_value(member, problems))).collect(),
            ),
            other => other.clone(),
        }
    }
}

impl Scope for Known<'_> {
    fn property(&self, reference: &Reference) -> Property {
        let Some(&index) = self.by_address.get(&reference.address) else {
            return Property::Missing(format!("there is no resource `{}`", reference.address));
        };
        let (resource, node) = (&self.resources[index], &self.graph.nodes[index]);
        for known in [&resource.properties, &resource.attributes] {
            if let Some(value) = member(known, &reference.property) {
                return if has_unknown(value) { Property::Unknown } else { Property::Known(value.clone()) };
            }
        }
        let Some(first) = reference.property.first() else {
            return Property::Missing(format!("name a property of `{}`", reference.address));
        };
        if node.kind.is_lookup() && !resource.attributes.is_empty() {
            let columns: Vec<&str> = resource.attributes.keys().map(String::as_str).collect();
            let message = format!("the query `{}` finds {} and no `{first}`", reference.address, columns.join(", "));
            return Property::Missing(message);
        }
        if node.kind.is_lookup() || node.kind.attributes().iter().any(|attribute| attribute.name == first) {
            return Property::Unknown;
        }
        Property::Missing(format!("`{}` gives no `{}`", reference.address, reference.property.join(".")))
    }

    fn secret(&self, source: &SecretSource) -> Option<Secret> {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = secrets.get(source) {
            return known.clone();
        }
        let read = self.store.read(source);
        // What comes from the cloud may be there when it is asked for again.
        if read.is_some() || !source.scheme.is_remote() {
            secrets.insert(source.clone(), read.clone());
        }
        read
    }
}
