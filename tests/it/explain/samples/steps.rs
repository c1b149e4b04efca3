//! One sample of each way in which a migration fails.

use super::*;

pub fn step_samples() -> Vec<(&'static str, Error)> {
    let on_postgres = |error| step(&postgres::DIALECT, error);
    let on_mysql = |error| step(&mysql::DIALECT, error);
    let syntax = || DbError {
        hint: Some("quote the word".into()),
        ..server_says(DbErrorKind::Statement, "42601", "syntax error at or near \"order\"")
    };
    let unsendable = |why| {
        on_postgres(StepError::Unsendable {
            place: place(Some(5), Some(1)),
            statement: "ANALYZE".into(),
            why,
        })
    };
    vec![
        ("with a place", on_postgres(statement(place(Some(3), Some(8)), syntax(), 0, false))),
        ("with a line", on_mysql(statement(place(Some(3), None), syntax(), 2, true))),
        ("without a place", on_postgres(statement(place(None, None), syntax(), 0, false))),
        (
            "what no transaction may hold",
            on_postgres(statement(
                place(Some(2), Some(1)),
                server_says(
                    DbErrorKind::Statement,
                    "25001",
                    "CREATE INDEX CONCURRENTLY cannot run inside a transaction block",
                ),
                0,
                false,
            )),
        ),
        (
            "a function",
            on_postgres(statement(
                place(Some(2), Some(1)),
                DbError {
                    context: Some("PL/pgSQL function f() line 2 at RAISE".into()),
                    ..server_says(DbErrorKind::Statement, "P0001", "not today")
                },
                0,
                false,
            )),
        ),
        (
            "a lock timeout",
            on_postgres(statement(
                place(Some(2), Some(1)),
                server_says(DbErrorKind::LockTimeout, "55P03", "canceling statement due to lock timeout"),
                0,
                false,
            )),
        ),
        (
            "a failed build of an index",
            on_postgres(StepError::Statement {
                place: place(Some(2), Some(1)),
                statement: "CREATE INDEX CONCURRENTLY orders_by_day ON orders (day)".into(),
                error: server_says(DbErrorKind::Statement, "23505", "could not create unique index \"i\""),
                applied: 0,
                dirty: true,
            }),
        ),
        ("own transaction", unsendable(Unsendable::OwnTransaction)),
        ("copy from stdin", unsendable(Unsendable::CopyFromStdin)),
        ("client command of psql", unsendable(Unsendable::ClientCommand("\\connect".into()))),
        ("client command of mysql", unsendable(Unsendable::ClientCommand("source".into()))),
        ("client command of sqlcmd", unsendable(Unsendable::ClientCommand(":setvar".into()))),
        ("GO with a semicolon", unsendable(Unsendable::ClientCommand("GO;".into()))),
        ("GO with a count of none", unsendable(Unsendable::ClientCommand("GO 0".into()))),
        ("GO with a word", unsendable(Unsendable::ClientCommand("GO faster".into()))),
        (
            "invalid index",
            on_postgres(StepError::InvalidIndex {
                path: migration().path,
                indexes: vec!["orders_by_day".into()],
            }),
        ),
        (
            "bookkeeping",
            on_postgres(StepError::Bookkeeping {
                path: migration().path,
                what: "recording it in the history",
                error: server_says(
                    DbErrorKind::MissingTable,
                    "42P01",
                    "relation \"_sqlx_migrations\" does not exist",
                ),
                half: false,
            }),
        ),
        (
            "bookkeeping of one that has begun",
            on_mysql(StepError::Bookkeeping {
                path: migration().path,
                what: "recording it in the history",
                error: server_says(
                    DbErrorKind::MissingTable,
                    "1146",
                    "Table 'shop._sqlx_migrations' doesn't exist",
                ),
                half: true,
            }),
        ),
        (
            "fence lost",
            on_postgres(StepError::FenceLost {
                reason: "the lock's row names another run".into(),
                half: false,
            }),
        ),
        ("stopped", on_mysql(StepError::Stopped { applied: 2 })),
        ("stopped at once", on_mysql(StepError::Stopped { applied: 0 })),
    ]
}
