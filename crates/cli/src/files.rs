//! Files that must be whole or not there. Saved plans and exports are for nobody else to read; a manifest that is written
//! is never in the place of another one.

use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use tempfile::{Builder, NamedTempFile};

use crate::error::CommandError;

/// How long a pipe may take to be read.
const LONGEST_WRITE: Duration = Duration::from_secs(10);

/// Writes a file by way of a temporary one beside it: mode 0600, on disk before it gets its name. What is no file, such as
/// a pipe or what `/dev/stdout` stands for, is written to and never replaced; of a link, what it points to is replaced.
pub fn write_private(path: &Path, text: &str) -> Result<(), CommandError> {
    let error = |error| failed(path, &error);
    let there = match std::fs::metadata(path) {
        Ok(there) => Some(there),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(why) => return Err(error(why)),
    };
    let is_device = ["/dev", "/proc"].iter().any(|folder| path.starts_with(folder));
    if there.as_ref().is_some_and(|there| !there.is_dir() && (is_device || !there.is_file())) {
        return write_to(path, text);
    }
    let target = match (there, std::fs::read_link(path)) {
        (Some(_), _) => path.canonicalize().map_err(error)?,
        // A link to what is not there yet.
        (None, Ok(link)) => folder(path).join(link),
        (None, Err(_)) => path.to_owned(),
    };
    // `tempfile` creates with mode 0600.
    let file = beside(&target, &Builder::new(), |file| file.write_all(text.as_bytes())).map_err(error)?;
    file.persist(&target).map_err(|persisting| error(persisting.error))?;
    kept(&target);
    Ok(())
}

/// Writes a JSON document into a file of its own, whole or not at all, readable by nobody else; its text is never in memory as
/// a whole.
pub fn write_private_json(path: &Path, document: &impl serde::Serialize) -> Result<(), CommandError> {
    let write = |file: &mut std::fs::File| {
        let mut file = io::BufWriter::new(file);
        serde_json::to_writer(&mut file, document)?;
        file.flush()
    };
    let file = beside(path, &Builder::new(), write).map_err(|error| failed(path, &error))?;
    file.persist(path).map_err(|error| failed(path, &error.error))?;
    kept(path);
    Ok(())
}

/// Writes behind what was written to a stream before. Nobody may read it, so that opening it or writing to it may never
/// end: a thread of its own does that, and is left behind.
fn write_to(path: &Path, text: &str) -> Result<(), CommandError> {
    let (done, told) = std::sync::mpsc::channel();
    let (stream, text) = (path.to_owned(), text.to_owned());
    std::thread::spawn(move || {
        let opened = std::fs::OpenOptions::new().append(true).open(stream);
        let _ = done.send(opened.and_then(|mut stream| stream.write_all(text.as_bytes())));
    });
    let written = told.recv_timeout(LONGEST_WRITE).unwrap_or_else(|_| {
        Err(io::Error::new(io::ErrorKind::TimedOut, format!("nobody has read it within {} s", LONGEST_WRITE.as_secs())))
    });
    written.map_err(|error| failed(path, &error))
}

/// Writes a file that was not there before, in the same way, with the mode that other new files get, in a folder that is
/// made where there is none. `there` makes the error of one that is there.
pub fn write_new(path: &Path, text: &str, there: impl FnOnce() -> CommandError) -> Result<(), CommandError> {
    // It is looked for first, so that nothing else is complained about. The end decides.
    if path.exists() {
        return Err(there());
    }
    let within = folder(path);
    std::fs::create_dir_all(within).map_err(|error| CommandError::file("make the folder", within, &error))?;
    let mut builder = Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // The process's own mask is applied to it.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let file = beside(path, &builder, |file| file.write_all(text.as_bytes())).map_err(|error| failed(path, &error))?;
    file.persist_noclobber(path).map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => there(),
        _ => failed(path, &error.error),
    })?;
    kept(path);
    Ok(())
}

/// A temporary file in the folder of another one, whole and on disk.
fn beside(
    path: &Path,
    builder: &Builder<'_, '_>,
    write: impl FnOnce(&mut std::fs::File) -> io::Result<()>,
) -> io::Result<NamedTempFile> {
    let mut builder = builder.clone();
    let mut file = builder.prefix(".trueup-").tempfile_in(folder(path))?;
    write(file.as_file_mut())?;
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
        // Also one to what is not there yet.
        std::fs::remove_file(&file).unwrap();
        write_private(&link, "three").unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "three");
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_stands_for_an_open_file_is_written_behind_what_is_in_it() {
        use std::os::fd::AsRawFd as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("history.log");
        std::fs::write(&path, "before\n").unwrap();
        let open = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
        write_private(Path::new(&format!("/proc/self/fd/{}", open.as_raw_fd())), "plan\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "before\nplan\n");
    }

    #[test]
    fn a_new_file_is_like_others_and_takes_no_place() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("stacks").join("orders");
        let path = folder.join("trueup.yaml");
        let there = || CommandError::usage("it is there");
        write_new(&path, "one", there).unwrap();
        assert_eq!(write_new(&path, "two", there).unwrap_err().message, "it is there");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
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
