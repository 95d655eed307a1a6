//! The end of a run: the fold of its events into one outcome a step, totals, and what a person should know.

use crate::address::Address;
use crate::fault::Fault;
use crate::plan::Action;
use crate::value::Value;

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// As planned.
    Done,
    /// In a fault.
    Failed,
    /// Not begun, because something that it depends on failed, was blocked or could not be read.
    Skipped,
    /// Not begun, because it may not be.
    Blocked,
    /// Not begun, because the run was interrupted.
    Cancelled,
    /// Begun, and nobody waited for the answer: it may have been carried out.
    Unknown,
    /// Kept at teardown, as the manifest says.
    Kept,
}

/// The outcome of a step.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The resource.
    pub address: Address,
    /// Its type.
    pub type_name: &'static str,
    /// Its identity in the cloud, where it is known.
    pub identity: Option<String>,
    /// What was to be done.
    pub action: Action,
    /// How it ended.
    pub ending: Ending,
    /// It ended in a settled state that cannot be used.
    pub usable: bool,
    /// Why it failed.
    pub fault: Option<Fault>,
    /// Why it was skipped, what would not clear, state and reason.
    pub notes: Vec<String>,
    /// How long it took.
    pub seconds: f64,
}

/// The report of an apply or a teardown.
#[derive(Debug, Clone)]
pub struct Report {
    /// One outcome for every step that was to do something, in the order of the manifest.
    pub outcomes: Vec<Outcome>,
    /// The stack's exports, where they are known; secret ones stay secrets.
    pub exports: Vec<(String, Option<Value>)>,
    /// It was interrupted by a signal.
    pub interrupted: bool,
    /// Resources that could not be read.
    pub unread: usize,
    /// Resources that exist and cannot be used, whether or not this run touched them.
    pub unusable: usize,
    /// Secrets that could not be compared.
    pub not_verifiable: usize,
    /// How long the run took.
    pub seconds: f64,
}

impl Report {
    /// How many outcomes ended so.
    pub fn count(&self, ending: Ending) -> usize {
        self.outcomes.iter().filter(|outcome| outcome.ending == ending).count()
    }
}
