//! Making, finding and ending buckets.

use serde_json::{Value, json};

use super::arn;
use super::bucket::{Block, Bucket, Encryption};
use super::objects;
use crate::operation::{Context, Resource, required, text};
use crate::store::View;
use crate::tagged;
use crate::wire::Refusal;

/// [D] the region that has no location constraint.
const FIRST_REGION: &str = "us-east-1";

pub(super) fn create(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let now = context.now();
    let (name, caller) = (required(input, "Bucket"), context.caller);
    if !is_name(name) {
        return Err(Refusal::new("InvalidBucketName", "The specified bucket is not valid."));
    }
    let wanted = text(input, "LocationConstraint").unwrap_or(FIRST_REGION);
    if wanted != caller.region {
        // [I] the text
        let text = format!(
            "The {wanted} location constraint is incompatible for the region specific endpoint this request was sent \
             to."
        );
        return Err(Refusal::new("IllegalLocationConstraintException", text));
    }
    if let Some(present) = context.global.buckets.current(name, now) {
        if present.account != caller.account {
            let text = "The requested bucket name is not available. The bucket namespace is shared by all users of \
                        the system. Please select a different name and try again.";
            return Err(Refusal::new("BucketAlreadyExists", text).status(409));
        }
        // [D] except in the first region, where making one's own bucket again is no error
        if caller.region != FIRST_REGION || present.region != FIRST_REGION {
            let text = "Your previous request to create the named bucket succeeded and you already own it.";
            return Err(Refusal::new("BucketAlreadyOwnedByYou", text).status(409));
        }
        return Ok(Value::Null);
    }
    let tags = tagged::from_list(input, "Tags");
    tagged::check(&tags).map_err(|text| Refusal::new("InvalidTag", text))?;
    let arn = arn(context, name);
    if !tags.is_empty() {
        // [D] tags at creation need the permission to tag
        context.authorize("s3:TagResource", &Resource::one(arn.clone()), &[])?;
    }
    let bucket = Bucket {
        name: name.to_owned(),
        arn,
        account: caller.account.clone(),
        region: caller.region.clone(),
        tags,
        versioning: None,
        policy: None,
        block: Some(Block::ALL),
        encryption: Encryption::own(),
        ownership: Some(text(input, "ObjectOwnership").unwrap_or("BucketOwnerEnforced").to_owned()),
        created: now,
        gone_at: None,
    };
    context.global.buckets.put(name, now, bucket);
    Ok(Value::Null)
}

/// [D] 3 to 63 small letters, digits, dots and hyphens, with a letter or a digit at both ends.
fn is_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let plain = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(|b| plain(b) || b".-".contains(b))
        && bytes.first().is_some_and(plain)
        && bytes.last().is_some_and(plain)
        && !name.contains("..")
        && !name.starts_with("xn--")
}

pub(super) fn list(context: &Context<'_>) -> Value {
    let account = &context.caller.account;
    let all = context.global.buckets.list("", None, context.view).filter(|it| it.account == *account);
    json!({"Owner": {"ID": account}, "Buckets": all.map(|it| it.listed()).collect::<Value>()})
}

pub(super) fn head(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let bucket = seen(context, input)?;
    Ok(json!({"BucketRegion": bucket.region}))
}

pub(super) fn location(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let region = &seen(context, input)?.region;
    Ok(if region == FIRST_REGION { Value::Null } else { region.as_str().into() })
}

pub(super) fn delete(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let now = context.now();
    if objects::any(context, required(input, "Bucket")) {
        let text = "The bucket you tried to delete is not empty";
        return Err(Refusal::new("BucketNotEmpty", text).status(409));
    }
    change(context, input, |bucket| {
        bucket.gone_at = Some(now);
        Ok(())
    })
}

/// Finds a bucket as a read sees it.
pub(super) fn seen<'a>(context: &'a Context<'_>, input: &Value) -> Result<&'a Bucket, Refusal> {
    find(context, required(input, "Bucket"), context.view)
}

fn find<'a>(context: &'a Context<'_>, name: &str, view: View) -> Result<&'a Bucket, Refusal> {
    let found = context.global.buckets.seen(name, view);
    let bucket =
        found.ok_or_else(|| Refusal::new("NoSuchBucket", "The specified bucket does not exist").status(404))?;
    if bucket.account != context.caller.account {
        return Err(Refusal::new("AccessDenied", "Access Denied"));
    }
    if bucket.region != context.caller.region {
        let text = "The bucket you are attempting to access must be addressed using the specified endpoint. Please \
                    send all future requests to this endpoint.";
        let mut refusal = Refusal::new("PermanentRedirect", text).status(301);
        refusal.region = Some(bucket.region.clone());
        return Err(refusal);
    }
    Ok(bucket)
}

/// Changes a bucket as it is now.
pub(super) fn change(
    context: &mut Context<'_>,
    input: &Value,
    change: impl FnOnce(&mut Bucket) -> Result<(), Refusal>,
) -> Result<Value, Refusal> {
    let now = context.now();
    let name = required(input, "Bucket");
    let mut bucket = find(context, name, View::of(now))?.clone();
    change(&mut bucket)?;
    context.global.buckets.put(name, now, bucket);
    Ok(Value::Null)
}
