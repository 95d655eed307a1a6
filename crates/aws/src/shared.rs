//! One search for many who ask the same at about the same time.
//!
//! Whoever asks must get an answer that was begun after the asking, since it is about what was done until then: another run's
//! resource that was made a moment before must be in it. So a search that is under way serves nobody who comes now; those
//! wait for its end, one of them searches, and that search serves all who were waiting.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The searches for one thing.
#[derive(Debug)]
pub(crate) struct Shared<T> {
    /// Who searches.
    turn: tokio::sync::Mutex<()>,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    /// How many searches were begun.
    begun: u64,
    /// How many wait for an answer.
    waiting: usize,
    /// Which search ended last, and with what; kept while somebody waits.
    last: Option<(u64, T)>,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self { turn: tokio::sync::Mutex::default(), state: Mutex::new(State { begun: 0, waiting: 0, last: None }) }
    }
}

impl<T: Clone> Shared<T> {
    /// The answer of a search that is begun after this call. One that is dropped on its way serves nobody, and the next who
    /// waits searches.
    pub(crate) async fn ask<F: Future<Output = T>>(&self, search: impl FnOnce() -> F) -> T {
        let mut waiting = Waiting { state: &self.state, asked: 0 };
        {
            let mut state = self.lock();
            state.waiting += 1;
            waiting.asked = state.begun;
        }
        let _turn = self.turn.lock().await;
        let number = {
            let mut state = self.lock();
            if let Some((_, answer)) = state.last.as_ref().filter(|(number, _)| *number > waiting.asked) {
                return answer.clone();
            }
            state.begun += 1;
            state.begun
        };
        let answer = search().await;
        self.lock().last = Some((number, answer.clone()));
        answer
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who waits; the last one takes the answer along.
struct Waiting<'a, T> {
    state: &'a Mutex<State<T>>,
    /// How many searches had been begun before.
    asked: u64,
}

impl<T> Drop for Waiting<'_, T> {
    fn drop(&mut self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
        if state.waiting == 0 {
            state.last = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures_util::FutureExt as _;
    use futures_util::future::join_all;

    use super::*;

    /// Lets the others go on so many times.
    async fn turns(count: usize) {
        for _ in 0..count {
            tokio::task::yield_now().await;
        }
    }

    /// A search that takes a while, and says what there was when it began.
    async fn search(begun: &AtomicU32, world: &AtomicU32) -> u32 {
        begun.fetch_add(1, Ordering::Relaxed);
        let seen = world.load(Ordering::Relaxed);
        turns(100).await;
        seen
    }

    #[tokio::test]
    async fn many_who_ask_at_once_share_a_search_and_none_gets_an_older_one() {
        let (shared, begun, world) = (Shared::default(), AtomicU32::new(0), AtomicU32::new(0));
        let asks = (0..16).map(|number| {
            let (shared, begun, world) = (&shared, &begun, &world);
            async move {
                // All but the first come while its search is under way.
                turns(number).await;
                let before = world.fetch_add(1, Ordering::Relaxed) + 1;
                (before, shared.ask(|| search(begun, world)).await)
            }
        });
        for (before, seen) in join_all(asks).await {
            assert!(seen >= before, "asked at {before}, and saw {seen}");
        }
        assert_eq!(begun.load(Ordering::Relaxed), 2);
        assert!(shared.lock().last.is_none(), "nobody waits for it any more");
        shared.ask(|| search(&begun, &world)).await;
        assert_eq!(begun.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn a_search_that_was_dropped_serves_nobody() {
        let (shared, begun, world) = (Shared::default(), AtomicU32::new(0), AtomicU32::new(0));
        let mut first = Box::pin(shared.ask(|| search(&begun, &world)));
        assert!(first.as_mut().now_or_never().is_none());
        let mut second = Box::pin(shared.ask(|| search(&begun, &world)));
        let mut third = Box::pin(shared.ask(|| search(&begun, &world)));
        assert!(second.as_mut().now_or_never().is_none() && third.as_mut().now_or_never().is_none());
        drop(first);
        world.store(7, Ordering::Relaxed);
        assert_eq!(tokio::join!(second, third), (7, 7));
        assert_eq!(begun.load(Ordering::Relaxed), 2);
    }
}
