//! A stackql-deploy project as it is written: `stackql_manifest.yml`, and which file of `resources/` goes with what.
//!
//! Read with the engine's own tree, so that every leaf has its place. Two things differ from the engine's form: a key that
//! is not known is a warning, because stackql-deploy passes it over and the project must run unmodified, and `file(…)` is
//! replaced here, before any template is looked at, because the texts of an included file are templates too.

mod include;
mod reader;
mod resource;

use std::collections::HashMap;
use std::path::{Component, Path};

use trueup_engine::diagnostic::{Diagnostic, Diagnostics};
use trueup_engine::manifest::grammar;
use trueup_engine::manifest::tree::{self, Node, Yaml};
use trueup_engine::source::{SourceId, Sources, Span, Spanned};

use self::reader::{Fields, Reader};
pub use self::resource::{Entry, EntryType, Exported, ReturnValue, Returning};
use crate::shown;

/// The name of a project's manifest.
pub const FILE: &str = "stackql_manifest.yml";
/// The folder of its queries.
pub const RESOURCES: &str = "resources";
/// Bytes of an `.iql` file and of an include.
const MAX_BYTES: u64 = 8 * 1024 * 1024;

/// A project as it is written.
#[derive(Debug, Clone)]
pub struct Project {
    /// The text of its manifest.
    pub source: SourceId,
    /// `name`.
    pub name: Spanned<String>,
    /// `description`.
    pub description: Option<String>,
    /// `providers`, without a version suffix.
    pub providers: Vec<Spanned<String>>,
    /// `globals`, in their order.
    pub globals: Vec<Global>,
    /// `resources`, in their order.
    pub resources: Vec<Entry>,
    /// `exports`.
    pub exports: Vec<Spanned<String>>,
}

/// A global value.
#[derive(Debug, Clone)]
pub struct Global {
    /// Its name.
    pub name: Spanned<String>,
    /// Its value.
    pub value: Node,
    /// Its value is a secret.
    pub protected: bool,
}

/// Whether a text is a project's manifest rather than one in the engine's own form, in which every resource that is made
/// has the type of what it is.
pub fn is_project(text: &str) -> bool {
    fn member<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
        let Yaml::Map(entries) = &node.yaml else { return None };
        entries.iter().find(|entry| &*entry.key.value == name).map(|entry| &entry.value)
    }
    let mut found = Diagnostics::new();
    let Some(top) = tree::read(text, SourceId(u32::MAX), &mut found) else { return true };
    let Some(Yaml::List(resources)) = member(&top, "resources").map(|node| &node.yaml) else { return true };
    let mut own = false;
    for resource in resources {
        match member(resource, "type").and_then(Node::as_text).map(|ty| &**ty) {
            Some("query") => {}
            None | Some("resource" | "multi" | "command" | "script") => return true,
            Some(_) => own = true,
        }
    }
    !own
}

/// Reads a project whose manifest is among the sources; its other files are added to them.
///
/// `None` where there is nothing to go on with.
pub fn read(sources: &mut Sources, id: SourceId, found: &mut Diagnostics) -> Option<Project> {
    let text = sources.get(id).map(|source| source.text.clone())?;
    let root = tree::read(&text, id, found)?;
    let at = Span { source: id, start: 0, end: u32::from(!text.is_empty() && text.is_char_boundary(1)) };
    let grammar = grammar::Reader { found, unknown: reader::unknown };
    let mut reader = Reader { grammar, sources, manifest: id, included: Vec::new(), parsed: HashMap::new(), nodes: 0 };
    let known = ["version", "name", "description", "providers", "globals", "resources", "exports"];
    let top = reader.grammar.fields(&root, at, "a manifest", &known)?;
    Some(reader.project(id, top))
}

impl Reader<'_> {
    fn project(&mut self, source: SourceId, top: Fields<'_>) -> Project {
        if top.get("name").is_none() {
            self.grammar.missing(top.span, "a manifest", "name");
        }
        let name = self.grammar.text(top.get("name"), "the name of a manifest");
        let project = Project {
            source,
            name: name.unwrap_or(Spanned { value: String::new(), span: top.span }),
            description: self.grammar.text(top.get("description"), "`description`").map(|text| text.value),
            providers: self.providers(top),
            globals: self.globals(top),
            resources: self
                .grammar
                .list(top.get("resources"), "`resources`")
                .iter()
                .filter_map(|node| self.entry(node))
                .collect(),
            exports: self.grammar.texts(top.get("exports"), "`exports`"),
        };
        if top.get("resources").is_none() {
            self.grammar.missing(top.span, "a manifest", "resources");
        }
        self.grammar.twice(project.globals.iter().map(|global| &global.name), "global");
        self.grammar.twice(project.resources.iter().map(|entry| &entry.name), "resource");
        project
    }

    fn providers(&mut self, top: Fields<'_>) -> Vec<Spanned<String>> {
        let mut providers = self.grammar.texts(top.get("providers"), "`providers`");
        for provider in &mut providers {
            if let Some((name, version)) = provider.value.split_once("::") {
                self.grammar.found.push(
                    Diagnostic::note("M111", format!("the version `{version}` of provider `{name}` has no effect"))
                        .at(provider.span)
                        .noted("trueup speaks to AWS itself and downloads no provider"),
                );
                provider.value = name.to_owned();
            }
            if !matches!(&*provider.value, "aws" | "awscc") {
                self.grammar.found.push(
                    Diagnostic::warning("Q202", format!("the provider `{}` is not supported", provider.value))
                        .at(provider.span)
                        .help("`aws` and `awscc` are; what uses another one is reported where it does"),
                );
            }
        }
        providers.retain(|provider| matches!(&*provider.value, "aws" | "awscc"));
        providers
    }

    fn globals(&mut self, top: Fields<'_>) -> Vec<Global> {
        let mut globals = Vec::new();
        for node in self.grammar.list(top.get("globals"), "`globals`") {
            let known = ["name", "value", "description", "protected"];
            let Some(fields) = self.grammar.fields(node, node.span, "a global", &known) else { continue };
            let name = self.name(fields, "a global");
            let protected = self.grammar.flag(fields.get("protected"), "`protected`");
            let Some(value) = fields.get("value") else {
                self.grammar.missing(fields.span, "a global", "value");
                continue;
            };
            let value = self.included(value);
            if let Some(name) = name {
                globals.push(Global { name, value, protected });
            }
        }
        globals
    }
}

/// A path below `resources/`, as it is written; why it cannot be read where it leads out of the folder or is not there.
fn open(sources: &Sources, written: &str) -> Result<String, String> {
    let relative = Path::new(written);
    if !relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err("it is outside of the project's `resources` folder".to_owned());
    }
    let root = if sources.root().as_os_str().is_empty() { Path::new(".") } else { sources.root() };
    let folder = root.join(RESOURCES);
    let reason = |error: &std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        kind => kind.to_string(),
    };
    let full = folder.join(relative).canonicalize().map_err(|error| reason(&error))?;
    let folder = folder.canonicalize().map_err(|error| reason(&error))?;
    if !full.starts_with(&folder) {
        return Err("it leads out of the project's `resources` folder".to_owned());
    }
    let metadata = full.metadata().map_err(|error| reason(&error))?;
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return Err("it is not a file of at most 8 MiB".to_owned());
    }
    let bytes = std::fs::read(&full).map_err(|error| reason(&error))?;
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

/// Adds a file of `resources/` to the sources, once.
fn add(sources: &mut Sources, manifest: SourceId, written: &str) -> Result<SourceId, String> {
    let manifest = sources.get(manifest).map(|source| source.name.clone()).unwrap_or_default();
    let folder = manifest.strip_suffix(FILE).unwrap_or_default();
    let name = format!("{folder}{RESOURCES}/{}", written.trim_start_matches("./"));
    if let Some((known, _)) = sources.iter().find(|(_, source)| source.name == name) {
        return Ok(known);
    }
    let text = open(sources, written)?;
    if Path::new(written).extension().is_some_and(|extension| extension == "iql") {
        let shown = shown::veiled(&text);
        return Ok(sources.add_shown(name, text, &shown));
    }
    Ok(sources.add(name, text))
}
