//! What a plan says of the secrets of a resource: same, different, new, or why that is not known.

use super::Decision;
use crate::delta::Delta;
use crate::plan::{SOURCE_MISSING, SecretStatus, SecretVerdict, lacking};
use crate::value::{Map, Value};

impl Decision<'_> {
    pub(super) fn verdicts(&self, delta: &Delta) -> Vec<SecretVerdict> {
        let verdicts = delta
            .secrets
            .iter()
            .map(|verdict| {
                let status = match (verdict.new, verdict.same) {
                    (true, _) => SecretStatus::New,
                    (false, Some(true)) => SecretStatus::Same,
                    (false, Some(false)) => SecretStatus::Differs,
                    (false, None) => SecretStatus::NotVerifiable,
                };
                SecretVerdict {
                    pointer: verdict.pointer.clone(),
                    status,
                    reason: verdict.reason.clone(),
                    source: verdict.desired.source().to_owned(),
                    lack: None,
                    fingerprint: self.fingerprint(&verdict.desired),
                    rotated: None,
                }
            })
            .collect();
        self.told(verdicts)
    }

    pub(super) fn verdicts_of_new(&self, properties: &Map) -> Vec<SecretVerdict> {
        self.verdicts_of(properties, SecretStatus::New, None)
    }

    /// The same verdict on each secret, for this reason where its source is not missing.
    pub(super) fn verdicts_of(
        &self,
        properties: &Map,
        status: SecretStatus,
        reason: Option<&str>,
    ) -> Vec<SecretVerdict> {
        let mut verdicts = Vec::new();
        let mut pointer = String::new();
        for (name, value) in properties {
            pointer.clear();
            crate::value::push_token(&mut pointer, name);
            value.walk_from(&mut pointer, &mut |pointer, leaf| {
                if let Value::Secret(secret) = leaf {
                    verdicts.push(SecretVerdict {
                        pointer: pointer.to_owned(),
                        status,
                        reason: if secret.is_resolved() { reason } else { Some(SOURCE_MISSING) }.map(str::to_owned),
                        source: secret.source().to_owned(),
                        lack: None,
                        fingerprint: self.fingerprint(secret),
                        rotated: None,
                    });
                }
            });
        }
        self.told(verdicts)
    }

    /// In the order of their pointers, however they were found; and why a source is missing.
    fn told(&self, mut verdicts: Vec<SecretVerdict>) -> Vec<SecretVerdict> {
        verdicts.sort_by(|one, other| tokens(&one.pointer).cmp(tokens(&other.pointer)));
        lacking::note(&mut verdicts, self.store);
        verdicts
    }

    fn fingerprint(&self, secret: &crate::secret::Secret) -> Option<String> {
        secret.fingerprint(self.options.fingerprint_key.as_ref()?)
    }
}

/// What a pointer goes through, the tenth item after the second.
fn tokens(pointer: &str) -> impl Iterator<Item = (Option<usize>, &str)> {
    pointer.split('/').map(|token| (token.parse().ok(), token))
}
