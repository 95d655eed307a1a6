//! INSERT, UPDATE and DELETE: through the same kinds as a plan, so that a mistake is found before anything is sent.
//!
//! [`prepare`] says what a statement will do, having read what it has to; [`execute`] does it and waits until the
//! resource has settled. Between the two stands whoever is asked.

mod deleting;
mod event;
mod inserting;
mod kept;
mod settle;
mod target;
mod updating;

use sqlparser::ast::{SelectItem, Statement};
use trueup_engine::cloud::{Create, Place, Present, Update, Written};
use trueup_engine::delta::{self, Edit};
use trueup_engine::diagnostic::Diagnostic;
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::kind::{Kind, Verb};
use trueup_engine::value::{Map, Value};

use super::error::QueryError;
use super::provider::Provider;
use super::rows::Rows;
use super::script::{Script, Text};
use super::store::Store;
use event::Event;

/// What a statement will do.
#[derive(Debug)]
pub struct Write {
    changes: Vec<Change>,
    /// What of the events is given back, where something is asked for.
    returning: Option<String>,
}

/// One resource that is changed.
#[derive(Debug)]
struct Change {
    kind: &'static dyn Kind,
    place: Place,
    region: String,
    /// `None` where the service makes it.
    identity: Option<String>,
    /// The identifier as the statement gives it.
    identifier: Option<String>,
    what: What,
}

#[derive(Debug)]
enum What {
    Create(Map),
    Update {
        live: Box<Present>,
        desired: Map,
        send: Map,
        edits: Vec<Edit>,
        /// Whether `live` holds values that only a read of a secret gives.
        secrets: bool,
    },
    /// With what is known of it.
    Delete(Map),
    /// It is not there.
    Gone,
}

impl Write {
    /// What it will do, a line each, without any secret.
    pub fn lines(&self) -> Vec<String> {
        self.changes.iter().flat_map(Change::lines).collect()
    }

    /// Whether there is something to do.
    pub fn changes_something(&self) -> bool {
        self.changes.iter().any(|change| match &change.what {
            What::Create(_) | What::Delete(_) => true,
            What::Update { edits, .. } => !edits.is_empty(),
            What::Gone => false,
        })
    }

    /// Whether it gives rows back.
    pub fn returns(&self) -> bool {
        self.returning.is_some()
    }
}

impl Change {
    fn verb(&self) -> Verb {
        match self.what {
            What::Create(_) => Verb::Create,
            What::Update { .. } => Verb::Update,
            What::Delete(_) | What::Gone => Verb::Delete,
        }
    }

    fn lines(&self) -> Vec<String> {
        let name = self.identifier.as_deref().or(self.identity.as_deref()).unwrap_or("(named by the service)");
        let of = |sign: &str, words: &str| format!("{sign} {name}  {}  {words} in {}", self.kind.name(), self.region);
        match &self.what {
            What::Create(desired) => {
                let mut lines = vec![of("+", "create")];
                lines.extend(desired.iter().map(|(name, value)| format!("    {name}: {}", shown(Some(value)))));
                lines
            }
            What::Update { edits, .. } if edits.is_empty() => vec![of("=", "nothing to update")],
            What::Update { edits, .. } => {
                let mut lines = vec![of("~", "update")];
                lines.extend(edits.iter().map(|edit| {
                    format!("    {}: {}  ->  {}", edit.label, shown(edit.before.as_ref()), shown(edit.after.as_ref()))
                }));
                lines
            }
            What::Delete(_) => vec![of("-", "delete")],
            What::Gone => vec![of("=", "nothing to delete: it is not there,")],
        }
    }
}

/// A value for people; a secret only as what it is.
fn shown(value: Option<&Value>) -> String {
    fn masked(value: &Value) -> serde_json::Value {
        match value {
            Value::Secret(_) => "(secret)".into(),
            Value::List(items) => items.iter().map(masked).collect(),
            Value::Map(map) => map.iter().map(|(name, member)| (name.clone(), masked(member))).collect(),
            plain => plain.to_masked_json(),
        }
    }
    value.map_or_else(|| "(nothing)".to_owned(), |value| masked(value).to_string())
}

/// Finds out what a statement will do. Reads, and writes nothing.
///
/// # Errors
///
/// It cannot be done, or what it is about could not be read.
pub async fn prepare(
    provider: &dyn Provider,
    place: &Place,
    script: &Script,
    statement: usize,
) -> Result<Write, QueryError> {
    let text = script.text();
    let (changes, returning) = match script.statement(statement) {
        Some(Statement::Insert(insert)) => {
            (inserting::prepare(provider, place, text, insert).await?, insert.returning.as_deref())
        }
        Some(Statement::Update(update)) => {
            (vec![updating::prepare(provider, place, text, update).await?], update.returning.as_deref())
        }
        Some(Statement::Delete(delete)) => {
            (vec![deleting::prepare(provider, place, text, delete).await?], delete.returning.as_deref())
        }
        _ => {
            let summary = "this is no statement that is run here: SELECT, INSERT, UPDATE and DELETE are";
            let mut found = Diagnostic::error("Q305", summary).at(script.whole(statement));
            if let Some(Statement::Query(_)) = script.statement(statement) {
                found = found.help("a statement that writes stands by itself, under no WITH and in no other statement");
            }
            return Err(QueryError::rejected(script.sources(), found));
        }
    };
    let returning = returning.map(event::select);
    if let Some(sql) = &returning {
        let store = Store::new()?;
        store.make(0, &event::table())?;
        if store.understands(sql).is_err() {
            let names = super::tables::EVENT.map(|(name, _)| name).join(", ");
            let found = Diagnostic::error("Q303", "RETURNING names a column that an event has not")
                .at(script.whole(statement))
                .help(format!("it has {names}"));
            return Err(QueryError::rejected(script.sources(), found));
        }
    }
    Ok(Write { changes, returning })
}

/// Does what was prepared, one resource after the other, and waits until each has settled.
///
/// # Errors
///
/// A call failed, or a resource did not settle. What was done before stays.
pub async fn execute(provider: &dyn Provider, write: &Write) -> Result<Rows, QueryError> {
    let mut events = Vec::new();
    for change in &write.changes {
        if let Some(event) = one(provider, change).await? {
            events.push(event.row());
        }
    }
    let Some(sql) = &write.returning else { return Ok(Rows::default()) };
    let store = Store::new()?;
    store.make(0, &event::table())?;
    store.fill(0, events)?;
    store.run(sql)
}

async fn one(provider: &dyn Provider, change: &Change) -> Result<Option<Event>, Fault> {
    let (cloud, kind, place) = (provider.cloud(), change.kind, &change.place);
    let known = || change.identity.clone();
    let (written, patience) = match &change.what {
        What::Gone => return Ok(None),
        What::Create(desired) => {
            let desired = delta::canonical_form(kind.schema(), desired);
            let create = Create { identity: change.identity.as_deref(), desired: &desired };
            (cloud.create(kind, place, &create).await?, kind.patience(&desired).create)
        }
        What::Update { edits, .. } if edits.is_empty() => {
            return Ok(Some(Event::of(change, known(), Vec::new())));
        }
        What::Update { live, desired, send, edits, secrets } => {
            updating::unchanged(provider, change, live, *secrets).await?;
            let update = Update { live, desired: send, edits };
            (cloud.update(kind, place, &update).await?, kind.patience(desired).update)
        }
        What::Delete(properties) => {
            let identity = known().unwrap_or_default();
            (cloud.delete(kind, place, &identity, None).await?, kind.patience(properties).delete)
        }
    };
    let Written { identity, readiness, notes, .. } = written;
    let Some(identity) = identity.or_else(known) else {
        let message = "the service made it and did not say its name";
        return Err(Fault::new(FaultKind::Internal, "query", message));
    };
    let said = settle::settled(provider, change, &identity, readiness, patience).await?;
    let live = settle::look(provider, change, &identity, false).await.ok().flatten();
    let notes = notes.into_iter().chain(said).collect();
    Ok(Some(Event::of(change, Some(identity), notes).with_model(kind, live.as_ref())))
}

/// A mistake in a statement that writes.
fn wrong(text: &Text, span: sqlparser::tokenizer::Span, summary: &str, help: Option<&str>) -> QueryError {
    let mut found = Diagnostic::error("Q307", summary).at(text.span(span));
    found.help = help.map(str::to_owned);
    QueryError::rejected(&text.sources, found)
}

/// What a RETURNING asks for, in words of SQL.
fn items(returning: &[SelectItem]) -> String {
    returning.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
