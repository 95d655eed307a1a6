//! Two applies of two versions of one stack at once, without a lock: whatever the order of their requests, what is there
//! at the end is one of the two versions or a step on the way, nothing is there twice, and one more apply ends it.
//!
//! Both go through one proxy, in which a seed says which of them goes next, and with which of its requests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use trueup_sandbox::proxy::Entry;
use trueup_tests::{Racer, Run, TestEnv, each, proving, report, repository, same, writes};

/// The two versions, and where they begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// Nothing is there.
    Nothing,
    /// The stack is there, in a third version.
    Stack,
}

const PASSWORDS: [(&str, [&str; 2]); 3] = [
    ("ORDERS_PASSWORD", ["Nb3kTq70-orders-password", "Zf6wLd15-orders-password"]),
    ("CRM_SECRET", ["Hs8vRm42-crm-secret", "Kc1xPj97-crm-secret"]),
    ("WAREHOUSE_PASSWORD", ["Tg4nYb68-warehouse-password", "Dw7qGz23-warehouse-password"]),
];

/// The variables of a version.
fn variables(version: usize) -> Vec<(&'static str, &'static str)> {
    PASSWORDS.iter().map(|(name, values)| (*name, values[version])).collect()
}

/// What a version is applied with.
const ARGS: [[&str; 5]; 2] =
    [["apply", "one", "--yes", "--kms-settle", "0s"], ["apply", "two", "--yes", "--kms-settle", "0s"]];

fn manifest(name: &str) -> String {
    std::fs::read_to_string(repository().join("tests/ordeals").join(name))
        .expect("a manifest of the repository can be read")
}

/// Where the two versions stand beside one another.
fn empty() -> TestEnv {
    let mut env = TestEnv::here(None, Duration::ZERO);
    for value in PASSWORDS.iter().flat_map(|(_, values)| values) {
        env.plant(value);
    }
    env.write("one/trueup.yaml", &manifest("new.yaml")).write("two/trueup.yaml", &manifest("changed.yaml"));
    // The version that is there before: it differs from both.
    let third = manifest("new.yaml").replace("Description: Orders API", "Description: The orders").replace("60", "45");
    env.write("three/trueup.yaml", &third);
    env
}

impl Start {
    fn place(self) -> TestEnv {
        let env = empty();
        if self == Self::Stack {
            alone(&env, &["apply", "three", "--yes", "--kms-settle", "0s"], 0).expect(0);
        }
        env
    }

    fn of(seed: u64) -> Self {
        if seed.is_multiple_of(2) { Self::Nothing } else { Self::Stack }
    }
}

/// Runs a command with the variables of a version.
fn alone(env: &TestEnv, args: &[&str], version: usize) -> Run {
    let mut command = env.command(trueup_tests::trueup(), args);
    command.envs(variables(version));
    let run = trueup_tests::Background::start(command, format!("trueup {}", args.join(" "))).wait();
    env.scan(run)
}

/// Both versions at once.
fn race(env: &TestEnv, seed: u64, still: Duration) -> (Vec<Run>, Vec<Entry>) {
    let own = [variables(0), variables(1)];
    let racers = [
        Racer { name: "FIRST", args: &ARGS[0], variables: &own[0] },
        Racer { name: "SECOND", args: &ARGS[1], variables: &own[1] },
    ];
    env.race(&racers, seed, still)
}

/// How many of each there are, under a name that says which logical resource it is. Keys that are scheduled for deletion
/// are gone.
fn living(env: &TestEnv) -> BTreeMap<String, usize> {
    let home = env.sandbox().home("us-east-1");
    let mut counts = BTreeMap::new();
    for (kind, all) in home.as_object().into_iter().flatten() {
        for (name, it) in all.as_object().into_iter().flatten() {
            let name = match kind.as_str() {
                "keys" if it["KeyState"] == "PendingDeletion" || it["KeyManager"] == "AWS" => continue,
                "keys" if it["Description"] == "Nothing uses it" => "spare".to_owned(),
                "keys" => "key".to_owned(),
                "queues" => it["Tags"]["trueup:resource"].as_str().unwrap_or_default().to_owned(),
                "connections" | "api_destinations" | "glue_connections" | "log_groups" | "aliases" => name.clone(),
                _ => continue,
            };
            *counts.entry(format!("{kind} {name}")).or_default() += 1;
        }
    }
    counts
}

/// What each version leaves where it is applied alone.
struct Ends {
    each: [Value; 2],
    living: BTreeMap<String, usize>,
}

impl Ends {
    fn of(start: Start) -> Self {
        let mut alive = BTreeMap::new();
        let each = [0, 1].map(|version| {
            let env = start.place();
            alone(&env, &ARGS[version], version).expect(0);
            alive = living(&env);
            without_the_past(env.sandbox().comparable())
        });
        assert!(alive.values().all(|count| *count == 1) && alive.len() >= 9, "{alive:?}");
        Self { each, living: alive }
    }
}

/// The seeds: those of `TRUEUP_SEED` (`7`, or `7..90`), which is for looking at one again, or as many as are asked for.
fn seeds() -> Vec<u64> {
    let Some(asked) = std::env::var_os("TRUEUP_SEED") else {
        return (1..=if proving() { 1000 } else { 40 }).collect();
    };
    let asked = asked.to_string_lossy().into_owned();
    let (first, last) = asked.split_once("..").unwrap_or((&asked, &asked));
    let number = |text: &str| text.parse::<u64>().expect("TRUEUP_SEED is a number, or two");
    (number(first)..=number(last)).collect()
}

fn story(history: &[Entry], runs: &[Run]) -> String {
    let lines: Vec<String> = history.iter().map(|entry| format!("{:>6} {entry}", entry.caller)).collect();
    let runs: Vec<String> = runs.iter().map(ToString::to_string).collect();
    format!("{}\n{}", lines.join("\n"), runs.join("\n"))
}

/// Whether a key or a queue is there, and not going.
fn is_there(env: &TestEnv, identity: &str) -> bool {
    let home = env.sandbox().home("us-east-1");
    ["keys", "queues"].iter().flat_map(|kind| home[kind].as_object().into_iter().flatten()).any(|(name, it)| {
        (name == identity || identity.rsplit('/').next() == Some(name)) && it["KeyState"] != "PendingDeletion"
    })
}

/// What a run has made that is there twice, where it says so, with the other one: `<its own> and <the other> carry the owner
/// tags of it`.
fn left_to_a_person(run: &Run) -> Vec<(String, String)> {
    let mut found = BTreeSet::new();
    for line in run.stdout.lines().chain(run.stderr.lines()).filter(|_| run.code == Some(1)) {
        let Some((before, _)) = line.split_once(" carry the owner tags of it: another run made one, too") else {
            continue;
        };
        let Some((own, other)) = before.rsplit_once(" and ") else { continue };
        found.extend(own.rsplit(' ').next().map(|own| (own.to_owned(), other.to_owned())));
    }
    found.into_iter().collect()
}

/// What is wrong after a race, if something is.
fn judged(env: &TestEnv, seed: u64, ends: &Ends, runs: &[Run]) -> Result<(), String> {
    for run in runs {
        // Done, failed over the other's write, or stale; never a panic, and never a signal.
        if !matches!(run.code, Some(0 | 1 | 4)) {
            return Err(format!("it ended oddly: {run}"));
        }
    }
    // One that may not say which of two is in use names both: a person takes its own away, unless the other run, which was
    // held up until then, has taken back what it had made.
    for (twin, other) in runs.iter().flat_map(left_to_a_person) {
        if !is_there(env, &twin) || !is_there(env, &other) {
            continue;
        }
        let (service, operation, input) = match twin.as_str() {
            queue if queue.starts_with("http") => ("sqs", "DeleteQueue", json!({"QueueUrl": queue})),
            key => ("kms", "ScheduleKeyDeletion", json!({"KeyId": key, "PendingWindowInDays": 7})),
        };
        let answer = env.sandbox().call(service, operation, &input, "us-east-1");
        if answer.status != 200 {
            return Err(format!("{twin} cannot be deleted: {}", answer.body));
        }
    }
    let there = living(env);
    if let Some((name, count)) = there.iter().find(|(_, count)| **count > 1) {
        return Err(format!("{name} is there {count} times, and nobody said so"));
    }
    if let Some((name, _)) = there.iter().find(|(name, _)| !ends.living.contains_key(*name)) {
        return Err(format!("{name} is of neither version"));
    }
    // Whichever of the two comes again has its way, at the first try.
    let version = usize::from(seed % 4 >= 2);
    alone(env, &ARGS[version], version).ended(0)?;
    let there = living(env);
    if there != ends.living {
        return Err(format!("{there:?} is there, and not {:?}", ends.living));
    }
    same(&ends.each[version], &without_the_past(env.sandbox().comparable()))?;
    let before = env.sandbox().calls().len();
    let folder = ["one", "two"][version];
    alone(env, &["plan", folder, "--exit-code", "--strict", "--no-cache"], version).ended(0)?;
    let calls = env.sandbox().calls().split_off(before);
    if writes(&calls).is_empty() { Ok(()) } else { Err("a plan wrote".to_owned()) }
}

/// Without the keys that lost, which are scheduled for deletion and unused, and without what secrets were before.
fn without_the_past(mut value: Value) -> Value {
    fn is_past(item: &Value) -> bool {
        let Value::Array(pair) = item else { return false };
        let name = pair.first().and_then(Value::as_str).unwrap_or_default();
        let stages = pair.get(1).and_then(Value::as_array).map(Vec::as_slice);
        name.ends_with(", PendingDeletion>")
            || (name == "<id>"
                && matches!(stages, Some([] | [Value::String(_)]) if stages != Some(&["AWSCURRENT".into()])))
    }
    if let Value::Object(members) = &mut value {
        members.values_mut().for_each(|member| *member = without_the_past(member.take()));
    }
    if let Value::Array(items) = &mut value {
        items.retain(|item| !is_past(item));
        let kept = std::mem::take(items);
        *items = kept.into_iter().map(without_the_past).collect();
    }
    value
}

#[test]
fn two_applies_at_once_end_in_one_of_two_states_in_any_order() {
    const NAME: &str = "races::two_applies_at_once_end_in_one_of_two_states_in_any_order";
    let ends = [Ends::of(Start::Nothing), Ends::of(Start::Stack)];
    let seeds = seeds();
    let (requests, twice) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let violations = each(
        &seeds,
        |seed| format!("seed {seed}"),
        |seed| {
            let env = Start::of(*seed).place();
            let (runs, history) = race(&env, *seed, Duration::from_millis(2));
            requests.fetch_add(history.len(), Ordering::SeqCst);
            twice.fetch_add(usize::from(runs.iter().all(|run| run.code == Some(0))), Ordering::SeqCst);
            let index = usize::from(Start::of(*seed) == Start::Stack);
            judged(&env, *seed, &ends[index], &runs).map_err(|why| format!("{why}\n{}", story(&history, &runs)))
        },
    );
    let (requests, twice) = (requests.into_inner(), twice.into_inner());
    let count = seeds.len();
    let figure = format!("{count} interleavings of {requests} requests; in {twice} of them both runs ended well");
    report(NAME, &["P6"], &figure, violations.len());
    assert!(violations.is_empty(), "{} of {count}:\n{}", violations.len(), violations.join("\n\n"));
}

/// Two versions of a part of the stack. It takes few requests, so that there is time to wait for each of them.
fn part() -> TestEnv {
    let mut env = empty();
    for (folder, version) in [("one", 1), ("two", 2)] {
        let manifest = format!(
            "version: 1\nname: ordeal\nproviders: [aws]\nresources:\n  - name: key\n    type: AWS::KMS::Key\n    props: {{ \
             Description: \"Version {version}\", PendingWindowInDays: 7 }}\n  - name: orders\n    type: \
             AWS::Events::Connection\n    props:\n      Name: orders\n      Description: \"Version {version}\"\n      \
             AuthorizationType: API_KEY\n      AuthParameters: {{ ApiKeyAuthParameters: {{ ApiKeyName: X-Key, ApiKeyValue: \
             public }} }}\n  - name: created\n    type: AWS::Events::ApiDestination\n    props: {{ Name: created, \
             ConnectionArn: \"{{{{ orders.Arn }}}}\", InvocationEndpoint: \"https://example.com/{version}\", HttpMethod: POST \
             }}\n"
        );
        env.write(&format!("{folder}/trueup.yaml"), &manifest);
    }
    env
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let history = |seed: u64| {
        // Longer than a machine that is busy takes to deliver a request.
        let (runs, history) = race(&part(), seed, Duration::from_millis(300));
        assert!(runs.iter().all(|run| matches!(run.code, Some(0 | 1 | 4))), "{runs:?}");
        history.iter().map(|it| format!("{} {it}", it.caller)).collect::<Vec<_>>()
    };
    let seeds = [1, 2, 3];
    let twice = seeds.map(|seed| {
        let (first, second) = (history(seed), history(seed));
        assert_eq!(first, second, "seed {seed}");
        first
    });
    for name in ["FIRST", "SECOND"] {
        assert!(twice.iter().flatten().any(|line| line.starts_with(name)), "{name} asked nothing");
    }
    assert!(twice[0] != twice[1] || twice[1] != twice[2], "each seed gives the same history");
}
