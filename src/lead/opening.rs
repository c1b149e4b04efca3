//! Opens a leader's sessions: with the server's session lock where it is safe, else with a lease; looks for a pooler first.

use std::time::Duration;

use tokio::time::timeout;
use tokio::try_join;

use crate::database::pooler::{Between, between, is_direct};
use crate::database::{Database, LockSupport, Purpose, Server};
use crate::error::{Doing, Error};
use crate::job::Job;
use crate::lead::sessions::{ANSWER, Sessions};
use crate::lock::choose::Chosen;
use crate::model::choice::LockChoice;
use crate::model::event::Event;
use crate::model::run::LockMode;

/// The work session, and the beat session if there is one.
type Opened = (Box<dyn Database>, Option<Box<dyn Database>>);

impl Sessions {
    /// `first`: nothing has answered yet, see [`Job::insist`].
    pub async fn open(job: &Job, first: bool) -> Result<Self, Error> {
        job.insist(first, async |limit| Self::try_open(job, limit).await).await
    }

    /// At once and on one session, for a command under a session lock of which there can be no doubt; none where there
    /// can be any. Nothing has answered yet, as with [`Sessions::open`].
    pub async fn open_at_once(job: &Job) -> Result<Option<Self>, Error> {
        if !job.beats() || job.command.is_none() || job.lock_wanted().unasked().is_some() {
            return Ok(None);
        }
        let try_open = async |limit| {
            let mut work = job.connect(Purpose::Work, limit).await?;
            if !matches!(timeout(ANSWER, is_direct(work.as_mut())).await, Ok(Ok(true))) {
                return Ok(None);
            }
            let opened = Self::identified(job, LockMode::Session, work, None).await.ok();
            Ok(opened.filter(|leader| matches!(leader.server.lock, LockSupport::Session(_))))
        };
        job.insist(true, try_open).await
    }

    /// With the session lock where it is safe; else, if that is left to us, with a lease.
    async fn try_open(job: &Job, limit: Duration) -> Result<Self, Error> {
        let chosen = match job.lock_wanted().unasked() {
            Some(chosen) => chosen,
            None => match Self::session(job, limit).await? {
                Ok(sessions) => return Ok(sessions),
                Err(chosen) => chosen,
            },
        };
        match chosen.mode {
            Some(_) => {
                if job.lock_mode != LockChoice::Lease {
                    let message = format!("a lease takes the place of the session lock: {}", chosen.reason);
                    job.report.event(&Event::Notice { message });
                }
                Self::lease(job, limit).await
            }
            None => Err(job.unsafe_lock(chosen)),
        }
    }

    /// The pooler is looked for before a session is identified, since that sets it up, and through a pooler the settings
    /// would stay on the application's connections.
    async fn session(job: &Job, limit: Duration) -> Result<Result<Self, Chosen>, Error> {
        let (mut work, mut beat) = Self::connect(job, limit).await?;
        let found = Self::between(job, work.as_mut(), beat.as_mut(), limit).await?;
        if let Some(chosen) = job.lock_wanted().through(found) {
            return Ok(Err(chosen));
        }
        let sessions = Self::identified(job, LockMode::Session, work, beat).await?;
        let chosen = job.lock_wanted().asked(sessions.server.lock.clone());
        Ok(match chosen.mode {
            Some(LockMode::Session) => Ok(sessions),
            Some(LockMode::Lease) | None => Err(chosen),
        })
    }

    /// A command's beats run on the lock's own session, so it needs no other.
    async fn connect(job: &Job, limit: Duration) -> Result<Opened, Error> {
        if !job.beats() || job.command.is_some() {
            return Ok((job.connect(Purpose::Work, limit).await?, None));
        }
        let (work, beat) = try_join!(job.connect(Purpose::Work, limit), job.connect(Purpose::Beat, limit))?;
        Ok((work, Some(beat)))
    }

    /// One session alone cannot see a pooler, only that there is none.
    async fn between(
        job: &Job,
        work: &mut dyn Database,
        beat: Option<&mut Box<dyn Database>>,
        limit: Duration,
    ) -> Result<Between, Error> {
        let failed = |error| job.refused(Doing::Identifying, error);
        let Ok(direct) = timeout(ANSWER, is_direct(work)).await else { return Ok(Between::Untold) };
        if direct.map_err(failed)? {
            return Ok(Between::Nothing);
        }
        let mut another;
        let other = match beat {
            Some(beat) => beat,
            None => {
                another = job.connect(Purpose::Beat, limit).await?;
                &mut another
            }
        };
        between(work, other.as_mut()).await.map_err(failed)
    }

    async fn lease(job: &Job, limit: Duration) -> Result<Self, Error> {
        let connect = || job.connect(Purpose::Lease, limit);
        let (work, beat) = match job.command {
            Some(_) => (connect().await?, None),
            None => try_join!(connect(), connect()).map(|(work, beat)| (work, Some(beat)))?,
        };
        Self::identified(job, LockMode::Lease, work, beat).await
    }

    async fn identified(
        job: &Job,
        mode: LockMode,
        mut work: Box<dyn Database>,
        mut beat: Option<Box<dyn Database>>,
    ) -> Result<Self, Error> {
        let server = match &mut beat {
            Some(beat) => try_join!(job.identify(work.as_mut()), job.identify(beat.as_mut()))?.0,
            None => job.identify(work.as_mut()).await?,
        };
        writable(job, &server)?;
        Ok(Self { mode, work, server, beat })
    }
}

fn writable(job: &Job, server: &Server) -> Result<(), Error> {
    if !server.read_only {
        return Ok(());
    }
    let name = format!("{} {}", server.product, server.version);
    Err(Error::ReadOnlyServer { target: job.place(), server: name })
}
