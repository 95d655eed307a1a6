//! Reading many connections and their managed secrets: how many calls it takes, and what is said where it fails.

use serde_json::json;
use trueup_aws::Settings;
use trueup_engine::cloud::{Cloud as _, Confirm, Create, Live, Readiness, Want};
use trueup_engine::fault::FaultKind;
use trueup_engine::kind::Kind;
use trueup_engine::value::Value;

use crate::samples::{basic, kind};
use crate::support::{Bench, assert_equal, place, settings};

fn connection() -> &'static dyn Kind {
    kind("AWS::Events::Connection")
}

async fn create(bench: &Bench, names: &[String]) {
    for name in names {
        let desired = basic(name);
        let create = Create { identity: Some(name), desired: &desired };
        bench.session.create(connection(), &place(), &create).await.unwrap();
    }
}

fn wants(names: &[String], secrets: bool, shallow: bool) -> Vec<Want> {
    let want = |name: &String| Want {
        identity: name.clone(),
        secrets,
        shallow,
        given: Vec::new(),
        tags: None,
        verified: None,
    };
    names.iter().map(want).collect()
}

fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}-{n:03}")).collect()
}

fn password(live: &Live) -> &Value {
    let pointer = "/BasicAuthParameters/Password";
    live.present().unwrap().properties["AuthParameters"].at(pointer).unwrap()
}

#[tokio::test]
async fn a_hundred_and_twenty_connections_take_as_many_describes_and_eight_calls() {
    let bench = Bench::new().await;
    let there = names("orders", 120);
    create(&bench, &there).await;
    create(&bench, &names("others", 30)).await;
    let mut wanted = there.clone();
    wanted.extend(names("orders-missing", 30));
    let before = bench.session.calls();
    let lives = bench.session.observe(connection(), &place(), &wants(&wanted, true, false)).await;
    // Two pages (the others do not have the prefix), six batches of secrets.
    assert_eq!(bench.session.calls() - before, 2 + 120 + 6);
    for (name, live) in wanted.iter().zip(&lives) {
        match live {
            Live::Present(present) => assert_equal(connection(), &basic(name), present),
            other => assert!(matches!(other, Live::Absent) && name.contains("missing"), "{other:?}"),
        }
    }
    assert!(lives[0].present().unwrap().secret_version.is_some());
    // In outline: the pages alone.
    let before = bench.session.calls();
    let lives = bench.session.observe(connection(), &place(), &wants(&wanted, true, true)).await;
    assert_eq!(bench.session.calls() - before, 2);
    assert_eq!(lives.iter().filter(|live| live.present().is_some()).count(), 120);
    // All are confirmed by pages of a hundred.
    let before = bench.session.calls();
    let items: Vec<Confirm> = there.iter().map(|name| Confirm { identity: name.clone(), present: true }).collect();
    assert_eq!(bench.session.confirm(connection(), &place(), &items).await, []);
    assert_eq!(bench.session.calls() - before, 2);
}

#[tokio::test]
async fn a_list_that_may_not_be_read_is_replaced_by_describes() {
    let bench = Bench::new().await;
    let there = names("orders", 5);
    create(&bench, &there).await;
    bench.faults(&json!([{"operation": "ListConnections", "deny": true}])).await;
    let lives = bench.session.observe(connection(), &place(), &wants(&there, false, true)).await;
    assert!(lives.iter().all(|live| live.present().is_some()));
}

#[tokio::test]
async fn what_could_not_be_read_is_neither_absent_nor_present() {
    let bench = Bench::new().await;
    let there = names("orders", 5);
    create(&bench, &there).await;
    let failing = json!({"code": "InternalException", "message": "", "status": 500});
    for operation in ["ListConnections", "DescribeConnection"] {
        bench.faults(&json!([{"operation": operation, "error": failing}])).await;
        let lives = bench.session.observe(connection(), &place(), &wants(&there, false, false)).await;
        for live in lives {
            assert!(matches!(live, Live::Unreadable(fault) if fault.kind == FaultKind::Internal));
        }
    }
}

#[tokio::test]
async fn a_part_of_the_lists_that_cannot_be_read_leaves_the_others_known() {
    let bench = Bench::new().await;
    // After a page of all 420 names each further hundred has a list of its own.
    let there = names("orders", 420);
    create(&bench, &there).await;
    let failing = json!({"code": "ValidationException", "message": "", "status": 400});
    bench.faults(&json!([{"operation": "ListConnections", "skip": 4, "error": failing}])).await;
    let mut wanted = there.clone();
    wanted.push("orders-420".to_owned());
    let lives = bench.session.observe(connection(), &place(), &wants(&wanted, false, true)).await;
    let unreadable = |live: &Live| matches!(live, Live::Unreadable(fault) if fault.kind == FaultKind::Invalid);
    let unread = lives.iter().filter(|live| unreadable(live)).count();
    let absent = lives.iter().filter(|live| matches!(live, Live::Absent)).count();
    // What is on the list that failed is not called absent; the first page had shown a hundred already.
    assert!([21, 100].contains(&unread), "one of four lists failed: {unread}");
    assert_eq!(absent, usize::from(!unreadable(&lives[420])));
    assert_eq!(lives.iter().filter(|live| live.present().is_some()).count(), 421 - unread - absent);
    assert_eq!(bench.calls().await.iter().filter(|operation| *operation == "ListConnections").count(), 5);
}

#[tokio::test]
async fn what_a_page_shows_is_described_before_the_last_page_is_there() {
    let bench = Bench::new().await;
    // One of them is what all others begin with, so that they are one list.
    let mut there = names("orders-0", 219);
    there.push("orders-0".to_owned());
    create(&bench, &there).await;
    bench.faults(&json!([{"latency_ms": 20}])).await;
    let before = bench.calls().await.len();
    let lives = bench.session.observe(connection(), &place(), &wants(&there, false, false)).await;
    assert!(lives.iter().all(|live| live.present().is_some()));
    let sent = bench.calls().await.split_off(before);
    let pages = sent.iter().filter(|operation| *operation == "ListConnections").count();
    assert_eq!((pages, sent.len()), (3, 3 + 220));
    let last_page = sent.iter().rposition(|operation| operation == "ListConnections").unwrap();
    let first_description = sent.iter().position(|operation| operation == "DescribeConnection").unwrap();
    assert!(first_description < last_page, "{first_description} {last_page}");
}

#[tokio::test]
async fn secrets_that_cannot_be_read_say_why() {
    let bench = Bench::new().await;
    let there = names("orders", 1);
    create(&bench, &there).await;
    let read = async |bench: &Bench| {
        bench.session.observe(connection(), &place(), &wants(&there, true, false)).await.pop().unwrap()
    };
    let source = |live: &Live| match password(live) {
        Value::Secret(secret) => (secret.is_resolved(), secret.source().to_owned()),
        other => panic!("{other:?}"),
    };
    assert_eq!(source(&read(&bench).await), (true, "live".to_owned()));
    bench.faults(&json!([{"operation": "BatchGetSecretValue", "deny": true}])).await;
    assert_eq!(source(&read(&bench).await), (false, "secretsmanager:BatchGetSecretValue denied".to_owned()));
    let off = Bench::with(&bench.url, Settings { secret_reads: false, ..settings(&bench.url) });
    assert_eq!(source(&read(&off).await), (false, "secret reads are switched off".to_owned()));
    let not_wanted = off.session.observe(connection(), &place(), &wants(&there, false, false)).await;
    assert_eq!(source(&not_wanted[0]), (false, "not read".to_owned()));
}

#[tokio::test]
async fn what_brought_no_secret_is_found_and_what_cannot_be_seen_is_noted() {
    let bench = Bench::new().await;
    create(&bench, &names("orders", 1)).await;
    let item = |present| [Confirm { identity: "orders-000".to_owned(), present }];
    bench.faults(&json!([{"operation": "ListSecrets", "deny": true}])).await;
    let findings = bench.session.confirm(connection(), &place(), &item(true)).await;
    assert!(!findings[0].proven && findings[0].message.contains("secretsmanager:ListSecrets denied"), "{findings:?}");
    bench.faults(&json!([])).await;
    let missing = [Confirm { identity: "never-made".to_owned(), present: true }];
    let findings = bench.session.confirm(connection(), &place(), &missing).await;
    assert!(findings[0].proven && findings[0].message.contains("events!connection/never-made/"), "{findings:?}");
}

#[tokio::test]
async fn a_list_that_lags_behind_proves_nothing() {
    let bench = Bench::new().await;
    bench.faults(&json!([{"service": "secretsmanager", "operation": "ListSecrets", "stale_ms": 60000}])).await;
    create(&bench, &names("orders", 1)).await;
    let item = |present| [Confirm { identity: "orders-000".to_owned(), present }];
    let before = bench.session.calls();
    assert_eq!(bench.session.confirm(connection(), &place(), &item(true)).await, []);
    assert_eq!(bench.session.calls() - before, 3, "the list, the connection, its secret");
    // Listed for a while after it is gone.
    bench.session.delete(connection(), &place(), "orders-000", None).await.unwrap();
    bench.gone(connection(), "orders-000").await;
    assert_eq!(bench.session.confirm(connection(), &place(), &item(false)).await, []);
    let findings = bench.session.confirm(connection(), &place(), &item(true)).await;
    assert!(findings[0].proven, "{findings:?}");
}

#[tokio::test]
async fn a_secret_that_nobody_shows_is_noted_and_one_that_stays_is_proven() {
    let bench = Bench::new().await;
    create(&bench, &names("orders", 1)).await;
    let item = |present| [Confirm { identity: "orders-000".to_owned(), present }];
    let findings = bench.session.confirm(connection(), &place(), &item(false)).await;
    assert!(findings[0].proven && findings[0].message.contains("is still there"), "{findings:?}");
    bench.faults(&json!([{"operation": "DescribeSecret", "deny": true}])).await;
    let findings = bench.session.confirm(connection(), &place(), &item(false)).await;
    assert!(!findings[0].proven && findings[0].message.contains("DescribeSecret denied"), "{findings:?}");
}

#[tokio::test]
async fn states_that_settled_badly_have_their_reason() {
    let bench = Bench::new().await;
    create(&bench, &names("orders", 1)).await;
    bench.raw("AWSEvents.DeauthorizeConnection", &json!({"Name": "orders-000"})).await;
    let live = bench.settled(connection(), "orders-000").await;
    assert!(matches!(live.readiness, Readiness::Unusable { ref state, .. } if state == "DEAUTHORIZED"), "{live:?}");
    bench.faults(&json!([{"operation": "DescribeConnection", "states": ["SOMETHING_NEW"]}])).await;
    let live = bench.settled(connection(), "orders-000").await;
    assert!(matches!(live.readiness, Readiness::Unusable { ref state, .. } if state == "SOMETHING_NEW"), "{live:?}");
}

#[tokio::test]
async fn a_private_connection_is_not_ready_before_it_is_active_even_by_pages() {
    let bench = Bench::new().await;
    let lattice = "arn:aws:vpc-lattice:eu-central-1:123456789012:resourceconfiguration/rcfg-0123456789abcdefg";
    let mut all = names("public", 4);
    create(&bench, &all).await;
    let mut desired = basic("private");
    desired.insert(
        "InvocationConnectivityParameters".to_owned(),
        Value::from(json!({"ResourceParameters": {"ResourceConfigurationArn": lattice}})),
    );
    let create = Create { identity: Some("private"), desired: &desired };
    bench.session.create(connection(), &place(), &create).await.unwrap();
    all.push("private".to_owned());
    bench.faults(&json!([{"operation": "ListConnections", "states": ["AUTHORIZED"]}])).await;
    let lives = bench.session.observe(connection(), &place(), &wants(&all, false, true)).await;
    let readiness = |index: usize| &lives[index].present().unwrap().readiness;
    assert!(matches!(readiness(0), Readiness::Ready(_)));
    assert!(!matches!(readiness(4), Readiness::Unusable { .. }), "{:?}", readiness(4));
    let live = bench.settled(connection(), "private").await;
    assert_eq!(live.readiness, Readiness::Ready(Some("ACTIVE".to_owned())));
}
