//! Edges, order and cycles.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::support::{World, connection, destination, run, stack, with};

/// A stack of connections of which each needs those that `edges` names.
fn needing(count: usize, edges: &BTreeSet<(usize, usize)>) -> Json {
    let resources: Vec<Json> = (0..count)
        .map(|from| {
            let needs: Vec<String> =
                edges.iter().filter(|(other, _)| *other == from).map(|(_, to)| format!("c{to}")).collect();
            with(&connection(&format!("c{from}"), &format!("c{from}")), "/depends_on", json!(needs))
        })
        .collect();
    stack(&resources.iter().collect::<Vec<_>>())
}

/// The way that a message names: `c0 → c1 → c0`.
fn way(summary: &str) -> Vec<usize> {
    let (_, way) = summary.split_once(": ").unwrap();
    way.split(" → ").map(|name| name[1..].parse().unwrap()).collect()
}

fn is_acyclic(count: usize, edges: &BTreeSet<(usize, usize)>) -> bool {
    let mut left: BTreeSet<usize> = (0..count).collect();
    loop {
        let free: Vec<usize> =
            left.iter().copied().filter(|from| !edges.iter().any(|(f, to)| f == from && left.contains(to))).collect();
        if free.is_empty() {
            return left.is_empty();
        }
        left.retain(|index| !free.contains(index));
    }
}

#[test]
fn the_message_about_a_cycle_names_one_that_is_there() {
    let edges = BTreeSet::from_iter([(0, 1), (1, 2), (2, 1), (1, 3), (3, 0)]);
    let (_, graph) = World::graph(&needing(4, &edges));
    let diagnostics = graph.unwrap_err();
    let diagnostic = diagnostics.iter().next().unwrap();
    assert_eq!(diagnostic.summary, "resources need each other in a circle: c0 → c1 → c3 → c0");
    assert_eq!(diagnostic.labels.len(), 3);
}

#[test]
fn a_resource_that_needs_itself_is_a_cycle() {
    let (_, graph) = World::graph(&needing(1, &BTreeSet::from_iter([(0, 0)])));
    assert_eq!(graph.unwrap_err().iter().next().unwrap().summary, "resources need each other in a circle: c0 → c0");
}

#[test]
fn what_is_needed_and_not_there_is_named() {
    let manifest = stack(&[&with(&connection("orders", "orders"), "/depends_on", json!(["order"]))]);
    let diagnostics = World::graph(&manifest).1.unwrap_err();
    let diagnostic = diagnostics.iter().next().unwrap();
    assert_eq!((diagnostic.code, diagnostic.help.as_deref()), ("M401", Some("did you mean `orders`?")));
}

#[test]
fn a_reference_is_told_apart_from_an_order_and_wins_over_it() {
    let many = with(&connection("many", "many-{{ each.value }}"), "/for_each", json!(["a", "b"]));
    let one = destination("one", "one", "many[\"a\"]");
    let both = with(&destination("both", "both", "alone"), "/depends_on", json!(["alone", "many"]));
    let (_, graph) = World::graph(&stack(&[&many, &connection("alone", "alone"), &one, &both]));
    let graph = graph.unwrap();
    let edges: Vec<(String, String, bool)> = graph
        .edges()
        .iter()
        .map(|edge| {
            let name = |index: usize| graph.nodes[index].address.to_string();
            (name(edge.from), name(edge.to), edge.refers)
        })
        .collect();
    let edge = |from: &str, to: &str, refers| (from.to_owned(), to.to_owned(), refers);
    let expected = [
        edge("one", "many[\"a\"]", true),
        edge("both", "many[\"a\"]", false),
        edge("both", "many[\"b\"]", false),
        edge("both", "alone", true),
    ];
    assert_eq!(edges, expected);
}

fn edges(count: usize) -> impl Strategy<Value = BTreeSet<(usize, usize)>> {
    prop::collection::btree_set((0..count, 0..count), 0..count * 2)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_cycle_is_refused_and_everything_else_is_ordered(edges in edges(7)) {
        let (_, graph) = World::graph(&needing(7, &edges));
        match graph {
            Ok(graph) => {
                prop_assert!(is_acyclic(7, &edges));
                let place = |index: usize| graph.order.iter().position(|other| *other == index).unwrap();
                for (from, to) in &edges {
                    prop_assert!(place(*to) < place(*from));
                }
            }
            Err(diagnostics) => {
                prop_assert!(!is_acyclic(7, &edges));
                for diagnostic in &diagnostics {
                    let way = way(&diagnostic.summary);
                    prop_assert_eq!(way.first(), way.last());
                    for pair in way.windows(2) {
                        prop_assert!(edges.contains(&(pair[0], pair[1])), "{} {:?}", diagnostic.summary, edges);
                    }
                }
            }
        }
    }

    #[test]
    fn writes_keep_the_order_of_need(edges in edges(6), seed in 1_u64..1000) {
        let edges: BTreeSet<(usize, usize)> = edges.into_iter().filter(|(from, to)| from > to).collect();
        let manifest = needing(6, &edges);
        run(async {
            let world = World::seeded(seed);
            let writes = world.converge(&manifest).await;
            let place = |writes: &[String], index: usize| {
                writes.iter().position(|write| write.ends_with(&format!(" c{index}"))).unwrap()
            };
            for (from, to) in &edges {
                assert!(place(&writes, *to) < place(&writes, *from));
            }
            let planned = world.plan_teardown(&manifest).await;
            world.execute(&planned).await;
            let writes = world.cloud.take_writes();
            for (from, to) in &edges {
                assert!(place(&writes, *to) > place(&writes, *from));
            }
            assert!(world.cloud.dump().is_empty());
        });
    }
}
