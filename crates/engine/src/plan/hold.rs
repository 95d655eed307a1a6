//! What may not go although a step wants it to, because something else still needs it or nobody knows whether it does.

use std::collections::{BTreeMap, BTreeSet};

use crate::cloud::{Live, Readiness};
use crate::delta::Edit;
use crate::graph::Graph;
use crate::observe::Observed;
use crate::plan::pointing::{aliases, names_of};
use crate::plan::{Action, Step};
use crate::value::{Map, Value};

/// Why a dependant may go on pointing at what there is now; `None` where it will be changed or does not exist.
fn holds(graph: &Graph, observed: &Observed, steps: &[Option<Step>], dependant: usize) -> Option<String> {
    let node = &graph.nodes[dependant];
    let why = match &steps[dependant] {
        None if matches!(observed.live[dependant], Some(Live::Absent)) => return None,
        None => "is not selected",
        Some(step) if step.unread().is_some() => "could not be read",
        Some(step) if step.action == Action::Blocked && (step.live.present().is_some() || !step.former.is_empty()) => {
            if step.is_protected() {
                "is protected"
            } else {
                "is blocked"
            }
        }
        Some(_) => return None,
    };
    Some(format!("{}, which refers to it, {why}", node.address))
}

/// A replacement under the same name deletes first; when a dependant may not go before it, nothing may. One beside the
/// old one is not begun either where something cannot follow.
pub(super) fn held_by_dependants(
    graph: &Graph,
    observed: &Observed,
    pointing: &[BTreeSet<usize>],
    steps: &[Option<Step>],
) -> BTreeMap<usize, String> {
    let mut held = BTreeMap::new();
    for (index, step) in steps.iter().enumerate() {
        let begins =
            |step: &Step| step.action == Action::Replace && (!step.new_first || step.superseded().next().is_some());
        if step.as_ref().is_some_and(begins)
            && let Some(holder) = graph.dependants[index]
                .iter()
                .chain(&pointing[index])
                .find_map(|dependant| holds(graph, observed, steps, *dependant))
        {
            held.insert(index, holder);
        }
    }
    held
}

/// A former resource goes only when nothing points at it any more; a later run finishes what is left.
pub(super) fn keep_what_is_still_needed(
    graph: &Graph,
    observed: &Observed,
    pointing: &[BTreeSet<usize>],
    steps: &mut [Option<Step>],
) {
    let mut kept: BTreeSet<usize> = BTreeSet::new();
    // Dependants first: a former one that stays may point at the former one of what it needs.
    for &index in graph.order.iter().rev() {
        let Some(step) = &steps[index] else { continue };
        if step.action != Action::Replace || step.former.is_empty() {
            continue;
        }
        let holder = graph.dependants[index].iter().chain(&pointing[index]).find_map(|dependant| {
            if kept.contains(dependant) {
                return Some(format!("the former {}, which may refer to it, stays", graph.nodes[*dependant].address));
            }
            holds(graph, observed, steps, *dependant)
        });
        let (Some(holder), Some(step)) = (holder, &mut steps[index]) else { continue };
        kept.insert(index);
        for former in std::mem::take(&mut step.former) {
            step.notes.push(format!("`{}` stays for now: {holder}", former.identity));
        }
        if step.new_first && step.live.present().is_some() {
            let effective = step.edits.iter().any(|edit| !edit.is_ignored());
            step.action = if effective { Action::Update } else { Action::None };
            step.reason = if effective { "properties differ".to_owned() } else { String::new() };
            step.new_first = false;
        }
    }
}

/// What the manifest no longer names goes only where nothing goes on pointing at it; what could not be read may.
pub(super) fn keep_orphans_in_use(
    graph: &Graph,
    observed: &Observed,
    pointing: &[BTreeSet<usize>],
    steps: &mut [Option<Step>],
) {
    let goes =
        |step: &Option<Step>| step.as_ref().is_some_and(|step| step.desired.orphan && step.action == Action::Delete);
    let orphans: Vec<usize> = (0..steps.len()).filter(|index| goes(&steps[*index])).collect();
    let unread = (0..steps.len()).find(|index| match &steps[*index] {
        Some(step) => step.unread().is_some(),
        None => matches!(observed.live[*index], Some(Live::Unreadable(_))),
    });
    if let Some(unread) = unread {
        for index in orphans {
            let Some(step) = &mut steps[index] else { continue };
            step.action = Action::None;
            step.reason.clear();
            step.implies.clear();
            let unread = &graph.nodes[unread].address;
            step.notes.push(format!("stays for now: {unread}, which may point at it, could not be read"));
        }
        return;
    }
    let aliases = aliases(graph, observed);
    let present = |index: usize| observed.live[index].as_ref().and_then(Live::present);
    // One that stays may point at another one.
    let mut changed = true;
    while std::mem::take(&mut changed) {
        for &index in &orphans {
            if !goes(&steps[index]) {
                continue;
            }
            let standing = aliases.iter().filter(|(_, key)| *key == index).filter_map(|(alias, _)| present(*alias));
            let texts: Vec<&str> = present(index).into_iter().chain(standing).flat_map(names_of).collect();
            let holder = pointing[index].iter().find(|pointer| match &steps[**pointer] {
                None => true,
                Some(step) => goes_on_pointing(step, &texts),
            });
            let Some(holder) = holder else { continue };
            let holder = &graph.nodes[*holder].address;
            if let Some(step) = &mut steps[index] {
                step.action = Action::Blocked;
                step.reason = format!("{holder}, which goes on pointing at it, stays");
                step.implies.clear();
                changed = true;
            }
        }
    }
}

/// Whether a resource still holds one of these texts after its step.
fn goes_on_pointing(step: &Step, texts: &[&str]) -> bool {
    let holds = |value: &Value| {
        let mut found = false;
        value.walk(&mut |_, leaf| found |= leaf.as_str().is_some_and(|text| texts.contains(&text)));
        found
    };
    let Some(present) = step.live.present() else { return false };
    let going = matches!(present.readiness, Readiness::Deleting(_) | Readiness::Scheduled { .. });
    match step.action {
        Action::Delete | Action::Read => false,
        Action::Blocked | Action::None => !going && present.properties.values().any(holds),
        Action::Replace if !step.new_first => step.resolved.values().any(holds),
        Action::Create => step.resolved.values().any(holds),
        Action::Update | Action::Adopt | Action::Replace => {
            let moved = |edit: &Edit| !edit.is_ignored() && edit.before.as_ref().is_some_and(holds);
            present.properties.values().any(holds) && !step.edits.iter().any(moved)
        }
    }
}

/// The resource that could not be read, as far as the properties of this one follow from it: a dependency, or a
/// dependency's own uncertain one where that does not exist. Resources before it in the order have theirs in `uncertain`.
pub(super) fn uncertain_dependency(
    graph: &Graph,
    observed: &Observed,
    steps: &[Option<Step>],
    uncertain: &[Option<usize>],
    index: usize,
) -> Option<usize> {
    graph.dependencies[index].iter().find_map(|dependency| {
        let live = match &steps[*dependency] {
            Some(step) => Some(&step.live),
            None => observed.live[*dependency].as_ref(),
        };
        match live {
            Some(Live::Unreadable(_)) => Some(*dependency),
            Some(Live::Present(_)) => None,
            Some(Live::Absent) | None => uncertain[*dependency],
        }
    })
}

/// The properties with what is live in place of what is not known, and the names of those properties.
pub(super) fn as_live_where_unknown(desired: &Map, live: &Map) -> (Map, Vec<String>) {
    let mut skipped = Vec::new();
    let mut compared = Map::with_capacity(desired.len());
    for (name, value) in desired {
        if !crate::delta::has_unknown(value) {
            compared.insert(name.clone(), value.clone());
            continue;
        }
        skipped.push(name.clone());
        if let Some(value) = known_part(value, live.get(name)) {
            compared.insert(name.clone(), value);
        }
    }
    (compared, skipped)
}

fn known_part(desired: &Value, live: Option<&Value>) -> Option<Value> {
    match desired {
        value if !crate::delta::has_unknown(value) => Some(value.clone()),
        Value::Map(map) => Some(Value::Map(
            map.iter()
                .filter_map(|(name, value)| {
                    let live = live.and_then(|live| live.get(name));
                    Some((name.clone(), known_part(value, live)?))
                })
                .collect(),
        )),
        _ => live.cloned(),
    }
}
