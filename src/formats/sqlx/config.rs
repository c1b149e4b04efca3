//! What a `sqlx.toml` around the migrations says of them: sqlx 0.9's own command line and `migrate!()` go by it, and we by
//! sqlx's defaults alone. Honours nothing, names what would have to be.

use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use crate::formats::folder::{around, text};

const FILE: &str = "sqlx.toml";

/// Where sqlx keeps its history unless it is told another table.
const TABLE: &str = "_sqlx_migrations";

/// What sqlx would do otherwise than we.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Otherwise {
    pub path: PathBuf,
    /// From 1, if it is in one.
    pub line: Option<usize>,
    /// In words that follow the file's name.
    pub why: String,
}

impl Otherwise {
    /// The file's name, with the line.
    pub fn name(&self) -> String {
        let line = self.line.map(|line| format!(":{line}")).unwrap_or_default();
        format!("{FILE}{line}")
    }
}

/// Of the nearest file: beside the migrations, or above them up to the repository's root. sqlx's macro takes the one beside
/// `Cargo.toml`, its command line the one where it is started.
pub(super) fn otherwise(folder: &Path) -> Option<Otherwise> {
    let path = around(folder).map(|around| around.join(FILE)).find(|path| path.is_file())?;
    let odd = |line: Option<usize>, why: String| Some(Otherwise { path: path.clone(), line, why });
    let text = match text(&path) {
        Ok(text) => text,
        Err(_) => return odd(None, "cannot be read, and sqlx goes by it".to_owned()),
    };
    match keys(&text) {
        Err(why) => odd(None, format!("is no TOML that can be read: {why}")),
        Ok(keys) => {
            let (_, at) = *keys.first()?;
            let line = text.get(..at).unwrap_or_default().matches('\n').count() + 1;
            let named: Vec<_> = keys.iter().map(|(key, _)| format!("`{key}`")).collect();
            let why = format!(
                "has {} in [migrate], by which sqlx goes, and only its defaults are read",
                named.join(" and ")
            );
            odd(Some(line), why)
        }
    }
}

/// The keys of `[migrate]` by which something is done otherwise, with where they are, in bytes.
fn keys(text: &str) -> Result<Vec<(String, usize)>, String> {
    let table = DeTable::parse(text).map_err(|error| error.message().to_owned())?;
    let Some((migrate, value)) = table.get_ref().get_key_value("migrate") else { return Ok(Vec::new()) };
    let Some(section) = value.get_ref().as_table() else {
        return Ok(vec![("migrate".to_owned(), migrate.span().start)]);
    };
    let odd = section.iter().filter(|(key, value)| !is_harmless(key.get_ref(), value.get_ref()));
    let mut keys: Vec<_> = odd.map(|(key, _)| (key.get_ref().to_string(), key.span().start)).collect();
    keys.sort_by_key(|(_, at)| *at);
    Ok(keys)
}

/// As `sqlx-core/src/config/migrate.rs` of 0.9 has them; a key that is not among these sqlx refuses.
fn is_harmless(key: &str, value: &DeValue<'_>) -> bool {
    match key {
        // where people who name no folder have it, and what new ones look like
        "migrations-dir" | "defaults" => true,
        "table-name" => value.as_str() == Some(TABLE),
        "ignored-chars" | "create-schemas" => value.as_array().is_some_and(|values| values.is_empty()),
        _ => false,
    }
}
