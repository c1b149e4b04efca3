//! Where a follower looks: one small trait, and what one look at it brings.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::database::Server;
use crate::error::{Elsewhere, Error};
use crate::follow::decide::Observation;
use crate::job::Party;
use crate::job::held_up::HeldUp;
use crate::lead::sessions::Sessions;
use crate::ledger::look::Look;
use crate::lock::observer::{Observer, Sight};
use crate::model::run::{Role, Run};
use crate::plan::pending::Judgement;

/// Where a follower looks. When to look again is the source's to say; what follows from a look is not.
#[async_trait(?Send)]
pub trait Source {
    /// One look.
    async fn look(&mut self, memory: &mut Memory) -> Result<Looked, Error>;

    /// Waits after a look that failed, if what it met passes and there is time; else gives the error back.
    async fn outlast(&mut self, error: Error) -> Result<(), Error>;

    /// Until the next look; `alive`: a run of ours is at work.
    async fn sleep(&mut self, alive: bool) -> Result<(), Error>;

    /// What keeps us from seeing anything just now, if a look failed by no more than that: it is waited for, and said.
    fn held_up(&self, _error: &Error) -> Option<HeldUp> {
        None
    }

    /// Everybody's runs from this fence on, for who has to say what there was instead.
    async fn others(&mut self, since: i64) -> Vec<Run>;

    /// Why we wait while nobody has begun.
    fn nobody_began(&self) -> String;

    /// Where it is, if not in the ledger.
    fn place(&self) -> Option<Elsewhere> {
        None
    }

    /// The table, if nothing but a history is looked at: then nobody is known to lead.
    fn history(&self) -> Option<String> {
        None
    }

    /// Gives up what it keeps between looks: to a leader, if it can lead on it.
    fn leave(&mut self) -> Option<Sessions> {
        None
    }
}

/// What one participant remembers between its looks.
#[derive(Default)]
pub struct Memory {
    /// Which runs are old, and which one beats.
    pub observer: Observer,
    /// When the first look was taken.
    pub first_look: Option<Instant>,
}

impl Memory {
    /// Takes in one look. `locked` as [`Observer::see`] wants it.
    pub fn see(&mut self, party: &Party, look: Look, locked: Option<bool>) -> (Observation, Sight) {
        let now = Instant::now();
        self.first_look.get_or_insert(now);
        let sight = self.observer.see(&look, locked, now);
        let never_old = party.role == Role::Follow && party.scope.deploy.is_some();
        (Observation::new(&self.observer, look, &sight, never_old), sight)
    }
}

/// One look, with what came before it taken in.
pub struct Looked {
    /// For the decision.
    pub observation: Observation,
    /// What the looks so far say of the latest run.
    pub sight: Sight,
    /// Since the latest run's last beat by the source's clock; none where there are no beats.
    pub beat_age: Option<Duration>,
    /// What the server is; none where there is no database yet (SQLite), or none is looked at.
    pub server: Option<Server>,
    /// The history against the bundle; none without a bundle, or while the decision does not need it.
    pub judgement: Option<Judgement>,
}
