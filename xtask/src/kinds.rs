//! `cargo xtask kinds`: what is understood of the types that are managed through Cloud Control, in `docs/kinds.md`, and
//! how the tables of types are spelled.

use crate::{test, tools};

/// Reads every schema of the pinned wheel, and writes the counts and the list of what cannot be managed anew.
///
/// # Errors
///
/// The virtual environment could not be prepared, or a schema could not be read.
pub fn run() -> Result<(), String> {
    let python = test::virtual_environment()?;
    for (package, test) in [("trueup-aws", "every_schema_of_the_wheel"), ("trueup-stackql", "of_the_wheel_is_listed")] {
        tools::run(
            tools::cargo()
                .args(["test", "--package", package, "--test", "it", test])
                .env("TRUEUP_TEST_PYTHON", &python)
                .env("TRUEUP_WRITE_KINDS", "1"),
        )?;
    }
    println!("wrote docs/kinds.md, crates/aws/tests/it/unmanaged_types.txt and the lists of types of crates/stackql");
    Ok(())
}
