//! Where the program keeps what it keeps: the cache, what has to stay, and the sandbox's state.

use std::path::{Path, PathBuf};

use super::Environment;
use crate::error::CommandError;

/// The state that `sandbox reset` and `dump` are about: named by either option, or the one that `--sandbox` uses.
pub(super) fn state(
    given: Option<PathBuf>,
    sandbox: Option<&Path>,
    environment: &Environment,
) -> Result<PathBuf, CommandError> {
    given.or_else(|| sandbox.map(Path::to_owned)).map_or_else(|| sandbox_home(environment), Ok)
}

/// Where what can be fetched again is kept.
pub(super) fn cache_home(environment: &Environment) -> Option<PathBuf> {
    let base = if cfg!(windows) {
        environment.filled("LOCALAPPDATA").map(PathBuf::from)
    } else {
        let named = environment.filled("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let below = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
        named.or_else(|| environment.filled("HOME").map(|home| PathBuf::from(home).join(below)))
    };
    base.map(|base| base.join(if cfg!(windows) { "trueup/cache" } else { "trueup" }))
}

/// Where what has to stay is kept.
pub(super) fn state_home(environment: &Environment) -> Option<PathBuf> {
    let home = || environment.filled("HOME").map(PathBuf::from);
    let base = if cfg!(windows) {
        environment.filled("LOCALAPPDATA").map(PathBuf::from)
    } else {
        let named = environment.filled("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        named.or_else(|| {
            home().map(|home| {
                home.join(if cfg!(target_os = "macos") { "Library/Application Support" } else { ".local/state" })
            })
        })
    };
    base.map(|base| base.join("trueup"))
}

/// Where the sandbox keeps its state when no folder is named.
pub(super) fn sandbox_home(environment: &Environment) -> Result<PathBuf, CommandError> {
    state_home(environment).map(|state| state.join("sandbox")).ok_or_else(|| {
        CommandError::usage("there is no home folder for the sandbox's state").hint("name a folder: `--sandbox=DIR`")
    })
}
