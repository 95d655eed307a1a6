//! `cargo xtask test`: the one command that prepares what the tests need and passes them.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::tools;

/// Prepares and runs every test of the workspace.
///
/// # Errors
///
/// Something could not be prepared, or a test failed.
pub fn run(rest: &[String]) -> Result<(), String> {
    let python = virtual_environment()?;
    println!("building the binary under test");
    tools::run(tools::cargo().args(["build", "--package", "trueup"]))?;
    println!("hostile input, optimised and with every check");
    tools::run(
        tools::cargo()
            .args(["test", "--package", "trueup-fuzz", "--profile", "hostile"])
            .args(rest)
            .env("TRUEUP_CASES", "100000"),
    )?;
    println!("running the tests");
    // Lives as long as the tests run; the others start servers of their own.
    let moto = Moto::start(&python)?;
    tools::run(
        tools::cargo()
            .args(["test", "--workspace", "--exclude", "trueup-fuzz", "--no-fail-fast"])
            .args(rest)
            .env("TRUEUP_TEST_PYTHON", &python)
            .env("TRUEUP_TEST_MOTO_URL", &moto.url)
            .env("INSTA_UPDATE", "no")
            .env_remove("INSTA_FORCE_PASS"),
    )
}

/// A moto server on a free port of loopback, for the conformance suite of the AWS crate. It ends when its input does,
/// and so with this process, however that ends.
struct Moto {
    child: Child,
    url: String,
}

impl Moto {
    fn start(python: &Path) -> Result<Self, String> {
        let mut child = Command::new(python)
            .arg(tools::root().join("tests/python/server.py"))
            .arg("moto")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("moto could not be started: {error}"))?;
        let stdout = child.stdout.take().ok_or("moto has no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).map_err(|error| error.to_string())?;
        let url = line.trim().strip_prefix("listening on ").ok_or("moto does not say where it listens")?.to_owned();
        Ok(Self { child, url })
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// A virtual environment with the pinned clients, servers and schemas, made anew when the pins change.
///
/// # Errors
///
/// There is no Python, or a package could not be installed.
pub(crate) fn virtual_environment() -> Result<PathBuf, String> {
    let pins = tools::root().join("tests/python/requirements.txt");
    let wanted =
        std::fs::read_to_string(&pins).map_err(|error| format!("{} could not be read: {error}", pins.display()))?;
    let folder = tools::target().join("test-venv");
    let stamp = folder.join("trueup-pins.txt");
    let python = interpreter(&folder);
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) && python.exists() {
        return Ok(python);
    }
    println!("preparing a virtual environment with moto, ministack, boto3 and cfn-lint");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)
            .map_err(|error| format!("{} could not be removed: {error}", folder.display()))?;
    }
    tools::run(Command::new(system_python()?).args(["-m", "venv"]).arg(&folder))?;
    tools::run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(&pins))?;
    std::fs::write(&stamp, wanted).map_err(|error| format!("{} could not be written: {error}", stamp.display()))?;
    Ok(python)
}

fn interpreter(folder: &Path) -> PathBuf {
    if cfg!(windows) { folder.join("Scripts").join("python.exe") } else { folder.join("bin").join("python") }
}

fn system_python() -> Result<&'static str, String> {
    ["python3", "python"]
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success()))
        .ok_or_else(|| "the tests need Python 3 (with its `venv` module) on the path".to_owned())
}
