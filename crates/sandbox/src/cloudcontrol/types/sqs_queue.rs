//! `AWS::SQS::Queue`: the service makes the identifier, and the name when there is none.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Handlers, Retag, Schema, Type, changes, document, never, pages, parsed};
use crate::operation::{Context, text};
use crate::router::invoke;
use crate::tagged;
use crate::wire::{Refusal, Service};

pub(super) static TYPE: Type = Type {
    name: "AWS::SQS::Queue",
    schema: LazyLock::new(|| Schema::parse(include_str!("../schemas/aws-sqs-queue.json"))),
    handlers: Some(Handlers { create, read, update: Some(update), delete, list, busy: never }),
};

const NUMBERS: [&str; 6] = [
    "DelaySeconds",
    "KmsDataKeyReusePeriodSeconds",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "VisibilityTimeout",
];
const FLAGS: [&str; 3] = ["ContentBasedDeduplication", "FifoQueue", "SqsManagedSseEnabled"];
const TEXTS: [&str; 3] = ["DeduplicationScope", "FifoThroughputLimit", "KmsMasterKeyId"];
const DOCUMENTS: [&str; 2] = ["RedrivePolicy", "RedriveAllowPolicy"];

fn settings() -> Vec<&'static str> {
    [&NUMBERS[..], &FLAGS, &TEXTS, &DOCUMENTS].concat()
}

/// What an attribute is when a model does not say it; an empty one is taken away.
fn default(name: &str) -> &'static str {
    match name {
        "DelaySeconds" | "ReceiveMessageWaitTimeSeconds" => "0",
        "MaximumMessageSize" => "1048576",
        "MessageRetentionPeriod" => "345600",
        "VisibilityTimeout" => "30",
        "ContentBasedDeduplication" => "false",
        "SqsManagedSseEnabled" => "true",
        "DeduplicationScope" => "queue",
        "FifoThroughputLimit" => "perQueue",
        _ => "",
    }
}

fn create(context: &mut Context<'_>, model: &Value) -> Result<String, Refusal> {
    let fifo = model.get("FifoQueue").and_then(Value::as_bool).unwrap_or(false);
    let made_up = || format!("{}{}", Uuid::new_v4().simple(), if fifo { ".fifo" } else { "" });
    let name = text(model, "QueueName").map_or_else(made_up, str::to_owned);
    if context.home.queues.current(&name, context.now()).is_some() {
        // [D] to make what is there is a failure, though SQS itself would answer it
        return Err(Refusal::new("QueueNameExists", format!("A queue with the name {name} already exists.")));
    }
    let given = settings().into_iter().filter_map(|name| Some((name.to_owned(), document(model.get(name)?).into())));
    let mut given: Map<String, Value> = given.collect();
    // SQS only knows that a queue is FIFO.
    given.retain(|name, value| name != "FifoQueue" || *value == "true");
    let input = json!({"QueueName": name, "Attributes": given, "tags": super::tags(model)});
    let made = invoke(context, Service::Sqs, "CreateQueue", &input)?;
    Ok(text(&made, "QueueUrl").unwrap_or_default().to_owned())
}

fn read(context: &mut Context<'_>, url: &str) -> Result<Value, Refusal> {
    let input = json!({"QueueUrl": url, "AttributeNames": ["All"]});
    let found = invoke(context, Service::Sqs, "GetQueueAttributes", &input)?;
    let tags = invoke(context, Service::Sqs, "ListQueueTags", &json!({"QueueUrl": url}))?;
    let attributes = found.get("Attributes").unwrap_or(&Value::Null);
    let arn = text(attributes, "QueueArn").unwrap_or_default();
    let mut model = json!({"QueueUrl": url, "Arn": arn, "QueueName": arn.rsplit(':').next()});
    for name in settings() {
        let Some(value) = text(attributes, name) else {
            continue;
        };
        model[name] = if NUMBERS.contains(&name) || FLAGS.contains(&name) || DOCUMENTS.contains(&name) {
            parsed(value)
        } else {
            value.into()
        };
    }
    let tags = tagged::from_map(&tags, "Tags");
    if !tags.is_empty() {
        model["Tags"] = tagged::to_list(&tags);
    }
    Ok(model)
}

fn update(context: &mut Context<'_>, url: &str, before: &Value, after: &Value) -> Result<(), Refusal> {
    let changed = changes(before, after, &settings());
    let said = |(name, value): (&str, &Value)| {
        let value = if value.is_null() { default(name).to_owned() } else { document(value) };
        (name.to_owned(), Value::from(value))
    };
    let changed: Map<String, Value> = changed.into_iter().map(said).collect();
    if !changed.is_empty() {
        let input = json!({"QueueUrl": url, "Attributes": changed});
        invoke(context, Service::Sqs, "SetQueueAttributes", &input)?;
    }
    let Retag { added, removed } = Retag::between(&super::tags(before), &super::tags(after));
    if !removed.is_empty() {
        invoke(context, Service::Sqs, "UntagQueue", &json!({"QueueUrl": url, "TagKeys": removed}))?;
    }
    if !added.is_empty() {
        invoke(context, Service::Sqs, "TagQueue", &json!({"QueueUrl": url, "Tags": added}))?;
    }
    Ok(())
}

fn delete(context: &mut Context<'_>, url: &str) -> Result<(), Refusal> {
    invoke(context, Service::Sqs, "DeleteQueue", &json!({"QueueUrl": url})).map(|_| ())
}

fn list(context: &mut Context<'_>, _: &Value) -> Result<Vec<Value>, Refusal> {
    let input = json!({"MaxResults": 1000});
    let tokens = ("NextToken", "NextToken");
    let urls = pages(context, (Service::Sqs, "ListQueues"), input, "QueueUrls", tokens)?;
    Ok(urls.into_iter().map(|url| json!({"QueueUrl": url})).collect())
}
