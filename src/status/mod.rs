//! Where a follower asks how things stand, if not in our own ledger: one file or folder per source. A source answers one
//! question at a time; when to ask again, and when to give up, is the follower's to decide.

pub mod command;
pub mod github;
pub mod heroku;
pub mod rest;

use std::time::Duration;

use crate::engine::command::Ending;

/// What a source says when it is asked once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Go live.
    Ready,
    /// Not yet; with what it said.
    Pending(String),
    /// No answer, or one that means nothing to us; with what it said.
    Failed(Failure, String),
    /// This signal ended us while we asked.
    Stopped(u8),
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The status command ended like this.
    Ended(Ending),
    /// It was still at work after so long, and was ended.
    Silent(Duration),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ended(ending) => ending.fmt(f),
            Self::Silent(limit) => write!(f, "gave no answer within {} s", limit.as_secs()),
        }
    }
}
