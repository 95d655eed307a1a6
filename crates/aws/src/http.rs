//! The HTTP client: one connector and one connection pool for all calls of a session.
//!
//! The SDK's client has its proxy off unless told otherwise, and does not know `AWS_CA_BUNDLE`; here both are set. The
//! connector is made when the first call needs it, because loading the system's certificates takes longer than a whole
//! run against a sandbox, which needs none.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use trueup_engine::fault::{Fault, FaultKind};

use crate::clock::Listening;
use crate::settings::Network;

/// Proxy and trust store, read once.
#[derive(Clone)]
pub(crate) struct Way {
    proxy: ProxyConfig,
    trust: TlsContext,
}

impl Way {
    /// Reads the trust store and checks the proxy's address.
    pub(crate) fn new(network: &Network) -> Result<Self, Fault> {
        Ok(Self { proxy: proxy(network)?, trust: trust(network.ca_bundle.as_deref())? })
    }

    fn connector(&self, settings: HttpConnectorSettings) -> Connector {
        Connector::builder()
            .connector_settings(settings)
            .enable_tcp_nodelay(true)
            .proxy_config(self.proxy.clone())
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(self.trust.clone())
            .build()
    }

    /// A client that keeps to the timeouts that its caller asks for; for the sources of credentials, which ask for
    /// short ones.
    pub(crate) fn patient_client(&self) -> SharedHttpClient {
        let way = self.clone();
        Builder::new().build_with_connector_fn(move |settings, _| way.connector(settings.cloned().unwrap_or_else(none)))
    }
}

fn none() -> HttpConnectorSettings {
    HttpConnectorSettings::builder().build()
}

/// The connectors of a session.
pub(crate) struct Connectors {
    connect_timeout: Duration,
    plain: OnceLock<SharedHttpConnector>,
    tls: OnceLock<SharedHttpConnector>,
}

impl Connectors {
    pub(crate) fn new(connect_timeout: Duration) -> Self {
        Self { connect_timeout, plain: OnceLock::new(), tls: OnceLock::new() }
    }

    /// The connector for an endpoint.
    pub(crate) fn of(&self, endpoint: &str, way: &Way) -> SharedHttpConnector {
        let settings = || HttpConnectorSettings::builder().connect_timeout(self.connect_timeout).build();
        if endpoint.starts_with("http://") {
            let plain = || Connector::builder().connector_settings(settings()).enable_tcp_nodelay(true).build_http();
            return self.plain.get_or_init(|| listening(SharedHttpConnector::new(plain()))).clone();
        }
        self.tls.get_or_init(|| listening(SharedHttpConnector::new(way.connector(settings())))).clone()
    }
}

fn listening(connector: SharedHttpConnector) -> SharedHttpConnector {
    SharedHttpConnector::new(Listening(connector))
}

/// A client for the SDK that uses this connector and its pool.
pub(crate) fn client_of(connector: &SharedHttpConnector) -> SharedHttpClient {
    let connector = connector.clone();
    http_client_fn(move |_, _| connector.clone())
}

fn proxy(network: &Network) -> Result<ProxyConfig, Fault> {
    let Some(url) = &network.https_proxy else { return Ok(ProxyConfig::disabled()) };
    // curl and botocore take an address without a scheme for http.
    let url = if url.contains("://") { url.clone() } else { format!("http://{url}") };
    // The error would quote the address, and with it the proxy's password.
    let proxy = ProxyConfig::https(url.as_str())
        .map_err(|_| Fault::new(FaultKind::Invalid, "proxy", "HTTPS_PROXY is not the address of a proxy"))?;
    Ok(match &network.no_proxy {
        Some(hosts) => proxy.no_proxy(hosts),
        None => proxy,
    })
}

fn trust(bundle: Option<&Path>) -> Result<TlsContext, Fault> {
    let invalid = |why: String| Fault::new(FaultKind::Invalid, "AWS_CA_BUNDLE", why);
    let mut store = TrustStore::default();
    if let Some(path) = bundle {
        let pem = std::fs::read(path).map_err(|error| invalid(format!("{}: {error}", path.display())))?;
        if !has_certificate(&pem) {
            return Err(invalid(format!("{}: no PEM certificate in it", path.display())));
        }
        // In place of the system's certificates, as in botocore.
        store = TrustStore::empty().with_pem_certificate(pem);
    }
    TlsContext::builder().with_trust_store(store).build().map_err(|_| invalid("no usable trust store".to_owned()))
}

/// Whether there is a certificate, and each one is closed. The TLS library ends the process over a broken one.
fn has_certificate(pem: &[u8]) -> bool {
    let text = String::from_utf8_lossy(pem);
    let begun = text.matches("-----BEGIN CERTIFICATE-----").count();
    begun > 0 && begun == text.matches("-----END CERTIFICATE-----").count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_proxy_is_reported_without_its_password() {
        let network = Network { https_proxy: Some("http://me:hunter2@:bad:".to_owned()), ..Network::default() };
        let fault = proxy(&network).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Invalid);
        assert!(!fault.message.contains("hunter2"));
    }

    #[test]
    fn an_address_without_a_scheme_is_http() {
        let network = Network { https_proxy: Some("proxy.example.com:3128".to_owned()), ..Network::default() };
        assert!(!proxy(&network).unwrap().is_disabled());
    }

    #[test]
    fn a_bundle_without_a_certificate_is_reported() {
        assert!(!has_certificate(b"hello"));
        assert!(!has_certificate(b"-----BEGIN CERTIFICATE-----\nMII"));
    }
}
