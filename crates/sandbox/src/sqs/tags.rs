//! The tags of queues.

use serde_json::{Value, json};

use super::arn;
use super::queue::Queue;
use super::queues::{current, invalid, seen};
use crate::operation::{Context, required};
use crate::tagged::{self, Change, Tagged};
use crate::wire::Refusal;

pub(super) fn tag(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let queue = current(context, required(input, "QueueUrl"))?;
    change(context, queue, &Change::Add(tagged::from_map(input, "Tags")))
}

pub(super) fn untag(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let queue = current(context, required(input, "QueueUrl"))?;
    change(context, queue, &Change::Remove(tagged::keys(input, "TagKeys")))
}

pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let tags = &seen(context, required(input, "QueueUrl"))?.tags;
    Ok(if tags.is_empty() { json!({}) } else { json!({"Tags": tags}) })
}

fn change(context: &mut Context<'_>, mut queue: Queue, change: &Change) -> Result<Value, Refusal> {
    change.apply(&mut queue.tags).map_err(invalid)?;
    let now = context.now();
    context.home.queues.put(&queue.name.clone(), now, queue);
    Ok(Value::Null)
}

/// Returns the queues with their tags.
pub(crate) fn tagged(context: &Context<'_>) -> Vec<Tagged> {
    let all = context.home.queues.list("", None, context.view);
    all.map(|it| Tagged { arn: it.arn.clone(), kind: "sqs", tags: it.tags.clone() }).collect()
}

/// Changes the tags of the queue with an ARN.
pub(crate) fn retag(context: &mut Context<'_>, id: &str, by: &Change) -> Option<Result<(), Refusal>> {
    let name = id.strip_prefix(&arn(context, ""))?;
    Some(current(context, name).and_then(|queue| change(context, queue, by).map(|_| ())))
}
