//! `cargo xtask kinds`: what is understood of the types that are managed through Cloud Control, in `docs/kinds.md`.

use crate::{test, tools};

/// Reads every schema of the pinned wheel, and writes the counts and the list of what cannot be managed anew.
///
/// # Errors
///
/// The virtual environment could not be prepared, or a schema could not be read.
pub fn run() -> Result<(), String> {
    let python = test::virtual_environment()?;
    tools::run(
        tools::cargo()
            .args(["test", "--package", "trueup-aws", "--test", "it", "every_schema_of_the_wheel"])
            .env("TRUEUP_TEST_PYTHON", &python)
            .env("TRUEUP_WRITE_KINDS", "1"),
    )?;
    println!("wrote docs/kinds.md and crates/aws/tests/it/unmanaged_types.txt");
    Ok(())
}
