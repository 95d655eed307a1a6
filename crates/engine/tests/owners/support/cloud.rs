//! A cloud in memory whose resources carry tags, with an index over them that lags.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use trueup_engine::cloud::{
    Cloud, Confirm, Create, Live, Owned, Place, Present, Readiness, Seen, Task, Unconfirmed, Update, Want, Whereabouts,
    Written,
};
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::kind::Kind;
use trueup_engine::owner::{self, Owner};
use trueup_engine::schema::{Domain, Type};
use trueup_engine::value::{Map, Value};

use super::kinds::{ALIAS, KEY, KINDS};

/// A kind and an identity.
pub type Id = (&'static str, String);

/// One resource.
#[derive(Debug, Clone, Default)]
pub struct Item {
    pub properties: Map,
    /// The day on which it goes.
    pub scheduled: Option<String>,
    /// It is on its way out.
    pub deleting: bool,
}

type Items = BTreeMap<Id, Item>;

/// What can be set.
#[derive(Default)]
pub struct State {
    pub items: Items,
    /// How old the index is.
    pub lag: Duration,
    /// How long a search takes.
    pub search_takes: Duration,
    /// How long reading takes, by the name of the kind.
    pub read_takes: HashMap<&'static str, Duration>,
    /// A search fails so.
    pub search_fault: Option<FaultKind>,
    /// Reads of these identities fail so.
    pub read_faults: HashMap<String, FaultKind>,
    /// What else the index holds.
    pub beside: Vec<Owned>,
    /// After so many writes nothing answers any more.
    pub dies_after: Option<usize>,
    /// So many updates are refused because somebody else is at it.
    pub conflicts: usize,
    /// A create says that it has found what an attempt before it had made.
    pub adopts: bool,
    /// What another run makes at the moment of a create.
    pub twin: Option<(Id, Item)>,
    /// The day that a scheduled deletion gets.
    pub day: String,
    /// Names of the manifest in force, and of orphans where they were looked for.
    pub known: BTreeSet<String>,
    pub writes: Vec<String>,
    /// Identities whose own tags were read.
    pub tag_reads: Vec<String>,
    pub searches: usize,
    /// The queries that were asked.
    pub queries: Vec<String>,
    /// A query fails so.
    pub query_fault: Option<FaultKind>,
    /// What must never be asked of a cloud and was.
    pub violations: Vec<String>,
    history: Vec<(Instant, Items)>,
    made: usize,
}

impl State {
    fn remember(&mut self) {
        self.history.push((Instant::now(), self.items.clone()));
    }

    /// What the index shows.
    fn index(&self) -> Items {
        let then = self.history.iter().rev().find(|(when, _)| *when + self.lag <= Instant::now());
        if self.lag.is_zero() { self.items.clone() } else { then.map(|(_, items)| items.clone()).unwrap_or_default() }
    }

    /// Who points at a resource, of those that somebody can know of.
    fn users(&self, id: &Id) -> Vec<String> {
        let targets = [arn(id), id.1.clone()];
        let points = |item: &Item| {
            ["TargetKeyId", "TargetArn", "KmsKeyId"]
                .iter()
                .filter_map(|name| item.properties.get(name)?.as_str())
                .any(|text| targets.iter().any(|target| target == text))
        };
        let alive = |item: &Item| item.scheduled.is_none() && !item.deleting;
        let known = |id: &Id| self.known.contains(&id.1);
        let users = self.items.iter().filter(|(id, item)| alive(item) && known(id) && points(item));
        users.map(|(id, _)| id.1.clone()).collect()
    }
}

pub fn arn(id: &Id) -> String {
    format!("arn:aws:{}:us-east-1:123456789012:{}", id.0.split("::").nth(1).unwrap().to_lowercase(), id.1)
}

/// The tags in the form that a kind has them; a list comes in the opposite order of the map.
pub fn tags_for(kind: &dyn Kind, tags: &Map) -> Value {
    let is_map = kind.schema().at("/Tags").is_some_and(|property| matches!(property.ty, Type::Map(_)));
    if is_map {
        return Value::Map(tags.clone());
    }
    let item = |(key, value): (&String, &Value)| {
        Value::Map(Map::from_iter([("Key".to_owned(), key.as_str().into()), ("Value".to_owned(), value.clone())]))
    };
    Value::List(tags.iter().rev().map(item).collect())
}

#[derive(Default)]
pub struct FakeCloud(Mutex<State>);

impl FakeCloud {
    pub fn set(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Puts something there behind everybody's back.
    pub fn put(&self, kind: &'static dyn Kind, identity: &str, mut properties: Map, tags: &[(&str, &str)]) {
        let tags: Map = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())).collect();
        if !tags.is_empty() {
            properties.insert("Tags".to_owned(), tags_for(kind, &tags));
        }
        let mut state = self.set();
        state.items.insert((kind.name(), identity.to_owned()), Item { properties, ..Item::default() });
        state.remember();
    }

    /// Changes the own tags of something; the index learns of it by and by.
    pub fn retag(&self, kind: &'static dyn Kind, identity: &str, change: impl FnOnce(&mut Map)) {
        let mut state = self.set();
        let item = state.items.get_mut(&(kind.name(), identity.to_owned())).unwrap();
        let mut tags = owner::tags_of(kind, &item.properties);
        change(&mut tags);
        item.properties.insert("Tags".to_owned(), tags_for(kind, &tags));
        state.remember();
    }

    pub fn remove(&self, kind: &'static dyn Kind, identity: &str) {
        let mut state = self.set();
        state.items.remove(&(kind.name(), identity.to_owned())).unwrap();
        state.remember();
    }

    pub fn item(&self, kind: &'static dyn Kind, identity: &str) -> Option<Item> {
        self.set().items.get(&(kind.name(), identity.to_owned())).cloned()
    }

    pub fn tags(&self, kind: &'static dyn Kind, identity: &str) -> BTreeMap<String, String> {
        let tags = owner::tags_of(kind, &self.item(kind, identity).unwrap().properties);
        tags.iter().map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())).collect()
    }

    /// The identities of a kind that are not going.
    pub fn alive(&self, kind: &'static dyn Kind) -> Vec<String> {
        let state = self.set();
        let of_kind = state.items.iter().filter(|(id, item)| id.0 == kind.name() && item.scheduled.is_none());
        of_kind.map(|(id, _)| id.1.clone()).collect()
    }

    pub fn take_writes(&self) -> Vec<String> {
        std::mem::take(&mut self.set().writes)
    }

    async fn write(
        &self,
        what: String,
        work: impl FnOnce(&mut State) -> Result<Written, Fault> + Send,
    ) -> Result<Written, Fault> {
        sleep(Duration::from_millis(1)).await;
        let (result, dies) = {
            let mut state = self.set();
            let result = work(&mut state);
            state.remember();
            state.writes.push(what);
            (result, state.dies_after.is_some_and(|count| state.writes.len() >= count))
        };
        if dies {
            std::future::pending::<()>().await;
        }
        result
    }

    fn read(&self, kind: &'static dyn Kind, want: &Want) -> Live {
        let mut state = self.set();
        if let Some(fault) = state.read_faults.get(&want.identity) {
            return Live::Unreadable(Fault::new(*fault, "test:Describe", "as the test wants it"));
        }
        // A key goes by its ARN too.
        let own = want.identity.strip_prefix("arn:aws:kms:us-east-1:123456789012:").unwrap_or(&want.identity);
        let id = (kind.name(), own.to_owned());
        let Some(item) = state.items.get(&id).cloned() else { return Live::Absent };
        let mut properties = item.properties.clone();
        let own = properties.remove("Tags");
        if want.shallow {
            properties = Map::new();
        }
        if kind.tags().is_some() && want.asks("/Tags") {
            if let Some(tags) = &want.tags {
                properties.insert("Tags".to_owned(), tags_for(kind, tags));
            } else {
                state.tag_reads.push(want.identity.clone());
                properties.extend(own.map(|own| ("Tags".to_owned(), own)));
            }
        }
        let readiness = match item.scheduled {
            Some(day) => Readiness::Scheduled { state: "PendingDeletion".to_owned(), until: Some(day) },
            None if item.deleting => Readiness::Deleting("DELETING".to_owned()),
            None => Readiness::Ready(None),
        };
        Live::Present(Arc::new(Present {
            identity: id.1.clone(),
            properties,
            attributes: attributes(&id),
            secret_version: None,
            seen: Seen::default(),
            readiness,
        }))
    }
}

fn attributes(id: &Id) -> Map {
    let mut attributes = Map::from_iter([("Arn".to_owned(), arn(id).into())]);
    if id.0 == KEY.name() {
        attributes.insert("KeyId".to_owned(), id.1.as_str().into());
    }
    attributes
}

fn written(id: &Id) -> Written {
    Written {
        adopted: false,
        identity: (id.0 == KEY.name()).then(|| id.1.clone()),
        attributes: attributes(id),
        readiness: Readiness::Ready(None),
        notes: Vec::new(),
    }
}

fn refused(kind: FaultKind, message: impl Into<String>) -> Fault {
    Fault::new(kind, "test:Write", message)
}

/// What is sent has to be known, and what it points at has to be there.
fn check_sent(state: &mut State, desired: &Map) -> Result<(), Fault> {
    let mut unknown = Vec::new();
    Value::Map(desired.clone()).walk(&mut |pointer, leaf| {
        if matches!(leaf, Value::Unknown(_) | Value::Deferred(_)) {
            unknown.push(format!("{pointer} is sent unknown"));
        }
    });
    state.violations.extend(unknown);
    for name in ["TargetKeyId", "TargetArn", "KmsKeyId"] {
        let Some(text) = desired.get(name).and_then(Value::as_str) else { continue };
        let there = state
            .items
            .iter()
            .any(|(id, item)| (id.1 == text || arn(id) == text) && item.scheduled.is_none() && !item.deleting);
        if !there {
            return Err(refused(FaultKind::Invalid, format!("{name}: there is no {text}")));
        }
    }
    Ok(())
}

impl Cloud for FakeCloud {
    fn whereabouts<'a>(&'a self, place: &'a Place) -> Task<'a, Result<Whereabouts, Fault>> {
        let region = place.region.as_deref().unwrap_or("us-east-1").to_owned();
        Box::pin(async { Ok(Whereabouts { account: "123456789012".to_owned(), region }) })
    }

    fn observe<'a>(&'a self, kind: &'static dyn Kind, _: &'a Place, wants: &'a [Want]) -> Task<'a, Vec<Live>> {
        Box::pin(async move {
            let takes = self.set().read_takes.get(kind.name()).copied();
            sleep(takes.unwrap_or(Duration::from_millis(1))).await;
            wants.iter().map(|want| self.read(kind, want)).collect()
        })
    }

    fn canonical<'a>(
        &'a self,
        _: Domain,
        _: &'a Place,
        names: &'a [String],
    ) -> Task<'a, Result<HashMap<String, String>, Fault>> {
        Box::pin(async move {
            let state = self.set();
            let canonical = |name: &String| {
                let key = match name.strip_prefix("alias/") {
                    Some(_) => {
                        let alias = state.items.get(&(ALIAS.name(), name.clone()))?;
                        alias.properties.get("TargetKeyId")?.as_str()?.to_owned()
                    }
                    None => name.rsplit(':').next()?.to_owned(),
                };
                Some((name.clone(), arn(&(KEY.name(), key))))
            };
            Ok(names.iter().filter_map(canonical).collect())
        })
    }

    fn owned<'a>(
        &'a self,
        _: &'a [&'static dyn Kind],
        place: &'a Place,
        stack: &'a str,
        env: &'a str,
    ) -> Task<'a, Result<Vec<Owned>, Fault>> {
        Box::pin(async move {
            let takes = self.set().search_takes;
            sleep(takes).await;
            let mut state = self.set();
            state.searches += 1;
            if let Some(kind) = state.search_fault {
                return Err(Fault::new(kind, "tag:GetResources", "as the test wants it"));
            }
            if place.region.as_deref().is_some_and(|region| region != "us-east-1") {
                return Ok(Vec::new());
            }
            let mut found = state.beside.clone();
            for (id, item) in state.index() {
                let kind = KINDS.find(id.0).unwrap();
                let tags = owner::tags_of(kind, &item.properties);
                if Owner::of_tags(&tags).is_some_and(|owner| owner.stack == stack && owner.env == env) {
                    found.push(Owned { arn: arn(&id), kind: Some(kind), identity: Some(id.1), tags });
                }
            }
            Ok(found)
        })
    }

    fn list<'a>(&'a self, kind: &'static dyn Kind, _: &'a Place) -> Task<'a, Result<Vec<String>, Fault>> {
        Box::pin(async move { Ok(self.alive(kind)) })
    }

    fn restore<'a>(
        &'a self,
        kind: &'static dyn Kind,
        _: &'a Place,
        identity: &'a str,
    ) -> Task<'a, Result<Written, Fault>> {
        let id = (kind.name(), identity.to_owned());
        Box::pin(self.write(format!("restore {identity}"), move |state| {
            let item = state.items.get_mut(&id).ok_or_else(|| refused(FaultKind::NotFound, "it is not there"))?;
            item.scheduled.take().ok_or_else(|| refused(FaultKind::Conflict, "it is not scheduled"))?;
            Ok(written(&id))
        }))
    }

    fn create<'a>(
        &'a self,
        kind: &'static dyn Kind,
        _: &'a Place,
        create: &'a Create<'a>,
    ) -> Task<'a, Result<Written, Fault>> {
        let what = create.identity.unwrap_or(kind.name()).to_owned();
        Box::pin(self.write(format!("create {what}"), move |state| {
            check_sent(state, create.desired)?;
            if kind.names_itself() && create.identity.is_some() {
                state.violations.push(format!("{what} is created under an identity that the service makes"));
            }
            if kind.tags().is_some() && Owner::of(kind, create.desired).is_none() {
                state.violations.push(format!("{what} is created without an owner"));
            }
            let identity = if kind.names_itself() {
                state.made += 1;
                format!("key-{}", state.made)
            } else {
                what
            };
            let id = (kind.name(), identity);
            if state.items.contains_key(&id) {
                return Err(refused(FaultKind::Conflict, "the name is taken"));
            }
            state.items.insert(id.clone(), Item { properties: create.desired.clone(), ..Item::default() });
            let twin = state.twin.take();
            state.items.extend(twin);
            Ok(Written { adopted: state.adopts, ..written(&id) })
        }))
    }

    fn update<'a>(
        &'a self,
        kind: &'static dyn Kind,
        _: &'a Place,
        update: &'a Update<'a>,
    ) -> Task<'a, Result<Written, Fault>> {
        let id = (kind.name(), update.live.identity.clone());
        Box::pin(self.write(format!("update {}", id.1), move |state| {
            check_sent(state, update.desired)?;
            if state.conflicts > 0 {
                state.conflicts -= 1;
                return Err(refused(FaultKind::Conflict, "somebody else is at it"));
            }
            let item = state.items.get_mut(&id).ok_or_else(|| refused(FaultKind::NotFound, "it is not there"))?;
            if item.scheduled.is_some() || item.deleting {
                return Err(refused(FaultKind::Invalid, "it is going"));
            }
            // What is kept was lost where the new tags lack one that was there.
            let (before, after) = (owner::tags_of(kind, &item.properties), owner::tags_of(kind, update.desired));
            let lost = before.keys().find(|key| !after.contains_key(key));
            if let Some(lost) = lost {
                state.violations.push(format!("the tag {lost} of {} is lost", id.1));
            }
            item.properties.clone_from(update.desired);
            Ok(written(&id))
        }))
    }

    fn delete<'a>(
        &'a self,
        kind: &'static dyn Kind,
        _: &'a Place,
        identity: &'a str,
        _: Option<&'a Map>,
    ) -> Task<'a, Result<Written, Fault>> {
        let id = (kind.name(), identity.to_owned());
        Box::pin(self.write(format!("delete {identity}"), move |state| {
            let users = state.users(&id);
            if !users.is_empty() {
                state.violations.push(format!("{identity} is deleted while {} points at it", users.join(", ")));
            }
            let day = state.day.clone();
            let Some(item) = state.items.get_mut(&id) else { return Ok(written(&id)) };
            if kind.tags().is_some() {
                let why = match Owner::of(kind, &item.properties) {
                    None => Some("without an owner"),
                    Some(owner) if owner.stack != "stack" => Some("of another stack"),
                    Some(owner) if owner.protected => Some("protected"),
                    Some(_) => None,
                };
                state.violations.extend(why.map(|why| format!("{identity} is deleted, {why}")));
            }
            if !kind.names_itself() {
                state.items.remove(&id);
                return Ok(written(&id));
            }
            if item.scheduled.is_some() {
                return Err(refused(FaultKind::Invalid, "it is pending deletion"));
            }
            item.scheduled = Some(day.clone());
            let readiness = Readiness::Scheduled { state: "PendingDeletion".to_owned(), until: Some(day) };
            Ok(Written { readiness, ..written(&id) })
        }))
    }

    /// `AWS::KMS::Key Description=for the tests`: what has that property, with its id, ARN and properties as columns.
    fn look_up<'a>(&'a self, _: &'a Place, query: &'a str) -> Task<'a, Result<Vec<Map>, Fault>> {
        Box::pin(async move {
            let mut state = self.set();
            state.queries.push(query.to_owned());
            if let Some(kind) = state.query_fault {
                return Err(refused(kind, "the query"));
            }
            let (kind, wanted) = query.split_once(' ').unwrap();
            let (name, text) = wanted.split_once('=').unwrap();
            let fits = |item: &Item| item.properties.get(name).and_then(Value::as_str) == Some(text);
            let found = state.items.iter().filter(|(id, item)| id.0 == kind && item.scheduled.is_none() && fits(item));
            let row = |(id, item): (&Id, &Item)| {
                let columns = [("Identifier".to_owned(), Value::from(&*id.1)), ("Arn".to_owned(), arn(id).into())];
                columns.into_iter().chain(item.properties.clone()).collect()
            };
            Ok(found.map(row).collect())
        })
    }

    fn confirm<'a>(&'a self, _: &'static dyn Kind, _: &'a Place, _: &'a [Confirm]) -> Task<'a, Vec<Unconfirmed>> {
        Box::pin(async { Vec::new() })
    }

    fn calls(&self) -> u64 {
        0
    }
}
