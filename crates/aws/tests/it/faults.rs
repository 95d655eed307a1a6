//! What every kind makes of a service that refuses, throttles, fails and loses answers.

use serde_json::json;
use trueup_engine::cloud::{Cloud as _, Create, Live, Update};
use trueup_engine::delta::to_send;
use trueup_engine::fault::{Fault, FaultKind};

use crate::samples::{Sample, basic, kind, samples};
use crate::support::{Bench, CANARY, assert_equal, assert_no_canary, compare, place};

/// Code and status of an error, and what it means in a read and in a write.
const ERRORS: &[(&str, u16, FaultKind, FaultKind)] = &[
    ("AccessDeniedException", 400, FaultKind::Denied, FaultKind::Denied),
    ("UnrecognizedClientException", 400, FaultKind::Denied, FaultKind::Denied),
    ("ExpiredTokenException", 400, FaultKind::Denied, FaultKind::Denied),
    ("ThrottlingException", 400, FaultKind::Throttled, FaultKind::Throttled),
    ("LimitExceededException", 400, FaultKind::Throttled, FaultKind::Quota),
    ("ConcurrentModificationException", 400, FaultKind::Conflict, FaultKind::Conflict),
    ("ValidationException", 400, FaultKind::Invalid, FaultKind::Invalid),
    ("UnknownOperationException", 400, FaultKind::Invalid, FaultKind::Invalid),
    ("InternalException", 500, FaultKind::Internal, FaultKind::Internal),
    ("ServiceUnavailable", 503, FaultKind::Internal, FaultKind::Internal),
    ("NeverHeardOf", 400, FaultKind::Invalid, FaultKind::Invalid),
    ("NeverHeardOf", 500, FaultKind::Internal, FaultKind::Internal),
];

#[tokio::test]
async fn every_error_of_every_operation_has_its_meaning() {
    let bench = Bench::new().await;
    for mut sample in samples(&bench).await {
        create(&bench, &mut sample).await.unwrap();
        bench.settled(sample.kind, sample.identity).await;
        for (code, status, in_read, in_write) in ERRORS {
            let [describe, _, creates, updates, deletes] = sample.operations;
            let message = format!("1 validation error detected: Value '{CANARY}' at 'authParameters.x' failed");
            let error = json!({"code": code, "message": message, "status": status});
            let rule = |operation: &str| json!([{"operation": operation, "error": error}]);
            bench.faults(&rule(describe)).await;
            match bench.read(sample.kind, sample.identity).await {
                Live::Unreadable(fault) => check(&sample, &fault, *in_read, code),
                other => panic!("{code}: {other:?}"),
            }
            // One that names itself is there, and would be taken for the one whose answer was lost.
            if !(sample.kind.names_itself() && in_write.is_ambiguous()) {
                bench.faults(&rule(creates)).await;
                let fault = create(&bench, &mut sample).await.unwrap_err();
                check(&sample, &fault, *in_write, code);
            }
            bench.faults(&json!([])).await;
            let live = bench.settled(sample.kind, sample.identity).await;
            let edits = compare(sample.kind, &sample.forms[1], &live).edits;
            let desired = to_send(sample.kind.schema(), &sample.forms[1], &live.properties, &[]);
            let update = Update { live: &live, desired: &desired, edits: &edits };
            bench.faults(&rule(updates)).await;
            check(&sample, &bench.session.update(sample.kind, &place(), &update).await.unwrap_err(), *in_write, code);
            bench.faults(&rule(deletes)).await;
            check(
                &sample,
                &bench.session.delete(sample.kind, &place(), sample.identity, None).await.unwrap_err(),
                *in_write,
                code,
            );
        }
    }
}

#[track_caller]
fn check(sample: &Sample, fault: &Fault, wanted: FaultKind, code: &str) {
    assert_eq!(fault.kind, wanted, "{code}: {fault:?}");
    assert_eq!(fault.code.as_deref(), Some(code));
    let service = sample.kind.name().split("::").nth(1).unwrap().to_lowercase();
    assert!(fault.operation.starts_with(&format!("{service}:")), "{}", fault.operation);
    assert!(fault.request_id.is_some());
    assert_no_canary(fault);
}

async fn create(bench: &Bench, sample: &mut Sample) -> Result<(), Fault> {
    let create = Create { identity: sample.asked_for(), desired: &sample.forms[0] };
    let written = bench.session.create(sample.kind, &place(), &create).await?;
    sample.identify(&written);
    Ok(())
}

#[tokio::test]
async fn what_fails_in_passing_is_repeated_and_counted_once() {
    let bench = Bench::new().await;
    for mut sample in samples(&bench).await {
        let throttled = json!({"code": "ThrottlingException", "message": "Rate exceeded"});
        let failed = json!({"code": "InternalException", "message": "", "status": 500});
        bench
            .faults(&json!([
                {"operation": sample.operations[2], "count": 2, "error": throttled},
                {"operation": sample.operations[0], "count": 1, "error": failed},
            ]))
            .await;
        let before = bench.session.calls();
        create(&bench, &mut sample).await.unwrap();
        assert_eq!(bench.session.calls() - before, 1);
        assert!(bench.read(sample.kind, sample.identity).await.present().is_some());
        let retries = bench.events.lock().unwrap().iter().filter(|event| event.retry_in.is_some()).count();
        assert_eq!(retries, 3);
        bench.events.lock().unwrap().clear();
    }
}

#[tokio::test]
async fn a_lost_answer_to_a_create_is_settled_by_reading_back() {
    let bench = Bench::new().await;
    for mut sample in samples(&bench).await {
        bench.faults(&json!([{"operation": sample.operations[2], "count": 1, "drop": "after"}])).await;
        create(&bench, &mut sample).await.unwrap();
        let live = bench.settled(sample.kind, sample.identity).await;
        assert_equal(sample.kind, &sample.forms[0], &live);
        if sample.kind.names_itself() {
            continue;
        }
        // The same, but somebody else was first, with something else.
        bench.faults(&json!([{"operation": sample.operations[2], "count": 1, "drop": "before"}])).await;
        let other = Create { identity: sample.asked_for(), desired: &sample.forms[1] };
        let fault = bench.session.create(sample.kind, &place(), &other).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Conflict);
        assert!(fault.message.contains("somebody else"), "{}", fault.message);
        assert_no_canary(&fault);
    }
}

#[tokio::test]
async fn a_lost_answer_to_a_delete_is_a_success() {
    let bench = Bench::new().await;
    for mut sample in samples(&bench).await {
        create(&bench, &mut sample).await.unwrap();
        bench.faults(&json!([{"operation": sample.operations[4], "count": 1, "drop": "after"}])).await;
        bench.session.delete(sample.kind, &place(), sample.identity, None).await.unwrap();
        bench.gone(sample.kind, sample.identity).await;
    }
}

#[tokio::test]
async fn a_value_that_does_not_clear_is_noted() {
    let bench = Bench::new().await;
    for mut sample in samples(&bench).await.into_iter().filter(|sample| sample.merges) {
        create(&bench, &mut sample).await.unwrap();
        let live = bench.settled(sample.kind, sample.identity).await;
        bench.faults(&json!([{"operation": sample.operations[3], "no_clear": true}])).await;
        let mut form = sample.forms[0].clone();
        form.remove("Description");
        let edits = compare(sample.kind, &form, &live).edits;
        let update = Update { live: &live, desired: &form, edits: &edits };
        let written = bench.session.update(sample.kind, &place(), &update).await.unwrap();
        assert_eq!(written.notes, ["/Description was cleared and is still there"]);
    }
}

#[tokio::test]
async fn a_refused_password_is_not_repeated() {
    let bench = Bench::new().await;
    let mut desired = basic("orders");
    let secret = trueup_engine::secret::Secret::new("test", format!("{CANARY}:colon"));
    let auth = desired.get_mut("AuthParameters").unwrap();
    *auth = trueup_engine::value::Map::from_iter([(
        "BasicAuthParameters".to_owned(),
        trueup_engine::value::Map::from_iter([
            ("Username".to_owned(), "u".into()),
            ("Password".to_owned(), trueup_engine::value::Value::Secret(secret)),
        ])
        .into(),
    )])
    .into();
    let create = Create { identity: Some("orders"), desired: &desired };
    let connection = kind("AWS::Events::Connection");
    let fault = bench.session.create(connection, &place(), &create).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Invalid);
    assert_no_canary(&fault);
}
