//! `trueup`: makes AWS connections match a manifest, and shows first what that changes.
//!
//! The command line in the order in which it is worked off: [`args`] is what was typed, [`settings`] what it means,
//! [`commands`] what is done, [`output`] how it is shown, [`exit`] how the process ends. Everything else is in the engine.

mod args;
mod cloud;
mod commands;
mod dumps;
mod error;
mod exit;
mod files;
mod front;
mod live;
mod lock;
mod log;
mod manifest_schema;
mod memory;
mod output;
mod preflight;
mod printer;
mod secrets;
mod selection;
mod settings;
mod signals;
mod skeleton;
mod types;

use std::ffi::OsString;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Duration;
use std::{io, thread};

use clap::error::ErrorKind as ClapErrorKind;
use clap::{FromArgMatches as _, ValueEnum as _};
use tokio::runtime::{Builder, Runtime};

use crate::args::{Cli, Format, FormatName};
use crate::commands::Context;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::lock::Lock;
use crate::output::document::Bare;
use crate::output::jsonl::Jsonl;
use crate::output::page::Page;
use crate::printer::Printer;
use crate::settings::{Environment, Terminals};
use crate::signals::Interrupts;

/// Of what every call of the SDK takes, a third was allocation (docs/adr/0018).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long letting a lock go may hold up a run that was interrupted.
const LAST: Duration = Duration::from_secs(1);

/// What the allocator takes from the system for a thread, at the least.
const FIRST_OF_A_THREAD: usize = 1 << 16;

fn main() -> ExitCode {
    dumps::off();
    set_hook(Box::new(on_panic));
    // A panic is a failure like any other to the shell that waits for a code of the table.
    let exit = catch_unwind(AssertUnwindSafe(start)).unwrap_or(Exit::Failed);
    ExitCode::from(exit.code())
}

/// Says where, and never what: the payload of a panic may hold a value.
fn on_panic(info: &PanicHookInfo<'_>) {
    use std::io::Write as _;
    let place = info.location().map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
    let text = format!("error: trueup {} failed{place}: this is a bug, please report it\n", env!("CARGO_PKG_VERSION"));
    let _ = io::stderr().write_all(text.as_bytes());
    // What is shipped does not unwind; it would end with SIGABRT, which is no code of the table.
    #[cfg(panic = "abort")]
    std::process::exit(i32::from(Exit::Failed.code()));
}

/// Parses, resolves, runs, reports.
fn start() -> Exit {
    let environment = Environment::of_process();
    let terminals = Terminals::of_process();
    let cli = match parse() {
        Ok(cli) => cli,
        Err(error) => return not_parsed(&error),
    };
    let output = settings::output(&settings::options(&cli), &environment, terminals);
    log::start(&output);
    let printer = Printer::new(output);
    let name = settings::name(&cli);
    let jsonl = Jsonl::new(&printer);
    let result = settings::resolve(cli, environment, terminals).and_then(|settings| {
        let runtime = runtime(workers(name))?;
        let result = runtime.block_on(async {
            let interrupts = Interrupts::listen();
            let lock = Lock::default();
            let context = Context {
                name,
                settings: &settings,
                printer: &printer,
                jsonl: &jsonl,
                interrupts: &interrupts,
                lock: &lock,
            };
            tokio::select! {
                result = commands::run(&context) => result,
                signal = interrupts.leave() => {
                    // Where nothing was being written there is time for it; otherwise it ends by itself.
                    if !interrupts.is_graceful() {
                        let _ = tokio::time::timeout(LAST, lock.release(&printer)).await;
                    }
                    Ok(left(&context, signal))
                }
            }
        });
        // A question that nobody answered must not hold the process.
        runtime.shutdown_background();
        result
    });
    let exit = result.unwrap_or_else(|error| failed(name, &printer, &jsonl, &error));
    if printer.settings().format == Format::Jsonl && settings::is_about_a_stack(name) {
        jsonl.finish(name, exit);
    }
    match printer.failure() {
        Some(mut error) => {
            if settings::may_write(name) {
                error.hints.push("what was done is not shown: `trueup plan` shows what is left to do".to_owned());
            }
            printer.error(&error);
            // An interruption, for instance, is still one.
            exit::decide([exit, error.exit()])
        }
        None => exit,
    }
}

/// The threads of a run.
fn runtime(workers: usize) -> Result<Runtime, CommandError> {
    let refused = |error: io::Error| {
        CommandError::failed(format!("cannot start: {error}")).hint(
            "a limit (`ulimit -a`) or the system leaves too little memory, or too few processes; nothing was done",
        )
    };
    // One more than there will be: what a thread allocates when it begins comes on top, and is not the same each time.
    can_start(workers + 1).map_err(refused)?;
    Builder::new_multi_thread().worker_threads(workers).enable_all().build().map_err(refused)
}

/// Whether the system gives so many threads at once, and each of them the memory that a thread begins with. Tokio panics where
/// it does not, and then waits without end for those that it got.
fn can_start(threads: usize) -> io::Result<()> {
    let gate = Mutex::new(());
    thread::scope(|scope| {
        let closed = gate.lock();
        let begin = |_| {
            thread::Builder::new().spawn_scoped(scope, || {
                let mut first = Vec::<u8>::new();
                let given = first.try_reserve(FIRST_OF_A_THREAD).map_err(|_| io::ErrorKind::OutOfMemory);
                drop(gate.lock());
                // Held until then, and not optimised away.
                black_box(first);
                given
            })
        };
        let begun: Vec<_> = (0..threads).map(begin).collect();
        drop(closed);
        // One that panicked would have been told.
        begun.into_iter().try_for_each(|begun| Ok(begun?.join().unwrap_or(Ok(()))?))
    })
}

/// Threads for the network, and for the stacks of a fleet.
fn workers(name: &str) -> usize {
    if settings::is_about_stacks(name) { thread::available_parallelism().map_or(2, usize::from).clamp(2, 8) } else { 2 }
}

fn parse() -> Result<Cli, clap::Error> {
    args::command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches))
}

/// Help and version are results; everything else is bad usage, in a document where one was asked for.
fn not_parsed(error: &clap::Error) -> Exit {
    // What cannot be printed cannot be told either.
    let _ = error.print();
    if matches!(error.kind(), ClapErrorKind::DisplayHelp | ClapErrorKind::DisplayVersion) {
        return Exit::Done;
    }
    let words: Vec<_> = std::env::args_os().collect();
    let output = settings::output(&asked(&words), &Environment::new(|_| None), Terminals::default());
    let text = error.render().to_string();
    let first = text.lines().next().unwrap_or_default();
    let error = CommandError::usage(first.strip_prefix("error: ").unwrap_or(first));
    let command = args::command();
    let named = words.iter().skip(1).find_map(|word| command.find_subcommand(word));
    let name = named.map_or("", clap::Command::get_name);
    match output.format {
        Format::Json => {
            let _ = Printer::new(output).document(&Bare::new(name, Vec::new()).with_error(&error));
        }
        Format::Page(form) if settings::is_about_a_stack(name) => {
            Printer::new(output).page(&Page::new(name, None).with_error(&error), form);
        }
        Format::Human | Format::Jsonl | Format::Page(_) => {}
    }
    Exit::Usage
}

/// The form that was asked for on a command line that cannot be parsed.
fn asked(words: &[OsString]) -> args::Options {
    let mut options = args::Options::default();
    for (index, word) in words.iter().enumerate() {
        let Some(word) = word.to_str() else { continue };
        options.json |= word == "--json";
        let value = match word.strip_prefix("--format") {
            Some("") => words.get(index + 1).and_then(|next| next.to_str()),
            Some(rest) => rest.strip_prefix('='),
            None => None,
        };
        options.format = value.and_then(|name| FormatName::from_str(name, false).ok()).or(options.format);
    }
    options
}

/// Reports an error that ended the command.
fn failed(name: &str, printer: &Printer, jsonl: &Jsonl<'_>, error: &CommandError) -> Exit {
    match printer.settings().format {
        Format::Human => printer.error(error),
        Format::Json => {
            let _ = printer.document(&Bare::new(name, Vec::new()).with_error(error));
        }
        Format::Jsonl => jsonl.error(error),
        // A form that the command has not is what went wrong.
        Format::Page(format) if !settings::has_page(name, format) => printer.error(error),
        Format::Page(format) => printer.page(&Page::new(name, printer.subject()).with_error(error), format),
    }
    error.exit()
}

/// A signal that ends the run at once.
fn left(context: &Context<'_>, signal: Exit) -> Exit {
    let message = if context.interrupts.is_graceful() {
        "left without waiting: what was under way may have been carried out; `trueup plan` shows what remains"
    } else {
        "interrupted; nothing was changed"
    };
    let error = CommandError::interrupted(message);
    failed(context.name, context.printer, context.jsonl, &error);
    signal
}
