//! From desired properties to what `CreateConnection` and `UpdateConnection` take.
//!
//! The API's names are CloudFormation's, so that a request is the property tree. What has to be decided: an update
//! merges, so only changed parts are sent; type and parameters go together, because parameters of another type "have no
//! effect"; and what is taken back needs the value that clears it.

use serde_json::{Map as JsonMap, Value as Json, json};
use trueup_engine::delta::Edit;
use trueup_engine::fault::Fault;
use trueup_engine::value::{Map, Value};

use super::live::LISTS;
use crate::kinds::fields::touches;
use crate::wire::wire_member;

const SENT: [&str; 6] = [
    "Name",
    "Description",
    "AuthorizationType",
    "AuthParameters",
    "InvocationConnectivityParameters",
    "KmsKeyIdentifier",
];

/// The input of `CreateConnection`.
pub(super) fn create(desired: &Map) -> Result<Json, Fault> {
    let mut input = JsonMap::new();
    for name in SENT {
        let Some(value) = wire_member(desired, name)? else { continue };
        if !is_nothing(&value) {
            input.insert(name.to_owned(), value);
        }
    }
    if let Some(auth) = input.get_mut("AuthParameters") {
        explicit(auth);
    }
    Ok(Json::Object(input))
}

/// The input of `UpdateConnection`, and the pointers of what it clears.
pub(super) fn update(identity: &str, live: &Map, desired: &Map, edits: &[Edit]) -> Result<(Json, Vec<String>), Fault> {
    let mut input = JsonMap::new();
    let mut cleared = Vec::new();
    input.insert("Name".to_owned(), identity.into());
    let value_of = |name: &str| Ok(wire_member(desired, name)?.filter(|value| !is_nothing(value)));
    if touches(edits, "Description") {
        let value = value_of("Description")?.unwrap_or_else(|| {
            cleared.push("/Description".to_owned());
            "".into()
        });
        input.insert("Description".to_owned(), value);
    }
    if touches(edits, "AuthorizationType") || touches(edits, "AuthParameters") {
        if let Some(kind) = value_of("AuthorizationType")? {
            input.insert("AuthorizationType".to_owned(), kind);
        }
        let mut auth = value_of("AuthParameters")?.unwrap_or_else(|| json!({}));
        explicit(&mut auth);
        clear_in_auth(live, edits, &mut auth, &mut cleared);
        input.insert("AuthParameters".to_owned(), auth);
    }
    if touches(edits, "InvocationConnectivityParameters") {
        let value = value_of("InvocationConnectivityParameters")?.unwrap_or_else(|| {
            cleared.push("/InvocationConnectivityParameters".to_owned());
            no_resource()
        });
        input.insert("InvocationConnectivityParameters".to_owned(), value);
    }
    if touches(edits, "KmsKeyIdentifier")
        && let Some(key) = value_of("KmsKeyIdentifier")?
    {
        input.insert("KmsKeyIdentifier".to_owned(), key);
    }
    Ok((Json::Object(input), cleared))
}

/// An endpoint becomes public again by an empty resource; leaving it out keeps it private.
fn no_resource() -> Json {
    json!({ "ResourceParameters": { "ResourceConfigurationArn": "" } })
}

/// Adds what clears the parts that live has and desired has not.
fn clear_in_auth(live: &Map, edits: &[Edit], auth: &mut Json, cleared: &mut Vec<String>) {
    let Some(live) = live.get("AuthParameters") else { return };
    if let Some(invocation) = live.get("InvocationHttpParameters") {
        clear_lists(
            invocation,
            edits,
            &mut auth["InvocationHttpParameters"],
            "/AuthParameters/InvocationHttpParameters",
            cleared,
        );
    }
    // Those of another type go with the type.
    if auth.get("OAuthParameters").is_some()
        && let Some(oauth) = live.at("/OAuthParameters/OAuthHttpParameters")
    {
        let here = &mut auth["OAuthParameters"]["OAuthHttpParameters"];
        clear_lists(oauth, edits, here, "/AuthParameters/OAuthParameters/OAuthHttpParameters", cleared);
    }
    if live.get("ConnectivityParameters").is_some()
        && auth.get("ConnectivityParameters").is_none()
        && is_edited(edits, "/AuthParameters/ConnectivityParameters")
    {
        auth["ConnectivityParameters"] = no_resource();
        cleared.push("/AuthParameters/ConnectivityParameters".to_owned());
    }
    if let Some(auth) = auth.as_object_mut() {
        auth.retain(|_, value| !value.is_null());
        if let Some(Json::Object(oauth)) = auth.get_mut("OAuthParameters") {
            oauth.retain(|_, value| !value.is_null());
        }
    }
}

fn clear_lists(live: &Value, edits: &[Edit], sent: &mut Json, pointer: &str, cleared: &mut Vec<String>) {
    for list in LISTS {
        let is_live = live.get(list).and_then(Value::as_list).is_some_and(|items| !items.is_empty());
        let is_sent = sent.get(list).and_then(Json::as_array).is_some_and(|items| !items.is_empty());
        let pointer = format!("{pointer}/{list}");
        if is_live && !is_sent && is_edited(edits, &pointer) {
            sent[list] = json!([]);
            cleared.push(pointer);
        }
    }
}

/// `IsValueSecret` is always sent: what an absent one means differs between the API, CloudFormation and Terraform.
fn explicit(auth: &mut Json) {
    for pointer in ["/InvocationHttpParameters", "/OAuthParameters/OAuthHttpParameters"] {
        let Some(parameters) = auth.pointer_mut(pointer) else { continue };
        for list in LISTS {
            let Some(Json::Array(items)) = parameters.get_mut(list) else { continue };
            for item in items.iter_mut().filter_map(Json::as_object_mut) {
                item.entry("IsValueSecret").or_insert(Json::Bool(true));
            }
        }
    }
}

/// Whether an edit changes what is at a pointer: one of it, of what it is in, or of what is in it. What none changes and
/// is not sent is passed over, and stays.
fn is_edited(edits: &[Edit], pointer: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    edits
        .iter()
        .filter(|edit| !edit.is_ignored())
        .any(|edit| within(&edit.pointer, pointer) || within(pointer, &edit.pointer))
}

/// Whether there is nothing in a value: an empty text, list or map, or a map of such.
fn is_nothing(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(map) => map.values().all(is_nothing),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use trueup_engine::secret::Secret;

    use super::*;

    fn map(json: Json) -> Map {
        Value::from(json).as_map().cloned().unwrap()
    }

    fn edit(pointer: &str) -> Edit {
        Edit {
            pointer: pointer.to_owned(),
            label: pointer.to_owned(),
            before: None,
            after: None,
            effect: trueup_engine::delta::Effect::InPlace,
        }
    }

    fn live() -> Map {
        map(json!({
            "Name": "orders", "Description": "d", "AuthorizationType": "BASIC",
            "AuthParameters": {
                "BasicAuthParameters": {"Username": "u", "Password": "p"},
                "InvocationHttpParameters": {
                    "HeaderParameters": [{"Key": "a", "Value": "1", "IsValueSecret": false}],
                    "BodyParameters": [{"Key": "b", "Value": "2", "IsValueSecret": false}],
                },
            },
        }))
    }

    #[test]
    fn a_create_sends_flags_and_leaves_out_what_is_empty() {
        let mut desired = live();
        desired.insert("Description".to_owned(), "".into());
        desired.insert("InvocationConnectivityParameters".to_owned(), map(json!({"ResourceParameters": {}})).into());
        let Some(Value::Map(auth)) = desired.get_mut("AuthParameters") else { panic!() };
        auth.insert(
            "InvocationHttpParameters".to_owned(),
            Value::from(json!({"HeaderParameters": [{"Key": "a", "Value": "1"}]})),
        );
        auth.insert(
            "BasicAuthParameters".to_owned(),
            Map::from_iter([("Password".to_owned(), Value::Secret(Secret::new("literal", "p".to_owned())))]).into(),
        );
        assert_eq!(
            create(&desired).unwrap(),
            json!({
                "Name": "orders", "AuthorizationType": "BASIC",
                "AuthParameters": {
                    "BasicAuthParameters": {"Password": "p"},
                    "InvocationHttpParameters": {"HeaderParameters": [{"Key": "a", "Value": "1", "IsValueSecret": true}]},
                },
            })
        );
    }

    #[test]
    fn only_changed_parts_are_sent() {
        let mut desired = live();
        desired.insert("Description".to_owned(), "new".into());
        let (input, cleared) = update("orders", &live(), &desired, &[edit("/Description")]).unwrap();
        assert_eq!(input, json!({"Name": "orders", "Description": "new"}));
        assert!(cleared.is_empty());
    }

    #[test]
    fn what_is_passed_over_is_neither_sent_nor_cleared() {
        let mut desired = live();
        let Some(Value::Map(auth)) = desired.get_mut("AuthParameters") else { panic!() };
        auth.remove("InvocationHttpParameters");
        let (input, cleared) =
            update("orders", &live(), &desired, &[edit("/AuthParameters/BasicAuthParameters/Username")]).unwrap();
        assert!(input["AuthParameters"].get("InvocationHttpParameters").is_none(), "{input}");
        assert!(cleared.is_empty());
    }

    #[test]
    fn a_secret_that_nobody_read_stops_a_call() {
        let mut desired = live();
        let Some(Value::Map(auth)) = desired.get_mut("AuthParameters") else { panic!() };
        let item = Map::from_iter([
            ("Key".to_owned(), "Tok".into()),
            ("Value".to_owned(), Value::Secret(Secret::unresolved("denied"))),
        ]);
        let lists = Map::from_iter([("HeaderParameters".to_owned(), Value::List(vec![item.into()]))]);
        auth.insert("InvocationHttpParameters".to_owned(), lists.into());
        let edits = [edit("/AuthParameters/BasicAuthParameters/Username")];
        let fault = update("orders", &live(), &desired, &edits).unwrap_err();
        assert_eq!(fault.kind, trueup_engine::fault::FaultKind::Invalid);
        let place = "AuthParameters/InvocationHttpParameters/HeaderParameters/0/Value (denied)";
        assert!(fault.message.contains(place), "{fault}");
        assert!(create(&desired).is_err());
        // What is not sent need not be known.
        assert!(update("orders", &live(), &desired, &[edit("/Description")]).is_ok());
    }

    #[test]
    fn what_is_taken_back_is_cleared() {
        let desired = map(json!({
            "Name": "orders", "AuthorizationType": "BASIC",
            "AuthParameters": {
                "BasicAuthParameters": {"Username": "u", "Password": "p"},
                "InvocationHttpParameters": {"HeaderParameters": [{"Key": "a", "Value": "1", "IsValueSecret": false}]},
            },
        }));
        let edits = [edit("/Description"), edit("/AuthParameters/InvocationHttpParameters/BodyParameters")];
        let (input, cleared) = update("orders", &live(), &desired, &edits).unwrap();
        assert_eq!(
            input,
            json!({
                "Name": "orders", "Description": "", "AuthorizationType": "BASIC",
                "AuthParameters": {
                    "BasicAuthParameters": {"Username": "u", "Password": "p"},
                    "InvocationHttpParameters": {
                        "HeaderParameters": [{"Key": "a", "Value": "1", "IsValueSecret": false}], "BodyParameters": [],
                    },
                },
            })
        );
        assert_eq!(cleared, ["/Description", "/AuthParameters/InvocationHttpParameters/BodyParameters"]);
    }

    #[test]
    fn a_private_endpoint_becomes_public_by_an_empty_resource() {
        let mut live = live();
        let arn = "arn:aws:vpc-lattice:us-east-1:123456789012:resourceconfiguration/rcfg-0123456789abcdefg";
        live.insert(
            "InvocationConnectivityParameters".to_owned(),
            Value::from(json!({"ResourceParameters": {"ResourceConfigurationArn": arn}})),
        );
        let desired = self::live();
        let (input, _) = update("orders", &live, &desired, &[edit("/InvocationConnectivityParameters")]).unwrap();
        assert_eq!(
            input["InvocationConnectivityParameters"],
            json!({"ResourceParameters": {"ResourceConfigurationArn": ""}})
        );
    }
}
