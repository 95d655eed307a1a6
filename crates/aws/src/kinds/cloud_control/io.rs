//! The calls of a resource: read it, and begin requests that change it.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::StreamExt as _;
use serde_json::{Value as Json, json};
use trueup_engine::cloud::{Create, Live, Present, Readiness, Seen, Update, Want, Written};
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::kind::Kind as _;
use trueup_engine::owner::Owner;
use trueup_engine::secret::Secret;
use trueup_engine::value::{Map, Value};
use uuid::Uuid;

use super::requests::{Event, Standing, state, wait};
use super::schema::Read;
use super::{CloudControl, invalid, patch};
use crate::fault::of_unreadable;
use crate::kinds::settle::lost_create;
use crate::operation::{CREATE_RESOURCE, DELETE_RESOURCE, GET_RESOURCE, LIST_RESOURCES, Operation, UPDATE_RESOURCE};
use crate::reach::Reach;
use crate::wire::secrets_of;

/// How many calls are under way at once.
const AT_ONCE: usize = 16;

/// Reads resources. A list page often holds identifiers only, so each is read by itself.
pub(super) async fn observe(read: &Read, reach: &Reach, wants: &[Want]) -> Vec<Live> {
    futures_util::stream::iter(0..wants.len())
        .map(|index| async move { observe_one(read, reach, &wants[index].identity).await })
        .buffered(AT_ONCE)
        .collect()
        .await
}

async fn observe_one(read: &Read, reach: &Reach, identity: &str) -> Live {
    match reach.requests().look(reach, read.name, identity).await {
        Err(fault) => return Live::Unreadable(fault),
        Ok(Some((verb, Standing::UnderWay(status)))) => {
            let state = state(verb, &status);
            let deletes = verb.name == DELETE_RESOURCE.name;
            return outline(identity, if deletes { Readiness::Deleting(state) } else { Readiness::Settling(state) });
        }
        Ok(Some((verb, Standing::Failed(fault)))) => {
            let gone = verb.name == DELETE_RESOURCE.name && fault.kind == FaultKind::NotFound;
            return if gone { Live::Absent } else { outline(identity, Readiness::Failed(fault)) };
        }
        Ok(Some((_, Standing::Done)) | None) => {}
    }
    match get(read, reach, identity).await {
        Ok(Some(present)) => {
            reach.requests().saw(read.name, identity);
            Live::Present(Arc::new(present))
        }
        Ok(None) => Live::Absent,
        Err(fault) => Live::Unreadable(fault),
    }
}

/// What is known of a resource while a request is under way for it.
fn outline(identity: &str, readiness: Readiness) -> Live {
    Live::Present(Arc::new(Present {
        identity: identity.to_owned(),
        properties: Map::new(),
        attributes: Map::new(),
        secret_version: None,
        seen: Seen::default(),
        readiness,
    }))
}

async fn get(read: &Read, reach: &Reach, identity: &str) -> Result<Option<Present>, Fault> {
    let answer = match reach.read(&GET_RESOURCE, &json!({"TypeName": read.name, "Identifier": identity})).await {
        Ok(answer) => answer,
        Err(fault) if fault.kind == FaultKind::NotFound => return Ok(None),
        Err(fault) => return Err(fault),
    };
    let properties = answer["ResourceDescription"]["Properties"].as_str();
    let properties = properties.and_then(|text| serde_json::from_str::<Json>(text).ok()).filter(Json::is_object);
    let Some(properties) = properties.map(Value::from).and_then(|value| value.as_map().cloned()) else {
        return Err(of_unreadable(&GET_RESOURCE, "it has no properties, or they are not JSON", None));
    };
    let mut attributes = identifiers(identity);
    attributes.extend(properties.iter().map(|(name, value)| (name.clone(), value.clone())));
    Ok(Some(Present {
        identity: identity.to_owned(),
        properties,
        attributes,
        secret_version: None,
        seen: Seen::default(),
        readiness: Readiness::Ready(None),
    }))
}

/// The identifier as references name it.
fn identifiers(identity: &str) -> Map {
    ["Ref", "Id"].into_iter().map(|name| (name.to_owned(), Value::from(identity))).collect()
}

/// Begins to create a resource.
pub(super) async fn create(kind: &CloudControl, reach: &Reach, create: &Create<'_>) -> Result<Written, Fault> {
    let read = &kind.read;
    let patience = kind.patience(create.desired).create;
    for identity in reach.requests().sweep(reach, read.name, patience).await? {
        if let Some(present) = made_before(kind, reach, create, &identity).await? {
            let message = "an earlier run began to create it";
            let fault = Fault::new(FaultKind::Conflict, CREATE_RESOURCE.name, message);
            let written = lost_create(read.schema, create, present, fault)?;
            return Ok(Written { identity: Some(identity), ..written });
        }
    }
    let model = patch::model(read.schema, create.desired)?.to_string();
    // The same for every repetition of this call, so that none makes a second one.
    let input = json!({"TypeName": read.name, "DesiredState": model, "ClientToken": token()});
    let secrets = secrets_of(create.desired);
    let outcome = reach.call(&CREATE_RESOURCE, &input, &secrets).await;
    let doubtful = outcome.doubtful;
    let event = match outcome.result.and_then(|answer| Event::of(&CREATE_RESOURCE, &answer)) {
        Ok(event) => event,
        Err(fault) => return taken(kind, reach, create, doubtful, fault).await,
    };
    // Without its name nobody could look at it, so that is waited for here.
    let event = wait(reach, event, &CREATE_RESOURCE, patience, |event| event.identifier.is_some()).await?;
    match begun(read, reach, &CREATE_RESOURCE, create.identity, event, secrets)? {
        Ok(written) => Ok(written),
        Err(fault) => taken(kind, reach, create, doubtful, fault).await,
    }
}

/// What an earlier request has made, where that is what is to be created now: by its name, or by its owner's tags.
async fn made_before(
    kind: &CloudControl,
    reach: &Reach,
    create: &Create<'_>,
    identity: &str,
) -> Result<Option<Present>, Fault> {
    if create.identity.is_some_and(|own| own != identity) {
        return Ok(None);
    }
    let Some(present) = get(&kind.read, reach, identity).await? else { return Ok(None) };
    let ours = |present: &Present| {
        let owner = Owner::of(kind, create.desired);
        owner.is_some() && Owner::of(kind, &present.properties) == owner
    };
    Ok(Some(present).filter(|present| create.identity.is_some() || ours(present)))
}

/// A name that is taken: by this very call, where an attempt of it may have been carried out.
async fn taken(
    kind: &CloudControl,
    reach: &Reach,
    create: &Create<'_>,
    doubtful: bool,
    fault: Fault,
) -> Result<Written, Fault> {
    if let (true, FaultKind::Conflict, Some(identity)) = (doubtful, fault.kind, create.identity)
        && let Some(present) = get(&kind.read, reach, identity).await?
    {
        return lost_create(kind.read.schema, create, present, fault);
    }
    Err(fault)
}

/// What came of beginning a request: the answer, or the fault that it ended with at once.
fn begun(
    read: &Read,
    reach: &Reach,
    verb: &'static Operation,
    identity: Option<&str>,
    event: Event,
    secrets: Vec<Secret>,
) -> Result<Result<Written, Fault>, Fault> {
    let standing = event.standing(verb, &secrets);
    if let Standing::Failed(fault) = standing {
        return Ok(Err(fault));
    }
    let Some(identity) = event.identifier.clone().or_else(|| identity.map(str::to_owned)) else {
        return Err(of_unreadable(verb, "it does not say what the resource is called", None));
    };
    let attributes = identifiers(&identity);
    let readiness = match standing {
        Standing::UnderWay(status) => {
            let state = state(verb, &status);
            reach.requests().note(read.name, &identity, verb, event, secrets);
            if verb.name == DELETE_RESOURCE.name { Readiness::Deleting(state) } else { Readiness::Settling(state) }
        }
        _ => Readiness::Ready(None),
    };
    Ok(Ok(Written { adopted: false, identity: Some(identity), attributes, readiness, notes: Vec::new() }))
}

/// Begins to update a resource.
pub(super) async fn update(read: &Read, reach: &Reach, update: &Update<'_>) -> Result<Written, Fault> {
    let identity = &update.live.identity;
    let operations = patch::patch(read.schema, update)?;
    if operations.is_empty() {
        let readiness = update.live.readiness.clone();
        return Ok(Written { adopted: false, identity: None, attributes: Map::new(), readiness, notes: Vec::new() });
    }
    let document = Json::Array(operations).to_string();
    let input = json!({
        "TypeName": read.name, "Identifier": identity, "PatchDocument": document, "ClientToken": token(),
    });
    let secrets = secrets_of(update.desired);
    let answer = reach.call(&UPDATE_RESOURCE, &input, &secrets).await.result?;
    let event = Event::of(&UPDATE_RESOURCE, &answer)?;
    begun(read, reach, &UPDATE_RESOURCE, Some(identity), event, secrets)?
}

/// Begins to delete a resource.
pub(super) async fn delete(read: &Read, reach: &Reach, identity: &str) -> Result<Written, Fault> {
    let gone = || Written {
        adopted: false,
        identity: None,
        attributes: Map::new(),
        readiness: Readiness::Ready(None),
        notes: Vec::new(),
    };
    let input = json!({"TypeName": read.name, "Identifier": identity, "ClientToken": token()});
    let begun = match reach.read(&DELETE_RESOURCE, &input).await {
        Ok(answer) => {
            let event = Event::of(&DELETE_RESOURCE, &answer)?;
            begun(read, reach, &DELETE_RESOURCE, Some(identity), event, Vec::new())?
        }
        Err(fault) => Err(fault),
    };
    match begun {
        Err(fault) if fault.kind == FaultKind::NotFound => Ok(gone()),
        // What is deleted names nothing any more.
        other => other.map(|written| Written { identity: None, attributes: Map::new(), ..written }),
    }
}

fn token() -> String {
    Uuid::new_v4().to_string()
}

/// The identifiers of all there are.
pub(super) async fn list(read: &Read, reach: &Reach) -> Result<Vec<String>, Fault> {
    if !read.handlers.list {
        return Err(invalid(LIST_RESOURCES.name, format!("{} cannot be listed", read.name)));
    }
    if !read.list_needs.is_empty() {
        let needs = read.list_needs.join(", ");
        return Err(invalid(LIST_RESOURCES.name, format!("{} is listed for one {needs} only", read.name)));
    }
    let mut input = json!({"TypeName": read.name, "MaxResults": 100});
    let (mut found, mut pages) = (Vec::new(), HashSet::new());
    loop {
        let page = reach.read(&LIST_RESOURCES, &input).await?;
        let Some(entries) = page["ResourceDescriptions"].as_array() else {
            return Err(of_unreadable(&LIST_RESOURCES, "it has no `ResourceDescriptions`", None));
        };
        found.extend(entries.iter().filter_map(|entry| entry["Identifier"].as_str()).map(str::to_owned));
        let Some(next) = page["NextToken"].as_str().filter(|next| !next.is_empty()) else { return Ok(found) };
        // A token that comes again would go round for ever.
        if !pages.insert(next.to_owned()) {
            return Err(of_unreadable(&LIST_RESOURCES, "the same page comes again", None));
        }
        input["NextToken"] = next.into();
    }
}
