//! One account and region, reached by a session: its calls, and what it has made and seen there.
//!
//! Made once per place and only when a call needs it. Two places that come to the same role and region share one. What
//! does not depend on the session is its [`Access`].

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value as Json;
use tokio::sync::OnceCell;
use tokio::time::Instant;
use trueup_engine::cloud::Whereabouts;
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::secret::Secret;

use crate::access::Access;
use crate::call::{Calls, Outcome};
use crate::fault;
use crate::kinds::cloud_control::Requests;
use crate::operation::{Operation, Protocol, S3};
use crate::query;
use crate::sdk::Clients;
use crate::wire::{self, Answered, Unsigned};

/// How long something that was just made may not be seen everywhere.
const FRESH: Duration = Duration::from_secs(15);

/// One account and region, as a session sees it.
pub(crate) struct Reach {
    calls: Arc<Calls>,
    access: Arc<Access>,
    secret_reads: bool,
    whereabouts: OnceCell<Whereabouts>,
    private_connections: Mutex<HashSet<String>>,
    fresh: Mutex<HashMap<String, Instant>>,
    requests: Requests,
}

impl Reach {
    pub(crate) fn new(calls: Arc<Calls>, access: Arc<Access>, secret_reads: bool) -> Self {
        Self {
            calls,
            access,
            secret_reads,
            whereabouts: OnceCell::new(),
            private_connections: Mutex::default(),
            fresh: Mutex::default(),
            requests: Requests::default(),
        }
    }

    /// The names of connections that were seen to be private; their list pages do not say.
    pub(crate) fn private_connections(&self) -> MutexGuard<'_, HashSet<String>> {
        self.private_connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The region.
    pub(crate) fn region(&self) -> &str {
        &self.access.region
    }

    /// Notes what this session has just made.
    pub(crate) fn made(&self, identity: &str) {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner).insert(identity.to_owned(), Instant::now());
    }

    /// Sends a call about something. The services take some seconds to see everywhere what was just made: as long as this
    /// session made it less than [`FRESH`] ago, "not found" is waited out.
    pub(crate) async fn call_about(
        &self,
        identity: &str,
        operation: &'static Operation,
        input: &Json,
        secrets: &[Secret],
    ) -> Outcome<Json> {
        let mut pause = Duration::from_millis(100);
        loop {
            let outcome = self.call(operation, input, secrets).await;
            match &outcome.result {
                Err(fault) if fault.kind == FaultKind::NotFound && self.is_fresh(identity) => {}
                _ => return outcome,
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }

    /// Whether this session has just made it.
    pub(crate) fn is_fresh(&self, identity: &str) -> bool {
        let fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        fresh.get(identity).is_some_and(|made| made.elapsed() < FRESH)
    }

    /// How long what another service or an index has to see may not be seen there.
    pub(crate) fn lag(&self) -> Duration {
        if self.access.local { Duration::from_millis(500) } else { FRESH }
    }

    /// Sends a call with a policy. A role that was made a moment ago is no valid principal yet, and the services answer
    /// the same code as for a mistake; so that code is waited out for some seconds.
    pub(crate) async fn call_with_policy(
        &self,
        identity: &str,
        operation: &'static Operation,
        input: &Json,
        secrets: &[Secret],
    ) -> Outcome<Json> {
        let deadline = Instant::now() + self.lag();
        let mut pause = Duration::from_millis(200);
        loop {
            let outcome = self.call_about(identity, operation, input, secrets).await;
            let malformed = outcome.result.as_ref().err().and_then(|fault| fault.code.as_deref());
            if malformed != Some("MalformedPolicyDocumentException") || Instant::now() >= deadline {
                return outcome;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(4));
        }
    }

    /// Notes that something is gone, so that nobody waits for it.
    pub(crate) fn gone(&self, identity: &str) {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner).remove(identity);
    }

    /// Whether it is reached at an address of one's own, and not at AWS's.
    pub(crate) fn has_own_endpoint(&self) -> bool {
        self.access.has_own_endpoint()
    }

    /// The requests of Cloud Control that are under way.
    pub(crate) fn requests(&self) -> &Requests {
        &self.requests
    }

    /// Whether managed secrets may be read.
    pub(crate) fn secret_reads(&self) -> bool {
        self.secret_reads
    }

    /// Sends a call; `secrets` are what the request holds, so that no message repeats them.
    pub(crate) async fn call(&self, operation: &'static Operation, input: &Json, secrets: &[Secret]) -> Outcome<Json> {
        let access = &self.access;
        if Clients::has(operation.service) {
            let http = || access.http(operation.service);
            return self
                .calls
                .run(operation, access.buckets(), || async {
                    let _slot = access.slot(operation).await;
                    access.clients.send(http, operation, input, secrets).await
                })
                .await;
        }
        let (line, body) = match access.line(operation.service).and_then(|line| Ok((line, body(operation, input)?))) {
            Ok(ready) => ready,
            Err(fault) => return Outcome { result: Err(fault), doubtful: false },
        };
        self.calls
            .run(operation, access.buckets(), || {
                let (line, body) = (line.clone(), body.clone());
                async move {
                    let _slot = access.slot(operation).await;
                    let credentials = access
                        .keeper
                        .credentials()
                        .await
                        .map_err(|error| fault::of_credentials(operation.name, &error))?;
                    wire::exchange(&line, credentials, operation, body, secrets).await
                }
            })
            .await
    }

    /// Sends a call of a service that is spoken to with HTTP's own methods. `expected` says which answers beside those of
    /// success are answers; the others are faults.
    pub(crate) async fn rest(
        &self,
        operation: &'static Operation,
        request: impl Fn() -> Unsigned,
        expected: impl Fn(&Answered) -> bool,
    ) -> Result<Answered, Fault> {
        let line = self.access.line(operation.service)?;
        let (line, request, expected) = (&line, &request, &expected);
        let attempt = || async move {
            let credentials = self
                .access
                .keeper
                .credentials()
                .await
                .map_err(|error| fault::of_credentials(operation.name, &error))?;
            let _slot = self.access.slot(operation).await;
            let answered = wire::send(line, credentials, operation, request(), &[]).await?;
            if answered.is_success() || expected(&answered) {
                let request_id = answered.request_id.clone();
                return Ok((answered, request_id));
            }
            Err(wire::refused(operation, &answered, &[]))
        };
        self.calls.run(operation, self.access.buckets(), attempt).await.result
    }

    /// The address of an object: the bucket is part of the host, but for an endpoint of one's own and for a name with dots,
    /// which no certificate covers.
    pub(crate) fn object_url(&self, bucket: &str, path: &str) -> Result<::http::Uri, Fault> {
        let endpoint = self.access.endpoint(&S3);
        let url = match endpoint.strip_prefix("https://") {
            Some(host) if self.access.own_endpoint(&S3).is_none() && !bucket.contains('.') => {
                format!("https://{bucket}.{host}/{path}")
            }
            _ => format!("{}/{bucket}/{path}", endpoint.trim_end_matches('/')),
        };
        url.parse()
            .map_err(|_| Fault::new(FaultKind::Invalid, "s3", format!("`{url}` is not the address of an object")))
    }

    /// Sends a call that holds no secret.
    pub(crate) async fn read(&self, operation: &'static Operation, input: &Json) -> Result<Json, Fault> {
        self.call(operation, input, &[]).await.result
    }

    /// Account and region of the caller.
    pub(crate) async fn whereabouts(&self) -> Result<&Whereabouts, Fault> {
        let ask = || async {
            let identity = self.access.identity(&self.calls).await?;
            Ok(Whereabouts { account: identity.account.clone(), region: self.access.region.clone() })
        };
        self.whereabouts.get_or_try_init(ask).await
    }

    /// The ARN of the caller, where STS says it.
    pub(crate) async fn caller(&self) -> Result<Option<&str>, Fault> {
        Ok(self.access.identity(&self.calls).await?.arn.as_deref())
    }
}

fn body(operation: &'static Operation, input: &Json) -> Result<Bytes, Fault> {
    if let Protocol::Query(version) = operation.service.protocol() {
        return Ok(query::form(operation.short(), version, input).into());
    }
    serde_json::to_vec(input)
        .map(Bytes::from)
        .map_err(|_| Fault::new(FaultKind::Invalid, operation.name, "the request could not be written as JSON"))
}
