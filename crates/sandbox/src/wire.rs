//! The services' wire protocols: who calls, what they ask, and how it is answered.
//!
//! Real SDKs must not notice the difference, so errors have each service's own form. The signature is
//! not verified: its credential scope names the region and service, and that is all that is used.

use std::borrow::Cow;
use std::fmt::Write as _;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

/// The account of a caller whose access key is not an account.
pub(crate) const DEFAULT_ACCOUNT: &str = "123456789012";
const STS_NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// A service that the sandbox speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Service {
    Events,
    SecretsManager,
    Kms,
    Glue,
    Sts,
    Tagging,
}

impl Service {
    /// Returns the name used in signatures, rules and the call log.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::SecretsManager => "secretsmanager",
            Self::Kms => "kms",
            Self::Glue => "glue",
            Self::Sts => "sts",
            Self::Tagging => "tagging",
        }
    }

    /// Returns the name used in IAM actions.
    pub(crate) fn action_prefix(self) -> &'static str {
        match self {
            Self::Tagging => "tag",
            other => other.name(),
        }
    }

    /// Finds the service of an `X-Amz-Target` prefix.
    fn of_target(prefix: &str) -> Option<Self> {
        match prefix {
            "AWSEvents" => Some(Self::Events),
            "secretsmanager" => Some(Self::SecretsManager),
            "TrentService" => Some(Self::Kms),
            "AWSGlue" => Some(Self::Glue),
            "ResourceGroupsTaggingAPI_20170126" => Some(Self::Tagging),
            _ => None,
        }
    }
}

/// An error answer of a service.
pub(crate) struct Refusal {
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
    pub(crate) status: u16,
}

impl Refusal {
    /// Makes a client error.
    pub(crate) fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), status: 400 }
    }

    /// Makes the refusal of an input that the model forbids.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new("ValidationException", message)
    }

    /// Makes the answer to an operation that the service does not have.
    pub(crate) fn unknown_operation() -> Self {
        Self::new("UnknownOperationException", "")
    }
}

/// Who calls, from the credential scope of the signature.
pub(crate) struct Caller {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) service: String,
}

impl Caller {
    /// Reads `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, …`.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let authorization = headers.get(AUTHORIZATION)?.to_str().ok()?;
        let (_, scope) = authorization.split_once("Credential=")?;
        let scope = scope.split([',', ' ']).next()?;
        // The access key may itself contain slashes, so the scope is read from its end.
        let mut parts = scope.rsplitn(5, '/');
        let _terminator = parts.next()?;
        let service = parts.next()?;
        let region = parts.next()?;
        let _date = parts.next()?;
        let key = parts.next()?;
        let is_account = key.len() == 12 && key.bytes().all(|b| b.is_ascii_digit());
        Some(Self {
            account: if is_account { key } else { DEFAULT_ACCOUNT }.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
        })
    }

    /// Returns the partition of the region.
    pub(crate) fn partition(&self) -> &'static str {
        partition(&self.region)
    }
}

/// Returns the partition that a region belongs to.
pub(crate) fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

/// What is asked for: a service, if known, and the operation's name.
pub(crate) struct Asked<'a> {
    pub(crate) service: Option<Service>,
    pub(crate) operation: &'a str,
}

/// Reads the target of an awsJson request.
pub(crate) fn target(headers: &HeaderMap) -> Option<Asked<'_>> {
    let target = headers.get("x-amz-target")?.to_str().ok()?;
    let (prefix, operation) = target.split_once('.').unwrap_or(("", target));
    Some(Asked { service: Service::of_target(prefix), operation })
}

/// Returns a field of an AWS Query form body.
pub(crate) fn form_field<'a>(body: &'a [u8], field: &str) -> Option<&'a str> {
    std::str::from_utf8(body)
        .ok()?
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find_map(|(name, value)| (name == field).then_some(value))
}

/// Encodes a successful answer.
pub(crate) fn answer(service: Service, operation: &str, output: &Value) -> Response<Bytes> {
    let id = Uuid::new_v4();
    if service == Service::Sts {
        let mut fields = String::new();
        for (name, value) in output.as_object().into_iter().flatten() {
            let text = escape(value.as_str().unwrap_or_default());
            let _ = write!(fields, "<{name}>{text}</{name}>");
        }
        let body = format!(
            "<{operation}Response xmlns=\"{STS_NAMESPACE}\"><{operation}Result>{fields}</{operation}Result>\
             <ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{operation}Response>"
        );
        return respond(StatusCode::OK, service, id, body.into());
    }
    // Operations without output answer an empty body, not `{}`.
    let body = if output.is_null() { Bytes::new() } else { output.to_string().into() };
    respond(StatusCode::OK, service, id, body)
}

/// Encodes an error answer in the service's form.
pub(crate) fn refuse(service: Service, refusal: &Refusal) -> Response<Bytes> {
    let id = Uuid::new_v4();
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
    let Refusal { code, message, .. } = refusal;
    if service == Service::Sts {
        let (code, message) = (escape(code), escape(message));
        let kind = if status.is_server_error() { "Receiver" } else { "Sender" };
        let body = format!(
            "<ErrorResponse xmlns=\"{STS_NAMESPACE}\"><Error><Type>{kind}</Type><Code>{code}</Code>\
             <Message>{message}</Message></Error><RequestId>{id}</RequestId></ErrorResponse>"
        );
        return respond(status, service, id, body.into());
    }
    // Secrets Manager, Glue, the tagging API [M] and every access denial spell it `Message`.
    let spelled_large = matches!(service, Service::SecretsManager | Service::Glue | Service::Tagging);
    let member = if spelled_large || code == "AccessDeniedException" { "Message" } else { "message" };
    let body = if message.is_empty() { json!({"__type": code}) } else { json!({"__type": code, member: message}) };
    let mut response = respond(status, service, id, body.to_string().into());
    if let Ok(value) = HeaderValue::from_str(code) {
        response.headers_mut().insert("x-amzn-errortype", value);
    }
    response
}

fn respond(status: StatusCode, service: Service, id: Uuid, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let kind = if service == Service::Sts { "text/xml" } else { "application/x-amz-json-1.1" };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(key: &str) -> Caller {
        let mut headers = HeaderMap::new();
        let text = format!(
            "AWS4-HMAC-SHA256 Credential={key}/20261121/eu-west-1/events/aws4_request, SignedHeaders=host, Signature=0"
        );
        headers.insert(AUTHORIZATION, text.parse().unwrap());
        Caller::of(&headers).unwrap()
    }

    #[test]
    fn an_access_key_of_twelve_digits_is_the_account() {
        assert_eq!(caller("111122223333").account, "111122223333");
        assert_eq!(caller("AKIDEXAMPLE").account, DEFAULT_ACCOUNT);
        assert_eq!(caller("a/b").region, "eu-west-1");
    }

    #[test]
    fn errors_have_the_form_of_their_service() {
        let refusal = Refusal::new("ThrottlingException", "Rate exceeded");
        let body = refuse(Service::Events, &refusal).into_body();
        assert_eq!(body, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#);
        let body = refuse(Service::Sts, &refusal).into_body();
        assert!(std::str::from_utf8(&body).unwrap().contains("<Code>ThrottlingException</Code>"));
    }
}
