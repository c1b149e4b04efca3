//! What the rows of `DATABASECHANGELOG` say of a bundle: a changeset is known by its id, its author and its path.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::formats::Record;
use crate::formats::liquibase::changeset::condition;
use crate::formats::liquibase::tree::{absolute, plain, shown};
use crate::formats::meant::recorded;
use crate::model::ids::Version;
use crate::model::migration::{Applied, Bundle, Migration};

pub(super) fn applied(bundle: &Bundle, rows: &[Record]) -> Result<Vec<Applied>, String> {
    let mut named: HashMap<(&str, &str), Vec<&Migration>> = HashMap::new();
    for migration in &bundle.migrations {
        if let Some((_, id, author)) = parts(&migration.version) {
            named.entry((id, author)).or_default().push(migration);
        }
    }
    let mut all = Vec::new();
    let mut elsewhere = Vec::new();
    for row in rows {
        let (Some(id), Some(author), Some(file)) = (row.words(0), row.words(1), row.words(2)) else {
            return Err("a row has no id, author or file name".to_owned());
        };
        let success = match row.words(3).unwrap_or("EXECUTED") {
            "EXECUTED" | "RERAN" | "MARK_RAN" => true,
            "FAILED" => false,
            "SKIPPED" => continue,
            other => return Err(format!("a row has the type {other:?}, which is not known")),
        };
        let file = recorded_path(file);
        let candidates = named.get(&(id, author)).map(Vec::as_slice).unwrap_or_default();
        let fitting: Vec<_> = candidates.iter().filter(|one| fits(bundle, one, &file)).collect();
        let version = match fitting[..] {
            [one] => one.version.clone(),
            [] => {
                let near = |one: &&&Migration| one.path.file_name() == Path::new(&file).file_name();
                elsewhere.extend(candidates.iter().find(near).map(|one| (*one, file.clone())));
                Version(known_as(&file, id, author))
            }
            _ => return Err(format!("{file} with {author}:{id} can be more than one of these files")),
        };
        all.push(Applied { version, description: format!("{author}:{id}"), checksum: None, success });
    }
    let known: HashSet<&Version> = all.iter().map(|row| &row.version).collect();
    if let Some((one, file)) = elsewhere.iter().find(|(one, _)| !known.contains(&one.version)) {
        let here = shown(&bundle.folder, &one.path);
        return Err(format!(
            "{} was run from {file}; whether that is {here} cannot be told",
            one.description
        ));
    }
    Ok(all)
}

/// A changeset with a context, a label or a `dbms`, of which there is no row.
pub(super) fn undecided(bundle: &Bundle, applied: &[Applied]) -> Vec<(Version, String)> {
    let known: HashSet<&Version> = applied.iter().map(|row| &row.version).collect();
    let open = bundle.migrations.iter().filter(|migration| !known.contains(&migration.version));
    open.filter_map(|migration| Some((migration.version.clone(), condition(&migration.sql)?))).collect()
}

/// `changes/001.sql::1::dev`, in which the path is a row's, or its end.
pub(super) fn meant(text: &str, rows: &[Record]) -> Result<Version, String> {
    let version = Version::from(plain(text));
    if parts(&version).is_none_or(|(path, id, author)| [path, id, author].contains(&"")) {
        return Err("expected a path, an id and an author, like `changes/001.sql::1::dev`".to_owned());
    }
    let name = |row: &Record| Some(known_as(&recorded_path(row.words(2)?), row.words(0)?, row.words(1)?));
    let names: Vec<String> = rows.iter().filter_map(name).collect();
    Ok(recorded(version.as_str(), names.iter().map(String::as_str))?.unwrap_or(version))
}

/// A changeset as people see it.
fn known_as(path: &str, id: &str, author: &str) -> String {
    format!("{path}::{id}::{author}")
}

/// A row's path, as files' are written.
fn recorded_path(path: &str) -> String {
    plain(path).replace('\\', "/")
}

/// `changes/001.sql`, id, author.
fn parts(version: &Version) -> Option<(&str, &str, &str)> {
    let (rest, author) = version.as_str().rsplit_once("::")?;
    let (path, id) = rest.split_once("::")?;
    Some((path, id, author))
}

/// Whether a recorded path is this file's: what it is called in its changeset, or how the file's path ends.
fn fits(bundle: &Bundle, migration: &Migration, file: &str) -> bool {
    let place = parts(&migration.version).map(|(place, ..)| place).unwrap_or_default();
    if place == file {
        return true;
    }
    if place == shown(&bundle.folder, &migration.path) {
        return absolute(&migration.path).ends_with(file);
    }
    plain(place) == file
}
