//! `install PATH`: copies the running binary, for images without `cp` and for init containers.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::job::Success;

/// Into a folder as `bellwether`, else as that file: written beside it, then renamed, so that nobody ever starts half a
/// binary. Mode 0755.
pub fn install(path: &Path) -> Result<Success, Error> {
    let target = if path.is_dir() { path.join("bellwether") } else { path.to_owned() };
    copy(&target).map_err(|source| Error::Write { path: target.display().to_string(), source })?;
    Ok(Success { message: format!("installed {}", target.display()), ..Success::default() })
}

fn copy(target: &Path) -> io::Result<()> {
    // to rename over a device or a socket would take it away; what a link leads to stays
    if target.symlink_metadata().is_ok_and(|there| !there.is_file() && !there.is_symlink()) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is there, and not a file"));
    }
    // the file itself even if it was replaced meanwhile, and without a name in the environment to trust
    let mut from = fs::File::open("/proc/self/exe").or_else(|_| fs::File::open(std::env::current_exe()?))?;
    let beside = beside(target);
    // what an earlier one left that was killed, with the same process id, as in a container
    let _ = fs::remove_file(&beside);
    let copied = (|| {
        let mut to = OpenOptions::new().write(true).create_new(true).mode(0o755).open(&beside)?;
        io::copy(&mut from, &mut to)?;
        // the umask does not count
        to.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        to.sync_all()?;
        fs::rename(&beside, target)
    })();
    if copied.is_err() {
        let _ = fs::remove_file(&beside); // the first error is the one to tell
    }
    copied
}

fn beside(target: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(format!(".{}", std::process::id()));
    target.with_file_name(name)
}
