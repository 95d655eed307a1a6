//! Create, change, take back, remove: the everyday, each with an empty plan behind it.

use serde_json::json;

use crate::support::{CONNECTION_TYPE, DESTINATION_TYPE, World, connection, destination, run, stack, with, without};

#[test]
fn a_stack_is_created_in_order_and_then_there_is_nothing_to_do() {
    run(async {
        let world = World::new();
        let manifest = stack(&[&destination("calls", "calls", "orders"), &connection("orders", "orders")]);
        assert_eq!(world.converge(&manifest).await, ["Create orders", "Create calls"]);
        assert_eq!(world.converge(&manifest).await, Vec::<String>::new());
    });
}

#[test]
fn properties_change_in_place_and_are_taken_back() {
    run(async {
        let world = World::new();
        let plain = connection("orders", "orders");
        world.converge(&stack(&[&plain])).await;
        let described = with(&plain, "/props/Description", "Orders");
        assert_eq!(world.converge(&stack(&[&described])).await, ["Update orders"]);
        assert_eq!(world.cloud.take_updates(), [("orders".to_owned(), vec!["Description".to_owned()])]);
        let headers = json!({"HeaderParameters": [
            {"Key": "X-Trace", "Value": "on", "IsValueSecret": false},
            {"Key": "X-Token", "Value": "{{ secret('env:PASSWORD') }}"},
        ]});
        let full = with(&described, "/props/AuthParameters/InvocationHttpParameters", headers);
        assert_eq!(world.converge(&stack(&[&full])).await, ["Update orders"]);
        assert_eq!(world.converge(&stack(&[&plain])).await, ["Update orders"]);
        assert_eq!(world.cloud.property(CONNECTION_TYPE, "orders", "/Description"), None);
    });
}

#[test]
fn another_kind_of_authorization_replaces_the_credentials_in_place() {
    run(async {
        let world = World::new();
        let basic = connection("orders", "orders");
        world.converge(&stack(&[&basic])).await;
        let key = with(&basic, "/props/AuthorizationType", "API_KEY");
        let key = with(
            &without(&key, "/props/AuthParameters", "BasicAuthParameters"),
            "/props/AuthParameters/ApiKeyAuthParameters",
            json!({"ApiKeyName": "X-Key", "ApiKeyValue": "{{ secret('env:PASSWORD') }}"}),
        );
        assert_eq!(world.converge(&stack(&[&key])).await, ["Update orders"]);
        assert!(world.cloud.property(CONNECTION_TYPE, "orders", "/AuthParameters/BasicAuthParameters").is_none());
    });
}

#[test]
fn a_default_that_was_changed_in_the_cloud_is_taken_back() {
    run(async {
        let world = World::new();
        let manifest = stack(&[&connection("orders", "orders"), &destination("calls", "calls", "orders")]);
        world.converge(&manifest).await;
        world.cloud.tamper(DESTINATION_TYPE, "calls", |item| {
            item.properties.insert("Rate".to_owned(), 7.into());
        });
        assert_eq!(world.converge(&manifest).await, ["Update calls"]);
    });
}
