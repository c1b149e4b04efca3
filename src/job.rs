//! What this participant is to do: everything that leading and following need, decided once by `app.rs`. A [`Party`] needs
//! no database, a [`Job`] has one.

pub mod deployments;
mod early;
pub mod held_up;
mod known;
mod party;
mod refusal;

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::database::url::sqlserver::HISTORY;
use crate::database::{Database, DbError, DbErrorKind, Engine, EngineName, LockKey, Purpose, Server, Target};
use crate::engine::command::Command;
use crate::error::{Doing, Error};
use crate::formats::{Format, Rules};
use crate::job::deployments::Deployments;
use crate::ledger::Ledger;
use crate::ledger::history::{HistoryTable, Recorded};
use crate::ledger::look::LookError;
use crate::lock::choose::{self, Chosen};
use crate::model::choice::LockChoice;
use crate::model::migration::{Applied, Bundle, Migration, Pending};
use crate::plan::need::Need;
use crate::plan::pending::{Blind, Judgement, judge};

pub use self::early::Early;
pub use self::known::Known;
pub use self::party::{Identity, Limits, Party, Success, milliseconds, signalled, watched};

/// What one attempt to connect may take.
const ATTEMPT: Duration = Duration::from_secs(10);
/// Less than this is no attempt.
const SHORTEST_ATTEMPT: Duration = Duration::from_millis(500);
/// Between attempts: doubled up to a limit.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long one attempt to connect may take, of the time that there is.
fn attempt(target: &Target, time: Duration) -> Duration {
    let asked = target.connect_timeout.map_or(ATTEMPT, Duration::from_secs);
    ATTEMPT.min(time).min(asked).max(SHORTEST_ATTEMPT)
}

/// What a leader or an elect is to do, or a follower who looks at the ledger.
pub struct Job {
    /// What all participants have, whatever they look at.
    pub party: Party,
    /// Where.
    pub target: Arc<Target>,
    /// Which kind of server.
    pub engine: &'static Engine,
    /// The ledger there.
    pub ledger: Ledger,
    /// The lock.
    pub key: LockKey,
    /// Which kind of it.
    pub lock_mode: LockChoice,
    /// What we run in place of SQL files.
    pub command: Option<Command>,
    /// What has to succeed after it.
    pub check: Option<Command>,
    /// Our migrations' format, which says where they are recorded.
    pub format: Option<&'static dyn Format>,
    /// What is done about odd histories.
    pub rules: Rules,
    /// A follower that looks at the history alone: the ledger may not be there, or not be for it to read.
    pub by_history: bool,
    /// The one migration of the bundle that a follower waits for.
    pub needs: Option<Need>,
    /// Roles that may read the ledger.
    pub readers: Vec<String>,
    /// Where else our run is told of.
    pub deployments: Option<Deployments>,
    /// The session of the first look, if it opens already.
    pub early: Early,
    /// How our run ended, while that is being recorded.
    pub known: Known,
}

impl Deref for Job {
    type Target = Party;

    fn deref(&self) -> &Party {
        &self.party
    }
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

    /// What decides on the kind of lock.
    pub fn lock_wanted(&self) -> choose::Wanted {
        choose::Wanted { choice: self.lock_mode, server: self.beats(), pooled: self.target.pooled }
    }

    /// No lock is safe here.
    pub fn unsafe_lock(&self, chosen: Chosen) -> Error {
        let (engine, target) = (self.engine.name, self.place());
        Error::UnsafeLock { engine, pooled: chosen.pooled, target, reason: chosen.reason }
    }

    /// The database, for messages.
    pub fn place(&self) -> String {
        self.target.to_string()
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

    /// A bare session; one attempt, at most `limit` long.
    pub async fn connect(&self, purpose: Purpose, limit: Duration) -> Result<Box<dyn Database>, Error> {
        let left = self.limits.deadline().saturating_duration_since(Instant::now());
        let limit = attempt(&self.target, limit.min(left));
        let connecting = async {
            match self.early.take(purpose, limit).await {
                Some(opened) => opened,
                None => (self.engine.connect)(&self.target, purpose, limit).await,
            }
        };
        tokio::select! {
            connected = connecting => connected.map_err(|error| self.refused(Doing::Connecting, error)),
            signal = self.signalled() => Err(Party::interrupted(signal)),
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
        let schema = self.history_schema().or(server.schema.as_deref());
        Some(HistoryTable::new(self.engine.dialect, self.format?, schema))
    }

    /// Where the URL says that the history is, on a server that has no search path to be set.
    pub fn history_schema(&self) -> Option<&str> {
        let mut settings = self.target.settings.iter();
        settings.find(|(name, _)| name == HISTORY).map(|(_, schema)| schema.as_str())
    }

    /// The history as a session finds it by its search path: for those who look, whose roles may have schemas of their
    /// own in front of the leader's, and who run no script that could change the path.
    pub fn history_by_path(&self) -> Option<HistoryTable> {
        match self.history_schema() {
            Some(schema) => Some(HistoryTable::new(self.engine.dialect, self.format?, Some(schema))),
            None => Some(HistoryTable::by_path(self.engine.dialect, self.format?)),
        }
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
        let recorded = history.read(session).await?;
        let mut judgement = self.judgement(bundle, history, &recorded);
        if recorded == Recorded::Nowhere {
            let schemas = history.elsewhere(session).await?;
            match (&judgement.unknown, schemas.first()) {
                (None, _) => judgement.doubt = self.doubt(history, &schemas),
                (Some(_), Some(schema)) => judgement.unknown_because(self.elsewhere(history, schema)),
                (Some(_), None) => {}
            }
        }
        let pending = self.pending(bundle, &judgement);
        Ok((Some(judgement), pending))
    }

    /// What of our bundle is pending, as far as it matters to us.
    pub fn pending(&self, bundle: &Bundle, judgement: &Judgement) -> Pending {
        match &self.needs {
            Some(need) => judgement.pending_of(bundle, &need.version),
            None => judgement.pending(bundle),
        }
    }

    /// What follows for our bundle from what a history says: the one judgement, by which a leader refuses and everybody
    /// else says what a leader would do.
    pub fn judgement(&self, bundle: &Bundle, history: &HistoryTable, recorded: &Recorded) -> Judgement {
        let judged = || -> Result<Judgement, Blind> {
            let named = match (&self.needs, recorded) {
                (Some(need), Recorded::Rows(rows)) => need.among(bundle, history.format(), rows)?,
                _ => None,
            };
            let bundle = named.as_ref().unwrap_or(bundle);
            let applied = self.understood(bundle, history, recorded)?;
            let mut judgement = judge(bundle, &applied, self.rules);
            if let Recorded::Rows(rows) = recorded {
                judgement.note(history.format().failures(rows));
                judgement.leave_out(bundle, &history.format().left_out(bundle, rows));
                judgement.leave_open(bundle, history.format().undecided(bundle, &applied));
            }
            Ok(judgement)
        };
        let mut judgement = judged().unwrap_or_else(|blind| Judgement::unknown(bundle, blind, self.rules));
        judgement.needed = self.needs.as_ref().map(|need| need.version.clone());
        if self.needs.is_some() && bundle.migrations.iter().all(Migration::is_named_only) {
            judgement.leave_the_rest();
        }
        if self.command.is_some() || history.format().writer().is_none() {
            judgement.leave_to_tool();
        }
        judgement
    }

    /// What a history says in terms of our bundle, or why that cannot be told.
    pub fn understood(
        &self,
        bundle: &Bundle,
        history: &HistoryTable,
        recorded: &Recorded,
    ) -> Result<Vec<Applied>, Blind> {
        let (format, table) = (history.format(), history.short_name());
        let why = match recorded {
            Recorded::Rows(rows) => {
                return format.applied(bundle, rows).map_err(|what| format!("{table}: {what}").into());
            }
            Recorded::Nowhere if format.lacks_driver(self.engine.dialect.name) => {
                let (format, server) = (format.name(), self.engine.name);
                format!("{format} has no driver for {server}, and so no {table} there")
            }
            // we make it ourselves
            Recorded::Nowhere if self.command.is_none() && format.writer().is_some() => return Ok(Vec::new()),
            Recorded::Nowhere => {
                let perhaps = format.absent().map(|clause| format!("; {clause}")).unwrap_or_default();
                format!("the table {table} is not there, or not where this session looks{perhaps}")
            }
            Recorded::Foreign(what) => format!("{table} is not as {} has it: {what}", format.name()),
        };
        Err(Blind { why, foreign: true })
    }

    /// Why a history that is there says nothing, and what makes it speak.
    fn elsewhere(&self, history: &HistoryTable, schema: &str) -> String {
        format!(
            "the table {} is in the schema {schema}, where this session does not look: {} in the database URL makes it",
            history.short_name(),
            self.parameter(schema)
        )
    }

    /// We would begin a history, and other schemas have one already: of other tenants, or the one that was meant.
    pub fn doubt(&self, history: &HistoryTable, schemas: &[String]) -> Option<String> {
        let (first, others) = schemas.split_first()?;
        let (schemas, have) = match others.len() {
            0 => (format!("the schema {first}"), "has"),
            1 => (format!("the schemas {first} and {}", others[0]), "have"),
            more => (format!("the schema {first} and {more} others"), "have"),
        };
        Some(format!(
            "there is no {} where this session looks, and {schemas} {have} one: if that is the history of this database, \
             {} in the database URL makes it so; else every migration is pending, and a leader applies them from the first",
            history.short_name(),
            self.parameter(first)
        ))
    }

    /// What a URL says of a schema.
    fn parameter(&self, schema: &str) -> String {
        match self.engine.name {
            EngineName::SqlServer => format!("`?schema={schema}`"),
            _ => format!("`?search_path={schema}`"),
        }
    }
}
