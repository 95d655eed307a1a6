//! A changed name of something that carries no tags: with `renamed_from` a replacement, without it another resource.

use serde_json::{Value as Json, json};
use trueup_engine::apply::Cancel;
use trueup_engine::fault::FaultKind;
use trueup_engine::kind::Verb;
use trueup_engine::plan::Action;
use trueup_engine::report::Ending;

use crate::support::{CONNECTION_TYPE, Trouble, World, connection, destination, outcome, run, stack, with};

fn before() -> Json {
    stack(&[&connection("orders", "old"), &destination("calls", "calls", "orders")])
}

fn after() -> Json {
    stack(&[&with(&connection("orders", "new"), "/renamed_from", "old"), &destination("calls", "calls", "orders")])
}

#[test]
fn the_old_one_goes_last() {
    run(async {
        let world = World::new();
        world.converge(&before()).await;
        let planned = world.plan(&after()).await;
        assert_eq!(planned.action("orders"), Action::Replace);
        assert!(planned.step("orders").new_first);
        assert_eq!(planned.reason("orders"), "Name cannot change in place (renamed_from: old)");
        assert_eq!(planned.action("calls"), Action::Update);
        assert_eq!(world.converge(&after()).await, ["Create new", "Update calls", "Delete old"]);
        let planned = world.plan(&after()).await;
        assert_eq!(planned.step("orders").notes, ["`old` is gone: `renamed_from` may be removed"]);
    });
}

#[test]
fn a_run_that_was_killed_after_any_write_is_finished_by_the_next_one() {
    for dies_after in 1..=3 {
        run(async {
            let world = World::seeded(dies_after as u64);
            world.converge(&before()).await;
            world.cloud.set().dies_after = Some(dies_after);
            let killed = tokio::time::timeout(std::time::Duration::from_mins(1), world.apply(&after())).await;
            assert!(killed.is_err());
            world.cloud.no_trouble();
            world.rest().await;
            world.converge(&after()).await;
            assert!(!world.cloud.exists(CONNECTION_TYPE, "old"));
            assert!(world.cloud.exists(CONNECTION_TYPE, "new"));
        });
    }
}

#[test]
fn a_run_that_was_cancelled_after_any_write_is_finished_by_the_next_one() {
    for count in 1..=2 {
        run(async {
            let mut world = World::seeded(count as u64);
            world.converge(&before()).await;
            world.cloud.set().cancels_after = Some((count, world.cancel.clone()));
            let report = world.apply(&after()).await;
            assert!(report.interrupted);
            assert!(report.count(Ending::Cancelled) > 0);
            world.cloud.no_trouble();
            world.cancel = Cancel::new();
            world.converge(&after()).await;
            assert!(!world.cloud.exists(CONNECTION_TYPE, "old"));
        });
    }
}

#[test]
fn where_both_are_there_the_replacement_is_finished() {
    run(async {
        let world = World::new();
        world.converge(&stack(&[&connection("a", "old"), &connection("b", "new")])).await;
        let manifest = stack(&[&with(&connection("orders", "new"), "/renamed_from", "old")]);
        let planned = world.plan(&manifest).await;
        assert_eq!(planned.reason("orders"), "finishes the replacement of old");
        assert_eq!(world.converge(&manifest).await, ["Delete old"]);
    });
}

#[test]
fn changes_are_made_beside_the_end_of_a_replacement() {
    run(async {
        let world = World::new();
        world.converge(&stack(&[&connection("a", "old"), &connection("b", "new")])).await;
        let orders = with(&connection("orders", "new"), "/renamed_from", "old");
        let manifest = stack(&[&with(&orders, "/props/Description", "Orders")]);
        assert_eq!(world.converge(&manifest).await, ["Update new", "Delete old"]);
    });
}

#[test]
fn a_protected_one_is_not_renamed() {
    run(async {
        let world = World::new();
        world.converge(&before()).await;
        let orders = with(&connection("orders", "new"), "/renamed_from", "old");
        let manifest = stack(&[&with(&orders, "/protect", true), &destination("calls", "calls", "orders")]);
        let planned = world.plan(&manifest).await;
        assert_eq!(planned.action("orders"), Action::Blocked);
        world.cloud.take_writes();
        let report = world.execute(&planned).await;
        assert_eq!(world.cloud.take_writes(), Vec::<String>::new());
        assert_eq!(outcome(&report, "orders").ending, Ending::Blocked);
        assert_eq!(outcome(&report, "calls").ending, Ending::Skipped);
    });
}

#[test]
fn without_the_key_another_one_is_created_and_the_old_one_is_named() {
    run(async {
        let world = World::new();
        world.converge(&before()).await;
        let manifest = stack(&[&connection("orders", "new"), &destination("calls", "calls", "orders")]);
        let planned = world.plan(&manifest).await;
        assert_eq!(planned.action("orders"), Action::Create);
        assert_eq!(
            planned.step("orders").notes,
            ["`old`, to which calls points now, stays behind; if this one takes its place, add `renamed_from: old`"]
        );
        // Nothing points at it, so nothing is known of it.
        let manifest = stack(&[&connection("orders", "newer"), &destination("other", "other", "orders")]);
        assert_eq!(world.plan(&manifest).await.step("orders").notes, Vec::<String>::new());
    });
}

#[test]
fn the_old_one_stays_while_something_that_could_not_be_read_may_point_at_it() {
    run(async {
        let world = World::new();
        world.converge(&before()).await;
        world.cloud.trouble(Verb::Read, "calls", 0, 100, Trouble::Fail(FaultKind::Denied));
        world.apply(&after()).await;
        world.sound();
        assert!(world.cloud.exists(CONNECTION_TYPE, "old"));
        world.cloud.no_trouble();
        assert_eq!(world.converge(&after()).await, ["Update calls", "Delete old"]);
    });
}

#[test]
fn the_old_one_stays_while_something_blocked_points_at_it() {
    run(async {
        let world = World::new();
        world.converge(&before()).await;
        // The destination would have to be replaced, which is not allowed.
        let protected = with(&destination("calls", "calls-2", "orders"), "/renamed_from", "calls");
        let manifest =
            stack(&[&with(&connection("orders", "new"), "/renamed_from", "old"), &with(&protected, "/protect", true)]);
        let planned = world.plan(&manifest).await;
        assert_eq!(planned.action("calls"), Action::Blocked);
        world.execute(&planned).await;
        world.sound();
        assert!(world.cloud.exists(CONNECTION_TYPE, "old"));
    });
}

#[test]
fn the_old_one_stays_while_something_that_was_not_selected_points_at_it() {
    run(async {
        let mut world = World::new();
        world.converge(&before()).await;
        world.only = vec!["orders".to_owned()];
        world.apply(&after()).await;
        world.sound();
        assert!(world.cloud.exists(CONNECTION_TYPE, "new"));
        assert!(world.cloud.exists(CONNECTION_TYPE, "old"));
        world.only.clear();
        world.converge(&after()).await;
        assert!(!world.cloud.exists(CONNECTION_TYPE, "old"));
    });
}

#[test]
fn the_old_one_stays_when_repointing_fails() {
    run(async {
        let world = World::new();
        world.converge(&before()).await;
        world.cloud.trouble(Verb::Update, "calls", 0, 1, Trouble::Fail(FaultKind::Invalid));
        let report = world.apply(&after()).await;
        assert_eq!(outcome(&report, "calls").ending, Ending::Failed);
        assert_eq!(outcome(&report, "orders").ending, Ending::Skipped);
        assert!(world.cloud.exists(CONNECTION_TYPE, "old"));
        world.converge(&after()).await;
    });
}

#[test]
fn a_former_name_that_another_resource_has_is_refused() {
    let taken = stack(&[
        &with(&connection("orders", "new"), "/renamed_from", "old"),
        &with(&connection("other", "old"), "/protect", true),
    ]);
    let (_, graph) = World::graph(&taken);
    let summaries: Vec<String> = graph.unwrap_err().iter().map(|d| d.summary.clone()).collect();
    assert_eq!(summaries, ["`renamed_from` of `orders` names `old`, which is the name of `other`"]);
    let doubled = stack(&[
        &with(&connection("orders", "new"), "/renamed_from", "old"),
        &with(&connection("other", "newer"), "/renamed_from", "old"),
    ]);
    assert!(World::graph(&doubled).1.is_err());
    let own = stack(&[&with(&connection("orders", "new"), "/renamed_from", json!(["new"]))]);
    assert!(World::graph(&own).1.is_err());
}

#[test]
fn a_former_one_that_could_not_be_read_is_not_absent() {
    run(async {
        let world = World::new();
        world.converge(&before()).await;
        world.cloud.trouble(Verb::Read, "old", 0, 100, Trouble::Fail(FaultKind::Throttled));
        world.cloud.take_writes();
        let planned = world.plan(&after()).await;
        assert_eq!(planned.plan.summary().unread, 1);
        world.execute(&planned).await;
        assert_eq!(world.cloud.take_writes(), Vec::<String>::new());
    });
}

#[test]
fn a_changed_former_one_makes_a_saved_plan_stale() {
    run(async {
        let world = World::new();
        world.converge(&stack(&[&connection("a", "old"), &connection("b", "new")])).await;
        let manifest = stack(&[&with(&connection("orders", "new"), "/renamed_from", "old")]);
        let saved = world.plan(&manifest).await.saved();
        world.cloud.tamper(CONNECTION_TYPE, "old", |item| {
            item.properties.insert("Description".to_owned(), "in use again".into());
        });
        let fresh = world.plan(&manifest).await.saved();
        assert_eq!(trueup_engine::plan::document::verify(&saved, &fresh).len(), 1);
    });
}
