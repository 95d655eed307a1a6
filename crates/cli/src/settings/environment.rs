//! What the process is started in: its environment variables and its streams.

use std::io::IsTerminal as _;
use std::sync::Arc;

/// The environment variables of the process; a test brings its own.
#[derive(Clone)]
pub struct Environment(Arc<Lookup>);

/// Gives the value of a variable.
type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Environment {
    /// The real one.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub fn of_process() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }

    /// One that a function answers for.
    pub fn new(get: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(get))
    }

    /// The variable's value; one that is no Unicode counts as missing.
    pub fn get(&self, name: &str) -> Option<String> {
        (self.0)(name)
    }

    /// The variable's value, where it is not empty.
    pub(super) fn filled(&self, name: &str) -> Option<String> {
        self.get(name).filter(|value| !value.is_empty())
    }
}

/// What the three streams are connected to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terminals {
    /// Questions can be answered.
    pub stdin: bool,
    /// The result is read by a person.
    pub stdout: bool,
    /// Messages are read by a person.
    pub stderr: bool,
    /// Columns of the terminal, where there is one.
    pub width: Option<usize>,
}

impl Terminals {
    /// Those of this process.
    pub fn of_process() -> Self {
        Self {
            stdin: std::io::stdin().is_terminal(),
            stdout: std::io::stdout().is_terminal(),
            stderr: std::io::stderr().is_terminal(),
            width: terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)),
        }
    }
}
