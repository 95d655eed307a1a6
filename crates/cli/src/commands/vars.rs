//! `trueup vars`: each variable with its value and where that comes from; secrets masked.
//!
//! A variable is a secret also where it only reaches one, so that the stack is checked before anything is listed.

use serde::Serialize;
use trueup_engine::plan::document::{FORMAT_VERSION, StackName};
use trueup_engine::stack::Variable;
use trueup_engine::value::Value;

use crate::args::Format;
use crate::commands::{Context, invalid};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::front;
use crate::output::diagnostics::{self, DiagnosticDocument};
use crate::output::text::{Line, Tone, clean, columns};
use crate::output::value;
use crate::settings::Target;

#[derive(Serialize)]
struct Document {
    format_version: &'static str,
    command: &'static str,
    stack: StackName,
    variables: Vec<Row>,
    diagnostics: Vec<DiagnosticDocument>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    value: serde_json::Value,
    source: Option<String>,
    secret: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

impl Row {
    fn new(variable: &Variable) -> Self {
        let masked = match &variable.value {
            // The name of the source is all that may be shown, whatever the value is.
            Some(value) if variable.secret && !matches!(value, Value::Secret(_)) => {
                serde_json::json!({ "$secret": variable.origin.as_deref().unwrap_or("literal") })
            }
            Some(value) => value.to_masked_json(),
            None => serde_json::Value::Null,
        };
        Self {
            name: variable.name.clone(),
            value: masked,
            source: variable.origin.clone(),
            secret: variable.secret,
            why: variable.why.clone(),
            description: variable.description.clone(),
        }
    }
}

/// Lists the variables of a stack.
pub fn run(context: &Context<'_>, target: &Target) -> Result<Exit, CommandError> {
    let loaded = front::load(context.settings, target)?;
    let Some(stack) = &loaded.stack else { return invalid(context, &loaded) };
    if context.format() == Format::Human {
        diagnostics::print(&loaded.diagnostics, &loaded.sources, context.printer);
        context.printer.result(&table(context, &stack.variables));
    } else {
        context.printer.document(&Document {
            format_version: FORMAT_VERSION,
            command: context.name,
            stack: StackName { name: stack.name.value.clone(), env: stack.env.clone() },
            variables: stack.variables.iter().map(Row::new).collect(),
            diagnostics: diagnostics::documents(&loaded.diagnostics, &loaded.sources),
        })?;
    }
    Ok(if loaded.diagnostics.has_errors() { Exit::Usage } else { Exit::Done })
}

fn table(context: &Context<'_>, variables: &[Variable]) -> String {
    let view = context.view();
    if variables.is_empty() {
        return "The manifest uses no variables.\n".to_owned();
    }
    let cells: Vec<(String, String, String)> = variables
        .iter()
        .map(|variable| {
            let shown = match &variable.value {
                Some(_) if variable.secret => "(secret)".to_owned(),
                Some(found) => value::leaf(found, view.verbose),
                None => "(not found)".to_owned(),
            };
            let origin = variable.origin.as_deref().map_or(String::new(), |origin| clean(origin).into_owned());
            (clean(&variable.name).into_owned(), shown, origin)
        })
        .collect();
    let width =
        |cell: fn(&(String, String, String)) -> &String| cells.iter().map(|row| columns(cell(row))).max().unwrap_or(0);
    let (first, second) = (width(|row| &row.0), width(|row| &row.1).min(60));
    let mut text = String::new();
    for ((name, shown, origin), variable) in cells.iter().zip(variables) {
        let tone = if variable.value.is_none() { Tone::Bad } else { Tone::Plain };
        let mut line = Line::new(first + 2)
            .then(Tone::Strong, &**name)
            .pad_to(first + 2, 2)
            .then(tone, &**shown)
            .pad_to(first + second + 4, 2)
            .then(Tone::Faint, &**origin);
        if let Some(why) = &variable.why {
            line = line.then(Tone::Faint, format!("  {}", clean(why)));
        }
        if view.verbose
            && let Some(description) = &variable.description
        {
            line = line.then(Tone::Faint, format!("  {}", clean(description)));
        }
        text.push_str(&line.render(view.paint, view.width));
    }
    text
}
