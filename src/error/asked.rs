//! What a follower's status source did not say in time, or said in a way that ends the wait.

use std::time::Duration;

use crate::exit::Exit;
use crate::status::Failure;

/// Why asking a status command ended badly.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StatusError {
    /// It failed, or ended with a code that means nothing to us.
    #[error("{} {failure}", command.first().map_or("", String::as_str))]
    Failed {
        /// Program and arguments.
        command: Vec<String>,
        /// How.
        failure: Failure,
        /// The end of its output.
        output: String,
        /// The codes that mean ready.
        ready: Vec<i32>,
        /// The codes that mean not yet.
        pending: Vec<i32>,
    },
    /// Our budget ended, and it had not said that anything is ready.
    #[error("{} did not say ready within {} s", command.first().map_or("", String::as_str), waited.as_secs())]
    Late {
        /// Program and arguments.
        command: Vec<String>,
        /// How long we waited.
        waited: Duration,
        /// How often it said not yet.
        times: u32,
        /// The end of its output, the last time that it said anything.
        output: String,
    },
}

impl StatusError {
    /// 32, or 21 at the end of the budget.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Failed { .. } => Exit::StatusSource,
            Self::Late { .. } => Exit::LeaderLate,
        }
    }
}
