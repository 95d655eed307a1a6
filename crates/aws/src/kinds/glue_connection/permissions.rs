//! What a caller must be allowed to do for a connection.
//!
//! Glue asks about the catalog beside every connection. Passwords are encrypted by the key of the catalog's settings, which
//! a manifest does not name; an inline credential becomes a secret that Glue writes in the caller's name; and the network
//! of a connection is looked at in the caller's name, too.

use trueup_engine::kind::Verb;
use trueup_engine::permission::{ANY, Depth, Permission, Subject};

use super::schema::SECRET_PROPERTIES;
use super::{live, request, split};
use crate::kinds::grants::{self, NO_RESOURCE};

const AUTHENTICATION: &str = "/ConnectionInput/AuthenticationConfiguration";
const SECRET: &str = "/ConnectionInput/AuthenticationConfiguration/SecretArn";
const SECRET_KEY: &str = "/ConnectionInput/AuthenticationConfiguration/KmsKeyArn";
const VALIDATE: &str = "/ConnectionInput/ValidateCredentials";
const NETWORK: &str = "/ConnectionInput/PhysicalConnectionRequirements";

pub(super) fn of(verb: Verb, subject: &Subject<'_>) -> Vec<Permission> {
    let (catalog, name) = subject.identity.map_or((None, ANY), split);
    let subject = &Subject { account: catalog.unwrap_or(subject.account), ..*subject };
    let arn = |resource: &str| subject.arn("glue", resource);
    let connection = arn(&format!("connection/{name}"));
    let on = |action: &'static str, why| {
        Permission::on("GlueConnections", &[action], [arn("catalog"), connection.clone()], why)
    };
    let tags = |actions: &[&'static str], why| Permission::on("GlueConnectionTags", actions, [connection.clone()], why);
    let has_password = SECRET_PROPERTIES.iter().any(|name| subject.has(&[&live::pointer_of(name)]));
    let catalog_key = |actions: &[&'static str], why| {
        Permission::on("KeyOfTheCatalog", actions, [grants::any_key(subject)], why).via(subject, "glue")
    };
    let mut all = Vec::new();
    match verb {
        Verb::Read => {
            all.push(grants::search());
            if subject.together > super::io::FEW {
                let every = [arn("catalog"), arn("connection/*")];
                let why = "read many with few calls";
                all.push(Permission::on("GlueConnections", &["glue:GetConnections"], every, why));
            }
            all.push(on("glue:GetConnection", "read them"));
            all.push(tags(&["glue:GetTags"], "see whose they are"));
            if subject.depth == Depth::Values && has_password {
                all.push(catalog_key(&["kms:Decrypt"], "compare passwords where the catalog encrypts them"));
            }
        }
        Verb::Create | Verb::Update => {
            if verb == Verb::Create {
                all.push(on("glue:CreateConnection", "create them"));
                all.push(tags(&["glue:TagResource"], "give them the stack's owner tags"));
            } else {
                all.push(on("glue:UpdateConnection", "update them"));
                all.push(tags(&["glue:TagResource"], "keep their tags"));
            }
            if has_password {
                all.push(catalog_key(&["kms:Encrypt"], "encrypt passwords where the catalog wants it"));
            }
            all.extend(authentication(verb, subject, name));
            if subject.has(&[NETWORK]) {
                let looks = &[
                    "ec2:DescribeRouteTables",
                    "ec2:DescribeSecurityGroups",
                    "ec2:DescribeSubnets",
                    "ec2:DescribeVpcEndpoints",
                ];
                all.push(Permission::everywhere(NO_RESOURCE, looks, "let Glue look at the network of a connection"));
            }
        }
        Verb::Delete => all.push(on("glue:DeleteConnection", "delete them")),
    }
    all
}

/// What Glue does with the secret of an `AuthenticationConfiguration`.
fn authentication(verb: Verb, subject: &Subject<'_>, name: &str) -> Vec<Permission> {
    let mut all = Vec::new();
    let validates = !subject.has(&[VALIDATE]) || subject.may_be(VALIDATE, true);
    if subject.has(&[SECRET]) && validates {
        let why = "let Glue try the credentials of a connection";
        let secrets = grants::secret_at(subject, SECRET);
        all.push(Permission::on("Secrets", &["secretsmanager:GetSecretValue"], secrets, why));
    }
    let inline = subject.properties.is_none_or(|properties| {
        trueup_engine::value::at(properties, AUTHENTICATION).is_some_and(request::has_credentials)
    });
    if inline {
        let why = "let Glue keep the credentials in its secret";
        let secret = subject.arn("secretsmanager", &format!("secret:glue!connection/{name}/*"));
        let actions: &[&'static str] = match verb {
            Verb::Create => &["secretsmanager:CreateSecret"],
            _ => &["secretsmanager:CreateSecret", "secretsmanager:PutSecretValue"],
        };
        all.push(Permission::on("ManagedSecrets", actions, [secret], why));
        all.extend(grants::through(subject, SECRET_KEY, &["kms:GenerateDataKey"], "secretsmanager", why));
    }
    all
}
