//! A secret, its versions and their stages.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::replicas::Replica;
use crate::clock::{Millis, seconds};
use crate::store::Mortal;

/// How many random characters end a secret's ARN.
pub(super) const RANDOM: usize = 6;
/// [D] how many versions are kept before old ones without a stage are removed,
const KEPT: usize = 100;
/// and how old those are at least.
const OLD: Millis = 24 * 60 * 60 * 1000;
/// [?] how many there are at most: more than a write every ten minutes makes in a day [D].
const MOST: usize = 150;

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
    /// The key of a version that a change of the secret's key left behind; empty for the service's own.
    #[serde(default)]
    pub(super) left_with: Option<String>,
}

impl Version {
    /// Tells whether it has a staging label; one without is deprecated [D].
    pub(super) fn is_staged(&self) -> bool {
        !self.stages.is_empty()
    }

    fn has(&self, stage: &str) -> bool {
        self.stages.iter().any(|it| it == stage)
    }
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
    /// It was given tags at some time.
    #[serde(default)]
    pub(super) was_tagged: bool,
    #[serde(default)]
    pub(super) policy: Option<String>,
    /// The regions that it is copied to.
    #[serde(default)]
    pub(super) replicas: Vec<Replica>,
    /// The region that it is a copy from.
    #[serde(default)]
    pub(super) primary: Option<String>,
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
            was_tagged: false,
            policy: None,
            replicas: Vec::new(),
            primary: None,
        }
    }

    /// Notes a change; every change has a later time than the one before.
    pub(crate) fn touch(&mut self, now: Millis) {
        self.changed = now.max(self.changed + 1);
    }

    /// Adds a version and moves the stages to it; the last current one becomes the previous one.
    pub(crate) fn add_version(&mut self, now: Millis, id: String, payload: Payload, stages: &[&str]) {
        let version = Version { id, payload, stages: Vec::new(), created: now, left_with: None };
        self.versions.push(version);
        let index = self.versions.len() - 1;
        for stage in stages {
            self.move_stage(stage, index);
        }
        // [D] what is outdated goes, but not what is younger than a day
        while self.versions.len() > KEPT
            && let Some(oldest) = self.versions.iter().position(|it| !it.is_staged() && it.created + OLD <= now)
        {
            self.versions.remove(oldest);
        }
    }

    /// Tells whether another version is one too many.
    pub(super) fn is_full(&self, now: Millis) -> bool {
        let removable = |version: &&Version| !version.is_staged() && version.created + OLD <= now;
        self.versions.len() >= MOST && !self.versions.iter().any(|it| removable(&it))
    }

    /// Returns the version that has a label.
    pub(super) fn holder(&self, stage: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.has(stage))
    }

    /// Takes a label away from whichever version has it.
    pub(super) fn remove_stage(&mut self, stage: &str) {
        for version in &mut self.versions {
            version.stages.retain(|it| it != stage);
        }
    }

    /// Moves a label to a version; with the current one's goes the previous one's [D].
    pub(super) fn move_stage(&mut self, stage: &str, to: usize) {
        if stage == "AWSCURRENT"
            && let Some(from) = self.versions.iter().position(|it| it.has(stage))
            && from != to
        {
            self.move_stage("AWSPREVIOUS", from);
        }
        self.remove_stage(stage);
        if let Some(version) = self.versions.get_mut(to) {
            version.stages.push(stage.to_owned());
        }
    }

    /// Finds a version by id, stage or both; without either, the current one.
    pub(super) fn version(&self, id: Option<&str>, stage: Option<&str>) -> Option<&Version> {
        let stage = stage.or(if id.is_none() { Some("AWSCURRENT") } else { None });
        self.versions
            .iter()
            .find(|version| id.is_none_or(|id| version.id == id) && stage.is_none_or(|stage| version.has(stage)))
    }

    /// Tells whether it has a current value that can be read.
    pub(crate) fn has_value(&self) -> bool {
        self.deleted.is_none() && self.version(None, None).is_some()
    }

    /// Returns what `DescribeSecret` answers.
    pub(crate) fn describe(&self, at: Millis) -> Value {
        let mut out = self.show("VersionIdsToStages");
        if !self.replicas.is_empty() {
            out["ReplicationStatus"] = self.replication(at);
        }
        out
    }

    /// Returns how far its copies are.
    pub(super) fn replication(&self, at: Millis) -> Value {
        self.replicas.iter().map(|replica| replica.show(at)).collect()
    }

    /// Returns the key that a version is encrypted with; `None` for the service's own.
    pub(super) fn key_of<'a>(&'a self, version: &'a Version) -> Option<&'a str> {
        let left_with = version.left_with.as_deref().or(self.kms_key.as_deref());
        left_with.filter(|key| !key.is_empty())
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
        // [D] deprecated versions are not shown
        let staged: Vec<&Version> = self.versions.iter().filter(|it| it.is_staged()).collect();
        let versions = staged.iter().map(|it| (it.id.clone(), Value::from(it.stages.clone())));
        let region = || self.arn.split(':').nth(3).map(Value::from);
        let members = [
            ("Description", self.description.as_deref().map(Value::from)),
            ("KmsKeyId", self.kms_key.as_deref().map(Value::from)),
            ("OwningService", self.owner.as_deref().map(Value::from)),
            ("DeletedDate", self.deleted.map(seconds)),
            ("Tags", (!self.tags.is_empty()).then(|| tags.collect())),
            (versions_member, (!staged.is_empty()).then(|| versions.collect())),
            (
                "PrimaryRegion",
                self.primary.as_deref().map(Value::from).or(if self.replicas.is_empty() { None } else { region() }),
            ),
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
        assert_eq!(secret.versions.iter().filter(|it| it.is_staged()).count(), 2);
        assert_eq!(secret.arn.rsplit_once('-').unwrap().1.len(), RANDOM);
    }
    #[test]
    fn what_an_older_sandbox_kept_is_still_read() {
        let mut secret = Secret::new("a", "arn:aws:secretsmanager:r:a:secret".to_owned(), 1);
        secret.add_version(1, "1".to_owned(), Payload::Text("x".to_owned()), &["AWSCURRENT"]);
        let mut kept = serde_json::to_value(&secret).unwrap();
        for newer in ["was_tagged", "policy", "replicas", "primary"] {
            assert!(kept.as_object_mut().unwrap().remove(newer).is_some(), "{newer}");
        }
        assert!(kept["versions"][0].as_object_mut().unwrap().remove("left_with").is_some());
        let read: Secret = serde_json::from_value(kept).unwrap();
        assert_eq!(read.describe(1), secret.describe(1));
        assert!(read.has_value());
    }

    #[test]
    fn outdated_versions_go_when_they_are_old_and_many() {
        let mut secret = Secret::new("a", "arn:aws:secretsmanager:r:a:secret".to_owned(), 0);
        for number in 0..150 {
            let payload = Payload::Text("x".to_owned());
            secret.add_version(number, format!("{number}"), payload, &["AWSCURRENT"]);
        }
        assert_eq!(secret.versions.len(), 150);
        assert!(secret.is_full(OLD - 1) && !secret.is_full(OLD));
        secret.add_version(OLD * 2, "more".to_owned(), Payload::Text("x".to_owned()), &["AWSCURRENT"]);
        assert_eq!(secret.versions.len(), KEPT);
        assert_eq!(secret.holder("AWSCURRENT").unwrap().id, "more");
    }
}
