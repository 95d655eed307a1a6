//! The one value type of manifests and of live state.
//!
//! JSON has no place for a secret or for something that is only known later, and pushing either through a text is how
//! such tools leak and guess. Three more leaves than JSON: a [`Secret`], a [`Deferred`] expression that is evaluated
//! when what it refers to is known, and an unknown, which a deferred one leaves in a plan.

mod map;

use std::fmt::Write as _;
use std::sync::Arc;

pub use map::Map;
pub use serde_json::Number;

use crate::render::Deferred;
use crate::secret::Secret;

/// A value of a manifest or of the live state.
#[derive(Debug, Clone, Default)]
pub enum Value {
    /// Nothing; for a property it means "not given".
    #[default]
    Null,
    /// A boolean.
    Bool(bool),
    /// A number, as it was written.
    Number(Number),
    /// A text.
    String(String),
    /// A text that must not be shown.
    Secret(Secret),
    /// An expression that needs a secret or another resource's properties.
    Deferred(Arc<Deferred>),
    /// What a deferred expression is when a referenced property is known only after apply: `orders.Arn`.
    Unknown(Arc<str>),
    /// A list.
    List(Vec<Value>),
    /// A map.
    Map(Map),
}

impl Value {
    /// The text of a plain string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The boolean of a plain boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    /// The number as a signed integer, where it is one.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// The entries of a map.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The items of a list.
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// Whether this is `Null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The member of a map.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.as_map()?.get(name)
    }

    /// The value at a JSON pointer (RFC 6901); the empty pointer is the whole.
    pub fn at(&self, pointer: &str) -> Option<&Self> {
        let mut here = self;
        for token in tokens(pointer) {
            here = match here {
                Self::Map(map) => map.get(&token)?,
                Self::List(items) => items.get(token.parse::<usize>().ok()?)?,
                _ => return None,
            };
        }
        Some(here)
    }

    /// Calls `visit` with the pointer of every leaf.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&str, &'a Self)) {
        self.walk_from(&mut String::new(), visit);
    }

    /// The same with `pointer` before each of them; it is as it was when all is visited.
    pub fn walk_from<'a>(&'a self, pointer: &mut String, visit: &mut dyn FnMut(&str, &'a Self)) {
        let length = pointer.len();
        match self {
            Self::Map(map) => {
                for (name, member) in map {
                    push_token(pointer, name);
                    member.walk_from(pointer, visit);
                    pointer.truncate(length);
                }
            }
            Self::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    let _ = write!(pointer, "/{index}");
                    item.walk_from(pointer, visit);
                    pointer.truncate(length);
                }
            }
            leaf => visit(pointer, leaf),
        }
    }

    /// Calls `visit` with every leaf, wherever it is.
    pub fn leaves<'a>(&'a self, visit: &mut dyn FnMut(&'a Self)) {
        match self {
            Self::Map(map) => map.values().for_each(|member| member.leaves(visit)),
            Self::List(items) => items.iter().for_each(|item| item.leaves(visit)),
            leaf => visit(leaf),
        }
    }

    /// The JSON that may be shown: a secret is `{"$secret": source}`, an unknown `{"$unknown": reference}`.
    pub fn to_masked_json(&self) -> serde_json::Value {
        use serde_json::{Value as Json, json};
        match self {
            Self::Null => Json::Null,
            Self::Bool(flag) => Json::Bool(*flag),
            Self::Number(number) => Json::Number(number.clone()),
            Self::String(text) => Json::String(text.clone()),
            Self::Secret(secret) => json!({ "$secret": secret.source() }),
            Self::Deferred(deferred) => match deferred.secret_source() {
                Some(source) => json!({ "$secret": source }),
                None => json!({ "$unknown": deferred.describe() }),
            },
            Self::Unknown(reference) => json!({ "$unknown": &**reference }),
            Self::List(items) => Json::Array(items.iter().map(Self::to_masked_json).collect()),
            Self::Map(map) => {
                Json::Object(map.iter().map(|(name, member)| (name.clone(), member.to_masked_json())).collect())
            }
        }
    }

    /// What kind of value this is, in the words of a message.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Secret(_) => "a secret",
            Self::Deferred(_) | Self::Unknown(_) => "a value known later",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

impl PartialEq for Value {
    /// Structural equality. Two secrets are equal only where both are known and hold the same text; a deferred value
    /// equals nothing but itself.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Number(a), Self::Number(b)) => a == b,
            (Self::String(a), Self::String(b)) => a == b,
            (Self::Secret(a), Self::Secret(b)) => a.same_as(b) == Some(true),
            (Self::Deferred(a), Self::Deferred(b)) => Arc::ptr_eq(a, b),
            (Self::Unknown(a), Self::Unknown(b)) => a == b,
            (Self::List(a), Self::List(b)) => a == b,
            (Self::Map(a), Self::Map(b)) => a == b,
            _ => false,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number.into())
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::List(items)
    }
}

impl From<serde_json::Value> for Value {
    fn from(json: serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match json {
            Json::Null => Self::Null,
            Json::Bool(flag) => Self::Bool(flag),
            Json::Number(number) => Self::Number(number),
            Json::String(text) => Self::String(text),
            Json::Array(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Json::Object(map) => Self::Map(map.into_iter().map(|(name, member)| (name, Self::from(member))).collect()),
        }
    }
}

/// The value at a JSON pointer into some properties.
pub fn at<'a>(map: &'a Map, pointer: &str) -> Option<&'a Value> {
    let mut tokens = tokens(pointer);
    let mut here = map.get(&tokens.next()?)?;
    for token in tokens {
        here = match here {
            Value::Map(map) => map.get(&token)?,
            Value::List(items) => items.get(token.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(here)
}

/// Appends a member name to a JSON pointer, escaped as RFC 6901 wants (`~` is `~0`, `/` is `~1`).
pub fn push_token(pointer: &mut String, token: &str) {
    pointer.push('/');
    if !token.bytes().any(|byte| matches!(byte, b'~' | b'/')) {
        return pointer.push_str(token);
    }
    for character in token.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

/// The unescaped tokens of a JSON pointer.
pub fn tokens(pointer: &str) -> impl Iterator<Item = std::borrow::Cow<'_, str>> {
    pointer.split('/').skip(1).map(|token| {
        if token.contains('~') {
            std::borrow::Cow::Owned(token.replace("~1", "/").replace("~0", "~"))
        } else {
            std::borrow::Cow::Borrowed(token)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_escape_and_unescape() {
        let mut pointer = String::new();
        push_token(&mut pointer, "a/b~c");
        assert_eq!(pointer, "/a~1b~0c");
        assert_eq!(tokens(&pointer).collect::<Vec<_>>(), ["a/b~c"]);
        let value = Value::from(Map::from_iter([("a/b~c".to_owned(), Value::from(true))]));
        assert_eq!(value.at(&pointer), Some(&Value::Bool(true)));
    }

    #[test]
    fn masked_json_names_the_source_of_a_secret() {
        let value = Value::Secret(Secret::new("env:PASSWORD", "hunter2".to_owned()));
        assert_eq!(value.to_masked_json(), serde_json::json!({"$secret": "env:PASSWORD"}));
    }
}
