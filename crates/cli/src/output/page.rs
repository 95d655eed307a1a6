//! What a run has to say of a stack, for the forms that other tools read: Markdown, SARIF, JUnit, annotations, HTML.
//!
//! One value without secrets stands between the commands and the forms: a command becomes a page in one place, and a form
//! is one function of a page. So a new command has every form, a new form has every command, and what must not be shown
//! is left out once. Every text of a page has passed [`clean`]: what a form adds is its own escaping, never more.

mod drift;
mod plan;
mod report;
#[cfg(test)]
mod tests;

use trueup_engine::diagnostic::Diagnostics;
use trueup_engine::fault::Fault;
use trueup_engine::plan::document::StackName;
use trueup_engine::source::{Sources, Span};

use crate::args::PageFormat;
use crate::error::{CommandError, advice, describe};
use crate::output::diagnostics::{self, DiagnosticDocument};
use crate::output::diff::Part;
use crate::output::graph::Network;
use crate::output::text::{clean, clean_lines, count};
use crate::output::{github, html, junit, markdown, sarif};

pub use self::drift::of_drift;
pub use self::plan::of_plan;

/// What a run has to say.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The command.
    pub command: String,
    /// Which stack, where it is known.
    pub stack: Option<StackName>,
    /// The caller's account, where it is known.
    pub account: Option<String>,
    /// The region, where it is known.
    pub region: Option<String>,
    /// The cloud is a sandbox.
    pub sandbox: bool,
    /// Only a part of the stack was looked at.
    pub partial: bool,
    /// What is unchanged is shown too.
    pub whole: bool,
    /// The digest of the plan.
    pub digest: Option<String>,
    /// The sentence that counts.
    pub headline: String,
    /// How many of what, those that are not zero.
    pub totals: Vec<Total>,
    /// The resources, in the order of the manifest.
    pub items: Vec<Item>,
    /// What is said of the manifest and of single resources.
    pub findings: Vec<Finding>,
    /// What an apply gives to others; secret ones are masked.
    pub exports: Vec<(String, String)>,
    /// Which resource needs which.
    pub network: Network,
    /// Why the command did not go on.
    pub problem: Option<Problem>,
    /// Something could not be read, or was not done to its end.
    pub incomplete: bool,
}

/// How many of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Total {
    /// Of what: `to create`.
    pub label: &'static str,
    /// How many.
    pub count: usize,
}

/// How much somebody has to care.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It is as it should be.
    Fine,
    /// Worth knowing.
    Note,
    /// Worth a look.
    Warning,
    /// Something has to be done.
    Error,
}

/// What a resource's state means for somebody who only asks whether all is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Fine,
    /// It is not: it differs, failed, is blocked.
    Off,
    /// Nobody could say, and that is no mistake: a secret that cannot be compared, a step that was not begun.
    Open,
    /// Nobody could say, because a read failed.
    Unread,
}

/// One resource.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its name in the stack.
    pub address: String,
    /// Its type.
    pub type_name: String,
    /// Its name in the cloud, where it is known.
    pub identifier: Option<String>,
    /// What happens to it, as a sign.
    pub symbol: &'static str,
    /// The same as one word that stays the same: `create`, `drifted`, `failed`.
    pub status: &'static str,
    /// The same for people, with the reason.
    pub words: String,
    /// How much somebody has to care.
    pub level: Level,
    /// What it means.
    pub verdict: Verdict,
    /// Where it is written: the first property that differs, otherwise the resource's name.
    pub location: Option<Location>,
    /// The properties that differ.
    pub lines: Vec<Line>,
    /// `implies`, `note` and the like, with what follows.
    pub remarks: Vec<(&'static str, String)>,
}

/// One property of a resource.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its path.
    pub path: String,
    /// What becomes of it.
    pub change: Change,
    /// What else is said of it: `replaces`, `high`.
    pub remark: Option<String>,
    /// Where it is written.
    pub location: Option<Location>,
}

/// What becomes of a property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The value that it gets.
    New(String),
    /// From the live value to the desired one.
    Values(String, String),
    /// What is known of a secret.
    Secret(String),
    /// A long text, line by line.
    Text(Vec<Part>),
}

/// A place in a manifest. Lines and columns count from 1, columns in characters; the end is behind the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file, as it was named.
    pub file: String,
    /// The first line.
    pub line: usize,
    /// The first column.
    pub column: usize,
    /// The last line.
    pub end_line: usize,
    /// The column behind the last character.
    pub end_column: usize,
}

/// A diagnostic.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Its stable code.
    pub code: String,
    /// How much somebody has to care.
    pub level: Level,
    /// What is wrong.
    pub summary: String,
    /// More facts.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Option<String>,
    /// Where.
    pub location: Option<Location>,
    /// An item says the same: forms that show both leave it out.
    pub of_an_item: bool,
}

/// Why a command did not go on.
#[derive(Debug, Clone)]
pub struct Problem {
    /// Its kind: `usage`, `failed`.
    pub kind: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hints: Vec<String>,
}

impl Page {
    /// A page of which only the command is known.
    pub fn new(command: &str, stack: Option<StackName>) -> Self {
        let stack =
            stack.map(|stack| StackName { name: clean(&stack.name).into_owned(), env: clean(&stack.env).into_owned() });
        Self { command: command.to_owned(), stack, ..Self::default() }
    }

    /// With findings about the manifest, and the sentence that counts them.
    #[must_use]
    pub fn with_findings(mut self, found: &Diagnostics, sources: &Sources, headline: String) -> Self {
        self.findings = findings(found, sources, &[]);
        self.headline = headline;
        let levels = [
            (Level::Error, "error", "errors"),
            (Level::Warning, "warning", "warnings"),
            (Level::Note, "note", "notes"),
        ];
        for (level, one, many) in levels {
            let number = self.findings.iter().filter(|finding| finding.level == level).count();
            let label = if number == 1 { one } else { many };
            self.totals.extend((number > 0).then_some(Total { label, count: number }));
        }
        self
    }

    /// With resources of which nothing is known but that the manifest says what it should of them.
    #[must_use]
    pub fn with_resources(mut self, network: Network) -> Self {
        let label = if network.nodes.len() == 1 { "resource" } else { "resources" };
        self.totals.push(Total { label, count: network.nodes.len() });
        let fine = network.nodes.iter().map(|node| Item {
            address: node.address.clone(),
            type_name: node.type_name.clone(),
            identifier: node.identifier.clone(),
            symbol: " ",
            status: "valid",
            words: "valid".to_owned(),
            level: Level::Fine,
            verdict: Verdict::Fine,
            location: node.location.clone(),
            lines: Vec::new(),
            remarks: Vec::new(),
        });
        self.items = fine.collect();
        self.network = network;
        self
    }

    /// With the reason why the command did not go on.
    #[must_use]
    pub fn with_error(mut self, error: &CommandError) -> Self {
        self.incomplete = true;
        if self.headline.is_empty() {
            self.headline = format!("`trueup {}` did not go on.", self.command);
        }
        self.problem = Some(Problem {
            kind: error.kind.as_str(),
            message: clean_lines(&error.message),
            hints: error.hints.iter().map(|hint| clean_lines(hint)).collect(),
        });
        self
    }

    /// The page in a form.
    pub fn render(&self, format: PageFormat) -> String {
        match format {
            PageFormat::Markdown { max_bytes } => markdown::render(self, max_bytes),
            PageFormat::Sarif => sarif::render(self),
            PageFormat::Junit => junit::render(self),
            PageFormat::Github => github::render(self),
            PageFormat::Html => html::render(self),
        }
    }

    /// `orders (prod)`, or what there is of it.
    pub fn subject(&self) -> String {
        match &self.stack {
            Some(stack) => format!("{} ({})", stack.name, stack.env),
            None => String::new(),
        }
    }

    /// `us-east-1 · account 123456789012 · a part of the stack`; empty where nothing is known.
    pub fn place(&self) -> String {
        let account = match &self.account {
            _ if self.sandbox => Some("sandbox".to_owned()),
            Some(account) => Some(format!("account {}", clean(account))),
            None => None,
        };
        let region = self.region.as_deref().map(|region| clean(region).into_owned());
        let partial = self.partial.then(|| "a part of the stack".to_owned());
        region.into_iter().chain(account).chain(partial).collect::<Vec<_>>().join(" · ")
    }

    /// The items that are worth a line.
    pub fn shown(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| self.whole || item.level > Level::Fine || !item.remarks.is_empty())
    }

    /// The findings that no item says as well.
    pub fn other_findings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| !finding.of_an_item)
    }
}

impl Problem {
    /// All of it, a line each.
    pub fn text(&self) -> String {
        let hints = self.hints.iter().map(|hint| format!("hint: {hint}"));
        std::iter::once(self.message.clone()).chain(hints).collect::<Vec<_>>().join("\n")
    }
}

impl Finding {
    /// That what the stack owns could not be looked for.
    pub fn unsearched(fault: &Fault) -> Self {
        Self {
            code: "P121".to_owned(),
            level: Level::Error,
            summary: format!("what the stack owns could not be searched: {}", clean(&describe(fault))),
            notes: Vec::new(),
            help: advice(fault).map(|advice| clean(&advice).into_owned()),
            location: None,
            of_an_item: false,
        }
    }

    /// All of it, a line each.
    pub fn text(&self) -> String {
        let notes = self.notes.iter().map(|note| format!("note: {note}"));
        let help = self.help.iter().map(|help| format!("help: {help}"));
        std::iter::once(self.summary.clone()).chain(notes).chain(help).collect::<Vec<_>>().join("\n")
    }
}

impl Item {
    /// What differs and what else is said, in words, a line each.
    pub fn text(&self) -> String {
        let lines = self.lines.iter().map(in_words);
        let remarks = self.remarks.iter().map(|(label, text)| format!("{label}: {text}"));
        lines.chain(remarks).collect::<Vec<_>>().join("\n")
    }
}

impl Level {
    /// One word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl Location {
    /// The place of a span; `None` where nobody wrote it.
    pub fn of(span: Span, sources: &Sources) -> Option<Self> {
        let file = clean(&relative(&sources.get(span.source)?.name)).into_owned();
        let (line, column) = sources.position(span.source, span.start);
        let (end_line, end_column) = sources.position(span.source, span.end);
        Some(Self { file, line, column, end_line, end_column })
    }

    /// `orders/trueup.yaml:12`.
    pub fn short(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }
}

/// A file as it is seen from where the command runs: tools look for it from the top of the repository, which that is.
fn relative(file: &str) -> String {
    let here = std::env::current_dir().ok();
    let below = here.and_then(|here| Some(std::path::Path::new(file).strip_prefix(here).ok()?.display().to_string()));
    let file = below.unwrap_or_else(|| file.to_owned());
    if cfg!(windows) { file.replace('\\', "/") } else { file }
}

/// Diagnostics for a page; those with one of the `told` codes are about resources that the items speak of.
pub fn findings(found: &Diagnostics, sources: &Sources, told: &[&str]) -> Vec<Finding> {
    diagnostics::documents(found, sources).into_iter().map(|document| finding(document, told)).collect()
}

fn finding(document: DiagnosticDocument, told: &[&str]) -> Finding {
    use trueup_engine::diagnostic::Severity;
    let location = document.file.map(|file| Location {
        file: clean(&relative(&file)).into_owned(),
        line: document.line.unwrap_or(1),
        column: document.column.unwrap_or(1),
        end_line: document.end_line.or(document.line).unwrap_or(1),
        end_column: document.end_column.or(document.column).unwrap_or(1),
    });
    Finding {
        level: match document.severity {
            Severity::Error => Level::Error,
            Severity::Warning => Level::Warning,
            Severity::Note => Level::Note,
        },
        summary: clean_lines(&document.summary),
        notes: document.notes.iter().map(|note| clean_lines(note)).collect(),
        help: document.help.as_deref().map(clean_lines),
        location,
        of_an_item: told.contains(&document.code.as_str()),
        code: document.code,
    }
}

/// The lines of a change, each with its sign: what goes, what comes, what stays.
pub fn diff_lines(line: &Line) -> Vec<(char, String)> {
    let remark = line.remark.as_ref().map(|remark| format!("  ({remark})")).unwrap_or_default();
    let path = &line.path;
    match &line.change {
        Change::New(value) => vec![('+', format!("{path}: {value}{remark}"))],
        Change::Secret(words) => vec![('!', format!("{path}: {words}{remark}"))],
        Change::Values(before, after) => {
            vec![('-', format!("{path}: {before}")), ('+', format!("{path}: {after}{remark}"))]
        }
        Change::Text(parts) => {
            let head = (' ', format!("{path}:{remark}"));
            let lines = parts.iter().map(|part| match part {
                Part::Same(text) => (' ', format!("  {text}")),
                Part::Gone(text) => ('-', format!("  {text}")),
                Part::New(text) => ('+', format!("  {text}")),
                Part::Gap => (' ', "  ⋮".to_owned()),
            });
            std::iter::once(head).chain(lines).collect()
        }
    }
}

/// A line of a change in words, for forms that have no colours.
pub fn in_words(line: &Line) -> String {
    let remark = line.remark.as_ref().map(|remark| format!(" ({remark})")).unwrap_or_default();
    match &line.change {
        Change::New(value) => format!("{}: {value}{remark}", line.path),
        Change::Secret(words) => format!("{}: {words}{remark}", line.path),
        Change::Values(before, after) => format!("{}: {before} → {after}{remark}", line.path),
        Change::Text(parts) => {
            let gone = parts.iter().filter(|part| matches!(part, Part::Gone(_))).count();
            let new = parts.iter().filter(|part| matches!(part, Part::New(_))).count();
            format!(
                "{}: {} removed, {} added{remark}",
                line.path,
                count(gone, "line", "lines"),
                count(new, "line", "lines")
            )
        }
    }
}
