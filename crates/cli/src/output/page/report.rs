//! What became of a plan, on the page of that plan.

use std::collections::HashMap;

use trueup_engine::report::{Ending, Outcome, Report};

use super::{Item, Level, Page, Total, Verdict};
use crate::error::describe;
use crate::output::text::clean;
use crate::output::{report, value};

impl Page {
    /// With the report of an execution: each resource says what became of it.
    #[must_use]
    pub fn with_report(mut self, report: &Report) -> Self {
        let outcomes: HashMap<String, &Outcome> =
            report.outcomes.iter().map(|outcome| (clean(&outcome.address.to_string()).into_owned(), outcome)).collect();
        for item in &mut self.items {
            if let Some(outcome) = outcomes.get(&item.address) {
                told(item, outcome);
            }
        }
        self.network = self.network.with_status(&self.items);
        self.totals = totals(report);
        report::totals(report, &self.command).trim_end().clone_into(&mut self.headline);
        self.exports = report
            .exports
            .iter()
            .map(|(name, exported)| {
                let shown = exported.as_ref().map_or_else(|| "(not known)".to_owned(), |it| value::leaf(it, true));
                (clean(name).into_owned(), shown)
            })
            .collect();
        let whole = [Ending::Done, Ending::Kept, Ending::Blocked];
        self.incomplete = report.interrupted
            || report.unread > 0
            || report.outcomes.iter().any(|outcome| !whole.contains(&outcome.ending));
        self
    }
}

fn told(item: &mut Item, outcome: &Outcome) {
    let (status, words, level, verdict) = match outcome.ending {
        Ending::Done if !outcome.usable => ("unusable", "done, but not usable", Level::Warning, Verdict::Off),
        Ending::Done => ("done", "done", Level::Note, Verdict::Fine),
        Ending::Failed => ("failed", "failed", Level::Error, Verdict::Off),
        Ending::Skipped => ("skipped", "skipped", Level::Warning, Verdict::Open),
        Ending::Blocked => ("blocked", "blocked", Level::Error, Verdict::Off),
        Ending::Cancelled => ("not-begun", "not begun", Level::Warning, Verdict::Open),
        Ending::Unknown => ("not-known", "not known: it may have been carried out", Level::Error, Verdict::Off),
        Ending::Kept => ("kept", "kept", Level::Note, Verdict::Open),
    };
    (item.status, item.level, item.verdict) = (status, level, verdict);
    item.words = format!("{}: {words}", item.words);
    item.remarks.extend(outcome.fault.as_ref().map(|fault| ("fault", clean(&describe(fault)).into_owned())));
    for note in &outcome.notes {
        let note = clean(note).into_owned();
        let repeated = outcome.fault.as_ref().is_some_and(|fault| note.contains(&fault.message))
            || item.remarks.iter().any(|(_, text)| *text == note);
        if !repeated {
            item.remarks.push(("note", note));
        }
    }
}

fn totals(report: &Report) -> Vec<Total> {
    let endings = [
        (Ending::Done, "done"),
        (Ending::Failed, "failed"),
        (Ending::Skipped, "skipped"),
        (Ending::Blocked, "blocked"),
        (Ending::Cancelled, "not begun"),
        (Ending::Unknown, "not known"),
        (Ending::Kept, "kept"),
    ];
    let counted = endings.map(|(ending, label)| (label, report.count(ending)));
    let more =
        [("not usable", report.unusable), ("not verifiable", report.not_verifiable), ("not read", report.unread)];
    let all = counted.into_iter().chain(more);
    all.filter(|(_, count)| *count > 0).map(|(label, count)| Total { label, count }).collect()
}
