//! What a session is told from outside. The environment is read in the CLI, not here.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use trueup_engine::retry::Backoff;

use crate::limits::Limits;

/// How AWS is reached.
#[derive(Clone)]
pub struct Settings {
    /// The profile; `None` leaves it to the SDK's own chain.
    pub profile: Option<String>,
    /// Where all services are; `None` leaves it to the SDK's own chain, and that to the services' own addresses.
    pub endpoint_url: Option<String>,
    /// The region of places that name none; `None` leaves it to the SDK's own chain.
    pub region: Option<String>,
    /// Whether managed secrets are read to be compared.
    pub secret_reads: bool,
    /// How long a connection may take to open.
    pub connect_timeout: Duration,
    /// How long an answer may take, once the connection is open.
    pub read_timeout: Duration,
    /// Proxy and trust store.
    pub network: Network,
    /// The calls that are sent a second. `None` is what is documented, and no limit on loopback, where nobody documents one.
    pub limits: Option<Limits>,
    /// How failed calls are repeated.
    pub backoff: Backoff,
    /// Key id and secret key. Where they are given no chain is asked, neither for credentials nor for a region.
    pub static_credentials: Option<(String, String)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            profile: None,
            endpoint_url: None,
            region: None,
            secret_reads: true,
            // The SDK's own default.
            connect_timeout: Duration::from_millis(3100),
            read_timeout: Duration::from_secs(30),
            network: Network::default(),
            limits: None,
            backoff: Backoff::default(),
            static_credentials: None,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("profile", &self.profile)
            .field("endpoint_url", &self.endpoint_url)
            .field("region", &self.region)
            .field("secret_reads", &self.secret_reads)
            .finish_non_exhaustive()
    }
}

/// The way to the network, as the usual environment variables give it.
///
/// Only https goes through a proxy. Plain http is loopback (a sandbox, an emulator) or a link-local address from which
/// credentials come, and neither is behind a proxy.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// `HTTPS_PROXY`: the proxy's URL, credentials included.
    pub https_proxy: Option<String>,
    /// `NO_PROXY`: comma-separated hosts that are reached without it.
    pub no_proxy: Option<String>,
    /// `AWS_CA_BUNDLE`: PEM certificates that are trusted in place of the system's.
    pub ca_bundle: Option<PathBuf>,
}

impl Network {
    /// Reads the usual variables through `variable`; lower case wins, as in curl.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: &[&str]| names.iter().find_map(|name| variable(name).filter(|value| !value.is_empty()));
        Self {
            https_proxy: first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            no_proxy: first(&["no_proxy", "NO_PROXY"]),
            ca_bundle: first(&["AWS_CA_BUNDLE"]).map(PathBuf::from),
        }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("proxied", &self.https_proxy.is_some()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_password_is_not_shown() {
        let network = Network::from_variables(|name| match name {
            "HTTPS_PROXY" => Some("http://me:hunter2@proxy.example.com:3128".to_owned()),
            "NO_PROXY" => Some(String::new()),
            _ => None,
        });
        assert!(network.https_proxy.is_some());
        assert_eq!(network.no_proxy, None);
        assert!(!format!("{network:?}").contains("hunter2"));
    }
}
