//! Who changed what, looked up in CloudTrail: `LookupEvents`, two calls a second, fifty events a page.
//!
//! CloudTrail finds an event by one attribute. EventBridge, Glue and Secrets Manager do not tell it which resource a call
//! is about, and a busy key has thousands of events that say nothing, so the types that are known here are looked up by
//! the names of the calls that change them: a search serves all resources of a type, whatever their number. Any other
//! type is looked up by the resource's name, and then by its service.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value as Json, json};
use trueup_engine::blame::OffsetDateTime;
use trueup_engine::blame::{Blame, Event, Lookup, Search, Suspect};
use trueup_engine::cloud::{Place, Task};
use trueup_engine::fault::Fault;

use crate::kinds::cloud_control::arns;
use crate::names;
use crate::operation::LOOKUP_EVENTS;
use crate::reach::Reach;
use crate::session::Session;

/// How many pages of events one search reads.
const PAGES: usize = 10;

/// What takes the results, one resource at a time.
pub type Told<'a> = dyn FnMut(&Suspect, Blame) + Send + 'a;

const EVENTS: &str = "events.amazonaws.com";
const GLUE: &str = "glue.amazonaws.com";
const SECRETS: &str = "secretsmanager.amazonaws.com";
const KMS: &str = "kms.amazonaws.com";

/// A call that changes what its request names.
const fn sets(source: &'static str, call: &'static str) -> Lookup {
    Lookup { source, call, changes: &[], about: &[], deletes: false }
}

/// A call that changes these properties and no other.
const fn changes(source: &'static str, call: &'static str, about: &'static [&'static str]) -> Lookup {
    Lookup { source, call, changes: about, about, deletes: false }
}

/// A call that makes the whole resource.
const fn makes(source: &'static str, call: &'static str) -> Lookup {
    Lookup { source, call, changes: &["*"], about: &[], deletes: false }
}

/// A call that deletes.
const fn deletes(source: &'static str, call: &'static str) -> Lookup {
    Lookup { source, call, changes: &["*"], about: &[], deletes: true }
}

/// The calls that change resources of a type.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>
static LOOKUPS: &[(&str, &[Lookup])] = &[
    (
        "AWS::Events::Connection",
        &[sets(EVENTS, "UpdateConnection"), makes(EVENTS, "CreateConnection"), deletes(EVENTS, "DeleteConnection")],
    ),
    (
        "AWS::Events::ApiDestination",
        &[
            sets(EVENTS, "UpdateApiDestination"),
            makes(EVENTS, "CreateApiDestination"),
            deletes(EVENTS, "DeleteApiDestination"),
        ],
    ),
    (
        "AWS::Glue::Connection",
        &[
            // What its request leaves out is gone.
            changes(GLUE, "UpdateConnection", &["ConnectionInput"]),
            changes(GLUE, "TagResource", &["Tags"]),
            changes(GLUE, "UntagResource", &["Tags"]),
            makes(GLUE, "CreateConnection"),
            deletes(GLUE, "DeleteConnection"),
            deletes(GLUE, "BatchDeleteConnection"),
        ],
    ),
    (
        "AWS::SecretsManager::Secret",
        &[
            Lookup {
                source: SECRETS,
                call: "UpdateSecret",
                changes: &[],
                about: &["Description", "KmsKeyId", "SecretString"],
                deletes: false,
            },
            changes(SECRETS, "PutSecretValue", &["SecretString"]),
            changes(SECRETS, "UpdateSecretVersionStage", &["SecretString"]),
            changes(SECRETS, "TagResource", &["Tags"]),
            changes(SECRETS, "UntagResource", &["Tags"]),
            changes(SECRETS, "PutResourcePolicy", &["ResourcePolicy"]),
            changes(SECRETS, "DeleteResourcePolicy", &["ResourcePolicy"]),
            changes(SECRETS, "ReplicateSecretToRegions", &["ReplicaRegions"]),
            changes(SECRETS, "RemoveRegionsFromReplication", &["ReplicaRegions"]),
            makes(SECRETS, "CreateSecret"),
            deletes(SECRETS, "DeleteSecret"),
        ],
    ),
    (
        "AWS::KMS::Key",
        &[
            changes(KMS, "UpdateKeyDescription", &["Description"]),
            changes(KMS, "PutKeyPolicy", &["KeyPolicy"]),
            changes(KMS, "EnableKey", &["Enabled"]),
            changes(KMS, "DisableKey", &["Enabled"]),
            changes(KMS, "CancelKeyDeletion", &["Enabled"]),
            changes(KMS, "EnableKeyRotation", &["EnableKeyRotation", "RotationPeriodInDays"]),
            changes(KMS, "DisableKeyRotation", &["EnableKeyRotation", "RotationPeriodInDays"]),
            changes(KMS, "TagResource", &["Tags"]),
            changes(KMS, "UntagResource", &["Tags"]),
            deletes(KMS, "ScheduleKeyDeletion"),
        ],
    ),
    (
        "AWS::KMS::Alias",
        &[changes(KMS, "UpdateAlias", &["TargetKeyId"]), makes(KMS, "CreateAlias"), deletes(KMS, "DeleteAlias")],
    ),
];

/// One search: an attribute and its value, and the call that it is about where that is known.
struct Query<'q> {
    key: &'static str,
    value: String,
    lookup: Option<&'q Lookup>,
}

impl Session {
    /// Finds out who changed resources. Each one is told as soon as it is known; those of one type in one place are known
    /// together. Nothing here is an error: what could not be found out is said with the resource.
    pub fn blame<'a>(&'a self, suspects: &'a [Suspect], told: &'a mut Told<'a>) -> Task<'a, ()> {
        Box::pin(self.look_up(suspects, told))
    }

    async fn look_up(&self, suspects: &[Suspect], told: &mut Told<'_>) {
        let mut groups: BTreeMap<(&Place, &str), Vec<&Suspect>> = BTreeMap::new();
        for suspect in suspects {
            groups.entry((&suspect.place, suspect.kind)).or_default().push(suspect);
        }
        for ((place, kind), suspects) in groups {
            let reach = match self.trail_of(place, kind).await {
                Ok(reach) => reach,
                Err(fault) => {
                    for suspect in suspects {
                        told(suspect, Blame::unread(&fault));
                    }
                    continue;
                }
            };
            match LOOKUPS.iter().find(|(name, _)| *name == kind) {
                Some((_, lookups)) => by_call(&reach, lookups, &suspects, told).await,
                None => {
                    for suspect in suspects {
                        by_name(&reach, suspect, told).await;
                    }
                }
            }
        }
    }

    /// Where the events of a type are: those of services without a region are all in one.
    async fn trail_of(&self, place: &Place, kind: &str) -> Result<std::sync::Arc<Reach>, Fault> {
        let reach = self.reach(place).await?;
        let home = names::global_region(reach.region());
        if !arns::is_global(kind) || home == reach.region() {
            return Ok(reach);
        }
        self.reach(&Place { region: Some(home.into()), role_arn: place.role_arn.clone() }).await
    }
}

/// Looks up the calls that could have done it, each once for all resources.
async fn by_call(reach: &Reach, lookups: &[Lookup], suspects: &[&Suspect], told: &mut Told<'_>) {
    let mut searches: Vec<Search<'_>> = suspects.iter().map(|suspect| Search::new(suspect)).collect();
    let mut cut = vec![false; searches.len()];
    for lookup in lookups {
        let concerned: Vec<usize> =
            (0..searches.len()).filter(|index| lookup.concerns(searches[*index].suspect())).collect();
        if concerned.is_empty() {
            continue;
        }
        let query = Query { key: "EventName", value: lookup.call.to_owned(), lookup: Some(lookup) };
        match search(reach, &query, &mut searches, &concerned).await {
            Ok(end) => concerned.iter().for_each(|index| cut[*index] |= is_cut(&searches[*index], end)),
            Err(fault) => {
                for search in &searches {
                    told(search.suspect(), with_fault(search.blame(false), &fault));
                }
                return;
            }
        }
    }
    for (search, cut) in searches.iter().zip(cut) {
        told(search.suspect(), search.blame(cut));
    }
}

/// Looks up one resource by its names, and where nothing is known of them by its service.
async fn by_name(reach: &Reach, suspect: &Suspect, told: &mut Told<'_>) {
    let mut searches = [Search::new(suspect)];
    let service = suspect.kind.split("::").nth(1).unwrap_or_default().to_ascii_lowercase();
    let source = Query { key: "EventSource", value: format!("{service}.amazonaws.com"), lookup: None };
    let named = suspect.names.iter().map(|name| Query { key: "ResourceName", value: name.clone(), lookup: None });
    let mut cut = false;
    for query in named.chain([source]) {
        if !searches[0].blame(false).calls.is_empty() {
            break;
        }
        match search(reach, &query, &mut searches, &[0]).await {
            Ok(end) => cut |= is_cut(&searches[0], end),
            Err(fault) => return told(suspect, with_fault(searches[0].blame(false), &fault)),
        }
    }
    told(suspect, searches[0].blame(cut));
}

/// Whether something that matters may be among what was not read.
fn is_cut(search: &Search<'_>, end: Option<OffsetDateTime>) -> bool {
    end.is_some_and(|end| !search.is_done_before(end))
}

/// Reads pages until nothing older could matter. Where it ends before that, the time of the last event that was read.
async fn search(
    reach: &Reach,
    query: &Query<'_>,
    searches: &mut [Search<'_>],
    concerned: &[usize],
) -> Result<Option<OffsetDateTime>, Fault> {
    let attribute = json!([{"AttributeKey": query.key, "AttributeValue": query.value}]);
    let mut input = json!({"LookupAttributes": attribute, "MaxResults": 50});
    let mut tokens = HashSet::new();
    let mut oldest = None;
    for _ in 0..PAGES {
        let page = reach.read(&LOOKUP_EVENTS, &input).await?;
        for event in page["Events"].as_array().into_iter().flatten() {
            // The record is JSON in a text, beside an index of some of its members.
            let record = event["CloudTrailEvent"].as_str().and_then(|text| serde_json::from_str::<Json>(text).ok());
            let Some(record) = record else { continue };
            let other = query.lookup.is_some_and(|lookup| record["eventSource"].as_str() != Some(lookup.source));
            let Some(event) = Event::read(&record) else { continue };
            oldest = Some(event.at);
            if !other {
                for index in concerned {
                    searches[*index].take(&event, query.lookup);
                }
            }
        }
        let known = |at| concerned.iter().all(|index| searches[*index].is_done_before(at));
        let Some(token) = page["NextToken"].as_str().filter(|token| !token.is_empty()) else { return Ok(None) };
        if oldest.is_some_and(known) || !tokens.insert(token.to_owned()) {
            return Ok(None);
        }
        input["NextToken"] = token.into();
    }
    Ok(oldest)
}

/// What was found until a call failed.
fn with_fault(found: Blame, fault: &Fault) -> Blame {
    let notes = Blame::unread(fault).notes;
    Blame { calls: found.calls, notes }
}

#[cfg(test)]
mod tests {
    use super::LOOKUPS;

    #[test]
    fn every_type_says_what_makes_and_what_deletes_it() {
        for (kind, lookups) in LOOKUPS {
            assert!(crate::kinds::find(kind).is_some(), "{kind}");
            assert!(lookups.iter().any(|lookup| lookup.deletes), "{kind}");
            for lookup in *lookups {
                let schema = crate::kinds::find(kind).unwrap();
                for name in lookup.about {
                    let known = trueup_engine::kind::Kind::schema(schema).properties.iter();
                    assert!(known.clone().any(|property| property.name == *name), "{kind} has no {name}");
                }
            }
        }
    }
}
