//! sqlx's own format, bit-compatible with sqlx-cli 0.9: `NNNN_name.sql`, `NNNN_name.up.sql` with its `.down.sql`,
//! `_sqlx_migrations`. Reads files only; stricter than sqlx where sqlx would skip or guess.

mod config;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha384};

use crate::formats::folder::{Folder, each, files, has_sql_ending, text};
use crate::formats::marks;
use crate::formats::meant;
use crate::formats::next::{NewFile, Next, digits, file_words, number};
use crate::formats::{
    Arg, Column, Format, FormatError, History, Order, Record, Rules, Sequence, Write, Writer,
};
use crate::model::ids::Version;
use crate::model::migration::{Applied, Bundle, Migration, Unread};

/// The native format.
pub struct Sqlx;

/// Columns and rules as in sqlx-core 0.9 (`migrate/migrator.rs`) and each driver's `migrate.rs`.
static HISTORY: History = History {
    table: "_sqlx_migrations",
    schema: None,
    columns: &[
        Column::words("version"),
        Column::words("description"),
        Column::truth("success"),
        Column::bytes("checksum"),
        // not read but written, as the others
        Column::is_set("execution_time"),
    ],
    order: ("version", Order::Up),
    rules: Rules { out_of_order: true, changed: false, missing: false, sequence: Sequence::Numbers },
};

/// What a `.sql` file's name should look like.
const EXPECTED: &str = "expected `<digits>_<description>.sql`, like `0001_create_users.sql`";

/// Files that people leave in a folder that is still empty of migrations.
const HARMLESS: [&str; 3] = ["md", "txt", ""];

impl Format for Sqlx {
    fn name(&self) -> &'static str {
        "sqlx"
    }

    fn detect(&self, folder: &Folder) -> Option<String> {
        let entries = folder.entries();
        // another tool's script would be applied with its way back in it
        if marks::found(entries).is_some() {
            return None;
        }
        // a broken link may have been a file, and reading it says so
        let is_file = |path: &Path| path.is_file() || !path.exists();
        if let Some((name, _)) = entries.iter().find(|(name, path)| is_ours(name) && is_file(path)) {
            return Some(format!("{name} is named as sqlx does it"));
        }
        // a folder full of another tool's files is not empty: leading from it would be a run that does nothing
        let empty = entries.iter().all(|(_, path)| is_harmless(path) && !path.is_dir());
        empty.then(|| "an empty folder".to_owned())
    }

    fn read(&self, folder: &Path) -> Result<Bundle, FormatError> {
        let mut ups = BTreeMap::new();
        let mut downs = BTreeMap::new();
        // sqlx ignores folders and pipes as well, even if they are called like migrations; broken links it refuses
        for (name, path) in files(folder)? {
            let Some(parsed) = parse(&name, &path)? else { continue };
            let side = if parsed.down { &mut downs } else { &mut ups };
            if let Some((_, _, first)) = side.insert(parsed.version, (parsed.description, name, path.clone()))
            {
                return Err(FormatError::SameVersion {
                    version: parsed.version.to_string(),
                    first,
                    second: path,
                });
            }
        }
        if let Some((_, (_, name, path))) = downs.into_iter().find(|(version, _)| !ups.contains_key(version))
        {
            let up = name.trim_end_matches(".down.sql");
            let expected =
                format!("it undoes a migration that is not there; expected `{up}.up.sql` beside it");
            return Err(FormatError::BadName { path, expected });
        }
        let ups: Vec<_> = ups.into_iter().collect();
        let load = |(version, (description, name, path)): &(i64, (String, String, PathBuf))| {
            load(*version, description, name, path)
        };
        let migrations = each(&ups, load).into_iter().collect::<Result<_, _>>()?;
        let otherwise = config::otherwise(folder).into_iter();
        let unread = |it: config::Otherwise| Unread { name: it.name(), checksum: Vec::new(), why: it.why };
        let unread = otherwise.map(unread).collect();
        Ok(Bundle { format: self.name(), folder: folder.to_owned(), migrations, unread })
    }

    fn history(&self) -> &'static History {
        &HISTORY
    }

    fn meant(&self, text: &str, _: &[Record]) -> Result<Version, String> {
        meant::number(text)
    }

    fn applied(&self, _: &Bundle, rows: &[Record]) -> Result<Vec<Applied>, String> {
        let applied = |row: &Record| {
            Some(Applied {
                version: row.words(0)?.into(),
                description: row.words(1).unwrap_or_default().to_owned(),
                success: row.truth(2)?,
                checksum: row.bytes(3).map(<[u8]>::to_vec),
            })
        };
        Ok(rows.iter().filter_map(applied).collect())
    }

    fn writer(&self) -> Option<&'static dyn Writer> {
        Some(&Sqlx)
    }

    fn beyond_us(&self, bundle: &Bundle) -> Result<(), FormatError> {
        match config::otherwise(&bundle.folder).filter(|_| bundle.has_files()) {
            None => Ok(()),
            Some(it) => Err(FormatError::Unsupported { path: it.path, line: it.line, what: it.why }),
        }
    }

    /// As `sqlx migrate add` does it: numbers go on as they were, and pairs stay pairs.
    fn next(&self, bundle: &Bundle, words: &str, now: i64) -> Next {
        let before: Vec<&str> = bundle.migrations.iter().map(|before| digits(&before.name)).collect();
        let version = number(&before, now);
        if version.parse::<i64>().is_err() {
            return Next::None(format!("no version is after {}", before.last().unwrap_or(&"0")));
        }
        let name = format!("{version}_{}", file_words(words));
        // a first line that begins with `-- no-transaction` would mean something
        let file = |ending: &str, says: &str| {
            NewFile::new(format!("{name}{ending}"), format!("-- {says}: {}\n\n", words.trim()))
        };
        Next::Files(match bundle.migrations.last() {
            Some(last) if last.name.ends_with(".up.sql") => {
                vec![file(".up.sql", "Migration"), file(".down.sql", "Undoes")]
            }
            _ => vec![file(".sql", "Migration")],
        })
    }
}

impl Writer for Sqlx {
    fn version_column(&self) -> &'static str {
        "version"
    }

    fn key(&self, version: &Version) -> Arg {
        Arg::number(version)
    }

    fn create(&self, engine: &str) -> &'static str {
        create(engine)
    }

    fn applied(&self, migration: &Migration) -> Vec<Write> {
        vec![insert(migration, true)]
    }

    fn begun(&self, migration: &Migration) -> Vec<Write> {
        vec![insert(migration, false)]
    }

    fn finished(&self, version: &Version) -> Write {
        Write::new(
            "UPDATE {history} SET success = ?, execution_time = {elapsed} WHERE version = ?",
            [Arg::Truth(true), self.key(version)],
        )
    }

    fn undone(&self, version: &Version, _: Option<&Version>) -> Vec<Write> {
        vec![Write::new("DELETE FROM {history} WHERE version = ?", [self.key(version)])]
    }

    fn no_transaction(&self) -> Option<&'static str> {
        Some("make `-- no-transaction` the first line")
    }
}

fn insert(migration: &Migration, success: bool) -> Write {
    Write::new(
        "INSERT INTO {history} (version, description, success, checksum, execution_time) \
         VALUES (?, ?, ?, ?, {elapsed})",
        [
            Arg::number(&migration.version),
            Arg::Words(migration.description.clone()),
            Arg::Truth(success),
            Arg::Bytes(migration.checksum.clone()),
        ],
    )
}

/// What a file's name says.
#[derive(Debug, PartialEq, Eq)]
struct Name {
    version: i64,
    description: String,
    down: bool,
}

/// A name's meaning; none = sqlx ignores such files and nobody meant it otherwise.
fn parse(name: &str, path: &Path) -> Result<Option<Name>, FormatError> {
    let bad = |expected: &str| FormatError::BadName { path: path.to_owned(), expected: expected.to_owned() };
    if !has_sql_ending(name) {
        return Ok(None);
    }
    if !name.ends_with(".sql") {
        return Err(bad("sqlx reads only names that end in a lower-case `.sql`"));
    }
    let (number, rest) = name.split_once('_').ok_or_else(|| bad(EXPECTED))?;
    // i64's own parser takes a sign, which sqlx-cli never writes
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(bad(EXPECTED));
    }
    let version =
        number.parse().map_err(|_| bad("its version is too large; at most 9223372036854775807 fits"))?;
    let (suffix, down) = if rest.ends_with(".up.sql") {
        (".up.sql", false)
    } else if rest.ends_with(".down.sql") {
        (".down.sql", true)
    } else {
        (".sql", false)
    };
    let description = rest.trim_end_matches(suffix).replace('_', " ");
    Ok(Some(Name { version, description, down }))
}

fn is_ours(name: &str) -> bool {
    let digits = name.bytes().take_while(u8::is_ascii_digit).count();
    digits > 0 && name[digits..].starts_with('_') && name.ends_with(".sql")
}

fn is_harmless(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
    HARMLESS.contains(&ending.as_str())
}

fn load(version: i64, description: &str, name: &str, path: &Path) -> Result<Migration, FormatError> {
    let sql = text(path)?;
    if let Some((line, mark)) = marks::way_back(&sql) {
        let what = format!(
            "`{mark}` begins another tool's way back, and sqlx would run it as well; is `format: sqlx` right?"
        );
        return Err(FormatError::Unsupported { path: path.to_owned(), line: Some(line), what });
    }
    Ok(Migration {
        version: Version(version.to_string()),
        name: name.to_owned(),
        description: description.to_owned(),
        path: path.to_owned(),
        checksum: Sha384::digest(&sql).to_vec(),
        transactional: !sql.starts_with("-- no-transaction"),
        sql: sql.into(),
        follows: Vec::new(),
    })
}

/// The table as each driver's `ensure_migrations_table` makes it; SQL Server, for which sqlx has no driver, by analogy.
fn create(engine: &str) -> &'static str {
    match engine {
        "postgres" => {
            "CREATE TABLE IF NOT EXISTS {table} (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMPTZ NOT NULL DEFAULT now(),
    success BOOLEAN NOT NULL,
    checksum BYTEA NOT NULL,
    execution_time BIGINT NOT NULL
)"
        }
        "sqlserver" => {
            "IF OBJECT_ID({table text}) IS NULL CREATE TABLE {table} (
    version BIGINT PRIMARY KEY,
    description NVARCHAR(MAX) NOT NULL,
    installed_on DATETIMEOFFSET NOT NULL DEFAULT SYSDATETIMEOFFSET(),
    success BIT NOT NULL,
    checksum VARBINARY(MAX) NOT NULL,
    execution_time BIGINT NOT NULL
)"
        }
        _ => {
            "CREATE TABLE IF NOT EXISTS {table} (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
)"
        }
    }
}

#[cfg(test)]
mod tests;
