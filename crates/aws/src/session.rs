//! The session of a run with AWS: the engine's [`Cloud`].
//!
//! It finds or makes the [`Reach`] of a place and hands the work to the kind. Nothing is loaded before a call needs it:
//! a run that only validates touches no credential, no network and no certificate.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::BehaviorVersion;
use aws_config::default_provider::region::DefaultRegionChain;
use aws_config::profile;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_sts::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
use aws_types::SdkConfig;
use aws_types::app_name::AppName;
use aws_types::os_shim_internal::{Env, Fs};
use aws_types::region::Region;
use aws_types::sdk_config::SharedTimeSource;
use tokio::sync::OnceCell;
use trueup_engine::cloud::{
    Cloud, Confirm, Create, Live, Owned, Place, Task, Unconfirmed, Update, Want, Whereabouts, Written,
};
use trueup_engine::fault::{Fault, FaultKind};
use trueup_engine::kind::Kind;
use trueup_engine::schema::Domain;
use trueup_engine::value::Map;

use crate::call::{CallEvent, Calls};
use crate::clock;
use crate::credentials::Keeper;
use crate::fault;
use crate::http::{Connectors, Way};
use crate::kinds::cloud_control::{self, Cache, arns};
use crate::kinds::{self, AwsKind};
use crate::names;
use crate::reach::{Parts, Reach};
use crate::settings::Settings;
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
    connectors: Arc<Connectors>,
    base: OnceCell<Base>,
    region: OnceCell<Option<Region>>,
    keepers: Shelf<Option<Arc<str>>, Keeper>,
    places: Shelf<Place, Reach>,
    reaches: Shelf<(Option<Arc<str>>, String), Reach>,
}

/// Things that are made once each.
type Shelf<K, V> = Mutex<HashMap<K, Arc<OnceCell<Arc<V>>>>>;

/// What the SDK's chain gave.
struct Base {
    config: SdkConfig,
    way: Way,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Session {
    /// A session. Nothing is loaded yet.
    pub fn new(settings: Settings, observer: Observer) -> Self {
        let calls =
            Calls { backoff: settings.backoff, observer, count: AtomicU64::new(0), stopped: AtomicBool::new(false) };
        Self {
            queries: None,
            connectors: Arc::new(Connectors::new(settings.connect_timeout)),
            settings,
            calls: Arc::new(calls),
            base: OnceCell::new(),
            region: OnceCell::new(),
            keepers: Shelf::default(),
            places: Shelf::default(),
            reaches: Shelf::default(),
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
        cell.get_or_try_init(|| self.make_reach(place, region)).await.cloned()
    }

    async fn make_reach(&self, place: &Place, region: String) -> Result<Arc<Reach>, Fault> {
        let base = self.base(&region).await?;
        let keeper = self.keeper(base, place, &region).await?;
        let config = base
            .config
            .to_builder()
            .region(Region::new(region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(provider(&keeper)))
            .retry_config(RetryConfig::disabled())
            .time_source(clock::Corrected)
            .disable_clock_skew_correction(true);
        // So that CloudTrail tells our calls from those of others.
        let mut config = config;
        config.set_app_name(AppName::new("trueup").ok());
        let config = config.build();
        let suffix = suffix(&config, &region).await?;
        Ok(Arc::new(Reach::new(Parts {
            calls: Arc::clone(&self.calls),
            keeper,
            config,
            region,
            limits: self.settings.limits,
            connectors: Arc::clone(&self.connectors),
            way: base.way.clone(),
            timeout: self.settings.connect_timeout + self.settings.read_timeout,
            secret_reads: self.settings.secret_reads,
            endpoint_url: self.settings.endpoint_url.clone(),
            suffix,
        })))
    }

    async fn find_owned(
        &self,
        kinds: &[&'static dyn Kind],
        place: &Place,
        stack: &str,
        env: &str,
    ) -> Result<Vec<Owned>, Fault> {
        let reach = self.reach(place).await?;
        let mut owned = tags::owned(&reach, stack, env).await?;
        let home = names::global_region(reach.region());
        if reach.region() != home && kinds.iter().any(|kind| arns::is_global(kind.name())) {
            let there = Place { region: Some(home.into()), role_arn: place.role_arn.clone() };
            let global = tags::owned(&*self.reach(&there).await?, stack, env).await?;
            // The fourth part of an ARN is the region.
            owned.extend(global.into_iter().filter(|owned| owned.arn.split(':').nth(3) == Some("")));
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

    /// The place's region, or the session's, or the chain's.
    async fn region_of(&self, place: &Place) -> Result<String, Fault> {
        if let Some(region) = place.region.as_deref().or(self.settings.region.as_deref()) {
            return Ok(region.to_owned());
        }
        if self.settings.static_credentials.is_some() {
            return Err(fault::no_region());
        }
        let region = self
            .region
            .get_or_init(|| async {
                let mut chain = DefaultRegionChain::builder();
                if let Some(profile) = &self.settings.profile {
                    chain = chain.profile_name(profile);
                }
                chain.build().region().await
            })
            .await;
        region.as_ref().map(|region| region.as_ref().to_owned()).ok_or_else(fault::no_region)
    }

    async fn base(&self, region: &str) -> Result<&Base, Fault> {
        self.base.get_or_try_init(|| self.load(region)).await
    }

    async fn load(&self, region: &str) -> Result<Base, Fault> {
        let way = Way::new(&self.settings.network)?;
        // The whole attempt has its own clock, see `wire`; these are for the SDK's own clients (STS).
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(self.settings.connect_timeout + self.settings.read_timeout)
            .build();
        if let Some((id, secret)) = &self.settings.static_credentials {
            let credentials = Credentials::new(id, secret, None, None, "static");
            let config = SdkConfig::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new(region.to_owned()))
                .credentials_provider(SharedCredentialsProvider::new(credentials))
                .timeout_config(timeouts)
                // A role cannot be assumed without one.
                .time_source(SharedTimeSource::default())
                .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
            let config = match &self.settings.endpoint_url {
                Some(url) => config.endpoint_url(url),
                None => config,
            };
            return Ok(Base { config: config.build(), way });
        }
        self.check_profile().await?;
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .http_client(way.patient_client())
            .timeout_config(timeouts)
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if let Some(profile) = &self.settings.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(url) = &self.settings.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        Ok(Base { config: loader.load().await, way })
    }

    /// A profile that is named and does not exist is an error, as with the AWS CLI.
    #[expect(clippy::default_trait_access, reason = "the type's name is deprecated here and not reachable elsewhere")]
    async fn check_profile(&self) -> Result<(), Fault> {
        let named = self.settings.profile.clone().map(Cow::Owned);
        let profiles = profile::load(&Fs::real(), &Env::real(), &Default::default(), named).await;
        let profiles = profiles.map_err(|error| fault::of_profiles(&error))?;
        let name = profiles.selected_profile();
        if name == "default" || profiles.get_profile(name).is_some() {
            return Ok(());
        }
        Err(fault::no_profile(name, profiles.profiles()))
    }

    /// The credentials of the caller, or of the role that is assumed; one keeper a role, whatever the region.
    async fn keeper(&self, base: &Base, place: &Place, region: &str) -> Result<Arc<Keeper>, Fault> {
        let caller = slot(&self.keepers, None);
        let caller = caller
            .get_or_try_init(|| async {
                let source = base.config.credentials_provider();
                let source = source.ok_or_else(|| fault::no_credentials("credentials"))?;
                Ok::<_, Fault>(Arc::new(Keeper::new(source)))
            })
            .await?;
        let Some(role) = &place.role_arn else { return Ok(Arc::clone(caller)) };
        let cell = slot(&self.keepers, Some(Arc::clone(role)));
        let keeper = cell
            .get_or_init(|| async {
                let role = AssumeRoleProvider::builder(&**role)
                    .configure(&base.config)
                    .session_name("trueup")
                    .region(Region::new(region.to_owned()))
                    .build_from_provider(provider(caller))
                    .await;
                Arc::new(Keeper::new(SharedCredentialsProvider::new(role)))
            })
            .await;
        Ok(Arc::clone(keeper))
    }
}

/// A keeper as the SDK's clients take it.
fn provider(keeper: &Arc<Keeper>) -> Arc<dyn ProvideCredentials> {
    Arc::<Keeper>::clone(keeper)
}

/// What follows `https://sts.` in the address of STS. The SDK knows the partitions' domains, and STS's client is at hand.
async fn suffix(config: &SdkConfig, region: &str) -> Result<String, Fault> {
    let invalid = || Fault::new(FaultKind::Invalid, "region", format!("`{region}` is not a region"));
    let params = Params::builder()
        .region(region)
        .use_fips(false)
        .use_dual_stack(config.use_dual_stack().unwrap_or(false))
        .use_global_endpoint(false)
        .build()
        .map_err(|_| invalid())?;
    let sts = DefaultResolver::new().resolve_endpoint(&params).await.map_err(|_| invalid())?;
    Ok(sts.url().strip_prefix("https://sts.").ok_or_else(invalid)?.to_owned())
}

fn slot<K: Eq + std::hash::Hash, V>(shelf: &Shelf<K, V>, key: K) -> Arc<OnceCell<Arc<V>>> {
    let mut shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(shelf.entry(key).or_default())
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
}
