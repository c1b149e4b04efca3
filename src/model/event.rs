//! What happens while we work, as values: `report/` turns each into text. `docs/events.md` describes the JSON form.

use serde::Serialize;

use crate::model::doctor::DoctorReport;
use crate::model::ids::{Deploy, Environment, Participant, Release, RunId, Version};
use crate::model::lock::{LockReport, UnlockReport};
use crate::model::migration::Pending;
use crate::model::past::{HistoryReport, RunReport};
use crate::model::resolve::ResolveReport;
use crate::model::run::{EngineKind, LockMode, Role, RunStatus};
use crate::model::scaffold::{InitReport, NewReport};

/// Version of the JSON form; grows only when a field changes its meaning or goes.
pub const EVENTS_VERSION: u32 = 1;

/// One thing that happened. The last one of a process is always [`Event::Outcome`].
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// We know who we are and what is being released.
    Start(Start),
    /// Something to know that ends nothing: an unknown URL parameter, a leader's name that matches nothing.
    Warning {
        /// What, and what to do about it.
        message: String,
    },
    /// Something worth a line: a database ahead of the bundle, a script that is sent whole.
    Notice {
        /// What.
        message: String,
    },
    /// The database, or GitHub where it is followed, cannot be reached for now; we try again.
    Retrying {
        /// What we tried.
        what: String,
        /// Why it did not work, without secrets.
        reason: String,
        /// Until the next try, milliseconds.
        pause_ms: u64,
    },
    /// Somebody else has the lock.
    LockWaiting {
        /// Who, if the ledger says.
        holder: Option<Watched>,
        /// How long we have waited, milliseconds.
        waited_ms: u64,
    },
    /// We have it, and our run is recorded.
    RunStarted {
        /// Our run.
        run: RunId,
        /// Its fence.
        fence: i64,
        /// The kind of lock.
        lock_mode: LockMode,
        /// SQL or a command.
        engine: EngineKind,
        /// How many steps; 0 = unknown.
        total: u64,
        /// How long we waited for the lock, milliseconds.
        waited_ms: u64,
    },
    /// A migration begins.
    StepStarted {
        /// Which one.
        step: StepRef,
    },
    /// A migration's statement is tried again after a lock timeout.
    StepRetried {
        /// Which one.
        step: StepRef,
        /// What the database said.
        reason: String,
        /// Until the next try, milliseconds.
        pause_ms: u64,
    },
    /// A migration is applied and recorded.
    StepFinished {
        /// Which one.
        step: StepRef,
        /// How long it took, milliseconds.
        duration_ms: u64,
    },
    /// A migration failed; the outcome has the whole error.
    StepFailed {
        /// Which one.
        step: StepRef,
        /// What the database said, in one line.
        reason: String,
    },
    /// The wrapped command printed something.
    Output {
        /// As it came: perhaps several lines, perhaps a piece of one.
        text: String,
    },
    /// The wrapped command has brought its own history so far.
    Progress {
        /// How many of those that were pending at first are applied.
        done: u64,
        /// How many were pending at first.
        total: u64,
    },
    /// Our run is over and recorded.
    RunFinished {
        /// Our run.
        run: RunId,
        /// Its end.
        status: RunStatus,
        /// How long it took, milliseconds.
        duration_ms: u64,
    },
    /// A beat did not get through; it ends nothing by itself.
    BeatMissed {
        /// Why.
        reason: String,
        /// Since the last good one began, milliseconds.
        since_ms: u64,
    },
    /// Our own work goes on: said by the reporter itself, so that a long migration is not silent.
    Working {
        /// The migration at work, if one is.
        step: Option<StepRef>,
        /// Since it began; without one, since the last thing that happened. Milliseconds.
        since_ms: u64,
    },
    /// A follower (or elect) sees a run at work.
    Watching {
        /// That run.
        run: Watched,
        /// How long we have waited in all, milliseconds.
        waited_ms: u64,
    },
    /// A follower (or elect) waits, and no run of ours is at work.
    Waiting {
        /// For what, and until when, in one line.
        reason: String,
        /// How long we have waited in all, milliseconds.
        waited_ms: u64,
    },
    /// What `plan` found.
    Plan(Box<PlanReport>),
    /// What `status` found.
    Status(Box<StatusReport>),
    /// What `history` found.
    History(Box<HistoryReport>),
    /// What `history RUN` found.
    RunSteps(Box<RunReport>),
    /// What `unlock` found.
    Lock(Box<LockReport>),
    /// What `unlock` did.
    Unlocked(Box<UnlockReport>),
    /// What `resolve` did.
    Resolved(Box<ResolveReport>),
    /// What `doctor` found.
    Doctor(Box<DoctorReport>),
    /// What `init` found and wrote.
    Init(Box<InitReport>),
    /// What `new` wrote.
    New(Box<NewReport>),
    /// The end: what the exit code says, in words.
    Outcome(Outcome),
}

/// Who we are and what is being released, each with the reason.
#[derive(Clone, Debug, Serialize)]
pub struct Start {
    /// [`EVENTS_VERSION`].
    pub schema: u32,
    /// Our version.
    pub bellwether: String,
    /// The environment.
    pub environment: Environment,
    /// Our name, if anything says it.
    pub participant: Option<Participant>,
    /// What we do.
    pub role: Role,
    /// What decided it.
    pub role_reason: String,
    /// The participant that the config names as leader, where that is not us.
    pub leader: Option<Participant>,
    /// What is being released.
    pub release: Option<Release>,
    /// What says so.
    pub release_reason: String,
    /// Given by the user.
    pub deploy: Option<Deploy>,
    /// The database, without password; none where a status command, GitHub or Heroku is asked instead.
    pub database: Option<String>,
    /// The format of our migrations, if there are any.
    pub format: Option<String>,
    /// What in their folder told it; none where it was asked for by name.
    pub format_reason: Option<String>,
}

/// One migration of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepRef {
    /// From 1.
    pub position: u64,
    /// Of how many.
    pub total: u64,
    /// Its version.
    pub version: Version,
    /// The file's name.
    pub name: String,
}

/// A run of somebody else, as seen in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Watched {
    /// The run.
    pub run: RunId,
    /// The participant that leads it.
    pub leader: Participant,
    /// Its environment.
    pub environment: Environment,
    /// Its release.
    pub release: Release,
    /// What became of it so far.
    pub status: RunStatus,
    /// Steps done.
    pub done: u64,
    /// Steps in all; 0 = unknown.
    pub total: u64,
    /// The step at work.
    pub current: Option<String>,
    /// Since its claim, milliseconds by the database's clock.
    pub age_ms: u64,
    /// Since its last sign of life, milliseconds; none where the engine has no beats (SQLite).
    pub beat_age_ms: Option<u64>,
    /// A page that shows it.
    pub url: Option<String>,
}

/// What `plan` found.
#[derive(Clone, Debug, Serialize)]
pub struct PlanReport {
    /// As at every start.
    #[serde(flatten)]
    pub start: Start,
    /// The server: product and version.
    pub server: Option<String>,
    /// The kind of lock that a leader would take; none where we could not look.
    pub lock_mode: Option<LockMode>,
    /// Why.
    pub lock_reason: String,
    /// The lock's name.
    pub lock_name: String,
    /// The number that stands for it on the server, if one is given.
    pub lock_id: Option<i64>,
    /// How followers hear of the end; none where we could not look.
    pub followers: Option<String>,
    /// What is pending.
    pub pending: Pending,
    /// The bundle against the history.
    pub migrations: Vec<MigrationState>,
    /// Files that a leader would not apply.
    pub refused: Vec<Mark>,
    /// What is odd about bundle and history and stops nobody, in a sentence each, as a deploy would say it.
    pub notices: Vec<String>,
    /// What would be done, in one line.
    pub next: String,
}

/// One migration of the bundle or of the history.
#[derive(Clone, Debug, Serialize)]
pub struct MigrationState {
    /// Its version.
    pub version: Version,
    /// The file's name; what its tool calls one that is in the history alone.
    pub name: String,
    /// Where it stands.
    pub state: MigrationStanding,
    /// What its tool noted, of a half-applied one.
    pub error: Option<String>,
}

/// Where a migration stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MigrationStanding {
    /// In the history.
    Applied,
    /// Not yet in the history.
    Pending,
    /// Half applied.
    Dirty,
    /// Applied from a file with other contents.
    Changed,
    /// In the history, later than everything in the bundle.
    Ahead,
    /// In the history, but its file is gone.
    Missing,
    /// Whether it is applied, or ever will be, cannot be told.
    Unknown,
}

/// What `status` found.
#[derive(Clone, Debug, Serialize)]
pub struct StatusReport {
    /// The environment.
    pub environment: Environment,
    /// What is being released, if anything says it.
    pub release: Option<Release>,
    /// The format of our migrations, if there are any.
    pub format: Option<String>,
    /// What in their folder told it; none where it was asked for by name.
    pub format_reason: Option<String>,
    /// The latest run that is ours.
    pub run: Option<Watched>,
    /// Its error.
    pub error: Option<String>,
    /// What is pending.
    pub pending: Pending,
    /// The bundle against the history.
    pub migrations: Vec<MigrationState>,
    /// What `--check` goes by: our release may go live.
    pub ready: bool,
    /// Why, or why not.
    pub reason: String,
}

/// The end of a process.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The exit code.
    pub exit: u8,
    /// Our role, where we got as far as to know it.
    pub role: Option<Role>,
    /// The exit code in one word: `succeeded`, `leader_failed`, …
    pub outcome: &'static str,
    /// What was being released.
    pub release: Option<Release>,
    /// The run that decided, ours or the leader's.
    pub run: Option<RunId>,
    /// A page that shows that run, if it is another's and says one.
    pub url: Option<String>,
    /// What *we* applied, in order.
    pub applied: Vec<Version>,
    /// In all, milliseconds.
    pub duration_ms: u64,
    /// Why it is not a success.
    pub error: Option<Explained>,
    /// A sentence for people: what was done, or why there was nothing to do.
    pub message: String,
}

/// An error, explained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// What happened, to what, in one sentence.
    pub title: String,
    /// Facts, outermost first: what the database said, where, since when.
    pub causes: Vec<String>,
    /// The place in a file, drawn with a caret.
    pub snippet: Option<String>,
    /// What to do next, most likely first.
    pub hints: Vec<String>,
    /// The files that it is about, each with what is wrong there.
    pub marks: Vec<Mark>,
}

/// Something wrong with a file, and where: for whoever shows it beside the line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// As it was opened, from the current folder; none where the file is missed.
    pub path: Option<String>,
    /// From 1.
    pub line: Option<usize>,
    /// From 1.
    pub column: Option<usize>,
    /// What is wrong, in one sentence.
    pub message: String,
}

impl Explained {
    /// What happened, as the ledger keeps it for every follower: without advice, which is the leader's alone.
    pub fn to_text(&self) -> String {
        let mut text = self.title.clone();
        for cause in &self.causes {
            text.push_str("\n  ");
            text.push_str(cause);
        }
        if let Some(snippet) = &self.snippet {
            text.push('\n');
            text.push_str(snippet);
        }
        text
    }
}
