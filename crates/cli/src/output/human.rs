//! A plan for people: what happens to which resource, why, and what changes, one line a leaf.
//!
//! It has to read at a glance and to be exact: unchanged resources and properties are hidden, a secret shows as what is
//! known of it, and what was not read is said so and never left out.

use std::fmt::Write as _;

use trueup_engine::cloud::Readiness;
use trueup_engine::delta::{Edit, Effect};
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::owner;
use trueup_engine::plan::{Action, Plan, SecretStatus, SecretVerdict, Step};
use trueup_engine::value::Value;

use crate::output::text::{Line, Paint, Tone, clean, columns, count};
use crate::output::{diff, value};

/// How a plan is shown.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// Colours.
    pub paint: Paint,
    /// Where lines are wrapped.
    pub width: Option<usize>,
    /// What is unchanged is shown too, and nothing is cut.
    pub verbose: bool,
    /// The cloud is a sandbox.
    pub sandbox: bool,
}

/// The whole plan: head, rows, summary.
pub fn plan(plan: &Plan, view: View) -> String {
    let mut text = head(plan, view);
    let shown: Vec<Row> = plan.steps.iter().filter_map(|step| row(plan, step, view)).collect();
    text.push_str(&rows(&shown, view));
    text.push('\n');
    text.push_str(&summary(plan, view));
    text
}

/// All rows, in columns, behind an empty line.
pub(super) fn rows(rows: &[Row<'_>], view: View) -> String {
    let mut text = String::new();
    if !rows.is_empty() {
        text.push('\n');
        let lead =
            rows.iter().map(|row| row.symbol.len() + 1 + columns(&row.address)).max().unwrap_or(0).clamp(22, 48) + 6;
        let kind = rows.iter().map(|row| columns(row.kind)).max().unwrap_or(0).max(23) + 4;
        for row in rows {
            text.push_str(&row.render(lead, kind, view));
        }
    }
    text
}

/// `stack (env) · region · account N`, or `· sandbox`, so that nobody takes one for the other.
pub fn head(plan: &Plan, view: View) -> String {
    let mut line =
        Line::new(2).then(Tone::Strong, clean(&plan.stack)).then(Tone::Plain, format!(" ({})", clean(&plan.env)));
    let place = plan.whereabouts.as_ref();
    // Where nobody could say who the caller is, the manifest still says which region was meant.
    let meant = plan.steps.first().and_then(|step| step.desired.place.region.as_deref());
    let region = place.map(|place| place.region.as_str()).or(meant).unwrap_or("region unknown");
    line = line.then(Tone::Plain, format!(" · {}", clean(region)));
    line = if view.sandbox {
        line.then(Tone::Plain, " · ").then(Tone::Note, "sandbox")
    } else {
        line.then(Tone::Plain, format!(" · account {}", place.map_or("unknown", |place| &place.account)))
    };
    if plan.partial {
        line = line.then(Tone::Change, " · a part of the stack");
    }
    line.render(view.paint, view.width)
}

/// The line that counts.
pub fn summary(plan: &Plan, view: View) -> String {
    let sum = plan.summary();
    let mut text = String::new();
    let nothing = !plan.has_changes() && sum.blocked == 0;
    if plan.command == "teardown" {
        let _ = write!(text, "Teardown: {} to delete", sum.delete);
    } else if nothing && sum.unread == 0 && sum.not_verifiable == 0 {
        let _ =
            write!(text, "No changes: {} as the manifest says", count(sum.unchanged, "resource is", "resources are"));
    } else {
        let _ = write!(
            text,
            "Plan: {} to create, {} to update, {} to replace, {} to delete",
            sum.create, sum.update, sum.replace, sum.delete
        );
    }
    for (number, what) in [(sum.adopt, "to adopt"), (sum.blocked, "blocked")] {
        if number > 0 {
            let _ = write!(text, ", {number} {what}");
        }
    }
    text.push('.');
    if sum.not_verifiable > 0 {
        let _ = write!(text, " {} not verifiable.", sum.not_verifiable);
    }
    if sum.unread > 0 {
        let _ = write!(
            text,
            " {} not be read: this plan is incomplete.",
            count(sum.unread, "resource could", "resources could")
        );
    }
    if plan.has_changes() && plan.estimate.calls > 0 {
        let time = if plan.estimate.seconds > 90 {
            format!("{} min", plan.estimate.seconds.div_ceil(60))
        } else {
            format!("{} s", plan.estimate.seconds.max(1))
        };
        let _ = write!(
            text,
            " {}, about {time}.",
            count(usize::try_from(plan.estimate.calls).unwrap_or(usize::MAX), "call", "calls")
        );
    }
    Line::new(2).then(Tone::Plain, text).render(view.paint, view.width)
}

/// What a fault means in a word or two, for a line that has no room for more.
pub fn fault_words(fault: &Fault) -> String {
    let word = match fault.kind {
        FaultKind::NotFound => "not found",
        FaultKind::Denied => "denied",
        FaultKind::Throttled => "throttled",
        FaultKind::Conflict => "in conflict",
        FaultKind::Quota => "over a quota",
        FaultKind::Invalid => "refused",
        FaultKind::NotSettled => "not settled",
        FaultKind::Timeout => "timed out",
        FaultKind::Transport => "not reached",
        FaultKind::Internal => "failed",
    };
    match &fault.code {
        Some(code) => format!("{} {word} ({})", clean(&fault.operation), clean(code)),
        None => format!("{} {word}", clean(&fault.operation)),
    }
}

/// One resource: what is said of it, in every form for people.
pub struct Row<'a> {
    /// What happens to it, as a sign.
    pub symbol: &'static str,
    /// Its colour.
    pub tone: Tone,
    /// Its name in the stack.
    pub address: String,
    /// Its type.
    pub kind: &'a str,
    /// What happens to it, and why.
    pub text: String,
    /// What differs, and what else is to be said.
    pub details: Vec<Detail>,
}

/// A line below a resource.
pub enum Detail {
    /// A property and what becomes of it.
    Property {
        /// Its path, whole.
        path: String,
        /// A JSON pointer to it, for its line in the manifest.
        pointer: String,
        /// What becomes of it.
        change: Change,
    },
    /// `implies …`, `note …`.
    Remark {
        /// The first word.
        label: &'static str,
        /// The others.
        text: String,
    },
}

/// What becomes of a property. No part of it holds a secret.
pub enum Change {
    /// The value that it gets.
    New(String),
    /// From one value to another.
    Values {
        /// The live one.
        before: String,
        /// The desired one.
        after: String,
        /// What else is to be said: `replaces`, `ignored: …`.
        remark: Option<(Tone, String)>,
    },
    /// A live value in place of the manifest's.
    Instead {
        /// The live one.
        live: String,
        /// The manifest's.
        wanted: String,
        /// How bad that is.
        level: &'static str,
    },
    /// What is known of a secret.
    Secret {
        /// Its colour.
        tone: Tone,
        /// The verdict.
        words: String,
    },
    /// A long text, line by line.
    Text {
        /// The lines.
        lines: Vec<diff::Part>,
        /// What else is to be said.
        remark: Option<(Tone, String)>,
    },
}

impl Change {
    /// What stands behind the path, and the lines below it.
    fn pieces(&self) -> (Vec<(Tone, String)>, Vec<Line>) {
        let aside =
            |remark: &Option<(Tone, String)>| remark.as_ref().map(|(tone, words)| (*tone, format!("  ({words})")));
        match self {
            Self::New(value) => (vec![(Tone::Plain, value.clone())], Vec::new()),
            Self::Values { before, after, remark } => {
                let arrow = (Tone::Faint, "  →  ".to_owned());
                let mut pieces = vec![(Tone::Bad, before.clone()), arrow, (Tone::Good, after.clone())];
                pieces.extend(aside(remark));
                (pieces, Vec::new())
            }
            Self::Instead { live, wanted, level } => {
                let pieces = [
                    (Tone::Bad, live.clone()),
                    (Tone::Faint, "  instead of  ".to_owned()),
                    (Tone::Good, wanted.clone()),
                    (Tone::Faint, format!("  {level}")),
                ];
                (pieces.into(), Vec::new())
            }
            Self::Secret { tone, words } => (vec![(*tone, format!("({words})"))], Vec::new()),
            Self::Text { lines, remark } => (aside(remark).into_iter().collect(), diff::lines(lines, 8)),
        }
    }
}

impl Row<'_> {
    fn render(&self, lead: usize, kind: usize, view: View) -> String {
        let mut text = Line::new(lead)
            .then(Tone::Plain, "  ")
            .then(self.tone, self.symbol)
            .then(Tone::Plain, " ")
            .then(Tone::Strong, &*self.address)
            .pad_to(2 + lead, 2)
            .then(Tone::Plain, self.kind)
            .pad_to(2 + lead + kind, 2)
            .then(self.tone, &*self.text)
            .render(view.paint, view.width);
        let labels = self.details.iter().map(|detail| match detail {
            Detail::Property { path, .. } => columns(&label(path, view)),
            Detail::Remark { .. } => 0,
        });
        let column = 6 + labels.max().unwrap_or(0).clamp(20, 52) + 4;
        for detail in &self.details {
            match detail {
                Detail::Property { path, change, .. } => {
                    let (pieces, below) = change.pieces();
                    let mut line = Line::new(10)
                        .then(Tone::Plain, "      ")
                        .then(Tone::Plain, label(path, view))
                        .pad_to(column, 3);
                    for (tone, piece) in pieces {
                        line = line.then(tone, piece);
                    }
                    text.push_str(&line.render(view.paint, view.width));
                    for line in below {
                        text.push_str(&line.render(view.paint, view.width));
                    }
                }
                Detail::Remark { label, text: remark } => {
                    let line = Line::new(15).then(Tone::Plain, "      ").then(Tone::Faint, *label).pad_to(15, 2);
                    text.push_str(&line.then(Tone::Faint, &**remark).render(view.paint, view.width));
                }
            }
        }
        text
    }
}

/// The row of a step; `None` where there is nothing to say.
pub fn row<'a>(plan: &Plan, step: &'a Step, view: View) -> Option<Row<'a>> {
    let reasoned = |what: &str, usual: &str| {
        if step.reason.is_empty() || step.reason == usual {
            what.to_owned()
        } else {
            format!("{what}: {}", clean(&step.reason))
        }
    };
    let (symbol, tone, text) = if let Some(fault) = step.unread() {
        ("?", Tone::Change, format!("could not be read: {}", fault_words(fault)))
    } else {
        match step.action {
            Action::Create => ("+", Tone::Good, reasoned("create", "does not exist")),
            Action::Update => ("~", Tone::Change, reasoned("update in place", "properties differ")),
            Action::Replace if step.new_first => ("+/-", Tone::Bad, reasoned("replace", "")),
            Action::Replace => ("-/+", Tone::Bad, reasoned("replace", "")),
            Action::Delete => ("-", Tone::Bad, reasoned("delete", "teardown")),
            Action::Adopt => ("=", Tone::Note, reasoned("adopt", "")),
            Action::Blocked => ("!", Tone::Bad, reasoned("blocked", "")),
            Action::Read => ("<=", Tone::Note, reasoned("read", "")),
            Action::None => nothing_to_do(plan, step, view)?,
        }
    };
    let mut details = properties(step, view);
    for implied in &step.implies {
        let by = match &*implied.by {
            "events" => "EventBridge",
            "glue" => "Glue",
            other => other,
        };
        let text = format!("{} on {}  (by {})", clean(&implied.operation), clean(&implied.on), clean(by));
        details.push(Detail::Remark { label: "implies", text });
    }
    if step.action != Action::None
        && let Some((state, reason)) = step.unhealthy()
    {
        details.push(Detail::Remark { label: "note", text: unhealthy_words(state, reason) });
    }
    let notes = step.notes.iter().map(|note| Detail::Remark { label: "note", text: clean(note).into_owned() });
    details.extend(notes);
    Some(Row {
        symbol,
        tone,
        address: clean(&step.address().to_string()).into_owned(),
        kind: step.desired.kind.name(),
        text,
        details,
    })
}

pub(super) fn unhealthy_words(state: &str, reason: Option<&str>) -> String {
    match reason {
        Some(reason) => format!("it is {} and cannot be used: {}", clean(state), clean(reason)),
        None => format!("it is {} and cannot be used", clean(state)),
    }
}

/// A step that does nothing is shown for what is not known of it, for its health, for its notes, or on request.
fn nothing_to_do(plan: &Plan, step: &Step, view: View) -> Option<(&'static str, Tone, String)> {
    let mut unverified = step.secrets.iter().filter(|verdict| verdict.status == SecretStatus::NotVerifiable);
    if let Some(verdict) = unverified.next() {
        let name = value::path(&verdict.pointer);
        let name = name.rsplit('/').next().unwrap_or_default().to_owned();
        let more = unverified.count();
        let text = if more == 0 {
            format!(
                "{name} not verifiable: {}",
                clean(verdict.reason.as_deref().unwrap_or("the live value is not readable"))
            )
        } else {
            format!("{name} and {} not verifiable", count(more, "other secret", "other secrets"))
        };
        return Some(("?", Tone::Change, text));
    }
    if let Some((state, reason)) = step.unhealthy() {
        return Some((" ", Tone::Change, format!("unchanged; {}", unhealthy_words(state, reason))));
    }
    let ignored = step.edits.iter().any(Edit::is_ignored);
    if plan.command == "teardown" {
        // What is not there needs no line; what is kept does.
        let reason = step.reason.as_str();
        let kept = step.live.present().is_some() || view.verbose;
        return (kept && !reason.is_empty()).then(|| (" ", Tone::Faint, clean(reason).into_owned()));
    }
    let shown = view.verbose || !step.notes.is_empty();
    let text = if ignored { "unchanged, but for what is ignored" } else { "unchanged" };
    shown.then(|| (" ", Tone::Faint, text.to_owned()))
}

/// The lines of the properties: of a new resource each leaf, of a changed one each difference.
fn properties(step: &Step, view: View) -> Vec<Detail> {
    if step.unread().is_some() {
        return Vec::new();
    }
    let mut details = Vec::new();
    let mut told: Vec<&str> = Vec::new();
    let restored = step.live.present().is_some_and(|present| matches!(present.readiness, Readiness::Scheduled { .. }));
    let new = (step.action == Action::Create && !restored) || (step.action == Action::Replace && step.edits.is_empty());
    if new {
        value::leaves(&step.resolved, &mut |pointer, leaf| {
            if value::is_key(step.desired.kind.schema(), pointer) && !view.verbose {
                return;
            }
            let path = value::path_in(step.desired.kind.schema(), &step.resolved, pointer);
            // Everything new has them, and nobody wrote them.
            if is_owner_tag(step, &path) && !view.verbose {
                return;
            }
            let change = match step.secrets.iter().find(|verdict| verdict.pointer == pointer) {
                Some(verdict) => secret(verdict),
                None => Change::New(value::leaf(leaf, view.verbose)),
            };
            details.push(property(&path, pointer, change));
        });
        return details;
    }
    for edit in step.edits.iter().filter(|edit| view.verbose || !edit.is_ignored()) {
        match verdict_of(step, &edit.pointer, &edit.label) {
            Some(verdict) => {
                told.push(&verdict.pointer);
                details.push(property(&edit.label, &verdict.pointer, secret(verdict)));
            }
            None => difference(edit, step, view, &mut details, &mut told),
        }
    }
    for verdict in &step.secrets {
        let quiet = verdict.status == SecretStatus::Same && !view.verbose;
        // A resource that only has one unverifiable secret says so in its own line.
        let said = step.action == Action::None && step.not_verifiable() == 1 && !view.verbose;
        if !quiet && !said && !told.contains(&verdict.pointer.as_str()) {
            let path = value::path_in(step.desired.kind.schema(), &step.resolved, &verdict.pointer);
            details.push(property(&path, &verdict.pointer, secret(verdict)));
        }
    }
    details
}

/// Whether a path is that of a tag that says whose the resource is.
fn is_owner_tag(step: &Step, path: &str) -> bool {
    let below = step.desired.kind.tags().and_then(|tags| path.strip_prefix(tags));
    below.is_some_and(|below| below.trim_start_matches(['/', '[']).starts_with(owner::PREFIX))
}

pub(super) fn label(path: &str, view: View) -> String {
    let path = clean(path);
    if view.verbose { path.into_owned() } else { value::short_path(&path) }
}

pub(super) fn property(path: &str, pointer: &str, change: Change) -> Detail {
    Detail::Property { path: clean(path).into_owned(), pointer: pointer.to_owned(), change }
}

pub(super) fn secret(verdict: &SecretVerdict) -> Change {
    let reason = verdict.reason.as_deref().map(clean);
    let (tone, words) = match (verdict.status, reason) {
        (SecretStatus::Differs, _) => (Tone::Change, "secret: differs from the live value".to_owned()),
        (SecretStatus::Same, _) => (Tone::Faint, "secret: same".to_owned()),
        (SecretStatus::New, None) => (Tone::Plain, "secret: new".to_owned()),
        (SecretStatus::New, Some(reason)) => {
            (Tone::Change, format!("secret: new; {reason}: {}", clean(&verdict.source)))
        }
        (SecretStatus::NotVerifiable, Some(reason)) if verdict.lack.is_some() => {
            (Tone::Change, format!("secret: not verifiable; {reason}: {}", clean(&verdict.source)))
        }
        (SecretStatus::NotVerifiable, reason) => {
            let reason = reason.unwrap_or_else(|| "the live value is not readable".into());
            (Tone::Change, format!("secret: not verifiable: {reason}"))
        }
    };
    Change::Secret { tone, words }
}

/// The lines of one difference.
fn difference<'a>(edit: &Edit, step: &'a Step, view: View, details: &mut Vec<Detail>, told: &mut Vec<&'a str>) {
    let remark = match &edit.effect {
        Effect::InPlace => None,
        Effect::Replaces(_) => Some((Tone::Bad, "replaces".to_owned())),
        Effect::Ignored(reason) => Some((Tone::Faint, format!("ignored: {}", clean(reason)))),
    };
    let whole = view.verbose;
    match (&edit.before, &edit.after) {
        (Some(before), Some(after)) if diff::is_long(before, after) => {
            let change = Change::Text { lines: diff::parts(before, after), remark };
            details.push(property(&edit.label, &edit.pointer, change));
        }
        (before, Some(after)) if is_composite(after) => {
            let mut before = before.as_ref();
            parts(edit, after, step, view, &mut |pointer, path, leaf| {
                if let Some(verdict) = verdict_of(step, pointer, path) {
                    told.push(&verdict.pointer);
                    details.push(property(path, &verdict.pointer, secret(verdict)));
                    return;
                }
                // What stood there before as a whole is said once.
                let before = before.take().map_or_else(|| "(none)".to_owned(), |before| value::leaf(before, whole));
                let change = Change::Values { before, after: value::leaf(leaf, whole), remark: remark.clone() };
                details.push(property(path, pointer, change));
            });
        }
        (Some(before), None) if is_composite(before) => {
            parts(edit, before, step, view, &mut |pointer, path, leaf| {
                let (before, after) = (value::leaf(leaf, whole), "(removed)".to_owned());
                details.push(property(path, pointer, Change::Values { before, after, remark: remark.clone() }));
            });
        }
        (before, after) => {
            let text = |side: &Option<Value>, none: &str| {
                side.as_ref().map_or_else(|| none.to_owned(), |v| value::leaf(v, whole))
            };
            // What is taken back has the service's default from then on.
            let default = step.desired.kind.schema().at(&edit.pointer).and_then(|property| property.default);
            let gone = default.map_or_else(
                || "(removed)".to_owned(),
                |default| format!("{} (default)", value::leaf(&default.to_value(), whole)),
            );
            let change = Change::Values { before: text(before, "(none)"), after: text(after, &gone), remark };
            details.push(property(&edit.label, &edit.pointer, change));
        }
    }
}

/// Every leaf of one side of an edit, with its pointer and its path; keys that the path shows are left out.
fn parts(edit: &Edit, whole: &Value, step: &Step, view: View, visit: &mut dyn FnMut(&str, &str, &Value)) {
    let schema = step.desired.kind.schema();
    value::below(&edit.pointer, whole, &mut |pointer, leaf| {
        if value::is_key(schema, pointer) && !view.verbose {
            return;
        }
        let below = pointer.strip_prefix(edit.pointer.as_str()).unwrap_or(pointer);
        let path = value::path_below(schema, &clean(&edit.label), &edit.pointer, &|found| whole.at(found), below);
        visit(pointer, &path, leaf);
    });
}

/// What is known of the secret at a place of an edit. An edit counts the items of a list as they are live and a verdict as
/// they are desired, so below a list only the path, which has the items' keys, tells them apart.
pub(super) fn verdict_of<'a>(step: &'a Step, pointer: &str, path: &str) -> Option<&'a SecretVerdict> {
    let schema = step.desired.kind.schema();
    step.secrets.iter().find(|verdict| {
        let in_list = path.contains('[');
        (!in_list && verdict.pointer == pointer)
            || (in_list && value::path_in(schema, &step.resolved, &verdict.pointer) == path)
    })
}

fn is_composite(value: &Value) -> bool {
    match value {
        Value::Map(map) => !map.is_empty(),
        Value::List(items) => !items.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
