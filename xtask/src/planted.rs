//! `cargo xtask planted`: whether the tests would notice. Known mistakes are planted, one at a time, into a copy of the
//! sources; the program that comes of it has to fail the tests that keep the promise it breaks.
//!
//! Nothing of it is in the program that is shipped: no feature, no variable.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::tools;

/// A mistake.
struct Mistake {
    /// What is wrong, in a sentence.
    about: &'static str,
    /// The file, from the top of the repository.
    file: &'static str,
    /// What stands there, once.
    right: &'static str,
    /// What is put in its place.
    wrong: &'static str,
    /// A test of the suite that has to fail.
    test: &'static str,
}

const MISTAKES: [Mistake; 2] = [
    Mistake {
        about: "a create whose answer was lost is sent again without looking for what it made",
        file: "crates/aws/src/operation.rs",
        right: r#"Operation::new("kms:CreateKey", &KMS, Effect::Makes, 5)"#,
        wrong: r#"Operation::new("kms:CreateKey", &KMS, Effect::Writes, 5)"#,
        test: "crash::what_was_done_and_not_answered_is_found_again",
    },
    Mistake {
        about: "a delete that was throttled counts as one of what is not there",
        file: "crates/aws/src/call.rs",
        right: "                Err(fault) => fault,\n",
        wrong: "                Err(mut fault) => {\n                    if operation.name.contains(\":Delete\") && fault.kind == FaultKind::Throttled {\n                        \
                fault.kind = FaultKind::NotFound;\n                    }\n                    fault\n                }\n",
        test: "network::half_of_all_calls_throttled_is_survived_with_few_calls_more",
    },
];

/// Plants each mistake and runs its test.
///
/// # Errors
///
/// Something could not be copied or built, or a mistake was not noticed.
pub fn run() -> Result<(), String> {
    let folder = tools::target().join("planted");
    let sources = folder.join("sources");
    tools::run(tools::cargo().args(["test", "--package", "trueup-tests", "--test", "suite", "--no-run"]))?;
    let mut missed = Vec::new();
    for mistake in &MISTAKES {
        copy(&sources)?;
        plant(&sources, mistake)?;
        println!("planted: {}", mistake.about);
        tools::run(
            tools::cargo()
                .args(["build", "--package", "trueup"])
                .current_dir(&sources)
                .env("CARGO_TARGET_DIR", folder.join("target")),
        )?;
        let program = folder.join("target/debug").join(format!("trueup{}", std::env::consts::EXE_SUFFIX));
        let output = tools::cargo()
            .args(["test", "--package", "trueup-tests", "--test", "suite", "--", "--exact", mistake.test])
            .env("TRUEUP_TEST_BIN", program)
            .stderr(Stdio::null())
            .output()
            .map_err(|error| format!("cargo could not be started: {error}"))?;
        // The test has to have run, and to have failed: a program that does not start proves nothing.
        let text = String::from_utf8_lossy(&output.stdout);
        let failed = text.lines().any(|line| line == format!("test {} ... FAILED", mistake.test));
        let violated = text
            .lines()
            .any(|line| line.starts_with('P') && line.ends_with(" violations") && !line.ends_with(" 0 violations"));
        if failed && violated {
            println!("noticed by {}", mistake.test);
        } else {
            missed.push(mistake.about);
        }
    }
    if missed.is_empty() { Ok(()) } else { Err(format!("not noticed: {}", missed.join("; "))) }
}

/// Copies what git knows, so that nothing else is built; what has not changed keeps its time.
fn copy(to: &Path) -> Result<(), String> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached"])
        .current_dir(tools::root())
        .output()
        .map_err(|error| format!("git could not be started: {error}"))?;
    for name in String::from_utf8_lossy(&listed.stdout).split('\0').filter(|name| !name.is_empty()) {
        let (from, to) = (tools::root().join(name), to.join(name));
        let said = |error: std::io::Error| format!("{} could not be copied: {error}", from.display());
        // One that is deleted and not yet committed.
        let Ok(text) = std::fs::read(&from) else { continue };
        if std::fs::read(&to).is_ok_and(|there| there == text) {
            continue;
        }
        if let Some(parent) = to.parent() {
            std::fs::create_dir_all(parent).map_err(said)?;
        }
        std::fs::write(&to, text).map_err(said)?;
    }
    Ok(())
}

fn plant(sources: &Path, mistake: &Mistake) -> Result<(), String> {
    let path = sources.join(mistake.file);
    let said = |error: std::io::Error| format!("{} could not be changed: {error}", path.display());
    let text = std::fs::read_to_string(&path).map_err(said)?;
    if text.matches(mistake.right).count() != 1 {
        return Err(format!(
            "{} does not hold `{}` once: the mistake has to be written anew",
            mistake.file, mistake.right
        ));
    }
    std::fs::write(&path, text.replace(mistake.right, mistake.wrong)).map_err(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mistake_has_its_place() {
        for mistake in &MISTAKES {
            let text = std::fs::read_to_string(tools::root().join(mistake.file)).unwrap();
            assert_eq!(text.matches(mistake.right).count(), 1, "{}", mistake.about);
        }
    }
}
