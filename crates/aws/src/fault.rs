//! What a failed call means: the one place where a [`Fault`] is made from what AWS, the SDK or the network says.
//!
//! From here on nobody looks at a code or a text again. Two things are decided: the [`FaultKind`], by the operation and
//! the code (`reference` is the services' API pages, and which code means "too many" differs by operation), and the
//! words, which pass [`redact`]: AWS's validation messages quote the value that they refuse, and that may be a password.
//! Nothing here formats an SDK type with `Debug`.

mod redact;

use std::error::Error;

use aws_config::profile::ProfileFileLoadError;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::secret::Secret;

pub(crate) use redact::redact;

use crate::operation::{Effect, Operation};

const CREDENTIALS_HELP: &str = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile (AWS_PROFILE, --profile), \
                                or sign in (aws sso login)";

/// What an error code means in an operation; `None` where the code is not known.
fn meaning(operation: &Operation, code: &str) -> Option<FaultKind> {
    Some(match code {
        "ResourceNotFoundException" | "NotFoundException" | "EntityNotFoundException" | "NotFound" => {
            FaultKind::NotFound
        }
        "AccessDeniedException"
        | "AccessDenied"
        | "UnauthorizedOperation"
        | "UnauthorizedException"
        | "UnauthorizedTaggingOperation"
        | "NotAuthorized"
        | "NotAuthorizedException"
        | "AuthFailure"
        | "AuthorizationError"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "InvalidSignatureException"
        | "InvalidSignature"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "TokenRefreshRequired"
        | "RequestExpired"
        | "RequestTimeTooSkewed"
        | "RequestInTheFuture"
        | "OptInRequired"
        | "DecryptionFailure"
        | "InvalidCredentials"
        | "InvalidCredentialsException"
        | "KMSAccessDeniedException" => FaultKind::Denied,
        "ThrottlingException"
        | "Throttling"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "BandwidthLimitExceeded"
        | "PriorRequestNotComplete"
        | "ProvisionedThroughputExceededException"
        | "TransactionInProgressException"
        | "KMSThrottlingException"
        | "SlowDown" => FaultKind::Throttled,
        "ResourceAlreadyExistsException"
        | "ResourceExistsException"
        | "AlreadyExistsException"
        | "AlreadyExists"
        | "ClientTokenConflictException"
        | "ConcurrentModificationException"
        | "ConcurrentOperationException"
        | "ConflictException"
        | "ResourceConflict"
        | "ResourceConflictException" => FaultKind::Conflict,
        // A quota where something is made, throttling where something is read.
        "LimitExceededException" | "LimitExceeded" | "ServiceLimitExceeded" | "ServiceLimitExceededException" => {
            match operation.effect {
                Effect::Writes | Effect::Makes => FaultKind::Quota,
                Effect::Reads => FaultKind::Throttled,
            }
        }
        "ServiceQuotaExceededException" | "ResourceNumberLimitExceededException" => FaultKind::Quota,
        "InternalException"
        | "InternalFailure"
        | "InternalError"
        | "InternalServerError"
        | "InternalServerException"
        | "InternalServiceError"
        | "InternalServiceErrorException"
        | "InternalServiceException"
        | "CFNRegistryException"
        | "GeneralServiceException"
        | "HandlerFailureException"
        | "HandlerInternalFailure"
        | "HandlerInternalFailureException"
        | "ServiceInternalError"
        | "ServiceInternalErrorException"
        | "KMSInternalException"
        | "DependencyTimeoutException"
        | "KeyUnavailableException"
        | "OperationTimeoutException"
        | "FederationSourceRetryableException"
        | "RequestTimeout"
        | "RequestTimeoutException"
        | "ServiceUnavailable"
        | "ServiceUnavailableException" => FaultKind::Internal,
        "NotStabilized" | "NotStabilizedException" => FaultKind::NotSettled,
        "NetworkFailure" | "NetworkFailureException" => FaultKind::Transport,
        "ServiceTimeout" => FaultKind::Timeout,
        // Of a read: the password cannot be decrypted; of a write: it cannot be encrypted.
        "GlueEncryptionException" => match operation.effect {
            Effect::Reads => FaultKind::Denied,
            Effect::Writes | Effect::Makes => FaultKind::Invalid,
        },
        "GeneralServiceError"
        | "InvalidRequest"
        | "NotUpdatable"
        | "NotUpdatableException"
        | "PrivateTypeException"
        | "RequestTokenNotFoundException"
        | "TypeNotFoundException"
        | "UnsupportedActionException"
        | "UnsupportedTarget"
        | "ValidationException"
        | "ValidationError"
        | "InvalidInputException"
        | "InvalidParameterException"
        | "InvalidParameterValue"
        | "InvalidParameterCombination"
        | "MissingParameter"
        | "InvalidRequestException"
        | "InvalidArnException"
        | "InvalidMarkerException"
        | "InvalidNextTokenException"
        | "SerializationException"
        | "UnknownOperationException"
        | "UnknownOperation"
        | "InvalidAction"
        | "NotImplemented"
        | "KMSInvalidStateException"
        | "DisabledException"
        | "EncryptionFailure"
        | "MalformedPolicyDocumentException"
        | "PublicPolicyException"
        | "PreconditionNotMetException"
        | "TagException"
        | "InvalidAliasNameException"
        | "InvalidKeyUsageException"
        | "UnsupportedOperationException"
        | "PaginationTokenExpiredException" => FaultKind::Invalid,
        _ => return None,
    })
}

/// What a status means where no code was given or the code is not known.
fn meaning_of_status(status: u16) -> FaultKind {
    match status {
        401 | 403 | 407 => FaultKind::Denied,
        408 => FaultKind::Timeout,
        429 => FaultKind::Throttled,
        501 => FaultKind::Invalid,
        500..=599 => FaultKind::Internal,
        400..=499 => FaultKind::Invalid,
        // A success whose answer cannot be read.
        _ => FaultKind::Transport,
    }
}

/// What to do about a code, where the service's own words do not say.
fn help(code: &str, message: &str) -> Option<&'static str> {
    Some(match code {
        "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" => {
            "the credentials have expired: sign in again or renew them"
        }
        "RequestTimeTooSkewed" | "RequestExpired" | "RequestInTheFuture" => "this machine's clock is wrong",
        "InvalidSignatureException" | "SignatureDoesNotMatch" if message.contains("Signature expired") => {
            "this machine's clock is wrong"
        }
        "InvalidSignatureException" | "SignatureDoesNotMatch" if message.contains("not yet current") => {
            "this machine's clock is wrong"
        }
        "UnrecognizedClientException" | "InvalidClientTokenId" | "InvalidAccessKeyId" => {
            "the access key is not known to AWS: check the profile, and that a temporary key has its session token"
        }
        "InvalidSignatureException" | "SignatureDoesNotMatch" => "the secret key does not fit the access key",
        "UnknownOperationException" | "UnknownOperation" => {
            "the service does not offer this operation in this region, or the endpoint does not implement it"
        }
        "OptInRequired" => "the account has not been enabled for this region or service",
        _ => return None,
    })
}

/// What a service said.
pub(crate) struct Said<'a> {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The error code.
    pub(crate) code: Option<&'a str>,
    /// Its words.
    pub(crate) message: Option<&'a str>,
    /// The request id.
    pub(crate) request_id: Option<&'a str>,
    /// What the body looked like, where it was not what a service sends.
    pub(crate) strange: Option<&'a str>,
}

/// The fault of an error that a service answered.
pub(crate) fn of_service(operation: &Operation, said: &Said<'_>, secrets: &[Secret]) -> Fault {
    let code = said.code.filter(|code| !code.is_empty());
    // A code that only repeats the status (moto's refusals) says no more than the status.
    let code = code.filter(|code| code.parse::<u16>().is_err());
    let kind = code.and_then(|code| meaning(operation, code)).unwrap_or_else(|| meaning_of_status(said.status));
    let words = said.message.map(str::trim).filter(|message| !message.is_empty());
    let mut message = match (words, code) {
        (Some(words), _) => redact(words, secrets),
        (None, Some(code)) => format!("{code} (HTTP {})", said.status),
        (None, None) => match said.strange {
            Some(strange) => format!(
                "the endpoint answered HTTP {} with {strange}: is it AWS, or a proxy or another server in between?",
                said.status
            ),
            None => format!("the endpoint answered HTTP {} without an error code", said.status),
        },
    };
    if let Some(help) = code.and_then(|code| help(code, &message)) {
        message.push_str(" (");
        message.push_str(help);
        message.push(')');
    }
    Fault {
        kind,
        operation: operation.name.to_owned(),
        code: code.map(str::to_owned),
        message,
        request_id: said.request_id.map(str::to_owned),
    }
}

/// The fault of an answer that was a success and could not be read.
pub(crate) fn of_unreadable(operation: &Operation, what: &str, request_id: Option<&str>) -> Fault {
    Fault {
        kind: FaultKind::Transport,
        operation: operation.name.to_owned(),
        code: None,
        message: format!("the answer could not be read: {what}"),
        request_id: request_id.map(str::to_owned),
    }
}

/// The fault of a request that got no answer.
pub(crate) fn of_connector(operation: &Operation, error: &ConnectorError, secrets: &[Secret]) -> Fault {
    let kind = if error.is_timeout() { FaultKind::Timeout } else { FaultKind::Transport };
    Fault::new(kind, operation.name, redact(&chain(error), secrets))
}

/// The fault of a request that was not answered in time.
pub(crate) fn of_timeout(operation: &Operation, after: std::time::Duration) -> Fault {
    Fault::new(FaultKind::Timeout, operation.name, format!("no answer within {} s", after.as_secs()))
}

/// The fault of credentials that could not be had.
pub(crate) fn of_credentials(operation: &str, error: &CredentialsError) -> Fault {
    let message = match error {
        CredentialsError::CredentialsNotLoaded(_) => format!("no AWS credentials were found: {CREDENTIALS_HELP}"),
        CredentialsError::ProviderTimedOut(_) => {
            format!("the source of the AWS credentials did not answer in time: {}", chain(error))
        }
        _ => {
            let why = chain(error);
            // The last link of the chain failed, so that none of those before it had any.
            if why.contains("IMDS") {
                format!("no AWS credentials were found, and this machine has no role: {CREDENTIALS_HELP} ({why})")
            } else {
                format!("AWS credentials could not be loaded: {why}")
            }
        }
    };
    Fault::new(FaultKind::Denied, operation, redact(&message, &[]))
}

/// The fault of there being no source of credentials at all.
pub(crate) fn no_credentials(operation: &str) -> Fault {
    Fault::new(FaultKind::Denied, operation, format!("no AWS credentials were found: {CREDENTIALS_HELP}"))
}

/// The fault of a profile that there is not. The SDK passes over it and goes on to the machine's own role, which is not
/// who the caller wanted to be.
pub(crate) fn no_profile<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Fault {
    let mut known: Vec<&str> = known.collect();
    known.sort_unstable();
    let known = if known.is_empty() { "there is none".to_owned() } else { format!("there are {}", known.join(", ")) };
    let message = format!("the profile `{name}` is not in the AWS configuration files: {known}");
    Fault::new(FaultKind::Invalid, "profile", message)
}

/// The fault of configuration files that cannot be read.
pub(crate) fn of_profiles(error: &ProfileFileLoadError) -> Fault {
    Fault::new(FaultKind::Invalid, "profile", format!("the AWS configuration files cannot be read: {}", chain(error)))
}

/// The fault of a region that nobody named.
pub(crate) fn no_region() -> Fault {
    Fault::new(
        FaultKind::Invalid,
        "region",
        "no AWS region is set: give --region, set AWS_REGION, add the global `region` to the manifest, \
         or `region` to the profile",
    )
}

/// The fault of a request that could not be made.
pub(crate) fn of_input(operation: &Operation, why: &str, secrets: &[Secret]) -> Fault {
    Fault::new(FaultKind::Invalid, operation.name, redact(why, secrets))
}

/// The fault of an error of a generated client.
pub(crate) fn of_sdk<E>(operation: &Operation, error: &SdkError<E, HttpResponse>, secrets: &[Secret]) -> Fault
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if let Some(error) = find::<CredentialsError>(error) {
        return of_credentials(operation.name, error);
    }
    match error {
        SdkError::ServiceError(context) => of_service(
            operation,
            &Said {
                status: context.raw().status().as_u16(),
                code: context.err().code(),
                message: context.err().message(),
                request_id: error.request_id(),
                strange: Some(&strange(context.raw())),
            },
            secrets,
        ),
        SdkError::ResponseError(context) => {
            let status = context.raw().status().as_u16();
            if status < 400 {
                return of_unreadable(operation, &redact(&chain(error), secrets), error.request_id());
            }
            let strange = strange(context.raw());
            let said =
                Said { status, code: None, message: None, request_id: error.request_id(), strange: Some(&strange) };
            of_service(operation, &said, secrets)
        }
        SdkError::TimeoutError(_) => Fault::new(FaultKind::Timeout, operation.name, redact(&chain(error), secrets)),
        SdkError::DispatchFailure(context) => match context.as_connector_error() {
            Some(error) => of_connector(operation, error, secrets),
            None => Fault::new(FaultKind::Transport, operation.name, redact(&chain(error), secrets)),
        },
        other => Fault::new(FaultKind::Invalid, operation.name, redact(&chain(other), secrets)),
    }
}

fn strange(response: &HttpResponse) -> String {
    let content_type = response.headers().get("content-type").unwrap_or_default();
    crate::wire::strange(content_type, response.body().bytes().unwrap_or_default())
}

fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut here = Some(error);
    while let Some(error) = here {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        here = error.source();
    }
    None
}

/// The words of an error and of what caused it, without repetition.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut words = String::new();
    let mut here = Some(error);
    while let Some(error) = here {
        // Its own form is that of `Debug`.
        let text = match error.downcast_ref::<ErrorMetadata>() {
            Some(said) => match (said.code(), said.message()) {
                (Some(code), Some(message)) => format!("{code}: {message}"),
                (code, message) => code.or(message).unwrap_or_default().to_owned(),
            },
            None => error.to_string(),
        };
        if !text.is_empty() && !words.contains(&text) {
            if !words.is_empty() {
                words.push_str(": ");
            }
            words.push_str(&text);
        }
        here = error.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::{CREATE_CONNECTION, DESCRIBE_CONNECTION, DESCRIBE_KEY};

    fn kind(operation: &Operation, status: u16, code: Option<&str>) -> FaultKind {
        let said = Said { status, code, message: None, request_id: None, strange: None };
        of_service(operation, &said, &[]).kind
    }

    #[test]
    fn a_limit_is_a_quota_where_something_is_made() {
        assert_eq!(kind(&CREATE_CONNECTION, 400, Some("LimitExceededException")), FaultKind::Quota);
        assert_eq!(kind(&DESCRIBE_KEY, 400, Some("LimitExceededException")), FaultKind::Throttled);
    }

    #[test]
    fn only_the_services_own_answer_is_not_found() {
        assert_eq!(kind(&DESCRIBE_CONNECTION, 400, Some("ResourceNotFoundException")), FaultKind::NotFound);
        assert_eq!(kind(&DESCRIBE_CONNECTION, 404, None), FaultKind::Invalid);
    }

    #[test]
    fn unknown_codes_go_by_the_status() {
        assert_eq!(kind(&DESCRIBE_CONNECTION, 503, Some("Weird")), FaultKind::Internal);
        assert_eq!(kind(&DESCRIBE_CONNECTION, 500, None), FaultKind::Internal);
        assert_eq!(kind(&DESCRIBE_CONNECTION, 429, None), FaultKind::Throttled);
        assert_eq!(kind(&DESCRIBE_CONNECTION, 403, Some("403")), FaultKind::Denied);
        assert_eq!(kind(&DESCRIBE_CONNECTION, 400, Some("Weird")), FaultKind::Invalid);
    }

    #[test]
    fn expired_credentials_say_what_to_do() {
        let said = Said {
            status: 400,
            code: Some("ExpiredTokenException"),
            message: Some("The security token included in the request is expired"),
            request_id: Some("r-1"),
            strange: None,
        };
        let fault = of_service(&DESCRIBE_CONNECTION, &said, &[]);
        assert_eq!(fault.kind, FaultKind::Denied);
        assert!(fault.message.ends_with("(the credentials have expired: sign in again or renew them)"));
        assert_eq!(fault.request_id.as_deref(), Some("r-1"));
    }
}
