//! Why a statement gave no rows.

use std::fmt;

use trueup_engine::diagnostic::{Diagnostic, Diagnostics};
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::source::Sources;

/// Why a statement gave no rows.
#[derive(Debug)]
pub enum QueryError {
    /// It cannot mean what was written. Nothing was written to the cloud.
    Rejected(Box<Rejected>),
    /// A call failed without whose answer there is no result.
    Fault(Box<Fault>),
    /// It ended with an error of SQLite's while it ran: a function was given what it cannot read.
    Ended(String),
}

/// What is wrong with a statement, and the text to show it in.
#[derive(Debug)]
pub struct Rejected {
    /// What is wrong.
    pub diagnostics: Diagnostics,
    /// The text; what is secret in it is masked.
    pub sources: Sources,
}

impl QueryError {
    pub(super) fn rejected(sources: &Sources, diagnostics: impl Into<Diagnostics>) -> Self {
        Self::Rejected(Box::new(Rejected { diagnostics: diagnostics.into(), sources: sources.clone() }))
    }

    /// The same as a fault, for whoever knows nothing of SQL.
    pub fn into_fault(self) -> Fault {
        match self {
            Self::Fault(fault) => *fault,
            other => Fault::new(FaultKind::Invalid, "query", other.to_string()),
        }
    }
}

impl From<Fault> for QueryError {
    fn from(fault: Fault) -> Self {
        Self::Fault(Box::new(fault))
    }
}

impl From<QueryError> for Fault {
    fn from(error: QueryError) -> Self {
        error.into_fault()
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(rejected) => {
                let said: Vec<&str> = rejected.diagnostics.iter().map(|it: &Diagnostic| it.summary.as_str()).collect();
                f.write_str(&said.join("; "))
            }
            Self::Fault(fault) => fault.fmt(f),
            Self::Ended(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for QueryError {}
