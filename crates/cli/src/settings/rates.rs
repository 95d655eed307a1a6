//! How many calls a second are sent, and how long a service that refuses more is asked again.

use std::time::Duration;

use super::{Environment, duration};
use crate::args::Options;
use crate::error::CommandError;

/// The share of the documented request rates, where one is given.
pub(super) fn quota_share(options: &Options, environment: &Environment) -> Result<Option<f64>, CommandError> {
    let (share, from) = match (options.quota_share, environment.filled("TRUEUP_QUOTA_SHARE")) {
        (Some(share), _) => (Some(share), "--quota-share"),
        (None, Some(text)) => (Some(text.trim().parse().unwrap_or(f64::NAN)), "TRUEUP_QUOTA_SHARE"),
        (None, None) => return Ok(None),
    };
    let share = share.filter(|share| (0.01..=100.0).contains(share)).ok_or_else(|| {
        CommandError::usage(format!("what stands in {from} is no share of a quota"))
            .hint("it is a number from 0.01 to 100: `0.5` leaves half of the documented rates to others")
    })?;
    Ok(Some(share))
}

/// How long a throttled call is repeated, where that is given.
pub(super) fn throttled_for(environment: &Environment) -> Result<Option<Duration>, CommandError> {
    environment
        .filled("TRUEUP_THROTTLED_FOR")
        .map(|text| duration(&text).map_err(|error| error.hint("it stands in TRUEUP_THROTTLED_FOR")))
        .transpose()
}
