//! What became of many stacks: a table for people, a document, a report of tests.

pub mod progress;
mod table;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use trueup_engine::drift;
use trueup_engine::plan::document::{FORMAT_VERSION, FaultDocument, SummaryDocument};

use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::diagnostics::DiagnosticDocument;
use crate::output::document::{ErrorDocument, Totals};
use crate::output::junit::{self, Case, End, Suite};

pub use self::table::{table, totals};

/// `fleet plan --json`, `fleet drift --json` and `fleet apply --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FleetDocument {
    /// The version of this format.
    pub format_version: &'static str,
    /// `fleet plan`, `fleet drift` or `fleet apply`.
    pub command: &'static str,
    /// How many of what.
    pub summary: FleetSummary,
    /// One for each stack, environment and target, in the order in which they were given.
    pub stacks: Vec<StackLine>,
    /// What is wrong with the file of targets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<DiagnosticDocument>,
    /// Why the command did not go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorDocument>,
}

/// How many of what.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct FleetSummary {
    /// Stacks, each environment and target counted.
    pub stacks: usize,
    /// How many of them ended in which way; every way is there.
    pub results: BTreeMap<Verdict, usize>,
    /// Resources to create, or that are missing.
    pub create: usize,
    /// Resources to update, to replace or to adopt, or that differ.
    pub change: usize,
    /// Resources to delete.
    pub delete: usize,
    /// Calls that were sent, repetitions not counted.
    pub calls: u64,
    /// How long the run took.
    pub seconds: f64,
}

/// What became of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// A plan or an apply: there was nothing to do.
    Unchanged,
    /// A plan: there are changes.
    Changes,
    /// An apply: what was planned is done.
    Applied,
    /// A look for drift: everything is as the manifest says.
    InSync,
    /// A look for drift: something differs or is missing.
    Drifted,
    /// Everything is as the manifest says, and something cannot be used.
    Unhealthy,
    /// Something could not be read.
    Incomplete,
    /// The manifest cannot be used; nothing was sent.
    Invalid,
    /// Something may not be done.
    Blocked,
    /// The live state or the manifest is not what the plan was made from; nothing was written.
    Stale,
    /// Another run holds the lock.
    Locked,
    /// Something failed.
    Failed,
    /// A signal ended it.
    Interrupted,
    /// It was not begun, because too many others had failed, or because of a signal.
    NotStarted,
}

impl Verdict {
    const ALL: [Self; 14] = [
        Self::Unchanged,
        Self::Changes,
        Self::Applied,
        Self::InSync,
        Self::Drifted,
        Self::Unhealthy,
        Self::Incomplete,
        Self::Invalid,
        Self::Blocked,
        Self::Stale,
        Self::Locked,
        Self::Failed,
        Self::Interrupted,
        Self::NotStarted,
    ];

    /// What an exit says of a stack; `done` and `changed` are what it is where nothing else is the matter.
    pub const fn of(exit: Exit, done: Self, changed: Self) -> Self {
        match exit {
            Exit::Done => done,
            Exit::Changes => changed,
            Exit::Failed => Self::Failed,
            Exit::Blocked => Self::Blocked,
            Exit::Stale => Self::Stale,
            Exit::Locked => Self::Locked,
            Exit::Incomplete => Self::Incomplete,
            Exit::Unhealthy => Self::Unhealthy,
            Exit::Usage => Self::Invalid,
            Exit::Interrupted | Exit::Terminated => Self::Interrupted,
        }
    }

    /// Whether it counts against the failures that are tolerated.
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Incomplete | Self::Invalid | Self::Blocked | Self::Stale | Self::Locked | Self::Failed)
    }

    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Changes => "changes",
            Self::Applied => "applied",
            Self::InSync => "in sync",
            Self::Drifted => "drifted",
            Self::Unhealthy => "unhealthy",
            Self::Incomplete => "incomplete",
            Self::Invalid => "invalid",
            Self::Blocked => "blocked",
            Self::Stale => "stale",
            Self::Locked => "locked",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::NotStarted => "not started",
        }
    }
}

/// One stack in one environment, for one target.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StackLine {
    /// The folder or the manifest, as it was given or found.
    pub path: String,
    /// The stack's name, as far as the manifest could be read.
    pub name: Option<String>,
    /// The environment.
    pub env: String,
    /// The profile of its target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The role of its target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// The caller's account, where it is known.
    pub account: Option<String>,
    /// The region, where it is known.
    pub region: Option<String>,
    /// What became of it.
    pub result: Verdict,
    /// What the command for this stack alone would have ended with; `null` where it was not begun.
    pub exit_code: Option<u8>,
    /// What its plan would do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<SummaryDocument>,
    /// The digest of its plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// What differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<drift::Summary>,
    /// How its steps ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcomes: Option<Totals>,
    /// Calls that were sent for it, repetitions not counted.
    pub calls: u64,
    /// How long it took.
    pub seconds: f64,
    /// What is wrong with its manifest or its plan: errors.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<DiagnosticDocument>,
    /// What could not be read, or failed, in the service's words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FaultDocument>,
    /// Why it could not go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorDocument>,
}

impl StackLine {
    /// One that was not begun yet.
    pub fn new(path: String, env: String) -> Self {
        Self {
            path,
            name: None,
            env,
            profile: None,
            role_arn: None,
            account: None,
            region: None,
            result: Verdict::NotStarted,
            exit_code: None,
            plan: None,
            digest: None,
            drift: None,
            outcomes: None,
            calls: 0,
            seconds: 0.0,
            diagnostics: Vec::new(),
            faults: Vec::new(),
            error: None,
        }
    }

    /// What is to be created, changed and deleted, or is missing and differs.
    fn counts(&self) -> Option<[usize; 3]> {
        let plan = self.plan.map(|it| [it.create, it.update + it.replace + it.adopt, it.delete]);
        plan.or_else(|| self.drift.map(|it| [it.missing, it.drifted, 0]))
    }

    /// What is the matter, in a few lines: what is wrong, what could not be read, why it could not go on.
    pub fn reasons(&self) -> Vec<String> {
        let place = |found: &DiagnosticDocument| match (&found.file, found.line) {
            (Some(file), Some(line)) => format!(" ({file}:{line})"),
            _ => String::new(),
        };
        let wrong = self.diagnostics.iter().map(|found| format!("{}: {}{}", found.code, found.summary, place(found)));
        let mut faults: Vec<String> = Vec::new();
        for fault in &self.faults {
            let text = crate::error::describe(&fault.fault);
            let text = fault.address.as_ref().map_or(text.clone(), |address| format!("{address}: {text}"));
            faults.push(text);
        }
        wrong.chain(faults).chain(self.error.iter().map(|error| error.message.clone())).collect()
    }
}

impl FleetDocument {
    /// The document of some stacks.
    pub fn new(command: &'static str, stacks: Vec<StackLine>, seconds: f64) -> Self {
        let mut summary = FleetSummary { stacks: stacks.len(), seconds, ..FleetSummary::default() };
        summary.results.extend(Verdict::ALL.map(|verdict| (verdict, 0)));
        for line in &stacks {
            *summary.results.entry(line.result).or_default() += 1;
            let [create, change, delete] = line.counts().unwrap_or_default();
            summary.create += create;
            summary.change += change;
            summary.delete += delete;
            summary.calls += line.calls;
        }
        Self { format_version: FORMAT_VERSION, command, summary, stacks, diagnostics: Vec::new(), error: None }
    }

    /// With the reason why it did not go on.
    #[must_use]
    pub fn with_error(mut self, error: &CommandError) -> Self {
        self.error = Some(ErrorDocument::new(error));
        self
    }
}

/// The stacks as JUnit's XML: one suite, and one test case for each.
pub fn junit(document: &FleetDocument) -> String {
    let case = |line: &StackLine| {
        let target = line.profile.as_ref().or(line.role_arn.as_ref()).map(|target| format!(" {target}"));
        let region = line.region.as_ref().map(|region| format!(" {region}"));
        let reasons = line.reasons();
        Case {
            name: format!("{} {}{}{}", line.path, line.env, target.unwrap_or_default(), region.unwrap_or_default()),
            class: line.name.clone().unwrap_or_else(|| "stack".to_owned()),
            file: None,
            end: match line.result {
                Verdict::Unchanged | Verdict::Applied | Verdict::InSync => End::Passed,
                Verdict::Changes | Verdict::Drifted | Verdict::Unhealthy | Verdict::Blocked | Verdict::Stale => {
                    End::Failure
                }
                Verdict::Incomplete | Verdict::Invalid | Verdict::Failed | Verdict::Interrupted | Verdict::Locked => {
                    End::Error
                }
                Verdict::NotStarted => End::Skipped,
            },
            kind: line.result.words().replace(' ', "_"),
            message: reasons.first().cloned().unwrap_or_else(|| table::in_words(line)),
            body: std::iter::once(table::in_words(line)).chain(reasons).collect::<Vec<_>>().join("\n"),
            seconds: Some(line.seconds),
        }
    };
    let error = document.error.iter().map(|error| Case {
        name: document.command.to_owned(),
        class: "trueup".to_owned(),
        file: None,
        end: End::Error,
        kind: error.kind.clone(),
        message: error.message.clone(),
        body: error.hints.join("\n"),
        seconds: None,
    });
    let wrong = document.diagnostics.iter().map(|found| Case {
        name: found.code.clone(),
        class: "targets".to_owned(),
        file: found.file.clone().zip(found.line).map(|(file, line)| format!("{file}:{line}")),
        end: End::Failure,
        kind: found.code.clone(),
        message: found.summary.clone(),
        body: found.help.clone().unwrap_or_default(),
        seconds: None,
    });
    junit::document(&Suite {
        name: format!("trueup {}", document.command),
        cases: error.chain(wrong).chain(document.stacks.iter().map(case)).collect(),
        said: table::summary(document),
        seconds: Some(document.summary.seconds),
    })
}
