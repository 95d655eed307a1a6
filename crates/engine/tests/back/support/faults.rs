//! What can be made to go wrong.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use trueup_engine::apply::Cancel;
use trueup_engine::cloud::Unconfirmed;
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::kind::Verb;

/// What goes wrong with a call.
#[derive(Debug, Clone)]
pub enum Trouble {
    /// It fails.
    Fail(FaultKind),
    /// It is done, and the answer is lost.
    LoseReply,
    /// Its answer takes this long.
    Slow(Duration),
}

/// Which calls something goes wrong with.
#[derive(Debug, Clone)]
pub struct Rule {
    pub verb: Verb,
    pub name: String,
    pub skip: usize,
    pub count: usize,
    pub trouble: Trouble,
}

/// A write that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub verb: Verb,
    pub name: String,
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {}", self.verb, self.name)
    }
}

pub struct Settings {
    /// How long a change of a connection takes, and of a slow one.
    pub settle: Duration,
    pub settle_slow: Duration,
    /// How long every call takes at most.
    pub latency: Duration,
    /// How old what reads show is.
    pub lag: Duration,
    /// Reads of credentials are refused, for this reason.
    pub secrets_denied: bool,
    /// Names of connections that end in a useless state.
    pub useless: BTreeSet<String>,
    /// What a look into other services finds.
    pub findings: Vec<Unconfirmed>,
    /// After so many writes nothing answers any more.
    pub dies_after: Option<usize>,
    /// After so many writes the run is cancelled.
    pub cancels_after: Option<(usize, Cancel)>,
    /// Spellings of keys.
    pub keys: HashMap<String, String>,
    pub keys_fault: Option<Fault>,
    /// Names of the stack in force: nobody can know of other destinations.
    pub known: BTreeSet<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            settle: Duration::from_millis(200),
            settle_slow: Duration::from_mins(10),
            latency: Duration::from_millis(40),
            lag: Duration::ZERO,
            secrets_denied: false,
            useless: BTreeSet::new(),
            findings: Vec::new(),
            dies_after: None,
            cancels_after: None,
            keys: HashMap::new(),
            keys_fault: None,
            known: BTreeSet::new(),
        }
    }
}
