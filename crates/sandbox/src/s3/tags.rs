//! The tags of buckets, which S3 replaces as a whole.

use serde_json::{Value, json};

use super::arn;
use super::buckets::{change, seen};
use crate::operation::Context;
use crate::tagged::{self, Change, Tagged};
use crate::wire::Refusal;

pub(super) fn put(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let tags = tagged::from_list(input, "Tags");
    tagged::check(&tags).map_err(invalid)?;
    change(context, input, |bucket| {
        bucket.tags = tags;
        Ok(())
    })
}

pub(super) fn get(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let tags = &seen(context, input)?.tags;
    if tags.is_empty() {
        return Err(Refusal::new("NoSuchTagSet", "The TagSet does not exist").status(404));
    }
    Ok(json!({"TagSet": tagged::to_list(tags)}))
}

pub(super) fn delete(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    change(context, input, |bucket| {
        bucket.tags.clear();
        Ok(())
    })
}

/// [D] the code.
fn invalid(message: String) -> Refusal {
    Refusal::new("InvalidTag", message)
}

/// Returns the account's buckets of the region with their tags.
pub(crate) fn tagged(context: &Context<'_>) -> Vec<Tagged> {
    let caller = context.caller;
    let all = context.global.buckets.list("", None, context.view);
    let own = all.filter(|it| it.account == caller.account && it.region == caller.region);
    own.map(|it| Tagged { arn: it.arn.clone(), kind: "s3", tags: it.tags.clone() }).collect()
}

/// Changes the tags of the bucket with an ARN.
pub(crate) fn retag(context: &mut Context<'_>, id: &str, by: &Change) -> Option<Result<(), Refusal>> {
    let name = id.strip_prefix(&arn(context, ""))?;
    let done = change(context, &json!({"Bucket": name}), |bucket| by.apply(&mut bucket.tags).map_err(invalid));
    Some(done.map(|_| ()))
}
