//! What a sandbox holds, as far as it is the same after two runs that did the same.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::OnceLock;

use regex_lite::Regex;
use serde_json::{Map, Value, json};

use crate::sandbox::Sandbox;

/// What says when, and not what.
const TIMES: [&str; 14] = [
    "CreationTime",
    "LastModifiedTime",
    "LastAuthorizedTime",
    "LastUpdatedTime",
    "CreatedDate",
    "LastChangedDate",
    "LastAccessedDate",
    "DeletedDate",
    "CreationDate",
    "DeletionDate",
    "LastUpdatedDate",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "creationTime",
];

fn ids() -> &'static Regex {
    static IDS: OnceLock<Regex> = OnceLock::new();
    IDS.get_or_init(|| {
        let pattern = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(-[A-Za-z0-9]{6}\b)?|(mrk-)?\b[0-9a-f]{32}\b";
        Regex::new(pattern).expect("the pattern is one")
    })
}

/// What Secrets Manager puts behind a name in an ARN.
fn suffix() -> &'static Regex {
    static SUFFIX: OnceLock<Regex> = OnceLock::new();
    SUFFIX.get_or_init(|| Regex::new(r"(:secret:[\w/+=.@!-]+)-[A-Za-z0-9]{6}$").expect("the pattern is one"))
}

impl Sandbox {
    /// The accounts without times and ids. A key is called by what it is described as, everything else that has a
    /// made-up id only counts.
    pub fn comparable(&self) -> Value {
        let state = self.state();
        let mut names = BTreeMap::new();
        for (id, key) in homes(&state).filter_map(|home| home["keys"].as_object()).flatten() {
            let text = |name: &str| key[name].as_str().unwrap_or_default().to_owned();
            names.insert(id.clone(), format!("<{}, {}>", text("Description"), text("KeyState")));
        }
        json!({
            "accounts": comparable(&state["accounts"], &names),
            "roles": comparable(&state["roles"], &names),
            "buckets": comparable(&state["buckets"], &names),
        })
    }
}

fn homes(state: &Value) -> impl Iterator<Item = &Value> {
    let regions = state["accounts"].as_object().into_iter().flat_map(Map::values).filter_map(Value::as_object);
    regions.flat_map(Map::values)
}

fn comparable(value: &Value, keys: &BTreeMap<String, String>) -> Value {
    let text = |text: &str| {
        let mut text = text.to_owned();
        for (id, name) in keys {
            text = text.replace(id, name);
        }
        suffix().replace(&ids().replace_all(&text, "<id>"), "$1").into_owned()
    };
    match value {
        Value::Object(members) => {
            // Two that differ in their ids only are still two.
            let mut pairs: Vec<(String, Value)> = members
                .iter()
                .filter(|(name, _)| !TIMES.contains(&name.as_str()))
                .map(|(name, member)| (text(name), comparable(member, keys)))
                .collect();
            pairs.sort_by_cached_key(|(name, member)| (name.clone(), member.to_string()));
            pairs.into_iter().map(|(name, member)| json!([name, member])).collect()
        }
        Value::Array(items) => items.iter().map(|item| comparable(item, keys)).collect(),
        Value::String(it) => text(it).into(),
        other => other.clone(),
    }
}

/// Compares accounts; where they differ, in which lines.
///
/// # Errors
///
/// They differ.
pub fn same(expected: &Value, found: &Value) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    let lines = |value: &Value| {
        let text = format!("{value:#}");
        text.lines().map(|line| line.trim().trim_end_matches(',').to_owned()).collect::<Vec<_>>()
    };
    let (expected, found) = (lines(expected), lines(found));
    let mut text = String::from("the accounts are not what an undisturbed run leaves:");
    let mut counts = BTreeMap::<&str, i32>::new();
    for line in &expected {
        *counts.entry(line).or_default() -= 1;
    }
    for line in &found {
        *counts.entry(line).or_default() += 1;
    }
    for (line, count) in counts.into_iter().filter(|(_, count)| *count != 0) {
        let _ = write!(text, "\n  {count:+} {line}");
    }
    Err(text)
}

/// How often each resource was created, as the sandbox counted it. A key has no name, so that keys count together.
///
/// A request that carries a token is the same request when it is sent again: Cloud Control's count as what they began,
/// and a secret's once.
pub fn created(sandbox: &Sandbox) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for call in sandbox.calls().iter().filter(|call| call.operation.starts_with("Create") && call.done()) {
        let resource = call.resource.as_deref().unwrap_or("-");
        let count: &mut usize = counts.entry(format!("{}:{} {resource}", call.service, call.operation)).or_default();
        match call.operation.as_str() {
            "CreateResource" => *count = 0,
            "CreateSecret" => *count = 1,
            _ => *count += 1,
        }
    }
    let state = sandbox.state();
    for request in state["requests"].as_object().into_iter().flat_map(Map::values) {
        let made = request["Operation"] == "CREATE" && request["OperationStatus"] != "FAILED";
        let kind = request["TypeName"].as_str().filter(|_| made);
        if let Some(count) = kind.and_then(|kind| counts.get_mut(&format!("cloudcontrolapi:CreateResource {kind}"))) {
            *count += 1;
        }
    }
    counts
}
