//! S3: buckets and their configuration, and small objects.
//!
//! A name belongs to one account in the world and to one region, so buckets are in none of the regions'
//! stores; whoever asks in another region is sent away, as by S3.

pub(crate) mod bucket;
mod buckets;
mod configuration;
pub(crate) mod objects;
pub(crate) mod request;
pub(crate) mod tags;

use serde_json::Value;

use crate::operation::{Context, Operation, Resource, required};
use crate::shape::{Shape, Text, may, must};
use crate::wire::Refusal;

/// The operations on buckets.
pub(crate) static OPERATIONS: &[Operation] = &[
    operation("ListBuckets", &LIST, Resource::any, |context, _| Ok(buckets::list(context))),
    operation("CreateBucket", &CREATE, by_name, buckets::create),
    operation("HeadBucket", &BY_NAME, by_name, buckets::head),
    operation("DeleteBucket", &BY_NAME, by_name, buckets::delete),
    operation("GetBucketLocation", &BY_NAME, by_name, buckets::location),
    operation("PutBucketTagging", &TAG, by_name, tags::put),
    operation("GetBucketTagging", &BY_NAME, by_name, tags::get),
    operation("DeleteBucketTagging", &BY_NAME, by_name, tags::delete),
    operation("PutBucketVersioning", &VERSIONING, by_name, configuration::put_versioning),
    operation("GetBucketVersioning", &BY_NAME, by_name, configuration::get_versioning),
    operation("PutBucketPolicy", &POLICY, by_name, configuration::put_policy),
    operation("GetBucketPolicy", &BY_NAME, by_name, configuration::get_policy),
    operation("DeleteBucketPolicy", &BY_NAME, by_name, configuration::delete_policy),
    operation("PutPublicAccessBlock", &BLOCK, by_name, configuration::put_block),
    operation("GetPublicAccessBlock", &BY_NAME, by_name, configuration::get_block),
    operation("DeletePublicAccessBlock", &BY_NAME, by_name, configuration::delete_block),
    operation("PutBucketEncryption", &ENCRYPTION, by_name, configuration::put_encryption),
    operation("GetBucketEncryption", &BY_NAME, by_name, configuration::get_encryption),
    operation("DeleteBucketEncryption", &BY_NAME, by_name, configuration::delete_encryption),
    operation("PutBucketOwnershipControls", &OWNERSHIP, by_name, configuration::put_ownership),
    operation("GetBucketOwnershipControls", &BY_NAME, by_name, configuration::get_ownership),
    operation("DeleteBucketOwnershipControls", &BY_NAME, by_name, configuration::delete_ownership),
    object("PutObject", &PUT, objects::put),
    object("GetObject", &BY_KEY, objects::get),
    object("HeadObject", &BY_KEY, objects::head),
    object("DeleteObject", &BY_KEY, objects::delete),
];

const fn operation(
    name: &'static str,
    input: &'static Shape,
    resources: fn(&Context<'_>, &Value) -> Vec<Resource>,
    run: fn(&mut Context<'_>, &Value) -> Result<Value, Refusal>,
) -> Operation {
    Operation { name, input, subject: &["Bucket"], resources, run }
}

const fn object(
    name: &'static str,
    input: &'static Shape,
    run: fn(&mut Context<'_>, &Value) -> Result<Value, Refusal>,
) -> Operation {
    Operation { name, input, subject: &["Key"], resources: objects::by_key, run }
}

/// Tells whether an operation is about what is in a bucket: CloudTrail's events of management have none of those [D].
pub(crate) fn is_about_data(operation: &str) -> bool {
    operation.ends_with("Object")
}

/// Returns the IAM action of an operation, which S3 often calls otherwise [D].
pub(crate) fn action(operation: &str) -> &str {
    match operation {
        "ListBuckets" => "ListAllMyBuckets",
        "HeadBucket" => "ListBucket",
        "HeadObject" => "GetObject",
        "DeleteBucketTagging" => "PutBucketTagging",
        "PutPublicAccessBlock" | "DeletePublicAccessBlock" => "PutBucketPublicAccessBlock",
        "GetPublicAccessBlock" => "GetBucketPublicAccessBlock",
        "PutBucketEncryption" | "DeleteBucketEncryption" => "PutEncryptionConfiguration",
        "GetBucketEncryption" => "GetEncryptionConfiguration",
        "DeleteBucketOwnershipControls" => "PutBucketOwnershipControls",
        other => other,
    }
}

// [M]
static NAME: Shape = Shape::Str(Text::new(1, 255));
static REGION: Shape = Shape::Str(Text::new(1, 64));
static TAG_KEY: Shape = Shape::Str(Text::new(1, 128));
static TAG_VALUE: Shape = Shape::Str(Text::new(0, 256));
static ONE_TAG: Shape = Shape::Struct(&[must("Key", &TAG_KEY), must("Value", &TAG_VALUE)]);
static TAGS: Shape = Shape::List { of: &ONE_TAG, min: 0, max: usize::MAX };
static STATUS: Shape = Shape::Str(Text::one_of(&["Enabled", "Suspended"]));
static DOCUMENT: Shape = Shape::Str(Text::new(1, 20480));
static BOOLEAN: Shape = Shape::Bool;
static ALGORITHM: Shape = Shape::Str(Text::one_of(&["AES256", "aws:kms", "aws:kms:dsse"]));
static KEY: Shape = Shape::Str(Text::new(1, 2048));
static OWNER: Shape = Shape::Str(Text::one_of(&["BucketOwnerPreferred", "ObjectWriter", "BucketOwnerEnforced"]));

static LIST: Shape = Shape::Struct(&[]);
static BY_NAME: Shape = Shape::Struct(&[must("Bucket", &NAME)]);
static CREATE: Shape = Shape::Struct(&[
    must("Bucket", &NAME),
    may("LocationConstraint", &REGION),
    may("ObjectOwnership", &OWNER),
    may("Tags", &TAGS),
]);
static KEY_OF_OBJECT: Shape = Shape::Str(Text::new(1, 1024));
static BODY: Shape = Shape::Str(Text::new(0, 1024 * 1024));
static BY_KEY: Shape = Shape::Struct(&[
    must("Bucket", &NAME),
    must("Key", &KEY_OF_OBJECT),
    may("IfMatch", &KEY),
    may("IfNoneMatch", &KEY),
]);
static PUT: Shape = Shape::Struct(&[
    must("Bucket", &NAME),
    must("Key", &KEY_OF_OBJECT),
    may("Body", &BODY),
    may("ContentType", &KEY),
    may("IfMatch", &KEY),
    may("IfNoneMatch", &KEY),
]);
static TAG: Shape = Shape::Struct(&[must("Bucket", &NAME), must("Tags", &TAGS)]);
static VERSIONING: Shape = Shape::Struct(&[must("Bucket", &NAME), must("Status", &STATUS)]);
static POLICY: Shape = Shape::Struct(&[must("Bucket", &NAME), must("Policy", &DOCUMENT)]);
static BLOCK: Shape = Shape::Struct(&[
    must("Bucket", &NAME),
    may("BlockPublicAcls", &BOOLEAN),
    may("IgnorePublicAcls", &BOOLEAN),
    may("BlockPublicPolicy", &BOOLEAN),
    may("RestrictPublicBuckets", &BOOLEAN),
]);
static ENCRYPTION: Shape = Shape::Struct(&[
    must("Bucket", &NAME),
    must("SSEAlgorithm", &ALGORITHM),
    may("KMSMasterKeyID", &KEY),
    may("BucketKeyEnabled", &BOOLEAN),
]);
static OWNERSHIP: Shape = Shape::Struct(&[must("Bucket", &NAME), must("ObjectOwnership", &OWNER)]);

fn arn(context: &Context<'_>, name: &str) -> String {
    format!("arn:{}:s3:::{name}", context.caller.partition())
}

fn by_name(context: &Context<'_>, input: &Value) -> Vec<Resource> {
    vec![Resource::one(arn(context, required(input, "Bucket")))]
}
