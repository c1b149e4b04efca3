//! A migration that waits until the test says so: a state that a test can hold for as long as it needs it.

use std::cell::RefCell;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::database::{Session, TestDatabase};
use super::server::Server;

/// Holds a migration that contains [`Gate::sql`].
///
/// PostgreSQL: the script looks again and again for a row that the test inserts (each look has a snapshot of its own).
/// SQL Server: the same. MariaDB: it waits for a user lock that a session of the test holds. SQLite knows nothing to wait for inside a
/// connection: there the script is busy for some seconds, and opening it early does nothing.
pub struct Gate<'a> {
    db: &'a TestDatabase,
    holder: RefCell<Option<Session>>,
}

/// How long SQLite's gate holds.
const SQLITE_HOLDS: f64 = 4.0;

impl<'a> Gate<'a> {
    pub(super) fn new(db: &'a TestDatabase) -> Self {
        let gate = Self { db, holder: RefCell::new(None) };
        gate.shut();
        gate
    }

    /// Holds whoever comes to it from now on.
    pub fn shut(&self) {
        match self.db.server() {
            Server::Postgres => self.db.sql("drop table if exists gate; create table gate (opened int)"),
            Server::MariaDb => {
                let mut session = self.db.session();
                assert_eq!(session.rows(&format!("select get_lock('gate_{}', 0)", self.db.name())), [["1"]]);
                *self.holder.borrow_mut() = Some(session);
            }
            Server::Sqlite => {}
            Server::SqlServer => self.db.sql("drop table if exists gate; create table gate (opened int)"),
        }
    }

    /// What the migration does to wait: one statement or two, at their end a line break.
    pub fn sql(&self) -> String {
        let name = self.db.name();
        match self.db.server() {
            Server::Postgres => {
                "do $$ begin while not exists (select from public.gate) loop perform pg_sleep(0.02); end loop; end $$;\n".into()
            }
            Server::MariaDb => format!("do get_lock('gate_{name}', 120);\ndo release_lock('gate_{name}');\n"),
            Server::Sqlite => busy_sql(SQLITE_HOLDS),
            // NOLOCK: the row counts before its transaction ends, and waits for nobody
            Server::SqlServer => format!(
                "while not exists (select 1 from dbo.gate with (nolock)) /* gate of {name} */ {}",
                super::sqlserver::sleep_sql(0.02)
            ),
        }
    }

    /// What is in the text of whoever waits there.
    pub fn mark(db: &TestDatabase) -> String {
        match db.server() {
            Server::Postgres => "public.gate".to_owned(),
            Server::MariaDb => "get_lock('gate".to_owned(),
            Server::SqlServer => format!("gate of {}", db.name()),
            Server::Sqlite => panic!("SQLite tells of nobody"),
        }
    }

    /// Lets the migration go on.
    pub fn open(&self) {
        if matches!(self.db.server(), Server::Postgres | Server::SqlServer) {
            self.db.sql("insert into gate values (1)");
        }
        *self.holder.borrow_mut() = None;
    }
}

/// SQLite cannot sleep, so it counts: for about this long, and longer when the machine is busy.
pub(super) fn busy_sql(seconds: f64) -> String {
    format!("{};\n", counting((seconds * per_second()) as u64))
}

fn counting(rows: u64) -> String {
    format!(
        "with recursive c(n) as (select 1 union all select n + 1 from c where n < {rows}) select max(n) from c"
    )
}

/// Rows that this build of SQLite counts in a second: the program's own, since both come from one crate.
fn per_second() -> f64 {
    static RATE: OnceLock<f64> = OnceLock::new();
    *RATE.get_or_init(|| {
        const ROWS: u64 = 200_000;
        let mut session = Session::open(Server::Sqlite, "sqlite::memory:");
        let best = (0..3).map(|_| {
            let began = Instant::now();
            session.rows(&counting(ROWS));
            began.elapsed()
        });
        ROWS as f64 / best.min().unwrap_or(Duration::from_secs(1)).as_secs_f64()
    })
}
