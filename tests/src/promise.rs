//! The figures of the tests that keep promises: `cargo xtask prove` asks for more of them, and writes them down.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

use serde_json::json;

/// Whether the long run is asked for: everything, and not a sample.
pub fn proving() -> bool {
    folder().is_some() && std::env::var_os("TRUEUP_PROVE_SAMPLE").is_none()
}

fn folder() -> Option<PathBuf> {
    std::env::var_os("TRUEUP_PROVE").filter(|folder| folder != OsStr::new("")).map(PathBuf::from)
}

/// Writes down what a test found. `test` is its name, `promises` those that it keeps, such as `P1`, and `figure` what is
/// published.
///
/// A test calls it whether or not it found violations, and before it fails over them.
pub fn report(test: &str, promises: &[&str], figure: &str, violations: usize) {
    eprintln!("{}: {figure}, {violations} violations", promises.join(", "));
    let Some(folder) = folder() else { return };
    let document = json!({"test": test, "promises": promises, "figure": figure, "violations": violations});
    fs::create_dir_all(&folder).expect("the folder of the figures can be made");
    let path = folder.join(format!("{}.json", test.replace("::", "-")));
    fs::write(path, format!("{document:#}\n")).expect("a figure can be written down");
}
