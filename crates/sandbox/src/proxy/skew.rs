//! A service whose clock is elsewhere: what it refuses, and what it says.
//!
//! [D] A signature is valid for five minutes around its time, for JSON and Query services alike.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>

use http::request::Parts as Head;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

use super::Answer;

/// What is signed.
const SIGNED: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");
/// What an answer's `Date` says.
const DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
/// How long a signature is valid.
const VALID: Duration = Duration::minutes(5);

#[allow(clippy::disallowed_methods, reason = "the time of a service that is not a sandbox's")]
fn now(ahead: i64) -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    now.checked_add(Duration::seconds(ahead)).unwrap_or(now)
}

/// The date of a clock that is so many seconds ahead.
pub(super) fn date(ahead: i64) -> String {
    now(ahead).format(DATE).unwrap_or_default()
}

/// The refusal of a request, where such a clock refuses it.
pub(super) fn refusal(head: &Head, service: &str, ahead: i64) -> Option<Answer> {
    let said = head.headers.get("x-amz-date")?.to_str().ok()?;
    let signed = PrimitiveDateTime::parse(said, SIGNED).ok()?.assume_utc();
    let here = now(ahead);
    if (here - signed).abs() <= VALID {
        return None;
    }
    let limit = if signed < here { here - VALID } else { here + VALID };
    let limit = limit.format(SIGNED).unwrap_or_default();
    let message = if signed < here {
        format!("Signature expired: {said} is now earlier than {limit}")
    } else {
        format!("Signature not yet current: {said} is still later than {limit}")
    };
    let mut answer = match service {
        "sts" | "iam" | "cloudformation" => Answer::error(service, 403, "SignatureDoesNotMatch"),
        _ => Answer::error(service, 400, "InvalidSignatureException"),
    };
    answer.body = if answer.body.starts_with('<') {
        answer.body.replace("</Code>", &format!("</Code><Message>{message}</Message>"))
    } else {
        answer.body.replace("\"}", &format!("\",\"message\":\"{message}\"}}"))
    };
    Some(answer)
}
