//! Where Alembic looks for revisions: what an `alembic.ini` or `pyproject.toml` beside the migrations says of it.

use std::path::{Path, PathBuf};

use crate::formats::alembic::config::{self, MAIN, Section, Value};
use crate::model::migration::Unread;

/// Where revisions are.
pub(super) struct Settings {
    /// Folders.
    pub versions: Vec<PathBuf>,
    /// Whether folders in them count; none = no setting was found.
    pub recursive: Option<bool>,
}

/// `versions/` in the folder, or the folder itself.
pub(super) fn versions(folder: &Path) -> PathBuf {
    let inside = folder.join("versions");
    if inside.is_dir() { inside } else { folder.to_owned() }
}

/// Whether this is a folder that `alembic init` made: by what its `env.py` says, or by what stands beside that.
pub(super) fn is_home(folder: &Path) -> bool {
    let has = |name: &str| folder.join(name).is_file();
    let env = std::fs::read(folder.join("env.py")).unwrap_or_default();
    has("env.py")
        && (String::from_utf8_lossy(&env).contains("alembic")
            || has("script.py.mako")
            || has("alembic.ini")
            || folder.join("versions").is_dir())
}

impl Settings {
    /// Of the folder with `env.py`, or of its `versions/`. What it cannot read goes to `unread`.
    pub fn of(folder: &Path, unread: &mut Vec<Unread>) -> Self {
        let mut settings = Self { versions: vec![versions(folder)], recursive: None };
        let absolute = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let is_home = absolute.join("env.py").is_file() || absolute.join("versions").is_dir();
        let home = if is_home { absolute.as_path() } else { absolute.parent().unwrap_or(&absolute) };
        let mut say = |name: &str, why: &str| {
            unread.push(Unread { name: name.to_owned(), checksum: Vec::new(), why: why.to_owned() });
        };
        let env = config::read(&home.join("env.py")).unwrap_or_else(|why| {
            say("env.py", &why);
            None
        });
        let env = String::from_utf8_lossy(env.as_deref().unwrap_or_default());
        if env.lines().any(|line| !line.trim_start().starts_with('#') && sets_version_table(line)) {
            say("env.py", "sets a version_table of its own, and only alembic_version is read");
        }
        let Some(section) = section(home, &mut say) else { return settings };
        settings.recursive = Some(section.is_true("recursive_version_locations"));
        if let Some((file, _)) = section.get("sourceless").filter(|_| section.is_true("sourceless")) {
            say(file, "lets Alembic run compiled revisions (sourceless), and only .py files are read");
        }
        let Some((file, written)) = section.get("version_locations") else { return settings };
        let separators = |c: char| c.is_whitespace() || [',', ':', ';'].contains(&c);
        let written: Vec<&str> = match written {
            Value::Text(text) => text.split(separators).collect(),
            Value::List(texts) => texts.iter().map(String::as_str).collect(),
            Value::Flag(_) | Value::Other => {
                say(file, "has version_locations that are no list of texts");
                return settings;
            }
        };
        let written: Vec<&str> = written.into_iter().filter(|it| !it.is_empty()).collect();
        let locations: Vec<PathBuf> = written.iter().map(|it| section.path(it)).collect();
        match locations.iter().find(|location| !location.is_dir()) {
            Some(missing) => {
                say(file, &format!("has version_locations, and {} is no folder here", missing.display()));
            }
            None if locations.is_empty() => {}
            None => settings.versions = locations,
        }
        settings
    }
}

/// Whether a line of Python may give the history another name or place.
fn sets_version_table(line: &str) -> bool {
    line.split("version_table").skip(1).any(|rest| {
        // as a keyword's argument, or a dictionary's text
        let value = rest.trim_start_matches(['"', '\'']).trim_start().strip_prefix(['=', ':']);
        let value = value.unwrap_or_default().trim_start();
        let usual = ["\"alembic_version\"", "'alembic_version'"];
        let after = usual.iter().find_map(|usual| value.strip_prefix(usual)).map(str::trim_start);
        let is_usual = after.is_some_and(|after| after.is_empty() || after.starts_with([',', ')', '}', '#']));
        // whether it has a primary key
        !is_usual && !rest.starts_with("_pk")
    })
}

impl Section {
    fn is_true(&self, key: &str) -> bool {
        match self.get(key) {
            Some((_, Value::Text(text))) => text == "true",
            Some((_, value)) => *value == Value::Flag(true),
            None => false,
        }
    }

    /// Relative ones count from the file's folder: that is where Alembic is started. What cannot be told stays as written.
    fn path(&self, written: &str) -> PathBuf {
        self.here.join(self.expanded(written).as_deref().unwrap_or(written))
    }

    /// Whether it is about this folder; none = that cannot be told from here.
    fn is_about(&self, home: &Path) -> Option<bool> {
        match self.get("script_location") {
            Some((_, Value::Text(written))) => {
                self.path(written).canonicalize().ok().map(|found| found == home)
            }
            Some(_) => None,
            // Flask-Migrate says it by where the file is
            None => (self.name == MAIN && self.here == home).then_some(true),
        }
    }
}

/// The section beside the migrations, or in a folder above, that is about this folder.
fn section(home: &Path, say: &mut impl FnMut(&str, &str)) -> Option<Section> {
    let mut others = Vec::new();
    for folder in home.ancestors().take(3) {
        for section in config::sections(folder, &mut *say) {
            match section.is_about(home) {
                Some(true) => return Some(section),
                Some(false) => {}
                None => others.push(section),
            }
        }
    }
    // whether it is about this folder only Python can tell
    let named = |section: &Section| section.get("version_locations").map(|(file, _)| file);
    if let Some(file) = others.iter().find_map(named) {
        say(file, "has version_locations, and no script_location that is found from here");
    }
    None
}
