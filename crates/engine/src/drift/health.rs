//! Whether a resource can be used, which no property says.

use crate::cloud::{Present, Readiness};

/// The state of a resource that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The service's name of the state.
    pub state: String,
    /// The service's reason, redacted; for what is going, when.
    pub reason: Option<String>,
    /// It can be used.
    pub usable: bool,
    /// It is still changing: neither usable nor broken.
    pub settling: bool,
    /// When the service last authorized it, RFC 3339 in UTC, where it says so.
    pub last_authorized: Option<String>,
}

/// The health of a resource; `None` where its service has no such state.
pub(super) fn of(present: &Present) -> Option<Health> {
    let (state, reason, usable, settling) = match &present.readiness {
        Readiness::Ready(state) => (state.clone()?, None, true, false),
        Readiness::Settling(state) => (state.clone(), None, false, true),
        Readiness::Deleting(state) => (state.clone(), None, false, false),
        Readiness::Scheduled { state, until } => {
            (state.clone(), until.as_ref().map(|day| format!("it goes on {day}")), false, false)
        }
        Readiness::Failed(fault) => ("FAILED".to_owned(), Some(fault.message.clone()), false, false),
        Readiness::Unusable { state, reason } => (state.clone(), reason.clone(), false, false),
    };
    let last_authorized =
        present.last_authorized().and_then(|moment| moment.format(&time::format_description::well_known::Rfc3339).ok());
    Some(Health { state, reason, usable, settling, last_authorized })
}
