//! How many instructions some commands need, counted by valgrind's callgrind: the same on a busy machine as on an idle one.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::server::Server;
use crate::tools;

/// How many more instructions a command may need than before, in percent.
const MOST: u64 = 10;

/// Counts, compares with an earlier count, and keeps the new one.
///
/// # Errors
///
/// Valgrind is not installed, a command failed, or one needs more than it may.
pub fn run(binary: &Path, folder: &Path, manifest: &Path, before: Option<&Path>, write: bool) -> Result<(), String> {
    let server = Server::start(binary)?;
    let home = folder.join("home-counted");
    if home.exists() {
        std::fs::remove_dir_all(&home).map_err(|error| error.to_string())?;
    }
    let mut counts = BTreeMap::new();
    for (name, arguments, on_cloud) in [
        ("--help", vec!["--help"], false),
        ("validate", vec!["validate"], false),
        ("apply, all new", vec!["apply", "--yes"], true),
        ("plan, nothing to do", vec!["plan", "--no-cache"], true),
        ("teardown", vec!["teardown", "--yes"], true),
    ] {
        let mut command = Command::new("valgrind");
        command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(binary).args(&arguments);
        if name != "--help" {
            command.arg(manifest);
        }
        if on_cloud {
            command.args(["--region", "us-east-1", "--endpoint-url", &server.url]);
        }
        command.env("AWS_ACCESS_KEY_ID", "bench").env("AWS_SECRET_ACCESS_KEY", "bench").env_remove("AWS_PROFILE");
        command.env("HOME", &home).env_remove("TRUEUP_CACHE_KEY").env("BENCH_PASSWORD", "example-only-benchmark");
        for name in ["CACHE", "STATE"] {
            command.env(format!("XDG_{name}_HOME"), home.join(name.to_lowercase()));
        }
        let output = command.stdin(Stdio::null()).stdout(Stdio::null()).output();
        let output = output.map_err(|error| format!("valgrind could not be started: {error}"))?;
        let said = String::from_utf8_lossy(&output.stderr);
        let count = said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse::<u64>().ok());
        let count =
            count.filter(|_| output.status.success()).ok_or_else(|| format!("{name} was not counted: {said}"))?;
        println!("{name}: {} million instructions", count / 1_000_000);
        counts.insert(name.to_owned(), count);
    }
    let before = before.map(read).transpose()?;
    if write {
        let text = serde_json::to_string_pretty(&counts).map_err(|error| error.to_string())?;
        let path = tools::root().join("xtask/instructions.json");
        std::fs::write(&path, text + "\n").map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let more = before.map_or_else(Vec::new, |before| regressions(&before, &counts));
    if more.is_empty() { Ok(()) } else { Err(more.join("; ")) }
}

fn read(path: &Path) -> Result<BTreeMap<String, u64>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{} holds no counts: {error}", path.display()))
}

/// What needs more than it may, in words.
fn regressions(before: &BTreeMap<String, u64>, now: &BTreeMap<String, u64>) -> Vec<String> {
    let worse = now.iter().filter_map(|(name, now)| {
        let Some(before) = before.get(name) else { return Some(format!("{name} was not counted before")) };
        let is_more = *now > before + before * MOST / 100;
        is_more.then(|| format!("{name} needs {now} instructions, and needed {before}: over {MOST} % more"))
    });
    worse.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_a_tenth_is_a_regression() {
        let counts = |plan: u64| BTreeMap::from([("plan".to_owned(), plan)]);
        let before = BTreeMap::from([("plan".to_owned(), 1000)]);
        assert_eq!(regressions(&before, &counts(1100)), Vec::<String>::new());
        assert_eq!(regressions(&before, &counts(1101)).len(), 1);
        assert_eq!(regressions(&BTreeMap::new(), &counts(1)).len(), 1, "what nobody has counted is not compared");
    }
}
