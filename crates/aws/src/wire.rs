//! One attempt of a call to a service (awsJson, or a form answered in XML) of which too little is used for a generated client: the body,
//! the signature, the HTTP exchange, the answer. And [`wire_member`], through which every property passes into a request.
//!
//! This is the only module that exposes secrets: a request is built from the property tree by [`wire_member`], and the
//! redactor asks [`exposed`] for what it has to take out. Bodies are never logged.
//!
//! Protocol: <https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html>.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::http::Headers;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_types::request_id::RequestId;
use bytes::Bytes;
use http::Method;
use serde_json::Value as Json;
use trueup_engine::embedded::credentials_in;
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::secret::Secret;
use trueup_engine::value::{Map, Value};

use crate::call::Attempt;
use crate::clock;
use crate::fault::{self, Said};
use crate::operation::{Operation, Protocol};
use crate::query;

const USER_AGENT: &str = concat!("trueup/", env!("CARGO_PKG_VERSION"));

/// The text of a secret, where it is known; for the wire and for taking it out of messages.
#[expect(clippy::disallowed_methods, reason = "what goes on the wire, and what must be taken out of answers")]
pub(crate) fn exposed(secret: &Secret) -> Option<&str> {
    secret.expose()
}

/// A property as the service takes it, or a fault where a secret in it is not known: left out it would be wiped where the
/// service replaces what it is part of.
pub(crate) fn wire_member(properties: &Map, name: &str) -> Result<Option<Json>, Fault> {
    let Some(value) = properties.get(name) else { return Ok(None) };
    let mut lacking = None;
    value.walk(&mut |below, leaf| {
        if let Value::Secret(secret) = leaf
            && !secret.is_resolved()
        {
            lacking = Some(format!("{name}{below} ({}) has to be sent and could not be read", secret.source()));
        }
    });
    match lacking {
        Some(lacking) => Err(Fault::new(FaultKind::Invalid, "resolve", lacking)),
        None => Ok(to_wire(value)),
    }
}

/// Nothing and unknown values are left out; only [`wire_member`] calls it, which knows that every secret is resolved.
fn to_wire(value: &Value) -> Option<Json> {
    Some(match value {
        Value::Null | Value::Deferred(_) | Value::Unknown(_) => return None,
        Value::Bool(flag) => Json::Bool(*flag),
        Value::Number(number) => Json::Number(number.clone()),
        Value::String(text) => Json::String(text.clone()),
        Value::Secret(secret) => Json::String(exposed(secret)?.to_owned()),
        Value::List(items) => Json::Array(items.iter().filter_map(to_wire).collect()),
        Value::Map(map) => {
            Json::Object(map.iter().filter_map(|(name, member)| Some((name.clone(), to_wire(member)?))).collect())
        }
    })
}

/// The secrets in a tree of properties, and what they carry: a service may repeat the password of an address alone.
pub(crate) fn secrets_of(properties: &Map) -> Vec<Secret> {
    let mut secrets = Vec::new();
    for member in properties.values() {
        member.walk(&mut |_, leaf| {
            if let Value::Secret(secret) = leaf {
                let carried = exposed(secret).map(credentials_in).unwrap_or_default();
                secrets.extend(carried.into_iter().map(|text| Secret::new("carried", text.to_owned())));
                secrets.push(secret.clone());
            }
        });
    }
    secrets
}

/// Where a service of an account and region is reached.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) url: http::Uri,
    pub(crate) connector: SharedHttpConnector,
    pub(crate) region: String,
    /// How long one attempt may take as a whole.
    pub(crate) timeout: Duration,
}

/// A request that is not signed yet.
pub(crate) struct Unsigned {
    pub(crate) method: Method,
    pub(crate) url: http::Uri,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
    /// What the service wants of a signature.
    pub(crate) rules: SigningSettings,
}

/// What came back, whatever it says.
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(crate) body: Bytes,
    pub(crate) request_id: Option<String>,
}

impl Answered {
    /// Whether it is a success.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Sends a request once, and reads the answer of a service that speaks JSON or takes forms.
pub(crate) async fn exchange(
    line: &Line,
    credentials: Credentials,
    operation: &'static Operation,
    body: Bytes,
    secrets: &[Secret],
) -> Attempt<Json> {
    let mut headers = Vec::new();
    match operation.service.protocol() {
        Protocol::Json(content_type) => {
            headers.push(("content-type", content_type.to_owned()));
            headers.push(("x-amz-target", format!("{}.{}", operation.service.target, operation.short())));
        }
        Protocol::Query(_) | Protocol::Rest => headers.push(("content-type", query::CONTENT_TYPE.to_owned())),
    }
    let rules = SigningSettings::default();
    let request = Unsigned { method: Method::POST, url: line.url.clone(), headers, body, rules };
    let answered = send(line, credentials, operation, request, secrets).await?;
    answer(operation, answered, secrets)
}

/// Signs a request and sends it once.
pub(crate) async fn send(
    line: &Line,
    credentials: Credentials,
    operation: &'static Operation,
    request: Unsigned,
    secrets: &[Secret],
) -> Result<Answered, Fault> {
    let request = signed(line, credentials, operation, request)
        .map_err(|why| Fault::new(FaultKind::Invalid, operation.name, fault::redact(&why, secrets)))?;
    let exchange = async {
        let response =
            line.connector.call(request).await.map_err(|error| fault::of_connector(operation, &error, secrets))?;
        let request_id = response.request_id().map(str::to_owned);
        let request_id = request_id.or_else(|| response.headers().get("x-amz-request-id").map(str::to_owned));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = ByteStream::new(response.into_body())
            .collect()
            .await
            .map_err(|_| fault::of_unreadable(operation, "it broke off", request_id.as_deref()))?
            .into_bytes();
        Ok(Answered { status, headers, body, request_id })
    };
    match tokio::time::timeout(line.timeout, exchange).await {
        Ok(answered) => answered,
        Err(_) => Err(fault::of_timeout(operation, line.timeout)),
    }
}

fn signed(
    line: &Line,
    credentials: Credentials,
    operation: &'static Operation,
    request: Unsigned,
) -> Result<HttpRequest, String> {
    let Unsigned { method, url, headers, body, rules } = request;
    let text = url.to_string();
    let identity = credentials.into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(&line.region)
        .name(operation.service.name)
        .time(clock::now())
        .settings(rules)
        .build()
        .map_err(|error| error.to_string())?
        .into();
    let pairs = headers.iter().map(|(name, value)| (*name, value.as_str()));
    let signable = SignableRequest::new(method.as_str(), text.as_str(), pairs.clone(), SignableBody::Bytes(&body))
        .map_err(|error| error.to_string())?;
    let (signature, _) = sign(signable, &parameters).map_err(|error| error.to_string())?.into_parts();
    let request = http::Request::builder().method(method.clone()).uri(url);
    let request = pairs.fold(request, |request, (name, value)| request.header(name, value));
    let mut request = request
        .header("user-agent", USER_AGENT)
        .header("content-length", body.len())
        .body(SdkBody::from(body))
        .map_err(|error| error.to_string())?;
    signature.apply_to_request_http1x(&mut request);
    HttpRequest::try_from(request).map_err(|error| error.to_string())
}

fn answer(operation: &'static Operation, answered: Answered, secrets: &[Secret]) -> Attempt<Json> {
    let Answered { status, ref headers, ref body, ref request_id } = answered;
    let success = answered.is_success();
    // What says nothing: AWS sends no body, others `null`. A read of it lacks its members, and is unread by that.
    if success && (body.is_empty() || body.trim_ascii() == b"null") {
        return Ok((Json::Null, answered.request_id));
    }
    if !success {
        return Err(refused(operation, &answered, secrets));
    }
    // What the parser says would quote the body.
    parsed(operation, body).map(|json| (json, request_id.clone())).ok_or_else(|| {
        let form = if matches!(operation.service.protocol(), Protocol::Json(_)) { "JSON" } else { "XML" };
        let kind = headers.get("content-type").unwrap_or_default();
        let what = format!("{} is not {form}, or is cut off (HTTP {status})", strange(kind, body));
        fault::of_unreadable(operation, &what, request_id.as_deref())
    })
}

fn parsed(operation: &Operation, body: &[u8]) -> Option<Json> {
    let json = match operation.service.protocol() {
        Protocol::Json(_) => serde_json::from_slice(body).ok(),
        Protocol::Query(_) | Protocol::Rest => query::answer(body),
    };
    json.filter(Json::is_object)
}

/// The code of an answer that is an error.
pub(crate) fn code(operation: &Operation, answered: &Answered) -> Option<String> {
    let told = answered.headers.get("x-amzn-errortype").map(str::to_owned);
    let code = told.or_else(|| member(parsed(operation, &answered.body).as_ref(), &["__type", "code", "Code"]));
    code.map(|code| bare(&code).to_owned())
}

/// A member of what is said of an error.
fn member(json: Option<&Json>, names: &[&str]) -> Option<String> {
    let json = json?;
    let json = json.get("Error").unwrap_or(json);
    names.iter().find_map(|name| json.get(name)?.as_str()).map(str::to_owned)
}

/// The fault of an answer that is an error.
pub(crate) fn refused(operation: &'static Operation, answered: &Answered, secrets: &[Secret]) -> Fault {
    let json = parsed(operation, &answered.body);
    let code = code(operation, answered);
    let message = member(json.as_ref(), &["message", "Message", "errorMessage"]);
    let kind = answered.headers.get("content-type").unwrap_or_default();
    let strange = json.is_none().then(|| strange(kind, &answered.body));
    let said = Said {
        status: answered.status,
        code: code.as_deref(),
        message: message.as_deref(),
        request_id: answered.request_id.as_deref(),
        strange: strange.as_deref(),
    };
    fault::of_service(operation, &said, secrets)
}

/// `com.amazonaws.events#ResourceNotFoundException:http://…` is `ResourceNotFoundException`.
fn bare(code: &str) -> &str {
    let code = code.split(':').next().unwrap_or(code);
    code.rsplit('#').next().unwrap_or(code)
}

/// What a body is that is no JSON, in a few words that quote nothing of it.
pub(crate) fn strange(content_type: &str, body: &[u8]) -> String {
    let content_type = content_type.split(';').next().unwrap_or_default().trim();
    match (body.is_empty(), content_type) {
        (true, _) => "an empty body".to_owned(),
        (false, "" | "application/json" | "application/x-amz-json-1.0" | "application/x-amz-json-1.1" | "text/xml") => {
            format!("a body of {} bytes", body.len())
        }
        (false, content_type) => format!("a body of {content_type}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn error_codes_lose_namespace_and_address() {
        assert_eq!(bare("com.amazonaws.events#ResourceNotFoundException"), "ResourceNotFoundException");
        assert_eq!(bare("ThrottlingException:http://internal.amazon.com/coral/"), "ThrottlingException");
    }

    #[test]
    fn a_tree_goes_on_the_wire_as_it_is_and_never_without_a_secret() {
        let mut tree = Map::from_iter([
            ("Flag".to_owned(), Value::from(false)),
            ("None".to_owned(), Value::Null),
            ("Known".to_owned(), Value::Secret(Secret::new("literal", "hunter2".to_owned()))),
        ]);
        let member = |tree: &Map| wire_member(&Map::from_iter([("Tree".to_owned(), tree.clone().into())]), "Tree");
        assert_eq!(member(&tree).unwrap(), Some(json!({"Flag": false, "Known": "hunter2"})));
        tree.insert("Unread".to_owned(), Value::List(vec![Value::Secret(Secret::unresolved("live"))]));
        let fault = member(&tree).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Invalid);
        assert!(fault.message.starts_with("Tree/Unread/0 (live)"), "{fault}");
    }
}
