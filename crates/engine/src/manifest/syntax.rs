//! YAML that cannot be read, in words that say what to do.
//!
//! The parser stops at its first mistake, so the one diagnostic must be good: the two shapes that people meet (an
//! unquoted template and a tab) have a hint of their own.

use serde_saphyr::granit_parser::{ErrorKind, ScanError};

use crate::diagnostic::Diagnostic;
use crate::source::{SourceId, Span};

/// A `{{ … }}` without quotes, which YAML reads as a map in a map.
pub fn unquoted_template(span: Span) -> Diagnostic {
    Diagnostic::error("M106", "YAML reads `{{ … }}` without quotes as a map")
        .labelled(span, "this is meant to be a template")
        .help("quote the template: \"{{ … }}\"")
}

/// The diagnostic of a syntax error.
pub fn explain(error: &ScanError, text: &str, source: SourceId) -> Diagnostic {
    let mut byte = error.marker().byte_offset().unwrap_or(0).min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
        return Diagnostic::error("M103", "the document is too large: it is nested more than 64 levels deep")
            .at(point(text, byte, source));
    }
    if let Some(span) = template_near(text, byte, source) {
        return unquoted_template(span);
    }
    let diagnostic =
        Diagnostic::error("M102", format!("this is not YAML: {}", error.kind())).at(point(text, byte, source));
    match error.kind() {
        ErrorKind::TabNotAllowed | ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation => {
            diagnostic.help("indent with spaces")
        }
        ErrorKind::UnclosedQuotedScalar => diagnostic.help("close the quote that was opened here or above"),
        ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofImplicitFlowMapping
        | ErrorKind::ExpectedFlowMappingSeparator
        | ErrorKind::ExpectedFlowSequenceSeparator => {
            diagnostic.help("a value, a comma or a closing bracket is missing here")
        }
        ErrorKind::UnknownAnchor => diagnostic.help("define it before: `&name` at the value to be repeated"),
        ErrorKind::UnexpectedCharacter { .. } => diagnostic.help("quote a value that begins with this character"),
        ErrorKind::MappingValueNotAllowed => diagnostic.help("quote a value that contains `: `"),
        _ => diagnostic,
    }
}

/// A caret under the character at `byte`; at the end of a line, under its last character.
fn point(text: &str, byte: usize, source: SourceId) -> Span {
    let mut start = byte;
    if start >= text.len() || text.as_bytes()[start] == b'\n' {
        start = text[..start].trim_end().char_indices().next_back().map_or(0, |(index, _)| index);
    }
    let width = text[start..].chars().next().map_or(0, char::len_utf8);
    let small = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
    Span { source, start: small(start), end: small(start + width) }
}

/// An unquoted template before the error, on its line.
fn template_near(text: &str, byte: usize, source: SourceId) -> Option<Span> {
    let start = text[..byte].rfind('\n').map_or(0, |index| index + 1);
    let end = text[byte..].find('\n').map_or(text.len(), |index| byte + index);
    let line = &text[start..end];
    for marker in [": {{", "- {{", "[{{", ", {{"] {
        if let Some(at) = line.find(marker) {
            let from = start + at + marker.len() - 2;
            let to = text[from..end].rfind("}}").map_or(end, |index| from + index + 2);
            let small = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
            return (from <= byte).then_some(Span { source, start: small(from), end: small(to) });
        }
    }
    None
}
