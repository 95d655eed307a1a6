//! The state behind the fake cloud, and what its service does with a request.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use trueup_engine::cloud::Readiness;
use trueup_engine::delta::Edit;
use trueup_engine::schema::{Clearing, Property, Type};
use trueup_engine::secret::Secret;
use trueup_engine::value::{Map, Value};

use super::kinds::{CONNECTION_TYPE, DESTINATION_TYPE};

/// A kind and a name.
pub type Key = (&'static str, String);

/// One resource.
#[derive(Debug, Clone)]
pub struct Item {
    /// What tells it from an earlier one of the same name.
    pub id: u64,
    /// Everything that was set, credentials included.
    pub properties: Map,
    /// Counts the versions of its credentials.
    pub secret_version: u64,
    /// Counts its updates.
    pub revision: u64,
    /// When it settles.
    pub settles: Instant,
    /// What it is then.
    pub then: Readiness,
    /// When it is gone, once it was deleted.
    pub gone: Option<Instant>,
}

impl Item {
    pub fn readiness(&self) -> Readiness {
        if self.gone.is_some() {
            Readiness::Deleting("DELETING".to_owned())
        } else if Instant::now() < self.settles {
            Readiness::Settling("AUTHORIZING".to_owned())
        } else {
            self.then.clone()
        }
    }

    pub fn arn(&self, key: &Key) -> String {
        let word = if key.0 == CONNECTION_TYPE { "connection" } else { "api-destination" };
        format!("arn:aws:events:us-east-1:123456789012:{word}/{}/{:08x}", key.1, self.id)
    }
}

/// All resources of an account.
#[derive(Debug, Clone, Default)]
pub struct Account {
    pub items: BTreeMap<Key, Item>,
    pub next_id: u64,
}

impl Account {
    /// Removes what has gone by now.
    pub fn sweep(&mut self) {
        let now = Instant::now();
        self.items.retain(|_, item| item.gone.is_none_or(|gone| gone > now));
    }

    pub fn connection_of(&self, arn: &str) -> Option<&Key> {
        self.items.iter().find(|(key, item)| key.0 == CONNECTION_TYPE && item.arn(key) == arn).map(|(key, _)| key)
    }

    /// Destinations that point at this connection.
    pub fn users_of(&self, key: &Key) -> Vec<String> {
        let Some(arn) = self.items.get(key).map(|item| item.arn(key)) else { return Vec::new() };
        self.items
            .iter()
            .filter(|(other, item)| {
                other.0 == DESTINATION_TYPE
                    && item.gone.is_none()
                    && item.properties.get("ConnectionArn").and_then(Value::as_str) == Some(&*arn)
            })
            .map(|(other, _)| other.1.clone())
            .collect()
    }
}

/// What a client sends for these edits to a service that merges: every top-level property that changes, whole, and a
/// clearing value for whatever was taken back.
pub fn request(schema: &'static [Property], desired: &Map, edits: &[Edit], together: &[&[&str]]) -> Map {
    let mut names: Vec<String> = Vec::new();
    for edit in edits {
        let name = edit.pointer.split('/').nth(1).unwrap_or_default().to_owned();
        for group in together.iter().filter(|group| group.contains(&&*name)) {
            names.extend(group.iter().map(|name| (*name).to_owned()));
        }
        names.push(name);
    }
    let mut request: Map =
        desired.iter().filter(|(name, _)| names.contains(name)).map(|(k, v)| (k.clone(), v.clone())).collect();
    for edit in edits.iter().filter(|edit| edit.after.is_none()) {
        clear(schema, &mut request, &edit.pointer.split('/').skip(1).collect::<Vec<_>>(), edit.before.as_ref());
    }
    request
}

fn clear(schema: &'static [Property], into: &mut Map, path: &[&str], before: Option<&Value>) {
    let [first, rest @ ..] = path else { return };
    let Some(property) = schema.iter().find(|property| property.name == *first) else { return };
    if let (Type::Object(members), false) = (&property.ty, rest.is_empty()) {
        let inner = into.get_or_insert_with(property.name, || Value::Map(Map::new()));
        if let Value::Map(inner) = inner {
            clear(members, inner, rest, before);
        }
        return;
    }
    if !rest.is_empty() {
        // Below a list or a map, which is sent whole.
        return;
    }
    let value = match property.clearing {
        Clearing::EmptyText => Value::from(""),
        Clearing::EmptyList => Value::List(Vec::new()),
        Clearing::SendDefault => property.default.unwrap().to_value(),
        Clearing::Members => {
            let mut inner = Map::new();
            if let (Type::Object(members), Some(Value::Map(before))) = (&property.ty, before) {
                for (name, value) in before {
                    clear(members, &mut inner, &[name], Some(value));
                }
            }
            Value::Map(inner)
        }
        Clearing::Omit => Value::Null,
        Clearing::Never => panic!("an update takes back {}, which cannot be taken back", property.name),
    };
    into.insert(property.name.to_owned(), value);
}

/// What the service does with an update: objects are merged, lists and maps replaced, `""` and nulls clear, and the
/// parameters of another type of authorization go.
pub fn merge(schema: &'static [Property], live: &mut Map, request: &Map) {
    for (name, value) in request {
        let property = schema.iter().find(|property| property.name == name).unwrap();
        match (&property.ty, value) {
            (Type::Object(members), Value::Map(sent)) => {
                if name == "AuthParameters"
                    && let Some(Value::Map(here)) = live.get_mut(name)
                {
                    let kinds = ["ApiKeyAuthParameters", "BasicAuthParameters", "OAuthParameters"];
                    if kinds.iter().any(|kind| sent.contains_key(kind)) {
                        here.retain(|name, _| !kinds.contains(&&**name) || sent.contains_key(name));
                    }
                }
                let entry = live.get_or_insert_with(name, || Value::Map(Map::new()));
                if let Value::Map(here) = entry {
                    merge(members, here, sent);
                }
            }
            (_, Value::Null) => {
                live.remove(name);
            }
            (_, Value::String(text)) if text.is_empty() => {
                live.remove(name);
            }
            (_, value) => {
                live.insert(name.clone(), value.clone());
            }
        }
    }
}

/// What a read shows: credentials only where they were asked for.
pub fn shown(value: &Value, secrets: Option<&str>) -> Value {
    match value {
        Value::Secret(secret) => match secrets {
            None => {
                #[expect(clippy::disallowed_methods, reason = "the fake's own side store")]
                let text = secret.expose().unwrap().to_owned();
                Value::Secret(Secret::new("live", text))
            }
            Some(why) => Value::Secret(Secret::unresolved(why)),
        },
        Value::Map(map) => Value::Map(map.iter().map(|(name, value)| (name.clone(), shown(value, secrets))).collect()),
        Value::List(items) => Value::List(items.iter().map(|item| shown(item, secrets)).collect()),
        other => other.clone(),
    }
}

/// A pause of the given length from now.
pub fn after(pause: Duration) -> Instant {
    Instant::now() + pause
}
