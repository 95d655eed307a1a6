//! What a cloud call that failed means, in the few words that the engine acts on.
//!
//! A service has hundreds of error codes and clients that match on their texts are wrong sooner or later. The cloud's
//! crate maps every code, per operation, to one [`FaultKind`]; from there on nothing looks at a code or a text again.
//! A fault never holds a secret: its message passes the redactor of the crate that makes it.

use std::fmt;

/// The meaning of a failed call; decides whether it is repeated and which exit code it ends in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The service itself says that the resource does not exist. The only fault that means absent.
    NotFound,
    /// The caller may not do that, or has no valid credentials.
    Denied,
    /// Too many calls; the same call may be sent again later.
    Throttled,
    /// The resource exists already, or somebody else is changing it: read it again.
    Conflict,
    /// A quota of the account is reached; repeating does not help.
    Quota,
    /// The service refuses the request as it is.
    Invalid,
    /// A wait ended at its deadline before the resource settled.
    NotSettled,
    /// No answer in time; the call may have been carried out.
    Timeout,
    /// The connection failed or the answer could not be read; the call may have been carried out.
    Transport,
    /// The service failed (5xx); the call may have been carried out.
    Internal,
}

impl FaultKind {
    /// Whether the same call may be sent again after a pause.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Throttled | Self::Timeout | Self::Transport | Self::Internal)
    }

    /// Whether the call may have been carried out although it failed, so that a repeated create has to read back.
    pub fn is_ambiguous(self) -> bool {
        matches!(self, Self::Timeout | Self::Transport | Self::Internal)
    }

    /// The name used in JSON output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Denied => "denied",
            Self::Throttled => "throttled",
            Self::Conflict => "conflict",
            Self::Quota => "quota",
            Self::Invalid => "invalid",
            Self::NotSettled => "not_settled",
            Self::Timeout => "timeout",
            Self::Transport => "transport",
            Self::Internal => "internal",
        }
    }
}

/// A failed cloud call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[error("{operation}: {message}")]
pub struct Fault {
    /// What it means.
    pub kind: FaultKind,
    /// The operation, as in IAM: `events:CreateConnection`.
    pub operation: String,
    /// The service's error code, where it gave one.
    pub code: Option<String>,
    /// The service's own words, redacted.
    pub message: String,
    /// The request id, for the service's support.
    pub request_id: Option<String>,
}

impl Fault {
    /// Makes a fault without a code and a request id.
    pub fn new(kind: FaultKind, operation: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, operation: operation.into(), code: None, message: message.into(), request_id: None }
    }

    /// The operation, the code and the message: without the request id, which is another one each time.
    pub fn in_words(&self) -> String {
        let code = self.code.as_deref().map(|code| format!("{code}: ")).unwrap_or_default();
        format!("{}: {code}{}", self.operation, self.message)
    }

    /// Adds the service's error code.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
