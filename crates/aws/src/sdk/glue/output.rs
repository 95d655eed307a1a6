//! From the client's output types to the tree of the API's names. Passwords pass through here as they came; the kind
//! makes secrets of them before anything else sees the tree.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_glue::operation::create_connection::CreateConnectionOutput;
use aws_sdk_glue::operation::get_connection::GetConnectionOutput;
use aws_sdk_glue::operation::get_connections::GetConnectionsOutput;
use aws_sdk_glue::operation::get_tags::GetTagsOutput;
use aws_sdk_glue::types as sdk;
use serde_json::Value as Json;

use crate::sdk::{json, time, tree};

pub(super) fn connection(output: &GetConnectionOutput) -> Json {
    tree([("Connection", output.connection().map(entry))])
}

pub(super) fn connections(output: &GetConnectionsOutput) -> Json {
    // A page without a list is no page: nothing on it is absent.
    let entries = output.connection_list.as_ref().map(|entries| entries.iter().map(entry).collect());
    tree([("ConnectionList", entries), ("NextToken", json(output.next_token()))])
}

pub(super) fn created(output: &CreateConnectionOutput) -> Json {
    tree([("Status", json(output.create_connection_status().map(sdk::ConnectionStatus::as_str)))])
}

pub(super) fn tags(output: &GetTagsOutput) -> Json {
    tree([("Tags", texts_by_name(output.tags()))])
}

/// By name, so that two answers of the same are the same.
fn texts_by_name(texts: Option<&HashMap<String, String>>) -> Option<Json> {
    let sorted: BTreeMap<&String, &String> = texts?.iter().collect();
    Some(sorted.into_iter().map(|(name, value)| (name.clone(), Json::from(value.as_str()))).collect())
}

fn texts(texts: &[String]) -> Option<Json> {
    (!texts.is_empty()).then(|| texts.iter().map(|text| Json::from(text.as_str())).collect())
}

fn entry(connection: &sdk::Connection) -> Json {
    let properties = connection.connection_properties().map(|properties| {
        let sorted: BTreeMap<&str, &String> = properties.iter().map(|(name, value)| (name.as_str(), value)).collect();
        sorted.into_iter().map(|(name, value)| (name.to_owned(), Json::from(value.as_str()))).collect()
    });
    tree([
        ("Name", json(connection.name())),
        ("Description", json(connection.description())),
        ("ConnectionType", json(connection.connection_type().map(sdk::ConnectionType::as_str))),
        ("MatchCriteria", texts(connection.match_criteria())),
        ("ConnectionProperties", properties),
        ("SparkProperties", texts_by_name(connection.spark_properties())),
        ("AthenaProperties", texts_by_name(connection.athena_properties())),
        ("PythonProperties", texts_by_name(connection.python_properties())),
        ("PhysicalConnectionRequirements", connection.physical_connection_requirements().map(physical)),
        ("AuthenticationConfiguration", connection.authentication_configuration().map(authentication)),
        ("Status", json(connection.status().map(sdk::ConnectionStatus::as_str))),
        ("StatusReason", json(connection.status_reason())),
        ("CreationTime", connection.creation_time().map(time)),
        ("LastUpdatedTime", connection.last_updated_time().map(time)),
    ])
}

fn physical(physical: &sdk::PhysicalConnectionRequirements) -> Json {
    tree([
        ("SubnetId", json(physical.subnet_id())),
        ("SecurityGroupIdList", texts(physical.security_group_id_list())),
        ("AvailabilityZone", json(physical.availability_zone())),
    ])
}

fn authentication(configuration: &sdk::AuthenticationConfiguration) -> Json {
    tree([
        ("AuthenticationType", json(configuration.authentication_type().map(sdk::AuthenticationType::as_str))),
        ("SecretArn", json(configuration.secret_arn())),
        ("KmsKeyArn", json(configuration.kms_key_arn())),
        ("OAuth2Properties", configuration.o_auth2_properties().map(oauth)),
    ])
}

fn oauth(oauth: &sdk::OAuth2Properties) -> Json {
    let client = oauth.o_auth2_client_application().map(|client| {
        tree([
            ("UserManagedClientApplicationClientId", json(client.user_managed_client_application_client_id())),
            ("AWSManagedClientApplicationReference", json(client.aws_managed_client_application_reference())),
        ])
    });
    tree([
        ("OAuth2GrantType", json(oauth.o_auth2_grant_type().map(sdk::OAuth2GrantType::as_str))),
        ("OAuth2ClientApplication", client),
        ("TokenUrl", json(oauth.token_url())),
        ("TokenUrlParametersMap", texts_by_name(oauth.token_url_parameters_map())),
    ])
}
