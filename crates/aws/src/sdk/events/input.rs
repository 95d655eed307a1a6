//! From a property tree to the client's input types. What the tree does not have is not sent.

use aws_sdk_eventbridge::error::BuildError;
use aws_sdk_eventbridge::types as sdk;
use serde_json::Value as Json;

use crate::sdk::text;

type Built<T> = Result<Option<T>, String>;

fn why(error: BuildError) -> String {
    error.to_string()
}

/// The tree, where it is an object.
fn given(tree: &Json) -> Option<&Json> {
    tree.is_object().then_some(tree)
}

pub(super) fn create_auth(tree: &Json) -> Built<sdk::CreateConnectionAuthRequestParameters> {
    let Some(auth) = given(tree) else { return Ok(None) };
    let mut built = sdk::CreateConnectionAuthRequestParameters::builder()
        .set_invocation_http_parameters(http(&auth["InvocationHttpParameters"]))
        .set_connectivity_parameters(private(&auth["ConnectivityParameters"])?);
    if let Some(basic) = given(&auth["BasicAuthParameters"]) {
        built = built.basic_auth_parameters(
            sdk::CreateConnectionBasicAuthRequestParameters::builder()
                .set_username(text(basic, "Username"))
                .set_password(text(basic, "Password"))
                .build()
                .map_err(why)?,
        );
    }
    if let Some(key) = given(&auth["ApiKeyAuthParameters"]) {
        built = built.api_key_auth_parameters(
            sdk::CreateConnectionApiKeyAuthRequestParameters::builder()
                .set_api_key_name(text(key, "ApiKeyName"))
                .set_api_key_value(text(key, "ApiKeyValue"))
                .build()
                .map_err(why)?,
        );
    }
    if let Some(oauth) = given(&auth["OAuthParameters"]) {
        let client = &oauth["ClientParameters"];
        let client = sdk::CreateConnectionOAuthClientRequestParameters::builder()
            .set_client_id(text(client, "ClientID"))
            .set_client_secret(text(client, "ClientSecret"))
            .build()
            .map_err(why)?;
        built = built.o_auth_parameters(
            sdk::CreateConnectionOAuthRequestParameters::builder()
                .client_parameters(client)
                .set_authorization_endpoint(text(oauth, "AuthorizationEndpoint"))
                .set_http_method(method(oauth))
                .set_o_auth_http_parameters(http(&oauth["OAuthHttpParameters"]))
                .build()
                .map_err(why)?,
        );
    }
    Ok(Some(built.build()))
}

pub(super) fn update_auth(tree: &Json) -> Built<sdk::UpdateConnectionAuthRequestParameters> {
    let Some(auth) = given(tree) else { return Ok(None) };
    let mut built = sdk::UpdateConnectionAuthRequestParameters::builder()
        .set_invocation_http_parameters(http(&auth["InvocationHttpParameters"]))
        .set_connectivity_parameters(private(&auth["ConnectivityParameters"])?);
    if let Some(basic) = given(&auth["BasicAuthParameters"]) {
        built = built.basic_auth_parameters(
            sdk::UpdateConnectionBasicAuthRequestParameters::builder()
                .set_username(text(basic, "Username"))
                .set_password(text(basic, "Password"))
                .build(),
        );
    }
    if let Some(key) = given(&auth["ApiKeyAuthParameters"]) {
        built = built.api_key_auth_parameters(
            sdk::UpdateConnectionApiKeyAuthRequestParameters::builder()
                .set_api_key_name(text(key, "ApiKeyName"))
                .set_api_key_value(text(key, "ApiKeyValue"))
                .build(),
        );
    }
    if let Some(oauth) = given(&auth["OAuthParameters"]) {
        let mut parameters = sdk::UpdateConnectionOAuthRequestParameters::builder()
            .set_authorization_endpoint(text(oauth, "AuthorizationEndpoint"))
            .set_http_method(method(oauth))
            .set_o_auth_http_parameters(http(&oauth["OAuthHttpParameters"]));
        if let Some(client) = given(&oauth["ClientParameters"]) {
            parameters = parameters.client_parameters(
                sdk::UpdateConnectionOAuthClientRequestParameters::builder()
                    .set_client_id(text(client, "ClientID"))
                    .set_client_secret(text(client, "ClientSecret"))
                    .build(),
            );
        }
        built = built.o_auth_parameters(parameters.build());
    }
    Ok(Some(built.build()))
}

/// A private endpoint: its resource configuration, or the empty text that makes it public again.
pub(super) fn private(tree: &Json) -> Built<sdk::ConnectivityResourceParameters> {
    let Some(resource) = given(tree).and_then(|tree| given(&tree["ResourceParameters"])) else { return Ok(None) };
    let arn = sdk::ConnectivityResourceConfigurationArn::builder()
        .set_resource_configuration_arn(text(resource, "ResourceConfigurationArn"))
        .build()
        .map_err(why)?;
    Ok(Some(sdk::ConnectivityResourceParameters::builder().resource_parameters(arn).build()))
}

fn method(oauth: &Json) -> Option<sdk::ConnectionOAuthHttpMethod> {
    text(oauth, "HttpMethod").map(|method| sdk::ConnectionOAuthHttpMethod::from(method.as_str()))
}

/// The three lists; an empty one is sent, because it clears.
fn http(tree: &Json) -> Option<sdk::ConnectionHttpParameters> {
    let tree = given(tree)?;
    let items = |name: &str| tree.get(name).and_then(Json::as_array);
    let is_secret = |item: &Json| item["IsValueSecret"].as_bool();
    let headers = items("HeaderParameters").map(|items| {
        let build = |item: &Json| {
            sdk::ConnectionHeaderParameter::builder()
                .set_key(text(item, "Key"))
                .set_value(text(item, "Value"))
                .set_is_value_secret(is_secret(item))
                .build()
        };
        items.iter().map(build).collect()
    });
    let queries = items("QueryStringParameters").map(|items| {
        let build = |item: &Json| {
            sdk::ConnectionQueryStringParameter::builder()
                .set_key(text(item, "Key"))
                .set_value(text(item, "Value"))
                .set_is_value_secret(is_secret(item))
                .build()
        };
        items.iter().map(build).collect()
    });
    let bodies = items("BodyParameters").map(|items| {
        let build = |item: &Json| {
            sdk::ConnectionBodyParameter::builder()
                .set_key(text(item, "Key"))
                .set_value(text(item, "Value"))
                .set_is_value_secret(is_secret(item))
                .build()
        };
        items.iter().map(build).collect()
    });
    Some(
        sdk::ConnectionHttpParameters::builder()
            .set_header_parameters(headers)
            .set_query_string_parameters(queries)
            .set_body_parameters(bodies)
            .build(),
    )
}
