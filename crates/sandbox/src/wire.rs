//! The services' wire protocols: who calls, what they ask, and how it is answered.
//!
//! Real SDKs must not notice the difference, so errors have each service's own form. The signature is
//! not verified: its credential scope names the region and service, and that is all that is used.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{s3, xml};

/// The account of a caller whose access key is not an account.
pub(crate) const DEFAULT_ACCOUNT: &str = "123456789012";

/// A service that the sandbox speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Service {
    Events,
    SecretsManager,
    Kms,
    Glue,
    CloudControl,
    Ssm,
    Sqs,
    Logs,
    Sts,
    CloudFormation,
    Iam,
    S3,
    Tagging,
    CloudTrail,
    Quotas,
}

/// How a service is spoken to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Protocol {
    /// JSON, with the operation in a header.
    Json { target: &'static str, version: &'static str },
    /// A form, answered in XML of this namespace.
    Query { namespace: &'static str },
    /// HTTP's methods and paths, with XML.
    RestXml,
}

impl Service {
    /// All of them.
    pub(crate) const ALL: [Self; 15] = [
        Self::Events,
        Self::SecretsManager,
        Self::Kms,
        Self::Glue,
        Self::CloudControl,
        Self::Ssm,
        Self::Sqs,
        Self::Logs,
        Self::Sts,
        Self::CloudFormation,
        Self::Iam,
        Self::S3,
        Self::Tagging,
        Self::CloudTrail,
        Self::Quotas,
    ];

    /// Returns the name used in signatures, rules and the call log.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::SecretsManager => "secretsmanager",
            Self::Kms => "kms",
            Self::Glue => "glue",
            Self::CloudControl => "cloudcontrolapi",
            Self::Ssm => "ssm",
            Self::Sqs => "sqs",
            Self::Logs => "logs",
            Self::Sts => "sts",
            Self::CloudFormation => "cloudformation",
            Self::Iam => "iam",
            Self::S3 => "s3",
            Self::Tagging => "tagging",
            Self::CloudTrail => "cloudtrail",
            Self::Quotas => "servicequotas",
        }
    }

    /// Returns the IAM action of an operation.
    pub(crate) fn action(self, operation: &str) -> String {
        match self {
            // [D] Cloud Control's actions are CloudFormation's
            Self::CloudControl => format!("cloudformation:{operation}"),
            Self::S3 => format!("s3:{}", s3::action(operation)),
            Self::Tagging => format!("tag:{operation}"),
            _ => format!("{}:{operation}", self.name()),
        }
    }

    /// Returns how the service is spoken to [M].
    pub(crate) fn protocol(self) -> Protocol {
        let json = |target, version| Protocol::Json { target, version };
        match self {
            Self::Events => json("AWSEvents", "1.1"),
            Self::SecretsManager => json("secretsmanager", "1.1"),
            Self::Kms => json("TrentService", "1.1"),
            Self::Glue => json("AWSGlue", "1.1"),
            Self::CloudControl => json("CloudApiService", "1.0"),
            Self::Ssm => json("AmazonSSM", "1.1"),
            Self::Sqs => json("AmazonSQS", "1.0"),
            Self::Logs => json("Logs_20140328", "1.1"),
            Self::Sts => Protocol::Query { namespace: "https://sts.amazonaws.com/doc/2011-06-15/" },
            Self::CloudFormation => {
                Protocol::Query { namespace: "http://cloudformation.amazonaws.com/doc/2010-05-15/" }
            }
            Self::Iam => Protocol::Query { namespace: "https://iam.amazonaws.com/doc/2010-05-08/" },
            Self::S3 => Protocol::RestXml,
            Self::Tagging => json("ResourceGroupsTaggingAPI_20170126", "1.1"),
            Self::CloudTrail => json("com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101", "1.1"),
            Self::Quotas => json("ServiceQuotasV20190624", "1.1"),
        }
    }

    /// Finds the service of an `X-Amz-Target` prefix.
    fn of_target(prefix: &str) -> Option<Self> {
        let fits = |service: &Self| matches!(service.protocol(), Protocol::Json { target, .. } if target == prefix);
        Self::ALL.into_iter().find(fits)
    }

    /// Finds the service of the Query protocol that a request was signed for.
    fn of_form(caller: Option<&Caller>) -> Option<Self> {
        let query = |service: &Self| matches!(service.protocol(), Protocol::Query { .. });
        Self::ALL.into_iter().filter(query).find(|service| caller.is_some_and(|it| it.service == service.name()))
    }
}

/// An error answer of a service.
pub(crate) struct Refusal {
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
    pub(crate) status: u16,
    /// Where to ask instead: S3 says it with a redirection.
    pub(crate) region: Option<String>,
}

impl Refusal {
    /// Makes a client error.
    pub(crate) fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), status: 400, region: None }
    }

    /// Answers it with another status.
    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
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
    /// The access key.
    pub(crate) key: String,
    /// The user whose key it is.
    pub(crate) user: String,
}

/// The user of keys that name none.
pub(crate) const DEFAULT_USER: &str = "sandbox";

/// The user that a key stands for: one in small letters is also the user's name, but for those that everybody tries with.
fn user_of(key: &str) -> &str {
    let named = key.starts_with(|first: char| first.is_ascii_lowercase())
        && key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b));
    if named && !["test", "testing", "any"].contains(&key) { key } else { DEFAULT_USER }
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
            key: key.to_owned(),
            user: user_of(key).to_owned(),
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

/// What is asked for: a service, if known, the operation's name, and the service whose form answers have.
pub(crate) struct Asked<'a> {
    pub(crate) service: Option<Service>,
    pub(crate) operation: &'a str,
    pub(crate) spoken: Service,
}

/// Reads what a request asks for; `None` when it is nothing of AWS.
pub(crate) fn asked<'a>(parts: &'a Parts, body: &'a [u8], caller: Option<&Caller>) -> Option<Asked<'a>> {
    if let Some(target) = parts.headers.get("x-amz-target") {
        let target = target.to_str().ok()?;
        let (prefix, operation) = target.rsplit_once('.').unwrap_or(("", target));
        let service = Service::of_target(prefix);
        return Some(Asked { service, operation, spoken: service.unwrap_or(Service::Events) });
    }
    if caller.is_some_and(|caller| caller.service == Service::S3.name()) {
        let operation = s3::request::operation(parts);
        return Some(Asked { service: Some(Service::S3), operation, spoken: Service::S3 });
    }
    let service = Service::of_form(caller);
    let operation = form_field(body, "Action")?;
    Some(Asked { service, operation, spoken: service.unwrap_or(Service::Sts) })
}

/// Returns a field of an AWS Query form body.
fn form_field<'a>(body: &'a [u8], field: &str) -> Option<&'a str> {
    std::str::from_utf8(body)
        .ok()?
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find_map(|(name, value)| (name == field).then_some(value))
}

/// Encodes a successful answer.
pub(crate) fn answer(service: Service, operation: &str, output: &Value) -> Response<Bytes> {
    let id = Uuid::new_v4();
    match service.protocol() {
        Protocol::Json { .. } => {
            // Operations without output answer an empty body, not `{}`.
            let body = if output.is_null() { Bytes::new() } else { output.to_string().into() };
            respond(StatusCode::OK, service, id, body)
        }
        Protocol::Query { namespace } => {
            let mut fields = String::new();
            xml::write(&mut fields, output, |_| Some("member"));
            let body = format!(
                "<{operation}Response xmlns=\"{namespace}\"><{operation}Result>{fields}</{operation}Result>\
                 <ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{operation}Response>"
            );
            respond(StatusCode::OK, service, id, body.into())
        }
        Protocol::RestXml => {
            let (status, body) = s3::request::render(operation, output);
            let mut response = respond(status, service, id, body);
            let headers = [
                ("BucketRegion", "x-amz-bucket-region"),
                ("ETag", "etag"),
                ("LastModified", "last-modified"),
                ("ContentType", "content-type"),
            ];
            for (member, header) in headers {
                if let Some(value) = output.get(member).and_then(Value::as_str) {
                    add_header(&mut response, header, value);
                }
            }
            response
        }
    }
}

/// Encodes an error answer in the service's form.
pub(crate) fn refuse(service: Service, refusal: &Refusal) -> Response<Bytes> {
    let id = Uuid::new_v4();
    let (code, default) = spelled(service, &refusal.code);
    let status = if refusal.status == 400 { default } else { refusal.status };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let message = &refusal.message;
    match service.protocol() {
        Protocol::Json { .. } => {
            // These [M] and every access denial spell it `Message`.
            let spelled_large = matches!(
                service,
                Service::SecretsManager | Service::Glue | Service::CloudControl | Service::Tagging | Service::Quotas
            );
            let member = if spelled_large || code == "AccessDeniedException" { "Message" } else { "message" };
            let body =
                if message.is_empty() { json!({"__type": code}) } else { json!({"__type": code, member: message}) };
            let mut response = respond(status, service, id, body.to_string().into());
            add_header(&mut response, "x-amzn-errortype", code);
            if service == Service::Sqs {
                // [M] SQS tells the code that it had before it spoke JSON
                add_header(&mut response, "x-amzn-query-error", &format!("{};Sender", crate::sqs::query_code(code)));
            }
            response
        }
        Protocol::Query { namespace } => {
            let (code, message) = (xml::escape(code), xml::escape(message));
            let kind = if status.is_server_error() { "Receiver" } else { "Sender" };
            let body = format!(
                "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>{kind}</Type><Code>{code}</Code>\
                 <Message>{message}</Message></Error><RequestId>{id}</RequestId></ErrorResponse>"
            );
            respond(status, service, id, body.into())
        }
        Protocol::RestXml => {
            let (code, message) = (xml::escape(code), xml::escape(message));
            let body =
                format!("<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{id}</RequestId></Error>");
            let mut response = respond(status, service, id, body.into());
            if let Some(region) = &refusal.region {
                add_header(&mut response, "x-amz-bucket-region", region);
            }
            response
        }
    }
}

/// Returns a code as the service spells it, and the status that belongs to it.
fn spelled(service: Service, code: &str) -> (&str, u16) {
    match (service.protocol(), code) {
        // [D] services that answer XML spell it so
        (Protocol::Query { .. } | Protocol::RestXml, "AccessDeniedException") => ("AccessDenied", 403),
        (Protocol::Query { .. } | Protocol::RestXml, "AccessDenied") => (code, 403),
        (Protocol::Query { .. }, "ValidationException") => ("ValidationError", 400),
        (Protocol::RestXml, "ValidationException") => ("InvalidArgument", 400),
        // [M] Logs has no ValidationException for its members
        (_, "ValidationException") if service == Service::Logs => ("InvalidParameterException", 400),
        _ => (code, 400),
    }
}

fn respond(status: StatusCode, service: Service, id: Uuid, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let kind = match service.protocol() {
        Protocol::Json { version: "1.0", .. } => "application/x-amz-json-1.0",
        Protocol::Json { .. } => "application/x-amz-json-1.1",
        Protocol::Query { .. } => "text/xml",
        Protocol::RestXml => "application/xml",
    };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    let name = if service == Service::S3 { "x-amz-request-id" } else { "x-amzn-requestid" };
    add_header(&mut response, name, &id.to_string());
    response
}

fn add_header(response: &mut Response<Bytes>, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
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
