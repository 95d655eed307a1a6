//! One call: admitted by its bucket, repeated while its fault is passing, counted once, traced.
//!
//! The SDK's own repetition is off everywhere. It decides by a list of error codes in which a quota that is reached
//! counts as throttling, so that a user waits for minutes for what will never succeed; ours decides by
//! [`FaultKind`], which is classified per operation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::retry::Backoff;

use crate::clock;
use crate::limits::Buckets;
use crate::operation::{Effect, Operation};

/// How often one call is signed anew because of the clock. One that jumps needs more than one,
/// and an answer that was under way may correct it back.
const CORRECTIONS: u32 = 5;

/// One attempt of a call, as an observer sees it.
#[derive(Debug, Clone)]
pub struct CallEvent {
    /// The operation, as in IAM: `events:CreateConnection`.
    pub operation: &'static str,
    /// How it ended.
    pub outcome: Result<(), Fault>,
    /// After which pause it is sent again; `None` where it is not.
    pub retry_in: Option<Duration>,
}

/// What all calls of a session have in common.
pub(crate) struct Calls {
    pub(crate) backoff: Backoff,
    pub(crate) observer: Arc<dyn Fn(CallEvent) + Send + Sync>,
    pub(crate) count: AtomicU64,
    /// A write that was refused is not sent again; what may have been carried out still is, until that is known.
    pub(crate) stopped: AtomicBool,
}

/// How a call ended.
pub(crate) struct Outcome<T> {
    /// The answer.
    pub(crate) result: Result<T, Fault>,
    /// An earlier attempt of this call failed in a way in which it may have been carried out.
    pub(crate) doubtful: bool,
}

/// The answer to one attempt and its request id.
pub(crate) type Attempt<T> = Result<(T, Option<String>), Fault>;

impl Calls {
    /// Sends a call until it succeeds or its fault is final.
    pub(crate) async fn run<T, F>(
        &self,
        operation: &'static Operation,
        buckets: &Buckets,
        attempt: impl Fn() -> F,
    ) -> Outcome<T>
    where
        F: Future<Output = Attempt<T>>,
    {
        self.count.fetch_add(1, Ordering::Relaxed);
        let mut doubtful = false;
        let mut first = None;
        let (mut attempts, mut throttled, mut failed, mut corrections) = (0_u32, 0_u32, 0_u32, 0_u32);
        loop {
            buckets.admit(operation).await;
            // What was waited for our own rate is no refusal of the service's.
            let started = *first.get_or_insert_with(Instant::now);
            attempts += 1;
            let (sent, ahead) = (Instant::now(), clock::ahead());
            // Boxed: an attempt is large, and each future around it would hold it again.
            let (answer, heard) = clock::listening(Box::pin(attempt())).await;
            let latency_ms = u64::try_from(sent.elapsed().as_millis()).unwrap_or(u64::MAX);
            let fault = match answer {
                Ok((answer, request_id)) => {
                    let request_id = request_id.as_deref().unwrap_or_default();
                    tracing::debug!(
                        operation = operation.name,
                        attempt = attempts,
                        latency_ms,
                        outcome = "ok",
                        request_id
                    );
                    buckets.note(operation, sent, false);
                    (self.observer)(CallEvent { operation: operation.name, outcome: Ok(()), retry_in: None });
                    return Outcome { result: Ok(answer), doubtful };
                }
                Err(fault) => fault,
            };
            let is_throttled = fault.kind == FaultKind::Throttled;
            buckets.note(operation, sent, is_throttled);
            // Throttling has its own count, so that it never uses up the attempts of other faults.
            let nth = if is_throttled { &mut throttled } else { &mut failed };
            *nth += 1;
            // Reads go on: they find out what became of what was begun.
            let refused = is_throttled && !doubtful && operation.effect != Effect::Reads;
            let over = || refused && self.stopped.load(Ordering::Relaxed);
            // What may be there already is looked for before it is made again.
            let made = operation.effect == Effect::Makes && fault.kind.is_ambiguous();
            // Nothing was carried out; signed with the right time it goes through at once.
            let skewed = fault.code.as_deref().is_some_and(|code| clock::CODES.contains(&code));
            if skewed && corrections < CORRECTIONS && clock::corrected(ahead, heard) {
                corrections += 1;
                (self.observer)(CallEvent {
                    operation: operation.name,
                    outcome: Err(fault),
                    retry_in: Some(Duration::ZERO),
                });
                continue;
            }
            let pause = self.backoff.pause(fault.kind, *nth, started.elapsed()).filter(|_| !made && !over());
            tracing::debug!(
                operation = operation.name,
                attempt = attempts,
                latency_ms,
                outcome = fault.kind.as_str(),
                code = fault.code.as_deref().unwrap_or_default(),
                request_id = fault.request_id.as_deref().unwrap_or_default(),
                retry = pause.is_some(),
            );
            (self.observer)(CallEvent { operation: operation.name, outcome: Err(fault.clone()), retry_in: pause });
            let Some(pause) = pause else {
                return Outcome { result: Err(fault), doubtful: doubtful || made };
            };
            doubtful |= fault.kind.is_ambiguous();
            tokio::time::sleep(pause).await;
            // It may have been stopped during the pause.
            if over() {
                return Outcome { result: Err(fault), doubtful };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::limits::Limits;
    use crate::operation::{CREATE_CONNECTION, CREATE_KEY};

    async fn run(faults: &[FaultKind]) -> (Outcome<()>, u64, Vec<bool>) {
        run_when(false, faults).await
    }

    async fn run_when(stopped: bool, faults: &[FaultKind]) -> (Outcome<()>, u64, Vec<bool>) {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let calls = Calls {
            backoff: Backoff {
                first: Duration::from_micros(1),
                longest: Duration::from_micros(1),
                ..Backoff::default()
            },
            observer: {
                let seen = Arc::clone(&seen);
                Arc::new(move |event: CallEvent| seen.lock().unwrap().push(event.retry_in.is_some()))
            },
            count: AtomicU64::new(0),
            stopped: AtomicBool::new(stopped),
        };
        let left = Mutex::new(faults.to_vec());
        let outcome = calls
            .run(&CREATE_CONNECTION, &Buckets::new(Limits::unlimited()), || async {
                let mut left = left.lock().unwrap();
                if left.is_empty() { Ok(((), None)) } else { Err(Fault::new(left.remove(0), "op", "message")) }
            })
            .await;
        let seen = seen.lock().unwrap().clone();
        (outcome, calls.count.load(Ordering::Relaxed), seen)
    }

    #[tokio::test]
    async fn passing_faults_are_repeated_and_counted_once() {
        let (outcome, count, seen) = run(&[FaultKind::Throttled, FaultKind::Internal]).await;
        assert!(outcome.result.is_ok() && outcome.doubtful);
        assert_eq!(count, 1);
        assert_eq!(seen, [true, true, false]);
    }

    #[tokio::test]
    async fn throttling_alone_leaves_no_doubt() {
        let (outcome, ..) = run(&[FaultKind::Throttled; 20]).await;
        assert!(outcome.result.is_ok() && !outcome.doubtful);
    }

    #[tokio::test]
    async fn once_stopped_only_what_is_doubtful_is_repeated() {
        let (outcome, _, seen) = run_when(true, &[FaultKind::Throttled]).await;
        assert_eq!(outcome.result.unwrap_err().kind, FaultKind::Throttled);
        assert_eq!(seen, [false]);
        let (outcome, _, seen) = run_when(true, &[FaultKind::Timeout, FaultKind::Throttled]).await;
        assert!(outcome.result.is_ok() && outcome.doubtful);
        assert_eq!(seen, [true, true, false]);
    }

    #[tokio::test]
    async fn what_makes_something_each_time_is_not_sent_again_in_doubt() {
        let calls = Calls {
            backoff: Backoff { first: Duration::from_micros(1), ..Backoff::default() },
            observer: Arc::new(|_| {}),
            count: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        };
        let left = Mutex::new(vec![FaultKind::Throttled, FaultKind::Timeout, FaultKind::Quota]);
        let outcome: Outcome<()> = calls
            .run(&CREATE_KEY, &Buckets::new(Limits::unlimited()), || async {
                Err(Fault::new(left.lock().unwrap().remove(0), "op", "message"))
            })
            .await;
        assert_eq!(outcome.result.unwrap_err().kind, FaultKind::Timeout);
        assert!(outcome.doubtful);
    }

    #[tokio::test]
    async fn a_quota_is_final_at_once() {
        let (outcome, _, seen) = run(&[FaultKind::Quota]).await;
        assert_eq!(outcome.result.unwrap_err().kind, FaultKind::Quota);
        assert_eq!(seen, [false]);
    }
}
