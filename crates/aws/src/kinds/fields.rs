//! Small readers and writers of the two trees that converters stand between: the service's JSON and our properties.

use serde_json::Value as Json;
use trueup_engine::cloud::{CREDENTIALS_TAKEN, Create, Readiness, Written};
use trueup_engine::delta::{Edit, Effect};
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::kind::Finding;
use trueup_engine::value::{Map, Value};

use crate::names::{is_key_arn, is_key_id};

/// The text of a member, where it is given and not empty. The services answer an empty text for "none".
pub(crate) fn text<'a>(json: &'a Json, member: &str) -> Option<&'a str> {
    json.get(member)?.as_str().filter(|text| !text.is_empty())
}

/// Takes over a text.
pub(crate) fn copy_text(from: &Json, to: &mut Map, member: &str) {
    if let Some(text) = text(from, member) {
        to.insert(member.to_owned(), text.into());
    }
}

/// Takes over a map unless there is nothing in it.
pub(crate) fn put(to: &mut Map, member: &str, map: Map) {
    if !map.is_empty() {
        to.insert(member.to_owned(), map.into());
    }
}

/// The name of something to create whose name the properties give.
pub(crate) fn named<'a>(create: &Create<'a>) -> Result<&'a str, Fault> {
    create.identity.ok_or_else(|| Fault::new(FaultKind::Internal, "create", "it has no name"))
}

/// Whether an edit that is to be carried out touches the top-level property.
pub(crate) fn touches(edits: &[Edit], property: &str) -> bool {
    edits.iter().any(|edit| {
        !matches!(edit.effect, Effect::Ignored(_))
            && trueup_engine::value::tokens(&edit.pointer).next().is_some_and(|first| first == property)
    })
}

/// The last part of an ARN of a service: `key/…` of `arn:aws:kms:us-east-1:123456789012:key/…`.
pub(crate) fn resource_of<'a>(arn: &'a str, service: &str) -> Option<&'a str> {
    let mut parts = arn.splitn(6, ':');
    let fits = parts.next() == Some("arn") && parts.nth(1) == Some(service);
    parts.nth(2).filter(|_| fits)
}

/// The day of a time that a service gave in seconds: `2026-12-31`.
pub(crate) fn day(time: &Json) -> Option<String> {
    let time = aws_smithy_types::DateTime::from_secs_f64(time.as_f64()?);
    let text = time.fmt(aws_smithy_types::date_time::Format::DateTime).ok()?;
    text.get(..10).map(str::to_owned)
}

/// Notes when the service last took the resource's credentials: the latest of these times.
pub(crate) fn taken(answer: &Json, times: &[&str], attributes: &mut Map) {
    let latest = times.iter().filter_map(|time| answer.get(*time)?.as_f64()).max_by(f64::total_cmp);
    if let Some(latest) = latest.and_then(serde_json::Number::from_f64) {
        attributes.insert(CREDENTIALS_TAKEN.to_owned(), Value::Number(latest));
    }
}

/// An answer to a write after which there is nothing to wait for.
pub(crate) fn done(attributes: Map) -> Written {
    Written { adopted: false, identity: None, attributes, readiness: Readiness::Ready(None), notes: Vec::new() }
}

/// `Arn` and, without the id that a replacement changes, `ArnForPolicy`.
pub(crate) fn arn_attributes(arn: Option<&str>) -> Map {
    let mut attributes = Map::new();
    if let Some(arn) = arn.filter(|arn| !arn.is_empty()) {
        attributes.insert("Arn".to_owned(), arn.into());
        // arn:…:connection/<name>/<id>
        if let Some((for_policy, _)) = arn.rsplit_once('/').filter(|(rest, _)| rest.contains('/')) {
            attributes.insert("ArnForPolicy".to_owned(), for_policy.into());
        }
    }
    attributes
}

/// A state that the service names and this crate does not know: reported rather than waited for.
pub(crate) fn unknown_state(state: &str) -> Readiness {
    Readiness::Unusable { state: state.to_owned(), reason: Some("this state is not known to trueup".to_owned()) }
}

/// A text that should name a KMS key and cannot.
pub(crate) fn not_a_key(properties: &Map, name: &str) -> Option<Finding> {
    let key = properties.get(name).and_then(Value::as_str)?;
    let is_alias = key.starts_with("alias/") || (key.starts_with("arn:") && key.contains(":alias/"));
    // What holds other characters is reported by the schema.
    let is_clean = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-/:".contains(&byte));
    if !is_clean || is_alias || is_key_arn(key) || is_key_id(key) {
        return None;
    }
    let help = if key.is_empty() {
        "leave it out to use AWS's own key".to_owned()
    } else if key.contains([':', '/']) {
        "write a key id, a key ARN, `alias/…` or an alias ARN".to_owned()
    } else {
        format!("an alias is written `alias/{key}`")
    };
    Some(Finding {
        code: "M335",
        pointer: format!("/{name}"),
        on_key: false,
        summary: format!("`{key}` names no KMS key"),
        help: Some(help),
        warning: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_arns_and_days_are_read() {
        assert_eq!(resource_of("arn:aws:kms:us-east-1:123456789012:key/a:b", "kms"), Some("key/a:b"));
        assert_eq!(resource_of("arn:aws:kms:us-east-1:123456789012:key/a", "glue"), None);
        assert_eq!(resource_of("kms", "kms"), None);
        assert_eq!(day(&1_767_225_599.5.into()).as_deref(), Some("2025-12-31"));
        assert_eq!(day(&Json::Null), None);
    }

    #[test]
    fn the_arn_for_policies_has_no_id() {
        let attributes = arn_attributes(Some("arn:aws:events:us-east-1:123456789012:connection/orders/0a-1b"));
        assert_eq!(
            attributes["ArnForPolicy"].as_str(),
            Some("arn:aws:events:us-east-1:123456789012:connection/orders")
        );
        assert!(arn_attributes(Some("")).is_empty());
    }
}
