//! The session of a run with AWS: the engine's [`Cloud`].
//!
//! It finds or makes the [`Reach`] of a place and hands the work to the kind. What is loaded for that is in its [`Pool`].

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use trueup_engine::cloud::{
    Cloud, Confirm, Create, Live, Owned, Place, Task, Unconfirmed, Update, Want, Whereabouts, Written,
};
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::kind::Kind;
use trueup_engine::schema::Domain;
use trueup_engine::value::Map;

use crate::call::{CallEvent, Calls};
use crate::fault;
use crate::kinds::cloud_control::{self, Cache, arns};
use crate::kinds::{self, AwsKind};
use crate::names;
use crate::pool::{Pool, Shelf, slot};
use crate::reach::Reach;
use crate::settings::Settings;
use crate::shared::Shared;
use crate::tags;

/// Sees every attempt of every call.
pub type Observer = Arc<dyn Fn(CallEvent) + Send + Sync>;

/// Who understands queries over live resources, and answers them through the session.
pub trait Queries: Send + Sync {
    /// The rows that a query finds, by column; see [`Cloud::look_up`].
    fn look_up<'a>(
        &'a self,
        session: &'a Session,
        place: &'a Place,
        query: &'a str,
    ) -> Task<'a, Result<Vec<Map>, Fault>>;
}

/// A run's session with AWS.
pub struct Session {
    queries: Option<Box<dyn Queries>>,
    settings: Settings,
    calls: Arc<Calls>,
    pool: Arc<Pool>,
    places: Shelf<Place, Reach>,
    reaches: Shelf<(Option<Arc<str>>, String), Reach>,
    /// Who searches for the tags of a stack, in a region.
    searches: Mutex<Searches>,
}

/// By role and region, and by stack and environment.
type Searches = HashMap<(Option<Arc<str>>, String, String, String), Arc<Shared<Result<Arc<[Owned]>, Fault>>>>;

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Session {
    /// A session that shares nothing. Nothing is loaded yet.
    pub fn new(settings: Settings, observer: Observer) -> Self {
        Self::of(Arc::default(), settings, observer)
    }

    /// A session of a pool: what another one of it has loaded is not loaded again, and the calls of an account count
    /// together. Nothing is loaded yet.
    pub fn of(pool: Arc<Pool>, settings: Settings, observer: Observer) -> Self {
        let calls =
            Calls { backoff: settings.backoff, observer, count: AtomicU64::new(0), stopped: AtomicBool::new(false) };
        Self {
            queries: None,
            settings,
            calls: Arc::new(calls),
            pool,
            places: Shelf::default(),
            reaches: Shelf::default(),
            searches: Mutex::default(),
        }
    }

    /// The same with somebody who understands queries.
    #[must_use]
    pub fn asking(self, queries: Box<dyn Queries>) -> Self {
        Self { queries: Some(queries), ..self }
    }

    /// From now on a write that was plainly refused is not sent again; one that may have been carried out still is.
    pub fn stop_repeating(&self) {
        self.calls.stopped.store(true, Ordering::Relaxed);
    }

    pub(crate) async fn reach(&self, place: &Place) -> Result<Arc<Reach>, Fault> {
        let cell = slot(&self.places, place.clone());
        cell.get_or_try_init(|| self.find_reach(place)).await.cloned()
    }

    async fn find_reach(&self, place: &Place) -> Result<Arc<Reach>, Fault> {
        let region = self.region_of(place).await?;
        let cell = slot(&self.reaches, (place.role_arn.clone(), region.clone()));
        cell.get_or_try_init(|| self.make_reach(place, &region)).await.cloned()
    }

    async fn make_reach(&self, place: &Place, region: &str) -> Result<Arc<Reach>, Fault> {
        let access = self.pool.access(&self.settings, place.role_arn.as_ref(), region).await?;
        Ok(Arc::new(Reach::new(Arc::clone(&self.calls), access, self.settings.secret_reads)))
    }

    async fn find_owned(
        &self,
        kinds: &[&'static dyn Kind],
        place: &Place,
        stack: &str,
        env: &str,
    ) -> Result<Vec<Owned>, Fault> {
        let reach = self.reach(place).await?;
        let mut owned = self.owned_in(&reach, place, stack, env).await?.to_vec();
        let home = names::global_region(reach.region());
        if reach.region() != home && kinds.iter().any(|kind| arns::is_global(kind.name())) {
            let there = Place { region: Some(home.into()), role_arn: place.role_arn.clone() };
            let global = self.owned_in(&*self.reach(&there).await?, &there, stack, env).await?;
            // The fourth part of an ARN is the region.
            owned.extend(global.iter().filter(|owned| owned.arn.split(':').nth(3) == Some("")).cloned());
        }
        // Types that the manifest does not name are not known yet.
        let lost = owned.iter().filter(|owned| owned.kind.is_none());
        let types: BTreeSet<String> = lost.filter_map(|owned| arns::type_of(&owned.arn)).map(str::to_owned).collect();
        cloud_control::fetch(self, place, &types, &Cache::default()).await;
        for owned in owned.iter_mut().filter(|owned| owned.kind.is_none()) {
            (owned.kind, owned.identity) = kinds::of_arn(&owned.arn).unzip();
        }
        Ok(owned)
    }

    /// What carries the tags of a stack in one region. Keys that are made at the same time are searched for together.
    async fn owned_in(&self, reach: &Reach, place: &Place, stack: &str, env: &str) -> Result<Arc<[Owned]>, Fault> {
        let key = (place.role_arn.clone(), reach.region().to_owned(), stack.to_owned(), env.to_owned());
        let shared = {
            let mut searches = self.searches.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(searches.entry(key).or_default())
        };
        shared.ask(|| async { tags::owned(reach, stack, env).await.map(Arc::from) }).await
    }

    /// The place's region, or the session's, or the chain's.
    async fn region_of(&self, place: &Place) -> Result<String, Fault> {
        if let Some(region) = place.region.as_deref().or(self.settings.region.as_deref()) {
            return Ok(region.to_owned());
        }
        if self.settings.static_credentials.is_some() {
            return Err(fault::no_region());
        }
        self.pool.region(self.settings.profile.as_deref()).await.ok_or_else(fault::no_region)
    }
}

/// Nobody could look.
fn unlooked(identity: &str, fault: &Fault) -> Unconfirmed {
    Unconfirmed { identity: identity.to_owned(), message: format!("could not be verified: {fault}"), proven: false }
}

fn aws(kind: &dyn Kind) -> Result<&'static dyn AwsKind, Fault> {
    let unknown = || Fault::new(FaultKind::Invalid, kind.name(), "this type is not one that is managed through AWS");
    kinds::find(kind.name()).ok_or_else(unknown)
}

impl Cloud for Session {
    fn whereabouts<'a>(&'a self, place: &'a Place) -> Task<'a, Result<Whereabouts, Fault>> {
        Box::pin(async move { self.reach(place).await?.whereabouts().await.cloned() })
    }

    fn observe<'a>(&'a self, kind: &'static dyn Kind, place: &'a Place, wants: &'a [Want]) -> Task<'a, Vec<Live>> {
        Box::pin(async move {
            if wants.is_empty() {
                return Vec::new();
            }
            let ready = async { Ok::<_, Fault>((aws(kind)?, self.reach(place).await?)) };
            match ready.await {
                Ok((kind, reach)) => kind.observe_many(&reach, wants).await,
                Err(fault) => wants.iter().map(|_| Live::Unreadable(fault.clone())).collect(),
            }
        })
    }

    fn canonical<'a>(
        &'a self,
        domain: Domain,
        place: &'a Place,
        names: &'a [String],
    ) -> Task<'a, Result<HashMap<String, String>, Fault>> {
        Box::pin(async move {
            match domain {
                Domain::KmsKey if names.is_empty() => Ok(HashMap::new()),
                Domain::KmsKey => names::kms_keys(&*self.reach(place).await?, names).await,
                // There is one spelling only.
                Domain::EventsConnectionArn => Ok(names.iter().map(|name| (name.clone(), name.clone())).collect()),
            }
        })
    }

    fn owned<'a>(
        &'a self,
        kinds: &'a [&'static dyn Kind],
        place: &'a Place,
        stack: &'a str,
        env: &'a str,
    ) -> Task<'a, Result<Vec<Owned>, Fault>> {
        Box::pin(self.find_owned(kinds, place, stack, env))
    }

    fn list<'a>(&'a self, kind: &'static dyn Kind, place: &'a Place) -> Task<'a, Result<Vec<String>, Fault>> {
        Box::pin(async move { aws(kind)?.list(&*self.reach(place).await?).await })
    }

    fn restore<'a>(
        &'a self,
        kind: &'static dyn Kind,
        place: &'a Place,
        identity: &'a str,
    ) -> Task<'a, Result<Written, Fault>> {
        Box::pin(async move { aws(kind)?.restore(&*self.reach(place).await?, identity).await })
    }

    fn create<'a>(
        &'a self,
        kind: &'static dyn Kind,
        place: &'a Place,
        create: &'a Create<'a>,
    ) -> Task<'a, Result<Written, Fault>> {
        Box::pin(async move { aws(kind)?.create(&*self.reach(place).await?, create).await })
    }

    fn update<'a>(
        &'a self,
        kind: &'static dyn Kind,
        place: &'a Place,
        update: &'a Update<'a>,
    ) -> Task<'a, Result<Written, Fault>> {
        Box::pin(async move { aws(kind)?.update(&*self.reach(place).await?, update).await })
    }

    fn delete<'a>(
        &'a self,
        kind: &'static dyn Kind,
        place: &'a Place,
        identity: &'a str,
        desired: Option<&'a Map>,
    ) -> Task<'a, Result<Written, Fault>> {
        Box::pin(async move { aws(kind)?.delete(&*self.reach(place).await?, identity, desired).await })
    }

    fn look_up<'a>(&'a self, place: &'a Place, query: &'a str) -> Task<'a, Result<Vec<Map>, Fault>> {
        match &self.queries {
            Some(queries) => queries.look_up(self, place, query),
            None => Box::pin(async { Err(Fault::new(FaultKind::Invalid, "query", "queries are not understood here")) }),
        }
    }

    fn confirm<'a>(
        &'a self,
        kind: &'static dyn Kind,
        place: &'a Place,
        items: &'a [Confirm],
    ) -> Task<'a, Vec<Unconfirmed>> {
        Box::pin(async move {
            if items.is_empty() {
                return Vec::new();
            }
            let ready = async { Ok::<_, Fault>((aws(kind)?, self.reach(place).await?)) };
            match ready.await {
                Ok((kind, reach)) => kind.confirm(&reach, items).await,
                Err(fault) => items.iter().map(|item| unlooked(&item.identity, &fault)).collect(),
            }
        })
    }

    fn calls(&self) -> u64 {
        self.calls.count.load(Ordering::Relaxed)
    }

    fn tells_writes(&self) -> bool {
        true
    }
}
