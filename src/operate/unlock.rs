//! `unlock`: takes the lock away from a run that is dead and does not look it.
//!
//! What makes it safe. Elects and designated leaders do the same by themselves, when they find a run silent and the
//! server's lock free; a person does it where nobody comes, or where waiting is worse.
//!
//! - *Not while the holder beats.* Its counter is watched for 15 s of our own clock, as every observer does; one change,
//!   and we refuse (4). SQLite's runs do not beat: there alive is who has the lock file. `--force` skips this, and asks
//!   no less for a yes.
//! - *Fenced first.* Under the lock's row, and only if the run still says `running` (and, unforced, has the counter that was
//!   shown), the row's fence grows. From then on its leader, thawed or alive, fails its comparison before each statement
//!   and in each transaction: it begins and commits nothing more. To everybody else the run still stands in the way.
//! - *Then what is open on the server is ended.* A migration's transaction holds the lock's row in share mode, so that the
//!   row cannot be had before it is gone; a statement outside of one carries the run's mark, by which a lease's is found.
//!   The session that holds the server's lock *now* is ended if it is the one that the run recorded and the server lets
//!   us. A session that no run recorded is another tool's, or another leader's about to claim: it is named, never ended.
//! - *Marked last*, when nothing of it is at work any more: `abandoned`, by whom. Only now a successor may claim. If we die
//!   in between, the run is one that was fenced, and silent soon.
//! - *Ended means free.* Exit 0 says that nobody has the lock, or that somebody newer has; a session or process that
//!   cannot be ended from here is named with what ends it (4).

mod ending;
mod watching;

use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::database::{Database, DbError, DbErrorKind, Holder, Purpose};
use crate::error::{Doing, Error, OperateError};
use crate::job::{Job, Success, watched};
use crate::ledger::release::Released;
use crate::model::event::Event;
use crate::model::lock::{LockReport, UnlockReport};
use crate::model::run::{LockMode, Run, RunStatus};
use crate::operate::has_ledger;
use ending::{end, stop};
use watching::{Watch, watch};

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
    /// Who it is: `alice@laptop`.
    pub who: &'a str,
}

impl Wanted<'_> {
    /// Of a run that we mark.
    fn by(&self) -> String {
        let forced = if self.force { "with --force " } else { "" };
        format!("unlocked {forced}by {}", self.who)
    }
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

    /// The run that has the lock: by the ledger, or because its session still holds the server's.
    fn holder(&self) -> Option<&Run> {
        let holds = |run: &&Run| self.server_session() == Some(run.session.as_str());
        self.running().or_else(|| self.run.as_ref().filter(holds))
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
    if let Some(run) = first.holder().filter(|_| !confirm.possible()) {
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
    let Some(run) = last.holder().cloned() else { return Err(foreign(job, &last)) };
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
            None => return changed(job, wanted, session.as_mut(), run, ended).await,
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
    Ok(unlocked(job, run, fence, wanted.by(), ended))
}

fn unlocked(job: &Job, run: &Run, fence: i64, ended_by: String, session_ended: Option<String>) -> Success {
    let lock_name = job.scope.lock_name.clone();
    let message = format!("the lock {lock_name} is taken away from {}", run.leader);
    job.report.event(&Event::Unlocked(Box::new(UnlockReport {
        lock_name,
        run: run.id.clone(),
        leader: run.leader.clone(),
        fence,
        ended_by,
        session_ended,
    })));
    Success { run: Some(run.id.clone()), message, ..Success::default() }
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
    let writing = |error| job.refused(Doing::Recording, error);
    let beats = (!wanted.force && job.beats()).then_some(run.beats);
    let mut fence = None;
    loop {
        let tried = timeout(ANSWER, async {
            match fence {
                None => job.ledger.revoke(session, run, beats).await,
                Some(_) if job.ledger.statement_runs(session, run).await? => Ok(Released::Busy),
                Some(_) => job.ledger.write_off(session, run, beats, &wanted.by()).await,
            }
        });
        let tried = tried.await.unwrap_or_else(|_| Err(silent_server()));
        match (tried.map_err(writing)?, fence) {
            (Released::Done(raised), None) => {
                fence = Some(raised);
                continue;
            }
            (Released::Done(_), raised) => return Ok(raised),
            (Released::Changed, _) => return Ok(None),
            (Released::Busy, _) => {}
        }
        // a migration's transaction has the row, or a statement outside of one is at work
        if let Some(stopped) = stop(job, session, run).await {
            *ended = Some(stopped);
        }
        match end(job, session, run).await {
            Ok(told) => *ended = told.or(ended.take()),
            Err(why) => return Err(stays(job, run, why, fence.is_some())),
        }
        if Instant::now() >= until {
            let why = match fence {
                None => "a transaction has the lock's row locked",
                Some(_) => "a statement of it is still at work on the server, or may be",
            };
            return Err(stays(job, run, why.to_owned(), fence.is_some()));
        }
        job.pause(AGAIN).await?;
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
        lease: (run.lock_mode == LockMode::Lease).then(|| run.id.clone()),
    }
    .into()
}

/// The run is not as it was shown. A leader whose session we ended may have recorded that it was interrupted: by whom is
/// ours to say.
async fn changed(
    job: &Job,
    wanted: &Wanted<'_>,
    session: &mut dyn Database,
    run: &Run,
    ended: Option<String>,
) -> Result<Success, Error> {
    if ended.is_some() {
        let who = format!("{} (unlock)", wanted.who);
        let named = job.ledger.name_who_interrupted(session, run, &who).await;
        if named.map_err(|error| job.refused(Doing::Recording, error))? {
            return Ok(unlocked(job, run, run.fence, who, ended));
        }
    }
    let over = job.ledger.run(session, &run.id).await.map_err(|error| job.look_failed(error))?;
    let status = over.map_or("gone".to_owned(), |run| run.status.to_string());
    if status != RunStatus::Running.as_str() {
        return Ok(done(format!("nothing to unlock any more: the run of {} is over: {status}", run.leader)));
    }
    let (lock_name, leader) = (job.scope.lock_name.clone(), Some(run.leader.clone()));
    Err(OperateError::HolderAlive { lock_name, leader, sign: "it gave a sign of life just now".to_owned() }
        .into())
}

fn nothing(job: &Job) -> Success {
    done(format!("nothing to unlock: nobody has the lock {}", job.scope.lock_name))
}

fn done(message: String) -> Success {
    Success { message, ..Success::default() }
}
