//! What the events say of the resources: for each property the last call that set it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Event, Suspect};
use crate::fault::{Fault, FaultKind};

/// A call that can change resources of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lookup {
    /// Its service's name in events: `events.amazonaws.com`.
    pub source: &'static str,
    /// Its name in events: `UpdateConnection`.
    pub call: &'static str,
    /// The top-level properties that it changes under other names than the request's, or whatever the request says:
    /// `EnableKey` changes `Enabled`. `*` is the whole resource.
    pub changes: &'static [&'static str],
    /// The top-level properties that it can change at all; nothing: any.
    pub about: &'static [&'static str],
    /// It deletes.
    pub deletes: bool,
}

impl Lookup {
    /// Whether the call could have brought about what is wrong with a resource.
    pub fn concerns(&self, suspect: &Suspect) -> bool {
        if suspect.missing {
            return self.deletes;
        }
        !self.deletes
            && (self.about.is_empty()
                || suspect.paths.is_empty()
                || suspect.paths.iter().any(|path| self.about.contains(&top(path))))
    }
}

fn top(pointer: &str) -> &str {
    pointer.split('/').nth(1).unwrap_or_default()
}

/// What is known of who changed one resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Blame {
    /// The calls, newest first.
    pub calls: Vec<Finding>,
    /// What has to be known besides: what was not found, not permitted or not searched to the end.
    pub notes: Vec<String>,
}

/// One call that changed it; without a call only a note that says what is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The ARN of who called, or the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// The role of the session, and the service that called for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// When (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// From which address, and with which program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The call, as in IAM: `events:UpdateConnection`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// CloudTrail's id of the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// The properties that differ and that it set, as JSON pointers; nothing where the request does not say it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// More that should be known: that trueup itself called, that there was no second factor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The search for one resource: it takes events, newest first within a call, until it knows enough.
#[derive(Debug)]
pub struct Search<'a> {
    suspect: &'a Suspect,
    /// For each path the event that set it last, as an index into `events`.
    by_path: Vec<Option<usize>>,
    events: Vec<Event>,
    /// The last call about the resource of which nobody can say what it changed.
    vague: Option<usize>,
}

impl<'a> Search<'a> {
    /// Nothing was found yet.
    pub fn new(suspect: &'a Suspect) -> Self {
        Self { suspect, by_path: vec![None; suspect.paths.len()], events: Vec::new(), vague: None }
    }

    /// The resource.
    pub fn suspect(&self) -> &'a Suspect {
        self.suspect
    }

    /// Whether nothing that happened before `at` could add anything.
    pub fn is_done_before(&self, at: OffsetDateTime) -> bool {
        let later = |held: &Option<usize>| held.is_some_and(|held| self.events[held].at >= at);
        if self.suspect.paths.is_empty() { later(&self.vague) } else { self.by_path.iter().all(later) }
    }

    /// Takes an event, where it is about this resource. `lookup` says what the call changes.
    pub fn take(&mut self, event: &Event, lookup: Option<&Lookup>) {
        if !event.is_about(self.suspect) || self.events.iter().any(|known| known.id == event.id) {
            return;
        }
        let implied = |path: &str| {
            lookup.is_some_and(|lookup| lookup.changes.iter().any(|change| *change == "*" || *change == top(path)))
        };
        let index = self.events.len();
        let newer = |events: &[Event], held: Option<usize>| held.is_none_or(|held| events[held].at < event.at);
        let mut used = false;
        for (path, held) in self.suspect.paths.iter().zip(&mut self.by_path) {
            if (implied(path) || event.sets(path)) && newer(&self.events, *held) {
                *held = Some(index);
                used = true;
            }
        }
        let whole = self.suspect.paths.is_empty();
        if (whole || !used && is_silent(event, lookup)) && newer(&self.events, self.vague) {
            self.vague = Some(index);
            used = true;
        }
        if used {
            self.events.push(event.clone());
        }
    }

    /// What was found. `cut` says that there were more events than were read.
    pub fn blame(&self, cut: bool) -> Blame {
        let mut calls: Vec<(OffsetDateTime, Finding)> = Vec::new();
        for (index, event) in self.events.iter().enumerate() {
            let held = self.suspect.paths.iter().zip(&self.by_path).filter(|(_, held)| **held == Some(index));
            let paths: Vec<String> = held.map(|(path, _)| path.clone()).collect();
            // What says nothing is told only where it may explain what nothing else does.
            let vague = self.vague == Some(index) && self.by_path.iter().any(Option::is_none);
            if !paths.is_empty() || vague || self.vague == Some(index) && self.suspect.paths.is_empty() {
                calls.push((event.at, Finding::of(event, paths)));
            }
        }
        calls.sort_by(|(one, _), (other, _)| other.cmp(one));
        let mut notes = Vec::new();
        let unknown: Vec<&str> = self
            .suspect
            .paths
            .iter()
            .zip(&self.by_path)
            .filter(|(_, held)| held.is_none())
            .map(|(path, _)| path.as_str())
            .collect();
        if calls.is_empty() {
            notes.push(format!("no call that did it was found; {LIMITS}"));
        } else if !unknown.is_empty() {
            notes.push(format!("no call that names {} was found; {LIMITS}", unknown.join(", ")));
        }
        if cut {
            notes
                .push("there are more events than were read: a later call than these may not be among them".to_owned());
        }
        Blame { calls: calls.into_iter().map(|(_, finding)| finding).collect(), notes }
    }
}

/// How far CloudTrail can be trusted.
const LIMITS: &str = "CloudTrail shows a call after up to 15 minutes, and for 90 days";

/// Whether nobody can say what a call changed: nothing is known of the call, or its request was not recorded.
fn is_silent(event: &Event, lookup: Option<&Lookup>) -> bool {
    lookup.is_none_or(|lookup| lookup.about.is_empty() && event.says_nothing())
}

impl Blame {
    /// The calls, and behind them the notes, in one list for machines.
    pub fn entries(self) -> Vec<Finding> {
        let noted = |note: String| Finding { note: Some(note), ..Finding::default() };
        self.calls.into_iter().chain(self.notes.into_iter().map(noted)).collect()
    }

    /// Nobody could look.
    pub fn unread(fault: &Fault) -> Self {
        let why = match fault.kind {
            FaultKind::Denied => format!("CloudTrail could not be asked: {} denied", fault.operation),
            kind => format!("CloudTrail could not be asked: {} failed ({kind})", fault.operation),
        };
        Self { calls: Vec::new(), notes: vec![why] }
    }
}

impl Finding {
    fn of(event: &Event, paths: Vec<String>) -> Self {
        let who = &event.who;
        let by = who.invoked_by.as_ref().filter(|by| **by != who.arn);
        let via: Vec<&str> = who.issuer.iter().chain(by).map(String::as_str).collect();
        let from = match (&event.address, &event.agent) {
            (Some(address), Some(agent)) if address != agent => Some(format!("{address} ({agent})")),
            (address, agent) => address.clone().or_else(|| agent.clone()),
        };
        let note = if event.is_ours() {
            Some("by trueup")
        } else if who.mfa == Some(true) {
            Some("with a second factor")
        } else {
            None
        };
        Self {
            who: Some(who.arn.clone()),
            via: (!via.is_empty()).then(|| via.join(", ")),
            when: event.at.format(&Rfc3339).ok(),
            from,
            call: Some(event.call.clone()),
            event_id: Some(event.id.clone()),
            paths,
            note: note.map(str::to_owned),
        }
    }
}
