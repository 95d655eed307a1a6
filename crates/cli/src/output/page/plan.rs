//! A plan as a page.

use trueup_engine::plan::document::StackName;
use trueup_engine::plan::{Action, Plan, Step, Summary};
use trueup_engine::source::Sources;

use super::{Change, Item, Level, Line, Location, Page, Total, Verdict};
use crate::error::{advice, describe};
use crate::output::graph::Network;
use crate::output::human::{self, Detail, Row, View};
use crate::output::text::clean;

/// The page of a plan, without its findings.
pub fn of_plan(command: &str, plan: &Plan, digest: &str, sources: &Sources, network: Network, view: View) -> Page {
    let stack = StackName { name: plan.stack.clone(), env: plan.env.clone() };
    let summary = plan.summary();
    let items: Vec<Item> = plan.steps.iter().filter_map(|step| item(plan, step, sources, view)).collect();
    Page {
        account: plan.whereabouts.as_ref().map(|here| here.account.clone()),
        region: plan.whereabouts.as_ref().map(|here| here.region.clone()),
        sandbox: view.sandbox,
        partial: plan.partial,
        whole: view.verbose,
        digest: Some(digest.to_owned()),
        headline: human::summary(plan, View { width: None, ..view }).trim_end().to_owned(),
        totals: totals(&summary),
        network: network.with_status(&items),
        items,
        incomplete: summary.unread > 0,
        ..Page::new(command, Some(stack))
    }
}

fn totals(summary: &Summary) -> Vec<Total> {
    let all = [
        ("to create", summary.create),
        ("to update", summary.update),
        ("to replace", summary.replace),
        ("to delete", summary.delete),
        ("to adopt", summary.adopt),
        ("blocked", summary.blocked),
        ("not read", summary.unread),
        ("not verifiable", summary.not_verifiable),
        ("unchanged", summary.unchanged),
    ];
    all.into_iter().filter(|(_, count)| *count > 0).map(|(label, count)| Total { label, count }).collect()
}

/// A resource; `None` for what a teardown finds gone already.
fn item(plan: &Plan, step: &Step, sources: &Sources, view: View) -> Option<Item> {
    let plain = View { width: None, ..view };
    let row = human::row(plan, step, plain);
    if row.is_none() && plan.command == "teardown" {
        return None;
    }
    let mut item = of_step(step, row, "unchanged", standing(plan, step), sources);
    // Of a new resource every property is news, and its name says where it begins.
    if matches!(step.action, Action::Update | Action::Adopt | Action::None | Action::Replace)
        && let Some(first) = item.lines.iter().find_map(|line| line.location.clone())
        && !step.edits.is_empty()
    {
        item.location = Some(first);
    }
    Some(item)
}

/// A resource with what its row says; `otherwise` where it has none.
pub(super) fn of_step(
    step: &Step,
    row: Option<Row<'_>>,
    otherwise: &str,
    (status, level, verdict): (&'static str, Level, Verdict),
    sources: &Sources,
) -> Item {
    let mut item = Item {
        address: clean(&step.address().to_string()).into_owned(),
        type_name: step.desired.kind.name().to_owned(),
        identifier: step.identity.as_deref().map(|identity| clean(identity).into_owned()),
        symbol: row.as_ref().map_or(" ", |row| row.symbol),
        status,
        words: row.as_ref().map_or_else(|| otherwise.to_owned(), |row| row.text.clone()),
        level,
        verdict,
        location: Location::of(step.desired.instance.name_span, sources),
        lines: Vec::new(),
        remarks: Vec::new(),
    };
    say(&mut item, row.into_iter().flat_map(|row| row.details), step, sources);
    if let Some(fault) = step.unread() {
        item.remarks.push(("fault", clean(&describe(fault)).into_owned()));
        item.remarks.extend(advice(fault).map(|advice| ("help", clean(&advice).into_owned())));
    }
    item
}

/// Adds what is said of a resource, with the lines of the manifest.
fn say(item: &mut Item, details: impl Iterator<Item = Detail>, step: &Step, sources: &Sources) {
    for detail in details {
        match detail {
            Detail::Remark { label, text } => item.remarks.push((label, text)),
            Detail::Property { path, pointer, change } => {
                // The numbers of live items are not those of the manifest's.
                let pointer = if path.contains('[') { before_items(&pointer) } else { &pointer };
                let location = Location::of(step.desired.instance.spans.value(pointer), sources);
                item.lines.push(line(path, change, location));
            }
        }
    }
}

fn line(path: String, change: human::Change, location: Option<Location>) -> Line {
    let said = |remark: Option<(crate::output::text::Tone, String)>| remark.map(|(_, words)| words);
    let (change, remark) = match change {
        human::Change::New(value) => (Change::New(value), None),
        human::Change::Instead { live, wanted, level } => (Change::Values(live, wanted), Some(level.to_owned())),
        human::Change::Secret { words, .. } => (Change::Secret(words), None),
        human::Change::Values { before, after, remark } => (Change::Values(before, after), said(remark)),
        human::Change::Text { lines, remark } => (Change::Text(lines), said(remark)),
    };
    Line { path, change, remark, location }
}

/// A pointer up to the first list.
fn before_items(pointer: &str) -> &str {
    let item = |token: &str| token == "-" || (!token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit()));
    let mut end = 0;
    for token in pointer.split('/').skip(1) {
        if item(token) {
            break;
        }
        end += token.len() + 1;
    }
    &pointer[..end]
}

/// What is so of a step, in one word, and what that means.
fn standing(plan: &Plan, step: &Step) -> (&'static str, Level, Verdict) {
    if step.unread().is_some() {
        return ("unread", Level::Error, Verdict::Unread);
    }
    match step.action {
        Action::Create => ("create", Level::Note, Verdict::Off),
        Action::Update => ("update", Level::Warning, Verdict::Off),
        Action::Replace => ("replace", Level::Warning, Verdict::Off),
        Action::Delete => ("delete", Level::Warning, Verdict::Off),
        Action::Adopt => ("adopt", Level::Note, Verdict::Off),
        Action::Blocked => ("blocked", Level::Error, Verdict::Off),
        Action::Read => ("read", Level::Fine, Verdict::Fine),
        Action::None if step.not_verifiable() > 0 => ("not-verifiable", Level::Note, Verdict::Open),
        Action::None if step.unhealthy().is_some() => ("unhealthy", Level::Warning, Verdict::Off),
        Action::None if plan.command == "teardown" => ("kept", Level::Note, Verdict::Open),
        Action::None => ("unchanged", Level::Fine, Verdict::Fine),
    }
}
