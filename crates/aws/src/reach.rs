//! One account and region, reached: its credentials, endpoints, rate limits and account id.
//!
//! Made once per place and only when a call needs it. Two places that come to the same role and region share one.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_types::SdkConfig;
use aws_types::service_config::ServiceConfigKey;
use bytes::Bytes;
use serde_json::Value as Json;
use tokio::sync::OnceCell;
use tokio::time::Instant;
use trueup_engine::cloud::Whereabouts;
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::secret::Secret;

use crate::call::{Calls, Outcome};
use crate::credentials::Keeper;
use crate::fault;
use crate::http::{Connectors, Way, client_of};
use crate::kinds::cloud_control::Requests;
use crate::limits::{Buckets, Limits};
use crate::operation::{self, Operation, Protocol, Service};
use crate::query;
use crate::sdk::Clients;
use crate::wire::{self, Answered, Line, Unsigned};

/// How long something that was just made may not be seen everywhere.
const FRESH: Duration = Duration::from_secs(15);

/// One account and region.
pub(crate) struct Reach {
    calls: Arc<Calls>,
    keeper: Arc<Keeper>,
    config: SdkConfig,
    region: String,
    buckets: Buckets,
    clients: Clients,
    lines: Lines,
    secret_reads: bool,
    whereabouts: OnceCell<(Whereabouts, Option<String>)>,
    private_connections: Mutex<HashSet<String>>,
    fresh: Mutex<HashMap<String, Instant>>,
    /// The endpoint is on this machine.
    local: bool,
    requests: Requests,
}

/// What a [`Reach`] is made of.
pub(crate) struct Parts {
    pub(crate) calls: Arc<Calls>,
    pub(crate) keeper: Arc<Keeper>,
    pub(crate) config: SdkConfig,
    pub(crate) region: String,
    pub(crate) limits: Limits,
    pub(crate) connectors: Arc<Connectors>,
    pub(crate) way: Way,
    pub(crate) timeout: Duration,
    pub(crate) secret_reads: bool,
    /// The endpoint of all services that the command line gave.
    pub(crate) endpoint_url: Option<String>,
    /// What follows `https://sts.` in the address of STS: region and the partition's domain.
    pub(crate) suffix: String,
}

struct Lines {
    connectors: Arc<Connectors>,
    way: Way,
    timeout: Duration,
    endpoint_url: Option<String>,
    suffix: String,
    by_service: Mutex<HashMap<&'static str, Line>>,
}

impl Reach {
    pub(crate) fn new(parts: Parts) -> Self {
        let local = parts.config.endpoint_url().is_some_and(is_loopback);
        Self {
            clients: Clients::new(&parts.config, parts.timeout, parts.endpoint_url.clone()),
            calls: parts.calls,
            keeper: parts.keeper,
            config: parts.config,
            region: parts.region,
            buckets: Buckets::new(if local { Limits::unlimited() } else { parts.limits }),
            lines: Lines {
                connectors: parts.connectors,
                way: parts.way,
                timeout: parts.timeout,
                endpoint_url: parts.endpoint_url,
                suffix: parts.suffix,
                by_service: Mutex::default(),
            },
            requests: Requests::default(),
            secret_reads: parts.secret_reads,
            whereabouts: OnceCell::new(),
            private_connections: Mutex::default(),
            fresh: Mutex::default(),
            local,
        }
    }

    /// The names of connections that were seen to be private; their list pages do not say.
    pub(crate) fn private_connections(&self) -> MutexGuard<'_, HashSet<String>> {
        self.private_connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The region.
    pub(crate) fn region(&self) -> &str {
        &self.region
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
        if self.local { Duration::from_millis(500) } else { FRESH }
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
        self.lines.endpoint_url.is_some() || self.config.endpoint_url().is_some()
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
        if Clients::has(operation.service) {
            let http = || client_of(&self.lines.connectors.of(&self.endpoint(operation.service), &self.lines.way));
            return self
                .calls
                .run(operation, &self.buckets, || self.clients.send(http, operation, input, secrets))
                .await;
        }
        let (line, body) = match self.line(operation.service).and_then(|line| Ok((line, body(operation, input)?))) {
            Ok(ready) => ready,
            Err(fault) => return Outcome { result: Err(fault), doubtful: false },
        };
        self.calls
            .run(operation, &self.buckets, || {
                let (line, body) = (line.clone(), body.clone());
                async move {
                    let credentials = self
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
        let line = self.line(operation.service)?;
        let (line, request, expected) = (&line, &request, &expected);
        let attempt = || async move {
            let credentials =
                self.keeper.credentials().await.map_err(|error| fault::of_credentials(operation.name, &error))?;
            let answered = wire::send(line, credentials, operation, request(), &[]).await?;
            if answered.is_success() || expected(&answered) {
                let request_id = answered.request_id.clone();
                return Ok((answered, request_id));
            }
            Err(wire::refused(operation, &answered, &[]))
        };
        self.calls.run(operation, &self.buckets, attempt).await.result
    }

    /// The address of an object: the bucket is part of the host, but for an endpoint of one's own and for a name with dots,
    /// which no certificate covers.
    pub(crate) fn object_url(&self, bucket: &str, path: &str) -> Result<::http::Uri, Fault> {
        let endpoint = self.endpoint(&operation::S3);
        let url = match endpoint.strip_prefix("https://") {
            Some(host) if self.own_endpoint(&operation::S3).is_none() && !bucket.contains('.') => {
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

    /// Account and region of the caller; STS is asked once.
    pub(crate) async fn whereabouts(&self) -> Result<&Whereabouts, Fault> {
        self.asked_whereabouts().await.map(|(here, _)| here)
    }

    /// The ARN of the caller, where STS says it.
    pub(crate) async fn caller(&self) -> Result<Option<&str>, Fault> {
        self.asked_whereabouts().await.map(|(_, arn)| arn.as_deref())
    }

    async fn asked_whereabouts(&self) -> Result<&(Whereabouts, Option<String>), Fault> {
        self.whereabouts.get_or_try_init(|| self.ask_whereabouts()).await
    }

    async fn ask_whereabouts(&self) -> Result<(Whereabouts, Option<String>), Fault> {
        let operation = &operation::GET_CALLER_IDENTITY;
        // A missing credential is found here, with better words than the client has.
        self.keeper.credentials().await.map_err(|error| fault::of_credentials(operation.name, &error))?;
        let endpoint = self.config.endpoint_url().unwrap_or("https://sts");
        let http = client_of(&self.lines.connectors.of(endpoint, &self.lines.way));
        let config = self.config.to_builder().http_client(http).build();
        let client = aws_sdk_sts::Client::new(&config);
        let outcome = self
            .calls
            .run(operation, &self.buckets, || {
                let client = client.clone();
                async move {
                    use aws_types::request_id::RequestId as _;
                    let answer = client.get_caller_identity().send().await;
                    let answer = answer.map_err(|error| fault::of_sdk(operation, &error, &[]))?;
                    let request_id = answer.request_id().map(str::to_owned);
                    Ok(((answer.account, answer.arn), request_id))
                }
            })
            .await;
        let (account, arn) = outcome.result?;
        let account = account.ok_or_else(|| fault::of_unreadable(operation, "it names no account", None))?;
        Ok((Whereabouts { account, region: self.region.clone() }, arn))
    }

    fn line(&self, service: &'static Service) -> Result<Line, Fault> {
        let mut lines = self.lines.by_service.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get(service.name) {
            return Ok(line.clone());
        }
        let endpoint = self.endpoint(service);
        let url = endpoint.parse().map_err(|_| {
            let message = format!("`{endpoint}` is not the address of an endpoint");
            Fault::new(FaultKind::Invalid, service.name, message)
        })?;
        let line = Line {
            url,
            connector: self.lines.connectors.of(&endpoint, &self.lines.way),
            region: service.host("", &self.region, &self.lines.suffix).1,
            timeout: self.lines.timeout,
        };
        lines.insert(service.name, line.clone());
        Ok(line)
    }

    /// The address of a service: what the environment or the profile says, for it or for all, or the service's own.
    fn endpoint(&self, service: &Service) -> String {
        self.own_endpoint(service).unwrap_or_else(|| {
            let fips = if self.config.use_fips().unwrap_or(false) { "-fips" } else { "" };
            format!("https://{}", service.host(fips, &self.region, &self.lines.suffix).0)
        })
    }

    /// What the command line, the environment or the profile says.
    fn own_endpoint(&self, service: &Service) -> Option<String> {
        let key = ServiceConfigKey::builder().service_id(service.id).env("AWS_ENDPOINT_URL").profile("endpoint_url");
        let own = || self.config.service_config()?.load_config(key.build().ok()?);
        let shared = || self.config.endpoint_url().map(str::to_owned);
        // An endpoint of the command line goes before one of the environment's for a single service.
        self.lines.endpoint_url.clone().or_else(own).or_else(shared)
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

/// Whether an endpoint is on this machine.
pub(crate) fn is_loopback(url: &str) -> bool {
    let Ok(url) = url.parse::<::http::Uri>() else { return false };
    let host = url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn loopback_is_recognised() {
        for url in ["http://127.0.0.1:4566", "http://localhost:5000/", "http://[::1]:1", "http://aws.localhost"] {
            assert!(is_loopback(url), "{url}");
        }
        for url in ["https://events.us-east-1.amazonaws.com", "http://10.0.0.1:4566", "http://localhost.example.com"] {
            assert!(!is_loopback(url), "{url}");
        }
    }
}
