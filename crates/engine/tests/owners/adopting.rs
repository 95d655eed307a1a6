//! Owner tags on what has a name: written, adopted, kept beside others, refused where another stack's are there.

use proptest::prelude::*;
use serde_json::json;
use trueup_engine::fault::FaultKind;
use trueup_engine::kind::Kind as _;
use trueup_engine::plan::Action;
use trueup_engine::plan::document::verify;
use trueup_engine::report::Ending;

use crate::support::kinds::MANAGED;
use crate::support::{
    GROUP, KEY, LINK, TOPIC, World, group, key, link, live, outcome, owned_by, problems, run, stack, topic, with,
};

#[test]
fn a_create_writes_the_owner_and_leaves_nothing_to_do() {
    run(async {
        let world = World::new();
        let tagged = with(&topic("b", "topic"), "/props/Tags", json!([{"Key": "team", "Value": "x"}]));
        let manifest = stack(&[&group("a", "group"), &tagged, &link("c", "link", "b")]);
        assert_eq!(world.converge(&manifest).await, ["create topic", "create group", "create link"]);
        let tags = world.cloud.tags(&GROUP, "group");
        let expected = [("trueup:env", "dev"), ("trueup:resource", "a"), ("trueup:stack", "stack")];
        assert_eq!(tags, expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
        assert_eq!(world.cloud.tags(&TOPIC, "topic").len(), 4);
        assert!(world.cloud.item(&LINK, "link").unwrap().properties.get("Tags").is_none());
    });
}

#[test]
fn what_carries_no_owner_is_adopted_and_keeps_its_tags() {
    for kind in [&GROUP, &TOPIC] {
        run(async {
            let world = World::new();
            world.cloud.put(kind, "orders", live(&[("Name", "orders")]), &[("team", "x")]);
            let resource = with(&group("a", "orders"), "/type", kind.name());
            let manifest = stack(&[&resource]);
            let planned = world.plan(&manifest).await;
            assert_eq!(planned.action("a"), Action::Adopt, "{:#?}", planned.step("a").edits);
            assert_eq!(planned.reason("a"), "it exists, carries no owner, and becomes part of this stack");
            assert_eq!(world.converge(&manifest).await, ["update orders"]);
            assert_eq!(world.cloud.tags(kind, "orders")["team"], "x");
            assert_eq!(world.cloud.tags(kind, "orders")["trueup:resource"], "a");
        });
    }
}

#[test]
fn what_carries_no_tag_at_all_is_adopted_too() {
    for kind in [&GROUP, &TOPIC] {
        run(async {
            let world = World::new();
            world.cloud.put(kind, "orders", live(&[("Name", "orders")]), &[]);
            let manifest = stack(&[&with(&group("a", "orders"), "/type", kind.name())]);
            assert_eq!(world.plan(&manifest).await.action("a"), Action::Adopt);
            world.converge(&manifest).await;
        });
    }
}

#[test]
fn what_differs_besides_is_an_update_that_says_both() {
    run(async {
        let world = World::new();
        world.cloud.put(&GROUP, "orders", live(&[("Name", "orders"), ("Description", "old")]), &[("team", "x")]);
        let tagged = with(&group("a", "orders"), "/props/Tags", json!({"team": "y"}));
        let planned = world.plan(&stack(&[&tagged])).await;
        assert_eq!(planned.action("a"), Action::Update);
        assert_eq!(
            planned.reason("a"),
            "properties differ; it exists, carries no owner, and becomes part of this stack"
        );
        world.converge(&stack(&[&tagged])).await;
        assert_eq!(world.cloud.tags(&GROUP, "orders")["team"], "y");
        // What the manifest no longer asks for stays as it is.
        world.converge(&stack(&[&group("a", "orders")])).await;
        assert_eq!(world.cloud.tags(&GROUP, "orders")["team"], "y");
    });
}

#[test]
fn another_stacks_is_not_touched_without_take_over() {
    for (owner, env) in [("other", "dev"), ("stack", "prod")] {
        run(async {
            let mut world = World::new();
            let tags = [("trueup:stack", owner), ("trueup:env", env), ("trueup:resource", "z")];
            world.cloud.put(&TOPIC, "orders", live(&[("Name", "orders")]), &tags);
            let manifest = stack(&[&topic("a", "orders"), &link("b", "link", "a")]);
            let planned = world.plan(&manifest).await;
            assert_eq!(planned.action("a"), Action::Blocked);
            assert_eq!(
                planned.reason("a"),
                format!("it belongs to z of stack {owner} ({env}); `--take-over` makes it part of this one")
            );
            let report = world.execute(&planned).await;
            assert_eq!(outcome(&report, "a").ending, Ending::Blocked);
            assert_eq!(world.cloud.tags(&TOPIC, "orders")["trueup:resource"], "z");
            world.plan.take_over = true;
            let planned = world.plan(&manifest).await;
            assert_eq!(planned.action("a"), Action::Adopt);
            assert_eq!(planned.reason("a"), format!("taken over from stack {owner} ({env})"));
            let changed = with(&topic("a", "orders"), "/props/Description", "new");
            let planned = world.plan(&stack(&[&changed])).await;
            assert_eq!(planned.action("a"), Action::Update);
            world.converge(&manifest).await;
            world.plan.take_over = false;
            world.in_sync(&manifest).await;
            assert_eq!(world.cloud.tags(&TOPIC, "orders")["trueup:stack"], "stack");
        });
    }
}

#[test]
fn a_logical_name_that_changed_is_written_anew() {
    run(async {
        let world = World::new();
        world.converge(&stack(&[&group("a", "group"), &topic("b", "topic")])).await;
        let manifest = stack(&[&group("b", "group"), &topic("a", "topic")]);
        let planned = world.plan(&manifest).await;
        assert_eq!((planned.action("a"), planned.reason("a")), (Action::Update, "it was b in the manifest"));
        let mut writes = world.converge(&manifest).await;
        writes.sort();
        assert_eq!(writes, ["update group", "update topic"]);
    });
}

#[test]
fn two_that_swap_their_logical_names_stay() {
    run(async {
        let world = World::new();
        world.converge(&stack(&[&group("a", "one"), &group("b", "two")])).await;
        let writes = world.converge(&stack(&[&group("b", "one"), &group("a", "two")])).await;
        assert_eq!(writes.len(), 2, "{writes:?}");
        assert!(writes.iter().all(|write| write.starts_with("update")), "{writes:?}");
    });
}

#[test]
fn a_name_that_changed_is_a_replacement_with_the_new_one_first() {
    run(async {
        let world = World::new();
        world.converge(&stack(&[&topic("a", "old"), &link("b", "link", "a")])).await;
        let manifest = stack(&[&topic("a", "new"), &link("b", "link", "a")]);
        let planned = world.plan(&manifest).await;
        assert_eq!(planned.action("a"), Action::Replace);
        assert_eq!(planned.reason("a"), "Name cannot change in place (it was old)");
        assert!(planned.step("a").new_first);
        assert_eq!(world.converge(&manifest).await, ["create new", "update link", "delete old"]);
    });
}

#[test]
fn a_renaming_that_was_killed_is_finished() {
    for dies_after in 1..=3 {
        run(async {
            let world = World::new();
            world.converge(&stack(&[&topic("a", "old"), &link("b", "link", "a")])).await;
            let manifest = stack(&[&topic("a", "new"), &link("b", "link", "a")]);
            world.cloud.take_writes();
            world.cloud.set().dies_after = Some(dies_after);
            let killed = tokio::time::timeout(std::time::Duration::from_mins(1), world.apply(&manifest)).await;
            assert!(killed.is_err());
            world.cloud.set().dies_after = None;
            if dies_after < 3 {
                assert_eq!(world.plan(&manifest).await.reason("a"), "finishes the replacement of old");
            }
            world.converge(&manifest).await;
            assert_eq!(world.cloud.alive(&TOPIC), ["new"]);
        });
    }
}

#[test]
fn what_the_index_takes_for_a_former_one_is_looked_at() {
    run(async {
        let world = World::new();
        world.converge(&stack(&[&topic("a", "old")])).await;
        world.rest().await;
        world.cloud.set().lag = std::time::Duration::from_mins(10);
        world.cloud.retag(&TOPIC, "old", |tags| {
            tags.insert("trueup:stack".to_owned(), "other".into());
        });
        let manifest = stack(&[&topic("a", "new")]);
        assert_eq!(world.plan(&manifest).await.action("a"), Action::Create);
        world.cloud.set().read_faults.insert("old".to_owned(), FaultKind::Denied);
        let planned = world.plan(&manifest).await;
        assert_eq!(planned.plan.summary().unread, 1);
        assert!(!planned.plan.has_changes());
    });
}

#[test]
fn a_former_name_of_something_that_is_not_ours_deletes_nothing() {
    for tags in [&[][..], &owned_by("other", "a")[..]] {
        run(async {
            let world = World::new();
            world.cloud.put(&TOPIC, "old", live(&[("Name", "old")]), tags);
            let manifest = stack(&[&with(&topic("a", "new"), "/renamed_from", "old")]);
            let planned = world.plan(&manifest).await;
            assert_eq!(planned.action("a"), Action::Blocked, "{}", planned.reason("a"));
            world.execute(&planned).await;
            assert!(world.cloud.item(&TOPIC, "old").is_some());
            world.sound();
        });
    }
}

#[test]
fn a_former_one_on_its_way_out_is_no_former_name_to_remove() {
    run(async {
        let world = World::new();
        world.converge(&stack(&[&topic("a", "old")])).await;
        let manifest = stack(&[&topic("a", "new")]);
        world.converge(&manifest).await;
        let tags = owned_by("stack", "a");
        world.cloud.put(&TOPIC, "older", live(&[("Name", "older")]), &tags);
        world.cloud.set().items.get_mut(&(TOPIC.name(), "older".to_owned())).unwrap().deleting = true;
        assert_eq!(world.plan(&manifest).await.step("a").notes, Vec::<String>::new());
    });
}

#[test]
fn what_carries_no_owner_is_not_replaced() {
    run(async {
        let mut world = World::new();
        world.plan.allow_replace.push("a".to_owned());
        world.cloud.put(&TOPIC, "orders", live(&[("Name", "orders"), ("Spec", "x")]), &[]);
        let manifest = stack(&[&with(&topic("a", "orders"), "/props/Spec", "y")]);
        let planned = world.plan(&manifest).await;
        assert_eq!(planned.action("a"), Action::Blocked);
        assert!(planned.reason("a").ends_with("it carries no owner, and only what this stack owns is deleted"));
        world.execute(&planned).await;
        world.sound();
    });
}

#[test]
fn a_saved_plan_is_stale_when_somebody_else_took_it() {
    run(async {
        let world = World::new();
        world.cloud.put(&TOPIC, "orders", live(&[("Name", "orders")]), &[]);
        let manifest = stack(&[&topic("a", "orders"), &topic("b", "new")]);
        let saved = world.plan(&manifest).await.saved();
        assert_eq!(verify(&saved, &world.plan(&manifest).await.saved()), []);
        world.cloud.retag(&TOPIC, "orders", |tags| {
            tags.extend(owned_by("other", "x").map(|(key, value)| (key.to_owned(), value.into())));
        });
        let stale = verify(&saved, &world.plan(&manifest).await.saved());
        assert_eq!(stale.len(), 1);
        assert_eq!(stale[0].address.as_deref(), Some("a"));
    });
}

#[test]
fn a_saved_plan_holds_whether_its_tags_come_from_the_index_or_not() {
    run(async {
        let world = World::new();
        world.converge(&stack(&[&topic("a", "orders")])).await;
        world.rest().await;
        let manifest = stack(&[&with(&topic("a", "orders"), "/props/Description", "new")]);
        world.cloud.set().lag = std::time::Duration::from_hours(2);
        let saved = world.plan(&manifest).await.saved();
        world.cloud.set().lag = std::time::Duration::ZERO;
        let planned = world.plan(&manifest).await;
        assert!(planned.observed.by_index[0]);
        assert_eq!(verify(&saved, &planned.saved()), []);
    });
}

#[test]
fn where_the_search_failed_a_former_name_may_be_unseen_and_that_is_said() {
    run(async {
        let world = World::new();
        world.converge(&stack(&[&topic("a", "orders")])).await;
        world.cloud.set().search_fault = Some(FaultKind::Denied);
        let planned = world.plan(&stack(&[&topic("a", "orders")])).await;
        assert!(!planned.plan.has_changes());
        assert_eq!(planned.codes(), ["P130"]);
        let planned = world.plan_teardown(&stack(&[&topic("a", "orders")])).await;
        assert_eq!(planned.codes(), ["P130"]);
        let report = world.execute(&planned).await;
        assert_eq!(problems(&report), Vec::<String>::new());
    });
}

#[test]
fn tags_of_ours_in_the_manifest_are_refused() {
    let own = with(&group("a", "orders"), "/props/Tags", json!({"trueup:stack": "x"}));
    assert!(World::graph(&stack(&[&own])).1.unwrap_err()[0].starts_with("M322"));
}

#[test]
fn tags_that_are_known_only_later_get_their_owner_then() {
    run(async {
        let world = World::new();
        let tags = json!([{"Key": "of", "Value": "{{ a.Arn }}"}]);
        let manifest = stack(&[&group("a", "group"), &with(&topic("b", "topic"), "/props/Tags", tags)]);
        world.converge(&manifest).await;
        assert_eq!(world.cloud.tags(&TOPIC, "topic").len(), 4);
    });
}

#[test]
fn a_part_of_the_stack_knows_the_names_of_the_rest_wherever_they_are() {
    run(async {
        let mut world = World::new();
        let here = |resource| with(&resource, "/region", "us-east-1");
        world.converge(&stack(&[&topic("a", "one"), &here(topic("b", "two"))])).await;
        // Both logical names were swapped, and only one of them is looked at.
        let manifest = stack(&[&topic("b", "one"), &here(topic("a", "two"))]);
        world.only = vec!["b".to_owned()];
        let planned = world.plan(&manifest).await;
        assert_eq!(planned.action("b"), Action::Update, "{}", planned.reason("b"));
        world.only.clear();
        world.converge(&manifest).await;
        assert_eq!(world.cloud.alive(&TOPIC), ["one", "two"]);
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn of_any_tags_only_the_named_ones_and_the_owner_change(
        live_tags in prop::collection::btree_map("[a-c]", "[xy]", 0..4),
        owner in prop::sample::subsequence(vec!["stack", "env", "resource", "protect"], 0..5),
        owned_by_us in any::<bool>(),
        asked in prop::collection::btree_map("[a-d]", "[xy]", 0..4),
        ignored in prop::option::of("[a-c]"),
        protect in prop::option::of(any::<bool>()),
        as_map in any::<bool>(),
    ) {
        run(async {
            let kind = if as_map { &GROUP } else { &TOPIC };
            let mut world = World::new();
            world.plan.take_over = true;
            let of_owner = |key: &&str| {
                let value = match *key {
                    "stack" if owned_by_us => "stack",
                    "env" => "dev",
                    "protect" => "true",
                    _ => "other",
                };
                (format!("trueup:{key}"), value.to_owned())
            };
            let before: Vec<(String, String)> =
                live_tags.clone().into_iter().chain(owner.iter().map(of_owner)).collect();
            let before: Vec<(&str, &str)> = before.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
            world.cloud.put(kind, "orders", live(&[("Name", "orders")]), &before);
            let tags = if as_map {
                json!(asked)
            } else {
                asked.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
            };
            let mut resource = with(&with(&group("a", "orders"), "/type", kind.name()), "/props/Tags", tags);
            if let Some(protect) = protect {
                resource = with(&resource, "/protect", protect);
            }
            let ignored = ignored.filter(|_| as_map);
            if let Some(ignored) = &ignored {
                resource = with(&resource, "/ignore", json!([{"path": format!("/Tags/{ignored}"), "reason": "x"}]));
            }
            world.converge(&stack(&[&resource])).await;
            let after = world.cloud.tags(kind, "orders");
            assert_eq!(after["trueup:stack"], "stack");
            assert_eq!(after["trueup:resource"], "a");
            for key in ["a", "b", "c", "d"] {
                let asked = asked.get(key).filter(|_| ignored.as_deref() != Some(key));
                let wanted = asked.or(live_tags.get(key));
                assert_eq!(after.get(key), wanted, "{key}");
            }
            let was_protected = owner.contains(&"stack") && owner.contains(&"protect");
            let protected = after.get("trueup:protect").is_some_and(|it| it == "true");
            match protect {
                Some(protect) if was_protected => assert_eq!(protected, protect),
                Some(true) => assert!(protected),
                _ => assert!(!was_protected || protected),
            }
        });
    }
}

#[test]
fn one_that_was_found_only_when_it_was_to_be_made_is_named_in_the_report() {
    run(async {
        let world = World::new();
        let planned = world.plan(&stack(&[&with(&key("k"), "/props/Description", "new")])).await;
        world.cloud.put(&KEY, "key-0", live(&[("Description", "old")]), &owned_by("stack", "k"));
        let report = world.execute(&planned).await;
        assert_eq!(world.cloud.take_writes(), ["update key-0"]);
        assert_eq!(outcome(&report, "k").identity.as_deref(), Some("key-0"));
    });
}

#[test]
fn of_two_that_two_runs_made_at_once_the_later_run_deletes_its_own_and_never_one_that_it_only_found() {
    for adopts in [false, true] {
        run(async {
            let world = World::new();
            let planned = world.plan(&stack(&[&key("k")])).await;
            let theirs = live(&[("Description", "for the tests")]);
            world.cloud.put(&KEY, "key-0", theirs, &owned_by("stack", "k"));
            let id = (KEY.name(), "key-0".to_owned());
            let theirs = world.cloud.item(&KEY, "key-0").unwrap();
            world.cloud.remove(&KEY, "key-0");
            world.cloud.set().twin = Some((id, theirs));
            world.cloud.set().adopts = adopts;
            let report = world.execute(&planned).await;
            let done = outcome(&report, "k");
            if adopts {
                let message = &done.fault.as_ref().unwrap().message;
                assert!(message.contains("key-0") && message.contains("key-1"), "{message}");
                assert_eq!(world.cloud.take_writes(), ["create AWS::KMS::Key"]);
            } else {
                assert_eq!((done.ending, done.fault.as_ref()), (Ending::Done, None));
                assert_eq!(world.cloud.take_writes()[..2], ["create AWS::KMS::Key", "delete key-1"]);
                assert_eq!(world.cloud.alive(&KEY), ["key-0"]);
            }
            world.sound();
        });
    }
}

#[test]
fn what_a_service_made_for_itself_is_left_alone() {
    run(async {
        let world = World::new();
        let theirs = live(&[("Name", "theirs"), ("Description", MANAGED)]);
        world.cloud.put(&GROUP, "theirs", theirs, &owned_by("stack", "g"));
        let same = with(&group("g", "theirs"), "/props/Description", MANAGED);
        assert_eq!(world.plan(&stack(&[&same])).await.action("g"), Action::None);
        let other = with(&same, "/props/Description", "ours");
        let planned = world.plan(&stack(&[&other])).await;
        assert_eq!((planned.action("g"), planned.reason("g")), (Action::Blocked, "a service made it for itself"));
        world.execute(&planned).await;
        assert_eq!(world.cloud.take_writes(), Vec::<String>::new());
    });
}
