//! The apps of a project: where they are, and whether the settings name them.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::formats::FormatError;
use crate::formats::django::config::{self, Class};
use crate::formats::folder::bytes;
use crate::formats::python::Source;
use crate::model::migration::Unread;

/// Folders in folders: `src/shop/apps/orders/migrations` is the fifth. Links are not gone into, so that this is no limit
/// that an honest project meets.
const DEEPEST: usize = 24;
/// Never an app of the project.
const FOREIGN: [&str; 6] = ["site-packages", "dist-packages", "node_modules", "__pycache__", "tests", "test"];

/// One app.
#[derive(Clone, Debug)]
pub(super) struct App {
    /// The folder's name, which is the label unless an `AppConfig` has another.
    pub folder: String,
    /// Its `migrations` package.
    pub migrations: PathBuf,
    /// Its `AppConfig`s that settings name.
    pub configs: Vec<Class>,
}

/// A project's apps and settings.
#[derive(Debug, Default)]
pub(super) struct Project {
    /// By path.
    pub apps: Vec<App>,
    root: PathBuf,
    settings: Vec<PathBuf>,
    /// Links to apps or `migrations` packages, which are not gone into.
    links: Vec<PathBuf>,
}

impl Project {
    /// Of its folder, or of one app's `migrations`.
    pub fn find(folder: &Path) -> Result<Self, FormatError> {
        if !folder.is_dir() {
            return Err(FormatError::NoFolder { folder: folder.to_owned() });
        }
        let mut project = Self::default();
        let absolute = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        if absolute.file_name().is_some_and(|name| name == "migrations") && is_package(&absolute) {
            project.apps.extend(app(&absolute));
            return Ok(project);
        }
        project.walk(&absolute, DEEPEST)?;
        project.root = absolute;
        project.apps.sort_by(|one, other| one.migrations.cmp(&other.migrations));
        Ok(project)
    }

    fn walk(&mut self, folder: &Path, deeper: usize) -> Result<(), FormatError> {
        let unreadable = |source| FormatError::Unreadable { path: folder.to_owned(), source };
        let mut folders = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type().map_err(unreadable)?.is_dir() {
                if !name.starts_with('.') && !FOREIGN.contains(&name.as_str()) {
                    folders.push((name, entry.path()));
                }
            } else if leads_to_migrations(&name, &entry.path()) {
                self.links.push(entry.path());
            } else if is_settings(&name, folder) {
                self.settings.push(entry.path());
            }
        }
        folders.sort();
        for (name, path) in folders {
            if name == "migrations" && is_package(&path) {
                self.apps.extend(app(&path));
            } else if deeper > 1 && !path.join("pyvenv.cfg").exists() {
                self.walk(&path, deeper - 1)?;
            }
        }
        Ok(())
    }

    /// The apps that settings name. Settings that cannot be read as text, and apps of which they do not say that they
    /// are installed, go to `unread`; where nothing here lists apps, every one counts.
    pub fn installed(mut self, unread: &mut Vec<Unread>) -> Result<Vec<App>, FormatError> {
        let known: HashSet<PathBuf> = self.apps.iter().map(|app| app.migrations.clone()).collect();
        for link in &self.links {
            let target = link.canonicalize().unwrap_or_default();
            if !known.contains(&target) && !known.contains(&target.join("migrations")) {
                let name = link.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let why = "is a link to an app's migrations, and links are not gone into".to_owned();
                unread.push(Unread { name, checksum: Vec::new(), why });
            }
        }
        let (mut names, mut configs, mut lists) = (HashSet::new(), BTreeSet::new(), false);
        for path in &self.settings {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let mut say = |why: &str| {
                unread.push(Unread { name: name.clone(), checksum: Vec::new(), why: why.to_owned() });
            };
            let Ok(text) = String::from_utf8(bytes(path)?) else {
                say("is not UTF-8");
                continue;
            };
            match Source::read(&text) {
                Err(refused) => say(&format!("cannot be read: line {} {}", refused.line, refused.what)),
                Ok(source) => {
                    let module = source.module();
                    if module.mentions("MIGRATION_MODULES") {
                        say("sets MIGRATION_MODULES, and only packages called `migrations` are read");
                    }
                    lists |= module.mentions("INSTALLED_APPS");
                    for text in module.strings() {
                        names.extend(text.split('.').map(str::to_owned));
                        configs.extend(config::named(&text, path, &self.root));
                    }
                }
            }
        }
        config::assign(&mut self.apps, configs, unread)?;
        if !lists {
            return Ok(self.apps);
        }
        let (installed, other): (Vec<_>, Vec<_>) =
            self.apps.into_iter().partition(|app| names.contains(&app.folder));
        for app in other {
            let why =
                "has migrations, and no settings here name it: whether it is installed only Django can tell";
            let name = format!("the app {}", app.folder);
            unread.push(Unread { name, checksum: Vec::new(), why: why.to_owned() });
        }
        Ok(installed)
    }
}

/// Whether it is a link behind which there are an app's migrations.
fn leads_to_migrations(name: &str, path: &Path) -> bool {
    !name.contains('.')
        && ((name == "migrations" && is_package(path)) || is_package(&path.join("migrations")))
}

/// Whether Python imports it as one, from source or compiled.
fn is_package(folder: &Path) -> bool {
    ["__init__.py", "__init__.pyc"].iter().any(|name| folder.join(name).is_file())
}

fn app(migrations: &Path) -> Option<App> {
    let folder = migrations.parent()?.file_name()?.to_string_lossy().into_owned();
    Some(App { folder, migrations: migrations.to_owned(), configs: Vec::new() })
}

/// `settings.py`, `settings/base.py`, `production_settings.py`; those of tests are nobody's who deploys.
fn is_settings(name: &str, folder: &Path) -> bool {
    let Some(stem) = name.strip_suffix(".py").filter(|stem| !stem.contains("test")) else { return false };
    let in_package = folder.file_name().is_some_and(|name| name == "settings");
    in_package || stem.split(['_', '-']).any(|part| part == "settings")
}
