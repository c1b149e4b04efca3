//! Django's migrations: the apps of a project, each with a `migrations` package, and `django_migrations`. Reads what the
//! files say of themselves as literals; runs no Python, and knows nothing of apps that are elsewhere.

mod app;
mod class;
mod config;
mod loader;

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::formats::django::app::{App, Project};
use crate::formats::django::loader::{Key, Loader, Node};
use crate::formats::folder::{Folder, bytes, checksum, each, files, unread};
use crate::formats::meant;
use crate::formats::python::{Refused, Scope, Source, Value};
use crate::formats::{Column, Format, FormatError, History, Order, Record, Rules, Sequence};
use crate::model::ids::Version;
use crate::model::migration::{Applied, Bundle, Migration, Unread};

/// Django's format, checked only.
pub struct Django;

/// As `db/migrations/recorder.py` of Django 5.2 has it.
static HISTORY: History = History {
    table: "django_migrations",
    schema: None,
    columns: &[Column::words("app"), Column::words("name")],
    order: ("id", Order::Up),
    rules: Rules { sequence: Sequence::Unordered, ..Rules::LENIENT },
};

impl Format for Django {
    fn name(&self) -> &'static str {
        "django"
    }

    fn detect(&self, folder: &Folder) -> Option<String> {
        let project = Project::find(folder.path).ok()?;
        project.apps.iter().find_map(|app| {
            let (name, _) =
                files(&app.migrations).ok()?.into_iter().filter(|(name, _)| is_migration(name)).find(
                    |(_, path)| {
                        std::fs::read_to_string(path).is_ok_and(|text| text.contains("class Migration"))
                    },
                )?;
            Some(format!("{name} of the app {} is a migration as Django's are", app.folder))
        })
    }

    fn read(&self, folder: &Path) -> Result<Bundle, FormatError> {
        let mut unread = Vec::new();
        let project = Project::find(folder)?;
        let mut nodes = Vec::new();
        for app in project.installed(&mut unread)? {
            let label = match config::label(&app)? {
                Ok(label) => label,
                Err(why) => {
                    unread.push(why);
                    continue;
                }
            };
            let mut files = files(&app.migrations)?;
            unread.extend(compiled_alone(&app, &files));
            files.retain(|(file, _)| is_migration(file));
            for node in each(&files, |(file, path)| load(&app, &label, file, path)) {
                match node? {
                    Ok(node) => nodes.push(node),
                    Err(why) => unread.push(why),
                }
            }
        }
        let migrations = Loader::new(nodes).in_order(&mut unread);
        Ok(Bundle { format: self.name(), folder: folder.to_owned(), migrations, unread })
    }

    fn history(&self) -> &'static History {
        &HISTORY
    }

    /// `shop.0002_users`, `shop.0002`, `shop/migrations/0002_users.py`.
    fn meant(&self, text: &str, rows: &[Record]) -> Result<Version, String> {
        let plain = meant::stem(text);
        let parts = match plain.split_once("/migrations/") {
            Some((folder, name)) => Some((meant::file(folder), name)),
            None => plain.split_once('.'),
        };
        let Some((app, name)) = parts.filter(|(app, name)| !app.is_empty() && !name.is_empty()) else {
            return Err("expected an app and a name, like `shop.0002_users`".to_owned());
        };
        let meant = format!("{app}.{name}");
        let names: Vec<String> = recorded(rows)?.iter().map(Key::to_string).collect();
        Ok(meant::recorded(&meant, names.iter().map(String::as_str))?.unwrap_or(Version(meant)))
    }

    fn applied(&self, bundle: &Bundle, rows: &[Record]) -> Result<Vec<Applied>, String> {
        let applied = |key: Key| {
            let (version, description) = (Version(key.to_string()), String::new());
            Applied { version, description, checksum: None, success: true }
        };
        Ok(again(bundle).applied(recorded(rows)?)?.into_iter().map(applied).collect())
    }

    fn left_out(&self, bundle: &Bundle, rows: &[Record]) -> Vec<Version> {
        // only a squashed migration leaves something out
        if bundle.migrations.iter().all(|migration| migration.sql.is_empty()) {
            return Vec::new();
        }
        let Ok(recorded) = recorded(rows) else { return Vec::new() };
        again(bundle).left_out(&recorded).into_iter().map(|key| Version(key.to_string())).collect()
    }
}

fn recorded(rows: &[Record]) -> Result<HashSet<Key>, String> {
    let key = |row: &Record| match (row.words(0), row.words(1)) {
        (Some(app), Some(name)) => Ok(Key { app: app.to_owned(), name: name.to_owned() }),
        _ => Err("a row has no app or no name".to_owned()),
    };
    rows.iter().map(key).collect()
}

/// As Django's loader picks modules of a `migrations` package.
fn is_migration(name: &str) -> bool {
    name.strip_suffix(".py").is_some_and(is_module)
}

/// Whether Django takes a module of this name for a migration.
fn is_module(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(['_', '~']) && !name.contains('.')
}

/// The module that Python loads from a file without its source: `0002_b.pyc`, `0002_b.cpython-313-x86_64-linux-gnu.so`.
fn compiled(name: &str) -> Option<&str> {
    let library = || name.strip_suffix(".so").and_then(|name| name.split('.').next());
    name.strip_suffix(".pyc").or_else(library).filter(|name| is_module(name))
}

/// Those of an app's migrations that are here in no other way.
fn compiled_alone(app: &App, files: &[(String, PathBuf)]) -> Vec<Unread> {
    let modules = || files.iter().filter_map(|(file, path)| Some((compiled(file)?, file, path)));
    if modules().next().is_none() {
        return Vec::new();
    }
    let sources: HashSet<&str> = files.iter().filter_map(|(file, _)| file.strip_suffix(".py")).collect();
    let alone = modules().filter(|(module, ..)| !sources.contains(module));
    alone
        .map(|(_, file, path)| {
            unread(
                &format!("{}/migrations/{file}", app.folder),
                path,
                "is compiled, and beside it is no .py that could be read",
            )
        })
        .collect()
}

/// One file, or why it cannot be read.
fn load(
    app: &App,
    label: &str,
    file: &str,
    path: &Path,
) -> Result<Result<Node<'static>, Unread>, FormatError> {
    let bytes = bytes(path)?;
    let checksum = checksum(&bytes);
    let key = Key { app: label.to_owned(), name: file.trim_end_matches(".py").to_owned() };
    let shown = format!("{}/migrations/{file}", app.folder);
    let unread = |name: String, why: String| Ok(Err(Unread { name, checksum: checksum.clone(), why }));
    let Ok(text) = String::from_utf8(bytes) else { return unread(shown, "is not UTF-8".to_owned()) };
    let graph = match Graph::of(&text) {
        Ok(graph) => graph,
        Err(Refused { line: 0, what }) => return unread(shown, what),
        Err(Refused { line, what }) => return unread(format!("{shown}:{line}"), what),
    };
    let migration =
        Migration::of_tool(Version(key.to_string()), key.to_string(), path.to_owned(), checksum.clone());
    let description = key.name.replace('_', " ");
    // only what replaces others says anything that a history is judged by
    let sql = if graph.replaces.is_empty() { "".into() } else { text.into() };
    Ok(Ok(Node { key, graph, migration: Cow::Owned(Migration { description, sql, ..migration }) }))
}

/// What was read once.
fn again(bundle: &Bundle) -> Loader<'_> {
    fn node(migration: &Migration) -> Option<Node<'_>> {
        let (app, name) = migration.version.as_str().split_once('.')?;
        let key = Key { app: app.to_owned(), name: name.to_owned() };
        let graph = match &*migration.sql {
            "" => Graph::default(),
            text => Graph::of(text).ok()?,
        };
        Some(Node { key, graph, migration: Cow::Borrowed(migration) })
    }
    Loader::new(bundle.migrations.iter().filter_map(node).collect())
}

/// What a migration says of others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Graph {
    dependencies: Vec<Key>,
    run_before: Vec<Key>,
    replaces: Vec<Key>,
}

impl Graph {
    /// Line 0: the file as a whole. What only the order depends on is read as far as it is literal.
    fn of(text: &str) -> Result<Self, Refused> {
        let whole = |what: &str| Err(Refused { line: 0, what: what.to_owned() });
        let source = Source::read(text)?;
        let classes = source.classes();
        let Some(class) = classes.iter().rev().find(|class| class.name == "Migration") else {
            return match source.module().mentions("Migration") {
                true => whole("has its Migration from elsewhere, and only a class in the file is read"),
                false => whole("has no class Migration, which Django refuses"),
            };
        };
        if !class.has_lines {
            let what = "has its Migration in one line, which is not read".to_owned();
            return Err(Refused { line: class.line, what });
        }
        let literal = |name: &str| keys(class.body, name).map(|(keys, _)| keys).unwrap_or_default();
        let (dependencies, run_before) = (literal("dependencies"), literal("run_before"));
        match keys(class.body, "replaces")? {
            (replaces, None) => Ok(Self { dependencies, run_before, replaces }),
            (_, Some(line)) => {
                let what = "has a `replaces` that is computed, and only plain text is read".to_owned();
                Err(Refused { line, what })
            }
        }
    }
}

/// A list of pairs of texts, and the line of what is none.
fn keys(body: Scope<'_>, name: &str) -> Result<(Vec<Key>, Option<usize>), Refused> {
    let values = match body.value(name)? {
        None => return Ok((Vec::new(), None)),
        Some(Value::List(values)) => values,
        Some(Value::Unknown(line)) => return Ok((Vec::new(), Some(line))),
        Some(_) => return Err(Refused { line: 0, what: format!("has a `{name}` that is no list") }),
    };
    let (mut keys, mut unknown) = (Vec::new(), None);
    for value in values {
        match value {
            Value::List(pair) => match &pair[..] {
                [Value::Text(app), Value::Text(name)] => {
                    keys.push(Key { app: app.clone(), name: name.clone() });
                }
                _ => unknown = unknown.or(Some(0)),
            },
            Value::Unknown(line) => unknown = unknown.or(Some(line)),
            Value::Text(_) | Value::None | Value::Truth(_) => unknown = unknown.or(Some(0)),
        }
    }
    Ok((keys, unknown))
}

#[cfg(test)]
mod tests;
