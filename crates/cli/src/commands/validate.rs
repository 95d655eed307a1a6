//! `trueup validate`: everything that needs no cloud.

use serde::Serialize;
use trueup_engine::plan::document::{FORMAT_VERSION, StackName};

use crate::args::Format;
use crate::commands::{Context, invalid};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::front;
use crate::output::diagnostics::{self, DiagnosticDocument};
use crate::output::graph::Network;
use crate::output::page::Page;
use crate::output::text::{Tone, clean, count};
use crate::settings::Target;

#[derive(Serialize)]
struct Document {
    format_version: &'static str,
    command: &'static str,
    stack: StackName,
    resources: usize,
    diagnostics: Vec<DiagnosticDocument>,
}

/// Validates a stack.
pub fn run(context: &Context<'_>, target: &Target) -> Result<Exit, CommandError> {
    let loaded = front::load(context.settings, target)?;
    context.is_about(&loaded);
    let (Some(stack), Some(graph), false) = (&loaded.stack, &loaded.graph, loaded.is_invalid()) else {
        return invalid(context, &loaded);
    };
    let documents = diagnostics::documents(&loaded.diagnostics, &loaded.sources);
    match context.format() {
        Format::Human => {
            diagnostics::print(&loaded.diagnostics, &loaded.sources, context.printer);
            let valid = context.printer.paint().paint(Tone::Good, "valid");
            let counted = diagnostics::counts(&loaded.diagnostics);
            let warnings = if counted.is_empty() { String::new() } else { format!(", {counted}") };
            context.printer.result(&format!(
                "{} ({}): {valid}, {}{warnings}\n",
                clean(&stack.name.value),
                clean(&stack.env),
                count(graph.nodes.len(), "resource", "resources"),
            ));
        }
        Format::Json => context.printer.document(&Document {
            format_version: FORMAT_VERSION,
            command: context.name,
            stack: StackName { name: stack.name.value.clone(), env: stack.env.clone() },
            resources: graph.nodes.len(),
            diagnostics: documents,
        })?,
        Format::Jsonl => context.jsonl.diagnostics(&documents),
        Format::Page(format) => {
            let counted = diagnostics::counts(&loaded.diagnostics);
            let warnings = if counted.is_empty() { String::new() } else { format!(", {counted}") };
            let headline = format!("Valid: {}{warnings}.", count(graph.nodes.len(), "resource", "resources"));
            let page = Page::new(context.name, context.printer.subject());
            let page = page.with_findings(&loaded.diagnostics, &loaded.sources, headline);
            context.printer.page(&page.with_resources(Network::new(graph, &loaded.sources)), format);
        }
    }
    Ok(Exit::Done)
}
