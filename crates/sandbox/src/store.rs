//! Named resources with the last few versions of each.
//!
//! Reads may be asked to lag (`stale_ms`), resources end at a time rather than at a call, and lists
//! must page by prefix without touching the rest. A sorted map of short histories gives all three:
//! nothing is ever scanned to find out what has ended, and an old read is a look at an old version.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use crate::clock::Millis;

/// How many versions of one resource are kept for lagging reads.
const DEPTH: usize = 8;
/// How long what has ended is kept for lagging reads.
const KEEP: Millis = 15 * 60 * 1000;

/// Says when a resource has ended.
pub(crate) trait Mortal {
    /// Returns the time from which the resource does not exist.
    fn gone_at(&self) -> Option<Millis>;
}

/// The moment that a request looks at.
#[derive(Clone, Copy)]
pub(crate) struct View {
    /// The time of the request.
    pub(crate) now: Millis,
    /// How far the read lags behind.
    pub(crate) lag: Millis,
}

impl View {
    /// Looks at what is.
    pub(crate) fn of(now: Millis) -> Self {
        Self { now, lag: 0 }
    }

    /// Returns the time that the read sees.
    pub(crate) fn at(self) -> Millis {
        self.now.saturating_sub(self.lag)
    }
}

type History<T> = VecDeque<(Millis, Arc<T>)>;

/// A sorted set of named resources.
pub(crate) struct Store<T> {
    items: BTreeMap<String, History<T>>,
    ended: VecDeque<(Millis, String)>,
}

impl<T> Default for Store<T> {
    fn default() -> Self {
        Self { items: BTreeMap::new(), ended: VecDeque::new() }
    }
}

impl<T: Mortal> Store<T> {
    /// Returns the resource as it is now.
    pub(crate) fn current(&self, name: &str, now: Millis) -> Option<&Arc<T>> {
        let (_, item) = self.items.get(name)?.back()?;
        alive(item.as_ref(), now).then_some(item)
    }

    /// Returns the last version of what is remembered, also when it has ended.
    pub(crate) fn last(&self, name: &str) -> Option<&Arc<T>> {
        self.items.get(name)?.back().map(|(_, item)| item)
    }

    /// Returns the resource as a read sees it.
    pub(crate) fn seen(&self, name: &str, view: View) -> Option<&Arc<T>> {
        version(self.items.get(name)?, view)
    }

    /// Stores a new version, made at `now`.
    pub(crate) fn put(&mut self, name: &str, now: Millis, item: T) {
        self.reap(now);
        if let Some(gone) = item.gone_at() {
            self.ended.push_back((gone, name.to_owned()));
        }
        if !self.items.contains_key(name) {
            self.items.insert(name.to_owned(), VecDeque::new());
        }
        if let Some(history) = self.items.get_mut(name) {
            let at = history.back().map_or(now, |(last, _)| now.max(last + 1));
            if history.len() == DEPTH {
                history.pop_front();
            }
            history.push_back((at, Arc::new(item)));
        }
    }

    /// Returns what a read sees, by name, from after `after` and under `prefix`.
    pub(crate) fn list<'a>(
        &'a self,
        prefix: &'a str,
        after: Option<&'a str>,
        view: View,
    ) -> impl Iterator<Item = &'a Arc<T>> {
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        self.items
            .range::<str, _>((start, Bound::Unbounded))
            .take_while(move |(name, _)| name.starts_with(prefix))
            .filter_map(move |(_, history)| version(history, view))
    }

    /// Returns everything that a read sees, with its names.
    pub(crate) fn named(&self, view: View) -> impl Iterator<Item = (&str, &Arc<T>)> {
        self.items.iter().filter_map(move |(name, history)| Some((name.as_str(), version(history, view)?)))
    }

    /// Tells whether `limit` or more resources exist now.
    pub(crate) fn reaches(&self, limit: usize, now: Millis) -> bool {
        self.items.len() >= limit && self.list("", None, View::of(now)).count() >= limit
    }

    /// Forgets what ended long ago; costs nothing while nothing has.
    fn reap(&mut self, now: Millis) {
        while let Some((gone, _)) = self.ended.front()
            && gone.saturating_add(KEEP) < now
        {
            let Some((_, name)) = self.ended.pop_front() else {
                return;
            };
            let over = self
                .items
                .get(&name)
                .and_then(VecDeque::back)
                .and_then(|(_, item)| item.gone_at())
                .is_some_and(|gone| gone.saturating_add(KEEP) < now);
            if over {
                self.items.remove(&name);
            }
        }
    }
}

fn alive<T: Mortal>(item: &T, at: Millis) -> bool {
    item.gone_at().is_none_or(|gone| at < gone)
}

fn version<T: Mortal>(history: &History<T>, view: View) -> Option<&Arc<T>> {
    let at = view.at();
    let (_, item) = if view.lag == 0 {
        history.back()
    } else {
        let known = history.iter().rev().find(|(made, _)| *made <= at);
        // A full history may have begun earlier than it remembers.
        known.or_else(|| history.front().filter(|_| history.len() == DEPTH))
    }?;
    alive(item.as_ref(), at).then_some(item)
}

impl<T: Serialize> Serialize for Store<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let latest = self.items.iter().filter_map(|(name, history)| Some((name, history.back()?.1.as_ref())));
        serializer.collect_map(latest)
    }
}

impl<'de, T: Deserialize<'de> + Mortal> Deserialize<'de> for Store<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut store = Self::default();
        for (name, item) in BTreeMap::<String, T>::deserialize(deserializer)? {
            store.put(&name, 0, item);
        }
        Ok(store)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Thing(u32, Option<Millis>);
    impl Mortal for Thing {
        fn gone_at(&self) -> Option<Millis> {
            self.1
        }
    }

    fn lagging(now: Millis, lag: Millis) -> View {
        View { now, lag }
    }

    #[test]
    fn a_lagging_read_sees_the_older_version_or_nothing() {
        let mut store = Store::default();
        store.put("a", 1_000, Thing(1, None));
        store.put("a", 2_000, Thing(2, None));
        let number = |view| store.seen("a", view).map(|thing| thing.0);
        assert_eq!(number(lagging(3_000, 0)), Some(2));
        assert_eq!(number(lagging(3_000, 1_500)), Some(1));
        assert_eq!(number(lagging(3_000, 2_500)), None);
    }

    #[test]
    fn what_has_ended_is_absent_and_later_forgotten() {
        let mut store = Store::default();
        store.put("a", 1_000, Thing(1, Some(1_500)));
        assert!(store.current("a", 1_400).is_some());
        assert!(store.current("a", 1_500).is_none());
        assert!(store.seen("a", lagging(1_600, 200)).is_some());
        store.put("b", KEEP * 2, Thing(2, None));
        assert_eq!(store.items.len(), 1);
    }

    #[test]
    fn lists_go_by_prefix_and_after() {
        let mut store = Store::default();
        for name in ["a1", "a2", "a3", "b1"] {
            store.put(name, 1, Thing(0, None));
        }
        let view = lagging(10, 0);
        assert_eq!(store.list("a", None, view).count(), 3);
        assert_eq!(store.list("a", Some("a2"), view).count(), 1);
        assert_eq!(store.list("", Some("a3"), view).count(), 1);
        assert!(store.reaches(4, 10) && !store.reaches(5, 10));
    }
}
