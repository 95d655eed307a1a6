//! `trueup teardown`: deletes what the manifest describes, dependants first.

use std::sync::Arc;

use trueup_engine::credential::NoSecrets;
use trueup_engine::observe;
use trueup_engine::plan::document::PlanDocument;
use trueup_engine::plan::{self};

use crate::args::Format;
use crate::cloud::{self, Connected};
use crate::commands::blame::ByAddress;
use crate::commands::plan::Planned;
use crate::commands::{Context, Ready, execute, plan as planning, ready_online};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::selection;
use crate::settings::Target;

/// Tears a stack down.
pub async fn run(context: &Context<'_>, target: &Target, yes: bool) -> Result<Exit, CommandError> {
    let ready = match ready_online(context, target).await? {
        Ok(ready) => ready,
        Err(exit) => return Ok(exit),
    };
    let dry_run = context.settings.run.dry_run;
    execute::can_go_on(context, yes || dry_run)?;
    let options = planning::options(context, &ready)?;
    // A name is all that a delete needs: no secret is read, neither here nor there.
    let cloud = cloud::connect(context.settings, false).await?;
    let exit = async {
        if !dry_run {
            context.lock.take(context, &cloud, &planning::home(context, &ready)).await?;
        }
        planned_run(context, &ready, &cloud, &options, yes).await
    };
    let exit = exit.await;
    execute::close(context, cloud, exit).await
}

async fn planned_run(
    context: &Context<'_>,
    ready: &Ready,
    cloud: &Connected,
    options: &plan::Options,
    yes: bool,
) -> Result<Exit, CommandError> {
    let planned = make(ready, cloud, options).await;
    if context.settings.run.dry_run {
        return planning::told(context, ready, &planned, None, false);
    }
    if matches!(context.format(), Format::Human | Format::Jsonl) {
        planning::show(context, ready, &planned)?;
    }
    if let Err(error) = execute::gate(ready, &planned, None) {
        return execute::refused(context, ready, &planned, &error);
    }
    if !execute::confirmed(context, &planned, yes).await? {
        return execute::declined(context, ready, &planned);
    }
    if !execute::asks(&planned, yes) {
        return execute::run(context, ready, &planned, cloud, &NoSecrets).await;
    }
    // Minutes may have passed at the prompt.
    let fresh = make(ready, cloud, options).await;
    match execute::still_so(context, ready, &planned, &fresh)? {
        Some(exit) => Ok(exit),
        None => execute::run(context, ready, &fresh, cloud, &NoSecrets).await,
    }
}

/// Observes and plans.
async fn make(ready: &Ready, cloud: &Connected, options: &plan::Options) -> Planned {
    // An unselected resource may need a selected one.
    let only = options.selected.as_ref().map(|selected| selection::with_dependants(&ready.graph, selected));
    let reading = observe::Options { secrets: false, shallow: true, only, ..observe::Options::default() };
    let observed = observe::observe(&ready.graph, &cloud.session, &reading).await;
    let plan = plan::teardown(&ready.graph, &observed, options);
    let digest = PlanDocument::saved(&plan, &ready.stack).digest;
    let mut diagnostics = ready.diagnostics.clone();
    diagnostics.extend(plan.diagnostics.clone());
    Planned { graph: Arc::clone(&ready.graph), observed, plan, digest, diagnostics, blame: ByAddress::new() }
}
