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
    asked: Vec<Asked>,
    what: &'static str,
) -> HashMap<String, Result<Payload, String>> {
    let read = read_each(reach, asked).await;
    read.into_iter().map(|(arn, payload)| (arn, payload.map_err(|why| why.in_words(what)))).collect()
}

/// The same by ARNs or names. What was read stands under the secret's ARN, and what was not under the id that was asked
/// for.
pub(crate) async fn read_each(reach: &Reach, asked: Vec<Asked>) -> HashMap<String, Result<Payload, Unread>> {
    let batches: Vec<Vec<Asked>> = asked.chunks(BATCH).map(<[Asked]>::to_vec).collect();
    futures_util::stream::iter(batches)
        .map(|batch| read_batch(reach, batch))
        .buffer_unordered(AT_ONCE)
        .flat_map(futures_util::stream::iter)
        .collect()
        .await
}

async fn read_batch(reach: &Reach, asked: Vec<Asked>) -> Vec<(String, Result<Payload, Unread>)> {
    let arns: Vec<&str> = asked.iter().map(|asked| asked.arn.as_str()).collect();
    let mut answer = match reach.read(&BATCH_GET_SECRET_VALUE, &json!({ "SecretIdList": arns })).await {
        Ok(answer) => answer,
        // Some implementations fail as a whole over one that is missing.
        Err(fault) if fault.kind == FaultKind::NotFound && arns.len() > 1 => {
            let mut read_one = Vec::with_capacity(asked.len());
            for one in asked {
                read_one.extend(Box::pin(read_batch(reach, vec![one])).await);
            }
            return read_one;
        }
        Err(fault) => {
            let why = Unread::of(&fault);
            return asked.into_iter().map(|asked| (asked.arn, Err(why.clone()))).collect();
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
        let of = means(&asked, id);
        let why = match error["ErrorCode"].as_str().unwrap_or_default() {
            "ResourceNotFoundException" => Unread::NotFound,
            // Whichever of the two is missing, the answer has this code.
            "AccessDeniedException" | "AccessDenied" if of.is_some_and(|asked| asked.keyed) => {
                Unread::Denied("secretsmanager:GetSecretValue, or kms:Decrypt on its key,".to_owned())
            }
            "AccessDeniedException" | "AccessDenied" => Unread::Denied("secretsmanager:GetSecretValue".to_owned()),
            "DecryptionFailure" => Unread::Denied("kms:Decrypt".to_owned()),
            code => Unread::Failed(format!("it could not be read ({code})")),
        };
        read.push((of.map_or(id, |asked| &asked.arn).to_owned(), Err(why)));
    }
    read
}

/// Which of those that were asked for an answer means: its id may come back as it was given, as a name or as an ARN.
fn means<'a>(asked: &'a [Asked], id: &str) -> Option<&'a Asked> {
    asked.iter().find(|asked| asked.arn == id).or_else(|| {
        asked.iter().find(|asked| is_arn(&asked.arn, id) || is_arn(id, &asked.arn) || is_arn_of(&asked.arn, id))
    })
}

/// Whether this is the ARN `id`, which may lack the six characters at the end.
pub(crate) fn is_arn(arn: &str, id: &str) -> bool {
    arn == id || id.starts_with("arn:") && without_end(arn) == Some(id)
}

/// Whether this is the ARN of a secret of that name.
fn is_arn_of(arn: &str, name: &str) -> bool {
    let Some((_, named)) = arn.split_once(":secret:") else { return false };
    named == name || without_end(named) == Some(name)
}

/// Without the hyphen and the six characters that the service puts at the end.
fn without_end(arn: &str) -> Option<&str> {
    let (without, end) = arn.rsplit_once('-')?;
    (end.len() == 6 && end.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(without)
}

/// Why a secret could not be read.
pub(crate) fn why_unread(fault: &Fault, what: &str) -> String {
    Unread::of(fault).in_words(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_of_the_secret_that_it_names_and_of_no_longer_name() {
        let arn = |name: &str| format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}");
        let asked = [arn("sec/login-AbCdEf"), arn("second-AbCdEf"), arn("sec-GhIjKl"), arn("whole"), "db".to_owned()];
        let asked = asked.map(|arn| Asked { arn, keyed: false });
        let of = |id: &str| means(&asked, id).map(|asked| asked.arn.clone());
        assert_eq!(of("sec"), Some(arn("sec-GhIjKl")));
        assert_eq!(of("sec/login"), Some(arn("sec/login-AbCdEf")));
        assert_eq!(of(&arn("second")), Some(arn("second-AbCdEf")));
        assert_eq!(of(&arn("whole-AbCdEf")), Some(arn("whole")));
        assert_eq!((of("db"), of("whole")), (Some("db".to_owned()), Some(arn("whole"))));
        assert_eq!((of("se"), of("who"), of(&arn("sec/log"))), (None, None, None));
    }
}
