//! A diagnostic as text: the line, a caret and what to do, in the manner of rustc.
//!
//! The line of a manifest is shown as it is written, and that is where a literal secret would show too. So every range
//! that is known to be one ([`Sources::mask`]) and whatever stands behind a key that names one is blanked first, byte by
//! byte, so that the carets still fit.

use std::borrow::Cow;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::{Diagnostic, Severity};
use crate::source::{SourceId, Sources, Span};

/// Columns below which a snippet cannot be read.
const NARROWEST: usize = 40;

/// As text with the line, a caret and what to do; `width` is the terminal's.
pub fn render(diagnostic: &Diagnostic, sources: &Sources, colour: bool, width: usize) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut group = level
        .primary_title(diagnostic.summary.as_str())
        .id(diagnostic.code)
        .elements(Vec::<annotate_snippets::Element<'_>>::new());
    let mut shown: Vec<SourceId> = Vec::new();
    for (span, _) in &diagnostic.labels {
        if !shown.contains(&span.source) && sources.get(span.source).is_some() {
            shown.push(span.source);
        }
    }
    for id in shown {
        let Some(source) = sources.get(id) else { continue };
        let text = masked(&source.text, sources, id);
        let labels = diagnostic.labels.iter().enumerate().filter(|(_, (span, _))| span.source == id);
        let annotations: Vec<_> = labels
            .map(|(index, (span, label))| {
                let kind = if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
                let annotation = kind.span(range(*span, &text));
                if label.is_empty() { annotation } else { annotation.label(label.as_str()) }
            })
            .collect();
        group = group.element(Snippet::source(text).path(source.name.as_str()).annotations(annotations));
    }
    for note in &diagnostic.notes {
        group = group.element(Level::NOTE.message(note.as_str()));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    renderer.term_width(width.max(NARROWEST)).render(&[group])
}

/// The bytes to point at: whole characters, at most the first line of what is longer.
fn range(span: Span, text: &str) -> Range<usize> {
    let boundary = |byte: u32| {
        let mut byte = (byte as usize).min(text.len());
        while !text.is_char_boundary(byte) {
            byte -= 1;
        }
        byte
    };
    let (start, end) = (boundary(span.start), boundary(span.end.max(span.start)));
    let first = text[start..end].find('\n').map_or(end, |index| start + index);
    start..first
}

/// The text with everything blanked that must not be shown.
fn masked<'t>(text: &'t str, sources: &Sources, id: SourceId) -> Cow<'t, str> {
    let mut ranges: Vec<Range<usize>> =
        sources.masked(id).map(|span| span.start as usize..(span.end as usize).min(text.len())).collect();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        ranges.extend(behind_telling_keys(line).into_iter().map(|range| start + range.start..start + range.end));
        start += line.len();
    }
    if ranges.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut bytes = text.as_bytes().to_vec();
    for range in ranges {
        for byte in bytes.get_mut(range).unwrap_or_default() {
            if !matches!(*byte, b'\n' | b'\r') {
                *byte = b'*';
            }
        }
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(""), Cow::Owned)
}

/// Names of properties whose values are secrets wherever they stand.
const TELLING: &[&str] = &["password", "secretstring", "clientsecret", "client_secret", "apikeyvalue", "secret_value"];

/// What stands behind `Password:` and its like on a line, unless it is a template.
fn behind_telling_keys(line: &str) -> Vec<Range<usize>> {
    let lower = line.to_ascii_lowercase();
    let mut ranges = Vec::new();
    for key in TELLING {
        for (at, _) in lower.match_indices(key) {
            let rest = &line[at + key.len()..];
            let after = rest.trim_start_matches(['"', '\'']).trim_start();
            let Some(value) = after.strip_prefix(':') else { continue };
            let value = value.trim_start();
            let from = line.len() - value.len();
            let value = value.trim_end();
            let inside = match value.chars().next() {
                None | Some('|' | '>' | '{' | '[' | '&' | '*') => continue,
                Some(quote @ ('"' | '\'')) => {
                    let end = value[1..].find(quote).map_or(value.len(), |index| index + 1);
                    1..end
                }
                Some(_) => 0..value.find([',', '}']).unwrap_or(value.len()),
            };
            if !value[inside.clone()].contains("{{") {
                ranges.push(from + inside.start..from + inside.end);
            }
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_behind_telling_keys_are_blanked() {
        let shown = |line: &str| masked(line, &Sources::default(), SourceId(0)).into_owned();
        assert_eq!(shown("Password: hunter2\n"), "Password: *******\n");
        assert_eq!(shown("{ Username: u, Password: \"hun,ter\" }"), "{ Username: u, Password: \"*******\" }");
        assert_eq!(shown("  PASSWORD: \"{{ vars.P }}\""), "  PASSWORD: \"{{ vars.P }}\"");
        assert_eq!(shown("PasswordLength: 12"), "PasswordLength: 12");
        assert_eq!(shown("Password: é"), "Password: **");
    }

    #[test]
    fn masked_ranges_are_blanked() {
        let mut sources = Sources::default();
        let id = sources.add("m.yaml", "Value: hunter2\nB: 1\n");
        sources.mask(Span { source: id, start: 7, end: 14 });
        let diagnostic = Diagnostic::error("M105", "bad").at(Span { source: id, start: 0, end: 14 });
        let text = render(&diagnostic, &sources, false, 80);
        assert!(text.contains("Value: *******"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}
