//! dbmate's format (2.x): `<digits>_<name>.sql` with `-- migrate:up` and `-- migrate:down`, `schema_migrations`. Reads files
//! only, and refuses what dbmate refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::formats::folder::{Folder, checksum, each, files, has_sql_ending, lines, only, text};
use crate::formats::golang_migrate::{self, GOLANG_MIGRATE};
use crate::formats::marks::{self, directive};
use crate::formats::meant;
use crate::formats::next::{NewFile, Next, digits, file_words, number, timestamp};
use crate::formats::{Arg, Column, Format, FormatError, History, Order, Record, Rules, Write, Writer};
use crate::model::ids::Version;
use crate::model::migration::{Applied, Bundle, Migration};

/// dbmate.
pub struct Dbmate;

/// As `pkg/driver/*` of dbmate 2.35 has it. It applies late files (without `--strict`), and asks after no others.
static HISTORY: History = History {
    table: "schema_migrations",
    schema: None,
    columns: &[Column::words("version"), GOLANG_MIGRATE],
    order: ("version", Order::Up),
    rules: Rules::LENIENT,
};

/// What a `.sql` file's name should look like.
const EXPECTED: &str = "expected `<digits>_<description>.sql`, like `20240301120000_create_users.sql`";

/// A script that has begun, outside of a transaction: no file has such a version, so that to dbmate it is pending.
const BEGUN: &str = " begun by bellwether";

impl Format for Dbmate {
    fn name(&self) -> &'static str {
        "dbmate"
    }

    fn detect(&self, folder: &Folder) -> Option<String> {
        marks::of("dbmate", folder.entries())
    }

    fn read(&self, folder: &Path) -> Result<Bundle, FormatError> {
        let mut found = Vec::new();
        // dbmate has `1` and `01` for two versions, and nobody means it so
        let mut seen: BTreeMap<String, PathBuf> = BTreeMap::new();
        // in the order of their names, as dbmate applies them
        for (name, path) in files(folder)? {
            if !has_sql_ending(&name) {
                continue;
            }
            let version = digits(&name);
            if version.is_empty() || !name.ends_with(".sql") {
                return Err(FormatError::BadName { path, expected: EXPECTED.to_owned() });
            }
            if let Some(first) = seen.insert(number_of(version).to_owned(), path.clone()) {
                return Err(FormatError::SameVersion { version: version.to_owned(), first, second: path });
            }
            found.push((version.to_owned(), name, path));
        }
        let load = |(version, name, path): &(String, String, PathBuf)| load(version, name, path);
        let migrations = each(&found, load).into_iter().collect::<Result<_, _>>()?;
        Ok(Bundle { format: "dbmate", folder: folder.to_owned(), migrations, unread: Vec::new() })
    }

    fn history(&self) -> &'static History {
        &HISTORY
    }

    fn meant(&self, text: &str, _: &[Record]) -> Result<Version, String> {
        meant::number(text)
    }

    fn applied(&self, bundle: &Bundle, rows: &[Record]) -> Result<Vec<Applied>, String> {
        let mut whole: BTreeMap<&str, bool> = BTreeMap::new();
        golang_migrate::is_not(rows)?;
        for row in rows {
            let recorded = row.words(0).ok_or("a version is null")?;
            // of a column that is filled up, or by hand: to dbmate it is another one than the file's
            if recorded.is_empty() || recorded.trim() != recorded {
                return Err(format!("{recorded:?} is no version"));
            }
            let (version, is_whole) = match recorded.strip_suffix(BEGUN) {
                Some(version) => (version, false),
                None => (recorded, true),
            };
            *whole.entry(version).or_default() |= is_whole;
        }
        // of a number alone nobody knows how many zeros its file has
        let files = bundle.migrations.iter().filter(|ours| !ours.is_named_only());
        let ours: BTreeSet<&str> = files.map(|ours| ours.version.as_str()).collect();
        let by_number: BTreeMap<&str, &str> = ours.iter().map(|ours| (number_of(ours), *ours)).collect();
        let applied = whole.into_iter().map(|(version, success)| match by_number.get(number_of(version)) {
            Some(file) if *file != version => Err(format!(
                "it has {version}, and the file's name says {file}: dbmate takes these for two migrations; \
                 rename the file, or correct the row"
            )),
            _ => Ok(Applied { version: version.into(), description: String::new(), checksum: None, success }),
        });
        applied.collect()
    }

    /// `pkg/driver`: ClickHouse, MySQL, PostgreSQL, SQLite.
    fn lacks_driver(&self, engine: &str) -> bool {
        engine == "sqlserver"
    }

    fn writer(&self) -> Option<&'static dyn Writer> {
        Some(&Dbmate)
    }

    /// As `dbmate new` does it, but counted numbers are counted on.
    fn next(&self, bundle: &Bundle, words: &str, now: i64) -> Next {
        let before: Vec<&str> = bundle.migrations.iter().map(|before| before.version.as_str()).collect();
        let last = bundle.migrations.last().map(|last| last.name.as_str()).unwrap_or_default();
        let name = |version: String| format!("{version}_{}.sql", file_words(words));
        // dbmate sorts names, and 10 comes before 9
        match [name(number(&before, now)), name(timestamp(now))].into_iter().find(|name| name.as_str() > last)
        {
            Some(name) => Next::Files(vec![NewFile::new(name, "-- migrate:up\n\n\n-- migrate:down\n\n")]),
            None => Next::None(format!("dbmate sorts by names, and no number comes after {last}")),
        }
    }
}

impl Writer for Dbmate {
    fn version_column(&self) -> &'static str {
        "version"
    }

    fn key(&self, version: &Version) -> Arg {
        Arg::Words(version.0.clone())
    }

    fn create(&self, engine: &str) -> &'static str {
        match engine {
            "postgres" => "create table if not exists {table} (version varchar primary key)",
            _ => "create table if not exists {table} (version varchar(128) primary key)",
        }
    }

    fn applied(&self, migration: &Migration) -> Vec<Write> {
        vec![insert(self.key(&migration.version))]
    }

    fn begun(&self, migration: &Migration) -> Vec<Write> {
        vec![insert(begun(&migration.version))]
    }

    fn finished(&self, version: &Version) -> Write {
        Write::new("UPDATE {history} SET version = ? WHERE version = ?", [self.key(version), begun(version)])
    }

    fn undone(&self, version: &Version, _: Option<&Version>) -> Vec<Write> {
        let both = [self.key(version), begun(version)];
        vec![Write::new("DELETE FROM {history} WHERE version IN (?, ?)", both)]
    }

    fn no_transaction(&self) -> Option<&'static str> {
        Some("write `-- migrate:up transaction:false`")
    }
}

fn insert(version: Arg) -> Write {
    Write::new("INSERT INTO {history} (version) VALUES (?)", [version])
}

fn begun(version: &Version) -> Arg {
    Arg::Words(format!("{version}{BEGUN}"))
}

/// Without the zeros that change nothing.
fn number_of(version: &str) -> &str {
    version.trim_start_matches('0')
}

fn load(version: &str, name: &str, path: &Path) -> Result<Migration, FormatError> {
    let whole = text(path)?;
    let up = parse(&whole).map_err(|(line, what)| FormatError::Unsupported {
        path: path.to_owned(),
        line,
        what: marks::or_of_another(what, "dbmate", &whole),
    })?;
    let words = name[version.len()..].trim_end_matches(".sql");
    Ok(Migration {
        description: words.trim_start_matches(['_', '-', '.']).replace('_', " "),
        checksum: checksum(whole.as_bytes()),
        sql: only(&whole, &up.part).into(),
        transactional: up.transactional,
        version: Version(version.to_owned()),
        name: name.to_owned(),
        path: path.to_owned(),
        follows: Vec::new(),
    })
}

/// A script's `up` block.
#[derive(Debug, PartialEq, Eq)]
struct Up {
    /// Between the line that opens it and the `down` block, bytes.
    part: Range<usize>,
    transactional: bool,
}

/// What is wrong with a script, and in which line.
type Wrong = (Option<usize>, &'static str);

/// The rules of `pkg/dbmate/migration.go`.
fn parse(text: &str) -> Result<Up, Wrong> {
    let mut up: Option<Up> = None;
    let mut down = None;
    for (begin, number, line) in lines(text) {
        let wrong = |what| Err((Some(number), what));
        let comment = line.strip_prefix("--").map(str::trim_start);
        if let Some(options) = comment.and_then(|comment| directive(comment, "migrate:up")) {
            if up.is_some() {
                return wrong("it has a second `-- migrate:up`, and dbmate records a version once");
            }
            if down.is_some() {
                return wrong("`-- migrate:down` stands before `-- migrate:up`");
            }
            let transactional = transactional(options).map_err(|what| (Some(number), what))?;
            let after = text[begin..].find('\n').map_or(text.len(), |end| begin + end + 1);
            up = Some(Up { part: after..text.len(), transactional });
        } else if comment.is_some_and(|comment| directive(comment, "migrate:down").is_some()) {
            if down.is_some() {
                return wrong("it has a second `-- migrate:down`");
            }
            down = Some(begin);
        } else if up.is_none()
            && down.is_none()
            && !line.trim().is_empty()
            && !line.trim_start().starts_with("--")
        {
            return wrong(match line.starts_with('\u{feff}') {
                true => {
                    "it begins with a byte order mark, behind which dbmate sees no comment: save it without"
                }
                false => "nothing but comments may stand before `-- migrate:up`",
            });
        }
    }
    let up = up.ok_or((None, "it has no `-- migrate:up`"))?;
    let end = down.ok_or((None, "it has no `-- migrate:down`, without which dbmate refuses it"))?;
    Ok(Up { part: up.part.start..end, ..up })
}

/// What stands behind `migrate:up`. dbmate passes over an option that it does not know, misspelt ones too.
fn transactional(options: &str) -> Result<bool, &'static str> {
    let mut transactional = true;
    for option in options.split_whitespace().filter(|word| word.contains(':')) {
        match option {
            "transaction:false" => transactional = false,
            "transaction:true" => transactional = true,
            _ => {
                return Err(
                    "the only options of `-- migrate:up` are `transaction:false` and `transaction:true`",
                );
            }
        }
    }
    Ok(transactional)
}

#[cfg(test)]
mod tests;
