//! Takes the lock's row away from a run that is over, or is to be: what an operator writes. The run is marked and the
//! fence grows in one transaction, so that nothing of the run can be written or committed afterwards.

use crate::database::{Database, DbError, DbErrorKind, Value};
use crate::ledger::Ledger;
use crate::model::run::Run;

/// What became of one try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    /// The row's fence is now this.
    Done(i64),
    /// The run is not as it was seen: it has ended, beaten or been replaced.
    Changed,
    /// Somebody has the row locked: a migration's transaction, or a claim.
    Busy,
}

impl Ledger {
    /// Marks `run` as abandoned, and raises the fence of its lock. With `beats`, only if it has not beaten since.
    pub async fn release(
        &self,
        session: &mut dyn Database,
        run: &Run,
        beats: Option<i64>,
        by: &str,
    ) -> Result<Released, DbError> {
        let tried = match session.script(self.dialect().begin).await {
            Ok(()) => self.try_release(session, run, beats, by).await,
            Err(error) => Err(error),
        };
        match tried {
            Ok(Released::Done(fence)) => {
                let notify = self.dialect().notify.map(|notify| format!("{notify}; ")).unwrap_or_default();
                session.script(&format!("{notify}COMMIT")).await?;
                Ok(Released::Done(fence))
            }
            Ok(released) => session.script("ROLLBACK").await.map(|()| released),
            Err(error) => {
                let _ = session.script("ROLLBACK").await; // the session may be gone; the first error is the one to tell
                match error.kind {
                    DbErrorKind::LockTimeout
                    | DbErrorKind::Deadlock
                    | DbErrorKind::Serialization
                    | DbErrorKind::Busy => Ok(Released::Busy),
                    _ => Err(error),
                }
            }
        }
    }

    async fn try_release(
        &self,
        session: &mut dyn Database,
        run: &Run,
        beats: Option<i64>,
        by: &str,
    ) -> Result<Released, DbError> {
        let row = self.lock_row(session, &run.lock_name).await?;
        if row.run.as_ref() != Some(&run.id) {
            return Ok(Released::Changed);
        }
        let mut arguments: Vec<Value> = vec![by.into(), run.id.as_str().into(), run.fence.into()];
        let unchanged = beats.map_or("", |beats| {
            arguments.push(beats.into());
            " AND beats = ?"
        });
        let mark = format!(
            "UPDATE {{runs}} SET status = 'abandoned', finished_at = {{now}}, ended_by = ? \
             WHERE id = ? AND fence = ? AND status = 'running'{unchanged}"
        );
        if session.query(&self.statement(&mark, arguments)).await?.affected != 1 {
            return Ok(Released::Changed);
        }
        let highest = row.fence.max(self.highest_fence(session, &run.lock_name).await?);
        let fence = highest.checked_add(1).ok_or_else(|| {
            let message = format!("the ledger's highest fence is {highest}, and none is above it");
            DbError::new(DbErrorKind::Statement, message)
        })?;
        let raise = self.statement(
            "UPDATE {lock} SET fence = ? WHERE name = ?",
            vec![fence.into(), run.lock_name.as_str().into()],
        );
        session.query(&raise).await?;
        Ok(Released::Done(fence))
    }
}
