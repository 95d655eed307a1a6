//! Log streams: what a group holds, and all that can be done with one is to make it and to end it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::groups::{current, start};
use super::{arn, missing};
use crate::clock::Millis;
use crate::operation::{Context, required, text};
use crate::page;
use crate::store::Mortal;
use crate::wire::Refusal;

/// A log stream.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Stream {
    name: String,
    arn: String,
    created: Millis,
    gone_at: Option<Millis>,
}

impl Mortal for Stream {
    fn gone_at(&self) -> Option<Millis> {
        self.gone_at
    }
}

/// Streams are kept by group and name; no group's name holds a colon.
fn key(group: &str, stream: &str) -> String {
    format!("{group}:{stream}")
}

pub(super) fn create(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let now = context.now();
    let (group, name) = (required(input, "logGroupName"), required(input, "logStreamName"));
    current(context, group)?;
    let key = key(group, name);
    if context.home.log_streams.current(&key, now).is_some() {
        // [I] the text
        return Err(Refusal::new("ResourceAlreadyExistsException", "The specified log stream already exists"));
    }
    let arn = format!("{}:log-stream:{name}", arn(context, group));
    context.home.log_streams.put(&key, now, Stream { name: name.to_owned(), arn, created: now, gone_at: None });
    Ok(Value::Null)
}

pub(super) fn describe(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let group = required(input, "logGroupName");
    if context.home.log_groups.seen(group, context.view).is_none() {
        return Err(missing());
    }
    let prefix = key(group, text(input, "logStreamNamePrefix").unwrap_or_default());
    let after = start(input)?;
    let all = context.home.log_streams.list(&prefix, after.as_deref(), context.view);
    let (page, last) = page::take(all, page::limit(input, "limit", 50), |stream| key(group, &stream.name));
    let entry = |stream: &Stream| json!({"logStreamName": stream.name, "arn": stream.arn, "creationTime": stream.created, "storedBytes": 0});
    let mut out = json!({"logStreams": page.iter().map(|stream| entry(stream)).collect::<Value>()});
    if let Some(last) = last {
        out["nextToken"] = page::token(&last).into();
    }
    Ok(out)
}

pub(super) fn delete(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let (group, name) = (required(input, "logGroupName"), required(input, "logStreamName"));
    current(context, group)?;
    if !end(context, &key(group, name)) {
        // [I] the text
        return Err(Refusal::new("ResourceNotFoundException", "The specified log stream does not exist."));
    }
    Ok(Value::Null)
}

/// Ends a group's streams with it.
pub(super) fn end_all(context: &mut Context<'_>, group: &str) {
    let prefix = key(group, "");
    let now = crate::store::View::of(context.now());
    let all: Vec<String> = context.home.log_streams.list(&prefix, None, now).map(|it| key(group, &it.name)).collect();
    for key in all {
        end(context, &key);
    }
}

fn end(context: &mut Context<'_>, key: &str) -> bool {
    let now = context.now();
    let Some(stream) = context.home.log_streams.current(key, now) else {
        return false;
    };
    let mut stream = Stream::clone(stream);
    stream.gone_at = Some(now);
    context.home.log_streams.put(key, now, stream);
    true
}
