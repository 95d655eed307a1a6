//! `AWS::S3::Bucket`: a bucket with the parts of its configuration that S3 reads and writes one by one.

use std::sync::LazyLock;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Handlers, Schema, Type, changes, entries, never, shown_tags};
use crate::operation::{Context, text};
use crate::router::invoke;
use crate::wire::{Refusal, Service};

pub(super) static TYPE: Type = Type {
    name: "AWS::S3::Bucket",
    schema: LazyLock::new(|| Schema::parse(include_str!("../schemas/aws-s3-bucket.json"))),
    handlers: Some(Handlers { create, read, update: Some(update), delete, list, busy: never }),
};

/// The properties that are parts of the configuration.
const PARTS: [&str; 5] =
    ["Tags", "VersioningConfiguration", "PublicAccessBlockConfiguration", "BucketEncryption", "OwnershipControls"];

fn call(context: &mut Context<'_>, operation: &'static str, input: &Value) -> Result<Value, Refusal> {
    invoke(context, Service::S3, operation, input)
}

fn create(context: &mut Context<'_>, model: &Value) -> Result<String, Refusal> {
    let made_up = || Uuid::new_v4().simple().to_string();
    let name = text(model, "BucketName").map_or_else(made_up, str::to_owned);
    let own = context.global.buckets.current(&name, context.now());
    if own.is_some() {
        // [D] to make what is there is a failure, though S3 itself may answer it
        return Err(Refusal::new("BucketAlreadyExists", format!("The bucket {name} already exists.")));
    }
    let mut input = json!({"Bucket": name});
    if context.caller.region != "us-east-1" {
        input["LocationConstraint"] = context.caller.region.as_str().into();
    }
    call(context, "CreateBucket", &input)?;
    for (part, value) in changes(&Value::Null, model, &PARTS) {
        set(context, &name, part, value)?;
    }
    Ok(name)
}

/// Writes one part of the configuration; null goes back to what a bucket has without it.
fn set(context: &mut Context<'_>, name: &str, part: &str, value: &Value) -> Result<(), Refusal> {
    let mut input = json!({"Bucket": name});
    let operation = match (part, value) {
        ("Tags", Value::Null) => "DeleteBucketTagging",
        ("Tags", tags) => {
            input["Tags"] = tags.clone();
            "PutBucketTagging"
        }
        // [D] versioning is never off again, only suspended
        ("VersioningConfiguration", value) => {
            input["Status"] = value.get("Status").cloned().unwrap_or_else(|| "Suspended".into());
            "PutBucketVersioning"
        }
        ("PublicAccessBlockConfiguration", Value::Null) => "DeletePublicAccessBlock",
        ("PublicAccessBlockConfiguration", block) => {
            input = block.clone();
            input["Bucket"] = name.into();
            "PutPublicAccessBlock"
        }
        ("BucketEncryption", Value::Null) => "DeleteBucketEncryption",
        ("BucketEncryption", value) => {
            let rule = value.pointer("/ServerSideEncryptionConfiguration/0").unwrap_or(&Value::Null);
            let default = rule.get("ServerSideEncryptionByDefault").unwrap_or(&Value::Null);
            for member in ["SSEAlgorithm", "KMSMasterKeyID"] {
                input[member] = default.get(member).cloned().unwrap_or_default();
            }
            input["BucketKeyEnabled"] = rule.get("BucketKeyEnabled").cloned().unwrap_or_default();
            "PutBucketEncryption"
        }
        (_, Value::Null) => "DeleteBucketOwnershipControls",
        (_, value) => {
            input["ObjectOwnership"] = value.pointer("/Rules/0/ObjectOwnership").cloned().unwrap_or_default();
            "PutBucketOwnershipControls"
        }
    };
    call(context, operation, &input).map(|_| ())
}

fn read(context: &mut Context<'_>, name: &str) -> Result<Value, Refusal> {
    let input = json!({"Bucket": name});
    call(context, "HeadBucket", &input)?;
    let (region, partition) = (&context.caller.region, context.caller.partition());
    let suffix = if partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
    let mut model = json!({
        "BucketName": name,
        "Arn": format!("arn:{partition}:s3:::{name}"),
        "DomainName": format!("{name}.s3.{suffix}"),
        "RegionalDomainName": format!("{name}.s3.{region}.{suffix}"),
        "DualStackDomainName": format!("{name}.s3.dualstack.{region}.{suffix}"),
        "WebsiteURL": format!("http://{name}.s3-website-{region}.{suffix}"),
    });
    if let Some(tags) = absent(call(context, "GetBucketTagging", &input))? {
        model["Tags"] = shown_tags(entries(&tags, "TagSet"), "Key", "Value");
    }
    let versioning = call(context, "GetBucketVersioning", &input)?;
    if let Some(status) = text(&versioning, "Status") {
        model["VersioningConfiguration"] = json!({"Status": status});
    }
    if let Some(block) = absent(call(context, "GetPublicAccessBlock", &input))? {
        model["PublicAccessBlockConfiguration"] = block;
    }
    let encryption = call(context, "GetBucketEncryption", &input)?;
    let rules = entries(&encryption, "Rule").map(|rule| {
        let mut default = rule.get("ApplyServerSideEncryptionByDefault").cloned().unwrap_or_default();
        if let Some(members) = default.as_object_mut() {
            members.retain(|_, value| !value.is_null());
        }
        json!({"ServerSideEncryptionByDefault": default, "BucketKeyEnabled": rule.get("BucketKeyEnabled")})
    });
    model["BucketEncryption"] = json!({"ServerSideEncryptionConfiguration": rules.collect::<Value>()});
    if let Some(ownership) = absent(call(context, "GetBucketOwnershipControls", &input))? {
        model["OwnershipControls"] = json!({"Rules": ownership.get("Rule")});
    }
    Ok(model)
}

/// A part that a bucket does not have is no failure.
fn absent(found: Result<Value, Refusal>) -> Result<Option<Value>, Refusal> {
    match found {
        Err(refusal)
            if matches!(
                &*refusal.code,
                "NoSuchTagSet" | "NoSuchPublicAccessBlockConfiguration" | "OwnershipControlsNotFoundError"
            ) =>
        {
            Ok(None)
        }
        found => found.map(Some),
    }
}

fn update(context: &mut Context<'_>, name: &str, before: &Value, after: &Value) -> Result<(), Refusal> {
    for (part, value) in changes(before, after, &PARTS) {
        set(context, name, part, value)?;
    }
    Ok(())
}

fn delete(context: &mut Context<'_>, name: &str) -> Result<(), Refusal> {
    call(context, "DeleteBucket", &json!({"Bucket": name})).map(|_| ())
}

fn list(context: &mut Context<'_>, _: &Value) -> Result<Vec<Value>, Refusal> {
    let found = call(context, "ListBuckets", &json!({}))?;
    let region = context.caller.region.as_str();
    // [?] whether the list leaves out what other regions have; they cannot be read from here
    let own = entries(&found, "Buckets").filter(|bucket| text(bucket, "BucketRegion") == Some(region));
    Ok(own.map(|bucket| json!({"BucketName": bucket.get("Name")})).collect())
}
