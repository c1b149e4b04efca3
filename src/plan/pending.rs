//! A bundle against a history: what is pending, what is refused, what is only worth a notice. Pure; who reads the
//! history and who acts on the judgement is elsewhere.

mod order;
mod refusal;

use std::collections::{BTreeMap, HashSet};

use crate::formats::{FORMATS, Rules, Sequence};
use crate::model::event::{MigrationStanding, MigrationState};
use crate::model::ids::Version;
use crate::model::migration::{Applied, Bundle, Migration, Pending};

pub use self::order::VersionOrder;
pub use self::refusal::{Blind, Refusal};

/// What a bundle and a history say together.
#[derive(Clone, Debug, Default)]
pub struct Judgement {
    /// Which of the bundle's migrations are not whole in the database, as indices in its order; dirty ones included.
    pub pending: Vec<usize>,
    /// Why nothing may be applied, by version; empty = go on.
    pub refusals: Vec<Refusal>,
    /// Applied, and later than everything in the bundle: what a rollback looks like. A notice, never a refusal.
    pub ahead: Vec<Version>,
    /// What is wrong and stops nobody: changed and missing files that the rules let pass, and whatever the tool that
    /// applies these migrations has to judge by itself.
    pub accepted: Vec<Refusal>,
    /// Every migration of bundle and history, by version; where versions have no order, the bundle's first.
    pub states: Vec<MigrationState>,
    /// That the history may be another one than the one that was meant, in a sentence.
    pub doubt: Option<String>,
    /// Why the history says nothing that we could rely on: then what is pending is unknown.
    pub unknown: Option<String>,
    /// Which of the bundle are not in the database, nor will be: others stand for them.
    pub left_out: Vec<usize>,
    /// Which of the bundle may be pending or may never be applied, with the reason: only their tool can tell.
    pub undecided: Vec<(Version, String)>,
    /// The one migration that is waited for; none = all of the bundle.
    pub needed: Option<Version>,
}

/// Judges a history by a bundle. `rules` say what is let pass; a half-applied migration never is.
pub fn judge(bundle: &Bundle, applied: &[Applied], rules: Rules) -> Judgement {
    let order_of = |version| VersionOrder::of(version, rules.sequence);
    let mut history: BTreeMap<VersionOrder<'_>, &Applied> =
        applied.iter().map(|row| (order_of(&row.version), row)).collect();
    // a text among numbers (Flyway's repeatable ones) is neither before nor after them
    let has_numbers = history.keys().any(|order| order.is_number())
        || bundle.migrations.iter().any(|m| order_of(&m.version).is_number());
    let ordered = |order: VersionOrder<'_>| match rules.sequence {
        Sequence::Numbers => order.is_number() || !has_numbers,
        Sequence::Own(_) => true,
        Sequence::Unordered => false,
    };
    let newest_applied = history.iter().rev().find(|(order, row)| row.success && ordered(**order));
    let newest_applied = newest_applied.map(|(_, row)| row.version.clone());
    let newest_here =
        bundle.migrations.iter().map(|m| order_of(&m.version)).filter(|order| ordered(*order)).max();

    let mut judgement = Judgement::default();
    let mut found = Vec::new();
    for (index, migration) in bundle.migrations.iter().enumerate() {
        let order = order_of(&migration.version);
        let row = history.remove(&order);
        let standing = standing(migration, row);
        if matches!(standing, MigrationStanding::Pending | MigrationStanding::Dirty) {
            judgement.pending.push(index);
        }
        if standing == MigrationStanding::Changed && rules.changed {
            let (version, name) = (migration.version.clone(), migration.name.clone());
            judgement.accepted.push(Refusal::Changed { version, name });
        }
        let newest = newest_applied.as_ref().filter(|_| ordered(order));
        let refusal = refuse(migration, standing, newest, rules);
        found.push((order, migration.version.clone(), migration.name.clone(), standing, refusal));
    }
    // where files were not read, one of them may be what only the history has
    let all_read = bundle.unread.is_empty();
    for (order, row) in history {
        let ahead = all_read && (!ordered(order) || newest_here.is_none_or(|newest| order > newest));
        let (version, name) = (row.version.clone(), row.description.clone());
        let (standing, refusal) = if !row.success {
            (MigrationStanding::Dirty, Some(Refusal::Dirty { version, name, error: None }))
        } else if ahead {
            (MigrationStanding::Ahead, None)
        } else if !all_read {
            (MigrationStanding::Applied, None)
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
        found.push((order, row.version.clone(), recorded_name(bundle, row), standing, refusal));
    }
    if !matches!(rules.sequence, Sequence::Unordered) {
        found.sort_by_key(|(order, ..)| *order);
    }
    for (_, version, name, state, refusal) in found {
        judgement.states.push(MigrationState { version, name, state, error: None });
        judgement.refusals.extend(refusal);
    }
    judgement
}

impl Judgement {
    /// Of a history that tells nothing.
    pub fn unknown(bundle: &Bundle, blind: impl Into<Blind>, rules: Rules) -> Self {
        let blind = blind.into();
        let refusals = vec![Refusal::Unreadable(blind.clone())];
        let mut blind = Self { unknown: Some(blind.why), refusals, ..judge(bundle, &[], rules) };
        blind.states.iter_mut().for_each(|it| it.state = MigrationStanding::Unknown);
        blind
    }

    /// Says better why nothing is known.
    pub fn unknown_because(&mut self, better: String) {
        for refusal in &mut self.refusals {
            if let Refusal::Unreadable(Blind { why, .. }) = refusal {
                better.clone_into(why);
            }
        }
        self.unknown = Some(better);
    }

    /// Takes out what its tool would not apply, because others stand for it.
    pub fn leave_out(&mut self, bundle: &Bundle, versions: &[Version]) {
        let versions: HashSet<&Version> = versions.iter().collect();
        let is_left_out = |index: &usize| versions.contains(&bundle.migrations[*index].version);
        self.left_out.extend(self.pending.iter().copied().filter(is_left_out));
        self.pending.retain(|index| !is_left_out(index));
        self.states.retain(|it| it.state != MigrationStanding::Pending || !versions.contains(&it.version));
        let left_out =
            |it: &Refusal| matches!(it, Refusal::OutOfOrder { version, .. } if versions.contains(version));
        self.refusals.retain(|refusal| !left_out(refusal));
    }

    /// Marks what only its tool can decide.
    pub fn leave_open(&mut self, bundle: &Bundle, undecided: Vec<(Version, String)>) {
        for (version, why) in undecided {
            let named = bundle.migrations.iter().find(|migration| migration.version == version);
            for state in self.states.iter_mut().filter(|it| it.version == version) {
                state.state = MigrationStanding::Unknown;
            }
            let name = named.map_or(version.as_str(), |migration| migration.name.as_str());
            let why = format!("{name} is not there, and may never be: {why}");
            self.undecided.push((version, why));
        }
    }

    /// We have no files, only the one migration that we wait for: that others have none here says nothing.
    pub fn leave_the_rest(&mut self) {
        self.ahead.clear();
        let is_ours = |it: &Refusal| !matches!(it, Refusal::Missing { .. });
        self.refusals.retain(is_ours);
        self.accepted.retain(is_ours);
        for state in &mut self.states {
            if matches!(state.state, MigrationStanding::Missing | MigrationStanding::Ahead) {
                state.state = MigrationStanding::Applied;
            }
        }
    }

    /// Not we apply these migrations but their own tool, which has its own mind about all that: nothing is refused.
    pub fn leave_to_tool(&mut self) {
        let left = std::mem::take(&mut self.refusals);
        // what is unknown is said as such
        self.accepted.extend(left.into_iter().filter(|it| !matches!(it, Refusal::Unreadable(_))));
    }

    /// What somebody has to say who may go live, all that is needed being applied, where a leader would refuse.
    pub fn passed_over(&self) -> Option<String> {
        let all: Vec<_> = self.refusals.iter().map(ToString::to_string).collect();
        let all: Vec<_> = all.iter().map(String::as_str).collect();
        (!all.is_empty())
            .then(|| format!("what we need is applied; a leader would refuse: {}", few(&all, "; ")))
    }

    /// What is half applied, in a sentence each.
    pub fn half_applied(&self) -> Option<String> {
        let dirty =
            self.refusals.iter().chain(&self.accepted).filter(|it| matches!(it, Refusal::Dirty { .. }));
        let all: Vec<_> = dirty.map(ToString::to_string).collect();
        let all: Vec<_> = all.iter().map(String::as_str).collect();
        (!all.is_empty()).then(|| few(&all, "; "))
    }

    /// Adds what a tool noted of migrations that it began and did not finish, by version.
    pub fn note(&mut self, failures: Vec<(Version, String)>) {
        for (version, words) in failures {
            let states = self.states.iter_mut().filter(|it| it.version == version);
            for state in states.filter(|it| it.state == MigrationStanding::Dirty) {
                state.error = Some(words.clone());
            }
            for refusal in &mut self.refusals {
                if let Refusal::Dirty { version: of, error, .. } = refusal
                    && *of == version
                {
                    *error = Some(words.clone());
                }
            }
        }
    }

    /// What whoever applies the bundle has to say, in a sentence each.
    pub fn notices(&self) -> Vec<String> {
        let mut notices = Vec::new();
        if !self.ahead.is_empty() {
            let ahead: Vec<_> = self.ahead.iter().map(Version::as_str).collect();
            notices.push(format!(
                "the database is ahead of these migrations by {}: {}; that is what a rollback looks like, and nothing is done about it",
                ahead.len(),
                few(&ahead, ", ")
            ));
        }
        let subjects = |is_it: fn(&Refusal) -> bool| -> Vec<&str> {
            self.accepted.iter().filter(|it| is_it(it)).map(Refusal::subject).collect()
        };
        let versions = subjects(|it| matches!(it, Refusal::Missing { .. }));
        if !versions.is_empty() {
            let are = if versions.len() == 1 { "migration has" } else { "migrations have" };
            notices.push(format!("{} applied {are} no file here: {}", versions.len(), few(&versions, ", ")));
        }
        let names = subjects(|it| matches!(it, Refusal::Changed { .. }));
        if !names.is_empty() {
            let were = if names.len() == 1 { "file was" } else { "files were" };
            notices.push(format!(
                "{} {were} changed after being applied: {}",
                names.len(),
                few(&names, ", ")
            ));
        }
        let late = subjects(|it| matches!(it, Refusal::OutOfOrder { .. }));
        if !late.is_empty() {
            let are = if late.len() == 1 { "file is" } else { "files are" };
            let late_ones = few(&late, ", ");
            notices.push(format!("{} pending {are} older than what is applied: {late_ones}", late.len()));
        }
        let dirty = self.accepted.iter().filter(|it| matches!(it, Refusal::Dirty { .. }));
        notices.extend(dirty.map(ToString::to_string));
        notices
    }

    /// What of the bundle is pending; unknown if the bundle is empty, because it says nothing about the database, and
    /// whatever the history says if a part could not be read: what is recorded may stand on that part.
    pub fn pending(&self, bundle: &Bundle) -> Pending {
        let in_part = !bundle.unread.is_empty() || !self.undecided.is_empty();
        if bundle.is_empty() || self.unknown.is_some() || in_part {
            return Pending::Unknown;
        }
        let versions = self.pending.iter().map(|index| bundle.migrations[*index].version.clone());
        Pending::from_versions(versions.collect())
    }

    /// Whether this one migration of the bundle is pending.
    pub fn pending_of(&self, bundle: &Bundle, version: &Version) -> Pending {
        let is_it = |index: &&usize| bundle.migrations.get(**index).is_some_and(|it| it.version == *version);
        // which others stand for it is not told: all
        if self.left_out.iter().any(|index| is_it(&index)) {
            return self.pending(bundle);
        }
        match self.pending.iter().find(is_it) {
            _ if self.unknown.is_some() => Pending::Unknown,
            Some(_) if !bundle.unread.is_empty() => Pending::Unknown,
            Some(_) if self.undecided.iter().any(|(open, _)| open == version) => Pending::Unknown,
            Some(_) => Pending::Some(vec![version.clone()]),
            None => Pending::None,
        }
    }

    /// Whether what is pending may depend on this one, as far as it matters to us.
    fn depends_on(&self, bundle: &Bundle, version: &Version) -> bool {
        let stands_for =
            |needed: &Version| self.left_out.iter().any(|index| bundle.migrations[*index].version == *needed);
        self.needed.as_ref().is_none_or(|needed| needed == version || stands_for(needed))
    }

    /// Why what is pending is unknown, if it is for a reason that can be told: the files first, which stay so whatever
    /// the history comes to say.
    pub fn why_unknown(&self, bundle: &Bundle) -> Option<String> {
        const NAMED: usize = 5;
        let unread = bundle.unread.iter().take(NAMED).map(|unread| format!("{} {}", unread.name, unread.why));
        let more = bundle.unread.len().checked_sub(NAMED).filter(|more| *more > 0);
        let more = more.map(|more| format!("and {more} more files or parts are not understood"));
        let undecided = self.undecided.iter().find(|(open, _)| self.depends_on(bundle, open));
        let undecided = undecided.map(|(_, why)| why.clone());
        let reasons: Vec<String> = unread.chain(more).chain(self.unknown.clone()).chain(undecided).collect();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }
}

/// The first of many.
fn few(all: &[&str], between: &str) -> String {
    const FEW: usize = 10;
    match all.len() {
        0..=FEW => all.join(between),
        many => format!("{} and {} more", all[..FEW].join(between), many - FEW),
    }
}

/// What the bundle's own tool calls it.
fn recorded_name(bundle: &Bundle, row: &Applied) -> String {
    let format = FORMATS.iter().find(|format| format.name() == bundle.format);
    format.map_or_else(|| row.version.to_string(), |format| format.called(row))
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
        (MigrationStanding::Dirty, _) => Some(Refusal::Dirty { version, name, error: None }),
        (MigrationStanding::Changed, _) if !rules.changed => Some(Refusal::Changed { version, name }),
        (MigrationStanding::Pending, Some(newest))
            if !rules.out_of_order
                && VersionOrder::of(newest, rules.sequence)
                    > VersionOrder::of(&migration.version, rules.sequence) =>
        {
            Some(Refusal::OutOfOrder { version, name, newest: newest.clone() })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
