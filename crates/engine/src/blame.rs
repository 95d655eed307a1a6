//! Who changed what: events of CloudTrail, matched to resources that differ and to the properties that differ.
//!
//! Pure: the cloud looks events up, see [`Suspect`] and [`Blame`]; here is what they say. A request is read for the names
//! of what it sets and never for a value: some services leave secrets in it. CloudTrail delivers late and forgets, so what
//! is not found is not known, and is said so.

mod event;
mod found;

pub use self::event::{Event, Who};
pub use self::found::{Blame, Finding, Lookup, Search};
pub use time::OffsetDateTime;

use crate::address::Address;
use crate::cloud::Place;
use crate::value::Map;

/// A resource whose changes are looked for.
#[derive(Debug, Clone)]
pub struct Suspect {
    /// The resource.
    pub address: Address,
    /// Its type: `AWS::Events::Connection`.
    pub kind: &'static str,
    /// Where it lives.
    pub place: Place,
    /// Its identity and its ARN, as far as they are known.
    pub names: Vec<String>,
    /// JSON pointers of the properties that differ; nothing where the whole resource does (it is missing).
    pub paths: Vec<String>,
    /// It is gone.
    pub missing: bool,
}

impl Suspect {
    /// A resource that is called `identity` and has these attributes.
    pub fn new(address: &Address, kind: &'static str, place: &Place, identity: &str, attributes: &Map) -> Self {
        let ids = ["Arn", "Id", "KeyId"].into_iter().filter_map(|name| attributes.get(name)?.as_str());
        // Glue's identities begin with the catalog, where it is not the account's own.
        let account = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        let bare = identity.split_once(':').filter(|(catalog, _)| account(catalog)).map(|(_, name)| name);
        let mut names: Vec<String> = Vec::new();
        for name in std::iter::once(identity).chain(bare).chain(ids) {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        Self { address: address.clone(), kind, place: place.clone(), names, paths: Vec::new(), missing: false }
    }

    /// Whether a name in a request is this resource's.
    fn is_called(&self, text: &str) -> bool {
        self.names.iter().any(|name| {
            // An ARN has the name at its end, and Secrets Manager's six characters behind it.
            name == text
                || name.starts_with("arn:") && is_arn_of(name, text)
                || text.starts_with("arn:") && is_arn_of(text, name)
        })
    }
}

/// Whether an ARN ends in this name, with the type before it or without.
fn is_arn_of(arn: &str, name: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [_, _, service, _, _, resource] = parts[..] else { return false };
    let (kind, plain) = resource.split_once([':', '/']).unwrap_or(("", resource));
    [resource, plain].iter().any(|resource| {
        let rest = resource.strip_prefix(name).filter(|_| !name.is_empty());
        rest.is_some_and(|rest| rest.is_empty() || is_made(service, kind, rest))
    })
}

/// Whether this is what a service itself puts behind a name in its ARNs: a slash and an id, or a hyphen and six characters.
fn is_made(service: &str, kind: &str, rest: &str) -> bool {
    match (service, kind) {
        ("events", "connection" | "api-destination") => rest.strip_prefix('/').is_some_and(|id| !id.contains('/')),
        ("secretsmanager", "secret") => {
            let made = |end: &str| end.len() == 6 && end.bytes().all(|byte| byte.is_ascii_alphanumeric());
            rest.strip_prefix('-').is_some_and(made)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_arn_of;

    #[test]
    fn arns_and_names_are_told_to_be_one() {
        let connection = "arn:aws:events:us-east-1:123456789012:connection/orders/0a-1b";
        let secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:orders/login-AbCdEf";
        assert!(is_arn_of(connection, "orders") && is_arn_of(connection, "connection/orders"));
        assert!(is_arn_of(secret, "orders/login") && !is_arn_of(secret, "orders/log"));
        assert!(is_arn_of("arn:aws:kms:us-east-1:123456789012:key/0a-1b", "0a-1b"));
        assert!(is_arn_of("arn:aws:kms:us-east-1:123456789012:alias/orders", "alias/orders"));
        assert!(!is_arn_of(connection, "order") && !is_arn_of(connection, "") && !is_arn_of("orders", "orders"));
    }

    #[test]
    fn only_what_the_service_itself_puts_behind_a_name_is_left_out() {
        let secret = |name: &str| format!("arn:aws:secretsmanager:us-east-1:123456789012:secret:{name}");
        assert!(is_arn_of(&secret("sec-AbCdEf"), "sec"));
        assert!(!is_arn_of(&secret("sec/login-AbCdEf"), "sec") && !is_arn_of(&secret("sec-ab/def"), "sec"));
        assert!(!is_arn_of("arn:aws:events:us-east-1:123456789012:connection/orders-AbCdEf", "orders"));
        assert!(!is_arn_of("arn:aws:events:us-east-1:123456789012:connection/a/0a/1b", "a"));
        assert!(!is_arn_of("arn:aws:events:us-east-1:123456789012:rule/bus/name", "bus"));
        assert!(!is_arn_of("arn:aws:ecs:us-east-1:123456789012:service/orders/web", "orders"));
        assert!(!is_arn_of("arn:aws:sqs:us-east-1:123456789012:orders-AbCdEf", "orders"));
        assert!(!is_arn_of("arn:aws:ssm:us-east-1:123456789012:parameter/orders/key", "orders"));
    }
}
