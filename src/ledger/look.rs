//! A look: one statement, in autocommit, that says all an observer needs of the runs. Reads only, waits on no lock.

use crate::database::{Database, DbError, DbErrorKind, Row, Statement, Value};
use crate::ledger::{LEDGER_VERSION, Ledger};
use crate::model::ids::{Deploy, Digest, Environment, Participant, Release, RunId};
use crate::model::run::Run;

/// Which runs are ours: our lock name, environment, release, and deploy if we were given one; if none is ours by
/// release, one with our digest that was at work at or after our first look.
#[derive(Clone, Debug)]
pub struct Scope {
    /// One lock name = one body of migrations.
    pub lock_name: String,
    /// A label of runs.
    pub environment: Environment,
    /// None: every run of our lock name and environment is ours.
    pub release: Option<Release>,
    /// Part of matching only when the user gave it.
    pub deploy: Option<Deploy>,
    /// Of our bundle or command.
    pub digest: Option<Digest>,
}

/// What one look saw.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// Ours with the highest fence.
    pub latest: Option<Run>,
    /// Ours with the highest fence among those that failed or succeeded.
    pub verdict: Option<Run>,
    /// Failed runs of ours since the last success.
    pub failures: u32,
    /// The highest fence under our lock name, of anybody's run; 0 = none.
    pub high: i64,
    /// The highest fence among those that had ended; 0 = none. At our first look: everything up to it is *old*.
    pub ended: i64,
    /// The database's clock, milliseconds since 1970. For ages and the failure window only.
    pub now: i64,
}

/// Why a look shows nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LookError {
    /// The database said no.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The ledger is of a newer major version.
    #[error("the ledger needs a reader of version {min_reader}")]
    Newer {
        /// The version that may read it.
        min_reader: i64,
    },
    /// A row holds what we cannot read, or a word that we do not know.
    #[error("{column} of the run {run} is {value}")]
    Unreadable {
        /// Which run's row.
        run: RunId,
        /// Where.
        column: &'static str,
        /// What is there.
        value: String,
    },
}

pub(super) const RUN: &str = "r.id, r.environment, r.lock_name, r.lock_mode, r.{release}, r.digest, r.deploy, r.leader, \
    r.platform, r.host, r.url, r.engine, r.session, r.status, r.fence, r.beats, r.total, r.done, r.{current}, r.error, \
    r.failed_step, {epoch:r.started_at}, {epoch:r.beat_at}, {epoch:r.finished_at}, r.ended_by";

impl Ledger {
    /// One look. `since` is the fence from which on runs count as seen at work (one above [`Look::ended`] of the first
    /// look); none = this is the first. A missing ledger is an empty look.
    pub async fn look(
        &self,
        session: &mut dyn Database,
        scope: &Scope,
        since: Option<i64>,
    ) -> Result<Look, LookError> {
        let statement = self.look_statement(scope, since);
        let reply = match session.query(&statement).await {
            Err(error) if error.kind == DbErrorKind::MissingTable => return Ok(Look::default()),
            reply => reply?,
        };
        let mut look = Look::default();
        for row in &reply.rows {
            read_row(row, &mut look)?;
        }
        Ok(look)
    }

    /// Few subqueries, since a new server process plans each anew; and each on an index, since ledgers grow.
    fn look_statement(&self, scope: &Scope, since: Option<i64>) -> Statement {
        let release = Clause::ours(scope).and_release(scope);
        let lock = Clause::lock(scope);
        let mut sql = Clause::default();
        sql.push("SELECT a.lr, a.vr, d.ld, d.vd, (SELECT COUNT(*) FROM {runs} WHERE ");
        sql.append(&release);
        sql.push(
            " AND status = 'failed' AND fence > COALESCE(a.won, 0)), (SELECT MAX(fence) FROM {runs} WHERE ",
        );
        sql.append(&lock);
        sql.push("), (SELECT MAX(fence) FROM {runs} WHERE ");
        sql.append(&lock);
        sql.push(" AND status <> 'running'), (SELECT MAX(min_reader) FROM {meta}), {now ms}, ");
        sql.push(RUN);
        sql.push(" FROM (SELECT MAX(fence) AS lr, ");
        sql.push(ENDED);
        sql.push(" AS vr, MAX(CASE WHEN status = 'succeeded' THEN fence END) AS won FROM {runs} WHERE ");
        sql.append(&release);
        sql.push(") a CROSS JOIN (SELECT MAX(fence) AS ld, ");
        sql.push(ENDED);
        sql.push(" AS vd FROM {runs} WHERE ");
        sql.append(&Clause::ours(scope).and_digest(scope, since));
        sql.push(") d LEFT JOIN {runs} r ON r.");
        sql.append(&lock);
        sql.push(
            " AND (r.fence = COALESCE(a.lr, d.ld) \
                  OR r.fence = CASE WHEN a.lr IS NULL THEN d.vd ELSE a.vr END)",
        );
        self.statement(&sql.text, sql.arguments)
    }
}

/// The highest fence with a verdict.
const ENDED: &str = "MAX(CASE WHEN status = 'failed' OR status = 'succeeded' THEN fence END)";

/// A piece of a statement with its arguments, in the order of the text.
#[derive(Clone, Default)]
struct Clause {
    text: String,
    arguments: Vec<Value>,
}

impl Clause {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn append(&mut self, other: &Self) {
        self.push(&other.text);
        self.arguments.extend(other.arguments.iter().cloned());
    }

    fn and(mut self, text: &str, argument: &str) -> Self {
        self.push(text);
        self.arguments.push(Value::from(argument));
        self
    }

    fn lock(scope: &Scope) -> Self {
        Self::default().and("lock_name = ?", &scope.lock_name)
    }

    fn ours(scope: &Scope) -> Self {
        let ours = Self::lock(scope).and(" AND environment = ?", scope.environment.as_str());
        match &scope.deploy {
            Some(deploy) => ours.and(" AND deploy = ?", deploy.as_str()),
            None => ours,
        }
    }

    fn and_release(self, scope: &Scope) -> Self {
        match &scope.release {
            Some(release) => self.and(" AND {release} = ?", release.as_str()),
            None => self,
        }
    }

    /// Only what was at work at or after our first look counts by digest.
    fn and_digest(self, scope: &Scope, since: Option<i64>) -> Self {
        let Some(digest) = &scope.digest else {
            let mut nobody = self;
            nobody.push(" AND 1 = 0");
            return nobody;
        };
        let mut ours = self.and(" AND digest = ?", digest.as_str());
        match since {
            Some(fence) => {
                ours.push(" AND fence >= ?");
                ours.arguments.push(Value::Int(fence));
            }
            None => ours.push(" AND status = 'running'"),
        }
        ours
    }
}

/// The columns before the run's.
const FACTS: usize = 9;

fn read_row(row: &Row, look: &mut Look) -> Result<(), LookError> {
    let min_reader = row.opt_int(7)?.unwrap_or(LEDGER_VERSION);
    if min_reader > LEDGER_VERSION {
        return Err(LookError::Newer { min_reader });
    }
    let by_release = row.opt_int(0)?;
    let latest = by_release.or(row.opt_int(2)?);
    let verdict = if by_release.is_some() { row.opt_int(1)? } else { row.opt_int(3)? };
    look.failures = u32::try_from(row.int(4)?).unwrap_or(u32::MAX);
    look.high = row.opt_int(5)?.unwrap_or(0);
    look.ended = row.opt_int(6)?.unwrap_or(0);
    look.now = row.int(8)?;
    if row.opt_text(FACTS)?.is_none() {
        return Ok(());
    }
    let run = read_run(row, FACTS)?;
    if Some(run.fence) == verdict {
        look.verdict = Some(run.clone());
    }
    if Some(run.fence) == latest {
        look.latest = Some(run);
    }
    Ok(())
}

fn read_run(row: &Row, from: usize) -> Result<Run, LookError> {
    let opt_text = |index: usize| row.opt_text(from + index).ok().flatten();
    let opt_int = |index: usize| row.opt_int(from + index).ok().flatten();
    let text = |index| opt_text(index).ok_or_else(|| odd(row, from, index));
    let int = |index| opt_int(index).ok_or_else(|| odd(row, from, index));
    Ok(Run {
        id: RunId(text(0)?),
        environment: Environment(text(1)?),
        lock_name: text(2)?,
        lock_mode: text(3)?.parse().map_err(|_| odd(row, from, 3))?,
        release: Release(text(4)?),
        digest: Digest(text(5)?),
        deploy: opt_text(6).map(Deploy),
        leader: Participant(text(7)?),
        platform: text(8)?,
        host: text(9)?,
        url: opt_text(10),
        engine: text(11)?.parse().map_err(|_| odd(row, from, 11))?,
        session: text(12)?,
        status: text(13)?.parse().map_err(|_| odd(row, from, 13))?,
        fence: int(14)?,
        beats: int(15)?,
        total: int(16)?,
        done: int(17)?,
        current: opt_text(18),
        error: opt_text(19),
        failed_step: opt_text(20),
        started_at: int(21)?,
        beat_at: int(22)?,
        finished_at: opt_int(23),
        ended_by: opt_text(24),
    })
}

/// The columns that must be readable, as in [`RUN`].
const COLUMNS: [&str; 23] = [
    "id",
    "environment",
    "lock_name",
    "lock_mode",
    "release",
    "digest",
    "deploy",
    "leader",
    "platform",
    "host",
    "url",
    "engine",
    "session",
    "status",
    "fence",
    "beats",
    "total",
    "done",
    "current",
    "error",
    "failed_step",
    "started_at",
    "beat_at",
];

/// A value that no leader writes.
fn odd(row: &Row, from: usize, index: usize) -> LookError {
    let run = row.opt_text(from).ok().flatten().unwrap_or_default();
    let value = match row.opt_text(from + index) {
        Ok(Some(text)) => format!("\"{}\"", text.chars().take(40).collect::<String>()),
        Ok(None) => "empty".to_owned(),
        Err(_) => "no text".to_owned(),
    };
    LookError::Unreadable { run: RunId(run), column: COLUMNS.get(index).copied().unwrap_or("?"), value }
}

impl Ledger {
    /// The database's clock, milliseconds since 1970.
    pub async fn now(&self, session: &mut dyn Database) -> Result<i64, DbError> {
        let reply = session.query(&self.statement("SELECT {now ms}", vec![])).await?;
        reply.rows.first().map_or(Ok(0), |row| row.int(0))
    }

    /// The run with this id, whoever's it is.
    pub async fn run(&self, session: &mut dyn Database, id: &RunId) -> Result<Option<Run>, LookError> {
        let sql = format!("SELECT {RUN} FROM {{runs}} r WHERE r.id = ?");
        self.first_run(session, &sql, vec![Value::from(id.as_str())]).await
    }

    /// The run that the lock's row names: the holder's, or the last holder's.
    pub async fn holder(
        &self,
        session: &mut dyn Database,
        lock_name: &str,
    ) -> Result<Option<Run>, LookError> {
        let sql = format!("SELECT {RUN} FROM {{lock}} l JOIN {{runs}} r ON r.id = l.run_id WHERE l.name = ?");
        self.first_run(session, &sql, vec![Value::from(lock_name)]).await
    }

    /// Everyone who ever led under this lock name.
    pub async fn leaders(
        &self,
        session: &mut dyn Database,
        lock_name: &str,
    ) -> Result<Vec<Participant>, DbError> {
        let sql = "SELECT DISTINCT leader FROM {runs} WHERE lock_name = ?";
        match session.query(&self.statement(sql, vec![Value::from(lock_name)])).await {
            Err(error) if error.kind == DbErrorKind::MissingTable => Ok(Vec::new()),
            reply => reply?.rows.iter().map(|row| row.text(0).map(Participant)).collect(),
        }
    }

    /// Everybody's runs under our lock name from this fence on, oldest first.
    pub async fn runs_since(
        &self,
        session: &mut dyn Database,
        lock_name: &str,
        fence: i64,
    ) -> Result<Vec<Run>, LookError> {
        let sql =
            format!("SELECT {RUN} FROM {{runs}} r WHERE r.lock_name = ? AND r.fence >= ? ORDER BY r.fence");
        let arguments = vec![Value::from(lock_name), Value::Int(fence)];
        let rows = match session.query(&self.statement(&sql, arguments)).await {
            Err(error) if error.kind == DbErrorKind::MissingTable => return Ok(Vec::new()),
            reply => reply?.rows,
        };
        rows.iter().map(|row| read_run(row, 0)).collect()
    }

    async fn first_run(
        &self,
        session: &mut dyn Database,
        sql: &str,
        arguments: Vec<Value>,
    ) -> Result<Option<Run>, LookError> {
        match session.query(&self.statement(sql, arguments)).await {
            Err(error) if error.kind == DbErrorKind::MissingTable => Ok(None),
            reply => reply?.rows.first().map(|row| read_run(row, 0)).transpose(),
        }
    }
}
