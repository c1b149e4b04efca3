//! Looks at what an API tells of the leader. Asks no more often than it must, and never while it wants to be left alone.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, timeout_at};

use crate::error::{Elsewhere, Error};
use crate::follow::source::{Looked, Memory, Source};
use crate::job::{Party, milliseconds};
use crate::lead::jitter;
use crate::ledger::look::Scope;
use crate::model::event::Event;
use crate::model::run::Run;
use crate::status::rest::{Failure, Seen};

/// Between looks: doubled while nothing changes.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// While a run is at work; its end is to be seen soon.
const LONGEST_ALIVE: Duration = Duration::from_secs(10);
const LONGEST_IDLE: Duration = Duration::from_secs(30);
/// A look that begins at the budget's very end.
const LAST_LOOK: Duration = Duration::from_secs(5);

/// What an API tells of the leader's runs.
#[async_trait(?Send)]
pub trait Remote {
    /// One look. `since` as a look at the ledger has it.
    async fn look(&mut self, scope: &Scope, since: Option<i64>) -> Result<Seen, Failure>;

    /// Everybody's runs from this fence on, oldest first, as far as they are known.
    async fn others(&mut self, since: i64) -> Vec<Run>;

    /// Where it is.
    fn place(&self) -> Elsewhere;

    /// The error of a look that failed.
    fn refused(&self, failure: Failure) -> Error;
}

/// A follower's view of it.
pub struct Distant<'a> {
    party: &'a Party,
    remote: Box<dyn Remote>,
    /// It has answered once: from then on, what passes is waited out.
    connected: bool,
    pause: Duration,
    /// Few requests are left.
    scarce: bool,
    /// Until then it wants to be left alone.
    not_before: Option<Instant>,
}

impl<'a> Distant<'a> {
    /// Asks nothing yet.
    pub fn new(party: &'a Party, remote: Box<dyn Remote>) -> Self {
        Self { party, remote, connected: false, pause: FIRST_PAUSE, scarce: false, not_before: None }
    }

    /// Nothing can be seen before that, so nothing is gained by waiting for less.
    fn within_budget(&self, until: Instant) -> Result<(), Error> {
        match until < self.party.limits.deadline() {
            true => Ok(()),
            false => {
                let wait = until.saturating_duration_since(Instant::now());
                Err(self.remote.refused(Failure::RateLimited { wait }))
            }
        }
    }
}

#[async_trait(?Send)]
impl Source for Distant<'_> {
    async fn look(&mut self, memory: &mut Memory) -> Result<Looked, Error> {
        let since = memory.observer.since();
        let until = self.party.limits.deadline() + LAST_LOOK;
        let looking = timeout_at(until, self.remote.look(&self.party.scope, since));
        let seen = tokio::select! {
            seen = looking => seen.unwrap_or_else(|_| {
                Err(Failure::Unreachable { reason: "no answer until our time ended".to_owned() })
            }),
            signal = self.party.signalled() => return Err(Party::interrupted(signal)),
        };
        let seen = seen.map_err(|failure| self.remote.refused(failure))?;
        self.connected = true;
        self.not_before = seen.rest.map(|rest| Instant::now() + rest);
        self.scarce = seen.scarce;
        if seen.changed {
            self.pause = FIRST_PAUSE;
        }
        seen.look.latest.iter().try_for_each(|run| self.party.not_inside(run))?;
        // there are no beats: what has begun and not ended counts as at work, and our budget ends the wait
        let (observation, sight) = memory.see(self.party, seen.look, Some(true));
        Ok(Looked { observation, sight, beat_age: None, server: None, judgement: None })
    }

    async fn outlast(&mut self, error: Error) -> Result<(), Error> {
        let Some(failure) = error.failure() else { return Err(error) };
        let limits = &self.party.limits;
        let patient = self.connected || limits.began.elapsed() < limits.connect_wait;
        // a proxy's page for instance: from somebody whose answers were good before
        let moment = self.connected && matches!(failure, Failure::Odd { .. });
        if !(failure.passes() || moment) || !patient || Instant::now() >= limits.deadline() {
            return Err(error);
        }
        let pause = match failure {
            Failure::RateLimited { wait } => {
                self.within_budget(Instant::now() + *wait)?;
                *wait
            }
            _ => jitter(self.pause).min(limits.deadline().saturating_duration_since(Instant::now())),
        };
        self.party.report.event(&Event::Retrying {
            what: format!("reading {}", self.remote.place()),
            reason: failure.to_string(),
            pause_ms: milliseconds(pause),
        });
        self.pause = (self.pause * 2).min(LONGEST_IDLE);
        self.party.pause(pause).await
    }

    async fn sleep(&mut self, alive: bool) -> Result<(), Error> {
        let longest = if alive && !self.scarce { LONGEST_ALIVE } else { LONGEST_IDLE };
        let pause = if self.scarce { longest } else { self.pause.min(longest) };
        self.pause = (pause * 2).min(longest);
        let deadline = self.party.limits.deadline();
        let mut until = (Instant::now() + jitter(pause)).min(deadline);
        if let Some(not_before) = self.not_before.take() {
            self.within_budget(not_before)?;
            until = until.max(not_before);
        }
        self.party.pause(until.saturating_duration_since(Instant::now())).await
    }

    async fn others(&mut self, since: i64) -> Vec<Run> {
        timeout_at(Instant::now() + LAST_LOOK, self.remote.others(since)).await.unwrap_or_default()
    }

    fn nobody_began(&self) -> String {
        format!("no leader has begun yet: {}", self.remote.place().nothing_yet())
    }

    fn place(&self) -> Option<Elsewhere> {
        Some(self.remote.place())
    }
}
