//! Runs and steps, as the ledger records them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::ids::{Deploy, Digest, Environment, Participant, Release, RunId, Version};

macro_rules! wire_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// Every one there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word in the ledger.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;
            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text { $($text => Ok(Self::$variant),)+ _ => Err(UnknownWord(text.to_owned())) }
            }
        }
    };
}

pub(crate) use wire_enum;

/// A word that this version does not know, in the ledger or in a setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown word {0:?}")]
pub struct UnknownWord(pub String);

wire_enum! {
    /// What became of a run: `running → succeeded | failed | interrupted | abandoned`, nothing else.
    RunStatus {
        /// Its leader is at work, or died without a word.
        Running = "running",
        /// The database is at its release.
        Succeeded = "succeeded",
        /// A migration, the command, a refusal or the leader's budget ended it.
        Failed = "failed",
        /// A signal or a lost lock ended it.
        Interrupted = "interrupted",
        /// A successor, or a person who unlocked it, found it silent and marked it.
        Abandoned = "abandoned",
    }
}

wire_enum! {
    /// What became of a step.
    StepStatus {
        /// At work.
        Running = "running",
        /// Applied.
        Succeeded = "succeeded",
        /// Not applied, or half.
        Failed = "failed",
    }
}

wire_enum! {
    /// What a run is made of.
    EngineKind {
        /// Scripts that we send ourselves.
        Sql = "sql",
        /// A command that we start.
        Command = "command",
    }
}

wire_enum! {
    /// What keeps other leaders out.
    LockMode {
        /// The server's own lock, which dies with its session (the lease is always taken too).
        Session = "session",
        /// Only the claim in the ledger, which goes stale with the beats.
        Lease = "lease",
    }
}

wire_enum! {
    /// What a participant does in a deploy.
    Role {
        /// Migrates.
        Lead = "lead",
        /// Waits for the one that migrates.
        Follow = "follow",
        /// Whoever gets the lock first leads; the rest follow.
        Elect = "elect",
    }
}

/// One attempt of a leader. Times are milliseconds since 1970 by the database's clock, for people only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Run {
    /// Random.
    pub id: RunId,
    /// A label: two environments on one database share its lock.
    pub environment: Environment,
    /// The lock under which it runs.
    pub lock_name: String,
    /// Its kind.
    pub lock_mode: LockMode,
    /// What it brings the database to.
    pub release: Release,
    /// Of its bundle or command.
    pub digest: Digest,
    /// Given by the user, or none.
    pub deploy: Option<Deploy>,
    /// The participant that leads it.
    pub leader: Participant,
    /// Where that participant runs: `github-actions`, `heroku`, `kubernetes`, `plain`.
    pub platform: String,
    /// Its host's name.
    pub host: String,
    /// A page that shows it at work, where the platform has one.
    pub url: Option<String>,
    /// What it is made of.
    pub engine: EngineKind,
    /// The work session: `pid@backend_start`; MySQL: the connection id; empty where not the ledger tells of the run.
    pub session: String,
    /// What became of it.
    pub status: RunStatus,
    /// Grows with every claim.
    pub fence: i64,
    /// Counts the leader's signs of life.
    pub beats: i64,
    /// How many steps it has; 0 for a command without a readable history.
    pub total: i64,
    /// How many are done.
    pub done: i64,
    /// The step at work: `20240301_add_index`.
    pub current: Option<String>,
    /// Why it ended without success, as its leader said it.
    pub error: Option<String>,
    /// The step that failed.
    pub failed_step: Option<String>,
    /// When it was claimed.
    pub started_at: i64,
    /// Its last sign of life.
    pub beat_at: i64,
    /// When it ended.
    pub finished_at: Option<i64>,
    /// Who or what ended it: its leader, a signal, or a successor.
    pub ended_by: Option<String>,
}

impl Run {
    /// Whether this is told by a place that knows nothing of sessions, beats and steps (GitHub's Deployments).
    pub fn is_told(&self) -> bool {
        self.session.is_empty()
    }

    /// Its end by the database's clock; of a silent or an abandoned one its last beat, since nobody knows more.
    pub fn ended_at(&self) -> i64 {
        match self.status {
            RunStatus::Running | RunStatus::Abandoned => self.beat_at,
            _ => self.finished_at.unwrap_or(self.beat_at),
        }
    }
}

/// One migration of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// From 1.
    pub position: i64,
    /// The migration's version.
    pub version: Version,
    /// Words for people.
    pub description: String,
    /// What became of it.
    pub status: StepStatus,
    /// Milliseconds since 1970, by the leader's clock.
    pub started_at: i64,
    /// Milliseconds since 1970, by the leader's clock.
    pub finished_at: Option<i64>,
    /// What the database said.
    pub error: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_ledger_are_read_back_as_written() {
        for status in RunStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(*status));
        }
        assert_eq!("gone".parse::<RunStatus>(), Err(UnknownWord("gone".into())));
    }
}
