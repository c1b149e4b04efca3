//! A leader's sessions, one try for the lock, and the claim.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::database::{Database, DbError, DbErrorKind, Holder, Server};
use crate::error::{Doing, Error};
use crate::job::{Job, Success, milliseconds, watched};
use crate::lead::{Attempt, nothing_to_do, run};
use crate::ledger::history::HistoryTable;
use crate::ledger::look::{Look, LookError};
use crate::ledger::transact::Kept;
use crate::lock::claim::{self, Claim, SecondLook};
use crate::lock::judge::{Claimant, Reading, Settled, settle, succeeded};
use crate::lock::observer::Observer;
use crate::lock::trust::{Trust, since_boot};
use crate::model::event::{Event, Watched};
use crate::model::ids::RunId;
use crate::model::migration::Pending;
use crate::model::run::{EngineKind, LockMode, Run, RunStatus};

/// How long a try for the lock may go unanswered.
pub(super) const ANSWER: Duration = Duration::from_secs(10);
/// How long freeing the lock may take.
const UNLOCK: Duration = Duration::from_secs(1);

/// What would let us see and end others' sessions, where our user alone may not.
fn rights(job: &Job, server: &Server) -> Option<String> {
    let user = job.target.user.as_deref().unwrap_or_default();
    job.engine.dialect.grants_to_take_over(user, &server.product)
}

fn no_answer() -> DbError {
    DbError::new(DbErrorKind::Timeout, format!("no answer within {} s", ANSWER.as_secs()))
}

/// A leader's sessions, all open before the lock is tried.
pub struct Sessions {
    /// Which kind of lock they are for.
    pub mode: LockMode,
    /// Holds the lock and runs the migrations.
    pub work: Box<dyn Database>,
    /// What the work session found out.
    pub server: Server,
    /// For beats and cancels; none where the engine has none, for a command, or once a run has taken it.
    pub beat: Option<Box<dyn Database>>,
}

impl Sessions {
    /// Of one session, as [`Sessions::open_at_once`] opens it.
    pub fn alone(work: Box<dyn Database>, server: Server) -> Self {
        Self { mode: LockMode::Session, work, server, beat: None }
    }

    /// The session that does not hold the lock, where there are two.
    pub(super) fn spare(&mut self) -> &mut dyn Database {
        self.beat.as_mut().unwrap_or(&mut self.work).as_mut()
    }

    /// The first look of one who did not get the lock, and so has not looked under it.
    pub(super) async fn look_first(&mut self, job: &Job, observer: &mut Observer) -> Result<(), Error> {
        if observer.since().is_none() {
            let look = job.ledger.look(self.spare(), &job.scope, None).await;
            observer.see(&look.map_err(|error| job.look_failed(error))?, None, Instant::now());
        }
        Ok(())
    }

    /// Who has the lock, if the ledger says; and says so. On the beat session, if there is one: the server's watchdog
    /// would end it if it stayed idle.
    pub async fn tell_holder(
        &mut self,
        job: &Job,
        observer: &mut Observer,
        began: Instant,
    ) -> Result<Option<Box<Run>>, Error> {
        let holder = job.ledger.holder(self.spare(), &job.scope.lock_name).await;
        let holder = holder.map_err(|error| job.look_failed(error))?;
        let holder = holder.filter(|run| run.status == RunStatus::Running);
        holder.iter().try_for_each(|run| job.not_inside(run))?;
        let described = match &holder {
            Some(run) => Some(self.describe(job, run).await?),
            None => None,
        };
        let waited_ms = milliseconds(began.elapsed());
        job.report.event(&Event::LockWaiting { holder: described, waited_ms });
        if let Some(run) = holder.as_ref().filter(|run| observer.holder_is_silent(run, Instant::now())) {
            let message = self.end_silent(job, run).await;
            if let Some(message) = message.filter(|message| observer.is_news(message)) {
                job.report.event(&Event::Notice { message });
            }
        }
        Ok(holder.map(Box::new))
    }

    /// A silent leader's session may hold the lock for as long as its statement runs, or for ever if it is frozen: the
    /// session that holds it now is ended if it is the one that the run recorded, and if we may. Gives what to say of it.
    async fn end_silent(&mut self, job: &Job, run: &Run) -> Option<String> {
        let leader = &run.leader;
        if run.lock_mode == LockMode::Lease {
            return self.end_statement(job, run).await;
        }
        match self.work.holder(&job.key).await {
            Ok(Holder::Other(Some(session))) if session == run.session => {
                self.end_session(job, run, "which has the lock").await
            }
            Ok(Holder::Other(Some(session))) => Some(format!(
                "{leader} is silent, and another session ({session}) has the lock: waiting for it"
            )),
            Ok(Holder::Other(None)) => rights(job, &self.server).map(|rights| {
                format!("{leader} is silent, and whose session has the lock is not ours to see ({rights})")
            }),
            Ok(Holder::Free | Holder::Ours) | Err(_) => None,
        }
    }

    /// Ends the session that the run recorded, and says so.
    async fn end_session(&mut self, job: &Job, run: &Run, which: &str) -> Option<String> {
        let (leader, session) = (&run.leader, &run.session);
        match job.ledger.end_session(self.spare(), session).await {
            Ok(true) => Some(format!("{leader} is silent: its session {session}, {which}, is told to end")),
            Ok(false) => None,
            Err(error) => {
                let rights = rights(job, &self.server).filter(|_| error.kind == DbErrorKind::Privilege);
                let rights = rights.map(|rights| format!(" ({rights})")).unwrap_or_default();
                Some(format!(
                    "{leader} is silent, and its session {session}, {which}, cannot be ended from here: {}{rights}",
                    error.message
                ))
            }
        }
    }

    /// A dead lease's statement goes on for as long as it takes, unless the server looks for its client. Its mark says
    /// whose it is, so it is ended wherever it runs.
    async fn end_statement(&mut self, job: &Job, run: &Run) -> Option<String> {
        if !matches!(job.ledger.statement_runs(self.spare(), run).await, Ok(true)) {
            return self.end_transaction(job, run).await;
        }
        let outcome = match job.ledger.end_marked(self.spare(), &run.id).await {
            Ok(true) => "its session is told to end".to_owned(),
            Ok(false) => "it is not ours to read: waiting for its end".to_owned(),
            Err(error) => format!("it cannot be ended from here: {}", error.message),
        };
        Some(format!("{} is silent, and a statement of it still runs: {outcome}", run.leader))
    }

    /// A frozen lease's transaction keeps the lock's row, where the server has no limit for it: the session that the run
    /// recorded is ended if that is what it does, by its number and the moment of its login.
    async fn end_transaction(&mut self, job: &Job, run: &Run) -> Option<String> {
        match job.ledger.keeps_lock_row(self.spare(), run).await {
            Ok(Kept::Yes) => self.end_session(job, run, "whose transaction has the lock's row").await,
            Ok(Kept::Unseen) => rights(job, &self.server).map(|rights| {
                format!(
                    "{} is silent; if a transaction of its session {} keeps us waiting is not ours to see ({rights})",
                    run.leader, run.session
                )
            }),
            Ok(Kept::No) | Err(_) => None,
        }
    }

    /// A SQLite leader shows no beats: alive is who has the lock.
    async fn describe(&mut self, job: &Job, run: &Run) -> Result<Watched, Error> {
        let now = job.ledger.now(self.spare()).await;
        let now = now.map_err(|error| job.refused(Doing::Looking, error))?;
        let quiet = Duration::from_millis(now.saturating_sub(run.beat_at).max(0).unsigned_abs());
        Ok(watched(run, now, job.beats().then_some(quiet)))
    }

    /// One try for the lock, one claim, and if it stands, the whole run.
    pub async fn attempt(
        &mut self,
        job: &Job,
        observer: &mut Observer,
        began: Instant,
    ) -> Result<Attempt, Error> {
        if !self.try_lock(job, observer).await? {
            return Ok(Attempt::NotGot);
        }
        let prepared = timeout(ANSWER, self.prepare(job)).await;
        let history = prepared.unwrap_or_else(|_| Err(job.refused(Doing::Installing, no_answer())))?;
        let run = self.run_row(job);
        let mut second_look = UnderTheLock { job, history: history.as_ref() };
        let (work, scope) = (self.work.as_mut(), &job.scope);
        let claim = claim::claim(&job.ledger, work, scope, &job.key, observer, run, &mut second_look);
        let trust = Trust::since(since_boot());
        let claimed = timeout(ANSWER, claim).await.unwrap_or_else(|_| Err(no_answer().into()));
        let ended = match claimed.map_err(|error| claim_failed(job, error))? {
            Claim::Mine(run) => Some(run::migrate(self, job, &run, history, (began, trust)).await),
            Claim::NotGot => None,
            Claim::Settled(settled) => Some(settled),
        };
        if let Some(ended) = ended {
            job.known.put(ended);
        }
        self.unlock(job).await;
        Ok(job.known.take().map_or(Attempt::NotGot, Attempt::Ended))
    }

    /// Whether a claim may be tried. A network that swallows our question must not hold up the budget.
    pub(crate) async fn try_lock(&mut self, job: &Job, observer: &mut Observer) -> Result<bool, Error> {
        let tried = match self.mode {
            LockMode::Session => {
                let tried = timeout(ANSWER, self.work.try_lock(&job.key)).await;
                tried.map(|got| got.map_err(|error| job.refused(Doing::Locking, error)))
            }
            LockMode::Lease => timeout(ANSWER, self.may_claim(job, observer)).await,
        };
        tried.unwrap_or_else(|_| Err(job.refused(Doing::Locking, no_answer())))
    }

    /// Frees the session lock, if that is what we have.
    pub(crate) async fn unlock(&mut self, job: &Job) {
        if self.mode == LockMode::Session {
            // a session that is gone, or that waits for a statement of a run that was cut off, frees it by its end
            let _ = timeout(UNLOCK, self.work.unlock(&job.key)).await;
        }
    }

    /// A lease is had by claiming it, which locks a row: only when its holder is not seen at work.
    async fn may_claim(&mut self, job: &Job, observer: &mut Observer) -> Result<bool, Error> {
        let holder = job.ledger.holder(self.work.as_mut(), &job.scope.lock_name).await;
        let holder = holder.map_err(|error| job.look_failed(error))?;
        let at_work = holder.filter(|run| run.status == RunStatus::Running);
        Ok(at_work.is_none_or(|run| observer.holder_is_silent(&run, Instant::now())))
    }

    /// The tables: under the session lock, if there is one.
    pub(crate) async fn prepare(&mut self, job: &Job) -> Result<Option<HistoryTable>, Error> {
        let work = self.work.as_mut();
        let history = job.history_table(&self.server);
        // of a command, its own tool makes it
        if let Some(history) = history.as_ref().filter(|_| job.command.is_none()) {
            let others = job.ensure_history(work, history).await?;
            if let Some(message) = job.doubt(history, &others) {
                job.report.event(&Event::Warning { message });
            }
        }
        let schema = job.history_schema().or(self.server.schema.as_deref());
        let grants: Vec<_> = job.readers.iter().flat_map(|role| job.grants_for(role, schema)).collect();
        let installed = job.ledger.install(work, &job.scope.lock_name, &grants).await;
        installed.map_err(|error| match error {
            LookError::Database(error) => job.refused(Doing::Installing, error),
            error => job.look_failed(error),
        })?;
        Ok(history)
    }

    pub(crate) fn run_row(&self, job: &Job) -> Run {
        Run {
            id: RunId::random(),
            environment: job.scope.environment.clone(),
            lock_name: job.scope.lock_name.clone(),
            lock_mode: self.mode,
            release: job.release(),
            digest: job.digest(),
            deploy: job.scope.deploy.clone(),
            leader: job.identity.participant.clone(),
            platform: job.identity.platform.clone(),
            host: job.identity.host.clone(),
            url: job.identity.url.clone(),
            engine: if job.command.is_some() { EngineKind::Command } else { EngineKind::Sql },
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

/// The look under the lock: reads the history, and lets [`settle`] decide.
struct UnderTheLock<'a> {
    job: &'a Job,
    history: Option<&'a HistoryTable>,
}

#[async_trait::async_trait]
impl SecondLook<Result<Success, Error>> for UnderTheLock<'_> {
    async fn judge(
        &mut self,
        session: &mut dyn Database,
        look: &Look,
        since: Option<i64>,
    ) -> Result<Option<Result<Success, Error>>, LookError> {
        let mut reading = Reading { pending: Pending::Unknown, refused: false };
        if succeeded(look).is_some() {
            let (judgement, pending) = self.job.judge(session, self.history).await?;
            reading = Reading::new(judgement.as_ref(), pending);
        }
        let us = Claimant {
            role: self.job.role,
            command: self.job.command.is_some(),
            digest: self.job.digest(),
            since,
        };
        Ok(settle(look, &us, &reading).map(|settled| match settled {
            Settled::Done(run) => {
                let before = since.is_some_and(|since| run.fence < since);
                Ok(nothing_to_do(&run, before))
            }
            Settled::LeaderFailed(run) => Err(Error::LeaderFailed { run }),
            Settled::NotApplied(run, pending) => {
                Err(Error::BundleNotApplied { run, pending: self.job.named(&pending) })
            }
        }))
    }
}

fn claim_failed(job: &Job, error: LookError) -> Error {
    match error {
        LookError::Database(error) => job.refused(Doing::Claiming, error),
        error => job.look_failed(error),
    }
}
