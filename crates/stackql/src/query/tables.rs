//! The tables there are: which type a name stands for, which columns it has and what a read of it needs.

use std::fmt::Write as _;

use trueup_engine::cloud::Place;
use trueup_engine::diagnostic::suggest::nearest;
use trueup_engine::fault::Fault;
use trueup_engine::kind::Kind;
use trueup_engine::source::Span;

use super::columns::{self, Column, From, is_hidden};
use super::names::normal;
use super::provider::Provider;
use crate::sql::column::column_of;
use crate::sql::table;

/// What ends the name of a table that only lists.
const LIST_ONLY: &str = "_list_only";

/// The names of parameters as they are kept.
pub(super) const IDENTIFIER: &str = "Identifier";
pub(super) const REGION: &str = "region";
pub(super) const TYPE_NAME: &str = "TypeName";
pub(super) const RESOURCE_MODEL: &str = "ResourceModel";
pub(super) const REQUEST_TOKEN: &str = "RequestToken";
pub(super) const TAG_FILTERS: &str = "TagFilters";
pub(super) const TYPE_FILTERS: &str = "ResourceTypeFilters";

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its name: `awscc.events.connections`.
    pub name: String,
    /// What its rows are.
    pub(super) source: Source,
    /// Its columns.
    pub columns: Vec<Column>,
    /// What a read of it takes.
    pub(super) parameters: Vec<Parameter>,
}

/// What the rows of a table are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    /// Resources of a kind.
    Resources(&'static dyn Kind),
    /// The identifiers of all resources of a kind.
    Listing(&'static dyn Kind),
    /// One resource of any type.
    Resource,
    /// All resources of any type.
    AnyListing,
    /// One request of Cloud Control.
    Request,
    /// All requests of Cloud Control.
    Requests,
    /// What carries tags.
    Tagged,
}

/// Something that a read takes, given by a predicate.
#[derive(Debug, Clone)]
pub(super) struct Parameter {
    /// Its name.
    pub(super) name: &'static str,
    /// The columns that stand for it.
    pub(super) columns: Vec<String>,
    /// Nothing can be read without it.
    pub(super) required: bool,
}

/// Why there is no table of a name.
#[derive(Debug)]
pub(super) enum Lost {
    /// There is none: in one sentence, and what to do.
    Unknown(String, Option<String>),
    /// Nobody could say.
    Fault(Fault),
}

impl std::convert::From<Fault> for Lost {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Table {
    /// The column of a name.
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// The parameter that a column stands for.
    pub(super) fn parameter(&self, column: &str) -> Option<&Parameter> {
        self.parameters
            .iter()
            .find(|parameter| parameter.columns.iter().any(|spelled| spelled.eq_ignore_ascii_case(column)))
    }

    /// The kind whose resources it shows.
    pub(super) fn kind(&self) -> Option<&'static dyn Kind> {
        match self.source {
            Source::Resources(kind) | Source::Listing(kind) => Some(kind),
            _ => None,
        }
    }

    /// Why a name is no column although it is a property: it is secret, or never returned.
    pub(super) fn withheld(&self, column: &str) -> Option<String> {
        let kind = self.kind()?;
        let property = kind.schema().properties.iter().find(|property| normal(property.name) == normal(column))?;
        is_hidden(property).then(|| {
            let secret = property.secrecy == trueup_engine::schema::Secrecy::Secret;
            let why =
                if secret { "a secret, and no query shows one" } else { "something that the service never returns" };
            format!("`{}` of {} is {why}", property.name, kind.name())
        })
    }

    /// The columns that need a value, for people: `TypeName, Identifier`.
    pub fn needs(&self) -> String {
        let needed = self.parameters.iter().filter(|parameter| parameter.required);
        needed.map(|parameter| parameter.name).collect::<Vec<_>>().join(", ")
    }
}

/// The table of a name, in parts: `["awscc", "events", "connections"]`.
pub(super) async fn find(provider: &dyn Provider, place: &Place, parts: &[&str]) -> Result<Table, Lost> {
    let name = parts.join(".").to_ascii_lowercase();
    if let Some(table) = general(&name) {
        return Ok(table);
    }
    let segments: Vec<&str> = name.split('.').collect();
    let (family, service, last) = match segments.as_slice() {
        [family @ ("aws" | "awscc"), service, last] => (*family, *service, *last),
        [other, ..] if segments.len() == 3 && !matches!(*other, "aws" | "awscc") => {
            let summary = format!("`{name}` is a table of `{other}`, and trueup reads `awscc` and `aws` only");
            return Err(Lost::Unknown(summary, None));
        }
        _ => return Err(unknown(provider, place, &name).await),
    };
    let (last, listing) = match last.strip_suffix(LIST_ONLY) {
        Some(last) if family == "awscc" => (last, true),
        _ => (last, false),
    };
    let Some(kind) = type_of(provider, place, family, service, last).await? else {
        return Err(unknown(provider, place, &name).await);
    };
    Ok(match (family, listing) {
        (_, true) => listed(name, kind),
        ("aws", false) => native(name, kind),
        _ => one(name, kind),
    })
}

/// The kind that a table stands for; `last` has no `_list_only`.
pub(super) async fn type_of(
    provider: &dyn Provider,
    place: &Place,
    family: &str,
    service: &str,
    last: &str,
) -> Result<Option<&'static dyn Kind>, Lost> {
    let registry = provider.registry();
    if let Some(kind) = registry.find(&format!("{family}.{service}.{last}")) {
        return Ok(Some(kind));
    }
    if family != "awscc" {
        return Ok(None);
    }
    let Some(table) = table::Table::of(&[family, service, last], Span::NOWHERE) else { return Ok(None) };
    let known = table::type_of(&table, registry.iter().map(Kind::name));
    if let Some(kind) = known.and_then(|name| registry.find(name)) {
        return Ok(Some(kind));
    }
    // One question about the type that it most likely is, before all types are listed.
    if let Ok(kind) = provider.kind(place, &table::likely_type(&table)).await? {
        return Ok(Some(kind));
    }
    let names = provider.type_names(place).await?;
    let Some(name) = table::type_of(&table, names.iter().map(String::as_str)) else { return Ok(None) };
    match provider.kind(place, name).await? {
        Ok(kind) => Ok(Some(kind)),
        Err(why) => Err(Lost::Unknown(format!("`{name}` cannot be read: {why}"), None)),
    }
}

/// The names of all tables, in order.
pub(super) async fn all(provider: &dyn Provider, place: &Place) -> Result<Vec<String>, Fault> {
    let mut names = own(provider);
    names.extend(provider.type_names(place).await?.iter().map(|name| table::table_of(name)));
    Ok(with_lists(names))
}

/// The names of the tables that are known without the cloud, in order.
pub(super) fn known(provider: &dyn Provider) -> Vec<String> {
    with_lists(own(provider))
}

fn own(provider: &dyn Provider) -> Vec<String> {
    let mut names: Vec<String> = GENERAL.iter().map(|name| (*name).to_owned()).collect();
    for kind in provider.registry().iter() {
        names.extend(kind.aliases().iter().map(|alias| (*alias).to_owned()));
    }
    names
}

fn with_lists(mut names: Vec<String>) -> Vec<String> {
    let lists: Vec<String> = names
        .iter()
        .filter(|name| name.starts_with("awscc.") && !GENERAL.contains(&name.as_str()))
        .map(|name| format!("{name}{LIST_ONLY}"))
        .collect();
    names.extend(lists);
    names.sort();
    names.dedup();
    names
}

async fn unknown(provider: &dyn Provider, place: &Place, name: &str) -> Lost {
    let names = match all(provider, place).await {
        Ok(names) => names,
        Err(fault) => return Lost::Fault(fault),
    };
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let near = names.iter().find(|known| last(known) == *name).map(String::as_str);
    let near = near.or_else(|| nearest(name, names.iter().map(String::as_str)));
    let help = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "tables are called `awscc.<service>.<plural>`; `\\d` in `trueup query` lists them".to_owned(),
    };
    Lost::Unknown(format!("there is no table `{name}`"), Some(help))
}

/// Tables of no type.
const GENERAL: [&str; 5] = [
    "awscc.cloud_control.resource",
    "awscc.cloud_control.resources",
    "awscc.cloud_control.resource_request",
    "awscc.cloud_control.resource_requests",
    "awscc.tagging.tagged_resources",
];

/// What a request of Cloud Control tells.
pub(super) const EVENT: [(&str, &str); 11] = [
    ("ErrorCode", "text"),
    ("EventTime", "any"),
    ("Identifier", "text"),
    ("Operation", "text"),
    ("OperationStatus", "text"),
    ("RequestToken", "text"),
    ("ResourceModel", "json"),
    ("RetryAfter", "any"),
    ("StatusMessage", "text"),
    ("TypeName", "text"),
    ("HooksRequestToken", "text"),
];

fn general(name: &str) -> Option<Table> {
    let region = || parameter(REGION, &[REGION], false);
    let named = |name: &'static str, required| {
        let data = format!("data__{name}");
        parameter(name, &[name, &data], required)
    };
    let (source, answers, parameters): (_, &[(&'static str, &'static str)], Vec<Parameter>) = match name {
        "awscc.cloud_control.resource" => {
            let parameters = vec![named(TYPE_NAME, true), named(IDENTIFIER, true), region()];
            (Source::Resource, &[("Properties", "json")], parameters)
        }
        "awscc.cloud_control.resources" => {
            let parameters = vec![named(TYPE_NAME, true), named(RESOURCE_MODEL, false), region()];
            (Source::AnyListing, &[("Identifier", "text"), ("Properties", "json")], parameters)
        }
        "awscc.cloud_control.resource_request" => (Source::Request, &EVENT, vec![named(REQUEST_TOKEN, true), region()]),
        "awscc.cloud_control.resource_requests" => (Source::Requests, &EVENT, vec![region()]),
        "awscc.tagging.tagged_resources" => {
            let parameters = vec![named(TAG_FILTERS, false), named(TYPE_FILTERS, false), region()];
            (Source::Tagged, &[("ResourceARN", "text"), ("Tags", "json")], parameters)
        }
        _ => return None,
    };
    let columns = answers.iter().map(|(name, holds)| Column::new(name, From::Answer(name), holds, "")).collect();
    Some(complete(name.to_owned(), source, columns, parameters, false))
}

fn parameter(name: &'static str, columns: &[&str], required: bool) -> Parameter {
    Parameter { name, columns: columns.iter().map(|column| (*column).to_owned()).collect(), required }
}

/// The parameters of a resource: its identifier, also by the one property that is all of it.
fn of_resource(kind: &dyn Kind, required: bool) -> Vec<Parameter> {
    let mut identifier = parameter(IDENTIFIER, &[IDENTIFIER, "data__Identifier"], required);
    let property = kind.identity_property();
    if kind.identity_properties().len() < 2 && !property.contains('/') {
        identifier.columns.push(column_of(property));
    }
    if shows_id(kind) {
        identifier.columns.push("id".to_owned());
    }
    vec![identifier, parameter(REGION, &[REGION], false)]
}

fn one(name: String, kind: &'static dyn Kind) -> Table {
    complete(name, Source::Resources(kind), columns::of_kind(kind), of_resource(kind, true), true)
}

fn native(name: String, kind: &'static dyn Kind) -> Table {
    let mut columns = columns::of_kind(kind);
    if !columns.iter().any(|column| column.name == "state") {
        columns.push(Column::new("state", From::State, "text", "The service's name of its state."));
    }
    complete(name, Source::Resources(kind), columns, of_resource(kind, false), true)
}

fn listed(name: String, kind: &'static dyn Kind) -> Table {
    let mut columns: Vec<Column> = identifying(kind)
        .into_iter()
        .map(|property| {
            Column::new(&column_of(last(property)), From::Member(property), "text", "Part of the identifier.")
        })
        .collect();
    columns.push(Column::new(IDENTIFIER, From::Parameter(IDENTIFIER), "text", "The identifier.").hidden());
    complete(name, Source::Listing(kind), columns, vec![parameter(REGION, &[REGION], false)], true)
}

/// The properties that identify a resource; what the service calls its `Id`, where the kind goes by a name.
pub(super) fn identifying(kind: &'static dyn Kind) -> Vec<&'static str> {
    let mut properties = kind.identity_properties().to_vec();
    if properties.is_empty() {
        properties.push(kind.identity_property());
    }
    if shows_id(kind) && !properties.contains(&"Id") {
        properties.insert(0, "Id");
    }
    properties
}

/// Whether a kind that goes by a name has an id that only a read tells.
pub(super) fn shows_id(kind: &dyn Kind) -> bool {
    kind.identity_properties().is_empty() && kind.schema().at("/Id").is_some_and(|property| property.read_only)
}

fn last(property: &str) -> &str {
    property.rsplit('/').next().unwrap_or(property)
}

/// Adds the columns of the parameters that are no columns yet. With `first` the region leads, as on the provider's pages.
fn complete(name: String, source: Source, mut columns: Vec<Column>, parameters: Vec<Parameter>, first: bool) -> Table {
    let mut seen: Vec<String> = Vec::new();
    let reserved = |column: &Column| {
        matches!(column.from, From::Member(_))
            && (column.name == REGION || column.name.eq_ignore_ascii_case(IDENTIFIER))
    };
    columns.retain(|column| {
        let new = !seen.contains(&column.name.to_ascii_lowercase());
        seen.push(column.name.to_ascii_lowercase());
        new && !reserved(column)
    });
    let mut leading = Vec::new();
    for parameter in &parameters {
        for spelled in &parameter.columns {
            if columns.iter().any(|column| column.name.eq_ignore_ascii_case(spelled)) {
                continue;
            }
            let column = Column::new(spelled, From::Parameter(parameter.name), "text", said_of(parameter.name));
            let shown = spelled == REGION || (!first && spelled == parameter.name && parameter.required);
            let column = if shown { column } else { column.hidden() };
            if shown && first { leading.push(column) } else { columns.push(column) }
        }
    }
    leading.append(&mut columns);
    Table { name, source, columns: leading, parameters }
}

fn said_of(parameter: &str) -> &'static str {
    match parameter {
        REGION => "The region that is read.",
        IDENTIFIER => "The identifier of the resource.",
        TYPE_NAME => "The type, for instance `AWS::SQS::Queue`.",
        RESOURCE_MODEL => "What some types want to know before they list, as JSON.",
        REQUEST_TOKEN => "The token of the request.",
        TAG_FILTERS => "Tags that are searched: a JSON list of `Key` and `Values`.",
        TYPE_FILTERS => "Types that are searched: a JSON list.",
        _ => "",
    }
}

/// A table in words: its columns, one a line.
pub(super) fn described(table: &Table) -> String {
    let width = table.columns.iter().map(|column| column.name.len()).max().unwrap_or_default();
    let mut text = format!("{}\n", table.name);
    for column in &table.columns {
        let needed = table
            .parameter(&column.name)
            .is_some_and(|parameter| parameter.required && parameter.name.eq_ignore_ascii_case(&column.name));
        let doc = if needed { format!("required: {}", column.doc) } else { column.doc.to_owned() };
        let line = format!("  {:width$}  {:7}  {doc}", column.name, column.holds);
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}
