//! Names: free, held by somebody else, or still held by something that is to be deleted. All of it is in the plan.

use trueup_engine::cloud::{Live, Readiness};
use trueup_engine::plan::{Action, Step};

use super::{Check, error_kind};
use crate::commands::plan::Planned;

pub(super) fn checks(planned: &Planned) -> Vec<Check> {
    planned.plan.steps.iter().filter_map(check).collect()
}

fn check(step: &Step) -> Option<Check> {
    let what = step.identity.as_deref().unwrap_or_else(|| step.desired.kind.name());
    let found = match (step.action, &step.live) {
        (_, Live::Unreadable(fault)) => {
            let detail = format!("nobody can say whether {what} exists: {} {}", fault.operation, error_kind(fault));
            Check::not_checked("name", detail)
        }
        (Action::Blocked, _) => Check::failed("owner", step.reason.clone())
            .help("`trueup plan` shows the step; `--take-over` takes over what another stack owns"),
        (Action::Create | Action::Replace, Live::Present(present)) => match &present.readiness {
            Readiness::Scheduled { until, .. } => {
                let until = until.as_ref().map_or_else(String::new, |until| format!(" until {until}"));
                Check::ok("name", format!("{what} is to be deleted{until}, and is taken back"))
            }
            Readiness::Deleting(_) => {
                Check::failed("name", format!("{what} is being deleted, and has its name until then"))
                    .help("wait for the deletion to end, and run it again")
            }
            _ => return None,
        },
        (Action::Create, Live::Absent) if step.identity.is_some() => Check::ok("name", format!("{what} is free")),
        _ => return None,
    };
    Some(found.of(step.address()))
}
