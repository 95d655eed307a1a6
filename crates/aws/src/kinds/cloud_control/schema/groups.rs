//! Which members of an object are needed together, or instead of each other: the `oneOf`, `anyOf` and `dependencies` of
//! a type's schema, as rules between properties.
//!
//! Only what speaks of names is enforced. A condition on values (`if`, a pattern inside an alternative) is left to the
//! service.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map as JsonMap, Value as Json};
use trueup_engine::kind::Finding;
use trueup_engine::schema::{Property, Type};
use trueup_engine::value::{Map, Value, push_token};

use super::types::texts;

/// One rule of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Group {
    /// One of these sets of members has to be given.
    Alternatives {
        sets: Vec<Vec<String>>,
        /// And not two of them.
        exactly: bool,
    },
    /// Where this member is given, so have these to be.
    Needs { name: String, with: Vec<String> },
}

impl Group {
    /// The rules of an object, without those of its `allOf`; `None` stands for one that is not enforced.
    pub(super) fn of<'a>(
        schema: &'a JsonMap<String, Json>,
        resolve: &dyn Fn(&'a Json) -> &'a Json,
    ) -> Vec<Option<Self>> {
        let mut all = Vec::new();
        for (key, exactly) in [("oneOf", true), ("anyOf", false)] {
            let Some(alternatives) = schema.get(key).and_then(Json::as_array) else { continue };
            all.push(alternatives_of(alternatives, exactly, resolve));
        }
        for key in ["dependencies", "dependentRequired"] {
            for (name, with) in schema.get(key).and_then(Json::as_object).into_iter().flatten() {
                all.push(with.as_array().map(|with| Self::Needs {
                    name: name.clone(),
                    with: with.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
                }));
            }
        }
        if schema.contains_key("if") || schema.contains_key("not") {
            all.push(None);
        }
        all
    }
}

fn alternatives_of<'a>(
    alternatives: &'a [Json],
    exactly: bool,
    resolve: &dyn Fn(&'a Json) -> &'a Json,
) -> Option<Group> {
    let mut sets = Vec::new();
    let mut bare = true;
    for alternative in alternatives {
        let object = resolve(alternative).as_object()?;
        let speaks_of_names = |key: &str| {
            matches!(
                key,
                "required" | "type" | "description" | "title" | "properties" | "additionalProperties" | "$comment"
            )
        };
        if !object.keys().all(|key| speaks_of_names(key)) {
            return None;
        }
        let required: Vec<String> = texts(object, "required").into_iter().map(str::to_owned).collect();
        // Nothing is needed, so there is nothing to say.
        if required.is_empty() {
            return None;
        }
        bare &= !object.contains_key("properties");
        sets.push(required);
    }
    // Alternatives with members of their own overlap where they share them.
    (!sets.is_empty()).then_some(Group::Alternatives { sets, exactly: exactly && bare })
}

/// The rules of all objects of a type, by their members.
#[derive(Debug, Default)]
pub(super) struct Groups {
    by_members: HashMap<usize, Vec<Group>>,
}

fn key(members: &'static [Property]) -> usize {
    members.as_ptr().addr()
}

impl Groups {
    pub(super) fn add(&mut self, members: &'static [Property], groups: Vec<Group>) {
        let known = |name: &String| members.iter().any(|member| member.name == name);
        let groups = groups.into_iter().filter(|group| match group {
            Group::Alternatives { sets, .. } => sets.iter().flatten().all(known),
            Group::Needs { name, with } => known(name) && with.iter().all(known),
        });
        let groups: Vec<Group> = groups.collect();
        // Nothing tells empty slices apart.
        if !groups.is_empty() && !members.is_empty() {
            self.by_members.insert(key(members), groups);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_members.is_empty()
    }

    /// What is wrong with some properties.
    pub(super) fn check(&self, members: &'static [Property], properties: &Map) -> Vec<Finding> {
        let mut findings = Vec::new();
        if !self.is_empty() {
            self.object(members, properties, &mut String::new(), &mut findings);
        }
        findings
    }

    fn object(&self, members: &'static [Property], map: &Map, pointer: &mut String, findings: &mut Vec<Finding>) {
        for group in self.by_members.get(&key(members)).into_iter().flatten() {
            findings.extend(broken(group, members, map, pointer));
        }
        let length = pointer.len();
        for (name, value) in map {
            if let Some(member) = members.iter().find(|member| member.name == name) {
                push_token(pointer, name);
                self.value(&member.ty, value, pointer, findings);
                pointer.truncate(length);
            }
        }
    }

    fn value(&self, ty: &'static Type, value: &Value, pointer: &mut String, findings: &mut Vec<Finding>) {
        let length = pointer.len();
        match (ty, value) {
            (Type::Object(members), Value::Map(map)) => self.object(members, map, pointer, findings),
            (Type::Map(item), Value::Map(map)) => {
                for (name, value) in map {
                    push_token(pointer, name);
                    self.value(item, value, pointer, findings);
                    pointer.truncate(length);
                }
            }
            (Type::List(list), Value::List(items)) => {
                for (index, item) in items.iter().enumerate() {
                    push_token(pointer, &index.to_string());
                    self.value(&list.item, item, pointer, findings);
                    pointer.truncate(length);
                }
            }
            _ => {}
        }
    }
}

fn quoted(names: &[String], between: &str) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(between)
}

fn broken(group: &Group, members: &'static [Property], map: &Map, pointer: &str) -> Option<Finding> {
    let given = |name: &String| map.get(name).is_some_and(|value| !value.is_null());
    // The service gives what is read-only.
    let made = |name: &&String| members.iter().any(|member| member.name == name.as_str() && member.read_only);
    let finding = |code, pointer: String, summary, help: &str| {
        Some(Finding { code, pointer, on_key: true, summary, help: Some(help.to_owned()), warning: false })
    };
    let within = match pointer.rsplit('/').find(|token| token.parse::<usize>().is_err()) {
        Some(name) if !name.is_empty() => format!("`{name}`"),
        _ => "the resource".to_owned(),
    };
    match group {
        Group::Alternatives { sets, exactly } => {
            let whole = |set: &&Vec<String>| set.iter().filter(|name| !made(name)).all(given);
            let fitting: Vec<&Vec<String>> = sets.iter().filter(whole).collect();
            let names = sets.iter().map(|set| quoted(set, " with ")).collect::<Vec<_>>().join(", ");
            match fitting.as_slice() {
                [] => {
                    let how = if *exactly { "exactly" } else { "at least" };
                    finding(
                        "M306",
                        pointer.to_owned(),
                        format!("{within} needs {how} one of {names}"),
                        "add what you use",
                    )
                }
                [first, second, ..] if *exactly => {
                    let common: BTreeSet<&String> = first.iter().collect();
                    let extra = second.iter().find(|name| !common.contains(name))?;
                    let mut at = pointer.to_owned();
                    push_token(&mut at, extra);
                    let summary = format!("{within} has {} of {names}, and exactly one is allowed", fitting.len());
                    finding("M307", at, summary, "keep the one that you use and remove the others")
                }
                _ => None,
            }
        }
        Group::Needs { name, with } if given(name) => {
            let lacking: Vec<String> = with.iter().filter(|name| !made(name) && !given(name)).cloned().collect();
            let mut at = pointer.to_owned();
            push_token(&mut at, name);
            let summary = format!("`{name}` in {within} needs {} beside it", quoted(&lacking, " and "));
            if lacking.is_empty() { None } else { finding("M303", at, summary, "add it") }
        }
        Group::Needs { .. } => None,
    }
}
