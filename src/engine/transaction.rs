//! A script in one transaction of several exchanges, for servers that take one statement or batch at a time.

use std::sync::atomic::Ordering;

use tokio::time::Instant;

use crate::database::{Database, DbError, DbErrorKind, Statement};
use crate::engine::records::each;
use crate::engine::script::{Script, Sent};
use crate::engine::split::Piece;
use crate::engine::sql::{Sql, nanoseconds};
use crate::engine::step::StepError;

impl Sql<'_> {
    /// One transaction, one exchange per statement; the whole of it again, where it waited too long for others' locks.
    pub(super) async fn in_transaction(
        &self,
        work: &mut dyn Database,
        script: &Script<'_>,
    ) -> Result<(), StepError> {
        let mut tries = 0;
        loop {
            let Err(error) = self.once_in_transaction(work, script).await else { return Ok(()) };
            tries += 1;
            let again = match &error {
                StepError::Statement { error, .. } | StepError::Bookkeeping { error, .. } => {
                    let waited = matches!(error.kind, DbErrorKind::LockTimeout | DbErrorKind::Deadlock);
                    waited && self.dialect.lock_timeout.is_some() && self.pause(tries, error).await
                }
                _ => false,
            };
            if !again {
                return Err(error);
            }
        }
    }

    async fn once_in_transaction(
        &self,
        work: &mut dyn Database,
        script: &Script<'_>,
    ) -> Result<(), StepError> {
        let began = Instant::now();
        let begun = self.unless_busy(work, self.dialect.begin).await;
        self.bookkeeping(begun, script, "beginning its transaction")?;
        let mut applied = self.statements_of_transaction(work, script, began).await;
        if applied.is_ok() {
            applied = self.bookkeeping(self.unless_busy(work, "COMMIT").await, script, "committing it");
        }
        match &applied {
            Ok(()) => {}
            Err(error) if error.ends_session() => return applied,
            // an error may have ended the transaction already: then there is none to roll back
            Err(_) => drop(work.script("ROLLBACK").await),
        }
        let restored = work.script(&self.server.restore).await;
        if applied.as_ref().is_err_and(StepError::leaves_half) {
            // people have to look before it is begun anew; the script's own error is the one to tell
            let _ = self.at_once(work, &self.history.begun(script.migration)).await;
        }
        applied.and_then(|()| self.bookkeeping(restored, script, "putting the session back"))
    }

    /// Waits out other writers (and, at the commit, readers) of a SQLite file.
    async fn unless_busy(&self, work: &mut dyn Database, sql: &str) -> Result<(), DbError> {
        let mut tries = 0;
        loop {
            let Err(error) = work.script(sql).await else { return Ok(()) };
            tries += 1;
            if error.kind != DbErrorKind::Busy || !self.pause(tries, &error).await {
                return Err(error);
            }
        }
    }

    async fn statements_of_transaction(
        &self,
        work: &mut dyn Database,
        script: &Script<'_>,
        began: Instant,
    ) -> Result<(), StepError> {
        self.check_fence(work, script).await?;
        if let Some(lock_timeout) = self.dialect.lock_timeout {
            let set = work.script(&lock_timeout(self.ddl_lock_timeout_ms)).await;
            self.bookkeeping(set, script, "limiting its waits for locks")?;
        }
        for piece in &script.pieces {
            // the flag that interrupts a SQLite statement may fall between two
            if self.stop.load(Ordering::Relaxed) {
                return Err(StepError::Stopped { applied: 0 });
            }
            let sent = Sent { before: "", statements_before: 0, offset: piece.offset };
            if let Err(error) = work.script(piece.text).await {
                return Err(script.failed(error, &sent, Some(piece), 0, false));
            }
            self.check_open(work, script, piece, &sent).await?;
        }
        // what was applied without the lock is rolled back with the rest; a file's no script can free
        if self.dialect.session_lives.is_some() {
            self.check_lock(work, script).await?;
        }
        let rows = self.history.applied(script.migration, &nanoseconds(began));
        self.bookkeeping(each(work, &rows).await, script, "recording it in the history")
    }

    /// What follows a transaction that was ended would stay by itself, and what was before it nobody knows.
    async fn check_open(
        &self,
        work: &mut dyn Database,
        script: &Script<'_>,
        piece: &Piece<'_>,
        sent: &Sent<'_>,
    ) -> Result<(), StepError> {
        let Some(question) = self.dialect.transaction_open else { return Ok(()) };
        let question = Statement::new(self.dialect, &[], question, vec![]);
        match work.query(&question).await {
            Ok(reply) if reply.rows.is_empty() => {
                let ended = DbError::new(DbErrorKind::Statement, ENDED);
                Err(script.failed(ended, sent, Some(piece), 0, true))
            }
            // the script has seen to it that nothing is answered
            Err(error) if error.kind == DbErrorKind::Statement => {
                Err(script.failed(error, sent, Some(piece), 0, false))
            }
            answer => self.bookkeeping(answer.map(drop), script, "asking for its transaction"),
        }
    }
}

const ENDED: &str = "it went well, and the transaction that the script runs in was over then: a procedure or a trigger \
                     has ended it, and what that raised was caught";
