//! Values of a schema from bytes, so that whoever varies the bytes varies the values.

use serde_json::Number;
use trueup_engine::schema::{Property, Type};
use trueup_engine::secret::Secret;
use trueup_engine::value::{Map, Value};

/// Texts that mean something somewhere.
const TEXTS: &[&str] = &["", "a", "b", "A", "a/b", "~0", "true", "12345678", "é", "a,b", "{}", "x\ny", "\u{0}"];

/// Bytes that are used up one by one; there is always one more, a zero.
pub struct Bytes<'a> {
    rest: &'a [u8],
}

impl<'a> Bytes<'a> {
    pub fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    fn next(&mut self) -> usize {
        let Some((first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        usize::from(*first)
    }

    /// Some of the properties; those that are required always, since both sides were checked for them.
    pub fn object(&mut self, schema: &'static [Property]) -> Map {
        let mut map = Map::new();
        for property in schema {
            if property.required || !self.next().is_multiple_of(3) {
                let value = self.value(&property.ty, property);
                map.insert(property.name.to_owned(), value);
            }
        }
        map
    }

    fn value(&mut self, ty: &'static Type, property: &'static Property) -> Value {
        match ty {
            _ if self.rest.is_empty() && !property.required => Value::Null,
            Type::Boolean => Value::Bool(self.next() % 2 == 1),
            Type::Integer { .. } | Type::Number { .. } => Value::Number(Number::from(self.next())),
            Type::Object(members) => Value::Map(self.object(members)),
            Type::List(list) => {
                let count = self.next() % 5;
                Value::List((0..count).map(|_| self.value(&list.item, property)).collect())
            }
            Type::Map(item) => {
                let count = self.next() % 4;
                Value::Map((0..count).map(|_| (self.text(), self.value(item, property))).collect())
            }
            Type::Text(_) if property.secrecy == trueup_engine::schema::Secrecy::Secret => {
                let text = self.text();
                Value::Secret(if self.next().is_multiple_of(4) {
                    Secret::unresolved("env:X")
                } else {
                    Secret::new("env:X", text)
                })
            }
            _ => Value::String(self.text()),
        }
    }

    fn text(&mut self) -> String {
        TEXTS[self.next() % TEXTS.len()].to_owned()
    }
}
