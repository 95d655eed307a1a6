//! What the caller may do, as IAM simulates it: everything that `trueup iam --for apply` lists.

use std::collections::{BTreeMap, BTreeSet};

use trueup_aws::{Caller, Decision, Session};
use trueup_engine::cloud::{Cloud as _, Place};
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::policy::{Purpose, Statement};

use super::Check;
use crate::commands::plan::home;
use crate::commands::{Context, Ready, iam};
use crate::error::CommandError;

/// What no policy can allow or forbid.
const ALWAYS: &str = "sts:GetCallerIdentity";
/// What to do where nobody looked.
const COMPARE: &str = "compare the caller's policy with `trueup iam --for apply`";

pub(super) async fn checks(
    context: &Context<'_>,
    ready: &Ready,
    session: &Session,
) -> Result<Vec<Check>, CommandError> {
    let place = home(context, ready);
    let here = match session.whereabouts(&place).await {
        Ok(here) => here,
        Err(fault) => return Ok(vec![Check::unread("rights", &fault)]),
    };
    let policy = iam::of(context, ready, Purpose::Apply, Some(&here))?;
    let others = policy.roles.iter().map(|role| {
        Check::not_checked("rights", format!("what {role} may do was not looked at"))
            .help(format!("run it with `--role-arn {role}`, too"))
    });
    let mut checks = match session.caller(&place).await {
        Ok(Some(Caller::Principal(principal))) => simulated(session, &place, &principal, &policy.statements).await,
        Ok(Some(Caller::Other(arn))) => {
            vec![Check::not_checked("rights", format!("IAM does not simulate {arn}")).help(COMPARE)]
        }
        Ok(None) => vec![Check::not_checked("rights", "STS does not say who calls").help(COMPARE)],
        Err(fault) => vec![Check::unread("rights", &fault)],
    };
    checks.extend(others);
    Ok(checks)
}

async fn simulated(session: &Session, place: &Place, principal: &str, statements: &[Statement]) -> Vec<Check> {
    match session.simulate(place, principal, statements).await {
        Ok(decisions) => verdicts(&decisions),
        Err(fault) => vec![not_simulated(principal, &fault)],
    }
}

fn not_simulated(principal: &str, fault: &Fault) -> Check {
    match fault.kind {
        FaultKind::Denied => Check::not_checked("rights", "iam:SimulatePrincipalPolicy denied")
            .help(format!("allow iam:SimulatePrincipalPolicy on {principal}, or {COMPARE}")),
        // A session does not say the path of its role.
        FaultKind::NotFound => Check::not_checked("rights", format!("IAM knows no {principal}")).help(COMPARE),
        _ => Check::unread("rights", fault),
    }
}

/// A resource without the end that its service gives it.
fn bare(resource: &str) -> &str {
    resource.trim_end_matches("-??????").trim_end_matches("/*")
}

/// One check for each action that is denied, or one for all.
fn verdicts(decisions: &[Decision]) -> Vec<Check> {
    // Some things go by two names, with and without the end that the service gives them; one of them is enough.
    let allowed: BTreeSet<(&str, &str)> = decisions
        .iter()
        .filter(|decision| decision.allowed)
        .map(|decision| (decision.action.as_str(), bare(&decision.resource)))
        .collect();
    let mut denied: BTreeMap<(&str, bool), BTreeSet<&str>> = BTreeMap::new();
    for decision in decisions.iter().filter(|decision| !decision.allowed && decision.action != ALWAYS) {
        let resource = bare(&decision.resource);
        if !allowed.contains(&(decision.action.as_str(), resource)) {
            denied.entry((&decision.action, decision.explicitly)).or_default().insert(resource);
        }
    }
    if denied.is_empty() {
        let actions: BTreeSet<&str> = decisions.iter().map(|decision| decision.action.as_str()).collect();
        return vec![Check::ok("rights", format!("all {} actions are allowed, as IAM simulates it", actions.len()))];
    }
    let check = |((action, explicitly), resources): (&(&str, bool), &BTreeSet<&str>)| {
        let on: Vec<&str> = resources.iter().copied().collect();
        let how = if *explicitly { "explicitly denied" } else { "not allowed" };
        Check::failed("rights", format!("{action} is {how} on {}", on.join(" and ")))
            .help("`trueup iam --for apply` prints a policy that allows it")
    };
    denied.iter().map(check).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preflight::Verdict;

    fn decision(action: &str, resource: &str, allowed: bool) -> Decision {
        Decision { action: action.to_owned(), resource: resource.to_owned(), allowed, explicitly: false }
    }

    #[test]
    fn one_name_of_a_secret_is_enough_and_what_is_denied_is_named_once() {
        let checks = verdicts(&[
            decision("secretsmanager:CreateSecret", "arn:x:secret:a", false),
            decision("secretsmanager:CreateSecret", "arn:x:secret:a-??????", true),
            decision("kms:CreateKey", "*", false),
            decision("sts:GetCallerIdentity", "*", false),
        ]);
        assert_eq!(checks.len(), 1);
        assert_eq!(
            (checks[0].verdict, checks[0].detail.as_str()),
            (Verdict::Failed, "kms:CreateKey is not allowed on *")
        );
        assert_eq!(verdicts(&[decision("kms:CreateKey", "*", true)])[0].verdict, Verdict::Ok);
    }
}
