//! Secrets Manager: secrets, and the reads that confirm and compare managed ones.

mod input;
mod output;

use aws_sdk_secretsmanager::Client;
use serde_json::Value as Json;
use trueup_engine::secret::Secret;

use crate::call::Attempt;
use crate::operation::{
    BATCH_GET_SECRET_VALUE, CREATE_SECRET, DELETE_SECRET, DESCRIBE_SECRET, GET_RANDOM_PASSWORD, GET_SECRET_POLICY,
    LIST_SECRET_VERSIONS, LIST_SECRETS, Operation, PUT_SECRET_POLICY, REMOVE_REPLICAS, REPLICATE_SECRET,
    RESTORE_SECRET, TAG_SECRET, UNTAG_SECRET, UPDATE_SECRET,
};
use crate::sdk::{answered, json, no_client, number, text, tree};

/// Sends a call once.
pub(super) async fn send(
    client: &Client,
    operation: &'static Operation,
    input: &Json,
    secrets: &[Secret],
) -> Attempt<Json> {
    let id = || text(input, "SecretId");
    let flag = |name: &str| input[name].as_bool();
    match operation.name {
        of if of == BATCH_GET_SECRET_VALUE.name => {
            let call = client.batch_get_secret_value().set_secret_id_list(Some(input::texts(&input["SecretIdList"])));
            answered(operation, secrets, call.send().await, output::values)
        }
        of if of == LIST_SECRETS.name => {
            let call = client
                .list_secrets()
                .set_max_results(number(input, "MaxResults"))
                .set_next_token(text(input, "NextToken"))
                .set_include_planned_deletion(flag("IncludePlannedDeletion"))
                .set_filters(Some(input::filters(&input["Filters"])));
            answered(operation, secrets, call.send().await, output::secrets)
        }
        of if of == DESCRIBE_SECRET.name => {
            answered(operation, secrets, client.describe_secret().set_secret_id(id()).send().await, output::secret)
        }
        of if of == CREATE_SECRET.name => {
            let call = client
                .create_secret()
                .set_name(text(input, "Name"))
                .set_client_request_token(text(input, "ClientRequestToken"))
                .set_description(text(input, "Description"))
                .set_kms_key_id(text(input, "KmsKeyId"))
                .set_secret_string(text(input, "SecretString"))
                .set_tags(input::tags(&input["Tags"]))
                .set_add_replica_regions(input::replicas(&input["AddReplicaRegions"]));
            answered(operation, secrets, call.send().await, |output| {
                tree([
                    ("ARN", json(output.arn())),
                    ("VersionId", json(output.version_id())),
                    ("ReplicationStatus", Some(output::replication(output.replication_status()))),
                ])
            })
        }
        of if of == UPDATE_SECRET.name => {
            let call = client
                .update_secret()
                .set_secret_id(id())
                .set_client_request_token(text(input, "ClientRequestToken"))
                .set_description(text(input, "Description"))
                .set_kms_key_id(text(input, "KmsKeyId"))
                .set_secret_string(text(input, "SecretString"));
            answered(operation, secrets, call.send().await, |output| {
                tree([("ARN", json(output.arn())), ("VersionId", json(output.version_id()))])
            })
        }
        of if of == DELETE_SECRET.name => {
            let call = client
                .delete_secret()
                .set_secret_id(id())
                .set_recovery_window_in_days(input["RecoveryWindowInDays"].as_i64())
                .set_force_delete_without_recovery(flag("ForceDeleteWithoutRecovery"));
            answered(operation, secrets, call.send().await, |output| {
                let date = output.deletion_date().map(crate::sdk::time);
                tree([("ARN", json(output.arn())), ("DeletionDate", date)])
            })
        }
        of if of == RESTORE_SECRET.name => {
            let answer = client.restore_secret().set_secret_id(id()).send().await;
            answered(operation, secrets, answer, |output| tree([("ARN", json(output.arn()))]))
        }
        of if of == TAG_SECRET.name => {
            let call = client.tag_resource().set_secret_id(id()).set_tags(input::tags(&input["Tags"]));
            answered(operation, secrets, call.send().await, |_| Json::Null)
        }
        of if of == UNTAG_SECRET.name => {
            let call = client.untag_resource().set_secret_id(id()).set_tag_keys(Some(input::texts(&input["TagKeys"])));
            answered(operation, secrets, call.send().await, |_| Json::Null)
        }
        of if of == REPLICATE_SECRET.name => {
            let call = client
                .replicate_secret_to_regions()
                .set_secret_id(id())
                .set_add_replica_regions(input::replicas(&input["AddReplicaRegions"]));
            answered(operation, secrets, call.send().await, |output| {
                tree([("ReplicationStatus", Some(output::replication(output.replication_status())))])
            })
        }
        of if of == REMOVE_REPLICAS.name => {
            let call = client
                .remove_regions_from_replication()
                .set_secret_id(id())
                .set_remove_replica_regions(Some(input::texts(&input["RemoveReplicaRegions"])));
            answered(operation, secrets, call.send().await, |output| {
                tree([("ReplicationStatus", Some(output::replication(output.replication_status())))])
            })
        }
        of if of == GET_SECRET_POLICY.name => {
            let answer = client.get_resource_policy().set_secret_id(id()).send().await;
            answered(operation, secrets, answer, |output| tree([("ResourcePolicy", json(output.resource_policy()))]))
        }
        of if of == PUT_SECRET_POLICY.name => {
            let call =
                client.put_resource_policy().set_secret_id(id()).set_resource_policy(text(input, "ResourcePolicy"));
            answered(operation, secrets, call.send().await, |_| Json::Null)
        }
        of if of == GET_RANDOM_PASSWORD.name => {
            let call = client
                .get_random_password()
                .set_password_length(input["PasswordLength"].as_i64())
                .set_exclude_characters(text(input, "ExcludeCharacters"))
                .set_exclude_numbers(flag("ExcludeNumbers"))
                .set_exclude_punctuation(flag("ExcludePunctuation"))
                .set_exclude_uppercase(flag("ExcludeUppercase"))
                .set_exclude_lowercase(flag("ExcludeLowercase"))
                .set_include_space(flag("IncludeSpace"))
                .set_require_each_included_type(flag("RequireEachIncludedType"));
            answered(operation, secrets, call.send().await, |output| {
                tree([("RandomPassword", json(output.random_password()))])
            })
        }
        of if of == LIST_SECRET_VERSIONS.name => {
            let call = client
                .list_secret_version_ids()
                .set_secret_id(id())
                .set_max_results(number(input, "MaxResults"))
                .set_include_deprecated(flag("IncludeDeprecated"));
            answered(operation, secrets, call.send().await, output::versions)
        }
        _ => Err(no_client(operation)),
    }
}
