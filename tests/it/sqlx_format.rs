//! sqlx-cli's history of a folder, compared with what we read from the same folder and would record.

use std::fs;
use std::process::Command;

use bellwether::formats::find;
use bellwether::model::ids::hex;

use crate::support::{Server, TestDatabase, on_every_server_of_sqlx, tool};

/// Names and contents in which a reader could differ from sqlx.
const FILES: [(&str, &str); 9] = [
    ("1_plain.sql", "create table a (x int)"),
    ("0002_with_under_scores.sql", "create table b (x int);\r\n"),
    ("3_.sql", "create table c (x int)"),
    ("4_both_ways.up.sql", "-- comment\ncreate table d (x int)"),
    ("4_both_ways.down.sql", "drop table d"),
    ("5_twice.sql.sql", "create table e (x int)"),
    ("6_Ünïcode.v2 - final.sql", "create table f (x int) -- é"),
    ("7_no_tx.sql", "-- no-transaction\ncreate table g (x int)"),
    ("20240102030405_late.sql", "create table h (x int)"),
];

/// What a table consists of.
fn columns(db: &TestDatabase, table: &str) -> Vec<Vec<String>> {
    db.rows(&match db.server() {
        Server::Sqlite => {
            format!("select name, type, cast(\"notnull\" as text), dflt_value, cast(pk as text) from pragma_table_info('{table}')")
        }
        server => {
            let kind = if server == Server::MariaDb { "column_type" } else { "data_type" };
            let here = if server == Server::MariaDb { "database()" } else { "current_schema()" };
            format!(
                "select column_name, {kind}, is_nullable, column_default from information_schema.columns
                 where table_name = '{table}' and table_schema = {here} order by ordinal_position"
            )
        }
    })
}

on_every_server_of_sqlx! {
    fn a_folder_reads_as_sqlx_reads_it(db) {
        let Some(sqlx) = tool("sqlx") else { return };
        let folder = db.folder().join("migrations");
        fs::create_dir(&folder).unwrap();
        for (name, text) in FILES {
            fs::write(folder.join(name), text).unwrap();
        }
        db.sql("select 1");
        let output = Command::new(sqlx)
            .args(["migrate", "run", "--database-url", db.url(), "--source"])
            .arg(&folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");

        let (format, _) = find(None, &folder).unwrap();
        let bundle = format.read(&folder).unwrap();
        let ours: Vec<_> = bundle.migrations.iter()
            .map(|m| vec![m.version.0.clone(), m.description.clone(), hex(&m.checksum)])
            .collect();
        let checksum = if db.server() == Server::Postgres { "encode(checksum, 'hex')" } else { "lower(hex(checksum))" };
        let version = if db.server() == Server::MariaDb { "char" } else { "text" };
        let theirs = db.rows(&format!(
            "select cast(version as {version}), description, {checksum} from _sqlx_migrations order by _sqlx_migrations.version"
        ));
        assert_eq!(ours, theirs);
    }

    fn our_history_table_is_made_like_sqlx_s(db) {
        let Some(sqlx) = tool("sqlx") else { return };
        let folder = db.folder().join("migrations");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("1_a.sql"), "create table a (x int)").unwrap();
        db.sql("select 1");
        let run = |command: &mut Command| assert!(command.output().unwrap().status.success());
        run(Command::new(sqlx).args(["migrate", "run", "--database-url", db.url(), "--source"]).arg(&folder));

        let (format, _) = find(Some("sqlx"), &folder).unwrap();
        let engine = match db.server() {
            Server::Postgres => "postgres",
            Server::MariaDb => "mysql",
            Server::Sqlite => "sqlite",
            Server::SqlServer => panic!("sqlx has no driver for it"),
        };
        let create = format.writer().unwrap().create(engine).replace("{table}", "ours");
        db.sql(&create);
        db.sql(&create);
        assert!(!columns(db, "ours").is_empty());
        assert_eq!(columns(db, "ours"), columns(db, format.history().table));
    }
}
