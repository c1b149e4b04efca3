//! What a database said, as facts: the kind decides what we do, the text is the server's own.

/// An error of a session. Never holds a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DbError {
    /// What it means to us.
    pub kind: DbErrorKind,
    /// SQLSTATE (PostgreSQL), error number (MySQL, SQL Server), result code (SQLite).
    pub code: Option<String>,
    /// The server's or driver's own words.
    pub message: String,
    /// More of the server's words (PostgreSQL's DETAIL).
    pub detail: Option<String>,
    /// The server's hint.
    pub hint: Option<Box<str>>,
    /// Where and how it came to it: the function that raised it, outermost last; how often we tried.
    pub context: Option<Box<str>>,
    /// Where in the text that was sent.
    pub position: Option<Position>,
    /// How many statements of a text with several had succeeded before.
    pub completed: usize,
}

/// Where in the text that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Characters from the beginning, from 0.
    Character(usize),
    /// Bytes from the beginning, from 0.
    Byte(usize),
    /// Lines, from 1.
    Line(usize),
}

/// What an error means to us. A retry names the kinds that it retries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DbErrorKind {
    /// The host's name is not known.
    HostNotFound,
    /// Nobody listens there.
    Refused,
    /// No answer in time.
    Timeout,
    /// TLS could not be agreed on.
    Tls,
    /// A file of ours that TLS needs cannot be read: the URL names it.
    Certificate,
    /// What answers there does not speak this protocol.
    Protocol,
    /// Wrong user or password.
    Auth,
    /// No such database (SQLite: no such file).
    UnknownDatabase,
    /// The server opens no such database for us: there is none, we may not, or it recovers, fails over, has its one user
    /// (SQL Server's 4060, 4064).
    Unopened,
    /// The server lacks a free connection (53300, 1040).
    TooManyConnections,
    /// The server is starting up (57P03).
    Starting,
    /// The server is shutting down, or ended our session (57P01, 57P02, 1053).
    ShuttingDown,
    /// The connection broke.
    ConnectionLost,
    /// A standby, or read-only for a moment (25006, 1290, 1836; SQLITE_READONLY).
    ReadOnly,
    /// We may not (42501, 1044, 1142).
    Privilege,
    /// The table or its schema is not there (42P01, 3F000, 1146).
    MissingTable,
    /// The table is there, and lacks the column (42703, 1054).
    MissingColumn,
    /// It is there already: a duplicate key, table or schema (23505, 42P07, 42P06, 1062, 1050).
    AlreadyExists,
    /// A lock was not got in time (55P03, 1205).
    LockTimeout,
    /// Deadlock (40P01, 1213).
    Deadlock,
    /// Serialization failure (40001).
    Serialization,
    /// Somebody else is writing (SQLITE_BUSY).
    Busy,
    /// The statement was cancelled (57014, 1317, SQLITE_INTERRUPT).
    Cancelled,
    /// Our transaction's comparison of the fence failed: somebody else has the lock.
    FenceLost,
    /// This engine cannot do that.
    Unsupported,
    /// Anything else, mostly the statement's own fault.
    Statement,
}

impl DbErrorKind {
    /// Whether a participant that had a connection before waits this out: refused, reset, timed out, starting,
    /// stopping, failing over, out of connections, busy.
    pub fn passes(self) -> bool {
        matches!(
            self,
            Self::Refused
                | Self::Timeout
                | Self::Protocol
                | Self::Unopened
                | Self::TooManyConnections
                | Self::Starting
                | Self::ShuttingDown
                | Self::ConnectionLost
                | Self::ReadOnly
                | Self::Busy
        )
    }

    /// Whether another session was in our way, and what was rolled back may be tried again. Galera says so of any write.
    pub fn contended(self) -> bool {
        matches!(self, Self::LockTimeout | Self::Deadlock | Self::Serialization | Self::Busy)
    }

    /// Whether the first connection is tried again: only refusals, timeouts, a starting server, out of connections.
    pub fn passes_at_first(self) -> bool {
        matches!(self, Self::Refused | Self::Timeout | Self::Starting | Self::TooManyConnections)
    }

    /// Whether the session is gone with it.
    pub fn ends_session(self) -> bool {
        matches!(self, Self::ConnectionLost | Self::ShuttingDown)
    }
}

impl DbError {
    /// Whether the server has answered, and the driver cannot read a value of it.
    pub fn is_drivers_own(&self) -> bool {
        self.code.is_none() && matches!(self.kind, DbErrorKind::Statement | DbErrorKind::Unsupported)
    }

    /// One with a kind and a message, nothing else.
    pub fn new(kind: DbErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            code: None,
            message: message.into(),
            detail: None,
            hint: None,
            context: None,
            position: None,
            completed: 0,
        }
    }
}
