//! What differs from the manifest, as findings: the plan read as a verdict on each resource instead of as work to do.
//!
//! A drift job is believed only where it never cries wolf and never says "clean" after a failed read. So nothing is
//! compared a second time here: a finding is an edit of the plan's own delta, with all that a delta knows of defaults,
//! spellings and values that change by themselves. Health is a verdict of its own: a connection may be exactly as the
//! manifest says and not be authorized.

mod health;
mod severity;
mod undeclared;

use serde_json::Value as Json;

use crate::cloud::{Live, Present, Readiness};
use crate::delta::Edit;
use crate::observe::Observed;
use crate::plan::{Plan, SecretStatus, SecretVerdict, Step};

pub use health::Health;
pub use severity::{Level, RULES, Rule};
pub use undeclared::Undeclared;

/// The verdict on the configuration of one resource.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is as the manifest says.
    InSync,
    /// It exists and differs.
    Drifted,
    /// It does not exist, or is going.
    Missing,
    /// It could not be read, so nothing is known.
    Unread,
}

/// One difference.
#[derive(Debug)]
pub struct Difference<'a> {
    /// What differs; `before` is the live side, `after` the manifest's.
    pub edit: &'a Edit,
    /// How bad it is.
    pub level: Level,
}

/// One resource.
#[derive(Debug)]
pub struct Resource<'a> {
    /// The step that the plan has for it.
    pub step: &'a Step,
    /// The verdict.
    pub status: Status,
    /// Why, where the differences do not say it.
    pub reason: String,
    /// What differs.
    pub differences: Vec<Difference<'a>>,
    /// The worst of it; `None` where nothing differs.
    pub level: Option<Level>,
    /// Whether it can be used; `None` where the service has no such state.
    pub health: Option<Health>,
}

/// How many of what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Summary {
    /// Resources that are as the manifest says.
    pub in_sync: usize,
    /// Resources that differ.
    pub drifted: usize,
    /// Resources that do not exist.
    pub missing: usize,
    /// Resources that exist and cannot be used.
    pub unhealthy: usize,
    /// Secrets that could not be compared.
    pub not_verifiable: usize,
    /// Resources that could not be read.
    pub unread: usize,
}

/// All findings.
#[derive(Debug)]
pub struct Drift<'a> {
    /// The plan that they were read from.
    pub plan: &'a Plan,
    /// One for each resource, in the order of the manifest.
    pub resources: Vec<Resource<'a>>,
    /// Places in which owner tags could not be searched: what had another name, or is half replaced, is unseen there.
    pub unsearched: usize,
}

impl<'a> Drift<'a> {
    /// Reads a plan as findings.
    pub fn new(plan: &'a Plan, observed: &Observed) -> Self {
        // A query makes nothing that could drift; that it could not be asked is news all the same.
        let of_manifest = plan
            .steps
            .iter()
            .filter(|step| !step.desired.orphan && (!step.desired.kind.is_lookup() || step.unread().is_some()));
        let unsearched = if plan.pruned { 0 } else { observed.unsearched.len() };
        Self { plan, resources: of_manifest.map(resource).collect(), unsearched }
    }

    /// Counts them.
    pub fn summary(&self) -> Summary {
        let count = |status: Status| self.resources.iter().filter(|resource| resource.status == status).count();
        Summary {
            in_sync: count(Status::InSync),
            drifted: count(Status::Drifted),
            missing: count(Status::Missing),
            unhealthy: self.resources.iter().filter(|resource| resource.is_unhealthy()).count(),
            not_verifiable: self.resources.iter().map(Resource::not_verifiable).sum(),
            unread: count(Status::Unread) + self.plan.unread_beside + self.unsearched,
        }
    }

    /// Whether something differs that is at least this bad.
    pub fn reaches(&self, level: Level) -> bool {
        self.resources.iter().any(|resource| resource.level >= Some(level))
    }

    /// Whether something has not settled, or cannot be used: what waiting may change. What is going will not come back.
    pub fn is_waited_for(&self) -> bool {
        let there = self.resources.iter().filter(|resource| resource.status != Status::Missing);
        there.filter_map(|resource| resource.health.as_ref()).any(|health| !health.usable)
    }
}

impl Resource<'_> {
    /// Whether it exists and cannot be used; one that is still settling may yet.
    pub fn is_unhealthy(&self) -> bool {
        self.health.as_ref().is_some_and(|health| !health.usable && !health.settling)
    }

    /// What is known of the secrets; of what is missing there is nothing to know.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretVerdict> {
        self.step.secrets.iter().filter(|_| self.status != Status::Missing)
    }

    /// Live properties that the manifest does not name; looked for each time.
    pub fn undeclared(&self) -> Vec<Undeclared> {
        undeclared::of(self.step)
    }

    /// How many of its secrets could not be compared.
    pub fn not_verifiable(&self) -> usize {
        self.secrets().filter(|verdict| verdict.status == SecretStatus::NotVerifiable).count()
    }
}

/// The resource itself or, where another one is to be made in its place, the one that is there.
fn there(step: &Step) -> Option<&Present> {
    step.live.present().or_else(|| step.former.first())
}

fn resource(step: &Step) -> Resource<'_> {
    let rules = &step.desired.instance.severity;
    let kind = step.desired.kind;
    let differences: Vec<Difference<'_>> = step
        .edits
        .iter()
        .filter(|edit| !edit.is_ignored())
        .map(|edit| Difference { edit, level: severity::of(kind, rules, edit) })
        .collect();
    let going = |present: &Present| matches!(present.readiness, Readiness::Deleting(_) | Readiness::Scheduled { .. });
    let status = match (&step.live, there(step)) {
        (Live::Unreadable(_), _) => Status::Unread,
        (Live::Absent, Some(_)) if differences.is_empty() => Status::Missing,
        (_, None) => Status::Missing,
        (_, Some(present)) if going(present) => Status::Missing,
        _ if !differences.is_empty() || !step.former.is_empty() => Status::Drifted,
        _ => Status::InSync,
    };
    let (differences, reason) = match status {
        Status::Unread | Status::InSync => (Vec::new(), String::new()),
        // What would be made anew is no difference of what is there, and of what is going its health says more.
        Status::Missing if step.live.present().is_some() => (Vec::new(), "it is going".to_owned()),
        Status::Missing => (Vec::new(), step.reason.clone()),
        Status::Drifted if differences.is_empty() || step.action == crate::plan::Action::Blocked => {
            (differences, step.reason.clone())
        }
        Status::Drifted => (differences, String::new()),
    };
    let level = match status {
        Status::Missing => Some(Level::High),
        Status::Drifted => Some(differences.iter().map(|it| it.level).max().unwrap_or(Level::Medium)),
        Status::InSync | Status::Unread => None,
    };
    Resource { step, status, reason, differences, level, health: there(step).and_then(health::of) }
}

/// A side of a difference for machines, with secrets masked; `null` where it has none.
pub fn side(value: Option<&crate::value::Value>) -> Json {
    value.map_or(Json::Null, crate::value::Value::to_masked_json)
}
