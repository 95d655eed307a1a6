//! Cloud Control: one API for the resources of every type, over the same stores as their own APIs.
//!
//! A type is a schema and handlers, and a handler calls its service's own operations as the caller: so
//! what is made here is seen there and the other way round, and whoever lacks a permission of the
//! service's lacks it here. What is particular to Cloud Control is in this module: requests that end
//! later, patches, schemas, and the codes that a failure has.

mod failure;
mod patch;
mod reads;
pub(crate) mod request;
mod schema;
pub(crate) mod types;
mod writes;

use serde_json::Value;

use crate::operation::{Context, Operation, Resource};
use crate::shape::{Pattern, Shape, Text, may, must};
use crate::wire::Refusal;

pub(crate) use schema::Schema;
pub(crate) use writes::finish;

/// The operations of Cloud Control.
pub(crate) static OPERATIONS: &[Operation] = &[
    operation("CreateResource", &CREATE, writes::create),
    operation("UpdateResource", &UPDATE, writes::update),
    operation("DeleteResource", &BY_IDENTIFIER, writes::delete),
    operation("GetResource", &BY_IDENTIFIER, reads::get),
    operation("ListResources", &LIST, reads::list),
    operation("GetResourceRequestStatus", &BY_TOKEN, reads::status),
    operation("ListResourceRequests", &LIST_REQUESTS, reads::requests),
    operation("CancelResourceRequest", &BY_TOKEN, writes::cancel),
];

const fn operation(
    name: &'static str,
    input: &'static Shape,
    run: fn(&mut Context<'_>, &Value) -> Result<Value, Refusal>,
) -> Operation {
    Operation { name, input, subject: &["Identifier", "RequestToken", "TypeName"], resources, run }
}

/// [I] IAM is asked about every resource, whichever it is.
fn resources(context: &Context<'_>, _: &Value) -> Vec<Resource> {
    vec![Resource::one(context.arn("cloudformation", "resource/*"))]
}

// [M]
static TYPE_PATTERN: Pattern = Pattern {
    text: "[A-Za-z0-9]{2,64}::[A-Za-z0-9]{2,64}::[A-Za-z0-9]{2,64}",
    matches: |text| {
        let parts: Vec<&str> = text.split("::").collect();
        let fits = |part: &&str| (2..=64).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
        parts.len() == 3 && parts.iter().all(fits)
    },
};
static TOKEN_PATTERN: Pattern = Pattern {
    text: "[-A-Za-z0-9+/=]+",
    matches: |text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-+/=".contains(&b)),
};
static TYPE: Shape = Shape::Str(Text::new(10, 196).pattern(&TYPE_PATTERN));
static VERSION: Shape = Shape::Str(Text::new(1, 128));
static ROLE: Shape = Shape::Str(Text::new(20, 2048));
static TOKEN: Shape = Shape::Str(Text::new(1, 128).pattern(&TOKEN_PATTERN));
static IDENTIFIER: Shape = Shape::Str(Text::new(1, 1024));
static DOCUMENT: Shape = Shape::Str(Text::new(1, 262_144).sensitive());
static NEXT: Shape = Shape::Str(Text::new(1, 4096));
static PAGE: Shape = Shape::Int { min: 1, max: 100 };
static VERB: Shape = Shape::Str(Text::one_of(&["CREATE", "DELETE", "UPDATE"]));
static VERBS: Shape = Shape::List { of: &VERB, min: 0, max: usize::MAX };
static STATUS: Shape =
    Shape::Str(Text::one_of(&["PENDING", "IN_PROGRESS", "SUCCESS", "FAILED", "CANCEL_IN_PROGRESS", "CANCEL_COMPLETE"]));
static STATUSES: Shape = Shape::List { of: &STATUS, min: 0, max: usize::MAX };
static FILTER: Shape = Shape::Struct(&[may("Operations", &VERBS), may("OperationStatuses", &STATUSES)]);

static CREATE: Shape = Shape::Struct(&[
    must("TypeName", &TYPE),
    may("TypeVersionId", &VERSION),
    may("RoleArn", &ROLE),
    may("ClientToken", &TOKEN),
    must("DesiredState", &DOCUMENT),
]);
static UPDATE: Shape = Shape::Struct(&[
    must("TypeName", &TYPE),
    may("TypeVersionId", &VERSION),
    may("RoleArn", &ROLE),
    may("ClientToken", &TOKEN),
    must("Identifier", &IDENTIFIER),
    must("PatchDocument", &DOCUMENT),
]);
static BY_IDENTIFIER: Shape = Shape::Struct(&[
    must("TypeName", &TYPE),
    may("TypeVersionId", &VERSION),
    may("RoleArn", &ROLE),
    may("ClientToken", &TOKEN),
    must("Identifier", &IDENTIFIER),
]);
static LIST: Shape = Shape::Struct(&[
    must("TypeName", &TYPE),
    may("TypeVersionId", &VERSION),
    may("RoleArn", &ROLE),
    may("NextToken", &NEXT),
    may("MaxResults", &PAGE),
    may("ResourceModel", &DOCUMENT),
]);
static BY_TOKEN: Shape = Shape::Struct(&[must("RequestToken", &TOKEN)]);
static LIST_REQUESTS: Shape =
    Shape::Struct(&[may("MaxResults", &PAGE), may("NextToken", &NEXT), may("ResourceRequestStatusFilter", &FILTER)]);
