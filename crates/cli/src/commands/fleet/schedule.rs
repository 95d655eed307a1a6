//! Many jobs, so many at once, until too many have failed or somebody says stop.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{Id, JoinSet};
use trueup_engine::apply::Cancel;
use trueup_engine::cloud::Whereabouts;

/// What became of a job.
#[derive(Debug, PartialEq, Eq)]
pub enum End<R> {
    /// It ended.
    With(R),
    /// It panicked; where was said on stderr.
    Lost,
}

/// Works on jobs, at most `at_once` of them at a time, each in a task of its own. `ended` is told of each end and says
/// whether that was a failure; once more than `tolerated` have failed, or when it is cancelled, no further one is begun.
/// What was begun is waited for.
pub async fn run<J, R, F>(
    jobs: Vec<J>,
    at_once: usize,
    tolerated: usize,
    cancel: &Cancel,
    begin: impl Fn(&J) -> F,
    mut ended: impl FnMut(J, End<R>) -> bool,
) where
    F: Future<Output = R> + Send + 'static,
    R: Send + 'static,
{
    let mut waiting = VecDeque::from(jobs);
    let mut tasks = JoinSet::new();
    let mut running: HashMap<Id, J> = HashMap::new();
    let mut failed = 0;
    loop {
        while running.len() < at_once.max(1) && failed <= tolerated && !cancel.is_cancelled() {
            let Some(job) = waiting.pop_front() else { break };
            let handle = tasks.spawn(begin(&job));
            running.insert(handle.id(), job);
        }
        let (id, end) = match tasks.join_next_with_id().await {
            None => return,
            Some(Ok((id, result))) => (id, End::With(result)),
            Some(Err(lost)) => (lost.id(), End::Lost),
        };
        if let Some(job) = running.remove(&id) {
            failed += usize::from(ended(job, end));
        }
    }
}

/// How many stacks may be worked on at once in each account and region.
pub struct Places {
    most: usize,
    by_place: Mutex<HashMap<(String, String), Arc<Semaphore>>>,
}

impl Places {
    /// So many each.
    pub fn new(most: usize) -> Self {
        Self { most, by_place: Mutex::default() }
    }

    /// Waits for a turn in an account and region, which lasts as long as what is returned.
    pub async fn turn(&self, here: &Whereabouts) -> Option<OwnedSemaphorePermit> {
        let place = (here.account.clone(), here.region.clone());
        let turns = {
            let mut all = self.by_place.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(place).or_insert_with(|| Arc::new(Semaphore::new(self.most.max(1)))))
        };
        // It is never closed.
        turns.acquire_owned().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    /// Runs `0..10`, of which the odd ones fail and 8 panics: what was begun in the order of its end, and the most at once.
    async fn begun(at_once: usize, tolerated: usize, cancel: &Cancel, cancelled_by: usize) -> (Vec<usize>, usize) {
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut all = Vec::new();
        let begin = |job: &usize| {
            let (job, now, most, cancel) = (*job, Arc::clone(&now), Arc::clone(&most), cancel.clone());
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(5)).await;
                now.fetch_sub(1, Ordering::SeqCst);
                if job == cancelled_by {
                    cancel.cancel();
                }
                assert!(job != 8, "the test says so");
                job
            }
        };
        run((0..10).collect(), at_once, tolerated, cancel, begin, |job, end| {
            all.push(job);
            match end {
                End::With(result) => {
                    assert_eq!(result, job);
                    job % 2 == 1
                }
                End::Lost => {
                    assert_eq!(job, 8);
                    true
                }
            }
        })
        .await;
        all.sort_unstable();
        (all, most.load(Ordering::SeqCst))
    }

    #[tokio::test]
    async fn all_are_done_and_never_more_than_so_many_at_once() {
        let (all, most) = begun(3, 10, &Cancel::new(), 99).await;
        assert_eq!((all, most), ((0..10).collect(), 3));
    }

    #[tokio::test]
    async fn nothing_is_begun_once_too_many_have_failed() {
        assert_eq!(begun(1, 0, &Cancel::new(), 99).await.0, [0, 1]);
        assert_eq!(begun(1, 2, &Cancel::new(), 99).await.0, [0, 1, 2, 3, 4, 5]);
    }

    #[tokio::test]
    async fn nothing_is_begun_once_it_is_cancelled_and_what_runs_ends() {
        assert_eq!(begun(1, 10, &Cancel::new(), 2).await.0, [0, 1, 2]);
        let cancel = Cancel::new();
        cancel.cancel();
        assert!(begun(1, 10, &cancel, 99).await.0.is_empty());
    }

    #[tokio::test]
    async fn an_account_and_region_has_so_many_turns() {
        let places = Places::new(2);
        let here = |region: &str| Whereabouts { account: "1".to_owned(), region: region.to_owned() };
        let first = places.turn(&here("a")).await;
        let _second = places.turn(&here("a")).await;
        let _other = places.turn(&here("b")).await;
        let full = here("a");
        let third = tokio::time::timeout(Duration::from_millis(20), places.turn(&full));
        assert!(third.await.is_err());
        drop(first);
        assert!(places.turn(&full).await.is_some());
    }
}
