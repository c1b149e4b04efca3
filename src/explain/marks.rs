//! Which files an error is about, for whoever shows it beside the line: a CI system, an editor.

use std::path::Path;

use crate::config::ConfigError;
use crate::engine::step::{Place, StepError};
use crate::error::Error;
use crate::formats::FormatError;
use crate::model::event::Mark;
use crate::model::migration::Migration;
use crate::plan::pending::Refusal;

/// The files of an error; most have none.
pub(super) fn of(error: &Error) -> Vec<Mark> {
    match error {
        Error::Config(error) => config(error).into_iter().collect(),
        Error::Format(error) => format(error),
        Error::HistoryRefused { refusals, folder, .. } => {
            refusals.iter().map(|refusal| refused(refusal, Path::new(folder))).collect()
        }
        Error::Step { migration, error, .. } => {
            vec![step(error, &migration.path, &migration.name)]
        }
        _ => Vec::new(),
    }
}

/// A reason not to touch a database, beside its file.
pub fn refused(refusal: &Refusal, folder: &Path) -> Mark {
    let name = match refusal {
        Refusal::Changed { name, .. } | Refusal::Dirty { name, .. } | Refusal::OutOfOrder { name, .. } => {
            Some(name)
        }
        Refusal::Missing { .. } | Refusal::Unreadable(_) => None,
    };
    // of a half-applied migration without a file there are only words
    let path = name.map(|name| folder.join(name)).filter(|path| path.extension().is_some());
    mark(path.as_deref(), (None, None), refusal.to_string())
}

/// A script of which nothing can be sent, beside the statement.
pub fn unsendable(error: &StepError, migration: &Migration) -> Mark {
    step(error, &migration.path, &migration.name)
}

fn step(error: &StepError, path: &Path, name: &str) -> Mark {
    let at = |place: &Place| (place.line, place.column);
    let (at, message) = match error {
        StepError::Statement { place, error, .. } => (at(place), format!("{name} failed: {}", error.message)),
        StepError::Unsendable { place, why, .. } => (at(place), format!("{name} cannot be run: {why}")),
        other => ((None, None), format!("{name}: {other}")),
    };
    mark(Some(path), at, message)
}

fn config(error: &ConfigError) -> Option<Mark> {
    let place = error.place()?;
    let at = (Some(place.spot.line), Some(place.spot.column));
    Some(mark(Some(&place.file), at, error.problem().to_string()))
}

fn format(error: &FormatError) -> Vec<Mark> {
    let files: Vec<&Path> = match error {
        FormatError::NotUtf8 { path, .. } | FormatError::BadName { path, .. } => vec![path],
        FormatError::SameVersion { first, second, .. } => vec![first, second],
        _ => Vec::new(),
    };
    files.into_iter().map(|path| mark(Some(path), (None, None), error.to_string())).collect()
}

fn mark(path: Option<&Path>, (line, column): (Option<usize>, Option<usize>), message: String) -> Mark {
    Mark { path: path.map(|path| path.display().to_string()), line, column, message }
}
