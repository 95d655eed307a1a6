//! SQS: queues, without messages.
//!
//! A queue is the plainest of the generic types: its service makes the identifier, every attribute is a
//! text, and without a name given to Cloud Control it has one that nobody chose. No message ever comes
//! into one: what the product needs is what a queue is like.

mod attributes;
pub(crate) mod queue;
mod queues;
pub(crate) mod tags;

use serde_json::Value;

use crate::operation::{Context, Operation, Resource, required};
use crate::shape::{Pattern, Shape, Text, may, must};
use crate::wire::Refusal;

/// The operations of SQS.
pub(crate) static OPERATIONS: &[Operation] = &[
    operation("CreateQueue", &CREATE, by_name, queues::create),
    operation("GetQueueUrl", &URL_OF, by_name, queues::url_of),
    operation("GetQueueAttributes", &GET, by_url, queues::get),
    operation("SetQueueAttributes", &SET, by_url, queues::set),
    operation("ListQueues", &LIST, Resource::any, queues::list),
    operation("DeleteQueue", &BY_URL, by_url, queues::delete),
    operation("TagQueue", &TAG, by_url, tags::tag),
    operation("UntagQueue", &UNTAG, by_url, tags::untag),
    operation("ListQueueTags", &BY_URL, by_url, tags::list),
];

const fn operation(
    name: &'static str,
    input: &'static Shape,
    resources: fn(&Context<'_>, &Value) -> Vec<Resource>,
    run: fn(&mut Context<'_>, &Value) -> Result<Value, Refusal>,
) -> Operation {
    Operation { name, input, subject: &["QueueName", "QueueUrl"], resources, run }
}

/// [D] 80 letters, digits, hyphens and underscores, and `.fifo` at the end of a FIFO queue's.
static NAME_PATTERN: Pattern = Pattern {
    text: "[a-zA-Z0-9_-]+(\\.fifo)?",
    matches: |text| {
        let name = text.strip_suffix(".fifo").unwrap_or(text);
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
    },
};
static NAME: Shape = Shape::Str(Text::new(1, 80).pattern(&NAME_PATTERN));
static PREFIX: Shape = Shape::Str(Text::new(0, 80));
static URL: Shape = Shape::Str(Text::new(1, 2048));
static ATTRIBUTES: Shape = Shape::Map { key: Text::new(1, 128), value: Text::new(0, 65536), max: 64 };
static ATTRIBUTE_NAME: Shape = Shape::Str(Text::new(1, 128));
static ATTRIBUTE_NAMES: Shape = Shape::List { of: &ATTRIBUTE_NAME, min: 0, max: usize::MAX };
static TAGS: Shape = Shape::Map { key: Text::new(1, 128), value: Text::new(0, 256), max: usize::MAX };
static TAG_KEY: Shape = Shape::Str(Text::new(1, 128));
static TAG_KEYS: Shape = Shape::List { of: &TAG_KEY, min: 0, max: usize::MAX };
static TOKEN: Shape = Shape::Str(Text::new(1, 4096));
static PAGE: Shape = Shape::Int { min: 1, max: 1000 };

// [M]
static CREATE: Shape = Shape::Struct(&[must("QueueName", &NAME), may("Attributes", &ATTRIBUTES), may("tags", &TAGS)]);
static URL_OF: Shape = Shape::Struct(&[must("QueueName", &NAME)]);
static BY_URL: Shape = Shape::Struct(&[must("QueueUrl", &URL)]);
static GET: Shape = Shape::Struct(&[must("QueueUrl", &URL), may("AttributeNames", &ATTRIBUTE_NAMES)]);
static SET: Shape = Shape::Struct(&[must("QueueUrl", &URL), must("Attributes", &ATTRIBUTES)]);
static LIST: Shape =
    Shape::Struct(&[may("QueueNamePrefix", &PREFIX), may("MaxResults", &PAGE), may("NextToken", &TOKEN)]);
static TAG: Shape = Shape::Struct(&[must("QueueUrl", &URL), must("Tags", &TAGS)]);
static UNTAG: Shape = Shape::Struct(&[must("QueueUrl", &URL), must("TagKeys", &TAG_KEYS)]);

/// Returns a queue's name, given its name or its URL.
pub(crate) fn name_of(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

/// Returns the code that SQS had for an error before it spoke JSON [M].
pub(crate) fn query_code(code: &str) -> &str {
    match code {
        "QueueDoesNotExist" => "AWS.SimpleQueueService.NonExistentQueue",
        "QueueDeletedRecently" => "AWS.SimpleQueueService.QueueDeletedRecently",
        "QueueNameExists" => "QueueAlreadyExists",
        other => other,
    }
}

fn arn(context: &Context<'_>, name: &str) -> String {
    context.arn("sqs", name)
}

fn by_name(context: &Context<'_>, input: &Value) -> Vec<Resource> {
    vec![Resource::one(arn(context, required(input, "QueueName")))]
}

fn by_url(context: &Context<'_>, input: &Value) -> Vec<Resource> {
    vec![Resource::one(arn(context, name_of(required(input, "QueueUrl"))))]
}
