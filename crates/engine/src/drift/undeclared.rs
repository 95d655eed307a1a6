//! Live properties that the manifest does not name: no drift, because nobody said what they should be.

use crate::delta::canonical_form;
use crate::plan::Step;
use crate::schema::{List, Order, Property, Type};
use crate::value::{Map, Value, push_token};

/// One live property.
#[derive(Debug, Clone, PartialEq)]
pub struct Undeclared {
    /// Where: a JSON pointer into the live properties.
    pub pointer: String,
    /// The live value.
    pub live: Value,
}

/// What is live and not in the manifest, without what is a difference already and without defaults.
pub(super) fn of(step: &Step) -> Vec<Undeclared> {
    let Some(present) = step.live.present() else { return Vec::new() };
    let schema = step.desired.kind.schema();
    let live = canonical_form(schema, &present.properties);
    let wanted = canonical_form(schema, &step.resolved);
    let mut walk = Walk { step, found: Vec::new() };
    walk.object(schema.properties, &live, &wanted, &mut String::new());
    walk.found
}

struct Walk<'a> {
    step: &'a Step,
    found: Vec<Undeclared>,
}

impl Walk<'_> {
    fn object(&mut self, properties: &'static [Property], live: &Map, wanted: &Map, pointer: &mut String) {
        for (name, value) in live {
            let property = properties.iter().find(|property| property.name == *name);
            let length = pointer.len();
            push_token(pointer, name);
            self.value(property.map(|property| &property.ty), value, wanted.get(name), pointer);
            pointer.truncate(length);
        }
    }

    fn value(&mut self, ty: Option<&'static Type>, live: &Value, wanted: Option<&Value>, pointer: &mut String) {
        let Some(wanted) = wanted else { return self.push(live, pointer) };
        match (ty, live, wanted) {
            (Some(Type::Object(members)), Value::Map(live), Value::Map(wanted)) => {
                self.object(members, live, wanted, pointer);
            }
            (_, Value::Map(live), Value::Map(wanted)) => {
                for (name, value) in live.iter().filter(|(name, _)| !wanted.contains_key(name)) {
                    let length = pointer.len();
                    push_token(pointer, name);
                    self.push(value, pointer);
                    pointer.truncate(length);
                }
            }
            // Of a list only items that have a key can be told apart; another list is the manifest's as a whole.
            (Some(Type::List(List { order: Order::Keyed(key), .. })), Value::List(live), Value::List(wanted)) => {
                for (number, item) in live.iter().enumerate() {
                    if !wanted.iter().any(|other| other.get(key) == item.get(key)) {
                        let length = pointer.len();
                        push_token(pointer, &number.to_string());
                        self.push(item, pointer);
                        pointer.truncate(length);
                    }
                }
            }
            _ => {}
        }
    }

    fn push(&mut self, live: &Value, pointer: &str) {
        let told = |edit: &crate::delta::Edit| {
            let below = edit.pointer.strip_prefix(pointer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            below || pointer.strip_prefix(edit.pointer.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        if !self.step.edits.iter().any(told) {
            self.found.push(Undeclared { pointer: pointer.to_owned(), live: live.clone() });
        }
    }
}
