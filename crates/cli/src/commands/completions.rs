//! `trueup completions SHELL`.

use clap_complete::Shell;

use crate::args;
use crate::commands::Context;
use crate::exit::Exit;

/// Prints the completions of a shell.
pub fn run(context: &Context<'_>, shell: Shell) -> Exit {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut args::command(), "trueup", &mut text);
    context.printer.result(&String::from_utf8_lossy(&text));
    Exit::Done
}
