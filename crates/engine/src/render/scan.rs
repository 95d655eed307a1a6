//! The words of a template, without evaluating it.
//!
//! Three questions are asked before anything runs: where does a name stand (for the caret), which names and sources does
//! an expression *mention* (a branch that a dry run did not take may still be taken later), and does every filter exist.
//! A small scanner answers them with exact bytes; the engine's own parser keeps neither.

use std::ops::Range;

/// What a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A name that is looked up: `orders`.
    Name,
    /// A name that is looked up and called: `uuid` in `uuid()`.
    Call,
    /// What follows a dot.
    Member,
    /// What follows `|`.
    Filter,
    /// What follows `is`.
    Test,
    /// A keyword argument's name.
    Argument,
    /// `if`, `and`, `for`, …
    Keyword,
    /// A text between quotes; the quotes are part of the range.
    Text,
    /// Anything else.
    Other,
}

/// A word and where it is.
#[derive(Debug, Clone)]
pub struct Word<'t> {
    /// What it is.
    pub kind: Kind,
    /// As it is written.
    pub text: &'t str,
    /// Its first byte.
    pub start: usize,
}

impl Word<'_> {
    /// Its bytes.
    pub fn range(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    /// The content of a text.
    pub fn unquoted(&self) -> &str {
        self.text.get(1..self.text.len().saturating_sub(1)).unwrap_or_default()
    }
}

const KEYWORDS: &[&str] = &[
    "and",
    "or",
    "not",
    "in",
    "is",
    "if",
    "else",
    "elif",
    "endif",
    "for",
    "endfor",
    "set",
    "endset",
    "with",
    "endwith",
    "macro",
    "endmacro",
    "filter",
    "endfilter",
    "raw",
    "endraw",
    "true",
    "false",
    "none",
    "True",
    "False",
    "None",
    "recursive",
    "block",
    "endblock",
    "call",
    "endcall",
    "do",
    "autoescape",
    "endautoescape",
];

/// The words of the code inside one pair of braces; `offset` is added to every place.
pub fn words(code: &str, offset: usize) -> Vec<Word<'_>> {
    let bytes = code.as_bytes();
    let mut words: Vec<Word<'_>> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let byte = bytes[at];
        if byte.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        if byte.is_ascii_alphabetic() || byte == b'_' {
            while at < bytes.len() && (bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_') {
                at += 1;
            }
            let text = &code[start..at];
            let kind = name_kind(text, &words, &code[at..]);
            words.push(Word { kind, text, start: start + offset });
            continue;
        }
        let mut kind = Kind::Other;
        if byte == b'\'' || byte == b'"' {
            kind = Kind::Text;
            at += 1;
            while at < bytes.len() && bytes[at] != byte {
                at += if bytes[at] == b'\\' { 2 } else { 1 };
            }
            at = (at + 1).min(bytes.len());
        } else if byte.is_ascii_digit() {
            while at < bytes.len() && (bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_') {
                at += 1;
            }
        } else {
            at += 1;
        }
        while !code.is_char_boundary(at) {
            at += 1;
        }
        words.push(Word { kind, text: &code[start..at], start: start + offset });
    }
    words
}

fn name_kind(text: &str, before: &[Word<'_>], after: &str) -> Kind {
    let last = before.last();
    let is = |word: Option<&Word<'_>>, text: &str| word.is_some_and(|word| word.text == text);
    if is(last, ".") {
        return Kind::Member;
    }
    if is(last, "|") {
        return Kind::Filter;
    }
    let negated = is(last, "not") && before.len() >= 2 && is(before.get(before.len() - 2), "is");
    if (is(last, "is") && text != "not") || negated {
        return Kind::Test;
    }
    if KEYWORDS.contains(&text) {
        return Kind::Keyword;
    }
    let after = after.trim_start();
    if after.starts_with('(') {
        return Kind::Call;
    }
    if after.starts_with('=') && !after.starts_with("==") && (is(last, "(") || is(last, ",")) {
        return Kind::Argument;
    }
    Kind::Name
}

/// A piece of a scalar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Text as it is.
    Text(Range<usize>),
    /// The inside of `{{ … }}`.
    Expression(Range<usize>),
    /// The inside of `{% … %}`.
    Statement(Range<usize>),
    /// The inside of `{# … #}`.
    Comment(Range<usize>),
}

/// What is wrong with the braces of a scalar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unclosed {
    /// The opening braces.
    pub at: usize,
    /// What is missing: `}}`.
    pub missing: &'static str,
}

/// Whether a text is a template at all.
pub fn is_template(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.windows(2).any(|pair| pair[0] == b'{' && matches!(pair[1], b'{' | b'%' | b'#'))
}

/// Cuts a scalar into its pieces.
pub fn pieces(text: &str) -> Result<Vec<Piece>, Unclosed> {
    let bytes = text.as_bytes();
    let mut pieces = Vec::new();
    let (mut at, mut plain) = (0, 0);
    while at + 1 < bytes.len() {
        let (missing, close) = match (bytes[at], bytes[at + 1]) {
            (b'{', b'{') => ("}}", code_end(bytes, at + 2, b'}')),
            (b'{', b'%') => ("%}", code_end(bytes, at + 2, b'%')),
            (b'{', b'#') => ("#}", text[at + 2..].find("#}").map(|index| at + 2 + index)),
            _ => {
                at += 1;
                continue;
            }
        };
        let Some(close) = close else { return Err(Unclosed { at, missing }) };
        if plain < at {
            pieces.push(Piece::Text(plain..at));
        }
        let inside = at + 2..close;
        pieces.push(match missing {
            "}}" => Piece::Expression(inside),
            "%}" => Piece::Statement(inside),
            _ => Piece::Comment(inside),
        });
        at = close + 2;
        plain = at;
    }
    if plain < bytes.len() {
        pieces.push(Piece::Text(plain..bytes.len()));
    }
    Ok(pieces)
}

/// The byte of the closing mark: outside of quotes and of nested brackets.
fn code_end(bytes: &[u8], mut at: usize, mark: u8) -> Option<usize> {
    let mut depth = 0_usize;
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'\'' | b'"') => {
                at += 1;
                while at < bytes.len() && bytes[at] != quote {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
            }
            byte if depth == 0 && byte == mark && bytes.get(at + 1) == Some(&b'}') => return Some(at),
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_respect_quotes_and_nested_braces() {
        let text = "a-{{ {'k': {'x': '}}'}} }}-b";
        let cut = pieces(text).unwrap();
        assert_eq!(cut.len(), 3);
        assert_eq!(cut[1], Piece::Expression(4..text.len() - 4));
        assert_eq!(pieces("{{ a").unwrap_err(), Unclosed { at: 0, missing: "}}" });
        assert_eq!(pieces("a { b } %").unwrap(), [Piece::Text(0..9)]);
    }

    #[test]
    fn words_know_what_they_are() {
        let kinds: Vec<(Kind, &str)> = words("a.b | upper(x=1) if c is not defined else f('é')", 0)
            .iter()
            .filter(|word| word.kind != Kind::Other)
            .map(|word| (word.kind, word.text))
            .collect();
        let expected = [
            (Kind::Name, "a"),
            (Kind::Member, "b"),
            (Kind::Filter, "upper"),
            (Kind::Argument, "x"),
            (Kind::Keyword, "if"),
            (Kind::Name, "c"),
            (Kind::Keyword, "is"),
            (Kind::Keyword, "not"),
            (Kind::Test, "defined"),
            (Kind::Keyword, "else"),
            (Kind::Call, "f"),
            (Kind::Text, "'é'"),
        ];
        assert_eq!(kinds, expected);
    }
}
