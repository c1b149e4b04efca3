//! `unlock`: takes the lock away from a run that is dead and does not look it.
//!
//! What makes it safe. Elects and designated leaders do the same by themselves, when they find a run silent and the
//! server's lock free; a person does it where nobody comes, or where waiting is worse.
//!
//! - *Not while the holder beats.* Its counter is watched for 15 s of our own clock, as every observer does; one change,
//!   and we refuse (4). SQLite's runs do not beat: there alive is who has the lock file. `--force` skips this, and asks
//!   no less for a yes.
//! - *Marked and fenced in one transaction*, under the lock's row: the run becomes `abandoned`, only if it still says
//!   `running` under the fence (and, unforced, with the counter) that was shown; and the row's fence grows. A leader that
//!   thaws afterwards finds its beat refused, and its comparison of the fence fails before each statement and in each
//!   transaction: it commits nothing more.
//! - *What is open on the server is ended first.* A migration's transaction holds the lock's row in share mode, so the row
//!   cannot be had while one is open: then, and whenever the server's lock is still held, the session that holds it *now*
//!   is ended, if it is the one that the run recorded, and if the server lets us. A session that no run recorded is
//!   another tool's, or another leader's about to claim: it is named, never ended.
//! - *Ended means free.* Exit 0 says that nobody has the lock, or that somebody newer has; a session or process that
//!   cannot be ended from here is named with what ends it (4).

use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::database::{Database, DbError, DbErrorKind, Holder, Purpose};
use crate::error::{Doing, Error, OperateError};
use crate::job::{Job, Success, milliseconds, watched};
use crate::ledger::release::Released;
use crate::lock::observer::SILENCE;
use crate::model::event::Event;
use crate::model::lock::{LockReport, UnlockReport};
use crate::model::run::{Run, RunStatus};
use crate::operate::has_ledger;

/// Between looks at the counter.
const EVERY: Duration = Duration::from_secs(1);
/// Between tries for a row, or looks at a session that was told to end.
const AGAIN: Duration = Duration::from_millis(250);
/// How long a session that was told to end may take: MySQL rolls back first.
const ENDING: Duration = Duration::from_secs(20);
/// How long the server may take to answer.
const ANSWER: Duration = Duration::from_secs(15);

/// What the operator wants.
pub struct Wanted<'a> {
    /// Even while the holder beats.
    pub force: bool,
    /// Who it is, as the ledger records it.
    pub by: &'a str,
}

/// Asks the operator for a yes; none = there is nobody to ask.
#[async_trait::async_trait]
pub trait Confirm: Send + Sync {
    /// Whether there is somebody to ask.
    fn possible(&self) -> bool;
    /// Returns what was answered.
    async fn confirm(&self, question: String) -> Option<bool>;
}

/// Who has the lock.
#[derive(Debug)]
struct Seen {
    /// The run that the lock's row names.
    run: Option<Run>,
    /// Who has the server's own lock.
    server: Holder,
    /// The database's clock.
    now: i64,
}

impl Seen {
    /// The run, while it has not ended.
    fn running(&self) -> Option<&Run> {
        self.run.as_ref().filter(|run| run.status == RunStatus::Running)
    }

    fn server_locked(&self) -> bool {
        matches!(self.server, Holder::Other(_))
    }

    fn server_session(&self) -> Option<&str> {
        match &self.server {
            Holder::Other(session) => session.as_deref(),
            Holder::Free | Holder::Ours => None,
        }
    }
}

/// Frees the lock, or says why not.
pub async fn unlock(job: &Job, wanted: &Wanted<'_>, confirm: &dyn Confirm) -> Result<Success, Error> {
    let Some(mut session) = open(job, true).await? else { return Ok(nothing(job)) };
    if !has_ledger(job, session.as_mut()).await? {
        job.report.event(&Event::Lock(Box::new(report(job, &Seen::nobody()))));
        return Ok(nothing(job));
    }
    let first = look(job, session.as_mut()).await?;
    job.report.event(&Event::Lock(Box::new(report(job, &first))));
    if first.running().is_none() && !first.server_locked() {
        return Ok(nothing(job));
    }
    if let Some(run) = first.run.as_ref().filter(|_| !confirm.possible()) {
        return Err(OperateError::NotConfirmed { asked: false, leader: run.leader.clone() }.into());
    }
    let last = match wanted.force {
        true => first,
        false => match watch(job, session.as_mut(), first).await? {
            Watch::Silent(seen) => *seen,
            Watch::Ended(message) => return Ok(done(message)),
        },
    };
    drop(session); // the server would end it while a person thinks
    let Some(run) = last.run.clone() else { return Err(foreign(job, &last)) };
    if last.running().is_none() && last.server_session() != Some(run.session.as_str()) {
        return Err(foreign(job, &last));
    }
    ask(job, wanted, confirm, &run).await?;
    release(job, wanted, &run, last.running().is_some()).await
}

impl Seen {
    fn nobody() -> Self {
        Self { run: None, server: Holder::Free, now: 0 }
    }
}

/// A session that nothing is set on: it may go through a pooler.
async fn open(job: &Job, first: bool) -> Result<Option<Box<dyn Database>>, Error> {
    let opened = job.insist(first, async |limit| job.connect(Purpose::Beat, limit).await).await;
    match opened {
        Ok(session) => Ok(Some(session)),
        Err(error) if job.no_file(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn look(job: &Job, session: &mut dyn Database) -> Result<Seen, Error> {
    let looked = timeout(ANSWER, async {
        let look = job.ledger.look(session, &job.scope, None).await; // refuses a newer ledger
        let look = look.map_err(|error| job.look_failed(error))?;
        let run = job.ledger.holder(session, &job.scope.lock_name).await;
        let run = run.map_err(|error| job.look_failed(error))?;
        let server = session.holder(&job.key).await;
        let server = server.map_err(|error| job.refused(Doing::Looking, error))?;
        Ok(Seen { run, server, now: look.now })
    });
    looked.await.unwrap_or_else(|_| Err(job.refused(Doing::Looking, silent_server())))
}

fn silent_server() -> DbError {
    DbError::new(DbErrorKind::Timeout, format!("no answer within {} s", ANSWER.as_secs()))
}

/// What became of the watch.
enum Watch {
    /// No sign of life for as long as it takes.
    Silent(Box<Seen>),
    /// Nobody has the lock any more: why.
    Ended(String),
}

/// Looks until the holder shows a sign of life, has ended, or was silent for long enough.
async fn watch(job: &Job, session: &mut dyn Database, first: Seen) -> Result<Watch, Error> {
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

fn report(job: &Job, seen: &Seen) -> LockReport {
    let run = seen.running();
    let quiet = |run: &Run| {
        let since = seen.now.saturating_sub(run.beat_at).max(0).unsigned_abs();
        job.beats().then(|| Duration::from_millis(since))
    };
    LockReport {
        lock_name: job.scope.lock_name.clone(),
        locked: run.is_some() || seen.server_locked(),
        holder: run.map(|run| watched(run, seen.now, quiet(run))),
        host: run.map(|run| run.host.clone()),
        session: run.map(|run| run.session.clone()),
        server_locked: seen.server_locked(),
        server_session: seen.server_session().map(str::to_owned),
    }
}

/// The server's lock is held, and no run of the ledger's says by whom.
fn foreign(job: &Job, seen: &Seen) -> Error {
    OperateError::ForeignHolder {
        lock_name: job.scope.lock_name.clone(),
        engine: job.engine.name,
        session: seen.server_session().map(str::to_owned),
    }
    .into()
}

async fn ask(job: &Job, wanted: &Wanted<'_>, confirm: &dyn Confirm, run: &Run) -> Result<(), Error> {
    let risk = if wanted.force { ", though it may be at work" } else { "" };
    let question = format!("Take the lock {} away from {}{risk}?", job.scope.lock_name, run.leader);
    match confirm.confirm(question).await {
        Some(true) => Ok(()),
        answer => {
            Err(OperateError::NotConfirmed { asked: answer.is_some(), leader: run.leader.clone() }.into())
        }
    }
}

/// Writes; what is in the way on the server is ended.
async fn release(job: &Job, wanted: &Wanted<'_>, run: &Run, running: bool) -> Result<Success, Error> {
    let until = Instant::now() + ENDING;
    let Some(mut session) = open(job, false).await? else { return Ok(nothing(job)) };
    let mut ended = None;
    let mut fence = run.fence;
    if running {
        match write_off(job, wanted, run, session.as_mut(), until, &mut ended).await? {
            Some(raised) => fence = raised,
            None => return changed(job, session.as_mut(), run).await,
        }
    }
    // the ledger has let go of it; now the server
    loop {
        match end(job, session.as_mut(), run).await {
            Ok(None) => break,
            Ok(Some(told)) if Instant::now() < until => ended = Some(told),
            Ok(Some(_)) => {
                return Err(stays(job, run, "it was told to end, and has not yet".to_owned(), true));
            }
            Err(why) => return Err(stays(job, run, why, true)),
        }
        job.pause(AGAIN).await?;
    }
    job.report.event(&Event::Unlocked(Box::new(UnlockReport {
        lock_name: job.scope.lock_name.clone(),
        run: run.id.clone(),
        leader: run.leader.clone(),
        fence,
        ended_by: wanted.by.to_owned(),
        session_ended: ended,
    })));
    let message = format!("the lock {} is taken away from {}", job.scope.lock_name, run.leader);
    Ok(Success { run: Some(run.id.clone()), applied: Vec::new(), message })
}

/// In the ledger; the new fence, or none if the run is not as it was shown.
async fn write_off(
    job: &Job,
    wanted: &Wanted<'_>,
    run: &Run,
    session: &mut dyn Database,
    until: Instant,
    ended: &mut Option<String>,
) -> Result<Option<i64>, Error> {
    let beats = (!wanted.force && job.beats()).then_some(run.beats);
    loop {
        let released = timeout(ANSWER, job.ledger.release(session, run, beats, wanted.by)).await;
        let released = released.unwrap_or_else(|_| Err(silent_server()));
        match released.map_err(|error| job.refused(Doing::Recording, error))? {
            Released::Done(raised) => return Ok(Some(raised)),
            Released::Changed => return Ok(None),
            Released::Busy => {}
        }
        // a migration's transaction has the row: it goes with its session
        match end(job, session, run).await {
            Ok(told) => *ended = told.or(ended.take()),
            Err(why) => return Err(stays(job, run, why, false)),
        }
        if Instant::now() >= until {
            return Err(stays(job, run, "a transaction has the lock's row locked".to_owned(), false));
        }
        job.pause(AGAIN).await?;
    }
}

/// Ends the session that has the server's lock now, if it is this run's. None = it has it no more; the text of an error
/// says why it cannot be ended.
async fn end(job: &Job, session: &mut dyn Database, run: &Run) -> Result<Option<String>, String> {
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

fn stays(job: &Job, run: &Run, why: String, marked: bool) -> Error {
    OperateError::SessionStays {
        engine: job.engine.name,
        leader: run.leader.clone(),
        host: run.host.clone(),
        session: run.session.clone(),
        why,
        marked,
    }
    .into()
}

/// The run is not as it was shown.
async fn changed(job: &Job, session: &mut dyn Database, run: &Run) -> Result<Success, Error> {
    let seen = look(job, session).await?;
    let over = job.ledger.run(session, &run.id).await.map_err(|error| job.look_failed(error))?;
    match over.filter(|run| run.status != RunStatus::Running) {
        Some(over) if seen.running().is_none() => Ok(done(format!(
            "nothing to unlock any more: the run of {} is over: {}",
            run.leader, over.status
        ))),
        _ => Err(OperateError::HolderAlive {
            lock_name: job.scope.lock_name.clone(),
            leader: seen.running().map(|run| run.leader.clone()),
            sign: "it gave one just now".to_owned(),
        }
        .into()),
    }
}

fn nothing(job: &Job) -> Success {
    done(format!("nothing to unlock: nobody has the lock {}", job.scope.lock_name))
}

fn done(message: String) -> Success {
    Success { run: None, applied: Vec::new(), message }
}
