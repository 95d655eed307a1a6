//! From a stack's folder to a graph: everything that needs no cloud, shared by all commands.
//!
//! Each stage goes on after a mistake as far as what it got makes sense, so that one run shows all of them.

use std::path::Path;

use time::OffsetDateTime;
use trueup_engine::desired::{self, Defaults, Reading};
use trueup_engine::diagnostic::Diagnostics;
use trueup_engine::graph::{self, Graph};
use trueup_engine::manifest;
use trueup_engine::render::Inputs;
use trueup_engine::source::{self, Sources};
use trueup_engine::stack::Stack;

use crate::error::CommandError;
use crate::settings::{Settings, Target};

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
}

impl Loaded {
    /// Whether nothing may be sent.
    pub fn is_invalid(&self) -> bool {
        self.diagnostics.has_errors() || self.stack.is_none() || self.graph.is_none()
    }
}

/// Reads, renders and checks a stack.
pub fn load(settings: &Settings, target: &Target) -> Result<Loaded, CommandError> {
    let files = settings.var_files.iter().map(|path| var_file(path)).collect::<Result<Vec<_>, _>>()?;
    let mut loaded = Loaded { sources: Sources::default(), diagnostics: Diagnostics::new(), stack: None, graph: None };
    stages(settings, target, files, &mut loaded);
    loaded.diagnostics = std::mem::take(&mut loaded.diagnostics).sorted();
    Ok(loaded)
}

fn stages(settings: &Settings, target: &Target, files: Vec<(String, String)>, loaded: &mut Loaded) {
    let source = match source::load(&target.path) {
        Ok((sources, source)) => {
            loaded.sources = sources;
            source
        }
        Err(diagnostic) => return loaded.diagnostics.push(diagnostic),
    };
    let (manifest, found) = manifest::parse(&mut loaded.sources, source);
    loaded.diagnostics.extend(found);
    let Some(manifest) = manifest else { return };

    let today = OffsetDateTime::now_utc().date();
    let environment = |name: &str| settings.environment.get(name);
    let inputs = Inputs {
        env: &target.env,
        given: settings.given.clone(),
        files,
        environment: &environment,
        today: (today.year(), u8::from(today.month()), today.day()),
    };
    let defaults = Defaults { region: settings.cloud.region.clone(), role_arn: settings.cloud.role_arn.clone() };
    let Reading { stack, desired: nodes, diagnostics } =
        desired::read(&manifest, &inputs, trueup_aws::registry(), &mut loaded.sources, &defaults);
    loaded.diagnostics.extend(diagnostics);
    let Some(stack) = stack else { return };
    // A resource that is missing here has its message already; edges to it would only add wrong ones.
    if nodes.len() == stack.instances.len() {
        match graph::graph(nodes, &stack) {
            Ok(graph) => loaded.graph = Some(graph),
            Err(found) => loaded.diagnostics.extend(found),
        }
    }
    loaded.stack = Some(stack);
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
