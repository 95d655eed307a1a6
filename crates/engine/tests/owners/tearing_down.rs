//! A teardown deletes what the stack owns, and leaves what it does not.

use trueup_engine::fault::FaultKind;
use trueup_engine::kind::Kind as _;
use trueup_engine::plan::Action;
use trueup_engine::report::Ending;

use crate::support::{
    GROUP, KEY, LINK, World, alias, group, key, link, live, outcome, owned_by, problems, run, stack, topic,
};

#[test]
fn its_own_go_in_reverse_order() {
    run(async {
        let world = World::new();
        let manifest = stack(&[
            &key("k"),
            &alias("n", "alias/orders", "k"),
            &topic("t", "topic"),
            &link("l", "link", "t"),
            &group("g", "group"),
        ]);
        world.converge(&manifest).await;
        world.cloud.take_writes();
        let planned = world.plan_teardown(&manifest).await;
        let report = world.execute(&planned).await;
        assert_eq!(problems(&report), Vec::<String>::new());
        let mut writes = world.cloud.take_writes();
        writes.sort();
        let all = ["delete alias/orders", "delete group", "delete key-1", "delete link", "delete topic"];
        assert_eq!(writes, all);
        world.sound();
    });
}

#[test]
fn what_is_free_or_another_stacks_stays() {
    run(async {
        let world = World::new();
        world.cloud.put(&GROUP, "free", live(&[("Name", "free")]), &[("team", "x")]);
        world.cloud.put(&GROUP, "foreign", live(&[("Name", "foreign")]), &owned_by("other", "x"));
        world.cloud.put(&LINK, "link", live(&[("Name", "link")]), &[]);
        let mut tags = owned_by("stack", "renamed");
        world.cloud.put(&GROUP, "own", live(&[("Name", "own")]), &tags);
        tags[1].1 = "prod";
        world.cloud.put(&GROUP, "env", live(&[("Name", "env")]), &tags);
        let resources = ["free", "foreign", "own", "env"].map(|name| group(name, name));
        let mut all: Vec<_> = resources.iter().collect();
        let mut plain = link("plain", "link", "own");
        plain["props"]["TargetArn"] = "x".into();
        all.push(&plain);
        let planned = world.plan_teardown(&stack(&all)).await;
        let actions = ["free", "foreign", "own", "env", "plain"].map(|name| planned.action(name));
        use Action::{Blocked, Delete};
        assert_eq!(actions, [Blocked, Blocked, Delete, Blocked, Delete]);
        let report = world.execute(&planned).await;
        assert_eq!(outcome(&report, "free").ending, Ending::Blocked);
        assert_eq!(world.cloud.alive(&GROUP), ["env", "foreign", "free"]);
        world.sound();
    });
}

#[test]
fn what_an_alias_points_at_and_nobody_owns_stays() {
    run(async {
        let world = World::new();
        world.cloud.put(&KEY, "k0", live(&[]), &[]);
        let alias_of = live(&[("Name", "alias/orders"), ("TargetKeyId", "k0")]);
        world.cloud.put(&crate::support::ALIAS, "alias/orders", alias_of, &[]);
        let planned = world.plan_teardown(&stack(&[&key("k"), &alias("n", "alias/orders", "k")])).await;
        assert_eq!(planned.action("k"), Action::Blocked);
        world.execute(&planned).await;
        world.sound();
        assert!(world.cloud.item(&KEY, "k0").unwrap().scheduled.is_none());
    });
}

#[test]
fn where_the_search_failed_it_is_not_said_to_be_gone() {
    run(async {
        let world = World::new();
        let manifest = stack(&[&key("k"), &alias("n", "alias/orders", "k")]);
        world.converge(&manifest).await;
        world.cloud.set().search_fault = Some(FaultKind::Denied);
        // The alias shows which key it is.
        assert_eq!(world.plan_teardown(&manifest).await.plan.summary().unread, 0);
        let manifest = stack(&[&key("k")]);
        let planned = world.plan_teardown(&manifest).await;
        assert_eq!(planned.plan.summary().unread, 1);
        // That one is unread already, and no other could have had another name.
        assert_eq!(planned.codes(), Vec::<&str>::new());
        assert_eq!(KEY.name(), planned.step("k").desired.kind.name());
    });
}

#[test]
fn the_old_one_of_a_renaming_that_was_killed_goes_too() {
    run(async {
        let world = World::new();
        world.converge(&stack(&[&topic("t", "old")])).await;
        world.cloud.put(&crate::support::TOPIC, "new", live(&[("Name", "new")]), &owned_by("stack", "t"));
        let planned = world.plan_teardown(&stack(&[&topic("t", "new")])).await;
        let report = world.execute(&planned).await;
        assert_eq!(problems(&report), Vec::<String>::new());
        assert_eq!(world.cloud.alive(&crate::support::TOPIC), Vec::<String>::new());
    });
}

/// A key of which copies are going is marked for deletion once they are gone; that is as far as it goes.
#[test]
fn what_is_going_is_waited_for_until_it_is_marked() {
    run(async {
        let world = World::new();
        let manifest = stack(&[&key("k")]);
        world.converge(&manifest).await;
        let id = (KEY.name(), "key-1".to_owned());
        world.cloud.set().items.get_mut(&id).unwrap().deleting = true;
        let planned = world.plan_teardown(&manifest).await;
        let marked = async {
            tokio::time::sleep(std::time::Duration::from_secs(5)).await;
            let mut state = world.cloud.set();
            let item = state.items.get_mut(&id).unwrap();
            (item.deleting, item.scheduled) = (false, Some("2026-12-30".to_owned()));
        };
        let (report, ()) = tokio::join!(world.execute(&planned), marked);
        assert_eq!(outcome(&report, "k").ending, Ending::Done);
        assert!(outcome(&report, "k").fault.is_none(), "{:?}", outcome(&report, "k"));
    });
}
