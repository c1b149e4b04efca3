//! refinery's format: `V1__name.sql` and `V1__name.rs`, `U` for what may come late, in subfolders too;
//! `refinery_schema_history`. Only checked: the program that embeds them, or refinery's own, applies.

mod sip;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::formats::flyway;
use crate::formats::folder::{Folder, all_files, checksum, each, mention, text, unread};
use crate::formats::meant;
use crate::formats::next::{NewFile, Next, number, snake_words};
use crate::formats::refinery::sip::Sip13;
use crate::formats::{Column, Format, FormatError, History, Order, Record, Rules, Sequence};
use crate::model::ids::Version;
use crate::model::migration::{Applied, Bundle, Migration};

/// refinery.
pub struct Refinery;

/// Columns as in refinery_core's `traits/mod.rs`, rules as in its `verify_migrations` with what `Runner::new` sets.
static HISTORY: History = History {
    table: "refinery_schema_history",
    schema: None,
    columns: &[Column::words("version"), Column::words("name"), Column::words("checksum")],
    order: ("version", Order::Up),
    rules: Rules { out_of_order: false, changed: false, missing: false, sequence: Sequence::Numbers },
};

impl Format for Refinery {
    fn name(&self) -> &'static str {
        "refinery"
    }

    fn detect(&self, folder: &Folder) -> Option<String> {
        let files = folder.below()?;
        let ours = files.iter().find(|(name, _)| takes(name)).map(|(name, _)| name)?;
        match own_mark(folder.path, files) {
            Some(mark) => Some(mark),
            None if flyway::own_mark(folder.path, files).is_some() => None,
            None => Some(format!("{ours} is named as refinery does it")),
        }
    }

    fn read(&self, folder: &Path) -> Result<Bundle, FormatError> {
        let mut found = Vec::new();
        let mut left = Vec::new();
        // its walk goes into dotfiles, and not into links to folders
        for (name, path) in all_files(folder, true)? {
            match parse(&name) {
                None => {}
                Some(Err(why)) => left.push(unread(&name, &path, why)),
                Some(Ok(parsed)) => found.push((parsed, name, path)),
            }
        }
        let mut migrations: Vec<Migration> = each(&found, load).into_iter().collect::<Result<_, _>>()?;
        migrations.sort_by_key(|migration| migration.version.as_str().parse::<u64>().ok());
        for pair in migrations.windows(2) {
            if let [one, other] = pair
                && one.version == other.version
            {
                let (first, second) = (one.path.clone(), other.path.clone());
                return Err(FormatError::SameVersion { version: one.version.to_string(), first, second });
            }
        }
        Ok(Bundle { format: self.name(), folder: folder.to_owned(), migrations, unread: left })
    }

    fn history(&self) -> &'static History {
        &HISTORY
    }

    fn meant(&self, text: &str, _: &[Record]) -> Result<Version, String> {
        let name = meant::file(text);
        meant::number(name.strip_prefix(['V', 'U']).unwrap_or(name))
    }

    fn applied(&self, bundle: &Bundle, rows: &[Record]) -> Result<Vec<Applied>, String> {
        let files: HashMap<&str, &Migration> =
            bundle.migrations.iter().map(|migration| (migration.version.as_str(), migration)).collect();
        let applied = |row: &Record| {
            let version = row.words(0).ok_or("a row has no version")?;
            let recorded = row.words(2).unwrap_or_default();
            let recorded: u64 =
                recorded.parse().map_err(|_| format!("{recorded:?} is no checksum of refinery's"))?;
            let narrow = recorded.to_be_bytes().to_vec();
            let checksum = match files.get(version) {
                Some(file) if is_in_rust(&file.name) => None,
                Some(file) if file.checksum != narrow && wide(file) == Some(recorded) => {
                    Some(file.checksum.clone())
                }
                _ => Some(narrow),
            };
            Ok(Applied {
                version: version.into(),
                description: row.words(1).unwrap_or_default().replace('_', " "),
                checksum,
                success: true,
            })
        };
        rows.iter().map(applied).collect()
    }

    fn called(&self, row: &Applied) -> String {
        format!("V{}__{}", row.version, row.description.replace(' ', "_"))
    }

    fn next(&self, bundle: &Bundle, words: &str, now: i64) -> Next {
        let before: Vec<&str> = bundle.migrations.iter().map(|before| digits(&before.name)).collect();
        // a timestamp does not fit refinery's usual numbers
        let version = if before.is_empty() { "1".to_owned() } else { number(&before, now) };
        let name = format!("V{version}__{}.sql", snake_words(words));
        Next::Files(vec![NewFile::new(name, format!("-- {}\n\n", words.trim()))])
    }
}

/// Whether refinery reads a file of this name.
pub(super) fn takes(name: &str) -> bool {
    matches!(parse(name), Some(Ok(_)))
}

/// What only refinery has: migrations in Rust, or a crate that depends on it.
pub(super) fn own_mark(folder: &Path, files: &[(String, PathBuf)]) -> Option<String> {
    let in_rust = files.iter().find(|(name, _)| takes(name) && is_in_rust(name)).map(|(name, _)| name);
    if let Some(name) = in_rust {
        return Some(format!("{name} is named as only refinery does it"));
    }
    let file = mention(folder, &["Cargo.toml"], "refinery");
    file.or_else(|| mention(folder, &["refinery.toml"], "[main]"))
        .map(|file| format!("{file} speaks of refinery"))
}

/// What a file's name says.
#[derive(Debug, PartialEq, Eq)]
struct Name {
    version: u64,
    words: String,
}

/// A name as refinery's own pattern has it; an error is what refinery itself fails at.
fn parse(name: &str) -> Option<Result<Name, String>> {
    let stem = name.strip_suffix(".sql").or_else(|| name.strip_suffix(".rs"))?;
    let (version, words) = stem.strip_prefix(['V', 'U'])?.split_once("__")?;
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if words.is_empty() || !words.chars().all(is_word) {
        return None;
    }
    match version.split_once('.') {
        None if is_number(version) => {}
        Some((whole, part)) if is_number(whole) && is_number(part) => {
            return Some(Err("has a version with a dot, and refinery's are whole numbers".to_owned()));
        }
        _ => return None,
    }
    let too_large = || "has a version that is too large; at most 9223372036854775807 fits".to_owned();
    let number = version.parse::<i64>().ok().and_then(|number| u64::try_from(number).ok());
    Some(number.ok_or_else(too_large).map(|version| Name { version, words: words.to_owned() }))
}

fn is_in_rust(name: &str) -> bool {
    name.ends_with(".rs")
}

/// The digits of a version, as they are written.
fn digits(name: &str) -> &str {
    crate::formats::next::digits(name.get(1..).unwrap_or_default())
}

fn load((parsed, name, path): &(Name, String, PathBuf)) -> Result<Migration, FormatError> {
    let text = text(path)?;
    // what a migration in Rust runs is known only to the program; its text tells bundles apart, and is not compared
    let (checksum, sql) = match is_in_rust(name) {
        true => (checksum(text.as_bytes()), ""),
        false => (hash(parsed, &text, false).to_be_bytes().to_vec(), text.as_str()),
    };
    let version = Version(parsed.version.to_string());
    let migration = Migration::of_tool(version, name.clone(), path.clone(), checksum);
    Ok(Migration { description: parsed.words.replace('_', " "), sql: sql.into(), ..migration })
}

/// refinery's checksum: `SipHasher13` of name, version and text as Rust hashes them. The version has 32 bits, or 64 with
/// the feature `int8-versions`.
fn hash(name: &Name, sql: &str, wide: bool) -> u64 {
    let mut hasher = Sip13::new();
    hasher.write(name.words.as_bytes());
    hasher.write(&[0xff]);
    let version = name.version.to_le_bytes();
    hasher.write(if wide || name.version > 0x7fff_ffff { &version } else { &version[..4] });
    hasher.write(sql.as_bytes());
    hasher.write(&[0xff]);
    hasher.finish()
}

/// What a program with 64-bit versions records for this file.
fn wide(migration: &Migration) -> Option<u64> {
    Some(hash(&parse(&migration.name)?.ok()?, &migration.sql, true))
}

#[cfg(test)]
mod tests;
