//! The follower's and elect's table of the protocol, row by row, and what must hold whatever was seen.

use proptest::prelude::*;

use super::*;
use crate::ledger::tests::NOW;

const OURS: &str = "our digest";

fn run(status: RunStatus) -> Run {
    crate::ledger::tests::run(status, 7)
}

fn ended(mut run: Run, seconds_ago: i64) -> Run {
    run.beat_at = NOW - seconds_ago * 1000;
    run.finished_at = run.finished_at.map(|_| run.beat_at);
    run
}

fn nothing() -> Observation {
    Observation {
        latest: None,
        verdict: None,
        vanished: false,
        failures: 0,
        pending: Pending::Unknown,
        ran_since: false,
        now: NOW,
        shown_for: Duration::ZERO,
    }
}

/// One run is all there is. One that ended is the verdict too, if it is one.
fn saw(run: Run, old: bool, alive: bool) -> Observation {
    let seen = Seen { run, old, alive };
    let is_verdict = matches!(seen.run.status, RunStatus::Failed | RunStatus::Succeeded);
    let failures = u32::from(seen.run.status == RunStatus::Failed);
    Observation {
        verdict: is_verdict.then(|| Seen { alive: false, ..seen.clone() }),
        latest: Some(seen),
        failures,
        ..nothing()
    }
}

fn fresh(status: RunStatus) -> Observation {
    saw(run(status), false, false)
}

fn old(status: RunStatus) -> Observation {
    saw(run(status), true, false)
}

impl Observation {
    fn with(mut self, pending: Pending) -> Self {
        self.pending = pending;
        self
    }
    fn shown_for(mut self, seconds: u64) -> Self {
        self.shown_for = Duration::from_secs(seconds);
        self
    }
    fn edit(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

fn policy(elect: bool, command: bool) -> Policy {
    Policy {
        elect,
        command,
        digest: Some(OURS.into()),
        any_release: false,
        grace: Duration::from_secs(60),
        start: Duration::from_secs(900),
        window: Duration::from_secs(900),
        budget: Duration::from_secs(1800),
    }
}

fn some() -> Pending {
    Pending::Some(versions())
}

fn versions() -> Vec<Version> {
    vec!["3".into(), "4".into()]
}

fn boxed(status: RunStatus) -> Box<Run> {
    Box::new(run(status))
}

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

#[derive(Clone, Copy, Debug)]
enum Who {
    Follow,
    Elect,
    /// An elect that would run a command.
    Command,
}
use Who::{Command, Elect, Follow};

/// Asserts what each of them decides, `elapsed` seconds after its first look.
#[track_caller]
fn at(elapsed: u64, seen: &Observation, wanted: &[(Who, Decision)]) {
    for (who, decision) in wanted {
        let policy = policy(!matches!(who, Follow), matches!(who, Command));
        assert_eq!(decide(seen, &policy, seconds(elapsed)), *decision, "{who:?} after {elapsed} s: {seen:?}");
    }
}

#[track_caller]
fn everyone(elapsed: u64, seen: &Observation, decision: Decision) {
    at(elapsed, seen, &[(Follow, decision.clone()), (Elect, decision.clone()), (Command, decision)]);
}

// Row 1: verdict failed, not old → 20

#[test]
fn row_1_a_failure_at_which_we_were_present_is_ours() {
    let failed = Decision::Fail(Failure::LeaderFailed(boxed(RunStatus::Failed)));
    for pending in [Pending::None, some(), Pending::Unknown] {
        everyone(0, &fresh(RunStatus::Failed).with(pending.clone()), failed.clone());
        everyone(1800, &fresh(RunStatus::Failed).with(pending), failed.clone());
    }
}

#[test]
fn row_1_holds_whatever_came_after_the_failure() {
    let verdict = Seen { run: run(RunStatus::Failed), old: false, alive: false };
    for latest in [RunStatus::Running, RunStatus::Interrupted, RunStatus::Abandoned].map(run) {
        for alive in [true, false] {
            let seen = saw(latest.clone(), false, alive && latest.status == RunStatus::Running)
                .with(Pending::None)
                .edit(|seen| seen.verdict = Some(verdict.clone()));
            everyone(0, &seen, Decision::Fail(Failure::LeaderFailed(boxed(RunStatus::Failed))));
        }
    }
}

#[test]
fn row_1_a_later_success_takes_the_failure_back() {
    let seen = fresh(RunStatus::Succeeded).with(Pending::None);
    everyone(0, &seen, Decision::Ready(Ready::Succeeded));
}

// Row 2: latest alive → wait

#[test]
fn row_2_who_is_at_work_is_waited_for() {
    let alive = saw(run(RunStatus::Running), false, true);
    for pending in [Pending::None, some(), Pending::Unknown] {
        everyone(0, &alive.clone().with(pending), Decision::Wait(Why::Alive));
    }
    everyone(1799, &alive, Decision::Wait(Why::Alive));
    // even one whose beats are older than the window by a clock that was set
    everyone(0, &saw(ended(run(RunStatus::Running), 5000), false, true), Decision::Wait(Why::Alive));
}

#[test]
fn row_2_an_old_failure_before_it_does_not_matter() {
    let seen = saw(run(RunStatus::Running), false, true).edit(|seen| {
        seen.verdict = Some(Seen { run: run(RunStatus::Failed), old: true, alive: false });
    });
    everyone(0, &seen, Decision::Wait(Why::Alive));
}

// Row 3: latest succeeded

#[test]
fn row_3_succeeded_and_nothing_pending() {
    everyone(0, &fresh(RunStatus::Succeeded).with(Pending::None), Decision::Ready(Ready::Succeeded));
    everyone(0, &old(RunStatus::Succeeded).with(Pending::None), Decision::Ready(Ready::Succeeded));
}

#[test]
fn row_3_succeeded_and_unknown_with_our_digest() {
    everyone(0, &fresh(RunStatus::Succeeded), Decision::Ready(Ready::Succeeded));
    everyone(0, &old(RunStatus::Succeeded), Decision::Ready(Ready::Succeeded));
}

#[test]
fn row_3_unknown_with_another_digest_is_enough_for_a_follower_only() {
    let other = |mut run: Run| {
        run.digest = "another digest".into();
        run
    };
    for old in [true, false] {
        let seen = saw(other(run(RunStatus::Succeeded)), old, false);
        at(
            0,
            &seen,
            &[
                (Follow, Decision::Ready(Ready::Succeeded)),
                (Elect, Decision::Lead),
                (Command, Decision::Lead),
            ],
        );
    }
}

#[test]
fn row_3_a_follower_without_a_bundle_takes_the_success() {
    let mut policy = policy(false, false);
    policy.digest = None;
    assert_eq!(decide(&fresh(RunStatus::Succeeded), &policy, seconds(0)), Decision::Ready(Ready::Succeeded));
}

#[test]
fn row_3_a_command_is_not_spared_by_an_old_success_that_others_followed() {
    for pending in [Pending::None, Pending::Unknown] {
        let since = |seen: Observation| seen.with(pending.clone()).edit(|seen| seen.ran_since = true);
        at(
            0,
            &since(old(RunStatus::Succeeded)),
            &[
                (Follow, Decision::Ready(Ready::Succeeded)),
                (Elect, Decision::Ready(Ready::Succeeded)),
                (Command, Decision::Lead),
            ],
        );
        everyone(0, &since(fresh(RunStatus::Succeeded)), Decision::Ready(Ready::Succeeded));
    }
}

#[test]
fn row_3_something_pending_after_a_fresh_success_is_15_by_name() {
    let not_applied = Failure::NotApplied(boxed(RunStatus::Succeeded), versions());
    everyone(0, &fresh(RunStatus::Succeeded).with(some()), Decision::Fail(not_applied));
}

#[test]
fn row_3_something_pending_after_an_old_success() {
    let seen = old(RunStatus::Succeeded).with(some());
    let not_applied = || Decision::Fail(Failure::NotApplied(boxed(RunStatus::Succeeded), versions()));
    at(
        899,
        &seen,
        &[(Follow, Decision::Wait(Why::Behind)), (Elect, Decision::Lead), (Command, Decision::Lead)],
    );
    at(900, &seen, &[(Follow, not_applied()), (Elect, Decision::Lead)]);
}

#[test]
fn row_3_a_success_is_never_too_old() {
    let long_ago = ended(run(RunStatus::Succeeded), 1_000_000);
    everyone(0, &saw(long_ago, true, false).with(Pending::None), Decision::Ready(Ready::Succeeded));
}

/// Without a release (`follow.needs`), last week's run is one of ours; it says nothing of the migration that we need.
#[test]
fn row_3_a_success_of_any_release_from_before_we_came_does_not_settle_what_is_unknown() {
    let anybodys = Policy { any_release: true, ..policy(false, false) };
    let old = fresh(RunStatus::Succeeded).with(Pending::Unknown).edit(|seen| {
        seen.latest.iter_mut().for_each(|latest| latest.old = true);
    });
    assert_eq!(decide(&old, &anybodys, seconds(0)), Decision::Wait(Why::Behind));
    let nobody = Decision::Fail(Failure::NobodyAtWork(Some(boxed(RunStatus::Succeeded))));
    assert_eq!(decide(&old, &anybodys, seconds(900)), nobody);
    assert_eq!(decide(&old, &policy(false, false), seconds(0)), Decision::Ready(Ready::Succeeded));
    let new = fresh(RunStatus::Succeeded).with(Pending::Unknown);
    assert_eq!(decide(&new, &anybodys, seconds(0)), Decision::Ready(Ready::Succeeded));
    let done = old.with(Pending::None);
    assert_eq!(decide(&done, &anybodys, seconds(0)), Decision::Ready(Ready::Succeeded));
}

// Row 4: latest failed, before we came

#[test]
fn row_4_an_elect_pauses_15_s_doubled_for_each_failure() {
    for (failures, pause) in [(1, 15), (2, 30), (3, 60), (4, 120), (6, 480), (7, 900), (8, 900), (400, 900)] {
        assert_eq!(retry_pause(failures), seconds(pause), "{failures}");
    }
    let failed = |ago, failures| {
        saw(ended(run(RunStatus::Failed), ago), true, false)
            .with(some())
            .edit(|seen| seen.failures = failures)
    };
    at(
        0,
        &failed(10, 1),
        &[
            (Elect, Decision::Wait(Why::OldFailure(seconds(5)))),
            (Command, Decision::Wait(Why::OldFailure(seconds(5)))),
        ],
    );
    at(0, &failed(15, 1), &[(Elect, Decision::Lead), (Command, Decision::Lead)]);
    at(0, &failed(119, 4), &[(Elect, Decision::Wait(Why::OldFailure(seconds(1))))]);
    at(0, &failed(120, 4), &[(Elect, Decision::Lead)]);
    // a clock that was set back
    at(0, &failed(-30, 1), &[(Elect, Decision::Wait(Why::OldFailure(seconds(15))))]);
}

#[test]
fn row_4_a_follower_hopes_for_a_newer_run_for_the_grace() {
    let seen = old(RunStatus::Failed);
    for pending in [Pending::None, some(), Pending::Unknown] {
        let seen = seen.clone().with(pending);
        let hopes = Decision::Wait(Why::OldFailure(seconds(1)));
        at(1000, &seen.clone().shown_for(59), &[(Follow, hopes)]);
        let failed = Decision::Fail(Failure::LeaderFailed(boxed(RunStatus::Failed)));
        at(1000, &seen.shown_for(60), &[(Follow, failed)]);
    }
}

#[test]
fn row_4_nothing_pending_does_not_excuse_a_failure() {
    let seen = old(RunStatus::Failed).with(Pending::None);
    at(0, &seen, &[(Elect, Decision::Wait(Why::OldFailure(seconds(5))))]);
}

// Row 5: interrupted, silent, abandoned, vanished

fn dead() -> [Observation; 6] {
    let gone = nothing().edit(|seen| seen.vanished = true);
    [
        fresh(RunStatus::Running),
        old(RunStatus::Running),
        fresh(RunStatus::Abandoned),
        old(RunStatus::Abandoned),
        old(RunStatus::Interrupted),
        gone,
    ]
}

#[test]
fn row_5_nothing_pending_is_enough_but_not_for_a_command() {
    for seen in dead().into_iter().chain([fresh(RunStatus::Interrupted)]) {
        let ready = Decision::Ready(Ready::NothingPending);
        at(
            0,
            &seen.with(Pending::None),
            &[(Follow, ready.clone()), (Elect, ready), (Command, Decision::Lead)],
        );
    }
}

#[test]
fn row_5_an_elect_takes_over_at_once() {
    for seen in dead().into_iter().chain([fresh(RunStatus::Interrupted)]) {
        for pending in [some(), Pending::Unknown] {
            let lead = [(Elect, Decision::Lead), (Command, Decision::Lead)];
            at(0, &seen.clone().with(pending), &lead);
        }
    }
}

#[test]
fn row_5_an_interruption_at_which_we_were_present_ends_a_follower() {
    for pending in [some(), Pending::Unknown] {
        let interrupted = Failure::LeaderInterrupted(boxed(RunStatus::Interrupted));
        let seen = fresh(RunStatus::Interrupted).with(pending);
        at(0, &seen, &[(Follow, Decision::Fail(interrupted))]);
    }
}

#[test]
fn row_5_a_follower_of_the_dead_waits_for_the_grace() {
    for seen in dead() {
        for pending in [some(), Pending::Unknown] {
            let seen = seen.clone().with(pending);
            let died = Failure::LeaderDied(seen.latest.as_ref().map(|latest| Box::new(latest.run.clone())));
            let waits = Decision::Wait(Why::Dead(seconds(1)));
            at(1000, &seen.clone().shown_for(59), &[(Follow, waits)]);
            at(0, &seen.shown_for(60), &[(Follow, Decision::Fail(died))]);
        }
    }
}

#[test]
fn row_5_a_run_that_vanished_leaves_an_older_one_that_no_longer_counts() {
    let seen = saw(ended(run(RunStatus::Abandoned), 1000), true, false).with(some());
    let gone = seen.clone().edit(|seen| seen.vanished = true);
    at(0, &gone.shown_for(60), &[(Follow, Decision::Fail(Failure::LeaderDied(None)))]);
    at(0, &seen.shown_for(60), &[(Follow, Decision::Wait(Why::NotStarted))]);
}

// Row 6: no run

#[test]
fn row_6_nobody_has_begun() {
    let ready = Decision::Ready(Ready::NothingPending);
    at(
        0,
        &nothing().with(Pending::None),
        &[(Follow, ready.clone()), (Elect, ready), (Command, Decision::Lead)],
    );
    for pending in [some(), Pending::Unknown] {
        let seen = nothing().with(pending);
        let waits = Decision::Wait(Why::NotStarted);
        at(899, &seen, &[(Follow, waits), (Elect, Decision::Lead), (Command, Decision::Lead)]);
        at(900, &seen, &[(Follow, Decision::Fail(Failure::NeverStarted)), (Elect, Decision::Lead)]);
    }
}

#[test]
fn row_6_a_run_that_ended_before_the_window_is_no_run() {
    for status in [RunStatus::Failed, RunStatus::Interrupted, RunStatus::Running, RunStatus::Abandoned] {
        let seen = |ago| saw(ended(run(status), ago), true, false).with(some());
        at(
            0,
            &seen(901),
            &[(Follow, Decision::Wait(Why::NotStarted)), (Elect, Decision::Lead), (Command, Decision::Lead)],
        );
        assert_ne!(
            decide(&seen(900), &policy(false, false), seconds(0)),
            Decision::Wait(Why::NotStarted),
            "{status}"
        );
    }
}

#[test]
fn row_6_an_abandoned_run_ended_with_its_last_beat_not_when_it_was_found() {
    let mut run = ended(run(RunStatus::Abandoned), 1000);
    run.finished_at = Some(NOW);
    at(0, &saw(run, true, false).with(some()), &[(Follow, Decision::Wait(Why::NotStarted))]);
}

// Row 7: the budget ends

#[test]
fn row_7_the_budget_ends_as_the_row_says() {
    let behind = old(RunStatus::Succeeded).with(some());
    let not_applied = Failure::NotApplied(boxed(RunStatus::Succeeded), versions());
    everyone(1800, &behind, Decision::Fail(not_applied));

    let failed = Failure::LeaderFailed(boxed(RunStatus::Failed));
    everyone(1800, &old(RunStatus::Failed).with(some()), Decision::Fail(failed));

    for seen in dead() {
        let died = Failure::LeaderDied(seen.latest.as_ref().map(|latest| Box::new(latest.run.clone())));
        everyone(1800, &seen.with(some()), Decision::Fail(died));
    }

    let alive = saw(run(RunStatus::Running), false, true);
    everyone(1800, &alive, Decision::Fail(Failure::StillAtWork(boxed(RunStatus::Running))));

    let lead = [(Elect, Decision::Fail(Failure::NobodyAtWork(None)))];
    at(1800, &nothing().with(some()), &lead);
}

#[test]
fn row_7_a_budget_shorter_than_start_and_grace_comes_first() {
    let mut policy = policy(false, false);
    policy.budget = seconds(10);
    let late = |seen: &Observation| decide(seen, &policy, seconds(10));
    assert_eq!(late(&nothing()), Decision::Fail(Failure::NobodyAtWork(None)));
    let expired = ended(run(RunStatus::Running), 5000);
    let nobody = Failure::NobodyAtWork(Some(Box::new(expired.clone())));
    assert_eq!(late(&saw(expired, true, false)), Decision::Fail(nobody));
    let died = Failure::LeaderDied(Some(boxed(RunStatus::Running)));
    assert_eq!(late(&fresh(RunStatus::Running)), Decision::Fail(died));
}

#[test]
fn row_7_does_not_take_back_what_is_ready() {
    everyone(1800, &fresh(RunStatus::Succeeded).with(Pending::None), Decision::Ready(Ready::Succeeded));
    let ready = Decision::Ready(Ready::NothingPending);
    at(1800, &nothing().with(Pending::None), &[(Follow, ready.clone()), (Elect, ready)]);
}

// Whatever is seen

fn any_pending() -> impl Strategy<Value = Pending> {
    prop_oneof![Just(Pending::None), Just(some()), Just(Pending::Unknown)]
}

fn any_seen() -> impl Strategy<Value = Seen> {
    let status = prop::sample::select(RunStatus::ALL);
    let digest = prop::sample::select(vec![OURS, "another digest"]);
    (status, -100i64..3000, any::<bool>(), any::<bool>(), digest, any::<Option<i64>>()).prop_map(
        |(status, ago, old, alive, digest, finished)| {
            let mut run = ended(run(status), ago);
            run.digest = digest.into();
            run.finished_at = finished.or(run.finished_at);
            Seen { alive: alive && status == RunStatus::Running, old, run }
        },
    )
}

fn any_observation() -> impl Strategy<Value = Observation> {
    let verdict = any_seen()
        .prop_filter("a verdict", |seen| matches!(seen.run.status, RunStatus::Failed | RunStatus::Succeeded));
    let runs = (prop::option::of(any_seen()), prop::option::of(verdict), any::<bool>(), any::<u32>());
    let facts = (any_pending(), any::<bool>(), any::<i64>(), any::<bool>(), 0u64..200_000);
    (runs, facts).prop_map(
        |((latest, verdict, vanished, failures), (pending, ran_since, now, set, shown))| Observation {
            latest,
            verdict,
            vanished,
            failures,
            pending,
            ran_since,
            now: if set { now } else { NOW },
            shown_for: Duration::from_millis(shown),
        },
    )
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let span = || prop_oneof![Just(0u64), Just(1), 0u64..2000, Just(u64::MAX / 1000)].prop_map(seconds);
    (any::<[bool; 4]>(), span(), span(), span(), span()).prop_map(
        |([elect, command, bundle, any_release], grace, start, window, budget)| Policy {
            elect,
            command,
            digest: bundle.then(|| OURS.into()),
            any_release,
            grace,
            start,
            window,
            budget,
        },
    )
}

proptest! {
    /// S3; and that it decides at all, whatever the clocks say.
    #[test]
    fn nobody_is_ready_unless_the_latest_succeeded_or_nothing_is_pending(
        seen in any_observation(), policy in any_policy(), elapsed in 0u64..4000,
    ) {
        if let Decision::Ready(_) = decide(&seen, &policy, seconds(elapsed)) {
            let succeeded =
                seen.latest.as_ref().is_some_and(|latest| latest.run.status == RunStatus::Succeeded);
            prop_assert!(succeeded || seen.pending == Pending::None);
            prop_assert!(!matches!(seen.pending, Pending::Some(_)));
        }
    }

    /// L1.
    #[test]
    fn nobody_waits_or_leads_when_the_budget_is_over(
        seen in any_observation(), policy in any_policy(), late in 0u64..1000,
    ) {
        let decision = decide(&seen, &policy, policy.budget.saturating_add(seconds(late)));
        prop_assert!(matches!(decision, Decision::Ready(_) | Decision::Fail(_)), "{decision:?}");
    }

    /// S4.
    #[test]
    fn a_failure_at_which_we_were_present_always_fails(
        seen in any_observation(), policy in any_policy(), elapsed in 0u64..4000,
    ) {
        let present =
            seen.verdict.as_ref().is_some_and(|seen| seen.run.status == RunStatus::Failed && !seen.old);
        let decision = decide(&seen, &policy, seconds(elapsed));
        if present {
            prop_assert!(matches!(decision, Decision::Fail(Failure::LeaderFailed(_))), "{decision:?}");
        }
    }

    #[test]
    fn a_follower_never_leads_and_an_alive_run_is_never_replaced(
        seen in any_observation(), policy in any_policy(), elapsed in 0u64..4000,
    ) {
        let decision = decide(&seen, &policy, seconds(elapsed));
        if decision == Decision::Lead {
            prop_assert!(policy.elect);
            prop_assert!(!seen.latest.is_some_and(|latest| latest.alive));
        }
    }

    /// Waiting has an end: once shown for longer than the grace, and begun before the start, a follower has decided,
    /// unless somebody is at work.
    #[test]
    fn a_follower_waits_no_longer_than_grace_and_start(
        seen in any_observation(), policy in any_policy(),
    ) {
        let policy = Policy { elect: false, ..policy };
        let seen = Observation { shown_for: policy.grace, ..seen };
        let decision = decide(&seen, &policy, policy.start);
        prop_assert!(!matches!(decision, Decision::Wait(Why::Behind | Why::NotStarted | Why::OldFailure(_) | Why::Dead(_))), "{decision:?}");
    }
}
