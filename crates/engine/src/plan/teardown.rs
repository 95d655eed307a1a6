//! The plan that removes a stack: everything that exists under its names, in the reverse order of need.
//!
//! No expression is evaluated and no secret read: a name is all that a delete needs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::cloud::{Live, Present, Readiness};
use crate::desired::Desired;
use crate::diagnostic::Diagnostics;
use crate::graph::Graph;
use crate::kind::{Change, Verb};
use crate::observe::Observed;
use crate::owner::{self, Standing};
use crate::plan::build::{Options, cap_deletions, unsearched};
use crate::plan::pointing::{behind, pointing};
use crate::plan::pre_image::pre_images;
use crate::plan::{Action, Estimate, Operation, Plan, Step};

/// Makes the plan that deletes what was observed of a graph.
pub fn teardown(graph: &Graph, observed: &Observed, options: &Options) -> Plan {
    let mut steps = Vec::new();
    let mut position: HashMap<usize, usize> = HashMap::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        let selected = options.selected.as_ref().is_none_or(|selected| selected.contains(&index));
        if !selected || node.kind.is_lookup() {
            continue;
        }
        let mut step = Step {
            desired: Arc::clone(node),
            identity: observed.identities[index].clone(),
            action: Action::None,
            reason: "is not there".to_owned(),
            new_first: false,
            edits: Vec::new(),
            patch: Vec::new(),
            secrets: Vec::new(),
            implies: Vec::new(),
            resolved: node.properties.clone(),
            live: observed.live[index].clone().unwrap_or(Live::Absent),
            former: Vec::new(),
            notes: Vec::new(),
            pre_image: None,
        };
        for (_, live) in &observed.former[index] {
            match live {
                Live::Present(present) if is_scheduled(present) => {}
                Live::Present(present) => step.former.push((**present).clone()),
                Live::Unreadable(fault) => step.live = Live::Unreadable(fault.clone()),
                Live::Absent => {}
            }
        }
        if let Some(Readiness::Scheduled { state, until }) = step.live.present().map(|present| &present.readiness) {
            let day = until.as_ref().map_or_else(String::new, |day| format!(" until {day}"));
            step.reason = format!("is going already: {state}{day}");
            step.live = Live::Absent;
        }
        let live: Vec<_> = step.live.present().into_iter().chain(&step.former).cloned().collect();
        let not_ours = live.iter().find_map(|present| not_ours(graph, node, present));
        if let Live::Unreadable(fault) = &step.live {
            step.reason = format!("could not be read: {fault}");
        } else if !live.is_empty() {
            step.pre_image = pre_images(node, step.live.present(), &step.former);
            if node.instance.skip_on_delete {
                "kept: `skip_on_delete`".clone_into(&mut step.reason);
            } else if let Some(reason) = not_ours {
                step.action = Action::Blocked;
                step.reason = reason;
            } else if step.is_protected() {
                step.action = Action::Blocked;
                "protected".clone_into(&mut step.reason);
            } else {
                step.action = Action::Delete;
                "teardown".clone_into(&mut step.reason);
                step.implies = live.iter().flat_map(|present| node.kind.implies(&Change::Delete(present))).collect();
            }
        }
        position.insert(index, steps.len());
        steps.push(step);
    }
    let pointing = pointing(graph, observed);
    let unread_beside = block_what_unselected_ones_need(graph, observed, &pointing, &position, &mut steps);
    while block_what_the_kept_ones_need(graph, &pointing, &position, &mut steps) {}
    // A teardown asks its own question; only a number that was given counts.
    if options.allow_deletes.is_some() {
        cap_deletions(steps.iter_mut(), options.allow_deletes);
    }

    let mut operations: Vec<Operation> = Vec::new();
    let mut deletes: HashMap<usize, Vec<usize>> = HashMap::new();
    for (number, step) in steps.iter().enumerate().filter(|(_, step)| step.action == Action::Delete) {
        for present in step.live.present().into_iter().chain(&step.former) {
            // One that is going already is only waited for.
            let verb = if matches!(present.readiness, Readiness::Deleting(_)) { Verb::Read } else { Verb::Delete };
            deletes.entry(number).or_default().push(operations.len());
            let identity = Some(present.identity.clone());
            operations.push(Operation { step: number, verb, identity, after: Vec::new() });
        }
    }
    for (index, number) in &position {
        let Some(mine) = deletes.get(number) else { continue };
        for dependant in all_dependants(graph, *index) {
            let Some(theirs) = position.get(&dependant).and_then(|number| deletes.get(number)) else { continue };
            for operation in mine {
                operations[*operation].after.extend(theirs);
            }
        }
    }
    for (index, pointers) in pointing.iter().enumerate() {
        let of = |index: &usize| position.get(index).and_then(|number| deletes.get(number)).into_iter().flatten();
        for goes in of(&index) {
            for before in pointers.iter().flat_map(of) {
                behind(&mut operations, *goes, *before);
            }
        }
    }
    for operation in &mut operations {
        operation.after.sort_unstable();
        operation.after.dedup();
    }

    let mut diagnostics = Diagnostics::new();
    unsearched(graph, observed, false, &mut diagnostics);
    let place = graph.nodes.first().map(|node| &node.place);
    let whereabouts = place.and_then(|place| observed.whereabouts.get(place)).and_then(|answer| answer.as_ref().ok());
    let mut plan = Plan {
        command: "teardown",
        stack: graph.stack.clone(),
        env: graph.env.clone(),
        whereabouts: whereabouts.cloned(),
        steps,
        operations,
        diagnostics,
        exports: Vec::new(),
        partial: options.selected.is_some(),
        pruned: false,
        take_over: options.take_over,
        unread_beside,
        reread: BTreeSet::new(),
        queries: BTreeMap::new(),
        estimate: Estimate::default(),
    };
    plan.estimate = super::operations::estimate(&plan, options);
    plan
}

fn is_scheduled(present: &Present) -> bool {
    matches!(present.readiness, Readiness::Scheduled { .. })
}

/// Why something is not this stack's to delete. What cannot be tagged is the stack's by its name.
fn not_ours(graph: &Graph, node: &Desired, present: &Present) -> Option<String> {
    if let Some(reason) = node.kind.refuses(present) {
        return Some(reason);
    }
    match owner::standing(node.kind, &graph.stack, &graph.env, &node.address, &present.properties) {
        Standing::Untaggable | Standing::Ours | Standing::Renamed(_) => None,
        Standing::Free => Some("it carries no owner, so it is not this stack's; an apply would adopt it".to_owned()),
        Standing::Foreign(owner) => {
            Some(format!("it belongs to {} of stack {} ({})", owner.resource, owner.stack, owner.env))
        }
    }
}

/// What an unselected resource needs cannot go while that exists. The number of those that could not be read.
fn block_what_unselected_ones_need(
    graph: &Graph,
    observed: &Observed,
    pointing: &[BTreeSet<usize>],
    position: &HashMap<usize, usize>,
    steps: &mut [Step],
) -> usize {
    let mut unread = BTreeSet::new();
    for (index, number) in position {
        let step = &mut steps[*number];
        if step.action != Action::Delete {
            continue;
        }
        for dependant in graph.dependants[*index].iter().chain(&pointing[*index]) {
            if position.contains_key(dependant) {
                continue;
            }
            let former = observed.former[*dependant].iter().map(|(_, live)| live);
            for live in observed.live[*dependant].iter().chain(former) {
                match live {
                    Live::Absent => {}
                    Live::Unreadable(_) => {
                        unread.insert(*dependant);
                    }
                    Live::Present(present)
                        if matches!(present.readiness, Readiness::Deleting(_) | Readiness::Scheduled { .. }) => {}
                    Live::Present(_) => {
                        step.action = Action::Blocked;
                        step.reason =
                            format!("{}, which needs it, exists and is not selected", graph.nodes[*dependant].address);
                        step.implies.clear();
                    }
                }
            }
        }
    }
    unread.len()
}

/// What a kept or protected resource needs cannot go either.
fn block_what_the_kept_ones_need(
    graph: &Graph,
    pointing: &[BTreeSet<usize>],
    position: &HashMap<usize, usize>,
    steps: &mut [Step],
) -> bool {
    let mut changed = false;
    for &index in graph.order.iter().rev() {
        let Some(&number) = position.get(&index) else { continue };
        if steps[number].action != Action::Delete {
            continue;
        }
        let holder = graph.dependants[index].iter().chain(&pointing[index]).find_map(|dependant| {
            let other = &steps[*position.get(dependant)?];
            let stays = other.action == Action::Blocked || (other.action == Action::None && other.exists());
            let protected = other.is_protected() || other.reason.ends_with("is protected");
            let why = if protected { "is protected" } else { "stays" };
            stays.then(|| (other.address().to_string(), other.action, why))
        });
        if let Some((holder, action, why)) = holder {
            let step = &mut steps[number];
            if action == Action::Blocked {
                step.action = Action::Blocked;
                step.reason = format!("{holder}, which needs it, {why}");
            } else {
                step.action = Action::None;
                step.reason = format!("kept: {holder}, which needs it, is kept");
            }
            step.implies.clear();
            changed = true;
        }
    }
    changed
}

fn all_dependants(graph: &Graph, index: usize) -> Vec<usize> {
    let mut seen = vec![false; graph.nodes.len()];
    let mut pending = graph.dependants[index].clone();
    let mut all = Vec::new();
    while let Some(next) = pending.pop() {
        if !std::mem::replace(&mut seen[next], true) {
            all.push(next);
            pending.extend(&graph.dependants[next]);
        }
    }
    all
}
