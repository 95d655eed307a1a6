//! What `--lock` and `--lock-wait` mean, and the variables in their place.

use std::path::PathBuf;
use std::time::Duration;

use trueup_aws::lock::Object;
use trueup_engine::cloud::Place;

use super::{Environment, duration};
use crate::args::Options;
use crate::error::CommandError;

/// How long a lock lasts without being renewed.
const TTL: Duration = Duration::from_mins(1);
/// The shortest time that leaves room for renewing it.
const SHORTEST_TTL: Duration = Duration::from_secs(5);

/// Where a lock is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockAt {
    /// `s3://bucket/key`.
    S3(String),
    /// A file.
    File(PathBuf),
}

/// The lock that commands take before they write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockSettings {
    /// Where it is.
    pub at: LockAt,
    /// How long one that somebody holds is waited for.
    pub wait: Duration,
    /// How long it lasts without being renewed.
    pub ttl: Duration,
}

/// The lock that was asked for, if one was.
pub fn lock(options: &Options, environment: &Environment) -> Result<Option<LockSettings>, CommandError> {
    let Some(text) = options.lock.clone().or_else(|| environment.filled("TRUEUP_LOCK")) else {
        return match options.lock_wait {
            Some(_) => Err(CommandError::usage("`--lock-wait` waits for the lock of `--lock`, and none was given")),
            None => Ok(None),
        };
    };
    let from = if options.lock.is_some() { "--lock" } else { "TRUEUP_LOCK" };
    let wrong = |why: &str| {
        CommandError::usage(format!("`{text}` names no lock: {why}"))
            .hint(format!("write for example `s3://bucket/key` or `file:PATH` (in {from})"))
    };
    let at = if let Some(path) = text.strip_prefix("file:") {
        let path = PathBuf::from(path);
        if path.file_name().is_none() || path.is_dir() {
            return Err(wrong("its path is not that of a file"));
        }
        LockAt::File(path)
    } else {
        Object::parse(&text, Place { region: None, role_arn: None }).map_err(&wrong)?;
        LockAt::S3(text.clone())
    };
    let time = |given: Option<String>, name: &str| {
        let found = given.or_else(|| environment.filled(name));
        found.map(|text| duration(&text).map_err(|error| error.hint(format!("it stands in {name}")))).transpose()
    };
    let wait = match &options.lock_wait {
        Some(text) => duration(text)?,
        None => time(None, "TRUEUP_LOCK_WAIT")?.unwrap_or_default(),
    };
    let ttl = time(None, "TRUEUP_LOCK_TTL")?.unwrap_or(TTL);
    if ttl < SHORTEST_TTL {
        return Err(CommandError::usage("TRUEUP_LOCK_TTL is too short to renew the lock in time")
            .hint("it is 5s at least; without it a lock lasts 60s"));
    }
    Ok(Some(LockSettings { at, wait, ttl }))
}
