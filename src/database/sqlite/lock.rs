//! `<database>.bellwether-lock`: who has it locked (`flock`) leads. Created by leaders, never removed: a file made anew
//! would be a second lock. On a network file system nothing of this can be relied on.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, Flock, FlockArg, fcntl};

use crate::database::Holder;
use crate::database::error::{DbError, DbErrorKind};

/// A looker's probe has the lock for an instant; so long a failed try is worth repeating.
const TRIES: u32 = 3;
const BETWEEN_TRIES: Duration = Duration::from_millis(5);

pub(super) struct LockFile {
    path: PathBuf,
    may_create: bool,
    /// Ours as long as it is here.
    held: Option<Flock<File>>,
}

impl LockFile {
    /// The lock of this database; its file's name has no symbolic links in it.
    pub(super) fn beside(database: &Path, may_create: bool) -> Self {
        let mut path = database.as_os_str().to_owned();
        path.push(".bellwether-lock");
        Self { path: path.into(), may_create, held: None }
    }

    pub(super) async fn try_lock(&mut self) -> Result<bool, DbError> {
        if self.held.is_some() {
            return Ok(true);
        }
        let Some(mut file) = self.open()? else { return Ok(false) };
        for attempt in 1..=TRIES {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(held) => {
                    // a command's processes inherit the descriptor: free then means that all of them are gone
                    fcntl(&*held, FcntlArg::F_SETFD(FdFlag::empty()))
                        .map_err(|errno| self.error(&errno.into()))?;
                    self.held = Some(held);
                    return Ok(true);
                }
                Err((back, Errno::EWOULDBLOCK | Errno::EINTR)) => file = back,
                Err((_, errno)) => return Err(self.error(&errno.into())),
            }
            if attempt < TRIES {
                tokio::time::sleep(BETWEEN_TRIES).await;
            }
        }
        Ok(false)
    }

    /// An explicit `LOCK_UN`: closing ours would not free it while another process has the descriptor too.
    pub(super) fn unlock(&mut self) -> Result<(), DbError> {
        let Some(held) = self.held.take() else { return Ok(()) };
        held.unlock().map(drop).map_err(|(_, errno)| self.error(&errno.into()))
    }

    pub(super) fn holder(&self) -> Result<Holder, DbError> {
        if self.held.is_some() {
            return Ok(Holder::Ours);
        }
        let Some(file) = self.look()? else { return Ok(Holder::Free) };
        match Flock::lock(file, FlockArg::LockSharedNonblock) {
            Ok(probe) => {
                drop(probe);
                Ok(Holder::Free)
            }
            // who it is stands in the ledger
            Err((_, Errno::EWOULDBLOCK | Errno::EINTR)) => Ok(Holder::Other(None)),
            Err((_, errno)) => Err(self.error(&errno.into())),
        }
    }

    /// To lock it; none = it is not there and not ours to create.
    fn open(&self) -> Result<Option<File>, DbError> {
        if !self.may_create {
            return self.look();
        }
        match OpenOptions::new().read(true).append(true).create(true).open(&self.path) {
            Ok(file) => Ok(Some(file)),
            // another user made it, and reading is enough to lock it
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied && self.path.exists() => {
                self.look()
            }
            Err(error) => Err(self.error(&error)),
        }
    }

    fn look(&self) -> Result<Option<File>, DbError> {
        match File::open(&self.path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.error(&error)),
        }
    }

    fn error(&self, error: &io::Error) -> DbError {
        let kind = match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => DbErrorKind::Privilege,
            _ => DbErrorKind::Unsupported,
        };
        DbError::new(kind, format!("{}: {error}", self.path.display()))
    }
}

/// What kind of network file system this file is on, if it is on one. Numbers: statfs(2), linux/magic.h.
#[cfg(target_os = "linux")]
pub(super) fn network_file_system(file: &Path) -> Option<&'static str> {
    let kind = nix::sys::statfs::statfs(file).ok()?.filesystem_type().0;
    // the field's width and sign differ between targets
    #[allow(clippy::unnecessary_cast)]
    match kind as u32 {
        0x6969 => Some("NFS"),
        0x517b => Some("SMB"),
        0xff53_4d42 => Some("CIFS"),
        0xfe53_4d42 => Some("SMB2"),
        0x6573_5546 => Some("FUSE"),
        0x0102_1997 => Some("9P"),
        0x5346_414f => Some("AFS"),
        0x7375_7245 => Some("Coda"),
        0x0bd0_0bd0 => Some("Lustre"),
        _ => None,
    }
}

/// What kind of network file system this file is on, if it is on one.
#[cfg(not(target_os = "linux"))]
pub(super) fn network_file_system(file: &Path) -> Option<&'static str> {
    let kind = nix::sys::statfs::statfs(file).ok()?;
    let kind = kind.filesystem_type_name();
    ["nfs", "smbfs", "afpfs", "webdav", "macfuse", "osxfuse"].into_iter().find(|name| kind.contains(name))
}
