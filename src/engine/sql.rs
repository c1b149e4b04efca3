//! Applies one migration: script, history row and fence check in one transaction where the server can, else statement
//! by statement. Knows nothing of runs, beats or budgets; a caller who stops waiting drops the session.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::database::statement::Batch;
use crate::database::{Database, DbError, DbErrorKind, Dialect, EngineName, Server, Statement, Value};
use crate::engine::script::{Script, Sent, in_transaction};
use crate::engine::split;
use crate::engine::step::StepError;
use crate::ledger::Ledger;
use crate::ledger::history::{HistoryTable, LOST};
use crate::ledger::record::Mine;
use crate::lock::beats::Lock;
use crate::lock::hold::Hold;
use crate::model::event::{Event, StepRef};
use crate::model::ids::Version;
use crate::model::migration::Migration;
use crate::report::Report;

/// What one migration needs besides its script.
pub struct Sql<'a> {
    /// How the server's SQL goes.
    pub dialect: &'static Dialect,
    /// What the work session found out.
    pub server: &'a Server,
    /// Where the lock's row is.
    pub ledger: &'a Ledger,
    /// Where applied migrations are recorded.
    pub history: &'a HistoryTable,
    /// The lock's name.
    pub lock_name: &'a str,
    /// What the lock consists in.
    pub hold: Hold<'a>,
    /// Who we are in the lock's row.
    pub mine: &'a Mine,
    /// What the run applied last, where that can be lost while we go on: under a lease, with a pooler in between that
    /// goes over to another server.
    pub after: Option<&'a Version>,
    /// The version in front of this migration's in the bundle.
    pub before: Option<&'a Version>,
    /// `ddl_lock_timeout`, milliseconds; 0 = off.
    pub ddl_lock_timeout_ms: u64,
    /// How scripts of this server are split.
    pub engine: EngineName,
    /// Which step of the run it is, for events.
    pub step: &'a StepRef,
    /// For retries and notices.
    pub report: &'a dyn Report,
    /// When trying again ends.
    pub deadline: Instant,
    /// Set when the work is to end: a cancelled statement may end without an error (MySQL's `SLEEP`).
    pub stop: &'a AtomicBool,
    /// Why a statement was tried again last.
    pub retried: &'a Mutex<Option<String>>,
}

impl Sql<'_> {
    /// Applies it, trying again what a lock timeout ended, until the deadline. After an error that leaves the session
    /// alive, no transaction is open and the session is as we need it.
    pub async fn apply(&self, work: &mut dyn Database, migration: &Migration) -> Result<(), StepError> {
        let in_transaction = self.in_transaction_of_its_own(migration);
        let script = self.script(migration)?;
        script.refuse_unsendable(self.engine, in_transaction)?;
        match self.dialect.batch {
            _ if !in_transaction => self.by_statement(work, &script).await,
            Some(batch) => self.in_one_message(work, &script, batch).await,
            None => self.in_transaction(work, &script).await,
        }
    }

    /// Whether [`Self::apply`] itself asks, after this script, if the session lock is still ours.
    pub fn asks_for_the_lock(&self, migration: &Migration) -> bool {
        self.dialect.batch.is_some() && self.in_transaction_of_its_own(migration)
    }

    /// Whether all of it goes into one transaction of ours, or nothing does.
    pub fn in_transaction_of_its_own(&self, migration: &Migration) -> bool {
        in_transaction(migration, self.engine, self.server.transactional_ddl, self.history.format())
    }

    fn script<'a>(&self, migration: &'a Migration) -> Result<Script<'a>, StepError> {
        let (script, whole) = Script::cut(migration, self.engine, self.history.format())?;
        if let Some(reason) = whole {
            let message = format!("{} is sent whole, because {reason}", migration.name);
            self.report.event(&Event::Notice { message });
        }
        Ok(script)
    }

    /// One message: transaction, fence check, script, history row, "is the lock still ours?". The first error ends it
    /// as a whole.
    async fn in_one_message(
        &self,
        work: &mut dyn Database,
        script: &Script<'_>,
        batch: Batch,
    ) -> Result<(), StepError> {
        let fence = self.ledger.fence_check(self.lock_name, self.mine, &self.server.session_check);
        let literal = |_: usize, value: &Value| (batch.literal)(value);
        let rows = self.history.applied(script.migration, batch.elapsed_ns);
        let rows: Vec<_> = rows.iter().map(|row| row.render(literal)).collect();
        let settings = match &*self.server.transaction_settings {
            "" => String::new(),
            settings => format!("{settings}; "),
        };
        let kept = self.after.and_then(|after| self.history.kept_check(after));
        let kept = kept.map(|check| format!("{}; ", check.render(literal)));
        let kept = kept.unwrap_or_default();
        let before = format!(
            "{} BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {settings}{}; {kept}SET LOCAL lock_timeout = {}; ",
            self.mine.run.mark(),
            fence.render(literal),
            self.ddl_lock_timeout_ms
        );
        // a lease's row cannot change hands while this transaction reads it
        let still_held = match self.hold {
            Hold::Session(key) => format!("{}; ", (batch.still_held)(key).render(literal)),
            Hold::Lease(_) => String::new(),
        };
        // PostgreSQL takes the byte order mark at a file's beginning for a syntax error
        let (offset, text) = match script.migration.sql.strip_prefix('\u{feff}') {
            Some(rest) => (script.migration.sql.len() - rest.len(), rest),
            None => (0, &*script.migration.sql),
        };
        let message = format!(
            "{before}{text}\n; {}; {settings}{}; {still_held}COMMIT",
            self.server.restore,
            rows.join("; "),
        );
        let statements_before =
            BATCH_STATEMENTS + usize::from(!settings.is_empty()) + usize::from(!kept.is_empty());
        let sent = Sent { before: &before, statements_before, offset };
        let mut tries = 0;
        loop {
            let Err(error) = work.script(&message).await else { return Ok(()) };
            if error.kind.ends_session() {
                return Err(script.failed(error, &sent, None, 0, false));
            }
            // the script's own error is the one to tell; a session that cannot even roll back says so the next time
            let _ = work.script("ROLLBACK").await;
            if error.kind == DbErrorKind::FenceLost {
                return Err(StepError::fence_lost(error.message));
            }
            tries += 1;
            if error.kind != DbErrorKind::LockTimeout || !self.pause(tries, &error).await {
                return Err(match script.came_after(&error, &sent) {
                    true => self.bookkeeping_error(error, script, "recording it in the history"),
                    false => script.failed(error, &sent, None, 0, false),
                });
            }
        }
    }

    /// Outside transactions: the history says *begun* first, so that a half-applied script is never run again.
    async fn by_statement(&self, work: &mut dyn Database, script: &Script<'_>) -> Result<(), StepError> {
        let began = Instant::now();
        self.check_fence(work, script).await?;
        let begun = self.at_once(work, &self.history.begun(script.migration)).await;
        self.bookkeeping(begun, script, "recording that it has begun")?;
        self.of_begun(work, script, began).await.map_err(StepError::once_begun)
    }

    async fn of_begun(
        &self,
        work: &mut dyn Database,
        script: &Script<'_>,
        began: Instant,
    ) -> Result<(), StepError> {
        if let Some(lock_timeout) = self.dialect.lock_timeout {
            // nothing of it could be tried again
            let set = work.script(&lock_timeout(0)).await;
            self.bookkeeping(set, script, "letting it wait for locks")?;
        }
        let applied = self.marked_statements(work, script).await;
        if applied.as_ref().is_err_and(StepError::ends_session) {
            return applied;
        }
        let applied = self.end_own_transaction(work, script, applied).await;
        let restored = work.script(&self.server.restore).await;
        match applied {
            Ok(()) => {
                self.bookkeeping(restored, script, "putting the session back")?;
                self.check_fence(work, script).await?;
                self.check_indexes(work, script).await?;
                let Some(row) = self.history.finished(script.migration, &nanoseconds(began)) else {
                    return Ok(());
                };
                match self.although_cancelled(work, &row).await {
                    Ok(0) => Err(StepError::fence_lost(LOST.to_owned())),
                    recorded => self.bookkeeping(recorded.map(drop), script, "recording it in the history"),
                }
            }
            Err(error) => Err(self.withdraw(work, script, error).await),
        }
    }

    /// A script that leaves a transaction of its own open would take our history row down with it.
    async fn end_own_transaction(
        &self,
        work: &mut dyn Database,
        script: &Script<'_>,
        applied: Result<(), StepError>,
    ) -> Result<(), StepError> {
        let control = script.whole || split::transaction_control(&script.pieces, self.engine).is_some();
        // of one that failed, also what a procedure has begun is taken back
        if applied.is_ok() && !control {
            return applied;
        }
        let ended = work.script(if applied.is_ok() { "COMMIT" } else { "ROLLBACK" }).await;
        match ended {
            // only SQLite minds that there is none
            Err(error) if error.message.ends_with("no transaction is active") => applied,
            ended => applied.and_then(|()| self.bookkeeping(ended, script, "committing it")),
        }
    }

    /// Where nothing of a script stays, the next run may begin it anew. The script's own error is the one to tell: if
    /// the row cannot be taken back, the history calls the script dirty, and so do we.
    async fn withdraw(
        &self,
        work: &mut dyn Database,
        script: &Script<'_>,
        mut error: StepError,
    ) -> StepError {
        let rows = self.history.undone(&script.migration.version, self.before);
        match &mut error {
            StepError::Statement { dirty, .. } if !*dirty => {
                *dirty = self.at_once(work, &rows).await.is_err()
            }
            // the next run finds it dirty if this fails
            StepError::Stopped { applied: 0 } => drop(self.at_once(work, &rows).await),
            _ => {}
        }
        error
    }

    /// A cancel that was meant for the script's last statement may come late, and hit ours. How many rows it changed.
    pub(super) async fn although_cancelled(
        &self,
        work: &mut dyn Database,
        row: &Statement,
    ) -> Result<u64, DbError> {
        let answer = match work.query(row).await {
            Err(error) if error.kind == DbErrorKind::Cancelled => work.query(row).await,
            answer => answer,
        };
        answer.map(|reply| reply.affected)
    }

    async fn marked_statements(&self, work: &mut dyn Database, script: &Script<'_>) -> Result<(), StepError> {
        let mark = format!("{} ", self.mine.run.mark());
        for (applied, piece) in script.pieces.iter().enumerate() {
            let sent = Sent { before: &mark, statements_before: 0, offset: piece.offset };
            let text = format!("{mark}{}", piece.text);
            let mut tries = 0;
            loop {
                if self.stop.load(Ordering::Relaxed) {
                    return Err(StepError::Stopped { applied });
                }
                self.check_lock(work, script).await?;
                let Err(error) = work.script(&text).await else { break };
                tries += 1;
                // the statement, never the script: of a whole one nobody knows how far it got
                let again = error.kind == DbErrorKind::LockTimeout
                    && !self.server.transactional_ddl
                    && !script.whole
                    && !split::may_stay_in_part(piece, self.engine)
                    && self.pause(tries, &error).await;
                if !again {
                    let dirty = applied > 0
                        || script.whole
                        || error.kind.ends_session()
                        || split::may_stay_in_part(piece, self.engine);
                    return Err(script.failed(error, &sent, Some(piece), applied, dirty));
                }
            }
        }
        Ok(())
    }

    pub(super) async fn check_fence(
        &self,
        work: &mut dyn Database,
        script: &Script<'_>,
    ) -> Result<(), StepError> {
        let mut check =
            self.ledger.is_mine(work, self.lock_name, self.mine, &self.server.session_check).await;
        if let (Ok(()), Some(after)) = (&check, self.after) {
            check = self.history.expect_kept(work, after).await;
        }
        match check {
            Err(error) if error.kind == DbErrorKind::FenceLost => Err(StepError::fence_lost(error.message)),
            check => self.bookkeeping(check, script, "checking the fence"),
        }
    }

    /// Between the statements of a script: by then it may have locked tables, set a role, or moved to another database,
    /// and only the lock itself can still be asked for. Who has it has the fence too.
    pub(super) async fn check_lock(
        &self,
        work: &mut dyn Database,
        script: &Script<'_>,
    ) -> Result<(), StepError> {
        match self.hold.ask(work).await {
            Ok(Lock::Held) => Ok(()),
            Ok(Lock::Lost(reason)) => Err(StepError::fence_lost(reason)),
            Err(error) => self.bookkeeping(Err(error), script, "checking the lock"),
        }
    }

    /// Sleeps before the next try, unless the deadline comes first. Short enough for the server's idle watchdog.
    pub(super) async fn pause(&self, tries: u32, error: &DbError) -> bool {
        let pause = Duration::from_millis(500 << tries.min(4));
        if self.stop.load(Ordering::Relaxed)
            || self.deadline.saturating_duration_since(Instant::now()) <= pause
        {
            return false;
        }
        *self.retried.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.message.clone());
        self.report.event(&Event::StepRetried {
            step: self.step.clone(),
            reason: error.message.clone(),
            pause_ms: u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
        });
        let until = Instant::now() + pause;
        while Instant::now() < until && !self.stop.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        !self.stop.load(Ordering::Relaxed)
    }

    pub(super) fn bookkeeping(
        &self,
        result: Result<(), DbError>,
        script: &Script<'_>,
        what: &'static str,
    ) -> Result<(), StepError> {
        result.map_err(|error| self.bookkeeping_error(error, script, what))
    }

    fn bookkeeping_error(&self, error: DbError, script: &Script<'_>, what: &'static str) -> StepError {
        StepError::Bookkeeping { path: script.migration.path.clone(), what, error, half: false }
    }
}

/// `BEGIN`, the fence check, `SET LOCAL lock_timeout`: before the script's own statements in a message.
const BATCH_STATEMENTS: usize = 3;

pub(super) fn nanoseconds(began: Instant) -> String {
    began.elapsed().as_nanos().to_string()
}
