//! The operations on connections.
//!
//! Creating and updating take the same structure and build the same connection of it: an update is a
//! full overwrite [D], and only tags, the time of creation and a managed secret outlive it.

use serde_json::{Value, json};

use super::catalog::{self, Cipher};
use super::connection::{Connection, Passwords, by_environment, pick, strings};
use super::{arn, authentication, invalid, requirements, tags, unknown};
use crate::operation::{Context, Resource, identity, part, required, text};
use crate::page;
use crate::wire::Refusal;

/// [D] the default quota of connections in an account; [?] that it is meant by region.
const QUOTA: usize = 1000;
/// [?] how many connections a page has when nothing is said.
const PAGE: usize = 100;

pub(super) fn create(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    catalog::own(context, input, "CreateConnection")?;
    let now = context.now();
    let given = part(input, "ConnectionInput").unwrap_or(&Value::Null);
    let name = required(given, "Name");
    requirements::check("ConnectionInput", given)?;
    if context.home.glue_connections.current(name, now).is_some() {
        // [M] the code; [?] the text
        return Err(Refusal::new("AlreadyExistsException", format!("Connection {name} already exists.")));
    }
    if context.home.glue_connections.reaches(QUOTA, now) {
        // [M] the code; [?] the text
        return Err(Refusal::new(
            "ResourceNumberLimitExceededException",
            format!("The limit of {QUOTA} connections is reached."),
        ));
    }
    let tags = strings(part(input, "Tags"));
    tags::check(tags.keys(), tags.len())?;
    if !tags.is_empty() {
        // [D] tags at creation need their own permission
        let resource = Resource::one(arn(context, name));
        context.authorize("glue:TagResource", &resource, &[])?;
    }
    let mut connection = build(context, given, None)?;
    connection.was_tagged = !tags.is_empty();
    connection.tags = tags;
    let status = connection.status(now);
    context.home.glue_connections.put(name, now, connection);
    Ok(json!({"CreateConnectionStatus": status}))
}

pub(super) fn update(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    catalog::own(context, input, "UpdateConnection")?;
    let now = context.now();
    let name = required(input, "Name");
    let current = existing(context, name)?;
    let given = part(input, "ConnectionInput").unwrap_or(&Value::Null);
    if required(given, "Name") != name {
        // [?] that it is refused, and the text
        return Err(invalid("ConnectionInput.Name must be the name of the connection: it cannot be changed."));
    }
    requirements::check("ConnectionInput", given)?;
    let next = build(context, given, Some(&current))?;
    context.home.glue_connections.put(name, now, next);
    Ok(json!({}))
}

pub(super) fn get(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    catalog::own(context, input, "GetConnection")?;
    let name = required(input, "Name");
    let found = context.home.glue_connections.seen(name, context.view);
    let connection = found.ok_or_else(|| unknown(name))?;
    let passwords = passwords(context, connection, hides(input))?;
    let environment = text(input, "ApplyOverrideForComputeEnvironment");
    Ok(json!({"Connection": connection.describe(context.view, passwords, environment)}))
}

pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    catalog::own(context, input, "GetConnections")?;
    let filter = part(input, "Filter").unwrap_or(&Value::Null);
    let kind = text(filter, "ConnectionType");
    let version = filter.get("ConnectionSchemaVersion").and_then(Value::as_u64);
    let criteria = part(filter, "MatchCriteria").and_then(Value::as_array);
    let wanted: Vec<&str> = criteria.into_iter().flatten().filter_map(Value::as_str).collect();
    let fits = |it: &Connection| {
        // [?] all criteria have to be there
        let has = |one: &&str| it.criteria.iter().flatten().any(|it| it == one);
        kind.is_none_or(|kind| it.kind == kind)
            && version.is_none_or(|version| it.schema_version() == version)
            && wanted.iter().all(has)
    };
    let token = text(input, "NextToken");
    // [?] the text
    let after = token.map(|token| page::after(token).ok_or_else(|| invalid("Invalid NextToken."))).transpose()?;
    let view = context.view;
    let all = context.home.glue_connections.list("", after.as_deref(), view);
    let limit = page::limit(input, "MaxResults", PAGE);
    let (page, last) = page::take(all.filter(|it| fits(it)), limit, |it| it.name.clone());
    let hide = hides(input);
    let shown: Result<Vec<Value>, Refusal> =
        page.into_iter().map(|it| Ok(it.describe(view, passwords(context, it, hide)?, None))).collect();
    let mut out = json!({"ConnectionList": shown?});
    if let Some(last) = last {
        out["NextToken"] = page::token(&last).into();
    }
    Ok(out)
}

pub(super) fn delete(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    catalog::own(context, input, "DeleteConnection")?;
    remove(context, required(input, "ConnectionName"))?;
    Ok(json!({}))
}

pub(super) fn batch_delete(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    catalog::own(context, input, "BatchDeleteConnection")?;
    let (mut succeeded, mut errors) = (Vec::new(), serde_json::Map::new());
    for name in names(input) {
        match remove(context, name) {
            Ok(()) => succeeded.push(name),
            Err(refusal) => {
                let detail = json!({"ErrorCode": refusal.code, "ErrorMessage": refusal.message});
                errors.insert(name.to_owned(), detail);
            }
        }
    }
    Ok(json!({"Succeeded": succeeded, "Errors": errors}))
}

/// Tests a connection: it is looked at and the source behind it is not, since nothing here calls out.
pub(super) fn test(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    catalog::own(context, input, "TestConnection")?;
    let given = part(input, "TestConnectionInput");
    let kind = match (text(input, "ConnectionName"), given) {
        (Some(name), None) => existing(context, name)?.kind,
        (None, Some(given)) => {
            requirements::check("TestConnectionInput", given)?;
            required(given, "ConnectionType").to_owned()
        }
        // [?] that it is refused, and the text
        _ => {
            return Err(invalid("Either ConnectionName or TestConnectionInput is required, and not both."));
        }
    };
    if !matches!(kind.as_str(), "JDBC" | "SALESFORCE") {
        // [M] that only these are tested; [?] the text
        return Err(invalid(format!("Connection type {kind} is not supported by TestConnection.")));
    }
    Ok(json!({}))
}

/// Returns the names in a batch.
pub(super) fn names(input: &Value) -> Vec<&str> {
    let names = part(input, "ConnectionNameList").and_then(Value::as_array);
    names.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Builds a connection of what is given; what is not given is not there, whatever was there before.
fn build(context: &mut Context<'_>, given: &Value, current: Option<&Connection>) -> Result<Connection, Refusal> {
    let now = context.now();
    let name = required(given, "Name");
    let cipher = catalog::encrypt(context)?;
    // [M] the default; it is an input only.
    let validate = given.get("ValidateCredentials").and_then(Value::as_bool);
    let validate = validate.unwrap_or(true);
    let authentication = authentication::replace(
        context,
        name,
        part(given, "AuthenticationConfiguration"),
        current.and_then(|it| it.authentication.as_ref()),
        validate,
    )?;
    let physical = part(given, "PhysicalConnectionRequirements").map(|given| {
        let members = ["SubnetId", "SecurityGroupIdList", "AvailabilityZone"];
        pick(given, &members)
    });
    let texts = |member: &str| {
        let all = part(given, member)?.as_array()?;
        let all = all.iter().filter_map(Value::as_str);
        Some(all.map(str::to_owned).collect::<Vec<_>>())
    };
    // [D] the exchange of a token over a VPC takes its time.
    let in_vpc = physical.as_ref().is_some_and(|it| text(it, "SubnetId").is_some());
    let slow = in_vpc && authentication.as_ref().is_some_and(authentication::Authentication::exchanges_a_token);
    let mut next = Connection {
        name: name.to_owned(),
        kind: required(given, "ConnectionType").to_owned(),
        description: text(given, "Description").map(str::to_owned),
        criteria: texts("MatchCriteria"),
        properties: strings(part(given, "ConnectionProperties")),
        by_environment: by_environment(given),
        physical,
        // [?] the connections whose credentials are validated
        validated: (validate && authentication.is_some()).then_some(now),
        authentication,
        validated_for: texts("ValidateForComputeEnvironments").filter(|it| !it.is_empty()),
        protection: None,
        tags: current.map(|it| it.tags.clone()).unwrap_or_default(),
        was_tagged: current.is_some_and(|it| it.was_tagged),
        ready: if slow { now + context.settle } else { now },
        created: current.map_or(now, |it| it.created),
        // Every change has a later time than the one before.
        updated: current.map_or(now, |it| now.max(it.updated + 1)),
        updated_by: identity(context.caller),
        gone_at: None,
    };
    if let Cipher::Key(key) = cipher {
        next.protect(key);
    }
    Ok(next)
}

/// Deletes a connection, at once [D].
fn remove(context: &mut Context<'_>, name: &str) -> Result<(), Refusal> {
    let now = context.now();
    let mut connection = existing(context, name)?;
    authentication::end(context, connection.authentication.as_ref());
    connection.gone_at = Some(now);
    context.home.glue_connections.put(name, now, connection);
    Ok(())
}

fn existing(context: &Context<'_>, name: &str) -> Result<Connection, Refusal> {
    let found = context.home.glue_connections.current(name, context.now());
    found.map(|found| Connection::clone(found)).ok_or_else(|| unknown(name))
}

fn hides(input: &Value) -> bool {
    let hide = input.get("HidePassword").and_then(Value::as_bool);
    hide.unwrap_or(false)
}

/// Decides how a read shows the passwords: [D] an encrypted one stays so when the catalog says so, and
/// otherwise takes the permission to decrypt it, unless it is hidden.
fn passwords(context: &Context<'_>, connection: &Connection, hide: bool) -> Result<Passwords, Refusal> {
    if hide {
        return Ok(Passwords::Hidden);
    }
    let Some(protection) = &connection.protection else {
        return Ok(Passwords::Clear);
    };
    if context.home.glue_catalog.return_encrypted {
        return Ok(Passwords::Encrypted);
    }
    if let Some(key) = &protection.key {
        catalog::decrypt(context, key)?;
    }
    Ok(Passwords::Clear)
}
