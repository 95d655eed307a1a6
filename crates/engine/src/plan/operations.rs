//! The operations of a plan and the edges between them.
//!
//! What comes after what, for a resource `j` that needs `i`:
//!
//! - `i` is there (created, updated, settled) before `j` is created or updated;
//! - a former `i` goes only after every `j` was pointed at the new one;
//! - where `i` is deleted and created again, `j` is deleted before and created after.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::cloud::{Place, Readiness};
use crate::graph::Graph;
use crate::kind::{Cost, Verb};
use crate::plan::pointing::behind;
use crate::plan::{Action, Estimate, Operation, Plan, Step};

/// The operations of one resource, as indices.
#[derive(Default)]
struct Own {
    /// The first one that needs its dependencies.
    first: Option<usize>,
    /// The one after which it is as it should be.
    provides: Option<usize>,
    /// The delete of a replacement under the same name.
    clears: Option<usize>,
    /// The deletes of former ones.
    former: Vec<usize>,
}

/// Lays out the operations of all steps. Steps are numbered as they will be in the plan, without the unselected ones.
pub(super) fn operations(graph: &Graph, steps: &[Option<Step>], pointing: &[BTreeSet<usize>]) -> Vec<Operation> {
    let mut all = Vec::new();
    let mut own: HashMap<usize, Own> = HashMap::new();
    let mut number = 0;
    for (index, step) in steps.iter().enumerate() {
        let Some(step) = step else { continue };
        own.insert(index, lay_out(number, step, &mut all));
        number += 1;
    }
    for (index, mine) in &own {
        for dependency in &graph.dependencies[*index] {
            let Some(theirs) = own.get(dependency) else { continue };
            if let (Some(first), Some(provides)) = (mine.first, theirs.provides) {
                all[first].after.push(provides);
            }
            if let (Some(mine), Some(theirs)) = (mine.clears, theirs.clears) {
                all[theirs].after.push(mine);
            }
            // The former one of what I need goes after I was pointed at the new one.
            if let Some(repointed) = mine.provides {
                for former in &theirs.former {
                    all[*former].after.push(repointed);
                }
            }
            // My own former one may still point at the former one of what I need.
            for mine in &mine.former {
                for theirs in &theirs.former {
                    all[*theirs].after.push(*mine);
                }
            }
        }
    }
    // What points at something that goes is moved or gone before, also where it needs something else by now.
    for (index, pointers) in pointing.iter().enumerate() {
        let Some(theirs) = own.get(&index) else { continue };
        for mine in pointers.iter().filter_map(|pointer| own.get(pointer)) {
            for goes in theirs.clears.iter().chain(&theirs.former) {
                for moved in mine.clears.or(mine.provides).iter().chain(&mine.former) {
                    behind(&mut all, *goes, *moved);
                }
            }
        }
    }
    for operation in &mut all {
        operation.after.sort_unstable();
        operation.after.dedup();
    }
    all
}

fn lay_out(number: usize, step: &Step, all: &mut Vec<Operation>) -> Own {
    let mut own = Own::default();
    let mut push = |verb: Verb, identity: Option<&str>, after: Vec<usize>| {
        all.push(Operation { step: number, verb, identity: identity.map(str::to_owned), after });
        all.len() - 1
    };
    let identity = step.identity.as_deref();
    let present = step.live.present();
    let unsettled =
        present.is_some_and(|present| matches!(present.readiness, Readiness::Settling(_) | Readiness::Deleting(_)));
    match step.action {
        Action::Blocked => {}
        Action::Read => {
            let ask = push(Verb::Read, None, Vec::new());
            own.first = Some(ask);
            own.provides = Some(ask);
        }
        // What nobody names any more goes like a former one: when nothing points at it.
        Action::Delete => own.former.push(push(Verb::Delete, identity, Vec::new())),
        Action::None => {
            if unsettled && step.unread().is_none() {
                own.provides = Some(push(Verb::Read, identity, Vec::new()));
            }
        }
        Action::Create | Action::Update | Action::Adopt => {
            let verb = if step.action == Action::Create { Verb::Create } else { Verb::Update };
            let wait = unsettled.then(|| push(Verb::Read, identity, Vec::new()));
            let write = push(verb, identity, wait.into_iter().collect());
            own.first = Some(write);
            own.provides = Some(write);
        }
        Action::Replace if step.new_first => {
            let effective = step.edits.iter().any(|edit| !edit.is_ignored());
            let wait = unsettled.then(|| push(Verb::Read, identity, Vec::new()));
            let write = match present {
                None => Some(push(Verb::Create, identity, Vec::new())),
                Some(present) if matches!(present.readiness, Readiness::Deleting(_) | Readiness::Scheduled { .. }) => {
                    Some(push(Verb::Create, identity, wait.into_iter().collect()))
                }
                Some(_) if effective => Some(push(Verb::Update, identity, wait.into_iter().collect())),
                Some(_) => wait,
            };
            own.first = write;
            own.provides = write;
            for former in &step.former {
                own.former.push(push(Verb::Delete, Some(&former.identity), write.into_iter().collect()));
            }
        }
        Action::Replace => {
            let delete = push(Verb::Delete, identity, Vec::new());
            // A name that the service makes is another one next time.
            let create = push(Verb::Create, step.desired.identity.as_deref(), vec![delete]);
            own.clears = Some(delete);
            own.first = Some(create);
            own.provides = Some(create);
            for former in &step.former {
                own.former.push(push(Verb::Delete, Some(&former.identity), vec![create]));
            }
        }
    }
    own
}

/// So many resources a page of a search holds.
const FOUND_IN_A_PAGE: u64 = 100;
/// A search for owner tags.
const SEARCH: Cost = Cost { operation: "tag:GetResources", per_second: 10, serves: 1 };

/// What executing a plan costs: the calls of each operation, what is read again before it, and a few looks at what settles.
/// The operation that takes longest at its rate bounds the time, and of what waits for something that is searched for twice
/// before it is made, the pause between the two searches on top of it.
pub(super) fn estimate(plan: &Plan, options: &super::Options) -> Estimate {
    let mut by_operation: HashMap<(&str, &Place), (u64, Cost)> = HashMap::new();
    // Of these, what cannot be begun before.
    let mut late: HashMap<(&str, &Place), u64> = HashMap::new();
    let is_late = late_operations(plan);
    let mut searched: HashMap<&Place, u64> = HashMap::new();
    let mut tagged: HashMap<&Place, u64> = HashMap::new();
    for step in plan.steps.iter().filter(|step| step.desired.kind.tags().is_some()) {
        // Halfway through, one in two of those that are made is there.
        let is_new = step.action == Action::Create;
        *tagged.entry(&step.desired.place).or_default() += if is_new { 1 } else { 2 };
    }
    let mut settling = 0;
    for (operation, is_late) in plan.operations.iter().zip(is_late) {
        let step = &plan.steps[operation.step];
        let node = &step.desired;
        let slow = node.kind.patience(&step.resolved);
        let mut costs = Vec::new();
        let reads = || node.kind.costs(Verb::Read, &step.resolved);
        match operation.verb {
            Verb::Read => {
                settling += 1;
                continue;
            }
            Verb::Create => {
                for _ in step.superseded() {
                    costs.extend(reads());
                    costs.extend(node.kind.costs(Verb::Update, &step.resolved));
                }
                if is_nameless(plan, operation) {
                    *searched.entry(&node.place).or_default() += 1;
                    // What is found then is read.
                    costs.extend(reads());
                }
            }
            // What carries tags is read again, so that nothing of somebody else's is changed.
            Verb::Update if node.kind.tags().is_some() => costs.extend(reads()),
            Verb::Update => {}
            Verb::Delete => settling += u64::from(!slow.delete.is_zero()),
        }
        costs.extend(node.kind.costs(operation.verb, &step.resolved));
        for cost in costs {
            by_operation.entry((cost.operation, &node.place)).or_insert((0, cost)).0 += 1;
            *late.entry((cost.operation, &node.place)).or_default() += u64::from(is_late);
        }
    }
    // What the service names is searched for before it is made and after. Who searches at the same time searches together: at
    // the services' rates one in four. Each search has the pages of all that carries the stack's tags by then.
    for (place, made) in searched {
        let twice = tagged.get(place).copied().unwrap_or_default();
        let searches = (made * 3 / 2 + 1) * (twice + FOUND_IN_A_PAGE).max(2 * FOUND_IN_A_PAGE) / (2 * FOUND_IN_A_PAGE);
        by_operation.insert((SEARCH.operation, place), (searches, SEARCH));
        late.insert((SEARCH.operation, place), searches);
    }
    let looks = if settling == 0 { 0 } else { settling.div_ceil(100).max(2) };
    let calls = |(count, cost): &(u64, Cost)| count.div_ceil(u64::from(cost.serves.max(1)));
    let all = by_operation.values().map(calls).sum::<u64>() + looks;
    if all == 0 {
        return Estimate::default();
    }
    // What may be sent at once at the start makes up for what a call takes.
    let seconds = |of: &(u64, Cost)| seconds(calls(of), of.1.per_second, options.quota_share);
    let pause = options.search_again.as_secs();
    let after = by_operation.iter().filter_map(|(name, (_, cost))| match late.get(name) {
        None | Some(0) => None,
        Some(count) => Some(pause + seconds(&(*count, *cost))),
    });
    let longest = by_operation.values().map(seconds).chain(after).max().unwrap_or(0);
    Estimate { calls: all, seconds: longest.max(if settling == 0 { 1 } else { 2 }) }
}

/// Whether an operation makes what the service names, which is searched for before.
fn is_nameless(plan: &Plan, operation: &Operation) -> bool {
    let tagged = || plan.steps[operation.step].desired.kind.tags().is_some();
    operation.verb == Verb::Create && operation.identity.is_none() && tagged()
}

/// For each operation whether it makes what the service names, or waits for one that does.
fn late_operations(plan: &Plan) -> Vec<bool> {
    let mut late = vec![false; plan.operations.len()];
    let mut followers = vec![Vec::new(); plan.operations.len()];
    let mut found = Vec::new();
    for (index, operation) in plan.operations.iter().enumerate() {
        for before in &operation.after {
            followers[*before].push(index);
        }
        if is_nameless(plan, operation) {
            found.push(index);
        }
    }
    while let Some(index) = found.pop() {
        if !std::mem::replace(&mut late[index], true) {
            found.extend(&followers[index]);
        }
    }
    late
}

/// How long so many calls take at a share of a rate.
fn seconds(calls: u64, per_second: u32, share: Option<f64>) -> u64 {
    #[expect(clippy::cast_precision_loss, reason = "far fewer calls than an f64 can count")]
    let seconds = calls as f64 / (f64::from(per_second.max(1)) * share.unwrap_or(1.0));
    Duration::try_from_secs_f64(seconds.ceil()).map_or(u64::MAX, |time| time.as_secs())
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn a_share_of_a_rate_takes_as_much_longer() {
        assert_eq!(seconds(1000, 50, None), 20);
        assert_eq!(seconds(1000, 50, Some(0.5)), 40);
        assert_eq!(seconds(1001, 50, Some(2.0)), 11);
        assert_eq!(seconds(1, 50, None), 1);
    }
}
