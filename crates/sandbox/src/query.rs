//! The AWS Query protocol's inputs: a form whose names are paths into the input.
//!
//! A form knows text alone, so an operation's model says what each text is. What the model does not
//! know is passed over, as the services do; what does not fit it stays a text, so that the check of
//! the model refuses it like that of any other protocol.

use serde_json::{Map, Value};

use crate::shape::Shape;

/// Reads an input by its model.
pub(crate) fn read(shape: &Shape, body: &[u8]) -> Value {
    let text = std::str::from_utf8(body).unwrap_or_default();
    let mut fields: Vec<(String, String)> = text
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect();
    fields.sort_by(|a, b| a.0.cmp(&b.0));
    value(shape, "", &fields).unwrap_or_else(|| Map::new().into())
}

fn value(shape: &Shape, path: &str, fields: &[(String, String)]) -> Option<Value> {
    let text = || fields.iter().find(|(name, _)| name == path).map(|(_, value)| value.clone());
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    let present = |path: &str| {
        let within = |name: &str| name.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
        fields.iter().any(|(name, _)| name == path || within(name))
    };
    let numbered = |list: String| (1..).map(move |number| format!("{list}.{number}")).take_while(|path| present(path));
    match shape {
        Shape::Str(_) => text().map(Value::from),
        Shape::Int { .. } => text().map(|text| text.parse::<i64>().map_or(Value::from(text), Value::from)),
        Shape::Time => text().map(Value::from),
        Shape::Bool => text().map(|text| text.parse::<bool>().map_or(Value::from(text), Value::from)),
        Shape::List { of, .. } => {
            let items: Vec<Value> = numbered(below("member")).filter_map(|path| value(of, &path, fields)).collect();
            // An empty list is spelled as an empty field.
            (!items.is_empty() || text().is_some()).then(|| items.into())
        }
        Shape::Map { .. } => {
            let field = |path: String| fields.iter().find(|(name, _)| *name == path).map(|(_, value)| value.clone());
            let entry = |path: String| Some((field(format!("{path}.key"))?, field(format!("{path}.value"))?.into()));
            let entries: Map<String, Value> = numbered(below("entry")).filter_map(entry).collect();
            (!entries.is_empty()).then(|| entries.into())
        }
        Shape::Struct(members) => {
            let member = |name: &'static str, shape| Some((name.to_owned(), value(shape, &below(name), fields)?));
            let found: Map<String, Value> = members.iter().filter_map(|it| member(it.name, it.shape)).collect();
            (!found.is_empty() || path.is_empty() || present(path)).then(|| found.into())
        }
    }
}

/// Decodes a form's text: `+` is a space, `%XX` a byte.
pub(crate) fn decode(text: &str) -> String {
    percent(text, true)
}

/// Decodes a part of a URL's path.
pub(crate) fn decode_path(text: &str) -> String {
    percent(text, false)
}

fn percent(text: &str, plus: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.filter(|_| bytes[at] == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        at += if byte.is_some() { 3 } else { 1 };
        out.push(byte.unwrap_or(match bytes[at - 1] {
            b'+' if plus => b' ',
            other => other,
        }));
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Encodes text for a URL, as IAM does with its documents [M].
pub(crate) fn encode(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::{Text, may};
    use serde_json::json;

    static TEXT: Shape = Shape::Str(Text::new(0, 64));
    static NUMBER: Shape = Shape::Int { min: 0, max: 9 };
    static FLAG: Shape = Shape::Bool;
    static TAG: Shape = Shape::Struct(&[may("Key", &TEXT), may("Value", &TEXT)]);
    static TAGS: Shape = Shape::List { of: &TAG, min: 0, max: 9 };
    static INPUT: Shape =
        Shape::Struct(&[may("Name", &TEXT), may("Size", &NUMBER), may("Deep", &FLAG), may("Tags", &TAGS)]);

    #[test]
    fn a_form_becomes_an_input() {
        let body = b"Action=X&Name=a+b%26c&Size=5&Deep=true&Tags.member.1.Key=k&Tags.member.1.Value=&Other=1";
        let wanted = json!({"Name": "a b&c", "Size": 5, "Deep": true, "Tags": [{"Key": "k", "Value": ""}]});
        assert_eq!(read(&INPUT, body), wanted);
        assert_eq!(read(&INPUT, b"Size=x&Tags="), json!({"Size": "x", "Tags": []}));
        assert_eq!(decode(&encode("{\"a\": \"é+%\"}")), "{\"a\": \"é+%\"}");
    }
}
