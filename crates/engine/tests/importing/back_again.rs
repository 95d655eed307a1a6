//! Import, parse, render, desire: the same properties, whatever the texts are.

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use trueup_engine::delta::canonical_form;
use trueup_engine::diagnostic::Severity;
use trueup_engine::import::Found;
use trueup_engine::value::{Map, Value};

use crate::kinds::{Thing, found, imported, read, read_back, without_secrets};

/// Pieces that some parser, or our own templates, could take for something.
const PIECES: &[&str] = &[
    "no",
    "12",
    "012",
    "1e5",
    "true",
    "null",
    "~",
    "2026-01-01",
    "a",
    "orders",
    "é",
    "日本",
    "😀",
    " ",
    "  ",
    "\n",
    "\n\n",
    "\t",
    "\r",
    "\u{7f}",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    ":",
    ": ",
    " #",
    "#",
    "- ",
    "-",
    "?",
    "? ",
    "*",
    "&a",
    "!",
    "|",
    ">",
    "%",
    "@",
    "`",
    "'",
    "\"",
    "\\",
    "\\n",
    "{",
    "}",
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "{{ a.b }}",
    "{{-",
    "[",
    "]",
    ",",
    "<<",
    "=",
    "---",
    "...",
    "$",
    "${x}",
    "\u{1b}[0m",
    "\0",
    "alias/orders",
    "/aws/a",
    "arn:aws:test:us-east-1:123456789012:test::thing/other",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(PIECES).prop_map(str::to_owned),
        prop::collection::vec(prop::sample::select(PIECES), 0..8).prop_map(|pieces| pieces.concat()),
        ".{0,30}",
    ]
}

fn maybe(strategy: impl Strategy<Value = Json> + 'static) -> BoxedStrategy<Json> {
    prop::option::of(strategy).prop_map(|value| value.unwrap_or(Json::Null)).boxed()
}

fn string() -> BoxedStrategy<Json> {
    text().prop_map(Json::from).boxed()
}

fn secret() -> BoxedStrategy<Json> {
    prop_oneof![Just(json!({"$hidden": "not read"})), Just(json!({"$live": "s3cr3t-c4n4ry"}))].boxed()
}

/// A document of JSON; without `null`, which means "not given" in a manifest.
fn document() -> BoxedStrategy<Json> {
    let leaf = prop_oneof![string(), any::<bool>().prop_map(Json::from), any::<i64>().prop_map(Json::from)];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::btree_map(text(), inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
    .prop_filter("a document is a map, a list or a text", |json| {
        json.is_object() || json.is_array() || json.is_string()
    })
    .boxed()
}

fn properties() -> impl Strategy<Value = Json> {
    let inner = (string(), secret(), maybe(secret()))
        .prop_map(|(user, password, token)| json!({"User": user, "Password": password, "Token": token}));
    let item = (text(), string(), any::<bool>(), secret()).prop_map(|(key, value, hidden, secret)| {
        json!({"Key": key, "Value": if hidden { secret } else { value }, "Hidden": hidden})
    });
    let items = prop::collection::vec(item, 0..4).prop_map(|mut items| {
        items.sort_by_key(|item| item["Key"].to_string());
        items.dedup_by_key(|item| item["Key"].to_string());
        Json::from(items)
    });
    let tags = prop::collection::btree_map(text(), string(), 0..4).prop_map(|tags| {
        tags.into_iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect::<Vec<_>>().into()
    });
    let map = prop::collection::btree_map(text(), string(), 0..4).prop_map(|map| map.into_iter().collect());
    let texts = || prop::collection::vec(text(), 0..4).prop_map(Json::from);
    let first = (
        maybe(string()),
        maybe(any::<i64>().prop_map(Json::from)),
        maybe(any::<bool>().prop_map(Json::from)),
        maybe(inner),
    );
    let second =
        (maybe(items), maybe(texts()), maybe(texts()), maybe(map), maybe(document()), maybe(string()), maybe(tags));
    (first, second).prop_map(|((description, rate, enabled, inner), (items, words, groups, map, policy, key, tags))| {
        json!({
            "Description": description, "Rate": rate, "Enabled": enabled, "Inner": inner, "Items": items, "Words": words,
            "Groups": groups, "Map": map, "Policy": policy, "KeyId": key, "Tags": tags, "Arn": "arn:made:by:the:service",
        })
    })
}

fn canonical(properties: &Map) -> serde_json::Value {
    let masked: Map = properties.iter().map(|(name, value)| (name.clone(), without_secrets(value))).collect();
    let mut masked = masked;
    // A document may be written as a text or as a structure.
    if let Some(Value::String(text)) = masked.get("Policy")
        && let Ok(json @ (Json::Object(_) | Json::Array(_))) = serde_json::from_str(text)
    {
        masked.insert("Policy".to_owned(), Value::from(json));
    }
    let mut canonical = canonical_form(trueup_engine::kind::Kind::schema(&Thing), &masked);
    // Tags have no order.
    if let Some(Value::List(tags)) = canonical.get_mut("Tags") {
        tags.sort_by_key(|tag| tag.to_masked_json().to_string());
    }
    Value::Map(canonical).to_masked_json()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_was_imported_reads_as_what_was_there(one in properties(), other in properties(), name in text()) {
        prop_assume!(name != "other");
        let with = |name: &str, mut json: Json| -> Found {
            json["Name"] = name.into();
            found(&Thing, name, json)
        };
        let all = vec![with(&name, one), with("other", other)];
        let imported = imported(all.clone());
        prop_assert!(!imported.manifest.contains("c4n4ry"));
        let read = read(&imported.manifest);
        let errors = read.diagnostics.count(Severity::Error);
        prop_assert!(errors == 0, "{}\n{}", read.shown, imported.manifest);
        let back = read_back(&read, &imported, &all);
        for one in &all {
            let mut live = one.live.properties.clone();
            // What holds a credential became a secret: its text is not in the manifest.
            let desired = &back[&one.live.identity];
            for path in imported.fill_in.iter().filter(|fill| fill.need == trueup_engine::import::Need::Credential) {
                if imported.resources.iter().any(|r| r.address == path.address && r.identity == one.live.identity) {
                    cover(&mut live, &path.path);
                }
            }
            prop_assert_eq!(canonical(&live), canonical(desired), "{}", imported.manifest);
        }
        // The same again in the other order.
        let turned = crate::kinds::imported(all.into_iter().rev().collect());
        prop_assert_eq!(turned.manifest, imported.manifest);
    }
}

/// Makes the text at a pointer into the canonical properties a secret.
fn cover(live: &mut Map, pointer: &str) {
    let mut whole = Value::Map(canonical_form(trueup_engine::kind::Kind::schema(&Thing), live));
    let mut here = &mut whole;
    for token in trueup_engine::value::tokens(pointer) {
        here = match here {
            Value::Map(map) => map.get_mut(&token).unwrap(),
            Value::List(items) => items.get_mut(token.parse::<usize>().unwrap()).unwrap(),
            other => panic!("{pointer} leads into {other:?}"),
        };
    }
    *here = "(secret)".into();
    if let Value::Map(map) = whole {
        *live = map;
    }
}
