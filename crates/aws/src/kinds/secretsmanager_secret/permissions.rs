//! What a caller must be allowed to do for a secret. Each part of it has a permission of its own, which is asked for
//! where the manifest has that part. Secrets Manager uses the key in the caller's name.

use trueup_engine::kind::Verb;
use trueup_engine::permission::{Depth, Permission, Subject};

use super::reading;
use crate::kinds::grants::{self, NO_RESOURCE};

const KEY: &str = "/KmsKeyId";
const POLICY: &str = "/ResourcePolicy";
const COPIES: &str = "/ReplicaRegions";

pub(super) fn of(verb: Verb, subject: &Subject<'_>) -> Vec<Permission> {
    let own = grants::secret(subject, subject.name());
    let on = |actions: &[&'static str], why| Permission::on("Secrets", actions, own.clone(), why);
    let value = &["/SecretString"];
    let mut all = Vec::new();
    match verb {
        Verb::Read => {
            all.push(grants::search());
            if subject.together > reading::FEW {
                all.push(grants::list("secretsmanager:ListSecrets"));
            }
            all.push(on(&["secretsmanager:DescribeSecret"], "read them"));
            if subject.depth > Depth::Outline && subject.has(&[POLICY]) {
                all.push(on(&["secretsmanager:GetResourcePolicy"], "read the policies on them"));
            }
            if subject.depth > Depth::Outline {
                all.extend(grants::spelling(subject, KEY));
            }
            if subject.depth == Depth::Values && subject.has(value) {
                all.extend(grants::values(subject, "Secrets", own.clone(), KEY));
            }
        }
        Verb::Create => {
            all.push(on(&["secretsmanager:CreateSecret", "secretsmanager:TagResource"], "create them"));
            all.push(on(&["secretsmanager:RestoreSecret"], "take them back from their deletion"));
            if subject.has(&["/GenerateSecretString"]) {
                let why = "let Secrets Manager make up a value";
                all.push(Permission::everywhere(NO_RESOURCE, &["secretsmanager:GetRandomPassword"], why));
            }
            let why = "let Secrets Manager encrypt the values";
            all.extend(grants::through(subject, KEY, &["kms:GenerateDataKey", "kms:Decrypt"], "secretsmanager", why));
        }
        Verb::Update => {
            all.push(on(&["secretsmanager:UpdateSecret"], "update them"));
            all.push(on(&["secretsmanager:TagResource"], "keep their tags"));
            if subject.has(value) {
                all.push(on(&["secretsmanager:ListSecretVersionIds"], "warn of too many versions"));
            }
            if subject.has(&[COPIES]) {
                all.push(on(&["secretsmanager:RemoveRegionsFromReplication"], "remove copies"));
            }
            let why = "let Secrets Manager encrypt the values";
            let uses = &["kms:GenerateDataKey", "kms:Decrypt", "kms:Encrypt"];
            all.extend(grants::through(subject, KEY, uses, "secretsmanager", why));
        }
        Verb::Delete => {
            all.push(on(&["secretsmanager:DeleteSecret"], "delete them"));
            if subject.has(&[COPIES]) {
                all.push(on(&["secretsmanager:RemoveRegionsFromReplication"], "remove copies"));
            }
        }
    }
    if matches!(verb, Verb::Create | Verb::Update) {
        if subject.has(&[POLICY]) {
            all.push(on(&["secretsmanager:PutResourcePolicy"], "keep the policies on them"));
        }
        if subject.has(&[COPIES]) {
            all.push(on(&["secretsmanager:ReplicateSecretToRegions"], "copy them to other regions"));
        }
    }
    all
}
