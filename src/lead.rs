//! Leads: sessions, lock, claim, work, verdict. The order is the protocol's; see `lock/mod.rs`.

mod command;
mod ends;
mod opening;
mod remains;
mod run;
pub(crate) mod sessions;
mod steps;
mod verdict;

use std::time::Duration;

use tokio::time::Instant;

use crate::database::Purpose;
use crate::error::{Doing, Error};
use crate::job::held_up::HeldUp;
use crate::job::{Job, Success};
use crate::ledger::look::Look;
use crate::lock::judge::{self, Reading};
use crate::lock::observer::Observer;
use crate::model::event::Event;
use crate::model::run::Run;
use sessions::Sessions;

/// Between tries for the lock.
const FIRST_TRY: Duration = Duration::from_millis(250);
const LONGEST_TRY: Duration = Duration::from_secs(2);

/// What became of one try to lead.
pub enum Attempt {
    /// We led, or the claim's second look settled it; either way this is our end.
    Ended(Result<Success, Error>),
    /// Somebody else has the lock.
    NotGot,
}

/// A designated leader: tries until the lock is free, `lock.wait` or the budget ends.
pub async fn lead(job: &Job) -> Result<Success, Error> {
    let mut observer = Observer::default();
    let mut held_up = None;
    let mut opened = match first_look(job, &mut observer, &mut held_up).await? {
        First::Done(success) => return Ok(success),
        First::Go(opened) => opened,
        First::HeldUp => return Err(not_got(job, held_up.unwrap_or_else(Instant::now), None)),
    };
    let began = held_up.unwrap_or_else(Instant::now);
    let deadline = lock_deadline(job, began);
    let mut pause = FIRST_TRY;
    let mut holder = None;
    loop {
        match try_once(job, &mut observer, began, &mut opened).await {
            Ok(Waited::Ended(ended)) => return ended,
            Ok(Waited::Holder(seen)) => holder = seen,
            Ok(Waited::HeldUp) => {}
            Err(error) if error.passes() && Instant::now() + pause < deadline => {
                job.retrying("locking", &error, pause);
                opened = None;
                job.pause(jitter(pause)).await?;
                pause = (pause * 2).min(LONGEST_TRY);
                continue;
            }
            Err(error) => return Err(error),
        }
        if Instant::now() + pause >= deadline {
            job.pause(deadline.saturating_duration_since(Instant::now())).await?;
            return Err(not_got(job, began, holder));
        }
        job.pause(jitter(pause)).await?;
        pause = (pause * 2).min(LONGEST_TRY);
    }
}

/// Until when the lock is waited for, from this moment on.
fn lock_deadline(job: &Job, began: Instant) -> Instant {
    let deadline = job.limits.deadline();
    job.limits.lock_wait.map_or(deadline, |wait| deadline.min(began + wait))
}

fn not_got(job: &Job, began: Instant, holder: Option<Box<Run>>) -> Error {
    Error::LockNotGot { lock_name: job.scope.lock_name.clone(), waited: began.elapsed(), holder }
}

/// What became of one try of a designated leader.
enum Waited {
    Ended(Result<Success, Error>),
    /// Somebody else has the lock: the run that the ledger names, if it names one.
    Holder(Option<Box<Run>>),
    /// Somebody else has it, of whom nothing can be read just now.
    HeldUp,
}

/// One try on the sessions that are open, or on new ones; says who holds the lock if it is not free.
async fn try_once(
    job: &Job,
    observer: &mut Observer,
    began: Instant,
    opened: &mut Option<Box<Sessions>>,
) -> Result<Waited, Error> {
    let mut leader = match opened.take() {
        Some(leader) => leader,
        None => Box::new(Sessions::open(job, false).await?),
    };
    if let Attempt::Ended(ended) = leader.attempt(job, observer, began).await? {
        return Ok(Waited::Ended(ended));
    }
    let told = match leader.look_first(job, observer).await {
        Ok(()) => leader.tell_holder(job, observer, began).await,
        Err(error) => Err(error),
    };
    let waited = match told {
        Ok(holder) => Waited::Holder(holder),
        Err(error) if job.held_up(leader.work.as_mut(), &error).await == Some(HeldUp::ByLeader) => {
            job.tell_held_up(HeldUp::ByLeader, began);
            Waited::HeldUp
        }
        Err(error) => return Err(error),
    };
    *opened = Some(leader);
    Ok(waited)
}

/// An elect: one try, on the sessions that are open, or on new ones; it wants the lock since `began`. The observer is the elect's own, so that what was
/// at work when it came stays so.
pub async fn try_lead(
    job: &Job,
    observer: &mut Observer,
    began: Instant,
    opened: Option<Sessions>,
) -> Result<Attempt, Error> {
    let mut leader = match opened {
        Some(leader) => leader,
        None => Sessions::open(job, false).await?,
    };
    let attempt = leader.attempt(job, observer, began).await?;
    if let Attempt::NotGot = attempt {
        leader.tell_holder(job, observer, began).await?;
    }
    Ok(attempt)
}

/// What comes of a designated leader's first look.
enum First {
    /// All is done.
    Done(Success),
    /// On to the lock, on these sessions if they are open already.
    Go(Option<Box<Sessions>>),
    /// SQLite: somebody has the lock, and writes so much that nothing can be read.
    HeldUp,
}

/// The first look, until one gets through: without one, nothing that we find later would be old. Of a command, the
/// sessions alone. `held_up`: since when somebody else's lock has been waited for.
async fn first_look(
    job: &Job,
    observer: &mut Observer,
    held_up: &mut Option<Instant>,
) -> Result<First, Error> {
    let mut connected = false;
    let mut pause = FIRST_TRY;
    loop {
        // a command has no fast path: its first look is the claim's, or the one before it waits for the lock
        let looked = match job.command.is_some() && job.beats() {
            true => Sessions::open(job, !connected).await.map(|leader| First::Go(Some(Box::new(leader)))),
            false => fast_path(job, observer, !connected).await,
        };
        let error = match looked {
            Ok(First::HeldUp) => {
                let began = *held_up.get_or_insert_with(Instant::now);
                job.tell_held_up(HeldUp::ByLeader, began);
                let left = lock_deadline(job, began).saturating_duration_since(Instant::now());
                if left <= pause {
                    job.pause(left).await?;
                    return Ok(First::HeldUp);
                }
                job.pause(jitter(pause)).await?;
                pause = (pause * 2).min(LONGEST_TRY);
                connected = true;
                continue;
            }
            Ok(first) => return Ok(first),
            Err(error) => error,
        };
        connected |= !error.is_connecting();
        if !(connected && error.passes()) || Instant::now() + pause >= job.limits.deadline() {
            return Err(error);
        }
        job.retrying("looking at", &error, pause);
        job.pause(jitter(pause)).await?;
        pause = (pause * 2).min(LONGEST_TRY);
    }
}

/// Reads only, on one session: the latest run that is ours succeeded, and nothing is pending.
async fn fast_path(job: &Job, observer: &mut Observer, first: bool) -> Result<First, Error> {
    let (mut session, _) = match job.open(Purpose::Look, first).await {
        Ok(opened) => opened,
        Err(error) if job.no_file(&error) => {
            observer.see(&Look::default(), None, Instant::now());
            return Ok(First::Go(None));
        }
        Err(error) => return Err(error),
    };
    let look = match job.ledger.look(session.as_mut(), &job.scope, None).await {
        Ok(look) => look,
        Err(error) => {
            let error = job.look_failed(error);
            let held_up = job.held_up(session.as_mut(), &error).await;
            return if held_up == Some(HeldUp::ByLeader) { Ok(First::HeldUp) } else { Err(error) };
        }
    };
    observer.see(&look, None, Instant::now());
    if judge::succeeded(&look).is_none() || job.command.is_some() {
        return Ok(First::Go(None));
    }
    let judged = job.judge(session.as_mut(), job.history_by_path().as_ref()).await;
    let (judgement, pending) = judged.map_err(|error| job.refused(Doing::ReadingHistory, error))?;
    let reading = Reading::new(judgement.as_ref(), pending);
    let done = judge::nothing_to_do(look.latest.as_ref(), job.command.is_some(), &reading);
    let Some(run) = done else { return Ok(First::Go(None)) };
    for message in judgement.map(|judgement| judgement.notices()).unwrap_or_default() {
        job.report.event(&Event::Notice { message });
    }
    Ok(First::Done(nothing_to_do(run, true)))
}

fn nothing_to_do(latest: &Run, before: bool) -> Success {
    Success {
        run: Some(latest.id.clone()),
        url: latest.url.clone(),
        applied: Vec::new(),
        message: format!("nothing to do: {} is applied", latest.release.short()),
        before,
    }
}

/// Three quarters to five quarters, so that those who wait do not move in step.
pub fn jitter(pause: Duration) -> Duration {
    let random = uuid::Uuid::new_v4().as_u128() % 512;
    let thousandths = 750 + u32::try_from(random).unwrap_or(250);
    pause * thousandths / 1000
}
