//! Waiting until a change has settled, as an apply does.

use std::time::Duration;

use tokio::time::Instant;
use trueup_engine::cloud::{Present, Readiness};
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::kind::Verb;

use super::Change;
use crate::query::load::{only, present, want};
use crate::query::provider::Provider;

/// The shortest and the longest pause between two looks.
const PAUSES: (Duration, Duration) = (Duration::from_millis(40), Duration::from_secs(5));

/// Reads a resource; `None` where it is not there.
pub(super) async fn look(
    provider: &dyn Provider,
    change: &Change,
    identity: &str,
    shallow: bool,
) -> Result<Option<Present>, Fault> {
    let lives = provider.cloud().observe(change.kind, &change.place, &[want(identity, shallow)]).await;
    present(only(lives))
}

/// Waits; gives what a person should know of the state that it ended in.
pub(super) async fn settled(
    provider: &dyn Provider,
    change: &Change,
    identity: &str,
    readiness: Readiness,
    patience: Duration,
) -> Result<Option<String>, Fault> {
    let deletes = change.verb() == Verb::Delete;
    let since = Instant::now();
    let mut now = Some(readiness);
    loop {
        let state = match now {
            Some(Readiness::Ready(state)) if !deletes || state.is_none() => return Ok(None),
            Some(Readiness::Scheduled { state, until }) if deletes => {
                return Ok(Some(until.map_or(state.clone(), |until| format!("{state} until {until}"))));
            }
            None if deletes => return Ok(None),
            Some(Readiness::Failed(fault)) => return Err(fault),
            Some(Readiness::Unusable { state, reason }) if !deletes => {
                return Ok(Some(reason.map_or(state.clone(), |reason| format!("{state}: {reason}"))));
            }
            Some(
                Readiness::Settling(state)
                | Readiness::Deleting(state)
                | Readiness::Scheduled { state, .. }
                | Readiness::Unusable { state, .. },
            ) => state,
            Some(Readiness::Ready(state)) => state.unwrap_or_default(),
            // A list may lag behind a create.
            None => "not seen yet".to_owned(),
        };
        let pause = (since.elapsed() / 3).clamp(PAUSES.0, PAUSES.1);
        if since.elapsed() + pause > patience {
            let message = format!("{state} after {} s; it may still settle", patience.as_secs());
            return Err(Fault::new(FaultKind::NotSettled, "query", message));
        }
        tokio::time::sleep(pause).await;
        match look(provider, change, identity, true).await {
            Ok(live) => now = live.map(|live| live.readiness),
            Err(fault) if fault.kind.is_transient() => now = Some(Readiness::Settling(state)),
            Err(fault) => return Err(fault),
        }
    }
}
