//! The filters of `ListSecrets` and `BatchGetSecretValue` [D].
//!
//! Filters are joined by "and", the values of one by "or". Every key compares a prefix; only
//! `description` and `all` disregard case, and a value that begins with `!` excludes.

use serde_json::Value;

use super::secret::Secret;
use crate::operation::text;

/// Tells whether a secret passes all filters.
pub(super) fn passes(secret: &Secret, region: &str, filters: Option<&Value>) -> bool {
    let mut filters = filters.and_then(Value::as_array).into_iter().flatten();
    filters.all(|filter| {
        let key = text(filter, "Key").unwrap_or("all");
        let values = filter.get("Values").and_then(Value::as_array).into_iter().flatten();
        let (excluded, wanted): (Vec<&str>, Vec<&str>) =
            values.filter_map(Value::as_str).partition(|value| value.starts_with('!'));
        let fits = |value: &str| fits(secret, region, key, value);
        (wanted.is_empty() || wanted.into_iter().any(fits)) && !excluded.into_iter().any(|value| fits(&value[1..]))
    })
}

fn fits(secret: &Secret, region: &str, key: &str, value: &str) -> bool {
    let description = secret.description.as_deref().unwrap_or_default();
    match key {
        "name" => secret.name.starts_with(value),
        "description" => lower(description).starts_with(&lower(value)),
        "tag-key" => secret.tags.keys().any(|key| key.starts_with(value)),
        "tag-value" => secret.tags.values().any(|tag| tag.starts_with(value)),
        "owning-service" => secret.owner.as_deref().is_some_and(|owner| owner.starts_with(value)),
        "primary-region" => secret.primary.as_deref().unwrap_or(region).starts_with(value),
        _ => all(secret, description, value),
    }
}

/// `all` breaks the value into words and looks for them everywhere.
fn all(secret: &Secret, description: &str, value: &str) -> bool {
    let owner = secret.owner.as_deref().unwrap_or_default();
    let mut places = vec![lower(&secret.name), lower(description), lower(owner)];
    places.extend(secret.tags.iter().flat_map(|(key, value)| [lower(key), lower(value)]));
    let value = lower(value);
    let mut words = value.split(|c: char| c.is_whitespace() || "-_/".contains(c)).filter(|word| !word.is_empty());
    words.all(|word| places.iter().any(|place| place.contains(word)))
}

fn lower(text: &str) -> String {
    text.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn filters_are_joined_and_values_are_alternatives() {
        let mut secret = Secret::new("prod/orders", "arn".to_owned(), 0);
        secret.description = Some("The Orders database".to_owned());
        secret.tags.insert("team".to_owned(), "payments".to_owned());
        let passes = |filters: Value| passes(&secret, "us-east-1", Some(&filters));
        assert!(passes(json!([{"Key": "name", "Values": ["dev/", "prod/"]}])));
        assert!(!passes(json!([{"Key": "name", "Values": ["orders"]}])));
        assert!(!passes(json!([{"Key": "name", "Values": ["prod/"]}, {"Key": "tag-key", "Values": ["!team"]}])));
        assert!(passes(json!([{"Key": "description", "Values": ["the orders"]}])));
        assert!(passes(json!([{"Key": "all", "Values": ["ORDERS payments"]}])));
        assert!(passes(json!([{"Key": "owning-service", "Values": ["!events"]}])));
    }
}
