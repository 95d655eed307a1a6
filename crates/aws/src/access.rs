//! As whom an account and region is reached, and everything that does not depend on the run that does it: credentials,
//! endpoints, generated clients, rate limits.
//!
//! The sessions of one [`Pool`](crate::Pool) that come to the same caller and region have one of these between them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use aws_types::SdkConfig;
use aws_types::service_config::ServiceConfigKey;
use tokio::sync::{Semaphore, SemaphorePermit};
use trueup_engine::apply::begin;
use trueup_engine::fault::{Fault, FaultKind};

use crate::call::Calls;
use crate::credentials::{Identity, Keeper};
use crate::fault;
use crate::http::{Connectors, Way, client_of};
use crate::limits::{Buckets, Limits};
use crate::operation::{self, Effect, Operation, Service};
use crate::sdk::Clients;
use crate::wire::Line;

/// One caller in one region.
pub(crate) struct Access {
    pub(crate) keeper: Arc<Keeper>,
    pub(crate) config: SdkConfig,
    pub(crate) region: String,
    pub(crate) clients: Clients,
    /// The endpoint is on this machine.
    pub(crate) local: bool,
    limits: Limits,
    /// What holds until it is known which account it is.
    unknown: Buckets,
    known: OnceLock<Arc<Buckets>>,
    quotas: Arc<Quotas>,
    slots: Arc<Semaphore>,
    lines: Lines,
}

/// What an [`Access`] is made of.
pub(crate) struct Parts {
    pub(crate) keeper: Arc<Keeper>,
    pub(crate) config: SdkConfig,
    pub(crate) region: String,
    pub(crate) limits: Option<Limits>,
    pub(crate) quotas: Arc<Quotas>,
    /// One for each call that the process may have under way.
    pub(crate) slots: Arc<Semaphore>,
    pub(crate) connectors: Arc<Connectors>,
    pub(crate) way: Way,
    pub(crate) timeout: Duration,
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

/// The buckets of all accounts and regions: the services count the calls of an account, whoever sends them.
#[derive(Debug, Default)]
pub(crate) struct Quotas {
    by_place: Mutex<HashMap<Place, Arc<Buckets>>>,
}

/// Endpoint, account and region.
type Place = (Option<String>, String, String);

impl Quotas {
    /// The buckets of an account and region. Behind another endpoint is another cloud, whatever it calls its accounts.
    fn of(&self, endpoint: Option<&str>, account: &str, region: &str, limits: Limits) -> Arc<Buckets> {
        let key = (endpoint.map(str::to_owned), account.to_owned(), region.to_owned());
        let mut all = self.by_place.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(key).or_insert_with(|| Arc::new(Buckets::new(limits))))
    }
}

impl Access {
    pub(crate) fn new(parts: Parts) -> Self {
        let local = parts.config.endpoint_url().is_some_and(is_loopback);
        let usual = if local { Limits::unlimited() } else { Limits::documented() };
        let limits = parts.limits.unwrap_or(usual);
        Self {
            clients: Clients::new(&parts.config, parts.timeout, parts.endpoint_url.clone()),
            keeper: parts.keeper,
            config: parts.config,
            region: parts.region,
            local,
            limits,
            unknown: Buckets::new(limits),
            known: OnceLock::new(),
            quotas: parts.quotas,
            slots: parts.slots,
            lines: Lines {
                connectors: parts.connectors,
                way: parts.way,
                timeout: parts.timeout,
                endpoint_url: parts.endpoint_url,
                suffix: parts.suffix,
                by_service: Mutex::default(),
            },
        }
    }

    /// The buckets that calls go through: those of the account as soon as it is known. The first question that a run asks
    /// is which one it is.
    pub(crate) fn buckets(&self) -> &Buckets {
        if let Some(known) = self.known.get() {
            return known;
        }
        let Some(identity) = self.keeper.identity.get() else { return &self.unknown };
        let of = || self.quotas.of(self.config.endpoint_url(), &identity.account, &self.region, self.limits);
        self.known.get_or_init(of)
    }

    /// Waits until the process may send one more call, with credentials for it; it is under way as long as what is returned.
    /// With a write an operation begins, or does no more where it was interrupted.
    pub(crate) async fn slot(&self, operation: &Operation) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        let slot = self.slots.acquire().await.ok();
        if operation.effect != Effect::Reads {
            // Whoever has none is told so when it is sent.
            let _ = self.keeper.credentials().await;
            begin::write().await;
        }
        slot
    }

    /// Who the caller is. STS is asked once for all regions and sessions.
    pub(crate) async fn identity(&self, calls: &Calls) -> Result<&Identity, Fault> {
        self.keeper.identity.get_or_try_init(|| self.ask_identity(calls)).await
    }

    async fn ask_identity(&self, calls: &Calls) -> Result<Identity, Fault> {
        let operation = &operation::GET_CALLER_IDENTITY;
        // A missing credential is found here, with better words than the client has.
        self.keeper.credentials().await.map_err(|error| fault::of_credentials(operation.name, &error))?;
        let endpoint = self.config.endpoint_url().unwrap_or("https://sts");
        let http = client_of(&self.lines.connectors.of(endpoint, &self.lines.way));
        let config = self.config.to_builder().http_client(http).build();
        let client = aws_sdk_sts::Client::new(&config);
        let outcome = calls
            .run(operation, &self.unknown, || {
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
        Ok(Identity { account, arn })
    }

    /// Whether it is reached at an address of one's own, and not at AWS's.
    pub(crate) fn has_own_endpoint(&self) -> bool {
        self.lines.endpoint_url.is_some() || self.config.endpoint_url().is_some()
    }

    /// The HTTP client for a service that has a generated client.
    pub(crate) fn http(&self, service: &Service) -> aws_smithy_runtime_api::client::http::SharedHttpClient {
        client_of(&self.lines.connectors.of(&self.endpoint(service), &self.lines.way))
    }

    /// Where a service without a generated client is reached.
    pub(crate) fn line(&self, service: &'static Service) -> Result<Line, Fault> {
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
    pub(crate) fn endpoint(&self, service: &Service) -> String {
        self.own_endpoint(service).unwrap_or_else(|| {
            let fips = if self.config.use_fips().unwrap_or(false) { "-fips" } else { "" };
            format!("https://{}", service.host(fips, &self.region, &self.lines.suffix).0)
        })
    }

    /// What the command line, the environment or the profile says.
    pub(crate) fn own_endpoint(&self, service: &Service) -> Option<String> {
        let key = ServiceConfigKey::builder().service_id(service.id).env("AWS_ENDPOINT_URL").profile("endpoint_url");
        let own = || self.config.service_config()?.load_config(key.build().ok()?);
        let shared = || self.config.endpoint_url().map(str::to_owned);
        // An endpoint of the command line goes before one of the environment's for a single service.
        self.lines.endpoint_url.clone().or_else(own).or_else(shared)
    }
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
    use super::*;

    #[test]
    fn loopback_is_recognised() {
        for url in ["http://127.0.0.1:4566", "http://localhost:5000/", "http://[::1]:1", "http://aws.localhost"] {
            assert!(is_loopback(url), "{url}");
        }
        for url in ["https://events.us-east-1.amazonaws.com", "http://10.0.0.1:4566", "http://localhost.example.com"] {
            assert!(!is_loopback(url), "{url}");
        }
    }

    #[test]
    fn an_account_and_region_has_one_set_of_buckets() {
        let quotas = Quotas::default();
        let of = |endpoint, account, region| quotas.of(endpoint, account, region, Limits::documented());
        let first = of(None, "111111111111", "us-east-1");
        assert!(Arc::ptr_eq(&first, &of(None, "111111111111", "us-east-1")));
        for (endpoint, account, region) in [
            (None, "222222222222", "us-east-1"),
            (None, "111111111111", "eu-west-1"),
            (Some("https://other.example.com"), "111111111111", "us-east-1"),
        ] {
            assert!(!Arc::ptr_eq(&first, &of(endpoint, account, region)), "{endpoint:?} {account} {region}");
        }
    }
}
