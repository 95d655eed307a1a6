//! The cloud of a run: AWS, or a sandbox inside this process.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use trueup_aws::Session;
use trueup_sandbox::Running;

use crate::error::CommandError;
use crate::live::StackQueries;
use crate::settings::Settings;

/// How long changes of state take in the sandbox of a command: long enough to be seen, too short to be waited for.
const SETTLE: Duration = Duration::from_millis(20);

/// The region of a sandbox when nobody names one.
pub const SANDBOX_REGION: &str = "us-east-1";

/// A cloud to talk to.
pub struct Connected {
    /// The session.
    pub session: Session,
    /// What it was opened with.
    aws: trueup_aws::Settings,
    sandbox: Option<Running>,
}

/// Opens the session; starts the sandbox where one is asked for. Sends nothing.
pub async fn connect(settings: &Settings, secret_reads: bool) -> Result<Connected, CommandError> {
    let cloud = &settings.cloud;
    let sandbox = match (&cloud.sandbox, &cloud.served) {
        (Some(dir), None) => Some(start(dir).await?),
        _ => None,
    };
    let mut aws = trueup_aws::Settings {
        profile: cloud.profile.clone(),
        endpoint_url: cloud.endpoint_url.clone(),
        secret_reads,
        network: trueup_aws::Network::from_variables(|name| settings.environment.get(name)),
        ..trueup_aws::Settings::default()
    };
    aws.limits = cloud.quota_share.map(trueup_aws::Limits::share);
    if let Some(limit) = cloud.throttled_for {
        aws.backoff.throttled_for = limit;
    }
    if let Some(url) = sandbox.as_ref().map(Running::url).or_else(|| cloud.served.clone()) {
        let region = cloud.region.clone().or_else(|| cloud.ambient_region.clone());
        aws.profile = None;
        aws.endpoint_url = Some(url);
        aws.region = Some(region.unwrap_or_else(|| SANDBOX_REGION.to_owned()));
        aws.static_credentials = Some(("sandbox".to_owned(), "sandbox".to_owned()));
    }
    let observer = Arc::new(|call: trueup_aws::CallEvent| {
        if let (Err(fault), Some(pause)) = (&call.outcome, call.retry_in) {
            tracing::info!(operation = call.operation, kind = %fault.kind, pause_ms = pause.as_millis(), "repeated");
        }
    });
    let session =
        Session::of(Arc::clone(&cloud.pool), aws.clone(), observer).asking(Box::new(StackQueries::new(settings)));
    Ok(Connected { session, aws, sandbox })
}

/// Starts the sandbox of a run over many stacks, where one is asked for; [`connect`] finds it by its address.
pub async fn serve(settings: &Settings) -> Result<Option<Running>, CommandError> {
    match &settings.cloud.sandbox {
        Some(dir) => start(dir).await.map(Some),
        None => Ok(None),
    }
}

async fn start(dir: &Path) -> Result<Running, CommandError> {
    let options = trueup_sandbox::Options {
        addr: SocketAddr::from(([127, 0, 0, 1], 0)),
        state: Some(dir.to_owned()),
        faults: None,
        settle: SETTLE,
    };
    trueup_sandbox::start(options).await.map_err(|error| sandbox_error(&error))
}

impl Connected {
    /// Another session with the same cloud, for what goes on beside the run and after its end.
    pub fn another_session(&self) -> Session {
        Session::new(self.aws.clone(), Arc::new(|_| {}))
    }

    /// Ends it; a sandbox saves its state.
    pub async fn close(self) -> Result<(), CommandError> {
        match self.sandbox {
            Some(running) => running.stop().await.map_err(|error| sandbox_error(&error)),
            None => Ok(()),
        }
    }
}

/// An error of the sandbox, with what the system said.
pub fn sandbox_error(error: &trueup_sandbox::Error) -> CommandError {
    let mut message = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        let _ = write!(message, ": {inner}");
        source = inner.source();
    }
    match error {
        trueup_sandbox::Error::NotLoopback { .. } | trueup_sandbox::Error::Faults { .. } => {
            CommandError::usage(message)
        }
        trueup_sandbox::Error::Malformed { .. } | trueup_sandbox::Error::Version { .. } => {
            CommandError::failed(message).hint("`trueup sandbox reset` empties it")
        }
        trueup_sandbox::Error::InUse { .. } => {
            CommandError::failed(message).hint("use the endpoint of the running one: `--endpoint-url`")
        }
        _ => CommandError::failed(message),
    }
}
