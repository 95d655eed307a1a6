//! What is wrong with what people wrote, in the form in which they can mend it: a code, a sentence, the line, what to do.
//!
//! Stages collect diagnostics and go on, so that a manifest with six mistakes shows six. Codes are stable and every one
//! has a page (`trueup explain M101`) in [`codes`]. Rendering to text is one function, [`render`]; JSON has its own form
//! in the CLI.

pub mod codes;
mod show;
pub mod suggest;
mod veil;

pub use self::show::render;
use crate::source::Span;

/// How bad it is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The manifest cannot be used.
    Error,
    /// It can, but probably means something else.
    Warning,
    /// Worth knowing.
    Note,
}

/// One finding.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// Its stable code, one of [`codes::CODES`].
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one sentence without a full stop.
    pub summary: String,
    /// Where; the first one is the place itself, others explain it.
    pub labels: Vec<(Span, String)>,
    /// More facts.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error.
    pub fn error(code: &'static str, summary: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, summary)
    }

    /// A warning.
    pub fn warning(code: &'static str, summary: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, summary)
    }

    /// A note.
    pub fn note(code: &'static str, summary: impl Into<String>) -> Self {
        Self::new(code, Severity::Note, summary)
    }

    fn new(code: &'static str, severity: Severity, summary: impl Into<String>) -> Self {
        Self { code, severity, summary: summary.into(), labels: Vec::new(), notes: Vec::new(), help: None }
    }

    /// Points at a place.
    #[must_use]
    pub fn at(self, span: Span) -> Self {
        self.labelled(span, "")
    }

    /// Points at a place with a few words.
    #[must_use]
    pub fn labelled(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push((span, text.into()));
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn noted(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Where it is.
    pub fn span(&self) -> Option<Span> {
        self.labels.first().map(|(span, _)| *span)
    }
}

/// All findings of a stage, in the order in which they were found.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }

    /// Adds all of another stage.
    pub fn extend(&mut self, other: Self) {
        self.list.extend(other.list);
    }

    /// Whether one of them is an error.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Drops what `keep` does not want.
    pub(crate) fn retain(&mut self, keep: impl FnMut(&Diagnostic) -> bool) {
        self.list.retain(keep);
    }

    /// Drops those found after the first `length`.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.list.truncate(length);
    }

    /// In order of discovery.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// In the order of the text: by source and place, those without a place last. Exact repetitions (one mistake met in
    /// every instance of a `for_each`) are dropped.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.list.sort_by_key(|diagnostic| diagnostic.span().map_or((1, None), |span| (0, Some(span))));
        let mut seen = std::collections::HashSet::new();
        self.list.retain(|d| seen.insert((d.code, d.summary.clone(), d.span())));
        self
    }

    /// How many are of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.list.iter().filter(|diagnostic| diagnostic.severity == severity).count()
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { list: vec![diagnostic] }
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}
