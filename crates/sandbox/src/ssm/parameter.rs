//! A parameter and what it shows.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::{Millis, seconds};
use crate::events::connection::insert;
use crate::store::Mortal;
use crate::tagged::Tags;

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
    pub(super) modified: Millis,
    pub(super) tags: Tags,
    pub(super) gone_at: Option<Millis>,
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
