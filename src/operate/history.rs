//! `history`: the runs of a lock name, or one run with its steps. Reads only, and needs the rights of a follower.

use crate::database::{Database, Purpose};
use crate::error::{Error, OperateError};
use crate::job::Job;
use crate::model::ids::{Environment, RunId};
use crate::model::past::{HistoryReport, PastRun, RunReport};
use crate::operate::{has_ledger, or_nothing};

/// How many runs are named to who asked for one that is not there.
const NAMED: usize = 5;

/// The newest runs, at most `limit`; of one environment if one is given.
pub async fn runs(
    job: &Job,
    environment: Option<&Environment>,
    limit: usize,
) -> Result<HistoryReport, Error> {
    let lock_name = job.scope.lock_name.clone();
    let mut report = HistoryReport {
        lock_name: lock_name.clone(),
        environment: environment.cloned(),
        runs: Vec::new(),
        more: false,
        other_lock_names: Vec::new(),
    };
    let Some(mut session) = session(job).await? else { return Ok(report) };
    // one more, to know whether there is one
    let answer =
        job.ledger.past_runs(session.as_mut(), &lock_name, environment, limit.saturating_add(1)).await;
    report.runs = or_nothing(job, session.as_mut(), answer).await?;
    report.more = report.runs.len() > limit;
    report.runs.truncate(limit);
    if report.runs.is_empty() && has_ledger(job, session.as_mut()).await? {
        let names = job.ledger.lock_names(session.as_mut()).await;
        let names: Vec<String> = or_nothing(job, session.as_mut(), names).await?;
        report.other_lock_names = names.into_iter().filter(|name| *name != lock_name).collect();
    }
    Ok(report)
}

/// One run, by its id or the beginning of it.
pub async fn run(job: &Job, prefix: &str) -> Result<RunReport, Error> {
    let prefix = prefix.trim().to_lowercase();
    let none = |newest: Vec<PastRun>| {
        let newest = newest.into_iter().map(|run| run.run).collect();
        Error::from(OperateError::NoSuchRun { prefix: prefix.clone(), newest })
    };
    let Some(mut session) = session(job).await? else { return Err(none(Vec::new())) };
    let found = job.ledger.past_runs_by_id(session.as_mut(), &prefix, NAMED).await;
    let mut found: Vec<PastRun> = or_nothing(job, session.as_mut(), found).await?;
    if let Some(exact) = found.iter().position(|run| run.run == prefix) {
        found = vec![found.swap_remove(exact)];
    }
    match found.as_slice() {
        [run] => {
            let steps = job.ledger.past_steps(session.as_mut(), &RunId(run.run.clone())).await;
            let steps = or_nothing(job, session.as_mut(), steps).await?;
            Ok(RunReport { run: run.clone(), steps })
        }
        [] => {
            let newest = job.ledger.past_runs(session.as_mut(), &job.scope.lock_name, None, NAMED).await;
            Err(none(or_nothing(job, session.as_mut(), newest).await?))
        }
        several => {
            let runs = several.iter().map(|run| run.run.clone()).collect();
            Err(OperateError::AmbiguousRun { prefix, runs }.into())
        }
    }
}

/// None = there is no database yet (SQLite).
async fn session(job: &Job) -> Result<Option<Box<dyn Database>>, Error> {
    match job.open(Purpose::Look, true).await {
        Ok((session, _)) => Ok(Some(session)),
        Err(error) if job.no_file(&error) => Ok(None),
        Err(error) => Err(error),
    }
}
