//! The log of calls: what was asked and how it was answered, never what was sent.
//!
//! Tests count calls and look for writes that must not have happened, so a call is written down when
//! it arrives, and in that order. Bodies are never kept: they carry passwords.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::clock::{Millis, rfc3339};

/// The oldest calls are forgotten beyond this, so that a long benchmark does not fill the memory.
const MOST: usize = 1_000_000;

/// One request as it is remembered.
pub(crate) struct Entry {
    pub(crate) time: Millis,
    pub(crate) service: Cow<'static, str>,
    pub(crate) operation: Cow<'static, str>,
    pub(crate) resource: Option<Box<str>>,
    pub(crate) account: Box<str>,
    pub(crate) region: Box<str>,
    /// `ok`, an error code or `dropped`.
    pub(crate) outcome: Cow<'static, str>,
}

/// The place of an entry in the log.
#[derive(Clone, Copy)]
pub(crate) struct Ticket(u64);

#[derive(Default)]
struct Entries {
    first: u64,
    entries: VecDeque<Entry>,
}

/// Every request since the last reset, oldest first.
#[derive(Default)]
pub(crate) struct Calls(Mutex<Entries>);

impl Calls {
    /// Writes down a request on arrival; until it is answered it counts as dropped.
    pub(crate) fn begin(&self, entry: Entry) -> Ticket {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if log.entries.len() == MOST {
            log.entries.pop_front();
            log.first += 1;
        }
        log.entries.push_back(entry);
        Ticket(log.first + u64::try_from(log.entries.len()).unwrap_or(u64::MAX) - 1)
    }

    /// Writes down how the request was answered.
    pub(crate) fn finish(&self, ticket: Ticket, outcome: Cow<'static, str>) {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let index = ticket.0.checked_sub(log.first);
        if let Some(index) = index.and_then(|index| usize::try_from(index).ok())
            && let Some(entry) = log.entries.get_mut(index)
        {
            entry.outcome = outcome;
        }
    }

    /// Forgets everything; tickets given out before it are void.
    pub(crate) fn clear(&self) {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.first += u64::try_from(log.entries.len()).unwrap_or(u64::MAX);
        log.entries.clear();
    }

    /// Renders the log.
    pub(crate) fn to_json(&self) -> Value {
        let log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.entries
            .iter()
            .map(|entry| {
                json!({
                    "time": rfc3339(entry.time),
                    "service": entry.service,
                    "operation": entry.operation,
                    "resource": entry.resource,
                    "outcome": entry.outcome,
                    "account": entry.account,
                    "region": entry.region,
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(operation: &'static str) -> Entry {
        Entry {
            time: 0,
            service: "events".into(),
            operation: operation.into(),
            resource: None,
            account: "123456789012".into(),
            region: "us-east-1".into(),
            outcome: "dropped".into(),
        }
    }

    #[test]
    fn order_is_that_of_arrival_and_old_tickets_are_void() {
        let calls = Calls::default();
        let one = calls.begin(entry("One"));
        let two = calls.begin(entry("Two"));
        calls.finish(two, "ok".into());
        let seen = calls.to_json();
        assert_eq!(seen[0]["outcome"], "dropped");
        assert_eq!(seen[1]["outcome"], "ok");
        calls.clear();
        calls.begin(entry("Three"));
        calls.finish(one, "ok".into());
        assert_eq!(calls.to_json()[0]["outcome"], "dropped");
    }
}
