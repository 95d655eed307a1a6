//! One stack's turn: what its own command would do, with a line as its only output.
//!
//! Everything that a stack needs is made in its turn and gone with it: a fleet holds the lines, and of an apply that is
//! asked for the plans, as they would be saved.

use std::io;
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use trueup_engine::apply::Cancel;
use trueup_engine::cloud::Cloud as _;
use trueup_engine::diagnostic::{Diagnostics, Severity};
use trueup_engine::drift::Drift;
use trueup_engine::memory::Trust;
use trueup_engine::plan::document::{FaultDocument, PlanDocument, SummaryDocument};
use trueup_engine::source::Sources;

use super::schedule::Places;
use super::select::Aim;
use crate::cloud::{self, Connected};
use crate::commands::plan::{self as planning, Planned};
use crate::commands::{Context, Ready, account_binding, check_with, drift, execute, usable};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::front::{self, Loaded};
use crate::lock::Lock;
use crate::output::diagnostics::documents;
use crate::output::document::{ErrorDocument, Totals};
use crate::output::drift::Show;
use crate::output::fleet::{StackLine, Verdict};
use crate::output::human::View;
use crate::output::jsonl::Jsonl;
use crate::output::{drift as drift_output, human};
use crate::printer::Printer;
use crate::secrets::{Online, Secrets};
use crate::settings::{OutputSettings, Settings};
use crate::signals::Interrupts;

/// What all turns have in common.
pub struct Fleet {
    /// What holds for all stacks.
    pub settings: Settings,
    /// The form of the output.
    pub output: OutputSettings,
    /// Signals.
    pub interrupts: Interrupts,
    /// Cancelled by the first signal.
    pub cancel: Cancel,
    /// The lock of the whole run.
    pub lock: Lock,
    /// How many turns an account and region has at once.
    pub places: Places,
    /// How plans are shown one by one, where that is asked for.
    pub details: Option<View>,
}

/// What is done in a turn.
pub enum Work {
    /// The stack is planned.
    Plan {
        /// Changes are an exit of their own.
        exit_code: bool,
        /// The plan is handed back where it changes anything.
        keep: bool,
    },
    /// Drift is looked for.
    Drift(drift::Options),
    /// The stack is planned, and the plan applied.
    Apply,
    /// A plan is applied, where it still holds.
    Saved(Box<PlanDocument>),
}

impl Work {
    fn name(&self) -> &'static str {
        match self {
            Self::Plan { .. } => "plan",
            Self::Drift(_) => "drift",
            Self::Apply | Self::Saved(_) => "apply",
        }
    }
}

/// How a turn ended.
pub struct Ended {
    /// What became of the stack.
    pub line: StackLine,
    /// How its own command would have ended.
    pub exit: Exit,
    /// Its plan, where it is kept.
    pub plan: Option<Box<PlanDocument>>,
    /// Its plan or what differs, in full.
    pub details: Option<String>,
}

/// Takes a stack's turn.
pub async fn take(fleet: Arc<Fleet>, aim: Aim, work: Work) -> Ended {
    let began = Instant::now();
    let settings = settings_of(&fleet.settings, &aim);
    let printer = Printer::to(fleet.output.clone(), io::sink(), io::sink());
    let jsonl = Jsonl::new(&printer);
    let context = Context {
        name: work.name(),
        settings: &settings,
        printer: &printer,
        jsonl: &jsonl,
        interrupts: &fleet.interrupts,
        lock: &fleet.lock,
    };
    let mut turn =
        Turn { fleet: &fleet, context: &context, line: line_of(&aim), plan: None, details: None, changed: false };
    let result = turn.run(&aim, &work).await;
    let Turn { mut line, plan, details, changed, .. } = turn;
    let exit = result.unwrap_or_else(|error| {
        line.error = Some(ErrorDocument::new(&error));
        error.exit()
    });
    let (done, otherwise) = match &work {
        Work::Plan { .. } => (Verdict::Unchanged, Verdict::Changes),
        Work::Drift(_) => (Verdict::InSync, Verdict::Drifted),
        Work::Apply | Work::Saved(_) => (Verdict::Unchanged, Verdict::Applied),
    };
    line.result = Verdict::of(exit, if changed { otherwise } else { done }, otherwise);
    line.exit_code = Some(exit.code());
    line.seconds = (began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
    Ended { line, exit, plan, details }
}

/// The line of a stack that was not begun yet.
pub fn line_of(aim: &Aim) -> StackLine {
    let mut line = StackLine::new(aim.path.display().to_string(), aim.env.clone());
    line.profile.clone_from(&aim.profile);
    line.role_arn.clone_from(&aim.role_arn);
    line.region.clone_from(&aim.region);
    line
}

/// What holds for one stack.
fn settings_of(all: &Settings, aim: &Aim) -> Settings {
    let mut settings = all.clone();
    let cloud = &mut settings.cloud;
    cloud.profile = aim.profile.clone().or(cloud.profile.take());
    cloud.role_arn = aim.role_arn.clone().or(cloud.role_arn.take());
    cloud.region = aim.region.clone().or(cloud.region.take());
    // The last one of a name counts.
    settings.given.extend(aim.vars.iter().cloned());
    settings
}

struct Turn<'a> {
    fleet: &'a Fleet,
    context: &'a Context<'a>,
    line: StackLine,
    plan: Option<Box<PlanDocument>>,
    details: Option<String>,
    /// There is something to do, was something done, or something differs.
    changed: bool,
}

/// A stack that was planned, and its turn in its account and region.
struct Prepared {
    ready: Ready,
    secrets: Secrets,
    planned: Planned,
    _turn: Option<OwnedSemaphorePermit>,
}

impl Turn<'_> {
    async fn run(&mut self, aim: &Aim, work: &Work) -> Result<Exit, CommandError> {
        let settings = self.context.settings;
        let cloud = cloud::connect(settings, settings.run.secret_reads).await?;
        let result = self.with(&cloud, aim, work).await;
        self.line.calls = cloud.session.calls();
        cloud.close().await?;
        result
    }

    async fn with(&mut self, cloud: &Connected, aim: &Aim, work: &Work) -> Result<Exit, CommandError> {
        let cancel = &self.fleet.cancel;
        let trust = match work {
            Work::Plan { keep: false, .. } => Trust::Whole,
            Work::Drift(options) => options.trust(),
            // What is kept is applied, once somebody has said yes.
            Work::Plan { keep: true, .. } | Work::Apply | Work::Saved(_) => Trust::Values,
        };
        // Nothing is written so far, so that there is nothing to end in order.
        let prepared = tokio::select! {
            biased;
            () = cancel.cancelled() => return Ok(self.context.interrupts.first().unwrap_or(Exit::Locked)),
            prepared = self.prepare(cloud, aim, trust) => prepared?,
        };
        let Prepared { ready, secrets, planned, _turn } = match prepared {
            Ok(prepared) => prepared,
            Err(exit) => return Ok(exit),
        };
        self.found(&ready, &planned);
        match work {
            Work::Plan { exit_code, keep } => {
                self.planned(&planned);
                self.changed = planned.plan.has_changes();
                if *keep && self.changed {
                    self.plan = Some(Box::new(PlanDocument::saved(&planned.plan, &ready.stack)));
                }
                Ok(planning::exit(self.context, &ready, &planned, *exit_code))
            }
            Work::Drift(options) => Ok(self.drift(&ready, &planned, options)),
            Work::Apply => {
                self.planned(&planned);
                self.apply(cloud, &ready, &planned, &secrets).await
            }
            Work::Saved(saved) => {
                self.line.plan = Some(SummaryDocument::new(&planned.plan));
                self.line.digest = Some(saved.digest.clone());
                let stale = execute::moved(saved, &ready, &planned);
                if !stale.is_empty() {
                    let hint = "run `trueup fleet apply` again, and review what it shows";
                    return Err(execute::unread_sources(&planned.plan, &stale)
                        .unwrap_or_else(|| execute::stale_error(&stale, hint)));
                }
                self.apply(cloud, &ready, &planned, &secrets).await
            }
        }
    }

    /// Reads, checks and plans the stack.
    async fn prepare(
        &mut self,
        cloud: &Connected,
        aim: &Aim,
        trust: Trust,
    ) -> Result<Result<Prepared, Exit>, CommandError> {
        let settings = self.context.settings;
        let mut loaded = front::read(settings, &aim.target())?;
        self.named(&loaded);
        check_with(settings, &mut loaded, Some(&cloud.session)).await?;
        let ready = match usable(loaded)? {
            Ok(ready) => ready,
            Err(loaded) => {
                self.wrong(&loaded.diagnostics, &loaded.sources);
                return Ok(Err(Exit::Usage));
            }
        };
        let options = planning::options(self.context, &ready)?;
        let secrets = Secrets::new(settings.environment.clone(), ready.sources.root());
        // Where nobody says who the caller is, each read says why.
        let place = ready.graph.nodes.first().map(|node| &node.place);
        let turn = match place {
            Some(place) => match cloud.session.whereabouts(place).await {
                Ok(here) => self.fleet.places.turn(&here).await,
                Err(_) => None,
            },
            None => None,
        };
        let planned = planning::make_trusting(self.context, &ready, cloud, &secrets, &options, trust).await;
        let planned = planning::late(planned, &secrets);
        Ok(Ok(Prepared { ready, secrets, planned, _turn: turn }))
    }

    /// Executes a plan, with all that stands before the first write.
    async fn apply(
        &mut self,
        cloud: &Connected,
        ready: &Ready,
        planned: &Planned,
        secrets: &Secrets,
    ) -> Result<Exit, CommandError> {
        execute::gate(ready, planned, None)?;
        self.context.lock.check()?;
        let online = Online { secrets, session: &cloud.session, home: planning::home(self.context, ready) };
        let run = &self.context.settings.run;
        let cancel = &self.fleet.cancel;
        let lost = async {
            self.context.lock.lost().await;
            cancel.cancel();
            std::future::pending::<()>().await;
        };
        let report = tokio::select! {
            report = execute::carry_out(run, planned, cloud, &online, cancel, &|_| {}) => report?,
            () = lost => return Err(CommandError::failed("the run ended without a report: this is a bug")),
        };
        let failed = report.outcomes.iter().filter_map(|outcome| {
            let fault = outcome.fault.clone()?;
            Some(FaultDocument { address: Some(outcome.address.to_string()), fault })
        });
        let failed: Vec<FaultDocument> = failed.collect();
        self.failed(failed);
        self.line.outcomes = Some(Totals::new(&report));
        self.changed = !report.outcomes.is_empty();
        self.context.lock.check()?;
        Ok(execute::exit(self.context, planned, &report))
    }

    /// Notes which stack it is.
    fn named(&mut self, loaded: &Loaded) {
        let Some(stack) = &loaded.stack else { return };
        self.line.name = Some(stack.name.value.clone());
        if self.line.region.is_none() {
            self.line.region = self.context.settings.cloud.region.clone().or_else(|| stack.region.clone());
        }
    }

    /// Notes what came up, and where it is.
    fn found(&mut self, ready: &Ready, planned: &Planned) {
        if let Some(here) = &planned.plan.whereabouts {
            self.line.account = Some(here.account.clone());
            self.line.region = Some(here.region.clone());
        }
        self.wrong(&planned.diagnostics, &ready.sources);
        self.failed(planning::fault_documents(planned));
        if let Some(error) = account_binding(ready, &planned.observed, false) {
            self.line.error = Some(ErrorDocument::new(&error));
        }
    }

    /// Notes errors.
    fn wrong(&mut self, found: &Diagnostics, sources: &Sources) {
        let mut errors = Diagnostics::new();
        for error in found.iter().filter(|found| found.severity == Severity::Error) {
            errors.push(error.clone());
        }
        self.line.diagnostics = documents(&errors, sources);
    }

    /// Notes faults, each once: a missing permission keeps a whole stack from being read.
    fn failed(&mut self, faults: Vec<FaultDocument>) {
        for fault in faults {
            let same = |other: &FaultDocument| {
                other.fault.operation == fault.fault.operation && other.fault.message == fault.fault.message
            };
            if !self.line.faults.iter().any(same) {
                self.line.faults.push(fault);
            }
        }
    }

    /// Notes what a plan would do.
    fn planned(&mut self, planned: &Planned) {
        self.line.plan = Some(SummaryDocument::new(&planned.plan));
        self.line.digest = Some(planned.digest.clone());
        if let Some(view) = self.fleet.details.filter(|_| planned.plan.has_changes()) {
            self.details = Some(human::plan(&planned.plan, view));
        }
    }

    /// Notes what differs.
    fn drift(&mut self, ready: &Ready, planned: &Planned, options: &drift::Options) -> Exit {
        let drift = Drift::new(&planned.plan, &planned.observed);
        let counts = drift.summary();
        self.changed = counts.drifted + counts.missing > 0;
        self.line.drift = Some(counts);
        if let Some(view) = self.fleet.details.filter(|_| self.changed || counts.unhealthy > 0) {
            self.details = Some(drift_output::human(&drift, Show::default(), view));
        }
        drift::exit(self.context, ready, planned, &drift, options)
    }
}
