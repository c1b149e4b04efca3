//! What this participant is to do: everything that leading and following need, decided once by `app.rs`.

mod refusal;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::database::{Database, DbError, DbErrorKind, Engine, EngineName, LockKey, Purpose, Server, Target};
use crate::engine::command::Command;
use crate::error::{Doing, Error, Seeking};
use crate::formats::{History, Rules};
use crate::ledger::Ledger;
use crate::ledger::history::HistoryTable;
use crate::ledger::look::{LookError, Scope};
use crate::model::choice::LockChoice;
use crate::model::event::{Event, Watched};
use crate::model::ids::{Digest, Participant, Release, RunId, Version};
use crate::model::migration::{Applied, Bundle, Pending};
use crate::model::run::{Role, Run};
use crate::plan::pending::{Judgement, judge};
use crate::report::Report;

/// What one attempt to connect may take.
const ATTEMPT: Duration = Duration::from_secs(10);
/// Less than this is no attempt.
const SHORTEST_ATTEMPT: Duration = Duration::from_millis(500);
/// Between attempts: doubled up to a limit.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What this participant is to do.
pub struct Job {
    /// Where.
    pub target: Arc<Target>,
    /// Which kind of server.
    pub engine: &'static Engine,
    /// The ledger there.
    pub ledger: Ledger,
    /// Which runs are ours.
    pub scope: Scope,
    /// The lock.
    pub key: LockKey,
    /// Which kind of it.
    pub lock_mode: LockChoice,
    /// What we do.
    pub role: Role,
    /// Whom the config names as leader, where that is not us.
    pub leader: Option<Participant>,
    /// What we run in place of SQL files.
    pub command: Option<Command>,
    /// What has to succeed after it.
    pub check: Option<Command>,
    /// Our migrations; none for a follower without any.
    pub bundle: Option<Bundle>,
    /// Where their format records them.
    pub history: Option<&'static History>,
    /// What is done about odd histories.
    pub rules: Rules,
    /// Who we are, in the ledger.
    pub identity: Identity,
    /// Limits.
    pub limits: Limits,
    /// Roles that may read the ledger.
    pub readers: Vec<String>,
    /// Where events go.
    pub report: Arc<dyn Report>,
    /// The run that we lead, once we do.
    pub own_run: OnceLock<RunId>,
    /// The run whose command started us, if one did.
    pub inside: Option<RunId>,
    /// The signal that is to end us, once there is one.
    pub signal: watch::Receiver<Option<u8>>,
}

/// Who we are, in the ledger.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Our name, or the host's where nothing says one.
    pub participant: Participant,
    /// Where we run.
    pub platform: String,
    /// The host's name.
    pub host: String,
    /// A page that shows us at work.
    pub url: Option<String>,
}

/// How long what may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// When the process began.
    pub began: Instant,
    /// All in all.
    pub budget: Duration,
    /// Until the first connection.
    pub connect_wait: Duration,
    /// For the lock; none = the budget.
    pub lock_wait: Option<Duration>,
    /// For a lock that a script needs; 0 = off.
    pub ddl_lock_timeout: Duration,
    /// `follow.start`.
    pub start: Duration,
    /// `follow.grace`.
    pub grace: Duration,
    /// `follow.window`.
    pub window: Duration,
}

impl Limits {
    /// When the budget ends.
    pub fn deadline(&self) -> Instant {
        self.began + self.budget
    }
}

/// What ended well.
#[derive(Clone, Debug)]
pub struct Success {
    /// The run that decided, ours or the leader's.
    pub run: Option<RunId>,
    /// What we applied.
    pub applied: Vec<Version>,
    /// What there was to it, in one sentence.
    pub message: String,
}

impl Job {
    /// Whether leaders of this engine have a second session to beat on. SQLite's have not: alive is who has the lock.
    pub fn beats(&self) -> bool {
        self.engine.name != EngineName::Sqlite
    }

    /// SQLite: a database that no leader has made yet is no error for those who look.
    pub fn no_file(&self, error: &Error) -> bool {
        self.engine.name == EngineName::Sqlite && error.database_kind() == Some(DbErrorKind::UnknownDatabase)
    }

    /// The database, for messages.
    pub fn place(&self) -> String {
        self.target.to_string()
    }

    /// Of our bundle or command; empty where we have none.
    pub fn digest(&self) -> Digest {
        self.scope.digest.clone().unwrap_or(Digest(String::new()))
    }

    /// The release as the ledger records it.
    pub fn release(&self) -> Release {
        self.scope.release.clone().unwrap_or_else(|| Release(self.digest().0))
    }

    /// Migrations of our bundle for people: the file's name, and the version where the name does not begin with it.
    pub fn named(&self, versions: &[Version]) -> Vec<String> {
        let migrations = self.bundle.as_ref().map_or(&[][..], |bundle| bundle.migrations.as_slice());
        let name = |version: &Version| {
            let Some(migration) = migrations.iter().find(|migration| migration.version == *version) else {
                return version.to_string();
            };
            let stem = migration.name.strip_suffix(".sql").unwrap_or(&migration.name);
            let stem = stem.strip_suffix(".up").unwrap_or(stem);
            match stem.starts_with(&format!("{version}_")) {
                true => stem.to_owned(),
                false => format!("{version} ({stem})"),
            }
        };
        versions.iter().map(name).collect()
    }

    /// Ends a wait when the signal comes.
    pub async fn signalled(&self) -> u8 {
        signalled(&self.signal).await
    }

    /// The error of a signal that ended a wait.
    pub fn interrupted(signal: u8) -> Error {
        Error::Signalled { signal, step: None, waiting: None, applied: Vec::new(), half_applied: false }
    }

    /// Sleeps, but not past a signal.
    pub async fn pause(&self, duration: Duration) -> Result<(), Error> {
        tokio::select! {
            () = sleep(duration) => Ok(()),
            signal = self.signalled() => Err(Self::interrupted(signal)),
        }
    }

    /// A session that knows its server; see [`Job::insist`].
    pub async fn open(&self, purpose: Purpose, first: bool) -> Result<(Box<dyn Database>, Server), Error> {
        let open = async |limit| {
            let mut session = self.connect(purpose, limit).await?;
            let server = self.identify(session.as_mut()).await?;
            Ok((session, server))
        };
        self.insist(first, open).await
    }

    /// Opens what `open` opens within the time that it is given. `first`: nothing has answered yet, and what a starting
    /// deploy may meet is tried again, for `connect.wait` at most; else there is one try.
    pub async fn insist<T>(
        &self,
        first: bool,
        open: impl AsyncFn(Duration) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let began = Instant::now();
        let wait = if first { self.limits.connect_wait.max(SHORTEST_ATTEMPT) } else { ATTEMPT };
        let until = self.limits.deadline().min(began + wait);
        let mut pause = FIRST_PAUSE;
        for tries in 1.. {
            let left = until.saturating_duration_since(Instant::now());
            let error = match open(left).await {
                Ok(opened) => return Ok(opened),
                Err(error) => error,
            };
            let again = first && error.database_kind().is_some_and(DbErrorKind::passes_at_first);
            let left = until.saturating_duration_since(Instant::now());
            if !again || left.is_zero() {
                return Err(if again { error.tried(began.elapsed(), tries) } else { error });
            }
            // the last try is at the very end
            pause = pause.min(left);
            self.retrying("connecting to", &error, pause);
            self.pause(pause).await?;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        Err(Error::Bug { what: "no more tries to connect".to_owned() })
    }

    /// Nobody waits for the run whose command they are part of: it would never end.
    pub fn not_inside(&self, run: &Run) -> Result<(), Error> {
        match &self.inside {
            Some(inside) if *inside == run.id => {
                Err(Error::InsideOwnRun { run: run.id.clone(), leader: run.leader.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Says that we try again. A writer in a SQLite database is no news worth a line.
    pub fn retrying(&self, what: &str, error: &Error, pause: Duration) {
        if error.database_kind() != Some(DbErrorKind::Busy) {
            self.report.event(&Event::Retrying {
                what: format!("{what} {}", self.place()),
                reason: error.to_string(),
                pause_ms: milliseconds(pause),
            });
        }
    }

    /// A bare session; one attempt, at most `limit` long.
    pub async fn connect(&self, purpose: Purpose, limit: Duration) -> Result<Box<dyn Database>, Error> {
        let left = self.limits.deadline().saturating_duration_since(Instant::now());
        let asked = self.target.connect_timeout.map_or(ATTEMPT, Duration::from_secs);
        let limit = ATTEMPT.min(limit).min(asked).min(left).max(SHORTEST_ATTEMPT);
        tokio::select! {
            connected = (self.engine.connect)(&self.target, purpose, limit) => {
                connected.map_err(|error| self.refused(Doing::Connecting, error))
            }
            signal = self.signalled() => Err(Self::interrupted(signal)),
        }
    }

    /// What a bare session's server is.
    pub async fn identify(&self, session: &mut dyn Database) -> Result<Server, Error> {
        let identified = timeout(ATTEMPT, session.identify()).await;
        let identified = identified.unwrap_or_else(|_| {
            Err(DbError::new(DbErrorKind::Timeout, format!("no answer within {} s", ATTEMPT.as_secs())))
        });
        identified.map_err(|error| self.refused(Doing::Identifying, error))
    }

    /// What a look met, with what we did.
    pub fn look_failed(&self, error: LookError) -> Error {
        match error {
            LookError::Database(error) => self.refused(Doing::Looking, error),
            LookError::Newer { min_reader } => Error::LedgerNewer { min_reader },
            error @ LookError::Unreadable { .. } => Error::LedgerUnreadable { what: error.to_string() },
        }
    }

    /// The history's table in the server's own place for it.
    pub fn history_table(&self, server: &Server) -> Option<HistoryTable> {
        let history = self.history?;
        Some(HistoryTable::new(self.engine.dialect, history, server.schema.as_deref()))
    }

    /// The history as a session finds it by its search path: for those who look, whose roles may have schemas of their
    /// own in front of the leader's, and who run no script that could change the path.
    pub fn history_by_path(&self) -> Option<HistoryTable> {
        Some(HistoryTable::by_path(self.engine.dialect, self.history?))
    }

    /// What the history says, and what follows for our bundle. Reads only.
    pub async fn judge(
        &self,
        session: &mut dyn Database,
        history: Option<&HistoryTable>,
    ) -> Result<(Option<Judgement>, Pending), DbError> {
        let (Some(bundle), Some(history)) = (&self.bundle, history) else {
            return Ok((None, Pending::Unknown));
        };
        let applied: Vec<Applied> = history.read(session).await?;
        let judgement = judge(bundle, &applied, self.rules);
        let pending = judgement.pending(bundle);
        Ok((Some(judgement), pending))
    }

    /// What a follower looked for, and what else there was.
    pub async fn seeking(&self, session: Option<&mut dyn Database>, since: i64) -> Seeking {
        let others = match session {
            Some(session) => {
                self.ledger.runs_since(session, &self.scope.lock_name, since).await.unwrap_or_default()
            }
            None => Vec::new(),
        };
        Seeking {
            lock_name: self.scope.lock_name.clone(),
            environment: self.scope.environment.clone(),
            release: self.scope.release.as_ref().map(|release| release.0.clone()),
            others,
        }
    }
}

/// Ends a wait when the signal comes.
pub async fn signalled(signal: &watch::Receiver<Option<u8>>) -> u8 {
    let mut signal = signal.clone();
    loop {
        if let Some(number) = *signal.borrow_and_update() {
            return number;
        }
        if signal.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// A run, for people who watch it.
pub fn watched(run: &Run, now: i64, quiet: Option<Duration>) -> Watched {
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    Watched {
        run: run.id.clone(),
        leader: run.leader.clone(),
        environment: run.environment.clone(),
        release: run.release.clone(),
        status: run.status,
        done: count(run.done),
        total: count(run.total),
        current: run.current.clone(),
        age_ms: count(now.saturating_sub(run.started_at)),
        beat_age_ms: quiet.map(milliseconds),
        url: run.url.clone(),
    }
}

/// For events.
pub fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
