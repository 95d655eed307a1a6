//! Names with several spellings: what they name, looked up where the live and the desired one are spelled differently.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;

use super::Canonical;
use crate::cloud::{Cloud, Live, Place};
use crate::credential::NoSecrets;
use crate::graph::Graph;
use crate::plan::{Known, Resource};
use crate::schema::{Domain, Property, Type};
use crate::value::{Map, Value};

/// Looks up names with several spellings, but only where the live one and the desired one are spelled differently.
pub(super) async fn spellings(
    graph: &Graph,
    wanted: &[usize],
    live: &[Option<Live>],
    former: &[Vec<(String, Live)>],
    cloud: &dyn Cloud,
) -> Canonical {
    let names = spelled_differently(graph, wanted, live, former);
    let forms = join_all(names.into_iter().map(|((place, domain), names)| async move {
        let names: Vec<String> = names.into_iter().collect();
        let answer = cloud.canonical(domain, &place, &names).await;
        ((place, domain), answer)
    }))
    .await;
    Canonical { forms: forms.into_iter().collect() }
}

fn spelled_differently(
    graph: &Graph,
    wanted: &[usize],
    live: &[Option<Live>],
    former: &[Vec<(String, Live)>],
) -> BTreeMap<(Place, Domain), BTreeSet<String>> {
    let mut names: BTreeMap<(Place, Domain), BTreeSet<String>> = BTreeMap::new();
    // A name may come from another resource, whose attributes are known by now where it exists.
    let known = std::cell::LazyCell::new(|| {
        let mut known = Known::new(graph, &NoSecrets);
        for (index, node) in graph.nodes.iter().enumerate() {
            let present = live[index].as_ref().and_then(Live::present);
            let attributes = present.map(|present| present.attributes.clone()).unwrap_or_default();
            known.set(index, Resource { properties: node.properties.clone(), attributes });
        }
        known
    });
    for &index in wanted {
        let node = &graph.nodes[index];
        let mut add = |domain: Domain, desired: Option<&Value>, live: Option<&Value>| {
            let desired = match desired {
                Some(Value::Deferred(deferred)) if deferred.secret_source().is_none() => {
                    deferred.evaluate(&*known).ok()
                }
                other => other.cloned(),
            };
            let live = live.and_then(Value::as_str);
            if let (Some(desired), Some(live)) = (desired.as_ref().and_then(Value::as_str), live)
                && desired != live
            {
                let entry = names.entry((node.place.clone(), domain)).or_default();
                entry.insert(desired.to_owned());
                entry.insert(live.to_owned());
            }
        };
        let present = live[index]
            .as_ref()
            .and_then(Live::present)
            .into_iter()
            .chain(former[index].iter().filter_map(|(_, live)| live.present()));
        for present in present {
            pairs(node.kind.schema().properties, &node.properties, &present.properties, &mut add);
        }
    }
    names
}

fn pairs<'a>(
    schema: &'static [Property],
    desired: &'a Map,
    live: &'a Map,
    add: &mut dyn FnMut(Domain, Option<&'a Value>, Option<&'a Value>),
) {
    for property in schema {
        let (desired, live) = (desired.get(property.name), live.get(property.name));
        if let Some(domain) = property.names {
            add(domain, desired, live);
        } else if let (Type::Object(members), Some(Value::Map(desired)), Some(Value::Map(live))) =
            (&property.ty, desired, live)
        {
            pairs(members, desired, live, add);
        }
    }
}
