//! A decision that ends in failure → the error that says what was seen.

use crate::database::Database;
use crate::error::{Error, Seeking};
use crate::follow::decide::{Failure, Observation};
use crate::job::Job;
use crate::model::migration::Pending;
use crate::model::run::Run;

/// `since` = the fence from which on runs were seen at work; `session`, to look for other runs.
pub(super) async fn failed(
    job: &Job,
    session: Option<&mut dyn Database>,
    since: i64,
    failure: Failure,
    seen: &Observation,
) -> Error {
    let waited = job.limits.began.elapsed();
    let seeking = job.seeking(session, since).await;
    match failure {
        Failure::LeaderFailed(run) => Error::LeaderFailed { run },
        Failure::LeaderInterrupted(run) => Error::LeaderInterrupted { run },
        Failure::NotApplied(run, pending) => Error::BundleNotApplied { run, pending: job.named(&pending) },
        Failure::LeaderDied(run) => Error::LeaderDied { run },
        Failure::NeverStarted => Error::LeaderNeverStarted { waited, seeking },
        Failure::StillAtWork(run) => late(job, Some(run), true, seen, seeking),
        Failure::NobodyAtWork(run) => late(job, run, false, seen, seeking),
    }
}

fn late(job: &Job, run: Option<Box<Run>>, at_work: bool, seen: &Observation, seeking: Seeking) -> Error {
    let waited = job.limits.began.elapsed();
    let pending = match &seen.pending {
        Pending::Some(versions) => Some(job.named(versions)),
        Pending::None => Some(Vec::new()),
        Pending::Unknown => None,
    };
    Error::LeaderLate { run, at_work, waited, pending, seeking }
}
