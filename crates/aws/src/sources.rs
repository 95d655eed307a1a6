//! The sources `aws-sm:` and `aws-ssm:`: values from Secrets Manager, twenty a call, and from Systems Manager, ten a call.
//!
//! Several members of one secret's document cost one read. A name is looked up in the place that is given; an ARN of
//! another region is read there. What cannot be had is told by its kind, never as an empty value.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};
use trueup_engine::cloud::{Place, Task};
use trueup_engine::credential::{Scheme, SecretSource, Version};
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::secret::{Form, Secret};

use crate::document;
use crate::kinds::values::{self, Asked, Payload, Unread};
use crate::operation::GET_PARAMETERS;
use crate::reach::Reach;
use crate::session::Session;

/// How many parameters one call reads.
const PARAMETERS: usize = 10;

/// A source that was read.
#[derive(Debug, Clone)]
pub struct Sourced {
    /// Its value.
    pub secret: Secret,
    /// Its version, where the service told it.
    pub version: Option<Version>,
}

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lacking {
    /// There is no such secret or parameter.
    NotFound,
    /// Reading it is denied: the action.
    Denied(String),
    /// It has bytes and no text.
    Binary,
    /// A member is asked for, and it is no JSON object.
    NoDocument,
    /// Its document has no such member.
    NoMember,
    /// The member is `null`.
    Nothing,
    /// The call failed.
    Failed(String),
    /// Secret reads are switched off.
    SwitchedOff,
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "was not found",
            Self::Denied(action) => return write!(f, "cannot be read: {action} denied"),
            Self::Binary => "is binary, and only text can be used",
            Self::NoDocument => "is no JSON object, so it has no members",
            Self::NoMember => "has no such member",
            Self::Nothing => "is `null`",
            Self::Failed(how) => return write!(f, "cannot be read: {how}"),
            Self::SwitchedOff => "is not read: secret reads are switched off",
        })
    }
}

impl From<Unread> for Lacking {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::NotFound => Self::NotFound,
            Unread::Denied(action) => Self::Denied(action),
            Unread::Failed(how) => Self::Failed(how),
        }
    }
}

/// What a source gave.
type Answer = Result<Sourced, Lacking>;

/// What was read, by the ids that were asked for; several of them may be names of one thing.
type Read<'i> = HashMap<&'i str, Result<Arc<Payload>, Unread>>;

impl Session {
    /// Reads sources from the services; each secret once, whatever is taken from it. `home` is where names are looked up.
    /// Sources of other schemes are left out of the answer.
    pub fn sources<'a>(
        &'a self,
        home: &'a Place,
        wanted: &'a BTreeSet<SecretSource>,
    ) -> Task<'a, HashMap<SecretSource, Answer>> {
        Box::pin(self.read_sources(home, wanted))
    }

    async fn read_sources(&self, home: &Place, wanted: &BTreeSet<SecretSource>) -> HashMap<SecretSource, Answer> {
        let mut places: BTreeMap<(Place, Scheme), Vec<&SecretSource>> = BTreeMap::new();
        for source in wanted.iter().filter(|source| source.scheme.is_remote()) {
            let region = source.region().map(Into::into).or_else(|| home.region.clone());
            let place = Place { region, role_arn: home.role_arn.clone() };
            places.entry((place, source.scheme)).or_default().push(source);
        }
        let mut answers = HashMap::new();
        for ((place, scheme), sources) in places {
            let reach = match self.reach(&place).await {
                Ok(reach) => reach,
                Err(fault) => {
                    let why = Lacking::from(Unread::of(&fault));
                    answers.extend(sources.into_iter().map(|source| (source.clone(), Err(why.clone()))));
                    continue;
                }
            };
            if !reach.secret_reads() {
                answers.extend(sources.into_iter().map(|source| (source.clone(), Err(Lacking::SwitchedOff))));
                continue;
            }
            let ids: BTreeSet<&str> = sources.iter().map(|source| source.id()).collect();
            let read = match scheme {
                Scheme::AwsSsm => parameters(&reach, &ids).await,
                _ => secrets(&reach, &ids).await,
            };
            for source in sources {
                let answer = read.get(source.id()).map_or(Err(Lacking::NotFound), |payload| match payload {
                    Ok(payload) => taken(source, payload),
                    Err(why) => Err(why.clone().into()),
                });
                answers.insert(source.clone(), answer);
            }
        }
        answers
    }
}

/// The values of secrets, by the ids that were asked for. One that this session has just made may not be seen everywhere.
async fn secrets<'i>(reach: &Reach, ids: &BTreeSet<&'i str>) -> Read<'i> {
    let mut pause = Duration::from_millis(100);
    loop {
        let read = some_secrets(reach, ids).await;
        let unseen = |id: &str| matches!(read.get(id), Some(Err(Unread::NotFound)) | None) && reach.is_fresh(id);
        if !ids.iter().any(|id| unseen(id)) {
            return read;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(2));
    }
}

async fn some_secrets<'i>(reach: &Reach, ids: &BTreeSet<&'i str>) -> Read<'i> {
    let read =
        values::read_each(reach, ids.iter().map(|id| Asked { arn: (*id).to_owned(), keyed: false }).collect()).await;
    by_id(ids, read)
}

/// What was read under the ids that were asked for. One secret may have been asked for by its name, by its ARN, and by its
/// ARN without the six characters at the end.
fn by_id<'i>(ids: &BTreeSet<&'i str>, read: HashMap<String, Result<Payload, Unread>>) -> Read<'i> {
    let read: Vec<(String, Result<Arc<Payload>, Unread>)> =
        read.into_iter().map(|(arn, payload)| (arn, payload.map(Arc::new))).collect();
    let of = |id: &str| {
        let found = read.iter().find(|(arn, payload)| match payload {
            Ok(payload) => payload.name.as_deref() == Some(id) || values::is_arn(arn, id),
            Err(_) => false,
        });
        found.or_else(|| read.iter().find(|(asked, _)| asked == id)).map(|(_, payload)| payload.clone())
    };
    ids.iter().filter_map(|id| Some((*id, of(id)?))).collect()
}

/// The values of parameters, by the names that were asked for.
async fn parameters<'i>(reach: &Reach, names: &BTreeSet<&'i str>) -> Read<'i> {
    let names: Vec<&str> = names.iter().copied().collect();
    let mut read = HashMap::new();
    for batch in names.chunks(PARAMETERS) {
        match some_parameters(reach, batch).await {
            Ok(found) => read.extend(found),
            // One that is denied denies the whole call, and so may one that cannot be.
            Err(fault) if batch.len() > 1 && matches!(fault.kind, FaultKind::Denied | FaultKind::Invalid) => {
                for name in batch {
                    match some_parameters(reach, &[name]).await {
                        Ok(found) => read.extend(found),
                        Err(fault) => _ = read.insert(name, Err(unread(&fault))),
                    }
                }
            }
            Err(fault) => read.extend(batch.iter().map(|name| (*name, Err(unread(&fault))))),
        }
    }
    read
}

/// What became of a read of parameters; it decrypts them, and the code is the same for both.
fn unread(fault: &Fault) -> Unread {
    match Unread::of(fault) {
        Unread::Denied(action) => Unread::Denied(format!("{action}, or kms:Decrypt on its key,")),
        other => other,
    }
}

async fn some_parameters<'i>(reach: &Reach, names: &[&'i str]) -> Result<Read<'i>, Fault> {
    let input = json!({"Names": names, "WithDecryption": true});
    let answer = reach.read(&GET_PARAMETERS, &input).await?;
    Ok(by_name(names, answer))
}

/// What an answer has under the names that were asked for.
fn by_name<'i>(names: &[&'i str], mut answer: Json) -> Read<'i> {
    let mut read: Read<'i> = names.iter().map(|name| (*name, Err(Unread::NotFound))).collect();
    let Json::Array(found) = answer["Parameters"].take() else { return read };
    for mut parameter in found {
        let asked: Vec<&'i str> = names.iter().copied().filter(|asked| is_called(&parameter, asked)).collect();
        let version = parameter["Version"].as_u64().map(|version| version.to_string());
        let created = parameter["LastModifiedDate"].as_f64();
        let text = match parameter["Value"].take() {
            Json::String(text) => Some(text),
            _ => None,
        };
        let payload = Arc::new(Payload { version, created, name: None, text });
        read.extend(asked.into_iter().map(|name| (name, Ok(payload.clone()))));
    }
    read
}

/// Whether a parameter is the one asked for, by name or ARN, with just the version or label behind it that it answers to:
/// beside `/a:1` the answer for `/a` is another one.
fn is_called(parameter: &Json, asked: &str) -> bool {
    let selector = parameter["Selector"].as_str().unwrap_or_default();
    ["Name", "ARN"]
        .into_iter()
        .filter_map(|member| parameter[member].as_str())
        .any(|name| asked.strip_prefix(name) == Some(selector))
}

/// What a source takes of a value.
fn taken(source: &SecretSource, payload: &Payload) -> Answer {
    let label = source.to_string();
    let text = payload.text.as_deref().ok_or(Lacking::Binary)?;
    let secret = match source.json_key() {
        None => Secret::new(label, text.to_owned()),
        Some(key) => {
            let members = document::members(text).ok_or(Lacking::NoDocument)?;
            member(label, members.get(key).ok_or(Lacking::NoMember)?)?
        }
    };
    let version = payload.version.as_ref().zip(payload.created).and_then(|(id, at)| Version::made(id, at));
    Ok(Sourced { secret, version })
}

/// A member as it is written; a text is what it says.
fn member(label: String, written: &str) -> Result<Secret, Lacking> {
    let form = match serde_json::from_str(written) {
        Ok(Json::Null) => return Err(Lacking::Nothing),
        Ok(Json::String(text)) => return Ok(Secret::new(label, text)),
        Ok(Json::Number(_)) => Form::Number,
        Ok(Json::Bool(_)) => Form::Boolean,
        // A number may be too large to be counted with, and is not: this is its text.
        _ if written.starts_with(['{', '[', '"']) => Form::Text,
        _ => Form::Number,
    };
    Ok(Secret::new(label, written.to_owned()).of_form(form))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(source: &str, text: Option<&str>) -> Answer {
        let payload = Payload {
            version: Some("v1".to_owned()),
            created: Some(1_000.0),
            name: None,
            text: text.map(str::to_owned),
        };
        taken(&SecretSource::parse(source).unwrap(), &payload)
    }

    #[track_caller]
    fn assert_text(source: &str, text: &str, form: Form, expected: &str) {
        let secret = of(source, Some(text)).unwrap().secret;
        assert_eq!(secret.form(), form);
        assert_eq!(secret.same_as(&Secret::new("", expected.to_owned())), Some(true));
        assert_eq!(secret.source(), source);
    }

    #[test]
    fn members_keep_their_type_and_the_whole_is_text() {
        let document = r#"{"password":"p","port":5432,"tls":true,"more":{"a":1}}"#;
        assert_text("aws-sm:db", document, Form::Text, document);
        assert_text("aws-sm:db#password", document, Form::Text, "p");
        assert_text("aws-sm:db#port", document, Form::Number, "5432");
        assert_text("aws-sm:db#tls", document, Form::Boolean, "true");
        assert_text("aws-sm:db#more", document, Form::Text, r#"{"a":1}"#);
    }

    #[test]
    fn what_is_taken_from_a_document_is_its_text() {
        let document = r#"{ "n": 12345678901234567890123, "m": 1.10, "e": 1e5, "z": -0, "h": 1e999,
            "more": { "a": 1.10, "b": [1e5, 12345678901234567890123] }, "s": "1.\u0031", "\u006be\"y": "x", "m": 2.50 }"#;
        assert_text("aws-sm:db#n", document, Form::Number, "12345678901234567890123");
        assert_text("aws-sm:db#m", document, Form::Number, "2.50");
        assert_text("aws-sm:db#e", document, Form::Number, "1e5");
        assert_text("aws-sm:db#z", document, Form::Number, "-0");
        assert_text("aws-sm:db#h", document, Form::Number, "1e999");
        assert_text("aws-sm:db#more", document, Form::Text, r#"{ "a": 1.10, "b": [1e5, 12345678901234567890123] }"#);
        assert_text("aws-sm:db#s", document, Form::Text, "1.1");
        assert_text("aws-sm:db#ke\"y", document, Form::Text, "x");
    }

    #[test]
    fn one_secret_under_all_its_names() {
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf";
        let payload =
            Payload { version: None, created: None, name: Some("db".to_owned()), text: Some("hunter2".to_owned()) };
        let denied = || Err(Unread::Denied("x".to_owned()));
        let read = HashMap::from([
            (arn.to_owned(), Ok(payload)),
            ("db/more".to_owned(), denied()),
            (format!("{}x", &arn[..arn.len() - 7]), denied()),
        ]);
        let ids = BTreeSet::from(["db", arn, &arn[..arn.len() - 7], "db/more", "d", &arn[..arn.len() - 8]]);
        let mut found: Vec<_> = by_id(&ids, read).into_iter().filter(|(_, payload)| payload.is_ok()).collect();
        found.sort_by_key(|(id, _)| id.len());
        assert_eq!(found.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ["db", &arn[..arn.len() - 7], arn]);
    }

    #[test]
    fn what_lacks_is_told_by_its_kind() {
        assert_eq!(of("aws-sm:db#no", Some("{}")).unwrap_err(), Lacking::NoMember);
        assert_eq!(of("aws-sm:db#no", Some("[]")).unwrap_err(), Lacking::NoDocument);
        assert_eq!(of("aws-sm:db#no", Some("hunter2")).unwrap_err(), Lacking::NoDocument);
        assert_eq!(of("aws-sm:db#no", Some(r#"{"no":null}"#)).unwrap_err(), Lacking::Nothing);
        assert_eq!(of("aws-sm:db", None).unwrap_err(), Lacking::Binary);
    }

    #[test]
    fn parameters_are_known_by_name_and_selector() {
        let parameter = json!({"Name": "/a", "ARN": "arn:aws:ssm:eu-west-1:1:parameter/a", "Selector": ":3"});
        assert!(is_called(&parameter, "/a:3"));
        assert!(is_called(&parameter, "arn:aws:ssm:eu-west-1:1:parameter/a:3"));
        assert!(!is_called(&parameter, "/a:4"));
        assert!(!is_called(&parameter, "/ab") && !is_called(&parameter, "/a"));
        let parameter = json!({"Name": "/a", "ARN": "arn:aws:ssm:eu-west-1:1:parameter/a"});
        assert!(is_called(&parameter, "/a") && !is_called(&parameter, "/a:3"));
    }

    #[test]
    fn versions_labels_and_the_latest_are_told_apart() {
        let arn = "arn:aws:ssm:eu-west-1:1:parameter/a";
        let of = |selector: Option<&str>, value: &str| {
            let mut parameter = json!({"Name": "/a", "ARN": arn, "Value": value, "Version": 1});
            if let Some(selector) = selector {
                parameter["Selector"] = selector.into();
            }
            parameter
        };
        let latest = format!("{arn}:prod");
        let names = ["/a", "/a:1", "/a:prod", arn, &latest, "/b"];
        for turn in 0..3 {
            let mut found = vec![of(Some(":1"), "one"), of(None, "latest"), of(Some(":prod"), "prod")];
            found.rotate_left(turn);
            let read = by_name(&names, json!({ "Parameters": found }));
            let text = |name: &str| read[name].as_ref().ok().and_then(|payload| payload.text.clone());
            let texts = names.map(text);
            let texts: Vec<Option<&str>> = texts.iter().map(Option::as_deref).collect();
            let expected = ["latest", "one", "prod", "latest", "prod"].map(Some);
            assert_eq!(texts, [&expected[..], &[None]].concat());
        }
    }
}
