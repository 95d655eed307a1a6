//! `AWS::IAM::Role`: a role with its policies, which are operations of their own in IAM.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Handlers, Retag, Schema, Type, changes, document, entries, members, never, pages, parsed, shown_tags};
use crate::operation::{Context, required, text};
use crate::query::decode;
use crate::router::invoke;
use crate::tagged;
use crate::wire::{Refusal, Service};

pub(super) static TYPE: Type = Type {
    name: "AWS::IAM::Role",
    schema: LazyLock::new(|| Schema::parse(include_str!("../schemas/aws-iam-role.json"))),
    handlers: Some(Handlers { create, read, update: Some(update), delete, list, busy: never }),
};

fn call(context: &mut Context<'_>, operation: &'static str, input: &Value) -> Result<Value, Refusal> {
    invoke(context, Service::Iam, operation, input)
}

/// Asks for all pages of a list about a role.
fn all(context: &mut Context<'_>, operation: &'static str, role: &str, member: &str) -> Result<Vec<Value>, Refusal> {
    pages(context, (Service::Iam, operation), json!({"RoleName": role}), member, ("Marker", "Marker"))
}

fn create(context: &mut Context<'_>, model: &Value) -> Result<String, Refusal> {
    let made_up = || Uuid::new_v4().simple().to_string();
    let name = text(model, "RoleName").map_or_else(made_up, str::to_owned);
    let same = [
        ("Path", "Path"),
        ("Description", "Description"),
        ("MaxSessionDuration", "MaxSessionDuration"),
        ("PermissionsBoundary", "PermissionsBoundary"),
        ("Tags", "Tags"),
    ];
    let mut input = members(model, &same);
    input["RoleName"] = name.as_str().into();
    let trust = model.get("AssumeRolePolicyDocument").map(document);
    input["AssumeRolePolicyDocument"] = trust.unwrap_or_default().into();
    call(context, "CreateRole", &input)?;
    let nothing = json!({});
    policies(context, &name, &nothing, model)?;
    Ok(name)
}

fn read(context: &mut Context<'_>, name: &str) -> Result<Value, Refusal> {
    let found = call(context, "GetRole", &json!({"RoleName": name}))?;
    let role = found.get("Role").unwrap_or(&Value::Null);
    let same = [
        ("RoleName", "RoleName"),
        ("RoleId", "RoleId"),
        ("Arn", "Arn"),
        ("Path", "Path"),
        ("Description", "Description"),
        ("MaxSessionDuration", "MaxSessionDuration"),
    ];
    let mut model = members(role, &same);
    let trust = text(role, "AssumeRolePolicyDocument").map(|text| parsed(&decode(text)));
    model["AssumeRolePolicyDocument"] = trust.unwrap_or_default();
    let boundary = role.pointer("/PermissionsBoundary/PermissionsBoundaryArn").cloned();
    model["PermissionsBoundary"] = boundary.unwrap_or_default();
    model["Tags"] = shown_tags(entries(role, "Tags"), "Key", "Value");
    let attached = all(context, "ListAttachedRolePolicies", name, "AttachedPolicies")?;
    let attached: Vec<Value> = attached.iter().filter_map(|policy| policy.get("PolicyArn").cloned()).collect();
    model["ManagedPolicyArns"] = if attached.is_empty() { Value::Null } else { attached.into() };
    let mut inline = Vec::new();
    for policy in all(context, "ListRolePolicies", name, "PolicyNames")? {
        let found = call(context, "GetRolePolicy", &json!({"RoleName": name, "PolicyName": policy}))?;
        let document = text(&found, "PolicyDocument").map(|text| parsed(&decode(text)));
        inline.push(json!({"PolicyName": policy, "PolicyDocument": document}));
    }
    model["Policies"] = if inline.is_empty() { Value::Null } else { inline.into() };
    Ok(model)
}

fn update(context: &mut Context<'_>, name: &str, before: &Value, after: &Value) -> Result<(), Refusal> {
    let changed = changes(before, after, &["Description", "MaxSessionDuration"]);
    if !changed.is_empty() {
        let description = text(after, "Description").unwrap_or_default();
        let session = after.get("MaxSessionDuration").cloned().unwrap_or_else(|| 3600.into());
        let input = json!({"RoleName": name, "Description": description, "MaxSessionDuration": session});
        call(context, "UpdateRole", &input)?;
    }
    if let Some(trust) = changes(before, after, &["AssumeRolePolicyDocument"]).values().next() {
        let input = json!({"RoleName": name, "PolicyDocument": document(trust)});
        call(context, "UpdateAssumeRolePolicy", &input)?;
    }
    if let Some(boundary) = changes(before, after, &["PermissionsBoundary"]).values().next() {
        if boundary.is_null() {
            call(context, "DeleteRolePermissionsBoundary", &json!({"RoleName": name}))?;
        } else {
            let input = json!({"RoleName": name, "PermissionsBoundary": boundary});
            call(context, "PutRolePermissionsBoundary", &input)?;
        }
    }
    policies(context, name, before, after)?;
    let Retag { added, removed } = Retag::between(&super::tags(before), &super::tags(after));
    if !removed.is_empty() {
        call(context, "UntagRole", &json!({"RoleName": name, "TagKeys": removed}))?;
    }
    if !added.is_empty() {
        call(context, "TagRole", &json!({"RoleName": name, "Tags": tagged::to_list(&added)}))?;
    }
    Ok(())
}

/// Makes the policies of one model those of another.
fn policies(context: &mut Context<'_>, name: &str, before: &Value, after: &Value) -> Result<(), Refusal> {
    let (old, new) = (tagged::keys(before, "ManagedPolicyArns"), tagged::keys(after, "ManagedPolicyArns"));
    for arn in old.iter().filter(|arn| !new.contains(arn)) {
        call(context, "DetachRolePolicy", &json!({"RoleName": name, "PolicyArn": arn}))?;
    }
    for arn in new.iter().filter(|arn| !old.contains(arn)) {
        call(context, "AttachRolePolicy", &json!({"RoleName": name, "PolicyArn": arn}))?;
    }
    let (old, new) = (inline(before), inline(after));
    for gone in old.keys().filter(|policy| !new.contains_key(*policy)) {
        call(context, "DeleteRolePolicy", &json!({"RoleName": name, "PolicyName": gone}))?;
    }
    for (policy, text) in new.iter().filter(|(policy, text)| old.get(*policy) != Some(text)) {
        let input = json!({"RoleName": name, "PolicyName": policy, "PolicyDocument": text});
        call(context, "PutRolePolicy", &input)?;
    }
    Ok(())
}

fn inline(model: &Value) -> BTreeMap<String, String> {
    let one = |policy: &Value| (required(policy, "PolicyName").to_owned(), policy.get("PolicyDocument").map(document));
    entries(model, "Policies").map(one).filter_map(|(name, text)| Some((name, text?))).collect()
}

fn delete(context: &mut Context<'_>, name: &str) -> Result<(), Refusal> {
    // The role goes with its policies, which IAM does not do by itself [D].
    for policy in all(context, "ListAttachedRolePolicies", name, "AttachedPolicies")? {
        let input = json!({"RoleName": name, "PolicyArn": policy.get("PolicyArn")});
        call(context, "DetachRolePolicy", &input)?;
    }
    for policy in all(context, "ListRolePolicies", name, "PolicyNames")? {
        call(context, "DeleteRolePolicy", &json!({"RoleName": name, "PolicyName": policy}))?;
    }
    call(context, "DeleteRole", &json!({"RoleName": name})).map(|_| ())
}

fn list(context: &mut Context<'_>, _: &Value) -> Result<Vec<Value>, Refusal> {
    let roles = pages(context, (Service::Iam, "ListRoles"), json!({}), "Roles", ("Marker", "Marker"))?;
    Ok(roles.iter().map(|role| members(role, &[("RoleName", "RoleName")])).collect())
}
