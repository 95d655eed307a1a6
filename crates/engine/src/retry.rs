//! When a call is sent again, and after what pause.
//!
//! One policy for the whole program, by [`FaultKind`](crate::fault::FaultKind) and deadline, so that throttling never
//! uses up a count of attempts: only time ends it. The pause doubles from 100 ms to 10 s; the upper half of it is
//! random ("equal jitter" in the AWS Architecture Blog's "Exponential Backoff and Jitter").

use std::time::Duration;

/// How repeated calls are spaced, and when they end.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// The cap of the first pause.
    pub first: Duration,
    /// The cap of every pause.
    pub longest: Duration,
    /// How long a throttled call is repeated.
    pub throttled_for: Duration,
    /// How often a call that failed otherwise is repeated.
    pub attempts: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(100),
            longest: Duration::from_secs(10),
            throttled_for: Duration::from_mins(5),
            attempts: 8,
        }
    }
}

impl Backoff {
    /// The pause before attempt `attempt` (from 1), or `None` where the call is given up. `elapsed` is the time since
    /// the first attempt.
    pub fn pause(&self, kind: crate::fault::FaultKind, attempt: u32, elapsed: Duration) -> Option<Duration> {
        if !kind.is_transient() {
            return None;
        }
        let throttled = kind == crate::fault::FaultKind::Throttled;
        if (throttled && elapsed >= self.throttled_for) || (!throttled && attempt >= self.attempts) {
            return None;
        }
        let cap = self.first.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(self.longest);
        Some(cap.mul_f64(0.5 + rand::random::<f64>() / 2.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::FaultKind;

    #[test]
    fn only_time_ends_throttling() {
        let backoff = Backoff::default();
        assert!(backoff.pause(FaultKind::Throttled, 1000, Duration::from_secs(299)).is_some());
        assert!(backoff.pause(FaultKind::Throttled, 1, Duration::from_mins(5)).is_none());
    }

    #[test]
    fn other_faults_have_a_number_of_attempts_and_fatal_ones_none() {
        let backoff = Backoff::default();
        assert!(backoff.pause(FaultKind::Transport, 7, Duration::ZERO).is_some());
        assert!(backoff.pause(FaultKind::Transport, 8, Duration::ZERO).is_none());
        assert!(backoff.pause(FaultKind::Quota, 1, Duration::ZERO).is_none());
    }
}
