//! Calls through the SDK's generated clients: EventBridge, Secrets Manager and, with the feature `glue`, Glue.
//!
//! A kind speaks in property trees, whose names are CloudFormation's and thereby the API's; here a tree becomes the
//! client's input type, operation by operation, and its output type becomes a tree again. So the wire, the endpoints and
//! the signatures are the SDK's, and no other module ever holds a generated type, several of which print what they hold.

mod events;
#[cfg(feature = "glue")]
pub(crate) mod glue;
mod secrets_manager;

use std::sync::OnceLock;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::DateTime;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::request_id::RequestId;
use serde_json::{Map as JsonMap, Value as Json};
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::secret::Secret;

use crate::call::Attempt;
use crate::fault;
#[cfg(feature = "glue")]
use crate::operation::GLUE;
use crate::operation::{EVENTS, Operation, SECRETS_MANAGER, Service};

/// The generated clients of one account and region, each made when the first call needs it.
pub(crate) struct Clients {
    config: SdkConfig,
    /// The endpoint that the command line gave; goes before one of the environment's for a single service.
    endpoint_url: Option<String>,
    events: OnceLock<aws_sdk_eventbridge::Client>,
    secrets_manager: OnceLock<aws_sdk_secretsmanager::Client>,
    #[cfg(feature = "glue")]
    glue: OnceLock<aws_sdk_glue::Client>,
}

impl Clients {
    /// Clients of one account and region; one attempt of a call may take `timeout`.
    pub(crate) fn new(config: &SdkConfig, timeout: Duration, endpoint_url: Option<String>) -> Self {
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(timeout).build();
        let config = config.to_builder().timeout_config(timeouts).build();
        Self {
            config,
            endpoint_url,
            events: OnceLock::new(),
            secrets_manager: OnceLock::new(),
            #[cfg(feature = "glue")]
            glue: OnceLock::new(),
        }
    }

    fn events(&self, http: impl FnOnce() -> SharedHttpClient) -> &aws_sdk_eventbridge::Client {
        self.events.get_or_init(|| {
            let mut config = aws_sdk_eventbridge::config::Builder::from(&self.config);
            config.set_http_client(Some(http()));
            if self.endpoint_url.is_some() {
                config.set_endpoint_url(self.endpoint_url.clone());
            }
            aws_sdk_eventbridge::Client::from_conf(config.build())
        })
    }

    fn secrets_manager(&self, http: impl FnOnce() -> SharedHttpClient) -> &aws_sdk_secretsmanager::Client {
        self.secrets_manager.get_or_init(|| {
            let mut config = aws_sdk_secretsmanager::config::Builder::from(&self.config);
            config.set_http_client(Some(http()));
            if self.endpoint_url.is_some() {
                config.set_endpoint_url(self.endpoint_url.clone());
            }
            aws_sdk_secretsmanager::Client::from_conf(config.build())
        })
    }

    #[cfg(feature = "glue")]
    fn glue(&self, http: impl FnOnce() -> SharedHttpClient) -> &aws_sdk_glue::Client {
        self.glue.get_or_init(|| {
            let mut config = aws_sdk_glue::config::Builder::from(&self.config);
            config.set_http_client(Some(http()));
            if self.endpoint_url.is_some() {
                config.set_endpoint_url(self.endpoint_url.clone());
            }
            aws_sdk_glue::Client::from_conf(config.build())
        })
    }

    /// Whether calls to a service go through here.
    pub(crate) fn has(service: &Service) -> bool {
        #[cfg(feature = "glue")]
        if *service == GLUE {
            return true;
        }
        *service == EVENTS || *service == SECRETS_MANAGER
    }

    /// Sends a call once. `http` gives the HTTP client for the service's endpoint when its client is made.
    pub(crate) async fn send(
        &self,
        http: impl FnOnce() -> SharedHttpClient,
        operation: &'static Operation,
        input: &Json,
        secrets: &[Secret],
    ) -> Attempt<Json> {
        #[cfg(feature = "glue")]
        if *operation.service == GLUE {
            return glue::send(self.glue(http), operation, input, secrets).await;
        }
        if *operation.service == EVENTS {
            events::send(self.events(http), operation, input, secrets).await
        } else if *operation.service == SECRETS_MANAGER {
            secrets_manager::send(self.secrets_manager(http), operation, input, secrets).await
        } else {
            Err(no_client(operation))
        }
    }
}

/// An operation that no generated client of ours has: a row was added to the table and not here.
fn no_client(operation: &Operation) -> Fault {
    Fault::new(FaultKind::Invalid, operation.name, "no client offers this operation; this is a bug")
}

/// The answer of a client as a tree, or its error as a fault.
fn answered<O, E>(
    operation: &'static Operation,
    secrets: &[Secret],
    answer: Result<O, SdkError<E, HttpResponse>>,
    tree: impl FnOnce(&O) -> Json,
) -> Attempt<Json>
where
    O: RequestId,
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match answer {
        Ok(output) => {
            let (tree, request_id) = (tree(&output), output.request_id().map(str::to_owned));
            // Where nothing is to be answered the client looks at no body, so that a page of a proxy would do as well.
            if request_id.is_none() && tree.as_object().is_none_or(JsonMap::is_empty) {
                return Err(fault::of_unreadable(operation, "it holds nothing and has no request id", None));
            }
            Ok((tree, request_id))
        }
        Err(error) => Err(fault::of_sdk(operation, &error, secrets)),
    }
}

/// A text of a tree.
fn text(input: &Json, name: &str) -> Option<String> {
    input.get(name)?.as_str().map(str::to_owned)
}

/// A time in seconds, as the services send it.
fn time(time: &DateTime) -> Json {
    time.as_secs_f64().into()
}

/// A whole number of a tree.
fn number(input: &Json, name: &str) -> Option<i32> {
    input.get(name)?.as_i64().and_then(|number| i32::try_from(number).ok())
}

/// A tree of the members that are there.
fn tree<const N: usize>(members: [(&str, Option<Json>); N]) -> Json {
    Json::Object(
        members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect::<JsonMap<_, _>>(),
    )
}

/// A text as a member of a tree.
fn json(text: Option<&str>) -> Option<Json> {
    text.map(Json::from)
}
