//! A SQLite file that somebody writes cannot be read until that one commits: no error, but a reason to wait, and to say so.

use std::time::Duration;

use tokio::time::Instant;

use crate::database::{Database, DbErrorKind, Holder};
use crate::error::Error;
use crate::job::{Job, Party, milliseconds};
use crate::model::event::Event;

/// From this pause between tries on, that another program writes is news: short writes are none.
const NEWS: Duration = Duration::from_secs(1);

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldUp {
    /// Somebody has the lock.
    ByLeader,
    /// Nobody has: it is another program.
    ByOther,
}

impl HeldUp {
    /// What kept us from seeing anything, if it was this; `locked`: somebody else has the lock.
    pub fn of(error: &Error, locked: bool) -> Option<Self> {
        let busy = error.database_kind() == Some(DbErrorKind::Busy);
        busy.then_some(if locked { Self::ByLeader } else { Self::ByOther })
    }

    /// Why we wait.
    pub fn reason(self) -> &'static str {
        match self {
            Self::ByLeader => "somebody is at work, and writes so much that nothing can be read meanwhile",
            Self::ByOther => "another program writes to the database, and nothing can be read meanwhile",
        }
    }
}

impl Party {
    /// Says why nothing is seen.
    pub fn tell_held_up(&self, held_up: HeldUp, since: Instant) {
        let waited_ms = milliseconds(since.elapsed());
        self.report.event(&Event::Waiting { reason: held_up.reason().to_owned(), waited_ms });
    }
}

impl Job {
    /// What kept us from seeing anything, if it was this. The lock is a file of its own, and seen all the same.
    pub async fn held_up(&self, session: &mut dyn Database, error: &Error) -> Option<HeldUp> {
        HeldUp::of(error, false)?;
        let holder = session.holder(&self.key).await;
        HeldUp::of(error, matches!(holder, Ok(Holder::Other(_))))
    }

    /// Says that we try again.
    pub fn retrying(&self, what: &str, error: &Error, pause: Duration) {
        match HeldUp::of(error, false) {
            None => self.report.event(&Event::Retrying {
                what: format!("{what} {}", self.place()),
                reason: error.to_string(),
                pause_ms: milliseconds(pause),
            }),
            Some(held_up) if pause >= NEWS => self.tell_held_up(held_up, self.limits.began),
            Some(_) => {}
        }
    }
}
