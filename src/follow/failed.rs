//! A decision that ends in failure → the error that says what was seen.

use crate::error::{Error, Seeking};
use crate::follow::decide::{Failure, Observation};
use crate::follow::source::Source;
use crate::job::Party;
use crate::model::migration::Pending;
use crate::model::run::Run;

/// `since` = the fence from which on runs were seen at work.
pub(super) async fn failed(
    party: &Party,
    source: &mut dyn Source,
    since: i64,
    failure: Failure,
    seen: &Observation,
) -> Error {
    let waited = party.limits.began.elapsed();
    let seeking =
        Seeking { place: source.place().map(Box::new), ..party.seeking(source.others(since).await) };
    match failure {
        Failure::LeaderFailed(run) => Error::LeaderFailed { run },
        Failure::LeaderInterrupted(run) => Error::LeaderInterrupted { run },
        Failure::NotApplied(run, pending) => Error::BundleNotApplied { run, pending: party.named(&pending) },
        Failure::LeaderDied(run) => Error::LeaderDied { run },
        Failure::NeverStarted => Error::LeaderNeverStarted { waited, seeking },
        Failure::StillAtWork(run) => late(party, Some(run), true, seen, seeking),
        Failure::NobodyAtWork(None) if let Some(history) = source.history() => Error::HistoryLate {
            history,
            waited,
            pending: match &seen.pending {
                Pending::Some(versions) => party.named(versions),
                Pending::None | Pending::Unknown => Vec::new(),
            },
            unknown: None,
            half_applied: None,
        },
        Failure::NobodyAtWork(run) => late(party, run, false, seen, seeking),
    }
}

/// Our time ended while somebody was at work of whom nothing could be read.
pub(super) fn unseen_at_work(party: &Party) -> Error {
    let (waited, seeking) = (party.limits.began.elapsed(), party.seeking(Vec::new()));
    Error::LeaderLate { run: None, at_work: true, waited, pending: None, seeking }
}

fn late(party: &Party, run: Option<Box<Run>>, at_work: bool, seen: &Observation, seeking: Seeking) -> Error {
    let waited = party.limits.began.elapsed();
    let pending = match &seen.pending {
        Pending::Some(versions) => Some(party.named(versions)),
        Pending::None => Some(Vec::new()),
        Pending::Unknown => None,
    };
    Error::LeaderLate { run, at_work, waited, pending, seeking }
}
