//! The tags of keys.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::keys::{listed, marker, not_pending, store};
use super::{Key, own_key, readable_key};
use crate::operation::{Context, part, required, text};
use crate::page;
use crate::tagging::{Taggable, Tagged, through};
use crate::wire::{Refusal, Service};

/// [D] how many tags a key has at most.
const MOST: usize = 50;

/// [?] keys that are pending deletion are among them, as secrets are.
pub(crate) static TAGGABLE: Taggable = Taggable {
    service: "kms",
    resources: |context| {
        let all = context.home.keys.list("", None, context.view);
        let known = all.filter(|key| key.was_tagged || !key.tags.is_empty());
        let tagged = known.map(|key| Tagged { arn: key.arn.clone(), kind: "kms:key", tags: Cow::Borrowed(&key.tags) });
        tagged.collect()
    },
    tag: |context, arn, tags| {
        let tags: Value = tags.iter().map(|(key, value)| json!({"TagKey": key, "TagValue": value})).collect();
        through(context, Service::Kms, "TagResource", &json!({"KeyId": arn, "Tags": tags}))
    },
    untag: |context, arn, keys| {
        through(context, Service::Kms, "UntagResource", &json!({"KeyId": arn, "TagKeys": keys}))
    },
};

pub(super) fn tag(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let mut key = own_key(context, required(input, "KeyId"))?;
    not_pending(&key)?;
    add(&mut key, input)?;
    store(context, key);
    Ok(Value::Null)
}

pub(super) fn untag(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let mut key = own_key(context, required(input, "KeyId"))?;
    not_pending(&key)?;
    for tag in part(input, "TagKeys").and_then(Value::as_array).into_iter().flatten() {
        key.tags.remove(tag.as_str().unwrap_or_default());
    }
    store(context, key);
    Ok(Value::Null)
}

pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let key = readable_key(context, required(input, "KeyId"))?;
    let after = marker(input)?;
    let all = key.tags.iter().filter(|(tag, _)| after.as_ref().is_none_or(|after| *tag > after));
    let (page, last) = page::take(all, page::limit(input, "Limit", 50), |(tag, _)| (*tag).clone());
    let tags: Value = page.iter().map(|(tag, value)| json!({"TagKey": tag, "TagValue": value})).collect();
    Ok(listed("Tags", tags, last))
}

/// Adds the tags of an input; [D] the limit and the prefix, [M] the code, [?] the texts.
pub(super) fn add(key: &mut Key, input: &Value) -> Result<(), Refusal> {
    let invalid = |why: String| Err(Refusal::new("TagException", why));
    let mut given = BTreeSet::new();
    for tag in part(input, "Tags").and_then(Value::as_array).into_iter().flatten() {
        let (name, value) = (required(tag, "TagKey"), text(tag, "TagValue").unwrap_or_default());
        if name.starts_with("aws:") {
            return invalid("Tag keys beginning with aws: are reserved for system use.".to_owned());
        }
        if !given.insert(name) {
            return invalid(format!("The tag key {name} is given twice."));
        }
        key.tags.insert(name.to_owned(), value.to_owned());
        key.was_tagged = true;
    }
    if key.tags.len() > MOST {
        return invalid(format!("A key has at most {MOST} tags."));
    }
    Ok(())
}
