//! What a project migrates with: the tools that it uses, and the folder that has its migrations.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::error::{Error, ScaffoldError};
use crate::formats::{self, FORMATS, Folder, Format, FormatError};
use crate::scaffold::tools::{self, Tool};
use crate::scaffold::{Asked, Said, command, stranger};

/// Where migrations usually are.
const FOLDERS: [&str; 14] = [
    "migrations",
    "db/migrations",
    "db/migrate",
    "database/migrations",
    "sql/migrations",
    "sql",
    "migrate",
    "schema/migrations",
    "internal/db/migrations",
    "prisma/migrations",
    "db/migration",
    tools::JVM_FLYWAY,
    "Migrations",
    "Data/Migrations",
];

/// What there is.
pub struct Project {
    /// Its folder; empty = the current one.
    pub root: PathBuf,
    /// Tools, each with what tells it.
    pub tools: Vec<(&'static Tool, String)>,
    /// The migrations.
    pub found: Option<Found>,
    /// Why there are none that we can read, where a tool is used all the same.
    pub unread: Vec<String>,
    /// What the config says, where there is one.
    said: Option<Said>,
}

/// A migrations folder.
#[derive(Clone)]
pub struct Found {
    /// As it can be opened.
    pub folder: PathBuf,
    /// As a config in the project's folder names it.
    pub named: PathBuf,
    /// Its format.
    pub format: &'static dyn Format,
    /// What tells it.
    pub why: String,
    /// How many migrations there are, files that are not read among them.
    pub count: usize,
    /// The first part of them that cannot be read, and why.
    pub unread: Option<String>,
    /// Whether some are in Rust.
    pub in_rust: bool,
}

impl Project {
    /// What applies the migrations in place of bellwether, and why.
    pub fn command(&self) -> Option<(Vec<String>, String)> {
        if let Some(said) = &self.said {
            return (!said.command.is_empty())
                .then(|| (said.command.clone(), "the config says so".to_owned()));
        }
        let (tool, why) = self.tool()?;
        Some((command::line(tool, self.found.as_ref(), &self.root)?, why))
    }

    /// The tool that is taken, and why: that of the migrations, or the first one where none are found.
    pub fn tool(&self) -> Option<(&'static Tool, String)> {
        let told = |(tool, why): &(&'static Tool, String)| (*tool, why.clone());
        let Some(found) = &self.found else { return self.tools.first().map(told) };
        let name = found.format.name();
        let here = self.tools.iter().find(|(tool, _)| tool.format == name).map(told);
        here.or_else(|| Some((tools::named(name)?, format!("it applies migrations of {name}"))))
    }

    /// The tools that are here, too, each with what tells it.
    pub fn others(&self) -> impl Iterator<Item = &(&'static Tool, String)> {
        let taken = self.tool().map(|(tool, _)| tool);
        self.tools.iter().filter(move |(tool, _)| taken.is_none_or(|taken| !std::ptr::eq(taken, *tool)))
    }

    /// Whether bellwether itself applies what was found.
    pub fn is_applied(&self) -> bool {
        let files = self.found.as_ref().map_or(self.said.is_some(), |found| is_applied(found.format));
        files && self.command().is_none()
    }

    /// A file in the project's folder.
    pub fn has(&self, name: &str) -> bool {
        self.root.join(name).exists()
    }
}

/// Whether bellwether sends these files itself.
fn is_applied(format: &dyn Format) -> bool {
    format.writer().is_some()
}

/// Looks at the project in the config's folder.
pub fn look(asked: &Asked<'_>) -> Result<Project, Error> {
    let root = asked.config.and_then(Path::parent).unwrap_or(Path::new("")).to_owned();
    let here = if root.as_os_str().is_empty() { Path::new(".") } else { &root };
    let unreadable = |source| FormatError::Unreadable { path: here.to_owned(), source };
    std::fs::read_dir(here).map_err(unreadable)?;
    let tools = tools::here(&root);
    let mut project = Project { root, tools, found: None, unread: Vec::new(), said: asked.said.clone() };
    if let Some(said) = &asked.said {
        let read = said.folder.as_ref().map(|folder| read(&project.root, folder, said.format.as_deref()));
        match read {
            Some(Err(error)) if said.command.is_empty() => return Err(error.into()),
            Some(Err(error)) => project.unread.push(error.to_string()),
            Some(Ok(found)) => project.found = Some(found),
            None => {}
        }
        return Ok(project);
    }
    match (asked.migrations, project.tools.first()) {
        (Some(folder), tool) => match read(&project.root, folder, asked.format) {
            Ok(found) if tool.is_none() || found.count > 0 => project.found = Some(found),
            Ok(found) => project.unread.push(format!("{} is empty", found.named.display())),
            Err(error) if tool.is_some() => project.unread.push(error.to_string()),
            Err(error) => return Err(error.into()),
        },
        (None, Some((tool, _))) => {
            project.found = of_tools(&project.root, &project.tools)?;
            if project.found.is_none() {
                project.unread.push(unread(tool));
            }
        }
        (None, None) => project.found = Some(of_folders(&project.root, asked.format)?),
    }
    Ok(project)
}

/// The migrations alone; none where there are none, or only a tool can tell.
pub fn found(root: &Path, format: Option<&str>) -> Result<Option<Found>, Error> {
    match &tools::here(root)[..] {
        tools @ [_, ..] => of_tools(root, tools),
        [] => match of_folders(root, format) {
            Err(Error::Scaffold(ScaffoldError::NothingHere { rejected, others, .. }))
                if rejected.is_empty() && (others.is_empty() || !is_guessed(format)) =>
            {
                Ok(None)
            }
            found => found.map(Some),
        },
    }
}

fn unread(tool: &Tool) -> String {
    let name = tool.format;
    match FORMATS.iter().any(|format| format.name() == name) {
        true => format!("no migrations of {name} in {}", tool.folders.join(", ")),
        false => format!("this version of bellwether does not read {name}'s migrations"),
    }
}

/// Of the only tool that has any.
fn of_tools(root: &Path, tools: &[(&'static Tool, String)]) -> Result<Option<Found>, Error> {
    let mut found: Vec<Found> = Vec::new();
    for (tool, _) in tools {
        let one = of_tool(root, tool)?;
        // one tool may be started in several ways
        let is_same = |one: &Found, other: &Found| {
            one.folder == other.folder && one.format.name() == other.format.name()
        };
        found.extend(one.filter(|one| !found.iter().any(|other| is_same(one, other))));
    }
    let filled = found.iter().filter(|one| one.count > 0);
    if filled.clone().count() > 1 {
        let folders = filled.map(|one| format!("{} ({})", one.named.display(), one.format.name())).collect();
        return Err(ScaffoldError::SeveralFolders { folders }.into());
    }
    let first = found.iter().position(|one| one.count > 0).unwrap_or_default();
    Ok(found.into_iter().nth(first))
}

/// In the folders of a tool, and of its format alone: what looks like ours may be the tool's.
fn of_tool(root: &Path, tool: &Tool) -> Result<Option<Found>, Error> {
    let Some(format) = FORMATS.iter().find(|format| format.name() == tool.format) else { return Ok(None) };
    for name in tool.folders {
        let folders = tools::folders(root, name).into_iter();
        let fits = |folder: PathBuf| {
            let why = format.detect(&Folder::list(&folder).ok()?)?;
            Some(Found { why, ..read(root, &folder, Some(format.name())).ok()? })
        };
        let mut fitting: Vec<Found> = folders.filter_map(fits).collect();
        if fitting.len() > 1 {
            let folders = fitting.iter().map(|one| one.folder.display().to_string()).collect();
            return Err(ScaffoldError::SeveralFolders { folders }.into());
        }
        if let Some(found) = fitting.pop() {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn of_folders(root: &Path, format: Option<&str>) -> Result<Found, Error> {
    let (mut found, mut rejected) = (Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    for folder in FOLDERS.iter().map(|folder| root.join(folder)).filter(|folder| folder.is_dir()) {
        // where names are compared without their case, one folder has two of these
        if folder.canonicalize().is_ok_and(|folder| !seen.insert(folder)) {
            continue;
        }
        match read(root, &folder, format) {
            Ok(one) => found.push(one),
            Err(FormatError::NoneFits { folder, found }) => {
                rejected.push(format!("{}: {found}", folder.display()));
            }
            Err(error) => rejected.push(error.to_string()),
        }
    }
    found.extend(
        changelogs(root, format)
            .into_iter()
            .filter(|one| one.folder.canonicalize().is_ok_and(|folder| seen.insert(folder))),
    );
    // an empty folder is one only where no other has anything
    if found.iter().any(|one| one.count > 0) {
        found.retain(|one| one.count > 0);
    }
    let others = match &found[..] {
        [] if rejected.is_empty() => stranger::found(root),
        // it may wait for another tool's first file
        [one] if one.count == 0 && is_guessed(format) => stranger::dependencies(root),
        _ => Vec::new(),
    };
    match found.len() {
        1 if others.is_empty() => Ok(found.remove(0)),
        0 | 1 => {
            let folder = match root.as_os_str().is_empty() {
                true => "this folder".to_owned(),
                false => root.display().to_string(),
            };
            Err(ScaffoldError::NothingHere { folder, rejected, others }.into())
        }
        _ => {
            let folders = found.iter().map(|one| one.folder.display().to_string()).collect();
            Err(ScaffoldError::SeveralFolders { folders }.into())
        }
    }
}

/// Whether a format is to be found out.
pub fn is_guessed(format: Option<&str>) -> bool {
    format.is_none_or(|name| name == "auto")
}

/// Changelogs of Liquibase's; many a folder that is called so has other things.
fn changelogs(root: &Path, format: Option<&str>) -> Vec<Found> {
    let Some(liquibase) = FORMATS.iter().find(|format| format.name() == "liquibase") else {
        return Vec::new();
    };
    if !is_guessed(format) && format != Some(liquibase.name()) {
        return Vec::new();
    }
    let folders = tools::CHANGELOGS.iter().flat_map(|name| tools::folders(root, name));
    let found = |folder: PathBuf| {
        let why = liquibase.detect(&Folder::list(&folder).ok()?)?;
        Some(Found { why, ..read(root, &folder, Some(liquibase.name())).ok()? })
    };
    folders.filter_map(found).collect()
}

fn read(root: &Path, folder: &Path, format: Option<&str>) -> Result<Found, FormatError> {
    let (format, why) = formats::find(format, folder)?;
    // what is only compared stops nobody
    let bundle = match is_applied(format) {
        true => format.read(folder)?,
        false => formats::compare(format, folder)?,
    };
    let unread = bundle.unread.first().map(|part| format!("{} {}", part.name, part.why));
    let count = bundle.migrations.len() + bundle.unread.len();
    let in_rust = bundle.migrations.iter().any(|migration| migration.name.ends_with(".rs"));
    let named = match folder.strip_prefix(root) {
        Ok(below) if !below.as_os_str().is_empty() => below.to_owned(),
        Ok(_) => PathBuf::from("."),
        // a config in another folder counts from there
        Err(_) => std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()),
    };
    Ok(Found { folder: folder.to_owned(), named, format, why, count, unread, in_rust })
}
