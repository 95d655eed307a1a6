//! What machines read: exactly one JSON document a run, after a failure too.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;
use trueup_engine::fault::Fault;
use trueup_engine::plan::document::{FORMAT_VERSION, StackName, Stale};
use trueup_engine::plan::{Action, Plan};
use trueup_engine::report::{Ending, Outcome, Report};

use crate::error::CommandError;
use crate::output::diagnostics::DiagnosticDocument;

/// A run that ended before it had a result of its own, and every result that has only diagnostics.
#[derive(Debug, Serialize)]
pub struct Bare<'a> {
    /// The version of this format.
    pub format_version: &'static str,
    /// The command.
    pub command: &'a str,
    /// Which stack, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<StackName>,
    /// What is wrong with the manifest.
    pub diagnostics: Vec<DiagnosticDocument>,
    /// Why the command could not go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorDocument>,
}

impl<'a> Bare<'a> {
    /// Only diagnostics.
    pub fn new(command: &'a str, diagnostics: Vec<DiagnosticDocument>) -> Self {
        Self { format_version: FORMAT_VERSION, command, stack: None, diagnostics, error: None }
    }

    /// With the stack.
    #[must_use]
    pub fn of_stack(mut self, name: &str, env: &str) -> Self {
        self.stack = Some(StackName { name: name.to_owned(), env: env.to_owned() });
        self
    }

    /// With an error.
    #[must_use]
    pub fn with_error(mut self, error: &CommandError) -> Self {
        self.error = Some(ErrorDocument::new(error));
        self
    }
}

/// Why a command could not go on.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ErrorDocument {
    /// `usage`, `blocked`, `stale` or `failed`.
    pub kind: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
    /// The failed call behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

impl ErrorDocument {
    /// The document of an error.
    pub fn new(error: &CommandError) -> Self {
        Self {
            kind: error.kind.as_str().to_owned(),
            message: error.message.clone(),
            hints: error.hints.clone(),
            fault: error.fault.as_deref().cloned(),
        }
    }
}

/// The result of `apply` and `teardown`.
#[derive(Debug, Serialize)]
pub struct ReportDocument {
    /// The version of this format.
    pub format_version: &'static str,
    /// `apply` or `teardown`.
    pub command: &'static str,
    /// Which stack.
    pub stack: StackName,
    /// The caller's account.
    pub account: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// The digest of the plan that was executed.
    pub digest: String,
    /// Totals.
    pub summary: Totals,
    /// One for every step that was to do something.
    pub outcomes: Vec<OutcomeDocument>,
    /// The stack's exports; a secret one is masked, an unknown one null.
    pub exports: IndexMap<String, Json>,
    /// Warnings and notes.
    pub diagnostics: Vec<DiagnosticDocument>,
    /// What moved since a saved plan was made; nothing was written then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stale: Vec<StaleDocument>,
    /// Why the command did not go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorDocument>,
}

/// How many of what.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct Totals {
    /// Ended as planned.
    pub done: usize,
    /// Ended in a fault.
    pub failed: usize,
    /// Not begun because of another one.
    pub skipped: usize,
    /// Not begun, because they may not be.
    pub blocked: usize,
    /// Not begun, because the run was interrupted.
    pub cancelled: usize,
    /// Begun, and perhaps carried out.
    pub unknown: usize,
    /// Kept at teardown, as the manifest says.
    pub kept: usize,
    /// Resources that exist and cannot be used.
    pub unhealthy: usize,
    /// Secrets that could not be compared.
    pub not_verifiable: usize,
    /// Resources that could not be read.
    pub unread: usize,
    /// A signal ended the run early.
    pub interrupted: bool,
    /// How long the run took.
    pub seconds: f64,
}

impl Totals {
    /// The totals of a report.
    pub fn new(report: &Report) -> Self {
        Self {
            done: report.count(Ending::Done),
            failed: report.count(Ending::Failed),
            skipped: report.count(Ending::Skipped),
            blocked: report.count(Ending::Blocked),
            cancelled: report.count(Ending::Cancelled),
            unknown: report.count(Ending::Unknown),
            kept: report.count(Ending::Kept),
            unhealthy: report.unusable,
            not_verifiable: report.not_verifiable,
            unread: report.unread,
            interrupted: report.interrupted,
            seconds: rounded(report.seconds),
        }
    }
}

/// The outcome of one step.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct OutcomeDocument {
    /// The resource's name in the stack.
    pub address: String,
    /// Its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Its name in the cloud.
    pub identifier: Option<String>,
    /// What was to be done.
    pub action: Action,
    /// How it ended.
    pub outcome: Ending,
    /// Whether it can be used; only `false` is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usable: Option<bool>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// Why it was skipped, what would not clear, state and reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// How long it took.
    pub seconds: f64,
}

impl OutcomeDocument {
    /// The document of an outcome.
    pub fn new(outcome: &Outcome) -> Self {
        Self {
            address: outcome.address.to_string(),
            type_name: outcome.type_name.to_owned(),
            identifier: outcome.identity.clone(),
            action: outcome.action,
            outcome: outcome.ending,
            usable: (!outcome.usable).then_some(false),
            fault: outcome.fault.clone(),
            notes: outcome.notes.clone(),
            seconds: rounded(outcome.seconds),
        }
    }
}

/// What moved since a plan was made.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StaleDocument {
    /// The resource; absent for the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What moved.
    pub what: String,
}

impl From<&Stale> for StaleDocument {
    fn from(stale: &Stale) -> Self {
        Self { address: stale.address.clone(), what: stale.what.clone() }
    }
}

/// What a stack owns and its manifest no longer names.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OrphansDocument {
    /// The version of this format.
    pub format_version: &'static str,
    /// `orphans`.
    pub command: &'static str,
    /// Which stack.
    pub stack: StackName,
    /// What was found.
    pub orphans: Vec<OrphanDocument>,
    /// Why owner tags could not be searched somewhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
}

/// One of them.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct OrphanDocument {
    /// The name that it had in the stack.
    pub address: String,
    /// Its type; `null` where nothing here manages it.
    #[serde(rename = "type")]
    pub type_name: Option<String>,
    /// Its name in the cloud, where it is known.
    pub identifier: Option<String>,
    /// Its ARN.
    pub arn: String,
    /// It is never deleted.
    pub protected: bool,
    /// Why it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

impl OrphanDocument {
    /// Its type in words.
    pub fn type_name(&self) -> &str {
        self.type_name.as_deref().unwrap_or("(of an unknown type)")
    }
}

impl OrphansDocument {
    /// The document of a search.
    pub fn new(stack: &str, env: &str, orphans: Vec<OrphanDocument>, faults: &[&Fault]) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            command: "orphans",
            stack: StackName { name: stack.to_owned(), env: env.to_owned() },
            orphans,
            faults: faults.iter().map(|fault| (*fault).clone()).collect(),
        }
    }
}

impl ReportDocument {
    /// The head, before anything was executed.
    pub fn new(command: &'static str, plan: &Plan, digest: &str, diagnostics: Vec<DiagnosticDocument>) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            command,
            stack: StackName { name: plan.stack.clone(), env: plan.env.clone() },
            account: plan.whereabouts.as_ref().map(|here| here.account.clone()),
            region: plan.whereabouts.as_ref().map(|here| here.region.clone()),
            digest: digest.to_owned(),
            summary: Totals::default(),
            outcomes: Vec::new(),
            exports: IndexMap::new(),
            diagnostics,
            stale: Vec::new(),
            error: None,
        }
    }

    /// With the report of an execution.
    #[must_use]
    pub fn with_report(mut self, report: &Report) -> Self {
        self.summary = Totals::new(report);
        self.outcomes = report.outcomes.iter().map(OutcomeDocument::new).collect();
        self.exports = exports(report);
        self
    }
}

/// The exports as JSON, secrets masked.
pub fn exports(report: &Report) -> IndexMap<String, Json> {
    let value = |value: &Option<trueup_engine::value::Value>| {
        value.as_ref().map_or(Json::Null, trueup_engine::value::Value::to_masked_json)
    };
    report.exports.iter().map(|(name, exported)| (name.clone(), value(exported))).collect()
}

/// Milliseconds are as exact as a duration over the network gets.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use trueup_engine::address::Address;
    use trueup_engine::fault::FaultKind;
    use trueup_engine::secret::Secret;
    use trueup_engine::value::Value;

    use super::*;

    #[test]
    fn exports_and_faults_come_out_masked_and_complete() {
        let mut fault =
            Fault::new(FaultKind::Quota, "events:CreateConnection", "limit").with_code("LimitExceededException");
        fault.request_id = Some("r-1".to_owned());
        let report = Report {
            outcomes: vec![Outcome {
                address: Address::keyed("orders", "a"),
                type_name: "AWS::Events::Connection",
                identity: Some("orders-a".to_owned()),
                action: Action::Create,
                ending: Ending::Failed,
                usable: true,
                fault: Some(fault),
                notes: Vec::new(),
                seconds: 0.123_456,
            }],
            exports: vec![
                ("password".to_owned(), Some(Value::Secret(Secret::new("env:P", "hunter2".to_owned())))),
                ("later".to_owned(), None),
            ],
            interrupted: false,
            unread: 0,
            unusable: 0,
            not_verifiable: 0,
            seconds: 1.0,
        };
        let text = serde_json::to_string(&OutcomeDocument::new(&report.outcomes[0])).unwrap();
        assert_eq!(
            text,
            r#"{"address":"orders[\"a\"]","type":"AWS::Events::Connection","identifier":"orders-a","action":"create","outcome":"failed","fault":{"kind":"quota","operation":"events:CreateConnection","code":"LimitExceededException","message":"limit","request_id":"r-1"},"seconds":0.123}"#
        );
        let text = serde_json::to_string(&exports(&report)).unwrap();
        assert_eq!(text, r#"{"password":{"$secret":"env:P"},"later":null}"#);
    }
}
