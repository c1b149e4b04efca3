//! One session of one database. Above sqlx and tiberius alike: what differs between servers is in [`Dialect`] (text)
//! or behind [`Database`] (behaviour), so that ledger, lease, fence and histories are written once.
//!
//! A session is one connection, never pooled, never reopened behind the caller's back.

mod driver;
pub mod error;
pub mod grant;
pub mod key;
pub mod mysql;
pub mod pooler;
pub mod postgres;
mod quoted;
pub mod room;
pub mod sqlite;
pub mod sqlserver;
pub mod standby;
pub mod statement;
pub mod url;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use async_trait::async_trait;

pub use driver::within;
pub use error::{DbError, DbErrorKind, Position};
pub use key::LockKey;
pub use statement::{Dialect, Row, Statement, Value};
pub use url::{EngineName, Target};

/// The engine of this name: the table of the servers that we can talk to.
pub fn engine(name: EngineName) -> &'static Engine {
    match name {
        EngineName::Postgres => &postgres::ENGINE,
        EngineName::MySql => &mysql::ENGINE,
        EngineName::Sqlite => &sqlite::ENGINE,
        EngineName::SqlServer => &sqlserver::ENGINE,
    }
}

/// One session of one database.
#[async_trait]
pub trait Database: Send {
    /// How this server's SQL differs.
    fn dialect(&self) -> &'static Dialect;

    /// What server this is, and what this session is called there. One exchange; ask once per session.
    async fn identify(&mut self) -> Result<Server, DbError>;

    /// One statement of ours, in autocommit or in the transaction that [`Database::script`] opened; one exchange, and
    /// no prepared statement outlives it (a pooler may hand the next one to another server connection).
    async fn query(&mut self, statement: &Statement) -> Result<Reply, DbError>;

    /// Text sent as it is, possibly several statements; results are thrown away. An error's position counts from the
    /// text's beginning, where the server tells one.
    async fn script(&mut self, sql: &str) -> Result<(), DbError>;

    /// One try for the session lock; never waits. True only if the server said so in so many words (T5, T6).
    async fn try_lock(&mut self, key: &LockKey) -> Result<bool, DbError>;

    /// Frees the session lock. No error if it is gone already.
    async fn unlock(&mut self, key: &LockKey) -> Result<(), DbError>;

    /// Who has the session lock now; needs no more rights than reading does.
    async fn holder(&mut self, key: &LockKey) -> Result<Holder, DbError>;

    /// Returns when the server says that something happened (PostgreSQL: `LISTEN bellwether`), else never. Dropping
    /// it loses nothing but the hint. The first call subscribes.
    async fn notified(&mut self) -> Result<(), DbError>;
}

/// What a session is for; it decides what is set on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A leader's work session: holds the lock, runs the migrations, has the server's watchdog set. May create a
    /// SQLite file.
    Work,
    /// A leader's second session: beats, cancels. Has the watchdog set.
    Beat,
    /// Either session of a leader under a lease: may go through a pooler, so nothing is set on it for longer than a
    /// transaction where the server can do so (PostgreSQL).
    Lease,
    /// A look: reads only, never creates anything.
    Look,
}

/// Rows of a statement that returns some, and how many rows another changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// In the server's order.
    pub rows: Vec<Row>,
    /// Rows changed.
    pub affected: u64,
}

/// Who has a session lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// Nobody.
    Free,
    /// This session.
    Ours,
    /// Another session: its id as runs record it, where the server tells.
    Other(Option<String>),
}

/// What a session found out about its server.
#[derive(Clone, Debug)]
pub struct Server {
    /// `PostgreSQL`, `MariaDB`, `CockroachDB`, …
    pub product: String,
    /// As the server says it.
    pub version: String,
    /// This session, as runs record it: `pid@backend_start`; MySQL: the connection id.
    pub session: String,
    /// The current database's name on the server.
    pub database: String,
    /// Where this session's unqualified names go (PostgreSQL: `current_schema()`), where that is not the database.
    pub schema: Option<String>,
    /// ` AND …`: true only in this very session; part of every comparison of the fence.
    pub session_check: String,
    /// Whether a standby or a read-only server answered.
    pub read_only: bool,
    /// Whether DDL may run in a transaction.
    pub transactional_ddl: bool,
    /// Whether the server's session lock can be trusted, as far as one session can tell.
    pub lock: LockSupport,
    /// What puts this session back as we need it after a script of the user's.
    pub restore: String,
    /// One statement that sets, for the transaction that it stands in, what is not set on the session; or nothing.
    pub transaction_settings: String,
    /// What cancels the statement that this session runs.
    pub interrupt: Interrupt,
}

/// Whether the server's session lock can be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockSupport {
    /// Yes; with the reason that `plan` prints.
    Session(String),
    /// No: why.
    Unsafe(String),
}

/// How to cancel the statement that a session runs.
#[derive(Clone, Debug)]
pub enum Interrupt {
    /// Send this on another session of the same user.
    Statement(Statement),
    /// Set this flag.
    Flag(Arc<AtomicBool>),
}

/// One kind of server.
pub struct Engine {
    /// Its name, which is also its file's and its SQL folder's.
    pub name: EngineName,
    /// How its SQL differs.
    pub dialect: &'static Dialect,
    /// Opens one session; one attempt, at most `limit` long.
    pub connect: for<'a> fn(&'a Target, Purpose, Duration) -> Connecting<'a>,
}

/// A session about to open.
pub type Connecting<'a> =
    std::pin::Pin<Box<dyn Future<Output = Result<Box<dyn Database>, DbError>> + Send + 'a>>;
