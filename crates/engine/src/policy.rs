//! The IAM policy that a command needs for a stack, and no more: what the kinds say of each resource, put together.
//!
//! A policy is for one identity. A resource with a role of its own is reached as that role, so that of it only the right
//! to assume the role is in the policy of everybody else. The same stack gives the same policy, byte for byte.

mod sources;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map as JsonMap, Value as Json, json};

use crate::cloud::Place;
use crate::desired::Desired;
use crate::graph::Graph;
use crate::kind::Verb;
use crate::permission::{ANY, Condition, Depth, Permission, Subject};

/// The most characters that a managed policy may have, blanks not counted.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
pub const LARGEST: usize = 6144;

/// What a policy is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// `plan`.
    Plan,
    /// `drift`.
    Drift,
    /// `apply`.
    Apply,
    /// `teardown`.
    Teardown,
}

/// Where a place is, as far as it is known without asking.
#[derive(Debug, Clone)]
pub struct Whither {
    /// The partition.
    pub partition: &'static str,
    /// The region, or [`ANY`].
    pub region: String,
    /// The account, or [`ANY`].
    pub account: String,
}

/// What a policy covers.
pub struct Scope<'a> {
    /// What it is for.
    pub purpose: Purpose,
    /// Values of secrets are read and compared.
    pub values: bool,
    /// The resources that are changed, and those that are read for them; `None` means all.
    pub selected: Option<(&'a BTreeSet<usize>, &'a BTreeSet<usize>)>,
    /// Resources that may be replaced, by address or by name.
    pub replaced: &'a [String],
    /// What the stack owns and the manifest no longer names is deleted.
    pub prune: bool,
    /// The role whose policy it is; `None` is the caller.
    pub role: Option<&'a str>,
    /// Where the stack is at home: there, and as that role, the sources of secrets are read.
    pub home: &'a Place,
    /// Where a place is.
    pub whither: &'a dyn Fn(&Place) -> Whither,
}

/// A statement that allows something.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Its name.
    pub sid: String,
    /// The actions.
    pub actions: BTreeSet<&'static str>,
    /// On what.
    pub resources: BTreeSet<String>,
    /// Conditions.
    pub conditions: Vec<Condition>,
    /// What for, with the addresses of the resources; none where it is for the command itself.
    pub reasons: BTreeMap<&'static str, BTreeSet<String>>,
}

/// A policy.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Its statements.
    pub statements: Vec<Statement>,
    /// Roles that resources are reached as, which need policies of their own.
    pub roles: BTreeSet<String>,
}

impl Policy {
    /// The document, as IAM takes it.
    pub fn document(&self) -> Json {
        json!({ "Version": "2012-10-17", "Statement": self.statements.iter().map(Statement::document).collect::<Json>() })
    }

    /// How many characters IAM counts.
    pub fn size(&self) -> usize {
        self.document().to_string().chars().filter(|character| !character.is_whitespace()).count()
    }
}

impl Statement {
    fn document(&self) -> Json {
        let mut document = json!({
            "Sid": self.sid, "Effect": "Allow", "Action": self.actions, "Resource": one_or_many(&self.resources),
        });
        let mut conditions = JsonMap::new();
        for condition in &self.conditions {
            let keys = conditions.entry(condition.operator).or_insert_with(|| json!({}));
            keys[&condition.key] = one_or_many(&condition.values.iter().cloned().collect());
        }
        if !conditions.is_empty() {
            document["Condition"] = conditions.into();
        }
        document
    }
}

fn one_or_many(texts: &BTreeSet<String>) -> Json {
    match texts.first() {
        Some(one) if texts.len() == 1 => one.as_str().into(),
        _ => json!(texts),
    }
}

/// The policy of a graph.
pub fn policy(graph: &Graph, scope: &Scope<'_>) -> Policy {
    let mut parts: Vec<(Permission, Option<String>)> =
        vec![(Permission::everywhere("TakesNoResource", &["sts:GetCallerIdentity"], "know the account"), None)];
    let mut roles = BTreeSet::new();
    let read = |index: usize| scope.selected.is_none_or(|(_, read)| read.contains(&index));
    let changed = |index: usize| scope.selected.is_none_or(|(changed, _)| changed.contains(&index));
    for (index, node) in graph.nodes.iter().enumerate().filter(|(index, _)| read(*index)) {
        let role = node.place.role_arn.as_deref();
        if role != scope.role {
            if let Some(role) = role.filter(|role| roles.insert((*role).to_owned())) {
                let why = "reach what has a role of its own";
                parts.push((Permission::on("Roles", &["sts:AssumeRole"], [role.to_owned()], why), None));
            }
            continue;
        }
        let address = node.address.to_string();
        let whither = (scope.whither)(&node.place);
        let subject = subject(graph, scope, node, &whither);
        let own = (node.identity.as_deref(), verbs(node, scope, changed(index)));
        let former = node.former.iter().map(|name| (Some(name.as_str()), verbs_of_former(node, scope, changed(index))));
        for (identity, verbs) in std::iter::once(own).chain(former) {
            let subject = Subject { identity, ..subject };
            let needed = verbs.iter().flat_map(|verb| node.kind.permissions(*verb, &subject));
            parts.extend(needed.map(|permission| (permission, Some(address.clone()))));
        }
        if scope.prune {
            parts.extend(pruning(node, scope, &subject));
        }
    }
    if scope.values && scope.purpose != Purpose::Teardown && scope.home.role_arn.as_deref() == scope.role {
        let read = graph.nodes.iter().enumerate().filter(|(index, _)| read(*index));
        parts.extend(sources::sources(read.map(|(_, node)| &**node), scope));
    }
    Policy { statements: merged(parts), roles }
}

fn subject<'a>(graph: &'a Graph, scope: &Scope<'_>, node: &'a Desired, whither: &'a Whither) -> Subject<'a> {
    let alike = |other: &&std::sync::Arc<Desired>| other.kind.name() == node.kind.name() && other.place == node.place;
    Subject {
        partition: whither.partition,
        region: &whither.region,
        account: &whither.account,
        owner: Some((&graph.stack, &graph.env)),
        identity: node.identity.as_deref(),
        graph: Some(graph),
        properties: Some(&node.properties),
        together: graph.nodes.iter().filter(alike).count(),
        depth: match (scope.purpose, scope.values) {
            (Purpose::Teardown, _) => Depth::Outline,
            (_, true) => Depth::Values,
            (_, false) => Depth::Configuration,
        },
    }
}

/// What is done with a resource.
fn verbs(node: &Desired, scope: &Scope<'_>, changed: bool) -> Vec<Verb> {
    let named = |name: &String| *name == node.address.to_string() || name == node.address.name();
    match scope.purpose {
        Purpose::Apply if changed && scope.replaced.iter().any(named) => {
            vec![Verb::Read, Verb::Create, Verb::Update, Verb::Delete]
        }
        Purpose::Apply if changed => vec![Verb::Read, Verb::Create, Verb::Update],
        Purpose::Teardown if changed && !is_held(node) => vec![Verb::Read, Verb::Delete],
        _ => vec![Verb::Read],
    }
}

/// What is done with what a resource was before it had its name.
fn verbs_of_former(node: &Desired, scope: &Scope<'_>, changed: bool) -> Vec<Verb> {
    match scope.purpose {
        Purpose::Apply | Purpose::Teardown if changed && !is_held(node) => vec![Verb::Read, Verb::Delete],
        _ => vec![Verb::Read],
    }
}

/// Whether it is never deleted.
fn is_held(node: &Desired) -> bool {
    node.instance.skip_on_delete || node.instance.protect == Some(true)
}

/// Reading and deleting whatever of this kind carries the stack's owner tags: its name is in no manifest.
fn pruning(node: &Desired, scope: &Scope<'_>, subject: &Subject<'_>) -> Vec<(Permission, Option<String>)> {
    if node.kind.tags().is_none() {
        return Vec::new();
    }
    let orphan = Subject { identity: None, properties: None, depth: Depth::Outline, together: 1, ..*subject };
    let verbs: &[Verb] = if scope.purpose == Purpose::Apply { &[Verb::Read, Verb::Delete] } else { &[Verb::Read] };
    let needed = verbs.iter().flat_map(|verb| node.kind.permissions(*verb, &orphan));
    needed
        .map(|mut permission| {
            let owned = permission.conditions.iter().any(|condition| condition.key.starts_with("aws:ResourceTag/"));
            let anywhere = permission.resources.iter().any(|resource| resource == ANY);
            let writes = !is_read(&permission);
            if writes && !owned && !anywhere {
                permission = permission.owned(subject);
            }
            permission.why = "delete what the manifest no longer names";
            (permission, None)
        })
        .collect()
}

fn is_read(permission: &Permission) -> bool {
    let reads = |action: &&'static str| {
        let name = action.split_once(':').map_or(*action, |(_, name)| name);
        ["Describe", "Get", "List", "BatchGet"].iter().any(|read| name.starts_with(read))
    };
    permission.actions.iter().all(reads)
}

/// One statement for each set of resources under the same conditions, and one for each set of actions on the like.
fn merged(parts: Vec<(Permission, Option<String>)>) -> Vec<Statement> {
    let mut statements: Vec<Statement> = Vec::new();
    for (permission, address) in parts {
        let resources: BTreeSet<String> = permission.resources.into_iter().collect();
        let found = statements.iter_mut().find(|it| {
            it.resources == resources && it.conditions == permission.conditions && it.sid == permission.topic
        });
        let statement = if let Some(found) = found {
            found
        } else {
            statements.push(Statement {
                sid: permission.topic.to_owned(),
                actions: BTreeSet::new(),
                resources,
                conditions: permission.conditions,
                reasons: BTreeMap::new(),
            });
            let last = statements.len() - 1;
            &mut statements[last]
        };
        statement.actions.extend(permission.actions);
        statement.reasons.entry(permission.why).or_default().extend(address);
    }
    let mut all: Vec<Statement> = Vec::new();
    for statement in statements {
        let alike = |it: &&mut Statement| {
            it.sid == statement.sid && it.actions == statement.actions && it.conditions == statement.conditions
        };
        match all.iter_mut().find(alike) {
            Some(same) => {
                same.resources.extend(statement.resources);
                for (why, addresses) in statement.reasons {
                    same.reasons.entry(why).or_default().extend(addresses);
                }
            }
            None => all.push(statement),
        }
    }
    // The names of statements are unique in a policy.
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for statement in &mut all {
        let count = seen.entry(statement.sid.clone()).or_default();
        *count += 1;
        if *count > 1 {
            statement.sid = format!("{}{count}", statement.sid);
        }
    }
    all
}
