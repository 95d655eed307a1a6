//! The operations on queues.

use serde_json::{Map, Value, json};

use super::queue::Queue;
use super::{arn, attributes, name_of};
use crate::clock::Millis;
use crate::operation::{Context, Resource, part, required, text};
use crate::page;
use crate::tagged::{self, Tags};
use crate::wire::Refusal;

/// [D] for how long the name of a deleted queue is not free.
const REST: Millis = 60_000;

pub(super) fn create(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let now = context.now();
    let name = required(input, "QueueName");
    let arn = arn(context, name);
    let given: Vec<(String, String)> = tagged::from_map(input, "Attributes").into_iter().collect();
    let fifo = given.iter().any(|(name, value)| name == "FifoQueue" && value == "true");
    if fifo != name.strip_suffix(".fifo").is_some() {
        // [I] the text, for a name without the end
        let text = "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must \
                    end with .fifo suffix and be 1 to 80 in length.";
        return Err(invalid(text));
    }
    for (name, value) in &given {
        attributes::check(name, value, fifo)?;
    }
    let tags: Tags = tagged::from_map(input, "tags");
    tagged::check(&tags).map_err(invalid)?;
    if !tags.is_empty() {
        // [D] tags at creation need the permission to tag
        context.authorize("sqs:TagQueue", &Resource::one(arn.clone()), &[])?;
    }
    if let Some(present) = context.home.queues.current(name, now) {
        // [D] the same attributes are the same queue
        let settings = present.settings();
        let other = given.iter().find(|(name, value)| settings.get(name.as_str()) != Some(&value.as_str()));
        if let Some((attribute, _)) = other {
            let text =
                format!("A queue already exists with the same name and a different value for attribute {attribute}");
            return Err(Refusal::new("QueueNameExists", text));
        }
        return Ok(json!({"QueueUrl": present.url}));
    }
    if context.home.queues.last(name).and_then(|last| last.gone_at).is_some_and(|gone| now < gone + REST) {
        let text = "You must wait 60 seconds after deleting a queue before you can create another with the same name.";
        return Err(Refusal::new("QueueDeletedRecently", text));
    }
    let caller = context.caller;
    let suffix = if caller.partition() == "aws-cn" { ".cn" } else { "" };
    let queue = Queue {
        name: name.to_owned(),
        url: format!("https://sqs.{}.amazonaws.com{suffix}/{}/{name}", caller.region, caller.account),
        arn,
        attributes: given.into_iter().filter(|(_, value)| !value.is_empty()).collect(),
        tags,
        created: now,
        modified: now,
        gone_at: None,
    };
    let answer = json!({"QueueUrl": queue.url});
    context.home.queues.put(name, now, queue);
    Ok(answer)
}

pub(super) fn url_of(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let found = context.home.queues.seen(required(input, "QueueName"), context.view);
    Ok(json!({"QueueUrl": found.ok_or_else(missing)?.url}))
}

pub(super) fn get(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let all = seen(context, required(input, "QueueUrl"))?.show();
    let names = part(input, "AttributeNames").and_then(Value::as_array);
    let names: Vec<&str> = names.into_iter().flatten().filter_map(Value::as_str).collect();
    let asked: Map<String, Value> =
        all.into_iter().filter(|(name, _)| names.contains(&"All") || names.contains(&name.as_str())).collect();
    Ok(json!({"Attributes": asked}))
}

pub(super) fn set(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let now = context.now();
    let mut queue = current(context, required(input, "QueueUrl"))?;
    for (name, value) in tagged::from_map(input, "Attributes") {
        if name == "FifoQueue" && queue.is_fifo() != (value == "true") {
            return Err(Refusal::new(
                "InvalidAttributeName",
                "You can specify the FifoQueue only during queue creation.",
            ));
        }
        // An empty text takes away what has no default.
        if !value.is_empty() || !matches!(name.as_str(), "KmsMasterKeyId" | "KmsDataKeyReusePeriodSeconds") {
            attributes::check(&name, &value, queue.is_fifo())?;
        }
        if value.is_empty() {
            queue.attributes.remove(&name);
        } else {
            queue.attributes.insert(name, value);
        }
    }
    queue.modified = now.max(queue.modified + 1);
    context.home.queues.put(&queue.name.clone(), now, queue);
    Ok(Value::Null)
}

pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let prefix = text(input, "QueueNamePrefix").unwrap_or_default();
    let read = |token| page::after(token).ok_or_else(|| invalid("Invalid NextToken."));
    let after = text(input, "NextToken").map(read).transpose()?;
    let all = context.home.queues.list(prefix, after.as_deref(), context.view);
    let (found, last) = page::take(all, page::limit(input, "MaxResults", 1000), |queue| queue.name.clone());
    if found.is_empty() {
        // [M] without any, the member is missing
        return Ok(json!({}));
    }
    let mut out = json!({"QueueUrls": found.iter().map(|queue| queue.url.as_str()).collect::<Value>()});
    // [D] a token only comes to whoever asked for pages
    if let Some(last) = last.filter(|_| part(input, "MaxResults").is_some()) {
        out["NextToken"] = page::token(&last).into();
    }
    Ok(out)
}

pub(super) fn delete(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let now = context.now();
    let mut queue = current(context, required(input, "QueueUrl"))?;
    queue.gone_at = Some(now);
    context.home.queues.put(&queue.name.clone(), now, queue);
    Ok(Value::Null)
}

pub(super) fn current(context: &Context<'_>, url: &str) -> Result<Queue, Refusal> {
    let found = context.home.queues.current(name_of(url), context.now());
    found.filter(|queue| queue.is(url)).map(|queue| Queue::clone(queue)).ok_or_else(missing)
}

pub(super) fn seen<'a>(context: &'a Context<'_>, url: &str) -> Result<&'a Queue, Refusal> {
    let found = context.home.queues.seen(name_of(url), context.view);
    found.filter(|queue| queue.is(url)).map(AsRef::as_ref).ok_or_else(missing)
}

/// [I] the text.
fn missing() -> Refusal {
    Refusal::new("QueueDoesNotExist", "The specified queue does not exist.")
}

/// [?] the code.
pub(super) fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidParameterValue", message)
}
