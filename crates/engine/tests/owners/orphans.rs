//! What the stack owns and the manifest no longer names.

use std::time::Duration;

use serde_json::{Value as Json, json};
use trueup_engine::cloud::Owned;
use trueup_engine::fault::FaultKind;
use trueup_engine::plan::Action;
use trueup_engine::plan::document::verify;

use crate::support::{TOPIC, World, alias, group, key, link, live, owned_by, run, stack, topic, with};

fn pruning() -> World {
    let mut world = World::new();
    world.plan.prune = true;
    world
}

#[test]
fn only_orphans_go() {
    run(async {
        let world = pruning();
        let keep = group("g", "group");
        world.converge(&stack(&[&keep, &topic("t", "topic"), &key("k")])).await;
        world.cloud.put(&TOPIC, "foreign", live(&[("Name", "foreign")]), &owned_by("other", "x"));
        world.cloud.put(&TOPIC, "free", live(&[("Name", "free")]), &[]);
        let planned = world.plan(&stack(&[&keep])).await;
        assert_eq!(planned.action("t"), Action::Delete);
        assert_eq!(planned.reason("t"), "the manifest no longer names it");
        assert_eq!(planned.action("g"), Action::None);
        let saved = planned.saved();
        assert_eq!(verify(&saved, &world.plan(&stack(&[&keep])).await.saved()), []);
        let mut writes = world.converge(&stack(&[&keep])).await;
        writes.sort();
        assert_eq!(writes, ["delete key-1", "delete topic"]);
        assert_eq!(world.cloud.alive(&TOPIC), ["foreign", "free"]);
    });
}

#[test]
fn they_go_after_what_points_at_them() {
    run(async {
        let world = pruning();
        let encrypted = with(&topic("t", "topic"), "/props/KmsKeyId", "{{ k.KeyId }}");
        world.converge(&stack(&[&key("k"), &encrypted])).await;
        // Both are orphans.
        assert_eq!(world.converge(&stack(&[&group("g", "group")])).await.last().unwrap(), "delete key-1");
        // What points at one is moved first.
        let world = pruning();
        world.converge(&stack(&[&topic("t", "old"), &link("l", "link", "t")])).await;
        let manifest = stack(&[&topic("u", "new"), &link("l", "link", "u")]);
        assert_eq!(world.converge(&manifest).await, ["create new", "update link", "delete old"]);
    });
}

#[test]
fn one_that_something_goes_on_pointing_at_stays() {
    run(async {
        let world = pruning();
        world.converge(&stack(&[&topic("t", "topic"), &link("l", "link", "t")])).await;
        let mut literal = link("l", "link", "t");
        literal["props"]["TargetArn"] = "arn:aws:sns:us-east-1:123456789012:topic".into();
        let planned = world.plan(&stack(&[&literal])).await;
        assert_eq!(planned.action("t"), Action::Blocked);
        assert_eq!(planned.reason("t"), "l, which goes on pointing at it, stays");
        world.execute(&planned).await;
        world.sound();
        assert_eq!(world.cloud.alive(&TOPIC), ["topic"]);
        // Also where that one changes otherwise.
        let planned = world.plan(&stack(&[&with(&literal, "/props/Description", "x")])).await;
        assert_eq!((planned.action("l"), planned.action("t")), (Action::Update, Action::Blocked));
    });
}

/// Not every schema says that a property names a key; of most types nothing is known but what may be written.
#[test]
fn a_key_that_something_names_where_nobody_knows_what_is_named_stays() {
    run(async {
        let world = pruning();
        let link_to = |target: &str| {
            let mut resource = link("l", "link", "k");
            resource["props"]["TargetArn"] = target.into();
            resource
        };
        world.converge(&stack(&[&key("k"), &link_to("{{ k.KeyId }}")])).await;
        let planned = world.plan(&stack(&[&link_to("key-1")])).await;
        assert_eq!(planned.action("k"), Action::Blocked);
        assert_eq!(planned.reason("k"), "l, which goes on pointing at it, stays");
        // By its alias too.
        let named = stack(&[&key("k"), &alias("n", "alias/orders", "k"), &link_to("alias/orders")]);
        world.converge(&named).await;
        let planned = world
            .plan(&stack(&[
                &with(&alias("n", "alias/orders", "k"), "/props/TargetKeyId", "key-1"),
                &link_to("alias/orders"),
            ]))
            .await;
        assert_eq!(planned.action("k"), Action::Blocked);
    });
}

#[test]
fn one_that_something_unread_may_point_at_stays() {
    run(async {
        let world = pruning();
        world.converge(&stack(&[&topic("t", "topic"), &link("l", "link", "t"), &group("g", "group")])).await;
        world.cloud.set().read_faults.insert("link".to_owned(), FaultKind::Throttled);
        world.cloud.take_writes();
        let mut moved = link("l", "link", "g");
        moved["depends_on"] = json!(["g"]);
        let planned = world.plan(&stack(&[&group("g", "group"), &moved])).await;
        assert_eq!(planned.action("t"), Action::None);
        assert_eq!(planned.step("t").notes, ["stays for now: l, which may point at it, could not be read"]);
        world.execute(&planned).await;
        assert_eq!(world.cloud.take_writes(), Vec::<String>::new());
        world.sound();
    });
}

#[test]
fn one_that_a_protected_orphan_points_at_stays() {
    run(async {
        let world = pruning();
        let encrypted = with(&topic("t", "topic"), "/props/KmsKeyId", "{{ k.KeyId }}");
        world.converge(&stack(&[&key("k"), &with(&encrypted, "/protect", true)])).await;
        let planned = world.plan(&stack(&[&group("g", "group")])).await;
        assert_eq!((planned.action("t"), planned.action("k")), (Action::Blocked, Action::Blocked));
        world.execute(&planned).await;
        world.sound();
    });
}

#[test]
fn many_at_once_need_a_word() {
    run(async {
        let mut world = pruning();
        let topics: Vec<Json> = (0..11).map(|number| topic(&format!("t{number}"), &format!("t{number}"))).collect();
        let all: Vec<&Json> = topics.iter().collect();
        world.converge(&stack(&all)).await;
        let planned = world.plan(&stack(&[&group("g", "group")])).await;
        assert_eq!(planned.plan.summary().blocked, 11);
        assert!(planned.reason("t0").contains("`--allow-deletes 11`"), "{}", planned.reason("t0"));
        world.execute(&planned).await;
        assert_eq!(world.cloud.alive(&TOPIC).len(), 11);
        world.plan.allow_deletes = Some(10);
        assert_eq!(world.plan(&stack(&[&group("g", "group")])).await.plan.summary().blocked, 11);
        world.plan.allow_deletes = Some(11);
        world.converge(&stack(&[&group("g", "group")])).await;
        assert_eq!(world.cloud.alive(&TOPIC), Vec::<String>::new());
    });
}

#[test]
fn one_whose_own_tags_changed_is_left_alone() {
    run(async {
        let world = pruning();
        world.converge(&stack(&[&topic("t", "topic"), &topic("u", "other"), &topic("v", "gone")])).await;
        world.rest().await;
        world.cloud.set().lag = Duration::from_mins(10);
        world.cloud.retag(&TOPIC, "topic", |tags| tags.retain(|key, _| !key.starts_with("trueup:")));
        world.cloud.retag(&TOPIC, "other", |tags| {
            tags.insert("trueup:env".to_owned(), "prod".into());
        });
        world.cloud.remove(&TOPIC, "gone");
        let planned = world.plan(&stack(&[&group("g", "group")])).await;
        assert_eq!(planned.plan.summary().delete, 0, "{:#?}", planned.document());
    });
}

#[test]
fn one_that_the_manifest_names_by_now_is_left_alone() {
    run(async {
        let world = pruning();
        world.converge(&stack(&[&topic("t", "topic")])).await;
        world.rest().await;
        world.cloud.set().lag = Duration::from_mins(10);
        // Renamed in the manifest, and so it is tagged; the index shows the old tags.
        world.apply(&stack(&[&topic("u", "topic")])).await;
        let planned = world.plan(&stack(&[&topic("u", "topic")])).await;
        assert_eq!(planned.plan.summary().delete, 0);
    });
}

#[test]
fn what_nothing_here_manages_is_said() {
    run(async {
        let world = pruning();
        let tags = owned_by("stack", "x").map(|(key, value)| (key.to_owned(), value.into())).into_iter().collect();
        let arn = "arn:aws:glue:us-east-1:123456789012:job/x".to_owned();
        world.cloud.set().beside.push(Owned { arn, kind: None, identity: None, tags });
        let planned = world.plan(&stack(&[&group("g", "group")])).await;
        assert_eq!(planned.codes(), ["P131"]);
        assert_eq!(planned.plan.summary().delete, 0);
    });
}

#[test]
fn where_the_search_failed_orphans_may_be_unseen() {
    run(async {
        let world = pruning();
        let mut literal = link("l", "link", "g");
        literal["props"]["TargetArn"] = "arn:aws:logs:us-east-1:123456789012:group".into();
        world.converge(&stack(&[&group("g", "group"), &literal])).await;
        world.cloud.set().search_fault = Some(FaultKind::Denied);
        // Nothing in the manifest can be tagged.
        let planned = world.plan(&stack(&[&literal])).await;
        assert_eq!(planned.plan.unread_beside, 1);
        assert_eq!(planned.codes(), ["P130"]);
    });
}

#[test]
fn one_that_could_not_be_read_is_unread() {
    run(async {
        let world = pruning();
        world.converge(&stack(&[&topic("t", "topic")])).await;
        world.cloud.set().read_faults.insert("topic".to_owned(), FaultKind::Denied);
        let planned = world.plan(&stack(&[&group("g", "group")])).await;
        assert_eq!(planned.plan.summary().unread, 1);
        assert_eq!(planned.plan.summary().delete, 0);
    });
}

#[test]
fn a_region_that_is_written_out_is_the_same_region() {
    run(async {
        let world = pruning();
        let manifest = stack(&[
            &with(&topic("t", "topic"), "/region", "us-east-1"),
            &with(&key("k"), "/region", "us-east-1"),
            &group("g", "group"),
        ]);
        let writes = world.converge(&manifest).await;
        assert_eq!(writes.len(), 3, "{writes:?}");
    });
}

#[test]
fn a_former_one_is_no_orphan() {
    run(async {
        let world = pruning();
        world.converge(&stack(&[&topic("t", "old")])).await;
        // Both names change, and the manifest says so.
        let manifest = stack(&[&with(&topic("u", "new"), "/renamed_from", "old")]);
        assert_eq!(world.converge(&manifest).await, ["create new", "delete old"]);
    });
}

#[test]
fn what_an_alias_finds_is_no_orphan_in_a_list_either() {
    run(async {
        let world = pruning();
        world.converge(&stack(&[&key("one"), &alias("n", "alias/orders", "one"), &key("gone")])).await;
        // A teardown reads as little as the list of orphans does.
        let planned = world.plan_teardown(&stack(&[&key("two"), &alias("n", "alias/orders", "two")])).await;
        let orphans = planned.graph.nodes.iter().filter(|node| node.orphan);
        let orphans: Vec<String> = orphans.map(|node| node.address.to_string()).collect();
        assert_eq!(orphans, ["gone"]);
    });
}

#[test]
fn one_that_is_pending_deletion_is_left_to_go() {
    run(async {
        let world = pruning();
        world.converge(&stack(&[&key("k")])).await;
        let manifest = stack(&[&group("g", "group")]);
        assert!(world.converge(&manifest).await.contains(&"delete key-1".to_owned()));
        assert_eq!(world.plan(&manifest).await.plan.summary().delete, 0);
    });
}
