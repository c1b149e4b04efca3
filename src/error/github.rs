//! What keeps us from asking GitHub, or from telling it.

use crate::exit::Exit;
use crate::model::ids::{Release, Version};
use crate::status::rest::Failure;

/// What we wanted of a repository's deployments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// To read them, as a follower.
    Reading,
    /// To write them, as a leader.
    Writing,
}

/// Why GitHub's Deployments are of no use.
#[derive(Clone, Debug, thiserror::Error)]
pub enum GithubError {
    /// Nothing says which repository.
    #[error("nothing says which repository's deployments are meant")]
    NoRepository,
    /// `GITHUB_REPOSITORY` is none.
    #[error("GITHUB_REPOSITORY is {text:?}, which is no owner/name")]
    BadRepository {
        /// What it is.
        text: String,
    },
    /// No token is given.
    #[error("there is no token for the deployments of {repository}")]
    NoToken {
        /// Whose deployments.
        repository: String,
        /// What for.
        asking: Asking,
        /// In a job of GitHub Actions.
        in_actions: bool,
    },
    /// The token holds what none can hold.
    #[error("the GitHub token holds blanks or characters that no token has")]
    BadToken,
    /// `GITHUB_API_URL` is no address.
    #[error("GITHUB_API_URL is {url:?}, which is no http address")]
    BadApi {
        /// What it is.
        url: String,
    },
    /// No root certificates.
    #[error("there are no root certificates to know GitHub by")]
    NoRoots,
    /// The release is a commit of another repository.
    #[error("{release} is a commit of {ours}, and {repository} has none in common with it")]
    Foreign {
        /// Whose deployments.
        repository: String,
        /// The repository whose job we are.
        ours: String,
        /// Our commit.
        release: Release,
    },
    /// GitHub said no, or nothing.
    #[error("{failure}")]
    Refused {
        /// Whose deployments.
        repository: String,
        /// What for.
        asking: Asking,
        /// What it said.
        failure: Failure,
        /// What we had applied.
        applied: Vec<Version>,
    },
}

impl GithubError {
    /// 2 for what we were told, 32 for what GitHub says.
    pub fn exit(&self) -> Exit {
        match self {
            Self::NoRepository
            | Self::BadRepository { .. }
            | Self::NoToken { .. }
            | Self::BadToken
            | Self::BadApi { .. }
            | Self::NoRoots
            | Self::Foreign { .. } => Exit::Usage,
            Self::Refused { .. } => Exit::StatusSource,
        }
    }
}
