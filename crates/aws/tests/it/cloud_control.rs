//! Types that are known by their schema alone, against the sandbox's Cloud Control.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use trueup_aws::kinds::cloud_control::{Cache, Problem, cached, fetch};
use trueup_engine::cloud::{Cloud as _, Create, Present, Readiness, Update, Written};
use trueup_engine::delta::to_send;
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::kind::Kind;
use trueup_engine::value::Map;

use crate::support::{Bench, CANARY, assert_no_canary, compare, place, properties};

const BUCKET: &str = "AWS::S3::Bucket";
const GROUP: &str = "AWS::Logs::LogGroup";
const PARAMETER: &str = "AWS::SSM::Parameter";
const QUEUE: &str = "AWS::SQS::Queue";
const ROLE: &str = "AWS::IAM::Role";

async fn kind(bench: &Bench, name: &str) -> &'static dyn Kind {
    let names = BTreeSet::from([name.to_owned()]);
    let found = fetch(&bench.session, &place(), &names, &Cache::default()).await;
    found.kinds.into_iter().next().unwrap_or_else(|| panic!("{name}: {:?}", found.problems))
}

async fn create(bench: &Bench, kind: &'static dyn Kind, desired: &Map) -> Result<Written, Fault> {
    let identity = kind.identify(desired);
    let create = Create { identity: identity.as_deref(), desired };
    bench.session.create(kind, &place(), &create).await
}

async fn created(bench: &Bench, kind: &'static dyn Kind, desired: &Map) -> Present {
    let written = create(bench, kind, desired).await.unwrap();
    bench.settled(kind, &written.identity.unwrap()).await
}

async fn change(bench: &Bench, kind: &'static dyn Kind, live: &Present, desired: &Map) -> Present {
    let edits: Vec<_> = compare(kind, desired, live).effective().cloned().collect();
    let desired = to_send(kind.schema(), desired, &live.properties, &[]);
    let update = Update { live, desired: &desired, edits: &edits };
    bench.session.update(kind, &place(), &update).await.unwrap();
    bench.settled(kind, &live.identity).await
}

#[track_caller]
fn same(kind: &'static dyn Kind, desired: &Map, live: &Present) {
    let delta = compare(kind, desired, live);
    let edits: Vec<_> = delta.effective().map(|edit| (&edit.pointer, &edit.before, &edit.after)).collect();
    assert!(edits.is_empty(), "{}: {edits:?}", kind.name());
}

/// A type, properties, and others that an update leads to.
fn samples() -> Vec<(&'static str, Json, Json)> {
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"Service": "events.amazonaws.com"}}]});
    let tags = |value: &str| json!([{"Key": "team", "Value": value}]);
    vec![
        (
            BUCKET,
            json!({"BucketName": "orders-archive-dev", "Tags": tags("a")}),
            json!({"BucketName": "orders-archive-dev", "Tags": tags("b")}),
        ),
        (
            GROUP,
            json!({"LogGroupName": "/orders/dev", "RetentionInDays": 7, "Tags": tags("a")}),
            json!({"LogGroupName": "/orders/dev", "RetentionInDays": 14, "Tags": tags("a")}),
        ),
        (
            PARAMETER,
            json!({"Name": "/orders/arn", "Type": "String", "Value": "one"}),
            json!({"Name": "/orders/arn", "Type": "String", "Value": "two"}),
        ),
        (
            QUEUE,
            json!({"QueueName": "orders-dev", "VisibilityTimeout": 40}),
            json!({"QueueName": "orders-dev", "VisibilityTimeout": 50}),
        ),
        (
            ROLE,
            json!({"RoleName": "orders-dev", "AssumeRolePolicyDocument": policy, "Description": "a"}),
            json!({"RoleName": "orders-dev", "AssumeRolePolicyDocument": policy, "Description": "b"}),
        ),
    ]
}

#[tokio::test]
async fn what_was_created_reads_back_changes_and_goes() {
    let bench = Bench::new().await;
    for (name, before, after) in samples() {
        let kind = kind(&bench, name).await;
        let (before, after) = (properties(before), properties(after));
        assert!(kind.check(&before).is_empty(), "{name}");
        let live = created(&bench, kind, &before).await;
        same(kind, &before, &live);
        assert_eq!(live.attributes["Ref"].as_str(), Some(&*live.identity), "{name}");
        assert!(compare(kind, &after, &live).effective().next().is_some(), "{name}");
        let live = change(&bench, kind, &live, &after).await;
        same(kind, &after, &live);
        bench.session.delete(kind, &place(), &live.identity, None).await.unwrap();
        bench.gone(kind, &live.identity).await;
        // What is not there counts as deleted, at once or when the request says so.
        bench.session.delete(kind, &place(), &live.identity, None).await.unwrap();
        bench.gone(kind, &live.identity).await;
    }
}

#[tokio::test]
async fn a_property_that_is_not_given_is_left_alone() {
    let bench = Bench::new().await;
    let kind = kind(&bench, QUEUE).await;
    let all = properties(json!({"QueueName": "orders", "VisibilityTimeout": 40, "DelaySeconds": 5}));
    let live = created(&bench, kind, &all).await;
    same(kind, &properties(json!({"QueueName": "orders", "DelaySeconds": 5})), &live);
    let live = change(&bench, kind, &live, &properties(json!({"QueueName": "orders", "DelaySeconds": 6}))).await;
    assert_eq!(live.properties["VisibilityTimeout"].as_i64(), Some(40));
}

#[tokio::test]
async fn what_is_never_returned_is_not_verifiable_and_sent_with_a_change() {
    let bench = Bench::new().await;
    let kind = kind(&bench, PARAMETER).await;
    let desired = |value: &str| {
        properties(json!({"Name": "/orders/x", "Type": "String", "Value": value, "Description": "what it is for"}))
    };
    let live = created(&bench, kind, &desired("one")).await;
    assert!(!live.properties.contains_key("Description"));
    let delta = compare(kind, &desired("one"), &live);
    assert!(delta.effective().next().is_none());
    let verdicts: Vec<_> = delta.secrets.iter().map(|it| (it.pointer.as_str(), it.same, it.new)).collect();
    assert_eq!(verdicts, [("/Description", None, false)]);
    change(&bench, kind, &live, &desired("two")).await;
    let shown = bench.raw("AmazonSSM.DescribeParameters", &json!({})).await;
    assert_eq!(shown["Parameters"][0]["Description"], "what it is for");
}

#[tokio::test]
async fn a_failed_request_ends_with_the_fault_of_its_code() {
    let bench = Bench::new().await;
    let kind = kind(&bench, GROUP).await;
    let desired = properties(json!({"LogGroupName": "/orders/dev"}));
    created(&bench, kind, &desired).await;
    let fault = match create(&bench, kind, &desired).await {
        Err(fault) => fault,
        Ok(written) => {
            let present = bench.settled(kind, &written.identity.unwrap()).await;
            let Readiness::Failed(fault) = present.readiness else { panic!("{:?}", present.readiness) };
            fault
        }
    };
    assert_eq!((fault.kind, fault.code.as_deref()), (FaultKind::Conflict, Some("AlreadyExists")));
    // It is told of once; after that what is there is there.
    let present = bench.settled(kind, "/orders/dev").await;
    assert_eq!(present.readiness, Readiness::Ready(None));
}

#[tokio::test]
async fn a_create_whose_answer_was_lost_is_not_made_twice() {
    let bench = Bench::with_faults(json!([
        {"operation": "CreateResource", "count": 1, "drop": "after"},
    ]))
    .await;
    let kind = kind(&bench, QUEUE).await;
    let live = created(&bench, kind, &properties(json!({"QueueName": "orders"}))).await;
    assert_eq!(bench.session.list(kind, &place()).await.unwrap(), [live.identity]);
}

#[tokio::test]
async fn what_an_earlier_run_made_after_it_was_looked_for_is_taken() {
    let bench = Bench::new().await;
    let owned = json!([
        {"Key": "trueup:stack", "Value": "orders"},
        {"Key": "trueup:env", "Value": "dev"},
        {"Key": "trueup:resource", "Value": "jobs"},
    ]);
    for (name, desired) in
        [(GROUP, json!({"LogGroupName": "/orders/dev", "RetentionInDays": 7})), (QUEUE, json!({"Tags": owned}))]
    {
        // One session for each run: what it has read is known to it.
        let run = Bench::at(&bench.url);
        let kind = kind(&run, name).await;
        let desired = properties(desired);
        assert_eq!(run.session.list(kind, &place()).await.unwrap(), Vec::<String>::new());
        let earlier = created(&Bench::at(&bench.url), kind, &desired).await;
        let written = create(&run, kind, &desired).await.unwrap();
        assert_eq!(written.identity.as_ref(), Some(&earlier.identity), "{name}");
        assert_eq!(run.session.list(kind, &place()).await.unwrap(), [earlier.identity]);
    }
}

#[tokio::test]
async fn what_was_read_is_not_taken_for_what_was_missed() {
    let bench = Bench::new().await;
    let kind = kind(&bench, QUEUE).await;
    let owned = json!([
        {"Key": "trueup:stack", "Value": "orders"},
        {"Key": "trueup:env", "Value": "dev"},
        {"Key": "trueup:resource", "Value": "jobs"},
    ]);
    let desired = properties(json!({ "Tags": owned }));
    let former = created(&Bench::at(&bench.url), kind, &desired).await;
    // A run that replaces it has read it, and makes another one.
    bench.settled(kind, &former.identity).await;
    let next = created(&bench, kind, &desired).await;
    assert_ne!(next.identity, former.identity);
}

#[tokio::test]
async fn types_that_are_not_there_or_not_at_hand_are_told_apart() {
    let bench = Bench::new().await;
    let names = BTreeSet::from(["AWS::Made::Up".to_owned(), "AWS::Made::Other".to_owned()]);
    let found = fetch(&bench.session, &place(), &names, &Cache::default()).await;
    assert!(found.kinds.is_empty());
    assert!(found.problems.iter().all(|(_, problem)| *problem == Problem::Unknown), "{:?}", found.problems);
    let found = cached(&names, None, &Cache::default());
    assert_eq!(found.kinds.iter().filter(|kind| kind.is_opaque()).count(), 2);
}

#[tokio::test]
async fn no_message_repeats_a_secret() {
    let bench = Bench::new().await;
    let kind = kind(&bench, PARAMETER).await;
    let secret = format!("{CANARY}-value");
    let desired = properties(json!({"Name": "/orders/x", "Type": "None", "Value": {"$secret": secret}}));
    let result = create(&bench, kind, &desired).await;
    assert_no_canary(&result);
    assert_no_canary(&*bench.events.lock().unwrap());
}
