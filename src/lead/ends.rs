//! How the work of a run ends without success: its errors, with what was at work and what was applied before.

use std::sync::PoisonError;

use crate::engine::step::StepError;
use crate::error::{AtWork, Cut, Error};
use crate::lead::run::Working;
use crate::ledger::history::HistoryTable;
use crate::model::migration::Migration;

/// Why a step is cut off.
pub(super) enum Why {
    Signal(u8),
    Budget,
    Lost(String),
}

impl Working<'_> {
    pub(super) fn failed(&self, error: StepError, migration: &Migration, history: &HistoryTable) -> Error {
        match error {
            StepError::FenceLost { reason, half } => {
                self.cut(&Why::Lost(reason), migration, Cut { half_applied: half, unanswered: false })
            }
            error if error.ends_session() => {
                let reason = format!("the work session broke: {error}");
                let known = Cut { half_applied: error.leaves_half(), ..Cut::default() };
                self.cut(&Why::Lost(reason), migration, known)
            }
            error => Error::Step {
                migration: Box::new(migration.clone()),
                error: Box::new(error),
                applied: self.applied.clone(),
                history: history.clone(),
                target: self.job.place(),
            },
        }
    }

    /// What a migration that is cut off ends with.
    pub(super) fn cut(&self, why: &Why, migration: &Migration, known: Cut) -> Error {
        match why {
            Why::Signal(signal) => self.signalled(*signal, at(migration)),
            Why::Budget => self.budget_ended(at(migration)),
            Why::Lost(reason) => self.lock_lost(reason.clone(), at(migration)),
        }
        .cut_off(known)
    }

    pub(super) fn signalled(&self, signal: u8, step: Option<AtWork>) -> Error {
        Error::Signalled { signal, step, waiting: None, applied: self.applied.clone(), cut: Cut::default() }
    }

    pub(super) fn budget_ended(&self, step: Option<AtWork>) -> Error {
        let budget = self.job.limits.budget;
        Error::BudgetEnded {
            budget,
            step,
            applied: self.applied.clone(),
            cut: Cut::default(),
            waited_for: self.retried.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    pub(super) fn lock_lost(&self, reason: String, step: Option<AtWork>) -> Error {
        Error::LockLost { reason, step, applied: self.applied.clone(), cut: Cut::default() }
    }
}

pub(super) fn at(migration: &Migration) -> Option<AtWork> {
    Some(AtWork::Migration(stem(migration)))
}

/// `20240301_add_index`: the file's name without its ending.
pub(super) fn stem(migration: &Migration) -> String {
    let name = migration.name.as_str();
    let name = name.strip_suffix(".sql").unwrap_or(name);
    name.strip_suffix(".up").unwrap_or(name).to_owned()
}
