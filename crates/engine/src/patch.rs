//! Edits as an RFC 6902 patch against the live document: minimal, each change guarded by a `test` of what it replaces.
//!
//! A secret is never tested (its guard is the version id in the pre-image) and never written: its place holds
//! `{"$secret": source}`. [`prove`] applies a patch with the `json-patch` crate and compares the result with the desired
//! document, so that a mistake in the differ is found before anything is sent.

use serde_json::{Value as Json, json};

use crate::delta::{Delta, Edit};
use crate::value::{Map, Value};

/// The operations of a patch, in order.
pub fn patch<'a>(edits: impl Iterator<Item = &'a Edit>) -> Vec<Json> {
    let mut operations = Vec::new();
    for edit in edits.filter(|edit| !edit.is_ignored()) {
        if let Some(before) = &edit.before {
            tests(before, &edit.pointer, &mut operations);
        }
        operations.push(match (&edit.before, &edit.after) {
            (Some(_), Some(after)) => json!({"op": "replace", "path": edit.pointer, "value": after.to_masked_json()}),
            (None, Some(after)) => json!({"op": "add", "path": edit.pointer, "value": after.to_masked_json()}),
            (_, None) => json!({"op": "remove", "path": edit.pointer}),
        });
    }
    operations
}

/// One `test` of the whole where it holds no secret, otherwise one of each leaf that is none.
fn tests(before: &Value, pointer: &str, operations: &mut Vec<Json>) {
    let mut secret = false;
    before.walk(&mut |_, leaf| secret |= matches!(leaf, Value::Secret(_)));
    if secret {
        before.walk(&mut |below, leaf| {
            if !matches!(leaf, Value::Secret(_)) {
                operations
                    .push(json!({"op": "test", "path": format!("{pointer}{below}"), "value": leaf.to_masked_json()}));
            }
        });
    } else {
        operations.push(json!({"op": "test", "path": pointer, "value": before.to_masked_json()}));
    }
}

/// A document that may be shown.
pub fn document(properties: &Map) -> Json {
    Json::Object(properties.iter().map(|(name, value)| (name.clone(), value.to_masked_json())).collect())
}

/// Applies the patch of a delta to its live document and compares with its desired one.
///
/// # Errors
///
/// What went wrong; it means that the differ has a mistake.
pub fn prove(delta: &Delta, operations: &[Json]) -> Result<(), String> {
    let mut document_now = document(&delta.live);
    let patch: json_patch::Patch =
        serde_json::from_value(Json::Array(operations.to_vec())).map_err(|error| error.to_string())?;
    json_patch::patch(&mut document_now, &patch).map_err(|error| error.to_string())?;
    if sets_sorted(&document_now) == sets_sorted(&document(&delta.desired)) {
        Ok(())
    } else {
        Err("the patch does not lead to the desired document".to_owned())
    }
}

/// Sets keep no order, so lists are compared as sorted ones; a list whose order matters differs in its items anyway,
/// since those are patched by position.
fn sets_sorted(document: &Json) -> Json {
    match document {
        Json::Array(items) => {
            let mut items: Vec<Json> = items.iter().map(sets_sorted).collect();
            items.sort_by_cached_key(ToString::to_string);
            Json::Array(items)
        }
        Json::Object(map) => {
            let mut entries: Vec<(String, Json)> =
                map.iter().map(|(name, value)| (name.clone(), sets_sorted(value))).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Json::Object(entries.into_iter().collect())
        }
        other => other.clone(),
    }
}
