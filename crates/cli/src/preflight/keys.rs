//! Keys that services encrypt with: there, enabled, symmetric, in the same region, with a policy that lets them be used and
//! the tag that EventBridge wants.
//!
//! A key of the stack is looked at as it will be, any other one as it is.

use std::collections::BTreeMap;

use trueup_aws::{KeyFacts, Session};
use trueup_engine::cloud::Place;
use trueup_engine::desired::Desired;
use trueup_engine::fault::Fault;
use trueup_engine::graph::Graph;
use trueup_engine::value::{Value, at};

use super::Check;
use super::key_policy::{self, Facts};
use crate::commands::plan::Planned;

/// The tag without which EventBridge may not use a key.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/encryption-connections.html>
const TAG: (&str, &str) = ("EventBridgeApiDestinations", "true");

/// A property that names the key that a service encrypts with.
struct Use {
    kind: &'static str,
    pointer: &'static str,
    /// The key must carry [`TAG`].
    tagged: bool,
}

const PROPERTIES: [Use; 3] = [
    Use { kind: "AWS::Events::Connection", pointer: "/KmsKeyIdentifier", tagged: true },
    Use { kind: "AWS::SecretsManager::Secret", pointer: "/KmsKeyId", tagged: false },
    Use {
        kind: "AWS::Glue::Connection",
        pointer: "/ConnectionInput/AuthenticationConfiguration/KmsKeyArn",
        tagged: false,
    },
];

/// The key that a property names.
enum Named<'a> {
    /// One of the stack.
    Own(&'a Desired),
    /// Another one, by any of its names.
    Other(String),
    /// Nobody knows before an apply.
    Unknown,
}

/// What KMS says of a key; nothing where it was not asked.
type Answer = Option<Result<Option<KeyFacts>, Fault>>;

pub(super) async fn checks(session: &Session, planned: &Planned) -> Vec<Check> {
    let graph = &*planned.graph;
    let mut others: BTreeMap<(Place, String), Answer> = BTreeMap::new();
    let mut uses = Vec::new();
    for node in &graph.nodes {
        for property in PROPERTIES.iter().filter(|property| property.kind == node.kind.name()) {
            let Some(value) = at(&node.properties, property.pointer).filter(|value| !value.is_null()) else { continue };
            let named = named(graph, value);
            if let Named::Other(name) = &named {
                others.entry((node.place.clone(), name.clone())).or_default();
            }
            uses.push((node, property, named));
        }
    }
    let here = |place: &Place| {
        let chain = planned.observed.whereabouts.get(place).and_then(|here| here.as_ref().ok());
        place.region.as_deref().or(chain.map(|here| here.region.as_str())).map(str::to_owned)
    };
    for ((place, name), facts) in &mut others {
        // KMS knows the keys of its own region only.
        if elsewhere(name, here(place).as_deref()).is_none() {
            *facts = Some(session.key_facts(place, name).await);
        }
    }
    let account = |place: &Place| {
        let here = planned.observed.whereabouts.get(place).and_then(|here| here.as_ref().ok());
        here.map(|here| here.account.clone())
    };
    let mut all = Vec::new();
    for (node, property, named) in uses {
        let account = account(&node.place);
        let account = account.as_deref();
        let found = match named {
            Named::Own(key) => of_desired(key, property.tagged, account),
            Named::Unknown => vec![Check::not_checked("key", "which key it is will be known after apply")],
            Named::Other(name) => match others.get(&(node.place.clone(), name.clone())) {
                Some(Some(Ok(Some(facts)))) => of_facts(&name, facts, property.tagged, account),
                Some(Some(Ok(None))) => {
                    vec![Check::failed("key", format!("there is no key {name}")).help("create it, or name another one")]
                }
                Some(Some(Err(fault))) => vec![Check::unread("key", fault)],
                _ => elsewhere(&name, here(&node.place).as_deref()).into_iter().collect(),
            },
        };
        all.extend(found.into_iter().map(|check| check.of(&node.address)));
    }
    all
}

/// The key that a value names, through an alias of the stack too.
fn named<'a>(graph: &'a Graph, value: &'a Value) -> Named<'a> {
    let node = match value {
        Value::Deferred(deferred) => deferred
            .references()
            .first()
            .and_then(|reference| graph.index_of(&reference.address))
            .map(|index| &*graph.nodes[index]),
        Value::String(name) => {
            let own = |node: &&std::sync::Arc<Desired>| node.identity.as_deref() == Some(name) && is_key_or_alias(node);
            match graph.nodes.iter().find(own) {
                Some(node) => Some(&**node),
                None => return Named::Other(name.clone()),
            }
        }
        _ => None,
    };
    match node {
        Some(key) if key.kind.name() == "AWS::KMS::Key" => Named::Own(key),
        Some(alias) if is_key_or_alias(alias) => match alias.properties.get("TargetKeyId") {
            // An alias names no alias, so that this ends.
            Some(target) => named(graph, target),
            None => Named::Unknown,
        },
        _ => Named::Unknown,
    }
}

fn is_key_or_alias(node: &Desired) -> bool {
    ["AWS::KMS::Key", "AWS::KMS::Alias"].contains(&node.kind.name())
}

/// A key as the manifest wants it.
fn of_desired(key: &Desired, tagged: bool, account: Option<&str>) -> Vec<Check> {
    let text = |name: &str| key.properties.get(name).and_then(Value::as_str);
    let name = format!("the key `{}`", key.address);
    let use_of_it = Facts { key: None, account };
    let enabled = key.properties.get("Enabled").and_then(Value::as_bool) != Some(false);
    let mut all = vec![usable(
        &name,
        if enabled { "Enabled" } else { "Disabled" },
        text("KeySpec").unwrap_or("SYMMETRIC_DEFAULT"),
        text("KeyUsage").unwrap_or("ENCRYPT_DECRYPT"),
    )];
    all.push(match key.properties.get("KeyPolicy") {
        None | Some(Value::Null) => Check::ok("key_policy", format!("{name} leaves it to the policies of IAM")),
        Some(policy) => match policy {
            policy if has_unknown(policy) => {
                Check::not_checked("key_policy", format!("the policy of {name} will be known after apply"))
            }
            Value::String(text) => serde_json::from_str(text).map_or_else(
                |_| Check::not_checked("key_policy", format!("the policy of {name} is not JSON")),
                |policy| key_policy::check(&name, &policy, use_of_it),
            ),
            policy => key_policy::check(&name, &policy.to_masked_json(), use_of_it),
        },
    });
    if tagged {
        let tags = key.properties.get("Tags").and_then(Value::as_list).unwrap_or_default();
        let has = tags.iter().any(|tag| {
            let text = |name: &str| tag.get(name).and_then(Value::as_str);
            text("Key") == Some(TAG.0) && text("Value") == Some(TAG.1)
        });
        let unknown = key.properties.get("Tags").is_some_and(has_unknown);
        all.push(of_tag(&name, if unknown && !has { None } else { Some(has) }));
    }
    all
}

fn has_unknown(value: &Value) -> bool {
    let mut unknown = false;
    value.walk(&mut |_, leaf| unknown |= matches!(leaf, Value::Deferred(_) | Value::Unknown(_) | Value::Secret(_)));
    unknown
}

/// That a key, named by its ARN, is in another region than what it is for.
fn elsewhere(name: &str, here: Option<&str>) -> Option<Check> {
    let there = name.strip_prefix("arn:")?.split(':').nth(2)?;
    let here = here.filter(|here| *here != there)?;
    let detail = format!("the key {name} is in {there}, and what it is for in {here}");
    Some(Check::failed("key", detail).help("name a key of the same region"))
}

/// A key as it is.
fn of_facts(name: &str, facts: &KeyFacts, tagged: bool, account: Option<&str>) -> Vec<Check> {
    let shown = format!("the key {name}");
    let mut all = vec![usable(&shown, &facts.state, &facts.spec, &facts.usage)];
    // AWS's own keys have policies that nobody changes.
    if facts.manager != "AWS" {
        all.push(match &facts.policy {
            Ok(policy) => key_policy::check(&shown, policy, Facts { key: Some(&facts.arn), account }),
            Err(fault) => Check::unread("key_policy", fault),
        });
    }
    if tagged {
        all.push(match &facts.tags {
            Ok(tags) => of_tag(&shown, Some(tags.get(TAG.0).is_some_and(|value| value == TAG.1))),
            Err(fault) => Check::unread("key_tag", fault),
        });
    }
    all
}

fn usable(name: &str, state: &str, spec: &str, usage: &str) -> Check {
    if spec != "SYMMETRIC_DEFAULT" || usage != "ENCRYPT_DECRYPT" {
        return Check::failed("key", format!("{name} is {spec} for {usage}, and no symmetric key that encrypts"))
            .help("name a symmetric key that encrypts");
    }
    match state {
        "Enabled" => Check::ok("key", format!("{name} is enabled and symmetric")),
        "PendingDeletion" => Check::failed("key", format!("{name} is to be deleted"))
            .help("cancel its deletion and enable it, or name another one"),
        state => Check::failed("key", format!("{name} cannot be used: {state}")).help("enable it, or name another one"),
    }
}

fn of_tag(name: &str, has: Option<bool>) -> Check {
    let (tag, value) = TAG;
    match has {
        Some(true) => Check::ok("key_tag", format!("{name} has the tag {tag}")),
        Some(false) => Check::failed("key_tag", format!("{name} has no tag {tag} = {value}"))
            .help("tag it: EventBridge uses no other key for connections"),
        None => Check::not_checked("key_tag", format!("the tags of {name} will be known after apply")),
    }
}
