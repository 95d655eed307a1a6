//! What a caller must be allowed to do for a connection.
//!
//! EventBridge keeps the credentials in a secret of the caller's account and writes it in the caller's name, so that who
//! writes a connection needs the permissions on that secret and, through Secrets Manager, on its key. Deleting the secret
//! is up to EventBridge's own role. CloudFormation's handlers, which call as their caller does, list the same.

use trueup_engine::kind::Verb;
use trueup_engine::permission::{Depth, Permission, Subject};

use crate::kinds::grants::{self, NO_RESOURCE};
use crate::kinds::listing;

const KEY: &str = "/KmsKeyIdentifier";
const ROLE: &str =
    "aws-service-role/apidestinations.events.amazonaws.com/AWSServiceRoleForAmazonEventBridgeApiDestinations";

pub(super) fn of(verb: Verb, subject: &Subject<'_>) -> Vec<Permission> {
    let own = grants::event_arns(subject, "connection", subject.name());
    let on = |action: &'static str, why| Permission::on("Connections", &[action], own.clone(), why);
    let managed = || subject.arn("secretsmanager", &format!("secret:events!connection/{}/*", subject.name()));
    let secret = |actions: &[&'static str]| {
        Permission::on("ManagedSecrets", actions, [managed()], "let EventBridge keep the credentials in its secret")
    };
    let confirmed = || {
        let why = "see that the managed secret came and went";
        [
            Permission::everywhere(NO_RESOURCE, &["secretsmanager:ListSecrets"], why),
            Permission::on("ManagedSecrets", &["secretsmanager:DescribeSecret"], [managed()], why),
        ]
    };
    let key = |actions: &[&'static str]| {
        let why = "let Secrets Manager encrypt the managed secret";
        grants::through(subject, KEY, actions, "secretsmanager", why)
    };
    let mut all = Vec::new();
    match verb {
        Verb::Read => {
            if subject.together > listing::FEW {
                all.push(grants::list("events:ListConnections"));
            }
            all.push(on("events:DescribeConnection", "read them"));
            if subject.depth > Depth::Outline {
                all.extend(grants::spelling(subject, KEY));
            }
            if subject.depth == Depth::Values {
                all.extend(grants::values(subject, "ManagedSecrets", vec![managed()], KEY));
            }
        }
        Verb::Create => {
            let role = format!("arn:{}:iam::{}:role/{ROLE}", subject.partition, subject.account);
            let why = "let EventBridge make its role, with the first connection of an account";
            let linked = Permission::on("ServiceLinkedRole", &["iam:CreateServiceLinkedRole"], [role], why);
            all.extend([
                on("events:CreateConnection", "create them"),
                linked.when("iam:AWSServiceName", "apidestinations.events.amazonaws.com"),
                secret(&[
                    "secretsmanager:CreateSecret",
                    "secretsmanager:GetSecretValue",
                    "secretsmanager:PutSecretValue",
                ]),
            ]);
            all.extend(grants::spelling(subject, KEY));
            all.extend(key(&["kms:GenerateDataKey", "kms:Decrypt"]));
            all.extend(confirmed());
        }
        Verb::Update => {
            all.extend([
                on("events:UpdateConnection", "update them"),
                secret(&["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"]),
            ]);
            if subject.has(&[KEY]) {
                all.push(secret(&["secretsmanager:UpdateSecret"]));
            }
            // One that was deauthorized has lost its secret, and gets another one.
            all.push(secret(&["secretsmanager:CreateSecret"]));
            all.extend(grants::spelling(subject, KEY));
            all.extend(key(&["kms:GenerateDataKey", "kms:Decrypt", "kms:Encrypt"]));
            all.extend(confirmed());
        }
        Verb::Delete => {
            all.push(on("events:DeleteConnection", "delete them"));
            all.extend(confirmed());
        }
    }
    all
}
