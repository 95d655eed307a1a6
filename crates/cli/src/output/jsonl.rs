//! Events, one JSON object a line, for whoever follows a run while it goes on.
//!
//! A line is at most 64 KiB, so that line-based collectors keep it whole; what would be longer is cut and says so.

use std::sync::Mutex;
use std::sync::PoisonError;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use trueup_engine::blame::Finding;
use trueup_engine::drift::Summary;
use trueup_engine::event::{Event, EventKind};
use trueup_engine::fault::Fault;
use trueup_engine::kind::Verb;
use trueup_engine::plan::document::{PlanDocument, StackName, StepDocument, SummaryDocument};

use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::diagnostics::DiagnosticDocument;
use crate::output::document::{ErrorDocument, OutcomeDocument, ReportDocument, StaleDocument, Totals};
use crate::output::drift::{DriftDocument, FindingDocument};
use crate::printer::Printer;

/// The longest line, its line feed included.
const LONGEST: usize = 64 * 1024;

/// One line.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EventLine {
    /// The line's number, from 1.
    pub seq: u64,
    /// When it was written, RFC 3339 in UTC.
    pub time: String,
    /// Only where the line was cut to fit: long texts and lists end early.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// What happened.
    #[serde(flatten)]
    pub body: Body,
}

/// What happened.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Body {
    /// What the run is about.
    Head {
        /// The command.
        command: String,
        /// Which stack.
        stack: StackName,
        /// The caller's account.
        account: Option<String>,
        /// The region.
        region: Option<String>,
        /// The plan's digest, where there is a plan.
        #[serde(skip_serializing_if = "Option::is_none")]
        digest: Option<String>,
    },
    /// Something about the manifest.
    Diagnostic {
        /// What.
        diagnostic: DiagnosticDocument,
    },
    /// A step of the plan.
    Step {
        /// The resource.
        address: String,
        /// The step.
        step: Box<StepDocument>,
    },
    /// The totals of the plan.
    Planned {
        /// How many of what.
        summary: SummaryDocument,
    },
    /// What was found about a resource.
    Finding {
        /// The resource.
        address: String,
        /// What.
        finding: Box<FindingDocument>,
    },
    /// The totals of a look for drift.
    Checked {
        /// How many of what.
        summary: Summary,
    },
    /// Who brought about what differs.
    Blame {
        /// The resource.
        address: String,
        /// The calls, and what is not known.
        blame: Vec<Finding>,
    },
    /// An operation was taken up. What it waits for and reads comes first; an interruption before its first write leaves it undone.
    Started {
        /// The resource.
        address: String,
        /// `create`, `update`, `delete` or `read`.
        verb: String,
    },
    /// A write was accepted and the resource is settling.
    Waiting {
        /// The resource.
        address: String,
        /// What is being done.
        verb: String,
        /// The service's name of the state.
        state: String,
    },
    /// An operation is repeated after a pause.
    Retrying {
        /// The resource.
        address: String,
        /// What is being done.
        verb: String,
        /// What went wrong.
        fault: Fault,
        /// The pause, in milliseconds.
        pause_ms: u64,
    },
    /// An operation ended well.
    Done {
        /// The resource.
        address: String,
        /// What was done.
        verb: String,
        /// Whether the resource can be used.
        usable: bool,
        /// State and reason where it cannot, and what else is worth knowing.
        #[serde(skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// An operation ended in a fault.
    Failed {
        /// The resource.
        address: String,
        /// What was to be done.
        verb: String,
        /// Why.
        fault: Fault,
    },
    /// An operation was not begun.
    Skipped {
        /// The resource.
        address: String,
        /// What was to be done.
        verb: String,
        /// Why.
        reason: String,
    },
    /// An operation was not begun, because the run was interrupted.
    Cancelled {
        /// The resource.
        address: String,
        /// What was to be done.
        verb: String,
    },
    /// How a step ended.
    Outcome {
        /// The resource.
        address: String,
        /// How.
        outcome: Box<OutcomeDocument>,
    },
    /// The stack's exports, secret ones masked.
    Exports {
        /// By name.
        #[schemars(with = "std::collections::BTreeMap<String, Json>")]
        exports: IndexMap<String, Json>,
    },
    /// A saved plan is stale.
    Stale {
        /// What moved.
        stale: Vec<StaleDocument>,
    },
    /// The command could not go on.
    Error {
        /// Why.
        error: ErrorDocument,
    },
    /// The last line.
    Summary {
        /// The command.
        command: String,
        /// Totals of an apply or a teardown; absent for other commands.
        #[serde(skip_serializing_if = "Option::is_none")]
        totals: Option<Totals>,
        /// What the process ends with.
        exit_code: u8,
    },
}

/// Writes lines.
pub struct Jsonl<'a> {
    printer: &'a Printer,
    // Number and write belong together, or lines would come out of order.
    seq: Mutex<u64>,
    totals: Mutex<Option<Totals>>,
}

impl<'a> Jsonl<'a> {
    /// Writes to a printer, from number 1.
    pub fn new(printer: &'a Printer) -> Self {
        Self { printer, seq: Mutex::new(0), totals: Mutex::new(None) }
    }

    /// One line.
    pub fn write(&self, body: Body) {
        let mut seq = self.seq.lock().unwrap_or_else(PoisonError::into_inner);
        *seq += 1;
        let time = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
        if let Some(text) = line(EventLine { seq: *seq, time, truncated: false, body }) {
            self.printer.result(&text);
        }
    }

    /// An event of an execution.
    pub fn event(&self, event: Event) {
        let address = event.address.to_string();
        let verb = verb(event.verb).to_owned();
        self.write(match event.kind {
            EventKind::Started => Body::Started { address, verb },
            EventKind::Waiting { state } => Body::Waiting { address, verb, state },
            EventKind::Retrying { fault, pause_ms } => Body::Retrying { address, verb, fault, pause_ms },
            EventKind::Done { usable, note } => Body::Done { address, verb, usable, note },
            EventKind::Failed { fault } => Body::Failed { address, verb, fault },
            EventKind::Skipped { reason } => Body::Skipped { address, verb, reason },
            EventKind::Cancelled => Body::Cancelled { address, verb },
        });
    }

    /// A whole plan: head, diagnostics, steps, totals.
    pub fn plan(&self, command: &str, plan: &PlanDocument, diagnostics: &[DiagnosticDocument]) {
        self.write(Body::Head {
            command: command.to_owned(),
            stack: plan.stack.clone(),
            account: plan.account.clone(),
            region: plan.region.clone(),
            digest: Some(plan.digest.clone()),
        });
        self.diagnostics(diagnostics);
        for step in &plan.steps {
            self.write(Body::Step { address: step.address.clone(), step: Box::new(step.clone()) });
        }
        self.write(Body::Planned { summary: plan.summary });
    }

    /// What a look for drift found: head, diagnostics, findings, totals.
    pub fn drift(&self, drift: &DriftDocument, diagnostics: &[DiagnosticDocument]) {
        self.write(Body::Head {
            command: drift.command.to_owned(),
            stack: drift.stack.clone(),
            account: drift.account.clone(),
            region: drift.region.clone(),
            digest: None,
        });
        self.diagnostics(diagnostics);
        for finding in &drift.resources {
            self.write(Body::Finding { address: finding.address.clone(), finding: Box::new(finding.clone()) });
        }
        self.write(Body::Checked { summary: drift.summary });
    }

    /// Diagnostics.
    pub fn diagnostics(&self, diagnostics: &[DiagnosticDocument]) {
        for diagnostic in diagnostics {
            self.write(Body::Diagnostic { diagnostic: diagnostic.clone() });
        }
    }

    /// Why the command could not go on.
    pub fn error(&self, error: &CommandError) {
        self.write(Body::Error { error: ErrorDocument::new(error) });
    }

    /// The last line.
    pub fn finish(&self, command: &str, exit: Exit) {
        let totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.write(Body::Summary { command: command.to_owned(), totals, exit_code: exit.code() });
    }

    /// What an execution led to.
    pub fn report(&self, report: &ReportDocument) {
        *self.totals.lock().unwrap_or_else(PoisonError::into_inner) = Some(report.summary.clone());
        for outcome in &report.outcomes {
            self.write(Body::Outcome { address: outcome.address.clone(), outcome: Box::new(outcome.clone()) });
        }
        if !report.exports.is_empty() {
            self.write(Body::Exports { exports: report.exports.clone() });
        }
    }
}

/// A verb in machine output.
pub fn verb(verb: Verb) -> &'static str {
    match verb {
        Verb::Read => "read",
        Verb::Create => "create",
        Verb::Update => "update",
        Verb::Delete => "delete",
    }
}

/// The line as text; cut until it fits.
fn line(mut line: EventLine) -> Option<String> {
    let mut text = serde_json::to_string(&line).ok()?;
    if text.len() >= LONGEST {
        line.truncated = true;
        let whole = serde_json::to_value(&line).ok()?;
        let mut most = 8 * 1024;
        while text.len() >= LONGEST && most > 0 {
            let mut json = whole.clone();
            cut(&mut json, most);
            text = json.to_string();
            most /= 2;
        }
    }
    text.push('\n');
    Some(text)
}

/// Cuts every text to `most` bytes and every list to an eighth as many items.
fn cut(json: &mut Json, most: usize) {
    match json {
        Json::String(text) if text.len() > most => {
            let end = text.floor_char_boundary(most);
            text.truncate(end);
            text.push('…');
        }
        Json::Array(items) => {
            items.truncate((most / 8).max(1));
            for item in items {
                cut(item, most);
            }
        }
        Json::Object(map) => map.values_mut().for_each(|member| cut(member, most)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use trueup_engine::address::Address;
    use trueup_engine::fault::FaultKind;

    use super::*;
    use crate::args::Format;
    use crate::printer::tests::{Shared, plain};

    #[test]
    fn lines_are_numbered_and_never_too_long() {
        let out = Shared::default();
        let printer = Printer::to(plain(Format::Jsonl), out.clone(), Shared::default());
        let jsonl = Jsonl::new(&printer);
        jsonl.event(Event { address: Address::new("orders"), verb: Verb::Create, kind: EventKind::Started });
        let fault = Fault::new(FaultKind::Internal, "events:CreateConnection", "ü".repeat(100_000));
        jsonl.event(Event { address: Address::new("orders"), verb: Verb::Create, kind: EventKind::Failed { fault } });
        let text = out.text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| line.len() < LONGEST));
        let first: Json = serde_json::from_str(lines[0]).unwrap();
        assert_eq!((first["seq"].as_u64(), first["type"].as_str()), (Some(1), Some("started")));
        let second: Json = serde_json::from_str(lines[1]).unwrap();
        assert_eq!(second["truncated"], true);
        assert_eq!(second["fault"]["kind"], "internal");
    }
}
