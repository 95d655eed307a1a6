//! One operation: resolve what it sends, send it, read again where somebody else was at it.

mod nameless;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::apply::{Cancel, Options, Work, begin};
use crate::cloud::{Create, Live, Present, Readiness, Task, Update, Want, Written};
use crate::delta::{self, Delta, Edit};
use crate::desired::Desired;
use crate::diagnostic::Severity;
use crate::fault::{Fault, FaultKind};
use crate::kind::Verb;
use crate::lookup;
use crate::owner::{self, Owner, Standing};
use crate::plan::{Action, Known, Operation, Resource, Step, sends};
use crate::schema::Domain;
use crate::value::{Map, Value};

/// How often what may not be deleted is looked at again: it may be going.
const LOOKS: u32 = 4;

/// How long a read may show less than what was written.
const READS_LAG: Duration = Duration::from_secs(30);

/// Whether a secret in it is not read.
fn lacks_secret(value: &Value) -> bool {
    let mut lacks = false;
    value.walk(&mut |_, leaf| lacks |= matches!(leaf, Value::Secret(secret) if !secret.is_resolved()));
    lacks
}

/// Runs operations against what is known of all resources.
pub(super) struct Operations<'a> {
    work: Work<'a>,
    known: Mutex<Known<'a>>,
    /// For each step the index of its resource in the graph.
    nodes: Vec<usize>,
    /// For each resource of the graph its identity, as far as it is known.
    identities: Mutex<Vec<Option<String>>>,
    search_again: Duration,
}

impl<'a> Operations<'a> {
    pub(super) fn new(work: Work<'a>, options: &Options) -> Self {
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
            let keeps = !matches!(step.action, Action::Create | Action::Replace) || step.is_in_place();
            let mut attributes = if keeps { known.get(index).attributes.clone() } else { Map::new() };
            if step.updates() {
                let stable = |name: &String| step.desired.kind.attributes().iter().any(|a| a.stable && a.name == name);
                attributes.retain(|name, _| stable(name));
            }
            known.set(index, Resource { properties: step.resolved.clone(), attributes });
            nodes.push(index);
        }
        let identities = Mutex::new(work.observed.identities.clone());
        Self { work, known: Mutex::new(known), nodes, identities, search_again: options.search_again }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known<'a>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes attributes of the resource of an operation.
    pub(super) fn learn(&self, operation: usize, attributes: &Map) {
        let operation = &self.work.plan.operations[operation];
        let step = &self.work.plan.steps[operation.step];
        // A former resource of another name says nothing about the new one.
        let own = step.desired.identity.is_none() || operation.identity == step.desired.identity;
        if own && operation.verb != Verb::Delete {
            self.known().learn(self.nodes[operation.step], attributes);
        }
    }

    /// Runs one operation; nothing comes of one that was interrupted before it wrote anything.
    pub(super) async fn run(&self, index: usize, cancel: &Cancel) -> (usize, Option<Result<Written, Fault>>) {
        let operation = &self.work.plan.operations[index];
        let step = &self.work.plan.steps[operation.step];
        // What was deleted for it is gone: that it is made again is the second half of what was begun.
        let is_half_done = operation.verb == Verb::Create && step.action == Action::Replace && !step.new_first;
        let result = if is_half_done {
            Some(self.run_one(operation, step).await)
        } else {
            begin::unless_interrupted(cancel, self.run_one(operation, step)).await
        };
        if let Some(Ok(written)) = &result
            && written.identity.is_some()
        {
            let mut identities = self.identities.lock().unwrap_or_else(PoisonError::into_inner);
            identities[self.nodes[operation.step]].clone_from(&written.identity);
        }
        (index, result)
    }

    async fn run_one(&self, operation: &Operation, step: &Step) -> Result<Written, Fault> {
        match operation.verb {
            Verb::Read if step.desired.kind.is_lookup() => self.look_up(operation, step).await,
            Verb::Read => Ok(Written {
                adopted: false,
                identity: operation.identity.clone(),
                attributes: Map::new(),
                // Only the poller knows; it asks at once.
                readiness: match step.live.present().map(|present| &present.readiness) {
                    Some(Readiness::Deleting(state)) => Readiness::Deleting(state.clone()),
                    _ => Readiness::Settling("waiting".to_owned()),
                },
                notes: Vec::new(),
            }),
            Verb::Create => self.create(operation, step).await,
            Verb::Update => match &operation.identity {
                Some(identity) => self.update(operation, step, identity).await,
                None => Err(Fault::new(FaultKind::Internal, "update", "nobody knows its name")),
            },
            Verb::Delete => self.delete(operation, step).await,
        }
    }

    /// Sends what writes. A cloud that does not say so itself is taken to write at once.
    async fn writing<'t, T>(&self, task: impl FnOnce() -> Task<'t, T>) -> T {
        if !self.work.cloud.tells_writes() {
            begin::write().await;
        }
        task().await
    }

    /// Asks a query with what is known by now.
    async fn look_up(&self, operation: &Operation, step: &Step) -> Result<Written, Fault> {
        let properties = self.resolved(operation).await?;
        let text = lookup::text(&properties)
            .ok_or_else(|| Fault::new(FaultKind::Invalid, "query", "the text of the query is not plain text"))?;
        let answer = self.work.cloud.look_up(&step.desired.place, text).await;
        Ok(Written {
            adopted: false,
            identity: None,
            attributes: lookup::attributes(answer)?,
            readiness: Readiness::Ready(None),
            notes: Vec::new(),
        })
    }

    async fn create(&self, operation: &Operation, step: &Step) -> Result<Written, Fault> {
        let (cloud, node) = (self.work.cloud, &step.desired);
        let desired = self.resolved(operation).await?;
        let present = step.live.present().filter(|_| step.action == Action::Create || step.new_first);
        if let Some(present) = present.filter(|it| matches!(it.readiness, Readiness::Scheduled { .. })) {
            if self.by_index(operation)
                && let Some(present) = self.look(step, &present.identity).await?
            {
                self.still_owned(step, &present)?;
            }
            self.writing(|| cloud.restore(node.kind, &node.place, &present.identity)).await?;
            return self.update(operation, step, &present.identity).await;
        }
        self.supersede(step).await?;
        if operation.identity.is_none()
            && let Some(identity) = self.searched_again(step).await?
        {
            return self.update(operation, step, &identity).await;
        }
        let desired = delta::canonical_form(node.kind.schema(), &desired);
        let create = Create { identity: operation.identity.as_deref(), desired: &desired };
        if operation.identity.is_some() || node.kind.tags().is_none() {
            return self.writing(|| cloud.create(node.kind, &node.place, &create)).await;
        }
        self.create_nameless(operation, step, &create).await
    }

    /// Marks those in whose place another one is made.
    async fn supersede(&self, step: &Step) -> Result<(), Fault> {
        let (graph, node) = (self.work.graph, &step.desired);
        let literal = |_: Domain, name: &str| name.to_owned();
        for former in step.superseded() {
            let deadline = Instant::now() + node.kind.patience(&node.properties).update.max(Duration::from_secs(30));
            let mut pause = Duration::from_millis(100);
            // An earlier run that was killed may still be at it: read again, compare again.
            while let Some(present) = self.look(step, &former.identity).await? {
                self.may_go(step, &present)?;
                let mut desired = present.properties.clone();
                owner::mark_replaced(&graph.stack, &graph.env, node, &mut desired);
                let delta = delta::delta(node.kind.schema(), &desired, &present.properties, &[], &literal);
                let edits: Vec<_> = delta.effective().cloned().collect();
                if edits.is_empty() {
                    break;
                }
                let send = delta::to_send(node.kind.schema(), &desired, &present.properties, &[]);
                let update = Update { live: &present, desired: &send, edits: &edits };
                match self.writing(|| self.work.cloud.update(node.kind, &node.place, &update)).await {
                    Err(fault) if fault.kind == FaultKind::Conflict && Instant::now() + pause < deadline => {
                        tokio::time::sleep(pause).await;
                        pause = (pause * 2).min(Duration::from_secs(5));
                    }
                    other => {
                        other?;
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    fn standing(&self, node: &Desired, present: &Present) -> Standing {
        let graph = self.work.graph;
        owner::standing(node.kind, &graph.stack, &graph.env, &node.address, &present.properties)
    }

    /// Whether what was read again still is whose it was when the plan was made.
    fn still_owned(&self, step: &Step, present: &Present) -> Result<(), Fault> {
        let now = self.standing(&step.desired, present);
        let was = step.live.present().map(|live| self.standing(&step.desired, live));
        match now {
            Standing::Foreign(owner) if was != Some(Standing::Foreign(owner.clone())) => Err(Fault::new(
                FaultKind::Conflict,
                "tags",
                format!("it belongs to stack {} ({}) since the plan was made; plan again", owner.stack, owner.env),
            )),
            _ => Ok(()),
        }
    }

    /// Whether what was read again still may be deleted.
    fn may_go(&self, step: &Step, present: &Present) -> Result<(), Fault> {
        self.still_owned(step, present)?;
        let changed = |what: &str| {
            Err(Fault::new(FaultKind::Conflict, "tags", format!("{what} since the plan was made; plan again")))
        };
        if self.standing(&step.desired, present) == Standing::Free {
            return changed("it carries no owner");
        }
        let protected = Owner::of(step.desired.kind, &present.properties).is_some_and(|owner| owner.protected);
        if protected && step.desired.instance.protect.is_none() {
            return changed("it is protected");
        }
        Ok(())
    }

    /// Whether the tags of an operation's resource are those of an index, and not its own.
    fn by_index(&self, operation: &Operation) -> bool {
        self.work.observed.by_index[self.nodes[operation.step]]
    }

    /// Reads a resource as it is now; `None` where it is gone.
    async fn look(&self, step: &Step, identity: &str) -> Result<Option<Present>, Fault> {
        let want = self.want(step, identity);
        let answers =
            self.work.cloud.observe(step.desired.kind, &step.desired.place, std::slice::from_ref(&want)).await;
        match answers.into_iter().next() {
            Some(Live::Present(present)) => Ok(Some(Arc::unwrap_or_clone(present))),
            Some(Live::Absent) => Ok(None),
            Some(Live::Unreadable(fault)) => Err(fault),
            None => Err(Fault::new(FaultKind::Internal, "observe", "the read gave no answer for this resource")),
        }
    }

    fn want(&self, step: &Step, identity: &str) -> Want {
        Want {
            identity: identity.to_owned(),
            secrets: self.work.observed.secrets,
            shallow: false,
            given: step.desired.given(),
            tags: None,
            verified: None,
        }
    }

    async fn update(&self, operation: &Operation, step: &Step, identity: &str) -> Result<Written, Fault> {
        let desired = self.resolved(operation).await?;
        let node = &step.desired;
        let patience = node.instance.timeouts.update.unwrap_or(node.kind.patience(&desired).update);
        let deadline = Instant::now() + patience.max(Duration::from_secs(30));
        // What was concluded from an index, or is another one than was read, is read again before anything is written.
        let as_read =
            !self.by_index(operation) && step.live.present().is_some_and(|present| present.identity == identity);
        let settled = step.live.present().filter(|present| {
            as_read && !matches!(present.readiness, Readiness::Settling(_) | Readiness::Scheduled { .. })
        });
        let mut live: Option<Present> = settled.cloned();
        let mut pause = Duration::from_millis(100);
        loop {
            let present = match live.take() {
                Some(present) => present,
                None => self.read_again(step, identity, deadline).await?,
            };
            self.still_owned(step, &present)?;
            let delta = self.delta(node, &desired, &present);
            if delta.effective().next().is_none() {
                let identity = Some(identity.to_owned());
                return Ok(Written {
                    adopted: false,
                    identity,
                    attributes: present.attributes,
                    readiness: present.readiness,
                    notes: Vec::new(),
                });
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
            match self.writing(|| self.work.cloud.update(node.kind, &node.place, &update)).await {
                // Somebody else was at it: read again, compare again.
                Err(fault) if fault.kind == FaultKind::Conflict && Instant::now() + pause < deadline => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(5));
                }
                // What was found by its tags has its identity from there.
                other => {
                    return other.map(|written| Written { identity: Some(identity.to_owned()), ..written });
                }
            }
        }
    }

    async fn delete(&self, operation: &Operation, step: &Step) -> Result<Written, Fault> {
        let node = &step.desired;
        let patience = node.instance.timeouts.delete.unwrap_or(node.kind.patience(&node.properties).delete);
        let deadline = Instant::now() + patience.max(Duration::from_secs(30));
        let mut pause = Duration::from_millis(100);
        let Some(identity) = &operation.identity else {
            return Err(Fault::new(FaultKind::Internal, "delete", "nobody knows its name"));
        };
        if self.by_index(operation) {
            let done = |readiness: Readiness| Written {
                adopted: false,
                identity: Some(identity.clone()),
                attributes: Map::new(),
                readiness,
                notes: Vec::new(),
            };
            // What a run that was killed had begun to delete may lose its tags before it is gone.
            let mut looks = 0;
            loop {
                match self.look(step, identity).await? {
                    None => return Ok(done(Readiness::Ready(None))),
                    Some(present) if matches!(present.readiness, Readiness::Scheduled { .. }) => {
                        return Ok(done(present.readiness));
                    }
                    Some(present) => match self.may_go(step, &present) {
                        Ok(()) => break,
                        Err(fault) if looks == LOOKS => return Err(fault),
                        Err(_) => looks += 1,
                    },
                }
                tokio::time::sleep(pause * looks).await;
            }
        }
        // A teardown evaluates no expression, so that of its properties only those are known that need none.
        let known = step.resolved.iter().filter(|(_, value)| !delta::has_unknown(value));
        let desired: Map = known.map(|(name, value)| (name.clone(), value.clone())).collect();
        let desired = (!node.orphan).then_some(&desired);
        loop {
            match self.writing(|| self.work.cloud.delete(node.kind, &node.place, identity, desired)).await {
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
    async fn read_again(&self, step: &Step, identity: &str, deadline: Instant) -> Result<Present, Fault> {
        let want = self.want(step, identity);
        let mut pause = Duration::from_millis(50);
        loop {
            let answers =
                self.work.cloud.observe(step.desired.kind, &step.desired.place, std::slice::from_ref(&want)).await;
            match answers.into_iter().next() {
                Some(Live::Present(present))
                    if !matches!(present.readiness, Readiness::Settling(_) | Readiness::Scheduled { .. }) =>
                {
                    return Ok(Arc::unwrap_or_clone(present));
                }
                Some(Live::Present(present)) if Instant::now() >= deadline => {
                    let state = match Arc::unwrap_or_clone(present).readiness {
                        Readiness::Settling(state) | Readiness::Scheduled { state, .. } => state,
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
        if problems.is_empty() && properties.values().any(lacks_secret) {
            self.work.store.fetch().await;
            (properties, problems) = self.known().resolve(node);
        }
        if let Some(problem) = problems.first() {
            return Err(Fault::new(FaultKind::Invalid, "resolve", problem.summary.clone()));
        }
        let (mut properties, problems) = crate::desired::check_resolved(node, properties);
        let live = self.work.plan.steps[operation.step].live.present();
        let graph = self.work.graph;
        owner::claim(&graph.stack, &graph.env, node, &mut properties, live.map(|live| &live.properties));
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
        let identity = self.identities.lock().unwrap_or_else(PoisonError::into_inner)[index].clone();
        let Some(identity) = identity else { return Ok(()) };
        let want = Want { identity, secrets: false, shallow: false, given: Vec::new(), tags: None, verified: None };
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
