//! What the index says of tags spares a read where it is all that is wanted; before a write the own tags are read.

use std::time::Duration;

use serde_json::json;
use trueup_engine::plan::Action;
use trueup_engine::report::Ending;

use crate::support::{KEY, TOPIC, World, group, key, outcome, run, stack, topic, with};

#[test]
fn tags_are_read_only_where_the_index_does_not_show_all_that_is_wanted() {
    run(async {
        let world = World::new();
        let manifest = stack(&[&group("a", "group"), &topic("b", "topic"), &key("k")]);
        world.converge(&manifest).await;
        world.cloud.set().tag_reads.clear();
        world.in_sync(&manifest).await;
        assert_eq!(world.cloud.set().tag_reads, Vec::<String>::new());
        let asked = with(&group("a", "group"), "/props/Tags", json!({"team": "x"}));
        world.plan(&stack(&[&asked, &topic("b", "topic"), &key("k")])).await;
        assert_eq!(world.cloud.set().tag_reads, ["group"]);
    });
}

#[test]
fn before_an_update_the_own_tags_are_read() {
    run(async {
        let world = World::new();
        world.converge(&stack(&[&topic("b", "topic")])).await;
        let manifest = stack(&[&with(&topic("b", "topic"), "/props/Description", "new")]);
        world.rest().await;
        world.cloud.set().lag = Duration::from_mins(10);
        world.cloud.retag(&TOPIC, "topic", |tags| {
            tags.insert("team".to_owned(), "x".into());
        });
        let planned = world.plan(&manifest).await;
        assert!(planned.observed.by_index[0]);
        world.execute(&planned).await;
        assert_eq!(world.cloud.tags(&TOPIC, "topic")["team"], "x");
        world.sound();
        // Somebody took it over.
        let manifest = stack(&[&with(&topic("b", "topic"), "/props/Description", "newer")]);
        world.cloud.retag(&TOPIC, "topic", |tags| {
            tags.insert("trueup:stack".to_owned(), "other".into());
        });
        world.cloud.take_writes();
        let planned = world.plan(&manifest).await;
        let report = world.execute(&planned).await;
        assert_eq!(outcome(&report, "b").ending, Ending::Failed);
        assert_eq!(world.cloud.take_writes(), Vec::<String>::new());
    });
}

#[test]
fn before_a_replacement_the_own_tags_are_read() {
    for (name, value) in [("trueup:stack", Some("other")), ("trueup:stack", None), ("trueup:protect", Some("true"))] {
        run(async {
            let mut world = World::new();
            world.plan.allow_replace.push("b".to_owned());
            let spec = |spec: &str| stack(&[&with(&topic("b", "topic"), "/props/Spec", spec)]);
            world.converge(&spec("x")).await;
            world.rest().await;
            world.cloud.take_writes();
            world.cloud.set().lag = Duration::from_mins(10);
            world.cloud.retag(&TOPIC, "topic", |tags| match value {
                Some(value) => {
                    tags.insert(name.to_owned(), value.into());
                }
                None => tags.retain(|key, _| !key.starts_with("trueup:")),
            });
            let planned = world.plan(&spec("y")).await;
            assert_eq!(planned.action("b"), Action::Replace);
            let report = world.execute(&planned).await;
            assert_eq!(outcome(&report, "b").ending, Ending::Failed, "{name} {value:?}");
            assert_eq!(world.cloud.take_writes(), Vec::<String>::new());
            world.sound();
        });
    }
}

#[test]
fn one_that_is_gone_by_then_counts_as_deleted() {
    run(async {
        let mut world = World::new();
        world.plan.allow_replace.push("b".to_owned());
        let spec = |spec: &str| stack(&[&with(&topic("b", "topic"), "/props/Spec", spec)]);
        world.converge(&spec("x")).await;
        let planned = world.plan(&spec("y")).await;
        assert!(planned.observed.by_index[0]);
        world.cloud.remove(&TOPIC, "topic");
        let report = world.execute(&planned).await;
        assert_eq!(outcome(&report, "b").ending, Ending::Done, "{:?}", outcome(&report, "b"));
        world.in_sync(&spec("y")).await;
    });
}

#[test]
fn before_it_is_taken_back_the_own_tags_are_read() {
    run(async {
        let world = World::new();
        let manifest = stack(&[&key("k")]);
        world.converge(&manifest).await;
        let planned = world.plan_teardown(&manifest).await;
        world.execute(&planned).await;
        world.rest().await;
        world.cloud.set().lag = Duration::from_mins(10);
        world.cloud.retag(&KEY, "key-1", |tags| {
            tags.insert("trueup:stack".to_owned(), "other".into());
        });
        world.cloud.take_writes();
        let planned = world.plan(&manifest).await;
        assert!(planned.reason("k").starts_with("restored"), "{}", planned.reason("k"));
        let report = world.execute(&planned).await;
        assert_eq!(outcome(&report, "k").ending, Ending::Failed);
        assert_eq!(world.cloud.take_writes(), Vec::<String>::new());
    });
}
