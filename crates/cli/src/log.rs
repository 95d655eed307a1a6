//! The log on stderr: off unless asked for, and only ever of this program's own crates.
//!
//! The SDK and the HTTP client log headers and bodies, and bodies hold credentials. So the filter is built here and not
//! read from RUST_LOG: no setting can switch those targets on.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::settings::OutputSettings;

/// Starts the log.
pub fn start(settings: &OutputSettings) {
    let filter = filter(settings);
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(settings.stderr_colour);
    // A second subscriber can only be a mistake of ours, and no reason to end a run.
    let _ = if settings.log_json {
        registry.with(layer.json()).try_init()
    } else {
        registry.with(layer.compact()).try_init()
    };
}

fn filter(settings: &OutputSettings) -> Targets {
    let asked = settings.log_level.as_deref().and_then(|level| level.parse::<LevelFilter>().ok());
    let level = match settings.verbose {
        0 => LevelFilter::OFF,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    // Targets are matched by their beginning: `trueup` is all of our crates and nobody else's.
    Targets::new().with_default(LevelFilter::OFF).with_target("trueup", asked.unwrap_or(level))
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;
    use crate::args::Format;
    use crate::printer::tests::plain;

    #[test]
    fn nothing_switches_the_logs_of_others_on() {
        let loud = OutputSettings { verbose: 9, log_level: Some("trace".to_owned()), ..plain(Format::Human) };
        let filter = filter(&loud);
        assert!(filter.would_enable("trueup_engine::apply", &Level::TRACE));
        for target in ["aws_smithy_runtime::client::http::body", "hyper_util::client", "aws_config", "rustls"] {
            assert!(!filter.would_enable(target, &Level::ERROR));
        }
    }

    #[test]
    fn the_log_is_off_unless_asked_for() {
        assert!(!filter(&plain(Format::Human)).would_enable("trueup", &Level::ERROR));
        let odd = OutputSettings { log_level: Some("aws_smithy_runtime=trace".to_owned()), ..plain(Format::Human) };
        assert!(!filter(&odd).would_enable("aws_smithy_runtime", &Level::ERROR));
    }
}
