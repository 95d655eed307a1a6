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
use crate::faults::{Action, Drop, Injector};
use crate::operation::{Context, Operation, Resource, denied, text};
use crate::policy::Policy;
use crate::state::{Folder, World};
use crate::store::View;
use crate::wire::{self, Caller, Refusal, Service};
use crate::{events, glue, kms, secrets, shape, sts, tagging};

/// Everything that requests share.
pub(crate) struct Shared {
    pub(crate) world: Mutex<World>,
    pub(crate) clock: Clock,
    pub(crate) settle: Millis,
    pub(crate) faults: Injector,
    pub(crate) calls: Calls,
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
        Service::Sts => sts::OPERATIONS,
        Service::Tagging => tagging::OPERATIONS,
    }
}

/// Answers a request to an AWS service.
pub(crate) async fn answer(shared: &Shared, parts: &Parts, body: &Bytes) -> Outcome {
    let asked = wire::target(&parts.headers);
    let caller = Caller::of(&parts.headers);
    let form = || {
        let service = caller.as_ref().is_some_and(|it| it.service == "sts").then_some(Service::Sts);
        wire::form_field(body, "Action").map(|operation| wire::Asked { service, operation })
    };
    let query = asked.is_none();
    let Some(asked) = asked.or_else(form) else {
        let mut response = Response::new(Bytes::from_static(b"this is a sandbox for AWS SDKs\n"));
        *response.status_mut() = StatusCode::NOT_FOUND;
        return Outcome::Reply(response);
    };
    let protocol = if query { Service::Sts } else { asked.service.unwrap_or(Service::Events) };
    let Some(caller) = caller else {
        let refusal = Refusal::new("MissingAuthenticationTokenException", "Missing Authentication Token");
        return Outcome::Reply(wire::refuse(protocol, &refusal));
    };
    let found = asked.service.and_then(|service| {
        let operation = operations(service).iter().find(|it| it.name == asked.operation)?;
        Some((service, operation))
    });
    let Some((service, operation)) = found else {
        return unknown(shared, &caller, &asked, protocol);
    };
    let input = read(service, body);
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
    let action = shared.faults.decide(service.name(), operation.name, subject);
    if action.latency > 0 {
        tokio::time::sleep(Duration::from_millis(action.latency)).await;
    }
    if action.drop == Some(Drop::Before) {
        return Outcome::Dropped;
    }
    let result = input.and_then(|input| run(shared, &caller, service, operation, &input, &action));
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

/// Answers what no service here has, and notes it all the same.
fn unknown(shared: &Shared, caller: &Caller, asked: &wire::Asked<'_>, protocol: Service) -> Outcome {
    let refusal = if protocol == Service::Sts {
        let text = format!("Could not find operation {}", asked.operation);
        Refusal::new("InvalidAction", text)
    } else {
        Refusal::unknown_operation()
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
    let response = wire::refuse(protocol, &refusal);
    shared.calls.finish(ticket, refusal.code);
    Outcome::Reply(response)
}

fn read(service: Service, body: &Bytes) -> Result<Value, Refusal> {
    if service == Service::Sts || body.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    // The parser's text may repeat what it read, so it is not passed on.
    serde_json::from_slice(body).map_err(|_| Refusal::new("SerializationException", ""))
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
        return Err(Refusal { code: error.code.clone().into(), message: error.message.clone(), status: error.status });
    }
    let policy = shared.policy.read().unwrap_or_else(PoisonError::into_inner).clone();
    let now = shared.clock.now();
    let mut output = {
        let mut world = shared.world.lock().unwrap_or_else(PoisonError::into_inner);
        let (home, service_linked) = world.home(&caller.account, &caller.region, now);
        let mut context = Context {
            caller,
            home,
            service_linked,
            view: View { now, lag: action.lag },
            settle: shared.settle,
            policy: policy.as_deref(),
            no_clear: action.no_clear,
            after: Vec::new(),
        };
        if policy.is_some() || action.deny {
            permit(&context, service, operation, input, action.deny)?;
        }
        shape::check(operation.input, input)?;
        let output = (operation.run)(&mut context, input)?;
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
            if let Some(state) = shared.faults.listed(service.name(), operation.name, name) {
                show_state(entry, &state);
            }
        }
    }
    Ok(output)
}

/// Asks the policy, and a rule that denies.
fn permit(
    context: &Context<'_>,
    service: Service,
    operation: &Operation,
    input: &Value,
    deny: bool,
) -> Result<(), Refusal> {
    let action = format!("{}:{}", service.action_prefix(), operation.name);
    let resources = (operation.resources)(context, input);
    if deny {
        let subject = resources.first().and_then(|Resource(forms)| forms.first());
        let subject = subject.map_or("*", String::as_str);
        let why = format!("because no identity-based policy allows the {action} action");
        let mut refusal = denied(context.caller, &action, subject, &why);
        if service == Service::Sts {
            // [D] services that answer XML spell it so
            refusal.code = "AccessDenied".into();
            refusal.status = 403;
        }
        return Err(refusal);
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
        let all =
            [Service::Events, Service::SecretsManager, Service::Kms, Service::Glue, Service::Sts, Service::Tagging];
        for service in all {
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
        assert_eq!(seen.len(), 11 + 19 + 21 + 12 + 1 + 5);
    }
}
