//! node-pg-migrate's scripts and SQL files and its `pgmigrations`, checked only: the tool itself, as a wrapped command,
//! applies them.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::formats::folder::{Folder, bytes, checksum, each, files};
use crate::formats::javascript::{SCRIPTS, Whose, is_by_product, parts, whose};
use crate::formats::next::{Next, digits, file_words};
use crate::formats::{Column, Format, FormatError, History, Order, Record, Rules, Sequence};
use crate::model::ids::Version;
use crate::model::migration::{Applied, Bundle, Migration, Unread};
use crate::model::moment;

/// node-pg-migrate 8 and 9.
pub struct NodePgMigrate;

/// Table and rules as in node-pg-migrate 8.0 and 9.0 (`runner.ts`): unless it is called with `--no-check-order`, what has
/// run must be what the files begin with, name by name; contents are not looked at.
static HISTORY: History = History {
    table: "pgmigrations",
    schema: None,
    columns: &[Column::words("name")],
    order: ("id", Order::Up),
    rules: Rules {
        out_of_order: false,
        changed: true,
        missing: false,
        sequence: Sequence::Own(order_of_versions),
    },
};

impl Format for NodePgMigrate {
    fn name(&self) -> &'static str {
        "node-pg-migrate"
    }

    fn lacks_driver(&self, engine: &str) -> bool {
        engine != "postgres"
    }

    fn detect(&self, folder: &Folder) -> Option<String> {
        let scripts = whose(folder);
        if !scripts.is_empty() {
            return scripts.into_iter().find_map(|(whose, name)| match whose {
                Whose::NodePgMigrate => Some(format!("{name} is a script as node-pg-migrate has them")),
                Whose::Either => Some(format!("{name} is a script that may be node-pg-migrate's")),
                Whose::Knex => None,
            });
        }
        let is_script = |(name, _): &&(String, PathBuf)| name.ends_with(".sql") && !digits(name).is_empty();
        let (name, path) = folder.files().filter(is_script).last()?;
        let says_up = has_up(&String::from_utf8_lossy(&bytes(path).ok()?));
        says_up.then(|| format!("{name} says `Up Migration` as node-pg-migrate has it"))
    }

    fn read(&self, folder: &Path) -> Result<Bundle, FormatError> {
        let mut files = files(folder)?;
        files.retain(|(name, _)| is_loaded(name));
        files.sort_by(|(one, _), (other, _)| order(one, other));
        let mut bundle = Bundle {
            format: self.name(),
            folder: folder.to_owned(),
            migrations: Vec::new(),
            unread: Vec::new(),
        };
        let mut stems: HashMap<String, String> = HashMap::new();
        let checksums = each(&files, |(_, path)| bytes(path).map(|bytes| checksum(&bytes)));
        for ((name, path), checksum) in files.into_iter().zip(checksums) {
            let stem = parts(&name).0.to_owned();
            let why = match stems.get(&stem) {
                _ if digits(&name).is_empty() => Some("has no number in front, and whether it is a migration only node-pg-migrate's configuration says (`ignore-pattern`)".to_owned()),
                Some(twin) => Some(format!("is there as {twin} too, and node-pg-migrate records both under one name")),
                None => None,
            };
            stems.entry(stem).or_insert_with(|| name.clone());
            let checksum = checksum?;
            match why {
                Some(why) => bundle.unread.push(Unread { name, checksum, why }),
                None => bundle.migrations.push(migration(name, path, checksum)),
            }
        }
        Ok(bundle)
    }

    fn history(&self) -> &'static History {
        &HISTORY
    }

    fn applied(&self, _: &Bundle, rows: &[Record]) -> Result<Vec<Applied>, String> {
        let applied = |name: &str| Applied {
            version: Version(name.to_owned()),
            description: String::new(),
            checksum: None,
            success: true,
        };
        Ok(rows.iter().filter_map(|row| row.words(0)).map(applied).collect())
    }

    fn next(&self, _: &Bundle, words: &str, _: i64) -> Next {
        Next::Tool(Some(format!("npx node-pg-migrate create {}", file_words(words))))
    }
}

/// Whether it is loaded as a migration. The tool takes every file that its ignore-pattern leaves, and fails at one that
/// is no script: where there are others, the pattern passes over them.
fn is_loaded(name: &str) -> bool {
    let ending = parts(name).1;
    (ending == "sql" || SCRIPTS.contains(&ending)) && !is_by_product(name)
}

/// The order of node-pg-migrate 9 (`comparators.ts`): by the number in front, in which 17 digits are a date; of the same
/// number, by the rest as people sort it, which we follow for letters and digits.
fn order(one: &str, other: &str) -> Ordering {
    number(one)
        .cmp(&number(other))
        .then_with(|| natural(one).cmp(&natural(other)))
        .then_with(|| one.cmp(other))
}

/// The same of versions, which are names without their endings.
fn order_of_versions(one: &str, other: &str) -> Ordering {
    let name = |version: &str| format!("{version}.js");
    number(one).cmp(&number(other)).then_with(|| order(&name(one), &name(other)))
}

/// The number in front of a name; of a date with milliseconds, the milliseconds since 1970.
fn number(name: &str) -> u128 {
    let digits = digits(name);
    let date = (digits.len() == 17).then(|| moment::milliseconds(digits)).flatten();
    let plain = || digits.parse().unwrap_or(if digits.is_empty() { 0 } else { u128::MAX });
    date.and_then(|ms| u128::try_from(ms).ok()).unwrap_or_else(plain)
}

/// A part of a name as people sort it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(usize, String),
    Word(String),
}

fn natural(name: &str) -> Vec<Part> {
    let mut found = Vec::new();
    for run in name.split(|c: char| !c.is_alphanumeric()).filter(|run| !run.is_empty()) {
        let mut rest = run;
        while let Some(first) = rest.chars().next() {
            let is_digit = first.is_ascii_digit();
            let end = rest.find(|c: char| c.is_ascii_digit() != is_digit).unwrap_or(rest.len());
            let (part, after) = rest.split_at(end);
            let number = part.trim_start_matches('0');
            found.push(if is_digit {
                Part::Number(number.len(), number.to_owned())
            } else {
                Part::Word(part.to_lowercase())
            });
            rest = after;
        }
    }
    found
}

/// Whether a line is the comment in front of a file's way up.
fn has_up(text: &str) -> bool {
    text.lines().any(|line| {
        let Some(comment) = line.trim_start().strip_prefix("--") else { return false };
        let words = comment.trim_start_matches(|c: char| c == '-' || c.is_whitespace()).to_ascii_lowercase();
        words.strip_prefix("up").is_some_and(|rest| {
            rest.starts_with(char::is_whitespace) && rest.trim_start().starts_with("migration")
        })
    })
}

fn migration(name: String, path: PathBuf, checksum: Vec<u8>) -> Migration {
    let stem = parts(&name).0;
    let description = stem[digits(stem).len()..].trim_start_matches(['_', '-']).replace(['_', '-'], " ");
    Migration { description, ..Migration::of_tool(Version(stem.to_owned()), name, path, checksum) }
}

#[cfg(test)]
mod tests;
