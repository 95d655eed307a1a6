//! A cloud in memory, two kinds, and a stack against them.

pub mod cloud;
mod faults;
pub mod kinds;
pub mod manifest;
mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};
use trueup_engine::apply::{self, Cancel, Work};
use trueup_engine::credential::{Scheme, SecretSource, SecretStore};
use trueup_engine::desired::{Defaults, desire};
use trueup_engine::diagnostic::Diagnostics;
use trueup_engine::event::Event;
use trueup_engine::graph::{Graph, graph};
use trueup_engine::observe::{self, Observed};
use trueup_engine::plan::document::PlanDocument;
use trueup_engine::plan::{self, Action, Plan, Step, plan, teardown};
use trueup_engine::report::{Ending, Outcome, Report};
use trueup_engine::secret::Secret;
use trueup_engine::stack::Stack;

pub use cloud::FakeCloud;
pub use faults::Trouble;
pub use kinds::{CONNECTION_TYPE, DESTINATION_TYPE, KINDS};

/// Secrets of the environment, in memory.
#[derive(Debug, Default, Clone)]
pub struct Env(pub BTreeMap<String, String>);

impl SecretStore for Env {
    fn read(&self, source: &SecretSource) -> Option<Secret> {
        assert_eq!(source.scheme, Scheme::Env);
        self.0.get(&source.rest).map(|text| Secret::new(source.to_string(), text.clone()))
    }
}

/// Runs a future to its end on a clock that stands still until nobody has anything to do.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(future)
}

/// A cloud, the secrets of an environment, and how a stack is planned and applied.
pub struct World {
    pub cloud: FakeCloud,
    pub env: Env,
    pub observe: observe::Options,
    pub plan: plan::Options,
    pub only: Vec<String>,
    pub apply: apply::Options,
    pub cancel: Cancel,
    pub events: Arc<Mutex<Vec<Event>>>,
}

/// A plan and everything that it was made from.
pub struct Planned {
    pub stack: Stack,
    pub graph: Graph,
    pub observed: Observed,
    pub plan: Plan,
}

impl World {
    pub fn new() -> Self {
        Self::seeded(1)
    }

    pub fn seeded(seed: u64) -> Self {
        Self {
            cloud: FakeCloud::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            env: Env(BTreeMap::from_iter([("PASSWORD".to_owned(), "correct-horse".to_owned())])),
            observe: observe::Options { secrets: true, ..observe::Options::default() },
            plan: plan::Options::default(),
            only: Vec::new(),
            apply: apply::Options::default(),
            cancel: Cancel::new(),
            events: Arc::default(),
        }
    }

    pub fn graph(manifest: &Json) -> (Stack, Result<Graph, Diagnostics>) {
        let (stack, mut sources) = manifest::render(manifest);
        let (desired, diagnostics) = desire(&stack, KINDS, &mut sources, &Defaults::default());
        if diagnostics.has_errors() {
            return (stack, Err(diagnostics));
        }
        let graph = graph(desired, &stack);
        (stack, graph)
    }

    async fn observed(&self, manifest: &Json) -> (Stack, Graph, Observed, plan::Options) {
        let (stack, graph) = Self::graph(manifest);
        let graph = graph.unwrap();
        self.cloud.set().known =
            graph.nodes.iter().flat_map(|node| node.former.iter().chain(&node.identity)).cloned().collect();
        let observed = observe::observe(&graph, &self.cloud, &self.observe).await;
        let mut options = self.plan.clone();
        if !self.only.is_empty() {
            let selected = |name: &String| graph.nodes.iter().position(|node| node.address.to_string() == *name);
            options.selected = Some(self.only.iter().filter_map(selected).collect::<BTreeSet<_>>());
        }
        (stack, graph, observed, options)
    }

    pub async fn plan(&self, manifest: &Json) -> Planned {
        let (stack, graph, observed, options) = self.observed(manifest).await;
        let plan = plan(&graph, &observed, &self.env, &options);
        assert!(plan.reread.is_empty(), "all was read in full");
        Planned { stack, graph, observed, plan }
    }

    pub async fn plan_teardown(&self, manifest: &Json) -> Planned {
        let (stack, graph, observed, options) = self.observed(manifest).await;
        let plan = teardown(&graph, &observed, &options);
        Planned { stack, graph, observed, plan }
    }

    pub async fn execute(&self, planned: &Planned) -> Report {
        let work = Work {
            plan: &planned.plan,
            graph: &planned.graph,
            observed: &planned.observed,
            cloud: &self.cloud,
            store: &self.env,
        };
        let events = Arc::clone(&self.events);
        apply::apply(work, &self.apply, &self.cancel, &move |event| events.lock().unwrap().push(event)).await
    }

    pub async fn apply(&self, manifest: &Json) -> Report {
        let planned = self.plan(manifest).await;
        self.execute(&planned).await
    }

    /// Applies, and everything has to end well and leave nothing to do.
    pub async fn converge(&self, manifest: &Json) -> Vec<String> {
        self.cloud.take_writes();
        let report = self.apply(manifest).await;
        assert_eq!(problems(&report), Vec::<String>::new());
        let writes = self.cloud.take_writes();
        self.in_sync(manifest).await;
        writes
    }

    /// Nothing may be left to do.
    pub async fn in_sync(&self, manifest: &Json) {
        let planned = self.plan(manifest).await;
        assert!(!planned.plan.has_changes(), "{:#?}", planned.document());
        assert_eq!(planned.plan.summary().blocked, 0);
        assert!(planned.plan.operations.is_empty(), "{:?}", planned.plan.operations);
        self.sound();
    }

    /// Nothing was asked of the cloud that never may be.
    pub fn sound(&self) {
        assert_eq!(self.cloud.violations(), Vec::<String>::new());
    }

    /// Reads and lets time pass, so that whatever is under way in the cloud comes to its end.
    pub async fn rest(&self) {
        tokio::time::sleep(std::time::Duration::from_hours(1)).await;
    }
}

impl Planned {
    pub fn step(&self, name: &str) -> &Step {
        self.plan.steps.iter().find(|step| step.address().to_string() == name).unwrap()
    }

    pub fn action(&self, name: &str) -> Action {
        self.step(name).action
    }

    pub fn reason(&self, name: &str) -> &str {
        &self.step(name).reason
    }

    pub fn document(&self) -> PlanDocument {
        PlanDocument::new(&self.plan, true)
    }

    pub fn saved(&self) -> PlanDocument {
        PlanDocument::saved(&self.plan, &self.stack)
    }
}

/// What did not end well.
pub fn problems(report: &Report) -> Vec<String> {
    report
        .outcomes
        .iter()
        .filter(|outcome| !matches!(outcome.ending, Ending::Done | Ending::Kept))
        .map(|outcome| format!("{} {:?} {:?} {:?}", outcome.address, outcome.ending, outcome.fault, outcome.notes))
        .collect()
}

pub fn outcome<'r>(report: &'r Report, name: &str) -> &'r Outcome {
    report.outcomes.iter().find(|outcome| outcome.address.to_string() == name).unwrap()
}

/// A manifest with these resources.
pub fn stack(resources: &[&Json]) -> Json {
    json!({"version": 1, "name": "stack", "providers": ["aws"], "resources": resources})
}

/// A connection with basic authorization.
pub fn connection(address: &str, name: &str) -> Json {
    json!({
        "name": address,
        "type": CONNECTION_TYPE,
        "props": {
            "Name": name,
            "AuthorizationType": "BASIC",
            "AuthParameters": {
                "BasicAuthParameters": {"Username": "svc", "Password": "{{ secret('env:PASSWORD') }}"},
            },
        },
    })
}

/// A destination of the connection with that address.
pub fn destination(address: &str, name: &str, of: &str) -> Json {
    json!({
        "name": address,
        "type": DESTINATION_TYPE,
        "props": {
            "Name": name,
            "ConnectionArn": format!("{{{{ {of}.Arn }}}}"),
            "InvocationEndpoint": "https://example.com/",
        },
    })
}

/// The same with one more member: `with(&orders, "/protect", true)`.
pub fn with(resource: &Json, pointer: &str, value: impl Into<Json>) -> Json {
    let mut changed = resource.clone();
    let mut here = &mut changed;
    for token in pointer.split('/').skip(1) {
        here = &mut here[token];
    }
    *here = value.into();
    changed
}

/// The same without one member.
pub fn without(resource: &Json, parent: &str, name: &str) -> Json {
    let mut changed = resource.clone();
    changed.pointer_mut(parent).unwrap().as_object_mut().unwrap().shift_remove(name).unwrap();
    changed
}
