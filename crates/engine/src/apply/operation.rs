//! One operation: resolve what it sends, send it, read again where somebody else was at it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::apply::Work;
use crate::cloud::{Create, Live, Present, Readiness, Update, Want, Written};
use crate::delta::{self, Delta, Edit};
use crate::desired::Desired;
use crate::diagnostic::Severity;
use crate::fault::{Fault, FaultKind};
use crate::kind::Verb;
use crate::plan::{Known, Operation, Resource, Step, sends};
use crate::schema::Domain;
use crate::value::{Map, Value};

/// How long a read may show less than what was written.
const READS_LAG: Duration = Duration::from_secs(30);

/// Runs operations against what is known of all resources.
pub(super) struct Operations<'a> {
    work: Work<'a>,
    known: Mutex<Known<'a>>,
    /// For each step the index of its resource in the graph.
    nodes: Vec<usize>,
}

impl<'a> Operations<'a> {
    pub(super) fn new(work: Work<'a>) -> Self {
        let mut known = Known::new(work.graph, work.store);
        let by_address: std::collections::HashMap<_, _> =
            work.graph.nodes.iter().enumerate().map(|(index, node)| (&node.address, index)).collect();
        // What exists and stays is known from the start; what a step will change is learned when it is done.
        for (index, live) in work.observed.live.iter().enumerate() {
            if let Some(present) = live.as_ref().and_then(Live::present) {
                known.set(index, Resource { properties: Map::new(), attributes: present.attributes.clone() });
            }
        }
        let mut nodes = Vec::with_capacity(work.plan.steps.len());
        for step in &work.plan.steps {
            let index = by_address.get(step.address()).copied().unwrap_or_default();
            let keeps = !matches!(step.action, crate::plan::Action::Create | crate::plan::Action::Replace)
                || (step.new_first && step.live.present().is_some());
            let mut attributes = if keeps { known.get(index).attributes.clone() } else { Map::new() };
            if step.updates() {
                let stable = |name: &String| step.desired.kind.attributes().iter().any(|a| a.stable && a.name == name);
                attributes.retain(|name, _| stable(name));
            }
            known.set(index, Resource { properties: step.resolved.clone(), attributes });
            nodes.push(index);
        }
        Self { work, known: Mutex::new(known), nodes }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known<'a>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes attributes of the resource of an operation.
    pub(super) fn learn(&self, operation: usize, attributes: &Map) {
        let operation = &self.work.plan.operations[operation];
        let step = &self.work.plan.steps[operation.step];
        // A former resource of another name says nothing about the new one.
        if operation.identity == step.desired.identity && operation.verb != Verb::Delete {
            self.known().learn(self.nodes[operation.step], attributes);
        }
    }

    /// Runs one operation.
    pub(super) async fn run(&self, index: usize) -> (usize, Result<Written, Fault>) {
        let operation = &self.work.plan.operations[index];
        let step = &self.work.plan.steps[operation.step];
        let result = match operation.verb {
            Verb::Read => Ok(Written {
                attributes: Map::new(),
                // Only the poller knows; it asks at once.
                readiness: match step.live.present().map(|present| &present.readiness) {
                    Some(Readiness::Deleting(state)) => Readiness::Deleting(state.clone()),
                    _ => Readiness::Settling("waiting".to_owned()),
                },
                notes: Vec::new(),
            }),
            Verb::Create => self.create(operation, step).await,
            Verb::Update => self.update(operation, step).await,
            Verb::Delete => self.delete(operation, step).await,
        };
        (index, result)
    }

    async fn create(&self, operation: &Operation, step: &Step) -> Result<Written, Fault> {
        let desired = self.resolved(operation).await?;
        let desired = delta::canonical_form(step.desired.kind.schema(), &desired);
        let create = Create { identity: &operation.identity, desired: &desired };
        self.work.cloud.create(step.desired.kind, &step.desired.place, &create).await
    }

    async fn update(&self, operation: &Operation, step: &Step) -> Result<Written, Fault> {
        let desired = self.resolved(operation).await?;
        let node = &step.desired;
        let patience = node.instance.timeouts.update.unwrap_or(node.kind.patience(&desired).update);
        let deadline = Instant::now() + patience.max(Duration::from_secs(30));
        let settled = step.live.present().filter(|present| !matches!(present.readiness, Readiness::Settling(_)));
        let mut live: Option<Present> = settled.cloned();
        let mut pause = Duration::from_millis(100);
        loop {
            let present = match live.take() {
                Some(present) => present,
                None => self.read_again(operation, step, deadline).await?,
            };
            let delta = self.delta(node, &desired, &present);
            if delta.effective().next().is_none() {
                return Ok(Written { attributes: present.attributes, readiness: present.readiness, notes: Vec::new() });
            }
            if let Some(reason) = delta.replaces() {
                return Err(Fault::new(
                    FaultKind::Conflict,
                    "update",
                    format!("the resource changed since the plan was made: {reason}; plan again"),
                ));
            }
            let send = delta::to_send(node.kind.schema(), &desired, &present.properties, &node.instance.ignore);
            let edits: Vec<_> = delta.effective().cloned().collect();
            if let Some(lacking) = lacking_secret(node, &desired, &send, &edits) {
                return Err(Fault::new(FaultKind::Invalid, "resolve", lacking));
            }
            let update = Update { live: &present, desired: &send, edits: &edits };
            match self.work.cloud.update(node.kind, &node.place, &update).await {
                // Somebody else was at it: read again, compare again.
                Err(fault) if fault.kind == FaultKind::Conflict && Instant::now() + pause < deadline => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(5));
                }
                other => return other,
            }
        }
    }

    async fn delete(&self, operation: &Operation, step: &Step) -> Result<Written, Fault> {
        let node = &step.desired;
        let patience = node.instance.timeouts.delete.unwrap_or(node.kind.patience(&node.properties).delete);
        let deadline = Instant::now() + patience.max(Duration::from_secs(30));
        let mut pause = Duration::from_millis(100);
        loop {
            match self.work.cloud.delete(node.kind, &node.place, &operation.identity).await {
                Err(fault) if fault.kind == FaultKind::Conflict && Instant::now() + pause < deadline => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(5));
                }
                other => return other,
            }
        }
    }

    fn delta(&self, node: &Desired, desired: &Map, live: &Present) -> Delta {
        let canonical =
            |domain: Domain, name: &str| self.work.observed.canonical.of(&node.place, domain, name).to_owned();
        delta::delta(node.kind.schema(), desired, &live.properties, &node.instance.ignore, &canonical)
    }

    /// Reads a resource until it has settled.
    async fn read_again(&self, operation: &Operation, step: &Step, deadline: Instant) -> Result<Present, Fault> {
        let want = Want { identity: operation.identity.clone(), secrets: self.work.observed.secrets, shallow: false };
        let mut pause = Duration::from_millis(50);
        loop {
            let answers =
                self.work.cloud.observe(step.desired.kind, &step.desired.place, std::slice::from_ref(&want)).await;
            match answers.into_iter().next() {
                Some(Live::Present(present)) if !matches!(present.readiness, Readiness::Settling(_)) => {
                    return Ok(*present);
                }
                Some(Live::Present(present)) if Instant::now() >= deadline => {
                    let state = match present.readiness {
                        Readiness::Settling(state) => state,
                        _ => String::new(),
                    };
                    return Err(Fault::new(FaultKind::NotSettled, "update", format!("still {state}")));
                }
                Some(Live::Present(_)) => {}
                Some(Live::Unreadable(fault)) => return Err(fault),
                Some(Live::Absent) | None => {
                    return Err(Fault::new(FaultKind::NotFound, "update", "it is gone since the plan was made"));
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }

    /// All properties that an operation sends. Attributes that a dependency's own answer did not hold are read.
    async fn resolved(&self, operation: &Operation) -> Result<Map, Fault> {
        let index = self.nodes[operation.step];
        let node = &self.work.graph.nodes[index];
        let (mut properties, mut problems) = self.known().resolve(node);
        if problems.is_empty() && properties.values().any(delta::has_unknown) {
            for dependency in self.work.graph.dependencies[index].clone() {
                self.read_attributes(dependency).await?;
            }
            (properties, problems) = self.known().resolve(node);
        }
        if let Some(problem) = problems.first() {
            return Err(Fault::new(FaultKind::Invalid, "resolve", problem.summary.clone()));
        }
        let (properties, problems) = crate::desired::check_resolved(node, properties);
        if let Some(problem) = problems.iter().find(|problem| problem.severity == Severity::Error) {
            return Err(Fault::new(FaultKind::Invalid, "resolve", problem.summary.clone()));
        }
        for (name, value) in &properties {
            let mut lacking = None;
            value.walk(&mut |_, leaf| match leaf {
                Value::Unknown(reference) => lacking = Some(format!("{name} needs {reference}, which is not known")),
                // An update need not send it.
                Value::Secret(secret) if !secret.is_resolved() && operation.verb != Verb::Update => {
                    lacking = Some(format!("{name} needs the secret {}, which is missing", secret.source()));
                }
                _ => {}
            });
            if let Some(lacking) = lacking {
                return Err(Fault::new(FaultKind::Invalid, "resolve", lacking));
            }
        }
        self.known().set_properties(index, properties.clone());
        Ok(properties)
    }

    /// Reads the attributes of a resource that its own answers did not show.
    async fn read_attributes(&self, index: usize) -> Result<(), Fault> {
        let node = &self.work.graph.nodes[index];
        let lacking = {
            let known = self.known();
            node.kind.attributes().iter().any(|attribute| !known.get(index).attributes.contains_key(attribute.name))
        };
        if !lacking {
            return Ok(());
        }
        let want = Want { identity: node.identity.clone(), secrets: false, shallow: false };
        // One that this run has written is there, even where a read does not show it yet.
        let written = self.work.plan.operations.iter().any(|operation| {
            self.nodes[operation.step] == index && matches!(operation.verb, Verb::Create | Verb::Update)
        });
        let deadline = Instant::now() + if written { READS_LAG } else { Duration::ZERO };
        let mut pause = Duration::from_millis(100);
        loop {
            let answers = self.work.cloud.observe(node.kind, &node.place, std::slice::from_ref(&want)).await;
            match answers.into_iter().next() {
                Some(Live::Present(present)) => {
                    self.known().learn(index, &present.attributes);
                    return Ok(());
                }
                Some(Live::Unreadable(fault)) => return Err(fault),
                _ if Instant::now() >= deadline => return Ok(()),
                _ => {}
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }

    /// The stack's exports after a run.
    pub(super) async fn exports(&self, interrupted: bool) -> Vec<(String, Option<Value>)> {
        let mut exports = Vec::new();
        for export in &self.work.plan.exports {
            let value = match &export.from {
                None => export.value.clone(),
                Some((step, property)) => {
                    let index = self.nodes[*step];
                    let missing = self.known().value(index, property).is_none();
                    if missing && !interrupted {
                        // An export that cannot be read is shown as unknown; the run itself went well.
                        let _ = self.read_attributes(index).await;
                    }
                    self.known().value(index, property).cloned()
                }
            };
            exports.push((export.name.clone(), value));
        }
        exports
    }
}

/// A secret that an update has to send and nobody has read, as a sentence.
fn lacking_secret(node: &Desired, desired: &Map, send: &Map, edits: &[Edit]) -> Option<String> {
    let desired = Value::Map(desired.clone());
    let mut lacking = None;
    Value::Map(send.clone()).walk(&mut |pointer, leaf| {
        let Value::Secret(secret) = leaf else { return };
        if secret.is_resolved() || !sends(node.kind, edits, pointer) {
            return;
        }
        let name = pointer.trim_start_matches('/');
        lacking = Some(match desired.at(pointer) {
            Some(Value::Secret(own)) if own.is_clone_of(secret) => {
                format!("{name} needs the secret {}, which is missing", secret.source())
            }
            _ => format!(
                "{name} is passed over by `ignore`, has to be sent beside what changes, and could not be read ({})",
                secret.source()
            ),
        });
    });
    lacking
}
