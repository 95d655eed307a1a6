//! Runs one command in a process of its own and prints what it cost.
//!
//! The kernel adds up the cost of all children that a process has waited for; a fresh process with one child is the
//! portable way to the cost of just that one, its peak memory included. Of a command that works in several processes, as
//! Terraform does, it is that of the largest; what all of them hold together is looked at while they run, on Linux.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What a command cost.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Its exit code.
    pub code: i32,
    /// User and system time, in seconds.
    pub cpu: f64,
    /// Wall time, in seconds.
    pub wall: f64,
    /// Peak resident memory, in MiB; of several processes, that of the largest.
    pub peak: f64,
    /// The most that all its processes held at a time, in MiB, with what they share counted once; where that was asked for.
    pub together: Option<f64>,
}

/// How often it is looked at what processes hold together.
const LOOK: Duration = Duration::from_millis(50);

/// Runs a command, its output dropped, and prints its cost as JSON.
///
/// # Errors
///
/// It could not be started.
pub fn run(command: &[String], together: bool) -> Result<(), String> {
    let (program, arguments) = command.split_first().ok_or("no command")?;
    let began = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("`{program}` could not be started: {error}"))?;
    let ended = AtomicBool::new(false);
    let first = child.id();
    let (status, wall, most) = std::thread::scope(|scope| {
        let looking = together.then(|| scope.spawn(|| most_held(first, &ended)));
        let status = child.wait();
        let wall = began.elapsed().as_secs_f64();
        ended.store(true, Ordering::Relaxed);
        (status, wall, looking.and_then(|looking| looking.join().ok().flatten()))
    });
    let status = status.map_err(|error| error.to_string())?;
    let (cpu, peak) = usage()?;
    let code = status.code().unwrap_or(-1);
    println!("{}", serde_json::json!({"code": code, "cpu": cpu, "wall": wall, "peak": peak, "together": most}));
    Ok(())
}

/// The most that a process and its descendants hold at a time until they have ended, in MiB.
fn most_held(first: u32, ended: &AtomicBool) -> Option<f64> {
    let mut most: Option<f64> = None;
    while !ended.load(Ordering::Relaxed) {
        if let Some(held) = held(first) {
            most = Some(most.map_or(held, |most| most.max(held)));
        }
        std::thread::sleep(LOOK);
    }
    most
}

/// What a process and its descendants hold, in MiB: the sum of their proportional set sizes, in which a page that several of
/// them share counts once (proc_pid_smaps(5)). `None` where the system does not say.
fn held(process: u32) -> Option<f64> {
    let folder = Path::new("/proc").join(process.to_string());
    let rollup = std::fs::read_to_string(folder.join("smaps_rollup")).ok()?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let own: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    let mut all = own / 1024.0;
    // A child is that of the thread that has started it.
    for thread in std::fs::read_dir(folder.join("task")).ok()?.flatten() {
        let children = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        all += children.split_whitespace().filter_map(|child| held(child.parse().ok()?)).sum::<f64>();
    }
    Some(all)
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
    measure_with(command, &[])
}

/// The same for one that works in several processes: what they hold together, too.
///
/// # Errors
///
/// As [`measure`].
pub fn measure_together(command: &mut Command) -> Result<Cost, String> {
    measure_with(command, &["--together"])
}

fn measure_with(command: &mut Command, options: &[&str]) -> Result<Cost, String> {
    let myself = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut wrapped = Command::new(myself);
    wrapped.arg("measure").args(options).arg("--").arg(command.get_program()).args(command.get_args());
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
        together: json["together"].as_f64(),
    })
}
