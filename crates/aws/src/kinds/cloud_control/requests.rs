//! What Cloud Control is working on: every write is a request that ends later.
//!
//! A write answers at once with a request token. The request is noted under the resource that it concerns, the engine
//! is told that the resource settles, and each look of its poller asks for the request's status, no sooner than
//! `RetryAfter` says. So no slot of a run waits. Creates that an earlier run began and did not see end are found by
//! `ListResourceRequests`, once for each type and run, before the first create: those that are under way are waited for,
//! and those that have ended since this run began count as well, because its reads may not have shown what they made.
//!
//! <https://docs.aws.amazon.com/cloudcontrolapi/latest/userguide/resource-operations-manage-requests.html>

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::sync::OnceCell;
use tokio::time::Instant;
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::secret::Secret;

use crate::clock;
use crate::fault::{Said, of_service, of_unreadable};
use crate::operation::{
    CREATE_RESOURCE, DELETE_RESOURCE, GET_RESOURCE_REQUEST_STATUS, LIST_RESOURCE_REQUESTS, Operation, UPDATE_RESOURCE,
};
use crate::reach::Reach;

/// The shortest and the longest pause between two looks at a request of which nobody says when to look again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));
/// The longest pause that is granted.
const LONGEST: Duration = Duration::from_mins(1);

/// How far the service's clock may be behind this one, in seconds: beyond that it refuses signatures.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>
const SKEW: f64 = 300.0;

/// The requests of one account and region.
pub(crate) struct Requests {
    /// From when on creates that have ended are looked at; by [`SKEW`] earlier.
    began: Instant,
    under_way: Mutex<HashMap<(&'static str, String), Pending>>,
    swept: Mutex<HashMap<&'static str, Swept>>,
    /// What this run's reads have shown.
    seen: Mutex<HashSet<(&'static str, String)>>,
}

impl Default for Requests {
    fn default() -> Self {
        Self { began: Instant::now(), under_way: Mutex::default(), swept: Mutex::default(), seen: Mutex::default() }
    }
}

/// Seconds since the epoch.
fn now() -> f64 {
    clock::since_epoch().as_secs_f64()
}

/// The resources that requests from before this run have made.
type Swept = Arc<OnceCell<Vec<String>>>;

struct Pending {
    token: String,
    verb: &'static Operation,
    secrets: Vec<Secret>,
    since: Instant,
    next: Instant,
}

/// What is known of a request.
pub(super) struct Event {
    token: String,
    status: String,
    /// The resource; not known at once where its service names it.
    pub(super) identifier: Option<String>,
    code: Option<String>,
    message: Option<String>,
    retry_after: Option<Duration>,
}

/// How a request stands.
pub(super) enum Standing {
    /// Cloud Control is at it.
    UnderWay(String),
    /// It is done.
    Done,
    /// It has failed for good.
    Failed(Fault),
}

impl Event {
    /// Reads the event of an answer.
    pub(super) fn of(operation: &Operation, answer: &Json) -> Result<Self, Fault> {
        Self::read(&answer["ProgressEvent"])
            .ok_or_else(|| of_unreadable(operation, "it has no request token or no status", None))
    }

    fn read(event: &Json) -> Option<Self> {
        let text = |name: &str| event[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let retry_after = event["RetryAfter"].as_f64().map(|at| (at - now()).clamp(0.0, LONGEST.as_secs_f64()));
        Some(Self {
            token: text("RequestToken")?,
            status: text("OperationStatus")?,
            identifier: text("Identifier"),
            code: text("ErrorCode"),
            message: text("StatusMessage"),
            retry_after: retry_after.map(Duration::from_secs_f64),
        })
    }

    /// How it stands; `verb` is the operation that began it.
    pub(super) fn standing(&self, verb: &Operation, secrets: &[Secret]) -> Standing {
        match self.status.as_str() {
            "SUCCESS" => Standing::Done,
            "PENDING" | "IN_PROGRESS" | "CANCEL_IN_PROGRESS" => Standing::UnderWay(self.status.clone()),
            _ => {
                let code = self.code.as_deref().unwrap_or(&self.status);
                let said = Said {
                    status: 400,
                    code: Some(code),
                    message: self.message.as_deref(),
                    request_id: Some(&self.token),
                    strange: None,
                };
                Standing::Failed(of_service(verb, &said, secrets))
            }
        }
    }

    fn pause(&self, since: Instant) -> Duration {
        self.retry_after.unwrap_or_else(|| (since.elapsed() / 4).clamp(PAUSES.0, PAUSES.1))
    }
}

/// Asks how a request stands.
async fn status(reach: &Reach, token: &str) -> Result<Event, Fault> {
    let answer = reach.read(&GET_RESOURCE_REQUEST_STATUS, &json!({ "RequestToken": token })).await?;
    Event::of(&GET_RESOURCE_REQUEST_STATUS, &answer)
}

/// Waits until a request has ended, or until `enough`.
pub(super) async fn wait(
    reach: &Reach,
    mut event: Event,
    verb: &'static Operation,
    patience: Duration,
    enough: impl Fn(&Event) -> bool,
) -> Result<Event, Fault> {
    let since = Instant::now();
    loop {
        if enough(&event) || !matches!(event.standing(verb, &[]), Standing::UnderWay(_)) {
            return Ok(event);
        }
        let pause = event.pause(since);
        if since.elapsed() + pause > patience {
            let message = format!("{} after {} s; a later run waits on", event.status, patience.as_secs());
            return Err(Fault::new(FaultKind::NotSettled, verb.name, message));
        }
        tokio::time::sleep(pause).await;
        event = status(reach, &event.token).await?;
    }
}

impl Requests {
    fn under_way(&self) -> std::sync::MutexGuard<'_, HashMap<(&'static str, String), Pending>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a read has shown a resource, so that nobody takes it for one that the reads missed.
    pub(super) fn saw(&self, name: &'static str, identity: &str) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert((name, identity.to_owned()));
    }

    /// Notes that a request is under way for a resource; its next looks ask for it.
    pub(super) fn note(
        &self,
        name: &'static str,
        identity: &str,
        verb: &'static Operation,
        event: Event,
        secrets: Vec<Secret>,
    ) {
        let since = Instant::now();
        let next = since + event.pause(since);
        let pending = Pending { token: event.token, verb, secrets, since, next };
        self.under_way().insert((name, identity.to_owned()), pending);
    }

    /// How the request that concerns a resource stands, where there is one. One that has ended is told of once.
    pub(super) async fn look(
        &self,
        reach: &Reach,
        name: &'static str,
        identity: &str,
    ) -> Result<Option<(&'static Operation, Standing)>, Fault> {
        let key = (name, identity.to_owned());
        let Some((token, verb, secrets, early)) = self.under_way().get(&key).map(|pending| {
            (pending.token.clone(), pending.verb, pending.secrets.clone(), Instant::now() < pending.next)
        }) else {
            return Ok(None);
        };
        if early {
            return Ok(Some((verb, Standing::UnderWay("IN_PROGRESS".to_owned()))));
        }
        let event = status(reach, &token).await?;
        let standing = event.standing(verb, &secrets);
        let mut under_way = self.under_way();
        match standing {
            Standing::UnderWay(_) => {
                if let Some(pending) = under_way.get_mut(&key).filter(|pending| pending.token == token) {
                    pending.next = Instant::now() + event.pause(pending.since);
                }
            }
            Standing::Done | Standing::Failed(_) => drop(under_way.remove(&key)),
        }
        Ok(Some((verb, standing)))
    }

    /// What creates of a type that this run did not begin have made, and its reads have not shown. Those that are
    /// under way are waited for, once.
    pub(super) async fn sweep(
        &self,
        reach: &Reach,
        name: &'static str,
        patience: Duration,
    ) -> Result<Vec<String>, Fault> {
        let cell = {
            let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(swept.entry(name).or_default())
        };
        let made = cell.get_or_try_init(|| async {
            let mut made = Vec::new();
            for event in creates(reach, name, now() - self.began.elapsed().as_secs_f64() - SKEW).await? {
                let event = wait(reach, event, &CREATE_RESOURCE, patience, |_| false).await?;
                if matches!(event.standing(&CREATE_RESOURCE, &[]), Standing::Done) {
                    let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                    made.extend(event.identifier.filter(|identity| !seen.contains(&(name, identity.clone()))));
                }
            }
            Ok::<_, Fault>(made)
        });
        made.await.cloned()
    }
}

/// The creates of a type that are under way, or have succeeded since a time.
async fn creates(reach: &Reach, name: &str, since: f64) -> Result<Vec<Event>, Fault> {
    let operation = &LIST_RESOURCE_REQUESTS;
    let mut input = json!({
        "MaxResults": 100,
        "ResourceRequestStatusFilter": {"Operations": ["CREATE"], "OperationStatuses": ["PENDING", "IN_PROGRESS", "SUCCESS"]},
    });
    let mut found = Vec::new();
    let mut pages = HashSet::new();
    loop {
        let page = reach.read(operation, &input).await?;
        let Some(events) = page["ResourceRequestStatusSummaries"].as_array() else {
            return Err(of_unreadable(operation, "it has no `ResourceRequestStatusSummaries`", None));
        };
        // Filters are applied again on this side.
        let ours = |event: &&Json| {
            let recent =
                event["OperationStatus"] != "SUCCESS" || event["EventTime"].as_f64().is_none_or(|at| at >= since);
            event["TypeName"] == name && event["Operation"] == "CREATE" && recent
        };
        found.extend(events.iter().filter(ours).filter_map(Event::read));
        let Some(token) = page["NextToken"].as_str().filter(|token| !token.is_empty()) else { return Ok(found) };
        if !pages.insert(token.to_owned()) {
            return Err(of_unreadable(operation, "the same page comes again", None));
        }
        input["NextToken"] = token.into();
    }
}

/// The state of a resource while a request of this operation is under way.
pub(super) fn state(verb: &Operation, status: &str) -> String {
    let verb = match verb.name {
        name if name == CREATE_RESOURCE.name => "CREATE",
        name if name == UPDATE_RESOURCE.name => "UPDATE",
        name if name == DELETE_RESOURCE.name => "DELETE",
        _ => "REQUEST",
    };
    format!("{verb} {status}")
}
