//! What the service names: found by tags, by what points at it, by its id; never made twice.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;
use trueup_engine::fault::FaultKind;
use trueup_engine::kind::Kind as _;
use trueup_engine::plan::Action;
use trueup_engine::report::Ending;

use crate::support::{
    ALIAS, KEY, LINK, World, alias, key, link, live, outcome, owned_by, problems, run, stack, topic, with,
};

const SETTLE: Duration = Duration::from_secs(15);

#[test]
fn what_it_will_be_called_is_known_after_apply() {
    run(async {
        let world = World::new();
        let manifest = stack(&[&key("k"), &alias("n", "alias/orders", "k"), &link("l", "link", "k")]);
        let planned = world.plan(&manifest).await;
        let document = serde_json::to_value(planned.document()).unwrap();
        assert_eq!(document["steps"][0]["identifier"], json!(null));
        assert_eq!(document["steps"][1]["patch"][0]["value"]["TargetKeyId"], json!({"$unknown": "k.KeyId"}));
        assert_eq!(document["steps"][2]["patch"][0]["value"]["TargetArn"], json!({"$unknown": "k.Arn"}));
        let report = world.execute(&planned).await;
        assert_eq!(problems(&report), Vec::<String>::new());
        assert_eq!(outcome(&report, "k").identity.as_deref(), Some("key-1"));
        world.in_sync(&manifest).await;
        let saved = serde_json::to_value(world.plan(&manifest).await.document()).unwrap();
        assert_eq!(saved["steps"][0]["identifier"], "key-1");
    });
}

#[test]
fn exports_of_it_are_known_after_apply() {
    run(async {
        let world = World::new();
        let mut manifest = stack(&[&with(&key("k"), "/exports", json!([{"KeyId": "orders_key"}]))]);
        manifest["exports"] = json!(["orders_key"]);
        let report = world.apply(&manifest).await;
        let (name, value) = &report.exports[0];
        assert_eq!((name.as_str(), value.as_ref().and_then(|it| it.as_str())), ("orders_key", Some("key-1")));
    });
}

#[test]
fn an_untagged_one_is_found_by_its_alias_and_adopted() {
    run(async {
        let world = World::new();
        world.cloud.put(&KEY, "k0", live(&[("Description", "for the tests")]), &[]);
        world.cloud.put(&ALIAS, "alias/orders", live(&[("Name", "alias/orders"), ("TargetKeyId", "k0")]), &[]);
        let manifest = stack(&[&key("k"), &alias("n", "alias/orders", "k")]);
        assert_eq!(world.plan(&manifest).await.action("k"), Action::Adopt);
        assert_eq!(world.converge(&manifest).await, ["update k0"]);
    });
}

#[test]
fn it_is_found_by_its_alias_though_only_the_key_is_selected() {
    run(async {
        let mut world = World::new();
        world.cloud.put(&KEY, "k0", live(&[("Description", "for the tests")]), &[]);
        world.cloud.put(&ALIAS, "alias/orders", live(&[("Name", "alias/orders"), ("TargetKeyId", "k0")]), &[]);
        let manifest = stack(&[&key("k"), &alias("n", "alias/orders", "k")]);
        world.only = vec!["k".to_owned()];
        assert_eq!(world.plan(&manifest).await.action("k"), Action::Adopt);
    });
}

#[test]
fn what_another_resource_of_the_manifest_has_is_not_taken() {
    run(async {
        let world = World::new();
        world.converge(&stack(&[&key("one"), &alias("n", "alias/orders", "one")])).await;
        // The alias shall point at another key by now.
        let manifest = stack(&[&key("one"), &key("two"), &alias("n", "alias/orders", "two")]);
        let planned = world.plan(&manifest).await;
        assert_eq!(planned.action("two"), Action::Create);
        assert_eq!(planned.action("one"), Action::None);
        assert_eq!(world.converge(&manifest).await, ["create AWS::KMS::Key", "update alias/orders"]);
    });
}

#[test]
fn what_the_manifest_no_longer_names_is_taken_by_its_alias() {
    run(async {
        let mut world = World::new();
        world.converge(&stack(&[&key("one"), &alias("n", "alias/orders", "one")])).await;
        let manifest = stack(&[&key("two"), &alias("n", "alias/orders", "two")]);
        world.plan.prune = true;
        let planned = world.plan(&manifest).await;
        assert_eq!((planned.action("two"), planned.reason("two")), (Action::Update, "it was one in the manifest"));
        assert_eq!(world.converge(&manifest).await, ["update key-1"]);
        assert_eq!(world.cloud.alive(&KEY), ["key-1"]);
    });
}

#[test]
fn the_marked_one_goes_before_one_that_is_pointed_at() {
    for tags in [&[][..], &owned_by("other", "k")[..], &owned_by("stack", "gone")[..]] {
        run(async {
            let world = World::new();
            let manifest = stack(&[&key("k"), &alias("n", "alias/orders", "k")]);
            world.converge(&manifest).await;
            world.cloud.put(&KEY, "k0", live(&[("Description", "for the tests")]), tags);
            world.cloud.put(&ALIAS, "alias/orders", live(&[("Name", "alias/orders"), ("TargetKeyId", "k0")]), &[]);
            let planned = world.plan(&manifest).await;
            assert_eq!(planned.step("k").identity.as_deref(), Some("key-1"), "{}", planned.reason("k"));
            assert_eq!(world.converge(&manifest).await, ["update alias/orders"]);
        });
    }
}

#[test]
fn one_that_belongs_to_another_stack_is_not_adopted_through_an_alias() {
    run(async {
        let world = World::new();
        world.cloud.put(&KEY, "k0", live(&[("Description", "for the tests")]), &owned_by("other", "k"));
        world.cloud.put(&ALIAS, "alias/orders", live(&[("Name", "alias/orders"), ("TargetKeyId", "k0")]), &[]);
        let planned = world.plan(&stack(&[&key("k"), &alias("n", "alias/orders", "k")])).await;
        assert_eq!(planned.action("k"), Action::Blocked);
    });
}

#[test]
fn one_that_two_are_found_through_is_neither_s() {
    run(async {
        let world = World::new();
        world.cloud.put(&KEY, "k0", live(&[("Description", "for the tests")]), &[]);
        for name in ["alias/a", "alias/b"] {
            world.cloud.put(&ALIAS, name, live(&[("Name", name), ("TargetKeyId", "k0")]), &[]);
        }
        let manifest = stack(&[&key("a"), &key("b"), &alias("na", "alias/a", "a"), &alias("nb", "alias/b", "b")]);
        let planned = world.plan(&manifest).await;
        assert_eq!(planned.plan.summary().unread, 2, "{:#?}", planned.document());
        assert!(planned.reason("a").contains("`identifier`"), "{}", planned.reason("a"));
        world.execute(&planned).await;
        assert_eq!(world.cloud.take_writes(), Vec::<String>::new());
        // Where one of them says so, the other is another one.
        let manifest = stack(&[
            &with(&key("a"), "/identifier", "k0"),
            &key("b"),
            &alias("na", "alias/a", "a"),
            &alias("nb", "alias/b", "b"),
        ]);
        let planned = world.plan(&manifest).await;
        assert_eq!((planned.action("a"), planned.action("b")), (Action::Adopt, Action::Create));
        world.converge(&manifest).await;
    });
}

#[test]
fn it_is_found_by_its_identifier() {
    run(async {
        let world = World::new();
        world.cloud.put(&KEY, "k0", live(&[("Description", "for the tests")]), &[]);
        let manifest = stack(&[&with(&key("k"), "/identifier", "k0")]);
        assert_eq!(world.plan(&manifest).await.action("k"), Action::Adopt);
        assert_eq!(world.converge(&manifest).await, ["update k0"]);
        // The tags find it from now on.
        world.in_sync(&stack(&[&key("k")])).await;
    });
}

#[test]
fn an_identifier_that_names_nothing_makes_nothing() {
    run(async {
        let world = World::new();
        let manifest = stack(&[&with(&key("k"), "/identifier", "k0"), &alias("n", "alias/orders", "k")]);
        let planned = world.plan(&manifest).await;
        assert_eq!(planned.action("k"), Action::Blocked);
        assert_eq!(
            planned.reason("k"),
            "`identifier` names k0, which does not exist; without the key `identifier` a new one is made"
        );
        world.execute(&planned).await;
        assert_eq!(world.cloud.take_writes(), Vec::<String>::new());
        world.sound();
    });
}

#[test]
fn an_identifier_that_is_going_makes_nothing() {
    run(async {
        let world = World::new();
        world.cloud.put(&KEY, "k0", live(&[]), &[]);
        world.cloud.set().items.get_mut(&(KEY.name(), "k0".to_owned())).unwrap().deleting = true;
        let planned = world.plan(&stack(&[&with(&key("k"), "/identifier", "k0")])).await;
        assert_eq!(planned.action("k"), Action::Blocked);
    });
}

#[test]
fn one_on_its_way_out_is_not_waited_for() {
    run(async {
        let world = World::new();
        world.converge(&stack(&[&key("k")])).await;
        world.cloud.set().items.get_mut(&(KEY.name(), "key-1".to_owned())).unwrap().deleting = true;
        let planned = world.plan(&stack(&[&key("k")])).await;
        assert_eq!(planned.action("k"), Action::Create);
        assert_eq!(planned.step("k").identity, None);
        let report = world.execute(&planned).await;
        assert_eq!(problems(&report), Vec::<String>::new());
        world.in_sync(&stack(&[&key("k")])).await;
    });
}

#[test]
fn of_two_with_the_same_tags_nobody_knows_which_is_meant() {
    run(async {
        let world = World::new();
        let manifest = stack(&[&key("k"), &alias("n", "alias/orders", "k")]);
        world.cloud.put(&KEY, "k0", live(&[]), &owned_by("stack", "k"));
        world.cloud.put(&KEY, "k1", live(&[]), &owned_by("stack", "k"));
        let planned = world.plan(&manifest).await;
        assert_eq!(planned.plan.summary().unread, 1);
        let reason = planned.reason("k");
        assert!(reason.contains("k0 and k1 carry the owner tags of k"), "{reason}");
        let report = world.execute(&planned).await;
        assert_eq!(outcome(&report, "n").ending, Ending::Skipped);
        assert_eq!(world.cloud.take_writes(), Vec::<String>::new());
    });
}

#[test]
fn an_index_that_is_late_makes_no_second_one() {
    run(async {
        let mut world = World::new();
        world.apply.search_again = SETTLE;
        world.cloud.set().lag = Duration::from_secs(10);
        let manifest = stack(&[&key("k"), &alias("n", "alias/orders", "k")]);
        world.cloud.set().dies_after = Some(1);
        let _ = tokio::time::timeout(Duration::from_secs(16), world.apply(&manifest)).await;
        assert_eq!(world.cloud.alive(&KEY).len(), 1);
        world.cloud.set().dies_after = None;
        let planned = world.plan(&manifest).await;
        assert_eq!(planned.action("k"), Action::Create);
        let report = world.execute(&planned).await;
        assert_eq!(problems(&report), Vec::<String>::new());
        assert_eq!(outcome(&report, "k").identity.as_deref(), Some("key-1"));
        assert_eq!(world.cloud.alive(&KEY), ["key-1"]);
        world.rest().await;
        world.in_sync(&manifest).await;
    });
}

#[test]
fn the_second_search_comes_that_long_after_the_first_one_was_answered() {
    run(async {
        let mut world = World::new();
        world.apply.search_again = SETTLE;
        world.cloud.set().search_takes = Duration::from_secs(10);
        let manifest = stack(&[&key("k")]);
        let began = Instant::now();
        let planned = world.plan(&manifest).await;
        world.execute(&planned).await;
        assert!(began.elapsed() >= Duration::from_secs(35), "{:?}", began.elapsed());
        // The third one looks whether another run has made one as well.
        assert_eq!(world.cloud.set().searches, 3);
    });
}

#[test]
fn a_second_search_that_fails_makes_nothing() {
    run(async {
        let world = World::new();
        let planned = world.plan(&stack(&[&key("k")])).await;
        world.cloud.set().search_fault = Some(FaultKind::Throttled);
        let report = world.execute(&planned).await;
        assert_eq!(outcome(&report, "k").ending, Ending::Failed);
        assert_eq!(world.cloud.take_writes(), Vec::<String>::new());
    });
}

#[test]
fn where_the_search_failed_nothing_is_made_and_dependants_are_skipped() {
    run(async {
        let world = World::new();
        world.cloud.set().search_fault = Some(FaultKind::Denied);
        let manifest = stack(&[&key("k"), &alias("n", "alias/orders", "k"), &topic("t", "topic")]);
        let planned = world.plan(&manifest).await;
        assert_eq!(planned.plan.summary().unread, 1);
        assert_eq!(planned.step("k").unread().map(|fault| fault.kind), Some(FaultKind::Denied));
        let report = world.execute(&planned).await;
        assert_eq!(outcome(&report, "k").ending, Ending::Skipped);
        assert_eq!(outcome(&report, "n").ending, Ending::Skipped);
        assert_eq!(world.cloud.take_writes(), ["create topic"]);
    });
}

#[test]
fn where_the_search_failed_the_alias_of_our_own_is_enough() {
    run(async {
        let world = World::new();
        let manifest = stack(&[&key("k"), &alias("n", "alias/orders", "k")]);
        world.converge(&manifest).await;
        world.cloud.set().search_fault = Some(FaultKind::Denied);
        assert_eq!(world.plan(&manifest).await.action("k"), Action::None);
        assert_eq!(world.plan(&manifest).await.plan.summary().unread, 0);
        // One without an owner may stand in for one that nobody can see.
        world.cloud.put(&KEY, "k0", live(&[("Description", "for the tests")]), &[]);
        world.cloud.put(&ALIAS, "alias/orders", live(&[("Name", "alias/orders"), ("TargetKeyId", "k0")]), &[]);
        assert_eq!(world.plan(&manifest).await.plan.summary().unread, 1);
    });
}

#[test]
fn an_alias_that_could_not_be_read_may_point_at_it() {
    run(async {
        let world = World::new();
        world.cloud.set().read_faults.insert("alias/orders".to_owned(), FaultKind::Throttled);
        let manifest = stack(&[&key("k"), &alias("n", "alias/orders", "k")]);
        let planned = world.plan(&manifest).await;
        assert_eq!(planned.plan.summary().unread, 2);
        world.execute(&planned).await;
        assert_eq!(world.cloud.take_writes(), Vec::<String>::new());
    });
}

#[test]
fn one_that_could_not_be_read_is_not_made_again() {
    run(async {
        let world = World::new();
        let manifest = stack(&[&key("k"), &alias("n", "alias/orders", "k")]);
        world.converge(&manifest).await;
        world.cloud.take_writes();
        world.cloud.set().read_faults.insert("key-1".to_owned(), FaultKind::Denied);
        let planned = world.plan(&manifest).await;
        assert_eq!(planned.plan.summary().unread, 1);
        assert_eq!(planned.step("k").identity.as_deref(), Some("key-1"));
        world.execute(&planned).await;
        assert_eq!(world.cloud.take_writes(), Vec::<String>::new());
    });
}

#[test]
fn what_the_index_still_shows_and_is_gone_is_made_again() {
    run(async {
        let world = World::new();
        world.converge(&stack(&[&key("k")])).await;
        world.rest().await;
        world.cloud.set().lag = Duration::from_mins(10);
        world.cloud.remove(&KEY, "key-1");
        let planned = world.plan(&stack(&[&key("k")])).await;
        assert_eq!((planned.action("k"), planned.step("k").identity.clone()), (Action::Create, None));
        let report = world.execute(&planned).await;
        assert_eq!(problems(&report), Vec::<String>::new());
        assert_eq!(world.cloud.alive(&KEY), ["key-2"]);
    });
}

#[test]
fn what_points_at_a_replaced_one_follows() {
    run(async {
        let mut world = World::new();
        world.plan.allow_replace.push("k".to_owned());
        let with_spec = |spec: &str| {
            stack(&[&with(&key("k"), "/props/Spec", spec), &alias("n", "alias/orders", "k"), &link("l", "link", "k")])
        };
        world.converge(&with_spec("x")).await;
        let planned = world.plan(&with_spec("y")).await;
        assert_eq!(planned.action("k"), Action::Replace);
        let report = world.execute(&planned).await;
        assert_eq!(problems(&report), Vec::<String>::new());
        assert_eq!(outcome(&report, "k").identity.as_deref(), Some("key-2"));
        world.in_sync(&with_spec("y")).await;
        assert_eq!(
            world
                .cloud
                .item(&LINK, "link")
                .unwrap()
                .properties
                .get("TargetArn")
                .unwrap()
                .as_str()
                .unwrap()
                .rsplit(':')
                .next(),
            Some("key-2")
        );
    });
}

#[test]
fn an_identifier_in_another_spelling_is_the_same_one() {
    run(async {
        let mut world = World::new();
        world.plan.prune = true;
        world.converge(&stack(&[&key("k")])).await;
        let arn = "arn:aws:kms:us-east-1:123456789012:key-1";
        world.in_sync(&stack(&[&with(&key("k"), "/identifier", arn)])).await;
        let manifest = stack(&[&with(&key("other"), "/identifier", arn)]);
        let planned = world.plan(&manifest).await;
        assert_eq!(planned.plan.summary().delete, 0);
        assert_eq!(planned.reason("other"), "it was k in the manifest");
        world.converge(&manifest).await;
    });
}

#[test]
fn two_that_turn_up_in_the_second_search_are_nobody_s() {
    run(async {
        let world = World::new();
        let planned = world.plan(&stack(&[&key("k")])).await;
        for identity in ["k0", "k1"] {
            world.cloud.put(&KEY, identity, live(&[]), &owned_by("stack", "k"));
        }
        let report = world.execute(&planned).await;
        assert_eq!(outcome(&report, "k").fault.as_ref().map(|fault| fault.kind), Some(FaultKind::Conflict));
        assert_eq!(world.cloud.take_writes(), Vec::<String>::new());
    });
}

#[test]
fn of_several_aliases_that_point_at_different_ones_nobody_knows_which_is_meant() {
    run(async {
        let world = World::new();
        for (name, target) in [("alias/a", "k0"), ("alias/b", "k1")] {
            world.cloud.put(&KEY, target, live(&[("Description", "for the tests")]), &[]);
            world.cloud.put(&ALIAS, name, live(&[("Name", name), ("TargetKeyId", target)]), &[]);
        }
        let planned = world.plan(&stack(&[&key("k"), &alias("a", "alias/a", "k"), &alias("b", "alias/b", "k")])).await;
        assert_eq!(planned.plan.summary().unread, 1);
        assert!(planned.reason("k").contains("k0 and k1 are pointed at as k"), "{}", planned.reason("k"));
    });
}

#[test]
fn what_is_searched_for_waits_for_what_may_point_at_it_and_for_nothing_else() {
    run(async {
        let world = World::new();
        let manifest =
            stack(&[&key("k"), &alias("n", "alias/orders", "k"), &link("l", "link", "m"), &topic("m", "topic")]);
        assert_eq!(problems(&world.apply(&manifest).await), Vec::<String>::new());
        let seconds = |seconds| Duration::from_secs(seconds);
        {
            let mut state = world.cloud.set();
            state.search_takes = seconds(2);
            state.read_takes = [(KEY.name(), 10), (ALIAS.name(), 5), (LINK.name(), 14)]
                .map(|(kind, takes)| (kind, seconds(takes)))
                .into();
        }
        let began = Instant::now();
        world.in_sync(&manifest).await;
        // The aliases and the key, or the link: whatever takes longer.
        assert_eq!(began.elapsed().as_secs(), 15);
    });
}
