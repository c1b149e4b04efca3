//! New files: whole or not at all, and never in the place of another.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use crate::error::Error;

/// Whether a file is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is there now.
    Now,
    /// It was there already, and is as it was.
    Before,
}

/// Writes a file, with the folders above it, unless anything of that name is there.
///
/// # Errors
/// The disk refuses.
pub fn create(path: &Path, text: &str) -> Result<Written, Error> {
    if path.symlink_metadata().is_ok() {
        return Ok(Written::Before);
    }
    if let Some(folder) = path.parent() {
        self::folder(folder)?;
    }
    match try_create(path, text) {
        Ok(()) => Ok(Written::Now),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Written::Before),
        Err(source) => Err(refused(path, source)),
    }
}

/// Makes a folder and those above it; one that is there is fine.
///
/// # Errors
/// The disk refuses.
pub fn folder(folder: &Path) -> Result<(), Error> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder).map_err(|source| refused(folder, source))
}

fn refused(path: &Path, source: io::Error) -> Error {
    Error::Write { path: path.display().to_string(), source }
}

fn try_create(path: &Path, text: &str) -> io::Result<()> {
    // written beside it, then named: whoever is killed in the middle leaves no half of a file under its name
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}", std::process::id()));
    let beside = path.with_file_name(name);
    let _ = fs::remove_file(&beside);
    let linked = fresh(&beside, text).and_then(|()| fs::hard_link(&beside, path));
    let _ = fs::remove_file(&beside);
    match linked {
        // a file system without links
        Err(error) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::PermissionDenied) => {
            fresh(path, text)
        }
        linked => linked,
    }
}

fn fresh(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_once_and_nothing_stays_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/file");
        assert_eq!(create(&path, "one").unwrap(), Written::Now);
        assert_eq!(create(&path, "two").unwrap(), Written::Before);
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_that_leads_nowhere_is_something_of_that_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::os::unix::fs::symlink("nowhere", &path).unwrap();
        assert_eq!(create(&path, "one").unwrap(), Written::Before);
        assert!(!folder.path().join("nowhere").exists());
    }
}
