//! Alembic's migrations: a graph of revisions in `versions/`, and `alembic_version` with its heads. Reads what the files
//! say of themselves as literals; runs no Python.

mod config;
mod graph;
mod settings;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::formats::alembic::graph::Graph;
use crate::formats::alembic::settings::Settings;
use crate::formats::folder::{Folder, all_files, bytes, checksum, each};
use crate::formats::python::{Refused, Source, Value};
use crate::formats::{Column, Format, FormatError, History, Order, Record, Rules, Sequence};
use crate::model::ids::Version;
use crate::model::migration::{Applied, Bundle, Migration, Unread};

/// Alembic's format, checked only.
pub struct Alembic;

/// As Alembic 1.x has it (`runtime/migration.py`).
static HISTORY: History = History {
    table: "alembic_version",
    schema: None,
    columns: &[Column::words("version_num")],
    order: ("version_num", Order::Up),
    rules: Rules { sequence: Sequence::Unordered, ..Rules::LENIENT },
};

impl Format for Alembic {
    fn name(&self) -> &'static str {
        "alembic"
    }

    fn detect(&self, folder: &Folder) -> Option<String> {
        let versions = settings::versions(folder.path);
        let inside = if versions == folder.path { None } else { Some(Folder::list(&versions).ok()?) };
        let scripts = inside.as_ref().unwrap_or(folder);
        let revisions = || scripts.files().filter(|(name, _)| is_revision(name));
        let has_down = |(_, path): &&(String, PathBuf)| {
            // what is not UTF-8 is named by who reads it
            let text = std::fs::read(path).unwrap_or_default();
            String::from_utf8_lossy(&text).lines().any(|line| line.starts_with("down_revision"))
        };
        if let Some((name, _)) = revisions().find(has_down) {
            return Some(format!("{name} has a down_revision, as Alembic's have"));
        }
        let is_of_versions = folder.path.ends_with("versions") && revisions().next().is_some();
        let above = folder.path.parent().filter(|_| is_of_versions);
        let is_home = settings::is_home(folder.path) || above.is_some_and(settings::is_home);
        is_home.then(|| "env.py is Alembic's".to_owned())
    }

    fn read(&self, folder: &Path) -> Result<Bundle, FormatError> {
        let mut unread = Vec::new();
        let settings = Settings::of(folder, &mut unread);
        let mut scripts = Vec::new();
        for versions in &settings.versions {
            let files = all_files(versions, settings.recursive != Some(false))?;
            let revisions = files.into_iter().filter(|(name, path)| is_revision(name) && !is_compiled(path));
            let (here, deeper): (Vec<_>, Vec<_>) = revisions
                .partition(|(_, path)| settings.recursive.is_some() || path.parent() == Some(versions));
            scripts.extend(here);
            let tops = deeper.iter().filter_map(|(_, path)| path.strip_prefix(versions).ok()?.iter().next());
            let tops: BTreeSet<_> = tops.map(|top| top.to_string_lossy().into_owned()).collect();
            unread.extend(tops.into_iter().map(|name| {
                Unread {
                name,
                checksum: Vec::new(),
                why: "holds revisions, and without the alembic.ini it cannot be told whether Alembic reads \
                      folders in folders"
                    .to_owned(),
            }
            }));
        }
        let mut found = Vec::new();
        for script in each(&scripts, |(name, path)| load(name, path)) {
            match script? {
                Ok(migration) => found.push(migration),
                Err(why) => unread.push(why),
            }
        }
        found.sort_by(|(_, one), (_, other)| (&one.name, &one.path).cmp(&(&other.name, &other.path)));
        let migrations = Graph::new(found).in_order(&mut unread);
        Ok(Bundle { format: self.name(), folder: folder.to_owned(), migrations, unread })
    }

    fn history(&self) -> &'static History {
        &HISTORY
    }

    fn applied(&self, bundle: &Bundle, rows: &[Record]) -> Result<Vec<Applied>, String> {
        let revisions: HashMap<&str, &Migration> =
            bundle.migrations.iter().map(|migration| (migration.version.as_str(), migration)).collect();
        let heads = rows.iter().filter_map(|row| row.words(0));
        let (mut waiting, unknown): (Vec<&str>, Vec<&str>) =
            heads.partition(|head| revisions.contains_key(head));
        // a head implies whatever it stands on
        let mut reached: HashSet<&str> = waiting.iter().copied().collect();
        while let Some(migration) = waiting.pop().and_then(|revision| revisions.get(revision)) {
            let parents = migration.follows.iter().map(Version::as_str);
            waiting.extend(parents.filter(|parent| reached.insert(parent)));
        }
        if let (Some(unknown), true) = (unknown.first(), reached.len() < bundle.migrations.len()) {
            if let Some(one) = bundle.migrations.iter().find(|it| it.is_named_only()) {
                return Err(format!(
                    "it has {unknown}, and whether {} stands below that cannot be told from alembic_version alone without \
                     the files",
                    one.name
                ));
            }
            return Err(format!(
                "the revision {unknown} is in no file here, so what it stands on cannot be told"
            ));
        }
        let applied = |version: &str| {
            let (version, description) = (Version(version.to_owned()), String::new());
            Applied { version, description, checksum: None, success: true }
        };
        Ok(reached.into_iter().chain(unknown).map(applied).collect())
    }
}

/// What a file says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Revision {
    id: String,
    /// What it follows.
    down: Vec<String>,
    /// What else has to be applied before it: revisions or labels.
    depends_on: Vec<String>,
    labels: Vec<String>,
    title: String,
}

fn is_compiled(path: &Path) -> bool {
    path.components().any(|it| it.as_os_str() == "__pycache__")
}

/// As `_only_source_rev_file`: dotfiles too, but no editor's locks.
fn is_revision(name: &str) -> bool {
    name.ends_with(".py") && !name.starts_with("__init__") && !name.starts_with(".#")
}

/// One file, or why it cannot be read.
fn load(name: &str, path: &Path) -> Result<Result<(Revision, Migration), Unread>, FormatError> {
    let bytes = bytes(path)?;
    let checksum = checksum(&bytes);
    let read = std::str::from_utf8(&bytes).map_err(|_| Refused { line: 0, what: "is not UTF-8".to_owned() });
    Ok(match read.and_then(|text| revision(text, name)) {
        Ok(revision) => {
            let version = Version(revision.id.clone());
            let migration = Migration::of_tool(version, name.to_owned(), path.to_owned(), checksum);
            let description = revision.title.clone();
            Ok((revision, Migration { description, ..migration }))
        }
        Err(Refused { line, what: why }) => {
            let name = if line > 0 { format!("{name}:{line}") } else { name.to_owned() };
            Err(Unread { name, checksum, why })
        }
    })
}

/// Line 0: the file as a whole.
fn revision(text: &str, name: &str) -> Result<Revision, Refused> {
    let whole = |what: &str| Refused { line: 0, what: what.to_owned() };
    let source = Source::read(text)?;
    let module = source.module();
    let names = |name: &str| module.value(name).and_then(|value| names(name, value));
    let id = match module.value("revision")? {
        Some(Value::Text(id)) if !id.is_empty() => id,
        Some(Value::Unknown(line)) => return Err(unread("revision", line)),
        Some(_) => return Err(whole("has a revision that is no text")),
        // what Alembic 0.1 wrote
        None => match name.strip_suffix(".py") {
            Some(stem)
                if !stem.is_empty()
                    && stem.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) =>
            {
                stem.to_owned()
            }
            _ => return Err(whole("has no revision, which Alembic refuses")),
        },
    };
    let Some(down) = names("down_revision")? else {
        return Err(whole("has no down_revision, which Alembic refuses"));
    };
    let title = source.title().unwrap_or_default();
    let depends_on = names("depends_on")?.unwrap_or_default();
    Ok(Revision { id, down, depends_on, labels: names("branch_labels")?.unwrap_or_default(), title })
}

/// `None`, a text, or several.
fn names(name: &str, value: Option<Value>) -> Result<Option<Vec<String>>, Refused> {
    let text = |value: Value| match value {
        Value::Text(text) => Ok(text),
        Value::Unknown(line) => Err(unread(name, line)),
        _ => Err(Refused { line: 0, what: format!("has a {name} that is neither None nor text") }),
    };
    Ok(match value {
        None => None,
        Some(Value::None) => Some(Vec::new()),
        Some(Value::List(values)) => Some(values.into_iter().map(text).collect::<Result<_, _>>()?),
        Some(value) => Some(vec![text(value)?]),
    })
}

fn unread(name: &str, line: usize) -> Refused {
    Refused { line, what: format!("has a {name} that is computed, and only plain text is read") }
}

#[cfg(test)]
mod tests;
