//! Looks at the ledger, and at the history after it. A session is kept only while a run is alive.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, timeout};

use crate::database::standby::Standby;
use crate::database::{Database, DbError, DbErrorKind, Holder, Purpose, Server};
use crate::error::{Doing, Error};
use crate::follow::source::{Looked, Memory, Source};
use crate::job::Job;
use crate::job::held_up::HeldUp;
use crate::lead::jitter;
use crate::lead::sessions::Sessions;
use crate::ledger::history::Recorded;
use crate::ledger::look::{Look, LookError};
use crate::model::event::Event;
use crate::model::run::{LockMode, Role, Run};

/// Between looks, while a run is alive and otherwise.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_ALIVE: Duration = Duration::from_secs(1);
const LONGEST_IDLE: Duration = Duration::from_secs(4);
/// How long the server may take to answer a look.
pub(super) const ANSWER: Duration = Duration::from_secs(10);

/// Said once.
const BEHIND: &str = "this standby is behind its primary: what it shows of a run may be old, and until it has caught up \
    nobody is taken for silent";

/// The database of a job.
pub struct Ledger<'a> {
    pub(super) job: &'a Job,
    pub(super) session: Option<(Box<dyn Database>, Server)>,
    /// The first look may be on a session on which we may lead, if that needs no more than a look's.
    hurries: bool,
    /// The session is such a one.
    leads: bool,
    /// The server has answered once: from then on, what passes is waited out.
    connected: bool,
    /// Whether the server notifies us: not if it has refused (a standby), nor through a pooler, where the wish would stay
    /// on a connection of the application's, whose driver may not expect to be notified. None: not asked yet.
    pub(super) listens: Option<bool>,
    /// When the session was last asked for the server's room.
    pub(super) room_asked: Option<Instant>,
    /// The run at work is under a lease, as where there is a pooler.
    pub(super) leased: bool,
    standby: Standby,
    /// That it is behind was said.
    told_behind: bool,
    /// SQLite: the file is not there yet.
    no_file: bool,
    /// SQLite: somebody has the lock.
    locked: bool,
    pause: Duration,
}

impl<'a> Ledger<'a> {
    /// The database of `job`; connects at the first look.
    pub fn new(job: &'a Job) -> Self {
        Self {
            job,
            session: None,
            hurries: false,
            leads: false,
            connected: false,
            listens: None,
            room_asked: None,
            leased: false,
            standby: Standby::default(),
            told_behind: false,
            no_file: false,
            locked: false,
            pause: FIRST_PAUSE,
        }
    }

    /// The same for one who may lead there. Where a command is to run, most elects come to a database that is free, and
    /// one session is enough to look and to lead.
    pub fn to_lead(job: &'a Job) -> Self {
        let hurries = job.role == Role::Elect && job.command.is_some();
        Self { hurries, ..Self::new(job) }
    }

    async fn look_at_session(&mut self, memory: &mut Memory) -> Result<Looked, Error> {
        let Some((session, server)) = &mut self.session else {
            return Err(Error::Bug { what: "no session after opening one".to_owned() });
        };
        let locked = match self.job.beats() {
            true => None,
            false => {
                let holder = session.holder(&self.job.key).await;
                let holder = holder.map_err(|error| self.job.refused(Doing::Looking, error))?;
                self.locked = matches!(holder, Holder::Other(_));
                Some(self.locked)
            }
        };
        if server.read_only && matches!(self.standby.is_behind(session.as_mut()).await, Ok(true)) {
            memory.observer.not_heard(Instant::now());
            if !std::mem::replace(&mut self.told_behind, true) {
                self.job.report.event(&Event::Notice { message: BEHIND.to_owned() });
            }
        }
        let since = memory.observer.since();
        let look = match self.job.by_history {
            true => Look::default(),
            false => {
                let look = self.job.ledger.look(session.as_mut(), &self.job.scope, since).await;
                look.map_err(|error| look_failed(self.job, error, locked))?
            }
        };
        look.latest.iter().try_for_each(|run| self.job.not_inside(run))?;
        let (mut observation, sight) = memory.see(self.job, look, locked);
        // the history after the runs, never before and never kept: a run that ended in between has recorded it
        let mut judgement = None;
        if !sight.alive || Instant::now() >= self.job.limits.deadline() {
            let judged = self.job.judge(session.as_mut(), self.job.history_by_path().as_ref()).await;
            (judgement, observation.pending) =
                judged.map_err(|error| self.job.refused(Doing::ReadingHistory, error))?;
        }
        let latest = observation.latest.as_ref().map(|latest| &latest.run);
        self.leased = latest.is_some_and(|run| run.lock_mode == LockMode::Lease);
        // by the database's clock; a server without beats has none to tell
        let beat_age = latest.filter(|_| self.job.beats()).map(|run| {
            let since = observation.now.saturating_sub(run.beat_at).max(0).unsigned_abs();
            Duration::from_millis(since)
        });
        Ok(Looked { beat_age, observation, sight, server: Some(server.clone()), judgement })
    }

    fn nothing_there(&self, memory: &mut Memory) -> Looked {
        let (mut observation, sight) = memory.see(self.job, Look::default(), Some(false));
        let history = self.job.history_by_path();
        let judgement = self.job.bundle.as_ref().zip(history).map(|(bundle, history)| {
            let judgement = self.job.judgement(bundle, &history, &Recorded::Nowhere);
            observation.pending = self.job.pending(bundle, &judgement);
            judgement
        });
        Looked { observation, sight, beat_age: None, server: None, judgement }
    }
}

#[async_trait(?Send)]
impl Source for Ledger<'_> {
    async fn look(&mut self, memory: &mut Memory) -> Result<Looked, Error> {
        let job = self.job;
        // not within the limit of an answer: the first connection has its own, much longer one
        if std::mem::take(&mut self.hurries)
            && let Some(leader) = Sessions::open_at_once(job).await?
        {
            self.session = Some((leader.work, leader.server));
            self.leads = true;
        }
        if self.session.is_none() {
            match job.open(Purpose::Look, !self.connected).await {
                Ok(opened) => {
                    self.session = Some(opened);
                    self.room_asked = None;
                }
                Err(error) if job.no_file(&error) => {
                    self.no_file = true;
                    return Ok(self.nothing_there(memory));
                }
                Err(error) => return Err(error),
            }
        }
        (self.connected, self.no_file) = (true, false);
        let looked = timeout(ANSWER, self.look_at_session(memory)).await.unwrap_or_else(|_| {
            let error =
                DbError::new(DbErrorKind::Timeout, format!("no answer within {} s", ANSWER.as_secs()));
            Err(job.refused(Doing::Looking, error))
        });
        if looked.is_err() {
            self.leave();
        }
        looked
    }

    async fn outlast(&mut self, error: Error) -> Result<(), Error> {
        let passes = self.connected && error.passes();
        if !passes || Instant::now() >= self.job.limits.deadline() {
            return Err(error);
        }
        if self.held_up(&error).is_none() {
            self.job.retrying("looking at", &error, self.pause);
        }
        self.job.pause(jitter(self.pause)).await?;
        self.pause = (self.pause * 2).min(LONGEST_IDLE);
        Ok(())
    }

    fn held_up(&self, error: &Error) -> Option<HeldUp> {
        HeldUp::of(error, self.locked)
    }

    async fn sleep(&mut self, alive: bool) -> Result<(), Error> {
        if self.leads {
            self.leave(); // who waits needs no leader's session
        }
        let alive = alive && self.has_room().await;
        let longest = if alive { LONGEST_ALIVE } else { LONGEST_IDLE };
        let pause = self.pause.min(longest);
        self.pause = (pause * 2).min(longest);
        self.rest(if alive { nearly(pause) } else { jitter(pause) }, alive).await
    }

    async fn others(&mut self, since: i64) -> Vec<Run> {
        let Some((session, _)) = self.session.as_mut().filter(|_| !self.job.by_history) else {
            return Vec::new();
        };
        let lock_name = &self.job.scope.lock_name;
        self.job.ledger.runs_since(session.as_mut(), lock_name, since).await.unwrap_or_default()
    }

    fn nobody_began(&self) -> String {
        match self.no_file {
            true => format!("no leader has begun yet: the database file {} is not there", self.job.place()),
            false => "no leader has begun yet".to_owned(),
        }
    }

    fn history(&self) -> Option<String> {
        let history = self.job.history_by_path().filter(|_| self.job.by_history);
        history.map(|history| history.short_name().to_owned())
    }

    fn leave(&mut self) -> Option<Sessions> {
        let session = self.session.take();
        session
            .filter(|_| std::mem::take(&mut self.leads))
            .map(|(work, server)| Sessions::alone(work, server))
    }
}

/// Within a tenth of it: where nobody notifies, the last of many followers hears of the end within 1.1 s, and still they
/// ask no more than once a second each.
fn nearly(pause: Duration) -> Duration {
    (jitter(pause) * 2 + pause * 3) / 5
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
