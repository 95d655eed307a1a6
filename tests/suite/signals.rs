//! Ctrl-C and SIGTERM at the requests of a run: it ends soon, in order, and says what was done and what was not.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use trueup_sandbox::proxy::{Act, Order, Phase};
use trueup_tests::{Ordeal, Run, Stage, changes, each, proving, report};

/// What a report says about a step.
const OUTCOMES: [&str; 5] = ["done", "cancelled", "unknown", "skipped", "failed"];

/// The outcomes of a report, by address.
fn outcomes(run: &Run) -> Result<Vec<(String, String)>, String> {
    let document: Value = serde_json::from_str(&run.stdout).map_err(|error| format!("{error}: {run}"))?;
    let text = |it: &Value, name: &str| it[name].as_str().unwrap_or_default().to_owned();
    let all = document["outcomes"].as_array().into_iter().flatten();
    let mut all: Vec<_> = all.map(|it| (text(it, "address"), text(it, "outcome"))).collect();
    all.sort();
    Ok(all)
}

/// Whether a report of an interrupted run has the steps of an undisturbed one, each with what became of it.
fn listed(run: &Run, steps: &[(String, String)]) -> Result<(), String> {
    let document: Value = serde_json::from_str(&run.stdout).map_err(|error| format!("{error}: {run}"))?;
    let outcomes = outcomes(run)?;
    let same = outcomes.iter().map(|(address, _)| address).eq(steps.iter().map(|(address, _)| address));
    let outcomes: Vec<&str> = outcomes.iter().map(|(_, outcome)| outcome.as_str()).collect();
    if !same || outcomes.iter().any(|outcome| !OUTCOMES.contains(outcome)) {
        return Err(format!("the steps are {steps:?}, and it tells of {outcomes:?}: {run}"));
    }
    if document["summary"]["interrupted"] != true {
        return Err(format!("the summary does not say that it was interrupted: {run}"));
    }
    if outcomes.contains(&"failed") {
        return Err(format!("something failed: {run}"));
    }
    Ok(())
}

#[test]
fn a_signal_at_any_request_ends_a_run_in_order() {
    const NAME: &str = "signals::a_signal_at_any_request_ends_a_run_in_order";
    let ordeals = Stage::ALL.map(Ordeal::of);
    let steps = ordeals.each_ref().map(|ordeal| {
        let args: Vec<&str> = ordeal.stage.args().iter().copied().chain(["--json"]).collect();
        let steps = outcomes(ordeal.place().run(&args).expect(0)).unwrap();
        assert!(steps.len() >= 9 && steps.iter().all(|(_, outcome)| outcome == "done"), "{steps:?}");
        steps
    });
    let mut points: Vec<_> = ordeals
        .iter()
        .zip(&steps)
        .flat_map(|ordeal| ordeal.0.places().into_iter().map(move |place| (ordeal, place)))
        .zip(
            [("INT", 130, Phase::Before), ("TERM", 143, Phase::After), ("INT", 130, Phase::During)].into_iter().cycle(),
        )
        .collect();
    if !proving() {
        points = points.into_iter().step_by(5).collect();
    }
    let (interrupted, longest) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let violations = each(
        &points,
        |(((ordeal, _), place), (signal, _, phase))| {
            format!("SIG{signal} {} {:?} {place}", phase.as_str(), ordeal.stage)
        },
        |(((ordeal, steps), place), (signal, code, phase))| {
            let env = ordeal.place();
            let mut args = ordeal.stage.args().to_vec();
            args.push("--json");
            let phase = *phase;
            let began = Instant::now();
            let done = env.through(&args, Order::Sorted, signal, place.only(move |_| Act::Signal(phase)));
            let took = began.elapsed();
            longest.fetch_max(usize::try_from(took.as_millis()).unwrap_or(usize::MAX), Ordering::SeqCst);
            if took > Duration::from_secs(30) {
                return Err(format!("it took {took:?}: {}", done.run));
            }
            if done.history.iter().all(|it| it.act == "pass") {
                // It looked less often whether something has settled, and was never sent the signal.
                done.run.ended(0)?;
                return ordeal.mended(&env);
            }
            if done.run.code == Some(0) {
                // It came when all was done, and nothing was left to be interrupted.
                return ordeal.reached(&env);
            }
            done.run.ended(*code)?;
            interrupted.fetch_add(1, Ordering::SeqCst);
            // Before anything is written there is nothing to report, but for what is said on stderr.
            let wrote = done.history.iter().any(|it| changes(&it.operation));
            if wrote {
                listed(&done.run, steps)?;
            }
            ordeal.mended(&env)
        },
    );
    let (interrupted, longest) = (interrupted.into_inner(), longest.into_inner());
    let figure = format!("{interrupted} interrupted runs, the longest ended after {longest} ms");
    report(NAME, &["P8"], &figure, violations.len());
    assert!(violations.is_empty(), "{} of {}:\n{}", violations.len(), points.len(), violations.join("\n\n"));
    assert!(interrupted * 10 >= points.len() * 8, "{figure}, of {} points", points.len());
}

#[test]
fn a_second_signal_ends_a_run_at_once() {
    const NAME: &str = "signals::a_second_signal_ends_a_run_at_once";
    let ordeal = Ordeal::of(Stage::New);
    let slowest = [("INT", 130), ("TERM", 143)].map(|(signal, code)| {
        let env = ordeal.place();
        let (background, proxy) = env.start_through(Stage::New.args(), Order::Sorted, signal, |asked| {
            // An answer that does not come keeps a run for as long as it is patient.
            if changes(asked.operation) { Act::Delay(Phase::After, Duration::from_mins(2)) } else { Act::Pass }
        });
        let began = Instant::now();
        while !proxy.history().iter().any(|it| changes(&it.operation)) {
            assert!(began.elapsed() < Duration::from_mins(1), "nothing is written");
            thread::sleep(Duration::from_millis(5));
        }
        background.signal(signal);
        // The first one alone does not end it while an answer may still come.
        thread::sleep(Duration::from_millis(300));
        assert!(background.process().ended().is_none(), "the first signal ended it");
        let began = Instant::now();
        background.signal(signal);
        let run = env.scan(background.wait());
        let took = began.elapsed();
        run.expect(code);
        ordeal.mended(&env).unwrap();
        took
    });
    let slowest = slowest.into_iter().max().unwrap();
    let in_time = slowest < Duration::from_secs(1);
    report(NAME, &["P8"], &format!("a second signal ends it after {} ms", slowest.as_millis()), usize::from(!in_time));
    assert!(in_time, "{slowest:?}");
}
