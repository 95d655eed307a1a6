//! The Resource Groups Tagging API: the tags of all services at once.
//!
//! It keeps nothing of its own. Each service says what of its own is or was tagged and how a tag is put
//! on it, with one [`Taggable`] in [`SERVICES`]; reads go through the same stores as the service's own
//! operations, so a fault that lets `GetResources` lag leaves the others alone.

mod keys;
mod resources;
mod writes;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::clock::Millis;
use crate::operation::{Context, Operation, Resource, text};
use crate::shape::{Shape, Text, may, must};
use crate::wire::{Refusal, Service};
use crate::{glue, kms, page, router, secrets, shape, tagged};

/// Tags by their keys.
pub(crate) type Tags = BTreeMap<String, String>;

/// A resource that is or was tagged.
pub(crate) struct Tagged<'a> {
    pub(crate) arn: String,
    /// The service and the kind as filters name them, such as `kms:key`.
    pub(crate) kind: &'static str,
    pub(crate) tags: Cow<'a, Tags>,
}

/// What a service gives to this API. To be part of it, a service makes one and is listed in [`SERVICES`].
pub(crate) struct Taggable {
    /// The service in the ARNs of its resources.
    pub(crate) service: &'static str,
    /// Returns what of the caller's account and region is or was tagged, as `context.view` sees it.
    pub(crate) resources: for<'a> fn(&'a Context<'_>) -> Vec<Tagged<'a>>,
    /// Adds tags to the resource of an ARN, with the service's own permission, checks and errors; for an
    /// operation of this sandbox [`through`] does that.
    pub(crate) tag: fn(&mut Context<'_>, &str, &Tags) -> Result<(), Refusal>,
    /// Removes the tags with these keys.
    pub(crate) untag: fn(&mut Context<'_>, &str, &[&str]) -> Result<(), Refusal>,
}

/// The services that have taggable resources.
static SERVICES: &[&Taggable] = &[
    &glue::TAGGABLE,
    &kms::TAGGABLE,
    &secrets::TAGGABLE,
    &tagged::IAM,
    &tagged::LOGS,
    &tagged::S3,
    &tagged::SQS,
    &tagged::SSM,
];

/// Returns the tags of a resource that is known by one of these ARNs.
pub(crate) fn tags_of(context: &Context<'_>, arns: &[String]) -> Tags {
    let all = SERVICES.iter().flat_map(|service| (service.resources)(context));
    all.filter(|it| arns.contains(&it.arn)).map(|it| it.tags.into_owned()).next().unwrap_or_default()
}

/// Runs an operation of a service as if it had been called itself: the policy is asked, the model checks.
pub(crate) fn through(
    context: &mut Context<'_>,
    service: Service,
    name: &'static str,
    input: &Value,
) -> Result<(), Refusal> {
    let operation = router::operations(service).iter().find(|it| it.name == name);
    let operation = operation.ok_or_else(Refusal::unknown_operation)?;
    let action = service.action(name);
    for resource in (operation.resources)(context, input) {
        context.authorize(&action, &resource, &[])?;
    }
    shape::check(operation.input, input)?;
    (operation.run)(context, input).map(drop)
}

/// The operations of the tagging API.
pub(crate) static OPERATIONS: &[Operation] = &[
    operation("GetResources", &GET_RESOURCES, &[], resources::get),
    operation("TagResources", &TAG, &["ResourceARNList"], writes::tag),
    operation("UntagResources", &UNTAG, &["ResourceARNList"], writes::untag),
    operation("GetTagKeys", &GET_KEYS, &[], keys::keys),
    operation("GetTagValues", &GET_VALUES, &[], keys::values),
];

/// [D] no policy can name a resource of these.
const fn operation(
    name: &'static str,
    input: &'static Shape,
    subject: &'static [&'static str],
    run: fn(&mut Context<'_>, &Value) -> Result<Value, Refusal>,
) -> Operation {
    Operation { name, input, subject, resources: Resource::any, run }
}

// [M]
const KEY_TEXT: Text = Text::new(1, 128);
const VALUE_TEXT: Text = Text::new(0, 256);
static TOKEN: Shape = Shape::Str(Text::new(0, 2048));
static KEY: Shape = Shape::Str(KEY_TEXT);
static VALUE: Shape = Shape::Str(VALUE_TEXT);
static VALUES: Shape = Shape::List { of: &VALUE, min: 0, max: 20 };
static FILTER: Shape = Shape::Struct(&[may("Key", &KEY), may("Values", &VALUES)]);
static FILTERS: Shape = Shape::List { of: &FILTER, min: 0, max: 50 };
/// The numbers have no bounds in the model.
static NUMBER: Shape = Shape::Int { min: i64::MIN, max: i64::MAX };
static BOOLEAN: Shape = Shape::Bool;
static KIND: Shape = Shape::Str(Text::new(0, 256));
static KINDS: Shape = Shape::List { of: &KIND, min: 0, max: usize::MAX };
static ARN: Shape = Shape::Str(Text::new(1, 1011));
static ARNS: Shape = Shape::List { of: &ARN, min: 1, max: 100 };
static CHANGED_ARNS: Shape = Shape::List { of: &ARN, min: 1, max: 20 };
static NEW_TAGS: Shape = Shape::Map { key: KEY_TEXT, value: VALUE_TEXT, max: 50 };
static OLD_KEYS: Shape = Shape::List { of: &KEY, min: 1, max: 50 };

static GET_RESOURCES: Shape = Shape::Struct(&[
    may("PaginationToken", &TOKEN),
    may("TagFilters", &FILTERS),
    may("ResourcesPerPage", &NUMBER),
    may("TagsPerPage", &NUMBER),
    may("ResourceTypeFilters", &KINDS),
    may("IncludeComplianceDetails", &BOOLEAN),
    may("ExcludeCompliantResources", &BOOLEAN),
    may("ResourceARNList", &ARNS),
]);
static TAG: Shape = Shape::Struct(&[must("ResourceARNList", &CHANGED_ARNS), must("Tags", &NEW_TAGS)]);
static UNTAG: Shape = Shape::Struct(&[must("ResourceARNList", &CHANGED_ARNS), must("TagKeys", &OLD_KEYS)]);
static GET_KEYS: Shape = Shape::Struct(&[may("PaginationToken", &TOKEN)]);
static GET_VALUES: Shape = Shape::Struct(&[may("PaginationToken", &TOKEN), must("Key", &KEY)]);

/// [D] how long a token is good for.
const TOKEN_LIFE: Millis = 15 * 60 * 1000;

/// Returns everything that is or was tagged.
fn all<'a>(context: &'a Context<'_>) -> Vec<Tagged<'a>> {
    SERVICES.iter().flat_map(|service| (service.resources)(context)).collect()
}

/// Makes the token for what comes after `last`; [L] the last page has an empty one.
fn token(context: &Context<'_>, last: Option<String>) -> String {
    last.map_or_else(String::new, |last| page::token(&format!("{}:{last}", context.now())))
}

/// Reads a token; [M] the codes, [?] the texts.
fn after(context: &Context<'_>, input: &Value) -> Result<Option<String>, Refusal> {
    let Some(token) = text(input, "PaginationToken").filter(|token| !token.is_empty()) else {
        return Ok(None);
    };
    let read = page::after(token).and_then(|text| {
        let (made, last) = text.split_once(':')?;
        Some((made.parse::<Millis>().ok()?, last.to_owned()))
    });
    let Some((made, last)) = read else {
        return Err(invalid("The PaginationToken is not valid."));
    };
    if made.saturating_add(TOKEN_LIFE) < context.now() {
        return Err(Refusal::new("PaginationTokenExpiredException", "The PaginationToken has expired."));
    }
    Ok(Some(last))
}

/// [M] the code.
fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidParameterException", message)
}
