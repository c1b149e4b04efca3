//! What every format needs of a folder: the names in it and the texts of its files. Knows no format's names.

use std::fs::{self, FileType};
use std::ops::Range;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::formats::FormatError;
use crate::model::migration::Unread;

/// Folders in folders beyond this are a loop of links.
const DEEPEST: usize = 32;

/// Name and path of what is in the folder, by name; dotfiles (editors' locks, `.gitkeep`) are nobody's migration.
pub(super) fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, FormatError> {
    Ok(listed(folder)?.into_iter().map(|(name, path, _)| (name, path)).collect())
}

/// The same, with what kind of entry each is; a link is one of its own.
fn listed(folder: &Path) -> Result<Vec<(String, PathBuf, FileType)>, FormatError> {
    if !folder.is_dir() {
        return Err(FormatError::NoFolder { folder: folder.to_owned() });
    }
    let unreadable = |source| FormatError::Unreadable { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            // it came with the name: a question for each of thousands of files would cost more than reading them
            let kind = entry.file_type().map_err(unreadable)?;
            found.push((name, entry.path(), kind));
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(found)
}

/// A file's bytes.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, FormatError> {
    fs::read(path).map_err(|source| FormatError::Unreadable { path: path.to_owned(), source })
}

/// A file's text.
pub(super) fn text(path: &Path) -> Result<String, FormatError> {
    String::from_utf8(bytes(path)?)
        .map_err(|error| FormatError::NotUtf8 { path: path.to_owned(), at: error.utf8_error().valid_up_to() })
}

/// As [`entries`], files alone, those of all subfolders among them; by path.
pub(super) fn below(folder: &Path) -> Result<Vec<(String, PathBuf)>, FormatError> {
    walk(folder, true)
}

/// As [`below`], for tools that do not go into links to folders.
pub(super) fn below_unlinked(folder: &Path) -> Result<Vec<(String, PathBuf)>, FormatError> {
    walk(folder, false)
}

fn walk(folder: &Path, links: bool) -> Result<Vec<(String, PathBuf)>, FormatError> {
    let mut found = Vec::new();
    let mut waiting = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = waiting.pop() {
        for (name, path, kind) in listed(&folder)? {
            let is_link = kind.is_symlink();
            match kind.is_dir() || (is_link && path.is_dir()) {
                true if depth < DEEPEST && (links || !is_link) => waiting.push((path, depth + 1)),
                true => {}
                false => found.push((name, path)),
            }
        }
    }
    found.sort_by(|one, other| one.1.cmp(&other.1));
    Ok(found)
}

/// Whether it is a folder, a pipe or the like; a broken link may have been a file, and reading it says so.
pub(super) fn is_no_file(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_file())
}

/// The checksum of a file whose tool records none: it is compared with nothing, and tells two bundles apart.
pub(super) fn checksum(text: &[u8]) -> Vec<u8> {
    Sha256::digest(text).to_vec()
}

/// A file that its format's reader does not understand; what is in it counts in the digest.
pub(super) fn unread(name: &str, path: &Path, why: impl Into<String>) -> Unread {
    let checksum = fs::read(path).map(|bytes| checksum(&bytes)).unwrap_or_default();
    Unread { name: name.to_owned(), checksum, why: why.into() }
}

/// The first of these files, in this folder or around it up to its repository's root, that mentions a word.
pub(super) fn mention(folder: &Path, files: &[&str], word: &str) -> Option<String> {
    const FAR: usize = 8;
    let folder = std::path::absolute(folder).ok()?;
    for around in folder.ancestors().take(FAR) {
        let mentions =
            |file: &&&str| fs::read_to_string(around.join(file)).is_ok_and(|text| text.contains(word));
        if let Some(file) = files.iter().find(mentions) {
            return Some((*file).to_owned());
        }
        if around.join(".git").exists() {
            return None;
        }
    }
    None
}

/// Whether a name ends in `.sql`, in small letters or others.
pub(super) fn has_sql_ending(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("sql"))
}

/// The file's lines with where each begins and its number from 1, without their ends.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, usize, &str)> {
    let mut next = 0;
    text.split_inclusive('\n').enumerate().map(move |(index, line)| {
        let begin = next;
        next += line.len();
        let line = line.strip_suffix('\n').unwrap_or(line);
        (begin, index + 1, line.strip_suffix('\r').unwrap_or(line))
    })
}

/// Only this part of a text, in its place: all before it is blank and what comes after it is gone, so that lines and
/// columns of an error are the file's own.
pub(super) fn only(text: &str, part: &Range<usize>) -> String {
    let blank = |character: char| match character {
        '\n' | '\r' => character.to_string(),
        // as many bytes as there were
        _ => " ".repeat(character.len_utf8()),
    };
    let before = text.get(..part.start).unwrap_or_default();
    before.chars().map(blank).collect::<String>() + text.get(part.clone()).unwrap_or_default()
}

/// For tests: a folder with these files.
#[cfg(test)]
pub(super) fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, contents) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }
    dir
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stay_where_they_are() {
        let text = "-- up é\nselect 1;\r\n-- down\nselect 2;\n";
        let from = text.find("select").unwrap();
        let to = text.find("-- down").unwrap();
        let part = only(text, &(from..to));
        assert_eq!(part, "        \nselect 1;\r\n".replace("        \n", &format!("{}\n", " ".repeat(8))));
        assert_eq!(part.find("select"), text.find("select"));
        assert_eq!(only(text, &(0..0)), "");
    }
}
