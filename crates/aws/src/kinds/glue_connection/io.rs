//! The calls of a connection.
//!
//! A page of `GetConnections` has whole connections, so that many are read with few calls and with their passwords
//! hidden. A password crosses the network only where the manifest gives one to compare it with, and then for that one
//! connection; not at all while the connection has not moved since its password was verified. Tags cost a call each and are read where the manifest names some.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use futures_util::StreamExt as _;
use serde_json::{Map as JsonMap, Value as Json, json};
use trueup_engine::cloud::{Create, Live, Present, Readiness, Update, Want, Written};
use trueup_engine::delta::{Edit, Effect};
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::memory::VERIFIED;
use trueup_engine::value::{Map, Value, push_token, tokens};

use super::live::{self, NOT_READ};
use super::schema::{SCHEMA, SECRET_PROPERTIES};
use super::{request, split};
use crate::fault::of_unreadable;
use crate::kinds::fields::{named, touches};
use crate::kinds::settle::lost_create;
use crate::names::partition;
use crate::operation::{
    GLUE_CREATE_CONNECTION, GLUE_DELETE_CONNECTION, GLUE_GET_CONNECTION, GLUE_GET_CONNECTIONS, GLUE_GET_TAGS,
    GLUE_TAG_RESOURCE, GLUE_UNTAG_RESOURCE, GLUE_UPDATE_CONNECTION,
};
use crate::reach::Reach;
use crate::wire::{secrets_of, wire_member};

/// Up to this many are read one by one.
pub(super) const FEW: usize = 3;
/// A page holds at most this many.
const PAGE: usize = 1000;
/// How many calls are under way at once.
const AT_ONCE: usize = 16;
/// The source of passwords that may not be read.
const SWITCHED_OFF: &str = "secret reads are switched off";

/// What was found of one connection: it, and why its passwords are hidden where they are.
type Found = Result<Option<(Json, Option<String>)>, Fault>;

/// Reads connections.
pub(super) async fn observe(reach: &Reach, wants: &[Want]) -> Vec<Live> {
    let mut found: Vec<Option<Found>> = wants.iter().map(|_| None).collect();
    let (mut with_password, hidden): (Vec<usize>, Vec<usize>) = (0..wants.len())
        .partition(|index| compares_password(reach, &wants[*index]) && wants[*index].verified.is_none());
    let mut one_by_one = Vec::new();
    let mut catalogs: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
    for index in hidden {
        catalogs.entry(split(&wants[index].identity).0).or_default().push(index);
    }
    for (catalog, indices) in catalogs {
        if indices.len() <= FEW {
            one_by_one.extend(indices);
            continue;
        }
        match list(reach, catalog, wants, &indices).await {
            Ok(mut listing) => {
                for index in indices {
                    match listing.entries.remove(split(&wants[index].identity).1) {
                        Some(entry) => match left_out(reach, &wants[index], &entry) {
                            Some(why) => found[index] = Some(Ok(Some((entry, Some(why))))),
                            None => with_password.push(index),
                        },
                        None if listing.complete => found[index] = Some(Ok(None)),
                        None => one_by_one.push(index),
                    }
                }
            }
            // A caller who may not list may still read each.
            Err(fault) if fault.kind == FaultKind::Denied => one_by_one.extend(indices),
            Err(fault) => {
                for index in indices {
                    // What is read by itself where nothing was verified is read so now.
                    if compares_password(reach, &wants[index]) {
                        with_password.push(index);
                    } else {
                        found[index] = Some(Err(fault.clone()));
                    }
                }
            }
        }
    }
    let whole = with_password.into_iter().map(|index| (index, false));
    let mut answers = futures_util::stream::iter(whole.chain(one_by_one.into_iter().map(|index| (index, true))))
        .map(|(index, hide)| async move {
            let answer =
                if hide { get(reach, &wants[index]).await } else { get_whole(reach, &wants[index].identity).await };
            (index, answer)
        })
        .buffer_unordered(AT_ONCE);
    while let Some((index, answer)) = answers.next().await {
        found[index] = Some(answer);
    }
    futures_util::stream::iter(found.into_iter().enumerate())
        .map(|(index, found)| async move { complete(reach, &wants[index], found.unwrap_or(Ok(None))).await })
        .buffered(AT_ONCE)
        .collect()
        .await
}

/// Whether a password of the manifest is to be compared with the live one.
fn compares_password(reach: &Reach, want: &Want) -> bool {
    want.secrets
        && !want.shallow
        && reach.secret_reads()
        && SECRET_PROPERTIES.iter().any(|name| want.asks(&live::pointer_of(name)))
}

fn why_hidden(reach: &Reach) -> String {
    if reach.secret_reads() { NOT_READ } else { SWITCHED_OFF }.to_owned()
}

/// Why the passwords of a connection that was read without them are not needed; `None` where they are.
fn left_out(reach: &Reach, want: &Want, answer: &Json) -> Option<String> {
    if !compares_password(reach, want) {
        return Some(why_hidden(reach));
    }
    let unmoved = want.verified.as_ref().is_some_and(|verified| verified.is(live::version(answer).as_ref()));
    unmoved.then(|| VERIFIED.to_owned())
}

/// Reads one connection without its passwords, and then with them where they are needed.
async fn get(reach: &Reach, want: &Want) -> Found {
    let Some(answer) = get_once(reach, &want.identity, true).await? else { return Ok(None) };
    match left_out(reach, want, &answer) {
        Some(why) => Ok(Some((answer, Some(why)))),
        None => get_whole(reach, &want.identity).await,
    }
}

/// Reads one connection with its passwords.
async fn get_whole(reach: &Reach, identity: &str) -> Found {
    match get_once(reach, identity, false).await {
        Ok(answer) => Ok(answer.map(|answer| (answer, None))),
        // Whoever may not decrypt the password may still read the rest.
        Err(fault) if fault.kind == FaultKind::Denied => {
            let why = match fault.code.as_deref() {
                Some("GlueEncryptionException") => "kms:Decrypt denied".to_owned(),
                // Without the password the same action is allowed, as the next read shows.
                _ => format!("kms:Decrypt denied ({} with the password)", fault.operation),
            };
            let answer = get_once(reach, identity, true).await?;
            Ok(answer.map(|answer| (answer, Some(why))))
        }
        Err(fault) => Err(fault),
    }
}

async fn get_once(reach: &Reach, identity: &str, hide: bool) -> Result<Option<Json>, Fault> {
    let mut input = request::naming(identity);
    input["HidePassword"] = hide.into();
    match reach.read(&GLUE_GET_CONNECTION, &input).await {
        Ok(mut answer) => match answer["Connection"].take() {
            connection @ Json::Object(_) => Ok(Some(connection)),
            _ => Err(of_unreadable(&GLUE_GET_CONNECTION, "it has no `Connection`", None)),
        },
        Err(fault) if fault.kind == FaultKind::NotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}

struct Listing {
    entries: HashMap<String, Json>,
    complete: bool,
}

/// Reads pages until all that is wanted was seen, or reading the rest one by one costs no more.
async fn list(reach: &Reach, catalog: Option<&str>, wants: &[Want], indices: &[usize]) -> Result<Listing, Fault> {
    let wanted: HashSet<&str> = indices.iter().map(|index| split(&wants[*index].identity).1).collect();
    let mut input = json!({ "HidePassword": true, "MaxResults": PAGE });
    if let Some(catalog) = catalog {
        input["CatalogId"] = catalog.into();
    }
    let mut listing = Listing { entries: HashMap::with_capacity(wanted.len()), complete: false };
    let mut tokens = HashSet::new();
    for _ in 0..indices.len() {
        let mut page = reach.read(&GLUE_GET_CONNECTIONS, &input).await?;
        let Json::Array(entries) = page["ConnectionList"].take() else {
            return Err(of_unreadable(&GLUE_GET_CONNECTIONS, "it has no `ConnectionList`", None));
        };
        for entry in entries {
            if let Some(name) = entry["Name"].as_str().filter(|name| wanted.contains(name)) {
                listing.entries.insert(name.to_owned(), entry);
            }
        }
        let token = page["NextToken"].as_str().filter(|token| !token.is_empty());
        let Some(token) = token else {
            listing.complete = true;
            break;
        };
        // A token that comes again would go round for ever.
        if listing.entries.len() == wanted.len() || !tokens.insert(token.to_owned()) {
            break;
        }
        input["NextToken"] = token.into();
    }
    Ok(listing)
}

/// The names of all connections of the account's own catalog.
pub(super) async fn names(reach: &Reach) -> Result<Vec<String>, Fault> {
    let mut names = Vec::new();
    let mut input = json!({ "HidePassword": true, "MaxResults": PAGE });
    let mut tokens = HashSet::new();
    loop {
        let page = reach.read(&GLUE_GET_CONNECTIONS, &input).await?;
        let Some(entries) = page["ConnectionList"].as_array() else {
            return Err(of_unreadable(&GLUE_GET_CONNECTIONS, "it has no `ConnectionList`", None));
        };
        names.extend(entries.iter().filter_map(|entry| entry["Name"].as_str()).map(str::to_owned));
        let Some(token) = page["NextToken"].as_str().filter(|token| !token.is_empty()) else { return Ok(names) };
        if !tokens.insert(token.to_owned()) {
            return Err(of_unreadable(&GLUE_GET_CONNECTIONS, "the same page comes again", None));
        }
        input["NextToken"] = token.into();
    }
}

/// Adds what Glue does not answer with a connection: its ARN and, where the manifest names some, its tags.
async fn complete(reach: &Reach, want: &Want, found: Found) -> Live {
    let (answer, hidden) = match found {
        Ok(Some(found)) => found,
        Ok(None) => return Live::Absent,
        Err(fault) => return Live::Unreadable(fault),
    };
    let mut present = live::of_answer(want, &answer, hidden.as_deref());
    let arn = match arn(reach, &want.identity).await {
        Ok(arn) => arn,
        Err(fault) => return Live::Unreadable(fault),
    };
    if let Some(tags) = &want.tags {
        present.properties.insert("Tags".to_owned(), tags.clone().into());
    } else if want.asks("/Tags") {
        match reach.read(&GLUE_GET_TAGS, &json!({ "ResourceArn": arn })).await {
            Ok(answer) => {
                let tags = answer["Tags"].as_object().into_iter().flatten();
                let tags: Map = tags.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.into()))).collect();
                present.properties.insert("Tags".to_owned(), tags.into());
            }
            // It went between the two calls.
            Err(fault) if fault.kind == FaultKind::NotFound => return Live::Absent,
            Err(fault) => return Live::Unreadable(fault),
        }
    }
    present.attributes = attributes(&arn);
    Live::Present(Arc::new(present))
}

/// The ARN, which no call answers.
async fn arn(reach: &Reach, identity: &str) -> Result<String, Fault> {
    let here = reach.whereabouts().await?;
    let (catalog, name) = split(identity);
    let account = catalog.unwrap_or(&here.account);
    Ok(format!("arn:{}:glue:{}:{account}:connection/{name}", partition(&here.region), here.region))
}

fn attributes(arn: &str) -> Map {
    Map::from_iter([("Arn".to_owned(), arn.into())])
}

/// Creates a connection.
pub(super) async fn create(reach: &Reach, create: &Create<'_>) -> Result<Written, Fault> {
    let identity = named(create)?;
    let input = request::create(&GLUE_CREATE_CONNECTION, identity, create.desired)?;
    let arn = arn(reach, identity).await?;
    let secrets = secrets_of(create.desired);
    let outcome = reach.call(&GLUE_CREATE_CONNECTION, &input, &secrets).await;
    match outcome.result {
        Ok(answer) => Ok(Written {
            adopted: false,
            identity: None,
            attributes: attributes(&arn),
            readiness: live::readiness(&answer),
            notes: Vec::new(),
        }),
        Err(fault) if fault.kind == FaultKind::Conflict && outcome.doubtful => {
            settle_create(reach, create, fault).await
        }
        Err(fault) => Err(fault),
    }
}

async fn settle_create(reach: &Reach, create: &Create<'_>, fault: Fault) -> Result<Written, Fault> {
    let mut given = Vec::new();
    for (name, value) in create.desired {
        let mut top = String::new();
        push_token(&mut top, name);
        value.walk(&mut |below, _| given.push(format!("{top}{below}")));
    }
    let want =
        Want { identity: named(create)?.to_owned(), secrets: true, shallow: false, given, tags: None, verified: None };
    match observe(reach, &[want]).await.pop() {
        Some(Live::Present(present)) => lost_create(&SCHEMA, create, Arc::unwrap_or_clone(present), fault),
        _ => Err(fault),
    }
}

/// Updates a connection: what is in it with one call, its tags with up to two.
pub(super) async fn update(reach: &Reach, update: &Update<'_>) -> Result<Written, Fault> {
    let identity = &update.live.identity;
    let mut secrets = secrets_of(update.desired);
    secrets.extend(secrets_of(&update.live.properties));
    let mut readiness = update.live.readiness.clone();
    if touches(update.edits, "ConnectionInput") {
        let input = request::update(&GLUE_UPDATE_CONNECTION, identity, update.desired)?;
        refuse_to_wipe(reach, identity, update.desired).await?;
        reach.call(&GLUE_UPDATE_CONNECTION, &input, &secrets).await.result?;
        // The answer is empty; the status has to be read.
        readiness = Readiness::Settling("IN_PROGRESS".to_owned());
    }
    let arn = arn(reach, identity).await?;
    let (added, removed) = tag_changes(update.live, update.desired, update.edits)?;
    if !removed.is_empty() {
        let input = json!({ "ResourceArn": arn, "TagsToRemove": removed });
        reach.call(&GLUE_UNTAG_RESOURCE, &input, &secrets).await.result?;
    }
    if !added.is_empty() {
        let input = json!({ "ResourceArn": arn, "TagsToAdd": added });
        reach.call(&GLUE_TAG_RESOURCE, &input, &secrets).await.result?;
    }
    Ok(Written { adopted: false, identity: None, attributes: attributes(&arn), readiness, notes: Vec::new() })
}

/// An update overwrites, and a password that nobody asked for was not read: before one is lost, somebody has to say so.
/// Where the credentials move to a secret, that has been said.
async fn refuse_to_wipe(reach: &Reach, identity: &str, desired: &Map) -> Result<(), Fault> {
    let sent = Value::Map(desired.clone());
    let has = |name: &str| sent.at(&live::pointer_of(name)).is_some();
    let moved = has("SECRET_ID") || sent.at("/ConnectionInput/AuthenticationConfiguration/SecretArn").is_some();
    let lacking: Vec<&str> =
        SECRET_PROPERTIES.iter().copied().filter(|name| !(has(name) || moved && *name == "PASSWORD")).collect();
    // The names are enough, and of a password that a key protects there is a ciphertext.
    let answer = match get_once(reach, identity, false).await {
        Err(fault) if fault.kind == FaultKind::Denied => get_once(reach, identity, true).await?,
        answer => answer?,
    };
    let properties = answer.as_ref().and_then(|answer| answer["ConnectionProperties"].as_object());
    let Some(properties) = properties else { return Ok(()) };
    let lost = lacking
        .iter()
        .find(|name| properties.contains_key(**name) || properties.contains_key(&format!("ENCRYPTED_{name}")));
    match lost {
        None => Ok(()),
        Some(name) => Err(Fault::new(
            FaultKind::Invalid,
            GLUE_UPDATE_CONNECTION.name,
            format!(
                "the live connection has {name}, which the manifest does not give, and an update would remove it: give \
                 it, keep it by `ignore` of `{}`, or take it out of the connection first",
                live::pointer_of(name)
            ),
        )),
    }
}

/// Tags to write and the names of tags to remove.
fn tag_changes(live: &Present, desired: &Map, edits: &[Edit]) -> Result<(JsonMap<String, Json>, Vec<String>), Fault> {
    let (mut added, mut removed) = (JsonMap::new(), Vec::new());
    let of = |properties: &Map| properties.get("Tags").and_then(Value::as_map).cloned().unwrap_or_default();
    let (live, desired) = (of(&live.properties), of(desired));
    for edit in edits.iter().filter(|edit| !matches!(edit.effect, Effect::Ignored(_))) {
        let mut path = tokens(&edit.pointer);
        if path.next().as_deref() != Some("Tags") {
            continue;
        }
        let names: Vec<String> = match path.next() {
            Some(name) => vec![name.into_owned()],
            None => live.keys().chain(desired.keys()).cloned().collect(),
        };
        for name in names {
            match wire_member(&desired, &name)? {
                Some(value) => drop(added.insert(name, value)),
                None => removed.push(name),
            }
        }
    }
    Ok((added, removed))
}

/// Deletes a connection.
pub(super) async fn delete(reach: &Reach, identity: &str) -> Result<Written, Fault> {
    match reach.read(&GLUE_DELETE_CONNECTION, &request::naming(identity)).await {
        Err(fault) if fault.kind != FaultKind::NotFound => Err(fault),
        _ => Ok(Written {
            adopted: false,
            identity: None,
            attributes: Map::new(),
            readiness: Readiness::Ready(None),
            notes: Vec::new(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use trueup_engine::cloud::Seen;

    use super::*;

    #[test]
    fn tags_are_written_one_by_one() {
        let map = |json| Value::from(json).as_map().cloned().unwrap();
        let live = Present {
            identity: "orders".to_owned(),
            properties: map(json!({"Tags": {"team": "data", "old": "1", "keep": "x"}})),
            attributes: Map::new(),
            secret_version: None,
            seen: Seen::default(),
            readiness: Readiness::Ready(None),
        };
        let desired = map(json!({"Tags": {"team": "orders", "a/b": "2", "keep": "x"}}));
        let edit = |pointer: &str| Edit {
            pointer: pointer.to_owned(),
            label: pointer.to_owned(),
            before: None,
            after: None,
            effect: Effect::InPlace,
        };
        let edits = [edit("/Tags/team"), edit("/Tags/a~1b"), edit("/Tags/old"), edit("/ConnectionInput/Description")];
        let (added, removed) = tag_changes(&live, &desired, &edits).unwrap();
        assert_eq!(Json::from(added), json!({"team": "orders", "a/b": "2"}));
        assert_eq!(removed, ["old"]);
    }
}
