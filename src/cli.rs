//! The command line: flags and `BELLWETHER_*` variables become a [`Request`]. No decision is taken here.

mod help;
pub mod line;
mod variables;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::model::choice::{FollowSource, LockChoice, Place};
use crate::model::duration;
use crate::model::ids::{Deploy, Environment, Participant, Release, Version};
use crate::model::run::Role;
use crate::model::secret::Secret;

pub use variables::{UsageError, command};

/// One participant of a deploy migrates the database; everyone else waits for its verdict, and stops the deploy when
/// it fails.
#[derive(Clone, Debug, Parser)]
#[command(name = "bellwether", version, max_term_width = 100, arg_required_else_help = true)]
#[command(disable_help_subcommand = true, after_help = help::TOP)]
pub struct Request {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
    /// What every action takes.
    #[command(flatten)]
    pub global: Global,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Action {
    /// Find out the role of this participant and do it: migrate, or wait for the one that does
    #[command(after_help = help::DEPLOY)]
    Deploy {
        /// Run this command instead of the SQL files when leading
        #[arg(last = true, value_name = "CMD")]
        command: Vec<String>,
    },
    /// Migrate the database, whatever else says who leads
    #[command(after_help = help::LEAD)]
    Lead {
        /// Run this command instead of the SQL files
        #[arg(last = true, value_name = "CMD")]
        command: Vec<String>,
    },
    /// Wait until the leader of this release is done; fail if it fails
    #[command(after_help = help::FOLLOW)]
    Follow {
        /// The leader's command, where there are no SQL files: it tells whose run is ours
        #[arg(last = true, value_name = "CMD")]
        command: Vec<String>,
    },
    /// Show role, release, lock and pending migrations, each with the reason; change nothing
    #[command(after_help = help::PLAN)]
    Plan,
    /// Show the latest run of this release and what is pending; change nothing
    #[command(after_help = help::STATUS)]
    Status {
        /// Exit 3 unless this release's migrations are applied
        #[arg(long)]
        check: bool,
    },
    /// List past runs, or show one with its steps
    #[command(after_help = help::HISTORY)]
    History {
        /// A run's id, or the beginning of one
        #[arg(value_parser = name())]
        run: Option<String>,
        /// How many runs to list
        #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
        limit: u16,
    },
    /// Check connection, privileges, lock and config, and say what to do
    #[command(after_help = help::DOCTOR)]
    Doctor,
    /// Take the lock away from a leader that is dead
    #[command(after_help = help::UNLOCK)]
    Unlock {
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// Even while its holder shows signs of life
        #[arg(long)]
        force: bool,
    },
    /// Say what became of a half-applied migration, or that older ones are applied already
    #[command(after_help = help::RESOLVE, group(clap::ArgGroup::new("verdict").required(true).args(["applied", "rolled_back"])))]
    #[command(group(clap::ArgGroup::new("which").required(true).args(["version", "up_to"])))]
    Resolve {
        /// The migration
        #[arg(value_parser = name().map(|text| Version(text)))]
        version: Option<Version>,
        /// This migration and all older ones
        #[arg(long, value_name = "VERSION", conflicts_with = "rolled_back", value_parser = name().map(|text| Version(text)))]
        up_to: Option<Version>,
        /// It is applied as a whole
        #[arg(long)]
        applied: bool,
        /// Nothing of it is left in the database
        #[arg(long)]
        rolled_back: bool,
    },
    /// Copy this binary to PATH, for an image that has no copy of its own
    #[command(after_help = help::INSTALL)]
    Install {
        /// The file to write, or a folder to write `bellwether` into
        path: PathBuf,
    },
    /// Print a completion script for a shell
    #[command(after_help = help::COMPLETIONS)]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write a commented bellwether.yml for this project; overwrite nothing
    #[command(after_help = help::INIT)]
    Init {
        /// Also write what this platform needs: github, heroku, kubernetes
        #[arg(long, value_name = "PLATFORM")]
        #[arg(hide_possible_values = true, value_parser = words::<Place>(&["github", "heroku", "kubernetes"]))]
        platform: Option<Place>,
    },
    /// Write the next, empty migration in the project's format
    #[command(after_help = help::NEW)]
    New {
        /// What it does, in a few words
        #[arg(value_parser = name())]
        name: String,
    },
}

impl Action {
    /// The word on the command line.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Deploy { .. } => "deploy",
            Self::Lead { .. } => "lead",
            Self::Follow { .. } => "follow",
            Self::Plan => "plan",
            Self::Status { .. } => "status",
            Self::Install { .. } => "install",
            Self::Completions { .. } => "completions",
            Self::History { .. } => "history",
            Self::Doctor => "doctor",
            Self::Init { .. } => "init",
            Self::New { .. } => "new",
            Self::Resolve { .. } => "resolve",
            Self::Unlock { .. } => "unlock",
        }
    }

    /// Everything after `--`; empty where there is none.
    pub fn command(&self) -> &[String] {
        match self {
            Self::Deploy { command } | Self::Lead { command } | Self::Follow { command } => command,
            _ => &[],
        }
    }
}

const DEPLOY: &str = "Who and what";
const DATABASE: &str = "Database and migrations";
const WAITING: &str = "Locking and waiting";
const OUTPUT: &str = "Output";

/// Flags that every action takes, before or after it.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// Config file; bellwether.yml in the current folder if there is one
    #[arg(short, long, global = true, value_name = "FILE", help_heading = DEPLOY)]
    pub config: Option<PathBuf>,

    /// Deploy target; the config's only one, or `default` without a config
    #[arg(short, long, global = true, value_name = "NAME", help_heading = DEPLOY)]
    #[arg(value_parser = name().map(|text| Environment(text)))]
    pub environment: Option<Environment>,

    /// Our name; what the platform says otherwise
    #[arg(long, global = true, value_name = "NAME", help_heading = DEPLOY)]
    #[arg(value_parser = name().map(|text| Participant(text)))]
    pub participant: Option<Participant>,

    /// lead: migrate. follow: wait. elect: whoever gets the lock first leads
    #[arg(long, global = true, value_name = "ROLE", help_heading = DEPLOY)]
    #[arg(hide_possible_values = true, value_parser = words::<Role>(&["lead", "follow", "elect"]))]
    pub role: Option<Role>,

    /// What is being deployed, the same for all participants; the commit, or a hash of the migrations otherwise
    #[arg(long, global = true, value_name = "ID", help_heading = DEPLOY)]
    #[arg(value_parser = name().map(|text| Release(text)))]
    pub release: Option<Release>,

    /// Tells two deploys of one release apart; give it to all participants or to none
    #[arg(long, global = true, value_name = "ID", help_heading = DEPLOY)]
    #[arg(value_parser = name().map(|text| Deploy(text)))]
    pub deploy: Option<Deploy>,

    /// Database URL. Others on this machine can read flags: prefer the variable
    #[arg(long, global = true, value_name = "URL", help_heading = DATABASE)]
    #[arg(value_parser = NonEmptyStringValueParser::new().map(Secret::new))]
    pub database_url: Option<Secret>,

    /// Folder with the migrations
    #[arg(long, global = true, value_name = "FOLDER", help_heading = DATABASE)]
    pub migrations: Option<PathBuf>,

    /// How the migrations are named and recorded
    #[arg(long, global = true, value_name = "FORMAT", help_heading = DATABASE)]
    #[arg(help = help::format(), value_parser = name())]
    pub format: Option<String>,

    /// Where a follower looks: ledger, history, github, heroku, command
    #[arg(long, global = true, value_name = "SOURCE", help_heading = WAITING)]
    #[arg(hide_possible_values = true, value_parser = words::<FollowSource>(&["ledger", "history", "github", "heroku", "command"]))]
    pub follow: Option<FollowSource>,

    /// How long this process may take in all: 90s, 30m, 1h30m
    #[arg(long, global = true, value_name = "DURATION", help_heading = WAITING, value_parser = duration::parse)]
    pub timeout: Option<Duration>,

    /// Kind of lock: auto, session, lease
    #[arg(long, global = true, value_name = "MODE", help_heading = WAITING)]
    #[arg(hide_possible_values = true, value_parser = words::<LockChoice>(&["auto", "session", "lease"]))]
    pub lock_mode: Option<LockChoice>,

    /// Name of the lock; one name for each body of migrations in a database
    #[arg(long, global = true, value_name = "NAME", help_heading = WAITING, value_parser = name())]
    pub lock_name: Option<String>,

    /// Number of the server's lock, in place of one made from its name
    #[arg(long, global = true, value_name = "NUMBER", help_heading = WAITING, allow_negative_numbers = true)]
    pub lock_id: Option<i64>,

    /// How long a designated leader waits for the lock
    #[arg(long, global = true, value_name = "DURATION", help_heading = WAITING, value_parser = duration::parse)]
    pub lock_wait: Option<Duration>,

    /// human: text. json: one object per event and line, on stdout
    #[arg(long, global = true, value_name = "FORM", help_heading = OUTPUT, default_value = "human", value_enum)]
    #[arg(hide_possible_values = true)]
    pub output: Output,

    /// Colours: auto (on a terminal), always, never
    #[arg(long, global = true, value_name = "WHEN", help_heading = OUTPUT, default_value = "auto", value_enum)]
    #[arg(hide_possible_values = true)]
    pub color: Color,

    /// Say more; twice: much more
    #[arg(short, long, global = true, help_heading = OUTPUT, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,

    /// Say nothing but warnings and errors
    #[arg(short, long, global = true, help_heading = OUTPUT)]
    pub quiet: bool,
}

/// The form of what we say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Text for people.
    Human,
    /// One JSON object per line.
    Json,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The longest name that the ledger's columns hold, in characters.
pub const NAME_LIMIT: usize = 200;

/// Why a text cannot be a name; none if it can.
pub fn bad_name(text: &str) -> Option<String> {
    if text.trim().is_empty() {
        Some("it is empty".to_owned())
    } else if text.chars().count() > NAME_LIMIT {
        Some(format!("it is longer than {NAME_LIMIT} characters"))
    } else if text.chars().any(char::is_control) {
        Some("it has a control character".to_owned())
    } else {
        None
    }
}

fn name() -> impl TypedValueParser<Value = String> {
    NonEmptyStringValueParser::new().try_map(|text| match bad_name(&text) {
        Some(reason) => Err(reason),
        None => Ok(text),
    })
}

fn words<T>(known: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(known).try_map(|word| word.parse())
}

#[cfg(test)]
mod tests;
