//! The operations that read secrets.

use std::sync::Arc;

use serde_json::{Value, json};

use super::secret::Secret;
use super::{filter, name_of, resource};
use crate::kms::{self, Use};
use crate::operation::{Context, Resource, part, required, text};
use crate::page;
use crate::wire::Refusal;

pub(super) fn get(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let secret = seen(context, required(input, "SecretId"))?;
    read(context, &secret, text(input, "VersionId"), text(input, "VersionStage"))
}

pub(super) fn batch_get(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let ids = part(input, "SecretIdList").and_then(Value::as_array);
    let filters = part(input, "Filters");
    if ids.is_some() == filters.is_some() {
        // [D] that it is refused; [?] the text
        return Err(Refusal::new(
            "InvalidParameterException",
            "Either 'SecretIdList' or 'Filters' must be provided, but not both.",
        ));
    }
    if ids.is_some() && part(input, "MaxResults").is_some() {
        // [D] that it is refused; [?] the text
        return Err(Refusal::new(
            "InvalidParameterException",
            "'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided.",
        ));
    }
    let (ids, next): (Vec<String>, Option<String>) = if let Some(ids) = ids {
        let ids = ids.iter().filter_map(Value::as_str);
        (ids.map(str::to_owned).collect(), None)
    } else {
        // [D] filters need the permission to list
        context.authorize("secretsmanager:ListSecrets", &Resource::one("*".to_owned()), &[])?;
        let (page, next) = select(context, input, 20)?;
        (page.iter().map(|secret| secret.arn.clone()).collect(), next)
    };
    let (mut values, mut errors) = (Vec::new(), Vec::new());
    for id in &ids {
        // [D] each secret needs the permission to read it
        let value = context
            .authorize("secretsmanager:GetSecretValue", &resource(context, id), &[])
            .and_then(|()| seen(context, id))
            .and_then(|secret| read(context, &secret, None, None));
        match value {
            Ok(value) => values.push(value),
            Err(refusal) => errors.push(json!({
                "SecretId": id, "ErrorCode": refusal.code, "Message": refusal.message,
            })),
        }
    }
    let mut out = json!({"SecretValues": values, "Errors": errors});
    if let Some(next) = next {
        out["NextToken"] = next.into();
    }
    Ok(out)
}

pub(super) fn describe(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    Ok(seen(context, required(input, "SecretId"))?.describe(context.view.at()))
}

pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Result<Value, Refusal> {
    let (page, next) = select(context, input, 100)?;
    let mut out = json!({"SecretList": page.iter().map(|secret| secret.listed()).collect::<Value>()});
    if let Some(next) = next {
        out["NextToken"] = next.into();
    }
    Ok(out)
}

/// Selects a page of secrets: by age [D], and newest first unless asked otherwise [?].
fn select(context: &Context<'_>, input: &Value, default: usize) -> Result<(Vec<Arc<Secret>>, Option<String>), Refusal> {
    let filters = part(input, "Filters");
    let deleted_too = input.get("IncludePlannedDeletion").and_then(Value::as_bool).unwrap_or(false);
    let region = &context.caller.region;
    let all = context.home.secrets.list("", None, context.view);
    let mut order: Vec<_> = all
        .filter(|secret| deleted_too || secret.deleted.is_none())
        .filter(|secret| filter::passes(secret, region, filters))
        .collect();
    match text(input, "SortBy") {
        Some("name") => {}
        Some("last-changed-date") => order.sort_by_key(|secret| secret.changed),
        _ => order.sort_by_key(|secret| secret.created),
    }
    if text(input, "SortOrder") != Some("asc") {
        order.reverse();
    }
    let from = match text(input, "NextToken") {
        None => 0,
        Some(token) => {
            let last = page::after(token);
            // [M] the code; [?] the text. A secret that is gone in between ends the paging.
            let last = last.and_then(|last| order.iter().position(|secret| secret.name == last));
            last.map(|last| last + 1)
                .ok_or_else(|| Refusal::new("InvalidNextTokenException", "The NextToken value is invalid."))?
        }
    };
    let limit = page::limit(input, "MaxResults", default);
    let (page, last) = page::take(order.into_iter().skip(from), limit, |it| it.name.clone());
    Ok((page.into_iter().cloned().collect(), last.as_deref().map(page::token)))
}

/// Finds a secret as a read sees it.
pub(super) fn seen(context: &Context<'_>, id: &str) -> Result<Arc<Secret>, Refusal> {
    let secret = context.home.secrets.seen(name_of(id), context.view);
    let secret = secret.or_else(|| context.home.secrets.seen(id, context.view));
    secret.filter(|secret| is(secret, id)).cloned().ok_or_else(missing)
}

/// Tells whether an id means this very secret: an ARN must be of this account, region and life.
pub(super) fn is(secret: &Secret, id: &str) -> bool {
    !id.starts_with("arn:")
        || secret.arn == id
        || secret.arn.strip_prefix(id).is_some_and(|end| end.starts_with('-') && end.len() == 7)
}

/// [L] the text.
pub(super) fn missing() -> Refusal {
    Refusal::new("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

/// [T] the text.
pub(super) fn marked_for_deletion() -> Refusal {
    Refusal::new(
        "InvalidRequestException",
        "You can't perform this operation on the secret because it was marked for deletion.",
    )
}

fn read(context: &Context<'_>, secret: &Secret, id: Option<&str>, stage: Option<&str>) -> Result<Value, Refusal> {
    if secret.deleted.is_some() {
        return Err(marked_for_deletion());
    }
    if id.is_some() && stage.is_some() && secret.version(id, None).is_some() && secret.version(id, stage).is_none() {
        // [I] the text
        return Err(Refusal::new(
            "InvalidRequestException",
            "You provided a VersionStage that is not associated to the provided VersionId.",
        ));
    }
    let version = secret.version(id, stage).ok_or_else(|| {
        // [I] the text for a stage; [?] for a version
        let what = match (id, stage) {
            (Some(id), _) => format!("VersionId: {id}"),
            (None, stage) => format!("staging label: {}", stage.unwrap_or("AWSCURRENT")),
        };
        let text = format!("Secrets Manager can't find the specified secret value for {what}");
        Refusal::new("ResourceNotFoundException", text)
    })?;
    if let Some(key) = secret.key_of(version) {
        decrypt(context, key)?;
    }
    Ok(secret.value(version))
}

/// Asks for a key that decrypts a value.
pub(super) fn decrypt(context: &Context<'_>, key: &str) -> Result<(), Refusal> {
    match kms::usable(context, key) {
        Use::Usable(arn) => context.authorize_key("kms:Decrypt", &arn, &["secretsmanager"]),
        // [M] the code; [?] the text
        Use::Missing | Use::Unusable(_) => Err(Refusal::new(
            "DecryptionFailure",
            "Secrets Manager can't decrypt the protected secret text using the provided KMS key.",
        )),
    }
}
