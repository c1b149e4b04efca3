//! What every participant has, leader or follower, whatever it looks at: no database is needed for any of it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::error::{Cut, Error, Seeking};
use crate::ledger::look::Scope;
use crate::model::event::Watched;
use crate::model::ids::{Digest, Participant, Release, RunId, Version};
use crate::model::migration::Bundle;
use crate::model::run::{Role, Run};
use crate::report::Report;

/// One who takes part in a deploy.
pub struct Party {
    /// Which runs are ours.
    pub scope: Scope,
    /// What we do.
    pub role: Role,
    /// Whom the config names as leader, where that is not us.
    pub leader: Option<Participant>,
    /// Our migrations; none for a follower without any.
    pub bundle: Option<Bundle>,
    /// What in their folder told their format; none where it was asked for by name.
    pub format_reason: Option<String>,
    /// Who we are, in the ledger.
    pub identity: Identity,
    /// Limits.
    pub limits: Limits,
    /// Where events go.
    pub report: Arc<dyn Report>,
    /// The run that we lead, once we do.
    pub own_run: OnceLock<RunId>,
    /// The run whose command started us, if one did.
    pub inside: Option<RunId>,
    /// The signal that is to end us, once there is one.
    pub signal: watch::Receiver<Option<u8>>,
}

/// Who we are, in the ledger.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Our name, or the host's where nothing says one.
    pub participant: Participant,
    /// Where we run.
    pub platform: String,
    /// The host's name.
    pub host: String,
    /// A page that shows us at work.
    pub url: Option<String>,
}

/// How long what may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// When the process began.
    pub began: Instant,
    /// All in all.
    pub budget: Duration,
    /// Until the first connection.
    pub connect_wait: Duration,
    /// For the lock; none = the budget.
    pub lock_wait: Option<Duration>,
    /// For a lock that a script needs; 0 = off.
    pub ddl_lock_timeout: Duration,
    /// `follow.start`.
    pub start: Duration,
    /// `follow.grace`.
    pub grace: Duration,
    /// `follow.window`.
    pub window: Duration,
}

impl Limits {
    /// When the budget ends.
    pub fn deadline(&self) -> Instant {
        self.began + self.budget
    }
}

/// What ended well.
#[derive(Clone, Debug, Default)]
pub struct Success {
    /// The run that decided, ours or the leader's.
    pub run: Option<RunId>,
    /// A page that shows that run, if it is another's.
    pub url: Option<String>,
    /// What we applied.
    pub applied: Vec<Version>,
    /// What there was to it, in one sentence.
    pub message: String,
    /// All was done before we came.
    pub before: bool,
}

impl Party {
    /// Of our bundle or command; empty where we have none.
    pub fn digest(&self) -> Digest {
        self.scope.digest.clone().unwrap_or(Digest(String::new()))
    }

    /// The format of our migrations.
    pub fn format_name(&self) -> Option<String> {
        self.bundle.as_ref().map(|bundle| bundle.format.to_owned())
    }

    /// The release as the ledger records it.
    pub fn release(&self) -> Release {
        self.scope.release.clone().unwrap_or_else(|| Release(self.digest().0))
    }

    /// Migrations of our bundle for people: the file's name, and the version where the name does not begin with it.
    pub fn named(&self, versions: &[Version]) -> Vec<String> {
        let migrations = self.bundle.as_ref().map_or(&[][..], |bundle| bundle.migrations.as_slice());
        let name = |version: &Version| {
            let Some(migration) = migrations.iter().find(|migration| migration.version == *version) else {
                return version.to_string();
            };
            let stem = migration.name.strip_suffix(".sql").unwrap_or(&migration.name);
            let stem = stem.strip_suffix(".up").unwrap_or(stem);
            match stem.starts_with(&format!("{version}_")) {
                _ if stem == version.as_str() => stem.to_owned(),
                true => stem.to_owned(),
                false => format!("{version} ({stem})"),
            }
        };
        versions.iter().map(name).collect()
    }

    /// Ends a wait when the signal comes.
    pub async fn signalled(&self) -> u8 {
        signalled(&self.signal).await
    }

    /// The error of a signal that ended a wait.
    pub fn interrupted(signal: u8) -> Error {
        Error::Signalled { signal, step: None, waiting: None, applied: Vec::new(), cut: Cut::default() }
    }

    /// Sleeps, but not past a signal.
    pub async fn pause(&self, duration: Duration) -> Result<(), Error> {
        tokio::select! {
            () = sleep(duration) => Ok(()),
            signal = self.signalled() => Err(Self::interrupted(signal)),
        }
    }

    /// Nobody waits for the run whose command they are part of: it would never end.
    pub fn not_inside(&self, run: &Run) -> Result<(), Error> {
        match &self.inside {
            Some(inside) if *inside == run.id => {
                Err(Error::InsideOwnRun { run: run.id.clone(), leader: run.leader.clone() })
            }
            _ => Ok(()),
        }
    }

    /// What a follower looked for, and what other runs there were.
    pub fn seeking(&self, others: Vec<Run>) -> Seeking {
        Seeking {
            lock_name: self.scope.lock_name.clone(),
            environment: self.scope.environment.clone(),
            release: self.scope.release.as_ref().map(|release| release.0.clone()),
            leader: self.leader.clone(),
            others,
            place: None,
        }
    }
}

/// Ends a wait when the signal comes.
pub async fn signalled(signal: &watch::Receiver<Option<u8>>) -> u8 {
    let mut signal = signal.clone();
    loop {
        if let Some(number) = *signal.borrow_and_update() {
            return number;
        }
        if signal.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// A run, for people who watch it.
pub fn watched(run: &Run, now: i64, quiet: Option<Duration>) -> Watched {
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    Watched {
        run: run.id.clone(),
        leader: run.leader.clone(),
        environment: run.environment.clone(),
        release: run.release.clone(),
        status: run.status,
        done: count(run.done),
        total: count(run.total),
        current: run.current.clone(),
        age_ms: count(now.saturating_sub(run.started_at)),
        beat_age_ms: quiet.map(milliseconds),
        url: run.url.clone(),
    }
}

/// For events.
pub fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
