//! A cloud in memory, kinds with and without tags, and a stack against them.

pub mod cloud;
pub mod kinds;
#[path = "../../back/support/manifest.rs"]
mod manifest;

use std::collections::BTreeSet;
use std::future::Future;

use serde_json::{Value as Json, json};
use trueup_engine::apply::{self, Cancel, Work};
use trueup_engine::cloud::Place;
use trueup_engine::credential::{SecretSource, SecretStore};
use trueup_engine::desired::{Defaults, desire};
use trueup_engine::graph::{Graph, graph};
use trueup_engine::kind::Kind;
use trueup_engine::observe::{self, Observed};
use trueup_engine::plan::document::PlanDocument;
use trueup_engine::plan::{self, Action, Plan, Step, prune, teardown};
use trueup_engine::report::{Ending, Outcome, Report};
use trueup_engine::secret::Secret;
use trueup_engine::stack::Stack;
use trueup_engine::value::Map;

pub use cloud::FakeCloud;
pub use kinds::{ALIAS, GROUP, KEY, KINDS, LINK, TOPIC};

/// No secrets.
struct Nothing;

impl SecretStore for Nothing {
    fn read(&self, _: &SecretSource) -> Option<Secret> {
        None
    }
}

/// Runs a future to its end on a clock that stands still until nobody has anything to do.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(future)
}

/// A cloud, and how a stack is planned and applied.
#[derive(Default)]
pub struct World {
    pub cloud: FakeCloud,
    pub plan: plan::Options,
    pub only: Vec<String>,
    pub apply: apply::Options,
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
        let world = Self::default();
        "2026-12-31".clone_into(&mut world.cloud.set().day);
        world
    }

    pub fn render(manifest: &Json) -> (Stack, trueup_engine::source::Sources) {
        manifest::render(manifest)
    }

    pub fn graph(manifest: &Json) -> (Stack, Result<Graph, Vec<String>>) {
        let (stack, mut sources) = manifest::render(manifest);
        let (desired, diagnostics) = desire(&stack, KINDS, &mut sources, &Defaults::default());
        if diagnostics.has_errors() {
            return (stack, Err(diagnostics.iter().map(|it| format!("{} {}", it.code, it.summary)).collect()));
        }
        let graph = graph(desired, &stack).unwrap();
        (stack, Ok(graph))
    }

    async fn observed(&self, manifest: &Json, shallow: bool) -> (Stack, Graph, Observed, plan::Options) {
        let (stack, graph) = Self::graph(manifest);
        let mut graph = graph.unwrap();
        let selected = |name: &String| graph.nodes.iter().position(|node| node.address.to_string() == *name);
        let selected: Option<BTreeSet<usize>> =
            (!self.only.is_empty()).then(|| self.only.iter().filter_map(selected).collect());
        // Like the commands: what is selected, and what it needs.
        let mut only = selected.clone();
        for index in selected.iter().flatten() {
            only.get_or_insert_default().extend(&graph.dependencies[*index]);
        }
        let options = observe::Options {
            secrets: !shallow,
            shallow,
            only,
            orphans: self.plan.prune,
            home: Some(Place { region: None, role_arn: None }),
            ..observe::Options::default()
        };
        let mut observed = observe::observe(&graph, &self.cloud, &options).await;
        if self.plan.prune {
            graph = prune(&graph, &mut observed);
        }
        self.cloud.set().known =
            graph.nodes.iter().flat_map(|node| node.former.iter().chain(&node.identity)).cloned().collect();
        (stack, graph, observed, plan::Options { selected, ..self.plan.clone() })
    }

    pub async fn plan(&self, manifest: &Json) -> Planned {
        let (stack, graph, mut observed, options) = self.observed(manifest, false).await;
        let mut plan = plan::plan(&graph, &observed, &Nothing, &options);
        while !plan.queries.is_empty() {
            observe::look_up(&graph, &self.cloud, &plan.queries, &mut observed).await;
            plan = plan::plan(&graph, &observed, &Nothing, &options);
        }
        assert!(plan.diagnostics.iter().all(|it| it.code != "P190"), "{:?}", plan.diagnostics);
        Planned { stack, graph, observed, plan }
    }

    pub async fn plan_teardown(&self, manifest: &Json) -> Planned {
        let (stack, graph, observed, options) = self.observed(manifest, true).await;
        let plan = teardown(&graph, &observed, &options);
        Planned { stack, graph, observed, plan }
    }

    pub async fn execute(&self, planned: &Planned) -> Report {
        let Planned { graph, observed, plan, .. } = planned;
        let work = Work { plan, graph, observed, cloud: &self.cloud, store: &Nothing };
        apply::apply(work, &self.apply, &Cancel::new(), &|_| ()).await
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
        let document = || planned.document();
        assert!(!planned.plan.has_changes(), "{:#?}", document());
        assert_eq!(planned.plan.summary().blocked, 0, "{:#?}", document());
        assert_eq!(planned.plan.summary().unread, 0, "{:#?}", document());
        assert!(planned.plan.operations.is_empty(), "{:?}", planned.plan.operations);
        self.sound();
    }

    /// Nothing was asked of the cloud that never may be.
    pub fn sound(&self) {
        assert_eq!(self.cloud.set().violations, Vec::<String>::new());
    }

    /// Lets the index catch up.
    pub async fn rest(&self) {
        tokio::time::sleep(std::time::Duration::from_hours(1)).await;
    }
}

impl Planned {
    pub fn step(&self, name: &str) -> &Step {
        let step = self.plan.steps.iter().find(|step| step.address().to_string() == name);
        step.unwrap_or_else(|| panic!("no step {name} in {:#?}", self.document()))
    }

    pub fn action(&self, name: &str) -> Action {
        self.step(name).action
    }

    pub fn reason(&self, name: &str) -> &str {
        &self.step(name).reason
    }

    pub fn codes(&self) -> Vec<&'static str> {
        self.plan.diagnostics.iter().map(|diagnostic| diagnostic.code).collect()
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
    let bad = report.outcomes.iter().filter(|outcome| !matches!(outcome.ending, Ending::Done | Ending::Kept));
    bad.map(|it| format!("{} {:?} {:?} {:?}", it.address, it.ending, it.fault, it.notes)).collect()
}

pub fn outcome<'r>(report: &'r Report, name: &str) -> &'r Outcome {
    report.outcomes.iter().find(|outcome| outcome.address.to_string() == name).unwrap()
}

/// A manifest with these resources.
pub fn stack(resources: &[&Json]) -> Json {
    json!({"version": 1, "name": "stack", "providers": ["aws"], "resources": resources})
}

pub fn group(address: &str, name: &str) -> Json {
    json!({"name": address, "type": GROUP.name(), "props": {"Name": name}})
}

pub fn topic(address: &str, name: &str) -> Json {
    json!({"name": address, "type": TOPIC.name(), "props": {"Name": name}})
}

pub fn key(address: &str) -> Json {
    json!({"name": address, "type": KEY.name(), "props": {"Description": "for the tests"}})
}

/// An alias of the key with that address.
pub fn alias(address: &str, name: &str, of: &str) -> Json {
    let target = format!("{{{{ {of}.KeyId }}}}");
    json!({"name": address, "type": ALIAS.name(), "props": {"Name": name, "TargetKeyId": target}})
}

/// A link to the resource with that address.
pub fn link(address: &str, name: &str, of: &str) -> Json {
    json!({"name": address, "type": LINK.name(), "props": {"Name": name, "TargetArn": format!("{{{{ {of}.Arn }}}}")}})
}

/// A query for what has a property.
pub fn query(address: &str, kind: &dyn Kind, wanted: &str) -> Json {
    json!({"name": address, "type": "query", "sql": format!("{} {wanted}", kind.name())})
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

/// Live properties.
pub fn live(properties: &[(&str, &str)]) -> Map {
    properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect()
}

/// The owner tags of a resource of a stack.
pub fn owned_by<'a>(stack: &'a str, resource: &'a str) -> [(&'a str, &'a str); 3] {
    [("trueup:stack", stack), ("trueup:env", "dev"), ("trueup:resource", resource)]
}
