//! `SimulatePrincipalPolicy`: what the sandbox's policy would say.
//!
//! The sandbox knows one policy for every caller, so it is that one which is asked, whoever the principal is. A user or a
//! role of the account is simulated; a session of a role is none of the two, and is refused as IAM does [D].

use std::borrow::Cow;

use serde_json::{Value, json};

use super::invalid;
use crate::operation::{Context, Resource, required, text};
use crate::policy::Verdict;
use crate::shape::{Shape, Text, may, must};
use crate::wire::Refusal;

// [M]
static ARN: Shape = Shape::Str(Text::new(20, 2048));
static ACTION: Shape = Shape::Str(Text::new(3, 128));
static ACTIONS: Shape = Shape::List { of: &ACTION, min: 0, max: usize::MAX };
static RESOURCE: Shape = Shape::Str(Text::new(1, 2048));
static RESOURCES: Shape = Shape::List { of: &RESOURCE, min: 0, max: usize::MAX };
static DOCUMENT: Shape = Shape::Str(Text::new(1, 131_072));
static DOCUMENTS: Shape = Shape::List { of: &DOCUMENT, min: 0, max: usize::MAX };
static KEY: Shape = Shape::Str(Text::new(5, 256));
static VALUE: Shape = Shape::Str(Text::new(0, usize::MAX));
static VALUES: Shape = Shape::List { of: &VALUE, min: 0, max: usize::MAX };
static KIND: Shape = Shape::Str(Text::one_of(&[
    "string",
    "stringList",
    "numeric",
    "numericList",
    "boolean",
    "booleanList",
    "ip",
    "ipList",
    "binary",
    "binaryList",
    "date",
    "dateList",
]));
static ENTRY: Shape =
    Shape::Struct(&[may("ContextKeyName", &KEY), may("ContextKeyValues", &VALUES), may("ContextKeyType", &KIND)]);
static ENTRIES: Shape = Shape::List { of: &ENTRY, min: 0, max: usize::MAX };
static OPTION: Shape = Shape::Str(Text::new(1, 64));
static MARKER: Shape = Shape::Str(Text::new(1, usize::MAX));
static PAGE: Shape = Shape::Int { min: 1, max: 1000 };

pub(super) static INPUT: Shape = Shape::Struct(&[
    must("PolicySourceArn", &ARN),
    may("PolicyInputList", &DOCUMENTS),
    may("PermissionsBoundaryPolicyInputList", &DOCUMENTS),
    must("ActionNames", &ACTIONS),
    may("ResourceArns", &RESOURCES),
    may("ResourcePolicy", &DOCUMENT),
    may("ResourceOwner", &RESOURCE),
    may("CallerArn", &RESOURCE),
    may("ContextEntries", &ENTRIES),
    may("ResourceHandlingOption", &OPTION),
    may("MaxItems", &PAGE),
    may("Marker", &MARKER),
]);

/// IAM asks about the principal.
pub(super) fn resources(_: &Context<'_>, input: &Value) -> Vec<Resource> {
    vec![Resource::one(required(input, "PolicySourceArn").to_owned())]
}

/// Evaluates every action on every resource.
pub(super) fn simulate(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    principal(context, required(input, "PolicySourceArn"))?;
    let texts = |value: Option<&Value>| -> Vec<String> {
        let items = value.and_then(Value::as_array).into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut on = texts(input.get("ResourceArns"));
    if on.is_empty() {
        on.push("*".to_owned());
    }
    let entries = input.get("ContextEntries").and_then(Value::as_array);
    let facts: Vec<(String, String)> = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let key = text(entry, "ContextKeyName")?.to_owned();
            texts(entry.get("ContextKeyValues")).into_iter().next().map(|value| (key, value))
        })
        .collect();
    let facts: Vec<(&str, Cow<'_, str>)> =
        facts.iter().map(|(key, value)| (key.as_str(), value.as_str().into())).collect();
    let mut results = Vec::new();
    for action in texts(input.get("ActionNames")) {
        for resource in &on {
            let verdict = context.policy.map_or(Verdict::Allowed, |policy| policy.decide(&action, resource, &facts));
            let decision = match verdict {
                Verdict::Allowed => "allowed",
                Verdict::NotAllowed => "implicitDeny",
                Verdict::Denied => "explicitDeny",
            };
            results.push(json!({
                "EvalActionName": action, "EvalResourceName": resource, "EvalDecision": decision,
                "MatchedStatements": [], "MissingContextValues": [],
            }));
        }
    }
    // [D] a hundred in a page unless said
    let size = input.get("MaxItems").and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok()).unwrap_or(100);
    let from = text(input, "Marker").map_or(Ok(0), str::parse).map_err(|_| invalid("Invalid Marker."))?;
    let rest = results.len().saturating_sub(from + size);
    let page: Vec<Value> = results.into_iter().skip(from).take(size).collect();
    let mut out = json!({"EvaluationResults": page, "IsTruncated": rest > 0});
    if rest > 0 {
        out["Marker"] = (from + size).to_string().into();
    }
    Ok(out)
}

/// [D] a user, a group or a role of the account.
fn principal(context: &Context<'_>, arn: &str) -> Result<(), Refusal> {
    let own = format!("arn:{}:iam::{}:", context.caller.partition(), context.caller.account);
    let Some(rest) = arn.strip_prefix(&own) else {
        // [I] the form of the text
        return Err(invalid(format!("Invalid Entity Arn: {arn} does not clearly define entity type and name.")));
    };
    if let Some(role) = rest.strip_prefix("role/") {
        let name = role.rsplit('/').next().unwrap_or_default();
        let there = context.global.roles.current(&super::key(context, name), context.now()).is_some();
        return if there { Ok(()) } else { Err(super::missing(name)) };
    }
    if rest.starts_with("user/") || rest.starts_with("group/") {
        return Ok(());
    }
    Err(invalid(format!("Invalid Entity Arn: {arn} does not clearly define entity type and name.")))
}
