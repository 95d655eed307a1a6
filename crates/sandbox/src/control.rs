//! What is under `/_trueup/`: looking at the sandbox and setting it, outside the AWS protocols.

use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::{Millis, parse_duration, rfc3339};
use crate::faults::Faults;
use crate::policy::Policy;
use crate::router::{self, Shared};

/// The path under which the control endpoints are.
pub(crate) const PREFIX: &str = "/_trueup/";

/// Times stay far from the end of their type.
const LONGEST: Millis = 100 * 365 * 24 * 60 * 60 * 1000;

/// Moves the clock by one of two spellings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_ms: Option<Millis>,
    advance: Option<String>,
}

/// Answers a control request.
pub(crate) fn answer(shared: &Shared, method: &Method, path: &str, body: &Bytes) -> Response<Bytes> {
    let result = match (method, path) {
        (&Method::GET, "state") => {
            let mut world = lock(shared);
            router::settle(shared, &mut world);
            Ok(world.dump(shared.clock.now()))
        }
        (&Method::POST, "reset") => {
            reset(shared);
            Ok(json!({}))
        }
        (&Method::PUT, "faults") => put_faults(shared, body),
        (&Method::GET, "calls") => Ok(shared.calls.to_json()),
        (&Method::POST, "clock") => advance(shared, body),
        (&Method::PUT, "policy") => put_policy(shared, body),
        (&Method::DELETE, "policy") => {
            set_policy(shared, None);
            Ok(json!({}))
        }
        (_, "state" | "reset" | "faults" | "calls" | "clock" | "policy") => {
            return respond(StatusCode::METHOD_NOT_ALLOWED, &json!({"error": "another method is needed"}));
        }
        _ => {
            return respond(StatusCode::NOT_FOUND, &json!({"error": "there is no such endpoint"}));
        }
    };
    match result {
        Ok(out) => respond(StatusCode::OK, &out),
        Err(error) => respond(StatusCode::BAD_REQUEST, &json!({"error": error})),
    }
}

/// Empties all accounts and the call log; faults, policy and clock stay as they were set.
fn reset(shared: &Shared) {
    lock(shared).clear();
    shared.calls.clear();
    shared.trail.clear();
}

fn put_faults(shared: &Shared, body: &Bytes) -> Result<Value, String> {
    let faults: Faults = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    faults.check()?;
    let count = faults.rules.len();
    shared.faults.replace(faults);
    Ok(json!({"rules": count}))
}

fn advance(shared: &Shared, body: &Bytes) -> Result<Value, String> {
    let advance: Advance = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let by = match (advance.advance_ms, advance.advance) {
        (Some(by), None) => Some(by),
        (None, Some(text)) => parse_duration(&text),
        _ => None,
    };
    let by = by.ok_or(r#"say {"advance_ms": 500} or {"advance": "5m"}"#)?;
    if shared.clock.advanced().saturating_add(by) > LONGEST {
        return Err("the clock advances by a hundred years at most".to_owned());
    }
    shared.clock.advance(by);
    Ok(json!({"now": rfc3339(shared.clock.now()), "advanced_ms": shared.clock.advanced()}))
}

fn put_policy(shared: &Shared, body: &Bytes) -> Result<Value, String> {
    let document: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let policy = Policy::parse(&document)?;
    set_policy(shared, Some(Arc::new(policy)));
    Ok(json!({}))
}

fn set_policy(shared: &Shared, policy: Option<Arc<Policy>>) {
    *shared.policy.write().unwrap_or_else(PoisonError::into_inner) = policy;
}

fn lock(shared: &Shared) -> std::sync::MutexGuard<'_, crate::state::World> {
    shared.world.lock().unwrap_or_else(PoisonError::into_inner)
}

fn respond(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
