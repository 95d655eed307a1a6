//! What no update can do: only with leave, dependants first, and never at the cost of what is protected.

use serde_json::{Value as Json, json};
use trueup_engine::fault::FaultKind;
use trueup_engine::kind::Verb;
use trueup_engine::plan::Action;
use trueup_engine::report::Ending;

use crate::support::{CONNECTION_TYPE, Trouble, World, connection, destination, outcome, run, stack, with};

fn keyed() -> Json {
    with(&connection("orders", "orders"), "/props/KmsKeyIdentifier", "arn:aws:kms:us-east-1:123456789012:key/k1")
}

fn before() -> Json {
    stack(&[&keyed(), &destination("calls", "calls", "orders"), &destination("more", "more", "orders")])
}

fn after() -> Json {
    stack(&[
        &connection("orders", "orders"),
        &destination("calls", "calls", "orders"),
        &destination("more", "more", "orders"),
    ])
}

fn allowed(world: &mut World) {
    world.plan.allow_replace = vec!["orders".to_owned()];
}

#[test]
fn what_cannot_be_taken_back_is_blocked_without_leave() {
    run(async {
        let world = World::new();
        world.converge(&before()).await;
        let planned = world.plan(&after()).await;
        assert_eq!(planned.action("orders"), Action::Blocked);
        assert_eq!(
            planned.reason("orders"),
            "KmsKeyIdentifier cannot be removed in place; `--allow-replace 'orders'` replaces it under the same name"
        );
        assert_eq!(planned.action("calls"), Action::None);
        world.cloud.take_writes();
        let report = world.execute(&planned).await;
        assert_eq!(report.count(Ending::Blocked), 1);
        assert_eq!(world.cloud.take_writes(), Vec::<String>::new());
    });
}

#[test]
fn with_leave_dependants_go_before_and_come_after() {
    run(async {
        let mut world = World::new();
        world.converge(&before()).await;
        allowed(&mut world);
        let planned = world.plan(&after()).await;
        assert_eq!(planned.action("calls"), Action::Replace);
        assert_eq!(planned.reason("calls"), "orders is replaced, which it refers to");
        let mut writes = world.converge(&after()).await;
        writes[..2].sort();
        writes[4..].sort();
        assert_eq!(
            writes,
            ["Delete calls", "Delete more", "Delete orders", "Create orders", "Create calls", "Create more"]
        );
    });
}

#[test]
fn a_protected_dependant_holds_it_and_the_others_are_left_alone() {
    run(async {
        let mut world = World::new();
        world.converge(&before()).await;
        allowed(&mut world);
        let manifest = stack(&[
            &connection("orders", "orders"),
            &destination("calls", "calls", "orders"),
            &with(&destination("more", "more", "orders"), "/protect", true),
        ]);
        let planned = world.plan(&manifest).await;
        assert_eq!(planned.action("orders"), Action::Blocked);
        assert!(planned.reason("orders").contains("more"), "{}", planned.reason("orders"));
        assert_eq!(planned.action("calls"), Action::None);
        world.cloud.take_writes();
        world.execute(&planned).await;
        assert_eq!(world.cloud.take_writes(), Vec::<String>::new());
    });
}

#[test]
fn a_dependant_that_could_not_be_read_holds_it() {
    run(async {
        let mut world = World::new();
        world.converge(&before()).await;
        allowed(&mut world);
        world.cloud.trouble(Verb::Read, "more", 0, 100, Trouble::Fail(FaultKind::Throttled));
        let planned = world.plan(&after()).await;
        assert_eq!(planned.action("orders"), Action::Blocked);
        assert_eq!(planned.action("calls"), Action::None);
        world.cloud.take_writes();
        world.execute(&planned).await;
        assert_eq!(world.cloud.take_writes(), Vec::<String>::new());
    });
}

#[test]
fn a_dependant_that_was_not_selected_holds_it() {
    run(async {
        let mut world = World::new();
        world.converge(&before()).await;
        allowed(&mut world);
        world.only = vec!["orders".to_owned(), "calls".to_owned()];
        let planned = world.plan(&after()).await;
        assert_eq!(planned.action("orders"), Action::Blocked);
        world.execute(&planned).await;
        world.sound();
    });
}

#[test]
fn a_protected_one_is_not_replaced() {
    run(async {
        let mut world = World::new();
        world.converge(&before()).await;
        allowed(&mut world);
        let manifest = stack(&[&with(&connection("orders", "orders"), "/protect", true)]);
        let planned = world.plan(&manifest).await;
        assert_eq!(planned.action("orders"), Action::Blocked);
        assert!(planned.reason("orders").starts_with("protected: "));
    });
}

#[test]
fn more_deletions_than_allowed_block_all_of_them() {
    run(async {
        let mut world = World::new();
        world.converge(&before()).await;
        allowed(&mut world);
        world.plan.allow_deletes = Some(2);
        let planned = world.plan(&after()).await;
        assert_eq!(planned.plan.summary().blocked, 3);
        assert!(planned.plan.operations.is_empty());
        world.plan.allow_deletes = Some(3);
        world.converge(&after()).await;
    });
}

#[test]
fn a_run_that_was_killed_after_any_write_is_finished_by_the_next_one() {
    for dies_after in 1..=6 {
        run(async {
            let mut world = World::seeded(dies_after as u64);
            world.converge(&before()).await;
            allowed(&mut world);
            world.cloud.set().dies_after = Some(dies_after);
            let killed = tokio::time::timeout(std::time::Duration::from_mins(1), world.apply(&after())).await;
            assert!(killed.is_err());
            world.cloud.no_trouble();
            world.rest().await;
            world.converge(&after()).await;
            assert_eq!(world.cloud.dump().len(), 3);
        });
    }
}

#[test]
fn a_former_one_goes_too_when_its_successor_is_replaced() {
    run(async {
        let mut world = World::new();
        world.converge(&stack(&[&connection("a", "old"), &keyed()])).await;
        allowed(&mut world);
        let manifest = stack(&[&with(&connection("orders", "orders"), "/renamed_from", "old")]);
        world.converge(&manifest).await;
        assert!(!world.cloud.exists(CONNECTION_TYPE, "old"));
    });
}

#[test]
fn a_failed_delete_stops_what_comes_after_it() {
    run(async {
        let mut world = World::new();
        world.converge(&before()).await;
        allowed(&mut world);
        world.cloud.trouble(Verb::Delete, "calls", 0, 1, Trouble::Fail(FaultKind::Denied));
        let report = world.apply(&after()).await;
        assert_eq!(outcome(&report, "calls").ending, Ending::Failed);
        assert_eq!(outcome(&report, "orders").ending, Ending::Skipped);
        assert!(world.cloud.exists(CONNECTION_TYPE, "orders"));
        world.sound();
    });
}

#[test]
fn what_moves_away_from_it_moves_first() {
    run(async {
        let mut world = World::new();
        let other = connection("other", "other");
        world.converge(&stack(&[&keyed(), &other, &destination("calls", "calls", "orders")])).await;
        allowed(&mut world);
        let moved = stack(&[&connection("orders", "orders"), &other, &destination("calls", "calls", "other")]);
        assert_eq!(world.converge(&moved).await, ["Update calls", "Delete orders", "Create orders"]);
    });
}

#[test]
fn what_moves_from_an_old_one_to_its_successor_can_only_do_so_afterwards() {
    run(async {
        let mut world = World::new();
        let first = with(&connection("other", "other"), "/depends_on", json!(["orders"]));
        world.converge(&stack(&[&keyed(), &destination("calls", "calls", "orders")])).await;
        allowed(&mut world);
        // The new home of the destination needs the one that is replaced: there is no order without a gap.
        let moved = stack(&[&connection("orders", "orders"), &first, &destination("calls", "calls", "other")]);
        world.apply(&moved).await;
        assert!(world.cloud.exists(CONNECTION_TYPE, "other"));
        world.cloud.forgive();
        world.in_sync(&moved).await;
    });
}
