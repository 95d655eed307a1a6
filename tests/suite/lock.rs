//! The optional lock: whoever comes second is told who is at work, and nobody is stranded by one that was killed.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use trueup_sandbox::proxy::{Act, Answer, Asked, Order, Phase};
use trueup_tests::{Background, Run, TestEnv, created, each, report, writes};

const MANIFEST: &str = r#"
version: 1
name: orders
providers: [aws]
vars:
  - { name: ORDERS_PASSWORD, secret: true }
resources:
  - name: key
    type: AWS::KMS::Key
    props: { Description: Credentials of orders, PendingWindowInDays: 7 }
  - name: orders
    type: AWS::Events::Connection
    props:
      Name: orders
      AuthorizationType: BASIC
      AuthParameters:
        BasicAuthParameters: { Username: svc-orders, Password: "{{ vars.ORDERS_PASSWORD }}" }
  - name: created
    type: AWS::Events::ApiDestination
    props:
      Name: created
      ConnectionArn: "{{ orders.Arn }}"
      InvocationEndpoint: https://orders.example.com/created
      HttpMethod: POST
"#;

const LOCK: &str = "s3://locks/orders/dev.json";
const APPLY: &[&str] = &["apply", "--yes", "--kms-settle", "0s", "--lock", LOCK];

/// A place with the stack and a bucket for its lock.
fn place() -> TestEnv {
    let mut env = TestEnv::here(None, Duration::from_millis(20));
    env.set_secret("ORDERS_PASSWORD", "Gh5nKd81-orders-password");
    env.write("trueup.yaml", MANIFEST);
    assert_eq!(env.sandbox().s3("PUT", "/locks", "", "").status, 200);
    env
}

/// What stands in the lock.
fn record(env: &TestEnv) -> Option<Value> {
    let answer = env.sandbox().s3("GET", "/locks/orders/dev.json", "", "");
    env.canaries().check("the lock", answer.body.as_bytes());
    (answer.status == 200).then(|| answer.json())
}

/// Something happens at the first request of an operation, and nothing elsewhere.
fn at(operation: &'static str, act: Act) -> impl Fn(Asked<'_>) -> Act + Send + Sync + 'static {
    let done = AtomicBool::new(false);
    move |asked| {
        let first = asked.operation == operation && !done.swap(true, Ordering::SeqCst);
        if first { act.clone() } else { Act::Pass }
    }
}

/// Starts a run that works for a while on the request of an operation, and waits until it holds the lock.
fn holding(env: &TestEnv, operation: &'static str, millis: u64) -> (Background, Box<dyn std::any::Any>) {
    let act = Act::Delay(Phase::Before, Duration::from_millis(millis));
    let (run, proxy) = env.start_through(APPLY, Order::Sorted, "INT", at(operation, act));
    until(|| record(env).is_some());
    (run, Box::new(proxy))
}

fn until(holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(20), "it does not come about");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn names_the_holder(run: &Run, record: &Value) {
    let holder = &record["holder"];
    for part in ["host", "pid", "run"] {
        let text = holder[part].as_str().map_or_else(|| holder[part].to_string(), str::to_owned);
        assert!(run.stderr.contains(&text), "{part} {text}: {run}");
    }
    assert!(run.stderr.contains("`trueup apply` of orders (dev)"), "{run}");
    assert!(run.stderr.contains("it ends at ") && run.stderr.contains("--lock-wait"), "{run}");
}

#[test]
fn who_comes_second_is_told_who_is_at_work() {
    const NAME: &str = "lock::who_comes_second_is_told_who_is_at_work";
    let env = place();
    let (first, _proxy) = holding(&env, "CreateConnection", 2500);
    let held = record(&env).expect("it is held");
    assert_eq!(held["holder"]["command"], "apply");
    assert_eq!((&held["holder"]["stack"], &held["holder"]["env"]), (&json!("orders"), &json!("dev")));
    let before = env.sandbox().calls().len();
    let second = env.run(APPLY);
    second.expect(5);
    names_the_holder(&second, &held);
    let document = env.run(&[APPLY, &["--json"]].concat()).expect(5).json();
    assert_eq!(document["error"]["kind"], "locked", "{document}");
    env.run(&["teardown", "--yes", "--lock", LOCK]).expect(5);
    let third = env.run(&[
        "query",
        "DELETE FROM awscc.events.connections WHERE Identifier = 'orders' AND region = 'us-east-1'",
        "--yes",
        "--lock",
        LOCK,
    ]);
    third.expect(5);
    // What only reads needs no lock.
    env.run(&["plan", "--lock", LOCK]).expect(0);
    env.run(&["apply", "--dry-run", "--lock", LOCK]).expect(0);
    let of_others = env.sandbox().calls().split_off(before);
    let of_others: Vec<_> = writes(&of_others).into_iter().filter(|call| call.service == "events").collect();
    assert!(of_others.is_empty(), "{of_others:?}");
    env.scan(first.wait()).expect(0);
    assert_eq!(record(&env), None, "it was not let go");
    env.run(APPLY).expect(0);
    assert_eq!(record(&env), None);
    report(NAME, &["P6"], "5 commands beside one that holds the lock", 0);
}

#[test]
fn a_holder_that_is_killed_keeps_nobody_out_for_longer_than_a_minute() {
    const NAME: &str = "lock::a_holder_that_is_killed_keeps_nobody_out_for_longer_than_a_minute";
    let undisturbed = place();
    let asked = undisturbed.through(APPLY, Order::Sorted, "INT", |_| Act::Pass);
    asked.run.expect(0);
    let wanted = created(undisturbed.sandbox());
    let points: Vec<(usize, Phase)> =
        (1..=asked.history.len()).flat_map(|number| Phase::ALL.map(|phase| (number, phase))).collect();
    let (killed, stranded) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let violations = each(
        &points,
        |(number, phase)| format!("killed {} {}", phase.as_str(), asked.history[number - 1]),
        |(number, phase)| {
            let env = place();
            let (number, phase) = (*number, *phase);
            let kill = move |asked: Asked<'_>| if asked.number == number { Act::Kill(phase) } else { Act::Pass };
            let run = env.through(APPLY, Order::Sorted, "INT", kill).run;
            killed.fetch_add(usize::from(run.code.is_none()), Ordering::SeqCst);
            if let Some(held) = record(&env) {
                stranded.fetch_add(1, Ordering::SeqCst);
                let before = env.sandbox().calls().len();
                let second = env.run(APPLY);
                second.ended(5)?;
                names_the_holder(&second, &held);
                let calls = env.sandbox().calls().split_off(before);
                if calls.iter().any(trueup_tests::Call::writes) {
                    return Err(format!("it wrote: {calls:?}"));
                }
                env.sandbox().advance("40s");
                env.run(APPLY).ended(5)?;
                env.sandbox().advance("21s");
                let third = env.run(APPLY);
                third.ended(0)?;
                let who = format!("process {} on host", held["holder"]["pid"]);
                if !third.stderr.contains("was taken over from") || !third.stderr.contains(&who) {
                    return Err(format!("it does not say from whom: {third}"));
                }
            } else {
                env.run(APPLY).ended(0)?;
            }
            if record(&env).is_some() {
                return Err("it was not let go".to_owned());
            }
            env.run(&["plan", "--exit-code", "--strict"]).ended(0)?;
            let made: Vec<_> =
                created(env.sandbox()).into_iter().filter(|(name, _)| !name.starts_with("s3:")).collect();
            let wanted: Vec<_> = wanted.clone().into_iter().filter(|(name, _)| !name.starts_with("s3:")).collect();
            if made == wanted { Ok(()) } else { Err(format!("created {made:?}, and not {wanted:?}")) }
        },
    );
    let (killed, stranded) = (killed.into_inner(), stranded.into_inner());
    let figure = format!("{killed} crash points, at {stranded} of which the lock was held");
    report(NAME, &["P20"], &figure, violations.len());
    assert!(violations.is_empty(), "{} of {}:\n{}", violations.len(), points.len(), violations.join("\n\n"));
    assert!(stranded * 10 >= points.len() * 7 && killed * 10 >= points.len() * 9, "{figure}, of {}", points.len());
}

#[test]
fn a_lock_is_renewed_while_it_is_held() {
    let mut env = place();
    env.set("TRUEUP_LOCK_TTL", "6s");
    let (first, _proxy) = holding(&env, "CreateConnection", 9000);
    let ends = |record: Option<Value>| record.and_then(|it| it["expires"].as_str().map(str::to_owned));
    let at_first = ends(record(&env));
    std::thread::sleep(Duration::from_secs(7));
    assert_ne!(ends(record(&env)), at_first, "it was not renewed");
    env.run(APPLY).expect(5);
    env.scan(first.wait()).expect(0);
    assert_eq!(record(&env), None);
}

/// What a run says that lost its lock before it had done everything.
fn lost(env: &TestEnv, run: &Run, why: &str) {
    run.expect(5);
    assert!(run.stderr.contains("the lock was lost") && run.stderr.contains(why), "{run}");
    assert!(run.stdout.contains("not begun"), "what was not done is not reported: {run}");
    let made: Vec<_> = created(env.sandbox()).into_keys().filter(|name| name.contains("ApiDestination")).collect();
    assert!(made.is_empty(), "it went on without the lock: {made:?}: {run}");
}

#[test]
fn nothing_new_is_begun_once_the_lock_is_somebody_elses() {
    let mut env = place();
    env.set("TRUEUP_LOCK_TTL", "6s");
    let (first, _proxy) = holding(&env, "CreateConnection", 4500);
    let mut other = record(&env).expect("it is held");
    other["holder"]["run"] = "somebody-else".into();
    let taken = env.sandbox().s3("PUT", "/locks/orders/dev.json", "", &other.to_string());
    assert_eq!(taken.status, 200);
    lost(&env, &env.scan(first.wait()), "run somebody-else");
    assert_eq!(record(&env), Some(other), "what somebody else holds was let go");
}

#[test]
fn nothing_new_is_begun_once_somebody_has_removed_the_lock() {
    let mut env = place();
    env.set("TRUEUP_LOCK_TTL", "6s");
    let (first, _proxy) = holding(&env, "CreateConnection", 4500);
    assert_eq!(env.sandbox().s3("DELETE", "/locks/orders/dev.json", "", "").status, 204);
    lost(&env, &env.scan(first.wait()), "somebody has removed it");
}

#[test]
fn nothing_new_is_begun_once_the_lock_could_not_be_renewed() {
    let mut env = place();
    env.set("TRUEUP_LOCK_TTL", "6s");
    let puts = AtomicUsize::new(0);
    let script = move |asked: Asked<'_>| match asked.operation {
        "PutObject" if puts.fetch_add(1, Ordering::SeqCst) > 0 => {
            Act::Answer(Phase::Before, Answer { status: 500, headers: Vec::new(), body: String::new() })
        }
        "CreateConnection" => Act::Delay(Phase::Before, Duration::from_secs(8)),
        _ => Act::Pass,
    };
    let run = env.through(APPLY, Order::Sorted, "INT", script).run;
    lost(&env, &run, "it could not be renewed before it ended");
}

/// What waits for its rate has sent nothing yet, and is left undone.
#[test]
fn what_waits_for_its_rate_is_not_begun_once_the_lock_is_lost() {
    const CONNECTIONS: usize = 20;
    let mut env = place();
    let mut manifest = String::from("version: 1\nname: orders\nproviders: [aws]\nresources:\n");
    for number in 0..CONNECTIONS {
        let _ = write!(
            manifest,
            "  - name: c{number}\n    type: AWS::Events::Connection\n    props: {{ Name: c{number}, AuthorizationType: BASIC, \
             AuthParameters: {{ BasicAuthParameters: {{ Username: svc, Password: p }} }} }}\n"
        );
    }
    env.set("TRUEUP_LOCK_TTL", "6s").write("trueup.yaml", &manifest);
    let made = || created(env.sandbox()).into_keys().filter(|name| name.contains("CreateConnection")).count();
    // One of them a second.
    let running = env.start(&[APPLY, &["--quota-share", "0.02"]].concat());
    until(|| made() > 0);
    assert_eq!(env.sandbox().s3("DELETE", "/locks/orders/dev.json", "", "").status, 204);
    lost(&env, &env.scan(running.wait()), "somebody has removed it");
    let made = made();
    assert!(made < CONNECTIONS / 2, "{made} of {CONNECTIONS} were made, most of them without the lock");
}

#[test]
fn a_held_lock_is_waited_for_as_long_as_asked() {
    let env = place();
    let (first, _proxy) = holding(&env, "CreateConnection", 2000);
    let waited = env.run(&[APPLY, &["--lock-wait", "200ms"]].concat());
    waited.expect(5);
    let second = env.run(&[APPLY, &["--lock-wait", "30s"]].concat());
    second.expect(0);
    assert!(second.stderr.contains("waiting for the lock in s3://locks/orders/dev.json"), "{second}");
    env.scan(first.wait()).expect(0);
    let connections = created(env.sandbox());
    assert_eq!(connections.get("events:CreateConnection orders"), Some(&1), "{connections:?}");
}

#[test]
fn an_answer_that_is_lost_is_no_lost_lock() {
    for operation in ["PutObject", "DeleteObject", "GetObject"] {
        let env = place();
        let run = env.through(APPLY, Order::Sorted, "INT", at(operation, Act::Drop(Phase::After))).run;
        run.expect(0);
        assert_eq!(record(&env), None, "{operation}");
        assert!(!run.stderr.contains("warning"), "{operation}: {run}");
    }
}

#[test]
fn the_lock_is_let_go_after_a_failure_and_after_a_signal() {
    let env = place();
    let error = json!({"code": "ValidationException", "message": "no", "status": 400});
    env.sandbox().faults(&json!({"rules": [{"operation": "CreateConnection", "count": null, "error": error}]}));
    env.run(APPLY).expect(1);
    assert_eq!(record(&env), None);
    env.sandbox().no_faults();

    for operation in ["DescribeConnection", "CreateConnection"] {
        let env = place();
        let done = env.through(APPLY, Order::Sorted, "TERM", at(operation, Act::Signal(Phase::Before)));
        assert!(done.history.iter().any(|it| it.act.starts_with("signal")), "{:?}", done.history);
        let run = done.run;
        run.expect(143);
        assert_eq!(record(&env), None, "{operation}: {run}");
    }
}

#[test]
fn without_an_answer_about_the_lock_nothing_is_written() {
    let refused = |env: &TestEnv, args: &[&str], code: i32, said: &str| {
        let before = env.sandbox().calls().len();
        let run = env.run(args);
        run.expect(code);
        assert!(run.stderr.contains(said), "`{said}` is missing: {run}");
        let calls = env.sandbox().calls().split_off(before);
        assert!(!calls.iter().any(|call| call.writes() && call.service != "s3"), "{calls:?}");
    };
    let mut env = place();
    let with = |lock: &'static str| [&APPLY[..4], &["--lock", lock]].concat();
    refused(&env, &with("s3://no-such-bucket/key"), 1, "create the bucket");
    env.sandbox().faults(&json!({"rules": [{"service": "s3", "operation": "PutObject", "deny": true, "count": null}]}));
    refused(&env, APPLY, 1, "s3:PutObject");
    env.sandbox().faults(&json!({"rules": [{"service": "s3", "operation": "GetObject", "deny": true, "count": null}]}));
    // Who may not read it can take it where there is none, and is told where there is one.
    env.run(APPLY).expect(0);
    assert_eq!(env.sandbox().s3("PUT", "/locks/orders/dev.json", "", "{}").status, 200);
    refused(&env, APPLY, 1, "s3:GetObject");
    env.sandbox().no_faults();
    // What is no lock is left alone.
    refused(&env, APPLY, 1, "is no lock of trueup");
    assert_eq!(env.sandbox().s3("GET", "/locks/orders/dev.json", "", "").body, "{}");
    for wrong in ["s3://locks", "http://locks/key", "file:", "locks/key"] {
        refused(&env, &with(wrong), 64, "names no lock");
    }
    env.set("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9");
    refused(&env, APPLY, 1, "s3:GetObject");
}

#[test]
fn a_file_locks_as_well() {
    let mut env = place();
    env.set("TRUEUP_LOCK", "file:orders.lock").set("TRUEUP_LOCK_TTL", "6s");
    let path = env.stack().join("orders.lock");
    let act = Act::Delay(Phase::Before, Duration::from_mins(1));
    let args = &APPLY[..4];
    let (first, proxy) = env.start_through(args, Order::Sorted, "INT", at("CreateConnection", act));
    until(|| path.exists() && env.sandbox().calls().iter().any(|call| call.operation == "CreateKey"));
    let held: Value = serde_json::from_slice(&std::fs::read(&path).expect("it is there")).expect("it is JSON");
    let second = env.run(args);
    second.expect(5);
    names_the_holder(&second, &held);
    // It is renewed for as long as its holder lives.
    std::thread::sleep(Duration::from_millis(6500));
    env.run(args).expect(5);
    env.scan(first.kill());
    drop(proxy);
    let third = env.run(&[args, &["--lock-wait", "10s"]].concat());
    third.expect(0);
    assert!(third.stderr.contains("was taken over from"), "{third}");
    assert!(!path.exists(), "it was not let go");
    env.run(&["plan", "--exit-code", "--strict"]).expect(0);
}

#[test]
fn the_policy_for_a_lock_is_enough_and_names_one_object() {
    let env = place();
    let policy = env.run(&["iam", "--for", "apply", "--lock", LOCK, "--json"]).expect(0).json();
    let plain = env.run(&["iam", "--for", "apply", "--json"]).expect(0).json();
    let statements = |policy: &Value| policy["Statement"].as_array().cloned().unwrap_or_default();
    let more: Vec<Value> = statements(&policy).into_iter().filter(|it| !statements(&plain).contains(it)).collect();
    let expected = json!([{
        "Sid": "Lock", "Effect": "Allow",
        "Action": ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"],
        "Resource": "arn:aws:s3:::locks/orders/dev.json",
    }]);
    assert_eq!(Value::from(more), expected);
    let reads = env.run(&["iam", "--for", "plan", "--lock", LOCK, "--json"]).expect(0).json();
    assert!(!reads.to_string().contains("s3:"), "{reads}");

    env.sandbox().policy(&policy);
    env.run(APPLY).expect(0);
    env.sandbox().policy(&plain);
    env.run(APPLY).expect(1);
    env.sandbox().policy(&Value::Null);
    assert_eq!(record(&env), None);
    for action in ["s3:DeleteObject", "s3:PutObject"] {
        let mut less = policy.clone();
        for statement in less["Statement"].as_array_mut().into_iter().flatten() {
            if let Some(actions) = statement["Action"].as_array_mut() {
                actions.retain(|it| it != action);
            }
        }
        env.sandbox().policy(&less);
        let run = env.run(APPLY);
        assert!(run.stderr.contains(action), "without {action}: {run}");
        env.sandbox().policy(&Value::Null);
        env.sandbox().s3("DELETE", "/locks/orders/dev.json", "", "");
    }
}

#[test]
fn of_many_that_begin_at_once_one_at_a_time_is_at_work() {
    let env = Arc::new(place());
    let runs: Vec<_> = (0..4).map(|_| env.start(&[APPLY, &["--lock-wait", "60s"]].concat())).collect();
    for run in runs {
        env.scan(run.wait()).expect(0);
    }
    let made = created(env.sandbox());
    assert!(made.iter().all(|(_, count)| *count == 1), "{made:?}");
    assert_eq!(record(&env), None);
}
