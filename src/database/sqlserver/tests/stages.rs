//! Servers that stay silent, hang up, or send us on, at each stage of a conversation.

use super::*;

/// The beginnings of a conversation, from its first message to the last before a session is of use.
fn stages() -> Vec<(&'static str, Vec<Say>, TlsMode)> {
    let disable = TlsMode::Disable;
    vec![
        ("at once", vec![], disable),
        ("within the first answer", vec![Say::Raw(vec![4, 1, 0])], disable),
        ("within what it says of encryption", vec![Say::Raw(vec![4, 1, 0, 20, 0, 0, 1, 0, 0])], disable),
        ("before the handshake", vec![Say::Encryption(1)], TlsMode::Require),
        ("before the login", vec![Say::Encryption(2)], disable),
        ("before our settings", vec![Say::Encryption(2), Hear.then(logged_in())], disable),
        ("before our settings, encrypted", vec![Say::Tls, Hear.then(logged_in())], TlsMode::Require),
    ]
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_waited_for() {
    for (stage, mut steps, mode) in stages() {
        steps.push(Say::Nothing);
        let server = Scripted::start(steps).await;
        let limit = Duration::from_millis(300);
        let answer = connect(&server.target(mode), Purpose::Look, limit).await;
        assert_eq!(answer.err().expect("a timeout").kind, DbErrorKind::Timeout, "{stage}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_is_named_by_the_stage() {
    for (stage, steps, mode) in stages() {
        let server = Scripted::start(steps).await;
        let expected = match stage {
            "before the handshake" => DbErrorKind::Tls,
            _ => DbErrorKind::ConnectionLost,
        };
        assert_eq!(refused(&server, mode).await.kind, expected, "{stage}");
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_is_none() {
    let rows = answered_with_text(Some(("some text", Some(7))));
    for cut in [1, 5, 12, 30, rows.len() - 1] {
        let mut steps = vec![Say::Encryption(2), Hear.then(logged_in()), Hear.then(answered(0))];
        steps.push(Say::Begins(rows[..cut].to_vec()));
        let server = Scripted::start(steps).await;
        let mut session = open(&server, TlsMode::Disable).await.expect("a session");
        let select = Statement::new(&DIALECT, &[], "SELECT a, b FROM t", vec![]);
        for _ in 0..2 {
            let error = session.query(&select).await.expect_err("half of an answer");
            assert_eq!(error.kind, DbErrorKind::ConnectionLost, "{cut}: {error:?}");
        }
    }
}

#[tokio::test]
async fn after_an_error_that_ends_the_connection_nothing_is_asked() {
    let (mut session, server) = told(vec![failed(3624, 1, 20, "A system assertion check has failed.")]).await;
    for _ in 0..2 {
        assert_eq!(
            session.script("SELECT 1").await.expect_err("it is gone").kind,
            DbErrorKind::ConnectionLost
        );
    }
    assert_eq!(server.heard().len(), 3);
}

#[tokio::test]
async fn what_a_script_prints_and_selects_is_thrown_away_and_its_error_is_not() {
    let chatter = |end: Vec<u8>| {
        [scripted::printed("half way"), answered_with_text(Some(("x", Some(1)))), end].concat()
    };
    // `answered_with_text` ends an answer: what follows is another one's
    let (mut session, _server) =
        told(vec![chatter(Vec::new()), [scripted::printed("so far"), failed(50000, 1, 16, "no")].concat()])
            .await;
    session.script("PRINT 'half way'; SELECT a, b FROM t").await.expect("an answer");
    let error = session.script("PRINT 'so far'; THROW 50000, 'no', 1").await.expect_err("an error");
    assert_eq!((error.kind, error.message.as_str()), (DbErrorKind::Statement, "no"));
}

#[tokio::test]
async fn a_gateway_sends_us_on() {
    let steps =
        vec![Say::Encryption(2), Hear.then(logged_in()), Hear.then(answered(0)), Hear.then(answered(3))];
    let behind = Scripted::start(steps).await;
    let gateway = Scripted::start(vec![Say::Encryption(2), Hear.then(behind.routes_here())]).await;
    let mut session = open(&gateway, TlsMode::Disable).await.expect("a session");
    let delete = Statement::new(&DIALECT, &[], "DELETE FROM t", vec![]);
    assert_eq!(session.query(&delete).await.expect("an answer").affected, 3);
}

#[tokio::test]
async fn bytes_may_come_in_any_pieces() {
    for (first, mode) in [(Say::Encryption(2), TlsMode::Disable), (Say::Tls, TlsMode::Require)] {
        let long = "äx".repeat(4_000);
        let rows = answered_with_text(Some((&long, Some(-7))));
        let steps = vec![first, Hear.then(logged_in()), Hear.then(answered(0)), Hear.then(rows)];
        let server = Scripted::narrow(steps).await;
        let mut session = connect(&server.target(mode), Purpose::Work, LIMIT).await.expect("a session");
        let select = Statement::new(&DIALECT, &[], "SELECT ?", vec![long.as_str().into()]);
        let reply = session.query(&select).await.expect("an answer");
        assert_eq!(reply.rows, [Row(vec![long.as_str().into(), Value::Int(-7)])]);
        assert!(server.heard()[2].contains(&long));
    }
}

#[tokio::test]
async fn without_a_user_nobody_is_asked() {
    let server = Scripted::start(vec![Say::Encryption(2)]).await;
    for user in [None, Some(String::new())] {
        let target = Target { user, ..server.target(TlsMode::Disable) };
        let error = connect(&target, Purpose::Look, LIMIT).await.err().expect("a refusal");
        assert_eq!((error.kind, error.code), (DbErrorKind::Auth, None));
        assert_eq!(error.message, NO_USER);
    }
    assert_eq!(server.heard(), Vec::<String>::new());
}
