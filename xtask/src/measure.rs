//! Runs one command in a process of its own and prints what it cost.
//!
//! The kernel adds up the cost of all children that a process has waited for; a fresh process with one child is the
//! portable way to the cost of just that one, its peak memory included.

use std::process::{Command, Stdio};
use std::time::Instant;

/// What a command cost.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Its exit code.
    pub code: i32,
    /// User and system time, in seconds.
    pub cpu: f64,
    /// Wall time, in seconds.
    pub wall: f64,
    /// Peak resident memory, in MiB.
    pub peak: f64,
}

/// Runs a command, its output dropped, and prints its cost as JSON.
///
/// # Errors
///
/// It could not be started.
pub fn run(command: &[String]) -> Result<(), String> {
    let (program, arguments) = command.split_first().ok_or("no command")?;
    let began = Instant::now();
    let status = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(|error| format!("`{program}` could not be started: {error}"))?;
    let wall = began.elapsed().as_secs_f64();
    let (cpu, peak) = usage()?;
    println!("{}", serde_json::json!({"code": status.code().unwrap_or(-1), "cpu": cpu, "wall": wall, "peak": peak}));
    Ok(())
}

#[cfg(unix)]
fn usage() -> Result<(f64, f64), String> {
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::TimeValLike as _;
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|error| format!("getrusage: {error}"))?;
    let microseconds = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    // Linux counts KiB, macOS bytes (getrusage(2) of each).
    let unit = if cfg!(target_os = "macos") { 1024.0 * 1024.0 } else { 1024.0 };
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    Ok((microseconds as f64 / 1e6, usage.max_rss() as f64 / unit))
}

#[cfg(not(unix))]
fn usage() -> Result<(f64, f64), String> {
    Err("`cargo xtask bench` needs getrusage(2), which this system does not have".to_owned())
}

/// Runs a command in a measuring process.
///
/// # Errors
///
/// It could not be started, or the measuring process gave no figures.
pub fn measure(command: &mut Command) -> Result<Cost, String> {
    let myself = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut wrapped = Command::new(myself);
    wrapped.arg("measure").arg("--").arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(name, value),
            None => wrapped.env_remove(name),
        };
    }
    let output = wrapped.stderr(Stdio::inherit()).output().map_err(|error| error.to_string())?;
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    let number = |name: &str| json[name].as_f64().ok_or_else(|| format!("no `{name}` in the figures"));
    Ok(Cost {
        code: json["code"].as_i64().and_then(|code| i32::try_from(code).ok()).unwrap_or(-1),
        cpu: number("cpu")?,
        wall: number("wall")?,
        peak: number("peak")?,
    })
}
