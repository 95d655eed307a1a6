//! SQL over live resources.
//!
//! A statement is parsed, its tables are found among the types that the cloud has, and the values that their reads need
//! are taken from its predicates. What was read goes into SQLite in memory, where the whole statement runs; so joins,
//! aggregates and functions are SQLite's own. `docs/adr/0015` says why there are no virtual tables.
//!
//! ```text
//! text ─ script ─ rewrite ─ bind ─┬─ load ─ store ─ rows
//!                                 └─ provider (the cloud)
//! ```
//! Nothing here knows AWS: what the engine's `Cloud` does not offer is asked of a [`Provider`].

mod bind;
mod columns;
mod error;
mod functions;
mod load;
mod names;
mod provider;
mod rewrite;
mod rows;
mod script;
mod select;
mod store;
mod tables;
#[cfg(test)]
mod tests;
mod tree;
mod write;

use trueup_engine::cloud::Place;
use trueup_engine::diagnostic::Diagnostic;
use trueup_engine::fault::Fault;
use trueup_engine::value::Map;

pub use columns::Column;
pub use error::{QueryError, Rejected};
pub use provider::Provider;
pub use rows::{Cell, Rows};
pub use script::Script;
pub use tables::Table;
pub use write::{Write, execute, prepare};

/// Runs one statement that reads.
///
/// # Errors
///
/// It cannot be run, or something could not be read.
pub async fn select(
    provider: &dyn Provider,
    place: &Place,
    script: &Script,
    statement: usize,
) -> Result<Rows, QueryError> {
    let Some(query) = script.read(statement) else {
        let found = Diagnostic::error("Q305", "this is no SELECT").at(script.whole(statement));
        return Err(QueryError::rejected(script.sources(), found));
    };
    select::run(provider, place, script.text(), query).await
}

/// The first rows of a SELECT, by column; so many at the most.
///
/// # Errors
///
/// It is no single SELECT, cannot be run, or something could not be read.
pub async fn look_up(provider: &dyn Provider, place: &Place, sql: &str, most: usize) -> Result<Vec<Map>, QueryError> {
    let script = Script::parse("query", sql)?;
    if script.len() != 1 {
        let found = Diagnostic::error("Q305", "exactly one statement is needed here").at(script.whole(0));
        return Err(QueryError::rejected(script.sources(), found));
    }
    Ok(select(provider, place, &script, 0).await?.by_column(most))
}

/// The names of all tables.
///
/// # Errors
///
/// The types that the cloud has could not be listed.
pub async fn table_names(provider: &dyn Provider, place: &Place) -> Result<Vec<String>, Fault> {
    tables::all(provider, place).await
}

/// The names of the tables that are known without asking the cloud.
pub fn known_table_names(provider: &dyn Provider) -> Vec<String> {
    tables::known(provider)
}

/// A table by its name, or why there is none and what was perhaps meant.
///
/// # Errors
///
/// There is none, or nobody could say.
pub async fn table(provider: &dyn Provider, place: &Place, name: &str) -> Result<Table, QueryError> {
    let parts: Vec<&str> = name.split('.').collect();
    tables::find(provider, place, &parts).await.map_err(|lost| match lost {
        tables::Lost::Fault(fault) => fault.into(),
        tables::Lost::Unknown(summary, help) => {
            let mut found = Diagnostic::error("Q302", summary);
            found.help = help;
            QueryError::rejected(&trueup_engine::source::Sources::default(), found)
        }
    })
}

/// A table in words: its columns, one a line.
pub fn described(table: &Table) -> String {
    tables::described(table)
}
