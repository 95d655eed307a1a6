//! Protection that the tags hold when the manifest is silent.

use trueup_engine::plan::Action;

use crate::support::{KEY, TOPIC, World, group, key, run, stack, topic, with};

#[test]
fn it_holds_when_the_manifest_leaves_it_out() {
    run(async {
        let mut world = World::new();
        world.plan.allow_replace.push("t".to_owned());
        world.converge(&stack(&[&with(&with(&topic("t", "t"), "/protect", true), "/props/Spec", "x")])).await;
        assert_eq!(world.cloud.tags(&TOPIC, "t")["trueup:protect"], "true");
        let silent = with(&topic("t", "t"), "/props/Spec", "x");
        world.in_sync(&stack(&[&silent])).await;
        let planned = world.plan(&stack(&[&with(&silent, "/props/Spec", "y")])).await;
        assert_eq!(planned.action("t"), Action::Blocked);
        assert!(planned.reason("t").starts_with("protected: "), "{}", planned.reason("t"));
        assert_eq!(world.plan_teardown(&stack(&[&silent])).await.reason("t"), "protected");
        // Under another name it is the same resource.
        let renamed = with(&silent, "/props/Name", "u");
        assert_eq!(world.plan(&stack(&[&renamed])).await.action("t"), Action::Blocked);
        world.plan.prune = true;
        let planned = world.plan(&stack(&[&group("g", "g")])).await;
        assert_eq!(planned.action("t"), Action::Blocked);
        world.execute(&planned).await;
        world.sound();
        assert!(world.cloud.item(&TOPIC, "t").is_some());
    });
}

#[test]
fn it_is_lifted_in_so_many_words() {
    run(async {
        let world = World::new();
        world.converge(&stack(&[&with(&key("k"), "/protect", true)])).await;
        let lifted = stack(&[&with(&key("k"), "/protect", false)]);
        assert_eq!(world.plan_teardown(&lifted).await.action("k"), Action::Delete);
        assert_eq!(world.converge(&lifted).await, ["update key-1"]);
        assert_eq!(world.cloud.tags(&KEY, "key-1")["trueup:protect"], "false");
        assert_eq!(world.plan_teardown(&stack(&[&key("k")])).await.action("k"), Action::Delete);
        // And comes back.
        world.converge(&stack(&[&with(&key("k"), "/protect", true)])).await;
        assert_eq!(world.cloud.tags(&KEY, "key-1")["trueup:protect"], "true");
    });
}
