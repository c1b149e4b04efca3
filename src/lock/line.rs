//! A leader's session for beats and the verdict: opened anew when it has broken, in a task of its own, since all that a
//! new one takes may be slower than what one beat may take. Knows nothing of whether the lock is still ours.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::database::{Database, DbError, DbErrorKind, Engine, Purpose, Target, within};
use crate::ledger::record::{Progress, Recorder, Verdict};
use crate::lock::beats::BEAT_LIMIT;

/// What opening one anew, or one try to write the verdict, may take at most. At first it is as long as a beat, and twice as
/// long after each that failed in a row: a slow server needs longer, and one that has moved is not found by waiting.
const LONGEST: Duration = Duration::from_secs(8);
/// Between two tries to write the verdict.
const PAUSE: Duration = Duration::from_millis(250);

/// The session, or where to get it.
pub struct Line {
    engine: &'static Engine,
    target: Arc<Target>,
    purpose: Purpose,
    session: Option<Box<dyn Database>>,
    opening: Option<JoinHandle<Result<Box<dyn Database>, DbError>>>,
    /// Of the next opening.
    limit: Duration,
}

impl Line {
    /// With a session that is open, or with none yet.
    pub fn new(
        engine: &'static Engine,
        target: Arc<Target>,
        purpose: Purpose,
        session: Option<Box<dyn Database>>,
    ) -> Self {
        Self { engine, target, purpose, session, opening: None, limit: BEAT_LIMIT }
    }

    /// The session, out of its place while in use: a use that is cut off in the middle leaves none to misread. Cut off
    /// itself, it goes on opening one for the next use.
    pub async fn take(&mut self) -> Result<Box<dyn Database>, DbError> {
        if let Some(session) = self.session.take() {
            return Ok(session);
        }
        let (engine, purpose, limit) = (self.engine, self.purpose, self.limit);
        let target = &self.target;
        let opening = self
            .opening
            .get_or_insert_with(|| tokio::spawn(open(engine, Arc::clone(target), purpose, limit)));
        let opened = opening.await;
        self.opening = None;
        let opened = opened.unwrap_or_else(|error| {
            Err(DbError::new(DbErrorKind::ConnectionLost, format!("no session: {error}")))
        });
        self.limit = if opened.is_ok() { BEAT_LIMIT } else { longer(self.limit) };
        opened
    }

    /// Back to its place, after an answer.
    pub fn put(&mut self, session: Box<dyn Database>) {
        self.session = Some(session);
    }

    /// Closes it, also one that is being opened.
    pub fn close(&mut self) {
        self.session = None;
        if let Some(opening) = self.opening.take() {
            opening.abort();
        }
    }

    /// Writes the verdict: tries until `patience` is over, and once at least. `unanswered`: a try elsewhere may have
    /// written it. False: the run is not ours any more.
    pub async fn finish(
        &mut self,
        recorder: &mut Recorder,
        (progress, verdict): (&Progress, &Verdict),
        patience: Duration,
        mut unanswered: bool,
        missed: impl Fn(&str),
    ) -> Result<bool, DbError> {
        let began = Instant::now();
        let left = || patience.saturating_sub(began.elapsed()).max(BEAT_LIMIT);
        let mut limit = BEAT_LIMIT;
        loop {
            // opening one is no part of a try: it would be begun anew with each
            let error = match timeout(left(), self.take()).await {
                Ok(Ok(mut session)) => {
                    let within = limit.min(left());
                    let tried = async {
                        // the answer of an earlier try may be all that was lost
                        let stands = match unanswered {
                            true => recorder.finished(session.as_mut(), verdict).await?,
                            false => None,
                        };
                        match stands {
                            Some(ours) => Ok(ours),
                            None => recorder.finish(session.as_mut(), progress, verdict).await,
                        }
                    };
                    let tried = timeout(within, tried).await;
                    unanswered = true;
                    limit = longer(limit);
                    match tried {
                        Ok(Ok(ours)) => return Ok(ours),
                        Ok(Err(error)) => error,
                        Err(_) => no_answer(within),
                    }
                }
                Ok(Err(error)) => error,
                Err(_) => DbError::new(DbErrorKind::Timeout, "no new session in time"),
            };
            if !(error.kind.passes() || error.kind.contended()) || began.elapsed() >= patience {
                return Err(error);
            }
            missed(&error.message);
            sleep(PAUSE).await;
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.close();
    }
}

fn longer(limit: Duration) -> Duration {
    (limit * 2).min(LONGEST)
}

/// Its server is known already, only its watchdog has to be set.
async fn open(
    engine: &'static Engine,
    target: Arc<Target>,
    purpose: Purpose,
    limit: Duration,
) -> Result<Box<dyn Database>, DbError> {
    let opening = async {
        let mut session = (engine.connect)(&target, purpose, limit).await?;
        session.identify().await?;
        Ok(session)
    };
    within(limit, opening).await
}

/// To something that was given so long.
pub fn no_answer(limit: Duration) -> DbError {
    DbError::new(DbErrorKind::Timeout, format!("no answer within {} s", limit.as_secs()))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::database::{EngineName, sqlite};

    static TRIES: AtomicU32 = AtomicU32::new(0);

    /// Refuses twice.
    const REFUSES: Engine = Engine {
        connect: |target, purpose, limit| match TRIES.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => Box::pin(async { Err(DbError::new(DbErrorKind::Refused, "refused")) }),
            _ => (sqlite::ENGINE.connect)(target, purpose, limit),
        },
        ..sqlite::ENGINE
    };

    /// A later outage finds it as it was before the first one: a lease has time for one long try, or for several.
    #[tokio::test]
    async fn patience_grows_in_an_outage_and_ends_with_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut target = Target::new(EngineName::Sqlite);
        target.file = Some(file.path().to_owned());
        let mut line = Line::new(&REFUSES, Arc::new(target), Purpose::Lease, None);
        for seconds in [4, 8] {
            assert!(line.take().await.is_err());
            assert_eq!(line.limit, Duration::from_secs(seconds));
        }
        drop(line.take().await.unwrap());
        assert_eq!(line.limit, BEAT_LIMIT);
    }
}
