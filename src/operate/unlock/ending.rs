//! What of a run is still on the server: its statement, and the session that holds the lock. Ends only what is provably
//! the run's.

use tokio::time::timeout;

use super::{ANSWER, silent_server};
use crate::database::{Database, DbError, Holder};
use crate::job::Job;
use crate::model::run::{LockMode, Run};

/// Ends what runs a lease's statement: by its mark; else (MySQL, whose connections no proxy hands to others) by the
/// session that the run recorded, and gives that. Its leader takes it for a lost lock, where a cancelled statement would
/// be a failed migration. What may not be ours to end is looked at again.
pub(super) async fn stop(job: &Job, session: &mut dyn Database, run: &Run) -> Option<String> {
    if run.lock_mode != LockMode::Lease {
        return None;
    }
    let ledger = &job.ledger;
    let stopping = async {
        if ledger.dialect().end_marked.is_some() {
            ledger.end_marked(session, &run.id).await?;
            return Ok(None);
        }
        let lives = ledger.session_lives(session, &run.session).await?;
        let told = lives && ledger.end_session(session, &run.session).await?;
        Ok::<_, DbError>(told.then(|| run.session.clone()))
    };
    timeout(ANSWER, stopping).await.ok()?.ok()?
}

/// Ends the session that has the server's lock now, if it is this run's. None = it has it no more; the text of an error
/// says why it cannot be ended.
pub(super) async fn end(job: &Job, session: &mut dyn Database, run: &Run) -> Result<Option<String>, String> {
    let asked = timeout(ANSWER, async {
        let holder = match session.holder(&job.key).await? {
            Holder::Free | Holder::Ours => return Ok(None),
            Holder::Other(holder) => holder,
        };
        match holder {
            // hidden: another user's session, or SQLite's lock file
            None => Ok(Some((run.session.clone(), false))),
            Some(holder) if holder != run.session => Ok(None), // somebody newer has it
            Some(holder) => {
                let told = job.ledger.end_session(session, &holder).await?;
                Ok(Some((holder, told)))
            }
        }
    });
    let asked: Result<_, DbError> = asked.await.unwrap_or_else(|_| Err(silent_server()));
    match asked {
        Ok(None) => Ok(None),
        Ok(Some((holder, true))) => Ok(Some(holder)),
        Ok(Some((_, false))) if job.beats() => Err("the server does not say whose session it is".to_owned()),
        Ok(Some((_, false))) => Err("a process has the lock file locked".to_owned()),
        Err(error) => Err(error.message),
    }
}
