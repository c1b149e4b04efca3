//! PostgreSQL's errors as facts, by SQLSTATE.

use sqlx::error::DatabaseError;
use sqlx::postgres::{PgDatabaseError, PgErrorPosition};

use crate::database::error::{DbError, DbErrorKind, Position};

/// What the server said; `before` = characters that we put before the text whose position counts.
pub(super) fn fact(error: &dyn DatabaseError, before: usize) -> DbError {
    let Some(error) = error.try_downcast_ref::<PgDatabaseError>() else {
        return DbError::new(DbErrorKind::Statement, error.message());
    };
    let position = match error.position() {
        Some(PgErrorPosition::Original(at)) => at.checked_sub(1 + before).map(Position::Character),
        _ => None,
    };
    DbError {
        kind: kind(error.code(), error.message()),
        code: Some(error.code().to_owned()),
        message: error.message().to_owned(),
        detail: error.detail().map(str::to_owned),
        hint: error.hint().map(Into::into),
        context: error.r#where().map(Into::into),
        position,
        completed: 0,
    }
}

fn kind(code: &str, message: &str) -> DbErrorKind {
    match code {
        "28P01" | "28000" => DbErrorKind::Auth,
        "3D000" => DbErrorKind::UnknownDatabase,
        "53300" => DbErrorKind::TooManyConnections,
        "57P03" => DbErrorKind::Starting,
        "57P01" | "57P02" => DbErrorKind::ShuttingDown,
        // the server's own watchdogs (idle for too long, in a transaction or out of one); the database was dropped
        "57P05" | "25P03" | "25P04" | "57P04" => DbErrorKind::ConnectionLost,
        "25006" => DbErrorKind::ReadOnly,
        "42501" => DbErrorKind::Privilege,
        "42P01" | "3F000" => DbErrorKind::MissingTable,
        "42703" => DbErrorKind::MissingColumn,
        // a table that two make at once collides in whichever catalogue comes first
        "23505" | "42P07" | "42P06" | "42710" => DbErrorKind::AlreadyExists,
        // of two GRANTs at once
        "XX000" if message == "tuple concurrently updated" => DbErrorKind::Serialization,
        "55P03" => DbErrorKind::LockTimeout,
        "40P01" => DbErrorKind::Deadlock,
        "40001" => DbErrorKind::Serialization,
        "57014" => DbErrorKind::Cancelled,
        code if code.starts_with("08") => of_a_pooler(message),
        _ => DbErrorKind::Statement,
    }
}

/// PgBouncer says most of its errors with one code, 08P01, and in English only.
fn of_a_pooler(message: &str) -> DbErrorKind {
    if message.contains("no such database") {
        DbErrorKind::UnknownDatabase
    } else if message.contains("no such user") || message.contains("authentication failed") {
        DbErrorKind::Auth
    } else if message.contains("no more connections") || message.contains("query_wait_timeout") {
        DbErrorKind::TooManyConnections
    } else if message.contains("unsupported startup parameter") {
        DbErrorKind::Unsupported
    } else {
        DbErrorKind::ConnectionLost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_kinds() {
        for (code, message, expected) in [
            ("28P01", "password authentication failed for user \"x\"", DbErrorKind::Auth),
            ("3D000", "database \"x\" does not exist", DbErrorKind::UnknownDatabase),
            ("53300", "sorry, too many clients already", DbErrorKind::TooManyConnections),
            ("57P03", "the database system is starting up", DbErrorKind::Starting),
            ("57P01", "terminating connection", DbErrorKind::ShuttingDown),
            ("57P05", "idle-session timeout", DbErrorKind::ConnectionLost),
            ("42P01", "relation does not exist", DbErrorKind::MissingTable),
            ("42703", "column r.beats does not exist", DbErrorKind::MissingColumn),
            ("42P07", "relation exists", DbErrorKind::AlreadyExists),
            ("42710", "type \"bellwether_meta\" already exists", DbErrorKind::AlreadyExists),
            ("XX000", "tuple concurrently updated", DbErrorKind::Serialization),
            ("XX000", "cache lookup failed", DbErrorKind::Statement),
            ("40001", "could not serialize", DbErrorKind::Serialization),
            ("08P01", "no such database: x", DbErrorKind::UnknownDatabase),
            ("08006", "connection failure", DbErrorKind::ConnectionLost),
            ("42601", "syntax error", DbErrorKind::Statement),
        ] {
            assert_eq!(kind(code, message), expected, "{code} {message}");
        }
    }
}
