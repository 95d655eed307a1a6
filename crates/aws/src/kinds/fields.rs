//! Small readers and writers of the two trees that converters stand between: the service's JSON and our properties.

use serde_json::Value as Json;
use trueup_engine::cloud::{Create, Readiness};
use trueup_engine::delta::{Edit, Effect};
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::value::Map;

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

#[cfg(test)]
mod tests {
    use super::*;

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
