//! The secrets of a live resource while a patch is applied to it.
//!
//! Each is a mark: a text that is drawn anew for every patch, so that no patch can hold one. What became of the marks is
//! looked at afterwards. A mark has to be where its secret was, and no query may show it that did not show it before.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use trueup_engine::kind::Kind;
use trueup_engine::secret::Secret;
use trueup_engine::value::{Map, Value, push_token, tokens};
use uuid::Uuid;

use crate::query::columns;

/// What stands for the secrets of one resource.
pub(super) struct Kept {
    /// What all marks begin with.
    stem: String,
    /// The secrets, by the number of their mark.
    secrets: Vec<Secret>,
    /// Where the marks were at first.
    origins: BTreeMap<usize, String>,
    /// The marks that a query would have shown from the start: a text that is secret for what it says loses that.
    shown: BTreeMap<usize, String>,
}

impl Kept {
    /// Properties as JSON, with a mark in the place of each secret.
    pub(super) fn close(kind: &dyn Kind, properties: &Map) -> (Self, Json) {
        let stem = format!("kept {} ", Uuid::new_v4());
        let mut kept = Self { stem, secrets: Vec::new(), origins: BTreeMap::new(), shown: BTreeMap::new() };
        let document: Json = properties
            .iter()
            .map(|(name, member)| (name.clone(), kept.closed(member)))
            .collect::<serde_json::Map<_, _>>()
            .into();
        kept.origins = kept.places(&document);
        kept.shown = kept.in_view(kind, &document);
        (kept, document)
    }

    fn closed(&mut self, value: &Value) -> Json {
        match value {
            Value::Secret(secret) => {
                self.secrets.push(secret.clone());
                format!("{}{}", self.stem, self.secrets.len() - 1).into()
            }
            Value::List(items) => items.iter().map(|item| self.closed(item)).collect(),
            Value::Map(map) => map.iter().map(|(name, member)| (name.clone(), self.closed(member))).collect(),
            plain => plain.to_masked_json(),
        }
    }

    /// Whether there is a secret in a part of the document.
    pub(super) fn inside(&self, part: &Json) -> bool {
        !self.places(part).is_empty()
    }

    /// Whether every secret that is left is what it was: in its place, and out of sight.
    pub(super) fn unmoved(&self, kind: &dyn Kind, document: &Json) -> bool {
        let stays =
            |number: &usize, place: &String| self.origins.get(number).is_some_and(|origin| same_item(origin, place));
        self.places(document).iter().all(|(number, place)| stays(number, place))
            && self.in_view(kind, document).keys().all(|number| self.shown.contains_key(number))
    }

    /// The document with the secrets in it again.
    pub(super) fn open(&self, document: Json) -> Value {
        match document {
            Json::Array(items) => items.into_iter().map(|item| self.open(item)).collect::<Vec<_>>().into(),
            Json::Object(members) => {
                Value::Map(members.into_iter().map(|(name, member)| (name, self.open(member))).collect())
            }
            Json::String(text) => match self.number(&text).and_then(|number| self.secrets.get(number)) {
                Some(secret) => Value::Secret(secret.clone()),
                None => text.into(),
            },
            plain => plain.into(),
        }
    }

    fn number(&self, text: &str) -> Option<usize> {
        text.strip_prefix(&self.stem)?.parse().ok()
    }

    /// The marks in a document, and the pointers to them.
    fn places(&self, document: &Json) -> BTreeMap<usize, String> {
        fn look(kept: &Kept, json: &Json, pointer: &str, found: &mut BTreeMap<usize, String>) {
            match json {
                Json::String(text) => found.extend(kept.number(text).map(|number| (number, pointer.to_owned()))),
                Json::Array(items) => {
                    for (at, item) in items.iter().enumerate() {
                        look(kept, item, &format!("{pointer}/{at}"), found);
                    }
                }
                Json::Object(members) => {
                    for (name, member) in members {
                        let mut pointer = pointer.to_owned();
                        push_token(&mut pointer, name);
                        look(kept, member, &pointer, found);
                    }
                }
                _ => {}
            }
        }
        let mut found = BTreeMap::new();
        look(self, document, "", &mut found);
        found
    }

    /// The marks that a query would show.
    fn in_view(&self, kind: &dyn Kind, document: &Json) -> BTreeMap<usize, String> {
        match Value::from(document.clone()) {
            Value::Map(properties) => self.places(&columns::document(kind, &properties)),
            _ => BTreeMap::new(),
        }
    }
}

/// Whether two pointers lead to the same thing, where items of a list may have gone from before it, or come there.
fn same_item(origin: &str, place: &str) -> bool {
    let index = |token: &str| token.bytes().all(|byte| byte.is_ascii_digit());
    let same = |(a, b): (&str, &str)| a == b || (index(a) && index(b));
    let (origin, place): (Vec<_>, Vec<_>) = (tokens(origin).collect(), tokens(place).collect());
    origin.len() == place.len() && origin.iter().zip(&place).all(|(a, b)| same((a, b)))
}
