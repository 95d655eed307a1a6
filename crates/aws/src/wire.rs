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
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_types::request_id::RequestId;
use bytes::Bytes;
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

/// Sends a request once.
pub(crate) async fn exchange(
    line: &Line,
    credentials: Credentials,
    operation: &'static Operation,
    body: Bytes,
    secrets: &[Secret],
) -> Attempt<Json> {
    let request = signed(line, credentials, operation, body)
        .map_err(|why| Fault::new(FaultKind::Invalid, operation.name, fault::redact(&why, secrets)))?;
    let exchange = async {
        let response =
            line.connector.call(request).await.map_err(|error| fault::of_connector(operation, &error, secrets))?;
        let request_id = response.request_id().map(str::to_owned);
        answer(operation, response, request_id, secrets).await
    };
    match tokio::time::timeout(line.timeout, exchange).await {
        Ok(answer) => answer,
        Err(_) => Err(fault::of_timeout(operation, line.timeout)),
    }
}

fn signed(
    line: &Line,
    credentials: Credentials,
    operation: &'static Operation,
    body: Bytes,
) -> Result<HttpRequest, String> {
    let url = line.url.to_string();
    let (content_type, target) = match operation.service.protocol() {
        Protocol::Json(content_type) => {
            (content_type, Some(format!("{}.{}", operation.service.target, operation.short())))
        }
        Protocol::Query(_) => (query::CONTENT_TYPE, None),
    };
    let target = target.as_deref().map(|target| ("x-amz-target", target));
    let headers: Vec<(&str, &str)> = std::iter::once(("content-type", content_type)).chain(target).collect();
    let identity = credentials.into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(&line.region)
        .name(operation.service.name)
        .time(clock::now())
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| error.to_string())?
        .into();
    let signable = SignableRequest::new("POST", url.as_str(), headers.iter().copied(), SignableBody::Bytes(&body))
        .map_err(|error| error.to_string())?;
    let (signature, _) = sign(signable, &parameters).map_err(|error| error.to_string())?.into_parts();
    let request = headers
        .iter()
        .fold(http::Request::post(line.url.clone()), |request, (name, value)| request.header(*name, *value));
    let mut request = request
        .header("user-agent", USER_AGENT)
        .header("content-length", body.len())
        .body(SdkBody::from(body))
        .map_err(|error| error.to_string())?;
    signature.apply_to_request_http1x(&mut request);
    HttpRequest::try_from(request).map_err(|error| error.to_string())
}

async fn answer(
    operation: &'static Operation,
    response: HttpResponse,
    request_id: Option<String>,
    secrets: &[Secret],
) -> Attempt<Json> {
    let status = response.status().as_u16();
    let code = response.headers().get("x-amzn-errortype").map(str::to_owned);
    let kind = response.headers().get("content-type").unwrap_or_default().to_owned();
    let body = ByteStream::new(response.into_body())
        .collect()
        .await
        .map_err(|_| fault::of_unreadable(operation, "it broke off", request_id.as_deref()))?
        .into_bytes();
    let success = (200..300).contains(&status);
    // What says nothing: AWS sends no body, others `null`. A read of it lacks its members, and is unread by that.
    if success && (body.is_empty() || body.trim_ascii() == b"null") {
        return Ok((Json::Null, request_id));
    }
    let is_form = matches!(operation.service.protocol(), Protocol::Query(_));
    let json = if is_form { query::answer(&body) } else { serde_json::from_slice(&body).ok() };
    let json = json.filter(Json::is_object);
    if success {
        // What the parser says would quote the body.
        return json.map(|json| (json, request_id.clone())).ok_or_else(|| {
            let form = if is_form { "XML" } else { "JSON" };
            let what = format!("{} is not {form}, or is cut off (HTTP {status})", strange(&kind, &body));
            fault::of_unreadable(operation, &what, request_id.as_deref())
        });
    }
    let member = |names: &[&str]| {
        let json = json.as_ref()?;
        let json = json.get("Error").unwrap_or(json);
        names.iter().find_map(|name| json.get(name)?.as_str()).map(str::to_owned)
    };
    let code = code.or_else(|| member(&["__type", "code", "Code"]));
    let message = member(&["message", "Message", "errorMessage"]);
    let strange = json.is_none().then(|| strange(&kind, &body));
    let said = Said {
        status,
        code: code.as_deref().map(bare),
        message: message.as_deref(),
        request_id: request_id.as_deref(),
        strange: strange.as_deref(),
    };
    Err(fault::of_service(operation, &said, secrets))
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
