//! Liquibase's format: changesets in formatted SQL, a root changelog that only includes; `DATABASECHANGELOG`. Only
//! checked: Liquibase itself applies. Never computes an MD5SUM, and never decides on a context, a label or a `dbms`.

mod changelog;
mod changeset;
mod neighbours;
mod next;
mod rows;
mod tree;

use std::path::{Path, PathBuf};

use crate::formats::folder::{Folder, text};
use crate::formats::next::Next;
use crate::formats::{Column, Format, FormatError, History, Order, Record, Rules, Sequence};
use crate::model::ids::Version;
use crate::model::migration::{Applied, Bundle};

/// Liquibase.
pub struct Liquibase;

/// Columns as `StandardChangeLogHistoryService` has them. What the table has and no file is nothing to Liquibase; a
/// changed file it refuses, but that is not seen here.
static HISTORY: History = History {
    table: "DATABASECHANGELOG",
    schema: None,
    columns: &[
        Column::words("ID"),
        Column::words("AUTHOR"),
        Column::words("FILENAME"),
        Column::words("EXECTYPE").later(),
    ],
    order: ("ORDEREXECUTED", Order::Up),
    rules: Rules { out_of_order: true, changed: false, missing: true, sequence: Sequence::Unordered },
};

/// All formatted SQL begins as such, so a few files tell.
const LOOKED_AT: usize = 3;

impl Format for Liquibase {
    fn name(&self) -> &'static str {
        "liquibase"
    }

    fn detect(&self, folder: &Folder) -> Option<String> {
        let files = folder.below()?;
        let is_changelog = |path: &Path| text(path).is_ok_and(|text| text.contains("databaseChangeLog"));
        let mut changelogs = files.iter().filter(|(name, _)| changelog::language(name).is_some());
        if let Some((name, _)) = changelogs.find(|(_, path)| is_changelog(path)) {
            return Some(format!("{name} is a changelog of Liquibase's"));
        }
        let mut scripts = files.iter().filter(|(name, _)| changeset::is_sql(name)).take(LOOKED_AT);
        let (name, _) =
            scripts.find(|(_, path)| text(path).is_ok_and(|text| changeset::is_formatted(&text)))?;
        Some(format!("{name} is formatted SQL of Liquibase's"))
    }

    fn read(&self, folder: &Path) -> Result<Bundle, FormatError> {
        tree::read(folder)
    }

    fn entry(&self, folder: &Path) -> Option<PathBuf> {
        tree::root(folder)
    }

    fn history(&self) -> &'static History {
        &HISTORY
    }

    fn meant(&self, text: &str, rows: &[Record]) -> Result<Version, String> {
        rows::meant(text, rows)
    }

    fn applied(&self, bundle: &Bundle, rows: &[Record]) -> Result<Vec<Applied>, String> {
        rows::applied(bundle, rows)
    }

    fn undecided(&self, bundle: &Bundle, applied: &[Applied]) -> Vec<(Version, String)> {
        rows::undecided(bundle, applied)
    }

    /// `path::id::author`, as Liquibase prints it.
    fn called(&self, row: &Applied) -> String {
        row.version.to_string()
    }

    fn next(&self, bundle: &Bundle, words: &str, now: i64) -> Next {
        next::next(bundle, words, now)
    }
}

#[cfg(test)]
mod tests;
