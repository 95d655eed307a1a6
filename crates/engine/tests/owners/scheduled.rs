//! A deletion that is only scheduled: taken back where the resource is wanted again, and nothing to do where it is not.

use trueup_engine::kind::Kind as _;
use trueup_engine::plan::Action;

use crate::support::{KEY, TOPIC, World, alias, key, live, outcome, owned_by, problems, run, stack, topic, with};

async fn torn_down(world: &World, manifest: &serde_json::Value) {
    let planned = world.plan_teardown(manifest).await;
    let report = world.execute(&planned).await;
    assert_eq!(problems(&report), Vec::<String>::new());
    world.cloud.take_writes();
}

#[test]
fn it_is_taken_back_and_made_what_it_should_be() {
    run(async {
        let world = World::new();
        let manifest = stack(&[&key("k"), &alias("n", "alias/orders", "k")]);
        world.converge(&manifest).await;
        torn_down(&world, &manifest).await;
        assert_eq!(world.cloud.alive(&KEY), Vec::<String>::new());
        let changed = with(&key("k"), "/props/Description", "again");
        let manifest = stack(&[&changed, &alias("n", "alias/orders", "k")]);
        let planned = world.plan(&manifest).await;
        assert_eq!(planned.action("k"), Action::Create);
        assert_eq!(planned.reason("k"), "restored: it is PendingDeletion until 2026-12-31");
        assert_eq!(planned.step("k").identity.as_deref(), Some("key-1"));
        assert_eq!(world.converge(&manifest).await, ["restore key-1", "update key-1", "create alias/orders"]);
        assert_eq!(world.cloud.alive(&KEY), ["key-1"]);
    });
}

#[test]
fn a_run_that_was_killed_after_it_was_taken_back_is_finished() {
    run(async {
        let world = World::new();
        world.converge(&stack(&[&key("k")])).await;
        torn_down(&world, &stack(&[&key("k")])).await;
        let manifest = stack(&[&with(&key("k"), "/props/Description", "again")]);
        world.cloud.set().dies_after = Some(1);
        let _ = tokio::time::timeout(std::time::Duration::from_mins(1), world.apply(&manifest)).await;
        world.cloud.set().dies_after = None;
        assert_eq!(world.converge(&manifest).await, ["update key-1"]);
    });
}

#[test]
fn a_teardown_of_it_is_nothing() {
    run(async {
        let world = World::new();
        let manifest = stack(&[&key("k")]);
        world.converge(&manifest).await;
        torn_down(&world, &manifest).await;
        let planned = world.plan_teardown(&manifest).await;
        assert_eq!(planned.reason("k"), "is going already: PendingDeletion until 2026-12-31");
        assert!(planned.plan.operations.is_empty());
        assert!(world.execute(&planned).await.outcomes.is_empty());
    });
}

#[test]
fn a_living_one_goes_before_one_that_is_going() {
    run(async {
        let world = World::new();
        world.converge(&stack(&[&key("k")])).await;
        world.cloud.put(&KEY, "k0", live(&[]), &owned_by("stack", "k"));
        world.cloud.set().items.get_mut(&(KEY.name(), "k0".to_owned())).unwrap().scheduled = Some("2026-12-30".into());
        world.in_sync(&stack(&[&key("k")])).await;
    });
}

#[test]
fn of_several_that_are_going_the_last_one_is_taken_back() {
    run(async {
        let mut world = World::new();
        world.plan.allow_replace.push("k".to_owned());
        let spec = |spec: &str| stack(&[&with(&key("k"), "/props/Spec", spec)]);
        world.converge(&spec("x")).await;
        world.cloud.set().day = "2026-12-30".to_owned();
        world.converge(&spec("y")).await;
        world.cloud.set().day = "2026-12-31".to_owned();
        torn_down(&world, &spec("y")).await;
        let planned = world.plan(&spec("y")).await;
        assert_eq!(planned.action("k"), Action::Create, "{}", planned.reason("k"));
        assert_eq!(planned.step("k").identity.as_deref(), Some("key-2"));
        assert_eq!(world.converge(&spec("y")).await, ["restore key-2"]);
    });
}

#[test]
fn one_that_cannot_become_what_it_should_be_is_left_to_go() {
    run(async {
        let world = World::new();
        let spec = |spec: &str| stack(&[&with(&key("k"), "/props/Spec", spec)]);
        world.converge(&spec("x")).await;
        torn_down(&world, &spec("x")).await;
        let planned = world.plan(&spec("y")).await;
        assert_eq!((planned.action("k"), planned.step("k").identity.clone()), (Action::Create, None));
        assert_eq!(world.converge(&spec("y")).await, ["create AWS::KMS::Key"]);
        assert_eq!(world.cloud.alive(&KEY), ["key-2"]);
    });
}

#[test]
fn a_replacement_that_was_killed_in_the_middle_is_finished() {
    for dies_after in 1..=2 {
        run(async {
            let mut world = World::new();
            world.plan.allow_replace.push("k".to_owned());
            let spec = |spec: &str| stack(&[&with(&key("k"), "/props/Spec", spec)]);
            world.converge(&spec("x")).await;
            world.cloud.take_writes();
            world.cloud.set().dies_after = Some(dies_after);
            let _ = tokio::time::timeout(std::time::Duration::from_mins(1), world.apply(&spec("y"))).await;
            world.cloud.set().dies_after = None;
            // Where the next one was not made yet, nothing has happened that could not be taken back.
            if dies_after == 2 {
                world.plan.allow_replace.clear();
            }
            world.converge(&spec("y")).await;
            assert_eq!(world.cloud.alive(&KEY), ["key-2"]);
        });
    }
}

#[test]
fn a_new_name_that_is_going_is_taken_back_before_the_old_one_goes() {
    run(async {
        let world = World::new();
        world.converge(&stack(&[&topic("t", "old")])).await;
        world.cloud.put(&TOPIC, "new", live(&[("Name", "new")]), &owned_by("stack", "t"));
        world.cloud.set().items.get_mut(&(TOPIC.name(), "new".to_owned())).unwrap().scheduled =
            Some("2026-12-31".into());
        let manifest = stack(&[&with(&topic("t", "new"), "/props/Description", "x")]);
        assert_eq!(world.converge(&manifest).await, ["restore new", "update new", "delete old"]);
    });
}

#[test]
fn what_belongs_to_another_stack_is_not_taken_back() {
    run(async {
        let world = World::new();
        world.cloud.put(&TOPIC, "t", live(&[("Name", "t")]), &owned_by("other", "t"));
        world.cloud.set().items.get_mut(&(TOPIC.name(), "t".to_owned())).unwrap().scheduled = Some("2026-12-31".into());
        let planned = world.plan(&stack(&[&topic("t", "t")])).await;
        assert_eq!(planned.action("t"), Action::Blocked);
        let report = world.execute(&planned).await;
        assert!(outcome(&report, "t").fault.is_none());
        assert_eq!(world.cloud.take_writes(), Vec::<String>::new());
    });
}
