//! Values for people: short, unambiguous, and never a secret.

use trueup_engine::schema::{Order, Schema, Type};
use trueup_engine::value::{Map, Value, push_token};

use crate::output::text::{clean, shorten};

/// Columns after which a value is cut when nobody asked for all of it.
const MOST: usize = 100;

/// A leaf as people read it; cut where it is long unless `whole`.
pub fn leaf(value: &Value, whole: bool) -> String {
    let text = match value {
        Value::Null => return "(none)".to_owned(),
        Value::Secret(_) => return "(secret)".to_owned(),
        Value::Deferred(deferred) if deferred.secret_source().is_some() => return "(secret)".to_owned(),
        Value::Deferred(deferred) => return known_later(deferred.describe()),
        Value::Unknown(reference) => return known_later(reference),
        other => other.to_masked_json().to_string(),
    };
    let text = clean(&text);
    if whole { text.into_owned() } else { shorten(&text, MOST).into_owned() }
}

fn known_later(reference: &str) -> String {
    format!("(known after apply: {})", clean(reference))
}

/// Every leaf of properties with the pointer to it; an empty list or map is a leaf too.
pub fn leaves<'a>(properties: &'a Map, visit: &mut dyn FnMut(&str, &'a Value)) {
    for (name, value) in properties {
        let mut pointer = String::new();
        push_token(&mut pointer, name);
        below(&pointer, value, visit);
    }
}

/// Every leaf of a value that stands at `pointer`.
pub fn below<'a>(pointer: &str, value: &'a Value, visit: &mut dyn FnMut(&str, &'a Value)) {
    match value {
        Value::Map(map) if !map.is_empty() => {
            for (name, member) in map {
                let mut inner = pointer.to_owned();
                push_token(&mut inner, name);
                below(&inner, member, visit);
            }
        }
        Value::List(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                below(&format!("{pointer}/{index}"), item, visit);
            }
        }
        leaf => visit(pointer, leaf),
    }
}

/// A JSON pointer as people read it: without the slash in front, items of a list in brackets.
pub fn path(pointer: &str) -> String {
    let mut text = String::new();
    for token in trueup_engine::value::tokens(pointer) {
        if !text.is_empty() && (token == "-" || token.bytes().all(|byte| byte.is_ascii_digit())) {
            text.push('[');
            text.push_str(if token == "-" { "+" } else { &token });
            text.push(']');
        } else {
            if !text.is_empty() {
                text.push('/');
            }
            text.push_str(&clean(&token));
        }
    }
    text
}

/// The same for a pointer into known properties: an item of a list whose items are told apart by a member shows by it,
/// `HeaderParameters[X-Trace]`, because its number means nothing.
pub fn path_in(schema: &Schema, properties: &Map, pointer: &str) -> String {
    path_below(schema, "", "", &|below| at(properties, below), pointer)
}

/// Goes on from a `label` that stands for `base`: `pointer` leads on from there, and `find` gives the value at the
/// pointers on the way.
pub fn path_below<'a>(
    schema: &Schema,
    label: &str,
    base: &str,
    find: &dyn Fn(&str) -> Option<&'a Value>,
    pointer: &str,
) -> String {
    let mut text = label.to_owned();
    let mut here = base.to_owned();
    for token in trueup_engine::value::tokens(pointer) {
        let item = !text.is_empty() && (token == "-" || token.bytes().all(|byte| byte.is_ascii_digit()));
        let key = if item { key_of(schema, &here) } else { None };
        push_token(&mut here, &token);
        if !item {
            if !text.is_empty() {
                text.push('/');
            }
            text.push_str(&clean(&token));
            continue;
        }
        let named = key.and_then(|key| find(&here[base.len()..])?.get(key)?.as_str());
        text.push('[');
        text.push_str(&clean(named.unwrap_or(&token)));
        text.push(']');
    }
    text
}

/// Whether a leaf only repeats what the brackets of its path say.
pub fn is_key(schema: &Schema, pointer: &str) -> bool {
    let Some((item, member)) = pointer.rsplit_once('/') else { return false };
    let Some((list, _)) = item.rsplit_once('/') else { return false };
    key_of(schema, list) == Some(member)
}

/// The member that tells the items of the list at a pointer apart.
fn key_of(schema: &Schema, pointer: &str) -> Option<&'static str> {
    match schema.at(pointer).map(|property| &property.ty) {
        Some(Type::List(list)) => match list.order {
            Order::Keyed(key) => Some(key),
            Order::Ordered | Order::Set => None,
        },
        _ => None,
    }
}

fn at<'a>(properties: &'a Map, pointer: &str) -> Option<&'a Value> {
    let (first, rest) = match pointer[1..].find('/') {
        Some(slash) => (&pointer[1..=slash], &pointer[slash + 1..]),
        None => (&pointer[1..], ""),
    };
    // Names of properties hold neither `~` nor `/`.
    properties.get(first)?.at(rest)
}

/// Only the last two names of a long path: the rest is in the type's documentation and pushes the values off the screen.
pub fn short_path(path: &str) -> String {
    // A key in brackets may hold a slash of its own; such a path stays whole.
    if path.contains('[') && path.rfind('[') < path.rfind('/') && path.ends_with(']') {
        return path.to_owned();
    }
    let names: Vec<&str> = path.split('/').collect();
    match names.as_slice() {
        [.., parent, last] if names.len() > 2 => format!("…/{parent}/{last}"),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use trueup_engine::secret::Secret;

    use super::*;

    #[test]
    fn leaves_never_show_a_secret() {
        assert_eq!(leaf(&Value::Secret(Secret::new("literal", "hunter2".to_owned())), true), "(secret)");
        assert_eq!(leaf(&Value::Unknown("orders.Arn".into()), false), "(known after apply: orders.Arn)");
        assert_eq!(leaf(&Value::from("a\u{1b}[0m"), false), "\"a\\u001b[0m\"");
        assert_eq!(leaf(&Value::from("x".repeat(200)), false).chars().count(), 100);
    }

    #[test]
    fn items_with_a_key_show_by_it() {
        let kind = trueup_aws::registry().find("AWS::Events::Connection").unwrap();
        let text =
            r#"{"AuthParameters":{"InvocationHttpParameters":{"HeaderParameters":[{"Key":"X-One","Value":"a"}]}}}"#;
        let Value::Map(properties) = Value::from(serde_json::from_str::<serde_json::Value>(text).unwrap()) else {
            panic!("no map")
        };
        let mut paths = Vec::new();
        leaves(&properties, &mut |pointer, _| paths.push(path_in(kind.schema(), &properties, pointer)));
        assert_eq!(paths[1], "AuthParameters/InvocationHttpParameters/HeaderParameters[X-One]/Value");
        let list = "/AuthParameters/InvocationHttpParameters/HeaderParameters";
        assert!(is_key(kind.schema(), &format!("{list}/0/Key")) && !is_key(kind.schema(), &format!("{list}/0/Value")));
        let items = at(&properties, list).unwrap();
        let label = path_below(kind.schema(), "Headers", list, &|below| items.at(below), "/0/Value");
        assert_eq!(label, "Headers[X-One]/Value");
        assert_eq!(short_path(&paths[1]), "…/HeaderParameters[X-One]/Value");
    }

    #[test]
    fn paths_are_short_and_readable() {
        assert_eq!(path("/A/B/0/Value"), "A/B[0]/Value");
        assert_eq!(short_path("AuthParameters/BasicAuthParameters/Password"), "…/BasicAuthParameters/Password");
        assert_eq!(short_path("Description"), "Description");
    }
}
