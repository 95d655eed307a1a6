//! Rules between properties of a connection, found before any call.
//!
//! The schema already reports types, lengths, patterns, required and read-only members, and that exactly one of the
//! authorization blocks must be given. What is reported here is what it cannot say, and nothing inside a block that is
//! one too many: one mistake, one finding.

use trueup_engine::embedded::names_user;
use trueup_engine::kind::Finding;
use trueup_engine::value::{Map, Value};

use crate::kinds::fields::not_a_key;

/// Each authorization type with the block that belongs to it.
const BLOCKS: [(&str, &str); 3] = [
    ("API_KEY", "ApiKeyAuthParameters"),
    ("BASIC", "BasicAuthParameters"),
    ("OAUTH_CLIENT_CREDENTIALS", "OAuthParameters"),
];

const LISTS: [&str; 3] = ["HeaderParameters", "QueryStringParameters", "BodyParameters"];

/// What does not hold.
pub(super) fn check(properties: &Map) -> Vec<Finding> {
    let mut findings = Vec::new();
    let auth = properties.get("AuthParameters").and_then(Value::as_map);
    let given: Vec<(&str, &str)> = BLOCKS
        .into_iter()
        .filter(|(_, block)| auth.and_then(|auth| auth.get(block)).is_some_and(|value| !value.is_null()))
        .collect();
    if let [(fitting, block)] = given[..] {
        check_type(properties, fitting, block, &mut findings);
        if let Some(oauth) = auth.and_then(|auth| auth.get("OAuthParameters")) {
            check_oauth(oauth, &mut findings);
        }
    }
    if let Some(parameters) = auth.and_then(|auth| auth.get("InvocationHttpParameters")) {
        check_http_parameters(parameters, "/AuthParameters/InvocationHttpParameters", &mut findings);
    }
    check_connectivity(properties, auth, &given, &mut findings);
    check_key(properties, &mut findings);
    findings
}

fn check_type(properties: &Map, fitting: &str, block: &str, findings: &mut Vec<Finding>) {
    let Some(given) = properties.get("AuthorizationType").and_then(Value::as_str) else { return };
    let Some((_, wanted)) = BLOCKS.iter().find(|(name, _)| *name == given).filter(|_| given != fitting) else { return };
    findings.push(Finding {
        code: "M330",
        pointer: "/AuthorizationType".to_owned(),
        on_key: false,
        summary: format!("`AuthorizationType` is `{given}`, but `AuthParameters` holds `{block}`"),
        help: Some(format!("write `AuthorizationType: {fitting}`, or give `{wanted}` instead of `{block}`")),
        warning: false,
    });
}

fn check_oauth(oauth: &Value, findings: &mut Vec<Finding>) {
    let endpoint = "/AuthParameters/OAuthParameters/AuthorizationEndpoint";
    findings.extend(wrong_endpoint(oauth.get("AuthorizationEndpoint"), endpoint));
    if let Some(parameters) = oauth.get("OAuthHttpParameters") {
        check_http_parameters(parameters, "/AuthParameters/OAuthParameters/OAuthHttpParameters", findings);
    }
}

/// What is wrong with the address of an endpoint. Anything but a plain text is not looked at, and none is quoted.
pub(in crate::kinds) fn wrong_endpoint(value: Option<&Value>, pointer: &str) -> Option<Finding> {
    let address = value.and_then(Value::as_str)?;
    let name = pointer.rsplit('/').next().unwrap_or_default();
    let (code, summary, help) = if names_user(address) {
        (
            "M336",
            format!("`{name}` has a user or a password in it"),
            "an address is shown everywhere: remove what is before the `@`, and give the credentials in \
             `AuthParameters` of the connection",
        )
    } else if is_not_https(address) {
        (
            "M331",
            format!("`{name}` is not an https address"),
            "EventBridge calls https endpoints only; write `https://…`",
        )
    } else {
        return None;
    };
    Some(Finding {
        code,
        pointer: pointer.to_owned(),
        on_key: false,
        summary,
        help: Some(help.to_owned()),
        warning: false,
    })
}

fn is_not_https(address: &str) -> bool {
    !address.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"))
}

fn check_http_parameters(parameters: &Value, pointer: &str, findings: &mut Vec<Finding>) {
    let Some(map) = parameters.as_map() else { return };
    let is_empty = |value: &Value| value.is_null() || value.as_list().is_some_and(<[Value]>::is_empty);
    if map.values().all(is_empty) {
        let name = pointer.rsplit('/').next().unwrap_or_default();
        findings.push(Finding {
            code: "M333",
            pointer: pointer.to_owned(),
            on_key: true,
            summary: format!("`{name}` adds nothing"),
            help: Some("leave it out".to_owned()),
            warning: true,
        });
        return;
    }
    for list in LISTS {
        let Some(items) = map.get(list).and_then(Value::as_list) else { continue };
        // Names of headers are the same in any case.
        let fold = |key: &str| if list == "HeaderParameters" { key.to_ascii_lowercase() } else { key.to_owned() };
        let mut seen = std::collections::HashSet::new();
        for (index, item) in items.iter().enumerate() {
            let Some(key) = item.get("Key").and_then(Value::as_str) else { continue };
            if !seen.insert(fold(key)) {
                findings.push(Finding {
                    code: "M332",
                    pointer: format!("{pointer}/{list}/{index}/Key"),
                    on_key: false,
                    summary: format!("`{key}` is given twice in `{list}`"),
                    help: Some("parameters are told apart by their `Key`: remove one of them".to_owned()),
                    warning: false,
                });
            }
        }
    }
}

/// A private address of the token endpoint means nothing where there is no token endpoint.
fn check_connectivity(properties: &Map, auth: Option<&Map>, given: &[(&str, &str)], findings: &mut Vec<Finding>) {
    let has = |value: Option<&Value>| value.is_some_and(|value| !value.is_null());
    if has(auth.and_then(|auth| auth.get("ConnectivityParameters")))
        && matches!(given, [(fitting, _)] if *fitting != "OAUTH_CLIENT_CREDENTIALS")
        && properties.get("AuthorizationType").and_then(Value::as_str) != Some("OAUTH_CLIENT_CREDENTIALS")
    {
        findings.push(Finding {
            code: "M334",
            pointer: "/AuthParameters/ConnectivityParameters".to_owned(),
            on_key: true,
            summary: "`ConnectivityParameters` is for the token endpoint of OAuth only".to_owned(),
            help: Some(
                "for a private endpoint that is invoked, write `InvocationConnectivityParameters` beside \
                 `AuthParameters`"
                    .to_owned(),
            ),
            warning: false,
        });
    }
}

fn check_key(properties: &Map, findings: &mut Vec<Finding>) {
    findings.extend(not_a_key(properties, "KmsKeyIdentifier"));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn findings(json: serde_json::Value) -> Vec<(String, String)> {
        let value = Value::from(json);
        check(value.as_map().unwrap()).into_iter().map(|found| (found.code.to_owned(), found.pointer)).collect()
    }

    #[test]
    fn a_sound_connection_has_no_finding() {
        let sound = json!({
            "Name": "orders", "AuthorizationType": "BASIC", "KmsKeyIdentifier": "alias/orders",
            "AuthParameters": {
                "BasicAuthParameters": {"Username": "u", "Password": "p"},
                "InvocationHttpParameters": {"HeaderParameters": [{"Key": "a", "Value": "b"}]},
            },
        });
        assert_eq!(findings(sound), []);
    }

    #[test]
    fn a_type_that_does_not_fit_its_block_is_one_finding() {
        let mismatch = json!({"AuthorizationType": "BASIC", "AuthParameters": {"ApiKeyAuthParameters": {}}});
        assert_eq!(findings(mismatch), [("M330".to_owned(), "/AuthorizationType".to_owned())]);
        // A type that is none is the schema's finding.
        assert_eq!(findings(json!({"AuthorizationType": "X", "AuthParameters": {"ApiKeyAuthParameters": {}}})), []);
    }

    #[test]
    fn blocks_that_are_too_many_are_left_to_the_schema() {
        // The manifest of StackQL's page of `awscc.events.connections`.
        let page = json!({
            "Name": "n", "AuthorizationType": "OAUTH_CLIENT_CREDENTIALS",
            "AuthParameters": {
                "ApiKeyAuthParameters": {"ApiKeyName": "n", "ApiKeyValue": "v"},
                "BasicAuthParameters": {"Username": "u", "Password": "p"},
                "OAuthParameters": {
                    "ClientParameters": {"ClientID": "i", "ClientSecret": "s"},
                    "AuthorizationEndpoint": "http://x", "HttpMethod": "POST",
                    "OAuthHttpParameters": {
                        "HeaderParameters": [{"Key": "k", "Value": "v", "IsValueSecret": "true"}],
                        "QueryStringParameters": [null], "BodyParameters": [null],
                    },
                },
                "InvocationHttpParameters": null,
                "ConnectivityParameters": {"ResourceParameters": {"ResourceAssociationArn": "x"}},
            },
            "InvocationConnectivityParameters": {"ResourceParameters": null},
        });
        assert_eq!(findings(page), []);
    }

    #[test]
    fn duplicate_keys_empty_parameters_and_plain_http_are_found() {
        let found = findings(json!({
            "AuthorizationType": "OAUTH_CLIENT_CREDENTIALS", "KmsKeyIdentifier": "orders",
            "AuthParameters": {
                "OAuthParameters": {"AuthorizationEndpoint": "http://x", "OAuthHttpParameters": {}},
                "InvocationHttpParameters": {
                    "HeaderParameters": [{"Key": "X-A"}, {"Key": "x-a"}],
                    "BodyParameters": [{"Key": "a"}, {"Key": "A"}],
                },
            },
        }));
        let codes: Vec<&str> = found.iter().map(|(code, _)| code.as_str()).collect();
        assert_eq!(codes, ["M331", "M333", "M332", "M335"]);
        assert_eq!(found[2].1, "/AuthParameters/InvocationHttpParameters/HeaderParameters/1/Key");
    }
}
