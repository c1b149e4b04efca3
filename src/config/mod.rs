//! `bellwether.yml` and the flags become [`Settings`]: text → [`raw`] → check → one environment's settings. A config
//! problem is found here, with its line and column, before anything else is done.

mod check;
mod error;
mod follow;
mod interpolate;
mod locate;
pub mod raw;
mod read;
mod reader;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::Request;
use crate::model::choice::{Deployments, FollowSource, HistoryRule, LockChoice};
use crate::model::ids::{Environment, Participant};
use crate::model::repository::Repository;
use crate::model::secret::Secret;

pub use error::{ConfigError, Place, Problem};
pub use locate::Spot;

/// The config file that is read when none is named.
pub const DEFAULT_FILE: &str = "bellwether.yml";

/// Everything that flags, variables and the config say of one environment, checked; built-in defaults filled in.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The environment in use.
    pub environment: Environment,
    /// The config file, if there is one.
    pub file: Option<PathBuf>,
    /// Who leads, if the config says it.
    pub leader: Option<LeaderRule>,
    /// The database's URL: flag, `BELLWETHER_DATABASE_URL`, config, `DATABASE_URL`.
    pub database: Option<Secret>,
    /// The migrations folder, as a path that can be opened from the current folder.
    pub migrations: Option<PathBuf>,
    /// The format's name; none = find out.
    pub format: Option<String>,
    /// What to run in place of the SQL files; empty = nothing.
    pub command: Vec<String>,
    /// What to run after a command; empty = nothing.
    pub check: Vec<String>,
    /// Where to run both; none = the current folder.
    pub cwd: Option<PathBuf>,
    /// Between SIGTERM and SIGKILL of the command.
    pub grace: Duration,
    /// The budget of this process; none = the platform's.
    pub timeout: Option<Duration>,
    /// How long the first connection is tried.
    pub connect_wait: Duration,
    /// The lock.
    pub lock: LockSettings,
    /// How long one DDL statement in a transaction may wait for locks; none = for ever.
    pub ddl_lock_timeout: Option<Duration>,
    /// What to do about odd histories.
    pub history: HistorySettings,
    /// Our own tables.
    pub ledger: LedgerSettings,
    /// How a follower waits.
    pub follow: FollowSettings,
    /// GitHub.
    pub github: GithubSettings,
    /// Heroku.
    pub heroku: HerokuSettings,
}

/// `leader:` in the config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaderRule {
    /// Whoever gets the lock first.
    Elect,
    /// Whoever has a true `RUN_MIGRATIONS`.
    Env,
    /// This participant.
    Named(Participant),
}

/// `lock:` in the config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockSettings {
    /// Which kind.
    pub mode: LockChoice,
    /// One name = one body of migrations.
    pub name: String,
    /// The server's number for it, in place of one made from the name.
    pub id: Option<i64>,
    /// How long a designated leader waits; none = as long as its budget lasts.
    pub wait: Option<Duration>,
}

/// `history:` in the config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistorySettings {
    /// A pending migration older than one that is applied.
    pub out_of_order: HistoryRule,
    /// An applied migration whose file has changed.
    pub changed: HistoryRule,
    /// An applied migration whose file is gone.
    pub missing: HistoryRule,
}

/// `ledger:` in the config.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerSettings {
    /// The schema of our tables; none = `public`, `dbo`, or the database itself.
    pub schema: Option<String>,
    /// Database users who may read them.
    pub readers: Vec<String>,
}

/// `follow:` in the config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowSettings {
    /// Where to look.
    pub source: FollowSource,
    /// How long to wait for a run to begin.
    pub start: Duration,
    /// How long to wait for a newer run after one that ended badly.
    pub grace: Duration,
    /// How long a run that ended badly counts at all.
    pub window: Duration,
    /// The one migration that must be applied.
    pub needs: Option<String>,
    /// The status command.
    pub command: Vec<String>,
    /// The pause between two runs of it.
    pub every: Duration,
    /// How long one run of it may take.
    pub timeout: Duration,
    /// Its exit codes that mean ready.
    pub ready: Vec<i32>,
    /// Its exit codes that mean not yet.
    pub pending: Vec<i32>,
}

/// `github:` in the config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GithubSettings {
    /// `owner/repo`; none = the one we run in.
    pub repository: Option<Repository>,
    /// Whether the leader writes Deployments.
    pub deployments: Deployments,
}

/// `heroku:` in the config.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HerokuSettings {
    /// The leader's app.
    pub app: Option<String>,
}

/// Reads the config file (if there is one) and puts the flags on top. Relative paths in the file count from its own
/// folder, those in flags from `folder`: an empty path is the current one. `env` is the process's environment.
///
/// # Errors
/// Everything in [`Problem`]; each is exit 2.
pub fn load(
    request: &Request,
    folder: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Settings, ConfigError> {
    let named = request.global.config.as_deref();
    let shown = named.unwrap_or(Path::new(DEFAULT_FILE));
    let text = match std::fs::read(folder.join(shown)) {
        Ok(bytes) => Some(error::utf8(shown, bytes)?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => match named {
            None => None,
            Some(file) => return Err(Problem::FileMissing { file: file.to_owned() }.nowhere()),
        },
        Err(error) => {
            return Err(Problem::Unreadable { file: shown.to_owned(), reason: error.to_string() }.nowhere());
        }
    };
    check::settings(request, folder, text.as_deref().map(|text| (shown, text)), env)
}

#[cfg(test)]
mod tests;
