//! What a service's refusal is to Cloud Control: one of the codes that handlers know [M].

use crate::wire::Refusal;

/// Returns the handler error code for a refusal of a service behind a type.
pub(super) fn code(refusal: &Refusal) -> &'static str {
    match &*refusal.code {
        "AccessDenied" | "AccessDeniedException" | "NotAuthorizedException" => "AccessDenied",
        "AlreadyExistsException"
        | "BucketAlreadyExists"
        | "BucketAlreadyOwnedByYou"
        | "EntityAlreadyExists"
        | "ParameterAlreadyExists"
        | "QueueNameExists"
        | "ResourceAlreadyExistsException"
        | "ResourceExistsException" => "AlreadyExists",
        "NoSuchBucket"
        | "NoSuchEntity"
        | "NotFoundException"
        | "ParameterNotFound"
        | "QueueDoesNotExist"
        | "ResourceNotFoundException" => "NotFound",
        "LimitExceeded" | "LimitExceededException" | "TooManyTagsError" => "ServiceLimitExceeded",
        "Throttling" | "ThrottlingException" | "TooManyRequestsException" | "RequestLimitExceeded" => "Throttling",
        "ConcurrentModificationException" | "DeleteConflict" | "OperationAborted" | "KMSInvalidStateException" => {
            "ResourceConflict"
        }
        "NotStabilized" => "NotStabilized",
        "NotUpdatable" => "NotUpdatable",
        "InternalFailure" | "InternalServiceError" | "InternalException" | "KMSInternalException" => {
            "ServiceInternalError"
        }
        "HierarchyTypeMismatchException"
        | "IllegalLocationConstraintException"
        | "InvalidAllowedPatternException"
        | "InvalidArgument"
        | "InvalidArnException"
        | "InvalidAttributeName"
        | "InvalidAttributeValue"
        | "InvalidBucketName"
        | "InvalidInput"
        | "InvalidParameterException"
        | "InvalidParameterValue"
        | "InvalidRequestException"
        | "InvalidTag"
        | "MalformedPolicy"
        | "MalformedPolicyDocument"
        | "MalformedPolicyDocumentException"
        | "ParameterPatternMismatchException"
        | "SerializationException"
        | "ValidationException" => "InvalidRequest",
        _ => "GeneralServiceException",
    }
}

/// Returns what an operation answers at once when a handler fails.
pub(super) fn at_once(type_name: &str, identifier: &str, refusal: &Refusal) -> Refusal {
    let code = code(refusal);
    let exception = match code {
        "NotFound" => "ResourceNotFoundException",
        "AccessDenied" => "AccessDeniedException",
        "AlreadyExists" => "AlreadyExistsException",
        "InvalidRequest" => "InvalidRequestException",
        "Throttling" => "ThrottlingException",
        "ServiceLimitExceeded" => "ServiceLimitExceededException",
        "ResourceConflict" => "ResourceConflictException",
        "NotStabilized" => "NotStabilizedException",
        "ServiceInternalError" => "ServiceInternalErrorException",
        _ => "GeneralServiceException",
    };
    // [I] the form of the text
    let (token, why) = (uuid::Uuid::new_v4(), text(type_name, identifier, refusal));
    let text =
        format!("{type_name} Handler returned status FAILED: {why} (HandlerErrorCode: {code}, RequestToken: {token})");
    let status = if code == "ServiceInternalError" { 500 } else { 400 };
    Refusal::new(exception, text).status(status)
}

/// Returns a status message for a refusal; [I] the ones for what exists or does not.
pub(super) fn text(type_name: &str, identifier: &str, refusal: &Refusal) -> String {
    match code(refusal) {
        "NotFound" => format!("Resource of type '{type_name}' with identifier '{identifier}' was not found."),
        "AlreadyExists" if !identifier.is_empty() => {
            format!("Resource of type '{type_name}' with identifier '{identifier}' already exists.")
        }
        _ if refusal.message.is_empty() => refusal.code.clone().into_owned(),
        _ => refusal.message.clone(),
    }
}
