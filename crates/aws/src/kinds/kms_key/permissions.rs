//! What a caller must be allowed to do for a key.
//!
//! Its id is made by KMS, so a policy cannot name a key that is still to be made. Reads name every key of the account and
//! region: one whose owner tags are gone has to be read to be found so. Writes are held to keys with the stack's owner
//! tags, but for those that make a key such a one.

use trueup_engine::kind::Verb;
use trueup_engine::permission::{Depth, Permission, Subject};

use crate::kinds::grants::{self, NO_RESOURCE};
use crate::names::{is_key_arn, is_key_id};

const ROTATION: &[&str] = &["/EnableKeyRotation", "/RotationPeriodInDays"];

pub(super) fn of(verb: Verb, subject: &Subject<'_>) -> Vec<Permission> {
    let own = match subject.identity {
        Some(id) if is_key_id(id) => Some(subject.arn("kms", &format!("key/{id}"))),
        Some(arn) if is_key_arn(arn) => Some(arn.to_owned()),
        _ => None,
    };
    let any = || own.clone().unwrap_or_else(|| grants::any_key(subject));
    let on = |action: &'static str, why| Permission::on("Keys", &[action], [any()], why);
    let write = |action: &'static str, why| {
        let write = Permission::on("KeysOfTheStack", &[action], [any()], why);
        if own.is_some() { write } else { write.owned(subject) }
    };
    let mut all = Vec::new();
    match verb {
        Verb::Read => {
            all.push(grants::search());
            all.push(on("kms:DescribeKey", "read them"));
            all.push(on("kms:ListResourceTags", "see whose they are"));
            if subject.depth > Depth::Outline && subject.has(&["/KeyPolicy"]) {
                all.push(on("kms:GetKeyPolicy", "read their policies"));
            }
            if subject.depth > Depth::Outline && subject.has(ROTATION) {
                all.push(on("kms:GetKeyRotationStatus", "read their rotation"));
            }
        }
        Verb::Create => {
            all.push(Permission::everywhere(NO_RESOURCE, &["kms:CreateKey"], "create keys"));
            all.push(on("kms:TagResource", "give them the stack's owner tags"));
            all.push(write("kms:CancelKeyDeletion", "take them back from their deletion"));
        }
        Verb::Update => {
            all.push(write("kms:UpdateKeyDescription", "update them"));
            all.push(write("kms:EnableKey", "enable them"));
            all.push(on("kms:TagResource", "keep their tags"));
            if subject.may_be("/EnableKeyRotation", false) {
                all.push(write("kms:DisableKeyRotation", "stop their rotation"));
            }
        }
        Verb::Delete => all.push(write("kms:ScheduleKeyDeletion", "delete them")),
    }
    if matches!(verb, Verb::Create | Verb::Update) {
        if subject.has(&["/KeyPolicy"]) {
            all.push(on("kms:PutKeyPolicy", "keep their policies; KMS asks before a new key has its tags"));
        }
        let rotates = subject.may_be("/EnableKeyRotation", true) || subject.has(&["/RotationPeriodInDays"]);
        if rotates {
            all.push(on("kms:EnableKeyRotation", "rotate them; a new key's tags may take minutes to count"));
        }
        if subject.may_be("/Enabled", false) {
            all.push(write("kms:DisableKey", "disable them"));
        }
    }
    all
}
