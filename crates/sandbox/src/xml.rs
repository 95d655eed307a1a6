//! XML, as much of it as the services that speak it need.
//!
//! Answers are values like those of every other service and become XML at the last moment; the few
//! inputs that arrive as XML are read into values at the first. Attributes and namespaces of an input
//! say nothing that its elements do not, so they are passed over.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Deeper than any input of these services.
const DEEPEST: usize = 16;

/// Returns how a list's items are called; `None` where the list itself is repeated.
pub(crate) type Items = fn(&str) -> Option<&'static str>;

/// Writes the members of a structure as elements.
pub(crate) fn write(out: &mut String, value: &Value, items: Items) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                write_member(out, name, value, items);
            }
        }
        Value::Null => {}
        Value::String(text) => out.push_str(&escape(text)),
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

fn write_member(out: &mut String, name: &str, value: &Value, items: Items) {
    match value {
        Value::Null => {}
        Value::Array(list) => {
            let item = items(name);
            if item.is_some() {
                let _ = write!(out, "<{name}>");
            }
            for value in list {
                write_member(out, item.unwrap_or(name), value, items);
            }
            if item.is_some() {
                let _ = write!(out, "</{name}>");
            }
        }
        value => {
            let _ = write!(out, "<{name}>");
            write(out, value, items);
            let _ = write!(out, "</{name}>");
        }
    }
}

/// Escapes text for an element.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Reads a document: the root's name and its content; `None` when it is not well formed.
///
/// An element with elements is an object, any other one a text; one that comes twice is an array.
pub(crate) fn read(text: &str) -> Option<(String, Value)> {
    let mut reader = Reader { rest: text.trim_start_matches('\u{feff}') };
    reader.skip_prolog();
    let root = reader.element(0)?;
    reader.rest.trim().is_empty().then_some(root)
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn skip_prolog(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            let end = match self.rest {
                rest if rest.starts_with("<?") => "?>",
                rest if rest.starts_with("<!--") => "-->",
                _ => return,
            };
            let Some((_, after)) = self.rest.split_once(end) else {
                return;
            };
            self.rest = after;
        }
    }

    fn element(&mut self, depth: usize) -> Option<(String, Value)> {
        let (tag, after) = self.rest.strip_prefix('<')?.split_once('>')?;
        if depth > DEEPEST || tag.starts_with(['/', '!', '?']) {
            return None;
        }
        self.rest = after;
        let empty = tag.ends_with('/');
        let name = tag.trim_end_matches('/').split_whitespace().next()?;
        let name = name.rsplit(':').next()?.to_owned();
        if empty {
            return Some((name, Value::String(String::new())));
        }
        let mut members = Map::new();
        let mut text = String::new();
        loop {
            let (before, _) = self.rest.split_once('<')?;
            text.push_str(&unescape(before)?);
            self.rest = &self.rest[before.len()..];
            if let Some(after) = self.rest.strip_prefix("</") {
                let (end, after) = after.split_once('>')?;
                let same = end.trim().rsplit(':').next()? == name;
                self.rest = after;
                let value = if members.is_empty() { Value::String(text) } else { members.into() };
                return same.then_some((name, value));
            }
            if self.rest.starts_with("<!--") {
                self.rest = self.rest.split_once("-->")?.1;
                continue;
            }
            let (child, value) = self.element(depth + 1)?;
            match members.get_mut(&child) {
                Some(Value::Array(all)) => all.push(value),
                Some(first) => *first = vec![first.take(), value].into(),
                None => {
                    members.insert(child, value);
                }
            }
        }
    }
}

fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let (entity, after) = after.split_once(';')?;
        out.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            number => {
                let number = number.strip_prefix('#')?;
                let code = match number.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                    None => number.parse().ok()?,
                };
                char::from_u32(code)?
            }
        });
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn documents_are_read_into_values() {
        let text = "<?xml version=\"1.0\"?>\n<T xmlns=\"x\"><!-- c --><S><Tag><K>a&amp;&#x62;</K><V/></Tag><Tag><K>c</K></Tag></S></T>\n";
        let (name, value) = read(text).unwrap();
        assert_eq!(name, "T");
        assert_eq!(value, json!({"S": {"Tag": [{"K": "a&b", "V": ""}, {"K": "c"}]}}));
        for broken in ["", "<a>", "<a></b>", "<a>&x;</a>", "<a/><b/>", "text", &"<a>".repeat(99)] {
            assert!(read(broken).is_none(), "{broken}");
        }
    }

    #[test]
    fn values_are_written_as_elements() {
        let mut out = String::new();
        let value = json!({"A": [{"B": "<"}, {"B": 1}], "C": null, "D": true, "E": []});
        write(&mut out, &value, |name| (name != "A").then_some("member"));
        assert_eq!(out, "<A><B>&lt;</B></A><A><B>1</B></A><D>true</D><E></E>");
    }
}
