//! stackql-deploy projects, and SQL over live resources, in terms of trueup's engine.
//!
//! Two ways in, one dialect. A project (`stackql_manifest.yml` and `resources/*.iql`) becomes the engine's own `Manifest`,
//! and from there on it is the same pipeline. A statement given to `trueup query` becomes reads and writes of the same
//! kinds; what the API cannot answer is answered by SQLite in memory.
//!
//! ```text
//! project ─ iql ─ sql ─ lift ─ translate ─ Manifest          sql ─ query ─ rows
//! ```

pub mod iql;
pub mod lift;
pub mod migrate;
pub mod project;
pub mod query;
pub mod script;
pub mod sql;
pub mod statements;
pub mod translate;

#[cfg(test)]
mod testing;
