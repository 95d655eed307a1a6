//! The sandbox as boto3 finds it: every script in `boto3/`, each with a sandbox to itself.
//!
//! They need an interpreter with boto3, which `cargo xtask test` names in `TRUEUP_TEST_PYTHON`; without
//! one they are passed over, and say so.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod common;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use common::Sandbox;
use trueup_sandbox::Options;

fn holds(script: &str) {
    holds_while(script, Duration::from_millis(20));
}

/// Runs a script on a sandbox whose transient states last so long.
fn holds_while(script: &str, settle: Duration) {
    let Some(python) = std::env::var_os("TRUEUP_TEST_PYTHON") else {
        eprintln!("skipped: TRUEUP_TEST_PYTHON names no interpreter");
        return;
    };
    let sandbox = Sandbox::with(Options { settle, ..Options::default() }).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/boto3").join(script);
    let mut command = Command::new(python);
    // No bytecode beside the scripts, no settings of the person who runs the tests.
    command.env_clear().env("PATH", "/usr/bin:/bin").arg("-B").arg("-s").arg(path);
    let output = command.arg(sandbox.running().url()).output().unwrap();
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("hold"), "{script}: {out}{error}");
}

#[test]
fn connections_behave() {
    holds("conformance.py");
}

#[test]
fn glue_behaves() {
    holds("glue.py");
}

#[test]
fn secrets_and_keys_behave() {
    holds("stores.py");
}

#[test]
fn tagging_behaves() {
    holds("tagging.py");
}

#[test]
fn events_and_parameters_behave() {
    holds("cloudtrail.py");
}

#[test]
fn rights_and_quotas_are_told() {
    holds("rights.py");
}

#[test]
fn objects_behave() {
    holds("objects.py");
}

#[test]
fn cloud_control_behaves() {
    // It looks at requests under way, and puts the clock forward when it has.
    holds_while("cloudcontrol.py", Duration::from_mins(1));
}
