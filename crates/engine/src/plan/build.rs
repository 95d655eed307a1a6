//! From observation to plan: one decision for every resource, in the order of the graph, then the operations and edges.
//!
//! What is decided of a resource that is there stands in `present`, what is said of its secrets in `verdicts`, and what concerns
//! all of them in `whole`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::cloud::{Extent, Live, Present, Readiness};
use crate::credential::SecretStore;
use crate::delta::{self, Delta, Edit};
use crate::desired::Desired;
use crate::diagnostic::Diagnostics;
use crate::graph::Graph;
use crate::kind::Change;
use crate::lookup;
use crate::memory::{self, VERIFIED};
use crate::observe::Observed;
use crate::owner::{self, Owner};
use crate::plan::hold;
use crate::plan::operations::operations;
use crate::plan::pointing::pointing;
use crate::plan::pre_image::pre_images;
use crate::plan::resolve::{Known, Resource};
use crate::plan::{Action, Plan, SecretStatus, Step};
use crate::schema::Domain;
use crate::secret::FingerprintKey;
use crate::value::Map;

mod present;
mod verdicts;
mod whole;

pub(super) use whole::{cap_deletions, unsearched};
use whole::{exports, name_what_stays_behind};

/// What a plan may do.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Addresses that may be replaced under the same name.
    pub allow_replace: Vec<String>,
    /// With a key, fingerprints of the desired secrets are noted.
    pub fingerprint_key: Option<FingerprintKey>,
    /// The resources that get a step; `None` means all.
    pub selected: Option<BTreeSet<usize>>,
    /// More deletions than this are blocked; without it, more than ten that are more than half of the stack.
    pub allow_deletes: Option<usize>,
    /// Resources that belong to another stack may be taken over.
    pub take_over: bool,
    /// The graph holds orphans, see [`crate::plan::prune`].
    pub prune: bool,
    /// How much of the services' rates is used, for the time that it is said to take; all of it without.
    pub quota_share: Option<f64>,
    /// How long after a resource whose service makes the name was searched for it is searched for once more; for the estimate.
    pub search_again: Duration,
}

/// Makes the plan that leads from what was observed to what the graph wants.
pub fn plan(graph: &Graph, observed: &Observed, store: &dyn SecretStore, options: &Options) -> Plan {
    let mut known = Known::new(graph, store);
    let pointing = pointing(graph, observed);
    let mut held = BTreeMap::new();
    let mut queries = BTreeMap::new();
    let (mut steps, mut diagnostics, unread_beside, reread) = loop {
        queries.clear();
        let (steps, diagnostics, unread_beside, reread) =
            decide_all(graph, observed, options, &held, &mut known, store, &mut queries);
        // What is held is no longer replaced, so what follows from that replacement is decided again.
        let more = hold::held_by_dependants(graph, observed, &pointing, &steps);
        if more.is_empty() {
            break (steps, diagnostics, unread_beside, reread);
        }
        held.extend(more);
    };
    hold::keep_what_is_still_needed(graph, observed, &pointing, &mut steps);
    hold::keep_orphans_in_use(graph, observed, &pointing, &mut steps);
    name_what_stays_behind(graph, &mut steps);
    cap_deletions(steps.iter_mut().flatten(), options.allow_deletes);

    let operations = operations(graph, &steps, &pointing);
    let exports = exports(graph, &steps);
    unsearched(graph, observed, options.prune, &mut diagnostics);
    let place = graph.nodes.first().map(|node| &node.place);
    let whereabouts = place.and_then(|place| observed.whereabouts.get(place)).and_then(|answer| answer.as_ref().ok());
    let partial = options.selected.is_some();
    let mut plan = Plan {
        command: "plan",
        stack: graph.stack.clone(),
        env: graph.env.clone(),
        whereabouts: whereabouts.cloned(),
        steps: steps.into_iter().flatten().collect(),
        operations,
        diagnostics,
        exports,
        partial,
        pruned: options.prune,
        take_over: options.take_over,
        unread_beside: unread_beside + if options.prune { observed.unsearched.len() } else { 0 },
        reread,
        queries,
        estimate: super::Estimate::default(),
    };
    plan.estimate = super::operations::estimate(&plan, options);
    plan
}

/// One decision for every resource, in the order of need.
fn decide_all(
    graph: &Graph,
    observed: &Observed,
    options: &Options,
    held: &BTreeMap<usize, String>,
    known: &mut Known<'_>,
    store: &dyn SecretStore,
    queries: &mut BTreeMap<usize, String>,
) -> (Vec<Option<Step>>, Diagnostics, usize, BTreeSet<usize>) {
    let mut diagnostics = Diagnostics::new();
    let mut steps: Vec<Option<Step>> = graph.nodes.iter().map(|_| None).collect();
    let mut not_compared = 0;
    let mut reread = BTreeSet::new();
    let mut uncertain: Vec<Option<usize>> = vec![None; graph.nodes.len()];
    for &index in &graph.order {
        let node = &graph.nodes[index];
        uncertain[index] = hold::uncertain_dependency(graph, observed, &steps, &uncertain, index);
        let (resolved, problems) = known.resolve(node);
        for problem in problems {
            diagnostics.push(problem);
        }
        let (mut resolved, problems) = crate::desired::check_resolved(node, resolved);
        diagnostics.extend(problems);
        let present = observed.live[index].as_ref().and_then(Live::present);
        owner::claim(&graph.stack, &graph.env, node, &mut resolved, present.map(|present| &present.properties));
        let selected = options.selected.as_ref().is_none_or(|selected| selected.contains(&index));
        if node.kind.is_lookup() && observed.live[index].is_none() {
            // What comes with this run cannot be found before it.
            let comes = |dependency: &usize| {
                let step = steps[*dependency].as_ref();
                step.is_some_and(|step| matches!(step.action, Action::Create | Action::Replace | Action::Read))
            };
            if !resolved.values().any(delta::has_unknown) && !graph.dependencies[index].iter().any(comes) {
                queries.extend(lookup::text(&resolved).map(|text| (index, text.to_owned())));
            }
        }
        if !selected {
            let attributes = present.map(|present| present.attributes.clone()).unwrap_or_default();
            known.set(index, Resource { properties: resolved, attributes });
            continue;
        }
        let live = observed.live[index].clone();
        let decision =
            Decision { graph, observed, options, held, steps: &steps, uncertain: uncertain[index], node, index, store };
        let (mut step, attributes) = decision.decide(resolved, live.unwrap_or(Live::Absent), &mut diagnostics);
        if !decision.rests_on_what_was_read(&mut step) {
            reread.insert(index);
        }
        if observed.canonical.has_faults() {
            let notes = decision.spelling_notes(&step);
            not_compared += usize::from(!notes.is_empty());
            step.notes.extend(notes);
        }
        // Only those that need it ask for it.
        if !graph.dependants[index].is_empty() {
            known.set(index, Resource { properties: step.resolved.clone(), attributes });
        }
        steps[index] = Some(step);
    }
    reread.extend(outlined_beside_what_goes(observed, &steps));
    let of_steps = uncertain.iter().zip(&steps).filter(|(_, step)| step.is_some());
    let unread: BTreeSet<usize> = of_steps.filter_map(|(unread, _)| *unread).collect();
    let unread_beside = unread.into_iter().filter(|index| steps[*index].is_none()).count();
    (steps, diagnostics, unread_beside + not_compared, reread)
}

/// What was not read in full, where something goes: it may point at that.
fn outlined_beside_what_goes(observed: &Observed, steps: &[Option<Step>]) -> Vec<usize> {
    let goes = |step: &Step| matches!(step.action, Action::Delete | Action::Replace);
    if !steps.iter().flatten().any(goes) {
        return Vec::new();
    }
    let outlined = |index: &usize| observed.live[*index].as_ref().and_then(Live::present).is_some_and(is_outlined);
    (0..observed.live.len()).filter(outlined).collect()
}

/// A query: what it found is known, or will be.
fn decide_lookup(mut step: Step) -> (Step, Map) {
    match &step.live {
        Live::Present(present) => {
            let attributes = present.attributes.clone();
            (step, attributes)
        }
        Live::Unreadable(fault) => {
            step.reason = format!("could not be read: {fault}");
            (step, Map::new())
        }
        Live::Absent => {
            step.action = Action::Read;
            "what it asks with is known only after apply".clone_into(&mut step.reason);
            (step, Map::new())
        }
    }
}

struct Decision<'a> {
    graph: &'a Graph,
    observed: &'a Observed,
    options: &'a Options,
    /// What may not be replaced under the same name, and why.
    held: &'a BTreeMap<usize, String>,
    steps: &'a [Option<Step>],
    /// The resource that could not be read and from which properties of this one follow.
    uncertain: Option<usize>,
    node: &'a Arc<Desired>,
    index: usize,
    store: &'a dyn SecretStore,
}

impl Decision<'_> {
    /// The step, and the attributes that others may rely on in this plan.
    fn decide(&self, resolved: Map, live: Live, diagnostics: &mut Diagnostics) -> (Step, Map) {
        let mut step = Step {
            desired: Arc::clone(self.node),
            identity: self.observed.identities[self.index].clone(),
            action: Action::None,
            reason: String::new(),
            new_first: false,
            edits: Vec::new(),
            patch: Vec::new(),
            secrets: Vec::new(),
            implies: Vec::new(),
            resolved,
            live,
            former: Vec::new(),
            notes: Vec::new(),
            pre_image: None,
        };
        for (name, live) in &self.observed.former[self.index] {
            match live {
                Live::Present(present)
                    if !matches!(present.readiness, Readiness::Deleting(_) | Readiness::Scheduled { .. }) =>
                {
                    step.former.push((**present).clone());
                }
                Live::Unreadable(fault) => step.live = Live::Unreadable(fault.clone()),
                Live::Present(_) | Live::Absent => {
                    // One that was found by its tags is written nowhere.
                    if matches!(&step.live, Live::Present(_)) && self.node.former.contains(name) {
                        step.notes.push(format!("`{name}` is gone: `renamed_from` may be removed"));
                    }
                }
            }
        }
        if self.node.orphan {
            return (self.orphan(step), Map::new());
        }
        if self.node.kind.is_lookup() {
            step.notes.extend(self.asked_before());
            return decide_lookup(step);
        }
        // By far the most where little has moved, so nothing of them is copied.
        if let Some(present) = step.live.present().filter(|present| is_outlined(present)) {
            let is_needed = !self.graph.dependants[self.index].is_empty();
            let attributes = if is_needed { present.attributes.clone() } else { Map::new() };
            step.secrets = self.verdicts_of(&step.resolved, SecretStatus::NotVerifiable, Some(VERIFIED));
            return (step, attributes);
        }
        match step.live.clone() {
            Live::Unreadable(fault) => {
                step.reason = format!("could not be read: {fault}");
                (step, Map::new())
            }
            Live::Absent => (self.absent(step), Map::new()),
            Live::Present(present) => match &present.readiness {
                // The next one gets another name, so nothing has to be waited for.
                Readiness::Deleting(_) if self.node.identity.is_none() => {
                    step.forget();
                    (self.absent(step), Map::new())
                }
                Readiness::Scheduled { state, .. } if let Some(reason) = self.lost(&step, &present) => {
                    step.reason = format!("{}, which is {state}, cannot become it: {reason}", present.identity);
                    step.forget();
                    (self.absent(step), Map::new())
                }
                Readiness::Deleting(state) => {
                    step.reason = format!("the one of this name is {state}; it is created again when that one is gone");
                    (self.absent(step), Map::new())
                }
                Readiness::Scheduled { state, until } => {
                    self.scheduled(step, &present, state, until.as_deref(), diagnostics)
                }
                _ => self.present(step, &present, diagnostics),
            },
        }
    }

    /// Whether nothing that was left out of the read is missing: what was verified before is what is wanted now, and
    /// nothing is to be done. The verdicts on secrets that were not read again are those of then.
    fn rests_on_what_was_read(&self, step: &mut Step) -> bool {
        let Some(present) = step.live.present().filter(|present| present.seen.extent != Extent::Full) else {
            return true;
        };
        let undisturbed = self.uncertain.is_none() && step.former.is_empty() && self.replaced_dependency().is_none();
        let idle = step.action == Action::None && step.edits.iter().all(Edit::is_ignored);
        if !undisturbed || !idle || !memory::holds(self.observed, self.index, self.node, present, &step.resolved) {
            return false;
        }
        for verdict in &mut step.secrets {
            if verdict.status == SecretStatus::NotVerifiable && verdict.reason.as_deref() == Some(VERIFIED) {
                verdict.status = SecretStatus::Same;
                verdict.reason = None;
            }
        }
        true
    }

    /// Why something that is going is not taken back, where the service makes the next one another name.
    fn lost(&self, step: &Step, present: &Present) -> Option<String> {
        if self.node.identity.is_some() {
            return None;
        }
        let delta = self.delta(&step.resolved, present);
        delta.replaces().map(str::to_owned)
    }

    fn delta(&self, desired: &Map, present: &Present) -> Delta {
        let canonical =
            |domain: Domain, name: &str| self.observed.canonical.of(&self.node.place, domain, name).to_owned();
        delta::delta(self.node.kind.schema(), desired, &present.properties, &self.node.instance.ignore, &canonical)
    }

    fn absent(&self, mut step: Step) -> Step {
        if let Some(written) = &self.node.instance.identifier {
            let state = match step.live.present().map(|present| &present.readiness) {
                Some(Readiness::Deleting(state)) => format!("is {state}"),
                _ => "does not exist".to_owned(),
            };
            step.action = Action::Blocked;
            step.reason = format!(
                "`identifier` names {}, which {state}; without the key `identifier` a new one is made",
                written.value
            );
            return step;
        }
        step.secrets = self.verdicts_of_new(&step.resolved);
        step.implies = self.node.kind.implies(&Change::Create(&step.resolved));
        if let Some(dependency) = self.missing_dependency() {
            step.action = Action::Blocked;
            step.reason = format!("{dependency}, which it refers to, does not exist and is not selected");
            return step;
        }
        if step.former.is_empty() {
            step.action = Action::Create;
            if step.reason.is_empty() {
                "does not exist".clone_into(&mut step.reason);
            }
            return step;
        }
        step.action = Action::Replace;
        step.new_first = true;
        step.implies.extend(step.former.iter().flat_map(|former| self.node.kind.implies(&Change::Delete(former))));
        step.reason = if self.node.identity.is_none() {
            finishes(&step.former)
        } else {
            let identity = self.node.kind.identity_property();
            format!("{identity} cannot change in place ({})", self.names_of_former(&step.former))
        };
        step.pre_image = pre_images(self.node, None, &step.former);
        self.guard(step)
    }

    /// What carries the stack's tags and is in the manifest no more.
    fn orphan(&self, mut step: Step) -> Step {
        let present = match &step.live {
            Live::Unreadable(fault) => {
                step.reason = format!("could not be read: {fault}");
                return step;
            }
            Live::Present(present)
                if !matches!(present.readiness, Readiness::Deleting(_) | Readiness::Scheduled { .. }) =>
            {
                present.clone()
            }
            Live::Absent | Live::Present(_) => return step,
        };
        step.pre_image = pre_images(self.node, Some(&present), &[]);
        // The index may be old, so the resource's own tags decide.
        match Owner::of(self.node.kind, &present.properties) {
            Some(owner) if owner.stack == self.graph.stack && owner.env == self.graph.env => {
                if let Some(reason) = self.node.kind.refuses(&present) {
                    step.action = Action::Blocked;
                    step.reason = reason;
                    return step;
                }
                step.action = Action::Delete;
                "the manifest no longer names it".clone_into(&mut step.reason);
                step.implies = self.node.kind.implies(&Change::Delete(&present));
                self.guard(step)
            }
            _ => step,
        }
    }

    /// What a query that was asked for this plan needs, and what the plan updates.
    fn asked_before(&self) -> Option<String> {
        self.observed.live[self.index].as_ref()?.present()?;
        let moved =
            self.graph.dependencies[self.index].iter().filter_map(|dependency| self.steps[*dependency].as_ref());
        let moved = moved.filter(|step| step.action == Action::Update);
        let moved: Vec<String> = moved.map(|step| step.address().to_string()).collect();
        let is = if moved.len() == 1 { "is" } else { "are" };
        (!moved.is_empty()).then(|| {
            format!("was asked before {} {is} updated: apply again where that changes what it finds", moved.join(", "))
        })
    }

    fn names_of_former(&self, former: &[Present]) -> String {
        let names = former.iter().map(|former| former.identity.as_str()).collect::<Vec<_>>().join(", ");
        let by_tags = former.iter().any(|former| !self.node.former.contains(&former.identity));
        if by_tags { format!("it was {names}") } else { format!("renamed_from: {names}") }
    }

    fn may_replace(&self) -> bool {
        let address = self.node.address.to_string();
        self.options.allow_replace.iter().any(|allowed| *allowed == address || allowed == self.node.address.name())
    }

    /// A dependency that does not exist and will not be created, because it is not selected.
    fn missing_dependency(&self) -> Option<&crate::address::Address> {
        let missing = self.graph.dependencies[self.index].iter().find(|dependency| {
            self.steps[**dependency].is_none() && matches!(self.observed.live[**dependency], Some(Live::Absent))
        })?;
        Some(&self.graph.nodes[*missing].address)
    }

    /// A resource that refers to one that is deleted and created again has to go before it and come after it.
    fn replaced_dependency(&self) -> Option<String> {
        self.graph.dependencies[self.index].iter().find_map(|dependency| {
            let step = self.steps[*dependency].as_ref()?;
            (step.action == Action::Replace && !step.new_first)
                .then(|| format!("{} is replaced, which it refers to", step.address()))
        })
    }

    /// Notes of two spellings that could not be compared, because the lookup of what they name failed.
    fn spelling_notes(&self, step: &Step) -> Vec<String> {
        let Some(present) = step.live.present() else { return Vec::new() };
        let schema = self.node.kind.schema();
        let literal = |_: Domain, name: &str| name.to_owned();
        let delta = delta::delta(schema, &step.resolved, &present.properties, &self.node.instance.ignore, &literal);
        let notes = delta.effective().filter_map(|edit| {
            edit.before.as_ref()?.as_str()?;
            edit.after.as_ref()?.as_str()?;
            let domain = schema.at(&edit.pointer)?.names?;
            let fault = self.observed.canonical.fault(&self.node.place, domain)?;
            let label = &edit.label;
            Some(format!(
                "{label} was not compared: whether both name one and the same could not be looked up ({fault})"
            ))
        });
        notes.collect()
    }
}

/// Whether a page showed all there is to say: it stays, and nothing of it is compared.
fn is_outlined(present: &Present) -> bool {
    present.seen.extent == Extent::Outline
        && !matches!(present.readiness, Readiness::Deleting(_) | Readiness::Scheduled { .. })
}

fn finishes(former: &[Present]) -> String {
    let names = former.iter().map(|former| former.identity.as_str()).collect::<Vec<_>>().join(", ");
    format!("finishes the replacement of {names}")
}
