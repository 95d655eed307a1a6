//! Python: boto3 as a client that we did not write, and moto and ministack as servers that we did not write.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::binary::repository;

/// The interpreter that has what `tests/python/requirements.txt` says.
///
/// `None` only where the tests with Python were switched off on purpose.
pub fn interpreter() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("TRUEUP_TEST_PYTHON") {
        return Some(PathBuf::from(path));
    }
    if std::env::var_os("TRUEUP_TEST_SKIP_PYTHON").is_some_and(|it| it == "1") {
        eprintln!("skipped: TRUEUP_TEST_SKIP_PYTHON=1");
        return None;
    }
    panic!(
        "this test needs Python with boto3: run `cargo xtask test`, which makes a virtual environment and sets \
         TRUEUP_TEST_PYTHON; or set TRUEUP_TEST_SKIP_PYTHON=1 to do without these tests"
    );
}

fn folder() -> PathBuf {
    repository().join("tests/python")
}

fn python(python: &Path, script: &Path) -> Command {
    let mut command = Command::new(python);
    // No bytecode beside the scripts, no settings of the person who runs the tests.
    command.env_clear().env("PATH", "/usr/bin:/bin").arg("-B").arg("-s").arg(script);
    command
}

/// Runs a script to its end, with a text on its stdin, and returns its stdout.
#[track_caller]
pub fn script(interpreter: &Path, script: &Path, args: &[impl AsRef<OsStr>], stdin: &str) -> String {
    let mut command = python(interpreter, script);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {}: {error}", interpreter.display()));
    let mut pipe = child.stdin.take().expect("stdin is a pipe");
    let text = stdin.to_owned();
    let writer = thread::spawn(move || pipe.write_all(text.as_bytes()));
    let output = child.wait_with_output().expect("a child can be waited for");
    let _ = writer.join();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} failed:\n{stderr}", script.display());
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Calls AWS operations through boto3, in order. Each answer is the operation's output, or `{"error": CODE, …}`.
#[track_caller]
pub fn boto3(interpreter: &Path, endpoint: &str, region: &str, calls: &Value) -> Vec<Value> {
    let out = script(interpreter, &folder().join("calls.py"), &[endpoint, region], &calls.to_string());
    serde_json::from_str(&out).expect("calls.py prints a JSON list")
}

/// Runs a command on a terminal of so many columns, and returns the exit code and what the terminal showed.
#[track_caller]
pub fn terminal(interpreter: &Path, columns: u16, command: &Command, typed: &str) -> (i32, String) {
    let words: Vec<String> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let environment: Value = command
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_string_lossy().into_owned(), value?.to_string_lossy().into())))
        .collect::<serde_json::Map<String, Value>>()
        .into();
    let folder_of_command = command.get_current_dir().map(|path| path.display().to_string());
    let order = serde_json::json!({
        "columns": columns, "command": words, "environment": environment, "folder": folder_of_command, "typed": typed,
    });
    let no_args: [&str; 0] = [];
    let out = script(interpreter, &folder().join("terminal.py"), &no_args, &order.to_string());
    let out: Value = serde_json::from_str(&out).expect("terminal.py prints a JSON document");
    let code = out["code"].as_i64().and_then(|code| i32::try_from(code).ok()).expect("terminal.py says the exit code");
    (code, out["screen"].as_str().unwrap_or_default().to_owned())
}

/// An emulator that somebody else wrote, in a child process that ends with the test program.
#[derive(Debug)]
pub struct Emulator {
    /// Its name in `emulators.yaml`.
    pub name: &'static str,
    /// Where it listens.
    pub url: String,
    // The server ends when its stdin does, so even a killed test program leaves none behind.
    _stdin: ChildStdin,
    _child: Child,
}

/// moto, started at the first call.
pub fn moto(interpreter: &Path) -> &'static Emulator {
    static SERVER: OnceLock<Emulator> = OnceLock::new();
    SERVER.get_or_init(|| Emulator::start(interpreter, "moto"))
}

/// ministack, started at the first call.
pub fn ministack(interpreter: &Path) -> &'static Emulator {
    static SERVER: OnceLock<Emulator> = OnceLock::new();
    SERVER.get_or_init(|| Emulator::start(interpreter, "ministack"))
}

impl Emulator {
    fn start(interpreter: &Path, name: &'static str) -> Self {
        let mut child = python(interpreter, &folder().join("server.py"))
            .arg(name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let stdin = child.stdin.take().expect("stdin is a pipe");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        let (said, hear) = mpsc::channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = said.send(line);
            }
        });
        let line = hear.recv_timeout(Duration::from_mins(1)).unwrap_or_default();
        let Some(url) = line.strip_prefix("listening on ") else {
            panic!("{name} does not say where it listens, but {line:?}");
        };
        Self { name, url: url.to_owned(), _stdin: stdin, _child: child }
    }
}
