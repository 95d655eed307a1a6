//! `trueup drift`: what differs from the manifest, what cannot be used, what could not be verified. Sends no write.

use std::time::Duration;

use tokio::time::Instant;
use trueup_engine::drift::{Drift, Level};
use trueup_engine::memory::Trust;

use crate::args::Format;
use crate::cloud;
use crate::commands::plan::{self, Planned};
use crate::commands::{Context, Ready, account_binding, blame, execute, findings, ready_online};
use crate::error::CommandError;
use crate::exit::{Exit, decide, when};
use crate::output::diagnostics;
use crate::output::drift::{DriftDocument, Show, human, summary};
use crate::output::graph::Network;
use crate::output::page;
use crate::secrets::Secrets;
use crate::settings::Target;

/// How drift is looked for and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Differences that are less bad are counted and not listed.
    pub severity: Option<Level>,
    /// Differences that are less bad do not end the run with 2.
    pub fail_on: Option<Level>,
    /// Live properties that the manifest does not name are listed.
    pub undeclared: bool,
    /// Nothing that was verified before is taken as given.
    pub full: bool,
    /// How long to wait until everything can be used.
    pub wait_healthy: Option<Duration>,
    /// CloudTrail is asked who brought it about.
    pub blame: bool,
}

impl Options {
    /// What need not be read again.
    pub fn trust(&self) -> Trust {
        match (self.full, self.undeclared) {
            (true, _) => Trust::Nothing,
            // What the manifest does not name may be there all the same.
            (false, true) => Trust::Values,
            (false, false) => Trust::Whole,
        }
    }
}

/// Looks for drift.
pub async fn run(context: &Context<'_>, target: &Target, options: &Options) -> Result<Exit, CommandError> {
    let ready = match ready_online(context, target).await? {
        Ok(ready) => ready,
        Err(exit) => return Ok(exit),
    };
    let planning = plan::options(context, &ready)?;
    let secrets = Secrets::new(context.settings.environment.clone(), ready.sources.root());
    let cloud = cloud::connect(context.settings, context.settings.run.secret_reads).await?;
    let began = Instant::now();
    let mut pause = Duration::from_millis(500);
    let planned = loop {
        let planned = plan::make_trusting(context, &ready, &cloud, &secrets, &planning, options.trust()).await;
        let left = options.wait_healthy.and_then(|longest| longest.checked_sub(began.elapsed()));
        let Some(left) = left.filter(|left| !left.is_zero()) else { break planned };
        if !Drift::new(&planned.plan, &planned.observed).is_waited_for() {
            break planned;
        }
        context.printer.message("waiting: not everything can be used yet\n");
        tokio::time::sleep(pause.min(left)).await;
        secrets.forget();
        pause = (pause * 2).min(Duration::from_secs(15));
    };
    let mut planned = plan::late(planned, &secrets);
    if options.blame {
        planned.blame = blame::gather(context, &cloud, &planned).await;
    }
    let result = told(context, &ready, &planned, options);
    if options.blame && result.is_ok() {
        blame::tell(context, &cloud, &planned).await;
    }
    execute::close(context, cloud, result).await
}

/// Shows what was found, and says what it means.
fn told(context: &Context<'_>, ready: &Ready, planned: &Planned, options: &Options) -> Result<Exit, CommandError> {
    let drift = Drift::new(&planned.plan, &planned.observed);
    show(context, ready, planned, &drift, options)?;
    let binding = account_binding(ready, &planned.observed, false);
    if context.printer.is_human() {
        plan::tell_faults(context, planned);
        if let Some(error) = &binding {
            context.printer.error(error);
        }
    }
    // What was waited for and did not come is worse than what nobody waits for.
    let waited = options.wait_healthy.filter(|_| drift.is_waited_for());
    if let Some(longest) = waited {
        context.printer.warning(&format!("not everything could be used after {} s", longest.as_secs_f64()));
    }
    Ok(decide([exit(context, ready, planned, &drift, options), when(waited.is_some(), Exit::Unhealthy)]))
}

/// How a look for drift ends.
pub fn exit(context: &Context<'_>, ready: &Ready, planned: &Planned, drift: &Drift<'_>, options: &Options) -> Exit {
    let counts = drift.summary();
    decide([
        findings(&planned.plan),
        when(drift.reaches(options.fail_on.unwrap_or(Level::Low)), Exit::Changes),
        when(counts.unread > 0, Exit::Incomplete),
        when(context.settings.run.strict && counts.not_verifiable > 0, Exit::Incomplete),
        when(counts.unhealthy > 0, Exit::Unhealthy),
        account_binding(ready, &planned.observed, false).map_or(Exit::Done, |error| error.exit()),
    ])
}

/// Shows the findings in the form asked for.
fn show(
    context: &Context<'_>,
    ready: &Ready,
    planned: &Planned,
    drift: &Drift<'_>,
    options: &Options,
) -> Result<(), CommandError> {
    let shown = Show { at_least: options.severity, undeclared: options.undeclared };
    let found = plan::all_findings(ready, planned);
    match context.format() {
        Format::Human => {
            let view = context.view();
            let text = if context.printer.settings().quiet { summary(drift, view) } else { human(drift, shown, view) };
            context.printer.result(&text);
            plan::show_late(context, ready, planned);
        }
        Format::Json => {
            let mut document = DriftDocument::new(drift, shown);
            for finding in &mut document.resources {
                finding.blame = planned.blame.get(&finding.address).cloned().unwrap_or_default();
            }
            document.faults = plan::fault_documents(planned);
            document.diagnostics = diagnostics::values(&found, &ready.sources);
            context.printer.document(&document)?;
        }
        Format::Page(format) => {
            let network = Network::new(&planned.graph, &ready.sources);
            let page = page::of_drift(drift, shown, &ready.sources, network, context.view());
            context.printer.page(&plan::with_findings(page, ready, planned, &found), format);
        }
        Format::Jsonl => {
            let found = diagnostics::documents(&found, &ready.sources);
            context.jsonl.drift(&DriftDocument::new(drift, shown), &found);
        }
    }
    Ok(())
}
