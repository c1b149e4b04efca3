//! A session on a file of its own.

use super::*;
use crate::database::error::Position;

fn target(folder: &tempfile::TempDir) -> Target {
    Target {
        engine: EngineName::Sqlite,
        host: None,
        port: None,
        socket: None,
        user: None,
        password: None,
        database: None,
        file: Some(folder.path().join("shop.db")),
        tls: crate::database::url::Tls::default(),
        settings: vec![],
        connect_timeout: None,
        pooled: false,
        warnings: vec![],
    }
}

async fn session(target: &Target, purpose: Purpose) -> Box<dyn Database> {
    connect(target, purpose, Duration::from_secs(5)).await.expect("a session")
}

fn ask(template: &str, arguments: Vec<Value>) -> Statement {
    Statement::new(&DIALECT, &[], template, arguments)
}

const KEY: LockKey = LockKey { name: String::new(), id: None };

#[tokio::test]
async fn values_come_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut session = session(&target(&folder), Purpose::Work).await;
    let values =
        vec![Value::Null, Value::Int(-7), "it's\\ \u{1f411}".into(), Value::Bytes(vec![0, 255]), "".into()];
    let reply = session.query(&ask("SELECT ?, ?, ?, ?, ?", values.clone())).await.expect("an answer");
    assert_eq!(reply.rows, [Row(values)]);
    let times = "SELECT {epoch:t}, {now} > t FROM (SELECT {ms:?} AS t)".replace("{ms:?}", &from_ms("?"));
    let reply = session.query(&ask(&times, vec![1_700_000_000_123.into()])).await.expect("times");
    assert_eq!(reply.rows, [Row(vec![Value::Int(1_700_000_000_123), Value::Int(1)])]);
}

fn from_ms(number: &str) -> String {
    format!("{}{number}{}", DIALECT.from_epoch_ms.0, DIALECT.from_epoch_ms.1)
}

#[tokio::test]
async fn a_look_creates_nothing_and_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let target = target(&folder);
    let error = connect(&target, Purpose::Look, Duration::from_secs(5)).await.err().expect("no such file");
    assert_eq!(error.kind, DbErrorKind::UnknownDatabase);
    let mut leader = session(&target, Purpose::Work).await;
    leader.script("CREATE TABLE t (a)").await.expect("a table");
    let mut look = session(&target, Purpose::Look).await;
    assert_eq!(look.holder(&KEY).await, Ok(Holder::Free));
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
    let error = look.query(&ask("INSERT INTO t VALUES (1)", vec![])).await.expect_err("refused");
    assert_eq!(error.kind, DbErrorKind::ReadOnly);
    let error = look.query(&ask("SELECT * FROM u", vec![])).await.expect_err("nothing there");
    assert_eq!(error.kind, DbErrorKind::MissingTable);
}

#[tokio::test]
async fn one_session_has_the_lock() {
    let folder = tempfile::tempdir().expect("a folder");
    let target = target(&folder);
    let (mut a, mut b) = (session(&target, Purpose::Work).await, session(&target, Purpose::Work).await);
    let mut look = session(&target, Purpose::Look).await;
    assert_eq!(a.try_lock(&KEY).await, Ok(true));
    assert_eq!(a.try_lock(&KEY).await, Ok(true));
    assert_eq!(b.try_lock(&KEY).await, Ok(false));
    assert_eq!(a.holder(&KEY).await, Ok(Holder::Ours));
    assert_eq!(look.holder(&KEY).await, Ok(Holder::Other(None)));
    a.unlock(&KEY).await.expect("freed");
    a.unlock(&KEY).await.expect("freed already");
    assert_eq!(b.try_lock(&KEY).await, Ok(true));
    drop(b);
    assert_eq!(look.holder(&KEY).await, Ok(Holder::Free));
}

#[tokio::test]
async fn an_error_says_where_it_is_and_what_went_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut session = session(&target(&folder), Purpose::Work).await;
    let error = session.script("SELECT 1\nFORM x").await.expect_err("no SQL");
    assert_eq!((error.kind, error.position), (DbErrorKind::Statement, Some(Position::Byte(14))));
    let error =
        session.script("CREATE TABLE t (a); INSERT INTO t VALUES (b)").await.expect_err("no such column");
    assert_eq!((error.completed, error.position), (1, None));
    let error = session.script("INSERT INTO t VALUES (b)").await.expect_err("no such column");
    assert_eq!(error.position, Some(Position::Byte(22)), "{error:?}");
}

#[tokio::test]
async fn an_interrupt_stops_one_statement() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut session = session(&target(&folder), Purpose::Work).await;
    let Interrupt::Flag(flag) = session.identify().await.expect("SQLite").interrupt else { panic!("a flag") };
    let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        flag.store(true, Ordering::SeqCst);
    };
    let (answer, ()) = tokio::join!(session.script(endless), stopping);
    assert_eq!(answer.expect_err("stopped").kind, DbErrorKind::Cancelled);
    // given up before it ended: the next one is neither stopped nor waits for ever
    flag.store(false, Ordering::SeqCst);
    let given_up = tokio::time::timeout(Duration::from_millis(50), session.script(endless)).await;
    assert!(given_up.is_err());
    flag.store(true, Ordering::SeqCst);
    let server = session.identify().await.expect("still there");
    session.script(&server.restore).await.expect("restored");
}
