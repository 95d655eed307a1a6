//! EventBridge: connections and API destinations.
//!
//! The generated client leaves a boolean out that equals the model's default, so that `IsValueSecret: false` would never
//! arrive, and the service takes an absent one for `true`: a public header would silently become a secret. So the body
//! gets the flag back ([`say_false`]) after it was written and before it is signed.

mod input;
mod output;

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::{ApiDestinationHttpMethod, ConnectionAuthorizationType};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use serde_json::Value as Json;
use trueup_engine::secret::Secret;

use crate::call::Attempt;
use crate::fault;
use crate::operation::{
    CREATE_API_DESTINATION, CREATE_CONNECTION, DELETE_API_DESTINATION, DELETE_CONNECTION, DESCRIBE_API_DESTINATION,
    DESCRIBE_CONNECTION, LIST_API_DESTINATIONS, LIST_CONNECTIONS, Operation, UPDATE_API_DESTINATION, UPDATE_CONNECTION,
};
use crate::sdk::{answered, no_client, number, text};

/// Sends a call once.
pub(super) async fn send(
    client: &Client,
    operation: &'static Operation,
    input: &Json,
    secrets: &[Secret],
) -> Attempt<Json> {
    let name = || text(input, "Name");
    let invalid = |why: String| fault::of_input(operation, &why, secrets);
    // The longest first: it is what a plan of a thousand sends a thousand times.
    match operation.name {
        of if of == DESCRIBE_CONNECTION.name => {
            let answer = client.describe_connection().set_name(name()).send().await;
            answered(operation, secrets, answer, output::connection)
        }
        of if of == LIST_CONNECTIONS.name => {
            let answer = client
                .list_connections()
                .set_name_prefix(text(input, "NamePrefix"))
                .set_limit(number(input, "Limit"))
                .set_next_token(text(input, "NextToken"))
                .send()
                .await;
            answered(operation, secrets, answer, output::connections)
        }
        of if of == CREATE_CONNECTION.name => {
            let auth = input::create_auth(&input["AuthParameters"]).map_err(invalid)?;
            let private = input::private(&input["InvocationConnectivityParameters"]).map_err(invalid)?;
            let call = client
                .create_connection()
                .set_name(name())
                .set_description(text(input, "Description"))
                .set_authorization_type(authorization(input))
                .set_auth_parameters(auth)
                .set_invocation_connectivity_parameters(private)
                .set_kms_key_identifier(text(input, "KmsKeyIdentifier"));
            let answer = if has_false(input) {
                call.customize().mutate_request(say_false).send().await
            } else {
                call.send().await
            };
            answered(operation, secrets, answer, output::created_connection)
        }
        of if of == UPDATE_CONNECTION.name => {
            let auth = input::update_auth(&input["AuthParameters"]).map_err(invalid)?;
            let private = input::private(&input["InvocationConnectivityParameters"]).map_err(invalid)?;
            let call = client
                .update_connection()
                .set_name(name())
                .set_description(text(input, "Description"))
                .set_authorization_type(authorization(input))
                .set_auth_parameters(auth)
                .set_invocation_connectivity_parameters(private)
                .set_kms_key_identifier(text(input, "KmsKeyIdentifier"));
            let answer = if has_false(input) {
                call.customize().mutate_request(say_false).send().await
            } else {
                call.send().await
            };
            answered(operation, secrets, answer, output::updated_connection)
        }
        of if of == DELETE_CONNECTION.name => {
            let answer = client.delete_connection().set_name(name()).send().await;
            answered(operation, secrets, answer, output::deleted_connection)
        }
        _ => destination(client, operation, input, secrets).await,
    }
}

async fn destination(
    client: &Client,
    operation: &'static Operation,
    input: &Json,
    secrets: &[Secret],
) -> Attempt<Json> {
    let name = || text(input, "Name");
    let method = || text(input, "HttpMethod").map(|method| ApiDestinationHttpMethod::from(method.as_str()));
    match operation.name {
        of if of == DESCRIBE_API_DESTINATION.name => {
            let answer = client.describe_api_destination().set_name(name()).send().await;
            answered(operation, secrets, answer, output::destination)
        }
        of if of == LIST_API_DESTINATIONS.name => {
            let answer = client
                .list_api_destinations()
                .set_name_prefix(text(input, "NamePrefix"))
                .set_limit(number(input, "Limit"))
                .set_next_token(text(input, "NextToken"))
                .send()
                .await;
            answered(operation, secrets, answer, output::destinations)
        }
        of if of == CREATE_API_DESTINATION.name => {
            let answer = client
                .create_api_destination()
                .set_name(name())
                .set_description(text(input, "Description"))
                .set_connection_arn(text(input, "ConnectionArn"))
                .set_invocation_endpoint(text(input, "InvocationEndpoint"))
                .set_http_method(method())
                .set_invocation_rate_limit_per_second(number(input, "InvocationRateLimitPerSecond"))
                .send()
                .await;
            answered(operation, secrets, answer, output::created_destination)
        }
        of if of == UPDATE_API_DESTINATION.name => {
            let answer = client
                .update_api_destination()
                .set_name(name())
                .set_description(text(input, "Description"))
                .set_connection_arn(text(input, "ConnectionArn"))
                .set_invocation_endpoint(text(input, "InvocationEndpoint"))
                .set_http_method(method())
                .set_invocation_rate_limit_per_second(number(input, "InvocationRateLimitPerSecond"))
                .send()
                .await;
            answered(operation, secrets, answer, output::updated_destination)
        }
        of if of == DELETE_API_DESTINATION.name => {
            let answer = client.delete_api_destination().set_name(name()).send().await;
            answered(operation, secrets, answer, |_| Json::Object(serde_json::Map::new()))
        }
        _ => Err(no_client(operation)),
    }
}

fn authorization(input: &Json) -> Option<ConnectionAuthorizationType> {
    text(input, "AuthorizationType").map(|kind| ConnectionAuthorizationType::from(kind.as_str()))
}

/// Whether a parameter says that its value is no secret.
fn has_false(input: &Json) -> bool {
    match input {
        Json::Object(map) => map.get("IsValueSecret") == Some(&Json::Bool(false)) || map.values().any(has_false),
        Json::Array(items) => items.iter().any(has_false),
        _ => false,
    }
}

/// Writes `IsValueSecret: false` into every parameter of a body that does not say `true`.
fn say_false(request: &mut HttpRequest) {
    let Some(body) = request.body().bytes().and_then(|body| serde_json::from_slice::<Json>(body).ok()) else { return };
    let mut body = body;
    fill_in(&mut body);
    let body = body.to_string();
    let length = body.len().to_string();
    *request.body_mut() = body.into();
    request.headers_mut().insert("content-length", length);
}

fn fill_in(body: &mut Json) {
    const LISTS: [&str; 3] = ["HeaderParameters", "QueryStringParameters", "BodyParameters"];
    let Json::Object(map) = body else { return };
    for (name, member) in map {
        match member {
            Json::Array(items) if LISTS.contains(&name.as_str()) => {
                for item in items.iter_mut().filter_map(Json::as_object_mut) {
                    item.entry("IsValueSecret").or_insert(Json::Bool(false));
                }
            }
            member => fill_in(member),
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_flag_that_the_client_left_out_is_written_back() {
        let body = json!({"AuthParameters": {"InvocationHttpParameters": {"HeaderParameters": [
            {"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2", "IsValueSecret": true}]}}});
        let mut request = HttpRequest::new(SdkBody::from(body.to_string()));
        say_false(&mut request);
        let sent: Json = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let headers = &sent["AuthParameters"]["InvocationHttpParameters"]["HeaderParameters"];
        assert_eq!(headers[0]["IsValueSecret"], json!(false));
        assert_eq!(headers[1]["IsValueSecret"], json!(true));
        let length = request.body().bytes().unwrap().len().to_string();
        assert_eq!(request.headers().get("content-length"), Some(length.as_str()));
    }
}
