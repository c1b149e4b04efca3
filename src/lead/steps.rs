//! How far a run is: the steps that the next beat, or the verdict, writes; and whether the history can be written, and
//! what was applied is still there.

use crate::database::{Database, DbErrorKind};
use crate::error::{Doing, Error};
use crate::lead::ends::stem;
use crate::lead::run::Working;
use crate::ledger::history::HistoryTable;
use crate::model::event::StepRef;
use crate::model::ids::Version;
use crate::model::migration::Migration;
use crate::model::run::{LockMode, Step, StepStatus};
use crate::plan::pending::Judgement;

impl Working<'_> {
    /// Asked before the first script, which would run in vain. What else goes wrong here, its own statements say.
    pub(super) async fn expect_writable(
        &self,
        work: &mut dyn Database,
        history: &HistoryTable,
        judgement: &Judgement,
    ) -> Result<(), Error> {
        // a file of SQLite has no grants
        if judgement.pending.is_empty() || self.job.engine.dialect.grant.is_none() {
            return Ok(());
        }
        match history.unwritable(work).await {
            Ok(Some(error)) => Err(self.job.may_not_write(history, error)),
            _ => Ok(()),
        }
    }

    pub(super) fn begin_step(&self, migration: &Migration, step: &StepRef) {
        let started_at = self.now();
        self.progress.update(|progress| {
            progress.current = Some(stem(migration));
            progress.steps.push(Step {
                position: i64::try_from(step.position).unwrap_or(i64::MAX),
                version: migration.version.clone(),
                description: migration.description.clone(),
                status: StepStatus::Running,
                started_at,
                finished_at: None,
                error: None,
            });
        });
    }

    pub(super) fn end_step(&self, status: StepStatus, error: Option<String>) {
        let now = self.now();
        self.progress.update(|progress| {
            if let Some(step) = progress.steps.last_mut() {
                step.status = status;
                step.finished_at = Some(now);
                step.error = error;
            }
            if status == StepStatus::Succeeded {
                progress.done += 1;
            }
        });
    }

    /// Under a session lock nothing of it can be lost: the session would have ended.
    pub(super) fn last_applied(&self) -> Option<&Version> {
        self.applied.last().filter(|_| self.mode == LockMode::Lease)
    }

    /// Before the run counts as a success: whether the history still has what it applied last, and so all of it.
    pub(super) async fn still_there(&self, work: &mut dyn Database) -> Result<(), Error> {
        let Some((last, history)) = self.last_applied().zip(self.history.as_ref()) else { return Ok(()) };
        match history.expect_kept(work, last).await {
            Err(error) if error.kind == DbErrorKind::FenceLost => Err(self.lock_lost(error.message, None)),
            kept => kept.map_err(|error| self.broke(Doing::ReadingHistory, error)),
        }
    }

    fn now(&self) -> i64 {
        let elapsed = i64::try_from(self.clock.1.elapsed().as_millis()).unwrap_or(0);
        self.clock.0.saturating_add(elapsed)
    }
}
