//! The emulated accounts, and their file.
//!
//! A command and a server may look at the same accounts in turn, so the state outlives a process; two
//! at once would overwrite each other, so the folder is locked for as long as one runs. The file holds
//! the emulated account's secrets: it is readable by its owner only, and replaced by renaming, so that
//! a killed process leaves the old one or the new one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Error;
use crate::clock::Millis;
use crate::cloudcontrol::request::Requests;
use crate::cloudtrail::Event;
use crate::events::connection::Connection;
use crate::events::destinations::Destination;
use crate::glue::catalog::Settings;
use crate::glue::connection::Connection as GlueConnection;
use crate::iam::role::Role;
use crate::kms::{Alias, Key};
use crate::logs::{Group, Stream};
use crate::s3::bucket::Bucket;
use crate::s3::objects::Object;
use crate::secrets::secret::Secret;
use crate::sqs::queue::Queue;
use crate::ssm::parameter::Parameter;
use crate::store::{Store, View};
use crate::wire::partition;

const VERSION: u32 = 5;
/// The oldest version that is still read: 1 had no Glue, 2 no Cloud Control and what came with it, 3 no events, 4 no objects.
const OLDEST: u32 = 1;
const FILE: &str = "state.json";
const LOCK: &str = "lock";

/// Everything of one account in one region.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Home {
    pub(crate) connections: Store<Connection>,
    pub(crate) api_destinations: Store<Destination>,
    pub(crate) secrets: Store<Secret>,
    pub(crate) keys: Store<Key>,
    pub(crate) aliases: Store<Alias>,
    #[serde(default)]
    pub(crate) glue_connections: Store<GlueConnection>,
    #[serde(default)]
    pub(crate) glue_catalog: Settings,
    #[serde(default)]
    pub(crate) queues: Store<Queue>,
    #[serde(default)]
    pub(crate) log_groups: Store<Group>,
    #[serde(default)]
    pub(crate) log_streams: Store<Stream>,
    #[serde(default)]
    pub(crate) parameters: Store<Parameter>,
}

/// What is not of one region: IAM's roles, S3's names, and the requests that are under way.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Global {
    /// By account and name.
    pub(crate) roles: Store<Role>,
    pub(crate) buckets: Store<Bucket>,
    /// By bucket and key.
    #[serde(default)]
    pub(crate) objects: Store<Object>,
    pub(crate) requests: Requests,
}

impl Home {
    /// Makes a new account's region, with the keys that AWS itself manages.
    fn new(account: &str, region: &str, now: Millis) -> Self {
        let mut home = Self {
            connections: Store::default(),
            api_destinations: Store::default(),
            secrets: Store::default(),
            keys: Store::default(),
            aliases: Store::default(),
            glue_connections: Store::default(),
            glue_catalog: Settings::default(),
            queues: Store::default(),
            log_groups: Store::default(),
            log_streams: Store::default(),
            parameters: Store::default(),
        };
        crate::kms::add_managed_keys(&mut home, account, region, now);
        home
    }

    fn dump(&self, now: Millis) -> Value {
        let view = View::of(now);
        let connections = self.connections.list("", None, view);
        let destinations = self.api_destinations.list("", None, view);
        let secrets = self.secrets.list("", None, view);
        let keys = self.keys.list("", None, view);
        let aliases = self.aliases.list("", None, view);
        let glue = self.glue_connections.list("", None, view);
        let queues = self.queues.list("", None, view);
        let groups = self.log_groups.list("", None, view);
        let parameters = self.parameters.list("", None, view);
        json!({
            "connections": connections.map(|it| (it.name.clone(), it.describe(view))).collect::<Value>(),
            "api_destinations":
                destinations.map(|it| (it.name.clone(), it.describe(self, view))).collect::<Value>(),
            "secrets": secrets.map(|it| (it.name.clone(), it.describe(now))).collect::<Value>(),
            "keys": keys.map(|it| (it.id.clone(), it.describe())).collect::<Value>(),
            "aliases": aliases.map(|it| (it.name.clone(), it.entry())).collect::<Value>(),
            "glue_connections": glue.map(|it| (it.name.clone(), it.masked(view))).collect::<Value>(),
            "glue_catalog": self.glue_catalog.show(),
            "queues": queues.map(|it| (it.name.clone(), it.describe())).collect::<Value>(),
            "log_groups": groups.map(|it| (it.name.clone(), it.describe())).collect::<Value>(),
            "parameters": parameters.map(|it| (it.name.clone(), it.describe())).collect::<Value>(),
        })
    }
}

/// All accounts.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct World {
    version: u32,
    /// How far the virtual clock was ahead of real time.
    pub(crate) advanced_ms: Millis,
    /// The accounts that have EventBridge's service-linked role.
    pub(crate) service_linked: BTreeSet<String>,
    accounts: BTreeMap<String, BTreeMap<String, Home>>,
    #[serde(default)]
    pub(crate) global: Global,
    /// The latest events, while nobody runs; see [`crate::cloudtrail::Trail`].
    #[serde(default)]
    pub(crate) events: Vec<Event>,
}

impl World {
    /// Returns the state of an account in a region, which begins on first sight.
    pub(crate) fn home(
        &mut self,
        account: &str,
        region: &str,
        now: Millis,
    ) -> (&mut Home, &mut BTreeSet<String>, &mut Global) {
        if !self.accounts.contains_key(account) {
            self.accounts.insert(account.to_owned(), BTreeMap::new());
        }
        let regions = self.accounts.entry(account.to_owned()).or_default();
        let home = regions.entry(region.to_owned()).or_insert_with(|| Home::new(account, region, now));
        (home, &mut self.service_linked, &mut self.global)
    }

    /// Empties all accounts.
    pub(crate) fn clear(&mut self) {
        self.accounts.clear();
        self.service_linked.clear();
        self.global = Global::default();
    }

    /// Renders all accounts as their services describe them: that is, without any secret.
    pub(crate) fn dump(&self, now: Millis) -> Value {
        let accounts: Value = self
            .accounts
            .iter()
            .map(|(account, regions)| {
                let regions: Value = regions.iter().map(|(region, home)| (region.clone(), home.dump(now))).collect();
                (account.clone(), regions)
            })
            .collect();
        let view = View::of(now);
        let roles = self.global.roles.list("", None, view);
        let buckets = self.global.buckets.list("", None, view);
        let objects = self.global.objects.named(view);
        json!({
            "version": VERSION,
            "accounts": accounts,
            "roles": roles.map(|it| (it.arn.clone(), it.describe())).collect::<Value>(),
            "requests": self.global.requests.dump(now),
            "buckets": buckets.map(|it| (it.name.clone(), it.describe())).collect::<Value>(),
            "objects": objects.map(|(name, it)| (name.to_owned(), it.describe())).collect::<Value>(),
        })
    }
}

/// A state folder, locked while this lives.
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder when it is missing, and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::State { path: path.to_owned(), source };
        create_private_folder(path).map_err(failed)?;
        let lock = private(OpenOptions::new().write(true).create(true).truncate(false))
            .open(path.join(LOCK))
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Error::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Reads the accounts; a folder without a file has none.
    pub(crate) fn load(&self) -> Result<World, Error> {
        load(&self.path)
    }

    /// Writes the accounts.
    pub(crate) fn save(&self, world: &mut World, advanced: Millis) -> Result<(), Error> {
        world.version = VERSION;
        world.advanced_ms = advanced;
        let text = serde_json::to_vec(world).map_err(|error| malformed(&self.path, &error))?;
        let write = || -> io::Result<()> {
            let new = self.path.join(format!("{FILE}.new"));
            // Never written into a file that somebody else made.
            let _ = fs::remove_file(&new);
            let mut file = private(OpenOptions::new().write(true).create_new(true)).open(&new)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&new, self.path.join(FILE))
        };
        write().map_err(|source| Error::State { path: self.path.clone(), source })
    }

    /// Removes the accounts' file.
    pub(crate) fn empty(&self) -> Result<(), Error> {
        match fs::remove_file(self.path.join(FILE)) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(Error::State { path: self.path.clone(), source })
            }
            _ => Ok(()),
        }
    }
}

/// Reads the accounts of a folder without locking it.
pub(crate) fn load(path: &Path) -> Result<World, Error> {
    let text = match fs::read(path.join(FILE)) {
        Ok(text) => text,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(World::default()),
        Err(source) => {
            return Err(Error::State { path: path.to_owned(), source });
        }
    };
    #[derive(Deserialize)]
    struct Head {
        version: u32,
    }
    let head: Head = serde_json::from_slice(&text).map_err(|error| malformed(path, &error))?;
    if !(OLDEST..=VERSION).contains(&head.version) {
        return Err(Error::Version { path: path.to_owned(), version: head.version });
    }
    serde_json::from_slice(&text).map_err(|error| malformed(path, &error))
}

fn malformed(path: &Path, error: &serde_json::Error) -> Error {
    Error::Malformed { path: path.to_owned(), line: error.line(), column: error.column() }
}

/// Returns an ARN in the partition of its region.
pub(crate) fn arn(service: &str, region: &str, account: &str, resource: &str) -> String {
    format!("arn:{}:{service}:{region}:{account}:{resource}", partition(region))
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600)
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(unix)]
fn create_private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn create_private_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}
