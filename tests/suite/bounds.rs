//! Ten thousand resources: memory and calls stay within bounds that a leak, or a cost that grows with the square, would
//! break. Nothing here looks at a clock.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Map, Value};
use trueup_tests::{Call, Run, TestEnv, report, writes};

/// How many resources. EventBridge's quotas allow three thousand of each of its two kinds.
const RESOURCES: usize = 10_000;
const EVENTS: usize = 3_000;

/// The most that a command may have in MiB, in a build without optimisation: a third more than it has.
const TO_VALIDATE: u64 = 132;
const TO_PLAN: u64 = 195;

const PASSWORD: &str = "Lz4cYt81-password-of-thousands";

/// So many connections, as many destinations, and the rest Glue connections. Each has its number in five digits.
fn stack(resources: usize, events: usize) -> String {
    let mut text = String::from(
        "version: 1\nname: large\nproviders: [aws]\nvars: [{ name: PASSWORD, secret: true }]\nresources:\n",
    );
    for number in 0..events {
        let _ = write!(
            text,
            "  - name: c{number:05}\n    type: AWS::Events::Connection\n    props:\n      Name: c-{number:05}\n      Description: \"Number \
             {number:05}\"\n      AuthorizationType: BASIC\n      AuthParameters:\n        BasicAuthParameters: {{ Username: \
             user-{number:05}, Password: \"{{{{ vars.PASSWORD }}}}\" }}\n  - name: d{number:05}\n    type: \
             AWS::Events::ApiDestination\n    props: {{ Name: d-{number:05}, ConnectionArn: \"{{{{ c{number:05}.Arn }}}}\", \
             InvocationEndpoint: \"https://api.example.com/{number:05}\", HttpMethod: POST }}\n"
        );
    }
    for number in 0..resources - 2 * events {
        let _ = write!(
            text,
            "  - name: g{number:05}\n    type: AWS::Glue::Connection\n    props:\n      ConnectionInput:\n        Name: g-{number:05}\n        \
             ConnectionType: JDBC\n        ConnectionProperties: {{ JDBC_CONNECTION_URL: \
             \"jdbc:postgresql://db-{number:05}.example.com:5432/orders\", SECRET_ID: g/{number:05} }}\n"
        );
    }
    text
}

/// Of every resource with the number 0 as many as there are to be, in the sandbox's own file.
fn multiplied(state: &[u8]) -> Vec<u8> {
    fn walk(value: &mut Value) {
        let Value::Object(members) = value else { return };
        if !members.keys().any(|name| name.contains("-00000")) {
            members.values_mut().for_each(walk);
            return;
        }
        let mut all = Map::new();
        for (name, one) in &*members {
            let count = if name.contains("g-00000") { RESOURCES - 2 * EVENTS } else { EVENTS };
            let text = one.to_string();
            for number in 0..count {
                let number = format!("{number:05}");
                let one = text.replace("00000", &number);
                let one = serde_json::from_str(&one).expect("another number leaves a document one");
                all.insert(name.replace("00000", &number), one);
            }
        }
        *members = all;
    }
    let mut state: Value = serde_json::from_slice(state).expect("a state is JSON");
    walk(&mut state["accounts"]);
    state.to_string().into_bytes()
}

fn counted(calls: &[Call]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for call in calls {
        *counts.entry(format!("{}:{}", call.service, call.operation)).or_default() += 1;
    }
    counts
}

/// Runs a command, which ends well, and returns its peak in MiB where the system tells.
fn peak(env: &TestEnv, command: &str) -> (Run, Option<u64>) {
    let (run, peak) = env.start(&command.split(' ').collect::<Vec<_>>()).measured();
    let run = env.scan(run);
    run.expect(0);
    (run, peak.map(|kib| kib / 1024))
}

fn shown(peak: Option<u64>) -> String {
    peak.map_or_else(|| "nobody knows how many".to_owned(), |peak| peak.to_string())
}

#[test]
fn ten_thousand_resources_are_validated_and_planned_within_bounds() {
    const NAME: &str = "bounds::ten_thousand_resources_are_validated_and_planned_within_bounds";
    let mut env = TestEnv::new();
    env.set_secret("PASSWORD", PASSWORD).write("trueup.yaml", &stack(RESOURCES, EVENTS));
    let (run, to_validate) = peak(&env, "validate");
    assert!(run.stdout.contains(&format!("{RESOURCES} resources")), "{run}");
    assert!(env.sandbox().calls().is_empty(), "{:?}", counted(&env.sandbox().calls()));

    let (run, of_new) = peak(&env, "plan --no-cache");
    assert!(run.stdout.contains(&format!("{RESOURCES} to create")), "{}", run.stdout.len());
    let calls = env.sandbox().calls();
    // Two pages of each list say that there is nothing, or one.
    assert!(calls.len() <= 10, "{:?}", counted(&calls));
    let to_find_nothing = calls.len();

    env.write("one.yaml", &stack(3, 1));
    env.trueup("apply one.yaml --yes").expect(0);
    let mut there = TestEnv::here(Some(&multiplied(&env.saved())), Duration::ZERO);
    there.set_secret("PASSWORD", PASSWORD).write("trueup.yaml", &stack(RESOURCES, EVENTS));
    let (run, of_old) = peak(&there, "plan --no-cache --exit-code");
    assert!(run.stdout.contains("No changes"), "{}", run.stdout.len());
    let calls = there.sandbox().calls();
    assert!(writes(&calls).is_empty(), "{:?}", counted(&calls));
    // Each connection and destination is described; the rest is pages of a hundred, and of twenty secrets.
    let most = 2 * EVENTS + EVENTS / 20 + RESOURCES / 100 + RESOURCES / 100 + 10;
    assert!(calls.len() <= most, "more than {most}: {:?}", counted(&calls));

    let bounds = [(to_validate, TO_VALIDATE), (of_new, TO_PLAN), (of_old, TO_PLAN)];
    let broken = bounds.iter().filter(|(peak, most)| peak.is_some_and(|peak| peak > *most)).count();
    let figure = format!(
        "{RESOURCES} resources: at most {} MiB to validate, {} MiB and {to_find_nothing} calls to plan all new, {} MiB and {} \
         calls to plan all as they are",
        shown(to_validate),
        shown(of_new),
        shown(of_old),
        calls.len()
    );
    report(NAME, &["P19"], &figure, broken);
    assert_eq!(broken, 0, "{figure}: more than {TO_VALIDATE} or {TO_PLAN} MiB");
}
