//! GitHub Deployments: one for each run that its leader reports, with statuses that say how it goes. A follower that may
//! read them needs no database. Nothing here decides, and nothing is trusted that is not in our own form.

pub mod client;
pub mod read;
pub mod wire;
pub mod write;

use std::time::Duration;

/// Ours alone: what `environment:` jobs make has the task `deploy`.
pub const TASK: &str = "bellwether:migrate";

/// Why GitHub did not do what we asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No answer.
    #[error("{reason}")]
    Unreachable {
        /// Why not.
        reason: String,
    },
    /// 5xx: trouble of its own.
    #[error("it answered {status}")]
    Unavailable {
        /// The code.
        status: u16,
    },
    /// 403 or 429: too many requests.
    #[error("the rate limit is used up for {} s", wait.as_secs())]
    RateLimited {
        /// How long it wants to be left alone.
        wait: Duration,
    },
    /// 401: the token is wrong, has expired, or its job has ended.
    #[error("it does not know the token: {message}")]
    Unauthorized {
        /// What it says.
        message: String,
    },
    /// 403: the token may not do this.
    #[error("it forbids that: {message}")]
    Forbidden {
        /// What it says.
        message: String,
    },
    /// 404: no such repository, or none for this token.
    #[error("it knows no such repository, or does not show it to this token")]
    NotFound,
    /// 202: it has merged the default branch in place of making a deployment.
    #[error("it made no deployment, but a merge: {message}")]
    Merged {
        /// What it says.
        message: String,
    },
    /// 409: a merge conflict, or checks that are not green.
    #[error("it refuses a deployment now: {message}")]
    Conflict {
        /// What it says.
        message: String,
    },
    /// 422: something that we sent does not fit.
    #[error("it does not accept that: {message}")]
    Unprocessable {
        /// What it says.
        message: String,
    },
    /// An answer that its description does not have.
    #[error("it answered {what}")]
    Odd {
        /// What.
        what: String,
    },
}

impl Failure {
    /// Whether it may be different in a while.
    pub fn passes(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Unavailable { .. } | Self::RateLimited { .. })
    }

    /// Whether a request that it answered may have been carried out all the same.
    pub fn is_ambiguous(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Unavailable { .. })
    }
}
