//! Many stacks in one process: `trueup fleet plan`, `drift` and `apply`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use trueup_tests::{Call, Run, TestEnv, check_schema, interpreter, terminal, trueup, writes};

/// A secret that every stack has.
const KEY: &str = "Zr8qWm31-key-of-a-fleet";

/// A stack of connections and a secret.
fn stack(name: &str, connections: usize) -> String {
    let mut text = format!(
        "version: 1\nname: {name}\nproviders: [aws]\nvars: [{{ name: KEY, secret: true }}, {{ name: NOTE, default: none }}]\nresources:\n"
    );
    for number in 0..connections {
        let _ = write!(
            text,
            "  - name: c{number}\n    type: AWS::Events::Connection\n    props:\n      Name: {name}-{number}\n      \
             Description: \"{{{{ vars.NOTE }}}}\"\n      AuthorizationType: API_KEY\n      AuthParameters:\n        \
             ApiKeyAuthParameters: {{ ApiKeyName: X-Key, ApiKeyValue: \"{{{{ vars.KEY }}}}\" }}\n"
        );
    }
    text
}

/// A sandbox with profiles of two accounts, and keys of a third one in the environment.
fn place() -> TestEnv {
    place_settling("20ms")
}

fn place_settling(settle: &str) -> TestEnv {
    let mut env = TestEnv::settling(settle);
    env.set_secret("KEY", KEY);
    let home = env.folder().join("home/.aws");
    fs::create_dir_all(&home).unwrap();
    let profile = |name: &str, account: &str| {
        format!("[profile {name}]\naws_access_key_id = {account}\naws_secret_access_key = example-only\n")
    };
    let text = profile("one", "111111111111") + &profile("two", "222222222222");
    fs::write(home.join("config"), text).unwrap();
    env
}

/// The lines of a document, as `path env account region result`.
fn lines(run: &Run) -> Vec<String> {
    let document = run.json();
    check_schema("fleet", &document);
    let text = |line: &Value, key: &str| line[key].as_str().unwrap_or("-").to_owned();
    let keys = ["path", "env", "account", "region", "result"];
    let line = |line: &Value| keys.map(|key| text(line, key)).join(" ");
    document["stacks"].as_array().unwrap().iter().map(line).collect()
}

fn counted(calls: &[Call]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for call in calls {
        *counts.entry(call.operation.clone()).or_default() += 1;
    }
    counts
}

/// The names of the connections of an account and region.
fn connections(env: &TestEnv, account: &str, region: &str) -> Vec<String> {
    let state = env.sandbox().state();
    let found = state["accounts"][account][region]["connections"].as_object().cloned().unwrap_or_default();
    found.keys().cloned().collect()
}

#[test]
fn one_stack_goes_to_many_accounts_and_regions_and_each_is_asked_once_who_it_is() {
    let mut env = place();
    env.write("orders/trueup.yaml", &stack("orders", 2)).write(
        "targets.yaml",
        "- { profile: one, region: us-east-1 }\n- { profile: one, region: eu-west-1, env: prod }\n\
         - { profile: two, region: eu-west-1, vars: { NOTE: of the second account } }\n",
    );
    let fleet = "orders --targets targets.yaml --json";
    let run = env.trueup(&format!("fleet apply {fleet} --yes"));
    run.expect(0);
    assert_eq!(
        lines(&run),
        [
            "orders dev 111111111111 us-east-1 applied",
            "orders prod 111111111111 eu-west-1 applied",
            "orders dev 222222222222 eu-west-1 applied",
        ]
    );
    for (account, region, count) in
        [("111111111111", "us-east-1", 2), ("111111111111", "eu-west-1", 2), ("222222222222", "eu-west-1", 2)]
    {
        assert_eq!(connections(&env, account, region).len(), count, "{account} {region}");
    }
    // The named profiles, and not the keys in the environment.
    assert!(env.sandbox().state()["accounts"]["123456789012"].is_null());
    let second = env.sandbox().state()["accounts"]["222222222222"]["eu-west-1"]["connections"].clone();
    assert_eq!(second["orders-0"]["Description"], "of the second account", "{second}");

    let before = env.sandbox().calls().len();
    let run = env.trueup(&format!("fleet plan {fleet} --exit-code"));
    run.expect(0);
    let calls = env.sandbox().calls().split_off(before);
    assert!(writes(&calls).is_empty(), "{:?}", counted(&calls));
    assert_eq!(counted(&calls)["GetCallerIdentity"], 2, "once for each of the two profiles: {:?}", counted(&calls));
    let summary = &run.json()["summary"];
    assert_eq!((&summary["results"]["unchanged"], &summary["stacks"]), (&json!(3), &json!(3)), "{summary}");
    assert_eq!(summary["calls"], json!(calls.len()), "the document counts what was sent");
    let of_lines: u64 = run.json()["stacks"].as_array().unwrap().iter().filter_map(|line| line["calls"].as_u64()).sum();
    assert_eq!(json!(of_lines), summary["calls"]);
}

/// Four stacks: in sync, with drift, invalid, and unreadable.
fn mixed() -> TestEnv {
    let mut env = place();
    for name in ["fine", "moved", "denied"] {
        env.write(&format!("stacks/{name}/trueup.yaml"), &stack(name, 1));
    }
    env.trueup("fleet apply stacks --yes").expect(0);
    env.write("stacks/broken/trueup.yaml", "version: 1\nname: broken\nresources:\n  - nmae: x\n");
    let changed = json!({"Name": "moved-0", "Description": "by hand"});
    assert_eq!(env.sandbox().call("events", "UpdateConnection", &changed, "us-east-1").status, 200);
    env.sandbox().faults(&json!({"rules": [
        {"service": "events", "operation": "DescribeConnection", "resource": "denied-0", "count": null, "deny": true}]}));
    env
}

#[test]
fn one_that_is_invalid_and_one_that_cannot_be_read_are_lines_and_stop_nobody() {
    let env = mixed();
    let run = env.trueup("fleet drift stacks --no-cache --json");
    run.expect(1);
    assert_eq!(
        lines(&run),
        [
            "stacks/broken dev - - invalid",
            "stacks/denied dev 123456789012 us-east-1 incomplete",
            "stacks/fine dev 123456789012 us-east-1 in_sync",
            "stacks/moved dev 123456789012 us-east-1 drifted",
        ]
    );
    let document = run.json();
    let codes: Vec<&Value> = document["stacks"].as_array().unwrap().iter().map(|line| &line["exit_code"]).collect();
    assert_eq!(codes, [&json!(64), &json!(6), &json!(0), &json!(2)]);
    let broken = &document["stacks"][0]["diagnostics"][0];
    assert_eq!((&broken["code"], &broken["line"]), (&json!("M107"), &json!(4)), "{broken}");
    let denied = &document["stacks"][1]["faults"][0]["fault"];
    assert_eq!((&denied["kind"], &denied["operation"]), (&json!("denied"), &json!("events:DescribeConnection")));
    assert_eq!(document["stacks"][3]["drift"]["drifted"], 1);

    // What each says alone is what it says here.
    for (stack, code) in [("broken", 64), ("denied", 6), ("fine", 0), ("moved", 2)] {
        env.trueup(&format!("drift stacks/{stack} --no-cache")).expect(code);
        env.trueup(&format!("fleet drift stacks/{stack} --no-cache")).expect(code);
    }
    // An incomplete one is beaten by a drifted one, and everything is by a failed one.
    env.trueup("fleet drift stacks/denied stacks/moved --no-cache").expect(2);
    env.trueup("fleet drift stacks/fine stacks/denied --no-cache").expect(6);
    env.trueup("fleet plan stacks/fine stacks/moved").expect(0);
    env.trueup("fleet plan stacks/fine stacks/moved --exit-code").expect(2);
}

#[test]
fn people_get_a_table_and_test_reports_a_case_for_each_stack() {
    let env = mixed();
    let run = env.trueup("fleet drift stacks --no-cache");
    let table: Vec<Vec<&str>> = run.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(table[0], ["stack", "env", "account", "region", "result", "+", "~", "-", "calls", "seconds"], "{run}");
    assert_eq!(table[1][..8], ["stacks/broken", "dev", "?", "?", "invalid", "-", "-", "-"], "{run}");
    assert_eq!(table[4][..8], ["stacks/moved", "dev", "123456789012", "us-east-1", "drifted", "0", "1", "0"], "{run}");
    assert!(
        run.stdout.contains("\n4 stacks: 1 in sync, 1 drifted, 1 incomplete, 1 invalid; 1 differ, 0 missing."),
        "{run}"
    );
    assert!(run.stderr.contains("M107: ") && run.stderr.contains("stacks/broken/trueup.yaml:4"), "{run}");
    assert!(
        run.stderr.contains("incomplete stacks/denied (dev): c0: events:DescribeConnection: AccessDenied"),
        "{run}"
    );
    assert!(!run.stdout.contains('\u{1b}') && !run.stderr.contains('\u{1b}'), "{run}");
    let quiet = env.trueup("fleet drift stacks --no-cache --quiet");
    assert_eq!(quiet.stdout.lines().count(), 1, "{quiet}");

    let run = env.trueup("fleet drift stacks --no-cache --format junit");
    run.expect(1);
    let suite = "tests=\"4\" failures=\"1\" errors=\"2\" skipped=\"0\"";
    assert!(run.stdout.starts_with("<?xml") && run.stdout.contains(suite), "{run}");
    assert!(run.stdout.contains("<testcase name=\"stacks/moved dev us-east-1\" classname=\"moved\""), "{run}");
    assert!(run.stdout.contains("<failure type=\"drifted\""), "{run}");
}

#[test]
fn each_plan_is_shown_to_who_asks_for_it() {
    let env = mixed();
    let run = env.trueup("fleet plan stacks/fine stacks/moved --no-cache -v");
    run.expect(0);
    assert!(run.stdout.starts_with("moved (dev) · us-east-1 · account 123456789012\n"), "{run}");
    assert!(run.stdout.contains("\"by hand\"") && !run.stdout.contains("fine (dev)"), "{run}");
    let run = env.trueup("fleet drift stacks/fine stacks/moved --no-cache -v");
    assert!(run.stdout.contains("Drift: 1 drifted"), "{run}");
}

/// A service counts the calls of an account, so that four stacks that begin at once get through no faster than one of four
/// times the size: 160 descriptions at 50 a second, of which a second's worth may come at once.
#[test]
#[cfg(target_os = "linux")]
fn stacks_of_an_account_and_region_share_its_limits() {
    let mut env = place();
    for name in ["a", "b", "c", "d"] {
        env.write(&format!("stacks/{name}/trueup.yaml"), &stack(name, 40));
    }
    env.trueup("fleet apply stacks --yes").expect(0);
    // An endpoint on loopback has no limits; this one is on loopback, and does not look like it.
    let endpoint = env.sandbox().url.replace("127.0.0.1", "0.0.0.0");
    env.set("AWS_ENDPOINT_URL", &endpoint);
    let before = env.sandbox().calls().len();
    let began = Instant::now();
    let run = env.trueup("fleet plan stacks --exit-code --no-cache");
    let took = began.elapsed();
    run.expect(0);
    let calls = counted(&env.sandbox().calls().split_off(before));
    assert_eq!((calls["DescribeConnection"], calls["GetCallerIdentity"]), (160, 1), "{calls:?}");
    assert!(took > Duration::from_secs(2), "{took:?}");
}

#[test]
fn after_too_many_failures_no_further_stack_is_begun() {
    let mut env = place();
    for number in 0..6 {
        let text = if number < 3 { "version: 7\nname: x\n".to_owned() } else { stack(&format!("s{number}"), 1) };
        env.write(&format!("stacks/s{number}/trueup.yaml"), &text);
    }
    let run = env.trueup("fleet apply stacks --yes --max-concurrent 1 --failure-tolerance 1 --json");
    // Of those that were begun, nothing was sent.
    run.expect(64);
    let results: Vec<String> =
        lines(&run).iter().map(|line| line.rsplit(' ').next().unwrap_or_default().to_owned()).collect();
    assert_eq!(results, ["invalid", "invalid", "not_started", "not_started", "not_started", "not_started"]);
    assert!(run.json()["stacks"][2]["exit_code"].is_null());
    assert!(env.sandbox().calls().is_empty());
    // Half of six are three, and three are not more than that.
    env.trueup("fleet apply stacks --yes --max-concurrent 1 --failure-tolerance 50%").expect(1);
    assert_eq!(connections(&env, "123456789012", "us-east-1").len(), 3);
    let run = env.trueup("fleet plan stacks --max-concurrent 1 --failure-tolerance 0");
    assert!(run.stderr.contains("no further stack was begun: 1 failed, and 0 may"), "{run}");
}

#[test]
fn a_lock_is_one_for_the_whole_fleet() {
    let mut env = place();
    let path = env.stack().join("fleet.lock");
    env.set("TRUEUP_LOCK", &format!("file:{}", path.display()));
    for name in ["a", "b", "c"] {
        env.write(&format!("{name}/trueup.yaml"), &stack(name, 1));
    }
    let record = |expires: &str| {
        json!({
            "format_version": "1", "acquired": "2026-01-01T00:00:00Z", "expires": expires,
            "holder": {"host": "build-7", "pid": 7, "run": "r", "command": "apply", "stack": null, "env": null},
        })
    };
    fs::write(&path, record("2999-01-01T00:00:00Z").to_string()).unwrap();
    let run = env.trueup("fleet apply a b c --yes --format json");
    run.expect(5);
    assert_eq!(run.json()["error"]["kind"], "locked", "{run}");
    assert!(run.stdout.contains("build-7"), "{run}");
    assert!(env.sandbox().calls().is_empty(), "nothing is read either");
    // Reading needs none.
    env.trueup("fleet plan a b c").expect(0);
    // One that has ended is taken over once, for all of them, and let go at the end.
    fs::write(&path, record("2026-01-01T00:01:00Z").to_string()).unwrap();
    let run = env.trueup("fleet apply a b c --yes --format json");
    run.expect(0);
    assert_eq!(lines(&run).iter().filter(|line| line.ends_with(" applied")).count(), 3, "{run}");
    assert!(!path.exists(), "it was not let go");
}

#[test]
fn a_profile_without_credentials_does_not_take_those_of_another_account() {
    let mut env = place();
    let config = env.folder().join("home/.aws/config");
    let text = fs::read_to_string(&config).unwrap() + "[profile bare]\nregion = eu-west-1\n";
    fs::write(config, text).unwrap();
    env.write("a/trueup.yaml", &stack("a", 1));
    let run = env.trueup("plan a --profile bare");
    run.expect(6);
    assert!(run.stdout.contains("credentials") || run.stderr.contains("credentials"), "{run}");
    assert!(env.sandbox().calls().is_empty());
    env.trueup("plan a --profile one").expect(0);
}

#[test]
fn the_same_stack_is_planned_once_however_often_it_is_named() {
    let mut env = place();
    env.write("a/trueup.yaml", &stack("a", 1));
    let run = env.trueup("fleet plan a a --environment dev --environment dev --format json");
    run.expect(0);
    assert_eq!(lines(&run).len(), 1, "{run}");
}

#[test]
fn nothing_is_applied_that_nobody_was_asked_about() {
    let mut env = place();
    env.write("a/trueup.yaml", &stack("a", 1));
    let run = env.trueup("fleet apply a");
    run.expect(64);
    assert!(run.stderr.contains("`trueup fleet apply` asks before it changes anything"), "{run}");
    assert!(env.sandbox().calls().is_empty());
    // What a dry run shows is the plan.
    env.trueup("fleet apply a --dry-run").expect(0);
    assert!(writes(&env.sandbox().calls()).is_empty());
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_sent() {
    let mut env = place();
    env.write("a/trueup.yaml", &stack("a", 1)).write("empty/readme.txt", "nothing");
    env.plant("hunter2-in-the-targets");
    env.write("bad.yaml", "- regoin: us-east-1\n  vars: { KEY: [hunter2-in-the-targets] }\n");
    env.write("bound.yaml", "- { stack: a, region: eu-west-1 }\n");
    for (args, says) in [
        ("fleet plan missing", "there is no folder or file `missing`"),
        ("fleet plan empty", "has no stack, and none below it"),
        ("fleet plan a --failure-tolerance many", "neither a number of stacks nor a percentage"),
        ("fleet plan a --output-file x.json", "`--output-file` is about one stack"),
        ("fleet plan a --targets bad.yaml", "did you mean `region`?"),
        ("fleet plan a --targets bound.yaml", "every target of the file names its stack"),
        ("fleet plan a --format sarif", "has no format `sarif`"),
        ("fleet plan a --targets none.yaml", "cannot read `none.yaml`"),
    ] {
        let run = env.trueup(args);
        run.expect(64);
        assert!(run.stderr.contains(says), "{run}");
    }
    let run = env.trueup("fleet plan a --targets bad.yaml --json");
    run.expect(64);
    check_schema("fleet", &run.json());
    assert_eq!(run.json()["diagnostics"][0]["code"], "M107");
    assert!(env.sandbox().calls().is_empty());
    env.trueup("fleet plan --targets bound.yaml").expect(0);
}

#[test]
fn a_signal_begins_no_further_stack_and_ends_the_others_in_order() {
    let mut env = place_settling("20ms");
    for number in 0..12 {
        env.write(&format!("stacks/s{number:02}/trueup.yaml"), &stack(&format!("s{number:02}"), 3));
    }
    env.sandbox().faults(&json!({"rules": [{"operation": "CreateConnection", "count": null, "latency_ms": 400}]}));
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let running = env.start(&["fleet", "apply", "stacks", "--yes", "--max-concurrent", "2", "--json"]);
        let before = connections(&env, "123456789012", "us-east-1").len();
        let began = Instant::now();
        while connections(&env, "123456789012", "us-east-1").len() <= before {
            assert!(began.elapsed() < Duration::from_mins(1), "nothing is written");
            thread::sleep(Duration::from_millis(10));
        }
        running.signal(signal);
        let run = env.scan(running.wait());
        run.expect(code);
        let results = run.json()["summary"]["results"].clone();
        assert!(results["not_started"].as_u64() >= Some(6), "{results}");
        assert_eq!(results["failed"], 0, "{run}");
        assert!(run.stderr.contains("no further stack is begun"), "{run}");
        // What the lines say was done is there.
        let done: u64 =
            run.json()["stacks"].as_array().unwrap().iter().filter_map(|it| it["outcomes"]["done"].as_u64()).sum();
        let there = connections(&env, "123456789012", "us-east-1").len();
        assert_eq!(u64::try_from(there - before).unwrap(), done, "{run}");
    }
    env.sandbox().no_faults();
    env.trueup("fleet apply stacks --yes").expect(0);
    assert_eq!(connections(&env, "123456789012", "us-east-1").len(), 36);
    env.trueup("fleet plan stacks --exit-code").expect(0);
}

/// What is left when every control sequence is taken out.
fn plain(screen: &str) -> String {
    let mut parts = screen.split('\u{1b}');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|letter: char| letter.is_ascii_alphabetic()).map_or(part.len(), |end| end + 1);
        out.push_str(&part[end..]);
    }
    out
}

#[test]
fn it_asks_once_about_all_plans_and_applies_them() {
    let Some(python) = interpreter() else { return };
    let mut env = place();
    env.set("TERM", "xterm-256color");
    for name in ["a", "b", "c"] {
        env.write(&format!("stacks/{name}/trueup.yaml"), &stack(name, 1));
    }
    env.trueup("apply stacks/c --yes").expect(0);
    let apply = |answer: &str| {
        let (code, screen) = terminal(&python, 80, &env.command(trueup(), &["fleet", "apply", "stacks"]), answer);
        env.canaries().check("the terminal", screen.as_bytes());
        let screen = plain(&screen);
        // What is behind a carriage return takes the place of what was before it.
        let long: Vec<&str> = screen
            .lines()
            .map(|line| line.trim_end().rsplit('\r').next().unwrap_or_default())
            .filter(|line| line.trim_end().chars().count() > 80)
            .collect();
        assert!(long.is_empty(), "wider than the terminal: {long:#?}");
        (code, screen)
    };
    let there = || connections(&env, "123456789012", "us-east-1");
    let (code, screen) = apply("no\n");
    assert_eq!((code, there().len()), (1, 1), "{screen}");
    assert!(screen.contains("1 stack is left as it is"), "{screen}");
    // Ctrl-C is an answer, too.
    let (code, screen) = apply("\u{3}");
    assert_eq!((code, there().len()), (130, 1), "{screen}");
    assert!(screen.contains("interrupted; nothing was changed"), "{screen}");
    let (code, screen) = apply("yes\n");
    assert_eq!((code, there().len()), (0, 3), "{screen}");
    assert_eq!(screen.matches("[yes/no]").count(), 1, "{screen}");
    assert!(screen.contains("Apply these 2 plans?"), "{screen}");
    assert!(screen.contains("3 stacks: 1 unchanged, 2 applied"), "{screen}");
    // Nothing is left to ask about.
    let (code, screen) = apply("");
    assert!(code == 0 && !screen.contains("[yes/no]"), "{screen}");
}

#[test]
fn what_moved_since_the_question_is_not_written() {
    let Some(python) = interpreter() else { return };
    let mut env = place();
    for name in ["a", "b"] {
        env.write(&format!("stacks/{name}/trueup.yaml"), &stack(name, 1));
    }
    env.trueup("fleet apply stacks --yes").expect(0);
    env.set("NOTE", "new");
    // The reads behind the question take their time.
    env.sandbox().faults(&json!({"rules": [
        {"operation": "DescribeConnection", "skip": 2, "count": null, "latency_ms": 1500}]}));
    let before = env.sandbox().calls().len();
    let screen = thread::scope(|scope| {
        let apply =
            scope.spawn(|| terminal(&python, 100, &env.command(trueup(), &["fleet", "apply", "stacks"]), "yes\n"));
        let began = Instant::now();
        let planned =
            || env.sandbox().calls()[before..].iter().filter(|it| it.operation == "DescribeConnection").count();
        while planned() < 2 {
            assert!(began.elapsed() < Duration::from_mins(1), "nothing is planned");
            thread::sleep(Duration::from_millis(10));
        }
        let changed = json!({"Name": "a-0", "Description": "by hand"});
        assert_eq!(env.sandbox().call("events", "UpdateConnection", &changed, "us-east-1").status, 200);
        let (code, screen) = apply.join().unwrap();
        assert_eq!(code, 4, "{screen}");
        plain(&screen)
    });
    assert!(screen.contains("the plan is stale, and nothing was written"), "{screen}");
    let home = env.sandbox().home("us-east-1");
    let note = |name: &str| home["connections"][name]["Description"].as_str().unwrap_or_default().to_owned();
    assert_eq!((note("a-0").as_str(), note("b-0").as_str()), ("by hand", "new"), "{screen}");
}

/// A sandbox inside the command serves all stacks.
#[test]
fn a_fleet_can_be_tried_on_a_sandbox_of_its_own() {
    let mut env = TestEnv::offline();
    env.set_secret("KEY", KEY);
    for name in ["a", "b"] {
        env.write(&format!("{name}/trueup.yaml"), &stack(name, 1));
    }
    let state = env.state();
    let sandbox = format!("--sandbox={}", state.display());
    env.run(&["fleet", "apply", "a", "b", "--yes", &sandbox]).expect(0);
    let run = env.run(&["fleet", "plan", "a", "b", "--exit-code", &sandbox]);
    run.expect(0);
    assert!(run.stdout.contains("sandbox"), "{run}");
}
