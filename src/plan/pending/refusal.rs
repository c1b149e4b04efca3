//! What speaks against applying a bundle, in words for people. Whether that stops anybody is elsewhere.

use crate::model::ids::Version;

/// Why a history says nothing that we could rely on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blind {
    /// In words.
    pub why: String,
    /// Whether its table is not as the format's is, rather than its rows not as they should be.
    pub foreign: bool,
}

impl From<String> for Blind {
    fn from(why: String) -> Self {
        Self { why, foreign: false }
    }
}

/// One reason not to touch a database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The file is not the one that was applied.
    #[error("{name} was changed after it was applied")]
    Changed {
        /// Its version.
        version: Version,
        /// The file's name.
        name: String,
    },
    /// It was applied, and the bundle has later ones but not this one.
    #[error("migration {version}{} was applied, but its file is not there", described(description))]
    Missing {
        /// Its version.
        version: Version,
        /// As the history describes it.
        description: String,
    },
    /// It was applied in part.
    #[error("migration {version}{} is half applied{}", described(name), noted(.error.as_deref()))]
    Dirty {
        /// Its version.
        version: Version,
        /// The file's name, or how the history describes it where there is no file.
        name: String,
        /// What its tool noted of the failure, if it did.
        error: Option<String>,
    },
    /// The history cannot be understood.
    #[error("what is applied cannot be told: {}", .0.why)]
    Unreadable(Blind),
    /// It is pending, and a later one is applied.
    #[error("{name} is older than {newest}, which is applied already")]
    OutOfOrder {
        /// Its version.
        version: Version,
        /// The file's name.
        name: String,
        /// The latest version that is applied.
        newest: Version,
    },
}

impl Refusal {
    /// The migration that it is about, as people know it.
    pub(super) fn subject(&self) -> &str {
        match self {
            Self::Changed { name, .. } | Self::Dirty { name, .. } | Self::OutOfOrder { name, .. } => name,
            Self::Missing { version, .. } => version.as_str(),
            Self::Unreadable(Blind { why, .. }) => why,
        }
    }
}

/// A description in brackets, where a history has one.
fn described(description: &str) -> String {
    if description.is_empty() { String::new() } else { format!(" ({description})") }
}

/// What a tool noted, behind the sentence that it explains.
fn noted(error: Option<&str>) -> String {
    let lines = error.unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines.collect::<Vec<_>>().join(" ");
    if line.is_empty() { line } else { format!(": {line}") }
}
