//! What every engine promises through the `Database` trait, asked of real servers.

mod mysql;
mod postgres;
mod writes;

use std::time::{Duration, Instant};

use bellwether::database::statement::expand;
use bellwether::database::url::parse;
use bellwether::database::{
    Database, DbError, DbErrorKind, Dialect, Holder, Interrupt, LockKey, Position, Purpose, Reply, Row,
    Statement, Target, Value, engine,
};

use bellwether::ledger::claim::SCHEMA_SEPARATOR;

use crate::support::{Server, TestDatabase, on_servers};

const LIMIT: Duration = Duration::from_secs(10);

fn now<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn target(url: &str) -> Target {
    parse(url, &|_| None).unwrap()
}

async fn try_open(url: &str, purpose: Purpose) -> Result<Box<dyn Database>, DbError> {
    let target = target(url);
    (engine(target.engine).connect)(&target, purpose, LIMIT).await
}

async fn open(db: &TestDatabase, purpose: Purpose) -> Box<dyn Database> {
    try_open(db.url(), purpose).await.unwrap()
}

async fn ask(session: &mut dyn Database, template: &str, arguments: Vec<Value>) -> Result<Reply, DbError> {
    let statement = Statement::new(session.dialect(), &[], template, arguments);
    session.query(&statement).await
}

/// The database's owner does something meanwhile, from a thread of its own: its sessions have runtimes of theirs.
fn aside<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(work).join().unwrap())
}

/// The first value of the answer.
async fn value(session: &mut dyn Database, template: &str) -> String {
    ask(session, template, vec![]).await.unwrap().rows[0].text(0).unwrap()
}

fn key(id: i64) -> LockKey {
    LockKey { name: "default".into(), id: Some(id) }
}

/// No server of ours encrypts, but for a stand-in of SQL Server whose certificate nobody trusts.
const NO_TLS: &str = "sslmode=verify-full";

const NAMES: [(&str, &str); 4] = [("lock", "l"), ("runs", "r"), ("steps", "s"), ("meta", "m")];

fn nasty() -> Vec<String> {
    let mut texts: Vec<String> = [
        "",
        " ",
        "'",
        "''",
        "\\",
        "\\'",
        "'; DROP TABLE x; --",
        "?",
        "{now}",
        "\u{1f411} ünï",
        "a\r\n\tb",
        "$$ $1 %s",
    ]
    .map(str::to_owned)
    .to_vec();
    texts.push("x'\\".repeat(20_000));
    texts
}

async fn comes_back(session: &mut dyn Database, text: &str) {
    let answer = ask(session, "SELECT ?", vec![text.into()]).await.unwrap();
    assert_eq!(answer.rows[0].opt_text(0).unwrap().as_deref(), Some(text));
}

/// A session must not have the lock any more: servers take a moment to see a connection end.
async fn becomes_free(session: &mut dyn Database, key: &LockKey) {
    let began = Instant::now();
    while session.holder(key).await.unwrap() != Holder::Free {
        assert!(began.elapsed() < LIMIT, "the lock is still held");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

on_servers! { [postgres Postgres, mariadb MariaDb, sqlite Sqlite, sqlserver SqlServer]
    fn values_come_back_as_they_went(db) {
        now(async {
            for purpose in [Purpose::Work, Purpose::Look] {
                let mut session = open(db, purpose).await;
                for text in nasty() {
                    comes_back(&mut *session, &text).await;
                }
                let values = vec![Value::Null, i64::MAX.into(), i64::MIN.into(), (-1).into(), vec![0u8, 39, 92, 255].into()];
                let row = Row(values.clone());
                assert_eq!(ask(&mut *session, "SELECT ?, ?, ?, ?, ?", values).await.unwrap().rows, [row]);
                let truths = ask(&mut *session, "SELECT ?, ?", vec![true.into(), false.into()]).await.unwrap();
                assert_eq!((truths.rows[0].truth(0), truths.rows[0].truth(1)), (Ok(true), Ok(false)));
            }
        });
    }

    fn the_ledger_is_installed_as_often_as_one_likes(db) {
        now(async {
            let mut session = open(db, Purpose::Work).await;
            for _ in 0..2 {
                let schema = expand(session.dialect(), &NAMES, session.dialect().schema);
                for statement in schema.split(SCHEMA_SEPARATOR) {
                    session.script(statement).await.unwrap();
                }
            }
            let release = session.dialect().quote("release");
            let insert = &format!("INSERT INTO r (id, environment, lock_name, lock_mode, {release}, engine, status, fence, \
                started_at, beat_at) VALUES (?, 'e', 'l', 'session', ?, 'sql', 'running', 1, {{now}}, {{now}})");
            ask(&mut *session, insert, vec!["a".into(), "R".into()]).await.unwrap();
            let again = ask(&mut *session, insert, vec!["b".into(), "r".into()]).await.unwrap_err();
            assert_eq!(again.kind, DbErrorKind::AlreadyExists, "one run per fence");
            let exact = ask(&mut *session, &format!("SELECT 1 FROM r WHERE {release} = ?"), vec!["r".into()]).await.unwrap();
            assert_eq!(exact.rows, [], "names compare exactly");
            times_are_kept(&mut *session).await;
        });
    }

    fn one_session_has_the_lock(db) {
        now(async {
            let (mut a, mut b) = (open(db, Purpose::Work).await, open(db, Purpose::Work).await);
            let mut look = open(db, Purpose::Look).await;
            assert_eq!(look.holder(&key(-5)).await.unwrap(), Holder::Free);
            assert!(a.try_lock(&key(-5)).await.unwrap());
            assert!(!b.try_lock(&key(-5)).await.unwrap());
            assert_eq!(a.holder(&key(-5)).await.unwrap(), Holder::Ours);
            let Holder::Other(who) = look.holder(&key(-5)).await.unwrap() else { panic!("nobody has it") };
            if db.server() != Server::Sqlite {
                // SQL Server's stand-in has locks, and no view of them
                if db.server() != Server::SqlServer || who.is_some() {
                    assert_eq!(who, Some(a.identify().await.unwrap().session));
                }
                assert!(b.try_lock(&key(6)).await.unwrap(), "another lock");
            }
            a.unlock(&key(-5)).await.unwrap();
            a.unlock(&key(-5)).await.unwrap();
            assert!(b.try_lock(&key(-5)).await.unwrap());
            drop(b);
            becomes_free(&mut *look, &key(-5)).await;
        });
    }

    fn a_look_writes_nothing(db) {
        db.sql("create table t (a int)");
        now(async {
            let mut look = open(db, Purpose::Look).await;
            assert_eq!(ask(&mut *look, "SELECT a FROM missing", vec![]).await.unwrap_err().kind, DbErrorKind::MissingTable);
            assert_eq!(ask(&mut *look, "SELECT a FROM t", vec![]).await.unwrap().rows, []);
            if !matches!(db.server(), Server::MariaDb | Server::SqlServer) {
                let refused = ask(&mut *look, "INSERT INTO t VALUES (1)", vec![]).await.unwrap_err();
                assert_eq!(refused.kind, DbErrorKind::ReadOnly);
            }
        });
    }

    fn an_exchange_that_was_given_up_spoils_nothing(db) {
        now(async {
            let mut session = open(db, Purpose::Work).await;
            for sql in [aside(|| db.sleep_sql(0.5)), "select 1 from missing".into()] {
                let given_up = tokio::time::timeout(Duration::from_millis(1), session.script(&sql)).await;
                assert!(given_up.is_err() || db.server() == Server::Sqlite || sql.contains("missing"));
                assert_eq!(value(&mut *session, "SELECT 'here'").await, "here");
            }
        });
    }

    fn a_statement_is_interrupted(db) {
        now(async {
            let mut session = open(db, Purpose::Work).await;
            let server = session.identify().await.unwrap();
            if server.product == "Babelfish" {
                return; // it hears of it when the statement is done
            }
            let interrupt = server.interrupt;
            let mut other = open(db, Purpose::Beat).await;
            let stop = async {
                tokio::time::sleep(Duration::from_millis(300)).await;
                match &interrupt {
                    Interrupt::Statement(statement) => drop(other.query(statement).await.unwrap()),
                    Interrupt::Flag(flag) => flag.store(true, std::sync::atomic::Ordering::SeqCst),
                }
            };
            let began = Instant::now();
            let sleep = match db.server() {
                // DO SLEEP() returns 1 when it is killed, and no error
                Server::MariaDb => "select count(*) from seq_1_to_1000000 a join seq_1_to_1000000 b where a.seq + b.seq > 0".to_owned(),
                _ => aside(|| db.sleep_sql(60.0)),
            };
            let (answer, ()) = tokio::join!(session.script(&sleep), stop);
            let error = answer.unwrap_err();
            assert_eq!(error.kind, DbErrorKind::Cancelled, "{error:?}");
            assert!(began.elapsed() < Duration::from_secs(5));
            assert_eq!(value(&mut *session, "SELECT 'here'").await, "here");
        });
    }

    fn an_error_says_where_it_is_and_what_went_before(db) {
        now(async {
            let mut session = open(db, Purpose::Work).await;
            let text = "SELECT 'ä',\n  1 FORM nothing";
            let error = session.script(text).await.unwrap_err();
            assert_eq!(error.kind, DbErrorKind::Statement);
            let expected = match db.server() {
                Server::Postgres => Position::Character(text.chars().position(|letter| letter == 'F').unwrap() + 5),
                Server::MariaDb => Position::Line(2),
                Server::Sqlite => Position::Byte(text.find("nothing").unwrap()),
                Server::SqlServer => Position::Line(2),
            };
            let stand_in = session.identify().await.unwrap().product == "Babelfish";
            assert!(stand_in || error.position == Some(expected), "{error:?}");
            let error = session.script("CREATE TABLE t (a int); INSERT INTO u VALUES (1)").await.unwrap_err();
            assert_eq!(error.kind, DbErrorKind::MissingTable);
            if db.server() != Server::SqlServer {
                assert_eq!(error.completed, 1); // a batch does not say
            }
            let _ = session.script("CREATE TABLE t (a int)").await;
            let error = session.script("CREATE TABLE t (a int)").await.unwrap_err();
            assert_eq!(error.kind, DbErrorKind::AlreadyExists);
        });
    }
}

on_servers! { [postgres Postgres, mariadb MariaDb, sqlserver SqlServer]
    fn a_row_that_another_has_is_not_waited_for(db) {
        db.sql("create table t (a int primary key, b int); insert into t values (1, 0)");
        now(async {
            let (mut a, mut b) = (open(db, Purpose::Work).await, open(db, Purpose::Work).await);
            let restore = b.identify().await.unwrap().restore;
            let begin = a.dialect().begin;
            a.script(begin).await.unwrap();
            b.script(begin).await.unwrap();
            if db.server() == Server::Postgres {
                // whoever freezes in it must not have the row for ever; a lease's sessions have nothing else that says so
                assert_eq!(value(&mut *a, "SELECT current_setting('idle_in_transaction_session_timeout')").await, "15s");
            }
            if a.identify().await.unwrap().product == "Babelfish" {
                return; // it takes the hints, and locks nothing
            }
            let read = "SELECT b FROM t {update hint} WHERE a = 1 {update}";
            ask(&mut *a, read, vec![]).await.unwrap();
            let began = Instant::now();
            let waited = ask(&mut *b, read, vec![]).await.unwrap_err();
            assert_eq!(waited.kind, DbErrorKind::LockTimeout);
            assert!(began.elapsed() < Duration::from_secs(3));
            b.script("ROLLBACK").await.unwrap();
            b.script(&restore).await.unwrap();
            // shared locks do not exclude each other
            a.script("ROLLBACK").await.unwrap();
            for session in [&mut a, &mut b] {
                session.script(begin).await.unwrap();
                ask(&mut **session, "SELECT b FROM t {share hint} WHERE a = 1 {share}", vec![]).await.unwrap();
            }
            // and what another commits is seen
            a.script("ROLLBACK").await.unwrap();
            b.script("ROLLBACK; ").await.unwrap();
            a.script(begin).await.unwrap();
            assert_eq!(value(&mut *a, "SELECT b FROM t").await, "0");
            assert_eq!(ask(&mut *b, "UPDATE t SET b = b", vec![]).await.unwrap().affected, 1, "rows that were found");
            b.script("UPDATE t SET b = 7").await.unwrap();
            assert_eq!(value(&mut *a, "SELECT b FROM t").await, "7");
        });
    }

    fn getting_in_fails_for_a_reason(db) {
        now(async {
            let to = |change: fn(&mut url::Url)| db.url_with(change);
            for (url, expected) in [
                (to(|url| url.set_port(Some(1)).unwrap()), DbErrorKind::Refused),
                (to(|url| url.set_password(Some("wrong")).unwrap()), DbErrorKind::Auth),
                (to(|url| url.set_path("/no_such_database")), DbErrorKind::UnknownDatabase),
                (to(|url| url.set_query(Some(NO_TLS))), DbErrorKind::Tls),
                (to(|url| url.set_host(Some("no-such-host.invalid")).unwrap()), DbErrorKind::HostNotFound),
            ] {
                let error = try_open(&url, Purpose::Look).await.err().unwrap();
                // SQL Server says the same of a database that recovers
                let kind = match error.kind {
                    DbErrorKind::Unopened if db.server() == Server::SqlServer => DbErrorKind::UnknownDatabase,
                    kind => kind,
                };
                assert_eq!(kind, expected, "{error:?}");
                assert!(!error.to_string().contains("wrong"), "{error}");
            }
            let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let mut mute = target(db.url());
            mute.port = Some(silent.local_addr().unwrap().port());
            let connect = engine(mute.engine).connect;
            let error = connect(&mute, Purpose::Work, Duration::from_millis(200)).await.err().unwrap();
            assert_eq!(error.kind, DbErrorKind::Timeout);
        });
    }

    fn a_reader_is_told_what_it_may_not(db) {
        db.sql("create table shown (a int); create table hidden (a int)");
        let reader = db.reader();
        db.grant_select(&reader, &["shown"]);
        now(async {
            let mut leader = open(db, Purpose::Work).await;
            assert!(leader.try_lock(&key(9)).await.unwrap());
            let mut look = try_open(&reader.url, Purpose::Look).await.unwrap();
            assert_eq!(look.identify().await.unwrap().database, db.name());
            ask(&mut *look, "SELECT a FROM shown", vec![]).await.unwrap();
            let error = ask(&mut *look, "SELECT a FROM hidden", vec![]).await.unwrap_err();
            assert_eq!(error.kind, DbErrorKind::Privilege);
            assert!(matches!(look.holder(&key(9)).await.unwrap(), Holder::Other(_)));
        });
    }
}

async fn times_are_kept(session: &mut dyn Database) {
    let dialect: &Dialect = session.dialect();
    let at = format!("{}?{}", dialect.from_epoch_ms.0, dialect.from_epoch_ms.1);
    let set = format!("UPDATE r SET beat_at = {at}");
    assert_eq!(ask(session, &set, vec![1_700_000_000_123.into()]).await.unwrap().affected, 1);
    let read = ask(session, "SELECT {epoch:beat_at}, {epoch:started_at} FROM r", vec![]).await.unwrap();
    let kept = read.rows[0].int(0).unwrap();
    // a stand-in counts in steps of 1/300 s
    let stand_in = session.identify().await.unwrap().product == "Babelfish";
    assert!(kept == 1_700_000_000_123 || stand_in && kept.abs_diff(1_700_000_000_123) < 5, "{kept}");
    let here = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let there = u128::try_from(read.rows[0].int(1).unwrap()).unwrap();
    assert!(here.abs_diff(there) < 60_000, "{here} {there}");
}
