//! `trueup schema`: JSON Schemas of what is read and written. They are also checked in, and a test fails when stale.

use schemars::generate::SchemaSettings;

use crate::args::SchemaOf;
use crate::commands::Context;
use crate::commands::import::ImportDocument;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::manifest_schema;
use crate::output::drift::DriftDocument;
use crate::output::fleet::FleetDocument;
use crate::output::graph::GraphDocument;
use crate::output::jsonl::EventLine;
use crate::output::preflight::PreflightDocument;
use crate::output::query::QueryDocument;

/// Prints a schema.
pub fn run(context: &Context<'_>, what: SchemaOf) -> Result<Exit, CommandError> {
    context.printer.document(&schema(what))?;
    Ok(Exit::Done)
}

fn schema(what: SchemaOf) -> serde_json::Value {
    match what {
        SchemaOf::Manifest => manifest_schema::manifest(trueup_aws::registry()),
        SchemaOf::Plan => written::<trueup_engine::plan::document::PlanDocument>(),
        SchemaOf::Drift => written::<DriftDocument>(),
        SchemaOf::Fleet => written::<FleetDocument>(),
        SchemaOf::Import => written::<ImportDocument>(),
        SchemaOf::Preflight => written::<PreflightDocument>(),
        SchemaOf::Events => written::<EventLine>(),
        SchemaOf::Graph => written::<GraphDocument>(),
        SchemaOf::Query => written::<QueryDocument>(),
    }
}

/// The schema of what is written: what is left out where it is empty is not required.
fn written<T: schemars::JsonSchema>() -> serde_json::Value {
    SchemaSettings::default().for_serialize().into_generator().into_root_schema_for::<T>().to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schemas_in_the_repository_are_current() {
        for (name, what) in [
            ("manifest", SchemaOf::Manifest),
            ("plan", SchemaOf::Plan),
            ("drift", SchemaOf::Drift),
            ("fleet", SchemaOf::Fleet),
            ("import", SchemaOf::Import),
            ("preflight", SchemaOf::Preflight),
            ("events", SchemaOf::Events),
            ("graph", SchemaOf::Graph),
            ("query", SchemaOf::Query),
        ] {
            let path = format!("{}/../../schemas/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
            let there = std::fs::read_to_string(&path).unwrap_or_default();
            let made = format!("{}\n", serde_json::to_string_pretty(&schema(what)).unwrap());
            assert!(there == made, "stale: trueup schema {name} > schemas/{name}.schema.json");
        }
    }
}
