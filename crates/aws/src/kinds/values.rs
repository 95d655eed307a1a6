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

/// A secret whose value is wanted.
#[derive(Clone)]
pub(crate) struct Asked {
    /// Its ARN.
    pub(crate) arn: String,
    /// A key of its own encrypts it, which the reader has to be allowed to use.
    pub(crate) keyed: bool,
}

/// The current value of a secret.
pub(crate) struct Payload {
    /// The id of its version.
    pub(crate) version: Option<String>,
    /// The text; `None` where it is binary. To be wrapped in a `Secret` at once.
    pub(crate) text: Option<String>,
}

/// Reads the values of secrets by their ARNs: each one's value, or why it could not be read. `what` is what they are, in
/// the words of such a reason: "the managed secret".
pub(crate) async fn read(
    reach: &Reach,
    asked: Vec<Asked>,
    what: &'static str,
) -> HashMap<String, Result<Payload, String>> {
    let batches: Vec<Vec<Asked>> = asked.chunks(BATCH).map(<[Asked]>::to_vec).collect();
    futures_util::stream::iter(batches)
        .map(|batch| read_batch(reach, batch, what))
        .buffer_unordered(AT_ONCE)
        .flat_map(futures_util::stream::iter)
        .collect()
        .await
}

async fn read_batch(reach: &Reach, asked: Vec<Asked>, what: &str) -> Vec<(String, Result<Payload, String>)> {
    let arns: Vec<&str> = asked.iter().map(|asked| asked.arn.as_str()).collect();
    let mut answer = match reach.read(&BATCH_GET_SECRET_VALUE, &json!({ "SecretIdList": arns })).await {
        Ok(answer) => answer,
        // Some implementations fail as a whole over one that is missing.
        Err(fault) if fault.kind == FaultKind::NotFound && arns.len() > 1 => {
            let mut read_one = Vec::with_capacity(asked.len());
            for one in asked {
                read_one.extend(Box::pin(read_batch(reach, vec![one], what)).await);
            }
            return read_one;
        }
        Err(fault) => {
            let why = why_unread(&fault, what);
            return asked.into_iter().map(|asked| (asked.arn, Err(why.clone()))).collect();
        }
    };
    let mut read = Vec::with_capacity(arns.len());
    if let Json::Array(values) = answer["SecretValues"].take() {
        for mut value in values {
            let Some(arn) = value["ARN"].as_str().map(str::to_owned) else { continue };
            let version = value["VersionId"].as_str().map(str::to_owned);
            let text = match value["SecretString"].take() {
                Json::String(text) => Some(text),
                _ => None,
            };
            read.push((arn, Ok(Payload { version, text })));
        }
    }
    for error in answer["Errors"].as_array().into_iter().flatten() {
        let Some(id) = error["SecretId"].as_str() else { continue };
        // The id may come back as a name or as an ARN.
        let of = asked.iter().find(|asked| asked.arn == id || asked.arn.contains(&format!(":secret:{id}")));
        let why = match error["ErrorCode"].as_str().unwrap_or_default() {
            "ResourceNotFoundException" => format!("{what} was not found"),
            // Whichever of the two is missing, the answer has this code.
            "AccessDeniedException" | "AccessDenied" if of.is_some_and(|asked| asked.keyed) => {
                "secretsmanager:GetSecretValue, or kms:Decrypt on its key, denied".to_owned()
            }
            "AccessDeniedException" | "AccessDenied" => "secretsmanager:GetSecretValue denied".to_owned(),
            "DecryptionFailure" => "kms:Decrypt denied".to_owned(),
            code => format!("{what} could not be read ({code})"),
        };
        read.push((of.map_or(id, |asked| &asked.arn).to_owned(), Err(why)));
    }
    read
}

/// Why a secret could not be read.
pub(crate) fn why_unread(fault: &Fault, what: &str) -> String {
    match fault.kind {
        FaultKind::Denied => format!("{} denied", fault.operation),
        FaultKind::NotFound => format!("{what} was not found"),
        kind => format!("{} failed ({kind})", fault.operation),
    }
}
