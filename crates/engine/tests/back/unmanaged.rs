//! Types of which only what is given is managed: sets whose live items say more, what nobody can see, what is empty on
//! purpose, values of several types.

use trueup_engine::delta::{Delta, delta, to_send};
use trueup_engine::patch::{patch, prove};
use trueup_engine::schema::{List, Order, Property, Schema, Text, Type};
use trueup_engine::value::{Map, Value};

const ANY: Type = Type::Text(Text::ANY);
const WHOLE: Type = Type::Integer { min: 0, max: 99 };
static RULE: &[Property] = &[
    Property::new("To", ANY, "").kept().says_empty(),
    Property::new("Port", WHOLE, "").kept().says_empty(),
    Property::new("Key", ANY, "").kept().says_empty().unseen(),
];
static RULES: List = List { item: Type::Object(RULE), order: Order::Set, max: usize::MAX };
static ACTION: &[Property] = &[Property::new("Allow", Type::Object(RULE), "").kept().says_empty()];
static PORT: &[Type] = &[WHOLE, ANY, Type::List(&RULES)];
static SCHEMA: Schema = Schema {
    properties: &[
        Property::new("Rules", Type::List(&RULES), "").kept().says_empty(),
        Property::new("Action", Type::Object(ACTION), "").kept().says_empty(),
        Property::new("Hint", ANY, "").kept().says_empty().unseen(),
        Property::new("Port", Type::Union(PORT), "").kept().says_empty(),
        Property::new("Ratio", Type::Number { min: 0.0, max: 1.0 }, "").kept().says_empty(),
    ],
    one_of: &[],
};

fn map(json: serde_json::Value) -> Map {
    Value::from(json).as_map().cloned().unwrap()
}

fn compare(desired: serde_json::Value, live: serde_json::Value) -> Delta {
    let delta = delta(&SCHEMA, &map(desired), &map(live), &[], &|_, name| name.to_owned());
    prove(&delta, &patch(delta.edits.iter())).unwrap();
    delta
}

#[test]
fn an_item_of_a_set_is_the_live_one_that_says_the_same_and_more() {
    use serde_json::json;
    let live = || json!({"Rules": [{"To": "z", "Port": 1}, {"To": "a", "Port": 2}]});
    assert!(compare(json!({"Rules": [{"To": "a"}, {"Port": 1}]}), live()).edits.is_empty());
    // One live item does not stand for two.
    assert_eq!(compare(json!({"Rules": [{"To": "a"}, {"Port": 2}]}), live()).edits.len(), 2);
    assert_eq!(compare(json!({"Rules": [{"To": "a"}]}), live()).edits.len(), 1);
    let sent = to_send(&SCHEMA, &map(json!({"Rules": [{"To": "a", "Key": "k"}, {"To": "z"}]})), &map(live()), &[]);
    assert_eq!(
        Value::Map(sent).to_masked_json(),
        json!({"Rules": [{"To": "a", "Port": 2, "Key": "k"}, {"To": "z", "Port": 1}]})
    );
}

#[test]
fn what_nobody_can_see_is_not_verifiable_and_no_difference() {
    use serde_json::json;
    let delta = compare(json!({"Hint": "h", "Rules": [{"To": "a", "Key": "k"}]}), json!({"Rules": [{"To": "a"}]}));
    assert!(delta.edits.is_empty(), "{:?}", delta.edits);
    let mut pointers: Vec<_> = delta.secrets.iter().map(|it| (it.pointer.as_str(), it.same, it.new)).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, [("/Hint", None, false), ("/Rules/0/Key", None, false)]);
    assert!(SCHEMA.is_unseen("/Rules/0/Key") && SCHEMA.is_unseen("/Hint") && !SCHEMA.is_unseen("/Rules/0/To"));
}

#[test]
fn empty_says_something_but_for_a_list_that_is_not_there() {
    use serde_json::json;
    assert_eq!(compare(json!({"Action": {"Allow": {}}}), json!({})).edits.len(), 1);
    assert!(compare(json!({"Action": {"Allow": {}}}), json!({"Action": {"Allow": {}}})).edits.is_empty());
    assert!(compare(json!({"Rules": []}), json!({})).edits.is_empty());
    assert_eq!(compare(json!({"Rules": []}), json!({"Rules": [{"To": "a"}]})).edits.len(), 1);
    assert!(compare(json!({}), json!({"Rules": [{"To": "a"}], "Port": 3})).edits.is_empty());
}

#[test]
fn a_value_of_several_types_is_compared_as_the_one_that_it_has() {
    use serde_json::json;
    assert!(compare(json!({"Port": 3, "Ratio": 1}), json!({"Port": 3, "Ratio": 1.0})).edits.is_empty());
    assert_eq!(compare(json!({"Port": "3"}), json!({"Port": 3})).edits.len(), 1);
    assert!(compare(json!({"Port": [{"To": "a"}]}), json!({"Port": [{"To": "a", "Port": 1}]})).edits.is_empty());
}
