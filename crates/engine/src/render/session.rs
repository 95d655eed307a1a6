//! What every template of one stack can see.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use foldhash::HashMap;

use indexmap::IndexMap;

use super::program::Programs;
use crate::address::Address;
use crate::source::Span;
use crate::value::{Map, Value};
use crate::variables::Table;

/// What every template of one stack can see.
#[derive(Default)]
pub struct Session {
    /// `stack_name`.
    pub name: String,
    /// `stack_env`.
    pub env: String,
    /// The folder that includes may not leave.
    pub root: PathBuf,
    /// `vars`.
    pub variables: Table,
    /// `globals`, as far as they are evaluated.
    pub globals: RwLock<IndexMap<String, Arc<Value>>>,
    /// Variables that each global was made of.
    pub globals_made_of: RwLock<HashMap<String, Vec<String>>>,
    /// The names of all globals, also of those that are not evaluated yet.
    pub announced: Vec<String>,
    /// The resources.
    pub resources: RwLock<HashMap<String, Known>>,
    /// Exported names: resource and property.
    pub exports: HashMap<String, Vec<(String, String)>>,
    /// Compiled expressions.
    pub programs: Programs,
    /// Included files: what is in them, or the sentence that says what is wrong.
    pub files: Mutex<IndexMap<String, Result<Arc<Value>, String>>>,
    /// SHA-256 (hex) of included files.
    pub digests: Mutex<IndexMap<String, String>>,
}

/// A resource, as references see it.
#[derive(Debug, Clone)]
pub struct Known {
    /// Its keys, where it has `for_each`.
    pub keys: Option<Vec<Arc<str>>>,
    /// Keys that `if` left out; for a resource without `for_each`, the one empty key.
    pub left_out: Vec<Arc<str>>,
    /// Where its `if` is written.
    pub condition: Option<Span>,
    /// Its `for_each` could not be evaluated; any key may be right.
    pub broken: bool,
}

/// A value, and the variables that it was made of.
pub type Local = (Arc<Value>, Vec<String>);

/// Where a template stands.
pub struct Frame {
    /// The stack.
    pub session: Arc<Session>,
    /// The instance; `None` for globals.
    pub address: Option<Address>,
    /// `each.key` and `each.value`.
    pub each: Option<(Arc<str>, Arc<Value>)>,
    /// Variables that they were made of.
    pub each_made_of: Vec<String>,
    /// The names of all properties at the top level, also of those that are not evaluated yet.
    pub announced: Vec<Arc<str>>,
    /// The properties so far.
    pub this: RwLock<Map>,
    /// Variables that each of them was made of.
    pub this_made_of: RwLock<HashMap<String, Vec<String>>>,
    /// `locals` so far, and the variables that each was made of.
    pub locals: RwLock<IndexMap<String, Local>>,
}

impl Session {
    /// Looks at the globals.
    pub fn global(&self, name: &str) -> Option<Arc<Value>> {
        self.globals.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// The variables that a global was made of.
    pub fn made_of(&self, name: &str) -> Vec<String> {
        let all = self.globals_made_of.read().unwrap_or_else(PoisonError::into_inner);
        all.get(name).cloned().unwrap_or_default()
    }

    /// The property that a resource exports under a name.
    pub fn exported(&self, resource: &str, name: &str) -> Option<&str> {
        let exporters = self.exports.get(name)?;
        let (_, property) = exporters.iter().find(|(of, _)| of == resource)?;
        Some(property)
    }

    /// Looks at a resource.
    pub fn resource(&self, name: &str) -> Option<Known> {
        self.resources.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

impl Frame {
    /// A place outside of every resource.
    pub fn top(session: &Arc<Session>) -> Arc<Self> {
        Arc::new(Self {
            session: Arc::clone(session),
            address: None,
            each: None,
            each_made_of: Vec::new(),
            announced: Vec::new(),
            this: RwLock::default(),
            this_made_of: RwLock::default(),
            locals: RwLock::default(),
        })
    }

    /// A local value, and the variables that it was made of.
    pub fn local(&self, name: &str) -> Option<Local> {
        self.locals.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}
