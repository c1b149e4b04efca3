//! knex's scripts and its `knex_migrations`, checked only: knex itself, as a wrapped command, applies them. Names are
//! compared as knex compares them, with their endings.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::formats::folder::{Folder, all_files, bytes, checksum, each};
use crate::formats::javascript::{Whose, is_by_product, parts, whose};
use crate::formats::next::{Next, digits, snake_words};
use crate::formats::{Column, Format, FormatError, History, Order, Record, Rules, Sequence};
use crate::model::ids::Version;
use crate::model::migration::{Applied, Bundle, Migration, Unread};

/// knex 3.
pub struct Knex;

/// Table and rules as in knex 3.3 (`migrations/migrate/table-creator.js`, `Migrator.js`): a recorded name without a file
/// is refused, a late file is run, contents are not looked at.
static HISTORY: History = History {
    table: "knex_migrations",
    schema: None,
    columns: &[Column::words("name")],
    order: ("id", Order::Up),
    rules: Rules { out_of_order: true, changed: true, missing: false, sequence: Sequence::LETTERS },
};

/// What knex loads unless `loadExtensions` says otherwise (`migrations/common/MigrationsLoader.js`).
const LOADED: [&str; 9] = ["cjs", "co", "coffee", "eg", "iced", "js", "litcoffee", "ls", "ts"];
/// What it loads where `loadExtensions` says so.
const LOADABLE: [&str; 3] = ["cts", "mjs", "mts"];

impl Format for Knex {
    fn name(&self) -> &'static str {
        "knex"
    }

    fn detect(&self, folder: &Folder) -> Option<String> {
        whose(folder).into_iter().find_map(|(whose, name)| match whose {
            Whose::Knex => Some(format!("{name} is a script as knex has them")),
            Whose::Either => Some(format!("{name} is a script that may be knex's")),
            Whose::NodePgMigrate => None,
        })
    }

    fn read(&self, folder: &Path) -> Result<Bundle, FormatError> {
        // dotfiles too
        let mut files = all_files(folder, false)?;
        files.retain(|(name, _)| is_one_of(name, &[&LOADED, &LOADABLE]) && !is_by_product(name));
        // a project of `.mjs` alone has told knex so
        let loaded_only = files.iter().any(|(name, _)| is_one_of(name, &[&LOADED]));
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
            let why = if loaded_only && !is_one_of(&name, &[&LOADED]) {
                Some("is loaded only if knex's configuration has its ending in `loadExtensions`".to_owned())
            } else {
                let twin = stems.get(&stem).map(|twin| format!("is there as {twin} too, and which of the two is meant only knex's configuration says (`loadExtensions`)"));
                stems.entry(stem).or_insert_with(|| name.clone());
                twin
            };
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

    fn applied(&self, bundle: &Bundle, rows: &[Record]) -> Result<Vec<Applied>, String> {
        let files = bundle.migrations.iter().filter(|it| !it.is_named_only());
        let names: HashSet<&str> = files.map(|it| it.name.as_str()).collect();
        let stems: HashMap<&str, &str> = names.iter().map(|name| (parts(name).0, *name)).collect();
        let unread: HashSet<&str> = bundle.unread.iter().map(|it| it.name.as_str()).collect();
        let mut applied = Vec::with_capacity(rows.len());
        for recorded in rows.iter().filter_map(|row| row.words(0)) {
            let same = stems.get(parts(recorded).0).filter(|_| !names.contains(recorded));
            let name = match same {
                None => recorded,
                // one migration in two files, of which knex was told to load this one
                Some(twin) if unread.contains(recorded) => twin,
                Some(other) => {
                    return Err(format!(
                        "{recorded} is applied, and the folder has {other}: knex compares names with their endings, \
                         so that these are two migrations to it, and it refuses"
                    ));
                }
            };
            applied.push(Applied {
                version: Version(name.to_owned()),
                description: String::new(),
                checksum: None,
                success: true,
            });
        }
        Ok(applied)
    }

    fn next(&self, _: &Bundle, words: &str, _: i64) -> Next {
        Next::Tool(Some(format!("npx knex migrate:make {}", snake_words(words))))
    }
}

/// To Node the dot of `.js` begins a name, and no ending.
fn is_one_of(name: &str, endings: &[&[&str]]) -> bool {
    let (stem, ending) = parts(name);
    !stem.is_empty() && endings.iter().any(|endings| endings.contains(&ending))
}

fn migration(name: String, path: PathBuf, checksum: Vec<u8>) -> Migration {
    let stem = parts(&name).0;
    let description = stem[digits(stem).len()..].trim_start_matches('_').replace('_', " ");
    Migration { description, ..Migration::of_tool(Version(name.clone()), name, path, checksum) }
}

#[cfg(test)]
mod tests;
