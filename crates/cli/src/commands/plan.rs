//! `trueup plan`: read the live state, show what differs, perhaps save it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use trueup_engine::address::Address;
use trueup_engine::cloud::Place;
use trueup_engine::diagnostic::{Diagnostic, Diagnostics};
use trueup_engine::fault::Fault;
use trueup_engine::graph::Graph;
use trueup_engine::memory::{Trust, remember};
use trueup_engine::observe::{self, Observed};
use trueup_engine::plan::document::{FaultDocument, PlanDocument};
use trueup_engine::plan::{self, Action, Plan, SecretStatus, Step};

use crate::args::Format;
use crate::cloud::{self, Connected};
use crate::commands::{Context, Ready, account_binding, blame, conditions, execute, ready_online};
use crate::error::{self, CommandError};
use crate::exit::{Exit, decide, when};
use crate::files;
use crate::memory;
use crate::output::graph::Network;
use crate::output::page::{self, Finding, Page};
use crate::output::{diagnostics, human};
use crate::secrets::Secrets;
use crate::selection;
use crate::settings::Target;

/// A plan and what it was made from.
pub struct Planned {
    /// The resources, with orphans where those are to be deleted.
    pub graph: Arc<Graph>,
    /// What was read.
    pub observed: Observed,
    /// The plan.
    pub plan: Plan,
    /// Its digest, the same whether it is saved or not.
    pub digest: String,
    /// Findings of all stages.
    pub diagnostics: Diagnostics,
    /// Who brought about what differs, by address, where a document has to say it.
    pub blame: blame::ByAddress,
}

/// Plans a stack.
pub async fn run(
    context: &Context<'_>,
    target: &Target,
    out: Option<&Path>,
    exit_code: bool,
    blame: bool,
) -> Result<Exit, CommandError> {
    let ready = match ready_online(context, target).await? {
        Ok(ready) => ready,
        Err(exit) => return Ok(exit),
    };
    let options = options(context, &ready)?;
    let secrets = Secrets::new(context.settings.environment.clone(), ready.sources.root());
    let cloud = cloud::connect(context.settings, context.settings.run.secret_reads).await?;
    let planned = make_trusting(context, &ready, &cloud, &secrets, &options, Trust::Whole).await;
    let mut planned = late(planned, &secrets);
    if blame {
        planned.blame = blame::gather(context, &cloud, &planned).await;
    }
    let result = told(context, &ready, &planned, out, exit_code);
    if blame && result.is_ok() {
        blame::tell(context, &cloud, &planned).await;
    }
    execute::close(context, cloud, result).await
}

/// Saves the plan where that is asked for, and shows it.
pub fn told(
    context: &Context<'_>,
    ready: &Ready,
    planned: &Planned,
    out: Option<&Path>,
    exit_code: bool,
) -> Result<Exit, CommandError> {
    // Saved before it is shown: a run has one document, and what was not saved is an error.
    let digest = out.map(|path| save(path, planned, ready)).transpose()?;
    show(context, ready, planned)?;
    let binding = account_binding(ready, &planned.observed, false);
    if context.printer.is_human() {
        tell_faults(context, planned);
        if let Some(error) = &binding {
            context.printer.error(error);
        }
    }
    if let (Some(path), Some(digest)) = (out, digest) {
        context.printer.message(&format!("Saved to {} with digest {digest}\n", path.display()));
    }
    Ok(exit(context, ready, planned, exit_code))
}

/// How a run that only plans ends.
pub fn exit(context: &Context<'_>, ready: &Ready, planned: &Planned, exit_code: bool) -> Exit {
    let changed = when(exit_code && planned.plan.has_changes(), Exit::Changes);
    let bound = account_binding(ready, &planned.observed, false).map_or(Exit::Done, |error| error.exit());
    decide(conditions(&planned.plan, context.settings.run.strict).into_iter().chain([changed, bound]))
}

/// What the plan may do.
pub fn options(context: &Context<'_>, ready: &Ready) -> Result<plan::Options, CommandError> {
    let run = &context.settings.run;
    Ok(plan::Options {
        allow_replace: run.allow_replace.clone(),
        fingerprint_key: run.plan_key.clone(),
        selected: selection::selected(&ready.graph, run)?,
        allow_deletes: run.allow_deletes,
        take_over: run.take_over,
        prune: run.prune,
        quota_share: context.settings.cloud.quota_share,
        search_again: run.kms_settle,
    })
}

/// Observes and plans, for writes: all but the values of secrets that have not moved is read.
pub async fn make(
    context: &Context<'_>,
    ready: &Ready,
    cloud: &Connected,
    secrets: &Secrets,
    options: &plan::Options,
) -> Planned {
    make_trusting(context, ready, cloud, secrets, options, Trust::Values).await
}

/// Observes and plans, and takes so much of what was verified before as given.
pub async fn make_trusting(
    context: &Context<'_>,
    ready: &Ready,
    cloud: &Connected,
    secrets: &Secrets,
    options: &plan::Options,
    trust: Trust,
) -> Planned {
    let home = home(context, ready);
    let reading = observe::Options {
        secrets: context.settings.run.secret_reads,
        shallow: false,
        only: options.selected.as_ref().map(|selected| selection::with_dependencies(&ready.graph, selected)),
        orphans: options.prune,
        home: Some(home.clone()),
        memory: memory::of(context.settings, &ready.stack),
        trust,
    };
    let mut observed = observe::observe(&ready.graph, &cloud.session, &reading).await;
    let graph =
        if options.prune { Arc::new(plan::prune(&ready.graph, &mut observed)) } else { Arc::clone(&ready.graph) };
    let mut plan = planned(&graph, &observed, (cloud, &home), (secrets, reading.only.as_ref()), options).await;
    // What is wanted is not what was verified. What is read now may be news to others, which are read then.
    while !plan.reread.is_empty() || !plan.queries.is_empty() {
        if plan.queries.is_empty() {
            observe::observe_again(&graph, &cloud.session, &reading, &plan.reread, &mut observed).await;
        } else {
            observe::look_up(&graph, &cloud.session, &plan.queries, &mut observed).await;
        }
        plan = planned(&graph, &observed, (cloud, &home), (secrets, reading.only.as_ref()), options).await;
    }
    remember(&graph, &observed, &plan);
    let digest = PlanDocument::saved(&plan, &ready.stack).digest;
    let mut diagnostics = ready.diagnostics.clone();
    diagnostics.extend(plan.diagnostics.clone());
    Planned { graph, observed, plan, digest, diagnostics, blame: blame::ByAddress::new() }
}

/// Plans with the secrets that the plan takes from the cloud; nothing of them is read where secret reads are off.
async fn planned(
    graph: &Graph,
    observed: &Observed,
    (cloud, home): (&Connected, &Place),
    (secrets, only): (&Secrets, Option<&BTreeSet<usize>>),
    options: &plan::Options,
) -> Plan {
    secrets.ask(graph, only);
    secrets.fetch(&cloud.session, home).await;
    loop {
        let plan = plan::plan(graph, observed, secrets, options);
        // What is named only with what is known of other resources was asked for just now.
        if !secrets.fetch(&cloud.session, home).await {
            return plan;
        }
    }
}

/// Where the stack lives as far as its resources do not say otherwise.
pub fn home(context: &Context<'_>, ready: &Ready) -> Place {
    let cloud = &context.settings.cloud;
    let region = cloud.region.clone().or_else(|| ready.stack.region.clone());
    Place { region: region.map(Into::into), role_arn: cloud.role_arn.clone().map(Into::into) }
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
        Format::Page(format) => {
            context.printer.page(&page(context, ready, planned, &all_findings(ready, planned)), format);
        }
    }
    Ok(())
}

/// The plan for the forms that other tools read.
pub fn page(context: &Context<'_>, ready: &Ready, planned: &Planned, found: &Diagnostics) -> Page {
    let network = Network::new(&planned.graph, &ready.sources);
    let page = page::of_plan(context.name, &planned.plan, &planned.digest, &ready.sources, network, context.view());
    with_findings(page, ready, planned, found)
}

/// A page with what was found besides.
pub fn with_findings(mut page: Page, ready: &Ready, planned: &Planned, found: &Diagnostics) -> Page {
    for item in &mut page.items {
        let blamed = planned.blame.get(&item.address).into_iter().flatten();
        item.remarks.extend(blamed.map(|finding| ("blame", crate::output::blame::in_words(finding))));
    }
    page.findings = page::findings(found, &ready.sources, &STANDING);
    let unsearched = faults(planned).filter(|(address, _)| address.is_none());
    page.findings.extend(unsearched.map(|(_, fault)| Finding::unsearched(fault)));
    page
}

/// Shows the plan to a person: the result on stdout, what came up while planning on stderr.
pub fn show_human(context: &Context<'_>, ready: &Ready, planned: &Planned) {
    let view = context.view();
    if context.printer.settings().quiet {
        // The one line of a quiet run is its result: of an apply that is the report.
        if context.name == "plan" {
            context.printer.result(&human::summary(&planned.plan, view));
        }
    } else {
        context.printer.result(&human::plan(&planned.plan, view));
    }
    show_late(context, ready, planned);
}

/// Shows what came up since the manifest was read, whose findings were printed then.
pub fn show_late(context: &Context<'_>, ready: &Ready, planned: &Planned) {
    let mut late = Diagnostics::new();
    for found in planned.diagnostics.iter().skip(ready.diagnostics.iter().count()) {
        late.push(found.clone());
    }
    diagnostics::print(&late, &ready.sources, context.printer);
}

/// The full words of each fault that kept something from being read, and what to do; each once, because a missing region
/// keeps everything from being read.
pub fn tell_faults(context: &Context<'_>, planned: &Planned) {
    let mut told: Vec<&Fault> = Vec::new();
    let mut hints = Vec::new();
    for fault in faults(planned).map(|(_, fault)| fault) {
        if told.iter().any(|other| other.operation == fault.operation && other.message == fault.message) {
            continue;
        }
        told.push(fault);
        context.printer.warning(&error::describe(fault));
        if let Some(hint) = error::advice(fault).filter(|hint| !hints.contains(hint)) {
            context.printer.hint(&hint);
            hints.push(hint);
        }
    }
}

/// What could not be read, each with the address that it is about; a search is about none.
fn faults(planned: &Planned) -> impl Iterator<Item = (Option<&Address>, &Fault)> {
    let steps = planned.plan.steps.iter();
    let unread = steps.filter_map(|step| Some((Some(step.address()), step.unread()?)));
    unread.chain(planned.observed.unsearched.iter().map(|(_, fault)| (None, fault)))
}

/// Every finding for machines: the steps leave out what has no action, and a resource that could not be read, cannot be
/// used or was not verified is news all the same.
pub fn all_findings(ready: &Ready, planned: &Planned) -> Diagnostics {
    let mut all = planned.diagnostics.clone();
    if let (Some(error), Some(bound)) = (account_binding(ready, &planned.observed, false), &ready.stack.account) {
        let found = Diagnostic::error("P120", error.message).at(bound.span);
        all.push(error.hints.into_iter().fold(found, Diagnostic::help));
    }
    for step in &planned.plan.steps {
        standing(step, &mut all);
    }
    all
}

/// The findings of a report: what was done has an outcome, what was left alone may still be news.
pub fn findings_of_report(planned: &Planned) -> Diagnostics {
    let mut all = planned.diagnostics.clone();
    for step in planned.plan.steps.iter().filter(|step| step.action == Action::None) {
        standing(step, &mut all);
    }
    all
}

/// The codes of what is known of a resource besides its differences.
const STANDING: [&str; 3] = ["P121", "P122", "P123"];

/// What is known of a resource besides its differences.
fn standing(step: &Step, all: &mut Diagnostics) {
    let (address, at) = (step.address(), step.desired.instance.name_span);
    if let Some(fault) = step.unread() {
        let summary = format!("{address} could not be read: {}", fault.in_words());
        let found = Diagnostic::warning("P121", summary).at(at);
        all.push(error::advice(fault).into_iter().fold(found, Diagnostic::help));
    }
    if let Some((state, reason)) = step.unhealthy() {
        let why = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        all.push(Diagnostic::note("P122", format!("{address} is {state} and cannot be used{why}")).at(at));
    }
    for verdict in step.secrets.iter().filter(|verdict| verdict.status == SecretStatus::NotVerifiable) {
        let why = verdict.reason.as_deref().unwrap_or("the live value is not readable");
        let summary = format!("{address}{} is not verifiable: {why}", verdict.pointer);
        all.push(Diagnostic::note("P123", summary).at(step.desired.instance.spans.value(&verdict.pointer)));
    }
}

/// The plan as a document, with the digest that a saved one has.
fn document(planned: &Planned, verbose: bool) -> PlanDocument {
    let mut document = PlanDocument::new(&planned.plan, verbose);
    document.digest.clone_from(&planned.digest);
    for step in &mut document.steps {
        step.blame = planned.blame.get(&step.address).cloned().unwrap_or_default();
    }
    document.faults = fault_documents(planned);
    document
}

/// What could not be read, for machines.
pub fn fault_documents(planned: &Planned) -> Vec<FaultDocument> {
    faults(planned)
        .map(|(address, fault)| FaultDocument { address: address.map(ToString::to_string), fault: fault.clone() })
        .collect()
}

/// Saves the plan; its digest.
fn save(path: &Path, planned: &Planned, ready: &Ready) -> Result<String, CommandError> {
    let document = PlanDocument::saved(&planned.plan, &ready.stack);
    let text = serde_json::to_string_pretty(&document)
        .map_err(|error| CommandError::failed(format!("cannot write the plan as JSON: {error}")))?;
    files::write_private(path, &format!("{text}\n"))?;
    Ok(document.digest)
}
