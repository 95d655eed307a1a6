//! From the client's output types to property trees, under the API's names.

use std::collections::HashMap;

use aws_sdk_secretsmanager::operation::batch_get_secret_value::BatchGetSecretValueOutput;
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_secretsmanager::operation::list_secret_version_ids::ListSecretVersionIdsOutput;
use aws_sdk_secretsmanager::operation::list_secrets::ListSecretsOutput;
use aws_sdk_secretsmanager::types::{ReplicationStatusType, SecretListEntry, StatusType, Tag};
use serde_json::Value as Json;

use crate::sdk::{json, time, tree};

pub(super) fn values(output: &BatchGetSecretValueOutput) -> Json {
    let values = output.secret_values().iter().map(|value| {
        tree([
            ("ARN", json(value.arn())),
            ("Name", json(value.name())),
            ("VersionId", json(value.version_id())),
            ("CreatedDate", value.created_date().map(time)),
            ("SecretString", json(value.secret_string())),
        ])
    });
    let errors = output
        .errors()
        .iter()
        .map(|error| tree([("SecretId", json(error.secret_id())), ("ErrorCode", json(error.error_code()))]));
    tree([("SecretValues", Some(values.collect())), ("Errors", Some(errors.collect()))])
}

pub(super) fn secrets(output: &ListSecretsOutput) -> Json {
    let entry = |entry: &SecretListEntry| {
        tree([
            ("Name", json(entry.name())),
            ("ARN", json(entry.arn())),
            ("Description", json(entry.description())),
            ("KmsKeyId", json(entry.kms_key_id())),
            ("DeletedDate", entry.deleted_date().map(time)),
            ("OwningService", json(entry.owning_service())),
            ("PrimaryRegion", json(entry.primary_region())),
            ("Tags", Some(tags(entry.tags()))),
            // The list spells this member in its own way.
            ("VersionIdsToStages", entry.secret_versions_to_stages().map(stages)),
        ])
    };
    let entries = output.secret_list.as_ref().map(|entries| entries.iter().map(entry).collect());
    tree([("SecretList", entries), ("NextToken", json(output.next_token()))])
}

pub(super) fn secret(output: &DescribeSecretOutput) -> Json {
    tree([
        ("Name", json(output.name())),
        ("ARN", json(output.arn())),
        ("Description", json(output.description())),
        ("KmsKeyId", json(output.kms_key_id())),
        ("DeletedDate", output.deleted_date().map(time)),
        ("OwningService", json(output.owning_service())),
        ("PrimaryRegion", json(output.primary_region())),
        ("Tags", Some(tags(output.tags()))),
        ("VersionIdsToStages", output.version_ids_to_stages().map(stages)),
        ("ReplicationStatus", Some(replication(output.replication_status()))),
    ])
}

pub(super) fn replication(replicas: &[ReplicationStatusType]) -> Json {
    let replica = |replica: &ReplicationStatusType| {
        tree([
            ("Region", json(replica.region())),
            ("KmsKeyId", json(replica.kms_key_id())),
            ("Status", json(replica.status().map(StatusType::as_str))),
            ("StatusMessage", json(replica.status_message())),
        ])
    };
    replicas.iter().map(replica).collect()
}

pub(super) fn versions(output: &ListSecretVersionIdsOutput) -> Json {
    let versions = output.versions().iter().map(|version| {
        tree([("VersionId", json(version.version_id())), ("CreatedDate", version.created_date().map(time))])
    });
    tree([("Versions", Some(versions.collect()))])
}

fn tags(tags: &[Tag]) -> Json {
    tags.iter().map(|tag| tree([("Key", json(tag.key())), ("Value", json(tag.value()))])).collect()
}

fn stages(stages: &HashMap<String, Vec<String>>) -> Json {
    stages.iter().map(|(version, stages)| (version.clone(), Json::from(stages.clone()))).collect()
}
