//! One file per command; each command is a few steps that can be read, and what several of them share stands here.

pub mod apply;
pub mod blame;
pub mod completions;
pub mod drift;
pub mod execute;
pub mod explain;
pub mod fleet;
pub mod graph;
pub mod iam;
pub mod import;
pub mod init;
pub mod kinds;
pub mod man;
pub mod migrate;
pub mod orphans;
pub mod plan;
pub mod preflight;
pub mod query;
pub mod render;
pub mod sandbox;
pub mod schema;
pub mod teardown;
pub mod validate;
pub mod vars;

use std::sync::Arc;

use trueup_aws::Session;
use trueup_engine::diagnostic::{Diagnostics, Severity, codes};
use trueup_engine::graph::Graph;
use trueup_engine::observe::Observed;
use trueup_engine::plan::Plan;
use trueup_engine::source::Sources;
use trueup_engine::stack::Stack;

use crate::args::Format;
use crate::cloud;
use crate::error::CommandError;
use crate::exit::{Exit, when};
use crate::front::{self, Loaded};
use crate::lock::Lock;
use crate::output::document::Bare;
use crate::output::human::View;
use crate::output::jsonl::Jsonl;
use crate::output::page::Page;
use crate::output::{diagnostics, text};
use crate::printer::Printer;
use crate::settings::{Command, Settings, Target};
use crate::signals::Interrupts;
use crate::types;

/// What every command works with.
pub struct Context<'a> {
    /// The command's name in machine output.
    pub name: &'static str,
    /// What was asked for.
    pub settings: &'a Settings,
    /// The way out.
    pub printer: &'a Printer,
    /// Lines for `--format jsonl`.
    pub jsonl: &'a Jsonl<'a>,
    /// Signals.
    pub interrupts: &'a Interrupts,
    /// The lock.
    pub lock: &'a Lock,
}

impl Context<'_> {
    /// The form of the result.
    pub fn format(&self) -> Format {
        self.printer.settings().format
    }

    /// Notes which stack the run is about.
    pub fn is_about(&self, loaded: &Loaded) {
        if let Some(stack) = &loaded.stack {
            self.printer.is_about(&stack.name.value, &stack.env);
        }
    }

    /// How results are shown to people.
    pub fn view(&self) -> View {
        let settings = self.printer.settings();
        View {
            paint: self.printer.paint(),
            width: settings.stdout_width,
            verbose: settings.verbose > 0,
            sandbox: self.settings.cloud.sandbox.is_some(),
        }
    }
}

/// Runs the command.
pub async fn run(context: &Context<'_>) -> Result<Exit, CommandError> {
    match &context.settings.command {
        Command::Validate(target) => validate::run(context, target),
        Command::Render(target) => render::run(context, target),
        Command::Plan { target, out, exit_code, blame } => {
            plan::run(context, target, out.as_deref(), *exit_code, *blame).await
        }
        Command::Apply { what, yes, expect_digest } => apply::run(context, what, *yes, expect_digest.as_deref()).await,
        Command::Drift { target, options } => drift::run(context, target, options).await,
        Command::Orphans(target) => orphans::run(context, target).await,
        Command::Teardown { target, yes } => teardown::run(context, target, *yes).await,
        Command::Migrate { target, out } => Box::pin(migrate::run(context, target, out.as_deref())).await,
        Command::Import(what) => Box::pin(import::run(context, what)).await,
        Command::Fleet(what) => Box::pin(fleet::run(context, what)).await,
        Command::Graph { target, form } => graph::run(context, target, *form),
        Command::Query(what) => Box::pin(query::run(context, what)).await,
        Command::Preflight(target) => Box::pin(preflight::run(context, target)).await,
        Command::Iam { target, purpose } => iam::run(context, target, *purpose).await,
        Command::Vars(target) => vars::run(context, target),
        Command::Kinds { kind } => kinds::run(context, kind.as_deref()),
        Command::Explain { code } => explain::run(context, code.as_deref()),
        Command::Init { dir, kind } => init::run(context, dir.as_deref(), kind.as_deref()),
        Command::Schema(what) => schema::run(context, *what),
        Command::Completions(shell) => Ok(completions::run(context, *shell)),
        Command::Man { command } => man::run(context, command.as_deref()),
        Command::SandboxServe { addr, state, faults, settle } => {
            sandbox::serve(context, *addr, state.as_deref(), faults.as_deref(), *settle).await
        }
        Command::SandboxReset { state } => sandbox::reset(context, state),
        Command::SandboxDump { state } => sandbox::dump(context, state),
    }
}

/// A stack that can be sent.
pub struct Ready {
    /// The texts, for messages.
    pub sources: Sources,
    /// Warnings and notes.
    pub diagnostics: Diagnostics,
    /// The rendered manifest.
    pub stack: Stack,
    /// Its resources.
    pub graph: Arc<Graph>,
}

/// Loads a stack; an invalid one is reported, and its exit is the error.
///
/// Nothing is fetched: for commands that do without the cloud.
pub fn ready(context: &Context<'_>, target: &Target) -> Result<Result<Ready, Exit>, CommandError> {
    let loaded = front::load(context.settings, target)?;
    finish(context, loaded)
}

/// The same for commands that reach the cloud: what is not known of a type is asked for.
pub async fn ready_online(context: &Context<'_>, target: &Target) -> Result<Result<Ready, Exit>, CommandError> {
    let mut loaded = front::read(context.settings, target)?;
    check_online(context, &mut loaded).await?;
    finish(context, loaded)
}

/// Checks what was read, asking for what is not known of a type.
pub async fn check_online(context: &Context<'_>, loaded: &mut Loaded) -> Result<(), CommandError> {
    let settings = context.settings;
    if types::of(loaded).is_empty() || loaded.diagnostics.has_errors() {
        return check_with(settings, loaded, None).await;
    }
    let check = async {
        let cloud = cloud::connect(settings, false).await?;
        let checked = check_with(settings, loaded, Some(&cloud.session)).await;
        cloud.close().await?;
        checked
    };
    Box::pin(check).await
}

/// The same with a session, where there is one to ask with.
pub async fn check_with(
    settings: &Settings,
    loaded: &mut Loaded,
    session: Option<&Session>,
) -> Result<(), CommandError> {
    let types = types::of(loaded);
    let known = match session.filter(|_| !types.is_empty() && !loaded.diagnostics.has_errors()) {
        Some(session) => types::fetched(settings, session, loaded, &types).await?,
        None => types::cached(settings, loaded, &types),
    };
    front::check(settings, loaded, known);
    Ok(())
}

pub fn finish(context: &Context<'_>, loaded: Loaded) -> Result<Result<Ready, Exit>, CommandError> {
    context.is_about(&loaded);
    if !loaded.queries.is_empty() {
        context.printer.alert(&loaded.queries);
    }
    let ready = match usable(loaded)? {
        Ok(ready) => ready,
        Err(loaded) => return invalid(context, &loaded).map(Err),
    };
    if context.printer.is_human() {
        diagnostics::print(&ready.diagnostics, &ready.sources, context.printer);
    }
    Ok(Ok(ready))
}

/// What was loaded as a stack that can be sent, or as it is where it cannot be used.
pub fn usable(loaded: Loaded) -> Result<Result<Ready, Box<Loaded>>, CommandError> {
    if loaded.is_invalid() {
        return Ok(Err(Box::new(loaded)));
    }
    let Loaded { sources, diagnostics, stack: Some(stack), graph: Some(graph), .. } = loaded else {
        return Err(CommandError::failed("a stage gave no result and no message: this is a bug"));
    };
    Ok(Ok(Ready { sources, diagnostics, stack, graph: Arc::new(graph) }))
}

/// Reports a manifest that cannot be used.
pub fn invalid(context: &Context<'_>, loaded: &Loaded) -> Result<Exit, CommandError> {
    let documents = diagnostics::documents(&loaded.diagnostics, &loaded.sources);
    match context.format() {
        Format::Human => {
            diagnostics::print(&loaded.diagnostics, &loaded.sources, context.printer);
            let paint = context.printer.message_paint();
            let label = paint.paint(text::Tone::Bad, "error:");
            let counted = diagnostics::counts(&loaded.diagnostics);
            context.printer.alert(&format!("{label} the manifest cannot be used: {counted}\n"));
            let mut explained = loaded.diagnostics.iter().filter(|found| codes::find(found.code).is_some());
            if let Some(first) = explained.find(|found| found.severity == Severity::Error) {
                context.printer.hint(&format!("`trueup explain {}` says more", first.code));
            }
        }
        Format::Json => {
            let mut document = Bare::new(context.name, documents);
            if let Some(stack) = &loaded.stack {
                document = document.of_stack(&stack.name.value, &stack.env);
            }
            context.printer.document(&document)?;
        }
        Format::Jsonl => context.jsonl.diagnostics(&documents),
        Format::Page(format) => {
            let counted = diagnostics::counts(&loaded.diagnostics);
            let headline = format!("The manifest cannot be used: {counted}.");
            let page = Page::new(context.name, context.printer.subject());
            context.printer.page(&page.with_findings(&loaded.diagnostics, &loaded.sources, headline), format);
        }
    }
    Ok(Exit::Usage)
}

/// Refuses an environment that is bound to another account than the caller's.
///
/// A resource with a role of its own names its account itself; every other place has to be the bound one. Where nobody
/// could say which account it is, nothing may be written either.
pub fn account_binding(ready: &Ready, observed: &Observed, writes: bool) -> Option<CommandError> {
    let bound = ready.stack.account.as_ref()?;
    let own: Vec<_> = ready.graph.nodes.iter().filter(|node| node.instance.role_arn.is_none()).collect();
    for place in own.iter().map(|node| &node.place) {
        match observed.whereabouts.get(place) {
            Some(Ok(here)) if here.account == bound.value => {}
            Some(Ok(here)) => {
                return Some(
                    CommandError::blocked(format!(
                        "the environment `{}` is bound to account {}, and these credentials are of account {}",
                        ready.stack.env, bound.value, here.account
                    ))
                    .hint("use other credentials (`--profile`, `--role-arn`), or correct `accounts` in the manifest"),
                );
            }
            Some(Err(fault)) if writes => {
                let mut error = CommandError::fault(fault.clone());
                error.message = format!("cannot tell whether this is account {}: {}", bound.value, error.message);
                return Some(error);
            }
            Some(Err(_)) | None => {}
        }
    }
    None
}

/// What a plan's own findings mean for the exit code: mistakes of the manifest that only planning could see are usage.
pub fn findings(plan: &Plan) -> Exit {
    let mut errors = plan.diagnostics.iter().filter(|found| found.severity == Severity::Error).peekable();
    if errors.peek().is_none() {
        Exit::Done
    } else if errors.all(|found| found.code.starts_with('M')) {
        Exit::Usage
    } else {
        Exit::Failed
    }
}

/// The conditions that a plan alone brings about.
pub fn conditions(plan: &Plan, strict: bool) -> [Exit; 4] {
    let summary = plan.summary();
    [
        findings(plan),
        when(summary.blocked > 0, Exit::Blocked),
        when(summary.unread > 0, Exit::Incomplete),
        when(strict && summary.not_verifiable > 0, Exit::Incomplete),
    ]
}
