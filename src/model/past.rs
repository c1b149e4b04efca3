//! Runs and steps as `history` shows them: whatever a row holds, so that one that was edited by hand is shown and not
//! refused. Nothing is decided by these.

use serde::Serialize;

use crate::model::ids::{Environment, Version};

/// A run of the ledger. Words and numbers are the row's own; what cannot be read is none, and named in `odd`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PastRun {
    /// Its id.
    pub run: String,
    /// Its environment.
    pub environment: String,
    /// The lock under which it ran.
    pub lock_name: String,
    /// `session` or `lease`.
    pub lock_mode: Option<String>,
    /// What it was to bring the database to.
    pub release: String,
    /// Of its bundle or command.
    pub digest: Option<String>,
    /// Given by the user, or none.
    pub deploy: Option<String>,
    /// The participant that led it.
    pub leader: String,
    /// Where that participant ran.
    pub platform: Option<String>,
    /// Its host's name.
    pub host: Option<String>,
    /// A page that shows it.
    pub url: Option<String>,
    /// `sql` or `command`.
    pub engine: Option<String>,
    /// The server's name for its work session.
    pub session: Option<String>,
    /// What became of it.
    pub status: String,
    /// Grew with every claim.
    pub fence: Option<i64>,
    /// Its signs of life.
    pub beats: Option<i64>,
    /// Steps in all; 0 = unknown.
    pub total: Option<i64>,
    /// Steps done.
    pub done: Option<i64>,
    /// The step at work.
    pub current: Option<String>,
    /// Why it ended without success.
    pub error: Option<String>,
    /// The step that failed.
    pub failed_step: Option<String>,
    /// When it was claimed: UTC by the database's clock.
    pub started_at: Option<String>,
    /// Its last sign of life.
    pub beat_at: Option<String>,
    /// When it ended.
    pub finished_at: Option<String>,
    /// From its claim to its end, or until now; milliseconds.
    pub duration_ms: Option<u64>,
    /// Since its last sign of life, milliseconds; only while it says `running`.
    pub beat_age_ms: Option<u64>,
    /// Who or what ended it.
    pub ended_by: Option<String>,
    /// What in its row cannot be, in words.
    pub odd: Vec<String>,
}

/// A step of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PastStep {
    /// From 1.
    pub position: i64,
    /// The migration's version.
    pub version: Version,
    /// Words for people.
    pub description: Option<String>,
    /// What became of it: `running`, `succeeded`, `failed`.
    pub status: String,
    /// From the run's claim to its beginning, milliseconds.
    pub after_ms: Option<u64>,
    /// When it began, UTC.
    pub started_at: Option<String>,
    /// When it ended.
    pub finished_at: Option<String>,
    /// From its beginning to its end, milliseconds.
    pub duration_ms: Option<u64>,
    /// What the database said.
    pub error: Option<String>,
}

/// What `history` found.
#[derive(Clone, Debug, Serialize)]
pub struct HistoryReport {
    /// Runs under this lock name.
    pub lock_name: String,
    /// Only of this environment, where one was asked for.
    pub environment: Option<Environment>,
    /// The newest first.
    pub runs: Vec<PastRun>,
    /// Whether there are older ones.
    pub more: bool,
    /// Other lock names that have runs in this ledger; only where ours has none.
    pub other_lock_names: Vec<String>,
}

/// What `history RUN` found.
#[derive(Clone, Debug, Serialize)]
pub struct RunReport {
    /// The run.
    pub run: PastRun,
    /// Its steps, in order.
    pub steps: Vec<PastStep>,
}
