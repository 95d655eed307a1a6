//! S3 on the wire: a path, a parameter that names a part of a bucket, and XML.
//!
//! Operations have no names there, so they get the ones of the service model, and their inputs become
//! values with the members of that model that the sandbox knows. Buckets are in the path: SDKs put them
//! there for an endpoint that is an address. The body of an object is what is stored, and a request that sends it in signed
//! pieces is refused.

use bytes::Bytes;
use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::{is_about_data, objects};
use crate::query::decode_path;
use crate::wire::Refusal;
use crate::xml;

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// The parts of a bucket, with the operations that read, write and delete them.
static PARTS: &[(&str, [&str; 3])] = &[
    ("tagging", ["GetBucketTagging", "PutBucketTagging", "DeleteBucketTagging"]),
    ("versioning", ["GetBucketVersioning", "PutBucketVersioning", ""]),
    ("location", ["GetBucketLocation", "", ""]),
    ("policy", ["GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"]),
    ("publicAccessBlock", ["GetPublicAccessBlock", "PutPublicAccessBlock", "DeletePublicAccessBlock"]),
    ("encryption", ["GetBucketEncryption", "PutBucketEncryption", "DeleteBucketEncryption"]),
    (
        "ownershipControls",
        ["GetBucketOwnershipControls", "PutBucketOwnershipControls", "DeleteBucketOwnershipControls"],
    ),
];

/// Returns what a request asks for, in the words of the service model.
pub(crate) fn operation(parts: &Parts) -> &'static str {
    // What is not known of a path or its parameters is an operation that is not known.
    const OTHER: &str = "Other";
    let (bucket, key) = split(parts.uri.path());
    let names = parts.uri.query().unwrap_or_default().split('&');
    let mut names = names.map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name));
    let part = names.find(|name| !name.is_empty() && *name != "x-id");
    let column = match parts.method {
        Method::GET => 0,
        Method::PUT => 1,
        Method::DELETE => 2,
        Method::HEAD if part.is_none() => return if key.is_empty() { "HeadBucket" } else { "HeadObject" },
        _ => return OTHER,
    };
    match (bucket, key, part) {
        ("", _, _) if column == 0 => "ListBuckets",
        ("", ..) => OTHER,
        (_, "", None) => [OTHER, "CreateBucket", "DeleteBucket"][column],
        (_, "", Some(part)) => {
            let found = PARTS.iter().find(|(name, _)| *name == part).map(|(_, operations)| operations[column]);
            found.filter(|name| !name.is_empty()).unwrap_or(OTHER)
        }
        (_, _, None) => ["GetObject", "PutObject", "DeleteObject"][column],
        _ => OTHER,
    }
}

/// Reads what a request about an object says.
fn about_object(operation: &str, key: &str, parts: &Parts, body: &Bytes) -> Result<Map<String, Value>, Refusal> {
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let mut input = Map::new();
    input.insert("Key".to_owned(), decode_path(key).into());
    let names = [("if-match", "IfMatch"), ("if-none-match", "IfNoneMatch"), ("content-type", "ContentType")];
    for (name, member) in names {
        if let Some(value) = header(name).filter(|_| operation == "PutObject" || member != "ContentType") {
            input.insert(member.to_owned(), value.into());
        }
    }
    if operation == "PutObject" {
        if header("x-amz-content-sha256").is_some_and(|kind| kind.starts_with("STREAMING-")) {
            let text = "A header you provided implies functionality that is not implemented";
            return Err(Refusal::new("NotImplemented", text).status(501));
        }
        input.insert("Body".to_owned(), objects::encoded(body).into());
    }
    Ok(input)
}

fn split(path: &str) -> (&str, &str) {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.split_once('/').unwrap_or((path, ""))
}

/// Reads an input.
pub(crate) fn read(operation: &str, parts: &Parts, body: &Bytes) -> Result<Value, Refusal> {
    let (bucket, key) = split(parts.uri.path());
    let mut input = Map::new();
    if is_about_data(operation) {
        input = about_object(operation, key, parts, body)?;
        input.insert("Bucket".to_owned(), decode_path(bucket).into());
        return Ok(input.into());
    }
    if !bucket.is_empty() {
        input.insert("Bucket".to_owned(), decode_path(bucket).into());
    }
    let header = parts.headers.get("x-amz-object-ownership").and_then(|value| value.to_str().ok());
    if let Some(ownership) = header.filter(|_| operation == "CreateBucket") {
        input.insert("ObjectOwnership".to_owned(), ownership.into());
    }
    if operation == "PutBucketPolicy" {
        input.insert("Policy".to_owned(), String::from_utf8_lossy(body).into());
        return Ok(input.into());
    }
    if !body.is_empty() {
        let text = std::str::from_utf8(body).ok();
        let malformed = || {
            let text = "The XML you provided was not well-formed or did not validate against our published schema";
            Refusal::new("MalformedXML", text)
        };
        let (_, given) = text.and_then(xml::read).ok_or_else(malformed)?;
        input.extend(members(operation, &given));
    }
    Ok(input.into())
}

/// Returns the members that a document gives.
fn members(operation: &str, given: &Value) -> Map<String, Value> {
    let texts = |value: &Value, names: &[&str]| -> Map<String, Value> {
        names.iter().filter_map(|name| Some(((*name).to_owned(), value.get(name)?.clone()))).collect()
    };
    let flags = |value: &Value, names: &[&str]| -> Map<String, Value> {
        let mut found = texts(value, names);
        for flag in found.values_mut() {
            // Any other text stays one, and is refused by the model.
            if let Some(parsed) = flag.as_str().and_then(|text| text.parse::<bool>().ok()) {
                *flag = parsed.into();
            }
        }
        found
    };
    let tags = |member: &str| {
        let list = given.get(member).map(|set| list(set.get("Tag")));
        list.map(|list| ("Tags".to_owned(), list))
    };
    match operation {
        "CreateBucket" => {
            let mut found = texts(given, &["LocationConstraint"]);
            found.extend(tags("Tags"));
            found
        }
        "PutBucketTagging" => tags("TagSet").into_iter().collect(),
        "PutBucketVersioning" => texts(given, &["Status"]),
        "PutPublicAccessBlock" => {
            flags(given, &["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"])
        }
        "PutBucketEncryption" => {
            let rule = given.get("Rule").unwrap_or(&Value::Null);
            let default = rule.get("ApplyServerSideEncryptionByDefault").unwrap_or(&Value::Null);
            let mut found = texts(default, &["SSEAlgorithm", "KMSMasterKeyID"]);
            found.extend(flags(rule, &["BucketKeyEnabled"]));
            found
        }
        "PutBucketOwnershipControls" => texts(given.get("Rule").unwrap_or(&Value::Null), &["ObjectOwnership"]),
        _ => Map::new(),
    }
}

/// One element or several are a list.
fn list(value: Option<&Value>) -> Value {
    match value {
        None => json!([]),
        Some(Value::Array(all)) => all.clone().into(),
        Some(one) => json!([one]),
    }
}

/// Renders an answer.
pub(crate) fn render(operation: &str, output: &Value) -> (StatusCode, Bytes) {
    let empty = Bytes::new();
    let root = match operation {
        "ListBuckets" => "ListAllMyBucketsResult",
        "GetBucketTagging" => "Tagging",
        "GetBucketVersioning" => "VersioningConfiguration",
        "GetBucketLocation" => "LocationConstraint",
        "GetPublicAccessBlock" => "PublicAccessBlockConfiguration",
        "GetBucketEncryption" => "ServerSideEncryptionConfiguration",
        "GetBucketOwnershipControls" => "OwnershipControls",
        "GetBucketPolicy" => return (StatusCode::OK, output.as_str().unwrap_or_default().to_owned().into()),
        "GetObject" => return (StatusCode::OK, objects::decoded(output).into()),
        "CreateBucket" | "HeadBucket" | "PutObject" | "HeadObject" => return (StatusCode::OK, empty),
        _ => return (StatusCode::NO_CONTENT, empty),
    };
    let mut fields = String::new();
    let items = |name: &str| match name {
        "Buckets" => Some("Bucket"),
        "TagSet" => Some("Tag"),
        _ => None,
    };
    xml::write(&mut fields, output, items);
    (StatusCode::OK, format!("<{root} xmlns=\"{NAMESPACE}\">{fields}</{root}>").into())
}
