//! Glue: connections, their tags, and the catalog's settings for the encryption of passwords.
//!
//! A Glue connection is the contrary of an EventBridge one: an update overwrites everything, and a read
//! hands out the password unless it is asked not to. A tool that writes back what it read hidden wipes
//! the password, so exactly that has to happen here. Nothing of Glue was recorded: what is not in the
//! documentation [D], the model [M] or a public report [I] is the stricter reading [?].

mod authentication;
pub(crate) mod catalog;
pub(crate) mod connection;
mod connections;
mod model;
mod patterns;
mod requirements;
mod tags;
mod types;

use serde_json::Value;

use crate::operation::{Context, Operation, Resource, part, required, text};
use crate::shape::Shape;
use crate::wire::Refusal;

pub(crate) use tags::TAGGABLE;

/// The operations of Glue.
pub(crate) static OPERATIONS: &[Operation] = &[
    operation(
        "CreateConnection",
        &model::CREATE,
        &["ConnectionInput.Name"],
        |context, input| one(context, part(input, "ConnectionInput"), "Name"),
        connections::create,
    ),
    operation(
        "UpdateConnection",
        &model::UPDATE,
        &["Name"],
        |context, input| one(context, Some(input), "Name"),
        connections::update,
    ),
    operation(
        "GetConnection",
        &model::GET,
        &["Name"],
        |context, input| one(context, Some(input), "Name"),
        connections::get,
    ),
    operation("GetConnections", &model::LIST, &[], |context, _| named(context, &["*"]), connections::list),
    operation(
        "DeleteConnection",
        &model::DELETE,
        &["ConnectionName"],
        |context, input| one(context, Some(input), "ConnectionName"),
        connections::delete,
    ),
    operation(
        "BatchDeleteConnection",
        &model::BATCH_DELETE,
        &[],
        |context, input| named(context, &connections::names(input)),
        connections::batch_delete,
    ),
    operation(
        "TestConnection",
        &model::TEST,
        &["ConnectionName"],
        |context, input| one(context, Some(input), "ConnectionName"),
        connections::test,
    ),
    operation("GetTags", &model::GET_TAGS, &["ResourceArn"], by_arn, tags::get),
    operation("TagResource", &model::TAG, &["ResourceArn"], by_arn, tags::tag),
    operation("UntagResource", &model::UNTAG, &["ResourceArn"], by_arn, tags::untag),
    // [?] whether a policy may name the catalog for these two.
    operation("PutDataCatalogEncryptionSettings", &model::PUT_SETTINGS, &[], Resource::any, catalog::put),
    operation("GetDataCatalogEncryptionSettings", &model::GET_SETTINGS, &[], Resource::any, catalog::get),
];

const fn operation(
    name: &'static str,
    input: &'static Shape,
    subject: &'static [&'static str],
    resources: fn(&Context<'_>, &Value) -> Vec<Resource>,
    run: fn(&mut Context<'_>, &Value) -> Result<Value, Refusal>,
) -> Operation {
    Operation { name, input, subject, resources, run }
}

/// Returns a connection's name, given its name or its ARN.
pub(crate) fn name_of(id: &str) -> &str {
    let arn = id.strip_prefix("arn:").and_then(|arn| arn.split_once(":connection/"));
    arn.map_or(id, |(_, name)| name)
}

/// No answer carries it; it is made of the name [D].
fn arn(context: &Context<'_>, name: &str) -> String {
    context.arn("glue", &format!("connection/{name}"))
}

/// [D] every operation on connections needs the permission on the catalog as well.
fn named(context: &Context<'_>, names: &[&str]) -> Vec<Resource> {
    let mut all = vec![Resource::one(context.arn("glue", "catalog"))];
    all.extend(names.iter().map(|name| Resource::one(arn(context, name))));
    all
}

fn one(context: &Context<'_>, input: Option<&Value>, member: &str) -> Vec<Resource> {
    let name = input.and_then(|input| text(input, member));
    named(context, name.as_slice())
}

fn by_arn(_: &Context<'_>, input: &Value) -> Vec<Resource> {
    vec![Resource::one(required(input, "ResourceArn").to_owned())]
}

/// [M] the code.
fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidInputException", message)
}

/// [M] the code; [?] the text.
fn unknown(name: &str) -> Refusal {
    Refusal::new("EntityNotFoundException", format!("Connection {name} not found."))
}
