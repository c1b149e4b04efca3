//! The ledger's statements in every dialect, and in which order a claim, a beat and a verdict send them.

mod whole;

use std::fmt::Write as _;

use async_trait::async_trait;
use bellwether::database::{
    Database, DbErrorKind, Dialect, LockKey, Reply, Row, Statement, Value, mysql, postgres, sqlite, sqlserver,
};
use bellwether::ledger::Ledger;
use bellwether::ledger::look::{Look, LookError, Scope};
use bellwether::ledger::record::{Mine, Progress, Recorder, Verdict};
use bellwether::ledger::release::Released;
use bellwether::ledger::transact::Kept;
use bellwether::lock::claim::{Claim, SecondLook, claim};
use bellwether::lock::observer::Observer;
use bellwether::model::run::{EngineKind, LockMode, Run, RunStatus, Step, StepStatus};

use tokio::time::Instant;

use crate::fake_engine;
use crate::support::fake::{Answer, Fake, error, nothing, row};

pub fn scope() -> Scope {
    Scope {
        lock_name: "default".into(),
        environment: "production".into(),
        release: Some("abc".into()),
        deploy: None,
        digest: Some("d1".into()),
    }
}

pub fn run(id: &str, fence: i64, status: RunStatus) -> Run {
    Run {
        id: id.into(),
        environment: "production".into(),
        lock_name: "default".into(),
        lock_mode: LockMode::Session,
        release: "abc".into(),
        digest: "d1".into(),
        deploy: None,
        leader: "web".into(),
        platform: "plain".into(),
        host: "h".into(),
        url: None,
        engine: EngineKind::Sql,
        session: "1@2".into(),
        status,
        fence,
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

fn steps(count: i64) -> Vec<Step> {
    let step = |position: i64| Step {
        position,
        version: position.to_string().as_str().into(),
        description: "a".into(),
        status: StepStatus::Running,
        started_at: 1,
        finished_at: None,
        error: None,
    };
    (1..=count).map(step).collect()
}

pub fn progress(count: i64) -> Progress {
    Progress { total: 9, done: 0, current: Some("1_a".into()), steps: steps(count) }
}

pub fn verdict() -> Verdict {
    Verdict { status: RunStatus::Succeeded, error: None, failed_step: None, ended_by: "web".into() }
}

fn recorder(dialect: &'static Dialect) -> Recorder {
    Recorder::new(Ledger::new(dialect, None), Mine { run: "r7".into(), fence: 7 })
}

// statements

/// Everything that is ever asked of a ledger, in the server's words.
async fn statements(dialect: &'static Dialect) -> String {
    let ledger = Ledger::new(dialect, None);
    let mine = Mine { run: "r7".into(), fence: 7 };
    let mut session = Fake::new(dialect).usually("run_id FROM", vec![Value::Int(1), Value::Null]);
    let s: &mut dyn Database = &mut session;
    ledger.look(s, &scope(), None).await.unwrap();
    let later = Scope { release: None, deploy: Some("d".into()), ..scope() };
    ledger.look(s, &later, Some(4)).await.unwrap();
    ledger.now(s).await.unwrap();
    ledger.run(s, &mine.run).await.unwrap();
    ledger.holder(s, "default").await.unwrap();
    ledger.leaders(s, "default").await.unwrap();
    ledger.runs_since(s, "default", 3).await.unwrap();
    ledger.tables(s).await.unwrap();
    ledger.past_runs(s, "default", Some(&"production".into()), 20).await.unwrap();
    ledger.past_runs_by_id(s, "4f1c", 5).await.unwrap();
    ledger.past_steps(s, &mine.run).await.unwrap();
    ledger.lock_names(s).await.unwrap();
    ledger.lock_row(s, "default").await.unwrap();
    ledger.highest_fence(s, "default").await.unwrap();
    ledger.abandon(s, &mine.run, "web").await.unwrap();
    ledger.revoke(s, &run("r7", 7, RunStatus::Running), Some(3)).await.unwrap();
    ledger.write_off(s, &run("r7", 7, RunStatus::Running), Some(3), "unlocked").await.unwrap();
    for statement in ledger.claiming(&run("r7", 7, RunStatus::Running)) {
        s.query(&statement).await.unwrap();
    }
    let _ = ledger.is_mine(s, "default", &mine, " AND 1 = 1").await;
    // a check that raises needs a server that casts text to a number at all
    if dialect.batch.is_some() {
        s.query(&ledger.fence_check("default", &mine, " AND 1 = 1")).await.unwrap();
    }
    let mut recorder = recorder(dialect);
    recorder.beat(s, &progress(2)).await.unwrap();
    recorder.finish(s, &progress(2), &verdict()).await.unwrap();
    ledger.install(s, "default", &[]).await.unwrap();
    session.asked().iter().fold(String::new(), |mut text, asked| {
        let _ = writeln!(text, "{asked};\n");
        text
    })
}

#[tokio::test]
async fn the_ledgers_statements_fit_every_dialect() {
    for dialect in [&postgres::DIALECT, &mysql::DIALECT, &sqlite::DIALECT, &sqlserver::DIALECT] {
        let statements = statements(dialect).await;
        assert!(!statements.contains('{'), "a name was not put in");
        insta::assert_snapshot!(format!("statements_{}", dialect.name), statements);
    }
}

#[tokio::test]
async fn in_sql_servers_words_the_claim_and_the_check_lock_by_hints() {
    let statements = statements(&sqlserver::DIALECT).await;
    assert!(
        statements.contains("FROM [dbo].[bellwether_lock] WITH (XLOCK, HOLDLOCK, ROWLOCK) WHERE name = @P1")
    );
    assert!(
        statements.contains("SELECT COUNT(*) FROM [dbo].[bellwether_lock] WITH (REPEATABLEREAD, ROWLOCK)")
    );
    for foreign in ["FOR UPDATE", "FOR SHARE", "LIMIT", "$1", "||"] {
        assert!(!statements.contains(foreign), "{foreign}");
    }
}

// the claim

/// Settles with this, or lets the claim go on.
struct Settle(Option<&'static str>);

#[async_trait]
impl SecondLook<&'static str> for Settle {
    async fn judge(
        &mut self,
        session: &mut dyn Database,
        _look: &Look,
        _since: Option<i64>,
    ) -> Result<Option<&'static str>, LookError> {
        session.script("the second look").await?;
        Ok(self.0)
    }
}

fn lock_row(fence: i64, run: Option<&str>) -> Answer {
    row(vec![Value::Int(fence), run.map(str::to_owned).into()])
}

fn run_row(run: &Run) -> Vec<Value> {
    vec![
        run.id.as_str().into(),
        run.environment.as_str().into(),
        run.lock_name.as_str().into(),
        run.lock_mode.as_str().into(),
        run.release.as_str().into(),
        run.digest.as_str().into(),
        Value::Null,
        run.leader.as_str().into(),
        run.platform.as_str().into(),
        run.host.as_str().into(),
        Value::Null,
        run.engine.as_str().into(),
        run.session.as_str().into(),
        run.status.as_str().into(),
        run.fence.into(),
        run.beats.into(),
        run.total.into(),
        run.done.into(),
        Value::Null,
        Value::Null,
        Value::Null,
        run.started_at.into(),
        run.beat_at.into(),
        run.finished_at.into(),
        Value::Null,
    ]
}

const BEGIN: &str = "BEGIN ISOLATION LEVEL";
const A_LOOK: &str = "SELECT a.lr, a.vr,";

/// No run of ours, and others' with fences up to 9.
fn others_runs() -> Answer {
    Ok(Reply { rows: vec![look_row([None; 4], None)], affected: 0 })
}

async fn claim_with(
    work: &mut Fake,
    settled: Option<&'static str>,
) -> Result<Claim<&'static str>, LookError> {
    let mut observer = Observer::default();
    observer.see(&Look::default(), None, Instant::now());
    claim_as(work, &mut observer, &mut Settle(settled)).await
}

async fn claim_as<T>(
    work: &mut Fake,
    observer: &mut Observer,
    second_look: &mut dyn SecondLook<T>,
) -> Result<Claim<T>, LookError> {
    let ledger = Ledger::new(work.dialect(), None);
    let ours = run("r9", 0, RunStatus::Running);
    let key = LockKey { name: "default".into(), id: None };
    claim(&ledger, work, &scope(), &key, observer, ours, second_look).await
}

fn work() -> Fake {
    Fake::new(&postgres::DIALECT)
}

#[tokio::test]
async fn a_claim_locks_the_row_first_and_looks_under_that_lock() {
    let mut work = work().answer("FOR UPDATE", lock_row(4, None)).answer(A_LOOK, others_runs());
    let Ok(Claim::Mine(ours)) = claim_with(&mut work, None).await else { panic!() };
    assert_eq!(ours.fence, 10, "above the row's and every run's");
    assert_eq!(
        work.order(),
        [BEGIN, A_LOOK, "the second look", "INSERT INTO \"public\".\"bellwether_runs\"",]
    );
    assert!(work.asked()[0].ends_with("FOR UPDATE"));
    let writes = work.asked()[3];
    assert!(
        writes.contains("UPDATE \"public\".\"bellwether_lock\" SET fence = 10, run_id = E'r9' WHERE"),
        "{writes}"
    );
    assert!(writes.ends_with("; NOTIFY bellwether; COMMIT"), "{writes}");
}

#[tokio::test]
async fn the_fence_grows_above_the_rows_too() {
    let mut work = work().answer("FOR UPDATE", lock_row(11, None)).answer(A_LOOK, others_runs());
    let Ok(Claim::Mine(ours)) = claim_with(&mut work, None).await else { panic!() };
    assert_eq!(ours.fence, 12);
}

#[tokio::test]
async fn a_dead_run_under_the_lock_that_we_hold_is_marked_before_the_look() {
    let before = run("r4", 4, RunStatus::Running);
    let mut work =
        work().answer("FOR UPDATE", lock_row(4, Some("r4"))).answer("r.id = ", row(run_row(&before)));
    assert!(matches!(claim_with(&mut work, None).await, Ok(Claim::Mine(_))));
    let order = work.order();
    assert!(work.asked()[2].contains("pg_stat_get_activity"), "its session is looked for");
    assert_eq!(order[3..5], ["UPDATE \"public\".\"bellwether_runs\" SET", A_LOOK]);
    assert!(work.asked()[3].contains("'abandoned'") && work.asked()[3].ends_with("AND status = 'running'"));
}

#[tokio::test]
async fn a_mark_stays_when_the_second_look_settles_it() {
    let before = run("r4", 4, RunStatus::Running);
    let mut work =
        work().answer("FOR UPDATE", lock_row(4, Some("r4"))).answer("r.id = ", row(run_row(&before)));
    assert!(matches!(claim_with(&mut work, Some("done")).await, Ok(Claim::Settled("done"))));
    let order = work.order();
    assert_eq!(order.last().unwrap(), "NOTIFY bellwether; COMMIT");
    assert!(!order.iter().any(|asked| asked.starts_with("INSERT")));
}

#[tokio::test]
async fn a_run_of_another_kind_that_is_not_over_is_left_alone() {
    for (lock_mode, engine) in [
        (LockMode::Lease, EngineKind::Sql),
        (LockMode::Session, EngineKind::Command),
        (LockMode::Lease, EngineKind::Command),
    ] {
        let before = Run { lock_mode, engine, ..run("r4", 4, RunStatus::Running) };
        let mut work =
            work().answer("FOR UPDATE", lock_row(4, Some("r4"))).answer("r.id = ", row(run_row(&before)));
        assert!(matches!(claim_with(&mut work, None).await, Ok(Claim::NotGot)));
        assert_eq!(work.order().last().unwrap(), "ROLLBACK");
        assert!(!work.asked().iter().any(|asked| asked.starts_with("UPDATE")));
    }
}

#[tokio::test]
async fn a_run_that_ended_is_not_marked() {
    for status in [RunStatus::Succeeded, RunStatus::Failed, RunStatus::Interrupted, RunStatus::Abandoned] {
        let before = run("r4", 4, status);
        let mut work =
            work().answer("FOR UPDATE", lock_row(4, Some("r4"))).answer("r.id = ", row(run_row(&before)));
        assert!(matches!(claim_with(&mut work, None).await, Ok(Claim::Mine(_))));
        assert!(!work.asked().iter().any(|asked| asked.contains("'abandoned'")), "{status}");
    }
}

#[tokio::test]
async fn a_row_that_somebody_else_has_is_not_got() {
    let kinds =
        [DbErrorKind::LockTimeout, DbErrorKind::Deadlock, DbErrorKind::Serialization, DbErrorKind::Busy];
    for kind in kinds {
        for at in ["FOR UPDATE", "INSERT"] {
            let mut work =
                Fake::new(&postgres::DIALECT).answer(at, error(kind)).answer("FOR UPDATE", lock_row(4, None));
            assert!(matches!(claim_with(&mut work, None).await, Ok(Claim::NotGot)), "{kind:?} at {at}");
            assert_eq!(work.asked().last(), Some(&"ROLLBACK"), "{kind:?} at {at}");
        }
    }
}

#[tokio::test]
async fn a_transaction_that_cannot_even_begin_is_not_got() {
    let mut work = Fake::new(&sqlite::DIALECT)
        .answer("BEGIN IMMEDIATE", error(DbErrorKind::Busy))
        .answer("ROLLBACK", error(DbErrorKind::Statement));
    assert!(matches!(claim_with(&mut work, None).await, Ok(Claim::NotGot)));
}

/// Settles with what it is told is not old.
struct Since;

#[async_trait]
impl SecondLook<Option<i64>> for Since {
    async fn judge(
        &mut self,
        _session: &mut dyn Database,
        _look: &Look,
        since: Option<i64>,
    ) -> Result<Option<Option<i64>>, LookError> {
        Ok(Some(since))
    }
}

#[tokio::test]
async fn to_a_claimant_that_has_not_looked_before_what_has_ended_by_the_claim_is_old() {
    let mut fresh = Observer::default();
    let mut present = Observer::default();
    present.see(&Look { ended: 3, ..Look::default() }, None, Instant::now());
    // the look under the lock says that everything up to 8 has ended
    for (observer, since) in [(&mut fresh, 9), (&mut present, 4)] {
        let mut work = work().answer("FOR UPDATE", lock_row(4, None)).answer(A_LOOK, others_runs());
        let Ok(Claim::Settled(told)) = claim_as(&mut work, observer, &mut Since).await else { panic!() };
        assert_eq!(told, Some(since));
        assert_eq!(observer.since(), Some(since), "and stays so, whatever is seen later");
    }
}

#[tokio::test]
async fn any_other_error_is_told_and_leaves_no_transaction() {
    let mut work = work()
        .answer("FOR UPDATE", error(DbErrorKind::Privilege))
        .answer("ROLLBACK", error(DbErrorKind::ConnectionLost));
    let Err(LookError::Database(error)) = claim_with(&mut work, None).await else { panic!() };
    assert_eq!(error.kind, DbErrorKind::Privilege);
    assert_eq!(work.asked().last(), Some(&"ROLLBACK"));
}

// beats and verdicts

#[tokio::test]
async fn a_beat_without_steps_is_one_statement() {
    let mut session = Fake::new(&postgres::DIALECT);
    assert!(recorder(&postgres::DIALECT).beat(&mut session, &progress(0)).await.unwrap());
    assert_eq!(session.order(), ["UPDATE \"public\".\"bellwether_runs\" SET"]);
    assert!(session.asked()[0].contains("beats = beats + 1"));
    assert!(session.asked()[0].ends_with("WHERE id = $4 AND fence = $5 AND status = 'running'"));
}

#[tokio::test]
async fn a_beat_of_a_run_that_is_not_ours_any_more_writes_no_step() {
    for count in [0, 2] {
        let mut session = Fake::new(&postgres::DIALECT).answer("UPDATE", nothing());
        assert!(!recorder(&postgres::DIALECT).beat(&mut session, &progress(count)).await.unwrap());
        assert!(!session.asked().iter().any(|asked| asked.contains("bellwether_steps")));
        assert_ne!(session.asked().last(), Some(&"COMMIT"));
    }
}

#[tokio::test]
async fn steps_are_written_again_from_the_last_one_that_was() {
    let mut recorder = recorder(&mysql::DIALECT);
    let mut session = Fake::new(&mysql::DIALECT);
    recorder.beat(&mut session, &progress(2)).await.unwrap();
    assert_eq!(session.arguments("DELETE"), ["r7".into(), 1.into()]);

    let mut session = Fake::new(&mysql::DIALECT);
    recorder.beat(&mut session, &progress(3)).await.unwrap();
    assert_eq!(session.arguments("DELETE"), ["r7".into(), 2.into()], "the second may have ended since");
    let inserted = session.arguments("INSERT");
    assert_eq!((inserted.len(), &inserted[1], &inserted[9]), (16, &2.into(), &3.into()));
}

#[tokio::test]
async fn steps_that_were_not_committed_are_written_at_the_next_beat() {
    let mut recorder = recorder(&mysql::DIALECT);
    let mut session = Fake::new(&mysql::DIALECT).answer("COMMIT", error(DbErrorKind::ConnectionLost));
    assert!(recorder.beat(&mut session, &progress(2)).await.is_err());
    assert_eq!(session.asked().last(), Some(&"ROLLBACK"));

    let mut session = Fake::new(&mysql::DIALECT);
    recorder.beat(&mut session, &progress(2)).await.unwrap();
    assert_eq!(session.arguments("DELETE"), ["r7".into(), 1.into()]);
}

#[tokio::test]
async fn a_thousand_steps_stay_below_sql_servers_limit_of_arguments() {
    let mut session = Fake::new(&fake_engine::DIALECT);
    recorder(&fake_engine::DIALECT).beat(&mut session, &progress(1000)).await.unwrap();
    let inserts: Vec<_> = session.asked().into_iter().filter(|asked| asked.starts_with("INSERT")).collect();
    assert_eq!(inserts.len(), 5);
    assert!(session.arguments("INSERT").len() < 2100);
}

#[tokio::test]
async fn a_verdict_is_one_transaction_that_wakes_who_waits() {
    let mut session = Fake::new(&postgres::DIALECT);
    assert!(recorder(&postgres::DIALECT).finish(&mut session, &progress(1), &verdict()).await.unwrap());
    assert_eq!(session.order(), [BEGIN, "DELETE FROM \"public\".\"bellwether_steps\"",]);
    let writes = session.asked()[1];
    assert!(writes.contains("; INSERT INTO \"public\".\"bellwether_steps\""), "{writes}");
    assert!(writes.ends_with("; NOTIFY bellwether; COMMIT"), "{writes}");
}

#[tokio::test]
async fn a_verdict_on_a_run_that_somebody_ended_is_not_written() {
    let mut session = Fake::new(&postgres::DIALECT).answer("UPDATE", nothing());
    assert!(!recorder(&postgres::DIALECT).finish(&mut session, &progress(1), &verdict()).await.unwrap());
    assert_eq!(session.order()[1..], ["ROLLBACK", "SELECT r.id, r.environment,"]);
}

#[tokio::test]
async fn a_verdict_that_an_earlier_try_has_written_is_ours() {
    let ended = run("r1", 4, verdict().status);
    let mut session =
        Fake::new(&postgres::DIALECT).answer("UPDATE", nothing()).answer("r.id = ", row(run_row(&ended)));
    assert!(recorder(&postgres::DIALECT).finish(&mut session, &progress(1), &verdict()).await.unwrap());
}

#[tokio::test]
async fn what_a_write_fails_with_is_told_although_the_rollback_fails_too() {
    let mut session = Fake::new(&postgres::DIALECT)
        .answer("DELETE", error(DbErrorKind::Privilege))
        .answer("ROLLBACK", error(DbErrorKind::ConnectionLost));
    let error = recorder(&postgres::DIALECT).beat(&mut session, &progress(1)).await.unwrap_err();
    assert_eq!(error.kind, DbErrorKind::Privilege);
}

// looks

/// What a look reads: which fences are whose, then a run.
fn look_row(fences: [Option<i64>; 4], run: Option<&Run>) -> Row {
    let mut values: Vec<Value> = fences.into_iter().map(Value::from).collect();
    values.extend([Value::Int(2), Value::Int(9), Value::Int(8), Value::Int(1), Value::Int(1234)]);
    values.extend(run.map_or_else(|| vec![Value::Null; 25], run_row));
    Row(values)
}

async fn look(rows: Vec<Row>) -> Result<Look, LookError> {
    let mut session = Fake::new(&postgres::DIALECT).answer("SELECT a.lr", Ok(Reply { rows, affected: 0 }));
    Ledger::new(&postgres::DIALECT, None).look(&mut session, &scope(), None).await
}

#[tokio::test]
async fn runs_of_our_release_come_before_runs_of_our_digest() {
    let (failed, running) = (run("r5", 5, RunStatus::Failed), run("r6", 6, RunStatus::Running));
    let fences = [Some(6), Some(5), Some(9), Some(8)];
    let look = look(vec![look_row(fences, Some(&failed)), look_row(fences, Some(&running))]).await.unwrap();
    assert_eq!(look.latest.unwrap().id.as_str(), "r6");
    assert_eq!(look.verdict.unwrap().id.as_str(), "r5");
    assert_eq!((look.failures, look.high, look.ended, look.now), (2, 9, 8, 1234));
}

#[tokio::test]
async fn without_a_run_of_our_release_one_of_our_digest_counts() {
    let done = run("r8", 8, RunStatus::Succeeded);
    let look = look(vec![look_row([None, None, Some(8), Some(8)], Some(&done))]).await.unwrap();
    assert_eq!(look.latest.as_ref(), Some(&done));
    assert_eq!(look.verdict, Some(done));
}

#[tokio::test]
async fn a_verdict_by_digest_says_nothing_about_a_release_that_has_runs() {
    let running = run("r6", 6, RunStatus::Running);
    let look = look(vec![look_row([Some(6), None, Some(9), Some(5)], Some(&running))]).await.unwrap();
    assert_eq!(look.latest, Some(running));
    assert_eq!(look.verdict, None);
}

#[tokio::test]
async fn no_run_at_all_still_tells_the_time() {
    let look = look(vec![look_row([None; 4], None)]).await.unwrap();
    assert!(look.latest.is_none() && look.verdict.is_none());
    assert_eq!((look.ended, look.now), (8, 1234));
}

#[tokio::test]
async fn by_digest_only_what_was_at_work_at_or_after_the_first_look_counts() {
    let ledger = Ledger::new(&postgres::DIALECT, None);
    let mut first = Fake::new(&postgres::DIALECT);
    ledger.look(&mut first, &scope(), None).await.unwrap();
    assert!(first.asked()[0].contains(" AND status = 'running') d LEFT JOIN"), "{}", first.asked()[0]);
    let mut later = Fake::new(&postgres::DIALECT);
    ledger.look(&mut later, &scope(), Some(42)).await.unwrap();
    assert!(later.asked()[0].contains(") d LEFT JOIN"), "{}", later.asked()[0]);
    assert!(later.arguments("a.lr").contains(&42.into()));
}

#[tokio::test]
async fn a_ledger_that_is_not_there_is_an_empty_look_and_a_forbidden_one_is_not() {
    let ledger = Ledger::new(&postgres::DIALECT, None);
    let mut missing = Fake::new(&postgres::DIALECT).answer("a.lr", error(DbErrorKind::MissingTable));
    let look = ledger.look(&mut missing, &scope(), None).await.unwrap();
    assert!(look.latest.is_none());
    let mut forbidden = Fake::new(&postgres::DIALECT).answer("a.lr", error(DbErrorKind::Privilege));
    let Err(LookError::Database(error)) = ledger.look(&mut forbidden, &scope(), None).await else { panic!() };
    assert_eq!(error.kind, DbErrorKind::Privilege);
}

#[tokio::test]
async fn a_newer_ledger_and_an_unknown_word_are_refused() {
    let mut newer = look_row([None; 4], None);
    newer.0[7] = Value::Int(2);
    assert!(matches!(look(vec![newer]).await, Err(LookError::Newer { min_reader: 2 })));
    let mut odd = look_row([Some(5), None, None, None], Some(&run("r5", 5, RunStatus::Running)));
    odd.0[9 + 13] = "paused".into();
    assert!(matches!(look(vec![odd]).await, Err(LookError::Unreadable { column: "status", .. })));
}

// the tables

#[tokio::test]
async fn tables_that_somebody_else_makes_at_the_same_time_are_made_again() {
    let ledger = Ledger::new(&postgres::DIALECT, None);
    let mut session = Fake::new(&postgres::DIALECT)
        .answer("MAX(min_reader)", error(DbErrorKind::MissingTable))
        .answer("CREATE TABLE", error(DbErrorKind::AlreadyExists))
        .answer("CREATE TABLE", error(DbErrorKind::Deadlock))
        .answer("INSERT", error(DbErrorKind::AlreadyExists))
        .answer("INSERT", error(DbErrorKind::AlreadyExists));
    ledger.install(&mut session, "default", &["GRANT it".into()]).await.unwrap();
    let creates = session
        .asked()
        .iter()
        .filter(|asked| asked.contains("EXISTS \"public\".\"bellwether_lock\""))
        .count();
    assert_eq!(creates, 3);
    let order = session.order();
    let grant = order.iter().position(|asked| asked == "GRANT it").unwrap();
    assert!(order[grant + 1].starts_with("INSERT INTO"), "the version comes last: {order:?}");
}

#[tokio::test]
async fn a_ledger_of_a_newer_major_version_is_not_touched() {
    let ledger = Ledger::new(&postgres::DIALECT, None);
    let mut session = Fake::new(&postgres::DIALECT).answer("MAX(min_reader)", row(vec![9.into(), 9.into()]));
    let refused = ledger.install(&mut session, "default", &[]).await;
    assert!(matches!(refused, Err(LookError::Newer { min_reader: 9 })));
    assert_eq!(session.asked().len(), 1);
}
