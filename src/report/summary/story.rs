//! What events tell, put together: who, which migrations and how each ended, how long was waited.

use crate::model::event::{Event, Outcome, PlanReport, Start, StatusReport, StepRef, Watched};
use crate::model::run::EngineKind;
use crate::report::summary::Told;

/// What happened, as far as it was told.
#[derive(Default)]
pub(super) struct Story<'a> {
    pub start: Option<&'a Start>,
    pub plan: Option<&'a PlanReport>,
    pub status: Option<&'a StatusReport>,
    pub outcome: Option<&'a Outcome>,
    /// The run of somebody else that we saw last.
    pub watched: Option<&'a Watched>,
    /// How long we had waited when it was told last, or in all.
    pub waited_ms: Option<u64>,
    /// Until our own run began.
    pub lock_wait_ms: Option<u64>,
    pub steps: Vec<Step<'a>>,
    /// How many there are.
    pub total: u64,
    /// What took time, in order: waiting, others at work, our own command.
    pub spans: Vec<Span>,
}

/// One migration.
pub(super) struct Step<'a> {
    pub step: &'a StepRef,
    pub began_ms: u64,
    pub took_ms: u64,
    pub ending: Ending,
    pub retries: u64,
}

/// How it ended.
pub(super) enum Ending {
    Applied,
    Failed(String),
    /// Our own end came first.
    CutOff,
}

/// Something that took time.
pub(super) struct Span {
    pub name: String,
    pub began_ms: u64,
    pub took_ms: u64,
}

impl<'a> Story<'a> {
    /// Of events in order.
    pub fn of(told: &'a [Told]) -> Self {
        let mut story = Self::default();
        let end = told.last().map_or(0, |last| last.at_ms);
        for (index, told_now) in told.iter().enumerate() {
            let next = told.get(index + 1).map_or(end, |next| next.at_ms);
            story.read(told_now, next);
        }
        for step in story.steps.iter_mut().filter(|step| matches!(step.ending, Ending::CutOff)) {
            step.took_ms = end.saturating_sub(step.began_ms);
        }
        // a follower's whole life is a wait; a leader's is not
        if story.watched.is_some() && story.steps.is_empty() && story.lock_wait_ms.is_none() {
            story.waited_ms = story.outcome.map(|outcome| outcome.duration_ms).or(story.waited_ms);
        } else {
            story.watched = None;
        }
        story
    }

    fn read(&mut self, told: &'a Told, next: u64) {
        let took_ms = next.saturating_sub(told.at_ms);
        let mut span = |name: String| self.spans.push(Span { name, began_ms: told.at_ms, took_ms });
        match &told.event {
            Event::Start(start) => self.start = Some(start),
            Event::Plan(plan) => self.plan = Some(plan),
            Event::Status(status) => self.status = Some(status),
            Event::Outcome(outcome) => self.outcome = Some(outcome),
            Event::LockWaiting { .. } => span("waiting for the lock".to_owned()),
            Event::Waiting { .. } => span("waiting for a leader".to_owned()),
            Event::Watching { run, waited_ms } => {
                span(format!("{} at work", run.leader));
                self.watched = Some(run);
                self.waited_ms = Some(*waited_ms);
            }
            Event::RunStarted { engine, total, waited_ms, .. } => {
                if *engine == EngineKind::Command {
                    span("the command".to_owned());
                }
                self.total = *total;
                self.lock_wait_ms = Some(*waited_ms);
            }
            Event::StepStarted { step } => self.steps.push(Step {
                step,
                began_ms: told.at_ms,
                took_ms: 0,
                ending: Ending::CutOff,
                retries: 0,
            }),
            Event::StepRetried { .. } => {
                if let Some(step) = self.steps.last_mut() {
                    step.retries += 1;
                }
            }
            Event::StepFinished { duration_ms, .. } => {
                if let Some(step) = self.steps.last_mut() {
                    (step.took_ms, step.ending) = (*duration_ms, Ending::Applied);
                }
            }
            Event::StepFailed { reason, .. } => {
                if let Some(step) = self.steps.last_mut() {
                    step.took_ms = told.at_ms.saturating_sub(step.began_ms);
                    step.ending = Ending::Failed(reason.clone());
                }
            }
            _ => {}
        }
    }
}
