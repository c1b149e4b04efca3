//! What this participant is to do: everything that leading and following need, decided once by `app.rs`.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::database::{Database, DbError, DbErrorKind, Engine, EngineName, LockKey, Purpose, Server, Target};
use crate::error::{Doing, Error, Seeking};
use crate::formats::{History, Rules};
use crate::ledger::Ledger;
use crate::ledger::history::HistoryTable;
use crate::ledger::look::{LookError, Scope};
use crate::model::event::{Event, Watched};
use crate::model::ids::{Digest, Participant, Release, RunId, Version};
use crate::model::migration::{Applied, Bundle, Pending};
use crate::model::run::{Role, Run};
use crate::plan::pending::{Judgement, judge};
use crate::report::Report;

/// What one attempt to connect may take.
const ATTEMPT: Duration = Duration::from_secs(10);
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
    /// What we do.
    pub role: Role,
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

    /// Ends a wait when the signal comes.
    pub async fn signalled(&self) -> u8 {
        let mut signal = self.signal.clone();
        loop {
            if let Some(number) = *signal.borrow_and_update() {
                return number;
            }
            if signal.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// The error of a signal that ended a wait.
    pub fn interrupted(signal: u8) -> Error {
        Error::Signalled { signal, step: None, applied: Vec::new(), half_applied: false }
    }

    /// Sleeps, but not past a signal.
    pub async fn pause(&self, duration: Duration) -> Result<(), Error> {
        tokio::select! {
            () = sleep(duration) => Ok(()),
            signal = self.signalled() => Err(Self::interrupted(signal)),
        }
    }

    /// A session that knows its server. `first`: nothing has answered yet, and only what a starting deploy may meet is
    /// tried again, for `connect.wait` at most.
    pub async fn open(&self, purpose: Purpose, first: bool) -> Result<(Box<dyn Database>, Server), Error> {
        let until = self.limits.deadline().min(Instant::now() + self.limits.connect_wait);
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match self.try_open(purpose).await {
                Ok(opened) => return Ok(opened),
                Err(error) => error,
            };
            let again = first && error.database_kind().is_some_and(DbErrorKind::passes_at_first);
            if !again || Instant::now() + pause >= until {
                return Err(error);
            }
            self.retrying("connecting to", &error, pause);
            self.pause(pause).await?;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn try_open(&self, purpose: Purpose) -> Result<(Box<dyn Database>, Server), Error> {
        let mut session = self.connect(purpose).await?;
        let server = self.identify(session.as_mut()).await?;
        Ok((session, server))
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

    /// A bare session; one attempt.
    pub async fn connect(&self, purpose: Purpose) -> Result<Box<dyn Database>, Error> {
        let left = self.limits.deadline().saturating_duration_since(Instant::now());
        let asked = self.target.connect_timeout.map_or(ATTEMPT, Duration::from_secs);
        let limit = ATTEMPT.min(asked).min(left).max(Duration::from_secs(1));
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

    /// What the database said, with what we did; a missing right with the `GRANT` that gives it.
    pub fn refused(&self, doing: Doing, error: DbError) -> Error {
        let target = self.place();
        let mut error = error;
        // a server may be read-only for a moment; a file is not
        if error.kind == DbErrorKind::ReadOnly && !self.beats() && doing != Doing::Looking {
            error.kind = DbErrorKind::Privilege;
        }
        let grants = match doing {
            _ if error.kind != DbErrorKind::Privilege => Vec::new(),
            Doing::Looking | Doing::ReadingHistory => self.grants(),
            Doing::Installing | Doing::MakingHistory | Doing::Claiming | Doing::Recording => {
                self.grants_to_lead(doing)
            }
            Doing::Connecting | Doing::Identifying | Doing::Locking => Vec::new(),
        };
        match grants.is_empty() {
            true => Error::Database { doing, engine: self.engine.name, target, error },
            false => Error::NoPrivilege { doing, target, error, grants },
        }
    }

    /// What lets our own user make the tables, or write the ledger; none where there are no users.
    fn grants_to_lead(&self, doing: Doing) -> Vec<String> {
        let dialect = self.engine.dialect;
        let Some(grant) = dialect.grant else { return Vec::new() };
        let grantee = (grant.grantee)(self.target.user.as_deref().unwrap_or("the_user"));
        let schema = self.ledger.schema().or(dialect.default_schema);
        match (doing, schema) {
            (Doing::Installing | Doing::MakingHistory, Some(schema)) if grant.schema_usage => {
                vec![format!("GRANT USAGE, CREATE ON SCHEMA {} TO {grantee};", dialect.quote(schema))]
            }
            (Doing::Installing | Doing::MakingHistory, _) => {
                let database = schema.or(self.target.database.as_deref()).unwrap_or("the_database");
                let database = dialect.quote(database);
                vec![format!("GRANT ALL ON {database}.* TO {grantee};")]
            }
            _ => {
                let tables = self.ledger.written_tables().into_iter();
                tables
                    .map(|table| format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {grantee};"))
                    .collect()
            }
        }
    }

    /// What lets our own user read, to be pasted.
    fn grants(&self) -> Vec<String> {
        let user = self.target.user.as_deref().unwrap_or("the_user");
        // which schema the history is in is not known before a session is open: where the URL says, else the default
        let path = self.target.settings.iter().find(|(name, _)| name == "search_path");
        let schema = path.map(|(_, path)| path.split(',').next().unwrap_or(path).trim());
        let own_database = self.target.database.as_deref().filter(|_| self.engine.name == EngineName::MySql);
        let schema = schema.or(own_database);
        self.grants_for(user, schema).into_iter().map(|grant| grant + ";").collect()
    }

    /// What lets a role read ledger and history.
    pub fn grants_for(&self, role: &str, history_schema: Option<&str>) -> Vec<String> {
        let mut tables = self.ledger.read_tables().to_vec();
        tables.extend(self.history.map(|history| (history_schema, history.table)));
        self.engine.dialect.grants(role, &tables)
    }

    /// The same for a look.
    pub fn look_failed(&self, error: LookError) -> Error {
        match error {
            LookError::Database(error) => self.refused(Doing::Looking, error),
            LookError::Newer { min_reader } => Error::LedgerNewer { min_reader },
            LookError::Unreadable(word) => Error::LedgerUnreadable { what: word.to_string() },
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
        age_ms: count(now - run.started_at),
        beat_age_ms: quiet.map(milliseconds),
        url: run.url.clone(),
    }
}

/// For events.
pub fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
