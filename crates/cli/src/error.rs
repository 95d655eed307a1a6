//! Why a command could not go on: a kind for the exit code, words for people, and hints about what to do, kept apart.
//!
//! What is wrong *in a manifest* is a diagnostic and not one of these; what failed *in the cloud* is a fault and becomes
//! one here, with the advice that fits its kind.

use std::fmt::{self, Write as _};
use std::io;
use std::path::Path;

use trueup_engine::fault::{Fault, FaultKind};

use crate::exit::Exit;

/// What kind of error it is; decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The command cannot mean what was typed, or a file that it names cannot be used.
    Usage,
    /// It may not be done.
    Blocked,
    /// It was decided on from a state that no longer holds.
    Stale,
    /// Another run holds the lock, or this one lost it.
    Locked,
    /// The cloud, the file system or the network said no.
    Failed,
    /// Something could not be read, so that nothing can be said.
    Unread,
    /// A signal ended it.
    Interrupted,
}

impl ErrorKind {
    /// The name used in JSON output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Blocked => "blocked",
            Self::Stale => "stale",
            Self::Locked => "locked",
            Self::Failed => "failed",
            Self::Unread => "unread",
            Self::Interrupted => "interrupted",
        }
    }
}

/// An error that ends a command.
#[derive(Debug, Clone)]
pub struct CommandError {
    /// What kind of error it is.
    pub kind: ErrorKind,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to do, one sentence each.
    pub hints: Vec<String>,
    /// The failed call behind it.
    pub fault: Option<Box<Fault>>,
}

impl CommandError {
    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new(), fault: None }
    }

    /// The command cannot mean what was typed.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// It may not be done.
    pub fn blocked(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Blocked, message)
    }

    /// It was decided on from a state that no longer holds.
    pub fn stale(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Stale, message)
    }

    /// Another run holds the lock, or this one lost it.
    pub fn locked(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Locked, message)
    }

    /// Something outside said no.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Failed, message)
    }

    /// Something could not be read without which nothing can be said.
    pub fn incomplete(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unread, message)
    }

    /// A signal ended it.
    pub fn interrupted(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Interrupted, message)
    }

    /// A file could not be read or written.
    pub fn file(verb: &str, path: &Path, error: &io::Error) -> Self {
        Self::failed(format!("cannot {verb} `{}`: {error}", path.display()))
    }

    /// A call to the cloud failed.
    pub fn fault(fault: Fault) -> Self {
        let mut error = Self::failed(describe(&fault));
        error.hints.extend(advice(&fault));
        error.fault = Some(Box::new(fault));
        error
    }

    /// A call failed without whose answer nothing can be said of a stack.
    pub fn unread(fault: Fault) -> Self {
        Self { kind: ErrorKind::Unread, ..Self::fault(fault) }
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// How the process ends.
    pub const fn exit(&self) -> Exit {
        match self.kind {
            ErrorKind::Usage => Exit::Usage,
            ErrorKind::Blocked => Exit::Blocked,
            ErrorKind::Stale => Exit::Stale,
            ErrorKind::Locked => Exit::Locked,
            ErrorKind::Failed => Exit::Failed,
            ErrorKind::Unread => Exit::Incomplete,
            ErrorKind::Interrupted => Exit::Interrupted,
        }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CommandError {}

/// A fault in one line: the operation, the service's code and words, the request id.
pub fn describe(fault: &Fault) -> String {
    let mut text = fault.operation.clone();
    if let Some(code) = &fault.code {
        let _ = write!(text, ": {code}");
    }
    let _ = write!(text, ": {}", fault.message);
    if let Some(id) = &fault.request_id {
        let _ = write!(text, " (request {id})");
    }
    text
}

/// What to do about a fault.
pub fn advice(fault: &Fault) -> Option<String> {
    let lower = fault.message.to_ascii_lowercase();
    let advice = match fault.kind {
        // These messages are our own, and say what to do.
        _ if lower.contains("--region") || lower.contains("--profile") => return None,
        FaultKind::Denied if is_of_the_clock(fault) => {
            "set this machine's clock: AWS refuses what is signed more than five minutes off".to_owned()
        }
        FaultKind::Denied if is_of_the_signature(fault) => {
            "check the secret key of the credentials, and this machine's clock".to_owned()
        }
        FaultKind::Denied if lower.contains("expired") => {
            "the credentials have expired: sign in again, or renew them, and run the same command once more".to_owned()
        }
        FaultKind::Denied if lower.contains("credential") || lower.contains("security token") => {
            "check the credentials: `aws sts get-caller-identity` uses the same chain; `--profile` picks another one"
                .to_owned()
        }
        FaultKind::Denied => {
            format!("allow `{}` for the caller, or use another one with `--role-arn`", fault.operation)
        }
        FaultKind::Throttled => {
            "the service asked for fewer calls: run it again later, or lower `--parallelism`".to_owned()
        }
        FaultKind::Quota => "raise the quota in Service Quotas, or delete what is no longer used".to_owned(),
        FaultKind::Conflict => "somebody else may be changing it: run `trueup plan` to see the state now".to_owned(),
        FaultKind::NotSettled => {
            "it may still settle: run the same command again, or raise `timeouts` in the manifest".to_owned()
        }
        FaultKind::Timeout | FaultKind::Transport => {
            "check the network and the endpoint (`--region`, `--endpoint-url`), then run the same command again"
                .to_owned()
        }
        FaultKind::Internal => "the service failed: run the same command again".to_owned(),
        FaultKind::Invalid | FaultKind::NotFound => return None,
    };
    Some(advice)
}

/// Whether a service refused a signature because of the time in it.
fn is_of_the_clock(fault: &Fault) -> bool {
    matches!(fault.code.as_deref(), Some("RequestTimeTooSkewed" | "RequestExpired" | "RequestInTheFuture"))
}

/// Whether a service refused a signature, for the key or for the time.
fn is_of_the_signature(fault: &Fault) -> bool {
    matches!(fault.code.as_deref(), Some("InvalidSignatureException" | "InvalidSignature" | "SignatureDoesNotMatch"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_shows_operation_code_and_request() {
        let mut fault = Fault::new(FaultKind::Denied, "glue:GetConnection", "not authorized").with_code("AccessDenied");
        fault.request_id = Some("abc-1".to_owned());
        assert_eq!(describe(&fault), "glue:GetConnection: AccessDenied: not authorized (request abc-1)");
        let error = CommandError::fault(fault);
        assert_eq!(error.exit(), Exit::Failed);
        assert_eq!(error.hints, ["allow `glue:GetConnection` for the caller, or use another one with `--role-arn`"]);
    }

    #[test]
    fn advice_about_a_signature_is_not_to_allow_something() {
        let advised = |code: &str| {
            let fault = Fault::new(FaultKind::Denied, "kms:DescribeKey", "Signature expired: now").with_code(code);
            advice(&fault).unwrap()
        };
        assert!(advised("RequestTimeTooSkewed").starts_with("set this machine's clock"));
        assert!(advised("InvalidSignatureException").starts_with("check the secret key"));
        assert!(advised("ExpiredTokenException").contains("sign in again"));
    }
}
