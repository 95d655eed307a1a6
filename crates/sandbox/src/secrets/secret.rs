//! A secret, its versions and their stages.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::{Millis, seconds};
use crate::store::Mortal;

/// How many random characters end a secret's ARN.
pub(super) const RANDOM: usize = 6;

/// A secret value. Deliberately without `Debug`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Payload {
    Text(String),
    /// In base64, as it travels.
    Binary(String),
}

/// A version of a secret.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Version {
    pub(super) id: String,
    pub(super) payload: Payload,
    pub(super) stages: Vec<String>,
    pub(super) created: Millis,
}

/// A secret.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Secret {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(super) description: Option<String>,
    /// Absent for the key that Secrets Manager itself manages.
    pub(crate) kms_key: Option<String>,
    pub(crate) tags: BTreeMap<String, String>,
    /// The service that manages it.
    pub(crate) owner: Option<String>,
    pub(super) versions: Vec<Version>,
    pub(super) created: Millis,
    pub(super) changed: Millis,
    /// When its deletion was asked for.
    pub(super) deleted: Option<Millis>,
    pub(crate) gone_at: Option<Millis>,
}

impl Mortal for Secret {
    fn gone_at(&self) -> Option<Millis> {
        self.gone_at
    }
}

impl Secret {
    /// Makes a secret without a value; its ARN is the prefix, the name and six random characters.
    pub(crate) fn new(name: &str, arn_prefix: String, now: Millis) -> Self {
        Self {
            name: name.to_owned(),
            arn: format!("{arn_prefix}:{name}-{}", random_end()),
            description: None,
            kms_key: None,
            tags: BTreeMap::new(),
            owner: None,
            versions: Vec::new(),
            created: now,
            changed: now,
            deleted: None,
            gone_at: None,
        }
    }

    /// Notes a change; every change has a later time than the one before.
    pub(crate) fn touch(&mut self, now: Millis) {
        self.changed = now.max(self.changed + 1);
    }

    /// Adds a version and moves the stages to it; the last current one becomes the previous one.
    pub(crate) fn add_version(&mut self, now: Millis, id: String, payload: Payload, stages: &[&str]) {
        let version = Version { id, payload, stages: Vec::new(), created: now };
        self.versions.push(version);
        let index = self.versions.len() - 1;
        for stage in stages {
            self.move_stage(stage, index);
        }
        // A version without a stage is as good as gone.
        self.versions.retain(|version| !version.stages.is_empty());
    }

    fn move_stage(&mut self, stage: &str, to: usize) {
        if stage == "AWSCURRENT"
            && let Some(from) = self.versions.iter().position(|it| it.stages.iter().any(|s| s == stage))
            && from != to
        {
            self.move_stage("AWSPREVIOUS", from);
        }
        for version in &mut self.versions {
            version.stages.retain(|it| it != stage);
        }
        if let Some(version) = self.versions.get_mut(to) {
            version.stages.push(stage.to_owned());
        }
    }

    /// Finds a version by id, stage or both; without either, the current one.
    pub(super) fn version(&self, id: Option<&str>, stage: Option<&str>) -> Option<&Version> {
        let stage = stage.or(if id.is_none() { Some("AWSCURRENT") } else { None });
        self.versions.iter().find(|version| {
            id.is_none_or(|id| version.id == id)
                && stage.is_none_or(|stage| version.stages.iter().any(|it| it == stage))
        })
    }

    /// Tells whether it has a current value that can be read.
    pub(crate) fn has_value(&self) -> bool {
        self.deleted.is_none() && self.version(None, None).is_some()
    }

    /// Returns what `DescribeSecret` answers.
    pub(crate) fn describe(&self) -> Value {
        self.show("VersionIdsToStages")
    }

    /// Returns the secret's entry in a list, which spells one member differently [M].
    pub(super) fn listed(&self) -> Value {
        self.show("SecretVersionsToStages")
    }

    fn show(&self, versions_member: &str) -> Value {
        let mut out = json!({
            "ARN": self.arn,
            "Name": self.name,
            "CreatedDate": seconds(self.created),
            "LastChangedDate": seconds(self.changed),
        });
        let tags = self.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value}));
        let versions = self.versions.iter().map(|it| (it.id.clone(), Value::from(it.stages.clone())));
        let members = [
            ("Description", self.description.as_deref().map(Value::from)),
            ("KmsKeyId", self.kms_key.as_deref().map(Value::from)),
            ("OwningService", self.owner.as_deref().map(Value::from)),
            ("DeletedDate", self.deleted.map(seconds)),
            ("Tags", (!self.tags.is_empty()).then(|| tags.collect())),
            (versions_member, (!self.versions.is_empty()).then(|| versions.collect())),
        ];
        for (member, value) in members {
            if let Some(value) = value {
                out[member] = value;
            }
        }
        out
    }

    /// Returns what `GetSecretValue` answers for a version.
    pub(super) fn value(&self, version: &Version) -> Value {
        let mut out = json!({
            "ARN": self.arn,
            "Name": self.name,
            "VersionId": version.id,
            "VersionStages": version.stages,
            "CreatedDate": seconds(version.created),
        });
        match &version.payload {
            Payload::Text(text) => out["SecretString"] = text.as_str().into(),
            Payload::Binary(text) => out["SecretBinary"] = text.as_str().into(),
        }
        out
    }
}

fn random_end() -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let bytes = Uuid::new_v4().into_bytes();
    let letters = bytes.iter().take(RANDOM).map(|byte| LETTERS[usize::from(*byte) % LETTERS.len()]);
    letters.map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_version_becomes_the_previous_one() {
        let mut secret = Secret::new("a", "arn:aws:secretsmanager:r:a:secret".to_owned(), 1);
        for id in ["1", "2", "3"] {
            secret.add_version(1, id.to_owned(), Payload::Text(id.to_owned()), &["AWSCURRENT"]);
        }
        let id = |stage| secret.version(None, Some(stage)).map(|it| it.id.as_str());
        assert_eq!(id("AWSCURRENT"), Some("3"));
        assert_eq!(id("AWSPREVIOUS"), Some("2"));
        assert_eq!(secret.versions.len(), 2);
        assert_eq!(secret.arn.rsplit_once('-').unwrap().1.len(), RANDOM);
    }
}
