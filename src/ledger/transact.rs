//! Transactions of ours on the ledger: several exchanges, or one message that is all of it, where nobody else ends what
//! a frozen client leaves open ([`crate::database::Dialect::whole`]).

use crate::database::{Database, DbError, DbErrorKind, Statement, Value};
use crate::ledger::Ledger;
use crate::ledger::claim::LockRow;
use crate::ledger::record::Mine;
use crate::model::ids::RunId;
use crate::model::run::Run;

/// What another run's session has to do with the lock's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Nothing that we know of.
    No,
    /// A transaction of its that is open has it locked.
    Yes,
    /// That is not ours to see.
    Unseen,
}

impl Ledger {
    /// Whether a transaction of ours is one message here.
    pub(crate) fn is_whole(&self) -> bool {
        self.dialect().whole.is_some()
    }

    /// Changes one row by `first`, and writes the rest in the same transaction. False: `first` did not change one, and
    /// nothing is written. Afterwards no transaction is open. `told` as in [`Ledger::commit`].
    pub(crate) async fn transact(
        &self,
        session: &mut dyn Database,
        first: Statement,
        writes: &[Statement],
        told: bool,
    ) -> Result<bool, DbError> {
        if self.is_whole() {
            return self.at_once(session, &[first], writes).await;
        }
        match self.if_first(session, first, writes, told).await {
            Ok(true) => Ok(true),
            Ok(false) => session.script("ROLLBACK").await.map(|()| false),
            Err(error) => {
                let _ = session.script("ROLLBACK").await; // the session may be gone; the first error is the one to tell
                Err(error)
            }
        }
    }

    async fn if_first(
        &self,
        session: &mut dyn Database,
        first: Statement,
        writes: &[Statement],
        told: bool,
    ) -> Result<bool, DbError> {
        if self.begin(session, first).await?.affected != 1 {
            return Ok(false);
        }
        self.commit(session, writes, told).await.map(|()| true)
    }

    /// All of it in one message; false: one of the `conditions` did not change one row, and nothing is written.
    pub(crate) async fn at_once(
        &self,
        session: &mut dyn Database,
        conditions: &[Statement],
        writes: &[Statement],
    ) -> Result<bool, DbError> {
        let Some(whole) = self.dialect().whole else {
            return Err(DbError::new(DbErrorKind::Unsupported, "a transaction is no single message here"));
        };
        let done = match session.query(&whole(conditions, writes)).await {
            Ok(reply) => reply.rows.first().map_or(Ok(0), |row| row.int(0)),
            Err(error) => Err(error),
        };
        if done.is_err() {
            // an error of the compiler's alone leaves it open
            let _ = session.script("ROLLBACK").await;
        }
        done.map(|done| done == 1)
    }

    /// Writes what only the run may write that the lock's row names: else fails with [`DbErrorKind::FenceLost`].
    /// Afterwards no transaction is open.
    pub async fn write_as(
        &self,
        session: &mut dyn Database,
        lock_name: &str,
        mine: &Mine,
        writes: &[Statement],
    ) -> Result<(), DbError> {
        let lost = || DbError::new(DbErrorKind::FenceLost, "the lock's row names another run");
        if self.is_whole() {
            let row = LockRow { fence: mine.fence, run: Some(mine.run.clone()) };
            let ours = self.lock_row_from(lock_name, &row, row.fence, row.run.as_ref());
            return self.at_once(session, &[ours], writes).await?.then_some(()).ok_or_else(lost);
        }
        session.script(self.dialect().begin).await?;
        let written = async {
            let row = self.lock_row(session, lock_name).await?;
            if row != (LockRow { fence: mine.fence, run: Some(mine.run.clone()) }) {
                return Err(lost());
            }
            for write in writes {
                session.query(write).await?;
            }
            session.script("COMMIT").await
        };
        let written = written.await;
        if written.is_err() {
            let _ = session.script("ROLLBACK").await; // the session may be gone; the first error is the one to tell
        }
        written
    }

    /// Gives the lock's row these values, if it is as it was seen; with the same ones, it only locks the row.
    pub(crate) fn lock_row_from(
        &self,
        lock_name: &str,
        seen: &LockRow,
        fence: i64,
        run: Option<&RunId>,
    ) -> Statement {
        let mut arguments: Vec<Value> =
            vec![fence.into(), run.map(RunId::as_str).into(), lock_name.into(), seen.fence.into()];
        let named = match &seen.run {
            None => "run_id IS NULL",
            Some(run) => {
                arguments.push(run.as_str().into());
                "run_id = ?"
            }
        };
        let template =
            format!("UPDATE {{lock}} SET fence = ?, run_id = ? WHERE name = ? AND fence = ? AND {named}");
        self.statement(&template, arguments)
    }

    /// Whether a transaction of this run's recorded session is open in which it has touched the lock's table, as its
    /// migrations' do. Asked where the server does not end one whose client is frozen.
    pub async fn keeps_lock_row(&self, session: &mut dyn Database, run: &Run) -> Result<Kept, DbError> {
        let Some(question) = self.dialect().keeps_open else { return Ok(Kept::No) };
        let arguments = vec![self.text("{lock}").into(), run.session.as_str().into()];
        let reply = session.query(&self.statement(question, arguments)).await?;
        Ok(match reply.rows.first().map(|row| row.opt_int(0)).transpose()? {
            None => Kept::No,
            Some(None) => Kept::Unseen,
            Some(Some(_)) => Kept::Yes,
        })
    }
}
