//! What one observer remembers between looks: which runs are old, which one beats, what it watched. No I/O.

use std::time::Duration;

use tokio::time::Instant;

use crate::ledger::look::Look;
use crate::model::ids::RunId;
use crate::model::run::{Run, RunStatus};

/// A run whose counter has not changed for so long is silent.
pub const SILENCE: Duration = Duration::from_secs(15);

/// One observer's memory.
#[derive(Debug, Default)]
pub struct Observer {
    /// The highest fence that had ended at the first look.
    ended_at_first: Option<i64>,
    pulse: Option<Pulse>,
    watched: Option<RunId>,
    shown: Option<(Option<RunId>, State, Instant)>,
}

/// The last change of a run's counter.
#[derive(Clone, Debug)]
struct Pulse {
    run: RunId,
    beats: i64,
    changed: Instant,
}

/// What the latest run looks like; grace counts from the look that first showed it so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Alive,
    Dead,
    Ended(RunStatus),
    None,
}

/// What the looks so far say of the latest run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    /// Its beat counter changed lately, or somebody holds the lock file.
    pub alive: bool,
    /// The run that we watched is gone.
    pub vanished: bool,
    /// Since the look that first showed the latest run as it is now.
    pub shown_for: Duration,
    /// Since the counter's last change, as we saw it.
    pub quiet_for: Duration,
}

impl Observer {
    /// The fence from which on runs were seen at work; none before the first look.
    pub fn since(&self) -> Option<i64> {
        self.ended_at_first.map(|fence| fence + 1)
    }

    /// Whether a run had ended by our first look.
    pub fn is_old(&self, run: &Run) -> bool {
        self.ended_at_first.is_some_and(|fence| run.fence <= fence)
    }

    /// Takes in one look. `locked` says whether somebody else has the session lock, where that is the sign of life
    /// (SQLite); elsewhere it is none and the beats decide.
    pub fn see(&mut self, look: &Look, locked: Option<bool>, now: Instant) -> Sight {
        self.ended_at_first.get_or_insert(look.ended);
        let latest = look.latest.as_ref();
        let changed = latest.map_or(now, |run| self.pulse_of(run, now));
        let quiet_for = now.duration_since(changed);
        let running = latest.is_some_and(|run| run.status == RunStatus::Running);
        let alive = running && locked.unwrap_or(quiet_for < SILENCE);
        let vanished = latest.is_none() && self.watched.is_some();
        if let Some(run) = latest {
            self.watched = Some(run.id.clone());
        }
        let state = match latest.map(|run| run.status) {
            Some(RunStatus::Running) if alive => State::Alive,
            Some(RunStatus::Running | RunStatus::Abandoned) => State::Dead,
            Some(status) => State::Ended(status),
            None if vanished => State::Dead,
            None => State::None,
        };
        let shown_for = now.duration_since(self.shown_since(latest.map(|run| &run.id), state, now));
        Sight { alive, vanished, shown_for, quiet_for }
    }

    /// When this run's counter last changed, counted from the first look at it.
    fn pulse_of(&mut self, run: &Run, now: Instant) -> Instant {
        match &self.pulse {
            Some(pulse) if pulse.run == run.id && pulse.beats == run.beats => pulse.changed,
            _ => {
                self.pulse = Some(Pulse { run: run.id.clone(), beats: run.beats, changed: now });
                now
            }
        }
    }

    fn shown_since(&mut self, run: Option<&RunId>, state: State, now: Instant) -> Instant {
        match &self.shown {
            Some((shown, as_state, since)) if shown.as_ref() == run && *as_state == state => *since,
            _ => {
                self.shown = Some((run.cloned(), state, now));
                now
            }
        }
    }
}
