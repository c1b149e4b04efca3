//! goose's format (v3): `<digits>_<name>.sql` with `-- +goose Up`, and `goose_db_version`. Reads files only, and refuses
//! what goose refuses. Go migrations are known by their names: whether they are applied is in the table.

mod script;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::formats::folder::{Folder, checksum, each, files, has_sql_ending, only, text};
use crate::formats::marks;
use crate::formats::meant;
use crate::formats::next::{NewFile, Next, digits, number, snake_words};
use crate::formats::{
    Arg, Column, Format, FormatError, History, Order, Record, Rules, Sequence, Write, Writer,
};
use crate::model::ids::Version;
use crate::model::migration::{Applied, Bundle, Migration};

/// goose.
pub struct Goose;

/// As `internal/dialects` of goose 3.27 has it. Without `-allow-missing` it refuses late files; it asks after no others.
static HISTORY: History = History {
    table: "goose_db_version",
    schema: None,
    // the last is not read but written, as the others
    columns: &[Column::words("version_id"), Column::truth("is_applied"), Column::is_set("tstamp")],
    order: ("id", Order::Up),
    rules: Rules { out_of_order: false, changed: true, missing: true, sequence: Sequence::Numbers },
};

/// What a file's name should look like.
const EXPECTED: &str =
    "expected `<digits>_<description>.sql` from version 1 on, like `00001_create_users.sql`";

/// What `goose create NAME sql` writes.
const TEMPLATE: &str = "-- +goose Up
SELECT 'up SQL query';

-- +goose Down
SELECT 'down SQL query';
";

impl Format for Goose {
    fn name(&self) -> &'static str {
        "goose"
    }

    fn detect(&self, folder: &Folder) -> Option<String> {
        marks::of("goose", folder.entries())
    }

    fn read(&self, folder: &Path) -> Result<Bundle, FormatError> {
        let mut found: BTreeMap<i64, (String, PathBuf)> = BTreeMap::new();
        for (name, path) in files(folder)? {
            let go = is_go(&name) && !name.ends_with("_test.go");
            if !(go || has_sql_ending(&name)) {
                continue;
            }
            let Some(version) = version(&name).filter(|_| go || name.ends_with(".sql")) else {
                // helpers of the Go migrations
                if go {
                    continue;
                }
                return Err(FormatError::BadName { path, expected: EXPECTED.to_owned() });
            };
            if let Some((_, first)) = found.insert(version, (name, path.clone())) {
                return Err(FormatError::SameVersion { version: version.to_string(), first, second: path });
            }
        }
        let found: Vec<_> = found.into_iter().collect();
        let load = |(version, (name, path)): &(i64, (String, PathBuf))| load(*version, name, path);
        let migrations = each(&found, load).into_iter().collect::<Result<_, _>>()?;
        Ok(Bundle { format: "goose", folder: folder.to_owned(), migrations, unread: Vec::new() })
    }

    fn history(&self) -> &'static History {
        &HISTORY
    }

    fn meant(&self, text: &str, _: &[Record]) -> Result<Version, String> {
        let version = meant::number(text)?;
        match version.as_str() {
            // the row of the table itself
            "0" => Err("expected a number from 1 on: goose's begin there".to_owned()),
            _ => Ok(version),
        }
    }

    /// The newest row of a version counts. goose's own `up` takes a version for applied whatever its row says, its
    /// `status` does not: where that makes a difference, nobody can tell. Where there is no file it makes none.
    fn applied(&self, bundle: &Bundle, rows: &[Record]) -> Result<Vec<Applied>, String> {
        let mut states: BTreeMap<i64, (bool, bool)> = BTreeMap::new();
        for row in rows {
            let (version, applied) = row.words(0).zip(row.truth(1)).ok_or("a row has a null")?;
            let version: i64 = version.parse().map_err(|_| format!("{version:?} is no version"))?;
            let number = version.checked_abs().ok_or("a version is too small")?;
            states.insert(number, (version < 0, applied));
        }
        // the row of the table itself
        states.remove(&0);
        let here: BTreeSet<&str> = bundle.migrations.iter().map(|it| it.version.as_str()).collect();
        states
            .retain(|version, state| *state != (false, false) || here.contains(version.to_string().as_str()));
        let applied = states.into_iter().map(|(version, state)| match state {
            (begun, applied) if begun != applied => Ok(Applied {
                version: Version(version.to_string()),
                description: String::new(),
                checksum: None,
                success: applied,
            }),
            (true, _) => Err(format!("it has the version -{version}, and says that it is applied")),
            (false, _) => Err(format!(
                "it says that {version} was applied and taken back (is_applied is false): goose's `up` passes over it, its \
                 `status` calls it pending; delete that row to have it applied"
            )),
        });
        applied.collect()
    }

    fn writer(&self) -> Option<&'static dyn Writer> {
        Some(&Goose)
    }

    fn beyond_us(&self, bundle: &Bundle) -> Result<(), FormatError> {
        match bundle.migrations.iter().find(|migration| is_go(&migration.name)) {
            None => Ok(()),
            Some(go) => Err(FormatError::Unsupported {
                path: go.path.clone(),
                line: None,
                what: "it is a Go migration, which only a program that has it built in can apply".to_owned(),
            }),
        }
    }

    /// As `goose create NAME sql` does it, or `goose -s create` where numbers are counted.
    fn next(&self, bundle: &Bundle, words: &str, now: i64) -> Next {
        let before: Vec<&str> = bundle.migrations.iter().map(|before| digits(&before.name)).collect();
        let version = number(&before, now);
        if version.parse::<i64>().is_err() {
            return Next::None(format!("no version is after {}", before.last().unwrap_or(&"0")));
        }
        Next::Files(vec![NewFile::new(format!("{version}_{}.sql", snake_words(words)), TEMPLATE)])
    }
}

impl Writer for Goose {
    fn version_column(&self) -> &'static str {
        "version_id"
    }

    fn key(&self, version: &Version) -> Arg {
        Arg::number(version)
    }

    fn create(&self, engine: &str) -> &'static str {
        match engine {
            "postgres" => {
                "CREATE TABLE IF NOT EXISTS {table} (
    id integer PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,
    version_id bigint NOT NULL,
    is_applied boolean NOT NULL,
    tstamp timestamp NOT NULL DEFAULT now()
);
INSERT INTO {table} (version_id, is_applied) SELECT 0, true WHERE NOT EXISTS (SELECT 1 FROM {table});"
            }
            "sqlite" => {
                "CREATE TABLE IF NOT EXISTS {table} (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    version_id INTEGER NOT NULL,
    is_applied INTEGER NOT NULL,
    tstamp TIMESTAMP DEFAULT (datetime('now'))
);
INSERT INTO {table} (version_id, is_applied) SELECT 0, 1 WHERE NOT EXISTS (SELECT 1 FROM {table});"
            }
            "sqlserver" => {
                "IF OBJECT_ID({table text}) IS NULL CREATE TABLE {table} (
    id INT NOT NULL IDENTITY(1,1) PRIMARY KEY,
    version_id BIGINT NOT NULL,
    is_applied BIT NOT NULL,
    tstamp DATETIME NULL DEFAULT CURRENT_TIMESTAMP
);
INSERT INTO {table} (version_id, is_applied) SELECT 0, 1 WHERE NOT EXISTS (SELECT 1 FROM {table});"
            }
            _ => {
                "CREATE TABLE IF NOT EXISTS {table} (
    id bigint(20) unsigned NOT NULL AUTO_INCREMENT,
    version_id bigint NOT NULL,
    is_applied boolean NOT NULL,
    tstamp timestamp NULL default now(),
    PRIMARY KEY(id)
);
INSERT INTO {table} (version_id, is_applied) SELECT 0, true FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM {table});"
            }
        }
    }

    fn applied(&self, migration: &Migration) -> Vec<Write> {
        vec![insert(self.key(&migration.version), true)]
    }

    /// goose asks for versions of files, which are above 0, and for the highest and the newest that is applied.
    fn begun(&self, migration: &Migration) -> Vec<Write> {
        vec![insert(begun(&migration.version), false)]
    }

    fn finished(&self, version: &Version) -> Write {
        Write::new(
            "UPDATE {history} SET version_id = ?, is_applied = ?, tstamp = CURRENT_TIMESTAMP WHERE version_id = ?",
            [self.key(version), Arg::Truth(true), begun(version)],
        )
    }

    fn undone(&self, version: &Version, _: Option<&Version>) -> Vec<Write> {
        let both = [self.key(version), begun(version)];
        vec![Write::new("DELETE FROM {history} WHERE version_id IN (?, ?)", both)]
    }

    fn no_transaction(&self) -> Option<&'static str> {
        Some("add the line `-- +goose NO TRANSACTION`")
    }

    fn messages(&self, script: &str) -> Option<Vec<usize>> {
        Some(script::ends(script))
    }
}

fn insert(version: Arg, applied: bool) -> Write {
    Write::new("INSERT INTO {history} (version_id, is_applied) VALUES (?, ?)", [version, Arg::Truth(applied)])
}

/// A script that has begun, outside of a transaction: the version below zero.
fn begun(version: &Version) -> Arg {
    Arg::number(&Version(format!("-{version}")))
}

fn is_go(name: &str) -> bool {
    name.ends_with(".go")
}

/// The number in front of the first `_`; goose's begin at 1.
fn version(name: &str) -> Option<i64> {
    let (number, _) = name.split_once('_')?;
    // Go's own parser takes a sign, which goose never writes
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse().ok().filter(|version| digits && *version > 0)
}

fn load(version: i64, name: &str, path: &Path) -> Result<Migration, FormatError> {
    let whole = text(path)?;
    let (sql, transactional): (Arc<str>, _) = if is_go(name) {
        (Arc::from(""), true)
    } else {
        let up = script::parse(&whole).map_err(|(line, what)| FormatError::Unsupported {
            path: path.to_owned(),
            line,
            what: marks::or_of_another(what, "goose", &whole),
        })?;
        (only(&whole, &up.part).into(), up.transactional)
    };
    let (_, words) = name.rsplit_once('.').map_or(name, |(stem, _)| stem).split_once('_').unwrap_or_default();
    Ok(Migration {
        version: Version(version.to_string()),
        description: words.replace('_', " "),
        checksum: checksum(whole.as_bytes()),
        sql,
        transactional,
        name: name.to_owned(),
        path: path.to_owned(),
        follows: Vec::new(),
    })
}

#[cfg(test)]
mod tests;
