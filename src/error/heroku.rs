//! What keeps us from reading a Heroku app's releases.

use crate::exit::Exit;
use crate::status::rest::Failure;

/// Why the leader app's releases are of no use.
#[derive(Clone, Debug, thiserror::Error)]
pub enum HerokuError {
    /// Nothing says which app.
    #[error("nothing says which app's releases are meant")]
    NoApp,
    /// It is none.
    #[error("{text:?} is no name of a Heroku app")]
    BadApp {
        /// What is there.
        text: String,
        /// Where: `heroku.app`, `leader`.
        key: &'static str,
    },
    /// The app that we are part of: its release ends when we do.
    #[error("{app} would wait for its own release")]
    OwnApp {
        /// Both.
        app: String,
    },
    /// Nothing says which commit we are.
    #[error("nothing says which commit is being released")]
    NoCommit {
        /// In a dyno.
        on_heroku: bool,
        /// Of this app.
        app: Option<String>,
    },
    /// No token is given.
    #[error("there is no token for the releases of {app}")]
    NoToken {
        /// Whose releases.
        app: String,
    },
    /// The token holds what none can hold.
    #[error("the Heroku token holds blanks or characters that no token has")]
    BadToken,
    /// `HEROKU_API_URL` is no address.
    #[error("HEROKU_API_URL is {url:?}, which is no http address")]
    BadApi {
        /// What it is.
        url: String,
    },
    /// No root certificates.
    #[error("there are no root certificates to know Heroku by")]
    NoRoots,
    /// Heroku said no, or nothing.
    #[error("{failure}")]
    Refused {
        /// Whose releases.
        app: String,
        /// What it said.
        failure: Failure,
    },
}

impl HerokuError {
    /// 2 for what we were told, 32 for what Heroku says.
    pub fn exit(&self) -> Exit {
        match self {
            Self::NoApp
            | Self::BadApp { .. }
            | Self::OwnApp { .. }
            | Self::NoCommit { .. }
            | Self::NoToken { .. }
            | Self::BadToken
            | Self::BadApi { .. }
            | Self::NoRoots => Exit::Usage,
            Self::Refused { .. } => Exit::StatusSource,
        }
    }
}
