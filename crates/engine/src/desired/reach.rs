//! Variables that reach a secret although nothing declares them so.
//!
//! A property that is secret by schema is masked whatever it is made of. The variable behind it is not: it would be
//! listed by `trueup vars`, hashed into a saved plan (and a hash of a short password can be guessed), and shown by
//! whatever else uses it. So a stack with such variables is rendered again with them as secrets, as if they were declared
//! so. Which ones they are is known by what the evaluations touched, never by comparing texts.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::{HashMap, HashSet, HashSetExt as _};

use super::{Defaults, Desired, desire_noting};
use crate::address::Address;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::kind::Registry;
use crate::manifest::Manifest;
use crate::render::{self, Inputs};
use crate::source::Sources;
use crate::stack::{Instance, Stack};
use crate::value::{Value, push_token};

/// What a manifest says with these inputs.
#[derive(Debug, Default)]
pub struct Reading {
    /// The rendered manifest.
    pub stack: Option<Stack>,
    /// Its resources, as far as they make sense.
    pub desired: Vec<Arc<Desired>>,
    /// What is wrong.
    pub diagnostics: Diagnostics,
}

/// Renders and checks a manifest, until every variable that reaches a secret is one.
pub fn read(
    manifest: &Manifest,
    inputs: &Inputs<'_>,
    registry: Registry,
    sources: &mut Sources,
    defaults: &Defaults,
) -> Reading {
    let first = render::render(manifest, inputs, sources);
    read_from(first, manifest, inputs, registry, sources, defaults)
}

/// The same for a manifest that was rendered already.
pub fn read_from(
    first: (Option<Stack>, Diagnostics),
    manifest: &Manifest,
    inputs: &Inputs<'_>,
    registry: Registry,
    sources: &mut Sources,
    defaults: &Defaults,
) -> Reading {
    let mut undeclared: BTreeMap<String, String> = BTreeMap::new();
    let mut kept = Diagnostics::new();
    let mut first = Some(first);
    // Each round but the last finds a variable that was none before.
    loop {
        let rendered = first.take();
        let (stack, mut diagnostics) =
            rendered.unwrap_or_else(|| render::render_with(manifest, inputs, &undeclared, sources));
        let Some(mut stack) = stack else { return Reading { diagnostics, ..Reading::default() } };
        let mut reach = Reach::new(&stack);
        let (desired, found) = desire_noting(&stack, registry, sources, defaults, &mut reach);
        let Reach { secrets, doubtful, findings, .. } = reach;
        kept.extend(findings);
        let before = undeclared.len();
        for (name, why) in secrets {
            undeclared.entry(name).or_insert(why);
        }
        if undeclared.len() > before {
            continue;
        }
        for variable in stack.variables.iter_mut().filter(|variable| !variable.secret) {
            if let Some(why) = doubtful.get(&variable.name) {
                variable.secret = true;
                variable.why = Some(why.clone());
            }
        }
        diagnostics.extend(found);
        diagnostics.extend(kept);
        return Reading { stack: Some(stack), desired, diagnostics };
    }
}

/// What is known so far of where variables go.
pub(super) struct Reach<'a> {
    instances: HashMap<&'a Address, &'a Instance>,
    /// Variables that a secret is made of, each with one place that says why.
    secrets: BTreeMap<String, String>,
    /// Variables that go where nobody knows whether it is a secret.
    doubtful: BTreeMap<String, String>,
    /// What was said about places that are made of such variables; it is not said again once those are secrets.
    findings: Diagnostics,
}

impl<'a> Reach<'a> {
    pub(super) fn new(stack: &'a Stack) -> Self {
        let protected = stack.protected_of.iter().map(|name| (name.clone(), "a protected value uses it".to_owned()));
        Self {
            instances: stack.instances.iter().map(|instance| (&instance.address, instance)).collect(),
            secrets: protected.collect(),
            doubtful: BTreeMap::new(),
            findings: Diagnostics::new(),
        }
    }

    /// The variables that the value at a place is made of, also by way of other resources.
    pub(super) fn variables(&self, instance: &Instance, pointer: &str) -> Vec<String> {
        let mut all = Vec::new();
        self.collect(instance, pointer, &mut all, &mut HashSet::new());
        all
    }

    fn collect(
        &self,
        instance: &Instance,
        pointer: &str,
        all: &mut Vec<String>,
        seen: &mut HashSet<(Address, String)>,
    ) {
        if !seen.insert((instance.address.clone(), pointer.to_owned())) {
            return;
        }
        for name in instance.spans.variables(pointer) {
            if !all.iter().any(|known| known == name) {
                all.push(name.to_owned());
            }
        }
        let mut references = Vec::new();
        for (name, value) in &instance.properties {
            let mut top = String::new();
            push_token(&mut top, name);
            value.walk(&mut |below, leaf| {
                let at = format!("{top}{below}");
                if let Value::Deferred(deferred) = leaf
                    && (is_within(&at, pointer) || is_within(pointer, &at))
                {
                    references.extend(deferred.references());
                }
            });
        }
        for reference in references {
            let Some(other) = self.instances.get(&reference.address) else { continue };
            let mut at = String::new();
            for token in &reference.property {
                push_token(&mut at, token);
            }
            self.collect(other, &at, all, seen);
        }
    }

    /// The value at a place is a secret, and these variables are what it is made of.
    pub(super) fn secret(&mut self, instance: &Instance, pointer: &str, variables: Vec<String>) {
        let why = format!("{} of {} uses it, and is a secret", shown(pointer), instance.address);
        for name in variables {
            self.secrets.entry(name).or_insert_with(|| why.clone());
        }
    }

    /// Nobody knows whether the value at a place is a secret.
    pub(super) fn doubtful(&mut self, instance: &Instance, pointer: &str) {
        let place = if pointer.is_empty() { String::new() } else { format!("{} of ", shown(pointer)) };
        let why = format!("{place}{} uses it, and may be a secret", instance.address);
        for name in self.variables(instance, pointer) {
            self.doubtful.entry(name).or_insert_with(|| why.clone());
        }
    }

    /// Keeps what was said about a place that is made of such variables.
    pub(super) fn keep<'d>(&mut self, findings: impl Iterator<Item = &'d Diagnostic>) {
        findings.for_each(|finding| self.findings.push(finding.clone()));
    }
}

/// Whether one pointer leads into what another one names.
fn is_within(pointer: &str, whole: &str) -> bool {
    pointer.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn shown(pointer: &str) -> &str {
    pointer.strip_prefix('/').unwrap_or(pointer)
}
