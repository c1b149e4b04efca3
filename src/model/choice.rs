//! Words that people choose between, in flags, variables and the config.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::run::{UnknownWord, wire_enum};

/// What `format` may say: `auto`, or the name of one that `formats/` has.
pub const FORMATS: &[&str] = &[
    "auto",
    "sqlx",
    "dbmate",
    "golang-migrate",
    "goose",
    "flyway",
    "refinery",
    "rails",
    "django",
    "alembic",
    "prisma",
    "liquibase",
    "atlas",
    "efcore",
    "node-pg-migrate",
    "knex",
];

wire_enum! {
    /// Which kind of lock to take (`lock.mode`).
    LockChoice {
        /// The server's session lock where it is safe, else the lease.
        Auto = "auto",
        /// The session lock or nothing.
        Session = "session",
        /// Only the claim in the ledger.
        Lease = "lease",
    }
}

wire_enum! {
    /// Where a follower looks (`follow.source`).
    FollowSource {
        /// Our own tables in the database.
        Ledger = "ledger",
        /// Only "is my bundle applied?".
        History = "history",
        /// GitHub Deployments.
        Github = "github",
        /// The leader app's release.
        Heroku = "heroku",
        /// A status command.
        Command = "command",
    }
}

wire_enum! {
    /// What to do about one kind of oddity in a history (`history.*`).
    HistoryRule {
        /// As the format's own tool does.
        Default = "default",
        /// Go on.
        Allow = "allow",
        /// Exit 13.
        Refuse = "refuse",
    }
}

wire_enum! {
    /// Whether the leader writes GitHub Deployments (`github.deployments`).
    Deployments {
        /// No.
        Off = "off",
        /// Yes; a failure to do so is a warning.
        On = "on",
        /// Yes; a failure to do so ends the run.
        Required = "required",
    }
}

wire_enum! {
    /// The platforms for which `init` has a snippet.
    Place {
        /// GitHub Actions.
        Github = "github",
        /// Heroku.
        Heroku = "heroku",
        /// Kubernetes.
        Kubernetes = "kubernetes",
    }
}

/// Whether a switch in the environment is on: `true`, `1`, `yes`, `on`, in any case.
pub fn is_true(text: &str) -> bool {
    ["true", "1", "yes", "on"].iter().any(|word| text.eq_ignore_ascii_case(word))
}
