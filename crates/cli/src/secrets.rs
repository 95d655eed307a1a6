//! Where secrets come from: `env:NAME`, `file:PATH`, and from the cloud `aws-sm:ID` and `aws-ssm:NAME`.
//!
//! Read when a plan needs them and at no other time. A source that is missing is an answer ("source missing"); one that
//! is there and cannot be read is a mistake that somebody has to hear of, so it is kept as a diagnostic.

mod remote;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use trueup_aws::{Lacking, Session};
use trueup_engine::cloud::{Place, Task};
use trueup_engine::credential::{Lack, Scheme, SecretSource, SecretStore, Version};
use trueup_engine::diagnostic::{Diagnostic, Diagnostics};
use trueup_engine::graph::Graph;
use trueup_engine::secret::Secret;

use self::remote::Remote;
use crate::settings::Environment;

/// The most that a secret may hold, as in Secrets Manager.
const LARGEST: u64 = 64 * 1024;
/// How long a pipe is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads secrets from the process environment, from files and from the cloud.
pub struct Secrets {
    environment: Environment,
    root: PathBuf,
    remote: Remote,
    problems: Mutex<Diagnostics>,
}

impl Secrets {
    /// A store whose relative files are in `root`, the stack's folder.
    pub fn new(environment: Environment, root: &Path) -> Self {
        Self { environment, root: root.to_owned(), remote: Remote::default(), problems: Mutex::default() }
    }

    /// What could not be read although it is there; each once.
    pub fn problems(&self) -> Diagnostics {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).clone().sorted()
    }

    /// Asks for all that the resources take from the cloud, or these of them; [`Self::fetch`] reads it.
    pub fn ask(&self, graph: &Graph, only: Option<&BTreeSet<usize>>) {
        self.remote.ask(graph, only);
    }

    /// Reads what was asked for and not read yet; says whether there was anything. `home` is where names are looked up.
    pub async fn fetch(&self, session: &Session, home: &Place) -> bool {
        self.remote.fetch(session, home, &self.problems).await
    }

    /// Why a source in the cloud that was asked for has no value.
    pub fn lacking(&self, source: &SecretSource) -> Option<Lacking> {
        self.remote.lacking(source)
    }

    /// What was read from the cloud is read again when it is asked for.
    pub fn forget(&self) {
        self.remote.forget();
    }

    fn file(&self, source: &SecretSource) -> Option<Secret> {
        match read(&self.root.join(&source.rest)) {
            Ok(text) => Some(Secret::new(source.to_string(), text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                let problem = Diagnostic::warning("P110", format!("the secret `{source}` cannot be read: {error}"))
                    .help("a secret's file is text of at most 64 KiB that this user may read");
                self.problems.lock().unwrap_or_else(PoisonError::into_inner).push(problem);
                None
            }
        }
    }
}

/// The same store with a way to the cloud, for an execution.
pub struct Online<'a> {
    /// What was read so far.
    pub secrets: &'a Secrets,
    /// The way.
    pub session: &'a Session,
    /// Where names are looked up.
    pub home: Place,
}

impl SecretStore for Online<'_> {
    fn read(&self, source: &SecretSource) -> Option<Secret> {
        self.secrets.read(source)
    }

    fn fetch(&self) -> Task<'_, ()> {
        Box::pin(async { _ = self.secrets.fetch(self.session, &self.home).await })
    }

    fn lack(&self, source: &SecretSource) -> Option<(Lack, String)> {
        self.secrets.lack(source)
    }

    fn version(&self, source: &SecretSource) -> Option<Version> {
        self.secrets.version(source)
    }
}

impl SecretStore for Secrets {
    fn read(&self, source: &SecretSource) -> Option<Secret> {
        match source.scheme {
            Scheme::Env => self.environment.get(&source.rest).map(|text| Secret::new(source.to_string(), text)),
            Scheme::File => self.file(source),
            Scheme::AwsSm | Scheme::AwsSsm => self.remote.get(source),
        }
    }

    fn lack(&self, source: &SecretSource) -> Option<(Lack, String)> {
        self.remote.lack(source)
    }

    fn version(&self, source: &SecretSource) -> Option<Version> {
        self.remote.version(source)
    }
}

/// The text of a file. A pipe into which nobody writes would hold the whole run; so somebody else waits for it.
fn read(path: &Path) -> io::Result<String> {
    if path.metadata().is_ok_and(|metadata| metadata.is_file() || metadata.is_dir()) {
        return read_text(path);
    }
    let (sender, receiver) = mpsc::sync_channel(1);
    let of_thread = path.to_owned();
    thread::Builder::new().spawn(move || {
        // Nobody listens any more where it took too long.
        let _ = sender.send(read_text(&of_thread));
    })?;
    let late = |_| Err(io::Error::other(format!("nothing came from it within {} s", PATIENCE.as_secs())));
    receiver.recv_timeout(PATIENCE).unwrap_or_else(late)
}

/// The text of a file without the one line feed that editors put at its end.
fn read_text(path: &Path) -> io::Result<String> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() && path.is_dir() {
        return Err(io::Error::other("it is a folder"));
    }
    let mut text = String::new();
    file.take(LARGEST + 3).read_to_string(&mut text).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => io::Error::other("it is no UTF-8 text"),
        _ => error,
    })?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    if text.len() as u64 > LARGEST {
        return Err(io::Error::other("it is larger than 64 KiB"));
    }
    Ok(text)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests compare what was read")]
mod tests {
    use super::*;

    fn source(text: &str) -> SecretSource {
        SecretSource::parse(text).unwrap()
    }

    #[test]
    fn one_line_feed_is_not_part_of_the_secret() {
        let dir = tempfile::tempdir().unwrap();
        for (name, written, expected) in
            [("a", "x\n", "x"), ("b", "x\r\n", "x"), ("c", "x\n\n", "x\n"), ("d", " x ", " x "), ("e", "", "")]
        {
            std::fs::write(dir.path().join(name), written).unwrap();
            let store = Secrets::new(Environment::new(|_| None), dir.path());
            let secret = store.read(&source(&format!("file:{name}"))).unwrap();
            assert_eq!(secret.expose(), Some(expected));
        }
    }

    #[test]
    fn missing_is_an_answer_and_unreadable_a_problem() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("binary"), [0xff, 0xfe]).unwrap();
        std::fs::write(dir.path().join("large"), "x".repeat(70_000)).unwrap();
        let store = Secrets::new(Environment::new(|name| (name == "A").then(|| "1".to_owned())), dir.path());
        assert!(store.read(&source("env:A")).is_some());
        assert!(store.read(&source("env:B")).is_none());
        assert!(store.read(&source("file:missing")).is_none());
        assert!(store.problems().is_empty());
        for name in ["file:binary", "file:large", "file:."] {
            assert!(store.read(&source(name)).is_none());
            assert!(store.read(&source(name)).is_none());
        }
        assert_eq!(store.problems().iter().count(), 3);
    }
}
