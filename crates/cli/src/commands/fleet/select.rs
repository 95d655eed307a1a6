//! Which stacks a fleet has: folders, searched where they are none themselves, times environments, times targets.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use trueup_engine::source;

use super::targets::Entry;
use crate::error::CommandError;
use crate::settings::{FleetWhat, Target};

/// One stack in one environment, and as whom and where it is reached, as far as the command line does not say it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aim {
    /// The folder or the manifest.
    pub path: PathBuf,
    /// The environment.
    pub env: String,
    /// The profile.
    pub profile: Option<String>,
    /// The role of resources that name none.
    pub role_arn: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// Variables; they go before those of the command line. They may be secrets.
    pub vars: Vec<(String, String)>,
}

impl Aim {
    /// The stack and its environment.
    pub fn target(&self) -> Target {
        Target { path: self.path.clone(), env: self.env.clone() }
    }

    /// What is known of account and region before the manifest is read.
    fn place(&self) -> (Option<&str>, Option<&str>, Option<&str>) {
        (self.profile.as_deref(), self.role_arn.as_deref(), self.region.as_deref())
    }
}

/// All stacks of a fleet, in the order in which they are listed: as the folders were given and, of each, as the targets
/// stand in their file.
pub fn aims(what: &FleetWhat, entries: Option<&[Entry]>) -> Result<Vec<Aim>, CommandError> {
    let free = entries.is_none_or(|entries| entries.iter().any(|entry| entry.stack.is_none()));
    let mut stacks = Vec::new();
    if !what.dirs.is_empty() || free {
        let here = [PathBuf::from(".")];
        let dirs = if what.dirs.is_empty() { &here[..] } else { &what.dirs };
        for dir in dirs {
            stacks.extend(stacks_in(dir)?);
        }
    }
    let mut seen = BTreeSet::new();
    stacks.retain(|stack| seen.insert(stack.clone()));
    let in_environments = |aim: Aim, env: Option<&String>| -> Vec<Aim> {
        let environments = env.map_or(&what.environments[..], std::slice::from_ref);
        environments.iter().map(|env| Aim { env: env.clone(), ..aim.clone() }).collect()
    };
    let Some(entries) = entries else {
        let bare = stacks.into_iter().map(|path| Aim { path, ..Aim::default() });
        return Ok(once(bare.flat_map(|aim| in_environments(aim, None)).collect()));
    };
    if !free && !what.dirs.is_empty() {
        return Err(CommandError::usage("every target of the file names its stack, and folders were given besides")
            .hint("leave the folders out, or take `stack` out of the targets that are meant for all of them"));
    }
    let of = |path: PathBuf, entry: &Entry| Aim {
        path,
        env: String::new(),
        profile: entry.profile.clone(),
        role_arn: entry.role_arn.clone(),
        region: entry.region.clone(),
        vars: entry.vars.clone(),
    };
    let mut all = Vec::new();
    for stack in &stacks {
        for entry in entries.iter().filter(|entry| entry.stack.is_none()) {
            all.extend(in_environments(of(stack.clone(), entry), entry.env.as_ref()));
        }
    }
    for entry in entries {
        if let Some(stack) = &entry.stack {
            for path in stacks_in(stack)? {
                all.extend(in_environments(of(path, entry), entry.env.as_ref()));
            }
        }
    }
    Ok(once(all))
}

/// Each of them once: the same stack twice at once would be two runs against each other.
fn once(aims: Vec<Aim>) -> Vec<Aim> {
    let mut all: Vec<Aim> = Vec::with_capacity(aims.len());
    let mut seen = HashSet::new();
    for aim in aims {
        let Aim { path, env, profile, role_arn, region, vars } = &aim;
        if seen.insert((path.clone(), env.clone(), profile.clone(), role_arn.clone(), region.clone(), vars.clone())) {
            all.push(aim);
        }
    }
    all
}

/// The stacks that a folder or a file is or has, sorted.
fn stacks_in(dir: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let metadata = std::fs::metadata(dir)
        .map_err(|_| CommandError::usage(format!("there is no folder or file `{}`", dir.display())))?;
    if metadata.is_file() || source::is_stack(dir) {
        return Ok(vec![dir.to_owned()]);
    }
    let mut found = Vec::new();
    search(dir, &mut found)?;
    if found.is_empty() {
        return Err(CommandError::usage(format!("`{}` has no stack, and none below it", dir.display()))
            .hint("a stack is a folder with `trueup.yaml`, or a project of stackql-deploy"));
    }
    Ok(found)
}

/// Adds the stacks below a folder. What is below a stack belongs to it; links are not followed, so that none leads back.
fn search(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), CommandError> {
    let unreadable = |error: std::io::Error| CommandError::file("read", folder, &error);
    let mut below = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name();
        let hidden = name.as_encoded_bytes().starts_with(b".") || name == OsStr::new("node_modules");
        if !hidden && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            below.push(folder.join(name));
        }
    }
    below.sort();
    for folder in below {
        // As it would be typed.
        let folder = folder.strip_prefix(".").map(Path::to_owned).unwrap_or(folder);
        if source::is_stack(&folder) {
            found.push(folder);
        } else {
            search(&folder, found)?;
        }
    }
    Ok(())
}

/// The order in which stacks are begun: one of each account and region in turn, as far as those are known, so that the
/// limits of none of them hold up the others.
pub fn in_turn(aims: &[Aim]) -> Vec<usize> {
    let mut places: HashMap<_, usize> = HashMap::new();
    let mut queues: Vec<Vec<usize>> = Vec::new();
    for (index, aim) in aims.iter().enumerate() {
        let queue = *places.entry(aim.place()).or_insert_with(|| {
            queues.push(Vec::new());
            queues.len() - 1
        });
        queues[queue].push(index);
    }
    let longest = queues.iter().map(Vec::len).max().unwrap_or_default();
    (0..longest).flat_map(|round| queues.iter().filter_map(move |queue| queue.get(round).copied())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{FleetVerb, Tolerance};

    fn what(dirs: &[PathBuf], environments: &[&str]) -> FleetWhat {
        FleetWhat {
            verb: FleetVerb::Plan { exit_code: false },
            dirs: dirs.to_vec(),
            environments: environments.iter().map(|&env| env.to_owned()).collect(),
            targets: None,
            at_once: 1,
            at_once_in_a_place: 1,
            tolerance: Tolerance::Percent(100),
        }
    }

    fn stacks(root: &Path, names: &[&str]) {
        for name in names {
            let file = root.join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "version: 1\n").unwrap();
        }
    }

    fn shown(aims: &[Aim], root: &Path) -> Vec<String> {
        let path = |aim: &Aim| aim.path.strip_prefix(root).unwrap().display().to_string();
        let label = |aim: &Aim| aim.region.clone().map(|region| format!(" {region}")).unwrap_or_default();
        aims.iter().map(|aim| format!("{} {}{}", path(aim), aim.env, label(aim))).collect()
    }

    #[test]
    fn folders_are_searched_down_to_the_first_manifest() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        stacks(
            root,
            &[
                "b/trueup.yaml",
                "b/below/trueup.yaml",
                "a/x/trueup.yml",
                "a/y/stackql_manifest.yml",
                ".git/trueup.yaml",
                "node_modules/trueup.yaml",
                "c/other.yaml",
            ],
        );
        let found = aims(&what(&[root.to_owned()], &["dev"]), None).unwrap();
        assert_eq!(shown(&found, root), ["a/x dev", "a/y dev", "b dev"]);
        // One that is given is a stack whatever it is called, and each counts once.
        let given = [root.join("b"), root.join("c/other.yaml"), root.join("b"), root.join(".git")];
        let found = aims(&what(&given, &["dev", "prod"]), None).unwrap();
        let wanted = ["b dev", "b prod", "c/other.yaml dev", "c/other.yaml prod", ".git dev", ".git prod"];
        assert_eq!(shown(&found, root), wanted);
        for nothing in ["missing", "c"] {
            assert!(aims(&what(&[root.join(nothing)], &["dev"]), None).is_err(), "{nothing}");
        }
    }

    #[test]
    fn a_target_is_for_its_stack_or_for_all_of_them() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        stacks(root, &["a/trueup.yaml", "b/trueup.yaml"]);
        let entry = |stack: Option<&str>, env: Option<&str>, region: &str| Entry {
            stack: stack.map(|stack| root.join(stack)),
            env: env.map(str::to_owned),
            region: Some(region.to_owned()),
            ..Entry::default()
        };
        let entries = [entry(None, None, "r1"), entry(Some("b"), Some("prod"), "r2"), entry(None, Some("test"), "r3")];
        let found = aims(&what(&[root.join("a")], &["dev", "prod"]), Some(&entries)).unwrap();
        assert_eq!(shown(&found, root), ["a dev r1", "a prod r1", "a test r3", "b prod r2"]);
        // Folders that no target is for are a mistake, and without any the targets are enough.
        let bound = &entries[1..2];
        assert!(aims(&what(&[root.join("a")], &["dev"]), Some(bound)).is_err());
        assert_eq!(shown(&aims(&what(&[], &["dev"]), Some(bound)).unwrap(), root), ["b prod r2"]);
    }

    #[test]
    fn places_take_turns() {
        let aim = |region: &str| Aim { region: Some(region.to_owned()), ..Aim::default() };
        let aims = ["a", "a", "a", "b", "c", "c"].map(aim);
        assert_eq!(in_turn(&aims), [0, 3, 4, 1, 5, 2]);
        assert!(in_turn(&[]).is_empty());
    }
}
