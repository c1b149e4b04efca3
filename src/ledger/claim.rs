//! What a leader writes before it works: the tables, the lock's row, the claim. Each statement is fenced or harmless.

use crate::database::{Database, DbError, DbErrorKind, Reply, Statement, Value};
use crate::ledger::look::LookError;
use crate::ledger::{LEDGER_VERSION, Ledger};
use crate::model::ids::RunId;
use crate::model::run::{Run, RunStatus};

/// The lock's row, locked by our transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockRow {
    /// The highest fence handed out, as far as this row knows.
    pub fence: i64,
    /// The run that holds or held the lease.
    pub run: Option<RunId>,
}

/// What is there of the ledger.
enum Installed {
    Nothing,
    /// All but our lock's row.
    Tables,
    WithRow,
}

/// How often an installation that collides with another's is tried anew: each collision means that somebody else got
/// further (T12).
const INSTALL_TRIES: u32 = 10;
/// As `begin` has it for the row, milliseconds.
const CLAIM_WAITS_MS: u64 = 1_000;

impl Ledger {
    /// Makes the tables if they are not there, runs `grants`, and makes our lock's row. Safe when many do
    /// it at once: a statement that collides is tried again, since the other one's work is what we wanted.
    pub async fn install(
        &self,
        session: &mut dyn Database,
        lock_name: &str,
        grants: &[String],
    ) -> Result<(), LookError> {
        match self.installed(session, lock_name).await? {
            Installed::WithRow => return Ok(()),
            Installed::Tables => {}
            Installed::Nothing => {
                self.create_tables(session).await?;
                // before the version: a ledger whose readers could not be let in is not installed yet
                for grant in grants {
                    until_nobody_collides(session, grant).await?;
                }
                self.record_version(session).await?;
            }
        }
        self.make_row(session, lock_name).await.map_err(LookError::from)
    }

    async fn installed(&self, session: &mut dyn Database, lock_name: &str) -> Result<Installed, LookError> {
        // all four: a ledger of which somebody dropped a table is made whole again
        let statement = self.statement(
            "SELECT MAX(min_reader), (SELECT COUNT(*) FROM {runs} WHERE 1 = 0), \
             (SELECT COUNT(*) FROM {steps} WHERE 1 = 0), (SELECT COUNT(*) FROM {lock} WHERE name = ?) FROM {meta}",
            vec![lock_name.into()],
        );
        let reply = match session.query(&statement).await {
            Err(error) if error.kind == DbErrorKind::MissingTable => return Ok(Installed::Nothing),
            reply => reply?,
        };
        let Some(row) = reply.rows.first() else { return Ok(Installed::Nothing) };
        match row.opt_int(0)? {
            Some(min_reader) if min_reader > LEDGER_VERSION => Err(LookError::Newer { min_reader }),
            Some(_) if row.int(3)? > 0 => Ok(Installed::WithRow),
            Some(_) => Ok(Installed::Tables),
            None => Ok(Installed::Nothing),
        }
    }

    async fn create_tables(&self, session: &mut dyn Database) -> Result<(), DbError> {
        let schema = self.text(self.dialect().schema);
        for statement in schema.split(SCHEMA_SEPARATOR).filter(|sql| !sql.trim().is_empty()) {
            until_nobody_collides(session, statement).await?;
        }
        Ok(())
    }

    async fn record_version(&self, session: &mut dyn Database) -> Result<(), DbError> {
        let version = Value::Int(LEDGER_VERSION);
        let meta = self.statement(
            "INSERT INTO {meta} (version, min_reader) VALUES (?, ?)",
            vec![version.clone(), version],
        );
        already_there_is_fine(session.query(&meta).await.map(|_| ()))
    }

    async fn make_row(&self, session: &mut dyn Database, lock_name: &str) -> Result<(), DbError> {
        let insert = self.statement("INSERT INTO {lock} (name, fence) VALUES (?, 0)", vec![lock_name.into()]);
        already_there_is_fine(session.query(&insert).await.map(|_| ()))
    }

    /// Opens the claim's transaction, whose first statement locks the row, for at most the second that `begin` sets.
    /// Where transactions of ours are single messages, nothing is opened: [`Ledger::claim_at_once`] compares.
    pub async fn begin_claim(&self, session: &mut dyn Database, lock_name: &str) -> Result<LockRow, DbError> {
        if self.is_whole() {
            return self.lock_row_as_it_is(session, lock_name).await;
        }
        let reply = self.begin(session, self.row_for_update(lock_name)).await?;
        read_lock_row(&reply, lock_name)
    }

    /// Reads the row, in no transaction; what is read next waits no longer for others than the claim itself.
    pub(crate) async fn lock_row_as_it_is(
        &self,
        session: &mut dyn Database,
        lock_name: &str,
    ) -> Result<LockRow, DbError> {
        let select = "SELECT fence, run_id FROM {lock} WHERE name = ?";
        let mut select = self.statement(select, vec![Value::from(lock_name)]);
        if let Some(limit) = self.dialect().lock_timeout {
            select = select.after(&limit(CLAIM_WAITS_MS));
        }
        read_lock_row(&session.query(&select).await?, lock_name)
    }

    /// What a claim has found, written in one message: `run` takes the lock's row, `dead` is marked. False: the row, or
    /// that run, is not as it was when the claim looked, and nothing is written.
    pub(crate) async fn claim_at_once(
        &self,
        session: &mut dyn Database,
        lock_name: &str,
        row: &LockRow,
        dead: Option<(&RunId, &str)>,
        run: Option<&Run>,
    ) -> Result<bool, DbError> {
        let (fence, named) = run.map_or((row.fence, row.run.as_ref()), |run| (run.fence, Some(&run.id)));
        let mut conditions = vec![self.lock_row_from(lock_name, row, fence, named)];
        conditions.extend(dead.map(|(dead, by)| self.abandoning(dead, by)));
        let insert = run.map(|run| self.recording(run));
        self.at_once(session, &conditions, insert.as_slice()).await
    }

    /// Locks the row in a transaction that is open.
    pub async fn lock_row(&self, session: &mut dyn Database, lock_name: &str) -> Result<LockRow, DbError> {
        let reply = session.query(&self.row_for_update(lock_name)).await?;
        read_lock_row(&reply, lock_name)
    }

    fn row_for_update(&self, lock_name: &str) -> Statement {
        self.statement(
            "SELECT fence, run_id FROM {lock} {update hint} WHERE name = ? {update}",
            vec![Value::from(lock_name)],
        )
    }

    /// The highest fence of any run under this lock name: after a failover it can be above the row's.
    pub async fn highest_fence(&self, session: &mut dyn Database, lock_name: &str) -> Result<i64, DbError> {
        let select = self.statement(
            "SELECT COALESCE(MAX(fence), 0) FROM {runs} WHERE lock_name = ?",
            vec![Value::from(lock_name)],
        );
        session.query(&select).await?.rows.first().map_or(Ok(0), |row| row.int(0))
    }

    /// Whether the session that a run recorded is still there, as far as the server lets us see.
    pub async fn session_lives(&self, session: &mut dyn Database, recorded: &str) -> Result<bool, DbError> {
        let Some(question) = self.dialect().session_lives else { return Ok(false) };
        let question = self.statement(question, vec![Value::from(recorded)]);
        Ok(!session.query(&question).await?.rows.is_empty())
    }

    /// Whether a statement of this run is in progress on the server, or may be as far as it lets us see.
    pub async fn statement_runs(&self, session: &mut dyn Database, run: &Run) -> Result<bool, DbError> {
        let Some(question) = self.dialect().marked else { return Ok(false) };
        // the number of a session that ended is given to others, whose statements may be hidden from us for ever
        let recorded = if run.status == RunStatus::Running { run.session.as_str() } else { "" };
        let arguments = vec![begins_with_mark(&run.id), recorded.into()];
        Ok(!session.query(&self.statement(question, arguments)).await?.rows.is_empty())
    }

    /// What cancels this run's statement, whichever session runs it; none where that cannot be asked for.
    pub fn cancel_marked(&self, run: &RunId) -> Option<Statement> {
        Some(self.statement(self.dialect().cancel_marked?, vec![begins_with_mark(run)]))
    }

    /// Ends whatever session runs this run's statement now. False: none that we could see, or end.
    pub async fn end_marked(&self, session: &mut dyn Database, run: &RunId) -> Result<bool, DbError> {
        let dialect = self.dialect();
        let Some(question) = dialect.end_marked.or(dialect.run_marked) else { return Ok(false) };
        let found = session.query(&self.statement(question, vec![begins_with_mark(run)])).await?.rows;
        if dialect.end_marked.is_none() {
            for row in &found {
                self.end_session(session, &row.text(0)?).await?;
            }
        }
        Ok(!found.is_empty())
    }

    /// Ends the session that a run recorded. False where that cannot be asked for.
    pub async fn end_session(&self, session: &mut dyn Database, recorded: &str) -> Result<bool, DbError> {
        let Some(question) = self.dialect().end_session else { return Ok(false) };
        let recorded = recorded.parse().map_or_else(|_| Value::from(recorded), Value::Int);
        session.query(&self.statement(question, vec![recorded])).await?;
        Ok(true)
    }

    /// Marks a run that was found over but still says `running`. False if it said otherwise by now.
    pub async fn abandon(&self, session: &mut dyn Database, run: &RunId, by: &str) -> Result<bool, DbError> {
        Ok(session.query(&self.abandoning(run, by)).await?.affected == 1)
    }

    fn abandoning(&self, run: &RunId, by: &str) -> Statement {
        self.statement(
            "UPDATE {runs} SET status = 'abandoned', finished_at = {now}, ended_by = ? \
             WHERE id = ? AND status = 'running'",
            vec![Value::from(by), Value::from(run.as_str())],
        )
    }

    /// What records our run and puts it into the lock's row. Its times are the database's own.
    pub fn claiming(&self, run: &Run) -> [Statement; 2] {
        let take = self.statement(
            "UPDATE {lock} SET fence = ?, run_id = ? WHERE name = ?",
            vec![run.fence.into(), run.id.as_str().into(), run.lock_name.as_str().into()],
        );
        [self.recording(run), take]
    }

    fn recording(&self, run: &Run) -> Statement {
        debug_assert_eq!(run.status, RunStatus::Running);
        self.statement(
            "INSERT INTO {runs} (id, environment, lock_name, lock_mode, {release}, digest, deploy, leader, platform, \
             host, url, engine, session, status, fence, beats, total, done, started_at, beat_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'running', ?, 0, ?, 0, {now}, {now})",
            vec![
                run.id.as_str().into(),
                run.environment.as_str().into(),
                run.lock_name.as_str().into(),
                run.lock_mode.as_str().into(),
                run.release.as_str().into(),
                run.digest.as_str().into(),
                run.deploy.as_ref().map(|deploy| deploy.as_str()).into(),
                run.leader.as_str().into(),
                run.platform.as_str().into(),
                run.host.as_str().into(),
                run.url.as_deref().into(),
                run.engine.as_str().into(),
                run.session.as_str().into(),
                run.fence.into(),
                run.total.into(),
            ],
        )
    }
}

fn read_lock_row(reply: &Reply, lock_name: &str) -> Result<LockRow, DbError> {
    let row = reply.rows.first().ok_or_else(|| {
        let message = format!("the lock's row {lock_name} is gone from the ledger");
        DbError::new(DbErrorKind::MissingTable, message)
    })?;
    Ok(LockRow { fence: row.int(0)?, run: row.opt_text(1)?.map(RunId) })
}

/// Stands on a line of its own between the statements of `migrations/*/`.
pub const SCHEMA_SEPARATOR: &str = "\n-- next\n";

/// For `LIKE`; there is neither `%` nor `_` in a mark of ours.
fn begins_with_mark(run: &RunId) -> Value {
    Value::from(format!("{}%", run.mark()))
}

/// A statement that makes what may be there already.
pub(super) async fn until_nobody_collides(
    session: &mut dyn Database,
    statement: &str,
) -> Result<(), DbError> {
    let mut tries = 0;
    while let Err(error) = session.script(statement).await {
        tries += 1;
        let collided = matches!(
            error.kind,
            DbErrorKind::AlreadyExists | DbErrorKind::Deadlock | DbErrorKind::Serialization
        );
        if !collided || tries == INSTALL_TRIES {
            return Err(error);
        }
    }
    Ok(())
}

fn already_there_is_fine(result: Result<(), DbError>) -> Result<(), DbError> {
    match result {
        Err(error) if error.kind == DbErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}
