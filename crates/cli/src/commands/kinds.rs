//! `trueup kinds`: the types of resources, and what one of them takes.

use std::fmt::Write as _;

use serde_json::json;
use trueup_engine::diagnostic::suggest::nearest;
use trueup_engine::kind::{Kind, Verb};
use trueup_engine::permission::{self, Subject};
use trueup_engine::plan::document::FORMAT_VERSION;

use crate::args::Format;
use crate::commands::Context;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::jsonl::verb;
use crate::output::text::{Line, Tone, columns};
use crate::skeleton;

const VERBS: [Verb; 4] = [Verb::Read, Verb::Create, Verb::Update, Verb::Delete];

/// Lists all types, or shows one.
pub fn run(context: &Context<'_>, name: Option<&str>) -> Result<Exit, CommandError> {
    let chosen = name.map(find).transpose()?;
    let kinds: Vec<&'static dyn Kind> =
        chosen.map_or_else(|| trueup_aws::registry().iter().collect(), |kind| vec![kind]);
    if context.format() != Format::Human {
        let kinds: Vec<_> = kinds.into_iter().map(|kind| describe(kind, chosen.is_some())).collect();
        context
            .printer
            .document(&json!({"format_version": FORMAT_VERSION, "command": context.name, "kinds": kinds}))?;
        return Ok(Exit::Done);
    }
    match chosen {
        Some(kind) => context.printer.result(&one(kind)),
        None => context.printer.result(&all(context, &kinds)),
    }
    Ok(Exit::Done)
}

/// The kind of a name or an alias.
pub fn find(name: &str) -> Result<&'static dyn Kind, CommandError> {
    trueup_aws::registry().find(name).ok_or_else(|| unknown(name))
}

/// That nobody knows a type, and what may have been meant.
pub fn unknown(name: &str) -> CommandError {
    let registry = trueup_aws::registry();
    let known = registry.iter().flat_map(|kind| std::iter::once(kind.name()).chain(kind.aliases().iter().copied()));
    let error = CommandError::usage(format!("`{name}` is no type that trueup knows"));
    match nearest(name, known) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("`trueup kinds` lists the types"),
    }
}

fn all(context: &Context<'_>, kinds: &[&'static dyn Kind]) -> String {
    let view = context.view();
    let width = kinds.iter().map(|kind| columns(kind.name())).max().unwrap_or(0);
    let line = |kind: &&dyn Kind| {
        let attributes: Vec<&str> = kind.attributes().iter().map(|attribute| attribute.name).collect();
        let mut line = Line::new(width + 2).then(Tone::Strong, kind.name()).pad_to(width + 2, 2);
        line = line.then(Tone::Plain, kind.aliases().join(", "));
        if view.verbose && !attributes.is_empty() {
            line = line.then(Tone::Faint, format!("  attributes: {}", attributes.join(", ")));
        }
        line.render(view.paint, view.width)
    };
    kinds.iter().map(line).collect()
}

fn one(kind: &'static dyn Kind) -> String {
    let mut text = format!("{}\n", kind.name());
    let mut list = |label: &str, items: Vec<&str>| {
        if !items.is_empty() {
            let _ = writeln!(text, "  {label}: {}", items.join(", "));
        }
    };
    list("aliases", kind.aliases().to_vec());
    list("named by", vec![kind.identity_property()]);
    list("attributes", kind.attributes().iter().map(|attribute| attribute.name).collect());
    for needed in VERBS {
        list(&format!("{} needs", verb(needed)), needs(kind, needed));
    }
    text.push_str("\nProperties:\n\n");
    text.push_str(&skeleton::properties(kind, 2));
    text
}

/// Every action that a verb may take.
fn needs(kind: &'static dyn Kind, needed: Verb) -> Vec<&'static str> {
    permission::actions(&kind.permissions(needed, &Subject::any()))
}

fn describe(kind: &'static dyn Kind, whole: bool) -> serde_json::Value {
    let permissions: serde_json::Map<String, serde_json::Value> =
        VERBS.into_iter().map(|needed| (verb(needed).to_owned(), json!(needs(kind, needed)))).collect();
    let mut document = json!({
        "type": kind.name(),
        "aliases": kind.aliases(),
        "identity": kind.identity_property(),
        "attributes": kind.attributes().iter().map(|attribute| attribute.name).collect::<Vec<_>>(),
        "permissions": permissions,
    });
    if whole && let Some(map) = document.as_object_mut() {
        map.insert("properties".to_owned(), crate::manifest_schema::properties(kind.schema().properties));
    }
    document
}
