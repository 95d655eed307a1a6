//! The parts of a bucket's configuration, each of which is read and written as a whole.

use serde_json::{Value, json};

use super::bucket::{Block, Encryption};
use super::buckets::{change, seen};
use crate::operation::{Context, required, text};
use crate::wire::Refusal;

fn flag(input: &Value, member: &str) -> bool {
    input.get(member).and_then(Value::as_bool).unwrap_or(false)
}

fn none(code: &'static str, message: &str) -> Refusal {
    Refusal::new(code, message).status(404)
}

pub(super) fn put_versioning(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let status = required(input, "Status").to_owned();
    change(context, input, |bucket| {
        bucket.versioning = Some(status);
        Ok(())
    })
}

pub(super) fn get_versioning(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    Ok(json!({"Status": seen(context, input)?.versioning}))
}

pub(super) fn put_policy(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let policy = required(input, "Policy").to_owned();
    let parsed: Option<Value> = serde_json::from_str(&policy).ok();
    if parsed.is_none_or(|parsed| parsed.get("Statement").is_none()) {
        return Err(Refusal::new("MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'"));
    }
    change(context, input, |bucket| {
        bucket.policy = Some(policy);
        Ok(())
    })
}

pub(super) fn get_policy(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let policy = seen(context, input)?.policy.clone();
    policy.map(Value::from).ok_or_else(|| none("NoSuchBucketPolicy", "The bucket policy does not exist"))
}

pub(super) fn delete_policy(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    change(context, input, |bucket| {
        bucket.policy = None;
        Ok(())
    })
}

pub(super) fn put_block(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    // [D] what is not said is false: the whole is replaced
    let block = Block {
        acls: flag(input, "BlockPublicAcls"),
        ignore_acls: flag(input, "IgnorePublicAcls"),
        policy: flag(input, "BlockPublicPolicy"),
        restrict: flag(input, "RestrictPublicBuckets"),
    };
    change(context, input, |bucket| {
        bucket.block = Some(block);
        Ok(())
    })
}

pub(super) fn get_block(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let block = seen(context, input)?.block.map(Block::show);
    let text = "The public access block configuration was not found";
    block.ok_or_else(|| none("NoSuchPublicAccessBlockConfiguration", text))
}

pub(super) fn delete_block(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    change(context, input, |bucket| {
        bucket.block = None;
        Ok(())
    })
}

pub(super) fn put_encryption(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let encryption = Encryption {
        algorithm: required(input, "SSEAlgorithm").to_owned(),
        key: text(input, "KMSMasterKeyID").map(str::to_owned),
        bucket_key: flag(input, "BucketKeyEnabled"),
    };
    if encryption.key.is_some() && encryption.algorithm == "AES256" {
        // [D] that it is refused; [?] the text
        let text = "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse";
        return Err(Refusal::new("InvalidArgument", text));
    }
    change(context, input, |bucket| {
        bucket.encryption = encryption;
        Ok(())
    })
}

pub(super) fn get_encryption(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    Ok(json!({"Rule": [seen(context, input)?.encryption.show()]}))
}

/// [D] it goes back to S3's own encryption.
pub(super) fn delete_encryption(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    change(context, input, |bucket| {
        bucket.encryption = Encryption::own();
        Ok(())
    })
}

pub(super) fn put_ownership(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let ownership = required(input, "ObjectOwnership").to_owned();
    change(context, input, |bucket| {
        bucket.ownership = Some(ownership);
        Ok(())
    })
}

pub(super) fn get_ownership(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let ownership = seen(context, input)?.ownership.clone();
    let text = "The bucket ownership controls were not found";
    let ownership = ownership.ok_or_else(|| none("OwnershipControlsNotFoundError", text))?;
    Ok(json!({"Rule": [{"ObjectOwnership": ownership}]}))
}

pub(super) fn delete_ownership(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    change(context, input, |bucket| {
        bucket.ownership = None;
        Ok(())
    })
}
