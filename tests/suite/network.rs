//! Throttling, server errors, lost connections, answers that are none, clocks that are wrong, reads that lag.
//!
//! A run either ends well or says what is wrong and what to do; never is anything made twice, and never is a service
//! asked again and again without end.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use trueup_sandbox::proxy::{Act, Answer, Asked, Order, Phase};
use trueup_tests::{Ordeal, Proxied, Run, Stage, changes, each, proving, report};

const YEARS_AGO: &str = "Mon, 01 Jan 2001 00:00:00 GMT";

/// What can be wrong with one answer.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    Unavailable,
    FailedAllTheSame,
    Page,
    PageAllTheSame,
    Truncated,
    HalfAnAnswer,
    NoAnswer,
    HangUp,
    WrongDate,
}

impl Trouble {
    const ALL: [Self; 9] = [
        Self::Unavailable,
        Self::FailedAllTheSame,
        Self::Page,
        Self::PageAllTheSame,
        Self::Truncated,
        Self::HalfAnAnswer,
        Self::NoAnswer,
        Self::HangUp,
        Self::WrongDate,
    ];

    fn act(self, asked: Asked<'_>) -> Act {
        match self {
            Self::Unavailable => {
                Act::Answer(Phase::Before, Answer::error(asked.service, 503, "ServiceUnavailableException"))
            }
            Self::FailedAllTheSame => Act::Answer(Phase::After, Answer::error(asked.service, 500, "InternalFailure")),
            Self::Page => Act::Answer(Phase::Before, Answer::page(200)),
            Self::PageAllTheSame => Act::Answer(Phase::After, Answer::page(502)),
            Self::Truncated => Act::Truncate,
            Self::HalfAnAnswer => Act::Drop(Phase::During),
            Self::NoAnswer => Act::Drop(Phase::Before),
            Self::HangUp => Act::HangUp,
            Self::WrongDate => Act::Date(YEARS_AGO),
        }
    }
}

/// A run that did not end well has to say of which operation, why, and what to do.
fn is_clear(run: &Run) -> Result<(), String> {
    let said = format!("{}{}", run.stdout, run.stderr);
    let complains = said.contains("failed") || said.contains("error") || said.contains("not be read");
    let helps = said.contains("hint:") || said.contains("help:");
    match run.code {
        Some(1 | 6) if complains && helps && !said.contains("panicked") => Ok(()),
        _ => Err(format!("it does not say what is wrong and what to do: {run}")),
    }
}

#[test]
fn one_broken_answer_is_survived_or_told() {
    const NAME: &str = "network::one_broken_answer_is_survived_or_told";
    let ordeals = Stage::ALL.map(Ordeal::of);
    let mut points: Vec<_> = ordeals
        .iter()
        .flat_map(|ordeal| ordeal.places().into_iter().map(move |place| (ordeal, place)))
        .flat_map(|place| Trouble::ALL.map(|trouble| (place.clone(), trouble)))
        .collect();
    // Every kind of trouble, and every request in some trouble: neither step divides the number of kinds.
    points = points.into_iter().step_by(if proving() { 4 } else { 23 }).collect();
    let survived = AtomicUsize::new(0);
    let violations = each(
        &points,
        |((ordeal, place), trouble)| format!("{trouble:?} {:?} {place}", ordeal.stage),
        |((ordeal, place), trouble)| {
            let env = ordeal.place();
            let trouble = *trouble;
            let done = ordeal.disturbed(&env, Order::Sorted, place.only(move |asked| trouble.act(asked)));
            if done.run.code == Some(0) {
                survived.fetch_add(1, Ordering::SeqCst);
                return ordeal.reached(&env);
            }
            is_clear(&done.run)?;
            ordeal.mended(&env)
        },
    );
    let survived = survived.into_inner();
    let figure =
        format!("{} broken answers of {} kinds; {survived} survived by the same run", points.len(), Trouble::ALL.len());
    report(NAME, &["P4", "P9"], &figure, violations.len());
    assert!(violations.is_empty(), "{} of {}:\n{}", violations.len(), points.len(), violations.join("\n\n"));
}

#[test]
fn half_of_all_calls_throttled_is_survived_with_few_calls_more() {
    const NAME: &str = "network::half_of_all_calls_throttled_is_survived_with_few_calls_more";
    let ordeals = Stage::ALL.map(Ordeal::of);
    let seeds: Vec<u64> = (0..if proving() { 40 } else { 8 }).collect();
    let (asked, needed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let violations = each(
        &seeds,
        |seed| format!("seed {seed}"),
        |seed| {
            let seed = *seed;
            let ordeal = &ordeals[usize::try_from(seed).unwrap_or_default() % ordeals.len()];
            let env = ordeal.place();
            let Proxied { run, history } = ordeal.disturbed(&env, Order::Sorted, move |asked| {
                let mut random = StdRng::seed_from_u64(seed * 100_000 + asked.number as u64);
                if random.random_bool(0.5) {
                    Act::Answer(Phase::Before, Answer::error(asked.service, 400, "ThrottlingException"))
                } else {
                    Act::Pass
                }
            });
            run.ended(0)?;
            let passed = history.iter().filter(|it| it.act == "pass").count();
            asked.fetch_add(history.len(), Ordering::SeqCst);
            needed.fetch_add(passed, Ordering::SeqCst);
            // What was let through is what an undisturbed run asks: nothing is asked anew because of the rest. How often
            // it is looked whether something has settled is a matter of time.
            let most = ordeal.requests.len() + ordeal.requests.len() / 4;
            if passed > most {
                return Err(format!("{passed} calls went through, and {} suffice: {run}", ordeal.requests.len()));
            }
            ordeal.reached(&env)
        },
    );
    let (asked, needed) = (asked.into_inner(), needed.into_inner());
    let percent = asked * 100 / needed.max(1);
    let figure =
        format!("{} runs at 50 % throttling end well; sent {percent} % of the calls that went through", seeds.len());
    report(NAME, &["P4"], &figure, violations.len());
    assert!(violations.is_empty(), "{}", violations.join("\n\n"));
    // Twice is what a coin asks for.
    assert!(percent < 230, "{figure}");
}

#[test]
fn bursts_of_server_errors_are_survived() {
    const NAME: &str = "network::bursts_of_server_errors_are_survived";
    let ordeals = Stage::ALL.map(Ordeal::of);
    let lengths = [2, 6];
    let mut bursts: Vec<_> = ordeals
        .iter()
        .flat_map(|ordeal| (1..=ordeal.requests.len()).step_by(3).map(move |from| (ordeal, from)))
        .flat_map(|place| lengths.map(|length| (place, length)))
        .collect();
    if !proving() {
        bursts = bursts.into_iter().step_by(9).collect();
    }
    let violations = each(
        &bursts,
        |((ordeal, from), length)| format!("{length} errors from request {from} of {:?}", ordeal.stage),
        |((ordeal, from), length)| {
            let env = ordeal.place();
            let burst = *from..from + length;
            let done = ordeal.disturbed(&env, Order::Sorted, move |asked| {
                let status = if asked.number % 2 == 0 { 500 } else { 503 };
                let phase = if asked.number % 3 == 0 { Phase::After } else { Phase::Before };
                if burst.contains(&asked.number) {
                    Act::Answer(phase, Answer::error(asked.service, status, "InternalServiceException"))
                } else {
                    Act::Pass
                }
            });
            if done.run.code == Some(0) {
                return ordeal.reached(&env);
            }
            is_clear(&done.run)?;
            ordeal.mended(&env)
        },
    );
    report(NAME, &["P4"], &format!("{} bursts of 500 and 503", bursts.len()), violations.len());
    assert!(violations.is_empty(), "{}", violations.join("\n\n"));
}

#[test]
fn a_server_that_closes_each_connection_makes_nothing_twice() {
    const NAME: &str = "network::a_server_that_closes_each_connection_makes_nothing_twice";
    let ordeals = Stage::ALL.map(Ordeal::of);
    let violations = each(
        &ordeals,
        |ordeal| format!("{:?}", ordeal.stage),
        |ordeal| {
            let env = ordeal.place();
            let run = ordeal.disturbed(&env, Order::Sorted, |_| Act::HangUp).run;
            if run.code == Some(0) {
                return ordeal.reached(&env);
            }
            // A key whose request went into a closed connection is not made again before its tags were searched.
            is_clear(&run)?;
            ordeal.mended(&env)
        },
    );
    report(NAME, &["P4"], "every connection closed behind its answer, in all four runs", violations.len());
    assert!(violations.is_empty(), "{}", violations.join("\n\n"));
}

#[test]
fn a_network_that_answers_nothing_usable_is_named_and_left_soon() {
    const NAME: &str = "network::a_network_that_answers_nothing_usable_is_named_and_left_soon";
    let ordeal = Ordeal::of(Stage::Changed);
    type Everything = fn(Asked<'_>) -> Act;
    let ways: [(&str, Everything); 6] = [
        ("a page for people", |_| Act::Answer(Phase::Before, Answer::page(200))),
        ("a page instead of a gateway", |_| Act::Answer(Phase::Before, Answer::page(502))),
        ("truncated answers", |_| Act::Truncate),
        ("no answers", |_| Act::Drop(Phase::Before)),
        ("server errors", |asked| Act::Answer(Phase::Before, Answer::error(asked.service, 503, "ServiceUnavailable"))),
        ("a wrong clock", |asked| {
            Act::Answer(Phase::Before, Answer::error(asked.service, 403, "RequestTimeTooSkewed"))
        }),
    ];
    let violations = each(
        &ways,
        |(name, _)| (*name).to_owned(),
        |(name, act)| {
            let env = ordeal.place();
            let before = env.sandbox().comparable();
            let began = Instant::now();
            let act = *act;
            let Proxied { run, history } = ordeal.disturbed(&env, Order::Sorted, act);
            is_clear(&run)?;
            let took = began.elapsed();
            if took > Duration::from_mins(2) {
                return Err(format!("it took {took:?}: {run}"));
            }
            // Eight attempts a call, of no more calls than an undisturbed run reads with.
            if history.len() > 8 * ordeal.requests.len() {
                return Err(format!("{} requests: {run}", history.len()));
            }
            if history.iter().any(|it| changes(&it.operation)) || env.sandbox().comparable() != before {
                return Err(format!("something was written: {run}"));
            }
            if *name == "a wrong clock" && !format!("{}{}", run.stdout, run.stderr).contains("clock") {
                return Err(format!("it does not name the clock: {run}"));
            }
            ordeal.mended(&env)
        },
    );
    report(NAME, &["P4", "P9"], &format!("{} ways in which nothing works, each named", ways.len()), violations.len());
    assert!(violations.is_empty(), "{}", violations.join("\n\n"));
}

#[test]
fn reads_that_lag_make_nothing_twice() {
    const NAME: &str = "network::reads_that_lag_make_nothing_twice";
    let ordeals = Stage::ALL.map(Ordeal::of);
    let lags: &[u64] = if proving() { &[100, 400, 1000, 2000, 4000, 7000, 10_000] } else { &[300, 1500] };
    let points: Vec<_> = ordeals.iter().flat_map(|ordeal| lags.iter().map(move |lag| (ordeal, *lag))).collect();
    let violations = each(
        &points,
        |(ordeal, lag)| format!("{:?} with reads that lag by {lag} ms", ordeal.stage),
        |(ordeal, lag)| {
            let env = ordeal.place();
            // Of nothing is known what it was before, so that the beginning is let settle first.
            env.sandbox().advance("1m");
            let rules: Vec<Value> = ["Describe*", "Get*", "List*", "BatchGet*"]
                .iter()
                .map(|operation| json!({"operation": operation, "stale_ms": lag}))
                .collect();
            env.sandbox().faults(&json!({ "rules": rules }));
            let settle = format!("{}ms", lag + 1000);
            let args: Vec<&str> =
                ordeal.stage.args().iter().map(|arg| if *arg == "0s" { settle.as_str() } else { *arg }).collect();
            env.run(&args).ended(0)?;
            thread::sleep(Duration::from_millis(*lag));
            env.sandbox().no_faults();
            ordeal.reached(&env)
        },
    );
    let longest = lags.last().copied().unwrap_or_default();
    report(NAME, &["P5"], &format!("{} runs whose reads lag, by up to {longest} ms", points.len()), violations.len());
    assert!(violations.is_empty(), "{}", violations.join("\n\n"));
}
