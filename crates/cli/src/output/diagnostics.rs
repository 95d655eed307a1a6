//! Diagnostics on stderr for people, and as JSON for everything else.

use schemars::JsonSchema;
use serde::Serialize;
use trueup_engine::diagnostic::{self, Diagnostic, Diagnostics, Severity};
use trueup_engine::source::Sources;

use crate::output::text::{clean_lines, count};
use crate::printer::Printer;

/// A diagnostic in JSON. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DiagnosticDocument {
    /// Its stable code, for `trueup explain`.
    pub code: String,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub summary: String,
    /// The file, as it was named; absent where no line is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The first line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The first column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// The last line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_line: Option<usize>,
    /// The column behind the last character.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_column: Option<usize>,
    /// More facts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl DiagnosticDocument {
    fn new(diagnostic: &Diagnostic, sources: &Sources) -> Self {
        let place = diagnostic.span().and_then(|span| {
            let file = sources.get(span.source)?.name.clone();
            Some((file, sources.position(span.source, span.start), sources.position(span.source, span.end)))
        });
        let (file, start, end) = match place {
            Some((file, start, end)) => (Some(file), Some(start), Some(end)),
            None => (None, None, None),
        };
        Self {
            code: diagnostic.code.to_owned(),
            severity: diagnostic.severity,
            summary: diagnostic.summary.clone(),
            file,
            line: start.map(|(line, _)| line),
            column: start.map(|(_, column)| column),
            end_line: end.map(|(line, _)| line),
            end_column: end.map(|(_, column)| column),
            notes: diagnostic.notes.clone(),
            help: diagnostic.help.clone(),
        }
    }
}

/// All of them, for JSON.
pub fn documents(diagnostics: &Diagnostics, sources: &Sources) -> Vec<DiagnosticDocument> {
    diagnostics.iter().map(|diagnostic| DiagnosticDocument::new(diagnostic, sources)).collect()
}

/// The same as JSON values.
pub fn values(diagnostics: &Diagnostics, sources: &Sources) -> Vec<serde_json::Value> {
    documents(diagnostics, sources).iter().filter_map(|document| serde_json::to_value(document).ok()).collect()
}

/// All of them on stderr; with `--quiet` only the errors.
pub fn print(diagnostics: &Diagnostics, sources: &Sources, printer: &Printer) {
    let settings = printer.settings();
    let width = settings.stderr_width.unwrap_or(120).clamp(40, 160);
    for found in diagnostics.iter().filter(|found| !settings.quiet || found.severity == Severity::Error) {
        let text = diagnostic::render(&cleaned(found), sources, settings.stderr_colour, width);
        printer.alert(text.trim_end());
        printer.alert("\n\n");
    }
}

/// `2 errors, 1 warning`; empty where there is neither.
pub fn counts(diagnostics: &Diagnostics) -> String {
    let (errors, warnings) = (diagnostics.count(Severity::Error), diagnostics.count(Severity::Warning));
    let mut parts = Vec::new();
    if errors > 0 {
        parts.push(count(errors, "error", "errors"));
    }
    if warnings > 0 {
        parts.push(count(warnings, "warning", "warnings"));
    }
    parts.join(", ")
}

/// The words may repeat what a manifest or a service says; the lines of the source are escaped where they are drawn.
fn cleaned(diagnostic: &Diagnostic) -> Diagnostic {
    let mut cleaned = diagnostic.clone();
    cleaned.summary = clean_lines(&cleaned.summary);
    for (_, text) in &mut cleaned.labels {
        *text = clean_lines(text);
    }
    for note in &mut cleaned.notes {
        *note = clean_lines(note);
    }
    cleaned.help = cleaned.help.map(|help| clean_lines(&help));
    cleaned
}

#[cfg(test)]
mod tests {
    use trueup_engine::source::Span;

    use super::*;

    #[test]
    fn places_count_from_one_and_in_characters() {
        let mut sources = Sources::new(".");
        let source = sources.add("trueup.yaml", "name: ü\nversion: 2\n");
        let found = Diagnostic::error("M101", "only version 1 is known").at(Span { source, start: 18, end: 19 });
        let json =
            serde_json::to_string(&DiagnosticDocument::new(&found.help("write `version: 1`"), &sources)).unwrap();
        assert_eq!(
            json,
            r#"{"code":"M101","severity":"error","summary":"only version 1 is known","file":"trueup.yaml","line":2,"column":10,"end_line":2,"end_column":11,"help":"write `version: 1`"}"#
        );
    }
}
