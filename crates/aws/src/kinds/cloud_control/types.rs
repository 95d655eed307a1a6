//! The types that a run has met: their schemas from the cache or from `DescribeType`, each made into a kind once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use futures_util::StreamExt as _;
use serde_json::{Value as Json, json};
use trueup_engine::cloud::Place;
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::kind::Kind;

use super::cache::Cache;
use super::schema::{self, Lost, Unusable};
use super::{CloudControl, Opaque};
use crate::fault::of_unreadable;
use crate::kinds::AwsKind;
use crate::operation::DESCRIBE_TYPE;
use crate::reach::Reach;
use crate::session::Session;

/// How many types are asked for at once.
const AT_ONCE: usize = 8;

/// What came of looking for types.
#[derive(Debug, Default)]
pub struct Found {
    /// The kinds of those that can be managed, and of those whose schema is not at hand.
    pub kinds: Vec<&'static dyn Kind>,
    /// What is wrong with the others.
    pub problems: Vec<(String, Problem)>,
}

/// Why there is no kind for a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// CloudFormation does not know it.
    Unknown,
    /// It cannot be managed.
    Unusable(Unusable),
    /// Its schema could not be read.
    Unread(Box<Fault>),
}

/// Kinds that were made at run time, by name.
static MADE: Mutex<Option<HashMap<String, &'static CloudControl>>> = Mutex::new(None);
static OPAQUE: Mutex<Option<HashMap<String, &'static Opaque>>> = Mutex::new(None);

/// The half of a kind made at run time that does I/O.
pub(crate) fn find(name: &str) -> Option<&'static dyn AwsKind> {
    known(name).map(|kind| kind as &dyn AwsKind)
}

fn known(name: &str) -> Option<&'static CloudControl> {
    MADE.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.get(name).copied()
}

/// The kind and the identity of the resource with this ARN, where exactly one of the types that were met says that it is
/// its own. What cannot be tagged is not asked: an ARN comes from a search for tags.
pub(crate) fn of_arn(arn: &str) -> Option<(&'static dyn Kind, String)> {
    let made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let tagged = made.iter().flat_map(HashMap::values).filter(|kind| kind.tags().is_some());
    let mut found = tagged.filter_map(|kind| Some((*kind as &dyn Kind, kind.identity_of_arn(arn)?)));
    let first = found.next();
    first.filter(|_| found.next().is_none())
}

/// Whether a name may be that of a type of CloudFormation's registry: three words, `AWS::S3::Bucket`.
pub fn is_type_name(name: &str) -> bool {
    let words: Vec<&str> = name.split("::").collect();
    let fits = |word: &&str| (2..=64).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    words.len() == 3 && words.iter().all(fits)
}

/// The kind of a schema; the first one of a name stays.
fn make(name: &str, schema: &Json) -> Result<&'static CloudControl, Unusable> {
    if let Some(known) = known(name) {
        return Ok(known);
    }
    let read = schema::read(schema)?;
    if read.name != name {
        return Err(Unusable::NoSchema);
    }
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let made = made.get_or_insert_default();
    Ok(made.entry(name.to_owned()).or_insert_with(|| Box::leak(Box::new(CloudControl::new(read)))))
}

fn opaque(name: &str) -> &'static Opaque {
    let mut all = OPAQUE.lock().unwrap_or_else(PoisonError::into_inner);
    let all = all.get_or_insert_default();
    all.entry(name.to_owned()).or_insert_with(|| Box::leak(Box::new(Opaque { name: schema::leaked(name) })))
}

/// The kinds of some types without the network: from the cache, or opaque.
pub fn cached(names: &BTreeSet<String>, region: Option<&str>, cache: &Cache) -> Found {
    let mut found = Found::default();
    for name in names {
        match cache.read(name, region).map(|kept| make(name, &kept.schema)) {
            Some(Ok(kind)) => found.kinds.push(kind),
            Some(Err(unusable)) => found.problems.push((name.clone(), Problem::Unusable(unusable))),
            None => found.kinds.push(opaque(name)),
        }
    }
    found
}

/// The kinds of some types, with what the cache does not have, or has had for too long, from CloudFormation.
pub async fn fetch(session: &Session, place: &Place, names: &BTreeSet<String>, cache: &Cache) -> Found {
    let mut found = Found::default();
    if names.is_empty() {
        return found;
    }
    let reach = match session.reach(place).await {
        Ok(reach) => reach,
        Err(fault) => {
            let problem = |name: &String| (name.clone(), Problem::Unread(Box::new(fault.clone())));
            found.problems.extend(names.iter().map(problem));
            return found;
        }
    };
    let reach = &*reach;
    let mut answers = futures_util::stream::iter(names.iter().cloned())
        .map(|name| async move {
            let answer = one(reach, &name, cache).await;
            (name, answer)
        })
        .buffered(AT_ONCE);
    while let Some((name, answer)) = answers.next().await {
        match answer {
            Ok(kind) => found.kinds.push(kind),
            Err(problem) => found.problems.push((name, problem)),
        }
    }
    found
}

async fn one(reach: &Reach, name: &str, cache: &Cache) -> Result<&'static CloudControl, Problem> {
    if let Some(known) = known(name) {
        return Ok(known);
    }
    // Another endpoint is not AWS, and what it says of a type is its own business.
    let kept = if reach.has_own_endpoint() { None } else { cache.read(name, Some(reach.region())) };
    let kept = match kept {
        Some(kept) if kept.fresh => return make(name, &kept.schema).map_err(Problem::Unusable),
        kept => kept,
    };
    match describe(reach, name).await {
        Ok(Described { schema, version, provisionable }) => {
            if !reach.has_own_endpoint() {
                cache.write(name, reach.region(), version.as_deref(), &schema);
            }
            if provisionable { make(name, &schema) } else { Err(Unusable::NotProvisionable) }.map_err(Problem::Unusable)
        }
        Err(fault) if fault.code.as_deref() == Some("TypeNotFoundException") => Err(Problem::Unknown),
        // An old schema is better than none; AWS refuses what it no longer takes.
        Err(fault) => match kept {
            Some(kept) => {
                tracing::info!(r#type = name, kind = %fault.kind, "an old schema is used");
                make(name, &kept.schema).map_err(Problem::Unusable)
            }
            None => Err(Problem::Unread(Box::new(fault))),
        },
    }
}

struct Described {
    schema: Json,
    version: Option<String>,
    provisionable: bool,
}

async fn describe(reach: &Reach, name: &str) -> Result<Described, Fault> {
    let answer = reach.read(&DESCRIBE_TYPE, &json!({"Type": "RESOURCE", "TypeName": name})).await?;
    let schema = answer["Schema"].as_str().and_then(|text| serde_json::from_str::<Json>(text).ok());
    let Some(schema) = schema.filter(|schema| schema["typeName"] == name) else {
        return Err(of_unreadable(&DESCRIBE_TYPE, "it has no schema of this type", None));
    };
    Ok(Described {
        schema,
        version: answer["DefaultVersionId"].as_str().map(str::to_owned),
        provisionable: answer["ProvisioningType"] != "NON_PROVISIONABLE",
    })
}

/// Reads schemas, and says what was understood, as a table for the page about kinds; and which types cannot be managed.
/// `compiles` says whether a pattern is one that is checked here.
pub fn survey<'a>(
    schemas: impl Iterator<Item = &'a Json>,
    mut compiles: impl FnMut(&str) -> bool,
) -> (String, BTreeMap<Unusable, Vec<String>>) {
    let mut unusable: BTreeMap<Unusable, Vec<String>> = BTreeMap::new();
    let (mut all, mut given, mut joined, mut made) = (0, 0, 0, 0);
    let (mut tagged, mut strange, mut untagged, mut lost_name, mut patterns) = (0, 0, 0, 0, 0);
    let mut losses: BTreeMap<Lost, usize> = BTreeMap::new();
    for json in schemas {
        all += 1;
        let read = match schema::read(json) {
            Ok(read) => read,
            Err(why) => {
                unusable.entry(why).or_default().push(json["typeName"].as_str().unwrap_or_default().to_owned());
                continue;
            }
        };
        let names_itself = read.identifier.iter().any(|part| !part.required);
        given += usize::from(!names_itself);
        made += usize::from(names_itself);
        joined += usize::from(read.identifier.len() > 1);
        match (read.tags, read.strange_tags) {
            (Some(_), _) => tagged += 1,
            (None, true) => strange += 1,
            (None, false) => untagged += 1,
        }
        lost_name += usize::from(names_itself && read.tags.is_none());
        patterns += usize::from(!read.patterns.iter().all(|pattern| compiles(pattern)));
        for what in read.losses.iter().map(|loss| loss.what).collect::<BTreeSet<_>>() {
            *losses.entry(what).or_default() += 1;
        }
    }
    let usable = given + made;
    let mut text = String::from("| types | number |\n| --- | --- |\n");
    let mut row = |what: &str, number: usize| {
        let _ = writeln!(text, "| {what} | {number} |");
    };
    row("schemas read", all);
    row("can be managed", usable);
    row("… identified by what the manifest gives", given);
    row("… named by the service, where the manifest gives no name or cannot", made);
    row("… with an identifier of several parts", joined);
    row("… carry owner tags", tagged);
    row("… can be tagged, but not changed in that, or not by key and value", strange);
    row("… cannot be tagged", untagged);
    row("… named by the service and without owner tags: need `identifier`", lost_name);
    for (what, number) in losses {
        row(
            match what {
                Lost::Recursion => "… have a definition in itself, which is any JSON from there on",
                Lost::Condition => "… have a condition between properties that is left to the service",
                Lost::Reference => "… refer to a definition that there is not",
            },
            number,
        );
    }
    row("… have a pattern that is left to the service", patterns);
    for (why, names) in &unusable {
        row(&format!("cannot be managed: {why}"), names.len());
    }
    (text, unusable)
}

/// The kind of a fault that a type could not be read with.
impl Problem {
    /// The fault behind it.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Unread(fault) => Some(fault),
            Self::Unknown | Self::Unusable(_) => None,
        }
    }

    /// Whether nobody could look, so that the same question may have another answer later.
    pub fn is_passing(&self) -> bool {
        self.fault().is_some_and(|fault| fault.kind != FaultKind::Invalid)
    }
}
