//! Which operations may begin, which ended and how. What is reported of them stands in `report`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use tokio::time::Instant;

use crate::apply::watch::{Waiting, Watch};
use crate::apply::{OnFailure, Options, Work};
use crate::cloud::{Confirm, Live, Place, Readiness, Unconfirmed, Written};
use crate::event::{Event, EventKind};
use crate::fault::{Fault, FaultKind};
use crate::kind::{Kind, Verb};
use crate::plan::{Action, Operation, Plan};

mod report;

/// What to look at in other services: a kind in a place, and its resources with the number of each one's step.
pub(super) type ToConfirm = ((&'static dyn Kind, Place), Vec<(usize, Confirm)>);

/// How long an operation usually takes at most, with what it reads and without what it waits for, in seconds: one, and two more
/// where it is searched for before and after. So many as its quota lets through in that time are under way at once.
const TAKES: (u32, u32) = (1, 3);
/// So many of what nobody has a quota for.
const FREE: u32 = 50;

/// The state of one operation.
#[derive(Debug, Clone)]
enum Status {
    Pending,
    Running,
    Done { usable: bool },
    Failed(Fault),
    Skipped(String),
    Cancelled,
}

/// The state of a run.
pub(super) struct State<'a> {
    plan: &'a Plan,
    options: &'a Options,
    events: &'a (dyn Fn(Event) + Sync),
    statuses: Vec<Status>,
    /// How many operations each one still waits for.
    missing: Vec<usize>,
    /// Operations that wait for each one.
    followers: Vec<Vec<usize>>,
    /// Operations that may begin, by sort: the longest chain behind them first, then the order of the manifest.
    ready: Vec<BTreeSet<(std::cmp::Reverse<usize>, usize)>>,
    /// How many of each sort are under way.
    under_way: Vec<usize>,
    /// How many of each sort may be.
    widths: Vec<usize>,
    /// The sort of each operation: those of one place that wait for one quota.
    sorts: Vec<usize>,
    rank: Vec<usize>,
    began: Vec<Option<Instant>>,
    ended: Vec<Option<Instant>>,
    notes: Vec<Vec<String>>,
    /// What each operation acted upon; learned from the answer where the service made the name.
    identities: Vec<Option<String>>,
    interrupted: bool,
    stopped: bool,
}

impl<'a> State<'a> {
    pub(super) fn new(work: Work<'a>, options: &'a Options, events: &'a (dyn Fn(Event) + Sync)) -> Self {
        let plan = work.plan;
        let count = plan.operations.len();
        let mut followers = vec![Vec::new(); count];
        for (index, operation) in plan.operations.iter().enumerate() {
            for before in &operation.after {
                followers[*before].push(index);
            }
        }
        let missing: Vec<usize> = plan.operations.iter().map(|operation| operation.after.len()).collect();
        let rank = ranks(&missing, &followers);
        let mut numbers = HashMap::new();
        let mut widths = Vec::new();
        let sort_of = |operation: &Operation| {
            let node = &plan.steps[operation.step].desired;
            let costs = node.kind.costs(operation.verb, &plan.steps[operation.step].resolved);
            let quota = costs.first().map_or(node.kind.name(), |cost| cost.operation);
            let next = numbers.len();
            let sort = *numbers.entry((quota, operation.verb, &node.place)).or_insert(next);
            let rate = costs.iter().map(|cost| cost.per_second).min().unwrap_or(FREE);
            let is_searched =
                operation.verb == Verb::Create && operation.identity.is_none() && node.kind.tags().is_some();
            let width = (rate * if is_searched { TAKES.1 } else { TAKES.0 }).max(1) as usize;
            widths.resize(numbers.len(), 0);
            widths[sort] = width.max(widths[sort]);
            sort
        };
        let sorts: Vec<usize> = plan.operations.iter().map(sort_of).collect();
        let mut state = Self {
            plan,
            options,
            events,
            statuses: vec![Status::Pending; count],
            missing,
            followers,
            ready: vec![BTreeSet::new(); widths.len()],
            under_way: vec![0; widths.len()],
            widths,
            sorts,
            rank,
            began: vec![None; count],
            ended: vec![None; count],
            notes: vec![Vec::new(); plan.steps.len()],
            identities: plan.operations.iter().map(|operation| operation.identity.clone()).collect(),
            interrupted: false,
            stopped: false,
        };
        for index in 0..count {
            if state.missing[index] == 0 {
                state.make_ready(index);
            }
        }
        state.skip_what_cannot_be_known(work);
        state
    }

    /// Dependants of what could not be read, and of what is not there and may not be created, are not begun.
    fn skip_what_cannot_be_known(&mut self, work: Work<'_>) {
        let positions: BTreeMap<_, usize> =
            self.plan.steps.iter().enumerate().map(|(number, step)| (step.address(), number)).collect();
        for (index, node) in work.graph.nodes.iter().enumerate() {
            let step = positions.get(&node.address).map(|number| &self.plan.steps[*number]);
            let unread = match step {
                Some(step) => step.unread().is_some(),
                None => matches!(work.observed.live[index], Some(Live::Unreadable(_))),
            };
            let reason = if unread {
                format!("{} could not be read", node.address)
            } else if let Some(step) = step
                && step.action == Action::Blocked
                && self.plan.command == "plan"
                && step.live.present().is_none()
            {
                format!("{} is blocked", node.address)
            } else {
                continue;
            };
            let mut pending = if self.plan.command == "plan" {
                work.graph.dependants[index].clone()
            } else {
                // At teardown what it needs has to stay.
                work.graph.dependencies[index].clone()
            };
            while let Some(next) = pending.pop() {
                let Some(number) = positions.get(&work.graph.nodes[next].address).copied() else { continue };
                let operations: Vec<usize> = (0..self.plan.operations.len())
                    .filter(|operation| self.plan.operations[*operation].step == number)
                    .collect();
                let mut fresh = false;
                for operation in operations {
                    if matches!(self.statuses[operation], Status::Pending) {
                        fresh = true;
                        self.skip(operation, &reason);
                    }
                }
                if fresh {
                    let further =
                        if self.plan.command == "plan" { &work.graph.dependants } else { &work.graph.dependencies };
                    pending.extend(&further[next]);
                }
            }
        }
    }

    fn emit(&self, operation: usize, kind: EventKind) {
        let operation = &self.plan.operations[operation];
        let address = self.plan.steps[operation.step].address().clone();
        (self.events)(Event { address, verb: operation.verb, kind });
    }

    /// The operation to begin next.
    pub(super) fn next(&mut self) -> Option<usize> {
        if self.interrupted || self.stopped {
            return None;
        }
        let may_begin = (0..self.ready.len()).filter(|sort| self.under_way[*sort] < self.widths[*sort]);
        let sort = may_begin.filter_map(|sort| Some((self.ready[sort].first()?, sort))).min()?.1;
        self.ready[sort].pop_first().map(|(_, index)| index)
    }

    pub(super) fn started(&mut self, index: usize) {
        self.statuses[index] = Status::Running;
        self.under_way[self.sorts[index]] += 1;
        self.began[index] = Some(Instant::now());
        if self.plan.operations[index].verb != Verb::Read {
            self.emit(index, EventKind::Started);
        }
    }

    /// The call of an operation has come back, whatever it said.
    pub(super) fn answered(&mut self, index: usize) {
        self.under_way[self.sorts[index]] -= 1;
    }

    /// Whether nothing more is begun because something has failed.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// The run was interrupted, or stopped, before an operation wrote anything.
    pub(super) fn withdrawn(&mut self, index: usize) {
        self.began[index] = None;
        self.not_begun(index);
    }

    /// Says of an operation that it is not begun any more, and why.
    fn not_begun(&mut self, index: usize) {
        if self.stopped && !self.interrupted {
            let reason = "another step failed, and `--on-failure stop` was given".to_owned();
            self.emit(index, EventKind::Skipped { reason: reason.clone() });
            self.statuses[index] = Status::Skipped(reason);
        } else {
            self.statuses[index] = Status::Cancelled;
            self.emit(index, EventKind::Cancelled);
        }
    }

    fn make_ready(&mut self, index: usize) {
        self.ready[self.sorts[index]].insert((std::cmp::Reverse(self.rank[index]), index));
    }

    /// Takes the answer of a write in; what still has to settle is to be watched.
    pub(super) fn written(&mut self, index: usize, written: &Written) -> Option<Waiting> {
        let operation = &self.plan.operations[index];
        self.notes[operation.step].extend(written.notes.iter().cloned());
        if written.identity.is_some() {
            self.identities[index].clone_from(&written.identity);
        }
        let state = match (&written.readiness, operation.verb) {
            // What is marked for deletion after a delete is as far as it goes.
            (Readiness::Ready(_), _) | (Readiness::Scheduled { .. }, Verb::Delete) => {
                self.done(index, true, None);
                return None;
            }
            (Readiness::Failed(fault), _) => {
                self.failed(index, fault.clone());
                return None;
            }
            (Readiness::Unusable { state, reason }, _) => {
                self.done(index, false, Some(in_state(state, reason.as_deref())));
                return None;
            }
            (Readiness::Settling(state) | Readiness::Deleting(state) | Readiness::Scheduled { state, .. }, _) => {
                state.clone()
            }
        };
        if operation.verb != Verb::Read {
            self.emit(index, EventKind::Waiting { state: state.clone() });
        }
        let Some(identity) = self.identities[index].clone() else {
            let message = "the service made it and did not say its name; a later run finds it by its tags";
            self.failed(index, Fault::new(FaultKind::Internal, name_of(operation.verb), message));
            return None;
        };
        let now = Instant::now();
        Some(Waiting { since: now, deadline: now + self.patience(index), state, identity })
    }

    fn patience(&self, index: usize) -> Duration {
        let operation = &self.plan.operations[index];
        let step = &self.plan.steps[operation.step];
        let own = step.desired.kind.patience(&step.resolved);
        let timeouts = step.desired.instance.timeouts;
        match operation.verb {
            Verb::Create | Verb::Read => timeouts.create.unwrap_or(own.create),
            Verb::Update => timeouts.update.unwrap_or(own.update),
            Verb::Delete => timeouts.delete.unwrap_or(own.delete),
        }
    }

    /// Takes a look of the poller in; `true` where the operation has ended.
    pub(super) fn polled(&mut self, index: usize, live: &Live, watch: &mut Watch<'_>) -> bool {
        let operation = &self.plan.operations[index];
        let step = &self.plan.steps[operation.step];
        let was_going = step.live.present().is_some_and(|present| matches!(present.readiness, Readiness::Deleting(_)));
        let should_go = operation.verb == Verb::Delete
            || (operation.verb == Verb::Read && (was_going || self.plan.command == "teardown"));
        let state = match live {
            Live::Absent if should_go => {
                self.done(index, true, None);
                return true;
            }
            // A list may lag behind a create; only the deadline ends that.
            Live::Absent => return false,
            Live::Unreadable(fault) if fault.kind.is_transient() => return false,
            Live::Unreadable(fault) => {
                self.failed(index, fault.clone());
                return true;
            }
            Live::Present(present) => match &present.readiness {
                Readiness::Scheduled { .. } if should_go => {
                    self.done(index, true, None);
                    return true;
                }
                Readiness::Deleting(state) | Readiness::Settling(state) | Readiness::Scheduled { state, .. } => {
                    state.clone()
                }
                Readiness::Ready(state) if should_go => state.clone().unwrap_or_default(),
                Readiness::Unusable { state, .. } if should_go => state.clone(),
                Readiness::Failed(fault) => {
                    self.failed(index, fault.clone());
                    return true;
                }
                Readiness::Ready(_) => {
                    self.done(index, true, None);
                    return true;
                }
                Readiness::Unusable { state, reason } => {
                    self.done(index, false, Some(in_state(state, reason.as_deref())));
                    return true;
                }
            },
        };
        if let Some(waiting) = watch.get_mut(index)
            && waiting.state != state
        {
            waiting.state.clone_from(&state);
            self.emit(index, EventKind::Waiting { state });
        }
        false
    }

    /// The wait for an operation ended at its deadline.
    pub(super) fn not_settled(&mut self, index: usize) {
        let verb = self.plan.operations[index].verb;
        let what = if verb == Verb::Delete { "is still there" } else { "has not settled" };
        let seconds = self.patience(index).as_secs();
        self.failed(
            index,
            Fault::new(FaultKind::NotSettled, name_of(verb), format!("{what} after {seconds} s; a later run waits on")),
        );
    }

    fn done(&mut self, index: usize, usable: bool, note: Option<String>) {
        self.ended[index] = Some(Instant::now());
        self.statuses[index] = Status::Done { usable };
        self.notes[self.plan.operations[index].step].extend(note.clone());
        if self.plan.operations[index].verb != Verb::Read || note.is_some() {
            self.emit(index, EventKind::Done { usable, note });
        }
        for follower in self.followers[index].clone() {
            self.missing[follower] -= 1;
            if self.missing[follower] == 0 && matches!(self.statuses[follower], Status::Pending) {
                self.make_ready(follower);
            }
        }
    }

    pub(super) fn failed(&mut self, index: usize, fault: Fault) {
        self.ended[index] = Some(Instant::now());
        self.emit(index, EventKind::Failed { fault: fault.clone() });
        self.statuses[index] = Status::Failed(fault);
        let address = self.plan.steps[self.plan.operations[index].step].address().to_string();
        for follower in self.followers[index].clone() {
            self.skip(follower, &format!("{address} failed"));
        }
        if self.options.on_failure == OnFailure::Stop {
            self.stopped = true;
        }
    }

    fn skip(&mut self, index: usize, reason: &str) {
        if !matches!(self.statuses[index], Status::Pending) {
            return;
        }
        self.statuses[index] = Status::Skipped(reason.to_owned());
        self.ready[self.sorts[index]].remove(&(std::cmp::Reverse(self.rank[index]), index));
        self.emit(index, EventKind::Skipped { reason: reason.to_owned() });
        for follower in self.followers[index].clone() {
            self.skip(follower, reason);
        }
    }

    /// Begins nothing new any more.
    pub(super) fn interrupt(&mut self) {
        self.interrupted = true;
    }

    /// What to look at in other services, by kind and place, with the number of each step.
    pub(super) fn to_confirm(&self) -> Vec<ToConfirm> {
        let mut groups: BTreeMap<(&'static str, Place), ToConfirm> = BTreeMap::new();
        if self.interrupted {
            return Vec::new();
        }
        for (index, operation) in self.plan.operations.iter().enumerate() {
            let Status::Done { usable } = self.statuses[index] else { continue };
            let gone =
                operation.verb == Verb::Delete || (operation.verb == Verb::Read && self.plan.command == "teardown");
            // What is not usable has no credentials any more; a plain wait has changed nothing.
            if !gone && (operation.verb == Verb::Read || !usable) {
                continue;
            }
            let step = &self.plan.steps[operation.step];
            // Deleted and created again under one name: only what is there now can be told apart.
            if gone && step.action == Action::Replace && operation.identity == step.identity {
                continue;
            }
            let Some(identity) = self.identities[index].clone() else { continue };
            let key = (step.desired.kind.name(), step.desired.place.clone());
            let item = Confirm { identity, present: !gone };
            let place = key.1.clone();
            groups
                .entry(key)
                .or_insert_with(|| ((step.desired.kind, place), Vec::new()))
                .1
                .push((operation.step, item));
        }
        groups.into_values().collect()
    }

    /// Notes what could not be confirmed; what was seen to be wrong fails the step.
    pub(super) fn unconfirmed(&mut self, step: usize, finding: Unconfirmed) {
        if finding.proven {
            let operation = (0..self.plan.operations.len()).rev().find(|index| {
                self.plan.operations[*index].step == step && self.identities[*index].as_ref() == Some(&finding.identity)
            });
            if let Some(operation) = operation {
                let verb = name_of(self.plan.operations[operation].verb);
                let fault = Fault::new(FaultKind::NotSettled, verb, finding.message);
                self.emit(operation, EventKind::Failed { fault: fault.clone() });
                self.statuses[operation] = Status::Failed(fault);
                return;
            }
        }
        self.notes[step].push(finding.message);
    }
}

/// For each operation the length of the longest chain that waits for it.
fn ranks(missing: &[usize], followers: &[Vec<usize>]) -> Vec<usize> {
    let mut left = missing.to_vec();
    let mut order: Vec<usize> = (0..missing.len()).filter(|index| missing[*index] == 0).collect();
    let mut next = 0;
    while next < order.len() {
        for follower in &followers[order[next]] {
            left[*follower] -= 1;
            if left[*follower] == 0 {
                order.push(*follower);
            }
        }
        next += 1;
    }
    let mut rank = vec![0; missing.len()];
    for index in order.into_iter().rev() {
        rank[index] = followers[index].iter().map(|follower| rank[*follower] + 1).max().unwrap_or(0);
    }
    rank
}

fn in_state(state: &str, reason: Option<&str>) -> String {
    match reason {
        Some(reason) => format!("{state}: {reason}"),
        None => state.to_owned(),
    }
}

fn name_of(verb: Verb) -> &'static str {
    match verb {
        Verb::Read => "wait",
        Verb::Create => "create",
        Verb::Update => "update",
        Verb::Delete => "delete",
    }
}
