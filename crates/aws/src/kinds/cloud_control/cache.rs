//! Schemas of types on disk: one file for each type and region, with its version and when it was fetched.
//!
//! A schema holds nothing that anybody has to keep to themselves. A file that is damaged, or of another form, counts as
//! not there. Files are written beside and renamed, so that two runs at once leave a whole one.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value as Json, json};

/// The form of the files; another one is passed over.
const FORMAT: u64 = 1;
/// After this time a schema is fetched again where AWS is at hand.
const FRESH: Duration = Duration::from_hours(7 * 24);
/// The most that a file may hold.
const LARGEST: u64 = 16 * 1024 * 1024;

/// Where schemas are kept.
#[derive(Debug, Clone, Default)]
pub struct Cache {
    folder: Option<PathBuf>,
    renew: bool,
}

/// A schema that was kept.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) schema: Json,
    pub(super) fresh: bool,
}

impl Cache {
    /// A cache in this folder; without one nothing is kept. `renew` takes nothing from it where AWS is at hand.
    pub fn new(folder: Option<PathBuf>, renew: bool) -> Self {
        Self { folder, renew }
    }

    /// The schema of a type in a region; without a region that of any.
    pub(super) fn read(&self, name: &str, region: Option<&str>) -> Option<Kept> {
        let folder = self.folder.as_ref()?;
        let found = if let Some(region) = region {
            load(&file(folder, name, region)?, name)
        } else {
            let regions = std::fs::read_dir(folder).ok()?.filter_map(Result::ok);
            let all = regions.filter_map(|region| load(&file(folder, name, region.file_name().to_str()?)?, name));
            all.max_by_key(|(fetched, _)| *fetched)
        };
        let (fetched, schema) = found?;
        let age = now().saturating_sub(fetched);
        // One from the future is of a clock that was wrong.
        Some(Kept { schema, fresh: !self.renew && fetched <= now() && age < FRESH.as_secs() })
    }

    /// Keeps a schema. What cannot be kept is fetched again the next time.
    pub(super) fn write(&self, name: &str, region: &str, version: Option<&str>, schema: &Json) {
        let Some(path) = self.folder.as_ref().and_then(|folder| file(folder, name, region)) else { return };
        let document = json!({
            "format": FORMAT, "type": name, "region": region, "version": version, "fetched": now(), "schema": schema,
        });
        if let Err(error) = store(&path, &document) {
            tracing::debug!(path = %path.display(), %error, "a schema could not be kept");
        }
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The file of a type; `None` where a name is none that a file may have.
fn file(folder: &Path, name: &str, region: &str) -> Option<PathBuf> {
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let name = name.replace("::", "-");
    (plain(&name) && plain(region)).then(|| folder.join(region).join(format!("{name}.json")))
}

fn load(path: &Path, name: &str) -> Option<(u64, Json)> {
    if std::fs::metadata(path).ok()?.len() > LARGEST {
        return None;
    }
    let mut document: Json = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    let whole = document["format"] == FORMAT && document["type"] == name && document["schema"]["typeName"] == name;
    Some((document["fetched"].as_u64()?, document["schema"].take())).filter(|_| whole)
}

fn store(path: &Path, document: &Json) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(".trueup-").tempfile_in(folder)?;
    file.write_all(document.to_string().as_bytes())?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Json {
        json!({"typeName": "AWS::Made::Up", "properties": {}})
    }

    #[test]
    fn what_is_kept_is_found_by_type_and_region() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::new(Some(dir.path().join("types")), false);
        assert!(cache.read("AWS::Made::Up", Some("eu-west-1")).is_none());
        cache.write("AWS::Made::Up", "eu-west-1", Some("1"), &schema());
        let kept = cache.read("AWS::Made::Up", Some("eu-west-1")).unwrap();
        assert!(kept.fresh && kept.schema == schema());
        assert!(cache.read("AWS::Made::Up", None).is_some());
        assert!(cache.read("AWS::Made::Up", Some("us-east-1")).is_none());
        let renewing = Cache::new(Some(dir.path().join("types")), true);
        assert!(!renewing.read("AWS::Made::Up", Some("eu-west-1")).unwrap().fresh);
        assert_eq!(std::fs::read_dir(dir.path().join("types/eu-west-1")).unwrap().count(), 1);
    }

    #[test]
    fn what_is_damaged_or_old_is_not_taken_for_fresh() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::new(Some(dir.path().to_owned()), false);
        cache.write("AWS::Made::Up", "eu-west-1", None, &schema());
        let path = dir.path().join("eu-west-1/AWS-Made-Up.json");
        let text = std::fs::read_to_string(&path).unwrap();
        let mut old: Json = serde_json::from_str(&text).unwrap();
        old["fetched"] = 1.into();
        std::fs::write(&path, old.to_string()).unwrap();
        assert!(!cache.read("AWS::Made::Up", Some("eu-west-1")).unwrap().fresh);
        for damaged in [&text[..text.len() / 2], "{}", "null", &text.replace("\"format\":1", "\"format\":2")] {
            std::fs::write(&path, damaged).unwrap();
            assert!(cache.read("AWS::Made::Up", Some("eu-west-1")).is_none(), "{damaged}");
        }
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        assert_eq!(file(Path::new("x"), "../a", "r"), None);
        assert_eq!(file(Path::new("x"), "AWS::A::B", ".."), None);
    }
}
