//! Sources of secrets that a step has to send: without one an apply ends before its first write.

use std::collections::BTreeSet;

use trueup_aws::Lacking;
use trueup_engine::credential::{SecretSource, SecretStore as _};

use super::Check;
use crate::commands::plan::Planned;
use crate::secrets::Secrets;

pub(super) fn checks(planned: &Planned, secrets: &Secrets) -> Vec<Check> {
    let missing = planned.plan.missing_secrets();
    let each = missing.into_iter().flat_map(|(address, verdicts)| {
        let sources: BTreeSet<SecretSource> =
            verdicts.into_iter().flat_map(|verdict| SecretSource::of_label(&verdict.source)).collect();
        let lacking = sources.into_iter().filter(|source| secrets.read(source).is_none());
        lacking.map(|source| check(&source, secrets.lacking(&source).as_ref()).of(address)).collect::<Vec<_>>()
    });
    each.collect()
}

fn check(source: &SecretSource, why: Option<&Lacking>) -> Check {
    let name = |words: &str| format!("the secret `{source}` {words}");
    match why {
        Some(why @ (Lacking::Denied(_) | Lacking::Failed(_) | Lacking::SwitchedOff)) => {
            Check::not_checked("sources", name(&why.to_string())).help("it has to be sent: let the caller read it")
        }
        Some(why) => Check::failed("sources", name(&why.to_string())).help("it has to be sent: create it, as text"),
        None => Check::failed("sources", name("is missing, or is no text"))
            .help("it has to be sent: set the variable, or create the file, that it names"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preflight::Verdict;

    #[test]
    fn what_is_not_there_fails_and_what_may_not_be_read_is_not_known() {
        let source = SecretSource::parse("aws-sm:orders#password").unwrap();
        let verdict = |why: Option<&Lacking>| check(&source, why).verdict;
        for why in [Lacking::NotFound, Lacking::NoMember, Lacking::NoDocument, Lacking::Binary, Lacking::Nothing] {
            assert_eq!(verdict(Some(&why)), Verdict::Failed, "{why}");
        }
        for why in [Lacking::Denied("a".to_owned()), Lacking::Failed("b".to_owned()), Lacking::SwitchedOff] {
            assert_eq!(verdict(Some(&why)), Verdict::NotChecked, "{why}");
        }
        assert_eq!(verdict(None), Verdict::Failed);
    }
}
