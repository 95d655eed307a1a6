//! Paths whose differences are passed over, and what that means for what lies above and below them.

use serde_json::{Value as Json, json};
use trueup_engine::plan::Action;

use crate::support::{CONNECTION_TYPE, DESTINATION_TYPE, World, connection, destination, run, stack, with};

fn ignoring(resource: &Json, path: &str) -> Json {
    with(resource, "/ignore", json!([{"path": path, "reason": "set by hand", "until": "2999-12-31"}]))
}

#[test]
fn a_difference_is_passed_over_with_its_reason() {
    run(async {
        let world = World::new();
        let orders = ignoring(&connection("orders", "orders"), "/Description");
        world.converge(&stack(&[&orders])).await;
        world.cloud.tamper(CONNECTION_TYPE, "orders", |item| {
            item.properties.insert("Description".to_owned(), "by hand".into());
        });
        let planned = world.plan(&stack(&[&orders])).await;
        assert_eq!(planned.action("orders"), Action::None);
        assert_eq!(planned.step("orders").edits.len(), 1);
        // And it stays when something else changes.
        let changed = with(&orders, "/props/AuthParameters/BasicAuthParameters/Username", "other");
        world.converge(&stack(&[&changed])).await;
        assert_eq!(world.cloud.property(CONNECTION_TYPE, "orders", "/Description"), Some("by hand".into()));
    });
}

#[test]
fn one_that_expired_counts() {
    run(async {
        let world = World::new();
        let orders = connection("orders", "orders");
        world.converge(&stack(&[&orders])).await;
        let expired = with(
            &with(&orders, "/props/Description", "Orders"),
            "/ignore",
            json!([{"path": "/Description", "reason": "later", "until": "2000-01-01"}]),
        );
        let planned = world.plan(&stack(&[&expired])).await;
        assert_eq!(planned.action("orders"), Action::Update);
        // The warning is given once, when the manifest is rendered (M220).
        assert!(planned.plan.diagnostics.is_empty());
    });
}

#[test]
fn below_something_that_is_not_wanted_at_all() {
    run(async {
        let world = World::new();
        let path = "/AuthParameters/InvocationHttpParameters/HeaderParameters";
        let orders = ignoring(&connection("orders", "orders"), path);
        world.converge(&stack(&[&orders])).await;
        let headers = json!({"HeaderParameters": [{"Key": "X-A", "Value": "1", "IsValueSecret": false}]});
        world.cloud.tamper(CONNECTION_TYPE, "orders", |item| {
            let auth = item.properties.get_mut("AuthParameters").unwrap();
            let trueup_engine::value::Value::Map(auth) = auth else { unreachable!() };
            auth.insert("InvocationHttpParameters".to_owned(), headers.into());
        });
        assert_eq!(world.plan(&stack(&[&orders])).await.action("orders"), Action::None);
    });
}

#[test]
fn below_something_that_is_not_there_at_all() {
    run(async {
        let world = World::new();
        let path = "/AuthParameters/InvocationHttpParameters/HeaderParameters";
        let orders = connection("orders", "orders");
        world.converge(&stack(&[&orders])).await;
        let headers = json!({"HeaderParameters": [{"Key": "X-A", "Value": "1", "IsValueSecret": false}]});
        let with_headers = with(&orders, "/props/AuthParameters/InvocationHttpParameters", headers);
        assert_eq!(world.plan(&stack(&[&ignoring(&with_headers, path)])).await.action("orders"), Action::None);
    });
}

#[test]
fn an_entry_of_a_map() {
    run(async {
        let world = World::new();
        let calls = with(&destination("calls", "calls", "orders"), "/props/Labels", json!({"team": "a", "a/b": "1"}));
        let orders = connection("orders", "orders");
        world.converge(&stack(&[&orders, &calls])).await;
        world.cloud.tamper(DESTINATION_TYPE, "calls", |item| {
            let labels = json!({"team": "b", "a/b": "2", "added": "x"});
            item.properties.insert("Labels".to_owned(), labels.into());
        });
        let all = json!([{"path": "/Labels/team"}, {"path": "/Labels/a~1b"}, {"path": "/Labels/added"}]);
        let ignoring = with(&calls, "/ignore", all);
        let planned = world.plan(&stack(&[&orders, &ignoring])).await;
        assert_eq!(planned.action("calls"), Action::None, "{:#?}", planned.step("calls").edits);
        assert_eq!(planned.step("calls").edits.len(), 3);
    });
}

const HTTP: &str = "/AuthParameters/InvocationHttpParameters";

#[test]
fn a_list_whose_secrets_nobody_may_read_is_not_sent() {
    run(async {
        for path in [HTTP.to_owned(), format!("{HTTP}/HeaderParameters")] {
            let world = World::new();
            let headers = json!({"HeaderParameters": [{"Key": "Tok", "Value": "{{ secret('env:PASSWORD') }}"}]});
            let orders = connection("orders", "orders");
            world.converge(&stack(&[&with(&orders, &format!("/props{HTTP}"), headers)])).await;
            world.cloud.set().secrets_denied = true;
            let changed = with(&orders, "/props/AuthParameters/BasicAuthParameters/Username", "other");
            world.converge(&stack(&[&ignoring(&changed, &path)])).await;
            let value = world.cloud.property(CONNECTION_TYPE, "orders", &format!("{HTTP}/HeaderParameters/0/Value"));
            let password = trueup_engine::secret::Secret::new("test", "correct-horse".to_owned());
            assert!(value == Some(trueup_engine::value::Value::Secret(password)), "{value:?}");
        }
    });
}

#[test]
fn what_is_passed_over_and_secret_now_is_not_shown() {
    run(async {
        let world = World::new();
        let headers =
            |value: &str, open| json!({"HeaderParameters": [{"Key": "X", "Value": value, "IsValueSecret": open}]});
        let orders = connection("orders", "orders");
        let open = with(&orders, &format!("/props{HTTP}"), headers("c4n4ry", false));
        world.converge(&stack(&[&open])).await;
        let hidden = with(&orders, &format!("/props{HTTP}"), headers("{{ secret('env:PASSWORD') }}", true));
        let user = with(&hidden, "/props/AuthParameters/BasicAuthParameters/Username", "{{ secret('env:PASSWORD') }}");
        let user = with(&user, "/ignore", json!([{"path": HTTP}, {"path": "/AuthParameters/BasicAuthParameters"}]));
        let planned = world.plan(&stack(&[&user])).await;
        assert_eq!(planned.action("orders"), Action::None);
        let said = format!("{:?} {:?}", planned.step("orders").edits, planned.document().steps);
        assert!(!said.contains("c4n4ry") && !said.contains("svc"), "{said}");
    });
}

#[test]
fn an_item_of_a_list_cannot_be_passed_over() {
    let codes = |path: &str| {
        let graph = World::graph(&stack(&[&ignoring(&connection("orders", "orders"), path)])).1;
        graph.err().into_iter().flat_map(|found| found.iter().map(|found| found.code).collect::<Vec<_>>()).collect()
    };
    let list = format!("{HTTP}/HeaderParameters");
    for item in ["*", "1", "-"] {
        let codes: Vec<&str> = codes(&format!("{list}/{item}"));
        assert_eq!(codes, ["M319"]);
    }
    for path in [list.clone(), format!("{list}/*/Value"), format!("{HTTP}/*")] {
        let codes: Vec<&str> = codes(&path);
        assert!(codes.is_empty(), "{path}");
    }
}
