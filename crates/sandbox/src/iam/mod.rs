//! IAM: roles, with their inline and attached policies.
//!
//! IAM has no regions: whichever one a request is signed for, the roles are the account's. The policies
//! of these roles allow nothing here; what is allowed says the policy that the sandbox was given.

mod model;
mod policies;
pub(crate) mod role;
mod roles;
mod simulation;
pub(crate) mod tags;

use serde_json::Value;

use crate::operation::{Context, Operation, Resource, required};
use crate::shape::Shape;
use crate::wire::Refusal;

/// The operations on roles.
pub(crate) static OPERATIONS: &[Operation] = &[
    operation("CreateRole", &model::CREATE, roles::create),
    operation("GetRole", &model::BY_NAME, roles::get),
    operation("ListRoles", &model::LIST, roles::list),
    operation("DeleteRole", &model::BY_NAME, roles::delete),
    operation("UpdateRole", &model::UPDATE, roles::update),
    operation("UpdateAssumeRolePolicy", &model::TRUST, roles::update_trust),
    operation("PutRolePermissionsBoundary", &model::BOUNDARY, roles::put_boundary),
    operation("DeleteRolePermissionsBoundary", &model::BY_NAME, roles::delete_boundary),
    operation("PutRolePolicy", &model::PUT_POLICY, policies::put),
    operation("GetRolePolicy", &model::POLICY, policies::get),
    operation("DeleteRolePolicy", &model::POLICY, policies::delete),
    operation("ListRolePolicies", &model::LIST_OF_ROLE, policies::list),
    operation("AttachRolePolicy", &model::ATTACH, policies::attach),
    operation("DetachRolePolicy", &model::ATTACH, policies::detach),
    operation("ListAttachedRolePolicies", &model::LIST_OF_ROLE, policies::list_attached),
    operation("TagRole", &model::TAG, tags::tag),
    operation("UntagRole", &model::UNTAG, tags::untag),
    operation("ListRoleTags", &model::LIST_OF_ROLE, tags::list),
    Operation {
        name: "SimulatePrincipalPolicy",
        input: &simulation::INPUT,
        subject: &["PolicySourceArn"],
        resources: simulation::resources,
        run: simulation::simulate,
    },
];

const fn operation(
    name: &'static str,
    input: &'static Shape,
    run: fn(&mut Context<'_>, &Value) -> Result<Value, Refusal>,
) -> Operation {
    Operation { name, input, subject: &["RoleName"], resources, run }
}

/// IAM knows a role by its ARN, whose path is not in the request; a list is about all of a path.
fn resources(context: &Context<'_>, input: &Value) -> Vec<Resource> {
    let name = required(input, "RoleName");
    let path = crate::operation::text(input, "Path").or(crate::operation::text(input, "PathPrefix")).unwrap_or("/");
    let known = context.global.roles.current(&key(context, name), context.now()).map(|role| role.arn.clone());
    vec![Resource::one(known.unwrap_or_else(|| arn(context, path, name)))]
}

fn arn(context: &Context<'_>, path: &str, name: &str) -> String {
    format!("arn:{}:iam::{}:role{path}{name}", context.caller.partition(), context.caller.account)
}

/// Roles are kept by account and name.
fn key(context: &Context<'_>, name: &str) -> String {
    format!("{}/{name}", context.caller.account)
}

/// [M] the code and the status, [I] the text.
fn missing(name: &str) -> Refusal {
    Refusal::new("NoSuchEntity", format!("The role with name {name} cannot be found.")).status(404)
}

/// [M] the code.
fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidInput", message)
}
