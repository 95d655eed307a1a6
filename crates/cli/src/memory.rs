//! What was verified, on disk: one file for each account, region, stack and environment, in the user's cache folder.
//!
//! A file holds versions, ARNs and keyed fingerprints, and may be deleted at any time. Whatever is wrong with it (it is
//! damaged, of another version of trueup, of another stack or key, too large, or cannot be read) makes it an empty one,
//! and what cannot be kept is read again. The key of the fingerprints is kept apart from them, so that a cache folder
//! that is shared or backed up says nothing of a password, however short.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use trueup_engine::cloud::Whereabouts;
use trueup_engine::memory::{Entries, Memory, Shelf};
use trueup_engine::secret::FingerprintKey;
use trueup_engine::stack::Stack;
use trueup_engine::value::Value;

use crate::error::CommandError;
use crate::files;
use crate::settings::Settings;

/// The form of the files; another one is passed over.
const FORMAT: u64 = 1;
/// The most that a file may hold.
const LARGEST: u64 = 64 * 1024 * 1024;
/// How a key begins, so that a file that is none is not taken for one.
const KEY: &str = "trueup-cache-key-1 ";

/// The memory of a stack; `None` where it is switched off, or where there is no place for it or for its key.
pub fn of(settings: &Settings, stack: &Stack) -> Option<Arc<Memory>> {
    if settings.run.no_cache || !settings.run.secret_reads {
        return None;
    }
    let folder = settings.cache.as_ref()?.join("verified");
    let key = settings.run.cache_key.clone().or_else(|| kept_key(settings.state.as_ref()?))?;
    // Another endpoint is another cloud, whatever it calls its accounts.
    let endpoint = match (&settings.cloud.sandbox, &settings.cloud.endpoint_url) {
        (Some(folder), _) => format!("sandbox {}", fs::canonicalize(folder).unwrap_or_default().display()),
        (None, Some(url)) => format!("endpoint {url}"),
        (None, None) => "aws".to_owned(),
    };
    let of = [stack.name.value.as_str(), &stack.env, &endpoint].map(Value::from).to_vec();
    let stamp = key.fingerprint_of(&Value::List(of))?;
    Some(Arc::new(Memory::new(key, Box::new(Files { folder, stamp }))))
}

/// Makes the key of the fingerprints where there is none, so that many stacks that begin at once do not each make one.
pub fn prepare(settings: &Settings) {
    let run = &settings.run;
    if !run.no_cache && run.secret_reads && run.cache_key.is_none() && settings.cache.is_some() {
        let _ = settings.state.as_ref().and_then(|state| kept_key(state));
    }
}

/// The files of one stack and environment.
struct Files {
    folder: PathBuf,
    /// A fingerprint of stack, environment, endpoint and key: a file of others has another one.
    stamp: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<'a> {
    format: u64,
    trueup: Cow<'a, str>,
    stamp: Cow<'a, str>,
    account: Cow<'a, str>,
    region: Cow<'a, str>,
    verified: Cow<'a, Entries>,
}

impl Files {
    /// The file of an account and region; `None` where their names are none that a folder may have.
    fn path(&self, here: &Whereabouts) -> Option<PathBuf> {
        let plain =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let folder = self.folder.join(&here.account).join(&here.region);
        (plain(&here.account) && plain(&here.region)).then(|| folder.join(format!("{}.json", self.stamp)))
    }
}

impl Shelf for Files {
    fn load(&self, here: &Whereabouts) -> Entries {
        let document = self.path(here).and_then(|path| read(&path, LARGEST)).and_then(|text| {
            let document: Document<'_> = serde_json::from_str(&text).ok()?;
            let fits = document.format == FORMAT
                && document.trueup == env!("CARGO_PKG_VERSION")
                && document.stamp == self.stamp
                && (&*document.account, &*document.region) == (&here.account, &here.region);
            Some(document).filter(|_| fits)
        });
        document.map(|document| document.verified.into_owned()).unwrap_or_default()
    }

    fn store(&self, here: &Whereabouts, entries: &Entries) {
        let Some(path) = self.path(here) else { return };
        let document = Document {
            format: FORMAT,
            trueup: env!("CARGO_PKG_VERSION").into(),
            stamp: self.stamp.as_str().into(),
            account: here.account.as_str().into(),
            region: here.region.as_str().into(),
            verified: Cow::Borrowed(entries),
        };
        if let Err(why) = keep(&path, |path| files::write_private_json(path, &document)) {
            tracing::debug!(path = %path.display(), why, "what was verified could not be kept");
        }
    }
}

/// The key of this user's fingerprints, made where there is none.
fn kept_key(state: &Path) -> Option<FingerprintKey> {
    let path = state.join("cache-key");
    let known = || read_key(&path);
    if let Some(key) = known() {
        return Some(key);
    }
    // Two version-4 UUIDs are 244 random bits from the system's own generator.
    let text = format!("{KEY}{}{}\n", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
    if let Err(why) = keep(&path, |path| files::write_private(path, &text)) {
        tracing::debug!(path = %path.display(), why, "the key of the cache could not be kept");
        return None;
    }
    // Of two runs that made one at once, the last one's stays.
    known()
}

fn read_key(path: &Path) -> Option<FingerprintKey> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // One that others may read protects nothing, and is made anew.
        if fs::metadata(path).ok()?.permissions().mode() & 0o077 != 0 {
            return None;
        }
    }
    let text = read(path, 1024)?;
    let key = text.trim_end().strip_prefix(KEY).filter(|key| key.len() >= 64)?;
    Some(FingerprintKey::new(key.to_owned()))
}

fn read(path: &Path, largest: u64) -> Option<String> {
    let mut text = String::new();
    let length = File::open(path).ok()?.take(largest + 1).read_to_string(&mut text).ok()?;
    (length as u64 <= largest).then_some(text)
}

fn keep(path: &Path, write: impl FnOnce(&Path) -> Result<(), CommandError>) -> Result<(), String> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    }
    write(path).map_err(|error| error.message)
}

#[cfg(test)]
mod tests {
    use trueup_engine::memory::Entry;

    use super::*;

    fn here() -> Whereabouts {
        Whereabouts { account: "123456789012".to_owned(), region: "eu-west-1".to_owned() }
    }

    fn entries() -> Entries {
        let entry =
            Entry { version: "arn 1".to_owned(), fingerprint: "f".to_owned(), secret_version: None, attributes: None };
        Entries::from([("AWS::Events::Connection orders".to_owned(), entry)])
    }

    #[test]
    fn what_is_kept_is_found_again_and_only_where_it_fits() {
        let dir = tempfile::tempdir().unwrap();
        let files = |stamp: &str| Files { folder: dir.path().join("verified"), stamp: stamp.to_owned() };
        assert!(files("a").load(&here()).is_empty());
        files("a").store(&here(), &entries());
        assert_eq!(files("a").load(&here()), entries());
        assert!(files("b").load(&here()).is_empty());
        assert!(files("a").load(&Whereabouts { region: "us-east-1".to_owned(), ..here() }).is_empty());
        let path = files("a").path(&here()).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let damaged = [
            text[..text.len() / 2].to_owned(),
            String::new(),
            "{}".to_owned(),
            text.replace("\"format\":1", "\"format\":2"),
            text.replace(env!("CARGO_PKG_VERSION"), "0.0.0-other"),
            text.replace("\"stamp\":\"a\"", "\"stamp\":\"b\""),
            text.replace("eu-west-1", "us-east-1"),
        ];
        for damaged in damaged {
            fs::write(&path, &damaged).unwrap();
            assert!(files("a").load(&here()).is_empty(), "{damaged}");
        }
        fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(files("a").load(&here()).is_empty());
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let files = Files { folder: PathBuf::from("x"), stamp: "s".to_owned() };
        assert!(files.path(&Whereabouts { account: "..".to_owned(), ..here() }).is_none());
        assert!(files.path(&Whereabouts { region: "a/b".to_owned(), ..here() }).is_none());
    }

    #[test]
    fn a_key_is_made_once_and_for_nobody_else_to_read() {
        let dir = tempfile::tempdir().unwrap();
        let value = Value::from("x");
        let state = dir.path().join("state");
        let first = kept_key(&state).unwrap().fingerprint_of(&value);
        assert_eq!(kept_key(&state).unwrap().fingerprint_of(&value), first);
        fs::write(state.join("cache-key"), "short").unwrap();
        let second = kept_key(&state).unwrap().fingerprint_of(&value);
        assert_ne!(second, first);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let path = state.join("cache-key");
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            assert_ne!(kept_key(&state).unwrap().fingerprint_of(&value), second);
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        // A folder in which nothing can be kept: there is no memory then.
        fs::write(dir.path().join("file"), "").unwrap();
        assert!(kept_key(&dir.path().join("file")).is_none());
    }
}
