//! Values that come from SQL, in which every value is text, read as what the schema wants.
//!
//! Where a manifest of ours would be told to write `true` without quotes, a statement had no other way to say it. Nothing is
//! guessed: the schema says what the text has to be, and a text that is not that stays one and gets its message.

use crate::schema::Type;
use crate::secret::Secret;
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
        (Type::Text(_), Value::Map(_) | Value::List(_)) => carried(&value).unwrap_or(value),
        (Type::Union(members), Value::Map(_) | Value::List(_)) if matches!(ty.of(&value), Type::Union(_)) => {
            match members.iter().find(|member| matches!(member, Type::Text(_))) {
                Some(member) => read(member, value),
                None => value,
            }
        }
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

/// A list or map as the JSON text that SQL carried: compact, with its keys sorted, as stackql-deploy writes a value; one
/// secret where a secret is in it. `None` where something of it is known only later.
fn carried(value: &Value) -> Option<Value> {
    let (mut later, mut secret) = (false, false);
    value.leaves(&mut |leaf| match leaf {
        Value::Secret(_) => secret = true,
        Value::Deferred(_) | Value::Unknown(_) => later = true,
        _ => {}
    });
    if later {
        return None;
    }
    if secret {
        return Secret::of_document(value).map(Value::Secret);
    }
    let mut json = value.to_masked_json();
    json.sort_all_objects();
    Some(Value::String(json.to_string()))
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
            (
                &Type::Text(Text::ANY),
                Value::from(serde_json::json!({"b": {"d": "x", "c": [1, true]}, "a": "é"})),
                Value::from(r#"{"a":"é","b":{"c":[1,true],"d":"x"}}"#),
            ),
            (&Type::Text(Text::ANY), Value::from(serde_json::json!(["b", "a"])), Value::from(r#"["b","a"]"#)),
            (
                &Type::Union(&[Type::Boolean, Type::Text(Text::ANY)]),
                Value::from(serde_json::json!({"a": 1})),
                Value::from(r#"{"a":1}"#),
            ),
        ];
        for (ty, written, wanted) in cases {
            assert_eq!(read(ty, written.clone()), wanted, "{written:?}");
        }
    }

    #[test]
    fn a_document_is_no_text_before_all_of_it_is_known_and_is_a_secret_with_a_secret_in_it() {
        let text = Type::Text(Text::ANY);
        let of = |member: Value| Value::Map([("a".to_owned(), member)].into());
        let unknown = of(Value::Unknown("orders.Arn".into()));
        assert_eq!(read(&text, unknown.clone()), unknown);
        let secret = read(&text, of(Value::Secret(Secret::new("env:A", "hunter2".to_owned()))));
        let Value::Secret(secret) = secret else { panic!("{secret:?}") };
        assert_eq!(secret.source(), "env:A");
        assert_eq!(secret.same_as(&Secret::new("", r#"{"a":"hunter2"}"#.to_owned())), Some(true));
    }
}
