//! One event, read from CloudTrail's record of it.

use serde_json::Value as Json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Suspect;

/// What the names of members end in whose values are names.
const ENDS: [&str; 5] = ["name", "id", "arn", "url", "identifier"];
/// How deep the names of a request's members are read.
const DEPTH: usize = 12;

/// A call that changed something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// CloudTrail's id of it.
    pub id: String,
    /// The call, as in IAM: `events:UpdateConnection`.
    pub call: String,
    /// When.
    pub at: OffsetDateTime,
    /// Who.
    pub who: Who,
    /// From which address, or service.
    pub address: Option<String>,
    /// With which program.
    pub agent: Option<String>,
    /// The names in the request that may be a resource's.
    subjects: Vec<String>,
    /// What the request sets: paths of small letters, without values.
    sets: Vec<Vec<String>>,
}

/// Who called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Who {
    /// The ARN, or the service where one called by itself.
    pub arn: String,
    /// The role whose session it is.
    pub issuer: Option<String>,
    /// The service that called for them.
    pub invoked_by: Option<String>,
    /// Whether the session was opened with a second factor, where it says so.
    pub mfa: Option<bool>,
}

impl Event {
    /// Reads a record. `None` for one that reads, that failed, or that is in no form that is known.
    pub fn read(record: &Json) -> Option<Self> {
        if record["readOnly"].as_bool() == Some(true) || record["errorCode"].is_string() {
            return None;
        }
        let owned = |member: &str| record[member].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let (source, name) = (record["eventSource"].as_str()?, record["eventName"].as_str()?);
        let service = source.strip_suffix(".amazonaws.com").unwrap_or(source);
        let service = if service == "monitoring" { "cloudwatch" } else { service };
        let (mut subjects, mut sets) = (Vec::new(), Vec::new());
        read_names(&record["requestParameters"], &mut subjects, 0);
        // What the service itself made is named in its answer.
        read_names(&record["responseElements"], &mut subjects, 0);
        for resource in record["resources"].as_array().into_iter().flatten() {
            subjects.extend(resource["ARN"].as_str().map(str::to_owned));
        }
        read_sets(&record["requestParameters"], &mut Vec::new(), &mut sets);
        Some(Self {
            id: owned("eventID")?,
            call: format!("{service}:{name}"),
            at: OffsetDateTime::parse(record["eventTime"].as_str()?, &Rfc3339).ok()?,
            who: Who::read(&record["userIdentity"]),
            address: owned("sourceIPAddress"),
            agent: owned("userAgent"),
            subjects,
            sets,
        })
    }

    /// The call without its service.
    pub fn name(&self) -> &str {
        self.call.split_once(':').map_or(&self.call, |(_, name)| name)
    }

    /// Whether it is about this resource.
    pub fn is_about(&self, suspect: &Suspect) -> bool {
        self.subjects.iter().any(|subject| suspect.is_called(subject))
    }

    /// Whether the request names the property at a pointer, something in it, or what it is part of.
    pub fn sets(&self, pointer: &str) -> bool {
        let wanted: Vec<String> = crate::value::tokens(pointer).map(|token| fold(&token)).collect();
        self.sets.iter().any(|path| path.iter().zip(&wanted).all(|(here, there)| here == there))
    }

    /// Whether the record does not tell the request, beyond what it is about.
    pub(super) fn says_nothing(&self) -> bool {
        self.sets.iter().all(|path| path.len() == 1 && ENDS.iter().any(|end| path[0].ends_with(end)))
    }

    /// Whether trueup itself called.
    pub fn is_ours(&self) -> bool {
        self.agent.as_deref().is_some_and(|agent| {
            agent.split_whitespace().any(|product| product.starts_with("trueup/") || product.starts_with("app/trueup"))
        })
    }
}

impl Who {
    fn read(identity: &Json) -> Self {
        let owned = |json: &Json| json.as_str().map(str::to_owned);
        let session = &identity["sessionContext"];
        let invoked_by = owned(&identity["invokedBy"]);
        let arn = owned(&identity["arn"]).or_else(|| owned(&identity["principalId"]));
        Self {
            arn: arn.or_else(|| invoked_by.clone()).unwrap_or_else(|| "unknown".to_owned()),
            issuer: owned(&session["sessionIssuer"]["arn"]),
            invoked_by,
            mfa: session["attributes"]["mfaAuthenticated"].as_str().map(|said| said == "true"),
        }
    }
}

/// The texts near the top whose member says that they are a name: the only values that are read.
fn read_names(json: &Json, names: &mut Vec<String>, depth: usize) {
    let Json::Object(members) = json else { return };
    for (member, value) in members {
        match value {
            Json::String(text) if ENDS.iter().any(|end| fold(member).ends_with(end)) => names.push(text.clone()),
            Json::Object(_) if depth == 0 => read_names(value, names, depth + 1),
            // `connectionNameList`
            Json::Array(items) if fold(member).contains("name") => {
                names.extend(items.iter().filter_map(Json::as_str).map(str::to_owned));
            }
            _ => {}
        }
    }
}

/// The paths of what a request sets; a list counts as a whole.
fn read_sets(json: &Json, path: &mut Vec<String>, sets: &mut Vec<Vec<String>>) {
    match json {
        Json::Object(members) if path.len() < DEPTH => {
            for (member, value) in members {
                path.push(fold(member));
                read_sets(value, path, sets);
                path.pop();
            }
        }
        Json::Null => {}
        _ if path.is_empty() => {}
        _ => {
            sets.push(path.clone());
            // SQS and others wrap what CloudFormation calls properties.
            if path.len() > 1 && path[0] == "attributes" {
                sets.push(path[1..].to_vec());
            }
        }
    }
}

/// `keyPolicy`, `KeyPolicy` and `key_policy` are one name.
pub(super) fn fold(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|character| character.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record() -> Json {
        json!({
            "eventID": "e1", "eventTime": "2026-11-21T10:00:00Z", "eventSource": "events.amazonaws.com",
            "eventName": "UpdateConnection", "readOnly": false, "sourceIPAddress": "198.51.100.7",
            "userAgent": "aws-cli/2.31 md/awscrt",
            "userIdentity": {
                "type": "AssumedRole", "arn": "arn:aws:sts::123456789012:assumed-role/Admin/jo",
                "invokedBy": "cloudformation.amazonaws.com",
                "sessionContext": {
                    "sessionIssuer": {"arn": "arn:aws:iam::123456789012:role/Admin"},
                    "attributes": {"mfaAuthenticated": "true"},
                },
            },
            "requestParameters": {
                "name": "orders", "description": "hunter2", "authParameters": {
                    "basicAuthParameters": {"username": "hunter2", "password": "HIDDEN_DUE_TO_SECURITY_REASONS"},
                    "invocationHttpParameters": {"headerParameters": [{"key": "a", "value": "hunter2"}]},
                },
            },
        })
    }

    #[test]
    fn who_when_from_where_and_by_which_call() {
        let event = Event::read(&record()).unwrap();
        assert_eq!(event.call, "events:UpdateConnection");
        assert_eq!(event.who.arn, "arn:aws:sts::123456789012:assumed-role/Admin/jo");
        assert_eq!(event.who.issuer.as_deref(), Some("arn:aws:iam::123456789012:role/Admin"));
        assert_eq!(event.who.invoked_by.as_deref(), Some("cloudformation.amazonaws.com"));
        assert_eq!(event.who.mfa, Some(true));
        assert_eq!(event.address.as_deref(), Some("198.51.100.7"));
        assert!(!event.is_ours());
    }

    #[test]
    fn properties_are_named_and_no_value_is_kept() {
        let event = Event::read(&record()).unwrap();
        assert!(event.sets("/Description") && event.sets("/AuthParameters"));
        assert!(event.sets("/AuthParameters/BasicAuthParameters/Password"));
        assert!(event.sets("/AuthParameters/InvocationHttpParameters/HeaderParameters/0/Value"));
        assert!(!event.sets("/AuthParameters/ApiKeyAuthParameters/ApiKeyValue") && !event.sets("/KmsKeyIdentifier"));
        // The name of a user is no name of a resource that is this deep.
        assert!(!format!("{event:?}").contains("hunter2"));
    }

    #[test]
    fn what_reads_or_failed_changed_nothing() {
        let with = |member: &str, value: Json| {
            let mut record = record();
            record[member] = value;
            Event::read(&record)
        };
        assert_eq!(with("readOnly", true.into()), None);
        assert_eq!(with("errorCode", "AccessDenied".into()), None);
        assert_eq!(with("eventTime", "yesterday".into()), None);
        assert!(with("userAgent", "aws-sdk-rust/1.3 app/trueup".into()).unwrap().is_ours());
        assert!(with("userAgent", "trueup/0.1.0".into()).unwrap().is_ours());
        assert!(!with("userAgent", "not-trueup/0.1.0".into()).unwrap().is_ours());
    }
}
