//! Addresses that carry credentials: refused, and shown nowhere.

use std::fmt::Write as _;

use serde_json::json;
use trueup_engine::desired::{self, Defaults};
use trueup_engine::diagnostic;
use trueup_engine::manifest;
use trueup_engine::render::Inputs;
use trueup_engine::source::Sources;

/// The codes for an endpoint, and everything that may be shown.
fn checked(endpoint: &str, url: &str) -> (Vec<&'static str>, String) {
    let oauth = |endpoint: &str| {
        json!({"name": "c", "type": "AWS::Events::Connection", "props": {
            "Name": "c", "AuthorizationType": "OAUTH_CLIENT_CREDENTIALS", "AuthParameters": {"OAuthParameters": {
                "AuthorizationEndpoint": endpoint, "HttpMethod": "POST",
                "ClientParameters": {"ClientID": "id", "ClientSecret": "{{ secret('env:S') }}"}}}}})
    };
    let destination = json!({"name": "d", "type": "AWS::Events::ApiDestination", "props": {
        "Name": "d", "ConnectionArn": "{{ c.Arn }}", "InvocationEndpoint": endpoint, "HttpMethod": "POST"}});
    let manifest = json!({"version": 1, "name": "s", "resources": [oauth(endpoint), destination]});
    let mut sources = Sources::new("");
    let id = sources.add("trueup.yaml", serde_json::to_string_pretty(&manifest).unwrap());
    let (manifest, _) = manifest::parse(&mut sources, id);
    let inputs = Inputs {
        env: "dev",
        given: endpoint.contains("URL").then(|| ("URL".to_owned(), url.to_owned())).into_iter().collect(),
        files: Vec::new(),
        environment: &|_| None,
        today: (2026, 11, 21),
    };
    let registry = trueup_aws::registry();
    let reading = desired::read(&manifest.unwrap(), &inputs, registry, &mut sources, &Defaults::default());
    let found = reading.diagnostics.sorted();
    let mut shown: String = found.iter().map(|found| diagnostic::render(found, &sources, false, 200)).collect();
    for variable in reading.stack.unwrap().variables.iter().filter(|variable| !variable.secret) {
        let _ = write!(shown, "{variable:?}");
    }
    (found.iter().map(|found| found.code).collect(), shown)
}

#[test]
fn credentials_in_an_endpoint_are_an_error_and_are_not_shown() {
    for address in [
        "https://user:canary@example.com/",
        "https://canary@example.com",
        "HTTPS://user:can/ary-canary@example.com/x",
        "https://user:canary@example.com:8443/x?y=z",
        "http://user:canary@example.com/",
    ] {
        for endpoint in [address, "{{ vars.URL }}", "{{ vars.URL | replace('user', 'u') }}"] {
            let (codes, shown) = checked(endpoint, address);
            assert_eq!(codes, ["M336", "M336"], "{endpoint} {address}: {shown}");
            assert!(!shown.contains("canary"), "{shown}");
        }
    }
    // One that is wrong in another way too is not shown either.
    for endpoint in ["https://user:canary@[::1]/", "{{ vars.URL }}"] {
        let (codes, shown) = checked(endpoint, "https://user:canary@[::1]/");
        assert_eq!(codes, ["M305", "M305"], "{shown}");
        assert!(!shown.contains("canary"), "{shown}");
    }
    for address in ["https://example.com/a@b", "https://example.com:8443/a:b@c", "https://example.com/?to=a@b.c"] {
        assert_eq!(checked(address, "").0, Vec::<&str>::new(), "{address}");
    }
}
