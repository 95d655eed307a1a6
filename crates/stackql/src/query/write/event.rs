//! What a write gives back: the `ProgressEvent` of Cloud Control, whichever API carried it out.

use serde_json::{Value as Json, json};
use sqlparser::ast::SelectItem;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use trueup_engine::cloud::Present;
use trueup_engine::kind::{Kind, Verb};
use trueup_engine::value::{Map, Value};

use super::{Change, items};
use crate::query::columns::{self, Column, From};
use crate::query::rewrite::local;
use crate::query::rows::Cell;
use crate::query::tables::{self, EVENT, Table};

/// An event.
pub(super) struct Event(Json);

/// The table of events.
pub(super) fn table() -> Table {
    let columns = EVENT.iter().map(|(name, holds)| Column::new(name, From::Answer(name), holds, "")).collect();
    Table { name: "events".to_owned(), source: tables::Source::Requests, columns, parameters: Vec::new() }
}

/// What a RETURNING asks of it.
pub(super) fn select(returning: &[SelectItem]) -> String {
    format!("SELECT {} FROM \"{}\"", items(returning), local(0))
}

impl Event {
    /// The event of a change that has gone well.
    pub(super) fn of(change: &Change, identity: Option<String>, notes: Vec<String>) -> Self {
        let operation = match change.verb() {
            Verb::Create => "CREATE",
            Verb::Update => "UPDATE",
            Verb::Delete => "DELETE",
            Verb::Read => "READ",
        };
        let message = Some(notes.join("; ")).filter(|message| !message.is_empty());
        let identifier = change.identifier.clone().or(identity);
        Self(json!({
            "EventTime": OffsetDateTime::now_utc().format(&Rfc3339).ok(),
            "Identifier": identifier,
            "Operation": operation,
            "OperationStatus": "SUCCESS",
            "StatusMessage": message,
            "TypeName": change.kind.name(),
        }))
    }

    /// With what the resource is like now, without secrets.
    pub(super) fn with_model(mut self, kind: &dyn Kind, live: Option<&Present>) -> Self {
        if let Some(live) = live {
            let mut all: Map = live.properties.clone();
            let attributes = kind.attributes().iter().filter_map(|it| Some((it.name, live.attributes.get(it.name)?)));
            for (name, value) in attributes.filter(|(name, _)| kind.schema().at(&format!("/{name}")).is_some()) {
                all.get_or_insert_with(name, || value.clone());
            }
            if let Some(id) = all.get("Id").and_then(Value::as_str).filter(|_| tables::shows_id(kind)) {
                self.0["Identifier"] = id.into();
            }
            self.0["ResourceModel"] = columns::document(kind, &all).to_string().into();
        }
        self
    }

    /// As a row of the table.
    pub(super) fn row(&self) -> Vec<Cell> {
        EVENT.iter().map(|(name, _)| Cell::of_json(&self.0[*name])).collect()
    }
}
