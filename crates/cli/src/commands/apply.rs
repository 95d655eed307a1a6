//! `trueup apply`: plan, ask and execute; or execute a saved plan, once it is certain that nothing has moved since.

use std::io::Read as _;
use std::path::Path;

use trueup_engine::plan;
use trueup_engine::plan::Action;
use trueup_engine::plan::document::{PlanDocument, Stale, verify};

use crate::args::Format;
use crate::cloud::{self, Connected};
use crate::commands::{Context, Ready, execute, plan as planning, preflight, ready_online};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::diagnostics;
use crate::output::document::Bare;
use crate::output::page::Page;
use crate::secrets::{Online, Secrets};
use crate::selection;
use crate::settings::{ApplyWhat, Target};

/// The most that a saved plan may hold.
const LARGEST_PLAN: u64 = 256 * 1024 * 1024;

/// Applies a stack or a saved plan.
pub async fn run(
    context: &Context<'_>,
    what: &ApplyWhat,
    yes: bool,
    expect_digest: Option<&str>,
) -> Result<Exit, CommandError> {
    match what {
        ApplyWhat::Stack(target) if context.settings.run.dry_run => {
            planning::run(context, target, None, false, false).await
        }
        ApplyWhat::Saved { .. } if context.settings.run.dry_run => {
            Err(CommandError::usage("`--dry-run` shows the plan of a stack, and a saved plan is one already"))
        }
        ApplyWhat::Stack(target) => stack(context, target, yes, expect_digest).await,
        ApplyWhat::Saved { plan, stack } => saved(context, plan, stack, expect_digest).await,
    }
}

/// Plans, asks and executes exactly what was shown.
async fn stack(
    context: &Context<'_>,
    target: &Target,
    yes: bool,
    expect_digest: Option<&str>,
) -> Result<Exit, CommandError> {
    let ready = match ready_online(context, target).await? {
        Ok(ready) => ready,
        Err(exit) => return Ok(exit),
    };
    execute::can_go_on(context, yes)?;
    let options = planning::options(context, &ready)?;
    let secrets = Secrets::new(context.settings.environment.clone(), ready.sources.root());
    let cloud = cloud::connect(context.settings, context.settings.run.secret_reads).await?;
    let exit = async {
        context.lock.take(context, &cloud, &planning::home(context, &ready)).await?;
        planned_run(context, &ready, &cloud, &secrets, &options, yes, expect_digest).await
    };
    let exit = exit.await;
    execute::close(context, cloud, exit).await
}

async fn planned_run(
    context: &Context<'_>,
    ready: &Ready,
    cloud: &Connected,
    secrets: &Secrets,
    options: &plan::Options,
    yes: bool,
    expect_digest: Option<&str>,
) -> Result<Exit, CommandError> {
    let planned = planning::late(planning::make(context, ready, cloud, secrets, options).await, secrets);
    // The one document is the report.
    if matches!(context.format(), Format::Human | Format::Jsonl) {
        planning::show(context, ready, &planned)?;
    }
    if let Err(error) = execute::gate(ready, &planned, expect_digest) {
        return execute::refused(context, ready, &planned, &error);
    }
    if let Some(error) = in_the_way(context, ready, cloud, &planned, secrets).await? {
        return execute::refused(context, ready, &planned, &error);
    }
    if !execute::confirmed(context, &planned, yes).await? {
        return execute::declined(context, ready, &planned);
    }
    if !execute::asks(&planned, yes) {
        return execute::run(context, ready, &planned, cloud, &online(context, ready, cloud, secrets)).await;
    }
    // Minutes may have passed at the prompt.
    secrets.forget();
    let mut fresh = planning::make(context, ready, cloud, secrets, options).await;
    fresh.diagnostics.clone_from(&planned.diagnostics);
    match execute::still_so(context, ready, &planned, &fresh)? {
        Some(exit) => Ok(exit),
        None => execute::run(context, ready, &fresh, cloud, &online(context, ready, cloud, secrets)).await,
    }
}

/// The secrets as an execution takes them.
fn online<'a>(context: &Context<'_>, ready: &Ready, cloud: &'a Connected, secrets: &'a Secrets) -> Online<'a> {
    Online { secrets, session: &cloud.session, home: planning::home(context, ready) }
}

/// What a preflight finds, where one is asked for.
async fn in_the_way(
    context: &Context<'_>,
    ready: &Ready,
    cloud: &Connected,
    planned: &planning::Planned,
    secrets: &Secrets,
) -> Result<Option<CommandError>, CommandError> {
    if context.settings.run.preflight {
        preflight::ahead(context, ready, cloud, planned, secrets).await
    } else {
        Ok(None)
    }
}

/// Executes a saved plan.
async fn saved(
    context: &Context<'_>,
    path: &Path,
    stack: &Path,
    expect_digest: Option<&str>,
) -> Result<Exit, CommandError> {
    let saved = read(path)?;
    execute::expected(&saved.digest, expect_digest)?;
    let target = Target { path: stack.to_owned(), env: saved.stack.env.clone() };
    let ready = match ready_online(context, &target).await? {
        Ok(ready) => ready,
        Err(exit) => return Ok(exit),
    };
    let moved = moved(&saved, &ready);
    if !moved.is_empty() {
        return early_stale(context, &ready, &moved);
    }
    let options = saved_options(context, &saved, &ready);
    let secrets = Secrets::new(context.settings.environment.clone(), ready.sources.root());
    let cloud = cloud::connect(context.settings, context.settings.run.secret_reads).await?;
    let exit = async {
        context.lock.take(context, &cloud, &planning::home(context, &ready)).await?;
        saved_run(context, &ready, &cloud, &secrets, &options, saved).await
    };
    let exit = exit.await;
    execute::close(context, cloud, exit).await
}

async fn saved_run(
    context: &Context<'_>,
    ready: &Ready,
    cloud: &Connected,
    secrets: &Secrets,
    options: &plan::Options,
    mut saved: PlanDocument,
) -> Result<Exit, CommandError> {
    let mut planned = planning::late(planning::make(context, ready, cloud, secrets, options).await, secrets);
    planned.digest.clone_from(&saved.digest);
    if context.settings.run.plan_key.is_none() {
        without_fingerprints(&mut saved);
    }
    let stale = verify(&saved, &PlanDocument::saved(&planned.plan, &ready.stack));
    if !stale.is_empty() {
        if let Some(error) = execute::unread_sources(&planned.plan, &stale) {
            return execute::refused(context, ready, &planned, &error);
        }
        return execute::late_stale(context, ready, &planned, &stale, execute::SAVED_HINT);
    }
    if matches!(context.format(), Format::Human | Format::Jsonl) {
        planning::show(context, ready, &planned)?;
    }
    if let Err(error) = execute::gate(ready, &planned, None) {
        return execute::refused(context, ready, &planned, &error);
    }
    if let Some(error) = in_the_way(context, ready, cloud, &planned, secrets).await? {
        return execute::refused(context, ready, &planned, &error);
    }
    execute::run(context, ready, &planned, cloud, &online(context, ready, cloud, secrets)).await
}

/// Reads a saved plan.
fn read(path: &Path) -> Result<PlanDocument, CommandError> {
    let failed = |error: std::io::Error| CommandError::usage(format!("cannot read `{}`: {error}", path.display()));
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut text = String::new();
    file.take(LARGEST_PLAN).read_to_string(&mut text).map_err(failed)?;
    let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    if json.get("steps").is_some() && json.get("manifest_digest").is_none() {
        return Err(CommandError::usage(format!("`{}` is no saved plan", path.display()))
            .hint("`trueup plan --out FILE` saves one; the output of `plan --json` cannot be applied"));
    }
    let document = PlanDocument::read(&text).map_err(|error| {
        CommandError::usage(format!("`{}` cannot be applied: {error}", path.display()))
            .hint("`trueup plan --out FILE` saves a plan; a manifest is a YAML file")
    })?;
    if document.command != "plan" {
        return Err(CommandError::usage(format!("`{}` is no plan for `apply`", path.display())));
    }
    Ok(document)
}

/// What has moved already, without looking at the cloud.
fn moved(saved: &PlanDocument, ready: &Ready) -> Vec<Stale> {
    let whole = |what: &str| Stale { address: None, what: what.to_owned() };
    let mut moved = Vec::new();
    if saved.stack.name != ready.stack.name.value {
        moved.push(whole("the plan was made for another stack"));
    }
    if saved.manifest_digest.as_deref() != Some(&*ready.stack.manifest_digest) {
        moved.push(whole("the manifest, or a file that it includes, has changed"));
    }
    if saved.variables_digest.as_deref() != Some(&*ready.stack.variables_digest) {
        moved.push(whole("a variable has another value"));
    }
    moved
}

/// The options under which the saved plan comes out again where nothing has moved.
fn saved_options(context: &Context<'_>, saved: &PlanDocument, ready: &Ready) -> plan::Options {
    let replaced = saved.steps.iter().filter(|step| step.action == Action::Replace).map(|step| step.address.clone());
    plan::Options {
        allow_replace: replaced.collect(),
        // Fingerprints are compared only where both sides have the key.
        fingerprint_key: context.settings.run.plan_key.clone().filter(|_| has_fingerprints(saved)),
        selected: saved.partial.then(|| selection::of_addresses(&ready.graph, saved.selected())),
        allow_deletes: context.settings.run.allow_deletes,
        take_over: saved.take_over,
        prune: saved.pruned,
        quota_share: context.settings.cloud.quota_share,
        search_again: context.settings.run.kms_settle,
    }
}

fn has_fingerprints(saved: &PlanDocument) -> bool {
    saved.steps.iter().flat_map(|step| &step.secrets).any(|secret| secret.fingerprint.is_some())
}

fn without_fingerprints(saved: &mut PlanDocument) {
    saved.steps.iter_mut().flat_map(|step| &mut step.secrets).for_each(|secret| secret.fingerprint = None);
}

/// Stale before anything was read.
fn early_stale(context: &Context<'_>, ready: &Ready, stale: &[Stale]) -> Result<Exit, CommandError> {
    let error = execute::stale_error(stale, execute::SAVED_HINT);
    match context.format() {
        Format::Human => context.printer.error(&error),
        Format::Json => {
            let found = diagnostics::documents(&ready.diagnostics, &ready.sources);
            let document = Bare::new(context.name, found).of_stack(&ready.stack.name.value, &ready.stack.env);
            context.printer.document(&document.with_error(&error))?;
        }
        Format::Jsonl => context.jsonl.error(&error),
        Format::Page(format) => {
            let page = Page::new(context.name, context.printer.subject());
            let page = page.with_findings(&ready.diagnostics, &ready.sources, "Nothing was done.".to_owned());
            context.printer.page(&page.with_error(&error), format);
        }
    }
    Ok(error.exit())
}
