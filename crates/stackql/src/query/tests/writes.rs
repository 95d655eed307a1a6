//! Statements that write, as far as they are prepared.

use super::cloud::Small;
use super::*;

fn prepared(cloud: &Small, sql: &str) -> Result<Write, QueryError> {
    let script = Script::parse("query", sql)?;
    now(prepare(cloud, &place(), &script, 0))
}

fn refused(cloud: &Small, sql: &str) -> String {
    said(&prepared(cloud, sql).expect_err(sql))
}

fn update(name: &str, patch: &serde_json::Value) -> String {
    format!("UPDATE awscc.events.connections SET PatchDocument = '{patch}' WHERE Identifier = '{name}'")
}

const BASIC: &str = "/AuthParameters/BasicAuthParameters";
const HEADERS: &str = "/AuthParameters/HeaderParameters";

#[test]
fn a_patch_that_leaves_credentials_alone_keeps_them() {
    let cloud = Small::new();
    let sql = update("orders", &json!([{"op": "replace", "path": format!("{BASIC}/Username"), "value": "other"}]));
    let write = prepared(&cloud, &sql).unwrap_or_else(|error| panic!("{}", said(&error)));
    let lines = write.lines().join("\n");
    assert!(lines.contains("other") && !lines.contains("hunter2"), "{lines}");
    // An item goes from before one that holds a credential.
    let sql = update("headed", &json!([{"op": "remove", "path": format!("{HEADERS}/0")}]));
    let write = prepared(&cloud, &sql).unwrap_or_else(|error| panic!("{}", said(&error)));
    assert!(write.changes_something());
}

#[test]
fn no_patch_reads_a_credential_into_clear() {
    let cloud = Small::new();
    let touch = json!({"op": "replace", "path": format!("{BASIC}/Username"), "value": "other"});
    let refusals = [
        // What once stood for the first secret.
        ("orders", json!([touch, {"op": "add", "path": "/Description", "value": {"$kept": 0}}])),
        ("orders", json!([{"op": "copy", "from": format!("{BASIC}/Password"), "path": "/Description"}])),
        ("orders", json!([{"op": "copy", "from": BASIC, "path": "/Labels/0"}])),
        ("orders", json!([{"op": "test", "path": format!("{BASIC}/Password"), "value": "hunter2"}])),
        // The list is shorter by the time the credential is named.
        (
            "headed",
            json!([
                {"op": "remove", "path": format!("{HEADERS}/0")},
                {"op": "copy", "from": format!("{HEADERS}/0/Value"), "path": "/Description"},
            ]),
        ),
        (
            "headed",
            json!([
                {"op": "remove", "path": format!("{HEADERS}/0")},
                {"op": "move", "from": format!("{HEADERS}/0/Value"), "path": "/Description"},
            ]),
        ),
        // It stays where it is, and is no longer called secret there.
        ("headed", json!([{"op": "replace", "path": format!("{HEADERS}/1/IsValueSecret"), "value": false}])),
    ];
    for (name, patch) in refusals {
        let text = refused(&cloud, &update(name, &patch));
        assert!(text.contains("error["), "{patch}: {text}");
        assert!(!text.contains("hunter2") || patch.to_string().contains("hunter2"), "{patch}: {text}");
    }
    let patch = json!([
        {"op": "replace", "path": format!("{HEADERS}/1/IsValueSecret"), "value": false},
        {"op": "replace", "path": format!("{HEADERS}/1/Value"), "value": "for all to see"},
    ]);
    assert!(prepared(&cloud, &update("headed", &patch)).is_ok());
}

#[test]
fn a_condition_that_names_two_resources_or_two_regions_is_refused() {
    let cloud = Small::new();
    for (condition, what) in [
        ("Identifier = 'billing' AND Identifier = 'orders'", "Identifier"),
        ("Identifier = 'orders' AND data__Identifier = 'billing'", "Identifier"),
        ("Identifier = 'orders' AND region = 'eu-west-1' AND 'us-east-1' = region", "region"),
    ] {
        let text = refused(&cloud, &format!("DELETE FROM awscc.events.connections WHERE {condition}"));
        assert!(text.contains("error[Q307]") && text.contains(&format!("two values for `{what}`")), "{text}");
    }
    assert!(cloud.told().is_empty());
    let sql = "DELETE FROM awscc.events.connections WHERE Identifier = 'orders' AND Identifier = 'orders'";
    assert!(prepared(&cloud, sql).unwrap().changes_something());
}

#[test]
fn a_write_under_a_common_table_expression_is_no_read() {
    for sql in [
        "WITH a AS (SELECT 1) INSERT INTO awscc.events.connections (Name, SecretString) SELECT 'a', 'hunter2'",
        "WITH a AS (SELECT 1) DELETE FROM awscc.events.connections WHERE Identifier = 'hunter2'",
        "WITH a AS (INSERT INTO awscc.events.connections (Name) VALUES ('hunter2')) SELECT * FROM a",
    ] {
        let cloud = Small::new();
        match Script::parse("query", sql) {
            // As good: what cannot be read is not kept either.
            Err(error) => assert!(!said(&error).contains("hunter2"), "{}", said(&error)),
            Ok(script) => {
                assert!(!script.only_reads() && !script.reads(0), "{sql}");
                let text = said(&now(prepare(&cloud, &place(), &script, 0)).expect_err(sql));
                assert!(text.contains("error[Q305]") && !text.contains("hunter2"), "{text}");
                let text = said(&now(select(&cloud, &place(), &script, 0)).expect_err(sql));
                assert!(text.contains("error[Q305]") && !text.contains("hunter2"), "{text}");
            }
        }
        assert!(cloud.told().is_empty());
    }
    assert!(
        Script::parse("query", "WITH a AS (VALUES (1)) SELECT * FROM (SELECT 1 UNION SELECT * FROM a)")
            .unwrap()
            .only_reads()
    );
}

#[test]
fn an_update_of_what_was_changed_meanwhile_is_not_sent() {
    let cloud = Small::new();
    let sql = update("orders", &json!([{"op": "replace", "path": format!("{BASIC}/Username"), "value": "other"}]));
    let write = prepared(&cloud, &sql).unwrap_or_else(|error| panic!("{}", said(&error)));
    cloud.describe_as("what somebody else wrote");
    let text = said(&now(execute(&cloud, &write)).expect_err("it was changed"));
    assert!(text.contains("`orders` was changed since it was looked at"), "{text}");
    assert!(!cloud.told().iter().any(|told| told.starts_with("update")), "{:?}", cloud.told());
    // The same statement, made from what is there now.
    let write = prepared(&cloud, &sql).unwrap_or_else(|error| panic!("{}", said(&error)));
    now(execute(&cloud, &write)).unwrap_or_else(|error| panic!("{}", said(&error)));
    assert!(cloud.told().iter().any(|told| told.starts_with("update")), "{:?}", cloud.told());
}

#[test]
fn what_nobody_answers_is_not_taken_for_absent() {
    let cloud = Small::new();
    cloud.fall_silent();
    let text = refused(&cloud, "DELETE FROM awscc.events.connections WHERE Identifier = 'orders'");
    assert!(text.contains("nothing was answered"), "{text}");
}
