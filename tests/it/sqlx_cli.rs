//! sqlx's own tool and we share one history, in both directions.

use std::path::Path;
use std::process::Command;

use crate::support::{Bellwether, Migrations, Server, TestDatabase, on_every_server_of_sqlx, tool};

fn sqlx(tool: &Path, db: &TestDatabase, migrations: &Migrations, words: &[&str]) -> String {
    let mut command = Command::new(tool);
    command
        .args(words)
        .arg("--source")
        .arg(migrations.path())
        .env("DATABASE_URL", db.url())
        .current_dir(db.folder());
    let output = command.output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "sqlx {words:?}: {said}");
    said
}

/// `sqlx migrate info` has every migration as installed, with the checksum it knows.
fn assert_agrees(tool: &Path, db: &TestDatabase, migrations: &Migrations, count: usize) {
    let info = sqlx(tool, db, migrations, &["migrate", "info"]);
    assert_eq!(info.matches("/installed").count(), count, "{info}");
    assert!(!info.contains("pending") && !info.contains("different") && !info.contains("mismatch"), "{info}");
}

fn columns(db: &TestDatabase) -> Vec<Vec<String>> {
    match db.server() {
        Server::Sqlite => {
            db.rows("select replace(sql, '\"', '') from sqlite_master where name = '_sqlx_migrations'")
        }
        Server::MariaDb => db.rows("show columns from _sqlx_migrations"),
        Server::Postgres => db.rows(
            "select column_name, data_type, is_nullable, column_default from information_schema.columns
             where table_name = '_sqlx_migrations' order by ordinal_position",
        ),
        Server::SqlServer => panic!("sqlx has no driver for it"),
    }
}

fn odd_bundle() -> Migrations {
    Migrations::counted(2)
        .file("0003_with_words_and_ünïcode.sql", "-- ü\r\nselect 3;\r\n")
        .file("0004_both.up.sql", "create table both_ways (id int);\n")
        .file("0004_both.down.sql", "drop table both_ways;\n")
        .file("20240301120000_late.sql", "-- no-transaction\nselect 5;\n")
}

on_every_server_of_sqlx! {
    fn what_we_apply_sqlx_takes_as_applied(db) {
        let Some(tool) = tool("sqlx") else { return };
        let migrations = odd_bundle();
        Bellwether::lead(db, &migrations).run().expect(0);
        assert_agrees(&tool, db, &migrations, 5);
        sqlx(&tool, db, &migrations, &["migrate", "run"]);
        assert_eq!(db.applied(), ["0001", "0002"]);
        migrations.write("20240302120000_by_sqlx.sql", "create table by_sqlx (id int);");
        sqlx(&tool, db, &migrations, &["migrate", "run"]);
        migrations.write("20240303120000_by_us.sql", "create table by_us (id int);");
        let ours = Bellwether::new("deploy").on(db).migrations(&migrations).release("r2").run().expect(0);
        assert_eq!(ours.applied(), ["20240303120000"]);
        assert_agrees(&tool, db, &migrations, 7);
    }

    fn what_sqlx_applies_we_take_as_applied(db) {
        let Some(tool) = tool("sqlx") else { return };
        let migrations = odd_bundle();
        db.rows("select 1");
        sqlx(&tool, db, &migrations, &["migrate", "run"]);
        let ours = Bellwether::lead(db, &migrations).run().expect(0);
        assert!(ours.applied().is_empty());
        Bellwether::follow(db, &migrations).run().expect(0);
        assert_eq!(db.applied(), ["0001", "0002"]);
        let other = db.server().database();
        Bellwether::lead(&other, &migrations).run().expect(0);
        assert_eq!(columns(db), columns(&other));
        let rows = "select version, description, success, checksum from _sqlx_migrations order by version";
        if db.server() == Server::Postgres {
            assert_eq!(db.rows(rows), other.rows(rows));
        } else {
            let rows = rows.replace("checksum", "hex(checksum)");
            assert_eq!(db.rows(&rows), other.rows(&rows));
        }
    }

    fn a_file_that_sqlx_finds_changed_we_find_changed(db) {
        let Some(tool) = tool("sqlx") else { return };
        let migrations = Migrations::counted(2);
        db.rows("select 1");
        sqlx(&tool, db, &migrations, &["migrate", "run"]);
        migrations.write("0002_step.sql", "select 'another';");
        migrations.write("0003_new.sql", "select 3;");
        Bellwether::lead(db, &migrations).run().expect(13).explains(&["0002_step"]);
    }
}
