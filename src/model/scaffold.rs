//! What `init` and `new` found and wrote.

use serde::Serialize;

/// What `init` found, and what it wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct InitReport {
    /// The migrations folder, as the config names it; none where there is none that we can read.
    pub migrations: Option<String>,
    /// Its format.
    pub format: Option<String>,
    /// Why that format, or why no folder.
    pub format_reason: Option<String>,
    /// What applies the migrations in place of bellwether; empty = bellwether does.
    pub command: Vec<String>,
    /// Why that command.
    pub command_reason: Option<String>,
    /// Files, written or not.
    pub files: Vec<InitFile>,
    /// What to do now, first things first.
    pub next: Vec<String>,
}

/// A file that `init` wrote, or would have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InitFile {
    /// Its path.
    pub path: String,
    /// What became of it.
    pub state: FileState,
    /// Why, where it was left alone.
    pub reason: Option<String>,
    /// Text for people to put into it.
    pub add: Option<String>,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileState {
    /// It is new.
    Written,
    /// It was there, and is as it was.
    Kept,
}

/// What `new` wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewReport {
    /// The format.
    pub format: String,
    /// Paths of the new files, the one to edit first.
    pub files: Vec<String>,
    /// What people are to put into another file, without which the new one does not count.
    pub add: Option<Addition>,
}

/// Text for people to put into a file that is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Addition {
    /// The file's path.
    pub path: String,
    /// Where in it: `at its end`.
    pub place: String,
    /// Its lines.
    pub text: String,
}
