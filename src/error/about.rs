//! What others ask of an error: whether it passes, what was applied, which run decided; and what is found out later.

use std::time::Duration;

use crate::database::DbErrorKind;
use crate::error::{Cut, Doing, Error, GithubError, HerokuError};
use crate::model::ids::Version;
use crate::model::run::Run;
use crate::status::rest::Failure;

impl Error {
    /// The same with how long we tried.
    pub fn tried(mut self, waited: Duration, times: u32) -> Self {
        if let Self::Database { error, .. } = &mut self {
            let times = if times == 1 { "once".to_owned() } else { format!("{times} times") };
            let tried = format!("tried for {} s, {times}", (waited.as_millis() + 500) / 1000);
            error.context = Some(tried.into());
        }
        self
    }

    /// The same with what is known of the migration that was cut off.
    pub fn cut_off(mut self, known: Cut) -> Self {
        if let Self::LockLost { cut, .. } | Self::BudgetEnded { cut, .. } | Self::Signalled { cut, .. } =
            &mut self
        {
            *cut = known;
        }
        self
    }

    /// What we had applied ourselves.
    pub fn applied(&self) -> &[Version] {
        match self {
            Self::LockLost { applied, .. }
            | Self::Step { applied, .. }
            | Self::BudgetEnded { applied, .. }
            | Self::Signalled { applied, .. }
            | Self::NotRecorded { applied, .. }
            | Self::Github(GithubError::Refused { applied, .. }) => applied,
            _ => &[],
        }
    }

    /// The run that decided, if one did.
    pub fn run(&self) -> Option<&Run> {
        match self {
            Self::LeaderFailed { run }
            | Self::LeaderInterrupted { run }
            | Self::BundleNotApplied { run, .. }
            | Self::LeaderDied { run: Some(run) }
            | Self::LeaderLate { run: Some(run), .. } => Some(run),
            _ => None,
        }
    }

    /// Whether there was no connection yet when it happened.
    pub fn is_connecting(&self) -> bool {
        matches!(self, Self::Database { doing: Doing::Connecting, .. })
    }

    /// Whether a participant that had a connection before, and is not at work, waits this out.
    pub fn passes(&self) -> bool {
        matches!(self, Self::Database { error, .. } if error.kind.passes() || error.kind.contended())
    }

    /// What an API said that tells of the leader, if it was one.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Github(GithubError::Refused { failure, .. })
            | Self::Heroku(HerokuError::Refused { failure, .. }) => Some(failure),
            _ => None,
        }
    }

    /// What the database said, if it was the database.
    pub fn database_kind(&self) -> Option<DbErrorKind> {
        match self {
            Self::Database { error, .. } | Self::NoPrivilege { error, .. } => Some(error.kind),
            _ => None,
        }
    }
}
