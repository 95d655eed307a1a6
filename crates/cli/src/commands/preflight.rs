//! `trueup preflight`: looks for what would make an apply fail, before anything is written.

use trueup_engine::plan::document::{FORMAT_VERSION, StackName};

use crate::args::Format;
use crate::cloud::{self, Connected};
use crate::commands::plan::Planned;
use crate::commands::{Context, Ready, account_binding, plan as planning, ready_online};
use crate::error::CommandError;
use crate::exit::{Exit, decide, when};
use crate::output::diagnostics;
use crate::output::preflight::{self as output, PreflightDocument, Totals};
use crate::preflight::{self, Check, Verdict};
use crate::secrets::Secrets;
use crate::settings::Target;

/// Checks a stack.
pub async fn run(context: &Context<'_>, target: &Target) -> Result<Exit, CommandError> {
    let ready = match ready_online(context, target).await? {
        Ok(ready) => ready,
        Err(exit) => return Ok(exit),
    };
    let options = planning::options(context, &ready)?;
    let secrets = Secrets::new(context.settings.environment.clone(), ready.sources.root());
    // What an apply has to send has to be there: it is planned as an apply plans it.
    let cloud = cloud::connect(context.settings, context.settings.run.secret_reads).await?;
    let planned = planning::make(context, &ready, &cloud, &secrets, &options).await;
    let checks = Box::pin(preflight::run(context, &ready, &cloud, &planned, &secrets)).await;
    cloud.close().await?;
    let checks = checks?;
    if context.format() == Format::Human {
        context.printer.result(&output::text(&planned.plan, &checks, context.view()));
    } else {
        context.printer.document(&document(&ready, &planned, checks.clone()))?;
    }
    let binding = account_binding(&ready, &planned.observed, false);
    if let Some(error) = binding.as_ref().filter(|_| context.printer.is_human()) {
        context.printer.error(error);
    }
    let unknown = preflight::count(&checks, Verdict::NotChecked) > 0;
    Ok(decide([
        when(preflight::count(&checks, Verdict::Failed) > 0, Exit::Blocked),
        when(planned.plan.summary().unread > 0, Exit::Incomplete),
        when(context.settings.run.strict && unknown, Exit::Incomplete),
        binding.map_or(Exit::Done, |error| error.exit()),
    ]))
}

/// Checks ahead of an apply; the error says what is in its way.
pub async fn ahead(
    context: &Context<'_>,
    ready: &Ready,
    cloud: &Connected,
    planned: &Planned,
    secrets: &Secrets,
) -> Result<Option<CommandError>, CommandError> {
    let checks = Box::pin(preflight::run(context, ready, cloud, planned, secrets)).await?;
    let strict = context.settings.run.strict;
    let wrong = |check: &&Check| match check.verdict {
        Verdict::Ok => false,
        Verdict::Failed => true,
        Verdict::NotChecked => strict,
    };
    let found: Vec<&Check> = checks.iter().filter(wrong).collect();
    if found.is_empty() {
        let unknown = preflight::count(&checks, Verdict::NotChecked);
        if unknown > 0 {
            context.printer.warning(&format!("preflight: {unknown} not checked; `trueup preflight` lists them"));
        }
        return Ok(None);
    }
    let line = |check: &&Check| match &check.address {
        Some(address) => format!("\n  {address}: {}", check.detail),
        None => format!("\n  {}", check.detail),
    };
    let lines: String = found.iter().map(line).collect();
    let error = CommandError::blocked(format!("the preflight failed, and nothing was written:{lines}"));
    Ok(Some(error.hint("`trueup preflight` says what to do about each")))
}

fn document(ready: &Ready, planned: &Planned, checks: Vec<Check>) -> PreflightDocument {
    let here = planned.plan.whereabouts.as_ref();
    PreflightDocument {
        format_version: FORMAT_VERSION.to_owned(),
        command: "preflight".to_owned(),
        stack: StackName { name: ready.stack.name.value.clone(), env: ready.stack.env.clone() },
        account: here.map(|here| here.account.clone()),
        region: here.map(|here| here.region.clone()),
        summary: Totals::of(&checks),
        checks,
        diagnostics: diagnostics::documents(&ready.diagnostics, &ready.sources),
    }
}
