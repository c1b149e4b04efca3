//! `resolve`: what people say became of a migration, written into the format's history.
//!
//! It takes the lock and claims a run as a leader does, so that nobody is at work meanwhile, and nobody who was frozen
//! goes on afterwards. The history is read again under the lock, and changed in one transaction that begins with the
//! lock's row: all of it, or nothing. The run is of the release `resolve` and of no bundle, so that no participant of a
//! deploy takes it for its own.

mod plan;

use std::time::Duration;

use tokio::time::Instant;

use crate::database::{Database, DbErrorKind, Purpose};
use crate::error::{Cut, Doing, Error, OperateError};
use crate::job::{Job, Success};
use crate::lead::sessions::Sessions;
use crate::ledger::history::{HistoryTable, Recorded};
use crate::ledger::look::{Look, LookError};
use crate::ledger::record::{Progress, Recorder, Verdict};
use crate::lock::claim::{self, Claim, SecondLook};
use crate::lock::observer::Observer;
use crate::model::event::Event;
use crate::model::ids::{Digest, Release, RunId};
use crate::model::migration::Applied;
use crate::model::resolve::{Resolution, ResolveReport, Resolved};
use crate::model::run::{Run, RunStatus, Step, StepStatus};
use crate::plan::pending::Refusal;
pub use plan::Wanted;

/// The release of the runs that record it.
const RELEASE: &str = "resolve";
/// How long we try, unless somebody says otherwise: longer than a dead leader takes to be found silent.
const PATIENCE: Duration = Duration::from_secs(30);
/// Where the lock is the sign of life (SQLite), who has it is alive.
const NO_BEATS: Duration = Duration::from_secs(5);
/// Between tries for the lock.
const AGAIN: Duration = Duration::from_secs(1);

/// Who says it, and how long to try.
pub struct Asked<'a> {
    /// What.
    pub wanted: &'a Wanted,
    /// Who, as the ledger records it.
    pub by: &'a str,
    /// How long to wait for the lock; none = as long as its holder is not seen alive.
    pub wait: Option<Duration>,
}

/// Changes the history, or says why not.
pub async fn resolve(job: &Job, asked: &Asked<'_>) -> Result<Success, Error> {
    if job.bundle.is_none() {
        return Err(OperateError::NoMigrations.into());
    }
    if let Some(format) = job.format.filter(|format| format.writer().is_none()) {
        return Err(OperateError::OnlyChecked { format: format.name() }.into());
    }
    // what cannot be, or is so already, needs no lock
    let changes = plan::changes(job, asked.wanted, &first_read(job).await?)?;
    if changes.is_empty() {
        return Ok(finish(job, asked, Vec::new(), None));
    }
    let began = Instant::now();
    let until = began + asked.wait.unwrap_or(if job.beats() { PATIENCE } else { NO_BEATS });
    let mut observer = Observer::default();
    let mut leader = Sessions::open(job, false).await?;
    let mut holder: Option<Box<Run>> = None;
    loop {
        if let Some((changes, run)) = attempt(job, asked, &mut leader, &mut observer).await? {
            return Ok(finish(job, asked, changes, Some(run)));
        }
        let before = holder.take();
        holder = leader.tell_holder(job, &mut observer, began).await?;
        let beats = |run: &Option<Box<Run>>| run.as_ref().map(|run| (run.id.clone(), run.beats));
        let alive = before.is_some() && holder.is_some() && beats(&before) != beats(&holder);
        if Instant::now() + AGAIN >= until || (alive && asked.wait.is_none()) {
            let lock_name = job.scope.lock_name.clone();
            return Err(Error::LockNotGot { lock_name, waited: began.elapsed(), holder });
        }
        job.pause(AGAIN).await?;
    }
}

/// The history as a look finds it; one that is not there is empty.
async fn first_read(job: &Job) -> Result<Vec<Applied>, Error> {
    let (mut session, _) = match job.open(Purpose::Look, true).await {
        Err(error) if job.no_file(&error) => return Ok(Vec::new()),
        opened => opened?,
    };
    let Some(history) = job.history_by_path() else { return Ok(Vec::new()) };
    read(job, session.as_mut(), &history).await
}

async fn read(job: &Job, session: &mut dyn Database, history: &HistoryTable) -> Result<Vec<Applied>, Error> {
    let recorded = history.read(session).await;
    let recorded = recorded.map_err(|error| job.refused(Doing::ReadingHistory, error))?;
    let Some(bundle) = job.bundle.as_ref().filter(|_| recorded != Recorded::Nowhere) else {
        return Ok(Vec::new());
    };
    job.understood(bundle, history, &recorded).map_err(|blind| Error::HistoryRefused {
        refusals: vec![Refusal::Unreadable(blind)],
        history: history.clone(),
        folder: bundle.folder.display().to_string(),
    })
}

/// One try for the lock, one claim, and if it stands, all of the work. None = somebody else has it.
async fn attempt(
    job: &Job,
    asked: &Asked<'_>,
    leader: &mut Sessions,
    observer: &mut Observer,
) -> Result<Option<(Vec<Resolved>, RunId)>, Error> {
    if !leader.try_lock(job, observer).await? {
        return Ok(None);
    }
    let history = leader.prepare(job).await?.ok_or(OperateError::NoMigrations)?;
    let row = Run {
        release: Release(RELEASE.to_owned()),
        digest: Digest(String::new()),
        deploy: None,
        ..leader.run_row(job)
    };
    let work = leader.work.as_mut();
    let claimed = claim::claim(&job.ledger, work, &job.scope, &job.key, observer, row, &mut AnyLook).await;
    let claimed = claimed.map_err(|error| match error {
        LookError::Database(error) => job.refused(Doing::Claiming, error),
        error => job.look_failed(error),
    })?;
    let done = match claimed {
        Claim::Mine(run) => Some(under_the_claim(job, asked, leader, &run, &history).await),
        Claim::NotGot | Claim::Settled(()) => None,
    };
    leader.unlock(job).await;
    done.transpose()
}

/// Whatever was before: people may always say what they know.
struct AnyLook;

#[async_trait::async_trait]
impl SecondLook<()> for AnyLook {
    async fn judge(
        &mut self,
        _session: &mut dyn Database,
        _look: &Look,
        _since: Option<i64>,
    ) -> Result<Option<()>, LookError> {
        Ok(None)
    }
}

/// Reads again, writes, and records how it went.
async fn under_the_claim(
    job: &Job,
    asked: &Asked<'_>,
    leader: &mut Sessions,
    run: &Run,
    history: &HistoryTable,
) -> Result<(Vec<Resolved>, RunId), Error> {
    let now = job.ledger.now(leader.work.as_mut()).await.unwrap_or(run.started_at);
    let written = rewrite(job, asked, leader, run, history).await;
    let mut recorder = Recorder::new(job.ledger.clone(), claim::mine(run));
    let (progress, verdict) = told(asked, written.as_ref(), now);
    let work = leader.work.as_mut();
    let recorded = recorder.finish(work, &progress, &verdict).await;
    let written = written?;
    // what people asked for is done, whatever the ledger says of it
    if let Err(error) = recorded {
        let message = format!("done, but the ledger could not record it: {}", error.message);
        job.report.event(&Event::Warning { message });
    }
    Ok((written, run.id.clone()))
}

async fn rewrite(
    job: &Job,
    asked: &Asked<'_>,
    leader: &mut Sessions,
    run: &Run,
    history: &HistoryTable,
) -> Result<Vec<Resolved>, Error> {
    let work = leader.work.as_mut();
    let writing = |error| job.refused(Doing::Recording, error);
    job.ensure_history(work, history).await?;
    let changes = plan::changes(job, asked.wanted, &read(job, work, history).await?)?;
    let writes: Vec<_> = changes
        .iter()
        .flat_map(|change| {
            let migration = plan::migration(job, &change.version);
            let before = job.bundle.as_ref().and_then(|bundle| bundle.before(&change.version));
            history.resolve(&change.version, migration, before, change.now)
        })
        .collect();
    let mine = claim::mine(run);
    match job.ledger.write_as(work, &job.scope.lock_name, &mine, &writes).await {
        Ok(()) => Ok(changes),
        Err(error) if error.kind == DbErrorKind::FenceLost => Err(Error::LockLost {
            reason: error.message,
            step: None,
            applied: Vec::new(),
            cut: Cut::default(),
        }),
        Err(error) => Err(writing(error)),
    }
}

/// What the run's row will say.
fn told(asked: &Asked<'_>, written: Result<&Vec<Resolved>, &Error>, now: i64) -> (Progress, Verdict) {
    let changes = written.map(Vec::as_slice).unwrap_or_default();
    let count = i64::try_from(changes.len()).unwrap_or(i64::MAX);
    let steps = (1..).zip(changes).map(|(position, change)| Step {
        position,
        version: change.version.clone(),
        description: format!("{}: said to be {}", change.name, words(change.now)),
        status: StepStatus::Succeeded,
        started_at: now,
        finished_at: Some(now),
        error: None,
    });
    let progress = Progress { total: count, done: count, current: None, steps: steps.collect() };
    let error = written.err().map(ToString::to_string);
    let status = if error.is_none() { RunStatus::Succeeded } else { RunStatus::Failed };
    let verdict = Verdict { status, error, failed_step: None, ended_by: asked.by.to_owned() };
    (progress, verdict)
}

fn words(resolution: Resolution) -> &'static str {
    match resolution {
        Resolution::Applied => "applied",
        Resolution::RolledBack => "rolled back",
    }
}

fn finish(job: &Job, asked: &Asked<'_>, changes: Vec<Resolved>, run: Option<RunId>) -> Success {
    let history = job.history_by_path().map_or_else(String::new, |history| history.short_name().to_owned());
    let message = match changes.len() {
        0 => "nothing to change: the history says so already".to_owned(),
        1 => "the history is changed: 1 migration".to_owned(),
        many => format!("the history is changed: {many} migrations"),
    };
    let report = ResolveReport { history, changes, run: run.clone(), by: asked.by.to_owned() };
    job.report.event(&Event::Resolved(Box::new(report)));
    Success { run, message, ..Success::default() }
}
