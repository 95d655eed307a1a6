//! How many calls a second are sent: one token bucket per account, region and operation.
//!
//! The services' quotas are per account, region and operation, so that more concurrency buys nothing but refusals. A
//! bucket starts at the documented quota, halves its rate at every refusal (the quota is shared with everybody else in
//! the account) and recovers slowly, as congestion control does. An endpoint on loopback has no quota.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::operation::Operation;

/// Calls may come this much ahead of their even spacing.
const BURST: Duration = Duration::from_millis(200);
/// A bucket never gets slower than one call in this time.
const SLOWEST: Duration = Duration::from_secs(1);

/// The calls that a session sends a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    share: Option<f64>,
}

impl Limits {
    /// As many as the services' quota pages allow.
    pub const fn documented() -> Self {
        Self { share: Some(1.0) }
    }

    /// This share of what the services' quota pages allow: `0.5` leaves half of it to others.
    pub const fn share(share: f64) -> Self {
        Self { share: Some(share) }
    }

    /// As many as possible.
    pub const fn unlimited() -> Self {
        Self { share: None }
    }

    fn interval(self, operation: &Operation) -> Option<Duration> {
        let share = self.share?.clamp(0.001, 1000.0);
        Some(Duration::from_secs_f64(1.0 / (f64::from(operation.per_second) * share)))
    }
}

/// The buckets of one account and region.
#[derive(Debug)]
pub(crate) struct Buckets {
    limits: Limits,
    by_operation: Mutex<HashMap<&'static str, Arc<Mutex<Bucket>>>>,
}

#[derive(Debug)]
struct Bucket {
    quota: Duration,
    interval: Duration,
    next: Instant,
}

impl Bucket {
    /// When the next call may be sent; it counts as sent then.
    fn slot(&mut self, now: Instant) -> Instant {
        let slot = self.next.max(now.checked_sub(BURST).unwrap_or(now));
        self.next = slot + self.interval;
        slot
    }
}

impl Buckets {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, by_operation: Mutex::new(HashMap::new()) }
    }

    /// Waits until the call may be sent.
    pub(crate) async fn admit(&self, operation: &'static Operation) {
        let Some(bucket) = self.bucket(operation) else { return };
        let slot = bucket.lock().unwrap_or_else(PoisonError::into_inner).slot(Instant::now());
        tokio::time::sleep_until(slot).await;
    }

    /// Notes whether the service refused a call because there were too many.
    pub(crate) fn note(&self, operation: &'static Operation, throttled: bool) {
        let Some(bucket) = self.bucket(operation) else { return };
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.interval = if throttled {
            bucket.interval.saturating_mul(2).min(SLOWEST)
        } else {
            bucket.interval.mul_f64(0.98).max(bucket.quota)
        };
    }

    fn bucket(&self, operation: &'static Operation) -> Option<Arc<Mutex<Bucket>>> {
        let quota = self.limits.interval(operation)?;
        let mut buckets = self.by_operation.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets
            .entry(operation.name)
            .or_insert_with(|| Arc::new(Mutex::new(Bucket { quota, interval: quota, next: Instant::now() })));
        Some(Arc::clone(bucket))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::DESCRIBE_CONNECTION;

    #[test]
    fn calls_are_spaced_by_the_quota_but_for_a_burst() {
        let start = Instant::now();
        let quota = Limits::documented().interval(&DESCRIBE_CONNECTION).unwrap();
        let mut bucket = Bucket { quota, interval: quota, next: start };
        // Idle for a while, so that the burst is there.
        let now = start + Duration::from_secs(1);
        let slots: Vec<Instant> = (0..100).map(|_| bucket.slot(now)).collect();
        assert_eq!(slots.iter().filter(|slot| **slot <= now).count(), 11);
        assert_eq!(slots[99] - now, Duration::from_millis(1780));
    }

    #[tokio::test]
    async fn a_refusal_halves_the_rate_and_success_brings_it_back() {
        let buckets = Buckets::new(Limits::documented());
        buckets.admit(&DESCRIBE_CONNECTION).await;
        buckets.note(&DESCRIBE_CONNECTION, true);
        let interval = || buckets.bucket(&DESCRIBE_CONNECTION).unwrap().lock().unwrap().interval;
        assert_eq!(interval(), Duration::from_millis(40));
        for _ in 0..100 {
            buckets.note(&DESCRIBE_CONNECTION, false);
        }
        assert_eq!(interval(), Duration::from_millis(20));
    }

    #[tokio::test]
    async fn unlimited_waits_for_nothing() {
        let buckets = Buckets::new(Limits::unlimited());
        for _ in 0..10_000 {
            buckets.admit(&DESCRIBE_CONNECTION).await;
        }
        assert!(buckets.by_operation.lock().unwrap().is_empty());
    }
}
