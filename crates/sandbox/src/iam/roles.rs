//! The operations on roles.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use uuid::Uuid;

use super::role::Role;
use super::{arn, invalid, key, missing};
use crate::operation::{Context, Resource, required, text};
use crate::page;
use crate::tagged::{self, Tags};
use crate::wire::Refusal;

pub(super) fn create(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let now = context.now();
    let name = required(input, "RoleName");
    let key = key(context, name);
    // [D] names differ by more than their case
    let prefix = self::key(context, "");
    let same = |role: &Role| role.name.eq_ignore_ascii_case(name);
    if context.global.roles.list(&prefix, None, crate::store::View::of(now)).any(|role| same(role)) {
        // [I] the text
        let text = format!("Role with name {name} already exists.");
        return Err(Refusal::new("EntityAlreadyExists", text).status(409));
    }
    let trust = required(input, "AssumeRolePolicyDocument");
    check_document(trust)?;
    let path = text(input, "Path").unwrap_or("/");
    let arn = arn(context, path, name);
    let tags: Tags = tagged::from_list(input, "Tags");
    tagged::check(&tags).map_err(invalid)?;
    if !tags.is_empty() {
        // [D] tags at creation need the permission to tag
        context.authorize("iam:TagRole", &Resource::one(arn.clone()), &[])?;
    }
    let id = Uuid::new_v4().simple().to_string().to_uppercase();
    let role = Role {
        name: name.to_owned(),
        arn,
        account: context.caller.account.clone(),
        id: format!("AROA{}", &id[..17]),
        path: path.to_owned(),
        trust: trust.to_owned(),
        description: text(input, "Description").filter(|it| !it.is_empty()).map(str::to_owned),
        session: session(input).unwrap_or(3600),
        boundary: text(input, "PermissionsBoundary").map(str::to_owned),
        inline: BTreeMap::new(),
        attached: BTreeSet::new(),
        tags,
        created: now,
        gone_at: None,
    };
    let answer = json!({"Role": role.describe()});
    context.global.roles.put(&key, now, role);
    Ok(answer)
}

pub(super) fn get(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    Ok(json!({"Role": seen(context, required(input, "RoleName"))?.describe()}))
}

pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let path = text(input, "PathPrefix").unwrap_or("/");
    let prefix = key(context, "");
    let after = marker(input)?.map(|last| format!("{prefix}{last}"));
    let all = context.global.roles.list(&prefix, after.as_deref(), context.view);
    let fitting = all.filter(|role| role.path.starts_with(path));
    let (page, last) = page::take(fitting, page::limit(input, "MaxItems", 100), |role| role.name.clone());
    Ok(listed("Roles", page.iter().map(|role| role.listed()).collect(), last))
}

pub(super) fn delete(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let now = context.now();
    let role = current(context, required(input, "RoleName"))?;
    // [I] the texts
    let left = match (role.attached.is_empty(), role.inline.is_empty()) {
        (false, _) => "Cannot delete entity, must detach all policies first.",
        (_, false) => "Cannot delete entity, must delete policies first.",
        _ => return change(context, required(input, "RoleName"), |role| role.gone_at = Some(now)),
    };
    Err(Refusal::new("DeleteConflict", left).status(409))
}

pub(super) fn update(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    change(context, required(input, "RoleName"), |role| {
        if let Some(description) = text(input, "Description") {
            role.description = (!description.is_empty()).then(|| description.to_owned());
        }
        role.session = session(input).unwrap_or(role.session);
    })
}

pub(super) fn update_trust(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let document = required(input, "PolicyDocument");
    check_document(document)?;
    change(context, required(input, "RoleName"), |role| document.clone_into(&mut role.trust))
}

pub(super) fn put_boundary(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let boundary = required(input, "PermissionsBoundary").to_owned();
    change(context, required(input, "RoleName"), |role| role.boundary = Some(boundary))
}

pub(super) fn delete_boundary(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    change(context, required(input, "RoleName"), |role| role.boundary = None)
}

fn session(input: &Value) -> Option<u64> {
    input.get("MaxSessionDuration").and_then(Value::as_u64)
}

/// [M] the code; [?] the text.
pub(super) fn check_document(document: &str) -> Result<(), Refusal> {
    let parsed: Option<Value> = serde_json::from_str(document).ok();
    if parsed.is_some_and(|parsed| parsed.get("Statement").is_some()) {
        return Ok(());
    }
    Err(Refusal::new("MalformedPolicyDocument", "This policy contains invalid Json"))
}

pub(super) fn seen<'a>(context: &'a Context<'_>, name: &str) -> Result<&'a Role, Refusal> {
    let found = context.global.roles.seen(&key(context, name), context.view);
    found.map(AsRef::as_ref).ok_or_else(|| missing(name))
}

pub(super) fn current(context: &Context<'_>, name: &str) -> Result<Role, Refusal> {
    let found = context.global.roles.current(&key(context, name), context.now());
    found.map(|role| Role::clone(role)).ok_or_else(|| missing(name))
}

pub(super) fn change(context: &mut Context<'_>, name: &str, change: impl FnOnce(&mut Role)) -> Result<Value, Refusal> {
    let now = context.now();
    let mut role = current(context, name)?;
    change(&mut role);
    context.global.roles.put(&key(context, name), now, role);
    Ok(json!({}))
}

/// Reads where a list goes on.
pub(super) fn marker(input: &Value) -> Result<Option<String>, Refusal> {
    let read = |marker| page::after(marker).ok_or_else(|| invalid("Invalid Marker."));
    text(input, "Marker").map(read).transpose()
}

/// Renders a page as IAM does.
pub(super) fn listed(member: &str, entries: Value, last: Option<String>) -> Value {
    let mut out = json!({ member: entries, "IsTruncated": last.is_some() });
    if let Some(last) = last {
        out["Marker"] = page::token(&last).into();
    }
    out
}
