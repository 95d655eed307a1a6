//! Texts of statements as templates, and as trees where they are JSON with templates in it.
//!
//! The JSON of a statement is not JSON before it is rendered: `{"Port": {{ port }}, "Name": "{{ name }}"}`. It is read
//! all the same, so that every leaf is a template of its own with its own place, and so that a value with a quote in it
//! stays one value.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use serde_json::Number;
use trueup_engine::manifest::tree::{Entry, MAX_DEPTH, Node, Yaml};
use trueup_engine::render::scan::{self, Kind, Piece, Word};
use trueup_engine::source::{Span, Spanned};

/// A letter or a template of a text, and the bytes that wrote it.
#[derive(Debug, Clone)]
pub struct Unit<'t> {
    what: What<'t>,
    range: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What<'t> {
    Letter(char),
    /// `{{ … }}` with its braces.
    Expression(Cow<'t, str>),
    /// `{# … #}`, which is nothing.
    Comment(&'t str),
    /// `{% … %}`.
    Statement(&'t str),
}

/// Cuts what stands between two quotes, in which a quote is written twice. `at` is its first byte in the text.
pub fn units(content: &str, at: usize, quote: char) -> Vec<Unit<'_>> {
    let mut units = Vec::new();
    // Whoever masked the text saw that its braces are closed; a range of it may be cut differently.
    let pieces = scan::pieces(content).unwrap_or_else(|_| vec![Piece::Text(0..content.len())]);
    let mut raw = false;
    for piece in pieces {
        let (range, what) = match piece {
            Piece::Text(range) => {
                letters(content, range, at, quote, &mut units);
                continue;
            }
            Piece::Expression(inside) => {
                let range = inside.start - 2..inside.end + 2;
                if raw {
                    letters(content, range, at, quote, &mut units);
                    continue;
                }
                (range.clone(), What::Expression(unescaped(&content[range])))
            }
            Piece::Comment(inside) => {
                let range = inside.start - 2..inside.end + 2;
                (range.clone(), What::Comment(&content[range]))
            }
            Piece::Statement(inside) => {
                let range = inside.start - 2..inside.end + 2;
                match content[inside].trim_matches(['-', '+', ' ', '\n']) {
                    "raw" => raw = true,
                    "endraw" => raw = false,
                    _ => {}
                }
                (range.clone(), What::Statement(&content[range]))
            }
        };
        units.push(Unit { what, range: at + range.start..at + range.end });
    }
    units
}

fn letters(content: &str, range: Range<usize>, at: usize, quote: char, units: &mut Vec<Unit<'_>>) {
    let mut letters = content[range.clone()].char_indices().peekable();
    while let Some((index, letter)) = letters.next() {
        let start = at + range.start + index;
        let mut end = start + letter.len_utf8();
        if letter == quote && letters.next_if(|(_, next)| *next == quote).is_some() {
            end += quote.len_utf8();
        }
        units.push(Unit { what: What::Letter(letter), range: start..end });
    }
}

/// An expression without what doubles the quotes of its value: values are bound, so that nothing takes it back.
fn unescaped(code: &str) -> Cow<'_, str> {
    let words = scan::words(&code[2..code.len() - 2], 2);
    let mut kept = &words[..];
    while let Some(fewer) = without_escape(kept) {
        kept = fewer;
    }
    match kept.last() {
        Some(last) if kept.len() < words.len() => Cow::Owned(format!("{} }}}}", &code[..last.range().end])),
        _ => Cow::Borrowed(code),
    }
}

/// Without `| sql_escape` or `| replace("'", "''")` at the end.
fn without_escape<'w, 't>(words: &'w [Word<'t>]) -> Option<&'w [Word<'t>]> {
    // The mark of white space control is a word too.
    let words = match words {
        [rest @ .., last] if matches!(last.text, "-" | "+") => rest,
        _ => words,
    };
    match words {
        [rest @ .., pipe, filter] if pipe.text == "|" && filter.text == "sql_escape" => Some(rest),
        [rest @ .., pipe, filter, open, from, comma, to, close]
            if pipe.text == "|"
                && filter.text == "replace"
                && (open.text, comma.text, close.text) == ("(", ",", ")")
                && (from.kind, to.kind) == (Kind::Text, Kind::Text)
                && (from.unquoted(), to.unquoted()) == ("'", "''") =>
        {
            Some(rest)
        }
        _ => None,
    }
}

/// The text that the units write, which is a template.
pub fn text(units: &[Unit<'_>]) -> Arc<str> {
    let mut text = String::new();
    for unit in units {
        match &unit.what {
            What::Letter(letter) => text.push(*letter),
            What::Expression(code) => text.push_str(code),
            What::Comment(code) | What::Statement(code) => text.push_str(code),
        }
    }
    text.into()
}

/// The tree of an object or a list; `None` where the text is neither. `place` makes a span of bytes.
pub fn tree(units: &[Unit<'_>], place: &dyn Fn(Range<usize>) -> Span) -> Option<Node> {
    let mut reader = Reader { units, at: 0, place };
    reader.blank();
    if !matches!(reader.peek(), Some(What::Letter('{' | '['))) {
        return None;
    }
    let node = reader.value(1)?;
    reader.blank();
    reader.peek().is_none().then_some(node)
}

struct Reader<'r, 't> {
    units: &'r [Unit<'t>],
    at: usize,
    place: &'r dyn Fn(Range<usize>) -> Span,
}

impl<'t> Reader<'_, 't> {
    fn peek(&self) -> Option<What<'t>> {
        self.units.get(self.at).map(|unit| unit.what.clone())
    }

    fn next(&mut self) -> Option<What<'t>> {
        let what = self.peek()?;
        self.at += 1;
        Some(what)
    }

    fn take(&mut self, letter: char) -> bool {
        let there = self.peek() == Some(What::Letter(letter));
        self.at += usize::from(there);
        there
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(What::Letter(' ' | '\t' | '\r' | '\n') | What::Comment(_))) {
            self.at += 1;
        }
    }

    /// From the unit `first` to the one before the next.
    fn span(&self, first: usize) -> Span {
        let start = self.units.get(first).map_or(0, |unit| unit.range.start);
        let end = self.units.get(self.at.saturating_sub(1)).map_or(start, |unit| unit.range.end);
        (self.place)(start..end.max(start))
    }

    fn value(&mut self, depth: usize) -> Option<Node> {
        if depth > MAX_DEPTH {
            return None;
        }
        let first = self.at;
        let yaml = match self.peek()? {
            What::Letter('{') => self.object(depth)?,
            What::Letter('[') => self.list(depth)?,
            What::Letter('"') => Yaml::Text(self.string()?),
            What::Letter(_) => self.word()?,
            What::Expression(code) => {
                self.at += 1;
                Yaml::Text(Arc::from(&*code))
            }
            What::Comment(_) | What::Statement(_) => return None,
        };
        Some(Node { yaml, span: self.span(first) })
    }

    fn object(&mut self, depth: usize) -> Option<Yaml> {
        let mut entries: Vec<Entry> = Vec::new();
        self.take('{');
        self.blank();
        if self.take('}') {
            return Some(Yaml::Map(entries));
        }
        loop {
            self.blank();
            let first = self.at;
            let key = Spanned { value: self.string()?, span: self.span(first) };
            self.blank();
            if !self.take(':') {
                return None;
            }
            self.blank();
            let value = self.value(depth + 1)?;
            // As every reader of JSON does: the last one counts.
            entries.retain(|entry| entry.key.value != key.value);
            entries.push(Entry { key, value });
            self.blank();
            if self.take('}') {
                return Some(Yaml::Map(entries));
            }
            if !self.take(',') {
                return None;
            }
        }
    }

    fn list(&mut self, depth: usize) -> Option<Yaml> {
        let mut items = Vec::new();
        self.take('[');
        self.blank();
        if self.take(']') {
            return Some(Yaml::List(items));
        }
        loop {
            self.blank();
            items.push(self.value(depth + 1)?);
            self.blank();
            if self.take(']') {
                return Some(Yaml::List(items));
            }
            if !self.take(',') {
                return None;
            }
        }
    }

    fn string(&mut self) -> Option<Arc<str>> {
        if !self.take('"') {
            return None;
        }
        let mut text = String::new();
        loop {
            match self.next()? {
                What::Letter('"') => return Some(text.into()),
                What::Letter('\\') => text.push(self.escape()?),
                What::Letter(letter) => text.push(letter),
                What::Expression(code) => text.push_str(&code),
                What::Comment(code) | What::Statement(code) => text.push_str(code),
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        let What::Letter(letter) = self.next()? else { return None };
        Some(match letter {
            '"' | '\\' | '/' => letter,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let high = self.unit16()?;
                if !(0xd800..0xdc00).contains(&high) {
                    return char::from_u32(high);
                }
                if !(self.take('\\') && self.take('u')) {
                    return None;
                }
                let low = self.unit16()?;
                let low = low.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                return char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + low);
            }
            _ => return None,
        })
    }

    fn unit16(&mut self) -> Option<u32> {
        (0..4).try_fold(0, |sum, _| match self.next()? {
            What::Letter(letter) => Some(sum * 16 + letter.to_digit(16)?),
            _ => None,
        })
    }

    fn word(&mut self) -> Option<Yaml> {
        let mut word = String::new();
        while let Some(What::Letter(letter)) = self.peek() {
            if !(letter.is_ascii_alphanumeric() || matches!(letter, '+' | '-' | '.')) {
                break;
            }
            word.push(letter);
            self.at += 1;
        }
        match word.as_str() {
            "null" => Some(Yaml::Null),
            "true" => Some(Yaml::Bool(true)),
            "false" => Some(Yaml::Bool(false)),
            _ => serde_json::from_str::<Number>(&word).ok().map(Yaml::Number),
        }
    }
}

#[cfg(test)]
mod tests {
    use trueup_engine::source::SourceId;

    use super::*;

    /// A tree with what its leaves are written as.
    fn drawn(node: &Node, content: &str) -> String {
        let written = &content[node.span.start as usize..node.span.end as usize];
        match &node.yaml {
            Yaml::List(items) => {
                format!("[{}]", items.iter().map(|item| drawn(item, content)).collect::<Vec<_>>().join(", "))
            }
            Yaml::Map(entries) => {
                let entries =
                    entries.iter().map(|entry| format!("{}: {}", entry.key.value, drawn(&entry.value, content)));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
            }
            Yaml::Text(text) => format!("{text:?} ({written})"),
            Yaml::Null => "null".to_owned(),
            Yaml::Bool(flag) => flag.to_string(),
            Yaml::Number(number) => number.to_string(),
            Yaml::Unreadable => "?".to_owned(),
        }
    }

    fn read(content: &str) -> Option<String> {
        let place = |range: Range<usize>| Span {
            source: SourceId(0),
            start: u32::try_from(range.start).unwrap(),
            end: u32::try_from(range.end).unwrap(),
        };
        tree(&units(content, 0, '\''), &place).map(|node| drawn(&node, content))
    }

    #[test]
    fn json_with_templates_is_a_tree_of_templates() {
        let text = r#" {"Name": "a-{{ name }}", "Port": {{ port }}, "On": true, "Many": [1, -2.5, null, "it''s"] } "#;
        insta::assert_snapshot!(read(text).unwrap(), @r#"{Name: "a-{{ name }}" ("a-{{ name }}"), Port: "{{ port }}" ({{ port }}), On: true, Many: [1, -2.5, null, "it's" ("it''s")]}"#);
        assert_eq!(read(r#"["\u00e9\ud83d\ude00\n"]"#).unwrap(), "[\"é😀\\n\" (\"\\u00e9\\ud83d\\ude00\\n\")]");
        assert_eq!(read(r#"{"a": "{{ d["k"] }}", {# why #} "a": {}}"#).unwrap(), "{a: {}}");
        assert_eq!(read("[]").unwrap(), "[]");
    }

    #[test]
    fn what_doubles_quotes_for_sql_is_left_out_as_values_are_bound() {
        let text = |content| text(&units(content, 0, '\'')).to_string();
        assert_eq!(text("a {{ b | trim | sql_escape }}"), "a {{ b | trim }}");
        assert_eq!(text(r#"{{ b | replace("'", "''") | sql_escape -}}"#), "{{ b }}");
        assert_eq!(text(r#"{{ b | replace("x", "''") }}"#), r#"{{ b | replace("x", "''") }}"#);
        assert_eq!(text("{{ sql_escape }}"), "{{ sql_escape }}");
        assert_eq!(text("{% raw %}{{ it''s }}{% endraw %}"), "{% raw %}{{ it's }}{% endraw %}");
    }

    #[test]
    fn what_is_not_an_object_or_a_list_is_no_tree() {
        for text in [
            "{{ x }}",
            "",
            "true",
            "{\"a\": 1",
            "{\"a\" 1}",
            "[1 2]",
            "[\"\\ud83d\"]",
            "[{% if x %}1{% endif %}]",
            "{}x",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(&"[".repeat(100_000)), None);
    }
}
