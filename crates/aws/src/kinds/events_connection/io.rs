//! The calls of a connection.

use serde_json::{Value as Json, json};
use trueup_engine::cloud::{Create, Live, Present, Readiness, Update, Want, Written};
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::value::{Map, Value};

use super::{is_private, live, managed_secret, request};
use crate::kinds::fields::text;
use crate::kinds::listing::{Found, Reads};
use crate::operation::{
    CREATE_CONNECTION, DELETE_CONNECTION, DESCRIBE_CONNECTION, LIST_CONNECTIONS, UPDATE_CONNECTION,
};
use crate::reach::Reach;
use crate::wire::secrets_of;

static READS: Reads = Reads { list: &LIST_CONNECTIONS, entries: "Connections", describe: &DESCRIBE_CONNECTION };

/// Reads connections, and the managed secrets of those of which they are wanted.
pub(super) async fn observe(reach: &Reach, wants: &[Want]) -> Vec<Live> {
    let found = READS.find(reach, wants).await;
    let mut lives: Vec<Live> = wants
        .iter()
        .zip(found)
        .map(|(want, found)| match found {
            Found::Absent => Live::Absent,
            Found::Unreadable(fault) => Live::Unreadable(fault),
            Found::Listed(entry) => Live::Present(Box::new(live::of_listed(&want.identity, &entry))),
            Found::Described(answer) => Live::Present(Box::new(live::of_described(&want.identity, &answer))),
        })
        .collect();
    let with_secrets: Vec<&mut Present> = wants
        .iter()
        .zip(&mut lives)
        .filter(|(want, _)| want.secrets && !want.shallow)
        .filter_map(|(_, live)| match live {
            Live::Present(present) => Some(&mut **present),
            _ => None,
        })
        .collect();
    if !with_secrets.is_empty() {
        managed_secret::resolve(reach, with_secrets).await;
    }
    lives
}

/// Creates a connection.
pub(super) async fn create(reach: &Reach, create: &Create<'_>) -> Result<Written, Fault> {
    let secrets = secrets_of(create.desired);
    let outcome = reach.call(&CREATE_CONNECTION, &request::create(create.desired), &secrets).await;
    match outcome.result {
        Ok(answer) => Ok(written(&answer, is_private(create.desired))),
        // An answer was lost, and now the name is taken: by that attempt, or by somebody else?
        Err(fault) if fault.kind == FaultKind::Conflict && outcome.doubtful => {
            settle_create(reach, create, fault).await
        }
        Err(fault) => Err(fault),
    }
}

async fn settle_create(reach: &Reach, create: &Create<'_>, fault: Fault) -> Result<Written, Fault> {
    let want = Want { identity: create.identity.to_owned(), secrets: true, shallow: false };
    let Some(Live::Present(present)) = observe(reach, &[want]).await.pop() else { return Err(fault) };
    if matches!(present.readiness, Readiness::Deleting(_)) {
        return Err(fault);
    }
    let mut unknown = Vec::new();
    if let Some(pointer) = first_difference(&present.properties, create.desired, &mut unknown) {
        return Err(Fault {
            message: format!(
                "the answer to an earlier attempt was lost, and a connection of this name is there whose {pointer} is \
                 not what was sent; somebody else may have made it"
            ),
            ..fault
        });
    }
    let mut notes = Vec::new();
    if !unknown.is_empty() {
        notes.push(format!(
            "the answer to an earlier attempt was lost; the connection is there, but its credentials could not be \
             compared ({})",
            unknown.join(", ")
        ));
    }
    Ok(Written { attributes: present.attributes.clone(), readiness: present.readiness, notes })
}

/// The first desired leaf that is not so on the live side. Secrets that cannot be compared are collected, and so are
/// names with several spellings.
fn first_difference(live: &Map, desired: &Map, unknown: &mut Vec<String>) -> Option<String> {
    let live = Value::Map(live.clone());
    let mut different = None;
    Value::Map(desired.clone()).walk(&mut |pointer, wanted| {
        if different.is_some() || wanted.is_null() || wanted.as_str() == Some("") {
            return;
        }
        let same = match (wanted, live_at(&live, desired, pointer)) {
            (Value::Secret(wanted), Some(Value::Secret(live))) => wanted.same_as(live).unwrap_or_else(|| {
                unknown.push(pointer.to_owned());
                true
            }),
            (Value::Secret(wanted), Some(Value::String(live))) => {
                wanted.same_as(&trueup_engine::secret::Secret::new("live", live.clone())) == Some(true)
            }
            (Value::String(wanted), Some(Value::Secret(live))) => {
                let wanted = trueup_engine::secret::Secret::new("literal", wanted.clone());
                wanted.same_as(live).unwrap_or_else(|| {
                    unknown.push(pointer.to_owned());
                    true
                })
            }
            // Two spellings of one key are not told apart here.
            (_, Some(_)) if pointer == "/KmsKeyIdentifier" => true,
            (wanted, Some(live)) => wanted == live,
            (_, None) => false,
        };
        if !same {
            different = Some(pointer.to_owned());
        }
    });
    different
}

/// The live value for a pointer into the desired properties; items of lists are found by their `Key`.
fn live_at<'a>(live: &'a Value, desired: &Map, pointer: &str) -> Option<&'a Value> {
    let mut live = live;
    let root = Value::Map(desired.clone());
    let mut wanted = &root;
    for token in trueup_engine::value::tokens(pointer) {
        (live, wanted) = match (live, wanted) {
            (Value::Map(live), Value::Map(wanted)) => (live.get(&*token)?, wanted.get(&*token)?),
            (Value::List(live), Value::List(wanted)) => {
                let item = wanted.get(token.parse::<usize>().ok()?)?;
                (live.iter().find(|live| live.get("Key") == item.get("Key"))?, item)
            }
            _ => return None,
        };
    }
    Some(live)
}

/// Updates a connection.
pub(super) async fn update(reach: &Reach, update: &Update<'_>) -> Result<Written, Fault> {
    let identity = &update.live.identity;
    let (input, cleared) = request::update(identity, &update.live.properties, update.desired, update.edits);
    let mut secrets = secrets_of(update.desired);
    secrets.extend(secrets_of(&update.live.properties));
    let answer = reach.call(&UPDATE_CONNECTION, &input, &secrets).await.result?;
    let mut written = written(&answer, is_private(update.desired));
    if !cleared.is_empty() {
        written.notes = still_there(reach, identity, &cleared).await;
    }
    Ok(written)
}

/// What was cleared and is there nevertheless. That clearing values clear is not documented for each of them.
async fn still_there(reach: &Reach, identity: &str, cleared: &[String]) -> Vec<String> {
    let Found::Described(answer) = READS.describe(reach, identity).await else { return Vec::new() };
    let properties = Value::Map(live::of_described(identity, &answer).properties);
    let stays = cleared.iter().filter(|pointer| properties.at(pointer).is_some());
    stays.map(|pointer| format!("{pointer} was cleared and is still there")).collect()
}

/// Deletes a connection.
pub(super) async fn delete(reach: &Reach, identity: &str) -> Result<Written, Fault> {
    match reach.read(&DELETE_CONNECTION, &json!({ "Name": identity })).await {
        Ok(answer) => {
            // Emulators answer the state from before.
            let state = text(&answer, "ConnectionState").filter(|state| *state == "DELETING").unwrap_or("DELETING");
            Ok(Written {
                attributes: live::attributes(&answer),
                readiness: Readiness::Deleting(state.to_owned()),
                notes: Vec::new(),
            })
        }
        Err(fault) if fault.kind == FaultKind::NotFound => {
            Ok(Written { attributes: Map::new(), readiness: Readiness::Ready(None), notes: Vec::new() })
        }
        Err(fault) => Err(fault),
    }
}

fn written(answer: &Json, private: bool) -> Written {
    Written { attributes: live::attributes(answer), readiness: live::readiness(answer, private), notes: Vec::new() }
}

#[cfg(test)]
mod tests {
    use trueup_engine::secret::Secret;

    use super::*;

    fn tree(value: &str, password: Value) -> Map {
        Map::from_iter([
            ("Description".to_owned(), value.into()),
            ("Password".to_owned(), password),
            ("List".to_owned(), Value::from(json!([{"Key": "b", "Value": value}, {"Key": "a", "Value": "x"}]))),
        ])
    }

    fn secret(text: &str) -> Value {
        Value::Secret(Secret::new("test", text.to_owned()))
    }

    #[test]
    fn a_lost_create_is_compared_leaf_by_leaf() {
        let mut unknown = Vec::new();
        let desired = tree("d", secret("p"));
        assert_eq!(first_difference(&tree("d", secret("p")), &desired, &mut unknown), None);
        assert_eq!(first_difference(&tree("e", secret("p")), &desired, &mut unknown), Some("/Description".to_owned()));
        assert_eq!(first_difference(&tree("d", secret("q")), &desired, &mut unknown), Some("/Password".to_owned()));
        assert!(unknown.is_empty());
        let unread = Value::Secret(Secret::unresolved("denied"));
        assert_eq!(first_difference(&tree("d", unread), &desired, &mut unknown), None);
        assert_eq!(unknown, ["/Password"]);
    }
}
