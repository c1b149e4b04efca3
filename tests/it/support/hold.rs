//! What a test has the server do beside the participants, in each server's words: locks that are held, statements that are
//! seen at work, sessions that are ended.

use std::time::Duration;

use super::database::{Session, TestDatabase};
use super::server::Server;
use super::sqlserver;

/// Whom a lock on a table keeps out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Who would change what the table is.
    Alterers,
    /// Who would write rows, too.
    Writers,
    /// Everyone.
    Everyone,
}

impl TestDatabase {
    /// Locks a table for as long as the session lives that this returns.
    pub fn hold(&self, table: &str, hold: Hold) -> Session {
        let stand_in = self.server() == Server::SqlServer && sqlserver::is_stand_in();
        let sql = match (self.server(), hold) {
            (Server::Postgres, Hold::Alterers) => format!("begin; lock table {table} in access share mode"),
            (Server::Postgres, Hold::Writers) => format!("begin; lock table {table} in exclusive mode"),
            (Server::Postgres, Hold::Everyone) => {
                format!("begin; lock table {table} in access exclusive mode")
            }
            (Server::MariaDb, Hold::Alterers | Hold::Writers) => format!("lock tables {table} read"),
            (Server::MariaDb, Hold::Everyone) => format!("lock tables {table} write"),
            // it obeys no hints, and its statements lock what PostgreSQL's do
            (Server::SqlServer, Hold::Writers) if stand_in => {
                format!(
                    "begin transaction; create index held_{} on {table} ({})",
                    self.name(),
                    first_column(table)
                )
            }
            (Server::SqlServer, Hold::Everyone) if stand_in => {
                format!("begin transaction; alter table {table} add held int")
            }
            (Server::SqlServer, Hold::Alterers | Hold::Writers) => {
                format!("begin transaction; select count(*) from {table} with (tablock, holdlock)")
            }
            (Server::SqlServer, Hold::Everyone) => {
                format!("begin transaction; select count(*) from {table} with (tablockx, holdlock)")
            }
            (Server::Sqlite, _) => panic!("a SQLite file is locked as a whole"),
        };
        let mut session = self.session();
        session.run(&sql);
        session
    }

    /// Takes a column away, with the default that SQL Server keeps as a constraint of its own.
    pub fn drop_column(&self, table: &str, column: &str) {
        if self.server() == Server::SqlServer && !sqlserver::is_stand_in() {
            self.sql(&format!(
                "declare @drop nvarchar(max) = (select concat('alter table {table} drop constraint ', quotename(name)) \
                 from sys.default_constraints where parent_object_id = object_id('{table}') \
                 and col_name(parent_object_id, parent_column_id) = '{column}'); if @drop is not null exec (@drop)"
            ));
        }
        self.sql(&format!("alter table {table} drop column {column}"));
    }

    /// Waits until this session of a participant's waits for somebody's lock.
    pub fn wait_until_blocked(&self, session: &str, limit: Duration) {
        let sql = match self.server() {
            Server::Postgres => format!("select 1 from pg_locks where pid = {session} and not granted"),
            Server::SqlServer if sqlserver::is_stand_in() => {
                format!("select 1 from pg_stat_activity where pid = {session} and wait_event_type = 'Lock'")
            }
            Server::SqlServer => format!(
                "select 1 from sys.dm_exec_requests where session_id = {session} and blocking_session_id <> 0"
            ),
            Server::MariaDb => format!(
                "select 1 from information_schema.processlist where id = {session} \
                 and state like 'Waiting for table%'"
            ),
            Server::Sqlite => panic!("SQLite has no sessions"),
        };
        self.wait_for_row(&sql, limit);
    }

    /// A question that has an answer while somebody else's statement runs in whose text this is.
    pub fn at_work_sql(&self, text: &str) -> String {
        let text = text.replace('\'', "''");
        match self.server() {
            Server::Postgres => format!(
                "select 1 from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() \
                 and state = 'active' and query like '%{text}%'"
            ),
            Server::MariaDb => format!(
                "select 1 from information_schema.processlist where db = database() and id <> connection_id() \
                 and info like '%{text}%'"
            ),
            // all databases are one to it, so the text must be this test's own
            Server::SqlServer if sqlserver::is_stand_in() => format!(
                "select 1 from pg_stat_activity where pid <> @@spid and state = 'active' and query like '%{text}%'"
            ),
            Server::SqlServer => format!(
                "select 1 from sys.dm_exec_requests r cross apply sys.dm_exec_sql_text(r.sql_handle) t \
                 where r.database_id = db_id() and r.session_id <> @@spid and t.text like '%{text}%'"
            ),
            Server::Sqlite => panic!("SQLite tells of nobody"),
        }
    }

    /// Ends a session as an administrator would.
    pub fn end_session(&self, session: &str) {
        match self.server() {
            Server::Postgres => self.sql(&format!("select pg_terminate_backend({session})")),
            Server::MariaDb | Server::SqlServer => self.sql(&format!("kill {session}")),
            Server::Sqlite => panic!("SQLite has no sessions to end"),
        }
    }

    /// Waits until a session is gone.
    pub fn wait_until_ended(&self, session: &str, limit: Duration) {
        let (all, column) = match self.server() {
            Server::Postgres => ("pg_stat_activity", "pid"),
            Server::MariaDb => ("information_schema.processlist", "id"),
            Server::SqlServer => ("sys.dm_exec_sessions", "session_id"),
            Server::Sqlite => panic!("SQLite has no sessions"),
        };
        let one = if self.server() == Server::MariaDb { "select 1 from dual" } else { "select 1" };
        let sql = format!("{one} where not exists (select 1 from {all} where {column} = {session})");
        self.wait_for_row(&sql, limit);
    }

    /// Whether this server only stands in for SQL Server and lacks something; then it is printed that the test is
    /// skipped from here on.
    pub fn stand_in_lacks(&self, what: &str) -> bool {
        let lacks = self.server() == Server::SqlServer && sqlserver::is_stand_in();
        if lacks {
            super::server::skipped(&format!("Babelfish, which stands in for SQL Server, has no {what}"));
        }
        lacks
    }

    /// How long something may take that takes `limit` at most: a stand-in reads each new session's statements slowly.
    pub fn within(&self, limit: Duration) -> Duration {
        if self.server() == Server::SqlServer { limit * sqlserver::slowness() } else { limit }
    }
}

/// One that an index can be made of.
fn first_column(table: &str) -> &'static str {
    match table {
        "_sqlx_migrations" => "version",
        "bellwether_runs" => "id",
        other => panic!("no column of {other} is known"),
    }
}
