//! Glue: connections and their tags.
//!
//! Glue's generated types derive `Debug` and print `PASSWORD`; none of them leaves this module, and none is formatted in
//! it. The client leaves `ValidateCredentials: false` out, because it equals a boolean's own default, and the service
//! takes an absent one for `true`: it would contact the database that the manifest says to leave alone. So the body gets
//! the flag back ([`say_false`]) after it was written and before it is signed; and no flag is sent where none is given.

mod input;
mod output;

use aws_sdk_glue::Client;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use serde_json::{Map as JsonMap, Value as Json};
use trueup_engine::secret::Secret;

use crate::call::Attempt;
use crate::fault;
use crate::operation::{
    GLUE_CREATE_CONNECTION, GLUE_DELETE_CONNECTION, GLUE_GET_CONNECTION, GLUE_GET_CONNECTIONS, GLUE_GET_TAGS,
    GLUE_TAG_RESOURCE, GLUE_UNTAG_RESOURCE, GLUE_UPDATE_CONNECTION, Operation,
};
use crate::sdk::{answered, no_client, number, text};

/// The connection types that the client's version of the service model has. The service's list grows.
pub(crate) fn connection_types() -> &'static [&'static str] {
    aws_sdk_glue::types::ConnectionType::values()
}

/// Sends a call once.
pub(super) async fn send(
    client: &Client,
    operation: &'static Operation,
    input: &Json,
    secrets: &[Secret],
) -> Attempt<Json> {
    let catalog = || text(input, "CatalogId");
    let name = || text(input, "Name");
    let hide = || input["HidePassword"].as_bool();
    let connection = || input::connection(&input["ConnectionInput"]);
    let invalid = |why: String| fault::of_input(operation, &why, secrets);
    match operation.name {
        of if of == GLUE_GET_CONNECTION.name => {
            let call = client.get_connection().set_catalog_id(catalog()).set_name(name()).set_hide_password(hide());
            answered(operation, secrets, call.send().await, output::connection)
        }
        of if of == GLUE_GET_CONNECTIONS.name => {
            let call = client
                .get_connections()
                .set_catalog_id(catalog())
                .set_hide_password(hide())
                .set_max_results(number(input, "MaxResults"))
                .set_next_token(text(input, "NextToken"));
            answered(operation, secrets, call.send().await, output::connections)
        }
        of if of == GLUE_CREATE_CONNECTION.name => {
            let call = client
                .create_connection()
                .set_catalog_id(catalog())
                .set_connection_input(connection().map_err(invalid)?)
                .set_tags(input::texts_by_name(&input["Tags"]));
            let answer = if says_false(input) {
                call.customize().mutate_request(say_false).send().await
            } else {
                call.send().await
            };
            answered(operation, secrets, answer, output::created)
        }
        of if of == GLUE_UPDATE_CONNECTION.name => {
            let call = client
                .update_connection()
                .set_catalog_id(catalog())
                .set_name(name())
                .set_connection_input(connection().map_err(invalid)?);
            let answer = if says_false(input) {
                call.customize().mutate_request(say_false).send().await
            } else {
                call.send().await
            };
            answered(operation, secrets, answer, |_| nothing())
        }
        of if of == GLUE_DELETE_CONNECTION.name => {
            let call = client.delete_connection().set_catalog_id(catalog()).set_connection_name(name());
            answered(operation, secrets, call.send().await, |_| nothing())
        }
        _ => tags(client, operation, input, secrets).await,
    }
}

async fn tags(client: &Client, operation: &'static Operation, input: &Json, secrets: &[Secret]) -> Attempt<Json> {
    let arn = || text(input, "ResourceArn");
    match operation.name {
        of if of == GLUE_GET_TAGS.name => {
            let answer = client.get_tags().set_resource_arn(arn()).send().await;
            answered(operation, secrets, answer, output::tags)
        }
        of if of == GLUE_TAG_RESOURCE.name => {
            let tags = input::texts_by_name(&input["TagsToAdd"]);
            let answer = client.tag_resource().set_resource_arn(arn()).set_tags_to_add(tags).send().await;
            answered(operation, secrets, answer, |_| nothing())
        }
        of if of == GLUE_UNTAG_RESOURCE.name => {
            let tags = input::texts(&input["TagsToRemove"]);
            let answer = client.untag_resource().set_resource_arn(arn()).set_tags_to_remove(tags).send().await;
            answered(operation, secrets, answer, |_| nothing())
        }
        _ => Err(no_client(operation)),
    }
}

fn nothing() -> Json {
    Json::Object(JsonMap::new())
}

fn says_false(input: &Json) -> bool {
    input["ConnectionInput"]["ValidateCredentials"] == Json::Bool(false)
}

/// Writes `ValidateCredentials: false` into the body.
fn say_false(request: &mut HttpRequest) {
    let body = request.body().bytes().and_then(|body| serde_json::from_slice::<Json>(body).ok());
    let Some(mut body) = body.filter(|body| body["ConnectionInput"].is_object()) else { return };
    body["ConnectionInput"]["ValidateCredentials"] = Json::Bool(false);
    let body = body.to_string();
    let length = body.len().to_string();
    *request.body_mut() = body.into();
    request.headers_mut().insert("content-length", length);
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_flag_that_the_client_left_out_is_written_back() {
        let mut request = HttpRequest::new(SdkBody::from(json!({"ConnectionInput": {"Name": "a"}}).to_string()));
        say_false(&mut request);
        let sent: Json = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        assert_eq!(sent, json!({"ConnectionInput": {"Name": "a", "ValidateCredentials": false}}));
        let length = request.body().bytes().unwrap().len().to_string();
        assert_eq!(request.headers().get("content-length"), Some(length.as_str()));
    }

    #[test]
    fn only_a_false_that_is_given_is_said() {
        assert!(says_false(&json!({"ConnectionInput": {"ValidateCredentials": false}})));
        assert!(!says_false(&json!({"ConnectionInput": {"ValidateCredentials": true}})));
        assert!(!says_false(&json!({"ConnectionInput": {}})));
    }
}
