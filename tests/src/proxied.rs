//! Runs through a proxy that acts on them at a request of its choice.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use trueup_sandbox::proxy::{self, Act, Asked, Client, Entry, Options, Order, Running};

use crate::binary::trueup;
use crate::environment::TestEnv;
use crate::process::{Background, Process, Run};

/// The runtime of everything that runs in the test program.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("a runtime can be started")
    })
}

/// A run that went through a proxy.
#[derive(Debug)]
pub struct Proxied {
    /// The run.
    pub run: Run,
    /// What it asked, and what was done.
    pub history: Vec<Entry>,
}

/// The program, as a proxy holds it.
struct Held {
    process: Mutex<Option<Process>>,
    signal: &'static str,
}

impl Held {
    fn process(&self) -> Option<Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Client for Held {
    fn is_idle(&self) -> bool {
        self.process().is_some_and(|process| process.is_idle())
    }

    fn kill(&self) {
        self.process().map(|process| process.kill());
    }

    fn signal(&self) {
        self.process().map(|process| process.signal(self.signal));
    }
}

/// One of several runs at once.
#[derive(Debug, Clone, Copy)]
pub struct Racer<'a> {
    /// The access key that it signs with.
    pub name: &'a str,
    /// The arguments.
    pub args: &'a [&'a str],
    /// Variables beside those of the place.
    pub variables: &'a [(&'a str, &'a str)],
}

/// Several programs at once, to which nothing is done.
struct All(Vec<Mutex<Option<Process>>>);

impl Client for All {
    fn is_idle(&self) -> bool {
        let idle = |place: &Mutex<Option<Process>>| {
            let process = place.lock().unwrap_or_else(PoisonError::into_inner).clone();
            process.is_some_and(|process| process.is_idle())
        };
        self.0.iter().all(idle)
    }

    fn living(&self) -> usize {
        let lives = |place: &&Mutex<Option<Process>>| {
            let process = place.lock().unwrap_or_else(PoisonError::into_inner).clone();
            process.is_none_or(|process| process.ended().is_none())
        };
        self.0.iter().filter(lives).count()
    }

    fn kill(&self) {}

    fn signal(&self) {}
}

impl TestEnv {
    /// Runs the program through a proxy, and searches everything that it left behind. `signal` is the one that
    /// [`Act::Signal`] sends.
    pub fn through(
        &self,
        args: &[&str],
        order: Order,
        signal: &'static str,
        script: impl Fn(Asked<'_>) -> Act + Send + Sync + 'static,
    ) -> Proxied {
        let (background, proxy) = self.start_through(args, order, signal, script);
        let run = self.scan(background.wait());
        Proxied { run, history: proxy.history() }
    }

    /// Runs the program through a proxy that does nothing but wait before each round for longer than the program's own
    /// shortest pauses, so that all that follows upon one round is in the next.
    pub fn in_rounds(&self, args: &[&str], order: Order) -> Proxied {
        let options = Options { order, still: Duration::from_millis(25), ..Options::before(&self.sandbox().url) };
        let (background, proxy) = self.start_behind(args, "INT", options);
        let run = self.scan(background.wait());
        Proxied { run, history: proxy.history() }
    }

    /// Starts the program behind a proxy, and leaves it running; [`TestEnv::scan`] what comes out.
    pub fn start_through(
        &self,
        args: &[&str],
        order: Order,
        signal: &'static str,
        script: impl Fn(Asked<'_>) -> Act + Send + Sync + 'static,
    ) -> (Background, Running) {
        let options = Options { order, script: Box::new(script), ..Options::before(&self.sandbox().url) };
        self.start_behind(args, signal, options)
    }

    /// Runs the program several times at once, in one account, while a seed says who goes next. Each run has a name, which is
    /// its access key, variables of its own, and arguments.
    pub fn race(&self, runs: &[Racer<'_>], seed: u64, still: Duration) -> (Vec<Run>, Vec<Entry>) {
        let all = Arc::new(All(runs.iter().map(|_| Mutex::default()).collect()));
        let options = Options {
            order: Order::Turns(seed),
            still,
            client: Arc::<All>::clone(&all),
            ..Options::before(&self.sandbox().url)
        };
        let proxy = runtime().block_on(proxy::start(options)).expect("loopback has a free port");
        let mut started = Vec::new();
        for (racer, place) in runs.iter().zip(&all.0) {
            let mut command = self.command(trueup(), racer.args);
            command.env("AWS_ENDPOINT_URL", proxy.url()).env("AWS_ACCESS_KEY_ID", racer.name);
            command.envs(racer.variables.iter().copied());
            let background = Background::start(command, format!("{}: trueup {}", racer.name, racer.args.join(" ")));
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(background.process());
            started.push(background);
        }
        let ended = started.into_iter().map(|background| self.scan(background.wait())).collect();
        (ended, proxy.history())
    }

    fn start_behind(&self, args: &[&str], signal: &'static str, options: Options) -> (Background, Running) {
        let held = Arc::new(Held { process: Mutex::default(), signal });
        let options = Options { client: Arc::<Held>::clone(&held), ..options };
        let proxy = runtime().block_on(proxy::start(options)).expect("loopback has a free port");
        let mut command = self.command(trueup(), args);
        command.env("AWS_ENDPOINT_URL", proxy.url());
        let background = Background::start(command, format!("trueup {}", args.join(" ")));
        *held.process.lock().unwrap_or_else(PoisonError::into_inner) = Some(background.process());
        (background, proxy)
    }
}
