//! Files that must be whole or not there, and for nobody else to read: saved plans and exports.

use std::io::Write as _;
use std::path::Path;

use crate::error::CommandError;

/// Writes a file by way of a temporary one beside it: mode 0600, on disk before it gets its name.
pub fn write_private(path: &Path, text: &str) -> Result<(), CommandError> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let failed = |error: std::io::Error| CommandError::file("write", path, &error);
    // `tempfile` creates with mode 0600.
    let mut file = tempfile::Builder::new().prefix(".trueup-").tempfile_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    // The name is only on disk when the folder is; not every file system can say so.
    if let Ok(folder) = std::fs::File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_private_and_replaced_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plan.json");
        write_private(&path, "one").unwrap();
        write_private(&path, "two").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let error = write_private(&dir.path().join("no/plan.json"), "x").unwrap_err();
        assert!(error.message.starts_with("cannot write"), "{error}");
    }
}
