//! From which live state a plan was concluded.

use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use crate::cloud::Present;
use crate::delta;
use crate::desired::Desired;
use crate::patch;
use crate::plan::document::{canonical_digest, hex};
use crate::value::Value;

/// The pre-image of a step: of the resource, where it exists, and of former ones that go. `None` where nothing exists.
pub(super) fn pre_images(node: &Desired, live: Option<&Present>, former: &[Present]) -> Option<String> {
    let images: Vec<String> = live.into_iter().chain(former).map(|present| pre_image(node, present)).collect();
    match images.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        several => Some(hex(&Sha256::digest(several.join(" ").as_bytes()))),
    }
}

/// What a plan was concluded from: a digest (SHA-256, hex) of identity, properties without secrets, stable attributes
/// and the version of the secrets.
fn pre_image(node: &Desired, present: &Present) -> String {
    let canonical = delta::canonical_form(node.kind.schema(), &present.properties);
    let mut document = patch::document(&canonical);
    blank_secrets(&mut document);
    for (name, value) in &node.properties {
        if let Some(live) = document.get_mut(name) {
            blank_where_secret(live, value);
        }
    }
    // Tags have no order, and those of an index come in another one.
    if let Some(Json::Array(tags)) = node.kind.tags().and_then(|name| document.get_mut(name)) {
        tags.sort_by_cached_key(ToString::to_string);
    }
    let stable: serde_json::Map<String, Json> = node
        .kind
        .attributes()
        .iter()
        .filter(|attribute| attribute.stable)
        .filter_map(|attribute| {
            Some((attribute.name.to_owned(), present.attributes.get(attribute.name)?.to_masked_json()))
        })
        .collect();
    let whole = json!({
        "identity": present.identity,
        "properties": document,
        "attributes": stable,
        "secret_version": present.secret_version,
    });
    canonical_digest(&whole)
}

/// What the manifest calls a secret is none of a digest, also where the service shows it: a short one could be guessed
/// from it. Items of lists are not matched: a member that is secret in one of them is left out of all.
fn blank_where_secret(live: &mut Json, desired: &Value) {
    match (live, desired) {
        (Json::Object(live), Value::Map(desired)) => {
            for (name, value) in desired {
                if let Some(live) = live.get_mut(name) {
                    blank_where_secret(live, value);
                }
            }
        }
        (Json::Array(live), Value::List(desired)) => {
            for item in live {
                for desired in desired {
                    blank_where_secret(item, desired);
                }
            }
        }
        (live, desired) => {
            let mut secret = false;
            desired.walk(&mut |_, leaf| {
                secret |= match leaf {
                    Value::Secret(_) => true,
                    Value::Deferred(deferred) => deferred.secret_source().is_some(),
                    _ => false,
                };
            });
            // One that is a secret on the live side too is blank already.
            if secret && live.get("$secret").is_none() {
                *live = Json::Null;
            }
        }
    }
}

/// The source of a live secret says how it was read, which is no part of what was read.
fn blank_secrets(document: &mut Json) {
    match document {
        Json::Object(map) if map.contains_key("$secret") => {
            map.insert("$secret".to_owned(), Json::Null);
        }
        Json::Object(map) => map.values_mut().for_each(blank_secrets),
        Json::Array(items) => items.iter_mut().for_each(blank_secrets),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use crate::value::Map;

    #[test]
    fn what_the_manifest_calls_a_secret_is_in_no_digest_though_the_service_shows_it() {
        let secret = || Value::Secret(Secret::new("env:X", "hunter2".to_owned()));
        let item = Map::from_iter([("Value".to_owned(), secret())]);
        let items = Value::List(vec![Value::Map(item)]);
        let desired = Map::from_iter([("Url".to_owned(), secret()), ("Items".to_owned(), items)]);
        let mut live = json!({"Url": "mongodb://u:hunter2@h", "Host": "h", "Items": [{"Value": "hunter2"}]});
        blank_where_secret(&mut live, &Value::Map(desired));
        assert_eq!(live, json!({"Url": null, "Host": "h", "Items": [{"Value": null}]}));
    }
}
