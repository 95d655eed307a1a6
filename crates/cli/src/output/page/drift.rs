//! What a look for drift found, as a page.

use trueup_engine::drift::{Drift, Resource, Status, Summary};
use trueup_engine::plan::document::StackName;
use trueup_engine::source::Sources;

use super::plan::of_step;
use super::{Item, Level, Page, Total, Verdict};
use crate::output::drift::{Show, row, summary};
use crate::output::graph::Network;
use crate::output::human::View;

/// The page of some findings, without those about the manifest.
pub fn of_drift(drift: &Drift<'_>, show: Show, sources: &Sources, network: Network, view: View) -> Page {
    let plan = drift.plan;
    let stack = StackName { name: plan.stack.clone(), env: plan.env.clone() };
    let plain = View { width: None, ..view };
    let items: Vec<Item> = drift.resources.iter().map(|resource| item(resource, show, sources, plain)).collect();
    let counts = drift.summary();
    Page {
        account: plan.whereabouts.as_ref().map(|here| here.account.clone()),
        region: plan.whereabouts.as_ref().map(|here| here.region.clone()),
        sandbox: view.sandbox,
        partial: plan.partial,
        whole: view.verbose,
        headline: summary(drift, plain).trim_end().to_owned(),
        totals: totals(&counts),
        network: network.with_status(&items),
        items,
        incomplete: counts.unread > 0,
        ..Page::new("drift", Some(stack))
    }
}

fn totals(counts: &Summary) -> Vec<Total> {
    let all = [
        ("drifted", counts.drifted),
        ("missing", counts.missing),
        ("cannot be used", counts.unhealthy),
        ("not read", counts.unread),
        ("not verifiable", counts.not_verifiable),
        ("in sync", counts.in_sync),
    ];
    all.into_iter().filter(|(_, count)| *count > 0).map(|(label, count)| Total { label, count }).collect()
}

fn item(resource: &Resource<'_>, show: Show, sources: &Sources, view: View) -> Item {
    let step = resource.step;
    let row = row(resource, show, view);
    let mut item = of_step(step, row, "in sync", standing(resource, show), sources);
    if let Some(first) = item.lines.iter().find_map(|line| line.location.clone()) {
        item.location = Some(first);
    }
    item
}

/// What is so of a resource, in one word, and what that means. What is less bad than what is listed is fine.
fn standing(resource: &Resource<'_>, show: Show) -> (&'static str, Level, Verdict) {
    use trueup_engine::drift::Level as Severity;
    let level = match resource.level {
        Some(Severity::High) => Level::Error,
        Some(Severity::Medium) => Level::Warning,
        Some(Severity::Low) | None => Level::Note,
    };
    match resource.status {
        Status::Unread => ("unread", Level::Error, Verdict::Unread),
        Status::Missing => ("missing", Level::Error, Verdict::Off),
        Status::Drifted if resource.level.is_none_or(|level| show.lists(level)) => ("drifted", level, Verdict::Off),
        _ if resource.is_unhealthy() => ("unhealthy", Level::Warning, Verdict::Off),
        _ if resource.not_verifiable() > 0 => ("not-verifiable", Level::Note, Verdict::Open),
        _ => ("in-sync", Level::Fine, Verdict::Fine),
    }
}
