//! Ids that services make up, under names that are the same in each run.
//!
//! A key's id is another one each time, and with it the order of requests that name keys. So an id is known by the
//! request that was first answered with it, and by its place in that answer. One that no answer held yet is the client's
//! own, and is the same as any other.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use regex_lite::Regex;

/// What a client makes up for each request.
const TOKENS: [&str; 2] = ["ClientToken", "ClientRequestToken"];

/// The ids that were answered.
#[derive(Debug, Default)]
pub(super) struct Names {
    names: HashMap<String, String>,
    taken: HashSet<String>,
}

/// With hyphens, as most services write them, or without, as the address of a queue has it.
fn uuid() -> &'static Regex {
    static UUID: OnceLock<Regex> = OnceLock::new();
    UUID.get_or_init(|| pattern(r"\b[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}\b"))
}

/// What Secrets Manager puts behind a name in an ARN.
fn suffix() -> &'static Regex {
    static SUFFIX: OnceLock<Regex> = OnceLock::new();
    SUFFIX.get_or_init(|| pattern(r"(:secret:[\w/+=.@!-]+?)-[A-Za-z0-9]{6}\b"))
}

#[expect(clippy::expect_used, reason = "the patterns stand above, and a test uses each")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is one")
}

impl Names {
    /// Takes in what was answered to a request.
    pub(super) fn learn(&mut self, operation: &str, resource: Option<&str>, answer: &str) {
        for (at, id) in uuid().find_iter(answer).enumerate() {
            if self.names.contains_key(id.as_str()) {
                continue;
            }
            let resource = resource.map(|resource| format!("({resource})")).unwrap_or_default();
            // Of the keys that are made the second is another one.
            let name = (1..=self.taken.len() + 1)
                .map(|nth| format!("#{operation}{resource}.{at}.{nth}"))
                .find(|name| self.taken.insert(name.clone()));
            self.names.insert(id.as_str().to_owned(), name.unwrap_or_default());
        }
    }

    /// A text with every id under its name.
    pub(super) fn canonical(&self, text: &str) -> String {
        let text = uuid().replace_all(text, |found: &regex_lite::Captures<'_>| {
            self.names.get(&found[0]).cloned().unwrap_or_else(|| "#".to_owned())
        });
        suffix().replace_all(&text, "$1").into_owned()
    }

    /// What a request asks for, to be sorted by. It may hold secrets, and is shown nowhere.
    pub(super) fn key(&self, body: &[u8]) -> String {
        let text = String::from_utf8_lossy(body);
        let Ok(serde_json::Value::Object(mut input)) = serde_json::from_slice(body) else {
            return self.canonical(&text);
        };
        for token in TOKENS {
            input.remove(token);
        }
        self.canonical(&serde_json::Value::Object(input).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "0a1b2c3d-0000-4000-8000-00000000000a";
    const TWO: &str = "0a1b2c3d-0000-4000-8000-00000000000b";

    #[test]
    fn ids_are_known_by_their_first_answer() {
        let mut names = Names::default();
        names.learn("CreateKey", None, &format!(r#"{{"KeyId":"{TWO}"}}"#));
        names.learn("CreateKey", None, &format!(r#"{{"KeyId":"{ONE}","Arn":"key/{TWO}"}}"#));
        names.learn("DescribeKey", Some("alias/a"), &format!(r#"{{"KeyId":"{ONE}"}}"#));
        let text = names.canonical(&format!("{ONE} {TWO} {}", TWO.replace('b', "c")));
        assert_eq!(text, "#CreateKey.0.2 #CreateKey.0.1 #");
    }

    #[test]
    fn so_are_those_without_hyphens() {
        let mut names = Names::default();
        let url = format!("https://sqs.us-east-1.amazonaws.com/123456789012/{}", ONE.replace('-', ""));
        names.learn("GetResourceRequestStatus", None, &format!(r#"{{"Identifier":"{url}"}}"#));
        let text = names.canonical(&url);
        assert_eq!(text, "https://sqs.us-east-1.amazonaws.com/123456789012/#GetResourceRequestStatus.0.1");
        // A hash is no id.
        assert_eq!(names.canonical(&"0a".repeat(32)), "0a".repeat(32));
    }

    #[test]
    fn what_a_client_makes_up_does_not_count() {
        let names = Names::default();
        let key = |token: &str| names.key(format!(r#"{{"Name":"a","ClientRequestToken":"{token}"}}"#).as_bytes());
        assert_eq!(key(ONE), key(TWO));
        assert_eq!(key(ONE), r#"{"Name":"a"}"#);
        assert_eq!(names.key(b"Action=A"), "Action=A");
    }

    #[test]
    fn the_end_of_a_secrets_arn_does_not_count() {
        let names = Names::default();
        let arn = "arn:aws:secretsmanager:us-east-1:1:secret:orders/dev-Ab12Cd";
        assert_eq!(names.canonical(arn), "arn:aws:secretsmanager:us-east-1:1:secret:orders/dev");
    }
}
