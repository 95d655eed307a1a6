//! What several kinds must be allowed alike: lists, the search for owner tags, values of secrets, keys that a service
//! uses for its caller.
//!
//! ARNs and which actions take one: <https://docs.aws.amazon.com/service-authorization/latest/reference/>

use trueup_engine::permission::{ANY, Permission, Subject};
use trueup_engine::value::{Value, at};

use crate::names::{is_key_arn, is_key_id};

/// The topic of actions that take no resource.
pub(crate) const NO_RESOURCE: &str = "TakesNoResource";

/// An action of a list page.
pub(crate) fn list(action: &'static str) -> Permission {
    Permission::everywhere(NO_RESOURCE, &[action], "read many with few calls")
}

/// The search for what carries the stack's owner tags.
pub(crate) fn search() -> Permission {
    Permission::everywhere(NO_RESOURCE, &["tag:GetResources"], "find what carries the stack's owner tags")
}

/// Reading the values of secrets, which the key at a pointer of the properties encrypts.
pub(crate) fn values(subject: &Subject<'_>, topic: &'static str, secrets: Vec<String>, key: &str) -> Vec<Permission> {
    let why = "compare the values of secrets, in memory";
    let mut all = vec![
        Permission::everywhere(NO_RESOURCE, &["secretsmanager:BatchGetSecretValue"], why),
        Permission::on(topic, &["secretsmanager:GetSecretValue"], secrets, why),
    ];
    all.extend(through(subject, key, &["kms:Decrypt"], "secretsmanager", why));
    all
}

/// The use of the key at a pointer of the properties, by a service in the name of the caller; nothing where the
/// properties name no key.
pub(crate) fn through(
    subject: &Subject<'_>,
    key: &str,
    actions: &[&'static str],
    service: &str,
    why: &'static str,
) -> Option<Permission> {
    subject
        .has(&[key])
        .then(|| Permission::on("KeysThroughServices", actions, [key_at(subject, key)], why).via(subject, service))
}

/// Telling the spellings of a key's name apart.
pub(crate) fn spelling(subject: &Subject<'_>, key: &str) -> Option<Permission> {
    let why = "tell the spellings of a key's name apart";
    subject.has(&[key]).then(|| Permission::on("Keys", &["kms:DescribeKey"], [any_key(subject)], why))
}

/// Every key of the account and region: the id of one is known to the cloud alone.
pub(crate) fn any_key(subject: &Subject<'_>) -> String {
    subject.arn("kms", "key/*")
}

/// The key at a pointer of the properties, as far as they say which.
fn key_at(subject: &Subject<'_>, pointer: &str) -> String {
    let by_name = |name: &str| is_key_id(name).then(|| subject.arn("kms", &format!("key/{name}")));
    let named =
        subject.text(pointer).and_then(|name| if is_key_arn(name) { Some(name.to_owned()) } else { by_name(name) });
    let referred = || subject.referred(pointer)?.identity.as_deref().and_then(by_name);
    named.or_else(referred).unwrap_or_else(|| any_key(subject))
}

/// A connection or an API destination: IAM is asked about it without the id of its ARN by some, and with it by others.
pub(crate) fn event_arns(subject: &Subject<'_>, resource: &str, name: &str) -> Vec<String> {
    let ends: &[&str] = if name == ANY { &[""] } else { &["", "/*"] };
    ends.iter().map(|end| subject.arn("events", &format!("{resource}/{name}{end}"))).collect()
}

/// A secret as policies know it: by its name where it is not there, and with six more characters where it is.
pub(crate) fn secret(subject: &Subject<'_>, name: &str) -> Vec<String> {
    let ends: &[&str] = if name == ANY { &[""] } else { &["", "-??????"] };
    ends.iter().map(|end| subject.arn("secretsmanager", &format!("secret:{name}{end}"))).collect()
}

/// The secret whose ARN is at a pointer of the properties, as far as they say which.
pub(crate) fn secret_at(subject: &Subject<'_>, pointer: &str) -> Vec<String> {
    let written = subject.properties.and_then(|properties| at(properties, pointer)).and_then(Value::as_str);
    match (written, subject.referred(pointer).and_then(|it| it.identity.as_deref())) {
        (Some(arn), _) if arn.starts_with("arn:") => vec![arn.to_owned()],
        (Some(name), _) | (None, Some(name)) => secret(subject, name),
        (None, None) => vec![subject.arn("secretsmanager", "secret:*")],
    }
}
