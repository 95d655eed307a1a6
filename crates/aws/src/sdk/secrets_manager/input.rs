//! From a property tree to the client's input types. What the tree does not have is not sent.

use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, ReplicaRegionType, Tag};
use serde_json::Value as Json;

use crate::sdk::text;

pub(super) fn texts(list: &Json) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect()
}

pub(super) fn filters(list: &Json) -> Vec<Filter> {
    let filter = |filter: &Json| {
        let key = text(filter, "Key").unwrap_or_default();
        Filter::builder()
            .key(FilterNameStringType::from(key.as_str()))
            .set_values(Some(texts(&filter["Values"])))
            .build()
    };
    list.as_array().into_iter().flatten().map(filter).collect()
}

pub(super) fn tags(list: &Json) -> Option<Vec<Tag>> {
    let tag = |tag: &Json| Tag::builder().set_key(text(tag, "Key")).set_value(text(tag, "Value")).build();
    Some(list.as_array()?.iter().map(tag).collect())
}

pub(super) fn replicas(list: &Json) -> Option<Vec<ReplicaRegionType>> {
    let replica = |replica: &Json| {
        ReplicaRegionType::builder()
            .set_region(text(replica, "Region"))
            .set_kms_key_id(text(replica, "KmsKeyId"))
            .build()
    };
    Some(list.as_array()?.iter().map(replica).collect())
}
