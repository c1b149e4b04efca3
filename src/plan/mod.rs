//! What is to be done, decided from values alone: no file, no clock, no database is touched here.

pub mod need;
pub mod pending;
pub mod release;
pub mod role;

use crate::model::choice::FollowSource;
use crate::model::ids::Participant;
use crate::model::run::Role;

/// Why no plan can be made. Exit 2.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A leader is named, and we do not know who we are.
    #[error("the config names {leader} as leader, and nothing says what we are called")]
    NameUnknown {
        /// The name in the config.
        leader: Participant,
        /// Where we run.
        platform: String,
    },
    /// Nothing says who leads, on a platform where an elect may not be one that can migrate.
    #[error("nothing says who leads, and {platform} needs one participant that is named as leader")]
    NotDesignated {
        /// Where we run.
        platform: String,
    },
    /// A role that may lead, without migrations folder and command.
    #[error("to {} there must be a migrations folder or a command ({reason})", verb(*role))]
    NothingToLeadWith {
        /// The role.
        role: Role,
        /// What decided it.
        reason: String,
    },
    /// A role that may lead, where those who are elected could not see each other.
    #[error("with `follow.source: {of}` a participant can only follow, and this one is to {} ({reason})", verb(*role))]
    OnlyFollows {
        /// The source.
        of: FollowSource,
        /// The role.
        role: Role,
        /// What decided it.
        reason: String,
    },
    /// A role that may lead, with migrations that only their own tool applies, and no command.
    #[error("to {} there must be a command: migrations of the format {format} are read, and their own tool applies them ({reason})", verb(*role))]
    OnlyChecked {
        /// The format.
        format: &'static str,
        /// The role.
        role: Role,
        /// What decided it.
        reason: String,
    },
    /// A follower that is to look at a history, and nothing says at which, or for what.
    #[error("{}", match needs { Some(needs) => format!("`follow.needs: {needs}` does not say in which history to look"), None => format!("with `follow.source: history` there must be migrations to look for{}", empty.as_ref().map(|folder| format!(", and there are none in {folder}")).unwrap_or_default()) })]
    NothingToLookFor {
        /// `follow.needs`.
        needs: Option<String>,
        /// The folder in which there is none.
        empty: Option<String>,
    },
    /// What a follower is to wait for can be in no history of its format, or is more than one migration.
    #[error("`follow.needs: {needs}` is no migration of the format {format}: {why}")]
    NeedNotUnderstood {
        /// `follow.needs`.
        needs: String,
        /// The format.
        format: &'static str,
        /// What it should look like, or what it can be.
        why: String,
    },
    /// Nothing says what is being released.
    #[error("nothing says what is being released: no --release, {}, {bundle}", no_commit(platform))]
    NoRelease {
        /// Where we run.
        platform: String,
        /// What is the matter with the migrations: `no migrations`.
        bundle: String,
        /// What makes the platform name it.
        hint: Option<&'static str>,
    },
}

fn no_commit(platform: &str) -> String {
    match platform {
        "plain" => "no platform that names a commit".to_owned(),
        platform => format!("no commit named by {platform}"),
    }
}

fn verb(role: Role) -> &'static str {
    match role {
        Role::Lead => "lead",
        Role::Follow => "follow",
        Role::Elect => "take part in an election",
    }
}
