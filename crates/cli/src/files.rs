//! Files that must be whole or not there. Saved plans and exports are for nobody else to read; a manifest that is written
//! is never in the place of another one.

use std::io::{self, Write as _};
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

use crate::error::CommandError;

/// Writes a file by way of a temporary one beside it: mode 0600, on disk before it gets its name. What is no file, such as
/// a pipe or `/dev/null`, is written to and never replaced; of a link, what it points to is replaced.
pub fn write_private(path: &Path, text: &str) -> Result<(), CommandError> {
    let there = std::fs::metadata(path).ok();
    if there.as_ref().is_some_and(|there| !there.is_file() && !there.is_dir()) {
        let opened = std::fs::OpenOptions::new().write(true).open(path);
        return opened.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| failed(path, &error));
    }
    let target = there.and_then(|_| path.canonicalize().ok());
    let target = target.as_deref().unwrap_or(path);
    // `tempfile` creates with mode 0600.
    let file = beside(target, text, &Builder::new()).map_err(|error| failed(path, &error))?;
    file.persist(target).map_err(|error| failed(path, &error.error))?;
    kept(target);
    Ok(())
}

/// Writes a file that was not there before, in the same way, with the mode that other new files get. `there` makes the
/// error of one that is there.
pub fn write_new(path: &Path, text: &str, there: impl FnOnce() -> CommandError) -> Result<(), CommandError> {
    // It is looked for first, so that nothing else is complained about. The end decides.
    if path.exists() {
        return Err(there());
    }
    let mut builder = Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // The process's own mask is applied to it.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let file = beside(path, text, &builder).map_err(|error| failed(path, &error))?;
    file.persist_noclobber(path).map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => there(),
        _ => failed(path, &error.error),
    })?;
    kept(path);
    Ok(())
}

/// A temporary file in the folder of another one, whole and on disk.
fn beside(path: &Path, text: &str, builder: &Builder<'_, '_>) -> io::Result<NamedTempFile> {
    let mut builder = builder.clone();
    let mut file = builder.prefix(".trueup-").tempfile_in(folder(path))?;
    file.as_file_mut().write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The name is only on disk when the folder is; not every file system can say so.
fn kept(path: &Path) {
    if let Ok(folder) = std::fs::File::open(folder(path)) {
        let _ = folder.sync_all();
    }
}

fn failed(path: &Path, error: &io::Error) -> CommandError {
    use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    // `tempfile` names its own file in its errors; the one that was asked for is what people know.
    let plain = match error.kind() {
        kind @ (NotADirectory | NotFound | PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull)
            if error.raw_os_error().is_none() =>
        {
            Some(io::Error::from(kind))
        }
        _ => None,
    };
    CommandError::file("write", path, plain.as_ref().unwrap_or(error))
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
        assert!(error.message.starts_with("cannot write") && !error.message.contains(".trueup-"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_written_to_and_a_link_stays_one() {
        use std::os::unix::fs::{FileTypeExt as _, symlink};
        let dir = tempfile::tempdir().unwrap();
        let [pipe, file, link] = ["pipe", "file", "link"].map(|name| dir.path().join(name));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || std::fs::read_to_string(pipe).unwrap()
        });
        write_private(&pipe, "one").unwrap();
        assert_eq!(reader.join().unwrap(), "one");
        assert!(std::fs::metadata(&pipe).unwrap().file_type().is_fifo());
        std::fs::write(&file, "before").unwrap();
        symlink(&file, &link).unwrap();
        write_private(&link, "two").unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "two");
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn a_new_file_is_like_others_and_takes_no_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trueup.yaml");
        let there = || CommandError::usage("it is there");
        write_new(&path, "one", there).unwrap();
        assert_eq!(write_new(&path, "two", there).unwrap_err().message, "it is there");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let other = dir.path().join("other");
            std::fs::write(&other, "").unwrap();
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode(&path), mode(&other));
        }
    }
}
