//! What a run goes through, and what has to be left after it: the harness of the tests that kill runs, take their
//! connections away and interrupt them.
//!
//! An ordeal is one command on the stack in `tests/ordeals`. It runs undisturbed first: that says which requests there
//! are, and what is left at the end. Then it runs as often as somebody wants to disturb it, each time from the same
//! beginning, in an account of its own.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use trueup_sandbox::proxy::{Act, Asked, Entry, Order};

use crate::accounts::{created, same};
use crate::binary::repository;
use crate::environment::TestEnv;
use crate::process::Run;
use crate::proxied::Proxied;
use crate::sandbox::{changes, writes};

/// How long transient states last: longer than it takes to run again, so that what a killed run began is under way.
const SETTLE: Duration = Duration::from_millis(400);
/// How many runs go at once. Most of the time each waits.
const AT_ONCE: usize = 6;

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Creates the stack.
    New,
    /// Changes each resource in place.
    Changed,
    /// Makes each resource anew.
    Replaced,
    /// Takes the stack down.
    Teardown,
}

impl Stage {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::New, Self::Changed, Self::Replaced, Self::Teardown];

    fn manifest(self) -> &'static str {
        match self {
            Self::New | Self::Teardown => "new.yaml",
            Self::Changed => "changed.yaml",
            Self::Replaced => "replaced.yaml",
        }
    }

    /// The command.
    pub fn args(self) -> &'static [&'static str] {
        match self {
            Self::New | Self::Changed => &["apply", "--yes", "--kms-settle", "0s"],
            Self::Replaced => &[
                "apply",
                "--yes",
                "--kms-settle",
                "0s",
                "--allow-deletes",
                "20",
                "--allow-replace",
                "spare",
                "--allow-replace",
                "jobs",
            ],
            Self::Teardown => &["teardown", "--yes", "--allow-deletes", "20"],
        }
    }
}

/// One command, and what an undisturbed run of it asks and leaves.
#[derive(Debug)]
pub struct Ordeal {
    /// What the run does.
    pub stage: Stage,
    /// What it asks, in order.
    pub requests: Vec<Entry>,
    end: Value,
    creates: BTreeMap<String, usize>,
}

/// A request of a run, known by what it asks for, and by which of those that ask for the same it is.
#[derive(Debug, Clone)]
pub struct Place {
    entry: Entry,
    nth: usize,
}

impl Place {
    /// Whether it changes anything.
    pub fn writes(&self) -> bool {
        changes(&self.entry.operation)
    }

    /// Whether upstream carried it out.
    pub fn is_done(&self) -> bool {
        self.entry.outcome.as_deref() == Some("200")
    }

    /// Does something there, and nothing elsewhere. The order of rounds has to be [`Order::Sorted`], as it was when the
    /// place was found.
    pub fn only(
        &self,
        act: impl Fn(Asked<'_>) -> Act + Send + Sync + 'static,
    ) -> impl Fn(Asked<'_>) -> Act + Send + Sync + 'static {
        let it = &self.entry;
        let (wanted, nth) = (said(&it.service, &it.operation, it.resource.as_deref()), self.nth);
        let count = AtomicUsize::new(0);
        move |asked| {
            let like = said(asked.service, asked.operation, asked.resource) == wanted;
            if like && count.fetch_add(1, Ordering::SeqCst) == nth { act(asked) } else { Act::Pass }
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (number {} of its like)", self.entry, self.nth + 1)
    }
}

fn place(stage: Stage, state: Option<&[u8]>, settle: Duration) -> TestEnv {
    let mut env = TestEnv::here(state, settle);
    let changed = matches!(stage, Stage::Changed);
    let password = |first: &'static str, second: &'static str| if changed { second } else { first };
    env.set_secret("ORDERS_PASSWORD", password("Rk4tPz81-orders-password", "Wd9xLm27-orders-password"));
    env.set_secret("CRM_SECRET", password("Bq7vHs53-crm-secret", "Jt2nYc68-crm-secret"));
    env.set_secret("WAREHOUSE_PASSWORD", password("Mf5kGw92-warehouse-password", "Xp8dRb34-warehouse-password"));
    let manifest = std::fs::read_to_string(repository().join("tests/ordeals").join(stage.manifest()));
    env.write("trueup.yaml", &manifest.expect("a manifest of the repository can be read"));
    env
}

/// The accounts in which the stack exists.
fn base() -> &'static [u8] {
    static BASE: OnceLock<Vec<u8>> = OnceLock::new();
    BASE.get_or_init(|| {
        let env = place(Stage::New, None, SETTLE);
        env.run(Stage::New.args()).expect(0);
        env.run(&["plan", "--exit-code", "--strict"]).expect(0);
        env.saved()
    })
}

impl Ordeal {
    /// Runs a stage undisturbed.
    pub fn of(stage: Stage) -> Self {
        let mut ordeal = Self { stage, requests: Vec::new(), end: Value::Null, creates: BTreeMap::new() };
        let env = ordeal.place();
        let Proxied { run, history } = env.through(stage.args(), Order::Sorted, "INT", |_| Act::Pass);
        run.expect(0);
        ordeal.requests = history;
        ordeal.end = env.sandbox().comparable();
        ordeal.creates = created(env.sandbox());
        ordeal.settled(&env).unwrap_or_else(|violation| panic!("{stage:?} undisturbed: {violation}"));
        ordeal
    }

    /// An account in which the stage can begin.
    pub fn place(&self) -> TestEnv {
        place(self.stage, (self.stage != Stage::New).then(base), SETTLE)
    }

    /// The same, with nothing in it that takes its time.
    pub fn swift_place(&self) -> TestEnv {
        place(self.stage, (self.stage != Stage::New).then(base), Duration::ZERO)
    }

    /// Runs it while something is done to its requests.
    pub fn disturbed(
        &self,
        env: &TestEnv,
        order: Order,
        script: impl Fn(Asked<'_>) -> Act + Send + Sync + 'static,
    ) -> Proxied {
        env.through(self.stage.args(), order, "INT", script)
    }

    /// The requests at which something can be done to a run. Of those that only look again whether something has settled
    /// the first two: how many there are is a matter of time.
    pub fn places(&self) -> Vec<Place> {
        let mut seen = BTreeMap::<String, usize>::new();
        let all = self.requests.iter().map(|entry| {
            let count = seen.entry(said(&entry.service, &entry.operation, entry.resource.as_deref())).or_default();
            *count += 1;
            Place { entry: entry.clone(), nth: *count - 1 }
        });
        all.filter(|place| place.nth < 2 || place.writes()).collect()
    }

    /// Runs it again, plainly: it has to end well, and to leave what an undisturbed run leaves, with nothing made twice.
    ///
    /// # Errors
    ///
    /// It does not, with what is wrong.
    pub fn mended(&self, env: &TestEnv) -> Result<(), String> {
        env.run(self.stage.args()).ended(0).map_err(|why| format!("the plain run after it: {why}"))?;
        self.reached(env)
    }

    /// Compares what is left with what an undisturbed run leaves.
    ///
    /// # Errors
    ///
    /// It differs, something was made twice, or there is still something to do.
    pub fn reached(&self, env: &TestEnv) -> Result<(), String> {
        same(&self.end, &env.sandbox().comparable())?;
        let creates = created(env.sandbox());
        if creates != self.creates {
            return Err(format!("created: {creates:?}\nand by an undisturbed run: {:?}", self.creates));
        }
        self.settled(env)
    }

    /// Whether there is nothing left to do.
    fn settled(&self, env: &TestEnv) -> Result<(), String> {
        let before = env.sandbox().calls().len();
        let run: Run = match self.stage {
            Stage::Teardown => env.run(self.stage.args()),
            _ => env.run(&["plan", "--exit-code", "--strict", "--no-cache"]),
        };
        run.ended(0)?;
        let calls = env.sandbox().calls().split_off(before);
        let written = writes(&calls);
        if written.is_empty() { Ok(()) } else { Err(format!("there was still something to do: {written:?}: {run}")) }
    }
}

/// What a request asks for, as a key.
fn said(service: &str, operation: &str, resource: Option<&str>) -> String {
    format!("{service}:{operation} {}", resource.unwrap_or("-"))
}

/// Does something for each item, several at once, and collects what went wrong. `said` names an item.
pub fn each<T: Sync>(
    items: &[T],
    said: impl Fn(&T) -> String + Sync,
    work: impl Fn(&T) -> Result<(), String> + Sync,
) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let one = || {
        let mut violations = Vec::new();
        while let Some(item) = items.get(next.fetch_add(1, Ordering::SeqCst)) {
            // A panic is what a check of the harness says, such as that a secret leaked.
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(item)));
            let result = done.unwrap_or_else(|panic| {
                let text = panic.downcast_ref::<String>().cloned();
                Err(text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default())
            });
            if let Err(violation) = result {
                violations.push(format!("{}: {violation}", said(item)));
            }
        }
        violations
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(one)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a thread of the harness ends")).collect()
    })
}
