//! Watches what settles: one reader for each kind and place, whose pause grows with the age of the youngest change, so
//! that what settles at once is seen at once and what takes twenty minutes costs a call every few seconds at most. While
//! other operations are under way the pause grows with the time that the watching takes, too: of a thousand deletions that
//! come one after the other for twenty seconds, many are looked at together.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::apply::Work;
use crate::cloud::{Live, Place, Want};
use crate::kind::{Kind, Verb};

/// The shortest and the longest pause between two looks.
const PAUSES: (Duration, Duration) = (Duration::from_millis(40), Duration::from_secs(5));
/// While other operations are under way, a pause is at least this part of the time since which something waits,
const PART: u32 = 8;
/// but no longer than this for that reason.
const LONGEST: Duration = Duration::from_millis(500);

/// One kind in one place.
type Group = (&'static str, Place);

/// What settles.
pub(super) struct Watch<'a> {
    work: Work<'a>,
    groups: BTreeMap<Group, Watched>,
}

struct Watched {
    kind: &'static dyn Kind,
    waiting: BTreeMap<usize, Waiting>,
    pace: Pace,
    asking: bool,
}

/// When to look.
#[derive(Debug)]
struct Pace {
    /// When to look next, where nothing else is done meanwhile.
    next: Instant,
    /// Not before this, where other operations are under way.
    patient: Instant,
    /// Since when something waits, with no long break.
    begun: Instant,
}

impl Pace {
    fn new(first: Instant) -> Self {
        let now = Instant::now();
        Self { next: first, patient: now, begun: now }
    }

    /// Something waits from now on, of which the first look is worth it at a moment.
    fn add(&mut self, first: Instant, is_only: bool) {
        let now = Instant::now();
        if !is_only {
            self.next = self.next.min(first);
            return;
        }
        self.next = first;
        if now > self.patient + LONGEST {
            self.begun = now;
        }
    }

    /// When to look next; `busy` while other operations are under way.
    fn due(&self, busy: bool) -> Instant {
        if busy { self.next.max(self.patient) } else { self.next }
    }

    /// A look was answered; so old is the youngest that waits.
    fn looked(&mut self, youngest: Duration) {
        let now = Instant::now();
        // Runs that began together shall not look together for ever.
        let after = |pause: Duration| now + pause.mul_f64(0.8 + rand::random::<f64>() * 0.4);
        self.next = after((youngest / 3).clamp(PAUSES.0, PAUSES.1));
        self.patient = after((now.duration_since(self.begun) / PART).clamp(PAUSES.0, LONGEST));
    }
}

/// An operation whose resource settles.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    /// Since when.
    pub(super) since: Instant,
    /// Until when.
    pub(super) deadline: Instant,
    /// The state that was reported last.
    pub(super) state: String,
    /// What to look at.
    pub(super) identity: String,
}

impl<'a> Watch<'a> {
    pub(super) fn new(work: Work<'a>) -> Self {
        Self { work, groups: BTreeMap::new() }
    }

    fn group_of(&self, operation: usize) -> (Group, &'static dyn Kind) {
        let step = &self.work.plan.steps[self.work.plan.operations[operation].step];
        ((step.desired.kind.name(), step.desired.place.clone()), step.desired.kind)
    }

    pub(super) fn add(&mut self, operation: usize, waiting: Waiting) {
        let (group, kind) = self.group_of(operation);
        let first = Instant::now()
            + if self.work.plan.operations[operation].verb == Verb::Read { Duration::ZERO } else { PAUSES.0 };
        let watched = self.groups.entry(group).or_insert_with(|| Watched {
            kind,
            waiting: BTreeMap::new(),
            pace: Pace::new(first),
            asking: false,
        });
        watched.pace.add(first, watched.waiting.is_empty());
        watched.waiting.insert(operation, waiting);
    }

    pub(super) fn remove(&mut self, operation: usize) {
        let (group, _) = self.group_of(operation);
        if let Some(watched) = self.groups.get_mut(&group) {
            watched.waiting.remove(&operation);
        }
    }

    pub(super) fn get_mut(&mut self, operation: usize) -> Option<&mut Waiting> {
        let (group, _) = self.group_of(operation);
        self.groups.get_mut(&group)?.waiting.get_mut(&operation)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.groups.values().all(|watched| watched.waiting.is_empty())
    }

    /// Groups that are to be asked now; `busy` while other operations are under way.
    pub(super) fn due(&mut self, busy: bool) -> Vec<Group> {
        let now = Instant::now();
        let due = |watched: &Watched| !watched.asking && !watched.waiting.is_empty() && watched.pace.due(busy) <= now;
        let groups: Vec<Group> =
            self.groups.iter().filter(|(_, watched)| due(watched)).map(|(group, _)| group.clone()).collect();
        for group in &groups {
            if let Some(watched) = self.groups.get_mut(group) {
                watched.asking = true;
            }
        }
        groups
    }

    /// When the next group is to be asked, or the next deadline passes.
    pub(super) fn next_poll(&self, busy: bool) -> Option<Instant> {
        self.groups
            .values()
            .filter(|watched| !watched.waiting.is_empty())
            .flat_map(|watched| {
                let next = (!watched.asking).then(|| watched.pace.due(busy));
                watched.waiting.values().map(|waiting| waiting.deadline).chain(next)
            })
            .min()
    }

    /// Operations whose deadline has passed.
    pub(super) fn expired(&self) -> Vec<usize> {
        let now = Instant::now();
        self.groups
            .values()
            .flat_map(|watched| watched.waiting.iter())
            .filter(|(_, waiting)| waiting.deadline <= now)
            .map(|(operation, _)| *operation)
            .collect()
    }

    /// Asks for everything that settles in a group.
    pub(super) fn poll(&self, group: Group) -> impl Future<Output = (Group, Vec<(usize, Live)>)> + use<'a> {
        let work = self.work;
        let asked = self.groups.get(&group).map(|watched| {
            let operations: Vec<(usize, String)> =
                watched.waiting.iter().map(|(operation, waiting)| (*operation, waiting.identity.clone())).collect();
            (watched.kind, operations)
        });
        async move {
            let Some((kind, operations)) = asked else { return (group, Vec::new()) };
            let wants: Vec<Want> = operations
                .iter()
                .map(|(_, identity)| Want {
                    identity: identity.clone(),
                    secrets: false,
                    shallow: true,
                    given: Vec::new(),
                    tags: None,
                    verified: None,
                })
                .collect();
            let answers = work.cloud.observe(kind, &group.1, &wants).await;
            (group, operations.into_iter().map(|(operation, _)| operation).zip(answers).collect())
        }
    }

    /// Takes an answer in; gives back what still waits.
    pub(super) fn answered(&mut self, group: Group, answers: Vec<(usize, Live)>) -> Vec<(usize, Live)> {
        let Some(watched) = self.groups.get_mut(&group) else { return Vec::new() };
        watched.asking = false;
        let now = Instant::now();
        let youngest =
            watched.waiting.values().map(|waiting| now.duration_since(waiting.since)).min().unwrap_or_default();
        watched.pace.looked(youngest);
        answers.into_iter().filter(|(operation, _)| watched.waiting.contains_key(operation)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks at what comes every 20 ms for so long and settles at once: how many looks, and how long after the last.
    async fn looks(seconds: u64) -> (usize, Duration) {
        let begun = Instant::now();
        let mut pace = Pace::new(begun + PAUSES.0);
        let (mut waiting, mut looks) = (Vec::new(), 0);
        let mut last = begun;
        while last.duration_since(begun) < Duration::from_secs(seconds) {
            pace.add(Instant::now() + PAUSES.0, waiting.is_empty());
            waiting.push(Instant::now());
            last = Instant::now();
            tokio::time::advance(Duration::from_millis(20)).await;
            if pace.due(true) <= Instant::now() {
                looks += 1;
                waiting.clear();
                pace.looked(Duration::ZERO);
            }
        }
        // Nothing else is under way from here on; and the last one may have been looked at already.
        let seen = if waiting.is_empty() { Instant::now() } else { pace.due(false) };
        (looks, seen.saturating_duration_since(last))
    }

    #[tokio::test(start_paused = true)]
    async fn many_are_looked_at_together_and_the_last_at_once() {
        // Pauses are drawn, so that it is seen with many draws.
        for _ in 0..100 {
            let (short, long) = (looks(1).await, looks(20).await);
            assert!((5..=25).contains(&short.0), "{short:?}");
            assert!((40..=90).contains(&long.0), "{long:?}");
            assert!(short.1 <= PAUSES.0.mul_f64(1.2) && long.1 <= PAUSES.0.mul_f64(1.2), "{short:?} {long:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_after_a_break_is_looked_at_soon() {
        let mut pace = Pace::new(Instant::now());
        tokio::time::advance(Duration::from_mins(1)).await;
        pace.looked(Duration::ZERO);
        assert!(pace.due(true).duration_since(Instant::now()) >= LONGEST / 2);
        tokio::time::advance(Duration::from_secs(2)).await;
        pace.add(Instant::now() + PAUSES.0, true);
        pace.looked(Duration::ZERO);
        assert!(pace.due(true).duration_since(Instant::now()) <= PAUSES.0 * 2);
    }
}
