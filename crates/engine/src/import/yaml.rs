//! YAML as people would have written it: plain where that is safe, quoted where a parser could take it for something else.
//!
//! Parsers disagree about what is a number, a date or a boolean, and an imported value must come out of all of them as
//! the text that it is. So plain is only what begins with a letter or a slash, is made of harmless characters, and is
//! neither a word of the core schema nor one of YAML 1.1.

use std::fmt::Write as _;

use super::node::{Member, Node};
use crate::manifest::scalar::{Plain, resolve};
use crate::manifest::tree;

/// Words that YAML 1.1 reads as booleans.
const OLD_BOOLEANS: [&str; 6] = ["y", "n", "yes", "no", "on", "off"];

/// A value of a manifest as YAML; its texts are templates, as they are in a manifest.
pub fn written(node: &tree::Node) -> String {
    let mut out = String::new();
    match node_of(node) {
        Node::Map(inner) => members(&mut out, &inner, 0),
        Node::List(items) => items.iter().for_each(|one| item(&mut out, one, 0)),
        other => leaf(&mut out, &other, 0),
    }
    out
}

fn node_of(node: &tree::Node) -> Node {
    match &node.yaml {
        tree::Yaml::Null | tree::Yaml::Unreadable => Node::Null,
        tree::Yaml::Bool(flag) => Node::Bool(*flag),
        tree::Yaml::Number(number) => Node::Number(number.clone()),
        tree::Yaml::Text(text) => Node::Template(text.to_string()),
        tree::Yaml::List(items) => Node::List(items.iter().map(node_of).collect()),
        tree::Yaml::Map(entries) => Node::Map(
            entries.iter().map(|entry| Member::new(entry.key.value.to_string(), node_of(&entry.value))).collect(),
        ),
    }
}

/// Writes the members of a map, each line behind `indent` spaces.
pub(super) fn members(out: &mut String, members: &[Member], indent: usize) {
    for member in members {
        self::member(out, member, indent);
    }
}

fn member(out: &mut String, member: &Member, indent: usize) {
    match member {
        Member::Given(name, value) => {
            pad(out, indent);
            out.push_str(&scalar(&super::escape::text(name)));
            out.push(':');
            value_behind_colon(out, value, indent);
        }
        Member::Missing(name) => {
            pad(out, indent);
            let _ = writeln!(out, "# {name}: is required, and the service does not return it");
        }
    }
}

fn value_behind_colon(out: &mut String, value: &Node, indent: usize) {
    match value {
        Node::Map(inner) if is_filled(inner) => {
            out.push('\n');
            members(out, inner, indent + 2);
        }
        // A map of comments only is still a map.
        Node::Map(inner) => {
            out.push_str(" {}\n");
            members(out, inner, indent + 2);
        }
        Node::List(items) if items.is_empty() => out.push_str(" []\n"),
        Node::List(items) => {
            out.push('\n');
            for item in items {
                self::item(out, item, indent + 2);
            }
        }
        leaf => {
            out.push(' ');
            self::leaf(out, leaf, indent + 2);
        }
    }
}

/// An item of a list; `indent` is the column of its dash.
pub(super) fn item(out: &mut String, value: &Node, indent: usize) {
    pad(out, indent);
    match value {
        Node::Map(inner) if is_filled(inner) => {
            // The dash stands before the first member: it takes the place of its indentation.
            let mut text = String::new();
            members(&mut text, inner, indent + 2);
            if let Some(Member::Given(..)) = inner.first() {
                out.push_str("- ");
                out.push_str(&text[indent + 2..]);
            } else {
                out.push_str("-\n");
                out.push_str(&text);
            }
        }
        Node::List(items) if !items.is_empty() => {
            out.push_str("-\n");
            for inner in items {
                item(out, inner, indent + 2);
            }
        }
        Node::Map(_) => out.push_str("- {}\n"),
        Node::List(_) => out.push_str("- []\n"),
        leaf => {
            out.push_str("- ");
            self::leaf(out, leaf, indent + 2);
        }
    }
}

fn is_filled(members: &[Member]) -> bool {
    members.iter().any(|member| matches!(member, Member::Given(..)))
}

/// A scalar and the end of its line; lines of a block stand at `indent`.
fn leaf(out: &mut String, value: &Node, indent: usize) {
    let text = match value {
        Node::Bool(flag) => return line(out, if *flag { "true" } else { "false" }),
        Node::Number(number) => return line(out, &number.to_string()),
        Node::Null | Node::Map(_) | Node::List(_) => return line(out, "null"),
        Node::Text(text) => super::escape::text(text),
        Node::Template(text) => text.into(),
    };
    match block(&text) {
        Some((header, body)) => {
            line(out, header);
            for row in body.split('\n') {
                if !row.is_empty() {
                    pad(out, indent);
                }
                line(out, row);
            }
        }
        None => line(out, &scalar(&text)),
    }
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// Header and content of a block scalar, where the text survives one.
fn block(text: &str) -> Option<(&'static str, &str)> {
    let (header, body) = match text.strip_suffix('\n') {
        Some(body) => ("|", body),
        None => ("|-", text),
    };
    let (first, _) = body.split_once('\n')?;
    let blank = |row: &str| row.chars().all(|character| matches!(character, ' ' | '\t'));
    let last = body.rsplit('\n').next().unwrap_or_default();
    let harmless = |character: char| character == '\n' || character == '\t' || is_printable(character);
    let fits = !first.starts_with([' ', '\t']) && !blank(first) && !blank(last) && body.chars().all(harmless);
    fits.then_some((header, body))
}

/// Whether every YAML parser takes a character as it is.
fn is_printable(character: char) -> bool {
    matches!(character, ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}'
        | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

/// A text on one line.
pub(super) fn scalar(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

fn is_plain(text: &str) -> bool {
    let begins = text.starts_with(|character: char| character.is_ascii_alphabetic() || character == '/');
    let harmless = |character: char| {
        character.is_ascii_alphanumeric()
            || matches!(
                character,
                ' ' | '_'
                    | '.'
                    | '/'
                    | '@'
                    | '+'
                    | '='
                    | '-'
                    | ':'
                    | ','
                    | '('
                    | ')'
                    | '?'
                    | '&'
                    | ';'
                    | '*'
                    | '!'
                    | '\''
            )
    };
    begins
        && !text.ends_with([':', ' '])
        && !text.contains(": ")
        && text.chars().all(harmless)
        && !OLD_BOOLEANS.iter().any(|word| text.eq_ignore_ascii_case(word))
        && resolve(text) == Plain::Text
}

/// In double quotes, with everything escaped that is not printable.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            character if is_printable(character) => out.push(character),
            character if u32::from(character) <= 0xffff => {
                let _ = write!(out, "\\u{:04X}", u32::from(character));
            }
            character => {
                let _ = write!(out, "\\U{:08X}", u32::from(character));
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_parser_could_take_for_something_else_is_quoted() {
        for text in [
            "",
            "no",
            "Yes",
            "ON",
            "y",
            "true",
            "null",
            "~",
            "12",
            "1e5",
            "0x1F",
            "012",
            "2026-01-01",
            "1:30",
            "1.2.3",
            ".5",
            "-",
            "- a",
            "a: b",
            "a:",
            "a #b",
            "#a",
            "*a",
            "&a",
            "!a",
            "{a",
            "[a",
            "'a",
            "a ",
            " a",
            "<<",
            "=",
            "é",
            "a\"b",
            "%a",
            "@a",
            "`a",
            "? a",
        ] {
            assert!(scalar(text).starts_with('"'), "{text}");
        }
        for text in ["orders", "AWS::Events::Connection", "https://orders.example.com/a?b=c", "/aws/lambda/a", "a, b"] {
            assert_eq!(scalar(text), text);
        }
    }

    #[test]
    fn lines_become_a_block_where_they_survive_one() {
        let written = |text: &str| {
            let mut out = String::new();
            leaf(&mut out, &Node::Text(text.to_owned()), 2);
            out
        };
        assert_eq!(written("a: 1\n\n  b\n"), "|\n  a: 1\n\n    b\n");
        assert_eq!(written("a\nb"), "|-\n  a\n  b\n");
        for text in ["a\n\n", " a\nb", "a\r\nb", "\na\nb", "a\n ", "\n", "a\u{7f}\nb"] {
            assert!(written(text).starts_with('"'), "{text:?}");
        }
    }
}
