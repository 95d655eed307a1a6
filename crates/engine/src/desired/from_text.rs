//! Values that come from SQL, in which every value is text, read as what the schema wants.
//!
//! Where a manifest of ours would be told to write `true` without quotes, a statement had no other way to say it. Nothing is
//! guessed: the schema says what the text has to be, and a text that is not that stays one and gets its message.

use crate::schema::Type;
use crate::value::{Number, Value};

/// The value in the type that is wanted, as far as it can be read as that.
pub(super) fn read(ty: &Type, value: Value) -> Value {
    match (ty, &value) {
        (Type::Boolean, Value::String(text)) if text.eq_ignore_ascii_case("true") => Value::Bool(true),
        (Type::Boolean, Value::String(text)) if text.eq_ignore_ascii_case("false") => Value::Bool(false),
        (Type::Integer { .. } | Type::Number { .. }, Value::String(text)) => {
            text.parse::<Number>().map_or(value, Value::Number)
        }
        (Type::Object(_) | Type::Map(_) | Type::List(_), Value::String(text)) => document(text).unwrap_or(value),
        (Type::Text(_), Value::Number(number)) => Value::String(number.to_string()),
        (Type::Text(_), Value::Bool(flag)) => Value::String(flag.to_string()),
        (Type::Union(members), Value::String(_)) if matches!(ty.of(&value), Type::Union(_)) => {
            let read = members.iter().map(|member| read(member, value.clone()));
            read.into_iter().find(|read| !matches!(read, Value::String(_))).unwrap_or(value)
        }
        _ => value,
    }
}

/// The list or map that a text holds as JSON.
fn document(text: &str) -> Option<Value> {
    serde_json::from_str::<serde_json::Value>(text)
        .ok()
        .filter(|json| json.is_object() || json.is_array())
        .map(Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Property, Text};

    #[test]
    fn text_becomes_what_the_schema_wants_and_nothing_else() {
        const NAMES: &[Property] = &[Property::new("Name", Type::Text(Text::ANY), "")];
        let object = Type::Object(NAMES);
        let whole = Type::Integer { min: 0, max: 300 };
        let cases = [
            (&Type::Boolean, Value::from("True"), Value::Bool(true)),
            (&Type::Boolean, Value::from("yes"), Value::from("yes")),
            (&whole, Value::from("30"), Value::from(30)),
            (&whole, Value::from("thirty"), Value::from("thirty")),
            (&Type::Text(Text::ANY), Value::from("true"), Value::from("true")),
            (&Type::Text(Text::ANY), Value::from("12345678"), Value::from("12345678")),
            (&Type::Text(Text::ANY), Value::from(30), Value::from("30")),
            (&object, Value::from(r#"{"Name": "a"}"#), Value::from(serde_json::json!({"Name": "a"}))),
            (&object, Value::from("{"), Value::from("{")),
            (&object, Value::from("1"), Value::from("1")),
        ];
        for (ty, written, wanted) in cases {
            assert_eq!(read(ty, written.clone()), wanted, "{written:?}");
        }
    }
}
