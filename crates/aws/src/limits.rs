//! How many calls a second are sent: one token bucket per account, region and operation.
//!
//! The services' quotas are per account, region and operation, so that more concurrency buys nothing but refusals. A
//! bucket starts at the documented quota, with a burst, and follows the answers from there, as congestion control does
//! (additive increase, multiplicative decrease; RFC 5681 section 3.1): the first refusal ends the burst, and each further
//! one halves the rate, once for all calls that were under way by then, since the quota is shared with everybody else in the
//! account; success brings the rate back within a few seconds. An account may have been given more than is documented: above
//! its quota a rate grows slowly until the first refusal there, and stays below that from then on. An endpoint on loopback
//! has no quota.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::operation::Operation;

/// Calls may come this much ahead of their even spacing, less what one call is apart from the next: what was not sent lately
/// may be sent at once. A service that lets a second's worth through at once has so much left of it that calls may overtake
/// each other on their way; where one does not, or somebody else was there before, the first refusal says so.
const BURST: Duration = Duration::from_millis(900);
/// A bucket never gets slower than so many calls a second.
const SLOWEST: f64 = 1.0;
/// Below its quota a bucket that is in use gets back this share of it in a second.
const BACK: f64 = 0.25;
/// Above its quota it grows by this share of it in a second, up to [`MOST`] times the quota.
const BEYOND: f64 = 0.02;
/// How much more than is documented an account may turn out to have.
const MOST: f64 = 4.0;

/// The calls that a session sends a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    share: Option<f64>,
    /// The most, as a multiple of that, that a rate may grow to while nothing is refused.
    most: f64,
}

impl Limits {
    /// As many as the services' quota pages allow.
    pub const fn documented() -> Self {
        Self { share: Some(1.0), most: MOST }
    }

    /// This share of what the services' quota pages allow, and never more: `0.5` leaves half of it to others.
    pub const fn share(share: f64) -> Self {
        Self { share: Some(share), most: 1.0 }
    }

    /// As many as possible.
    pub const fn unlimited() -> Self {
        Self { share: None, most: MOST }
    }

    /// Calls a second.
    fn rate(self, operation: &Operation) -> Option<f64> {
        Some(f64::from(operation.per_second) * self.share?.clamp(0.001, 1000.0))
    }
}

/// The buckets of one account and region.
#[derive(Debug)]
pub(crate) struct Buckets {
    limits: Limits,
    by_operation: Mutex<HashMap<&'static str, Arc<Mutex<Bucket>>>>,
}

/// The rate of one operation.
#[derive(Debug)]
struct Bucket {
    /// What is documented, or the share of it that is ours, in calls a second.
    quota: f64,
    /// Calls a second, at present.
    rate: f64,
    /// Where a rate above the quota was refused, it stays below this.
    ceiling: f64,
    next: Instant,
    /// What was sent before says nothing about the rate or the burst that there is since.
    cut: Option<Instant>,
    /// Calls may come ahead of their even spacing.
    bursts: bool,
}

impl Bucket {
    fn new(quota: f64, most: f64, now: Instant) -> Self {
        // Before this nothing was sent by us.
        let next = now.checked_sub(BURST).unwrap_or(now);
        Self { quota, rate: quota, ceiling: quota * most, next, cut: None, bursts: true }
    }

    /// How far apart calls are at present.
    fn apart(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.rate)
    }

    /// When the next call may be sent; it counts as sent then.
    fn slot(&mut self, now: Instant) -> Instant {
        let apart = self.apart();
        let most = BURST.mul_f64((self.quota / self.rate).min(1.0));
        let ahead = if self.bursts { most.saturating_sub(apart) } else { Duration::ZERO };
        let slot = self.next.max(now.checked_sub(ahead).unwrap_or(now));
        self.next = slot + apart;
        slot
    }

    /// Takes an answer in, to a call that was sent at a moment.
    fn note(&mut self, throttled: bool, sent: Instant, now: Instant) {
        if throttled {
            if self.cut.is_some_and(|cut| sent <= cut) {
                return;
            }
            if self.rate > self.quota {
                self.ceiling = self.quota.max(self.rate * 0.9);
                self.rate = self.quota;
            } else if !self.bursts {
                self.rate = (self.rate / 2.0).max(SLOWEST.min(self.quota));
            }
            // The first refusal is one of the burst, and not of the rate.
            self.bursts = false;
            self.next = self.next.max(now);
            self.cut = Some(now);
            return;
        }
        // In a second there are as many answers as calls, so that each one adds its part of what a second adds.
        let second = if self.rate < self.quota { BACK } else { BEYOND };
        self.rate = (self.rate + second * self.quota / self.rate).min(self.ceiling);
    }
}

/// A call that waits for its turn. One that is dropped before lets the others go ahead.
struct Turn<'a> {
    bucket: &'a Mutex<Bucket>,
    apart: Duration,
    taken: bool,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.taken {
            let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
            bucket.next = bucket.next.checked_sub(self.apart).unwrap_or(bucket.next);
        }
    }
}

impl Buckets {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, by_operation: Mutex::new(HashMap::new()) }
    }

    /// Waits until the call may be sent.
    pub(crate) async fn admit(&self, operation: &'static Operation) {
        let Some(bucket) = self.bucket(operation) else { return };
        let (slot, apart) = {
            let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
            (bucket.slot(Instant::now()), bucket.apart())
        };
        let mut turn = Turn { bucket: &bucket, apart, taken: false };
        tokio::time::sleep_until(slot).await;
        turn.taken = true;
    }

    /// Notes whether the service refused a call, which was sent at a moment, because there were too many.
    pub(crate) fn note(&self, operation: &'static Operation, sent: Instant, throttled: bool) {
        let Some(bucket) = self.bucket(operation) else { return };
        bucket.lock().unwrap_or_else(PoisonError::into_inner).note(throttled, sent, Instant::now());
    }

    fn bucket(&self, operation: &'static Operation) -> Option<Arc<Mutex<Bucket>>> {
        let quota = self.limits.rate(operation)?;
        let mut buckets = self.by_operation.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets
            .entry(operation.name)
            .or_insert_with(|| Arc::new(Mutex::new(Bucket::new(quota, self.limits.most, Instant::now()))));
        Some(Arc::clone(bucket))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::DESCRIBE_CONNECTION;

    fn at(start: Instant, milliseconds: u64) -> Instant {
        start + Duration::from_millis(milliseconds)
    }

    /// One that was refused before.
    fn even(quota: f64, start: Instant) -> Bucket {
        Bucket { bursts: false, ..Bucket::new(quota, MOST, start) }
    }

    #[test]
    fn calls_are_spaced_by_the_quota_but_for_a_burst() {
        let start = Instant::now();
        for (rate, at_once) in [(50_u32, 45), (20, 18), (10, 9), (5, 4), (2, 1), (1, 1)] {
            let mut bucket = Bucket::new(f64::from(rate), MOST, start);
            // At the start, and idle for a while: the burst is there, and no more than that.
            for now in [start, at(start, 200_000)] {
                let slots: Vec<Instant> = (0..100).map(|_| bucket.slot(now)).collect();
                assert_eq!(slots.iter().filter(|slot| **slot <= now).count(), at_once, "{rate}");
                // A service that holds a second's worth has one for each call.
                for (sent, slot) in (0_u32..).zip(&slots) {
                    let given = f64::from(rate) * (1.0 + slot.saturating_duration_since(now).as_secs_f64());
                    assert!(given >= f64::from(sent + 1) - 1e-6, "{rate}: {given} for call {sent}");
                }
            }
        }
    }

    #[test]
    fn a_rate_that_has_grown_has_no_larger_burst() {
        let start = Instant::now();
        let mut bucket = Bucket { rate: 200.0, ..Bucket::new(50.0, MOST, start) };
        let slots: Vec<Instant> = (0..100).map(|_| bucket.slot(start)).collect();
        assert_eq!(slots.iter().filter(|slot| **slot <= start).count(), 45);
    }

    #[test]
    fn the_first_refusal_takes_the_burst_and_leaves_the_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(50.0, MOST, start);
        bucket.note(true, start, at(start, 100));
        assert!((bucket.rate - 50.0).abs() < 0.01, "{}", bucket.rate);
        let slots: Vec<Instant> = (0..2).map(|_| bucket.slot(at(start, 100))).collect();
        assert_eq!(slots, [at(start, 100), at(start, 120)]);
        // Nor does it come back.
        let slots: Vec<Instant> = (0..2).map(|_| bucket.slot(at(start, 60_000))).collect();
        assert_eq!(slots, [at(start, 60_000), at(start, 60_020)]);
        bucket.note(true, at(start, 60_000), at(start, 60_100));
        assert!((bucket.rate - 25.0).abs() < 0.01, "{}", bucket.rate);
    }

    #[test]
    fn a_refusal_halves_the_rate_once_for_all_that_was_under_way() {
        let start = Instant::now();
        let mut bucket = even(50.0, start);
        for late in 100..120 {
            bucket.note(true, at(start, 50), at(start, late));
        }
        assert!((bucket.rate - 25.0).abs() < 0.01, "{}", bucket.rate);
        bucket.note(true, at(start, 101), at(start, 151));
        assert!((bucket.rate - 12.5).abs() < 0.01, "{}", bucket.rate);
        for _ in 0..100 {
            let sent = bucket.cut.unwrap() + Duration::from_millis(1);
            bucket.note(true, sent, sent);
        }
        assert!((bucket.rate - SLOWEST).abs() < 0.01, "{}", bucket.rate);
    }

    /// Answers a second long; how many there were.
    fn second(bucket: &mut Bucket, start: Instant, refuses_above: f64) -> usize {
        let mut now = start;
        let mut answers = 0;
        while now < at(start, 1000) {
            answers += 1;
            bucket.note(bucket.rate > refuses_above, now, now);
            now += Duration::from_secs_f64(1.0 / bucket.rate);
        }
        answers
    }

    #[test]
    fn the_rate_comes_back_within_seconds() {
        let start = Instant::now();
        let mut bucket = even(50.0, start);
        bucket.note(true, start, start);
        for number in 0..4 {
            second(&mut bucket, at(start, 1 + 1000 * number), f64::MAX);
        }
        assert!(bucket.rate >= 50.0, "{}", bucket.rate);
    }

    #[test]
    fn what_an_account_has_beyond_the_quota_is_found_and_its_end_is_remembered() {
        let start = Instant::now();
        let mut bucket = Bucket::new(50.0, MOST, start);
        for number in 0..600 {
            second(&mut bucket, at(start, 1000 * number), 120.0);
        }
        assert!(bucket.rate > 100.0 && bucket.rate <= 120.0, "{}", bucket.rate);
        // One that has no more than is documented is refused once, and stays there.
        let mut bucket = Bucket::new(50.0, MOST, start);
        let mut refused = 0;
        for number in 0..100 {
            let before = bucket.cut;
            second(&mut bucket, at(start, 1000 * number), 50.5);
            refused += usize::from(bucket.cut != before);
        }
        assert!(refused <= 2, "{refused}");
        assert!((bucket.rate - 50.0).abs() < 1.0, "{}", bucket.rate);
    }

    #[test]
    fn a_share_is_never_exceeded() {
        let start = Instant::now();
        let limits = Limits::share(0.5);
        let mut bucket = Bucket::new(limits.rate(&DESCRIBE_CONNECTION).unwrap(), limits.most, start);
        for number in 0..200 {
            second(&mut bucket, at(start, 1000 * number), f64::MAX);
        }
        assert!((bucket.rate - 25.0).abs() < 0.01, "{}", bucket.rate);
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
