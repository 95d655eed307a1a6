//! What of a file of statements may be shown in an excerpt.
//!
//! A literal secret stands between quotes, or in a comment, or as a number. All three are blanked. Keywords, names and
//! templates (without the literals in them) are shown, so that a message can be understood. The reader knows no grammar:
//! what it is given is often broken, and a quote that is not closed hides everything behind it.

use std::ops::Range;

use trueup_engine::render::scan::{self, Kind, Piece};

/// The text with everything blanked that could be a secret. Byte by byte, so that carets still fit.
pub fn veiled(text: &str) -> String {
    let bytes = text.as_bytes();
    // Braces that are not closed hide what is behind them.
    let pieces = scan::pieces(text).unwrap_or_else(|unclosed| {
        let mut pieces = scan::pieces(&text[..unclosed.at]).unwrap_or_default();
        pieces.push(Piece::Text(unclosed.at..unclosed.at + 2));
        pieces
    });
    let mut veil = Veil {
        text,
        bytes,
        out: bytes.iter().map(|byte| blank(*byte)).collect(),
        state: State::Code,
        first_quote: None,
    };
    for piece in pieces {
        match piece {
            Piece::Text(range) => veil.code(range),
            Piece::Expression(inside) | Piece::Statement(inside) => veil.template(inside),
            Piece::Comment(_) => {}
        }
    }
    veil.end_section(text.len());
    // A character is shown as a whole or not at all.
    String::from_utf8(veil.out).unwrap_or_else(|_| text.bytes().map(|byte| char::from(blank(byte))).collect())
}

const fn blank(byte: u8) -> u8 {
    if matches!(byte, b'\n' | b'\r') { byte } else { b'*' }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Code,
    Quotes(u8),
    Line,
    /// `/* … */`; that of an anchor or a hint, `/*+ … */`, is shown.
    Block {
        hint: bool,
    },
    /// The quotes do not fit: code and literals cannot be told apart up to the next anchor.
    Lost,
}

struct Veil<'t> {
    text: &'t str,
    bytes: &'t [u8],
    out: Vec<u8>,
    state: State,
    /// The first quote below the last anchor.
    first_quote: Option<usize>,
}

impl Veil<'_> {
    fn show(&mut self, at: usize) {
        if let (Some(out), Some(byte)) = (self.out.get_mut(at), self.bytes.get(at)) {
            *out = *byte;
        }
    }

    fn template(&mut self, inside: Range<usize>) {
        for at in (inside.start - 2..inside.start).chain(inside.end..inside.end + 2) {
            self.show(at);
        }
        for word in scan::words(&self.text[inside.clone()], inside.start) {
            // A key of a dictionary is a name; any other text may be a value.
            let key = word.kind == Kind::Text && self.text[word.range().end..].trim_start().starts_with(':');
            let number = word.text.starts_with(|first: char| first.is_ascii_digit());
            if key || (word.kind != Kind::Text && !number) {
                word.range().for_each(|at| self.show(at));
            }
        }
        for at in inside.filter(|at| self.bytes[*at].is_ascii_whitespace()) {
            self.show(at);
        }
    }

    /// Shows the code of a range.
    fn code(&mut self, range: Range<usize>) {
        let mut at = range.start;
        while at < range.end {
            let byte = self.bytes[at];
            let next = self.bytes.get(at + 1).copied();
            if byte == b'/' && self.begins_an_anchor(at) {
                self.end_section(at);
                self.state = State::Code;
            }
            match (self.state, byte) {
                (State::Code, b'-') if next == Some(b'-') => self.state = State::Line,
                (State::Code, b'/') if next == Some(b'*') => {
                    self.state = State::Block { hint: self.bytes.get(at + 2) == Some(&b'+') };
                    self.show(at);
                    at += 1;
                    self.show(at);
                }
                (State::Code, b'\'' | b'"' | b'`') => {
                    self.state = State::Quotes(byte);
                    self.first_quote.get_or_insert(at);
                    self.show(at);
                }
                (State::Code, b'0'..=b'9') if !follows_a_name(self.bytes, at) => {
                    // A number, with what belongs to it.
                    let belongs = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'.';
                    while at + 1 < range.end && belongs(&self.bytes[at + 1]) {
                        at += 1;
                    }
                }
                (State::Code, _) if byte.is_ascii() => self.show(at),
                (State::Quotes(quote), _) if byte == quote => {
                    self.show(at);
                    self.state = if may_follow_a_literal(&self.text[at + 1..]) { State::Code } else { State::Lost };
                }
                (State::Line, b'\n') => self.state = State::Code,
                (State::Block { .. }, b'*') if next == Some(b'/') => {
                    self.state = State::Code;
                    self.show(at);
                    at += 1;
                    self.show(at);
                }
                (State::Block { hint: true }, _) if byte.is_ascii() => self.show(at),
                _ if byte.is_ascii_whitespace() => self.show(at),
                _ => {}
            }
            at += 1;
        }
    }

    fn begins_an_anchor(&self, at: usize) -> bool {
        let line = self.text[..at].rfind('\n').map_or(0, |end| end + 1);
        self.text[at..].starts_with("/*+") && self.text[line..at].trim().is_empty()
    }

    /// What is below an anchor is over. Where a quote is open, nobody knows which one: all behind the first are hidden.
    fn end_section(&mut self, end: usize) {
        if matches!(self.state, State::Quotes(_) | State::Lost)
            && let Some(first) = self.first_quote
        {
            for at in first..end {
                self.out[at] = blank(self.bytes[at]);
            }
        }
        self.first_quote = None;
    }
}

/// Whether a statement may go on like this behind a literal. A letter there is one of the literal, which had a quote in
/// it.
fn may_follow_a_literal(rest: &str) -> bool {
    const WORDS: &[&str] = &[
        "and",
        "as",
        "between",
        "collate",
        "else",
        "end",
        "escape",
        "from",
        "group",
        "having",
        "in",
        "is",
        "like",
        "limit",
        "not",
        "on",
        "or",
        "order",
        "returning",
        "select",
        "then",
        "union",
        "when",
        "where",
        "with",
    ];
    let first = rest.chars().next();
    let trimmed = rest.trim_start();
    match trimmed.chars().next() {
        None | Some(',' | ')' | ';' | '|' | '=' | '<' | '>' | '!' | '+' | '*' | '/' | '.') => true,
        Some('-') => trimmed.starts_with("--"),
        // A doubled quote.
        Some('\'' | '"' | '`') => first == trimmed.chars().next(),
        Some(_) => {
            let word: String = trimmed.chars().take_while(|letter| letter.is_alphanumeric()).collect();
            first.is_some_and(char::is_whitespace) && WORDS.contains(&word.to_ascii_lowercase().as_str())
        }
    }
}

fn follows_a_name(bytes: &[u8], at: usize) -> bool {
    at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_and_templates_are_shown_and_literals_are_not() {
        let text = "/*+ create, retries=3 */\nINSERT INTO awscc.ec2.vpcs (Name2) -- hunter2\nSELECT 'hunter2 {{ a | \
                    replace('b', 7) }} hunter2', 12345, \"hunter2\" /* hunter2 */;\nSET x = '{{ {\"Key\": 'hunter2'} | \
                    generate_patch_document }}' {# hunter2 #} {{ open";
        insta::assert_snapshot!(veiled(text), @"
        /*+ create, retries=3 */
        INSERT INTO awscc.ec2.vpcs (Name2) ** *******
        SELECT ****************************************************************************
        **********************************************************************************
        ");
    }

    #[test]
    fn a_quote_in_a_literal_does_not_show_the_rest_of_it() {
        for text in
            ["SELECT 'it's hunter2', a", "SELECT 'it' hunter2', 'b'", "SELECT 'a', hunter2', b", "SELECT \"a\"hunter2"]
        {
            let text = format!("/*+ create */\n{text}\n/*+ delete */\nDELETE FROM t WHERE a = 'b'");
            let shown = veiled(&text);
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(shown.ends_with("/*+ delete */\nDELETE FROM t WHERE a = '*'"), "{shown}");
        }
    }

    proptest! {
        #[test]
        fn it_is_as_long_as_the_text_and_hides_what_is_in_quotes(before in "[^'\"`/-]{0,20}", secret in "[a-z]{6,12}", behind in ", .{0,20}") {
            let text = format!("{} '{secret}'{behind}", before.replace('{', ""));
            let shown = veiled(&text);
            prop_assert_eq!(shown.len(), text.len());
            let start = text.find(&format!("'{secret}'")).unwrap() + 1;
            prop_assert!(shown.as_bytes()[start..start + secret.len()].iter().all(|byte| *byte == b'*'));
        }
    }
}
