//! A type's properties as YAML to fill in: what is required is live, what is optional is commented out, and above each
//! stands what it is for and what it may be.
//!
//! A commented property begins with `#` and no space, so that removing that one character everywhere makes it live in the
//! right column; the texts above begin with `# ` and stay comments.

use std::fmt::Write as _;

use trueup_engine::kind::Kind;
use trueup_engine::schema::{OneOf, Order, Property, Secrecy, Text, Type};
use trueup_engine::value::push_token;

/// Where explaining texts are wrapped.
const WIDTH: usize = 110;

/// A whole manifest with one resource of the kind.
pub fn manifest(kind: &'static dyn Kind) -> String {
    let name = snake(kind.name());
    let mut text =
        format!("version: 1\nname: my-stack\nresources:\n  - name: {name}\n    type: {}\n    props:\n", kind.name());
    text.push_str(&properties(kind, 6));
    text
}

/// The properties alone, indented.
pub fn properties(kind: &'static dyn Kind, indent: usize) -> String {
    let schema = kind.schema();
    let lines = members(schema.properties, schema.one_of, "");
    let pad = " ".repeat(indent);
    lines.iter().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("{pad}{line}\n") }).collect()
}

/// `AWS::Events::ApiDestination` as `api_destination`.
fn snake(name: &str) -> String {
    let last = name.rsplit("::").next().unwrap_or(name);
    let mut text = String::new();
    for (index, character) in last.char_indices() {
        if character.is_ascii_uppercase() && index > 0 {
            text.push('_');
        }
        text.push(character.to_ascii_lowercase());
    }
    text
}

/// The lines of an object's members, without indentation of the object itself.
fn members(properties: &'static [Property], one_of: &'static [OneOf], at: &str) -> Vec<String> {
    let groups: Vec<&OneOf> = one_of.iter().filter(|group| group.at == at).collect();
    let mut lines = Vec::new();
    for property in properties.iter().filter(|property| !property.read_only) {
        let group = groups.iter().find(|group| group.members.contains(&property.name));
        let first = group.is_some_and(|group| group.members.first() == Some(&property.name));
        let note = group.map(|group| format!("Exactly one of {}.", group.members.join(", ")));
        lines.extend(comment(&describe(property, note.as_deref())));
        let mut pointer = at.to_owned();
        push_token(&mut pointer, property.name);
        let own = lines_of(property, one_of, &pointer);
        let live = property.required || first;
        lines.extend(own.into_iter().map(|line| if live { line } else { format!("#{line}") }));
    }
    lines
}

fn lines_of(property: &'static Property, one_of: &'static [OneOf], pointer: &str) -> Vec<String> {
    let nested = |lines: Vec<String>| {
        let mut all = vec![format!("{}:", property.name)];
        all.extend(lines.into_iter().map(|line| format!("  {line}")));
        all
    };
    match &property.ty {
        Type::Object(inner) => nested(members(inner, one_of, pointer)),
        Type::List(list) => match list.item {
            Type::Object(inner) => nested(item(members(inner, one_of, pointer))),
            Type::Text(_) if property.required => nested(vec!["- \"\"".to_owned()]),
            _ => vec![format!("{}: []", property.name)],
        },
        Type::Map(_) => vec![format!("{}: {{}}", property.name)],
        Type::Json | Type::Any | Type::Union(_) => vec![format!("{}: {{}}", property.name)],
        Type::Number { min, .. } => vec![format!("{}: {}", property.name, min.max(0.0))],
        Type::Boolean => {
            vec![format!("{}: {}", property.name, default_of(property).unwrap_or_else(|| "false".to_owned()))]
        }
        Type::Integer { min, .. } => {
            vec![format!("{}: {}", property.name, default_of(property).unwrap_or_else(|| (*min).max(0).to_string()))]
        }
        Type::Text(text) => vec![format!("{}: {}", property.name, placeholder(property, text))],
    }
}

/// Members as the one item of a list: the dash stands before the first that is not a comment on its own line.
fn item(lines: Vec<String>) -> Vec<String> {
    let first = lines.iter().position(|line| !line.starts_with('#'));
    lines
        .into_iter()
        .enumerate()
        .map(|(index, line)| if Some(index) == first { format!("- {line}") } else { format!("  {line}") })
        .collect()
}

fn default_of(property: &Property) -> Option<String> {
    property.default.map(|value| value.to_value().to_masked_json().to_string())
}

fn placeholder(property: &Property, text: &Text) -> String {
    if property.secrecy != Secrecy::Public {
        return "\"{{ secret('env:NAME') }}\"".to_owned();
    }
    if let Some(default) = default_of(property) {
        return default;
    }
    text.allowed.first().map_or_else(|| "\"\"".to_owned(), |first| (*first).to_owned())
}

fn describe(property: &Property, note: Option<&str>) -> String {
    let mut text = sentence(property.doc);
    if !matches!(property.ty, Type::Object(_)) {
        text.push(' ');
        text.push_str(&sentence(&kind_of(&property.ty)));
    }
    if property.required {
        text.push_str(" Required.");
    }
    if let Some(note) = note {
        text.push(' ');
        text.push_str(note);
    }
    match property.secrecy {
        Secrecy::Public => {}
        Secrecy::Secret => text.push_str(" A secret."),
        Secrecy::Unless(flag) => drop(write!(text, " A secret unless `{flag}` is false.")),
        Secrecy::Members([]) => text.push_str(" What carries a password is a secret."),
        Secrecy::Members(names) => {
            let _ = write!(text, " {} and what carries a password are secrets.", names.join(", "));
        }
    }
    if property.immutable {
        text.push_str(" A change replaces the resource.");
    }
    if let Some(default) = default_of(property) {
        let _ = write!(text, " Default: {default}.");
    }
    text
}

fn sentence(text: &str) -> String {
    let text = text.trim().trim_end_matches('.');
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), characters.as_str()),
        None => String::new(),
    }
}

/// What a value may be, in words.
pub fn kind_of(ty: &Type) -> String {
    match ty {
        Type::Text(text) => text_of(text),
        Type::Integer { min: i64::MIN, max: i64::MAX } => "a whole number".to_owned(),
        Type::Integer { min: i64::MIN, max } => format!("a whole number, at most {max}"),
        Type::Integer { min, max: i64::MAX } => format!("a whole number, at least {min}"),
        Type::Integer { min, max } => format!("a whole number from {min} to {max}"),
        Type::Number { min: f64::MIN, max: f64::MAX } => "a number".to_owned(),
        Type::Number { min, max: f64::MAX } => format!("a number, at least {min}"),
        Type::Number { min: f64::MIN, max } => format!("a number, at most {max}"),
        Type::Number { min, max } => format!("a number from {min} to {max}"),
        Type::Boolean => "true or false".to_owned(),
        Type::Object(_) => "a map".to_owned(),
        Type::List(list) => {
            let order = match list.order {
                Order::Ordered => String::new(),
                Order::Set => ", in any order".to_owned(),
                Order::Keyed(key) => format!(", told apart by `{key}`"),
            };
            let most = if list.max == usize::MAX { String::new() } else { format!(" of at most {}", list.max) };
            format!("a list{most}{order}")
        }
        Type::Map(_) => "a map with names of your own".to_owned(),
        Type::Json => "a JSON document, as a map or as a text".to_owned(),
        Type::Union(members) => members.iter().map(kind_of).collect::<Vec<_>>().join(", or "),
        Type::Any => "any value".to_owned(),
    }
}

fn text_of(text: &Text) -> String {
    if !text.allowed.is_empty() {
        return format!("one of {}", text.allowed.join(", "));
    }
    let mut words = match (text.min, text.max) {
        (0, usize::MAX) => "a text".to_owned(),
        (0, max) => format!("a text of at most {max} characters"),
        (min, usize::MAX) => format!("a text of at least {min} characters"),
        (min, max) if min == max => format!("a text of {min} characters"),
        (min, max) => format!("a text of {min} to {max} characters"),
    };
    if let Some(pattern) = text.pattern {
        let _ = write!(words, ": {}", pattern.words);
    }
    words
}

fn comment(text: &str) -> Vec<String> {
    let mut lines = vec![String::from("#")];
    for word in text.split_whitespace() {
        let last = lines.len() - 1;
        if lines[last].len() + 1 + word.len() > WIDTH {
            lines.push(format!("# {word}"));
        } else {
            lines[last].push(' ');
            lines[last].push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_skeleton_is_yaml_and_names_every_property() {
        for kind in trueup_aws::registry().iter() {
            let text = manifest(kind);
            let parsed: serde_json::Value =
                serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}\n{text}", kind.name()));
            assert_eq!(parsed["resources"][0]["type"], kind.name());
            let live = uncommented(&text);
            let whole: serde_json::Value =
                serde_yaml::from_str(&live).unwrap_or_else(|e| panic!("{}: {e}\n{live}", kind.name()));
            for property in kind.schema().properties {
                let given = whole["resources"][0]["props"].get(property.name).is_some();
                assert_eq!(given, !property.read_only, "{} {}\n{live}", kind.name(), property.name);
                if property.required {
                    assert!(parsed["resources"][0]["props"].get(property.name).is_some(), "{}", property.name);
                }
            }
        }
    }

    /// What a person gets who removes the marks of all commented properties.
    fn uncommented(text: &str) -> String {
        let mut text = text.to_owned();
        loop {
            let next: String = text
                .lines()
                .map(|line| {
                    let body = line.trim_start();
                    let marked = body.strip_prefix('#').filter(|rest| !rest.starts_with("# ") && !is_prose(rest));
                    match marked {
                        Some(rest) => format!("{}{rest}\n", &line[..line.len() - body.len()]),
                        None => format!("{line}\n"),
                    }
                })
                .collect();
            if next == text {
                return text;
            }
            text = next;
        }
    }

    /// A text above a property: one space behind the mark and then a word.
    fn is_prose(rest: &str) -> bool {
        rest.starts_with(' ') && !rest.starts_with("  ")
    }
}
