//! Where a lock is kept: an object in S3, or a file. Both carry out a write only where they hold what it expects, and
//! both tell the time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use trueup_aws::Session;
use trueup_aws::lock::{Object, Outcome, Seen, is_missing_bucket};

use crate::error::CommandError;
use crate::files;

/// How long the critical section of a file is waited for. It lasts as long as it takes to write a file.
const LONGEST_SECTION: Duration = Duration::from_secs(10);

/// The time of a store, as an answer told it.
#[derive(Debug, Clone, Copy)]
pub struct Time {
    /// Milliseconds since the Unix epoch.
    told: i64,
    /// How much later than told it may have been: S3 tells whole seconds.
    blur: Duration,
    asked: Instant,
    answered: Instant,
}

impl Time {
    /// What the store's clock says now, or a little less.
    pub fn now(&self) -> i64 {
        self.told + millis(self.answered.elapsed())
    }

    /// When the store's clock says so at the earliest.
    pub fn instant_of(&self, at: i64) -> Instant {
        let ahead = u64::try_from(at - self.told).unwrap_or(0);
        let early = self.asked.checked_sub(self.blur).unwrap_or(self.asked);
        early + Duration::from_millis(ahead)
    }
}

/// A duration in whole milliseconds.
pub fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// What a store holds.
pub enum Found {
    /// Nothing.
    Nothing,
    /// A text, and by which tag a later write names it.
    Text {
        /// The text.
        text: String,
        /// The tag.
        tag: String,
    },
    /// It may not be read, or there is nothing.
    Hidden(CommandError),
}

/// What became of a write.
pub enum Written {
    /// It was carried out; the tag of what is there now.
    Done(String),
    /// Something else is there than was expected.
    Refused,
}

/// Where a lock is kept.
#[derive(Clone)]
pub enum Store {
    /// An object.
    S3(Arc<Object>, Arc<Session>),
    /// A file.
    File(PathBuf),
}

impl std::fmt::Display for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::S3(object, _) => object.fmt(f),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl Store {
    /// Reads what is there.
    pub async fn read(&self) -> Result<(Found, Time), CommandError> {
        let asked = Instant::now();
        match self {
            Self::S3(object, session) => {
                let told = object.read(session).await.map_err(fault)?;
                let found = match told.said {
                    Seen::Absent => Found::Nothing,
                    Seen::Hidden(why) => Found::Hidden(fault(why)),
                    // What is no text is no lock.
                    Seen::Present { body, tag } => {
                        Found::Text { text: String::from_utf8_lossy(&body).into_owned(), tag }
                    }
                };
                Ok((found, of_date(told.date, asked)))
            }
            Self::File(path) => {
                let text = section(path, current).await?;
                let found = text.map_or(Found::Nothing, |text| Found::Text { tag: text.clone(), text });
                Ok((found, of_machine(asked)))
            }
        }
    }

    /// Writes where what has this tag is still there; with none, where there is nothing.
    pub async fn write(&self, expected: Option<&str>, text: String) -> Result<(Written, Time), CommandError> {
        let asked = Instant::now();
        match self {
            Self::S3(object, session) => {
                let told = object.write(session, expected, text.into()).await.map_err(fault)?;
                let written = match told.said {
                    Outcome::Done(tag) => Written::Done(tag),
                    Outcome::Refused => Written::Refused,
                };
                Ok((written, of_date(told.date, asked)))
            }
            Self::File(path) => {
                let expected = expected.map(str::to_owned);
                let written = section(path, move |path| {
                    if current(path)? != expected {
                        return Ok(Written::Refused);
                    }
                    files::write_private(path, &text)?;
                    Ok(Written::Done(text))
                });
                Ok((written.await?, of_machine(asked)))
            }
        }
    }

    /// Removes what has this tag; whether it was there. `instead` is for a store that can only overwrite.
    pub async fn remove(&self, tag: String, instead: String) -> Result<bool, CommandError> {
        match self {
            Self::S3(object, session) => object.remove(session, &tag, instead.into()).await.map_err(fault),
            Self::File(path) => {
                section(path, move |path| {
                    if current(path)?.as_ref() != Some(&tag) {
                        return Ok(false);
                    }
                    std::fs::remove_file(path).map_err(|error| CommandError::file("remove", path, &error))?;
                    Ok(true)
                })
                .await
            }
        }
    }
}

fn fault(fault: trueup_engine::fault::Fault) -> CommandError {
    let missing = is_missing_bucket(&fault);
    let error = CommandError::fault(fault);
    if missing { error.hint("create the bucket, or correct `--lock`") } else { error }
}

fn of_date(seconds: i64, asked: Instant) -> Time {
    Time { told: seconds.saturating_mul(1000), blur: Duration::from_secs(1), asked, answered: Instant::now() }
}

/// The clock of this machine: whoever uses the file is on it, or shares its time.
fn of_machine(asked: Instant) -> Time {
    let told = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis);
    Time { told, blur: Duration::ZERO, asked, answered: Instant::now() }
}

/// Does something to a file while no other run does.
async fn section<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce(&Path) -> Result<T, CommandError> + Send + 'static,
) -> Result<T, CommandError> {
    let path = path.to_owned();
    let done = tokio::task::spawn_blocking(move || {
        let _guard = guard(&path)?;
        work(&path)
    });
    done.await.map_err(|_| CommandError::failed("the file of the lock could not be looked at: this is a bug"))?
}

/// The system's own lock, on a file beside it: the file itself is another one after each write. It stays when it is let go,
/// because somebody else may hold it already.
fn guard(path: &Path) -> Result<File, CommandError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".guard");
    let beside = path.with_file_name(name);
    let failed = |error: &io::Error| CommandError::file("lock", &beside, error);
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&beside).map_err(|it| failed(&it))?;
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if began.elapsed() < LONGEST_SECTION => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(TryLockError::WouldBlock) => {
                let why = format!("`{}` has been in use by another process for too long", beside.display());
                return Err(CommandError::failed(why));
            }
            Err(TryLockError::Error(error)) => return Err(failed(&error)),
        }
    }
}

fn current(path: &Path) -> Result<Option<String>, CommandError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CommandError::file("read", path, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn of_two_writes_that_expect_the_same_one_is_carried_out() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::File(folder.path().join("lock"));
        let written = |outcome: Result<(Written, Time), CommandError>| matches!(outcome.unwrap().0, Written::Done(_));
        let writes = (0..20).map(|nth| {
            let store = store.clone();
            tokio::spawn(async move { store.write(None, format!("run {nth}")).await })
        });
        let mut done = 0;
        for write in writes.collect::<Vec<_>>() {
            done += usize::from(written(write.await.unwrap()));
        }
        assert_eq!(done, 1);
        let (Found::Text { tag, .. }, _) = store.read().await.unwrap() else { panic!("it is there") };
        assert!(!written(store.write(Some("another"), "x".to_owned()).await));
        assert!(written(store.write(Some(&tag), "next".to_owned()).await));
        assert!(!store.remove(tag, String::new()).await.unwrap());
        assert!(matches!(store.read().await.unwrap().0, Found::Text { text, .. } if text == "next"));
        assert!(store.remove("next".to_owned(), String::new()).await.unwrap());
        assert!(matches!(store.read().await.unwrap().0, Found::Nothing));
    }

    #[test]
    fn a_moment_of_a_store_is_never_taken_for_a_later_one() {
        let asked = Instant::now();
        let time = Time { told: 10_000, blur: Duration::from_secs(1), asked, answered: asked + Duration::from_secs(2) };
        assert_eq!(time.instant_of(70_000) + Duration::from_secs(1), asked + Duration::from_mins(1));
        assert_eq!(time.instant_of(0) + Duration::from_secs(1), asked);
    }
}
