//! What the sessions of one process have in common: the connections, the SDK's chain and its credentials, the account that
//! they are of, the clients of a region, and the rate limits of an account.
//!
//! A run over a thousand stacks has a session for each of them and one pool. Nothing is loaded before a call needs it: a run
//! that only validates touches no credential, no network and no certificate. What failed to load is not kept.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use aws_config::BehaviorVersion;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::default_provider::region::DefaultRegionChain;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::{self, ProfileFileCredentialsProvider};
use aws_config::provider_config::ProviderConfig;
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
use tokio::sync::{OnceCell, Semaphore};
use trueup_engine::fault::{Fault, FaultKind};

use crate::access::{Access, Parts, Quotas};
use crate::clock;
use crate::credentials::Keeper;
use crate::fault;
use crate::http::{Connectors, Way};
use crate::settings::Settings;

/// What the sessions of one process have in common.
///
/// The sessions may differ in profile, endpoint, credentials and region. Timeouts, the way to the network and the limits are
/// those of the session that came first.
pub struct Pool {
    connectors: OnceLock<Arc<Connectors>>,
    bases: Shelf<Login, Base>,
    regions: Shelf<Option<String>, Option<Region>>,
    keepers: Shelf<(Login, Option<Arc<str>>), Keeper>,
    accesses: Shelf<(Login, Option<Arc<str>>, String), Access>,
    quotas: Arc<Quotas>,
    slots: Arc<Semaphore>,
}

/// How many calls a process has under way at once: each has a connection of its own, and systems allow few open files (256
/// where they allow fewest). At a tenth of a second for an answer these are 2,000 calls a second, which is more than the
/// limits of a hundred accounts and regions.
const AT_ONCE: usize = 200;

impl Default for Pool {
    fn default() -> Self {
        Self {
            connectors: OnceLock::new(),
            bases: Shelf::default(),
            regions: Shelf::default(),
            keepers: Shelf::default(),
            accesses: Shelf::default(),
            quotas: Arc::default(),
            slots: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

/// Things that are made once each.
pub(crate) type Shelf<K, V> = Mutex<HashMap<K, Arc<OnceCell<Arc<V>>>>>;

/// The place of a thing on its shelf.
pub(crate) fn slot<K: Eq + std::hash::Hash, V>(shelf: &Shelf<K, V>, key: K) -> Arc<OnceCell<Arc<V>>> {
    let mut shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(shelf.entry(key).or_default())
}

/// What decides who the caller is, and where that is asked.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Login {
    profile: Option<String>,
    endpoint_url: Option<String>,
    static_credentials: Option<(String, String)>,
}

impl Login {
    fn of(settings: &Settings) -> Self {
        Self {
            profile: settings.profile.clone(),
            endpoint_url: settings.endpoint_url.clone(),
            static_credentials: settings.static_credentials.clone(),
        }
    }
}

/// What the SDK's chain gave.
struct Base {
    config: SdkConfig,
    way: Way,
}

impl Pool {
    /// As whom a region is reached: the caller of a session, or a role that it assumes.
    pub(crate) async fn access(
        &self,
        settings: &Settings,
        role: Option<&Arc<str>>,
        region: &str,
    ) -> Result<Arc<Access>, Fault> {
        let login = Login::of(settings);
        let cell = slot(&self.accesses, (login.clone(), role.cloned(), region.to_owned()));
        cell.get_or_try_init(|| self.make_access(settings, login, role, region)).await.cloned()
    }

    async fn make_access(
        &self,
        settings: &Settings,
        login: Login,
        role: Option<&Arc<str>>,
        region: &str,
    ) -> Result<Arc<Access>, Fault> {
        let base = slot(&self.bases, login.clone());
        let base = base.get_or_try_init(|| load(settings, region)).await?;
        let keeper = self.keeper(base, login, role, region).await?;
        let config = base
            .config
            .to_builder()
            .region(Region::new(region.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(provider(&keeper)))
            .retry_config(RetryConfig::disabled())
            .time_source(clock::Corrected)
            .disable_clock_skew_correction(true);
        // So that CloudTrail tells our calls from those of others.
        let mut config = config;
        config.set_app_name(AppName::new("trueup").ok());
        let config = config.build();
        let suffix = suffix(&config, region).await?;
        let connectors = self.connectors.get_or_init(|| Arc::new(Connectors::new(settings.connect_timeout)));
        Ok(Arc::new(Access::new(Parts {
            keeper,
            config,
            region: region.to_owned(),
            limits: settings.limits,
            quotas: Arc::clone(&self.quotas),
            slots: Arc::clone(&self.slots),
            connectors: Arc::clone(connectors),
            way: base.way.clone(),
            timeout: settings.connect_timeout + settings.read_timeout,
            endpoint_url: settings.endpoint_url.clone(),
            suffix,
        })))
    }

    /// The region that the SDK's chain finds for a profile.
    pub(crate) async fn region(&self, profile: Option<&str>) -> Option<String> {
        let cell = slot(&self.regions, profile.map(str::to_owned));
        let region = cell
            .get_or_init(|| async {
                let mut chain = DefaultRegionChain::builder();
                if let Some(profile) = profile {
                    chain = chain.profile_name(profile);
                }
                Arc::new(chain.build().region().await)
            })
            .await;
        region.as_ref().as_ref().map(|region| region.as_ref().to_owned())
    }

    /// The credentials of the caller, or of the role that is assumed; one keeper a role, whatever the region.
    async fn keeper(
        &self,
        base: &Base,
        login: Login,
        role: Option<&Arc<str>>,
        region: &str,
    ) -> Result<Arc<Keeper>, Fault> {
        let caller = slot(&self.keepers, (login.clone(), None));
        let caller = caller
            .get_or_try_init(|| async {
                let source = base.config.credentials_provider();
                let source = source.ok_or_else(|| fault::no_credentials("credentials"))?;
                Ok::<_, Fault>(Arc::new(Keeper::new(source)))
            })
            .await?;
        let Some(role) = role else { return Ok(Arc::clone(caller)) };
        let cell = slot(&self.keepers, (login, Some(Arc::clone(role))));
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

async fn load(settings: &Settings, region: &str) -> Result<Arc<Base>, Fault> {
    let way = Way::new(&settings.network)?;
    // The whole attempt has its own clock, see `wire`; these are for the SDK's own clients (STS).
    let timeouts =
        TimeoutConfig::builder().operation_attempt_timeout(settings.connect_timeout + settings.read_timeout).build();
    if let Some((id, secret)) = &settings.static_credentials {
        let credentials = Credentials::new(id, secret, None, None, "static");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .timeout_config(timeouts)
            // A role cannot be assumed without one.
            .time_source(SharedTimeSource::default())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        let config = match &settings.endpoint_url {
            Some(url) => config.endpoint_url(url),
            None => config,
        };
        return Ok(Arc::new(Base { config: config.build(), way }));
    }
    check_profile(settings).await?;
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .http_client(way.patient_client())
        .timeout_config(timeouts)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    if let Some(profile) = &settings.profile {
        loader = loader.profile_name(profile).credentials_provider(of_profile(profile, &way, region).await);
    }
    if let Some(url) = &settings.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    Ok(Arc::new(Base { config: loader.load().await, way }))
}

/// The credentials of a profile that is named. The SDK's chain would take keys in the environment first, and so another
/// account than the one that was asked for; with the AWS CLI a profile that is named goes before them, and they are not
/// taken where it has none either. Without them one that has no credentials leaves it to the rest of the chain.
async fn of_profile(profile: &str, way: &Way, region: &str) -> CredentialsProviderChain {
    let region = Region::new(region.to_owned());
    let config =
        ProviderConfig::without_region().with_http_client(way.patient_client()).with_region(Some(region.clone()));
    let own = ProfileFileCredentialsProvider::builder().configure(&config).profile_name(profile).build();
    if std::env::var_os("AWS_ACCESS_KEY_ID").is_some_and(|id| !id.is_empty()) {
        return CredentialsProviderChain::first_try("Profile", own);
    }
    let chain = DefaultCredentialsChain::builder().configure(config).profile_name(profile).region(region).build().await;
    CredentialsProviderChain::first_try("Profile", own).or_else("Chain", chain)
}

/// A profile that is named and does not exist is an error, as with the AWS CLI.
#[expect(clippy::default_trait_access, reason = "the type's name is deprecated here and not reachable elsewhere")]
async fn check_profile(settings: &Settings) -> Result<(), Fault> {
    let named = settings.profile.clone().map(Cow::Owned);
    let profiles = profile::load(&Fs::real(), &Env::real(), &Default::default(), named).await;
    let profiles = profiles.map_err(|error| fault::of_profiles(&error))?;
    let name = profiles.selected_profile();
    if name == "default" || profiles.get_profile(name).is_some() {
        return Ok(());
    }
    Err(fault::no_profile(name, profiles.profiles()))
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
