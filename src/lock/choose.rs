//! Which kind of lock: the server's own where it is safe, else a lease. Pure: leaders, `plan` and `doctor` ask the same
//! question, and each opens its own sessions to answer it.

use crate::database::LockSupport;
use crate::database::pooler::Between;
use crate::model::choice::LockChoice;
use crate::model::run::LockMode;

/// A choice, and what made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// None: no lock is safe here.
    pub mode: Option<LockMode>,
    /// Why, for people.
    pub reason: String,
    /// A pooler is why the server's own lock is not safe.
    pub pooled: bool,
}

/// What is wanted of the lock, and what is known of the database before it is asked.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// By flag or config.
    pub choice: LockChoice,
    /// The database is a server, where leaders beat; a file has no lease.
    pub server: bool,
    /// The URL says that a pooler is in between.
    pub pooled: bool,
}

impl Wanted {
    /// The choice, if no server has to be asked for it.
    pub fn unasked(self) -> Option<Chosen> {
        let chosen = |mode, reason: &str| Some(Chosen { mode, reason: reason.to_owned(), pooled: false });
        match self.choice {
            LockChoice::Lease if self.server => chosen(Some(LockMode::Lease), "lock.mode says so"),
            LockChoice::Lease => chosen(None, "a SQLite file has no lease, only a lock file"),
            // taken at its word: the probe may not see it
            LockChoice::Auto | LockChoice::Session if self.pooled => {
                Some(self.without_session_lock("the URL says that a pooler is in between", true))
            }
            LockChoice::Auto | LockChoice::Session => None,
        }
    }

    /// The choice by what two sessions have found, where that decides it. What could not be told is no session lock.
    pub fn through(self, found: Between) -> Option<Chosen> {
        let (reason, pooled) = match found {
            Between::Nothing => return None,
            Between::Pooler => ("a pooler in transaction mode stands in between", true),
            Between::Untold => ("answers came too late to tell whether a pooler stands in between", false),
        };
        Some(self.without_session_lock(reason, pooled))
    }

    /// The choice where there is none, by what the server says.
    pub fn asked(self, support: LockSupport) -> Chosen {
        match support {
            LockSupport::Session(reason) => Chosen { mode: Some(LockMode::Session), reason, pooled: false },
            LockSupport::Unsafe(reason) => self.without_session_lock(&reason, false),
        }
    }

    fn without_session_lock(self, reason: &str, pooled: bool) -> Chosen {
        let leases = self.server && self.choice != LockChoice::Session;
        Chosen { mode: leases.then_some(LockMode::Lease), reason: reason.to_owned(), pooled }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAFE: fn() -> LockSupport = || LockSupport::Session("it has one".to_owned());
    const UNSAFE: fn() -> LockSupport = || LockSupport::Unsafe("it has none".to_owned());

    fn chosen(wanted: Wanted, found: Between, support: LockSupport) -> (Option<LockMode>, bool) {
        let chosen = wanted.unasked().or_else(|| wanted.through(found));
        let chosen = chosen.unwrap_or_else(|| wanted.asked(support));
        assert!(!chosen.reason.is_empty());
        (chosen.mode, chosen.pooled)
    }

    #[test]
    fn a_server_gets_the_session_lock_where_it_is_safe_and_else_a_lease() {
        use Between::{Nothing, Pooler, Untold};
        use LockChoice::{Auto, Lease, Session};
        for (choice, pooled, behind, support, expected) in [
            (Auto, false, Nothing, SAFE(), (Some(LockMode::Session), false)),
            (Auto, false, Pooler, SAFE(), (Some(LockMode::Lease), true)),
            (Auto, false, Untold, SAFE(), (Some(LockMode::Lease), false)),
            (Session, false, Untold, SAFE(), (None, false)),
            (Auto, true, Nothing, SAFE(), (Some(LockMode::Lease), true)),
            (Auto, false, Nothing, UNSAFE(), (Some(LockMode::Lease), false)),
            (Session, false, Nothing, SAFE(), (Some(LockMode::Session), false)),
            (Session, true, Nothing, SAFE(), (None, true)),
            (Session, false, Pooler, SAFE(), (None, true)),
            (Session, true, Pooler, UNSAFE(), (None, true)),
            (Session, false, Nothing, UNSAFE(), (None, false)),
            (Lease, false, Nothing, SAFE(), (Some(LockMode::Lease), false)),
            (Lease, true, Pooler, UNSAFE(), (Some(LockMode::Lease), false)),
        ] {
            let wanted = Wanted { choice, server: true, pooled };
            assert_eq!(chosen(wanted, behind, support), expected, "{wanted:?} {behind:?}");
        }
    }

    #[test]
    fn a_file_has_its_lock_file_or_nothing() {
        for (choice, support, expected) in [
            (LockChoice::Auto, SAFE(), Some(LockMode::Session)),
            (LockChoice::Session, SAFE(), Some(LockMode::Session)),
            (LockChoice::Lease, SAFE(), None),
            (LockChoice::Auto, UNSAFE(), None),
        ] {
            let wanted = Wanted { choice, server: false, pooled: false };
            assert_eq!(chosen(wanted, Between::Nothing, support).0, expected, "{wanted:?}");
        }
    }
}
