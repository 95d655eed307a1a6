//! The tags of secrets.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::secret::Secret;
use super::writes::{store, writable};
use crate::operation::{Context, part, required, text};
use crate::tagging::{Taggable, Tagged, Tags, through};
use crate::wire::{Refusal, Service};

/// [D] how many tags a secret has at most.
const MOST: usize = 50;

/// [I] secrets that are marked for deletion are among them.
pub(crate) static TAGGABLE: Taggable = Taggable {
    service: "secretsmanager",
    resources: |context| {
        let all = context.home.secrets.list("", None, context.view);
        let known = all.filter(|secret| secret.was_tagged || !secret.tags.is_empty());
        let tagged = known.map(|secret| Tagged {
            arn: secret.arn.clone(),
            kind: "secretsmanager:secret",
            tags: Cow::Borrowed(&secret.tags),
        });
        tagged.collect()
    },
    tag: |context, arn, tags| {
        let tags: Value = tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
        through(context, Service::SecretsManager, "TagResource", &json!({"SecretId": arn, "Tags": tags}))
    },
    untag: |context, arn, keys| {
        through(context, Service::SecretsManager, "UntagResource", &json!({"SecretId": arn, "TagKeys": keys}))
    },
};

pub(super) fn tag(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let mut secret = writable(context, input)?;
    add(&mut secret, input)?;
    secret.touch(context.now());
    store(context, secret);
    Ok(Value::Null)
}

pub(super) fn untag(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let mut secret = writable(context, input)?;
    for key in part(input, "TagKeys").and_then(Value::as_array).into_iter().flatten() {
        secret.tags.remove(key.as_str().unwrap_or_default());
    }
    secret.touch(context.now());
    store(context, secret);
    Ok(Value::Null)
}

/// Adds the tags of an input; [D] the limit and the prefix, [?] the texts.
pub(super) fn add(secret: &mut Secret, input: &Value) -> Result<(), Refusal> {
    let given = part(input, "Tags").and_then(Value::as_array).into_iter().flatten();
    let given: Tags =
        given.map(|tag| (required(tag, "Key").to_owned(), text(tag, "Value").unwrap_or_default().to_owned())).collect();
    let invalid = |why: String| Err(Refusal::new("InvalidParameterException", why));
    if given.keys().any(|key| key.starts_with("aws:")) {
        return invalid("Tag keys beginning with aws: are reserved for system use.".to_owned());
    }
    secret.was_tagged |= !given.is_empty();
    secret.tags.extend(given);
    if secret.tags.len() > MOST {
        return invalid(format!("A secret has at most {MOST} tags."));
    }
    Ok(())
}
