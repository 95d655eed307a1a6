//! One evaluation: what it was told, and what it touched.
//!
//! Whether a scalar is a secret, and what it depends on, is decided by what its evaluation *touched* and never by
//! following values through filters: a filter can transform a secret in any way, and the scalar is still one. So every
//! lookup goes through a [`Run`], which notes it. A run that lacks something notes that too, answers with a stand-in, and
//! is repeated once it has been fetched; a dry run is a run that was told nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::{IndexMap, IndexSet};

use super::deferred::Property;
use super::template::Problem;
use crate::address::Address;
use crate::credential::SecretSource;
use crate::secret::Secret;
use crate::source::Span;

/// A property of another resource, as a key.
pub type Key = (Address, Vec<String>);

/// One evaluation.
#[derive(Default)]
pub struct Run {
    /// Nothing is known: every reference and every secret has a stand-in.
    pub dry: bool,
    /// The properties that were fetched.
    pub properties: HashMap<Key, Property>,
    /// The secrets that were fetched.
    pub secrets: HashMap<SecretSource, Option<Secret>>,
    trace: Mutex<Trace>,
}

/// What an evaluation touched.
#[derive(Default)]
pub struct Trace {
    /// Labels of the secrets.
    pub secrets: IndexSet<Arc<str>>,
    /// Sources of the secrets.
    pub sources: IndexSet<SecretSource>,
    /// One of the secrets could not be read.
    pub unresolved: bool,
    /// Properties of other resources, and how often; a deeper lookup takes one back from its parent.
    pub references: IndexMap<Key, isize>,
    /// One of them is not known yet.
    pub unknown: bool,
    /// Properties that resources do not have, and why.
    pub missing_properties: Vec<(Key, String)>,
    /// Variables without a value.
    pub missing_variables: IndexSet<String>,
    /// Names that mean nothing.
    pub missing_names: IndexSet<String>,
    /// Something that was reported elsewhere made the result meaningless; what it is called.
    pub broken: Option<Arc<str>>,
    /// A value from outside the manifest was used, which errors must not quote.
    pub outside: bool,
    /// Where such values came from: `env:NAME`, `--var NAME`.
    pub origins: IndexSet<String>,
    /// The variables that such values came from, also by way of a global or of `each`; none that is a secret already.
    pub variables: IndexSet<String>,
    /// Mistakes found by a lookup.
    pub problems: Vec<(Problem, Option<Span>)>,
    /// To be fetched before the run is repeated.
    pub wanted_properties: IndexSet<Key>,
    /// To be fetched before the run is repeated.
    pub wanted_secrets: IndexSet<SecretSource>,
    /// Deferred values inside of deferred values.
    pub depth: usize,
}

impl Trace {
    /// Whether the result has to wait.
    pub fn waits(&self) -> bool {
        self.unknown || !self.secrets.is_empty()
    }
}

impl Run {
    /// A run that knows nothing.
    pub fn dry() -> Arc<Self> {
        Arc::new(Self { dry: true, ..Self::default() })
    }

    /// A run that was told this much.
    pub fn knowing(properties: HashMap<Key, Property>, secrets: HashMap<SecretSource, Option<Secret>>) -> Arc<Self> {
        Arc::new(Self { dry: false, properties, secrets, ..Self::default() })
    }

    /// What was touched so far.
    pub fn trace(&self) -> MutexGuard<'_, Trace> {
        self.trace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
