//! What an app is called: the label of its `AppConfig`, which Django finds in the module `apps` or by its name in the
//! settings. Reads classes as text, and follows no import.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use crate::formats::FormatError;
use crate::formats::django::app::App;
use crate::formats::folder::{bytes, checksum};
use crate::formats::python::{Refused, Source, Value};
use crate::model::migration::Unread;

/// A class that settings name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Class {
    /// The folder from which modules are named.
    from: PathBuf,
    /// The file that it is in or comes from.
    file: PathBuf,
    name: String,
}

/// The class that a string of the settings means, if it looks like a class of a file of the project: one beside the
/// settings, or in a folder above them.
pub(super) fn named(text: &str, settings: &Path, root: &Path) -> Option<Class> {
    let (module, class) = text.rsplit_once('.')?;
    let is_name = |part: &str| !part.is_empty() && part.chars().all(|it| it.is_alphanumeric() || it == '_');
    if !class.starts_with(char::is_uppercase) || !text.split('.').all(is_name) {
        return None;
    }
    let mut above = settings.ancestors().skip(1).take_while(|folder| folder.starts_with(root));
    above.find_map(|folder| {
        let file = file(folder, module)?;
        Some(Class { from: folder.to_owned(), file, name: class.to_owned() })
    })
}

/// The file of a module, as Python looks for it.
fn file(folder: &Path, module: &str) -> Option<PathBuf> {
    let module = module.replace('.', "/");
    let [package, file] = [format!("{module}/__init__.py"), format!("{module}.py")];
    [package, file].into_iter().map(|name| folder.join(name)).find(|path| path.is_file())
}

/// Gives each app the configs that settings name for it.
pub(super) fn assign(
    apps: &mut [App],
    named: BTreeSet<Class>,
    unread: &mut Vec<Unread>,
) -> Result<(), FormatError> {
    for class in named {
        match look(&class.file, |source| app_of(source, &class.name))? {
            Ok(None) => {}
            Ok(Some(name)) => {
                let folder = class.from.join(name.replace('.', "/"));
                let its = apps.iter_mut().filter(|app| app.migrations.parent() == Some(&folder));
                its.for_each(|app| app.configs.push(class.clone()));
            }
            Err(why) if class.name.ends_with("Config") => unread.push(why),
            // a middleware, a backend
            Err(_) => {}
        }
    }
    Ok(())
}

/// The app that a class is the config of; none = it is no config, or one that only has the name of another.
fn app_of(source: &Source<'_>, name: &str) -> Result<Option<String>, Refused> {
    let classes = source.classes();
    let Some(class) = classes.iter().rev().find(|class| class.name == name) else {
        return refused(0, &format!("has its {name} from elsewhere, and only a class in the file is read"));
    };
    match class.body.value("name")? {
        Some(Value::Text(app)) => Ok(Some(app)),
        Some(_) => refused(class.line, "has a name that is computed, and only plain text is read"),
        None if !class.has_lines => refused(class.line, "has its AppConfig in one line, which is not read"),
        None => Ok(None),
    }
}

/// The app's label.
pub(super) fn label(app: &App) -> Result<Result<String, Unread>, FormatError> {
    let usual = app.migrations.parent().and_then(|folder| file(folder, "apps"));
    let mut files: Vec<(&Path, Option<&str>)> = Vec::new();
    for Class { file, name, .. } in &app.configs {
        // there its base may have the label
        let is_usual = usual.as_ref() == Some(file);
        files.push((file, (!is_usual).then_some(name.as_str())));
    }
    if files.is_empty() {
        files.extend(usual.iter().map(|path| (path.as_path(), None)));
    }
    let mut all = HashSet::new();
    for (path, class) in &files {
        match look(path, |source| labels(source, *class))? {
            Ok(found) if found.is_empty() => drop(all.insert(app.folder.clone())),
            Ok(found) => all.extend(found),
            Err(why) => return Ok(Err(why)),
        }
        if all.len() > 1 {
            let several = refused(0, "has several labels, and which one counts only Django can tell");
            return look(path, |_| several);
        }
    }
    Ok(Ok(all.into_iter().next().unwrap_or_else(|| app.folder.clone())))
}

/// The labels of one class, or of all.
fn labels(source: &Source<'_>, only: Option<&str>) -> Result<HashSet<String>, Refused> {
    let classes = source.classes();
    if classes.is_empty() && source.module().mentions("import") {
        return refused(0, "may have its AppConfig from elsewhere, and only a class in the file is read");
    }
    let mut labels = HashSet::new();
    for class in classes.iter().filter(|class| only.is_none_or(|name| class.name == name)) {
        match class.body.value("label")? {
            Some(Value::Text(label)) => drop(labels.insert(label)),
            Some(Value::Unknown(line)) => {
                return refused(line, "has a label that is computed, and only plain text is read");
            }
            Some(_) => return refused(class.line, "has a label that is no text"),
            None if !class.has_lines && source.module().mentions("label") => {
                return refused(class.line, "may have a label in its one line, which is not read");
            }
            None => {}
        }
    }
    Ok(labels)
}

fn refused<T>(line: usize, what: &str) -> Result<T, Refused> {
    Err(Refused { line, what: what.to_owned() })
}

/// What a file says, or why it cannot be read. Line 0: the file as a whole.
fn look<T>(
    path: &Path,
    at: impl FnOnce(&Source<'_>) -> Result<T, Refused>,
) -> Result<Result<T, Unread>, FormatError> {
    let bytes = bytes(path)?;
    let found = match std::str::from_utf8(&bytes) {
        Ok(text) => Source::read(text).and_then(|source| at(&source)),
        Err(_) => refused(0, "is not UTF-8"),
    };
    Ok(found.map_err(|Refused { line, what }| {
        let line = if line == 0 { String::new() } else { format!(":{line}") };
        Unread { name: shown(path) + &line, checksum: checksum(&bytes), why: what }
    }))
}

/// A file with the folder that tells whose it is.
fn shown(path: &Path) -> String {
    let kept = if path.ends_with("__init__.py") { 3 } else { 2 };
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts[parts.len().saturating_sub(kept)..].join("/")
}
