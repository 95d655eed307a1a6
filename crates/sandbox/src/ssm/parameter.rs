//! A parameter and what it shows.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::{Millis, seconds};
use crate::events::connection::insert;
use crate::store::Mortal;
use crate::tagged::Tags;

/// How many versions a parameter has at most.
const VERSIONS: usize = 100;

/// A parameter. Deliberately without `Debug`.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(super) arn: String,
    pub(super) kind: String,
    pub(super) value: String,
    /// What a secure value shows when nobody asks for decryption.
    pub(super) cipher: Option<String>,
    pub(super) key: Option<String>,
    pub(super) description: Option<String>,
    pub(super) allowed_pattern: Option<String>,
    pub(super) policies: Option<String>,
    pub(super) tier: String,
    pub(super) data_type: String,
    pub(super) version: u64,
    /// The versions before, oldest first.
    #[serde(default)]
    pub(super) former: Vec<Former>,
    pub(super) modified: Millis,
    pub(super) tags: Tags,
    pub(super) gone_at: Option<Millis>,
}

/// A version that was overwritten.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Former {
    pub(super) version: u64,
    pub(super) kind: String,
    pub(super) value: String,
    pub(super) cipher: Option<String>,
    pub(super) modified: Millis,
}

impl Mortal for Parameter {
    fn gone_at(&self) -> Option<Millis> {
        self.gone_at
    }
}

impl Parameter {
    /// Returns what `GetParameter` answers.
    pub(super) fn read(&self, decrypt: bool) -> Value {
        let value = self.cipher.as_ref().filter(|_| !decrypt).unwrap_or(&self.value);
        json!({
            "Name": self.name,
            "Type": self.kind,
            "Value": value,
            "Version": self.version,
            "LastModifiedDate": seconds(self.modified),
            "ARN": self.arn,
            "DataType": self.data_type,
        })
    }

    /// Returns the same of one version: [D] the selector is answered with its colon.
    pub(super) fn read_version(&self, version: u64, decrypt: bool) -> Option<Value> {
        let mut out = if version == self.version {
            self.read(decrypt)
        } else {
            let Former { version, kind, value, cipher, modified } =
                self.former.iter().find(|former| former.version == version)?.clone();
            let former = Vec::new();
            Self { kind, value, cipher, version, former, modified, ..self.clone() }.read(decrypt)
        };
        out["Selector"] = format!(":{version}").into();
        Some(out)
    }

    /// Returns itself as the last of the versions before; [D] a hundred are kept.
    pub(super) fn overwritten(mut self) -> Vec<Former> {
        let Self { version, kind, value, cipher, modified, .. } = self;
        self.former.push(Former { version, kind, value, cipher, modified });
        let excess = self.former.len().saturating_sub(VERSIONS - 1);
        self.former.drain(..excess);
        self.former
    }

    /// Returns what `DescribeParameters` answers: everything but the value.
    pub(crate) fn describe(&self) -> Value {
        let mut out = json!({
            "Name": self.name,
            "ARN": self.arn,
            "Type": self.kind,
            "LastModifiedDate": seconds(self.modified),
            "Version": self.version,
            "Tier": self.tier,
            "Policies": [],
            "DataType": self.data_type,
        });
        let policies = self.policies.as_ref().map(|text| json!([{"PolicyText": text, "PolicyStatus": "Pending"}]));
        insert(
            &mut out,
            [
                ("KeyId", self.key.as_deref().map(Value::from)),
                ("Description", self.description.as_deref().map(Value::from)),
                ("AllowedPattern", self.allowed_pattern.as_deref().map(Value::from)),
                ("Policies", policies),
            ],
        );
        out
    }
}
