//! A project's manifest as the text of a `trueup.yaml` whose plan is the same.
//!
//! Two things are not written as they are. In a project every value is text, and the engine reads it as what the schema
//! wants; here it is written as that. And a secret that is written in the project becomes a variable, because the new
//! manifest is printed.

#[cfg(test)]
mod tests;
mod typed;

use std::collections::BTreeMap;

use trueup_engine::desired::Desired;
use trueup_engine::import;
use trueup_engine::manifest::tree::{Entry, Node, Yaml};
use trueup_engine::manifest::{Manifest, Property, PropertyValue, Resource};
use trueup_engine::source::{Span, Spanned};
use trueup_engine::stack::{Export, Stack};
use trueup_engine::value::Value;

use self::typed::Typist;
use crate::secrecy::Secrecy;

/// A manifest in the engine's own form.
#[derive(Debug)]
pub struct Migrated {
    /// Its text.
    pub text: String,
    /// Variables that stand for secrets which were written in the project.
    pub secrets: Vec<String>,
}

/// Writes the manifest of a project, with what it became: values take the type that they have in AWS.
pub fn migrate<'a>(manifest: &Manifest, stack: &Stack, desired: impl Iterator<Item = &'a Desired>) -> Migrated {
    let desired: BTreeMap<String, &Desired> = desired.map(|node| (node.address.to_string(), node)).collect();
    let secrecy = Secrecy::of(manifest, stack, desired.values().copied());
    let taken = stack.variables.iter().map(|variable| variable.name.clone()).collect();
    let mut typist = Typist { taken, ..Typist::default() };
    let mut globals = Vec::new();
    for global in &manifest.globals {
        let mut members = vec![("name", text(&global.name.value))];
        let hidden = global.protected || secrecy.hides_global(&global.name.value);
        let value = if hidden { typist.hide(&global.value, &global.name.value) } else { global.value.clone() };
        members.push(("value", value));
        if global.protected {
            members.push(("protected", flag()));
        }
        globals.push(map(members));
    }
    let resources = manifest
        .resources
        .iter()
        .enumerate()
        .map(|(index, resource)| {
            let rendered = stack.instances.iter().find(|instance| instance.address.name() == resource.name.value);
            let desired = desired.get(&resource.name.value).copied();
            let properties = resource
                .properties
                .iter()
                .map(|property| {
                    let name = &*property.name.value;
                    let values = rendered
                        .and_then(|instance| instance.properties.get(name))
                        .zip(desired.and_then(|desired| desired.properties.get(name)));
                    let unknown = desired.is_none_or(|desired| desired.kind.is_opaque());
                    let property = typist.property(property, values, false);
                    if unknown { typist.by_name(&property) } else { property }
                })
                .collect::<Vec<_>>();
            let (properties, identifier) = identified(resource, properties, desired);
            let locals = resource
                .locals
                .iter()
                .map(|local| typist.property(local, None, secrecy.hides_local(index, &local.name.value)))
                .collect();
            Resource { properties, locals, identifier, ..resource.clone() }
        })
        .map(|resource| one(&resource))
        .collect::<Vec<_>>();
    let mut top = vec![("version", number(1)), ("name", text(&manifest.name.value))];
    if let Some(description) = &manifest.description {
        top.push(("description", text(description)));
    }
    if !manifest.providers.is_empty() {
        top.push(("providers", list(manifest.providers.iter().map(|provider| text(&provider.value)).collect())));
    }
    let hidden = stack.variables.iter().filter(|variable| variable.secret).map(|variable| &variable.name);
    let mut variables: Vec<(&str, bool)> =
        manifest.variables.iter().map(|variable| (&*variable.name.value, variable.secret)).collect();
    for name in hidden.chain(&typist.variables) {
        match variables.iter_mut().find(|(known, _)| known == name) {
            Some((_, secret)) => *secret = true,
            None => variables.push((name, true)),
        }
    }
    let variables: Vec<Node> = variables
        .into_iter()
        .map(|(name, secret)| {
            let mut members = vec![("name", text(name))];
            members.extend(secret.then(|| ("secret", flag())));
            map(members)
        })
        .collect();
    if !variables.is_empty() {
        top.push(("vars", list(variables)));
    }
    if !globals.is_empty() {
        top.push(("globals", list(globals)));
    }
    top.push(("resources", list(resources)));
    if !manifest.exports.is_empty() {
        top.push(("exports", list(manifest.exports.iter().map(|name| text(&name.value)).collect())));
    }
    // An empty line between the parts, and one between resources.
    let mut out = String::new();
    for (name, node) in top {
        let apart = matches!(name, "vars" | "globals" | "resources" | "exports");
        if apart {
            out.push('\n');
        }
        let part = import::written(&map(vec![(name, node)]));
        match name {
            "resources" => out.push_str(&part.replace("\n  - name:", "\n\n  - name:").replacen("\n\n", "\n", 1)),
            _ => out.push_str(&part),
        }
    }
    Migrated { text: out, secrets: typist.variables }
}

/// The identifier that an UPDATE names, as the property that it is where the type is named by one.
fn identified(
    resource: &Resource,
    mut properties: Vec<Property>,
    desired: Option<&Desired>,
) -> (Vec<Property>, Option<Node>) {
    let Some(node) = resource.identifier.clone() else { return (properties, None) };
    let Some(kind) = desired.map(|desired| desired.kind).filter(|kind| !kind.names_itself()) else {
        return (properties, Some(node));
    };
    let single = [kind.identity_property()];
    let names = match kind.identity_properties() {
        [] => &single[..],
        several => several,
    };
    for name in names.iter().filter(|name| !resource.properties.iter().any(|it| *it.name.value == ***name)) {
        let value = desired.and_then(|desired| desired.properties.get(name)).and_then(Value::as_str);
        let value = match value {
            Some(part) if names.len() > 1 => text(&crate::translate::escaped(part)),
            _ => node.clone(),
        };
        properties.push(Property {
            name: Spanned { value: (*name).into(), span: node.span },
            value: PropertyValue::One(value),
            merge: Vec::new(),
            protected: false,
        });
    }
    (properties, None)
}

/// A resource.
pub(crate) fn one(resource: &Resource) -> Node {
    let mut members = vec![("name", text(&resource.name.value))];
    if let Some(ty) = &resource.type_name {
        members.push(("type", text(&ty.value)));
    }
    let mut given = |name: &'static str, node: &Option<Node>| members.extend(node.clone().map(|node| (name, node)));
    given("if", &resource.condition);
    given("region", &resource.region);
    given("role_arn", &resource.role_arn);
    given("sql", &resource.sql);
    given("identifier", &resource.identifier);
    given("find", &resource.find);
    given("skip_on_delete", &resource.skip_on_delete);
    if !resource.depends_on.is_empty() {
        members.push(("depends_on", list(resource.depends_on.iter().map(|name| text(&name.value)).collect())));
    }
    if !resource.locals.is_empty() {
        members.push(("locals", properties(&resource.locals)));
    }
    if !resource.properties.is_empty() {
        members.push(("props", properties(&resource.properties)));
    }
    if !resource.exports.is_empty() {
        let export = |export: &Export| match &export.name {
            name if *name == export.property => text(name),
            name => map(vec![(&export.property, text(name))]),
        };
        members.push(("exports", list(resource.exports.iter().map(export).collect())));
    }
    map(members)
}

/// Properties: a map where each has one value, and a list of `name` and what else there is otherwise.
fn properties(all: &[Property]) -> Node {
    let plain = |property: &Property| match &property.value {
        PropertyValue::One(node) if property.merge.is_empty() && !property.protected => Some(node.clone()),
        _ => None,
    };
    let values: Option<Vec<Node>> = all.iter().map(plain).collect();
    if let Some(values) = values {
        return map(all.iter().map(|property| &*property.name.value).zip(values).collect());
    }
    let item = |property: &Property| {
        let mut members = vec![("name", text(&property.name.value))];
        match &property.value {
            PropertyValue::Merged => {}
            PropertyValue::One(node) => members.push(("value", node.clone())),
            PropertyValue::PerEnvironment(values) => {
                let values = values.iter().map(|(env, node)| (&*env.value, map(vec![("value", node.clone())])));
                members.push(("values", map(values.collect())));
            }
        }
        if !property.merge.is_empty() {
            members.push(("merge", list(property.merge.iter().map(|name| text(&name.value)).collect())));
        }
        if property.protected {
            members.push(("protected", flag()));
        }
        map(members)
    };
    list(all.iter().map(item).collect())
}

fn node(yaml: Yaml) -> Node {
    Node { yaml, span: Span::NOWHERE }
}

fn text(value: &str) -> Node {
    node(Yaml::Text(value.into()))
}

fn number(value: u64) -> Node {
    node(Yaml::Number(value.into()))
}

fn flag() -> Node {
    node(Yaml::Bool(true))
}

fn list(items: Vec<Node>) -> Node {
    node(Yaml::List(items))
}

fn map(members: Vec<(&str, Node)>) -> Node {
    let entry = |(name, value): (&str, Node)| Entry { key: Spanned { value: name.into(), span: Span::NOWHERE }, value };
    node(Yaml::Map(members.into_iter().map(entry).collect()))
}
