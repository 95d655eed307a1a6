//! The name of a resource inside its stack: `orders`, or `orders["created"]` for one made by `for_each`.

use std::fmt;
use std::sync::Arc;

/// A resource's logical name and, where `for_each` made it, its key. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    name: Arc<str>,
    key: Option<Arc<str>>,
}

impl Address {
    /// The address of a resource without `for_each`.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), key: None }
    }

    /// The address of one instance of a resource with `for_each`.
    pub fn keyed(name: impl Into<Arc<str>>, key: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), key: Some(key.into()) }
    }

    /// The resource's logical name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key of a `for_each` instance.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            None => f.write_str(&self.name),
            Some(key) => write!(f, "{}[{}]", self.name, serde_json::Value::from(&**key)),
        }
    }
}
