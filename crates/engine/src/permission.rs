//! What somebody must be allowed to do for a verb of a resource: actions, on what, under which conditions, and why.
//!
//! A kind says it for one resource ([`crate::kind::Kind::permissions`]), as narrowly as its service can be asked to
//! authorize; [`crate::policy`] puts those of a whole stack together. Nothing is sent, so what only the cloud knows (the
//! id of a key) shows as a wildcard with a condition in its place.

use crate::desired::Desired;
use crate::graph::Graph;
use crate::owner;
use crate::value::{Map, Value, at};

/// What stands for anything.
pub const ANY: &str = "*";

/// How much of a resource is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Whether it is there and whose it is; a teardown needs no more.
    Outline,
    /// Everything but the values of secrets.
    Configuration,
    /// The values of secrets too.
    Values,
}

/// What a permission is about: a resource, where it lives, and whose it is.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The partition: `aws`.
    pub partition: &'a str,
    /// The region, or [`ANY`].
    pub region: &'a str,
    /// The account, or [`ANY`].
    pub account: &'a str,
    /// The stack and the environment that own it, which owner tags say.
    pub owner: Option<(&'a str, &'a str)>,
    /// Its identity, where the manifest says it.
    pub identity: Option<&'a str>,
    /// The stack, for what its properties refer to.
    pub graph: Option<&'a Graph>,
    /// Its properties; `None` stands for any resource of the kind, with everything that one may have.
    pub properties: Option<&'a Map>,
    /// How many resources of this kind are read together: a list is asked for from some number on.
    pub together: usize,
    /// How much is read.
    pub depth: Depth,
}

impl<'a> Subject<'a> {
    /// Any resource of a kind, wherever it is.
    pub const fn any() -> Self {
        Self {
            partition: "aws",
            region: ANY,
            account: ANY,
            owner: None,
            identity: None,
            graph: None,
            properties: None,
            together: usize::MAX,
            depth: Depth::Values,
        }
    }

    /// Its name, or [`ANY`].
    pub fn name(&self) -> &'a str {
        self.identity.unwrap_or(ANY)
    }

    /// Something of the account and region, by its ARN.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{resource}", self.partition, self.region, self.account)
    }

    /// Whether the manifest says something at one of these JSON pointers.
    pub fn has(&self, pointers: &[&str]) -> bool {
        self.properties.is_none_or(|properties| {
            pointers.iter().any(|pointer| at(properties, pointer).is_some_and(|value| !matches!(value, Value::Null)))
        })
    }

    /// Whether the value at a pointer may be this one: it is, or nobody can say before a run.
    pub fn may_be(&self, pointer: &str, wanted: bool) -> bool {
        let Some(properties) = self.properties else { return true };
        match at(properties, pointer) {
            None | Some(Value::Null) => false,
            Some(value) => value.as_bool().is_none_or(|given| given == wanted),
        }
    }

    /// The text at a pointer, where it is known before a run.
    pub fn text(&self, pointer: &str) -> Option<&'a str> {
        at(self.properties?, pointer)?.as_str()
    }

    /// The resource of the stack whose property is at a pointer.
    pub fn referred(&self, pointer: &str) -> Option<&'a Desired> {
        let (graph, Value::Deferred(deferred)) = (self.graph?, at(self.properties?, pointer)?) else { return None };
        let reference = deferred.references().first()?;
        graph.index_of(&reference.address).map(|index| &*graph.nodes[index])
    }
}

/// A condition of a statement: an operator, a key, and the values of which one must hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Condition {
    /// `StringEquals`.
    pub operator: &'static str,
    /// `kms:ViaService`.
    pub key: String,
    /// The values.
    pub values: Vec<String>,
}

/// Actions that are needed on some resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// What these statements are about, in letters: `ManagedSecret`.
    pub topic: &'static str,
    /// The actions.
    pub actions: Vec<&'static str>,
    /// ARNs, with wildcards; [`ANY`] alone where the actions take no resource.
    pub resources: Vec<String>,
    /// Conditions, all of which must hold.
    pub conditions: Vec<Condition>,
    /// What for, in a few words that go on from "needed to".
    pub why: &'static str,
}

impl Permission {
    /// Actions on some resources.
    pub fn on(
        topic: &'static str,
        actions: &[&'static str],
        resources: impl IntoIterator<Item = String>,
        why: &'static str,
    ) -> Self {
        let resources = resources.into_iter().collect();
        Self { topic, actions: actions.to_vec(), resources, conditions: Vec::new(), why }
    }

    /// Actions that take no resource.
    pub fn everywhere(topic: &'static str, actions: &[&'static str], why: &'static str) -> Self {
        Self::on(topic, actions, [ANY.to_owned()], why)
    }

    /// Only through another service, which uses a key for the caller.
    #[must_use]
    pub fn via(mut self, subject: &Subject<'_>, service: &str) -> Self {
        let value = format!("{service}.{}.{}", subject.region, domain(subject.partition));
        let operator = if value.contains(ANY) { "StringLike" } else { "StringEquals" };
        self.conditions.push(Condition { operator, key: "kms:ViaService".to_owned(), values: vec![value] });
        self
    }

    /// Only on what carries the owner tags of the stack.
    #[must_use]
    pub fn owned(mut self, subject: &Subject<'_>) -> Self {
        let (stack, env) = subject.owner.unzip();
        for (tag, value) in [(owner::STACK, stack), (owner::ENV, env)] {
            if let Some(value) = value {
                let key = format!("aws:ResourceTag/{tag}");
                self.conditions.push(Condition { operator: "StringEquals", key, values: vec![value.to_owned()] });
            }
        }
        self
    }

    /// Only under a condition of its own.
    #[must_use]
    pub fn when(mut self, key: &str, value: &str) -> Self {
        let (key, values) = (key.to_owned(), vec![value.to_owned()]);
        self.conditions.push(Condition { operator: "StringEquals", key, values });
        self
    }
}

/// The end of a partition's host names.
fn domain(partition: &str) -> &'static str {
    match partition {
        "aws-cn" => "amazonaws.com.cn",
        "aws-iso" => "c2s.ic.gov",
        "aws-iso-b" => "sc2s.sgov.gov",
        "aws-iso-e" => "cloud.adc-e.uk",
        "aws-iso-f" => "csp.hci.ic.gov",
        "aws-eusc" => "amazonaws.eu",
        _ => "amazonaws.com",
    }
}

/// Every action of some permissions, once, in order.
pub fn actions(permissions: &[Permission]) -> Vec<&'static str> {
    let all: std::collections::BTreeSet<&'static str> =
        permissions.iter().flat_map(|permission| permission.actions.iter().copied()).collect();
    all.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_a_wildcard_and_a_pattern() {
        let subject = Subject { region: "eu-west-1", ..Subject::any() };
        assert_eq!(subject.arn("kms", "key/*"), "arn:aws:kms:eu-west-1:*:key/*");
        let via = |subject: &Subject<'_>| Permission::everywhere("Keys", &[], "").via(subject, "events").conditions;
        assert_eq!(via(&subject)[0].operator, "StringEquals");
        assert_eq!(via(&subject)[0].values, ["events.eu-west-1.amazonaws.com"]);
        assert_eq!(via(&Subject::any())[0].operator, "StringLike");
    }

    #[test]
    fn what_nobody_can_say_may_be_either() {
        let given = Map::from_iter([("On".to_owned(), Value::from(true)), ("Off".to_owned(), Value::Null)]);
        let subject = Subject { properties: Some(&given), ..Subject::any() };
        assert!(subject.may_be("/On", true) && !subject.may_be("/On", false));
        assert!(!subject.may_be("/Off", false) && !subject.has(&["/Off"]) && subject.has(&["/Off", "/On"]));
        assert!(Subject::any().may_be("/On", false));
    }
}
