//! Queries: what is read and made nothing of, and what the manifest's own query finds.

use serde_json::json;
use trueup_engine::desired::{Defaults, desire};
use trueup_engine::drift::Drift;
use trueup_engine::fault::FaultKind;
use trueup_engine::graph::graph;
use trueup_engine::plan::Action;
use trueup_engine::report::Ending;

use crate::support::{
    KEY, KINDS, TOPIC, World, alias, key, link, live, outcome, owned_by, problems, query, run, stack, topic, with,
};

#[test]
fn what_is_there_is_found_for_the_plan() {
    run(async {
        let world = World::new();
        world.cloud.put(&TOPIC, "theirs", live(&[("Name", "theirs")]), &[]);
        let mut points = link("l", "link", "q");
        points["props"]["TargetArn"] = json!("{{ q.Arn }}");
        let manifest = stack(&[&query("q", &TOPIC, "Name=theirs"), &points]);
        let planned = world.plan(&manifest).await;
        assert_eq!((planned.action("q"), planned.action("l")), (Action::None, Action::Create));
        let arn = "arn:aws:sns:us-east-1:123456789012:theirs";
        let document = serde_json::to_value(planned.document()).unwrap();
        assert_eq!(document["steps"][1]["patch"][0]["value"]["TargetArn"], arn);
        assert_eq!(document["summary"]["unchanged"], 0, "a query is no resource that could be unchanged");
        assert_eq!(world.converge(&manifest).await, ["create link"]);
        let drift = world.plan(&manifest).await;
        let drift = Drift::new(&drift.plan, &drift.observed);
        assert_eq!(drift.resources.len(), 1, "nor one that could drift");
    });
}

#[test]
fn what_comes_with_the_run_is_asked_for_in_its_turn() {
    run(async {
        let world = World::new();
        let mut asks = query("q", &TOPIC, "Name=new");
        asks["depends_on"] = json!(["t"]);
        asks["exports"] = json!([{"Arn": "topic_arn"}]);
        let mut points = link("l", "link", "q");
        points["props"]["TargetArn"] = json!("{{ topic_arn }}");
        let mut manifest = stack(&[&topic("t", "new"), &asks, &points]);
        manifest["exports"] = json!(["topic_arn"]);
        let planned = world.plan(&manifest).await;
        assert_eq!(planned.action("q"), Action::Read);
        assert_eq!(world.cloud.set().queries, Vec::<String>::new(), "nobody asks for what is not there yet");
        let document = serde_json::to_value(planned.document()).unwrap();
        assert_eq!(document["steps"][2]["patch"][0]["value"]["TargetArn"], json!({"$unknown": "q.Arn"}));
        let report = world.execute(&planned).await;
        assert_eq!(problems(&report), Vec::<String>::new());
        let arn = "arn:aws:sns:us-east-1:123456789012:new";
        assert_eq!(report.exports[0].1.as_ref().and_then(|value| value.as_str()), Some(arn));
        assert_eq!(world.cloud.take_writes(), ["create new", "create link"]);
        world.in_sync(&manifest).await;
    });
}

#[test]
fn a_query_asks_with_what_others_give() {
    run(async {
        let world = World::new();
        world.cloud.put(&TOPIC, "theirs", live(&[("Name", "theirs"), ("DisplayName", "for the tests")]), &[]);
        let first = query("first", &TOPIC, "Name=theirs");
        let second = query("second", &KEY, "Description={{ first.DisplayName }}");
        let mut points = link("l", "link", "second");
        points["props"]["TargetArn"] = json!("{{ second.Arn }}");
        // The key that the second one finds is made by the same run.
        let second = with(&second, "/depends_on", json!(["k"]));
        let manifest = stack(&[&first, &second, &key("k"), &points]);
        assert_eq!(world.plan(&manifest).await.action("second"), Action::Read);
        assert_eq!(world.converge(&manifest).await, ["create AWS::KMS::Key", "create link"]);
        assert_eq!(world.plan(&manifest).await.action("second"), Action::None);
    });
}

#[test]
fn nothing_found_and_nothing_answered_keep_back_what_needs_it() {
    for fault in [None, Some(FaultKind::Throttled), Some(FaultKind::Denied)] {
        run(async {
            let world = World::new();
            world.cloud.set().query_fault = fault;
            let manifest = stack(&[&query("q", &TOPIC, "Name=theirs"), &link("l", "link", "q"), &topic("t", "t")]);
            let planned = world.plan(&manifest).await;
            assert_eq!(planned.plan.summary().unread, 1);
            let report = world.execute(&planned).await;
            assert_eq!(outcome(&report, "l").ending, Ending::Skipped);
            assert_eq!(world.cloud.take_writes(), ["create t"]);
            let planned = world.plan(&manifest).await;
            let drift = Drift::new(&planned.plan, &planned.observed);
            assert_eq!(drift.summary().unread, 1, "unread is news, also of a query");
        });
    }
}

#[test]
fn a_column_that_is_not_there_is_said() {
    run(async {
        let world = World::new();
        world.cloud.put(&TOPIC, "theirs", live(&[("Name", "theirs")]), &[]);
        let mut points = link("l", "link", "q");
        points["props"]["TargetArn"] = json!("{{ q.TopicArn }}");
        let planned = world.plan(&stack(&[&query("q", &TOPIC, "Name=theirs"), &points])).await;
        let said: Vec<_> = planned.plan.diagnostics.iter().map(|it| it.summary.clone()).collect();
        assert!(said[0].contains("the query `q` finds Identifier, Arn, Name and no `TopicArn`"), "{said:?}");
    });
}

#[test]
fn a_teardown_asks_nothing() {
    run(async {
        let world = World::new();
        world.cloud.put(&TOPIC, "theirs", live(&[("Name", "theirs")]), &[]);
        let manifest = stack(&[&query("q", &TOPIC, "Name=theirs"), &link("l", "link", "q")]);
        world.converge(&manifest).await;
        world.cloud.set().queries.clear();
        let planned = world.plan_teardown(&manifest).await;
        assert!(planned.plan.steps.iter().all(|step| step.address().name() != "q"));
        assert_eq!(problems(&world.execute(&planned).await), Vec::<String>::new());
        assert_eq!(world.cloud.take_writes(), ["delete link"]);
        assert_eq!(world.cloud.set().queries, Vec::<String>::new());
    });
}

#[test]
fn what_the_service_names_is_found_by_the_manifests_own_query_and_adopted() {
    run(async {
        let world = World::new();
        world.cloud.put(&KEY, "k0", live(&[("Description", "for the tests")]), &[("project", "orders")]);
        let found = with(&key("k"), "/find", "AWS::KMS::Key Description=for the tests");
        let manifest = stack(&[&found, &alias("n", "alias/orders", "k")]);
        let planned = world.plan(&manifest).await;
        assert_eq!((planned.action("k"), planned.step("k").identity.as_deref()), (Action::Adopt, Some("k0")));
        assert_eq!(world.converge(&manifest).await, ["update k0", "create alias/orders"]);
        // From then on the owner tags tell, and nobody asks.
        world.cloud.set().queries.clear();
        world.in_sync(&manifest).await;
        assert_eq!(world.cloud.set().queries, Vec::<String>::new());
    });
}

#[test]
fn where_its_query_finds_nothing_it_is_made_and_found_by_its_tags_then() {
    run(async {
        let world = World::new();
        let found = with(&key("k"), "/find", "AWS::KMS::Key Description=another");
        let manifest = stack(&[&found]);
        assert_eq!(world.converge(&manifest).await, ["create AWS::KMS::Key"]);
    });
}

#[test]
fn where_its_query_cannot_be_asked_nothing_is_made() {
    run(async {
        let world = World::new();
        world.cloud.set().query_fault = Some(FaultKind::Throttled);
        let manifest = stack(&[&with(&key("k"), "/find", "AWS::KMS::Key Description=another")]);
        let planned = world.plan(&manifest).await;
        assert_eq!(planned.plan.summary().unread, 1);
        world.execute(&planned).await;
        assert_eq!(world.cloud.take_writes(), Vec::<String>::new());
    });
}

#[test]
fn what_belongs_to_another_stack_is_not_taken_because_a_query_finds_it() {
    run(async {
        let world = World::new();
        world.cloud.put(&KEY, "k0", live(&[("Description", "for the tests")]), &owned_by("other", "k"));
        let manifest = stack(&[&with(&key("k"), "/find", "AWS::KMS::Key Description=for the tests")]);
        let planned = world.plan(&manifest).await;
        assert_eq!(planned.action("k"), Action::Blocked, "{}", planned.reason("k"));
    });
}

#[test]
fn a_query_has_no_place_in_a_name() {
    let manifest = stack(&[&query("q", &TOPIC, "Name=theirs"), &topic("t", "{{ q.Arn }}")]);
    let (stack, mut sources) = World::render(&manifest);
    let (desired, found) = desire(&stack, KINDS, &mut sources, &Defaults::default());
    assert_eq!(found.iter().map(|it| it.code).collect::<Vec<_>>(), ["M314"]);
    assert!(graph(desired, &stack).is_ok());
}

#[test]
fn of_several_that_its_query_finds_none_is_taken() {
    run(async {
        let world = World::new();
        for name in ["k0", "k1"] {
            world.cloud.put(&KEY, name, live(&[("Description", "for the tests")]), &[]);
        }
        let manifest = stack(&[&with(&key("k"), "/find", "AWS::KMS::Key Description=for the tests")]);
        let planned = world.plan(&manifest).await;
        assert_eq!(planned.plan.summary().unread, 1);
        assert!(planned.reason("k").contains("the query finds k0, k1: make it find one"), "{}", planned.reason("k"));
        world.execute(&planned).await;
        assert_eq!(world.cloud.take_writes(), Vec::<String>::new());
    });
}

#[test]
fn what_a_query_found_before_an_update_says_so() {
    run(async {
        let world = World::new();
        let mut asks = query("q", &TOPIC, "Name=new");
        asks["depends_on"] = json!(["t"]);
        let manifest = stack(&[&topic("t", "new"), &asks]);
        world.converge(&manifest).await;
        let changed = stack(&[&with(&topic("t", "new"), "/props/KmsKeyId", "k0"), &asks]);
        let planned = world.plan(&changed).await;
        assert_eq!(planned.action("q"), Action::None);
        assert_eq!(
            planned.step("q").notes,
            ["was asked before t is updated: apply again where that changes what it finds"]
        );
    });
}

#[test]
fn a_query_is_not_made_from_a_secret() {
    let manifest = stack(&[&query("q", &TOPIC, "Name={{ secret('env:PASSWORD') }}")]);
    let (stack, mut sources) = World::render(&manifest);
    let (_, found) = desire(&stack, KINDS, &mut sources, &Defaults::default());
    assert_eq!(
        found.iter().map(|it| (it.code, &*it.summary)).collect::<Vec<_>>(),
        [("M212", "a query cannot be a secret")]
    );
}
