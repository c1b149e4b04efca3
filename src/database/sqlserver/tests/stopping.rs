//! Interrupts: what is asked of the server, and what of its answer is read.

use super::scripted::stopped;
use super::*;

/// A session, and what interrupts it.
async fn interruptible(server: &Scripted) -> (Session, Arc<AtomicBool>) {
    let target = server.target(TlsMode::Disable);
    let connection = connect::connect(&target, Purpose::Work).await.expect("a connection");
    let session = Session::new(Purpose::Work, connection);
    let interrupt = Arc::clone(&session.interrupt);
    (session, interrupt)
}

/// The answer to a script that is interrupted once the server has heard so many messages; and whether the session is of
/// use then.
async fn interrupted(steps: Vec<Say>, heard: usize) -> Result<(), DbError> {
    let mut all = vec![Say::Encryption(2), Hear.then(logged_in())];
    all.extend(steps);
    all.push(Hear.then(answered(1)));
    let server = Scripted::start(all).await;
    let (mut session, interrupt) = interruptible(&server).await;
    let stop = async {
        server.until_heard(heard).await;
        interrupt.store(true, Ordering::SeqCst);
    };
    let (answer, ()) = tokio::join!(session.script("EXEC long"), stop);
    assert_eq!(session.ask("DELETE FROM t", vec![]).await.expect("an answer").affected, 1);
    answer
}

#[tokio::test]
async fn an_interrupt_asks_the_server_to_stop_and_waits_until_it_has() {
    // a statement without end, then the attention and its answer
    let answer = interrupted(vec![Hear.twice_then(stopped())], 2).await;
    assert_eq!(answer.expect_err("it was cancelled").kind, DbErrorKind::Cancelled);
}

#[tokio::test]
async fn an_interrupt_in_the_midst_of_a_value_is_acknowledged_behind_it() {
    let long = "x".repeat(300);
    let rows = answered_with_text(Some((&long, None)));
    for cut in [3, 20, 60, 301, 500] {
        // the row, as far as it is there; the rest of it and the end of the answer follow the attention
        let (before, after) = rows.split_at(cut);
        let row = rows.windows(600).position(|part| part == &*scripted::words(&long)).expect("the row") + 600;
        let rest = [&after[..row - cut], &stopped()].concat();
        let answer = interrupted(vec![Say::Begins(before.to_vec()), Hear.then(rest)], 2).await;
        assert_eq!(answer.expect_err("it was cancelled").kind, DbErrorKind::Cancelled, "{cut}");
    }
}

#[tokio::test]
async fn an_interrupt_that_comes_late_is_acknowledged_by_a_message_of_its_own() {
    // the script's own end, and then what acknowledges the attention
    let late = |end| vec![Hear.twice_then(end), Say::More(stopped())];
    interrupted(late(answered(7)), 2).await.expect("it had ended by itself");
    let answer = interrupted(late(failed(3617, 1, 16, "cancelled")), 2).await;
    assert_eq!(answer.expect_err("it was cancelled").kind, DbErrorKind::Cancelled);
    let answer = interrupted(late(failed(1205, 1, 13, "deadlock victim")), 2).await;
    assert_eq!(answer.expect_err("a deadlock").kind, DbErrorKind::Deadlock);
}

#[tokio::test]
async fn an_interrupt_that_fell_between_two_messages_stops_neither() {
    let steps =
        vec![Say::Encryption(2), Hear.then(logged_in()), Hear.then(answered(0)), Hear.then(answered(0))];
    let server = Scripted::start(steps).await;
    let (mut session, interrupt) = interruptible(&server).await;
    for _ in 0..2 {
        session.script("SET LOCK_TIMEOUT 1").await.expect("an answer");
        interrupt.store(true, Ordering::SeqCst);
    }
    assert_eq!(server.heard().len(), 3);
}
