//! What a type's schema says of its properties by pointers: read-only, write-only, immutable.
//!
//! Pointers are written in several ways (`/properties/Endpoint/Address`, `/properties/Rules/*/Id`,
//! `/properties/Rules/items/properties/Id`, or with the step into a list left out), so that they are kept as a tree of
//! names and followed beside the schema.

use std::collections::BTreeMap;

use serde_json::Value as Json;

/// Marks of a place in the properties, and of those below it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) read_only: bool,
    pub(super) write_only: bool,
    pub(super) create_only: bool,
    below: BTreeMap<String, Marks>,
}

const EVERY: &str = "*";

impl Marks {
    /// The marks of a whole schema.
    pub(super) fn of(schema: &Json) -> Self {
        let mut all = Self::default();
        for pointer in pointers(schema, "readOnlyProperties") {
            all.at(&pointer).read_only = true;
        }
        for pointer in pointers(schema, "writeOnlyProperties") {
            all.at(&pointer).write_only = true;
        }
        for list in ["createOnlyProperties", "conditionalCreateOnlyProperties"] {
            for pointer in pointers(schema, list) {
                all.at(&pointer).create_only = true;
            }
        }
        all
    }

    fn at(&mut self, path: &[String]) -> &mut Self {
        path.iter().fold(self, |here, token| here.below.entry(token.clone()).or_default())
    }

    /// The marks of a member.
    pub(super) fn member(&self, name: &str) -> Self {
        self.below.get(name).cloned().unwrap_or_default()
    }

    /// The marks of every item of a list, or of every value of a map; the step into it may have been left out.
    pub(super) fn every(&self) -> Self {
        let mut every = self.below.get(EVERY).cloned().unwrap_or_default();
        for (name, marks) in self.below.iter().filter(|(name, _)| *name != EVERY) {
            every.below.entry(name.clone()).or_insert_with(|| marks.clone());
        }
        every
    }

    /// Whether nothing is said of anything below.
    pub(super) fn is_empty(&self) -> bool {
        self.below.is_empty()
    }
}

/// The pointers of a list of a schema, as names from the outermost property on.
pub(super) fn pointers(schema: &Json, list: &str) -> Vec<Vec<String>> {
    let items = schema[list].as_array();
    items.into_iter().flatten().filter_map(Json::as_str).filter_map(path).collect()
}

/// A pointer as names; what says how the schema is nested, and not how the properties are, is left out.
pub(super) fn path(pointer: &str) -> Option<Vec<String>> {
    let mut tokens =
        pointer.trim_start_matches('/').split('/').map(|token| token.replace("~1", "/").replace("~0", "~"));
    if tokens.next().as_deref() != Some("properties") {
        return None;
    }
    let tokens = tokens.filter(|token| token != "properties" && !token.is_empty());
    let path: Vec<String> =
        tokens.map(|token| if matches!(&*token, "items" | "[*]") { EVERY.to_owned() } else { token }).collect();
    (!path.is_empty()).then_some(path)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_way_to_write_a_pointer_comes_to_the_same() {
        for pointer in ["/properties/Rules/*/Id", "/properties/Rules/items/properties/Id", "/properties/Rules/[*]/Id"] {
            assert_eq!(path(pointer).unwrap(), ["Rules", "*", "Id"], "{pointer}");
        }
        assert_eq!(path("/definitions/Rule"), None);
        assert_eq!(path("/properties/"), None);
    }

    #[test]
    fn marks_are_followed_into_lists_with_and_without_a_step() {
        let marks = Marks::of(&json!({
            "readOnlyProperties": ["/properties/Rules/*/Id", "/properties/Arn"],
            "writeOnlyProperties": ["/properties/Rules/Secret"],
            "conditionalCreateOnlyProperties": ["/properties/Engine"],
        }));
        let item = marks.member("Rules").every();
        assert!(item.member("Id").read_only && item.member("Secret").write_only && !item.member("Name").read_only);
        assert!(marks.member("Arn").read_only && marks.member("Engine").create_only);
        assert!(!marks.is_empty() && marks.member("Arn").is_empty());
    }
}
