//! The lock of a run: taken before anything is read, renewed while it lasts, let go at its end.
//!
//! Nothing rests on it: two runs at once do no harm without it. With it the second one is told who is at work, and does
//! not begin. It ends by itself when its holder is killed. Time is that of the store; between two answers of the store it
//! is measured, and never read from a clock of this machine.

mod record;
mod store;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Mutex as AsyncMutex;
use tokio::task::JoinHandle;
use trueup_aws::lock::Object;
use trueup_engine::apply::Cancel;
use trueup_engine::cloud::Place;

use crate::cloud::Connected;
use crate::commands::Context;
use crate::error::CommandError;
use crate::lock::record::{Holder, Record, told};
use crate::lock::store::{Found, Store, Time, Written, millis};
use crate::printer::Printer;
use crate::settings::lock::{LockAt, LockSettings};

/// How often one that somebody holds is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long letting it go may take: it ends by itself.
const LONGEST_RELEASE: Duration = Duration::from_secs(5);
/// How often in a row others may be faster.
const RACES: u32 = 20;

/// The lock of this run, from when it is taken; a copy is the same lock.
#[derive(Clone, Default)]
pub struct Lock {
    /// Whoever looks at it may wait: letting it go is under way.
    held: Arc<AsyncMutex<Option<Held>>>,
    /// Told when it is lost. It stays so after the lock was let go.
    lost: Cancel,
    why: Arc<Mutex<Option<String>>>,
}

struct Held {
    store: Store,
    /// Tells the one that renews it to let it go.
    stop: Cancel,
    renewing: JoinHandle<Result<(), CommandError>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lock {
    /// Takes the lock where one was asked for and it is not held yet. Nothing may be written while this is an error.
    ///
    /// # Errors
    ///
    /// Somebody else holds it, or whether somebody does could not be found out.
    pub async fn take(&self, context: &Context<'_>, cloud: &Connected, place: &Place) -> Result<(), CommandError> {
        let Some(settings) = &context.settings.run.lock else { return Ok(()) };
        if self.held.lock().await.is_some() {
            return self.check();
        }
        Box::pin(self.begin(context, settings, store(settings, cloud, place)?)).await
    }

    async fn begin(&self, context: &Context<'_>, settings: &LockSettings, store: Store) -> Result<(), CommandError> {
        let me = me(context);
        let lease = Box::pin(acquire(&store, &me, settings, context.printer)).await?;
        let stop = Cancel::new();
        let (lost, why) = (self.lost.clone(), Arc::clone(&self.why));
        let keeper = Keeper { store: store.clone(), me, ttl: settings.ttl, lease, stop: stop.clone(), lost, why };
        let renewing = tokio::spawn(keeper.run());
        *self.held.lock().await = Some(Held { store, stop, renewing });
        Ok(())
    }

    /// The error of a lock that was lost.
    ///
    /// # Errors
    ///
    /// It was lost.
    pub fn check(&self) -> Result<(), CommandError> {
        match lock(&self.why).as_ref() {
            Some(why) => Err(CommandError::locked(format!("the lock was lost: {why}"))
                .hint("nothing more was begun; see who holds it now, and run the same command again")),
            None => Ok(()),
        }
    }

    /// Ends when the lock is lost.
    pub async fn lost(&self) {
        self.lost.cancelled().await;
    }

    /// Lets the lock go, where it is held. Where this is broken off, as by a signal, it can be asked for again, and goes on.
    pub async fn release(&self, printer: &Printer) {
        let mut held = self.held.lock().await;
        let Some(Held { store, stop, renewing }) = held.as_mut() else { return };
        stop.cancel();
        let told = match tokio::time::timeout(LONGEST_RELEASE, &mut *renewing).await {
            Ok(Ok(Ok(()))) => None,
            Ok(Ok(Err(error))) => Some(error.message),
            Ok(Err(_)) => Some("this is a bug".to_owned()),
            Err(_) => {
                renewing.abort();
                Some("there was no answer in time".to_owned())
            }
        };
        if let Some(told) = told {
            printer.warning(&format!("the lock in {store} could not be let go, and ends by itself: {told}"));
        }
        *held = None;
    }
}

/// Where the lock is kept.
fn store(settings: &LockSettings, cloud: &Connected, place: &Place) -> Result<Store, CommandError> {
    Ok(match &settings.at {
        LockAt::File(path) => Store::File(path.clone()),
        LockAt::S3(url) => {
            let object = Object::parse(url, place.clone())
                .map_err(|why| CommandError::usage(format!("`{url}` names no lock: {why}")))?;
            Store::S3(Arc::new(object), Arc::new(cloud.another_session()))
        }
    })
}

/// Who this run is.
fn me(context: &Context<'_>) -> Holder {
    let subject = context.printer.subject();
    Holder {
        host: host(context),
        pid: std::process::id(),
        run: uuid::Uuid::new_v4().to_string(),
        command: context.name.to_owned(),
        stack: subject.as_ref().map(|subject| subject.name.clone()),
        env: subject.map(|subject| subject.env),
    }
}

#[cfg(unix)]
fn host(_: &Context<'_>) -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn host(context: &Context<'_>) -> String {
    context.settings.environment.get("COMPUTERNAME").unwrap_or_default()
}

/// What a run holds.
struct Lease {
    tag: String,
    record: Record,
    time: Time,
}

/// What came of one try.
enum Tried {
    Taken(Box<Lease>, Option<Record>),
    /// Somebody has it; how much of its time is left, in milliseconds.
    Busy(Record, i64),
    /// Somebody was faster.
    Again,
}

async fn acquire(
    store: &Store,
    me: &Holder,
    settings: &LockSettings,
    printer: &Printer,
) -> Result<Lease, CommandError> {
    let began = Instant::now();
    let (mut races, mut said) = (0, false);
    loop {
        match attempt(store, me, settings.ttl).await? {
            Tried::Taken(lease, from) => {
                if let Some(from) = from {
                    let (who, when) = (from.holder.describe(), told(from.expires));
                    printer.warning(&format!("the lock in {store} was taken over from {who}: it ended at {when}"));
                }
                return Ok(*lease);
            }
            Tried::Busy(record, left) => {
                let rest = settings.wait.saturating_sub(began.elapsed());
                if rest.is_zero() {
                    return Err(busy(store, &record, settings.wait));
                }
                if !said {
                    said = true;
                    printer.message(&format!("waiting for the lock in {store}: {}\n", record.holder.describe()));
                }
                let left = Duration::from_millis(u64::try_from(left).unwrap_or(0)).max(Duration::from_millis(10));
                tokio::time::sleep(LOOK.min(rest).min(left)).await;
            }
            Tried::Again if races < RACES => races += 1,
            Tried::Again => {
                return Err(CommandError::locked(format!("the lock in {store} goes from hand to hand"))
                    .hint("wait for it with `--lock-wait 5m`"));
            }
        }
    }
}

fn busy(store: &Store, record: &Record, waited: Duration) -> CommandError {
    let (who, since, until) = (record.holder.describe(), told(record.acquired), told(record.expires));
    let still = if waited.is_zero() { String::new() } else { format!(" still, after {} s", waited.as_secs()) };
    CommandError::locked(format!("{store} is locked{still} by {who}, since {since}; nothing was written"))
        .hint(format!(
            "it ends at {until} unless its holder renews it, and then the next run takes it over: a holder that was \
             killed keeps nobody out for longer"
        ))
        .hint("`--lock-wait 5m` waits for it")
}

/// Looks once, and takes it where it may.
async fn attempt(store: &Store, me: &Holder, ttl: Duration) -> Result<Tried, CommandError> {
    let (found, time) = store.read().await?;
    let (expected, from, hidden) = match found {
        Found::Nothing => (None, None, None),
        Found::Hidden(why) => (None, None, Some(why)),
        Found::Text { text, tag } => match Record::read(&text) {
            // The answer to a write of this run was lost.
            Some(record) if record.holder == *me => {
                return Ok(Tried::Taken(Box::new(Lease { tag, record, time }), None));
            }
            Some(record) if record.ends() > time.now() => {
                let left = record.ends() - time.now();
                return Ok(Tried::Busy(record, left));
            }
            // One that ends when it began was let go in a store that removes nothing under a condition.
            Some(record) => (Some(tag), Some(record).filter(|record| record.ends() > record.began()), None),
            None => {
                return Err(CommandError::failed(format!(
                    "what is in {store} is no lock of trueup; it is left as it is"
                ))
                .hint("name another place with `--lock`, or remove what is there"));
            }
        },
    };
    let record = Record::new(me.clone(), time.now(), time.now() + millis(ttl));
    let (written, _) = store.write(expected.as_deref(), record.text()).await?;
    match (written, hidden) {
        // The deadline counts from the answer by which the end was set.
        (Written::Done(tag), _) => Ok(Tried::Taken(Box::new(Lease { tag, record, time }), from)),
        // It is there, and may not be read.
        (Written::Refused, Some(why)) => Err(why),
        (Written::Refused, None) => Ok(Tried::Again),
    }
}

/// Renews a lock until it is told to let it go.
struct Keeper {
    store: Store,
    me: Holder,
    ttl: Duration,
    lease: Lease,
    stop: Cancel,
    lost: Cancel,
    why: Arc<Mutex<Option<String>>>,
}

/// What became of renewing.
enum Renewed {
    Yes,
    /// Somebody else has it, or nobody.
    Gone(Option<Record>),
}

impl Keeper {
    async fn run(mut self) -> Result<(), CommandError> {
        let (beat, mut pause) = (self.ttl / 3, self.ttl / 3);
        let mut failed = None;
        loop {
            let ends = tokio::time::Instant::from_std(self.lease.time.instant_of(self.lease.record.ends()));
            tokio::select! {
                () = self.stop.cancelled() => break,
                () = tokio::time::sleep_until(ends) => {
                    self.give_up(failed.as_deref());
                    return Ok(());
                }
                () = tokio::time::sleep(pause) => {}
            }
            match tokio::time::timeout_at(ends, self.renew()).await {
                Ok(Ok(Renewed::Yes)) => (pause, failed) = (beat, None),
                Ok(Ok(Renewed::Gone(other))) => {
                    let why = match other {
                        Some(other) => format!("{} holds it", other.holder.describe()),
                        None => "somebody has removed it".to_owned(),
                    };
                    self.lose(&why);
                    return Ok(());
                }
                Ok(Err(error)) => (pause, failed) = (self.ttl / 20, Some(error.message)),
                Err(_) => {
                    self.give_up(failed.as_deref());
                    return Ok(());
                }
            }
        }
        let ended = Record::new(self.me.clone(), self.lease.record.began(), self.lease.record.began());
        if self.store.remove(self.lease.tag, ended.text()).await? {
            return Ok(());
        }
        // It was renewed since, and the answer was lost; or it is somebody else's by now.
        let (text, tag) = match self.store.read().await?.0 {
            Found::Text { text, tag } => (text, tag),
            Found::Nothing => return Ok(()),
            Found::Hidden(why) => return Err(why),
        };
        if Record::read(&text).is_some_and(|record| record.holder == self.me) {
            self.store.remove(tag, ended.text()).await?;
        }
        Ok(())
    }

    async fn renew(&mut self) -> Result<Renewed, CommandError> {
        // Twice, where the store's clock has moved on faster than time: what was written may have ended already.
        for _ in 0..2 {
            let lease = &mut self.lease;
            let before = lease.time;
            let mut record = Record::new(self.me.clone(), lease.record.began(), before.now() + millis(self.ttl));
            let (written, time) = self.store.write(Some(&lease.tag), record.text()).await?;
            match written {
                Written::Done(tag) => lease.tag = tag,
                Written::Refused => match self.store.read().await?.0 {
                    // It was carried out, and the answer was lost.
                    Found::Text { text, tag } => match Record::read(&text) {
                        Some(found) if found.holder == self.me => (lease.tag, record) = (tag, found),
                        other => return Ok(Renewed::Gone(other)),
                    },
                    Found::Nothing => return Ok(Renewed::Gone(None)),
                    Found::Hidden(why) => return Err(why),
                },
            }
            let in_time = record.ends() - time.now() > millis(self.ttl / 2);
            lease.record = record;
            lease.time = time;
            if in_time {
                break;
            }
        }
        Ok(Renewed::Yes)
    }

    fn give_up(&self, failed: Option<&str>) {
        let why = failed.map(|failed| format!(" ({failed})")).unwrap_or_default();
        self.lose(&format!("it could not be renewed before it ended{why}"));
    }

    fn lose(&self, why: &str) {
        *lock(&self.why) = Some(why.to_owned());
        self.lost.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Format;
    use crate::printer::tests::plain;

    #[tokio::test]
    async fn what_was_renewed_without_an_answer_is_let_go_and_nobody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let store = Store::File(path.clone());
        let holder = |run: &str| Holder {
            host: "here".to_owned(),
            pid: 1,
            run: run.to_owned(),
            command: "apply".to_owned(),
            stack: None,
            env: None,
        };
        let now = store.read().await.unwrap().1;
        let record = |run: &str| Record::new(holder(run), now.now(), now.now() + 60_000);
        for (renewed_by, is_left) in [("mine", false), ("another", true)] {
            std::fs::write(&path, record(renewed_by).text()).unwrap();
            let keeper = Keeper {
                store: store.clone(),
                me: holder("mine"),
                ttl: Duration::from_mins(1),
                lease: Lease { tag: "what stood there before".to_owned(), record: record("mine"), time: now },
                stop: Cancel::new(),
                lost: Cancel::new(),
                why: Arc::default(),
            };
            keeper.stop.cancel();
            Box::pin(keeper.run()).await.unwrap();
            assert_eq!(path.exists(), is_left, "{renewed_by}");
        }
    }

    #[tokio::test]
    async fn letting_go_that_was_broken_off_goes_on() {
        let stop = Cancel::new();
        let told = stop.clone();
        let gone = Arc::new(Mutex::new(false));
        let renewing = tokio::spawn({
            let gone = Arc::clone(&gone);
            async move {
                told.cancelled().await;
                tokio::time::sleep(Duration::from_millis(50)).await;
                *lock(&gone) = true;
                Ok(())
            }
        });
        let held = Held { store: Store::File("lock".into()), stop, renewing };
        let this = Lock { held: Arc::new(AsyncMutex::new(Some(held))), ..Lock::default() };
        let printer = Printer::to(plain(Format::Human), std::io::sink(), std::io::sink());
        // A signal drops the run that was letting it go.
        assert!(tokio::time::timeout(Duration::from_millis(1), this.release(&printer)).await.is_err());
        this.release(&printer).await;
        assert!(*lock(&gone));
        this.release(&printer).await;
    }
}
