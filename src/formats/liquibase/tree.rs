//! Which files of a folder Liquibase runs, and in which order: from the root changelog, or all that are formatted SQL
//! where there is none. Reads each file once.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use crate::formats::FormatError;
use crate::formats::folder::{all_files, below_and_dotfiles, checksum, each, text, unread};
use crate::formats::liquibase::changelog::{self, Changelog, Include};
use crate::formats::liquibase::changeset;
use crate::model::ids::Version;
use crate::model::migration::{Bundle, Migration, Unread};

/// What a path says in our folder: `changes/001.sql`.
pub(super) fn shown(folder: &Path, path: &Path) -> String {
    path.strip_prefix(folder).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

pub(super) fn read(folder: &Path) -> Result<Bundle, FormatError> {
    let (files, dotfiles) = files(folder)?;
    let mut tree = Tree::of(folder, &files)?;
    tree.dotfiles = dotfiles;
    tree.walk();
    let Tree { order, mut unread, .. } = tree;
    let mut migrations: Vec<Migration> = Vec::new();
    for file in each(&order, |path| load(folder, path)) {
        let (of_file, left) = file?;
        migrations.extend(of_file);
        unread.extend(left);
    }
    let mut first = HashMap::new();
    for migration in &migrations {
        if let Some(first) = first.insert(&migration.version, &migration.path) {
            let (version, first) = (migration.version.to_string(), first.clone());
            return Err(FormatError::SameVersion { version, first, second: migration.path.clone() });
        }
    }
    Ok(Bundle { format: "liquibase", folder: folder.to_owned(), migrations, unread })
}

/// The one file that stands for all: the only root, or the only script where there is no changelog.
pub(super) fn root(folder: &Path) -> Option<PathBuf> {
    let (files, _) = files(folder).ok()?;
    let tree = Tree::of(folder, &files).ok()?;
    let roots = match tree.changelogs.is_empty() {
        true => files.iter().map(PathBuf::as_path).filter(|path| is_script(path)).collect(),
        false => tree.roots(),
    };
    match roots[..] {
        [root] => Some(root.to_owned()),
        _ => None,
    }
}

/// And dotfiles.
fn files(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), FormatError> {
    let mut dotfiles = Vec::new();
    let files = below_and_dotfiles(folder, &mut dotfiles)?;
    Ok((files.into_iter().map(|(_, path)| path).collect(), dotfiles))
}

struct Tree<'a> {
    folder: &'a Path,
    files: &'a [PathBuf],
    /// Files and folders, which Liquibase runs where it is told to run a whole folder.
    dotfiles: Vec<PathBuf>,
    /// The same by their names: a root may include thousands.
    by_name: HashMap<&'a OsStr, Vec<&'a Path>>,
    /// Every folder in which one of them is.
    folders: BTreeSet<&'a Path>,
    changelogs: HashMap<&'a Path, Changelog>,
    seen: HashSet<&'a Path>,
    /// Files of SQL.
    order: Vec<&'a Path>,
    unread: Vec<Unread>,
}

impl<'a> Tree<'a> {
    /// Reads the changelogs among the files.
    fn of(folder: &'a Path, files: &'a [PathBuf]) -> Result<Self, FormatError> {
        let parsed = each(files, |path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let Some(language) = changelog::language(&name) else { return Ok(None) };
            Ok(changelog::parse(&text(path)?, language))
        });
        let mut changelogs = HashMap::new();
        for (path, parsed) in files.iter().zip(parsed) {
            if let Some(changelog) = parsed? {
                changelogs.insert(path.as_path(), changelog);
            }
        }
        let mut by_name: HashMap<&OsStr, Vec<&Path>> = HashMap::new();
        for path in files {
            by_name.entry(path.file_name().unwrap_or_default()).or_default().push(path);
        }
        let (seen, order, unread, dotfiles) = (HashSet::new(), Vec::new(), Vec::new(), Vec::new());
        Ok(Self {
            folder,
            files,
            dotfiles,
            by_name,
            folders: folders(files),
            changelogs,
            seen,
            order,
            unread,
        })
    }

    /// Changelogs that no other includes.
    fn roots(&self) -> Vec<&'a Path> {
        let mut included: HashSet<&Path> = HashSet::new();
        for (path, changelog) in &self.changelogs {
            let found =
                changelog.includes.iter().filter_map(|include| self.resolve(path, include).ok()).flatten();
            // a root may include thousands of scripts
            included.extend(found.filter(|found| found != path && !is_script(found)));
        }
        let mut roots: Vec<&'a Path> =
            self.changelogs.keys().copied().filter(|path| !included.contains(path)).collect();
        roots.sort_unstable();
        roots
    }

    fn walk(&mut self) {
        let roots = self.roots();
        match &roots[..] {
            // each is included by another: a circle, of which any is the beginning
            [] if !self.changelogs.is_empty() => {
                let mut files = self.files.iter().map(PathBuf::as_path);
                let first = files.find(|path| self.changelogs.contains_key(path));
                first.into_iter().for_each(|first| self.enter(first));
            }
            [] => self.order.extend(self.files.iter().map(PathBuf::as_path).filter(|path| is_script(path))),
            [root] => self.enter(root),
            roots => {
                let why = format!("is one of {} roots, and which of them is run cannot be told", roots.len());
                roots.iter().for_each(|root| self.leave(root, why.clone()));
            }
        }
    }

    fn enter(&mut self, path: &'a Path) {
        if !self.seen.insert(path) {
            return;
        }
        if is_script(path) {
            return self.order.push(path);
        }
        let Some(changelog) = self.changelogs.get(path).cloned() else {
            return self.leave(path, "is no changelog that is read".to_owned());
        };
        if let Some(why) = changelog.unread {
            self.leave(path, why);
        }
        for include in changelog.includes {
            match self.resolve(path, &include) {
                Ok(found) => {
                    found.into_iter().for_each(|found| self.enter(found));
                    self.leave_dotfiles(path, &include);
                }
                Err(why) => {
                    let why = format!("includes {}, {why}", include.path);
                    self.leave(path, why);
                }
            }
        }
    }

    /// Those of a folder that is included whole: Liquibase runs them as any other.
    fn leave_dotfiles(&mut self, from: &Path, include: &Include) {
        let is_inside = |path: &Path| {
            let mut around = path.ancestors().skip(1).take_while(|around| around.starts_with(self.folder));
            include.is_folder && around.any(|around| means(from, include, around))
        };
        let inside: Vec<PathBuf> = self.dotfiles.iter().filter(|path| is_inside(path)).cloned().collect();
        for dotfile in inside {
            let files = match dotfile.is_dir() {
                true => all_files(&dotfile, true),
                false => Ok(vec![(String::new(), dotfile.clone())]),
            };
            let Ok(files) = files else {
                self.leave(&dotfile, "cannot be read, and Liquibase runs what is in it".to_owned());
                continue;
            };
            for (_, file) in files {
                let name = file.to_string_lossy();
                if name.ends_with(&include.ending)
                    && (changeset::is_sql(&name) || changelog::language(&name).is_some())
                {
                    self.leave(&file, "is a dotfile, which Liquibase runs here, and is not read".to_owned());
                }
            }
        }
    }

    fn leave(&mut self, path: &Path, why: String) {
        self.unread.push(unread(&shown(self.folder, path), path, why));
    }

    /// The files that are meant. A path on the search path is whatever in the folder ends like it.
    fn resolve(&self, from: &Path, include: &Include) -> Result<Vec<&'a Path>, String> {
        let wanted = normal(Path::new(plain(&include.path)));
        let fits = |path: &Path| means(from, include, path);
        if !include.is_folder {
            let named = wanted.file_name().and_then(|name| self.by_name.get(name));
            let found: Vec<&'a Path> =
                named.into_iter().flatten().copied().filter(|path| fits(path)).collect();
            return match found[..] {
                [one] => Ok(vec![one]),
                [] => Err("which is not in this folder".to_owned()),
                _ => Err("as which more than one file can be meant".to_owned()),
            };
        }
        let folders = self.folders.iter().copied();
        let folders: Vec<&Path> =
            folders.filter(|folder| folder.starts_with(self.folder) && fits(folder)).collect();
        match folders[..] {
            [folder] => {
                let ends = |path: &Path| path.to_string_lossy().ends_with(&include.ending);
                let files = self.files.iter().map(PathBuf::as_path);
                Ok(files.filter(|path| ends(path) && path.starts_with(folder) && *path != from).collect())
            }
            [] => Err("which is not in this folder".to_owned()),
            _ => Err("as which more than one folder can be meant".to_owned()),
        }
    }
}

fn is_script(path: &Path) -> bool {
    changeset::is_sql(&path.to_string_lossy())
}

/// Every folder in which one of these files is, however deep; the files of one follow each other.
fn folders(files: &[PathBuf]) -> BTreeSet<&Path> {
    let mut parents: Vec<&Path> = files.iter().filter_map(|path| path.parent()).collect();
    parents.dedup_by(|one, other| one.as_os_str() == other.as_os_str());
    parents.into_iter().flat_map(Path::ancestors).collect()
}

/// Whether a changelog means this file, or folder, by what it includes.
pub(super) fn means(from: &Path, include: &Include, path: &Path) -> bool {
    let wanted = normal(Path::new(plain(&include.path)));
    match include.is_relative {
        true => normal(path) == normal(&from.parent().unwrap_or(from).join(wanted)),
        false => absolute(path).ends_with(wanted),
    }
}

/// A path without what only says where it was found (`DatabaseChangeLog.normalizePath`).
pub(super) fn plain(path: &str) -> &str {
    let path = path.strip_prefix("classpath:").unwrap_or(path);
    path.trim_start_matches('/')
}

pub(super) fn absolute(path: &Path) -> PathBuf {
    normal(&std::path::absolute(path).unwrap_or_else(|_| path.to_owned()))
}

/// Without `.` and `..`.
pub(super) fn normal(path: &Path) -> PathBuf {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if parts.file_name().is_some() => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts
}

/// A file's changesets, and what of it is not read.
fn load(folder: &Path, path: &Path) -> Result<(Vec<Migration>, Vec<Unread>), FormatError> {
    let (mut migrations, mut left) = (Vec::new(), Vec::new());
    let file = shown(folder, path);
    let text = match text(path) {
        Ok(text) => text,
        Err(FormatError::NotUtf8 { .. }) => {
            return Ok((migrations, vec![unread(&file, path, "is not UTF-8")]));
        }
        Err(error) => return Err(error),
    };
    if text.trim().is_empty() {
        return Ok((migrations, left));
    }
    if !changeset::is_formatted(&text) {
        let why = "is SQL without `--liquibase formatted sql`, and only that is read";
        return Ok((migrations, vec![unread(&file, path, why)]));
    }
    let changesets = match changeset::parse(&text) {
        Ok(changesets) => changesets,
        Err((line, why)) => {
            let why = format!("cannot be read: its line {line} {why}");
            return Ok((migrations, vec![unread(&file, path, why)]));
        }
    };
    let short = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for changeset in changesets.into_iter().filter(|changeset| !changeset.ignored) {
        let description = format!("{}:{}", changeset.author, changeset.id);
        let place = changeset.logical_path.as_deref().unwrap_or(&file);
        let version = Version(format!("{place}::{}::{}", changeset.id, changeset.author));
        if version.as_str().contains("${") {
            left.push(unread(
                &format!("{file} {description}"),
                path,
                "is named by a property, which is not read",
            ));
            continue;
        }
        let sum = checksum(changeset.text.as_bytes());
        if changeset.on_change {
            let why = "runs again when its text changes, and whether it did is not read";
            left.push(Unread {
                name: format!("{file} {description}"),
                checksum: sum.clone(),
                why: why.to_owned(),
            });
        }
        let migration = Migration::of_tool(version, format!("{short} {description}"), path.to_owned(), sum);
        migrations.push(Migration { description, sql: changeset.text.into(), ..migration });
    }
    Ok((migrations, left))
}
