//! Every way in which a process of ours ends without success, as facts. The prose is in `explain/`.

mod about;
mod asked;
mod facts;
mod github;
mod heroku;
mod operate;
mod scaffold;

use std::time::Duration;

use crate::config::ConfigError;
use crate::database::url::UrlError;
use crate::database::{DbError, EngineName};
use crate::engine::command::Ending;
use crate::engine::step::StepError;
use crate::exit::Exit;
use crate::formats::FormatError;
use crate::ledger::history::HistoryTable;
use crate::model::ids::{Environment, Participant, RunId, Version};
use crate::model::migration::Migration;
use crate::model::run::{Role, Run};
use crate::plan::PlanError;
use crate::plan::pending::Refusal;

pub use self::{
    asked::StatusError, facts::AtWork, facts::Cut, facts::Doing, facts::Elsewhere, facts::Seeking,
    github::Asking, github::GithubError, heroku::HerokuError, operate::OperateError, scaffold::ScaffoldError,
};

/// Why we do not end with 0.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The config, a flag or a variable is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Role or release cannot be told.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The migrations folder cannot be read.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The database's URL cannot be read.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// Nothing says which database.
    #[error("no database is named for the environment {environment}")]
    NoDatabase {
        /// Of this environment.
        environment: Environment,
        /// One of PostgreSQL's own variables that is set all the same.
        variable: Option<&'static str>,
    },
    /// The URL names a server, but no database there.
    #[error("{target} names no database")]
    NoDatabaseName {
        /// Host and port.
        target: String,
    },
    /// A file that we write cannot be written (`install`).
    #[error("cannot write {path}: {source}")]
    Write {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The database cannot be reached, or said no to a statement of ours.
    #[error("{error}")]
    Database {
        /// What we did.
        doing: Doing,
        /// Which kind of database.
        engine: EngineName,
        /// Host, port and database, without password.
        target: String,
        /// What it said.
        error: DbError,
    },
    /// A follower may not read the ledger or the history, or a leader may not write them.
    #[error("{error}")]
    NoPrivilege {
        /// What we did.
        doing: Doing,
        /// Host, port and database, without password.
        target: String,
        /// What it said.
        error: DbError,
        /// What gives the right, to be pasted.
        grants: Vec<String>,
    },
    /// A schema or a role that the config names is not there.
    #[error("{error}")]
    NamedInVain {
        /// The key in the config.
        key: &'static str,
        /// What it names.
        names: Vec<String>,
        /// What makes it, to be pasted.
        create: Vec<String>,
        /// Host, port and database, without password.
        target: String,
        /// What the database said.
        error: Box<DbError>,
    },
    /// A leader reached a standby.
    #[error("{target} is read-only")]
    ReadOnlyServer {
        /// Host, port and database.
        target: String,
        /// Product and version.
        server: String,
    },
    /// We were started by the command of the run that we would wait for.
    #[error("this is part of run {run}, and would wait for itself")]
    InsideOwnRun {
        /// Whose command we are part of.
        run: RunId,
        /// Who leads it.
        leader: Participant,
    },
    /// The server's session lock cannot be trusted here.
    #[error("no safe lock at {target}: {reason}")]
    UnsafeLock {
        /// Which kind of database.
        engine: EngineName,
        /// Whether it is a pooler's fault.
        pooled: bool,
        /// Host, port and database.
        target: String,
        /// Why.
        reason: String,
    },
    /// The ledger is of a newer major version.
    #[error("the ledger needs version {min_reader}")]
    LedgerNewer {
        /// The version that may read it.
        min_reader: i64,
    },
    /// A row of the ledger cannot be read.
    #[error("{what}")]
    LedgerUnreadable {
        /// What is wrong with it.
        what: String,
    },
    /// The lock was not got in time.
    #[error("the lock {lock_name} was not free within {} s", waited.as_secs())]
    LockNotGot {
        /// Which lock.
        lock_name: String,
        /// How long we waited.
        waited: Duration,
        /// Who has it, if the ledger says.
        holder: Option<Box<Run>>,
    },
    /// The lock was lost in the middle of our work.
    #[error("the lock was lost: {reason}")]
    LockLost {
        /// How we know.
        reason: String,
        /// What was at work.
        step: Option<AtWork>,
        /// What we had applied.
        applied: Vec<Version>,
        /// What is known of that migration's end.
        cut: Cut,
    },
    /// The history forbids work.
    #[error("the history does not fit the migrations")]
    HistoryRefused {
        /// Each reason.
        refusals: Vec<Refusal>,
        /// The history's table.
        history: HistoryTable,
        /// The folder.
        folder: String,
    },
    /// A migration failed.
    #[error("{error}")]
    Step {
        /// Which one.
        migration: Box<Migration>,
        /// Why.
        error: Box<StepError>,
        /// What we had applied before.
        applied: Vec<Version>,
        /// The history's table.
        history: HistoryTable,
        /// Host, port and database.
        target: String,
    },
    /// The wrapped command, or the check after it, failed.
    #[error("{} {}", command.first().map_or("", String::as_str), ending)]
    Command {
        /// Program and arguments.
        command: Vec<String>,
        /// How it ended.
        ending: Ending,
        /// The end of its output.
        output: String,
        /// Whether it was the check after the command.
        check: bool,
    },
    /// The wrapped command succeeded, and its own history does not have all of our migrations.
    #[error("{} succeeded, but left {} pending", command.first().map_or("the command", String::as_str), pending.join(", "))]
    LeftPending {
        /// Program and arguments.
        command: Vec<String>,
        /// What is still pending, for people.
        pending: Vec<String>,
        /// The history's table.
        history: HistoryTable,
        /// The folder.
        folder: String,
        /// Host, port and database.
        target: String,
    },
    /// A follower that looks at the history alone: our budget ended before all was in it.
    #[error("our migrations are not applied")]
    HistoryLate {
        /// The table.
        history: String,
        /// How long we waited.
        waited: Duration,
        /// What is still pending, for people; empty = unknown.
        pending: Vec<String>,
        /// Why that is unknown, if it is.
        unknown: Option<String>,
        /// What is half applied, in words.
        half_applied: Option<String>,
    },
    /// Our budget ended in the middle of our work.
    #[error("the budget of {} s ended", budget.as_secs())]
    BudgetEnded {
        /// How long it was.
        budget: Duration,
        /// What was at work.
        step: Option<AtWork>,
        /// What we had applied.
        applied: Vec<Version>,
        /// What is known of that migration's end.
        cut: Cut,
        /// The lock that it kept waiting for, as the server said it.
        waited_for: Option<String>,
    },
    /// Our time ended before the migrations were read.
    #[error("{folder} was not read within {} s", budget.as_secs())]
    FilesLate {
        /// Where they are.
        folder: String,
        /// How long our time was.
        budget: Duration,
        /// Of a deploy; none = of one who only looks.
        role: Option<Role>,
    },
    /// A signal ended us.
    #[error("ended by signal {signal}")]
    Signalled {
        /// Its number.
        signal: u8,
        /// What was at work, if we led.
        step: Option<AtWork>,
        /// What we waited for and saw last, if we followed.
        waiting: Option<String>,
        /// What we had applied.
        applied: Vec<Version>,
        /// What is known of that migration's end.
        cut: Cut,
    },
    /// All is applied, but the verdict could not be written.
    #[error("applied, not recorded: {error}")]
    NotRecorded {
        /// What the database said.
        error: DbError,
        /// What we had applied.
        applied: Vec<Version>,
    },
    /// The leader failed.
    #[error("{} failed", run.leader)]
    LeaderFailed {
        /// Its run.
        run: Box<Run>,
    },
    /// The leader was interrupted.
    #[error("{} was interrupted", run.leader)]
    LeaderInterrupted {
        /// Its run.
        run: Box<Run>,
    },
    /// The leader succeeded, but ours is not applied.
    #[error("{} succeeded, but {} of our migrations are not applied", run.leader, pending.len())]
    BundleNotApplied {
        /// Its run.
        run: Box<Run>,
        /// What is not applied: version and name.
        pending: Vec<String>,
    },
    /// The leader is silent, or its run was abandoned or is gone.
    #[error("the leader died")]
    LeaderDied {
        /// Its run; none = it vanished from the ledger.
        run: Option<Box<Run>>,
    },
    /// Nobody began.
    #[error("no leader began within {} s", waited.as_secs())]
    LeaderNeverStarted {
        /// How long we waited.
        waited: Duration,
        /// Of which release.
        seeking: Seeking,
    },
    /// The leader is still at work, or nobody began, at the end of our budget.
    #[error("the leader is late")]
    LeaderLate {
        /// The run that we saw last.
        run: Option<Box<Run>>,
        /// Whether it was at work then; else nobody was.
        at_work: bool,
        /// How long we waited.
        waited: Duration,
        /// What is pending: version and name.
        pending: Option<Vec<String>>,
        /// Of which release.
        seeking: Seeking,
    },
    /// A status command failed us, or kept us waiting for too long.
    #[error(transparent)]
    Status(#[from] StatusError),
    /// GitHub's Deployments cannot be read, or not be written where they must be.
    #[error(transparent)]
    Github(#[from] GithubError),
    /// A Heroku app's releases cannot be read.
    #[error(transparent)]
    Heroku(#[from] HerokuError),
    /// An operator's command.
    #[error(transparent)]
    Operate(#[from] OperateError),
    /// `init` and `new`.
    #[error(transparent)]
    Scaffold(#[from] ScaffoldError),
    /// `status --check`: not ready.
    #[error("not ready: {reason}")]
    NotReady {
        /// Why.
        reason: String,
    },
    /// Something that cannot be.
    #[error("{what}")]
    Bug {
        /// What.
        what: String,
    },
}

impl Error {
    /// The exit code: one function, so that no two places disagree.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Config(_)
            | Self::Plan(_)
            | Self::Format(_)
            | Self::Url(_)
            | Self::NoDatabase { .. }
            | Self::NoDatabaseName { .. }
            | Self::UnsafeLock { .. }
            | Self::InsideOwnRun { .. }
            | Self::Write { .. }
            | Self::Scaffold(_) => Exit::Usage,
            Self::Database { .. }
            | Self::NoPrivilege { .. }
            | Self::NamedInVain { .. }
            | Self::ReadOnlyServer { .. }
            | Self::LedgerUnreadable { .. }
            | Self::NotRecorded { .. } => Exit::Database,
            Self::LedgerNewer { .. } => Exit::LedgerNewer,
            Self::LockNotGot { .. } => Exit::LockNotGot,
            Self::LockLost { .. } => Exit::LockLost,
            Self::HistoryRefused { .. } => Exit::HistoryRefused,
            Self::Step { .. } | Self::Command { .. } | Self::LeftPending { .. } => Exit::MigrationFailed,
            Self::BudgetEnded { .. } => Exit::BudgetEnded,
            Self::FilesLate { role, .. } => Exit::before_work(*role),
            Self::Signalled { signal, .. } => Exit::Signal(*signal),
            Self::LeaderFailed { .. } | Self::LeaderInterrupted { .. } => Exit::LeaderFailed,
            Self::BundleNotApplied { .. } => Exit::BundleNotApplied,
            Self::LeaderDied { .. } => Exit::LeaderDied,
            Self::LeaderNeverStarted { .. } => Exit::LeaderNeverStarted,
            Self::LeaderLate { .. } | Self::HistoryLate { .. } => Exit::LeaderLate,
            Self::Status(error) => error.exit(),
            Self::Github(error) => error.exit(),
            Self::Heroku(error) => error.exit(),
            Self::Operate(error) => error.exit(),
            Self::NotReady { .. } => Exit::NotReady,
            Self::Bug { .. } => Exit::Bug,
        }
    }
}
