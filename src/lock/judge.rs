//! What a claim decides, under the lock's row: whether the run before ours is over, and whether there is anything left
//! for us to do. Pure: no I/O, no clock of its own; the model check drives these very functions.

use crate::ledger::look::Look;
use crate::model::ids::{Digest, Version};
use crate::model::migration::Pending;
use crate::model::run::{EngineKind, LockMode, Role, Run, RunStatus};
use crate::plan::pending::{Judgement, Refusal};

/// What a claim found out about the run that the lock's row names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Its counter has not changed for as long as silence takes, by our own clock.
    pub silent: bool,
    /// We hold the session lock. False under a lease.
    pub lock_is_ours: bool,
    /// The session that it recorded is still there, or may be as far as we see.
    pub session_lives: bool,
    /// Somebody else's session holds the session lock. Never, when it is ours.
    pub lock_is_theirs: bool,
    /// A statement that bears its mark is in progress on the server, or may be as far as we see.
    pub statement_runs: bool,
    /// The lock is free only when all of its work is gone, a command's processes included (SQLite).
    pub lock_covers_all: bool,
}

/// Whether a run is over, so that its successor may claim. One that says `running` is marked abandoned then.
///
/// SQL work under the session lock that we now hold could not outlive it. That it was the very same lock is not
/// recorded (two participants with one `lock.name` and two `lock.id`), so its session must be gone too. A command
/// outlives its leader's session by what its guard takes to end it, and a lease has no session to go by: there only
/// silence says that the leader has stopped, and the server that nothing of it goes on. A leader that was told to end,
/// or that lost its lock, has said so, but a statement that it could not cancel may still be at work.
pub fn is_over(run: &Run, facts: &Facts) -> bool {
    let under_our_lock = run.lock_mode == LockMode::Session && facts.lock_is_ours;
    let gone =
        under_our_lock && (facts.lock_covers_all || (run.engine == EngineKind::Sql && !facts.session_lives));
    let still_locked = run.lock_mode == LockMode::Session && facts.lock_is_theirs;
    match run.status {
        RunStatus::Succeeded | RunStatus::Abandoned => true,
        RunStatus::Failed | RunStatus::Interrupted => gone || !facts.statement_runs,
        RunStatus::Running => gone || (facts.silent && !facts.statement_runs && !still_locked),
    }
}

/// Who asks whether anything is left to do.
#[derive(Clone, Debug)]
pub struct Claimant {
    /// Lead or elect.
    pub role: Role,
    /// It would run a command.
    pub command: bool,
    /// Of its bundle or command.
    pub digest: Digest,
    /// The fence from which on runs are not old to it ([`crate::lock::observer::Observer::since`]).
    pub since: Option<i64>,
}

impl Claimant {
    fn was_there(&self, run: &Run) -> bool {
        self.since.is_none_or(|since| run.fence >= since)
    }
}

/// What the history says of the claimant's bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What is not applied.
    pub pending: Pending,
    /// Nothing may be applied: the run that says so must be recorded, for those who wait.
    pub refused: bool,
}

impl Reading {
    /// Of a judgement, and of what of it is pending.
    pub fn new(judgement: Option<&Judgement>, pending: Pending) -> Self {
        // what cannot be understood is unknown, and has rules of its own
        let refuses = |it: &Refusal| !matches!(it, Refusal::Unreadable(_));
        Self { pending, refused: judgement.is_some_and(|judgement| judgement.refusals.iter().any(refuses)) }
    }
}

/// The end of a claim without a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// 0: that run has done our work.
    Done(Box<Run>),
    /// 20: it failed, and we were there.
    LeaderFailed(Box<Run>),
    /// 15: it succeeded while an elect was there, and these of ours are not applied.
    NotApplied(Box<Run>, Vec<Version>),
}

/// The run whose success makes the history worth reading under the lock.
pub fn succeeded(look: &Look) -> Option<&Run> {
    look.latest.as_ref().filter(|run| run.status == RunStatus::Succeeded)
}

/// The second look, under the lock: some = end without a run. `reading` counts only where a run [`succeeded`].
pub fn settle(look: &Look, us: &Claimant, reading: &Reading) -> Option<Settled> {
    if let Some(run) = &look.verdict
        && run.status == RunStatus::Failed
        && us.was_there(run)
    {
        return Some(Settled::LeaderFailed(Box::new(run.clone())));
    }
    let latest = succeeded(look).filter(|_| !reading.refused)?;
    let new = us.was_there(latest);
    match &reading.pending {
        // a designated leader runs its command anew; of a success while it waited, it is not asked to
        Pending::None if new || !us.command => Some(Settled::Done(Box::new(latest.clone()))),
        Pending::Unknown if new && latest.digest == us.digest => {
            Some(Settled::Done(Box::new(latest.clone())))
        }
        Pending::Some(pending) if new && us.role == Role::Elect => {
            Some(Settled::NotApplied(Box::new(latest.clone()), pending.clone()))
        }
        Pending::None | Pending::Some(_) | Pending::Unknown => None,
    }
}

/// The fast path of a designated leader, before the lock: the run that has done our work.
pub fn nothing_to_do<'a>(latest: Option<&'a Run>, command: bool, reading: &Reading) -> Option<&'a Run> {
    let done = !command && !reading.refused && reading.pending == Pending::None;
    latest.filter(|run| done && run.status == RunStatus::Succeeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Facts = Facts {
        silent: false,
        lock_is_ours: true,
        session_lives: false,
        lock_is_theirs: false,
        statement_runs: false,
        lock_covers_all: false,
    };

    fn run(lock_mode: LockMode, engine: EngineKind) -> Run {
        Run { lock_mode, engine, ..crate::ledger::tests::run(RunStatus::Running, 7) }
    }

    #[test]
    fn a_run_that_has_ended_is_over_once_its_last_statement_is() {
        use RunStatus::{Abandoned, Failed, Interrupted, Succeeded};
        let facts = Facts { session_lives: true, lock_is_theirs: true, ..QUIET };
        let cut_off = Facts { statement_runs: true, ..facts };
        for (status, over) in [(Succeeded, true), (Abandoned, true), (Failed, false), (Interrupted, false)] {
            let run = crate::ledger::tests::run(status, 7);
            assert!(is_over(&run, &facts), "{status}");
            assert_eq!(
                is_over(&run, &cut_off),
                over,
                "{status}, and a statement of it could not be cancelled"
            );
            assert!(
                is_over(&run, &Facts { statement_runs: true, ..QUIET }),
                "{status}, and its lock is ours"
            );
        }
    }

    #[test]
    fn a_run_that_says_running_is_over_when_nothing_of_it_can_go_on() {
        use {EngineKind::Command, EngineKind::Sql, LockMode::Lease, LockMode::Session};
        let lease = Facts { lock_is_ours: false, ..QUIET };
        let file = Facts { lock_covers_all: true, session_lives: true, ..QUIET };
        let cases = [
            ("SQL work whose lock is ours and whose session is gone", Session, Sql, QUIET, true),
            ("its session is there", Session, Sql, Facts { session_lives: true, ..QUIET }, false),
            (
                "it is there, and silent",
                Session,
                Sql,
                Facts { session_lives: true, silent: true, ..QUIET },
                true,
            ),
            ("a command outlives its session", Session, Command, QUIET, false),
            ("a silent command", Session, Command, Facts { silent: true, ..QUIET }, true),
            ("the lock of a file covers a command", Session, Command, file, true),
            ("a lease is no session's", Lease, Sql, QUIET, false),
            ("nor a file's", Lease, Sql, file, false),
            ("a silent lease", Lease, Sql, Facts { silent: true, ..lease }, true),
            (
                "its statement runs on",
                Lease,
                Sql,
                Facts { silent: true, statement_runs: true, ..lease },
                false,
            ),
            ("a lease's claimant does not have the lock", Session, Sql, lease, false),
            (
                "a frozen session has it, and a lease's claimant comes",
                Session,
                Sql,
                Facts { silent: true, lock_is_theirs: true, ..lease },
                false,
            ),
            (
                "a lease's run does not care who has the lock",
                Lease,
                Sql,
                Facts { silent: true, lock_is_theirs: true, ..lease },
                true,
            ),
        ];
        for (name, mode, engine, facts, over) in cases {
            assert_eq!(is_over(&run(mode, engine), &facts), over, "{name}");
        }
    }

    /// A look at one run with this fence, and a claimant whose first look was before the fence 5.
    fn settled(status: RunStatus, fence: i64, us: &Claimant, pending: Pending) -> Option<Settled> {
        let run = crate::ledger::tests::run(status, fence);
        let verdict = matches!(status, RunStatus::Failed | RunStatus::Succeeded).then(|| run.clone());
        let look = Look { latest: Some(run), verdict, ..Look::default() };
        settle(&look, us, &Reading { pending, refused: false })
    }

    fn claimant(role: Role, command: bool) -> Claimant {
        Claimant { role, command, digest: "our digest".into(), since: Some(5) }
    }

    #[test]
    fn who_was_there_does_not_try_again_and_who_comes_later_does() {
        for role in [Role::Lead, Role::Elect] {
            let us = claimant(role, false);
            let some = Pending::Some(vec!["1".into()]);
            let failed = settled(RunStatus::Failed, 5, &us, some.clone());
            assert!(matches!(failed, Some(Settled::LeaderFailed(run)) if run.fence == 5));
            assert_eq!(settled(RunStatus::Failed, 4, &us, some.clone()), None, "old");
            let blind = Claimant { since: None, ..us.clone() };
            assert!(settled(RunStatus::Failed, 4, &blind, some.clone()).is_some(), "nothing is old yet");
            for status in [RunStatus::Running, RunStatus::Interrupted, RunStatus::Abandoned] {
                assert_eq!(settled(status, 5, &us, some.clone()), None, "{status}");
            }
        }
    }

    #[test]
    fn a_failure_binds_even_if_a_later_run_died() {
        let latest = Some(crate::ledger::tests::run(RunStatus::Abandoned, 6));
        let verdict = Some(crate::ledger::tests::run(RunStatus::Failed, 5));
        let look = Look { latest, verdict, ..Look::default() };
        let reading = Reading { pending: Pending::None, refused: false };
        let settled = settle(&look, &claimant(Role::Elect, false), &reading);
        assert!(matches!(settled, Some(Settled::LeaderFailed(_))));
    }

    #[test]
    fn a_success_settles_what_is_done_and_nothing_else() {
        let some = || Pending::Some(vec!["1".into()]);
        let (lead, elect) = (Role::Lead, Role::Elect);
        // what the claim ends with, for: role, command, pending, run is old
        let cases = [
            (lead, false, Pending::None, false, Some(0)),
            (lead, false, Pending::None, true, Some(0)),
            (lead, true, Pending::None, false, Some(0)),
            (lead, true, Pending::None, true, None),
            (elect, true, Pending::None, true, None),
            (lead, true, Pending::Unknown, false, Some(0)),
            (lead, true, Pending::Unknown, true, None),
            (elect, true, Pending::Unknown, false, Some(0)),
            (lead, false, some(), false, None),
            (elect, false, some(), false, Some(15)),
            (elect, false, some(), true, None),
        ];
        for (role, command, pending, old, exit) in cases {
            let name = format!("{role} {command} {pending:?} {old}");
            let settled =
                settled(RunStatus::Succeeded, if old { 4 } else { 5 }, &claimant(role, command), pending);
            let found = settled.map(|settled| match settled {
                Settled::Done(_) => 0,
                Settled::NotApplied(..) => 15,
                Settled::LeaderFailed(_) => 20,
            });
            assert_eq!(found, exit, "{name}");
        }
    }

    #[test]
    fn a_command_of_others_does_not_count_as_ours() {
        let us = Claimant { digest: "another".into(), ..claimant(Role::Lead, true) };
        assert_eq!(settled(RunStatus::Succeeded, 5, &us, Pending::Unknown), None);
    }

    #[test]
    fn a_refusal_gets_a_run_of_its_own() {
        let latest = crate::ledger::tests::run(RunStatus::Succeeded, 5);
        let look = Look { latest: Some(latest.clone()), verdict: Some(latest), ..Look::default() };
        let reading = |refused| Reading { pending: Pending::None, refused };
        let us = claimant(Role::Lead, false);
        assert_eq!(settle(&look, &us, &reading(true)), None);
        assert!(settle(&look, &us, &reading(false)).is_some());
        let latest = look.latest.as_ref();
        assert_eq!(nothing_to_do(latest, false, &reading(true)), None);
        assert!(nothing_to_do(latest, false, &reading(false)).is_some());
        assert_eq!(nothing_to_do(latest, true, &reading(false)), None, "a command always runs");
        assert_eq!(nothing_to_do(None, false, &reading(false)), None);
    }
}
