//! What a CloudFormation registry schema says of a type, as everything that the engine wants to know of a kind. Pure.
//!
//! Specification: <https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html>. Besides
//! what is read here a schema holds formats and sizes of maps, which are left to the service. A property that is not given
//! is unmanaged, so that defaults only say what an import need not write.

mod groups;
mod marks;
mod types;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value as Json;
use trueup_engine::kind::{Attribute, Finding, Verb};
use trueup_engine::schema::{Order, Property, Schema, Type};
use trueup_engine::value::Map;

use groups::Groups;
use marks::{Marks, path};
use types::Compiler;
pub(crate) use types::leaked;
pub use types::{Loss, Lost};

/// A type, read.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) name: &'static str,
    pub(crate) schema: &'static Schema,
    /// The paths of the properties that identify a resource, in the order of the identifier.
    pub(crate) identifier: Vec<Part>,
    pub(crate) attributes: &'static [Attribute],
    /// The top-level property of its tags, in a form that owner tags fit in.
    pub(crate) tags: Option<&'static str>,
    /// It says that it can be tagged, in a form that owner tags do not fit in.
    pub(crate) strange_tags: bool,
    /// Whether there is a handler for each verb.
    pub(crate) handlers: Handlers,
    /// What has to be given to list resources.
    pub(crate) list_needs: Vec<String>,
    /// How long a handler may take, in minutes, where it says so.
    pub(crate) minutes: [Option<u64>; 3],
    /// What is not taken over.
    pub(crate) losses: BTreeSet<Loss>,
    /// The patterns of its texts.
    pub(crate) patterns: BTreeSet<&'static str>,
    groups: Groups,
}

/// One part of an identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// Where it is in the properties.
    pub(crate) path: Vec<String>,
    /// The service makes it.
    pub(crate) made: bool,
    /// It has to be given.
    pub(crate) required: bool,
}

/// The permissions of the handlers that there are.
#[derive(Debug, Default)]
pub(crate) struct Handlers {
    pub(crate) create: Option<&'static [&'static str]>,
    pub(crate) read: Option<&'static [&'static str]>,
    pub(crate) update: Option<&'static [&'static str]>,
    pub(crate) delete: Option<&'static [&'static str]>,
    pub(crate) list: bool,
}

/// Why a type cannot be managed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unusable {
    /// It is no JSON object with a name and properties.
    NoSchema,
    /// It names nothing that would identify a resource.
    NoIdentifier,
    /// What identifies a resource is none of its properties.
    StrangeIdentifier,
    /// It cannot be created, read and deleted through Cloud Control.
    NotProvisionable,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSchema => "its schema cannot be read",
            Self::NoIdentifier => "its schema does not say what identifies a resource",
            Self::StrangeIdentifier => "what identifies a resource is none of its properties",
            Self::NotProvisionable => "it cannot be created, read and deleted through Cloud Control",
        })
    }
}

/// Reads a schema. What is made of it lives as long as the process.
///
/// # Errors
///
/// Why the type cannot be managed.
pub(crate) fn read(json: &Json) -> Result<Read, Unusable> {
    let (Some(name), true) = (json["typeName"].as_str(), json["properties"].is_object()) else {
        return Err(Unusable::NoSchema);
    };
    let handlers = handlers(json);
    let marks = Marks::of(json);
    let mut compiler = Compiler::new(json, handlers.update.is_none());
    let properties = compiler.properties(&marks);
    let Compiler { groups, losses, patterns, .. } = compiler;
    let identifier = identifier(json, properties)?;
    if handlers.create.is_none() || handlers.read.is_none() || handlers.delete.is_none() {
        return Err(Unusable::NotProvisionable);
    }
    let (tags, strange_tags) = tags(json, properties);
    let needs = &json["handlers"]["list"]["handlerSchema"];
    Ok(Read {
        name: leaked(name),
        schema: Box::leak(Box::new(Schema { properties, one_of: &[] })),
        attributes: attributes(properties, &identifier),
        identifier,
        tags,
        strange_tags,
        handlers,
        list_needs: needs
            .as_object()
            .map(|it| types::texts(it, "required"))
            .into_iter()
            .flatten()
            .map(str::to_owned)
            .collect(),
        minutes: ["create", "update", "delete"].map(|verb| json["handlers"][verb]["timeoutInMinutes"].as_u64()),
        losses,
        patterns,
        groups,
    })
}

impl Read {
    /// What is wrong with some properties that the schema of each alone cannot say.
    pub(crate) fn check(&self, properties: &Map) -> Vec<Finding> {
        self.groups.check(self.schema.properties, properties)
    }

    /// What the handler of a verb does, as the schema says it.
    pub(crate) fn handler(&self, verb: Verb) -> &'static [&'static str] {
        match verb {
            Verb::Read => self.handlers.read,
            Verb::Create => self.handlers.create,
            Verb::Update => self.handlers.update,
            Verb::Delete => self.handlers.delete,
        }
        .unwrap_or_default()
    }
}

fn handlers(json: &Json) -> Handlers {
    let of = |name: &str| -> Option<&'static [&'static str]> {
        let handler = json["handlers"].get(name)?.as_object()?;
        let permissions: BTreeSet<&str> = types::texts(handler, "permissions").into_iter().collect();
        Some(permissions.into_iter().map(leaked).collect::<Vec<_>>().leak())
    };
    Handlers {
        create: of("create"),
        read: of("read"),
        update: of("update"),
        delete: of("delete"),
        list: json["handlers"].get("list").is_some(),
    }
}

fn identifier(json: &Json, properties: &'static [Property]) -> Result<Vec<Part>, Unusable> {
    let written = json["primaryIdentifier"].as_array().map(Vec::as_slice).unwrap_or_default();
    if written.is_empty() {
        return Err(Unusable::NoIdentifier);
    }
    let mut parts = Vec::with_capacity(written.len());
    for pointer in written {
        let path = pointer.as_str().and_then(path).ok_or(Unusable::StrangeIdentifier)?;
        let (mut made, mut required) = (false, true);
        let mut members = properties;
        for (depth, name) in path.iter().enumerate() {
            let member = members.iter().find(|member| member.name == name).ok_or(Unusable::StrangeIdentifier)?;
            made |= member.read_only;
            required &= member.required;
            members = match member.ty {
                Type::Object(inner) => inner,
                _ if depth + 1 < path.len() => return Err(Unusable::StrangeIdentifier),
                _ => &[],
            };
        }
        parts.push(Part { path, made, required: required && !made });
    }
    Ok(parts)
}

/// The property of the tags, or that there are some in a form or under rules that owner tags do not fit.
fn tags(json: &Json, properties: &'static [Property]) -> (Option<&'static str>, bool) {
    let tagging = &json["tagging"];
    let taggable = tagging["taggable"].as_bool().or_else(|| json["taggable"].as_bool()).unwrap_or(true);
    let written = tagging["tagProperty"].as_str().unwrap_or("/properties/Tags");
    let property = path(written).and_then(|path| {
        let [name] = path.as_slice() else { return Some(None) };
        properties.iter().find(|property| property.name == name).map(Some)
    });
    let Some(property) = property.filter(|_| taggable) else { return (None, false) };
    let fits = property.filter(|property| {
        // Tags that cannot change once it is made would replace the resource to get an owner.
        let fixed = property.immutable || property.read_only || property.unseen;
        let form = match property.ty {
            Type::Map(Type::Text(_) | Type::Any) => true,
            Type::List(list) => list.order == Order::Keyed("Key"),
            _ => false,
        };
        form && !fixed && tagging["tagUpdatable"] != Json::Bool(false)
    });
    (fits.map(|property| property.name), fits.is_none())
}

/// Every property, since one that is not given is what it is live, and the identifier as `Ref` and `Id`.
fn attributes(properties: &'static [Property], identifier: &[Part]) -> &'static [Attribute] {
    let identifies = |name: &str| identifier.iter().any(|part| part.path[0] == name);
    let mut attributes: Vec<Attribute> = properties
        .iter()
        .filter(|property| !property.unseen)
        .map(|property| Attribute {
            name: property.name,
            stable: identifies(property.name)
                || property.immutable
                || (property.read_only && (property.name.ends_with("Arn") || property.name.ends_with("Id"))),
            on_create: identifier.len() == 1 && identifies(property.name),
        })
        .collect();
    for name in ["Ref", "Id"] {
        if !attributes.iter().any(|attribute| attribute.name == name) {
            attributes.push(Attribute { name, stable: true, on_create: true });
        }
    }
    attributes.leak()
}
