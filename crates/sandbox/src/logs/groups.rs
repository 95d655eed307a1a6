//! Log groups.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{arn, invalid, missing};
use crate::clock::Millis;
use crate::operation::{Context, Resource, required, text};
use crate::page;
use crate::store::Mortal;
use crate::tagged::{self, Tags};
use crate::wire::Refusal;

/// [M] how long events may be kept, in days.
const RETENTIONS: [u64; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// A log group.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(super) arn: String,
    class: String,
    kms_key: Option<String>,
    retention: Option<u64>,
    pub(super) tags: Tags,
    created: Millis,
    gone_at: Option<Millis>,
}

impl Mortal for Group {
    fn gone_at(&self) -> Option<Millis> {
        self.gone_at
    }
}

impl Group {
    /// Returns the group's entry in a list, which is all that there is.
    pub(crate) fn describe(&self) -> Value {
        let mut out = json!({
            "logGroupName": self.name,
            "creationTime": self.created,
            "metricFilterCount": 0,
            "arn": format!("{}:*", self.arn),
            "logGroupArn": self.arn,
            "logGroupClass": self.class,
            "storedBytes": 0,
        });
        if let Some(days) = self.retention {
            out["retentionInDays"] = days.into();
        }
        if let Some(key) = &self.kms_key {
            out["kmsKeyId"] = key.as_str().into();
        }
        out
    }
}

pub(super) fn create(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let now = context.now();
    let name = required(input, "logGroupName");
    if context.home.log_groups.current(name, now).is_some() {
        // [I] the text
        return Err(Refusal::new("ResourceAlreadyExistsException", "The specified log group already exists"));
    }
    let arn = arn(context, name);
    let tags = tagged::from_map(input, "tags");
    tagged::check(&tags).map_err(invalid)?;
    if !tags.is_empty() {
        // [D] tags at creation need the permission to tag
        context.authorize("logs:TagResource", &Resource(vec![arn.clone(), format!("{arn}:*")]), &[])?;
    }
    let group = Group {
        name: name.to_owned(),
        arn,
        class: text(input, "logGroupClass").unwrap_or("STANDARD").to_owned(),
        kms_key: text(input, "kmsKeyId").filter(|key| !key.is_empty()).map(str::to_owned),
        retention: None,
        tags,
        created: now,
        gone_at: None,
    };
    context.home.log_groups.put(name, now, group);
    Ok(Value::Null)
}

pub(super) fn describe(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let prefix = text(input, "logGroupNamePrefix").unwrap_or_default();
    let after = start(input)?;
    let all = context.home.log_groups.list(prefix, after.as_deref(), context.view);
    let (page, last) = page::take(all, page::limit(input, "limit", 50), |group| group.name.clone());
    let mut out = json!({"logGroups": page.iter().map(|group| group.describe()).collect::<Value>()});
    if let Some(last) = last {
        out["nextToken"] = page::token(&last).into();
    }
    Ok(out)
}

pub(super) fn delete(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let now = context.now();
    let name = required(input, "logGroupName");
    super::streams::end_all(context, name);
    change(context, name, |group| group.gone_at = Some(now))
}

pub(super) fn put_retention(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let days = input.get("retentionInDays").and_then(Value::as_u64).unwrap_or_default();
    if !RETENTIONS.contains(&days) {
        // [?] the text
        return Err(invalid(format!("The specified retention of {days} days is not valid.")));
    }
    change(context, required(input, "logGroupName"), |group| group.retention = Some(days))
}

pub(super) fn delete_retention(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    change(context, required(input, "logGroupName"), |group| group.retention = None)
}

pub(super) fn associate_key(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let key = required(input, "kmsKeyId").to_owned();
    change(context, required(input, "logGroupName"), |group| group.kms_key = Some(key))
}

pub(super) fn disassociate_key(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    change(context, required(input, "logGroupName"), |group| group.kms_key = None)
}

/// Returns where a list goes on.
pub(super) fn start(input: &Value) -> Result<Option<String>, Refusal> {
    let read = |token| page::after(token).ok_or_else(|| invalid("The specified nextToken is invalid."));
    text(input, "nextToken").map(read).transpose()
}

pub(super) fn current(context: &Context<'_>, name: &str) -> Result<Group, Refusal> {
    let found = context.home.log_groups.current(name, context.now());
    found.map(|group| Group::clone(group)).ok_or_else(missing)
}

fn change(context: &mut Context<'_>, name: &str, change: impl FnOnce(&mut Group)) -> Result<Value, Refusal> {
    let now = context.now();
    let mut group = current(context, name)?;
    change(&mut group);
    context.home.log_groups.put(name, now, group);
    Ok(Value::Null)
}
