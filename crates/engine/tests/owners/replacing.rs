//! A key that cannot change in place: the next one is made beside it, what points at it follows, and it goes last.

use std::time::Duration;

use trueup_engine::owner;
use trueup_engine::plan::Action;
use trueup_engine::report::Ending;

use crate::support::{ALIAS, KEY, World, alias, key, link, outcome, problems, run, stack, with};

fn manifest(spec: &str) -> serde_json::Value {
    stack(&[&with(&key("k"), "/props/Spec", spec), &alias("n", "alias/orders", "k"), &link("l", "link", "k")])
}

fn allowed() -> World {
    let mut world = World::new();
    world.plan.allow_replace.push("k".to_owned());
    world
}

#[test]
fn the_next_one_is_made_first_and_the_old_one_goes_last() {
    run(async {
        let world = allowed();
        world.converge(&manifest("x")).await;
        let planned = world.plan(&manifest("y")).await;
        assert_eq!((planned.action("k"), planned.step("k").new_first), (Action::Replace, true));
        assert_eq!(planned.action("n"), Action::Update);
        let mut writes = world.converge(&manifest("y")).await;
        writes[2..4].sort();
        let order = ["update key-1", "create AWS::KMS::Key", "update alias/orders", "update link", "delete key-1"];
        assert_eq!(writes, order);
        assert_eq!(world.cloud.alive(&KEY), ["key-2"]);
    });
}

#[test]
fn a_kill_at_any_write_leaves_what_the_next_run_finishes() {
    for after in 1..=5 {
        run(async {
            let world = allowed();
            world.converge(&manifest("x")).await;
            world.cloud.take_writes();
            world.cloud.set().dies_after = Some(after);
            let _ = tokio::time::timeout(Duration::from_mins(1), world.apply(&manifest("y"))).await;
            world.cloud.set().dies_after = None;
            world.converge(&manifest("y")).await;
            assert_eq!(world.cloud.alive(&KEY), ["key-2"], "killed after {after}");
        });
    }
}

#[test]
fn an_old_one_that_an_earlier_run_is_still_at_is_waited_for() {
    run(async {
        let world = allowed();
        world.converge(&manifest("x")).await;
        world.cloud.set().conflicts = 3;
        world.converge(&manifest("y")).await;
        assert_eq!((world.cloud.alive(&KEY), world.cloud.set().conflicts), (vec!["key-2".to_owned()], 0));
    });
}

#[test]
fn a_manifest_that_goes_back_leaves_one() {
    for after in 1..=4 {
        run(async {
            let world = allowed();
            world.converge(&manifest("x")).await;
            world.cloud.take_writes();
            world.cloud.set().dies_after = Some(after);
            let _ = tokio::time::timeout(Duration::from_mins(1), world.apply(&manifest("y"))).await;
            world.cloud.set().dies_after = None;
            world.converge(&manifest("x")).await;
            assert_eq!(world.cloud.alive(&KEY).len(), 1, "killed after {after}");
        });
    }
}

#[test]
fn one_whose_next_one_was_never_made_stays_when_the_manifest_goes_back() {
    run(async {
        let mut world = allowed();
        world.converge(&manifest("x")).await;
        world.cloud.take_writes();
        world.cloud.set().dies_after = Some(1);
        let _ = tokio::time::timeout(Duration::from_mins(1), world.apply(&manifest("y"))).await;
        world.cloud.set().dies_after = None;
        world.plan.allow_replace.clear();
        // What still differs needs the word again.
        assert_eq!(world.plan(&manifest("y")).await.action("k"), Action::Blocked);
        let planned = world.plan(&manifest("x")).await;
        assert_eq!(planned.action("k"), Action::Update);
        assert_eq!(world.converge(&manifest("x")).await, ["update key-1"]);
        assert_eq!(world.cloud.alive(&KEY), ["key-1"]);
        assert_eq!(world.cloud.tags(&KEY, "key-1")[owner::REPLACED], "false");
        // And may be replaced all the same later.
        world.plan.allow_replace.push("k".to_owned());
        world.converge(&manifest("y")).await;
        assert_eq!(world.cloud.alive(&KEY), ["key-2"]);
    });
}

#[test]
fn an_unfinished_one_needs_no_second_permission() {
    run(async {
        let mut world = allowed();
        world.converge(&manifest("x")).await;
        world.cloud.take_writes();
        world.cloud.set().dies_after = Some(2);
        let _ = tokio::time::timeout(Duration::from_mins(1), world.apply(&manifest("y"))).await;
        world.cloud.set().dies_after = None;
        world.plan.allow_replace.clear();
        let planned = world.plan(&manifest("y")).await;
        assert_eq!(planned.reason("k"), "finishes the replacement of key-1");
        world.converge(&manifest("y")).await;
    });
}

#[test]
fn it_is_not_begun_where_something_cannot_follow() {
    run(async {
        let mut world = allowed();
        world.converge(&manifest("x")).await;
        world.cloud.take_writes();
        world.only.push("k".to_owned());
        let planned = world.plan(&manifest("y")).await;
        assert_eq!(planned.action("k"), Action::Blocked);
        assert!(planned.reason("k").ends_with("which refers to it, is not selected"), "{}", planned.reason("k"));
        let report = world.execute(&planned).await;
        assert_eq!(outcome(&report, "k").ending, Ending::Blocked);
        assert_eq!(world.cloud.take_writes(), Vec::<String>::new());
    });
}

#[test]
fn the_old_one_stays_where_what_points_at_it_could_not_follow() {
    run(async {
        let world = allowed();
        world.converge(&manifest("x")).await;
        world.cloud.take_writes();
        world.cloud.set().dies_after = Some(2);
        let _ = tokio::time::timeout(Duration::from_mins(1), world.apply(&manifest("y"))).await;
        world.cloud.set().dies_after = None;
        world.cloud.set().read_faults.insert("link".to_owned(), trueup_engine::fault::FaultKind::Throttled);
        let planned = world.plan(&manifest("y")).await;
        assert_eq!(planned.action("k"), Action::None);
        assert!(planned.step("k").notes.iter().any(|note| note.starts_with("`key-1` stays for now")));
        assert_eq!(problems(&world.execute(&planned).await).len(), 1);
        assert_eq!(world.cloud.alive(&KEY), ["key-1", "key-2"]);
        world.cloud.set().read_faults.clear();
        world.converge(&manifest("y")).await;
        assert_eq!(world.cloud.alive(&KEY), ["key-2"]);
    });
}

#[test]
fn a_protected_one_is_not_marked() {
    run(async {
        let world = allowed();
        world.converge(&manifest("x")).await;
        let protected = stack(&[
            &with(&with(&key("k"), "/props/Spec", "y"), "/protect", true),
            &alias("n", "alias/orders", "k"),
            &link("l", "link", "k"),
        ]);
        let planned = world.plan(&protected).await;
        assert_eq!(planned.action("k"), Action::Blocked);
        world.execute(&planned).await;
        assert!(!world.cloud.tags(&KEY, "key-1").contains_key(owner::REPLACED));
    });
}

#[test]
fn a_teardown_takes_both() {
    run(async {
        let world = allowed();
        world.converge(&manifest("x")).await;
        world.cloud.take_writes();
        world.cloud.set().dies_after = Some(2);
        let _ = tokio::time::timeout(Duration::from_mins(1), world.apply(&manifest("y"))).await;
        world.cloud.set().dies_after = None;
        let planned = world.plan_teardown(&manifest("y")).await;
        assert_eq!(problems(&world.execute(&planned).await), Vec::<String>::new());
        assert_eq!(world.cloud.alive(&KEY), Vec::<String>::new());
        assert_eq!(world.cloud.alive(&ALIAS), Vec::<String>::new());
        world.sound();
    });
}
