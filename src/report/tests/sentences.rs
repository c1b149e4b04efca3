//! What people read.

use super::*;
use crate::model::event::{Mark, MigrationStanding, MigrationState, PlanReport, StatusReport};
use crate::model::migration::Pending;

fn lead(stage: &mut Stage) {
    stage.tell(Event::Start(start(Role::Lead)));
    stage
        .until(200)
        .tell(Event::LockWaiting { holder: Some(watched(2, "20240301_add_index", 42)), waited_ms: 0 });
    stage.until(4_000).tell(run_started(3_800));
    stage.tell(Event::StepStarted { step: step(1, "20240101_create_users") });
    stage.until(4_012).tell(Event::StepFinished { step: step(1, "20240101_create_users"), duration_ms: 12 });
    stage.tell(Event::StepStarted { step: step(2, "20240215_add_orders") });
    let reason = "canceling statement due to lock timeout".to_owned();
    stage.until(5_000).tell(Event::StepRetried {
        step: step(2, "20240215_add_orders"),
        reason,
        pause_ms: 500,
    });
    stage.until(6_000).tell(Event::BeatMissed { reason: "connection reset".into(), since_ms: 4_100 });
    stage.until(8_000).tell(Event::BeatMissed { reason: "connection reset".into(), since_ms: 6_100 });
    stage.tell(Event::StepFinished { step: step(2, "20240215_add_orders"), duration_ms: 3_988 });
    stage.tell(Event::StepStarted { step: step(3, "20240301_add_index") });
    stage
        .until(73_000)
        .tell(Event::StepFinished { step: step(3, "20240301_add_index"), duration_ms: 65_000 });
    stage.tell(Event::RunFinished {
        run: "0d9f4f0e-1d2b-4c5a-8f5e-2a6b7c8d9e0f".into(),
        status: RunStatus::Succeeded,
        duration_ms: 69_000,
    });
    stage.tell(end(0, "succeeded", "applied 3 migrations", None)).until(200_000);
}

#[test]
fn a_leaders_run() {
    let mut stage = Stage::human(0);
    lead(&mut stage);
    insta::assert_snapshot!("leader", stage.err.text());
    assert_eq!(stage.out.text(), "");

    let mut stage = Stage::human(1);
    lead(&mut stage);
    insta::assert_snapshot!("leader_verbose", stage.err.text());

    let mut stage = Stage::human(-1);
    lead(&mut stage);
    assert_eq!(stage.err.text(), "");
}

#[test]
fn a_followers_run() {
    let mut stage = Stage::human(0);
    stage.tell(Event::Start(start(Role::Follow)));
    for second in 1..70 {
        stage.until(second * 1000);
        let left = 900 - second;
        stage.tell(Event::Waiting {
            reason: format!("no run of release v41 yet, at most {left} s more"),
            waited_ms: second * 1000,
        });
    }
    let mut run = watched(2, "20240301_add_index", 42);
    run.url = Some("https://github.com/o/shop/actions/runs/7".into());
    for second in 70..110 {
        run.age_ms += 1000;
        if second == 80 {
            (run.done, run.current) = (3, Some("20240302_backfill".into()));
        }
        stage.until(second * 1000).tell(watching(run.clone(), second));
        stage.until(second * 1000 + 400).tell(watching(run.clone(), second));
    }
    run.status = RunStatus::Failed;
    stage.tell(watching(run, 110));
    stage.tell(end(20, "leader_failed", "", Some(failure())));
    insta::assert_snapshot!("follower", stage.err.text());
}

#[test]
fn the_line_of_a_follower_is_the_one_that_was_promised() {
    let mut stage = Stage::human(0);
    stage.tell(watching(watched(2, "20240301_add_index", 42), 5));
    assert_eq!(stage.err.text(), "shop-web is at 3/7 20240301_add_index, 42 s, last sign of life 1 s ago\n");
}

#[test]
fn a_run_that_moves_fast_is_told_once_a_second() {
    let mut stage = Stage::human(0);
    for look in 0..20 {
        stage.until(look * 250).tell(watching(watched(look % 6, "20240301_add_index", 42), 5));
    }
    assert_eq!(stage.err.text().lines().count(), 5);
}

#[test]
fn nothing_is_silent_for_longer_than_half_a_minute() {
    for (waited_for, said) in [
        (Event::Start(start(Role::Lead)), "waiting, 1 min 15 s: connecting to"),
        (run_started(0), "still at work, 1 min"),
        (
            Event::StepStarted { step: step(3, "20240301_add_index") },
            "applying 3/3 20240301_add_index, 1 min",
        ),
        (watching(watched(2, "20240301_add_index", 42), 0), "last sign of life 1 min"),
        (Event::LockWaiting { holder: None, waited_ms: 0 }, "waiting for the lock, 1 min"),
    ] {
        let mut stage = Stage::human(0);
        stage.tell(waited_for.clone()).until(125_000);
        let text = stage.err.text();
        assert!(text.lines().count() >= 4, "{waited_for:?} says only: {text}");
        assert!(text.contains(said), "{waited_for:?} says: {text}");
    }
}

fn failure() -> Explained {
    Explained {
        title: "migration 20240301_add_index failed; nothing of it is applied".into(),
        causes: vec![
            "PostgreSQL says: column \"emial\" does not exist (42703)\nHINT: Perhaps you meant \"email\"."
                .into(),
        ],
        snippet: Some(
            " --> migrations/20240301_add_index.sql:3:27\n  |\n3 | CREATE INDEX i ON users (emial);\n  \
             |                          ^^^^^\n  |"
                .into(),
        ),
        hints: vec![
            "correct the script and deploy again".into(),
            "see what is applied with\n  bellwether status -e production".into(),
        ],
        marks: vec![Mark {
            path: Some("migrations/20240301_add_index.sql".into()),
            line: Some(3),
            column: Some(27),
            message: "migration 20240301_add_index failed; nothing of it is applied".into(),
        }],
    }
}

#[test]
fn a_failure_says_what_where_and_what_next() {
    let mut stage = Stage::human(0);
    let Event::Outcome(mut outcome) = end(10, "failed", "", Some(failure())) else { unreachable!() };
    outcome.applied = vec!["20240101".into(), "20240215".into()];
    stage.tell(Event::StepFailed {
        step: step(3, "20240301_add_index"),
        reason: "column \"emial\" does not exist".into(),
    });
    stage.tell(Event::Outcome(outcome.clone()));
    insta::assert_snapshot!("failure", stage.err.text());

    let terminal = Terminal { force_color: true, ..Terminal::default() };
    let mut stage = Stage::new(Options { terminal, ..plain(Output::Human) });
    stage.tell(Event::Outcome(outcome));
    assert!(stage.err.text().starts_with("\u{1b}[1;31merror:\u{1b}[0m migration"), "{}", stage.err.text());
}

#[test]
fn foreign_text_is_harmless_in_every_line() {
    let mut stage = Stage::new(Options { github: true, ..plain(Output::Human) });
    let nasty = "x\u{1b}[2J\n::add-mask::a\r\n##[group]b\u{9b}c".to_owned();
    let mut run = watched(1, &nasty, 1);
    run.leader = nasty.as_str().into();
    run.url = Some(nasty.clone());
    let mut error = failure();
    error.title.clone_from(&nasty);
    error.causes = vec![nasty.clone()];
    error.snippet = Some(nasty.clone());
    error.hints = vec![nasty.clone()];
    stage
        .tell(Event::Warning { message: nasty.clone() })
        .tell(Event::Notice { message: nasty.clone() })
        .tell(Event::Retrying { what: nasty.clone(), reason: nasty.clone(), pause_ms: 1 })
        .tell(Event::BeatMissed { reason: nasty.clone(), since_ms: 1 })
        .tell(Event::Waiting { reason: nasty.clone(), waited_ms: 1 })
        .tell(watching(run.clone(), 1))
        .tell(Event::LockWaiting { holder: Some(run), waited_ms: 1 })
        .tell(Event::StepFailed { step: step(1, "20240301_add_index"), reason: nasty.clone() })
        .tell(end(1, "bug", &nasty, Some(error)));
    let text = stage.err.text();
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    assert!(!text.contains("##["), "{text}");
    assert!(!text.lines().any(|line| line.trim_start().starts_with("::")), "{text}");
    assert!(text.lines().count() > 10, "{text}");
}

pub(super) fn plan() -> PlanReport {
    let state = |name: &str, state| MigrationState {
        version: name[..8].into(),
        name: name.into(),
        state,
        error: None,
    };
    PlanReport {
        start: start(Role::Lead),
        server: Some("PostgreSQL 15.14".into()),
        lock_mode: Some(LockMode::Session),
        lock_reason: "PostgreSQL without a pooler".into(),
        lock_name: "default".into(),
        lock_id: None,
        followers: Some("are woken by LISTEN".into()),
        pending: Pending::Some(vec!["20240301".into(), "20240302".into()]),
        migrations: vec![
            state("20240101_create_users.sql", MigrationStanding::Applied),
            state("20240215_add_orders.sql", MigrationStanding::Changed),
            state("20240301_add_index.sql", MigrationStanding::Dirty),
            state("20240302_backfill.sql", MigrationStanding::Pending),
        ],
        refused: vec![Mark {
            path: Some("migrations/20240215_add_orders.sql".into()),
            line: None,
            column: None,
            message: "20240215_add_orders.sql was changed after it was applied".into(),
        }],
        notices: vec!["1 applied migration has no file here: 20231231".into()],
        next: "refuse, because 20240215 was changed after it was applied".into(),
    }
}

#[test]
fn a_plan() {
    let mut stage = Stage::human(0);
    stage.tell(Event::Plan(Box::new(plan()))).tell(end(0, "succeeded", "planned", None));
    insta::assert_snapshot!("plan", stage.out.text());
    assert_eq!(stage.err.text(), "");
}

#[test]
fn a_long_history_is_counted_and_not_listed() {
    let mut plan = plan();
    let applied = plan.migrations[0].clone();
    plan.migrations.splice(0..1, vec![applied; 300]);
    let mut stage = Stage::human(0);
    stage.tell(Event::Plan(Box::new(plan.clone())));
    let text = stage.out.text();
    assert!(text.contains("\n  300 applied (-v lists them)\n  changed  20240215_add_orders.sql\n"), "{text}");
    let mut stage = Stage::human(1);
    stage.tell(Event::Plan(Box::new(plan)));
    assert!(stage.out.text().lines().count() > 300);
}

#[test]
fn a_status() {
    let mut run = watched(2, "20240301_add_index", 42);
    run.url = Some("https://github.com/o/shop/actions/runs/7".into());
    let mut status = StatusReport {
        environment: "production".into(),
        release: Some("v41".into()),
        format: Some("sqlx".into()),
        format_reason: None,
        run: Some(run),
        error: Some("column \"emial\" does not exist".into()),
        pending: Pending::Unknown,
        migrations: Vec::new(),
        ready: false,
        reason: "the run of v41 is still at work".into(),
    };
    let mut stage = Stage::human(0);
    stage.tell(Event::Status(Box::new(status.clone()))).tell(end(3, "not_ready", "not ready", None));
    (status.run, status.error, status.ready, status.pending) = (None, None, true, Pending::None);
    status.reason = "everything in the bundle is applied".into();
    stage.tell(Event::Status(Box::new(status)));
    insta::assert_snapshot!("status", stage.out.text());
    assert_eq!(stage.err.text(), "");
}
