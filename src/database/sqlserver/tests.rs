//! Values, and conversations with a server that says what a test tells it to.

mod certificates;
pub(in crate::database::sqlserver) mod scripted;
mod stages;
mod stopping;
mod texts;
mod unreadable;

use tiberius::ColumnData;

use super::values::{decimal, value};
use super::*;
use crate::database::url::{TlsMode, parse};
use crate::model::secret::Secret;
use scripted::{Hear, Say, Scripted, answered, answered_with, answered_with_text, failed, logged_in};

#[test]
fn values_are_read_by_their_type() {
    for (data, expected) in [
        (ColumnData::I64(Some(-7)), Value::Int(-7)),
        (ColumnData::U8(Some(7)), Value::Int(7)),
        (ColumnData::Bit(Some(true)), Value::Bool(true)),
        (ColumnData::String(Some("7".into())), Value::Text("7".into())),
        (ColumnData::Binary(Some(vec![0, 255].into())), Value::Bytes(vec![0, 255])),
        (ColumnData::I32(None), Value::Null),
        (ColumnData::DateTime2(None), Value::Null),
    ] {
        assert_eq!(value(data).expect("a value"), expected);
    }
    assert_eq!(decimal(20_240_301, 0), "20240301");
    assert_eq!((decimal(-5, 2), decimal(12_345, 2)), ("-0.05".to_owned(), "123.45".to_owned()));
}

#[test]
fn no_limit_of_ours_is_none_of_the_servers() {
    assert_eq!(lock_timeout(5_000), "SET LOCK_TIMEOUT 5000");
    assert_eq!(lock_timeout(0), "SET LOCK_TIMEOUT -1");
}

const LIMIT: Duration = Duration::from_secs(20);

async fn open(server: &Scripted, mode: TlsMode) -> Result<Box<dyn Database>, DbError> {
    connect(&server.target(mode), Purpose::Work, LIMIT).await
}

async fn refused(server: &Scripted, mode: TlsMode) -> DbError {
    let error = open(server, mode).await.err().expect("a refusal");
    assert!(!format!("{error} {error:?}").contains(scripted::PASSWORD), "{error:?}");
    error
}

#[tokio::test]
async fn a_login_that_fails_says_so() {
    let wrong = failed(18456, 1, 14, "Login failed for user 'bell'.");
    let server = Scripted::start(vec![Say::Encryption(2), Hear.then(wrong)]).await;
    let error = refused(&server, TlsMode::Disable).await;
    assert_eq!((error.kind, error.code.as_deref()), (DbErrorKind::Auth, Some("18456")));
    assert_eq!(error.message, "Login failed for user 'bell'.");
    let missing = failed(4060, 1, 11, "Cannot open database \"shop\" requested by the login.");
    let server = Scripted::start(vec![Say::Encryption(2), Hear.then(missing)]).await;
    assert_eq!(refused(&server, TlsMode::Prefer).await.kind, DbErrorKind::Unopened);
}

#[tokio::test]
async fn encryption_that_is_not_agreed_on_is_an_error() {
    for (theirs, ours) in [(2, TlsMode::Require), (2, TlsMode::VerifyFull), (3, TlsMode::Disable)] {
        let server = Scripted::start(vec![Say::Encryption(theirs)]).await;
        assert_eq!(refused(&server, ours).await.kind, DbErrorKind::Tls, "{theirs} {ours:?}");
    }
    // it agrees, and hangs up in the midst of the handshake
    let server = Scripted::start(vec![Say::Encryption(1), Say::Raw(Vec::new())]).await;
    assert_eq!(refused(&server, TlsMode::Require).await.kind, DbErrorKind::Tls);
}

#[tokio::test]
async fn what_speaks_another_protocol_is_no_server() {
    for greeting in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"\x04\x01\xff\xff\x00\x00\x00\x00"] {
        let server = Scripted::start(vec![Say::Raw(greeting.to_vec())]).await;
        assert_eq!(refused(&server, TlsMode::Prefer).await.kind, DbErrorKind::Protocol);
    }
    let server = Scripted::start(vec![]).await;
    assert_eq!(refused(&server, TlsMode::Prefer).await.kind, DbErrorKind::ConnectionLost);
}

#[tokio::test]
async fn a_connection_that_is_cut_is_never_used_again() {
    let server = Scripted::start(vec![
        Say::Encryption(2),
        Hear.then(logged_in()),
        Hear.then(answered(0)),
        Hear.then(answered(3)),
        Hear.then(Vec::new()),
    ])
    .await;
    let mut session = open(&server, TlsMode::Disable).await.expect("a session");
    let update = Statement::new(&DIALECT, &[], "UPDATE t SET a = ?", vec!["it's".into()]);
    assert_eq!(session.query(&update).await.expect("an answer").affected, 3);
    for _ in 0..2 {
        assert_eq!(
            session.script("UPDATE t SET a = 1").await.expect_err("nobody").kind,
            DbErrorKind::ConnectionLost
        );
    }
    let heard = server.heard();
    assert!(heard[1].contains("SET XACT_ABORT ON"), "{heard:?}");
    assert!(heard[2].ends_with("UPDATE t SET a = N'it''s'\n;SELECT @@ROWCOUNT"), "{heard:?}");
}

#[tokio::test]
async fn an_error_has_number_line_and_procedure_and_the_session_goes_on() {
    let server = Scripted::start(vec![
        Say::Encryption(2),
        Hear.then(logged_in()),
        Hear.then(answered(0)),
        Hear.then(scripted::error_at(207, 16, "Invalid column name 'b'.", "", 2)),
        Hear.then(scripted::error_at(1205, 13, "deadlock victim", "dbo.pay", 7)),
        Hear.then(answered(1)),
    ])
    .await;
    let mut session = open(&server, TlsMode::Disable).await.expect("a session");
    let error = session.script("SELECT\nb FROM t").await.expect_err("a column");
    assert_eq!(error.kind, DbErrorKind::MissingColumn);
    assert_eq!(error.position, Some(crate::database::Position::Line(2)));
    let error = session.script("EXEC dbo.pay").await.expect_err("a deadlock");
    assert_eq!((error.kind, error.position), (DbErrorKind::Deadlock, None));
    assert_eq!(error.context.as_deref(), Some("in dbo.pay, line 7"));
    let delete = Statement::new(&DIALECT, &[], "DELETE FROM t", vec![]);
    assert_eq!(session.query(&delete).await.expect("an answer").affected, 1);
}

#[tokio::test]
async fn a_line_of_what_is_called_is_none_of_the_file() {
    let at =
        |procedure, line| scripted::error_at(8134, 16, "Divide by zero error encountered.", procedure, line);
    let calls = "CREATE TABLE u (a int)\nEXEC dbo.pay @created_at = 1";
    for (sent, error, position, context) in [
        (calls, at("dbo.pay", 2), None, Some("in dbo.pay, line 2")),
        (calls, at("", 4), None, Some("line 4 of what it calls")),
        (calls, at("", 2), Some(2), None),
        ("CREATE PROC pay AS\nSELECT 1/0", at("pay", 2), Some(2), None),
    ] {
        let (mut session, _server) = told(vec![error]).await;
        let error = session.script(sent).await.expect_err("a division");
        assert_eq!(error.position, position.map(crate::database::Position::Line), "{sent}");
        assert_eq!(error.context.as_deref(), context, "{sent}");
    }
}

/// A session whose server gives these answers.
async fn told(answers: Vec<Vec<u8>>) -> (Box<dyn Database>, Scripted) {
    let mut steps = vec![Say::Encryption(2), Hear.then(logged_in()), Hear.then(answered(0))];
    steps.extend(answers.into_iter().map(|tokens| Hear.then(tokens)));
    let server = Scripted::start(steps).await;
    (open(&server, TlsMode::Disable).await.expect("a session"), server)
}

fn key() -> LockKey {
    LockKey { name: "default".into(), id: None }
}

#[tokio::test]
async fn a_lock_is_what_a_return_value_says() {
    for (returned, granted) in [(-999, false), (-3, false), (-2, false), (-1, false), (0, true), (1, true)] {
        let (mut session, server) = told(vec![answered_with(returned), answered(0)]).await;
        assert_eq!(session.try_lock(&key()).await.expect("an answer"), granted, "{returned}");
        assert!(server.heard()[2].contains("N'bellwether:default'"), "{:?}", server.heard());
        session.unlock(&key()).await.expect("no error where nothing is held");
    }
    let (mut session, _server) = told(vec![answered(0)]).await;
    assert!(!session.try_lock(&key()).await.expect("an answer"), "no value is no lock");
}

#[tokio::test]
async fn who_has_the_lock_is_asked_with_a_readers_rights_and_named_where_the_server_shows_it() {
    let cases = [
        (("Exclusive", Some(1)), None, Holder::Ours),
        (("NoLock", Some(1)), None, Holder::Free),
        (("NoLock", Some(0)), Some(None), Holder::Other(None)),
        (("NoLock", Some(0)), Some(Some(("51@7", None))), Holder::Other(Some("51@7".into()))),
    ];
    for (seen, whose, expected) in cases {
        let answers = std::iter::once(Some(seen)).chain(whose).map(answered_with_text).collect();
        let (mut session, _server) = told(answers).await;
        assert_eq!(session.holder(&key()).await.expect("an answer"), expected);
    }
}

#[tokio::test]
async fn a_transaction_that_is_gone_can_be_ended_and_other_errors_stay_errors() {
    let none = |number| failed(number, 1, 16, "no corresponding BEGIN TRANSACTION");
    let (mut session, _server) = told(vec![none(3903), none(3902), none(3903)]).await;
    session.script("ROLLBACK").await.expect("a warning elsewhere");
    session.script("COMMIT").await.expect("a warning elsewhere");
    assert!(session.script("SELECT 1; ROLLBACK").await.is_err());
}

#[test]
fn the_password_is_a_secret_of_the_target() {
    let target = parse("Server=db;User Id=bell;Password=s3cret-word", &|_| None).expect("a target");
    assert_eq!(target.password.as_ref().map(Secret::expose), Some("s3cret-word"));
    assert!(!format!("{target:?} {target}").contains("s3cret-word"));
}
