//! From a stack's folder to a graph: everything that needs no cloud, shared by all commands.
//!
//! Each stage goes on after a mistake as far as what it got makes sense, so that one run shows all of them.

mod project;

use std::collections::BTreeMap;
use std::path::Path;

use time::OffsetDateTime;
use trueup_aws::kinds::cloud_control::Found;
use trueup_engine::desired::{self, Defaults, Reading};
use trueup_engine::diagnostic::Diagnostics;
use trueup_engine::graph::{self, Graph};
use trueup_engine::manifest::{self, Manifest};
use trueup_engine::render::{self, Inputs};
use trueup_engine::source::{self, SourceId, Sources};
use trueup_engine::stack::Stack;
use trueup_stackql::project::Project;
use trueup_stackql::secrecy::Secrecy;
use trueup_stackql::translate::Answer;

use crate::error::CommandError;
use crate::settings::{Settings, Target};
use crate::types;

/// The most that a file of variables may hold.
const LARGEST_VAR_FILE: u64 = 8 * 1024 * 1024;

/// What could be made of a stack.
pub struct Loaded {
    /// The texts, for messages.
    pub sources: Sources,
    /// What is wrong, in the order of the text.
    pub diagnostics: Diagnostics,
    /// The rendered manifest, where there is one.
    pub stack: Option<Stack>,
    /// The graph; only where nothing is wrong with its resources.
    pub graph: Option<Graph>,
    /// The statements of a project as they are rendered, where they were asked for.
    pub queries: String,
    /// The project of stackql-deploy that it is, and what its scripts gave.
    pub project: Option<(Project, BTreeMap<String, Answer>)>,
    /// What the checks of its resources need besides.
    pending: Option<Pending>,
}

/// A manifest that was rendered, and what with.
struct Pending {
    manifest: Manifest,
    env: String,
    files: Vec<(String, String)>,
    today: (i32, u8, u8),
    /// What rendering found.
    rendered: Diagnostics,
}

impl Pending {
    fn with<T>(&self, settings: &Settings, work: impl FnOnce(&Manifest, &Inputs<'_>) -> T) -> T {
        let environment = |name: &str| settings.environment.get(name);
        let inputs = Inputs {
            env: &self.env,
            given: settings.given.clone(),
            files: self.files.clone(),
            environment: &environment,
            today: self.today,
        };
        work(&self.manifest, &inputs)
    }
}

impl Loaded {
    /// The manifest, before it is checked.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.pending.as_ref().map(|pending| &pending.manifest)
    }

    /// Whether nothing may be sent.
    pub fn is_invalid(&self) -> bool {
        self.diagnostics.has_errors() || self.stack.is_none() || self.graph.is_none()
    }
}

/// Reads, renders and checks a stack, without the network: a type whose schema is not at hand is not checked.
pub fn load(settings: &Settings, target: &Target) -> Result<Loaded, CommandError> {
    let mut loaded = read(settings, target)?;
    let types = types::of(&loaded);
    let found = types::cached(settings, &loaded, &types);
    check(settings, &mut loaded, found);
    Ok(loaded)
}

/// Reads and renders a stack; nothing is known of its resources yet.
pub fn read(settings: &Settings, target: &Target) -> Result<Loaded, CommandError> {
    let files = settings.var_files.iter().map(|path| var_file(path)).collect::<Result<Vec<_>, _>>()?;
    let mut loaded = Loaded {
        sources: Sources::default(),
        diagnostics: Diagnostics::new(),
        stack: None,
        graph: None,
        queries: String::new(),
        project: None,
        pending: None,
    };
    stages(settings, target, files, &mut loaded)?;
    Ok(loaded)
}

/// Checks the resources of a stack, with the types that are known by their schema besides those of trueup's own.
pub fn check(settings: &Settings, loaded: &mut Loaded, found: Found) {
    if let Some(mut pending) = loaded.pending.take() {
        let (registry, problems) = types::registry(found);
        let first = (loaded.stack.take(), std::mem::take(&mut pending.rendered));
        let Reading { stack, desired: nodes, diagnostics } = pending.with(settings, |manifest, inputs| {
            desired::read_from(first, manifest, inputs, registry, &mut loaded.sources, &defaults(settings))
        });
        if let (Some(stack), Some(project), true) = (&stack, &loaded.project, settings.run.show_queries) {
            let mut sources = loaded.sources.clone();
            loaded.queries = pending.with(settings, |manifest, inputs| {
                let secrecy = Secrecy::of(manifest, stack, nodes.iter().map(AsRef::as_ref));
                let inputs = Inputs { given: inputs.given.clone(), files: inputs.files.clone(), ..*inputs };
                project::statements(settings, project, stack, &secrecy, inputs, &mut sources)
            });
        }
        if let Some(stack) = stack {
            loaded.diagnostics.extend(types::explained(diagnostics, &stack, &problems));
            // A resource that is missing here has its message already; edges to it would only add wrong ones.
            if nodes.len() == stack.instances.len() {
                match graph::graph(nodes, &stack) {
                    Ok(graph) => loaded.graph = Some(graph),
                    Err(found) => loaded.diagnostics.extend(found),
                }
            }
            loaded.stack = Some(stack);
        } else {
            loaded.diagnostics.extend(diagnostics);
        }
    }
    loaded.diagnostics = std::mem::take(&mut loaded.diagnostics).sorted();
}

/// Where resources live that do not say it themselves.
pub fn defaults(settings: &Settings) -> Defaults {
    Defaults { region: settings.cloud.region.clone(), role_arn: settings.cloud.role_arn.clone() }
}

fn stages(
    settings: &Settings,
    target: &Target,
    files: Vec<(String, String)>,
    loaded: &mut Loaded,
) -> Result<(), CommandError> {
    let source = match source::load(&target.path) {
        Ok((sources, source)) => {
            loaded.sources = sources;
            source
        }
        Err(diagnostic) => {
            loaded.diagnostics.push(diagnostic);
            return Ok(());
        }
    };
    let today = OffsetDateTime::now_utc().date();
    let today = (today.year(), u8::from(today.month()), today.day());
    let mut files = files;
    let manifest = if is_project(&loaded.sources, source) {
        files.extend(project::variables(settings, &loaded.sources)?);
        project::manifest(settings, target, &files, today, source, loaded)
    } else {
        let (manifest, found) = manifest::parse(&mut loaded.sources, source);
        loaded.diagnostics.extend(found);
        manifest
    };
    let Some(manifest) = manifest else { return Ok(()) };
    let mut pending = Pending { manifest, env: target.env.clone(), files, today, rendered: Diagnostics::new() };
    let (stack, found) =
        pending.with(settings, |manifest, inputs| render::render(manifest, inputs, &mut loaded.sources));
    pending.rendered = found;
    loaded.stack = stack;
    loaded.pending = Some(pending);
    Ok(())
}

/// Whether a stack is a project of stackql-deploy.
fn is_project(sources: &Sources, source: SourceId) -> bool {
    let named = |name: &str| Path::new(name).file_name().is_some_and(|name| name == source::STACKQL);
    sources.get(source).is_some_and(|source| named(&source.name) && trueup_stackql::project::is_project(&source.text))
}

/// The name and the text of a file of variables.
fn var_file(path: &Path) -> Result<(String, String), CommandError> {
    let usage = |error: &std::io::Error| CommandError::usage(format!("cannot read `{}`: {error}", path.display()));
    let size = std::fs::metadata(path).map_err(|error| usage(&error))?.len();
    if size > LARGEST_VAR_FILE {
        return Err(CommandError::usage(format!("`{}` is larger than 8 MiB", path.display())));
    }
    let text = std::fs::read_to_string(path).map_err(|error| usage(&error))?;
    Ok((path.display().to_string(), text))
}
