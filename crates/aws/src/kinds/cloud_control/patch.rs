//! An update as Cloud Control takes it: an RFC 6902 patch against the model that the type's read handler gives.
//!
//! The engine's edits point into a canonical form, in which sets are sorted. So what changes below a list is sent as the
//! whole outermost list, and everything else as it stands in the edit. Write-only properties are not in the model; AWS
//! asks for them to be added with every patch, since the update handler would not see them otherwise.
//!
//! <https://docs.aws.amazon.com/cloudcontrolapi/latest/userguide/resource-operations-update.html>

use serde_json::{Value as Json, json};
use trueup_engine::cloud::Update;
use trueup_engine::fault::Fault;
use trueup_engine::schema::{Property, Schema, Type};
use trueup_engine::value::{Map, Value, push_token, tokens};

use crate::wire::wire_member;

/// The operations of an update; empty where there is nothing to send.
pub(super) fn patch(schema: &'static Schema, update: &Update<'_>) -> Result<Vec<Json>, Fault> {
    let live = Value::Map(update.live.properties.clone());
    let desired = Value::Map(update.desired.clone());
    let mut operations: Vec<(String, Json)> = Vec::new();
    let mut push = |pointer: String, value: Option<&Value>| -> Result<(), Fault> {
        // Part of what is sent already.
        let covered = |sent: &String| pointer == *sent || pointer.starts_with(&format!("{sent}/"));
        if operations.iter().any(|(sent, _)| covered(sent)) {
            return Ok(());
        }
        let operation = match value.map(|value| to_wire(schema, &pointer, value)).transpose()?.flatten() {
            Some(value) if live.at(&pointer).is_some() => json!({"op": "replace", "path": pointer, "value": value}),
            Some(value) => json!({"op": "add", "path": pointer, "value": value}),
            None if live.at(&pointer).is_some() => json!({"op": "remove", "path": pointer}),
            None => return Ok(()),
        };
        operations.push((pointer, operation));
        Ok(())
    };
    for edit in update.edits.iter().filter(|edit| !edit.is_ignored()) {
        match outermost_list(schema, &edit.pointer) {
            Some(list) => {
                let value = desired.at(&list).cloned().unwrap_or(Value::List(Vec::new()));
                push(list, Some(&value))?;
            }
            // What is sent differs from what is shown in its secrets only.
            None => {
                push(
                    edit.pointer.clone(),
                    edit.after.as_ref().map(|after| desired.at(&edit.pointer).unwrap_or(after)),
                )?;
            }
        }
    }
    let changes = operations.len();
    let mut unseen = Vec::new();
    collect_unseen(schema.properties, update.desired, &mut String::new(), &mut unseen);
    let mut added: Vec<(String, Json)> = Vec::new();
    for pointer in unseen {
        let pointer = outermost_list(schema, &pointer).unwrap_or(pointer);
        let covered = |(sent, _): &(String, Json)| pointer == *sent || pointer.starts_with(&format!("{sent}/"));
        if operations.iter().chain(&added).any(covered) {
            continue;
        }
        // Below something that is not there nothing can be added; its parent is what is missing.
        let pointer = missing_parent(&live, &pointer).unwrap_or(pointer);
        if let Some(value) = desired.at(&pointer)
            && let Some(value) = to_wire(schema, &pointer, value)?
        {
            added.push((pointer.clone(), json!({"op": "add", "path": pointer, "value": value})));
        }
    }
    let all = operations.into_iter().chain(added).map(|(_, operation)| operation);
    Ok(if changes == 0 { Vec::new() } else { all.collect() })
}

/// All properties of a resource as they are sent with a create.
pub(super) fn model(schema: &'static Schema, properties: &Map) -> Result<Json, Fault> {
    let mut model = serde_json::Map::new();
    for (name, value) in properties {
        let mut pointer = String::new();
        push_token(&mut pointer, name);
        if let Some(value) = to_wire(schema, &pointer, value)? {
            model.insert(name.clone(), value);
        }
    }
    Ok(Json::Object(model))
}

/// A value for the wire; a document that is given as a text becomes one.
fn to_wire(schema: &'static Schema, pointer: &str, value: &Value) -> Result<Option<Json>, Fault> {
    let name = tokens(pointer).last().map(std::borrow::Cow::into_owned).unwrap_or_default();
    let whole = Map::from_iter([(name.clone(), value.clone())]);
    let Some(json) = wire_member(&whole, &name)? else { return Ok(None) };
    Ok(Some(match type_at(schema, pointer) {
        Some(ty) => as_document(ty, json),
        None => json,
    }))
}

fn as_document(ty: &Type, json: Json) -> Json {
    match (ty, json) {
        (Type::Json, Json::String(text)) => match serde_json::from_str(&text) {
            Ok(document @ (Json::Object(_) | Json::Array(_))) => document,
            _ => Json::String(text),
        },
        (Type::Object(members), Json::Object(map)) => Json::Object(
            map.into_iter()
                .map(|(name, value)| match members.iter().find(|member| member.name == name) {
                    Some(member) => (name, as_document(&member.ty, value)),
                    None => (name, value),
                })
                .collect(),
        ),
        (Type::Map(item), Json::Object(map)) => {
            Json::Object(map.into_iter().map(|(name, value)| (name, as_document(item, value))).collect())
        }
        (Type::List(list), Json::Array(items)) => {
            Json::Array(items.into_iter().map(|item| as_document(&list.item, item)).collect())
        }
        (_, json) => json,
    }
}

fn type_at(schema: &'static Schema, pointer: &str) -> Option<&'static Type> {
    let mut members = Some(schema.properties);
    let mut here: Option<&'static Type> = None;
    for token in tokens(pointer) {
        here = Some(match (here, members) {
            (Some(Type::List(list)), _) => &list.item,
            (Some(Type::Map(item)), _) => item,
            (_, Some(members)) => &members.iter().find(|member| member.name == token)?.ty,
            _ => return None,
        });
        members = match here {
            Some(Type::Object(members)) => Some(*members),
            _ => None,
        };
    }
    here
}

/// The pointer of the outermost list above what a pointer names, or of that itself where it is one.
fn outermost_list(schema: &'static Schema, pointer: &str) -> Option<String> {
    let mut above = String::new();
    for token in tokens(pointer) {
        push_token(&mut above, &token);
        match type_at(schema, &above)? {
            Type::List(_) => return Some(above),
            Type::Object(_) | Type::Map(_) => {}
            _ => return None,
        }
    }
    None
}

/// The outermost parent of a pointer that a document does not have.
fn missing_parent(document: &Value, pointer: &str) -> Option<String> {
    let ends = pointer.match_indices('/').skip(1).map(|(end, _)| &pointer[..end]);
    ends.into_iter().find(|above| document.at(above).is_none()).map(str::to_owned)
}

/// The pointers of what is given and never returned.
fn collect_unseen(members: &'static [Property], map: &Map, pointer: &mut String, found: &mut Vec<String>) {
    let length = pointer.len();
    for (name, value) in map {
        let Some(member) = members.iter().find(|member| member.name == name) else { continue };
        push_token(pointer, name);
        if member.unseen {
            found.push(pointer.clone());
        } else {
            unseen_in(&member.ty, value, pointer, found);
        }
        pointer.truncate(length);
    }
}

fn unseen_in(ty: &'static Type, value: &Value, pointer: &mut String, found: &mut Vec<String>) {
    let length = pointer.len();
    match (ty, value) {
        (Type::Object(members), Value::Map(map)) => collect_unseen(members, map, pointer, found),
        (Type::Map(item), Value::Map(map)) => {
            for (name, value) in map {
                push_token(pointer, name);
                unseen_in(item, value, pointer, found);
                pointer.truncate(length);
            }
        }
        (Type::List(list), Value::List(items)) => {
            for (index, item) in items.iter().enumerate() {
                push_token(pointer, &index.to_string());
                unseen_in(&list.item, item, pointer, found);
                pointer.truncate(length);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use trueup_engine::cloud::{Present, Readiness, Seen};
    use trueup_engine::delta::{delta, to_send};
    use trueup_engine::fault::FaultKind;
    use trueup_engine::secret::Secret;

    use super::super::schema;
    use super::*;

    fn made() -> &'static Schema {
        let text = || json!({"type": "string"});
        let handler = json!({"permissions": []});
        let schema = json!({
            "typeName": "AWS::Made::Up",
            "properties": {
                "Name": text(),
                "Size": {"type": "integer"},
                "Policy": {"type": "object"},
                "Login": {"type": "object", "properties": {"User": text(), "Password": text()}},
                "Hint": text(),
                "Ports": {"type": "array", "insertionOrder": false, "items": {"type": "integer"}},
                "Rules": {"type": "array", "items": {"type": "object", "properties": {"Id": text(), "Key": text(), "To": text()}}},
                "Labels": {"type": "object", "additionalProperties": text()},
            },
            "primaryIdentifier": ["/properties/Name"],
            "writeOnlyProperties": ["/properties/Hint", "/properties/Login/Password", "/properties/Rules/*/Key"],
            "readOnlyProperties": ["/properties/Rules/*/Id"],
            "handlers": {"create": handler, "read": handler, "update": handler, "delete": handler},
        });
        schema::read(&schema).unwrap().schema
    }

    fn map(json: Json) -> Map {
        Value::from(json).as_map().cloned().unwrap()
    }

    fn made_of(live: Json, desired: Map) -> Result<Vec<Json>, Fault> {
        let (schema, live) = (made(), map(live));
        let edits: Vec<_> =
            delta(schema, &desired, &live, &[], &|_, name| name.to_owned()).effective().cloned().collect();
        let desired = to_send(schema, &desired, &live, &[]);
        let live = Present {
            identity: "a".to_owned(),
            properties: live,
            attributes: Map::new(),
            secret_version: None,
            seen: Seen::default(),
            readiness: Readiness::Ready(None),
        };
        patch(schema, &Update { live: &live, desired: &desired, edits: &edits })
    }

    /// What the service makes of a patch.
    fn applied(live: &Json, operations: &[Json]) -> Json {
        let mut document = live.clone();
        for operation in operations {
            let path = operation["path"].as_str().unwrap();
            let (above, name) = path.rsplit_once('/').unwrap();
            let parent = document.pointer_mut(above).unwrap().as_object_mut().unwrap();
            match operation["op"].as_str().unwrap() {
                "add" => drop(parent.insert(name.to_owned(), operation["value"].clone())),
                "replace" => assert!(parent.insert(name.to_owned(), operation["value"].clone()).is_some(), "{path}"),
                other => panic!("{other}"),
            }
        }
        document
    }

    #[test]
    fn what_changes_is_replaced_and_what_is_new_added() {
        let live = json!({"Name": "a", "Size": 1, "Labels": {"x": "1", "y": "2"}});
        let desired = map(json!({"Name": "a", "Size": 2, "Labels": {"x": "3", "z": "4"}, "Policy": "{\"A\": [1]}"}));
        let operations = made_of(live.clone(), desired).unwrap();
        assert_eq!(
            applied(&live, &operations),
            json!({"Name": "a", "Size": 2, "Labels": {"x": "3", "y": "2", "z": "4"}, "Policy": {"A": [1]}})
        );
        assert_eq!(operations.len(), 4);
    }

    #[test]
    fn a_list_is_sent_whole_because_its_order_is_the_services() {
        let live = json!({"Name": "a", "Ports": [30, 10, 20]});
        let operations = made_of(live, map(json!({"Name": "a", "Ports": [10, 40]}))).unwrap();
        assert_eq!(operations, [json!({"op": "replace", "path": "/Ports", "value": [10, 40]})]);
        let live = json!({"Name": "a", "Ports": [10]});
        let operations = made_of(live, map(json!({"Name": "a", "Ports": []}))).unwrap();
        assert_eq!(operations, [json!({"op": "replace", "path": "/Ports", "value": []})]);
    }

    #[test]
    fn what_is_never_returned_goes_with_every_change_and_alone_is_none() {
        let live = json!({"Name": "a", "Size": 1, "Login": {"User": "u"}});
        let same = json!({"Name": "a", "Size": 1, "Hint": "h", "Login": {"User": "u", "Password": "p"}});
        assert_eq!(made_of(live.clone(), map(same.clone())).unwrap(), Vec::<Json>::new());
        let mut desired = same;
        desired["Size"] = 2.into();
        let operations = made_of(live.clone(), map(desired.clone())).unwrap();
        assert_eq!(applied(&live, &operations), desired);
        assert_eq!(operations[0]["path"], "/Size");
        assert!(operations[1..].iter().all(|operation| operation["op"] == "add"));
    }

    #[test]
    fn items_with_something_unseen_are_sent_with_what_the_service_filled_in() {
        let live = json!({"Name": "a", "Size": 1, "Rules": [{"Id": "made", "To": "x"}]});
        let rules = json!([{"Key": "k"}]);
        let operations = made_of(live, map(json!({"Name": "a", "Size": 2, "Rules": rules}))).unwrap();
        assert_eq!(operations[1], json!({"op": "add", "path": "/Rules", "value": [{"Key": "k", "To": "x"}]}));
    }

    #[test]
    fn an_unknown_secret_is_never_left_out_in_silence() {
        let live = json!({"Name": "a", "Size": 1});
        let mut desired = map(json!({"Name": "a", "Size": 2}));
        desired.insert("Hint".to_owned(), Value::Secret(Secret::unresolved("env:HINT")));
        assert_eq!(made_of(live, desired).unwrap_err().kind, FaultKind::Invalid);
    }
}
