//! What the drivers say when no server speaks: broken connections, names that nobody knows, TLS. The servers' own
//! errors are each engine's business. Never shows a password.

use std::io;
use std::path::Path;
use std::time::Duration;

use sqlx::error::DatabaseError;

use crate::database::Reply;
use crate::database::error::{DbError, DbErrorKind};
use crate::database::statement::Row;

/// What a fence check of ours says when it fails, on every server.
pub const FENCE_LOST: &str = "bellwether lock lost";

/// A driver's error as a fact; `server` reads what a server said.
pub(super) fn fact(error: sqlx::Error, server: impl Fn(&dyn DatabaseError) -> DbError) -> DbError {
    match error {
        sqlx::Error::Database(error) => {
            let mut fact = server(error.as_ref());
            if fact.message.contains(FENCE_LOST) {
                fact.kind = DbErrorKind::FenceLost;
                fact.message = why_lost(&fact.message).to_owned();
            }
            fact
        }
        sqlx::Error::Io(error) => DbError::new(io_kind(&error), error.to_string()),
        sqlx::Error::Tls(error) => DbError::new(DbErrorKind::Tls, sentence(error.as_ref())),
        sqlx::Error::PoolTimedOut => DbError::new(DbErrorKind::Timeout, "no connection in time"),
        sqlx::Error::WorkerCrashed => lost("the database driver's thread ended"),
        // what the other side sends is not its protocol any more: nothing later on this connection can be trusted
        sqlx::Error::Protocol(message) => lost(without_origin(&message)),
        other => DbError::new(DbErrorKind::Statement, other.to_string()),
    }
}

/// What an exchange brings back, one reply per statement; of a user's script, which may select millions of rows, only
/// that a statement is done.
pub(super) struct Answers {
    keep: bool,
    rows: Vec<Row>,
    replies: Vec<Reply>,
}

impl Answers {
    /// Of statements of ours.
    pub(super) fn kept() -> Self {
        Self { keep: true, rows: Vec::new(), replies: Vec::new() }
    }

    /// Of a script.
    pub(super) fn counted() -> Self {
        Self { keep: false, ..Self::kept() }
    }

    /// One row of the statement that is answered now.
    pub(super) fn row(&mut self, read: impl FnOnce() -> Result<Row, sqlx::Error>) -> Result<(), sqlx::Error> {
        if self.keep {
            self.rows.push(read()?);
        }
        Ok(())
    }

    /// The statement is done.
    pub(super) fn done(&mut self, affected: u64) {
        self.replies.push(Reply { rows: std::mem::take(&mut self.rows), affected });
    }

    /// How many statements are done.
    pub(super) fn completed(&self) -> usize {
        self.replies.len()
    }

    /// All of them.
    pub(super) fn into_replies(self) -> Vec<Reply> {
        self.replies
    }
}

/// A check of ours fails by a cast, which quotes our words and the count that did not fit.
fn why_lost(message: &str) -> &str {
    let why = message.split_once(FENCE_LOST).and_then(|(_, words)| words.strip_prefix(": "));
    why.map_or("the lock's row names another run", |why| {
        why.trim_end_matches(|c: char| c == '"' || c.is_ascii_digit())
    })
}

/// The connection is gone.
pub(super) fn lost(message: &str) -> DbError {
    DbError::new(DbErrorKind::ConnectionLost, message)
}

/// What a driver says while connecting: words that are not its protocol's come from a server of another kind.
pub(super) fn connecting(error: sqlx::Error, server: impl Fn(&dyn DatabaseError) -> DbError) -> DbError {
    match error {
        sqlx::Error::Protocol(message) => DbError::new(DbErrorKind::Protocol, without_origin(&message)),
        error => fact(error, server),
    }
}

/// A driver's message without the place in its source, `(sqlx_postgres::connection::tls:95)`.
fn without_origin(message: &str) -> &str {
    match message.rsplit_once(" (sqlx") {
        Some((words, origin)) if origin.ends_with(')') => words,
        _ => message,
    }
}

/// Waits for a connection, at most `limit` long.
pub async fn within<T>(
    limit: Duration,
    connecting: impl Future<Output = Result<T, DbError>>,
) -> Result<T, DbError> {
    tokio::time::timeout(limit, connecting).await.unwrap_or_else(|_| {
        let tenths = (limit.as_millis() + 50) / 100;
        let seconds = match (tenths / 10, tenths % 10) {
            (whole, 0) => whole.to_string(),
            (whole, tenth) => format!("{whole}.{tenth}"),
        };
        Err(DbError::new(DbErrorKind::Timeout, format!("no connection within {seconds} s")))
    })
}

/// A certificate's file that cannot be read would look like a server that is not there.
pub(super) fn readable(file: Option<&Path>) -> Result<Option<&Path>, DbError> {
    if let Some(file) = file {
        std::fs::File::open(file).map_err(|error| {
            DbError::new(DbErrorKind::Certificate, format!("{}: {error}", file.display()))
        })?;
    }
    Ok(file)
}

/// What an error of the network means.
pub(super) fn io_kind(error: &io::Error) -> DbErrorKind {
    use io::ErrorKind as Io;
    match error.kind() {
        // a socket that is not there is a server that is not there
        Io::ConnectionRefused | Io::NotFound | Io::HostUnreachable | Io::NetworkUnreachable => {
            DbErrorKind::Refused
        }
        Io::TimedOut | Io::WouldBlock => DbErrorKind::Timeout,
        Io::PermissionDenied => DbErrorKind::Privilege,
        // rustls hands its errors on as "invalid data" of a read or write
        Io::InvalidData
            if ["certificate", "handshake", "alert"].iter().any(|it| error.to_string().contains(it)) =>
        {
            DbErrorKind::Tls
        }
        // the resolver's errors have no kind of their own; EAI_AGAIN is a passing one (glibc's words, then musl's)
        _ if ["Temporary failure in name resolution", "Try again"]
            .iter()
            .any(|it| error.to_string().contains(it)) =>
        {
            DbErrorKind::Timeout
        }
        _ if error.to_string().contains("failed to lookup address") => DbErrorKind::HostNotFound,
        _ => DbErrorKind::ConnectionLost,
    }
}

/// An error with its causes, each said once.
fn sentence(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(error: sqlx::Error) -> DbErrorKind {
        fact(error, |_| lost("no server spoke")).kind
    }

    #[test]
    fn connection_trouble_has_a_kind() {
        for (io, expected) in [
            (io::ErrorKind::ConnectionRefused, DbErrorKind::Refused),
            (io::ErrorKind::NotFound, DbErrorKind::Refused),
            (io::ErrorKind::TimedOut, DbErrorKind::Timeout),
            (io::ErrorKind::ConnectionReset, DbErrorKind::ConnectionLost),
            (io::ErrorKind::UnexpectedEof, DbErrorKind::ConnectionLost),
            (io::ErrorKind::BrokenPipe, DbErrorKind::ConnectionLost),
        ] {
            assert_eq!(kind(io::Error::from(io).into()), expected, "{io:?}");
        }
        let odd = "unexpected response from SSLRequest: 0x5A (sqlx_postgres::connection::tls:95)";
        let odd = connecting(sqlx::Error::Protocol(odd.into()), |_| lost("no server spoke"));
        assert_eq!(odd, DbError::new(DbErrorKind::Protocol, "unexpected response from SSLRequest: 0x5A"));
        let resolver = io::Error::other("failed to lookup address information: Name or service not known");
        assert_eq!(kind(resolver.into()), DbErrorKind::HostNotFound);
        assert_eq!(kind(sqlx::Error::Tls("no".into())), DbErrorKind::Tls);
        assert_eq!(kind(sqlx::Error::Protocol("HTTP/1.1 400".into())), DbErrorKind::ConnectionLost);
    }

    #[test]
    fn a_check_of_ours_says_why_in_our_words() {
        let cast = |words: &str| format!("invalid input syntax for type integer: \"{words}\"");
        assert_eq!(why_lost(&cast("bellwether lock lost: it is gone; why?0")), "it is gone; why?");
        assert_eq!(why_lost(&cast("bellwether lock lost 0")), "the lock's row names another run");
    }

    #[tokio::test(start_paused = true)]
    async fn connecting_ends_in_time() {
        let never = std::future::pending::<Result<(), DbError>>();
        let error = within(Duration::from_micros(1_980_705), never).await.expect_err("a timeout");
        assert_eq!(error, DbError::new(DbErrorKind::Timeout, "no connection within 2 s"));
    }
}
