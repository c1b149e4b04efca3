//! Exit codes: a contract. Every code that `bellwether` ends with stands here.

use crate::model::run::Role;

/// What a process ends with. `128 + n` (ended by signal n) is [`Exit::Signal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done, or nothing to do.
    Done,
    /// 1: a bug in bellwether.
    Bug,
    /// 2: usage or config.
    Usage,
    /// 3: `status --check`: not ready.
    NotReady,
    /// 4: refused by a safety check (`unlock`).
    Refused,
    /// 10: a migration or the command failed.
    MigrationFailed,
    /// 11: lock not got in time.
    LockNotGot,
    /// 12: lock lost.
    LockLost,
    /// 13: history refused (changed, missing, dirty, out of order).
    HistoryRefused,
    /// 14: our budget ended in the middle of our work.
    BudgetEnded,
    /// 15: the leader succeeded, but our bundle is not applied.
    BundleNotApplied,
    /// 20: the leader failed.
    LeaderFailed,
    /// 21: the leader is late: our budget ended.
    LeaderLate,
    /// 22: the leader died.
    LeaderDied,
    /// 23: the leader never started.
    LeaderNeverStarted,
    /// 30: the ledger is of a newer major version.
    LedgerNewer,
    /// 31: the database cannot be reached, or refuses us.
    Database,
    /// 32: a status source cannot be reached, or refuses us.
    StatusSource,
    /// 128 + n: ended by signal n.
    Signal(u8),
}

impl Exit {
    /// Every code but the signals'.
    pub const ALL: [Self; 18] = [
        Self::Done,
        Self::Bug,
        Self::Usage,
        Self::NotReady,
        Self::Refused,
        Self::MigrationFailed,
        Self::LockNotGot,
        Self::LockLost,
        Self::HistoryRefused,
        Self::BudgetEnded,
        Self::BundleNotApplied,
        Self::LeaderFailed,
        Self::LeaderLate,
        Self::LeaderDied,
        Self::LeaderNeverStarted,
        Self::LedgerNewer,
        Self::Database,
        Self::StatusSource,
    ];

    /// Our time ended before there was any work: of a deploy in this role; none = of one who only looks.
    pub fn before_work(role: Option<Role>) -> Self {
        match role {
            Some(Role::Lead) => Self::BudgetEnded,
            Some(Role::Follow | Role::Elect) => Self::LeaderLate,
            // as a folder that cannot be read for any other reason
            None => Self::Usage,
        }
    }

    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Bug => 1,
            Self::Usage => 2,
            Self::NotReady => 3,
            Self::Refused => 4,
            Self::MigrationFailed => 10,
            Self::LockNotGot => 11,
            Self::LockLost => 12,
            Self::HistoryRefused => 13,
            Self::BudgetEnded => 14,
            Self::BundleNotApplied => 15,
            Self::LeaderFailed => 20,
            Self::LeaderLate => 21,
            Self::LeaderDied => 22,
            Self::LeaderNeverStarted => 23,
            Self::LedgerNewer => 30,
            Self::Database => 31,
            Self::StatusSource => 32,
            Self::Signal(n) => 128 + n,
        }
    }

    /// The word in the JSON outcome.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "succeeded",
            Self::Bug => "bug",
            Self::Usage => "usage",
            Self::NotReady => "not_ready",
            Self::Refused => "refused",
            Self::MigrationFailed => "failed",
            Self::LockNotGot => "lock_not_got",
            Self::LockLost => "lock_lost",
            Self::HistoryRefused => "history_refused",
            Self::BudgetEnded => "budget_ended",
            Self::BundleNotApplied => "bundle_not_applied",
            Self::LeaderFailed => "leader_failed",
            Self::LeaderLate => "leader_late",
            Self::LeaderDied => "leader_died",
            Self::LeaderNeverStarted => "leader_never_started",
            Self::LedgerNewer => "ledger_newer",
            Self::Database => "database",
            Self::StatusSource => "status_source",
            Self::Signal(_) => "interrupted",
        }
    }
}

/// A signal as people call it: `SIGTERM`.
pub fn signal_name(signal: u8) -> String {
    nix::sys::signal::Signal::try_from(i32::from(signal))
        .map_or_else(|_| format!("signal {signal}"), |signal| signal.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_outcomes_share_a_code_or_a_word() {
        for (i, one) in Exit::ALL.iter().enumerate() {
            for other in &Exit::ALL[i + 1..] {
                assert_ne!(one.code(), other.code());
                assert_ne!(one.word(), other.word());
            }
        }
        assert_eq!(Exit::Signal(15).code(), 143);
    }
}
