//! What one observer remembers between looks: which runs are old, which one beats, what it watched. No I/O.

use std::time::Duration;

use tokio::time::Instant;

use crate::ledger::look::Look;
use crate::model::ids::RunId;
use crate::model::run::{Run, RunStatus};

/// A run whose counter has not changed for so long is silent.
pub const SILENCE: Duration = Duration::from_secs(15);

/// One observer's memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Observer {
    /// The highest fence that had ended at the first look.
    ended_at_first: Option<i64>,
    pulse: Option<Pulse>,
    /// Of the run that the lock's row names, whoever's it is.
    holder: Option<Pulse>,
    /// The newest run seen so far, by id and fence.
    watched: Option<(RunId, i64)>,
    shown: Option<(Option<RunId>, State, Instant)>,
    /// What was said last of a silent holder, whom each try for the lock looks at anew.
    said: Option<String>,
}

/// The last change of a run's counter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Pulse {
    run: RunId,
    beats: i64,
    changed: Instant,
}

impl Pulse {
    /// When this run's counter last changed, counted from the first look at it.
    fn last_change(seen: &mut Option<Self>, run: &Run, now: Instant) -> Instant {
        match seen {
            Some(pulse) if pulse.run == run.id && pulse.beats == run.beats => pulse.changed,
            _ => {
                *seen = Some(Self { run: run.id.clone(), beats: run.beats, changed: now });
                now
            }
        }
    }
}

/// What the latest run looks like; grace counts from the look that first showed it so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum State {
    Alive,
    Dead,
    Ended(RunStatus),
    None,
}

/// What the looks so far say of the latest run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// Whether this is another thing to say of a silent holder than the last; it counts as said.
    pub fn is_news(&mut self, message: &str) -> bool {
        let news = self.said.as_deref() != Some(message);
        self.said = Some(message.to_owned());
        news
    }

    /// The fence from which on runs were seen at work; none before the first look.
    pub fn since(&self) -> Option<i64> {
        self.ended_at_first.map(|fence| fence.saturating_add(1))
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
        let changed = latest.map_or(now, |run| Pulse::last_change(&mut self.pulse, run, now));
        let quiet_for = now.duration_since(changed);
        let running = latest.is_some_and(|run| run.status == RunStatus::Running);
        let alive = running && locked.unwrap_or(quiet_for < SILENCE);
        // a failover that loses a run may leave an older one as the latest
        let vanished =
            self.watched.as_ref().is_some_and(|(_, fence)| latest.is_none_or(|run| run.fence < *fence));
        if let Some(run) = latest.filter(|_| !vanished) {
            self.watched = Some((run.id.clone(), run.fence));
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

    /// What we are about to look at may be old: that a counter stands still says nothing, and silence begins anew.
    pub fn not_heard(&mut self, now: Instant) {
        if let Some(pulse) = &mut self.pulse {
            pulse.changed = now;
        }
    }

    /// Whether the run that the lock's row names is silent, counted from our first look at it.
    pub fn holder_is_silent(&mut self, run: &Run, now: Instant) -> bool {
        // one memory per run: of what a look saw, and is not asked again, every later count would be news for ever
        let seen = match &self.pulse {
            Some(pulse) if pulse.run == run.id => &mut self.pulse,
            _ => &mut self.holder,
        };
        now.duration_since(Pulse::last_change(seen, run, now)) >= SILENCE
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::look::Look;

    /// One observer and its clock, in seconds.
    struct Watch {
        observer: Observer,
        began: Instant,
    }

    impl Watch {
        fn new() -> Self {
            Self { observer: Observer::default(), began: Instant::now() }
        }

        fn see(&mut self, second: u64, look: &Look) -> Sight {
            self.observer.see(look, None, self.began + Duration::from_secs(second))
        }

        fn see_lock(&mut self, second: u64, look: &Look, locked: bool) -> Sight {
            self.observer.see(look, Some(locked), self.began + Duration::from_secs(second))
        }
    }

    fn look(status: RunStatus, fence: i64, beats: i64) -> Look {
        let mut run = crate::ledger::tests::run(status, fence);
        run.beats = beats;
        let ended = if status == RunStatus::Running { fence - 1 } else { fence };
        Look { latest: Some(run), high: fence, ended, ..Look::default() }
    }

    #[test]
    fn a_run_is_silent_15_s_after_the_first_look_at_it_without_a_change() {
        let mut watch = Watch::new();
        let still = look(RunStatus::Running, 1, 40);
        assert!(watch.see(0, &still).alive, "its beats may be hours old: nobody knows yet");
        assert!(watch.see(14, &still).alive);
        let silent = watch.see(15, &still);
        assert!(!silent.alive);
        assert_eq!(silent.quiet_for, SILENCE);
    }

    #[test]
    fn a_holder_that_beat_on_after_the_only_look_at_it_is_found_silent_too() {
        let mut watch = Watch::new();
        watch.see(0, &look(RunStatus::Running, 1, 3));
        let mut run = crate::ledger::tests::run(RunStatus::Running, 1);
        run.beats = 5;
        let mut silent =
            |second| watch.observer.holder_is_silent(&run, watch.began + Duration::from_secs(second));
        assert!(!silent(10), "it has beaten since");
        assert!(!silent(24));
        assert!(silent(25));
    }

    #[test]
    fn every_change_of_the_counter_is_a_sign_of_life() {
        let mut watch = Watch::new();
        for second in 0..60 {
            let beats = i64::try_from(second / 14).unwrap();
            assert!(watch.see(second, &look(RunStatus::Running, 1, beats)).alive, "{second}");
        }
        assert!(!watch.see(71, &look(RunStatus::Running, 1, 4)).alive);
        assert!(watch.see(72, &look(RunStatus::Running, 1, 5)).alive, "it only slept");
    }

    #[test]
    fn a_new_run_is_counted_from_the_first_look_at_it() {
        let mut watch = Watch::new();
        watch.see(0, &look(RunStatus::Running, 1, 3));
        assert!(watch.see(100, &look(RunStatus::Running, 2, 3)).alive);
    }

    #[test]
    fn where_a_lock_is_the_sign_of_life_the_beats_do_not_count() {
        let mut watch = Watch::new();
        let still = look(RunStatus::Running, 1, 0);
        assert!(watch.see_lock(0, &still, true).alive);
        assert!(watch.see_lock(1000, &still, true).alive);
        assert!(!watch.see_lock(1001, &still, false).alive);
    }

    #[test]
    fn a_lock_that_somebody_has_is_no_life_of_a_run_that_ended() {
        let mut watch = Watch::new();
        assert!(!watch.see_lock(0, &look(RunStatus::Succeeded, 1, 0), true).alive);
    }

    #[test]
    fn old_is_what_had_ended_by_the_first_look_and_nothing_else() {
        let mut watch = Watch::new();
        let run = |fence| crate::ledger::tests::run(RunStatus::Failed, fence);
        assert!(!watch.observer.is_old(&run(1)), "before the first look nothing is");
        assert_eq!(watch.observer.since(), None);
        watch.see(0, &look(RunStatus::Failed, 7, 0));
        assert!(watch.observer.is_old(&run(7)));
        assert_eq!(watch.observer.since(), Some(8));
        watch.see(1, &look(RunStatus::Failed, 9, 0));
        assert!(!watch.observer.is_old(&run(8)), "it was at work, or began later");
        assert!(!watch.observer.is_old(&run(9)));
    }

    #[test]
    fn a_run_at_work_at_the_first_look_never_becomes_old() {
        let mut watch = Watch::new();
        watch.see(0, &look(RunStatus::Running, 7, 0));
        watch.see(1, &look(RunStatus::Failed, 7, 0));
        let run = crate::ledger::tests::run(RunStatus::Failed, 7);
        assert!(!watch.observer.is_old(&run));
    }

    #[test]
    fn a_run_that_is_gone_has_vanished_until_a_newer_one_comes() {
        let mut watch = Watch::new();
        assert!(!watch.see(0, &Look::default()).vanished);
        watch.see(1, &look(RunStatus::Running, 7, 0));
        let gone = watch.see(2, &Look::default());
        assert!(gone.vanished && !gone.alive);
        assert!(watch.see(3, &Look::default()).vanished);
        let older = watch.see(4, &look(RunStatus::Succeeded, 6, 0));
        assert!(older.vanished, "the failover left an older run as the latest");
        assert!(watch.see(5, &look(RunStatus::Succeeded, 6, 0)).vanished);
        assert!(!watch.see(6, &look(RunStatus::Running, 7, 0)).vanished);
    }

    #[test]
    fn the_grace_counts_from_the_look_that_first_showed_it_so() {
        let mut watch = Watch::new();
        let running = look(RunStatus::Running, 7, 3);
        watch.see(0, &running);
        assert_eq!(watch.see(14, &running).shown_for, Duration::from_secs(14));
        assert_eq!(watch.see(16, &running).shown_for, Duration::ZERO, "now it is silent");
        assert_eq!(watch.see(36, &running).shown_for, Duration::from_secs(20));
    }

    #[test]
    fn a_silent_run_that_is_marked_abandoned_keeps_its_one_grace() {
        let mut watch = Watch::new();
        watch.see(0, &look(RunStatus::Running, 7, 3));
        watch.see(20, &look(RunStatus::Running, 7, 3));
        let abandoned = watch.see(50, &look(RunStatus::Abandoned, 7, 3));
        assert_eq!(abandoned.shown_for, Duration::from_secs(30));
    }

    #[test]
    fn every_newer_run_has_a_grace_of_its_own() {
        let mut watch = Watch::new();
        watch.see(0, &look(RunStatus::Abandoned, 7, 3));
        assert_eq!(watch.see(50, &look(RunStatus::Abandoned, 8, 3)).shown_for, Duration::ZERO);
    }

    #[test]
    fn a_run_that_comes_back_to_life_and_dies_again_has_a_new_grace() {
        let mut watch = Watch::new();
        watch.see(0, &look(RunStatus::Running, 7, 3));
        watch.see(20, &look(RunStatus::Running, 7, 3));
        watch.see(40, &look(RunStatus::Running, 7, 4));
        assert_eq!(watch.see(60, &look(RunStatus::Running, 7, 4)).shown_for, Duration::ZERO);
    }
}
