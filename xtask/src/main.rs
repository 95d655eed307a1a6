//! The chores of the repository, so that none of them lives in somebody's shell history.
//!
//! `cargo xtask test` prepares what the tests need and runs all of them; `cargo xtask bench` measures the commands
//! against the stated figures and writes `docs/benchmarks.md`, `cargo xtask bench-fleet` a plan of many stacks,
//! `cargo xtask bench-rates` commands under the rates of AWS;
//! `cargo xtask prove` shows that the promises are kept, and writes `docs/promises.md`, `cargo xtask planted` and
//! `cargo xtask mutants` that the tests would notice if they were not; `cargo xtask release` builds what is shipped, and
//! compares two builds of it; `cargo xtask schema` writes `schemas/` anew, `cargo xtask kinds` the counts in `docs/kinds.md`.
//! Everything that a chore needs is installed under the target directory, and everything that it starts ends with it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a chore talks to the person who runs it")]

mod bench;
mod bench_fleet;
mod bench_rates;
mod kinds;
mod measure;
mod mutants;
mod peers;
mod planted;
mod plot;
mod promises;
mod prove;
mod release;
mod schema;
mod server;
mod test;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The chores of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Prepares a virtual environment with moto, ministack and boto3, and runs every test.
    Test {
        /// Passed on to `cargo test`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
    /// Measures validate, plan, apply and teardown of 1,000 connections on the sandbox, in a release build.
    Bench(bench::Options),
    /// Measures a plan of 1,000 stacks in 20 accounts and regions against the least that its calls can take.
    BenchFleet(bench_fleet::Options),
    /// Measures plan, apply and teardown under the rates of AWS against the least that their calls can take.
    BenchRates(bench_rates::Options),
    /// Writes the part of `docs/kinds.md` about types that are managed through Cloud Control anew.
    Kinds,
    /// Makes small mistakes in the engine, one at a time, and counts those that its tests notice.
    Mutants(mutants::Options),
    /// Plants known mistakes into a copy of the sources, and sees whether the tests notice.
    Planted,
    /// Runs the tests that keep the promises to their full extent, and shows the figures.
    Prove(prove::Options),
    /// Builds what is shipped: the program, its bill of materials and hashes. `--verify` builds it twice and compares.
    Release(release::Options),
    /// Writes the JSON Schemas under `schemas/` anew.
    Schema,
    /// Runs a command and prints what it cost, as JSON (used by `bench`).
    #[command(hide = true)]
    Measure {
        /// Look at what it holds together with the processes that it starts.
        #[arg(long)]
        together: bool,
        /// The command.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        command: Vec<String>,
    },
}

fn main() -> ExitCode {
    let result = match Arguments::parse().chore {
        Chore::Test { rest } => test::run(&rest),
        Chore::Bench(options) => bench::run(&options),
        Chore::BenchFleet(options) => bench_fleet::run(&options),
        Chore::BenchRates(options) => bench_rates::run(&options),
        Chore::Kinds => kinds::run(),
        Chore::Mutants(options) => mutants::run(&options),
        Chore::Planted => planted::run(),
        Chore::Prove(options) => prove::run(&options),
        Chore::Release(options) => release::run(&options),
        Chore::Schema => schema::run(),
        Chore::Measure { together, command } => measure::run(&command, together),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
