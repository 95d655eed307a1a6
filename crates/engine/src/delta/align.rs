//! Gives the desired properties the shape of the live ones wherever the difference means nothing.

use std::borrow::Cow;

use crate::delta::{Edit, Effect, pattern_matches, policy};
use crate::schema::{Clearing, Domain, List, Order, Property, Secrecy, Type};
use crate::secret::Secret;
use crate::stack::Ignore;
use crate::value::{Map, Value, push_token};

/// The source of a value that is no secret and yet not verifiable.
const PUBLIC: &str = "manifest";
/// Why something that is write-only is not verifiable.
const NEVER_RETURNED: &str = "the service never returns it";

/// What is known of one secret of the desired properties.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// Where it is in the aligned properties.
    pub pointer: String,
    /// The desired secret.
    pub desired: Secret,
    /// `Some(true)` same, `Some(false)` differs, `None` not comparable.
    pub same: Option<bool>,
    /// There is no live value.
    pub new: bool,
    /// Why it is not comparable: the source of the unresolved live secret, or that the desired one is missing.
    pub reason: Option<String>,
}

pub(super) struct Aligner<'a> {
    pub(super) canonical: &'a dyn Fn(Domain, &str) -> String,
    pub(super) ignore: &'a [Ignore],
    /// Secrets stay the desired ones, since they are about to be sent.
    pub(super) for_sending: bool,
    pub(super) secrets: Vec<Verdict>,
    pub(super) ignored: Vec<Edit>,
}

impl Aligner<'_> {
    pub(super) fn object(
        &mut self,
        schema: &'static [Property],
        live: Option<&Map>,
        mut desired: Map,
        pointer: &mut String,
    ) -> Map {
        let length = pointer.len();
        let mut aligned = Map::with_capacity(desired.len());
        for property in schema {
            push_token(pointer, property.name);
            let before = live.and_then(|live| live.get(property.name));
            let wanted = desired.remove(property.name);
            if let Some(value) = self.member(property, live.is_some(), before, wanted, pointer) {
                aligned.insert(property.name.to_owned(), value);
            }
            pointer.truncate(length);
        }
        aligned
    }

    /// `beside` says whether what the property is part of is there live.
    fn member(
        &mut self,
        property: &'static Property,
        beside: bool,
        live: Option<&Value>,
        desired: Option<Value>,
        pointer: &mut String,
    ) -> Option<Value> {
        if let Some(ignore) = self.ignore.iter().find(|ignore| ignores(ignore, pointer)) {
            let aligned = self.passed_over(ignore, live, desired, pointer);
            // Leaving out what an update would have to clear leaves it as it is, and nobody can send what nobody read.
            let merges = !matches!(property.clearing, Clearing::Omit | Clearing::Never);
            return aligned.filter(|aligned| !(self.for_sending && merges && has_unread(aligned)));
        }
        let desired = if property.kept { kept(&property.ty, live, desired) } else { desired };
        if property.policy
            && !self.for_sending
            && let (Some(live), Some(desired)) = (live, &desired)
            && policy::same(live, desired)
        {
            return Some(live.clone());
        }
        // A single secret has its live counterpart, which a kind may have read elsewhere.
        let single = property.secrecy != Secrecy::Public && matches!(property.ty, Type::Text(_) | Type::Json);
        if property.write_only && (!single || property.unseen) && beside && !self.for_sending {
            return self.not_compared(property.unseen, live, desired.as_ref(), pointer);
        }
        // What has nothing in it and what is not there are one and the same list.
        if live.is_none() && matches!(&desired, Some(Value::List(items)) if items.is_empty()) {
            return None;
        }
        match (&property.ty, live, desired) {
            // Something below it may be passed over, so it is not wanted or not there only in part.
            (Type::Object(members), Some(Value::Map(map)), None) if self.ignores_below(pointer) => {
                let aligned = self.object(members, Some(map), Map::new(), pointer);
                (!aligned.is_empty()).then_some(Value::Map(aligned))
            }
            (Type::Object(members), None, Some(Value::Map(map))) if self.ignores_below(pointer) => {
                let aligned = self.object(members, None, map, pointer);
                (!aligned.is_empty()).then_some(Value::Map(aligned))
            }
            (Type::Map(item), Some(Value::Map(map)), None) if self.ignores_below(pointer) => {
                let aligned = self.map(item, Some(map), Map::new(), pointer);
                (!aligned.is_empty()).then_some(Value::Map(aligned))
            }
            (Type::Map(item), None, Some(Value::Map(map))) if self.ignores_below(pointer) => {
                let aligned = self.map(item, None, map, pointer);
                (!aligned.is_empty()).then_some(Value::Map(aligned))
            }
            (_, live, Some(desired)) => Some(self.value(&property.ty, property.names, live, desired, pointer)),
            (_, _, None) => None,
        }
    }

    /// What the service never returns is as it is live, which nobody knows; each secret in it is not verifiable, and, of
    /// an unseen one, each other value too.
    fn not_compared(
        &mut self,
        unseen: bool,
        live: Option<&Value>,
        desired: Option<&Value>,
        pointer: &str,
    ) -> Option<Value> {
        if let Some(desired) = desired {
            desired.walk(&mut |below, leaf| {
                let secret = match leaf {
                    Value::Secret(secret) => secret.clone(),
                    Value::Unknown(_) | Value::Deferred(_) => return,
                    public if unseen => Secret::new(PUBLIC, public.to_masked_json().to_string()),
                    _ => return,
                };
                let reason = if secret.is_resolved() { NEVER_RETURNED } else { crate::plan::SOURCE_MISSING };
                self.secrets.push(Verdict {
                    pointer: format!("{pointer}{below}"),
                    desired: secret,
                    same: None,
                    new: false,
                    reason: Some(reason.to_owned()),
                });
            });
        }
        live.cloned()
    }

    /// What is passed over is as it is live.
    fn passed_over(
        &mut self,
        ignore: &Ignore,
        live: Option<&Value>,
        desired: Option<Value>,
        pointer: &str,
    ) -> Option<Value> {
        let same = match (live, &desired) {
            (None, None) => true,
            (Some(live), Some(desired)) => live == desired,
            _ => false,
        };
        if !same {
            let reason = ignore.reason.clone().unwrap_or_else(|| "ignored by the manifest".to_owned());
            self.ignored.push(Edit {
                pointer: pointer.to_owned(),
                label: pointer.trim_start_matches('/').to_owned(),
                before: live.map(|live| match &desired {
                    Some(desired) => covered(live.clone(), desired),
                    None => live.clone(),
                }),
                after: desired,
                effect: Effect::Ignored(reason),
            });
        }
        live.cloned()
    }

    /// Whether a path under `ignore` lies below this one.
    fn ignores_below(&self, pointer: &str) -> bool {
        let depth = crate::value::tokens(pointer).count();
        self.ignore.iter().filter(|ignore| !ignore.expired).any(|ignore| {
            let above = ignore.path.value.match_indices('/').nth(depth).map(|(end, _)| &ignore.path.value[..end]);
            above.is_some_and(|above| pattern_matches(above, pointer))
        })
    }

    fn map(&mut self, item: &'static Type, live: Option<&Map>, desired: Map, pointer: &mut String) -> Map {
        let length = pointer.len();
        let mut aligned = Map::with_capacity(desired.len());
        let only_live: Vec<&String> =
            live.into_iter().flat_map(Map::keys).filter(|name| !desired.contains_key(name)).collect();
        for (name, value) in desired
            .iter()
            .map(|(name, value)| (name, Some(value.clone())))
            .chain(only_live.into_iter().map(|name| (name, None)))
        {
            push_token(pointer, name);
            let before = live.and_then(|live| live.get(name));
            let value = match self.ignore.iter().find(|ignore| ignores(ignore, pointer)) {
                Some(ignore) => self.passed_over(ignore, before, value, pointer),
                None => value.map(|value| self.value(item, None, before, value, pointer)),
            };
            pointer.truncate(length);
            if let Some(value) = value {
                aligned.insert(name.clone(), value);
            }
        }
        aligned
    }

    fn value(
        &mut self,
        ty: &'static Type,
        names: Option<Domain>,
        live: Option<&Value>,
        desired: Value,
        pointer: &mut String,
    ) -> Value {
        match (ty.of(&desired), live, desired) {
            (_, _, desired @ Value::Secret(_)) if self.for_sending => desired,
            (Type::Json, live, Value::Secret(secret)) => self.secret(live, secret, Secret::same_document_as, pointer),
            (_, live, Value::Secret(secret)) => self.secret(live, secret, Secret::same_as, pointer),
            (Type::Object(members), live, Value::Map(map)) => {
                Value::Map(self.object(members, live.and_then(Value::as_map), map, pointer))
            }
            (Type::List(list), live, Value::List(items)) => {
                Value::List(self.list(list, live.and_then(Value::as_list).unwrap_or_default(), items, pointer))
            }
            (Type::Map(item), live, Value::Map(map)) => {
                Value::Map(self.map(item, live.and_then(Value::as_map), map, pointer))
            }
            (Type::Text(_), Some(Value::String(live)), Value::String(desired)) => match names {
                Some(domain) if (self.canonical)(domain, live) == (self.canonical)(domain, &desired) => {
                    Value::String(live.clone())
                }
                _ => Value::String(desired),
            },
            // `1` and `1.0` are two ways to write one number.
            (_, Some(Value::Number(live)), Value::Number(desired)) if live.as_f64() == desired.as_f64() => {
                Value::Number(live.clone())
            }
            (Type::Json, Some(live), desired) if same_document(live, &desired) => live.clone(),
            (_, _, desired) => desired,
        }
    }

    fn secret(
        &mut self,
        live: Option<&Value>,
        secret: Secret,
        compare: fn(&Secret, &Secret) -> Option<bool>,
        pointer: &str,
    ) -> Value {
        let (same, new, reason, aligned) = match live {
            None => (None, true, None, None),
            Some(Value::Secret(live)) => {
                let same = compare(&secret, live);
                let reason = match same {
                    Some(_) => None,
                    None if !secret.is_resolved() => Some(crate::plan::SOURCE_MISSING.to_owned()),
                    None => Some(live.source().to_owned()),
                };
                // Different only where it is proved: what could not be compared stays as it is.
                (same, false, reason, (same != Some(false)).then(|| Value::Secret(live.clone())))
            }
            // The service shows the value: the property is public, or it was not a secret there until now, which its flag
            // says.
            Some(Value::String(shown)) => {
                let same = compare(&secret, &Secret::new("live", shown.clone()));
                (same, false, None, (same != Some(false)).then(|| Value::String(shown.clone())))
            }
            Some(shown @ (Value::Map(_) | Value::List(_))) => {
                let same = Secret::of_document(shown).and_then(|shown| compare(&secret, &shown));
                (same, false, None, (same != Some(false)).then(|| shown.clone()))
            }
            Some(_) => (Some(false), false, None, None),
        };
        // A value that is new is sent whatever it is, so a missing source is worth saying here too.
        let reason = reason.or_else(|| (!secret.is_resolved()).then(|| crate::plan::SOURCE_MISSING.to_owned()));
        self.secrets.push(Verdict { pointer: pointer.to_owned(), desired: secret.clone(), same, new, reason });
        aligned.unwrap_or(Value::Secret(secret))
    }

    fn list(&mut self, list: &'static List, live: &[Value], desired: Vec<Value>, pointer: &mut String) -> Vec<Value> {
        let Order::Keyed(key) = list.order else {
            let partners = self.partners(list, live, &desired, pointer);
            let length = pointer.len();
            return desired
                .into_iter()
                .zip(partners)
                .enumerate()
                .map(|(index, (item, partner))| {
                    push_token(pointer, &index.to_string());
                    let item =
                        self.value(&list.item, None, partner.and_then(|partner| live.get(partner)), item, pointer);
                    pointer.truncate(length);
                    item
                })
                .collect();
        };
        // In the order of the live list, what is new behind it; the n-th of a doubled key matches the n-th.
        let mut pending: Vec<Option<Value>> = desired.into_iter().map(Some).collect();
        let mut pairs: Vec<(Option<&Value>, Value)> = Vec::with_capacity(pending.len());
        for before in live {
            let wanted = before.get(key);
            let found = pending
                .iter_mut()
                .find(|item| wanted.is_some() && item.as_ref().is_some_and(|item| item.get(key) == wanted));
            if let Some(item) = found.and_then(Option::take) {
                pairs.push((Some(before), item));
            }
        }
        pairs.extend(pending.into_iter().flatten().map(|item| (None, item)));
        let length = pointer.len();
        pairs
            .into_iter()
            .enumerate()
            .map(|(index, (before, item))| {
                push_token(pointer, &index.to_string());
                let item = self.value(&list.item, None, before, item, pointer);
                pointer.truncate(length);
                item
            })
            .collect()
    }
}

impl Aligner<'_> {
    /// For each desired item of a list without keys the live one that it is compared with: of an ordered list the one in
    /// its place, of a set the first that says the same and perhaps more, since a service fills in what is not given.
    fn partners(&self, list: &'static List, live: &[Value], desired: &[Value], pointer: &str) -> Vec<Option<usize>> {
        let in_place = |index: usize| (index < live.len()).then_some(index);
        if list.order != Order::Set || !matches!(list.item, Type::Object(_)) {
            return (0..desired.len()).map(in_place).collect();
        }
        let mut free: Vec<usize> = (0..live.len()).collect();
        let mut partner = |item: &Value| {
            let says_the_same = |other: &usize| {
                let mut probe = Aligner {
                    canonical: self.canonical,
                    ignore: self.ignore,
                    for_sending: false,
                    secrets: Vec::new(),
                    ignored: Vec::new(),
                };
                let aligned =
                    probe.value(&list.item, None, Some(&live[*other]), item.clone(), &mut format!("{pointer}/-"));
                aligned == live[*other]
            };
            let found = free.iter().position(says_the_same)?;
            Some(free.remove(found))
        };
        desired.iter().map(&mut partner).collect()
    }
}

/// Whether a secret in a value is not known.
fn has_unread(value: &Value) -> bool {
    let mut found = false;
    value.walk(&mut |_, leaf| found |= matches!(leaf, Value::Secret(secret) if !secret.is_resolved()));
    found
}

/// A live value, secret wherever the desired one is. Items of lists are not matched: a member that is secret in one of
/// them is covered in all.
pub(super) fn covered(live: Value, desired: &Value) -> Value {
    match (live, desired) {
        (Value::Map(live), Value::Map(desired)) => {
            let member = |(name, value): (String, Value)| match desired.get(&name) {
                Some(desired) => (name, covered(value, desired)),
                None => (name, value),
            };
            Value::Map(live.into_iter().map(member).collect())
        }
        (Value::List(live), Value::List(desired)) => {
            Value::List(live.into_iter().map(|item| desired.iter().fold(item, covered)).collect())
        }
        (live, Value::Secret(_)) => hidden(live),
        (live, Value::Deferred(deferred)) if deferred.secret_source().is_some() => hidden(live),
        (live, _) => live,
    }
}

/// Every text in a value as a secret.
fn hidden(value: Value) -> Value {
    match value {
        Value::Map(map) => Value::Map(map.into_iter().map(|(name, value)| (name, hidden(value))).collect()),
        Value::List(items) => Value::List(items.into_iter().map(hidden).collect()),
        Value::String(text) => Value::Secret(Secret::new("live", text)),
        Value::Number(number) => Value::Secret(Secret::new("live", number.to_string())),
        other => other,
    }
}

/// What is wanted, and of the live value what nobody speaks of.
fn kept(ty: &Type, live: Option<&Value>, desired: Option<Value>) -> Option<Value> {
    match (live, desired) {
        (Some(live), None) => Some(live.clone()),
        // An empty one takes all of it back, where it says anything at all.
        (Some(Value::List(live)), Some(Value::List(mut desired))) if !desired.is_empty() => {
            if let Type::List(List { order: Order::Keyed(key), .. }) = ty {
                let named = |item: &Value| desired.iter().any(|own| own.get(key) == item.get(key));
                let others: Vec<Value> = live.iter().filter(|item| !named(item)).cloned().collect();
                desired.extend(others);
            }
            Some(Value::List(desired))
        }
        (Some(Value::Map(live)), Some(Value::Map(mut desired))) if matches!(ty, Type::Map(_)) => {
            for (name, value) in live {
                if !desired.contains_key(name) {
                    desired.insert(name.clone(), value.clone());
                }
            }
            Some(Value::Map(desired))
        }
        (_, desired) => desired,
    }
}

fn ignores(ignore: &Ignore, pointer: &str) -> bool {
    !ignore.expired && pattern_matches(&ignore.path.value, pointer)
}

/// A value in canonical form, as far as it can be as a view of what was written.
#[derive(Debug)]
pub(crate) enum Canonical<'a> {
    /// Anything without members that were left out or added.
    Value(Cow<'a, Value>),
    /// A list.
    List(Vec<Self>),
    /// A map, in the order of the schema or of what was written.
    Map(Vec<(&'a str, Self)>),
}

impl Canonical<'_> {
    /// A copy that stands alone.
    pub(super) fn into_value(self) -> Value {
        match self {
            Self::Value(value) => value.into_owned(),
            Self::List(items) => Value::List(items.into_iter().map(Self::into_value).collect()),
            Self::Map(members) => Value::Map(into_map(members)),
        }
    }

    /// Whether it is that default, which is never a list nor a map.
    fn is(&self, default: &Value) -> bool {
        matches!(self, Self::Value(value) if **value == *default)
    }

    fn is_empty_text(&self) -> bool {
        matches!(self, Self::Value(value) if value.as_str() == Some(""))
    }
}

/// A copy of members that stands alone.
pub(super) fn into_map(members: Vec<(&str, Canonical<'_>)>) -> Map {
    members.into_iter().map(|(name, member)| (name.to_owned(), member.into_value())).collect()
}

pub(super) fn canonical_object<'a>(schema: &'static [Property], map: &'a Map) -> Vec<(&'a str, Canonical<'a>)> {
    let mut clean = Vec::with_capacity(map.len());
    for property in schema {
        if property.read_only {
            continue;
        }
        let value = map.get(property.name).and_then(|value| canonical_value(&property.ty, value, property.says_empty));
        match (value, property.default) {
            (Some(value), _) if property.clearing == Clearing::EmptyText && value.is_empty_text() => {}
            (Some(value), Some(default)) if !property.explicit_default && value.is(&default.to_value()) => {}
            (Some(value), _) => clean.push((property.name, value)),
            (None, Some(default)) if property.explicit_default => {
                clean.push((property.name, Canonical::Value(Cow::Owned(default.to_value()))));
            }
            (None, _) => {}
        }
    }
    clean
}

/// `None` where the value means nothing; an empty map or list does unless `says_empty`.
fn canonical_value<'a>(ty: &'static Type, value: &'a Value, says_empty: bool) -> Option<Canonical<'a>> {
    match (ty.of(value), value) {
        (_, Value::Null) => None,
        (Type::Object(members), Value::Map(map)) => {
            let clean = canonical_object(members, map);
            (says_empty || !clean.is_empty()).then_some(Canonical::Map(clean))
        }
        (Type::Map(item), Value::Map(map)) => {
            let clean: Vec<_> = map
                .iter()
                .filter_map(|(name, value)| Some((name.as_str(), canonical_value(item, value, says_empty)?)))
                .collect();
            (says_empty || !clean.is_empty()).then_some(Canonical::Map(clean))
        }
        (Type::List(list), Value::List(items)) => {
            let clean = items.iter().filter_map(|item| canonical_value(&list.item, item, says_empty));
            let clean = if list.order == Order::Set {
                let mut clean: Vec<Value> = clean.map(Canonical::into_value).collect();
                clean.sort_by_cached_key(|item| item.to_masked_json().to_string());
                clean.dedup();
                clean.into_iter().map(|item| Canonical::Value(Cow::Owned(item))).collect()
            } else {
                clean.collect::<Vec<_>>()
            };
            (says_empty || !clean.is_empty()).then_some(Canonical::List(clean))
        }
        (_, value) => Some(Canonical::Value(Cow::Borrowed(value))),
    }
}

/// Whether two documents are the same JSON; a text is read as JSON, and the order of members means nothing.
fn same_document(a: &Value, b: &Value) -> bool {
    fn parsed(value: &Value) -> Option<serde_json::Value> {
        match value {
            Value::String(text) => serde_json::from_str(text).ok(),
            Value::Map(_) | Value::List(_) => Some(value.to_masked_json()),
            _ => None,
        }
    }
    matches!((parsed(a), parsed(b)), (Some(a), Some(b)) if a == b)
}
