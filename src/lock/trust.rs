//! How long a leader may trust its lease, or the lock around its command. A value: whoever asks says what time it is.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Without a good beat for so long, the lock counts as lost; a successor waits half as long again
/// ([`crate::lock::observer::SILENCE`]).
pub const TRUST: Duration = Duration::from_secs(10);

/// The trust window: it is opened anew by every good beat, and counts from when that beat *began*, since the server may
/// have taken it then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trust {
    began: Duration,
}

impl Trust {
    /// Opened by what began then: a claim, or a beat.
    pub fn since(began: Duration) -> Self {
        Self { began }
    }

    /// A good beat that began then. One that was overtaken by a later one changes nothing.
    pub fn renew(&mut self, began: Duration) {
        self.began = self.began.max(began);
    }

    /// Since the last good beat began.
    pub fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.began)
    }

    /// What is left of the window.
    pub fn left(&self, now: Duration) -> Duration {
        TRUST.saturating_sub(self.age(now))
    }

    /// Whether the lock counts as lost.
    pub fn is_over(&self, now: Duration) -> bool {
        self.left(now).is_zero()
    }
}

/// A clock that counts suspend: a laptop's or a paused machine's sleep is silence too (`CLOCK_BOOTTIME`,
/// clock_gettime(2)).
pub fn since_boot() -> Duration {
    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::observer::SILENCE;

    const fn at(second: u64) -> Duration {
        Duration::from_secs(second)
    }

    #[test]
    fn it_lasts_ten_seconds_from_the_beginning_of_the_last_good_beat() {
        let mut trust = Trust::since(at(100));
        assert!(!trust.is_over(at(109)));
        assert!(trust.is_over(at(110)));
        // it began at 108, and was answered at 109.9: the server may have taken it at 108
        trust.renew(at(108));
        assert_eq!(trust.left(at(110)), at(8));
        assert!(!trust.is_over(at(117)));
        assert!(trust.is_over(at(118)));
    }

    #[test]
    fn a_machine_that_slept_finds_it_over() {
        assert!(Trust::since(at(100)).is_over(at(100 + 3600)));
    }

    #[test]
    fn an_answer_that_was_overtaken_opens_nothing() {
        let mut trust = Trust::since(at(100));
        trust.renew(at(90));
        assert_eq!(trust, Trust::since(at(100)));
    }

    #[test]
    fn a_clock_that_cannot_be_read_opens_no_window_for_ever() {
        assert_eq!(Trust::since(at(100)).age(Duration::ZERO), Duration::ZERO);
        assert_eq!(Trust::since(Duration::ZERO).left(at(100)), Duration::ZERO);
    }

    #[test]
    fn nobody_takes_over_while_somebody_still_trusts() {
        // a beat that began within the window was seen, at the latest, when the window of its 2 s limit ended
        assert!(TRUST + at(2) < SILENCE);
    }
}
