//! The sandbox's own time: real time plus what was advanced.
//!
//! Transient states must last long enough to be seen and yet no test may sleep for them. So every
//! state is a function of a point in time, and that time can be moved from outside.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// Milliseconds since the Unix epoch, in virtual time.
pub(crate) type Millis = u64;

/// Tells virtual time.
pub(crate) struct Clock {
    advanced: AtomicU64,
}

impl Clock {
    /// Starts a clock that is already `advanced` milliseconds ahead of real time.
    pub(crate) fn new(advanced: Millis) -> Self {
        Self { advanced: AtomicU64::new(advanced) }
    }

    /// Returns the present virtual time.
    #[allow(clippy::disallowed_methods, reason = "the one place where the sandbox reads the real time")]
    pub(crate) fn now(&self) -> Millis {
        let real = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        whole_millis(real).saturating_add(self.advanced())
    }

    /// Moves the clock forward.
    pub(crate) fn advance(&self, by: Millis) {
        self.advanced.fetch_add(by, Ordering::Relaxed);
    }

    /// Returns how far the clock is ahead of real time.
    pub(crate) fn advanced(&self) -> Millis {
        self.advanced.load(Ordering::Relaxed)
    }
}

/// Returns a duration in whole milliseconds.
pub(crate) fn whole_millis(duration: Duration) -> Millis {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Renders a time as the awsJson protocol does: seconds since the epoch with a fraction.
pub(crate) fn seconds(at: Millis) -> Value {
    json!(Duration::from_millis(at).as_secs_f64())
}

/// Renders a time for people and logs.
pub(crate) fn rfc3339(at: Millis) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1_000_000)
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// Renders a time as HTTP does.
pub(crate) fn http_date(at: Millis) -> String {
    let form =
        format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1_000_000)
        .ok()
        .and_then(|time| time.format(form).ok())
        .unwrap_or_default()
}

/// Reads a duration such as `5m`, `500ms`, `2h` or `30` (seconds).
pub(crate) fn parse_duration(text: &str) -> Option<Millis> {
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_unit() {
        assert_eq!(parse_duration("5m"), Some(300_000));
        assert_eq!(parse_duration("500ms"), Some(500));
        assert_eq!(parse_duration("30"), Some(30_000));
        assert_eq!(parse_duration("5x"), None);
        assert_eq!(parse_duration("m"), None);
    }

    #[test]
    fn times_are_seconds_with_a_fraction() {
        assert_eq!(seconds(1_733_504_821_250).to_string(), "1733504821.25");
        assert_eq!(rfc3339(1_733_504_821_250), "2024-12-06T17:07:01.25Z");
        assert_eq!(http_date(1_733_504_821_250), "Fri, 06 Dec 2024 17:07:01 GMT");
    }

    #[test]
    fn advancing_moves_now() {
        let clock = Clock::new(0);
        let before = clock.now();
        clock.advance(60_000);
        assert!(clock.now() >= before + 60_000);
    }
}
