//! What a single argument means.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use trueup_engine::policy::Purpose;

use super::{ApplyWhat, Target};
use crate::args;
use crate::error::CommandError;

/// A stack's path and its environment. A lone argument that is no path is most likely an environment.
pub(super) fn target(stack: Option<PathBuf>, env: Option<String>) -> Result<Target, CommandError> {
    let path = stack.unwrap_or_else(|| PathBuf::from("."));
    if !path.exists() {
        let error = CommandError::usage(format!("there is no folder or file `{}`", path.display()));
        let looks_like_a_name = path.components().count() == 1 && path.extension().is_none();
        return Err(match &env {
            None if looks_like_a_name => error.hint(format!(
                "the first argument is the stack's folder; for the environment `{0}` of this folder write `. {0}`",
                path.display()
            )),
            _ => error,
        });
    }
    let env = env.unwrap_or_else(|| "dev".to_owned());
    if env.is_empty() {
        return Err(CommandError::usage("the environment is empty"));
    }
    Ok(Target { path, env })
}

pub(super) fn purpose(purpose: args::Purpose) -> Purpose {
    match purpose {
        args::Purpose::Plan => Purpose::Plan,
        args::Purpose::Drift => Purpose::Drift,
        args::Purpose::Apply => Purpose::Apply,
        args::Purpose::Teardown => Purpose::Teardown,
    }
}

pub(super) fn apply_what(first: Option<PathBuf>, second: Option<String>) -> Result<ApplyWhat, CommandError> {
    let is_plan = |path: &Path| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    match first {
        Some(plan) if is_plan(&plan) => {
            if !plan.is_file() {
                return Err(CommandError::usage(format!("there is no saved plan `{}`", plan.display())));
            }
            let stack = PathBuf::from(second.unwrap_or_else(|| ".".to_owned()));
            if !stack.exists() {
                return Err(CommandError::usage(format!("there is no folder or file `{}`", stack.display()))
                    .hint("behind a saved plan stands the stack's folder; the environment is the plan's"));
            }
            Ok(ApplyWhat::Saved { plan, stack })
        }
        first => Ok(ApplyWhat::Stack(target(first, second)?)),
    }
}

/// `NAME=VALUE`. The value is never repeated: it may be a secret.
pub(super) fn variable(pair: &str) -> Result<(String, String), CommandError> {
    match pair.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.to_owned())),
        _ => Err(CommandError::usage("a `--var` is not of the form NAME=VALUE")
            .hint("write for example `--var REGION=eu-west-1`; the text given is not repeated here")),
    }
}

pub(super) fn address(text: &str) -> Result<SocketAddr, CommandError> {
    let text = text.strip_prefix("localhost:").map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    text.parse().map_err(|_| {
        CommandError::usage(format!("`{text}` is no address")).hint("write for example `--addr 127.0.0.1:4566`")
    })
}

/// `500ms`, `2s`, `1m`.
pub(super) fn duration(text: &str) -> Result<Duration, CommandError> {
    let split = text.find(|character: char| character.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let scale = match unit {
        "ms" => Some(1),
        "s" => Some(1000),
        "m" => Some(60_000),
        "" if number == "0" => Some(1),
        _ => None,
    };
    let milliseconds = number.parse::<u64>().ok().zip(scale).and_then(|(number, scale)| number.checked_mul(scale));
    milliseconds.map(Duration::from_millis).ok_or_else(|| {
        CommandError::usage(format!("`{text}` is no time")).hint("write for example `500ms`, `2s` or `1m`")
    })
}
