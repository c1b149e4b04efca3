//! A run at work: its migrations, watched; its beats; its verdict.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use crate::database::{Database, DbError, DbErrorKind, Interrupt, Server};
use crate::engine::sql::Sql;
use crate::engine::step::StepError;
use crate::error::{Cut, Doing, Error};
use crate::job::{Job, Success, milliseconds};
use crate::lead::ends::Why;
use crate::lead::remains::Odd;
use crate::lead::sessions::Sessions;
use crate::ledger::history::HistoryTable;
use crate::ledger::record::{Mine, Recorder};
use crate::lock::beats::{Beats, Leader, Lock, SharedProgress};
use crate::lock::claim;
use crate::lock::hold::Hold;
use crate::lock::trust::Trust;
use crate::model::event::{Event, StepRef};
use crate::model::ids::Version;
use crate::model::migration::Migration;
use crate::model::run::{LockMode, Run, StepStatus};

/// Runs of so many steps write each one's begin on the one connection; longer ones now and then.
const TOLD_ONE_BY_ONE: i64 = 100;
/// Between writes of progress of a longer run.
const SPEAK_EVERY: Duration = Duration::from_secs(1);
/// How long a cancelled statement may take to end.
const CANCEL_PATIENCE: Duration = Duration::from_millis(2500);
/// How long an interrupt has to show.
const INTERRUPT_AGAIN: Duration = Duration::from_millis(500);

/// From the claim to the verdict.
pub async fn migrate(
    leader: &mut Sessions,
    job: &Job,
    run: &Run,
    history: Option<HistoryTable>,
    (began, trust): (Instant, Trust),
) -> Result<Success, Error> {
    let mine = claim::mine(run);
    let progress = SharedProgress::default();
    let recorder = Recorder::new(job.ledger.clone(), mine.clone());
    let voice = match leader.beat.take() {
        Some(session) => {
            let heart = Leader {
                engine: job.engine,
                target: Arc::clone(&job.target),
                key: job.key.clone(),
                work_session: (leader.mode == LockMode::Session).then(|| leader.server.session.clone()),
                trust,
                report: Arc::clone(&job.report),
            };
            Voice::Beats(Beats::start(session, recorder, progress.clone(), heart))
        }
        None => Voice::Inline(recorder),
    };
    // set once: a process leads one run
    let _ = job.own_run.set(run.id.clone());
    // a command has no steps to date
    let now = match job.command {
        Some(_) => 0,
        None => job.ledger.now(leader.work.as_mut()).await.unwrap_or(0),
    };
    let mut working = Working {
        job,
        server: &leader.server,
        mode: leader.mode,
        trust,
        mine,
        history,
        progress,
        voice,
        odd: Odd::default(),
        applied: Vec::new(),
        stop: AtomicBool::new(false),
        retried: Mutex::new(None),
        spoke: None,
        clock: (now, Instant::now()),
    };
    let done = match working.announce(leader.work.as_mut(), run).await {
        Ok(()) => working.migrate(leader.work.as_mut(), run, began).await,
        Err(error) => Err(error),
    };
    working.finish(leader.work.as_mut(), run, done).await
}

/// A run at work.
pub(super) struct Working<'a> {
    pub(super) job: &'a Job,
    server: &'a Server,
    pub(super) mode: LockMode,
    /// As the claim opened it.
    pub(super) trust: Trust,
    mine: Mine,
    pub(super) history: Option<HistoryTable>,
    pub(super) progress: SharedProgress,
    pub(super) voice: Voice,
    /// Of the history of a command's tool.
    pub(super) odd: Odd,
    pub(super) applied: Vec<Version>,
    stop: AtomicBool,
    /// Why the step at work was tried again last.
    pub(super) retried: Mutex<Option<String>>,
    /// When the one connection last wrote progress.
    spoke: Option<Instant>,
    /// The database's clock at the claim, and ours: so that steps carry the database's time.
    pub(super) clock: (i64, Instant),
}

/// Who writes runs and steps.
pub(super) enum Voice {
    /// The beat session's task.
    Beats(Beats),
    /// The one connection: between migrations (SQLite), and while a command runs.
    Inline(Recorder),
}

impl Working<'_> {
    async fn migrate(&mut self, work: &mut dyn Database, run: &Run, began: Instant) -> Result<(), Error> {
        let started = |total: u64| Event::RunStarted {
            run: run.id.clone(),
            fence: run.fence,
            lock_mode: run.lock_mode,
            engine: run.engine,
            total,
            waited_ms: milliseconds(began.elapsed()),
        };
        // nothing of the user's runs on a command's session: it may stay as the claim left it
        if let Some(command) = &self.job.command {
            self.job.report.event(&started(0));
            return self.run_commands(work, run, command).await;
        }
        // the claim's short timeouts end here
        let restored = work.script(&self.server.restore).await;
        restored.map_err(|error| self.broke(Doing::Claiming, error))?;
        let judged = self.job.judge(work, self.history.as_ref()).await;
        let (judgement, _) = judged.map_err(|error| self.broke(Doing::ReadingHistory, error))?;
        let (Some(judgement), Some(bundle), Some(history)) = (judgement, &self.job.bundle, &self.history)
        else {
            self.job.report.event(&started(0));
            return Ok(());
        };
        let total = judgement.pending.len() as u64;
        self.job.report.event(&started(total));
        self.progress.update(|progress| progress.total = total.try_into().unwrap_or(i64::MAX));
        for message in judgement.notices() {
            self.job.report.event(&Event::Notice { message });
        }
        if !judgement.refusals.is_empty() {
            return Err(Error::HistoryRefused {
                refusals: judgement.refusals,
                history: history.clone(),
                folder: bundle.folder.display().to_string(),
            });
        }
        self.expect_writable(work, history, &judgement).await?;
        for (position, index) in (1..).zip(judgement.pending) {
            let Some(migration) = bundle.migrations.get(index) else { continue };
            let step =
                StepRef { position, total, version: migration.version.clone(), name: migration.name.clone() };
            self.step(work, migration, &step).await?;
        }
        self.still_there(work).await
    }

    /// One migration, watched: a signal, the budget's end or a lost lock cancels its statement.
    async fn step(
        &mut self,
        work: &mut dyn Database,
        migration: &Migration,
        step: &StepRef,
    ) -> Result<(), Error> {
        if let Some(signal) = *self.job.signal.borrow() {
            return Err(self.signalled(signal, None));
        }
        if Instant::now() >= self.job.limits.deadline() {
            return Err(self.budget_ended(None));
        }
        self.job.report.event(&Event::StepStarted { step: step.clone() });
        self.begin_step(migration, step);
        self.speak(work).await?;
        let began = Instant::now();
        match self.apply(work, migration, step).await {
            Ok(asked) => {
                self.end_step(StepStatus::Succeeded, None);
                self.applied.push(migration.version.clone());
                if !asked {
                    self.still_ours(work).await?;
                }
                let duration_ms = milliseconds(began.elapsed());
                self.job.report.event(&Event::StepFinished { step: step.clone(), duration_ms });
                Ok(())
            }
            Err(error) => {
                let reason = error.to_string();
                self.end_step(StepStatus::Failed, Some(reason.clone()));
                self.job.report.event(&Event::StepFailed { step: step.clone(), reason });
                Err(error)
            }
        }
    }

    /// True: it went with the question whether the lock is still ours.
    async fn apply(
        &self,
        work: &mut dyn Database,
        migration: &Migration,
        step: &StepRef,
    ) -> Result<bool, Error> {
        let Some(history) = &self.history else { return Ok(false) };
        let sql = Sql {
            dialect: self.job.engine.dialect,
            server: self.server,
            ledger: &self.job.ledger,
            history,
            lock_name: &self.job.scope.lock_name,
            hold: self.hold(),
            mine: &self.mine,
            after: self.last_applied(),
            before: self.job.bundle.as_ref().and_then(|bundle| bundle.before(&migration.version)),
            ddl_lock_timeout_ms: milliseconds(self.job.limits.ddl_lock_timeout),
            engine: self.job.engine.name,
            step,
            report: self.job.report.as_ref(),
            deadline: self.job.limits.deadline(),
            stop: &self.stop,
            retried: &self.retried,
        };
        let (asked, whole) = (sql.asks_for_the_lock(migration), sql.in_transaction_of_its_own(migration));
        let apply = sql.apply(work, migration);
        tokio::pin!(apply);
        let why = tokio::select! {
            applied = &mut apply => {
                return applied.map(|()| asked).map_err(|error| self.failed(error, migration, history));
            }
            signal = self.job.signalled() => Why::Signal(signal),
            () = sleep_until(self.job.limits.deadline()) => Why::Budget,
            reason = self.lost() => Why::Lost(reason),
        };
        let cut = |known| self.cut(&why, migration, known);
        // nobody knows how far it got; in a transaction it ends as nothing
        let unknown = Cut { half_applied: !whole, unanswered: true };
        self.job.known.put(Err(cut(unknown)));
        self.stop.store(true, Ordering::Relaxed);
        let ended = timeout(CANCEL_PATIENCE, self.insist(apply)).await;
        self.job.known.take();
        match ended {
            // it came through all the same, applied and recorded; the next step will not begin
            Ok(Ok(())) => Ok(asked),
            Err(_) => Err(cut(unknown)),
            Ok(Err(StepError::FenceLost { reason, half })) => {
                let known = Cut { half_applied: half, unanswered: false };
                Err(self.cut(&Why::Lost(reason), migration, known))
            }
            Ok(Err(error)) => {
                Err(cut(Cut { half_applied: error.leaves_half(), unanswered: error.ends_session() }))
            }
        }
    }

    /// Interrupts until the work ends: one that falls between two statements stops neither.
    async fn insist<T>(&self, mut work: Pin<&mut impl Future<Output = T>>) -> T {
        loop {
            self.interrupt().await;
            if let Ok(ended) = timeout(INTERRUPT_AGAIN, work.as_mut()).await {
                return ended;
            }
        }
    }

    async fn interrupt(&self) {
        match (&self.server.interrupt, &self.voice) {
            (Interrupt::Statement(statement), Voice::Beats(beats)) => {
                // behind a pooler the session that we began with may be an application's by now
                let marked = match self.mode {
                    LockMode::Lease => self.job.ledger.cancel_marked(&self.mine.run),
                    LockMode::Session => None,
                };
                beats.interrupt(marked.as_ref().unwrap_or(statement)).await;
            }
            (Interrupt::Flag(flag), _) => flag.store(true, Ordering::Relaxed),
            (Interrupt::Statement(_), Voice::Inline(_)) => {}
        }
    }

    /// Ends when the beats say that the lock is lost; without beats never.
    async fn lost(&self) -> String {
        let Voice::Beats(beats) = &self.voice else { return std::future::pending().await };
        let mut lock = beats.lock();
        loop {
            if let Lock::Lost(reason) = &*lock.borrow_and_update() {
                return reason.clone();
            }
            if lock.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    fn hold(&self) -> Hold<'_> {
        match (&self.voice, self.mode) {
            (Voice::Beats(beats), LockMode::Lease) => Hold::Lease(beats),
            _ => Hold::Session(&self.job.key),
        }
    }

    /// After each script: it may have freed our lock (`DISCARD ALL`, `RELEASE_ALL_LOCKS`).
    async fn still_ours(&self, work: &mut dyn Database) -> Result<(), Error> {
        let hold = self.hold();
        let mut asked = hold.ask(work).await;
        if asked.as_ref().is_err_and(|error| error.kind == DbErrorKind::Cancelled) {
            // a cancel that came late
            asked = hold.ask(work).await;
        }
        match asked {
            Ok(Lock::Held) => Ok(()),
            Ok(Lock::Lost(reason)) => Err(self.lock_lost(reason, None)),
            Err(error) => Err(self.lock_lost(error.message, None)),
        }
    }

    /// An error of ours in the middle of a run: a session that breaks is a lost lock.
    pub(super) fn broke(&self, doing: Doing, error: DbError) -> Error {
        match error.kind.ends_session() {
            true => self.lock_lost(format!("the work session broke: {}", error.message), None),
            false => self.job.refused(doing, error),
        }
    }

    /// SQLite's beat: between migrations, on the one connection.
    async fn speak(&mut self, work: &mut dyn Database) -> Result<(), Error> {
        let Voice::Inline(recorder) = &mut self.voice else { return Ok(()) };
        // each costs a commit: a thousand small migrations need not be told one by one
        let progress = self.progress.get();
        let many = progress.total > TOLD_ONE_BY_ONE;
        if many && self.spoke.is_some_and(|spoke| spoke.elapsed() < SPEAK_EVERY) {
            return Ok(());
        }
        self.spoke = Some(Instant::now());
        match recorder.beat(work, &progress).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.lock_lost("another run has taken over".to_owned(), None)),
            Err(error) if error.kind.passes() && !error.kind.ends_session() => Ok(()),
            Err(error) => Err(self.broke(Doing::Recording, error)),
        }
    }
}
