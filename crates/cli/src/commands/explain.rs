//! `trueup explain CODE`: the page of a message.

use serde_json::json;
use trueup_engine::diagnostic::codes::{CODES, find};
use trueup_engine::plan::document::FORMAT_VERSION;

use crate::args::Format;
use crate::commands::Context;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::text::Tone;

/// Explains a code; without one, lists all.
pub fn run(context: &Context<'_>, code: Option<&str>) -> Result<Exit, CommandError> {
    let pages = match code {
        None => CODES.iter().collect(),
        Some(code) => vec![find(code).ok_or_else(|| {
            CommandError::usage(format!("`{code}` is no code of trueup")).hint("`trueup explain` lists all codes")
        })?],
    };
    if context.format() != Format::Human {
        let pages: Vec<_> =
            pages.iter().map(|page| json!({"code": page.code, "title": page.title, "page": page.page})).collect();
        context
            .printer
            .document(&json!({"format_version": FORMAT_VERSION, "command": context.name, "codes": pages}))?;
        return Ok(Exit::Done);
    }
    for page in pages {
        let heading = context.printer.paint().paint(Tone::Strong, &format!("{}  {}", page.code, page.title));
        context.printer.result(&heading);
        context.printer.result("\n");
        if code.is_some() {
            context.printer.result(&format!("\n{}\n", page.page.trim()));
        }
    }
    Ok(Exit::Done)
}
