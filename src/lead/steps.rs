//! How far a run is: the steps that the next beat, or the verdict, writes.

use crate::lead::run::{Working, stem};
use crate::model::event::StepRef;
use crate::model::migration::Migration;
use crate::model::run::{Step, StepStatus};

impl Working<'_> {
    pub(super) fn begin_step(&self, migration: &Migration, step: &StepRef) {
        let started_at = self.now();
        self.progress.update(|progress| {
            progress.current = Some(stem(migration));
            progress.steps.push(Step {
                position: i64::try_from(step.position).unwrap_or(i64::MAX),
                version: migration.version.clone(),
                description: migration.description.clone(),
                status: StepStatus::Running,
                started_at,
                finished_at: None,
                error: None,
            });
        });
    }

    pub(super) fn end_step(&self, status: StepStatus, error: Option<String>) {
        let now = self.now();
        self.progress.update(|progress| {
            if let Some(step) = progress.steps.last_mut() {
                step.status = status;
                step.finished_at = Some(now);
                step.error = error;
            }
            if status == StepStatus::Succeeded {
                progress.done += 1;
            }
        });
    }

    fn now(&self) -> i64 {
        let elapsed = i64::try_from(self.clock.1.elapsed().as_millis()).unwrap_or(0);
        self.clock.0.saturating_add(elapsed)
    }
}
