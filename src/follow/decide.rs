//! What to do after a look. Pure: no I/O, no clock of its own. The rows are those of the protocol (`lock/mod.rs`).

use std::time::Duration;

use crate::ledger::look::Look;
use crate::lock::observer::{Observer, Sight};
use crate::model::ids::{Digest, Version};
use crate::model::migration::Pending;
use crate::model::run::{Run, RunStatus};

/// What an observer has seen, at one look and before.
#[derive(Clone, Debug)]
pub struct Observation {
    /// Ours with the highest fence.
    pub latest: Option<Seen>,
    /// Ours with the highest fence among those that failed or succeeded.
    pub verdict: Option<Seen>,
    /// The run that we watched is gone from the ledger (a failover lost it).
    pub vanished: bool,
    /// Failed runs of ours since the last success.
    pub failures: u32,
    /// What of our bundle is not applied.
    pub pending: Pending,
    /// Another run began under our lock name after `latest`.
    pub ran_since: bool,
    /// The database's clock, milliseconds since 1970.
    pub now: i64,
    /// Since the look that first showed `latest` in this row.
    pub shown_for: Duration,
}

impl Observation {
    /// Of one look that `observer` has taken in; what is pending is unknown until the history is read. `never_old`: with
    /// a deploy of its own, nothing that a follower sees is from before.
    pub fn new(observer: &Observer, look: Look, sight: &Sight, never_old: bool) -> Self {
        let seen = |run: Run, alive: bool| Seen { old: !never_old && observer.is_old(&run), alive, run };
        let latest_fence = look.latest.as_ref().map(|run| run.fence);
        Self {
            latest: look.latest.map(|run| seen(run, sight.alive)),
            verdict: look.verdict.map(|run| seen(run, false)),
            vanished: sight.vanished,
            failures: look.failures,
            pending: Pending::Unknown,
            ran_since: latest_fence.is_some_and(|fence| look.high > fence),
            now: look.now,
            shown_for: sight.shown_for,
        }
    }
}

/// A run, and what we know of it beyond its row.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its row.
    pub run: Run,
    /// It had ended by our first look.
    pub old: bool,
    /// Its beat counter changed within 15 s of our own clock (SQLite: somebody holds the lock).
    pub alive: bool,
}

/// What we are, and how long we wait.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Elect rather than follow.
    pub elect: bool,
    /// We would run a command.
    pub command: bool,
    /// Of our bundle or command.
    pub digest: Option<Digest>,
    /// We have no release: each run of our lock is ours.
    pub any_release: bool,
    /// `follow.grace`.
    pub grace: Duration,
    /// `follow.start`.
    pub start: Duration,
    /// `follow.window`.
    pub window: Duration,
    /// How long we may take in all.
    pub budget: Duration,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Look again later, because.
    Wait(Why),
    /// Exit 0, because.
    Ready(Ready),
    /// Try to lead, once.
    Lead,
    /// Exit with this.
    Fail(Failure),
}

/// Why we wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The leader is at work.
    Alive,
    /// An older release's run succeeded; ours has not begun.
    Behind,
    /// It failed before we came; an elect pauses, a follower hopes for a newer run. So much longer at most.
    OldFailure(Duration),
    /// It is silent, abandoned, interrupted or gone. So much longer at most.
    Dead(Duration),
    /// Nobody has begun.
    NotStarted,
}

/// Why we may go live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ready {
    /// The latest run succeeded.
    Succeeded,
    /// Nothing of our bundle is pending, whatever became of the run.
    NothingPending,
}

/// Why we may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// 20: the verdict says failed.
    LeaderFailed(Box<Run>),
    /// 20: its leader was interrupted.
    LeaderInterrupted(Box<Run>),
    /// 15: it succeeded, and these of ours are not applied.
    NotApplied(Box<Run>, Vec<Version>),
    /// 22: it is silent, abandoned, or gone.
    LeaderDied(Option<Box<Run>>),
    /// 23: nobody has begun.
    NeverStarted,
    /// 21: still at work at the end of our budget.
    StillAtWork(Box<Run>),
    /// 21: nobody is at work for us at the end of our budget; what was seen last.
    NobodyAtWork(Option<Box<Run>>),
}

/// The pause before an elect tries again after failures: 15 s, doubled for each, at most 15 min.
pub fn retry_pause(failures: u32) -> Duration {
    let doubled = 15u64.saturating_mul(1 << failures.saturating_sub(1).min(10));
    Duration::from_secs(doubled.min(15 * 60))
}

/// The first row that fits.
pub fn decide(seen: &Observation, policy: &Policy, elapsed: Duration) -> Decision {
    if let Some(verdict) = &seen.verdict
        && verdict.run.status == RunStatus::Failed
        && !verdict.old
    {
        return Decision::Fail(Failure::LeaderFailed(Box::new(verdict.run.clone())));
    }
    let (row, decision) = match &seen.latest {
        Some(latest) if latest.alive => (Row::Alive, Decision::Wait(Why::Alive)),
        Some(latest) if latest.run.status == RunStatus::Succeeded => {
            (Row::Succeeded, succeeded(latest, seen, policy, elapsed))
        }
        Some(latest) if !expired(latest, seen, policy) => match latest.run.status {
            RunStatus::Failed => (Row::Failed, failed(latest, seen, policy)),
            _ => (Row::Dead, dead(Some(latest), seen, policy)),
        },
        _ if seen.vanished => (Row::Dead, dead(None, seen, policy)),
        _ => (Row::None, none(seen, policy, elapsed)),
    };
    match decision {
        Decision::Wait(_) | Decision::Lead if elapsed >= policy.budget => Decision::Fail(late(row, seen)),
        decision => decision,
    }
}

/// Which row of the table fits, from 2 to 6.
#[derive(Clone, Copy)]
enum Row {
    Alive,
    Succeeded,
    Failed,
    Dead,
    None,
}

/// Neither alive nor succeeded, and over for longer than the failure window: as no run.
fn expired(latest: &Seen, seen: &Observation, policy: &Policy) -> bool {
    let window = i64::try_from(policy.window.as_millis()).unwrap_or(i64::MAX);
    seen.now.saturating_sub(latest.run.ended_at()) > window
}

/// "Unknown is never none": a command has to run, whatever is pending.
fn none_pending(seen: &Observation, policy: &Policy) -> bool {
    seen.pending == Pending::None && !(policy.elect && policy.command)
}

/// Row 3.
fn succeeded(latest: &Seen, seen: &Observation, policy: &Policy, elapsed: Duration) -> Decision {
    let has_to_run = policy.elect && policy.command && latest.old && seen.ran_since;
    let counts = !has_to_run;
    let digest_is_ours = policy.digest.as_ref() == Some(&latest.run.digest);
    // one of any release, from before we came, says nothing of what we need
    let may_be_anothers = policy.any_release && latest.old;
    match &seen.pending {
        Pending::Unknown if may_be_anothers && !policy.elect => match elapsed >= policy.start {
            true => Decision::Fail(Failure::NobodyAtWork(boxed(Some(latest)))),
            false => Decision::Wait(Why::Behind),
        },
        Pending::None if counts => Decision::Ready(Ready::Succeeded),
        Pending::Unknown if counts && (!policy.elect || digest_is_ours) => Decision::Ready(Ready::Succeeded),
        Pending::Some(versions) => {
            let not_applied =
                || Decision::Fail(Failure::NotApplied(Box::new(latest.run.clone()), versions.clone()));
            match (latest.old, policy.elect) {
                (false, _) => not_applied(),
                (true, true) => Decision::Lead,
                (true, false) if elapsed >= policy.start => not_applied(),
                (true, false) => Decision::Wait(Why::Behind),
            }
        }
        Pending::None | Pending::Unknown => none(seen, policy, elapsed),
    }
}

/// Row 4: only an old failure gets here.
fn failed(latest: &Seen, seen: &Observation, policy: &Policy) -> Decision {
    if policy.elect {
        let since =
            Duration::from_millis(seen.now.saturating_sub(latest.run.ended_at()).max(0).unsigned_abs());
        let pause = retry_pause(seen.failures);
        return match pause.checked_sub(since) {
            Some(left) if !left.is_zero() => Decision::Wait(Why::OldFailure(left)),
            _ => Decision::Lead,
        };
    }
    match policy.grace.checked_sub(seen.shown_for) {
        Some(left) if !left.is_zero() => Decision::Wait(Why::OldFailure(left)),
        _ => Decision::Fail(Failure::LeaderFailed(Box::new(latest.run.clone()))),
    }
}

/// Row 5.
fn dead(latest: Option<&Seen>, seen: &Observation, policy: &Policy) -> Decision {
    if none_pending(seen, policy) {
        return Decision::Ready(Ready::NothingPending);
    }
    if policy.elect {
        return Decision::Lead;
    }
    if let Some(latest) = latest
        && latest.run.status == RunStatus::Interrupted
        && !latest.old
    {
        return Decision::Fail(Failure::LeaderInterrupted(Box::new(latest.run.clone())));
    }
    match policy.grace.checked_sub(seen.shown_for) {
        Some(left) if !left.is_zero() => Decision::Wait(Why::Dead(left)),
        _ => Decision::Fail(Failure::LeaderDied(boxed(latest))),
    }
}

/// Row 6.
fn none(seen: &Observation, policy: &Policy, elapsed: Duration) -> Decision {
    if none_pending(seen, policy) {
        return Decision::Ready(Ready::NothingPending);
    }
    if policy.elect {
        return Decision::Lead;
    }
    if elapsed >= policy.start {
        Decision::Fail(Failure::NeverStarted)
    } else {
        Decision::Wait(Why::NotStarted)
    }
}

/// Row 7: the budget ends where we would have gone on.
fn late(row: Row, seen: &Observation) -> Failure {
    let run = boxed(seen.latest.as_ref());
    match (row, run, &seen.pending) {
        (Row::Succeeded, Some(run), Pending::Some(versions)) => Failure::NotApplied(run, versions.clone()),
        (Row::Failed, Some(run), _) => Failure::LeaderFailed(run),
        (Row::Dead, run, _) => Failure::LeaderDied(run),
        (Row::Alive, Some(run), _) => Failure::StillAtWork(run),
        (_, run, _) => Failure::NobodyAtWork(run),
    }
}

fn boxed(seen: Option<&Seen>) -> Option<Box<Run>> {
    seen.map(|seen| Box::new(seen.run.clone()))
}

#[cfg(test)]
mod tests;
