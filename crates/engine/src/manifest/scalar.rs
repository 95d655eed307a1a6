//! What a plain scalar is, by the YAML 1.2 core schema and nothing beyond it.
//!
//! Two dangers stand against each other: a parser that guesses (`no` is false, `012` is ten) corrupts passwords, and one
//! that is too strict annoys. So the core schema holds, and what another parser would read differently is neither guessed
//! nor passed on: it must be quoted.

use serde_json::Number;

/// A plain scalar, resolved.
#[derive(Debug, Clone, PartialEq)]
pub enum Plain {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// Anything else.
    Text,
    /// Something that parsers disagree about; the sentence says what.
    Ambiguous(&'static str),
}

/// Resolves the text of a plain scalar.
pub fn resolve(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Null,
        "true" | "True" | "TRUE" => return Plain::Bool(true),
        "false" | "False" | "FALSE" => return Plain::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Plain::Ambiguous("not-a-number has no place in a manifest"),
        _ => {}
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return Plain::Ambiguous("infinity has no place in a manifest");
    }
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Plain::Text;
    }
    if let Some(plain) = prefixed(text, unsigned) {
        return plain;
    }
    if unsigned.bytes().all(|b| b.is_ascii_digit() || b == b'_') && unsigned.contains('_') {
        return Plain::Ambiguous("some parsers read digits with `_` as a number, others as text");
    }
    if unsigned.bytes().all(|b| b.is_ascii_digit()) {
        return integer(text, unsigned);
    }
    float(text, unsigned)
}

fn prefixed(text: &str, unsigned: &str) -> Option<Plain> {
    let (radix, digits) = match unsigned.get(..2)? {
        "0x" => (16, &unsigned[2..]),
        "0o" => (8, &unsigned[2..]),
        "0b" if unsigned.len() > 2 && unsigned[2..].bytes().all(|b| matches!(b, b'0' | b'1' | b'_')) => {
            return Some(Plain::Ambiguous("some parsers read `0b` as a binary number, others as text"));
        }
        _ => return None,
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix) || c == '_') {
        return Some(Plain::Text);
    }
    if digits.contains('_') || text.len() != unsigned.len() {
        return Some(Plain::Ambiguous("some parsers read this as a number, others as text"));
    }
    Some(match u64::from_str_radix(digits, radix) {
        Ok(number) => Plain::Number(number.into()),
        Err(_) => Plain::Ambiguous("it is a number of more than 64 bits"),
    })
}

fn integer(text: &str, unsigned: &str) -> Plain {
    if unsigned.len() > 1 && unsigned.starts_with('0') {
        return Plain::Ambiguous("some parsers read a leading `0` as an octal number, others drop it");
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    if let Ok(number) = text.parse::<i64>() {
        return Plain::Number(number.into());
    }
    match text.parse::<u64>() {
        Ok(number) => Plain::Number(number.into()),
        Err(_) => Plain::Ambiguous("it is a number of more than 64 bits"),
    }
}

fn float(text: &str, unsigned: &str) -> Plain {
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let exponent_fits = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['+', '-']).unwrap_or(e);
        !e.is_empty() && digits(e)
    });
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) || !exponent_fits {
        return Plain::Text;
    }
    match text.parse::<f64>().ok().and_then(Number::from_f64) {
        Some(number) => Plain::Number(number),
        None => Plain::Ambiguous("it is a number that does not fit into 64 bits"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_text_stays_text() {
        for text in
            ["no", "on", "yes", "TrueNorth99", "1.2.3", "10.0.0.0/8", "1:30", "2026-01-01", "-", "e5", "1e", "0xzz"]
        {
            assert_eq!(resolve(text), Plain::Text, "{text}");
        }
    }

    #[test]
    fn the_core_schema_is_read() {
        assert_eq!(resolve("~"), Plain::Null);
        assert_eq!(resolve("TRUE"), Plain::Bool(true));
        assert_eq!(resolve("-12"), Plain::Number((-12).into()));
        assert_eq!(resolve("0x1F"), Plain::Number(31.into()));
        assert_eq!(resolve("1e5"), Plain::Number(Number::from_f64(100_000.0).unwrap()));
        assert_eq!(resolve(".5"), Plain::Number(Number::from_f64(0.5).unwrap()));
    }

    #[test]
    fn what_parsers_disagree_about_must_be_quoted() {
        for text in ["1_000", "0b11", "012", "99999999999999999999", "1e999", ".inf", "-.INF", ".nan", "0x_f", "00"] {
            assert!(matches!(resolve(text), Plain::Ambiguous(_)), "{text}");
        }
    }
}
