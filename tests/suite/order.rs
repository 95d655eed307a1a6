//! The order in which services answer is not the program's: it changes nothing of what is planned, and a seed draws it
//! again.

use std::collections::BTreeSet;
use std::sync::Mutex;

use serde_json::Value;
use trueup_sandbox::proxy::{Act, Order};
use trueup_tests::{Ordeal, Stage, each, proving, report};

fn without_times(document: &mut Value) {
    match document {
        Value::Object(members) => {
            members.retain(|name, _| name != "seconds");
            members.values_mut().for_each(without_times);
        }
        Value::Array(items) => items.iter_mut().for_each(without_times),
        _ => {}
    }
}

#[test]
fn a_plan_is_the_same_whatever_the_order_of_the_answers() {
    const NAME: &str = "order::a_plan_is_the_same_whatever_the_order_of_the_answers";
    let ordeal = Ordeal::of(Stage::Changed);
    let env = ordeal.place();
    let seeds: Vec<u64> = (0..if proving() { 1000 } else { 60 }).collect();
    let first = Mutex::new(None::<String>);
    let violations = each(
        &seeds,
        |seed| format!("seed {seed}"),
        |seed| {
            let args = ["plan", "--json", "--no-cache"];
            let run = env.through(&args, Order::Drawn(*seed), "INT", |_| Act::Pass).run;
            let mut document: Value = serde_json::from_str(&run.ended(0)?.stdout).map_err(|error| error.to_string())?;
            without_times(&mut document);
            let text = format!("{document:#}");
            let mut first = first.lock().map_err(|error| error.to_string())?;
            let first = first.get_or_insert_with(|| text.clone());
            if *first == text { Ok(()) } else { Err(format!("one plan is\n{first}\nand another\n{text}")) }
        },
    );
    report(NAME, &["P15"], &format!("{} orders of the answers, one plan", seeds.len()), violations.len());
    assert!(violations.is_empty(), "{}", violations.join("\n\n"));
}

#[test]
fn a_seed_draws_the_same_run_again() {
    const NAME: &str = "order::a_seed_draws_the_same_run_again";
    let ordeal = Ordeal::of(Stage::New);
    let drawn = |order| {
        let history = ordeal.swift_place().in_rounds(ordeal.stage.args(), order).history;
        history.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let seeds: Vec<u64> = (0..if proving() { 40 } else { 5 }).collect();
    let mut violations = Vec::new();
    let mut all = BTreeSet::new();
    for seed in &seeds {
        let order = if *seed == 0 { Order::Sorted } else { Order::Drawn(*seed) };
        // The program's own pauses are in real time. On a busy machine one may end on the other side of a round; that
        // does not happen ten times in a row.
        let runs: Vec<_> = (0..2).map(|_| drawn(order)).collect();
        let again = || (0..10).map(|_| drawn(order)).any(|run| runs.contains(&run));
        if runs[0] != runs[1] && !again() {
            violations.push(format!("seed {seed}: {:#?}\nand then {:#?}", runs[0], runs[1]));
        }
        all.extend(runs.into_iter().take(1));
    }
    report(
        NAME,
        &[],
        &format!("{} seeds, each with the same requests in the same order", seeds.len()),
        violations.len(),
    );
    assert!(violations.is_empty(), "{}", violations.join("\n\n"));
    assert!(all.len() > 1, "every seed draws the same order");
}
