//! Who has a lock, as `unlock` shows it, and what became of it.

use serde::Serialize;

use crate::model::event::Watched;
use crate::model::ids::{Participant, RunId};

/// What `unlock` found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LockReport {
    /// The lock's name.
    pub lock_name: String,
    /// Whether anybody has it: a run that has not ended, or a session on the server.
    pub locked: bool,
    /// The run that has it by the ledger.
    pub holder: Option<Watched>,
    /// That run's machine.
    pub host: Option<String>,
    /// That run's session on the server.
    pub session: Option<String>,
    /// Whether the server's own lock is held.
    pub server_locked: bool,
    /// By which session, where the server tells.
    pub server_session: Option<String>,
}

/// What `unlock` did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnlockReport {
    /// The lock's name.
    pub lock_name: String,
    /// The run that had it.
    pub run: RunId,
    /// Its leader.
    pub leader: Participant,
    /// Nothing of that run can be written any more: the lock's fence is now this.
    pub fence: i64,
    /// As the ledger records it.
    pub ended_by: String,
    /// The session on the server that was ended, if one was.
    pub session_ended: Option<String>,
}
