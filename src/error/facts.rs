//! What an error carries besides the database's words: what we asked of it, what a follower looked for.

use std::fmt;

use crate::model::ids::{Environment, Participant};
use crate::model::run::Run;

/// What a follower looked for, and what it saw instead.
#[derive(Clone, Debug)]
pub struct Seeking {
    /// The lock's name.
    pub lock_name: String,
    /// The environment.
    pub environment: Environment,
    /// The release, if we have one.
    pub release: Option<String>,
    /// Who is to lead, if the config names one.
    pub leader: Option<Participant>,
    /// Other runs that there were meanwhile.
    pub others: Vec<Run>,
    /// Where it looked, if not in the ledger.
    pub place: Option<Box<Elsewhere>>,
}

/// Where a follower looks that does not look into the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Elsewhere {
    /// GitHub.
    Deployments {
        /// `owner/name`.
        repository: String,
    },
    /// Heroku.
    Releases {
        /// The leader's app.
        app: String,
    },
}

impl Elsewhere {
    /// That nothing of our release is there, as a sentence's part.
    pub fn nothing_yet(&self) -> String {
        match self {
            Self::Deployments { .. } => "no deployment tells of our release yet".to_owned(),
            Self::Releases { app } => format!("no build and no release of {app} is of our commit yet"),
        }
    }
}

impl fmt::Display for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deployments { repository } => write!(f, "the deployments of {repository}"),
            Self::Releases { app } => write!(f, "the releases of {app}"),
        }
    }
}

/// What is known of a migration that was cut off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// The history says that it is half applied, or may say so.
    pub half_applied: bool,
    /// The server has not said that its statement has ended.
    pub unanswered: bool,
}

/// What was at work when the end came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AtWork {
    /// A migration: its file's name without its ending.
    Migration(String),
    /// The wrapped command, or the check after it: the program's name.
    Command(String),
}

/// What we asked of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Opening a session.
    Connecting,
    /// Asking what server it is.
    Identifying,
    /// Reading the ledger.
    Looking,
    /// Reading the history of applied migrations.
    ReadingHistory,
    /// Making the ledger's tables.
    Installing,
    /// Making what is missing of the ledger, beside tables that are there.
    Completing,
    /// Making the history's table.
    MakingHistory,
    /// Writing the history's rows.
    WritingHistory,
    /// Trying the lock.
    Locking,
    /// Recording our run.
    Claiming,
    /// Recording how it went.
    Recording,
}
