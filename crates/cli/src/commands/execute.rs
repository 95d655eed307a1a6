//! Executing a plan that was shown: shared by `apply` and `teardown`.

use std::path::Path;

use trueup_engine::apply::{self, Cancel, OnFailure, Work};
use trueup_engine::credential::{Lack, SecretStore};
use trueup_engine::event::Event;
use trueup_engine::plan::document::{PlanDocument, Stale, verify};
use trueup_engine::plan::{Plan, SecretVerdict, Step};
use trueup_engine::report::{Ending, Report};

use crate::args::Format;
use crate::cloud::Connected;
use crate::commands::plan::{self, Planned};
use crate::commands::{Context, Ready, account_binding, findings};
use crate::error::CommandError;
use crate::exit::{Exit, decide, when};
use crate::files;
use crate::output::document::{self, ReportDocument, StaleDocument};
use crate::output::human::View;
use crate::output::jsonl::Body;
use crate::output::page::Page;
use crate::output::progress::Progress;
use crate::output::{ask, diagnostics, report};
use crate::settings::RunSettings;

/// Everything that has to hold before the first write.
pub fn gate(ready: &Ready, planned: &Planned, expect_digest: Option<&str>) -> Result<(), CommandError> {
    let plan = &planned.plan;
    if let Some(error) = account_binding(ready, &planned.observed, plan.has_changes()) {
        return Err(error);
    }
    match findings(plan) {
        Exit::Done => {}
        Exit::Usage => return Err(CommandError::usage("the plan has errors, so nothing was sent")),
        _ => return Err(CommandError::failed("the plan has errors, so nothing was sent")),
    }
    if let Some(error) = lacking(plan) {
        return Err(error);
    }
    expected(&planned.digest, expect_digest)
}

/// The error of secrets that have to be sent and are not there. What is missing for certain comes first: to try again does
/// not help there.
fn lacking(plan: &Plan) -> Option<CommandError> {
    let lacking = plan.missing_secrets();
    let list = |lack: Lack, with_reason: bool| {
        let each = lacking.iter().flat_map(|(address, verdicts)| {
            verdicts.iter().filter(|verdict| verdict.lack == Some(lack)).map(move |verdict| {
                let why = verdict.reason.as_deref().filter(|_| with_reason).map(|why| format!(": {why}"));
                format!("`{}` for {address}{}{}", verdict.source, verdict.pointer, why.unwrap_or_default())
            })
        });
        Some(each.collect::<Vec<_>>().join(", ")).filter(|list| !list.is_empty())
    };
    if let Some(list) = list(Lack::Missing, false) {
        let error = CommandError::usage(format!("secrets that have to be sent are missing: {list}"));
        let hint = "set the variable, or create the file or the secret, that each of them names; nothing was sent";
        return Some(error.hint(hint));
    }
    if let Some(list) = list(Lack::SwitchedOff, false) {
        let error = CommandError::usage(format!("secrets that have to be sent may not be read: {list}"));
        return Some(error.hint("run without `--no-secret-reads`; nothing was sent"));
    }
    list(Lack::Unread, true).map(|list| {
        CommandError::incomplete(format!("secrets that have to be sent could not be read: {list}")).hint(UNREAD_HINT)
    })
}

/// What to do about sources that could not be read.
const UNREAD_HINT: &str = "allow the caller what was denied, and run again where a call failed; nothing was sent";

/// The error of a plan that comes out otherwise, where sources could not be read: nobody knows whether it would otherwise.
pub fn unread_sources(plan: &Plan, stale: &[Stale]) -> Option<CommandError> {
    let moved = |step: &&Step| {
        let address = step.address().to_string();
        stale.iter().any(|stale| stale.address.as_ref().is_some_and(|moved| *moved == address))
    };
    let is_unread = |verdict: &&SecretVerdict| verdict.lack == Some(Lack::Unread);
    // What moved besides makes the plan stale whatever the sources say.
    let steps: Vec<&Step> = plan.steps.iter().filter(moved).collect();
    if steps.len() < stale.len() || !steps.iter().all(|step| step.secrets.iter().any(|verdict| is_unread(&verdict))) {
        return None;
    }
    let unread = steps.iter().flat_map(|step| {
        let unread = step.secrets.iter().filter(is_unread);
        unread.map(move |verdict| {
            let why = verdict.reason.as_deref().unwrap_or_default();
            format!("`{}` for {}{}: {why}", verdict.source, step.address(), verdict.pointer)
        })
    });
    let list = unread.collect::<Vec<_>>().join(", ");
    (!list.is_empty()).then(|| {
        let message = format!("whether the plan still holds is not known, since secrets could not be read: {list}");
        CommandError::incomplete(message).hint(UNREAD_HINT)
    })
}

/// Refuses another plan than the one that was expected.
pub fn expected(digest: &str, expect_digest: Option<&str>) -> Result<(), CommandError> {
    match expect_digest {
        Some(expected) if !digest.eq_ignore_ascii_case(expected) => {
            Err(CommandError::stale(format!("this plan has digest {digest}, and {expected} was expected"))
                .hint("make the plan again and review it; nothing was sent"))
        }
        _ => Ok(()),
    }
}

/// Refuses to go on without an answer where nobody can be asked.
pub fn can_go_on(context: &Context<'_>, yes: bool) -> Result<(), CommandError> {
    if yes || context.settings.run.can_ask {
        return Ok(());
    }
    Err(CommandError::usage(format!(
        "`trueup {}` asks before it changes anything, and there is no terminal to ask on",
        context.name
    ))
    .hint("`--yes` goes on without asking"))
}

/// What to do about a saved plan that is stale.
pub const SAVED_HINT: &str = "make the plan again with `trueup plan --out`, and review it";

/// Whether somebody has to be asked.
pub fn asks(planned: &Planned, yes: bool) -> bool {
    !yes && planned.plan.has_changes()
}

/// Asks, where somebody has to be asked.
pub async fn confirmed(context: &Context<'_>, planned: &Planned, yes: bool) -> Result<bool, CommandError> {
    if !asks(planned, yes) {
        return Ok(true);
    }
    if context.format() != Format::Human {
        // stdout is for the machine; the person at the terminal has to see what is asked about.
        let view = View {
            paint: context.printer.message_paint(),
            width: context.printer.settings().stderr_width,
            ..context.view()
        };
        context.printer.alert(&crate::output::human::plan(&planned.plan, view));
    }
    let place = match (&planned.plan.whereabouts, context.view().sandbox) {
        (_, true) => " in the sandbox".to_owned(),
        (Some(here), false) => format!(" in account {}, {}", here.account, here.region),
        (None, false) => String::new(),
    };
    let what = if planned.plan.command == "teardown" { "Delete this" } else { "Apply this plan" };
    ask::ask(context.printer, &format!("{what}{place}?")).await
}

/// Compares what was confirmed with what is so after the answer; with the exit where it may not be executed any more.
pub fn still_so(
    context: &Context<'_>,
    ready: &Ready,
    planned: &Planned,
    fresh: &Planned,
) -> Result<Option<Exit>, CommandError> {
    let stale = moved(&PlanDocument::saved(&planned.plan, &ready.stack), ready, fresh);
    if !stale.is_empty() {
        if let Some(error) = unread_sources(&fresh.plan, &stale) {
            return refused(context, ready, planned, &error).map(Some);
        }
        let hint = format!("run `trueup {}` again, and review what it shows", context.name);
        return late_stale(context, ready, planned, &stale, &hint).map(Some);
    }
    match gate(ready, fresh, None) {
        Err(error) => refused(context, ready, planned, &error).map(Some),
        Ok(()) => Ok(None),
    }
}

/// What is not as it was when a plan was made.
pub fn moved(saved: &PlanDocument, ready: &Ready, fresh: &Planned) -> Vec<Stale> {
    verify(saved, &PlanDocument::saved(&fresh.plan, &ready.stack))
}

/// The error of a plan that is stale.
pub fn stale_error(stale: &[Stale], hint: &str) -> CommandError {
    let what = stale.iter().map(|stale| match &stale.address {
        Some(address) => format!("\n  {address}: {}", stale.what),
        None => format!("\n  {}", stale.what),
    });
    let what: String = what.collect();
    CommandError::stale(format!("the plan is stale, and nothing was written:{what}")).hint(hint)
}

/// Stale because of the live state.
pub fn late_stale(
    context: &Context<'_>,
    ready: &Ready,
    planned: &Planned,
    stale: &[Stale],
    hint: &str,
) -> Result<Exit, CommandError> {
    let error = stale_error(stale, hint);
    let documents: Vec<StaleDocument> = stale.iter().map(StaleDocument::from).collect();
    match context.format() {
        Format::Human => context.printer.error(&error),
        Format::Json => {
            let found = diagnostics::documents(&planned.diagnostics, &ready.sources);
            let mut document = ReportDocument::new(context.name, &planned.plan, &planned.digest, found);
            document.stale = documents;
            document.error = Some(document::ErrorDocument::new(&error));
            context.printer.document(&document)?;
        }
        Format::Jsonl => {
            context.jsonl.write(Body::Stale { stale: documents });
            context.jsonl.error(&error);
        }
        Format::Page(format) => {
            let page = plan::page(context, ready, planned, &planned.diagnostics);
            context.printer.page(&page.with_error(&error), format);
        }
    }
    Ok(error.exit())
}

/// What a run shows and ends with when it was not confirmed.
pub fn declined(context: &Context<'_>, ready: &Ready, planned: &Planned) -> Result<Exit, CommandError> {
    let error = CommandError::failed("not confirmed; nothing was changed");
    refused(context, ready, planned, &error)
}

/// A plan that is not executed, as the result.
pub fn refused(
    context: &Context<'_>,
    ready: &Ready,
    planned: &Planned,
    error: &CommandError,
) -> Result<Exit, CommandError> {
    match context.format() {
        Format::Human => context.printer.error(error),
        Format::Json => {
            let found = diagnostics::documents(&planned.diagnostics, &ready.sources);
            let mut document = ReportDocument::new(context.name, &planned.plan, &planned.digest, found);
            document.error = Some(document::ErrorDocument::new(error));
            context.printer.document(&document)?;
        }
        Format::Jsonl => context.jsonl.error(error),
        Format::Page(format) => {
            let page = plan::page(context, ready, planned, &planned.diagnostics);
            context.printer.page(&page.with_error(error), format);
        }
    }
    Ok(error.exit())
}

/// Executes the plan, shows what happens, and reports.
pub async fn run(
    context: &Context<'_>,
    ready: &Ready,
    planned: &Planned,
    cloud: &Connected,
    secrets: &dyn SecretStore,
) -> Result<Exit, CommandError> {
    if let Err(error) = context.lock.check() {
        return refused(context, ready, planned, &error);
    }
    let settings = &context.settings.run;
    let cancel = context.interrupts.graceful();
    let progress = Progress::new(context.printer, planned.plan.operations.len());
    let events: &(dyn Fn(Event) + Sync) = match context.format() {
        Format::Human => &|event| progress.event(event),
        Format::Json | Format::Page(_) => &|_| {},
        Format::Jsonl => &|event| context.jsonl.event(event),
    };
    let told = async {
        cancel.cancelled().await;
        match context.lock.check() {
            Err(lost) if context.interrupts.first().is_none() => {
                context.printer.alert(&format!("{lost}; nothing new is begun\n"));
            }
            _ => context.printer.alert("interrupted: nothing new is begun; a second signal leaves at once\n"),
        }
        std::future::pending::<()>().await;
    };
    let lost = async {
        context.lock.lost().await;
        cancel.cancel();
        std::future::pending::<()>().await;
    };
    let report = tokio::select! {
        report = carry_out(settings, planned, cloud, secrets, &cancel, events) => report?,
        () = progress.heartbeat() => return Err(CommandError::failed("the heartbeat ended: this is a bug")),
        () = lost => return Err(CommandError::failed("the run ended without a report: this is a bug")),
        () = told => return Err(CommandError::failed("the run ended without a report: this is a bug")),
    };
    progress.finish();
    // Written before the result is shown, so that the one document says what became of it.
    let written = settings.output_file.as_deref().map_or(Ok(()), |path| save_exports(path, &report));
    let held = context.lock.check();
    show(context, ready, planned, &report, held.as_ref().err().or(written.as_ref().err()))?;
    let ended = |result: &Result<(), CommandError>| result.as_ref().err().map_or(Exit::Done, CommandError::exit);
    Ok(decide([exit(context, planned, &report), ended(&held), ended(&written)]))
}

/// Executes the plan. Where it is cancelled, what is under way ends in order.
pub async fn carry_out(
    settings: &RunSettings,
    planned: &Planned,
    cloud: &Connected,
    secrets: &dyn SecretStore,
    cancel: &Cancel,
    events: &(dyn Fn(Event) + Sync),
) -> Result<Report, CommandError> {
    let options = apply::Options {
        parallelism: settings.parallelism,
        on_failure: if settings.stop_on_failure { OnFailure::Stop } else { OnFailure::Continue },
        search_again: settings.kms_settle,
        ..apply::Options::default()
    };
    let work = Work {
        plan: &planned.plan,
        graph: &planned.graph,
        observed: &planned.observed,
        cloud: &cloud.session,
        store: secrets,
    };
    let told = async {
        cancel.cancelled().await;
        cloud.session.stop_repeating();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        report = apply::apply(work, &options, cancel, events) => Ok(report),
        () = told => Err(CommandError::failed("the run ended without a report: this is a bug")),
    }
}

fn save_exports(path: &Path, report: &Report) -> Result<(), CommandError> {
    let text = serde_json::to_string_pretty(&document::exports(report))
        .map_err(|error| CommandError::failed(format!("cannot write the exports as JSON: {error}")))?;
    files::write_private(path, &format!("{text}\n"))
}

/// Ends the cloud of a run whose result was shown, if it has one: what goes wrong now is told beside it.
pub async fn close(
    context: &Context<'_>,
    cloud: Connected,
    result: Result<Exit, CommandError>,
) -> Result<Exit, CommandError> {
    context.lock.release(context.printer).await;
    match (cloud.close().await, result) {
        (Ok(()), result) => result,
        (Err(error), Ok(exit)) => {
            if context.format() == Format::Jsonl {
                context.jsonl.error(&error);
            } else {
                context.printer.error(&error);
            }
            Ok(decide([exit, error.exit()]))
        }
        (Err(error), Err(first)) => {
            context.printer.error(&error);
            Err(first)
        }
    }
}

fn show(
    context: &Context<'_>,
    ready: &Ready,
    planned: &Planned,
    report: &Report,
    error: Option<&CommandError>,
) -> Result<(), CommandError> {
    let found = || diagnostics::documents(&plan::findings_of_report(planned), &ready.sources);
    let document = |found| ReportDocument::new(context.name, &planned.plan, &planned.digest, found).with_report(report);
    match context.format() {
        Format::Human => {
            let text = if context.printer.settings().quiet {
                report::totals(report, context.name)
            } else {
                format!("\n{}", report::human(report, context.name, context.view()))
            };
            // That nothing is to be deleted was said by the plan.
            let told = context.name == "teardown" && planned.plan.operations.is_empty() && report.outcomes.is_empty();
            if !told || context.printer.settings().quiet || report.unread > 0 || report.interrupted {
                context.printer.result(&text);
            }
            for hint in report::hints(report, context.name) {
                context.printer.hint(&hint);
            }
            if let Some(error) = error {
                context.printer.error(error);
            }
        }
        Format::Json => {
            let mut shown = document(found());
            shown.error = error.map(document::ErrorDocument::new);
            context.printer.document(&shown)?;
        }
        Format::Jsonl => {
            context.jsonl.report(&document(Vec::new()));
            if let Some(error) = error {
                context.jsonl.error(error);
            }
        }
        Format::Page(format) => {
            let page = plan::page(context, ready, planned, &plan::findings_of_report(planned)).with_report(report);
            let page = error.into_iter().fold(page, Page::with_error);
            context.printer.page(&page, format);
        }
    }
    Ok(())
}

/// The one exit of an execution.
pub fn exit(context: &Context<'_>, planned: &Planned, report: &Report) -> Exit {
    // Without a signal it was the lock.
    let signal = context.interrupts.first().unwrap_or(Exit::Locked);
    let failed = report.count(Ending::Failed) + report.count(Ending::Unknown) > 0;
    let summary = planned.plan.summary();
    let unverified = report.not_verifiable.max(summary.not_verifiable);
    decide([
        when(report.interrupted, signal),
        when(failed, Exit::Failed),
        when(report.count(Ending::Blocked) > 0 || summary.blocked > 0, Exit::Blocked),
        when(report.unread > 0 || summary.unread > 0, Exit::Incomplete),
        when(context.settings.run.strict && unverified > 0, Exit::Incomplete),
        when(report.unusable > 0, Exit::Unhealthy),
    ])
}
