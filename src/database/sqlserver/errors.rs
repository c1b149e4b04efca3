//! SQL Server's errors as facts, by number, and what the driver says when no server speaks.

use std::io;

use tiberius::error::{Error, TokenError};

use super::modules;
use crate::database::driver;
use crate::database::error::{DbError, DbErrorKind, Position};

/// A driver's error as a fact; `sent` is what the server was sent.
pub(super) fn fact(error: Error, sent: &str) -> DbError {
    match error {
        Error::Server(error) => said(&error, sent),
        // also a silence that the system has ended: nothing later on this connection can be trusted
        Error::Io { message, .. } => driver::lost(&message),
        // what the other side sends is not its protocol any more, likewise
        Error::Protocol(message) | Error::Conversion(message) => driver::lost(&message),
        error if is_unreadable(&error) => DbError::new(DbErrorKind::Unsupported, UNREADABLE),
        other => DbError::new(DbErrorKind::Statement, other.to_string()),
    }
}

/// Whether a value was read whole, and is no text in the code page of its collation, as the driver knows it: the server
/// goes on all the same, and the driver reads nothing more of its answer.
pub(super) fn is_unreadable(error: &Error) -> bool {
    matches!(error, Error::Encoding(_) | Error::Utf8 | Error::Utf16)
}

/// What is in it is not said: it is data.
const UNREADABLE: &str = "a value of the answer cannot be read (a varchar that is no text in its collation's code page, or in one \
                          that is not known), and behind it the server told of an error, or of a transaction that began or ended";

/// The same while connecting: words that are not its protocol's come from a server of another kind.
pub(super) fn connecting(error: Error) -> DbError {
    match error {
        Error::Protocol(message) | Error::Encoding(message) => {
            DbError::new(DbErrorKind::Protocol, message.into_owned())
        }
        Error::Io { kind, message } => {
            DbError::new(driver::io_kind(&io::Error::new(kind, message.clone())), message)
        }
        Error::Tls(message) => DbError::new(DbErrorKind::Tls, message),
        error => fact(error, ""),
    }
}

fn said(error: &TokenError, sent: &str) -> DbError {
    let procedure = error.procedure();
    let line = usize::try_from(error.line()).unwrap_or(0);
    let (position, context) = match line {
        0 => (None, None),
        line if !procedure.is_empty() && !modules::defines(sent, procedure) => {
            (None, Some(format!("in {procedure}, line {line}")))
        }
        // of what it calls, and what that is called is not said
        line if line > modules::lines(sent) => (None, Some(format!("line {line} of what it calls"))),
        line => (Some(Position::Line(line)), None),
    };
    let state = (error.state() > 1).then(|| format!("state {}", error.state()));
    let meaning = match error.code() {
        NOT_MAPPED => of_postgres(error.message()),
        number => kind(number, error.class()),
    };
    let context: Vec<String> = context.into_iter().chain(state).collect();
    DbError {
        code: Some(error.code().to_string()),
        position,
        context: Some(context.join(", ")).filter(|text| !text.is_empty()).map(String::into_boxed_str),
        ..DbError::new(meaning, error.message())
    }
}

/// Babelfish's number for whatever PostgreSQL says that it has no number for.
const NOT_MAPPED: u32 = 33_557_097;

/// By PostgreSQL's words, which are all that there is.
fn of_postgres(message: &str) -> DbErrorKind {
    let is = |beginning: &str, end: &str| message.starts_with(beginning) && message.ends_with(end);
    match message {
        _ if is("relation ", "does not exist") || is("schema ", "does not exist") => {
            DbErrorKind::MissingTable
        }
        _ if is("column ", "does not exist") => DbErrorKind::MissingColumn,
        _ if is("database ", "does not exist") => DbErrorKind::UnknownDatabase,
        _ if is("Cannot open database ", "The login failed") => DbErrorKind::Unopened,
        _ if is("", "already exists") => DbErrorKind::AlreadyExists,
        _ if is("permission denied", "") => DbErrorKind::Privilege,
        _ if is("deadlock detected", "") => DbErrorKind::Deadlock,
        _ if is("could not serialize", "") => DbErrorKind::Serialization,
        _ if is("canceling statement due to lock timeout", "") => DbErrorKind::LockTimeout,
        _ if is("canceling statement", "") => DbErrorKind::Cancelled,
        _ if is("terminating connection", "") => DbErrorKind::ConnectionLost,
        _ if is("", "in a read-only transaction") => DbErrorKind::ReadOnly,
        _ => DbErrorKind::Statement,
    }
}

/// The server has no memory or locks left, has given up on a plan, has lost what it was reading; Azure has too much to do.
/// All but 701 are on the list that Entity Framework Core has of what passes.
const BUSY: &[u32] = &[
    601, 617, 669, 701, 1204, 3950, 8628, 8645, 8651, 10922, 10930, 10936, 17197, 17889, 22498, 40501, 40642,
    40648, 40675, 40890, 40903, 45182, 49510, 49918, 49919, 49920, 49977, 49983,
];

/// Whether this number means that the server has too much to do, and that what was asked has to be asked again.
pub fn is_busy(code: &str) -> bool {
    code.parse().is_ok_and(|number| BUSY.contains(&number))
}

/// `class` = severity: from 20 on, the server has hung up.
fn kind(number: u32, class: u8) -> DbErrorKind {
    match number {
        18451 | 18452 | 18456 | 18458..=18463 | 18470 | 18486..=18488 => DbErrorKind::Auth,
        911 => DbErrorKind::UnknownDatabase,
        // also of one that is there, while it recovers, fails over, or somebody is its single user
        4060 | 4064 => DbErrorKind::Unopened,
        17835 => DbErrorKind::Tls,
        10928 | 10929 | 17809 | 17830 => DbErrorKind::TooManyConnections,
        // recovering, not started, in transition, with a single user, paused, upgrading its scripts
        904 | 921 | 922 | 924 | 927 | 941 | 952 | 976 | 982 | 983 | 988 | 4221 | 17142 | 17187 | 18401 => {
            DbErrorKind::Starting
        }
        // Azure's database that is moved or woken up
        40143 | 40197 | 40540 | 40613 | 42108 | 42109 | 49802 => DbErrorKind::Starting,
        // nothing of it was done, and the server asks for another try
        _ if class < 20 && BUSY.contains(&number) => DbErrorKind::Starting,
        // a replica that takes no look, if only looks are what it is asked for
        979 => DbErrorKind::Unsupported,
        6005 | 6006 => DbErrorKind::ShuttingDown,
        // ended by KILL; the network's own numbers, as a linked layer hands them on
        64 | 233 | 596 | 10053 | 10054 | 10060 => DbErrorKind::ConnectionLost,
        978 | 3906 | 3908 => DbErrorKind::ReadOnly,
        229 | 230 | 262 | 297 | 300 | 916 | 6101 | 6102 | 15247 => DbErrorKind::Privilege,
        208 | 2760 => DbErrorKind::MissingTable,
        207 => DbErrorKind::MissingColumn,
        1801 | 1913 | 2601 | 2627 | 2714 => DbErrorKind::AlreadyExists,
        1222 => DbErrorKind::LockTimeout,
        1205 => DbErrorKind::Deadlock,
        3960 | 3961 | 41302 | 41305 | 41325 => DbErrorKind::Serialization,
        3617 => DbErrorKind::Cancelled,
        _ if class >= 20 => DbErrorKind::ConnectionLost,
        _ => DbErrorKind::Statement,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_kinds() {
        for (number, expected) in [
            (18456, DbErrorKind::Auth),
            (911, DbErrorKind::UnknownDatabase),
            (4060, DbErrorKind::Unopened),
            (924, DbErrorKind::Starting),
            (952, DbErrorKind::Starting),
            (4221, DbErrorKind::Starting),
            (17187, DbErrorKind::Starting),
            (17835, DbErrorKind::Tls),
            (17809, DbErrorKind::TooManyConnections),
            (40613, DbErrorKind::Starting),
            (982, DbErrorKind::Starting),
            (979, DbErrorKind::Unsupported),
            (978, DbErrorKind::ReadOnly),
            (6005, DbErrorKind::ShuttingDown),
            (596, DbErrorKind::ConnectionLost),
            (10054, DbErrorKind::ConnectionLost),
            (3906, DbErrorKind::ReadOnly),
            (229, DbErrorKind::Privilege),
            (208, DbErrorKind::MissingTable),
            (207, DbErrorKind::MissingColumn),
            (2714, DbErrorKind::AlreadyExists),
            (2627, DbErrorKind::AlreadyExists),
            (1222, DbErrorKind::LockTimeout),
            (1205, DbErrorKind::Deadlock),
            (3960, DbErrorKind::Serialization),
            (102, DbErrorKind::Statement),
        ] {
            assert_eq!(kind(number, 16), expected, "{number}");
        }
        assert_eq!(kind(1, 20), DbErrorKind::ConnectionLost);
        let missing = "relation \"shop_dbo.bellwether_runs\" does not exist";
        assert_eq!(of_postgres(missing), DbErrorKind::MissingTable);
        let no_user = "Cannot open database \"shop\" requested by the login. The login failed";
        assert_eq!(of_postgres(no_user), DbErrorKind::Unopened);
        // an availability group that fails over refuses logins so: later that passes, at first it is a wrong name
        assert!(DbErrorKind::Unopened.passes() && !DbErrorKind::Unopened.passes_at_first());
        assert!(!DbErrorKind::UnknownDatabase.passes());
        assert_eq!(of_postgres("invalid input syntax for type integer: \"a\""), DbErrorKind::Statement);
    }

    #[test]
    fn a_busy_server_is_waited_out() {
        for number in
            [601, 617, 701, 1204, 8628, 8645, 8651, 10922, 10936, 40143, 40501, 40540, 49918, 49977, 49983]
        {
            let kind = kind(number, 17);
            assert!(kind.passes() && kind.passes_at_first() && !kind.ends_session(), "{number}: {kind:?}");
        }
    }

    #[test]
    fn trouble_of_the_connection_has_a_kind() {
        let io = |kind| Error::Io { kind, message: "no".into() };
        assert_eq!(connecting(io(io::ErrorKind::ConnectionRefused)).kind, DbErrorKind::Refused);
        assert_eq!(connecting(io(io::ErrorKind::UnexpectedEof)).kind, DbErrorKind::ConnectionLost);
        assert_eq!(connecting(io(io::ErrorKind::TimedOut)).kind, DbErrorKind::Timeout);
        assert_eq!(fact(io(io::ErrorKind::TimedOut), "").kind, DbErrorKind::ConnectionLost);
        assert_eq!(fact(Error::Protocol("odd".into()), "").kind, DbErrorKind::ConnectionLost);
        assert_eq!(connecting(Error::Protocol("odd".into())).kind, DbErrorKind::Protocol);
    }
}
