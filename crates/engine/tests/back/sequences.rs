//! What must hold after any sequence of manifests, accidents and interruptions.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use trueup_engine::apply::Cancel;
use trueup_engine::delta::canonical_form;
use trueup_engine::kind::Verb;
use trueup_engine::value::Value;

use crate::proving::{Cases, Property, thousands};
use crate::support::{
    CONNECTION_TYPE, DESTINATION_TYPE, KINDS, Trouble, World, connection, destination, problems, run, stack, with,
    without,
};

/// A connection as the test wants it.
#[derive(Debug, Clone)]
struct Orders {
    name: usize,
    former: Option<usize>,
    description: Option<u8>,
    headers: u8,
    key: Option<u8>,
    api_key: bool,
    protect: bool,
}

#[derive(Debug, Clone)]
struct Calls {
    of: usize,
    rate: Option<u8>,
    labels: u8,
    protect: bool,
}

/// A manifest: connections and the destinations of some of them.
#[derive(Debug, Clone)]
struct Wanted {
    connections: BTreeMap<usize, Orders>,
    destinations: BTreeMap<usize, Calls>,
}

impl Wanted {
    fn manifest(&self, protect: bool) -> Json {
        let mut resources = Vec::new();
        for (number, wanted) in &self.connections {
            let mut orders = connection(&format!("c{number}"), &format!("n{}", wanted.name));
            if let Some(former) = wanted.former {
                orders = with(&orders, "/renamed_from", format!("n{former}"));
            }
            if let Some(description) = wanted.description {
                orders = with(&orders, "/props/Description", format!("d{description}"));
            }
            if let Some(key) = wanted.key {
                orders = with(&orders, "/props/KmsKeyIdentifier", format!("arn:key/{key}"));
            }
            if wanted.api_key {
                orders = without(&orders, "/props/AuthParameters", "BasicAuthParameters");
                orders = with(&orders, "/props/AuthorizationType", "API_KEY");
                let parameters = json!({"ApiKeyName": "X", "ApiKeyValue": "{{ secret('env:PASSWORD') }}"});
                orders = with(&orders, "/props/AuthParameters/ApiKeyAuthParameters", parameters);
            }
            // Three headers that are there or not; the last one is a secret.
            let headers: Vec<Json> = (0..3_u8)
                .filter(|bit| wanted.headers & (1 << bit) != 0)
                .map(|bit| json!({"Key": format!("X-{bit}"), "Value": "v", "IsValueSecret": bit == 2}))
                .collect();
            if !headers.is_empty() {
                let parameters = json!({"HeaderParameters": headers});
                orders = with(&orders, "/props/AuthParameters/InvocationHttpParameters", parameters);
            }
            resources.push(with(&orders, "/protect", protect && wanted.protect));
        }
        for (number, wanted) in &self.destinations {
            if !self.connections.contains_key(&wanted.of) {
                continue;
            }
            let mut calls = destination(&format!("d{number}"), &format!("m{number}"), &format!("c{}", wanted.of));
            if let Some(rate) = wanted.rate {
                calls = with(&calls, "/props/Rate", u64::from(rate) + 1);
            }
            if wanted.labels > 0 {
                calls = with(&calls, "/props/Labels", json!({"a/b": wanted.labels.to_string()}));
            }
            resources.push(with(&calls, "/protect", protect && wanted.protect));
        }
        stack(&resources.iter().collect::<Vec<_>>())
    }

    /// Each under a name of its own, and never another one.
    fn with_fixed_names(mut self) -> Self {
        for (number, wanted) in &mut self.connections {
            wanted.name = *number;
            wanted.former = None;
        }
        self
    }
}

fn orders() -> impl Strategy<Value = Orders> {
    (
        0..5_usize,
        prop::option::weighted(0.3, 0..5_usize),
        prop::option::of(0..2_u8),
        0..8_u8,
        prop::option::of(0..2_u8),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(name, former, description, headers, key, api_key, protect)| Orders {
            name,
            former,
            description,
            headers,
            key,
            api_key,
            protect,
        })
}

fn calls() -> impl Strategy<Value = Calls> {
    (0..3_usize, prop::option::of(0..3_u8), 0..3_u8, any::<bool>()).prop_map(|(of, rate, labels, protect)| Calls {
        of,
        rate,
        labels,
        protect,
    })
}

fn wanted() -> impl Strategy<Value = Wanted> {
    (prop::collection::btree_map(0..3_usize, orders(), 1..4), prop::collection::btree_map(0..3_usize, calls(), 0..4))
        .prop_map(|(connections, destinations)| Wanted { connections, destinations })
}

/// What the cloud has of a manifest's resources.
fn state_of(world: &World, manifest: &Json) -> Vec<(String, Value)> {
    let names: Vec<String> = manifest["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|resource| {
            format!("{} {}", resource["type"].as_str().unwrap(), resource["props"]["Name"].as_str().unwrap())
        })
        .collect();
    let mut state: Vec<_> = world.cloud.dump().into_iter().filter(|(name, _)| names.contains(name)).collect();
    for (name, properties) in &mut state {
        let kind = KINDS.find(name.split(' ').next().unwrap()).unwrap();
        let form = canonical_form(kind.schema(), properties.as_map().unwrap());
        let state = properties.get("State").cloned().unwrap();
        *properties = Value::Map(form.into_iter().chain([("State".to_owned(), state)]).collect());
        sort_headers(properties);
    }
    state
}

/// Lists go by their keys, so their order is no part of the state.
fn sort_headers(value: &mut Value) {
    match value {
        Value::Map(map) => map.values_mut().for_each(sort_headers),
        Value::List(items) => items.sort_by_key(|item| item.get("Key").map(|key| key.to_masked_json().to_string())),
        _ => {}
    }
}

fn permissive(mut world: World) -> World {
    world.plan.allow_replace = (0..3).map(|number| format!("c{number}")).collect();
    world
}

/// The ids of what a manifest protects and what exists.
fn protected(world: &World, manifest: &Json) -> BTreeMap<String, String> {
    let mut ids = BTreeMap::new();
    for resource in manifest["resources"].as_array().unwrap() {
        let kind = if resource["type"] == CONNECTION_TYPE { CONNECTION_TYPE } else { DESTINATION_TYPE };
        let mut names = vec![resource["props"]["Name"].as_str().unwrap()];
        names.extend(resource["renamed_from"].as_str());
        for name in names.into_iter().filter(|name| resource["protect"] == true && world.cloud.exists(kind, name)) {
            ids.insert(format!("{kind} {name}"), world.cloud.arn(kind, name));
        }
    }
    ids
}

/// In the normal run, and where promises are proved.
const fn cases(sample: u32, all: u32) -> Cases {
    Cases { sample, all }
}

#[test]
fn the_way_to_a_state_leaves_no_trace() {
    let property = Property {
        test: "sequences::the_way_to_a_state_leaves_no_trace",
        promises: &["P14"],
        cases: cases(300, 10_000),
    };
    let figure = |cases| format!("{} triples of manifests", thousands(cases));
    property.holds((wanted(), wanted(), wanted(), any::<u64>()), figure, |(a, b, c, seed)| {
        let manifests = [a, b, c].map(|wanted| wanted.with_fixed_names().manifest(false));
        let last = &manifests[2];
        let by_steps = run(async {
            let world = permissive(World::seeded(seed));
            for manifest in &manifests {
                world.converge(manifest).await;
            }
            state_of(&world, last)
        });
        let at_once = run(async {
            let world = World::seeded(seed);
            world.converge(last).await;
            state_of(&world, last)
        });
        assert_eq!(by_steps, at_once);
    });
}

#[test]
fn what_is_protected_is_never_deleted() {
    let property = Property {
        test: "sequences::what_is_protected_is_never_deleted",
        promises: &["P12"],
        cases: cases(400, 100_000),
    };
    // How many runs something protected stood before, and how many of those would have deleted it.
    let (over, blocked) = (Cell::new(0), Cell::new(0));
    let figure = |cases| {
        let counts = [cases, over.get(), blocked.get()].map(thousands);
        format!(
            "{} sequences of manifests, {} runs over something protected, {} that would have deleted it",
            counts[0], counts[1], counts[2]
        )
    };
    let steps = prop::collection::vec((wanted(), any::<bool>()), 1..5);
    property.holds((steps, any::<u64>()), figure, |(steps, seed)| {
        run(async {
            let world = permissive(World::seeded(seed));
            for (wanted, teardown) in steps {
                let manifest = wanted.manifest(true);
                if World::graph(&manifest).1.is_err() {
                    continue;
                }
                let before = protected(&world, &manifest);
                let planned = if teardown { world.plan_teardown(&manifest).await } else { world.plan(&manifest).await };
                if !before.is_empty() {
                    over.set(over.get() + 1);
                    let stopped = planned.plan.steps.iter().any(|step| step.reason.starts_with("protected"));
                    blocked.set(blocked.get() + u32::from(stopped));
                }
                world.execute(&planned).await;
                world.rest().await;
                let after = protected(&world, &manifest);
                for (name, id) in before {
                    assert_eq!(after.get(&name), Some(&id), "{name} is another one");
                }
                world.sound();
            }
        });
    });
    assert!(over.get() > 0 && blocked.get() > 0, "nothing was protected");
}

#[test]
fn names_change_without_loss() {
    let property =
        Property { test: "sequences::names_change_without_loss", promises: &["P14"], cases: cases(120, 5_000) };
    let renamed = Cell::new(0);
    let figure =
        |cases| format!("{} pairs of manifests, {} names that changed", thousands(cases), thousands(renamed.get()));
    property.holds((wanted(), wanted(), any::<u64>()), figure, |(a, b, seed)| {
        let (a, b) = (a.manifest(false), b.manifest(false));
        if World::graph(&a).1.is_ok() && World::graph(&b).1.is_ok() {
            run(async {
                let world = permissive(World::seeded(seed));
                world.converge(&a).await;
                let formers = b["resources"].as_array().unwrap().iter().filter_map(|it| it["renamed_from"].as_str());
                let there = formers.clone().filter(|former| world.cloud.exists(CONNECTION_TYPE, former)).count();
                renamed.set(renamed.get() + u32::try_from(there).unwrap());
                world.converge(&b).await;
                for former in formers {
                    assert!(!world.cloud.exists(CONNECTION_TYPE, former));
                }
            });
        }
    });
    assert!(renamed.get() > 0, "no name changed");
}

#[test]
fn a_run_that_dies_anywhere_is_finished_by_the_next_one() {
    let property = Property {
        test: "sequences::a_run_that_dies_anywhere_is_finished_by_the_next_one",
        promises: &["P1"],
        cases: cases(120, 5_000),
    };
    let figure = |cases| format!("{} runs that die in the engine", thousands(cases));
    let lost = prop::option::of((0..3_usize, 0..5_usize));
    let inputs = (wanted(), wanted(), 1..8_usize, lost, any::<u64>());
    property.holds(inputs, figure, |(a, b, dies_after, lost, seed)| {
        let (a, b) = (a.manifest(false), b.manifest(false));
        if World::graph(&a).1.is_ok() && World::graph(&b).1.is_ok() {
            run(async {
                let world = permissive(World::seeded(seed));
                world.converge(&a).await;
                if let Some((verb, name)) = lost {
                    let verb = [Verb::Create, Verb::Update, Verb::Delete][verb];
                    world.cloud.trouble(verb, &format!("n{name}"), 0, 1, Trouble::LoseReply);
                }
                world.cloud.set().dies_after = Some(dies_after);
                let _ = tokio::time::timeout(Duration::from_mins(1), world.apply(&b)).await;
                world.cloud.no_trouble();
                world.rest().await;
                world.converge(&b).await;
                let wanted = state_of(&world, &b);
                let fresh = permissive(World::seeded(seed));
                fresh.converge(&b).await;
                assert_eq!(wanted, state_of(&fresh, &b));
            });
        }
    });
}

#[test]
fn a_run_that_is_cancelled_anywhere_says_what_it_did() {
    let property = Property {
        test: "sequences::a_run_that_is_cancelled_anywhere_says_what_it_did",
        promises: &["P8"],
        cases: cases(120, 5_000),
    };
    let interrupted = Cell::new(0);
    let figure = |cases| {
        format!(
            "{} runs that are cancelled in the engine, {} of them midway",
            thousands(cases),
            thousands(interrupted.get())
        )
    };
    let inputs = (wanted(), wanted(), 1..8_usize, 1..4_usize, any::<u64>());
    property.holds(inputs, figure, |(a, b, cancels_after, parallelism, seed)| {
        let (a, b) = (a.with_fixed_names().manifest(false), b.with_fixed_names().manifest(false));
        run(async {
            let mut world = permissive(World::seeded(seed));
            world.apply.parallelism = Some(parallelism);
            world.converge(&a).await;
            world.cloud.set().cancels_after = Some((cancels_after, world.cancel.clone()));
            let planned = world.plan(&b).await;
            let report = world.execute(&planned).await;
            let writes = world.cloud.take_writes().len();
            if report.interrupted {
                assert!(writes < cancels_after + parallelism, "{writes}");
                interrupted.set(interrupted.get() + 1);
            } else {
                assert_eq!(problems(&report), Vec::<String>::new());
            }
            world.cloud.no_trouble();
            world.cancel = Cancel::new();
            world.converge(&b).await;
        });
    });
    assert!(interrupted.get() > 0, "no run was interrupted");
}

#[test]
fn two_runs_at_once_end_in_one_of_the_two_states() {
    let property = Property {
        test: "sequences::two_runs_at_once_end_in_one_of_the_two_states",
        promises: &["P6"],
        cases: cases(120, 5_000),
    };
    let figure = |cases| format!("{} pairs in the engine", thousands(cases));
    property.holds((wanted(), wanted(), any::<u64>()), figure, |(a, b, seed)| {
        let (a, b) = (a.with_fixed_names().manifest(false), b.with_fixed_names().manifest(false));
        run(async {
            let world = World::seeded(seed);
            let (first, second) = (world.plan(&a).await, world.plan(&b).await);
            tokio::join!(world.execute(&first), world.execute(&second));
            world.rest().await;
            // Neither knows what the other creates.
            world.cloud.forgive();
            let world = permissive(world);
            world.converge(&b).await;
            let fresh = World::seeded(seed);
            fresh.converge(&b).await;
            assert_eq!(state_of(&world, &b), state_of(&fresh, &b));
        });
    });
}
