//! The calls of a connection.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use trueup_engine::cloud::{Create, Extent, Live, Present, Readiness, Update, Want, Written};
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::value::{Map, Value};

use super::schema::SCHEMA;
use super::{is_private, live, managed_secret, request};
use crate::kinds::fields::{named, text};
use crate::kinds::listing::{Found, Reads};
use crate::kinds::settle::{lost_create, unread};
use crate::kinds::version;
use crate::operation::{
    CREATE_CONNECTION, DELETE_CONNECTION, DESCRIBE_CONNECTION, LIST_CONNECTIONS, UPDATE_CONNECTION,
};
use crate::reach::Reach;
use crate::wire::secrets_of;

pub(super) static READS: Reads =
    Reads { list: &LIST_CONNECTIONS, entries: "Connections", describe: &DESCRIBE_CONNECTION, version };

/// The version that an answer shows. Credentials are in it: they are changed by an update, which moves the times, and
/// nobody but EventBridge may write the managed secret.
fn version(answer: &Json) -> Option<String> {
    version::of_answer(answer, &["ConnectionArn", "ConnectionState"], &["LastModifiedTime", "LastAuthorizedTime"])
}

/// Reads connections, and the managed secrets of those of which they are wanted and may have moved.
pub(super) async fn observe(reach: &Reach, wants: &[Want]) -> Vec<Live> {
    let live = |want: &Want, found: Found| {
        let seen = READS.seen(want, &found);
        match found {
            Found::Absent => Live::Absent,
            Found::Unreadable(fault) => Live::Unreadable(fault),
            Found::Listed(entry) => {
                let private = reach.private_connections().contains(&want.identity);
                Live::Present(Arc::new(Present { seen, ..live::of_listed(&want.identity, &entry, private) }))
            }
            Found::Described(answer) => {
                let mut present = Present { seen, ..live::of_described(&want.identity, &answer) };
                // A page does not say that it is private, and so not that it is still settling.
                if note_private(reach, &want.identity, &present.properties)
                    && matches!(present.readiness, Readiness::Settling(_))
                {
                    present.seen.version = None;
                }
                Live::Present(Arc::new(present))
            }
        }
    };
    let mut lives = READS.find(reach, wants, live).await;
    let mut with_secrets: Vec<&mut Present> = Vec::new();
    for (want, live) in wants.iter().zip(&mut lives).filter(|(want, _)| want.secrets && !want.shallow) {
        let Live::Present(present) = live else { continue };
        if present.seen.extent == Extent::Outline {
            continue;
        }
        if want.verified.as_ref().is_some_and(|verified| verified.is(present.seen.version.as_ref())) {
            managed_secret::leave_out(Arc::make_mut(present));
        } else {
            with_secrets.push(Arc::make_mut(present));
        }
    }
    if !with_secrets.is_empty() {
        managed_secret::resolve(reach, with_secrets).await;
    }
    lives
}

/// Remembers whether a connection is private: the pages that are read while it settles do not say, and what counts as
/// settled depends on it.
fn note_private(reach: &Reach, identity: &str, properties: &Map) -> bool {
    let private = is_private(properties);
    if private {
        reach.private_connections().insert(identity.to_owned());
    } else {
        reach.private_connections().remove(identity);
    }
    private
}

/// Creates a connection.
pub(super) async fn create(reach: &Reach, create: &Create<'_>) -> Result<Written, Fault> {
    let secrets = secrets_of(create.desired);
    let outcome = reach.call(&CREATE_CONNECTION, &request::create(create.desired)?, &secrets).await;
    match outcome.result {
        Ok(answer) => Ok(written(&answer, note_private(reach, named(create)?, create.desired))),
        Err(fault) if fault.kind == FaultKind::Conflict && outcome.doubtful => {
            settle_create(reach, create, fault).await
        }
        Err(fault) => Err(fault),
    }
}

async fn settle_create(reach: &Reach, create: &Create<'_>, fault: Fault) -> Result<Written, Fault> {
    let want = Want {
        identity: named(create)?.to_owned(),
        secrets: true,
        shallow: false,
        given: Vec::new(),
        tags: None,
        verified: None,
    };
    match observe(reach, &[want]).await.pop() {
        Some(Live::Present(present)) => lost_create(&SCHEMA, create, Arc::unwrap_or_clone(present), fault),
        _ => Err(fault),
    }
}

/// Updates a connection.
pub(super) async fn update(reach: &Reach, update: &Update<'_>) -> Result<Written, Fault> {
    let identity = &update.live.identity;
    let (input, cleared) = request::update(identity, &update.live.properties, update.desired, update.edits)?;
    let mut secrets = secrets_of(update.desired);
    secrets.extend(secrets_of(&update.live.properties));
    let answer = reach.call(&UPDATE_CONNECTION, &input, &secrets).await.result?;
    let mut written = written(&answer, note_private(reach, identity, update.desired));
    if !cleared.is_empty() {
        written.notes = still_there(reach, identity, &cleared).await;
    }
    Ok(written)
}

/// What was cleared and is there nevertheless. That clearing values clear is not documented for each of them.
async fn still_there(reach: &Reach, identity: &str, cleared: &[String]) -> Vec<String> {
    let Found::Described(answer) = READS.describe(reach, identity).await else {
        return cleared.iter().map(|pointer| unread(pointer)).collect();
    };
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
                adopted: false,
                identity: None,
                attributes: live::attributes(&answer),
                readiness: Readiness::Deleting(state.to_owned()),
                notes: Vec::new(),
            })
        }
        Err(fault) if fault.kind == FaultKind::NotFound => Ok(gone()),
        // It may be that it is on its way out already: an answer was lost, or somebody else deleted it.
        Err(fault) if fault.kind == FaultKind::Conflict => match READS.describe(reach, identity).await {
            Found::Absent => Ok(gone()),
            Found::Described(answer) if text(&answer, "ConnectionState") == Some("DELETING") => {
                Ok(written(&answer, false))
            }
            _ => Err(fault),
        },
        Err(fault) => Err(fault),
    }
}

/// There is nothing to wait for.
fn gone() -> Written {
    Written {
        adopted: false,
        identity: None,
        attributes: Map::new(),
        readiness: Readiness::Ready(None),
        notes: Vec::new(),
    }
}

fn written(answer: &Json, private: bool) -> Written {
    Written {
        adopted: false,
        identity: None,
        attributes: live::attributes(answer),
        readiness: live::readiness(answer, private),
        notes: Vec::new(),
    }
}
