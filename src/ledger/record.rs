//! What a leader writes while it works and when it ends: beats, steps, the verdict. Every write says run, fence and
//! `running`: of a run that somebody else has ended, nothing can be written any more.

use crate::database::{Database, DbError, DbErrorKind, Statement, Value};
use crate::ledger::Ledger;
use crate::ledger::look::LookError;
use crate::model::ids::RunId;
use crate::model::run::{RunStatus, Step};

/// Which run we are, in every write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mine {
    /// Random, so that a fence handed out twice after a failover is not enough.
    pub run: RunId,
    /// Grows with every claim.
    pub fence: i64,
}

/// How far a run is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Steps in all; 0 = unknown.
    pub total: i64,
    /// Steps done.
    pub done: i64,
    /// The step at work.
    pub current: Option<String>,
    /// The steps begun so far, in order.
    pub steps: Vec<Step>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Succeeded, failed or interrupted.
    pub status: RunStatus,
    /// The whole error, as every follower will print it.
    pub error: Option<String>,
    /// The step that failed.
    pub failed_step: Option<String>,
    /// Who or what ended it.
    pub ended_by: String,
}

/// Writes progress, and remembers which steps are written, so that a beat sends only what changed.
#[derive(Debug)]
pub struct Recorder {
    ledger: Ledger,
    mine: Mine,
    written: usize,
}

/// Rows of one `INSERT`: below SQL Server's 2,100 arguments.
const ROWS: usize = 200;

impl Recorder {
    /// For one run.
    pub fn new(ledger: Ledger, mine: Mine) -> Self {
        Self { ledger, mine, written: 0 }
    }

    /// One beat: counter + 1, progress, steps. False: the run is not ours any more.
    pub async fn beat(&mut self, session: &mut dyn Database, progress: &Progress) -> Result<bool, DbError> {
        let update = self.ledger.statement(
            "UPDATE {runs} SET beats = beats + 1, beat_at = {now}, total = ?, done = ?, {current} = ? \
             WHERE id = ? AND fence = ? AND status = 'running'",
            vec![
                progress.total.into(),
                progress.done.into(),
                progress.current.as_deref().into(),
                self.mine.run.as_str().into(),
                self.mine.fence.into(),
            ],
        );
        self.write(session, update, progress, false).await
    }

    /// The verdict; the last write of a run. False: the run is not ours any more.
    pub async fn finish(
        &mut self,
        session: &mut dyn Database,
        progress: &Progress,
        verdict: &Verdict,
    ) -> Result<bool, DbError> {
        let update = self.ledger.statement(
            "UPDATE {runs} SET status = ?, beats = beats + 1, beat_at = {now}, finished_at = {now}, total = ?, \
             done = ?, {current} = NULL, error = ?, failed_step = ?, ended_by = ? \
             WHERE id = ? AND fence = ? AND status = 'running'",
            vec![
                verdict.status.as_str().into(),
                progress.total.into(),
                progress.done.into(),
                verdict.error.as_deref().into(),
                verdict.failed_step.as_deref().into(),
                verdict.ended_by.as_str().into(),
                self.mine.run.as_str().into(),
                self.mine.fence.into(),
            ],
        );
        if self.write(session, update, progress, true).await? {
            return Ok(true);
        }
        // an earlier try whose answer did not reach us may have written it
        Ok(self.finished(session, verdict).await? == Some(true))
    }

    /// Whether the run has ended, and with this verdict. None: it is still at work.
    pub async fn finished(
        &self,
        session: &mut dyn Database,
        verdict: &Verdict,
    ) -> Result<Option<bool>, DbError> {
        let run = self.ledger.run(session, &self.mine.run).await.map_err(|error| match error {
            LookError::Database(error) => error,
            error => DbError::new(DbErrorKind::Statement, error.to_string()),
        })?;
        Ok(match run.map(|run| run.status) {
            Some(RunStatus::Running) => None,
            ended => Some(ended == Some(verdict.status)),
        })
    }

    /// The run's row first: when it is not ours, no step is written either.
    async fn write(
        &mut self,
        session: &mut dyn Database,
        update: Statement,
        progress: &Progress,
        last: bool,
    ) -> Result<bool, DbError> {
        // a step that was at work at the last beat may have ended since: written again
        let from = self.written.saturating_sub(1);
        let changed = progress.steps.get(from..).unwrap_or_default();
        if changed.is_empty() {
            // no transaction, which would keep the row from all others if an answer in its middle were waited for in vain
            let ours = session.query(&update).await?.affected == 1;
            if let Some(notify) = self.ledger.dialect().notify.filter(|_| ours && last) {
                let _ = session.script(notify).await; // whoever sleeps looks all the same, a little later
            }
            return Ok(ours);
        }
        let mut writes = Vec::new();
        if let Some(first) = changed.first() {
            writes.push(self.ledger.statement(
                "DELETE FROM {steps} WHERE run_id = ? AND position >= ?",
                vec![self.mine.run.as_str().into(), first.position.into()],
            ));
        }
        writes.extend(changed.chunks(ROWS).map(|rows| self.insert_steps(rows)));
        let ours = self.ledger.transact(session, update, &writes, last).await?;
        if ours {
            self.written = progress.steps.len();
        }
        Ok(ours)
    }

    fn insert_steps(&self, steps: &[Step]) -> Statement {
        let (before, after) = self.ledger.dialect().from_epoch_ms;
        let row = format!("(?, ?, ?, ?, ?, {before}?{after}, {before}?{after}, ?)");
        let rows = vec![row; steps.len()].join(", ");
        let arguments: Vec<Value> = steps
            .iter()
            .flat_map(|step| {
                [
                    self.mine.run.as_str().into(),
                    step.position.into(),
                    step.version.as_str().into(),
                    step.description.as_str().into(),
                    step.status.as_str().into(),
                    step.started_at.into(),
                    step.finished_at.into(),
                    step.error.as_deref().into(),
                ]
            })
            .collect();
        let template = format!(
            "INSERT INTO {{steps}} (run_id, position, version, description, status, started_at, finished_at, error) \
             VALUES {rows}"
        );
        self.ledger.statement(&template, arguments)
    }
}

impl Ledger {
    /// What every transaction of a migration begins with: fails with [`DbErrorKind::FenceLost`] unless fence, run and
    /// (under a session lock) the session are still the claim's. Reads the lock's row in share mode.
    pub fn fence_check(&self, lock_name: &str, mine: &Mine, session_check: &str) -> Statement {
        let template = format!(
            "SELECT CASE COUNT(*) WHEN 1 THEN 0 ELSE CAST('bellwether lock lost ' || COUNT(*) AS INTEGER) END \
             FROM (SELECT name FROM {{lock}} {{share hint}} \
             WHERE name = ? AND fence = ? AND run_id = ?{session_check} {{share}}) held"
        );
        let arguments = vec![Value::from(lock_name), Value::from(mine.fence), Value::from(mine.run.as_str())];
        self.statement(&template, arguments)
    }

    /// The same comparison as a question, for work outside transactions, and in those of servers whose readers can be
    /// told by a hint to keep the row as it is.
    pub async fn is_mine(
        &self,
        session: &mut dyn Database,
        lock_name: &str,
        mine: &Mine,
        session_check: &str,
    ) -> Result<(), DbError> {
        let template = format!(
            "SELECT COUNT(*) FROM {{lock}} {{share hint}} WHERE name = ? AND fence = ? AND run_id = ?{session_check}"
        );
        let arguments = vec![lock_name.into(), mine.fence.into(), mine.run.as_str().into()];
        let select = self.statement(&template, arguments);
        let reply = session.query(&select).await?;
        match reply.rows.first().map(|row| row.int(0)).transpose()? {
            Some(1) => Ok(()),
            _ => Err(DbError::new(DbErrorKind::FenceLost, "the lock's row names another run")),
        }
    }
}
