//! What a migration's history rows need outside of its script: several are written as one.

use crate::database::{Database, DbError, DbErrorKind, Statement};
use crate::engine::sql::Sql;

impl Sql<'_> {
    /// Rows of the history outside of a script's transaction: all of them or none.
    pub(super) async fn at_once(&self, work: &mut dyn Database, rows: &[Statement]) -> Result<(), DbError> {
        if let [row] = rows {
            return self.although_cancelled(work, row).await.map(drop);
        }
        let mut written = self.in_short(work, rows).await;
        if written.as_ref().is_err_and(|error| error.kind == DbErrorKind::Cancelled) {
            written = self.in_short(work, rows).await;
        }
        written
    }

    async fn in_short(&self, work: &mut dyn Database, rows: &[Statement]) -> Result<(), DbError> {
        if let Some(whole) = self.dialect.whole {
            let written = work.query(&whole(&[], rows)).await;
            if let Err(error) = written {
                return work.script("ROLLBACK").await.and(Err(error));
            }
        } else {
            work.script(self.dialect.begin).await?;
            let written = each(work, rows).await;
            match written {
                Ok(()) => work.script("COMMIT").await?,
                // the first error is the one to tell
                Err(_) => return work.script("ROLLBACK").await.and(written),
            }
        }
        // a script's statements wait longer for locks than ours
        work.script(&self.server.restore).await
    }
}

/// One after the other, in whatever transaction there is.
pub(super) async fn each(work: &mut dyn Database, rows: &[Statement]) -> Result<(), DbError> {
    for row in rows {
        work.query(row).await?;
    }
    Ok(())
}
