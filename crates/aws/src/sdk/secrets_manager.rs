//! Secrets Manager: the reads that confirm and compare managed secrets.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, SecretListEntry};
use serde_json::Value as Json;
use trueup_engine::secret::Secret;

use crate::call::Attempt;
use crate::operation::{BATCH_GET_SECRET_VALUE, DESCRIBE_SECRET, LIST_SECRETS, Operation};
use crate::sdk::{answered, json, no_client, number, text, tree};

/// Sends a call once.
pub(super) async fn send(
    client: &Client,
    operation: &'static Operation,
    input: &Json,
    secrets: &[Secret],
) -> Attempt<Json> {
    if operation.name == BATCH_GET_SECRET_VALUE.name {
        let answer =
            client.batch_get_secret_value().set_secret_id_list(Some(texts(&input["SecretIdList"]))).send().await;
        return answered(operation, secrets, answer, |output| {
            let values = output.secret_values().iter().map(|value| {
                tree([
                    ("ARN", json(value.arn())),
                    ("VersionId", json(value.version_id())),
                    ("SecretString", json(value.secret_string())),
                ])
            });
            let errors = output
                .errors()
                .iter()
                .map(|error| tree([("SecretId", json(error.secret_id())), ("ErrorCode", json(error.error_code()))]));
            tree([("SecretValues", Some(values.collect())), ("Errors", Some(errors.collect()))])
        });
    }
    if operation.name == LIST_SECRETS.name {
        let filters = input["Filters"].as_array().into_iter().flatten().map(|filter| {
            let key = text(filter, "Key").unwrap_or_default();
            Filter::builder()
                .key(FilterNameStringType::from(key.as_str()))
                .set_values(Some(texts(&filter["Values"])))
                .build()
        });
        let answer = client
            .list_secrets()
            .set_max_results(number(input, "MaxResults"))
            .set_next_token(text(input, "NextToken"))
            .set_filters(Some(filters.collect()))
            .send()
            .await;
        return answered(operation, secrets, answer, |output| {
            let entry = |entry: &SecretListEntry| tree([("Name", json(entry.name())), ("ARN", json(entry.arn()))]);
            let entries = output.secret_list.as_ref().map(|entries| entries.iter().map(entry).collect());
            tree([("SecretList", entries), ("NextToken", json(output.next_token()))])
        });
    }
    if operation.name == DESCRIBE_SECRET.name {
        let answer = client.describe_secret().set_secret_id(text(input, "SecretId")).send().await;
        return answered(operation, secrets, answer, |output| {
            let deleted = output.deleted_date().map(|date| Json::from(date.secs()));
            tree([("ARN", json(output.arn())), ("DeletedDate", deleted)])
        });
    }
    Err(no_client(operation))
}

fn texts(list: &Json) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect()
}
