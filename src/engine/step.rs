//! Why a migration is not applied: facts, with the place in its file.

use std::path::PathBuf;

use crate::database::DbError;

/// Why a migration is not applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// A statement of it failed.
    #[error("{error}")]
    Statement {
        /// Where, as far as the server tells.
        place: Place,
        /// The statement, or the whole script where the server names none.
        statement: String,
        /// What the server said.
        error: DbError,
        /// Statements of this script that stay applied.
        applied: usize,
        /// The history says that the script is half applied.
        dirty: bool,
    },
    /// The script cannot be sent as it is; nothing of it was.
    #[error("{why}")]
    Unsendable {
        /// Where.
        place: Place,
        /// The statement.
        statement: String,
        /// Why.
        why: Unsendable,
    },
    /// `CREATE INDEX CONCURRENTLY` left an index that the server does not use.
    #[error("invalid index: {}", indexes.join(", "))]
    InvalidIndex {
        /// Which file.
        path: PathBuf,
        /// Which indexes.
        indexes: Vec<String>,
    },
    /// Our own statement around the script failed: the history row, the fence check.
    #[error("{error}")]
    Bookkeeping {
        /// Which file.
        path: PathBuf,
        /// What we did.
        what: &'static str,
        /// What the server said.
        error: DbError,
        /// The history calls the script begun.
        half: bool,
    },
    /// Fence, run or session are not ours any more; nothing is written from here on.
    #[error("{reason}")]
    FenceLost {
        /// How we know.
        reason: String,
        /// The history calls the script begun, and some of it may be applied.
        half: bool,
    },
    /// We were told to stop between two statements.
    #[error("stopped after {applied} statements")]
    Stopped {
        /// Statements of this script that stay applied.
        applied: usize,
    },
}

/// Why a script cannot be sent as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsendable {
    /// It ends or opens a transaction of its own.
    #[error("the script has transaction statements of its own")]
    OwnTransaction,
    /// `COPY … FROM STDIN`.
    #[error("COPY … FROM STDIN needs a client that sends the data")]
    CopyFromStdin,
    /// A command to a client program: `\\connect`, `.read`, `source`.
    #[error("{0} is a command to a client program, not to the server")]
    ClientCommand(String),
}

/// A place in a migration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// From 1; the statement's where the server tells none; none where even that is unknown.
    pub line: Option<usize>,
    /// From 1.
    pub column: Option<usize>,
}

impl StepError {
    /// Whether the history says that the script is half applied.
    pub fn leaves_half(&self) -> bool {
        match self {
            Self::Statement { dirty, .. } => *dirty,
            Self::Stopped { applied } => *applied > 0,
            Self::InvalidIndex { .. } => true,
            Self::Bookkeeping { half, .. } | Self::FenceLost { half, .. } => *half,
            Self::Unsendable { .. } => false,
        }
    }

    /// Before anything of the script is done, or with all of it taken back.
    pub fn fence_lost(reason: String) -> Self {
        Self::FenceLost { reason, half: false }
    }

    /// The same, once the history calls the script begun and nobody takes that back.
    pub fn once_begun(mut self) -> Self {
        if let Self::Bookkeeping { half, .. } | Self::FenceLost { half, .. } = &mut self {
            *half = true;
        }
        self
    }

    /// Whether the work session is gone with it.
    pub fn ends_session(&self) -> bool {
        match self {
            Self::Statement { error, .. } | Self::Bookkeeping { error, .. } => error.kind.ends_session(),
            _ => false,
        }
    }
}
