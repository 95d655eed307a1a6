//! What happens during a run, as values. The executor emits events and never prints; every output is a fold of them.

use crate::address::Address;
use crate::fault::Fault;
use crate::kind::Verb;

/// One thing that happened to one operation of a plan.
#[derive(Debug, Clone)]
pub struct Event {
    /// The resource.
    pub address: Address,
    /// What is being done to it.
    pub verb: Verb,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum EventKind {
    /// The operation was taken up; it begins with its first write ([`crate::apply::begin`]).
    Started,
    /// The write was accepted and the resource is settling; the service's name of the state.
    Waiting {
        /// `AUTHORIZING`, `DELETING`…
        state: String,
    },
    /// The operation is repeated after a pause.
    Retrying {
        /// What went wrong.
        fault: Fault,
        /// The pause, in milliseconds.
        pause_ms: u64,
    },
    /// It ended well, if perhaps in a state that cannot be used.
    Done {
        /// Whether the resource can be used.
        usable: bool,
        /// State and reason, where it cannot; and what else a person should know.
        note: Option<String>,
    },
    /// It ended in a fault.
    Failed {
        /// Which.
        fault: Fault,
    },
    /// It was not begun, because something that it depends on failed or it is blocked.
    Skipped {
        /// Why.
        reason: String,
    },
    /// It was not begun, because the run was interrupted.
    Cancelled,
}
