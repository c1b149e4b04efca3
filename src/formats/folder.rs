//! What every format needs of a folder: the names in it and the texts of its files. Knows no format's names.

use std::fs;
use std::path::{Path, PathBuf};

use crate::formats::FormatError;

/// Name and path of what is in the folder, by name; dotfiles (editors' locks, `.gitkeep`) are nobody's migration.
pub(super) fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, FormatError> {
    if !folder.is_dir() {
        return Err(FormatError::NoFolder { folder: folder.to_owned() });
    }
    let unreadable = |source| FormatError::Unreadable { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            found.push((name, entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

/// A file's text.
pub(super) fn text(path: &Path) -> Result<String, FormatError> {
    let bytes = fs::read(path).map_err(|source| FormatError::Unreadable { path: path.to_owned(), source })?;
    String::from_utf8(bytes)
        .map_err(|error| FormatError::NotUtf8 { path: path.to_owned(), at: error.utf8_error().valid_up_to() })
}
