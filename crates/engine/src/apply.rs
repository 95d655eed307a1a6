//! Executes a plan: its operations, in the order of its edges, with bounded concurrency, and nothing else.
//!
//! The goals pull in different directions: as many calls at once as the account allows, but a slow OAuth authorization of
//! twenty minutes must not hold a slot; stop at once on a signal, but never lose the answer of a write that was sent. So an
//! operation that has sent none is left undone, and one occupies a slot only until it has written; what has to settle is
//! watched by one poller for each kind and place, which reads whole list pages. Everything runs in one task; events go to
//! the caller as they happen.

pub mod begin;
mod operation;
mod state;
mod watch;

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use crate::cloud::Cloud;
use crate::credential::SecretStore;
use crate::event::Event;
use crate::graph::Graph;
use crate::observe::Observed;
use crate::plan::Plan;
use crate::report::Report;

/// How to execute.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many operations may be under way at once in all. `None` bounds only those of one sort: a quota is for one
    /// operation in one place, so what waits for its own is in nobody else's way.
    pub parallelism: Option<usize>,
    /// What happens to the rest when a step fails.
    pub on_failure: OnFailure,
    /// How long calls under way are waited for after an interruption.
    pub grace: Duration,
    /// How long after the first search for its owner tags what the service names is searched again, before it is created:
    /// an index stands behind the search, and a key that was made a moment ago may not be in it yet. An index that is older
    /// than this is not covered.
    pub search_again: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            parallelism: None,
            on_failure: OnFailure::Continue,
            grace: Duration::from_secs(30),
            search_again: Duration::ZERO,
        }
    }
}

/// What happens to the rest when a step fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// Nothing new is begun.
    Stop,
    /// What does not depend on the failed step goes on.
    #[default]
    Continue,
}

/// Tells a run to begin nothing new: what has sent no write yet is left undone ([`begin`]).
#[derive(Debug, Clone)]
pub struct Cancel {
    sender: std::sync::Arc<tokio::sync::watch::Sender<bool>>,
}

impl Default for Cancel {
    fn default() -> Self {
        Self { sender: std::sync::Arc::new(tokio::sync::watch::Sender::new(false)) }
    }
}

impl Cancel {
    /// Not cancelled yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels.
    pub fn cancel(&self) {
        self.sender.send_replace(true);
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        *self.sender.borrow()
    }

    /// Ends when it is cancelled.
    pub async fn cancelled(&self) {
        let mut receiver = self.sender.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = receiver.wait_for(|cancelled| *cancelled).await;
    }
}

/// What an execution works on.
#[derive(Clone, Copy)]
pub struct Work<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The graph that it was made from.
    pub graph: &'a Graph,
    /// What was observed for it.
    pub observed: &'a Observed,
    /// The cloud.
    pub cloud: &'a dyn Cloud,
    /// Where secrets come from.
    pub store: &'a dyn SecretStore,
}

/// Executes a plan and reports.
pub async fn apply(work: Work<'_>, options: &Options, cancel: &Cancel, events: &(dyn Fn(Event) + Sync)) -> Report {
    let began = Instant::now();
    let mut state = state::State::new(work, options, events);
    let operations = operation::Operations::new(work, options);
    // What has sent no write yet is left undone after a failure, too, where that ends the run.
    let halt = Cancel::new();
    let mut running = FuturesUnordered::new();
    let mut watch = watch::Watch::new(work);
    let mut polls = FuturesUnordered::new();
    let mut give_up: Option<Instant> = None;
    loop {
        if give_up.is_none() && cancel.is_cancelled() {
            state.interrupt();
            halt.cancel();
            give_up = Some(Instant::now() + options.grace);
        }
        while options.parallelism.is_none_or(|most| running.len() < most.max(1))
            && let Some(index) = state.next()
        {
            state.started(index);
            running.push(operations.run(index, &halt));
        }
        if state.is_stopped() {
            halt.cancel();
        }
        for group in watch.due(!running.is_empty()) {
            polls.push(watch.poll(group));
        }
        if running.is_empty() && watch.is_idle() {
            break;
        }
        let wake = [watch.next_poll(!running.is_empty()), give_up].into_iter().flatten().min();
        tokio::select! {
            Some((index, result)) = running.next(), if !running.is_empty() => {
                state.answered(index);
                match result {
                    None => state.withdrawn(index),
                    Some(Ok(written)) => {
                        operations.learn(index, &written.attributes);
                        if let Some(waiting) = state.written(index, &written) {
                            watch.add(index, waiting);
                        }
                    }
                    Some(Err(fault)) => state.failed(index, fault),
                }
            }
            Some((group, answers)) = polls.next(), if !polls.is_empty() => {
                for (index, live) in watch.answered(group, answers) {
                    if let Some(present) = live.present() {
                        operations.learn(index, &present.attributes);
                    }
                    if state.polled(index, &live, &mut watch) {
                        watch.remove(index);
                    }
                }
            }
            () = cancel.cancelled(), if give_up.is_none() => {}
            () = sleep_until(wake) => {
                for index in watch.expired() {
                    state.not_settled(index);
                    watch.remove(index);
                }
                if give_up.is_some_and(|deadline| Instant::now() >= deadline) {
                    break;
                }
            }
        }
    }
    drop(running);
    drop(polls);
    confirm(&mut state, work).await;
    let exports = operations.exports(cancel.is_cancelled()).await;
    state.report(exports, began.elapsed())
}

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake).await,
        None => std::future::pending().await,
    }
}

/// Looks whether what the changes brought with them in other services is as it should be.
async fn confirm(state: &mut state::State<'_>, work: Work<'_>) {
    for ((kind, place), items) in state.to_confirm() {
        let plain: Vec<_> = items.iter().map(|(_, item)| item.clone()).collect();
        for finding in work.cloud.confirm(kind, &place, &plain).await {
            let step = items.iter().find(|(_, item)| item.identity == finding.identity).map(|(step, _)| *step);
            if let Some(step) = step {
                state.unconfirmed(step, finding);
            }
        }
    }
}
