//! SQLite's errors as facts, by result code, and where in a text they are.

use sqlx::error::DatabaseError;
use sqlx::sqlite::LockedSqliteHandle;

use crate::database::error::{DbError, DbErrorKind, Position};

/// What SQLite said.
pub(super) fn fact(error: &dyn DatabaseError) -> DbError {
    let code = error.code().and_then(|code| code.parse().ok()).unwrap_or(0);
    DbError { code: Some(code.to_string()), ..DbError::new(kind(code, error.message()), error.message()) }
}

/// By the extended result code, whose last byte is the primary one.
fn kind(code: i32, message: &str) -> DbErrorKind {
    match (code, code & 0xff) {
        (_, 5 | 6) => DbErrorKind::Busy,
        (_, 8) => DbErrorKind::ReadOnly,
        (_, 9) => DbErrorKind::Cancelled,
        (_, 14) => DbErrorKind::UnknownDatabase,
        (_, 3 | 23) => DbErrorKind::Privilege,
        // UNIQUE, PRIMARY KEY
        (2067 | 1555, _) => DbErrorKind::AlreadyExists,
        // 17: the schema changed, time and again, while the statement was read
        (_, 1 | 17) if message.starts_with("no such table") => DbErrorKind::MissingTable,
        (_, 1 | 17) if message.starts_with("no such column") || message.contains(" has no column named ") => {
            DbErrorKind::MissingColumn
        }
        (_, 17) => DbErrorKind::Busy,
        (_, 1) if message.ends_with("already exists") => DbErrorKind::AlreadyExists,
        _ => DbErrorKind::Statement,
    }
}

/// Where the last error is, in the statement that was being read.
#[allow(unsafe_code)]
pub(super) fn offset(handle: &mut LockedSqliteHandle<'_>) -> Option<usize> {
    let raw = handle.as_raw_handle();
    // SAFETY: the handle is open and locked for us as long as `handle` lives; the call only reads from it
    let offset = unsafe { libsqlite3_sys::sqlite3_error_offset(raw.as_ptr()) };
    usize::try_from(offset).ok()
}

/// The offset counts from the beginning of the statement in which the error is: it is the text's own only for the first.
/// The word that SQLite names must stand there.
pub(super) fn position(
    sql: &str,
    message: &str,
    offset: Option<usize>,
    completed: usize,
) -> Option<Position> {
    let at = offset.filter(|_| completed == 0)?;
    let rest = sql.get(at..)?;
    let named = message.strip_prefix("near \"").and_then(|rest| rest.rsplit_once('"')).map(|(word, _)| word);
    named.is_none_or(|word| rest.starts_with(word)).then_some(Position::Byte(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_kinds() {
        for (code, message, expected) in [
            (5, "database is locked", DbErrorKind::Busy),
            (261, "database is locked", DbErrorKind::Busy),
            (517, "database is locked", DbErrorKind::Busy),
            (6, "database table is locked", DbErrorKind::Busy),
            (8, "attempt to write a readonly database", DbErrorKind::ReadOnly),
            (776, "attempt to write a readonly database", DbErrorKind::ReadOnly),
            (9, "interrupted", DbErrorKind::Cancelled),
            (1, "no such column: r.beats", DbErrorKind::MissingColumn),
            (1, "table bellwether_runs has no column named beats", DbErrorKind::MissingColumn),
            (14, "unable to open database file", DbErrorKind::UnknownDatabase),
            (2067, "UNIQUE constraint failed: t.a", DbErrorKind::AlreadyExists),
            (1, "no such table: t", DbErrorKind::MissingTable),
            (17, "no such table: t", DbErrorKind::MissingTable),
            (17, "database schema has changed", DbErrorKind::Busy),
            (1, "table t already exists", DbErrorKind::AlreadyExists),
            (1, "near \"x\": syntax error", DbErrorKind::Statement),
        ] {
            assert_eq!(kind(code, message), expected, "{code} {message}");
        }
    }

    #[test]
    fn a_position_is_told_only_where_the_word_stands() {
        let message = "near \"FORM\": syntax error";
        let sql = "SELECT 1 FORM x";
        assert_eq!(position(sql, message, Some(9), 0), Some(Position::Byte(9)));
        assert_eq!(position(sql, message, Some(2), 0), None);
        assert_eq!(position(sql, message, Some(9), 1), None);
        assert_eq!(position(sql, message, None, 0), None);
    }
}
