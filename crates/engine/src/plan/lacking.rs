//! Why a secret that has to be had is not there: its source is missing, or it could not be read.
//!
//! Unreadable is not absent: the one is for whoever wrote the manifest, the other one for whoever runs it, and tomorrow it
//! may be otherwise.

use crate::credential::{Lack, SecretSource, SecretStore};
use crate::plan::{SOURCE_MISSING, SecretVerdict};

/// Notes on every verdict without a desired value why there is none.
pub(super) fn note(verdicts: &mut [SecretVerdict], store: &dyn SecretStore) {
    for verdict in verdicts.iter_mut().filter(|verdict| verdict.reason.as_deref() == Some(SOURCE_MISSING)) {
        let why = SecretSource::of_label(&verdict.source).find_map(|source| store.lack(&source));
        verdict.lack = Some(why.as_ref().map_or(Lack::Missing, |(lack, _)| *lack));
        if let Some((_, words)) = why {
            verdict.reason = Some(format!("source not read ({words})"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::SecretStatus;
    use crate::secret::Secret;

    struct Store;

    impl SecretStore for Store {
        fn read(&self, _: &SecretSource) -> Option<Secret> {
            None
        }

        fn lack(&self, source: &SecretSource) -> Option<(Lack, String)> {
            (source.rest == "denied").then(|| (Lack::Unread, "ssm:GetParameters denied".to_owned()))
        }
    }

    fn noted(source: &str, reason: &str) -> (Option<String>, Option<Lack>) {
        let mut verdicts = [SecretVerdict {
            pointer: "/Password".to_owned(),
            status: SecretStatus::NotVerifiable,
            reason: Some(reason.to_owned()),
            lack: None,
            source: source.to_owned(),
            fingerprint: None,
            rotated: None,
        }];
        note(&mut verdicts, &Store);
        let [verdict] = verdicts;
        (verdict.reason, verdict.lack)
    }

    #[test]
    fn what_could_not_be_read_is_not_missing() {
        let denied = Some("source not read (ssm:GetParameters denied)".to_owned());
        assert_eq!(noted("env:A + aws-ssm:denied", SOURCE_MISSING), (denied, Some(Lack::Unread)));
        assert_eq!(noted("aws-ssm:none", SOURCE_MISSING), (Some(SOURCE_MISSING.to_owned()), Some(Lack::Missing)));
        assert_eq!(noted("aws-ssm:denied", "switched off"), (Some("switched off".to_owned()), None));
    }
}
