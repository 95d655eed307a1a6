//! What the functions take of which a plan is made, for a thousand resources and ten thousand, without any cloud:
//! `cargo xtask bench --functions`.
//!
//! Half of the resources are connections and half their destinations, of the kinds that the tests have, and nothing is to be
//! done.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "as in the tests, of which it has its kinds")]

#[expect(dead_code, unused_imports, reason = "the tests need more of it")]
#[path = "../tests/back/support/mod.rs"]
mod support;

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use serde_json::Value as Json;
use trueup_engine::cloud::{
    Cloud, Confirm, Create, Live, Owned, Place, Present, Readiness, Seen, Task, Unconfirmed, Update, Want, Whereabouts,
    Written,
};
use trueup_engine::delta::delta;
use trueup_engine::desired::{Defaults, desire};
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::graph::{Graph, graph};
use trueup_engine::kind::Kind;
use trueup_engine::manifest;
use trueup_engine::observe::{self, Observed};
use trueup_engine::plan::document::PlanDocument;
use trueup_engine::plan::{self, plan};
use trueup_engine::schema::Domain;
use trueup_engine::source::Sources;
use trueup_engine::value::{Map, Value};

use support::{DESTINATION_TYPE, KINDS, World, connection, destination, stack};

/// How many resources.
const SIZES: [usize; 2] = [1_000, 10_000];

/// A cloud that shows what it was given, and keeps no history.
#[derive(Default)]
struct Shown(HashMap<String, Arc<Present>>);

fn only_read<'a, T>() -> Task<'a, Result<T, Fault>> {
    Box::pin(async { Err(Fault::new(FaultKind::Invalid, "bench", "it is only read")) })
}

impl Cloud for Shown {
    fn whereabouts<'a>(&'a self, _: &'a Place) -> Task<'a, Result<Whereabouts, Fault>> {
        Box::pin(async { Ok(Whereabouts { account: "123456789012".to_owned(), region: "us-east-1".to_owned() }) })
    }

    fn observe<'a>(&'a self, _: &'static dyn Kind, _: &'a Place, wants: &'a [Want]) -> Task<'a, Vec<Live>> {
        let live = |want: &Want| self.0.get(&want.identity).map_or(Live::Absent, |it| Live::Present(Arc::clone(it)));
        Box::pin(async move { wants.iter().map(live).collect() })
    }

    fn canonical<'a>(
        &'a self,
        _: Domain,
        _: &'a Place,
        names: &'a [String],
    ) -> Task<'a, Result<HashMap<String, String>, Fault>> {
        Box::pin(async move { Ok(names.iter().map(|name| (name.clone(), name.clone())).collect()) })
    }

    fn owned<'a>(
        &'a self,
        _: &'a [&'static dyn Kind],
        _: &'a Place,
        _: &'a str,
        _: &'a str,
    ) -> Task<'a, Result<Vec<Owned>, Fault>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn list<'a>(&'a self, _: &'static dyn Kind, _: &'a Place) -> Task<'a, Result<Vec<String>, Fault>> {
        only_read()
    }

    fn restore<'a>(&'a self, _: &'static dyn Kind, _: &'a Place, _: &'a str) -> Task<'a, Result<Written, Fault>> {
        only_read()
    }

    fn create<'a>(&'a self, _: &'static dyn Kind, _: &'a Place, _: &'a Create<'a>) -> Task<'a, Result<Written, Fault>> {
        only_read()
    }

    fn update<'a>(&'a self, _: &'static dyn Kind, _: &'a Place, _: &'a Update<'a>) -> Task<'a, Result<Written, Fault>> {
        only_read()
    }

    fn delete<'a>(
        &'a self,
        _: &'static dyn Kind,
        _: &'a Place,
        _: &'a str,
        _: Option<&'a Map>,
    ) -> Task<'a, Result<Written, Fault>> {
        only_read()
    }

    fn confirm<'a>(&'a self, _: &'static dyn Kind, _: &'a Place, _: &'a [Confirm]) -> Task<'a, Vec<Unconfirmed>> {
        Box::pin(async { Vec::new() })
    }

    fn calls(&self) -> u64 {
        0
    }
}

/// What there is once a stack is as its manifest says.
fn as_wanted(graph: &Graph, world: &World) -> Observed {
    let read = |cloud: &Shown| {
        let options = observe::Options { secrets: true, ..observe::Options::default() };
        support::run(observe::observe(graph, cloud, &options))
    };
    let plan = plan(graph, &read(&Shown::default()), &world.env, &plan::Options::default());
    let mut all = Shown::default();
    for step in &plan.steps {
        let Some(identity) = step.desired.identity.clone() else { continue };
        let mut properties = step.resolved.clone();
        if step.desired.kind.name() == DESTINATION_TYPE {
            properties.insert("ConnectionArn".to_owned(), format!("arn:{}", identity.replacen('d', "c", 1)).into());
        }
        let attributes = Map::from_iter([("Arn".to_owned(), Value::from(format!("arn:{identity}")))]);
        let present = Present {
            identity: identity.clone(),
            properties,
            attributes,
            secret_version: None,
            readiness: Readiness::Ready(None),
            seen: Seen::default(),
        };
        all.0.insert(identity, Arc::new(present));
    }
    read(&all)
}

fn resources(count: usize) -> Json {
    let connections = (0..count / 2).map(|number| connection(&format!("c{number}"), &format!("c-{number:05}")));
    let destinations = (0..count / 2)
        .map(|number| destination(&format!("d{number}"), &format!("d-{number:05}"), &format!("c{number}")));
    let all: Vec<Json> = connections.chain(destinations).collect();
    stack(&all.iter().collect::<Vec<_>>())
}

fn functions(criterion: &mut Criterion) {
    for count in SIZES {
        let mut group = criterion.benchmark_group("functions");
        group.sample_size(10).throughput(Throughput::Elements(count as u64));
        let of = |name: &str| BenchmarkId::new(name, count);
        let manifest = resources(count);

        let text = serde_json::to_string_pretty(&manifest).unwrap();
        group.bench_function(of("manifest::parse"), |bench| {
            bench.iter(|| {
                let mut sources = Sources::new("");
                let id = sources.add("trueup.yaml", text.as_str());
                black_box(manifest::parse(&mut sources, id))
            });
        });
        group.bench_function(of("manifest::parse and render::render"), |bench| {
            bench.iter(|| black_box(support::manifest::render(&manifest)));
        });
        let (rendered, mut sources) = support::manifest::render(&manifest);
        group.bench_function(of("desired::desire and graph::graph"), |bench| {
            bench.iter(|| {
                let (nodes, _) = desire(&rendered, KINDS, &mut sources, &Defaults::default());
                black_box(graph(nodes, &rendered).unwrap())
            });
        });

        let world = World::new();
        let (nodes, _) = desire(&rendered, KINDS, &mut sources, &Defaults::default());
        let graph = graph(nodes, &rendered).unwrap();
        let observed = as_wanted(&graph, &world);
        let options = plan::Options::default();
        let unchanged = plan(&graph, &observed, &world.env, &options);
        assert!(!unchanged.has_changes(), "there is nothing to do");
        group.bench_function(of("plan::plan"), |bench| {
            bench.iter(|| black_box(plan(&graph, &observed, &world.env, &options)));
        });
        group.bench_function(of("PlanDocument::saved"), |bench| {
            bench.iter(|| black_box(PlanDocument::saved(&unchanged, &rendered)));
        });
        let steps: Vec<_> = unchanged.steps.iter().filter_map(|step| Some((step, step.live.present()?))).collect();
        assert_eq!(steps.len(), count, "all is there");
        let literal = |_: Domain, name: &str| name.to_owned();
        group.bench_function(of("delta::delta"), |bench| {
            bench.iter(|| {
                for (step, live) in &steps {
                    black_box(delta(step.desired.kind.schema(), &step.resolved, &live.properties, &[], &literal));
                }
            });
        });
        group.finish();
    }
}

criterion_group!(all, functions);
criterion_main!(all);
