//! Rotated and not propagated: a source that changed after the resource last took its credentials.
//!
//! The comparison of the values is the verdict; this is what is known where they could not be compared, and why they
//! differ where they do. Values that were compared and are the same are no news.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::cloud::Present;
use crate::credential::{SecretSource, SecretStore};
use crate::memory::VERIFIED;
use crate::plan::{Rotated, SecretStatus, SecretVerdict};

/// Notes on every verdict whether its source has changed since.
pub(super) fn note(verdicts: &mut [SecretVerdict], present: &Present, store: &dyn SecretStore) {
    let Some(taken) = present.credentials_taken() else { return };
    for verdict in verdicts {
        // What was verified before is the same, or it is read again.
        let compared = verdict.reason.as_deref() != Some(VERIFIED);
        if compared && matches!(verdict.status, SecretStatus::Differs | SecretStatus::NotVerifiable) {
            verdict.rotated = of_source(&verdict.source, taken, store);
        }
    }
}

/// The youngest version among the sources of a value, where it is younger than what was taken.
fn of_source(label: &str, taken: OffsetDateTime, store: &dyn SecretStore) -> Option<Rotated> {
    let versions = SecretSource::of_label(label).filter_map(|source| Some((store.version(&source)?, source)));
    let (version, source) = versions.max_by_key(|(version, _)| version.created)?;
    // The services' answers have whole seconds in places.
    let after = version.created.unix_timestamp() > taken.unix_timestamp();
    Some(Rotated {
        source: source.to_string(),
        version: version.id,
        changed: written(version.created)?,
        taken: written(taken)?,
    })
    .filter(|_| after)
}

fn written(at: OffsetDateTime) -> Option<String> {
    at.replace_nanosecond(0).ok()?.format(&Rfc3339).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::{CREDENTIALS_TAKEN, Readiness, Seen};
    use crate::credential::Version;
    use crate::secret::Secret;
    use crate::value::{Map, Value};

    struct Store;

    impl SecretStore for Store {
        fn read(&self, _: &SecretSource) -> Option<Secret> {
            None
        }

        fn version(&self, source: &SecretSource) -> Option<Version> {
            Version::made("v2", 2_000.0).filter(|_| source.scheme.is_remote())
        }
    }

    fn noted(status: SecretStatus, source: &str, taken: Option<u32>) -> Option<Rotated> {
        let mut attributes = Map::new();
        if let Some(taken) = taken {
            attributes.insert(CREDENTIALS_TAKEN.to_owned(), Value::Number(taken.into()));
        }
        let present = Present {
            identity: "orders".to_owned(),
            properties: Map::new(),
            attributes,
            secret_version: None,
            readiness: Readiness::Ready(None),
            seen: Seen::default(),
        };
        let mut verdicts = [SecretVerdict {
            pointer: "/Password".to_owned(),
            status,
            reason: None,
            lack: None,
            source: source.to_owned(),
            fingerprint: None,
            rotated: None,
        }];
        note(&mut verdicts, &present, &Store);
        let [verdict] = verdicts;
        verdict.rotated
    }

    #[test]
    fn a_source_that_changed_later_is_named_with_both_times() {
        let rotated = noted(SecretStatus::NotVerifiable, "env:A + aws-sm:orders#password", Some(1_000)).unwrap();
        assert_eq!(
            rotated.in_words(),
            "the secret it was taken from (aws-sm:orders#password) changed on 1970-01-01T00:33:20Z, after the connection \
             last took it on 1970-01-01T00:16:40Z"
        );
        assert_eq!(rotated.version, "v2");
        assert!(noted(SecretStatus::Differs, "aws-ssm:/orders", Some(1_000)).is_some());
    }

    #[test]
    fn what_is_the_same_or_older_or_not_known_is_no_news() {
        assert_eq!(noted(SecretStatus::Same, "aws-sm:orders", Some(1_000)), None);
        assert_eq!(noted(SecretStatus::New, "aws-sm:orders", Some(1_000)), None);
        assert_eq!(noted(SecretStatus::Differs, "aws-sm:orders", Some(2_000)), None);
        assert_eq!(noted(SecretStatus::Differs, "aws-sm:orders", None), None);
        assert_eq!(noted(SecretStatus::Differs, "env:A", Some(1_000)), None);
    }
}
