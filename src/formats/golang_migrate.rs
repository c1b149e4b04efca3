//! golang-migrate's format (v4): `<digits>_<name>.up.sql` with its `.down.sql`, and one row in `schema_migrations`: the
//! newest version, and whether it is dirty. Reads files only.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::formats::folder::{Folder, checksum, each, files, has_sql_ending, text};
use crate::formats::marks;
use crate::formats::meant;
use crate::formats::next::{NewFile, Next, digits, file_words, number};
use crate::formats::{
    Arg, Column, Format, FormatError, History, Order, Record, Rules, Sequence, Write, Writer,
};
use crate::model::ids::Version;
use crate::model::migration::{Applied, Bundle, Migration};

/// golang-migrate.
pub struct GolangMigrate;

/// As `database/*` of golang-migrate 4.19 has it. A late file is taken for applied, because its version is below the
/// newest; a newest version without a file is an error.
static HISTORY: History = History {
    table: "schema_migrations",
    schema: None,
    columns: &[Column::words("version"), Column::truth("dirty")],
    order: ("version", Order::Up),
    rules: Rules { out_of_order: true, changed: true, missing: false, sequence: Sequence::Numbers },
};

/// What a `.sql` file's name should look like.
const EXPECTED: &str =
    "expected `<digits>_<description>.up.sql` or `….down.sql`, like `000001_create_users.up.sql`";

/// What its table has, and no other tool's of that name: for those other tools' formats, behind their version.
pub(super) const GOLANG_MIGRATE: Column = Column::foreign("dirty");

/// Whether another tool's rows are not of this one's table, where one version stands for all before it.
///
/// # Errors
/// They are.
pub(super) fn is_not(rows: &[Record]) -> Result<(), String> {
    match rows.iter().any(|row| row.truth(1) == Some(true)) {
        true => Err("it has a column `dirty`, as golang-migrate's has, of which a row stands for all versions up to its own: \
                     take that row's place by one for each, and the column away"
            .to_owned()),
        false => Ok(()),
    }
}

impl Format for GolangMigrate {
    fn name(&self) -> &'static str {
        "golang-migrate"
    }

    fn detect(&self, folder: &Folder) -> Option<String> {
        let mut found = None;
        for (name, _) in folder.files().filter(|(name, _)| has_sql_ending(name)) {
            match parse(name) {
                Some(Name { down: false, .. }) => found = found.or(Some(name)),
                Some(_) => {}
                // it would pass over this one
                None if !digits(name).is_empty() => return None,
                None => {}
            }
        }
        let name = found.filter(|_| marks::found(folder.entries()).is_none())?;
        Some(format!("{name} is named as golang-migrate does it"))
    }

    fn read(&self, folder: &Path) -> Result<Bundle, FormatError> {
        let mut sides = [BTreeMap::new(), BTreeMap::new()];
        // of whatever extension, as the tool reads them
        for (name, path) in files(folder)? {
            let bad =
                |expected: &str| FormatError::BadName { path: path.clone(), expected: expected.to_owned() };
            let Some(parsed) = parse(&name) else {
                if has_sql_ending(&name) {
                    return Err(bad(EXPECTED));
                }
                continue;
            };
            let version: i64 = parsed
                .version
                .parse()
                .map_err(|_| bad("its version is too large; at most 9223372036854775807 fits"))?;
            let description = parsed.description.replace('_', " ");
            let side = &mut sides[usize::from(parsed.down)];
            if let Some((_, _, first)) = side.insert(version, (description, name.clone(), path.clone())) {
                return Err(FormatError::SameVersion { version: version.to_string(), first, second: path });
            }
        }
        let [ups, mut downs] = sides;
        downs.retain(|version, _| !ups.contains_key(version));
        // a version with only a way back is an empty one to the tool
        let empty = downs.into_iter().map(|(version, it)| (version, (it, true)));
        let found: BTreeMap<_, _> =
            empty.chain(ups.into_iter().map(|(version, it)| (version, (it, false)))).collect();
        let found: Vec<_> = found.into_iter().collect();
        let migrations = each(&found, load).into_iter().collect::<Result<_, _>>()?;
        Ok(Bundle { format: "golang-migrate", folder: folder.to_owned(), migrations, unread: Vec::new() })
    }

    fn history(&self) -> &'static History {
        &HISTORY
    }

    fn meant(&self, text: &str, _: &[Record]) -> Result<Version, String> {
        meant::number(text)
    }

    /// One row, and all versions below it are applied.
    fn applied(&self, bundle: &Bundle, rows: &[Record]) -> Result<Vec<Applied>, String> {
        let (version, dirty) = match rows {
            [] => return Ok(Vec::new()),
            [row] => row.words(0).zip(row.truth(1)).ok_or("its row has a null")?,
            rows => {
                return Err(format!(
                    "it has {} rows, where golang-migrate has one: delete all but that of the newest version that is applied",
                    rows.len()
                ));
            }
        };
        let newest: i64 = version.parse().map_err(|_| format!("{version:?} is no version"))?;
        if newest < 0 {
            // after a way back that failed
            return Err(format!(
                "its version is {newest}, which is what a failed `down` of the first one leaves: undo by hand what \
                 is left of that migration, and delete the row"
            ));
        }
        let applied = |version: &Version, success, description: &str| Applied {
            version: version.clone(),
            description: description.to_owned(),
            checksum: None,
            success,
        };
        let number = |migration: &Migration| migration.version.as_str().parse::<i64>();
        let below = bundle.migrations.iter().filter(|it| number(it).is_ok_and(|number| number < newest));
        let mut all: Vec<_> = below.map(|it| applied(&it.version, true, &it.description)).collect();
        all.push(applied(&Version(newest.to_string()), !dirty, ""));
        Ok(all)
    }

    fn writer(&self) -> Option<&'static dyn Writer> {
        Some(&GolangMigrate)
    }

    /// As `migrate create -ext sql` does it: two empty files. Numbers go on as they were.
    fn next(&self, bundle: &Bundle, words: &str, now: i64) -> Next {
        let before: Vec<&str> = bundle.migrations.iter().map(|before| digits(&before.name)).collect();
        let version = number(&before, now);
        if version.parse::<i64>().is_err() {
            return Next::None(format!("no version is after {}", before.last().unwrap_or(&"0")));
        }
        let file = |side: &str| NewFile::new(format!("{version}_{}.{side}.sql", file_words(words)), "");
        Next::Files(vec![file("up"), file("down")])
    }
}

impl Writer for GolangMigrate {
    fn version_column(&self) -> &'static str {
        "version"
    }

    fn key(&self, version: &Version) -> Arg {
        Arg::number(version)
    }

    fn create(&self, engine: &str) -> &'static str {
        match engine {
            "sqlite" => {
                "CREATE TABLE IF NOT EXISTS {table} (version uint64,dirty bool);
CREATE UNIQUE INDEX IF NOT EXISTS version_unique ON {table} (version);"
            }
            "sqlserver" => {
                "IF OBJECT_ID({table text}) IS NULL CREATE TABLE {table} (version BIGINT PRIMARY KEY NOT NULL, dirty BIT NOT NULL)"
            }
            _ => {
                "CREATE TABLE IF NOT EXISTS {table} (version bigint not null primary key, dirty boolean not null)"
            }
        }
    }

    fn applied(&self, migration: &Migration) -> Vec<Write> {
        row(Some(&migration.version), false)
    }

    fn begun(&self, migration: &Migration) -> Vec<Write> {
        row(Some(&migration.version), true)
    }

    fn finished(&self, version: &Version) -> Write {
        Write::new("UPDATE {history} SET dirty = ? WHERE version = ?", [Arg::Truth(false), self.key(version)])
    }

    fn undone(&self, _: &Version, before: Option<&Version>) -> Vec<Write> {
        row(before, false)
    }

    fn no_transaction(&self) -> Option<&'static str> {
        None
    }

    fn only_newest(&self) -> bool {
        true
    }

    fn sends_whole(&self) -> bool {
        true
    }
}

/// The one row, or none.
fn row(version: Option<&Version>, dirty: bool) -> Vec<Write> {
    let mut writes = vec![Write::new("DELETE FROM {history}", [])];
    writes.extend(version.map(|version| {
        let arguments = [Arg::number(version), Arg::Truth(dirty)];
        Write::new("INSERT INTO {history} (version, dirty) VALUES (?, ?)", arguments)
    }));
    writes
}

/// What a file's name says.
#[derive(Debug, PartialEq, Eq)]
struct Name<'a> {
    version: &'a str,
    description: &'a str,
    down: bool,
}

/// The pattern of `source/parse.go`: `^([0-9]+)_(.*)\.(down|up)\.(.*)$`; none = the tool passes over such files.
fn parse(name: &str) -> Option<Name<'_>> {
    let version = Some(digits(name)).filter(|version| !version.is_empty())?;
    let rest = name[version.len()..].strip_prefix('_')?;
    let (at, down) =
        rest.rfind(".up.").map(|at| (at, false)).max(rest.rfind(".down.").map(|at| (at, true)))?;
    Some(Name { version, description: &rest[..at], down })
}

/// A version's file, and whether there is only a way back, which is not read as anything else.
type Found = (i64, ((String, String, PathBuf), bool));

fn load((version, ((description, name, path), empty)): &Found) -> Result<Migration, FormatError> {
    let whole = text(path)?;
    Ok(Migration {
        version: Version(version.to_string()),
        name: name.clone(),
        description: description.clone(),
        path: path.clone(),
        checksum: checksum(whole.as_bytes()),
        sql: if *empty { Arc::from("") } else { whole.into() },
        transactional: true,
        follows: Vec::new(),
    })
}

#[cfg(test)]
mod tests;
