//! Reading the rows of a mention: one call for each value of its parameters, several at once.
//!
//! A read that failed fails the statement: an empty result always means that the service said so.

use std::sync::Arc;

use futures_util::StreamExt as _;
use serde_json::Value as Json;
use trueup_engine::cloud::{Live, Place, Present, Readiness, Task, Want};
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::kind::Kind;
use trueup_engine::value::{Map, Value};

use super::columns::{self, From};
use super::provider::Provider;
use super::rows::Cell;
use super::tables::{
    IDENTIFIER, REGION, REQUEST_TOKEN, RESOURCE_MODEL, Source, TAG_FILTERS, TYPE_FILTERS, TYPE_NAME, Table,
    identifying, shows_id,
};

/// How many reads are under way at once.
const AT_ONCE: usize = 16;

/// The values of the parameters of a mention; one that is not here was not given.
pub(super) type Given = Vec<(&'static str, Vec<String>)>;

/// What one row is made of.
struct Made<'a> {
    table: &'a Table,
    region: &'a str,
    given: &'a [(&'static str, String)],
    /// What stands for the identifier of this row.
    identifier: Option<&'a str>,
}

impl Made<'_> {
    fn row(&self, cell: impl Fn(From) -> Cell) -> Vec<Cell> {
        self.table
            .columns
            .iter()
            .map(|column| self.parameter(column.from).unwrap_or_else(|| cell(column.from)))
            .collect()
    }

    fn parameter(&self, from: From) -> Option<Cell> {
        let From::Parameter(name) = from else { return None };
        Some(match name {
            REGION => self.region.into(),
            IDENTIFIER if self.identifier.is_some() => self.identifier.map_or(Cell::Null, Cell::from),
            name => {
                let given = self.given.iter().find(|(given, _)| *given == name);
                given.map_or(Cell::Null, |(_, value)| value.as_str().into())
            }
        })
    }
}

/// Reads all rows of a table for all values of its parameters.
pub(super) async fn rows(
    provider: &dyn Provider,
    place: &Place,
    table: &Table,
    given: &Given,
) -> Result<Vec<Vec<Cell>>, Fault> {
    let regions = values(given, REGION).map_or_else(|| vec![None], |regions| regions.iter().map(Some).collect());
    let reads: Vec<Task<'_, _>> = regions
        .into_iter()
        .map(|region| -> Task<'_, _> {
            let place = match region {
                Some(region) => Place { region: Some(region.as_str().into()), role_arn: place.role_arn.clone() },
                None => place.clone(),
            };
            Box::pin(in_place(provider, place, table, given))
        })
        .collect();
    let mut reads = futures_util::stream::iter(reads).buffered(AT_ONCE);
    let mut all = Vec::new();
    while let Some(rows) = reads.next().await {
        all.extend(rows?);
    }
    Ok(all)
}

fn values<'a>(given: &'a Given, name: &str) -> Option<&'a Vec<String>> {
    given.iter().find(|(parameter, _)| *parameter == name).map(|(_, values)| values)
}

async fn in_place(
    provider: &dyn Provider,
    place: Place,
    table: &Table,
    given: &Given,
) -> Result<Vec<Vec<Cell>>, Fault> {
    let others: Vec<&(&'static str, Vec<String>)> = given.iter().filter(|(name, _)| *name != REGION).collect();
    if others.iter().any(|(_, values)| values.is_empty()) {
        // Nothing is equal to nothing.
        return Ok(Vec::new());
    }
    let region = provider.region(&place).await?;
    if let Source::Resources(kind) = table.source {
        return resources(provider, &place, &region, table, kind, values(given, IDENTIFIER)).await;
    }
    // Each value of each parameter with each of the others.
    let mut every: Vec<Vec<(&'static str, String)>> = vec![Vec::new()];
    for (name, values) in others {
        let with = |known: &Vec<(&'static str, String)>| {
            values.iter().map(|value| [known.as_slice(), &[(*name, value.clone())]].concat()).collect::<Vec<_>>()
        };
        every = every.iter().flat_map(with).collect();
    }
    let (place, region) = (&place, region.as_str());
    let reads: Vec<Task<'_, _>> = every
        .into_iter()
        .map(|given| -> Task<'_, _> { Box::pin(async move { once(provider, place, region, table, &given).await }) })
        .collect();
    let mut reads = futures_util::stream::iter(reads).buffered(AT_ONCE);
    let mut all = Vec::new();
    while let Some(rows) = reads.next().await {
        all.extend(rows?);
    }
    Ok(all)
}

async fn resources(
    provider: &dyn Provider,
    place: &Place,
    region: &str,
    table: &Table,
    kind: &'static dyn Kind,
    identifiers: Option<&Vec<String>>,
) -> Result<Vec<Vec<Cell>>, Fault> {
    let named: Vec<(String, String)> = if let Some(identifiers) = identifiers {
        identifiers.iter().map(|identifier| (identifier.clone(), provider.identity(kind, identifier))).collect()
    } else {
        let listed = provider.cloud().list(kind, place).await?;
        listed.into_iter().map(|identity| (identity.clone(), identity)).collect()
    };
    let wants: Vec<Want> = named.iter().map(|(_, identity)| want(identity, false)).collect();
    let lives = provider.cloud().observe(kind, place, &wants).await;
    let mut rows = Vec::new();
    for ((identifier, _), live) in named.iter().zip(lives) {
        let Some(live) = present(live)? else { continue };
        // What waits for its deletion is gone as far as Cloud Control is concerned.
        let scheduled = matches!(live.readiness, Readiness::Scheduled { .. });
        if scheduled && table.name.starts_with("awscc.") {
            continue;
        }
        let made = Made { table, region, given: &[], identifier: Some(identifier) };
        rows.push(made.row(|from| match from {
            From::Member(name) => columns::member(kind, &live, name),
            From::State => columns::state(&live.readiness),
            From::Parameter(_) | From::Answer(_) => Cell::Null,
        }));
    }
    Ok(rows)
}

/// All there is to say of a resource, or what a list page says; never a credential.
pub(super) fn want(identity: &str, shallow: bool) -> Want {
    let given = if shallow { Vec::new() } else { vec![String::new()] };
    Want { identity: identity.to_owned(), secrets: false, shallow, given, tags: None, verified: None }
}

/// The answer to one question. Without any, nothing is known: it is not taken for absent.
pub(super) fn only(lives: Vec<Live>) -> Live {
    let silent = || Live::Unreadable(Fault::new(FaultKind::Internal, "query", "nothing was answered"));
    lives.into_iter().next().unwrap_or_else(silent)
}

/// A resource that is there; one that could not be read is a fault.
pub(super) fn present(live: Live) -> Result<Option<Present>, Fault> {
    match live {
        Live::Present(live) => Ok(Some(Arc::unwrap_or_clone(live))),
        Live::Absent => Ok(None),
        Live::Unreadable(fault) => Err(fault),
    }
}

async fn once(
    provider: &dyn Provider,
    place: &Place,
    region: &str,
    table: &Table,
    given: &[(&'static str, String)],
) -> Result<Vec<Vec<Cell>>, Fault> {
    let of = |name: &str| given.iter().find(|(given, _)| *given == name).map(|(_, value)| value.as_str());
    let made = Made { table, region, given, identifier: None };
    let mut rows = Vec::new();
    match table.source {
        Source::Resources(_) => {}
        Source::Listing(kind) => return listing(provider, place, region, table, kind).await,
        Source::Resource => {
            let (type_name, identifier) = (of(TYPE_NAME).unwrap_or_default(), of(IDENTIFIER).unwrap_or_default());
            let kind = of_type(provider, place, type_name).await?;
            if let Some(properties) = provider.resource(place, type_name, identifier).await? {
                let properties = without_secrets(kind, properties);
                rows.push(made.row(|from| properties_in(from, &properties)));
            }
        }
        Source::AnyListing => {
            let type_name = of(TYPE_NAME).unwrap_or_default();
            let kind = of_type(provider, place, type_name).await?;
            for (identifier, properties) in provider.resources(place, type_name, of(RESOURCE_MODEL)).await? {
                let properties = without_secrets(kind, properties);
                let made = Made { identifier: Some(&identifier), ..Made { table, region, given, identifier: None } };
                rows.push(made.row(|from| match from {
                    From::Answer("Identifier") => identifier.as_str().into(),
                    from => properties_in(from, &properties),
                }));
            }
        }
        Source::Request => {
            let token = of(REQUEST_TOKEN).unwrap_or_default();
            if let Some(event) = provider.request(place, token).await? {
                rows.push(event_row(provider, place, &made, event).await);
            }
        }
        Source::Requests => {
            for event in provider.requests(place).await? {
                rows.push(event_row(provider, place, &made, event).await);
            }
        }
        Source::Tagged => {
            let filters = json_list(TAG_FILTERS, of(TAG_FILTERS))?;
            let types = json_list(TYPE_FILTERS, of(TYPE_FILTERS))?;
            for (arn, tags) in provider.tagged(place, &filters, &types).await? {
                rows.push(made.row(|from| match from {
                    From::Answer("ResourceARN") => arn.as_str().into(),
                    From::Answer("Tags") => Cell::of_json(&tags),
                    _ => Cell::Null,
                }));
            }
        }
    }
    Ok(rows)
}

fn properties_in(from: From, properties: &Json) -> Cell {
    match from {
        From::Answer("Properties") => Cell::Text(properties.to_string()),
        _ => Cell::Null,
    }
}

fn json_list(name: &str, text: Option<&str>) -> Result<Json, Fault> {
    let Some(text) = text else { return Ok(Json::Array(Vec::new())) };
    match serde_json::from_str(text) {
        Ok(list @ Json::Array(_)) => Ok(list),
        // One type may stand alone.
        _ if name == TYPE_FILTERS && !text.trim_start().starts_with(['[', '{']) => Ok(Json::Array(vec![text.into()])),
        _ => Err(Fault::new(FaultKind::Invalid, "query", format!("`{name}` is no JSON list"))),
    }
}

async fn of_type(provider: &dyn Provider, place: &Place, type_name: &str) -> Result<&'static dyn Kind, Fault> {
    if let Some(kind) = provider.registry().find(type_name) {
        return Ok(kind);
    }
    let found = provider.kind(place, type_name).await?;
    found.map_err(|why| Fault::new(FaultKind::Invalid, "query", format!("`{type_name}` cannot be read: {why}")))
}

/// Properties as the API answered them, without what the schema calls secret.
pub(super) fn without_secrets(kind: &dyn Kind, properties: Json) -> Json {
    match Value::from(properties) {
        Value::Map(map) => columns::document(kind, &map),
        _ => Json::Object(serde_json::Map::new()),
    }
}

/// A row of a request. What it says of the resource is left out where the schema is not known.
async fn event_row(provider: &dyn Provider, place: &Place, made: &Made<'_>, mut event: Json) -> Vec<Cell> {
    let model = match (event["ResourceModel"].as_str(), event["TypeName"].as_str()) {
        (Some(model), Some(type_name)) => {
            let model: Option<Json> = serde_json::from_str(model).ok();
            let kind = of_type(provider, place, type_name).await.ok();
            model.zip(kind).map(|(model, kind)| without_secrets(kind, model).to_string())
        }
        _ => None,
    };
    event["ResourceModel"] = model.map_or(Json::Null, Json::from);
    made.row(|from| match from {
        From::Answer(name) => Cell::of_json(&event[name]),
        _ => Cell::Null,
    })
}

async fn listing(
    provider: &dyn Provider,
    place: &Place,
    region: &str,
    table: &Table,
    kind: &'static dyn Kind,
) -> Result<Vec<Vec<Cell>>, Fault> {
    let identities = provider.cloud().list(kind, place).await?;
    let lives = if shows_id(kind) {
        let wants: Vec<Want> = identities.iter().map(|identity| want(identity, true)).collect();
        provider.cloud().observe(kind, place, &wants).await
    } else {
        Vec::new()
    };
    let properties = identifying(kind);
    let mut rows = Vec::new();
    for (at, identity) in identities.iter().enumerate() {
        let live = match lives.get(at).cloned().map(present).transpose()? {
            Some(None) => continue,
            Some(Some(live)) if matches!(live.readiness, Readiness::Scheduled { .. }) => continue,
            Some(live) => live,
            None => None,
        };
        let id = live.as_ref().and_then(|live| live.attributes.get("Id")).and_then(Value::as_str);
        // An identifier of several parts is one text.
        let parts: Vec<&str> =
            if properties.len() > 1 && live.is_none() { identity.split('|').collect() } else { vec![identity] };
        let own: Map = properties
            .iter()
            .filter(|property| live.is_none() || **property != "Id")
            .zip(&parts)
            .map(|(property, part)| ((*property).to_owned(), Value::from(*part)))
            .collect();
        let made = Made { table, region, given: &[], identifier: Some(id.unwrap_or(identity)) };
        rows.push(made.row(|from| match from {
            From::Member("Id") if live.is_some() => id.map_or(Cell::Null, Cell::from),
            From::Member(name) => own.get(name).and_then(Value::as_str).map_or(Cell::Null, Cell::from),
            _ => Cell::Null,
        }));
    }
    Ok(rows)
}
