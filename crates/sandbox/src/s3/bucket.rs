//! A bucket and its configuration.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::{Millis, rfc3339};
use crate::store::Mortal;
use crate::tagged::Tags;

/// What of public access is blocked.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Block {
    pub(super) acls: bool,
    pub(super) ignore_acls: bool,
    pub(super) policy: bool,
    pub(super) restrict: bool,
}

/// How objects are encrypted unless they say so.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Encryption {
    pub(super) algorithm: String,
    pub(super) key: Option<String>,
    pub(super) bucket_key: bool,
}

/// A bucket.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Bucket {
    pub(crate) name: String,
    pub(super) arn: String,
    pub(super) account: String,
    pub(super) region: String,
    pub(super) tags: Tags,
    /// Absent until it was said for the first time.
    pub(super) versioning: Option<String>,
    pub(super) policy: Option<String>,
    pub(super) block: Option<Block>,
    pub(super) encryption: Encryption,
    pub(super) ownership: Option<String>,
    pub(super) created: Millis,
    pub(super) gone_at: Option<Millis>,
}

impl Mortal for Bucket {
    fn gone_at(&self) -> Option<Millis> {
        self.gone_at
    }
}

impl Block {
    /// [D] what a new bucket has.
    pub(super) const ALL: Self = Self { acls: true, ignore_acls: true, policy: true, restrict: true };

    pub(super) fn show(self) -> Value {
        json!({
            "BlockPublicAcls": self.acls,
            "IgnorePublicAcls": self.ignore_acls,
            "BlockPublicPolicy": self.policy,
            "RestrictPublicBuckets": self.restrict,
        })
    }
}

impl Encryption {
    /// [D] what a new bucket has.
    pub(super) fn own() -> Self {
        Self { algorithm: "AES256".to_owned(), key: None, bucket_key: false }
    }

    pub(super) fn show(&self) -> Value {
        json!({
            "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": self.algorithm, "KMSMasterKeyID": self.key},
            "BucketKeyEnabled": self.bucket_key,
        })
    }
}

impl Bucket {
    /// Returns the bucket's entry in a list.
    pub(super) fn listed(&self) -> Value {
        json!({
            "Name": self.name,
            "CreationDate": rfc3339(self.created),
            "BucketRegion": self.region,
            "BucketArn": self.arn,
        })
    }

    /// Returns the bucket for whoever looks at the sandbox.
    pub(crate) fn describe(&self) -> Value {
        let mut out = self.listed();
        out["Owner"] = self.account.as_str().into();
        out["Tags"] = json!(self.tags);
        out["Versioning"] = json!(self.versioning);
        out["PublicAccessBlock"] = self.block.map_or(Value::Null, Block::show);
        out
    }
}
