//! Child processes, bounded in time and ended by their own handle.

use std::fs;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The longest that any one command of the tests may take.
const LONGEST: Duration = Duration::from_secs(150);

/// A run that has ended.
#[derive(Debug)]
pub struct Run {
    /// What was typed.
    pub command: String,
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Everything on stdout.
    pub stdout: String,
    /// Everything on stderr.
    pub stderr: String,
}

impl Run {
    /// Whether it ended with this code; what it printed otherwise.
    pub fn ended(&self, code: i32) -> Result<&Self, String> {
        if self.code == Some(code) { Ok(self) } else { Err(format!("expected exit code {code}: {self}")) }
    }

    /// Expects an exit code.
    #[track_caller]
    pub fn expect(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// Stdout as the one JSON document that it has to be.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("stdout is no JSON document ({error}): {self}"))
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { command, code, stdout, stderr } = self;
        // A log of everything is long, and its end says most.
        let from = stderr.char_indices().rev().nth(6000).map_or(0, |(at, _)| at);
        let stderr = &stderr[from..];
        write!(f, "\n$ {command}\nexit code {code:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

/// A child process; dropping it ends it.
#[derive(Debug)]
pub struct Background {
    command: String,
    child: Arc<Mutex<Child>>,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
    started: Instant,
}

impl Background {
    /// Starts a command whose output is collected.
    pub fn start(mut command: Command, typed: String) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start `{typed}`: {error}"));
        let stdout = child.stdout.take().map(collect);
        let stderr = child.stderr.take().map(collect);
        Self { command: typed, child: Arc::new(Mutex::new(child)), stdout, stderr, started: Instant::now() }
    }

    /// The process itself, for those who act on it while somebody waits for its end.
    pub fn process(&self) -> Process {
        Process(Arc::clone(&self.child))
    }

    /// Ends it at once, as `kill -9` does.
    pub fn kill(mut self) -> Run {
        let status = self.process().kill();
        self.collected(status)
    }

    /// Sends a signal by its name, to this process only.
    pub fn signal(&self, name: &str) {
        assert!(self.process().signal(name), "cannot send {name} to `{}`", self.command);
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.process().ended().is_some()
    }

    /// Waits for the end.
    pub fn wait(self) -> Run {
        self.measured().0
    }

    /// Waits for the end. The most memory that it had in KiB, where the system tells: it is looked at every few
    /// milliseconds, and the number that is looked at only grows.
    pub fn measured(mut self) -> (Run, Option<u64>) {
        let mut peak = None;
        loop {
            peak = self.process().peak().or(peak);
            if let Some(status) = self.process().ended() {
                return (self.collected(status), peak);
            }
            if self.started.elapsed() > LONGEST {
                let status = self.process().kill();
                let run = self.collected(status);
                panic!("ended after {} s: {run}", LONGEST.as_secs());
            }
            thread::sleep(Duration::from_millis(4));
        }
    }

    fn collected(&mut self, status: ExitStatus) -> Run {
        let text = |thread: Option<JoinHandle<Vec<u8>>>| {
            let bytes = thread.and_then(|thread| thread.join().ok()).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        Run {
            command: self.command.clone(),
            code: status.code(),
            stdout: text(self.stdout.take()),
            stderr: text(self.stderr.take()),
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.process().kill();
    }
}

/// A running process.
#[derive(Debug, Clone)]
pub struct Process(Arc<Mutex<Child>>);

impl Process {
    fn child(&self) -> MutexGuard<'_, Child> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends it at once, and waits until it has ended.
    pub fn kill(&self) -> ExitStatus {
        let mut child = self.child();
        let _ = child.kill();
        child.wait().expect("a child can be waited for")
    }

    /// Sends a signal by its name; whether it could be sent.
    pub fn signal(&self, name: &str) -> bool {
        // Held, so that its number stays its own.
        let child = self.child();
        let mut kill = Command::new("kill");
        kill.arg(format!("-{name}")).arg(child.id().to_string()).stderr(Stdio::null());
        kill.status().is_ok_and(|status| status.success())
    }

    /// How it ended, where it has.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.child().try_wait().expect("a child can be waited for")
    }

    /// The most memory that it has had until now, in KiB. Nothing once it has ended, or where the system does not tell.
    pub fn peak(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child().id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().trim_end_matches(" kB").trim().parse().ok()
    }

    /// Whether each of its threads waits for something, as far as the system tells.
    pub fn is_idle(&self) -> bool {
        let threads = format!("/proc/{}/task", self.child().id());
        let Ok(threads) = fs::read_dir(threads) else { return true };
        // The state stands behind the name, which may hold anything.
        let state = |text: &str| text.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        let works = |text: &str| matches!(state(text), Some('R' | 'D'));
        !threads
            .filter_map(Result::ok)
            .any(|thread| fs::read_to_string(thread.path().join("stat")).is_ok_and(|text| works(&text)))
    }
}

fn collect(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        bytes
    })
}
