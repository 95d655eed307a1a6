//! Service Quotas: the quotas of EventBridge's connections and API destinations.
//!
//! They are what the sandbox keeps to. Nobody can raise them here.

use serde_json::{Value, json};

use crate::events;
use crate::operation::{Context, Operation, Resource, required, text};
use crate::page;
use crate::shape::{Pattern, Shape, Text, may, must};
use crate::wire::Refusal;

/// The operations of Service Quotas.
pub(crate) static OPERATIONS: &[Operation] =
    &[operation("GetServiceQuota", &GET, get), operation("ListServiceQuotas", &LIST, list)];

const fn operation(
    name: &'static str,
    input: &'static Shape,
    run: fn(&mut Context<'_>, &Value) -> Result<Value, Refusal>,
) -> Operation {
    // [D] reading takes no resource
    Operation { name, input, subject: &["QuotaCode", "ServiceCode"], resources: Resource::any, run }
}

// [M]
static CODE_PATTERN: Pattern = Pattern {
    text: "[a-zA-Z][a-zA-Z0-9-]{1,128}",
    matches: |text| {
        text.len() > 1
            && text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    },
};
static CODE: Shape = Shape::Str(Text::new(1, 128).pattern(&CODE_PATTERN));
static TOKEN: Shape = Shape::Str(Text::new(0, 2048));
static PAGE: Shape = Shape::Int { min: 1, max: 100 };
static GET: Shape = Shape::Struct(&[must("ServiceCode", &CODE), must("QuotaCode", &CODE), may("ContextId", &TOKEN)]);
static LIST: Shape = Shape::Struct(&[
    must("ServiceCode", &CODE),
    may("NextToken", &TOKEN),
    may("MaxResults", &PAGE),
    may("QuotaCode", &CODE),
    may("QuotaAppliedAtLevel", &TOKEN),
]);

/// [D] the names and that of API destinations' code; [?] that of connections.
const QUOTAS: [(&str, &str); 2] = [("L-FB1C3A6D", "Api destinations"), ("L-5C2A3F14", "Connections")];

fn get(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let code = required(input, "QuotaCode");
    let found = QUOTAS.iter().find(|(own, _)| *own == code).filter(|_| text(input, "ServiceCode") == Some("events"));
    let (code, name) = found.ok_or_else(unknown)?;
    Ok(json!({"Quota": shown(context, code, name)}))
}

fn list(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    if required(input, "ServiceCode") != "events" {
        return Err(unknown());
    }
    let after = text(input, "NextToken").map(|token| {
        // [M] the code
        page::after(token).ok_or_else(|| Refusal::new("InvalidPaginationTokenException", "Invalid NextToken."))
    });
    let after = after.transpose()?;
    let rest = QUOTAS.iter().filter(|(code, _)| after.as_deref().is_none_or(|after| *code > after));
    let rest = rest.filter(|(code, _)| text(input, "QuotaCode").is_none_or(|wanted| wanted == *code));
    let mut rest: Vec<_> = rest.collect();
    rest.sort_unstable();
    let (page, last) = page::take(rest.into_iter(), page::limit(input, "MaxResults", 100), |it| it.0.to_owned());
    let mut out = json!({"Quotas": page.iter().map(|(code, name)| shown(context, code, name)).collect::<Value>()});
    if let Some(last) = last {
        out["NextToken"] = page::token(&last).into();
    }
    Ok(out)
}

fn shown(context: &Context<'_>, code: &str, name: &str) -> Value {
    json!({
        "ServiceCode": "events",
        "ServiceName": "Amazon EventBridge",
        "QuotaArn": context.arn("servicequotas", &format!("events/{code}")),
        "QuotaCode": code,
        "QuotaName": name,
        "Value": events::QUOTA,
        "Unit": "None",
        "Adjustable": true,
        "GlobalQuota": false,
    })
}

/// [M] the code; [?] the text.
fn unknown() -> Refusal {
    Refusal::new("NoSuchResourceException", "The request failed because the specified resource does not exist.")
}
