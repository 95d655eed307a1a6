//! A cloud in memory, with whatever may go wrong with a real one. Every decision follows from its seed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use trueup_engine::cloud::{
    Cloud, Confirm, Create, Live, Owned, Place, Present, Readiness, Seen, Task, Unconfirmed, Update, Want, Whereabouts,
    Written,
};
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::kind::{Kind, Verb};
use trueup_engine::schema::Domain;
use trueup_engine::value::{Map, Value};

use super::faults::{Call, Rule, Settings, Trouble};
use super::kinds::{CONNECTION_TYPE, DESTINATION_TYPE, is_slow};
use super::server::{Account, Item, Key, after, merge, request, shown};

#[derive(Default)]
struct State {
    account: Account,
    history: Vec<(Instant, Account)>,
    rules: Vec<Rule>,
    writes: Vec<Call>,
    confirmed: Vec<(String, bool)>,
    updates: Vec<(String, Vec<String>)>,
    under_way: usize,
    most_under_way: usize,
    calls: u64,
    seed: u64,
    violations: Vec<String>,
    secret_reads: usize,
}

pub struct FakeCloud {
    state: Mutex<State>,
    settings: Mutex<Settings>,
}

impl FakeCloud {
    pub fn new(seed: u64) -> Self {
        Self { state: Mutex::new(State { seed, ..State::default() }), settings: Mutex::new(Settings::default()) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// What can be set.
    pub fn set(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap()
    }

    pub fn trouble(&self, verb: Verb, name: &str, skip: usize, count: usize, trouble: Trouble) {
        self.state().rules.push(Rule { verb, name: name.to_owned(), skip, count, trouble });
    }

    pub fn no_trouble(&self) {
        self.state().rules.clear();
        self.set().dies_after = None;
        self.set().cancels_after = None;
    }

    /// The writes that arrived since the last question.
    pub fn take_writes(&self) -> Vec<String> {
        std::mem::take(&mut self.state().writes).iter().map(ToString::to_string).collect()
    }

    /// The top-level properties that each update sent since the last question.
    /// What was looked at in other services since the last time, and whether it was to be there.
    pub fn take_confirmed(&self) -> Vec<(String, bool)> {
        std::mem::take(&mut self.state().confirmed)
    }

    pub fn take_updates(&self) -> Vec<(String, Vec<String>)> {
        std::mem::take(&mut self.state().updates)
    }

    pub fn most_under_way(&self) -> usize {
        self.state().most_under_way
    }

    /// What must never be asked of a cloud and was.
    pub fn violations(&self) -> Vec<String> {
        self.state().violations.clone()
    }

    /// How many reads asked for credentials too.
    pub fn secret_reads(&self) -> usize {
        self.state().secret_reads
    }

    pub fn forgive(&self) {
        self.state().violations.clear();
    }

    /// Changes something behind everybody's back.
    pub fn tamper(&self, kind: &'static str, name: &str, change: impl FnOnce(&mut Item)) {
        let mut state = self.state();
        let item = state.account.items.get_mut(&(kind, name.to_owned())).unwrap();
        change(item);
    }

    pub fn remove(&self, kind: &'static str, name: &str) {
        self.state().account.items.remove(&(kind, name.to_owned())).unwrap();
    }

    pub fn exists(&self, kind: &'static str, name: &str) -> bool {
        let mut state = self.state();
        state.account.sweep();
        state.account.items.contains_key(&(kind, name.to_owned()))
    }

    pub fn arn(&self, kind: &'static str, name: &str) -> String {
        let key = (kind, name.to_owned());
        self.state().account.items[&key].arn(&key)
    }

    pub fn property(&self, kind: &'static str, name: &str, pointer: &str) -> Option<Value> {
        let state = self.state();
        let item = state.account.items.get(&(kind, name.to_owned()))?;
        Value::Map(item.properties.clone()).at(pointer).cloned()
    }

    /// Everything that exists, comparable between accounts: ids are left out and references are names.
    pub fn dump(&self) -> Vec<(String, Value)> {
        let mut state = self.state();
        state.account.sweep();
        let account = &state.account;
        account
            .items
            .iter()
            .map(|(key, item)| {
                let mut properties: Vec<(String, Value)> =
                    item.properties.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
                properties.sort_by(|a, b| a.0.cmp(&b.0));
                for (name, value) in &mut properties {
                    if name == "ConnectionArn" {
                        let to = value.as_str().and_then(|arn| account.connection_of(arn));
                        *value = to.map_or("nothing", |key| &*key.1).into();
                    }
                }
                let state = format!("{:?}", item.readiness());
                let map: Map = properties.into_iter().chain([("State".to_owned(), state.into())]).collect();
                (format!("{} {}", key.0, key.1), Value::Map(map))
            })
            .collect()
    }

    fn random(&self, below: u64) -> u64 {
        let mut state = self.state();
        // xorshift; good enough to vary the order of answers.
        let mut x = state.seed | 1;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        state.seed = x;
        if below == 0 { 0 } else { x % below }
    }

    async fn answers(&self) {
        let latency = u64::try_from(self.set().latency.as_micros()).unwrap();
        let pause = self.random(latency + 1);
        sleep(Duration::from_micros(pause)).await;
    }

    /// What goes wrong with this call.
    fn trouble_with(&self, verb: Verb, name: &str) -> Option<Trouble> {
        let mut state = self.state();
        for rule in state.rules.iter_mut().filter(|rule| rule.verb == verb && (rule.name == name || rule.name == "*")) {
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            if rule.count > 0 {
                rule.count -= 1;
                return Some(rule.trouble.clone());
            }
        }
        None
    }

    /// Runs a write through whatever goes wrong with it.
    async fn write(
        &self,
        verb: Verb,
        key: &Key,
        work: impl FnOnce(&mut State) -> Result<Written, Fault>,
    ) -> Result<Written, Fault> {
        {
            let mut state = self.state();
            state.calls += 1;
            state.under_way += 1;
            state.most_under_way = state.most_under_way.max(state.under_way);
        }
        let trouble = self.trouble_with(verb, &key.1);
        self.answers().await;
        if let Some(Trouble::Slow(pause)) = &trouble {
            sleep(*pause).await;
        }
        let operation = format!("events:{verb:?}");
        let result = if let Some(Trouble::Fail(kind)) = trouble {
            Err(Fault::new(kind, operation, "as the test wants it"))
        } else {
            let mut state = self.state();
            state.account.sweep();
            let result = work(&mut state);
            state.writes.push(Call { verb, name: key.1.clone() });
            let snapshot = (Instant::now(), state.account.clone());
            state.history.push(snapshot);
            if matches!(trouble, Some(Trouble::LoseReply)) {
                Err(Fault::new(FaultKind::Transport, operation, "the reply was lost"))
            } else {
                result
            }
        };
        let writes = self.state().writes.len();
        let cancel = self.set().cancels_after.clone();
        if let Some((count, cancel)) = cancel
            && writes >= count
        {
            cancel.cancel();
        }
        let dies_after = self.set().dies_after;
        if dies_after.is_some_and(|count| writes >= count) {
            std::future::pending::<()>().await;
        }
        self.answers().await;
        self.state().under_way -= 1;
        result
    }

    fn settling(&self, key: &Key, properties: &Map) -> (Duration, Readiness) {
        let settings = self.set();
        let settle = match key.0 {
            DESTINATION_TYPE => Duration::ZERO,
            _ if is_slow(properties) => settings.settle_slow,
            _ => settings.settle,
        };
        let then = if settings.useless.contains(&key.1) {
            Readiness::Unusable { state: "DEAUTHORIZED".to_owned(), reason: Some("the endpoint refused".to_owned()) }
        } else {
            Readiness::Ready(Some(if key.0 == CONNECTION_TYPE { "AUTHORIZED" } else { "ACTIVE" }.to_owned()))
        };
        (settle, then)
    }

    fn read(&self, key: &Key, want: &Want) -> Live {
        let lag = self.set().lag;
        let denied = self.set().secrets_denied;
        let mut state = self.state();
        state.account.sweep();
        let moment = Instant::now();
        let account = if lag.is_zero() {
            &state.account
        } else {
            let old = state.history.iter().rev().find(|(when, _)| *when + lag <= moment);
            match old {
                Some((_, account)) => account,
                None if state.history.is_empty() => &state.account,
                None => return Live::Absent,
            }
        };
        let Some(item) = account.items.get(key).filter(|item| item.gone.is_none_or(|gone| gone > moment)) else {
            return Live::Absent;
        };
        let hidden = match (want.secrets, denied) {
            (false, _) => Some("switched off"),
            (true, true) => Some("denied"),
            (true, false) => None,
        };
        let readiness = item.readiness();
        let mut attributes = Map::from_iter([("Arn".to_owned(), item.arn(key).into())]);
        if key.0 == CONNECTION_TYPE && !want.shallow {
            attributes.insert("Revision".to_owned(), item.revision.to_string().into());
            if matches!(readiness, Readiness::Ready(_)) {
                attributes.insert("SecretArn".to_owned(), format!("arn:secret/{}/{:08x}", key.1, item.id).into());
            }
        }
        let mut properties = Map::new();
        if !want.shallow {
            properties = item.properties.iter().map(|(name, value)| (name.clone(), shown(value, hidden))).collect();
        }
        Live::Present(Arc::new(Present {
            identity: key.1.clone(),
            properties,
            attributes,
            secret_version: (key.0 == CONNECTION_TYPE).then(|| format!("v{}", item.secret_version)),
            seen: Seen::default(),
            readiness,
        }))
    }
}

/// Whether properties may be sent: everything known.
fn check_sent(state: &mut State, properties: &Map) {
    Value::Map(properties.clone()).walk(&mut |pointer, leaf| match leaf {
        Value::Unknown(_) | Value::Deferred(_) => state.violations.push(format!("{pointer} is sent unknown")),
        Value::Secret(secret) if !secret.is_resolved() => {
            state.violations.push(format!("{pointer} is sent as an unresolved secret"));
        }
        _ => {}
    });
}

fn conflict(message: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Conflict, "events", message)
}

/// A destination's connection must be there.
fn connection_exists(state: &State, key: &Key, properties: &Map) -> Result<(), Fault> {
    let arn = properties.get("ConnectionArn").and_then(Value::as_str);
    if key.0 == DESTINATION_TYPE && arn.is_none_or(|arn| state.account.connection_of(arn).is_none()) {
        return Err(Fault::new(FaultKind::Invalid, "events", format!("no connection {arn:?}")));
    }
    Ok(())
}

impl Cloud for FakeCloud {
    fn whereabouts<'a>(&'a self, _: &'a Place) -> Task<'a, Result<Whereabouts, Fault>> {
        Box::pin(async {
            self.answers().await;
            Ok(Whereabouts { account: "123456789012".to_owned(), region: "us-east-1".to_owned() })
        })
    }

    fn observe<'a>(&'a self, kind: &'static dyn Kind, _: &'a Place, wants: &'a [Want]) -> Task<'a, Vec<Live>> {
        Box::pin(async move {
            self.state().calls += 1;
            self.answers().await;
            let mut answers = Vec::with_capacity(wants.len());
            for want in wants {
                self.state().secret_reads += usize::from(want.secrets);
                let key = (kind.name(), want.identity.clone());
                answers.push(match self.trouble_with(Verb::Read, &want.identity) {
                    Some(Trouble::Fail(kind)) => {
                        Live::Unreadable(Fault::new(kind, "events:Describe", "as the test wants it"))
                    }
                    _ => self.read(&key, want),
                });
            }
            answers
        })
    }

    fn owned<'a>(
        &'a self,
        _: &'a [&'static dyn Kind],
        _: &'a Place,
        _: &'a str,
        _: &'a str,
    ) -> Task<'a, Result<Vec<Owned>, Fault>> {
        Box::pin(async { Err(conflict("nothing here can be tagged")) })
    }

    fn list<'a>(&'a self, kind: &'static dyn Kind, _: &'a Place) -> Task<'a, Result<Vec<String>, Fault>> {
        Box::pin(async move {
            let state = self.state();
            let of_kind = state.account.items.keys().filter(|key| key.0 == kind.name());
            Ok(of_kind.map(|key| key.1.clone()).collect())
        })
    }

    fn restore<'a>(&'a self, _: &'static dyn Kind, _: &'a Place, _: &'a str) -> Task<'a, Result<Written, Fault>> {
        Box::pin(async { Err(conflict("nothing here is kept after its deletion")) })
    }

    fn canonical<'a>(
        &'a self,
        _: Domain,
        _: &'a Place,
        names: &'a [String],
    ) -> Task<'a, Result<HashMap<String, String>, Fault>> {
        Box::pin(async move {
            self.answers().await;
            let settings = self.set();
            match &settings.keys_fault {
                Some(fault) => Err(fault.clone()),
                None => {
                    Ok(names.iter().filter_map(|name| Some((name.clone(), settings.keys.get(name)?.clone()))).collect())
                }
            }
        })
    }

    fn create<'a>(
        &'a self,
        kind: &'static dyn Kind,
        _: &'a Place,
        create: &'a Create<'a>,
    ) -> Task<'a, Result<Written, Fault>> {
        Box::pin(async move {
            let key = (kind.name(), create.identity.expect("every kind here has names").to_owned());
            let (settle, then) = self.settling(&key, create.desired);
            self.write(Verb::Create, &key.clone(), move |state| {
                check_sent(state, create.desired);
                if state.account.items.contains_key(&key) {
                    return Err(conflict("the name is taken"));
                }
                connection_exists(state, &key, create.desired)?;
                state.account.next_id += 1;
                let item = Item {
                    id: state.account.next_id,
                    properties: create.desired.clone(),
                    secret_version: 1,
                    revision: 1,
                    settles: after(settle),
                    then,
                    gone: None,
                };
                let attributes = Map::from_iter([("Arn".to_owned(), item.arn(&key).into())]);
                let readiness = item.readiness();
                state.account.items.insert(key, item);
                Ok(Written { adopted: false, identity: None, attributes, readiness, notes: Vec::new() })
            })
            .await
        })
    }

    fn update<'a>(
        &'a self,
        kind: &'static dyn Kind,
        _: &'a Place,
        update: &'a Update<'a>,
    ) -> Task<'a, Result<Written, Fault>> {
        Box::pin(async move {
            let key = (kind.name(), update.live.identity.clone());
            let (settle, then) = self.settling(&key, update.desired);
            self.write(Verb::Update, &key.clone(), move |state| {
                let sent = request(kind.schema().properties, update.desired, update.edits, kind.sent_together());
                check_sent(state, &sent);
                state.updates.push((key.1.clone(), sent.keys().cloned().collect()));
                connection_exists_in_update(state, &key, &sent)?;
                let Some(item) = state.account.items.get_mut(&key) else {
                    return Err(Fault::new(FaultKind::NotFound, "events", "no such resource"));
                };
                if !matches!(item.readiness(), Readiness::Ready(_) | Readiness::Unusable { .. }) {
                    return Err(conflict("it is being changed"));
                }
                let secret = sent.contains_key("AuthParameters");
                merge(kind.schema().properties, &mut item.properties, &sent);
                item.secret_version += u64::from(secret);
                item.revision += 1;
                item.settles = after(settle);
                item.then = then;
                let attributes = Map::from_iter([("Arn".to_owned(), item.arn(&key).into())]);
                Ok(Written {
                    adopted: false,
                    identity: None,
                    attributes,
                    readiness: item.readiness(),
                    notes: Vec::new(),
                })
            })
            .await
        })
    }

    fn delete<'a>(
        &'a self,
        kind: &'static dyn Kind,
        _: &'a Place,
        identity: &'a str,
        _: Option<&'a Map>,
    ) -> Task<'a, Result<Written, Fault>> {
        Box::pin(async move {
            let key = (kind.name(), identity.to_owned());
            let (settle, _) = self.settling(&key, &Map::new());
            let known = self.set().known.clone();
            self.write(Verb::Delete, &key.clone(), move |state| {
                let mut users = state.account.users_of(&key);
                users.retain(|user| known.contains(user));
                if !users.is_empty() {
                    state.violations.push(format!("{} is deleted while {} points at it", key.1, users.join(", ")));
                }
                if let Some(item) = state.account.items.get_mut(&key)
                    && item.gone.is_none()
                {
                    item.gone = Some(after(settle));
                }
                let readiness = match state.account.items.get(&key) {
                    Some(_) if !settle.is_zero() => Readiness::Deleting("DELETING".to_owned()),
                    _ => Readiness::Ready(None),
                };
                state.account.sweep();
                Ok(Written { adopted: false, identity: None, attributes: Map::new(), readiness, notes: Vec::new() })
            })
            .await
        })
    }

    fn confirm<'a>(&'a self, _: &'static dyn Kind, _: &'a Place, items: &'a [Confirm]) -> Task<'a, Vec<Unconfirmed>> {
        Box::pin(async move {
            self.answers().await;
            self.state().confirmed.extend(items.iter().map(|item| (item.identity.clone(), item.present)));
            let findings = self.set().findings.clone();
            findings.into_iter().filter(|finding| items.iter().any(|item| item.identity == finding.identity)).collect()
        })
    }

    fn calls(&self) -> u64 {
        self.state().calls
    }
}

fn connection_exists_in_update(state: &State, key: &Key, sent: &Map) -> Result<(), Fault> {
    if sent.contains_key("ConnectionArn") { connection_exists(state, key, sent) } else { Ok(()) }
}
