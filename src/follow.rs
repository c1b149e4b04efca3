//! Follows: look, decide, sleep. An elect does the same until the decision is to lead.

pub mod asking;
pub mod decide;
mod failed;
pub mod github;
pub mod heroku;
mod ledger;
pub mod remote;
mod rest;
pub mod source;

use std::time::Duration;

use tokio::time::Instant;

use crate::database::DbErrorKind;
use crate::error::Error;
use crate::follow::decide::{Decision, Failure, Observation, Policy, Ready, Why, decide};
use crate::follow::failed::failed;
use crate::follow::ledger::Ledger;
use crate::follow::source::{Looked, Memory, Source};
use crate::job::held_up::HeldUp;
use crate::job::{Job, Party, Success, milliseconds, watched};
use crate::lead::{Attempt, try_lead};
use crate::lock::judge::{Reading, nothing_to_do};
use crate::model::event::Event;
use crate::model::migration::Pending;
use crate::model::run::{Role, Run, RunStatus};
use crate::plan::pending::Judgement;

/// A connection that takes longer says something about the server.
const SHORT: Duration = Duration::from_secs(2);

/// Waits for the verdict in the ledger, and as an elect leads where nobody does.
pub async fn follow(job: &Job) -> Result<Success, Error> {
    watch(job, &mut Ledger::to_lead(job), Some(job)).await
}

/// Waits for the verdict of a source; only with a job there is something to lead.
pub async fn watch(party: &Party, source: &mut dyn Source, job: Option<&Job>) -> Result<Success, Error> {
    let mut watch = Watch {
        party,
        job,
        source,
        memory: Memory::default(),
        seen_last: Some("nothing yet".to_owned()),
        unknown: None,
        half_applied: None,
        told_unknown: false,
        last: None,
        held_since: None,
    };
    let mut ended = watch.until_decided().await;
    if let Err(Error::Signalled { waiting, .. }) = &mut ended {
        *waiting = watch.seen_last.take();
    }
    ended
}

/// Takes one look at the ledger and says what it saw, for `status` and `plan`.
pub async fn look_once(job: &Job) -> Result<Looked, Error> {
    Ledger::new(job).look(&mut Memory::default()).await
}

struct Watch<'a> {
    party: &'a Party,
    job: Option<&'a Job>,
    source: &'a mut dyn Source,
    memory: Memory,
    /// Why we waited after the last look.
    seen_last: Option<String>,
    /// Why what is pending is unknown, if it is; said once.
    unknown: Option<String>,
    /// What of the history is half applied.
    half_applied: Option<String>,
    told_unknown: bool,
    /// What the look before brought, if it brought anything.
    last: Option<Observation>,
    /// An elect: since when somebody else has had the lock.
    held_since: Option<Instant>,
}

impl Watch<'_> {
    async fn until_decided(&mut self) -> Result<Success, Error> {
        loop {
            let began = Instant::now();
            let seen = match self.source.look(&mut self.memory).await {
                Ok(seen) => seen,
                Err(error) => {
                    if let Some(late) = self.too_late(&error, began).await {
                        return Err(late);
                    }
                    self.tell_held_up(&error);
                    self.source.outlast(error).await?;
                    continue;
                }
            };
            self.say_unknown(&seen);
            let alive = match decide(&seen.observation, &self.policy(), self.elapsed()) {
                Decision::Ready(ready) => {
                    self.say_passed_over(&seen);
                    return Ok(ready_to_go(&ready, &seen.observation));
                }
                Decision::Fail(failure) => return Err(self.failed(failure, &seen.observation).await),
                Decision::Lead => {
                    self.seen_last = None; // from here on, we may be more than a follower
                    match self.try_lead().await? {
                        Some(success) => return Ok(success),
                        None => false,
                    }
                }
                Decision::Wait(why) => {
                    self.tell(&why, &seen);
                    if why == Why::Alive {
                        self.held_since.get_or_insert(began);
                    }
                    why == Why::Alive
                }
            };
            self.last = Some(seen.observation);
            self.source.sleep(alive).await?;
        }
    }

    /// At the very end, a connection that needs more time is no news, nor that somebody still writes: what the look
    /// before saw is. None = it is not that.
    async fn too_late(&mut self, error: &Error, began: Instant) -> Option<Error> {
        let deadline = self.party.limits.deadline();
        let held_up = self.source.held_up(error);
        let short = error.database_kind() == Some(DbErrorKind::Timeout) && began + SHORT >= deadline;
        if Instant::now() < deadline || !(short || held_up.is_some()) {
            return None;
        }
        let last = self.last.take();
        let decided = last.as_ref().map(|last| decide(last, &self.policy(), self.elapsed()));
        match (decided, last) {
            (Some(Decision::Fail(failure @ Failure::StillAtWork(_))), Some(last)) => {
                Some(self.failed(failure, &last).await)
            }
            _ if held_up == Some(HeldUp::ByLeader) => Some(failed::unseen_at_work(self.party)),
            (Some(Decision::Fail(failure)), Some(last)) => Some(self.failed(failure, &last).await),
            _ => None,
        }
    }

    /// Who is seen at work is news enough; else why nothing is seen.
    fn tell_held_up(&mut self, error: &Error) {
        let seen =
            self.last.as_ref().and_then(|last| last.latest.as_ref()).is_some_and(|latest| latest.alive);
        let Some(held_up) = self.source.held_up(error).filter(|_| !seen) else { return };
        self.party.tell_held_up(held_up, self.party.limits.began);
        self.seen_last = Some(held_up.reason().to_owned());
    }

    async fn failed(&mut self, failure: Failure, seen: &Observation) -> Error {
        let since = self.memory.observer.since().unwrap_or(0);
        let mut error = failed(self.party, self.source, since, failure, seen).await;
        if let Error::HistoryLate { unknown, half_applied, .. } = &mut error {
            unknown.clone_from(&self.unknown);
            half_applied.clone_from(&self.half_applied);
        }
        error
    }

    /// Once: what is seen of a history stays so until somebody mends it.
    fn say_unknown(&mut self, seen: &Looked) {
        let (Some(judgement), Some(bundle)) = (&seen.judgement, &self.party.bundle) else { return };
        self.unknown = judgement.why_unknown(bundle).filter(|_| seen.observation.pending == Pending::Unknown);
        self.half_applied = judgement.half_applied();
        let why =
            self.unknown.as_ref().map(|why| format!("what of our migrations is pending is unknown: {why}"));
        // who may lead hears of it when it does
        let doubt = judgement.doubt.clone().filter(|_| self.party.role == Role::Follow);
        if let Some(message) = why.or(doubt).filter(|_| !std::mem::replace(&mut self.told_unknown, true)) {
            self.party.report.event(&Event::Notice { message });
        }
    }

    /// Only a leader refuses; who need not lead goes on, and says what it has seen.
    fn say_passed_over(&self, seen: &Looked) {
        for message in passed_over(seen) {
            self.party.report.event(&Event::Notice { message });
        }
    }

    fn policy(&self) -> Policy {
        let command = self.job.is_some_and(|job| job.command.is_some());
        let first_look = self.memory.first_look.unwrap_or(self.party.limits.began);
        policy(self.party, command, self.source.history().is_some(), first_look)
    }

    fn elapsed(&self) -> Duration {
        self.memory.first_look.map_or(Duration::ZERO, |first| first.elapsed())
    }

    /// None = somebody else has the lock, or the server is busy: look again. The leader's sessions take the place of the
    /// look's.
    async fn try_lead(&mut self) -> Result<Option<Success>, Error> {
        let Some(job) = self.job else {
            return Err(Error::Bug { what: "a follower was to lead".to_owned() });
        };
        let opened = self.source.leave();
        let began = *self.held_since.get_or_insert_with(Instant::now);
        match try_lead(job, &mut self.memory.observer, began, opened).await {
            Ok(Attempt::Ended(ended)) => ended.map(Some),
            Ok(Attempt::NotGot) => Ok(None),
            Err(error) => self.source.outlast(error).await.map(|()| None),
        }
    }

    fn tell(&mut self, why: &Why, seen: &Looked) {
        let waited_ms = milliseconds(self.party.limits.began.elapsed());
        let latest = seen.observation.latest.as_ref().map(|latest| &latest.run);
        let reason = reason(why, latest, seen, self);
        self.party.report.event(&match (why, latest) {
            (Why::Alive, Some(run)) => {
                Event::Watching { run: watched(run, seen.observation.now, seen.beat_age), waited_ms }
            }
            _ => Event::Waiting { reason: reason.clone(), waited_ms },
        });
        self.seen_last = Some(reason);
    }
}

/// `follow.start` counts from the first look, the budget from the process's start.
fn policy(party: &Party, command: bool, by_history: bool, first_look: Instant) -> Policy {
    let limits = &party.limits;
    Policy {
        elect: party.role == Role::Elect,
        command,
        digest: party.scope.digest.clone(),
        any_release: party.scope.release.is_none(),
        grace: limits.grace,
        // a history does not tell whether anybody has begun
        start: if by_history { Duration::MAX } else { limits.start },
        window: limits.window,
        budget: limits.deadline().saturating_duration_since(first_look),
    }
}

/// Whether one who comes now would go on at once, for `plan` and `doctor`; by the very rules that a deploy has.
pub fn goes_on_at_once(job: &Job, seen: &Observation, judgement: Option<&Judgement>) -> bool {
    let command = job.command.is_some();
    match job.role {
        Role::Lead => {
            let reading = Reading::new(judgement, seen.pending.clone());
            nothing_to_do(seen.latest.as_ref().map(|latest| &latest.run), command, &reading).is_some()
        }
        Role::Elect | Role::Follow => {
            let policy = policy(job, command, job.by_history, Instant::now());
            matches!(decide(seen, &policy, Duration::ZERO), Decision::Ready(_))
        }
    }
}

/// What such a one says: what is odd in the history, and where a leader would refuse.
pub fn passed_over(seen: &Looked) -> Vec<String> {
    let Some(judgement) = &seen.judgement else { return Vec::new() };
    let mut messages = judgement.notices();
    messages.extend(judgement.passed_over().filter(|_| seen.observation.pending == Pending::None));
    messages
}

fn ready_to_go(ready: &Ready, seen: &Observation) -> Success {
    let before = seen.latest.as_ref().is_none_or(|latest| latest.old);
    let latest = seen.latest.as_ref().map(|latest| &latest.run);
    let message = match (ready, latest) {
        (Ready::Succeeded, Some(run)) => {
            format!("{} has migrated to {}", run.leader, run.release.short())
        }
        _ => "nothing of our migrations is pending".to_owned(),
    };
    let (run, url) = (latest.map(|run| run.id.clone()), latest.and_then(|run| run.url.clone()));
    Success { run, url, applied: Vec::new(), message, before }
}

/// Rounded up: "0 s" would be a lie.
fn whole_seconds(left: Duration) -> u64 {
    left.as_secs() + u64::from(left.subsec_nanos() > 0)
}

/// Why we wait, in one line.
fn reason(why: &Why, latest: Option<&Run>, seen: &Looked, watch: &Watch<'_>) -> String {
    let elect = watch.party.role == Role::Elect;
    let leader = latest.map_or("the leader", |run| run.leader.as_str());
    match why {
        Why::Alive => {
            let run = latest.filter(|run| run.total > 0);
            let done = run.map(|run| format!(", {} of {} done", run.done, run.total)).unwrap_or_default();
            format!("{leader} is at work{done}")
        }
        Why::Behind if seen.observation.pending == Pending::Unknown => format!(
            "{leader} had succeeded before we came, and whether what we need is applied is unknown; waiting for a new run"
        ),
        Why::Behind => format!(
            "the last run of this release, led by {leader}, did not apply all of our migrations; waiting for a new one"
        ),
        Why::OldFailure(left) if elect => {
            format!("{leader} failed before we came; trying again in {} s", whole_seconds(*left))
        }
        Why::OldFailure(left) => {
            format!("{leader} failed before we came; waiting {} s for a new run", whole_seconds(*left))
        }
        Why::Dead(left) => {
            let what = match latest.map(|run| run.status) {
                Some(RunStatus::Running) => {
                    format!("{leader} has shown no sign of life for {} s", seen.sight.quiet_for.as_secs())
                }
                Some(status) => format!("the run of {leader} was {status}"),
                None => "the run that we watched is gone".to_owned(),
            };
            format!("{what}; waiting {} s for another leader", whole_seconds(*left))
        }
        Why::NotStarted if watch.source.history().is_some() => {
            match (&seen.observation.pending, &watch.half_applied) {
                (Pending::Unknown, _) => "whether our migrations are applied is not known yet".to_owned(),
                (_, None) => "our migrations are not applied yet".to_owned(),
                (_, Some(half)) => format!("our migrations are not applied yet: {half}"),
            }
        }
        Why::NotStarted => watch.source.nobody_began(),
    }
}
