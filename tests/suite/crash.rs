//! A run that is killed anywhere is finished by running it again: nothing is lost, nothing is made twice.
//!
//! Every request of a run is a place to be killed at: before it arrives, after it was carried out, in the middle of its
//! answer. The normal run takes a sample of them, `cargo xtask prove` all of them, and in another order as well.

use std::sync::atomic::{AtomicUsize, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use trueup_sandbox::proxy::{Act, Asked, Order, Phase};
use trueup_tests::{Ordeal, Place, Run, Stage, TestEnv, each, proving, report};

/// When a run is killed.
#[derive(Debug, Clone)]
enum Point {
    /// At a place that it always comes to.
    At(Place, Phase),
    /// At the request of a number, in an order that is drawn.
    Number(usize, Phase, u64),
}

impl Point {
    fn run(&self, ordeal: &Ordeal, env: &TestEnv) -> Run {
        match *self {
            Self::At(ref place, phase) => {
                ordeal.disturbed(env, Order::Sorted, place.only(move |_| Act::Kill(phase))).run
            }
            Self::Number(number, phase, seed) => {
                let kill = move |asked: Asked<'_>| if asked.number == number { Act::Kill(phase) } else { Act::Pass };
                ordeal.disturbed(env, Order::Drawn(seed), kill).run
            }
        }
    }
}

/// The points of an ordeal: all, or a sample in which everything that writes is killed after it was carried out.
fn points(ordeal: &Ordeal) -> Vec<Point> {
    let places = ordeal.places();
    let all = Phase::ALL.into_iter().flat_map(|phase| places.iter().map(move |place| (place, phase)));
    if !proving() {
        let sample =
            all.enumerate().filter(|(at, (place, phase))| at % 2 == 0 || (*phase == Phase::After && place.writes()));
        return sample.map(|(_, (place, phase))| Point::At(place.clone(), phase)).collect();
    }
    let drawn = (1..=places.len()).flat_map(|number| Phase::ALL.map(|phase| (number, phase)));
    let drawn = drawn.zip(1..).map(|((number, phase), seed)| Point::Number(number, phase, seed));
    all.map(|(place, phase)| Point::At(place.clone(), phase)).chain(drawn).collect()
}

/// Kills a stage's run at its points, and runs it again.
fn crash(stage: Stage, test: &str) {
    let ordeal = Ordeal::of(stage);
    let points = points(&ordeal);
    let killed = AtomicUsize::new(0);
    let violations = each(
        &points,
        |point| match point {
            Point::At(place, phase) => format!("killed {} {place}", phase.as_str()),
            Point::Number(number, phase, seed) => format!("killed {} request {number}, seed {seed}", phase.as_str()),
        },
        |point| {
            let env = ordeal.place();
            let run = point.run(&ordeal, &env);
            if run.code.is_none() {
                killed.fetch_add(1, Ordering::SeqCst);
            } else {
                // How often it looks whether something has settled is not the same each time.
                run.ended(0)?;
            }
            ordeal.mended(&env)
        },
    );
    let killed = killed.into_inner();
    let figure = format!("{killed} crash points at {} requests ({stage:?})", ordeal.places().len());
    report(test, &["P1"], &figure, violations.len());
    assert!(violations.is_empty(), "{} of {}:\n{}", violations.len(), points.len(), violations.join("\n\n"));
    assert!(killed * 10 >= points.len() * 9, "{figure}, of {} points", points.len());
}

#[test]
fn a_new_stack_survives_a_kill_at_every_request() {
    crash(Stage::New, "crash::a_new_stack_survives_a_kill_at_every_request");
}

#[test]
fn an_update_survives_a_kill_at_every_request() {
    crash(Stage::Changed, "crash::an_update_survives_a_kill_at_every_request");
}

#[test]
fn a_replacement_survives_a_kill_at_every_request() {
    crash(Stage::Replaced, "crash::a_replacement_survives_a_kill_at_every_request");
}

#[test]
fn a_teardown_survives_a_kill_at_every_request() {
    crash(Stage::Teardown, "crash::a_teardown_survives_a_kill_at_every_request");
}

#[test]
fn a_kill_during_the_recovery_from_a_kill_is_survived_too() {
    const NAME: &str = "crash::a_kill_during_the_recovery_from_a_kill_is_survived_too";
    let ordeals = Stage::ALL.map(Ordeal::of);
    let seeds: Vec<u64> = (1..=if proving() { 520 } else { 32 }).collect();
    let twice = AtomicUsize::new(0);
    let drawn = |seed: u64| {
        let mut random = StdRng::seed_from_u64(seed);
        let ordeal = &ordeals[random.random_range(0..ordeals.len())];
        let mut point =
            |most: usize| Point::Number(random.random_range(1..=most), Phase::ALL[random.random_range(0..3)], seed);
        // What is left to do takes fewer requests than all of it.
        let most = ordeal.places().len();
        let pair = [point(most), point(most / 2)];
        (ordeal, pair)
    };
    let violations = each(
        &seeds,
        |seed| format!("seed {seed}, {:?} of {:?}", drawn(*seed).1, drawn(*seed).0.stage),
        |seed| {
            let (ordeal, pair) = drawn(*seed);
            let env = ordeal.place();
            let runs = pair.map(|point| point.run(ordeal, &env));
            for run in runs.iter().filter(|run| run.code.is_some()) {
                run.ended(0)?;
            }
            twice.fetch_add(usize::from(runs.iter().all(|run| run.code.is_none())), Ordering::SeqCst);
            ordeal.mended(&env)
        },
    );
    let twice = twice.into_inner();
    report(NAME, &["P2"], &format!("{twice} pairs of crashes"), violations.len());
    assert!(violations.is_empty(), "{}", violations.join("\n\n"));
    assert!(twice * 4 >= seeds.len() * 3, "{twice} of {} were killed twice", seeds.len());
}

#[test]
fn what_was_done_and_not_answered_is_found_again() {
    const NAME: &str = "crash::what_was_done_and_not_answered_is_found_again";
    let ordeals = Stage::ALL.map(Ordeal::of);
    let phases: &[Phase] = if proving() { &[Phase::After, Phase::During] } else { &[Phase::After] };
    let points: Vec<_> = ordeals
        .iter()
        .flat_map(|ordeal| ordeal.places().into_iter().map(move |place| (ordeal, place)))
        .filter(|(_, place)| place.writes() && place.is_done())
        .flat_map(|(ordeal, place)| phases.iter().map(move |phase| (ordeal, place.clone(), *phase)))
        .collect();
    let (lost, at_once) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let violations = each(
        &points,
        |(ordeal, place, phase)| format!("{:?}: answer lost {} {place}", ordeal.stage, phase.as_str()),
        |(ordeal, place, phase)| {
            let env = ordeal.place();
            let phase = *phase;
            let done = ordeal.disturbed(&env, Order::Sorted, place.only(move |_| Act::Drop(phase)));
            lost.fetch_add(usize::from(done.history.iter().any(|it| it.act != "pass")), Ordering::SeqCst);
            if done.run.code == Some(0) {
                at_once.fetch_add(1, Ordering::SeqCst);
                return ordeal.reached(&env);
            }
            ordeal.mended(&env)
        },
    );
    let (lost, at_once) = (lost.into_inner(), at_once.into_inner());
    let figure = format!("{lost} lost answers of operations that write; {at_once} adopted by the same run");
    report(NAME, &["P3"], &figure, violations.len());
    assert!(violations.is_empty(), "{} of {}:\n{}", violations.len(), points.len(), violations.join("\n\n"));
    assert!(lost * 10 >= points.len() * 9, "{figure}, of {} points", points.len());
}
