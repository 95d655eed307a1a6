//! Every folder in `tests/scenarios`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use trueup_tests::{Scenario, Verbosity};

/// Runs all of them, so that one that fails does not hide the others.
fn run_all(verbosity: Verbosity) {
    let all = Scenario::all();
    assert!(all.len() >= 20, "only {} scenarios were found", all.len());
    let wanted = std::env::var_os("TRUEUP_TEST_SCENARIO");
    let chosen = all.iter().filter(|it| wanted.as_ref().is_none_or(|wanted| wanted.to_str() == Some(&it.name)));
    let failed: Vec<&str> = chosen
        .filter(|scenario| catch_unwind(AssertUnwindSafe(|| scenario.run(verbosity))).is_err())
        .map(|scenario| scenario.name.as_str())
        .collect();
    assert!(failed.is_empty(), "these scenarios failed: {}", failed.join(", "));
}

#[test]
fn scenarios_print_what_is_expected() {
    run_all(Verbosity::Compared);
}

#[test]
fn scenarios_log_no_secret() {
    run_all(Verbosity::Everything);
}
