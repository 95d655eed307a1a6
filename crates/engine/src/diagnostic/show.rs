//! A diagnostic as text: the line, a caret and what to do, in the manner of rustc.
//!
//! The line of a manifest is shown as it is written, and that is where a literal secret would show too. So everything is
//! blanked that is not known to be public ([`veil`]), and every range that is known to be a secret ([`Sources::mask`]).

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::veil::{blank, veil};
use super::{Diagnostic, Severity};
use crate::source::{Excerpts, SourceId, Sources, Span};

/// Columns below which a snippet cannot be read.
const NARROWEST: usize = 40;
/// Lines between two labels from which on they are shown as two excerpts.
const FAR: usize = 100;

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
        let (Some(source), Some(excerpts)) = (
            sources.get(id),
            sources.excerpts(id, |source| {
                let masked = sources.masked(id).map(|span| span.start as usize..span.end as usize);
                let text = match sources.shown(id) {
                    Some(shown) => blank(shown, masked),
                    None => veil(&source.text, masked),
                };
                let starts = text.match_indices('\n').map(|(index, _)| index + 1);
                Excerpts { lines: std::iter::once(0).chain(starts).collect(), text }
            }),
        ) else {
            continue;
        };
        let labels = diagnostic.labels.iter().enumerate().filter(|(_, (span, _))| span.source == id);
        let mut labels: Vec<_> = labels
            .map(|(index, (span, label))| {
                let range = range(*span, &excerpts.text);
                (line_of(excerpts, range.start), index, range, label)
            })
            .collect();
        labels.sort_by_key(|(line, index, ..)| (*line, *index));
        let mut parts: Vec<_> = labels.chunk_by(|a, b| b.0 - a.0 <= FAR).collect();
        // The first label is what the diagnostic is about.
        parts.sort_by_key(|part| part.iter().map(|(_, index, ..)| *index).min());
        for part in parts {
            let (first, last) = (part[0].0, part[part.len() - 1].0);
            let start = excerpts.lines[first];
            let end = excerpts.lines.get(last + 1).copied().unwrap_or(excerpts.text.len());
            let annotations = part.iter().map(|(_, index, range, label)| {
                let kind = if *index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
                let annotation = kind.span(range.start - start..range.end - start);
                if label.is_empty() { annotation } else { annotation.label(label.as_str()) }
            });
            let snippet = Snippet::source(&excerpts.text[start..end]).line_start(first + 1);
            group = group.element(snippet.path(source.name.as_str()).annotations(annotations));
        }
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

/// The index of the line that has a byte.
fn line_of(excerpts: &Excerpts, byte: usize) -> usize {
    excerpts.lines.partition_point(|start| *start <= byte).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn thousands_are_shown_quickly() {
        let line = "  - { Key: X-Token, Value: canary-canary-canary, Valu: canary-canary }\n";
        let mut sources = Sources::default();
        let id = sources.add("m.yaml", line.repeat(5_000));
        let began = std::time::Instant::now();
        for index in 0..5_000_u32 {
            let start = index * u32::try_from(line.len()).unwrap_or_default();
            let diagnostic = Diagnostic::error("M105", "bad")
                .labelled(Span { source: id, start: start + 4, end: start + 8 }, "here")
                .labelled(Span { source: id, start: 4, end: 8 }, "first here");
            assert!(!render(&diagnostic, &sources, false, 80).contains("canary"));
        }
        assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    }
}
