//! Reading resources and requests.

use serde_json::{Value, json};

use super::types::{self, Type};
use super::{failure, writes};
use crate::operation::{Context, part, required, text};
use crate::page;
use crate::tagged::keys;
use crate::wire::Refusal;

/// How many requests are in a page unless said.
const PAGE: usize = 100;

pub(super) fn get(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let (known, identifier) = (types::known(input)?, required(input, "Identifier"));
    let handlers = known.handlers("READ")?;
    let model = (handlers.read)(context, identifier);
    let model = model.map_err(|refusal| failure::at_once(known.name, identifier, &refusal))?;
    Ok(json!({
        "TypeName": known.name,
        "ResourceDescription": {"Identifier": identifier, "Properties": known.schema.show(model).to_string()},
    }))
}

pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let known = types::known(input)?;
    let handlers = known.handlers("LIST")?;
    let model = model(known, input)?;
    let after = start(input)?;
    let found = (handlers.list)(context, &model);
    let found = found.map_err(|refusal| failure::at_once(known.name, "", &refusal))?;
    let mut entries: Vec<(String, Value)> =
        found.into_iter().filter_map(|model| Some((known.schema.identify(&model)?, model))).collect();
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    let rest = entries.into_iter().filter(|(identifier, _)| after.as_ref().is_none_or(|after| identifier > after));
    let (page, last) = page::take(rest, page::limit(input, "MaxResults", PAGE), |(identifier, _)| identifier.clone());
    // [D] a list is only bound to show what identifies; [?] what more a type's shows
    let entry =
        |(identifier, model): &(String, Value)| json!({"Identifier": identifier, "Properties": model.to_string()});
    let mut out = json!({
        "TypeName": known.name,
        "ResourceDescriptions": page.iter().map(entry).collect::<Value>(),
    });
    if let Some(last) = last {
        out["NextToken"] = page::token(&last).into();
    }
    Ok(out)
}

/// Returns the model that a list is asked for with, when the type's handler has what it needs [D].
fn model(known: &Type, input: &Value) -> Result<Value, Refusal> {
    let model =
        text(input, "ResourceModel").map_or_else(|| Ok(json!({})), |text| writes::object(text, "ResourceModel"))?;
    let missing: Vec<String> = known
        .schema
        .needed_to_list()
        .into_iter()
        .filter(|name| model.get(*name).is_none())
        .map(|name| format!("#: required key [{name}] not found"))
        .collect();
    if missing.is_empty() {
        return Ok(model);
    }
    // [I] the form of the text
    let text = format!("Missing Or Invalid ResourceModel property in {} list handler request input. ", known.name);
    Err(Refusal::new("InvalidRequestException", format!("{text}{}", missing.join("\n"))))
}

/// Returns where a list goes on.
fn start(input: &Value) -> Result<Option<String>, Refusal> {
    // [?] the code and the text
    let read = |token| page::after(token).ok_or_else(|| Refusal::invalid("Invalid NextToken."));
    text(input, "NextToken").map(read).transpose()
}

pub(super) fn status(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let token = required(input, "RequestToken");
    let found = context.global.requests.get(token, context.caller, context.now());
    let request = found.ok_or_else(|| writes::unknown(token))?;
    Ok(json!({"ProgressEvent": request.event(context.view.at())}))
}

pub(super) fn requests(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let at = context.view.at();
    let filter = part(input, "ResourceRequestStatusFilter").unwrap_or(&Value::Null);
    let (verbs, statuses) = (keys(filter, "Operations"), keys(filter, "OperationStatuses"));
    let after = start(input)?;
    let all = context.global.requests.all(context.caller, context.now());
    let events = all.into_iter().map(|request| request.event(at));
    let among = |all: &[String], event: &Value, member: &str| {
        all.is_empty() || text(event, member).is_some_and(|value| all.iter().any(|one| one == value))
    };
    let fitting = events.filter(|it| among(&verbs, it, "Operation") && among(&statuses, it, "OperationStatus"));
    let mut begun = after.is_none();
    // The order is that of time, so the token is where the page before ended.
    let rest = fitting.filter(move |event| {
        let now = begun;
        begun = begun || text(event, "RequestToken") == after.as_deref();
        now
    });
    let key = |event: &Value| required(event, "RequestToken").to_owned();
    let (page, last) = page::take(rest, page::limit(input, "MaxResults", PAGE), key);
    let mut out = json!({"ResourceRequestStatusSummaries": page});
    if let Some(last) = last {
        out["NextToken"] = page::token(&last).into();
    }
    Ok(out)
}
