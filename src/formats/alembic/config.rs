//! What `alembic.ini` and `pyproject.toml` say, as `configparser` and `tomllib` read them. Knows the meaning of no key.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use crate::formats::FormatError;
use crate::formats::folder::bytes;

const INI: &str = "alembic.ini";
const TOML: &str = "pyproject.toml";

/// The section that Alembic reads unless it is told another.
pub(super) const MAIN: &str = "alembic";

/// Values that name each other deeper than this do so in a circle.
const DEEPEST: usize = 8;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// As it is written: see [`Section::expanded`].
    Text(String),
    /// Of texts alone.
    List(Vec<String>),
    /// TOML's own.
    Flag(bool),
    /// Anything else.
    Other,
}

/// The keys of one section.
#[derive(Clone, Debug)]
pub(super) struct Section {
    pub name: String,
    /// The folder of its file.
    pub here: PathBuf,
    /// With the file's name, for what is in the ini file and for what only `pyproject.toml` has.
    keys: BTreeMap<String, (&'static str, Value)>,
}

impl Section {
    fn new(name: &str, here: &Path) -> Self {
        Self { name: name.to_owned(), here: here.to_owned(), keys: BTreeMap::new() }
    }

    /// The value, and the name of the file that has it.
    pub fn get(&self, key: &str) -> Option<(&'static str, &Value)> {
        self.keys.get(key).map(|(file, value)| (*file, value))
    }

    /// A text without `%(here)s`, `%(other_key)s` and `%%`; none = it names what is not there.
    pub fn expanded(&self, text: &str) -> Option<String> {
        self.expand(text, 0)
    }

    fn expand(&self, text: &str, depth: usize) -> Option<String> {
        let (mut found, mut rest) = (String::new(), text);
        while let Some((front, after)) = rest.split_once('%') {
            found.push_str(front);
            if let Some(after) = after.strip_prefix('%') {
                (found, rest) = (found + "%", after);
                continue;
            }
            let (key, after) = after.strip_prefix('(')?.split_once(")s")?;
            rest = after;
            match (key.to_lowercase().as_str(), self.get(&key.to_lowercase())) {
                ("here", _) => found.push_str(&self.here.to_string_lossy()),
                (_, Some((_, Value::Text(text)))) if depth < DEEPEST => {
                    found.push_str(&self.expand(text, depth + 1)?);
                }
                _ => return None,
            }
        }
        Some(found + rest)
    }
}

/// The sections of a folder's `alembic.ini`; what its main one does not say, its `pyproject.toml` does.
pub(super) fn sections(here: &Path, mut say: impl FnMut(&str, &str)) -> Vec<Section> {
    let mut text = |name: &str| {
        let text = read(&here.join(name)).and_then(|found| {
            found.map(String::from_utf8).transpose().map_err(|_| "is not UTF-8".to_owned())
        });
        text.unwrap_or_else(|why| {
            say(name, &why);
            None
        })
    };
    let (ini_text, toml_text) = (text(INI), text(TOML));
    let mut sections = Vec::new();
    if let Some(text) = ini_text {
        sections = ini(&text, here).unwrap_or_else(|line| {
            say(&format!("{INI}:{line}"), "is no line of an ini file");
            Vec::new()
        });
    }
    // most of those that are found are of other tools alone
    if let Some(text) = toml_text.filter(|text| text.contains(MAIN)) {
        match tool(&text) {
            Ok(keys) if keys.is_empty() => {}
            Ok(keys) => {
                if !sections.iter().any(|section| section.name == MAIN) {
                    sections.push(Section::new(MAIN, here));
                }
                for section in sections.iter_mut().filter(|section| section.name == MAIN) {
                    for (key, value) in &keys {
                        section.keys.entry(key.clone()).or_insert_with(|| (TOML, value.clone()));
                    }
                }
            }
            Err(why) => say(TOML, &format!("is no TOML that can be read: {why}")),
        }
    }
    sections
}

/// A file; none = there is none. An error is a clause that follows its name.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, String> {
    // a pipe would be waited for
    if path.exists() && !path.is_file() {
        return Err("cannot be read: it is no file".to_owned());
    }
    match bytes(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(FormatError::Unreadable { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
        Err(FormatError::Unreadable { source, .. }) => Err(format!("cannot be read: {source}")),
        Err(error) => Err(error.to_string()),
    }
}

/// `[name]`, `key = value` or `key: value`; lines that are further in go on with the value. An error is the line, from 1.
fn ini(text: &str, here: &Path) -> Result<Vec<Section>, usize> {
    let mut sections: Vec<Section> = Vec::new();
    // of the last key
    let (mut open, mut indent) = (None::<String>, 0);
    for (line, number) in text.lines().zip(1_usize..) {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        let further = line.len() - line.trim_start().len();
        let section = sections.last_mut();
        if let (Some(section), Some(key)) = (section, open.as_ref().filter(|_| further > indent)) {
            if let Some((_, Value::Text(value))) = section.keys.get_mut(key) {
                *value = format!("{value}\n{trimmed}");
            }
            continue;
        }
        indent = further;
        if let Some((name, _)) = trimmed.strip_prefix('[').and_then(|it| it.rsplit_once(']')) {
            sections.push(Section::new(name, here));
            open = None;
            continue;
        }
        let section = sections.last_mut().ok_or(number)?;
        let (key, value) = trimmed.split_once(['=', ':']).ok_or(number)?;
        let key = key.trim().to_lowercase();
        section.keys.insert(key.clone(), (INI, Value::Text(value.trim().to_owned())));
        open = Some(key);
    }
    let is_default = |section: &Section| section.name == "DEFAULT";
    let (defaults, mut sections): (Vec<_>, Vec<_>) = sections.into_iter().partition(is_default);
    for section in &mut sections {
        for (key, value) in defaults.iter().flat_map(|defaults| &defaults.keys) {
            section.keys.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    Ok(sections)
}

/// The keys of `[tool.alembic]`.
fn tool(text: &str) -> Result<BTreeMap<String, Value>, String> {
    let table = DeTable::parse(text).map_err(|error| error.message().to_owned())?;
    let tool = table.get_ref().get("tool").and_then(|tool| tool.get_ref().get(MAIN));
    let keys = tool.and_then(|tool| tool.get_ref().as_table()).into_iter().flatten();
    Ok(keys.map(|(key, value)| (key.get_ref().to_string(), Value::of(value.get_ref()))).collect())
}

impl Value {
    fn of(value: &DeValue<'_>) -> Self {
        let words = |it: &DeValue<'_>| it.as_str().map(str::to_owned);
        match value {
            DeValue::String(text) => Self::Text(text.to_string()),
            DeValue::Boolean(flag) => Self::Flag(*flag),
            DeValue::Array(values) => {
                let texts: Option<_> = values.iter().map(|value| words(value.get_ref())).collect();
                texts.map_or(Self::Other, Self::List)
            }
            _ => Self::Other,
        }
    }
}
