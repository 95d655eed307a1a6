//! The report that follows from how the operations ended: one outcome for each resource.

use std::time::Duration;

use super::{State, Status};
use crate::kind::Verb;
use crate::plan::Action;
use crate::report::{Ending, Outcome, Report};
use crate::value::Value;

impl State<'_> {
    /// The report.
    pub(in crate::apply) fn report(mut self, exports: Vec<(String, Option<Value>)>, took: Duration) -> Report {
        for index in 0..self.statuses.len() {
            if matches!(self.statuses[index], Status::Pending) {
                self.not_begun(index);
            }
        }
        let mut by_step: Vec<Vec<usize>> = vec![Vec::new(); self.plan.steps.len()];
        for (index, operation) in self.plan.operations.iter().enumerate() {
            by_step[operation.step].push(index);
        }
        let outcomes: Vec<Outcome> =
            (0..self.plan.steps.len()).filter_map(|number| self.outcome(number, &by_step[number])).collect();
        let healthy_before = |number: usize| self.plan.steps[number].unhealthy().is_none();
        let unusable = (0..self.plan.steps.len())
            .filter(|number| {
                match outcomes.iter().find(|outcome| outcome.address == *self.plan.steps[*number].address()) {
                    Some(outcome) => !outcome.usable,
                    None => !healthy_before(*number) && self.plan.command == "plan",
                }
            })
            .count();
        Report {
            outcomes,
            exports,
            interrupted: self.interrupted,
            unread: self.plan.summary().unread,
            unusable,
            not_verifiable: self.plan.summary().not_verifiable,
            seconds: took.as_secs_f64(),
        }
    }

    fn outcome(&self, number: usize, operations: &[usize]) -> Option<Outcome> {
        let step = &self.plan.steps[number];
        let mut outcome = Outcome {
            address: step.address().clone(),
            type_name: step.desired.kind.name(),
            identity: self
                .made(operations)
                .filter(|_| step.identity.is_none() || step.desired.identity.is_none())
                .or_else(|| step.identity.clone()),
            action: step.action,
            ending: Ending::Done,
            usable: true,
            fault: None,
            notes: self.notes[number].clone(),
            seconds: self.seconds(operations),
        };
        if let Some(fault) = step.unread() {
            outcome.ending = Ending::Skipped;
            outcome.notes.push(step.reason.clone());
            outcome.fault = Some(fault.clone());
            return Some(outcome);
        }
        if step.action == Action::Blocked {
            outcome.ending = Ending::Blocked;
            outcome.notes.push(step.reason.clone());
            return Some(outcome);
        }
        if operations.is_empty() {
            if self.plan.command == "teardown" && step.exists() {
                outcome.ending = Ending::Kept;
                outcome.notes.push(step.reason.clone());
                return Some(outcome);
            }
            return None;
        }
        // A resource that was only waited for is worth a line only when something came of it.
        let only_waited = operations.iter().all(|index| self.plan.operations[*index].verb == Verb::Read);
        let mut worst = 0;
        for index in operations {
            let (weight, ending) = match &self.statuses[*index] {
                Status::Done { usable } => {
                    outcome.usable &= *usable;
                    (1, Ending::Done)
                }
                Status::Skipped(reason) => {
                    if !outcome.notes.contains(reason) {
                        outcome.notes.push(reason.clone());
                    }
                    (2, Ending::Skipped)
                }
                Status::Cancelled | Status::Pending => (3, Ending::Cancelled),
                // Nobody waits for it any more.
                Status::Running => (4, Ending::Unknown),
                Status::Failed(fault) => {
                    outcome.fault = Some(fault.clone());
                    (5, Ending::Failed)
                }
            };
            if weight > worst {
                worst = weight;
                outcome.ending = ending;
            }
        }
        let is_gone = |index: &usize| {
            self.plan.operations[*index].verb == Verb::Delete && matches!(self.statuses[*index], Status::Done { .. })
        };
        let is_half = step.action == Action::Replace && !step.new_first && outcome.ending == Ending::Cancelled;
        if is_half && operations.iter().any(is_gone) {
            outcome.notes.push("the former one was deleted; the next run makes the new one".to_owned());
        }
        if only_waited && outcome.ending == Ending::Done && outcome.usable && self.plan.command == "plan" {
            return None;
        }
        Some(outcome)
    }

    /// The identity of what some operations lead to; a former one that goes is not it.
    fn made(&self, operations: &[usize]) -> Option<String> {
        let goes = |index: &&usize| self.plan.operations[**index].verb == Verb::Delete;
        let stays = operations.iter().rev().filter(|index| !goes(index));
        stays.chain(operations.iter().rev().filter(goes)).find_map(|index| self.identities[*index].clone())
    }

    fn seconds(&self, operations: &[usize]) -> f64 {
        let began = operations.iter().filter_map(|index| self.began[*index]).min();
        let ended = operations.iter().filter_map(|index| self.ended[*index]).max();
        match (began, ended) {
            (Some(began), Some(ended)) => ended.duration_since(began).as_secs_f64(),
            _ => 0.0,
        }
    }
}
