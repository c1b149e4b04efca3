//! What the rows of `flyway_schema_history` say together. Knows how Flyway reads them, and no files but the bundle's.

use std::collections::BTreeMap;

use crate::formats::Record;
use crate::formats::flyway::{Dotted, repeated};
use crate::model::ids::Version;
use crate::model::migration::{Applied, Bundle, Migration};

/// What the rows up to now have said, in the order in which Flyway wrote them.
#[derive(Default)]
pub(super) struct Told {
    /// The last row of each version that is neither undone nor deleted.
    versions: BTreeMap<Dotted, Applied>,
    /// Baseline migrations that ran.
    baselines: BTreeMap<Dotted, Applied>,
    /// The newest version up to which all counts as applied.
    baseline: Option<Dotted>,
    /// The last run of what is repeated, by its description.
    repeated: BTreeMap<String, Applied>,
}

/// A row's kind, as `CoreMigrationType`, `BaselineMigrationType` and their older names have it.
enum Kind {
    Sql,
    Java,
    /// Somebody said that all up to here is there.
    Mark,
    BaselineMigration,
    Undo,
    Delete,
    /// Flyway made the schema.
    Schema,
}

fn kind(word: &str) -> Option<Kind> {
    Some(match word {
        "SQL" | "SCRIPT" => Kind::Sql,
        "JDBC" | "SPRING_JDBC" | "CUSTOM" => Kind::Java,
        "BASELINE" | "INIT" => Kind::Mark,
        "DELETE" => Kind::Delete,
        "SCHEMA" => Kind::Schema,
        _ if word.starts_with("UNDO_") => Kind::Undo,
        _ if word.ends_with("_BASELINE") || word.ends_with("_STATE_SCRIPT") => Kind::BaselineMigration,
        _ => return None,
    })
}

impl Told {
    /// Of all rows.
    pub(super) fn by(rows: &[Record], bundle: &Bundle) -> Result<Self, String> {
        let mut told = Self::default();
        rows.iter().try_for_each(|row| told.hear(row, bundle))?;
        Ok(told)
    }

    /// One more row.
    fn hear(&mut self, row: &Record, bundle: &Bundle) -> Result<(), String> {
        let description = row.words(1).unwrap_or_default();
        let word = row.words(2).unwrap_or_default().to_ascii_uppercase();
        let kind = kind(&word).ok_or_else(|| format!("a row has the type {word:?}, which is not known"))?;
        if matches!(kind, Kind::Schema) {
            return Ok(());
        }
        let Some(success) = row.truth(5) else { return Err(format!("{description:?} has no success")) };
        let checksum = match row.words(4) {
            None => None,
            Some(number) => {
                let number: i32 =
                    number.parse().map_err(|_| format!("{number:?} is no checksum of Flyway's"))?;
                Some(number.to_be_bytes().to_vec())
            }
        };
        // one without files waits for a single version, in whatever it is written
        if matches!(kind, Kind::Java) && success && bundle.has_files() {
            return is_known_as_unread(row.words(3).unwrap_or_default(), bundle);
        }
        let Some(version) = row.words(0) else {
            self.hear_repeated(&kind, description, success, checksum);
            return Ok(());
        };
        let Some(dotted) = Dotted::parse(version) else {
            return Err(format!("{version:?} is no version of Flyway's"));
        };
        let applied =
            Applied { version: dotted.version(), description: description.to_owned(), checksum, success };
        match kind {
            Kind::Delete | Kind::Undo if success => drop(self.versions.remove(&dotted)),
            Kind::Delete | Kind::Schema => {}
            Kind::Mark => self.baseline = self.baseline.take().max(Some(dotted)),
            Kind::BaselineMigration => {
                if success {
                    self.baseline = self.baseline.take().max(Some(dotted.clone()));
                }
                let version = Version(format!("B{}", applied.version));
                self.baselines.insert(dotted, Applied { version, ..applied });
            }
            Kind::Sql | Kind::Java | Kind::Undo => drop(self.versions.insert(dotted, applied)),
        }
        Ok(())
    }

    fn hear_repeated(&mut self, kind: &Kind, description: &str, success: bool, checksum: Option<Vec<u8>>) {
        match kind {
            Kind::Delete if success => drop(self.repeated.remove(description)),
            Kind::Delete => {}
            _ => {
                let (version, description) = (Version(repeated(description)), description.to_owned());
                let applied = Applied { version, description: description.clone(), checksum, success };
                self.repeated.insert(description, applied);
            }
        }
    }

    /// Whether all that a baseline migration of this version stands for is there without it.
    fn has_reached(&self, version: &Dotted) -> bool {
        let applied = self.versions.range(version..).any(|(_, row)| row.success);
        applied || self.baseline.as_ref().is_some_and(|baseline| baseline >= version)
    }

    /// All of it in terms of a bundle: what is applied, and what Flyway neither has applied nor would.
    pub(super) fn of(mut self, bundle: &Bundle) -> (Vec<Applied>, Vec<Version>) {
        let has_begun = !self.versions.is_empty() || !self.baselines.is_empty() || self.baseline.is_some();
        let files = bundle.migrations.iter().filter(|migration| !migration.is_named_only());
        let newest_file = files.filter_map(baseline_of).max();
        let (mut all, mut left_out) = (Vec::new(), Vec::new());
        for migration in &bundle.migrations {
            let found = match (baseline_of(migration), Dotted::parse(migration.version.as_str())) {
                // somebody waits for it: passing it over would say that it is there
                (Some(of), _) if migration.is_named_only() => {
                    let reached = self.has_reached(&of).then(|| counts_as_applied(migration));
                    self.baselines.remove(&of).or(reached)
                }
                (Some(of), _) => {
                    let row = self.baselines.remove(&of);
                    if row.is_none() && (has_begun || Some(&of) != newest_file.as_ref()) {
                        left_out.push(migration.version.clone());
                    }
                    row
                }
                // the newest baseline stands for it
                (None, Some(of))
                    if !has_begun && newest_file.as_ref().is_some_and(|newest| of <= *newest) =>
                {
                    left_out.push(migration.version.clone());
                    None
                }
                (None, Some(of)) if self.baseline.as_ref().is_some_and(|limit| of <= *limit) => {
                    // below a baseline Flyway compares nothing
                    let row = self.versions.remove(&of).map(|row| Applied { checksum: None, ..row });
                    Some(row.unwrap_or_else(|| counts_as_applied(migration)))
                }
                (None, Some(of)) => self.versions.remove(&of),
                (None, None) => {
                    let row = self.repeated.remove(&abbreviated(&described(migration)));
                    row.filter(|row| {
                        // without its file, that it ran is all that can be asked for
                        !row.success
                            || migration.is_named_only()
                            || row.checksum.as_ref() == Some(&migration.checksum)
                    })
                }
            };
            all.extend(found);
        }
        all.extend(self.versions.into_values());
        all.extend(self.repeated.into_values());
        // one whose file is gone says no more than its mark, unless it failed
        all.extend(self.baselines.into_values().filter(|row| !row.success));
        (all, left_out)
    }
}

/// What a repeatable one is called in the history.
fn described(migration: &Migration) -> String {
    match migration.version.as_str().strip_prefix("R__") {
        Some(words) if migration.is_named_only() => words.replace('_', " "),
        _ => migration.description.clone(),
    }
}

/// The version of a baseline migration's file.
fn baseline_of(migration: &Migration) -> Option<Dotted> {
    Dotted::parse(migration.version.as_str().strip_prefix('B')?)
}

fn counts_as_applied(migration: &Migration) -> Applied {
    let (version, description) = (migration.version.clone(), migration.description.clone());
    Applied { version, description, checksum: None, success: true }
}

/// Flyway's column takes 200 characters (`AbbreviationUtils.java`), counted as Java does it.
fn abbreviated(description: &str) -> String {
    let units: Vec<u16> = description.encode_utf16().collect();
    if units.len() <= 200 {
        return description.to_owned();
    }
    String::from_utf16_lossy(&units[..197]) + "..."
}

/// A migration in Java says that there is Java, and more of it may be pending: that must be in the bundle as unread.
fn is_known_as_unread(class: &str, bundle: &Bundle) -> Result<(), String> {
    let short = class.rsplit('.').next().unwrap_or(class);
    let is_it = |name: &str| name.split_once('.').is_some_and(|(stem, _)| stem == short);
    if bundle.unread.iter().any(|unread| is_it(&unread.name)) {
        return Ok(());
    }
    Err(format!("{class} was applied, which is Java, and only SQL is read"))
}
