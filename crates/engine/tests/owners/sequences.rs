//! What must hold after any sequence of manifests and interruptions.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use trueup_engine::kind::Kind as _;
use trueup_engine::owner;
use trueup_engine::value::{Map, Value};

use crate::proving::{Cases, Property, thousands};
use crate::support::cloud::{Id, Item};
use crate::support::kinds::Data;
use crate::support::{
    ALIAS, GROUP, KEY, LINK, Planned, TOPIC, World, alias, group, key, link, outcome, problems, run, stack, topic, with,
};

/// Something whose properties may change.
#[derive(Debug, Clone)]
struct Thing {
    /// Which of its possible names it has.
    name: usize,
    description: Option<u8>,
    /// A property that cannot change in place.
    spec: bool,
    tag: Option<u8>,
    /// Which of the keys or topics it refers to.
    of: usize,
}

fn thing() -> impl Strategy<Value = Thing> {
    (0..2_usize, prop::option::of(0..2_u8), prop::bool::weighted(0.3), prop::option::of(0..2_u8), 0..2_usize)
        .prop_map(|(name, description, spec, tag, of)| Thing { name, description, spec, tag, of })
}

/// A manifest, by kind and number.
#[derive(Debug, Clone)]
struct Wanted {
    groups: BTreeMap<usize, Thing>,
    topics: BTreeMap<usize, Thing>,
    keys: BTreeMap<usize, Thing>,
    aliases: BTreeMap<usize, Thing>,
    links: BTreeMap<usize, Thing>,
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let some = || prop::collection::btree_map(0..2_usize, thing(), 0..3);
    (some(), some(), some(), some(), some()).prop_map(|(groups, topics, keys, aliases, links)| Wanted {
        groups,
        topics,
        keys,
        aliases,
        links,
    })
}

impl Wanted {
    fn manifest(&self) -> Json {
        let mut resources = Vec::new();
        let dressed = |resource: Json, thing: &Thing, kind: &Data| {
            let mut resource = resource;
            if let Some(description) = thing.description {
                resource = with(&resource, "/props/Description", format!("d{description}"));
            }
            if let Some(tag) = thing.tag.filter(|_| kind.tags().is_some()) {
                let tag = tag.to_string();
                let is_map = kind.name() == GROUP.name();
                let tags = if is_map { json!({"team": tag}) } else { json!([{"Key": "team", "Value": tag}]) };
                resource = with(&resource, "/props/Tags", tags);
            }
            if kind.schema().at("/Spec").is_some() {
                resource = with(&resource, "/props/Spec", if thing.spec { "x" } else { "y" });
            }
            resource
        };
        // No two have one and the same name.
        for (number, it) in &self.groups {
            resources.push(dressed(group(&format!("g{number}"), &format!("g{number}{}", it.name)), it, &GROUP));
        }
        for (number, it) in &self.topics {
            let mut resource = topic(&format!("t{number}"), &format!("t{number}{}", it.name));
            if self.keys.contains_key(&it.of) {
                resource = with(&resource, "/props/KmsKeyId", format!("{{{{ k{}.KeyId }}}}", it.of));
            }
            resources.push(dressed(resource, it, &TOPIC));
        }
        for (number, it) in &self.keys {
            resources.push(dressed(key(&format!("k{number}")), it, &KEY));
        }
        for (number, it) in self.aliases.iter().filter(|(_, it)| self.keys.contains_key(&it.of)) {
            resources.push(alias(&format!("n{number}"), &format!("alias/{number}"), &format!("k{}", it.of)));
        }
        for (number, it) in self.links.iter().filter(|(_, it)| self.topics.contains_key(&it.of)) {
            let resource = link(&format!("l{number}"), &format!("l{number}"), &format!("t{}", it.of));
            resources.push(dressed(resource, it, &LINK));
        }
        stack(&resources.iter().collect::<Vec<_>>())
    }
}

fn permissive() -> World {
    let mut world = World::new();
    world.plan.prune = true;
    world.plan.allow_replace = (0..2).flat_map(|number| [format!("t{number}"), format!("k{number}")]).collect();
    world
}

/// What is there by what it is, and not by the identities that the service made: by resource tag or name.
fn state_of(world: &World, manifest: &Json) -> BTreeMap<String, Json> {
    let addresses: BTreeSet<&str> =
        manifest["resources"].as_array().unwrap().iter().filter_map(|resource| resource["name"].as_str()).collect();
    let state = world.cloud.set();
    let alive = || state.items.iter().filter(|(_, item)| item.scheduled.is_none());
    let resource = |kind: &'static dyn trueup_engine::kind::Kind, properties: &Map| {
        owner::tags_of(kind, properties).get(owner::RESOURCE).and_then(Value::as_str).map(str::to_owned)
    };
    let keys: BTreeMap<&str, String> = alive()
        .filter(|(id, _)| id.0 == KEY.name())
        .map(|(id, item)| (id.1.as_str(), resource(&KEY, &item.properties).unwrap_or_default()))
        .collect();
    let mut found = BTreeMap::new();
    // What cannot be tagged and is no longer named stays behind unseen.
    let seen = |id: &str, item: &Item| {
        let resource = resource(if id.starts_with('g') { &GROUP } else { &TOPIC }, &item.properties);
        state.known.contains(id) || resource.is_some_and(|it| addresses.contains(it.as_str()))
    };
    for (id, item) in alive().filter(|(id, item)| seen(&id.1, item)) {
        let mut properties = BTreeMap::new();
        for (name, value) in item.properties.iter().filter(|(name, _)| *name != "Tags") {
            let text = value.as_str().unwrap();
            let last = text.rsplit(':').next().unwrap();
            let text = keys.get(last).cloned().unwrap_or_else(|| text.to_owned());
            properties.insert(name.clone(), json!(text));
        }
        let kind = [&GROUP, &TOPIC, &KEY, &ALIAS, &LINK].into_iter().find(|kind| kind.name() == id.0).unwrap();
        // A tag that the manifest no longer names is kept, so only the owner's are compared.
        for (key, value) in owner::tags_of(kind, &item.properties) {
            // Nor is a replacement that was taken back.
            if key.starts_with(owner::PREFIX) && key != owner::REPLACED {
                properties.insert(key, json!(value.as_str()));
            }
        }
        let identity = keys.get(id.1.as_str()).unwrap_or(&id.1);
        let before = found.insert(format!("{} {identity}", id.0), json!(properties));
        assert!(before.is_none(), "two {} {identity}", id.0);
    }
    found
}

async fn dies(world: &World, planned: &Planned, after: usize) {
    world.cloud.take_writes();
    world.cloud.set().dies_after = Some(after);
    let _ = tokio::time::timeout(Duration::from_mins(1), world.execute(planned)).await;
    world.cloud.set().dies_after = None;
    world.sound();
}

/// What is scheduled on the way is told apart by its day.
fn next_day(world: &World, day: &mut usize) {
    *day += 1;
    world.cloud.set().day = format!("2026-12-{day:02}");
}

#[test]
fn any_way_through_deaths_ends_in_the_same_state() {
    let property = Property {
        test: "sequences::any_way_through_deaths_ends_in_the_same_state",
        promises: &["P12", "P14"],
        cases: Cases { sample: 300, all: 10_000 },
    };
    let figure = |cases| format!("{} ways through deaths and teardowns", thousands(cases));
    let steps = prop::collection::vec((wanted(), prop::option::of(1..8_usize), prop::bool::weighted(0.3)), 1..4);
    property.holds((steps, 1..4_usize, any::<bool>()), figure, |(steps, parallelism, prune)| {
        run(async {
            let mut world = permissive();
            world.plan.prune = prune;
            world.apply.parallelism = Some(parallelism);
            let mut day = 0;
            for (wanted, death, torn_down) in &steps {
                let manifest = wanted.manifest();
                if let Some(after) = death {
                    next_day(&world, &mut day);
                    let planned = world.plan(&manifest).await;
                    dies(&world, &planned, *after).await;
                }
                next_day(&world, &mut day);
                world.converge(&manifest).await;
                if !*torn_down {
                    continue;
                }
                next_day(&world, &mut day);
                if let Some(after) = death {
                    let planned = world.plan_teardown(&manifest).await;
                    dies(&world, &planned, *after).await;
                }
                let planned = world.plan_teardown(&manifest).await;
                assert_eq!(problems(&world.execute(&planned).await), Vec::<String>::new());
                assert_eq!(state_of(&world, &manifest), BTreeMap::new());
                world.sound();
            }
            // Once more, whether or not it was torn down last.
            next_day(&world, &mut day);
            world.converge(&steps.last().unwrap().0.manifest()).await;
            let fresh = permissive();
            let last = steps.last().unwrap().0.manifest();
            fresh.converge(&last).await;
            assert_eq!(state_of(&world, &last), state_of(&fresh, &last));
            if prune {
                assert_eq!(world.cloud.alive(&KEY).len(), fresh.cloud.alive(&KEY).len());
            }
        });
    });
}

#[test]
fn a_late_index_makes_no_second_one() {
    let property = Property {
        test: "sequences::a_late_index_makes_no_second_one",
        promises: &["P5"],
        cases: Cases { sample: 300, all: 10_000 },
    };
    let figure = |cases| format!("{} sequences under an index that lags", thousands(cases));
    property.holds((wanted(), wanted(), 1..8_usize, 0..15_u64), figure, |(a, b, after, lag)| {
        run(async {
            let mut world = permissive();
            world.plan.prune = false;
            world.apply.search_again = Duration::from_secs(15);
            world.converge(&a.manifest()).await;
            world.rest().await;
            world.cloud.set().lag = Duration::from_secs(lag);
            let manifest = b.manifest();
            // Killed, and run again at once.
            world.cloud.take_writes();
            world.cloud.set().dies_after = Some(after);
            let _ = tokio::time::timeout(Duration::from_secs(16), world.apply(&manifest)).await;
            world.cloud.set().dies_after = None;
            let again = world.plan(&manifest).await;
            let report = world.execute(&again).await;
            for number in b.keys.keys() {
                let name = format!("k{number}");
                if again.plan.has_changes() && report.outcomes.iter().any(|it| it.address.to_string() == name) {
                    assert!(outcome(&report, &name).fault.is_none(), "{:?}", outcome(&report, &name));
                }
                let named = format!("{} {name}", KEY.name());
                let alive = state_of(&world, &manifest).into_keys().filter(|it| *it == named).count();
                assert_eq!(alive, 1);
            }
            world.sound();
        });
    });
}

/// What somebody else has: a name of it, or none for a key, and of which kind.
#[derive(Debug, Clone)]
struct Foreign {
    kind: usize,
    number: usize,
    name: usize,
    /// Another stack's, this stack's in another environment, or another stack's that is protected.
    owner: usize,
}

fn foreign() -> impl Strategy<Value = Foreign> {
    (0..3_usize, 0..2_usize, 0..2_usize, 0..3_usize).prop_map(|(kind, number, name, owner)| Foreign {
        kind,
        number,
        name,
        owner,
    })
}

impl Foreign {
    /// Puts it where the stack's own would be, and returns what it is.
    fn put(&self, world: &World) -> Id {
        let (kind, letter) = [(&GROUP, 'g'), (&TOPIC, 't'), (&KEY, 'k')][self.kind];
        let number = self.number;
        let identity =
            if self.kind == 2 { format!("key-foreign-{number}") } else { format!("{letter}{number}{}", self.name) };
        let mut properties = Map::from_iter([("Description".to_owned(), "theirs".into())]);
        if self.kind < 2 {
            properties.insert("Name".to_owned(), identity.clone().into());
        }
        let resource = format!("{letter}{number}");
        let (stack, env) = [("other", "dev"), ("stack", "prod"), ("other", "dev")][self.owner];
        let mut tags = vec![(owner::STACK, stack), (owner::ENV, env), (owner::RESOURCE, resource.as_str())];
        if self.owner == 2 {
            tags.push((owner::PROTECT, "true"));
        }
        world.cloud.put(kind, &identity, properties, &tags);
        (kind.name(), identity)
    }
}

#[test]
fn what_is_somebody_elses_is_never_touched() {
    let property = Property {
        test: "sequences::what_is_somebody_elses_is_never_touched",
        promises: &["P12"],
        cases: Cases { sample: 300, all: 100_000 },
    };
    // How many runs wanted something under a name that is taken.
    let (runs, blocked) = (Cell::new(0), Cell::new(0));
    let figure = |cases| {
        let counts = [cases, runs.get(), blocked.get()].map(thousands);
        format!(
            "{} sequences beside other stacks, {} runs, {} that wanted what is theirs",
            counts[0], counts[1], counts[2]
        )
    };
    let theirs = prop::collection::vec(foreign(), 1..4);
    let step = (wanted(), prop::option::weighted(0.3, 1..8_usize), prop::bool::weighted(0.3));
    let steps = prop::collection::vec(step, 1..4);
    property.holds((theirs, steps, any::<bool>(), any::<bool>()), figure, |(theirs, steps, prune, lags)| {
        run(async {
            let mut world = permissive();
            let theirs: BTreeMap<Id, Item> = theirs
                .iter()
                .map(|it| it.put(&world))
                .map(|id| (id.clone(), world.cloud.set().items[&id].clone()))
                .collect();
            if lags {
                world.cloud.set().lag = Duration::from_secs(5);
            }
            for (wanted, death, torn_down) in &steps {
                let manifest = wanted.manifest();
                world.plan.prune = prune && !*torn_down;
                let planned =
                    if *torn_down { world.plan_teardown(&manifest).await } else { world.plan(&manifest).await };
                runs.set(runs.get() + 1);
                blocked.set(blocked.get() + u32::from(planned.plan.summary().blocked > 0));
                // The order of deletions is another property: what is torn down here was often made by another manifest.
                world.cloud.take_writes();
                world.cloud.set().dies_after = *death;
                let _ = tokio::time::timeout(Duration::from_mins(1), world.execute(&planned)).await;
                world.cloud.set().dies_after = None;
                let now = world.cloud.set().items.clone();
                for (id, before) in &theirs {
                    let same = now
                        .get(id)
                        .is_some_and(|it| it.properties == before.properties && it.scheduled.is_none() && !it.deleting);
                    assert!(same, "{id:?} was {before:?} and is {:?}", now.get(id));
                }
            }
        });
    });
    assert!(blocked.get() > 0, "nobody wanted what is theirs");
}
