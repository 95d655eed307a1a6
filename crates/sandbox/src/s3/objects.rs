//! Objects, as far as one is used to agree on something: whole, small, and written under a condition.
//!
//! There is no list of them, no version, no part and no checksum.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::arn;
use super::buckets;
use crate::clock::{Millis, http_date};
use crate::operation::{Context, Resource, required, text};
use crate::store::{Mortal, View};
use crate::wire::Refusal;

/// An object.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Object {
    /// In base64.
    body: String,
    /// [D] opaque: it is the MD5 of the body in some buckets only. It is another one after each write here.
    etag: String,
    kind: Option<String>,
    modified: Millis,
    gone_at: Option<Millis>,
}

impl Mortal for Object {
    fn gone_at(&self) -> Option<Millis> {
        self.gone_at
    }
}

impl Object {
    /// Returns the object for whoever looks at the sandbox: not what is in it.
    pub(crate) fn describe(&self) -> Value {
        json!({"ETag": self.etag, "LastModified": http_date(self.modified)})
    }
}

/// What the store calls an object: a bucket's name has no slash.
fn name(input: &Value) -> String {
    format!("{}/{}", required(input, "Bucket"), required(input, "Key"))
}

/// The resource that IAM asks about.
pub(super) fn by_key(context: &Context<'_>, input: &Value) -> Vec<Resource> {
    vec![Resource::one(arn(context, &name(input)))]
}

/// Whether a bucket has objects.
pub(super) fn any(context: &Context<'_>, bucket: &str) -> bool {
    let prefix = format!("{bucket}/");
    context.global.objects.list(&prefix, None, View::of(context.now())).next().is_some()
}

pub(super) fn put(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    buckets::seen(context, input)?;
    conditions(context, input)?;
    let (now, name) = (context.now(), name(input));
    let object = Object {
        body: required(input, "Body").to_owned(),
        etag: format!("\"{}\"", Uuid::new_v4().simple()),
        kind: text(input, "ContentType").map(str::to_owned),
        modified: now,
        gone_at: None,
    };
    let output = json!({"ETag": object.etag});
    context.global.objects.put(&name, now, object);
    Ok(output)
}

pub(super) fn get(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let mut output = head(context, input)?;
    if let Some(object) = context.global.objects.seen(&name(input), context.view) {
        output["Body"] = object.body.as_str().into();
    }
    Ok(output)
}

pub(super) fn head(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    buckets::seen(context, input)?;
    if text(input, "IfMatch").or_else(|| text(input, "IfNoneMatch")).is_some() {
        return Err(not_implemented());
    }
    let Some(object) = context.global.objects.seen(&name(input), context.view) else {
        // [D] who may not list a bucket is not told that something is not in it
        let bucket = Resource::one(arn(context, required(input, "Bucket")));
        context.authorize("s3:ListBucket", &bucket, &[])?;
        return Err(no_such_key());
    };
    Ok(json!({
        "ETag": object.etag,
        "LastModified": http_date(object.modified),
        "ContentType": object.kind.as_deref().unwrap_or("binary/octet-stream"),
    }))
}

pub(super) fn delete(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    buckets::seen(context, input)?;
    let (now, name) = (context.now(), name(input));
    conditions(context, input)?;
    if let Some(object) = context.global.objects.current(&name, now) {
        let object = Object { gone_at: Some(now), ..Object::clone(object) };
        context.global.objects.put(&name, now, object);
    }
    // [D] deleting what is not there is no error
    Ok(Value::Null)
}

/// [D] `If-None-Match: *` wants that there is none; `If-Match` that it has this ETag, and the permission to read it.
fn conditions(context: &Context<'_>, input: &Value) -> Result<(), Refusal> {
    let found = context.global.objects.current(&name(input), context.now());
    let failed = || {
        let text = "At least one of the pre-conditions you specified did not hold";
        Err(Refusal::new("PreconditionFailed", text).status(412))
    };
    match text(input, "IfNoneMatch") {
        None => {}
        Some("*") if found.is_none() => {}
        Some("*") => return failed(),
        Some(_) => return Err(not_implemented()),
    }
    let Some(wanted) = text(input, "IfMatch") else { return Ok(()) };
    for resource in by_key(context, input) {
        context.authorize("s3:GetObject", &resource, &[])?;
    }
    match found {
        None => Err(no_such_key()),
        Some(object) if wanted == "*" || object.etag.trim_matches('"') == wanted.trim_matches('"') => Ok(()),
        Some(_) => failed(),
    }
}

fn no_such_key() -> Refusal {
    Refusal::new("NoSuchKey", "The specified key does not exist.").status(404)
}

fn not_implemented() -> Refusal {
    Refusal::new("NotImplemented", "A header you provided implies functionality that is not implemented").status(501)
}

/// A body as an input has it.
pub(super) fn encoded(body: &[u8]) -> String {
    STANDARD.encode(body)
}

/// The body of an answer.
pub(super) fn decoded(output: &Value) -> Vec<u8> {
    STANDARD.decode(text(output, "Body").unwrap_or_default()).unwrap_or_default()
}
