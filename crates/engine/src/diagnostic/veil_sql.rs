//! What of a file of statements may be shown in an excerpt: as in a manifest, no literal, because it may be a secret.
//!
//! Anchors, words and templates are shown, the inside of quotes and comments are not. Where the quotes of a statement do
//! not pair, nobody can say what is inside of them: then only its templates are.

use std::ops::Range;

const ANCHOR: &str = "/*+";

/// The text with everything blanked that may be a literal, and with `masked` blanked in any case.
pub(super) fn veil(text: &str, masked: impl Iterator<Item = Range<usize>>) -> String {
    let mut out: Vec<u8> =
        text.bytes().map(|byte| if matches!(byte, b'\n' | b'\r' | b' ' | b'\t') { byte } else { b'*' }).collect();
    let mut starts: Vec<usize> = text.match_indices(ANCHOR).map(|(at, _)| at).collect();
    starts.push(text.len());
    if starts.first() != Some(&0) {
        starts.insert(0, 0);
    }
    for pair in starts.windows(2) {
        section(text, pair[0]..pair[1], &mut out);
    }
    for range in masked {
        for byte in out.get_mut(range.start..range.end.min(text.len())).unwrap_or_default() {
            if !matches!(*byte, b'\n' | b'\r') {
                *byte = b'*';
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| {
        text.bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { char::from(byte) } else { '*' }).collect()
    })
}

/// One anchor and what stands below it.
fn section(text: &str, range: Range<usize>, out: &mut [u8]) {
    let bytes = text.as_bytes();
    let pairs = outside_quotes(&bytes[range.clone()]) % 2 == 0;
    let mut at = range.start;
    let mut quoted = false;
    while at < range.end {
        let rest = &bytes[at..range.end];
        let until = |mark: &[u8]| rest.windows(mark.len()).position(|window| window == mark);
        let line = until(b"\n").unwrap_or(rest.len());
        let (length, shown) = if rest.starts_with(b"{{") || rest.starts_with(b"{%") {
            let length = template(rest);
            code(&rest[..length], &mut out[at..at + length]);
            (length, false)
        } else if quoted {
            quoted = bytes[at] != b'\'';
            (1, !quoted)
        } else if rest.starts_with(ANCHOR.as_bytes()) {
            (until(b"*/").map_or(line, |end| end + 2), true)
        } else if rest.starts_with(b"/*") {
            (until(b"*/").map_or(rest.len(), |end| end + 2), false)
        } else if rest.starts_with(b"--") {
            (line, false)
        } else {
            quoted = bytes[at] == b'\'';
            (1, pairs || quoted)
        };
        if shown {
            out[at..at + length].copy_from_slice(&rest[..length]);
        }
        at += length;
    }
}

/// How many quotes there are outside of templates.
fn outside_quotes(bytes: &[u8]) -> usize {
    let (mut at, mut count) = (0, 0);
    while at < bytes.len() {
        let rest = &bytes[at..];
        if rest.starts_with(b"{{") || rest.starts_with(b"{%") {
            at += template(rest);
            continue;
        }
        count += usize::from(bytes[at] == b'\'');
        at += 1;
    }
    count
}

/// The length of a template, its braces included.
fn template(rest: &[u8]) -> usize {
    let close: &[u8] = if rest.starts_with(b"{%") { b"%}" } else { b"}}" };
    let mut at = 2;
    while at < rest.len() {
        match rest[at] {
            quote @ (b'\'' | b'"') => at = text_end(rest, at, quote) + 1,
            _ if rest[at..].starts_with(close) => return at + 2,
            _ => at += 1,
        }
    }
    rest.len()
}

/// The byte of the quote that closes a text.
fn text_end(code: &[u8], start: usize, quote: u8) -> usize {
    let mut at = start + 1;
    while at < code.len() && code[at] != quote {
        at += if code[at] == b'\\' { 2 } else { 1 };
    }
    at
}

/// Shows a template, without the texts in it.
fn code(template: &[u8], out: &mut [u8]) {
    let mut at = 0;
    while at < template.len() {
        match template[at] {
            quote @ (b'\'' | b'"') => at = text_end(template, at, quote),
            byte if byte.is_ascii() => out[at] = byte,
            _ => {}
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::veil;

    fn veiled(text: &str) -> String {
        veil(text, std::iter::empty())
    }

    #[test]
    fn literals_are_blank_and_the_rest_is_not() {
        assert_eq!(
            veiled("/*+ create, retries=3 */\nINSERT INTO a.b.c (Name) -- hunter2\nSELECT 'hunter2{{ name }}é'"),
            "/*+ create, retries=3 */\nINSERT INTO a.b.c (Name) ** *******\nSELECT '*******{{ name }}**'"
        );
        assert_eq!(veiled("{{ {'k': \"hunter2\"} | upper }}"), "{{ {***: *********} | upper }}");
    }

    #[test]
    fn quotes_that_do_not_pair_hide_the_statement() {
        assert_eq!(
            veiled("/*+ a */\nSELECT 'it's hunter2'\n/*+ b */\nSELECT b"),
            "/*+ a */\n****** '**'* *******'\n/*+ b */\nSELECT b"
        );
    }
}
