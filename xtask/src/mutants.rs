//! `cargo xtask mutants`: how many small mistakes in the difference, the plan and the apply the engine's tests notice.
//!
//! `cargo-mutants` changes one place at a time in a copy of the sources and runs the tests: those of the engine alone, so
//! that what the suite with the real program would notice as well is not counted. All of the mutants take hours; a sample is
//! every so-many-th of them, the same in each run. `--report` writes `docs/mutants.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{release, tools};

/// Makes the mutants.
const MUTANTS: (&str, &str) = ("cargo-mutants", "27.1.0");
/// What is changed.
const FILES: [&str; 6] = ["delta.rs", "delta/**", "plan.rs", "plan/**", "apply.rs", "apply/**"];
/// The share that is to be noticed, in percent.
const LEAST: usize = 85;

/// Mutants that do the same as the program, or nearly, and why.
const EQUIVALENT: &[(&str, &str)] = &[];

/// How to look.
#[derive(clap::Args)]
pub struct Options {
    /// Which of how many parts: `3/28` is every 28th from the fourth on; `0/1` are all of them.
    #[arg(long, default_value = "3/28")]
    shard: String,
    /// Write `docs/mutants.md`.
    #[arg(long)]
    report: bool,
    /// Take the outcomes of an earlier run, in its `mutants.out`, and run nothing.
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
}

/// Makes the mutants of a part and counts those that were noticed.
///
/// # Errors
///
/// Something could not be installed or run, or fewer were noticed than are to be.
pub fn run(options: &Options) -> Result<(), String> {
    let outcomes = options.from.clone().map_or_else(|| make(&options.shard), Ok)?;
    let found = Found::read(&outcomes.join("outcomes.json"))?;
    println!("{}", found.summary());
    if options.report {
        let path = tools::root().join("docs/mutants.md");
        std::fs::write(&path, found.page(&options.shard)).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    if found.share() < LEAST { Err(format!("fewer than {LEAST} of a hundred were noticed")) } else { Ok(()) }
}

/// Makes the mutants of a part and runs the tests on each. Where the outcomes lie.
fn make(shard: &str) -> Result<PathBuf, String> {
    let tool = release::install(MUTANTS)?;
    let folder = tools::target().join("mutants");
    let mut command = Command::new(tool);
    command.arg("mutants").current_dir(tools::root()).env("CARGO_TARGET_DIR", folder.join("target"));
    command.args(["--package", "trueup-engine", "--shard", shard, "--sharding", "round-robin"]);
    for file in FILES {
        command.args(["--file", &format!("crates/engine/src/{file}")]);
    }
    // One that never ends is noticed, too.
    command.args(["--baseline", "skip", "--timeout", "150", "--no-shuffle", "--colors", "never", "--output"]);
    command.arg(&folder).args(["--", "--lib", "--test", "back", "--test", "owners"]);
    // It says with its code that some were missed; what counts is what it wrote.
    command.status().map_err(|error| format!("cargo-mutants could not be started: {error}"))?;
    Ok(folder.join("mutants.out"))
}

/// What became of the mutants, by outcome.
#[derive(Default)]
struct Found(BTreeMap<String, Vec<String>>);

impl Found {
    fn read(path: &Path) -> Result<Self, String> {
        let said = |error: String| format!("{} could not be read: {error}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| said(error.to_string()))?;
        let document: serde_json::Value = serde_json::from_str(&text).map_err(|error| said(error.to_string()))?;
        let mut found = Self::default();
        for outcome in document["outcomes"].as_array().into_iter().flatten() {
            let Some(name) = outcome["scenario"]["Mutant"]["name"].as_str() else { continue };
            let summary = outcome["summary"].as_str().unwrap_or_default();
            found.0.entry(summary.to_owned()).or_default().push(name.to_owned());
        }
        if found.viable() == 0 { Err(said("there are no mutants in it".to_owned())) } else { Ok(found) }
    }

    fn of(&self, outcome: &str) -> &[String] {
        self.0.get(outcome).map_or(&[], Vec::as_slice)
    }

    /// Noticed by a test, or by never coming to an end.
    fn noticed(&self) -> usize {
        self.of("CaughtMutant").len() + self.of("Timeout").len()
    }

    /// Those that compile, without those that do the same as the program.
    fn viable(&self) -> usize {
        self.noticed() + self.missed().count()
    }

    fn missed(&self) -> impl Iterator<Item = &String> {
        self.of("MissedMutant").iter().filter(|name| EQUIVALENT.iter().all(|(same, _)| !name.contains(same)))
    }

    /// In percent, rounded down.
    fn share(&self) -> usize {
        self.noticed() * 100 / self.viable().max(1)
    }

    fn summary(&self) -> String {
        format!(
            "{} of {} were noticed ({} %), {} of these by not ending; {} did not compile",
            self.noticed(),
            self.viable(),
            self.share(),
            self.of("Timeout").len(),
            self.of("Unviable").len()
        )
    }

    fn page(&self, shard: &str) -> String {
        let mut text = format!(
            "# Planted mistakes\n\nWritten by `cargo xtask mutants --report`; do not edit by hand.\n\nThe tests of the engine, \
             against small mistakes in the difference, the plan and the apply (`delta`, `plan`, `apply`), made by\n\
             [cargo-mutants](https://mutants.rs) {}, one at a time: part {shard} of all. The suite with the real program would \
             notice more; it is not\ncounted. {}.\n\nThe part is a sample that has been worked on: what its first runs missed has tests since. Another\npart says what others would be: `cargo xtask mutants --shard 9/28`.\n\n| mistake | outcome |\n| --- | --- |\n",
            MUTANTS.1,
            self.summary()
        );
        let words =
            [("CaughtMutant", "noticed"), ("Timeout", "noticed: it does not end"), ("MissedMutant", "**missed**")];
        for (outcome, words) in words {
            for name in self.of(outcome) {
                let same = EQUIVALENT.iter().find(|(same, _)| name.contains(same));
                let words = same.map_or_else(|| words.to_owned(), |(_, why)| format!("the same: {why}"));
                let _ = writeln!(text, "| `{}` | {words} |", name.replace('|', "\\|"));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_counts_what_compiles() {
        let path = std::env::temp_dir().join(format!("trueup-mutants-{}.json", std::process::id()));
        let outcome =
            |name: &str, summary: &str| serde_json::json!({"scenario": {"Mutant": {"name": name}}, "summary": summary});
        let document = serde_json::json!({"outcomes": [
            {"scenario": "Baseline", "summary": "Success"},
            outcome("a", "CaughtMutant"), outcome("b", "Timeout"), outcome("c", "MissedMutant"), outcome("d", "Unviable"),
        ]});
        std::fs::write(&path, document.to_string()).unwrap();
        let found = Found::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!((found.noticed(), found.viable(), found.share()), (2, 3, 66));
        let page = found.page("3/28");
        assert!(page.contains("| `c` | **missed** |") && !page.contains("`d`"), "{page}");
    }
}
