//! From a request to its answer: the one way through faults, policy, model and service.
//!
//! The order is that of the cloud: the network fails first, then the service sheds load, then IAM
//! denies, then the model refuses, and only then does an operation run.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode};
use serde_json::Value;

use crate::calls::{Calls, Entry};
use crate::clock::{Clock, Millis};
use crate::cloudtrail::event::Origin;
use crate::cloudtrail::{Event, Trail};
use crate::faults::{Action, Drop, Injector};
use crate::operation::{Context, Operation, Resource, denied, text};
use crate::policy::Policy;
use crate::state::{Folder, World};
use crate::store::View;
use crate::wire::{self, Caller, Protocol, Refusal, Service};
use crate::{
    cloudcontrol, cloudformation, cloudtrail, events, glue, iam, kms, logs, query, quotas, s3, secrets, shape, sqs,
    ssm, sts, tagging,
};

/// Everything that requests share.
pub(crate) struct Shared {
    pub(crate) world: Mutex<World>,
    pub(crate) clock: Clock,
    pub(crate) settle: Millis,
    pub(crate) faults: Injector,
    pub(crate) calls: Calls,
    pub(crate) trail: Trail,
    pub(crate) policy: RwLock<Option<Arc<Policy>>>,
    pub(crate) folder: Option<Folder>,
}

/// What happens to a request.
pub(crate) enum Outcome {
    Reply(Response<Bytes>),
    /// The reply is cut off in the middle.
    Cut(Response<Bytes>),
    /// The connection is closed without a reply.
    Dropped,
}

/// Returns what a service can do.
pub(crate) fn operations(service: Service) -> &'static [Operation] {
    match service {
        Service::Events => events::OPERATIONS,
        Service::SecretsManager => secrets::OPERATIONS,
        Service::Kms => kms::OPERATIONS,
        Service::Glue => glue::OPERATIONS,
        Service::CloudControl => cloudcontrol::OPERATIONS,
        Service::Ssm => ssm::OPERATIONS,
        Service::Sqs => sqs::OPERATIONS,
        Service::Logs => logs::OPERATIONS,
        Service::Sts => sts::OPERATIONS,
        Service::CloudFormation => cloudformation::OPERATIONS,
        Service::Iam => iam::OPERATIONS,
        Service::S3 => s3::OPERATIONS,
        Service::Tagging => tagging::OPERATIONS,
        Service::CloudTrail => cloudtrail::OPERATIONS,
        Service::Quotas => quotas::OPERATIONS,
    }
}

/// What a request is about, for those who only look at it.
pub(crate) struct About {
    pub(crate) service: String,
    pub(crate) operation: String,
    pub(crate) resource: Option<String>,
}

/// Reads what a request is about, as far as it can be known.
pub(crate) fn about(parts: &Parts, body: &Bytes) -> About {
    let caller = Caller::of(&parts.headers);
    let Some(asked) = wire::asked(parts, body, caller.as_ref()) else {
        let operation = format!("{} {}", parts.method, parts.uri.path());
        return About { service: "http".to_owned(), operation, resource: None };
    };
    let found = asked.service.and_then(|service| {
        let operation = operations(service).iter().find(|it| it.name == asked.operation)?;
        Some((service, operation))
    });
    let signed = caller.as_ref().map_or("unknown", |caller| caller.service.as_str());
    About {
        service: asked.service.map_or(signed, |service| service.name()).to_owned(),
        operation: asked.operation.to_owned(),
        resource: found.and_then(|(service, operation)| {
            let input = read(service, operation, parts, body).ok()?;
            subject(service, operation, &input).map(str::to_owned)
        }),
    }
}

/// Answers a request to an AWS service.
pub(crate) async fn answer(shared: &Shared, parts: &Parts, body: &Bytes) -> Outcome {
    let caller = Caller::of(&parts.headers);
    let Some(asked) = wire::asked(parts, body, caller.as_ref()) else {
        let mut response = Response::new(Bytes::from_static(b"this is a sandbox for AWS SDKs\n"));
        *response.status_mut() = StatusCode::NOT_FOUND;
        return Outcome::Reply(response);
    };
    let Some(caller) = caller else {
        let refusal = Refusal::new("MissingAuthenticationTokenException", "Missing Authentication Token");
        return Outcome::Reply(wire::refuse(asked.spoken, &refusal));
    };
    let found = asked.service.and_then(|service| {
        let operation = operations(service).iter().find(|it| it.name == asked.operation)?;
        Some((service, operation))
    });
    let Some((service, operation)) = found else {
        return unknown(shared, &caller, &asked);
    };
    let input = read(service, operation, parts, body);
    let subject = input.as_ref().ok().and_then(|input| subject(service, operation, input));
    let ticket = shared.calls.begin(Entry {
        time: shared.clock.now(),
        service: service.name().into(),
        operation: operation.name.into(),
        resource: subject.map(Box::from),
        account: caller.account.as_str().into(),
        region: caller.region.as_str().into(),
        outcome: "dropped".into(),
    });
    let action = shared.faults.decide(&caller, service.name(), operation.name, subject);
    if action.latency > 0 {
        tokio::time::sleep(Duration::from_millis(action.latency)).await;
    }
    if action.drop == Some(Drop::Before) {
        return Outcome::Dropped;
    }
    let origin = Origin { address: LOOPBACK.to_owned(), agent: agent(parts) };
    let result = input.and_then(|input| {
        let writes = !cloudtrail::reads(operation.name) && !s3::is_about_data(operation.name);
        // What it is about may be gone afterwards.
        let named = if writes { named(shared, &caller, operation, &input) } else { Vec::new() };
        let result = run(shared, &caller, service, operation, &input, &action);
        if writes {
            let code = result.as_ref().err().map(|refusal| &*refusal.code);
            let now = shared.clock.now();
            shared.trail.record(Event::of((service, operation), &caller, Some(&origin), &input, &named, now, code));
        }
        result
    });
    let (response, outcome) = match result {
        Ok(output) => (wire::answer(service, operation.name, &output), Cow::Borrowed("ok")),
        Err(refusal) => (wire::refuse(service, &refusal), refusal.code),
    };
    tracing::debug!(service = service.name(), operation = operation.name, %outcome, "answered");
    match action.drop {
        Some(Drop::After) => Outcome::Dropped,
        Some(_) => Outcome::Cut(response),
        None => {
            shared.calls.finish(ticket, outcome);
            Outcome::Reply(response)
        }
    }
}

/// From where every caller comes: nobody else can reach the sandbox.
const LOOPBACK: &str = "127.0.0.1";

fn agent(parts: &Parts) -> String {
    let agent = parts.headers.get(http::header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    agent.unwrap_or_default().to_owned()
}

/// The ARNs of what a request is about.
fn named(shared: &Shared, caller: &Caller, operation: &Operation, input: &Value) -> Vec<String> {
    let mut world = shared.world.lock().unwrap_or_else(PoisonError::into_inner);
    let context = context(shared, &mut world, caller, None, View::of(shared.clock.now()));
    arns(&context, operation, input)
}

fn arns(context: &Context<'_>, operation: &Operation, input: &Value) -> Vec<String> {
    (operation.resources)(context, input).into_iter().filter_map(|Resource(forms)| forms.into_iter().next()).collect()
}

/// Answers what no service here has, and notes it all the same.
fn unknown(shared: &Shared, caller: &Caller, asked: &wire::Asked<'_>) -> Outcome {
    let refusal = match asked.spoken.protocol() {
        Protocol::Json { .. } => Refusal::unknown_operation(),
        Protocol::Query { .. } => {
            Refusal::new("InvalidAction", format!("Could not find operation {}", asked.operation))
        }
        Protocol::RestXml => {
            let text = "A header you provided implies functionality that is not implemented.";
            Refusal::new("NotImplemented", text).status(501)
        }
    };
    let service = asked.service.map_or_else(|| Cow::Owned(caller.service.clone()), |it| it.name().into());
    let ticket = shared.calls.begin(Entry {
        time: shared.clock.now(),
        service,
        operation: asked.operation.to_owned().into(),
        resource: None,
        account: caller.account.as_str().into(),
        region: caller.region.as_str().into(),
        outcome: "dropped".into(),
    });
    let response = wire::refuse(asked.spoken, &refusal);
    shared.calls.finish(ticket, refusal.code);
    Outcome::Reply(response)
}

fn read(service: Service, operation: &Operation, parts: &Parts, body: &Bytes) -> Result<Value, Refusal> {
    match service.protocol() {
        Protocol::Query { .. } => Ok(query::read(operation.input, body)),
        Protocol::RestXml => s3::request::read(operation.name, parts, body),
        Protocol::Json { .. } if body.is_empty() => Ok(Value::Object(serde_json::Map::new())),
        // The parser's text may repeat what it read, so it is not passed on.
        Protocol::Json { .. } => serde_json::from_slice(body).map_err(|_| Refusal::new("SerializationException", "")),
    }
}

/// Returns the name of the resource that a request is about.
fn subject<'a>(service: Service, operation: &Operation, input: &'a Value) -> Option<&'a str> {
    let member = |path: &&str| {
        let mut members = path.split('.');
        let found = members.try_fold(input, |value, member| value.get(member));
        // Of a list only the first is noted.
        found.and_then(|found| found.as_str().or_else(|| found.get(0)?.as_str()))
    };
    let name = operation.subject.iter().find_map(member)?;
    Some(match service {
        Service::SecretsManager => secrets::name_of(name),
        Service::Glue => glue::name_of(name),
        Service::Sqs => sqs::name_of(name),
        _ => name,
    })
}

fn run(
    shared: &Shared,
    caller: &Caller,
    service: Service,
    operation: &Operation,
    input: &Value,
    action: &Action,
) -> Result<Value, Refusal> {
    if let Some(error) = &action.error {
        return Err(Refusal::new(error.code.clone(), error.message.clone()).status(error.status));
    }
    let policy = shared.policy.read().unwrap_or_else(PoisonError::into_inner).clone();
    let now = shared.clock.now();
    let mut output = {
        let mut world = shared.world.lock().unwrap_or_else(PoisonError::into_inner);
        settle_until(shared, &mut world, policy.as_deref(), now);
        let view = View { now, lag: action.lag };
        let mut context = context(shared, &mut world, caller, policy.as_deref(), view);
        context.no_clear = action.no_clear;
        let output = perform(&mut context, service, operation, input, action.deny)?;
        for effect in context.after {
            effect(&mut world);
        }
        output
    };
    if let Some(state) = &action.state {
        show_state(&mut output, state);
    }
    let lists: &[&str] = match service {
        Service::Events if operation.name.starts_with("List") => &["Connections", "ApiDestinations"],
        Service::Glue => &["ConnectionList"],
        _ => &[],
    };
    for member in lists {
        for entry in output.get_mut(*member).and_then(Value::as_array_mut).into_iter().flatten() {
            let name = text(entry, "Name").unwrap_or_default();
            if let Some(state) = shared.faults.listed(caller, service.name(), operation.name, name) {
                show_state(entry, &state);
            }
        }
    }
    Ok(output)
}

/// Makes what an operation of a caller works on.
fn context<'a>(
    shared: &'a Shared,
    world: &'a mut World,
    caller: &'a Caller,
    policy: Option<&'a Policy>,
    view: View,
) -> Context<'a> {
    let (home, service_linked, global) = world.home(&caller.account, &caller.region, view.now);
    Context {
        caller,
        home,
        service_linked,
        global,
        view,
        settle: shared.settle,
        policy,
        no_clear: false,
        faults: Some(&shared.faults),
        trail: &shared.trail,
        after: Vec::new(),
    }
}

/// Finishes what was asked of Cloud Control and is due: nothing runs in the background.
pub(crate) fn settle(shared: &Shared, world: &mut World) {
    let policy = shared.policy.read().unwrap_or_else(PoisonError::into_inner).clone();
    settle_until(shared, world, policy.as_deref(), shared.clock.now());
}

fn settle_until(shared: &Shared, world: &mut World, policy: Option<&Policy>, now: Millis) {
    while let Some(due) = world.global.requests.take_due(now) {
        let view = View::of(due.at);
        let mut context = context(shared, world, &due.caller, policy, view);
        cloudcontrol::finish(&mut context, &due.token);
        for effect in context.after {
            effect(world);
        }
    }
}

/// Runs an operation of a service on behalf of another, as the caller: with its permission.
pub(crate) fn invoke(
    context: &mut Context<'_>,
    service: Service,
    name: &'static str,
    input: &Value,
) -> Result<Value, Refusal> {
    let Some(operation) = operations(service).iter().find(|it| it.name == name) else {
        return Err(Refusal::unknown_operation());
    };
    let subject = subject(service, operation, input);
    let action =
        context.faults.map(|faults| faults.decide(context.caller, service.name(), name, subject)).unwrap_or_default();
    if let Some(error) = action.error {
        return Err(Refusal::new(error.code, error.message).status(error.status));
    }
    let named = arns(context, operation, input);
    let result = perform(context, service, operation, input, action.deny);
    if !cloudtrail::reads(name) {
        let code = result.as_ref().err().map(|refusal| &*refusal.code);
        let (caller, now) = (context.caller, context.now());
        context.trail.record(Event::of((service, operation), caller, None, input, &named, now, code));
    }
    result
}

fn perform(
    context: &mut Context<'_>,
    service: Service,
    operation: &Operation,
    input: &Value,
    deny: bool,
) -> Result<Value, Refusal> {
    if context.policy.is_some() || deny {
        permit(context, service, operation, input, deny)?;
    }
    shape::check(operation.input, input)?;
    (operation.run)(context, input)
}

/// Asks the policy, and a rule that denies.
fn permit(
    context: &Context<'_>,
    service: Service,
    operation: &Operation,
    input: &Value,
    deny: bool,
) -> Result<(), Refusal> {
    let action = service.action(operation.name);
    let resources = (operation.resources)(context, input);
    if deny {
        let subject = resources.first().and_then(|Resource(forms)| forms.first());
        let subject = subject.map_or("*", String::as_str);
        let why = format!("because no identity-based policy allows the {action} action");
        return Err(denied(context.caller, &action, subject, &why));
    }
    resources.iter().try_for_each(|resource| context.authorize(&action, resource, &[]))
}

/// Shows a state in place of the real one.
fn show_state(output: &mut Value, state: &str) {
    let unhealthy = matches!(state, "DEAUTHORIZED" | "FAILED_CONNECTIVITY" | "FAILED");
    let members = [
        ("ConnectionState", Some("StateReason")),
        ("ApiDestinationState", Some("StateReason")),
        ("KeyState", Some("StateReason")),
        ("Status", Some("StatusReason")),
        ("CreateConnectionStatus", None),
    ];
    for (member, reason) in members {
        if let Some(shown) = output.get_mut(member) {
            *shown = state.into();
            if let Some(reason) = reason.filter(|_| unhealthy) {
                output[reason] = "A fault rule of the sandbox says so.".into();
            }
            return;
        }
    }
    // Glue answers a connection inside of a structure.
    if let Some(connection) = output.get_mut("Connection") {
        show_state(connection, state);
        return;
    }
    if let Some(event) = output.get_mut("ProgressEvent") {
        event["OperationStatus"] = state.into();
        if state == "FAILED" {
            event["ErrorCode"] = "NotStabilized".into();
            event["StatusMessage"] = "A fault rule of the sandbox says so.".into();
        }
    }
    if let Some(metadata) = output.get_mut("KeyMetadata") {
        metadata["KeyState"] = state.into();
        metadata["Enabled"] = (state == "Enabled").into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names are unique and every operation's subject is a member of its input.
    #[test]
    fn the_registry_is_consistent() {
        let mut seen = std::collections::BTreeSet::new();
        for service in Service::ALL {
            for operation in operations(service) {
                assert!(seen.insert((service.name(), operation.name)));
                let shape::Shape::Struct(members) = operation.input else {
                    panic!("{} has no structure as input", operation.name);
                };
                let required = members.iter().filter(|member| member.required).map(|member| member.name);
                let subject = required.collect::<Vec<_>>();
                // One without a subject is about many, or about the account.
                let top = |path: &&str| path.split('.').next().map(str::to_owned);
                assert!(
                    subject.is_empty()
                        || operation.subject.is_empty()
                        || operation.subject.iter().filter_map(top).any(|member| subject.contains(&member.as_str())),
                    "{} has no subject",
                    operation.name
                );
            }
        }
        assert_eq!(seen.len(), 11 + 19 + 21 + 12 + 8 + 8 + 9 + 13 + 1 + 2 + 19 + 26 + 5 + 2 + 1);
    }
}
