//! From live properties to what a manifest says of them.
//!
//! Two steps. [`given`] leaves out what nobody would write: defaults, what is empty, what the service makes, owner tags.
//! [`Writer`] turns the rest into nodes: a credential becomes the name of where it will come from, a text that means
//! another resource a reference, everything else stays data.

use std::collections::HashSet;

use super::node::{Member, Node};
use super::reference::{Leaf, References};
use super::{FillIn, Need};
use crate::kind::Kind;
use crate::schema::{Clearing, DefaultValue, List, Order, Property, Secrecy, Type, is_secret_member};
use crate::value::{Map, Value, push_token};

/// What the tags begin with that nobody but AWS can write.
const AWS_TAGS: &str = "aws:";

/// The properties that a manifest has to say, in the order of the schema.
pub(super) fn given(kind: &dyn Kind, live: &Map) -> Map {
    let mut properties = object(kind.schema().properties, live, Within::Whole);
    properties.retain(|name, _| !kind.is_usual(name, live));
    needed_defaults(kind, live, &mut properties);
    if let Some(name) = kind.tags()
        && let Some(tags) = properties.get_mut(name)
    {
        let foreign = |key: &str| !key.starts_with(crate::owner::PREFIX) && !key.starts_with(AWS_TAGS);
        let empty = match tags {
            Value::Map(map) => {
                map.retain(|key, _| foreign(key));
                map.is_empty()
            }
            Value::List(items) => {
                let key = |item: &Value| item.get("Key").and_then(Value::as_str).unwrap_or_default().to_owned();
                items.retain(|item| foreign(&key(item)));
                items.sort_by_cached_key(key);
                items.is_empty()
            }
            _ => false,
        };
        if empty {
            properties.remove(name);
        }
    }
    properties
}

/// What is around a value: of what is compared as a whole nothing can be left out that the service would return.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    /// Objects, of which each member is compared by itself.
    Whole,
    /// An item of a list; the flag says that an empty value there says something.
    Item(bool),
}

/// Puts back those defaults without which the rest is refused: the usage of a key of an unusual sort.
fn needed_defaults(kind: &dyn Kind, live: &Map, properties: &mut Map) {
    let mut before = errors(kind, properties);
    let left_out = kind.schema().properties.iter().filter(|property| property.default.is_some() && !property.read_only);
    for property in left_out {
        if before.is_empty() {
            return;
        }
        if properties.contains_key(property.name) {
            continue;
        }
        let Some(value) = live.get(property.name) else { continue };
        properties.insert(property.name.to_owned(), value.clone());
        let after = errors(kind, properties);
        if after.len() < before.len() {
            before = after;
        } else {
            properties.remove(property.name);
        }
    }
}

fn object(schema: &'static [Property], live: &Map, within: Within) -> Map {
    let mut clean = Map::new();
    for property in schema.iter().filter(|property| !property.read_only) {
        let says_empty = property.says_empty && within != Within::Whole;
        let value = live.get(property.name).and_then(|value| self::value(&property.ty, value, within, says_empty));
        let Some(value) = value else { continue };
        let cleared = property.clearing == Clearing::EmptyText && value.as_str() == Some("");
        let is = |default: Option<DefaultValue>| default.is_some_and(|default| value == default.to_value());
        let default = is(property.default) || (within == Within::Whole && is(property.usual));
        if (!cleared && !default) || property.required {
            clean.insert(property.name.to_owned(), value);
        }
    }
    clean
}

/// `None` where there is nothing to say.
fn value(ty: &'static Type, value: &Value, within: Within, says_empty: bool) -> Option<Value> {
    match (ty.of(value), value) {
        (_, Value::Null | Value::Deferred(_) | Value::Unknown(_)) => None,
        (Type::Object(members), Value::Map(map)) => {
            let map = object(members, map, within);
            (says_empty || !map.is_empty()).then_some(Value::Map(map))
        }
        (Type::Map(item), Value::Map(map)) => {
            let mut clean: Map = map
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), self::value(item, value, within, says_empty)?)))
                .collect();
            clean.sort_keys();
            (says_empty || !clean.is_empty()).then_some(Value::Map(clean))
        }
        (Type::List(list), Value::List(items)) => {
            let empty = match within {
                Within::Whole => list_says_empty(list),
                Within::Item(empty) => empty,
            };
            let mut clean: Vec<Value> =
                items.iter().filter_map(|item| self::value(&list.item, item, Within::Item(empty), empty)).collect();
            if list.order == Order::Set {
                clean.sort_by_cached_key(|item| item.to_masked_json().to_string());
            }
            (says_empty || !clean.is_empty()).then_some(Value::List(clean))
        }
        (Type::Json, value) => Some(document(value)),
        (_, value) => Some(value.clone()),
    }
}

/// Whether an empty item of a list says something: where the members of its items do.
fn list_says_empty(list: &List) -> bool {
    matches!(list.item, Type::Object(members) if members.iter().any(|member| member.says_empty))
}

/// A JSON document as a structure, which is what people can read; as a text where it has a `null` in it, which in a
/// manifest means "not given", or a credential, which has to be covered as a whole.
fn document(value: &Value) -> Value {
    match value {
        Value::String(text) if !crate::embedded::holds_credentials(text) => {
            let parsed = serde_json::from_str::<serde_json::Value>(text).map(Value::from);
            match parsed {
                Ok(parsed @ (Value::Map(_) | Value::List(_))) if !has_null(&parsed) => parsed,
                _ => value.clone(),
            }
        }
        Value::Map(_) | Value::List(_) if has_null(value) => Value::String(value.to_masked_json().to_string()),
        other => other.clone(),
    }
}

fn has_null(value: &Value) -> bool {
    let mut found = false;
    value.walk(&mut |_, leaf| found |= leaf.is_null());
    found
}

/// Maps whose credentials a read has hidden, so that nobody said which of them there are: pointers and names.
pub(super) fn hidden(kind: &dyn Kind, properties: &Map) -> Vec<(String, &'static [&'static str])> {
    fn go(schema: &'static [Property], map: &Map, at: &str, out: &mut Vec<(String, &'static [&'static str])>) {
        for property in schema {
            let Some(Value::Map(inner)) = map.get(property.name) else { continue };
            let mut pointer = at.to_owned();
            push_token(&mut pointer, property.name);
            match (property.ty, property.secrecy) {
                (Type::Object(members), _) => go(members, inner, &pointer, out),
                (Type::Map(_), Secrecy::Members(names)) => {
                    let unread =
                        |name: &&'static str| matches!(inner.get(name), Some(Value::Secret(s)) if !s.is_resolved());
                    // Nothing has all of them: a read that hides answers each that it was asked for.
                    if names.len() > 1 && names.iter().all(unread) {
                        out.push((pointer, names));
                    }
                }
                _ => {}
            }
        }
    }
    let mut out = Vec::new();
    go(kind.schema().properties, properties, "", &mut out);
    out
}

/// Leaves of the hidden credentials those that the rules of the kind want; returns the names of the others.
pub(super) fn settle_hidden(kind: &dyn Kind, properties: &mut Map) -> Vec<&'static str> {
    let mut open = Vec::new();
    for (pointer, names) in hidden(kind, properties) {
        let mut taken: Vec<(&'static str, Value)> = Vec::new();
        if let Some(map) = map_at(properties, &pointer) {
            taken.extend(names.iter().filter_map(|name| Some((*name, map.remove(name)?))));
        }
        for (name, value) in taken {
            let before = errors(kind, properties);
            if before.is_empty() {
                open.push(name);
                continue;
            }
            let insert = |properties: &mut Map, value: Option<Value>| {
                if let Some(map) = map_at(properties, &pointer) {
                    match value {
                        Some(value) => drop(map.insert(name.to_owned(), value)),
                        None => drop(map.remove(name)),
                    }
                }
            };
            insert(properties, Some(value));
            let after = errors(kind, properties);
            if after.len() > before.len() || after == before {
                insert(properties, None);
                open.push(name);
            }
        }
        let empty = map_at(properties, &pointer).is_some_and(|map| {
            map.sort_keys();
            map.is_empty()
        });
        if empty
            && let Some((parent, name)) = pointer.rsplit_once('/')
            && let Some(map) = map_at(properties, parent)
        {
            map.remove(name);
        }
    }
    open
}

fn errors(kind: &dyn Kind, properties: &Map) -> Vec<String> {
    kind.check(properties).into_iter().filter(|finding| !finding.warning).map(|finding| finding.summary).collect()
}

fn map_at<'m>(properties: &'m mut Map, pointer: &str) -> Option<&'m mut Map> {
    let mut here = properties;
    for token in crate::value::tokens(pointer) {
        here = match here.get_mut(&token)? {
            Value::Map(map) => map,
            _ => return None,
        };
    }
    Some(here)
}

/// Public texts that may mean another resource.
pub(super) fn leaves<'a>(kind: &dyn Kind, resource: usize, properties: &'a Map, out: &mut Vec<Leaf<'a>>) {
    let identity = format!("/{}", kind.identity_property());
    for (name, value) in properties {
        let mut top = String::new();
        push_token(&mut top, name);
        value.walk(&mut |below, leaf| {
            if let Value::String(text) = leaf
                && format!("{top}{below}") != identity
            {
                let domain = kind.schema().at(&format!("{top}{below}")).and_then(|property| property.names);
                out.push(Leaf { resource, text, domain });
            }
        });
    }
}

/// Turns the properties of one resource into nodes.
pub(super) struct Writer<'a> {
    pub(super) kind: &'static dyn Kind,
    pub(super) resource: usize,
    pub(super) address: &'a str,
    pub(super) references: &'a References<'a>,
    /// Names of environment variables that are taken.
    pub(super) variables: &'a mut HashSet<String>,
    pub(super) fill_in: &'a mut Vec<FillIn>,
}

/// What stands around a value.
#[derive(Clone, Copy)]
struct Around<'a> {
    /// The property that it is, or is part of.
    property: &'static Property,
    /// It is a secret by the schema.
    secret: bool,
    /// What its variable is named after, where that is not the property.
    label: Option<&'a str>,
}

impl Writer<'_> {
    /// The members of all that is given.
    pub(super) fn properties(&mut self, properties: &Map) -> Vec<Member> {
        self.object(self.kind.schema().properties, properties, None, &mut String::new())
    }

    /// The members of an object. `item` is the member that tells it apart from others beside it in a list, and its value.
    fn object(
        &mut self,
        schema: &'static [Property],
        map: &Map,
        item: Option<(&'static str, &str)>,
        pointer: &mut String,
    ) -> Vec<Member> {
        let length = pointer.len();
        let mut members = Vec::new();
        for property in schema.iter().filter(|property| !property.read_only) {
            push_token(pointer, property.name);
            let secret = match property.secrecy {
                Secrecy::Public | Secrecy::Members(_) => false,
                Secrecy::Secret => true,
                Secrecy::Unless(flag) => map.get(flag).and_then(Value::as_bool) != Some(false),
            };
            let around = Around { property, secret, label: item.map(|(_, value)| value) };
            match map.get(property.name) {
                // What tells items apart is shown everywhere: it is no secret and no reference.
                Some(Value::String(text)) if item.is_some_and(|(key, _)| key == property.name) => {
                    members.push(Member::new(property.name, Node::Text(text.clone())));
                }
                Some(value) => {
                    let node = self.value(&property.ty, value, around, pointer);
                    members.push(Member::new(property.name, node));
                }
                None if property.required && secret => {
                    let node = self.secret(&property.ty, around, Need::Secret, pointer);
                    members.push(Member::new(property.name, node));
                }
                None if property.required && property.default.is_none() => {
                    self.fill_in.push(FillIn {
                        address: self.address.to_owned(),
                        path: pointer.clone(),
                        variable: None,
                        need: Need::Required,
                    });
                    members.push(Member::Missing(property.name));
                }
                None => {}
            }
            pointer.truncate(length);
        }
        members
    }

    fn value(&mut self, ty: &'static Type, value: &Value, around: Around<'_>, pointer: &mut String) -> Node {
        let length = pointer.len();
        let ty = ty.of(value);
        match (ty, value) {
            (_, Value::Secret(_)) => self.secret(ty, around, Need::Secret, pointer),
            (_, Value::String(_)) if around.secret => self.secret(ty, around, Need::Secret, pointer),
            (Type::Object(members), Value::Map(map)) => Node::Map(self.object(members, map, None, pointer)),
            (Type::Map(item), Value::Map(map)) => {
                let names = match around.property.secrecy {
                    Secrecy::Members(names) => Some(names),
                    _ => None,
                };
                let members = map.iter().map(|(name, value)| {
                    push_token(pointer, name);
                    let text = value.as_str().unwrap_or_default();
                    let secret = around.secret || names.is_some_and(|names| is_secret_member(names, name, text));
                    let node = self.value(item, value, Around { secret, label: Some(name), ..around }, pointer);
                    pointer.truncate(length);
                    Member::new(name.clone(), node)
                });
                Node::Map(members.collect())
            }
            (Type::List(list), Value::List(items)) => self.list(list, items, around, pointer),
            (_, Value::Map(map)) => {
                let members = map.iter().map(|(name, value)| {
                    push_token(pointer, name);
                    let node = self.value(&Type::Json, value, Around { label: Some(name), ..around }, pointer);
                    pointer.truncate(length);
                    Member::new(name.clone(), node)
                });
                Node::Map(members.collect())
            }
            (_, Value::List(items)) => {
                let items = items.iter().enumerate().map(|(index, value)| {
                    push_token(pointer, &index.to_string());
                    let node = self.value(&Type::Json, value, around, pointer);
                    pointer.truncate(length);
                    node
                });
                Node::List(items.collect())
            }
            (_, Value::String(text)) => self.text(text, ty, around, pointer),
            (_, Value::Bool(flag)) => Node::Bool(*flag),
            (_, Value::Number(number)) => Node::Number(number.clone()),
            (_, Value::Null | Value::Deferred(_) | Value::Unknown(_)) => Node::Null,
        }
    }

    fn list(&mut self, list: &'static List, items: &[Value], around: Around<'_>, pointer: &mut String) -> Node {
        let length = pointer.len();
        let items = items.iter().enumerate().map(|(index, item)| {
            push_token(pointer, &index.to_string());
            let node = match (&list.item, item, list.order) {
                (Type::Object(members), Value::Map(map), Order::Keyed(key)) => {
                    let item = map.get(key).and_then(Value::as_str).map(|value| (key, value));
                    Node::Map(self.object(members, map, item, pointer))
                }
                _ => self.value(&list.item, item, around, pointer),
            };
            pointer.truncate(length);
            node
        });
        Node::List(items.collect())
    }

    fn text(&mut self, text: &str, ty: &'static Type, around: Around<'_>, pointer: &str) -> Node {
        let is_identity = pointer.strip_prefix('/') == Some(self.kind.identity_property());
        if is_identity {
            return Node::Text(text.to_owned());
        }
        let names = |label| matches!(ty, Type::Json) && crate::embedded::names_credential(label);
        if crate::embedded::holds_credentials(text) || around.label.is_some_and(names) {
            return self.secret(ty, around, Need::Credential, pointer);
        }
        let domain = around.property.names;
        self.references.template(self.resource, text, domain).unwrap_or_else(|| Node::Text(text.to_owned()))
    }

    /// A reference to a source that somebody has to fill.
    fn secret(&mut self, ty: &'static Type, around: Around<'_>, need: Need, pointer: &str) -> Node {
        let label = around.label.unwrap_or(around.property.name);
        let own = format!("{}_{}", self.address, super::name::snake(label)).to_ascii_uppercase();
        let variable = super::name::unique(own.trim_end_matches('_'), self.variables);
        let structure = matches!(ty, Type::Object(_) | Type::Map(_) | Type::List(_));
        let filter = if structure { " | from_json" } else { "" };
        let template = format!("{{{{ secret('env:{variable}'){filter} }}}}");
        self.fill_in.push(FillIn {
            address: self.address.to_owned(),
            path: pointer.to_owned(),
            variable: Some(variable),
            need,
        });
        Node::Template(template)
    }
}
