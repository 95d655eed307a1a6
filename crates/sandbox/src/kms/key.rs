//! A key: what it is for, and the state that it is in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::rotation::Rotation;
use crate::clock::{Millis, seconds};
use crate::state::arn;
use crate::store::Mortal;

/// What keys of a kind are: their specs, what they may be for, and the algorithms of each use [D].
pub(super) struct Kind {
    specs: &'static [&'static str],
    uses: &'static [(&'static str, &'static str, &'static [&'static str])],
}

const ENCRYPT: &str = "ENCRYPT_DECRYPT";
const SIGN: &str = "SIGN_VERIFY";
const AGREE: &str = "KEY_AGREEMENT";
const MAC: &str = "GENERATE_VERIFY_MAC";
const RSA_SIGNING: &[&str] = &[
    "RSASSA_PKCS1_V1_5_SHA_256",
    "RSASSA_PKCS1_V1_5_SHA_384",
    "RSASSA_PKCS1_V1_5_SHA_512",
    "RSASSA_PSS_SHA_256",
    "RSASSA_PSS_SHA_384",
    "RSASSA_PSS_SHA_512",
];
const RSA_ENCRYPTION: &[&str] = &["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"];
const ENCRYPTION_MEMBER: &str = "EncryptionAlgorithms";
const SIGNING_MEMBER: &str = "SigningAlgorithms";
const AGREEMENT_MEMBER: &str = "KeyAgreementAlgorithms";
const MAC_MEMBER: &str = "MacAlgorithms";

static KINDS: &[Kind] = &[
    Kind { specs: &["SYMMETRIC_DEFAULT"], uses: &[(ENCRYPT, ENCRYPTION_MEMBER, &["SYMMETRIC_DEFAULT"])] },
    Kind {
        specs: &["RSA_2048", "RSA_3072", "RSA_4096"],
        uses: &[(ENCRYPT, ENCRYPTION_MEMBER, RSA_ENCRYPTION), (SIGN, SIGNING_MEMBER, RSA_SIGNING)],
    },
    Kind {
        specs: &["ECC_NIST_P256"],
        uses: &[(SIGN, SIGNING_MEMBER, &["ECDSA_SHA_256"]), (AGREE, AGREEMENT_MEMBER, &["ECDH"])],
    },
    Kind {
        specs: &["ECC_NIST_P384"],
        uses: &[(SIGN, SIGNING_MEMBER, &["ECDSA_SHA_384"]), (AGREE, AGREEMENT_MEMBER, &["ECDH"])],
    },
    Kind {
        specs: &["ECC_NIST_P521"],
        uses: &[(SIGN, SIGNING_MEMBER, &["ECDSA_SHA_512"]), (AGREE, AGREEMENT_MEMBER, &["ECDH"])],
    },
    Kind { specs: &["ECC_SECG_P256K1"], uses: &[(SIGN, SIGNING_MEMBER, &["ECDSA_SHA_256"])] },
    Kind {
        specs: &["ECC_NIST_EDWARDS25519"],
        uses: &[(SIGN, SIGNING_MEMBER, &["ED25519_SHA_512", "ED25519_PH_SHA_512"])],
    },
    Kind { specs: &["ML_DSA_44", "ML_DSA_65", "ML_DSA_87"], uses: &[(SIGN, SIGNING_MEMBER, &["ML_DSA_SHAKE_256"])] },
    Kind { specs: &["HMAC_224"], uses: &[(MAC, MAC_MEMBER, &["HMAC_SHA_224"])] },
    Kind { specs: &["HMAC_256"], uses: &[(MAC, MAC_MEMBER, &["HMAC_SHA_256"])] },
    Kind { specs: &["HMAC_384"], uses: &[(MAC, MAC_MEMBER, &["HMAC_SHA_384"])] },
    Kind { specs: &["HMAC_512"], uses: &[(MAC, MAC_MEMBER, &["HMAC_SHA_512"])] },
    Kind {
        specs: &["SM2"],
        uses: &[
            (ENCRYPT, ENCRYPTION_MEMBER, &["SM2PKE"]),
            (SIGN, SIGNING_MEMBER, &["SM2DSA"]),
            (AGREE, AGREEMENT_MEMBER, &["ECDH"]),
        ],
    },
];

/// [M] all specs.
pub(super) const SPECS: &[&str] = &[
    "RSA_2048",
    "RSA_3072",
    "RSA_4096",
    "ECC_NIST_P256",
    "ECC_NIST_P384",
    "ECC_NIST_P521",
    "ECC_SECG_P256K1",
    "SYMMETRIC_DEFAULT",
    "HMAC_224",
    "HMAC_256",
    "HMAC_384",
    "HMAC_512",
    "SM2",
    "ML_DSA_44",
    "ML_DSA_65",
    "ML_DSA_87",
    "ECC_NIST_EDWARDS25519",
];

/// Returns the member that names the algorithms of a use, and the algorithms; `None` when keys of the
/// spec are not for it.
pub(super) fn algorithms(spec: &str, usage: &str) -> Option<(&'static str, &'static [&'static str])> {
    let kind = KINDS.iter().find(|kind| kind.specs.contains(&spec))?;
    kind.uses.iter().find(|(name, _, _)| *name == usage).map(|(_, member, all)| (*member, *all))
}

/// A key.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(super) arn: String,
    account: String,
    pub(super) description: String,
    pub(super) usage: String,
    pub(super) spec: String,
    pub(super) origin: String,
    pub(super) multi_region: bool,
    /// Managed by AWS, not by the customer.
    pub(super) managed: bool,
    pub(super) enabled: bool,
    pub(super) policy: String,
    pub(super) tags: BTreeMap<String, String>,
    /// It was given tags at some time.
    #[serde(default)]
    pub(super) was_tagged: bool,
    #[serde(default)]
    pub(super) rotation: Option<Rotation>,
    created: Millis,
    pub(super) deletion: Option<Millis>,
}

impl Mortal for Key {
    fn gone_at(&self) -> Option<Millis> {
        self.deletion
    }
}

impl Key {
    /// Makes a key of the usual kind.
    pub(super) fn new(account: &str, region: &str, now: Millis) -> Self {
        let id = Uuid::new_v4().to_string();
        let root = format!("arn:{}:iam::{account}:root", crate::wire::partition(region));
        // [D] the default policy leaves access to IAM
        let policy = json!({
            "Version": "2012-10-17",
            "Id": "key-default-1",
            "Statement": [{
                "Sid": "Enable IAM User Permissions",
                "Effect": "Allow",
                "Principal": {"AWS": root},
                "Action": "kms:*",
                "Resource": "*",
            }],
        });
        Self {
            arn: arn("kms", region, account, &format!("key/{id}")),
            id,
            account: account.to_owned(),
            description: String::new(),
            usage: ENCRYPT.to_owned(),
            spec: "SYMMETRIC_DEFAULT".to_owned(),
            origin: "AWS_KMS".to_owned(),
            multi_region: false,
            managed: false,
            enabled: true,
            policy: policy.to_string(),
            tags: BTreeMap::new(),
            was_tagged: false,
            rotation: None,
            created: now,
            deletion: None,
        }
    }

    /// Makes it a primary key of many regions; [D] those are known by their id.
    pub(super) fn spread(&mut self) {
        let id = format!("mrk-{}", self.id.replace('-', ""));
        self.arn = self.arn.replace(&self.id, &id);
        self.id = id;
        self.multi_region = true;
    }

    /// Returns when it was made.
    pub(super) fn created(&self) -> Millis {
        self.created
    }

    /// Tells whether it waits for its material, which nobody here can import.
    pub(super) fn is_empty(&self) -> bool {
        self.origin == "EXTERNAL"
    }

    pub(super) fn state(&self) -> &'static str {
        match (self.deletion, self.is_empty(), self.enabled) {
            (Some(_), _, _) => "PendingDeletion",
            (None, true, _) => "PendingImport",
            (None, false, true) => "Enabled",
            (None, false, false) => "Disabled",
        }
    }

    /// Returns the key's metadata.
    pub(crate) fn describe(&self) -> Value {
        let state = self.state();
        let mut out = json!({
            "AWSAccountId": self.account,
            "KeyId": self.id,
            "Arn": self.arn,
            "CreationDate": seconds(self.created),
            "Enabled": state == "Enabled",
            "Description": self.description,
            "KeyUsage": self.usage,
            "KeyState": state,
            "Origin": self.origin,
            "KeyManager": if self.managed { "AWS" } else { "CUSTOMER" },
            "CustomerMasterKeySpec": self.spec,
            "KeySpec": self.spec,
            "MultiRegion": self.multi_region,
        });
        if let Some((member, all)) = algorithms(&self.spec, &self.usage) {
            out[member] = json!(all);
        }
        if self.multi_region {
            let region = self.arn.split(':').nth(3);
            out["MultiRegionConfiguration"] = json!({
                "MultiRegionKeyType": "PRIMARY",
                "PrimaryKey": {"Arn": self.arn, "Region": region},
                "ReplicaKeys": [],
            });
        }
        if let Some(deletion) = self.deletion {
            out["DeletionDate"] = seconds(deletion);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_older_sandbox_kept_is_still_read() {
        let key = Key::new("123456789012", "us-east-1", 1);
        let mut kept = serde_json::to_value(&key).unwrap();
        for newer in ["was_tagged", "rotation"] {
            assert!(kept.as_object_mut().unwrap().remove(newer).is_some(), "{newer}");
        }
        let read: Key = serde_json::from_value(kept).unwrap();
        assert_eq!(read.describe(), key.describe());
    }

    #[test]
    fn every_spec_is_of_a_kind() {
        for spec in SPECS {
            let kinds: Vec<&Kind> = KINDS.iter().filter(|kind| kind.specs.contains(spec)).collect();
            assert_eq!(kinds.len(), 1, "{spec}");
        }
        assert_eq!(KINDS.iter().map(|kind| kind.specs.len()).sum::<usize>(), SPECS.len());
        assert!(algorithms("RSA_2048", "SIGN_VERIFY").is_some() && algorithms("RSA_2048", AGREE).is_none());
    }
}
