//! Leads: sessions, lock, claim, work, verdict. The order is the protocol's; see `lock/mod.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::database::pooler::probe_pooler;
use crate::database::{Database, DbError, DbErrorKind, Interrupt, LockSupport, Purpose, Server};
use crate::engine::sql::{Sql, StepError};
use crate::error::{Doing, Error};
use crate::exit::signal_name;
use crate::explain::explain;
use crate::job::{Job, Success, milliseconds, watched};
use crate::ledger::history::HistoryTable;
use crate::ledger::look::{Look, LookError};
use crate::ledger::record::{Mine, Recorder, Verdict};
use crate::lock::beats::{Beats, Leader, Lock, SharedProgress};
use crate::lock::claim::{self, Claim, SecondLook};
use crate::lock::observer::Observer;
use crate::model::event::{Event, StepRef};
use crate::model::ids::{RunId, Version};
use crate::model::migration::{Migration, Pending};
use crate::model::run::{EngineKind, LockMode, Role, Run, RunStatus, Step, StepStatus};
use crate::plan::pending::Judgement;

/// Between tries for the lock.
const FIRST_TRY: Duration = Duration::from_millis(250);
const LONGEST_TRY: Duration = Duration::from_secs(2);
/// How long a verdict is tried to be written at least.
const VERDICT_PATIENCE: Duration = Duration::from_secs(4);
/// How long a cancelled statement may take to end.
const CANCEL_PATIENCE: Duration = Duration::from_secs(3);

/// What became of one try to lead.
pub enum Attempt {
    /// We led, or the claim's second look settled it; either way this is our end.
    Ended(Result<Success, Error>),
    /// Somebody else has the lock.
    NotGot,
}

/// A designated leader: tries until the lock is free, `lock.wait` or the budget ends.
pub async fn lead(job: &Job) -> Result<Success, Error> {
    let mut observer = Observer::default();
    if let Some(success) = fast_path(job, &mut observer).await? {
        return Ok(success);
    }
    let began = Instant::now();
    let deadline =
        job.limits.lock_wait.map_or(job.limits.deadline(), |wait| job.limits.deadline().min(began + wait));
    let mut opened = None;
    let mut pause = FIRST_TRY;
    loop {
        let holder = match try_once(job, &observer, began, &mut opened).await {
            Ok(Waited::Ended(ended)) => return ended,
            Ok(Waited::Holder(holder)) => holder,
            Err(error) if error.passes() && Instant::now() + pause < deadline => {
                job.report.event(&Event::Retrying {
                    what: format!("locking {}", job.place()),
                    reason: error.to_string(),
                    pause_ms: milliseconds(pause),
                });
                opened = None;
                job.pause(jitter(pause)).await?;
                pause = (pause * 2).min(LONGEST_TRY);
                continue;
            }
            Err(error) => return Err(error),
        };
        if Instant::now() + pause >= deadline {
            job.pause(deadline.saturating_duration_since(Instant::now())).await?;
            let lock_name = job.scope.lock_name.clone();
            return Err(Error::LockNotGot {
                lock_name,
                waited: began.elapsed(),
                holder: holder.map(Box::new),
            });
        }
        job.pause(jitter(pause)).await?;
        pause = (pause * 2).min(LONGEST_TRY);
    }
}

/// What became of one try of a designated leader.
enum Waited {
    Ended(Result<Success, Error>),
    /// Somebody else has the lock: the run that the ledger names, if it names one.
    Holder(Option<Run>),
}

/// One try on the sessions that are open, or on new ones; says who holds the lock if it is not free.
async fn try_once(
    job: &Job,
    observer: &Observer,
    began: Instant,
    opened: &mut Option<Sessions>,
) -> Result<Waited, Error> {
    let mut leader = match opened.take() {
        Some(leader) => leader,
        None => Sessions::open(job).await?,
    };
    if let Attempt::Ended(ended) = leader.attempt(job, observer, began).await? {
        return Ok(Waited::Ended(ended));
    }
    // on the beat session, which the server's watchdog would end if it stayed idle
    let holder = job.ledger.holder(leader.spare(), &job.scope.lock_name).await;
    let holder = holder.map_err(|error| job.look_failed(error))?;
    let holder = holder.filter(|run| run.status == RunStatus::Running);
    let described = match &holder {
        Some(run) => Some(leader.describe(job, run).await?),
        None => None,
    };
    job.report.event(&Event::LockWaiting { holder: described, waited_ms: milliseconds(began.elapsed()) });
    *opened = Some(leader);
    Ok(Waited::Holder(holder))
}

/// An elect: one try. The observer is the elect's own, so that what was at work when it came stays so.
pub async fn try_lead(job: &Job, observer: &Observer) -> Result<Attempt, Error> {
    let mut leader = Sessions::open(job).await?;
    leader.attempt(job, observer, Instant::now()).await
}

/// Reads only: the latest run that is ours succeeded, and nothing is pending.
async fn fast_path(job: &Job, observer: &mut Observer) -> Result<Option<Success>, Error> {
    let (mut session, server) = match job.open(Purpose::Look, true).await {
        Ok(opened) => opened,
        Err(error) if job.no_file(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let look = job.ledger.look(session.as_mut(), &job.scope, None).await;
    let look = look.map_err(|error| job.look_failed(error))?;
    observer.see(&look, None, Instant::now());
    let Some(latest) = look.latest.filter(|run| run.status == RunStatus::Succeeded) else {
        return Ok(None);
    };
    let judged = job.judge(session.as_mut(), &server).await;
    let (judgement, pending) = judged.map_err(|error| job.refused(Doing::ReadingHistory, error))?;
    let refused = judgement.is_some_and(|judgement| !judgement.refusals.is_empty());
    Ok((pending == Pending::None && !refused).then(|| nothing_to_do(&latest)))
}

fn nothing_to_do(latest: &Run) -> Success {
    Success {
        run: Some(latest.id.clone()),
        applied: Vec::new(),
        message: format!("nothing to do: {} is applied", latest.release),
    }
}

/// A leader's sessions, both open before the lock is tried.
struct Sessions {
    work: Box<dyn Database>,
    server: Server,
    beat: Option<Box<dyn Database>>,
}

impl Sessions {
    /// The pooler is looked for before either session is identified, since that sets them up, and through a pooler the
    /// settings would stay on the application's connections.
    async fn open(job: &Job) -> Result<Self, Error> {
        let unsafe_lock = |reason: String| Error::UnsafeLock { target: job.place(), reason };
        let mut work = job.connect(Purpose::Work).await?;
        let mut beat = None;
        if job.beats() {
            let mut session = job.connect(Purpose::Beat).await?;
            let pooled = probe_pooler(work.as_mut(), session.as_mut()).await;
            if pooled.map_err(|error| job.refused(Doing::Identifying, error))? {
                return Err(unsafe_lock("a pooler in transaction mode stands in between".to_owned()));
            }
            job.identify(session.as_mut()).await?;
            beat = Some(session);
        }
        let server = job.identify(work.as_mut()).await?;
        if server.read_only {
            let name = format!("{} {}", server.product, server.version);
            return Err(Error::ReadOnlyServer { target: job.place(), server: name });
        }
        if let LockSupport::Unsafe(reason) = &server.lock {
            return Err(unsafe_lock(reason.clone()));
        }
        Ok(Self { work, server, beat })
    }

    /// The session that does not hold the lock, where there are two.
    fn spare(&mut self) -> &mut dyn Database {
        self.beat.as_mut().unwrap_or(&mut self.work).as_mut()
    }

    /// A SQLite leader shows no beats: alive is who has the lock.
    async fn describe(&mut self, job: &Job, run: &Run) -> Result<crate::model::event::Watched, Error> {
        let now = job.ledger.now(self.spare()).await;
        let now = now.map_err(|error| job.refused(Doing::Looking, error))?;
        let quiet = Duration::from_millis(now.saturating_sub(run.beat_at).max(0).unsigned_abs());
        Ok(watched(run, now, job.beats().then_some(quiet)))
    }

    /// One try for the lock, one claim, and if it stands, the whole run.
    async fn attempt(&mut self, job: &Job, observer: &Observer, began: Instant) -> Result<Attempt, Error> {
        let work = self.work.as_mut();
        let got = work.try_lock(&job.key).await.map_err(|error| job.refused(Doing::Locking, error))?;
        if !got {
            return Ok(Attempt::NotGot);
        }
        let history = self.prepare(job).await?;
        let run = self.run_row(job);
        let mut second_look = UnderTheLock { job, observer, server: &self.server };
        let claimed = claim::claim(
            &job.ledger,
            self.work.as_mut(),
            &job.scope,
            observer.since(),
            run,
            &mut second_look,
        )
        .await;
        let ended = match claimed.map_err(|error| claim_failed(job, error))? {
            Claim::Mine(run) => Attempt::Ended(self.work(job, &run, history, began).await),
            Claim::NotGot => Attempt::NotGot,
            Claim::Settled(settled) => Attempt::Ended(settled),
        };
        let _ = self.work.unlock(&job.key).await; // a session that is gone has freed it already
        Ok(ended)
    }

    /// The tables, under the session lock.
    async fn prepare(&mut self, job: &Job) -> Result<Option<HistoryTable>, Error> {
        let work = self.work.as_mut();
        let installed = job.ledger.install(work, &job.scope.lock_name, &job.readers).await;
        installed.map_err(|error| match error {
            LookError::Database(error) => job.refused(Doing::Installing, error),
            error => job.look_failed(error),
        })?;
        let Some(history) = job.history_table(&self.server) else { return Ok(None) };
        match work.script(&history.create()).await {
            Err(error) if error.kind != DbErrorKind::AlreadyExists => {
                Err(job.refused(Doing::MakingHistory, error))
            }
            _ => Ok(Some(history)),
        }
    }

    fn run_row(&self, job: &Job) -> Run {
        Run {
            id: RunId::random(),
            environment: job.scope.environment.clone(),
            lock_name: job.scope.lock_name.clone(),
            lock_mode: LockMode::Session,
            release: job.release(),
            digest: job.digest(),
            deploy: job.scope.deploy.clone(),
            leader: job.identity.participant.clone(),
            platform: job.identity.platform.clone(),
            host: job.identity.host.clone(),
            url: job.identity.url.clone(),
            engine: EngineKind::Sql,
            session: self.server.session.clone(),
            status: RunStatus::Running,
            fence: 0,
            beats: 0,
            total: 0,
            done: 0,
            current: None,
            error: None,
            failed_step: None,
            started_at: 0,
            beat_at: 0,
            finished_at: None,
            ended_by: None,
        }
    }
}

/// The look under the lock: a verdict since our first look binds us, who were there.
struct UnderTheLock<'a> {
    job: &'a Job,
    observer: &'a Observer,
    server: &'a Server,
}

#[async_trait::async_trait]
impl SecondLook<Result<Success, Error>> for UnderTheLock<'_> {
    async fn judge(
        &mut self,
        session: &mut dyn Database,
        look: &Look,
    ) -> Result<Option<Result<Success, Error>>, LookError> {
        if let Some(run) = &look.verdict
            && run.status == RunStatus::Failed
            && !self.observer.is_old(run)
        {
            return Ok(Some(Err(Error::LeaderFailed { run: Box::new(run.clone()) })));
        }
        let Some(latest) = look.latest.as_ref().filter(|run| run.status == RunStatus::Succeeded) else {
            return Ok(None);
        };
        let (judgement, pending) = self.job.judge(session, self.server).await?;
        if judgement.is_some_and(|judgement| !judgement.refusals.is_empty()) {
            return Ok(None); // refused with a run of its own, so that followers see it
        }
        let old = self.observer.is_old(latest);
        Ok(match pending {
            Pending::None => Some(Ok(nothing_to_do(latest))),
            Pending::Unknown if !old && latest.digest == self.job.digest() => Some(Ok(nothing_to_do(latest))),
            Pending::Some(pending) if !old && self.job.role == Role::Elect => {
                Some(Err(Error::BundleNotApplied { run: Box::new(latest.clone()), pending }))
            }
            Pending::Some(_) | Pending::Unknown => None,
        })
    }
}

fn claim_failed(job: &Job, error: LookError) -> Error {
    match error {
        LookError::Database(error) => job.refused(Doing::Claiming, error),
        error => job.look_failed(error),
    }
}

/// A run at work.
struct Working<'a> {
    job: &'a Job,
    server: &'a Server,
    mine: Mine,
    history: Option<HistoryTable>,
    progress: SharedProgress,
    voice: Voice,
    applied: Vec<Version>,
    stop: AtomicBool,
    /// The database's clock at the claim, and ours: so that steps carry the database's time.
    clock: (i64, Instant),
}

/// Who writes runs and steps.
enum Voice {
    /// The beat session's task.
    Beats(Beats),
    /// The one connection, between migrations (SQLite).
    Inline(Recorder),
}

impl Sessions {
    /// From the claim to the verdict.
    async fn work(
        &mut self,
        job: &Job,
        run: &Run,
        history: Option<HistoryTable>,
        began: Instant,
    ) -> Result<Success, Error> {
        let mine = claim::mine(run);
        let progress = SharedProgress::default();
        let recorder = Recorder::new(job.ledger.clone(), mine.clone());
        let voice = match self.beat.take() {
            Some(session) => {
                let leader = Leader {
                    engine: job.engine,
                    target: Arc::clone(&job.target),
                    key: job.key.clone(),
                    work_session: self.server.session.clone(),
                    report: Arc::clone(&job.report),
                };
                Voice::Beats(Beats::start(session, recorder, progress.clone(), leader))
            }
            None => Voice::Inline(recorder),
        };
        let now = job.ledger.now(self.work.as_mut()).await.unwrap_or(0);
        let mut working = Working {
            job,
            server: &self.server,
            mine,
            history,
            progress,
            voice,
            applied: Vec::new(),
            stop: AtomicBool::new(false),
            clock: (now, Instant::now()),
        };
        let done = working.migrate(self.work.as_mut(), run, began).await;
        working.finish(self.work.as_mut(), run, done).await
    }
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
        let judged = self.job.judge(work, self.server).await;
        let (judgement, _) = judged.map_err(|error| self.job.refused(Doing::ReadingHistory, error))?;
        let (Some(judgement), Some(bundle)) = (judgement, &self.job.bundle) else {
            self.job.report.event(&started(0));
            return Ok(());
        };
        let total = judgement.pending.len() as u64;
        self.job.report.event(&started(total));
        self.progress.update(|progress| progress.total = total.try_into().unwrap_or(i64::MAX));
        self.notice_ahead(&judgement);
        if !judgement.refusals.is_empty() {
            return Err(Error::HistoryRefused {
                refusals: judgement.refusals,
                history: self.history.as_ref().map_or("", HistoryTable::name).to_owned(),
                folder: bundle.folder.display().to_string(),
            });
        }
        for (position, index) in (1..).zip(judgement.pending) {
            let Some(migration) = bundle.migrations.get(index) else { continue };
            let step =
                StepRef { position, total, version: migration.version.clone(), name: migration.name.clone() };
            self.step(work, migration, &step).await?;
        }
        Ok(())
    }

    fn notice_ahead(&self, judgement: &Judgement) {
        if judgement.ahead.is_empty() {
            return;
        }
        let ahead: Vec<_> = judgement.ahead.iter().map(Version::as_str).collect();
        let message = format!(
            "the database is ahead of these migrations by {}: {}; that is what a rollback looks like, and nothing is done about it",
            ahead.len(),
            ahead.join(", ")
        );
        self.job.report.event(&Event::Notice { message });
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
        let applied = self.apply(work, migration, step).await;
        match applied {
            Ok(()) => {
                self.end_step(StepStatus::Succeeded, None);
                self.applied.push(migration.version.clone());
                self.still_ours(work).await?;
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

    async fn apply(
        &self,
        work: &mut dyn Database,
        migration: &Migration,
        step: &StepRef,
    ) -> Result<(), Error> {
        let Some(history) = &self.history else { return Ok(()) };
        let sql = Sql {
            dialect: self.job.engine.dialect,
            server: self.server,
            ledger: &self.job.ledger,
            history,
            lock_name: &self.job.scope.lock_name,
            mine: &self.mine,
            ddl_lock_timeout_ms: milliseconds(self.job.limits.ddl_lock_timeout),
            engine: self.job.engine.name,
            step,
            report: self.job.report.as_ref(),
            deadline: self.job.limits.deadline(),
            stop: &self.stop,
        };
        let apply = sql.apply(work, migration);
        tokio::pin!(apply);
        let cut = tokio::select! {
            applied = &mut apply => return applied.map_err(|error| self.failed(error, migration)),
            signal = self.job.signalled() => self.signalled(signal, Some(migration)),
            () = sleep_until(self.job.limits.deadline()) => self.budget_ended(Some(migration)),
            reason = self.lost() => self.lock_lost(reason, Some(migration)),
        };
        self.stop.store(true, Ordering::Relaxed);
        self.interrupt().await;
        match timeout(CANCEL_PATIENCE, apply).await {
            // it came through all the same: applied and recorded
            Ok(Ok(())) | Err(_) => Err(cut),
            Ok(Err(StepError::FenceLost(reason))) => Err(self.lock_lost(reason, Some(migration))),
            Ok(Err(_)) => Err(cut),
        }
    }

    async fn interrupt(&self) {
        match (&self.server.interrupt, &self.voice) {
            (Interrupt::Statement(statement), Voice::Beats(beats)) => beats.interrupt(statement).await,
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

    /// After each script: it may have freed our lock (`DISCARD ALL`, `RELEASE_ALL_LOCKS`).
    async fn still_ours(&self, work: &mut dyn Database) -> Result<(), Error> {
        use crate::database::Holder;
        match work.holder(&self.job.key).await {
            Ok(Holder::Ours) => Ok(()),
            Ok(Holder::Free | Holder::Other(_)) => Err(self.lock_lost(
                "the work session does not hold it any more; did a script free it?".to_owned(),
                None,
            )),
            Err(error) => Err(self.lock_lost(error.message, None)),
        }
    }

    /// SQLite's beat: between migrations, on the one connection.
    async fn speak(&mut self, work: &mut dyn Database) -> Result<(), Error> {
        let Voice::Inline(recorder) = &mut self.voice else { return Ok(()) };
        let progress = self.progress.get();
        match recorder.beat(work, &progress).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.lock_lost("another run has taken over".to_owned(), None)),
            Err(error) => Err(self.job.refused(Doing::Recording, error)),
        }
    }

    fn begin_step(&self, migration: &Migration, step: &StepRef) {
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

    fn end_step(&self, status: StepStatus, error: Option<String>) {
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

    fn failed(&self, error: StepError, migration: &Migration) -> Error {
        match error {
            StepError::FenceLost(reason) => self.lock_lost(reason, Some(migration)),
            error if error.ends_session() => {
                self.lock_lost(format!("the work session broke: {error}"), Some(migration))
            }
            error => Error::Step {
                migration: Box::new(migration.clone()),
                error: Box::new(error),
                applied: self.applied.clone(),
                target: self.job.place(),
            },
        }
    }

    fn signalled(&self, signal: u8, migration: Option<&Migration>) -> Error {
        Error::Signalled { signal, step: migration.map(stem), applied: self.applied.clone() }
    }

    fn budget_ended(&self, migration: Option<&Migration>) -> Error {
        let budget = self.job.limits.budget;
        Error::BudgetEnded { budget, step: migration.map(stem), applied: self.applied.clone() }
    }

    fn lock_lost(&self, reason: String, migration: Option<&Migration>) -> Error {
        Error::LockLost { reason, step: migration.map(stem), applied: self.applied.clone() }
    }

    /// The verdict, before the lock is freed.
    async fn finish(
        self,
        work: &mut dyn Database,
        run: &Run,
        done: Result<(), Error>,
    ) -> Result<Success, Error> {
        let verdict = self.verdict(&done);
        let status = verdict.status;
        let until_deadline = self.job.limits.deadline().saturating_duration_since(Instant::now());
        let ended_early = matches!(done, Err(Error::Signalled { .. } | Error::LockLost { .. }));
        let patience =
            if ended_early { Duration::from_secs(1) } else { VERDICT_PATIENCE.max(until_deadline) };
        let progress = self.progress.get();
        let written = match self.voice {
            Voice::Beats(beats) => beats.finish(verdict, patience).await,
            Voice::Inline(mut recorder) => {
                finish_inline(&mut recorder, work, &progress, &verdict, patience).await
            }
        };
        let duration_ms = milliseconds(self.clock.1.elapsed());
        self.job.report.event(&Event::RunFinished { run: run.id.clone(), status, duration_ms });
        let applied = self.applied;
        match (done, written) {
            (Err(error), _) => Err(error),
            (Ok(()), Ok(true)) => {
                Ok(Success { run: Some(run.id.clone()), message: done_message(applied.len(), run), applied })
            }
            (Ok(()), Ok(false)) => Err(Error::LockLost {
                reason: "another run has taken over before ours could be recorded".to_owned(),
                step: None,
                applied,
            }),
            (Ok(()), Err(error)) => Err(Error::NotRecorded { error, applied }),
        }
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
                (RunStatus::Interrupted, step.clone(), format!("{} in {leader}", signal_name(*signal)))
            }
            Error::LockLost { step, .. } => {
                (RunStatus::Interrupted, step.clone(), format!("lost lock of {leader}"))
            }
            Error::Step { migration, .. } => (RunStatus::Failed, Some(stem(migration)), leader),
            Error::BudgetEnded { step, .. } => (RunStatus::Failed, step.clone(), leader),
            _ => (RunStatus::Failed, None, leader),
        };
        Verdict { status, error: Some(explain(error).to_text()), failed_step: step, ended_by }
    }
}

async fn finish_inline(
    recorder: &mut Recorder,
    work: &mut dyn Database,
    progress: &crate::ledger::record::Progress,
    verdict: &Verdict,
    patience: Duration,
) -> Result<bool, DbError> {
    let began = Instant::now();
    loop {
        match recorder.finish(work, progress, verdict).await {
            Err(error) if error.kind.passes() && began.elapsed() < patience => {
                sleep(Duration::from_millis(100)).await;
            }
            written => return written,
        }
    }
}

fn done_message(applied: usize, run: &Run) -> String {
    match applied {
        0 => format!("nothing was pending; {} is recorded", run.release),
        1 => "applied 1 migration".to_owned(),
        many => format!("applied {many} migrations"),
    }
}

/// `20240301_add_index`: the file's name without its ending.
fn stem(migration: &Migration) -> String {
    let name = migration.name.as_str();
    let name = name.strip_suffix(".sql").unwrap_or(name);
    name.strip_suffix(".up").unwrap_or(name).to_owned()
}

/// Three quarters to five quarters, so that those who wait do not move in step.
pub fn jitter(pause: Duration) -> Duration {
    let random = uuid::Uuid::new_v4().as_u128() % 512;
    let thousandths = 750 + u32::try_from(random).unwrap_or(250);
    pause * thousandths / 1000
}
