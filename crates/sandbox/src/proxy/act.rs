//! What is done to a request.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, DATE, HeaderValue};
use http::{HeaderName, Response, StatusCode};

/// When something is done to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// Before it is passed on: upstream never sees it.
    Before,
    /// After it was carried out, and before its answer.
    After,
    /// After it was carried out, in the middle of its answer.
    During,
}

impl Phase {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Before, Self::After, Self::During];

    /// The name in histories.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
            Self::During => "during",
        }
    }
}

/// What is done to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Nothing: it is passed on, and its answer back.
    Pass,
    /// The client is killed. Nothing is passed on any more.
    Kill(Phase),
    /// The client gets its signal, and the request takes its way.
    Signal(Phase),
    /// The connection is closed without an answer, or with half of one.
    Drop(Phase),
    /// It waits; in the middle of an answer, with half of it sent.
    Delay(Phase, Duration),
    /// Something else is answered; unless before, it was carried out all the same.
    Answer(Phase, Answer),
    /// It is carried out, and the first half of the answer's body comes as if it were whole.
    Truncate,
    /// It is carried out and answered, and then the connection is closed without its having been said.
    HangUp,
    /// It is carried out and answered, with another date.
    Date(&'static str),
    /// The service's clock is so many seconds ahead: what was signed at another time is refused as AWS does it, and every
    /// answer has the date of that clock.
    Clock(i64),
}

impl Act {
    /// The name in histories.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Pass => "pass".to_owned(),
            Self::Kill(phase) => format!("kill {}", phase.as_str()),
            Self::Signal(phase) => format!("signal {}", phase.as_str()),
            Self::Drop(phase) => format!("drop {}", phase.as_str()),
            Self::Delay(phase, by) => format!("delay {} {} ms", phase.as_str(), by.as_millis()),
            Self::Answer(phase, answer) => format!("answer {} {}", phase.as_str(), answer.status),
            Self::Truncate => "truncate".to_owned(),
            Self::HangUp => "hang up".to_owned(),
            Self::Date(date) => format!("date {date}"),
            Self::Clock(by) => format!("clock {by} s"),
        }
    }

    /// Whether upstream sees the request.
    pub(super) fn is_passed_on(&self) -> bool {
        !matches!(self, Self::Kill(Phase::Before) | Self::Drop(Phase::Before) | Self::Answer(Phase::Before, _))
    }
}

/// An answer that upstream did not give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Headers beside `Content-Length`.
    pub headers: Vec<(&'static str, &'static str)>,
    /// The body.
    pub body: String,
}

impl Answer {
    /// An error as a service says it.
    pub fn error(service: &str, status: u16, code: &str) -> Self {
        if ["sts", "cloudformation", "iam"].contains(&service) {
            let side = if status < 500 { "Sender" } else { "Receiver" };
            let body = format!("<ErrorResponse><Error><Type>{side}</Type><Code>{code}</Code></Error></ErrorResponse>");
            return Self { status, headers: vec![("content-type", "text/xml")], body };
        }
        Self {
            status,
            headers: vec![("content-type", "application/x-amz-json-1.1")],
            body: format!(r#"{{"__type":"{code}"}}"#),
        }
    }

    /// A page for people, such as the one with which a hotel's network answers everything.
    pub fn page(status: u16) -> Self {
        let body = "<!DOCTYPE html><html><head><title>Welcome</title></head><body><h1>Log in to the network</h1></body></html>";
        Self { status, headers: vec![("content-type", "text/html")], body: body.to_owned() }
    }

    pub(super) fn response(&self) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from(self.body.clone()));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_GATEWAY);
        for (name, value) in &self.headers {
            response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        response.headers_mut().entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("text/plain"));
        response
    }
}

/// Gives an answer another date.
pub(super) fn dated(mut response: Response<Bytes>, date: &str) -> Response<Bytes> {
    if let Ok(date) = HeaderValue::from_str(date) {
        response.headers_mut().insert(DATE, date);
    }
    response
}
