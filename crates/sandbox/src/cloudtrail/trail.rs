//! The events of all accounts.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::Event;
use crate::clock::Millis;

/// [D] the event history reaches back this far.
const KEPT: Millis = 90 * 24 * 60 * 60 * 1000;
/// The oldest events are forgotten beyond this, so that a long benchmark does not fill the memory.
const MOST: usize = 100_000;
/// So many are kept in the state folder.
const MOST_KEPT: usize = 5_000;

/// Every write since the last reset, oldest first.
#[derive(Default)]
pub(crate) struct Trail(Mutex<VecDeque<Event>>);

impl Trail {
    /// Goes on from what was kept.
    pub(crate) fn of(events: Vec<Event>) -> Self {
        Self(Mutex::new(events.into()))
    }

    /// What is kept when nobody runs: the latest events.
    pub(crate) fn latest(&self) -> Vec<Event> {
        let events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        events.iter().skip(events.len().saturating_sub(MOST_KEPT)).cloned().collect()
    }

    /// Writes down an event.
    pub(crate) fn record(&self, event: Event) {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if events.len() == MOST {
            events.pop_front();
        }
        events.push_back(event);
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The events that fit and are delivered at `now`, newest first.
    pub(crate) fn find(&self, now: Millis, lag: Millis, fits: impl Fn(&Event) -> bool) -> Vec<Event> {
        let events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = |event: &&Event| event.time + lag <= now && now < event.time + KEPT;
        events.iter().rev().filter(seen).filter(|event| fits(event)).cloned().collect()
    }
}
