//! Every folder in `tests/scenarios`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use trueup_tests::{Scenario, Verbosity};

/// Most of a scenario's time is spent waiting, so several are run at once.
const AT_ONCE: usize = 4;

/// Runs all of them, so that one that fails does not hide the others.
fn run_all(verbosity: Verbosity) {
    let wanted = std::env::var_os("TRUEUP_TEST_SCENARIO");
    let mut chosen = Scenario::all();
    assert!(chosen.len() >= 20, "only {} scenarios were found", chosen.len());
    chosen.retain(|scenario| wanted.as_ref().is_none_or(|wanted| wanted.to_str() == Some(&scenario.name)));
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(scenario) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if catch_unwind(AssertUnwindSafe(|| scenario.run(verbosity))).is_err() {
                        failed.lock().expect("nobody panics with this lock").push(scenario.name.as_str());
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("nobody panics with this lock");
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
