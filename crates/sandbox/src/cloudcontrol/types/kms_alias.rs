//! `AWS::KMS::Alias`: a name that points to a key, and there is no operation that reads just one.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{Handlers, Schema, Type, changes, never, pages};
use crate::operation::{Context, required, text};
use crate::router::invoke;
use crate::wire::{Refusal, Service};

pub(super) static TYPE: Type = Type {
    name: "AWS::KMS::Alias",
    schema: LazyLock::new(|| Schema::parse(include_str!("../schemas/aws-kms-alias.json"))),
    handlers: Some(Handlers { create, read, update: Some(update), delete, list, busy: never }),
};

fn create(context: &mut Context<'_>, model: &Value) -> Result<String, Refusal> {
    invoke(context, Service::Kms, "CreateAlias", model)?;
    Ok(required(model, "AliasName").to_owned())
}

fn all(context: &mut Context<'_>) -> Result<Vec<Value>, Refusal> {
    pages(context, (Service::Kms, "ListAliases"), json!({}), "Aliases", ("Marker", "NextMarker"))
}

fn read(context: &mut Context<'_>, name: &str) -> Result<Value, Refusal> {
    let found = all(context)?;
    let found = found.iter().find(|alias| text(alias, "AliasName") == Some(name));
    let missing = || Refusal::new("NotFoundException", format!("Alias {name} is not found."));
    Ok(json!({"AliasName": name, "TargetKeyId": found.ok_or_else(missing)?.get("TargetKeyId")}))
}

fn update(context: &mut Context<'_>, _: &str, before: &Value, after: &Value) -> Result<(), Refusal> {
    if changes(before, after, &["TargetKeyId"]).is_empty() {
        return Ok(());
    }
    invoke(context, Service::Kms, "UpdateAlias", after).map(|_| ())
}

fn delete(context: &mut Context<'_>, name: &str) -> Result<(), Refusal> {
    invoke(context, Service::Kms, "DeleteAlias", &json!({"AliasName": name})).map(|_| ())
}

fn list(context: &mut Context<'_>, _: &Value) -> Result<Vec<Value>, Refusal> {
    let named = |alias: &Value| json!({"AliasName": required(alias, "AliasName")});
    Ok(all(context)?.iter().map(named).collect())
}
