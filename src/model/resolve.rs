//! What `resolve` wrote into a history.

use serde::Serialize;

use crate::model::ids::{RunId, Version};

/// What `resolve` did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResolveReport {
    /// The history's table.
    pub history: String,
    /// What was changed there, in the order of the migrations; empty = it was so already.
    pub changes: Vec<Resolved>,
    /// The run under which it was recorded; none if there was nothing to change.
    pub run: Option<RunId>,
    /// Who did it, as the ledger records it.
    pub by: String,
}

/// One migration whose row was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Resolved {
    /// Its version.
    pub version: Version,
    /// The file's name, or how the history describes it.
    pub name: String,
    /// What it is from now on.
    pub now: Resolution,
    /// Whether it was half applied before; else nothing was recorded of it.
    pub was_dirty: bool,
}

/// What a migration is from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// Applied as a whole: no run sends it.
    Applied,
    /// Not applied at all: the next run sends it.
    RolledBack,
}
