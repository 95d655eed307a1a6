//! Runs that end in the middle: what was done is found again, nothing is done twice.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use trueup_tests::{Sandbox, TestEnv};

const CONNECTIONS: usize = 50;

fn many(count: usize) -> String {
    let mut text =
        String::from("version: 1\nname: many\nproviders: [aws]\nvars: [{ name: KEY, secret: true }]\nresources:\n");
    for number in 0..count {
        let _ = write!(
            text,
            "  - name: c{number}\n    type: AWS::Events::Connection\n    props:\n      Name: \"c{number:03}-{{{{ stack_env }}}}\"\n      \
             AuthorizationType: API_KEY\n      AuthParameters: {{ ApiKeyAuthParameters: {{ ApiKeyName: X-Key, ApiKeyValue: \
             \"{{{{ vars.KEY }}}}-{number}\" }} }}\n"
        );
    }
    text
}

fn stack() -> TestEnv {
    let mut env = TestEnv::new();
    env.set_secret("KEY", "Jn6bYt39-key-of-many").write("trueup.yaml", &many(CONNECTIONS));
    env
}

fn created(sandbox: &Sandbox) -> usize {
    sandbox.calls().iter().filter(|call| call.operation == "CreateConnection" && call.done()).count()
}

fn there(sandbox: &Sandbox) -> usize {
    sandbox.home("us-east-1")["connections"].as_object().map_or(0, serde_json::Map::len)
}

/// Waits until some, but not all, are created.
fn wait_for_some(sandbox: &Sandbox) {
    let began = Instant::now();
    while created(sandbox) < 5 {
        assert!(began.elapsed() < Duration::from_mins(1), "no connection is created");
        thread::sleep(Duration::from_millis(2));
    }
}

fn slow_creates(sandbox: &Sandbox) {
    sandbox.faults(&json!({"seed": 1, "rules": [{"operation": "CreateConnection", "latency_ms": [20, 120]}]}));
}

#[test]
fn a_killed_apply_is_finished_by_the_next_one() {
    let env = stack();
    slow_creates(env.sandbox());
    let running = env.start(&["apply", "--yes", "--parallelism", "4"]);
    wait_for_some(env.sandbox());
    let killed = env.scan(running.kill());
    assert_eq!(killed.code, None, "it ended before it was killed: {killed}");
    // What was on its way arrives.
    thread::sleep(Duration::from_millis(300));
    let before = there(env.sandbox());
    assert!((5..CONNECTIONS).contains(&before), "{before} of {CONNECTIONS} exist before the second run");

    env.sandbox().no_faults();
    env.trueup("apply --yes").expect(0);
    assert_eq!(there(env.sandbox()), CONNECTIONS);
    assert_eq!(created(env.sandbox()), CONNECTIONS, "each was created once");
    env.trueup("plan --exit-code").expect(0);
}

#[test]
fn a_killed_teardown_is_finished_by_the_next_one() {
    let env = stack();
    env.trueup("apply --yes").expect(0);
    env.sandbox().faults(&json!({"rules": [{"operation": "DeleteConnection", "latency_ms": [20, 120]}]}));
    let running = env.start(&["teardown", "--yes", "--parallelism", "4"]);
    let began = Instant::now();
    while there(env.sandbox()) > CONNECTIONS - 5 {
        assert!(began.elapsed() < Duration::from_mins(1), "no connection is deleted");
        thread::sleep(Duration::from_millis(2));
    }
    env.scan(running.kill());
    thread::sleep(Duration::from_millis(300));
    let before = there(env.sandbox());
    assert!(before > 0 && before < CONNECTIONS, "{before} of {CONNECTIONS} exist before the second run");
    env.sandbox().no_faults();
    env.trueup("teardown --yes").expect(0);
    assert_eq!(there(env.sandbox()), 0);
    assert_eq!(env.sandbox().home("us-east-1")["secrets"], json!({}), "a managed secret is left");
}

/// Ends a run with a signal, and expects that it says what was done and what remains.
fn interrupted(signal: &str, code: i32) {
    let env = stack();
    slow_creates(env.sandbox());
    let running = env.start(&["apply", "--yes", "--parallelism", "4", "--json"]);
    wait_for_some(env.sandbox());
    running.signal(signal);
    let began = Instant::now();
    let run = env.scan(running.wait());
    assert!(began.elapsed() < Duration::from_secs(30), "it took {:?} to end", began.elapsed());
    run.expect(code);
    let document = run.json();
    let count = |outcome: &str| {
        let outcomes = document["outcomes"].as_array().expect("there are outcomes");
        outcomes.iter().filter(|it| it["outcome"] == outcome).count()
    };
    let done = count("done");
    assert!((5..CONNECTIONS).contains(&done), "{done} done");
    assert_eq!(done + count("cancelled") + count("unknown"), CONNECTIONS, "{document:#}");
    assert_eq!(document["summary"]["interrupted"], Value::Bool(true));
    assert!(there(env.sandbox()) >= done);

    env.sandbox().no_faults();
    env.trueup("apply --yes").expect(0);
    assert_eq!(there(env.sandbox()), CONNECTIONS);
    assert_eq!(created(env.sandbox()), CONNECTIONS);
}

#[test]
fn ctrl_c_ends_a_run_with_a_report() {
    interrupted("INT", 130);
}

#[test]
fn sigterm_ends_a_run_with_a_report() {
    interrupted("TERM", 143);
}

/// Interrupts an apply as soon as it has asked for something so often; how often each operation was sent by its end.
fn interrupted_after(
    env: &TestEnv,
    args: &[&str],
    operation: &str,
    count: usize,
) -> (BTreeMap<String, usize>, Duration) {
    let running = env.start(&[&["apply", "--yes", "--json"], args].concat());
    let began = Instant::now();
    while env.sandbox().calls().iter().filter(|call| call.operation == operation).count() < count {
        assert!(began.elapsed() < Duration::from_mins(1), "{operation} is not called");
        thread::sleep(Duration::from_millis(2));
    }
    running.signal("INT");
    let began = Instant::now();
    let run = env.scan(running.wait());
    run.expect(130);
    let document = run.json();
    let outcomes = document["outcomes"].as_array().expect("there are outcomes");
    assert!(outcomes.iter().all(|it| it["outcome"] == "done" || it["outcome"] == "cancelled"), "{document:#}");
    let mut counts = BTreeMap::new();
    for call in env.sandbox().calls() {
        *counts.entry(call.operation).or_default() += 1;
    }
    (counts, began.elapsed())
}

/// What waits for its rate has sent nothing yet, and is left undone.
#[test]
fn what_waits_for_its_rate_is_not_begun_after_a_signal() {
    let env = stack();
    let (counts, took) = interrupted_after(&env, &["--quota-share", "0.04"], "CreateConnection", 4);
    assert!(counts["CreateConnection"] <= 5, "{counts:?}");
    assert!(took < Duration::from_secs(3), "{took:?}");
    env.trueup("apply --yes").expect(0);
    assert_eq!(created(env.sandbox()), CONNECTIONS);
}

/// So it is after a failure that is to stop the run.
#[test]
fn what_waits_for_its_rate_is_not_begun_after_a_failure_that_stops() {
    let env = stack();
    env.sandbox().faults(&json!({"rules": [{"operation": "CreateConnection", "skip": 2, "count": 1,
        "error": {"code": "LimitExceededException", "message": "no more", "status": 400}}]}));
    let run = env.trueup("apply --yes --on-failure stop --quota-share 0.04 --json");
    run.expect(1);
    let sent = env.sandbox().calls().iter().filter(|call| call.operation == "CreateConnection").count();
    assert!((3..=5).contains(&sent), "{sent}");
    let outcomes = run.json()["outcomes"].as_array().expect("there are outcomes").clone();
    let skipped = outcomes.iter().filter(|it| it["outcome"] == "skipped").count();
    assert!(skipped >= CONNECTIONS - 5, "{outcomes:#?}");
}

/// So has a key whose tags are to be searched once more before it is made.
#[test]
fn what_is_searched_for_once_more_is_not_made_after_a_signal() {
    let mut env = TestEnv::new();
    env.write(
        "trueup.yaml",
        "version: 1\nname: keys\nproviders: [aws]\nresources:\n  - name: key\n    type: AWS::KMS::Key\n    props: { Description: Ours \
         }\n  - name: bus\n    type: AWS::Events::Connection\n    props: { Name: made, AuthorizationType: BASIC, AuthParameters: { \
         BasicAuthParameters: { Username: u, Password: p } } }\n",
    );
    let (counts, took) = interrupted_after(&env, &["--kms-settle", "8s"], "CreateConnection", 1);
    assert_eq!(counts.get("CreateKey"), None, "{counts:?}");
    assert!(took < Duration::from_secs(3), "{took:?}");
    env.trueup("apply --yes").expect(0);
    env.trueup("plan --exit-code").expect(0);
}

#[test]
fn two_applies_at_once_make_each_connection_once() {
    let env = stack();
    slow_creates(env.sandbox());
    let (one, two) = (env.start(&["apply", "--yes"]), env.start(&["apply", "--yes"]));
    let (one, two) = (env.scan(one.wait()), env.scan(two.wait()));
    for run in [&one, &two] {
        // Nothing keeps the two apart; the one that comes second to a name says so.
        assert!(matches!(run.code, Some(0 | 1)), "{run}");
        let failures = run.stdout.lines().filter(|line| line.contains(" failed: ")).collect::<Vec<_>>();
        assert!(failures.iter().all(|line| line.contains("ResourceAlreadyExistsException")), "{run}");
    }
    env.sandbox().no_faults();
    env.trueup("apply --yes").expect(0);
    assert_eq!(there(env.sandbox()), CONNECTIONS);
    assert_eq!(created(env.sandbox()), CONNECTIONS);
    env.trueup("plan --exit-code").expect(0);
}

#[test]
fn a_served_sandbox_keeps_its_state_and_the_flag_sees_the_same_account() {
    let mut env = TestEnv::offline();
    env.set_secret("KEY", "Jn6bYt39-key-of-many").write("trueup.yaml", &many(3));
    let state = env.state();
    let flag = format!("--sandbox={}", state.display());
    env.set("AWS_REGION", "us-east-1");
    env.run(&["apply", "--yes", &flag]).expect(0);
    let sandbox = Sandbox::serve(&state, "20ms");
    assert_eq!(there(&sandbox), 3);
    // One at a time: the folder is in use.
    let run = env.run(&["plan", &flag]);
    assert_ne!(run.code, Some(0), "{run}");
    let answer = sandbox.call("events", "DeleteConnection", &json!({"Name": "c001-dev"}), "us-east-1");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let code = sandbox.terminate();
    assert!(matches!(code, Some(0 | 143)), "{code:?}");
    let plan = env.run(&["plan", &flag]);
    plan.expect(0);
    assert!(plan.stdout.contains("1 to create"), "{plan}");
    assert!(plan.stdout.lines().next().is_some_and(|head| head.ends_with("· sandbox")), "{plan}");
}
