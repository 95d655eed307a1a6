//! From the client's output types to the tree of the API's names.

use aws_sdk_eventbridge::operation::create_api_destination::CreateApiDestinationOutput;
use aws_sdk_eventbridge::operation::create_connection::CreateConnectionOutput;
use aws_sdk_eventbridge::operation::delete_connection::DeleteConnectionOutput;
use aws_sdk_eventbridge::operation::describe_api_destination::DescribeApiDestinationOutput;
use aws_sdk_eventbridge::operation::describe_connection::DescribeConnectionOutput;
use aws_sdk_eventbridge::operation::list_api_destinations::ListApiDestinationsOutput;
use aws_sdk_eventbridge::operation::list_connections::ListConnectionsOutput;
use aws_sdk_eventbridge::operation::update_api_destination::UpdateApiDestinationOutput;
use aws_sdk_eventbridge::operation::update_connection::UpdateConnectionOutput;
use aws_sdk_eventbridge::types as sdk;
use serde_json::Value as Json;

use crate::sdk::{json, time, tree};

fn state(state: Option<&sdk::ConnectionState>) -> Option<Json> {
    json(state.map(sdk::ConnectionState::as_str))
}

pub(super) fn connection(output: &DescribeConnectionOutput) -> Json {
    tree([
        ("ConnectionArn", json(output.connection_arn())),
        ("Name", json(output.name())),
        ("Description", json(output.description())),
        ("ConnectionState", state(output.connection_state())),
        ("StateReason", json(output.state_reason())),
        ("AuthorizationType", json(output.authorization_type().map(sdk::ConnectionAuthorizationType::as_str))),
        ("SecretArn", json(output.secret_arn())),
        ("KmsKeyIdentifier", json(output.kms_key_identifier())),
        ("AuthParameters", output.auth_parameters().map(auth)),
        ("InvocationConnectivityParameters", output.invocation_connectivity_parameters().map(connectivity)),
        ("LastModifiedTime", output.last_modified_time().map(time)),
        ("LastAuthorizedTime", output.last_authorized_time().map(time)),
    ])
}

pub(super) fn connections(output: &ListConnectionsOutput) -> Json {
    let entry = |entry: &sdk::Connection| {
        tree([
            ("ConnectionArn", json(entry.connection_arn())),
            ("Name", json(entry.name())),
            ("ConnectionState", state(entry.connection_state())),
            ("StateReason", json(entry.state_reason())),
            ("AuthorizationType", json(entry.authorization_type().map(sdk::ConnectionAuthorizationType::as_str))),
            ("LastModifiedTime", entry.last_modified_time().map(time)),
            ("LastAuthorizedTime", entry.last_authorized_time().map(time)),
        ])
    };
    // A page without a list is no page: nothing on it is absent.
    let entries = output.connections.as_ref().map(|entries| entries.iter().map(entry).collect());
    tree([("Connections", entries), ("NextToken", json(output.next_token()))])
}

pub(super) fn created_connection(output: &CreateConnectionOutput) -> Json {
    tree([("ConnectionArn", json(output.connection_arn())), ("ConnectionState", state(output.connection_state()))])
}

pub(super) fn updated_connection(output: &UpdateConnectionOutput) -> Json {
    tree([("ConnectionArn", json(output.connection_arn())), ("ConnectionState", state(output.connection_state()))])
}

pub(super) fn deleted_connection(output: &DeleteConnectionOutput) -> Json {
    tree([("ConnectionArn", json(output.connection_arn())), ("ConnectionState", state(output.connection_state()))])
}

fn auth(auth: &sdk::ConnectionAuthResponseParameters) -> Json {
    let basic = auth.basic_auth_parameters().map(|basic| tree([("Username", json(basic.username()))]));
    let key = auth.api_key_auth_parameters().map(|key| tree([("ApiKeyName", json(key.api_key_name()))]));
    tree([
        ("BasicAuthParameters", basic),
        ("ApiKeyAuthParameters", key),
        ("OAuthParameters", auth.o_auth_parameters().map(oauth)),
        ("InvocationHttpParameters", auth.invocation_http_parameters().map(http)),
        ("ConnectivityParameters", auth.connectivity_parameters().map(connectivity)),
    ])
}

fn oauth(oauth: &sdk::ConnectionOAuthResponseParameters) -> Json {
    tree([
        ("ClientParameters", oauth.client_parameters().map(|client| tree([("ClientID", json(client.client_id()))]))),
        ("AuthorizationEndpoint", json(oauth.authorization_endpoint())),
        ("HttpMethod", json(oauth.http_method().map(sdk::ConnectionOAuthHttpMethod::as_str))),
        ("OAuthHttpParameters", oauth.o_auth_http_parameters().map(http)),
    ])
}

fn connectivity(private: &sdk::DescribeConnectionConnectivityParameters) -> Json {
    let resource = private.resource_parameters().map(|resource| {
        tree([
            ("ResourceConfigurationArn", json(Some(resource.resource_configuration_arn()))),
            ("ResourceAssociationArn", json(Some(resource.resource_association_arn()))),
        ])
    });
    tree([("ResourceParameters", resource)])
}

fn parameter(key: Option<&str>, value: Option<&str>, is_secret: bool) -> Json {
    tree([("Key", json(key)), ("Value", json(value)), ("IsValueSecret", Some(is_secret.into()))])
}

fn http(parameters: &sdk::ConnectionHttpParameters) -> Json {
    let headers = parameters.header_parameters().iter();
    let queries = parameters.query_string_parameters().iter();
    let bodies = parameters.body_parameters().iter();
    let some = |items: Vec<Json>| (!items.is_empty()).then_some(Json::Array(items));
    tree([
        (
            "HeaderParameters",
            some(headers.map(|item| parameter(item.key(), item.value(), item.is_value_secret())).collect()),
        ),
        (
            "QueryStringParameters",
            some(queries.map(|item| parameter(item.key(), item.value(), item.is_value_secret())).collect()),
        ),
        (
            "BodyParameters",
            some(bodies.map(|item| parameter(item.key(), item.value(), item.is_value_secret())).collect()),
        ),
    ])
}

fn destination_state(state: Option<&sdk::ApiDestinationState>) -> Option<Json> {
    json(state.map(sdk::ApiDestinationState::as_str))
}

pub(super) fn destination(output: &DescribeApiDestinationOutput) -> Json {
    tree([
        ("ApiDestinationArn", json(output.api_destination_arn())),
        ("Name", json(output.name())),
        ("Description", json(output.description())),
        ("ApiDestinationState", destination_state(output.api_destination_state())),
        ("ConnectionArn", json(output.connection_arn())),
        ("InvocationEndpoint", json(output.invocation_endpoint())),
        ("HttpMethod", json(output.http_method().map(sdk::ApiDestinationHttpMethod::as_str))),
        ("InvocationRateLimitPerSecond", output.invocation_rate_limit_per_second().map(Json::from)),
        ("LastModifiedTime", output.last_modified_time().map(time)),
    ])
}

pub(super) fn destinations(output: &ListApiDestinationsOutput) -> Json {
    let entry = |entry: &sdk::ApiDestination| {
        tree([
            ("ApiDestinationArn", json(entry.api_destination_arn())),
            ("Name", json(entry.name())),
            ("ApiDestinationState", destination_state(entry.api_destination_state())),
            ("ConnectionArn", json(entry.connection_arn())),
            ("InvocationEndpoint", json(entry.invocation_endpoint())),
            ("HttpMethod", json(entry.http_method().map(sdk::ApiDestinationHttpMethod::as_str))),
            ("InvocationRateLimitPerSecond", entry.invocation_rate_limit_per_second().map(Json::from)),
            ("LastModifiedTime", entry.last_modified_time().map(time)),
        ])
    };
    let entries = output.api_destinations.as_ref().map(|entries| entries.iter().map(entry).collect());
    tree([("ApiDestinations", entries), ("NextToken", json(output.next_token()))])
}

pub(super) fn created_destination(output: &CreateApiDestinationOutput) -> Json {
    tree([
        ("ApiDestinationArn", json(output.api_destination_arn())),
        ("ApiDestinationState", destination_state(output.api_destination_state())),
    ])
}

pub(super) fn updated_destination(output: &UpdateApiDestinationOutput) -> Json {
    tree([
        ("ApiDestinationArn", json(output.api_destination_arn())),
        ("ApiDestinationState", destination_state(output.api_destination_state())),
    ])
}
