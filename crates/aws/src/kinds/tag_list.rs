//! Tags as a list of `Key` and `Value`, as CloudFormation writes them for most types.

use serde_json::{Value as Json, json};
use trueup_engine::fault::Fault;
use trueup_engine::schema::{List, Order, Property, Text, Type};
use trueup_engine::value::{Map, Value};

use crate::wire::wire_member;

static TAG: &[Property] = &[
    Property::new("Key", Type::Text(Text::length(1, 128)), "The tag's name.").required(),
    Property::new("Value", Type::Text(Text::length(0, 256)), "The tag's value.").required(),
];

static TAGS: List = List { item: Type::Object(TAG), order: Order::Keyed("Key"), max: 50 };

/// The property.
pub(crate) const PROPERTY: Property =
    Property::new("Tags", Type::List(&TAGS), "Tags; those that are not named are left alone.").kept();

/// Live tags, whose members a service names `key` and `value`.
pub(crate) fn of_answer(list: &Json, key: &str, value: &str) -> Value {
    let tags =
        list.as_array().into_iter().flatten().filter_map(|tag| {
            Some((tag[key].as_str()?.to_owned(), Value::from(tag[value].as_str().unwrap_or_default())))
        });
    of_map(tags)
}

/// Live tags from a map.
pub(crate) fn of_map(tags: impl IntoIterator<Item = (String, Value)>) -> Value {
    let item = |(key, value): (String, Value)| {
        Value::Map(Map::from_iter([("Key".to_owned(), key.into()), ("Value".to_owned(), value)]))
    };
    Value::List(tags.into_iter().map(item).collect())
}

/// All tags as a service takes them.
pub(crate) fn wire(properties: &Map, key: &str, value: &str) -> Result<Vec<Json>, Fault> {
    let tags = wire_member(properties, "Tags")?;
    let tags = tags.as_ref().and_then(Json::as_array).into_iter().flatten();
    Ok(tags.map(|tag| json!({ key: tag["Key"], value: tag["Value"].as_str().unwrap_or_default() })).collect())
}

/// What an update of tags sends: the tags that are new or have another value, and the keys of those that go.
pub(crate) fn changes(live: &Map, desired: &Map, key: &str, value: &str) -> Result<(Vec<Json>, Vec<String>), Fault> {
    let (mut added, before) = (wire(desired, key, value)?, wire(live, key, value)?);
    let gone = before.iter().filter(|tag| !added.iter().any(|other| other[key] == tag[key]));
    let gone = gone.filter_map(|tag| tag[key].as_str().map(str::to_owned)).collect();
    added.retain(|tag| !before.contains(tag));
    Ok((added, gone))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_sent() {
        let tags = |tags: &[(&str, &str)]| {
            let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value)));
            Map::from_iter([("Tags".to_owned(), of_map(tags))])
        };
        let live = tags(&[("team", "data"), ("keep", "x"), ("old", "1")]);
        let desired = tags(&[("keep", "x"), ("team", "orders"), ("new", "")]);
        let (added, gone) = changes(&live, &desired, "TagKey", "TagValue").unwrap();
        assert_eq!(
            Json::from(added),
            json!([{"TagKey": "team", "TagValue": "orders"}, {"TagKey": "new", "TagValue": ""}])
        );
        assert_eq!(gone, ["old"]);
    }
}
