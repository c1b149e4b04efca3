//! How a run ended: what the ledger keeps of it, written before the lock is freed.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::database::{Database, DbError, DbErrorKind, Purpose};
use crate::error::{AtWork, Cut, Error};
use crate::exit::signal_name;
use crate::explain::explain;
use crate::job::{Job, Success, milliseconds};
use crate::lead::ends::stem;
use crate::lead::run::{Voice, Working};
use crate::ledger::record::{Progress, Recorder, Verdict};
use crate::lock::beats::{BEAT_LIMIT, EVERY, tell_missed};
use crate::lock::line::{Line, no_answer};
use crate::lock::trust::Trust;
use crate::model::event::Event;
use crate::model::run::{EngineKind, LockMode, Run, RunStatus};

/// How long a verdict is tried to be written at least.
const PATIENCE: Duration = Duration::from_secs(4);
/// What an answer may take after the last try.
const LAST_ANSWER: Duration = Duration::from_secs(1);

impl Working<'_> {
    /// The verdict, before the lock is freed.
    pub(super) async fn finish(
        self,
        work: &mut dyn Database,
        run: &Run,
        done: Result<(), Error>,
    ) -> Result<Success, Error> {
        let verdict = self.verdict(&done);
        let status = verdict.status;
        let until_deadline = self.job.limits.deadline().saturating_duration_since(Instant::now());
        let ended_early = matches!(done, Err(Error::Signalled { .. } | Error::LockLost { .. }));
        let patience = if ended_early { PATIENCE } else { PATIENCE.max(until_deadline) };
        let progress = self.progress.get();
        let succeeded = done.is_ok();
        let applied = self.applied;
        self.job.known.put(Err(done.err().unwrap_or_else(|| {
            let error = DbError::new(DbErrorKind::Timeout, "we were ended before an answer came");
            Error::NotRecorded { error, applied: applied.clone() }
        })));
        let written = match self.voice {
            Voice::Beats(beats) => tokio::select! {
                written = beats.finish(verdict, patience) => written,
                never = keep_alive(work, self.job) => never,
            },
            Voice::Inline(mut recorder) => {
                let verdict = (&progress, &verdict);
                let inline = Inline { job: self.job, mode: self.mode, trust: self.trust, patience };
                let finish = inline.finish(&mut recorder, work, verdict);
                match ended_early {
                    // on a session that does not answer, nothing ends by itself
                    true => timeout(patience + LAST_ANSWER, finish).await.unwrap_or_else(|_| {
                        Err(DbError::new(DbErrorKind::Timeout, "no answer when the run was to be recorded"))
                    }),
                    false => finish.await,
                }
            }
        };
        let duration_ms = milliseconds(self.clock.1.elapsed());
        self.job.report.event(&Event::RunFinished { run: run.id.clone(), status, duration_ms });
        let ended = match (self.job.known.take(), written) {
            (Some(failed), written) if !succeeded => {
                if let Err(error) = written {
                    let message = format!(
                        "how the run ended could not be recorded ({}): to all others it is at work until they miss its \
                         signs of life",
                        error.message
                    );
                    self.job.report.event(&Event::Notice { message });
                }
                failed
            }
            (_, Ok(true)) => {
                let message = done_message(applied.len(), run);
                Ok(Success { run: Some(run.id.clone()), message, applied, ..Success::default() })
            }
            (_, Ok(false)) => Err(Error::LockLost {
                reason: "another run has taken over before ours could be recorded".to_owned(),
                step: None,
                applied,
                cut: Cut::default(),
            }),
            (_, Err(error)) => Err(Error::NotRecorded { error, applied }),
        };
        self.job.deployments.iter().for_each(|deployments| deployments.ended(&ended));
        ended
    }

    fn verdict(&self, done: &Result<(), Error>) -> Verdict {
        let leader = self.job.identity.participant.to_string();
        let Err(error) = done else {
            return Verdict {
                status: RunStatus::Succeeded,
                error: None,
                failed_step: None,
                ended_by: leader,
            };
        };
        let (status, step, ended_by) = match error {
            Error::Signalled { signal, step, .. } => {
                (RunStatus::Interrupted, step.as_ref(), format!("{} in {leader}", signal_name(*signal)))
            }
            Error::LockLost { step, .. } => {
                (RunStatus::Interrupted, step.as_ref(), format!("lost lock of {leader}"))
            }
            Error::BudgetEnded { step, .. } => (RunStatus::Failed, step.as_ref(), leader),
            _ => (RunStatus::Failed, None, leader),
        };
        let failed_step = match (error, step) {
            (Error::Step { migration, .. }, _) => Some(stem(migration)),
            (_, Some(AtWork::Migration(name))) => Some(name.clone()),
            (_, Some(AtWork::Command(_)) | None) => None,
        };
        Verdict { status, error: Some(explain(error).to_text()), failed_step, ended_by }
    }
}

/// Where no task beats: the verdict is written on the work session.
struct Inline<'a> {
    job: &'a Job,
    mode: LockMode,
    trust: Trust,
    patience: Duration,
}

impl Inline<'_> {
    async fn finish(
        &self,
        recorder: &mut Recorder,
        work: &mut dyn Database,
        verdict: (&Progress, &Verdict),
    ) -> Result<bool, DbError> {
        match self.job.beats() {
            true => self.of_command(recorder, work, verdict).await,
            false => self.on_file(recorder, work, verdict).await,
        }
    }

    /// Where the work session does not answer, which the lock's loss may have begun with, on a new one. The verdict's own
    /// condition says whether the run is still ours.
    async fn of_command(
        &self,
        recorder: &mut Recorder,
        work: &mut dyn Database,
        (progress, verdict): (&Progress, &Verdict),
    ) -> Result<bool, DbError> {
        let missed = |reason: &str| tell_missed(self.job.report.as_ref(), self.trust, reason);
        let began = Instant::now();
        let tried = timeout(BEAT_LIMIT, recorder.finish(work, progress, verdict)).await;
        match tried.unwrap_or_else(|_| Err(no_answer(BEAT_LIMIT))) {
            Err(error) if error.kind.passes() => missed(&error.message),
            written => return written,
        }
        let purpose = if self.mode == LockMode::Lease { Purpose::Lease } else { Purpose::Beat };
        let left = self.patience.saturating_sub(began.elapsed());
        let mut line = Line::new(self.job.engine, Arc::clone(&self.job.target), purpose, None);
        line.finish(recorder, (progress, verdict), left, true, missed).await
    }

    /// SQLite waits for other writers by itself.
    async fn on_file(
        &self,
        recorder: &mut Recorder,
        work: &mut dyn Database,
        (progress, verdict): (&Progress, &Verdict),
    ) -> Result<bool, DbError> {
        let began = Instant::now();
        let mut tried = false;
        loop {
            // a script that was cut off may have left its transaction open, and so may a try before this one; if there is
            // none, that is fine too
            if tried || self.job.command.is_none() {
                let _ = work.script("ROLLBACK").await;
            }
            tried = true;
            match recorder.finish(work, progress, verdict).await {
                Err(error) if error.kind.passes() && began.elapsed() < self.patience => {
                    sleep(Duration::from_millis(100)).await;
                }
                written => return written,
            }
        }
    }
}

impl Working<'_> {
    /// Before the work, where others are to hear of it elsewhere. The lock's session is kept alive meanwhile.
    pub(super) async fn announce(&self, work: &mut dyn Database, run: &Run) -> Result<(), Error> {
        let Some(deployments) = &self.job.deployments else { return Ok(()) };
        tokio::select! {
            claimed = deployments.claimed(run) => claimed?,
            signal = self.job.signalled() => return Err(self.signalled(signal, None)),
            _ = keep_alive(work, self.job) => {}
        }
        deployments.at_work();
        Ok(())
    }
}

/// The server's watchdog would end the idle work session, and with it the lock, before the verdict is written.
async fn keep_alive(work: &mut dyn Database, job: &Job) -> Result<bool, DbError> {
    loop {
        sleep(EVERY).await;
        let _ = work.holder(&job.key).await; // the verdict counts, whatever this says
    }
}

fn done_message(applied: usize, run: &Run) -> String {
    match applied {
        _ if run.engine == EngineKind::Command => {
            format!("the command succeeded; {} is recorded", run.release.short())
        }
        0 => format!("nothing was pending; {} is recorded", run.release.short()),
        1 => "applied 1 migration".to_owned(),
        many => format!("applied {many} migrations"),
    }
}
