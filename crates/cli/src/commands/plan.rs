//! `trueup plan`: read the live state, show what differs, perhaps save it.

use std::path::Path;

use trueup_engine::credential::SecretStore;
use trueup_engine::diagnostic::Diagnostics;
use trueup_engine::observe::{self, Observed};
use trueup_engine::plan::document::PlanDocument;
use trueup_engine::plan::{self, Plan};

use crate::args::Format;
use crate::cloud::{self, Connected};
use crate::commands::{Context, Ready, account_binding, conditions, ready};
use crate::error::CommandError;
use crate::exit::{Exit, decide, when};
use crate::files;
use crate::output::{diagnostics, human};
use crate::secrets::Secrets;
use crate::selection;
use crate::settings::Target;

/// A plan and what it was made from.
pub struct Planned {
    /// What was read.
    pub observed: Observed,
    /// The plan.
    pub plan: Plan,
    /// Its digest, the same whether it is saved or not.
    pub digest: String,
    /// Findings of all stages.
    pub diagnostics: Diagnostics,
}

/// Plans a stack.
pub async fn run(
    context: &Context<'_>,
    target: &Target,
    out: Option<&Path>,
    exit_code: bool,
) -> Result<Exit, CommandError> {
    let ready = match ready(context, target)? {
        Ok(ready) => ready,
        Err(exit) => return Ok(exit),
    };
    let options = options(context, &ready)?;
    let secrets = Secrets::new(context.settings.environment.clone(), ready.sources.root());
    let cloud = cloud::connect(context.settings, context.settings.run.secret_reads).await?;
    let planned = make(context, &ready, &cloud, &secrets, &options).await;
    cloud.close().await?;
    let planned = late(planned, &secrets);

    show(context, &ready, &planned)?;
    let binding = account_binding(&ready, &planned.observed, false);
    if let Some(error) = &binding
        && context.printer.is_human()
    {
        context.printer.error(error);
    }
    if let Some(path) = out {
        save(context, path, &planned, &ready)?;
    }
    let changed = when(exit_code && planned.plan.has_changes(), Exit::Changes);
    let bound = binding.map_or(Exit::Done, |error| error.exit());
    Ok(decide(conditions(&planned.plan, context.settings.run.strict).into_iter().chain([changed, bound])))
}

/// What the plan may do.
pub fn options(context: &Context<'_>, ready: &Ready) -> Result<plan::Options, CommandError> {
    let run = &context.settings.run;
    Ok(plan::Options {
        allow_replace: run.allow_replace.clone(),
        fingerprint_key: run.plan_key.clone(),
        selected: selection::selected(&ready.graph, run)?,
        allow_deletes: run.allow_deletes,
    })
}

/// Observes and plans.
pub async fn make(
    context: &Context<'_>,
    ready: &Ready,
    cloud: &Connected,
    secrets: &dyn SecretStore,
    options: &plan::Options,
) -> Planned {
    let reading = observe::Options {
        secrets: context.settings.run.secret_reads,
        shallow: false,
        only: options.selected.as_ref().map(|selected| selection::with_dependencies(&ready.graph, selected)),
    };
    let observed = observe::observe(&ready.graph, &cloud.session, &reading).await;
    let plan = plan::plan(&ready.graph, &observed, secrets, options);
    let digest = PlanDocument::saved(&plan, &ready.stack).digest;
    let mut diagnostics = ready.diagnostics.clone();
    diagnostics.extend(plan.diagnostics.clone());
    Planned { observed, plan, digest, diagnostics }
}

/// Adds what came up when secrets were read.
pub fn late(mut planned: Planned, secrets: &Secrets) -> Planned {
    planned.diagnostics.extend(secrets.problems());
    planned
}

/// Shows the plan in the form asked for.
pub fn show(context: &Context<'_>, ready: &Ready, planned: &Planned) -> Result<(), CommandError> {
    let verbose = context.printer.settings().verbose > 0;
    match context.format() {
        Format::Human => show_human(context, ready, planned),
        Format::Json => {
            let mut document = document(planned, verbose);
            document.diagnostics = diagnostics::values(&all_findings(ready, planned), &ready.sources);
            context.printer.document(&document)?;
        }
        Format::Jsonl => {
            let found = diagnostics::documents(&all_findings(ready, planned), &ready.sources);
            context.jsonl.plan(context.name, &document(planned, verbose), &found);
        }
    }
    Ok(())
}

/// Shows the plan to a person: the result on stdout, what came up while planning on stderr.
pub fn show_human(context: &Context<'_>, ready: &Ready, planned: &Planned) {
    let view = context.view();
    if context.printer.settings().quiet {
        context.printer.result(&human::summary(&planned.plan));
    } else {
        context.printer.result(&human::plan(&planned.plan, view));
    }
    // Those of the manifest were printed when it was read.
    let mut late = Diagnostics::new();
    for found in planned.diagnostics.iter().skip(ready.diagnostics.iter().count()) {
        late.push(found.clone());
    }
    diagnostics::print(&late, &ready.sources, context.printer);
    for error in faults(planned) {
        context.printer.hint(&error);
    }
}

/// What to do about resources that could not be read; each advice once.
fn faults(planned: &Planned) -> Vec<String> {
    let mut hints = Vec::new();
    for hint in planned.plan.steps.iter().filter_map(|step| step.unread()).filter_map(crate::error::advice) {
        if !hints.contains(&hint) {
            hints.push(hint);
        }
    }
    hints
}

/// Every finding, the refusal of the account among them.
fn all_findings(ready: &Ready, planned: &Planned) -> Diagnostics {
    let mut all = planned.diagnostics.clone();
    if let (Some(error), Some(bound)) = (account_binding(ready, &planned.observed, false), &ready.stack.account) {
        let found = trueup_engine::diagnostic::Diagnostic::error("P120", error.message).at(bound.span);
        all.push(error.hints.into_iter().fold(found, trueup_engine::diagnostic::Diagnostic::help));
    }
    all
}

/// The plan as a document, with the digest that a saved one has.
fn document(planned: &Planned, verbose: bool) -> PlanDocument {
    let mut document = PlanDocument::new(&planned.plan, verbose);
    document.digest.clone_from(&planned.digest);
    document
}

/// Saves the plan.
fn save(context: &Context<'_>, path: &Path, planned: &Planned, ready: &Ready) -> Result<(), CommandError> {
    let document = PlanDocument::saved(&planned.plan, &ready.stack);
    let text = serde_json::to_string_pretty(&document)
        .map_err(|error| CommandError::failed(format!("cannot write the plan as JSON: {error}")))?;
    files::write_private(path, &format!("{text}\n"))?;
    context.printer.message(&format!("Saved to {} with digest {}\n", path.display(), document.digest));
    Ok(())
}
