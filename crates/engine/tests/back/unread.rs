//! What could not be read may or may not exist: nothing is concluded from it and nothing is done to it.

use serde_json::json;
use trueup_engine::cloud::Readiness;
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::kind::Verb;
use trueup_engine::plan::Action;
use trueup_engine::report::Ending;

use crate::support::{CONNECTION_TYPE, Trouble, World, connection, destination, outcome, run, stack, with, without};

fn manifest() -> serde_json::Value {
    stack(&[&connection("orders", "orders"), &destination("calls", "calls", "orders"), &connection("other", "other")])
}

#[test]
fn its_step_and_its_dependants_are_skipped_and_the_rest_goes_on() {
    run(async {
        let world = World::new();
        world.cloud.trouble(Verb::Read, "orders", 0, 100, Trouble::Fail(FaultKind::Throttled));
        let planned = world.plan(&manifest()).await;
        assert_eq!(planned.plan.summary().unread, 1);
        let report = world.execute(&planned).await;
        assert_eq!(world.cloud.take_writes(), ["Create other"]);
        assert_eq!(outcome(&report, "orders").ending, Ending::Skipped);
        assert_eq!(outcome(&report, "calls").notes, ["orders could not be read"]);
        assert_eq!(report.unread, 1);
    });
}

#[test]
fn its_dependants_are_not_said_to_differ() {
    run(async {
        let world = World::new();
        world.converge(&manifest()).await;
        world.cloud.trouble(Verb::Read, "orders", 0, 100, Trouble::Fail(FaultKind::Denied));
        let planned = world.plan(&manifest()).await;
        assert_eq!(planned.action("calls"), Action::None, "{:#?}", planned.step("calls").edits);
        assert!(!planned.plan.has_changes());
        assert_eq!(planned.plan.summary().unread, 1);
        // What is known to differ is still seen.
        let changed = stack(&[
            &connection("orders", "orders"),
            &with(&destination("calls", "calls", "orders"), "/props/Description", "Calls"),
        ]);
        let planned = world.plan(&changed).await;
        assert_eq!(planned.action("calls"), Action::Update);
        let pointers: Vec<_> = planned.step("calls").edits.iter().map(|edit| edit.pointer.clone()).collect();
        assert_eq!(pointers, ["/Description"]);
    });
}

#[test]
fn spellings_that_could_not_be_looked_up_are_said() {
    run(async {
        let world = World::new();
        let orders = with(&connection("orders", "orders"), "/props/KmsKeyIdentifier", "arn:key/1");
        world.converge(&stack(&[&orders])).await;
        world.cloud.set().keys.insert("alias/orders".to_owned(), "arn:key/1".to_owned());
        let aliased = stack(&[&with(&orders, "/props/KmsKeyIdentifier", "alias/orders")]);
        world.in_sync(&aliased).await;
        world.cloud.set().keys_fault = Some(Fault::new(FaultKind::Denied, "kms:ListAliases", "no"));
        let planned = world.plan(&aliased).await;
        assert_eq!(planned.step("orders").notes.len(), 1);
        assert_eq!(planned.action("orders"), Action::None);
        assert_eq!(planned.plan.summary().unread, 1);
    });
}

#[test]
fn a_spelling_that_comes_from_another_resource_is_looked_up_too() {
    run(async {
        let world = World::new();
        // Any attribute will do: the live one is spelled differently from what the reference gives.
        let key = connection("key", "key");
        let orders = with(&connection("orders", "orders"), "/props/KmsKeyIdentifier", "{{ key.Arn }}");
        world.converge(&stack(&[&key, &orders])).await;
        let arn = world.cloud.arn(CONNECTION_TYPE, "key");
        world.cloud.set().keys.insert(arn, "arn:key/1".to_owned());
        world.cloud.tamper(CONNECTION_TYPE, "orders", |item| {
            item.properties.insert("KmsKeyIdentifier".to_owned(), "arn:key/1".into());
        });
        world.in_sync(&stack(&[&key, &orders])).await;
    });
}

#[test]
fn a_settling_one_is_waited_for_and_not_written() {
    run(async {
        let world = World::new();
        world.cloud.set().settle_slow = std::time::Duration::from_mins(5);
        let slow = with(&connection("orders", "orders"), "/props/AuthorizationType", "OAUTH_CLIENT_CREDENTIALS");
        let manifest = stack(&[&slow, &destination("calls", "calls", "orders")]);
        world.cloud.set().dies_after = Some(1);
        let _ = tokio::time::timeout(std::time::Duration::from_secs(10), world.apply(&manifest)).await;
        world.cloud.no_trouble();
        world.cloud.take_writes();
        let planned = world.plan(&manifest).await;
        assert_eq!(planned.step("orders").notes, ["is AUTHORIZING: an apply waits for it"]);
        assert_eq!(planned.action("orders"), Action::None);
        let report = world.execute(&planned).await;
        assert_eq!(world.cloud.take_writes(), ["Create calls"]);
        assert!(report.seconds > 250.0);
        world.in_sync(&manifest).await;
    });
}

#[test]
fn a_settling_one_that_differs_is_updated_when_it_has_settled() {
    run(async {
        let world = World::new();
        world.cloud.set().settle = std::time::Duration::from_mins(1);
        let manifest = stack(&[&connection("orders", "orders")]);
        world.cloud.set().dies_after = Some(1);
        let _ = tokio::time::timeout(std::time::Duration::from_secs(10), world.apply(&manifest)).await;
        world.cloud.no_trouble();
        let described = stack(&[&with(&connection("orders", "orders"), "/props/Description", "Orders")]);
        world.converge(&described).await;
        assert_eq!(world.cloud.take_updates().len(), 1);
    });
}

#[test]
fn one_on_its_way_out_is_waited_for_and_created_again() {
    run(async {
        let world = World::new();
        world.converge(&manifest()).await;
        world.cloud.set().settle = std::time::Duration::from_secs(20);
        let teardown = world.plan_teardown(&stack(&[&connection("other", "other")])).await;
        world.cloud.set().dies_after = Some(world.cloud.take_writes().len() + 1);
        let _ = tokio::time::timeout(std::time::Duration::from_secs(2), world.execute(&teardown)).await;
        world.cloud.no_trouble();
        world.cloud.take_writes();
        let planned = world.plan(&manifest()).await;
        assert_eq!(planned.action("other"), Action::Create);
        assert!(planned.reason("other").contains("DELETING"));
        assert_eq!(world.converge(&manifest()).await, ["Create other"]);
    });
}

#[test]
fn one_that_cannot_be_used_is_done_and_its_dependants_go_on() {
    run(async {
        let world = World::new();
        world.cloud.set().useless.insert("orders".to_owned());
        let report = world.apply(&manifest()).await;
        let orders = outcome(&report, "orders");
        assert_eq!((orders.ending, orders.usable), (Ending::Done, false));
        assert_eq!(orders.notes, ["DEAUTHORIZED: the endpoint refused"]);
        assert_eq!(outcome(&report, "calls").ending, Ending::Done);
        assert_eq!(report.unusable, 1);
        // It stays so, and nothing is to be done about it.
        let planned = world.plan(&manifest()).await;
        assert!(!planned.plan.has_changes());
        assert_eq!(planned.step("orders").unhealthy(), Some(("DEAUTHORIZED", Some("the endpoint refused"))));
        assert_eq!(world.execute(&planned).await.unusable, 1);
    });
}

#[test]
fn an_update_mends_one_that_cannot_be_used() {
    run(async {
        let world = World::new();
        world.cloud.set().useless.insert("orders".to_owned());
        world.apply(&manifest()).await;
        world.cloud.set().useless.clear();
        let mended = stack(&[&with(
            &connection("orders", "orders"),
            "/props/AuthParameters/BasicAuthParameters/Username",
            json!("other"),
        )]);
        let report = world.apply(&mended).await;
        assert!(outcome(&report, "orders").usable);
        assert_eq!(report.unusable, 0);
        world.cloud.tamper(CONNECTION_TYPE, "orders", |item| {
            assert!(matches!(item.then, Readiness::Ready(_)));
        });
    });
}

#[test]
fn many_ways_to_the_same_dependency_are_gone_once() {
    run(async {
        let world = World::new();
        let mut resources = Vec::new();
        for layer in 0..24 {
            for side in ["l", "r"] {
                let own = connection(&format!("{side}{layer}"), &format!("{side}{layer}"));
                resources.push(if layer == 0 {
                    own
                } else {
                    with(&own, "/depends_on", json!([format!("l{}", layer - 1), format!("r{}", layer - 1)]))
                });
            }
        }
        let top = with(&connection("top", "top"), "/depends_on", json!(["l23", "r23"]));
        world.converge(&stack(&[&without(&top, "", "depends_on")])).await;
        resources.push(top);
        let planned = world.plan(&stack(&resources.iter().collect::<Vec<_>>())).await;
        assert_eq!(planned.plan.summary().create, 48);
    });
}

#[test]
fn an_unselected_dependency_that_could_not_be_read_changes_nothing() {
    run(async {
        let mut world = World::new();
        world.converge(&manifest()).await;
        world.cloud.trouble(Verb::Read, "orders", 0, 100, Trouble::Fail(FaultKind::Denied));
        world.only = vec!["calls".to_owned()];
        let planned = world.plan(&manifest()).await;
        assert!(!planned.plan.has_changes(), "{:#?}", planned.step("calls").edits);
        assert_eq!(planned.plan.summary().unread, 1);
        assert_eq!(planned.step("calls").notes, ["ConnectionArn was not compared: orders could not be read"]);
    });
}

#[test]
fn an_unselected_dependency_that_is_not_there_blocks_a_create() {
    run(async {
        let mut world = World::new();
        world.only = vec!["calls".to_owned()];
        let planned = world.plan(&manifest()).await;
        assert_eq!(planned.action("calls"), Action::Blocked);
        assert_eq!(planned.reason("calls"), "orders, which it refers to, does not exist and is not selected");
        let report = world.execute(&planned).await;
        assert_eq!(outcome(&report, "calls").ending, Ending::Blocked);
        assert!(world.cloud.take_writes().is_empty());
    });
}
