//! Where Alembic looks for revisions: what an `alembic.ini` or `pyproject.toml` beside the migrations says of it.

use std::path::{Path, PathBuf};

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
        let env = std::fs::read_to_string(home.join("env.py")).unwrap_or_default();
        if env.lines().any(|line| !line.trim_start().starts_with('#') && line.contains("version_table")) {
            say("env.py", "sets a version_table of its own, and only alembic_version is read");
        }
        let Some((file, section)) = section(home) else {
            if let Some(name) = in_package(home) {
                say(
                    &name,
                    "has version_locations, and a script_location in a package, which is not looked for",
                );
            }
            return settings;
        };
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_true = |key: &str| section.get(key).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        settings.recursive = Some(is_true("recursive_version_locations"));
        if is_true("sourceless") {
            say(&name, "lets Alembic run compiled revisions (sourceless), and only .py files are read");
        }
        let Some(locations) = section.get("version_locations").filter(|value| !value.is_empty()) else {
            return settings;
        };
        let separators = |c: char| c.is_whitespace() || [',', ':', ';', '[', ']', '"', '\''].contains(&c);
        let locations: Vec<PathBuf> =
            locations.split(separators).filter(|it| !it.is_empty()).map(|it| section.path(it)).collect();
        match locations.iter().find(|location| !location.is_dir()) {
            Some(missing) => {
                say(&name, &format!("has version_locations, and {} is no folder here", missing.display()))
            }
            None => settings.versions = locations,
        }
        settings
    }
}

/// Keys of one section.
struct Section {
    here: PathBuf,
    name: String,
    keys: Vec<(String, String)>,
}

impl Section {
    fn get(&self, key: &str) -> Option<&str> {
        self.keys.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// `%(here)s` is the file's folder, from which relative ones count as well: that is where Alembic is started.
    fn path(&self, written: &str) -> PathBuf {
        self.here.join(written.replace("%(here)s", &self.here.to_string_lossy()))
    }
}

/// The section of the file beside the migrations, or a folder above, that is about this folder.
fn section(home: &Path) -> Option<(PathBuf, Section)> {
    let folders = home.ancestors().take(3);
    let files = folders.flat_map(|folder| [folder.join("alembic.ini"), folder.join("pyproject.toml")]);
    files.into_iter().find_map(|file| {
        let text = std::fs::read_to_string(&file).ok()?;
        let here = file.parent()?.to_owned();
        let is_toml = file.extension().is_some_and(|ending| ending == "toml");
        let ours = |section: &Section| match section.get("script_location") {
            Some(location) => section.path(location).canonicalize().is_ok_and(|path| path == home),
            // Flask-Migrate says it by where the file is
            None => here == home && section.name == "alembic",
        };
        let mut sections = sections(&text, &here).into_iter();
        let section =
            sections.find(|section| (!is_toml || section.name == "tool.alembic") && ours(section))?;
        Some((file, section))
    })
}

/// The `alembic.ini` here that names further folders, and its own as `package:folder`: whether that is this one only
/// Python can tell.
fn in_package(home: &Path) -> Option<String> {
    let is_one = |section: &Section| {
        section.get("script_location").is_some_and(|it| it.contains(':') && !section.path(it).exists())
            && section.get("version_locations").is_some_and(|it| !it.is_empty())
    };
    let mut folders = home.ancestors().take(3);
    folders.find_map(|folder| {
        let text = std::fs::read_to_string(folder.join("alembic.ini")).ok()?;
        sections(&text, folder).iter().any(is_one).then(|| "alembic.ini".to_owned())
    })
}

/// The sections of an ini file, or a simple TOML one: `[name]`, `key = value`, indented lines go on with the value.
fn sections(text: &str, here: &Path) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut is_array = false;
    for line in text.lines() {
        let trimmed = line.trim();
        let begins_section =
            trimmed.starts_with('[') && trimmed.ends_with(']') && !line.starts_with([' ', '\t']);
        if begins_section {
            let name = trimmed.trim_matches(['[', ']']).trim().to_owned();
            sections.push(Section { here: here.to_owned(), name, keys: Vec::new() });
            is_array = false;
            continue;
        }
        let Some(section) = sections.last_mut() else { continue };
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if (is_array || line.starts_with([' ', '\t'])) && !section.keys.is_empty() {
            if let Some((_, value)) = section.keys.last_mut() {
                value.push(' ');
                value.push_str(trimmed);
            }
            is_array = is_array && !trimmed.ends_with(']');
        } else if let Some((key, value)) = trimmed.split_once(['=', ':']) {
            let value = value.trim();
            is_array = value.starts_with('[') && !value.ends_with(']');
            section.keys.push((key.trim().to_owned(), value.trim_matches(['"', '\'']).to_owned()));
        }
    }
    sections
}
