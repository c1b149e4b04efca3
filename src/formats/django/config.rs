//! What an app is called: the label of its `AppConfig`, which Django finds in the module `apps` or by its name in the
//! settings. Reads classes as text, and follows no import.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use crate::formats::FormatError;
use crate::formats::django::app::App;
use crate::formats::django::class::{Classes, Found};
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
        match look(&class.file, |source| app_of(source, &class))? {
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

/// The app that a class is the config of; none = it is no config of ours, or one that only has the name of another.
fn app_of(source: &Source<'_>, class: &Class) -> Result<Option<String>, Refused> {
    let classes = Classes::of(source);
    let Some(at) = classes.named(&class.name) else {
        return refused(
            0,
            &format!("has its {} from elsewhere, and only a class in the file is read", class.name),
        );
    };
    match classes.find(at, "name")? {
        Found::Value(Value::Text(app)) => Ok(Some(app)),
        Found::Value(_) => {
            refused(classes.line(at), "has a name that is computed, and only plain text is read")
        }
        Found::Elsewhere(base) if may_be_ours(&classes.paths(&base), class) => {
            refused(classes.line(at), &inherited("name", &base))
        }
        // one of an app that is elsewhere is a config of that app
        Found::Elsewhere(_) | Found::Nothing => Ok(None),
    }
}

/// Whether a base that is one of these may be in the project.
fn may_be_ours(paths: &[String], class: &Class) -> bool {
    let is_ours = |path: &String| {
        let first = path.split('.').next().unwrap_or_default();
        let mut above = class.file.ancestors().skip(1).take_while(|folder| folder.starts_with(&class.from));
        first.is_empty()
            || above.any(|folder| folder.join(first).is_dir() || folder.join(format!("{first}.py")).is_file())
    };
    paths.is_empty() || paths.iter().any(is_ours)
}

fn inherited(what: &str, base: &str) -> String {
    format!("may have its {what} from {base}, which is elsewhere, and only a class in the file is read")
}

/// The app's label.
pub(super) fn label(app: &App) -> Result<Result<String, Unread>, FormatError> {
    let usual = app.migrations.parent().and_then(|folder| file(folder, "apps"));
    let mut all = HashSet::new();
    let mut file = usual.as_deref();
    if app.configs.is_empty() {
        let Some(path) = file else { return Ok(Ok(app.folder.clone())) };
        match look(path, |source| usual_labels(source, &app.folder))? {
            Ok(labels) => all.extend(labels),
            Err(why) => return Ok(Err(why)),
        }
    }
    for class in &app.configs {
        file = Some(&class.file);
        let label = look(&class.file, |source| {
            let classes = Classes::of(source);
            classes.named(&class.name).map_or(Ok(None), |at| label_of(&classes, at))
        });
        match label? {
            Ok(label) => drop(all.insert(label.unwrap_or_else(|| app.folder.clone()))),
            Err(why) => return Ok(Err(why)),
        }
    }
    match file {
        Some(path) if all.len() > 1 => {
            look(path, |_| refused(0, "has several labels, and which one counts only Django can tell"))
        }
        _ => Ok(Ok(all.into_iter().next().unwrap_or_else(|| app.folder.clone()))),
    }
}

/// The labels that an app may have by its module `apps`, none of whose classes is named: as `AppConfig.create` of Django
/// 5.2 takes the one config that is there, or the one with `default = True`, or none. Django before 3.2 took none.
fn usual_labels(source: &Source<'_>, folder: &str) -> Result<HashSet<String>, Refused> {
    let classes = Classes::of(source);
    let (configs, others) = classes.configs();
    if others && configs.is_empty() || classes.is_empty() && source.module().mentions("import") {
        return refused(0, "may have its AppConfig from elsewhere, and only a class in the file is read");
    }
    let (mut labels, mut by_default) = (HashSet::new(), Vec::new());
    let (mut eligible, mut unsure) = (0, others);
    for at in configs {
        let default = classes.find(at, "default")?;
        if matches!(default, Found::Value(Value::Truth(false))) {
            continue;
        }
        let label = label_of(&classes, at)?.unwrap_or_else(|| folder.to_owned());
        eligible += 1;
        match default {
            Found::Nothing => {}
            Found::Value(Value::Truth(_)) => by_default.push(label.clone()),
            Found::Value(_) | Found::Elsewhere(_) => unsure = true,
        }
        labels.insert(label);
    }
    if let [label] = &by_default[..] {
        return Ok(HashSet::from([label.clone()]));
    }
    if eligible != 1 || unsure {
        labels.insert(folder.to_owned());
    }
    Ok(labels)
}

/// What a class has for a label.
fn label_of(classes: &Classes<'_>, at: usize) -> Result<Option<String>, Refused> {
    match classes.find(at, "label")? {
        Found::Value(Value::Text(label)) => Ok(Some(label)),
        Found::Value(Value::Unknown(line)) => {
            refused(line, "has a label that is computed, and only plain text is read")
        }
        Found::Value(_) => refused(classes.line(at), "has a label that is no text"),
        Found::Elsewhere(base) => refused(classes.line(at), &inherited("label", &base)),
        Found::Nothing => Ok(None),
    }
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
