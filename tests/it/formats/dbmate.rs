//! dbmate itself: what it applied we take as applied, and the other way round.

use std::process::Command;

use super::foreign::Foreign;
use super::kits::{DBMATE, GOLANG_MIGRATE};
use crate::support::server::example_tool;
use crate::support::{Migrations, Server, TestDatabase, on_every_server_of_sqlx};

/// None = it is not installed.
fn dbmate(db: &TestDatabase, migrations: &Migrations, verb: &str) -> Option<String> {
    let tool = example_tool("dbmate", "BELLWETHER_TEST_DBMATE")?;
    // dbmate wants TLS unless it is told otherwise
    let plain = |url: &mut url::Url| url.set_query(Some("sslmode=disable"));
    let url = if db.server() == Server::Postgres { db.url_with(plain) } else { db.url().to_owned() };
    let output = Command::new(tool)
        .args(["--no-dump-schema", "--migrations-dir"])
        .arg(migrations.path())
        .arg(verb)
        .env("DATABASE_URL", url)
        .current_dir(db.folder())
        .output()
        .unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "dbmate {verb}: {said}");
    Some(said)
}

on_every_server_of_sqlx! {
    fn it_and_we_take_turns(db) {
        let migrations = DBMATE.counted(2);
        db.rows("select 1");
        if dbmate(db, &migrations, "migrate").is_none() {
            return;
        }
        assert!(DBMATE.lead(db, &migrations).run().expect(0).applied().is_empty());
        DBMATE.write(&migrations, 3, "insert into applied values ('3');\n");
        DBMATE.write_bare(&migrations, 4, "insert into applied values ('4');\n");
        let led = DBMATE.lead_anew(db, &migrations, "r2").run().expect(0);
        assert_eq!(led.applied(), ["0003", "0004"]);
        let status = dbmate(db, &migrations, "status").unwrap();
        assert!(status.contains("Applied: 4") && status.contains("Pending: 0"), "{status}");
        DBMATE.write(&migrations, 5, "insert into applied values ('5');\n");
        dbmate(db, &migrations, "migrate").unwrap();
        DBMATE.assert_whole(db, &[1, 2, 3, 4, 5]);
        assert!(DBMATE.lead_anew(db, &migrations, "r3").run().expect(0).applied().is_empty());
        assert_eq!(db.applied(), ["1", "2", "3", "4", "5"]);
    }

    /// One row stands for all versions up to its own there, and dbmate would take it for one of them.
    fn a_table_of_golang_migrate_s_is_not_gone_on_from(db) {
        GOLANG_MIGRATE.as_the_tool_leaves_it(db, &[1, 2]);
        db.sql(crate::support::migrations::APPLIED_TABLE);
        let migrations = DBMATE.counted(2);
        DBMATE.lead(db, &migrations).run().expect(13).explains(&["it has a column `dirty`", "golang-migrate"]);
        assert!(db.applied().is_empty());
        let rails = Foreign::within(db, "rails", "rails");
        rails.write("1_a.rb", "class A < ActiveRecord::Migration[7.1]\nend\n");
        rails.is_unknown("it has a column `dirty`");
        db.sql("drop table schema_migrations");
        DBMATE.as_the_tool_leaves_it(db, &[1]);
        assert_eq!(DBMATE.lead_anew(db, &migrations, "r2").run().expect(0).applied(), ["0002"]);
        assert_eq!(rails.pending(), "none");
    }

    fn what_we_began_is_pending_to_it(db) {
        let migrations = DBMATE.counted(1);
        DBMATE.write_bare(&migrations, 2, "create table half (id int);\ninsert into no_such_table values (1);\n");
        DBMATE.lead(db, &migrations).run().expect(10);
        let Some(status) = dbmate(db, &migrations, "status") else { return };
        assert!(status.contains("[X] 0001_step.sql") && status.contains("[ ] 0002_step.sql"), "{status}");
        // it goes on as if nothing had been, and then so do we
        db.sql("drop table half");
        DBMATE.write(&migrations, 2, "create table half (id int);\n");
        dbmate(db, &migrations, "migrate").unwrap();
        assert!(DBMATE.lead_anew(db, &migrations, "r2").run().expect(0).applied().is_empty());
    }
}
