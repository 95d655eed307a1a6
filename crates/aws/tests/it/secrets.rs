//! What is special about secrets: values, deletion, other owners, lists.

use serde_json::json;
use trueup_engine::cloud::{Cloud as _, Create, Live, Readiness, Update, Want};
use trueup_engine::delta::to_send;
use trueup_engine::fault::FaultKind;
use trueup_engine::kind::Kind;
use trueup_engine::value::{Map, Value};

use crate::samples::{kind, secret, tags};
use crate::support::{Bench, assert_equal, assert_no_canary, compare, place, properties};

fn of() -> &'static dyn Kind {
    kind("AWS::SecretsManager::Secret")
}

async fn create(bench: &Bench, name: &str, desired: &Map) {
    let create = Create { identity: Some(name), desired };
    let written = bench.session.create(of(), &place(), &create).await.unwrap();
    assert_no_canary(&written);
}

fn plain(name: &str) -> Map {
    properties(json!({"Name": name, "SecretString": secret(name), "Tags": tags(&[])}))
}

#[tokio::test]
async fn a_value_is_generated_once_and_put_into_its_template() {
    let bench = Bench::new().await;
    let desired = properties(json!({
        "Name": "generated", "GenerateSecretString": {
            "PasswordLength": 40, "ExcludePunctuation": true, "GenerateStringKey": "password",
            "SecretStringTemplate": "{\"username\": \"svc\"}",
        },
    }));
    create(&bench, "generated", &desired).await;
    let value = || async {
        let answer = bench.raw("secretsmanager.GetSecretValue", &json!({"SecretId": "generated"})).await;
        let document: serde_json::Value = serde_json::from_str(answer["SecretString"].as_str().unwrap()).unwrap();
        (answer["VersionId"].clone(), document)
    };
    let (version, document) = value().await;
    assert_eq!(document["username"], "svc");
    let password = document["password"].as_str().unwrap();
    assert!(password.len() == 40 && password.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{password}");
    // Another length, and another description beside it: the value stays.
    let other = properties(json!({
        "Name": "generated", "Description": "Orders", "GenerateSecretString": {"PasswordLength": 20},
    }));
    let live = bench.settled(of(), "generated").await;
    let edits = compare(of(), &other, &live).edits;
    assert_eq!(edits.iter().map(|edit| &*edit.pointer).collect::<Vec<_>>(), ["/Description"]);
    let sent = to_send(of().schema(), &other, &live.properties, &[]);
    bench.session.update(of(), &place(), &Update { live: &live, desired: &sent, edits: &edits }).await.unwrap();
    assert_eq!(value().await, (version, document));
}

#[tokio::test]
async fn a_deletion_has_its_date_and_is_taken_back() {
    let bench = Bench::new().await;
    create(&bench, "orders", &plain("orders")).await;
    let window = properties(json!({"RecoveryWindowInDays": 7}));
    let written = bench.session.delete(of(), &place(), "orders", Some(&window)).await.unwrap();
    let Readiness::Scheduled { until: Some(day), .. } = &written.readiness else { panic!("{written:?}") };
    assert_eq!(written.notes, [format!("deleted on {day}; until then it can be restored")]);
    let live = bench.settled(of(), "orders").await;
    assert!(matches!(live.readiness, Readiness::Scheduled { .. }));
    // The name is taken, which is a conflict and not a mistake.
    let again = plain("orders");
    let create = Create { identity: Some("orders"), desired: &again };
    let fault = bench.session.create(of(), &place(), &create).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Conflict);
    bench.session.restore(of(), &place(), "orders").await.unwrap();
    assert_equal(of(), &again, &bench.settled(of(), "orders").await);
    // At once, with a copy in another region.
    let input = json!({"SecretId": "orders", "AddReplicaRegions": [{"Region": "eu-west-1"}]});
    bench.raw("secretsmanager.ReplicateSecretToRegions", &input).await;
    let now = properties(json!({"RecoveryWindowInDays": 0}));
    bench.session.delete(of(), &place(), "orders", Some(&now)).await.unwrap();
    assert!(matches!(bench.read(of(), "orders").await, Live::Absent));
    bench.session.create(of(), &place(), &create).await.unwrap();
}

#[tokio::test]
async fn what_a_service_keeps_for_itself_is_not_written() {
    let bench = Bench::new().await;
    let connection = kind("AWS::Events::Connection");
    let desired = crate::samples::basic("orders");
    let create = Create { identity: Some("orders"), desired: &desired };
    bench.session.create(connection, &place(), &create).await.unwrap();
    let managed = bench.settled(connection, "orders").await.attributes["SecretArn"].as_str().unwrap().to_owned();
    let live = bench.settled(of(), &managed).await;
    assert!(of().refuses(&live).unwrap().contains("events"));
    let edits = compare(of(), &properties(json!({"Name": managed, "Description": "mine"})), &live).edits;
    let update = Update { live: &live, desired: &live.properties, edits: &edits };
    let before = bench.session.calls();
    assert_eq!(bench.session.update(of(), &place(), &update).await.unwrap_err().kind, FaultKind::Invalid);
    assert_eq!(bench.session.calls(), before);
    assert_eq!(bench.session.delete(of(), &place(), &managed, None).await.unwrap_err().kind, FaultKind::Invalid);
}

#[tokio::test]
async fn many_are_read_by_pages_and_values_by_batches() {
    let bench = Bench::new().await;
    let names: Vec<String> = (0..145).map(|n| format!("orders/{n:03}")).collect();
    for name in &names {
        create(&bench, name, &plain(name)).await;
    }
    let want = |name: &String| Want {
        identity: name.clone(),
        secrets: true,
        shallow: false,
        given: vec!["/SecretString".to_owned(), "/Tags".to_owned()],
        tags: None,
        verified: None,
    };
    let mut wants: Vec<Want> = names.iter().map(want).collect();
    wants.push(want(&"orders/none".to_owned()));
    let before = bench.session.calls();
    let lives = bench.session.observe(of(), &place(), &wants).await;
    for (name, live) in names.iter().zip(&lives) {
        let present = live.present().unwrap();
        assert!(present.secret_version.is_some());
        assert_equal(of(), &plain(name), present);
    }
    assert!(matches!(lives[145], Live::Absent));
    // Two pages, one look at the one that is not in them, eight batches of values.
    assert_eq!(bench.session.calls() - before, 11);
    // Without a word on the value, and where values may not be read, none is.
    let hidden = Want { secrets: false, ..want(&names[0]) };
    let lives = bench.session.observe(of(), &place(), &[hidden]).await;
    let Value::Secret(secret) = &lives[0].present().unwrap().properties["SecretString"] else { panic!() };
    assert_eq!((secret.is_resolved(), secret.source()), (false, "not read"));
}

#[tokio::test]
async fn a_value_whose_answer_was_lost_makes_one_version() {
    let bench = Bench::new().await;
    create(&bench, "orders", &plain("orders")).await;
    let live = bench.settled(of(), "orders").await;
    let other = properties(json!({"Name": "orders", "SecretString": secret("other"), "Tags": tags(&[])}));
    let edits = compare(of(), &other, &live).edits;
    let sent = to_send(of().schema(), &other, &live.properties, &[]);
    // Every answer is lost, so that the value has to be read back.
    bench.faults(&json!([{"operation": "UpdateSecret", "drop": "after"}])).await;
    let update = Update { live: &live, desired: &sent, edits: &edits };
    let written = bench.session.update(of(), &place(), &update).await.unwrap();
    assert!(written.notes[0].starts_with("2 new versions in ten minutes"), "{:?}", written.notes);
    assert_equal(of(), &other, &bench.settled(of(), "orders").await);
}
