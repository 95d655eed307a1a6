//! Teardown: the reverse order, and what stays.

use serde_json::Value as Json;
use trueup_engine::fault::FaultKind;
use trueup_engine::kind::Verb;
use trueup_engine::plan::Action;
use trueup_engine::report::Ending;

use crate::support::{CONNECTION_TYPE, Trouble, World, connection, destination, outcome, problems, run, stack, with};

fn orders() -> Json {
    connection("orders", "orders")
}

fn calls() -> Json {
    destination("calls", "calls", "orders")
}

/// The service lets go of what was still in use a moment ago.
#[test]
fn a_delete_that_is_in_conflict_is_sent_again() {
    run(async {
        let world = World::new();
        let manifest = stack(&[&orders()]);
        world.converge(&manifest).await;
        world.cloud.trouble(Verb::Delete, "orders", 0, 2, Trouble::Fail(FaultKind::Conflict));
        let report = world.execute(&world.plan_teardown(&manifest).await).await;
        assert_eq!(problems(&report), Vec::<String>::new());
        assert!(world.cloud.dump().is_empty());
        // And not for ever.
        world.converge(&manifest).await;
        world.cloud.trouble(Verb::Delete, "orders", 0, 10_000, Trouble::Fail(FaultKind::Conflict));
        let report = world.execute(&world.plan_teardown(&manifest).await).await;
        assert_eq!(outcome(&report, "orders").ending, Ending::Failed);
    });
}

#[test]
fn dependants_go_first_and_what_is_gone_is_no_outcome() {
    run(async {
        let world = World::new();
        world.converge(&stack(&[&orders(), &calls()])).await;
        world.cloud.take_writes();
        let manifest = stack(&[&orders(), &calls(), &connection("never", "never")]);
        let planned = world.plan_teardown(&manifest).await;
        assert_eq!(planned.plan.summary().delete, 2);
        let report = world.execute(&planned).await;
        assert_eq!(problems(&report), Vec::<String>::new());
        assert_eq!(report.outcomes.len(), 2);
        assert_eq!(world.cloud.take_writes(), ["Delete calls", "Delete orders"]);
        assert!(world.cloud.dump().is_empty());
        let planned = world.plan_teardown(&manifest).await;
        assert!(planned.plan.operations.is_empty());
        assert!(world.execute(&planned).await.outcomes.is_empty());
        world.sound();
    });
}

#[test]
fn a_protected_one_stays_with_what_it_needs() {
    run(async {
        let world = World::new();
        let manifest = stack(&[&orders(), &with(&calls(), "/protect", true), &connection("other", "other")]);
        world.converge(&manifest).await;
        let planned = world.plan_teardown(&manifest).await;
        assert_eq!(planned.action("calls"), Action::Blocked);
        assert_eq!(planned.reason("orders"), "calls, which needs it, is protected");
        let report = world.execute(&planned).await;
        assert_eq!(outcome(&report, "orders").ending, Ending::Blocked);
        assert_eq!(outcome(&report, "other").ending, Ending::Done);
        assert_eq!(world.cloud.dump().len(), 2);
        world.sound();
    });
}

#[test]
fn a_kept_one_stays_with_what_it_needs() {
    run(async {
        let world = World::new();
        let manifest = stack(&[&orders(), &with(&calls(), "/skip_on_delete", true)]);
        world.converge(&manifest).await;
        let planned = world.plan_teardown(&manifest).await;
        let report = world.execute(&planned).await;
        assert_eq!(outcome(&report, "orders").ending, Ending::Kept);
        assert_eq!(outcome(&report, "calls").ending, Ending::Kept);
        assert_eq!(world.cloud.dump().len(), 2);
    });
}

#[test]
fn a_kept_one_that_has_its_former_name_stays_with_what_it_needs() {
    run(async {
        let world = World::new();
        world.converge(&stack(&[&orders(), &calls()])).await;
        let renamed = with(&destination("calls", "newer", "orders"), "/renamed_from", "calls");
        let manifest = stack(&[&orders(), &with(&renamed, "/skip_on_delete", true)]);
        let planned = world.plan_teardown(&manifest).await;
        let report = world.execute(&planned).await;
        assert_eq!(outcome(&report, "calls").ending, Ending::Kept);
        assert_eq!(outcome(&report, "orders").ending, Ending::Kept);
        assert_eq!(world.cloud.dump().len(), 2);
    });
}

#[test]
fn former_ones_go_too() {
    run(async {
        let world = World::new();
        world.converge(&stack(&[&connection("a", "old"), &connection("b", "orders")])).await;
        let manifest = stack(&[&with(&orders(), "/renamed_from", "old")]);
        let planned = world.plan_teardown(&manifest).await;
        world.execute(&planned).await;
        assert!(world.cloud.dump().is_empty());
    });
}

#[test]
fn what_an_unread_one_needs_stays() {
    run(async {
        let world = World::new();
        let manifest = stack(&[&orders(), &calls(), &connection("other", "other")]);
        world.converge(&manifest).await;
        world.cloud.trouble(Verb::Read, "calls", 0, 100, Trouble::Fail(FaultKind::Denied));
        let planned = world.plan_teardown(&manifest).await;
        assert_eq!(planned.plan.summary().unread, 1);
        let report = world.execute(&planned).await;
        assert_eq!(outcome(&report, "orders").ending, Ending::Skipped);
        assert!(world.cloud.exists(CONNECTION_TYPE, "orders"));
        assert!(!world.cloud.exists(CONNECTION_TYPE, "other"));
    });
}

#[test]
fn a_failed_delete_keeps_what_it_needs() {
    run(async {
        let world = World::new();
        let manifest = stack(&[&orders(), &calls()]);
        world.converge(&manifest).await;
        world.cloud.trouble(Verb::Delete, "calls", 0, 1, Trouble::Fail(FaultKind::Denied));
        let planned = world.plan_teardown(&manifest).await;
        let report = world.execute(&planned).await;
        assert_eq!(outcome(&report, "orders").notes, ["calls failed"]);
        assert!(world.cloud.exists(CONNECTION_TYPE, "orders"));
    });
}

#[test]
fn one_on_its_way_out_is_waited_for() {
    run(async {
        let world = World::new();
        let manifest = stack(&[&orders(), &calls()]);
        world.converge(&manifest).await;
        world.cloud.set().settle = std::time::Duration::from_secs(30);
        world.cloud.take_writes();
        world.cloud.set().dies_after = Some(2);
        let planned = world.plan_teardown(&manifest).await;
        let _ = tokio::time::timeout(std::time::Duration::from_secs(3), world.execute(&planned)).await;
        world.cloud.no_trouble();
        let planned = world.plan_teardown(&manifest).await;
        assert_eq!(planned.plan.operations.len(), 1);
        let report = world.execute(&planned).await;
        assert_eq!(problems(&report), Vec::<String>::new());
        assert!(world.cloud.dump().is_empty());
        assert_eq!(world.cloud.take_writes(), ["Delete calls", "Delete orders"]);
    });
}

#[test]
fn what_a_protected_one_points_at_stays_whatever_the_manifest_says() {
    run(async {
        let world = World::new();
        let other = connection("other", "other");
        world.converge(&stack(&[&orders(), &other, &calls()])).await;
        let moved = with(&destination("calls", "calls", "other"), "/protect", true);
        let planned = world.plan_teardown(&stack(&[&orders(), &other, &moved])).await;
        world.execute(&planned).await;
        assert!(world.cloud.exists(CONNECTION_TYPE, "orders"));
        world.sound();
    });
}

#[test]
fn what_an_unselected_one_needs_stays() {
    run(async {
        let mut world = World::new();
        let manifest = stack(&[&orders(), &calls()]);
        world.converge(&manifest).await;
        world.cloud.take_writes();
        world.only = vec!["orders".to_owned()];
        let planned = world.plan_teardown(&manifest).await;
        assert_eq!(planned.action("orders"), Action::Blocked);
        assert_eq!(planned.reason("orders"), "calls, which needs it, exists and is not selected");
        world.cloud.trouble(Verb::Read, "calls", 0, 1, Trouble::Fail(FaultKind::Denied));
        let planned = world.plan_teardown(&manifest).await;
        assert_eq!(planned.plan.summary().unread, 1);
        let report = world.execute(&planned).await;
        assert_eq!(outcome(&report, "orders").ending, Ending::Skipped);
        assert!(world.cloud.take_writes().is_empty());
    });
}
