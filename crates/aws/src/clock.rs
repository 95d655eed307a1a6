//! The time as AWS tells it: this machine's clock, corrected where AWS refused a signature because of it.
//!
//! A signature is valid for five minutes around the time that stands in it. A machine whose clock is wrong by more can
//! sign nothing, until it is corrected by the date of the very answer that refused it. Only a refusal corrects: a date on
//! any other answer may be a proxy's or a cache's, and a clock that works must not follow it. The correction is the whole
//! process's, as the clock is; a clock that jumps while a run goes on is corrected again by the next refusal.
//!
//! The SDK's own correction follows the date of every answer, and each client learns for itself. It is switched off for
//! the clients that are called through [`Calls`](crate::call::Calls), and on where the SDK calls by itself (a role that
//! is assumed).
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>

use std::cell::Cell;
use std::future::Future;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::date_time::{DateTime, Format};
use aws_types::sdk_config::TimeSource;

/// A difference that is no reason for a refusal: one that names the signature then means the key.
const HARMLESS_MS: u64 = 4 * 60 * 1000;

/// How far AWS's clock is ahead of this machine's, in milliseconds, as far as a refusal has shown it.
static AHEAD_MS: AtomicI64 = AtomicI64::new(0);

tokio::task_local! {
    /// The same after the date of the refusal that this call has got, whether or not it was because of the clock.
    static HEARD_MS: Cell<Option<i64>>;
}

/// The codes of refusals that a wrong clock may be the reason of; those of the SDK, and what the older services say.
pub(crate) const CODES: [&str; 7] = [
    "AuthFailure",
    "InvalidSignature",
    "InvalidSignatureException",
    "RequestExpired",
    "RequestInTheFuture",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
];

/// The time at AWS, as far as it is known.
pub(crate) fn now() -> SystemTime {
    shifted(SystemTime::now(), ahead())
}

/// The same since the epoch.
pub(crate) fn since_epoch() -> Duration {
    now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The correction in force, in milliseconds.
pub(crate) fn ahead() -> i64 {
    AHEAD_MS.load(Ordering::Relaxed)
}

/// Makes a call and listens to the date of its refusal; how far that is ahead of this machine's clock, in milliseconds.
pub(crate) async fn listening<T>(call: impl Future<Output = T>) -> (T, Option<i64>) {
    let listened = async {
        let answer = call.await;
        (answer, HEARD_MS.with(Cell::get))
    };
    HEARD_MS.scope(Cell::new(None), listened).await
}

/// After a refusal of what was signed with a correction, which told this date: whether another one is in force now, with
/// which it may be signed again.
pub(crate) fn corrected(signed_with: i64, heard: Option<i64>) -> bool {
    if let Some(heard) = heard.filter(|heard| differs(*heard, ahead())) {
        AHEAD_MS.store(heard, Ordering::Relaxed);
        tracing::warn!(ahead_s = heard / 1000, "this machine's clock is wrong; signing with the time of AWS");
        return true;
    }
    // Another call may have corrected it meanwhile.
    differs(ahead(), signed_with)
}

fn differs(one: i64, other: i64) -> bool {
    one.abs_diff(other) > HARMLESS_MS
}

fn shifted(time: SystemTime, by_ms: i64) -> SystemTime {
    let by = Duration::from_millis(by_ms.unsigned_abs());
    if by_ms < 0 { time.checked_sub(by) } else { time.checked_add(by) }.unwrap_or(time)
}

/// How far a date is ahead of a time, in milliseconds; `None` where it is no date, or none that a clock shows.
fn ahead_of(time: SystemTime, date: &str) -> Option<i64> {
    let date = SystemTime::try_from(DateTime::from_str(date, Format::HttpDate).ok()?).ok()?;
    match date.duration_since(time) {
        Ok(ahead) => i64::try_from(ahead.as_millis()).ok(),
        Err(behind) => i64::try_from(behind.duration().as_millis()).ok().map(|behind| -behind),
    }
}

/// [`now`], for the clients of the SDK.
#[derive(Debug)]
pub(crate) struct Corrected;

impl TimeSource for Corrected {
    fn now(&self) -> SystemTime {
        now()
    }
}

/// A connector that notes the dates of refusals.
#[derive(Debug)]
pub(crate) struct Listening(pub(crate) SharedHttpConnector);

impl HttpConnector for Listening {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let answer: HttpResponse = answer.await?;
            let refused = matches!(answer.status().as_u16(), 400 | 401 | 403);
            // One of a cache has the date at which it was put there.
            let date = answer.headers().get("date").filter(|_| refused && answer.headers().get("age").is_none());
            if let Some(ahead) = date.and_then(|date| ahead_of(SystemTime::now(), date)) {
                // Nobody listens to what the SDK calls by itself.
                let _ = HEARD_MS.try_with(|heard| heard.set(Some(ahead)));
            }
            Ok(answer)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_ahead_or_behind_and_nonsense_is_neither() {
        let noon = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        assert_eq!(ahead_of(noon, "Sun, 09 Sep 2001 01:46:40 GMT"), Some(0));
        assert_eq!(ahead_of(noon, "Sun, 09 Sep 2001 02:46:40 GMT"), Some(3_600_000));
        assert_eq!(ahead_of(noon, "Sat, 08 Sep 2001 01:46:40 GMT"), Some(-86_400_000));
        for nonsense in ["", "now", "Sun, 09 Sep 2001", "99999999999999999999", "2001-09-09T01:46:40Z"] {
            assert_eq!(ahead_of(noon, nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn a_time_is_shifted_both_ways_and_never_out_of_its_range() {
        let noon = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        assert_eq!(shifted(shifted(noon, 90_000), -90_000), noon);
        assert_eq!(shifted(noon, -1000), noon - Duration::from_secs(1));
        let _ = (shifted(noon, i64::MAX), shifted(noon, i64::MIN));
    }

    #[tokio::test]
    async fn a_call_hears_its_own_refusal_and_no_other() {
        let heard = |ahead: i64| {
            listening(async move {
                HEARD_MS.with(|heard| heard.set(Some(ahead)));
                tokio::task::yield_now().await;
            })
        };
        let silent = listening(tokio::task::yield_now());
        let (((), first), ((), second), ((), none)) = tokio::join!(heard(1), heard(2), silent);
        assert_eq!((first, second, none), (Some(1), Some(2), None));
    }

    #[test]
    fn a_few_minutes_are_no_reason() {
        assert!(!differs(0, 239_000) && !differs(0, -239_000));
        assert!(differs(0, 301_000) && differs(-86_400_000, 0));
    }
}
