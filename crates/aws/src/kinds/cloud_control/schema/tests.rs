//! Schemas made for the purpose: each has one of the forms that the registry uses.

use serde_json::{Value as Json, json};
use trueup_engine::kind::Verb;
use trueup_engine::schema::{Order, Property, Schema, Secrecy, Type};
use trueup_engine::value::{Map, Value};

use super::{Lost, Read, Unusable, read};

/// A schema of properties, with more beside them.
fn schema(properties: Json, more: Json) -> Json {
    let handler = json!({"permissions": ["made:Do"]});
    let mut schema = json!({
        "typeName": "AWS::Made::Up",
        "properties": properties,
        "primaryIdentifier": ["/properties/Name"],
        "handlers": {"create": handler, "read": handler, "update": handler, "delete": handler},
    });
    for (name, value) in more.as_object().unwrap() {
        schema[name] = value.clone();
    }
    schema
}

fn text() -> Json {
    json!({"type": "string"})
}

fn made(properties: Json, more: Json) -> Read {
    read(&schema(properties, more)).unwrap()
}

fn at(schema: &'static Schema, pointer: &str) -> &'static Property {
    schema.at(pointer).unwrap_or_else(|| panic!("there is no {pointer}"))
}

fn map(json: Json) -> Map {
    Value::from(json).as_map().cloned().unwrap()
}

fn codes(read: &Read, properties: Json) -> Vec<(&'static str, String)> {
    read.check(&map(properties)).into_iter().map(|finding| (finding.code, finding.pointer)).collect()
}

#[test]
fn marks_reach_what_they_name() {
    let rule = json!({"type": "object", "properties": {"Id": text(), "Text": text()}, "required": ["Id", "Text"]});
    let read = made(
        json!({
            "Name": text(),
            "Arn": text(),
            "Engine": text(),
            "Rules": {"type": "array", "items": {"$ref": "#/definitions/Rule"}},
            "Login": {"type": "object", "properties": {"User": text(), "Password": text()}},
            "Hidden": {"type": "object", "properties": {"A": text(), "B": text()}},
        }),
        json!({
            "definitions": {"Rule": rule},
            "required": ["Name", "Arn"],
            "readOnlyProperties": ["/properties/Arn", "/properties/Rules/*/Id"],
            "writeOnlyProperties": ["/properties/Login/Password", "/properties/Hidden/A", "/properties/Hidden/B"],
            "createOnlyProperties": ["/properties/Name"],
            "conditionalCreateOnlyProperties": ["/properties/Engine"],
        }),
    );
    let schema = read.schema;
    assert!(at(schema, "/Name").required && at(schema, "/Name").immutable);
    assert!(at(schema, "/Arn").read_only && !at(schema, "/Arn").required);
    assert!(at(schema, "/Engine").immutable);
    assert!(at(schema, "/Rules/0/Id").read_only && !at(schema, "/Rules/0/Id").required);
    assert!(at(schema, "/Rules/0/Text").required && !at(schema, "/Rules/0/Text").read_only);
    let password = at(schema, "/Login/Password");
    assert!(password.unseen && password.write_only && password.secrecy == Secrecy::Secret);
    assert!(!at(schema, "/Login").unseen);
    // Of what holds nothing else the service returns nothing at all.
    assert!(at(schema, "/Hidden").unseen);
    assert!(["/Name", "/Rules/0/Text", "/Login/User"].iter().all(|pointer| at(schema, pointer).kept));
}

#[test]
fn every_form_of_a_type_has_its_type() {
    let read = made(
        json!({
            "Name": {"type": "string", "minLength": 1, "maxLength": 9, "pattern": "^[a-z]+$", "enum": ["a", "b"]},
            "Count": {"type": "integer", "minimum": 1, "maximum": 5},
            "Ratio": {"type": "number", "minimum": 0.5},
            "Flag": {"type": "boolean"},
            "Port": {"type": ["integer", "string"]},
            "Policy": {"type": ["object", "string"]},
            "Free": {"type": "object"},
            "Any": {},
            "Labels": {"type": "object", "patternProperties": {"^.+$": text()}, "additionalProperties": false},
            "Sizes": {"type": "object", "additionalProperties": {"type": "integer"}},
            "Set": {"type": "array", "insertionOrder": false, "items": text()},
            "List": {"type": "array", "items": text(), "maxItems": 3},
            "Unsaid": {"type": "array", "arrayType": "AttributeList", "items": text()},
            "Tags": {"type": "array", "items": {"type": "object", "properties": {"Key": text(), "Value": text()}}},
        }),
        json!({}),
    );
    let ty = |name: &str| at(read.schema, &format!("/{name}")).ty;
    let Type::Text(rules) = ty("Name") else { panic!() };
    assert_eq!((rules.min, rules.max, rules.allowed), (1, 9, &["a", "b"][..]));
    assert_eq!(rules.pattern.map(|it| (it.regex, it.words)), Some(("^[a-z]+$", "a text that matches `^[a-z]+$`")));
    assert!(matches!(ty("Count"), Type::Integer { min: 1, max: 5 }));
    assert!(matches!(ty("Ratio"), Type::Number { min: 0.5, max: f64::MAX }));
    assert!(matches!(ty("Flag"), Type::Boolean));
    assert!(matches!(ty("Port"), Type::Union([Type::Integer { .. }, Type::Text(_)])));
    assert!(matches!(ty("Policy"), Type::Json) && matches!(ty("Free"), Type::Json) && matches!(ty("Any"), Type::Any));
    assert!(matches!(ty("Labels"), Type::Map(Type::Text(_))) && matches!(ty("Sizes"), Type::Map(Type::Integer { .. })));
    let order = |name: &str| match ty(name) {
        Type::List(list) => (list.order, list.max),
        _ => panic!("{name}"),
    };
    assert_eq!(order("Set"), (Order::Set, usize::MAX));
    assert_eq!(order("List"), (Order::Ordered, 3));
    assert_eq!(order("Unsaid").0, Order::Set);
    assert_eq!(order("Tags").0, Order::Keyed("Key"));
    assert_eq!(read.tags, Some("Tags"));
}

#[test]
fn a_definition_that_refers_to_itself_ends_in_json() {
    let read = made(
        json!({"Name": text(), "Statement": {"$ref": "#/definitions/Statement"}}),
        json!({"definitions": {
            "Statement": {"type": "object", "properties": {"Not": {"$ref": "#/definitions/Not"}, "Text": text()}},
            "Not": {"type": "object", "properties": {"Statement": {"$ref": "#/definitions/Statement"}}},
        }}),
    );
    assert!(matches!(at(read.schema, "/Statement").ty, Type::Object(_)));
    assert!(matches!(at(read.schema, "/Statement/Not/Statement").ty, Type::Json));
    assert_eq!(read.losses.iter().map(|loss| loss.what).collect::<Vec<_>>(), [Lost::Recursion]);
}

#[test]
fn an_identifier_has_parts_that_are_given_and_parts_that_are_made() {
    let properties = json!({
        "Name": text(), "Id": text(), "Size": {"type": "integer"},
        "Device": {"type": "object", "properties": {"Name": text()}, "required": ["Name"]},
    });
    let of = |identifier: Json, more: Json| {
        let mut schema = schema(properties.clone(), more);
        schema["primaryIdentifier"] = identifier;
        read(&schema)
    };
    let plain = of(json!(["/properties/Name"]), json!({"required": ["Name"]})).unwrap();
    assert!(plain.identifier[0].required);
    let made = of(json!(["/properties/Id"]), json!({"readOnlyProperties": ["/properties/Id"]})).unwrap();
    assert!(made.identifier[0].made && !made.identifier[0].required);
    let several = of(json!(["/properties/Name", "/properties/Size"]), json!({"required": ["Name", "Size"]})).unwrap();
    let identify = |read: &Read, json| crate::kinds::cloud_control::identity::of_properties(read, &map(json));
    assert_eq!(identify(&several, json!({"Name": "a", "Size": 3})).as_deref(), Some("a|3"));
    assert_eq!(identify(&several, json!({"Name": "a"})), None);
    assert_eq!(identify(&made, json!({"Id": "given"})), None);
    let deep = of(json!(["/properties/Device/Name"]), json!({"required": ["Device"]})).unwrap();
    assert_eq!(identify(&deep, json!({"Device": {"Name": "d"}})).as_deref(), Some("d"));
    assert_eq!(of(json!([]), json!({})).unwrap_err(), Unusable::NoIdentifier);
    assert_eq!(of(json!(["/properties/None"]), json!({})).unwrap_err(), Unusable::StrangeIdentifier);
}

#[test]
fn groups_of_required_members_are_checked_where_they_stand() {
    let source = json!({
        "type": "object",
        "properties": {"Bucket": text(), "Key": text(), "Inline": text()},
        "oneOf": [{"required": ["Bucket", "Key"]}, {"required": ["Inline"]}],
    });
    let read = made(
        json!({"Name": text(), "Sources": {"type": "array", "items": source}, "A": text(), "B": text()}),
        json!({"anyOf": [{"required": ["A"]}, {"required": ["B"]}], "dependencies": {"B": ["Name"]}}),
    );
    assert_eq!(codes(&read, json!({"Name": "n", "A": "a", "B": "b"})), []);
    assert_eq!(codes(&read, json!({"Name": "n"})), [("M306", String::new())]);
    assert_eq!(codes(&read, json!({"B": "b"})), [("M303", "/B".to_owned())]);
    let sources = |sources: Json| codes(&read, json!({"A": "a", "Sources": sources}));
    assert_eq!(sources(json!([{"Inline": "x"}, {"Bucket": "b", "Key": "k"}])), []);
    assert_eq!(sources(json!([{"Inline": "x"}, {"Bucket": "b"}])), [("M306", "/Sources/1".to_owned())]);
    let both = json!([{"Inline": "x", "Bucket": "b", "Key": "k"}]);
    assert_eq!(sources(both), [("M307", "/Sources/0/Inline".to_owned())]);
}

#[test]
fn alternatives_with_members_of_their_own_are_one_object() {
    let read = made(
        json!({"Name": text(), "Target": {"oneOf": [
            {"type": "object", "properties": {"Url": text()}, "required": ["Url"]},
            {"$ref": "#/definitions/Queue"},
        ]}}),
        json!({"definitions": {"Queue": {"type": "object", "properties": {"Arn": text()}, "required": ["Arn"]}}}),
    );
    assert!(!at(read.schema, "/Target/Url").required && !at(read.schema, "/Target/Arn").required);
    assert_eq!(codes(&read, json!({"Name": "n", "Target": {}})), [("M306", "/Target".to_owned())]);
    assert_eq!(codes(&read, json!({"Name": "n", "Target": {"Arn": "a"}})), []);
}

#[test]
fn without_an_update_handler_everything_replaces_and_nothing_is_tagged() {
    let mut schema =
        schema(json!({"Name": text(), "Tags": {"type": "object", "additionalProperties": text()}}), json!({}));
    assert_eq!(read(&schema).unwrap().tags, Some("Tags"));
    schema["handlers"].as_object_mut().unwrap().shift_remove("update");
    let fixed = read(&schema).unwrap();
    assert!(at(fixed.schema, "/Name").immutable && fixed.tags.is_none() && fixed.strange_tags);
    schema["handlers"].as_object_mut().unwrap().shift_remove("read");
    assert_eq!(read(&schema).unwrap_err(), Unusable::NotProvisionable);
    assert_eq!(read(&json!({"typeName": "AWS::Made::Up"})).unwrap_err(), Unusable::NoSchema);
}

#[test]
fn tags_in_another_form_are_no_place_for_an_owner() {
    let item = json!({"type": "object", "properties": {"TagKey": text(), "TagValue": text()}});
    let strange = made(json!({"Name": text(), "Tags": {"type": "array", "items": item}}), json!({}));
    assert!(strange.tags.is_none() && strange.strange_tags);
    let none = made(json!({"Name": text()}), json!({"tagging": {"taggable": false}}));
    assert!(none.tags.is_none() && !none.strange_tags);
    let other = made(
        json!({"Name": text(), "HostedZoneTags": {"type": "object", "additionalProperties": text()}}),
        json!({"tagging": {"taggable": true, "tagProperty": "/properties/HostedZoneTags"}}),
    );
    assert_eq!(other.tags, Some("HostedZoneTags"));
}

#[test]
fn what_a_handler_does_is_in_the_schema() {
    let read = made(json!({"Name": text()}), json!({}));
    assert!(read.handler(Verb::Create).contains(&"made:Do"));
}
