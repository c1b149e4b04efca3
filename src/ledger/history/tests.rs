//! What is sent to SQL Server, as text.

use super::*;
use crate::database::sqlserver::DIALECT;
use crate::formats::FORMATS;

fn table(format: &str, schema: Option<&str>) -> HistoryTable {
    let format = FORMATS.iter().find(|known| known.name() == format).expect("a format");
    HistoryTable::new(&DIALECT, *format, schema)
}

fn text(statement: &Statement) -> String {
    statement.render(|_, value| by_hand(&DIALECT, value))
}

fn migration(version: &str) -> Migration {
    Migration {
        version: version.into(),
        name: format!("{version}_a.sql"),
        description: "größe".into(),
        path: "a.sql".into(),
        checksum: vec![1, 255],
        sql: "".into(),
        transactional: true,
        follows: Vec::new(),
    }
}

#[test]
fn histories_are_read() {
    for (format, read) in [
        (
            "sqlx",
            "[version], [description], [success], [checksum], CASE WHEN [execution_time] IS NULL THEN 0 ELSE 1 END \
             FROM [dbo].[_sqlx_migrations] h ORDER BY [version]",
        ),
        ("golang-migrate", "[version], [dirty] FROM [dbo].[schema_migrations] h ORDER BY [version]"),
        (
            "goose",
            "[version_id], [is_applied], CASE WHEN [tstamp] IS NULL THEN 0 ELSE 1 END FROM [dbo].[goose_db_version] h \
             ORDER BY [id]",
        ),
        (
            "flyway",
            "[version], [description], [type], [script], [checksum], [success] FROM [dbo].[flyway_schema_history] h \
             ORDER BY [installed_rank]",
        ),
        (
            "liquibase",
            "[ID], [AUTHOR], [FILENAME], [EXECTYPE] FROM [dbo].[DATABASECHANGELOG] h ORDER BY [ORDEREXECUTED]",
        ),
        ("efcore", "[MigrationId] FROM [dbo].[__EFMigrationsHistory] h ORDER BY [MigrationId]"),
    ] {
        let table = table(format, None);
        assert_eq!(text(&table.select(&table.table, true)), format!("SELECT {read}"));
    }
    let table = table("liquibase", Some("a]b"));
    let older = text(&table.select(&table.table, false));
    assert!(
        older.starts_with("SELECT [ID], [AUTHOR], [FILENAME], NULL FROM [a]]b].[DATABASECHANGELOG] h"),
        "{older}"
    );
}

/// Applied, begun, finished, undone.
fn written(format: &str) -> Vec<String> {
    let table = table(format, Some("shop"));
    let one = migration("7");
    let before = Version("6".into());
    let mut all = table.applied(&one, "5");
    all.extend(table.begun(&one));
    all.extend(table.finished(&one, "5"));
    all.extend(table.undone(&one.version, Some(&before)));
    all.iter().map(text).collect()
}

#[test]
fn histories_are_written() {
    let of = "[shop].[_sqlx_migrations]";
    let insert = format!("INSERT INTO {of} (version, description, success, checksum, execution_time) VALUES");
    let sqlx = [
        format!("{insert} (7, N'größe', 1, 0x01ff, 5)"),
        format!("{insert} (7, N'größe', 0, 0x01ff, -1)"),
        format!("UPDATE {of} SET success = 1, execution_time = 5 WHERE version = 7"),
        format!("DELETE FROM {of} WHERE version = 7"),
    ];
    assert_eq!(written("sqlx"), sqlx);
    let of = "[shop].[schema_migrations]";
    let delete = format!("DELETE FROM {of}");
    let insert = format!("INSERT INTO {of} (version, dirty) VALUES");
    let golang_migrate = [
        delete.clone(),
        format!("{insert} (7, 0)"),
        delete.clone(),
        format!("{insert} (7, 1)"),
        format!("UPDATE {of} SET dirty = 0 WHERE version = 7"),
        delete,
        format!("{insert} (6, 0)"),
    ];
    assert_eq!(written("golang-migrate"), golang_migrate);
    let of = "[shop].[goose_db_version]";
    let insert = format!("INSERT INTO {of} (version_id, is_applied) VALUES");
    let finished = "version_id = 7, is_applied = 1, tstamp = CURRENT_TIMESTAMP WHERE version_id = -7";
    let goose = [
        format!("{insert} (7, 1)"),
        format!("{insert} (-7, 0)"),
        format!("UPDATE {of} SET {finished}"),
        format!("DELETE FROM {of} WHERE version_id IN (7, -7)"),
    ];
    assert_eq!(written("goose"), goose);
}

#[test]
fn a_table_is_made_in_a_schema_of_any_name() {
    for format in ["sqlx", "golang-migrate", "goose"] {
        let create = table(format, Some("it's]")).creating().expect("we write it");
        assert!(create.starts_with("IF OBJECT_ID(N'[it''s]]].["), "{create}");
        assert!(create.contains("CREATE TABLE [it's]]].[") && !create.contains('{'), "{create}");
    }
    assert_eq!(table("flyway", None).creating(), None);
}
