//! Answers of AWS as they are, for queries: what no kind stands between.
//!
//! Nothing here is free of secrets; whoever shows it leaves out what the type's schema calls one.

use std::collections::HashSet;

use serde_json::{Value as Json, json};
use trueup_engine::cloud::Place;
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::kind::Kind;

use crate::fault::{of_unreadable, redact};
use crate::kinds;
use crate::operation::{
    GET_RESOURCE, GET_RESOURCE_REQUEST_STATUS, GET_RESOURCES, LIST_RESOURCE_REQUESTS, LIST_RESOURCES, LIST_TYPES,
    Operation,
};
use crate::query;
use crate::session::Session;

/// The region of a place, after the SDK's own chain.
pub async fn region(session: &Session, place: &Place) -> Result<String, Fault> {
    Ok(session.reach(place).await?.region().to_owned())
}

/// The identity of a resource in terms of its kind, where it is named by its ARN; otherwise as it is.
pub fn identity(kind: &'static dyn Kind, identifier: &str) -> String {
    let own = kinds::find(kind.name()).filter(|_| identifier.starts_with("arn:"));
    own.and_then(|kind| kind.identity_of_arn(identifier)).unwrap_or_else(|| identifier.to_owned())
}

/// The names of AWS's own types that Cloud Control manages.
pub async fn type_names(session: &Session, place: &Place) -> Result<Vec<String>, Fault> {
    let reach = session.reach(place).await?;
    let mut names = Vec::new();
    for provisioning in ["FULLY_MUTABLE", "IMMUTABLE"] {
        let mut input = json!({
            "Type": "RESOURCE", "Visibility": "PUBLIC", "ProvisioningType": provisioning, "DeprecatedStatus": "LIVE",
            "Filters": {"Category": "AWS_TYPES"}, "MaxResults": 100,
        });
        let mut pages = HashSet::new();
        loop {
            let page = reach.read(&LIST_TYPES, &input).await?;
            let entries = query::items(&page["TypeSummaries"]);
            names.extend(entries.iter().filter_map(|entry| entry["TypeName"].as_str()).map(str::to_owned));
            if !turn(&LIST_TYPES, &page, &mut input, &mut pages)? {
                break;
            }
        }
    }
    names.sort();
    names.dedup();
    Ok(names)
}

/// Puts the token of the next page into the input; false at the end.
fn turn(
    operation: &'static Operation,
    page: &Json,
    input: &mut Json,
    pages: &mut HashSet<String>,
) -> Result<bool, Fault> {
    let name = if operation.name == GET_RESOURCES.name { "PaginationToken" } else { "NextToken" };
    let Some(token) = page[name].as_str().filter(|token| !token.is_empty()) else { return Ok(false) };
    // A token that comes again would go round for ever.
    if !pages.insert(token.to_owned()) {
        return Err(of_unreadable(operation, "the same page comes again", None));
    }
    input[name] = token.into();
    Ok(true)
}

/// Properties that are JSON in a text.
fn properties(operation: &'static Operation, description: &Json) -> Result<Json, Fault> {
    let text = description["Properties"].as_str();
    let parsed = text.and_then(|text| serde_json::from_str::<Json>(text).ok()).filter(Json::is_object);
    parsed.ok_or_else(|| of_unreadable(operation, "it has no properties, or they are not JSON", None))
}

/// `GetResource`.
pub async fn resource(
    session: &Session,
    place: &Place,
    type_name: &str,
    identifier: &str,
) -> Result<Option<Json>, Fault> {
    let reach = session.reach(place).await?;
    match reach.read(&GET_RESOURCE, &json!({"TypeName": type_name, "Identifier": identifier})).await {
        Ok(answer) => properties(&GET_RESOURCE, &answer["ResourceDescription"]).map(Some),
        Err(fault) if fault.kind == FaultKind::NotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// `ListResources`: identifiers, and what the list shows of the properties.
pub async fn resources(
    session: &Session,
    place: &Place,
    type_name: &str,
    model: Option<&str>,
) -> Result<Vec<(String, Json)>, Fault> {
    let reach = session.reach(place).await?;
    let mut input = json!({"TypeName": type_name, "MaxResults": 100});
    if let Some(model) = model {
        input["ResourceModel"] = model.into();
    }
    let (mut found, mut pages) = (Vec::new(), HashSet::new());
    loop {
        let page = reach.read(&LIST_RESOURCES, &input).await?;
        let Some(entries) = page["ResourceDescriptions"].as_array() else {
            return Err(of_unreadable(&LIST_RESOURCES, "it has no `ResourceDescriptions`", None));
        };
        for entry in entries {
            let Some(identifier) = entry["Identifier"].as_str() else { continue };
            found.push((identifier.to_owned(), properties(&LIST_RESOURCES, entry)?));
        }
        if !turn(&LIST_RESOURCES, &page, &mut input, &mut pages)? {
            return Ok(found);
        }
    }
}

/// `GetResourceRequestStatus`.
pub async fn request(session: &Session, place: &Place, token: &str) -> Result<Option<Json>, Fault> {
    let operation = &GET_RESOURCE_REQUEST_STATUS;
    match session.reach(place).await?.read(operation, &json!({"RequestToken": token})).await {
        Ok(answer) if answer["ProgressEvent"].is_object() => Ok(Some(clean(answer["ProgressEvent"].clone()))),
        Ok(_) => Err(of_unreadable(operation, "it has no `ProgressEvent`", None)),
        Err(fault) if fault.kind == FaultKind::NotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// `ListResourceRequests`.
pub async fn requests(session: &Session, place: &Place) -> Result<Vec<Json>, Fault> {
    let reach = session.reach(place).await?;
    let mut input = json!({"MaxResults": 100});
    let (mut found, mut pages) = (Vec::new(), HashSet::new());
    loop {
        let page = reach.read(&LIST_RESOURCE_REQUESTS, &input).await?;
        let Some(events) = page["ResourceRequestStatusSummaries"].as_array() else {
            return Err(of_unreadable(&LIST_RESOURCE_REQUESTS, "it has no `ResourceRequestStatusSummaries`", None));
        };
        found.extend(events.iter().cloned().map(clean));
        if !turn(&LIST_RESOURCE_REQUESTS, &page, &mut input, &mut pages)? {
            return Ok(found);
        }
    }
}

/// An event whose message repeats nothing of what was sent.
fn clean(mut event: Json) -> Json {
    if let Some(message) = event["StatusMessage"].as_str() {
        event["StatusMessage"] = redact(message, &[]).into();
    }
    event
}

/// `GetResources` of the Resource Groups Tagging API: ARNs and tags.
pub async fn tagged(
    session: &Session,
    place: &Place,
    filters: &Json,
    types: &Json,
) -> Result<Vec<(String, Json)>, Fault> {
    let reach = session.reach(place).await?;
    let mut input = json!({"ResourcesPerPage": 100});
    for (name, list) in [("TagFilters", filters), ("ResourceTypeFilters", types)] {
        if list.as_array().is_some_and(|list| !list.is_empty()) {
            input[name] = list.clone();
        }
    }
    let (mut found, mut pages) = (Vec::new(), HashSet::new());
    loop {
        let page = reach.read(&GET_RESOURCES, &input).await?;
        let Some(entries) = page["ResourceTagMappingList"].as_array() else {
            return Err(of_unreadable(&GET_RESOURCES, "it has no `ResourceTagMappingList`", None));
        };
        for entry in entries {
            let Some(arn) = entry["ResourceARN"].as_str() else { continue };
            found.push((arn.to_owned(), entry["Tags"].clone()));
        }
        if !turn(&GET_RESOURCES, &page, &mut input, &mut pages)? {
            return Ok(found);
        }
    }
}
