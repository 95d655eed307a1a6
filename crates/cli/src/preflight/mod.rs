//! What can be known to go wrong before an apply writes anything: keys that cannot be used, quotas that are full, names
//! that somebody else holds, rights that are missing. Reads only.
//!
//! Every check has one of three verdicts, and "not checked" is one of its own: what could not be looked at is neither
//! fine nor wrong.

mod key_policy;
mod keys;
mod names;
mod quotas;
mod rights;
mod sources;

use schemars::JsonSchema;
use serde::Serialize;
use trueup_engine::fault::Fault;

use crate::cloud::Connected;
use crate::commands::plan::Planned;
use crate::commands::{Context, Ready};
use crate::error::{self, CommandError};
use crate::secrets::Secrets;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing is in the way.
    Ok,
    /// An apply would fail over it.
    Failed,
    /// It could not be looked at.
    NotChecked,
}

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Check {
    /// The resource that it is about; absent where it is about the whole stack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// `key`, `key_policy`, `key_tag`, `quota`, `name`, `owner`, `sources` or `rights`.
    #[serde(rename = "check")]
    pub topic: &'static str,
    /// How it came out.
    pub verdict: Verdict,
    /// What was found.
    pub detail: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Check {
    fn new(topic: &'static str, verdict: Verdict, detail: impl Into<String>) -> Self {
        Self { address: None, topic, verdict, detail: detail.into(), help: None }
    }

    fn ok(topic: &'static str, detail: impl Into<String>) -> Self {
        Self::new(topic, Verdict::Ok, detail)
    }

    fn failed(topic: &'static str, detail: impl Into<String>) -> Self {
        Self::new(topic, Verdict::Failed, detail)
    }

    fn not_checked(topic: &'static str, detail: impl Into<String>) -> Self {
        Self::new(topic, Verdict::NotChecked, detail)
    }

    /// That a call failed, so that nobody knows.
    fn unread(topic: &'static str, fault: &Fault) -> Self {
        let unread = Self::not_checked(topic, format!("{} {}", fault.operation, error_kind(fault)));
        match error::advice(fault) {
            Some(help) => unread.help(help),
            None => unread,
        }
    }

    fn of(mut self, address: &impl ToString) -> Self {
        self.address = Some(address.to_string());
        self
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// A fault in a few words; who asked again would get another request id.
fn error_kind(fault: &Fault) -> String {
    match &fault.code {
        Some(code) => format!("{} ({code})", fault.kind),
        None => fault.kind.to_string(),
    }
}

/// Looks at everything.
pub async fn run(
    context: &Context<'_>,
    ready: &Ready,
    cloud: &Connected,
    planned: &Planned,
    secrets: &Secrets,
) -> Result<Vec<Check>, CommandError> {
    let session = &cloud.session;
    let (keys, quotas, rights) = tokio::join!(
        keys::checks(session, planned),
        quotas::checks(session, planned),
        rights::checks(context, ready, session)
    );
    let mut all = names::checks(planned);
    all.extend(sources::checks(planned, secrets));
    all.extend(keys);
    all.extend(quotas);
    all.extend(rights?);
    Ok(all)
}

/// How many came out in a way.
pub fn count(checks: &[Check], verdict: Verdict) -> usize {
    checks.iter().filter(|check| check.verdict == verdict).count()
}
