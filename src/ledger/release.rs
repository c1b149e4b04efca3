//! What an operator writes to take a lock away: first the fence grows, so that its run begins and commits nothing more;
//! then, when nothing of it is at work on the server, the run is marked. In between it still stands in everybody's way.

use crate::database::{Database, DbError, DbErrorKind, Statement, Value};
use crate::ledger::Ledger;
use crate::model::run::{Run, RunStatus};

/// What became of one try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    /// Written; the row's fence is this.
    Done(i64),
    /// The run is not as it was seen: it has ended, beaten or been replaced.
    Changed,
    /// The run is as it was seen, and somebody has the row locked: a migration's transaction, or a claim.
    Busy,
}

/// What is to be written.
#[derive(Clone, Copy, Debug)]
enum Write<'a> {
    Revoke,
    Mark(&'a str),
}

impl Ledger {
    /// Raises the fence of the run's lock. With `beats`, only if it has not beaten since.
    pub async fn revoke(
        &self,
        session: &mut dyn Database,
        run: &Run,
        beats: Option<i64>,
    ) -> Result<Released, DbError> {
        self.release(session, run, beats, Write::Revoke).await
    }

    /// Marks the run as abandoned by somebody. With `beats`, only if it has not beaten since.
    pub async fn write_off(
        &self,
        session: &mut dyn Database,
        run: &Run,
        beats: Option<i64>,
        by: &str,
    ) -> Result<Released, DbError> {
        self.release(session, run, beats, Write::Mark(by)).await
    }

    /// Says of a run that its leader recorded as interrupted who did that to it. False if it says otherwise.
    pub async fn name_who_interrupted(
        &self,
        session: &mut dyn Database,
        run: &Run,
        who: &str,
    ) -> Result<bool, DbError> {
        let update = self.statement(
            "UPDATE {runs} SET ended_by = ? WHERE id = ? AND fence = ? AND status = 'interrupted'",
            vec![who.into(), run.id.as_str().into(), run.fence.into()],
        );
        Ok(session.query(&update).await?.affected == 1)
    }

    async fn release(
        &self,
        session: &mut dyn Database,
        run: &Run,
        beats: Option<i64>,
        write: Write<'_>,
    ) -> Result<Released, DbError> {
        if self.is_whole() {
            return self.release_at_once(session, run, beats, write).await;
        }
        let tried = match session.script(self.dialect().begin).await {
            Ok(()) => self.try_release(session, run, beats, write).await,
            Err(error) => Err(error),
        };
        match tried {
            Ok(Released::Done(fence)) => {
                self.commit(session, &[], true).await?;
                Ok(Released::Done(fence))
            }
            Ok(released) => session.script("ROLLBACK").await.map(|()| released),
            Err(error) => {
                let _ = session.script("ROLLBACK").await; // the session may be gone; the first error is the one to tell
                if !error.kind.contended() {
                    return Err(error);
                }
                // a newer run may have the row: what is over must not wait for that
                match self.is_as_seen(session, run, beats).await {
                    Ok(false) => Ok(Released::Changed),
                    Err(error) if !error.kind.contended() => Err(error),
                    Ok(true) | Err(_) => Ok(Released::Busy),
                }
            }
        }
    }

    /// The same without anything being kept locked while we look: what has changed by then is looked at again.
    async fn release_at_once(
        &self,
        session: &mut dyn Database,
        run: &Run,
        beats: Option<i64>,
        write: Write<'_>,
    ) -> Result<Released, DbError> {
        let row = self.lock_row_as_it_is(session, &run.lock_name).await?;
        if row.run.as_ref() != Some(&run.id) || !self.is_as_seen(session, run, beats).await? {
            return Ok(Released::Changed);
        }
        let (fence, mark) = match write {
            Write::Mark(by) => (row.fence, self.marking(run, beats, by)),
            Write::Revoke => (self.next_fence(session, run, row.fence).await?, self.untouched(run, beats)),
        };
        let conditions = [self.lock_row_from(&run.lock_name, &row, fence, row.run.as_ref()), mark];
        match self.at_once(session, &conditions, &[]).await {
            Ok(true) => Ok(Released::Done(fence)),
            Ok(false) => Ok(Released::Busy),
            Err(error) if error.kind.contended() => Ok(Released::Busy),
            Err(error) => Err(error),
        }
    }

    async fn try_release(
        &self,
        session: &mut dyn Database,
        run: &Run,
        beats: Option<i64>,
        write: Write<'_>,
    ) -> Result<Released, DbError> {
        let row = self.lock_row(session, &run.lock_name).await?;
        if row.run.as_ref() != Some(&run.id) {
            return Ok(Released::Changed);
        }
        let by = match write {
            Write::Mark(by) => by,
            Write::Revoke => return self.raise(session, run, beats, row.fence).await,
        };
        match session.query(&self.marking(run, beats, by)).await?.affected {
            1 => Ok(Released::Done(row.fence)),
            _ => Ok(Released::Changed),
        }
    }

    fn marking(&self, run: &Run, beats: Option<i64>, by: &str) -> Statement {
        let set = "status = 'abandoned', finished_at = {now}, ended_by = ?";
        self.while_as_seen(set, vec![by.into()], run, beats)
    }

    /// Changes nothing, and finds the run's row only as it was seen.
    fn untouched(&self, run: &Run, beats: Option<i64>) -> Statement {
        self.while_as_seen("beats = beats", Vec::new(), run, beats)
    }

    fn while_as_seen(
        &self,
        set: &str,
        mut arguments: Vec<Value>,
        run: &Run,
        beats: Option<i64>,
    ) -> Statement {
        arguments.extend([run.id.as_str().into(), run.fence.into()]);
        let unchanged = beats.map_or("", |beats| {
            arguments.push(beats.into());
            " AND beats = ?"
        });
        let template =
            format!("UPDATE {{runs}} SET {set} WHERE id = ? AND fence = ? AND status = 'running'{unchanged}");
        self.statement(&template, arguments)
    }

    /// Whether the run still says `running`, and with `beats`, has not beaten since.
    async fn is_as_seen(
        &self,
        session: &mut dyn Database,
        run: &Run,
        beats: Option<i64>,
    ) -> Result<bool, DbError> {
        let select = self.statement(
            "SELECT beats, status FROM {runs} WHERE id = ? AND fence = ?",
            vec![run.id.as_str().into(), run.fence.into()],
        );
        let reply = session.query(&select).await?;
        let Some(seen) = reply.rows.first() else { return Ok(false) };
        let beaten = beats.is_some_and(|beats| seen.opt_int(0).ok().flatten() != Some(beats));
        Ok(!beaten && seen.opt_text(1)?.as_deref() == Some(RunStatus::Running.as_str()))
    }

    async fn raise(
        &self,
        session: &mut dyn Database,
        run: &Run,
        beats: Option<i64>,
        fence: i64,
    ) -> Result<Released, DbError> {
        if !self.is_as_seen(session, run, beats).await? {
            return Ok(Released::Changed);
        }
        let fence = self.next_fence(session, run, fence).await?;
        let raise = self.statement(
            "UPDATE {lock} SET fence = ? WHERE name = ?",
            vec![fence.into(), run.lock_name.as_str().into()],
        );
        session.query(&raise).await?;
        Ok(Released::Done(fence))
    }

    /// Above the row's, and above any run's.
    async fn next_fence(&self, session: &mut dyn Database, run: &Run, row: i64) -> Result<i64, DbError> {
        let highest = row.max(self.highest_fence(session, &run.lock_name).await?);
        highest.checked_add(1).ok_or_else(|| {
            let message = format!("the ledger's highest fence is {highest}, and none is above it");
            DbError::new(DbErrorKind::Statement, message)
        })
    }
}
