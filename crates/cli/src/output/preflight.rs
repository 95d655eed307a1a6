//! What a preflight found: a line for each check for people, a document for machines.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;
use trueup_engine::plan::Plan;
use trueup_engine::plan::document::StackName;

use crate::output::diagnostics::DiagnosticDocument;
use crate::output::human::{self, View};
use crate::output::text::{Line, Tone, clean, columns};
use crate::preflight::{Check, Verdict, count};

/// The result of `preflight`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PreflightDocument {
    /// The version of this format.
    pub format_version: String,
    /// `preflight`.
    pub command: String,
    /// Which stack.
    pub stack: StackName,
    /// The caller's account, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The region, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// How many came out in which way.
    pub summary: Totals,
    /// Everything that was looked at.
    pub checks: Vec<Check>,
    /// Warnings and notes about the manifest.
    pub diagnostics: Vec<DiagnosticDocument>,
}

/// How many of what.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Totals {
    /// Nothing is in the way.
    pub ok: usize,
    /// An apply would fail over these.
    pub failed: usize,
    /// These could not be looked at.
    pub not_checked: usize,
}

impl Totals {
    /// Those of some checks.
    pub fn of(checks: &[Check]) -> Self {
        let of = |verdict| count(checks, verdict);
        Self { ok: of(Verdict::Ok), failed: of(Verdict::Failed), not_checked: of(Verdict::NotChecked) }
    }
}

/// The whole of it for people.
pub fn text(plan: &Plan, checks: &[Check], view: View) -> String {
    let mut text = human::head(plan, view);
    text.push('\n');
    let address = |check: &Check| check.address.clone().unwrap_or_else(|| "the stack".to_owned());
    let first = checks.iter().map(|check| columns(&address(check))).max().unwrap_or(0);
    let second = checks.iter().map(|check| columns(check.topic)).max().unwrap_or(0);
    for check in checks {
        let (sign, tone) = match check.verdict {
            Verdict::Ok => ("ok", Tone::Good),
            Verdict::Failed => ("! ", Tone::Bad),
            Verdict::NotChecked => ("? ", Tone::Change),
        };
        let at = first + second + 10;
        let not = if check.verdict == Verdict::NotChecked { "not checked: " } else { "" };
        let line = Line::new(at)
            .then(Tone::Plain, "  ")
            .then(tone, sign)
            .then(Tone::Plain, "  ")
            .then(Tone::Strong, clean(&address(check)).into_owned())
            .pad_to(first + 8, 2)
            .then(Tone::Faint, check.topic)
            .pad_to(at, 2)
            .then(Tone::Plain, format!("{not}{}", clean(&check.detail)));
        text.push_str(&line.render(view.paint, view.width));
        if let Some(help) = &check.help {
            let help =
                Line::new(at).then(Tone::Plain, " ".repeat(at)).then(Tone::Note, format!("help: {}", clean(help)));
            text.push_str(&help.render(view.paint, view.width));
        }
    }
    let Totals { ok, failed, not_checked } = Totals::of(checks);
    let _ = writeln!(text, "\nPreflight: {ok} ok, {failed} failed, {not_checked} not checked.");
    text
}
