//! One object in S3 on which runs agree, each write of which says what it expects to find.
//!
//! What stands in the object, and whose turn it is, is not known here. S3 carries out at most one of several writes with
//! the same condition, and its `Date` is the time for all of them.
//!
//! Conditions: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html>.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use aws_sigv4::http_request::{PayloadChecksumKind, PercentEncodingMode, SigningSettings, UriPathNormalizationMode};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use bytes::Bytes;
use http::Method;
use trueup_engine::cloud::Place;
use trueup_engine::fault::{Fault, FaultKind};

use crate::clock;
use crate::fault::of_unreadable;
use crate::operation::{DELETE_OBJECT, GET_OBJECT, Operation, PUT_OBJECT};
use crate::session::Session;
use crate::wire::{Answered, Unsigned, code, refused};

/// An object by its bucket and key.
#[derive(Debug)]
pub struct Object {
    bucket: String,
    key: String,
    place: Place,
    /// Where the bucket is, once S3 has said that it is not in the region of the place.
    region: Mutex<Option<String>>,
}

/// What S3 said, and when: seconds since the Unix epoch, by its own clock.
#[derive(Debug)]
pub struct Told<T> {
    /// The answer.
    pub said: T,
    /// The `Date` of the answer.
    pub date: i64,
}

/// What there is of an object.
#[derive(Debug)]
pub enum Seen {
    /// It is not there.
    Absent,
    /// It is there.
    Present {
        /// What is in it.
        body: Bytes,
        /// Its ETag.
        tag: String,
    },
    /// It may not be read, or is not there: who may not list a bucket is told the same of both.
    Hidden(Fault),
}

/// What became of a conditional write.
#[derive(Debug)]
pub enum Outcome {
    /// It was carried out; the ETag that the object has now.
    Done(String),
    /// The object was not as expected, or somebody else wrote at the same moment.
    Refused,
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

impl Object {
    /// Reads `s3://bucket/key`; the error says what is wrong with it.
    pub fn parse(url: &str, place: Place) -> Result<Self, &'static str> {
        let rest = url.strip_prefix("s3://").ok_or("it does not begin with `s3://`")?;
        let (bucket, key) = rest.split_once('/').ok_or("it names no key behind the bucket")?;
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
        // Old buckets may have capitals and underscores; they cannot be part of a host's name.
        if !(3..=63).contains(&bucket.len()) || !bucket.bytes().all(plain) {
            return Err("its bucket has a name that no bucket has");
        }
        if key.is_empty() || key.ends_with('/') || key.len() > 1024 {
            return Err("its key is empty, too long, or ends with `/`");
        }
        // In a policy these stand for more than themselves.
        if key.contains(['*', '?', '$']) {
            return Err("its key has a `*`, a `?` or a `$` in it");
        }
        Ok(Self { bucket: bucket.to_owned(), key: key.to_owned(), place, region: Mutex::default() })
    }

    /// The bucket.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Reads it.
    pub async fn read(&self, session: &Session) -> Result<Told<Seen>, Fault> {
        let operation = &GET_OBJECT;
        let answered = self
            .send(session, operation, &Method::GET, &[], &Bytes::new(), |answered| {
                // A refusal of the signature corrects the clock, and is asked again.
                let is_denied = || {
                    let refused = refused(operation, answered, &[]);
                    !refused.code.is_some_and(|code| clock::CODES.contains(&code.as_str()))
                };
                (answered.status == 403 && is_denied())
                    || (answered.status == 404 && !is_no_bucket(operation, answered))
            })
            .await?;
        let date = date(operation, &answered)?;
        let said = match answered.status {
            404 => Seen::Absent,
            403 => Seen::Hidden(refused(operation, &answered, &[])),
            _ => Seen::Present { tag: tag(operation, &answered)?, body: answered.body },
        };
        Ok(Told { said, date })
    }

    /// Writes it where it has this ETag still; with none, where it is not there.
    pub async fn write(&self, session: &Session, expected: Option<&str>, body: Bytes) -> Result<Told<Outcome>, Fault> {
        let operation = &PUT_OBJECT;
        let condition = match expected {
            Some(tag) => ("if-match", tag.to_owned()),
            None => ("if-none-match", "*".to_owned()),
        };
        let headers = [("content-type", "application/json".to_owned()), condition];
        let expected = |answered: &Answered| is_refusal(operation, answered);
        let answered = self.send(session, operation, &Method::PUT, &headers, &body, expected).await?;
        let date = date(operation, &answered)?;
        let said = if answered.is_success() { Outcome::Done(tag(operation, &answered)?) } else { Outcome::Refused };
        Ok(Told { said, date })
    }

    /// Removes it where it has this ETag still; whether it did. A store that knows no conditional delete gets `instead` as
    /// its content.
    pub async fn remove(&self, session: &Session, tag: &str, instead: Bytes) -> Result<bool, Fault> {
        let operation = &DELETE_OBJECT;
        let headers = [("if-match", tag.to_owned())];
        let known = |answered: &Answered| is_refusal(operation, answered) || answered.status == 501;
        let answered = self.send(session, operation, &Method::DELETE, &headers, &Bytes::new(), known).await?;
        if answered.status == 501 {
            let written = self.write(session, Some(tag), instead).await?;
            return Ok(matches!(written.said, Outcome::Done(_)));
        }
        Ok(answered.is_success())
    }

    async fn send(
        &self,
        session: &Session,
        operation: &'static Operation,
        method: &Method,
        headers: &[(&'static str, String)],
        body: &Bytes,
        expected: impl Fn(&Answered) -> bool,
    ) -> Result<Answered, Fault> {
        let mut moved = false;
        loop {
            let region = self.region.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let place = match &region {
                Some(region) => Place { region: Some(region.as_str().into()), ..self.place.clone() },
                None => self.place.clone(),
            };
            let reach = session.reach(&place).await?;
            let url = reach.object_url(&self.bucket, &encoded(&self.key))?;
            let request = || Unsigned {
                method: method.clone(),
                url: url.clone(),
                headers: headers.to_vec(),
                body: body.clone(),
                rules: rules(),
            };
            let elsewhere = |answered: &Answered| {
                let named = answered.headers.get("x-amz-bucket-region").filter(|region| *region != reach.region());
                named.filter(|_| matches!(answered.status, 301 | 307 | 400)).map(str::to_owned)
            };
            let known = |answered: &Answered| elsewhere(answered).is_some() || expected(answered);
            let answered = reach.rest(operation, request, known).await?;
            match elsewhere(&answered) {
                None => return Ok(answered),
                Some(_) if moved => return Err(refused(operation, &answered, &[])),
                Some(region) => {
                    moved = true;
                    *self.region.lock().unwrap_or_else(PoisonError::into_inner) = Some(region);
                }
            }
        }
    }
}

/// What S3 wants of a signature: the path is encoded once and taken as it is, and the body's digest is a header.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>
fn rules() -> SigningSettings {
    let mut rules = SigningSettings::default();
    rules.percent_encoding_mode = PercentEncodingMode::Single;
    rules.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    rules.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    rules
}

/// A key as part of a URL's path.
fn encoded(key: &str) -> String {
    use std::fmt::Write as _;
    let mut path = String::with_capacity(key.len());
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
    }
    path
}

/// Whether the condition did not hold. A write that expects an object that is gone is answered with 404, and one of two at
/// the same moment with 409.
fn is_refusal(operation: &Operation, answered: &Answered) -> bool {
    match answered.status {
        412 => true,
        404 => !is_no_bucket(operation, answered),
        409 => code(operation, answered).as_deref() == Some("ConditionalRequestConflict"),
        _ => false,
    }
}

fn is_no_bucket(operation: &Operation, answered: &Answered) -> bool {
    code(operation, answered).as_deref() != Some("NoSuchKey")
}

fn tag(operation: &Operation, answered: &Answered) -> Result<String, Fault> {
    let tag = answered.headers.get("etag").map(str::to_owned);
    tag.ok_or_else(|| of_unreadable(operation, "it has no `ETag`", answered.request_id.as_deref()))
}

fn date(operation: &Operation, answered: &Answered) -> Result<i64, Fault> {
    let date = answered.headers.get("date").and_then(|text| DateTime::from_str(text, Format::HttpDate).ok());
    let unreadable = || of_unreadable(operation, "it has no `Date`", answered.request_id.as_deref());
    Ok(date.ok_or_else(unreadable)?.secs())
}

/// Whether a fault says that the bucket is not there.
pub fn is_missing_bucket(fault: &Fault) -> bool {
    fault.kind == FaultKind::Invalid && fault.code.as_deref() == Some("NoSuchBucket")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<String, &'static str> {
        Object::parse(url, Place { region: None, role_arn: None }).map(|object| object.to_string())
    }

    #[test]
    fn an_object_is_named_by_bucket_and_key() {
        assert_eq!(parse("s3://locks/orders/dev.json").unwrap(), "s3://locks/orders/dev.json");
        for wrong in ["locks/key", "s3://locks", "s3://locks/", "s3://Locks/key", "s3://l/key", "s3://locks/folder/"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_key_is_encoded_once() {
        assert_eq!(encoded("a/b c+é%20.json"), "a/b%20c%2B%C3%A9%2520.json");
    }
}
