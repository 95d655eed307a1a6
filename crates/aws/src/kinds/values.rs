//! The values of secrets, read twenty at a time.

use std::collections::HashMap;

use futures_util::StreamExt as _;
use serde_json::{Value as Json, json};
use trueup_engine::fault::{Fault, FaultKind};

use crate::operation::BATCH_GET_SECRET_VALUE;
use crate::reach::Reach;

/// How many secrets one call reads.
const BATCH: usize = 20;
/// How many of these calls are under way at once.
const AT_ONCE: usize = 8;

/// The source of secrets that may not be read.
pub(crate) const SWITCHED_OFF: &str = "secret reads are switched off";

/// The current value of a secret.
pub(crate) struct Payload {
    /// The id of its version.
    pub(crate) version: Option<String>,
    /// When that version was made, in seconds since 1970.
    pub(crate) created: Option<f64>,
    /// The secret's name.
    pub(crate) name: Option<String>,
    /// The text; `None` where it is binary. To be wrapped in a `Secret` at once.
    pub(crate) text: Option<String>,
}

/// Why a secret could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unread {
    /// There is none.
    NotFound,
    /// This action is denied.
    Denied(String),
    /// Something else; the words say what.
    Failed(String),
}

impl Unread {
    /// What became of a call that reads.
    pub(crate) fn of(fault: &Fault) -> Self {
        match fault.kind {
            FaultKind::Denied => Self::Denied(fault.operation.clone()),
            FaultKind::NotFound => Self::NotFound,
            kind => Self::Failed(format!("{} failed ({kind})", fault.operation)),
        }
    }

    /// The same in words; `what` is what was read: "the managed secret".
    pub(crate) fn in_words(&self, what: &str) -> String {
        match self {
            Self::NotFound => format!("{what} was not found"),
            Self::Denied(action) => format!("{action} denied"),
            Self::Failed(how) => how.clone(),
        }
    }
}

/// Reads the values of secrets by their ARNs: each one's value, or why it could not be read. `what` is what they are, in
/// the words of such a reason: "the managed secret".
pub(crate) async fn read(
    reach: &Reach,
    arns: Vec<String>,
    what: &'static str,
) -> HashMap<String, Result<Payload, String>> {
    let read = read_each(reach, arns).await;
    read.into_iter().map(|(arn, payload)| (arn, payload.map_err(|why| why.in_words(what)))).collect()
}

/// The same by ARNs or names. What was read stands under the secret's ARN, and what was not under the id that was asked
/// for.
pub(crate) async fn read_each(reach: &Reach, ids: Vec<String>) -> HashMap<String, Result<Payload, Unread>> {
    let batches: Vec<Vec<String>> = ids.chunks(BATCH).map(<[String]>::to_vec).collect();
    futures_util::stream::iter(batches)
        .map(|batch| read_batch(reach, batch))
        .buffer_unordered(AT_ONCE)
        .flat_map(futures_util::stream::iter)
        .collect()
        .await
}

async fn read_batch(reach: &Reach, arns: Vec<String>) -> Vec<(String, Result<Payload, Unread>)> {
    let mut answer = match reach.read(&BATCH_GET_SECRET_VALUE, &json!({ "SecretIdList": arns })).await {
        Ok(answer) => answer,
        // Some implementations fail as a whole over one that is missing.
        Err(fault) if fault.kind == FaultKind::NotFound && arns.len() > 1 => {
            let mut read_one = Vec::with_capacity(arns.len());
            for arn in arns {
                read_one.extend(Box::pin(read_batch(reach, vec![arn])).await);
            }
            return read_one;
        }
        Err(fault) => {
            let why = Unread::of(&fault);
            return arns.into_iter().map(|arn| (arn, Err(why.clone()))).collect();
        }
    };
    let mut read = Vec::with_capacity(arns.len());
    if let Json::Array(values) = answer["SecretValues"].take() {
        for mut value in values {
            let Some(arn) = value["ARN"].as_str().map(str::to_owned) else { continue };
            let owned = |member: &str| value[member].as_str().map(str::to_owned);
            let (version, name, created) = (owned("VersionId"), owned("Name"), value["CreatedDate"].as_f64());
            let text = match value["SecretString"].take() {
                Json::String(text) => Some(text),
                _ => None,
            };
            read.push((arn, Ok(Payload { version, created, name, text })));
        }
    }
    for error in answer["Errors"].as_array().into_iter().flatten() {
        let Some(id) = error["SecretId"].as_str() else { continue };
        let why = match error["ErrorCode"].as_str().unwrap_or_default() {
            "ResourceNotFoundException" => Unread::NotFound,
            "AccessDeniedException" | "AccessDenied" => Unread::Denied("secretsmanager:GetSecretValue".to_owned()),
            "DecryptionFailure" => Unread::Denied("kms:Decrypt".to_owned()),
            code => Unread::Failed(format!("it could not be read ({code})")),
        };
        // The id may come back as a name or as an ARN.
        let arn =
            arns.iter().find(|arn| *arn == id || arn.contains(&format!(":secret:{id}"))).map_or(id, String::as_str);
        read.push((arn.to_owned(), Err(why)));
    }
    read
}

/// Why a secret could not be read.
pub(crate) fn why_unread(fault: &Fault, what: &str) -> String {
    Unread::of(fault).in_words(what)
}
