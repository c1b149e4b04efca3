//! A bundle against a history: what is pending, what is refused, what is only worth a notice. Pure; who reads the
//! history and who acts on the judgement is elsewhere.

use std::collections::BTreeMap;

use crate::formats::Rules;
use crate::model::event::{MigrationStanding, MigrationState};
use crate::model::ids::Version;
use crate::model::migration::{Applied, Bundle, Migration, Pending};

/// What a bundle and a history say together.
#[derive(Clone, Debug, Default)]
pub struct Judgement {
    /// Which of the bundle's migrations are not whole in the database, as indices in its order; dirty ones included.
    pub pending: Vec<usize>,
    /// Why nothing may be applied, by version; empty = go on.
    pub refusals: Vec<Refusal>,
    /// Applied, and later than everything in the bundle: what a rollback looks like. A notice, never a refusal.
    pub ahead: Vec<Version>,
    /// What would have been refused, and is let pass by these rules: changed and missing files.
    pub accepted: Vec<Refusal>,
    /// Every migration of bundle and history, by version.
    pub states: Vec<MigrationState>,
}

/// One reason not to touch a database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The file is not the one that was applied.
    #[error("{name} was changed after it was applied")]
    Changed {
        /// Its version.
        version: Version,
        /// The file's name.
        name: String,
    },
    /// It was applied, and the bundle has later ones but not this one.
    #[error("migration {version} ({description}) was applied, but its file is not there")]
    Missing {
        /// Its version.
        version: Version,
        /// As the history describes it.
        description: String,
    },
    /// It was applied in part.
    #[error("migration {version} ({name}) is half applied")]
    Dirty {
        /// Its version.
        version: Version,
        /// The file's name, or how the history describes it where there is no file.
        name: String,
    },
    /// It is pending, and a later one is applied.
    #[error("{name} is older than {newest}, which is applied already")]
    OutOfOrder {
        /// Its version.
        version: Version,
        /// The file's name.
        name: String,
        /// The latest version that is applied.
        newest: Version,
    },
}

/// How versions follow each other: numbers by value, then other texts by their letters. Numbers in front, because
/// comparing a number with a text by letters is no order at all (2 < 10 < 1a < 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum VersionOrder<'a> {
    /// Digits only, at most 128 bits.
    Number(u128),
    /// Anything else.
    Text(&'a str),
}

impl<'a> From<&'a Version> for VersionOrder<'a> {
    fn from(version: &'a Version) -> Self {
        let text = version.as_str();
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(number) if digits => Self::Number(number),
            _ => Self::Text(text),
        }
    }
}

/// Judges a history by a bundle. `rules` say what is let pass; a half-applied migration never is.
pub fn judge(bundle: &Bundle, applied: &[Applied], rules: Rules) -> Judgement {
    let mut history: BTreeMap<VersionOrder<'_>, &Applied> =
        applied.iter().map(|row| (VersionOrder::from(&row.version), row)).collect();
    let newest_applied = history.values().rev().find(|row| row.success).map(|row| row.version.clone());
    let newest_here = bundle.migrations.iter().map(|m| VersionOrder::from(&m.version)).max();

    let mut judgement = Judgement::default();
    let mut found = Vec::new();
    for (index, migration) in bundle.migrations.iter().enumerate() {
        let order = VersionOrder::from(&migration.version);
        let row = history.remove(&order);
        let standing = standing(migration, row);
        if matches!(standing, MigrationStanding::Pending | MigrationStanding::Dirty) {
            judgement.pending.push(index);
        }
        if standing == MigrationStanding::Changed && rules.changed {
            let (version, name) = (migration.version.clone(), migration.name.clone());
            judgement.accepted.push(Refusal::Changed { version, name });
        }
        let refusal = refuse(migration, standing, newest_applied.as_ref(), rules);
        found.push((order, migration.version.clone(), migration.name.clone(), standing, refusal));
    }
    for (order, row) in history {
        let ahead = newest_here.is_none_or(|newest| order > newest);
        let (version, name) = (row.version.clone(), row.description.clone());
        let (standing, refusal) = if !row.success {
            (MigrationStanding::Dirty, Some(Refusal::Dirty { version, name }))
        } else if ahead {
            (MigrationStanding::Ahead, None)
        } else {
            let refusal = Refusal::Missing { version, description: name };
            let refused = if rules.missing {
                judgement.accepted.push(refusal);
                None
            } else {
                Some(refusal)
            };
            (MigrationStanding::Missing, refused)
        };
        if ahead {
            judgement.ahead.push(row.version.clone());
        }
        found.push((order, row.version.clone(), recorded_name(row), standing, refusal));
    }
    found.sort_by_key(|(order, ..)| *order);
    for (_, version, name, state, refusal) in found {
        judgement.states.push(MigrationState { version, name, state });
        judgement.refusals.extend(refusal);
    }
    judgement
}

impl Judgement {
    /// What whoever applies the bundle has to say, in a sentence each.
    pub fn notices(&self) -> Vec<String> {
        let mut notices = Vec::new();
        if !self.ahead.is_empty() {
            let ahead: Vec<_> = self.ahead.iter().map(Version::as_str).collect();
            notices.push(format!(
                "the database is ahead of these migrations by {}: {}; that is what a rollback looks like, and nothing is done about it",
                ahead.len(),
                ahead.join(", ")
            ));
        }
        notices.extend(self.accepted.iter().map(|accepted| match accepted {
            Refusal::Missing { .. } => format!("{accepted}; `history.missing: allow` accepts it"),
            _ => format!("{accepted}; `history.changed: allow` accepts it"),
        }));
        notices
    }

    /// What of the bundle is pending; unknown if the bundle is empty, because it says nothing about the database.
    pub fn pending(&self, bundle: &Bundle) -> Pending {
        if bundle.migrations.is_empty() {
            return Pending::Unknown;
        }
        let versions = self.pending.iter().map(|index| bundle.migrations[*index].version.clone());
        Pending::from_versions(versions.collect())
    }
}

/// `20240301_add_index`: what the file was called, as far as the history tells.
fn recorded_name(row: &Applied) -> String {
    match row.description.as_str() {
        "" => row.version.to_string(),
        description => format!("{}_{}", row.version, description.replace(' ', "_")),
    }
}

fn standing(migration: &Migration, row: Option<&Applied>) -> MigrationStanding {
    match row {
        None => MigrationStanding::Pending,
        Some(row) if !row.success => MigrationStanding::Dirty,
        Some(row) => match &row.checksum {
            Some(recorded) if !migration.checksum.is_empty() && *recorded != migration.checksum => {
                MigrationStanding::Changed
            }
            _ => MigrationStanding::Applied,
        },
    }
}

fn refuse(
    migration: &Migration,
    standing: MigrationStanding,
    newest: Option<&Version>,
    rules: Rules,
) -> Option<Refusal> {
    let (version, name) = (migration.version.clone(), migration.name.clone());
    match (standing, newest) {
        (MigrationStanding::Dirty, _) => Some(Refusal::Dirty { version, name }),
        (MigrationStanding::Changed, _) if !rules.changed => Some(Refusal::Changed { version, name }),
        (MigrationStanding::Pending, Some(newest))
            if !rules.out_of_order && VersionOrder::from(newest) > VersionOrder::from(&migration.version) =>
        {
            Some(Refusal::OutOfOrder { version, name, newest: newest.clone() })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
