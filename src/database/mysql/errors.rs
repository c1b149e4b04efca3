//! MySQL's and MariaDB's errors as facts, by number.

use sqlx::error::DatabaseError;
use sqlx::mysql::MySqlDatabaseError;

use crate::database::error::{DbError, DbErrorKind, Position};

/// What the server said.
pub(super) fn fact(error: &dyn DatabaseError) -> DbError {
    let Some(error) = error.try_downcast_ref::<MySqlDatabaseError>() else {
        return DbError::new(DbErrorKind::Statement, error.message());
    };
    DbError {
        code: Some(error.number().to_string()),
        position: line(error.message()).map(Position::Line),
        ..DbError::new(kind(error.number(), error.message()), error.message())
    }
}

fn kind(number: u16, message: &str) -> DbErrorKind {
    match number {
        1045 | 1129 | 1130 | 1698 | 1862 | 3118 => DbErrorKind::Auth,
        1049 => DbErrorKind::UnknownDatabase,
        1040 | 1203 | 1226 => DbErrorKind::TooManyConnections,
        // a Galera node that has not joined yet; a server that takes nobody yet
        1047 if message.contains("WSREP") => DbErrorKind::Starting,
        3168 => DbErrorKind::Starting,
        1053 | 1079 => DbErrorKind::ShuttingDown,
        // ended by another session, or by the server for having been idle
        1927 | 3169 | 4031 | 1158..=1161 => DbErrorKind::ConnectionLost,
        3159 => DbErrorKind::Tls,
        1836 | 1792 => DbErrorKind::ReadOnly,
        // any option of the server's that forbids a statement has this number
        1290 if message.contains("read-only") || message.contains("read_only") => DbErrorKind::ReadOnly,
        1044 | 1142 | 1143 | 1227 | 1370 => DbErrorKind::Privilege,
        1146 => DbErrorKind::MissingTable,
        1054 => DbErrorKind::MissingColumn,
        1062 | 1050 | 1007 => DbErrorKind::AlreadyExists,
        1205 => DbErrorKind::LockTimeout,
        1213 => DbErrorKind::Deadlock,
        // MariaDB's innodb_snapshot_isolation
        1020 => DbErrorKind::Serialization,
        1317 => DbErrorKind::Cancelled,
        // MySQL's and MariaDB's limit of a statement's time
        3024 | 1969 => DbErrorKind::Timeout,
        _ => DbErrorKind::Statement,
    }
}

/// `… near 'x' at line 3`.
fn line(message: &str) -> Option<usize> {
    let (_, after) = message.rsplit_once(" at line ")?;
    after.trim_end_matches('.').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_kinds() {
        for (number, expected) in [
            (1045, DbErrorKind::Auth),
            (1049, DbErrorKind::UnknownDatabase),
            (1040, DbErrorKind::TooManyConnections),
            (1142, DbErrorKind::Privilege),
            (1146, DbErrorKind::MissingTable),
            (1054, DbErrorKind::MissingColumn),
            (1062, DbErrorKind::AlreadyExists),
            (1205, DbErrorKind::LockTimeout),
            (1213, DbErrorKind::Deadlock),
            (1317, DbErrorKind::Cancelled),
            (1064, DbErrorKind::Statement),
        ] {
            assert_eq!(kind(number, ""), expected, "{number}");
        }
        let option =
            "The MariaDB server is running with the --read-only option so it cannot execute this statement";
        assert_eq!(kind(1290, option), DbErrorKind::ReadOnly);
        assert_eq!(kind(1290, "… with the --secure-file-priv option …"), DbErrorKind::Statement);
    }

    #[test]
    fn a_syntax_error_has_a_line() {
        let message = "You have an error in your SQL syntax; check the manual … near 'at line 7' at line 3";
        assert_eq!(line(message), Some(3));
        assert_eq!(line("Table 'shop.x' doesn't exist"), None);
    }
}
