//! Beginnings: `init` looks at a project and writes a config for it, `new` writes the next migration. What is there is
//! read and never changed; nothing here prints, asks a database or starts a tool.

mod command;
mod config;
mod ledger;
mod look;
mod migration;
mod places;
mod stranger;
mod tools;
mod write;
mod yaml;

use std::path::{Path, PathBuf};

use crate::config::DEFAULT_FILE;
use crate::error::{Error, ScaffoldError};
use crate::model::choice::Place;
use crate::model::ids::Environment;
use crate::model::scaffold::{FileState, InitFile, InitReport};
use look::Project;
use write::Written;

pub use migration::{Wanted, new};

/// What `init` is asked for.
pub struct Asked<'a> {
    /// The config to write; its folder is the project's.
    pub config: Option<&'a Path>,
    /// The environment in it.
    pub environment: Option<&'a Environment>,
    /// The migrations folder, where it need not be looked for.
    pub migrations: Option<&'a Path>,
    /// The format, where it need not be found out.
    pub format: Option<&'a str>,
    /// The platform to write a snippet for.
    pub place: Option<Place>,
    /// What the config says, where there is one.
    pub said: Option<Said>,
}

/// What a config says of one environment's migrations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The folder, as it can be opened.
    pub folder: Option<PathBuf>,
    /// The format.
    pub format: Option<String>,
    /// What applies them in place of bellwether; empty = bellwether does.
    pub command: Vec<String>,
}

/// A file that is wanted.
enum Wish {
    /// With this text.
    New(PathBuf, String),
    /// It is there, with a reason and perhaps a text that people are to put into it.
    Kept(PathBuf, String, Option<String>),
}

/// Writes a config, and a platform's snippet, for the project that is found. Overwrites nothing.
///
/// # Errors
/// Nothing that can be migrated with, more than one folder that could, nothing left to write, or a disk that refuses.
pub fn init(asked: &Asked<'_>) -> Result<InitReport, Error> {
    let file = asked.config.unwrap_or(Path::new(DEFAULT_FILE));
    if asked.said.is_some() && asked.place.is_none() {
        return Err(ScaffoldError::AlreadyThere { files: vec![file.display().to_string()] }.into());
    }
    let project = look::look(asked)?;
    let mut wishes = vec![Wish::New(file.to_owned(), config::text(&project, asked))];
    if let Some(place) = asked.place {
        wishes.extend(places::wishes(place, &project, asked));
    }
    let mut report = found(&project);
    for wish in wishes {
        report.files.push(fulfil(wish)?);
    }
    let idle = report.files.iter().all(|file| file.state == FileState::Kept && file.add.is_none());
    // that a platform's file has its line already is an answer, too
    let said = report.files.iter().any(|file| file.reason.is_some());
    if idle && !said {
        let files = report.files.into_iter().map(|file| file.path).collect();
        return Err(ScaffoldError::AlreadyThere { files }.into());
    }
    report.next = places::next(&project, asked);
    Ok(report)
}

fn found(project: &Project) -> InitReport {
    let mut report = InitReport::default();
    if let Some(found) = &project.found {
        report.migrations = Some(found.named.display().to_string());
        report.format = Some(found.format.name().to_owned());
        report.format_reason = Some(match &found.unread {
            Some(unread) => format!("{}; what is pending stays unknown: {unread}", found.why),
            None => found.why.clone(),
        });
    } else {
        report.format_reason = project.unread.first().cloned();
    }
    if let Some((command, why)) = project.command() {
        report.command = command;
        report.command_reason = Some(why);
    }
    report
}

fn fulfil(wish: Wish) -> Result<InitFile, Error> {
    let named = |path: &Path| path.display().to_string();
    match wish {
        Wish::Kept(path, reason, add) => {
            Ok(InitFile { path: named(&path), state: FileState::Kept, reason: Some(reason), add })
        }
        Wish::New(path, text) => {
            let state = match write::create(&path, &text)? {
                Written::Now => FileState::Written,
                Written::Before => FileState::Kept,
            };
            Ok(InitFile { path: named(&path), state, reason: None, add: None })
        }
    }
}
