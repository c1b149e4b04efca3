//! SQL Server's scripts: one transaction, one exchange per batch.

use bellwether::database::sqlserver;

use super::*;

fn stage() -> Stage {
    Stage::new(&sqlserver::DIALECT, EngineName::SqlServer, true)
}

const OPEN: &str = "@@TRANCOUNT > 0";

/// A session whose lock's row names us, and whose transactions stay open until we end them.
fn session(stage: &Stage) -> Fake {
    stage.session().usually(OPEN, vec![Value::Int(1)])
}

const SCRIPT: &str = "CREATE TABLE a (i int)\nGO\nINSERT a VALUES (1)\nINSERT a VALUES (2)\nGO 2\n";

#[tokio::test(start_paused = true)]
async fn a_script_is_one_transaction_and_a_batch_one_exchange() {
    let stage = stage();
    let mut work = session(&stage);
    stage.apply(&mut work, SCRIPT).await.unwrap();
    insta::assert_snapshot!(work.asked().join("\n---\n"));
}

#[tokio::test(start_paused = true)]
async fn what_waited_too_long_or_was_a_deadlocks_victim_is_tried_again_from_the_beginning() {
    let stage = stage();
    let mut work = session(&stage)
        .answer("INSERT a", error(DbErrorKind::LockTimeout))
        .answer("CREATE TABLE a", Ok(Default::default()))
        .answer("CREATE TABLE a", error(DbErrorKind::Deadlock));
    stage.apply(&mut work, SCRIPT).await.unwrap();
    let count = |text: &str| work.asked().iter().filter(|asked| asked.contains(text)).count();
    assert_eq!((count("CREATE TABLE a"), count("BEGIN TRANSACTION"), count("ROLLBACK")), (3, 3, 2));
    assert_eq!((count("INSERT INTO [dbo].[_sqlx_migrations]"), count("RESTORE")), (1, 3));
    assert_eq!(stage.heard.pauses(), [1000, 2000]);
}

#[tokio::test(start_paused = true)]
async fn trying_again_ends_with_the_budget_and_other_errors_are_not_tried_again() {
    let stage = Stage { budget: Duration::from_millis(500), ..stage() };
    let mut work = session(&stage).answer("INSERT a", error(DbErrorKind::LockTimeout));
    assert_eq!(left(stage.apply(&mut work, SCRIPT).await.unwrap_err()), (0, false));
    let stage = self::stage();
    let mut work = session(&stage).answer("INSERT a", error(DbErrorKind::Serialization));
    assert_eq!(left(stage.apply(&mut work, SCRIPT).await.unwrap_err()), (0, false));
    assert_eq!(stage.heard.pauses(), [0; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_script_that_freed_the_lock_is_rolled_back() {
    let stage = stage();
    let mut work = session(&stage).answer("whose lock", row(vec![Value::Int(0)]));
    let error = stage.apply(&mut work, SCRIPT).await.unwrap_err();
    assert!(matches!(error, StepError::FenceLost { half: false, .. }), "{error:?}");
    assert!(!work.asked().iter().any(|asked| *asked == "COMMIT" || asked.contains("_sqlx_migrations")));
    assert_eq!(work.order().iter().rev().nth(1).map(String::as_str), Some("ROLLBACK"));
}

#[tokio::test(start_paused = true)]
async fn an_error_is_found_in_its_batch() {
    let stage = stage();
    let script = "-- one\nSELECT 1\nGO\n\n-- two\nSELECT 2\nSELECT 3 FORM x\nGO\n";
    let refused = no(DbErrorKind::Statement, Some(Position::Line(3)), 0);
    let mut work = session(&stage).answer("FORM", Err(refused));
    let (line, column, statement) = place(stage.apply(&mut work, script).await.unwrap_err());
    assert_eq!((line, column), (Some(7), None));
    assert_eq!(statement, "-- two\nSELECT 2\nSELECT 3 FORM x");
}

#[tokio::test(start_paused = true)]
async fn a_batch_with_transactions_of_its_own_is_not_begun() {
    let stage = stage();
    let mut work = session(&stage);
    let error = stage.apply(&mut work, "SELECT 1\nGO\nBEGIN TRAN\nSELECT 2\nCOMMIT").await.unwrap_err();
    assert!(matches!(error, StepError::Unsendable { why: Unsendable::OwnTransaction, .. }), "{error:?}");
    assert_eq!(work.asked(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn outside_a_transaction_one_batch_of_several_statements_may_leave_half_of_its_work() {
    let stage = stage();
    for (script, dirty) in [
        ("ALTER DATABASE CURRENT SET RECOVERY SIMPLE", false),
        ("INSERT a VALUES (1)\nINSERT a VALUES (2)", true),
    ] {
        let mut work = session(&stage).answer("/* bellwether the-run */", error(DbErrorKind::Statement));
        let answer = stage.apply_outside(&mut work, script).await.unwrap_err();
        assert_eq!(left(answer).1, dirty, "{script}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_script_whose_transaction_was_ended_within_it_is_not_recorded_as_applied() {
    let stage = stage();
    // a procedure rolls back, and what it raises is caught
    let script = "CREATE TABLE a (i int)\nGO\nBEGIN TRY EXEC p END TRY BEGIN CATCH END CATCH\nGO\nINSERT a VALUES (1)\n";
    let mut work = session(&stage).answer(OPEN, row(vec![Value::Int(1)])).answer(OPEN, nothing());
    let error = stage.apply(&mut work, script).await.unwrap_err();
    assert_eq!(left(error), (0, true));
    assert!(!work.asked().iter().any(|asked| asked.contains("INSERT a")), "what follows would stay");
    // nobody begins it anew before somebody has looked
    let order = work.order();
    assert_eq!(order[order.len() - 3..order.len() - 1], ["ROLLBACK", "RESTORE"]);
    assert!(work.asked().last().unwrap().contains("INSERT INTO [dbo].[_sqlx_migrations]"));
    assert!(!work.asked().contains(&"COMMIT"));
}

#[tokio::test(start_paused = true)]
async fn outside_a_transaction_a_batch_waits_for_locks_as_long_as_it_takes() {
    let stage = stage();
    let mut work = session(&stage);
    stage.apply_outside(&mut work, "ALTER INDEX i ON t REBUILD WITH (ONLINE = ON)").await.unwrap();
    let place = |text: &str| work.asked().iter().position(|asked| asked.contains(text)).expect(text);
    assert!(place("SET LOCK_TIMEOUT -1") < place("ALTER INDEX"));
    assert!(place("ALTER INDEX") < place("RESTORE"));
    let mut work = session(&stage).answer("ALTER INDEX", error(DbErrorKind::LockTimeout));
    assert!(stage.apply_outside(&mut work, "ALTER INDEX i ON t REBUILD").await.is_err());
    assert_eq!(stage.heard.pauses(), [0; 0]);
}
