//! Room for what is to be created: EventBridge's quotas, and how many there are.

use std::collections::BTreeMap;

use trueup_aws::Session;
use trueup_engine::cloud::{Cloud as _, Place};
use trueup_engine::kind::Kind;
use trueup_engine::plan::Action;

use super::Check;
use crate::commands::plan::Planned;

/// The types that a quota of EventBridge is for, and the quota's name in small letters.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html>
const QUOTAS: [(&str, &str); 2] =
    [("AWS::Events::Connection", "connections"), ("AWS::Events::ApiDestination", "api destinations")];

pub(super) async fn checks(session: &Session, planned: &Planned) -> Vec<Check> {
    let mut wanted: BTreeMap<(&Place, &str), (&'static dyn Kind, usize)> = BTreeMap::new();
    for step in planned.plan.steps.iter().filter(|step| matches!(step.action, Action::Create | Action::Replace)) {
        let (kind, place) = (step.desired.kind, &step.desired.place);
        if let Some((_, quota)) = QUOTAS.iter().find(|(name, _)| *name == kind.name()) {
            wanted.entry((place, *quota)).or_insert((kind, 0)).1 += 1;
        }
    }
    let mut quotas = BTreeMap::new();
    for (place, _) in wanted.keys() {
        if !quotas.contains_key(place) {
            quotas.insert(*place, session.event_quotas(place).await);
        }
    }
    let mut checks = Vec::new();
    for ((place, quota), (kind, more)) in wanted {
        let most = match &quotas[place] {
            Ok(quotas) => quotas.get(quota).copied(),
            Err(fault) => {
                checks.push(Check::unread("quota", fault));
                continue;
            }
        };
        checks.push(match (most, session.list(kind, place).await) {
            (Some(most), Ok(there)) => room(quota, most, there.len(), more),
            (None, _) => Check::not_checked("quota", format!("Service Quotas names no quota of {quota}")),
            (_, Err(fault)) => Check::unread("quota", &fault),
        });
    }
    checks
}

fn room(quota: &str, most: u64, there: usize, more: usize) -> Check {
    let needed = there.saturating_add(more);
    let detail = format!("{there} of {most} {quota} are there, and {more} more to create");
    if u64::try_from(needed).is_ok_and(|needed| needed <= most) {
        Check::ok("quota", detail)
    } else {
        Check::failed("quota", detail).help("raise the quota in Service Quotas, or delete what is no longer used")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preflight::Verdict;

    #[test]
    fn the_last_one_fits_and_the_next_does_not() {
        assert_eq!(room("connections", 3000, 2998, 2).verdict, Verdict::Ok);
        let full = room("connections", 3000, 2999, 2);
        assert_eq!(full.verdict, Verdict::Failed);
        assert_eq!(full.detail, "2999 of 3000 connections are there, and 2 more to create");
    }
}
