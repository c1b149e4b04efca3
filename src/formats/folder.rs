//! What every format needs of a folder: the names in it and the texts of its files. Knows no format's names.

mod walk;

use std::cell::OnceCell;
use std::fs::{self, File, FileType};
use std::io::Read as _;
use std::num::NonZero;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::thread;

use sha2::{Digest as _, Sha256};

use crate::formats::FormatError;
use crate::formats::folder::walk::{DEEPEST, Walk};
use crate::model::migration::Unread;

/// Most scripts are smaller, in bytes.
const SMALL: usize = 4096;

/// Fewer files than this are read sooner than a thread begins.
const FEW: usize = 128;

/// More threads than this wait for the disk and for each other.
const MOST_THREADS: usize = 8;

/// A folder whose format is looked for: what is in it is listed once for all formats.
pub struct Folder<'a> {
    /// Where it is.
    pub path: &'a Path,
    entries: Vec<(String, PathBuf)>,
    /// Of each entry.
    kinds: Vec<Kind>,
    /// None inside: a folder in it cannot be read.
    below: OnceCell<Option<Vec<(String, PathBuf)>>>,
}

impl<'a> Folder<'a> {
    /// Lists it.
    ///
    /// # Errors
    /// It is not there, or cannot be read.
    pub fn list(path: &'a Path) -> Result<Self, FormatError> {
        let (kinds, entries) =
            undotted(path)?.map(|(name, path, kind)| (kind_of(&path, kind), (name, path))).unzip();
        Ok(Self { path, entries, kinds, below: OnceCell::new() })
    }

    /// As [`entries`].
    pub(super) fn entries(&self) -> &[(String, PathBuf)] {
        &self.entries
    }

    /// As [`files`].
    pub(super) fn files(&self) -> impl Iterator<Item = &(String, PathBuf)> {
        self.of_kind(Kind::File)
    }

    /// The folders among [`Self::entries`].
    pub(super) fn folders(&self) -> impl Iterator<Item = &(String, PathBuf)> {
        self.of_kind(Kind::Folder)
    }

    fn of_kind(&self, wanted: Kind) -> impl Iterator<Item = &(String, PathBuf)> {
        self.entries.iter().zip(&self.kinds).filter(move |(_, kind)| **kind == wanted).map(|(entry, _)| entry)
    }

    /// As [`below`], none if a folder cannot be read.
    pub(super) fn below(&self) -> Option<&[(String, PathBuf)]> {
        let found = || match self.folders().next() {
            // who reads the folder names what goes round
            Some(_) => Walk { loops: true, ..Walk::BELOW }.of(self.path, |_| false).ok(),
            None => Some(self.files().cloned().collect()),
        };
        self.below.get_or_init(found).as_deref()
    }
}

/// Name and path of what is in the folder, by name, without dotfiles (editors' locks, `.gitkeep`): most tools run none.
pub(super) fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, FormatError> {
    Ok(undotted(folder)?.map(|(name, path, _)| (name, path)).collect())
}

fn undotted(folder: &Path) -> Result<impl Iterator<Item = (String, PathBuf, FileType)>, FormatError> {
    Ok(listed(folder)?.into_iter().filter(|(name, ..)| !is_dotfile(name)))
}

fn is_dotfile(name: &str) -> bool {
    name.starts_with('.')
}

/// All that is in a folder, with what kind of entry each is; a link is one of its own.
fn listed(folder: &Path) -> Result<Vec<(String, PathBuf, FileType)>, FormatError> {
    if !folder.is_dir() {
        return Err(FormatError::NoFolder { folder: folder.to_owned() });
    }
    let unreadable = |source| FormatError::Unreadable { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // it came with the name: a question for each of thousands of files would cost more than reading them
        let kind = entry.file_type().map_err(unreadable)?;
        found.push((name, entry.path(), kind));
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(found)
}

/// The files among [`entries`], broken links with them: one may have been a file, and reading it says so.
pub(super) fn files(folder: &Path) -> Result<Vec<(String, PathBuf)>, FormatError> {
    let files = undotted(folder)?.filter(|(_, path, kind)| kind_of(path, *kind) == Kind::File);
    Ok(files.map(|(name, path, _)| (name, path)).collect())
}

/// All folders in it, dotfiles among them; what a link leads to is none.
pub(super) fn own_folders(folder: &Path) -> Result<Vec<(String, PathBuf)>, FormatError> {
    let folders = listed(folder)?.into_iter().filter(|(.., kind)| kind.is_dir());
    Ok(folders.map(|(name, path, _)| (name, path)).collect())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    /// A pipe, which would be waited for, or the like.
    Other,
}

/// What an entry is, or what is behind it if it is a link.
fn kind_of(path: &Path, kind: FileType) -> Kind {
    let behind =
        if kind.is_symlink() { fs::metadata(path).ok().map(|found| found.file_type()) } else { Some(kind) };
    match behind {
        Some(kind) if kind.is_dir() => Kind::Folder,
        Some(kind) if !kind.is_file() => Kind::Other,
        _ => Kind::File,
    }
}

/// What `look` says of each, in their order; thousands are looked at by as many threads as there are processors.
pub(super) fn each<T: Sync, R: Send>(items: &[T], look: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let processors = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS);
    let size = items.len().div_ceil(processors).max(FEW);
    let look = &look;
    let all = move |part| <[T]>::iter(part).map(look).collect::<Vec<R>>();
    let (mine, others) = items.split_at(items.len().min(size));
    thread::scope(|scope| {
        let begin = |part| (part, thread::Builder::new().spawn_scoped(scope, move || all(part)));
        let others: Vec<_> = others.chunks(size).map(begin).collect();
        let mut found = Vec::with_capacity(items.len());
        found.extend(mine.iter().map(look));
        for (part, thread) in others {
            found.extend(match thread.map(thread::ScopedJoinHandle::join) {
                Ok(Ok(theirs)) => theirs,
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
                // as many threads as we may have
                Err(_) => all(part),
            });
        }
        found
    })
}

/// A file's bytes. Most are small, so that there is no need to ask for their size first.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, FormatError> {
    let mut bytes = Vec::with_capacity(SMALL);
    let read = File::open(path).and_then(|file| file.take(u64::MAX).read_to_end(&mut bytes));
    read.map_err(|source| FormatError::Unreadable { path: path.to_owned(), source })?;
    Ok(bytes)
}

/// A file's text.
pub(super) fn text(path: &Path) -> Result<String, FormatError> {
    String::from_utf8(bytes(path)?)
        .map_err(|error| FormatError::NotUtf8 { path: path.to_owned(), at: error.utf8_error().valid_up_to() })
}

/// As [`entries`], files alone, those of all subfolders among them; by path.
pub(super) fn below(folder: &Path) -> Result<Vec<(String, PathBuf)>, FormatError> {
    Walk::BELOW.of(folder, |_| false)
}

/// As [`below`], for tools that do not go into links to folders.
pub(super) fn below_unlinked(folder: &Path) -> Result<Vec<(String, PathBuf)>, FormatError> {
    Walk { links: false, ..Walk::BELOW }.of(folder, |_| false)
}

/// As [`below`], and to `dotfiles` what it leaves out: a folder among them is not looked into.
pub(super) fn below_and_dotfiles(
    folder: &Path,
    dotfiles: &mut Vec<PathBuf>,
) -> Result<Vec<(String, PathBuf)>, FormatError> {
    Walk::BELOW.of(folder, |path| {
        dotfiles.push(path.to_owned());
        false
    })
}

/// As [`files`] or [`below_unlinked`], dotfiles among them.
pub(super) fn all_files(folder: &Path, recursive: bool) -> Result<Vec<(String, PathBuf)>, FormatError> {
    let deepest = if recursive { DEEPEST } else { 0 };
    Walk { deepest, links: false, ..Walk::BELOW }.of(folder, |_| true)
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

/// This folder and those around it, the nearest first, up to its repository's root.
pub(super) fn around(folder: &Path) -> impl Iterator<Item = PathBuf> {
    const FAR: usize = 8;
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let mut folders = Vec::new();
    for around in folder.ancestors().take(FAR) {
        folders.push(around.to_owned());
        if around.join(".git").exists() {
            break;
        }
    }
    folders.into_iter()
}

/// The first of these files, in this folder or around it up to its repository's root, that mentions a word.
pub(super) fn mention(folder: &Path, files: &[&str], word: &str) -> Option<String> {
    around(folder).find_map(|around| {
        let mentions = |file: &&&str| {
            let path = around.join(file);
            path.is_file() && fs::read_to_string(path).is_ok_and(|text| text.contains(word))
        };
        files.iter().find(mentions).map(|file| (*file).to_owned())
    })
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

/// For tests: why a format takes a folder for its own.
#[cfg(test)]
pub(super) fn detected(format: &dyn crate::formats::Format, folder: &Path) -> Option<String> {
    Folder::list(folder).ok().and_then(|folder| format.detect(&folder))
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

    #[test]
    fn each_keeps_the_order_of_many_and_of_few() {
        for many in [0, 1, FEW, FEW + 1, 10 * FEW + 7] {
            let numbers: Vec<usize> = (0..many).collect();
            assert_eq!(
                each(&numbers, |number| number * 2),
                numbers.iter().map(|it| it * 2).collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn pipes_are_no_files_and_links_are_what_is_behind_them() {
        let dir = tree(&[("a.sql", ""), ("inner/b.sql", "")]);
        let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, dir.path().join(name)).unwrap();
        link("inner", "c.sql");
        link("gone", "d.sql");
        link("a.sql", "e.sql");
        let pipe = std::process::Command::new("mkfifo").arg(dir.path().join("f.sql")).status().unwrap();
        assert!(pipe.success());
        let names =
            |found: Vec<(String, PathBuf)>| found.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(files(dir.path()).unwrap()), ["a.sql", "d.sql", "e.sql"]);
        assert_eq!(names(below_unlinked(dir.path()).unwrap()), ["a.sql", "d.sql", "e.sql", "b.sql"]);
        assert_eq!(names(below(dir.path()).unwrap()), ["a.sql", "b.sql", "d.sql", "e.sql", "b.sql"]);
        let listed = Folder::list(dir.path()).unwrap();
        assert_eq!(listed.entries(), entries(dir.path()).unwrap());
        assert_eq!(listed.files().cloned().collect::<Vec<_>>(), files(dir.path()).unwrap());
        assert_eq!(names(listed.folders().cloned().collect()), ["c.sql", "inner"]);
        assert_eq!(listed.below().unwrap(), below(dir.path()).unwrap());
    }

    #[test]
    fn dotfiles_are_for_those_who_ask_for_them() {
        let dir = tree(&[("a.sql", ""), (".b.sql", ""), (".git/c.sql", ""), ("inner/.d.sql", "")]);
        let names =
            |found: Vec<(String, PathBuf)>| found.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(files(dir.path()).unwrap()), ["a.sql"]);
        assert_eq!(names(Folder::list(dir.path()).unwrap().folders().cloned().collect()), ["inner"]);
        assert_eq!(names(below(dir.path()).unwrap()), ["a.sql"]);
        assert_eq!(names(all_files(dir.path(), false).unwrap()), [".b.sql", "a.sql"]);
        assert_eq!(names(all_files(dir.path(), true).unwrap()), [".b.sql", "c.sql", "a.sql", ".d.sql"]);
        let mut dotfiles = Vec::new();
        assert_eq!(names(below_and_dotfiles(dir.path(), &mut dotfiles).unwrap()), ["a.sql"]);
        assert_eq!(dotfiles, [".b.sql", ".git", "inner/.d.sql"].map(|name| dir.path().join(name)));
        std::os::unix::fs::symlink("inner", dir.path().join("linked")).unwrap();
        assert_eq!(names(own_folders(dir.path()).unwrap()), [".git", "inner"]);
    }
}
