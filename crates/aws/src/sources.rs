//! The sources `aws-sm:` and `aws-ssm:`: values from Secrets Manager, twenty a call, and from Systems Manager, ten a call.
//!
//! Several members of one secret's document cost one read. A name is looked up in the place that is given; an ARN of
//! another region is read there. What cannot be had is told by its kind, never as an empty value.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::time::Duration;

use serde_json::{Value as Json, json};
use trueup_engine::cloud::{Place, Task};
use trueup_engine::credential::{Scheme, SecretSource, Version};
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::secret::{Form, Secret};

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
async fn secrets<'i>(reach: &Reach, ids: &BTreeSet<&'i str>) -> HashMap<&'i str, Result<Payload, Unread>> {
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

async fn some_secrets<'i>(reach: &Reach, ids: &BTreeSet<&'i str>) -> HashMap<&'i str, Result<Payload, Unread>> {
    let mut read =
        values::read_each(reach, ids.iter().map(|id| Asked { arn: (*id).to_owned(), keyed: false }).collect()).await;
    let mut by_id = HashMap::new();
    for id in ids {
        // By ARN first: with its last six characters, or without them.
        let arn = read.iter().find(|(arn, payload)| match payload {
            Ok(payload) => {
                payload.name.as_deref() == Some(*id)
                    || arn.as_str() == *id
                    || arn.rsplit_once('-').is_some_and(|(without, _)| without == *id)
            }
            Err(_) => arn.as_str() == *id,
        });
        if let Some(arn) = arn.map(|(arn, _)| arn.clone())
            && let Some(payload) = read.remove(&arn)
        {
            by_id.insert(*id, payload);
        }
    }
    by_id
}

/// The values of parameters, by the names that were asked for.
async fn parameters<'i>(reach: &Reach, names: &BTreeSet<&'i str>) -> HashMap<&'i str, Result<Payload, Unread>> {
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

async fn some_parameters<'i>(
    reach: &Reach,
    names: &[&'i str],
) -> Result<HashMap<&'i str, Result<Payload, Unread>>, Fault> {
    let input = json!({"Names": names, "WithDecryption": true});
    let mut answer = reach.read(&GET_PARAMETERS, &input).await?;
    let mut read: HashMap<&str, Result<Payload, Unread>> =
        names.iter().map(|name| (*name, Err(Unread::NotFound))).collect();
    let Json::Array(found) = answer["Parameters"].take() else { return Ok(read) };
    for mut parameter in found {
        let asked = names.iter().find(|asked| is_called(&parameter, asked));
        let Some(asked) = asked else { continue };
        let version = parameter["Version"].as_u64().map(|version| version.to_string());
        let created = parameter["LastModifiedDate"].as_f64();
        let text = match parameter["Value"].take() {
            Json::String(text) => Some(text),
            _ => None,
        };
        read.insert(asked, Ok(Payload { version, created, name: None, text }));
    }
    Ok(read)
}

/// Whether a parameter is the one asked for, by name or ARN, with a version or a label behind it or not.
fn is_called(parameter: &Json, asked: &str) -> bool {
    let selector = parameter["Selector"].as_str().unwrap_or_default();
    ["Name", "ARN"].into_iter().filter_map(|member| parameter[member].as_str()).any(|name| {
        let rest = asked.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest == selector)
    })
}

/// What a source takes of a value.
fn taken(source: &SecretSource, payload: &Payload) -> Answer {
    let label = source.to_string();
    let text = payload.text.as_deref().ok_or(Lacking::Binary)?;
    let secret = match source.json_key() {
        None => Secret::new(label, text.to_owned()),
        Some(key) => match serde_json::from_str::<Json>(text) {
            Ok(Json::Object(mut document)) => member(label, document.remove(key).ok_or(Lacking::NoMember)?)?,
            _ => return Err(Lacking::NoDocument),
        },
    };
    let version = payload.version.as_ref().zip(payload.created).and_then(|(id, at)| Version::made(id, at));
    Ok(Sourced { secret, version })
}

fn member(label: String, value: Json) -> Result<Secret, Lacking> {
    Ok(match value {
        Json::Null => return Err(Lacking::Nothing),
        Json::String(text) => Secret::new(label, text),
        Json::Number(number) => Secret::new(label, number.to_string()).of_form(Form::Number),
        Json::Bool(flag) => Secret::new(label, flag.to_string()).of_form(Form::Boolean),
        structure => Secret::new(label, structure.to_string()),
    })
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
        assert!(is_called(&parameter, "arn:aws:ssm:eu-west-1:1:parameter/a"));
        assert!(!is_called(&parameter, "/a:4"));
        assert!(!is_called(&parameter, "/ab"));
    }
}
