//! Is the holder alive? Watched by our own clock, as every observer does; nothing is written.

use std::time::Duration;

use tokio::time::Instant;

use super::{Seen, look};
use crate::database::Database;
use crate::error::{Error, OperateError};
use crate::job::{Job, milliseconds};
use crate::lock::observer::SILENCE;
use crate::model::event::Event;
use crate::model::run::Run;

/// Between looks at the counter.
const EVERY: Duration = Duration::from_secs(1);

/// What became of the watch.
pub(super) enum Watch {
    /// No sign of life for as long as it takes.
    Silent(Box<Seen>),
    /// Nobody has the lock any more: why.
    Ended(String),
}

/// Looks until the holder shows a sign of life, has ended, or was silent for long enough.
pub(super) async fn watch(job: &Job, session: &mut dyn Database, first: Seen) -> Result<Watch, Error> {
    let began = Instant::now();
    let alive = |run: Option<&Run>, sign: &str| {
        let leader = run.map(|run| run.leader.clone());
        Error::from(OperateError::HolderAlive {
            lock_name: job.scope.lock_name.clone(),
            leader,
            sign: sign.to_owned(),
        })
    };
    if !job.beats() {
        return match (first.running(), first.server_locked()) {
            (run, true) => Err(alive(run, "a process has the lock file locked")),
            (_, false) => Ok(Watch::Silent(Box::new(first))), // its process is gone
        };
    }
    let whom = first.running().map_or("the session that has it".to_owned(), |run| run.leader.to_string());
    let reason = format!("watching {whom} for signs of life, {} s; --force does not", SILENCE.as_secs());
    let mut last = first;
    while began.elapsed() < SILENCE {
        let waited_ms = milliseconds(began.elapsed());
        job.report.event(&Event::Waiting { reason: reason.clone(), waited_ms });
        job.pause(EVERY.min(SILENCE.saturating_sub(began.elapsed()))).await?;
        let seen = look(job, session).await?;
        match (last.running(), seen.running()) {
            (Some(before), Some(now)) if before.id != now.id => {
                return Err(alive(Some(now), "it has only just got the lock"));
            }
            (Some(before), Some(now)) if before.beats != now.beats => {
                return Err(alive(
                    Some(now),
                    &format!("its signs of life went from {} to {}", before.beats, now.beats),
                ));
            }
            (None, Some(now)) => return Err(alive(Some(now), "it has only just got the lock")),
            (Some(before), None) if !seen.server_locked() => {
                let status = seen.run.as_ref().map_or("gone", |run| run.status.as_str());
                return Ok(Watch::Ended(format!(
                    "nothing to unlock: the run of {} is over: {status}",
                    before.leader
                )));
            }
            (None, None) if !seen.server_locked() => {
                return Ok(Watch::Ended("nothing to unlock: the server's lock is free by now".to_owned()));
            }
            _ => {}
        }
        last = seen;
    }
    Ok(Watch::Silent(Box::new(last)))
}
