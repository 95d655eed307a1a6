//! A project of stackql-deploy as a stack: its manifest in the engine's form, and the variables of its `.env`.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use trueup_engine::diagnostic::Diagnostics;
use trueup_engine::manifest::Manifest;
use trueup_engine::render::Inputs;
use trueup_engine::source::{SourceId, Sources};
use trueup_engine::stack::Stack;
use trueup_stackql::project::{self, Project};
use trueup_stackql::script;
use trueup_stackql::secrecy::Secrecy;
use trueup_stackql::statements;
use trueup_stackql::translate::{self, Answer, Options};

use super::{Loaded, var_file};
use crate::error::CommandError;
use crate::selection;
use crate::settings::{Settings, Target};

/// The file of variables that stackql-deploy reads without being told to.
const ENV_FILE: &str = ".env";

/// What stands in `.env`, beside the manifest or else in the current folder, where no file of variables is named.
///
/// # Errors
///
/// One that is there and cannot be read: without it, other values than those in it would count.
pub fn variables(settings: &Settings, sources: &Sources) -> Result<Option<(String, String)>, CommandError> {
    if !settings.var_files.is_empty() {
        return Ok(None);
    }
    for path in [sources.root().join(ENV_FILE), Path::new(ENV_FILE).to_owned()] {
        match std::fs::metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            // An environment of Python has this name sometimes.
            Ok(found) if !found.is_file() => {}
            _ => return var_file(&path).map(Some),
        }
    }
    Ok(None)
}

/// The manifest of a project; what is wrong with it is among the stack's findings.
pub fn manifest(
    settings: &Settings,
    target: &Target,
    files: &[(String, String)],
    today: (i32, u8, u8),
    source: SourceId,
    loaded: &mut Loaded,
) -> Option<Manifest> {
    let mut found = Diagnostics::new();
    let project = project::read(&mut loaded.sources, source, &mut found);
    let manifest = project.map(|project| {
        let none = BTreeMap::new();
        let selected = |name: &str| selection::fits(name, &settings.run);
        let options = Options {
            kinds: trueup_aws::registry(),
            answers: &none,
            allow_scripts: settings.run.allow_scripts,
            keep_order: settings.run.keep_order,
            selected: &selected,
        };
        let environment = |name: &str| settings.environment.get(name);
        let inputs = Inputs {
            env: &target.env,
            given: settings.given.clone(),
            files: files.to_vec(),
            environment: &environment,
            today,
        };
        let mut answers = BTreeMap::new();
        if options.allow_scripts {
            answers = script::run(&project, &mut loaded.sources, &options, &inputs, &mut found);
        }
        let options = Options { answers: &answers, ..options };
        let manifest = translate::translate(&project, &loaded.sources, &options, &mut found);
        (manifest, project, answers)
    });
    loaded.diagnostics.extend(found);
    let (manifest, project, answers) = manifest?;
    loaded.project = Some((project, answers));
    Some(manifest)
}

/// The statements of a project, once it is known which of its variables are secrets.
pub fn statements(
    settings: &Settings,
    project: &(Project, BTreeMap<String, Answer>),
    stack: &Stack,
    secrecy: &Secrecy,
    inputs: Inputs<'_>,
    sources: &mut Sources,
) -> String {
    let secret = stack.variables.iter().filter(|variable| variable.secret).map(|variable| variable.name.clone());
    let secret: Vec<String> = secret.chain(stack.protected_of.iter().cloned()).collect();
    let options = Options {
        kinds: trueup_aws::registry(),
        answers: &project.1,
        allow_scripts: settings.run.allow_scripts,
        keep_order: false,
        selected: &|_| true,
    };
    statements::shown(&project.0, sources, &options, inputs, &secret, secrecy)
}
