//! Follows: look, decide, sleep. An elect does the same until the decision is to lead.

pub mod asking;
pub mod decide;
mod failed;
mod sleep;

use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::database::{Database, DbError, DbErrorKind, Holder, Purpose, Server};
use crate::error::{Doing, Error};
use crate::follow::decide::{Decision, Observation, Policy, Ready, Why, decide};
use crate::follow::failed::failed;
use crate::job::{Job, Success, milliseconds, watched};
use crate::lead::{Attempt, jitter, try_lead};
use crate::ledger::look::{Look, LookError};
use crate::lock::observer::{Observer, Sight};
use crate::model::event::Event;
use crate::model::run::{LockMode, Role, Run, RunStatus};

/// Between looks, while a run is alive and otherwise.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_ALIVE: Duration = Duration::from_secs(1);
const LONGEST_IDLE: Duration = Duration::from_secs(4);
/// How long the server may take to answer a look.
const ANSWER: Duration = Duration::from_secs(10);

/// Waits for the verdict, and as an elect leads where nobody does.
pub async fn follow(job: &Job) -> Result<Success, Error> {
    let mut watch = Watch::new(job);
    let mut ended = watch_on(&mut watch).await;
    if let Err(Error::Signalled { waiting, .. }) = &mut ended {
        *waiting = watch.seen_last.take();
    }
    ended
}

async fn watch_on(watch: &mut Watch<'_>) -> Result<Success, Error> {
    let mut pause = FIRST_PAUSE;
    loop {
        let seen = match watch.look().await {
            Ok(seen) => seen,
            Err(error) if watch.connected && error.passes() => {
                watch.missed(error, pause).await?;
                pause = (pause * 2).min(LONGEST_IDLE);
                continue;
            }
            Err(error) => return Err(error),
        };
        let alive = match decide(&seen.observation, &watch.policy(), watch.elapsed()) {
            Decision::Ready(ready) => return Ok(watch.ready(&ready, &seen.observation)),
            Decision::Fail(failure) => {
                let since = watch.observer.since().unwrap_or(0);
                let session =
                    watch.session.as_mut().map(|(session, _)| session.as_mut() as &mut dyn Database);
                return Err(failed(watch.job, session, since, failure, &seen.observation).await);
            }
            Decision::Lead => {
                watch.session = None; // the leader's sessions come instead
                watch.seen_last = None; // from here on, we may be more than a follower
                match watch.try_lead().await? {
                    Some(success) => return Ok(success),
                    None => false,
                }
            }
            Decision::Wait(why) => {
                watch.tell(&why, &seen);
                watch.leased = seen.leased();
                why == Why::Alive && watch.has_room().await
            }
        };
        let longest = if alive { LONGEST_ALIVE } else { LONGEST_IDLE };
        pause = pause.min(longest);
        watch.sleep(if alive { nearly(pause) } else { jitter(pause) }, alive).await?;
        pause = (pause * 2).min(longest);
    }
}

/// Within a tenth of it: where nobody notifies, the last of many followers hears of the end within 1.1 s, and still they
/// ask no more than once a second each.
fn nearly(pause: Duration) -> Duration {
    (jitter(pause) * 2 + pause * 3) / 5
}

/// Takes one look and says what it saw, for `status` and `plan`.
pub async fn look_once(job: &Job) -> Result<Looked, Error> {
    Watch::new(job).look().await
}

/// One look, with what came before it taken in.
pub struct Looked {
    /// For the decision.
    pub observation: Observation,
    /// What the looks so far say of the latest run.
    pub sight: Sight,
    /// What the server is; none where there is no database yet (SQLite).
    pub server: Option<Server>,
    /// The history against the bundle; none without a bundle, or while the decision does not need it.
    pub judgement: Option<crate::plan::pending::Judgement>,
}

impl Looked {
    fn leased(&self) -> bool {
        let latest = self.observation.latest.as_ref();
        latest.is_some_and(|latest| latest.run.lock_mode == LockMode::Lease)
    }
}

struct Watch<'a> {
    job: &'a Job,
    observer: Observer,
    session: Option<(Box<dyn Database>, Server)>,
    first_look: Option<Instant>,
    /// The server has answered once: from then on, what passes is waited out.
    connected: bool,
    /// Whether the server notifies us: not if it has refused (a standby), nor through a pooler, where the wish would stay
    /// on a connection of the application's, whose driver may not expect to be notified. None: not asked yet.
    listens: Option<bool>,
    /// When the session was last asked for the server's room.
    room_asked: Option<Instant>,
    /// The run at work is under a lease, as where there is a pooler.
    leased: bool,
    /// Why we waited after the last look.
    seen_last: Option<String>,
}

impl<'a> Watch<'a> {
    fn new(job: &'a Job) -> Self {
        Self {
            job,
            observer: Observer::default(),
            session: None,
            first_look: None,
            connected: false,
            listens: None,
            room_asked: None,
            leased: false,
            seen_last: Some("nothing yet".to_owned()),
        }
    }

    /// `follow.start` counts from the first look, the budget from the process's start.
    fn policy(&self) -> Policy {
        let limits = &self.job.limits;
        let first_look = self.first_look.unwrap_or(limits.began);
        Policy {
            elect: self.job.role == Role::Elect,
            command: self.job.command.is_some(),
            digest: self.job.scope.digest.clone(),
            grace: limits.grace,
            start: limits.start,
            window: limits.window,
            budget: limits.deadline().saturating_duration_since(first_look),
        }
    }

    fn elapsed(&self) -> Duration {
        self.first_look.map_or(Duration::ZERO, |first| first.elapsed())
    }

    async fn look(&mut self) -> Result<Looked, Error> {
        let job = self.job;
        // not within the limit of an answer: the first connection has its own, much longer one
        if self.session.is_none() {
            match job.open(Purpose::Look, !self.connected).await {
                Ok(opened) => {
                    self.session = Some(opened);
                    self.room_asked = None;
                }
                Err(error) if job.no_file(&error) => return Ok(self.nothing_there()),
                Err(error) => return Err(error),
            }
        }
        self.connected = true;
        let looked = timeout(ANSWER, self.look_at_session()).await.unwrap_or_else(|_| {
            let error =
                DbError::new(DbErrorKind::Timeout, format!("no answer within {} s", ANSWER.as_secs()));
            Err(job.refused(Doing::Looking, error))
        });
        if looked.is_err() {
            self.session = None;
        }
        looked
    }

    async fn look_at_session(&mut self) -> Result<Looked, Error> {
        let Some((session, server)) = &mut self.session else {
            return Err(Error::Bug { what: "no session after opening one".to_owned() });
        };
        let locked = match self.job.beats() {
            true => None,
            false => {
                let holder = session.holder(&self.job.key).await;
                let holder = holder.map_err(|error| self.job.refused(Doing::Looking, error))?;
                Some(matches!(holder, Holder::Other(_)))
            }
        };
        let since = self.observer.since();
        let look = self.job.ledger.look(session.as_mut(), &self.job.scope, since).await;
        let look = look.map_err(|error| look_failed(self.job, error, locked))?;
        look.latest.iter().try_for_each(|run| self.job.not_inside(run))?;
        let now = Instant::now();
        self.first_look.get_or_insert(now);
        let sight = self.observer.see(&look, locked, now);
        let mut observation = observation(self.job, &self.observer, look, &sight);
        // the history after the runs, never before and never kept: a run that ended in between has recorded it
        let mut judgement = None;
        if !sight.alive || now >= self.job.limits.deadline() {
            let judged = self.job.judge(session.as_mut(), self.job.history_by_path().as_ref()).await;
            (judgement, observation.pending) =
                judged.map_err(|error| self.job.refused(Doing::ReadingHistory, error))?;
        }
        let server = Some(server.clone());
        Ok(Looked { observation, sight, server, judgement })
    }

    fn nothing_there(&mut self) -> Looked {
        let now = Instant::now();
        self.first_look.get_or_insert(now);
        let look = Look::default();
        let sight = self.observer.see(&look, Some(false), now);
        let mut observation = observation(self.job, &self.observer, look, &sight);
        let judgement = self.job.bundle.as_ref().map(|bundle| {
            let judgement = crate::plan::pending::judge(bundle, &[], self.job.rules);
            observation.pending = judgement.pending(bundle);
            judgement
        });
        Looked { observation, sight, server: None, judgement }
    }

    async fn missed(&mut self, error: Error, pause: Duration) -> Result<(), Error> {
        if Instant::now() >= self.job.limits.deadline() {
            return Err(error);
        }
        self.job.retrying("looking at", &error, pause);
        self.job.pause(jitter(pause)).await
    }

    /// None = somebody else has the lock, or the server is busy: look again.
    async fn try_lead(&mut self) -> Result<Option<Success>, Error> {
        match try_lead(self.job, &mut self.observer).await {
            Ok(Attempt::Ended(ended)) => ended.map(Some),
            Ok(Attempt::NotGot) => Ok(None),
            Err(error) if error.passes() => {
                self.missed(error, FIRST_PAUSE).await?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn tell(&mut self, why: &Why, seen: &Looked) {
        let waited_ms = milliseconds(self.job.limits.began.elapsed());
        let latest = seen.observation.latest.as_ref().map(|latest| &latest.run);
        let reason = reason(why, latest, seen, self.job);
        self.job.report.event(&match (why, latest) {
            (Why::Alive, Some(run)) => {
                Event::Watching { run: watched(run, seen.observation.now, self.quiet(seen, run)), waited_ms }
            }
            _ => Event::Waiting { reason: reason.clone(), waited_ms },
        });
        self.seen_last = Some(reason);
    }

    /// Since the last beat by the database's clock; a server without beats has none to tell.
    fn quiet(&self, seen: &Looked, run: &Run) -> Option<Duration> {
        let since = seen.observation.now.saturating_sub(run.beat_at).max(0).unsigned_abs();
        self.job.beats().then(|| Duration::from_millis(since))
    }

    fn ready(&self, ready: &Ready, seen: &Observation) -> Success {
        let latest = seen.latest.as_ref().map(|latest| &latest.run);
        let message = match (ready, latest) {
            (Ready::Succeeded, Some(run)) => {
                format!("{} has migrated to {}", run.leader, run.release.short())
            }
            _ => "nothing of our migrations is pending".to_owned(),
        };
        Success { run: latest.map(|run| run.id.clone()), applied: Vec::new(), message }
    }
}

fn observation(job: &Job, observer: &Observer, look: Look, sight: &Sight) -> Observation {
    let never_old = job.role == Role::Follow && job.scope.deploy.is_some();
    Observation::new(observer, look, sight, never_old)
}

/// A SQLite file that its directory's rights make unreadable (a hot journal, a WAL file to be opened) is news only
/// while nobody is at work there.
fn look_failed(job: &Job, error: LookError, locked: Option<bool>) -> Error {
    match error {
        LookError::Database(mut error) if error.kind == DbErrorKind::ReadOnly && locked == Some(true) => {
            error.kind = DbErrorKind::Busy;
            job.refused(Doing::Looking, error)
        }
        LookError::Database(mut error) if error.kind == DbErrorKind::ReadOnly && locked == Some(false) => {
            error.kind = DbErrorKind::Privilege;
            job.refused(Doing::Looking, error)
        }
        error => job.look_failed(error),
    }
}

/// Rounded up: "0 s" would be a lie.
fn whole_seconds(left: Duration) -> u64 {
    left.as_secs() + u64::from(left.subsec_nanos() > 0)
}

/// Why we wait, in one line.
fn reason(why: &Why, latest: Option<&Run>, seen: &Looked, job: &Job) -> String {
    let elect = job.role == Role::Elect;
    let leader = latest.map_or("the leader", |run| run.leader.as_str());
    match why {
        Why::Alive => {
            let run = latest.filter(|run| run.total > 0);
            let done = run.map(|run| format!(", {} of {} done", run.done, run.total)).unwrap_or_default();
            format!("{leader} is at work{done}")
        }
        Why::Behind => format!(
            "the last run of this release, led by {leader}, did not apply all of our migrations; waiting for a new one"
        ),
        Why::OldFailure(left) if elect => {
            format!("{leader} failed before we came; trying again in {} s", whole_seconds(*left))
        }
        Why::OldFailure(left) => {
            format!("{leader} failed before we came; waiting {} s for a new run", whole_seconds(*left))
        }
        Why::Dead(left) => {
            let what = match latest.map(|run| run.status) {
                Some(RunStatus::Running) => {
                    format!("{leader} has shown no sign of life for {} s", seen.sight.quiet_for.as_secs())
                }
                Some(status) => format!("the run of {leader} was {status}"),
                None => "the run that we watched is gone from the ledger".to_owned(),
            };
            format!("{what}; waiting {} s for another leader", whole_seconds(*left))
        }
        Why::NotStarted if seen.server.is_none() => {
            format!("no leader has begun yet: the database file {} is not there", job.place())
        }
        Why::NotStarted => "no leader has begun yet".to_owned(),
    }
}
