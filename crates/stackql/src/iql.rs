//! The anchors of an `.iql` file: `/*+ create, retries=3 */` and the text below each.
//!
//! Nothing is rendered here and no SQL is parsed: a body is the text as it is written, with its place.

use std::sync::Arc;

use trueup_engine::diagnostic::{Diagnostic, Diagnostics, suggest};
use trueup_engine::source::{SourceId, Span, Spanned};

/// An `.iql` file.
#[derive(Debug, Clone)]
pub struct Iql {
    /// The whole file.
    pub span: Span,
    /// Its anchors, in the order of the text, without repetitions.
    pub anchors: Vec<Anchor>,
}

/// An anchor and what stands below it.
#[derive(Debug, Clone)]
pub struct Anchor {
    /// What it is for.
    pub kind: AnchorKind,
    /// Its name as it is written, which may be an alias: `preflight`.
    pub name: Spanned<Arc<str>>,
    /// `retries=3` and the like.
    pub options: Vec<AnchorOption>,
    /// From `/*+` to `*/`.
    pub span: Span,
    /// The text to the next anchor, without the white space around it.
    pub body: Spanned<Arc<str>>,
}

/// An option of an anchor. How often something is tried is trueup's own business, so that most have no effect.
#[derive(Debug, Clone)]
pub struct AnchorOption {
    /// Its name.
    pub name: OptionName,
    /// Its value, without quotes.
    pub value: Spanned<Arc<str>>,
}

/// What an anchor is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AnchorKind {
    /// Does it exist? (`exists`, `preflight`)
    Exists,
    /// Is it as it should be? (`statecheck`, `postdeploy`)
    StateCheck,
    /// How it is made.
    Create,
    /// How it is changed.
    Update,
    /// How it is made or changed.
    CreateOrUpdate,
    /// How it is deleted.
    Delete,
    /// What others need of it.
    Exports,
    /// Something to run.
    Command,
    /// What to poll after an operation; `None`: after each.
    Callback(Option<Operation>),
    /// What to show when an operation failed; `None`: when any did.
    Troubleshoot(Option<Operation>),
}

/// An operation that writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// It is made.
    Create,
    /// It is changed.
    Update,
    /// It is deleted.
    Delete,
}

/// The options that an anchor may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionName {
    /// How often it is tried.
    Retries,
    /// Seconds between two tries.
    RetryDelay,
    /// How often `exists` is asked after a delete.
    PostdeleteRetries,
    /// Seconds between two of those.
    PostdeleteRetryDelay,
    /// The column of RETURNING that can make polling unnecessary.
    ShortCircuitField,
    /// The value that does.
    ShortCircuitValue,
}

const OPTIONS: &[(&str, OptionName)] = &[
    ("retries", OptionName::Retries),
    ("retry_delay", OptionName::RetryDelay),
    ("postdelete_retries", OptionName::PostdeleteRetries),
    ("postdelete_retry_delay", OptionName::PostdeleteRetryDelay),
    ("short_circuit_field", OptionName::ShortCircuitField),
    ("short_circuit_value", OptionName::ShortCircuitValue),
];

const KINDS: &[(&str, AnchorKind)] = &[
    ("exists", AnchorKind::Exists),
    ("preflight", AnchorKind::Exists),
    ("statecheck", AnchorKind::StateCheck),
    ("postdeploy", AnchorKind::StateCheck),
    ("create", AnchorKind::Create),
    ("update", AnchorKind::Update),
    ("createorupdate", AnchorKind::CreateOrUpdate),
    ("delete", AnchorKind::Delete),
    ("exports", AnchorKind::Exports),
    ("command", AnchorKind::Command),
    ("callback", AnchorKind::Callback(None)),
    ("callback:create", AnchorKind::Callback(Some(Operation::Create))),
    ("callback:update", AnchorKind::Callback(Some(Operation::Update))),
    ("callback:delete", AnchorKind::Callback(Some(Operation::Delete))),
    ("troubleshoot", AnchorKind::Troubleshoot(None)),
    ("troubleshoot:create", AnchorKind::Troubleshoot(Some(Operation::Create))),
    ("troubleshoot:update", AnchorKind::Troubleshoot(Some(Operation::Update))),
    ("troubleshoot:delete", AnchorKind::Troubleshoot(Some(Operation::Delete))),
];

impl Operation {
    /// Its name, as in an anchor.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

impl AnchorKind {
    /// Its name, which is not the alias that it may be written with.
    pub fn name(self) -> &'static str {
        KINDS.iter().find(|(_, kind)| *kind == self).map_or("anchor", |(name, _)| name)
    }
}

impl Iql {
    /// The anchor of a kind.
    pub fn get(&self, kind: AnchorKind) -> Option<&Anchor> {
        self.anchors.iter().find(|anchor| anchor.kind == kind)
    }

    /// The anchor that says how the resource is made.
    pub fn creates(&self) -> Option<&Anchor> {
        self.get(AnchorKind::Create).or_else(|| self.get(AnchorKind::CreateOrUpdate))
    }
}

/// Reads the anchors of a file. What is wrong with them is among `found`; what can be read is returned.
pub fn parse(source: SourceId, text: &str, found: &mut Diagnostics) -> Iql {
    let whole = span(source, 0, text.len());
    let mut iql = Iql { span: whole, anchors: Vec::new() };
    let marks = marks(source, text, found);
    let first = marks.first().map_or(text.len(), |mark| mark.start);
    before_the_first(source, text, first, !marks.is_empty(), found);
    for (index, mark) in marks.iter().enumerate() {
        let end = marks.get(index + 1).map_or(text.len(), |next| next.start);
        let Some(anchor) = anchor(source, text, mark, end, found) else { continue };
        match iql.get(anchor.kind) {
            Some(earlier) => found.push(twice(earlier, &anchor)),
            None => iql.anchors.push(anchor),
        }
    }
    iql
}

/// Where an anchor stands: from `/*+` to behind `*/`.
struct Mark {
    start: usize,
    end: usize,
}

fn span(source: SourceId, start: usize, end: usize) -> Span {
    let small = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
    Span { source, start: small(start), end: small(end) }
}

/// Every `/*+ … */` that begins a line.
fn marks(source: SourceId, text: &str, found: &mut Diagnostics) -> Vec<Mark> {
    let mut marks: Vec<Mark> = Vec::new();
    let mut line = 0;
    for content in text.split_inclusive('\n') {
        let start = line + (content.len() - content.trim_start().len());
        line += content.len();
        let inside = marks.last().is_some_and(|last| start < last.end);
        if inside || !content.trim_start().starts_with("/*+") {
            continue;
        }
        let rest = &text[start + 3..];
        // An anchor that is not closed must not swallow the ones below it.
        let next = rest.find("\n/*+").unwrap_or(rest.len());
        if let Some(close) = rest[..next].find("*/") {
            marks.push(Mark { start, end: start + 3 + close + 2 });
        } else {
            let end = start + content.trim().len();
            found.push(
                Diagnostic::error("Q105", "the anchor is not closed")
                    .labelled(span(source, start, end), "there is no `*/` behind it")
                    .help("write the anchor on one line: `/*+ create */`"),
            );
            marks.push(Mark { start, end });
        }
    }
    marks
}

fn before_the_first(source: SourceId, text: &str, first: usize, anchors: bool, found: &mut Diagnostics) {
    let Some((start, end)) = beyond_comments(&text[..first]) else { return };
    let here = span(source, start, end);
    found.push(if anchors {
        Diagnostic::warning("Q104", "text before the first anchor is not used")
            .at(here)
            .help("put an anchor above it: `/*+ create */`, `/*+ exists */`, `/*+ exports */`, …")
    } else {
        Diagnostic::warning("Q104", "the file has no anchor, so that nothing in it is used")
            .at(here)
            .help("put an anchor above each statement: `/*+ create */`, `/*+ exists */`, `/*+ exports */`, …")
    });
}

/// The first line of the text that is neither white space nor a comment.
fn beyond_comments(text: &str) -> Option<(usize, usize)> {
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let trimmed = rest.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n', ';']);
        at += rest.len() - trimmed.len();
        let length = if trimmed.starts_with("--") {
            trimmed.find('\n').unwrap_or(trimmed.len())
        } else if trimmed.starts_with("/*") {
            trimmed.find("*/").map_or(trimmed.len(), |index| index + 2)
        } else if trimmed.starts_with("{#") {
            trimmed.find("#}").map_or(trimmed.len(), |index| index + 2)
        } else {
            let line = trimmed.lines().next()?.trim_end();
            return (!line.is_empty()).then_some((at, at + line.len()));
        };
        at += length;
    }
}

fn anchor(source: SourceId, text: &str, mark: &Mark, end: usize, found: &mut Diagnostics) -> Option<Anchor> {
    let here = span(source, mark.start, mark.end);
    let inside = text[mark.start + 3..mark.end].trim_end_matches("*/");
    let mut parts = split(inside, mark.start + 3);
    if parts.is_empty() {
        found.push(
            Diagnostic::warning("Q102", "an anchor without a name, so that the text below it is not used")
                .at(here)
                .help("name it: `/*+ create */`, `/*+ exists */`, `/*+ exports */`, …"),
        );
        return None;
    }
    let (start, word) = parts.remove(0);
    let place = span(source, start, start + word.len());
    let lower = word.to_ascii_lowercase().replace(char::is_whitespace, "");
    let Some((_, kind)) = KINDS.iter().find(|(name, _)| *name == lower) else {
        let names = KINDS.iter().map(|(name, _)| *name);
        let help = match suggest::nearest(&lower, names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "the anchors are `exists`, `statecheck`, `create`, `update`, `createorupdate`, `delete`, \
                     `exports`, `command`, `callback` and `troubleshoot`"
                .to_owned(),
        };
        found.push(
            Diagnostic::warning("Q102", format!("there is no anchor `{word}`, so that the text below it is not used"))
                .at(place)
                .help(help),
        );
        return None;
    };
    let options = parts.into_iter().filter_map(|(at, part)| option(source, at, part, found)).collect();
    let body = &text[mark.end..end];
    let from = mark.end + (body.len() - body.trim_start().len());
    let body = body.trim();
    if body.trim_end_matches(';').is_empty() {
        found.push(
            Diagnostic::warning("Q106", format!("there is nothing below the anchor `{word}`"))
                .at(here)
                .help("write the statement below it, or remove the anchor"),
        );
        return None;
    }
    Some(Anchor {
        kind: *kind,
        name: Spanned { value: word.into(), span: place },
        options,
        span: here,
        body: Spanned { value: body.into(), span: span(source, from, from + body.len()) },
    })
}

/// The parts between commas, with their places, without the white space around them.
fn split(inside: &str, offset: usize) -> Vec<(usize, &str)> {
    let mut at = offset;
    let mut parts = Vec::new();
    for part in inside.split(',') {
        let trimmed = part.trim();
        if !trimmed.is_empty() {
            parts.push((at + (part.len() - part.trim_start().len()), trimmed));
        }
        at += part.len() + 1;
    }
    parts
}

fn option(source: SourceId, at: usize, part: &str, found: &mut Diagnostics) -> Option<AnchorOption> {
    let here = span(source, at, at + part.len());
    let (name, value) = part.split_once('=').unwrap_or((part, ""));
    let name = name.trim();
    let Some((_, option)) = OPTIONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) else {
        let help = match suggest::nearest(name, OPTIONS.iter().map(|(known, _)| *known)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "the options are `retries`, `retry_delay`, `postdelete_retries`, `postdelete_retry_delay`, \
                     `short_circuit_field` and `short_circuit_value`"
                .to_owned(),
        };
        found.push(
            Diagnostic::warning("Q103", format!("an anchor has no option `{name}`"))
                .at(span(source, at, at + name.len()))
                .help(help),
        );
        return None;
    };
    let text = value.trim();
    let numeric = !matches!(option, OptionName::ShortCircuitField | OptionName::ShortCircuitValue);
    if text.is_empty() || (numeric && !text.bytes().all(|byte| byte.is_ascii_digit())) {
        let (wants, example) = if numeric { ("a whole number", "3") } else { ("a value", "OperationStatus") };
        found.push(
            Diagnostic::warning("Q103", format!("the option `{name}` takes {wants}"))
                .at(here)
                .help(format!("write `{name}={example}`, or leave it out")),
        );
        return None;
    }
    let start = at + part.len() - value.trim_start().len();
    let bare = text.trim_matches(['\'', '"']);
    Some(AnchorOption {
        name: *option,
        value: Spanned { value: bare.into(), span: span(source, start, start + text.len()) },
    })
}

fn twice(earlier: &Anchor, later: &Anchor) -> Diagnostic {
    let name = later.kind.name();
    let mut diagnostic = Diagnostic::error("Q101", format!("the anchor `{name}` is there twice"))
        .labelled(later.span, "again here")
        .labelled(earlier.span, "first here");
    if earlier.name.value != later.name.value {
        diagnostic = diagnostic.noted(format!("`{}` and `{}` are one anchor", earlier.name.value, later.name.value));
    }
    diagnostic.help("keep one of them; stackql-deploy uses the last one without a word")
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::testing::shown;

    fn read(text: &str) -> (Iql, String) {
        shown(text, |source, found| parse(source, text, found))
    }

    #[test]
    fn anchors_have_kinds_options_and_bodies() {
        let text = "-- a comment\n/*+ preflight, retries=5, retry_delay = 10 */\nSELECT 1;\n\n  /*+ Create */ INSERT X\n\
                    /*+\n  callback:delete,\n  short_circuit_field='ProgressEvent.OperationStatus'\n*/\nSELECT 2\n";
        let (iql, found) = read(text);
        assert_eq!(found, "");
        let lines: Vec<String> = iql
            .anchors
            .iter()
            .map(|anchor| {
                let options: Vec<String> =
                    anchor.options.iter().map(|it| format!("{:?}={}", it.name, it.value.value)).collect();
                let body = anchor.body.span;
                assert_eq!(&text[body.start as usize..body.end as usize], &*anchor.body.value);
                format!("{:?} {options:?} {:?}", anchor.kind, anchor.body.value)
            })
            .collect();
        assert_snapshot!(lines.join("\n"), @r#"
        Exists ["Retries=5", "RetryDelay=10"] "SELECT 1;"
        Create [] "INSERT X"
        Callback(Some(Delete)) ["ShortCircuitField=ProgressEvent.OperationStatus"] "SELECT 2"
        "#);
    }

    #[test]
    fn what_is_wrong_with_anchors_is_said_where_it_is() {
        let (iql, found) = read(
            "SELECT 0;\n/*+ exists */\nSELECT 1;\n/*+ preflight */\nSELECT 2;\n/*+ statechek, retries=3 */\nSELECT 3;\n\
             /*+ create, retry=3, retry_delay=soon */\nINSERT X;\n/*+ exports */\n/*+ */\nSELECT 4\n/*+ delete\nDELETE;\n",
        );
        assert_eq!(iql.anchors.len(), 3);
        assert_snapshot!(found, @"
        error[Q105]: the anchor is not closed
          --> resources/x.iql:13:1
           |
        13 | /*+ delete
           | ^^^^^^^^^^ there is no `*/` behind it
           |
           = help: write the anchor on one line: `/*+ create */`
        warning[Q104]: text before the first anchor is not used
         --> resources/x.iql:1:1
          |
        1 | SELECT *;
          | ^^^^^^^^^
          |
          = help: put an anchor above it: `/*+ create */`, `/*+ exists */`, `/*+ exports */`, …
        error[Q101]: the anchor `exists` is there twice
         --> resources/x.iql:4:1
          |
        2 | /*+ exists */
          | ------------- first here
        3 | SELECT *;
        4 | /*+ preflight */
          | ^^^^^^^^^^^^^^^^ again here
          |
          = note: `exists` and `preflight` are one anchor
          = help: keep one of them; stackql-deploy uses the last one without a word
        warning[Q102]: there is no anchor `statechek`, so that the text below it is not used
         --> resources/x.iql:6:5
          |
        6 | /*+ statechek, retries=3 */
          |     ^^^^^^^^^
          |
          = help: did you mean `statecheck`?
        warning[Q103]: an anchor has no option `retry`
         --> resources/x.iql:8:13
          |
        8 | /*+ create, retry=3, retry_delay=soon */
          |             ^^^^^
          |
          = help: the options are `retries`, `retry_delay`, `postdelete_retries`, `postdelete_retry_delay`, `short_circuit_field` and `short_circuit_value`
        warning[Q103]: the option `retry_delay` takes a whole number
         --> resources/x.iql:8:22
          |
        8 | /*+ create, retry=3, retry_delay=soon */
          |                      ^^^^^^^^^^^^^^^^
          |
          = help: write `retry_delay=3`, or leave it out
        warning[Q106]: there is nothing below the anchor `exports`
          --> resources/x.iql:10:1
           |
        10 | /*+ exports */
           | ^^^^^^^^^^^^^^
           |
           = help: write the statement below it, or remove the anchor
        warning[Q102]: an anchor without a name, so that the text below it is not used
          --> resources/x.iql:11:1
           |
        11 | /*+ */
           | ^^^^^^
           |
           = help: name it: `/*+ create */`, `/*+ exists */`, `/*+ exports */`, …
        ");
    }

    #[test]
    fn a_file_without_anchors_is_not_silently_empty() {
        assert!(read("SELECT 1 FROM t").1.contains("has no anchor"));
        assert_eq!(read("-- nothing\n/* here */\n").1, "");
    }
}
