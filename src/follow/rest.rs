//! Between two looks: whether the session is kept, and whether the server may wake us. What was seen is not judged here.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::ledger::{ANSWER, Ledger};
use crate::database::pooler::{Between, between, is_direct};
use crate::database::room::is_crowded;
use crate::database::{LockSupport, Purpose};
use crate::error::Error;

/// Between questions whether the server has room for those who wait; a session that is opened asks at once.
const ROOM_EVERY: Duration = Duration::from_secs(30);
/// How long it may take to find out whether there is a pooler.
const PROBE: Duration = Duration::from_secs(2);

impl Ledger<'_> {
    /// Whether the server has so many connections left that one who only waits may keep one.
    pub(super) async fn has_room(&mut self) -> bool {
        let Some((session, _)) = &mut self.session else { return false };
        if self.room_asked.is_some_and(|asked| asked.elapsed() < ROOM_EVERY) {
            return true;
        }
        // whoever cannot answer is told by the next look
        let crowded = matches!(timeout(ANSWER, is_crowded(session.as_mut())).await, Ok(Ok(true)));
        self.room_asked = (!crowded).then(Instant::now);
        !crowded
    }

    /// Asked once, with a second session where one alone cannot tell.
    async fn may_listen(&mut self) -> bool {
        let Some((session, server)) = &mut self.session else { return false };
        if let Some(known) = self.listens {
            return known;
        }
        let notifies = session.dialect().notify.is_some()
            && matches!(server.lock, LockSupport::Session(_))
            && !server.read_only;
        let job = self.job;
        let probe = async move {
            if is_direct(session.as_mut()).await.ok()? {
                return Some(false);
            }
            let (mut other, _) = job.open(Purpose::Look, false).await.ok()?;
            Some(between(other.as_mut(), session.as_mut()).await.ok()? != Between::Nothing)
        };
        if !notifies {
            self.listens = Some(false);
            return false;
        }
        let pooled = timeout(PROBE, probe).await.ok().flatten().unwrap_or(true);
        if pooled {
            self.session = None; // in the middle of a transaction, perhaps
        }
        self.listens = Some(!pooled);
        !pooled
    }

    /// A session is kept only while a run is alive: those who wait for nobody must not starve who comes.
    pub(super) async fn rest(&mut self, pause: Duration, alive: bool) -> Result<(), Error> {
        let until_deadline = self.job.limits.deadline().saturating_duration_since(Instant::now());
        let pause = pause.min(until_deadline.max(Duration::from_millis(1)));
        if !alive {
            self.session = None;
        }
        let began = Instant::now();
        let listens = !self.leased && self.may_listen().await;
        let pause = pause.saturating_sub(began.elapsed());
        let Some((session, _)) = self.session.as_mut().filter(|_| listens) else {
            return self.job.pause(pause).await;
        };
        let began = Instant::now();
        tokio::select! {
            slept = self.job.pause(pause) => slept,
            notified = session.notified() => {
                if let Err(error) = notified {
                    let broke = error.kind.ends_session();
                    self.listens = Some(broke);
                    if broke {
                        self.session = None;
                    }
                    return self.job.pause(pause.saturating_sub(began.elapsed())).await;
                }
                Ok(())
            }
        }
    }
}
