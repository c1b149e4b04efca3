//! Atlas's format: `20240101120000_name.sql` beside `atlas.sum`; `atlas_schema_revisions`. Only checked: Atlas itself
//! applies. Reads Atlas's own folders, not those that it keeps for other tools (`?format=…`).

mod sum;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use crate::formats::atlas::sum::Sums;
use crate::formats::folder::{Folder, bytes, each, files};
use crate::formats::meant;
use crate::formats::next::{Next, snake_words};
use crate::formats::{Column, Format, FormatError, History, Order, Record, Rules, Sequence};
use crate::model::ids::Version;
use crate::model::migration::{Applied, Bundle, Migration};

/// Atlas.
pub struct Atlas;

/// Columns as in `cmd/atlas/internal/migrate/ent/schema/revision.go`; rules as in `Executor.Pending` with the default
/// order, `linear`: what is older than the last one is refused, what has no file any more is nothing to Atlas.
static HISTORY: History = History {
    table: "atlas_schema_revisions",
    schema: Some("atlas_schema_revisions"),
    columns: &[
        Column::words("version"),
        Column::words("description"),
        Column::words("type"),
        Column::words("applied"),
        Column::words("total"),
        Column::words("error"),
    ],
    order: ("version", Order::Up),
    rules: Rules { out_of_order: false, changed: true, missing: true, sequence: Sequence::LETTERS },
};

/// Where Atlas keeps its sums.
const SUM_FILE: &str = "atlas.sum";
/// A bit of a row's type: somebody said that it is applied.
const RESOLVED: u64 = 4;

impl Format for Atlas {
    fn name(&self) -> &'static str {
        "atlas"
    }

    fn detect(&self, folder: &Folder) -> Option<String> {
        folder.path.join(SUM_FILE).is_file().then(|| format!("{SUM_FILE} is Atlas's"))
    }

    fn read(&self, folder: &Path) -> Result<Bundle, FormatError> {
        let mut sums = Sums::default();
        let mut migrations: Vec<Migration> = Vec::new();
        let mut seen = HashMap::new();
        let files = files(folder)?;
        let contents = each(&files, |(_, path)| bytes(path));
        for ((name, path), content) in files.into_iter().zip(contents) {
            let Some(stem) = name.strip_suffix(".sql") else { continue };
            if stem.ends_with(".up") || stem.ends_with(".down") {
                let what =
                    "is one of a pair; only Atlas's own format is read, and this folder is kept for another"
                        .to_owned();
                return Err(FormatError::Unsupported { path, line: None, what });
            }
            let content = content?;
            let checksum = sums.add(&name, &content);
            let (version, description) = stem.split_once('_').unwrap_or((stem, ""));
            let version = Version(version.to_owned());
            if let Some(first) = seen.insert(version.clone(), path.clone()) {
                return Err(FormatError::SameVersion { version: version.to_string(), first, second: path });
            }
            let description = description.replace('_', " ");
            let sql = if is_checkpoint(&content) { CHECKPOINT } else { "" };
            let migration = Migration::of_tool(version, name, path, checksum);
            migrations.push(Migration { description, sql: sql.into(), ..migration });
        }
        let sum_file = folder.join(SUM_FILE);
        let wrong = |line, what: String| FormatError::Unsupported { path: sum_file.clone(), line, what };
        // a pipe would be waited for
        if sum_file.exists() && !sum_file.is_file() {
            return Err(wrong(None, "is no file".to_owned()));
        }
        match bytes(&sum_file) {
            Ok(text) => {
                sums.check(&String::from_utf8_lossy(&text)).map_err(|(line, what)| wrong(line, what))?
            }
            Err(_) if migrations.is_empty() => {}
            Err(_) => {
                return Err(wrong(
                    None,
                    "checksum file not found; `atlas migrate hash` writes it".to_owned(),
                ));
            }
        }
        migrations.sort_by(|one, other| one.version.as_str().cmp(other.version.as_str()));
        Ok(Bundle { format: self.name(), folder: folder.to_owned(), migrations, unread: Vec::new() })
    }

    fn history(&self) -> &'static History {
        &HISTORY
    }

    fn absent(&self) -> Option<&'static str> {
        Some("it may be in the schema that --revisions-schema names")
    }

    /// A version is what stands before the first `_` of a file's name.
    fn meant(&self, text: &str, _: &[Record]) -> Result<Version, String> {
        let stem = meant::stem(meant::file(text));
        Ok(stem.split_once('_').map_or(stem, |(version, _)| version).into())
    }

    fn applied(&self, bundle: &Bundle, rows: &[Record]) -> Result<Vec<Applied>, String> {
        let mut known: BTreeMap<&str, Applied> = BTreeMap::new();
        for row in rows {
            let version = row.words(0).ok_or("a row has no version")?;
            // `.atlas_cloud_identifier` is no migration's
            if !version.starts_with('.') {
                known.insert(version, revision(version, row)?);
            }
        }
        let first = known.keys().next().copied();
        let newest_checkpoint = bundle.migrations.iter().rev().find(|file| &*file.sql == CHECKPOINT);
        let counts = |file: &Migration| match first {
            // with a beginning, what is before it and every checkpoint is passed over
            Some(first) => file.version.as_str() < first || &*file.sql == CHECKPOINT,
            // a new database begins with the newest checkpoint
            None => newest_checkpoint.is_some_and(|newest| file.version.as_str() < newest.version.as_str()),
        };
        let mut all = Vec::new();
        for file in &bundle.migrations {
            match known.remove(file.version.as_str()) {
                Some(row) => all.push(row),
                None if counts(file) => all.push(Applied {
                    version: file.version.clone(),
                    description: file.description.clone(),
                    checksum: None,
                    success: true,
                }),
                None => {}
            }
        }
        all.extend(known.into_values());
        Ok(all)
    }

    fn failures(&self, rows: &[Record]) -> Vec<(Version, String)> {
        let failure = |row: &Record| {
            let version = row.words(0)?;
            let failed = !revision(version, row).ok()?.success;
            let error = row.words(5).filter(|error| failed && !error.is_empty())?;
            Some((version.into(), error.to_owned()))
        };
        rows.iter().filter_map(failure).collect()
    }

    fn next(&self, _: &Bundle, words: &str, _: i64) -> Next {
        Next::Tool(Some(format!("atlas migrate new {}", snake_words(words))))
    }
}

/// A row: not whole if not all of its statements ran, unless somebody said that it is. Its sum is of all files up to it
/// and says nothing of one.
fn revision(version: &str, row: &Record) -> Result<Applied, String> {
    let number = |index: usize| {
        let words = row.words(index).unwrap_or_default();
        words.parse::<u64>().map_err(|_| format!("the row of {version} has {words:?} for a number"))
    };
    let (kind, applied, total) = (number(2)?, number(3)?, number(4)?);
    let description = row.words(1).unwrap_or_default().replace('_', " ");
    let success = applied == total || kind & RESOLVED != 0;
    Ok(Applied { version: version.into(), description, checksum: None, success })
}

/// What is kept of a checkpoint's text: that it is one.
const CHECKPOINT: &str = "-- atlas:checkpoint";

/// Among the comments at a file's top.
fn is_checkpoint(content: &[u8]) -> bool {
    let text = String::from_utf8_lossy(&content[..content.len().min(4096)]);
    let top = text.lines().take_while(|line| line.starts_with("--"));
    top.into_iter().any(|line| line.contains("atlas:checkpoint"))
}

#[cfg(test)]
mod tests;
