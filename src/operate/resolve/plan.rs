//! What is to be changed in a history so that it says what people said. Decides by values alone.

use crate::error::{Error, OperateError};
use crate::formats::Writer;
use crate::job::Job;
use crate::model::ids::Version;
use crate::model::migration::{Applied, Bundle, Migration};
use crate::model::resolve::{Resolution, Resolved};
use crate::plan::pending::VersionOrder;

/// What people say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Of one migration.
    One(Version, Resolution),
    /// Of this one and all older ones: they are applied.
    UpTo(Version),
}

impl Wanted {
    fn version(&self) -> &Version {
        match self {
            Self::One(version, _) | Self::UpTo(version) => version,
        }
    }
}

/// The migration of ours with this version.
pub fn migration<'a>(job: &'a Job, version: &Version) -> Option<&'a Migration> {
    find(job.bundle.as_ref()?, version)
}

fn find<'a>(bundle: &'a Bundle, version: &Version) -> Option<&'a Migration> {
    let order = VersionOrder::from(version);
    bundle.migrations.iter().find(|migration| VersionOrder::from(&migration.version) == order)
}

/// What has to change, in the order of the migrations; empty = the history says so already.
pub fn changes(job: &Job, wanted: &Wanted, applied: &[Applied]) -> Result<Vec<Resolved>, Error> {
    let Some(bundle) = &job.bundle else { return Err(OperateError::NoMigrations.into()) };
    let before = bundle.before(wanted.version());
    let undo = job.history_by_path().map(|history| history.by_hand_undone(wanted.version(), before));
    let only_newest = job.format.and_then(|format| format.writer()).is_some_and(Writer::only_newest);
    decide(bundle, wanted, applied, &undo.unwrap_or_default(), only_newest).map_err(Error::from)
}

fn decide(
    bundle: &Bundle,
    wanted: &Wanted,
    applied: &[Applied],
    undo: &str,
    only_newest: bool,
) -> Result<Vec<Resolved>, OperateError> {
    let order = VersionOrder::from(wanted.version());
    let row = |version: &Version| row(applied, version);
    match wanted {
        Wanted::UpTo(version) => {
            if find(bundle, version).is_none() {
                return Err(unknown(bundle, &[], version));
            }
            let older = bundle.migrations.iter().filter(|m| VersionOrder::from(&m.version) <= order);
            Ok(older.filter_map(|migration| to_applied(Some(migration), row(&migration.version))).collect())
        }
        Wanted::One(version, resolution) => {
            let (file, row) = (find(bundle, version), row(version));
            match (resolution, file, row) {
                (_, None, None) => Err(unknown(bundle, applied, version)),
                (Resolution::Applied, file, row) => {
                    let changes: Vec<_> = to_applied(file, row).into_iter().collect();
                    let older = bundle.migrations.iter().find(|older| {
                        let pending = self::row(applied, &older.version).is_none_or(|row| !row.success);
                        pending && VersionOrder::from(&older.version) < order
                    });
                    match older.filter(|_| only_newest && !changes.is_empty()) {
                        Some(older) => Err(OperateError::OlderPending {
                            version: version.clone(),
                            older: older.version.clone(),
                        }),
                        None => Ok(changes),
                    }
                }
                (Resolution::RolledBack, _, None) => Ok(Vec::new()),
                (Resolution::RolledBack, file, Some(row)) if !row.success => Ok(vec![Resolved {
                    version: row.version.clone(),
                    name: file.map_or(row.description.clone(), |file| file.name.clone()),
                    now: Resolution::RolledBack,
                    was_dirty: true,
                }]),
                (Resolution::RolledBack, _, Some(row)) => {
                    Err(OperateError::WholeMigration { version: row.version.clone(), undo: undo.to_owned() })
                }
            }
        }
    }
}

/// What the history says of a version.
fn row<'a>(applied: &'a [Applied], version: &Version) -> Option<&'a Applied> {
    let order = VersionOrder::from(version);
    applied.iter().find(|row| VersionOrder::from(&row.version) == order)
}

/// None = it says so already.
fn to_applied(file: Option<&Migration>, row: Option<&Applied>) -> Option<Resolved> {
    if row.is_some_and(|row| row.success) {
        return None;
    }
    let version = row.map(|row| &row.version).or(file.map(|file| &file.version))?;
    let name = file.map(|file| &file.name).or(row.map(|row| &row.description))?;
    Some(Resolved {
        version: version.clone(),
        name: name.clone(),
        now: Resolution::Applied,
        was_dirty: row.is_some(),
    })
}

/// With every version that would have been one.
fn unknown(bundle: &Bundle, applied: &[Applied], version: &Version) -> OperateError {
    let mut known: Vec<(VersionOrder<'_>, String)> = bundle
        .migrations
        .iter()
        .map(|migration| {
            (VersionOrder::from(&migration.version), format!("{} ({})", migration.version, migration.name))
        })
        .collect();
    let only_recorded = applied.iter().filter(|row| find(bundle, &row.version).is_none());
    known.extend(only_recorded.map(|row| {
        (
            VersionOrder::from(&row.version),
            format!("{} ({}, in the history alone)", row.version, row.description),
        )
    }));
    known.sort_by_key(|(order, _)| *order);
    let folder = bundle.folder.display().to_string();
    let known = known.into_iter().map(|(_, name)| name).collect();
    OperateError::UnknownVersion { version: version.clone(), folder, known }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle() -> Bundle {
        let migration = |number: u32| Migration {
            version: number.to_string().as_str().into(),
            name: format!("{number:04}_step.sql"),
            description: "step".into(),
            path: format!("{number:04}_step.sql").into(),
            sql: "select 1".into(),
            checksum: vec![1],
            transactional: true,
            follows: Vec::new(),
        };
        Bundle {
            format: "sqlx",
            folder: "m".into(),
            migrations: [1, 2, 10].map(migration).to_vec(),
            unread: Vec::new(),
        }
    }

    fn row(version: &str, success: bool) -> Applied {
        Applied { version: version.into(), description: "step".into(), checksum: None, success }
    }

    fn decided(wanted: Wanted, applied: &[Applied]) -> Result<Vec<(String, Resolution, bool)>, OperateError> {
        let changes = decide(&bundle(), &wanted, applied, "DELETE …", false)?;
        Ok(changes.into_iter().map(|it| (it.version.0, it.now, it.was_dirty)).collect())
    }

    #[test]
    fn one_is_made_whole_or_undone() {
        use Resolution::{Applied, RolledBack};
        let one = |version: &str, now| Wanted::One(version.into(), now);
        let dirty = [row("1", true), row("2", false), row("7", false)];
        let is = |version: &str, now, dirty| vec![(version.to_owned(), now, dirty)];
        for (wanted, changes) in [
            (one("2", Applied), is("2", Applied, true)),
            (one("0002", RolledBack), is("2", RolledBack, true)),
            (one("10", Applied), is("10", Applied, false)),
            (one("7", Applied), is("7", Applied, true)),
            (one("7", RolledBack), is("7", RolledBack, true)),
            (one("1", Applied), vec![]),
            (one("10", RolledBack), vec![]),
        ] {
            assert_eq!(decided(wanted.clone(), &dirty).expect("known"), changes, "{wanted:?}");
        }
        let whole = decided(one("1", RolledBack), &dirty).expect_err("it is whole");
        assert!(matches!(whole, OperateError::WholeMigration { .. }), "{whole}");
    }

    #[test]
    fn where_one_version_stands_for_all_none_is_passed_over() {
        let one = |version: &str, applied: &[Applied]| {
            let wanted = Wanted::One(version.into(), Resolution::Applied);
            decide(&bundle(), &wanted, applied, "", true).map(|changes| changes.len())
        };
        assert_eq!(one("2", &[row("1", true), row("2", false)]).expect("it is next"), 1);
        assert_eq!(one("1", &[row("1", true)]).expect("it is so already"), 0);
        for applied in [&[row("1", true)][..], &[row("1", true), row("2", false)]] {
            let refused = one("10", applied).expect_err("2 is in front of it");
            assert!(matches!(&refused, OperateError::OlderPending { older, .. } if older.as_str() == "2"));
        }
    }

    #[test]
    fn up_to_takes_the_older_ones_by_their_number() {
        let up_to = |version: &str, applied: &[Applied]| decided(Wanted::UpTo(version.into()), applied);
        let versions = |found: Result<Vec<(String, Resolution, bool)>, OperateError>| {
            found.expect("known").into_iter().map(|(version, ..)| version).collect::<Vec<_>>()
        };
        assert_eq!(versions(up_to("10", &[])), ["1", "2", "10"]);
        assert_eq!(versions(up_to("2", &[row("1", true), row("2", false)])), ["2"]);
        assert!(up_to("3", &[row("3", true)]).is_err(), "no file of ours has it");
    }

    #[test]
    fn an_unknown_version_is_told_the_known_ones() {
        let wanted = Wanted::One("5".into(), Resolution::Applied);
        let Err(OperateError::UnknownVersion { known, .. }) = decided(wanted, &[row("7", true)]) else {
            panic!("it is unknown");
        };
        assert_eq!(
            known,
            [
                "1 (0001_step.sql)",
                "2 (0002_step.sql)",
                "7 (step, in the history alone)",
                "10 (0010_step.sql)"
            ]
        );
    }
}
