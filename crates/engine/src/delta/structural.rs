//! What differs between the live properties and the aligned desired ones, as edits in an order in which they can be
//! applied one after the other: in a list changes of items come first, then removals from its end, then additions.

use crate::delta::align::covered;
use crate::delta::{Edit, Effect};
use crate::schema::{Clearing, List, Order, Property, Type};
use crate::value::{Map, Value, push_token};

/// Where we are: as a pointer and for people.
#[derive(Default)]
pub(super) struct At {
    pointer: String,
    label: String,
}

impl At {
    fn below<T>(&mut self, token: &str, shown: &str, go: impl FnOnce(&mut Self) -> T) -> T {
        let lengths = (self.pointer.len(), self.label.len());
        push_token(&mut self.pointer, token);
        if shown.starts_with('[') || self.label.is_empty() {
            self.label.push_str(shown);
        } else {
            self.label.push('/');
            self.label.push_str(shown);
        }
        let result = go(self);
        self.pointer.truncate(lengths.0);
        self.label.truncate(lengths.1);
        result
    }

    fn edit(&self, before: Option<&Value>, after: Option<&Value>, effect: Effect) -> Edit {
        Edit {
            pointer: self.pointer.clone(),
            label: self.label.clone(),
            before: before.cloned(),
            after: after.cloned(),
            effect,
        }
    }
}

pub(super) fn object(schema: &'static [Property], live: &Map, desired: &Map, at: &mut At, edits: &mut Vec<Edit>) {
    for property in schema {
        at.below(property.name, property.name, |at| match (live.get(property.name), desired.get(property.name)) {
            (None, None) => {}
            (None, Some(after)) => edits.push(at.edit(None, Some(after), changed(property))),
            (Some(before), None) => edits.push(at.edit(Some(before), None, removed(property))),
            (Some(before), Some(after)) => {
                let first = edits.len();
                value(&property.ty, before, after, at, edits);
                if property.immutable {
                    for edit in &mut edits[first..] {
                        edit.effect = changed(property);
                    }
                }
            }
        });
    }
}

fn changed(property: &Property) -> Effect {
    if property.immutable {
        Effect::Replaces(format!("{} cannot change in place", property.name))
    } else {
        Effect::InPlace
    }
}

fn removed(property: &Property) -> Effect {
    match property.clearing {
        Clearing::Never => Effect::Replaces(format!("{} cannot be removed in place", property.name)),
        _ => changed(property),
    }
}

fn value(ty: &'static Type, before: &Value, after: &Value, at: &mut At, edits: &mut Vec<Edit>) {
    match (ty.of(after), before, after) {
        (_, Value::Secret(live), Value::Secret(desired)) => {
            if !desired.is_clone_of(live) {
                edits.push(at.edit(Some(before), Some(after), Effect::InPlace));
            }
        }
        // It was shown until now and is no longer.
        (_, before, Value::Secret(_)) => {
            let before = covered(before.clone(), after);
            edits.push(at.edit(Some(&before), Some(after), Effect::InPlace));
        }
        (Type::Object(members), Value::Map(live), Value::Map(desired)) => object(members, live, desired, at, edits),
        (Type::Map(item), Value::Map(live), Value::Map(desired)) => {
            for (name, before) in live {
                at.below(name, name, |at| match desired.get(name) {
                    Some(after) => value(item, before, after, at, edits),
                    None => edits.push(at.edit(Some(before), None, Effect::InPlace)),
                });
            }
            for (name, after) in desired.iter().filter(|(name, _)| !live.contains_key(name)) {
                at.below(name, name, |at| edits.push(at.edit(None, Some(after), Effect::InPlace)));
            }
        }
        (Type::List(list), Value::List(live), Value::List(desired)) => items(list, live, desired, at, edits),
        (_, before, after) => {
            if before != after {
                edits.push(at.edit(Some(before), Some(after), Effect::InPlace));
            }
        }
    }
}

fn items(list: &'static List, live: &[Value], desired: &[Value], at: &mut At, edits: &mut Vec<Edit>) {
    // For each live item the desired one that it becomes.
    let mut taken = vec![false; desired.len()];
    let partners: Vec<Option<usize>> = live
        .iter()
        .enumerate()
        .map(|(index, before)| {
            let partner = match list.order {
                Order::Ordered => (index < desired.len()).then_some(index),
                Order::Set => (0..desired.len()).find(|other| !taken[*other] && desired[*other] == *before),
                Order::Keyed(key) => (0..desired.len()).find(|other| {
                    !taken[*other] && before.get(key).is_some() && desired[*other].get(key) == before.get(key)
                }),
            };
            if let Some(partner) = partner {
                taken[partner] = true;
            }
            partner
        })
        .collect();
    let shown = |item: &Value, index: usize| match list.order {
        Order::Keyed(key) => match item.get(key).and_then(Value::as_str) {
            Some(name) => format!("[{name}]"),
            None => format!("[{index}]"),
        },
        _ => format!("[{index}]"),
    };
    for (index, partner) in partners.iter().enumerate() {
        if let Some(partner) = partner {
            at.below(&index.to_string(), &shown(&live[index], index), |at| {
                value(&list.item, &live[index], &desired[*partner], at, edits);
            });
        }
    }
    for (index, _) in partners.iter().enumerate().rev().filter(|(_, partner)| partner.is_none()) {
        at.below(&index.to_string(), &shown(&live[index], index), |at| {
            edits.push(at.edit(Some(&live[index]), None, Effect::InPlace));
        });
    }
    for (index, after) in desired.iter().enumerate().filter(|(index, _)| !taken[*index]) {
        at.below("-", &shown(after, index), |at| edits.push(at.edit(None, Some(after), Effect::InPlace)));
    }
}
