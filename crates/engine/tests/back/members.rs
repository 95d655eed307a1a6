//! Properties that are managed in part: maps of which single members are secrets, what is kept where it is not given, and
//! what a service never returns.

use trueup_engine::delta::{Delta, delta, to_send};
use trueup_engine::patch::{patch, prove};
use trueup_engine::schema::{Property, Schema, Text, Type};
use trueup_engine::secret::Secret;
use trueup_engine::value::{Map, Value};

const ANY: Type = Type::Text(Text::ANY);
static CREDENTIALS: &[Property] = &[Property::new("User", ANY, ""), Property::new("Password", ANY, "").secret()];
static AUTH: &[Property] = &[
    Property::new("Type", ANY, ""),
    Property::new("SecretArn", ANY, "").kept(),
    Property::new("Credentials", Type::Object(CREDENTIALS), "").write_only(),
];
static WHOLE: &[Property] = &[Property::new("A", ANY, ""), Property::new("B", ANY, "")];
static SCHEMA: Schema = Schema {
    properties: &[
        Property::new("Properties", Type::Map(&ANY), "").secret_members(&["PASSWORD"]),
        Property::new("Tags", Type::Map(&ANY), "").kept(),
        Property::new("Auth", Type::Object(AUTH), ""),
        Property::new("Validate", Type::Boolean, "").write_only(),
        Property::new("Policy", Type::Json, "").policy(),
        Property::new("Whole", Type::Object(WHOLE), "").kept(),
    ],
    one_of: &[],
};

fn map(json: serde_json::Value) -> Map {
    Value::from(json).as_map().cloned().unwrap()
}

fn compare(desired: &Map, live: &Map) -> Delta {
    let delta = delta(&SCHEMA, desired, live, &[], &|_, name| name.to_owned());
    prove(&delta, &patch(delta.edits.iter())).unwrap();
    delta
}

fn pointers(delta: &Delta) -> Vec<&str> {
    delta.edits.iter().map(|edit| edit.pointer.as_str()).collect()
}

#[test]
fn what_is_kept_is_compared_by_the_names_that_are_given() {
    let live = map(serde_json::json!({"Tags": {"a": "1", "theirs": "x"}, "Auth": {"Type": "B", "SecretArn": "made"}}));
    let desired = map(serde_json::json!({"Tags": {"a": "2", "b": "3"}, "Auth": {"Type": "B"}}));
    assert_eq!(pointers(&compare(&desired, &live)), ["/Tags/a", "/Tags/b"]);
    assert!(compare(&map(serde_json::json!({"Auth": {"Type": "B"}})), &live).edits.is_empty());
    let other = map(serde_json::json!({"Auth": {"Type": "B", "SecretArn": "mine"}}));
    assert_eq!(pointers(&compare(&other, &live)), ["/Auth/SecretArn"]);
}

#[test]
fn an_object_that_is_kept_is_wanted_whole_where_it_is_given() {
    let live = map(serde_json::json!({"Whole": {"A": "a", "B": "b"}}));
    assert!(compare(&Map::new(), &live).edits.is_empty());
    let given = compare(&map(serde_json::json!({"Whole": {"A": "a"}})), &live);
    assert_eq!(pointers(&given), ["/Whole/B"]);
}

#[test]
fn a_policy_in_other_words_is_the_same_and_sent_in_its_own() {
    let policy = |action: serde_json::Value| {
        let statement = serde_json::json!({"Effect": "Allow", "Action": action, "Resource": "*"});
        map(serde_json::json!({"Policy": {"Version": "2012-10-17", "Statement": [statement]}}))
    };
    let (desired, live) = (policy("a:Get".into()), policy(serde_json::json!(["a:Get"])));
    assert!(compare(&desired, &live).edits.is_empty());
    assert_eq!(Value::from(to_send(&SCHEMA, &desired, &live, &[])), Value::from(desired.clone()));
    assert_eq!(pointers(&compare(&policy("a:Put".into()), &live)).len(), 1);
}

#[test]
fn a_document_with_a_secret_in_it_is_compared_as_one_and_hides_the_live_one() {
    let policy = |id: &str| serde_json::json!({"Statement": [{"Sid": id, "Effect": "Allow"}], "Version": "1"});
    let secret = Secret::new("env:ID", policy("hunter2").to_string());
    let desired = Map::from_iter([("Policy".to_owned(), Value::Secret(secret))]);
    for live in [policy("hunter2"), policy("hunter2").to_string().into()] {
        assert!(compare(&desired, &map(serde_json::json!({"Policy": live}))).edits.is_empty());
    }
    let delta = compare(&desired, &map(serde_json::json!({"Policy": policy("hunter3")})));
    assert_eq!(pointers(&delta), ["/Policy"]);
    assert!(!format!("{:?} {:?}", delta.edits, patch(delta.edits.iter())).contains("hunter"));
}

#[test]
fn what_is_never_returned_is_sent_and_not_compared() {
    let password = Value::Secret(Secret::new("env:P", "hunter2".to_owned()));
    let credentials = Map::from_iter([("User".to_owned(), Value::from("u")), ("Password".to_owned(), password)]);
    let auth = Map::from_iter([("Type".to_owned(), Value::from("B")), ("Credentials".to_owned(), credentials.into())]);
    let desired = Map::from_iter([("Auth".to_owned(), Value::from(auth)), ("Validate".to_owned(), Value::from(false))]);
    let live = map(serde_json::json!({"Auth": {"Type": "B", "SecretArn": "made"}}));
    let delta = compare(&desired, &live);
    assert!(delta.edits.is_empty(), "{:?}", delta.edits);
    let verdict = &delta.secrets[0];
    assert_eq!((verdict.pointer.as_str(), verdict.same, verdict.new), ("/Auth/Credentials/Password", None, false));
    assert!(verdict.reason.is_some());
    let sent = Value::Map(to_send(&SCHEMA, &desired, &live, &[]));
    assert!(matches!(sent.at("/Auth/Credentials/Password"), Some(Value::Secret(secret)) if secret.is_resolved()));
    assert_eq!(sent.at("/Validate"), Some(&Value::Bool(false)));
    // Where the whole is new, it is part of what is new.
    let created = compare(&desired, &Map::new());
    assert_eq!(pointers(&created), ["/Auth"]);
    assert!(created.secrets[0].new);
}

#[test]
fn a_member_that_becomes_public_or_secret_is_an_edit_without_its_text() {
    let url = |text: &str| Value::Secret(Secret::new("live", text.to_owned()));
    let live = Map::from_iter([(
        "Properties".to_owned(),
        Value::from(Map::from_iter([
            ("HOST".to_owned(), Value::from("old")),
            ("URL".to_owned(), url("mongodb://u:hunter2@h")),
        ])),
    )]);
    let desired = map(serde_json::json!({"Properties": {"HOST": "new", "URL": "mongodb://h"}}));
    let delta = compare(&desired, &live);
    assert_eq!(pointers(&delta), ["/Properties/HOST", "/Properties/URL"]);
    assert!(!format!("{delta:?}").contains("hunter2"));
    assert_eq!(compare(&live, &desired).edits.len(), 2);
}
