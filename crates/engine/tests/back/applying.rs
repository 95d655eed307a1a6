//! Execution: order, slots, waits, failures, interruption.

use std::time::Duration;

use serde_json::{Value as Json, json};
use trueup_engine::apply::{Cancel, OnFailure};
use trueup_engine::cloud::Unconfirmed;
use trueup_engine::event::EventKind;
use trueup_engine::fault::FaultKind;
use trueup_engine::kind::Verb;
use trueup_engine::report::{Ending, Report};

use crate::support::{
    CONNECTION_TYPE, DESTINATION_TYPE, Trouble, World, connection, destination, outcome, problems, run, stack, with,
};

fn endings(report: &Report) -> Vec<(String, Ending)> {
    report.outcomes.iter().map(|outcome| (outcome.address.to_string(), outcome.ending)).collect()
}

fn three() -> Json {
    stack(&[&connection("orders", "orders"), &destination("calls", "calls", "orders"), &connection("other", "other")])
}

fn slow(address: &str) -> Json {
    with(&connection(address, address), "/props/AuthorizationType", "OAUTH_CLIENT_CREDENTIALS")
}

#[test]
fn what_does_not_depend_on_a_failure_goes_on() {
    run(async {
        let world = World::new();
        world.cloud.trouble(Verb::Create, "orders", 0, 1, Trouble::Fail(FaultKind::Quota));
        let report = world.apply(&three()).await;
        assert_eq!(
            endings(&report),
            [
                ("orders".to_owned(), Ending::Failed),
                ("calls".to_owned(), Ending::Skipped),
                ("other".to_owned(), Ending::Done)
            ]
        );
        assert_eq!(outcome(&report, "orders").fault.as_ref().unwrap().kind, FaultKind::Quota);
        assert_eq!(outcome(&report, "calls").notes, ["orders failed"]);
        world.converge(&three()).await;
    });
}

#[test]
fn on_stop_nothing_new_is_begun_and_every_operation_says_how_it_ended() {
    run(async {
        let mut world = World::new();
        world.apply.parallelism = Some(1);
        world.apply.on_failure = OnFailure::Stop;
        world.cloud.trouble(Verb::Create, "orders", 0, 1, Trouble::Fail(FaultKind::Quota));
        let report = world.apply(&three()).await;
        assert_eq!(world.cloud.take_writes(), Vec::<String>::new());
        assert_eq!(
            endings(&report),
            [
                ("orders".to_owned(), Ending::Failed),
                ("calls".to_owned(), Ending::Skipped),
                ("other".to_owned(), Ending::Skipped)
            ]
        );
        assert!(!report.interrupted);
        // The report is a fold of the events.
        let events = world.events.lock().unwrap();
        let other: Vec<_> = events.iter().filter(|event| event.address.to_string() == "other").collect();
        assert!(matches!(other.as_slice(), [event] if matches!(event.kind, EventKind::Skipped { .. })), "{other:?}");
    });
}

#[test]
fn a_lost_reply_is_a_failure_that_the_next_run_finds_done() {
    for verb in [Verb::Create, Verb::Update, Verb::Delete] {
        run(async move {
            let world = World::new();
            let described = stack(&[&with(&connection("orders", "orders"), "/props/Description", "Orders")]);
            let plain = stack(&[&connection("orders", "orders")]);
            if verb != Verb::Create {
                world.converge(&plain).await;
            }
            world.cloud.trouble(verb, "orders", 0, 1, Trouble::LoseReply);
            let planned = match verb {
                Verb::Delete => world.plan_teardown(&described).await,
                _ => world.plan(&described).await,
            };
            let report = world.execute(&planned).await;
            assert_eq!(outcome(&report, "orders").fault.as_ref().unwrap().kind, FaultKind::Transport);
            world.cloud.take_writes();
            world.rest().await;
            if verb == Verb::Delete {
                let planned = world.plan_teardown(&described).await;
                assert!(planned.plan.operations.is_empty());
            } else {
                assert_eq!(world.converge(&described).await, Vec::<String>::new());
            }
        });
    }
}

#[test]
fn a_conflict_on_an_update_reads_and_compares_again() {
    run(async {
        let world = World::new();
        world.converge(&stack(&[&connection("orders", "orders")])).await;
        let described = stack(&[&with(&connection("orders", "orders"), "/props/Description", "Orders")]);
        world.cloud.trouble(Verb::Update, "orders", 0, 2, Trouble::Fail(FaultKind::Conflict));
        let planned = world.plan(&described).await;
        // Somebody else makes half of the change meanwhile.
        let report = world.execute(&planned).await;
        assert_eq!(problems(&report), Vec::<String>::new());
        world.in_sync(&described).await;

        // Somebody else makes all of it: nothing is left to send.
        let again = stack(&[&with(&connection("orders", "orders"), "/props/Description", "More")]);
        let planned = world.plan(&again).await;
        world.cloud.trouble(Verb::Update, "orders", 0, 1, Trouble::Fail(FaultKind::Conflict));
        world.cloud.tamper(CONNECTION_TYPE, "orders", |item| {
            item.properties.insert("Description".to_owned(), "More".into());
        });
        world.cloud.take_writes();
        let report = world.execute(&planned).await;
        assert_eq!(problems(&report), Vec::<String>::new());
        assert_eq!(world.cloud.take_writes(), Vec::<String>::new());
    });
}

#[test]
fn a_conflict_that_would_need_a_replacement_is_a_failure() {
    run(async {
        let world = World::new();
        world.converge(&stack(&[&connection("orders", "orders")])).await;
        let described = stack(&[&with(&connection("orders", "orders"), "/props/Description", "Orders")]);
        let planned = world.plan(&described).await;
        world.cloud.trouble(Verb::Update, "orders", 0, 1, Trouble::Fail(FaultKind::Conflict));
        world.cloud.tamper(CONNECTION_TYPE, "orders", |item| {
            item.properties.insert("KmsKeyIdentifier".to_owned(), "arn:key/1".into());
        });
        let report = world.execute(&planned).await;
        let fault = outcome(&report, "orders").fault.clone().unwrap();
        assert_eq!(fault.kind, FaultKind::Conflict);
        assert!(fault.message.contains("KmsKeyIdentifier cannot be removed in place"), "{}", fault.message);
    });
}

#[test]
fn a_slow_one_holds_no_slot() {
    run(async {
        let mut world = World::new();
        world.apply.parallelism = Some(1);
        let fast: Vec<Json> = (0..20).map(|n| connection(&format!("c{n}"), &format!("c{n}"))).collect();
        let manifest: Vec<&Json> = std::iter::once(&*Box::leak(Box::new(slow("slow")))).chain(&fast).collect();
        let report = world.apply(&stack(&manifest)).await;
        assert_eq!(problems(&report), Vec::<String>::new());
        assert_eq!(world.cloud.most_under_way(), 1);
        assert!(outcome(&report, "slow").seconds > 500.0);
        for n in 0..20 {
            assert!(outcome(&report, &format!("c{n}")).seconds < 10.0);
        }
    });
}

#[test]
fn no_more_than_allowed_is_under_way_at_once() {
    run(async {
        let mut world = World::new();
        world.apply.parallelism = Some(3);
        let all: Vec<Json> = (0..20).map(|n| connection(&format!("c{n}"), &format!("c{n}"))).collect();
        world.apply(&stack(&all.iter().collect::<Vec<_>>())).await;
        assert_eq!(world.cloud.most_under_way(), 3);
    });
}

#[test]
fn waiting_costs_few_calls() {
    run(async {
        let world = World::new();
        let all: Vec<Json> = (0..20).map(|n| slow(&format!("c{n}"))).collect();
        let report = world.apply(&stack(&all.iter().collect::<Vec<_>>())).await;
        assert!(report.seconds > 600.0 && report.seconds < 620.0, "{}", report.seconds);
        // 20 creates, the first read, and a look every five seconds or so.
        assert!(trueup_engine::cloud::Cloud::calls(&world.cloud) < 200);
    });
}

#[test]
fn what_does_not_settle_in_time_fails_and_a_later_run_waits_on() {
    run(async {
        let world = World::new();
        world.cloud.set().settle = Duration::from_mins(5);
        let manifest = three();
        let report = world.apply(&manifest).await;
        let fault = outcome(&report, "orders").fault.clone().unwrap();
        assert_eq!(fault.kind, FaultKind::NotSettled);
        assert_eq!(fault.message, "has not settled after 120 s; a later run waits on");
        assert_eq!(outcome(&report, "calls").ending, Ending::Skipped);
        let report = world.apply(&manifest).await;
        assert_eq!(outcome(&report, "orders").ending, Ending::Failed);
        world.cloud.set().settle = Duration::from_millis(100);
        world.converge(&manifest).await;
    });
}

#[test]
fn a_timeout_of_its_own_wins() {
    run(async {
        let world = World::new();
        world.cloud.set().settle = Duration::from_mins(5);
        let patient = with(&connection("orders", "orders"), "/timeouts", json!({"create": "10m", "delete": "1s"}));
        world.converge(&stack(&[&patient])).await;
        let planned = world.plan_teardown(&stack(&[&patient])).await;
        let report = world.execute(&planned).await;
        let fault = outcome(&report, "orders").fault.clone().unwrap();
        assert_eq!(fault.message, "is still there after 1 s; a later run waits on");
    });
}

#[test]
fn after_an_interruption_nothing_new_begins_and_answers_are_waited_for() {
    run(async {
        let mut world = World::new();
        world.apply.parallelism = Some(1);
        world.cloud.set().cancels_after = Some((1, world.cancel.clone()));
        let report = world.apply(&three()).await;
        assert!(report.interrupted);
        assert_eq!(
            endings(&report),
            [
                ("orders".to_owned(), Ending::Done),
                ("calls".to_owned(), Ending::Cancelled),
                ("other".to_owned(), Ending::Cancelled)
            ]
        );
        assert_eq!(world.cloud.take_writes(), ["Create orders"]);
    });
}

#[test]
fn what_has_no_answer_in_time_after_an_interruption_is_unknown() {
    run(async {
        let mut world = World::new();
        world.apply.grace = Duration::from_secs(3);
        world.cloud.trouble(Verb::Create, "orders", 0, 1, Trouble::Slow(Duration::from_mins(10)));
        world.cloud.set().cancels_after = Some((1, world.cancel.clone()));
        let report = world.apply(&three()).await;
        assert_eq!(
            endings(&report),
            [
                ("orders".to_owned(), Ending::Unknown),
                ("calls".to_owned(), Ending::Cancelled),
                ("other".to_owned(), Ending::Done)
            ]
        );
        assert!(report.seconds < 4.0);
        world.cloud.no_trouble();
        world.cancel = Cancel::new();
        world.converge(&three()).await;
    });
}

#[test]
fn a_run_that_is_interrupted_before_it_begins_does_nothing() {
    run(async {
        let world = World::new();
        world.cancel.cancel();
        let report = world.apply(&three()).await;
        assert_eq!(report.count(Ending::Cancelled), 3);
        assert_eq!(world.cloud.take_writes(), Vec::<String>::new());
    });
}

#[test]
fn what_was_seen_not_to_be_as_it_should_be_fails_its_step() {
    run(async {
        let world = World::new();
        let finding = |name: &str, proven| Unconfirmed {
            identity: name.to_owned(),
            message: format!("the secret of {name}"),
            proven,
        };
        world.cloud.set().findings = vec![finding("orders", true), finding("other", false)];
        let report = world.apply(&three()).await;
        assert_eq!(outcome(&report, "orders").ending, Ending::Failed);
        assert_eq!(outcome(&report, "orders").fault.as_ref().unwrap().message, "the secret of orders");
        assert_eq!(outcome(&report, "other").ending, Ending::Done);
        assert_eq!(outcome(&report, "other").notes, ["the secret of other"]);
        let events = world.events.lock().unwrap();
        let failed = events.iter().any(|event| matches!(event.kind, EventKind::Failed { .. }));
        assert!(failed);
    });
}

#[test]
fn what_a_change_implies_elsewhere_is_looked_for_and_what_a_deletion_leaves_too() {
    run(async {
        let world = World::new();
        world.apply(&three()).await;
        let mut there = world.cloud.take_confirmed();
        there.sort();
        assert!(there.contains(&("orders".to_owned(), true)) && there.iter().all(|(_, present)| *present), "{there:?}");
        let planned = world.plan_teardown(&three()).await;
        world.execute(&planned).await;
        let gone = world.cloud.take_confirmed();
        assert!(gone.contains(&("orders".to_owned(), false)) && gone.iter().all(|(_, present)| !present), "{gone:?}");
    });
}

#[test]
fn an_update_waits_until_the_change_before_it_has_settled() {
    run(async {
        let world = World::new();
        let orders = |text: &str| with(&connection("orders", "orders"), "/props/Description", text);
        world.converge(&stack(&[&orders("first")])).await;
        world.cloud.set().settle = Duration::from_secs(20);
        world.cloud.take_writes();
        world.cloud.set().dies_after = Some(1);
        let planned = world.plan(&stack(&[&orders("second")])).await;
        let _ = tokio::time::timeout(Duration::from_secs(1), world.execute(&planned)).await;
        world.cloud.no_trouble();
        world.cloud.take_writes();
        let planned = world.plan(&stack(&[&orders("third")])).await;
        assert_eq!(problems(&world.execute(&planned).await), Vec::<String>::new());
        // Sent earlier it is refused, and sent again.
        assert_eq!(world.cloud.take_writes(), ["Update orders"]);
    });
}

#[test]
fn reads_that_lag_do_not_make_a_run_fail_or_repeat_itself() {
    for seed in 1..20 {
        run(async move {
            let world = World::seeded(seed);
            world.converge(&stack(&[&connection("first", "first")])).await;
            world.cloud.set().lag = Duration::from_secs(8);
            let headers = json!({"HeaderParameters": [{"Key": "X-From", "Value": "{{ orders.SecretArn }}"}]});
            let user = with(&connection("user", "user"), "/props/AuthParameters/InvocationHttpParameters", headers);
            let manifest = stack(&[&connection("orders", "orders"), &destination("calls", "calls", "orders"), &user]);
            let report = world.apply(&manifest).await;
            assert_eq!(problems(&report), Vec::<String>::new());
            let mut writes = world.cloud.take_writes();
            writes.sort();
            assert_eq!(writes, ["Create calls", "Create orders", "Create user"]);
            world.rest().await;
            world.in_sync(&manifest).await;
        });
    }
}

#[test]
fn an_attribute_that_only_a_read_shows_is_waited_for_where_reads_lag() {
    run(async {
        let world = World::new();
        world.converge(&stack(&[&connection("first", "first")])).await;
        world.cloud.set().settle = Duration::ZERO;
        world.cloud.set().lag = Duration::from_secs(3);
        let orders = connection("orders", "orders");
        let calls = with(&destination("calls", "calls", "orders"), "/props/Description", "{{ orders.SecretArn }}");
        let report = world.apply(&stack(&[&orders, &calls])).await;
        assert_eq!(problems(&report), Vec::<String>::new());
    });
}

#[test]
fn what_is_not_there_is_not_waited_for() {
    run(async {
        let mut world = World::new();
        world.only = vec!["calls".to_owned()];
        let report =
            world.apply(&stack(&[&connection("orders", "orders"), &destination("calls", "calls", "orders")])).await;
        assert_eq!(outcome(&report, "calls").ending, Ending::Blocked);
        assert!(report.seconds < 5.0);
    });
}

#[test]
fn a_run_can_be_sent_to_another_thread() {
    fn sendable<T: Send>(future: T) -> T {
        future
    }
    run(async {
        let world = World::new();
        let (_, graph) = World::graph(&three());
        let graph = graph.unwrap();
        let observed = sendable(trueup_engine::observe::observe(&graph, &world.cloud, &world.observe)).await;
        let plan = trueup_engine::plan::plan(&graph, &observed, &world.env, &world.plan);
        let work = trueup_engine::apply::Work {
            plan: &plan,
            graph: &graph,
            observed: &observed,
            cloud: &world.cloud,
            store: &world.env,
        };
        sendable(trueup_engine::apply::apply(work, &world.apply, &world.cancel, &|_| {})).await;
    });
}

#[test]
fn a_reference_to_something_that_an_update_changes_sees_the_new_value() {
    run(async {
        let world = World::new();
        let calls = with(&destination("calls", "calls", "orders"), "/props/Description", "{{ orders.Revision }}");
        let orders = connection("orders", "orders");
        world.converge(&stack(&[&orders, &calls])).await;
        assert_eq!(world.cloud.property(DESTINATION_TYPE, "calls", "/Description"), Some("1".into()));
        let changed = with(&orders, "/props/Description", "Orders");
        world.converge(&stack(&[&changed, &calls])).await;
        assert_eq!(world.cloud.property(DESTINATION_TYPE, "calls", "/Description"), Some("2".into()));
    });
}

#[test]
fn exports_are_known_at_the_end() {
    run(async {
        let world = World::new();
        let orders = with(&connection("orders", "orders"), "/exports", json!(["SecretArn", "Name"]));
        let mut manifest = stack(&[&orders]);
        manifest["exports"] = json!(["SecretArn", "Name"]);
        let report = world.apply(&manifest).await;
        let exports: Vec<_> = report.exports.iter().map(|(name, value)| (name.as_str(), value.is_some())).collect();
        assert_eq!(exports, [("SecretArn", true), ("Name", true)]);
    });
}
