//! Tags put on many resources at once: each succeeds or fails by itself.

use serde_json::{Map, Value, json};

use super::{SERVICES, Taggable, Tags, invalid};
use crate::operation::{Context, part};
use crate::wire::Refusal;

pub(super) fn tag(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let given = part(input, "Tags").and_then(Value::as_object).into_iter().flatten();
    let tags: Tags = given.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect();
    if tags.is_empty() {
        // [M] the least; [?] the text
        return Err(invalid("At least one tag is needed."));
    }
    if tags.keys().any(|key| key.starts_with("aws:")) {
        // [D] that it is refused; [?] the text
        return Err(invalid("Tag keys beginning with aws: are reserved for system use."));
    }
    each(context, input, |service, context, arn| (service.tag)(context, arn, &tags))
}

pub(super) fn untag(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let given = part(input, "TagKeys").and_then(Value::as_array).into_iter().flatten();
    let keys: Vec<&str> = given.filter_map(Value::as_str).collect();
    each(context, input, |service, context, arn| (service.untag)(context, arn, &keys))
}

/// Changes each resource and notes what failed; [?] an ARN that is none fails the whole request.
fn each(
    context: &mut Context<'_>,
    input: &Value,
    change: impl Fn(&Taggable, &mut Context<'_>, &str) -> Result<(), Refusal>,
) -> Result<Value, Refusal> {
    let arns = part(input, "ResourceARNList").and_then(Value::as_array).into_iter().flatten();
    let arns: Vec<&str> = arns.filter_map(Value::as_str).collect();
    if let Some(arn) = arns.iter().find(|arn| service_of(arn).is_none()) {
        return Err(invalid(format!("{arn} is not a valid ARN.")));
    }
    let mut failed = Map::new();
    for arn in arns {
        let known = SERVICES.iter().find(|it| service_of(arn) == Some(it.service));
        let done = match known {
            Some(service) => change(service, context, arn),
            None => Err(invalid(format!("{arn} is of a service whose resources cannot be tagged here."))),
        };
        if let Err(refusal) = done {
            // [D] the members; the code is that of the service
            let failure = json!({
                "StatusCode": refusal.status,
                "ErrorCode": refusal.code,
                "ErrorMessage": refusal.message,
            });
            failed.insert(arn.to_owned(), failure);
        }
    }
    Ok(json!({"FailedResourcesMap": failed}))
}

/// Returns the service in an ARN.
fn service_of(arn: &str) -> Option<&str> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts[..] {
        ["arn", partition, service, _, _, resource]
            if ![partition, service, resource].iter().any(|part| part.is_empty()) =>
        {
            Some(service)
        }
        _ => None,
    }
}
