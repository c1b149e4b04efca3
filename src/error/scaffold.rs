//! Why `init` or `new` write nothing.

use std::time::Duration;

use crate::model::scaffold::Addition;

/// Why `init` or `new` do not end with 0, a disk that refuses aside.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ScaffoldError {
    /// `init`: all that it would write is there.
    #[error("{} there already", files.join(", "))]
    AlreadyThere {
        /// What.
        files: Vec<String>,
    },
    /// Nothing here can be migrated.
    #[error("no migrations in {folder}")]
    NothingHere {
        /// Where we looked.
        folder: String,
        /// Folders that are there, each with why it is none of migrations.
        rejected: Vec<String>,
        /// What tells of other tools, which have migrations somewhere.
        others: Vec<String>,
    },
    /// More than one folder has migrations.
    #[error("migrations in {}", folders.join(", "))]
    SeveralFolders {
        /// Which.
        folders: Vec<String>,
    },
    /// `new`: no file can be named so.
    #[error("{name:?} names no migration: {why}")]
    BadName {
        /// What was asked for.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// `new`: the migrations' own tool writes them.
    #[error("{tool} writes its migrations itself")]
    OwnTool {
        /// Its name.
        tool: String,
        /// The command line that does, if we know it.
        command: Option<String>,
    },
    /// `new`: the next one goes into a file that is there, which people change.
    #[error("{format} migrations go into {}", add.path)]
    ByHand {
        /// The format.
        format: &'static str,
        /// What goes where.
        add: Addition,
    },
    /// `new`: there can be no next one.
    #[error("no {format} migration can follow in {folder}: {why}")]
    NoNext {
        /// The format.
        format: &'static str,
        /// The folder.
        folder: String,
        /// Why.
        why: String,
    },
    /// `new`: somebody else writes there, and does not end.
    #[error("{folder} is in use by another `bellwether new`")]
    Busy {
        /// The folder.
        folder: String,
        /// How long we waited.
        waited: Duration,
    },
}
