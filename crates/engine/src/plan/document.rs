//! The plan as a document: for `plan --json`, and saved for a later apply. Secret-free by construction.
//!
//! It is built only from what may be shown: masked values, sources, verdicts, digests. The same inputs give the same
//! bytes. A saved plan is *verified*, not trusted: `apply` makes the plan again from the same manifest for the same
//! selection, and goes on only where both documents agree on every step; so no value ever has to be stored.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::Digest as _;

use crate::blame::Finding;
use crate::fault::Fault;
use crate::kind::{Implied, Verb};
use crate::plan::{Action, Operation, Plan, Rotated, SecretStatus, SecretVerdict, Step};
use crate::stack::Stack;

/// The version of the format; another one is refused.
pub const FORMAT_VERSION: &str = "1";

/// A plan that may be shown to anybody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanDocument {
    /// The version of this format.
    pub format_version: String,
    /// `plan` or `teardown`.
    pub command: String,
    /// Which stack.
    pub stack: StackName,
    /// The caller's account; absent where it could not be read.
    pub account: Option<String>,
    /// The region; absent where it could not be read.
    pub region: Option<String>,
    /// SHA-256 (hex) of everything here that decides what an apply does.
    pub digest: String,
    /// Only in a saved plan: SHA-256 (hex) of the manifest and the files that it includes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest_digest: Option<String>,
    /// Only in a saved plan: SHA-256 (hex) of environment and variables that are not secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variables_digest: Option<String>,
    /// Only a part of the stack was planned.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// What the stack owns and the manifest no longer names was planned too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pruned: bool,
    /// Only in a saved plan: resources of another stack may be taken over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub take_over: bool,
    /// Only in a saved plan of a part of the stack: the addresses that were planned, with or without a step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub selected: Vec<String>,
    /// How many of what.
    pub summary: SummaryDocument,
    /// The steps, in the order of the manifest.
    pub steps: Vec<StepDocument>,
    /// Only in a saved plan: which operation comes before which, as `address#verb`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edges: Option<Vec<(String, String)>>,
    /// What could not be read, in the service's words; never in a saved plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FaultDocument>,
    /// Warnings and notes.
    pub diagnostics: Vec<Json>,
}

/// A read that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultDocument {
    /// The resource that it is about; `null` for a search.
    pub address: Option<String>,
    /// What happened.
    pub fault: Fault,
}

/// A stack and its environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StackName {
    /// The stack's name.
    pub name: String,
    /// The environment.
    pub env: String,
}

/// How many of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SummaryDocument {
    /// Resources to create.
    pub create: usize,
    /// Resources to update in place.
    pub update: usize,
    /// Resources to replace.
    pub replace: usize,
    /// Resources to delete.
    pub delete: usize,
    /// Resources to adopt.
    pub adopt: usize,
    /// Resources that are as they should be.
    pub unchanged: usize,
    /// Resources that would have to change and may not.
    pub blocked: usize,
    /// Secrets that could not be compared.
    pub not_verifiable: usize,
    /// Resources that could not be read.
    pub unread: usize,
    /// Calls that applying the plan sends, repetitions not counted.
    pub calls: u64,
}

impl SummaryDocument {
    /// Counts the steps of a plan.
    pub fn new(plan: &Plan) -> Self {
        let summary = plan.summary();
        Self {
            create: summary.create,
            update: summary.update,
            replace: summary.replace,
            delete: summary.delete,
            adopt: summary.adopt,
            unchanged: summary.unchanged,
            blocked: summary.blocked,
            not_verifiable: summary.not_verifiable,
            unread: summary.unread,
            calls: plan.estimate.calls,
        }
    }
}

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepDocument {
    /// The resource's name in the stack.
    pub address: String,
    /// Its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Its name in the cloud; `null` where the service will make it.
    pub identifier: Option<String>,
    /// What is done.
    pub action: Action,
    /// Why.
    pub reason: String,
    /// RFC 6902 against the live document; for a create one `add` of the whole.
    pub patch: Vec<Json>,
    /// What is known of its secrets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretDocument>,
    /// What the change brings with it in other services.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub implies: Vec<Implied>,
    /// Addresses of the stack that it needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// More facts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Only with `--blame`: who brought about what differs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blame: Vec<Finding>,
    /// Its own region, where it is not the head's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The role through which it is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// Only in a saved plan: digest of what it was concluded from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_image: Option<String>,
    /// Only in a saved plan: the former resource that goes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<String>,
}

/// What is known of one secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretDocument {
    /// Where: a JSON pointer into the properties.
    pub path: String,
    /// The verdict.
    pub status: SecretStatus,
    /// Why it is not verifiable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where the desired value comes from.
    pub source: String,
    /// A keyed fingerprint, where `TRUEUP_PLAN_KEY` was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The source has changed since the resource took its value from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated: Option<Rotated>,
}

impl SecretDocument {
    /// The document of a verdict.
    pub fn new(verdict: &SecretVerdict) -> Self {
        Self {
            path: verdict.pointer.clone(),
            status: verdict.status,
            reason: verdict.reason.clone(),
            source: verdict.source.clone(),
            fingerprint: verdict.fingerprint.clone(),
            rotated: verdict.rotated.clone(),
        }
    }
}

/// Why a saved plan cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not JSON, or not a plan.
    #[error("this is no plan of trueup: {0}")]
    Malformed(String),
    /// Another version.
    #[error("this plan has format version {0}, and this trueup reads version {FORMAT_VERSION}: make the plan again")]
    Version(String),
    /// Changed after it was made.
    #[error("the plan's digest does not fit its content: it was changed after it was made")]
    Tampered,
}

/// One thing that moved since a plan was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// The resource, or `None` for the whole.
    pub address: Option<String>,
    /// What moved.
    pub what: String,
}

impl PlanDocument {
    /// The document of a plan; with `verbose` also the steps that do nothing.
    pub fn new(plan: &Plan, verbose: bool) -> Self {
        let mut operations = vec![Vec::new(); plan.steps.len()];
        for operation in &plan.operations {
            operations[operation.step].push(operation);
        }
        let mut document = Self {
            format_version: FORMAT_VERSION.to_owned(),
            command: plan.command.to_owned(),
            stack: StackName { name: plan.stack.clone(), env: plan.env.clone() },
            account: plan.whereabouts.as_ref().map(|here| here.account.clone()),
            region: plan.whereabouts.as_ref().map(|here| here.region.clone()),
            digest: String::new(),
            manifest_digest: None,
            variables_digest: None,
            partial: plan.partial,
            pruned: plan.pruned,
            take_over: false,
            selected: Vec::new(),
            summary: SummaryDocument::new(plan),
            steps: plan
                .steps
                .iter()
                .enumerate()
                .filter(|(_, step)| verbose || step.action != Action::None)
                .map(|(number, step)| StepDocument::new(step, plan, &operations[number]))
                .collect(),
            edges: None,
            faults: Vec::new(),
            diagnostics: Vec::new(),
        };
        document.digest = document.compute_digest();
        document
    }

    /// The document that is saved for a later apply.
    pub fn saved(plan: &Plan, stack: &Stack) -> Self {
        let mut document = Self::new(plan, false);
        document.manifest_digest = Some(stack.manifest_digest.clone());
        document.variables_digest = Some(stack.variables_digest.clone());
        for (written, step) in
            document.steps.iter_mut().zip(plan.steps.iter().filter(|step| step.action != Action::None))
        {
            written.pre_image.clone_from(&step.pre_image);
            written.former = step.former.iter().map(|former| former.identity.clone()).collect();
        }
        document.take_over = plan.take_over;
        if plan.partial {
            document.selected = plan.steps.iter().map(|step| step.address().to_string()).collect();
        }
        let name = |index: usize| {
            let operation = &plan.operations[index];
            let step = &plan.steps[operation.step];
            let verb = match operation.verb {
                Verb::Read => "wait",
                Verb::Create => "create",
                Verb::Update => "update",
                Verb::Delete => "delete",
            };
            format!("{}#{verb}", step.address())
        };
        let mut edges: Vec<(String, String)> = plan
            .operations
            .iter()
            .enumerate()
            .flat_map(|(index, operation)| operation.after.iter().map(move |before| (*before, index)))
            .map(|(before, after)| (name(before), name(after)))
            .collect();
        edges.sort();
        edges.dedup();
        document.edges = Some(edges);
        document.digest = document.compute_digest();
        document
    }

    /// Reads a saved plan.
    ///
    /// # Errors
    ///
    /// Another format or version, or content that does not fit its digest.
    pub fn read(text: &str) -> Result<Self, ReadError> {
        let json: Json = serde_json::from_str(text).map_err(|error| ReadError::Malformed(error.to_string()))?;
        if let Some(version) = json.get("format_version").and_then(Json::as_str)
            && version != FORMAT_VERSION
        {
            return Err(ReadError::Version(version.to_owned()));
        }
        let document: Self = serde_json::from_value(json).map_err(|error| ReadError::Malformed(error.to_string()))?;
        if document.digest == document.compute_digest() { Ok(document) } else { Err(ReadError::Tampered) }
    }

    /// Addresses that a plan of a part of the stack was made for.
    pub fn selected(&self) -> impl Iterator<Item = &str> {
        self.selected.iter().map(String::as_str)
    }

    /// Everything but the digest itself, the diagnostics (which have lines) and the counts of what has no step.
    fn compute_digest(&self) -> String {
        let mut whole = serde_json::json!({
            "format_version": self.format_version,
            "command": self.command,
            "stack": self.stack,
            "account": self.account,
            "region": self.region,
            "manifest_digest": self.manifest_digest,
            "variables_digest": self.variables_digest,
            "partial": self.partial,
            "edges": self.edges,
        });
        if self.pruned {
            whole["pruned"] = true.into();
        }
        if self.take_over {
            whole["take_over"] = true.into();
        }
        if !self.selected.is_empty() {
            whole["selected"] = self.selected.clone().into();
        }
        // A member at a time and a step at a time: the whole, as one document, would be larger than the plan.
        let members = whole.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), Some(value)));
        let sorted: BTreeMap<&str, Option<&Json>> = members.chain([("steps", None)]).collect();
        let mut digest = Canonical::default();
        for (number, (name, value)) in sorted.into_iter().enumerate() {
            digest.text(if number == 0 { "{" } else { "," });
            digest.scalar(&name.into());
            digest.text(":");
            if let Some(value) = value {
                digest.json(value);
                continue;
            }
            for (number, step) in self.steps.iter().enumerate() {
                digest.text(if number == 0 { "[" } else { "," });
                digest.json(&serde_json::to_value(step).unwrap_or_default());
            }
            digest.text(if self.steps.is_empty() { "[]" } else { "]" });
        }
        digest.text("}");
        digest.end()
    }
}

impl StepDocument {
    fn new(step: &Step, plan: &Plan, operations: &[&Operation]) -> Self {
        let head_region = plan.whereabouts.as_ref().map(|here| here.region.as_str());
        let own_region = step.desired.place.region.as_deref().filter(|region| Some(*region) != head_region);
        let create = matches!(step.action, Action::Create)
            || (matches!(step.action, Action::Replace | Action::Blocked)
                && step.patch.is_empty()
                && step.live.present().is_none());
        let patch = if create {
            vec![serde_json::json!({"op": "add", "path": "", "value": crate::patch::document(&step.resolved)})]
        } else {
            step.patch.clone()
        };
        // That it goes after something else went says nothing of what it needs.
        let mut depends_on: Vec<String> = operations
            .iter()
            .filter(|operation| operation.verb != Verb::Delete || step.action == Action::Delete)
            .flat_map(|operation| &operation.after)
            .map(|before| plan.steps[plan.operations[*before].step].address().to_string())
            .filter(|address| *address != step.address().to_string())
            .collect();
        depends_on.sort();
        depends_on.dedup();
        Self {
            address: step.address().to_string(),
            type_name: step.desired.kind.name().to_owned(),
            identifier: step.identity.clone(),
            action: step.action,
            reason: step.reason.clone(),
            patch,
            secrets: step.secrets.iter().map(SecretDocument::new).collect(),
            implies: step.implies.clone(),
            depends_on,
            notes: step.notes.clone(),
            blame: Vec::new(),
            region: own_region.map(str::to_owned),
            role_arn: step.desired.place.role_arn.as_deref().map(str::to_owned),
            pre_image: None,
            former: Vec::new(),
        }
    }
}

impl StepDocument {
    /// Whether both do the same for the same reason. Notes are for people: that a resource was still settling when the
    /// plan was made changes nothing.
    fn does_the_same(&self, other: &Self) -> bool {
        let plain = |step: &Self| {
            let mut plain = Self { notes: Vec::new(), ..step.clone() };
            // The verdict counts; when a source changed is told beside it, as a note is.
            plain.secrets.iter_mut().for_each(|secret| secret.rotated = None);
            plain
        };
        plain(self) == plain(other)
    }
}

/// What moved between a saved plan and one made again from the same manifest for the same resources; empty where the
/// saved one may be executed.
pub fn verify(saved: &PlanDocument, fresh: &PlanDocument) -> Vec<Stale> {
    let mut stale = Vec::new();
    let mut whole = |what: &str| stale.push(Stale { address: None, what: what.to_owned() });
    if saved.command != fresh.command {
        whole("the plan was made for another command");
    }
    if saved.stack != fresh.stack {
        whole("the plan was made for another stack or environment");
    }
    if saved.account != fresh.account || saved.region != fresh.region {
        whole("the plan was made for another account or region");
    }
    if saved.manifest_digest != fresh.manifest_digest {
        whole("the manifest, or a file that it includes, has changed");
    }
    if saved.variables_digest != fresh.variables_digest {
        whole("a variable has another value");
    }
    if !stale.is_empty() {
        return stale;
    }
    for step in &saved.steps {
        let address = Some(step.address.clone());
        match fresh.steps.iter().find(|other| other.address == step.address) {
            None => {
                stale.push(Stale { address, what: "nothing is left to do: the live resource has changed".to_owned() });
            }
            Some(other) if other.does_the_same(step) => {}
            Some(other) => {
                let what = if other.pre_image != step.pre_image {
                    "the live resource has changed"
                } else if other.secrets != step.secrets {
                    "the verdict on a secret has changed"
                } else {
                    "what has to be done has changed"
                };
                stale.push(Stale { address, what: what.to_owned() });
            }
        }
    }
    for other in fresh.steps.iter().filter(|other| !saved.steps.iter().any(|step| step.address == other.address)) {
        stale.push(Stale { address: Some(other.address.clone()), what: "it has to change now".to_owned() });
    }
    if stale.is_empty() && saved.edges != fresh.edges {
        stale.push(Stale { address: None, what: "the order of the operations has changed".to_owned() });
    }
    stale
}

/// The SHA-256 of JSON with sorted members and no spaces, so that equal documents have equal digests.
pub(crate) fn canonical_digest(json: &Json) -> String {
    let mut digest = Canonical::default();
    digest.json(json);
    digest.end()
}

/// A digest of such a text, fed a piece at a time: the text itself is never there.
#[derive(Default)]
struct Canonical(sha2::Sha256);

impl Canonical {
    fn text(&mut self, text: &str) {
        self.0.update(text.as_bytes());
    }

    fn scalar(&mut self, json: &Json) {
        // What is written to memory, from what is in memory, cannot fail.
        let _ = serde_json::to_writer(&mut *self, json);
    }

    fn json(&mut self, json: &Json) {
        match json {
            Json::Object(map) => {
                let mut members: Vec<_> = map.iter().collect();
                members.sort_by(|a, b| a.0.cmp(b.0));
                self.text("{");
                for (number, (name, value)) in members.into_iter().enumerate() {
                    if number > 0 {
                        self.text(",");
                    }
                    let _ = serde_json::to_writer(&mut *self, name);
                    self.text(":");
                    self.json(value);
                }
                self.text("}");
            }
            Json::Array(items) => {
                self.text("[");
                for (number, item) in items.iter().enumerate() {
                    if number > 0 {
                        self.text(",");
                    }
                    self.json(item);
                }
                self.text("]");
            }
            scalar => self.scalar(scalar),
        }
    }

    fn end(self) -> String {
        hex(&self.0.finalize())
    }
}

impl std::io::Write for Canonical {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Bytes in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
