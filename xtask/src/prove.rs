//! `cargo xtask prove`: the promises with their figures, the long run of the tests that keep them.
//!
//! A test that counts what it goes through writes its figure into a folder that is named to it in `TRUEUP_PROVE`; that
//! variable also asks it for everything in place of a sample. `--report` writes the table into `docs/promises.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use crate::promises::{Kept, PROMISES, Promise};
use crate::{test, tools};

/// How to prove.
#[derive(clap::Args)]
pub struct Options {
    /// Write the table into `docs/promises.md`.
    #[arg(long)]
    report: bool,
    /// Only these promises, such as P1; may be repeated.
    #[arg(long, value_name = "P", conflicts_with = "report")]
    only: Vec<String>,
}

/// Runs the tests that keep the promises.
///
/// # Errors
///
/// Something could not be prepared or written, or a test failed. The table is written before.
pub fn run(options: &Options) -> Result<(), String> {
    let began = Instant::now();
    let python = test::virtual_environment()?;
    tools::run(tools::cargo().args(["build", "--package", "trueup"]))?;
    let figures = tools::target().join("prove");
    if figures.exists() {
        std::fs::remove_dir_all(&figures)
            .map_err(|error| format!("{} could not be removed: {error}", figures.display()))?;
    }
    let chosen: Vec<&Promise> = PROMISES
        .iter()
        .filter(|promise| options.only.is_empty() || options.only.iter().any(|id| id.eq_ignore_ascii_case(promise.id)))
        .collect();
    if chosen.is_empty() {
        return Err(format!("there is no promise {}", options.only.join(", ")));
    }
    let mut programs = BTreeMap::<(&str, &str), BTreeSet<&str>>::new();
    for kept in chosen.iter().flat_map(|promise| promise.tests) {
        programs.entry((kept.package, kept.program)).or_default().insert(kept.name);
    }
    let mut passed = BTreeSet::new();
    for ((package, program), names) in &programs {
        println!("{package}, {program}: {} tests", names.len());
        let output = tools::cargo()
            .args(["test", "--package", package, "--test", program, "--", "--exact"])
            .args(names)
            .env("TRUEUP_PROVE", &figures)
            .env("TRUEUP_TEST_PYTHON", &python)
            .env("INSTA_UPDATE", "no")
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| format!("cargo could not be started: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        // What went wrong is said there.
        if !output.status.success() {
            print!("{text}");
        }
        let ok = |name: &&&str| text.lines().any(|line| line == format!("test {name} ... ok"));
        passed.extend(names.iter().filter(ok).map(|name| (*package, *program, *name)));
    }
    let held = |kept: &Kept| passed.contains(&(kept.package, kept.program, kept.name));
    let table = table(&chosen, &figures, held);
    println!("\n{table}");
    if options.report {
        let minutes = began.elapsed().as_secs().div_ceil(60);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let path = tools::root().join("docs/promises.md");
        std::fs::write(&path, page(&table, minutes, cores))
            .map_err(|error| format!("{} could not be written: {error}", path.display()))?;
    }
    let broken: Vec<&str> = chosen.iter().filter(|it| !it.tests.iter().all(held)).map(|promise| promise.id).collect();
    if broken.is_empty() { Ok(()) } else { Err(format!("not held: {}", broken.join(", "))) }
}

/// One row for each promise.
fn table(promises: &[&Promise], figures: &Path, held: impl Fn(&Kept) -> bool) -> String {
    let mut text = String::from("| | promise | last result | tests and figures |\n| --- | --- | --- | --- |\n");
    for promise in promises {
        let mut cell = String::new();
        for kept in promise.tests {
            let mark = if held(kept) { "" } else { " **failed**" };
            let figure = kept.figure.map_or_else(|| figure(figures, kept.name), str::to_owned);
            let file = if kept.program == "suite" { "tests/suite" } else { kept.program };
            let _ = write!(cell, "{figure}: `{file}`, `{}`{mark}<br>", kept.name);
        }
        if let Some(lacks) = promise.lacks {
            let _ = write!(cell, "not tested: {lacks}");
        }
        let result = match (promise.tests.is_empty(), promise.tests.iter().all(&held), promise.lacks) {
            (true, ..) => "not tested",
            (_, false, _) => "**violated**",
            (_, true, Some(_)) => "held as far as tested",
            (_, true, None) => "held",
        };
        let cell = cell.trim_end_matches("<br>");
        let _ = writeln!(text, "| {} | {} | {result} | {cell} |", promise.id, promise.text);
    }
    text
}

/// What a test has counted.
fn figure(figures: &Path, name: &str) -> String {
    let path = figures.join(format!("{}.json", name.replace("::", "-")));
    let document = std::fs::read_to_string(path).ok().and_then(|text| serde_json::from_str(&text).ok());
    let document: serde_json::Value = document.unwrap_or_default();
    let violations = document["violations"].as_u64().unwrap_or_default();
    match document["figure"].as_str() {
        Some(figure) => format!("{figure}, {violations} violations"),
        None => "no figure".to_owned(),
    }
}

fn page(table: &str, minutes: u64, cores: usize) -> String {
    format!(
        "# What is promised\n\nEach promise has tests that keep it, and they count what they go through. `cargo xtask prove \
         --report` runs them to their full extent and writes\nthis page; `cargo xtask test` runs a sample of each. This run \
         took {minutes} min on {cores} cores, in a debug build, against the [sandbox](sandbox.md).\n\nA crash point is a \
         `kill -9` before a request arrives, after it was carried out, or in the middle of its answer. Then the same \
         command\nruns once more, and what is there is compared with what an undisturbed run leaves: the same resources, each \
         made once, and nothing left\nto do. The stack has every kind of resource: [tests/ordeals](../tests/ordeals).\n\n{table}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promises_are_numbered_and_each_has_a_test_or_says_what_it_lacks() {
        for (promise, number) in PROMISES.iter().zip(1..) {
            assert_eq!(promise.id, format!("P{number}"));
            assert!(!promise.tests.is_empty() || promise.lacks.is_some(), "{}", promise.id);
        }
    }

    #[test]
    fn the_tests_are_there() {
        for kept in PROMISES.iter().flat_map(|promise| promise.tests) {
            let name = kept.name.rsplit("::").next().unwrap_or_default();
            let folder = if kept.program == "suite" { "tests/suite" } else { "crates/engine/tests" };
            let found = sources(&tools::root().join(folder)).any(|text| text.contains(&format!("fn {name}(")));
            assert!(found, "{}", kept.name);
        }
    }

    fn sources(folder: &Path) -> Box<dyn Iterator<Item = String>> {
        let entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        Box::new(entries.into_iter().flat_map(|path| {
            if path.is_dir() {
                return sources(&path);
            }
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            Box::new(std::iter::once(text)) as Box<dyn Iterator<Item = String>>
        }))
    }

    #[test]
    fn a_promise_without_a_test_is_not_held() {
        let promises: Vec<&Promise> = PROMISES.iter().filter(|it| ["P1", "P6", "P20"].contains(&it.id)).collect();
        let all = table(&promises, Path::new("/nowhere"), |_| true);
        assert!(all.contains("| P20 | A lock cannot strand anybody. | not tested |"), "{all}");
        assert!(all.contains("| held as far as tested |"), "{all}");
        let none = table(&promises, Path::new("/nowhere"), |_| false);
        assert!(none.contains("**violated**") && none.contains("**failed**"), "{none}");
    }
}
