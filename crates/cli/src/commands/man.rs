//! `trueup man`: manual pages in roff.

use crate::args;
use crate::commands::Context;
use crate::error::CommandError;
use crate::exit::Exit;

/// A manual page has room for every option.
fn shown(command: clap::Command) -> clap::Command {
    command.mut_args(|arg| arg.hide_short_help(false)).mut_subcommands(shown)
}

/// Prints the manual page of the program or of one command.
pub fn run(context: &Context<'_>, name: Option<&str>) -> Result<Exit, CommandError> {
    let mut command = shown(args::command());
    command.build();
    let (page, title) = match name {
        None => (command, "trueup".to_owned()),
        Some(name) => {
            let found = command.find_subcommand(name).cloned();
            let found = found.ok_or_else(|| CommandError::usage(format!("`{name}` is no command of trueup")))?;
            let title = format!("trueup-{}", found.get_name());
            (found, title)
        }
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page)
        .title(title)
        .render(&mut text)
        .map_err(|error| CommandError::failed(format!("cannot write the manual page: {error}")))?;
    context.printer.result(&String::from_utf8_lossy(&text));
    Ok(Exit::Done)
}
