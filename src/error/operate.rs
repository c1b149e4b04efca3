//! What an operator's command found that ends it without success.

use crate::database::EngineName;
use crate::exit::Exit;
use crate::model::ids::{Participant, RunId, Version};

/// Why `history`, `unlock`, `resolve` or `doctor` do not end with 0.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OperateError {
    /// Somebody dropped some of the ledger's tables.
    #[error("the ledger is not whole: {} missing", missing.join(", "))]
    LedgerHalf {
        /// Host, port and database.
        target: String,
        /// Tables that are there.
        present: Vec<&'static str>,
        /// Tables that are not.
        missing: Vec<&'static str>,
    },
    /// `history RUN`: there is none.
    #[error("no run begins with {prefix}")]
    NoSuchRun {
        /// What was asked for.
        prefix: String,
        /// The newest runs, if there are any.
        newest: Vec<String>,
    },
    /// `history RUN`: more than one begins so.
    #[error("more than one run begins with {prefix}")]
    AmbiguousRun {
        /// What was asked for.
        prefix: String,
        /// Some of them, whole.
        runs: Vec<String>,
    },
    /// `unlock`: the holder shows signs of life.
    #[error("the holder of the lock {lock_name} is alive: {sign}")]
    HolderAlive {
        /// Which lock.
        lock_name: String,
        /// Who has it, if the ledger says.
        leader: Option<Participant>,
        /// How we know.
        sign: String,
    },
    /// `unlock`: the server's lock is held, and by no run of the ledger's.
    #[error("a session that no run recorded has the lock {lock_name}")]
    ForeignHolder {
        /// Which lock.
        lock_name: String,
        /// Which kind of database.
        engine: EngineName,
        /// The session, where the server tells.
        session: Option<String>,
    },
    /// `unlock`: nobody said yes.
    #[error("nobody said yes")]
    NotConfirmed {
        /// Whether somebody was asked.
        asked: bool,
        /// Who has the lock.
        leader: Participant,
    },
    /// `resolve`: without migrations, nothing can be said of any.
    #[error("there are no migrations to resolve")]
    NoMigrations,
    /// `resolve`: their own tool writes that history.
    #[error("the history of the format {format} is its own tool's to write")]
    OnlyChecked {
        /// The format.
        format: &'static str,
    },
    /// `resolve`: neither the files nor the history have it.
    #[error("there is no migration {version}")]
    UnknownVersion {
        /// What was asked for.
        version: Version,
        /// The folder.
        folder: String,
        /// Version and name of each that there is.
        known: Vec<String>,
    },
    /// `resolve --rolled-back` of one that is applied as a whole.
    #[error("migration {version} is applied as a whole")]
    WholeMigration {
        /// Which.
        version: Version,
        /// What takes it out of the history by hand.
        undo: String,
    },
    /// `resolve --applied` of one with pending ones in front of it, where only the newest version is recorded.
    #[error("migration {version} cannot be applied while {older} in front of it is not")]
    OlderPending {
        /// What was asked for.
        version: Version,
        /// The first that is pending or half applied.
        older: Version,
    },
    /// `doctor`: something is bad.
    #[error("{} of the checks failed", bad.len())]
    Ailing {
        /// What.
        bad: Vec<&'static str>,
        /// Whether it is usage or config alone; else the database too.
        usage: bool,
    },
    /// `unlock`: the dead leader's session or process still has the server's lock.
    #[error("the session {session} of {leader} still has the lock: {why}")]
    SessionStays {
        /// Which kind of database.
        engine: EngineName,
        /// The run's leader.
        leader: Participant,
        /// Its machine.
        host: String,
        /// Its session.
        session: String,
        /// Why it cannot be ended from here.
        why: String,
        /// Whether the run is marked as abandoned already.
        marked: bool,
        /// Under a lease: the run, whose mark its statements bear. Behind a pooler the session is the pooler's.
        lease: Option<RunId>,
    },
}

impl OperateError {
    /// One function, so that no two places disagree.
    pub fn exit(&self) -> Exit {
        match self {
            Self::LedgerHalf { .. } | Self::Ailing { usage: false, .. } => Exit::Database,
            Self::HolderAlive { .. }
            | Self::ForeignHolder { .. }
            | Self::NotConfirmed { .. }
            | Self::WholeMigration { .. }
            | Self::OlderPending { .. }
            | Self::SessionStays { .. } => Exit::Refused,
            Self::NoSuchRun { .. }
            | Self::AmbiguousRun { .. }
            | Self::NoMigrations
            | Self::OnlyChecked { .. }
            | Self::Ailing { usage: true, .. }
            | Self::UnknownVersion { .. } => Exit::Usage,
        }
    }
}
