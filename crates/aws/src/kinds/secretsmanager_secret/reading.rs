//! Reading secrets: their descriptions, and their values where they are to be compared.
//!
//! A list page describes a hundred secrets, but "might not reflect changes from the last five minutes"
//! (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html>), and a plan should not show
//! what the apply before it has done. So secrets are described one by one as long as they are few, and what a list does
//! not have is never absent by that alone. Values are read twenty at a time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures_util::StreamExt as _;
use serde_json::{Value as Json, json};
use trueup_engine::cloud::{Extent, Live, Present, Readiness, Want};
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::memory::VERIFIED;
use trueup_engine::secret::Secret;
use trueup_engine::value::Value;

use super::live;
use crate::fault::of_unreadable;
use crate::kinds::values::{self, Asked, SWITCHED_OFF};
use crate::operation::{DESCRIBE_SECRET, GET_SECRET_POLICY, LIST_SECRETS, Operation};
use crate::reach::Reach;

/// Up to this many are described one by one.
pub(super) const FEW: usize = 100;
/// How many entries a page holds at most.
const PAGE: u32 = 100;
/// How many calls are under way at once.
const AT_ONCE: usize = 32;

type Found = Result<Option<(&'static Operation, Json)>, Fault>;

/// Reads secrets.
pub(super) async fn observe(reach: &Reach, wants: &[Want]) -> Vec<Live> {
    let mut listed = HashMap::new();
    if wants.len() > FEW {
        match list(reach, wants).await {
            Ok(entries) => listed = entries,
            // A caller who may not list may still describe.
            Err(fault) if fault.kind == FaultKind::Denied => {}
            Err(fault) => return wants.iter().map(|_| Live::Unreadable(fault.clone())).collect(),
        }
    }
    let found: Vec<Live> = futures_util::stream::iter(0..wants.len())
        .map(|index| {
            let want = &wants[index];
            // Its copies are in no list.
            let copies = !want.shallow && want.asks("/ReplicaRegions");
            let entry = listed.remove(&want.identity).filter(|_| !copies);
            async move {
                let found = match entry {
                    Some(entry) => Ok(Some((&LIST_SECRETS, entry))),
                    None => describe(reach, &want.identity).await.map(|it| it.map(|it| (&DESCRIBE_SECRET, it))),
                };
                complete(reach, want, found).await
            }
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    with_values(reach, wants, found).await
}

/// Describes one secret, by its name or its ARN.
pub(super) async fn describe(reach: &Reach, identity: &str) -> Result<Option<Json>, Fault> {
    match reach.call_about(identity, &DESCRIBE_SECRET, &json!({ "SecretId": identity }), &[]).await.result {
        Ok(answer) => Ok(Some(answer)),
        Err(fault) if fault.kind == FaultKind::NotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Adds what costs a call of its own: the policy, where the manifest has one.
async fn complete(reach: &Reach, want: &Want, found: Found) -> Live {
    let (operation, answer) = match found {
        Ok(Some(found)) => found,
        Ok(None) => return Live::Absent,
        Err(fault) => return Live::Unreadable(fault),
    };
    let mut present = match live::of_answer(operation, want, reach.region(), &answer) {
        Ok(present) => present,
        Err(fault) => return Live::Unreadable(fault),
    };
    // Nothing more can be read of one that is to be deleted.
    if want.shallow || is_scheduled(&present) || !want.asks("/ResourcePolicy") {
        return Live::Present(Arc::new(present));
    }
    match reach.read(&GET_SECRET_POLICY, &json!({ "SecretId": want.identity })).await {
        Ok(answer) => {
            if let Some(policy) = document(&answer["ResourcePolicy"]) {
                present.properties.insert("ResourcePolicy".to_owned(), policy);
            }
            Live::Present(Arc::new(present))
        }
        // It went between the two calls.
        Err(fault) if fault.kind == FaultKind::NotFound => Live::Absent,
        Err(fault) => Live::Unreadable(fault),
    }
}

/// A policy as a structure, or as the text that it is where it is none.
fn document(policy: &Json) -> Option<Value> {
    let text = policy.as_str().filter(|text| !text.is_empty())?;
    Some(serde_json::from_str::<Json>(text).map_or_else(|_| text.into(), Value::from))
}

fn is_scheduled(present: &Present) -> bool {
    matches!(present.readiness, Readiness::Scheduled { .. })
}

/// Reads the values of those that have one and of which the manifest gives one.
async fn with_values(reach: &Reach, wants: &[Want], mut found: Vec<Live>) -> Vec<Live> {
    let mut asked: Vec<(&Want, &mut Present)> = Vec::new();
    for (want, live) in wants.iter().zip(&mut found) {
        if let Live::Present(present) = live
            && present.properties.contains_key("SecretString")
        {
            asked.push((want, Arc::make_mut(present)));
        }
    }
    let mut asked_for = Vec::new();
    for (want, present) in &mut asked {
        let why = if is_scheduled(present) {
            live::SCHEDULED
        } else if !reach.secret_reads() {
            SWITCHED_OFF
        } else if want.verified.as_ref().is_some_and(|verified| verified.is(present.seen.version.as_ref())) {
            present.seen.extent = Extent::WithoutValues;
            VERIFIED
        } else if want.secrets {
            asked_for.extend(arn(present).map(|arn| Asked { arn, keyed: present.properties.contains_key("KmsKeyId") }));
            continue;
        } else {
            live::NOT_READ
        };
        put(present, Secret::unresolved(why));
    }
    if asked_for.is_empty() {
        return found;
    }
    let mut read = values::read(reach, asked_for, "the secret").await;
    for (want, present) in asked {
        if !want.secrets || is_scheduled(present) || present.seen.extent == Extent::WithoutValues {
            continue;
        }
        match arn(present).and_then(|arn| read.remove(&arn)) {
            Some(Ok(payload)) => {
                if payload.version.is_some() {
                    present.secret_version = payload.version;
                }
                match payload.text {
                    Some(text) => put(present, Secret::new("live", text)),
                    // It is binary, which no text equals.
                    None => drop(present.properties.remove("SecretString")),
                }
            }
            Some(Err(why)) => put(present, Secret::unresolved(why)),
            None => put(present, Secret::unresolved("the secret was not answered")),
        }
    }
    found
}

fn arn(present: &Present) -> Option<String> {
    present.attributes.get("Arn")?.as_str().map(str::to_owned)
}

fn put(present: &mut Present, secret: Secret) {
    present.properties.insert("SecretString".to_owned(), Value::Secret(secret));
}

/// Reads pages until all that is wanted was seen, or describing the rest costs no more.
async fn list(reach: &Reach, wants: &[Want]) -> Result<HashMap<String, Json>, Fault> {
    let wanted: HashSet<&str> = wants.iter().map(|want| want.identity.as_str()).collect();
    let mut entries = HashMap::with_capacity(wanted.len());
    let mut tokens = HashSet::new();
    let mut input = json!({ "MaxResults": PAGE, "IncludePlannedDeletion": true });
    for _ in 0..=wants.len() / 10 {
        let mut page = reach.read(&LIST_SECRETS, &input).await?;
        let Json::Array(list) = page["SecretList"].take() else {
            return Err(of_unreadable(&LIST_SECRETS, "it has no `SecretList`", None));
        };
        for entry in list {
            if let Some(name) = entry["Name"].as_str().filter(|name| wanted.contains(name)) {
                entries.insert(name.to_owned(), entry);
            }
        }
        let token = page["NextToken"].as_str().filter(|token| !token.is_empty());
        // A token that comes again would go round for ever.
        let Some(token) = token.filter(|token| tokens.insert((*token).to_owned())) else { break };
        if entries.len() == wanted.len() {
            break;
        }
        input["NextToken"] = token.into();
    }
    Ok(entries)
}

/// The names of all secrets, with those that services manage for themselves.
pub(super) async fn names(reach: &Reach) -> Result<Vec<String>, Fault> {
    let mut names = Vec::new();
    let mut tokens = HashSet::new();
    let mut input = json!({ "MaxResults": PAGE });
    loop {
        let page = reach.read(&LIST_SECRETS, &input).await?;
        let Some(list) = page["SecretList"].as_array() else {
            return Err(of_unreadable(&LIST_SECRETS, "it has no `SecretList`", None));
        };
        names.extend(list.iter().filter_map(|entry| entry["Name"].as_str()).map(str::to_owned));
        let Some(token) = page["NextToken"].as_str().filter(|token| !token.is_empty()) else { return Ok(names) };
        if !tokens.insert(token.to_owned()) {
            return Err(of_unreadable(&LIST_SECRETS, "the same page comes again", None));
        }
        input["NextToken"] = token.into();
    }
}
