//! The tags of connections, which only their ARN leads to.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::connection::{Connection, strings};
use super::{invalid, name_of, unknown};
use crate::operation::{Context, part, required};
use crate::tagging::{Taggable, Tagged, through};
use crate::wire::{Refusal, Service};

/// [M] how many tags a resource has at most.
const MOST: usize = 50;

pub(crate) static TAGGABLE: Taggable = Taggable {
    service: "glue",
    resources: |context| {
        let all = context.home.glue_connections.list("", None, context.view);
        let known = all.filter(|connection| connection.was_tagged || !connection.tags.is_empty());
        let tagged = known.map(|connection| Tagged {
            arn: super::arn(context, &connection.name),
            kind: "glue:connection",
            tags: Cow::Borrowed(&connection.tags),
        });
        tagged.collect()
    },
    tag: |context, arn, tags| {
        through(context, Service::Glue, "TagResource", &json!({"ResourceArn": arn, "TagsToAdd": tags}))
    },
    untag: |context, arn, keys| {
        through(context, Service::Glue, "UntagResource", &json!({"ResourceArn": arn, "TagsToRemove": keys}))
    },
};

pub(super) fn get(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let name = name(context, required(input, "ResourceArn"))?;
    let found = context.home.glue_connections.seen(name, context.view);
    let found = found.ok_or_else(|| unknown(name))?;
    Ok(json!({"Tags": found.tags}))
}

pub(super) fn tag(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let added = strings(part(input, "TagsToAdd"));
    change(context, input, |connection| {
        connection.was_tagged |= !added.is_empty();
        connection.tags.extend(added);
        check(connection.tags.keys(), connection.tags.len())
    })
}

pub(super) fn untag(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let removed = part(input, "TagsToRemove").and_then(Value::as_array);
    change(context, input, |connection| {
        for key in removed.into_iter().flatten() {
            connection.tags.remove(key.as_str().unwrap_or_default());
        }
        Ok(())
    })
}

/// Refuses tags that nobody may set; [D] the limit and the prefix, [?] the texts.
pub(super) fn check<'a>(mut keys: impl Iterator<Item = &'a String>, count: usize) -> Result<(), Refusal> {
    if count > MOST {
        return Err(invalid(format!("A resource has at most {MOST} tags.")));
    }
    if keys.any(|key| key.starts_with("aws:")) {
        return Err(invalid("Tag keys beginning with aws: are reserved for system use."));
    }
    Ok(())
}

/// Changes a connection's tags, and nothing that a read of the connection shows.
fn change(
    context: &mut Context<'_>,
    input: &Value,
    change: impl FnOnce(&mut Connection) -> Result<(), Refusal>,
) -> Result<Value, Refusal> {
    let now = context.now();
    let name = name(context, required(input, "ResourceArn"))?;
    let found = context.home.glue_connections.current(name, now);
    let mut connection = Connection::clone(found.ok_or_else(|| unknown(name))?);
    change(&mut connection)?;
    context.home.glue_connections.put(name, now, connection);
    Ok(json!({}))
}

/// Returns the name in an ARN of this account and region; [?] the code for any other.
fn name<'a>(context: &Context<'_>, arn: &'a str) -> Result<&'a str, Refusal> {
    let own = context.arn("glue", "connection/");
    if arn.starts_with(&own) {
        return Ok(name_of(arn));
    }
    Err(Refusal::new("EntityNotFoundException", format!("Resource {arn} not found.")))
}
