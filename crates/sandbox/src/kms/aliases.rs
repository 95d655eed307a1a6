//! The operations on aliases.

use serde_json::Value;

use super::keys::{listed, marker};
use super::{Alias, find, own_key, seen_alias};
use crate::operation::{Context, required, text};
use crate::page;
use crate::store::View;
use crate::wire::Refusal;

/// [D] how many aliases a key has at most.
const MOST: usize = 50;

pub(super) fn create(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let now = context.now();
    let name = checked_name(input)?;
    let arn = context.arn("kms", name);
    if seen_alias(context.home, name, View::of(now)).is_some() {
        // [I] the text
        return Err(Refusal::new("AlreadyExistsException", format!("An alias with the name {arn} already exists")));
    }
    let key = target(context, input)?;
    let all = context.home.aliases.list("", None, View::of(now));
    if all.filter(|alias| alias.key == key).count() >= MOST {
        // [D] the quota and the code; [?] the text
        return Err(Refusal::new("LimitExceededException", format!("A key has at most {MOST} aliases.")));
    }
    let alias = Alias { name: name.to_owned(), arn, key, created: now, updated: now, gone_at: None };
    context.home.aliases.put(name, now, alias);
    Ok(Value::Null)
}

pub(super) fn update(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let now = context.now();
    let name = checked_name(input)?;
    let mut alias = existing(context, name)?;
    let key = target(context, input)?;
    let (old, new) = (own_key(context, &alias.key), own_key(context, &key)?);
    if old.is_ok_and(|old| old.usage != new.usage || old.spec != new.spec) {
        // [D] an alias stays with keys of the same type and use; [?] the text
        return Err(Refusal::invalid(format!("Alias {} cannot be moved to a key of another type or use.", alias.arn)));
    }
    alias.key = key;
    alias.updated = now.max(alias.updated + 1);
    context.home.aliases.put(name, now, alias);
    Ok(Value::Null)
}

pub(super) fn delete(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let now = context.now();
    let name = checked_name(input)?;
    let mut alias = existing(context, name)?;
    alias.gone_at = Some(now);
    context.home.aliases.put(name, now, alias);
    Ok(Value::Null)
}

pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let key = match text(input, "KeyId") {
        Some(identifier) => Some(find(context, identifier, context.view)?.id.clone()),
        None => None,
    };
    let after = marker(input)?;
    let all = context.home.aliases.list("", after.as_deref(), context.view);
    let fitting = all
        .filter(|alias| key.as_ref().is_none_or(|key| alias.key == *key))
        .filter(|alias| context.home.keys.seen(&alias.key, context.view).is_some());
    let (page, last) = page::take(fitting, page::limit(input, "Limit", 50), |alias| alias.name.clone());
    let entries = page.iter().map(|alias| alias.entry()).collect();
    Ok(listed("Aliases", entries, last))
}

fn existing(context: &Context<'_>, name: &str) -> Result<Alias, Refusal> {
    let found = seen_alias(context.home, name, View::of(context.now()));
    found.cloned().ok_or_else(|| {
        // [I] the text
        let arn = context.arn("kms", name);
        Refusal::new("NotFoundException", format!("Alias {arn} is not found."))
    })
}

/// [D] names begin with `alias/`, and those with `alias/aws/` are AWS's; [?] the texts.
fn checked_name(input: &Value) -> Result<&str, Refusal> {
    let name = required(input, "AliasName");
    if name.starts_with("alias/aws/") {
        return Err(Refusal::new(
            "NotAuthorizedException",
            format!("The alias {name} is reserved for keys that AWS manages."),
        ));
    }
    if name.strip_prefix("alias/").is_none_or(str::is_empty) || name.contains(':') {
        return Err(Refusal::invalid(format!("Invalid identifier: {name} does not begin with alias/")));
    }
    Ok(name)
}

fn target(context: &Context<'_>, input: &Value) -> Result<String, Refusal> {
    let key = own_key(context, required(input, "TargetKeyId"))?;
    if key.deletion.is_some() {
        // [I] the text
        return Err(Refusal::new("KMSInvalidStateException", format!("{} is pending deletion.", key.arn)));
    }
    Ok(key.id)
}
