//! On a server that does not end the transaction of a frozen client (SQL Server), each of ours is one message: what is
//! asked before is asked in none, and compared in it.

use super::*;

/// In a message that is all of a transaction.
const WHOLE: &str = "IF @@TRANCOUNT = 0 SELECT 1";

fn server() -> Fake {
    Fake::new(&sqlserver::DIALECT).usually(WHOLE, vec![Value::Int(1)])
}

fn not_done() -> Answer {
    row(vec![Value::Int(0)])
}

/// What begins a transaction, without what is a whole one.
fn left_open(session: &Fake) -> usize {
    session
        .asked()
        .iter()
        .filter(|asked| asked.contains("BEGIN TRANSACTION") && !asked.contains(WHOLE))
        .count()
}

#[tokio::test]
async fn a_beat_with_steps_and_a_verdict_are_a_message_each() {
    let mut session = server();
    let mut recorder = recorder(&sqlserver::DIALECT);
    assert!(recorder.beat(&mut session, &progress(2)).await.unwrap());
    assert!(recorder.finish(&mut session, &progress(450), &verdict()).await.unwrap());
    assert_eq!((session.asked().len(), left_open(&session)), (2, 0));
    insta::assert_snapshot!("a_beat_in_one_message_sqlserver", session.asked()[0]);
    assert_eq!(session.asked()[1].matches("INSERT INTO [dbo].[bellwether_steps]").count(), 3);
}

#[tokio::test]
async fn steps_of_a_beat_that_was_not_written_are_in_the_next_one() {
    let mut recorder = recorder(&sqlserver::DIALECT);
    for answer in [not_done(), error(DbErrorKind::LockTimeout)] {
        let (refused, mut session) = (answer.is_ok(), server().answer(WHOLE, answer));
        let beat = recorder.beat(&mut session, &progress(2)).await;
        assert!(if refused { !beat.unwrap() } else { beat.is_err() });
        assert_eq!(session.asked().len(), if refused { 1 } else { 2 }, "an error may leave it open");
    }
    let mut session = server();
    recorder.beat(&mut session, &progress(2)).await.unwrap();
    assert!(session.arguments(WHOLE).contains(&1.into()), "from the first step on");
}

#[tokio::test]
async fn a_claim_asks_in_no_transaction_and_takes_the_row_if_it_is_as_it_was() {
    let before = run("r4", 4, RunStatus::Running);
    let mut work = server()
        .answer("SELECT fence, run_id", lock_row(4, Some("r4")))
        .answer("r.id = ", row(run_row(&before)))
        .answer(A_LOOK, others_runs());
    let Ok(Claim::Mine(ours)) = claim_with(&mut work, None).await else { panic!() };
    assert_eq!((ours.fence, left_open(&work)), (10, 0));
    let asked = work.asked();
    assert_eq!(
        asked[0],
        "SET LOCK_TIMEOUT 1000; SELECT fence, run_id FROM [dbo].[bellwether_lock] WHERE name = @P1"
    );
    assert!(!asked[1..asked.len() - 1].iter().any(|asked| asked.contains("UPDATE")));
    insta::assert_snapshot!("a_claim_in_one_message_sqlserver", asked.last().unwrap());
    let arguments: Vec<_> = work.arguments(WHOLE)[..7].to_vec();
    let expected: [Value; 7] = [
        10.into(),
        "r9".into(),
        "default".into(),
        4.into(),
        "r4".into(),
        "found silent by web".into(),
        "r4".into(),
    ];
    assert_eq!(arguments, expected);
}

#[tokio::test]
async fn a_claim_that_somebody_was_quicker_with_is_not_got() {
    for answer in [not_done(), error(DbErrorKind::LockTimeout), error(DbErrorKind::Deadlock)] {
        let mut work = server().answer("SELECT fence, run_id", lock_row(4, None)).answer(WHOLE, answer);
        assert!(matches!(claim_with(&mut work, None).await, Ok(Claim::NotGot)));
        assert!(
            work.arguments(WHOLE).len() > 3
                && work.asked().iter().any(|asked| asked.contains("run_id IS NULL"))
        );
    }
    let mut work = server().answer("SELECT fence, run_id", error(DbErrorKind::LockTimeout));
    assert!(matches!(claim_with(&mut work, None).await, Ok(Claim::NotGot)));
}

#[tokio::test]
async fn what_is_settled_writes_the_mark_on_a_dead_run_alone() {
    let before = run("r4", 4, RunStatus::Running);
    let mut work = server()
        .answer("SELECT fence, run_id", lock_row(4, Some("r4")))
        .answer("r.id = ", row(run_row(&before)));
    assert!(matches!(claim_with(&mut work, Some("done")).await, Ok(Claim::Settled("done"))));
    let last = work.asked().pop().unwrap();
    assert!(last.contains("'abandoned'") && !last.contains("INSERT"), "{last}");
    assert_eq!(work.arguments(WHOLE)[..2], [4.into(), "r4".into()], "the row stays as it is");

    let mut work = server().answer("SELECT fence, run_id", lock_row(4, None));
    assert!(matches!(claim_with(&mut work, Some("done")).await, Ok(Claim::Settled("done"))));
    assert!(!work.asked().iter().any(|asked| asked.contains("UPDATE")), "nothing to write");
}

#[tokio::test]
async fn an_operators_writes_compare_what_was_shown() {
    let ledger = Ledger::new(&sqlserver::DIALECT, None);
    let shown = Run { beats: 3, ..run("r7", 7, RunStatus::Running) };
    let seen = || {
        server()
            .usually("SELECT fence, run_id", vec![7.into(), "r7".into()])
            .usually("SELECT beats, status", vec![3.into(), "running".into()])
            .usually("MAX(fence)", vec![9.into()])
    };
    let mut session = seen();
    assert_eq!(ledger.revoke(&mut session, &shown, Some(3)).await.unwrap(), Released::Done(10));
    assert_eq!(session.arguments(WHOLE)[..2], [10.into(), "r7".into()]);
    assert!(session.asked().last().unwrap().contains("SET beats = beats"));
    let mut session = seen();
    assert_eq!(ledger.write_off(&mut session, &shown, None, "me").await.unwrap(), Released::Done(7));
    assert!(session.asked().last().unwrap().contains("'abandoned'"));
    for answer in [not_done(), error(DbErrorKind::LockTimeout)] {
        let mut session = seen().answer(WHOLE, answer);
        assert_eq!(ledger.revoke(&mut session, &shown, Some(3)).await.unwrap(), Released::Busy);
        assert_eq!(left_open(&session), 0);
    }
    let mut session = seen();
    assert_eq!(
        ledger.revoke(&mut session, &shown, Some(2)).await.unwrap(),
        Released::Changed,
        "it has beaten"
    );
    let other = Run { id: "r8".into(), ..shown };
    assert_eq!(ledger.revoke(&mut session, &other, None).await.unwrap(), Released::Changed);
}

#[tokio::test]
async fn what_only_the_lock_rows_run_may_write_is_one_message_too() {
    let ledger = Ledger::new(&sqlserver::DIALECT, None);
    let mine = Mine { run: "r7".into(), fence: 7 };
    let write = [Statement::text("DELETE FROM history")];
    let mut session = server();
    ledger.write_as(&mut session, "default", &mine, &write).await.unwrap();
    assert_eq!(session.asked().len(), 1);
    assert_eq!(session.arguments(WHOLE), [7.into(), "r7".into(), "default".into(), 7.into(), "r7".into()]);
    let mut session = server().answer(WHOLE, not_done());
    let error = ledger.write_as(&mut session, "default", &mine, &write).await.unwrap_err();
    assert_eq!(error.kind, DbErrorKind::FenceLost);
}

#[tokio::test]
async fn a_frozen_leases_transaction_is_seen_by_who_may_see_it() {
    let ledger = Ledger::new(&sqlserver::DIALECT, None);
    let run = run("r7", 7, RunStatus::Running);
    let cases =
        [(nothing(), Kept::No), (row(vec![Value::Null]), Kept::Unseen), (row(vec![1.into()]), Kept::Yes)];
    for (answer, expected) in cases {
        let mut session = server().answer("dm_tran_locks", answer);
        assert_eq!(ledger.keeps_lock_row(&mut session, &run).await.unwrap(), expected);
        assert_eq!(session.arguments("dm_tran_locks"), ["[dbo].[bellwether_lock]".into(), "1@2".into()]);
    }
    let mut others = Fake::new(&postgres::DIALECT);
    let ledger = Ledger::new(&postgres::DIALECT, None);
    assert_eq!(ledger.keeps_lock_row(&mut others, &run).await.unwrap(), Kept::No);
    assert!(others.asked().is_empty(), "whose server ends it");
}
