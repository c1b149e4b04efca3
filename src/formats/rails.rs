//! Rails' migrations: `20240301120000_add_index.rb`, also below the folder, and `schema_migrations`. Reads names alone of
//! what the files say: Ruby is never read, and never run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::formats::folder::{Folder, below_unlinked, bytes, checksum, each};
use crate::formats::golang_migrate::{self, GOLANG_MIGRATE};
use crate::formats::meant;
use crate::formats::{Column, Format, FormatError, History, Order, Record, Rules};
use crate::model::ids::Version;
use crate::model::migration::{Applied, Bundle, Migration};

/// Active Record's format, checked only.
pub struct Rails;

/// As Active Record 6.1 to 8.1 have it. Late files are applied, of missing and changed ones it takes no notice.
static HISTORY: History = History {
    table: "schema_migrations",
    schema: None,
    columns: &[Column::words("version"), GOLANG_MIGRATE],
    order: ("version", Order::Up),
    rules: Rules::LENIENT,
};

/// What a file's name should look like.
const EXPECTED: &str = "Rails refuses the name (IllegalMigrationNameError) unless it is digits, `_` and small letters, \
                        like `20240301120000_add_index.rb`";

impl Format for Rails {
    fn name(&self) -> &'static str {
        "rails"
    }

    fn detect(&self, folder: &Folder) -> Option<String> {
        let ruby = |(name, _): &&(String, PathBuf)| parse(name).is_some();
        let (name, path) = folder.files().find(ruby)?;
        // Sequel's have such names too, and no class
        let is_class = |line: &str| line.starts_with("class ") && line.contains('<');
        // Ruby passes over a byte order mark, and takes other encodings than UTF-8
        let ruby = bytes(path).ok()?;
        let ruby = String::from_utf8_lossy(&ruby);
        let migrates = ruby.trim_start_matches('\u{feff}').lines().any(is_class);
        migrates.then(|| format!("{name} is named as Rails does it, and has a class"))
    }

    fn read(&self, folder: &Path) -> Result<Bundle, FormatError> {
        let mut found = Vec::new();
        for (name, path) in below_unlinked(folder)? {
            let begins =
                name.starts_with(|c: char| c.is_ascii_digit()) && name.ends_with(".rb") && name.contains('_');
            match parse(&name) {
                Some(parsed) => found.push((parsed, name, path)),
                // what its own search finds and then does not understand
                None if begins => return Err(FormatError::BadName { path, expected: EXPECTED.to_owned() }),
                None => {}
            }
        }
        found.sort_by(|(one, ..), (other, ..)| one.order().cmp(&other.order()));
        refuse_doubles(&found)?;
        let load = |(parsed, name, path): &(Name, String, PathBuf)| {
            let version = Version(parsed.version.clone());
            let migration = Migration::of_tool(version, name.clone(), path.clone(), checksum(&bytes(path)?));
            Ok(Migration { description: parsed.description(), ..migration })
        };
        let migrations = each(&found, load).into_iter().collect::<Result<_, _>>()?;
        Ok(Bundle { format: self.name(), folder: folder.to_owned(), migrations, unread: Vec::new() })
    }

    fn history(&self) -> &'static History {
        &HISTORY
    }

    fn meant(&self, text: &str, _: &[Record]) -> Result<Version, String> {
        meant::number(text)
    }

    fn applied(&self, _: &Bundle, rows: &[Record]) -> Result<Vec<Applied>, String> {
        let applied = |row: &Record| {
            let recorded = row.words(0).unwrap_or_default();
            if recorded.is_empty() || !recorded.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(format!("{recorded:?} is no version"));
            }
            let (version, description) = (Version(number(recorded)), String::new());
            Ok(Applied { version, description, checksum: None, success: true })
        };
        golang_migrate::is_not(rows)?;
        rows.iter().map(applied).collect()
    }
}

/// What a file's name says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Name {
    /// Without leading zeros, as the history has it.
    version: String,
    words: String,
    /// The engine that it came from: `20240301120000_add_index.blorgh.rb`.
    scope: String,
}

impl Name {
    /// Numbers without leading zeros: the longer is the greater.
    fn order(&self) -> (usize, &str) {
        (self.version.len(), &self.version)
    }

    fn description(&self) -> String {
        let words = self.words.replace('_', " ");
        if self.scope.is_empty() { words } else { format!("{words} ({})", self.scope) }
    }

    /// What Rails calls the class, as far as it takes to see that two are one.
    fn class(&self) -> String {
        let part = |part: &str| {
            let mut letters = part.chars();
            letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect::<String>()
        };
        self.words.split('_').map(part).collect()
    }
}

/// As `MigrationFilenameRegexp`: `[0-9]+_[_a-z0-9]*`, `.` and a scope, `.rb`.
fn parse(name: &str) -> Option<Name> {
    let (version, rest) = name.strip_suffix(".rb")?.split_once('_')?;
    let (words, scope) = rest.split_once('.').unwrap_or((rest, ""));
    let plain = |text: &str| {
        text.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let fits = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    let owned = |text: &str| text.to_owned();
    (fits && plain(words) && plain(scope)).then(|| Name {
        version: number(version),
        words: owned(words),
        scope: owned(scope),
    })
}

/// As `to_i` and back.
fn number(digits: &str) -> String {
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() { "0".to_owned() } else { significant.to_owned() }
}

/// Rails refuses two of one version (`DuplicateMigrationVersionError`) or name (`DuplicateMigrationNameError`).
fn refuse_doubles(found: &[(Name, String, PathBuf)]) -> Result<(), FormatError> {
    let mut classes = BTreeMap::new();
    for (at, (parsed, _, path)) in found.iter().enumerate() {
        if let Some((before, _, first)) = at.checked_sub(1).and_then(|before| found.get(before))
            && before.version == parsed.version
        {
            let (first, second) = (first.clone(), path.clone());
            return Err(FormatError::SameVersion { version: parsed.version.clone(), first, second });
        }
        if let Some(first) = classes.insert(parsed.class(), path) {
            let class = parsed.class();
            let what = format!(
                "{} is {class} as well, and Rails refuses two migrations of one name (DuplicateMigrationNameError)",
                first.display()
            );
            return Err(FormatError::Unsupported { path: path.clone(), line: None, what });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
