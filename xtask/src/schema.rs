//! `cargo xtask schema`: the JSON Schemas that are checked in, written by the binary itself.

use crate::tools;

/// Writes `schemas/` anew.
///
/// # Errors
///
/// The binary could not be built or run, or a file could not be written.
pub fn run() -> Result<(), String> {
    tools::run(tools::cargo().args(["build", "--package", "trueup"]))?;
    for name in ["manifest", "plan", "drift", "fleet", "import", "preflight", "events", "graph", "query"] {
        let output = std::process::Command::new(tools::trueup("debug"))
            .args(["schema", name])
            .output()
            .map_err(|error| format!("trueup could not be started: {error}"))?;
        if !output.status.success() {
            return Err(format!("`trueup schema {name}` ended with {}", output.status));
        }
        let path = tools::root().join("schemas").join(format!("{name}.schema.json"));
        std::fs::write(&path, output.stdout)
            .map_err(|error| format!("{} could not be written: {error}", path.display()))?;
        println!("wrote schemas/{name}.schema.json");
    }
    Ok(())
}
