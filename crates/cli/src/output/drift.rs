//! What a look for drift found, for people and for machines.
//!
//! People see what needs them: what differs, is missing, could not be read, is not verifiable or cannot be used; what is
//! in sync is a number. Machines get every resource, because a list that leaves out what is fine cannot be told from one
//! that was cut.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;
use trueup_engine::blame::Finding;
use trueup_engine::drift::{Drift, Health, Level, Resource, Status, Summary, Undeclared, side};
use trueup_engine::plan::SecretStatus;
use trueup_engine::plan::document::{FORMAT_VERSION, FaultDocument, SecretDocument, StackName};
use trueup_engine::value::Value;

use crate::output::human::{
    Change, Detail, Row, View, fault_words, head, property, rows, secret, unhealthy_words, verdict_of,
};
use crate::output::text::{Line, Tone, clean, count};
use crate::output::{diff, value};

/// What of it is listed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Show {
    /// Only differences that are at least this bad.
    pub at_least: Option<Level>,
    /// What the manifest does not name too.
    pub undeclared: bool,
}

impl Show {
    /// Whether differences that are this bad are listed.
    pub fn lists(self, level: Level) -> bool {
        self.at_least.is_none_or(|least| level >= least)
    }

    /// The live properties of a resource that are listed beside.
    fn undeclared_of(self, resource: &Resource<'_>) -> Vec<Undeclared> {
        if self.undeclared { resource.undeclared() } else { Vec::new() }
    }
}

/// `drift --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DriftDocument {
    /// The version of this format.
    pub format_version: &'static str,
    /// `drift`.
    pub command: &'static str,
    /// Which stack.
    pub stack: StackName,
    /// The caller's account; `null` where it could not be read.
    pub account: Option<String>,
    /// The region; `null` where it could not be read.
    pub region: Option<String>,
    /// Only a part of the stack was looked at.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// How many of what.
    pub summary: Summary,
    /// One for each resource, in the order of the manifest.
    pub resources: Vec<FindingDocument>,
    /// What could not be read, in the service's words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FaultDocument>,
    /// Warnings and notes.
    pub diagnostics: Vec<Json>,
}

/// One resource.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FindingDocument {
    /// The resource's name in the stack.
    pub address: String,
    /// Its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Its name in the cloud; `null` where nobody knows it.
    pub identifier: Option<String>,
    /// The verdict.
    pub status: Status,
    /// The worst of its differences; `null` where there is none.
    pub severity: Option<Level>,
    /// Why, where the differences do not say it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What differs, as far as `--severity` lists it.
    pub edits: Vec<EditDocument>,
    /// What is known of its secrets.
    pub secrets: Vec<SecretDocument>,
    /// Whether it can be used; `null` where its service has no such state.
    pub health: Option<HealthDocument>,
    /// With `--undeclared`, live properties that the manifest does not name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub undeclared: Vec<UndeclaredDocument>,
    /// With `--blame`, who brought it about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blame: Vec<Finding>,
    /// More facts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One difference.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct EditDocument {
    /// Where: a JSON pointer into the live properties.
    pub path: String,
    /// The live value; `null` where there is none.
    pub live: Json,
    /// The manifest's value; `null` where it has none.
    pub desired: Json,
    /// How bad it is.
    pub severity: Level,
}

/// A live property that the manifest does not name.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct UndeclaredDocument {
    /// Where: a JSON pointer into the live properties.
    pub path: String,
    /// The live value.
    pub live: Json,
}

/// Whether a resource can be used.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct HealthDocument {
    /// The service's name of the state.
    pub state: String,
    /// The service's reason.
    pub reason: Option<String>,
    /// It can be used.
    pub usable: bool,
    /// It is still changing; then it is not unhealthy.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub settling: bool,
    /// When the service last authorized it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_authorized: Option<String>,
}

impl DriftDocument {
    /// The document of some findings, without faults and diagnostics.
    pub fn new(drift: &Drift<'_>, show: Show) -> Self {
        let plan = drift.plan;
        Self {
            format_version: FORMAT_VERSION,
            command: "drift",
            stack: StackName { name: plan.stack.clone(), env: plan.env.clone() },
            account: plan.whereabouts.as_ref().map(|here| here.account.clone()),
            region: plan.whereabouts.as_ref().map(|here| here.region.clone()),
            partial: plan.partial,
            summary: drift.summary(),
            resources: drift.resources.iter().map(|resource| FindingDocument::new(resource, show)).collect(),
            faults: Vec::new(),
            diagnostics: Vec::new(),
        }
    }
}

impl FindingDocument {
    fn new(resource: &Resource<'_>, show: Show) -> Self {
        let step = resource.step;
        let listed = resource.differences.iter().filter(|difference| show.lists(difference.level));
        Self {
            address: step.address().to_string(),
            type_name: step.desired.kind.name().to_owned(),
            identifier: step.identity.clone().or_else(|| step.former.first().map(|former| former.identity.clone())),
            status: resource.status,
            severity: resource.level,
            reason: resource.reason.clone(),
            edits: listed
                .map(|difference| EditDocument {
                    path: difference.edit.pointer.clone(),
                    live: side(difference.edit.before.as_ref()),
                    desired: side(difference.edit.after.as_ref()),
                    severity: difference.level,
                })
                .collect(),
            secrets: resource.secrets().map(SecretDocument::new).collect(),
            health: resource.health.as_ref().map(|health| HealthDocument {
                state: health.state.clone(),
                reason: health.reason.clone(),
                usable: health.usable,
                settling: health.settling,
                last_authorized: health.last_authorized.clone(),
            }),
            undeclared: show
                .undeclared_of(resource)
                .into_iter()
                .map(|found| UndeclaredDocument { live: found.live.to_masked_json(), path: found.pointer })
                .collect(),
            blame: Vec::new(),
            notes: step.notes.clone(),
        }
    }
}

/// The findings for people: head, rows, summary.
pub fn human(drift: &Drift<'_>, show: Show, view: View) -> String {
    let mut text = head(drift.plan, view);
    let shown: Vec<Row<'_>> = drift.resources.iter().filter_map(|resource| row(resource, show, view)).collect();
    text.push_str(&rows(&shown, view));
    text.push('\n');
    text.push_str(&summary(drift, view));
    text
}

/// The line that counts.
pub fn summary(drift: &Drift<'_>, view: View) -> String {
    let counts = drift.summary();
    let mut text = String::new();
    let clean = counts.drifted + counts.missing + counts.unread + counts.not_verifiable == 0;
    if clean {
        let _ =
            write!(text, "No drift: {} as the manifest says", count(counts.in_sync, "resource is", "resources are"));
    } else if counts.drifted + counts.missing == 0 {
        let _ = write!(text, "No drift seen: {} in sync", counts.in_sync);
    } else {
        let _ =
            write!(text, "Drift: {} drifted, {} missing, {} in sync", counts.drifted, counts.missing, counts.in_sync);
    }
    text.push('.');
    for (number, what) in [(counts.unhealthy, "cannot be used"), (counts.not_verifiable, "not verifiable")] {
        if number > 0 {
            let _ = write!(text, " {number} {what}.");
        }
    }
    if counts.unread > 0 {
        let unread = count(counts.unread, "resource could", "resources could");
        let _ = write!(text, " {unread} not be read: this is incomplete.");
    }
    Line::new(2).then(Tone::Plain, text).render(view.paint, view.width)
}

/// The row of a resource; `None` where there is nothing to say.
pub fn row<'a>(resource: &Resource<'a>, show: Show, view: View) -> Option<Row<'a>> {
    let step = resource.step;
    let reasoned = |what: &str| match resource.reason.as_str() {
        "" | "does not exist" => what.to_owned(),
        reason => format!("{what}: {}", clean(reason)),
    };
    let unhealthy = resource.health.as_ref().filter(|_| resource.is_unhealthy());
    let unverified = resource.not_verifiable() > 0;
    let undeclared = show.undeclared_of(resource);
    let mut listed = resource.differences.iter().filter(|difference| show.lists(difference.level)).peekable();
    let (symbol, tone, text) = match resource.status {
        Status::Unread => {
            let why = step.unread().map(fault_words).unwrap_or_default();
            ("?", Tone::Change, format!("could not be read: {why}"))
        }
        Status::Missing => ("-", Tone::Bad, reasoned("missing")),
        Status::Drifted if resource.level.is_some_and(|level| show.lists(level)) || listed.peek().is_some() => {
            let level = resource.level.map_or("", Level::as_str);
            ("~", Tone::Change, format!("{}  ({level})", reasoned("drifted")))
        }
        _ if unhealthy.is_some() => ("!", Tone::Bad, "cannot be used".to_owned()),
        _ if unverified => ("?", Tone::Change, "not verifiable".to_owned()),
        Status::Drifted if !view.verbose => return None,
        Status::Drifted => ("~", Tone::Faint, "drifted, less than `--severity` lists".to_owned()),
        Status::InSync if !undeclared.is_empty() || view.verbose || !step.notes.is_empty() => {
            (" ", Tone::Faint, "in sync".to_owned())
        }
        Status::InSync => return None,
    };
    let mut details: Vec<Detail> = Vec::new();
    let mut told: Vec<&str> = Vec::new();
    for difference in listed {
        let edit = difference.edit;
        let level = difference.level.as_str();
        let change = if let Some(verdict) = verdict_of(step, &edit.pointer, &edit.label) {
            told.push(&verdict.pointer);
            secret(verdict)
        } else {
            match (&edit.before, &edit.after) {
                (Some(live), Some(wanted)) if diff::is_long(live, wanted) => {
                    Change::Text { lines: diff::parts(wanted, live), remark: Some((Tone::Faint, level.to_owned())) }
                }
                (live, wanted) => {
                    let shown = |side: Option<&Value>| {
                        side.map_or_else(|| "(none)".to_owned(), |side| value::leaf(side, view.verbose))
                    };
                    let default = step.desired.kind.schema().at(&edit.pointer).and_then(|property| property.default);
                    let wanted = match (wanted, default) {
                        (None, Some(default)) => format!("{} (default)", shown(Some(&default.to_value()))),
                        (wanted, _) => shown(wanted.as_ref()),
                    };
                    Change::Instead { live: shown(live.as_ref()), wanted, level }
                }
            }
        };
        details.push(property(&edit.label, &edit.pointer, change));
    }
    for verdict in resource.secrets() {
        let quiet = verdict.status == SecretStatus::Same && !view.verbose;
        if !quiet && !told.contains(&verdict.pointer.as_str()) {
            let path = value::path_in(step.desired.kind.schema(), &step.resolved, &verdict.pointer);
            details.push(property(&path, &verdict.pointer, secret(verdict)));
        }
    }
    for found in &undeclared {
        let change = Change::New(format!("{}  not in the manifest", value::leaf(&found.live, view.verbose)));
        details.push(property(&value::path(&found.pointer), &found.pointer, change));
    }
    if let Some(health) = &resource.health {
        details.extend(health_words(health, view).map(|text| Detail::Remark { label: "health", text }));
    }
    let notes = step.notes.iter().map(|note| Detail::Remark { label: "note", text: clean(note).into_owned() });
    details.extend(notes);
    Some(Row {
        symbol,
        tone,
        address: clean(&step.address().to_string()).into_owned(),
        kind: step.desired.kind.name(),
        text,
        details,
    })
}

/// A sentence about what cannot be used, or is shown on request.
fn health_words(health: &Health, view: View) -> Option<String> {
    let since = health.last_authorized.as_ref().map(|when| format!("; last authorized {when}")).unwrap_or_default();
    let state = clean(&health.state);
    if health.settling {
        Some(format!("it is {state}, and may be usable soon{since}"))
    } else if !health.usable {
        Some(format!("{}{since}", unhealthy_words(&health.state, health.reason.as_deref())))
    } else {
        view.verbose.then(|| format!("it is {state}{since}"))
    }
}
