//! `cargo xtask prove`: the promises with their figures, the long run of the tests that keep them.
//!
//! A test that counts what it goes through writes its figure into a folder that is named to it in `TRUEUP_PROVE`; that
//! variable also asks it for everything, unless `TRUEUP_PROVE_SAMPLE` asks for the sample of the normal run. `--report`
//! writes the table into `docs/promises.md`, whenever a test has ended: a run that is broken off leaves what it found.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::promises::{Kept, PROMISES, Promise};
use crate::{test, tools};

/// How to prove.
#[derive(clap::Args)]
pub struct Options {
    /// Write the table into `docs/promises.md`.
    #[arg(long)]
    report: bool,
    /// Go through the sample of `cargo xtask test`, and not through everything.
    #[arg(long)]
    sample: bool,
    /// Only these promises, such as P1; may be repeated.
    #[arg(long, value_name = "P", conflicts_with = "report")]
    only: Vec<String>,
    /// Run only what the run before did not show to hold, of the same commit, and keep the rest. The page says what ran twice.
    #[arg(long, conflicts_with_all = ["only", "sample"])]
    again: bool,
}

/// What a run found, for the next one with `--again`.
#[derive(Default, serde::Serialize, serde::Deserialize)]
struct Found {
    commit: String,
    sample: bool,
    seconds: u64,
    /// Package, program, name, and whether it has passed.
    results: Vec<(String, String, String, bool)>,
    /// Those that ran a second time.
    twice: BTreeSet<String>,
}

impl Found {
    fn read(path: &Path, commit: &str) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|_| "there is no run to go on with".to_owned())?;
        let found: Self = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        if found.commit != commit {
            return Err("the run before was one of other sources".to_owned());
        }
        if found.sample { Err("the run before went through a sample only".to_owned()) } else { Ok(found) }
    }
}

/// The commit, and what was changed since: but for the page that is written here.
fn sources() -> Result<String, String> {
    let git = |args: &[&str]| tools::text(std::process::Command::new("git").current_dir(tools::root()).args(args));
    let changed = [&["diff", "HEAD"][..], &["status", "--porcelain"]]
        .map(|args| git(&[args, &["--", ".", ":(exclude)docs/promises.md"]].concat()));
    let [diff, status] = changed;
    let hash = <sha2::Sha256 as sha2::Digest>::digest(format!("{}\n{}", diff?, status?));
    Ok(format!("{} {hash:?}", git(&["rev-parse", "HEAD"])?))
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
    let kept_in = figures.join("found.json");
    let commit = sources()?;
    let mut found = if options.again {
        Found::read(&kept_in, &commit)?
    } else {
        Found { commit, sample: options.sample, ..Found::default() }
    };
    let before = Duration::from_secs(found.seconds);
    if figures.exists() && !options.again {
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
    let mut results: Results = found
        .results
        .iter()
        .map(|(package, program, name, ok)| ((package.clone(), program.clone(), name.clone()), *ok))
        .collect();
    for ((package, program), names) in &mut programs {
        let of = |name: &str| ((*package).to_owned(), (*program).to_owned(), name.to_owned());
        let failed = names.iter().filter(|name| results.get(&of(name)) == Some(&false));
        found.twice.extend(failed.map(|name| (*name).to_owned()));
        names.retain(|name| results.get(&of(name)) != Some(&true));
    }
    programs.retain(|_, names| !names.is_empty());
    let shown = |results: &Results| -> Result<String, String> {
        let table = table(&chosen, &figures, results);
        if options.report {
            let path = tools::root().join("docs/promises.md");
            std::fs::write(&path, page(&table, before + began.elapsed(), options.sample, &found.twice))
                .map_err(|error| format!("{} could not be written: {error}", path.display()))?;
        }
        Ok(table)
    };
    for ((package, program), names) in &programs {
        println!("{package}, {program}: {} tests", names.len());
        let mut command = tools::cargo();
        let kind = if *package == "xtask" { "--bin" } else { "--test" };
        command.args(["test", "--package", package, kind, program]);
        if ["trueup-engine", "trueup-fuzz"].contains(package) {
            // A hundred thousand cases are some minutes of an optimised build, and hours of another one.
            command.args(["--profile", "hostile"]).env("TRUEUP_CASES", "100000");
        }
        command
            .args(["--", "--exact"])
            .args(names)
            .env("TRUEUP_PROVE", &figures)
            .env("TRUEUP_TEST_PYTHON", &python)
            .env("INSTA_UPDATE", "no")
            .stdout(Stdio::piped());
        if options.sample {
            command.env("TRUEUP_PROVE_SAMPLE", "1");
        }
        let mut child = command.spawn().map_err(|error| format!("cargo could not be started: {error}"))?;
        let lines = child.stdout.take().map(|stdout| BufReader::new(stdout).lines());
        for line in lines.into_iter().flatten().map_while(Result::ok) {
            println!("{line}");
            let ended = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... "));
            if let Some((name, result @ ("ok" | "FAILED"))) = ended {
                results.insert(((*package).to_owned(), (*program).to_owned(), name.to_owned()), result == "ok");
                shown(&results)?;
            }
        }
        child.wait().map_err(|error| format!("cargo could not be waited for: {error}"))?;
    }
    println!("\n{}", shown(&results)?);
    found.seconds = (before + began.elapsed()).as_secs();
    found.results = results.iter().map(|((a, b, c), ok)| (a.clone(), b.clone(), c.clone(), *ok)).collect();
    let text = serde_json::to_string(&found).map_err(|error| error.to_string())?;
    std::fs::create_dir_all(&figures)
        .and_then(|()| std::fs::write(&kept_in, text))
        .map_err(|error| error.to_string())?;
    let held = |kept: &Kept| result_of(&results, kept) == Some(true);
    let broken: Vec<&str> = chosen.iter().filter(|it| !it.tests.iter().all(held)).map(|it| it.id).collect();
    if broken.is_empty() { Ok(()) } else { Err(format!("not held: {}", broken.join(", "))) }
}

/// By package, program and name, whether a test has passed.
type Results = BTreeMap<(String, String, String), bool>;

fn result_of(results: &Results, kept: &Kept) -> Option<bool> {
    results.get(&(kept.package.to_owned(), kept.program.to_owned(), kept.name.to_owned())).copied()
}

/// One row for each promise.
fn table(promises: &[&Promise], figures: &Path, results: &Results) -> String {
    let mut text = String::from("| | promise | last result | tests and figures |\n| --- | --- | --- | --- |\n");
    for promise in promises {
        let mut cell = String::new();
        for kept in promise.tests {
            let (mark, figure) = match result_of(results, kept) {
                None => (" (not run)", kept.figure.unwrap_or("everything").to_owned()),
                Some(ok) => {
                    let figure = kept.figure.map_or_else(|| figure(figures, kept.name), str::to_owned);
                    (if ok { "" } else { " **failed**" }, figure)
                }
            };
            let file = if kept.program == "suite" { "tests/suite" } else { kept.program };
            let _ = write!(cell, "{figure}: `{file}`, `{}`{mark}<br>", kept.name);
        }
        if let Some(lacks) = promise.lacks {
            let _ = write!(cell, "not tested: {lacks}");
        }
        let of_tests: Vec<Option<bool>> = promise.tests.iter().map(|kept| result_of(results, kept)).collect();
        let result = if of_tests.is_empty() {
            "not tested"
        } else if of_tests.contains(&Some(false)) {
            "**violated**"
        } else if of_tests.contains(&None) {
            "not all was run"
        } else if promise.lacks.is_some() {
            "held as far as tested"
        } else {
            "held"
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

fn page(table: &str, took: Duration, sample: bool, twice: &BTreeSet<String>) -> String {
    let minutes = took.as_secs().div_ceil(60);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let again = if twice.is_empty() {
        String::new()
    } else {
        let names: Vec<String> = twice.iter().map(|name| format!("`{name}`")).collect();
        format!("\n\nWhat failed at first, and was run a second time with this result: {}.", names.join(", "))
    };
    let extent = if sample { "went through the sample of `cargo xtask test`, and " } else { "" };
    format!(
        "# What is promised\n\nEach promise has tests that keep it, and they count what they go through. `cargo xtask prove \
         --report` runs them to their full extent and writes\nthis page; `cargo xtask test` runs a sample of each. This run \
         {extent}took {minutes} min on {cores} cores, against the [sandbox](sandbox.md): the program in a debug \
         build, the engine alone optimised with every check.\n\nA crash point is a \
         `kill -9` before a request arrives, after it was carried out, or in the middle of its answer. Then the same \
         command\nruns once more, and what is there is compared with what an undisturbed run leaves: the same resources, each \
         made once, and nothing left\nto do. The stack has every kind of resource: [tests/ordeals](../tests/ordeals).{again}\n\n{table}"
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
            let folder = match kept.program {
                "suite" => "tests/suite",
                "properties" => "fuzz/tests",
                "xtask" => "xtask/src",
                _ => "crates/engine/tests",
            };
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
        let of = |id, tests, lacks| Promise { id, text: "It holds.", tests, lacks };
        let tested = PROMISES[0].tests;
        let all = [of("P1", tested, None), of("P2", tested, Some("more")), of("P3", &[], Some("all"))];
        let promises: Vec<&Promise> = all.iter().collect();
        let with = |ok: bool| -> Results {
            let tests = promises.iter().flat_map(|promise| promise.tests);
            tests.map(|it| ((it.package.to_owned(), it.program.to_owned(), it.name.to_owned()), ok)).collect()
        };
        let all = table(&promises, Path::new("/nowhere"), &with(true));
        assert!(all.contains("| P1 | It holds. | held |"), "{all}");
        assert!(all.contains("| P2 | It holds. | held as far as tested |"), "{all}");
        assert!(all.contains("| P3 | It holds. | not tested |"), "{all}");
        let none = table(&promises, Path::new("/nowhere"), &with(false));
        assert!(none.contains("**violated**") && none.contains("**failed**"), "{none}");
        let broken_off = table(&promises, Path::new("/nowhere"), &Results::new());
        assert!(broken_off.contains("| not all was run |") && !broken_off.contains("| held"), "{broken_off}");
    }
}
