//! Prisma's folders of one `migration.sql` each and its `_prisma_migrations`, checked only: `prisma migrate deploy`, as a
//! wrapped command, applies them.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::formats::folder::{Folder, each, own_folders, text};
use crate::formats::meant;
use crate::formats::next::{Next, digits, snake_words};
use crate::formats::{Column, Format, FormatError, History, Order, Record, Rules, Sequence};
use crate::model::ids::{Version, hex};
use crate::model::migration::{Applied, Bundle, Migration, Unread};

/// Prisma Migrate.
pub struct Prisma;

/// Columns and rules as in prisma-engines (`sql_migration_persistence.rs`, `apply_migrations.rs`): `migrate deploy` runs
/// whatever has no row that stands, says what was changed since, and does not look for vanished files; a failed row stops
/// it.
static HISTORY: History = History {
    table: "_prisma_migrations",
    schema: None,
    columns: &[
        Column::words("migration_name"),
        Column::words("checksum"),
        Column::is_set("finished_at"),
        Column::is_set("rolled_back_at"),
        Column::words("logs"),
    ],
    order: ("started_at", Order::Up),
    rules: Rules { sequence: Sequence::LETTERS, ..Rules::LENIENT },
};

/// The file in a migration's folder.
const SCRIPT: &str = "migration.sql";

/// What stands beside the folders, and tells which kind of database they are for.
const LOCK: &str = "migration_lock.toml";

impl Format for Prisma {
    fn name(&self) -> &'static str {
        "prisma"
    }

    fn detect(&self, folder: &Folder) -> Option<String> {
        if folder.path.join(LOCK).is_file() {
            return Some(format!("{LOCK} is Prisma's"));
        }
        // Drizzle's folders hold a script of this name and a snapshot
        let is_ours = |path: &Path| path.join(SCRIPT).is_file() && !path.join("snapshot.json").exists();
        let (name, _) = folder.folders().find(|(_, path)| is_ours(path))?;
        Some(format!("{name}/{SCRIPT} is where Prisma has it"))
    }

    fn read(&self, folder: &Path) -> Result<Bundle, FormatError> {
        let mut bundle = Bundle {
            format: self.name(),
            folder: folder.to_owned(),
            migrations: Vec::new(),
            unread: Vec::new(),
        };
        for migration in each(&own_folders(folder)?, |(name, path)| migration(name, &path.join(SCRIPT))) {
            match migration {
                Ok(migration) => bundle.migrations.push(migration?),
                Err(unread) => bundle.unread.push(unread),
            }
        }
        Ok(bundle)
    }

    fn history(&self) -> &'static History {
        &HISTORY
    }

    fn meant(&self, text: &str, rows: &[Record]) -> Result<Version, String> {
        let text = text.strip_suffix(&format!("/{SCRIPT}")).unwrap_or(text);
        let names = rows.iter().filter_map(|row| row.words(0));
        Ok(meant::recorded(text, names)?.unwrap_or_else(|| meant::file(text).into()))
    }

    /// Of one name there may be several rows. Those that were rolled back count for nothing; one that is not finished
    /// stops Prisma, whatever the others say.
    fn applied(&self, bundle: &Bundle, rows: &[Record]) -> Result<Vec<Applied>, String> {
        let files: HashMap<&str, &Migration> =
            bundle.migrations.iter().map(|it| (it.name.as_str(), it)).collect();
        let mut applied: Vec<Applied> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for row in standing(rows) {
            let Some(name) = row.words(0) else { continue };
            let recorded = row.words(1).unwrap_or_default();
            let now = Applied {
                version: Version(name.to_owned()),
                description: String::new(),
                checksum: Some(match files.get(name) {
                    Some(file) if is_of(recorded, file) => file.checksum.clone(),
                    _ => recorded.as_bytes().to_vec(),
                }),
                success: is_finished(row),
            };
            match places.get(name).and_then(|place| applied.get_mut(*place)) {
                Some(before) => *before = Applied { success: before.success && now.success, ..now },
                None => {
                    places.insert(name, applied.len());
                    applied.push(now);
                }
            }
        }
        Ok(applied)
    }

    fn failures(&self, rows: &[Record]) -> Vec<(Version, String)> {
        let failed = standing(rows).filter(|row| !is_finished(row));
        let words = failed.filter_map(|row| Some((row.words(0)?, without_trace(row.words(4)?))));
        words
            .filter(|(_, logs)| !logs.is_empty())
            .map(|(name, logs)| (name.into(), logs.to_owned()))
            .collect()
    }

    fn next(&self, _: &Bundle, words: &str, _: i64) -> Next {
        Next::Tool(Some(format!("npx prisma migrate dev --create-only --name {}", snake_words(words))))
    }
}

/// The rows that nobody has rolled back.
fn standing(rows: &[Record]) -> impl Iterator<Item = &Record> {
    rows.iter().filter(|row| row.truth(3) != Some(true))
}

/// A failure's words without where in Prisma's own source it was: `   0: sql_schema_connector::…` and what follows.
fn without_trace(logs: &str) -> &str {
    logs.split("\n   0: ").next().unwrap_or(logs).trim()
}

fn is_finished(row: &Record) -> bool {
    row.truth(2) == Some(true)
}

fn migration(name: &str, script: &Path) -> Result<Result<Migration, FormatError>, Unread> {
    if !script.is_file() {
        let why = format!(
            "is a folder without {SCRIPT}, at which Prisma stops: restore the file, or delete the folder"
        );
        return Err(Unread { name: name.to_owned(), checksum: Vec::new(), why });
    }
    Ok(text(script).map(|sql| of(name, script, sql)))
}

fn of(name: &str, script: &Path, sql: String) -> Migration {
    let description = name[digits(name).len()..].trim_start_matches('_').replace('_', " ");
    let checksum = Sha256::digest(&sql).to_vec();
    let migration =
        Migration::of_tool(Version(name.to_owned()), name.to_owned(), script.to_owned(), checksum);
    Migration { description, sql: sql.into(), ..migration }
}

/// Whether a recorded checksum is this file's, as Prisma compares them: line endings do not count, and early versions
/// wrote bytes below 16 as one digit (`checksum.rs`).
fn is_of(recorded: &str, file: &Migration) -> bool {
    let is =
        |checksum: &[u8]| recorded == if recorded.len() == 64 { hex(checksum) } else { unpadded(checksum) };
    let with = |text: String| is(&Sha256::digest(text));
    is(&file.checksum) || with(file.sql.replace("\r\n", "\n")) || with(file.sql.replace('\n', "\r\n"))
}

fn unpadded(checksum: &[u8]) -> String {
    checksum.iter().fold(String::new(), |mut text, byte| {
        // writing into a string cannot fail
        let _ = write!(text, "{byte:x}");
        text
    })
}

#[cfg(test)]
mod tests;
