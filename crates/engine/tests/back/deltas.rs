//! What must hold of the differ and of its patches whatever the properties are.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value as Json;
use trueup_engine::delta::{Delta, canonical_form, delta, to_send};
use trueup_engine::patch::{document, patch, prove};
use trueup_engine::schema::{Clearing, DefaultValue, List, Order, Property, Schema, Text, Type};
use trueup_engine::secret::Secret;
use trueup_engine::source::{SourceId, Span, Spanned};
use trueup_engine::stack::Ignore;
use trueup_engine::value::{Map, Value, push_token, tokens};

const ANY: Type = Type::Text(Text::ANY);
static ITEM: &[Property] = &[
    Property::new("Key", ANY, "").required(),
    Property::new("Value", ANY, "").required().secret_unless("IsValueSecret"),
    Property::new("IsValueSecret", Type::Boolean, "").default(DefaultValue::Boolean(true)).explicit(),
];
static KEYED: List = List { item: Type::Object(ITEM), order: Order::Keyed("Key"), max: 100 };
static SET: List = List { item: ANY, order: Order::Set, max: 100 };
static ORDERED: List = List { item: ANY, order: Order::Ordered, max: 100 };
static INNER: &[Property] = &[
    Property::new("A", ANY, "").cleared_by(Clearing::EmptyText),
    Property::new("Password", ANY, "").secret(),
    Property::new("Headers", Type::List(&KEYED), "").cleared_by(Clearing::EmptyList),
];
static SCHEMA: Schema = Schema {
    properties: &[
        Property::new("Text", ANY, "").cleared_by(Clearing::EmptyText),
        Property::new("Fixed", ANY, "").immutable(),
        Property::new("Key", ANY, "").cleared_by(Clearing::Never),
        Property::new("Rate", Type::Integer { min: 1, max: i64::MAX }, "").default(DefaultValue::Integer(300)),
        Property::new("Flag", Type::Boolean, "").default(DefaultValue::Boolean(true)).explicit(),
        Property::new("Object", Type::Object(INNER), "").cleared_by(Clearing::Members),
        Property::new("Tags", Type::Map(&ANY), ""),
        Property::new("Set", Type::List(&SET), ""),
        Property::new("Ordered", Type::List(&ORDERED), ""),
        Property::new("Policy", Type::Json, ""),
        Property::new("Arn", ANY, "").read_only(),
    ],
    one_of: &[],
};

fn compare(desired: &Map, live: &Map) -> Delta {
    delta(&SCHEMA, desired, live, &[], &|_, name| name.to_owned())
}

#[test]
fn an_empty_text_is_none_where_it_takes_a_value_back() {
    let live = Map::from_iter([("Text".to_owned(), Value::from("")), ("Fixed".to_owned(), Value::from(""))]);
    let canonical = canonical_form(&SCHEMA, &live);
    assert!(canonical.get("Text").is_none() && canonical.get("Fixed").is_some(), "{:?}", document(&canonical));
}

/// Few different texts, so that they often meet; some need escaping in a pointer.
fn text() -> impl Strategy<Value = Value> {
    prop::sample::select(vec!["", "a", "b", "a/b", "m~n", "~1", "ü"]).prop_map(Value::from)
}

fn secret() -> impl Strategy<Value = Value> {
    prop::sample::select(vec!["s1", "s2"]).prop_map(|text| Value::Secret(Secret::new("env:X", text.to_owned())))
}

fn item() -> impl Strategy<Value = Value> {
    (text(), text(), secret(), prop::option::of(any::<bool>())).prop_map(|(key, open, hidden, flag)| {
        let mut map = Map::from_iter([("Key".to_owned(), key)]);
        map.insert("Value".to_owned(), if flag == Some(false) { open } else { hidden });
        if let Some(flag) = flag {
            map.insert("IsValueSecret".to_owned(), flag.into());
        }
        Value::Map(map)
    })
}

fn list(item: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop::collection::vec(item, 0..5).prop_map(Value::List)
}

/// A map of which each member is there or not, or is null.
fn object(members: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let members: Vec<_> = members
        .into_iter()
        .map(|(name, value)| {
            let value = prop_oneof![6 => value.prop_map(Some), 1 => Just(Some(Value::Null)), 3 => Just(None)];
            value.prop_map(move |value| value.map(|value| (name.to_owned(), value)))
        })
        .collect();
    members.prop_map(|members| Value::Map(members.into_iter().flatten().collect())).boxed()
}

fn policy() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        serde_json::json!({"a": [1, 2], "b": null}),
        serde_json::json!("{\"b\":null,\"a\":[1,2]}"),
        serde_json::json!([{"Effect": "Allow"}]),
        serde_json::json!("no json"),
    ])
    .prop_map(Value::from)
}

fn properties() -> impl Strategy<Value = Map> {
    let inner = object(vec![("A", text().boxed()), ("Password", secret().boxed()), ("Headers", list(item()).boxed())]);
    let tags = prop::collection::vec((prop::sample::select(vec!["k", "a/b", "~", "~1/", "0"]), text()), 0..4)
        .prop_map(|tags| Value::Map(tags.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()));
    object(vec![
        ("Text", text().boxed()),
        ("Fixed", text().boxed()),
        ("Key", text().boxed()),
        ("Rate", prop_oneof![Just(300_i64), 1..5_i64].prop_map(Value::from).boxed()),
        ("Flag", any::<bool>().prop_map(Value::from).boxed()),
        ("Object", inner),
        ("Tags", tags.boxed()),
        ("Set", list(text()).boxed()),
        ("Ordered", list(text()).boxed()),
        ("Policy", policy().boxed()),
        ("Arn", text().boxed()),
    ])
    .prop_map(|map| map.as_map().unwrap().clone())
}

/// As a read shows it.
fn live(value: &Value, readable: bool) -> Value {
    match value {
        #[expect(clippy::disallowed_methods, reason = "what the service would keep")]
        Value::Secret(secret) if readable && secret.is_resolved() => {
            Value::Secret(Secret::new("live", secret.expose().unwrap().to_owned()))
        }
        Value::Secret(_) => Value::Secret(Secret::unresolved("denied")),
        Value::Map(map) => Value::Map(map.iter().map(|(k, v)| (k.clone(), live(v, readable))).collect()),
        Value::List(items) => Value::List(items.iter().map(|item| live(item, readable)).collect()),
        other => other.clone(),
    }
}

fn live_of(map: &Map, readable: bool) -> Map {
    map.iter().map(|(name, value)| (name.clone(), live(value, readable))).collect()
}

/// With every secret alike, keyed lists and sets sorted, and documents parsed.
fn comparable(document: &Json) -> Json {
    fn blank(value: &Json) -> Json {
        match value {
            Json::Object(map) if map.contains_key("$secret") => Json::from("secret"),
            Json::Object(map) => {
                let mut entries: Vec<_> = map.iter().map(|(name, value)| (name.clone(), blank(value))).collect();
                entries.sort_by(|a, b| a.0.cmp(&b.0));
                Json::Object(entries.into_iter().collect())
            }
            Json::Array(items) => Json::Array(items.iter().map(blank).collect()),
            other => other.clone(),
        }
    }
    let mut document = blank(document);
    for pointer in ["/Set", "/Object/Headers"] {
        if let Some(Json::Array(items)) = document.pointer_mut(pointer) {
            // Items of one key keep their order.
            items.sort_by_key(|item| item.get("Key").unwrap_or(item).to_string());
        }
    }
    if let Some(policy) = document.pointer_mut("/Policy")
        && let Some(parsed) = policy.as_str().and_then(|text| serde_json::from_str(text).ok())
    {
        *policy = blank(&parsed);
    }
    document
}

/// The pointers of all leaves below one that hold no secret.
fn open_leaves(value: &Json, pointer: &str, found: &mut Vec<String>) {
    match value {
        Json::Object(map) if map.contains_key("$secret") => {}
        Json::Object(map) if !map.is_empty() => {
            for (name, value) in map {
                let mut below = pointer.to_owned();
                push_token(&mut below, name);
                open_leaves(value, &below, found);
            }
        }
        Json::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                open_leaves(item, &format!("{pointer}/{index}"), found);
            }
        }
        _ => found.push(pointer.to_owned()),
    }
}

/// Applies a patch operation by operation; whatever one takes away must have been tested right before.
fn apply_guarded(document: &mut Json, operations: &[Json]) {
    let mut tested: Vec<String> = Vec::new();
    for operation in operations {
        let path = operation["path"].as_str().unwrap();
        match operation["op"].as_str().unwrap() {
            "test" => tested.push(path.to_owned()),
            op => {
                // What becomes a secret is not shown any more, so it cannot be tested either.
                if op != "add" && operation["value"].get("$secret").is_none() {
                    let mut leaves = Vec::new();
                    open_leaves(document.pointer(path).unwrap(), path, &mut leaves);
                    for leaf in leaves {
                        let covered = |test: &String| leaf == *test || leaf.starts_with(&format!("{test}/"));
                        assert!(tested.iter().any(covered), "{leaf} is not guarded: {operations:#?}");
                    }
                }
                tested.clear();
            }
        }
        let one: json_patch::Patch = serde_json::from_value(Json::Array(vec![operation.clone()])).unwrap();
        json_patch::patch(document, &one).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_differs_from_itself(properties in properties(), readable in any::<bool>()) {
        let delta = compare(&properties, &live_of(&properties, readable));
        prop_assert!(delta.edits.is_empty(), "{:#?}", delta.edits);
        prop_assert!(delta.secrets.iter().all(|verdict| verdict.same == readable.then_some(true) && !verdict.new));
    }

    #[test]
    fn the_canonical_form_has_a_canonical_form_of_itself(properties in properties()) {
        let once = canonical_form(&SCHEMA, &properties);
        prop_assert_eq!(&once, &canonical_form(&SCHEMA, &once));
        prop_assert!(compare(&once, &live_of(&properties, true)).edits.is_empty());
    }

    #[test]
    fn a_patch_leads_from_live_to_desired(desired in properties(), other in properties(), readable in any::<bool>()) {
        let live = live_of(&other, readable);
        let delta = compare(&desired, &live);
        let operations = patch(delta.edits.iter());
        prop_assert_eq!(prove(&delta, &operations), Ok(()));
        let mut patched = document(&delta.live);
        apply_guarded(&mut patched, &operations);
        let wanted = document(&canonical_form(&SCHEMA, &desired));
        prop_assert_eq!(comparable(&patched), comparable(&wanted));
        // What is there then differs in nothing any more.
        prop_assert!(compare(&delta.desired, &live_of(&delta.desired, true)).edits.is_empty());
        let texts = serde_json::to_string(&operations).unwrap();
        prop_assert!(!texts.contains("\"s1\"") && !texts.contains("\"s2\""));
    }

    #[test]
    fn what_is_passed_over_stays_as_it_is(
        desired in properties(),
        other in properties(),
        path in prop::sample::select(vec![
            "/Text", "/Key", "/Rate", "/Object", "/Object/A", "/Object/Password", "/Object/Headers", "/Object/*", "/Tags",
            "/Tags/a~1b", "/Tags/*", "/Set", "/Ordered", "/Policy",
        ]),
    ) {
        let live = live_of(&other, true);
        let span = Span { source: SourceId(0), start: 0, end: 0 };
        let path = Spanned { value: path.to_owned(), span };
        let ignore = [Ignore { path: path.clone(), reason: None, until: None, expired: false }];
        let differ = |desired: &Map, live: &Map| delta(&SCHEMA, desired, live, &ignore, &|_, name| name.to_owned());
        let delta = differ(&desired, &live);
        prop_assert_eq!(prove(&delta, &patch(delta.edits.iter())), Ok(()));
        let masked = |map: &Map| document(map);
        let (before, after) = (masked(&delta.live), masked(&delta.desired));
        let sent = masked(&to_send(&SCHEMA, &desired, &live, &ignore));
        for pointer in [path.value.replace('*', "A"), path.value.replace('*', "a~1b"), path.value.clone()] {
            if !pointer.contains('*') && SCHEMA.at(&pointer).is_some() {
                prop_assert_eq!(before.pointer(&pointer), after.pointer(&pointer), "{}", pointer);
                prop_assert_eq!(before.pointer(&pointer), sent.pointer(&pointer), "{}", pointer);
            }
        }
        let again = differ(&desired, &live_of(&delta.desired, true));
        prop_assert_eq!(again.effective().count(), 0, "{:?} after {:?}", again, delta);
    }

    #[test]
    fn the_order_of_what_has_none_is_no_difference(
        items in prop::collection::vec(item(), 0..6),
        set in prop::collection::vec(text(), 0..6),
        order in Just((0..6).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        let mut keys = BTreeSet::new();
        let items: Vec<Value> =
            items.into_iter().filter(|item| keys.insert(item.get("Key").unwrap().as_str().unwrap().to_owned())).collect();
        let with = |items: Vec<Value>, set: Vec<Value>| {
            let object = Map::from_iter([("Headers".to_owned(), Value::List(items))]);
            Map::from_iter([("Object".to_owned(), Value::Map(object)), ("Set".to_owned(), Value::List(set))])
        };
        let shuffled = |items: &[Value]| -> Vec<Value> {
            order.iter().filter_map(|index| items.get(*index).cloned()).collect()
        };
        let live = live_of(&with(items.clone(), set.clone()), true);
        let delta = compare(&with(shuffled(&items), shuffled(&set)), &live);
        prop_assert!(delta.edits.is_empty(), "{:#?}", delta.edits);
    }

    #[test]
    fn pointers_find_what_they_were_made_for(names in prop::collection::vec("[a/~01]{0,4}", 1..4)) {
        let mut pointer = String::new();
        for name in &names {
            push_token(&mut pointer, name);
        }
        let back: Vec<String> = tokens(&pointer).map(Into::into).collect();
        prop_assert_eq!(&back, &names);
        let value = names.iter().rev().fold(Value::from(true), |value, name| {
            Value::Map(Map::from_iter([(name.clone(), value)]))
        });
        prop_assert_eq!(value.at(&pointer), Some(&Value::Bool(true)));
        let json = value.to_masked_json();
        prop_assert_eq!(json.pointer(&pointer), Some(&Json::Bool(true)));
    }
}

#[test]
fn doubled_items_of_a_set_count_once() {
    let with = |items: &[&str]| {
        let items = items.iter().map(|item| Value::from(*item)).collect();
        Map::from_iter([("Set".to_owned(), Value::List(items))])
    };
    assert!(compare(&with(&["a", "b", "a"]), &with(&["b", "a"])).edits.is_empty());
}
