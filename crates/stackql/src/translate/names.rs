//! The names in a project's templates: which there are, and other spellings for those that mean something else here.

use std::sync::Arc;

use trueup_engine::manifest::tree::{Entry, Node, Yaml};
use trueup_engine::manifest::{Property, PropertyValue};
use trueup_engine::render::scan::{self, Kind, Piece};
use trueup_engine::source::Span;

/// A name that a template looks up, with the member that follows it: `orders.arn`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// The name.
    pub name: String,
    /// What follows the dot.
    pub member: Option<String>,
}

/// The names that a text looks up.
pub fn in_text(text: &str) -> Vec<Used> {
    let mut used = Vec::new();
    each(text, &mut |name, member| {
        used.push(Used { name: name.to_owned(), member: member.map(str::to_owned) });
        None
    });
    used
}

/// The names that a value looks up, in all its texts.
pub fn in_node(node: &Node) -> Vec<Used> {
    let mut used = Vec::new();
    texts(node, &mut |text, _| used.extend(in_text(text)));
    used
}

/// The names that a property looks up.
pub fn in_property(property: &Property) -> Vec<Used> {
    let mut used: Vec<Used> =
        property.merge.iter().map(|name| Used { name: name.value.clone(), member: None }).collect();
    match &property.value {
        PropertyValue::Merged => {}
        PropertyValue::One(node) => used.extend(in_node(node)),
        PropertyValue::PerEnvironment(values) => values.iter().for_each(|(_, node)| used.extend(in_node(node))),
    }
    used
}

/// Visits every text of a value, the keys of its maps too.
pub fn texts(node: &Node, visit: &mut dyn FnMut(&Arc<str>, Span)) {
    match &node.yaml {
        Yaml::Text(text) => visit(text, node.span),
        Yaml::List(items) => items.iter().for_each(|item| texts(item, visit)),
        Yaml::Map(entries) => {
            for entry in entries {
                visit(&entry.key.value, entry.key.span);
                texts(&entry.value, visit);
            }
        }
        _ => {}
    }
}

/// A value with other texts.
pub fn map(node: &Node, change: &mut dyn FnMut(&str, Span) -> Option<String>) -> Node {
    let yaml = match &node.yaml {
        Yaml::Text(text) => match change(text, node.span) {
            Some(text) => Yaml::Text(text.into()),
            None => return node.clone(),
        },
        Yaml::List(items) => Yaml::List(items.iter().map(|item| map(item, change)).collect()),
        Yaml::Map(entries) => Yaml::Map(
            entries
                .iter()
                .map(|entry| {
                    let mut key = entry.key.clone();
                    if let Some(text) = change(&key.value, key.span) {
                        key.value = text.into();
                    }
                    Entry { key, value: map(&entry.value, change) }
                })
                .collect(),
        ),
        _ => return node.clone(),
    };
    Node { yaml, span: node.span }
}

/// A property with other texts.
pub fn map_property(property: &Property, change: &mut dyn FnMut(&str, Span) -> Option<String>) -> Property {
    let value = match &property.value {
        PropertyValue::Merged => PropertyValue::Merged,
        PropertyValue::One(node) => PropertyValue::One(map(node, change)),
        PropertyValue::PerEnvironment(values) => {
            PropertyValue::PerEnvironment(values.iter().map(|(env, node)| (env.clone(), map(node, change))).collect())
        }
    };
    Property { value, ..property.clone() }
}

/// A text in which names, with the member behind them, are written otherwise; `None` where nothing changes.
pub fn renamed(text: &str, other: &mut dyn FnMut(&str, Option<&str>) -> Option<String>) -> Option<String> {
    let changes = each(text, other);
    if changes.is_empty() {
        return None;
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut at = 0;
    for (range, new) in changes {
        out.push_str(&text[at..range.start]);
        out.push_str(&new);
        at = range.end;
    }
    out.push_str(&text[at..]);
    Some(out)
}

fn each(
    text: &str,
    visit: &mut dyn FnMut(&str, Option<&str>) -> Option<String>,
) -> Vec<(std::ops::Range<usize>, String)> {
    let mut changes = Vec::new();
    if !scan::is_template(text) {
        return changes;
    }
    for piece in scan::pieces(text).unwrap_or_default() {
        let (Piece::Expression(code) | Piece::Statement(code)) = piece else { continue };
        let words = scan::words(&text[code.clone()], code.start);
        for (index, word) in words.iter().enumerate().filter(|(_, word)| word.kind == Kind::Name) {
            let next = |ahead: usize| words.get(index + ahead);
            let dotted = next(1).filter(|dot| dot.text == ".").and_then(|_| next(2)).filter(|w| w.kind == Kind::Member);
            let member = dotted.map(|word| word.text);
            if let Some(new) = visit(word.text, member) {
                changes.push((word.start..dotted.map_or(word.range().end, |word| word.range().end), new));
            }
        }
    }
    changes
}

/// The name of a text that is one `{{ name }}` and nothing else.
pub fn only_name(text: &str) -> Option<&str> {
    let text = text.trim();
    let Ok(pieces) = scan::pieces(text) else { return None };
    let [Piece::Expression(code)] = pieces.as_slice() else { return None };
    match scan::words(&text[code.clone()], code.start).as_slice() {
        [word] if word.kind == Kind::Name => Some(&text[word.range()]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_and_renamed_where_they_are_looked_up() {
        let text = "{{ a.b | default('c') }}-{{ {'k': d} | tojson }} e {{ x.y.z }}";
        let names: Vec<String> = in_text(text)
            .into_iter()
            .map(|used| used.member.map_or(used.name.clone(), |member| format!("{}.{member}", used.name)))
            .collect();
        assert_eq!(names, ["a.b", "d", "x.y"]);
        let other = renamed(text, &mut |name, member| match (name, member) {
            ("a", Some("b")) => Some("uuid()".to_owned()),
            ("d", None) => Some("dd".to_owned()),
            _ => None,
        });
        assert_eq!(other.as_deref(), Some("{{ uuid() | default('c') }}-{{ {'k': dd} | tojson }} e {{ x.y.z }}"));
        assert_eq!(only_name("{{ a }}"), Some("a"));
        assert_eq!(only_name("'{{ a }}'"), None);
        assert_eq!(only_name("{{ a.b }}"), None);
    }
}
