//! Taking requests, and doing them when they are due.
//!
//! What a schema forbids is refused when it is asked; what a service forbids comes out later, as the end
//! of the request.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::request::{End, Request, Verb, resource};
use super::types::{self, Type};
use super::{failure, patch};
use crate::operation::{Context, required, text};
use crate::wire::Refusal;

pub(super) fn create(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    if let Some(event) = again(context, input)? {
        return Ok(event);
    }
    let known = types::known(input)?;
    known.handlers("CREATE")?;
    let desired = object(required(input, "DesiredState"), "DesiredState")?;
    let mut wrong = known.schema.check(&desired);
    let given = known.schema.given_read_only(&desired);
    if !given.is_empty() {
        // [?] whether it is refused or passed over, and the text
        wrong.push(format!("#: readOnlyProperties [{}] cannot be specified", given.join(", ")));
    }
    valid(wrong)?;
    let identifier = known.schema.identify(&desired);
    take(context, input, known, Verb::Create, identifier, Some(desired))
}

pub(super) fn update(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    if let Some(event) = again(context, input)? {
        return Ok(event);
    }
    let (known, identifier) = (types::known(input)?, required(input, "Identifier"));
    let handlers = known.handlers("UPDATE")?;
    alone(context, known, identifier)?;
    let current = (handlers.read)(context, identifier);
    let current = current.map_err(|refusal| failure::at_once(known.name, identifier, &refusal))?;
    // [I] read, patch, write: what is never shown and is not in the patch is not in the desired model
    let current = known.schema.show(current);
    let desired = patch::apply(&current, required(input, "PatchDocument"))?;
    let changed = known.schema.changed_read_only(&current, &desired);
    if !changed.is_empty() {
        // [I] the text
        let text = format!("Invalid patch update: readOnlyProperties [{}] cannot be updated", changed.join(", "));
        return Err(Refusal::invalid(text));
    }
    let changed = known.schema.changed_create_only(&current, &desired);
    if !changed.is_empty() {
        // [I] the text
        let text = format!("Invalid patch update: createOnlyProperties [{}] cannot be updated", changed.join(", "));
        return Err(Refusal::new("NotUpdatableException", text));
    }
    valid(known.schema.check(&desired))?;
    take(context, input, known, Verb::Update, Some(identifier.to_owned()), Some(desired))
}

pub(super) fn delete(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    if let Some(event) = again(context, input)? {
        return Ok(event);
    }
    let (known, identifier) = (types::known(input)?, required(input, "Identifier"));
    known.handlers("DELETE")?;
    take(context, input, known, Verb::Delete, Some(identifier.to_owned()), None)
}

pub(super) fn cancel(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let (now, token) = (context.now(), required(input, "RequestToken"));
    let found = context.global.requests.get(token, context.caller, now).cloned();
    let mut request = found.ok_or_else(|| unknown(token))?;
    let status = request.status(now);
    if status != "IN_PROGRESS" {
        // [D] that it is refused; [?] the code and the text
        return Err(Refusal::invalid(format!("A request with the status {status} cannot be cancelled.")));
    }
    request.cancelled = Some((now, now + context.settle));
    request.desired = None;
    let event = request.event(now);
    context.global.requests.put(request);
    Ok(json!({"ProgressEvent": event}))
}

/// [M] the code; [?] the text.
pub(super) fn unknown(token: &str) -> Refusal {
    Refusal::new("RequestTokenNotFoundException", format!("Request with RequestToken {token} cannot be found."))
}

/// Reads a model; the parser's text would repeat what it read.
pub(super) fn object(document: &str, member: &str) -> Result<Value, Refusal> {
    let parsed: Option<Map<String, Value>> = serde_json::from_str(document).ok();
    // [?] the text
    parsed.map(Value::from).ok_or_else(|| Refusal::invalid(format!("{member} is no JSON object.")))
}

/// [I] the form of the text.
fn valid(wrong: Vec<String>) -> Result<(), Refusal> {
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Refusal::invalid(format!("Model validation failed ({})", wrong.join("\n"))))
}

/// Returns the event of the request that the client's token already stands for.
fn again(context: &Context<'_>, input: &Value) -> Result<Option<Value>, Refusal> {
    let now = context.now();
    let Some(client) = text(input, "ClientToken") else {
        return Ok(None);
    };
    let Some(request) = context.global.requests.of_client(client, context.caller, now) else {
        return Ok(None);
    };
    if request.asked == asked(input) {
        return Ok(Some(json!({"ProgressEvent": request.event(now)})));
    }
    // [I] the text
    let text = format!(
        "ClientToken {client} is already associated with an existing operation with RequestToken {}",
        request.token
    );
    Err(Refusal::new("ClientTokenConflictException", text))
}

fn asked(input: &Value) -> Value {
    let mut asked = input.clone();
    if let Some(members) = asked.as_object_mut() {
        members.remove("ClientToken");
    }
    asked
}

/// Refuses a second request for what one is under way for; [M] the code, [?] the text.
fn alone(context: &Context<'_>, known: &Type, identifier: &str) -> Result<(), Refusal> {
    let resource = resource(context.caller, known.name, identifier);
    let Some(other) = context.global.requests.under_way(&resource, context.now()) else {
        return Ok(());
    };
    let text = format!(
        "{} with identifier '{identifier}' already has an operation in progress with RequestToken {}",
        known.name, other.token
    );
    Err(Refusal::new("ConcurrentOperationException", text))
}

fn take(
    context: &mut Context<'_>,
    input: &Value,
    known: &Type,
    verb: Verb,
    identifier: Option<String>,
    desired: Option<Value>,
) -> Result<Value, Refusal> {
    if let Some(identifier) = &identifier {
        alone(context, known, identifier)?;
    }
    let now = context.now();
    let request = Request {
        token: Uuid::new_v4().to_string(),
        account: context.caller.account.clone(),
        region: context.caller.region.clone(),
        user: context.caller.user.clone(),
        type_name: known.name.to_owned(),
        verb,
        identifier,
        asked: asked(input),
        desired,
        model: None,
        started: now,
        end: None,
        cancelled: None,
    };
    let event = request.event(now);
    let due = now + context.settle;
    context.global.requests.take(request, text(input, "ClientToken"), due);
    Ok(json!({"ProgressEvent": event}))
}

/// Does a request that is due, at that time and as whoever asked for it.
pub(crate) fn finish(context: &mut Context<'_>, token: &str) {
    let now = context.now();
    let Some(mut request) = context.global.requests.get(token, context.caller, now).cloned() else {
        return;
    };
    let desired = request.desired.take().unwrap_or_default();
    let done = perform(context, &mut request, &desired);
    let identifier = request.identifier.clone().unwrap_or_default();
    let failure = done.err().map(|refusal| {
        let text = failure::text(&request.type_name, &identifier, &refusal);
        (failure::code(&refusal).to_owned(), text)
    });
    if failure.is_none() && request.verb != Verb::Delete {
        // The look at what was made is Cloud Control's own.
        let (policy, faults) = (context.policy.take(), context.faults.take());
        request.model = types::model_of(context, &request.type_name, &identifier);
        (context.policy, context.faults) = (policy, faults);
    }
    // What its service itself has not finished is not finished here.
    let busy = failure.is_none() && types::is_busy(context, &request.type_name, &identifier);
    let at = if busy { now + context.settle } else { now };
    request.end = Some(End { at, failure });
    context.global.requests.put(request);
}

fn perform(context: &mut Context<'_>, request: &mut Request, desired: &Value) -> Result<(), Refusal> {
    let identifier = request.identifier.clone().unwrap_or_default();
    let handlers = types::by_name(&request.type_name).and_then(|known| known.handlers.as_ref());
    let Some(handlers) = handlers else {
        return Ok(());
    };
    match request.verb {
        Verb::Create => request.identifier = Some((handlers.create)(context, desired)?),
        Verb::Update => {
            let before = (handlers.read)(context, &identifier)?;
            if let Some(update) = handlers.update {
                update(context, &identifier, &before, desired)?;
            }
        }
        Verb::Delete => (handlers.delete)(context, &identifier)?,
    }
    Ok(())
}
