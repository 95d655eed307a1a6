//! From a property tree to the client's input types. What the tree does not have is not sent.

use std::collections::HashMap;

use aws_sdk_glue::types as sdk;
use serde_json::Value as Json;

use crate::sdk::text;

/// The tree, where it is an object.
fn given(tree: &Json) -> Option<&Json> {
    tree.is_object().then_some(tree)
}

/// The texts of a list.
pub(super) fn texts(tree: &Json) -> Option<Vec<String>> {
    Some(tree.as_array()?.iter().filter_map(Json::as_str).map(str::to_owned).collect())
}

/// The texts of a map.
pub(super) fn texts_by_name(tree: &Json) -> Option<HashMap<String, String>> {
    let text = |(name, value): (&String, &Json)| Some((name.clone(), value.as_str()?.to_owned()));
    Some(tree.as_object()?.iter().filter_map(text).collect())
}

/// `ConnectionInput`. `ConnectionProperties` must be there, and may be empty.
pub(super) fn connection(tree: &Json) -> Result<Option<sdk::ConnectionInput>, String> {
    let Some(tree) = given(tree) else { return Ok(None) };
    let properties = texts_by_name(&tree["ConnectionProperties"]).unwrap_or_default();
    let properties =
        properties.into_iter().map(|(name, value)| (sdk::ConnectionPropertyKey::from(name.as_str()), value)).collect();
    let environments = texts(&tree["ValidateForComputeEnvironments"])
        .map(|names| names.iter().map(|name| sdk::ComputeEnvironment::from(name.as_str())).collect::<Vec<_>>());
    sdk::ConnectionInput::builder()
        .set_name(text(tree, "Name"))
        .set_description(text(tree, "Description"))
        .set_connection_type(text(tree, "ConnectionType").map(|kind| sdk::ConnectionType::from(kind.as_str())))
        .set_connection_properties(Some(properties))
        .set_spark_properties(texts_by_name(&tree["SparkProperties"]))
        .set_athena_properties(texts_by_name(&tree["AthenaProperties"]))
        .set_python_properties(texts_by_name(&tree["PythonProperties"]))
        .set_match_criteria(texts(&tree["MatchCriteria"]))
        .set_physical_connection_requirements(physical(&tree["PhysicalConnectionRequirements"]))
        .set_authentication_configuration(authentication(&tree["AuthenticationConfiguration"]))
        .set_validate_credentials(tree["ValidateCredentials"].as_bool())
        .set_validate_for_compute_environments(environments)
        .build()
        .map(Some)
        // It names a field that is missing, and no value.
        .map_err(|error| error.to_string())
}

fn physical(tree: &Json) -> Option<sdk::PhysicalConnectionRequirements> {
    let tree = given(tree)?;
    Some(
        sdk::PhysicalConnectionRequirements::builder()
            .set_subnet_id(text(tree, "SubnetId"))
            .set_security_group_id_list(texts(&tree["SecurityGroupIdList"]))
            .set_availability_zone(text(tree, "AvailabilityZone"))
            .build(),
    )
}

fn authentication(tree: &Json) -> Option<sdk::AuthenticationConfigurationInput> {
    let tree = given(tree)?;
    let basic = given(&tree["BasicAuthenticationCredentials"]).map(|basic| {
        sdk::BasicAuthenticationCredentials::builder()
            .set_username(text(basic, "Username"))
            .set_password(text(basic, "Password"))
            .build()
    });
    let kind = text(tree, "AuthenticationType").map(|kind| sdk::AuthenticationType::from(kind.as_str()));
    Some(
        sdk::AuthenticationConfigurationInput::builder()
            .set_authentication_type(kind)
            .set_secret_arn(text(tree, "SecretArn"))
            .set_kms_key_arn(text(tree, "KmsKeyArn"))
            .set_basic_authentication_credentials(basic)
            .set_custom_authentication_credentials(texts_by_name(&tree["CustomAuthenticationCredentials"]))
            .set_o_auth2_properties(oauth(&tree["OAuth2Properties"]))
            .build(),
    )
}

fn oauth(tree: &Json) -> Option<sdk::OAuth2PropertiesInput> {
    let tree = given(tree)?;
    let client = given(&tree["OAuth2ClientApplication"]).map(|client| {
        sdk::OAuth2ClientApplication::builder()
            .set_user_managed_client_application_client_id(text(client, "UserManagedClientApplicationClientId"))
            .set_aws_managed_client_application_reference(text(client, "AWSManagedClientApplicationReference"))
            .build()
    });
    let code = given(&tree["AuthorizationCodeProperties"]).map(|code| {
        sdk::AuthorizationCodeProperties::builder()
            .set_authorization_code(text(code, "AuthorizationCode"))
            .set_redirect_uri(text(code, "RedirectUri"))
            .build()
    });
    let credentials = given(&tree["OAuth2Credentials"]).map(|credentials| {
        sdk::OAuth2Credentials::builder()
            .set_user_managed_client_application_client_secret(text(
                credentials,
                "UserManagedClientApplicationClientSecret",
            ))
            .set_access_token(text(credentials, "AccessToken"))
            .set_refresh_token(text(credentials, "RefreshToken"))
            .set_jwt_token(text(credentials, "JwtToken"))
            .build()
    });
    let grant = text(tree, "OAuth2GrantType").map(|grant| sdk::OAuth2GrantType::from(grant.as_str()));
    Some(
        sdk::OAuth2PropertiesInput::builder()
            .set_o_auth2_grant_type(grant)
            .set_o_auth2_client_application(client)
            .set_token_url(text(tree, "TokenUrl"))
            .set_token_url_parameters_map(texts_by_name(&tree["TokenUrlParametersMap"]))
            .set_authorization_code_properties(code)
            .set_o_auth2_credentials(credentials)
            .build(),
    )
}
