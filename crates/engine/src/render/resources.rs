//! From resources as they are written to instances: `for_each`, `if`, and everything around the properties.

use std::sync::{Arc, PoisonError, RwLock};

use super::Inputs;
use super::leaf::Leaves;
use super::session::{Frame, Known, Local};
use crate::address::Address;
use crate::diagnostic::{Diagnostic, suggest};
use crate::lookup;
use crate::manifest::tree::Node;
use crate::manifest::{Manifest, Property, PropertyValue, Resource};
use crate::source::Spanned;
use crate::stack::{Ignore, Instance, Spans};
use crate::value::{Map, Value, push_token};

/// Keys of one `for_each`, and instances of a stack.
const MAX_INSTANCES: usize = 10_000;
/// Bytes of all properties of a stack.
const MAX_BYTES: usize = 64 * 1024 * 1024;

type Each = Option<(Arc<str>, Arc<Value>)>;

/// Every instance, and the addresses that `if` left out.
pub fn instances(manifest: &Manifest, inputs: &Inputs<'_>, leaves: &mut Leaves<'_>) -> (Vec<Instance>, Vec<Address>) {
    let mut kept: Vec<(&Resource, Arc<Frame>)> = Vec::new();
    let mut left_out = Vec::new();
    let mut table = Vec::new();
    let mut full = false;
    for resource in &manifest.resources {
        let name = &*resource.name.value;
        let mut known = Known {
            keys: None,
            left_out: Vec::new(),
            condition: resource.condition.as_ref().map(|n| n.span),
            broken: false,
        };
        leaves.take_made_of();
        let all = if full { Vec::new() } else { each(resource, leaves, &mut known) };
        let each_made_of = leaves.take_made_of();
        if !full && kept.len() + left_out.len() + all.len() > MAX_INSTANCES {
            full = true;
            let span = resource.for_each.as_ref().map_or(resource.name.span, |node| node.span);
            leaves.found.push(
                Diagnostic::error("M218", "the stack has more than 10,000 instances")
                    .at(span)
                    .help("cut the stack into several"),
            );
        }
        if full {
            known.broken = true;
            table.push((name.to_owned(), known));
            continue;
        }
        for each in all {
            let address = match &each {
                Some((key, _)) => Address::keyed(name, Arc::clone(key)),
                None => Address::new(name),
            };
            let key = each.as_ref().map(|(key, _)| Arc::clone(key));
            let frame = Arc::new(Frame {
                session: Arc::clone(&leaves.session),
                address: Some(address.clone()),
                each,
                each_made_of: each_made_of.clone(),
                announced: resource.properties.iter().map(|property| Arc::clone(&property.name.value)).collect(),
                this: RwLock::default(),
                this_made_of: RwLock::default(),
                locals: RwLock::default(),
            });
            let condition = resource.condition.as_ref();
            // An `if` that cannot be evaluated keeps the resource, so that its other mistakes show too.
            if condition.is_none_or(|node| flag(node, &frame, "`if`", leaves).unwrap_or(true)) {
                if let (Some(keys), Some(key)) = (&mut known.keys, key) {
                    keys.push(key);
                }
                kept.push((resource, frame));
            } else {
                known.left_out.push(key.unwrap_or_default());
                left_out.push(address);
            }
        }
        table.push((name.to_owned(), known));
    }
    leaves.session.resources.write().unwrap_or_else(PoisonError::into_inner).extend(table);
    if full {
        return (Vec::new(), left_out);
    }
    let mut instances = Vec::with_capacity(kept.len());
    let mut bytes = 0_usize;
    for (resource, frame) in kept {
        let instance = instance(resource, &frame, inputs, leaves);
        bytes += instance.properties.iter().map(|(name, value)| name.len() + size(value)).sum::<usize>();
        if bytes > MAX_BYTES {
            leaves.found.push(
                Diagnostic::error("M218", "the properties of this stack become larger than 64 MiB")
                    .at(resource.name.span)
                    .help("cut the stack into several, or its texts into shorter ones"),
            );
            break;
        }
        instances.push(instance);
    }
    (instances, left_out)
}

/// About the bytes of a value. What a secret holds is not looked at, not even how long it is.
fn size(value: &Value) -> usize {
    const EACH: usize = 32;
    match value {
        Value::String(text) => EACH + text.len(),
        Value::List(items) => EACH + items.iter().map(size).sum::<usize>(),
        Value::Map(map) => EACH + map.iter().map(|(name, member)| EACH + name.len() + size(member)).sum::<usize>(),
        _ => EACH,
    }
}

/// A condition: a boolean, a template, or an expression without braces.
fn flag(node: &Node, frame: &Arc<Frame>, what: &str, leaves: &mut Leaves<'_>) -> Option<bool> {
    match leaves.immediate(node, frame, what, true)? {
        Value::Bool(flag) => Some(flag),
        other => {
            leaves.found.push(
                Diagnostic::error("M216", format!("{what} must be true or false, and this is {}", other.type_name()))
                    .at(node.span)
                    .help("compare it: `vars.STAGE == 'prod'`"),
            );
            None
        }
    }
}

fn each(resource: &Resource, leaves: &mut Leaves<'_>, known: &mut Known) -> Vec<Each> {
    let Some(node) = &resource.for_each else { return vec![None] };
    known.keys = Some(Vec::new());
    let frame = Frame::top(&leaves.session);
    let pairs: Option<Vec<(String, Value)>> = match leaves.immediate(node, &frame, "`for_each`", true) {
        None => None,
        Some(Value::Map(map)) => Some(map.into_iter().collect()),
        Some(Value::List(items)) => items
            .into_iter()
            .map(|item| match &item {
                Value::String(text) => Some((text.clone(), item)),
                Value::Number(number) => Some((number.to_string(), item)),
                _ => None,
            })
            .collect::<Option<_>>()
            .or_else(|| {
                leaves.found.push(
                    Diagnostic::error("M217", "the items of a list in `for_each` must be text or numbers")
                        .at(node.span)
                        .help("use a map: its keys name the instances, its values are `each.value`"),
                );
                None
            }),
        Some(other) => {
            let what = other.type_name();
            leaves.found.push(
                Diagnostic::error("M217", format!("`for_each` must be a list or a map, and this is {what}"))
                    .at(node.span),
            );
            None
        }
    };
    let pairs = pairs.filter(|pairs| {
        let mut seen = std::collections::HashSet::new();
        let twice = pairs.iter().find(|(key, _)| !seen.insert(key));
        if let Some((key, _)) = twice {
            leaves.found.push(Diagnostic::error("M217", format!("`for_each` has the key `{key}` twice")).at(node.span));
        }
        if pairs.len() > MAX_INSTANCES {
            leaves.found.push(Diagnostic::error("M217", "`for_each` has more than 10,000 keys").at(node.span));
        }
        twice.is_none() && pairs.len() <= MAX_INSTANCES
    });
    let Some(pairs) = pairs else {
        // One instance of nothing in particular, so that the mistakes in its properties show too.
        known.broken = true;
        return vec![Some((Arc::from("?"), Arc::new(Value::Unknown(Arc::from("each.value")))))];
    };
    pairs.into_iter().map(|(key, value)| Some((Arc::from(key), Arc::new(value)))).collect()
}

fn instance(resource: &Resource, frame: &Arc<Frame>, inputs: &Inputs<'_>, leaves: &mut Leaves<'_>) -> Instance {
    let mut spans = Spans::new(resource.name.span);
    locals(resource, frame, inputs, leaves);
    if let Some(sql) = &resource.sql {
        let mut pointer = lookup::POINTER.to_owned();
        spans.insert(&pointer, sql.span, sql.span);
        let value = leaves.node(sql, frame, &mut pointer, Some(&mut spans), false);
        frame.this.write().unwrap_or_else(PoisonError::into_inner).insert(lookup::SQL.to_owned(), value);
    }
    for property in &resource.properties {
        leaves.take_made_of();
        let value = property_value(property, inputs, frame, &mut spans, leaves);
        let made_of: Vec<String> = {
            let mut pointer = String::new();
            push_token(&mut pointer, &property.name.value);
            spans.variables(&pointer).map(str::to_owned).collect()
        };
        if !made_of.is_empty() {
            let mut this_made_of = frame.this_made_of.write().unwrap_or_else(PoisonError::into_inner);
            this_made_of.insert(property.name.value.to_string(), made_of);
        }
        if let Some(value) = value {
            frame.this.write().unwrap_or_else(PoisonError::into_inner).insert(property.name.value.to_string(), value);
        }
    }
    spans.shrink();
    let properties: Map = frame.this.read().unwrap_or_else(PoisonError::into_inner).clone();
    let mut text = |node: &Option<Node>, what: &str| -> Option<Spanned<String>> {
        let node = node.as_ref()?;
        match leaves.immediate(node, frame, what, false)? {
            Value::String(value) => Some(Spanned { value, span: node.span }),
            other => {
                leaves.found.push(
                    Diagnostic::error("M108", format!("{what} must be text, and this is {}", other.type_name()))
                        .at(node.span),
                );
                None
            }
        }
    };
    let region = text(&resource.region, "`region`").map(|text| text.value);
    let role_arn = text(&resource.role_arn, "`role_arn`").map(|text| text.value);
    let identifier = text(&resource.identifier, "`identifier`");
    let find = text(&resource.find, "`find`");
    let renamed_from =
        resource.renamed_from.iter().filter_map(|node| text(&Some(node.clone()), "`renamed_from`")).collect();
    let protect = resource.protect.as_ref().map(|node| flag(node, frame, "`protect`", leaves).unwrap_or(true));
    let skip_on_delete = resource
        .skip_on_delete
        .as_ref()
        .is_some_and(|node| flag(node, frame, "`skip_on_delete`", leaves).unwrap_or(true));
    let ignore = resource
        .ignore
        .iter()
        .map(|ignoring| {
            let expired = ignoring.until.as_ref().is_some_and(|(_, day)| *day < inputs.today);
            if let Some((until, _)) = ignoring.until.as_ref().filter(|_| expired) {
                leaves.found.push(
                    Diagnostic::warning("M220", format!("this `ignore` ended on {}", until.value))
                        .at(until.span)
                        .noted(format!("differences at `{}` count as drift again", ignoring.path.value))
                        .help("remove the entry, or give it a later `until`"),
                );
            }
            Ignore {
                path: ignoring.path.clone(),
                reason: ignoring.reason.clone(),
                until: ignoring.until.as_ref().map(|(until, _)| until.clone()),
                expired,
            }
        })
        .collect();
    Instance {
        address: frame.address.clone().unwrap_or_else(|| Address::new(&*resource.name.value)),
        name_span: resource.name.span,
        type_name: resource.type_name.clone(),
        properties,
        spans: Arc::new(spans),
        depends_on: resource.depends_on.clone(),
        renamed_from,
        identifier,
        find,
        from_text: resource.from_text,
        protect,
        ignore,
        severity: resource.severity.clone(),
        exports: resource.exports.clone(),
        region,
        role_arn,
        timeouts: resource.timeouts,
        skip_on_delete,
    }
}

/// Evaluates the locals in their order; each sees those before it.
fn locals(resource: &Resource, frame: &Arc<Frame>, inputs: &Inputs<'_>, leaves: &mut Leaves<'_>) {
    for local in &resource.locals {
        if leaves.session.resource(&local.name.value).is_some() {
            leaves.found.push(
                Diagnostic::error("M112", format!("a resource and a local are both named `{}`", local.name.value))
                    .at(local.name.span)
                    .help("rename one: in a template the name could mean either"),
            );
            continue;
        }
        leaves.take_made_of();
        // Nobody looks at a local itself, so that its places are those of what is made of it.
        let mut spans = Spans::new(local.name.span);
        let value = property_value(local, inputs, frame, &mut spans, leaves);
        let mut made_of = leaves.take_made_of();
        for name in &local.merge {
            made_of.extend(merged(name, frame, leaves).into_iter().flat_map(|(_, made_of)| made_of));
        }
        let value = value.unwrap_or_default();
        let mut locals = frame.locals.write().unwrap_or_else(PoisonError::into_inner);
        locals.insert(local.name.value.to_string(), (Arc::new(value), made_of));
    }
}

fn property_value(
    property: &Property,
    inputs: &Inputs<'_>,
    frame: &Arc<Frame>,
    spans: &mut Spans,
    leaves: &mut Leaves<'_>,
) -> Option<Value> {
    let node = match &property.value {
        PropertyValue::Merged => None,
        PropertyValue::One(node) => Some(node),
        PropertyValue::PerEnvironment(values) => {
            let Some((_, node)) = values.iter().find(|(env, _)| &*env.value == inputs.env) else {
                let known = values.iter().map(|(env, _)| &*env.value);
                let diagnostic = Diagnostic::error(
                    "M116",
                    format!("the property `{}` has no value for the environment `{}`", property.name.value, inputs.env),
                )
                .at(property.name.span);
                leaves.found.push(match suggest::nearest(inputs.env, known) {
                    Some(near) => diagnostic.help(format!("it has one for `{near}`")),
                    None => diagnostic.help(format!("add `{}: {{ value: … }}` to `values`", inputs.env)),
                });
                spans.insert(&pointer(property), property.name.span, property.name.span);
                return Some(Value::Unknown(Arc::clone(&property.name.value)));
            };
            Some(node)
        }
    };
    let mut here = pointer(property);
    spans.insert(&here, property.name.span, node.map_or(property.name.span, |node| node.span));
    let mut value = node.map(|node| leaves.node(node, frame, &mut here, Some(spans), property.protected));
    for name in &property.merge {
        let Some((global, made_of)) = merged(name, frame, leaves) else {
            let globals: Vec<String> = {
                let globals = leaves.session.globals.read();
                globals.unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
            };
            let diagnostic = Diagnostic::error("M117", format!("there is no global `{}`", name.value)).at(name.span);
            leaves.found.push(match suggest::nearest(&name.value, globals.iter().map(String::as_str)) {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                None => diagnostic.help("`merge` takes the names of globals"),
            });
            continue;
        };
        spans.note_variables(&here, made_of.into_iter());
        value = Some(merge(value, &global, name, &here, spans, leaves));
    }
    value
}

/// What `merge` names: a local of the resource, or a global.
fn merged(name: &Spanned<String>, frame: &Frame, leaves: &Leaves<'_>) -> Option<Local> {
    let session = &leaves.session;
    frame.local(&name.value).or_else(|| Some((session.global(&name.value)?, session.made_of(&name.value))))
}

fn pointer(property: &Property) -> String {
    let mut pointer = String::new();
    push_token(&mut pointer, &property.name.value);
    pointer
}

/// Lists: both, each item once. Maps: the global's members win. As in stackql-deploy.
fn merge(
    value: Option<Value>,
    global: &Value,
    name: &Spanned<String>,
    at: &str,
    spans: &mut Spans,
    leaves: &mut Leaves<'_>,
) -> Value {
    let mut note = |token: &str| {
        let mut pointer = at.to_owned();
        push_token(&mut pointer, token);
        spans.insert(&pointer, name.span, name.span);
    };
    match (value, global) {
        (None | Some(Value::Null), global) => global.clone(),
        (Some(Value::Unknown(why)), _) => Value::Unknown(why),
        (_, Value::Unknown(why)) => Value::Unknown(Arc::clone(why)),
        (Some(Value::List(mut items)), Value::List(more)) => {
            for item in more {
                if !items.contains(item) {
                    note(&items.len().to_string());
                    items.push(item.clone());
                }
            }
            Value::List(items)
        }
        (Some(Value::Map(mut map)), Value::Map(more)) => {
            for (key, member) in more {
                note(key);
                map.insert(key.clone(), member.clone());
            }
            Value::Map(map)
        }
        (Some(value), global) => {
            leaves.found.push(
                Diagnostic::error(
                    "M117",
                    format!(
                        "`{}` is {} and cannot be merged into {}",
                        name.value,
                        global.type_name(),
                        value.type_name()
                    ),
                )
                .at(name.span)
                .help("merge a list into a list, or a map into a map"),
            );
            value
        }
    }
}
