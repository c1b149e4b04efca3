//! Looks at GitHub's deployments. Asks no more often than it must, and never while GitHub wants to be left alone.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, timeout_at};

use crate::error::{Asking, Error, GithubError};
use crate::follow::source::{Looked, Memory, Source};
use crate::job::{Party, milliseconds};
use crate::lead::jitter;
use crate::model::event::Event;
use crate::model::run::Run;
use crate::status::github::Failure;
use crate::status::github::read::Reader;

/// Between looks: doubled while nothing changes.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// While a run is at work; its end is to be seen soon.
const LONGEST_ALIVE: Duration = Duration::from_secs(10);
const LONGEST_IDLE: Duration = Duration::from_secs(30);
/// A look that begins at the budget's very end.
const LAST_LOOK: Duration = Duration::from_secs(5);

/// One repository's deployments.
pub struct Deployments<'a> {
    party: &'a Party,
    reader: Reader,
    /// It has answered once: from then on, what passes is waited out.
    connected: bool,
    pause: Duration,
    /// Until then it wants to be left alone.
    not_before: Option<Instant>,
}

impl<'a> Deployments<'a> {
    /// Asks nothing yet.
    pub fn new(party: &'a Party, reader: Reader) -> Self {
        Self { party, reader, connected: false, pause: FIRST_PAUSE, not_before: None }
    }

    fn refused(&self, failure: Failure) -> Error {
        let repository = self.reader.client().repository().to_string();
        Error::Github(GithubError::Refused {
            repository,
            asking: Asking::Reading,
            failure,
            applied: Vec::new(),
        })
    }

    /// Nothing can be seen before that, so nothing is gained by waiting for less.
    fn within_budget(&self, until: Instant) -> Result<(), Error> {
        match until < self.party.limits.deadline() {
            true => Ok(()),
            false => {
                let wait = until.saturating_duration_since(Instant::now());
                Err(self.refused(Failure::RateLimited { wait }))
            }
        }
    }
}

#[async_trait(?Send)]
impl Source for Deployments<'_> {
    async fn look(&mut self, memory: &mut Memory) -> Result<Looked, Error> {
        let since = memory.observer.since();
        let until = self.party.limits.deadline() + LAST_LOOK;
        let looking = timeout_at(until, self.reader.look(&self.party.scope, since));
        let seen = tokio::select! {
            seen = looking => seen.unwrap_or_else(|_| {
                Err(Failure::Unreachable { reason: "no answer until our time ended".to_owned() })
            }),
            signal = self.party.signalled() => return Err(Party::interrupted(signal)),
        };
        let seen = seen.map_err(|failure| self.refused(failure))?;
        self.connected = true;
        self.not_before = seen.rest.map(|rest| Instant::now() + rest);
        if seen.changed {
            self.pause = FIRST_PAUSE;
        }
        seen.look.latest.iter().try_for_each(|run| self.party.not_inside(run))?;
        // GitHub has no beats: what has begun and not ended counts as at work, and our budget ends the wait
        let (observation, sight) = memory.see(self.party, seen.look, Some(true));
        Ok(Looked { observation, sight, beat_age: None, server: None, judgement: None })
    }

    async fn outlast(&mut self, error: Error) -> Result<(), Error> {
        let Error::Github(GithubError::Refused { failure, .. }) = &error else { return Err(error) };
        let limits = &self.party.limits;
        let patient = self.connected || limits.began.elapsed() < limits.connect_wait;
        if !failure.passes() || !patient || Instant::now() >= limits.deadline() {
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
            what: format!("reading the deployments of {}", self.reader.client().repository()),
            reason: failure.to_string(),
            pause_ms: milliseconds(pause),
        });
        self.pause = (self.pause * 2).min(LONGEST_IDLE);
        self.party.pause(pause).await
    }

    async fn sleep(&mut self, alive: bool) -> Result<(), Error> {
        let longest = if alive { LONGEST_ALIVE } else { LONGEST_IDLE };
        let pause = self.pause.min(longest);
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
        let known = timeout_at(Instant::now() + LAST_LOOK, self.reader.runs_since(since)).await;
        known.unwrap_or_default()
    }

    fn nobody_began(&self) -> String {
        format!("no leader has begun yet: no deployment of {} tells of it", self.reader.client().repository())
    }

    fn place(&self) -> Option<String> {
        Some(format!("among the deployments of {}", self.reader.client().repository()))
    }
}
