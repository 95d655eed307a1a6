//! `trueup completions SHELL`.

use clap_complete::Shell;

use crate::args;
use crate::commands::Context;
use crate::error::CommandError;
use crate::exit::Exit;

/// Prints the completions of a shell.
pub fn run(context: &Context<'_>, shell: Shell) -> Result<Exit, CommandError> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut args::command(), "trueup", &mut text);
    context.printer.result(&String::from_utf8_lossy(&text));
    Ok(Exit::Done)
}
