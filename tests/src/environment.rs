//! A place for one test: a temporary folder, an environment of its own, and the search for leaks around every run.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::binary::trueup;
use crate::canary::Canaries;
use crate::process::{Background, Run};
use crate::sandbox::Sandbox;

/// The key that every run signs with. It is a secret too, and searched for like the others.
const SIGNING_KEY: &str = "harness-only-signing-key";

/// Where one test happens.
#[derive(Debug)]
pub struct TestEnv {
    // Before the folder that holds its state.
    sandbox: Option<Sandbox>,
    folder: TempDir,
    environment: BTreeMap<String, String>,
    endpoint: Option<String>,
    canaries: Canaries,
}

impl TestEnv {
    /// A place without any cloud.
    pub fn offline() -> Self {
        let folder = tempfile::Builder::new().prefix("trueup-").tempdir().expect("a temporary folder can be made");
        let mut canaries = Canaries::default();
        canaries.plant(SIGNING_KEY);
        canaries.allow(folder.path().join("state"));
        for part in ["home", "stack", "tmp"] {
            fs::create_dir(folder.path().join(part)).expect("a temporary folder can be filled");
        }
        Self { sandbox: None, folder, environment: BTreeMap::new(), endpoint: None, canaries }
    }

    /// A place with a served sandbox whose transient states are short.
    pub fn new() -> Self {
        Self::settling("20ms")
    }

    /// A place with a served sandbox whose transient states last so long.
    pub fn settling(settle: &str) -> Self {
        let mut env = Self::offline();
        let sandbox = Sandbox::serve(&env.state(), settle);
        env.at(&sandbox.url);
        env.sandbox = Some(sandbox);
        env
    }

    /// A place with a sandbox in the test program, which begins with a state.
    pub fn here(state: Option<&[u8]>, settle: Duration) -> Self {
        let mut env = Self::offline();
        if let Some(state) = state {
            fs::create_dir(env.state()).expect("a temporary folder can be filled");
            fs::write(env.state().join("state.json"), state).expect("a temporary folder can be filled");
        }
        let sandbox = Sandbox::here(&env.state(), settle);
        env.at(&sandbox.url);
        env.sandbox = Some(sandbox);
        env
    }

    /// Ends the sandbox, and returns the state that it saves.
    pub fn saved(mut self) -> Vec<u8> {
        self.sandbox.take().map(Sandbox::terminate);
        fs::read(self.state().join("state.json")).expect("a sandbox saves its state when it ends")
    }

    /// A place before an endpoint that somebody else serves.
    pub fn before(endpoint: &str, region: &str) -> Self {
        let mut env = Self::offline();
        env.at(endpoint);
        env.set("AWS_REGION", region);
        env
    }

    fn at(&mut self, endpoint: &str) {
        self.endpoint = Some(endpoint.to_owned());
        self.set("AWS_ACCESS_KEY_ID", "test");
        self.set("AWS_SECRET_ACCESS_KEY", SIGNING_KEY);
        self.set("AWS_REGION", "us-east-1");
    }

    /// The served sandbox.
    pub fn sandbox(&self) -> &Sandbox {
        self.sandbox.as_ref().expect("this test has a sandbox")
    }

    /// The folder in which commands run: the stack's.
    pub fn stack(&self) -> PathBuf {
        self.folder.path().join("stack")
    }

    /// The folder with the sandbox's state.
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// The folder that holds all the others.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Sets a variable for every run.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Takes a variable away.
    pub fn unset(&mut self, name: &str) -> &mut Self {
        self.environment.remove(name);
        self
    }

    /// Sets a variable to a secret that may show nowhere.
    pub fn set_secret(&mut self, name: &str, value: &str) -> &mut Self {
        self.canaries.plant(value);
        self.set(name, value)
    }

    /// Plants a secret that may show nowhere.
    pub fn plant(&mut self, secret: &str) {
        self.canaries.plant(secret);
    }

    /// The planted secrets.
    pub fn canaries(&self) -> &Canaries {
        &self.canaries
    }

    /// Writes a file of the stack. One that holds a planted secret is known as input.
    pub fn write(&mut self, path: &str, text: &str) -> &mut Self {
        let path = self.stack().join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).expect("a temporary folder can be filled");
        }
        fs::write(&path, text).expect("a temporary folder can be filled");
        if self.canaries.find(text.as_bytes()).is_some() {
            self.canaries.allow(path);
        }
        self
    }

    /// Copies a folder into the stack's.
    pub fn copy(&mut self, from: &Path) -> &mut Self {
        let stack = self.stack();
        self.copy_into(from, &stack);
        self
    }

    /// Copies a folder into one below the stack's.
    pub fn copy_as(&mut self, from: &Path, name: &str) -> &mut Self {
        let to = self.stack().join(name);
        self.copy_into(from, &to);
        self
    }

    fn copy_into(&mut self, from: &Path, to: &Path) {
        fs::create_dir_all(to).expect("a temporary folder can be filled");
        for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("cannot read {}: {error}", from.display())) {
            let entry = entry.expect("a folder of the repository can be read");
            let target = to.join(entry.file_name());
            if entry.file_type().expect("a file has a type").is_dir() {
                self.copy_into(&entry.path(), &target);
                continue;
            }
            let text = fs::read(entry.path()).expect("a file of the repository can be read");
            fs::write(&target, &text).expect("a temporary folder can be filled");
            if self.canaries.find(&text).is_some() {
                self.canaries.allow(target);
            }
        }
    }

    /// The program with arguments, in the stack's folder, with nothing inherited.
    pub fn command(&self, program: &Path, args: &[impl AsRef<OsStr>]) -> Command {
        let home = self.folder.path().join("home");
        let mut command = Command::new(program);
        command.args(args).current_dir(self.stack()).env_clear();
        command.env("PATH", "/usr/bin:/bin").env("HOME", &home).env("TMPDIR", self.folder.path().join("tmp"));
        for name in ["CONFIG", "STATE", "CACHE", "DATA"] {
            command.env(format!("XDG_{name}_HOME"), home.join(name.to_lowercase()));
        }
        // Never another machine, not even to ask who we are.
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        if let Some(endpoint) = &self.endpoint {
            command.env("AWS_ENDPOINT_URL", endpoint);
        }
        command.envs(&self.environment);
        command
    }

    /// Starts a run and leaves it running; [`TestEnv::scan`] what comes out.
    pub fn start(&self, args: &[&str]) -> Background {
        Background::start(self.command(trueup(), args), typed(args))
    }

    /// Runs the program to its end, and searches everything that it left behind.
    #[track_caller]
    pub fn run(&self, args: &[&str]) -> Run {
        self.scan(self.start(args).wait())
    }

    /// Runs the program from a shell that has done something before: set a limit, closed a stream.
    #[cfg(unix)]
    #[track_caller]
    pub fn after(&self, first: &str, args: &[&str]) -> Run {
        let line = format!("{first}\nexec \"$0\" \"$@\"");
        let program = trueup().to_string_lossy().into_owned();
        let words: Vec<&str> = ["-c", &line, &program].into_iter().chain(args.iter().copied()).collect();
        let command = self.command(Path::new("/bin/sh"), &words);
        self.scan(Background::start(command, format!("{first}; {}", typed(args))).wait())
    }

    /// Runs the program with words that are separated by spaces.
    #[track_caller]
    pub fn trueup(&self, args: &str) -> Run {
        self.run(&args.split_whitespace().collect::<Vec<_>>())
    }

    /// Runs it with a log of everything, which is searched like the rest of the output.
    #[track_caller]
    pub fn logged(&self, args: &str) -> Run {
        let mut words: Vec<&str> = args.split_whitespace().collect();
        words.push("-vvv");
        self.run(&words)
    }

    /// Searches a run's output and everything that lies in the test's folder for the planted secrets.
    #[track_caller]
    pub fn scan(&self, run: Run) -> Run {
        self.canaries.check(&format!("stdout of `{}`", run.command), run.stdout.as_bytes());
        self.canaries.check(&format!("stderr of `{}`", run.command), run.stderr.as_bytes());
        self.canaries.check_folder(self.folder.path());
        run
    }
}

impl Default for TestEnv {
    fn default() -> Self {
        Self::new()
    }
}

/// A command line as a person would type it.
fn typed(args: &[&str]) -> String {
    let quoted = args.iter().map(|arg| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/=:,*@".contains(&byte);
        if !arg.is_empty() && arg.bytes().all(plain) { (*arg).to_owned() } else { format!("'{arg}'") }
    });
    std::iter::once("trueup".to_owned()).chain(quoted).collect::<Vec<_>>().join(" ")
}
