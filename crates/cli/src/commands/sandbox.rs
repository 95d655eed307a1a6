//! `trueup sandbox`: the sandbox for other programs, and its state.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use trueup_engine::plan::document::FORMAT_VERSION;
use trueup_sandbox::{Faults, Options};

use crate::args::Format;
use crate::cloud::sandbox_error;
use crate::commands::Context;
use crate::error::CommandError;
use crate::exit::Exit;

/// Serves until a signal ends it; that is its normal end.
pub async fn serve(
    context: &Context<'_>,
    addr: SocketAddr,
    state: Option<&Path>,
    faults: Option<&Path>,
    settle: Duration,
) -> Result<Exit, CommandError> {
    let faults = faults.map(read_faults).transpose()?;
    let options = Options { addr, state: state.map(Path::to_owned), faults, settle };
    // Before it listens, so that no signal falls between.
    let ended = context.interrupts.graceful();
    let running = trueup_sandbox::start(options).await.map_err(|error| sandbox_error(&error))?;
    if context.format() == Format::Human {
        context.printer.result(&format!("listening on {}\n", running.url()));
    } else {
        let line = json!({"format_version": FORMAT_VERSION, "command": "sandbox serve", "endpoint_url": running.url()});
        context.printer.result(&format!("{line}\n"));
    }
    ended.cancelled().await;
    running.stop().await.map_err(|error| sandbox_error(&error))?;
    Ok(Exit::Done)
}

fn read_faults(path: &Path) -> Result<Faults, CommandError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| CommandError::usage(format!("cannot read `{}`: {error}", path.display())))?;
    serde_json::from_str(&text)
        .map_err(|error| CommandError::usage(format!("`{}` is no faults document: {error}", path.display())))
}

/// Empties the state.
pub fn reset(context: &Context<'_>, state: &Path) -> Result<Exit, CommandError> {
    trueup_sandbox::reset_state(state).map_err(|error| sandbox_error(&error))?;
    if context.format() == Format::Human {
        context.printer.detail(&format!("The sandbox in {} is empty.\n", state.display()));
    } else {
        context.printer.document(&json!({"format_version": FORMAT_VERSION, "command": "sandbox reset"}))?;
    }
    Ok(Exit::Done)
}

/// Prints the state.
pub fn dump(context: &Context<'_>, state: &Path) -> Result<Exit, CommandError> {
    let dumped = trueup_sandbox::dump_state(state).map_err(|error| sandbox_error(&error))?;
    context.printer.document(&dumped)?;
    Ok(Exit::Done)
}
