//! The operations that write secrets.

use serde_json::{Value, json};

use super::reads::{decrypt, is, marked_for_deletion, missing};
use super::secret::{Payload, Secret};
use super::{name_of, replicas, tags};
use crate::clock::{Millis, seconds};
use crate::kms::{self, Use};
use crate::operation::{Context, Resource, part, required, text};
use crate::wire::Refusal;

const DAY: Millis = 24 * 60 * 60 * 1000;

pub(super) fn create(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let now = context.now();
    let name = required(input, "Name");
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c);
    if !name.chars().all(allowed) {
        // [I] the text. [D] `!` is reserved all the same: only services make managed secrets.
        return Err(Refusal::new(
            "ValidationException",
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
        ));
    }
    let payload = payload(input)?;
    // A secret without a value has no version, and needs no token.
    let id = if payload.is_some() { token(input)? } else { String::new() };
    if let Some(present) = context.home.secrets.current(name, now) {
        if present.deleted.is_some() {
            // [I] the text
            return Err(Refusal::new(
                "InvalidRequestException",
                "You can't create this secret because a secret with this name is already scheduled for deletion.",
            ));
        }
        // [D] the same token with the same value is the same request
        let same = present.version(Some(&id), None).is_some_and(|it| Some(&it.payload) == payload.as_ref());
        if same {
            return Ok(json!({"ARN": present.arn, "Name": name, "VersionId": id}));
        }
        if present.version(Some(&id), None).is_some() {
            return Err(token_in_use(present, &id));
        }
        // [L] the text
        let text = format!("The operation failed because the secret {name} already exists.");
        return Err(Refusal::new("ResourceExistsException", text));
    }
    let mut secret = Secret::new(name, context.arn("secretsmanager", "secret"), now);
    secret.description = text(input, "Description").filter(|it| !it.is_empty()).map(str::to_owned);
    secret.kms_key = encryption_key(context, text(input, "KmsKeyId"))?;
    tags::add(&mut secret, input)?;
    replicas::add(context, &mut secret, input)?;
    // [D] what comes with a new secret needs its own permission
    let resource = Resource(vec![secret.arn.clone(), context.arn("secretsmanager", &format!("secret:{name}"))]);
    for (member, action) in [("Tags", "TagResource"), ("AddReplicaRegions", "ReplicateSecretToRegions")] {
        if part(input, member).and_then(Value::as_array).is_some_and(|it| !it.is_empty()) {
            context.authorize(&format!("secretsmanager:{action}"), &resource, &[])?;
        }
    }
    let mut out = json!({"ARN": secret.arn, "Name": name});
    if let Some(payload) = payload {
        secret.add_version(now, id.clone(), payload, &["AWSCURRENT"]);
        out["VersionId"] = id.into();
    }
    if !secret.replicas.is_empty() {
        out["ReplicationStatus"] = secret.replication(now);
    }
    store(context, secret);
    Ok(out)
}

pub(super) fn put(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let mut secret = writable(context, input)?;
    let Some(payload) = payload(input)? else {
        // [?] the text
        return Err(Refusal::new("InvalidRequestException", "You must provide either SecretString or SecretBinary."));
    };
    let id = token(input)?;
    let stages = part(input, "VersionStages").and_then(Value::as_array);
    let mut stages: Vec<&str> = match stages {
        Some(stages) => stages.iter().filter_map(Value::as_str).collect(),
        None => vec!["AWSCURRENT"],
    };
    // [D] the first version is the current one
    if secret.versions.is_empty() && !stages.contains(&"AWSCURRENT") {
        stages.push("AWSCURRENT");
    }
    write_version(context, &mut secret, &id, payload, &stages)?;
    let stages = secret.version(Some(&id), None).map(|it| it.stages.clone());
    let out = json!({"ARN": secret.arn, "Name": secret.name, "VersionId": id, "VersionStages": stages});
    store(context, secret);
    Ok(out)
}

pub(super) fn update(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let now = context.now();
    let mut secret = writable(context, input)?;
    let mut out = json!({"ARN": secret.arn, "Name": secret.name});
    if let Some(description) = text(input, "Description") {
        secret.description = (!description.is_empty()).then(|| description.to_owned());
        secret.touch(now);
    }
    if let Some(key) = text(input, "KmsKeyId") {
        // [M] an empty key goes back to the one that Secrets Manager manages
        let key = encryption_key(context, Some(key))?;
        change_key(context, &mut secret, key)?;
        secret.touch(now);
    }
    if let Some(payload) = payload(input)? {
        let id = token(input)?;
        write_version(context, &mut secret, &id, payload, &["AWSCURRENT"])?;
        out["VersionId"] = id.into();
    }
    store(context, secret);
    Ok(out)
}

pub(super) fn delete(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let now = context.now();
    let force = input.get("ForceDeleteWithoutRecovery").and_then(Value::as_bool).unwrap_or(false);
    let window = input.get("RecoveryWindowInDays").and_then(Value::as_i64);
    if force && window.is_some() {
        // [D] that it is refused; [?] the text
        return Err(Refusal::new(
            "InvalidParameterException",
            "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
        ));
    }
    let days = window.unwrap_or(30);
    if !(7..=30).contains(&days) {
        // [D] that it is refused; [?] the text
        return Err(Refusal::new(
            "InvalidParameterException",
            "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
        ));
    }
    let id = required(input, "SecretId");
    let mut secret = match present(context, id) {
        // [D] forcing the deletion of a missing secret is not an error
        Err(_) if force => {
            let name = name_of(id);
            let arn = context.arn("secretsmanager", &format!("secret:{name}"));
            return Ok(json!({"ARN": arn, "Name": name, "DeletionDate": seconds(now)}));
        }
        found => found?,
    };
    unmanaged(&secret)?;
    replicas::not_a_replica(&secret)?;
    replicas::none_left(&secret)?;
    let end = if force { now } else { now + u64::try_from(days).unwrap_or(30) * DAY };
    if secret.deleted.is_some() && !force {
        // [?] a second deletion is refused like any other operation
        return Err(marked_for_deletion());
    }
    secret.deleted = Some(now);
    secret.gone_at = Some(end);
    let out = json!({"ARN": secret.arn, "Name": secret.name, "DeletionDate": seconds(end)});
    store(context, secret);
    Ok(out)
}

pub(super) fn restore(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let mut secret = present(context, required(input, "SecretId"))?;
    unmanaged(&secret)?;
    replicas::not_a_replica(&secret)?;
    secret.deleted = None;
    secret.gone_at = None;
    let out = json!({"ARN": secret.arn, "Name": secret.name});
    store(context, secret);
    Ok(out)
}

fn present(context: &Context<'_>, id: &str) -> Result<Secret, Refusal> {
    let secrets = &context.home.secrets;
    let found = secrets.current(name_of(id), context.now()).or_else(|| secrets.current(id, context.now()));
    found.filter(|secret| is(secret, id)).map(|secret| Secret::clone(secret)).ok_or_else(missing)
}

pub(super) fn writable(context: &Context<'_>, input: &Value) -> Result<Secret, Refusal> {
    let secret = present(context, required(input, "SecretId"))?;
    unmanaged(&secret)?;
    replicas::not_a_replica(&secret)?;
    if secret.deleted.is_some() {
        return Err(marked_for_deletion());
    }
    Ok(secret)
}

/// [D] the code: "The secret is managed by another service, and you must use that service to update
/// it". [?] that it also holds for tags and deletion, and the text.
fn unmanaged(secret: &Secret) -> Result<(), Refusal> {
    let Some(owner) = &secret.owner else {
        return Ok(());
    };
    Err(Refusal::new(
        "InvalidRequestException",
        format!("The secret is managed by another service ({owner}), and you must use that service to update it."),
    ))
}

/// Stores a secret; its copies follow.
pub(super) fn store(context: &mut Context<'_>, secret: Secret) {
    replicas::follow(context, &secret);
    let now = context.now();
    let name = secret.name.clone();
    context.home.secrets.put(&name, now, secret);
}

fn payload(input: &Value) -> Result<Option<Payload>, Refusal> {
    let string = text(input, "SecretString").map(|text| Payload::Text(text.to_owned()));
    let binary = text(input, "SecretBinary").map(|text| Payload::Binary(text.to_owned()));
    if string.is_some() && binary.is_some() {
        // [D] that it is refused; [?] the text
        return Err(Refusal::new(
            "InvalidParameterException",
            "You can't specify both a binary secret value and a string secret value in the same secret.",
        ));
    }
    Ok(string.or(binary))
}

/// [D] the request token is the version's id. [L] SDKs make one up; without any it is refused.
fn token(input: &Value) -> Result<String, Refusal> {
    let token = text(input, "ClientRequestToken").map(str::to_owned);
    token.ok_or_else(|| {
        Refusal::new(
            "InvalidRequestException",
            "You must provide a ClientRequestToken value. We recommend a UUID-type value.",
        )
    })
}

/// [D] the same token with the same value changes nothing, with another value it is refused.
fn write_version(
    context: &Context<'_>,
    secret: &mut Secret,
    id: &str,
    payload: Payload,
    stages: &[&str],
) -> Result<(), Refusal> {
    let now = context.now();
    if let Some(version) = secret.version(Some(id), None) {
        if version.payload == payload {
            return Ok(());
        }
        return Err(token_in_use(secret, id));
    }
    if secret.is_full(now) {
        // [D] that there is a quota; [?] the text
        let text = format!("The secret {} has too many versions.", secret.name);
        return Err(Refusal::new("LimitExceededException", text));
    }
    encryption_key(context, secret.kms_key.as_deref())?;
    secret.add_version(now, id.to_owned(), payload, stages);
    secret.touch(now);
    Ok(())
}

/// [I] the text.
fn token_in_use(secret: &Secret, token: &str) -> Refusal {
    let arn = &secret.arn;
    Refusal::new(
        "ResourceExistsException",
        format!(
            "You can't use ClientRequestToken {token} because that value is already in use for a version of secret {arn}."
        ),
    )
}

/// Changes the key and encrypts the current, the pending and the previous version anew; [D] without the
/// permission to encrypt they stay with the old key, as all others do.
fn change_key(context: &Context<'_>, secret: &mut Secret, key: Option<String>) -> Result<(), Refusal> {
    let old = secret.kms_key.clone().unwrap_or_default();
    let may_encrypt = match key.as_deref().map(|key| kms::usable(context, key)) {
        Some(Use::Usable(arn)) => context.authorize_key("kms:Encrypt", &arn, &["secretsmanager"]).is_ok(),
        _ => true,
    };
    let again = ["AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"];
    for version in &mut secret.versions {
        let with = version.left_with.get_or_insert_with(|| old.clone());
        if may_encrypt && version.stages.iter().any(|it| again.contains(&it.as_str())) {
            if !with.is_empty() {
                decrypt(context, with)?;
            }
            version.left_with = None;
        }
    }
    secret.kms_key = key;
    Ok(())
}

/// Checks a customer key and keeps it as it was given [D]; the service's own key is not shown.
fn encryption_key(context: &Context<'_>, key: Option<&str>) -> Result<Option<String>, Refusal> {
    let own = |key: &&str| key.is_empty() || key.ends_with("alias/aws/secretsmanager");
    let Some(key) = key.filter(|key| !own(key)) else {
        return Ok(None);
    };
    match kms::usable(context, key) {
        Use::Usable(arn) if kms::is_managed(context, &arn) => Ok(None),
        Use::Usable(arn) => {
            context.authorize_key("kms:GenerateDataKey", &arn, &["secretsmanager"])?;
            context.authorize_key("kms:Decrypt", &arn, &["secretsmanager"])?;
            Ok(Some(key.to_owned()))
        }
        // [M] the code; [?] the text
        Use::Missing | Use::Unusable(_) => Err(Refusal::new(
            "EncryptionFailure",
            "Secrets Manager can't encrypt the protected secret text using the provided KMS key.",
        )),
    }
}
