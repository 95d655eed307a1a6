//! What is special about keys and about what is found by its tags.

use serde_json::json;
use trueup_engine::cloud::{Cloud as _, Create, Live, Readiness, Update};
use trueup_engine::delta::to_send;
use trueup_engine::fault::FaultKind;
use trueup_engine::kind::Kind;
use trueup_engine::value::Value;

use crate::samples::{jdbc, key, kind, secret, tags};
use crate::support::{Bench, assert_equal, compare, place, properties};

fn of() -> &'static dyn Kind {
    kind("AWS::KMS::Key")
}

#[tokio::test]
async fn a_deletion_has_its_date_and_is_taken_back() {
    let bench = Bench::new().await;
    let id = key(&bench).await;
    let window = properties(json!({"PendingWindowInDays": 7}));
    let written = bench.session.delete(of(), &place(), &id, Some(&window)).await.unwrap();
    let Readiness::Scheduled { until: Some(day), .. } = &written.readiness else { panic!("{written:?}") };
    assert_eq!(written.notes, [format!("deleted on {day}; until then its deletion can be cancelled")]);
    let live = bench.settled(of(), &id).await;
    assert_eq!(live.readiness, Readiness::Scheduled { state: "PendingDeletion".to_owned(), until: Some(day.clone()) });
    bench.session.restore(of(), &place(), &id).await.unwrap();
    // It comes back disabled, and is enabled by the update that follows.
    let live = bench.settled(of(), &id).await;
    let wanted = properties(json!({}));
    let edits = compare(of(), &wanted, &live).edits;
    assert_eq!(edits.iter().map(|edit| &*edit.pointer).collect::<Vec<_>>(), ["/Enabled"]);
    let sent = to_send(of().schema(), &wanted, &live.properties, &[]);
    bench.session.update(of(), &place(), &Update { live: &live, desired: &sent, edits: &edits }).await.unwrap();
    assert_equal(of(), &wanted, &bench.settled(of(), &id).await);
    // Its id and its ARN are one.
    let arn = live.attributes["Arn"].as_str().unwrap();
    assert_eq!(bench.settled(of(), arn).await.attributes, live.attributes);
}

#[tokio::test]
async fn a_key_is_not_made_twice() {
    let bench = Bench::new().await;
    let desired = properties(json!({"Tags": tags(&[])}));
    let create = Create { identity: None, desired: &desired };
    let count = || async { bench.session.list(of(), &place()).await.unwrap().len() };
    let before = count().await;
    bench.faults(&json!([{"operation": "CreateKey", "count": 1, "drop": "after"}])).await;
    let written = bench.session.create(of(), &place(), &create).await.unwrap();
    assert!(written.identity.is_some());
    assert_eq!(count().await, before + 1);
    // Where nobody can look, nothing is made again.
    bench
        .faults(&json!([
            {"operation": "CreateKey", "count": 1, "drop": "after"},
            {"operation": "GetResources", "error": {"code": "AccessDeniedException", "message": "no"}},
        ]))
        .await;
    let fault = bench.session.create(of(), &place(), &create).await.unwrap_err();
    assert!(fault.message.contains("it is not made a second time"), "{fault}");
    assert_eq!(count().await, before + 2);
}

#[tokio::test]
async fn a_key_in_whose_place_another_one_is_made_is_not_taken_for_it() {
    let bench = Bench::new().await;
    let old = properties(json!({"Tags": tags(&[("trueup:replaced", "true")])}));
    let create = Create { identity: None, desired: &old };
    let old = bench.session.create(of(), &place(), &create).await.unwrap().identity;
    bench.faults(&json!([{"operation": "CreateKey", "count": 1, "drop": "after"}])).await;
    let desired = properties(json!({"Tags": tags(&[])}));
    let create = Create { identity: None, desired: &desired };
    let written = bench.session.create(of(), &place(), &create).await.unwrap();
    assert!(written.identity.is_some());
    assert_ne!(written.identity, old);
}

#[tokio::test]
async fn a_read_that_is_denied_in_part_makes_nothing_absent() {
    let bench = Bench::new().await;
    let id = key(&bench).await;
    for operation in ["DescribeKey", "GetKeyPolicy", "GetKeyRotationStatus", "ListResourceTags"] {
        for (code, kind) in
            [("AccessDeniedException", FaultKind::Denied), ("ThrottlingException", FaultKind::Throttled)]
        {
            bench.faults(&json!([{"operation": operation, "error": {"code": code, "message": "no"}}])).await;
            let live = bench.read(of(), &id).await;
            assert!(matches!(&live, Live::Unreadable(fault) if fault.kind == kind), "{operation}: {live:?}");
        }
    }
}

#[tokio::test]
async fn what_a_stack_owns_is_found_by_its_tags() {
    let bench = Bench::new().await;
    let own = tags(&[("team", "data")]);
    let desired = properties(json!({"Tags": own}));
    let create = Create { identity: None, desired: &desired };
    let id = bench.session.create(of(), &place(), &create).await.unwrap().identity.unwrap();
    let desired = properties(json!({"Name": "orders/db-main", "SecretString": secret("a"), "Tags": own}));
    let create = Create { identity: Some("orders/db-main"), desired: &desired };
    bench.session.create(kind("AWS::SecretsManager::Secret"), &place(), &create).await.unwrap();
    let mut desired = jdbc("orders jdbc", "p");
    let by_name = own.as_array().unwrap().iter().map(|tag| (tag["Key"].as_str().unwrap(), tag["Value"].clone()));
    let by_name: serde_json::Map<_, _> = by_name.map(|(key, value)| (key.to_owned(), value)).collect();
    desired.insert("Tags".to_owned(), Value::from(serde_json::Value::from(by_name)));
    let create = Create { identity: Some("orders jdbc"), desired: &desired };
    bench.session.create(kind("AWS::Glue::Connection"), &place(), &create).await.unwrap();
    key(&bench).await;

    let owned = bench.session.owned(&[], &place(), "orders", "test").await.unwrap();
    let mut found: Vec<(&str, &str)> =
        owned.iter().map(|owned| (owned.kind.unwrap().name(), owned.identity.as_deref().unwrap())).collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("AWS::Glue::Connection", "orders jdbc"),
            ("AWS::KMS::Key", &*id),
            ("AWS::SecretsManager::Secret", "orders/db-main"),
        ]
    );
    assert!(owned.iter().all(|owned| owned.tags.get("team").and_then(Value::as_str) == Some("data")));
    assert!(bench.session.owned(&[], &place(), "orders", "prod").await.unwrap().is_empty());
    let denied = json!([{"operation": "GetResources", "error": {"code": "AccessDeniedException", "message": "no"}}]);
    bench.faults(&denied).await;
    assert_eq!(bench.session.owned(&[], &place(), "orders", "test").await.unwrap_err().kind, FaultKind::Denied);
}
