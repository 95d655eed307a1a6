//! `trueup fleet`: plan, drift and apply of many stacks in one process, each in its turn.
//!
//! What a single command does with a stack is done here by the same functions; see [`turn`]. This file decides which stacks
//! there are, in which order they are begun and when no further one is, and what the whole run says and ends with. All
//! sessions share one pool: credentials, connections, clients, and the rate limits of an account and region.

mod schedule;
mod select;
mod targets;
mod turn;

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;
use trueup_engine::cloud::Place;
use trueup_engine::plan::document::PlanDocument;

use self::schedule::{End, Places};
use self::select::Aim;
use self::turn::{Ended, Fleet, Work, take};
use crate::args::Format;
use crate::cloud;
use crate::commands::{Context, execute};
use crate::error::CommandError;
use crate::exit::{Exit, decide};
use crate::memory;
use crate::output::fleet::progress::Progress;
use crate::output::fleet::{self as output, FleetDocument, StackLine};
use crate::output::human::View;
use crate::output::text::{Tone, clean, clean_lines, count};
use crate::output::{ask, diagnostics};
use crate::settings::{FleetVerb, FleetWhat};

/// How many reasons of one stack people are told; a document has all.
const REASONS: usize = 3;
/// Of how many stacks people are told the reasons; the table has all of them.
const TOLD: usize = 20;

/// Runs a fleet.
pub async fn run(context: &Context<'_>, what: &FleetWhat) -> Result<Exit, CommandError> {
    let began = Instant::now();
    if let FleetVerb::Apply { yes } = what.verb {
        execute::can_go_on(context, yes)?;
    }
    let entries = match &what.targets {
        None => None,
        Some(path) => {
            let read = targets::read(path)?;
            if read.found.has_errors() {
                return refused(context, &read, began);
            }
            Some(read.entries)
        }
    };
    let aims = select::aims(what, entries.as_deref())?;
    let sandbox = cloud::serve(context.settings).await?;
    let mut settings = context.settings.clone();
    settings.cloud.served = sandbox.as_ref().map(trueup_sandbox::Running::url);
    // Before many stacks make it at once.
    memory::prepare(&settings);
    let verbose = context.printer.settings().verbose > 0 && context.printer.is_human();
    let fleet = Arc::new(Fleet {
        settings,
        output: context.printer.settings().clone(),
        interrupts: context.interrupts.clone(),
        cancel: context.interrupts.graceful(),
        lock: context.lock.clone(),
        places: Places::new(what.at_once_in_a_place),
        details: verbose.then(|| View { verbose: false, ..context.view() }),
    });
    let run = Run {
        context,
        what,
        fleet,
        began,
        tolerated: what.tolerance.of(aims.len()),
        lines: aims.iter().map(turn::line_of).collect(),
        exits: vec![None; aims.len()],
        aims,
    };
    let result = match locked(context, what, &run.fleet).await {
        Ok(()) => run.go().await,
        Err(error) => Err(error),
    };
    context.lock.release(context.printer).await;
    match sandbox {
        None => result,
        Some(running) => {
            let stopped = running.stop().await.map_err(|error| cloud::sandbox_error(&error));
            stopped.and(result)
        }
    }
}

/// Takes the lock, where this may write: one for the whole run, with what the command line says of whom and where, and before
/// anything is read.
async fn locked(context: &Context<'_>, what: &FleetWhat, fleet: &Fleet) -> Result<(), CommandError> {
    if !matches!(what.verb, FleetVerb::Apply { .. }) || context.settings.run.lock.is_none() {
        return Ok(());
    }
    let cloud = cloud::connect(&fleet.settings, false).await?;
    let taken = context.lock.take(context, &cloud, &Place { region: None, role_arn: None }).await;
    cloud.close().await.and(taken)
}

/// A file of targets that cannot be used.
fn refused(context: &Context<'_>, read: &targets::Read, began: Instant) -> Result<Exit, CommandError> {
    let mut document = FleetDocument::new(context.name, Vec::new(), seconds(began));
    document.diagnostics = diagnostics::documents(&read.found, &read.sources);
    let error = CommandError::usage(format!("the targets cannot be used: {}", diagnostics::counts(&read.found)));
    match context.format() {
        Format::Human | Format::Jsonl => {
            diagnostics::print(&read.found, &read.sources, context.printer);
            context.printer.error(&error);
        }
        Format::Json => context.printer.document(&document.with_error(&error))?,
        Format::Page(_) => context.printer.result(&output::junit(&document.with_error(&error))),
    }
    Ok(Exit::Usage)
}

/// Seconds since then, to the millisecond.
fn seconds(began: Instant) -> f64 {
    (began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0
}

/// A run over a fleet.
struct Run<'a> {
    context: &'a Context<'a>,
    what: &'a FleetWhat,
    fleet: Arc<Fleet>,
    began: Instant,
    /// How many stacks may fail.
    tolerated: usize,
    aims: Vec<Aim>,
    /// One for each aim.
    lines: Vec<StackLine>,
    /// How the command for each stack alone would have ended; `None` where it was not begun.
    exits: Vec<Option<Exit>>,
}

impl Run<'_> {
    async fn go(mut self) -> Result<Exit, CommandError> {
        let all = select::in_turn(&self.aims);
        let verb = self.what.verb;
        match verb {
            FleetVerb::Plan { exit_code } => {
                let jobs = all.into_iter().map(|index| (index, Work::Plan { exit_code, keep: false })).collect();
                self.phase("planning", jobs).await;
            }
            FleetVerb::Drift(options) => {
                let jobs = all.into_iter().map(|index| (index, Work::Drift(options))).collect();
                self.phase("reading", jobs).await;
            }
            FleetVerb::Apply { yes: true } => {
                let jobs = all.into_iter().map(|index| (index, Work::Apply)).collect();
                self.phase("applying", jobs).await;
            }
            FleetVerb::Apply { yes: false } => return self.asked(all).await,
        }
        self.report(None)
    }

    /// Plans all, asks once, and applies exactly these plans.
    async fn asked(mut self, all: Vec<usize>) -> Result<Exit, CommandError> {
        let jobs = all.into_iter().map(|index| (index, Work::Plan { exit_code: false, keep: true })).collect();
        let plans = self.phase("planning", jobs).await;
        if self.is_stopped() || self.failures() > self.tolerated {
            let error = CommandError::failed("not everything was planned, so nothing was changed");
            return self.report(Some(&error).filter(|_| !plans.is_empty()));
        }
        if plans.is_empty() {
            return self.report(None);
        }
        self.show_plans(plans.len());
        let question = match plans.len() {
            1 => "Apply this plan?".to_owned(),
            many => format!("Apply these {many} plans?"),
        };
        // The first signal only asks a run to end, and this is a good moment.
        let refusal = tokio::select! {
            answer = ask::ask(self.context.printer, &question) => {
                (!answer?).then(|| CommandError::failed("not confirmed; nothing was changed"))
            }
            () = self.fleet.cancel.cancelled() => {
                // The line of the question is not ended by an answer.
                self.context.printer.alert("\n");
                Some(CommandError::interrupted("interrupted; nothing was changed"))
            }
        };
        if let Some(error) = refusal {
            return self.report(Some(&error));
        }
        for (index, _) in &plans {
            self.lines[*index].result = output::Verdict::NotStarted;
            self.lines[*index].exit_code = None;
            self.exits[*index] = None;
        }
        let jobs = plans.into_iter().map(|(index, plan)| (index, Work::Saved(plan))).collect();
        self.phase("applying", jobs).await;
        self.report(None)
    }

    /// Lets stacks take their turns; the plans that were kept, in the order of the stacks.
    async fn phase(&mut self, doing: &'static str, jobs: Vec<(usize, Work)>) -> Vec<(usize, Box<PlanDocument>)> {
        let context = self.context;
        let progress = Progress::new(context.printer, doing, jobs.len());
        let left = self.tolerated.saturating_sub(self.failures());
        let mut plans: Vec<(usize, Box<PlanDocument>)> = Vec::new();
        let (fleet, aims) = (Arc::clone(&self.fleet), &self.aims);
        let begin = |(index, work): &(usize, Mutex<Option<Work>>)| {
            let work = work.lock().unwrap_or_else(PoisonError::into_inner).take();
            let (fleet, aim) = (Arc::clone(&fleet), aims[*index].clone());
            // Each job is begun once.
            async move { Some(take(fleet, aim, work?).await) }
        };
        let jobs = jobs.into_iter().map(|(index, work)| (index, Mutex::new(Some(work)))).collect();
        let (lines, exits) = (&mut self.lines, &mut self.exits);
        let ended = |(index, _): (usize, _), end: End<Option<Ended>>| {
            let line = &mut lines[index];
            match end {
                End::With(Some(mut ended)) => {
                    ended.line.calls += line.calls;
                    ended.line.seconds += line.seconds;
                    *line = ended.line;
                    exits[index] = Some(ended.exit);
                    plans.extend(ended.plan.map(|plan| (index, plan)));
                    if let Some(details) = ended.details {
                        progress.beside(|| context.printer.result(&format!("{details}\n")));
                    }
                }
                End::With(None) | End::Lost => {
                    let error = CommandError::failed("it ended without a result: this is a bug");
                    line.error = Some(crate::output::document::ErrorDocument::new(&error));
                    line.result = output::Verdict::Failed;
                    line.exit_code = Some(error.exit().code());
                    exits[index] = Some(error.exit());
                }
            }
            progress.ended(line);
            line.result.is_failure()
        };
        let cancel = &self.fleet.cancel;
        let told = async {
            cancel.cancelled().await;
            progress.beside(|| {
                context.printer.alert("interrupted: no further stack is begun; a second signal leaves at once\n");
            });
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = schedule::run(jobs, self.what.at_once, left, cancel, begin, ended) => {}
            () = progress.heartbeat() => {}
            () = told => {}
        }
        progress.finish();
        plans.sort_by_key(|(index, _)| *index);
        plans
    }

    fn failures(&self) -> usize {
        self.lines.iter().filter(|line| line.result.is_failure()).count()
    }

    /// Whether some stacks were not begun, or a signal came.
    fn is_stopped(&self) -> bool {
        self.fleet.cancel.is_cancelled() || self.exits.iter().any(Option::is_none)
    }

    fn document(&self) -> FleetDocument {
        FleetDocument::new(self.context.name, self.lines.clone(), seconds(self.began))
    }

    /// Shows a person what is asked about.
    fn show_plans(&self, plans: usize) {
        let context = self.context;
        let document = self.document();
        self.tell(&document);
        // stdout is for the machine, or for the table of what was done.
        let view = View {
            paint: context.printer.message_paint(),
            width: context.printer.settings().stderr_width,
            ..context.view()
        };
        context.printer.alert(&format!("{}\n{}", output::table(&document, view), output::totals(&document, view)));
        let rest = document.stacks.len() - plans;
        if rest > 0 {
            context
                .printer
                .alert(&format!("{}.\n", count(rest, "stack is left as it is", "stacks are left as they are")));
        }
    }

    /// Says why stacks failed.
    fn tell(&self, document: &FleetDocument) {
        let paint = self.context.printer.message_paint();
        let reasons: Vec<_> = document.stacks.iter().map(|line| (line, line.reasons())).collect();
        let with_reasons = reasons.iter().filter(|(_, reasons)| !reasons.is_empty());
        let untold = with_reasons.clone().count().saturating_sub(TOLD);
        for (line, reasons) in with_reasons.take(TOLD) {
            let mut text = format!(
                "{} {} ({}): {}\n",
                paint.paint(if line.result.is_failure() { Tone::Bad } else { Tone::Change }, line.result.words()),
                paint.paint(Tone::Strong, &clean(&line.path)),
                clean(&line.env),
                clean_lines(&reasons[0]),
            );
            for reason in reasons.iter().take(REASONS).skip(1) {
                let _ = writeln!(text, "  {}", clean_lines(reason));
            }
            if let Some(more) = reasons.len().checked_sub(REASONS).filter(|more| *more > 0) {
                let _ = writeln!(text, "  {more} more");
            }
            self.context.printer.alert(&text);
            let hints = line.error.iter().flat_map(|error| &error.hints);
            hints.for_each(|hint| self.context.printer.hint(hint));
        }
        if untold > 0 {
            let stacks = count(untold, "more stack needs", "more stacks need");
            self.context.printer.alert(&format!("{stacks} attention; `--json` says why\n"));
        }
    }

    /// Shows what became of the stacks.
    fn report(&self, error: Option<&CommandError>) -> Result<Exit, CommandError> {
        let context = self.context;
        let document = self.document();
        match context.format() {
            Format::Human | Format::Jsonl => {
                self.tell(&document);
                let not_begun = self.exits.iter().filter(|exit| exit.is_none()).count();
                if not_begun > 0 && self.failures() > self.tolerated {
                    context.printer.warning(&format!(
                        "no further stack was begun: {} failed, and {} may (`--failure-tolerance`)",
                        self.failures(),
                        self.tolerated
                    ));
                }
                if !context.printer.settings().quiet {
                    context.printer.result(&format!("{}\n", output::table(&document, context.view())));
                }
                context.printer.result(&output::totals(&document, context.view()));
                if let Some(error) = error {
                    context.printer.error(error);
                }
            }
            Format::Json => {
                let document = match error {
                    Some(error) => document.with_error(error),
                    None => document,
                };
                context.printer.document(&document)?;
            }
            Format::Page(_) => {
                let document = match error {
                    Some(error) => document.with_error(error),
                    None => document,
                };
                context.printer.result(&output::junit(&document));
            }
        }
        let signal = context.interrupts.first().filter(|_| self.fleet.cancel.is_cancelled());
        Ok(worst(&self.exits, signal.into_iter().chain(error.map(CommandError::exit))))
    }
}

/// The one exit of a fleet. That nothing was sent, which 64 says, holds only where it holds for every stack; an invalid stack
/// among others is a failure.
fn worst(exits: &[Option<Exit>], others: impl IntoIterator<Item = Exit>) -> Exit {
    let begun: Vec<Exit> = exits.iter().flatten().copied().collect();
    let nothing_sent = begun.iter().all(|exit| *exit == Exit::Usage);
    let held = begun.into_iter().map(|exit| match exit {
        Exit::Usage if !nothing_sent => Exit::Failed,
        exit => exit,
    });
    decide(held.chain(others))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_the_table_is_the_fleets_and_64_only_where_nothing_was_sent() {
        let exit = |exits: &[Exit]| worst(&exits.iter().copied().map(Some).collect::<Vec<_>>(), []);
        assert_eq!(exit(&[]), Exit::Done);
        assert_eq!(exit(&[Exit::Done, Exit::Changes, Exit::Incomplete]), Exit::Changes);
        assert_eq!(exit(&[Exit::Blocked, Exit::Failed, Exit::Stale]), Exit::Failed);
        assert_eq!(exit(&[Exit::Usage, Exit::Done]), Exit::Failed);
        assert_eq!(exit(&[Exit::Usage, Exit::Usage]), Exit::Usage);
        assert_eq!(worst(&[Some(Exit::Usage), None], []), Exit::Usage);
        assert_eq!(worst(&[Some(Exit::Failed)], [Exit::Interrupted]), Exit::Interrupted);
    }
}
