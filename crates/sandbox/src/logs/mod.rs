//! CloudWatch Logs: groups and streams, without events.

mod groups;
mod streams;
pub(crate) mod tags;

use serde_json::Value;

use crate::operation::{Context, Operation, Resource, required, text};
use crate::shape::{Pattern, Shape, Text, may, must};
use crate::wire::Refusal;

pub(crate) use groups::Group;
pub(crate) use streams::Stream;

/// The operations of CloudWatch Logs.
pub(crate) static OPERATIONS: &[Operation] = &[
    operation("CreateLogGroup", &CREATE, group, groups::create),
    operation("DescribeLogGroups", &DESCRIBE, all_groups, groups::describe),
    operation("DeleteLogGroup", &BY_NAME, group, groups::delete),
    operation("PutRetentionPolicy", &RETAIN, group, groups::put_retention),
    operation("DeleteRetentionPolicy", &BY_NAME, group, groups::delete_retention),
    operation("AssociateKmsKey", &ASSOCIATE, group, groups::associate_key),
    operation("DisassociateKmsKey", &BY_NAME, group, groups::disassociate_key),
    operation("CreateLogStream", &STREAM, group, streams::create),
    operation("DescribeLogStreams", &STREAMS, group, streams::describe),
    operation("DeleteLogStream", &STREAM, group, streams::delete),
    operation("TagResource", &TAG, by_arn, tags::tag),
    operation("UntagResource", &UNTAG, by_arn, tags::untag),
    operation("ListTagsForResource", &BY_ARN, by_arn, tags::list),
];

const fn operation(
    name: &'static str,
    input: &'static Shape,
    resources: fn(&Context<'_>, &Value) -> Vec<Resource>,
    run: fn(&mut Context<'_>, &Value) -> Result<Value, Refusal>,
) -> Operation {
    Operation { name, input, subject: &["logGroupName", "resourceArn", "logGroupNamePrefix"], resources, run }
}

// [M]
static NAME_PATTERN: Pattern = Pattern {
    text: r"[\.\-_/#A-Za-z0-9]+",
    matches: |text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_/#".contains(&b)),
};
static STREAM_PATTERN: Pattern = Pattern { text: "[^:*]*", matches: |text| !text.contains([':', '*']) };
static NAME: Shape = Shape::Str(Text::new(1, 512).pattern(&NAME_PATTERN));
static STREAM_NAME: Shape = Shape::Str(Text::new(1, 512).pattern(&STREAM_PATTERN));
static ARN: Shape = Shape::Str(Text::new(1, 1011));
static KEY: Shape = Shape::Str(Text::new(0, 256));
static CLASS: Shape = Shape::Str(Text::one_of(&["STANDARD", "INFREQUENT_ACCESS", "DELIVERY"]));
static DAYS: Shape = Shape::Int { min: i64::MIN, max: i64::MAX };
static TAGS: Shape = Shape::Map { key: Text::new(1, 128), value: Text::new(0, 256), max: 50 };
static TAG_KEY: Shape = Shape::Str(Text::new(1, 128));
static TAG_KEYS: Shape = Shape::List { of: &TAG_KEY, min: 0, max: 50 };
static TOKEN: Shape = Shape::Str(Text::new(1, 4096));
static PAGE: Shape = Shape::Int { min: 1, max: 50 };

static CREATE: Shape = Shape::Struct(&[
    must("logGroupName", &NAME),
    may("kmsKeyId", &KEY),
    may("logGroupClass", &CLASS),
    may("tags", &TAGS),
]);
static BY_NAME: Shape = Shape::Struct(&[must("logGroupName", &NAME)]);
static DESCRIBE: Shape =
    Shape::Struct(&[may("logGroupNamePrefix", &NAME), may("limit", &PAGE), may("nextToken", &TOKEN)]);
static RETAIN: Shape = Shape::Struct(&[must("logGroupName", &NAME), must("retentionInDays", &DAYS)]);
static ASSOCIATE: Shape = Shape::Struct(&[must("logGroupName", &NAME), must("kmsKeyId", &KEY)]);
static STREAM: Shape = Shape::Struct(&[must("logGroupName", &NAME), must("logStreamName", &STREAM_NAME)]);
static STREAMS: Shape = Shape::Struct(&[
    must("logGroupName", &NAME),
    may("logStreamNamePrefix", &STREAM_NAME),
    may("limit", &PAGE),
    may("nextToken", &TOKEN),
]);
static BY_ARN: Shape = Shape::Struct(&[must("resourceArn", &ARN)]);
static TAG: Shape = Shape::Struct(&[must("resourceArn", &ARN), must("tags", &TAGS)]);
static UNTAG: Shape = Shape::Struct(&[must("resourceArn", &ARN), must("tagKeys", &TAG_KEYS)]);

/// [D] IAM knows a group with and without the star at its end.
fn forms(arn: String) -> Resource {
    let with_star = format!("{arn}:*");
    Resource(vec![arn, with_star])
}

fn arn(context: &Context<'_>, name: &str) -> String {
    context.arn("logs", &format!("log-group:{name}"))
}

fn group(context: &Context<'_>, input: &Value) -> Vec<Resource> {
    vec![forms(arn(context, required(input, "logGroupName")))]
}

fn all_groups(context: &Context<'_>, input: &Value) -> Vec<Resource> {
    let prefix = text(input, "logGroupNamePrefix").unwrap_or_default();
    // [I] a list is asked about with the prefix's ARN
    vec![Resource::one(context.arn("logs", &format!("log-group:{prefix}:log-stream:")))]
}

fn by_arn(_: &Context<'_>, input: &Value) -> Vec<Resource> {
    let arn = required(input, "resourceArn");
    vec![forms(arn.strip_suffix(":*").unwrap_or(arn).to_owned())]
}

/// [M] the code.
fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidParameterException", message)
}

/// [I] the text.
fn missing() -> Refusal {
    Refusal::new("ResourceNotFoundException", "The specified log group does not exist.")
}
