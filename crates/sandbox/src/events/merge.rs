//! How an update changes a connection: what is sent replaces, what is not sent stays.
//!
//! This is where a planner goes wrong, so it is kept pure and apart: current values and input in, new
//! values out. Evidence: [D] the API's pages and [I] terraform-provider-aws#37814 for the merge; how a
//! value is cleared is not recorded, see each function.

use serde_json::Value;

use super::connection::{AuthorizationType, Credentials, HttpParameters, Parameter};
use crate::operation::{part, text};
use crate::wire::Refusal;

/// Merges a text that an empty one clears. [?] unrecorded for `Description`.
pub(super) fn clearable(current: Option<&str>, given: Option<&str>, no_clear: bool) -> Option<String> {
    match given {
        None => current.map(str::to_owned),
        Some("") if no_clear => current.map(str::to_owned),
        Some("") => None,
        Some(given) => Some(given.to_owned()),
    }
}

/// Merges http parameters: each list is replaced as a list [T], an empty list clears it [?].
///
/// The structure stays once it was sent, and shows as `{}` when nothing is in it [L].
pub(super) fn http(current: Option<&HttpParameters>, given: Option<&Value>, no_clear: bool) -> Option<HttpParameters> {
    let Some(given) = given else {
        return current.cloned();
    };
    let mut merged = current.cloned().unwrap_or_default();
    let lists = [
        ("HeaderParameters", &mut merged.header),
        ("QueryStringParameters", &mut merged.query),
        ("BodyParameters", &mut merged.body),
    ];
    for (member, list) in lists {
        match given.get(member).and_then(Value::as_array) {
            Some(items) if !(items.is_empty() && no_clear) => {
                *list = items.iter().map(parameter).collect();
            }
            _ => {}
        }
    }
    Some(merged)
}

fn parameter(given: &Value) -> Parameter {
    let owned = |member| text(given, member).map(str::to_owned);
    Parameter {
        key: owned("Key"),
        value: owned("Value"),
        // [S] and reported: a value is secret unless it is said not to be
        secret: given.get("IsValueSecret").and_then(Value::as_bool).unwrap_or(true),
    }
}

/// Merges the credentials of one type: within the structure, too, what is not sent stays [M].
pub(super) fn credentials(
    kind: AuthorizationType,
    current: Option<&Credentials>,
    given: &Value,
    no_clear: bool,
) -> Result<Credentials, Refusal> {
    let pick = |given: Option<&str>, current: Option<&String>, member: &str| {
        given.map(str::to_owned).or_else(|| current.cloned()).ok_or_else(|| missing(kind, member))
    };
    let credentials = match kind {
        AuthorizationType::Basic => {
            let (username, password) = match current {
                Some(Credentials::Basic { username, password }) => (Some(username), Some(password)),
                _ => (None, None),
            };
            Credentials::Basic {
                username: pick(text(given, "Username"), username, "Username")?,
                password: pick(text(given, "Password"), password, "Password")?,
            }
        }
        AuthorizationType::ApiKey => {
            let (name, value) = match current {
                Some(Credentials::ApiKey { name, value }) => (Some(name), Some(value)),
                _ => (None, None),
            };
            Credentials::ApiKey {
                name: pick(text(given, "ApiKeyName"), name, "ApiKeyName")?,
                value: pick(text(given, "ApiKeyValue"), value, "ApiKeyValue")?,
            }
        }
        AuthorizationType::OAuth => {
            let client = part(given, "ClientParameters").unwrap_or(&Value::Null);
            let (id, secret, endpoint, method, http_parameters) = match current {
                Some(Credentials::OAuth { client_id, client_secret, endpoint, method, http }) => {
                    (Some(client_id), Some(client_secret), Some(endpoint), Some(method), http.as_ref())
                }
                _ => (None, None, None, None, None),
            };
            Credentials::OAuth {
                client_id: pick(text(client, "ClientID"), id, "ClientID")?,
                client_secret: pick(text(client, "ClientSecret"), secret, "ClientSecret")?,
                endpoint: pick(text(given, "AuthorizationEndpoint"), endpoint, "AuthorizationEndpoint")?,
                method: pick(text(given, "HttpMethod"), method, "HttpMethod")?,
                http: http(http_parameters, part(given, "OAuthHttpParameters"), no_clear),
            }
        }
    };
    if let Credentials::OAuth { endpoint, .. } = &credentials {
        https("AuthorizationEndpoint", endpoint)?;
    }
    Ok(credentials)
}

/// [?] documented that the type needs its parameters; the text is not recorded.
pub(super) fn missing(kind: AuthorizationType, member: &str) -> Refusal {
    Refusal::invalid(format!("Parameter {member} is required for the authorization type {}.", kind.name()))
}

/// [D] endpoints are https; the text is not recorded.
pub(super) fn https(member: &str, endpoint: &str) -> Result<(), Refusal> {
    if endpoint.starts_with("https://") {
        return Ok(());
    }
    Err(Refusal::invalid(format!("Parameter {member} is not valid. Reason: Must be a valid HTTPS endpoint.")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_are_replaced_one_by_one() {
        let first =
            http(None, Some(&json!({"HeaderParameters": [{"Key": "a"}], "BodyParameters": [{"Key": "b"}]})), false);
        let second = http(first.as_ref(), Some(&json!({"HeaderParameters": []})), false).unwrap();
        assert!(second.header.is_empty() && second.body.len() == 1 && second.body[0].secret);
        let kept = http(first.as_ref(), Some(&json!({"HeaderParameters": []})), true).unwrap();
        assert_eq!(kept.header.len(), 1);
    }

    #[test]
    fn a_user_name_alone_keeps_the_password() {
        let current = Credentials::Basic { username: "u".to_owned(), password: "p".to_owned() };
        let given = json!({"Username": "v"});
        let merged = credentials(AuthorizationType::Basic, Some(&current), &given, false).ok().unwrap();
        assert!(merged == Credentials::Basic { username: "v".to_owned(), password: "p".to_owned() });
        let refusal = credentials(AuthorizationType::Basic, None, &given, false).err().unwrap();
        assert!(refusal.message.contains("Password"));
    }
}
