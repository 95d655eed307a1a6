//! What of a file of statements may be shown in an excerpt.
//!
//! A literal secret stands between quotes, or in a comment, or as a number. All three are blanked. Keywords, names and
//! templates (without the literals in them) are shown, so that a message can be understood. The reader knows no grammar:
//! what it is given is often broken, and a quote that is not closed hides everything behind it.

use trueup_engine::render::scan::{self, Kind, Piece};

/// The text with everything blanked that could be a secret. Byte by byte, so that carets still fit.
pub fn veiled(text: &str) -> String {
    let mut out: Vec<u8> = text.bytes().map(blank).collect();
    let bytes = text.as_bytes();
    // Braces that are not closed hide what is behind them.
    let pieces = scan::pieces(text).unwrap_or_else(|unclosed| {
        let mut pieces = scan::pieces(&text[..unclosed.at]).unwrap_or_default();
        let opening = unclosed.at..unclosed.at + 2;
        pieces.push(Piece::Text(opening));
        pieces
    });
    let mut state = State::Code;
    for piece in pieces {
        match piece {
            Piece::Text(range) => state = code(bytes, range.start, range.end, state, &mut out),
            Piece::Expression(inside) | Piece::Statement(inside) => {
                for at in (inside.start - 2..inside.start).chain(inside.end..inside.end + 2) {
                    out[at] = bytes[at];
                }
                for word in scan::words(&text[inside.clone()], inside.start) {
                    // A key of a dictionary is a name; any other text may be a value.
                    let key = word.kind == Kind::Text && text[word.range().end..].trim_start().starts_with(':');
                    let number = word.text.starts_with(|first: char| first.is_ascii_digit());
                    if key || (word.kind != Kind::Text && !number) {
                        out[word.range()].copy_from_slice(&bytes[word.range()]);
                    }
                }
                for at in inside {
                    if bytes[at].is_ascii_whitespace() {
                        out[at] = bytes[at];
                    }
                }
            }
            Piece::Comment(_) => {}
        }
    }
    // A character is shown as a whole or not at all.
    String::from_utf8(out).unwrap_or_else(|_| text.bytes().map(|byte| char::from(blank(byte))).collect())
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
}

/// Shows the code of a range; what it begins and ends in.
fn code(bytes: &[u8], start: usize, end: usize, mut state: State, out: &mut [u8]) -> State {
    let mut at = start;
    while at < end {
        let byte = bytes[at];
        let next = bytes.get(at + 1).copied();
        match (state, byte) {
            (State::Code, b'-') if next == Some(b'-') => state = State::Line,
            (State::Code, b'/') if next == Some(b'*') => {
                state = State::Block { hint: bytes.get(at + 2) == Some(&b'+') };
                out[at] = byte;
                at += 1;
                out[at.min(end - 1)] = bytes[at.min(end - 1)];
            }
            (State::Code, b'\'' | b'"' | b'`') => {
                state = State::Quotes(byte);
                out[at] = byte;
            }
            (State::Code, b'0'..=b'9') if !follows_a_name(bytes, at) => {
                // A number, with what belongs to it.
                while at + 1 < end && (bytes[at + 1].is_ascii_alphanumeric() || bytes[at + 1] == b'.') {
                    at += 1;
                }
            }
            (State::Code, _) if byte.is_ascii() => out[at] = byte,
            (State::Quotes(quote), _) if byte == quote => {
                state = State::Code;
                out[at] = byte;
            }
            (State::Line, b'\n') => state = State::Code,
            (State::Block { .. }, b'*') if next == Some(b'/') => {
                state = State::Code;
                out[at] = byte;
                at += 1;
                out[at.min(end - 1)] = bytes[at.min(end - 1)];
            }
            (State::Block { hint: true }, _) if byte.is_ascii() => out[at] = byte,
            _ if byte.is_ascii_whitespace() => out[at] = byte,
            _ => {}
        }
        at += 1;
    }
    state
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
        insta::assert_snapshot!(veiled(text), @r#"
        /*+ create, retries=3 */
        INSERT INTO awscc.ec2.vpcs (Name2) ** *******
        SELECT '******* {{ a | replace(***, *) }} *******', *****, "*******" /* ******* */;
        SET x = '{{ {"Key": *********} | generate_patch_document }}' ************* {{*****
        "#);
    }

    proptest! {
        #[test]
        fn it_is_as_long_as_the_text_and_hides_what_is_in_quotes(before in "[^'\"`/-]{0,20}", secret in "[a-z]{6,12}", behind in ".{0,20}") {
            let text = format!("{} '{secret}' {behind}", before.replace('{', ""));
            let shown = veiled(&text);
            prop_assert_eq!(shown.len(), text.len());
            let start = text.find(&format!("'{secret}'")).unwrap() + 1;
            prop_assert!(shown.as_bytes()[start..start + secret.len()].iter().all(|byte| *byte == b'*'));
        }
    }
}
