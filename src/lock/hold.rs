//! What a leader asks, between two statements, to know that it still leads.

use crate::database::{Database, DbError, Holder, LockKey};
use crate::lock::beats::{Beats, Lock};

/// What the lock consists in.
#[derive(Clone, Copy)]
pub enum Hold<'a> {
    /// The server's lock, which the work session holds.
    Session(&'a LockKey),
    /// Our row in the ledger, kept alive by the beats. They ask on a session of their own: the work session may have
    /// locked tables, set a role, or moved to another database.
    Lease(&'a Beats),
}

impl Hold<'_> {
    /// Asks. Errors are those of the work session; a lease's questions are asked again until its trust is over.
    pub async fn ask(&self, work: &mut dyn Database) -> Result<Lock, DbError> {
        match self {
            Self::Session(key) => Ok(match work.holder(key).await? {
                Holder::Ours => Lock::Held,
                Holder::Free | Holder::Other(_) => Lock::Lost(
                    "the work session does not hold it any more, as if a script had freed it".to_owned(),
                ),
            }),
            Self::Lease(beats) => Ok(beats.confirm().await),
        }
    }
}
