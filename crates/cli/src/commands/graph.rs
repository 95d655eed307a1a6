//! `trueup graph`: which resource needs which, drawn or as a document; no cloud is asked.

use crate::commands::{Context, ready};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::graph::{GraphDocument, Network, dot, mermaid, svg};
use crate::output::text::clean;
use crate::selection;
use crate::settings::{GraphForm, Target};

/// Draws the graph of a stack.
pub fn run(context: &Context<'_>, target: &Target, form: GraphForm) -> Result<Exit, CommandError> {
    let ready = match ready(context, target)? {
        Ok(ready) => ready,
        Err(exit) => return Ok(exit),
    };
    let mut network = Network::new(&ready.graph, &ready.sources);
    if let Some(selected) = selection::selected(&ready.graph, &context.settings.run)? {
        network = network.of(&selected);
    }
    let (name, env) = (&ready.stack.name.value, &ready.stack.env);
    let subject = clean(&format!("{name} ({env})")).into_owned();
    match form {
        GraphForm::Mermaid => context.printer.result(&mermaid::render(&network)),
        GraphForm::Dot => context.printer.result(&dot::render(&network, &subject)),
        GraphForm::Svg => context.printer.result(&svg::render(&network, &subject)),
        GraphForm::Json => context.printer.document(&GraphDocument::new(name, env, &network))?,
    }
    Ok(Exit::Done)
}
