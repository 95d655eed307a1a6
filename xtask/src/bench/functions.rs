//! What the functions take of which a plan is made: criterion measures them (`crates/engine/benches/functions.rs`), and this
//! makes a page of what it found.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::tools;

/// Measures, shows the page, and writes it where that is asked for.
///
/// # Errors
///
/// Something could not be built or run, or criterion left nothing behind.
pub fn run(write: bool) -> Result<(), String> {
    let folder = tools::target().join("criterion/functions");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|error| error.to_string())?;
    }
    tools::run(tools::cargo().args(["bench", "--package", "trueup-engine", "--bench", "functions"]))?;
    let mut found = BTreeMap::new();
    collect(&folder, &mut found)?;
    let page = page(&found)?;
    println!("{page}");
    if write {
        let path = tools::root().join("docs/benchmarks-functions.md");
        std::fs::write(&path, page).map_err(|error| format!("{}: {error}", path.display()))?;
        println!("wrote docs/benchmarks-functions.md");
    }
    Ok(())
}

/// By function and number of resources the median in seconds.
type Found = BTreeMap<String, BTreeMap<u64, f64>>;

/// Criterion has a folder for each benchmark, with its names in one file and its figures in another.
fn collect(folder: &Path, found: &mut Found) -> Result<(), String> {
    let wrong = |path: &Path, why: String| format!("{}: {why}", path.display());
    let read = |path: PathBuf| -> Result<Value, String> {
        let text = std::fs::read_to_string(&path).map_err(|error| wrong(&path, error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| wrong(&path, error.to_string()))
    };
    for entry in std::fs::read_dir(folder).map_err(|error| wrong(folder, error.to_string()))? {
        let path = entry.map_err(|error| wrong(folder, error.to_string()))?.path();
        if path.file_name().is_some_and(|name| name == "new") {
            let names = read(path.join("benchmark.json"))?;
            let figures = read(path.join("estimates.json"))?;
            let function = names["function_id"].as_str();
            let count = names["value_str"].as_str().and_then(|count| count.parse().ok());
            let median = figures["median"]["point_estimate"].as_f64();
            let (Some(function), Some(count), Some(median)) = (function, count, median) else {
                return Err(wrong(&path, "criterion's files have another form".to_owned()));
            };
            found.entry(function.to_owned()).or_default().insert(count, median / 1e9);
        } else if path.is_dir() {
            collect(&path, found)?;
        }
    }
    Ok(())
}

fn page(found: &Found) -> Result<String, String> {
    let mut text = format!(
        "# Functions\n\nWritten by `cargo xtask bench --functions --write`; do not edit by hand.\n\nWhat the functions take of which a \
         plan is made ({}, {}, one processor), measured by criterion: medians, for resources of which half are connections \
         and half their destinations, and of which nothing is to be done. They use the system's allocator, and ten thousand do \
         not fit into a processor's cache; what commands take is in [benchmarks.md](benchmarks.md).\n\n| function | 1,000, ms | \
         10,000, ms | each, µs | ten times as many take each |\n| --- | --- | --- | --- | --- |\n",
        std::env::consts::OS,
        std::env::consts::ARCH,
    );
    for (function, by_count) in found {
        let (Some(one), Some(ten)) = (by_count.get(&1_000), by_count.get(&10_000)) else {
            return Err(format!("{function} was not measured for 1,000 and 10,000"));
        };
        let _ = writeln!(
            text,
            "| `{function}` | {:.2} | {:.1} | {:.2} | {:.2} times as much |",
            one * 1e3,
            ten * 1e3,
            ten * 1e6 / 10_000.0,
            ten / one / 10.0,
        );
    }
    if found.is_empty() { Err("criterion left nothing behind".to_owned()) } else { Ok(text) }
}
