//! Glue connections: when passwords and tags are read, how many calls that takes, and that no update wipes a password.

use std::sync::Arc;

use serde_json::json;
use trueup_aws::Settings;
use trueup_engine::cloud::{Cloud as _, Create, Live, Present, Update, Want};
use trueup_engine::delta::to_send;
use trueup_engine::desired::desire;
use trueup_engine::fault::FaultKind;
use trueup_engine::kind::Kind;
use trueup_engine::manifest::parse;
use trueup_engine::render::{Inputs, render};
use trueup_engine::secret::Secret;
use trueup_engine::source::Sources;
use trueup_engine::value::{Map, Value, at};

use crate::samples::{jdbc, kind};
use crate::support::{Bench, assert_no_canary, compare, place, properties, settings};

const PASSWORD: &str = "/ConnectionInput/ConnectionProperties/PASSWORD";

fn connection() -> &'static dyn Kind {
    kind("AWS::Glue::Connection")
}

async fn create(bench: &Bench, name: &str, desired: &Map) {
    let create = Create { identity: Some(name), desired };
    let written = bench.session.create(connection(), &place(), &create).await.unwrap();
    assert_eq!(written.attributes["Arn"].as_str().unwrap().rsplit('/').next(), Some(name));
}

fn want(name: &str, given: &[&str]) -> Want {
    let given = given.iter().map(|pointer| (*pointer).to_owned()).collect();
    Want { identity: name.to_owned(), secrets: true, shallow: false, given, tags: None, verified: None }
}

async fn read(bench: &Bench, want: Want) -> Present {
    match bench.session.observe(connection(), &place(), &[want]).await.pop().unwrap() {
        Live::Present(present) => Arc::unwrap_or_clone(present),
        other => panic!("{other:?}"),
    }
}

/// Whether the live password is known, and from where.
fn password(present: &Present) -> Option<(bool, String)> {
    match at(&present.properties, PASSWORD)? {
        Value::Secret(secret) => Some((secret.is_resolved(), secret.source().to_owned())),
        other => panic!("{other:?}"),
    }
}

fn operations(bench: &Bench) -> Vec<&'static str> {
    bench.events.lock().unwrap().drain(..).map(|event| event.operation).collect()
}

#[tokio::test]
async fn a_password_is_read_where_the_manifest_gives_one() {
    let bench = Bench::new().await;
    create(&bench, "orders", &jdbc("orders", "password")).await;
    assert_eq!(password(&read(&bench, want("orders", &[PASSWORD])).await), Some((true, "live".to_owned())));
    assert_eq!(password(&read(&bench, want("orders", &["/ConnectionInput/Description"])).await), None);
    let unasked = Want { secrets: false, ..want("orders", &[PASSWORD]) };
    assert_eq!(password(&read(&bench, unasked).await), Some((false, "not read".to_owned())));
    let off = Bench::with(&bench.url, Settings { secret_reads: false, ..settings(&bench.url) });
    let live = read(&off, want("orders", &[PASSWORD])).await;
    assert_eq!(password(&live), Some((false, "secret reads are switched off".to_owned())));
}

#[tokio::test]
async fn many_are_read_by_pages_and_only_passwords_one_by_one() {
    let bench = Bench::new().await;
    let names: Vec<String> = (0..40).map(|n| format!("orders-{n:03}")).collect();
    for name in &names {
        create(&bench, name, &jdbc(name, "password")).await;
    }
    operations(&bench);
    let mut wants: Vec<Want> = names.iter().map(|name| want(name, &[])).collect();
    wants.push(want("missing", &[]));
    let lives = bench.session.observe(connection(), &place(), &wants).await;
    assert!(lives[..40].iter().all(|live| live.present().is_some()));
    assert!(matches!(lives[40], Live::Absent));
    assert_eq!(operations(&bench), ["glue:GetConnections"]);
    wants[3].given.push(PASSWORD.to_owned());
    bench.session.observe(connection(), &place(), &wants).await;
    assert_eq!(operations(&bench), ["glue:GetConnections", "glue:GetConnection"]);
    bench.faults(&json!([{"operation": "GetConnections", "deny": true}])).await;
    let lives = bench.session.observe(connection(), &place(), &wants).await;
    assert!(lives[..40].iter().all(|live| live.present().is_some()) && matches!(lives[40], Live::Absent));
}

#[tokio::test]
async fn only_named_tags_are_compared_and_they_are_read_where_some_are_named() {
    let bench = Bench::new().await;
    let mut desired = jdbc("orders", "password");
    desired.insert("Tags".to_owned(), Value::from(json!({"team": "data", "cost": "1"})));
    create(&bench, "orders", &desired).await;
    operations(&bench);
    let live = read(&bench, want("orders", &[])).await;
    assert_eq!(operations(&bench), ["glue:GetConnection"]);
    assert!(!live.properties.contains_key("Tags"));
    // Somebody else's tag stays, and a changed one is an edit.
    let live = read(&bench, want("orders", &[PASSWORD, "/Tags/team"])).await;
    desired.insert("Tags".to_owned(), Value::from(json!({"team": "orders"})));
    let edits = compare(connection(), &desired, &live).edits;
    let pointers: Vec<&str> = edits.iter().map(|edit| edit.pointer.as_str()).collect();
    assert_eq!(pointers, ["/Tags/team"]);
    operations(&bench);
    let sent = to_send(connection().schema(), &desired, &live.properties, &[]);
    let update = Update { live: &live, desired: &sent, edits: &edits };
    bench.session.update(connection(), &place(), &update).await.unwrap();
    assert_eq!(operations(&bench), ["glue:TagResource"]);
    let live = read(&bench, want("orders", &["/Tags"])).await;
    assert_eq!(live.properties["Tags"].to_masked_json(), json!({"team": "orders", "cost": "1"}));
}

#[tokio::test]
async fn an_update_without_the_password_at_hand_is_refused_before_anything_is_sent() {
    let bench = Bench::new().await;
    create(&bench, "orders", &jdbc("orders", "password")).await;
    let live = read(&bench, Want { secrets: false, ..want("orders", &[PASSWORD]) }).await;
    // As with `ignore` for the password, whose live value was not read.
    let mut desired = live.properties.clone();
    let Some(Value::Map(input)) = desired.get_mut("ConnectionInput") else { panic!() };
    input.insert("Description".to_owned(), "new".into());
    let edits = compare(connection(), &desired, &live).edits;
    operations(&bench);
    let update = Update { live: &live, desired: &desired, edits: &edits };
    let fault = bench.session.update(connection(), &place(), &update).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Invalid);
    assert_eq!(operations(&bench), [] as [&str; 0]);
    let live = read(&bench, want("orders", &[PASSWORD])).await;
    assert_eq!(password(&live), Some((true, "live".to_owned())));
}

#[tokio::test]
async fn an_update_that_would_remove_a_password_nobody_spoke_of_is_refused() {
    let bench = Bench::new().await;
    create(&bench, "orders", &jdbc("orders", "password")).await;
    let live = read(&bench, want("orders", &[])).await;
    let mut desired = live.properties.clone();
    let Some(Value::Map(input)) = desired.get_mut("ConnectionInput") else { panic!() };
    input.insert("Description".to_owned(), "new".into());
    let Some(Value::Map(own)) = input.get_mut("ConnectionProperties") else { panic!() };
    own.remove("PASSWORD");
    let edits = compare(connection(), &desired, &live).edits;
    let update = Update { live: &live, desired: &desired, edits: &edits };
    let fault = bench.session.update(connection(), &place(), &update).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Invalid);
    assert!(fault.message.contains("the live connection has PASSWORD"), "{}", fault.message);
    let live = read(&bench, want("orders", &[PASSWORD])).await;
    assert_eq!(password(&live), Some((true, "live".to_owned())));
}

#[tokio::test]
async fn a_password_that_may_not_be_read_is_not_verifiable() {
    let bench = Bench::new().await;
    create(&bench, "orders", &jdbc("orders", "password")).await;
    let error = json!({"code": "GlueEncryptionException", "message": "kms:Decrypt", "status": 400});
    bench.faults(&json!([{"operation": "GetConnection", "count": 1, "error": error}])).await;
    let live = read(&bench, want("orders", &[PASSWORD])).await;
    assert_eq!(password(&live), Some((false, "kms:Decrypt denied".to_owned())));
    let delta = compare(connection(), &jdbc("orders", "other"), &live);
    assert!(delta.edits.is_empty(), "{:?}", delta.edits);
    assert_eq!(delta.secrets[0].same, None);
}

#[tokio::test]
async fn what_glue_never_returns_is_not_drift() {
    let bench = Bench::new().await;
    let desired = properties(json!({"ConnectionInput": {
        "Name": "crm", "ConnectionType": "MYSQL", "ValidateCredentials": false,
        "ValidateForComputeEnvironments": ["SPARK"],
        "ConnectionProperties": {"HOST": "db.example.com", "PORT": "3306", "DATABASE": "crm"},
        "AuthenticationConfiguration": {
            "AuthenticationType": "BASIC",
            "BasicAuthenticationCredentials": {"Username": "svc", "Password": crate::samples::secret("basic")},
        },
    }}));
    create(&bench, "crm", &desired).await;
    let live = bench.settled(connection(), "crm").await;
    let delta = compare(connection(), &desired, &live);
    assert!(delta.edits.is_empty(), "{:?}", delta.edits);
    let verdicts: Vec<_> = delta.secrets.iter().map(|verdict| (verdict.same, verdict.reason.as_deref())).collect();
    assert_eq!(verdicts, [(None, Some("the service never returns it"))]);
    assert_no_canary(&(live, delta));
}

#[tokio::test]
async fn a_password_inside_an_address_is_compared_and_never_shown() {
    let bench = Bench::new().await;
    let form = |password: &str| {
        let url = format!("mongodb://svc:{password}@db.example.com/orders");
        let mut form = properties(json!({"ConnectionInput": {
            "Name": "docs", "ConnectionType": "MONGODB", "ValidateCredentials": false, "ConnectionProperties": {}}}));
        let Some(Value::Map(input)) = form.get_mut("ConnectionInput") else { panic!() };
        let url = Value::Secret(Secret::new("test", url));
        let properties = [("CONNECTION_URL".to_owned(), url), ("SECRET_ID".to_owned(), "orders/docs".into())];
        input.insert("ConnectionProperties".to_owned(), Map::from_iter(properties).into());
        form
    };
    create(&bench, "docs", &form("c4n4ry-one")).await;
    let live = bench.settled(connection(), "docs").await;
    assert!(compare(connection(), &form("c4n4ry-one"), &live).edits.is_empty());
    let changed = compare(connection(), &form("c4n4ry-two"), &live);
    assert_eq!(changed.edits.len(), 1);
    assert_no_canary(&(live, changed));
}

/// Reads a manifest with one connection and checks it; what is said of it, shown as a person sees it, and its masked
/// properties.
fn checked(input: &serde_json::Value) -> (Vec<&'static str>, String, serde_json::Value) {
    let manifest = json!({"version": 1, "name": "orders", "resources": [
        {"name": "orders", "type": "AWS::Glue::Connection", "props": {"ConnectionInput": input}}]});
    let mut sources = Sources::new("");
    let id = sources.add("trueup.yaml", serde_json::to_string_pretty(&manifest).unwrap());
    let (parsed, _) = parse(&mut sources, id);
    let environment = |name: &str| (name == "ORDERS_PASSWORD").then(|| "hunter2".to_owned());
    let inputs =
        Inputs { env: "dev", given: Vec::new(), files: Vec::new(), environment: &environment, today: (2026, 11, 21) };
    let (stack, found) = render(&parsed.unwrap(), &inputs, &mut sources);
    assert!(!found.has_errors());
    let (desired, found) =
        desire(&stack.unwrap(), trueup_aws::registry(), &mut sources, &trueup_engine::desired::Defaults::default());
    let codes = found.iter().map(|found| found.code).collect();
    let shown: Vec<String> =
        found.iter().map(|found| trueup_engine::diagnostic::render(found, &sources, false, 100)).collect();
    assert_eq!(desired[0].identity.as_deref(), Some("orders"));
    (codes, shown.join("\n"), Value::Map(desired[0].properties.clone()).to_masked_json())
}

#[test]
fn literal_passwords_are_masked_one_by_one_and_warned_of() {
    let (codes, shown, masked) = checked(&json!({
        "Name": "orders", "ConnectionType": "JDBC",
        "ConnectionProperties": {
            "JDBC_CONNECTION_URL": "jdbc:postgresql://db.example.com/orders?user=svc&password=hunter2",
            "USERNAME": "svc", "PASSWORD": "hunter2",
        },
    }));
    // Of the password one warning is enough: the one that shows the way out.
    assert_eq!(codes, ["M310", "M343"]);
    assert!(shown.contains("SECRET_ID") && !shown.contains("hunter2"), "{shown}");
    assert_eq!(
        masked["ConnectionInput"]["ConnectionProperties"],
        json!({"JDBC_CONNECTION_URL": {"$secret": "literal"}, "USERNAME": "svc", "PASSWORD": {"$secret": "literal"}})
    );
}

#[test]
fn a_password_from_elsewhere_has_no_warning_and_a_number_is_no_text() {
    let (codes, _, masked) = checked(&json!({
        "Name": "orders", "ConnectionType": "JDBC",
        "ConnectionProperties": {
            "HOST": "db.example.com", "PORT": "5432", "JDBC_ENGINE": "postgresql", "USERNAME": "svc",
            "PASSWORD": "{{ secret('env:ORDERS_PASSWORD') }}",
        },
    }));
    assert!(codes.is_empty(), "{codes:?}");
    let properties = &masked["ConnectionInput"]["ConnectionProperties"];
    assert_eq!(properties["PASSWORD"], json!({"$secret": "env:ORDERS_PASSWORD"}));
    let (codes, ..) = checked(&json!({
        "Name": "orders", "ConnectionType": "JDBC",
        "ConnectionProperties": {"JDBC_CONNECTION_URL": "jdbc:mysql://h/d", "SECRET_ID": "s", "PORT": 5432},
    }));
    assert_eq!(codes, ["M302"]);
}
