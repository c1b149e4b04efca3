//! What an operator's command found that ends it without success.

use crate::exit::Exit;

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
}

impl OperateError {
    /// One function, so that no two places disagree.
    pub fn exit(&self) -> Exit {
        match self {
            Self::LedgerHalf { .. } => Exit::Database,
            Self::NoSuchRun { .. } | Self::AmbiguousRun { .. } => Exit::Usage,
        }
    }
}
