//! `cargo xtask release`: what is shipped, built so that anybody gets the same bytes.
//!
//! The program is built with the `dist` profile from what is committed. No path of this machine gets into it, nor the time:
//! the sources, cargo's registry and the standard library are called by fixed names. The list of its dependencies is in it
//! (`cargo auditable`), and beside it lie a bill of materials (CycloneDX) and the hashes. `--verify` builds twice, from
//! different folders into different folders, and compares.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tools;

/// Builds with the list of dependencies in the program.
const AUDITABLE: (&str, &str) = ("cargo-auditable", "0.7.7");
/// Writes the bill of materials.
const CYCLONEDX: (&str, &str) = ("cargo-cyclonedx", "0.5.9");

/// The most that the program may have on Linux, in bytes. Elsewhere it has tables for unwinding.
const LARGEST: u64 = 20_000_000;

/// How to release.
#[derive(clap::Args)]
pub struct Options {
    /// Build twice, from different folders into different folders, and compare before anything is shipped.
    #[arg(long)]
    verify: bool,
    /// The platform to build for, such as `x86_64-unknown-linux-musl`; without it this one.
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
}

/// Builds what is shipped into `release-of` below the target folder; where that is asked for, twice, and compares.
///
/// # Errors
///
/// There are no sources of a commit, a tool could not be installed, a build failed, the program is too large, or two builds
/// differ.
pub fn run(options: &Options) -> Result<(), String> {
    let triple = options.target.clone().map_or_else(host, Ok)?;
    let auditable = install(AUDITABLE)?;
    let folder = tools::target().join("release-of").join(&triple);
    let first = Build { place: folder.join("1"), triple: &triple, auditable: &auditable };
    let binary = first.run()?;
    if options.verify {
        // Of another length too, so that a path that is cut or padded shows.
        let second = Build { place: folder.join("elsewhere").join("2"), ..first };
        verify((&first, &binary), (&second, &second.run()?))?;
    }
    let shipped = folder.join("shipped");
    empty(&shipped)?;
    let name = format!("trueup-{triple}{}", suffix(&triple));
    copy(&binary, &shipped.join(&name))?;
    let size = size(&binary)?;
    if size > LARGEST && triple.contains("linux") {
        return Err(format!("the program has {size} bytes, more than {LARGEST}"));
    }
    let bill = format!("trueup-{triple}.cdx.json");
    bill_of_materials(&first.sources(), &triple, &shipped.join(&bill))?;
    let mut sums = String::new();
    for name in [&name, &bill] {
        let _ = writeln!(sums, "{}  {name}", sha256(&shipped.join(name))?);
    }
    write(&shipped.join("SHA256SUMS"), &sums)?;
    println!("{sums}{size} bytes, in {}", shipped.display());
    Ok(())
}

/// A build of the committed sources in a place of its own.
struct Build<'a> {
    place: PathBuf,
    triple: &'a str,
    auditable: &'a Path,
}

impl Build<'_> {
    fn sources(&self) -> PathBuf {
        self.place.join("sources")
    }

    fn target(&self) -> PathBuf {
        self.place.join("target")
    }

    /// Builds from nothing, and returns the program.
    fn run(&self) -> Result<PathBuf, String> {
        let (sources, target) = (self.sources(), self.target());
        empty(&sources)?;
        empty(&target)?;
        committed(&sources)?;
        let flags = flags(&sources, &target)?;
        // What a build script compiles says where it stands, too.
        let mapped: Vec<String> = flags.iter().map(|(from, to)| format!("-ffile-prefix-map={from}={to}")).collect();
        let mapped = mapped.join(" ");
        let remapped: Vec<String> = flags.iter().map(|(from, to)| format!("--remap-path-prefix={from}={to}")).collect();
        let mut command = Command::new(self.auditable);
        command
            .current_dir(&sources)
            .args([
                "auditable",
                "build",
                "--profile",
                "dist",
                "--locked",
                "--package",
                "trueup",
                "--target",
                self.triple,
            ])
            .env("CARGO_ENCODED_RUSTFLAGS", remapped.join("\u{1f}"))
            .env("CARGO_TARGET_DIR", &target)
            .env("CARGO_INCREMENTAL", "0")
            .env("SOURCE_DATE_EPOCH", tools::text(git(&["log", "-1", "--format=%ct"]))?)
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            // What another build was told is not this one's.
            .env_remove("RUSTFLAGS")
            .env_remove("RUSTC_WRAPPER")
            .env_remove("CARGO_BUILD_TARGET");
        // Microsoft's compiler has no such option.
        if !self.triple.contains("msvc") {
            command.env("CFLAGS", &mapped).env("CXXFLAGS", &mapped);
        }
        tools::run(&mut command)?;
        Ok(target.join(self.triple).join("dist").join(format!("trueup{}", suffix(self.triple))))
    }
}

/// Which paths are called by which names.
fn flags(sources: &Path, target: &Path) -> Result<Vec<(String, &'static str)>, String> {
    let home = match std::env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => std::env::home_dir().ok_or("there is no home folder")?.join(".cargo"),
    };
    let sysroot = tools::text(Command::new("rustc").args(["--print", "sysroot"]))?;
    let library = Path::new(&sysroot).join("lib/rustlib/src/rust");
    let shown = |path: &Path| path.display().to_string();
    // Of several that fit the last one counts.
    Ok(vec![
        (shown(&home), "/cargo"),
        (shown(&library), "/rust"),
        (shown(target), "/target"),
        (shown(sources), "/trueup"),
    ])
}

/// Compares two builds, and says where they differ.
fn verify((first, one): (&Build<'_>, &Path), (second, other): (&Build<'_>, &Path)) -> Result<(), String> {
    let hashes = (sha256(one)?, sha256(other)?);
    let (one, other) = (read(one)?, read(other)?);
    println!("{}  from {}\n{}  from {}", hashes.0, first.place.display(), hashes.1, second.place.display());
    println!("{} bytes", one.len());
    for (build, bytes) in [(first, &one), (second, &other)] {
        let left: Vec<String> = flags(&build.sources(), &build.target())?
            .into_iter()
            .map(|(path, _)| path)
            .filter(|it| contains(bytes, it))
            .collect();
        if !left.is_empty() {
            return Err(format!("the program names {}", left.join(" and ")));
        }
    }
    match difference(&one, &other) {
        None => Ok(()),
        Some(where_) => Err(format!("two builds of one commit differ {where_}")),
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Where two programs differ: the first byte, and what is readable around it.
fn difference(one: &[u8], other: &[u8]) -> Option<String> {
    if one == other {
        return None;
    }
    let at = one.iter().zip(other).position(|(a, b)| a != b).unwrap_or(one.len().min(other.len()));
    let count = one.iter().zip(other).filter(|(a, b)| a != b).count();
    let around = |bytes: &[u8]| {
        let part = &bytes[at.saturating_sub(40).min(bytes.len())..(at + 40).min(bytes.len())];
        part.iter().map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' }).collect::<String>()
    };
    let (a, b) = (around(one), around(other));
    Some(format!("at byte {at}, in {count} bytes, of {} and {} in all:\n{a}\n{b}", one.len(), other.len()))
}

/// Writes the bill of materials of the program: what is linked into it for a platform, with licences and hashes.
fn bill_of_materials(sources: &Path, triple: &str, to: &Path) -> Result<(), String> {
    let tool = install(CYCLONEDX)?;
    let manifest = sources.join("crates/cli/Cargo.toml");
    tools::run(
        Command::new(tool)
            .current_dir(sources)
            .args(["cyclonedx", "--format", "json", "--spec-version", "1.5", "--target", triple, "--no-build-deps"])
            .args(["--override-filename", "bill", "--manifest-path"])
            .arg(&manifest)
            // Neither a number that is drawn nor the time of the day.
            .env("SOURCE_DATE_EPOCH", tools::text(git(&["log", "-1", "--format=%ct"]))?),
    )?;
    let written = read(&sources.join("crates/cli/bill.json"))?;
    // Crates of ours are called by where they lie.
    let bill = String::from_utf8_lossy(&written).replace(&sources.display().to_string(), "/trueup");
    let document: serde_json::Value =
        serde_json::from_str(&bill).map_err(|error| format!("the bill of materials is no JSON: {error}"))?;
    let components = document["components"].as_array().map_or(0, Vec::len);
    if document["bomFormat"] != "CycloneDX" || components == 0 {
        return Err("the bill of materials is empty".to_owned());
    }
    println!("{components} components in the bill of materials");
    write(to, &bill)
}

/// A tool of a version, installed below the target folder unless it is there.
///
/// # Errors
///
/// It could not be installed.
pub fn install((name, version): (&str, &str)) -> Result<PathBuf, String> {
    let root = tools::target().join("tools");
    let program = root.join("bin").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let list = root.join(".crates.toml");
    let installed = fs::read_to_string(list).is_ok_and(|list| list.contains(&format!("\"{name} {version} ")));
    if installed && program.exists() {
        return Ok(program);
    }
    println!("installing {name} {version}");
    let mut command = tools::cargo();
    command.args(["install", name, "--version", version, "--locked", "--force", "--quiet", "--root"]).arg(&root);
    tools::run(command.arg("--target-dir").arg(tools::target().join("tools-target")))?;
    Ok(program)
}

/// Puts the sources of the last commit into a folder.
fn committed(folder: &Path) -> Result<(), String> {
    let archive = folder.join("sources.tar");
    tools::run(git(&["archive", "--format=tar", "--output"]).arg(&archive).arg("HEAD"))?;
    tools::run(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(folder))?;
    fs::remove_file(&archive).map_err(|error| format!("{} could not be removed: {error}", archive.display()))
}

fn git(args: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.current_dir(tools::root()).args(args);
    command
}

/// This platform.
fn host() -> Result<String, String> {
    let said = tools::text(Command::new("rustc").arg("-vV"))?;
    let line = said.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(str::to_owned).ok_or_else(|| "rustc does not say what its host is".to_owned())
}

/// What programs of a platform end with.
fn suffix(triple: &str) -> &'static str {
    if triple.contains("windows") { ".exe" } else { "" }
}

/// The hash of a file, as `sha256sum` prints it.
fn sha256(path: &Path) -> Result<String, String> {
    use sha2::Digest as _;
    let hash = sha2::Sha256::digest(read(path)?);
    Ok(hash.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

fn empty(folder: &Path) -> Result<(), String> {
    let said = |error: std::io::Error| format!("{} could not be emptied: {error}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(said)?;
    }
    fs::create_dir_all(folder).map_err(said)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{} could not be read: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{} could not be written: {error}", path.display()))
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    fs::copy(from, to).map(drop).map_err(|error| format!("{} could not be copied: {error}", from.display()))
}

fn size(path: &Path) -> Result<u64, String> {
    fs::metadata(path).map(|it| it.len()).map_err(|error| format!("{} could not be read: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_programs_differ_where_they_do() {
        assert_eq!(difference(b"same", b"same"), None);
        let said = difference(b"built in /one/place", b"built in /two/place").unwrap();
        assert!(said.starts_with("at byte 10, in 3 bytes, of 19 and 19 in all:\n"), "{said}");
        assert!(said.contains("built.in./one/place\nbuilt.in./two/place"), "{said}");
        assert!(difference(b"longer", b"long").unwrap().starts_with("at byte 4, in 0 bytes, of 6 and 4"));
    }

    #[test]
    fn no_path_of_the_machine_is_left() {
        let flags = flags(Path::new("/a/sources"), Path::new("/a/target")).unwrap();
        let names: Vec<&str> = flags.iter().map(|(_, to)| *to).collect();
        assert_eq!(names, ["/cargo", "/rust", "/target", "/trueup"]);
        assert!(contains(b"panicked at /a/sources/x.rs", &flags[3].0) && !contains(b"/trueup/x.rs", &flags[3].0));
    }

    #[test]
    fn no_crate_of_ours_may_be_unsafe() {
        let root = tools::root();
        let read = |path: &Path| fs::read_to_string(path).unwrap();
        let workspace = read(&root.join("Cargo.toml"));
        let lints = workspace.split_once("[workspace.lints.rust]\n").unwrap().1.split("\n[").next().unwrap();
        assert!(lints.lines().any(|line| line == "unsafe_code = \"forbid\""), "{lints}");
        let metadata = tools::cargo().args(["metadata", "--no-deps", "--format-version", "1", "--offline"]).output();
        let metadata: serde_json::Value = serde_json::from_slice(&metadata.unwrap().stdout).unwrap();
        let packages = metadata["packages"].as_array().unwrap();
        assert!(packages.len() >= 8, "{packages:?}");
        for package in packages {
            let path = Path::new(package["manifest_path"].as_str().unwrap());
            // What libfuzzer's macro makes is not ours, so that crate says it where its own code is.
            let forbids = match package["name"].as_str().unwrap() {
                "trueup-fuzz" => read(&path.with_file_name("src").join("lib.rs")).contains("#![forbid(unsafe_code)]"),
                _ => read(path).contains("\n[lints]\nworkspace = true\n"),
            };
            assert!(forbids, "{} does not forbid unsafe code", package["name"]);
        }
    }

    #[test]
    fn a_hash_is_what_sha256sum_prints() {
        let path = std::env::temp_dir().join(format!("trueup-release-{}", std::process::id()));
        write(&path, "abc").unwrap();
        let hash = sha256(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
