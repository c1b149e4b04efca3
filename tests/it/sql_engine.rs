//! The SQL engine against a session that answers as told: what is sent in which order, what is tried again, what stays.

mod batches;

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bellwether::database::{
    DbError, DbErrorKind, Dialect, EngineName, LockKey, Position, Server, Value, mysql, postgres, sqlite,
};
use bellwether::engine::sql::Sql;
use bellwether::engine::step::{StepError, Unsendable};
use bellwether::formats::FORMATS;
use bellwether::ledger::Ledger;
use bellwether::ledger::history::HistoryTable;
use bellwether::ledger::record::Mine;
use bellwether::lock::hold::Hold;
use bellwether::model::event::{Event, StepRef};
use bellwether::model::migration::Migration;
use bellwether::report::Report;
use tokio::time::Instant;

use crate::support::fake::{Fake, error, nothing, row, server};

/// What is reported.
#[derive(Default)]
struct Heard(Mutex<Vec<Event>>);

impl Report for Heard {
    fn event(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
    fn output(&self, _bytes: &[u8]) {}
    fn finish(&self) {}
}

impl Heard {
    fn pauses(&self) -> Vec<u64> {
        let pauses = |event: &Event| match event {
            Event::StepRetried { pause_ms, .. } => Some(*pause_ms),
            _ => None,
        };
        self.0.lock().unwrap().iter().filter_map(pauses).collect()
    }
}

struct Stage {
    dialect: &'static Dialect,
    engine: EngineName,
    server: Server,
    heard: Heard,
    stop: AtomicBool,
    budget: Duration,
    ddl_lock_timeout_ms: u64,
}

impl Stage {
    fn new(dialect: &'static Dialect, engine: EngineName, transactional_ddl: bool) -> Self {
        let server = Server { transactional_ddl, session_check: String::new(), ..server() };
        Self {
            dialect,
            engine,
            server,
            heard: Heard::default(),
            stop: AtomicBool::new(false),
            budget: Duration::from_secs(600),
            ddl_lock_timeout_ms: 5000,
        }
    }

    fn postgres() -> Self {
        Self::new(&postgres::DIALECT, EngineName::Postgres, true)
    }

    fn mysql() -> Self {
        Self::new(&mysql::DIALECT, EngineName::MySql, false)
    }

    fn sqlite() -> Self {
        Self::new(&sqlite::DIALECT, EngineName::Sqlite, true)
    }

    /// A session whose lock's row names us.
    fn session(&self) -> Fake {
        Fake::new(self.dialect).usually("SELECT COUNT(*)", vec![Value::Int(1)])
    }

    async fn apply(&self, work: &mut Fake, sql: &str) -> Result<(), StepError> {
        self.apply_as(work, sql, true).await
    }

    async fn apply_outside(&self, work: &mut Fake, sql: &str) -> Result<(), StepError> {
        self.apply_as(work, sql, false).await
    }

    async fn apply_as(&self, work: &mut Fake, sql: &str, transactional: bool) -> Result<(), StepError> {
        let history = HistoryTable::new(self.dialect, FORMATS[0], None);
        let engine = Sql {
            dialect: self.dialect,
            server: &self.server,
            ledger: &Ledger::new(self.dialect, None),
            history: &history,
            lock_name: "default",
            hold: Hold::Session(&LockKey { name: "default".into(), id: None }),
            mine: &Mine { run: "the-run".into(), fence: 7 },
            after: None,
            before: None,
            ddl_lock_timeout_ms: self.ddl_lock_timeout_ms,
            engine: self.engine,
            step: &StepRef { position: 1, total: 1, version: "3".into(), name: "3_a.sql".into() },
            report: &self.heard,
            deadline: Instant::now() + self.budget,
            stop: &self.stop,
            retried: &Mutex::new(None),
        };
        let migration = Migration {
            version: "3".into(),
            name: "3_a.sql".into(),
            description: "a".into(),
            path: PathBuf::from("db/3_a.sql"),
            sql: sql.into(),
            checksum: vec![0xab],
            transactional,
            follows: Vec::new(),
        };
        engine.apply(work, &migration).await
    }
}

fn no(kind: DbErrorKind, position: Option<Position>, completed: usize) -> DbError {
    DbError { position, completed, ..DbError::new(kind, "no") }
}

/// Line, column, statement.
fn place(error: StepError) -> (Option<usize>, Option<usize>, String) {
    match error {
        StepError::Statement { place, statement, .. } => {
            assert_eq!(place.path, PathBuf::from("db/3_a.sql"));
            (place.line, place.column, statement)
        }
        other => panic!("{other:?}"),
    }
}

/// Statements that stay, and whether that is recorded as half applied.
fn left(error: StepError) -> (usize, bool) {
    match error {
        StepError::Statement { applied, dirty, .. } => (applied, dirty),
        other => panic!("{other:?}"),
    }
}

// one message (PostgreSQL)

#[tokio::test]
async fn a_postgres_migration_is_one_message() {
    let stage = Stage::postgres();
    let mut work = stage.session();
    stage.apply(&mut work, "CREATE TABLE a (id int); -- the end").await.unwrap();
    insta::assert_snapshot!(work.asked().join("\n---\n"));
}

#[tokio::test]
async fn a_position_in_the_message_becomes_a_place_in_the_file() {
    let script = "-- größer\nSELECT 1;\n/* zwei */ SELECT 'äöü', nope;\n";
    let stage = Stage::postgres();
    let mut work = stage.session();
    stage.apply(&mut work, script).await.unwrap();
    let message = work.asked()[0].to_owned();
    let characters = |text: &str| message[..message.find(text).unwrap()].chars().count();

    let at = Some(Position::Character(characters("nope")));
    let mut work = stage.session().answer("BEGIN", Err(no(DbErrorKind::Statement, at, 4)));
    let failed = stage.apply(&mut work, script).await.unwrap_err();
    assert_eq!(place(failed), (Some(3), Some(26), "/* zwei */ SELECT 'äöü', nope".into()));
    assert_eq!(work.asked()[1..], ["ROLLBACK"]);

    // what the parser finds missing, it finds in our text after the script
    let end = Some(Position::Character(characters("RESTORE")));
    let mut work = stage.session().answer("BEGIN", Err(no(DbErrorKind::Statement, end, 0)));
    let (line, _, statement) = place(stage.apply(&mut work, script).await.unwrap_err());
    assert_eq!((line, statement.as_str()), (Some(4), "/* zwei */ SELECT 'äöü', nope"));
}

#[tokio::test]
async fn without_a_position_the_statement_is_known_by_how_many_succeeded() {
    let stage = Stage::postgres();
    for (completed, line, statement) in
        [(3, Some(1), "SELECT 1"), (4, Some(3), "SELECT 2"), (5, Some(4), "SELECT 3")]
    {
        let mut work = stage.session().answer("BEGIN", Err(no(DbErrorKind::Statement, None, completed)));
        let failed = stage.apply(&mut work, "SELECT 1;\n\nSELECT 2;\nSELECT 3").await.unwrap_err();
        assert_eq!(place(failed), (line, Some(1), statement.to_owned()));
    }
}

#[tokio::test]
async fn what_fails_after_the_script_is_not_blamed_on_it() {
    let stage = Stage::postgres();
    let mut work = stage.session().answer("BEGIN", Err(no(DbErrorKind::Statement, None, 5)));
    let failed = stage.apply(&mut work, "SELECT 1; SELECT 2").await.unwrap_err();
    assert!(
        matches!(failed, StepError::Bookkeeping { what: "recording it in the history", .. }),
        "{failed:?}"
    );
    assert_eq!(work.asked()[1..], ["ROLLBACK"]);
}

#[tokio::test(start_paused = true)]
async fn a_lock_timeout_in_a_transaction_is_rolled_back_and_tried_again() {
    let stage = Stage::postgres();
    let mut work = stage.session();
    for _ in 0..6 {
        work = work.answer("BEGIN", error(DbErrorKind::LockTimeout));
    }
    let began = Instant::now();
    stage.apply(&mut work, "SELECT 1").await.unwrap();
    assert_eq!(stage.heard.pauses(), [1000, 2000, 4000, 8000, 8000, 8000], "below the server's watchdog");
    assert_eq!(began.elapsed(), Duration::from_secs(31));
    let order = work.order();
    assert_eq!(order.len(), 13);
    assert!(order.iter().skip(1).step_by(2).all(|asked| asked == "ROLLBACK"));
}

#[tokio::test(start_paused = true)]
async fn trying_again_ends_with_the_budget() {
    let mut stage = Stage::postgres();
    stage.budget = Duration::from_secs(4);
    let mut work = stage.session();
    for _ in 0..6 {
        work = work.answer("BEGIN", error(DbErrorKind::LockTimeout));
    }
    let failed = stage.apply(&mut work, "SELECT 1").await.unwrap_err();
    assert_eq!(stage.heard.pauses(), [1000, 2000]);
    assert_eq!(left(failed), (0, false));
    assert_eq!(work.asked().last(), Some(&"ROLLBACK"), "no transaction stays open");
}

#[tokio::test]
async fn nothing_but_a_lock_timeout_is_tried_again_on_postgres() {
    let stage = Stage::postgres();
    for kind in
        [DbErrorKind::Deadlock, DbErrorKind::Serialization, DbErrorKind::Cancelled, DbErrorKind::Statement]
    {
        let mut work = stage.session().answer("BEGIN", error(kind));
        assert_eq!(left(stage.apply(&mut work, "SELECT 1").await.unwrap_err()), (0, false), "{kind:?}");
        assert_eq!(work.asked().len(), 2);
    }
}

#[tokio::test]
async fn a_lost_fence_and_a_lost_session_are_told_apart() {
    let stage = Stage::postgres();
    let mut work = stage.session().answer("BEGIN", error(DbErrorKind::FenceLost));
    let failed = stage.apply(&mut work, "SELECT 1").await.unwrap_err();
    assert!(matches!(failed, StepError::FenceLost { half: false, .. }) && !failed.ends_session());
    assert_eq!(work.asked()[1..], ["ROLLBACK"]);

    let mut work = stage.session().answer("BEGIN", error(DbErrorKind::ConnectionLost));
    assert!(stage.apply(&mut work, "SELECT 1").await.unwrap_err().ends_session());
    assert_eq!(work.asked().len(), 1, "a session that is gone is asked nothing");
}

#[tokio::test]
async fn a_rollback_that_fails_does_not_hide_why() {
    let stage = Stage::postgres();
    let mut work = stage
        .session()
        .answer("ROLLBACK", error(DbErrorKind::ConnectionLost))
        .answer("BEGIN", Err(DbError::new(DbErrorKind::Statement, "the reason")));
    assert_eq!(stage.apply(&mut work, "SELECT 1").await.unwrap_err().to_string(), "the reason");
}

// what is never sent

#[tokio::test]
async fn what_cannot_be_sent_is_not_begun() {
    let own = Unsendable::OwnTransaction;
    let client = |command: &str| Unsendable::ClientCommand(command.into());
    for (stage, script, why, at) in [
        (Stage::postgres(), "SELECT 1;\n COMMIT;", own.clone(), (2, 2)),
        (Stage::postgres(), "COPY a FROM stdin;\n1\n\\.\n", Unsendable::CopyFromStdin, (1, 1)),
        (Stage::postgres(), "\n\\connect other", client("\\connect"), (2, 1)),
        (Stage::sqlite(), "BEGIN; SELECT 1; END;", own, (1, 1)),
        (Stage::sqlite(), ".read other.sql", client(".read"), (1, 1)),
        (Stage::mysql(), "source other.sql", client("source"), (1, 1)),
    ] {
        let mut work = stage.session();
        match stage.apply(&mut work, script).await.unwrap_err() {
            StepError::Unsendable { place, why: said, .. } => {
                assert_eq!((said, place.line.unwrap(), place.column.unwrap()), (why, at.0, at.1), "{script}");
            }
            other => panic!("{script}: {other:?}"),
        }
        assert_eq!(work.asked(), [""; 0], "{script}");
    }
}

// one transaction, one exchange per statement (SQLite)

#[tokio::test]
async fn a_transaction_holds_check_script_and_history_row() {
    let stage = Stage::sqlite();
    let mut work = stage.session();
    stage.apply(&mut work, "CREATE TABLE a (id); INSERT INTO a VALUES (1);").await.unwrap();
    assert_eq!(
        work.order(),
        [
            "BEGIN IMMEDIATE",
            "SELECT COUNT(*) FROM",
            "CREATE TABLE a",
            "INSERT INTO a",
            "INSERT INTO \"_sqlx_migrations\"",
            "COMMIT",
            "RESTORE"
        ]
    );
}

#[tokio::test]
async fn a_statement_that_fails_in_a_transaction_leaves_nothing() {
    let stage = Stage::sqlite();
    let at = Some(Position::Byte("SELECT 'ä', ".len()));
    let mut work = stage.session().answer("nope", Err(no(DbErrorKind::Statement, at, 0)));
    let failed = stage.apply(&mut work, "SELECT 1;\n-- two\nSELECT 'ä', nope;").await.unwrap_err();
    assert_eq!(left(failed.clone()), (0, false));
    // the byte counts in the piece that was sent, which begins with its comment
    assert_eq!(place(failed).0, Some(3));
    assert_eq!(work.order()[4..], ["ROLLBACK", "RESTORE"]);
}

#[tokio::test]
async fn a_commit_that_fails_is_rolled_back() {
    let stage = Stage::sqlite();
    let mut work = stage.session().answer("COMMIT", error(DbErrorKind::Statement));
    let failed = stage.apply(&mut work, "SELECT 1").await.unwrap_err();
    assert!(matches!(failed, StepError::Bookkeeping { what: "committing it", .. }), "{failed:?}");
    assert_eq!(work.order()[4..], ["COMMIT", "ROLLBACK", "RESTORE"]);
}

#[tokio::test(start_paused = true)]
async fn other_users_of_a_sqlite_file_are_waited_out() {
    let stage = Stage::sqlite();
    let mut work = stage
        .session()
        .answer("BEGIN", error(DbErrorKind::Busy))
        .answer("BEGIN", error(DbErrorKind::Busy))
        .answer("COMMIT", error(DbErrorKind::Busy));
    stage.apply(&mut work, "SELECT 1").await.unwrap();
    assert_eq!(stage.heard.pauses(), [1000, 2000, 1000]);
}

#[tokio::test]
async fn a_transaction_of_somebody_elses_is_not_begun_in() {
    let stage = Stage::sqlite();
    let mut work = stage.session().answer("SELECT COUNT(*)", row(vec![Value::Int(0)]));
    let failed = stage.apply(&mut work, "SELECT 1").await.unwrap_err();
    assert!(matches!(failed, StepError::FenceLost { half: false, .. }));
    assert_eq!(work.order(), ["BEGIN IMMEDIATE", "SELECT COUNT(*) FROM", "ROLLBACK", "RESTORE"]);
}

// statement by statement (MySQL, and scripts that say so)

#[tokio::test(start_paused = true)]
async fn outside_a_transaction_the_history_says_begun_and_each_statement_is_marked() {
    let stage = Stage::mysql();
    let mut work = stage.session();
    stage.apply(&mut work, "CREATE TABLE a (id int);\n-- two\nINSERT INTO a VALUES (1);").await.unwrap();
    insta::assert_snapshot!(work.asked().join("\n---\n"));
    assert!(work.arguments("INSERT INTO `_sqlx").contains(&Value::Bool(false)));
}

#[tokio::test]
async fn a_first_statement_that_fails_leaves_no_row() {
    let stage = Stage::mysql();
    let mut work = stage.session().answer("CREATE", error(DbErrorKind::Statement));
    let failed =
        stage.apply(&mut work, "CREATE TABLE a (id int); CREATE TABLE b (id int)").await.unwrap_err();
    assert_eq!(left(failed), (0, false));
    assert!(work.asked().last().unwrap().starts_with("DELETE FROM `_sqlx_migrations`"));
}

#[tokio::test]
async fn a_row_that_cannot_be_taken_back_makes_it_dirty() {
    let stage = Stage::mysql();
    let mut work = stage
        .session()
        .answer("CREATE", Err(DbError::new(DbErrorKind::Statement, "the reason")))
        .answer("DELETE", error(DbErrorKind::Statement));
    let failed = stage.apply(&mut work, "CREATE TABLE a (id int)").await.unwrap_err();
    assert_eq!(failed.to_string(), "the reason");
    assert_eq!(left(failed), (0, true));
}

#[tokio::test]
async fn a_later_statement_that_fails_makes_it_dirty() {
    let stage = Stage::mysql();
    let line = Some(Position::Line(2));
    let mut work = stage.session().answer("nope", Err(no(DbErrorKind::Statement, line, 0)));
    let failed = stage.apply(&mut work, "CREATE TABLE a (id int);\n\n-- two\nnope;").await.unwrap_err();
    assert_eq!(left(failed.clone()), (1, true));
    let (line, column, statement) = place(failed);
    assert_eq!((line, column, statement.as_str()), (Some(4), None, "-- two\nnope"));
    assert!(!work.order().iter().any(|asked| asked.starts_with("DELETE") || asked.starts_with("UPDATE")));
    assert_eq!(work.asked().last(), Some(&"RESTORE"));
}

#[tokio::test]
async fn a_session_that_cannot_be_put_back_does_not_hide_why() {
    let stage = Stage::mysql();
    let mut work = stage
        .session()
        .answer("nope", Err(DbError::new(DbErrorKind::Statement, "the reason")))
        .answer("RESTORE", error(DbErrorKind::Statement));
    assert_eq!(stage.apply(&mut work, "nope").await.unwrap_err().to_string(), "the reason");
}

#[tokio::test]
async fn what_may_stay_in_part_is_dirty_although_it_is_the_first() {
    for (stage, script) in [
        (Stage::mysql(), "CALL fill()"),
        (Stage::mysql(), "DROP TABLE a, b"),
        (Stage::postgres(), "CALL fill()"),
        (Stage::postgres(), "DO $$ BEGIN COMMIT; END $$"),
        (Stage::postgres(), "CREATE INDEX CONCURRENTLY i ON a (b)"),
    ] {
        let mut work = stage.session().answer("/* bellwether the-run */", error(DbErrorKind::Statement));
        let failed = stage.apply_outside(&mut work, script).await.unwrap_err();
        assert_eq!(left(failed), (0, true), "{script}");
    }
    for (stage, script) in [(Stage::mysql(), "DROP TABLE a"), (Stage::postgres(), "VACUUM a")] {
        let mut work = stage.session().answer("/* bellwether the-run */", error(DbErrorKind::Statement));
        let failed = stage.apply_outside(&mut work, script).await.unwrap_err();
        assert_eq!(left(failed), (0, false), "{script}");
    }
}

#[tokio::test(start_paused = true)]
async fn mysql_repeats_the_statement_that_got_no_lock_and_not_the_script() {
    let stage = Stage::mysql();
    let mut work = stage
        .session()
        .answer("ALTER", error(DbErrorKind::LockTimeout))
        .answer("ALTER", error(DbErrorKind::LockTimeout));
    stage.apply(&mut work, "CREATE TABLE a (id int); ALTER TABLE a ADD b int").await.unwrap();
    let count = |text: &str| work.asked().iter().filter(|asked| asked.contains(text)).count();
    assert_eq!((count("CREATE TABLE a"), count("ALTER TABLE a")), (1, 3));
    assert_eq!(stage.heard.pauses(), [1000, 2000]);
}

#[tokio::test(start_paused = true)]
async fn a_script_that_is_sent_whole_is_never_repeated() {
    let stage = Stage::mysql();
    let mut work = stage.session().answer("CREATE", error(DbErrorKind::LockTimeout));
    let failed = stage
        .apply(&mut work, "CREATE TABLE a (id int); CREATE TABLE b (x char default 'open")
        .await
        .unwrap_err();
    assert_eq!(left(failed), (0, true), "nobody knows how far it got");
    assert_eq!(work.asked().iter().filter(|asked| asked.contains("CREATE TABLE")).count(), 1);
    assert!(matches!(stage.heard.0.lock().unwrap()[0], Event::Notice { .. }), "it is said");
}

#[tokio::test(start_paused = true)]
async fn outside_a_transaction_postgres_repeats_nothing() {
    let stage = Stage::postgres();
    let mut work = stage.session().answer("VACUUM", error(DbErrorKind::LockTimeout));
    assert!(stage.apply_outside(&mut work, "VACUUM a").await.is_err());
    assert_eq!(stage.heard.pauses(), [0; 0]);
}

#[tokio::test]
async fn told_to_stop_it_stops_between_two_statements() {
    let stage = Stage::mysql();
    stage.stop.store(true, Ordering::Relaxed);
    let mut work = stage.session();
    let stopped = stage.apply(&mut work, "SELECT 1; SELECT 2").await.unwrap_err();
    assert_eq!(stopped, StepError::Stopped { applied: 0 });
    assert!(work.asked().iter().all(|asked| !asked.contains("SELECT 1")));
    assert!(work.asked().last().unwrap().starts_with("DELETE"), "nothing of it stays, nor does its row");
}

#[tokio::test]
async fn the_lock_is_asked_for_before_each_statement() {
    let stage = Stage::mysql();
    let gone = row(vec![Value::Int(1)]);
    let mut work = stage.session().answer("whose lock", nothing()).answer("whose lock", gone);
    let failed =
        stage.apply(&mut work, "CREATE TABLE a (id int); CREATE TABLE b (id int)").await.unwrap_err();
    assert!(matches!(failed, StepError::FenceLost { half: true, .. }), "a is there, and stays");
    assert!(work.asked().iter().all(|asked| !asked.contains("TABLE b") && !asked.starts_with("DELETE")));
}

#[tokio::test]
async fn a_session_lost_outside_a_transaction_leaves_the_row_as_it_is() {
    let stage = Stage::mysql();
    let mut work = stage.session().answer("CREATE", error(DbErrorKind::ConnectionLost));
    let failed = stage.apply(&mut work, "CREATE TABLE a (id int)").await.unwrap_err();
    assert!(failed.ends_session());
    assert_eq!(left(failed), (0, true), "whether the server did it, nobody knows");
    assert!(work.asked().last().unwrap().contains("CREATE TABLE a"));
}

#[tokio::test]
async fn an_invalid_index_fails_the_step_by_name() {
    let stage = Stage::postgres();
    let script =
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS good ON a (b);\nCREATE INDEX CONCURRENTLY bad ON s.a (b)";
    let mut work = stage.session().answer("pg_index", nothing()).answer("pg_index", row(vec![Value::Int(1)]));
    let failed = stage.apply_outside(&mut work, script).await.unwrap_err();
    match failed {
        StepError::InvalidIndex { indexes, .. } => assert_eq!(indexes, ["s.bad"]),
        other => panic!("{other:?}"),
    }
    assert!(!work.order().iter().any(|asked| asked.starts_with("UPDATE") || asked.starts_with("DELETE")));
    assert_eq!(work.arguments("pg_index"), [Value::from("good")]);
}

#[tokio::test]
async fn a_transaction_that_a_script_leaves_open_is_ended_before_its_row_is_written() {
    let stage = Stage::postgres();
    let mut work = stage.session();
    stage.apply_outside(&mut work, "BEGIN; SELECT 1").await.unwrap();
    let order = work.order();
    let end = ["COMMIT", "RESTORE", "SELECT COUNT(*) FROM", "UPDATE \"public\".\"_sqlx_migrations\" SET"];
    assert_eq!(order[order.len() - 4..], end);

    let mut work = stage.session().answer("SELECT 1", error(DbErrorKind::Statement));
    assert_eq!(left(stage.apply_outside(&mut work, "BEGIN; SELECT 1").await.unwrap_err()), (1, true));
    let order = work.order();
    assert_eq!(order[order.len() - 2..], ["ROLLBACK", "RESTORE"]);
}

#[tokio::test]
async fn a_script_without_statements_is_applied() {
    for stage in [Stage::postgres(), Stage::sqlite(), Stage::mysql()] {
        let mut work = stage.session();
        stage.apply(&mut work, "-- nothing yet\n").await.unwrap();
        assert!(work.asked().join("\n").contains("_sqlx_migrations"));
    }
}
