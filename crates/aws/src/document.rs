//! The members of a JSON document as they are written.
//!
//! A number that is read is another text when it is written again: `1.10` becomes `1.1`, and one with many digits loses
//! some. What is taken from a secret has to be what stands there, so the members are cut out and not made again.

use std::collections::HashMap;

use serde::de::IgnoredAny;

/// Each member of an object with the text of its value, the last one where several have a name; `None` where the text is
/// no object.
pub(crate) fn members(text: &str) -> Option<HashMap<String, &str>> {
    // What follows is about a text that is known to be right.
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let mut members = HashMap::new();
    let mut rest = text.trim_ascii().strip_prefix('{')?;
    loop {
        rest = rest.trim_ascii_start();
        if rest.starts_with('}') {
            return Some(members);
        }
        let (name, behind) = value(rest)?;
        let (written, behind) = value(behind.trim_ascii_start().strip_prefix(':')?)?;
        members.insert(serde_json::from_str(name).ok()?, written);
        let behind = behind.trim_ascii_start();
        rest = behind.strip_prefix(',').unwrap_or(behind);
    }
}

/// The value at the beginning of a text, and what follows it.
fn value(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_ascii_start();
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    text.split_at_checked(values.byte_offset())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_cut_out_as_they_are_written() {
        let members = members(" { \"a\" : 1.10,\"b\":{\"c\" : [1e5, \"}\"]}\n, \"d\\\"\":\"x,\\\"\" } ").unwrap();
        assert_eq!(members["a"], "1.10");
        assert_eq!(members["b"], "{\"c\" : [1e5, \"}\"]}");
        assert_eq!(members["d\""], "\"x,\\\"\"");
        assert_eq!(members.len(), 3);
    }

    #[test]
    fn what_is_no_object_has_no_members() {
        for text in ["", "[]", "1", "\"{}\"", "{", "{\"a\"}", "{\"a\":1,}", "{} {}"] {
            assert!(members(text).is_none(), "{text}");
        }
        assert!(members("{}").unwrap().is_empty());
    }
}
